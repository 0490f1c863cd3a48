/* tagging: the names of tags, and which contact has which tag. The operations are in
 * tags.c.
 *
 * Keeps the number of contacts that a tag shows: changes are summed up and written
 * when the transaction is committed. Tags are found by name through a small memory,
 * which forgets whenever a name may have changed its meaning. */
#ifndef SC_TAGGING_H
#define SC_TAGGING_H

#include "engine.h"

/* Gives a contact a tag, n-th in its order; *changed says whether it had it not. */
int sc_tagging_add(struct sc_box *box, int64_t member, int64_t tag, int64_t n,
                   int *changed);
/* Takes it away. */
int sc_tagging_remove(struct sc_box *box, int64_t member, int64_t tag, int *changed);
/* Takes all tags away. */
int sc_tagging_clear(struct sc_box *box, int64_t member);
/* The largest n of a contact; 0: it has no tags. */
int sc_tagging_last(struct sc_box *box, int64_t member, int64_t *n);

/* Why name cannot be a tag's; NULL when it can. */
const char *sc_tagging_bad_name(struct sc_box *box, const char *name);
/* Makes a tag; the name is known to be new. */
int sc_tagging_make(struct sc_box *box, const char *name, int64_t *tag);
/* The tag of that name. SC_REFUSED: there is none. */
int sc_tagging_find(struct sc_box *box, const char *name, int64_t *tag);
/* A tag was made, or (tag 0) names changed. */
void sc_tagging_remember(struct sc_box *box, const char *name, int64_t tag);

/* Writes the sums; drops them. */
int sc_tagging_flush(struct sc_box *box);
void sc_tagging_forget(struct sc_box *box);

#endif
