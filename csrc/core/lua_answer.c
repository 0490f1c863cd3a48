#include "lua_answer.h"

#include <string.h>

#define LONGEST_JOINED 8192

#define ANSWER_TYPE "sendcloud.answer"

void sc_lua_push_failure(lua_State *L, const struct sc_http_failure *why)
{
    lua_createtable(L, 0, 4);
    lua_pushstring(L, why->kind);
    lua_setfield(L, -2, "kind");
    lua_pushstring(L, why->message);
    lua_setfield(L, -2, "message");
    lua_pushstring(L, why->outcome);
    lua_setfield(L, -2, "outcome");
    lua_pushstring(L, why->place);
    lua_setfield(L, -2, "place");
}

int sc_lua_refuse(lua_State *L, const char *kind, const char *message)
{
    struct sc_http_failure why = {
        .kind = kind, .outcome = "not_sent", .place = "request"};

    strncat(why.message, message, sizeof why.message - 1);
    lua_pushnil(L);
    sc_lua_push_failure(L, &why);
    return 2;
}

void sc_lua_move_bytes(struct sc_buf *to, struct sc_buf *from)
{
    sc_buf_free(to);
    to->data = from->data;
    to->len = from->len;
    to->cap = from->cap;
    sc_buf_init(from, from->max);
}

static void push_lower(lua_State *L, const char *s, size_t n)
{
    char name[128]; /* no header that anybody looks for is longer */
    size_t i;

    if (n > sizeof name)
        n = sizeof name;
    for (i = 0; i < n; i++)
        name[i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + ('a' - 'A') : s[i]);
    lua_pushlstring(L, name, n);
}

static int is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Adds "Name: value" to the table on top; a second value of a name joins the first by
 * ", ", up to LONGEST_JOINED bytes: each time all of them are copied. */
static void add_header(lua_State *L, const char *line, size_t n)
{
    const char *colon = memchr(line, ':', n);
    const char *value, *end = line + n;

    if (!colon || colon == line)
        return;
    for (value = colon + 1; value < end && is_space(*value); value++)
        continue;
    while (end > value && is_space(end[-1]))
        end--;
    push_lower(L, line, (size_t)(colon - line));
    lua_pushvalue(L, -1);
    lua_rawget(L, -3);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushlstring(L, value, (size_t)(end - value));
    } else if (sc_rawlen(L, -1) > LONGEST_JOINED) {
        lua_pop(L, 2);
        return;
    } else {
        lua_pushliteral(L, ", ");
        lua_pushlstring(L, value, (size_t)(end - value));
        lua_concat(L, 3);
    }
    lua_rawset(L, -3);
}

/* Pushes { lower-case name = value } of the lines of an answer's head. */
static void push_headers(lua_State *L, const char *at, size_t n)
{
    const char *end = at + n;

    lua_createtable(L, 0, 8);
    while (at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));

        if (!feed)
            feed = end - 1;
        add_header(L, at, (size_t)(feed + 1 - at));
        at = feed + 1;
    }
}

/* What an answer does not hold yet: its headers, which few callers look at, by name. */
static int answer_index(lua_State *L)
{
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    const char *head;
    size_t n;

    if (strcmp(key, "headers") != 0 || !lua_istable(L, 1))
        return 0;
    lua_settop(L, 2);
    lua_pushliteral(L, "head");
    lua_rawget(L, 1);
    head = lua_tolstring(L, 3, &n);
    push_headers(L, head ? head : "", head ? n : 0);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, 4);
    lua_rawset(L, 1);
    return 1;
}

void sc_lua_push_answer(lua_State *L, struct sc_http_transfer *t, int into)
{
    const struct sc_buf *head = sc_http_header(t);
    const struct sc_buf *body;

    into = into ? sc_absindex(L, into) : 0;
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, (lua_Integer)sc_http_status(t));
    lua_setfield(L, -2, "status");
    lua_pushlstring(L, head->data ? head->data : "", head->len);
    lua_setfield(L, -2, "head");
    if (into) {
        lua_pushvalue(L, into);
    } else {
        body = sc_http_body(t);
        lua_pushlstring(L, body->data ? body->data : "", body->len);
    }
    lua_setfield(L, -2, "body");
    luaL_getmetatable(L, ANSWER_TYPE);
    lua_setmetatable(L, -2);
}

void sc_open_answer(lua_State *L)
{
    static const luaL_Reg metamethods[] = {{"__index", answer_index}, {NULL, NULL}};

    sc_lua_newtype(L, ANSWER_TYPE, NULL, metamethods);
}
