/* rows: from source rows to request bodies, and from answers to one verdict a row.
 *
 * A plan says how a row becomes a member object: which cell goes under which key. It is
 * made of JSON text that the caller wrote, so nothing here spells a key. A batch is one
 * request: its rows, their source text, and where each member object lies in the body.
 * The body itself is the caller's buffer, handed in at every call, so that the HTTP
 * engine can send it as it is. Rows that repeat an address (letter case aside) within a
 * batch are folded: the last one is sent. Does no I/O; owns everything but the bodies. */
#ifndef SC_ROWS_H
#define SC_ROWS_H

#include "buf.h"
#include "csv.h"

#include <stdint.h>

#pragma GCC visibility push(hidden)

#define SC_ROWS_SLOTS 64 /* batches that can be alive at a time */

/* Where a piece of text lies in the plan's buffer. */
struct sc_rows_text {
    uint32_t at, len;
};

enum sc_rows_use {
    SC_ROWS_ADDRESS, /* the address: trimmed, required */
    SC_ROWS_TEXT, /* a string member of its own, left out where the cell is empty */
    SC_ROWS_FIELD, /* a string under the map of fields */
    SC_ROWS_TAGS, /* names split at ';' */
};

/* One step of writing a member object. Steps are in the order of enum sc_rows_use. */
struct sc_rows_step {
    enum sc_rows_use use;
    uint32_t cell; /* index of the cell it takes */
    uint32_t max; /* characters a value (a tag's name) may have; 0: no limit */
    struct sc_rows_text key; /* `"Gender":"`: everything up to the value's first byte */
    struct sc_rows_text target; /* the key in a table of the member or of its fields */
    struct sc_rows_text name; /* the column's name, for reasons */
};

struct sc_rows_plan {
    struct sc_buf text;
    struct sc_rows_step *steps;
    size_t count, room;
    size_t fixed; /* bytes a member takes besides its cells, at most */
    struct sc_rows_text head, tail; /* of the request */
    struct sc_rows_text fields, tags; /* `,"fields":{` and `,"tags":[` */
    struct sc_rows_text more_tags; /* `"a","b",`: added to every member */
    uint32_t address_at; /* of an address's first byte in its object */
    int has_tags; /* tags are always written, an empty list too */
    size_t columns; /* cells that a row should have at most */
};

enum sc_rows_state {
    SC_ROWS_SENT = 0, /* no verdict yet */
    SC_ROWS_REFUSED, /* by a check here: never sent */
    SC_ROWS_FOLDED, /* a later row of the batch took its place and decides */
    SC_ROWS_TAKEN, /* inserted or updated */
    SC_ROWS_REJECTED, /* by the service */
    SC_ROWS_UNKNOWN, /* the service may have acted, or not */
};

/* A source row of a batch. */
struct sc_rows_entry {
    uint64_t line; /* physical line it begins on */
    uint32_t raw, raw_len; /* its text in the batch's raw */
    uint32_t body, body_len; /* its object in the body */
    uint32_t address_len; /* as written in the object */
    uint32_t note, note_len; /* why it was refused, in the batch's notes */
    uint32_t shown, shown_len; /* the address of a row refused here, in raw */
    uint32_t winner; /* the row that took its place */
    uint8_t state; /* enum sc_rows_state */
    uint8_t broken; /* its text is no row that could be read again */
};

struct sc_rows_batch {
    struct sc_buf raw, notes;
    struct sc_rows_entry *rows;
    size_t count, room;
    uint32_t *members; /* the row of each object in the body; made by sc_rows_close */
    size_t sent, members_room;
    size_t refused, folded;
    size_t ragged; /* rows with something in a cell behind the last column */
    size_t inserted, updated; /* of the rows taken, as the answers have it */
    uint64_t offset, line; /* in the source: of its first row */
    uint64_t end_offset, end_line; /* behind its last row */
    uint64_t blocked; /* slots whose batch holds one of its addresses */
    unsigned slot;
    uint32_t generation; /* 0: not alive */
};

/* Which addresses are in the batches that are alive. */
struct sc_rows_mark {
    uint64_t hash;
    uint32_t generation; /* 0: never used */
    uint16_t slot, row;
};

