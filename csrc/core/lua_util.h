/* lua_util: what the bindings share: metatables, byte sources and the buffer userdata.
 *
 * A `sendcloud.buffer` is a userdata that owns one struct sc_buf; it lets bytes travel
 * between the codec and the HTTP engine without becoming a Lua string. */
#ifndef SC_LUA_UTIL_H
#define SC_LUA_UTIL_H

#include "buf.h"
#include "compat.h"

#pragma GCC visibility push(hidden)

#define SC_BUFFER_TYPE     "sendcloud.buffer"
#define SC_CREDENTIAL_TYPE "sendcloud.credential"

/* Creates and registers a metatable: methods under __index, metamethods beside them
 * (either may be NULL), __metatable = false so that scripts cannot reach it. Leaves
 * nothing on the stack. */
void sc_lua_newtype(lua_State *L, const char *name, const luaL_Reg *methods,
                    const luaL_Reg *metamethods);

/* The userdata at index 1, in a method or metamethod of the type named; raises a Lua error
 * for anything else. They have their metatable as upvalue, which spares a look-up. */
static inline void *sc_lua_checkself(lua_State *L, const char *name)
{
    void *p = lua_touserdata(L, 1);
    int same;

    if (p && lua_getmetatable(L, 1)) {
        same = lua_rawequal(L, -1, lua_upvalueindex(1));
        lua_pop(L, 1);
        if (same)
            return p;
    }
    return luaL_checkudata(L, 1, name);
}

/* Pushes a zeroed userdata of size bytes that already has the metatable named. */
void *sc_lua_newobject(lua_State *L, size_t size, const char *name);

/* The bytes of the string or buffer at index and their number; raises a Lua error for
 * anything else. They stay valid while the value is alive and, for a buffer,
 * unchanged. */
const char *sc_lua_checkbytes(lua_State *L, int index, size_t *len);

/* The path at index; raises a Lua error where a NUL would cut it short. */
const char *sc_lua_checkpath(lua_State *L, int index);

/* The buffer at index, or NULL where it is none. */
struct sc_buf *sc_lua_testbuffer(lua_State *L, int index);

/* Pushes a new buffer userdata that holds at most max bytes. */
struct sc_buf *sc_lua_newbuffer(lua_State *L, size_t max);

/* The value of the Authorization header that the credential at index stands for; NULL
 * where it is closed or no credential. */
const char *sc_lua_authorization(lua_State *L, int index);

/* Each file's opener adds its functions to the module table on top of the stack. */
void sc_open_util(lua_State *L);
void sc_open_shape(lua_State *L);
void sc_open_credential(lua_State *L);
void sc_open_request(lua_State *L);
void sc_open_answer(lua_State *L);
void sc_open_http(lua_State *L);
void sc_open_thread(lua_State *L);
void sc_open_rows(lua_State *L);
void sc_open_lines(lua_State *L);
void sc_open_file(lua_State *L);
void sc_open_folder(lua_State *L);
void sc_open_journal(lua_State *L);

#pragma GCC visibility pop

#endif
