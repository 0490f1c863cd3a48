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

/* Adds core.batch to the module table on top of the stack. */
void sc_open_batch(lua_State *L);

#endif