struct sc_rows_fold {
    struct sc_rows_mark *marks;
    size_t size, used; /* size is a power of two */
    uint64_t seed;
    uint32_t last; /* generation given out last */
    uint32_t generation[SC_ROWS_SLOTS]; /* of the batch in each slot, 0: none */
};

/* What the keys of an answer mean. */
enum sc_rows_role {
    SC_ROWS_IS_INSERTED = 0, /* list of the addresses inserted */
    SC_ROWS_IS_UPDATED,
    SC_ROWS_IS_ERRORS,
    SC_ROWS_IS_INSERTED_COUNT,
    SC_ROWS_IS_UPDATED_COUNT,
    SC_ROWS_IS_ADDRESS, /* in an element of a list */
    SC_ROWS_IS_MESSAGE,
    SC_ROWS_IS_NOTHING,
};

struct sc_rows_key {
    enum sc_rows_role role;
    struct sc_rows_text text;
};

struct sc_rows_keys {
    struct sc_buf text;
    struct sc_rows_key *keys;
    size_t count;
    int unlisted_taken; /* a row that the answer does not name was there and left as it is
                         */
};

struct sc_rows_verdicts {
    size_t rows, inserted, updated, rejected, unknown, folded;
    size_t open; /* rows without a verdict */
};

struct sc_rows {
    struct sc_csv csv;
    struct sc_rows_plan plan;
    struct sc_rows_keys keys;
    struct sc_rows_fold fold;
    size_t batch_rows, batch_bytes;
    uint64_t left; /* rows that may still be read */
    int forgetful; /* nobody will ask for the text of a row that was refused */
    size_t body_seen, count_seen; /* of the largest batch: new ones are made so */
};

enum sc_rows_status {
    SC_ROWS_FULL = 1, /* the batch is full */
    SC_ROWS_MORE, /* feed more */
    SC_ROWS_END, /* the source is at its end, or the limit was reached */
    SC_ROWS_NOMEM = -1,
};

/* Room for n bytes more, most often without a call. Returns SC_BUF_*. */
static inline int sc_rows_room(struct sc_buf *b, size_t n)
{
    return b->data && !b->locks && b->cap - b->len >= n ? SC_BUF_OK
                                                        : sc_buf_reserve(b, n);
}

/* rows_plan.c */
void sc_rows_plan_init(struct sc_rows_plan *p);
void sc_rows_plan_free(struct sc_rows_plan *p);
int sc_rows_plan_text(struct sc_rows_plan *p, const char *s, size_t n,
                      struct sc_rows_text *out);
struct sc_rows_step *sc_rows_plan_step(struct sc_rows_plan *p);
void sc_rows_plan_measure(struct sc_rows_plan *p);
static inline const char *sc_rows_plan_at(const struct sc_rows_plan *p,
                                          struct sc_rows_text t)
{
    return p->text.data + t.at;
}

/* rows_write.c */

/* Writes the row that the scanner holds as a member object and a comma behind body, or
 * refuses it: *reason is then its text (in notes). Returns 1 written, 0 refused, negative
 * SC_ROWS_NOMEM. */
int sc_rows_write(struct sc_rows *r, struct sc_rows_batch *b, struct sc_buf *body,
                  struct sc_rows_entry *e);

/* rows_fold.c */
int sc_rows_fold_init(struct sc_rows_fold *f, size_t live, uint64_t seed);
void sc_rows_fold_free(struct sc_rows_fold *f);
/* Gives the batch a slot and a generation. Returns 0, or -1 where all slots are taken. */
int sc_rows_fold_open(struct sc_rows_fold *f, struct sc_rows_batch *b);
void sc_rows_fold_close(struct sc_rows_fold *f, struct sc_rows_batch *b);
/* Enters the rows of b whose objects are in the body; folds earlier ones of the same
 * address into the last and notes the other batches that hold it. Returns 0, or
 * SC_ROWS_NOMEM. */
int sc_rows_fold(struct sc_rows_fold *f, struct sc_rows_batch *b,
                 const struct sc_buf *body, uint32_t address_at);

