#include "json_write.h"
#include "rows.h"
#include "scan.h"
#include "utf8.h"

#include <stdarg.h>
#include <stdio.h>

/* Refuses the row: the reason goes to the batch's notes. Returns 0, or SC_ROWS_NOMEM. */
static int refuse(struct sc_rows_batch *b, struct sc_rows_entry *e, const char *format,
                  ...) __attribute__((format(printf, 3, 4)));

static int refuse(struct sc_rows_batch *b, struct sc_rows_entry *e, const char *format,
                  ...)
{
    char text[256];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0)
        n = 0;
    if ((size_t)n >= sizeof text)
        n = (int)sizeof text - 1;
    e->note = (uint32_t)b->notes.len;
    e->note_len = (uint32_t)n;
    return sc_buf_add(&b->notes, text, (size_t)n) ? SC_ROWS_NOMEM : 0;
}

/* Spaces as they get around an address: ASCII's, the no-break space, the ideographic one,
 * the zero-width ones. Returns how many bytes of one stand at s, or end before it (back).
 */
static size_t space_at(const char *s, const char *end)
{
    if (s < end && (*s == ' ' || (*s >= '\t' && *s <= '\r')))
        return 1;
    if (end - s >= 2 && !memcmp(s, "\xc2\xa0", 2))
        return 2;
    if (end - s >= 3 && (!memcmp(s, "\xe3\x80\x80", 3) || !memcmp(s, "\xe2\x80\x8b", 3) ||
                         !memcmp(s, "\xef\xbb\xbf", 3)))
        return 3;
    return 0;
}

static size_t space_before(const char *start, const char *end)
{
    size_t n = (size_t)(end - start);

    if (n >= 1 && space_at(end - 1, end) == 1)
        return 1;
    if (n >= 2 && space_at(end - 2, end) == 2)
        return 2;
    return n >= 3 && space_at(end - 3, end) == 3 ? 3 : 0;
}

static void trim_slowly(struct sc_csv_cell *cell)
{
    const char *s = cell->at, *end = s + cell->len;
    size_t n;

    while ((n = space_at(s, end)))
        s += n;
    while ((n = space_before(s, end)))
        end -= n;
    cell->at = s;
    cell->len = (uint32_t)(end - s);
}

/* Whether a byte may begin (1) or end (2) one of these. */
#define ASCII_SPACES [' '] = 3, ['\t'] = 3, ['\n'] = 3, ['\v'] = 3, ['\f'] = 3, ['\r'] = 3
static const unsigned char around[256] = {
    ASCII_SPACES, [0xc2] = 1, [0xe2] = 1, [0xe3] = 1, [0xef] = 1,
    [0xa0] = 2,   [0x80] = 2, [0x8b] = 2, [0xbf] = 2};

static inline void trim(struct sc_csv_cell *cell)
{
    if (cell->len && (around[(unsigned char)cell->at[0]] & 1 ||
                      around[(unsigned char)cell->at[cell->len - 1]] & 2))
        trim_slowly(cell);
}

static size_t characters(const char *s, size_t n)
{
    size_t chars = 0;

    sc_utf8_check(s, n, &chars);
    return chars;
}

/* What an object is written with. Room for all of it is made before; the functions below
 * take the place to write at and return the one behind. Only what needs escaping goes
 * through the buffer. */
struct writer {
    const struct sc_rows_plan *plan;
    struct sc_buf *body;
    int plain; /* nothing in the row needs escaping */
};

static char *put_escaped(const struct writer *w, char *to, const char *s, size_t n)
{
    size_t chars;

    w->body->len = (size_t)(to - 1 - w->body->data);
    if (sc_json_write_string(w->body, s, n, &chars))
        return NULL;
    to = w->body->data + w->body->len;
    *to = ',';
    return to + 1;
}

/* Adds the value, its closing quote and a comma behind a key that ended with the opening
 * quote; NULL: memory is short. */
static inline char *put_value(const struct writer *w, char *to, const char *s, size_t n)
{
    if (__builtin_expect(!w->plain, 0) && sc_scan_escapes(s, n))
        return put_escaped(w, to, s, n);
    to = sc_scan_copy_cell(to, s, n);
    memcpy(to, "\",", 2);
    return to + 2;
}

