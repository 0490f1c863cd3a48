#include "lua_box.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

SC_EXPORT int luaopen_sendcloud_sandbox_core(lua_State *L);

#define REASON      256
#define LOG_ENTRIES 10000
#define LOG_BYTES   ((size_t)64 << 20)
#define ENTRIES_MAX 10000000
#define BYTES_MAX   ((int64_t)1 << 40)
#define SILENCE_MAX 86400 /* seconds */

/* --- the userdata ------------------------------------------------------------------- */

struct sc_lua_box *sc_lua_box_check(lua_State *L)
{
    struct sc_lua_box *box = luaL_checkudata(L, 1, SC_LUA_BOX);

    if (!box->front)
        luaL_error(L, "the sandbox was stopped");
    if (!sc_front_is_ours(box->front))
        luaL_error(L, "the sandbox belongs to another process");
    return box;
}

int sc_lua_box_locked(lua_State *L, lua_CFunction body)
{
    struct sc_lua_box *box = sc_lua_box_check(L);
    int status;

    if (box->busy)
        return luaL_error(L, "the sandbox is busy with another call");
    lua_pushcfunction(L, body);
    lua_insert(L, 1);
    box->busy = 1;
    pthread_mutex_lock(&box->front->mutex);
    status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
    pthread_mutex_unlock(&box->front->mutex);
    box->busy = 0;
    if (status != 0)
        return lua_error(L);
    return lua_gettop(L);
}

int sc_lua_box_finish(lua_State *L, const struct sc_lua_box *box, int status)
{
    const char *why =
        status == SC_BOX_NOMEM ? "out of memory" : sc_box_error(box->front->box);

    if (status == SC_BOX_OK) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, why[0] ? why : "the sandbox could not do it");
    return 2;
}

double sc_lua_number(lua_State *L, int index, const char *name, double otherwise)
{
    lua_getfield(L, index, name);
    if (!lua_isnil(L, -1)) {
        if (lua_type(L, -1) != LUA_TNUMBER)
            luaL_error(L, "%s: a number is needed", name);
        otherwise = lua_tonumber(L, -1);
        if (!(otherwise >= -9007199254740992.0 && otherwise <= 9007199254740992.0))
            luaL_error(L, "%s: out of range", name);
    }
    lua_pop(L, 1);
    return otherwise;
}

int64_t sc_lua_whole(lua_State *L, int index, const char *name, int64_t otherwise,
                     int64_t low, int64_t high)
{
    double value = sc_lua_number(L, index, name, (double)otherwise);

    if (!(value >= (double)low && value <= (double)high) || value != floor(value))
        luaL_error(L, "%s: a whole number from %f to %f is needed", name, (double)low,
                   (double)high);
    return (int64_t)value;
}

const char *sc_lua_text(lua_State *L, int index, const char *name, size_t *len)
{
    const char *text;
    size_t n;

    luaL_checkstack(L, 2, name);
    lua_getfield(L, index, name);
    if (lua_isnil(L, -1))
        return NULL;
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "%s: a string is needed", name);
    text = lua_tolstring(L, -1, &n);
    if (!len && strlen(text) != n)
        luaL_error(L, "%s: it holds a NUL", name);
    if (len)
        *len = n;
    return text;
}

int sc_lua_flag(lua_State *L, int index, const char *name)
{
    int yes;

    lua_getfield(L, index, name);
    yes = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return yes;
}

/* --- opening and closing ------------------------------------------------------------ */

/* core.open{ path, user, key, examples, seed, clock (Unix ms), max_body, log_entries,
 * log_bytes } -> box | nil, message */
