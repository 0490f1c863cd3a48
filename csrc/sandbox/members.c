#include "members.h"
#include "addresses.h"
#include "contact.h"
#include "dialect.h"
#include "listing.h"
#include "store.h"
#include "tagging.h"

#include <string.h>

int sc_members_find(struct sc_box *box, const char *who, int64_t *member)
{
    int64_t id = sc_store_id(box, who, strlen(who));
    int found;

    if (sc_store_integer(box, member, &found, "SELECT id FROM member WHERE id = ?1", "i",
                         id))
        return SC_FAILED;
    return found ? SC_DONE : sc_addresses_find(box, who, member);
}

int sc_members_of_path(struct sc_call *call, int64_t *member)
{
    int64_t id = sc_store_id(call->box, call->id, strlen(call->id));
    int found;

    if (sc_store_integer(call->box, member, &found, "SELECT id FROM member WHERE id = ?1",
                         "i", id))
        return SC_FAILED;
    return found ? SC_DONE : sc_call_missing(call);
}

int sc_members_render(struct sc_call *call, const char *expression, const char *table,
                      const char *key, int64_t id, char **json)
{
    char *sql = sqlite3_mprintf("SELECT %s FROM %s WHERE %s = %lld", expression, table,
                                key, (long long)id);
    sqlite3_stmt *row = NULL;
    int code = -1;

    *json = NULL;
    if (!sql || sqlite3_prepare_v2(call->box->db, sql, -1, &row, NULL))
        sc_box_fail(call->box, "%s", sqlite3_errmsg(call->box->db));
    else
        code = sc_store_step(call->box, row);
    if (code == 1)
        *json = sqlite3_mprintf("%s", sc_store_text(call->box, row, 0));
    sqlite3_finalize(row);
    sqlite3_free(sql);
    return *json ? SC_DONE : SC_FAILED;
}

/* Takes a contact out of what is kept in memory. SC_REFUSED: there is none. */
static int forget_one(struct sc_box *box, int64_t member)
{
    sqlite3_stmt *row =
        sc_store_bind(box, "SELECT email, tags FROM member WHERE id = ?1", "i", member);
    int code = row ? sc_store_step(box, row) : -1, outcome;

    if (code != 1)
        return code == 0 ? SC_REFUSED : SC_FAILED;
    outcome = sc_addresses_remove(box, sc_store_text(box, row, 0), member);
    if (outcome == SC_DONE)
        outcome = sc_tagging_leave(box, member, sqlite3_column_blob(row, 1),
                                   SC_TAGGING_COUNT(sqlite3_column_bytes(row, 1)));
    sqlite3_reset(row);
    return outcome;
}

int sc_members_drop_one(struct sc_box *box, int64_t member, int64_t *count)
{
    int outcome = forget_one(box, member);

    if (outcome != SC_DONE)
        return outcome == SC_REFUSED ? SC_DONE : SC_FAILED;
    if (sc_store_run(box, "DELETE FROM member WHERE id = ?1", "i", member))
        return SC_FAILED;
    box->members--;
    box->set_version = box->version + 1;
    ++*count;
    if (sc_store_run(box, "DELETE FROM segment_member WHERE member = ?1", "i", member))
        return SC_FAILED;
    return sc_store_run(box, "DELETE FROM campaign_event WHERE member = ?1", "i", member);
}

int sc_members_drop(struct sc_box *box, const struct sc_select *select, int64_t *count)
{
    sqlite3_stmt *row;
    int code, outcome = SC_DONE;

    /* the ids first: what is deleted may be what the select looks at */
    if (sc_store_script(box,
                        "CREATE TEMP TABLE IF NOT EXISTS doomed(id INTEGER PRIMARY KEY);"
                        "DELETE FROM temp.doomed") ||
        sc_listing_run(box, "INSERT INTO temp.doomed SELECT m.id FROM", select, ""))
        return SC_FAILED;
    row = sc_store_bind(box, "SELECT id FROM temp.doomed", "");
    if (!row)
        return SC_FAILED;
    while (outcome == SC_DONE && (code = sc_store_step(box, row)) == 1)
        outcome = sc_members_drop_one(box, sqlite3_column_int64(row, 0), count);
    sqlite3_reset(row);
    return outcome == SC_DONE && code < 0 ? SC_FAILED : outcome;
}

int sc_members_delete(struct sc_call *call)
{
    int64_t member, count = 0;
    int outcome = sc_members_of_path(call, &member);

    if (outcome != SC_DONE)
        return outcome;
    if (sc_members_drop_one(call->box, member, &count))
        return SC_FAILED;
    return call->dialect->deleted(call);
}

/* Reads the body's condition and makes the select of it. On SC_DONE free both. */
static int selected(struct sc_call *call, struct sc_condition *condition,
                    struct sc_select *select)
{
    struct sc_problem problem;
    int outcome = sc_condition_read(call, SC_PLACE_MEMBERS, condition);

    if (outcome != SC_DONE)
        return outcome;
    sc_select_init(call->box, select, SC_DRIVE_MEMBER, 0);
    outcome = sc_select_where(call->box, select, condition, &problem);
    if (outcome == SC_DONE)
        return SC_DONE;
    sc_select_free(select);
    sc_condition_free(condition);
    return outcome == SC_REFUSED ? sc_condition_refuse(call, &problem) : outcome;
}

