#include "database.h"
#include "addresses.h"
#include "fields.h"
#include "functions.h"
#include "holders.h"
#include "schema.h"
#include "store.h"
#include "tagging.h"

static const char pragmas[] =
    "PRAGMA cache_size = -262144; PRAGMA temp_store = memory;"
    "PRAGMA foreign_keys = OFF; PRAGMA recursive_triggers = OFF;";
/* One at a time: who has which address is kept in memory, and another one's writes would
 * pass it by. */
static const char alone[] = "PRAGMA locking_mode = EXCLUSIVE;";
/* The log is written back every 256 MiB, so that a page that many batches touch is
 * copied once. Without fsync a file outlives the process being killed, not the
 * machine's power. */
static const char file_pragmas[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;"
                                   "PRAGMA wal_autocheckpoint = 65536;"
                                   "PRAGMA journal_size_limit = 268435456;";

int sc_database_begin(struct sc_box *box)
{
    box->saved_counter = box->counter;
    box->saved_members = box->members;
    box->failing = 0; /* what failed before is over */
    return sc_store_run(box, "BEGIN", "");
}

int sc_database_commit(struct sc_box *box)
{
    if (box->failing)
        return SC_FAILED;
    if (box->counter != box->saved_counter &&
        sc_store_run(box, "UPDATE meta SET value = ?1 WHERE key = 'counter'", "i",
                     box->counter))
        return SC_FAILED;
    if (sc_store_run(box, "COMMIT", ""))
        return SC_FAILED;
    sc_addresses_commit(box);
    sc_holders_commit(box);
    return SC_DONE;
}

void sc_database_rollback(struct sc_box *box)
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
    sc_holders_rollback(box);
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

static int fill(struct sc_box *box)
{
    /* leaves room for millions of ids before the 24 bits begin again */
    int64_t counter = (int64_t)(scatter(box->seed + 1) & 0x0fffff);

    if (sc_store_script(box, schema_fill) ||
        sc_store_run(box, "INSERT INTO meta VALUES ('seed', ?1), ('counter', ?2)", "ii",
                     (int64_t)box->seed, counter))
        return SC_FAILED;
    box->counter = counter;
    return SC_DONE;
}

int sc_database_clear(struct sc_box *box)
{
    return sc_store_script(box, schema_clear) || fill(box) ? SC_FAILED : SC_DONE;
}

int sc_database_load(struct sc_box *box)
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
    if (sc_database_begin(box))
        return SC_FAILED;
    if (sc_store_script(box, sql) || sc_store_script(box, schema_create) || fill(box) ||
        sc_store_run(box, "COMMIT", "")) {
        sc_database_rollback(box);
        return SC_FAILED;
    }
    return SC_DONE;
}

static int prepare(struct sc_box *box, const char *path)
{
    int fresh = 1;

    if (sc_functions_register(box) || sc_holders_register(box) ||
        sc_store_script(box, pragmas) || (path && sc_store_script(box, alone)) ||
        check_file(box, &fresh) || (path && sc_store_script(box, file_pragmas)))
        return SC_FAILED;
    if (fresh && make(box))
        return SC_FAILED;
    return sc_database_load(box);
}

int sc_database_open(struct sc_box *box, const char *path)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

    if (sqlite3_open_v2(path ? path : ":memory:", &box->db, flags, NULL))
        return box->db ? sc_store_failed(box) : sc_box_fail(box, "out of memory");
    sqlite3_busy_timeout(box->db, 500); /* another one may be about to close it */
    if (prepare(box, path) == SC_DONE)
        return SC_DONE;
    if ((sqlite3_errcode(box->db) & 0xff) == SQLITE_BUSY)
        return sc_box_fail(box, "another program has it open, another sandbox perhaps");
    return SC_FAILED;
}

void sc_database_close(struct sc_box *box)
{
    size_t i;

    for (i = 0; i < SC_STATEMENTS_MAX; i++)
        sqlite3_finalize(box->statements[i].statement);
    sc_fields_forget(box);
    sc_addresses_free(box);
    sc_holders_free(box);
    sqlite3_free(box->tag_list.bytes);
    sqlite3_close_v2(box->db);
    box->db = NULL;
}
