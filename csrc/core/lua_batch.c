/* lua_batch: `core.batch`: the rows of one request and their verdicts, for import.lua. */
#include "lua_rows.h"

#include <stdint.h>
#include <string.h>

static struct sc_lua_batch *check_batch(lua_State *L)
{
    struct sc_lua_batch *b = luaL_checkudata(L, 1, SC_BATCH_TYPE);

    luaL_argcheck(L, !b->busy, 1, "the batch is being read");
    return b;
}

struct sc_lua_batch *sc_lua_alive_batch(lua_State *L)
{
    struct sc_lua_batch *b = check_batch(L);

    luaL_argcheck(L, b->batch.generation, 1, "the batch was not begun");
    return b;
}

struct sc_lua_rows *sc_lua_batch_rows(lua_State *L)
{
    struct sc_lua_rows *r = sc_lua_checkrows(L, 2);

    luaL_argcheck(L, r == sc_lua_alive_batch(L)->rows, 2,
                  "not the rows that the batch was begun with");
    return r;
}

static struct sc_buf *check_buffer(lua_State *L, int index)
{
    struct sc_buf *b = sc_lua_testbuffer(L, index);

    luaL_argcheck(L, b, index, "a buffer is wanted");
    return b;
}

struct sc_buf *sc_lua_batch_body(lua_State *L)
{
    const struct sc_lua_batch *b = sc_lua_alive_batch(L);
    struct sc_buf *body = check_buffer(L, 3);

    luaL_argcheck(L, body == b->body && body->len == b->written, 3,
                  "not the body as the batch left it");
    return body;
}

struct sc_buf *sc_lua_batch_draft(lua_State *L)
{
    struct sc_buf *body = sc_lua_batch_body(L);

    luaL_argcheck(L, !body->locks, 3, "the body is in use by a request");
    return body;
}

struct sc_buf *sc_lua_batch_output(lua_State *L, int index)
{
    struct sc_buf *out = check_buffer(L, index);

    luaL_argcheck(L, !out->locks, index, "the buffer is in use by a request");
    luaL_argcheck(L, out != sc_lua_testbuffer(L, 3), index, "the body is another buffer");
    return out;
}

static void push_count(lua_State *L, uint64_t n)
{
    lua_pushinteger(L, (lua_Integer)n);
}

int sc_lua_rows_nomem(lua_State *L)
{
    return luaL_error(L, "not enough memory for the rows of a batch");
}

/* core.batch() -> an empty batch, which can be filled again and again */
static int core_batch(lua_State *L)
{
    struct sc_lua_batch *b = sc_lua_newobject(L, sizeof *b, SC_BATCH_TYPE);

    sc_rows_batch_init(&b->batch);
    lua_createtable(L, 2, 0); /* its rows and its body */
    sc_setuservalue(L, -2);
    return 1;
}

static int batch_gc(lua_State *L)
{
    struct sc_lua_batch *b = luaL_checkudata(L, 1, SC_BATCH_TYPE);

    sc_rows_batch_free(&b->batch);
    return 0;
}

/* batch:begin(rows, body) -> slot */
static int batch_begin(lua_State *L)
{
    struct sc_lua_batch *b = check_batch(L);
    struct sc_lua_rows *r = sc_lua_checkrows(L, 2);
    struct sc_buf *body = check_buffer(L, 3);
    int rc;

    luaL_argcheck(L, !b->batch.generation, 1, "the batch is in use");
    luaL_argcheck(L, r->ready, 2, "the rows have no plan");
    luaL_argcheck(L, !body->locks, 3, "the body is in use by a request");
    sc_getuservalue(L, 1);
    for (int i = 2; i <= 3; i++) {
        lua_pushvalue(L, i);
        lua_rawseti(L, -2, i - 1);
    }
    b->rows = r;
    b->body = body;
    b->shown_count = 0;
    rc = sc_rows_begin(&r->rows, &b->batch, body);
    b->written = body->len;
    if (rc)
        return luaL_error(L, "too many batches are alive, or memory is short");
    push_count(L, b->batch.slot);
    return 1;
}

int sc_lua_push_status(lua_State *L, int status)
{
    static const char *const words[] = {"", "full", "more", "end"};

    if (status < 0)
        return sc_lua_rows_nomem(L);
    lua_pushstring(L, words[status]);
    return 1;
}

