#include "csv.h"

#include "scan.h"

#include <stdlib.h>

/* How much of a row that is too long is kept, to show whoever has to find it. */
#define LONG_SHOWN 256

/* What may stand between cells. */
static const char CANDIDATES[] = ",;\t|";

void sc_csv_init(struct sc_csv *c, size_t row_max)
{
    memset(c, 0, sizeof *c);
    c->separator = ',';
    c->eol = '\n';
    c->row_max = row_max;
    c->line = 1;
    sc_buf_init(&c->window, SIZE_MAX / 4);
    sc_buf_init(&c->scratch, SIZE_MAX / 4);
}

void sc_csv_free(struct sc_csv *c)
{
    sc_buf_free(&c->window);
    sc_buf_free(&c->scratch);
    free(c->cells);
    c->cells = NULL;
    c->room = 0;
}

/* Behind the window stand line ends: every search for one stops there at the latest. */
static void set_sentinel(struct sc_csv *c)
{
    if (c->window.data)
        memset(c->window.data + c->window.len, c->eol, SC_BUF_PAD);
}

int sc_csv_feed_room(struct sc_csv *c, size_t n)
{
    struct sc_buf *w = &c->window;

    if (c->pos) {
        memmove(w->data, w->data + c->pos, w->len - c->pos);
        w->len -= c->pos;
        c->base += c->pos;
        c->pos = 0;
    }
    return sc_buf_reserve(w, n);
}

void sc_csv_fed(struct sc_csv *c, size_t n)
{
    c->window.len += n;
    set_sentinel(c);
}

int sc_csv_feed(struct sc_csv *c, const void *bytes, size_t n)
{
    int rc = sc_csv_feed_room(c, n);

    if (rc)
        return rc;
    if (n)
        memcpy(c->window.data + c->window.len, bytes, n);
    sc_csv_fed(c, n);
    return SC_BUF_OK;
}

void sc_csv_finish(struct sc_csv *c)
{
    c->last = 1;
}

void sc_csv_seek(struct sc_csv *c, uint64_t offset, uint64_t line)
{
    sc_buf_clear(&c->window);
    c->pos = 0;
    c->base = offset;
    c->line = line;
    c->last = 0;
    c->skipping = 0;
}

/* ---- what kind of text it is ---- */

static int known_mark(struct sc_csv *c)
{
    const unsigned char *s = (const unsigned char *)c->window.data;
    size_t n = c->window.len;

    if (n >= 2 && ((s[0] == 0xff && s[1] == 0xfe) || (s[0] == 0xfe && s[1] == 0xff)))
        return SC_CSV_TEXT_UTF16;
    if (n >= 4 && !s[0] && !s[1] && s[2] == 0xfe && s[3] == 0xff)
        return SC_CSV_TEXT_UTF16;
    if (n >= 4 && s[0] == 'P' && s[1] == 'K' && s[2] == 3 && s[3] == 4)
        return SC_CSV_TEXT_ZIP;
    c->marked = n >= 3 && s[0] == 0xef && s[1] == 0xbb && s[2] == 0xbf;
    if (c->marked)
        c->pos = 3;
    return SC_CSV_TEXT_OK;
}

/* Counts the candidates of the first line outside quotes and finds how lines end: a CR
 * without an LF behind it ends one only where no LF outside quotes is in sight. */
static void look_at_lines(struct sc_csv *c, size_t counts[4])
{
    const char *s = c->window.data + c->pos, *end = c->window.data + c->window.len;
    int quoted = 0, first = 1, lone = 0;

    for (; s < end; s++) {
        if (*s == '"')
            quoted = !quoted;
        if (quoted)
            continue;
        if (*s == '\n')
            return;
        if (*s == '\r') {
            c->crlf = (char)(s + 1 < end && s[1] == '\n');
            if (c->crlf)
                return;
            first = 0;
            lone = 1;
        }
        counts[0] += first && *s == ',';
        counts[1] += first && *s == ';';
        counts[2] += first && *s == '\t';
        counts[3] += first && *s == '|';
    }
    if (lone)
        c->eol = '\r';
}

