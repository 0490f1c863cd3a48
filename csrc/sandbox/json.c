#include "json.h"

#include <string.h>

#define IS_SPACE(c) ((c) == ' ' || (c) == '\t' || (c) == '\n' || (c) == '\r')

static const char *skip_space(const char *p)
{
    while (IS_SPACE(*p))
        p++;
    return p;
}

/* Behind the text that begins at p: the first quote with an even number of backslashes
 * before it. */
static const char *text_end(const char *p)
{
    const char *quote = p, *before;

    do {
        quote = strchr(quote + 1, '"');
        for (before = quote; before[-1] == '\\'; before--)
            ;
    } while ((quote - before) % 2);
    return quote + 1;
}

/* Behind the object or array that begins at p. */
static const char *container_end(const char *p)
{
    size_t depth = 0;

    for (;;) {
        switch (*p) {
        case '"': p = text_end(p); continue;
        case '{':
        case '[': depth++; break;
        case '}':
        case ']':
            if (--depth == 0)
                return p + 1;
        }
        p++;
    }
}

static const char *value_end(const char *p)
{
    if (*p == '"')
        return text_end(p);
    if (*p == '{' || *p == '[')
        return container_end(p);
    while (*p && *p != ',' && *p != '}' && *p != ']' && !IS_SPACE(*p))
        p++;
    return p;
}

struct sc_json sc_json_value(const char *text)
{
    struct sc_json value;

    value.at = skip_space(text);
    value.len = (size_t)(value_end(value.at) - value.at);
    return value;
}

enum sc_json_type sc_json_type(struct sc_json value)
{
    switch (*value.at) {
    case '"': return SC_JSON_TEXT;
    case '{': return SC_JSON_OBJECT;
    case '[': return SC_JSON_ARRAY;
    case 'n': return SC_JSON_NULL;
    default: return SC_JSON_OTHER;
    }
}

struct sc_json sc_json_begin(const char *text)
{
    struct sc_json value = {skip_space(text), 0};

    return value;
}

int sc_json_peek(struct sc_json container, struct sc_json *next, struct sc_json *key,
                 struct sc_json *value)
{
    const char *p = skip_space(next->at ? next->at : container.at + 1);

    if (*p == ',')
        p = skip_space(p + 1);
    next->at = p;
    if (*p == '}' || *p == ']')
        return 0;
    key->at = p;
    key->len = 0;
    if (*container.at == '{') {
        *key = sc_json_value(p);
        p = skip_space(p + key->len) + 1; /* the colon */
    }
    value->at = next->at = skip_space(p);
    value->len = 0;
    return 1;
}

void sc_json_measure(struct sc_json *value, struct sc_json *next)
{
    next->at = value_end(value->at);
    value->len = (size_t)(next->at - value->at);
}

void sc_json_leave(struct sc_json *value, struct sc_json inner, struct sc_json *next)
{
    next->at = inner.at + 1;
    value->len = (size_t)(next->at - value->at);
}

int sc_json_each(struct sc_json container, struct sc_json *next, struct sc_json *key,
                 struct sc_json *value)
{
    if (!sc_json_peek(container, next, key, value))
        return 0;
    sc_json_measure(value, next);
    return 1;
}

size_t sc_json_count(struct sc_json container)
{
    struct sc_json next = {0}, key, value;
    size_t n = 0;

    while (sc_json_each(container, &next, &key, &value))
        n++;
    return n;
}

static unsigned hex4(const char *p)
{
    unsigned value = 0;
    int i;

    for (i = 0; i < 4; i++) {
        char c = p[i];

        value = value << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

static char *put_utf8(char *out, unsigned point)
{
    if (point < 0x80) {
        *out++ = (char)point;
        return out;
    }
    if (point < 0x800) {
        *out++ = (char)(0xc0 | point >> 6);
    } else {
        if (point < 0x10000) {
            *out++ = (char)(0xe0 | point >> 12);
        } else {
            *out++ = (char)(0xf0 | point >> 18);
            *out++ = (char)(0x80 | (point >> 12 & 0x3f));
        }
        *out++ = (char)(0x80 | (point >> 6 & 0x3f));
    }
    *out++ = (char)(0x80 | (point & 0x3f));
    return out;
}

/* The escape behind the backslash at *p, which moves behind it. */
static char *put_escape(char *out, const char **p)
{
    static const char names[] = "bfnrt", meant[] = "\b\f\n\r\t";
    const char *known = strchr(names, (*p)[1]);
    unsigned point;

    if ((*p)[1] != 'u') {
        *out++ = known ? meant[known - names] : (*p)[1];
        *p += 2;
        return out;
    }
    point = hex4(*p + 2);
    *p += 6;
    if ((point & 0xfc00) == 0xd800) { /* the other half follows: the body was checked */
        point = 0x10000 + ((point & 0x3ff) << 10) + (hex4(*p + 2) & 0x3ff);
        *p += 6;
    }
    return put_utf8(out, point);
}

size_t sc_json_text(struct sc_json value, char *out)
{
    const char *p = value.at + 1, *end = value.at + value.len - 1;
    char *begin = out;

    if (!memchr(p, '\\', (size_t)(end - p))) {
        memcpy(out, p, (size_t)(end - p));
        out += end - p;
        p = end;
    }
    while (p < end) {
        if (*p == '\\')
            out = put_escape(out, &p);
        else
            *out++ = *p++;
    }
    *out = '\0';
    return (size_t)(out - begin);
}

int sc_json_says(struct sc_json value, const char *words)
{
    size_t n = strlen(words);
    char text[256];

    if (value.len == n + 2 && memcmp(value.at + 1, words, n) == 0)
        return 1;
    /* with escapes it is longer than what it says */
    if (value.len <= n + 2 || value.len > sizeof text ||
        !memchr(value.at, '\\', value.len))
        return 0;
    return sc_json_text(value, text) == n && memcmp(text, words, n) == 0;
}

int sc_json_is_tight(struct sc_json value)
{
    const char *p = value.at, *end = value.at + value.len, *text;

    while (p < end) {
        if (IS_SPACE(*p))
            return 0;
        if (*p != '"') {
            p++;
            continue;
        }
        text = p;
        p = text_end(p);
        if (memchr(text, '\\', (size_t)(p - text)))
            return 0;
    }
    return 1;
}
