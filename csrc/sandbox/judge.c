#include "judge.h"

#include <string.h>

/* Everything here takes a place in the text and gives the one behind what it read, or
 * NULL. No byte that stands in the text's place for the end, NUL, is ever passed. */

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *skip_space(const char *p)
{
    while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')
        p++;
    return p;
}

/* What does not simply stand for itself in a text: its end, escapes, control characters. */
static const unsigned char special[256] = {
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,         1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, ['"'] = 1, ['\\'] = 1};

static const char *escape(const char *p)
{
    int i;

    if (p[1] != 'u')
        return p[1] && strchr("\"\\/bfnrt", p[1]) ? p + 2 : NULL;
    for (i = 2; i < 6; i++)
        if (!is_digit(p[i]) && !((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'f'))
            return NULL;
    return p + 6;
}

static const char *text(const char *p)
{
    for (p++;;) {
        while (!special[(unsigned char)*p])
            p++;
        if (*p == '"')
            return p + 1;
        p = *p == '\\' ? escape(p) : NULL;
        if (!p)
            return NULL;
    }
}

static const char *digits(const char *p)
{
    if (!is_digit(*p))
        return NULL;
    while (is_digit(*p))
        p++;
    return p;
}

static const char *number(const char *p)
{
    if (*p == '-')
        p++;
    p = *p == '0' ? p + 1 : digits(p);
    if (p && *p == '.')
        p = digits(p + 1);
    if (p && (*p == 'e' || *p == 'E')) {
        p++;
        p = digits(*p == '+' || *p == '-' ? p + 1 : p);
    }
    return p;
}

static const char *word(const char *p, const char *expected)
{
    size_t n = strlen(expected);

    return strncmp(p, expected, n) == 0 ? p + n : NULL;
}

/* A value that is no container. */
static const char *scalar(const char *p)
{
    switch (*p) {
    case '"': return text(p);
    case 't': return word(p, "true");
    case 'f': return word(p, "false");
    case 'n': return word(p, "null");
    default: return number(p);
    }
}

/* What stands before a value: in an object its name and a colon. */
static const char *before(const char *p, int in_object)
{
    p = skip_space(p);
    if (!in_object)
        return p;
    p = *p == '"' ? text(p) : NULL;
    p = p ? skip_space(p) : NULL;
    return p && *p == ':' ? skip_space(p + 1) : NULL;
}

int sc_judge_json(const char *text, size_t len)
{
    unsigned char object[SC_JUDGE_DEPTH]; /* of the containers around p */
    const char *end = text + len, *p = skip_space(text);
    size_t depth = 0;

    for (;;) {
        if (*p == '{' || *p == '[') {
            if (depth == SC_JUDGE_DEPTH)
                return 0;
            object[depth] = *p == '{';
            p = skip_space(p + 1);
            if (*p != (object[depth++] ? '}' : ']')) {
                p = before(p, object[depth - 1]);
                if (!p)
                    return 0;
                continue;
            }
        } else {
            p = scalar(p);
            if (!p)
                return 0;
            p = skip_space(p);
        }
        /* behind a value, or at the end of an empty container */
        while (depth > 0 && *p == (object[depth - 1] ? '}' : ']')) {
            p = skip_space(p + 1);
            depth--;
        }
        if (depth == 0)
            return p == end;
        p = *p == ',' ? before(p + 1, object[depth - 1]) : NULL;
        if (!p)
            return 0;
    }
}
