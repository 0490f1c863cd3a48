/* lua_http: core.http, engines and transfers for Lua.
 *
 * An engine userdata owns a struct sc_http, a transfer userdata a struct
 * sc_http_transfer, which outlives its engine. A transfer's environment keeps its body
 * and the buffer for the answer alive and is the result afterwards; one that has
 * neither has no environment until then. Buffers are locked while their request is on
 * its way. */
#include "lua_answer.h"
#include "lua_lines.h"
#include "lua_request.h"
#include "lua_shape.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ENGINE_TYPE   "sendcloud.http"
#define TRANSFER_TYPE "sendcloud.transfer"

#define LONGEST_STEP 3600.0 /* seconds */

struct engine {
    struct sc_http *http;
};

struct transfer {
    struct sc_http_transfer *t;
    struct sc_buf *body; /* locked, or NULL */
    struct sc_buf *into; /* locked, or NULL */
    enum { NOTHING, BODIES, ANSWER, FAILURE } environment;
    int busy; /* its result is being made: a finalizer may ask for it meanwhile */
};

/* --- engines ------------------------------------------------------------------------ */

static struct sc_http *check_engine(lua_State *L)
{
    struct engine *e = sc_lua_checkself(L, ENGINE_TYPE);

    if (!e->http)
        luaL_error(L, "the engine is closed");
    return e->http;
}

/* The milliseconds of the seconds at index 2. */
static int check_wait(lua_State *L)
{
    double seconds = luaL_optnumber(L, 2, 0);

    if (!(seconds > 0))
        return 0;
    return (int)ceil((seconds > LONGEST_STEP ? LONGEST_STEP : seconds) * 1000);
}

/* core.http{ max_connections = } -> engine */
static int core_http(lua_State *L)
{
    int64_t most = 0;
    struct engine *e;

    if (!lua_isnoneornil(L, 1)) {
        luaL_checktype(L, 1, LUA_TTABLE);
        lua_getfield(L, 1, "max_connections");
        if (!lua_isnil(L, -1) &&
            (!sc_tointeger(L, -1, &most) || most < 1 || most > 65535))
            return luaL_argerror(L, 1, "max_connections is a number from 1 to 65535");
    }
    e = sc_lua_newobject(L, sizeof *e, ENGINE_TYPE);
    e->http = sc_http_new((unsigned)most);
    if (!e->http)
        return luaL_error(L, "out of memory");
    return 1;
}

/* Ties the body and the buffer for the answer, the two values on top, to the transfer. */
static void keep_bodies(lua_State *L, struct transfer *t, int transfer)
{
    lua_createtable(L, 2, 0);
    lua_pushvalue(L, -3);
    lua_rawseti(L, -2, 1);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, 2);
    sc_setuservalue(L, transfer);
    t->environment = BODIES;
}

/* engine:add(request [, tag]) -> transfer, or nil and a failure */
static int engine_add(lua_State *L)
{
    struct sc_http_failure why;
    struct transfer *t;
    struct sc_lua_request r = {.kind = NULL};
    lua_Integer tag = luaL_optinteger(L, 3, 0);
    int bodies;

    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_argcheck(L, tag >= 0, 3, "a tag is a number, at least 1");
    lua_settop(L, 2);
    t = sc_lua_newobject(L, sizeof *t, TRANSFER_TYPE);
    sc_lua_request_read(L, &r);
    bodies = lua_gettop(L) - 1;
    if (!lua_isnil(L, -1) || !lua_isnil(L, -2))
        keep_bodies(L, t, 3);
    sc_lua_request_take(L, &r, bodies);
    if (r.kind)
        return sc_lua_refuse(L, r.kind, r.wrong);
    r.request.tag = (unsigned long)tag;
    t->t = sc_http_add(check_engine(L), &r.request, &why);
    if (!t->t) {
        lua_pushnil(L);
        sc_lua_push_failure(L, &why);
        return 2;
    }
    lua_settop(L, 3);
    t->body = r.body;
    t->into = r.into;
    if (t->body)
        t->body->locks++;
    if (t->into)
        t->into->locks++;
    return 1;
}

