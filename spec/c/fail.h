/* fail: allocations that fail when a torture program says so.
 *
 * malloc, calloc, realloc and strdup of our C come here, since the linker wraps them
 * (.ci/torture); Lua's come through fail_lua_allocate, any other's through fail_due. They
 * are counted on all threads. */
#ifndef FAIL_H
#define FAIL_H

#include <stddef.h>

enum { FAIL_C = 1, FAIL_LUA = 2, FAIL_ALL = 3 };

/* Lets the n-th allocation of `whose` from now on fail, and `more` right behind it: Lua
 * collects its garbage and tries once more. */
void fail_arm(int whose, long n, int more);

/* Ends that. Returns whether the n-th was reached. */
int fail_disarm(void);

/* Counts an allocation of an allocator that is not known here. Returns whether it fails. */
int fail_due(int whose);

/* Lua's allocator. */
void *fail_lua_allocate(void *unused, void *old, size_t old_size, size_t size);

/* What is wrapped, for libraries that are told their allocator. */
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *s);

/* Runs a scenario for every n: a Lua file that is given the core and `argument`, and gives
 * the function that a run calls with n. A run must end well or say that memory is short.
 * Adds up the runs, and those that failed. Returns 0, or 1 with a word on stderr. */
int fail_each(const char *path, const char *argument, long *runs, long *failed);

#endif
