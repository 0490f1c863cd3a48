/* torture_codec: shapes compiled, written and read with the n-th allocation failing, for
 * every n.
 *
 * Allocations of our own C (wrapped by the linker) and of Lua count alike. Every run
 * must end in one of two ways: right, or with the error "not enough memory"; and
 * shapes and buffers that live through all runs must still work after the last. ASan
 * tells what was lost or overrun. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
static int again; /* the one after it does too: Lua collects and tries once more */

static int fails(void)
{
    if (again) {
        again = 0;
        return 1;
    }
    return again = countdown > 0 && --countdown == 0;
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

/* Lua's allocator: shrinking must not fail. */
static void *allocate(void *nothing, void *p, size_t old, size_t n)
{
    (void)nothing;
    if (n == 0) {
        free(p);
        return NULL;
    }
    return (!p || n > old) && fails() ? NULL : __real_realloc(p, n);
}

/* Gives the function that each run calls. */
static const char scenario[] =
    "local core = ...\n"
    "local member = { type = 'record', mark = 'member',\n"
    "  { name = 'email', type = 'string', required = true, min = 1 },\n"
    "  { name = 'status', type = 'string', values = { ready = '2', failed = '-1' } },\n"
    "  { name = 'mode', wire = { 'flag', 'tagFlag' }, type = 'integer', default = 'a',\n"
    "    values = { a = 1, b = 0 } },\n"
    "  { name = 'fields', type = 'map', empty = true },\n"
    "  { name = 'tags', type = 'list', of = { type = 'string', what = 'tag' }, empty = "
    "true },\n"
    "  { name = 'rest', type = 'any' } }\n"
    "local node = { type = 'record', { name = 'list', type = 'list', of = member } }\n"
    "local old, kept, seen = core.shape(node), core.buffer(), {}\n"
    "local marks, long = { member = { __index = seen } }, ('x'):rep(300)\n"
    "local unknown = "
    "'{\"list\":[{\"em\\\\u0061il\":\"x\",\"new\":\"\\\\u0041\",\"pi\":3.'\n"
    "  .. ('1'):rep(200) .. ',\"a\":[{}],\"b\":{\"c\":1}}]}'\n"
    "return function(round)\n"
    "  local shape, out = core.shape(node), core.buffer()\n"
    "  local value = { list = {} }\n"
    "  local many = {}\n"
    "  for i = 1, 66 do many[i] = 'a\\n' end\n"
    "  for i = 1, 3 do\n"
    "    value.list[i] = { email = long .. i, status = 'ready', tags = i == 2 and many "
    "or { '\\195\\169' },\n"
    "      fields = { ['n' .. round % 50 .. '_' .. i] = 'v', Age = 12, ['\\195\\169'] = "
    "true },\n"
    "      rest = { 1, { x = 1.5, [long] = core.null } } }\n"
    "  end\n"
    "  local text = assert(shape:write(value))\n"
    "  assert(old:write(value, out) == out and tostring(out) == text)\n"
    "  kept:clear()\n"
    "  assert(old:write(value, kept))\n"
    "  for _, source in ipairs { text, out, kept } do\n"
    "    local back, path, reason = shape:read(source, marks, { raw = true })\n"
    "    assert(back, reason)\n"
    "    assert(#back.list == 3 and back.list[3].email == long .. 3)\n"
    "    assert(#back.list[2].tags == 66 and back.list[2].tags[66] == 'a\\n')\n"
    "    assert(back.list[3].fields.Age == '12' and back.list[2].rest[2].x == 1.5)\n"
    "    assert(back.list[1].status == 'ready')\n"
    "  end\n"
    "  local raw = assert(shape:read(unknown, marks, { raw = true })).list[1].raw\n"
    "  assert(raw.new == 'A' and raw.pi > 3)\n"
    "  assert(not shape:read('{\"list\":[{}]}') and not shape:write { lst = {} })\n"
    "  assert(core.encode_path('a/b') == 'a%2Fb')\n"
    "end\n";

int main(void)
{
    lua_State *L = lua_newstate(allocate, NULL);
    long n, failed = 0;
    int bad = 0, done = 0;

    if (!L)
        return 1;
    luaL_openlibs(L);
    if (luaL_loadstring(L, scenario))
        return 1;
    lua_pushcfunction(L, luaopen_sendcloud_core);
    lua_call(L, 0, 1);
    lua_call(L, 1, 1);
    for (n = 1; !done && !bad; n++) {
        lua_pushvalue(L, -1);
        lua_pushinteger(L, n);
        countdown = n;
        if (lua_pcall(L, 1, 0, 0)) {
            const char *message = lua_tostring(L, -1);

            failed++;
            /* the second is what luaL_checkstack says when the stack cannot grow */
            bad = !message || !(strstr(message, "not enough memory") ||
                                strstr(message, "stack overflow"));
            if (bad)
                fprintf(stderr, "allocation %ld: %s\n", n, message ? message : "?");
            lua_pop(L, 1);
        }
        done = countdown > 0;
        countdown = again = 0;
    }
    lua_close(L);
    printf("%ld runs, %ld without enough memory, all of them told\n", n - 1, failed);
    return bad;
}
