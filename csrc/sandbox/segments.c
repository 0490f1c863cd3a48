#include "segments.h"
#include "dialect.h"
#include "listing.h"
#include "members.h"
#include "store.h"
#include "wire.h"

#include <string.h>

#define NAME_MAX_CHARACTERS 48
#define IDS_SURE            1000 /* as many as a tag takes: nobody doubts them */

/* What a create or an update says. */
struct draft {
    char *name; /* NULL: not sent */
    int64_t type;
    char *conditions;
    struct sc_condition condition;
};

static void forget(struct draft *draft)
{
    sqlite3_free(draft->name);
    sqlite3_free(draft->conditions);
    sc_condition_free(&draft->condition);
}

static int of_path(struct sc_call *call, int64_t *segment)
{
    int64_t id = sc_store_id(call->box, call->id, strlen(call->id));
    int found;

    if (sc_store_integer(call->box, segment, &found,
                         "SELECT id FROM segment WHERE id = ?1", "i", id))
        return SC_FAILED;
    return found ? SC_DONE : sc_call_missing(call);
}

/* creating: the forbidden characters are documented for that alone. */
static int read_name(struct sc_call *call, const char *type, const char *name,
                     int creating, struct draft *draft)
{
    const char *key = call->dialect->segment_name;
    int64_t characters;

    if (!type || strcmp(type, "null") == 0)
        return creating ? sc_call_refuse(call, 400, key, "%s is required", key) : SC_DONE;
    if (strcmp(type, "text") != 0)
        return sc_call_refuse(call, 400, key, "%s is a text", key);
    characters = sc_wire_characters(name, strlen(name));
    if (characters < 1 || characters > NAME_MAX_CHARACTERS)
        return sc_call_refuse(call, 400, key, "%s has 1 to 48 characters", key);
    if (creating && strpbrk(name, "^?+.*\\[]()"))
        return sc_call_refuse(call, 400, key, "%s holds one of ^ ? + . * \\ [ ] ( )",
                              key);
    draft->name = sqlite3_mprintf("%s", name);
    return draft->name ? SC_DONE : sc_box_fail(call->box, "out of memory");
}

/* Whether the condition can be compiled; a segment that cannot is refused at once. */
static int check_condition(struct sc_call *call, const struct sc_condition *condition)
{
    struct sc_problem problem;
    struct sc_select select;
    int outcome;

    sc_select_init(call->box, &select, SC_DRIVE_MEMBER, 0);
    outcome = sc_select_where(call->box, &select, condition, &problem);
    sc_select_free(&select);
    return outcome == SC_REFUSED ? sc_condition_refuse(call, &problem) : outcome;
}

static int read_draft(struct sc_call *call, int creating, struct draft *draft)
{
    char path[40];
    const char *type;
    sqlite3_stmt *row;
    int outcome;

    memset(draft, 0, sizeof *draft);
    sqlite3_snprintf(sizeof path, path, "$.%s", call->dialect->segment_name);
    row = sc_store_bind(call->box,
                        "SELECT json_type(?1, ?2), json_extract(?1, ?2),"
                        " json_type(?1, '$.type'), json_extract(?1, '$.type')",
                        "bs", call->body, call->body_len, path);
    if (!row || sc_store_step(call->box, row) != 1)
        return SC_FAILED;
    outcome = read_name(call, sc_store_text(call->box, row, 0),
                        sc_store_text(call->box, row, 1), creating, draft);
    type = sc_store_text(call->box, row, 2);
    draft->type = sqlite3_column_int64(row, 3);
    if (outcome == SC_DONE &&
        (!type || strcmp(type, "integer") != 0 || draft->type < 0 || draft->type > 1))
        outcome = sc_call_refuse(call, 400, "type", "type is 0 or 1 and required");
    sqlite3_reset(row);
    if (outcome == SC_DONE)
        outcome = sc_condition_read(
            call, draft->type ? SC_PLACE_SEGMENT_CAMPAIGN : SC_PLACE_SEGMENT_FIELD,
            &draft->condition);
    if (outcome == SC_DONE && draft->condition.count == 0)
        outcome = sc_call_refuse(call, 400, "condition", "condition is required");
    if (outcome == SC_DONE)
        outcome = check_condition(call, &draft->condition);
    if (outcome == SC_DONE)
        outcome = sc_condition_json(call->box, &draft->condition, &draft->conditions);
    return outcome;
}

