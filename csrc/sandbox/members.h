/* members: contacts, what other files need of them.
 *
 * Finding, rendering and deleting; the operations themselves are declared in engine.h.
 * JSON and lists handed out are the caller's, for sqlite3_free. */
#ifndef SC_MEMBERS_H
#define SC_MEMBERS_H

#include "condition.h"

#pragma GCC visibility push(hidden)

/* The contact that the path names; a refusal (404) when there is none. */
int sc_members_of_path(struct sc_call *call, int64_t *member);
/* The record of table ("member m", "tag t", "segment s") whose key is id, through the
 * dialect's expression; for sqlite3_free. */
int sc_members_render(struct sc_call *call, const char *expression, const char *table,
                      const char *key, int64_t id, char **json);
/* The list of ids in the body, 1 to max of them (max 0: no limit); ids that are none of
 * this box become 0. For sqlite3_free. */
int sc_members_ids(struct sc_call *call, int64_t max, int64_t **ids, int64_t *count);
/* Deletes the contacts of a select with all that hangs on them. */
int sc_members_drop(struct sc_box *box, const struct sc_select *select, int64_t *count);
/* Deletes one contact; *count grows when it was there. */
int sc_members_drop_one(struct sc_box *box, int64_t member, int64_t *count);
/* The contact behind an id or an address; SC_REFUSED: none. */
int sc_members_find(struct sc_box *box, const char *who, int64_t *member);
/* What becomes of a request that names a contact there is not: SC_DONE, or refused. */
int sc_members_unknown(struct sc_call *call);

#pragma GCC visibility pop

#endif
