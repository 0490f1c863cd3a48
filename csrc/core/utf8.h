/* utf8: is this run of bytes well-formed UTF-8, and how many code points is it?
 *
 * Well-formed as the Unicode standard's table 3-7 has it: no overlong forms, no
 * surrogates, nothing above U+10FFFF. Reads exactly the bytes given, never one behind
 * them. Owns nothing. */
#ifndef SC_UTF8_H
#define SC_UTF8_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* The length (2 to 4) of the well-formed sequence at p, whose first byte is 0x80 or more;
 * 0 where there is none before end. */
static inline size_t sc_utf8_sequence(const char *p, const char *end)
{
    const unsigned char *b = (const unsigned char *)p;
    size_t left = (size_t)(end - p);

    if (b[0] < 0xe0)
        return b[0] >= 0xc2 && left >= 2 && (b[1] & 0xc0) == 0x80 ? 2 : 0;
    if (b[0] < 0xf0) {
        if (left < 3 || (b[1] & 0xc0) != 0x80 || (b[2] & 0xc0) != 0x80)
            return 0;
        if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] > 0x9f))
            return 0;
        return 3;
    }
    if (b[0] > 0xf4 || left < 4 || (b[1] & 0xc0) != 0x80 || (b[2] & 0xc0) != 0x80 ||
        (b[3] & 0xc0) != 0x80)
        return 0;
    if ((b[0] == 0xf0 && b[1] < 0x90) || (b[0] == 0xf4 && b[1] > 0x8f))
        return 0;
    return 4;
}

/* Checks n bytes. Returns n when all are well-formed, else the offset of the first
 * byte that is not part of a well-formed sequence; *chars gets the number of code
 * points before that. */
size_t sc_utf8_check(const char *bytes, size_t n, size_t *chars);

/* Writes the code point, which is below 0x110000 and no surrogate, to out; returns its
 * length. */
size_t sc_utf8_put(char out[4], uint32_t code);

#pragma GCC visibility pop

#endif
