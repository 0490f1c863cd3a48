/* SQL's sight of holders: SELECT member FROM holder WHERE tag = ?, in the order of ids
 * either way, from an id on. A table of SQLite's virtual kind; nothing can be written. */
#include "holders.h"

#include <string.h>

enum { MEMBER, TAG };

/* What a query asks for, in idxNum; its values are there in this order. */
enum { HAS_TAG = 1, ABOVE = 2, BELOW = 4, BACKWARDS = 8 };

struct table {
    sqlite3_vtab base;
    struct sc_box *box;
};

struct cursor {
    sqlite3_vtab_cursor base;
    struct sc_holders *holders;
    size_t at, end; /* of the places at to end; walked from the end when backwards */
    int backwards;
};

static int connect(sqlite3 *db, void *box, int argc, const char *const *argv,
                   sqlite3_vtab **made, char **error)
{
    int code = sqlite3_declare_vtab(db, "CREATE TABLE x(member INTEGER, tag HIDDEN)");
    struct table *table;

    (void)argc;
    (void)argv;
    (void)error;
    if (code != SQLITE_OK)
        return code;
    table = sqlite3_malloc(sizeof *table);
    if (!table)
        return SQLITE_NOMEM;
    memset(table, 0, sizeof *table);
    table->box = box;
    *made = &table->base;
    return SQLITE_OK;
}

static int disconnect(sqlite3_vtab *table)
{
    sqlite3_free(table);
    return SQLITE_OK;
}

/* Takes a constraint as the next value of the plan. */
static int use(sqlite3_index_info *info, int constraint, int *values)
{
    info->aConstraintUsage[constraint].argvIndex = ++*values;
    info->aConstraintUsage[constraint].omit = 1;
    return 1;
}

static int find_constraint(const sqlite3_index_info *info, int column, int op)
{
    int i;

    for (i = 0; i < info->nConstraint; i++)
        if (info->aConstraint[i].usable && info->aConstraint[i].iColumn == column &&
            info->aConstraint[i].op == op)
            return i;
    return -1;
}

static int plan(sqlite3_vtab *table, sqlite3_index_info *info)
{
    int tag = find_constraint(info, TAG, SQLITE_INDEX_CONSTRAINT_EQ);
    int above = find_constraint(info, MEMBER, SQLITE_INDEX_CONSTRAINT_GT);
    int below = find_constraint(info, MEMBER, SQLITE_INDEX_CONSTRAINT_LT);
    int values = 0;

    (void)table;
    if (tag < 0)
        return SQLITE_CONSTRAINT;
    info->idxNum = HAS_TAG;
    use(info, tag, &values);
    if (above >= 0 && use(info, above, &values))
        info->idxNum |= ABOVE;
    if (below >= 0 && use(info, below, &values))
        info->idxNum |= BELOW;
    if (info->nOrderBy == 1 && info->aOrderBy[0].iColumn == MEMBER) {
        info->orderByConsumed = 1;
        info->idxNum |= info->aOrderBy[0].desc ? BACKWARDS : 0;
    }
    info->estimatedCost = above >= 0 || below >= 0 ? 1000 : 2000;
    return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *table, sqlite3_vtab_cursor **made)
{
    struct cursor *cursor = sqlite3_malloc(sizeof *cursor);

    (void)table;
    if (!cursor)
        return SQLITE_NOMEM;
    memset(cursor, 0, sizeof *cursor);
    *made = &cursor->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *cursor)
{
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int64_t entry(const struct cursor *c)
{
    return c->holders->members[c->backwards ? c->end - 1 : c->at];
}

static void step(struct cursor *c)
{
    if (c->backwards)
        c->end--;
    else
        c->at++;
}

/* On to somebody who is there. */
static void settle(struct cursor *c)
{
    while (c->at < c->end && entry(c) < 0)
        step(c);
}

static int filter(sqlite3_vtab_cursor *base, int asked, const char *text, int argc,
                  sqlite3_value **argv)
{
    struct cursor *c = (struct cursor *)base;
    struct sc_box *box = ((struct table *)base->pVtab)->box;

    (void)text;
    (void)argc;
    c->at = c->end = 0;
    c->backwards = (asked & BACKWARDS) != 0;
    if (sc_holders_in_order(box, sqlite3_value_int64(*argv++), &c->holders))
        return SQLITE_NOMEM;
    if (!c->holders)
        return SQLITE_OK;
    c->end = c->holders->count;
    if (asked & ABOVE)
        c->at = sc_holders_place(c->holders, sqlite3_value_int64(*argv++) + 1);
    if (asked & BELOW)
        c->end = sc_holders_place(c->holders, sqlite3_value_int64(*argv));
    settle(c);
    return SQLITE_OK;
}

static int next(sqlite3_vtab_cursor *base)
{
    struct cursor *c = (struct cursor *)base;

    step(c);
    settle(c);
    return SQLITE_OK;
}

static int at_end(sqlite3_vtab_cursor *base)
{
    const struct cursor *c = (const struct cursor *)base;

    return c->at >= c->end;
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *context, int which)
{
    const struct cursor *c = (const struct cursor *)base;

    sqlite3_result_int64(context, which == TAG ? c->holders->tag : entry(c));
    return SQLITE_OK;
}

static int row_id(sqlite3_vtab_cursor *base, sqlite3_int64 *id)
{
    *id = entry((const struct cursor *)base);
    return SQLITE_OK;
}

int sc_holders_register(struct sc_box *box)
{
    static const sqlite3_module module = {.iVersion = 1,
                                          .xConnect = connect,
                                          .xBestIndex = plan,
                                          .xDisconnect = disconnect,
                                          .xOpen = open_cursor,
                                          .xClose = close_cursor,
                                          .xFilter = filter,
                                          .xNext = next,
                                          .xEof = at_end,
                                          .xColumn = column,
                                          .xRowid = row_id};

    if (sqlite3_create_module(box->db, "holder", &module, box))
        return sc_box_fail(box, "%s", sqlite3_errmsg(box->db));
    return SC_DONE;
}
