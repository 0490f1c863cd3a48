#include "lua_util.h"

#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* Fills the table on top with closures over the metatable at the index. */
static void set_methods(lua_State *L, int metatable, const luaL_Reg *methods)
{
    for (; methods->name; methods++) {
        lua_pushvalue(L, metatable);
        lua_pushcclosure(L, methods->func, 1);
        lua_setfield(L, -2, methods->name);
    }
}

void sc_lua_newtype(lua_State *L, const char *name, const luaL_Reg *methods,
                    const luaL_Reg *metamethods)
{
    int metatable;

    luaL_newmetatable(L, name);
    metatable = lua_gettop(L);
    if (metamethods)
        set_methods(L, metatable, metamethods);
    if (methods) {
        lua_newtable(L);
        set_methods(L, metatable, methods);
        lua_setfield(L, -2, "__index");
    }
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

void *sc_lua_newobject(lua_State *L, size_t size, const char *name)
{
    void *p = sc_newuserdata(L, size);

    memset(p, 0, size);
    luaL_getmetatable(L, name);
    lua_setmetatable(L, -2);
    return p;
}

struct sc_buf *sc_lua_testbuffer(lua_State *L, int index)
{
    return sc_testudata(L, index, SC_BUFFER_TYPE);
}

struct sc_buf *sc_lua_newbuffer(lua_State *L, size_t max)
{
    struct sc_buf *b = sc_lua_newobject(L, sizeof *b, SC_BUFFER_TYPE);

    sc_buf_init(b, max);
    return b;
}

const char *sc_lua_checkbytes(lua_State *L, int index, size_t *len)
{
    struct sc_buf *b = sc_lua_testbuffer(L, index);

    if (b) {
        *len = b->len;
        return b->data ? b->data : "";
    }
    if (lua_type(L, index) != LUA_TSTRING)
        luaL_argerror(L, index, "a string or a buffer is wanted");
    return lua_tolstring(L, index, len);
}

const char *sc_lua_checkpath(lua_State *L, int index)
{
    size_t len;
    const char *path = luaL_checklstring(L, index, &len);

    luaL_argcheck(L, strlen(path) == len, index, "a path holds a NUL");
    return path;
}

static struct sc_buf *check_buffer(lua_State *L)
{
    return luaL_checkudata(L, 1, SC_BUFFER_TYPE);
}

static int buffer_tostring(lua_State *L)
{
    struct sc_buf *b = check_buffer(L);

    b->locks++; /* some Luas run finalizers before they copy */
    lua_pushlstring(L, b->data ? b->data : "", b->len);
    b->locks--;
    return 1;
}

static int buffer_len(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)check_buffer(L)->len);
    return 1;
}

/* b:clear([count]): keeps the first count bytes, none when absent */
static int buffer_clear(lua_State *L)
{
    struct sc_buf *b = check_buffer(L);
    lua_Number count = luaL_optnumber(L, 2, 0);

    luaL_argcheck(L, count >= 0 && count <= (lua_Number)b->len, 2, "out of range");
    if (b->locks)
        return luaL_error(L, "the buffer is in use by a request");
    b->len = (size_t)count;
    return 0;
}

/* buffer:free(): empties it and gives its memory back */
static int buffer_free(lua_State *L)
{
    struct sc_buf *b = check_buffer(L);

    if (b->locks)
        return luaL_error(L, "the buffer is in use by a request");
    sc_buf_free(b);
    return 0;
}

static int buffer_gc(lua_State *L)
{
    sc_buf_free(check_buffer(L));
    return 0;
}

/* core.buffer([max]) -> an empty buffer that holds at most max bytes (no limit when
 * absent) */
static int core_buffer(lua_State *L)
{
    double max = luaL_optnumber(L, 1, (lua_Number)(SIZE_MAX / 4));

    luaL_argcheck(L, max >= 0 && max <= (double)(SIZE_MAX / 4), 1, "out of range");
    sc_lua_newbuffer(L, (size_t)max);
    return 1;
}

static double clock_seconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* core.now() -> seconds on a clock that never jumps */
static int core_now(lua_State *L)
{
    lua_pushnumber(L, clock_seconds(CLOCK_MONOTONIC));
    return 1;
}

/* core.time() -> seconds since 1970, with fractions */
static int core_time(lua_State *L)
{
    lua_pushnumber(L, clock_seconds(CLOCK_REALTIME));
    return 1;
}

/* core.pid() -> this process's number */
static int core_pid(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)getpid());
    return 1;
}

void sc_open_util(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"clear", buffer_clear}, {"free", buffer_free}, {NULL, NULL}};
    static const luaL_Reg metamethods[] = {{"__tostring", buffer_tostring},
                                           {"__len", buffer_len},
                                           {"__gc", buffer_gc},
                                           {NULL, NULL}};
    static const luaL_Reg functions[] = {{"buffer", core_buffer},
                                         {"now", core_now},
                                         {"time", core_time},
                                         {"pid", core_pid},
                                         {NULL, NULL}};

    sc_lua_newtype(L, SC_BUFFER_TYPE, methods, metamethods);
    sc_setfuncs(L, functions);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
}
