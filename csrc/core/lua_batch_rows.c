/* lua_batch_rows: rows that pass through Lua on their way into a batch: shown as tables,
 * changed, written by the codec. */
#include "lua_rows.h"
#include "lua_shape.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Stores the cell in the table on top of the stack, under the key-th of the keys. */
static void set_cell(lua_State *L, int keys, size_t key, const struct sc_csv_cell *cell)
{
    lua_rawgeti(L, keys, (int)key);
    lua_pushlstring(L, cell->at, cell->len);
    lua_rawset(L, -3);
}

static int count_tags(const struct sc_csv_cell *cell)
{
    int n = cell->len > 0;

    for (uint32_t i = 0; i < cell->len; i++)
        n += cell->at[i] == ';';
    return n;
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

/* The cell that a step takes, or NULL where it is empty. */
static const struct sc_csv_cell *cell_of(const struct sc_rows *r,
                                         const struct sc_rows_step *step)
{
    const struct sc_csv_cell *cell = &r->csv.cells[step->cell];

    return step->cell < r->csv.count && cell->len ? cell : NULL;
}

/* Pushes the scanner's row as a member table. The rows' user value, which is at keys,
 * holds the keys of the steps, and behind them the two of a member's tables. */
static void push_member(lua_State *L, const struct sc_rows *r, int keys)
{
    const struct sc_rows_plan *p = &r->plan;
    const struct sc_csv_cell *cell;
    size_t i, fields = 0;
    int tags = 0;

    for (i = 0; i < p->count; i++) {
        fields += p->steps[i].use == SC_ROWS_FIELD;
        if (p->steps[i].use == SC_ROWS_TAGS && (cell = cell_of(r, &p->steps[i])))
            tags += count_tags(cell);
    }
    lua_createtable(L, 0, (int)(p->count - fields) + 2);
    for (i = 0; i < p->count && p->steps[i].use < SC_ROWS_FIELD; i++)
        if ((cell = cell_of(r, &p->steps[i])))
            set_cell(L, keys, i + 1, cell);
    lua_rawgeti(L, keys, (int)p->count + 1);
    lua_createtable(L, 0, (int)fields);
    for (; i < p->count && p->steps[i].use == SC_ROWS_FIELD; i++)
        if ((cell = cell_of(r, &p->steps[i])))
            set_cell(L, keys, i + 1, cell);
    lua_rawset(L, -3);
    if (p->has_tags) {
        lua_rawgeti(L, keys, (int)p->count + 2);
        lua_createtable(L, tags, 0);
        for (; i < p->count; i++)
            if ((cell = cell_of(r, &p->steps[i])))
                add_tags(L, cell);
        lua_rawset(L, -3);
    }
}

/* batch:next(rows, body) -> member, line | nil, "full" | "more" | "end"; the row is the
 * batch's last entry now: enter, refuse or drop says what becomes of it. A source of
 * lines gives the line in place of a member. */
int sc_batch_next(lua_State *L)
{
    struct sc_lua_rows *self = sc_lua_batch_rows(L);
    const struct sc_rows *r = &self->rows;
    int status = sc_rows_next(&self->rows, &sc_lua_alive_batch(L)->batch,
                              sc_lua_batch_body(L)->len);

    if (status) {
        lua_pushnil(L);
        return 1 + sc_lua_push_status(L, status);
    }
    luaL_checkstack(L, 10, NULL);
    self->busy = 1;
    if (r->csv.separator) {
        sc_getuservalue(L, 2);
        push_member(L, r, lua_gettop(L));
    } else {
        lua_pushlstring(L, r->csv.row, r->csv.row_len);
    }
    self->busy = 0;
    lua_pushinteger(L, (lua_Integer)r->csv.row_line);
    return 2;
}

/* batch:show(rows, body, members, lines) -> how many, "full" | "more" | "end" | nil: the
 * next rows as tables members[1] and so on, their lines in lines. Each has an entry; take
 * says what becomes of them all. */
int sc_batch_show(lua_State *L)
{
    struct sc_lua_batch *b = sc_lua_alive_batch(L);
    struct sc_lua_rows *self = sc_lua_batch_rows(L);
    const struct sc_buf *body = sc_lua_batch_body(L);
    const struct sc_csv *c = &self->rows.csv;
    size_t n = 0, bytes = body->len;
    int status = 0;

    luaL_checktype(L, 4, LUA_TTABLE);
    luaL_checktype(L, 5, LUA_TTABLE);
    lua_settop(L, 5);
    luaL_checkstack(L, 10, NULL);
    luaL_argcheck(L, c->separator, 2, "lines have no cells");
    sc_getuservalue(L, 2);
    self->busy = b->busy = 1;
    while (n < SC_BATCH_SHOWN &&
           !(status = sc_rows_next(&self->rows, &b->batch, bytes))) {
        push_member(L, &self->rows, 6);
        lua_rawseti(L, 4, (int)n + 1);
        lua_pushinteger(L, (lua_Integer)c->row_line);
        lua_rawseti(L, 5, (int)n + 1);
        b->shown[n++] = (uint32_t)b->batch.count - 1;
        bytes += c->row_len;
    }
    self->busy = b->busy = 0;
    b->shown_count = n;
    lua_pushinteger(L, (lua_Integer)n);
    if (!status)
        return 1;
    return 1 + sc_lua_push_status(L, status);
}

/* The number of a line at the index. */
static uint64_t check_line(lua_State *L, int index)
{
    lua_Number line = luaL_checknumber(L, index);

    luaL_argcheck(L, line >= 0 && line < 9e15, index, "out of range");
    return (uint64_t)line;
}

/* batch:entry(line): a row that did not come out of the scanner */
int sc_batch_entry(lua_State *L)
{
    struct sc_rows_batch *b = &sc_lua_alive_batch(L)->batch;

    if (!sc_rows_entry(b, check_line(L, 2), "", 0))
        return sc_lua_rows_nomem(L);
    return 0;
}

/* Enters the object from `from` on as the last entry's. Whether it was accepted. */
static int enter(lua_State *L, struct sc_lua_batch *b, struct sc_lua_rows *r,
                 struct sc_buf *body, size_t from)
{
    int rc = sc_rows_enter(&r->rows, &b->batch, body, from);

    if (rc < 0)
        body->len = from;
    b->written = body->len;
    if (rc == -2)
        return luaL_error(L, "the object does not begin with the address");
    return rc < 0 ? sc_lua_rows_nomem(L) : rc;
}

/* batch:enter(rows, body, from) -> whether the object that was written behind the body,
 * which is from there on, was accepted as the last entry's, and the body's length */
int sc_batch_enter(lua_State *L)
{
    struct sc_lua_batch *b = sc_lua_alive_batch(L);
    struct sc_lua_rows *r = sc_lua_batch_rows(L);
    struct sc_buf *body = sc_lua_testbuffer(L, 3);
    lua_Number from = luaL_checknumber(L, 4);

    luaL_argcheck(L, b->batch.count, 1, "no entry");
    if (!body || body != b->body || body->locks)
        return luaL_argerror(L, 3, "not the body that the batch was begun with");
    luaL_argcheck(L, from == (lua_Number)b->written && b->written <= body->len, 4,
                  "not where the batch left the body");
    lua_pushboolean(L, enter(L, b, r, body, b->written));
    lua_pushinteger(L, (lua_Integer)body->len);
    return 2;
}

/* The last entry is refused for what the codec says of the value on top of the stack.
 * Nothing is made in Lua, so no finalizer comes between. The rows are at 2. */
static int refuse_value(lua_State *L, const struct sc_rows *r, struct sc_rows_batch *b,
                        const struct sc_shape_problem *problem)
{
    const struct sc_rows_plan *p = &r->plan;
    struct sc_rows_text name = p->steps[0].target;
    struct sc_rows_entry *e;
    char text[SC_SHAPE_PATH + SC_SHAPE_REASON + 4];
    const char *address = NULL;
    size_t n = 0;

    if (lua_istable(L, -1)) {
        sc_getuservalue(L, 2);
        lua_rawgeti(L, -1, 1); /* the key of the address */
        lua_remove(L, -2);
        lua_rawget(L, -2);
        if (lua_type(L, -1) == LUA_TSTRING)
            address = lua_tolstring(L, -1, &n);
        snprintf(text, sizeof text, "%s%s%s", problem->path, *problem->path ? ": " : "",
                 problem->reason);
    } else {
        snprintf(text, sizeof text, "not a member but a %s", luaL_typename(L, -1));
        lua_pushnil(L);
    }
    if (!address && !strcmp(problem->code ? problem->code : "", "required") &&
        strlen(problem->path) == name.len &&
        !memcmp(problem->path, sc_rows_plan_at(p, name), name.len))
        snprintf(text, sizeof text, "no address");
    e = &b->rows[b->count - 1];
    e->shown = (uint32_t)b->raw.len;
    e->shown_len = (uint32_t)n;
    if (sc_buf_add(&b->raw, address, n) || sc_rows_refuse(b, e, text, strlen(text)))
        return sc_lua_rows_nomem(L);
    lua_pop(L, 1);
    return 0;
}

/* Writes the table at index by the shape at 4 as the last entry's member, or refuses it.
 */
static void write_entry(lua_State *L, struct sc_lua_batch *b, struct sc_lua_rows *r,
                        struct sc_buf *body, struct sc_lua_shape *shape, int index)
{
    struct sc_shape_problem problem = {.code = NULL};
    size_t from = body->len;

    if (lua_istable(L, index) && !sc_lua_shape_put(L, shape, 4, index, body, &problem)) {
        enter(L, b, r, body, from);
        return;
    }
    if (problem.code && !strcmp(problem.code, "memory"))
        sc_lua_rows_nomem(L);
    refuse_value(L, &r->rows, &b->batch, &problem);
}

/* batch:put(rows, body, shape, member): what becomes of the last entry */
int sc_batch_put(lua_State *L)
{
    struct sc_lua_batch *b = sc_lua_alive_batch(L);
    struct sc_lua_rows *r = sc_lua_batch_rows(L);
    struct sc_buf *body = sc_lua_batch_draft(L);
    struct sc_lua_shape *shape = luaL_checkudata(L, 4, SC_SHAPE_TYPE);

    luaL_argcheck(L, b->batch.count, 1, "no entry");
    lua_settop(L, 5);
    write_entry(L, b, r, body, shape, 5);
    return 0;
}

/* batch:take(rows, body, shape, members): what becomes of the rows shown last. The table
 * members[i] is written for the i-th; where there is none, its entry never was. */
int sc_batch_take(lua_State *L)
{
    struct sc_lua_batch *self = sc_lua_alive_batch(L);
    struct sc_rows_batch *b = &self->batch;
    struct sc_lua_rows *r = sc_lua_batch_rows(L);
    struct sc_buf *body = sc_lua_batch_draft(L);
    struct sc_lua_shape *shape = luaL_checkudata(L, 4, SC_SHAPE_TYPE);
    size_t n = self->shown_count, count = b->count, i, shown = 0;

    luaL_checktype(L, 5, LUA_TTABLE);
    lua_settop(L, 5);
    self->shown_count = 0;
    if (!n)
        return 0;
    luaL_argcheck(L, self->shown[n - 1] < count, 1, "the rows shown are gone");
    /* Rows that could not be read stand between them: all move up where one goes. */
    b->count = self->shown[0];
    for (i = b->count; i < count; i++) {
        int mine = shown < n && self->shown[shown] == i;

        if (mine) {
            lua_rawgeti(L, 5, (int)++shown);
            if (lua_isnil(L, 6)) {
                lua_settop(L, 5);
                continue;
            }
        }
        if (b->count < i)
            b->rows[b->count] = b->rows[i];
        b->count++;
        if (mine)
            write_entry(L, self, r, body, shape, 6);
        lua_settop(L, 5);
    }
    return 0;
}

/* batch:write(rows, body, shape, members, first, last, line) -> how many were taken: the
 * tables members[first] to members[last], each by the shape, until the batch is full */
int sc_batch_write(lua_State *L)
{
    struct sc_lua_batch *b = sc_lua_alive_batch(L);
    struct sc_lua_rows *r = sc_lua_batch_rows(L);
    struct sc_buf *body = sc_lua_batch_draft(L);
    struct sc_lua_shape *shape = luaL_checkudata(L, 4, SC_SHAPE_TYPE);
    lua_Integer first = luaL_checkinteger(L, 6), last = luaL_checkinteger(L, 7), i;
    uint64_t line = check_line(L, 8);

    luaL_checktype(L, 5, LUA_TTABLE);
    luaL_argcheck(L, first >= 1 && last <= 0x7fffffff, 6, "out of range");
    lua_settop(L, 5);
    for (i = first; i <= last; i++) {
        if (b->batch.count >= r->rows.batch_rows || body->len >= r->rows.batch_bytes)
            break;
        lua_rawgeti(L, 5, (int)i);
        if (lua_isnil(L, 6))
            break;
        if (!sc_rows_entry(&b->batch, line + (uint64_t)(i - first), "", 0))
            return sc_lua_rows_nomem(L);
        write_entry(L, b, r, body, shape, 6);
        lua_settop(L, 5);
    }
    lua_pushinteger(L, i - first);
    return 1;
}

/* batch:refuse(reason[, address]): the last entry */
int sc_batch_refuse(lua_State *L)
{
    struct sc_rows_batch *b = &sc_lua_alive_batch(L)->batch;
    size_t n, length = 0;
    const char *reason = luaL_checklstring(L, 2, &n);
    const char *address = luaL_optlstring(L, 3, "", &length);
    struct sc_rows_entry *e;

    luaL_argcheck(L, b->count, 1, "no entry");
    e = &b->rows[b->count - 1];
    e->shown = (uint32_t)b->raw.len;
    e->shown_len = (uint32_t)length;
    if (sc_buf_add(&b->raw, address, length) || sc_rows_refuse(b, e, reason, n))
        return sc_lua_rows_nomem(L);
    return 0;
}

/* batch:drop(): the last entry never was */
int sc_batch_drop(lua_State *L)
{
    struct sc_rows_batch *b = &sc_lua_alive_batch(L)->batch;

    luaL_argcheck(L, b->count, 1, "no entry");
    b->count--;
    return 0;
}
