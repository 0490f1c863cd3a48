/* functions: what the engine adds to SQLite's SQL.
 *
 * The functions are listed in functions.c, at their registration. They live as long as
 * the connection and are for the engine's own statements. */
#ifndef SC_FUNCTIONS_H
#define SC_FUNCTIONS_H

#include "engine.h"

#pragma GCC visibility push(hidden)

/* Bits: letter case counts not; texts that are both numbers are compared as numbers. */
enum sc_compare { SC_COMPARE_FOLD = 1, SC_COMPARE_NUMBERS = 2 };

enum sc_day_style { SC_DAY_MDY, SC_DAY_DMY, SC_DAY_MD, SC_DAY_DM };

int sc_functions_register(struct sc_box *box);
/* The style of a date or birthday field. */
enum sc_day_style sc_functions_style(const struct sc_field *field);
/* The number behind a date in that style (or YYYY-MM-DD); returns whether text is one. */
int sc_functions_day(const char *text, enum sc_day_style style, int64_t *value);
/* Seconds from..to (to excluded) that a date, or a date and time, at UTC+8 means. */
int sc_functions_span(const char *text, int64_t *from, int64_t *to);

#pragma GCC visibility pop

#endif
