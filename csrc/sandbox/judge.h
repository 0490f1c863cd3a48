/* judge: whether a text is JSON (RFC 8259).
 *
 * It says yes where SQLite's json_valid does: spec/c/fuzz_judge.c holds the two beside
 * each other. SQLite's makes a tree of the text, which took a sixth of an upsert. Whether
 * the text is UTF-8 is not asked here. */
#ifndef SC_JUDGE_H
#define SC_JUDGE_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

#define SC_JUDGE_DEPTH 1000 /* containers in each other; SQLite takes as many or more */

/* The text has a NUL behind its len bytes. */
int sc_judge_json(const char *text, size_t len);

#pragma GCC visibility pop

#endif
