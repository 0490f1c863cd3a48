/* json_write: the leaves of JSON text, and percent-encoding, appended to a struct sc_buf.
 *
 * Owns nothing; the buffer is the caller's. Every function returns SC_BUF_OK, another
 * enum sc_buf_status or one of the two below; after a failure the buffer is as long as
 * before. Knows no shapes and no Lua: walking tables is lua_shape_write.c's work, rows
 * are rows.c's. */
#ifndef SC_JSON_WRITE_H
#define SC_JSON_WRITE_H

#include "buf.h"

#include <stdint.h>

#pragma GCC visibility push(hidden)

enum sc_json_write_status {
    SC_JSON_BAD_UTF8 = -10, /* the text is not UTF-8 */
    SC_JSON_NOT_FINITE = -11, /* JSON has no infinity and no NaN */
};

/* Adds the n bytes as a JSON string with its quotes, checking that they are UTF-8.
 * *chars gets the number of code points, or after SC_JSON_BAD_UTF8 the offset of the
 * first bad byte. */
int sc_json_write_string(struct sc_buf *b, const char *bytes, size_t n, size_t *chars);

/* The same, faster for a string that is known to have more than plain ASCII in it. */
int sc_json_write_mixed(struct sc_buf *b, const char *bytes, size_t n, size_t *chars);

/* Adds the number in decimal. */
int sc_json_write_integer(struct sc_buf *b, int64_t value);

/* Adds the shortest decimal that reads back as value, without a point when it is
 * integral and exact (below 2^53); whatever the process's locale is. as_text: for a
 * service that takes numbers as text and need not know exponents: none from 1e-20 to
 * 1e20. */
int sc_json_write_double(struct sc_buf *b, double value, int as_text);

/* Whether the bytes are RFC 3986's unreserved characters alone, which nobody encodes. */
int sc_json_is_unreserved(const char *bytes, size_t n);

/* Adds the bytes with everything but RFC 3986's unreserved characters percent-encoded. */
int sc_json_write_percent(struct sc_buf *b, const char *bytes, size_t n);

#pragma GCC visibility pop

#endif
