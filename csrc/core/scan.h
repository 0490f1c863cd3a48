/* scan: finding bytes and copying short runs, sixteen bytes at a time where SSE2 is
 * there.
 *
 * Everything here reads up to 15 bytes behind the run it is given (where it says so, up
 * to 31), and copying writes as many behind its end: the caller's memory has SC_BUF_PAD
 * bytes there. Knows no format. */
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

/* The same for runs of which most have up to 32 bytes: no branch for these. Up to 31
 * bytes behind either run are read or written. */
static inline char *sc_scan_copy_cell(char *to, const char *from, size_t n)
{
#ifdef SC_SCAN_SSE2
    __m128i first = _mm_loadu_si128((const __m128i *)(const void *)from);
    __m128i second = _mm_loadu_si128((const __m128i *)(const void *)(from + 16));

    _mm_storeu_si128((__m128i *)(void *)to, first);
    _mm_storeu_si128((__m128i *)(void *)(to + 16), second);
    if (__builtin_expect(n > 32, 0))
        memcpy(to + 32, from + 32, n - 32);
#else
    memcpy(to, from, n);
#endif
    return to + n;
}

/* Whether the run has a quote, a backslash or a control character, which JSON escapes. */
static inline int sc_scan_escapes(const char *s, size_t n)
{
#ifdef SC_SCAN_SSE2
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i limit = _mm_set1_epi8(0x1f);

    for (size_t i = 0; i < n; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s + i));
        __m128i odd = _mm_cmpeq_epi8(_mm_min_epu8(v, limit), v);
        unsigned mask;

        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, quote));
        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, slash));
        mask = (unsigned)_mm_movemask_epi8(odd);
        if (n - i < 16)
            mask &= (1u << (n - i)) - 1;
        if (mask)
            return 1;
    }
    return 0;
#else
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == '"' || s[i] == '\\')
            return 1;
    return 0;
#endif
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

/* Whether the run has the byte c; without a branch for up to 32 bytes, and up to 31 behind
 * it are read. */
static inline int sc_scan_holds(const char *s, size_t n, char c)
{
#ifdef SC_SCAN_SSE2
    const __m128i vc = _mm_set1_epi8(c);
    __m128i first = _mm_loadu_si128((const __m128i *)(const void *)s);
    __m128i second = _mm_loadu_si128((const __m128i *)(const void *)(s + 16));
    uint64_t hits = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(first, vc));

    hits |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(second, vc)) << 16;
    if (__builtin_expect(n > 32, 0))
        return hits || memchr(s + 32, c, n - 32);
    return (hits & ((UINT64_C(1) << n) - 1)) != 0;
#else
    return n && memchr(s, c, n);
#endif
}

#endif
