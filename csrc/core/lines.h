/* lines: a page of members in JSON becomes lines of CSV, TSV or JSONL.
 *
 * What the keys mean is told by the caller; nothing here spells one. Columns are parts of
 * a member or fields of its map of fields; with `finding` set every field that turns up
 * for the first time becomes a column behind the others. Members whose id came before are
 * left out (ids.h). Owns its tables and no page: SC_BUF_PAD zero bytes must stand behind
 * the text handed in. Does no I/O but that of ids.h. */
#ifndef SC_LINES_H
#define SC_LINES_H

#include "buf.h"
#include "ids.h"

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

#define SC_LINES_PARTS   32 /* parts of a member */
#define SC_LINES_KEYS    64 /* keys of a member, alternatives included */
#define SC_LINES_COLUMNS 2000

/* A name in the text of the struct sc_lines, where it stands as in JSON: between quotes
 * and with a colon behind. `at` is its own first byte. */
struct sc_lines_name {
    uint32_t at, len;
};

/* A key of the service's JSON. */
struct sc_lines_key {
    struct sc_lines_name name;
    uint8_t part;
    uint8_t rank; /* 0 for the key that wins over the part's others */
};

enum sc_lines_kind {
    SC_LINES_NOTHING = 0, /* absent or null */
    SC_LINES_PLAIN, /* a string without escapes */
    SC_LINES_ESCAPED, /* a string with escapes */
    SC_LINES_BARE, /* a number, true or false */
    SC_LINES_NEST, /* an object or an array */
};

struct sc_lines_value {
    const char *at; /* a string's: behind its opening quote */
    uint32_t len;
    uint8_t kind;
    uint8_t rank;
    uint8_t tight; /* no white space between its tokens */
};

struct sc_lines_column {
    struct sc_lines_name name; /* of the field */
    struct sc_lines_name json; /* its key in JSONL: quoted, with the colon */
    int part; /* of the member, -1: a field, -2: one whose name needs escapes in JSON */
    struct sc_lines_value value; /* of the member being read */
};

struct sc_lines {
    struct sc_buf text, scratch;
    char separator; /* 0: JSONL */
    char guard; /* cells that a spreadsheet would run are kept from it */
    char finding;
    char crlf;
    struct sc_lines_key keys[SC_LINES_KEYS], list_keys[4], total_keys[4];
    size_t key_count, list_count, total_count, part_count;
    int id_part, fields_part;
    struct sc_lines_name part_names[SC_LINES_PARTS]; /* for JSONL */
    struct sc_lines_value parts[SC_LINES_PARTS];
    struct sc_lines_column *columns;
    size_t column_count, column_room, first_field;
    uint8_t guess[SC_LINES_KEYS]; /* the key at each place of a member last time */
    struct sc_ids ids;
    const char *hashed; /* the id of the member being read whose hash is there already */
    uint64_t hash;
};

/* What a page brought. */
struct sc_lines_page {
    size_t received; /* members in it */
    size_t written; /* lines made of them */
    int64_t total; /* as the service has it; -1: it does not say */
    const char *problem;
};

void sc_lines_init(struct sc_lines *l);
void sc_lines_free(struct sc_lines *l);

/* Keeps a name, or (as it is) a piece of JSON. Returns SC_BUF_*. */
int sc_lines_name(struct sc_lines *l, const char *s, size_t n, struct sc_lines_name *out);
int sc_lines_text(struct sc_lines *l, const char *s, size_t n, struct sc_lines_name *out);

/* Adds a column. Returns 0, or -1 where memory or SC_LINES_COLUMNS is short. */
int sc_lines_column(struct sc_lines *l, const char *name, size_t n, int part);

/* Adds the lines of a page to out and, where it is not NULL, the hashes of their ids,
 * eight bytes each, to ids. Returns 0; -1: memory is short; -2: the text is no such page,
 * with a problem; SC_IDS_FILE. On failure out, ids and (where it is the text) the set of
 * ids are as before. All lines of a page have the same columns. */
int sc_lines_page(struct sc_lines *l, const char *json, size_t n, struct sc_buf *out,
                  struct sc_buf *ids, struct sc_lines_page *page);

/* lines_fast.c */

/* Reads the member whose brace is at s into the parts and columns, which hold nothing
 * yet, if it is of the common kind. Returns the place behind it, or NULL: nothing is
 * known then. */
const char *sc_lines_fast(struct sc_lines *l, const char *s);

/* lines_write.c */

/* Adds the line of the member that was read; raw is the length of its JSON. Returns
 * SC_BUF_*. */
int sc_lines_write(struct sc_lines *l, struct sc_buf *out, size_t raw);

/* Adds a cell as a line would have it. Returns SC_BUF_*. */
int sc_lines_cell(struct sc_lines *l, struct sc_buf *out, const char *s, size_t n);

/* How many of the n bytes the first `lines` lines take. */
size_t sc_lines_cut(const char *s, size_t n, size_t lines);

/* Copies lines and puts `missing` separators before each of their ends; *quoted says
 * whether the text begins, and then ends, within quotes. Returns SC_BUF_*. */
int sc_lines_pad(const struct sc_lines *l, const char *s, size_t n, size_t missing,
                 int *quoted, struct sc_buf *out);

#pragma GCC visibility pop

#endif
