/* compat: one C API over Lua 5.1, LuaJIT, 5.2, 5.3 and 5.4.
 *
 * Shims carry our own prefix, so that they never meet a macro of the same name in
 * somebody's headers. Only functions of PUC Lua 5.1 are used below 5.2: a module built
 * with 5.1's headers loads in LuaJIT. Header only; allocates nothing. */
#ifndef SC_COMPAT_H
#define SC_COMPAT_H

#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>

#define SC_EXPORT __attribute__((visibility("default")))

static inline void *sc_newuserdata(lua_State *L, size_t size)
{
#if LUA_VERSION_NUM >= 504
    return lua_newuserdatauv(L, size, 1);
#else
    return lua_newuserdata(L, size);
#endif
}

/* Pops a table and ties it to the userdata at index. */
static inline void sc_setuservalue(lua_State *L, int index)
{
#if LUA_VERSION_NUM >= 504
    lua_setiuservalue(L, index, 1);
#elif LUA_VERSION_NUM >= 502
    lua_setuservalue(L, index);
#else
    lua_setfenv(L, index);
#endif
}

/* Pushes the table tied to the userdata at index. */
static inline void sc_getuservalue(lua_State *L, int index)
{
#if LUA_VERSION_NUM >= 504
    lua_getiuservalue(L, index, 1);
#elif LUA_VERSION_NUM >= 502
    lua_getuservalue(L, index);
#else
    lua_getfenv(L, index);
#endif
}

/* The stream of the file of Lua's io at index, NULL where it is closed. */
static inline FILE *sc_checkfile(lua_State *L, int index)
{
#if LUA_VERSION_NUM >= 502
    luaL_Stream *file = (luaL_Stream *)luaL_checkudata(L, index, "FILE*");

    return file->closef ? file->f : NULL;
#else
    return *(FILE **)luaL_checkudata(L, index, "FILE*");
#endif
}

/* Pushes an integer; where Lua knows only doubles it must lie within 2^53. */
static inline void sc_pushinteger(lua_State *L, int64_t value)
{
#if LUA_VERSION_NUM >= 503
    lua_pushinteger(L, (lua_Integer)value);
#else
    lua_pushnumber(L, (lua_Number)value);
#endif
}

static inline size_t sc_rawlen(lua_State *L, int index)
{
#if LUA_VERSION_NUM >= 502
    return (size_t)lua_rawlen(L, index);
#else
    return lua_objlen(L, index);
#endif
}

static inline int sc_absindex(lua_State *L, int index)
{
    return index > 0 || index <= LUA_REGISTRYINDEX ? index : lua_gettop(L) + index + 1;
}

/* Fills the table on top of the stack with the functions of a list that ends with
 * {NULL, NULL}. */
static inline void sc_setfuncs(lua_State *L, const luaL_Reg *functions)
{
    for (; functions->name; functions++) {
        lua_pushcfunction(L, functions->func);
        lua_setfield(L, -2, functions->name);
    }
}

/* The userdata at index if its metatable is the one registered as name, else NULL. */
static inline void *sc_testudata(lua_State *L, int index, const char *name)
{
    void *p = lua_touserdata(L, index);

    if (!p || !lua_getmetatable(L, index))
        return NULL;
    luaL_getmetatable(L, name);
    if (!lua_rawequal(L, -1, -2))
        p = NULL;
    lua_pop(L, 2);
    return p;
}

/* Stores the number at index in *out if it is integral and fits 64 bits; returns
 * whether it did. A string is not a number here. */
static inline int sc_tointeger(lua_State *L, int index, int64_t *out)
{
    double d;

    if (lua_type(L, index) != LUA_TNUMBER)
        return 0;
#if LUA_VERSION_NUM >= 503
    if (lua_isinteger(L, index)) {
        *out = (int64_t)lua_tointeger(L, index);
        return 1;
    }
#endif
    d = (double)lua_tonumber(L, index);
    if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0) || d != floor(d))
        return 0;
    *out = (int64_t)d;
    return 1;
}

#endif
