/* holders: which contacts have a tag, and which there are at all.
 *
 * Lives in memory beside the store, filled when a store is opened: the truth is the
 * list of tags in each contact's row, and an index in SQLite of what many contacts
 * share took longer to write than the contacts did. Follows the transaction as
 * addresses does. SQL reads it as the table holder(member, tag); see holder_table.c. */
#ifndef SC_HOLDERS_H
#define SC_HOLDERS_H

#include "engine.h"

#pragma GCC visibility push(hidden)

/* The tag that every contact has. */
#define SC_HOLDERS_ALL INT64_MAX

/* A contact has a tag that it had not, or has it no more. */
int sc_holders_add(struct sc_box *box, int64_t tag, int64_t member);
int sc_holders_remove(struct sc_box *box, int64_t tag, int64_t member);
/* Nobody has it any more. */
int sc_holders_clear(struct sc_box *box, int64_t tag);
/* How many have it. */
int64_t sc_holders_count(const struct sc_box *box, int64_t tag);

/* Brings a tag's contacts into the order of their ids; negative ones are to be passed
 * over. NULL in *holders: nobody has it. Holds until something is added or removed. */
int sc_holders_in_order(struct sc_box *box, int64_t tag, struct sc_holders **holders);
/* The first place whose contact is not below that id. */
size_t sc_holders_place(const struct sc_holders *holders, int64_t member);

/* How many there are from one place to before another. */
int64_t sc_holders_between(const struct sc_holders *holders, size_t from, size_t to);
/* The n-th of them, from 1, oldest or newest first; 0: there are fewer. */
int64_t sc_holders_nth(const struct sc_holders *holders, size_t from, size_t to,
                       int64_t n, int oldest);

/* Makes the table "holder" known to SQL. */
int sc_holders_register(struct sc_box *box);
void sc_holders_free(struct sc_box *box);
/* The end of a transaction. */
void sc_holders_commit(struct sc_box *box);
void sc_holders_rollback(struct sc_box *box);

#pragma GCC visibility pop

#endif