/* `sep=;` in the first line is how a spreadsheet is told. */
static char told_separator(struct sc_csv *c)
{
    const char *s = c->window.data + c->pos, *end = c->window.data + c->window.len;
    const char *after = s + 5;

    if (end - s < 6 || memcmp(s, "sep=", 4) != 0 || !memchr(CANDIDATES, s[4], 4) ||
        (*after != '\n' && *after != '\r'))
        return 0;
    if (*after == '\r' && after + 1 < end && after[1] == '\n')
        after++;
    c->pos = (size_t)(after + 1 - c->window.data);
    c->line++;
    return s[4];
}

int sc_csv_sniff(struct sc_csv *c, char separator)
{
    size_t counts[4] = {0, 0, 0, 0};
    int best = 0, wrong;

    if (!c->window.len) {
        c->separator = separator ? separator : ',';
        return SC_CSV_TEXT_OK;
    }
    wrong = known_mark(c);
    if (wrong)
        return wrong;
    look_at_lines(c, counts);
    set_sentinel(c);
    if (!separator)
        separator = told_separator(c);
    if (!separator) {
        for (int i = 1; i < 4; i++)
            if (counts[i] > counts[best])
                best = i;
        separator = CANDIDATES[best];
    }
    c->separator = separator;
    return SC_CSV_TEXT_OK;
}

/* ---- one row ---- */

/* Finds where the quoted cell that starts at s (its quote) ends. Returns the place of
 * what ends it, the window's end if it ran out, and sets *status where the cell cannot be
 * told yet. */
static const char *quoted_cell(struct sc_csv *c, struct sc_csv_cell *cell, const char *s,
                               const char *end, int *status)
{
    const char *q = s + 1, *after;

    cell->at = s + 1;
    cell->quoted = 0;
    for (;;) {
        q = sc_scan_byte(q, end, '"');
        if (q == end) {
            c->open = 1;
            *status = c->last ? SC_CSV_UNCLOSED : SC_CSV_MORE;
            return end;
        }
        if (q + 1 == end || q[1] != '"')
            break;
        cell->quoted = 1;
        q += 2;
    }
    after = q + 1;
    if (after < end && *after == '\r' && c->eol == '\n' && after[1] == '\n')
        after++;
    if (after < end && *after != c->separator && *after != c->eol) {
        cell->quoted = 1;
        after = sc_scan_either(after, c->separator, c->eol);
        cell->len = (uint32_t)(after - cell->at);
        if (cell->len && *after == '\n' && after[-1] == '\r')
            cell->len--;
    } else {
        cell->len = (uint32_t)(q - cell->at);
    }
    if (after >= end && !c->last)
        *status = SC_CSV_MORE;
    return after;
}

static int grow_cells(struct sc_csv *c)
{
    size_t room = c->room ? c->room * 2 : 32;
    struct sc_csv_cell *cells;

    if (c->room >= SC_CSV_CELLS_MAX)
        return SC_CSV_WIDE;
    cells = realloc(c->cells, room * sizeof *cells);
    if (!cells)
        return SC_CSV_NOMEM;
    c->cells = cells;
    c->room = room;
    return 0;
}

/* Cuts the row that starts at s into cells. *stop is its line end (or the window's end).
 */
static int cut_row(struct sc_csv *c, const char *s, const char *end, const char **stop)
{
    const char separator = c->separator, eol = c->eol;
    const char other = separator ? separator : eol;
    size_t n = 0;
    int status = 0;

    for (;; s++) {
        struct sc_csv_cell *cell;

        if (__builtin_expect(n == c->room, 0)) {
            status = grow_cells(c);
            if (status)
                break;
        }
        cell = &c->cells[n++];
        if (__builtin_expect(*s == '"', 0) && s < end && separator) {
            s = quoted_cell(c, cell, s, end, &status);
            c->flags |= SC_CSV_SPECIAL;
            if (status)
                break;
        } else {
            const char *from = s;

            s = sc_scan_either(s, other, eol);
            *cell = (struct sc_csv_cell){from, (uint32_t)(s - from), 0};
        }
        if (*s == eol)
            break;
    }
    c->count = n;
    *stop = s;
    if (status)
        return status;
    return s < end || c->last ? SC_CSV_ROW : SC_CSV_MORE;
}

