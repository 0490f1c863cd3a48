/* tagging: the names of tags, and which contact has which tag. The operations are in
 * tags.c.
 *
 * The tags of a contact are in its row, in the order in which it got them; who has a tag
 * is known to holders. One contact is at hand at a time: its list is read or begun, is
 * changed, and is written with its row. Tags are found by name and names by tag through
 * small memories, which forget whenever a name may have changed its meaning. */
#ifndef SC_TAGGING_H
#define SC_TAGGING_H

#include "engine.h"

#pragma GCC visibility push(hidden)

/* Takes a contact at hand: one without tags, as a new one is; the one with that id; the
 * one whose row has this list of count tags. */
void sc_tagging_begin(struct sc_box *box);
int sc_tagging_read(struct sc_box *box, int64_t member);
int sc_tagging_use(struct sc_box *box, const void *list, int count);
/* Gives the contact at hand a tag, or takes it away; *changed counts up when that changed
 * anything. */
int sc_tagging_give(struct sc_box *box, int64_t member, int64_t tag, int *changed);
int sc_tagging_take(struct sc_box *box, int64_t member, int64_t tag, int *changed);
/* Leaves it none but these. */
int sc_tagging_keep(struct sc_box *box, int64_t member, const int64_t *tags, int count,
                    int *changed);
/* A contact with this list of count tags is deleted. */
int sc_tagging_leave(struct sc_box *box, int64_t member, const void *list, int count);
/* Writes the list into its row. */
int sc_tagging_write(struct sc_box *box, int64_t member);

/* Lists as rows keep them: how many tags so many bytes are, and the tag at a place. */
#define SC_TAGGING_WIDTH        8
#define SC_TAGGING_COUNT(bytes) ((bytes) / SC_TAGGING_WIDTH)
int64_t sc_tagging_at(const void *list, int place);

/* Why name cannot be a tag's; NULL when it can. */
const char *sc_tagging_bad_name(struct sc_box *box, const char *name);
/* Makes a tag; the name is known to be new. */
int sc_tagging_make(struct sc_box *box, const char *name, int64_t *tag);
/* The tag of that name. SC_REFUSED: there is none. */
int sc_tagging_find(struct sc_box *box, const char *name, int64_t *tag);
/* Adds the name of a tag to out, as a JSON string. SC_REFUSED: there is no such tag. */
int sc_tagging_name(struct sc_box *box, sqlite3_str *out, int64_t tag);
/* Names may have changed. */
void sc_tagging_forget(struct sc_box *box);

#pragma GCC visibility pop

#endif
