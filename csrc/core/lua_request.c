#include "lua_request.h"

#include "http_preset.h"
#include "lua_answer.h"

#include <string.h>

#define PRESET_TYPE "sendcloud.preset"

struct preset {
    struct sc_http_preset *preset; /* NULL: closed */
};

static void complain(struct sc_lua_request *r, const char *kind, const char *wrong)
{
    if (!r->kind) {
        r->kind = kind;
        r->wrong = wrong;
    }
}

/* Pushes a field of the request. Where there is a preset only the request's own count:
 * whatever else it seems to have is in the preset. */
static void push_field(lua_State *L, const struct sc_lua_request *r, const char *name)
{
    if (r->has_preset) {
        lua_pushstring(L, name);
        lua_rawget(L, 2);
    } else {
        lua_getfield(L, 2, name);
    }
}

static const char *read_text(lua_State *L, struct sc_lua_request *r, const char *name)
{
    const char *s;
    size_t len;

    push_field(L, r, name);
    if (lua_isnil(L, -1))
        return NULL;
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "request.%s must be a string", name);
    s = lua_tolstring(L, -1, &len);
    if (strlen(s) != len)
        complain(r, "config", "the request holds a NUL");
    return s;
}

static double read_number(lua_State *L, const struct sc_lua_request *r, const char *name)
{
    double n;

    push_field(L, r, name);
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

    r->request.timeout = read_number(L, r, "timeout");
    if (r->request.timeout < 0 || r->request.connect_timeout < 0)
        complain(r, "timeout", "no time was left to send the request");
    max_body = read_number(L, r, "max_body");
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

/* Pushes the line of the pair whose key and value are at the top: the value itself
 * when they are counted, "name: value" when they are named. */
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

/* The body at the index, the buffer for the answer behind it. */
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

/* Fills in what the preset at the index holds. */
static void take_preset(lua_State *L, struct sc_lua_request *r, int index)
{
    const struct preset *p = lua_touserdata(L, index);
    struct sc_http_request own = r->request;

    if (!p->preset) {
        complain(r, "config", "the preset is closed");
        return;
    }
    r->request = *sc_http_preset_request(p->preset);
    r->request.url = own.url;
    r->request.timeout = own.timeout;
    r->request.max_body = own.max_body;
}

/* What a preset holds, but for the credential, which stays on the stack. */
static void read_common(lua_State *L, struct sc_lua_request *r)
{
    r->request.method = read_text(L, r, "method");
    r->request.ca_file = read_text(L, r, "ca_file");
    r->request.proxy = read_text(L, r, "proxy");
    r->request.user_agent = read_text(L, r, "user_agent");
    luaL_argcheck(L, r->request.method, 2, "a method is wanted");
    r->request.connect_timeout = read_number(L, r, "connect_timeout");
    lua_getfield(L, 2, "once");
    r->request.once = lua_toboolean(L, -1);
    lua_getfield(L, 2, "no_repeat");
    r->request.no_repeat = lua_toboolean(L, -1);
    read_headers(L, r);
    lua_getfield(L, 2, "credential");
}

void sc_lua_request_read(lua_State *L, struct sc_lua_request *r)
{
    luaL_checkstack(L, 40, "request");
    lua_getfield(L, 2, "preset");
    r->has_preset = sc_testudata(L, -1, PRESET_TYPE) != NULL;
    if (!r->has_preset)
        read_common(L, r);
    r->key = lua_gettop(L); /* the preset or the credential */
    r->request.url = read_text(L, r, "url");
    luaL_argcheck(L, r->request.url, 2, "a URL is wanted");
    read_limits(L, r);
    push_field(L, r, "body");
    push_field(L, r, "into");
}

void sc_lua_request_take(lua_State *L, struct sc_lua_request *r, int bodies)
{
    if (r->has_preset)
        take_preset(L, r, r->key);
    else
        take_credential(L, r, r->key);
    take_bodies(L, r, bodies);
}

/* core.preset(common) -> what requests share that are made from it; or nil and a
 * failure */
static int core_preset(lua_State *L)
{
    struct sc_lua_request r = {.kind = NULL};
    struct sc_http_failure why;
    struct preset *p;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    p = sc_lua_newobject(L, sizeof *p, PRESET_TYPE);
    luaL_checkstack(L, 40, "request");
    read_common(L, &r);
    take_credential(L, &r, lua_gettop(L));
    if (r.kind)
        return sc_lua_refuse(L, r.kind, r.wrong);
    p->preset = sc_http_preset_new(&r.request, &why);
    if (p->preset) {
        lua_settop(L, 3);
        return 1;
    }
    lua_pushnil(L);
    sc_lua_push_failure(L, &why);
    return 2;
}

static int preset_close(lua_State *L)
{
    struct preset *p = sc_lua_checkself(L, PRESET_TYPE);
    struct sc_http_preset *inner = p->preset;

    p->preset = NULL;
    sc_http_preset_release(inner);
    return 0;
}

void sc_open_request(lua_State *L)
{
    static const luaL_Reg methods[] = {{"close", preset_close}, {NULL, NULL}};
    static const luaL_Reg metamethods[] = {
        {"__gc", preset_close}, {"__close", preset_close}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"preset", core_preset}, {NULL, NULL}};

    sc_lua_newtype(L, PRESET_TYPE, methods, metamethods);
    sc_setfuncs(L, functions);
}
