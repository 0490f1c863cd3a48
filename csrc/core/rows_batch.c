#include "rows.h"
#include "scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Source text and reasons of one batch; a row alone may be SC_CSV_ROW_MAX. */
#define RAW_MAX ((size_t)1 << 28)

void sc_rows_batch_init(struct sc_rows_batch *b)
{
    memset(b, 0, sizeof *b);
    sc_buf_init(&b->raw, RAW_MAX);
    sc_buf_init(&b->notes, RAW_MAX);
}

void sc_rows_batch_free(struct sc_rows_batch *b)
{
    sc_buf_free(&b->raw);
    sc_buf_free(&b->notes);
    free(b->rows);
    free(b->members);
    b->rows = NULL;
    b->members = NULL;
    b->count = b->room = b->sent = b->members_room = 0;
}

/* Room as the batches before needed it, at once: what grows by doubling leaves holes in
 * the heap. Where there is none the batch grows as it must. */
static void make_room(const struct sc_rows *r, struct sc_rows_batch *b,
                      struct sc_buf *body)
{
    struct sc_rows_entry *rows;

    if (!body->data && r->body_seen)
        sc_buf_reserve(body, r->body_seen + r->body_seen / 16);
    if (b->room || !r->count_seen)
        return;
    rows = malloc(r->count_seen * sizeof *rows);
    if (rows) {
        b->rows = rows;
        b->room = r->count_seen;
    }
}

int sc_rows_begin(struct sc_rows *r, struct sc_rows_batch *b, struct sc_buf *body)
{
    const struct sc_rows_plan *p = &r->plan;

    sc_buf_clear(&b->raw);
    sc_buf_clear(&b->notes);
    b->count = b->sent = b->refused = b->folded = b->ragged = 0;
    b->inserted = b->updated = 0;
    b->blocked = 0;
    b->offset = b->end_offset = r->csv.base + r->csv.pos;
    b->line = b->end_line = r->csv.line;
    sc_buf_clear(body);
    if (sc_rows_fold_open(&r->fold, b))
        return SC_ROWS_NOMEM;
    make_room(r, b, body);
    return sc_buf_add(body, sc_rows_plan_at(p, p->head), p->head.len) ? SC_ROWS_NOMEM : 0;
}

struct sc_rows_entry *sc_rows_entry(struct sc_rows_batch *b, uint64_t line,
                                    const char *raw, size_t n)
{
    struct sc_rows_entry *e;

    if (b->count == b->room) {
        size_t room = b->room ? b->room * 2 : 128;

        e = room > UINT16_MAX ? NULL : realloc(b->rows, room * sizeof *e);
        if (!e)
            return NULL;
        b->rows = e;
        b->room = room;
    }
    if (n && sc_rows_room(&b->raw, n + SC_BUF_PAD))
        return NULL;
    e = &b->rows[b->count++];
    *e = (struct sc_rows_entry){
        .line = line, .raw = (uint32_t)b->raw.len, .raw_len = (uint32_t)n};
    if (n)
        sc_scan_copy(b->raw.data + b->raw.len, raw, n);
    b->raw.len += n;
    return e;
}

int sc_rows_refuse(struct sc_rows_batch *b, struct sc_rows_entry *e, const char *reason,
                   size_t n)
{
    e->state = SC_ROWS_REFUSED;
    b->refused++;
    if (!reason)
        return 0;
    e->note = (uint32_t)b->notes.len;
    e->note_len = (uint32_t)n;
    return sc_buf_add(&b->notes, reason, n) ? SC_ROWS_NOMEM : 0;
}

/* The address in an object that the codec wrote, which begins at `from` in the body: its
 * length, or SIZE_MAX where its quote is missing. */