/* What is told of a segment's members rests on when they are looked for. */
static void mark_members(struct sc_box *box)
{
    sc_switches_get(box, SC_SW_SEGMENT_FOLLOW);
    if (box->due != INT64_MAX) /* one is being evaluated */
        sc_switches_get(box, SC_SW_SEGMENT_STALE);
}

static int answer(struct sc_call *call, int64_t segment, int fresh)
{
    char id[25], *json;
    int outcome = sc_members_render(call, call->dialect->segment_sql, "segment s", "s.id",
                                    segment, &json);

    sc_store_id_text(call->box, segment, id);
    if (outcome == SC_DONE)
        outcome = fresh ? call->dialect->created(call, SC_KIND_SEGMENT, id, json)
                        : call->dialect->updated(call, json);
    sqlite3_free(json);
    return outcome;
}

/* Starts the evaluation of what was just written. */
static int start(struct sc_call *call, int64_t segment)
{
    struct sc_box *box = call->box;
    int64_t now = sc_box_clock(box),
            finish = now + sc_switches_get(box, SC_SW_SEGMENT_MS);

    if (sc_store_run(box,
                     "UPDATE segment SET status = 1, started_ms = ?2, finish_ms = ?3,"
                     " updated = ?4, fails = fails OR ?5 WHERE id = ?1",
                     "iiiii", segment, now, finish, sc_box_seconds(box),
                     (int64_t)box->fail_next))
        return SC_FAILED;
    box->fail_next = 0;
    if (sc_switches_get(box, SC_SW_SEGMENT_STALE) == 1 &&
        (sc_store_run(box, "DELETE FROM segment_member WHERE segment = ?1", "i",
                      segment) ||
         sc_store_run(box, "UPDATE segment SET total = 0 WHERE id = ?1", "i", segment)))
        return SC_FAILED;
    if (finish < box->due)
        box->due = finish;
    return finish <= now ? sc_segments_tick(box) : SC_DONE;
}

static int create(struct sc_call *call, const struct draft *draft)
{
    int64_t segment, other;
    int found;

    if (sc_store_integer(call->box, &other, &found,
                         "SELECT id FROM segment WHERE name = ?1", "s", draft->name))
        return SC_FAILED;
    if (found && sc_switches_get(call->box, SC_SW_DUPLICATE_SEGMENT) == 1)
        return sc_call_refuse(call, 400, call->dialect->segment_name,
                              "segment name already exist");
    segment = sc_store_mint(call->box);
    if (sc_store_run(
            call->box,
            "INSERT INTO segment(id, name, type, relation, conditions, updated,"
            " started_ms, finish_ms, status) VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, 0, 1)",
            "isiss", segment, draft->name, draft->type,
            draft->condition.any ? "or" : "and", draft->conditions) ||
        start(call, segment))
        return SC_FAILED;
    return answer(call, segment, 1);
}

int sc_segments_create(struct sc_call *call)
{
    struct draft draft;
    int outcome = read_draft(call, 1, &draft);

    if (outcome == SC_DONE)
        outcome = create(call, &draft);
    forget(&draft);
    return outcome;
}

int sc_segments_update(struct sc_call *call)
{
    struct draft draft = {.name = NULL};
    int64_t segment;
    int outcome = of_path(call, &segment);

    if (outcome == SC_DONE)
        outcome = read_draft(call, 0, &draft);
    if (outcome == SC_DONE)
        outcome = sc_store_run(call->box,
                               "UPDATE segment SET name = ifnull(?2, name), type = ?3,"
                               " relation = ?4, conditions = ?5 WHERE id = ?1",
                               "isiss", segment, draft.name, draft.type,
                               draft.condition.any ? "or" : "and", draft.conditions);
    if (outcome == SC_DONE)
        outcome = start(call, segment);
    forget(&draft);
    return outcome == SC_DONE ? answer(call, segment, 0) : outcome;
}

int sc_segments_delete(struct sc_call *call)
{
    int64_t segment;
    int outcome = of_path(call, &segment);

    if (outcome != SC_DONE)
        return outcome;
    if (sc_store_run(call->box, "DELETE FROM segment_member WHERE segment = ?1", "i",
                     segment) ||
        sc_store_run(call->box, "DELETE FROM segment WHERE id = ?1", "i", segment))
        return SC_FAILED;
    return call->dialect->deleted(call);
}

