/* torture_calls: a scenario of calls with the n-th allocation failing, for every n.
 *
 * Runs spec/c/torture_calls.lua in one Lua state with both modules linked in.
 * Allocations of our own C (malloc, calloc, realloc, strdup, wrapped by the linker)
 * and of Lua (its allocator) are counted while the scenario runs; each run lets the
 * next one fail. A run may end well, with an error object, or with "not enough
 * memory": anything but a crash, a hang or a leak, which ASan and LSan tell. The last
 * line says how many runs there were. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int luaopen_sendcloud_core(lua_State *L);
int luaopen_sendcloud_sandbox_core(lua_State *L);

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *s);

enum who { OURS, LUAS };

static atomic_long counted[2]; /* allocations since the run began */
static atomic_long failing[2]; /* the one that fails; 0: none */

static int fails(enum who who)
{
    long at = atomic_load(&failing[who]);

    return at && atomic_fetch_add(&counted[who], 1) + 1 == at;
}

void *__wrap_malloc(size_t size)
{
    return fails(OURS) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails(OURS) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails(OURS) ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *s)
{
    return fails(OURS) ? NULL : __real_strdup(s);
}

/* Lua's allocator. Shrinking must not fail, so only what grows is counted. */
static void *allocate(void *nothing, void *old, size_t old_size, size_t size)
{
    (void)nothing;
    if (size == 0) {
        free(old);
        return NULL;
    }
    if ((!old || size > old_size) && fails(LUAS))
        return NULL;
    return __real_realloc(old, size);
}

static int run(lua_State *L)
{
    int ok;

    lua_pushvalue(L, 1);
    ok = lua_pcall(L, 0, 0, 0) == LUA_OK;
    lua_settop(L, 1);
    return ok;
}

/* One run with the n-th allocation of one side failing; 0 when n was never reached. */
static int run_failing(lua_State *L, enum who who, long n)
{
    atomic_store(&counted[who], 0);
    atomic_store(&failing[who], n);
    run(L);
    atomic_store(&failing[who], 0);
    lua_gc(L, LUA_GCCOLLECT, 0);
    return atomic_load(&counted[who]) >= n;
}

static long torture(lua_State *L, enum who who, long step)
{
    long runs = 0, n = 1;

    while (run_failing(L, who, n)) {
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
    lua_State *L = lua_newstate(allocate, NULL);

    if (!L || !load_scenario(L, path))
        return 1;
    ours = torture(L, OURS, 1);
    luas = torture(L, LUAS, step);
    if (!run(L)) {
        fprintf(stderr, "the scenario no longer works after all that\n");
        return 1;
    }
    lua_close(L);
    printf("%ld of our allocations and %ld of Lua's failed, none to any harm\n", ours, luas);
    return 0;
}
