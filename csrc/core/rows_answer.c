#include "json_read.h"
#include "json_write.h"
#include "rows.h"

#include <stdlib.h>
#include <string.h>

#define KEYS_MAX    64
#define SCRATCH_MAX ((size_t)1 << 22)

void sc_rows_keys_init(struct sc_rows_keys *k)
{
    memset(k, 0, sizeof *k);
    sc_buf_init(&k->text, 1 << 16);
}

void sc_rows_keys_free(struct sc_rows_keys *k)
{
    sc_buf_free(&k->text);
    free(k->keys);
    sc_rows_keys_init(k);
}

int sc_rows_keys_add(struct sc_rows_keys *k, enum sc_rows_role role, const char *key,
                     size_t n)
{
    if (!k->keys)
        k->keys = calloc(KEYS_MAX, sizeof *k->keys);
    if (!k->keys || k->count == KEYS_MAX)
        return SC_ROWS_NOMEM;
    k->keys[k->count].role = role;
    k->keys[k->count].text = (struct sc_rows_text){(uint32_t)k->text.len, (uint32_t)n};
    if (sc_buf_add(&k->text, key, n))
        return SC_ROWS_NOMEM;
    k->count++;
    return 0;
}

/* What an answer says, while it is read. */
struct reading {
    const struct sc_rows *r;
    struct sc_rows_batch *b;
    const struct sc_buf *body;
    struct sc_json_scan scan;
    size_t first, last; /* members of the request */
    size_t listed[3]; /* elements of the lists: inserted, updated, errors */
    size_t counted[2]; /* what the counts say */
    size_t matched[2], rejected; /* rows found by address */
    size_t strange; /* errors of no row of ours */
    int by_address; /* second reading: find every member */
    int judging; /* errors mark their rows */
    int promised; /* the answer has a key that such an answer has */
    struct sc_buf text, canonical;
};

static enum sc_rows_role role_of(const struct sc_rows_keys *k,
                                 const struct sc_json_text *key, int element)
{
    for (size_t i = 0; i < k->count; i++) {
        const struct sc_rows_key *known = &k->keys[i];

        if (known->text.len == key->len &&
            (known->role >= SC_ROWS_IS_ADDRESS) == element &&
            !memcmp(k->text.data + known->text.at, key->bytes, key->len))
            return known->role;
    }
    return SC_ROWS_IS_NOTHING;
}

/* The row of this request that has the address, or -1; -2 when memory is short. */
static long find_row(struct reading *g, const struct sc_json_text *address)
{
    const struct sc_rows_batch *b = g->b;
    const char *s = address->bytes;
    size_t n = address->len, chars;
    long row;

    if (address->escaped) {
        sc_buf_clear(&g->text);
        sc_buf_clear(&g->canonical);
        if (sc_buf_reserve(&g->text, n))
            return -2;
        n = sc_json_unescape(address, g->text.data);
        if (sc_json_write_string(&g->canonical, g->text.data, n, &chars))
            return -2;
        s = g->canonical.data + 1;
        n = g->canonical.len - 2;
    }
    row = sc_rows_fold_find(&g->r->fold, b, g->body, g->r->plan.address_at, s, n);
    if (row < 0 || (uint32_t)row < b->members[g->first] ||
        (uint32_t)row > b->members[g->last])
        return -1;
    return row;
}

/* Keeps the message of an error for the rejects. */
static int note_message(struct reading *g, struct sc_rows_entry *e,
                        const struct sc_json_text *message)
{
    static const struct sc_json_text silent = {"refused by the service", 22, 0};
    struct sc_rows_batch *b = g->b;

    if (!message->len)
        message = &silent;
    if (sc_buf_reserve(&b->notes, message->len))
        return SC_ROWS_NOMEM;
    e->note = (uint32_t)b->notes.len;
    e->note_len = (uint32_t)sc_json_unescape(message, b->notes.data + b->notes.len);
    b->notes.len += e->note_len;
    e->state = SC_ROWS_REJECTED;
    return 0;
}

