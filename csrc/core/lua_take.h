/* lua_take: leaf values of a shape on their way in, and any JSON.
 *
 * What lua_shape_read.c calls for texts and numbers; it walks records, lists and maps
 * itself. A struct sc_take belongs to one call of read and owns nothing. Every push
 * may run the collector and with it anybody's __gc: what is kept across one lies on
 * L's stack or in the text that is read, which only this call can reach. Functions
 * return 1 when they pushed a value, -1 with the problem named. */
#ifndef SC_LUA_TAKE_H
#define SC_LUA_TAKE_H

#include "json_plain.h"
#include "json_read.h"
#include "lua_util.h"
#include "shape.h"

#pragma GCC visibility push(hidden)

#define SC_TAKE_CACHED       64 /* texts remembered, a power of two */
#define SC_TAKE_CACHED_BYTES 40 /* longer ones are not */

struct sc_take {
    struct sc_json_scan scan;
    struct sc_shape_problem *problem;
    int slots; /* stack index of the shape's first Lua value, less one */
    int marks; /* stack index of the first metatable, less one */
    int cache; /* stack index of the first remembered text */
    int scratch; /* stack index of the buffer for escapes, nil until one is met */
    int raw; /* keep unknown keys of marked records */
    size_t tables;
    struct sc_text cached[SC_TAKE_CACHED]; /* where in the text that is read they stand */
};

/* Names the scanner's problem, unless one is named already. -1. */
int sc_take_fail(struct sc_take *r, const struct sc_shape_at *at);

/* A value that begins with the byte got is of the wrong type. -1. */
int sc_take_fail_type(struct sc_take *r, const struct sc_shape_node *node,
                      const struct sc_shape_at *at, int got, const char *wanted);

/* Counts a table and takes its bracket. 0. */
int sc_take_open(struct sc_take *r, const struct sc_shape_at *at);

/* Pushes a string with its escapes undone. */
void sc_take_push(lua_State *L, struct sc_take *r, const struct sc_json_text *text);

/* Pushes a number; as its text when this Lua cannot hold it exactly or at all. */
void sc_take_push_number(lua_State *L, const struct sc_json_number *number);

/* A value of a string node, of which c is the first byte. */
int sc_take_text(lua_State *L, struct sc_take *r, struct sc_shape_node *node,
                 const struct sc_shape_at *at, int c);

/* A value of an integer node, of which c is the first byte. */
int sc_take_integer(lua_State *L, struct sc_take *r, const struct sc_shape_node *node,
                    const struct sc_shape_at *at, int c);

/* Any value; null as the null of lua-cjson. */
int sc_take_any(lua_State *L, struct sc_take *r, const struct sc_shape_at *at);

static inline int sc_take_is_number(int c)
{
    return c == '-' || (c >= '0' && c <= '9');
}

/* sc_json_scan_next, sc_json_scan_string and sc_json_scan_colon for the text that a
 * machine wrote: no blanks, no escapes. */
static inline int sc_take_next(struct sc_json_scan *s, char close, int first)
{
    if (!first && s->end - s->at > 1 && *s->at == ',' && (unsigned char)s->at[1] > ' ') {
        s->at++;
        return 1;
    }
    return sc_json_scan_next(s, close, first);
}

static inline int sc_take_string(struct sc_json_scan *s, struct sc_json_text *text)
{
    const char *from = s->at + 1, *to = sc_json_plain_end(from, s->end);

    if (to == s->end || *to != '"')
        return sc_json_scan_string(s, text);
    text->bytes = from;
    text->len = (size_t)(to - from);
    text->escaped = 0;
    s->at = to + 1;
    return 0;
}

static inline int sc_take_colon(struct sc_json_scan *s)
{
    if (s->at == s->end || *s->at != ':')
        return sc_json_scan_colon(s);
    s->at++;
    return 0;
}

/* Pushes a text that is likely to have been met before (a map's name, a tag): Lua need
 * not hash it again then. Returns whether it had been. */
static inline int sc_take_push_again(lua_State *L, struct sc_take *r,
                                     const struct sc_json_text *text)
{
    const unsigned char *b = (const unsigned char *)text->bytes;
    struct sc_text *known;
    size_t n = text->len, place;

    if (text->escaped || n == 0 || n > SC_TAKE_CACHED_BYTES) {
        sc_take_push(L, r, text);
        return 0;
    }
    place = (b[0] + 3u * b[n / 2] + 7u * b[n - 1] + n) % SC_TAKE_CACHED;
    known = &r->cached[place];
    if (known->len == n && sc_json_same(known->bytes, text->bytes, n)) {
        lua_pushvalue(L, r->cache + (int)place);
        return 1;
    }
    lua_pushlstring(L, text->bytes, n);
    lua_pushvalue(L, -1);
    lua_replace(L, r->cache + (int)place);
    known->bytes = text->bytes;
    known->len = n;
    return 0;
}

/* Pushes a text of a node, remembering texts as long as that pays: luck rises with
 * every text met again, and below 0 it counts the texts for which nothing is tried. */
static inline void sc_take_push_lucky(lua_State *L, struct sc_take *r,
                                      struct sc_shape_node *node,
                                      const struct sc_json_text *text)
{
    if (node->luck < 0) {
        if (++node->luck == 0)
            node->luck = 8;
        sc_take_push(L, r, text);
    } else if (sc_take_push_again(L, r, text)) {
        node->luck = (int8_t)(node->luck < 60 ? node->luck + 2 : 60);
    } else if (--node->luck < 0) {
        node->luck = -120;
    }
}

#pragma GCC visibility pop

#endif