static inline char *put_text(const struct writer *w, char *to, struct sc_rows_text text)
{
    return sc_scan_copy(to, w->plan->text.data + text.at, text.len);
}

/* Puts `close` in the place of the comma written last, or behind where there is none. */
static inline char *close_list(char *to, char close)
{
    if (to[-1] == ',')
        to--;
    *to = close;
    return to + 1;
}

/* The length is counted only where the bytes leave it open. */
static inline int too_long(const struct sc_csv_cell *cell, uint32_t max, size_t *chars)
{
    if (!max || cell->len <= max)
        return 0;
    *chars = characters(cell->at, cell->len);
    return *chars > max;
}

static int refuse_length(struct sc_rows_batch *b, struct sc_rows_entry *e,
                         const struct sc_rows_plan *p, const struct sc_rows_step *step,
                         const char *what, size_t chars)
{
    return refuse(b, e, "%.*s: %sat most %u characters, got %zu",
                  (int)(step->name.len > 128 ? 128 : step->name.len),
                  sc_rows_plan_at(p, step->name), what, (unsigned)step->max, chars);
}

/* Writes the names of one cell behind *to. Returns 1, 0 when one is too long, or
 * SC_ROWS_NOMEM. */
static int write_tags(const struct writer *w, char **to, const struct sc_rows_step *step,
                      const struct sc_csv_cell *cell, struct sc_rows_batch *b,
                      struct sc_rows_entry *e)
{
    const char *s = cell->at, *end = s + cell->len;
    char *at = *to;
    size_t chars;

    while (s < end) {
        const char *stop = sc_scan_byte(s, end, ';');
        struct sc_csv_cell name = {s, (uint32_t)(stop - s), 0};

        s = stop + 1;
        trim(&name);
        if (!name.len)
            continue;
        if (too_long(&name, step->max, &chars))
            return refuse_length(b, e, w->plan, step, "a tag has ", chars);
        *at++ = '"';
        at = put_value(w, at, name.at, name.len);
        if (!at)
            return SC_ROWS_NOMEM;
    }
    *to = at;
    return 1;
}

/* Says which cell is to blame for a row that is not UTF-8. */
static int refuse_bytes(struct sc_rows *r, struct sc_rows_batch *b,
                        struct sc_rows_entry *e)
{
    const struct sc_rows_plan *p = &r->plan;

    for (size_t i = 0; i < p->count; i++) {
        const struct sc_rows_step *step = &p->steps[i];
        const struct sc_csv_cell *cell = &r->csv.cells[step->cell];
        size_t chars;

        if (step->cell < r->csv.count &&
            sc_utf8_check(cell->at, cell->len, &chars) != cell->len)
            return refuse(b, e, "%.*s: bytes that are not UTF-8",
                          (int)(step->name.len > 128 ? 128 : step->name.len),
                          sc_rows_plan_at(p, step->name));
    }
    return refuse(b, e, "bytes that are not UTF-8");
}

/* The checks of a whole row. Returns 1, 0 where it is refused, or SC_ROWS_NOMEM. */
static int check_row(struct sc_rows *r, struct sc_rows_batch *b, struct sc_rows_entry *e,
                     const struct sc_csv_cell *address)
{
    const struct sc_csv *c = &r->csv;
    size_t chars;

    if (c->flags & SC_CSV_NUL)
        return refuse(b, e, "a NUL byte");
    if (c->flags & SC_CSV_HIGH && sc_utf8_check(c->row, c->row_len, &chars) != c->row_len)
        return refuse_bytes(r, b, e);
    if (!address->len)
        return refuse(b, e, "no address");
    if (!sc_scan_holds(address->at, address->len, '@'))
        return refuse(b, e, "the address has no @");
    return 1;
}