/* Undoes the quotes of the cells that need it, all into one stretch of scratch. */
static int undo_quotes(struct sc_csv *c)
{
    char *to;

    sc_buf_clear(&c->scratch);
    if (sc_buf_reserve(&c->scratch, c->row_len + SC_BUF_PAD))
        return SC_CSV_NOMEM;
    to = c->scratch.data;
    for (size_t i = 0; i < c->count; i++) {
        struct sc_csv_cell *cell = &c->cells[i];
        const char *s = cell->at, *end = s + cell->len;
        int open = 1;

        if (!cell->quoted)
            continue;
        cell->at = to;
        while (s < end) {
            if (open && *s == '"') {
                s++;
                if (s == end || *s != '"') {
                    open = 0;
                    continue;
                }
            }
            *to++ = *s++;
        }
        cell->len = (uint32_t)(to - cell->at);
    }
    memset(to, 0, SC_BUF_PAD);
    return SC_CSV_ROW;
}

/* Takes off what lines_write.c puts before a cell that a spreadsheet would run. */
static void take_guards_off(struct sc_csv *c)
{
    for (struct sc_csv_cell *cell = c->cells; cell < c->cells + c->count; cell++) {
        size_t marks = strspn(cell->at, "'");

        if (marks && marks < cell->len && memchr("=+-@\t\r", cell->at[marks], 6)) {
            cell->at++;
            cell->len--;
        }
    }
}

/* What kinds of bytes a row has: most rows have none that needs care. */
static unsigned look_at(const char *s, size_t n, char separator)
{
    unsigned flags = 0;

#ifdef SC_SCAN_SSE2
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i limit = _mm_set1_epi8(0x1f), sep = _mm_set1_epi8(separator);
    __m128i any = _mm_setzero_si128(), odds = any;
    unsigned high, special, keep = n % 16 ? (1u << (n % 16)) - 1 : 0xffffu;

    for (size_t i = 0;; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s + i));
        __m128i odd = _mm_andnot_si128(_mm_cmpeq_epi8(v, sep),
                                       _mm_cmpeq_epi8(_mm_min_epu8(v, limit), v));

        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, quote));
        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, slash));
        if (i + 16 >= n) {
            high = (unsigned)_mm_movemask_epi8(v) & keep;
            special = (unsigned)_mm_movemask_epi8(odd) & keep;
            break;
        }
        any = _mm_or_si128(any, v);
        odds = _mm_or_si128(odds, odd);
    }
    if (!n)
        return 0;
    high |= (unsigned)_mm_movemask_epi8(any);
    special |= (unsigned)_mm_movemask_epi8(odds);
    flags = (high ? SC_CSV_HIGH : 0u) | (special ? SC_CSV_SPECIAL : 0u);
#else
    for (size_t i = 0; i < n; i++) {
        unsigned char b = (unsigned char)s[i];

        if (b >= 0x80)
            flags |= SC_CSV_HIGH;
        else if ((b < 0x20 && s[i] != separator) || b == '"' || b == '\\')
            flags |= SC_CSV_SPECIAL;
    }
#endif
    if (flags & SC_CSV_SPECIAL && memchr(s, 0, n))
        flags |= SC_CSV_NUL;
    return flags;
}

static uint64_t count_byte(const char *s, const char *end, char byte)
{
    uint64_t n = 0;

    for (; (s = sc_scan_byte(s, end, byte)) < end; s++)
        n++;
    return n;
}

/* Takes the bytes up to and with the line end at stop as the row read. */
static void take_row(struct sc_csv *c, const char *start, const char *stop,
                     const char *end)
{
    c->row = start;
    c->row_len = (size_t)(stop - start);
    c->row_line = c->line;
    c->pos = (size_t)(stop - c->window.data) + (stop < end ? 1u : 0u);
    c->line++;
}

