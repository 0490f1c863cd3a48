#include "json_write.h"

#include "json_plain.h"
#include "utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char hex[] = "0123456789ABCDEF";

static inline int room(struct sc_buf *b, size_t more)
{
    if (more <= b->cap - b->len && b->data)
        return SC_BUF_OK;
    return sc_buf_reserve(b, more);
}

/* Copies the plain bytes from p on and returns how many there were. May write up to 16 bytes
 * behind the last one copied: SC_BUF_PAD is for that. */
static inline size_t copy_plain(char *out, const char *p, const char *end)
{
    const char *from = p;
    uint64_t word;

#ifdef __SSE2__
    while (end - p >= 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
        unsigned mask = sc_json_plain_mask(x);

        _mm_storeu_si128((__m128i *)(void *)out, x);
        if (mask)
            return (size_t)(p - from) + (unsigned)__builtin_ctz(mask);
        p += 16;
        out += 16;
    }
#endif
    while (end - p >= 8) {
        memcpy(&word, p, 8);
        memcpy(out, &word, 8);
        if (sc_json_plain_word(word))
            break;
        p += 8;
        out += 8;
    }
    while (p < end && sc_json_plain_byte(*p))
        *out++ = *p++;
    return (size_t)(p - from);
}

/* Writes the escape of one byte that JSON does not allow as it is; returns its length. */
static size_t put_escape(char *out, char c)
{
    static const char shorts[] = "btn\0fr"; /* for 8 to 13; 11 has none */

    out[0] = '\\';
    if (c == '"' || c == '\\') {
        out[1] = c;
        return 2;
    }
    if (c >= 8 && c <= 13 && c != 11) {
        out[1] = shorts[c - 8];
        return 2;
    }
    memcpy(out + 1, "u00", 3);
    out[4] = hex[c >> 4];
    out[5] = hex[c & 15];
    return 6;
}

int sc_json_write_string(struct sc_buf *b, const char *bytes, size_t n, size_t *chars)
{
    const char *p = bytes, *end = bytes + n;
    size_t start = b->len, extra = 0, length;
    int rc;

    if (n > SIZE_MAX - 8)
        return SC_BUF_TOOBIG;
    if ((rc = room(b, n + 2)))
        return rc;
    b->data[b->len++] = '"';
    for (;;) {
        length = copy_plain(b->data + b->len, p, end);
        b->len += length;
        p += length;
        if (p == end)
            break;
        if (*p & 0x80) {
            if (!(length = sc_utf8_sequence(p, end)))
                goto bad;
            memcpy(b->data + b->len, p, length);
            extra += length - 1;
            b->len += length;
            p += length;
        } else {
            if ((rc = room(b, (size_t)(end - p) + 6)))
                goto fail;
            b->len += put_escape(b->data + b->len, *p++);
        }
    }
    b->data[b->len++] = '"';
    *chars = n - extra;
    return SC_BUF_OK;
bad:
    *chars = (size_t)(p - bytes);
    rc = SC_JSON_BAD_UTF8;
fail:
    b->len = start;
    return rc;
}

int sc_json_write_integer(struct sc_buf *b, int64_t value)
{
    char text[20], *p = text + sizeof text;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do
        *--p = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0)
        *--p = '-';
    return sc_buf_add(b, p, (size_t)(text + sizeof text - p));
}

/* Puts a point where the locale has put its own decimal separator. */
static size_t fix_point(char *text)
{
    size_t first, rest;

    first = strspn(text, "+-0123456789eE");
    if (!text[first])
        return first;
    rest = strcspn(text + first, "0123456789eE");
    text[first] = '.';
    memmove(text + first + 1, text + first + rest, strlen(text + first + rest) + 1);
    return strlen(text);
}

int sc_json_write_double(struct sc_buf *b, double value)
{
    char text[48];
    int precision;

    if (!isfinite(value))
        return SC_JSON_NOT_FINITE;
    if (fabs(value) < 9007199254740992.0 && floor(value) == value)
        return sc_json_write_integer(b, (int64_t)value);
    for (precision = 15; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return sc_buf_add(b, text, fix_point(text));
}

int sc_json_write_percent(struct sc_buf *b, const char *bytes, size_t n)
{
    size_t i;
    int rc;

    if (n > SIZE_MAX / 3)
        return SC_BUF_TOOBIG;
    if ((rc = room(b, n * 3)))
        return rc;
    for (i = 0; i < n; i++) {
        unsigned char c = (unsigned char)bytes[i];

        if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' ||
            c == '.' || c == '_' || c == '~') {
            b->data[b->len++] = (char)c;
        } else {
            b->data[b->len++] = '%';
            b->data[b->len++] = hex[c >> 4];
            b->data[b->len++] = hex[c & 15];
        }
    }
    return SC_BUF_OK;
}