/* The list of tags: those of the cells from step i on, and those for all. */
static int write_tag_list(struct sc_rows *r, struct sc_rows_batch *b,
                          const struct writer *w, char **to, struct sc_rows_entry *e,
                          size_t i)
{
    const struct sc_rows_plan *p = w->plan;

    *to = put_text(w, *to - 1, p->tags);
    for (; i < p->count; i++) {
        const struct sc_rows_step *step = &p->steps[i];
        int rc = step->cell < r->csv.count
                     ? write_tags(w, to, step, &r->csv.cells[step->cell], b, e)
                     : 1;

        if (rc <= 0)
            return rc;
    }
    if (p->more_tags.len)
        *to = put_text(w, *to, p->more_tags);
    *to = close_list(*to, ']');
    *(*to)++ = ',';
    return 1;
}

/* Writes the steps in their order behind *to. Returns 1, 0 where one refuses the row, or
 * SC_ROWS_NOMEM. */
static int write_steps(struct sc_rows *r, struct sc_rows_batch *b, const struct writer *w,
                       char **to, struct sc_rows_entry *e,
                       const struct sc_csv_cell *address)
{
    const struct sc_rows_plan *p = w->plan;
    const struct sc_rows_step *step = p->steps, *end = step + p->count;
    const size_t count = r->csv.count;
    char *at = put_text(w, *to, step->key);
    size_t chars;
    int open = 0;

    if (too_long(address, step->max, &chars))
        return refuse_length(b, e, p, step, "", chars);
    at = put_value(w, at, address->at, address->len);
    if (!at)
        return SC_ROWS_NOMEM;
    e->address_len =
        (uint32_t)((size_t)(at - w->body->data) - 2 - e->body - p->address_at);
    for (step++; step < end && step->use != SC_ROWS_TAGS; step++) {
        const struct sc_csv_cell *cell = &r->csv.cells[step->cell];

        if (step->cell >= count || !cell->len)
            continue;
        if (too_long(cell, step->max, &chars))
            return refuse_length(b, e, p, step, "", chars);
        if (step->use == SC_ROWS_FIELD && !open) {
            at = put_text(w, at - 1, p->fields);
            open = 1;
        }
        at = put_value(w, put_text(w, at, step->key), cell->at, cell->len);
        if (!at)
            return SC_ROWS_NOMEM;
    }
    if (open) {
        at[-1] = '}';
        *at++ = ',';
    }
    *to = at;
    return p->has_tags ? write_tag_list(r, b, w, to, e, (size_t)(step - p->steps)) : 1;
}

/* Keeps the address of a refused row for its line among the rejects. */
static int show_address(struct sc_rows_batch *b, struct sc_rows_entry *e,
                        const struct sc_csv_cell *address)
{
    e->shown = (uint32_t)b->raw.len;
    e->shown_len = address->len;
    return sc_buf_add(&b->raw, address->at, address->len);
}

int sc_rows_write(struct sc_rows *r, struct sc_rows_batch *b, struct sc_buf *body,
                  struct sc_rows_entry *e)
{
    static const char nothing[SC_BUF_PAD];
    const struct sc_csv *c = &r->csv;
    const uint32_t index = r->plan.steps[0].cell;
    struct sc_csv_cell address = {nothing, 0, 0};
    const struct writer w = {&r->plan, body, !(c->flags & SC_CSV_SPECIAL)};
    size_t start = body->len;
    char *to;
    int rc;

    if (index < c->count)
        address = c->cells[index];
    trim(&address);
    rc = check_row(r, b, e, &address);
    if (rc <= 0)
        return rc || show_address(b, e, &address) ? SC_ROWS_NOMEM : 0;
    if (sc_rows_room(body, c->row_len * (w.plain ? 2 : 7) + r->plan.fixed))
        return SC_ROWS_NOMEM;
    e->body = (uint32_t)start;
    to = body->data + start;
    rc = write_steps(r, b, &w, &to, e, &address);
    if (rc <= 0) {
        body->len = start;
        return rc || show_address(b, e, &address) ? SC_ROWS_NOMEM : 0;
    }
    to = close_list(to, '}');
    e->body_len = (uint32_t)((size_t)(to - body->data) - start);
    *to++ = ',';
    body->len = (size_t)(to - body->data);
    return 1;
}
