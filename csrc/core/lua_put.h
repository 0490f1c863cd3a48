/* lua_put: leaf values of a shape on their way out, and any JSON.
 *
 * What lua_shape_write.c calls for texts, numbers and enumerations; it walks the tables itself.
 * A struct sc_put belongs to one call of write and owns nothing: the buffer is the shape's or the
 * caller's. Nothing here runs Lua code or makes Lua objects, so neither moves during a walk.
 * Functions return 0, or -1 with the problem named. index is a place on L's stack, never relative. */
#ifndef SC_LUA_PUT_H
#define SC_LUA_PUT_H

#include "json_plain.h"
#include "lua_util.h"
#include "shape.h"

struct sc_put {
    struct sc_buf *out;
    struct sc_shape_problem *problem;
    int slots; /* stack index of the shape's Lua values */
};

#define SC_PUT_LEAD 32 /* leads are stored with at least so many bytes behind their start */

int sc_put_fail_type(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                     const struct sc_shape_at *at, int index, const char *wanted);

/* A key that is no text; owner is what the message calls it. */
int sc_put_fail_key(lua_State *L, struct sc_put *w, const struct sc_shape_at *at, int index,
                    const char *owner);

/* What a status of json_write or buf means at this place; where is the offset of a bad byte. */
int sc_put_fail_status(struct sc_put *w, const struct sc_shape_node *node,
                       const struct sc_shape_at *at, int status, size_t where);

int sc_put_is_null(lua_State *L, int index);

/* Checks min and max; one and many are what is counted. */
int sc_put_check_count(struct sc_put *w, const struct sc_shape_node *node,
                       const struct sc_shape_at *at, size_t count, const char *one,
                       const char *many);

/* Checks a text's number of code points and its characters. */
int sc_put_check_text(struct sc_put *w, const struct sc_shape_node *node,
                      const struct sc_shape_at *at, const char *bytes, size_t len, size_t chars);

/* The word of the node's enumeration that the value means, or NULL. */
const struct sc_shape_value *sc_put_find_value(lua_State *L, const struct sc_shape_node *node,
                                               int index);

/* The text that a string node sends, limits not checked yet. */
int sc_put_take_text(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                     const struct sc_shape_at *at, int index, const char **bytes, size_t *len);

/* The integer that an integer node sends, checked. */
int sc_put_take_integer(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                        const struct sc_shape_at *at, int index, int64_t *number);

/* Any number, integers without a point. */
int sc_put_number(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                  const struct sc_shape_at *at, int index);

/* A value that goes out as lua-cjson would write it, but an empty table always as {}. */
int sc_put_any(lua_State *L, struct sc_put *w, const struct sc_shape_at *at, int index,
               int depth);

/* Whether the table at index has other keys than 1 to *items. */
int sc_put_count_items(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                       const struct sc_shape_at *at, int index, size_t *items);

/* A string that is not all plain, or for which there was no room. */
int sc_put_string_slowly(struct sc_put *w, const struct sc_shape_node *node,
                         const struct sc_shape_at *at, const struct sc_text *lead,
                         const char *bytes, size_t len, size_t *chars);

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

/* Writes a lead (`,"email":`) and a string behind it; *chars gets its code points. */
static inline int sc_put_string(struct sc_put *w, const struct sc_shape_node *node,
                                const struct sc_shape_at *at, const struct sc_text *lead,
                                const char *bytes, size_t len, size_t *chars)
{
    struct sc_buf *b = w->out;
    char *to;

    if (lead->len <= SC_PUT_LEAD && len < b->cap - b->len &&
        lead->len + 2 <= b->cap - b->len - len) {
        to = b->data + b->len;
        memcpy(to, lead->bytes, SC_PUT_LEAD); /* of constant size; the string goes over it */
        to += lead->len;
        if (sc_json_copy_plain(to + 1, bytes, len)) {
            to[0] = '"';
            to[len + 1] = '"';
            b->len += lead->len + len + 2;
            *chars = len;
            return 0;
        }
    }
    return sc_put_string_slowly(w, node, at, lead, bytes, len, chars);
}

#endif
