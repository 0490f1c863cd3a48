/* tags: named labels on contacts, what other files need of them.
 *
 * Names and making; who has which tag is tagging's, and the operations are declared in
 * engine.h. */
#ifndef SC_TAGS_H
#define SC_TAGS_H

#include "engine.h"

/* Why name cannot be a tag's; NULL when it can. */
const char *sc_tags_bad_name(struct sc_box *box, const char *name);
/* Makes a tag; the name is known to be new. */
int sc_tags_make(struct sc_box *box, const char *name, int64_t *tag);

#endif
