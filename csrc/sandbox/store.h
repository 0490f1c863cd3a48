/* store: how the engine talks to SQLite: cached statements, values, ids. The database
 * itself and its transactions are database.h's.
 *
 * Statements are cached by the address of their SQL, so cached SQL is always a literal. A
 * statement that sc_store_bind handed out is stepped with sc_store_step until that
 * returns 0 or less, or put back with sqlite3_reset; the same literal is not used twice
 * at once. */
#ifndef SC_STORE_H
#define SC_STORE_H

#include "engine.h"

#pragma GCC visibility push(hidden)

/* types: one letter an argument: i int64_t, d double, s text or NULL, b bytes and int
 * length as text, x the same as a blob, of no bytes as null. Returns the statement ready
 * to step, or NULL after a failure. */
sqlite3_stmt *sc_store_bind(struct sc_box *box, const char *sql, const char *types, ...);
/* 1: a row; 0: done; -1: failed. The statement is reset when the answer is not 1. */
int sc_store_step(struct sc_box *box, sqlite3_stmt *statement);
/* Binds and runs to the end. SC_DONE or SC_FAILED. */
int sc_store_run(struct sc_box *box, const char *sql, const char *types, ...);
/* Binds, and reads the first column of the first row; *found says whether there was one.
 */
int sc_store_integer(struct sc_box *box, int64_t *value, int *found, const char *sql,
                     const char *types, ...);
/* Says what SQLite says. It may have rolled back by itself, so nothing more is to be done
 * in this transaction. Returns SC_FAILED. */
int sc_store_failed(struct sc_box *box);
/* Runs several statements that are not worth keeping. */
int sc_store_script(struct sc_box *box, const char *sql);

/* The next id, of the clock's second. */
int64_t sc_store_mint(struct sc_box *box);
/* 24 hexadecimal digits and a NUL. */
void sc_store_id_text(const struct sc_box *box, int64_t id, char text[25]);
/* The id behind a text; 0 when it is none of this box. */
int64_t sc_store_id(const struct sc_box *box, const char *text, size_t len);

/* A column as a text; NULL for a null. Without memory it is "", and the running
 * transaction can no longer be committed. */
const char *sc_store_text(struct sc_box *box, sqlite3_stmt *row, int column);

/* Adds text to out as a JSON string. */
int sc_store_quote(struct sc_box *box, sqlite3_str *out, const char *text);

#pragma GCC visibility pop

#endif
