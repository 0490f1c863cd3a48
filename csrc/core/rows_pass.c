#include "rows.h"
#include "scan.h"

/* Where a walk over a list stands. */
struct nesting {
    size_t objects; /* that are elements of the list */
    int depth, quoted, escaped;
};

/* Takes a bracket outside strings; returns whether the list ends there. */
static inline int take_bracket(struct nesting *n, char bracket)
{
    if (bracket == '{' || bracket == '[') {
        n->objects += n->depth == 0 && bracket == '{';
        n->depth++;
        return 0;
    }
    return --n->depth < 0;
}

/* Walks up to `count` bytes; returns the place of the bracket that ends the list, or
 * NULL. */
static const char *walk_bytes(struct nesting *n, const char *s, size_t count)
{
    for (const char *end = s + count; s < end; s++) {
        if (n->escaped) {
            n->escaped = 0;
        } else if (n->quoted) {
            n->quoted = *s != '"';
            n->escaped = *s == '\\';
        } else if (*s == '"') {
            n->quoted = 1;
        } else if (*s == '{' || *s == '[' || *s == '}' || *s == ']') {
            if (take_bracket(n, *s))
                return s;
        }
    }
    return NULL;
}

#ifdef SC_SCAN_SSE2
static inline uint64_t find_in_vector(__m128i v, __m128i c)
{
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, c));
}

/* One bit for each of 64 bytes that is c. */
static inline uint64_t find_in_block(const __m128i v[4], char c)
{
    const __m128i vc = _mm_set1_epi8(c);

    return find_in_vector(v[0], vc) | find_in_vector(v[1], vc) << 16 |
           find_in_vector(v[2], vc) << 32 | find_in_vector(v[3], vc) << 48;
}

/* Not 0 where the byte is a backslash or a square bracket. */
static inline __m128i odd_bytes(__m128i v)
{
    __m128i odd = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));

    odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8('[')));
    return _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8(']')));
}

static inline int is_odd_block(const __m128i v[4])
{
    __m128i odd = _mm_or_si128(_mm_or_si128(odd_bytes(v[0]), odd_bytes(v[1])),
                               _mm_or_si128(odd_bytes(v[2]), odd_bytes(v[3])));

    return _mm_movemask_epi8(odd) != 0;
}

/* Every bit that an odd number of set bits stands at or before. */
static inline uint64_t odd_from(uint64_t bits)
{
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^= bits << 32;
    return bits;
}

static inline size_t count_bits(uint64_t bits)
{
    bits -= bits >> 1 & UINT64_C(0x5555555555555555);
    bits = (bits & UINT64_C(0x3333333333333333)) +
           (bits >> 2 & UINT64_C(0x3333333333333333));
    bits = (bits + (bits >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (size_t)(bits * UINT64_C(0x0101010101010101) >> 56);
}

/* The same for 64 bytes at once. Most lists hold objects that hold no brackets: where a
 * block's brackets open and close by turns, counting them is enough. */
static const char *walk_block(struct nesting *n, const char *s)
{
    uint64_t outside, opens, closes, turns;
    __m128i v[4];

    v[0] = _mm_loadu_si128((const __m128i *)(const void *)s);
    v[1] = _mm_loadu_si128((const __m128i *)(const void *)(s + 16));
    v[2] = _mm_loadu_si128((const __m128i *)(const void *)(s + 32));
    v[3] = _mm_loadu_si128((const __m128i *)(const void *)(s + 48));
    if (n->escaped || n->depth > 1 || is_odd_block(v))
        return walk_bytes(n, s, 64);
    outside = odd_from(find_in_block(v, '"')) ^ (n->quoted ? 0 : ~UINT64_C(0));
    opens = find_in_block(v, '{') & outside;
    closes = find_in_block(v, '}') & outside;
    turns = odd_from(opens | closes);
    if ((turns & (opens | closes)) != (n->depth ? closes : opens))
        return walk_bytes(n, s, 64);
    n->objects += count_bits(opens);
    n->depth ^= (int)(turns >> 63);
    n->quoted = !(outside >> 63);
    return NULL;
}
#endif

const char *sc_rows_count_objects(const char *s, const char *end, size_t *objects)
{
    struct nesting n = {0, 0, 0, 0};
    const char *stop = NULL;

#ifdef SC_SCAN_SSE2
    for (; !stop && end - s >= 64; s += 64)
        stop = walk_block(&n, s);
#endif
    if (!stop)
        stop = walk_bytes(&n, s, (size_t)(end - s));
    *objects = n.objects;
    return stop && *stop == ']' ? stop + 1 : NULL;
}
