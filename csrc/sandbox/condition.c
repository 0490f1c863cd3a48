#include "condition.h"
#include "dialect.h"
#include "store.h"

#include <string.h>

static const char *const op_names[] = {
    "==", "!=", ">", ">=", "<", "<=", "exist", "contain", "does not contain"};

static int find_op(const char *text, enum sc_op *op)
{
    size_t i;

    for (i = 0; i < sizeof op_names / sizeof *op_names; i++) {
        if (strcmp(op_names[i], text) == 0) {
            *op = (enum sc_op)i;
            return 1;
        }
    }
    return 0;
}

void sc_condition_free(struct sc_condition *condition)
{
    int i;

    for (i = 0; i < condition->count; i++) {
        sqlite3_free(condition->items[i].field);
        sqlite3_free(condition->items[i].value);
    }
    condition->count = 0;
}

/* Columns: field, op, value, campaign. */
static int add_item(struct sc_box *box, struct sc_condition *condition, sqlite3_stmt *row)
{
    struct sc_item *item = &condition->items[condition->count];

    memset(item, 0, sizeof *item);
    if (!find_op(sc_store_text(box, row, 1), &item->op))
        return sc_box_fail(box, "a stored condition has an operator that is none");
    item->has_campaign = sqlite3_column_type(row, 3) == SQLITE_INTEGER;
    item->campaign = sqlite3_column_int64(row, 3);
    item->field = sqlite3_mprintf("%s", sc_store_text(box, row, 0));
    item->value = sqlite3_mprintf("%s", sc_store_text(box, row, 2));
    condition->count++;
    return item->field && item->value ? SC_DONE : sc_box_fail(box, "out of memory");
}

static int refuse_op(struct sc_call *call, const char *op)
{
    return sc_call_refuse(call, 400, "op",
                          "[%s] is not an operator that can be used here", op);
}

/* The types of one item of a request, and the rules that tie its parts together. Columns:
 * item's type; type and value of field name, op, value, campaign. */
static int check_item(struct sc_call *call, enum sc_place place, sqlite3_stmt *row)
{
    const struct sc_dialect *d = call->dialect;
    const char *types[5], *texts[5];
    enum sc_op op;
    int i, campaign;

    for (i = 0; i < 5; i++) {
        types[i] = sc_store_text(call->box, row, i < 1 ? 0 : i * 2 - 1);
        texts[i] = sc_store_text(call->box, row, i < 1 ? 0 : i * 2);
    }
    if (strcmp(types[0], "object") != 0)
        return sc_call_refuse(call, 400, "items", "every item is an object");
    if (!types[1] || strcmp(types[1], "text") != 0 || !*texts[1])
        return sc_call_refuse(call, 400, d->field_name, "%s is a text and required",
                              d->field_name);
    if (!types[2] || strcmp(types[2], "text") != 0)
        return sc_call_refuse(call, 400, "op", "op is a text and required");
    if (!types[3] || strcmp(types[3], "text") != 0)
        return sc_call_refuse(call, 400, "value", "value is a text and required");
    if (!find_op(texts[2], &op) || (op == SC_EXIST && place != SC_PLACE_MEMBERS))
        return refuse_op(call, texts[2]);
    campaign = sqlite3_stricmp(texts[1], "campaign") == 0;
    if (campaign != (place == SC_PLACE_SEGMENT_CAMPAIGN))
        return sc_call_refuse(call, 400, d->field_name,
                              campaign
                                  ? "campaign can be used in a segment of type 1 only"
                                  : "a segment of type 1 is by campaign only");
    if (!campaign)
        return SC_DONE;
    if (op != SC_EQ)
        return sc_call_refuse(call, 400, "op", "the operator of campaign must be ==");
    if (!types[4] || strcmp(types[4], "integer") != 0)
        return sc_call_refuse(call, 400, d->campaign_id, "%s is an integer and required",
                              d->campaign_id);
    return SC_DONE;
}

static int read_items(struct sc_call *call, enum sc_place place,
                      struct sc_condition *condition)
{
    static const char shape[] =
        "SELECT i.type, json_type(o, ?2), json_extract(o, ?2), json_type(o, '$.op'),"
        " json_extract(o, '$.op'), json_type(o, '$.value'), json_extract(o, '$.value'),"
        " json_type(o, ?3), json_extract(o, ?3) FROM (SELECT type,"
        " CASE type WHEN 'object' THEN value ELSE '{}' END AS o"
        " FROM json_each(?1, '$.condition.items') LIMIT -1) i";
    static const char item[] = "SELECT ?1, ?2, ?3, ?4";
    const struct sc_dialect *d = call->dialect;
    sqlite3_stmt *row, *copy;
    char field[40], campaign[40];
    int code, outcome;

