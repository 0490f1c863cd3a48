#include "lines.h"
#include "scan.h"
#include "utf8.h"

/* The common case of a member, read without a call a token: keys in the order of the
 * member before, strings, plain integers, null, flat lists and maps of them. Whatever
 * else turns up makes these functions return NULL, and lines.c reads the member again by
 * the book. NULs stand behind the text's end: no search runs past them. */

static int is_utf8(const char *s, const char *end)
{
    size_t chars, n = (size_t)(end - s);

    return sc_utf8_check(s, n, &chars) == n;
}

/* The quote that ends the string whose content begins at s; NULL at an escape, a control
 * character, or where it is not UTF-8. */
static inline const char *string_end(const char *s)
{
    const char *from = s;
    unsigned high = 0;

#ifdef SC_SCAN_SSE2
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i limit = _mm_set1_epi8(0x1f);

    for (;; s += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)s);
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash));
        unsigned mask, tops = (unsigned)_mm_movemask_epi8(v);

        hit = _mm_or_si128(hit, _mm_cmpeq_epi8(_mm_min_epu8(v, limit), v));
        mask = (unsigned)_mm_movemask_epi8(hit);
        if (mask) {
            high |= tops & (mask - 1) & ~mask;
            s += __builtin_ctz(mask);
            break;
        }
        high |= tops;
    }
#else
    for (; *s != '"' && *s != '\\' && (unsigned char)*s >= 0x20; s++)
        high |= (unsigned char)*s & 0x80u;
#endif
    return *s == '"' && (!high || is_utf8(from, s)) ? s : NULL;
}

/* The integer at s: the place behind it. */
static inline const char *integer_end(const char *s)
{
    s += *s == '-';
    if (*s < '1' || *s > '9')
        return NULL;
    while (*s >= '0' && *s <= '9')
        s++;
    return *s == ',' || *s == '}' || *s == ']' ? s : NULL;
}

/* A string, an integer or null: the place behind it. */
static inline const char *scalar_end(const char *s)
{
    if (*s == '"') {
        s = string_end(s + 1);
        return s ? s + 1 : NULL;
    }
    if (*s == 'n')
        return memcmp(s, "null", 4) ? NULL : s + 4;
    return integer_end(s);
}

/* A flat list or map: the place behind it. */
static const char *flat_end(const char *s)
{
    const char close = *s == '[' ? ']' : '}';

    if (s[1] == close)
        return s + 2;
    do {
        s++;
        if (close == '}') {
            if (*s != '"')
                return NULL;
            s = string_end(s + 1);
            if (!s || s[1] != ':')
                return NULL;
            s += 2;
        }
        s = scalar_end(s);
    } while (s && *s == ',');
    return s && *s == close ? s + 1 : NULL;
}

/* Reads the value at s; returns the place behind it. */
static inline const char *read_value(const char *s, struct sc_lines_value *v)
{
    const char *from = s;

    if (*s == '"') {
        s = string_end(s + 1);
        if (!s)
            return NULL;
        v->at = from + 1;
        v->len = (uint32_t)(s - from - 1);
        v->kind = SC_LINES_PLAIN;
        return s + 1;
    }
    if (*s == '[' || *s == '{') {
        v->kind = SC_LINES_NEST;
        v->tight = 1;
        s = flat_end(s);
    } else {
        v->kind = *s == 'n' ? SC_LINES_NOTHING : SC_LINES_BARE;
        s = scalar_end(s);
    }
    if (!s)
        return NULL;
    v->at = from;
    v->len = (uint32_t)(s - from);
    return s;
}

/* Whether `"name":` stands at s. */
static inline int key_is(const struct sc_lines *l, struct sc_lines_name name,
                         const char *s)
{
    const char *key = l->text.data + name.at - 1;
    size_t n = name.len + 3u;

#ifdef SC_SCAN_SSE2
    while (n > 16) {
        __m128i a = _mm_loadu_si128((const __m128i *)(const void *)s);
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)key);

        if (_mm_movemask_epi8(_mm_cmpeq_epi8(a, b)) != 0xffff)
            return 0;
        s += 16;
        key += 16;
        n -= 16;
    }
    {
        __m128i a = _mm_loadu_si128((const __m128i *)(const void *)s);
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)key);
        unsigned keep = (1u << n) - 1;

        return ((unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(a, b)) & keep) == keep;
    }
#else
    return !memcmp(s, key, n);
#endif
}

/* The map of fields, whose keys must be columns: each value to its column. */
static const char *read_fields(struct sc_lines *l, const char *s)
{
    size_t at = l->first_field, i;

    if (*++s == '}')
        return s + 1;
    for (;; s++) {
        for (i = at; i < l->column_count; i++)
            if (l->columns[i].part == -1 && key_is(l, l->columns[i].name, s))
                break;
        if (i == l->column_count)
            return NULL;
        s = read_value(s + l->columns[i].name.len + 3, &l->columns[i].value);
        if (!s)
            return NULL;
        at = i + 1;
        if (*s == '}')
            return s + 1;
        if (*s != ',')
            return NULL;
    }
}

/* While the rest of the member is read, the machine fetches what is known of its id. */
static void expect(struct sc_lines *l, const struct sc_lines_value *id)
{
    l->hashed = id->at;
    l->hash = sc_ids_hash(id->at, id->len);
    sc_ids_expect(&l->ids, l->hash);
}

const char *sc_lines_fast(struct sc_lines *l, const char *s)
{
    for (size_t place = 0; place < SC_LINES_KEYS; place++) {
        const struct sc_lines_key *key = &l->keys[l->guess[place]];
        struct sc_lines_value value = {NULL, 0, 0, 0, 0};

        s++; /* the brace or comma before the key */
        if (l->guess[place] >= l->key_count || !key_is(l, key->name, s))
            return NULL;
        s += key->name.len + 3;
        if (key->part == l->fields_part && l->column_count && *s == '{') {
            s = read_fields(l, s);
        } else {
            s = read_value(s, &value);
            value.rank = key->rank;
            if (s && value.kind &&
                (!l->parts[key->part].kind || value.rank < l->parts[key->part].rank))
                l->parts[key->part] = value;
            if (key->part == l->id_part && s && value.kind)
                expect(l, &value);
        }
        if (!s)
            return NULL;
        if (*s == '}')
            return s + 1;
        if (*s != ',')
            return NULL;
    }
    return NULL;
}