/* batch:fill(rows, body) -> "full" | "more" | "end" */
static int batch_fill(lua_State *L)
{
    struct sc_lua_batch *b = sc_lua_alive_batch(L);
    struct sc_lua_rows *r = sc_lua_batch_rows(L);
    struct sc_buf *body = sc_lua_batch_draft(L);
    int status = sc_rows_fill(&r->rows, &b->batch, body);

    b->written = body->len;
    return sc_lua_push_status(L, status);
}

/* batch:close(rows, body): the request is whole */
static int batch_close(lua_State *L)
{
    struct sc_lua_batch *b = sc_lua_alive_batch(L);
    struct sc_lua_rows *r = sc_lua_batch_rows(L);
    struct sc_buf *body = sc_lua_batch_draft(L);
    int rc = sc_rows_close(&r->rows, &b->batch, body);

    b->written = body->len;
    return rc ? sc_lua_rows_nomem(L) : 0;
}

/* batch:release(rows): its addresses are free again */
static int batch_release(lua_State *L)
{
    struct sc_lua_batch *b = check_batch(L);
    struct sc_lua_rows *r = sc_lua_checkrows(L, 2);

    luaL_argcheck(L, !b->batch.generation || r == b->rows, 2,
                  "not the rows that the batch was begun with");
    sc_rows_fold_close(&r->rows.fold, &b->batch);
    return 0;
}

/* Members first to last (from 1) as Lua gives them at index and index + 1. */
static void check_range(lua_State *L, const struct sc_rows_batch *b, int index,
                        size_t *first, size_t *last)
{
    lua_Number from = luaL_checknumber(L, index), to = luaL_checknumber(L, index + 1);

    luaL_argcheck(L, from >= 1 && from <= to && to <= (lua_Number)b->sent, index,
                  "out of range");
    *first = (size_t)from - 1;
    *last = (size_t)to - 1;
}

/* batch:slice(rows, body, first, last, out): a request of these members only */
static int batch_slice(lua_State *L)
{
    struct sc_rows_batch *b = &sc_lua_alive_batch(L)->batch;
    struct sc_rows *r = &sc_lua_batch_rows(L)->rows;
    size_t first, last;

    check_range(L, b, 4, &first, &last);
    if (sc_rows_slice(&r->plan, b, sc_lua_batch_body(L), first, last,
                      sc_lua_batch_output(L, 6)))
        return sc_lua_rows_nomem(L);
    return 0;
}

/* batch:answer(rows, body, bytes, first, last) -> true | nil, what is wrong with the
 * answer */
