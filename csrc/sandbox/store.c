#include "store.h"

#include <stdarg.h>
#include <string.h>

int sc_store_failed(struct sc_box *box)
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
        sc_store_failed(box);
        return NULL;
    }
    box->statements[slot].sql = sql;
    box->statements[slot].statement = statement;
    return statement;
}

static int bind_one(sqlite3_stmt *statement, int index, char type, va_list *arguments)
{
    const char *bytes;
    int length;

    switch (type) {
    case 'i': return sqlite3_bind_int64(statement, index, va_arg(*arguments, int64_t));
    case 'd': return sqlite3_bind_double(statement, index, va_arg(*arguments, double));
    case 's':
        bytes = va_arg(*arguments, const char *);
        return sqlite3_bind_text(statement, index, bytes, -1, SQLITE_STATIC);
    case 'x':
        bytes = va_arg(*arguments, const char *);
        length = va_arg(*arguments, int);
        if (length == 0)
            return sqlite3_bind_null(statement, index);
        return sqlite3_bind_blob(statement, index, bytes, length, SQLITE_STATIC);
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
            sc_store_failed(box);
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
        sc_store_failed(box);
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
    if (sqlite3_exec(box->db, sql, NULL, NULL, NULL))
        return sc_store_failed(box);
    return SC_DONE;
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
