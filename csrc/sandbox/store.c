#include "store.h"
#include "addresses.h"
#include "fields.h"
#include "functions.h"
#include "schema.h"
#include "tagging.h"

#include <stdarg.h>
#include <string.h>

static const char pragmas[] =
    "PRAGMA cache_size = -262144; PRAGMA temp_store = memory;"
    "PRAGMA foreign_keys = OFF; PRAGMA recursive_triggers = OFF;";
/* The log is written back every 256 MiB, so that a page that many batches touch is copied
 * once. Without fsync a file outlives the process being killed, not the machine's power. */
static const char file_pragmas[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;"
                                   "PRAGMA wal_autocheckpoint = 65536;"
                                   "PRAGMA journal_size_limit = 268435456;";

/* SQLite may have rolled back by itself, so nothing more is to be done in this transaction. */
static int failed(struct sc_box *box)
{
    box->failing = 1;
    return sc_box_fail(box, "%s", sqlite3_errmsg(box->db));
}

static sqlite3_stmt *prepare(struct sc_box *box, const char *sql)
{
    size_t slot = (size_t)((uintptr_t)sql >> 2) * 2654435761u, i;
    sqlite3_stmt *statement;

    for (i = 0; i < SC_STATEMENTS_MAX; i++, slot++) {
        slot &= SC_STATEMENTS_MAX - 1;
        if (box->statements[slot].sql == sql)
            return box->statements[slot].statement;
        if (!box->statements[slot].sql)
            break;
    }
    if (i == SC_STATEMENTS_MAX) {
        sc_box_fail(box, "the statement cache is full");
        return NULL;
    }
    if (sqlite3_prepare_v3(box->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement,
                           NULL)) {
        failed(box);
        return NULL;
    }
    box->statements[slot].sql = sql;
    box->statements[slot].statement = statement;
    return statement;
}

static int bind_one(sqlite3_stmt *statement, int index, char type, va_list *arguments)
{
    const char *bytes;

    switch (type) {
    case 'i': return sqlite3_bind_int64(statement, index, va_arg(*arguments, int64_t));
    case 'd': return sqlite3_bind_double(statement, index, va_arg(*arguments, double));
    case 's':
        bytes = va_arg(*arguments, const char *);
        return sqlite3_bind_text(statement, index, bytes, -1, SQLITE_STATIC);
    default: /* b */
        bytes = va_arg(*arguments, const char *);
        return sqlite3_bind_text(statement, index, bytes, va_arg(*arguments, int),
                                 SQLITE_STATIC);
    }
}

static sqlite3_stmt *bind_all(struct sc_box *box, const char *sql, const char *types,
                              va_list *arguments)
{
    sqlite3_stmt *statement = box->failing ? NULL : prepare(box, sql);
    int i;

    if (!statement)
        return NULL;
    sqlite3_reset(statement);
    for (i = 0; types[i]; i++) {
        if (bind_one(statement, i + 1, types[i], arguments)) {
            failed(box);
            return NULL;
        }
    }
    return statement;
}

sqlite3_stmt *sc_store_bind(struct sc_box *box, const char *sql, const char *types, ...)
{
    sqlite3_stmt *statement;
    va_list arguments;

    va_start(arguments, types);
    statement = bind_all(box, sql, types, &arguments);
    va_end(arguments);
    return statement;
}

int sc_store_step(struct sc_box *box, sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);

    if (code == SQLITE_ROW)
        return 1;
    if (code != SQLITE_DONE)
        failed(box);
    sqlite3_reset(statement);
    return code == SQLITE_DONE ? 0 : -1;
}

static int run_to_end(struct sc_box *box, sqlite3_stmt *statement)
{
    int code;

    if (!statement)
        return SC_FAILED;
    while ((code = sc_store_step(box, statement)) == 1)
        ;
    return code == 0 ? SC_DONE : SC_FAILED;
}

int sc_store_run(struct sc_box *box, const char *sql, const char *types, ...)
{
    sqlite3_stmt *statement;
    va_list arguments;

    va_start(arguments, types);
    statement = bind_all(box, sql, types, &arguments);
    va_end(arguments);
    return run_to_end(box, statement);
}

int sc_store_integer(struct sc_box *box, int64_t *value, int *found, const char *sql,
                     const char *types, ...)
{
    sqlite3_stmt *statement;
    va_list arguments;
    int code;

    *found = 0;
    va_start(arguments, types);
    statement = bind_all(box, sql, types, &arguments);
    va_end(arguments);
    if (!statement)
        return SC_FAILED;
    code = sc_store_step(box, statement);
    if (code == 1) {
        *found = 1;
        *value = sqlite3_column_int64(statement, 0);
        sqlite3_reset(statement);
    }
    return code < 0 ? SC_FAILED : SC_DONE;
}

const char *sc_store_text(struct sc_box *box, sqlite3_stmt *row, int column)
{
    const char *text;

    if (sqlite3_column_type(row, column) == SQLITE_NULL)
        return NULL;
    text = (const char *)sqlite3_column_text(row, column);
    if (text)
        return text;
    box->failing = 1;
    sc_box_fail(box, "out of memory");
    return "";
}

int sc_store_script(struct sc_box *box, const char *sql)
{
    return sqlite3_exec(box->db, sql, NULL, NULL, NULL) == SQLITE_OK ? SC_DONE
                                                                     : failed(box);
}

int sc_store_begin(struct sc_box *box)
{
    box->saved_counter = box->counter;
    box->saved_members = box->members;
    box->failing = 0; /* what failed before is over */
    return sc_store_run(box, "BEGIN", "");
}

