#include "tagging.h"
#include "dialect.h"
#include "holders.h"
#include "listing.h"
#include "members.h"
#include "store.h"
#include "wire.h"

#include <string.h>

#define IDS_MAX 1000

static int of_path(struct sc_call *call, int64_t *tag)
{
    int64_t id = sc_store_id(call->box, call->id, strlen(call->id));
    int found;

    if (sc_store_integer(call->box, tag, &found, "SELECT id FROM tag WHERE id = ?1", "i",
                         id))
        return SC_FAILED;
    return found ? SC_DONE : sc_call_missing(call);
}

static int answer(struct sc_call *call, int64_t tag, int fresh)
{
    char id[25], *json;
    int outcome =
        sc_members_render(call, call->dialect->tag_sql, "tag t", "t.id", tag, &json);

    sc_store_id_text(call->box, tag, id);
    if (outcome == SC_DONE)
        outcome = fresh ? call->dialect->created(call, SC_KIND_TAG, id, json)
                        : call->dialect->updated(call, json);
    sqlite3_free(json);
    return outcome;
}

/* The name in the body as a text for sqlite3_free; NULL: none was sent. */
static int read_name(struct sc_call *call, char **name)
{
    const struct sc_dialect *d = call->dialect;
    char path[40], path_too[40];
    const char *type, *why = NULL;
    sqlite3_stmt *row;
    int outcome = SC_DONE;

    *name = NULL;
    sqlite3_snprintf(sizeof path, path, "$.%s", d->tag_name);
    sqlite3_snprintf(sizeof path_too, path_too, "$.%s", d->tag_name_too);
    row = sc_store_bind(call->box,
                        "SELECT ifnull(json_type(?1, ?2), json_type(?1, ?3)),"
                        " ifnull(json_extract(?1, ?2), json_extract(?1, ?3))",
                        "bss", call->body, call->body_len, path, path_too);
    if (!row || sc_store_step(call->box, row) != 1)
        return SC_FAILED;
    type = sc_store_text(call->box, row, 0);
    if (type && strcmp(type, "null") != 0) {
        if (strcmp(type, "text") != 0)
            why = "the name of a tag is a text";
        else
            why = sc_tagging_bad_name(call->box, sc_store_text(call->box, row, 1));
        if (why)
            outcome = sc_call_refuse(call, 400, d->tag_name, "%s", why);
        else if (!(*name = sqlite3_mprintf("%s", sc_store_text(call->box, row, 1))))
            outcome = sc_box_fail(call->box, "out of memory");
    }
    sqlite3_reset(row);
    return outcome;
}

static int create(struct sc_call *call, const char *name)
{
    int64_t tag;
    int outcome = sc_tagging_find(call->box, name, &tag);

    if (outcome == SC_DONE) {
        if (sc_switches_get(call->box, SC_SW_DUPLICATE_TAG) == 0)
            return sc_call_refuse(call, 400, call->dialect->tag_name,
                                  "tag name already exist");
        return answer(call, tag, 1);
    }
    if (outcome == SC_FAILED || sc_tagging_make(call->box, name, &tag))
        return SC_FAILED;
    return answer(call, tag, 1);
}

int sc_tags_create(struct sc_call *call)
{
    char *name;
    int outcome = read_name(call, &name);

    if (outcome != SC_DONE)
        return outcome;
    if (!name)
        return sc_call_refuse(call, 400, call->dialect->tag_name, "%s is required",
                              call->dialect->tag_name);
    outcome = create(call, name);
    sqlite3_free(name);
    return outcome;
}

/* An item of a condition that names the tag ?1. */
#define NAMES_IT                                                                         \
    "(lower(json_extract(i.value, '$.f')) = 'tag'"                                       \
    " AND json_extract(i.value, '$.o') IN ('==', '!=')"                                  \
    " AND json_extract(i.value, '$.v') = (SELECT name FROM tag WHERE id = ?1))"

/* Whether the condition of a segment names the tag. */
static int is_in_use(struct sc_box *box, int64_t tag, int *used)
{
    int64_t segment;

    return sc_store_integer(box, &segment, used,
                            "SELECT s.id FROM segment s, json_each(s.conditions) i"
                            " WHERE " NAMES_IT " LIMIT 1",
                            "i", tag);
}

/* The conditions that name the tag are to name it otherwise. */
static int rename_conditions(struct sc_box *box, int64_t tag, const char *name)
{
    static const char sql[] =
        "UPDATE segment SET conditions = (SELECT json_group_array(json_object("
        " 'f', json_extract(i.value, '$.f'), 'o', json_extract(i.value, '$.o'),"
        " 'v', iif(" NAMES_IT ", ?2, json_extract(i.value, '$.v')),"
        " 'c', json_extract(i.value, '$.c')))"
        " FROM json_each(segment.conditions) i)"
        " WHERE EXISTS (SELECT 1 FROM json_each(segment.conditions) i WHERE " NAMES_IT
        ")";

    return sc_store_run(box, sql, "is", tag, name);
}

