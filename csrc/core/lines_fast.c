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

#ifdef SC_SCAN_SSE2
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i limit = _mm_set1_epi8(0x1f);
    __m128i all = _mm_setzero_si128(); /* what was looked at: more than the string */

    for (;; s += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)s);
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash));
        unsigned mask;

        hit = _mm_or_si128(hit, _mm_cmpeq_epi8(_mm_min_epu8(v, limit), v));
        all = _mm_or_si128(all, v);
        mask = (unsigned)_mm_movemask_epi8(hit);
        if (mask) {
            s += __builtin_ctz(mask);
            break;
        }
    }
    return *s == '"' && (!_mm_movemask_epi8(all) || is_utf8(from, s)) ? s : NULL;
#else
    unsigned high = 0;

    for (; *s != '"' && *s != '\\' && (unsigned char)*s >= 0x20; s++)
        high |= (unsigned char)*s & 0x80u;
    return *s == '"' && (!high || is_utf8(from, s)) ? s : NULL;
#endif
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

/* A flat list: the place behind it. */
static const char *list_end(const char *s)
{
    if (s[1] == ']')
        return s + 2;
    do
        s = scalar_end(s + 1);
    while (s && *s == ',');
    return s && *s == ']' ? s + 1 : NULL;
}

/* A flat map: the place behind it. */
static const char *map_end(const char *s)
{
    if (s[1] == '}')
        return s + 2;
    do {
        if (*++s != '"')
            return NULL;
        s = string_end(s + 1);
        if (!s || s[1] != ':')
            return NULL;
        s = scalar_end(s + 2);
    } while (s && *s == ',');
    return s && *s == '}' ? s + 1 : NULL;
}

/* Reads the value at s into v, which holds nothing; returns the place behind it. */
static inline const char *read_value(const char *s, struct sc_lines_value *v)
{
    const char *from = s;

    if (__builtin_expect(*s == '"', 1)) {
        s = string_end(s + 1);
        if (!s)
            return NULL;
        v->at = from + 1;
        v->len = (uint32_t)(s - from - 1);
        v->kind = SC_LINES_PLAIN;
        return s + 1;
    }
    if (*s == 'n')
        return memcmp(s, "null", 4) ? NULL : s + 4;
    if (*s == '[' || *s == '{') {
        s = *s == '[' ? list_end(s) : map_end(s);
        v->kind = SC_LINES_NEST;
        v->tight = 1;
    } else {
        s = integer_end(s);
        v->kind = SC_LINES_BARE;
    }
    if (!s)
        return NULL;
    v->at = from;
    v->len = (uint32_t)(s - from);
    return s;
}

/* Whether `"name":` stands at s; names is the text that name is of. */
static inline int key_is(const char *names, struct sc_lines_name name, const char *s)
{
    const char *key = names + name.at - 1;
    size_t n = name.len + 3u;

#ifdef SC_SCAN_SSE2
    for (;; s += 16, key += 16, n -= 16) {
        __m128i a = _mm_loadu_si128((const __m128i *)(const void *)s);
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)key);
        unsigned odd = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(a, b)) ^ 0xffffu;

        if (__builtin_expect(n <= 16, 1))
            return !(odd & ((1u << n) - 1));
        if (odd)
            return 0;
    }
#else
    return !memcmp(s, key, n);
#endif
}

/* The map of fields, whose keys must be columns: each value to its column. */
static const char *read_fields(struct sc_lines *l, const char *s)
{
    const char *names = l->text.data;
    size_t at = l->first_field, i;

    if (*++s == '}')
        return s + 1;
    for (;; s++) {
        for (i = at; i < l->column_count; i++)
            if (l->columns[i].part == -1 && key_is(names, l->columns[i].name, s))
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

/* Reads a part that another key of it has told already. */
static const char *read_again(struct sc_lines_value *part, uint8_t rank, const char *s)
{
    struct sc_lines_value value = {NULL, 0, 0, rank, 0};

    s = read_value(s, &value);
    if (s && value.kind && rank < part->rank)
        *part = value;
    return s;
}

const char *sc_lines_fast(struct sc_lines *l, const char *s)
{
    const char *names = l->text.data;

    if (!l->key_count)
        return NULL;
    for (size_t place = 0; place < SC_LINES_KEYS; place++) {
        const struct sc_lines_key *key = &l->keys[l->guess[place]];
        struct sc_lines_value *part = &l->parts[key->part];

        s++; /* the brace or comma before the key */
        if (!key_is(names, key->name, s))
            return NULL;
        s += key->name.len + 3;
        if (*s == '{' && key->part == l->fields_part && l->column_count) {
            s = read_fields(l, s);
        } else if (__builtin_expect(!part->kind, 1)) {
            part->rank = key->rank;
            s = read_value(s, part);
        } else {
            s = read_again(part, key->rank, s);
        }
        if (!s)
            return NULL;
        if (key->part == l->id_part && part->kind)
            expect(l, part);
        if (*s != ',')
            return *s == '}' ? s + 1 : NULL;
    }
    return NULL;
}