/* The row of b whose address is the n bytes (as the body writes it), or -1. */
long sc_rows_fold_find(const struct sc_rows_fold *f, const struct sc_rows_batch *b,
                       const struct sc_buf *body, uint32_t address_at,
                       const char *address, size_t n);

/* rows_batch.c */
void sc_rows_batch_init(struct sc_rows_batch *b);
void sc_rows_batch_free(struct sc_rows_batch *b);
/* Empties the batch for rows from the scanner's place on; the body gets the request's
 * head. */
int sc_rows_begin(struct sc_rows *r, struct sc_rows_batch *b, struct sc_buf *body);
/* Adds rows until the batch is full, the source is at its end or more has to be fed.
 * Returns an enum sc_rows_status. */
int sc_rows_fill(struct sc_rows *r, struct sc_rows_batch *b, struct sc_buf *body);
/* A new entry for a row whose source text is raw (n bytes, which may be 0). */
struct sc_rows_entry *sc_rows_entry(struct sc_rows_batch *b, uint64_t line,
                                    const char *raw, size_t n);
/* Enters the object that somebody else wrote at `from` in the body as the batch's last
 * entry: trims its address, checks it, adds a comma. Returns 1, 0 where the row was
 * refused (the object is gone then), SC_ROWS_NOMEM, or -2 for an object that does not
 * begin with the address. */
int sc_rows_enter(struct sc_rows *r, struct sc_rows_batch *b, struct sc_buf *body,
                  size_t from);
/* Reads the next row without writing it, where the body has so many bytes: an entry for
 * it is the batch's last. Returns 0 when the scanner holds a row, or an enum
 * sc_rows_status. Rows that cannot be read are refused. */
int sc_rows_next(struct sc_rows *r, struct sc_rows_batch *b, size_t bytes);
/* Marks the entry as refused here, for the reason given. */
int sc_rows_refuse(struct sc_rows_batch *b, struct sc_rows_entry *e, const char *reason,
                   size_t n);
/* Folds rows, takes their objects out of the body, ends it and lists its members. */
int sc_rows_close(struct sc_rows *r, struct sc_rows_batch *b, struct sc_buf *body);
/* A request of the members first to last (from 0) only. Returns SC_BUF_*. */
int sc_rows_slice(const struct sc_rows_plan *p, const struct sc_rows_batch *b,
                  const struct sc_buf *body, size_t first, size_t last,
                  struct sc_buf *out);
/* Gives the members first to last a verdict that needs no answer. */
int sc_rows_judge(struct sc_rows_batch *b, size_t first, size_t last,
                  enum sc_rows_state state, const char *reason, size_t n);
/* Gives every row the verdict of the one that took its place, and counts them. */
void sc_rows_settle(struct sc_rows_batch *b, struct sc_rows_verdicts *v);
/* The address of a row, for the eyes of who mends it. */
const char *sc_rows_address(const struct sc_rows *r, const struct sc_rows_batch *b,
                            const struct sc_buf *body, const struct sc_rows_entry *e,
                            size_t *n);
/* Adds a line for every row that was refused here or by the service: line number,
 * address, reason, the row itself. Returns SC_BUF_*. */
int sc_rows_rejects(const struct sc_rows *r, const struct sc_rows_batch *b,
                    const struct sc_buf *body, struct sc_buf *out);

/* rows_pass.c */
/* Counts the objects of the list whose first element s stands at, without looking into
 * their strings. Returns the place behind the list, or NULL where it does not end. */
const char *sc_rows_count_objects(const char *s, const char *end, size_t *objects);

/* rows_answer.c */
void sc_rows_keys_init(struct sc_rows_keys *k);
void sc_rows_keys_free(struct sc_rows_keys *k);
int sc_rows_keys_add(struct sc_rows_keys *k, enum sc_rows_role role, const char *key,
                     size_t n);
/* Reads the answer to a request of the members first to last and judges them. Returns 0,
 * SC_ROWS_NOMEM, or -2 with *problem where the answer is none; nothing was judged then.
 */
int sc_rows_answer(const struct sc_rows *r, struct sc_rows_batch *b,
                   const struct sc_buf *body, const char *answer, size_t len,
                   size_t first, size_t last, const char **problem);

#pragma GCC visibility pop

#endif