    sqlite3_snprintf(sizeof field, field, "$.%s", d->field_name);
    sqlite3_snprintf(sizeof campaign, campaign, "$.%s", d->campaign_id);
    row = sc_store_bind(call->box, shape, "bss", call->body, call->body_len, field,
                        campaign);
    if (!row)
        return SC_FAILED;
    while ((code = sc_store_step(call->box, row)) == 1) {
        outcome = check_item(call, place, row);
        if (outcome == SC_DONE && condition->count == SC_ITEMS_MAX)
            outcome = sc_call_refuse(call, 400, "items", "a condition has 1 to 10 items");
        if (outcome == SC_DONE) {
            copy = sc_store_bind(call->box, item, "sss", sc_store_text(call->box, row, 2),
                                 sc_store_text(call->box, row, 4),
                                 sc_store_text(call->box, row, 6));
            if (!copy || sqlite3_bind_value(copy, 4, sqlite3_column_value(row, 8)) ||
                sc_store_step(call->box, copy) != 1)
                outcome = SC_FAILED;
            else
                outcome = add_item(call->box, condition, copy);
            if (copy)
                sqlite3_reset(copy);
        }
        if (outcome != SC_DONE) {
            sqlite3_reset(row);
            return outcome;
        }
    }
    if (code < 0)
        return SC_FAILED;
    return condition->count
               ? SC_DONE
               : sc_call_refuse(call, 400, "items", "a condition has 1 to 10 items");
}

int sc_condition_read(struct sc_call *call, enum sc_place place,
                      struct sc_condition *condition)
{
    static const char shape[] =
        "SELECT json_type(?1, '$.condition'), json_type(?1, '$.condition.relation'),"
        " json_extract(?1, '$.condition.relation'), json_type(?1, '$.condition.items')";
    const char *whole, *relation_type, *relation, *items;
    sqlite3_stmt *row;
    int outcome = SC_DONE;

    memset(condition, 0, sizeof *condition);
    row = sc_store_bind(call->box, shape, "b", call->body, call->body_len);
    if (!row || sc_store_step(call->box, row) != 1)
        return SC_FAILED;
    whole = sc_store_text(call->box, row, 0);
    relation_type = sc_store_text(call->box, row, 1);
    relation = sc_store_text(call->box, row, 2);
    items = sc_store_text(call->box, row, 3);
    if (!whole || strcmp(whole, "null") == 0) {
        sqlite3_reset(row);
        return SC_DONE;
    }
    if (strcmp(whole, "object") != 0)
        outcome = sc_call_refuse(call, 400, "condition", "condition is an object");
    else if (!relation_type || strcmp(relation_type, "text") != 0 ||
             (strcmp(relation, "and") != 0 && strcmp(relation, "or") != 0))
        outcome = sc_call_refuse(call, 400, "relation", "relation is \"and\" or \"or\"");
    else if (!items || strcmp(items, "array") != 0)
        outcome = sc_call_refuse(call, 400, "items", "items is a list and required");
    else
        condition->any = strcmp(relation, "or") == 0;
    sqlite3_reset(row);
    if (outcome == SC_DONE)
        outcome = read_items(call, place, condition);
    if (outcome != SC_DONE)
        sc_condition_free(condition);
    return outcome;
}

int sc_condition_load(struct sc_box *box, const char *relation, const char *json,
                      struct sc_condition *condition)
{
    sqlite3_stmt *row;
    int code;

    memset(condition, 0, sizeof *condition);
    condition->any = strcmp(relation, "or") == 0;
    row = sc_store_bind(box,
                        "SELECT json_extract(value, '$.f'), json_extract(value, '$.o'),"
                        " json_extract(value, '$.v'), json_extract(value, '$.c')"
                        " FROM json_each(?1)",
                        "s", json);
    if (!row)
        return SC_FAILED;
    while ((code = sc_store_step(box, row)) == 1) {
        if (condition->count == SC_ITEMS_MAX || add_item(box, condition, row)) {
            sqlite3_reset(row);
            sc_condition_free(condition);
            return SC_FAILED;
        }
    }
    if (code == 0)
        return SC_DONE;
    sc_condition_free(condition);
    return SC_FAILED;
}

int sc_condition_json(struct sc_box *box, const struct sc_condition *condition,
                      char **json)
{
    sqlite3_str *out = sqlite3_str_new(box->db);
    int i;

    sqlite3_str_appendchar(out, 1, '[');
    for (i = 0; i < condition->count; i++) {
        const struct sc_item *item = &condition->items[i];

        sqlite3_str_appendall(out, i ? ",{\"f\":" : "{\"f\":");
        if (sc_store_quote(box, out, item->field))
            break;
        sqlite3_str_appendf(out, ",\"o\":\"%s\",\"v\":", op_names[item->op]);
        if (sc_store_quote(box, out, item->value))
            break;
        if (item->has_campaign)
            sqlite3_str_appendf(out, ",\"c\":%lld}", (long long)item->campaign);
        else
            sqlite3_str_appendall(out, ",\"c\":null}");
    }
    sqlite3_str_appendchar(out, 1, ']');
    *json = sqlite3_str_finish(out);
    if (i == condition->count && *json)
        return SC_DONE;
    sqlite3_free(*json);
    *json = NULL;
    return SC_FAILED;
}

int sc_condition_refuse(struct sc_call *call, const struct sc_problem *problem)
{
    const char *names[] = {call->dialect->field_name, "op", "value",
                           call->dialect->campaign_id};

    return sc_call_refuse(call, 400, names[problem->what], "%s", problem->message);
}
