#include "utf8.h"

#include <string.h>

size_t sc_utf8_check(const char *bytes, size_t n, size_t *chars)
{
    const char *p = bytes, *end = bytes + n;
    size_t extra = 0, length;
    uint64_t word;

    while (p < end) {
        if (end - p >= 8) {
            memcpy(&word, p, 8);
            if (!(word & UINT64_C(0x8080808080808080))) {
                p += 8;
                continue;
            }
        }
        if (!(*p & 0x80)) {
            p++;
            continue;
        }
        length = sc_utf8_sequence(p, end);
        if (!length)
            break;
        extra += length - 1;
        p += length;
    }
    *chars = (size_t)(p - bytes) - extra;
    return (size_t)(p - bytes);
}

size_t sc_utf8_put(char out[4], uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}
