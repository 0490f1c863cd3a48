/* torture_journal: journals written and read with the n-th allocation failing, for
 * every n: by the C alone and through Lua. An append that says it failed has left
 * nothing, one that says it succeeded is read back; a reader without memory says so
 * and goes on when there is some. */
#include "core/journal.h"

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int luaopen_sendcloud_core(lua_State *L);

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);

static long countdown; /* the allocation that fails; 0: none does */
static int twice; /* the one after it does too: Lua collects and tries once more */
static int again;

static int fails(void)
{
    if (again) {
        again = 0;
        return 1;
    }
    if (countdown == 0 || --countdown > 0)
        return 0;
    again = twice;
    return 1;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *s)
{
    return fails() ? NULL : __real_strdup(s);
}

static void *allocate(void *nothing, void *p, size_t old, size_t n)
{
    (void)nothing;
    if (n == 0) {
        free(p);
        return NULL;
    }
    return (!p || n > old) && fails() ? NULL : __real_realloc(p, n);
}

static char folder[] = "/tmp/torture-journal-XXXXXX", path[sizeof folder + 8];
static char payload[200000];

/* One file of growing entries; the number that was accepted. */
static int write_some(void)
{
    struct sc_journal_writer w = {.open = 0};
    int accepted = 0;

    if (sc_journal_create(&w, folder, "a"))
        return -1;
    for (size_t n = 1; n < sizeof payload; n *= 7)
        accepted += sc_journal_append(&w, payload, n, (int64_t)n, 0) == 0;
    sc_journal_close(&w);
    return accepted;
}

/* The number of entries read back; -1 for anything but end and want of memory. */
static int read_some(void)
{
    struct sc_journal_reader r = {.open = 0};
    struct sc_journal_entry entry;
    int found = 0, rc = sc_journal_open(&r, path, 0);

    if (rc == ENOMEM)
        rc = sc_journal_open(&r, path, 0);
    if (rc)
        return -1;
    sc_journal_sealed(&r);
    while ((rc = sc_journal_next(&r, &entry)) == 0 || rc == ENOMEM)
        found += rc == 0;
    if (r.damaged)
        rc = 0;
    sc_journal_finish(&r);
    return rc == SC_JOURNAL_END ? found : -1;
}

static int report(long n, int written, int found)
{
    if (written >= 0 && written == found)
        return 0;
    fprintf(stderr, "allocation %ld: %d written, %d read\n", n, written, found);
    return 1;
}

static int by_hand(long *runs)
{
    int written, found, bad = 0, done = 0;

    for (long n = 1; !done && !bad; n++, ++*runs) {
        unlink(path);
        countdown = n;
        written = write_some();
        done = countdown > 0;
        countdown = 0;
        bad = report(n, written, read_some());
    }
    for (long n = 1, last = 0; !last && !bad; n++, ++*runs) {
        countdown = n;
        found = read_some();
        last = countdown > 0;
        countdown = 0;
        bad = report(n, written, found);
    }
    return bad;
}

static const char scenario[] =
    "local core, folder = ...\n"
    "return function(round)\n"
    "  local place = folder .. '/' .. round\n"
    "  assert(core.make_folder(place))\n"
    "  local lock = assert(core.file_lock(place .. '/lock'))\n"
    "  local writer = assert(core.journal_writer(place, 'a.journal'))\n"
    "  local kept = 0\n"
    "  for i = 1, 20 do\n"
    "    local size, reason = writer:append(('x'):rep(i * 500), i)\n"
    "    if size then kept = kept + 1 else assert(reason == 'Cannot allocate memory') "
    "end\n"
    "  end\n"
    "  writer:close()\n"
    "  local names = assert(core.folder(place))\n"
    "  assert(names['a.journal'] and names.lock == 0)\n"
    "  local reader = assert(core.journal_reader(place .. '/a.journal', 0))\n"
    "  assert(reader:is_sealed())\n"
    "  local found = 0\n"
    "  while true do\n"
    "    local bytes, stamp = reader:next()\n"
    "    if bytes then found = found + 1 elseif not stamp then break end\n"
    "  end\n"
    "  assert(found == kept and reader:damaged() == 0)\n"
    "  assert(core.add_lines(place .. '/lines', 'one\\n'))\n"
    "  lock:close()\n"
    "end\n";

static int by_lua(long *runs, long *failed)
{
    lua_State *L = lua_newstate(allocate, NULL);
    int bad = 0, done = 0;

    if (!L)
        return 1;
    luaL_openlibs(L);
    if (luaL_loadstring(L, scenario))
        return 1;
    lua_pushcfunction(L, luaopen_sendcloud_core);
    lua_call(L, 0, 1);
    lua_pushstring(L, folder);
    lua_call(L, 2, 1);
    twice = 1;
    for (*runs = 1; !done && !bad; ++*runs) {
        lua_pushvalue(L, -1);
        lua_pushinteger(L, *runs);
        countdown = *runs;
        if (lua_pcall(L, 1, 0, 0)) {
            const char *message = lua_tostring(L, -1);

            ++*failed;
            bad = !message || !(strstr(message, "not enough memory") ||
                                strstr(message, "Cannot allocate memory"));
            if (bad)
                fprintf(stderr, "allocation %ld: %s\n", *runs, message ? message : "?");
            lua_pop(L, 1);
        }
        done = countdown > 0;
        countdown = again = 0;
    }
    lua_close(L);
    return bad;
}

int main(void)
{
    char command[sizeof folder + 16];
    long hand = 0, lua = 0, failed = 0;
    int bad;

    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/a", folder);
    memset(payload, 'x', sizeof payload);
    bad = by_hand(&hand) || by_lua(&lua, &failed);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    bad |= system(command) != 0;
    printf("%ld and %ld runs, %ld of these without enough memory, all of them told\n",
           hand, lua - 1, failed);
    return bad;
}
