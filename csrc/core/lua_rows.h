/* lua_rows: what the bindings of rows (lua_rows.c) and of batches (lua_batch.c) share.
 *
 * Each userdata owns the struct of its name; a batch does not know its rows, they are
 * handed in at every call. */
#ifndef SC_LUA_ROWS_H
#define SC_LUA_ROWS_H

#include "lua_util.h"
#include "rows.h"

#define SC_ROWS_TYPE  "sendcloud.rows"
#define SC_BATCH_TYPE "sendcloud.batch"

/* The batch at index 1, begun and not released; the rows at index 2; a buffer. */
struct sc_rows_batch *sc_lua_alive_batch(lua_State *L);
struct sc_rows *sc_lua_batch_rows(lua_State *L);
struct sc_buf *sc_lua_rows_buffer(lua_State *L, int index);

/* Raises; pushes the word for an enum sc_rows_status. */
int sc_lua_rows_nomem(lua_State *L);
int sc_lua_push_status(lua_State *L, int status);

/* lua_batch_rows.c: methods of a batch */
int sc_batch_next(lua_State *L);
int sc_batch_entry(lua_State *L);
int sc_batch_enter(lua_State *L);
int sc_batch_write(lua_State *L);
int sc_batch_put(lua_State *L);
int sc_batch_refuse(lua_State *L);
int sc_batch_drop(lua_State *L);

/* Adds core.batch to the module table on top of the stack. */
void sc_open_batch(lua_State *L);

#endif
