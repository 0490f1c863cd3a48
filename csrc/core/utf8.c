#include "utf8.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The place of the first byte of a word that is not 0. */
static inline size_t first_byte(uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (size_t)__builtin_ctzll(word) / 8;
#else
    return (size_t)__builtin_clzll(word) / 8;
#endif
}

/* The first byte from p on that is not ASCII, or end. */
static inline const char *skip_ascii(const char *p, const char *end)
{
#ifdef __SSE2__
    while (end - p >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        unsigned mask = (unsigned)_mm_movemask_epi8(v);

        if (mask)
            return p + __builtin_ctz(mask);
        p += 16;
    }
#endif
    while (end - p >= 8) {
        uint64_t word;

        memcpy(&word, p, 8);
        word &= UINT64_C(0x8080808080808080);
        if (word)
            return p + first_byte(word);
        p += 8;
    }
    while (p < end && !(*p & 0x80))
        p++;
    return p;
}

size_t sc_utf8_check(const char *bytes, size_t n, size_t *chars)
{
    const char *p = bytes, *end = bytes + n;
    size_t extra = 0, length = 1;

    while (length && (p = skip_ascii(p, end)) < end)
        do {
            length = sc_utf8_sequence(p, end);
            if (!length)
                break;
            extra += length - 1;
            p += length;
        } while (p < end && *p & 0x80);
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
