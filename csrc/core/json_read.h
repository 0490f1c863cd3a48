/* json_read: a pull scanner over JSON text in memory.
 *
 * The caller asks for what it expects (enter, next, string, number) or skips;
 * everything passed over, skipped values included, is checked against RFC 8259 and for
 * UTF-8, nesting is capped. Never reads a byte at or behind end. Allocates nothing,
 * owns nothing: what it hands out points into the text. Knows no shapes and no Lua.
 */
#ifndef SC_JSON_READ_H
#define SC_JSON_READ_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

#define SC_JSON_DEPTH 64 /* objects and arrays within each other */

struct sc_json_scan {
    const char *begin, *at, *end;
    const char *problem; /* after a failure: what was wrong at `at`, a constant text */
    int depth;
};

/* What stands between the quotes of a string; escapes not yet undone. */
struct sc_json_text {
    const char *bytes;
    size_t len;
    int escaped; /* sc_json_unescape is needed */
};

struct sc_json_number {
    const char *bytes;
    size_t len;
    int integral; /* neither a fraction nor an exponent */
};

/* What follows is used like this, for an array of anything:
 *
 *     sc_json_scan_init(&s, bytes, len);
 *     if (sc_json_scan_peek(&s) == '[' && sc_json_scan_enter(&s) == 0)
 *         for (first = 1; (rc = sc_json_scan_next(&s, ']', first)) == 1; first = 0)
 *             if (sc_json_scan_skip(&s))
 *                 break;
 */
void sc_json_scan_init(struct sc_json_scan *s, const char *bytes, size_t len);

/* Skips white space and returns the next byte without taking it: one of `{ [ " - 0-9 t
 * f n` begins a value. 0 at the end of the text. */
static inline int sc_json_scan_peek(struct sc_json_scan *s)
{
    while (s->at < s->end) {
        char c = *s->at;

        if ((unsigned char)c > ' ')
            return (unsigned char)c;
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
            return (unsigned char)c;
        s->at++;
    }
    return 0;
}

/* All of these return -1 on failure, with problem and at set. */

/* Takes the bracket that peek showed. 0. */
int sc_json_scan_enter(struct sc_json_scan *s);

/* Moves on to the next item of the array or object that close ends. 1: there is one,
 * and at stands on its first byte; 0: the bracket was taken. first says whether none
 * came before. */
int sc_json_scan_next(struct sc_json_scan *s, char close, int first);

/* Takes an object's key and the colon behind it. 0. */
int sc_json_scan_key(struct sc_json_scan *s, struct sc_json_text *key);

/* Takes the colon behind a key. 0. */
int sc_json_scan_colon(struct sc_json_scan *s);

/* Takes the string whose opening quote peek showed. 0. */
int sc_json_scan_string(struct sc_json_scan *s, struct sc_json_text *text);

/* Takes a number. 0. */
int sc_json_scan_number(struct sc_json_scan *s, struct sc_json_number *number);

/* Takes `true`, `false` or `null`, whichever peek's byte promises. 0. */
int sc_json_scan_word(struct sc_json_scan *s);

/* Takes any value. 0. */
int sc_json_scan_skip(struct sc_json_scan *s);

/* Is there nothing but white space left? 0. */
int sc_json_scan_finish(struct sc_json_scan *s);

/* Records a problem at `at`; returns -1. */
int sc_json_scan_fail(struct sc_json_scan *s, const char *problem);

/* Undoes the escapes of a string that the scanner has taken. out has room for
 * text->len bytes; returns how many were written. */
size_t sc_json_unescape(const struct sc_json_text *text, char *out);

/* The integer that all n bytes spell (-?(0|[1-9][0-9]*)), if it fits. Returns whether. */
int sc_json_integer(const char *bytes, size_t n, int64_t *value);

/* The value of a number that the scanner has taken; may be infinite. Locale does not
 * matter. 0, or -1 when memory is short (only for numbers of a hundred characters and
 * more). */
int sc_json_double(const struct sc_json_number *number, double *value);

#pragma GCC visibility pop

#endif