int sc_tags_delete(struct sc_call *call)
{
    int64_t tag;
    int outcome = of_path(call, &tag), used = 0;

    if (outcome != SC_DONE)
        return outcome;
    if (is_in_use(call->box, tag, &used))
        return SC_FAILED;
    if (used && sc_switches_get(call->box, SC_SW_TAG_IN_USE) == 1)
        return sc_call_refuse(call, 400, "", "the condition of a segment names the tag");
    sc_tagging_forget(call->box);
    if (sc_store_run(call->box,
                     "UPDATE member SET tags = sc_without_tag(tags, ?1)"
                     " WHERE id IN (SELECT member FROM holder WHERE tag = ?1)",
                     "i", tag) ||
        sc_holders_clear(call->box, tag) ||
        sc_store_run(call->box, "DELETE FROM tag WHERE id = ?1", "i", tag))
        return SC_FAILED;
    return call->dialect->deleted(call);
}

static int rename_tag(struct sc_call *call, int64_t tag, const char *name)
{
    int64_t other;
    int outcome = sc_tagging_find(call->box, name, &other), used = 0;

    if (outcome == SC_FAILED)
        return outcome;
    if (outcome == SC_DONE && other != tag) {
        sc_switches_get(call->box, SC_SW_DUPLICATE_TAG); /* no choice lets two be one */
        return sc_call_refuse(call, 400, call->dialect->tag_name,
                              "tag name already exist");
    }
    if (is_in_use(call->box, tag, &used))
        return SC_FAILED;
    if (used && sc_switches_get(call->box, SC_SW_TAG_RENAME) == 1 &&
        rename_conditions(call->box, tag, name))
        return SC_FAILED;
    sc_tagging_forget(call->box);
    return sc_store_run(call->box, "UPDATE tag SET name = ?2, updated = ?3 WHERE id = ?1",
                        "isi", tag, name, sc_box_seconds(call->box));
}

int sc_tags_update(struct sc_call *call)
{
    char *name = NULL;
    int64_t tag;
    int outcome = of_path(call, &tag);

    if (outcome == SC_DONE)
        outcome = read_name(call, &name);
    if (outcome == SC_DONE && name)
        outcome = rename_tag(call, tag, name);
    sqlite3_free(name);
    return outcome == SC_DONE ? answer(call, tag, 0) : outcome;
}

int sc_tags_list(struct sc_call *call)
{
    static const char *const from[2][2] = {
        {"FROM tag t WHERE ?1 IS NULL OR instr(lower(t.name), lower(?1)) > 0",
         "FROM tag t WHERE ?1 IS NULL OR instr(t.name, ?1) > 0"},
        {"FROM tag t WHERE ?1 IS NULL OR instr(lower(t.name), lower(?1)) = 1",
         "FROM tag t WHERE ?1 IS NULL OR instr(t.name, ?1) = 1"}};
    const char *name = sc_call_param(call, call->dialect->tag_query);
    long start = name ? sc_switches_get(call->box, SC_SW_TAG_SEARCH) : 0;
    long exact = name ? sc_switches_get(call->box, SC_SW_SEARCH_CASE) : 0;

    return sc_listing_records(call, call->dialect->tag_sql, from[start][exact], "t.id",
                              name, NULL);
}

typedef int act_function(struct sc_box *box, int64_t member, int64_t tag, int *changed);

static int apply_one(struct sc_box *box, int64_t member, int64_t tag, act_function *act,
                     int *changed)
{
    *changed = 0;
    if (sc_tagging_read(box, member) || act(box, member, tag, changed))
        return SC_FAILED;
    return *changed ? sc_tagging_write(box, member) : SC_DONE;
}

static int apply(struct sc_call *call, act_function *act)
{
    int64_t tag, *ids = NULL, count = 0, i, done = 0, member;
    int outcome = of_path(call, &tag), found = 0, changed, changes_only = 0;

    if (outcome == SC_DONE)
        outcome = sc_members_ids(call, IDS_MAX, &ids, &count);
    if (outcome == SC_DONE)
        changes_only = sc_switches_get(call->box, SC_SW_TAG_COUNT) == 1;
    for (i = 0; outcome == SC_DONE && i < count; i++) {
        outcome = sc_store_integer(call->box, &member, &found,
                                   "SELECT id FROM member WHERE id = ?1", "i", ids[i]);
        if (outcome == SC_DONE && !found) {
            outcome = sc_members_unknown(call);
            continue;
        }
        if (outcome != SC_DONE)
            break;
        outcome = apply_one(call->box, member, tag, act, &changed);
        done += changed || !changes_only;
    }
    sqlite3_free(ids);
    return outcome == SC_DONE ? call->dialect->counted(call, done) : outcome;
}

int sc_tags_add(struct sc_call *call)
{
    return apply(call, sc_tagging_give);
}

int sc_tags_remove(struct sc_call *call)
{
    return apply(call, sc_tagging_take);
}

int sc_tags_members(struct sc_call *call)
{
    struct sc_condition nothing = {.count = 0};
    struct sc_problem problem;
    struct sc_select select;
    int64_t tag;
    int outcome = of_path(call, &tag);

    if (outcome != SC_DONE)
        return outcome;
    sc_select_init(call->box, &select, SC_DRIVE_TAG, tag);
    outcome = sc_select_where(call->box, &select, &nothing, &problem);
    if (outcome == SC_DONE)
        outcome = sc_listing_answer(call, &select);
    sc_select_free(&select);
    return outcome;
}
