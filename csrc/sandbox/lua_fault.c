/* A rule of faults from a Lua table whose members were checked in
 * lua/sendcloud/sandbox/fault.lua. */
#include "lua_box.h"

#include <stdio.h>
#include <string.h>

#define MOST 9007199254740992 /* whole numbers up to there are exact everywhere */

static int64_t whole(lua_State *L, const char *name, int64_t otherwise)
{
    return sc_lua_whole(L, 2, name, otherwise, -MOST, MOST);
}

/* The same for what a struct keeps in an int. */
static int small(lua_State *L, const char *name, int most)
{
    return (int)sc_lua_whole(L, 2, name, 0, 0, most);
}

static void which(lua_State *L, struct sc_fault *rule)
{
    const char *operation = sc_lua_text(L, 2, "operation", NULL);
    const char *provider = sc_lua_text(L, 2, "provider", NULL);

    snprintf(rule->operation, sizeof rule->operation, "%s", operation ? operation : "");
    snprintf(rule->provider, sizeof rule->provider, "%s", provider ? provider : "");
    rule->nth = whole(L, "nth", 0);
    rule->every = whole(L, "every", 0);
    rule->times = whole(L, "times", 0);
    rule->probability = sc_lua_number(L, 2, "probability", -1);
    rule->rate = sc_lua_number(L, 2, "rate", 0);
    rule->burst = sc_lua_number(L, 2, "burst", 1);
}

static void what(lua_State *L, struct sc_fault *rule)
{
    rule->reset = (enum sc_reset)small(L, "reset", SC_RESET_CONNECT);
    rule->strip = sc_lua_flag(L, 2, "strip");
    rule->applied = sc_lua_flag(L, 2, "applied");
    rule->status = small(L, "status", 999);
    rule->html = sc_lua_flag(L, 2, "html");
    rule->error_body = small(L, "error_body", 999999);
    rule->retry_form = (enum sc_retry_form)small(L, "retry_form", SC_RETRY_DATE);
    rule->retry_after = sc_lua_number(L, 2, "retry_after", -1);
    rule->delay_min = sc_lua_number(L, 2, "delay_min", 0);
    rule->delay_max = sc_lua_number(L, 2, "delay_max", 0);
    rule->drip = sc_lua_number(L, 2, "drip", 0);
    rule->truncate = whole(L, "truncate", -1);
    rule->content_length = whole(L, "content_length", -1);
    rule->headers = sc_lua_text(L, 2, "headers", &rule->headers_len);
    rule->body = sc_lua_text(L, 2, "body", &rule->body_len);
}

static int fault_locked(lua_State *L)
{
    struct sc_front *front = sc_lua_box_check(L)->front;
    struct sc_fault rule;
    unsigned id;

    luaL_checktype(L, 2, LUA_TTABLE);
    sc_faults_blank(&rule);
    which(L, &rule);
    what(L, &rule);
    id = sc_faults_add(front->faults, &rule, sc_front_now(front));
    if (id == 0)
        return luaL_error(L, "too many faults, or one too long");
    lua_pushinteger(L, (lua_Integer)id);
    return 1;
}

/* box:fault(rule) -> number of the rule */
int sc_lua_box_fault(lua_State *L)
{
    return sc_lua_box_locked(L, fault_locked);
}

static int unfault_locked(lua_State *L)
{
    struct sc_front *front = sc_lua_box_check(L)->front;

    lua_pushboolean(L,
                    sc_faults_remove(front->faults, (unsigned)luaL_checkinteger(L, 2)));
    return 1;
}

/* box:unfault(number) -> whether there was such a rule */
int sc_lua_box_unfault(lua_State *L)
{
    return sc_lua_box_locked(L, unfault_locked);
}

static int fired_locked(lua_State *L)
{
    struct sc_front *front = sc_lua_box_check(L)->front;
    int64_t fired = sc_faults_fired(front->faults, (unsigned)luaL_checkinteger(L, 2));

    if (fired < 0)
        lua_pushnil(L);
    else
        lua_pushinteger(L, (lua_Integer)fired);
    return 1;
}

/* box:fired(number) -> how often, or nil where there is no such rule */
int sc_lua_box_fired(lua_State *L)
{
    return sc_lua_box_locked(L, fired_locked);
}