static size_t address_length(struct sc_buf *body, size_t from)
{
    const char *start = body->data + from, *end = body->data + body->len, *s = start;

    memset(body->data + body->len, '"', 2); /* in the pad: here the search ends */
    while (*(s = sc_scan_either(s, '"', '\\')) == '\\')
        s += 2;
    return s < end ? (size_t)(s - start) : SIZE_MAX;
}

/* Takes the spaces around the n bytes at `at` out of the body; returns what is left of n.
 */
static size_t trim_address(struct sc_buf *body, size_t at, size_t n)
{
    char *s = body->data + at;
    size_t front = 0, back = 0;

    while (front < n && s[front] == ' ')
        front++;
    while (back < n - front && s[n - 1 - back] == ' ')
        back++;
    if (front || back) {
        size_t rest = body->len - at - n;

        memmove(s, s + front, n - front - back);
        memmove(s + n - front - back, s + n, rest);
        body->len -= front + back;
    }
    return n - front - back;
}

int sc_rows_enter(struct sc_rows *r, struct sc_rows_batch *b, struct sc_buf *body,
                  size_t from)
{
    const struct sc_rows_plan *p = &r->plan;
    struct sc_rows_entry *e = &b->rows[b->count - 1];
    const char *key = sc_rows_plan_at(p, p->steps[0].key);
    const char *address;
    size_t n;

    if (body->len - from <= p->address_at ||
        memcmp(body->data + from, key, p->address_at) != 0)
        return -2;
    n = address_length(body, from + p->address_at);
    if (n == SIZE_MAX)
        return -2;
    if (body->len > UINT32_MAX)
        return SC_ROWS_NOMEM;
    n = trim_address(body, from + p->address_at, n);
    address = body->data + from + p->address_at;
    if (!n || !memchr(address, '@', n)) {
        const char *reason = n ? "the address has no @" : "no address";

        e->shown = (uint32_t)b->raw.len;
        e->shown_len = (uint32_t)n;
        if (sc_buf_add(&b->raw, address, n))
            return SC_ROWS_NOMEM;
        body->len = from;
        return sc_rows_refuse(b, e, reason, strlen(reason));
    }
    e->body = (uint32_t)from;
    e->body_len = (uint32_t)(body->len - from);
    e->address_len = (uint32_t)n;
    return sc_buf_add_char(body, ',') ? SC_ROWS_NOMEM : 1;
}

static int may_be_blank(char first, char separator)
{
    return first == separator || first == '"' || first == ' ';
}

/* Nothing but separators, spaces and quotes: what spreadsheets write for an empty row. */
static int is_blank(const struct sc_csv *c)
{
    for (size_t i = 0; i < c->row_len; i++) {
        char b = c->row[i];

        if (b != c->separator && b != ' ' && b != '\t' && b != '"')
            return 0;
    }
    return 1;
}

/* Whether something stands behind the columns, which nobody will see. */
static int is_ragged(const struct sc_csv *c, size_t columns)
{
    for (size_t i = columns; i < c->count; i++)
        if (c->cells[i].len)
            return 1;
    return 0;
}

/* A row that could not be read as one. */
static int add_broken(struct sc_rows *r, struct sc_rows_batch *b, int status)
{
    const struct sc_csv *c = &r->csv;
    struct sc_rows_entry *e =
        sc_rows_entry(b, c->row_line, c->row, r->forgetful ? 0 : c->row_len);
    char text[80];
    int n;

    if (!e)
        return SC_ROWS_NOMEM;
    e->broken = 1;
    if (status == SC_CSV_UNCLOSED)
        n = snprintf(text, sizeof text, "a quote is opened and never closed");
    else if (status == SC_CSV_WIDE)
        n = snprintf(text, sizeof text, "more than %d cells", SC_CSV_CELLS_MAX);
    else
        n = snprintf(text, sizeof text, "longer than %zu bytes", c->row_max);
    return sc_rows_refuse(b, e, text, (size_t)n);
}

