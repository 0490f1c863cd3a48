/* lua_batch: `core.batch`: the rows of one request and their verdicts, for import.lua. */
#include "lua_rows.h"

#include <stdint.h>
#include <string.h>

static struct sc_rows_batch *check_batch(lua_State *L)
{
    return luaL_checkudata(L, 1, SC_BATCH_TYPE);
}

/* The batch, whose addresses must be alive: begun and not released. */
static struct sc_rows_batch *check_alive(lua_State *L)
{
    struct sc_rows_batch *b = check_batch(L);

    luaL_argcheck(L, b->generation, 1, "the batch was not begun");
    return b;
}

static struct sc_rows *check_rows(lua_State *L)
{
    return luaL_checkudata(L, 2, SC_ROWS_TYPE);
}

static struct sc_buf *check_buffer(lua_State *L, int index)
{
    struct sc_buf *b = sc_lua_testbuffer(L, index);

    luaL_argcheck(L, b, index, "a buffer is wanted");
    return b;
}

static void push_count(lua_State *L, uint64_t n)
{
    lua_pushinteger(L, (lua_Integer)n);
}

static int no_memory(lua_State *L)
{
    return luaL_error(L, "not enough memory for the rows of a batch");
}

/* core.batch() -> an empty batch, which can be filled again and again */
static int core_batch(lua_State *L)
{
    sc_rows_batch_init(sc_lua_newobject(L, sizeof(struct sc_rows_batch), SC_BATCH_TYPE));
    return 1;
}

static int batch_gc(lua_State *L)
{
    sc_rows_batch_free(check_batch(L));
    return 0;
}

/* batch:begin(rows, body) -> slot */
static int batch_begin(lua_State *L)
{
    struct sc_rows_batch *b = check_batch(L);

    luaL_argcheck(L, !b->generation, 1, "the batch is in use");
    if (sc_rows_begin(check_rows(L), b, check_buffer(L, 3)))
        return luaL_error(L, "too many batches are alive, or memory is short");
    push_count(L, b->slot);
    return 1;
}

static int push_status(lua_State *L, int status)
{
    static const char *const words[] = {"", "full", "more", "end"};

    if (status < 0)
        return no_memory(L);
    lua_pushstring(L, words[status]);
    return 1;
}

/* batch:fill(rows, body) -> "full" | "more" | "end" */
static int batch_fill(lua_State *L)
{
    struct sc_rows_batch *b = check_alive(L);

    return push_status(L, sc_rows_fill(check_rows(L), b, check_buffer(L, 3)));
}

/* Stores the cell under key in the table on top of the stack. */
static void set_cell(lua_State *L, const struct sc_rows_plan *p,
                     const struct sc_rows_step *step, const struct sc_csv_cell *cell)
{
    lua_pushlstring(L, sc_rows_plan_at(p, step->target), step->target.len);
    lua_pushlstring(L, cell->at, cell->len);
    lua_rawset(L, -3);
}

/* Adds the names of a cell to the list on top of the stack. */
static void add_tags(lua_State *L, const struct sc_csv_cell *cell)
{
    const char *s = cell->at, *end = s + cell->len;
    int n = (int)sc_rawlen(L, -1);

    while (s < end) {
        const char *stop = memchr(s, ';', (size_t)(end - s));
        const char *from = s, *to = stop ? stop : end;

        s = to + 1;
        while (from < to && *from == ' ')
            from++;
        while (to > from && to[-1] == ' ')
            to--;
        if (from == to)
            continue;
        lua_pushlstring(L, from, (size_t)(to - from));
        lua_rawseti(L, -2, ++n);
    }
}

/* Pushes the scanner's row as a member table. */
static void push_member(lua_State *L, const struct sc_rows *r)
{
    const struct sc_rows_plan *p = &r->plan;
    int fields;

    lua_createtable(L, 0, 5);
    lua_newtable(L);
    fields = lua_gettop(L);
    lua_newtable(L);
    for (size_t i = 0; i < p->count; i++) {
        const struct sc_rows_step *step = &p->steps[i];
        const struct sc_csv_cell *cell = &r->csv.cells[step->cell];

        if (step->cell >= r->csv.count || !cell->len)
            continue;
        if (step->use == SC_ROWS_TAGS) {
            add_tags(L, cell);
            continue;
        }
        lua_pushvalue(L, step->use == SC_ROWS_FIELD ? fields : fields - 1);
        set_cell(L, p, step, cell);
        lua_pop(L, 1);
    }
    if (p->has_tags)
        lua_setfield(L, fields - 1, "tags");
    else
        lua_pop(L, 1);
    lua_setfield(L, fields - 1, "fields");
}

