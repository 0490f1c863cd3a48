/* lua_thread: what other bindings need to have something done beside an event loop.
 *
 * The job that comes of it is the Lua state's, as that of a request is: who waits for it
 * goes to the thread's door, and its result is taken once it is done. */
#ifndef SC_LUA_THREAD_H
#define SC_LUA_THREAD_H

#include "http_thread.h"
#include "lua_util.h"

#pragma GCC visibility push(hidden)

/* Hands a chore to the thread or pool at that index. Pushes its job, or nil and a
 * failure; returns the number of values. */
int sc_lua_submit_chore(lua_State *L, int thread, const struct sc_http_chore *chore);

#pragma GCC visibility pop

#endif
