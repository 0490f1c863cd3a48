/* condition: what a list or a segment is filtered by, from JSON to SQL.
 *
 * A struct sc_condition is read from a request's body or from a stored segment and
 * compiled to a struct sc_select: the FROM and WHERE behind "SELECT ..." over the
 * contact's alias m. Both own their texts; free them. A select counts on nothing but
 * the store and the switches. */
#ifndef SC_CONDITION_H
#define SC_CONDITION_H

#include "engine.h"

#pragma GCC visibility push(hidden)

#define SC_ITEMS_MAX 10

enum sc_op {
    SC_EQ,
    SC_NE,
    SC_GT,
    SC_GE,
    SC_LT,
    SC_LE,
    SC_EXIST,
    SC_CONTAIN,
    SC_NOT_CONTAIN
};

/* Where a condition stands: it decides which operators and fields the documents allow. */
enum sc_place {
    SC_PLACE_MEMBERS, /* list and batch delete: all nine operators, no campaign */
    SC_PLACE_SEGMENT_FIELD, /* segment type 0, and the further condition on its members */
    SC_PLACE_SEGMENT_CAMPAIGN /* segment type 1: campaign only */
};

struct sc_item {
    char *field, *value;
    enum sc_op op;
    int has_campaign;
    int64_t campaign;
};

struct sc_condition {
    int any; /* relation "or" */
    int count; /* 0: everybody */
    struct sc_item items[SC_ITEMS_MAX];
};

/* Texts for the ? of a select, in order. */
#define SC_VALUES_MAX (SC_ITEMS_MAX * 3)

struct sc_select {
    sqlite3_str *sql; /* "member m WHERE …" */
    const char *column; /* the column that a list is ordered by: "m.id" or "d.member" */
    const char
        *values[SC_VALUES_MAX]; /* borrowed from the condition, or owned: see owned */
    char *owned[SC_VALUES_MAX];
    int count, owned_count;
    int everybody; /* nothing narrows it */
    int filtered; /* something beyond the drive does */
    int aged; /* a range of ages does, and nothing else: */
    int64_t from, to; /* ids, of whole seconds */
    enum sc_drive { SC_DRIVE_MEMBER, SC_DRIVE_TAG, SC_DRIVE_SEGMENT } drive;
    int64_t drive_id;
};

/* Why a condition cannot be: the parameter's role and the words. */
struct sc_problem {
    enum sc_bad { SC_BAD_FIELD, SC_BAD_OP, SC_BAD_VALUE, SC_BAD_CAMPAIGN } what;
    char message[256];
};

/* Reads body.condition; absent or null is everybody. */
int sc_condition_read(struct sc_call *call, enum sc_place place,
                      struct sc_condition *condition);
/* Reads what sc_condition_json wrote. */
int sc_condition_load(struct sc_box *box, const char *relation, const char *json,
                      struct sc_condition *condition);
/* The neutral JSON that a segment keeps, for sqlite3_free. */
int sc_condition_json(struct sc_box *box, const struct sc_condition *condition,
                      char **json);
void sc_condition_free(struct sc_condition *condition);

/* Starts a select; drive and id narrow it to the members of a tag or a segment. */
void sc_select_init(struct sc_box *box, struct sc_select *select, enum sc_drive drive,
                    int64_t id);
/* Adds a condition. SC_REFUSED fills problem. */
int sc_select_where(struct sc_box *box, struct sc_select *select,
                    const struct sc_condition *condition, struct sc_problem *problem);
void sc_select_free(struct sc_select *select);
/* A refusal in the words of the dialect. */
int sc_condition_refuse(struct sc_call *call, const struct sc_problem *problem);

#pragma GCC visibility pop

#endif
