/* lua_request: reads the table of a request for the HTTP engine.
 *
 * Allocates nothing outside Lua. Everything it pushes stays on the stack, so that the
 * strings live until the engine has copied them; whoever calls it keeps the last two,
 * the body and the buffer for the answer, for as long as the request is on its way. A
 * credential can be closed and a buffer written by any Lua code, a finalizer's too: once
 * this has returned, its caller makes no Lua object before the engine has the request. */
#ifndef SC_LUA_REQUEST_H
#define SC_LUA_REQUEST_H

#include "http.h"
#include "lua_util.h"

struct sc_lua_request {
    struct sc_http_request request;
    struct sc_buf *body, *into; /* the buffers among them, for locking; or NULL */
    const char *kind; /* of what is wrong with it, or NULL */
    const char *wrong;
};

/* Fills *r from the table at index 2. What a script got wrong raises; what its data got
 * wrong is in r->kind. Leaves the body and `into` at the top. */
void sc_lua_request_read(lua_State *L, struct sc_lua_request *r);

#endif
