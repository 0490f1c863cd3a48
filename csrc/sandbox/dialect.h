/* dialect: how one provider spells requests and answers.
 *
 * Names are JSON keys; the *_sql members are expressions over the aliases m (member), t
 * (tag) and s (segment) that give one JSON object. The functions write an answer into
 * call->out and set call->status; they return an enum sc_outcome. Everything else is the
 * same for both. */
#ifndef SC_DIALECT_H
#define SC_DIALECT_H

#include "engine.h"

#pragma GCC visibility push(hidden)

enum sc_kind { SC_KIND_MEMBER, SC_KIND_TAG, SC_KIND_SEGMENT };

/* What an upsert did; the lists are JSON without brackets. */
struct sc_upsert {
    int64_t inserted, updated, errors;
    sqlite3_str *inserted_list, *updated_list, *error_list;
};

struct sc_dialect {
    const char *name, *scheme;
    const char *page_size; /* the query parameter: count or limit */
    const char *tag_flag, *update_existing, *member_ids, *field_name, *campaign_id;
    const char *tag_name, *tag_name_too; /* the second is read when the first is absent */
    const char *tag_query, *segment_name;
    const char *brief_key; /* of the id in a row of an upsert's answer */
    const char *member_sql, *tag_sql, *segment_sql, *process_sql;

    int (*error)(struct sc_call *call, const char *parameter, const char *message);
    int (*list)(struct sc_call *call, const char *items, int64_t count, int64_t total);
    int (*detail)(struct sc_call *call, const char *object);
    int (*created)(struct sc_call *call, enum sc_kind kind, const char *id,
                   const char *object);
    int (*updated)(struct sc_call *call, const char *object);
    int (*deleted)(struct sc_call *call);
    int (*counted)(struct sc_call *call, int64_t count);
    int (*upserted)(struct sc_call *call, const struct sc_upsert *upsert);
};

extern const struct sc_dialect sc_sendcloud, sc_engagelab;

#pragma GCC visibility pop

#endif