int sc_store_commit(struct sc_box *box)
{
    if (box->failing || sc_tagging_flush(box))
        return SC_FAILED;
    if (box->counter != box->saved_counter &&
        sc_store_run(box, "UPDATE meta SET value = ?1 WHERE key = 'counter'", "i",
                     box->counter))
        return SC_FAILED;
    if (sc_store_run(box, "COMMIT", ""))
        return SC_FAILED;
    sc_addresses_commit(box);
    return SC_DONE;
}

void sc_store_rollback(struct sc_box *box)
{
    size_t i;

    /* a statement that stands on a row would keep the transaction open */
    for (i = 0; i < SC_STATEMENTS_MAX; i++)
        if (box->statements[i].statement)
            sqlite3_reset(box->statements[i].statement);
    if (!sqlite3_get_autocommit(box->db))
        sqlite3_exec(box->db, "ROLLBACK", NULL, NULL, NULL);
    sc_tagging_forget(box);
    sc_addresses_rollback(box);
    box->counter = box->saved_counter;
    box->members = box->saved_members;
    box->failing = 0;
}

/* splitmix64: spreads a seed over 64 bits. */
static uint64_t scatter(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

int sc_store_create(struct sc_box *box)
{
    /* leaves room for millions of ids before the 24 bits begin again */
    int64_t counter = (int64_t)(scatter(box->seed + 1) & 0x0fffff);

    if (sc_store_script(box, schema_drop) || sc_store_script(box, schema_create) ||
        sc_store_run(box, "INSERT INTO meta VALUES ('seed', ?1), ('counter', ?2)", "ii",
                     (int64_t)box->seed, counter))
        return SC_FAILED;
    box->counter = counter;
    return SC_DONE;
}

int sc_store_load(struct sc_box *box)
{
    int64_t seed = 0;
    int found;

    box->failing = 0;
    if (sc_store_integer(box, &seed, &found, "SELECT value FROM meta WHERE key = 'seed'",
                         "") ||
        sc_store_integer(box, &box->counter, &found,
                         "SELECT value FROM meta WHERE key = 'counter'", "") ||
        sc_addresses_load(box) ||
        sc_store_integer(box, &box->due, &found,
                         "SELECT ifnull(min(finish_ms), 9223372036854775807) FROM segment"
                         " WHERE status = 1",
                         ""))
        return SC_FAILED;
    box->seed = (uint64_t)seed;
    box->machine = scatter(box->seed) & 0xffffffffffu;
    box->version++;
    box->set_version = box->version;
    sc_tagging_forget(box);
    return sc_fields_load(box) || box->failing ? SC_FAILED : SC_DONE;
}

/* A file that is not a store of ours is left as it is. */
static int check_file(struct sc_box *box, int *fresh)
{
    int64_t application = 0, version = 0, tables = 0;
    int found;

    if (sc_store_integer(box, &application, &found, "PRAGMA application_id", "") ||
        sc_store_integer(box, &version, &found, "PRAGMA user_version", "") ||
        sc_store_integer(box, &tables, &found, "SELECT count(*) FROM sqlite_schema", ""))
        return SC_FAILED;
    *fresh = application == 0 && tables == 0;
    if (*fresh)
        return SC_DONE;
    if (application != SC_SCHEMA_APPLICATION)
        return sc_box_fail(box, "the file is a database, but not a sandbox's");
    if (version != SC_SCHEMA_VERSION)
        return sc_box_fail(box, "the file was written by another version of the sandbox");
    return SC_DONE;
}

static int make(struct sc_box *box)
{
    char sql[96];

    sqlite3_snprintf(sizeof sql, sql,
                     "PRAGMA application_id = %d; PRAGMA user_version = %d;",
                     SC_SCHEMA_APPLICATION, SC_SCHEMA_VERSION);
    if (sc_store_begin(box))
        return SC_FAILED;
    if (sc_store_script(box, sql) || sc_store_create(box) ||
        sc_store_run(box, "COMMIT", "")) {
        sc_store_rollback(box);
        return SC_FAILED;
    }
    return SC_DONE;
}

int sc_store_open(struct sc_box *box, const char *path)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int fresh = 1;

    if (sqlite3_open_v2(path ? path : ":memory:", &box->db, flags, NULL))
        return box->db ? failed(box) : sc_box_fail(box, "out of memory");
    sqlite3_busy_timeout(box->db, 5000);
    if (sc_functions_register(box) || sc_store_script(box, pragmas) ||
        check_file(box, &fresh) || (path && sc_store_script(box, file_pragmas)))
        return SC_FAILED;
    if (fresh && make(box))
        return SC_FAILED;
    return sc_store_load(box);
}

void sc_store_close(struct sc_box *box)
{
    size_t i;

    for (i = 0; i < SC_STATEMENTS_MAX; i++)
        sqlite3_finalize(box->statements[i].statement);
    sc_fields_forget(box);
    sc_addresses_free(box);
    sqlite3_close_v2(box->db);
    box->db = NULL;
}

int sc_store_quote(struct sc_box *box, sqlite3_str *out, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    sqlite3_stmt *statement;

    while (*p >= ' ' && *p != '"' && *p != '\\')
        p++;
    if (!*p) { /* nothing to escape */
        sqlite3_str_appendchar(out, 1, '"');
        sqlite3_str_append(out, text, (int)(p - (const unsigned char *)text));
        sqlite3_str_appendchar(out, 1, '"');
        return SC_DONE;
    }
    statement = sc_store_bind(box, "SELECT json_quote(?1)", "s", text);
    if (!statement || sc_store_step(box, statement) != 1)
        return SC_FAILED;
    sqlite3_str_appendall(out, sc_store_text(box, statement, 0));
    sqlite3_reset(statement);
    return SC_DONE;
}
