/* json_plain: the inner loops of JSON text: finding, copying and comparing runs of plain
 * bytes.
 *
 * A plain byte is ASCII, not a control character, not `"` and not `\`: reading and
 * writing take it as it is. Nothing is read or written behind the end of a run, so no
 * padding is asked of the caller. Header only; owns nothing, checks no arguments. */
#ifndef SC_JSON_PLAIN_H
#define SC_JSON_PLAIN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

static inline uint64_t sc_json_load(const char *p)
{
    uint64_t word;

    memcpy(&word, p, 8);
    return word;
}

/* Not 0 exactly when one of the 8 bytes of word is not plain. */
static inline uint64_t sc_json_plain_word(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
    uint64_t quote = word ^ (ones * '"'), slash = word ^ (ones * '\\');

    return (((word - ones * 0x20) | (quote - ones) | (slash - ones)) & ~word & tops) |
           (word & tops);
}

#ifdef __SSE2__
/* One bit for each of the 16 bytes that is not plain: what is below 0x20 as a signed
 * byte is a control character or not ASCII. */
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
#ifdef __SSE2__
    while (end - p >= 16) {
        unsigned mask =
            sc_json_plain_mask(_mm_loadu_si128((const __m128i *)(const void *)p));

        if (mask)
            return p + __builtin_ctz(mask);
        p += 16;
    }
#endif
    while (end - p >= 8 && !sc_json_plain_word(sc_json_load(p)))
        p += 8;
    while (p < end && sc_json_plain_byte(*p))
        p++;
    return p;
}

/* Below 16 bytes: the first and the last half overlap, so that no byte loop is left. */
static inline int sc_json_copy_short(char *out, const char *p, size_t n)
{
    const uint64_t blanks = UINT64_C(0x2020202020202020);

    if (n >= 8) {
        uint64_t first = sc_json_load(p), last = sc_json_load(p + n - 8);

        memcpy(out, &first, 8);
        memcpy(out + n - 8, &last, 8);
#ifdef __SSE2__
        return !sc_json_plain_mask(_mm_set_epi64x((long long)last, (long long)first));
#else
        return !sc_json_plain_word(first) && !sc_json_plain_word(last);
#endif
    }
    if (n >= 4) {
        uint32_t first, last;

        memcpy(&first, p, 4);
        memcpy(&last, p + n - 4, 4);
        memcpy(out, &first, 4);
        memcpy(out + n - 4, &last, 4);
        return !sc_json_plain_word((uint64_t)last << 32 | first);
    }
    if (n >= 2) {
        uint16_t first, last;

        memcpy(&first, p, 2);
        memcpy(&last, p + n - 2, 2);
        memcpy(out, &first, 2);
        memcpy(out + n - 2, &last, 2);
        return !sc_json_plain_word((blanks << 32) | (uint32_t)last << 16 | first);
    }
    if (n == 0)
        return 1;
    *out = *p;
    return sc_json_plain_byte(*p);
}

/* Copies n bytes if all are plain and returns whether they were; when not, what was
 * written at out means nothing. Writes at most n bytes. */
static inline int sc_json_copy_plain(char *out, const char *p, size_t n)
{
    size_t i;

    if (n < 16)
        return sc_json_copy_short(out, p, n);
#ifdef __SSE2__
    for (i = 0; i < n; i += 16) {
        size_t from = i + 16 <= n ? i : n - 16;
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + from));

        _mm_storeu_si128((__m128i *)(void *)(out + from), x);
        if (sc_json_plain_mask(x))
            return 0;
    }
#else
    for (i = 0; i < n; i += 8) {
        size_t from = i + 8 <= n ? i : n - 8;
        uint64_t word = sc_json_load(p + from);

        memcpy(out + from, &word, 8);
        if (sc_json_plain_word(word))
            return 0;
    }
#endif
    return 1;
}

/* Whether n bytes are the same: for the short runs where calling memcmp costs more. */
static inline int sc_json_same(const char *a, const char *b, size_t n)
{
    size_t i;

    if (n >= 8) {
        for (i = 0; i + 8 <= n; i += 8)
            if (sc_json_load(a + i) != sc_json_load(b + i))
                return 0;
        return sc_json_load(a + n - 8) == sc_json_load(b + n - 8);
    }
    if (n >= 4) {
        uint32_t first[2], last[2];

        memcpy(&first[0], a, 4);
        memcpy(&first[1], b, 4);
        memcpy(&last[0], a + n - 4, 4);
        /* cppcheck-suppress pointerOutOfBoundsCond; it takes n >= 8 to be possible
         * here */
        memcpy(&last[1], b + n - 4, 4);
        return first[0] == first[1] && last[0] == last[1];
    }
    for (i = 0; i < n; i++)
        if (a[i] != b[i])
            return 0;
    return 1;
}

#endif
