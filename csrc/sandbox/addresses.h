/* addresses: finds contacts by address, letter case aside.
 *
 * A hash table in memory beside the store, filled when a store is opened: an index in
 * SQLite would dirty a page of its own for nearly every address of an import. It
 * follows the transaction: what was added or removed since sc_database_begin is undone by
 * a rollback. The table of members stays the truth; a hit is checked against it. */
#ifndef SC_ADDRESSES_H
#define SC_ADDRESSES_H

#include "engine.h"

#pragma GCC visibility push(hidden)

/* The contact of that address. SC_REFUSED: there is none. */
int sc_addresses_find(struct sc_box *box, const char *address, int64_t *member);
int sc_addresses_add(struct sc_box *box, const char *address, int64_t member);
int sc_addresses_remove(struct sc_box *box, const char *address, int64_t member);

/* Fills the table from the store, and counts its contacts. */
int sc_addresses_load(struct sc_box *box);
void sc_addresses_free(struct sc_box *box);
/* The end of a transaction. */
void sc_addresses_commit(struct sc_box *box);
void sc_addresses_rollback(struct sc_box *box);

#pragma GCC visibility pop

#endif
