/* lua_journal: writers and readers of journal files, for Lua.
 *
 * A userdata owns one file; close, __gc and __close are one function. What fails comes
 * back as nil, a text and one word that says what to do about it, where there is one:
 * "full" (there is no room), "foreign" (not ours: leave it alone). Stamps are numbers
 * below 2^53. */
#include "journal.h"
#include "lua_thread.h"
#include "lua_util.h"

#include <errno.h>
#include <string.h>

#define WRITER_TYPE "sendcloud.journal_writer"
#define READER_TYPE "sendcloud.journal_reader"

static int failed(lua_State *L, int code)
{
    int full = code == ENOSPC || code == EDQUOT || code == EFBIG;

    lua_pushnil(L);
    if (code == SC_JOURNAL_FOREIGN)
        lua_pushliteral(L, "is not a journal of this version of the library");
    else
        lua_pushstring(L, strerror(code));
    if (!full && code != SC_JOURNAL_FOREIGN)
        return 2;
    lua_pushstring(L, full ? "full" : "foreign");
    return 3;
}

/* Writers */

/* core.journal_writer(folder, name) -> writer, or nil, message, word */
static int core_journal_writer(lua_State *L)
{
    const char *folder = sc_lua_checkpath(L, 1), *name = sc_lua_checkpath(L, 2);
    struct sc_journal_writer *w;
    int rc;

    luaL_argcheck(L, !strchr(name, '/'), 2, "a name, not a path");
    w = sc_lua_newobject(L, sizeof *w, WRITER_TYPE);
    rc = sc_journal_create(w, folder, name);
    return rc ? failed(L, rc) : 1;
}

static struct sc_journal_writer *check_writer(lua_State *L)
{
    return luaL_checkudata(L, 1, WRITER_TYPE);
}

/* writer:append(bytes, stamp, sync) -> bytes of the file, or nil, message, word */
static int writer_append(lua_State *L)
{
    struct sc_journal_writer *w = check_writer(L);
    size_t n;
    const char *bytes = sc_lua_checkbytes(L, 2, &n);
    int64_t stamp = 0;
    int rc;

    luaL_argcheck(L, sc_tointeger(L, 3, &stamp), 3, "a whole number");
    rc = sc_journal_append(w, bytes, n, stamp, lua_toboolean(L, 4));
    if (rc)
        return failed(L, rc);
    lua_pushnumber(L, (lua_Number)w->size);
    return 1;
}

/* writer:sync() -> true, or nil, message, word */
static int writer_sync(lua_State *L)
{
    int rc = sc_journal_sync(check_writer(L));

    if (rc)
        return failed(L, rc);
    lua_pushboolean(L, 1);
    return 1;
}

static int chore_sync(void *file)
{
    return sc_journal_file_sync(file);
}

static void chore_hold(void *file)
{
    sc_journal_file_hold(file);
}

static void chore_drop(void *file)
{
    sc_journal_file_drop(file);
}

/* writer:sync_by(thread) -> job, whose result is as of writer:sync(): of all that was
 * added before, by core.http_thread() or core.http_pool(); or nil and why not. The file
 * may be closed meanwhile, and closes when that is done. */
static int writer_sync_by(lua_State *L)
{
    struct sc_journal_writer *w = check_writer(L);
    struct sc_http_chore chore = {chore_sync, chore_hold, chore_drop, w->file};

    return w->open ? sc_lua_submit_chore(L, 2, &chore) : failed(L, EBADF);
}

/* writer:is_open() -> false once it was closed, or gave up after a failure */
static int writer_is_open(lua_State *L)
{
    lua_pushboolean(L, check_writer(L)->open);
    return 1;
}

static int writer_close(lua_State *L)
{
    sc_journal_close(check_writer(L));
    return 0;
}

/* Readers */

struct reader {
    struct sc_journal_reader file;
    int busy; /* a string is being made of an entry: a finalizer may read on meanwhile */
};

/* core.journal_reader(path, offset) -> reader, or nil, message, word */
static int core_journal_reader(lua_State *L)
{
    const char *path = sc_lua_checkpath(L, 1);
    struct reader *r;
    int64_t offset = 0;
    int rc;

    luaL_argcheck(L, sc_tointeger(L, 2, &offset) && offset >= 0, 2, "an offset");
    r = sc_lua_newobject(L, sizeof *r, READER_TYPE);
    rc = sc_journal_open(&r->file, path, (uint64_t)offset);
    return rc ? failed(L, rc) : 1;
}

static struct sc_journal_reader *check_reader(lua_State *L)
{
    struct reader *r = luaL_checkudata(L, 1, READER_TYPE);

    luaL_argcheck(L, !r->busy, 1, "the reader is in use");
    return &r->file;
}

/* reader:next() -> bytes, stamp, offset behind the entry; nil at the end; or nil,
 * message */
static int reader_next(lua_State *L)
{
    struct sc_journal_reader *r = check_reader(L);
    struct reader *self = lua_touserdata(L, 1);
    struct sc_journal_entry entry;
    int rc = r->open ? sc_journal_next(r, &entry) : SC_JOURNAL_END;

    if (rc == SC_JOURNAL_END) {
        lua_pushnil(L);
        return 1;
    }
    if (rc)
        return failed(L, rc);
    self->busy = 1;
    lua_pushlstring(L, entry.bytes, entry.len);
    self->busy = 0;
    lua_pushnumber(L, (lua_Number)entry.stamp);
    lua_pushnumber(L, (lua_Number)entry.end);
    return 3;
}

/* reader:is_sealed() -> whether nobody writes it any more */
static int reader_is_sealed(lua_State *L)
{
    lua_pushboolean(L, sc_journal_sealed(check_reader(L)));
    return 1;
}

/* reader:damaged() -> bytes passed over so far */
static int reader_damaged(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)check_reader(L)->damaged);
    return 1;
}

static int reader_close(lua_State *L)
{
    sc_journal_finish(check_reader(L));
    return 0;
}

static int reader_gc(lua_State *L)
{
    struct reader *r = luaL_checkudata(L, 1, READER_TYPE);

    sc_journal_finish(&r->file);
    return 0;
}

void sc_open_journal(lua_State *L)
{
    static const luaL_Reg writer[] = {
        {"append", writer_append},   {"sync", writer_sync},   {"sync_by", writer_sync_by},
        {"is_open", writer_is_open}, {"close", writer_close}, {NULL, NULL}};
    static const luaL_Reg writer_meta[] = {
        {"__gc", writer_close}, {"__close", writer_close}, {NULL, NULL}};
    static const luaL_Reg reader[] = {{"next", reader_next},
                                      {"is_sealed", reader_is_sealed},
                                      {"damaged", reader_damaged},
                                      {"close", reader_close},
                                      {NULL, NULL}};
    static const luaL_Reg reader_meta[] = {
        {"__gc", reader_gc}, {"__close", reader_close}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"journal_writer", core_journal_writer},
                                         {"journal_reader", core_journal_reader},
                                         {NULL, NULL}};

    sc_lua_newtype(L, WRITER_TYPE, writer, writer_meta);
    sc_lua_newtype(L, READER_TYPE, reader, reader_meta);
    sc_setfuncs(L, functions);
}
