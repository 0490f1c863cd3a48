/* torture_calls: a scenario of calls with the n-th allocation failing, for every n.
 *
 * Runs spec/c/torture_calls.lua in one Lua state with both modules linked in.
 * Allocations of our C and of Lua are counted while the scenario runs; each run lets
 * the next one fail. Lua's fail alone, so that it collects in the middle of whatever
 * it does, and twice, so that it raises. A run may end well, with an error object, or
 * with "not enough memory": anything but a crash, a hang or a leak, which ASan and LSan
 * tell. The last line says how many runs there were. */
#include "fail.h"

#include <lauxlib.h>
#include <lualib.h>

#include <stdio.h>
#include <stdlib.h>

int luaopen_sendcloud_core(lua_State *L);
int luaopen_sendcloud_sandbox_core(lua_State *L);

static int run(lua_State *L)
{
    int ok;

    lua_pushvalue(L, 1);
    ok = lua_pcall(L, 0, 0, 0) == LUA_OK;
    lua_settop(L, 1);
    return ok;
}

/* One run with their n-th allocation failing, and `more` behind it; 0 when n was never
 * reached. */
static int run_failing(lua_State *L, int whose, long n, int more)
{
    int reached;

    fail_arm(whose, n, more);
    run(L);
    reached = fail_disarm();
    lua_gc(L, LUA_GCCOLLECT, 0);
    return reached;
}

static long torture(lua_State *L, int whose, int more, long step)
{
    long runs = 0, n = 1;

    while (run_failing(L, whose, n, more)) {
        runs++;
        n += step;
    }
    return runs;
}

static int load_scenario(lua_State *L, const char *path)
{
    luaL_openlibs(L);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "preload");
    lua_pushcfunction(L, luaopen_sendcloud_core);
    lua_setfield(L, -2, "sendcloud.core");
    lua_pushcfunction(L, luaopen_sendcloud_sandbox_core);
    lua_setfield(L, -2, "sendcloud.sandbox.core");
    lua_settop(L, 0);
    if (luaL_dofile(L, path)) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        return 0;
    }
    /* Once without a failure: what is made lazily is there, and the scenario itself
     * works. */
    lua_pushvalue(L, 1);
    if (lua_pcall(L, 0, 0, 0)) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        return 0;
    }
    return 1;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "spec/c/torture_calls.lua";
    long step = argc > 2 ? atol(argv[2]) : 1; /* of Lua's allocations, every so many */
    long ours, luas;
    lua_State *L = lua_newstate(fail_lua_allocate, NULL);

    if (!L || !load_scenario(L, path))
        return 1;
    ours = torture(L, FAIL_C, 0, 1);
    luas = torture(L, FAIL_LUA, 0, step) + torture(L, FAIL_LUA, 1, step);
    if (!run(L)) {
        fprintf(stderr, "the scenario no longer works after all that\n");
        return 1;
    }
    lua_close(L);
    printf("%ld of our allocations and %ld of Lua's failed, none to any harm\n", ours,
           luas);
    return 0;
}