static int open_box(lua_State *L)
{
    struct sc_front_options options = {0};
    struct sc_lua_box *box;
    char why[REASON];

    luaL_checktype(L, 1, LUA_TTABLE);
    options.box.path = sc_lua_text(L, 1, "path", NULL);
    options.box.user = sc_lua_text(L, 1, "user", NULL);
    options.box.key = sc_lua_text(L, 1, "key", NULL);
    options.box.examples = sc_lua_flag(L, 1, "examples");
    options.box.seed = (uint64_t)(int64_t)sc_lua_number(L, 1, "seed", 1);
    options.box.clock_ms = (int64_t)sc_lua_number(L, 1, "clock", 0);
    options.box.max_body = (size_t)sc_lua_whole(L, 1, "max_body", 0, 0, BYTES_MAX);
    options.log_entries =
        (size_t)sc_lua_whole(L, 1, "log_entries", LOG_ENTRIES, 0, ENTRIES_MAX);
    options.log_bytes =
        (size_t)sc_lua_whole(L, 1, "log_bytes", (int64_t)LOG_BYTES, 0, BYTES_MAX);
    box = sc_newuserdata(L, sizeof *box);
    memset(box, 0, sizeof *box);
    luaL_getmetatable(L, SC_LUA_BOX);
    lua_setmetatable(L, -2);
    if (sc_front_open(&options, &box->front, why, sizeof why) == SC_BOX_OK)
        return 1;
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
}

/* The server goes before the front that it calls. In a forked child everything is left
 * as it is: the thread is not there, and the sockets are the parent's too. */
static void stop(struct sc_lua_box *box)
{
    sc_server_stop(box->server);
    box->server = NULL;
    sc_box_free(box->text);
    box->text = NULL;
    sc_front_close(box->front);
    box->front = NULL;
}

static int close_box(lua_State *L)
{
    struct sc_lua_box *box = luaL_checkudata(L, 1, SC_LUA_BOX);

    if (box->busy)
        return luaL_error(L, "the sandbox is busy with another call");
    stop(box);
    return 0;
}

static int collect_box(lua_State *L)
{
    struct sc_lua_box *box = luaL_checkudata(L, 1, SC_LUA_BOX);

    stop(box);
    sc_answer_free(&box->answer);
    return 0;
}

static int is_open(lua_State *L)
{
    const struct sc_lua_box *box = luaL_checkudata(L, 1, SC_LUA_BOX);

    lua_pushboolean(L, box->front && sc_front_is_ours(box->front));
    return 1;
}

static int to_text(lua_State *L)
{
    const struct sc_lua_box *box = luaL_checkudata(L, 1, SC_LUA_BOX);

    lua_pushfstring(L, "%s (%s)", SC_LUA_BOX, box->front ? "open" : "stopped");
    return 1;
}

/* box:listen{ address, port, exposed, connections, silence, max_body } -> port | nil,
 * message */
static int listen_box(lua_State *L)
{
    struct sc_lua_box *box = sc_lua_box_check(L);
    struct sc_server_options options = {0};
    char why[REASON];

    luaL_checktype(L, 2, LUA_TTABLE);
    options.address = sc_lua_text(L, 2, "address", NULL);
    options.port = (int)sc_lua_whole(L, 2, "port", 0, 0, 65535);
    options.exposed = sc_lua_flag(L, 2, "exposed");
    options.connections = (unsigned)sc_lua_whole(L, 2, "connections", 0, 0, ENTRIES_MAX);
    options.silence = (unsigned)sc_lua_whole(L, 2, "silence", 0, 0, SILENCE_MAX);
    options.max_body = (size_t)sc_lua_whole(L, 2, "max_body", 0, 0, BYTES_MAX);
    if (!box->server)
        box->server = sc_server_start(box->front, &options, why, sizeof why);
    if (!box->server) {
        lua_pushnil(L);
        lua_pushstring(L, why);
        return 2;
    }
    lua_pushinteger(L, sc_server_port(box->server));
    return 1;
}

/* --- the clock ---------------------------------------------------------------------- */

static int now_locked(lua_State *L)
{
    lua_pushnumber(L, sc_front_now(sc_lua_box_check(L)->front));
    return 1;
}

static int box_now(lua_State *L)
{
    return sc_lua_box_locked(L, now_locked);
}

static int time_locked(lua_State *L)
{
    lua_pushnumber(L, (double)sc_box_clock(sc_lua_box_check(L)->front->box) / 1000);
    return 1;
}

static int box_time(lua_State *L)
{
    return sc_lua_box_locked(L, time_locked);
}

static int clock_locked(lua_State *L)
{
    double ms = luaL_checknumber(L, 2);

    luaL_argcheck(L, ms >= -9e15 && ms <= 9e15, 2, "out of range");
    sc_front_clock_set(sc_lua_box_check(L)->front, (int64_t)ms);
    return 0;
}

