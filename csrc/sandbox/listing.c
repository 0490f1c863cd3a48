#include "listing.h"
#include "dialect.h"
#include "holders.h"
#include "store.h"

#include <string.h>

#define ANCHORS_MAX   16384 /* of one list: 256 KiB */
#define ANCHORS_APART 1024 /* rows, on a way that was gone */

sqlite3_stmt *sc_listing_prepare(struct sc_box *box, const char *head,
                                 const struct sc_select *select, const char *tail)
{
    char *sql = sqlite3_mprintf("%s %s %s", head, sqlite3_str_value(select->sql), tail);
    sqlite3_stmt *statement = NULL;
    int i, code;

    if (!sql) {
        sc_box_fail(box, "out of memory");
        return NULL;
    }
    code = sqlite3_prepare_v2(box->db, sql, -1, &statement, NULL);
    for (i = 0; code == SQLITE_OK && i < select->count; i++)
        code = sqlite3_bind_text(statement, i + 1, select->values[i], -1, SQLITE_STATIC);
    if (code) {
        sc_box_fail(box, "%s", sqlite3_errmsg(box->db));
        sqlite3_finalize(statement);
        statement = NULL;
    }
    sqlite3_free(sql);
    return statement;
}

int sc_listing_run(struct sc_box *box, const char *head, const struct sc_select *select,
                   const char *tail)
{
    sqlite3_stmt *statement = sc_listing_prepare(box, head, select, tail);
    int code = -1;

    while (statement && (code = sc_store_step(box, statement)) == 1)
        ;
    sqlite3_finalize(statement);
    return code == 0 ? SC_DONE : SC_FAILED;
}

void sc_listing_forget(struct sc_box *box)
{
    size_t i;

    for (i = 0; i < SC_VIEWS_MAX; i++) {
        sqlite3_free(box->views[i].key);
        sqlite3_free(box->views[i].anchors);
    }
    memset(box->views, 0, sizeof box->views);
}

/* What makes two lists the same: the SQL and its texts. */
static char *key_of(const struct sc_select *select)
{
    sqlite3_str *key = sqlite3_str_new(NULL);
    int i;

    sqlite3_str_appendall(key, sqlite3_str_value(select->sql));
    for (i = 0; i < select->count; i++)
        sqlite3_str_appendf(key, "\x01%s", select->values[i]);
    return sqlite3_str_finish(key);
}

/* The view of a select: the one remembered if it still holds, else a fresh one in the
 * place of the one that was not used longest. NULL: no memory. */
static struct sc_view *view_of(struct sc_box *box, const struct sc_select *select)
{
    /* who is listed among all depends on nothing but who is there */
    int64_t version = select->everybody ? box->set_version : box->version;
    char *key = key_of(select);
    struct sc_view *view = &box->views[0];
    size_t i;

    if (!key)
        return NULL;
    for (i = 0; i < SC_VIEWS_MAX; i++) {
        if (box->views[i].key && strcmp(box->views[i].key, key) == 0) {
            view = &box->views[i];
            break;
        }
        if (box->views[i].used < view->used)
            view = &box->views[i];
    }
    if (i == SC_VIEWS_MAX || view->version != version) {
        sqlite3_free(view->key);
        view->key = key;
        view->version = version;
        view->total = -1;
        view->anchor_count = 0;
    } else {
        sqlite3_free(key);
    }
    view->used = ++box->view_clock;
    return view;
}

/* The last anchor at or before offset; NULL: the beginning. *at is where a new one would
 * go. */