/* batch:next(rows, body) -> member, line | nil, "full" | "more" | "end"; the row is the
 * batch's last entry now: enter, refuse or drop says what becomes of it. A source of
 * lines gives the line in place of a member. */
static int batch_next(lua_State *L)
{
    struct sc_rows *r = check_rows(L);
    struct sc_rows_batch *b = check_alive(L);
    int status = sc_rows_next(r, b, check_buffer(L, 3));

    if (status) {
        lua_pushnil(L);
        return 1 + push_status(L, status);
    }
    luaL_checkstack(L, 8, NULL);
    if (r->csv.separator)
        push_member(L, r);
    else
        lua_pushlstring(L, r->csv.row, r->csv.row_len);
    push_count(L, r->csv.row_line);
    return 2;
}

/* batch:entry(line): a row that did not come out of the scanner */
static int batch_entry(lua_State *L)
{
    struct sc_rows_batch *b = check_alive(L);

    if (!sc_rows_entry(b, (uint64_t)luaL_checknumber(L, 2), "", 0))
        return no_memory(L);
    return 0;
}

/* Enters the object from `from` on; pushes whether it was accepted and the body's length.
 */
static int enter(lua_State *L, struct sc_rows *r, struct sc_rows_batch *b,
                 struct sc_buf *body, lua_Number from)
{
    int rc;

    luaL_argcheck(L, from >= 0 && from <= (lua_Number)body->len, 4, "out of range");
    rc = sc_rows_enter(r, b, body, (size_t)from);
    if (rc == -2)
        return luaL_error(L, "the object does not begin with the address");
    if (rc < 0)
        return no_memory(L);
    lua_pushboolean(L, rc);
    push_count(L, body->len);
    return 2;
}

/* batch:enter(rows, body, from) -> whether the object written from there on, which
 * becomes the last entry's, was accepted, and the body's length */
static int batch_enter(lua_State *L)
{
    struct sc_rows_batch *b = check_alive(L);

    luaL_argcheck(L, b->count, 1, "no entry");
    return enter(L, check_rows(L), b, check_buffer(L, 3), luaL_checknumber(L, 4));
}

/* batch:add(rows, body, from, line): the same with an entry of its own */
static int batch_add(lua_State *L)
{
    struct sc_rows_batch *b = check_alive(L);

    if (!sc_rows_entry(b, (uint64_t)luaL_checknumber(L, 5), "", 0))
        return no_memory(L);
    return enter(L, check_rows(L), b, check_buffer(L, 3), luaL_checknumber(L, 4));
}

/* batch:refuse(reason[, address]): the last entry */
static int batch_refuse(lua_State *L)
{
    struct sc_rows_batch *b = check_alive(L);
    size_t n, length = 0;
    const char *reason = luaL_checklstring(L, 2, &n);
    const char *address = luaL_optlstring(L, 3, "", &length);
    struct sc_rows_entry *e;

    luaL_argcheck(L, b->count, 1, "no entry");
    e = &b->rows[b->count - 1];
    e->shown = (uint32_t)b->raw.len;
    e->shown_len = (uint32_t)length;
    if (sc_buf_add(&b->raw, address, length) || sc_rows_refuse(b, e, reason, n))
        return no_memory(L);
    return 0;
}

/* batch:drop(): the last entry never was */
static int batch_drop(lua_State *L)
{
    struct sc_rows_batch *b = check_alive(L);

    luaL_argcheck(L, b->count, 1, "no entry");
    b->count--;
    return 0;
}

/* batch:close(rows, body): the request is whole */
static int batch_close(lua_State *L)
{
    struct sc_rows_batch *b = check_alive(L);

    if (sc_rows_close(check_rows(L), b, check_buffer(L, 3)))
        return no_memory(L);
    return 0;
}

/* batch:release(rows): its addresses are free again */
static int batch_release(lua_State *L)
{
    sc_rows_fold_close(&check_rows(L)->fold, check_batch(L));
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
    struct sc_rows_batch *b = check_alive(L);
    size_t first, last;

    check_range(L, b, 4, &first, &last);
    if (sc_rows_slice(&check_rows(L)->plan, b, check_buffer(L, 3), first, last,
                      check_buffer(L, 6)))
        return no_memory(L);
    return 0;
}

