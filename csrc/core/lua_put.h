/* lua_put: leaf values of a shape on their way out, and any JSON.
 *
 * What lua_shape_write.c calls for texts, numbers and enumerations; it walks the
 * tables itself. A struct sc_put belongs to one call of write and owns nothing: the
 * buffer is the shape's or the caller's. Nothing here runs Lua code or makes Lua
 * objects, so neither moves during a walk. Functions return 0, or -1 with the problem
 * named. index is a place on L's stack, never relative. */
#ifndef SC_LUA_PUT_H
#define SC_LUA_PUT_H

#include "json_plain.h"
#include "lua_util.h"
#include "shape.h"

#pragma GCC visibility push(hidden)

struct sc_put {
    struct sc_buf *out;
    struct sc_shape_problem *problem;
    int slots; /* stack index of the shape's Lua values */
};

/* No lead is longer; all are stored with so many bytes behind their start. */
#define SC_PUT_LEAD (SC_SHAPE_WIRE + 4)

/* A value that is not of the node's type: null where that is allowed, else a failure. */
int sc_put_other(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                 const struct sc_shape_at *at, int index, const char *wanted);

/* A key that is no text; owner is what the message calls it. */
int sc_put_fail_key(lua_State *L, struct sc_put *w, const struct sc_shape_at *at,
                    int index, const char *owner);

/* What a status of json_write or buf means at this place; where is the offset of a bad
 * byte. */
int sc_put_fail_status(struct sc_put *w, const struct sc_shape_node *node,
                       const struct sc_shape_at *at, int status, size_t where);

/* Checks min and max; one and many are what is counted. */
int sc_put_check_count(struct sc_put *w, const struct sc_shape_node *node,
                       const struct sc_shape_at *at, size_t count, const char *one,
                       const char *many);

/* Checks a text's number of code points and its characters. */
int sc_put_check_text(struct sc_put *w, const struct sc_shape_node *node,
                      const struct sc_shape_at *at, const char *bytes, size_t len,
                      size_t chars);

/* What a string node with an enumeration sends for the value. */
int sc_put_translate(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                     const struct sc_shape_at *at, int index, const char **bytes,
                     size_t *len);

/* An integer, checked. */
int sc_put_integer(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                   const struct sc_shape_at *at, int index);

/* Any number, integers without a point. */
int sc_put_number(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                  const struct sc_shape_at *at, int index);

/* A value that goes out as lua-cjson would write it, but an empty table always as {}. */
int sc_put_any(lua_State *L, struct sc_put *w, const struct sc_shape_at *at, int index,
               int depth);

/* Whether the table at index has other keys than 1 to *items. */
int sc_put_count_items(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                       const struct sc_shape_at *at, int index, size_t *items);

/* Writes a lead (`,"email":`) and any string behind it; *chars gets its code points. */
int sc_put_string(struct sc_put *w, const struct sc_shape_node *node,
                  const struct sc_shape_at *at, const struct sc_text *lead,
                  const char *bytes, size_t len, size_t *chars);

/* What tells a string on L's stack from every other one while it lives, where it is
 * short; NULL or something that no string has for other values. */
static inline const void *sc_put_ident(lua_State *L, int index)
{
    const void *object = lua_topointer(L, index);

#if LUA_VERSION_NUM < 504
    if (!object && lua_type(L, index) == LUA_TSTRING) /* LuaJIT has told already */
        return lua_tostring(L, index);
#endif
    return object;
}

static inline int sc_put_bytes(struct sc_put *w, const char *bytes, size_t n)
{
    struct sc_buf *b = w->out;
    int rc;

    if (n <= b->cap - b->len && b->data) {
        memcpy(b->data + b->len, bytes, n);
        b->len += n;
        return 0;
    }
    rc = sc_buf_add(b, bytes, n);
    return rc ? sc_put_fail_status(w, NULL, NULL, rc, 0) : 0;
}

static inline int sc_put_char(struct sc_put *w, char c)
{
    struct sc_buf *b = w->out;

    if (b->len < b->cap) {
        b->data[b->len++] = c;
        return 0;
    }
    return sc_put_bytes(w, &c, 1);
}

/* Ends the table that began at start: the comma before its first item becomes a
 * bracket. */
static inline int sc_put_close(struct sc_put *w, size_t start, char open, char close)
{
    if (w->out->len == start)
        return sc_put_char(w, open) || sc_put_char(w, close);
    w->out->data[start] = open;
    return sc_put_char(w, close);
}

/* Writes a lead. */
static inline int sc_put_lead(struct sc_put *w, const struct sc_text *lead)
{
    struct sc_buf *b = w->out;

    if (b->cap - b->len < SC_PUT_LEAD)
        return sc_put_bytes(w, lead->bytes, lead->len);
    memcpy(b->data + b->len, lead->bytes, SC_PUT_LEAD); /* of constant size, no call */
    b->len += lead->len;
    return 0;
}

/* Writes a lead and a string behind it, if there is room and all is plain; returns
 * whether. Inline in every place: this is where writing spends its time. */
__attribute__((always_inline)) static inline int
sc_put_plain(struct sc_put *w, const struct sc_text *lead, const char *bytes, size_t len)
{
    struct sc_buf *b = w->out;
    size_t room = b->cap - b->len;
    char *to;

    if (room < SC_PUT_LEAD + 2 || len > room - SC_PUT_LEAD - 2)
        return 0;
    to = b->data + b->len;
    memcpy(to, lead->bytes, SC_PUT_LEAD); /* of constant size; the string goes over it */
    to += lead->len;
    if (!sc_json_copy_plain(to + 1, bytes, len))
        return 0;
    to[0] = '"';
    to[len + 1] = '"';
    b->len += lead->len + len + 2;
    return 1;
}

#pragma GCC visibility pop

#endif
