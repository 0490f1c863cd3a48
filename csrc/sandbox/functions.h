/* functions: what the engine adds to SQLite's SQL.
 *
 *   sc_id(id)            24 hexadecimal digits
 *   sc_time(s, style)    a time at UTC+8: 0 SendCloud's spelling, 1 EngageLab's,
 *                        2 SendCloud's *Fmt (null except in details); null stays null
 *   sc_number(text)      the number it spells, or null
 *   sc_day(text, style)  a date as a number that sorts, or null (enum sc_day_style)
 *   sc_compare(a, b)     -1, 0, 1: as numbers if both are, else as texts; null if one is
 *   sc_field(key)        the defined spelling of a field's name; null: drop the key
 *   sc_account(what)     0 userId, 1 listId, 2 empty_tags, 3 create_date
 *   sc_percent(status, started, finish)   how far the evaluation of a segment is
 */
#ifndef SC_FUNCTIONS_H
#define SC_FUNCTIONS_H

#include "engine.h"

enum sc_day_style { SC_DAY_MDY, SC_DAY_DMY, SC_DAY_MD, SC_DAY_DM };

int sc_functions_register(struct sc_box *box);
/* The style of a date or birthday field. */
enum sc_day_style sc_functions_style(const struct sc_field *field);
/* The number behind a date in that style (or YYYY-MM-DD); returns whether text is one. */
int sc_functions_day(const char *text, enum sc_day_style style, int64_t *value);
/* Seconds from..to (to excluded) that a date, or a date and time, at UTC+8 means. */
int sc_functions_span(const char *text, int64_t *from, int64_t *to);

#endif
