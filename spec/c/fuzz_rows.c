/* Feeds bytes to the way of an import: as a CSV text, and as the answer to its requests.
 *
 * The first byte says where the text is cut and how: however it is cut, the same rows
 * must come out. What the rows become must be JSON with as many objects as members, whole
 * and in parts; every row must get one verdict whatever is answered. */
#include "core/json_read.h"
#include "core/rows.h"
#include "fuzz.h"

#include <string.h>

static void add_step(struct sc_rows_plan *p, enum sc_rows_use use, uint32_t cell,
                     const char *key, uint32_t max)
{
    struct sc_rows_step *step = sc_rows_plan_step(p);

    MUST(step);
    step->use = use;
    step->cell = cell;
    step->max = max;
    MUST(!sc_rows_plan_text(p, key, strlen(key), &step->key));
    MUST(!sc_rows_plan_text(p, "column", 6, &step->name));
    MUST(!sc_rows_plan_text(p, "target", 6, &step->target));
}

static void set_text(struct sc_rows_plan *p, const char *text, struct sc_rows_text *out)
{
    MUST(!sc_rows_plan_text(p, text, strlen(text), out));
}

static void begin(struct sc_rows *r)
{
    struct sc_rows_plan *p = &r->plan;

    memset(r, 0, sizeof *r);
    sc_csv_init(&r->csv, 300);
    sc_rows_plan_init(p);
    sc_rows_keys_init(&r->keys);
    MUST(!sc_rows_fold_init(&r->fold, 64, 7));
    set_text(p, "{\"m\":[", &p->head);
    set_text(p, "],\"x\":1}", &p->tail);
    set_text(p, ",\"f\":{", &p->fields);
    set_text(p, ",\"t\":[", &p->tags);
    set_text(p, "\"more\",", &p->more_tags);
    add_step(p, SC_ROWS_ADDRESS, 0, "{\"e\":\"", 40);
    add_step(p, SC_ROWS_TEXT, 1, "\"n\":\"", 10);
    add_step(p, SC_ROWS_FIELD, 3, "\"a\":\"", 0);
    add_step(p, SC_ROWS_FIELD, 4, "\"b\":\"", 0);
    add_step(p, SC_ROWS_TAGS, 2, "", 8);
    p->address_at = p->steps[0].key.len;
    sc_rows_plan_measure(p);
    MUST(!sc_rows_keys_add(&r->keys, SC_ROWS_IS_INSERTED, "i", 1));
    MUST(!sc_rows_keys_add(&r->keys, SC_ROWS_IS_UPDATED, "u", 1));
    MUST(!sc_rows_keys_add(&r->keys, SC_ROWS_IS_ERRORS, "r", 1));
    MUST(!sc_rows_keys_add(&r->keys, SC_ROWS_IS_INSERTED_COUNT, "ic", 2));
    MUST(!sc_rows_keys_add(&r->keys, SC_ROWS_IS_UPDATED_COUNT, "uc", 2));
    MUST(!sc_rows_keys_add(&r->keys, SC_ROWS_IS_ADDRESS, "e", 1));
    MUST(!sc_rows_keys_add(&r->keys, SC_ROWS_IS_MESSAGE, "m", 1));
    r->batch_rows = 5;
    r->batch_bytes = 4000;
    r->left = UINT64_MAX;
}

static void end(struct sc_rows *r)
{
    sc_csv_free(&r->csv);
    sc_rows_plan_free(&r->plan);
    sc_rows_keys_free(&r->keys);
    sc_rows_fold_free(&r->fold);
}

