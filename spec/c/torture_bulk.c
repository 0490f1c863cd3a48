/* torture_bulk: rows of CSV into requests and pages into lines, with the n-th allocation failing,
 * for every n.
 *
 * Allocations of our own C (wrapped by the linker) and of Lua count alike. Every run must end in
 * one of two ways: right, or with an error that says that memory is short; and the lines that
 * live through all runs must hold no more and no fewer members than were written. ASan tells what
 * was lost or overrun. */
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
    "local text = 'a@x,Ann,\"vip; new\",Rome\\nno at,B,,\\nb@x,\"C "
    "\"\"c\"\"\",x,\"1\\n2\"\\nA@X,last,,\\nc@x,long' .. ('g'):rep(300)\n"
    "  .. ',,\\n'\n"
    "local function step(use, cell, name)\n"
    "  local key = use == 'address' and '{\"mail\":\"' or use == 'tags' and '' or '\"' "
    ".. name .. '\":\"'\n"
    "  return { use = use, cell = cell, name = name, target = name, key = key,\n"
    "    max = use == 'text' and 100 or nil }\n"
    "end\n"
    "local plan = { head = '{\"list\":[', tail = ']}', fields = ',\"fields\":{', tags = "
    "',\"tags\":[',\n"
    "  steps = { step('address', 1, 'mail'), step('text', 2, 'name'), step('field', 4, "
    "'City'),\n"
    "    step('tags', 3, 'tags') } }\n"
    "local answers = { inserted = { 'ins' }, updated = { 'upd' }, errors = { 'err' },\n"
    "  inserted_count = { 'n' }, updated_count = { 'm' }, address = { 'mail' }, message "
    "= { 'why' } }\n"
    "local function import()\n"
    "  local rows, batch, body, out = core.rows {}, core.batch(), core.buffer(), "
    "core.buffer()\n"
    "  rows:feed(text:sub(1, 40))\n"
    "  rows:feed(text:sub(41))\n"
    "  rows:finish()\n"
    "  rows:sniff()\n"
    "  rows:plan(plan)\n"
    "  rows:answers(answers)\n"
    "  batch:begin(rows, body)\n"
    "  assert(batch:fill(rows, body) == 'end')\n"
    "  batch:close(rows, body)\n"
    "  assert(tostring(body):find('A@X', 1, true) and batch:info().sent == 2)\n"
    "  assert(batch:answer(rows, body, "
    "'{\"ins\":[{\"mail\":\"A@X\"}],\"n\":1,\"err\":[{\"mail\":\"b@x\",\"why\":\"no\"}]}'"
    ",\n"
    "    1, 2))\n"
    "  local verdicts = batch:settle()\n"
    "  assert(verdicts.inserted + verdicts.updated == 2 and verdicts.rejected == 3)\n"
    "  batch:rejects(rows, body, out)\n"
    "  assert(tostring(out):find('no at', 1, true) and tostring(out):find('b@x,no', 1, "
    "true))\n"
    "  batch:release(rows)\n"
    "end\n"
    "local shape = core.shape { type = 'record', { name = 'mail', type = 'string' } }\n"
    "local function tables()\n"
    "  local rows, batch, body = core.rows {}, core.batch(), core.buffer()\n"
    "  rows:plan(plan)\n"
    "  rows:answers(answers)\n"
    "  batch:begin(rows, body)\n"
    "  local list = { { mail = 'a@x' }, { mail = 7 }, 'x', { mail = 'b@x' } }\n"
    "  assert(batch:write(rows, body, shape, list, 1, 4, 1) == 4)\n"
    "  batch:close(rows, body)\n"
    "  assert(batch:info().sent == 2)\n"
    "  batch:release(rows)\n"
    "end\n"
    "local parts = {}\n"
    "for i, name in ipairs { 'id', 'mail', 'fields', 'tags' } do\n"
    "  parts[i] = { keys = { name }, json = '\"' .. name .. '\":' }\n"
    "end\n"
    "local function lines_of(separator)\n"
    "  return core.lines { separator = separator, finding = separator ~= '', list = { "
    "'list' },\n"
    "    total = { 'total' }, parts = parts, id = 1, fields = 3, folder = '/tmp',\n"
    "    columns = separator ~= '' and { { name = 'mail', part = 2, json = '\"mail\":' } "
    "} or {} }\n"
    "end\n"
    "local function page(round, count)\n"
    "  local list = {}\n"
    "  for i = 1, count do\n"
    "    list[i] = "
    "('{\"id\":\"%d.%d\",\"mail\":\"m%d@x\",\"fields\":{\"f%d\":\"\\\\u0041\",\"n\":1},"
    "\"tags\":[\"a\",{}]}')\n"
    "      :format(round, i, i, i)\n"
    "  end\n"
    "  return '{\"total\":9,\"list\":[' .. table.concat(list, ',') .. ']}'\n"
    "end\n"
    "local kept = lines_of ','\n"
    "local out, ids = core.buffer(), core.buffer()\n"
    "local function export(round)\n"
    "  for _, separator in ipairs { ',', '' } do\n"
    "    local lines = lines_of(separator)\n"
    "    local _, written = lines:page(page(round, 20), core.buffer(), core.buffer())\n"
    "    assert(written == 20)\n"
    "    local line, padded = core.buffer(), core.buffer()\n"
    "    if separator == ',' then\n"
    "      lines:cell('a,\"b\"', line)\n"
    "      lines:pad('a\\n\"b\\n\"\\n', 2, padded)\n"
    "      assert(tostring(padded) == 'a,,\\n\"b\\n\",,\\n' and tostring(line) == "
    "'\"a,\"\"b\"\"\"')\n"
    "    end\n"
    "  end\n"
    "  out:clear()\n"
    "  ids:clear()\n"
    "  local text_of_page = page(round, 3)\n"
    "  local ok, problem = pcall(kept.page, kept, text_of_page, out, ids)\n"
    "  if not ok then\n"
    "    assert(#out == 0 and #ids == 0)\n"
    "    local received, written = kept:page(text_of_page, out, ids)\n"
    "    assert(received == 3 and written == 3, 'ids of a page that failed were kept')\n"
    "    error(problem, 0)\n"
    "  end\n"
    "  assert(select(2, kept:page(text_of_page, out, ids)) == 0)\n"
    "end\n"
    "page(0, 100) -- Lua makes the metatable of its own buffers\n"
    "return function(round)\n"
    "  import()\n"
    "  tables()\n"
    "  export(round)\n"
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
            /* the last is what luaL_checkstack says when the stack cannot grow */
            bad = !message || !(strstr(message, "not enough memory") ||
                                strstr(message, "memory is short") ||
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
