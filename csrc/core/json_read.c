#include "json_read.h"

#include "json_plain.h"
#include "utf8.h"

#include <locale.h>
#include <stdlib.h>

void sc_json_scan_init(struct sc_json_scan *s, const char *bytes, size_t len)
{
    s->begin = s->at = bytes;
    s->end = bytes + len;
    s->problem = NULL;
    s->depth = 0;
}

int sc_json_scan_fail(struct sc_json_scan *s, const char *problem)
{
    s->problem = problem;
    return -1;
}

int sc_json_scan_enter(struct sc_json_scan *s)
{
    if (s->depth == SC_JSON_DEPTH)
        return sc_json_scan_fail(s, "nested too deep");
    s->depth++;
    s->at++;
    return 0;
}

int sc_json_scan_next(struct sc_json_scan *s, char close, int first)
{
    int c = sc_json_scan_peek(s);

    if (c == close) {
        s->at++;
        s->depth--;
        return 0;
    }
    if (first)
        return c ? 1 : sc_json_scan_fail(s, "cut short");
    if (c != ',')
        return sc_json_scan_fail(s, c ? "no comma where one must be" : "cut short");
    s->at++;
    if (!sc_json_scan_peek(s))
        return sc_json_scan_fail(s, "cut short");
    return 1;
}

int sc_json_scan_colon(struct sc_json_scan *s)
{
    if (s->at < s->end && *s->at == ':') {
        s->at++;
        return 0;
    }
    if (sc_json_scan_peek(s) != ':')
        return sc_json_scan_fail(s, "no colon behind a key");
    s->at++;
    return 0;
}

int sc_json_scan_key(struct sc_json_scan *s, struct sc_json_text *key)
{
    if (sc_json_scan_peek(s) != '"')
        return sc_json_scan_fail(s, "a key must be a string");
    if (sc_json_scan_string(s, key))
        return -1;
    return sc_json_scan_colon(s);
}

/* The four hexadecimal digits at p, or -1. */
static int32_t hex4(const char *p, const char *end)
{
    int32_t code = 0;
    int i, digit;

    if (end - p < 4)
        return -1;
    for (i = 0; i < 4; i++) {
        char c = p[i];

        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            digit = (c | 32) - 'a' + 10;
        else
            return -1;
        code = code << 4 | digit;
    }
    return code;
}

/* The code point of a \u escape, p behind the u; *length gets the bytes it takes from
 * there, 10 for a pair. -1 for what is no hexadecimal, -2 for half a surrogate pair. */
