#include "json_write.h"
#include "rows.h"
#include "scan.h"
#include "utf8.h"

#include <stdarg.h>
#include <stdio.h>

/* Refuses the row: the reason goes to the batch's notes. Returns 0, or SC_ROWS_NOMEM. */
static int refuse(struct sc_rows_batch *b, struct sc_rows_entry *e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(struct sc_rows_batch *b, struct sc_rows_entry *e, const char *format, ...)
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

/* Spaces as they get around an address: ASCII's, the no-break space, the ideographic one, the
 * zero-width ones. Returns how many bytes of one stand at s, or end before it (back). */
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

static void trim(struct sc_csv_cell *cell)
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

static size_t characters(const char *s, size_t n)
{
    size_t chars = 0;

    sc_utf8_check(s, n, &chars);
    return chars;
}

/* What a value is written with: `plain` when nothing in the row needs escaping. */
struct writer {
    struct sc_buf *body;
    int plain;
};

/* Adds the value and its closing quote behind a key that ended with the opening one. There is
 * room for it. Returns 0, or SC_ROWS_NOMEM. */
static int put_value(struct writer *w, const char *s, size_t n)
{
    struct sc_buf *b = w->body;
    size_t chars;

    if (w->plain) {
        char *to = sc_scan_copy(b->data + b->len, s, n);

        *to++ = '"';
        b->len = (size_t)(to - b->data);
        return 0;
    }
    b->len--;
    return sc_json_write_string(b, s, n, &chars) ? SC_ROWS_NOMEM : 0;
}

static void put_text(struct writer *w, const struct sc_rows_plan *p, struct sc_rows_text text)
{
    sc_scan_copy(w->body->data + w->body->len, sc_rows_plan_at(p, text), text.len);
    w->body->len += text.len;
}

static void put_char(struct writer *w, char c)
{
    w->body->data[w->body->len++] = c;
}

/* Puts `close` in the place of the comma written last, or behind where there is none. */
static void close_list(struct writer *w, char close)
{
    if (w->body->data[w->body->len - 1] == ',')
        w->body->len--;
    put_char(w, close);
}

/* The length is counted only where the bytes leave it open. */
static int too_long(const struct sc_csv_cell *cell, uint32_t max, size_t *chars)
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

/* Writes the names of one cell. Returns 1, 0 when one is too long, or SC_ROWS_NOMEM. */
static int write_tags(struct writer *w, const struct sc_rows_plan *p,
                      const struct sc_rows_step *step, const struct sc_csv_cell *cell,
                      struct sc_rows_batch *b, struct sc_rows_entry *e)
{
    const char *s = cell->at, *end = s + cell->len;
    size_t chars;

    while (s < end) {
        const char *stop = sc_scan_byte(s, end, ';');
        struct sc_csv_cell name = {s, (uint32_t)(stop - s), 0};

        s = stop + 1;
        trim(&name);
        if (!name.len)
            continue;
        if (too_long(&name, step->max, &chars))
            return refuse_length(b, e, p, step, "a tag has ", chars);
        put_char(w, '"');
        if (put_value(w, name.at, name.len))
            return SC_ROWS_NOMEM;
        put_char(w, ',');
    }
    return 1;
}

/* Says which cell is to blame for a row that is not UTF-8. */
static int refuse_bytes(struct sc_rows *r, struct sc_rows_batch *b, struct sc_rows_entry *e)
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
    const char *end = address->at + address->len;
    size_t chars;

    if (c->flags & SC_CSV_NUL)
        return refuse(b, e, "a NUL byte");
    if (c->flags & SC_CSV_HIGH && sc_utf8_check(c->row, c->row_len, &chars) != c->row_len)
        return refuse_bytes(r, b, e);
    if (!address->len)
        return refuse(b, e, "no address");
    if (sc_scan_byte(address->at, end, '@') == end)
        return refuse(b, e, "the address has no @");
    return 1;
}

static struct sc_csv_cell cell_of(const struct sc_csv *c, uint32_t index)
{
    static const char nothing[16];
    struct sc_csv_cell none = {nothing, 0, 0};

    return index < c->count ? c->cells[index] : none;
}

/* Writes the steps in their order. Returns 1, 0 where one refuses the row, or SC_ROWS_NOMEM. */
static int write_steps(struct sc_rows *r, struct sc_rows_batch *b, struct writer *w,
                       struct sc_rows_entry *e, const struct sc_csv_cell *address)
{
    const struct sc_rows_plan *p = &r->plan;
    size_t i, chars;
    int rc, open = 0;

    for (i = 0; i < p->count && p->steps[i].use != SC_ROWS_TAGS; i++) {
        const struct sc_rows_step *step = &p->steps[i];
        struct sc_csv_cell cell =
            step->use == SC_ROWS_ADDRESS ? *address : cell_of(&r->csv, step->cell);

        if (!cell.len)
            continue;
        if (too_long(&cell, step->max, &chars))
            return refuse_length(b, e, p, step, "", chars);
        if (step->use == SC_ROWS_FIELD && !open) {
            w->body->len--;
            put_text(w, p, p->fields);
            open = 1;
        }
        put_text(w, p, step->key);
        if (put_value(w, cell.at, cell.len))
            return SC_ROWS_NOMEM;
        put_char(w, ',');
        if (step->use == SC_ROWS_ADDRESS)
            e->address_len = (uint32_t)(w->body->len - 2 - e->body - p->address_at);
    }
    if (open) {
        close_list(w, '}');
        put_char(w, ',');
    }
    if (p->has_tags) {
        w->body->len--;
        put_text(w, p, p->tags);
        for (; i < p->count; i++) {
            struct sc_csv_cell cell = cell_of(&r->csv, p->steps[i].cell);

            rc = write_tags(w, p, &p->steps[i], &cell, b, e);
            if (rc <= 0)
                return rc;
        }
        put_text(w, p, p->more_tags);
        close_list(w, ']');
        put_char(w, ',');
    }
    close_list(w, '}');
    return 1;
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
    const struct sc_csv *c = &r->csv;
    struct sc_csv_cell address = cell_of(c, r->plan.steps[0].cell);
    struct writer w = {body, !(c->flags & SC_CSV_SPECIAL)};
    size_t start = body->len;
    int rc;

    trim(&address);
    rc = check_row(r, b, e, &address);
    if (rc <= 0)
        return rc || show_address(b, e, &address) ? SC_ROWS_NOMEM : 0;
    if (sc_buf_reserve(body, c->row_len * (w.plain ? 2 : 7) + r->plan.fixed))
        return SC_ROWS_NOMEM;
    e->body = (uint32_t)start;
    rc = write_steps(r, b, &w, e, &address);
    if (rc <= 0) {
        body->len = start;
        return rc || show_address(b, e, &address) ? SC_ROWS_NOMEM : 0;
    }
    e->body_len = (uint32_t)(body->len - start);
    put_char(&w, ',');
    return 1;
}
