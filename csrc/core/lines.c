#include "lines.h"

#include "json_read.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX    ((size_t)1 << 22)
#define SCRATCH_MAX ((size_t)1 << 28)

void sc_lines_init(struct sc_lines *l)
{
    memset(l, 0, sizeof *l);
    sc_buf_init(&l->text, TEXT_MAX);
    sc_buf_init(&l->scratch, SCRATCH_MAX);
    sc_ids_init(&l->ids, NULL);
    l->id_part = l->fields_part = -1;
}

void sc_lines_free(struct sc_lines *l)
{
    sc_buf_free(&l->text);
    sc_buf_free(&l->scratch);
    sc_ids_free(&l->ids);
    free(l->columns);
    l->columns = NULL;
    l->column_count = l->column_room = 0;
}

int sc_lines_text(struct sc_lines *l, const char *s, size_t n, struct sc_lines_name *out)
{
    int rc;

    out->at = (uint32_t)l->text.len;
    out->len = (uint32_t)n;
    rc = sc_buf_add(&l->text, s, n);
    return rc ? rc : sc_buf_reserve(&l->text, 0);
}

int sc_lines_name(struct sc_lines *l, const char *s, size_t n, struct sc_lines_name *out)
{
    int rc = sc_buf_add_char(&l->text, '"');

    if (!rc)
        rc = sc_lines_text(l, s, n, out);
    return rc ? rc : sc_buf_add(&l->text, "\":", 2);
}

/* Whether a name stands in JSON as it is. */
static int is_plain(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == '"' || s[i] == '\\')
            return 0;
    return 1;
}

int sc_lines_column(struct sc_lines *l, const char *name, size_t n, int part)
{
    struct sc_lines_column *c = l->columns;

    if (l->column_count == l->column_room) {
        size_t room = l->column_room ? l->column_room * 2 : 16;

        if (l->column_count >= SC_LINES_COLUMNS)
            return -1;
        c = realloc(c, room * sizeof *c);
        if (!c)
            return -1;
        l->columns = c;
        l->column_room = room;
    }
    c = &l->columns[l->column_count];
    memset(c, 0, sizeof *c);
    c->part = part < 0 && !is_plain(name, n) ? -2 : part;
    if (sc_lines_name(l, name, n, &c->name))
        return -1;
    if (part >= 0 && l->first_field == l->column_count)
        l->first_field++;
    l->column_count++;
    return 0;
}

/* ---- reading ---- */

static int read_value(struct sc_json_scan *s, struct sc_lines_value *v)
{
    struct sc_json_text text;
    const char *from;
    int what = sc_json_scan_peek(s);

    from = s->at;
    if (what == '"') {
        if (sc_json_scan_string(s, &text))
            return -2;
        v->at = text.bytes;
        v->len = (uint32_t)text.len;
        v->kind = text.escaped ? SC_LINES_ESCAPED : SC_LINES_PLAIN;
        return 0;
    }
    if (sc_json_scan_skip(s))
        return -2;
    v->at = from;
    v->len = (uint32_t)(s->at - from);
    v->kind = what == '{' || what == '[' ? SC_LINES_NEST
              : what == 'n'              ? SC_LINES_NOTHING
                                         : SC_LINES_BARE;
    return 0;
}

static int same_name(const struct sc_lines *l, struct sc_lines_name name,
                     const struct sc_json_text *key)
{
    return name.len == key->len && !memcmp(l->text.data + name.at, key->bytes, key->len);
}

/* The key of a member at the place-th position, by guess or by looking; -1: nobody knows
 * it. */
static int find_key(struct sc_lines *l, const struct sc_json_text *key, size_t place)
{
    uint8_t none = UINT8_MAX; /* no key is the guess so far into a member */
    uint8_t *guess = place < SC_LINES_KEYS ? &l->guess[place] : &none;

    if (*guess < l->key_count && same_name(l, l->keys[*guess].name, key))
        return *guess;
    for (size_t i = 0; i < l->key_count; i++) {
        if (!same_name(l, l->keys[i].name, key))
            continue;
        *guess = (uint8_t)i;
        return (int)i;
    }
    return -1;
}

/* The column of a field: most often the one behind the last. -1: none, -3: no room for
 * one. */
