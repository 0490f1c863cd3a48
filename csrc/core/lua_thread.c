/* lua_thread: core.http_thread, the engine on a thread, for Lua code that waits in an
 * event loop, and core.http_pool, which has the host's threads do the same work.
 *
 * A Lua state has one userdata of each, kept in its registry: it holds a share in the
 * process's thread or pool until the state closes, whoever else lets go. A job
 * userdata cancels its job when it is collected; its environment table keeps the
 * buffer for the answer, which is locked meanwhile, and then the result. */
#include "http_pool.h"
#include "http_thread.h"
#include "lua_answer.h"
#include "lua_request.h"
#include "lua_thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define THREAD_TYPE "sendcloud.http_thread"
#define JOB_TYPE    "sendcloud.http_job"

enum { INTO = 1, ANSWER, FAILURE }; /* in a job's environment */

struct share {
    struct sc_http_thread *thread;
};

struct job {
    struct sc_http_job *job; /* NULL: its result was taken */
    struct sc_buf *into; /* locked, or NULL */
    int busy; /* its result is being made: a finalizer may ask for it meanwhile */
    int is_chore;
};

static const char thread_key = 0, pool_key = 0;

/* Pushes this state's share, which the registry keeps; opened anew when there is none
 * that is of use. */
static int push_share(lua_State *L, const char *key,
                      struct sc_http_thread *(*open_one)(struct sc_http_failure *))
{
    struct sc_http_failure why;
    struct share *s;

    lua_settop(L, 0);
    lua_pushlightuserdata(L, (void *)(uintptr_t)key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    s = sc_testudata(L, 1, THREAD_TYPE);
    if (s && s->thread && !sc_http_thread_is_foreign(s->thread) &&
        !sc_http_thread_is_retired(s->thread))
        return 1;
    s = sc_lua_newobject(L, sizeof *s, THREAD_TYPE);
    s->thread = open_one(&why);
    if (!s->thread) {
        lua_pushnil(L);
        sc_lua_push_failure(L, &why);
        return 2;
    }
    lua_pushlightuserdata(L, (void *)(uintptr_t)key);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
    return 1;
}

/* core.http_thread() -> this state's thread, started when there is none; or nil and a
 * failure */
static int core_http_thread(lua_State *L)
{
    return push_share(L, &thread_key, sc_http_thread_open);
}

/* core.http_pool() -> what takes jobs for the host's threads; or nil and a failure */
static int core_http_pool(lua_State *L)
{
    return push_share(L, &pool_key, sc_http_pool_open);
}

/* core.http_work(id) -> whether the job with what job:id() says is done now: after a
 * second it is left for another time; nil: there is no such job. Another Lua state
 * calls this, on a thread of the host's. */
static int core_http_work(lua_State *L)
{
    int done = sc_http_pool_work(strtoull(luaL_checkstring(L, 1), NULL, 10));

    if (done < 0)
        lua_pushnil(L);
    else
        lua_pushboolean(L, done);
    return 1;
}

static struct sc_http_thread *check_thread(lua_State *L, int index)
{
    struct share *s = luaL_checkudata(L, index, THREAD_TYPE);

