/* segments: saved conditions whose members are found in the background.
 *
 * An evaluation takes segment_ms of the box's clock. Nothing runs meanwhile: how far it
 * is follows from the clock, and the members are found when the clock has passed its end.
 */
#ifndef SC_SEGMENTS_H
#define SC_SEGMENTS_H

#include "engine.h"

#pragma GCC visibility push(hidden)

/* Ends the evaluations that are due by the clock. */
int sc_segments_tick(struct sc_box *box);
/* Contacts, tags or events changed: where segments follow, those that are ready are
 * evaluated again. */
int sc_segments_follow(struct sc_box *box);

#pragma GCC visibility pop

#endif
