/* listing: pages of contacts, and the counts that go with them.
 *
 * A page is found from the place where an earlier page of the same list ended, and a
 * total is counted once, as long as the store did not change; so reading a long list to
 * its end costs time in proportion to its length. The memory for that is capped. */
#ifndef SC_LISTING_H
#define SC_LISTING_H

#include "condition.h"

#pragma GCC visibility push(hidden)

/* Answers the page of a select that the query's offset and size ask for. */
int sc_listing_answer(struct sc_call *call, const struct sc_select *select);
/* Answers the page of records that are not contacts: expression over "FROM ... WHERE
 * ...", ordered by key, with name as ?1 and type as ?2 (texts or NULL). */
int sc_listing_records(struct sc_call *call, const char *expression, const char *from,
                       const char *key, const char *name, const char *type);
/* Prepares "<head> <select> <tail>" with the select's texts bound; NULL: failed. */
sqlite3_stmt *sc_listing_prepare(struct sc_box *box, const char *head,
                                 const struct sc_select *select, const char *tail);
/* Runs such a statement to its end. */
int sc_listing_run(struct sc_box *box, const char *head, const struct sc_select *select,
                   const char *tail);
/* Drops all that is remembered. */
void sc_listing_forget(struct sc_box *box);

#pragma GCC visibility pop

#endif
