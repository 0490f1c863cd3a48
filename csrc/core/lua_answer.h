/* lua_answer: what an exchange came to, as Lua tables.
 *
 * Shared by the engine that the caller drives and the one on a thread. Keeps nothing:
 * what it is given stays its caller's, but for the memory that sc_lua_move_bytes
 * moves. */
#ifndef SC_LUA_ANSWER_H
#define SC_LUA_ANSWER_H

#include "http.h"
#include "lua_util.h"

#pragma GCC visibility push(hidden)

/* Pushes { kind, message, outcome, place }. */
void sc_lua_push_failure(lua_State *L, const struct sc_http_failure *why);

/* Pushes nil and a failure about a request that was never sent; returns 2. */
int sc_lua_refuse(lua_State *L, const char *kind, const char *message);

/* Pushes { status, headers, body } of a transfer that has an answer; the body is the
 * buffer at index into, or a string where into is 0. The headers are worked out of
 * `head` when they are first asked for. */
void sc_lua_push_answer(lua_State *L, struct sc_http_transfer *t, int into);

/* Makes the memory of one buffer another's, whose own is freed. */
void sc_lua_move_bytes(struct sc_buf *to, struct sc_buf *from);

#pragma GCC visibility pop

#endif