/* engine:finished() -> the tag of a transfer that is done and was not told yet, or nil */
static int engine_finished(lua_State *L)
{
    unsigned long tag = sc_http_finished(check_engine(L));

    if (!tag)
        return 0;
    lua_pushinteger(L, (lua_Integer)tag);
    return 1;
}

/* engine:step([seconds]) -> number of transfers that were done since the last step */
static int engine_step(lua_State *L)
{
    struct sc_http *http = check_engine(L);

    lua_pushinteger(L, (lua_Integer)sc_http_step(http, check_wait(L)));
    return 1;
}

/* engine:await(seconds, transfer) -> whether it is done, after a step where it was not */
static int engine_await(lua_State *L)
{
    struct sc_http *http = check_engine(L);
    int ms = check_wait(L);
    struct transfer *t = sc_testudata(L, 3, TRANSFER_TYPE);

    luaL_argcheck(L, t, 3, "a transfer is wanted");
    if (t->t && !sc_http_done(t->t))
        sc_http_step(http, ms);
    lua_pushboolean(L, !t->t || sc_http_done(t->t));
    return 1;
}

/* engine:foreign() -> whether it was made before this process was forked off */
static int engine_foreign(lua_State *L)
{
    struct engine *e = sc_lua_checkself(L, ENGINE_TYPE);

    lua_pushboolean(L, e->http && sc_http_is_foreign(e->http));
    return 1;
}

/* engine:count() -> transfers in flight */
static int engine_count(lua_State *L)
{
    struct engine *e = sc_lua_checkself(L, ENGINE_TYPE);

    lua_pushinteger(L, e->http ? (lua_Integer)sc_http_count(e->http) : 0);
    return 1;
}

static int engine_close(lua_State *L)
{
    struct engine *e = sc_lua_checkself(L, ENGINE_TYPE);

    sc_http_free(e->http);
    e->http = NULL;
    return 0;
}

/* --- transfers ---------------------------------------------------------------------- */

static struct transfer *check_transfer(lua_State *L)
{
    return sc_lua_checkself(L, TRANSFER_TYPE);
}

/* Lets go of the buffers of a transfer that is done; the answer's memory goes into the
 * user's buffer when there is an answer. */
static void unlock(struct transfer *t, int answered)
{
    if (t->body)
        t->body->locks--;
    if (t->into) {
        struct sc_buf *answer = t->t ? sc_http_body(t->t) : NULL;

        t->into->locks--;
        if (answered && answer)
            sc_lua_move_bytes(t->into, answer);
    }
    t->body = NULL;
    t->into = NULL;
}

static void release(struct transfer *t)
{
    struct sc_http_transfer *inner = t->t;

    if (inner)
        sc_http_cancel(inner);
    unlock(t, 0);
    t->t = NULL;
    sc_http_release(inner);
}

static int transfer_gc(lua_State *L)
{
    release(check_transfer(L));
    return 0;
}

/* transfer:done() -> whether there is a result */
static int transfer_done(lua_State *L)
{
    struct transfer *t = check_transfer(L);

    lua_pushboolean(L, !t->t || sc_http_done(t->t));
    return 1;
}

/* transfer:cancel(): its result is a failure of kind cancelled, unless it was done
 * already */
static int transfer_cancel(lua_State *L)
{
    struct transfer *t = check_transfer(L);

    if (t->t)
        sc_http_cancel(t->t);
    return 0;
}

/* Makes the result of a transfer that is done its environment. */
static void keep_result(lua_State *L, struct transfer *t)
{
    const struct sc_http_failure *why = sc_http_failed(t->t);

    t->busy = 1;
    if (why) {
        sc_lua_push_failure(L, why);
    } else if (t->into) {
        sc_getuservalue(L, 1);
        lua_rawgeti(L, -1, 2);
        sc_lua_push_answer(L, t->t, -1);
    } else {
        sc_lua_push_answer(L, t->t, 0);
    }
    sc_setuservalue(L, 1);
    t->busy = 0;
    t->environment = why ? FAILURE : ANSWER;
    unlock(t, !why);
    release(t);
    lua_settop(L, 1);
}

