#include "lua_shape.h"

#include "json_write.h"
#include "utf8.h"

#include <string.h>

/* core.shape(node) -> shape; raises for a node that is malformed */
static int core_shape(lua_State *L)
{
    struct sc_lua_shape *shape;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    shape = sc_lua_newobject(L, sizeof *shape, SC_SHAPE_TYPE);
    sc_buf_init(&shape->out, SC_SHAPE_BODY);
    sc_lua_shape_compile(L, &shape->shape);
    lua_settop(L, 2);
    return 1;
}

static int shape_gc(lua_State *L)
{
    struct sc_lua_shape *shape = sc_lua_checkself(L, SC_SHAPE_TYPE);

    sc_buf_free(&shape->out);
    sc_shape_free(&shape->shape);
    return 0;
}

struct sc_lua_shape *sc_lua_checkshape(lua_State *L)
{
    struct sc_lua_shape *shape = sc_lua_checkself(L, SC_SHAPE_TYPE);

    if (!shape->shape.root)
        luaL_argerror(L, 1, "the shape has been collected");
    return shape;
}

int sc_lua_shape_failed(lua_State *L, const struct sc_shape_problem *problem)
{
    if (strcmp(problem->code, "memory") == 0)
        return luaL_error(L, "not enough memory");
    lua_pushnil(L);
    lua_pushstring(L, problem->path);
    lua_pushstring(L, problem->reason);
    lua_pushstring(L, problem->code);
    return 4;
}

/* core.utf8_length(s) -> code points, or nil and the position of the first bad byte */
static int core_utf8_length(lua_State *L)
{
    size_t len, chars, good;
    const char *bytes;

    luaL_checktype(L, 1, LUA_TSTRING);
    bytes = lua_tolstring(L, 1, &len);
    good = sc_utf8_check(bytes, len, &chars);
    if (good == len) {
        sc_pushinteger(L, (int64_t)chars);
        return 1;
    }
    lua_pushnil(L);
    sc_pushinteger(L, (int64_t)good + 1);
    return 2;
}

/* core.encode_path(s) -> s percent-encoded, as one segment of a path or one part of a
 * query; most ids are what they were */
static int core_encode_path(lua_State *L)
{
    size_t len;
    const char *bytes;
    struct sc_buf *b;

    luaL_checktype(L, 1, LUA_TSTRING);
    lua_settop(L, 1);
    bytes = lua_tolstring(L, 1, &len);
    if (sc_json_is_unreserved(bytes, len))
        return 1;
    b = sc_lua_newbuffer(L, SC_SHAPE_BODY);
    if (sc_json_write_percent(b, bytes, len))
        return luaL_error(L, "not enough memory");
    lua_pushlstring(L, b->data, b->len);
    sc_buf_free(b);
    return 1;
}

void sc_open_shape(lua_State *L)
{
    static const luaL_Reg methods[] = {{"write", sc_lua_shape_write},
                                       {"write_query", sc_lua_shape_write_query},
                                       {"read", sc_lua_shape_read},
                                       {NULL, NULL}};
    static const luaL_Reg metamethods[] = {{"__gc", shape_gc}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"shape", core_shape},
                                         {"utf8_length", core_utf8_length},
                                         {"encode_path", core_encode_path},
                                         {NULL, NULL}};

    sc_lua_newtype(L, SC_SHAPE_TYPE, methods, metamethods);
    sc_setfuncs(L, functions);
}
