/* engine: what the files of the engine share: the box itself, one call in progress,
 * refusals.
 *
 * Private to this folder; box.h is what others include. A struct sc_call lives for one
 * request; texts it hands around belong to SQLite's statements or to itself and end with
 * the call. Functions that act on a call return an enum sc_outcome: SC_DONE with the
 * answer written, SC_REFUSED with an error answer written, SC_FAILED when SQLite or
 * memory failed. */
#ifndef SC_ENGINE_H
#define SC_ENGINE_H

#include "box.h"
#include "switches.h"

#include <sqlite3.h>

#pragma GCC visibility push(hidden)

enum sc_outcome { SC_DONE = 0, SC_REFUSED = 1, SC_FAILED = -1 };

#define SC_FIELDS_MAX     47 /* 50 with Email, Name and Phone */
#define SC_STATEMENTS_MAX 256 /* slots of the statement cache, a power of two */
#define SC_VIEWS_MAX      8
#define SC_TAG_NAMES_MAX  1024 /* a power of two */

enum sc_field_type { SC_TEXT, SC_NUMBER, SC_DATE, SC_BIRTHDAY, SC_DROPDOWN };

struct sc_field {
    char *name;
    char *format; /* NULL: the type's first */
    int type; /* enum sc_field_type */
};

/* Where a page of a list ended, so that the next page need not count its way there. */
struct sc_anchor {
    int64_t offset; /* rows before this place */
    int64_t id; /* the last of them */
};

/* A list that somebody pages through; valid while the version it saw is the store's. */
struct sc_view {
    char *key;
    int64_t version;
    int64_t total;
    int64_t used;
    struct sc_anchor *anchors; /* by offset */
    size_t anchor_count, anchor_cap;
};

/* The contacts that have one tag. */
struct sc_holders {
    int64_t tag; /* 0: an empty slot */
    int64_t *members; /* the first sorted of them by id; negative: has it no more */
    size_t count, cap, sorted, gone;
};

struct sc_tag_change {
    int64_t tag, member; /* negative: was taken away */
};

struct sc_tag_index {
    struct sc_holders *tags; /* cap of them, a power of two; used are not empty */
    size_t cap, used;
    struct sc_tag_change *undo; /* what the running transaction did */
    size_t undo_count, undo_cap;
};

/* The tags of a contact in the order in which it got them, as its row keeps them: eight
 * bytes each, the lowest first. */
struct sc_tag_list {
    unsigned char *bytes;
    int count, cap; /* of tags */
};

struct sc_address {
    int64_t member;
    uint64_t hash;
};

struct sc_address_change {
    int64_t member;
    uint64_t hash;
    int added;
};

struct sc_addresses {
    struct sc_address *entries; /* cap of them, a power of two; used are not empty */
    size_t cap, used;
    struct sc_address_change *undo; /* what the running transaction did */
    size_t undo_count, undo_cap;
};

struct sc_tag_name {
    int64_t tag; /* 0: nothing remembered here */
    char name[120];
};

/* The other way: a tag's name as JSON. */
struct sc_tag_text {
    int64_t tag;
    int len;
    char text[116];
};

struct sc_box {
    sqlite3 *db;
    struct {
        const char *sql; /* a literal: its address is the key */
        sqlite3_stmt *statement;
    } statements[SC_STATEMENTS_MAX];
    char error[256];
    int failing; /* the running transaction must not be committed */
    char *credential; /* base64(user:key) */
    int examples; /* the documents' own is accepted too */
    uint64_t seed, machine;
    int64_t counter; /* of the next id, 24 bits */
    int64_t members; /* how many there are */
    int64_t saved_counter, saved_members;
    int standing; /* clock_ms is the time; else it is added to the machine's */
    int64_t clock_ms;
    int64_t moment_ms; /* a running clock's time for the request that is answered */
    int answering; /* one is: it happens at one moment */
    struct {
        long value;
        char text[24];
    } switches[SC_SW_COUNT];
    uint64_t assumed; /* switches that the running answer was built on, a bit each */
    struct sc_field fields[SC_FIELDS_MAX];
    int field_count;
    int64_t due; /* ms at which the next segment is evaluated; INT64_MAX: none */
    int64_t version,
        set_version; /* grow when anything, or the set of contacts, changed */
    struct sc_view views[SC_VIEWS_MAX];
    int64_t view_clock;
    struct sc_addresses addresses;
    int found_unsubscribed; /* the contact whose address was found last */
    struct sc_tag_index tag_index;
    struct sc_tag_list tag_list; /* of the contact at hand */
    struct sc_tag_name tag_names[SC_TAG_NAMES_MAX];
    struct sc_tag_text tag_texts[SC_TAG_NAMES_MAX];
    int detail; /* fill the *Fmt times */
    int no_list_id; /* say listId null */
    int fail_next; /* the next segment that is created or updated will fail */
    size_t max_body;
};

#define SC_PARAMS_MAX 16

struct sc_param {
    const char *name, *value;
};

struct sc_dialect;

/* One request being answered. */
struct sc_call {
    struct sc_box *box;
    const struct sc_dialect *dialect;
    const struct sc_request *request;
    const char *operation;
    char *target; /* decoded pieces of the request's target point into it */
    const char *id; /* from the path; NULL */
    struct sc_param params[SC_PARAMS_MAX];
    size_t param_count;
    const char *body; /* checked JSON object; "{}" when there was none */
    int body_len;
    int status;
    int plain; /* the answer is text/plain */
    const char *allow;
    sqlite3_str *out;
};

/* Writes the dialect's error answer in place of whatever was there. Returns SC_REFUSED.
 */
int sc_call_refuse(struct sc_call *call, int status, const char *parameter,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The documented 404 ("resource not found", EngageLab's 30036). Returns SC_REFUSED. */
int sc_call_missing(struct sc_call *call);
/* A query parameter by name, or NULL. */
const char *sc_call_param(const struct sc_call *call, const char *name);
/* offset and count (or limit) of a page. */
int sc_call_page(struct sc_call *call, int64_t *offset, int64_t *count);

/* Seconds now, between 0 and what an id can hold. */
int64_t sc_box_seconds(const struct sc_box *box);
/* Records why something failed. Returns SC_FAILED. */
int sc_box_fail(struct sc_box *box, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The operations; operations.c has the table. */
int sc_members_upsert(struct sc_call *call);
int sc_members_delete(struct sc_call *call);
int sc_members_delete_where(struct sc_call *call);
int sc_members_update(struct sc_call *call);
int sc_members_get(struct sc_call *call);
int sc_members_list(struct sc_call *call);
int sc_tags_create(struct sc_call *call);
int sc_tags_delete(struct sc_call *call);
int sc_tags_update(struct sc_call *call);
int sc_tags_list(struct sc_call *call);
int sc_tags_add(struct sc_call *call);
int sc_tags_remove(struct sc_call *call);
int sc_tags_members(struct sc_call *call);
int sc_segments_create(struct sc_call *call);
int sc_segments_delete(struct sc_call *call);
int sc_segments_update(struct sc_call *call);
int sc_segments_get(struct sc_call *call);
int sc_segments_list(struct sc_call *call);
int sc_segments_progress(struct sc_call *call);
int sc_segments_members(struct sc_call *call);
int sc_segments_remove_members(struct sc_call *call);

#pragma GCC visibility pop

#endif
