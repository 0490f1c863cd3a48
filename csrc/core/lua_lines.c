/* lua_lines: `core.lines`: pages of members into lines, for export.lua. */
#include "lua_lines.h"

#include "lines.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LINES_TYPE "sendcloud.lines"

/* The userdata: the lines, and a copy of a page that came as a Lua string. */
struct lua_lines {
    struct sc_lines lines;
    struct sc_buf page;
    char *folder;
    int quoted;
};

static struct lua_lines *check_lines(lua_State *L)
{
    return sc_lua_checkself(L, LINES_TYPE);
}

static struct sc_buf *check_buffer(lua_State *L, int index)
{
    struct sc_buf *b = sc_lua_testbuffer(L, index);

    luaL_argcheck(L, b, index, "a buffer is wanted");
    return b;
}

/* The same for what a call writes while it reads the value at `read` and the buffers
 * between the two. */
static struct sc_buf *check_output(lua_State *L, int index, int read)
{
    struct sc_buf *b = check_buffer(L, index);

    luaL_argcheck(L, !b->locks, index, "the buffer is in use by a request");
    for (; read < index; read++)
        luaL_argcheck(L, sc_lua_testbuffer(L, read) != b, index,
                      "another buffer is wanted");
    return b;
}

static int no_memory(lua_State *L)
{
    return luaL_error(L, "not enough memory for the lines of a page");
}

/* Ids could not be kept: rc is of sc_ids_keep. */
static int no_ids(lua_State *L, int rc)
{
    if (rc != SC_IDS_FILE)
        return no_memory(L);
    return luaL_error(L, "the file of an export's ids: %s", strerror(errno));
}

/* ---- options ---- */

