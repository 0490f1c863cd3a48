#include "json_read.h"
#include "lines.h"
#include "scan.h"

/* What a cell needs: quotes around it, and a mark in front that keeps a spreadsheet
 * from running it (https://owasp.org/www-community/attacks/CSV_Injection). A cell that
 * looks like a marked one is marked too, so that taking a mark off gives it back. */
static int is_dangerous(const char *s, size_t n)
{
    while (n > 1 && *s == '\'') {
        s++;
        n--;
    }
    return n &&
           (*s == '=' || *s == '+' || *s == '-' || *s == '@' || *s == '\t' || *s == '\r');
}

/* Copies the cell and returns whether it needs quotes. */
static int copy_cell(char *to, const char *s, size_t n, char separator)
{
    unsigned special = 0;

#ifdef SC_SCAN_SSE2
    const __m128i quote = _mm_set1_epi8('"'), sep = _mm_set1_epi8(separator);
    const __m128i lf = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r');

    for (size_t i = 0; i < n; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s + i));
        __m128i odd = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, sep));
        unsigned keep = n - i < 16 ? (1u << (n - i)) - 1 : 0xffffu;

        odd =
            _mm_or_si128(odd, _mm_or_si128(_mm_cmpeq_epi8(v, lf), _mm_cmpeq_epi8(v, cr)));
        _mm_storeu_si128((__m128i *)(void *)(to + i), v);
        special |= (unsigned)_mm_movemask_epi8(odd) & keep;
    }
#else
    for (size_t i = 0; i < n; i++) {
        to[i] = s[i];
        special |= s[i] == '"' || s[i] == separator || s[i] == '\n' || s[i] == '\r';
    }
#endif
    return special != 0;
}

/* Writes a cell; there is room for 2n + 3 bytes and a vector. Returns its end. */
static char *put_cell(const struct sc_lines *l, char *to, const char *s, size_t n)
{
    int guard = l->guard && is_dangerous(s, n);

    if (guard)
        *to = '\'';
    if (!copy_cell(to + guard, s, n, l->separator))
        return to + guard + n;
    *to++ = '"';
    if (guard)
        *to++ = '\'';
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '"')
            *to++ = '"';
        *to++ = s[i];
    }
    *to++ = '"';
    return to;
}

/* A value's text with its escapes undone, in scratch. Its length, or SIZE_MAX: no
 * memory. */
static size_t undo_escapes(struct sc_lines *l, const char *s, size_t n)
{
    struct sc_json_text text = {s, n, 1};

    if (sc_buf_reserve(&l->scratch, n + SC_BUF_PAD))
        return SIZE_MAX;
    return sc_json_unescape(&text, l->scratch.data + l->scratch.len);
}

/* The elements of a list with ';' between them, in scratch. Returns 0, or -1: no
 * memory. */
static int join_list(struct sc_lines *l, const struct sc_lines_value *v)
{
    struct sc_json_scan s;
    struct sc_json_text text;

    sc_json_scan_init(&s, v->at, v->len);
    if (sc_json_scan_enter(&s))
        return 0;
    for (int first = 1; sc_json_scan_next(&s, ']', first) == 1; first = 0) {
        const char *from;

        if (l->scratch.len && sc_buf_add_char(&l->scratch, ';'))
            return -1;
        if (sc_json_scan_peek(&s) == '"') {
            size_t n;

            if (sc_json_scan_string(&s, &text))
                return 0;
            n = undo_escapes(l, text.bytes, text.len);
            if (n == SIZE_MAX)
                return -1;
            l->scratch.len += n;
            continue;
        }
        from = s.at;
        if (sc_json_scan_skip(&s))
            return 0;
        if (*from == 'n')
            l->scratch.len -= l->scratch.len ? 1 : 0; /* null: no element */
        else if (sc_buf_add(&l->scratch, from, (size_t)(s.at - from)))
            return -1;
    }
    return 0;
}

static char *put_value(struct sc_lines *l, char *to, const struct sc_lines_value *v)
{
    size_t n;

    switch (v->kind) {
    case SC_LINES_PLAIN:
    case SC_LINES_BARE: return put_cell(l, to, v->at, v->len);
    case SC_LINES_ESCAPED:
        sc_buf_clear(&l->scratch);
        n = undo_escapes(l, v->at, v->len);
        return n == SIZE_MAX ? NULL : put_cell(l, to, l->scratch.data, n);
    case SC_LINES_NEST:
        if (*v->at != '[')
            return put_cell(l, to, v->at, v->len);
        sc_buf_clear(&l->scratch);
        if (sc_buf_reserve(&l->scratch, SC_BUF_PAD) || join_list(l, v))
            return NULL;
        return put_cell(l, to, l->scratch.data, l->scratch.len);
    default: return to;
    }
}

