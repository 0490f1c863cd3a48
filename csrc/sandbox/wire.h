/* wire: the bytes of a request made usable: percent-encoding, base64, UTF-8, numbers.
 *
 * Pure functions over the caller's memory; nothing here knows a store or a dialect. */
#ifndef SC_WIRE_H
#define SC_WIRE_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* Code points in len bytes, or -1 if they are not UTF-8 (surrogates and overlong forms
 * are not). */
int64_t sc_wire_characters(const char *text, size_t len);
/* Whether c is one of a-z A-Z 0-9 _. */
int sc_wire_word(unsigned char c);
/* Decodes %XX (and + when plus) in place. Returns the new length, or -1 for a bad escape,
 * a NUL or what is not UTF-8. */
long sc_wire_decode(char *text, int plus);
/* A whole decimal number with white space around it; returns whether it is one. */
int sc_wire_integer(const char *text, int64_t *value);
/* Whether text is a decimal number: sign, digits, fraction, exponent; white space around
 * it. */
int sc_wire_is_number(const char *text);
/* base64 of a:b as a new text for sqlite3_free; NULL: no memory. */
char *sc_wire_credential(const char *user, const char *key);
/* Whether value is "<scheme> <credential>", white space tolerated, scheme in any letter
 * case. */
int sc_wire_authorized(const char *value, const char *scheme, const char *credential);
/* Whether a JSON text of len bytes holds no NUL, neither as a byte nor as an escape, and
 * no escape that is half of a surrogate pair: SQLite cannot say either. */
int sc_wire_json_bytes(const char *text, size_t len);
/* Days since 1970 of a civil date; returns whether there is such a date. */
int sc_wire_civil(int year, int month, int day, int64_t *days);
/* Year, month and day of days since 1970. */
void sc_wire_date(int64_t days, int *year, int *month, int *day);

#pragma GCC visibility pop

#endif