int sc_rows_next(struct sc_rows *r, struct sc_rows_batch *b, size_t bytes)
{
    struct sc_csv *c = &r->csv;
    int status;

    for (;;) {
        if (!r->left)
            return SC_ROWS_END;
        if (b->count >= r->batch_rows || bytes >= r->batch_bytes)
            return SC_ROWS_FULL;
        status = sc_csv_next(c);
        if (status == SC_CSV_MORE)
            return SC_ROWS_MORE;
        if (status == SC_CSV_END)
            return SC_ROWS_END;
        if (status < 0)
            return SC_ROWS_NOMEM;
        if (status == SC_CSV_ROW &&
            (!c->row_len || (may_be_blank(c->row[0], c->separator) && is_blank(c))))
            continue;
        b->end_offset = c->base + c->pos;
        b->end_line = c->line;
        r->left--;
        if (status != SC_CSV_ROW) {
            if (add_broken(r, b, status))
                return SC_ROWS_NOMEM;
            continue;
        }
        if (__builtin_expect(c->count > r->plan.columns, 0))
            b->ragged += (size_t)is_ragged(c, r->plan.columns);
        return sc_rows_entry(b, c->row_line, c->row, r->forgetful ? 0 : c->row_len)
                   ? 0
                   : SC_ROWS_NOMEM;
    }
}

int sc_rows_fill(struct sc_rows *r, struct sc_rows_batch *b, struct sc_buf *body)
{
    int status, rc;

    while ((status = sc_rows_next(r, b, body->len)) == 0) {
        struct sc_rows_entry *e = &b->rows[b->count - 1];

        rc = sc_rows_write(r, b, body, e);
        if (rc == 0)
            rc = sc_rows_refuse(b, e, NULL, 0);
        if (rc < 0)
            return rc;
    }
    return status;
}

/* Closes the gaps that folded rows leave. */
static void squeeze(struct sc_rows_batch *b, struct sc_buf *body, size_t to)
{
    for (size_t i = 0; i < b->count; i++) {
        struct sc_rows_entry *e = &b->rows[i];

        if (e->state != SC_ROWS_SENT)
            continue;
        memmove(body->data + to, body->data + e->body, e->body_len + 1u);
        e->body = (uint32_t)to;
        to += e->body_len + 1u;
    }
    body->len = to;
}

int sc_rows_close(struct sc_rows *r, struct sc_rows_batch *b, struct sc_buf *body)
{
    const struct sc_rows_plan *p = &r->plan;

    if (b->count > b->members_room) {
        uint32_t *members = realloc(b->members, b->room * sizeof *members);

        if (!members)
            return SC_ROWS_NOMEM;
        b->members = members;
        b->members_room = b->room;
    }
    if (sc_rows_fold(&r->fold, b, body, p->address_at))
        return SC_ROWS_NOMEM;
    if (b->folded)
        squeeze(b, body, p->head.len);
    b->sent = 0;
    for (size_t i = 0; i < b->count; i++)
        if (b->rows[i].state == SC_ROWS_SENT)
            b->members[b->sent++] = (uint32_t)i;
    if (b->sent)
        body->len--;
    if (body->len > r->body_seen)
        r->body_seen = body->len;
    if (b->count > r->count_seen)
        r->count_seen = b->count;
    return sc_buf_add(body, sc_rows_plan_at(p, p->tail), p->tail.len) ? SC_ROWS_NOMEM : 0;
}

int sc_rows_slice(const struct sc_rows_plan *p, const struct sc_rows_batch *b,
                  const struct sc_buf *body, size_t first, size_t last,
                  struct sc_buf *out)
{
    const struct sc_rows_entry *from = &b->rows[b->members[first]];
    const struct sc_rows_entry *to = &b->rows[b->members[last]];
    int rc;

    sc_buf_clear(out);
    rc = sc_buf_add(out, sc_rows_plan_at(p, p->head), p->head.len);
    if (!rc)
        rc = sc_buf_add(out, body->data + from->body,
                        to->body + to->body_len - from->body);
    if (!rc)
        rc = sc_buf_add(out, sc_rows_plan_at(p, p->tail), p->tail.len);
    return rc;
}

