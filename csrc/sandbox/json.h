/* json: walks over a JSON text that was found valid.
 *
 * judge says what is JSON; SQLite's json_tree is the way to read little of it. A body of
 * a thousand contacts is walked here, in place: entries are slices of the text, and
 * nothing is allocated. On a text that is not valid JSON any of this may run past its
 * end. */
#ifndef SC_JSON_H
#define SC_JSON_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

enum sc_json_type {
    SC_JSON_NULL,
    SC_JSON_TEXT,
    SC_JSON_OBJECT,
    SC_JSON_ARRAY,
    SC_JSON_OTHER /* numbers, true, false */
};

struct sc_json {
    const char *at;
    size_t len; /* a text's is with its quotes */
};

/* The value in a text, without the white space around it; not measured: its len is 0. */
struct sc_json sc_json_value(const char *text);
struct sc_json sc_json_begin(const char *text);
enum sc_json_type sc_json_type(struct sc_json value);

/* Goes through an object or an array: *next begins as {0}, and entries come in the
 * order of the text; an array's have no key (len 0). Returns whether there was one
 * more. */
int sc_json_each(struct sc_json container, struct sc_json *next, struct sc_json *key,
                 struct sc_json *value);
/* The same, but the entry is not measured: that took reading it. Before the next one
 * it is to be measured, or, when its own entries were gone through to the end, left:
 * inner is what their next was. */
int sc_json_peek(struct sc_json container, struct sc_json *next, struct sc_json *key,
                 struct sc_json *value);
void sc_json_measure(struct sc_json *value, struct sc_json *next);
void sc_json_leave(struct sc_json *value, struct sc_json inner, struct sc_json *next);
/* How many entries there are. */
size_t sc_json_count(struct sc_json container);

/* What a text says, as UTF-8 with a NUL at its end, into value.len - 1 bytes or more.
 * Returns the bytes before the NUL. */
size_t sc_json_text(struct sc_json value, char *out);
/* Whether a text says that. */
int sc_json_says(struct sc_json value, const char *words);
/* Whether SQLite would write the value in these very bytes: no white space between its
 * parts, no escapes. */
int sc_json_is_tight(struct sc_json value);

#pragma GCC visibility pop

#endif