int sc_members_delete_where(struct sc_call *call)
{
    struct sc_condition condition;
    struct sc_select select;
    int64_t count = 0;
    int outcome = selected(call, &condition, &select);

    if (outcome != SC_DONE)
        return outcome;
    if (select.everybody && sc_switches_get(call->box, SC_SW_EMPTY_CONDITION) == 1)
        outcome = sc_call_refuse(call, 400, "condition", "condition is required");
    else
        outcome = sc_members_drop(call->box, &select, &count);
    sc_select_free(&select);
    sc_condition_free(&condition);
    return outcome == SC_DONE ? call->dialect->counted(call, count) : outcome;
}

int sc_members_list(struct sc_call *call)
{
    struct sc_condition condition;
    struct sc_select select;
    int outcome = selected(call, &condition, &select);

    if (outcome != SC_DONE)
        return outcome;
    outcome = sc_listing_answer(call, &select);
    sc_select_free(&select);
    sc_condition_free(&condition);
    return outcome;
}

static int answer(struct sc_call *call, int64_t member,
                  int (*write)(struct sc_call *call, const char *object))
{
    char *json;
    int outcome = sc_members_render(call, call->dialect->member_sql, "member m", "m.id",
                                    member, &json);

    if (outcome == SC_DONE)
        outcome = write(call, json);
    sqlite3_free(json);
    return outcome;
}

int sc_members_get(struct sc_call *call)
{
    int64_t member;
    int outcome = sc_members_of_path(call, &member);

    if (outcome != SC_DONE)
        return outcome;
    call->box->detail = 1;
    return answer(call, member, call->dialect->detail);
}

struct update {
    struct sc_call *call;
    int64_t member;
};

static int change(void *context, struct sc_contact *c)
{
    const struct update *update = context;
    struct sc_call *call = update->call;

    if (c->has_tags && sc_contact_tags(call, c))
        return SC_FAILED;
    if (!c->problem[0] && sc_contact_fields(call, c))
        return SC_FAILED;
    if (c->problem[0])
        return sc_call_refuse(call, 400, "", "%s", c->problem);
    if (sc_contact_change(call, c, update->member))
        return SC_FAILED;
    if (!c->has_tags)
        return SC_DONE;
    return sc_contact_tag(call, c, update->member,
                          sc_switches_get(call->box, SC_SW_UPDATE_TAGS) == 0);
}

int sc_members_update(struct sc_call *call)
{
    struct update update = {.call = call};
    int outcome = sc_members_of_path(call, &update.member);

    if (outcome == SC_DONE)
        outcome = sc_contact_each(call, NULL, change, &update);
    call->box->no_list_id = call->dialect == &sc_sendcloud &&
                            sc_switches_peek(call->box, SC_SW_NULL_LIST_ID) == 1;
    return outcome == SC_DONE ? answer(call, update.member, call->dialect->updated)
                              : outcome;
}

int sc_members_ids(struct sc_call *call, int64_t max, int64_t **ids, int64_t *count)
{
    const char *name = call->dialect->member_ids, *type;
    char path[40];
    sqlite3_stmt *row;
    int code, outcome = SC_DONE;
    int64_t n = 0;

    *ids = NULL;
    sqlite3_snprintf(sizeof path, path, "$.%s", name);
    row = sc_store_bind(call->box, "SELECT json_type(?1, ?2), json_array_length(?1, ?2)",
                        "bs", call->body, call->body_len, path);
    if (!row || sc_store_step(call->box, row) != 1)
        return SC_FAILED;
    type = sc_store_text(call->box, row, 0);
    *count = sqlite3_column_int64(row, 1);
    if (!type || strcmp(type, "array") != 0)
        outcome = sc_call_refuse(call, 400, name, "%s is a list and required", name);
    else if (*count < 1 && !max)
        outcome = sc_call_refuse(call, 400, name, "%s is empty", name);
    else if (*count < 1 || (max && *count > max))
        outcome = sc_call_refuse(call, 400, name, "%s has 1 to %lld elements, got %lld",
                                 name, (long long)max, (long long)*count);
    sqlite3_reset(row);
    if (outcome != SC_DONE)
        return outcome;
    *ids = sqlite3_malloc64((sqlite3_uint64)*count * sizeof **ids);
    row = sc_store_bind(call->box, "SELECT value, type FROM json_each(?1, ?2)", "bs",
                        call->body, call->body_len, path);
    if (!*ids || !row)
        return sc_box_fail(call->box, "out of memory");
    while (outcome == SC_DONE && (code = sc_store_step(call->box, row)) == 1) {
        const char *text = sc_store_text(call->box, row, 0);

        if (strcmp(sc_store_text(call->box, row, 1), "text") != 0)
            outcome = sc_call_refuse(call, 400, name, "%s must be a list of ids", name);
        else if (n < *count)
            (*ids)[n++] = sc_store_id(call->box, text, strlen(text));
    }
    sqlite3_reset(row);
    *count = n;
    return outcome == SC_DONE && code < 0 ? SC_FAILED : outcome;
}

int sc_members_unknown(struct sc_call *call)
{
    if (sc_switches_get(call->box, SC_SW_UNKNOWN_MEMBER) == 0)
        return SC_DONE;
    return sc_call_refuse(call, 400, call->dialect->member_ids,
                          "%s holds an id that is nobody's", call->dialect->member_ids);
}