int sc_rows_judge(struct sc_rows_batch *b, size_t first, size_t last,
                  enum sc_rows_state state, const char *reason, size_t n)
{
    uint32_t note = (uint32_t)b->notes.len;

    if (n && sc_buf_add(&b->notes, reason, n))
        return SC_ROWS_NOMEM;
    for (size_t i = first; i <= last && i < b->sent; i++) {
        struct sc_rows_entry *e = &b->rows[b->members[i]];

        e->state = (uint8_t)state;
        e->note = note;
        e->note_len = (uint32_t)n;
    }
    return 0;
}

void sc_rows_settle(struct sc_rows_batch *b, struct sc_rows_verdicts *v)
{
    memset(v, 0, sizeof *v);
    v->rows = b->count;
    v->folded = b->folded;
    v->inserted = b->inserted;
    v->updated = b->updated;
    for (size_t i = b->count; i-- > 0;) {
        struct sc_rows_entry *e = &b->rows[i];

        if (e->state == SC_ROWS_FOLDED) {
            const struct sc_rows_entry *w = &b->rows[e->winner];

            e->state = w->state;
            e->note = w->note;
            e->note_len = w->note_len;
            /* Its own object is gone; the other one has the same address. */
            e->body = w->body;
            e->body_len = w->body_len;
            e->address_len = w->address_len;
            /* Sent alone, the earlier row would have made the member and the last one
             * updated it: one of the rows that share an address inserts it at most. */
            v->updated += e->state == SC_ROWS_TAKEN;
        }
        v->rejected += e->state == SC_ROWS_REFUSED || e->state == SC_ROWS_REJECTED;
        v->unknown += e->state == SC_ROWS_UNKNOWN;
        v->open += e->state == SC_ROWS_SENT;
    }
}

const char *sc_rows_address(const struct sc_rows *r, const struct sc_rows_batch *b,
                            const struct sc_buf *body, const struct sc_rows_entry *e,
                            size_t *n)
{
    if (e->body_len) {
        *n = e->address_len;
        return body->data + e->body + r->plan.address_at;
    }
    *n = e->shown_len;
    return e->shown_len ? b->raw.data + e->shown : "";
}

int sc_rows_rejects(const struct sc_rows *r, const struct sc_rows_batch *b,
                    const struct sc_buf *body, struct sc_buf *out)
{
    const char separator = r->csv.separator;
    const char *end = r->csv.crlf ? "\r\n" : r->csv.eol == '\r' ? "\r" : "\n";
    char number[24];
    int rc = 0;

    for (size_t i = 0; i < b->count && !rc; i++) {
        const struct sc_rows_entry *e = &b->rows[i];
        const char *address;
        size_t n;

        if (e->state != SC_ROWS_REFUSED && e->state != SC_ROWS_REJECTED)
            continue;
        address = sc_rows_address(r, b, body, e, &n);
        rc = sc_buf_add(out, number,
                        (size_t)snprintf(number, sizeof number, "%llu%c",
                                         (unsigned long long)e->line, separator));
        if (!rc)
            rc = sc_csv_put(out, address, n, separator);
        if (!rc)
            rc = sc_buf_add_char(out, separator);
        if (!rc)
            rc = sc_csv_put(out, b->notes.data + e->note, e->note_len, separator);
        if (!rc)
            rc = sc_buf_add_char(out, separator);
        if (!rc && e->broken)
            rc = sc_csv_put(out, b->raw.data + e->raw, e->raw_len, separator);
        else if (!rc)
            rc = sc_buf_add(out, b->raw.data + e->raw, e->raw_len);
        if (!rc)
            rc = sc_buf_add(out, end, strlen(end));
    }
    return rc;
}
