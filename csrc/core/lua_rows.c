/* lua_rows: `core.rows`: a source of rows, how they are cut and what is made of them. */
#include "lua_rows.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PLAN_TYPE "sendcloud.plan"

/* Rows of a batch are numbered in 16 bits, and their room is doubled. */
#define BATCH_ROWS_MAX 32768

static struct sc_rows *check_rows(lua_State *L)
{
    return &sc_lua_checkrows(L, 1)->rows;
}

static void push_count(lua_State *L, uint64_t n)
{
    lua_pushinteger(L, (lua_Integer)n);
}

static int no_memory(lua_State *L)
{
    return luaL_error(L, "not enough memory for the rows of a batch");
}

/* ---- options ---- */

static double option(lua_State *L, int index, const char *name, double fallback,
                     double max)
{
    double value;

    lua_getfield(L, index, name);
    value = lua_isnil(L, -1) ? fallback : (double)lua_tonumber(L, -1);
    lua_pop(L, 1);
    if (!(value >= 1 && value <= max))
        luaL_error(L, "rows: %s is out of range", name);
    return value;
}

/* core.rows{ batch =, batch_bytes =, row_max =, live =, forgetful = } -> rows; live is
 * the number of batches that will be alive at a time */
static int core_rows(lua_State *L)
{
    struct sc_lua_rows *self;
    struct sc_rows *r;
    struct timespec now;
    double live, batch;

    luaL_checktype(L, 1, LUA_TTABLE);
    batch = option(L, 1, "batch", 1000, BATCH_ROWS_MAX);
    live = option(L, 1, "live", 2, SC_ROWS_SLOTS);
    self = sc_lua_newobject(L, sizeof *self, SC_ROWS_TYPE);
    r = &self->rows;
    sc_csv_init(&r->csv, (size_t)option(L, 1, "row_max", (double)SC_CSV_ROW_MAX, 1e8));
    sc_rows_plan_init(&r->plan);
    sc_rows_keys_init(&r->keys);
    r->batch_rows = (size_t)batch;
    r->batch_bytes = (size_t)option(L, 1, "batch_bytes", 1 << 20, 1e8);
    r->left = UINT64_MAX;
    lua_getfield(L, 1, "forgetful");
    r->forgetful = lua_toboolean(L, -1);
    lua_pop(L, 1);
    clock_gettime(CLOCK_REALTIME, &now);
    if (sc_rows_fold_init(&r->fold, (size_t)(batch * live),
                          (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15u ^ (uintptr_t)r))
        return no_memory(L);
    return 1;
}

static int rows_gc(lua_State *L)
{
    struct sc_rows *r = luaL_checkudata(L, 1, SC_ROWS_TYPE);

    sc_csv_free(&r->csv);
    sc_rows_plan_free(&r->plan);
    sc_rows_keys_free(&r->keys);
    sc_rows_fold_free(&r->fold);
    return 0;
}

/* ---- the source ---- */

static int rows_feed(lua_State *L)
{
    size_t n;
    const char *bytes = sc_lua_checkbytes(L, 2, &n);

    if (sc_csv_feed(&check_rows(L)->csv, bytes, n))
        return no_memory(L);
    return 0;
}

/* rows:feed_from(file, size) -> bytes fed, 0 at the end of the file | nil, message:
 * straight from an open file into the scanner's window */
static int rows_feed_from(lua_State *L)
{
    struct sc_csv *c = &check_rows(L)->csv;
    FILE *file = sc_checkfile(L, 2);
    lua_Number size = luaL_checknumber(L, 3);
    size_t n;

    luaL_argcheck(L, size >= 1 && size <= 1e8, 3, "out of range");
    if (!file) {
        lua_pushnil(L);
        lua_pushliteral(L, "the file was closed");
        return 2;
    }
    if (sc_csv_feed_room(c, (size_t)size))
        return no_memory(L);
    errno = 0;
    n = fread(c->window.data + c->window.len, 1, (size_t)size, file);
    sc_csv_fed(c, n);
    if (!n && ferror(file)) {
        lua_pushnil(L);
        lua_pushstring(L, strerror(errno ? errno : EIO));
        return 2;
    }
    push_count(L, n);
    return 1;
}

static int rows_finish(lua_State *L)
{
    sc_csv_finish(&check_rows(L)->csv);
    return 0;
}

/* rows:sniff([separator]) -> separator | nil, "utf-16" | "zip". "" makes every line one
 * cell. */
static int rows_sniff(lua_State *L)
{
    static const char *const wrong[] = {"", "utf-16", "zip"};
    struct sc_csv *c = &check_rows(L)->csv;
    const char *separator = luaL_optstring(L, 2, NULL);
    int text;

    luaL_argcheck(L, !separator || strchr(",;\t|", *separator), 2, "no separator");
    text = sc_csv_sniff(c, separator ? (*separator ? *separator : ',') : 0);

    if (text != SC_CSV_TEXT_OK) {
        lua_pushnil(L);
        lua_pushstring(L, wrong[text]);
        return 2;
    }
    if (separator && !*separator)
        c->separator = 0;
    lua_pushlstring(L, &c->separator, c->separator ? 1 : 0);
    return 1;
}

/* rows:seek(offset, line): the source goes on there */
static int rows_seek(lua_State *L)
{
    double offset = luaL_checknumber(L, 2), line = luaL_checknumber(L, 3);

    luaL_argcheck(L, offset >= 0 && offset < 9e15, 2, "out of range");
    luaL_argcheck(L, line >= 1 && line < 9e15, 3, "out of range");
    sc_csv_seek(&check_rows(L)->csv, (uint64_t)offset, (uint64_t)line);
    return 0;
}

/* rows:position() -> offset and physical line number of the next row */
static int rows_position(lua_State *L)
{
    const struct sc_csv *c = &check_rows(L)->csv;

    push_count(L, c->base + c->pos);
    push_count(L, c->line);
    return 2;
}

/* rows:dialect() -> separator, line end, whether CR LF, whether there was a byte order
 * mark: how rows are cut */
static int rows_dialect(lua_State *L)
{
    const struct sc_csv *c = &check_rows(L)->csv;

    lua_pushlstring(L, &c->separator, c->separator ? 1 : 0);
    lua_pushlstring(L, &c->eol, 1);
    lua_pushboolean(L, c->crlf);
    lua_pushboolean(L, c->marked);
    return 4;
}

static int rows_limit(lua_State *L)
{
    double n = luaL_checknumber(L, 2);

    check_rows(L)->left = n >= 0 && n < 1e15 ? (uint64_t)n : UINT64_MAX;
    return 0;
}

/* rows:read() -> list of cells, line | nil, "more" | "end" | "long" | "wide" |
 * "unclosed", line */
static int rows_read(lua_State *L)
{
    static const char *const words[] = {"",     "",     "more",    "end",
                                        "long", "wide", "unclosed"};
    struct sc_lua_rows *r = sc_lua_checkrows(L, 1);
    struct sc_csv *c = &r->rows.csv;
    int status = sc_csv_next(c);

    if (status < 0)
        return no_memory(L);
    if (status != SC_CSV_ROW) {
        lua_pushnil(L);
        lua_pushstring(L, words[status]);
    } else {
        r->busy = 1;
        lua_createtable(L, (int)c->count, 0);
        for (size_t i = 0; i < c->count; i++) {
            lua_pushlstring(L, c->cells[i].at, c->cells[i].len);
            lua_rawseti(L, -2, (int)i + 1);
        }
        r->busy = 0;
    }
    push_count(L, c->row_line);
    return status == SC_CSV_ROW ? 2 : 3;
}

/* ---- the plan ---- */

static void take_text(lua_State *L, struct sc_rows_plan *p, int index, const char *name,
                      struct sc_rows_text *out)
{
    size_t n = 0;
    const char *s;

    lua_getfield(L, index, name);
    s = luaL_optlstring(L, -1, "", &n);
    if (sc_rows_plan_text(p, s, n, out))
        no_memory(L);
    lua_pop(L, 1);
}

static void take_step(lua_State *L, struct sc_rows_plan *p, int index)
{
    static const char *const uses[] = {"address", "text", "field", "tags", NULL};
    struct sc_rows_step *step = sc_rows_plan_step(p);
    lua_Number cell, max;

    if (!step) {
        no_memory(L);
        return;
    }
    lua_getfield(L, index, "use");
    step->use = (enum sc_rows_use)luaL_checkoption(L, -1, NULL, uses);
    lua_getfield(L, index, "cell");
    cell = luaL_checknumber(L, -1);
    lua_getfield(L, index, "max");
    max = luaL_optnumber(L, -1, 0);
    lua_pop(L, 3);
    luaL_argcheck(L, cell >= 1 && cell <= SC_CSV_CELLS_MAX, 2, "a cell's number");
    luaL_argcheck(L, max >= 0 && max < 1e9, 2, "a step's max");
    step->cell = (uint32_t)cell - 1;
    step->max = (uint32_t)max;
    take_text(L, p, index, "key", &step->key);
    take_text(L, p, index, "name", &step->name);
    take_text(L, p, index, "target", &step->target);
}

/* The steps of the list on top of the stack. The room for a member is measured by the
 * length of its row: a cell that went out twice would not fit. */
static void take_steps(lua_State *L, struct sc_rows_plan *p)
{
    unsigned char taken[SC_CSV_CELLS_MAX] = {0};
    int list = lua_gettop(L);
    size_t count;

    luaL_checktype(L, list, LUA_TTABLE);
    count = sc_rawlen(L, list);
    for (size_t i = 1; i <= count; i++) {
        const struct sc_rows_step *step;

        lua_rawgeti(L, list, (int)i);
        luaL_checktype(L, list + 1, LUA_TTABLE);
        take_step(L, p, list + 1);
        lua_settop(L, list);
        step = &p->steps[p->count - 1];
        luaL_argcheck(L, !taken[step->cell]++, 2, "two steps take one cell");
        luaL_argcheck(L, (step->use == SC_ROWS_ADDRESS) == (i == 1), 2,
                      "the address is the first step, and only that");
        luaL_argcheck(L, i == 1 || step->use >= step[-1].use, 2,
                      "the steps are not in their order");
    }
    luaL_argcheck(L, p->count, 2, "no address");
}

/* Ties the keys of a member's tables to the rows at index 1, in the order of the steps.
 */
static void tie_keys(lua_State *L, const struct sc_rows_plan *p)
{
    lua_createtable(L, (int)p->count + 2, 0);
    for (size_t i = 0; i < p->count; i++) {
        struct sc_rows_text target = p->steps[i].target;

        lua_pushlstring(L, sc_rows_plan_at(p, target), target.len);
        lua_rawseti(L, -2, (int)i + 1);
    }
    lua_pushliteral(L, "fields");
    lua_rawseti(L, -2, (int)p->count + 1);
    lua_pushliteral(L, "tags");
    lua_rawseti(L, -2, (int)p->count + 2);
}

static int plan_gc(lua_State *L)
{
    sc_rows_plan_free(luaL_checkudata(L, 1, PLAN_TYPE));
    return 0;
}

static int has_live_batch(const struct sc_rows *r)
{
    for (size_t i = 0; i < SC_ROWS_SLOTS; i++)
        if (r->fold.generation[i])
            return 1;
    return 0;
}

/* rows:plan{ head =, tail =, fields =, tags =, more_tags =, columns =, steps = { … } }: JSON
 * text around the cells, the number of columns; each step { use =, cell =, key =, name =,
 * target =, max = }, in the order of enum sc_rows_use. The plan is made beside the one that
 * the rows have, which stays where this one is malformed. */
static int rows_plan(lua_State *L)
{
    struct sc_lua_rows *self = sc_lua_checkrows(L, 1);
    struct sc_rows_plan *p;

    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    p = sc_lua_newobject(L, sizeof *p, PLAN_TYPE);
    sc_rows_plan_init(p);
    take_text(L, p, 2, "head", &p->head);
    take_text(L, p, 2, "tail", &p->tail);
    take_text(L, p, 2, "fields", &p->fields);
    take_text(L, p, 2, "tags", &p->tags);
    take_text(L, p, 2, "more_tags", &p->more_tags);
    p->columns = (size_t)option(L, 2, "columns", SC_CSV_CELLS_MAX, SC_CSV_CELLS_MAX);
    lua_getfield(L, 2, "steps");
    take_steps(L, p);
    p->address_at = p->steps[0].key.len;
    sc_rows_plan_measure(p);
    tie_keys(L, p);
    luaL_argcheck(L, !self->busy && !has_live_batch(&self->rows), 1,
                  "a batch of these rows is alive");
    sc_setuservalue(L, 1);
    sc_rows_plan_free(&self->rows.plan);
    self->rows.plan = *p;
    sc_rows_plan_init(p);
    self->ready = 1;
    return 0;
}

/* rows:answers{ inserted = { key, … }, updated =, errors =, inserted_count =,
 * updated_count =, address =, message =, unlisted_taken = boolean }: the keys of an
 * answer */
static int rows_answers(lua_State *L)
{
    static const char *const roles[] = {"inserted",       "updated",       "errors",
                                        "inserted_count", "updated_count", "address",
                                        "message"};
    struct sc_rows_keys *k = &check_rows(L)->keys;

    luaL_checktype(L, 2, LUA_TTABLE);
    sc_rows_keys_free(k);
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        size_t count;

        lua_getfield(L, 2, roles[i]);
        luaL_checktype(L, -1, LUA_TTABLE);
        count = sc_rawlen(L, -1);
        for (size_t j = 1; j <= count; j++) {
            size_t n;
            const char *key;

            lua_rawgeti(L, -1, (int)j);
            key = luaL_checklstring(L, -1, &n);
            if (sc_rows_keys_add(k, (enum sc_rows_role)i, key, n))
                return no_memory(L);
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
    }
    lua_getfield(L, 2, "unlisted_taken");
    k->unlisted_taken = lua_toboolean(L, -1);
    return 0;
}

/* core.entries(list) -> how many keys of it count (1, 2, …), the greatest of these,
 * another key or nil */
static int core_entries(lua_State *L)
{
    lua_Number last = 0;
    size_t count = 0;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_pushnil(L); /* 2: the other key */
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        lua_Number key = lua_type(L, 3) == LUA_TNUMBER ? lua_tonumber(L, 3) : 0;

        if (key >= 1 && floor(key) == key) {
            count++;
            last = key > last ? key : last;
        } else {
            lua_pushvalue(L, 3);
            lua_replace(L, 2);
        }
        lua_settop(L, 3);
    }
    lua_pushinteger(L, (lua_Integer)count);
    lua_pushnumber(L, last);
    lua_pushvalue(L, 2);
    return 3;
}

void sc_open_rows(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"feed", rows_feed},       {"feed_from", rows_feed_from},
        {"finish", rows_finish},   {"sniff", rows_sniff},
        {"seek", rows_seek},       {"position", rows_position},
        {"dialect", rows_dialect}, {"limit", rows_limit},
        {"read", rows_read},       {"plan", rows_plan},
        {"answers", rows_answers}, {NULL, NULL}};
    static const luaL_Reg meta[] = {{"__gc", rows_gc}, {NULL, NULL}};
    static const luaL_Reg plan_meta[] = {{"__gc", plan_gc}, {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"rows", core_rows}, {"entries", core_entries}, {NULL, NULL}};

    sc_lua_newtype(L, SC_ROWS_TYPE, methods, meta);
    sc_lua_newtype(L, PLAN_TYPE, NULL, plan_meta);
    sc_setfuncs(L, functions);
    sc_open_batch(L);
}