    if (!s->thread)
        luaL_error(L, "the helper thread is closed");
    return s->thread;
}

static int thread_gc(lua_State *L)
{
    struct share *s = luaL_checkudata(L, 1, THREAD_TYPE);
    struct sc_http_thread *thread = s->thread;

    s->thread = NULL;
    sc_http_thread_close(thread);
    return 0;
}

/* thread:path() -> where its socket is; nil for a pool, which has none */
static int thread_path(lua_State *L)
{
    const char *path = sc_http_thread_path(check_thread(L, 1));

    if (*path)
        lua_pushstring(L, path);
    else
        lua_pushnil(L);
    return 1;
}

/* thread:lost() -> whether its socket was removed: another core.http_thread() gives a
 * thread that can be reached again */
static int thread_lost(lua_State *L)
{
    lua_pushboolean(L, sc_http_thread_is_lost(check_thread(L, 1)));
    return 1;
}

/* thread:submit(request) -> job, or nil and a failure; the request is as for
 * engine:add */
static int thread_submit(lua_State *L)
{
    struct sc_lua_request r = {.kind = NULL};
    struct sc_http_failure why;
    struct job *j;

    check_thread(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    j = sc_lua_newobject(L, sizeof *j, JOB_TYPE);
    lua_createtable(L, 3, 0);
    lua_pushvalue(L, 4);
    sc_setuservalue(L, 3);
    sc_lua_request_read(L, &r);
    sc_lua_request_take(L, &r, lua_gettop(L) - 1);
    if (r.kind)
        return sc_lua_refuse(L, r.kind, r.wrong);
    lua_rawseti(L, 4, INTO);
    j->job = sc_http_submit(check_thread(L, 1), &r.request, &why);
    if (!j->job) {
        lua_pushnil(L);
        sc_lua_push_failure(L, &why);
        return 2;
    }
    lua_settop(L, 3);
    j->into = r.into;
    if (j->into)
        j->into->locks++;
    return 1;
}

int sc_lua_submit_chore(lua_State *L, int thread, const struct sc_http_chore *chore)
{
    struct sc_http_thread *t = check_thread(L, thread);
    struct sc_http_failure why;
    struct job *j = sc_lua_newobject(L, sizeof *j, JOB_TYPE);

    lua_createtable(L, 3, 0);
    sc_setuservalue(L, -2);
    j->is_chore = 1;
    j->job = sc_http_submit_chore(t, chore, &why);
    if (j->job)
        return 1;
    lua_pushnil(L);
    sc_lua_push_failure(L, &why);
    return 2;
}

static struct job *check_job(lua_State *L)
{
    return luaL_checkudata(L, 1, JOB_TYPE);
}

/* Lets go of the buffer; answer, when there is one, becomes its bytes. */
static void unlock(struct job *j, struct sc_buf *answer)
{
    if (!j->into)
        return;
    j->into->locks--;
    if (answer)
        sc_lua_move_bytes(j->into, answer);
    j->into = NULL;
}

static void release(struct job *j)
{
    struct sc_http_job *inner = j->job;

    unlock(j, NULL);
    j->job = NULL;
    sc_http_job_release(inner);
}

static int job_gc(lua_State *L)
{
    release(check_job(L));
    return 0;
}

/* job:id() -> the line that asks for it at the thread's socket, its newline included */
static int job_id(lua_State *L)
{
    struct job *j = check_job(L);
    char line[24];

    if (!j->job)
        return luaL_error(L, "the job's result was taken");
    snprintf(line, sizeof line, "%llu\n", (unsigned long long)sc_http_job_id(j->job));
    lua_pushstring(L, line);
    return 1;
}

/* job:done() -> whether there is a result */
static int job_done(lua_State *L)
{
    struct job *j = check_job(L);

    lua_pushboolean(L, !j->job || sc_http_job_done(j->job));
    return 1;
}

/* job:cancel(): soon its result is a failure of kind cancelled, unless it was done
 * already */
static int job_cancel(lua_State *L)
{
    struct job *j = check_job(L);

    if (j->job)
        sc_http_job_cancel(j->job);
    return 0;
}

/* The same for a chore. */
static void keep_code(lua_State *L, struct job *j)
{
    int code = sc_http_job_code(j->job);

    if (code)
        lua_pushstring(L, strerror(code));
    else
        lua_pushboolean(L, 1);
    lua_rawseti(L, 2, code ? FAILURE : ANSWER);
    release(j);
}

/* Puts the result of a job that is done into its environment, at index 2. */
static void keep_result(lua_State *L, struct job *j)
{
    const struct sc_http_failure *why = sc_http_job_failed(j->job);
    struct sc_http_transfer *t = sc_http_job_transfer(j->job);

    j->busy = 1;
    lua_rawgeti(L, 2, INTO);
    if (why)
        sc_lua_push_failure(L, why);
    else
        sc_lua_push_answer(L, t, j->into ? 3 : 0);
    lua_rawseti(L, 2, why ? FAILURE : ANSWER);
    j->busy = 0;
    unlock(j, why ? NULL : sc_http_body(t));
    release(j);
    lua_pushnil(L);
    lua_rawseti(L, 2, INTO);
    lua_settop(L, 2);
}

/* job:result() -> { status, headers, body }, or nil and a failure; of a chore true, or
 * nil and a message. Asked again it gives the same; asked early it raises. */
static int job_result(lua_State *L)
{
    struct job *j = check_job(L);

    lua_settop(L, 1);
    sc_getuservalue(L, 1);
    if (j->job) {
        if (!sc_http_job_done(j->job))
            return luaL_error(L, "the job is not done yet");
        if (j->busy)
            return luaL_error(L, "the job's result is being taken");
        if (j->is_chore)
            keep_code(L, j);
        else
            keep_result(L, j);
    }
    lua_rawgeti(L, 2, ANSWER);
    if (!lua_isnil(L, -1))
        return 1;
    lua_rawgeti(L, 2, FAILURE);
    return 2;
}

#if LUA_VERSION_NUM < 503
/* LuaJIT has it, PUC Lua does not: a module built with the headers of either may meet
 * both. */
extern int lua_isyieldable(lua_State *L) __attribute__((weak));
#define KNOWS_YIELDABLE (lua_isyieldable != NULL)
#else
#define KNOWS_YIELDABLE 1
#endif

/* core.is_yieldable() -> whether the running coroutine can yield; nil where Lua does
 * not know. nginx puts a table of its own in the place of `coroutine`, without this
 * function. */
static int core_is_yieldable(lua_State *L)
{
    if (KNOWS_YIELDABLE)
        lua_pushboolean(L, lua_isyieldable(L));
    else
        lua_pushnil(L);
    return 1;
}

/* core.descriptors() -> how many this process may have; nil where that is not known */
static int core_descriptors(lua_State *L)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return 0;
    lua_pushnumber(L, (lua_Number)limit.rlim_cur);
    return 1;
}

void sc_open_thread(lua_State *L)
{
    static const luaL_Reg thread[] = {{"submit", thread_submit},
                                      {"path", thread_path},
                                      {"lost", thread_lost},
                                      {NULL, NULL}};
    static const luaL_Reg thread_meta[] = {{"__gc", thread_gc}, {NULL, NULL}};
    static const luaL_Reg job[] = {{"id", job_id},
                                   {"done", job_done},
                                   {"cancel", job_cancel},
                                   {"result", job_result},
                                   {NULL, NULL}};
    static const luaL_Reg job_meta[] = {{"__gc", job_gc}, {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"http_thread", core_http_thread}, {"http_pool", core_http_pool},
        {"http_work", core_http_work},     {"is_yieldable", core_is_yieldable},
        {"descriptors", core_descriptors}, {NULL, NULL}};

    sc_lua_newtype(L, THREAD_TYPE, thread, thread_meta);
    sc_lua_newtype(L, JOB_TYPE, job, job_meta);
    sc_setfuncs(L, functions);
}