static const struct sc_lines_value *value_of(const struct sc_lines *l,
                                             const struct sc_lines_column *c)
{
    return c->part < 0 ? &c->value : &l->parts[c->part];
}

static int write_cells(struct sc_lines *l, struct sc_buf *out)
{
    char *to = out->data + out->len;

    for (size_t i = 0; i < l->column_count; i++) {
        if (i)
            *to++ = l->separator;
        to = put_value(l, to, value_of(l, &l->columns[i]));
        if (!to)
            return SC_BUF_NOMEM;
    }
    if (l->crlf)
        *to++ = '\r';
    *to++ = '\n';
    out->len = (size_t)(to - out->data);
    return SC_BUF_OK;
}

/* Copies JSON without the white space between its tokens: a line has no line ends. */
static char *put_compact(char *to, const char *s, size_t n)
{
    const char *end = s + n;
    int quoted = 0;

    while (s < end) {
        char c = *s++;

        if (c == '"')
            quoted = !quoted;
        if (!quoted && (c == ' ' || c == '\n' || c == '\r' || c == '\t'))
            continue;
        *to++ = c;
        if (quoted && c == '\\')
            *to++ = *s++;
    }
    return to;
}

/* Adds `"name":value,`. The name's text is JSON with its quotes and the colon. */
static inline char *put_pair(char *to, const char *names, struct sc_lines_name name,
                             const struct sc_lines_value *v)
{
    unsigned string = v->kind <= SC_LINES_ESCAPED;

    to = sc_scan_copy(to, names + name.at, name.len);
    if (v->kind == SC_LINES_NEST && !v->tight)
        to = put_compact(to, v->at, v->len);
    else /* a string's quotes stand around it in the page */
        to = sc_scan_copy(to, v->at - string, v->len + 2 * string);
    *to++ = ',';
    return to;
}

static int write_object(struct sc_lines *l, struct sc_buf *out)
{
    const char *names = l->text.data;
    char *to = out->data + out->len;

    *to++ = '{';
    if (l->column_count) {
        for (size_t i = 0; i < l->column_count; i++) {
            const struct sc_lines_column *c = &l->columns[i];
            const struct sc_lines_value *v = value_of(l, c);

            if (v->kind)
                to = put_pair(to, names, c->json, v);
        }
    } else {
        for (size_t i = 0; i < l->part_count; i++)
            if (l->parts[i].kind)
                to = put_pair(to, names, l->part_names[i], &l->parts[i]);
    }
    if (to[-1] == ',')
        to--;
    *to++ = '}';
    *to++ = '\n';
    out->len = (size_t)(to - out->data);
    return SC_BUF_OK;
}

int sc_lines_write(struct sc_lines *l, struct sc_buf *out, size_t raw)
{
    size_t room = raw * 2 + l->column_count * 4 + l->text.len + 64;
    int rc = out->data && !out->locks && out->cap - out->len >= room
                 ? SC_BUF_OK
                 : sc_buf_reserve(out, room);

    if (rc)
        return rc;
    return l->separator ? write_cells(l, out) : write_object(l, out);
}

int sc_lines_cell(struct sc_lines *l, struct sc_buf *out, const char *s, size_t n)
{
    size_t at;
    int rc;

    /* A copy with the bytes behind it that vectors read. */
    sc_buf_clear(&l->scratch);
    rc = sc_buf_add(&l->scratch, s, n);
    if (!rc)
        rc = sc_buf_reserve(&l->scratch, SC_BUF_PAD);
    if (!rc)
        rc = sc_buf_reserve(out, n * 2 + 4);
    if (rc)
        return rc;
    at = out->len;
    out->len = (size_t)(put_cell(l, out->data + at, l->scratch.data, n) - out->data);
    return SC_BUF_OK;
}

size_t sc_lines_cut(const char *s, size_t n, size_t lines)
{
    int quoted = 0;
    size_t i;

    for (i = 0; i < n && lines; i++) {
        quoted ^= s[i] == '"';
        lines -= s[i] == '\n' && !quoted;
    }
    return i;
}

int sc_lines_pad(const struct sc_lines *l, const char *s, size_t n, size_t missing,
                 int *quoted, struct sc_buf *out)
{
    size_t from = 0;
    int rc = 0;

    for (size_t i = 0; i < n && !rc; i++) {
        *quoted ^= s[i] == '"';
        if (*quoted || s[i] != (l->crlf ? '\r' : '\n'))
            continue;
        rc = sc_buf_add(out, s + from, i - from);
        from = i;
        for (size_t k = 0; k < missing && !rc; k++)
            rc = sc_buf_add_char(out, l->separator);
    }
    return rc ? rc : sc_buf_add(out, s + from, n - from);
}
