#include "fail.h"

#include <lauxlib.h>
#include <lualib.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int luaopen_sendcloud_core(lua_State *L);

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *s);

static atomic_int armed; /* whose allocations are counted */
static atomic_long counted, first, last; /* those from the first to the last fail */

void fail_arm(int whose, long n, int more)
{
    counted = 0;
    first = n;
    last = n + more;
    armed = whose;
}

int fail_disarm(void)
{
    armed = 0;
    return counted >= first;
}

int fail_due(int whose)
{
    long n;

    if (!(armed & whose))
        return 0;
    n = atomic_fetch_add(&counted, 1) + 1;
    return n >= first && n <= last;
}

void *__wrap_malloc(size_t size)
{
    return fail_due(FAIL_C) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fail_due(FAIL_C) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fail_due(FAIL_C) ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *s)
{
    return fail_due(FAIL_C) ? NULL : __real_strdup(s);
}

void *fail_lua_allocate(void *unused, void *old, size_t old_size, size_t size)
{
    (void)unused;
    if (size == 0) {
        free(old);
        return NULL;
    }
    /* Lua relies on it that a block can always shrink. */
    return (!old || size > old_size) && fail_due(FAIL_LUA) ? NULL
                                                           : __real_realloc(old, size);
}

static int says_so(const char *message)
{
    static const char *const words[] = {
        "not enough memory", "memory is short", "Cannot allocate memory",
        "stack overflow", /* luaL_checkstack, when the stack cannot grow */
    };

    for (size_t i = 0; message && i < sizeof words / sizeof *words; i++)
        if (strstr(message, words[i]))
            return 1;
    return 0;
}

/* One run with the n-th allocation failing. Returns 0 or 1 as fail_each does. */
static int run(lua_State *L, long n, int *reached, long *failed)
{
    int bad = 0, rc;

    lua_pushvalue(L, -1);
    lua_pushinteger(L, n);
    fail_arm(FAIL_ALL, n, 1);
    rc = lua_pcall(L, 1, 0, 0);
    *reached = fail_disarm();
    if (rc) {
        const char *message = lua_tostring(L, -1);

        ++*failed;
        bad = !says_so(message);
        if (bad)
            fprintf(stderr, "allocation %ld: %s\n", n, message ? message : "?");
        lua_pop(L, 1);
    }
    return bad;
}

int fail_each(const char *path, const char *argument, long *runs, long *failed)
{
    lua_State *L = lua_newstate(fail_lua_allocate, NULL);
    int bad = 0, reached = 1;

    if (!L)
        return 1;
    luaL_openlibs(L);
    if (luaL_loadfile(L, path)) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        lua_close(L);
        return 1;
    }
    lua_pushcfunction(L, luaopen_sendcloud_core);
    lua_call(L, 0, 1);
    lua_pushstring(L, argument);
    lua_call(L, 2, 1);
    for (long n = 1; reached && !bad; n++, ++*runs)
        bad = run(L, n, &reached, failed);
    lua_close(L);
    return bad;
}