static const struct sc_anchor *find_anchor(const struct sc_view *view, int64_t offset,
                                           size_t *at)
{
    size_t low = 0, high = view->anchor_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (view->anchors[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return low ? &view->anchors[low - 1] : NULL;
}

/* Forgetting an anchor costs time later, nothing else: so a failure here is none. */
static void remember(struct sc_view *view, int64_t offset, int64_t id)
{
    struct sc_anchor *grown;
    size_t at, cap;
    const struct sc_anchor *before = find_anchor(view, offset, &at);

    if ((before && before->offset == offset) || view->anchor_count == ANCHORS_MAX)
        return;
    if (view->anchor_count == view->anchor_cap) {
        cap = view->anchor_cap ? view->anchor_cap * 2 : 64;
        grown = sqlite3_realloc64(view->anchors, cap * sizeof *grown);
        if (!grown)
            return;
        view->anchors = grown;
        view->anchor_cap = cap;
    }
    memmove(view->anchors + at + 1, view->anchors + at,
            (view->anchor_count - at) * sizeof *view->anchors);
    view->anchors[at].offset = offset;
    view->anchors[at].id = id;
    view->anchor_count++;
}

/* Contacts that are counted without the store: from a place among those of a tag to
 * before another. */
struct span {
    const struct sc_holders *holders; /* NULL: there are none, or the store must do it */
    size_t from, to;
};

static int places(struct sc_box *box, const struct sc_select *select, struct span *span)
{
    struct sc_holders *holders = NULL;
    int64_t tag = SC_HOLDERS_ALL;

    if (select->drive == SC_DRIVE_TAG && !select->filtered)
        tag = select->drive_id;
    else if (!select->everybody && !select->aged)
        tag = 0;
    if (tag && sc_holders_in_order(box, tag, &holders))
        return SC_FAILED;
    span->holders = holders;
    if (!holders)
        return SC_DONE;
    span->from = sc_holders_place(holders, select->from);
    span->to = sc_holders_place(holders, select->to);
    return SC_DONE;
}

static int count(struct sc_box *box, const struct sc_select *select, int64_t *total)
{
    sqlite3_stmt *row;
    struct span span;
    int found, code;

    if (select->everybody) {
        *total = box->members;
        return SC_DONE;
    }
    if (!select->filtered && select->drive == SC_DRIVE_TAG) {
        *total = sc_holders_count(box, select->drive_id);
        return SC_DONE;
    }
    if (!select->filtered && select->drive == SC_DRIVE_SEGMENT)
        return sc_store_integer(box, total, &found,
                                "SELECT total FROM segment WHERE id = ?1", "i",
                                select->drive_id);
    if (select->aged) {
        if (places(box, select, &span))
            return SC_FAILED;
        *total = span.holders ? sc_holders_between(span.holders, span.from, span.to) : 0;
        return SC_DONE;
    }
    row = sc_listing_prepare(box, "SELECT count(*) FROM", select, "");
    code = row ? sc_store_step(box, row) : -1;
    if (code == 1)
        *total = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    return code == 1 ? SC_DONE : SC_FAILED;
}

/* The rows behind an anchor as SQL: "… AND m.id < 17 ORDER BY m.id DESC LIMIT 10 OFFSET
 * 0". */
static sqlite3_stmt *rows_of(struct sc_box *box, const char *columns,
                             const struct sc_select *select,
                             const struct sc_anchor *anchor, int64_t skip, int64_t limit)
{
    int oldest = sc_switches_get(box, SC_SW_ORDER) == 1;
    const char *join = select->drive || select->filtered ? "AND" : "WHERE";
    sqlite3_stmt *statement = NULL;
    char *head, *tail;

    head = sqlite3_mprintf("SELECT %s, %s FROM", select->column, columns);
    if (anchor)
        tail = sqlite3_mprintf(
            "%s %s %s %lld ORDER BY %s %s LIMIT %lld OFFSET %lld", join, select->column,
            oldest ? ">" : "<", (long long)anchor->id, select->column,
            oldest ? "ASC" : "DESC", (long long)limit, (long long)skip);
    else
        tail =
            sqlite3_mprintf("ORDER BY %s %s LIMIT %lld OFFSET %lld", select->column,
                            oldest ? "ASC" : "DESC", (long long)limit, (long long)skip);
    if (head && tail)
        statement = sc_listing_prepare(box, head, select, tail);
    sqlite3_free(head);
    sqlite3_free(tail);
    return statement;
}

/* The last one before offset, counted off without the store. SC_REFUSED: that needs it. */
static int count_off(struct sc_box *box, const struct sc_select *select, int64_t offset,
                     struct sc_anchor *anchor)
{
    int oldest = sc_switches_get(box, SC_SW_ORDER) == 1;
    struct span span;

    if (places(box, select, &span))
        return SC_FAILED;
    anchor->offset = offset;
    anchor->id = span.holders
                     ? sc_holders_nth(span.holders, span.from, span.to, offset, oldest)
                     : 0;
    return anchor->id ? SC_DONE : SC_REFUSED;
}

/* Goes through the ids behind from up to the one before offset, and remembers its way: the
 * next page from the middle has not far to go. */
static int walk_off(struct sc_box *box, const struct sc_select *select,
                    struct sc_view *view, const struct sc_anchor *from, int64_t offset,
                    struct sc_anchor *anchor)
{
    struct sc_select bare = *select;
    int64_t at = from ? from->offset : 0;
    sqlite3_stmt *row;
    int code = -1;

    /* of a segment the contacts themselves need not be looked at */
    bare.sql = sqlite3_str_new(box->db);
    if (select->drive == SC_DRIVE_SEGMENT && !select->filtered)
        sqlite3_str_appendf(bare.sql, "segment_member d WHERE d.segment = %lld",
                            (long long)select->drive_id);
    else
        sqlite3_str_appendall(bare.sql, sqlite3_str_value(select->sql));
    anchor->id = 0;
    row = sqlite3_str_errcode(bare.sql) ? NULL
                                        : rows_of(box, "1", &bare, from, 0, offset - at);
    while (row && (code = sc_store_step(box, row)) == 1) {
        anchor->id = sqlite3_column_int64(row, 0);
        if (++at % ANCHORS_APART == 0)
            remember(view, at, anchor->id);
    }
    sqlite3_finalize(row);
    sqlite3_free(sqlite3_str_finish(bare.sql));
    anchor->offset = at;
    if (code < 0)
        return SC_FAILED;
    return anchor->id ? SC_DONE : SC_REFUSED;
}

static int write_page(struct sc_call *call, const struct sc_select *select,
                      struct sc_view *view, int64_t offset, int64_t limit)
{
    size_t at;
    const struct sc_anchor *anchor = find_anchor(view, offset, &at);
    struct sc_anchor own;
    int64_t skip = offset - (anchor ? anchor->offset : 0), n = 0, last = 0;
    sqlite3_stmt *row;
    sqlite3_str *items;
    int outcome = skip ? count_off(call->box, select, offset, &own) : SC_REFUSED;
    int code = -1;

    if (outcome == SC_REFUSED && skip > ANCHORS_APART)
        outcome = walk_off(call->box, select, view, anchor, offset, &own);
    if (outcome == SC_FAILED)
        return outcome;
    if (outcome == SC_DONE) {
        anchor = &own;
        skip = 0;
    }
    outcome = SC_FAILED;
    row = rows_of(call->box, call->dialect->member_sql, select, anchor, skip, limit);
    items = sqlite3_str_new(call->box->db);
    while (row && (code = sc_store_step(call->box, row)) == 1) {
        if (n++)
            sqlite3_str_appendchar(items, 1, ',');
        last = sqlite3_column_int64(row, 0);
        sqlite3_str_appendall(items, sc_store_text(call->box, row, 1));
    }
    if (code == 0 && !sqlite3_str_errcode(items)) {
        if (n)
            remember(view, offset + n, last);
        outcome =
            call->dialect->list(call, n ? sqlite3_str_value(items) : "", n, view->total);
    }
    sqlite3_finalize(row);
    sqlite3_free(sqlite3_str_finish(items));
    return outcome;
}

int sc_listing_answer(struct sc_call *call, const struct sc_select *select)
{
    int64_t offset, limit;
    struct sc_view *view;
    int outcome = sc_call_page(call, &offset, &limit);

    if (outcome != SC_DONE)
        return outcome;
    view = view_of(call->box, select);
    if (!view)
        return sc_box_fail(call->box, "out of memory");
    if (view->total < 0 && count(call->box, select, &view->total))
        return SC_FAILED;
    if (offset >= view->total)
        return call->dialect->list(call, "", 0, view->total);
    return write_page(call, select, view, offset, limit);
}

static sqlite3_stmt *records(struct sc_box *box, char *sql, const char *name,
                             const char *type)
{
    sqlite3_stmt *statement = NULL;

    if (!sql || sqlite3_prepare_v2(box->db, sql, -1, &statement, NULL) ||
        sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC) ||
        (sqlite3_bind_parameter_count(statement) > 1 &&
         sqlite3_bind_text(statement, 2, type, -1, SQLITE_STATIC))) {
        sc_box_fail(box, "%s", sqlite3_errmsg(box->db));
        sqlite3_finalize(statement);
        statement = NULL;
    }
    sqlite3_free(sql);
    return statement;
}

int sc_listing_records(struct sc_call *call, const char *expression, const char *from,
                       const char *key, const char *name, const char *type)
{
    struct sc_box *box = call->box;
    int64_t offset, limit, total = 0, n = 0;
    int outcome = sc_call_page(call, &offset, &limit), code;
    sqlite3_stmt *row;
    sqlite3_str *items;

    if (outcome != SC_DONE)
        return outcome;
    row = records(box, sqlite3_mprintf("SELECT count(*) %s", from), name, type);
    code = row ? sc_store_step(box, row) : -1;
    if (code == 1)
        total = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    if (code != 1)
        return SC_FAILED;
    row = records(box,
                  sqlite3_mprintf("SELECT %s %s ORDER BY %s %s LIMIT %lld OFFSET %lld",
                                  expression, from, key,
                                  sc_switches_get(box, SC_SW_ORDER) == 1 ? "ASC" : "DESC",
                                  (long long)limit, (long long)offset),
                  name, type);
    items = sqlite3_str_new(box->db);
    code = row ? 1 : -1;
    while (row && (code = sc_store_step(box, row)) == 1) {
        if (n++)
            sqlite3_str_appendchar(items, 1, ',');
        sqlite3_str_appendall(items, sc_store_text(box, row, 0));
    }
    outcome = SC_FAILED;
    if (code == 0 && !sqlite3_str_errcode(items))
        outcome = call->dialect->list(call, n ? sqlite3_str_value(items) : "", n, total);
    sqlite3_finalize(row);
    sqlite3_free(sqlite3_str_finish(items));
    return outcome;
}