/* Skips what is left of a row that is too long; its line was counted when it was
 * reported. */
static int skip_rest(struct sc_csv *c)
{
    const char *s = c->window.data + c->pos, *end = c->window.data + c->window.len;
    const char *stop = sc_scan_byte(s, end, c->eol);

    c->pos = (size_t)(stop - c->window.data) + (stop < end ? 1u : 0u);
    if (stop == end)
        return c->last ? SC_CSV_END : SC_CSV_MORE;
    c->skipping = 0;
    return 0;
}

/* A row that does not end within row_max, or a quote that is not closed within it. */
static int give_up(struct sc_csv *c, const char *start, const char *end, int quoted)
{
    const char *stop = sc_scan_byte(start, end, c->eol);

    if (stop == end && !c->last) {
        take_row(c, start, stop, end);
        c->row_len = LONG_SHOWN;
        c->skipping = 1;
        return SC_CSV_LONG;
    }
    take_row(c, start, stop, end);
    if (c->row_len > LONG_SHOWN && !quoted)
        c->row_len = LONG_SHOWN;
    if (c->row_len && c->row[c->row_len - 1] == '\r')
        c->row_len--;
    return quoted ? SC_CSV_UNCLOSED : SC_CSV_LONG;
}

int sc_csv_next(struct sc_csv *c)
{
    const char *start, *end, *stop;
    int status;

    if (c->skipping) {
        status = skip_rest(c);
        if (status)
            return status;
    }
    if (c->pos == c->window.len)
        return c->last ? SC_CSV_END : SC_CSV_MORE;
    start = c->window.data + c->pos;
    end = c->window.data + c->window.len;
    c->flags = 0;
    c->open = 0;
    status = cut_row(c, start, end, &stop);
    if (status == SC_CSV_UNCLOSED)
        return give_up(c, start, end, 1);
    if (status == SC_CSV_MORE)
        return (size_t)(end - start) > c->row_max ? give_up(c, start, end, c->open)
                                                  : SC_CSV_MORE;
    if (status == SC_CSV_WIDE) {
        give_up(c, start, end, 0);
        return SC_CSV_WIDE;
    }
    if (status < 0)
        return status;
    take_row(c, start, stop, end);
    if (c->row_len > c->row_max) {
        c->row_len = LONG_SHOWN;
        return SC_CSV_LONG;
    }
    if (c->flags & SC_CSV_SPECIAL)
        c->line += count_byte(start, stop, c->eol);
    if (c->eol == '\n' && c->row_len && stop[-1] == '\r') {
        struct sc_csv_cell *cell = &c->cells[c->count - 1];

        c->row_len--;
        if (cell->at + cell->len == stop)
            cell->len--;
    }
    if (c->flags & SC_CSV_SPECIAL && undo_quotes(c) < 0)
        return SC_CSV_NOMEM;
    if (c->marked && c->separator)
        take_guards_off(c);
    if (c->separator)
        c->flags = look_at(c->row, c->row_len, c->separator);
    return SC_CSV_ROW;
}

/* ---- writing ---- */

static int needs_quotes(const char *s, size_t n, char separator)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] == separator || s[i] == '"' || s[i] == '\n' || s[i] == '\r')
            return 1;
    return 0;
}

int sc_csv_put(struct sc_buf *out, const char *cell, size_t n, char separator)
{
    char *to;

    if (n > SIZE_MAX / 4 || sc_buf_reserve(out, n * 2 + 2))
        return n > SIZE_MAX / 4 ? SC_BUF_TOOBIG : sc_buf_reserve(out, n * 2 + 2);
    to = out->data + out->len;
    if (!needs_quotes(cell, n, separator)) {
        if (n)
            memcpy(to, cell, n);
        out->len += n;
        return SC_BUF_OK;
    }
    *to++ = '"';
    for (size_t i = 0; i < n; i++) {
        if (cell[i] == '"')
            *to++ = '"';
        *to++ = cell[i];
    }
    *to++ = '"';
    out->len = (size_t)(to - out->data);
    return SC_BUF_OK;
}
