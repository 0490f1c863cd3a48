/* ages: how many contacts were created in each second, so that a range of createTime is
 * counted without reading it.
 *
 * Lives in memory beside the store and belongs to addresses, which sees every contact
 * come and go, and take it back when a transaction is undone. */
#ifndef SC_AGES_H
#define SC_AGES_H

#include "engine.h"

/* A contact of that id is there from now on. SC_FAILED: out of memory. */
int sc_ages_add(struct sc_box *box, int64_t member);
/* It is gone; it was there. */
void sc_ages_remove(struct sc_box *box, int64_t member);
/* Contacts whose ids are at least from and below to; both begin a second. */
int64_t sc_ages_count(struct sc_box *box, int64_t from, int64_t to);
void sc_ages_free(struct sc_box *box);

#endif