static long find_column(struct sc_lines *l, const struct sc_json_text *key, size_t guess)
{
    for (size_t i = guess; i < l->column_count; i++)
        if (l->columns[i].part < 0 && same_name(l, l->columns[i].name, key))
            return (long)i;
    for (size_t i = 0; i < guess && i < l->column_count; i++)
        if (l->columns[i].part < 0 && same_name(l, l->columns[i].name, key))
            return (long)i;
    if (!l->finding || !key->len)
        return -1;
    return sc_lines_column(l, key->bytes, key->len, -1) ? -3 : (long)l->column_count - 1;
}

/* The name of a field as it is meant, escapes undone. */
static int name_of_field(struct sc_lines *l, struct sc_json_text *key)
{
    if (!key->escaped)
        return 0;
    sc_buf_clear(&l->scratch);
    if (sc_buf_reserve(&l->scratch, key->len))
        return -1;
    key->len = sc_json_unescape(key, l->scratch.data);
    key->bytes = l->scratch.data;
    return 0;
}

/* The map of fields: each value to its column. */
static int read_fields(struct sc_lines *l, struct sc_json_scan *s)
{
    struct sc_json_text key;
    size_t guess = 0;
    int rc;

    if (sc_json_scan_enter(s))
        return -2;
    for (int first = 1; (rc = sc_json_scan_next(s, '}', first)) == 1; first = 0) {
        struct sc_lines_value value = {NULL, 0, 0, 0, 0};
        long at;

        if (sc_json_scan_key(s, &key) || read_value(s, &value))
            return -2;
        if (value.kind == SC_LINES_NOTHING)
            continue;
        if (name_of_field(l, &key))
            return -1;
        at = find_column(l, &key, guess);
        if (at == -3)
            return -1;
        if (at >= 0) {
            l->columns[at].value = value;
            guess = (size_t)at + 1;
        }
    }
    return rc < 0 ? -2 : 0;
}

static void forget_values(struct sc_lines *l)
{
    memset(l->parts, 0, l->part_count * sizeof *l->parts);
    for (size_t i = l->first_field; i < l->column_count; i++)
        l->columns[i].value.kind = SC_LINES_NOTHING;
}

/* By the book: any JSON object. */
static int read_slowly(struct sc_lines *l, struct sc_json_scan *s)
{
    struct sc_json_text key;
    size_t place = 0;
    int rc;

    if (sc_json_scan_peek(s) != '{')
        return sc_json_scan_fail(s, "a member is no object") * 2;
    if (sc_json_scan_enter(s))
        return -2;
    for (int first = 1; (rc = sc_json_scan_next(s, '}', first)) == 1;
         first = 0, place++) {
        struct sc_lines_value value = {NULL, 0, 0, 0, 0};
        int at;

        if (sc_json_scan_key(s, &key))
            return -2;
        at = find_key(l, &key, place);
        if (at < 0) {
            if (sc_json_scan_skip(s))
                return -2;
            continue;
        }
        if (l->keys[at].part == l->fields_part && l->column_count &&
            sc_json_scan_peek(s) == '{') {
            rc = read_fields(l, s);
            if (rc)
                return rc;
            continue;
        }
        if (read_value(s, &value))
            return -2;
        value.rank = l->keys[at].rank;
        if (value.kind != SC_LINES_NOTHING &&
            (!l->parts[l->keys[at].part].kind ||
             value.rank < l->parts[l->keys[at].part].rank))
            l->parts[l->keys[at].part] = value;
    }
    return rc < 0 ? -2 : 0;
}

static int read_member(struct sc_lines *l, struct sc_json_scan *s)
{
    const char *behind;

    l->hashed = NULL;
    forget_values(l);
    behind = *s->at == '{' ? sc_lines_fast(l, s->at) : NULL;
    if (behind) {
        s->at = behind;
        return 0;
    }
    forget_values(l);
    return read_slowly(l, s);
}

/* One member: read, and written unless it came before. */
static int take_member(struct sc_lines *l, struct sc_json_scan *s, struct sc_buf *out,
                       struct sc_buf *ids, struct sc_lines_page *page)
{
    const char *from = s->at;
    const struct sc_lines_value *id;
    uint64_t hash;
    int rc = read_member(l, s);

