/* scan: finding bytes and copying short runs, sixteen bytes at a time where SSE2 is
 * there.
 *
 * Everything here reads up to 15 bytes behind the run it is given, and copying writes
 * as many behind its end: the caller's memory has SC_BUF_PAD bytes there. Knows no
 * format. */
#ifndef SC_SCAN_H
#define SC_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__) && !defined(SC_NO_SIMD)
#include <emmintrin.h>
#define SC_SCAN_SSE2 1
#endif

/* Copies n bytes and returns the end of the copy. */
static inline char *sc_scan_copy(char *to, const char *from, size_t n)
{
#ifdef SC_SCAN_SSE2
    _mm_storeu_si128((__m128i *)(void *)to,
                     _mm_loadu_si128((const __m128i *)(const void *)from));
    for (size_t i = 16; __builtin_expect(i < n, 0); i += 16)
        _mm_storeu_si128((__m128i *)(void *)(to + i),
                         _mm_loadu_si128((const __m128i *)(const void *)(from + i)));
#else
    memcpy(to, from, n);
#endif
    return to + n;
}

/* The first byte that is a or b; there must be one. */
static inline const char *sc_scan_either(const char *s, char a, char b)
{
#ifdef SC_SCAN_SSE2
    const __m128i va = _mm_set1_epi8(a), vb = _mm_set1_epi8(b);

    for (;; s += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)s);
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, va), _mm_cmpeq_epi8(v, vb));
        unsigned mask = (unsigned)_mm_movemask_epi8(hit);

        if (mask)
            return s + __builtin_ctz(mask);
    }
#else
    while (*s != a && *s != b)
        s++;
    return s;
#endif
}

/* The first byte c at or behind s, or end. */
static inline const char *sc_scan_byte(const char *s, const char *end, char c)
{
#ifdef SC_SCAN_SSE2
    const __m128i vc = _mm_set1_epi8(c);

    for (; s < end; s += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)s);
        unsigned mask = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, vc));

        if (mask) {
            s += __builtin_ctz(mask);
            return s < end ? s : end;
        }
    }
    return end;
#else
    const char *hit = s < end ? memchr(s, c, (size_t)(end - s)) : NULL;

    return hit ? hit : end;
#endif
}

#endif
