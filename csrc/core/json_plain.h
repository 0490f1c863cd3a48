/* json_plain: how far does a JSON string go on without anything to look at?
 *
 * A plain byte is ASCII, not a control character, not `"` and not `\`: reading and writing may
 * copy it as it is. Vectors are used only where all their bytes lie before end, so no padding
 * is asked of the caller. Header only, private to json_read.c and json_write.c. */
#ifndef SC_JSON_PLAIN_H
#define SC_JSON_PLAIN_H

#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Not 0 exactly when one of the 8 bytes of word is not plain. */
static inline uint64_t sc_json_plain_word(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
    uint64_t quote = word ^ (ones * '"'), slash = word ^ (ones * '\\');

    return (((word - ones * 0x20) | (quote - ones) | (slash - ones)) & ~word & tops) |
           (word & tops);
}

#ifdef __SSE2__
/* One bit for each of the 16 bytes that is not plain: what is below 0x20 as a signed byte is a
 * control character or not ASCII. */
static inline unsigned sc_json_plain_mask(__m128i x)
{
    __m128i odd = _mm_cmplt_epi8(x, _mm_set1_epi8(0x20));

    odd = _mm_or_si128(odd, _mm_cmpeq_epi8(x, _mm_set1_epi8('"')));
    odd = _mm_or_si128(odd, _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
    return (unsigned)_mm_movemask_epi8(odd);
}
#endif

static inline int sc_json_plain_byte(char c)
{
    unsigned char u = (unsigned char)c;

    return u >= 0x20 && u < 0x80 && u != '"' && u != '\\';
}

/* The first byte from p on that is not plain, or end. */
static inline const char *sc_json_plain_end(const char *p, const char *end)
{
    uint64_t word;

#ifdef __SSE2__
    while (end - p >= 16) {
        unsigned mask = sc_json_plain_mask(_mm_loadu_si128((const __m128i *)(const void *)p));

        if (mask)
            return p + __builtin_ctz(mask);
        p += 16;
    }
#endif
    while (end - p >= 8) {
        memcpy(&word, p, 8);
        if (sc_json_plain_word(word))
            break;
        p += 8;
    }
    while (p < end && sc_json_plain_byte(*p))
        p++;
    return p;
}

#endif