/* How many objects the list of a request holds; it must be JSON. */
static size_t count_members(const struct sc_buf *body)
{
    struct sc_json_scan s;
    struct sc_json_text key;
    size_t n = 0;
    int rc;

    sc_json_scan_init(&s, body->data, body->len);
    MUST(sc_json_scan_peek(&s) == '{' && !sc_json_scan_enter(&s));
    MUST(sc_json_scan_next(&s, '}', 1) == 1 && !sc_json_scan_key(&s, &key));
    MUST(sc_json_scan_peek(&s) == '[' && !sc_json_scan_enter(&s));
    for (int first = 1; (rc = sc_json_scan_next(&s, ']', first)) == 1; first = 0, n++)
        MUST(sc_json_scan_peek(&s) == '{' && !sc_json_scan_skip(&s));
    MUST(rc == 0 && sc_json_scan_next(&s, '}', 0) == 1);
    MUST(!sc_json_scan_key(&s, &key) && !sc_json_scan_skip(&s));
    MUST(sc_json_scan_next(&s, '}', 0) == 0 && !sc_json_scan_finish(&s));
    return n;
}

/* Adds a batch's body and what became of its rows to a record of the run. */
static void settle(struct sc_rows *r, struct sc_rows_batch *b, struct sc_buf *body,
                   const char *answer, size_t len, struct sc_buf *record)
{
    struct sc_rows_verdicts v;
    struct sc_buf part;
    const char *problem = NULL;

    MUST(!sc_rows_close(r, b, body));
    MUST(count_members(body) == b->sent);
    MUST(!sc_buf_add(record, body->data, body->len));
    if (b->sent) {
        sc_buf_init(&part, (size_t)1 << 24);
        MUST(!sc_rows_slice(&r->plan, b, body, b->sent / 2, b->sent - 1, &part));
        MUST(count_members(&part) == b->sent - b->sent / 2);
        sc_buf_free(&part);
        if (sc_rows_answer(r, b, body, answer, len, 0, b->sent - 1, &problem))
            MUST(problem);
    }
    sc_rows_settle(b, &v);
    MUST(v.rows == b->count);
    MUST(v.rejected + v.unknown + v.open <= v.rows);
    MUST(v.inserted + v.updated + v.rejected + v.unknown + v.open == v.rows ||
         v.open == 0);
    MUST(!sc_rows_rejects(r, b, body, record));
    sc_rows_fold_close(&r->fold, b);
}

static void import(const char *text, size_t size, size_t cut, const char *answer,
                   size_t len, struct sc_buf *record)
{
    struct sc_rows r;
    struct sc_rows_batch b;
    struct sc_buf body;
    size_t at = size < 64 ? size : 64;
    int status;

    begin(&r);
    sc_rows_batch_init(&b);
    sc_buf_init(&body, (size_t)1 << 24);
    MUST(!sc_csv_feed(&r.csv, text, at));
    if (sc_csv_sniff(&r.csv, 0) == SC_CSV_TEXT_OK)
        do {
            MUST(!sc_rows_begin(&r, &b, &body));
            while ((status = sc_rows_fill(&r, &b, &body)) == SC_ROWS_MORE) {
                size_t n = size - at < cut ? size - at : cut;

                MUST(!sc_csv_feed(&r.csv, text + at, n));
                at += n;
                if (!n)
                    sc_csv_finish(&r.csv);
            }
            MUST(status > 0);
            settle(&r, &b, &body, answer, len, record);
        } while (status == SC_ROWS_FULL);
    sc_rows_batch_free(&b);
    sc_buf_free(&body);
    end(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sc_buf once, pieces;
    size_t half, cut;
    char *text;

    if (size < 2)
        return 0;
    half = (size - 2) * (data[0] % 16) / 16;
    cut = data[1] % 50u + 1u;
    text = malloc(size - 1);
    memcpy(text, data + 2, size - 2);
    sc_buf_init(&once, (size_t)1 << 26);
    sc_buf_init(&pieces, (size_t)1 << 26);
    /* A row is too long by what is in the window: the size of the pieces must not differ
     * by more than the text may be. */
    import(text, half, half + 1, text + half, size - 2 - half, &once);
    import(text, half, cut, text + half, size - 2 - half, &pieces);
    if (half <= 300) {
        MUST(once.len == pieces.len);
        MUST(!once.len || !memcmp(once.data, pieces.data, once.len));
    }
    sc_buf_free(&once);
    sc_buf_free(&pieces);
    free(text);
    return 0;
}
