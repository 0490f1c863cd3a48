/* lua_request: reads the table of a request for the HTTP engine; core.preset, what
 * requests have in common.
 *
 * Allocates nothing outside Lua. Everything it pushes stays on the stack, so that the
 * strings live until the engine has copied them. A credential or a preset can be
 * closed and a buffer written by any Lua code, a finalizer's too: they are looked at
 * last, by sc_lua_request_take, and its caller makes no Lua object before the engine
 * has the request. */
#ifndef SC_LUA_REQUEST_H
#define SC_LUA_REQUEST_H

#include "http.h"
#include "lua_util.h"

#pragma GCC visibility push(hidden)

struct sc_lua_request {
    struct sc_http_request request;
    struct sc_buf *body, *into; /* the buffers among them, for locking; or NULL */
    const char *kind; /* of what is wrong with it, or NULL */
    const char *wrong;
    int has_preset; /* where the rest of it is */
    int key; /* where the preset is on the stack, or the credential */
};

/* Reads the table at index 2 into *r, but for what Lua code can change. What a script
 * got wrong raises; what its data got wrong is in r->kind. Leaves the body and the
 * buffer for the answer at the top, for its caller to keep while the request is on its
 * way. */
void sc_lua_request_read(lua_State *L, struct sc_lua_request *r);

/* Completes *r, the same with errors; the body is at the index, the buffer behind it. */
void sc_lua_request_take(lua_State *L, struct sc_lua_request *r, int bodies);

#pragma GCC visibility pop

#endif