static int32_t unicode(const char *p, const char *end, size_t *length)
{
    int32_t code = hex4(p, end), low;

    *length = 4;
    if (code < 0xd800 || code > 0xdfff)
        return code;
    if (code > 0xdbff || end - p < 10 || p[4] != '\\' || p[5] != 'u')
        return -2;
    low = hex4(p + 6, end);
    if (low < 0xdc00 || low > 0xdfff)
        return -2;
    *length = 10;
    return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

/* Takes the escape at s->at. */
static int take_escape(struct sc_json_scan *s)
{
    const char *p = s->at + 1;
    size_t length;
    int32_t code;

    if (p == s->end)
        return sc_json_scan_fail(s, "cut short");
    if (*p == 'u') {
        code = unicode(p + 1, s->end, &length);
        if (code < 0)
            return sc_json_scan_fail(s, code == -1 ? "not four hexadecimal digits"
                                                   : "half of a surrogate pair");
        s->at = p + 1 + length;
        return 0;
    }
    if (!*p || !strchr("\"\\/bfnrt", *p))
        return sc_json_scan_fail(s, "no such escape");
    s->at = p + 1;
    return 0;
}

int sc_json_scan_string(struct sc_json_scan *s, struct sc_json_text *text)
{
    const char *p = s->at + 1, *end = s->end;
    size_t length;

    text->bytes = p;
    text->escaped = 0;
    for (;;) {
        p = sc_json_plain_end(p, end);
        s->at = p;
        if (p == end)
            return sc_json_scan_fail(s, "cut short");
        if (*p == '"')
            break;
        if (*p & 0x80) {
            do {
                if (!(length = sc_utf8_sequence(p, end)))
                    return sc_json_scan_fail(s, "not UTF-8");
                p += length;
                s->at = p;
            } while (p < end && (*p & 0x80));
        } else if (*p == '\\') {
            if (take_escape(s))
                return -1;
            p = s->at;
            text->escaped = 1;
        } else {
            return sc_json_scan_fail(s, "a control character in a string");
        }
    }
    text->len = (size_t)(p - text->bytes);
    s->at = p + 1;
    return 0;
}

static const char *digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

int sc_json_scan_number(struct sc_json_scan *s, struct sc_json_number *number)
{
    const char *p = s->at, *end = s->end, *from;

    number->bytes = p;
    number->integral = 1;
    if (p < end && *p == '-')
        p++;
    from = p;
    p = digits(p, end);
    if (p == from || (*from == '0' && p - from > 1))
        return sc_json_scan_fail(s, "no value where one must be");
    if (p < end && *p == '.') {
        from = ++p;
        p = digits(p, end);
        if (p == from)
            return sc_json_scan_fail(s, "a malformed number");
        number->integral = 0;
    }
    if (p < end && (*p | 32) == 'e') {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        from = p;
        p = digits(p, end);
        if (p == from)
            return sc_json_scan_fail(s, "a malformed number");
        number->integral = 0;
    }
    number->len = (size_t)(p - number->bytes);
    s->at = p;
    return 0;
}

int sc_json_scan_word(struct sc_json_scan *s)
{
    const char *word = *s->at == 't' ? "true" : *s->at == 'f' ? "false" : "null";
    size_t length = *s->at == 'f' ? 5 : 4;

    if ((size_t)(s->end - s->at) < length || !sc_json_same(s->at, word, length))
        return sc_json_scan_fail(s, "no value where one must be");
    s->at += length;
    return 0;
}

/* Calls itself at most SC_JSON_DEPTH times. */
int sc_json_scan_skip(struct sc_json_scan *s)
{
    struct sc_json_text text;
    struct sc_json_number number;
    int c = sc_json_scan_peek(s), first, rc;
    char close;

    if (c == '"')
        return sc_json_scan_string(s, &text);
    if (c == 't' || c == 'f' || c == 'n')
        return sc_json_scan_word(s);
    if (c != '{' && c != '[')
        return sc_json_scan_number(s, &number);
    if (sc_json_scan_enter(s))
        return -1;
    close = c == '{' ? '}' : ']';
    for (first = 1; (rc = sc_json_scan_next(s, close, first)) == 1; first = 0)
        if ((c == '{' && sc_json_scan_key(s, &text)) || sc_json_scan_skip(s))
            return -1;
    return rc;
}

int sc_json_scan_finish(struct sc_json_scan *s)
{
    sc_json_scan_peek(s);
    return s->at == s->end ? 0 : sc_json_scan_fail(s, "something behind the value");
}

size_t sc_json_unescape(const struct sc_json_text *text, char *out)
{
    const char *p = text->bytes, *end = p + text->len, *next;
    char *to = out;
    size_t length;

    while (p < end) {
        next = memchr(p, '\\', (size_t)(end - p));
        length = (size_t)((next ? next : end) - p);
        memmove(to, p, length);
        to += length;
        p += length;
        if (p == end)
            break;
        p += 2;
        switch (p[-1]) {
        case 'b': *to++ = '\b'; break;
        case 'f': *to++ = '\f'; break;
        case 'n': *to++ = '\n'; break;
        case 'r': *to++ = '\r'; break;
        case 't': *to++ = '\t'; break;
        case 'u':
            to += sc_utf8_put(to, (uint32_t)unicode(p, end, &length));
            p += length;
            break;
        default: *to++ = p[-1];
        }
    }
    return (size_t)(to - out);
}

int sc_json_integer(const char *bytes, size_t n, int64_t *value)
{
    const char *p = bytes, *end = bytes + n;
    int negative = n && *p == '-';
    uint64_t sum = 0, cap = (uint64_t)INT64_MAX + (unsigned)negative;

    p += negative;
    if (p == end || end - p > 19 || (*p == '0' && end - p > 1))
        return 0;
    for (; p < end; p++) {
        if (*p < '0' || *p > '9')
            return 0;
        sum = sum * 10 + (uint64_t)(*p - '0');
    }
    if (sum > cap)
        return 0;
    *value = negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return 1;
}

/* strtod wants a final NUL and the locale's own decimal separator. */
static int slow_double(const struct sc_json_number *number, double *value)
{
    const char *point = localeconv()->decimal_point, *dot;
    size_t extra = strlen(point), before;
    char small[128], *text = small;

    if (number->len + extra + 1 > sizeof small &&
        !(text = malloc(number->len + extra + 1)))
        return -1;
    dot = memchr(number->bytes, '.', number->len);
    before = dot ? (size_t)(dot - number->bytes) : number->len;
    memcpy(text, number->bytes, before);
    if (dot) {
        memcpy(text + before, point, extra);
        memcpy(text + before + extra, dot + 1, number->len - before - 1);
        text[number->len - 1 + extra] = '\0';
    } else {
        text[number->len] = '\0';
    }
    *value = strtod(text, NULL);
    if (text != small)
        free(text);
    return 0;
}

int sc_json_double(const struct sc_json_number *number, double *value)
{
    static const double powers[] = {1,    1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *p = number->bytes, *end = p + number->len;
    int negative = *p == '-', scale = 0, figures = 0, fraction = 0;
    uint64_t sum = 0;

    for (p += negative; p < end && (*p | 32) != 'e'; p++) {
        if (*p == '.') {
            fraction = 1;
            continue;
        }
        if (++figures > 18)
            return slow_double(number, value);
        sum = sum * 10 + (uint64_t)(*p - '0');
        scale += fraction;
    }
    /* Exact when mantissa and power of ten both are: then one rounding is all there
     * is. */
    if (p < end || sum > (UINT64_C(1) << 53) || scale > 22)
        return slow_double(number, value);
    *value = (double)sum / powers[scale];
    if (negative)
        *value = -*value;
    return 0;
}