static int show(struct sc_call *call, const char *expression)
{
    int64_t segment;
    char *json;
    int outcome = of_path(call, &segment);

    if (outcome != SC_DONE)
        return outcome;
    mark_members(call->box);
    outcome = sc_members_render(call, expression, "segment s", "s.id", segment, &json);
    if (outcome == SC_DONE)
        outcome = call->dialect->detail(call, json);
    sqlite3_free(json);
    return outcome;
}

int sc_segments_get(struct sc_call *call)
{
    return show(call, call->dialect->segment_sql);
}

int sc_segments_progress(struct sc_call *call)
{
    return show(call, call->dialect->process_sql);
}

int sc_segments_list(struct sc_call *call)
{
    static const char *const says[2][2] = {
        {"instr(lower(s.name), lower(?1)) > 0", "instr(s.name, ?1) > 0"},
        {"s.name = ?1 COLLATE NOCASE", "s.name = ?1"}};
    const char *type = sc_call_param(call, "type");
    const char *name = sc_call_param(call, call->dialect->segment_name);
    long search = name ? sc_switches_get(call->box, SC_SW_SEGMENT_SEARCH) : 0;
    long exact = name ? sc_switches_get(call->box, SC_SW_SEARCH_CASE) : 0;
    char from[160];
    int64_t value;

    if (type && (!sc_wire_integer(type, &value) || value < 0 || value > 1))
        return sc_call_refuse(call, 400, "type", "type is 0 or 1");
    mark_members(call->box);
    sqlite3_snprintf(sizeof from, from,
                     "FROM segment s WHERE (?1 IS NULL OR %s)"
                     " AND (?2 IS NULL OR s.type = CAST(?2 AS INTEGER))",
                     says[search][exact]);
    return sc_listing_records(call, call->dialect->segment_sql, from, "s.id", name, type);
}

int sc_segments_members(struct sc_call *call)
{
    struct sc_condition condition;
    struct sc_problem problem;
    struct sc_select select;
    int64_t segment;
    int outcome = of_path(call, &segment);

    if (outcome == SC_DONE)
        outcome = sc_condition_read(call, SC_PLACE_SEGMENT_FIELD, &condition);
    if (outcome != SC_DONE)
        return outcome;
    mark_members(call->box);
    sc_select_init(call->box, &select, SC_DRIVE_SEGMENT, segment);
    outcome = sc_select_where(call->box, &select, &condition, &problem);
    if (outcome == SC_REFUSED)
        outcome = sc_condition_refuse(call, &problem);
    else if (outcome == SC_DONE)
        outcome = sc_listing_answer(call, &select);
    sc_select_free(&select);
    sc_condition_free(&condition);
    return outcome;
}

/* Whether so many ids are more than may be sent. */
static int check_ids(struct sc_call *call, int64_t count)
{
    long max = sc_switches_peek(call->box, SC_SW_SEGMENT_IDS_MAX);

    if (count <= IDS_SURE && (max == 0 || count <= max))
        return SC_DONE;
    if (sc_switches_get(call->box, SC_SW_SEGMENT_IDS_MAX) == 0 || count <= max)
        return SC_DONE;
    return sc_call_refuse(call, 400, call->dialect->member_ids,
                          "%s has 1 to %ld elements, got %lld", call->dialect->member_ids,
                          max, (long long)count);
}

int sc_segments_remove_members(struct sc_call *call)
{
    static const char sql[] =
        "DELETE FROM segment_member WHERE segment = ?1 AND member = ?2";
    int64_t segment, *ids = NULL, count = 0, i, done = 0, dropped = 0;
    int outcome = of_path(call, &segment), delete = 0;

    if (outcome == SC_DONE)
        outcome = sc_members_ids(call, 0, &ids, &count);
    if (outcome == SC_DONE)
        outcome = check_ids(call, count);
    if (outcome == SC_DONE)
        delete = sc_switches_get(call->box, SC_SW_SEGMENT_REMOVE) == 0;
    for (i = 0; outcome == SC_DONE && i < count; i++) {
        outcome = sc_store_run(call->box, sql, "ii", segment, ids[i]);
        if (outcome == SC_DONE && sqlite3_changes(call->box->db) == 0) {
            outcome = sc_members_unknown(call);
            continue;
        }
        if (outcome != SC_DONE)
            break;
        done++;
        if (delete)
            outcome = sc_members_drop_one(call->box, ids[i], &dropped);
    }
    sqlite3_free(ids);
    return outcome == SC_DONE ? call->dialect->counted(call, done) : outcome;
}