/* An element of a list, read: what it says about its row. */
static int take_element(struct reading *g, enum sc_rows_role list,
                        const struct sc_json_text *address,
                        const struct sc_json_text *message)
{
    long row = address->bytes ? find_row(g, address) : -1;
    struct sc_rows_entry *e = row < 0 ? NULL : &g->b->rows[row];

    if (row == -2)
        return SC_ROWS_NOMEM;
    if (list == SC_ROWS_IS_ERRORS) {
        if (e && e->state == SC_ROWS_SENT) {
            g->rejected++;
            return note_message(g, e, message);
        }
        g->strange += !e;
        return 0;
    }
    if (e && e->state == SC_ROWS_SENT) {
        g->matched[list == SC_ROWS_IS_UPDATED]++;
        e->state = SC_ROWS_TAKEN;
    }
    return 0;
}

/* One element: an object that names its address, or a bare string. */
static int read_element(struct reading *g, enum sc_rows_role list)
{
    struct sc_json_scan *s = &g->scan;
    struct sc_json_text address = {NULL, 0, 0}, message = {NULL, 0, 0}, key;
    int what = sc_json_scan_peek(s), rc;

    if (what == '"') {
        if (sc_json_scan_string(s, &address))
            return -2;
        message = address;
        return take_element(g, list, &address, &message);
    }
    if (what != '{')
        return sc_json_scan_skip(s) ? -2 : 0;
    if (sc_json_scan_enter(s))
        return -2;
    for (int first = 1; (rc = sc_json_scan_next(s, '}', first)) == 1; first = 0) {
        enum sc_rows_role role;

        if (sc_json_scan_key(s, &key))
            return -2;
        role = role_of(&g->r->keys, &key, 1);
        if (role != SC_ROWS_IS_NOTHING && sc_json_scan_peek(s) == '"')
            rc = sc_json_scan_string(s, role == SC_ROWS_IS_ADDRESS ? &address : &message);
        else
            rc = sc_json_scan_skip(s);
        if (rc)
            return -2;
    }
    return rc < 0 ? -2 : take_element(g, list, &address, &message);
}

/* Moves past a list of objects whose content does not matter. Returns whether it could.
 */
static int pass_list(struct reading *g, enum sc_rows_role list)
{
    struct sc_json_scan *s = &g->scan;
    size_t objects = 0;
    const char *behind;

    if (s->end - s->at < 2 || s->at[1] != '{')
        return 0;
    behind = sc_rows_count_objects(s->at + 1, s->end, &objects);
    if (!behind)
        return 0;
    g->listed[list] += objects;
    s->at = behind;
    return 1;
}

static int read_list(struct reading *g, enum sc_rows_role list)
{
    struct sc_json_scan *s = &g->scan;
    int rc, wanted = g->judging && (list == SC_ROWS_IS_ERRORS) != g->by_address;

    if (sc_json_scan_peek(s) != '[')
        return sc_json_scan_skip(s) ? -2 : 0;
    if (!wanted && list != SC_ROWS_IS_ERRORS && pass_list(g, list))
        return 0;
    if (sc_json_scan_enter(s))
        return -2;
    for (int first = 1; (rc = sc_json_scan_next(s, ']', first)) == 1; first = 0) {
        g->listed[list]++;
        if (wanted)
            rc = read_element(g, list);
        else
            rc = sc_json_scan_skip(s) ? -2 : 0;
        if (rc)
            return rc;
    }
    return rc < 0 ? -2 : 0;
}

static int read_count(struct reading *g, enum sc_rows_role role)
{
    struct sc_json_scan *s = &g->scan;
    struct sc_json_number number;
    int what = sc_json_scan_peek(s);
    int64_t value;

    if (what != '-' && (what < '0' || what > '9'))
        return sc_json_scan_skip(s) ? -2 : 0;
    if (sc_json_scan_number(s, &number))
        return -2;
    if (sc_json_integer(number.bytes, number.len, &value) && value > 0)
        g->counted[role == SC_ROWS_IS_UPDATED_COUNT] = (size_t)value;
    return 0;
}

static int read_answer(struct reading *g, const char *bytes, size_t len)
{
    struct sc_json_scan *s = &g->scan;
    struct sc_json_text key;
    int rc;

    sc_json_scan_init(s, bytes, len);
    if (sc_json_scan_peek(s) != '{') {
        s->problem = "no object";
        return -2;
    }
    if (sc_json_scan_enter(s))
        return -2;
    for (int first = 1; (rc = sc_json_scan_next(s, '}', first)) == 1; first = 0) {
        enum sc_rows_role role;

        if (sc_json_scan_key(s, &key))
            return -2;
        role = role_of(&g->r->keys, &key, 0);
        g->promised |= role <= SC_ROWS_IS_UPDATED_COUNT;
        if (role <= SC_ROWS_IS_ERRORS)
            rc = read_list(g, role);
        else if (role <= SC_ROWS_IS_UPDATED_COUNT)
            rc = read_count(g, role);
        else
            rc = sc_json_scan_skip(s) ? -2 : 0;
        if (rc)
            return rc;
    }
    return rc < 0 || sc_json_scan_finish(s) ? -2 : 0;
}

