/* lua_rows: what the bindings of rows (lua_rows.c) and of batches (lua_batch.c) share.
 *
 * Each userdata owns the struct of its name. A batch is handed its rows and its body at
 * every call; they must be those it was begun with, which its user value keeps alive, and
 * nobody else may have changed the body. While Lua values are made of what an object
 * holds, a finalizer may run: the object is busy then and refuses every call. */
#ifndef SC_LUA_ROWS_H
#define SC_LUA_ROWS_H

#include "lua_util.h"
#include "rows.h"

#pragma GCC visibility push(hidden)

#define SC_ROWS_TYPE  "sendcloud.rows"
#define SC_BATCH_TYPE "sendcloud.batch"

struct sc_lua_rows {
    struct sc_rows rows;
    int ready; /* there is a plan */
    int busy;
};

#define SC_BATCH_SHOWN 32 /* rows that Lua is shown at a time */

struct sc_lua_batch {
    struct sc_rows_batch batch;
    const struct sc_lua_rows *rows; /* of batch:begin */
    const struct sc_buf *body;
    size_t written; /* bytes of the body when the batch was last at it */
    uint32_t shown[SC_BATCH_SHOWN]; /* entries whose rows Lua has before it */
    size_t shown_count;
    int busy;
};

/* The rows at the index, which are not busy. */
static inline struct sc_lua_rows *sc_lua_checkrows(lua_State *L, int index)
{
    struct sc_lua_rows *r = luaL_checkudata(L, index, SC_ROWS_TYPE);

    luaL_argcheck(L, !r->busy, index, "the rows are being read");
    return r;
}

/* The batch at index 1, begun and not released; its rows at index 2. */
struct sc_lua_batch *sc_lua_alive_batch(lua_State *L);
struct sc_lua_rows *sc_lua_batch_rows(lua_State *L);

/* The body of the batch at index 3, as the batch left it. */
struct sc_buf *sc_lua_batch_body(lua_State *L);

/* The same for who will write: it is no request's any more. */
struct sc_buf *sc_lua_batch_draft(lua_State *L);

/* A buffer that is to be written and is not the one at index 3. */
struct sc_buf *sc_lua_batch_output(lua_State *L, int index);

/* Raises; pushes the word for an enum sc_rows_status. */
int sc_lua_rows_nomem(lua_State *L);
int sc_lua_push_status(lua_State *L, int status);

/* lua_batch_rows.c: methods of a batch */
int sc_batch_next(lua_State *L);
int sc_batch_show(lua_State *L);
int sc_batch_take(lua_State *L);
int sc_batch_entry(lua_State *L);
int sc_batch_enter(lua_State *L);
int sc_batch_write(lua_State *L);
int sc_batch_put(lua_State *L);
int sc_batch_refuse(lua_State *L);
int sc_batch_drop(lua_State *L);

/* Adds core.batch to the module table on top of the stack. */
void sc_open_batch(lua_State *L);

#pragma GCC visibility pop

#endif
