/* tags: named labels on contacts. What other files need of them. */
#ifndef SC_TAGS_H
#define SC_TAGS_H

#include "engine.h"

/* Why name cannot be a tag's; NULL when it can. */
const char *sc_tags_bad_name(struct sc_box *box, const char *name);
int sc_tags_make(struct sc_box *box, const char *name, int64_t *tag);

#endif
