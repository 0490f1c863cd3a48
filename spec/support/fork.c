/* fork: fork(2) for the specs.
 *
 * what luaopen_spec_fork returns takes a function, runs it in a child and tells whether it returned true. The child ends by
 * becoming /bin/true or /bin/false: no leak checker looks at what it dropped on purpose. */
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int run(lua_State *L)
{
    int status = 1;
    pid_t pid = fork();

    if (pid == 0) {
        lua_settop(L, 1);
        if (lua_pcall(L, 0, 1, 0) == 0 && lua_isboolean(L, -1) && lua_toboolean(L, -1))
            execl("/bin/true", "true", (char *)NULL);
        if (lua_isstring(L, -1)) {
            size_t n;
            const char *s = lua_tolstring(L, -1, &n);
            if (write(2, s, n) < 0 || write(2, "\n", 1) < 0)
                status = 1;
        }
        unsetenv("LD_PRELOAD");
        execl("/bin/false", "false", (char *)NULL);
        _exit(1);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0)
        continue;
    lua_pushboolean(L, pid > 0 && status == 0);
    return 1;
}

int luaopen_spec_fork(lua_State *L);
int luaopen_spec_fork(lua_State *L)
{
    lua_pushcfunction(L, run);
    return 1;
}