    if (rc)
        return rc;
    page->received++;
    id = l->id_part >= 0 ? &l->parts[l->id_part] : NULL;
    if (id && id->kind) {
        hash = id->at == l->hashed ? l->hash : sc_ids_hash(id->at, id->len);
        rc = sc_ids_add(&l->ids, hash);
        if (rc != SC_IDS_NEW)
            return rc;
        if (ids && sc_buf_add(ids, &hash, sizeof hash))
            return -1;
    }
    page->written++;
    return sc_lines_write(l, out, (size_t)(s->at - from)) ? -1 : 0;
}

static int is_key(const struct sc_lines *l, const struct sc_lines_key *keys, size_t count,
                  const struct sc_json_text *key)
{
    for (size_t i = 0; i < count; i++)
        if (same_name(l, keys[i].name, key))
            return 1;
    return 0;
}

static int read_list(struct sc_lines *l, struct sc_json_scan *s, struct sc_buf *out,
                     struct sc_buf *ids, struct sc_lines_page *page)
{
    int rc;

    if (sc_json_scan_enter(s))
        return -2;
    for (int first = 1; (rc = sc_json_scan_next(s, ']', first)) == 1; first = 0) {
        rc = take_member(l, s, out, ids, page);
        if (rc)
            return rc;
    }
    return rc < 0 ? -2 : 0;
}

static int read_total(struct sc_json_scan *s, struct sc_lines_page *page)
{
    struct sc_lines_value value = {NULL, 0, 0, 0, 0};

    if (read_value(s, &value))
        return -2;
    if (value.kind != SC_LINES_BARE && value.kind != SC_LINES_PLAIN)
        return 0;
    if (!sc_json_integer(value.at, value.len, &page->total) || page->total < 0)
        page->total = -1;
    return 0;
}

static int read_page(struct sc_lines *l, struct sc_json_scan *s, struct sc_buf *out,
                     struct sc_buf *ids, struct sc_lines_page *page)
{
    struct sc_json_text key;
    int rc, listed = 0;

    if (sc_json_scan_peek(s) != '{')
        return sc_json_scan_fail(s, "no object") * 2;
    if (sc_json_scan_enter(s))
        return -2;
    for (int first = 1; (rc = sc_json_scan_next(s, '}', first)) == 1; first = 0) {
        if (sc_json_scan_key(s, &key))
            return -2;
        if (!listed && is_key(l, l->list_keys, l->list_count, &key) &&
            sc_json_scan_peek(s) == '[') {
            listed = 1;
            rc = read_list(l, s, out, ids, page);
        } else if (is_key(l, l->total_keys, l->total_count, &key)) {
            rc = read_total(s, page);
        } else {
            rc = sc_json_scan_skip(s) ? -2 : 0;
        }
        if (rc)
            return rc;
    }
    if (rc < 0 || sc_json_scan_finish(s))
        return -2;
    return listed ? 0 : sc_json_scan_fail(s, "no list of members") * 2;
}

int sc_lines_page(struct sc_lines *l, const char *json, size_t n, struct sc_buf *out,
                  struct sc_buf *ids, struct sc_lines_page *page)
{
    struct sc_json_scan scan;
    size_t out_len = out->len, ids_len = ids ? ids->len : 0, columns;
    int rc;

    if (n > UINT32_MAX) { /* values are measured in 32 bits */
        memset(page, 0, sizeof *page);
        page->problem = "longer than 4 GiB";
        return -2;
    }
    do {
        columns = l->column_count;
        memset(page, 0, sizeof *page);
        page->total = -1;
        sc_json_scan_init(&scan, json, n);
        rc = read_page(l, &scan, out, ids, page);
        if (!rc && columns == l->column_count)
            rc = sc_ids_keep(&l->ids);
        if (rc || columns != l->column_count) {
            out->len = out_len;
            if (ids)
                ids->len = ids_len;
            sc_ids_forget(&l->ids);
        }
        /* Once more where a field was found: all lines of a page have the same columns.
         */
    } while (!rc && columns != l->column_count);
    if (rc == -2)
        page->problem = scan.problem ? scan.problem : "not what was promised";
    return rc;
}
