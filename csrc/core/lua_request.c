#include "lua_request.h"

#include <string.h>

static void complain(struct sc_lua_request *r, const char *kind, const char *wrong)
{
    if (!r->kind) {
        r->kind = kind;
        r->wrong = wrong;
    }
}

static const char *read_text(lua_State *L, struct sc_lua_request *r, const char *name)
{
    const char *s;
    size_t len;

    lua_getfield(L, 2, name);
    if (lua_isnil(L, -1))
        return NULL;
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "request.%s must be a string", name);
    s = lua_tolstring(L, -1, &len);
    if (strlen(s) != len)
        complain(r, "config", "the request holds a NUL");
    return s;
}

static double read_number(lua_State *L, const char *name)
{
    double n;

    lua_getfield(L, 2, name);
    if (lua_isnil(L, -1))
        return 0;
    if (lua_type(L, -1) != LUA_TNUMBER)
        luaL_error(L, "request.%s must be a number", name);
    n = (double)lua_tonumber(L, -1);
    return n > 0 ? n : -1; /* NaN too */
}

static void read_limits(lua_State *L, struct sc_lua_request *r)
{
    double max_body;

    r->request.timeout = read_number(L, "timeout");
    r->request.connect_timeout = read_number(L, "connect_timeout");
    if (r->request.timeout < 0 || r->request.connect_timeout < 0)
        complain(r, "timeout", "no time was left to send the request");
    max_body = read_number(L, "max_body");
    luaL_argcheck(L, max_body >= 0 && max_body <= (double)(SIZE_MAX / 4), 2,
                  "max_body is out of range");
    r->request.max_body = (size_t)max_body;
}

static size_t count_pairs(lua_State *L)
{
    size_t n = 0;

    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        n++;
    return n;
}

/* A string or number at the top, without NUL. */
static const char *header_text(lua_State *L, struct sc_lua_request *r)
{
    size_t len;
    const char *s = lua_tolstring(L, -1, &len);

    if (!s)
        luaL_error(L, "request.headers holds neither lines nor names and values");
    else if (strlen(s) != len)
        complain(r, "config", "a header holds a NUL");
    return s;
}

/* Pushes the line of the pair whose key and value are at the top: the value itself when they are
 * counted, "name: value" when they are named. */
static const char *push_line(lua_State *L, struct sc_lua_request *r)
{
    int named = lua_type(L, -2) == LUA_TSTRING;
    const char *value, *name;

    if (!named && lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "request.headers holds a line that is no string");
    lua_pushvalue(L, -1); /* a number becomes text in place */
    value = header_text(L, r);
    if (!named)
        return value;
    lua_pushvalue(L, -3);
    name = header_text(L, r);
    value = lua_pushfstring(L, "%s: %s", name, value);
    lua_replace(L, -3);
    lua_pop(L, 1);
    return value;
}

/* Leaves the lines on the stack, below the table they come from. */
static void read_headers(lua_State *L, struct sc_lua_request *r)
{
    const char **lines;
    size_t n;
    int table;

    lua_getfield(L, 2, "headers");
    if (lua_isnil(L, -1))
        return;
    luaL_checktype(L, -1, LUA_TTABLE);
    n = count_pairs(L);
    luaL_argcheck(L, n <= 100, 2, "more than 100 headers");
    luaL_checkstack(L, (int)n + 40, "headers");
    lines = lua_newuserdata(L, n * sizeof *lines + 1);
    lua_insert(L, -2);
    table = lua_gettop(L);
    r->request.headers = lines;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        *lines++ = push_line(L, r);
        lua_insert(L, table++);
        lua_pop(L, 1);
    }
    r->request.header_count = n;
}

/* The credential at the index. */
static void take_credential(lua_State *L, struct sc_lua_request *r, int index)
{
    if (lua_isnil(L, index))
        return;
    if (!sc_testudata(L, index, SC_CREDENTIAL_TYPE))
        luaL_error(L, "request.credential must be a credential");
    r->request.authorization = sc_lua_authorization(L, index);
    if (!r->request.authorization)
        complain(r, "config", "the credential is closed");
}

/* The buffer at the index, which nobody else may be using; NULL for nil. */
static struct sc_buf *take_buffer(lua_State *L, int index, const char *name)
{
    struct sc_buf *b = sc_lua_testbuffer(L, index);

    if (!b && !lua_isnil(L, index))
        luaL_error(L, "request.%s is of the wrong type", name);
    if (b && b->locks)
        luaL_error(L, "request.%s is in use by another request", name);
    return b;
}

/* The body at the index, `into` behind it. */
static void take_bodies(lua_State *L, struct sc_lua_request *r, int index)
{
    if (lua_type(L, index) == LUA_TSTRING) {
        r->request.body = lua_tolstring(L, index, &r->request.body_len);
    } else {
        r->body = take_buffer(L, index, "body");
        if (r->body) {
            r->request.body = r->body->data ? r->body->data : "";
            r->request.body_len = r->body->len;
        }
    }
    r->into = take_buffer(L, index + 1, "into");
    r->request.into = r->into;
    if (r->into && r->into == r->body)
        luaL_error(L, "request.into and request.body must be two buffers");
}

void sc_lua_request_read(lua_State *L, struct sc_lua_request *r)
{
    int top;

    luaL_checkstack(L, 40, "request");
    r->request.method = read_text(L, r, "method");
    r->request.url = read_text(L, r, "url");
    r->request.ca_file = read_text(L, r, "ca_file");
    r->request.proxy = read_text(L, r, "proxy");
    r->request.user_agent = read_text(L, r, "user_agent");
    luaL_argcheck(L, r->request.method && r->request.url, 2, "method and url are wanted");
    lua_getfield(L, 2, "once");
    r->request.once = lua_toboolean(L, -1);
    read_limits(L, r);
    lua_getfield(L, 2, "no_repeat");
    r->request.no_repeat = lua_toboolean(L, -1);
    read_headers(L, r);
    lua_getfield(L, 2, "credential");
    lua_getfield(L, 2, "body");
    lua_getfield(L, 2, "into");
    top = lua_gettop(L);
    take_credential(L, r, top - 2);
    take_bodies(L, r, top - 1);
}