/* transfer:result() -> { status, headers, body }, or nil and a failure. Asked again it
 * gives the same tables; asked early it raises. */
static int transfer_result(lua_State *L)
{
    struct transfer *t = check_transfer(L);

    lua_settop(L, 1);
    if (t->t) {
        if (!sc_http_done(t->t))
            return luaL_error(L, "the transfer is not done yet");
        if (t->busy)
            return luaL_error(L, "the transfer's result is being taken");
        keep_result(L, t);
    }
    if (t->environment == FAILURE)
        lua_pushnil(L);
    else if (t->environment != ANSWER)
        return luaL_error(L, "the transfer never began");
    sc_getuservalue(L, 1);
    return t->environment == FAILURE ? 2 : 1;
}

/* Whether there is an answer that says it succeeded, with a body. */
static int has_good_body(const struct transfer *t)
{
    return t->t && !t->busy && sc_http_done(t->t) && !sc_http_failed(t->t) &&
           sc_http_status(t->t) / 100 == 2 && sc_http_body(t->t)->len > 0;
}

/* transfer:read(shape, record_metatables) -> the value that a good answer holds. Then
 * the transfer is over and has no result. nil: anything else, which result() tells. */
static int transfer_read(lua_State *L)
{
    struct transfer *t = check_transfer(L);
    int good;

    luaL_argcheck(L, sc_testudata(L, 2, SC_SHAPE_TYPE), 2, "a shape is wanted");
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_settop(L, 3);
    if (t->into || !has_good_body(t))
        return 0;
    t->busy = 1; /* no finalizer takes the body while it is read */
    good = sc_lua_shape_take(L, 2, 3, sc_http_body(t->t)->data, sc_http_body(t->t)->len);
    t->busy = 0;
    if (good)
        release(t);
    return good;
}

/* transfer:good() -> whether there is an answer that says it succeeded, with a body */
static int transfer_good(lua_State *L)
{
    lua_pushboolean(L, has_good_body(check_transfer(L)));
    return 1;
}

/* transfer:lines(lines, out[, ids]) -> as lines:page of the body of a good answer. Then
 * the transfer is over and has no result. Nothing: anything else, which result() tells. */
static int transfer_lines(lua_State *L)
{
    struct transfer *t = check_transfer(L);
    int n = has_good_body(t) ? sc_lua_lines_take(L, sc_http_body(t->t)) : 0;

    if (!n)
        return 0;
    unlock(t, 1); /* the memory is the buffer's again, the bytes with it */
    release(t);
    return n;
}

/* --- module ------------------------------------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* A look-up that libcurl gave up on goes on in a thread of its own; the code it
 * returns to must still be there when a Lua state closes and unloads its modules. */
static void pin_module(void)
{
    Dl_info info;

    if (dladdr((void *)(uintptr_t)pin_module, &info) && info.dli_fname)
        dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

void sc_open_http(lua_State *L)
{
    static const luaL_Reg engine[] = {
        {"add", engine_add},           {"step", engine_step},
        {"await", engine_await},       {"count", engine_count},
        {"foreign", engine_foreign},   {"close", engine_close},
        {"finished", engine_finished}, {NULL, NULL}};
    static const luaL_Reg engine_meta[] = {
        {"__gc", engine_close}, {"__close", engine_close}, {NULL, NULL}};
    static const luaL_Reg transfer[] = {{"done", transfer_done},
                                        {"result", transfer_result},
                                        {"read", transfer_read},
                                        {"good", transfer_good},
                                        {"lines", transfer_lines},
                                        {"cancel", transfer_cancel},
                                        {NULL, NULL}};
    static const luaL_Reg transfer_meta[] = {{"__gc", transfer_gc}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"http", core_http}, {NULL, NULL}};

    pthread_once(&once, pin_module);
    sc_lua_newtype(L, ENGINE_TYPE, engine, engine_meta);
    sc_lua_newtype(L, TRANSFER_TYPE, transfer, transfer_meta);
    sc_setfuncs(L, functions);
}
