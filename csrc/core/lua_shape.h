/* lua_shape: the `sendcloud.shape` userdata, shared by lua_shape.c, lua_shape_compile.c
 * and, for walking Lua tables, lua_shape_write.c and lua_shape_read.c.
 *
 * The userdata owns the compiled shape and the buffer that write fills when the caller
 * brings none. Its user value is a table: the Lua values of the shape's slots under 1,
 * 2, …, under 0 what lua_map has learned, and under "marks" a list of the names of
 * record metatables. */
#ifndef SC_LUA_SHAPE_H
#define SC_LUA_SHAPE_H

#include "lua_util.h"
#include "shape.h"

#pragma GCC visibility push(hidden)

#define SC_SHAPE_TYPE "sendcloud.shape"
#define SC_SHAPE_BODY                                                                    \
    ((size_t)256 << 20) /* bytes that are written when no buffer caps it */

struct sc_lua_shape {
    struct sc_shape shape;
    struct sc_buf out;
    int lent; /* a string is being made of out: a finalizer that writes gets another */
};

/* The shape at index 1, or a Lua error. */
struct sc_lua_shape *sc_lua_checkshape(lua_State *L);

/* Pushes nil, path, reason and code, returns 4; raises where the problem was memory. */
int sc_lua_shape_failed(lua_State *L, const struct sc_shape_problem *problem);

/* Compiles the node table at index 1 into the shape of the userdata at index 2, the
 * stack's top, and ties its Lua values to it; raises for a malformed node. */
void sc_lua_shape_compile(lua_State *L, struct sc_shape *shape);

/* Writes the value at index behind out by the shape whose userdata is at self. 0, or -1
 * with the problem; out is as before then. Leaves the stack as it was. */
int sc_lua_shape_put(lua_State *L, const struct sc_lua_shape *shape, int self, int index,
                     struct sc_buf *out, struct sc_shape_problem *problem);

/* Reads bytes, which nothing changes meanwhile, by the shape at one index with the record
 * metatables at another. 1: the value is on top of the stack; 0: they are not what the
 * shape wants. Either may leave more below it. */
int sc_lua_shape_take(lua_State *L, int shape, int marks, const char *bytes, size_t len);

/* The methods. */
int sc_lua_shape_write(lua_State *L);
int sc_lua_shape_write_query(lua_State *L);
int sc_lua_shape_read(lua_State *L);

#pragma GCC visibility pop

#endif