static int read_again(struct reading *g, const char *bytes, size_t len)
{
    memset(g->listed, 0, sizeof g->listed);
    return read_answer(g, bytes, len);
}

/* The rows that no list names. */
static int judge_unlisted(struct reading *g, size_t wanted)
{
    struct sc_rows_batch *b = g->b;
    size_t left = wanted - g->matched[0] - g->matched[1] - g->rejected;
    size_t spare[2] = {0, 0};
    enum sc_rows_state state = SC_ROWS_UNKNOWN;

    for (int i = 0; i < 2; i++) {
        size_t said = g->listed[i] > g->counted[i] ? g->listed[i] : g->counted[i];

        spare[i] = said > g->matched[i] ? said - g->matched[i] : 0;
    }
    if (left && g->strange == left)
        state = SC_ROWS_REJECTED;
    else if (left && !g->strange &&
             (spare[0] + spare[1] == left || g->r->keys.unlisted_taken))
        state = SC_ROWS_TAKEN;
    for (size_t i = g->first; i <= g->last; i++) {
        struct sc_rows_entry *e = &b->rows[b->members[i]];
        static const struct sc_json_text silent = {NULL, 0, 0};

        if (e->state != SC_ROWS_SENT)
            continue;
        if (state == SC_ROWS_REJECTED && note_message(g, e, &silent))
            return SC_ROWS_NOMEM;
        e->state = (uint8_t)state;
        if (state == SC_ROWS_TAKEN) {
            if (spare[0]) {
                spare[0]--;
                g->matched[0]++;
            } else {
                g->matched[1]++;
            }
        }
    }
    return 0;
}

/* Everything adds up: the rows that no error names were inserted or updated. */
static void judge_all_taken(struct reading *g)
{
    for (size_t i = g->first; i <= g->last; i++) {
        struct sc_rows_entry *e = &g->b->rows[g->b->members[i]];

        if (e->state == SC_ROWS_SENT)
            e->state = SC_ROWS_TAKEN;
    }
    g->matched[0] = g->listed[0];
    g->matched[1] = g->listed[1];
}

/* Takes back what was judged by an answer that turned out to be none. */
static void take_back(struct reading *g)
{
    for (size_t i = g->first; i <= g->last; i++)
        g->b->rows[g->b->members[i]].state = SC_ROWS_SENT;
    g->matched[0] = g->matched[1] = 0;
}

/* Reads the answer as often as it takes: to look whether it is one, for its errors, and
 * where the numbers do not add up for every address. */
static int judge(struct reading *g, const char *answer, size_t len)
{
    size_t wanted = g->last - g->first + 1;
    int rc = read_answer(g, answer, len);

    if (!rc && !g->promised)
        rc = -2;
    if (rc)
        return rc;
    g->judging = 1;
    if (g->listed[SC_ROWS_IS_ERRORS])
        rc = read_again(g, answer, len);
    if (rc)
        return rc;
    if (!g->strange && g->listed[0] + g->listed[1] + g->rejected == wanted) {
        judge_all_taken(g);
        return 0;
    }
    g->by_address = 1;
    rc = read_again(g, answer, len);
    return rc ? rc : judge_unlisted(g, wanted);
}

int sc_rows_answer(const struct sc_rows *r, struct sc_rows_batch *b,
                   const struct sc_buf *body, const char *answer, size_t len,
                   size_t first, size_t last, const char **problem)
{
    struct reading g = {.r = r, .b = b, .body = body, .first = first, .last = last};
    int rc;

    sc_buf_init(&g.text, SCRATCH_MAX);
    sc_buf_init(&g.canonical, SCRATCH_MAX);
    rc = judge(&g, answer, len);
    if (rc) {
        *problem = g.scan.problem ? g.scan.problem : "not what was promised";
        take_back(&g);
    }
    b->inserted += g.matched[0];
    b->updated += g.matched[1];
    sc_buf_free(&g.text);
    sc_buf_free(&g.canonical);
    return rc;
}