/* batch:answer(rows, body, bytes, first, last) -> true | nil, what is wrong with the
 * answer */
static int batch_answer(lua_State *L)
{
    struct sc_rows_batch *b = check_alive(L);
    size_t n, first, last;
    const char *bytes = sc_lua_checkbytes(L, 4, &n), *problem = NULL;
    int rc;

    check_range(L, b, 5, &first, &last);
    rc = sc_rows_answer(check_rows(L), b, check_buffer(L, 3), bytes, n, first, last,
                        &problem);
    if (rc == SC_ROWS_NOMEM)
        return no_memory(L);
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
    struct sc_rows_batch *b = check_alive(L);
    size_t first, last, n;
    int word = luaL_checkoption(L, 4, NULL, words);
    const char *reason = luaL_checklstring(L, 5, &n);

    check_range(L, b, 2, &first, &last);
    if (sc_rows_judge(b, first, last, word ? SC_ROWS_UNKNOWN : SC_ROWS_REJECTED, reason,
                      n))
        return no_memory(L);
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

    sc_rows_settle(check_alive(L), &v);
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
    struct sc_rows_batch *b = check_alive(L);

    if (sc_rows_rejects(check_rows(L), b, check_buffer(L, 3), check_buffer(L, 4)))
        return no_memory(L);
    return 0;
}

static void set_bytes(lua_State *L, const char *name, const char *bytes, size_t n)
{
    lua_pushlstring(L, bytes, n);
    lua_setfield(L, -2, name);
}

/* batch:refused(rows, body) -> list of { entry =, line =, address =, reason =, raw = } */
static int batch_refused(lua_State *L)
{
    struct sc_rows_batch *b = check_alive(L);
    struct sc_rows *r = check_rows(L);
    struct sc_buf *body = check_buffer(L, 3);
    int n = 0;

    lua_newtable(L);
    for (size_t i = 0; i < b->count; i++) {
        const struct sc_rows_entry *e = &b->rows[i];
        size_t length;
        const char *address = sc_rows_address(r, b, body, e, &length);

        if (e->state != SC_ROWS_REFUSED && e->state != SC_ROWS_REJECTED)
            continue;
        lua_createtable(L, 0, 5);
        set_count(L, "entry", i + 1);
        set_count(L, "line", e->line);
        set_bytes(L, "address", address, length);
        set_bytes(L, "reason", b->notes.data ? b->notes.data + e->note : "", e->note_len);
        set_bytes(L, "raw", b->raw.data ? b->raw.data + e->raw : "", e->raw_len);
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

/* batch:info() -> { rows, sent, refused, folded, offset, line, end_offset, end_line } */
static int batch_info(lua_State *L)
{
    const struct sc_rows_batch *b = check_batch(L);

    lua_createtable(L, 0, 8);
    set_count(L, "rows", b->count);
    set_count(L, "sent", b->sent);
    set_count(L, "refused", b->refused);
    set_count(L, "folded", b->folded);
    set_count(L, "offset", b->offset);
    set_count(L, "line", b->line);
    set_count(L, "end_offset", b->end_offset);
    set_count(L, "end_line", b->end_line);
    return 1;
}

/* batch:blockers() -> list of the slots whose batch holds one of its addresses, or nil */
static int batch_blockers(lua_State *L)
{
    const struct sc_rows_batch *b = check_batch(L);
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
    static const luaL_Reg methods[] = {{"begin", batch_begin},
                                       {"fill", batch_fill},
                                       {"next", batch_next},
                                       {"entry", batch_entry},
                                       {"enter", batch_enter},
                                       {"add", batch_add},
                                       {"refuse", batch_refuse},
                                       {"refused", batch_refused},
                                       {"drop", batch_drop},
                                       {"close", batch_close},
                                       {"release", batch_release},
                                       {"slice", batch_slice},
                                       {"answer", batch_answer},
                                       {"judge", batch_judge},
                                       {"settle", batch_settle},
                                       {"rejects", batch_rejects},
                                       {"info", batch_info},
                                       {"blockers", batch_blockers},
                                       {NULL, NULL}};
    static const luaL_Reg meta[] = {{"__gc", batch_gc}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"batch", core_batch}, {NULL, NULL}};

    sc_lua_newtype(L, SC_BATCH_TYPE, methods, meta);
    sc_setfuncs(L, functions);
}
