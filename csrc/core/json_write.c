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

/* Copies the well-formed sequences from *from on, as long as there are some, and adds
 * their code points to *chars. Returns the end of the copy. */
static inline char *copy_sequences(char *out, const char **from, const char *end,
                                   size_t *chars)
{
    const char *p = *from;
    size_t length;

    while (p < end && (*p & 0x80) && (length = sc_utf8_sequence(p, end))) {
        out[0] = p[0];
        out[1] = p[1];
        if (length > 2)
            out[2] = p[2];
        if (length > 3)
            out[3] = p[3];
        out += length;
        p += length;
        ++*chars;
    }
    *from = p;
    return out;
}

int sc_json_write_mixed(struct sc_buf *b, const char *bytes, size_t n, size_t *chars)
{
    const char *p = bytes, *end = bytes + n, *plain;
    size_t start = b->len, length;
    char *out, escape[6] = {0};
    int rc;

    if (n > SIZE_MAX - 8)
        return SC_BUF_TOOBIG;
    if ((rc = room(b, n + 2)))
        return rc;
    out = b->data + b->len;
    *chars = 0;
    *out++ = '"';
    while (p < end) {
        if (*p & 0x80) {
            plain = p;
            out = copy_sequences(out, &p, end, chars);
            if (p == plain)
                goto bad;
        } else if ((plain = sc_json_plain_end(p, end)) > p) {
            length = (size_t)(plain - p);
            memcpy(out, p, length);
            *chars += length;
            out += length;
            p = plain;
        } else {
            length = put_escape(escape, *p);
            b->len = (size_t)(out - b->data);
            if ((rc = room(b, (size_t)(end - p) + length)))
                goto fail;
            out = b->data + b->len;
            /* A constant length; the pad is there for more than it. */
            memcpy(out, escape, sizeof escape);
            out += length;
            p++;
            ++*chars;
        }
    }
    *out++ = '"';
    b->len = (size_t)(out - b->data);
    return SC_BUF_OK;
bad:
    *chars = (size_t)(p - bytes);
    rc = SC_JSON_BAD_UTF8;
fail:
    b->len = start;
    return rc;
}

int sc_json_write_string(struct sc_buf *b, const char *bytes, size_t n, size_t *chars)
{
    int rc;

    if (n > SIZE_MAX - 8)
        return SC_BUF_TOOBIG;
    if ((rc = room(b, n + 2)))
        return rc;
    if (!sc_json_copy_plain(b->data + b->len + 1, bytes, n))
        return sc_json_write_mixed(b, bytes, n, chars);
    b->data[b->len] = '"';
    b->data[b->len + n + 1] = '"';
    b->len += n + 2;
    *chars = n;
    return SC_BUF_OK;
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

/* Writes the exponent out where that makes at most 40 bytes. text holds the shortest
 * digits of value, as %g has them. */
static void write_out(char *text, size_t room, double value)
{
    const char *e = strchr(text, 'e'), *p;
    int exponent = e ? (int)strtol(e + 1, NULL, 10) : 0, digits = 0, decimals;

    if (!e || exponent < -20 || exponent > 20)
        return;
    for (p = text; p < e; p++)
        digits += *p >= '0' && *p <= '9';
    decimals = digits - 1 - exponent;
    snprintf(text, room, "%.*f", decimals > 0 ? decimals : 0, value);
}

int sc_json_write_double(struct sc_buf *b, double value, int as_text)
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
    if (as_text)
        write_out(text, sizeof text, value);
    return sc_buf_add(b, text, fix_point(text));
}

static int is_unreserved(unsigned char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

int sc_json_is_unreserved(const char *bytes, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (!is_unreserved((unsigned char)bytes[i]))
            return 0;
    return 1;
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

        if (is_unreserved(c)) {
            b->data[b->len++] = (char)c;
        } else {
            b->data[b->len++] = '%';
            b->data[b->len++] = hex[c >> 4];
            b->data[b->len++] = hex[c & 15];
        }
    }
    return SC_BUF_OK;
}