static int batch_answer(lua_State *L)
{
    struct sc_rows_batch *b = &sc_lua_alive_batch(L)->batch;
    struct sc_rows *r = &sc_lua_batch_rows(L)->rows;
    size_t n, first, last;
    const char *bytes = sc_lua_checkbytes(L, 4, &n), *problem = NULL;
    int rc;

    check_range(L, b, 5, &first, &last);
    rc = sc_rows_answer(r, b, sc_lua_batch_body(L), bytes, n, first, last, &problem);
    if (rc == SC_ROWS_NOMEM)
        return sc_lua_rows_nomem(L);
    if (rc) {
        lua_pushnil(L);
        lua_pushstring(L, problem ? problem : "not what was promised");
        return 2;
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* batch:judge(first, last, "rejected" | "unknown", reason) */
static int batch_judge(lua_State *L)
{
    static const char *const words[] = {"rejected", "unknown", NULL};
    struct sc_rows_batch *b = &sc_lua_alive_batch(L)->batch;
    size_t first, last, n;
    int word = luaL_checkoption(L, 4, NULL, words);
    const char *reason = luaL_checklstring(L, 5, &n);

    check_range(L, b, 2, &first, &last);
    if (sc_rows_judge(b, first, last, word ? SC_ROWS_UNKNOWN : SC_ROWS_REJECTED, reason,
                      n))
        return sc_lua_rows_nomem(L);
    return 0;
}

static void set_count(lua_State *L, const char *name, uint64_t n)
{
    push_count(L, n);
    lua_setfield(L, -2, name);
}

/* batch:settle() -> { rows, inserted, updated, rejected, unknown, folded, open } */
static int batch_settle(lua_State *L)
{
    struct sc_rows_verdicts v;

    sc_rows_settle(&sc_lua_alive_batch(L)->batch, &v);
    lua_createtable(L, 0, 7);
    set_count(L, "rows", v.rows);
    set_count(L, "inserted", v.inserted);
    set_count(L, "updated", v.updated);
    set_count(L, "rejected", v.rejected);
    set_count(L, "unknown", v.unknown);
    set_count(L, "folded", v.folded);
    set_count(L, "open", v.open);
    return 1;
}

/* batch:rejects(rows, body, out): adds the lines of the rows refused */
static int batch_rejects(lua_State *L)
{
    struct sc_rows_batch *b = &sc_lua_alive_batch(L)->batch;
    struct sc_rows *r = &sc_lua_batch_rows(L)->rows;

    if (sc_rows_rejects(r, b, sc_lua_batch_body(L), sc_lua_batch_output(L, 4)))
        return sc_lua_rows_nomem(L);
    return 0;
}

static void set_bytes(lua_State *L, const char *name, const char *bytes, size_t n)
{
    lua_pushlstring(L, bytes, n);
    lua_setfield(L, -2, name);
}

/* Adds what is known of the index-th row to the list on top of the stack. */
static void push_refused(lua_State *L, const struct sc_rows *r,
                         const struct sc_rows_batch *b, const struct sc_buf *body,
                         size_t index)
{
    const struct sc_rows_entry *e = &b->rows[index];
    size_t length;
    const char *address = sc_rows_address(r, b, body, e, &length);

    lua_createtable(L, 0, 5);
    set_count(L, "entry", index + 1);
    set_count(L, "line", e->line);
    set_bytes(L, "address", address, length);
    set_bytes(L, "reason", b->notes.data ? b->notes.data + e->note : "", e->note_len);
    set_bytes(L, "raw", b->raw.data ? b->raw.data + e->raw : "", e->raw_len);
}

/* batch:refused(rows, body) -> list of { entry =, line =, address =, reason =, raw = } */
static int batch_refused(lua_State *L)
{
    struct sc_lua_batch *self = sc_lua_alive_batch(L);
    const struct sc_rows_batch *b = &self->batch;
    struct sc_rows *r = &sc_lua_batch_rows(L)->rows;
    struct sc_buf *body = sc_lua_batch_body(L);
    int n = 0;

    lua_newtable(L);
    self->busy = 1;
    body->locks++;
    for (size_t i = 0; i < b->count; i++) {
        if (b->rows[i].state != SC_ROWS_REFUSED && b->rows[i].state != SC_ROWS_REJECTED)
            continue;
        push_refused(L, r, b, body, i);
        lua_rawseti(L, -2, ++n);
    }
    body->locks--;
    self->busy = 0;
    return 1;
}

/* batch:info() -> { rows, sent, refused, folded, ragged, offset, line, end_offset,
 * end_line } */
static int batch_info(lua_State *L)
{
    const struct sc_rows_batch *b = &check_batch(L)->batch;

    lua_createtable(L, 0, 9);
    set_count(L, "rows", b->count);
    set_count(L, "sent", b->sent);
    set_count(L, "refused", b->refused);
    set_count(L, "folded", b->folded);
    set_count(L, "ragged", b->ragged);
    set_count(L, "offset", b->offset);
    set_count(L, "line", b->line);
    set_count(L, "end_offset", b->end_offset);
    set_count(L, "end_line", b->end_line);
    return 1;
}

/* batch:blockers() -> list of the slots whose batch holds one of its addresses, or nil */
static int batch_blockers(lua_State *L)
{
    const struct sc_rows_batch *b = &check_batch(L)->batch;
    int n = 0;

    if (!b->blocked)
        return 0;
    lua_newtable(L);
    for (unsigned slot = 0; slot < SC_ROWS_SLOTS; slot++) {
        if (!(b->blocked >> slot & 1))
            continue;
        push_count(L, slot);
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

void sc_open_batch(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"begin", batch_begin},       {"fill", batch_fill},
        {"next", sc_batch_next},      {"entry", sc_batch_entry},
        {"show", sc_batch_show},      {"take", sc_batch_take},
        {"enter", sc_batch_enter},    {"write", sc_batch_write},
        {"put", sc_batch_put},        {"refuse", sc_batch_refuse},
        {"drop", sc_batch_drop},      {"close", batch_close},
        {"release", batch_release},   {"slice", batch_slice},
        {"answer", batch_answer},     {"judge", batch_judge},
        {"settle", batch_settle},     {"rejects", batch_rejects},
        {"refused", batch_refused},   {"info", batch_info},
        {"blockers", batch_blockers}, {NULL, NULL}};
    static const luaL_Reg meta[] = {{"__gc", batch_gc}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"batch", core_batch}, {NULL, NULL}};

    sc_lua_newtype(L, SC_BATCH_TYPE, methods, meta);
    sc_setfuncs(L, functions);
}
