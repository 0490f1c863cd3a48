/* lua_lines: pages that libcurl has brought become lines where they are.
 *
 * For lua_http.c, which has the page; the `core.lines` userdata that knows what lines
 * look like is made and owned by lua_lines.c. */
#ifndef SC_LUA_LINES_H
#define SC_LUA_LINES_H

#include "buf.h"
#include "lua_util.h"

#pragma GCC visibility push(hidden)

/* Turns the page, which nothing changes meanwhile but the zeros that are put behind it,
 * into lines by the userdata at index 2; they go into the buffer at index 3, hashes of
 * ids into the one at 4, if any. Pushes what lines:page returns and tells how many
 * values that is; 0: it is no such page. */
int sc_lua_lines_take(lua_State *L, struct sc_buf *page);

#pragma GCC visibility pop

#endif
