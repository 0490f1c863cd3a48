/* database: the SQLite file or memory behind a box: opened and closed, its schema,
 * transactions, and what is kept of it in memory.
 *
 * A transaction is the whole of a request: counters, addresses and the sums of tags are
 * taken back with it. */
#ifndef SC_DATABASE_H
#define SC_DATABASE_H

#include "engine.h"

#pragma GCC visibility push(hidden)

/* Opens box->db by path (NULL: memory), makes or checks the schema, reads what is cached.
 */
int sc_database_open(struct sc_box *box, const char *path);
void sc_database_close(struct sc_box *box);
/* Makes the store as it was when it was new. Inside a transaction. */
int sc_database_clear(struct sc_box *box);
/* Reads counters, fields and due segments again, after the store changed as a whole. */
int sc_database_load(struct sc_box *box);

int sc_database_begin(struct sc_box *box);
int sc_database_commit(struct sc_box *box);
void sc_database_rollback(struct sc_box *box);

#pragma GCC visibility pop

#endif