static int box_clock(lua_State *L)
{
    return sc_lua_box_locked(L, clock_locked);
}

static int run_locked(lua_State *L)
{
    sc_front_clock_run(sc_lua_box_check(L)->front);
    return 0;
}

static int box_run(lua_State *L)
{
    return sc_lua_box_locked(L, run_locked);
}

static int advance_locked(lua_State *L)
{
    double seconds = luaL_checknumber(L, 2);

    luaL_argcheck(L, seconds >= 0 && seconds <= 1e12, 2, "out of range");
    sc_front_advance(sc_lua_box_check(L)->front, seconds);
    return 0;
}

static int box_advance(lua_State *L)
{
    return sc_lua_box_locked(L, advance_locked);
}

/* --- switches and signals ----------------------------------------------------------- */

/* core.switches() -> { { name =, choices =, rule =, default = number | nil }… } */
static int list_switches(lua_State *L)
{
    size_t count;
    size_t i;
    const struct sc_box_switch *switches = sc_box_switches(&count);

    lua_createtable(L, (int)count, 0);
    for (i = 0; i < count; i++) {
        lua_createtable(L, 0, 4);
        lua_pushstring(L, switches[i].name);
        lua_setfield(L, -2, "name");
        lua_pushstring(L, switches[i].choices);
        lua_setfield(L, -2, "choices");
        lua_pushstring(L, switches[i].rule);
        lua_setfield(L, -2, "rule");
        if (strcmp(switches[i].choices, "number") == 0) {
            lua_pushinteger(L, (lua_Integer)switches[i].fallback);
            lua_setfield(L, -2, "default");
        }
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

/* core.until_signal(ready) -> "SIGINT" | "SIGTERM": calls ready, then waits for one of
 * them. Both are held back from the beginning, so that none is missed while ready
 * runs. */
static int until_signal(lua_State *L)
{
    sigset_t wanted;
    sigset_t before;
    int signal = 0;
    int status;

    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &wanted, &before);
    status = lua_pcall(L, 0, 0, 0);
    if (status == 0)
        sigwait(&wanted, &signal);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status != 0)
        return lua_error(L);
    lua_pushstring(L, signal == SIGINT ? "SIGINT" : "SIGTERM");
    return 1;
}

/* --- the door ----------------------------------------------------------------------- */

static const luaL_Reg methods[] = {
    {"advance", box_advance},
    {"campaign", sc_lua_box_campaign},
    {"clock", box_clock},
    {"close", close_box},
    {"dump", sc_lua_box_dump},
    {"event", sc_lua_box_event},
    {"fault", sc_lua_box_fault},
    {"field", sc_lua_box_field},
    {"fired", sc_lua_box_fired},
    {"handle", sc_lua_box_handle},
    {"is_open", is_open},
    {"listen", listen_box},
    {"now", box_now},
    {"requests", sc_lua_box_requests},
    {"reset", sc_lua_box_reset},
    {"restore", sc_lua_box_restore},
    {"run", box_run},
    {"segment_fail", sc_lua_box_segment_fail},
    {"snapshot", sc_lua_box_snapshot},
    {"switch", sc_lua_box_switch},
    {"time", box_time},
    {"unfault", sc_lua_box_unfault},
    {"unsubscribe", sc_lua_box_unsubscribe},
    {"upsert", sc_lua_box_upsert},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__gc", collect_box},
    {"__close", close_box},
    {"__tostring", to_text},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"open", open_box},
    {"switches", list_switches},
    {"until_signal", until_signal},
    {NULL, NULL},
};

int luaopen_sendcloud_sandbox_core(lua_State *L)
{
    if (luaL_newmetatable(L, SC_LUA_ANSWER)) {
        lua_pushcfunction(L, sc_lua_box_drop_answer);
        lua_setfield(L, -2, "__gc");
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
    }
    lua_pop(L, 1);
    if (luaL_newmetatable(L, SC_LUA_BOX)) {
        sc_setfuncs(L, metamethods);
        lua_newtable(L);
        sc_setfuncs(L, methods);
        lua_setfield(L, -2, "__index");
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
    }
    lua_pop(L, 1);
    lua_newtable(L);
    sc_setfuncs(L, functions);
    return 1;
}