static int flag(lua_State *L, int index, const char *name)
{
    int value;

    lua_getfield(L, index, name);
    value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

/* The string under name in the table at index, kept; nothing is the empty one. */
static struct sc_lines_name keep(lua_State *L, struct sc_lines *l, int index,
                                 const char *name)
{
    struct sc_lines_name kept;
    size_t n;
    const char *s;

    lua_getfield(L, index, name);
    s = luaL_optlstring(L, -1, "", &n);
    if (sc_lines_text(l, s, n, &kept))
        no_memory(L);
    lua_pop(L, 1);
    return kept;
}

/* The list of keys under name in the table at index: how many were kept. */
static size_t take_keys(lua_State *L, struct sc_lines *l, int index, const char *name,
                        struct sc_lines_key *keys, size_t room, int part)
{
    size_t count;

    lua_getfield(L, index, name);
    luaL_checktype(L, -1, LUA_TTABLE);
    count = sc_rawlen(L, -1);
    if (count > room)
        luaL_error(L, "lines: too many keys");
    for (size_t i = 0; i < count; i++) {
        size_t n;
        const char *s;

        lua_rawgeti(L, -1, (int)i + 1);
        s = luaL_checklstring(L, -1, &n);
        if (sc_lines_name(l, s, n, &keys[i].name))
            no_memory(L);
        keys[i].part = (uint8_t)part;
        keys[i].rank = (uint8_t)i;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return count;
}

/* The number of a part on top of the stack, from 0; -1 for nil. */
static int take_part(lua_State *L, size_t count)
{
    lua_Number part = luaL_optnumber(L, -1, 0);

    if (!(part >= 0 && part <= (lua_Number)count))
        luaL_error(L, "lines: no such part");
    return (int)part - 1;
}

/* parts = { { keys = { … }, json = }, … }, id and fields their numbers */
static void take_parts(lua_State *L, struct sc_lines *l)
{
    size_t count;

    lua_getfield(L, 1, "parts");
    luaL_checktype(L, -1, LUA_TTABLE);
    count = sc_rawlen(L, -1);
    if (count > SC_LINES_PARTS)
        luaL_error(L, "lines: too many parts");
    for (size_t i = 0; i < count; i++) {
        int index;

        lua_rawgeti(L, -1, (int)i + 1);
        index = lua_gettop(L);
        luaL_checktype(L, index, LUA_TTABLE);
        l->part_names[i] = keep(L, l, index, "json");
        l->key_count += take_keys(L, l, index, "keys", l->keys + l->key_count,
                                  SC_LINES_KEYS - l->key_count, (int)i);
        lua_pop(L, 1);
    }
    l->part_count = count;
    lua_getfield(L, 1, "id");
    l->id_part = take_part(L, count);
    lua_getfield(L, 1, "fields");
    l->fields_part = take_part(L, count);
    lua_pop(L, 3);
}

/* columns = { { name =, part =, json = }, … }; without part the name is a field's */
static void take_columns(lua_State *L, struct sc_lines *l)
{
    size_t count;

    lua_getfield(L, 1, "columns");
    luaL_checktype(L, -1, LUA_TTABLE);
    count = sc_rawlen(L, -1);
    for (size_t i = 0; i < count; i++) {
        size_t n;
        const char *name;
        int part, index;

        lua_rawgeti(L, -1, (int)i + 1);
        index = lua_gettop(L);
        luaL_checktype(L, index, LUA_TTABLE);
        lua_getfield(L, index, "part");
        part = take_part(L, l->part_count);
        lua_getfield(L, index, "name");
        name = luaL_optlstring(L, -1, "", &n);
        if (sc_lines_column(l, name, n, part))
            no_memory(L);
        l->columns[l->column_count - 1].json = keep(L, l, index, "json");
        lua_settop(L, index - 1);
    }
    lua_pop(L, 1);
}

/* The folder for the temporary file of ids; nothing is the system's. */
static void take_folder(lua_State *L, struct lua_lines *self)
{
    const char *folder;

    lua_getfield(L, 1, "folder");
    folder = luaL_optstring(L, -1, NULL);
    if (folder) {
        self->folder = strdup(folder);
        if (!self->folder)
            no_memory(L);
    }
    self->lines.ids.folder = self->folder;
    lua_pop(L, 1);
}

/* core.lines{ separator = "" for JSONL, guard =, crlf =, finding =, list = { key, … },
 * total =, parts =, id =, fields =, columns =, folder = } -> lines */
static int core_lines(lua_State *L)
{
    struct lua_lines *self;
    struct sc_lines *l;
    size_t n;
    const char *separator;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    self = sc_lua_newobject(L, sizeof *self, LINES_TYPE);
    l = &self->lines;
    sc_lines_init(l);
    sc_buf_init(&self->page, SIZE_MAX / 4);
    lua_getfield(L, 1, "separator");
    separator = luaL_checklstring(L, -1, &n);
    l->separator = n ? *separator : 0;
    l->guard = (char)flag(L, 1, "guard");
    l->crlf = (char)flag(L, 1, "crlf");
    l->finding = (char)flag(L, 1, "finding");
    l->list_count = take_keys(L, l, 1, "list", l->list_keys, 4, 0);
    l->total_count = take_keys(L, l, 1, "total", l->total_keys, 4, 0);
    take_parts(L, l);
    take_columns(L, l);
    take_folder(L, self);
    lua_settop(L, 2);
    return 1;
}

static int lines_gc(lua_State *L)
{
    struct lua_lines *self = check_lines(L);

    sc_lines_free(&self->lines);
    sc_buf_free(&self->page);
    free(self->folder);
    self->folder = NULL;
    return 0;
}

/* ---- pages ---- */

/* The page at index, with zeros behind it. */
static const char *padded(lua_State *L, struct lua_lines *self, int index, size_t *n)
{
    const char *bytes = sc_lua_checkbytes(L, index, n);
    struct sc_buf *b = sc_lua_testbuffer(L, index);

    if (!b || !b->data) {
        b = &self->page;
        sc_buf_clear(b);
        if (sc_buf_add(b, bytes, *n))
            no_memory(L);
    }
    memset(b->data + b->len, 0, SC_BUF_PAD);
    return b->data;
}

/* Turns the n bytes of a page, zeros behind them, into lines in the buffer at index 3,
 * which is none of those from index `read` on. Pushes the results. */
static int take_page(lua_State *L, struct sc_lines *l, const char *json, size_t n,
                     int read, struct sc_lines_page *page)
{
    struct sc_buf *out = check_output(L, 3, read);
    struct sc_buf *ids = lua_isnoneornil(L, 4) ? NULL : check_output(L, 4, read);
    int rc = sc_lines_page(l, json, n, out, ids, page);

    if (rc == -2)
        return 0;
    if (rc)
        return no_ids(L, rc);
    lua_pushinteger(L, (lua_Integer)page->received);
    lua_pushinteger(L, (lua_Integer)page->written);
    if (page->total < 0)
        lua_pushnil(L);
    else
        lua_pushinteger(L, (lua_Integer)page->total);
    lua_pushinteger(L, (lua_Integer)l->column_count);
    return 4;
}

/* lines:page(json, out[, ids]) -> members received, lines written, total or nil, columns
 * of each line | nil, what is wrong */
static int lines_page(lua_State *L)
{
    struct lua_lines *self = check_lines(L);
    struct sc_lines_page page;
    size_t n;
    const char *json = padded(L, self, 2, &n);

    if (take_page(L, &self->lines, json, n, 2, &page))
        return 4;
    lua_pushnil(L);
    lua_pushstring(L, page.problem);
    return 2;
}

int sc_lua_lines_take(lua_State *L, struct sc_buf *body)
{
    struct lua_lines *self = luaL_checkudata(L, 2, LINES_TYPE);
    struct sc_lines_page page;

    memset(body->data + body->len, 0, SC_BUF_PAD);
    return take_page(L, &self->lines, body->data, body->len, 3, &page);
}

/* lines:remember(ids): hashes that an earlier run wrote */
static int lines_remember(lua_State *L)
{
    struct lua_lines *self = check_lines(L);
    size_t n;
    const char *bytes = sc_lua_checkbytes(L, 2, &n);
    struct sc_ids *ids = &self->lines.ids;
    uint64_t hash;
    int rc = 0;

    for (size_t i = 0; rc >= 0 && i + sizeof hash <= n; i += sizeof hash) {
        memcpy(&hash, bytes + i, sizeof hash);
        if (hash)
            rc = sc_ids_add(ids, hash);
    }
    if (rc >= 0)
        rc = sc_ids_keep(ids);
    return rc < 0 ? no_ids(L, rc) : 0;
}

/* lines:columns() -> their number, and the names of the fields among them */
static int lines_columns(lua_State *L)
{
    struct sc_lines *l = &check_lines(L)->lines;
    int n = 0;

    lua_pushinteger(L, (lua_Integer)l->column_count);
    lua_newtable(L);
    l->text.locks++; /* a finalizer may find columns meanwhile */
    for (size_t i = 0; i < l->column_count; i++) {
        const struct sc_lines_column c = l->columns[i];

        if (c.part >= 0)
            continue;
        lua_pushlstring(L, l->text.data + c.name.at, c.name.len);
        lua_rawseti(L, -2, ++n);
    }
    l->text.locks--;
    return 2;
}

/* lines:cell(text, out): adds the text as a cell */
static int lines_cell(lua_State *L)
{
    size_t n;
    const char *s = luaL_checklstring(L, 2, &n);

    if (sc_lines_cell(&check_lines(L)->lines, check_output(L, 3, 3), s, n))
        return no_memory(L);
    return 0;
}

/* lines:cut(bytes, n) -> how many bytes the first n lines take */
static int lines_cut(lua_State *L)
{
    size_t n;
    const char *s = sc_lua_checkbytes(L, 2, &n);
    lua_Number lines = luaL_checknumber(L, 3);

    luaL_argcheck(L, lines >= 0 && lines < 9e15, 3, "out of range");
    lua_pushinteger(L, (lua_Integer)sc_lines_cut(s, n, (size_t)lines));
    return 1;
}

/* lines:pad(bytes, missing, out): the next piece of a text of lines, with so many
 * empty cells more in each */
static int lines_pad(lua_State *L)
{
    struct lua_lines *self = check_lines(L);
    size_t n;
    const char *s = sc_lua_checkbytes(L, 2, &n);
    lua_Number missing = luaL_checknumber(L, 3);

    luaL_argcheck(L, missing >= 0 && missing <= SC_LINES_COLUMNS, 3, "out of range");
    if (sc_lines_pad(&self->lines, s, n, (size_t)missing, &self->quoted,
                     check_output(L, 4, 2)))
        return no_memory(L);
    return 0;
}

void sc_open_lines(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"page", lines_page}, {"remember", lines_remember}, {"columns", lines_columns},
        {"cell", lines_cell}, {"cut", lines_cut},           {"pad", lines_pad},
        {NULL, NULL}};
    static const luaL_Reg meta[] = {{"__gc", lines_gc}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"lines", core_lines}, {NULL, NULL}};

    sc_lua_newtype(L, LINES_TYPE, methods, meta);
    sc_setfuncs(L, functions);
}
