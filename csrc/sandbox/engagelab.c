/* EngageLab's dialect: /v1, snake_case, {result,total,count}, counts, {code,message}.
 *
 * Its document covers members; what tags and segments say here follows the public pages
 * as far as they could be read and SendCloud's document beyond that: assumed, see
 * README.md. */
#include "dialect.h"
#include "store.h"

#include <string.h>

/* The codes that are documented. */
enum { CODE_AUTH = 30000, CODE_MISSING = 30036, CODE_TAG_EXISTS = 32603 };

#define PROCESS                                                                          \
    "json_object('percent', sc_percent(s.status, s.started_ms, s.finish_ms),"            \
    " 'complete', json(iif(s.status = 2, 'true', 'false')), 'status_desc', CASE "        \
    "s.status"                                                                           \
    " WHEN 2 THEN 'segmentation completed' WHEN 1 THEN 'segmentation in progress'"       \
    " ELSE 'segmentation failed' END)"

static int error(struct sc_call *call, const char *parameter, const char *message)
{
    int64_t code;

    if (call->status == 401)
        code = CODE_AUTH;
    else if (call->status == 404)
        code = CODE_MISSING;
    else if (strcmp(message, "tag name already exist") == 0)
        code = CODE_TAG_EXISTS;
    else
        code = sc_switches_get(call->box, SC_SW_ERROR_CODES) + call->status;
    if (code == CODE_MISSING) {
        /* documented for the update of a member; for the others it is assumed */
        if (!call->operation || strcmp(call->operation, "members.update") != 0)
            sc_switches_get(call->box, SC_SW_NOT_FOUND_STATUS);
        if (sc_switches_peek(call->box, SC_SW_NOT_FOUND_STATUS) == 0)
            call->status = 200;
    }
    sqlite3_str_appendf(call->out, "{\"code\":%lld,\"message\":", (long long)code);
    (void)parameter; /* the shape has no place for it; messages name it */
    if (sc_store_quote(call->box, call->out, message))
        return SC_FAILED;
    sqlite3_str_appendall(call->out, "}");
    return SC_REFUSED;
}

static int list(struct sc_call *call, const char *items, int64_t count, int64_t total)
{
    sqlite3_str_appendall(call->out, sc_switches_peek(call->box, SC_SW_LIST_KEY) == 0
                                         ? "{\"result\":["
                                         : "{\"list\":[");
    sqlite3_str_appendall(call->out, items);
    sqlite3_str_appendf(call->out, "],\"total\":%lld,\"count\":%lld}", (long long)total,
                        (long long)count);
    return SC_DONE;
}

static int detail(struct sc_call *call, const char *object)
{
    sqlite3_str_appendall(call->out, "{\"result\":");
    sqlite3_str_appendall(call->out, object);
    sqlite3_str_appendall(call->out, "}");
    return SC_DONE;
}

static int created(struct sc_call *call, enum sc_kind kind, const char *id,
                   const char *object)
{
    (void)kind;
    (void)id;
    return detail(call, object);
}

static int counted(struct sc_call *call, int64_t count)
{
    sqlite3_str_appendf(call->out, "{\"count\":%lld}", (long long)count);
    return SC_DONE;
}

static int updated(struct sc_call *call, const char *object)
{
    if (sc_switches_peek(call->box, SC_SW_UPDATE_ANSWER) == 1)
        return detail(call, object);
    return counted(call, 1);
}

static int deleted(struct sc_call *call)
{
    return counted(call, 1);
}

static int upserted(struct sc_call *call, const struct sc_upsert *u)
{
    sqlite3_str_appendf(call->out, "{\"created_count\":%lld,\"created_members\":[%s],",
                        (long long)u->inserted, sqlite3_str_value(u->inserted_list));
    sqlite3_str_appendf(call->out, "\"updated_count\":%lld,\"updated_members\":[%s],",
                        (long long)u->updated, sqlite3_str_value(u->updated_list));
    sqlite3_str_appendf(call->out, "\"error_count\":%lld,\"error_members\":[%s]}",
                        (long long)u->errors, sqlite3_str_value(u->error_list));
    return SC_DONE;
}

const struct sc_dialect sc_engagelab = {
    .name = "engagelab",
    .scheme = "Basic",
    .page_size = "limit",
    .tag_flag = "tag_flag",
    .update_existing = "update_existing",
    .member_ids = "member_ids",
    .field_name = "field_name",
    .campaign_id = "campaign_id",
    .tag_name = "name",
    .tag_name_too = "tag_name",
    .tag_query = "tag_name",
    .segment_name = "segment_name",
    .brief_key = "member_id",
    .member_sql =
        "json_object('member_id', sc_id(m.id), 'list_id', sc_account(1), 'email', "
        "m.email,"
        " 'phone', m.phone, 'name', m.name, 'fields', sc_json(m.fields),"
        " 'tag_ids', sc_tag_ids(m.tags, 1), 'tag_names', sc_tag_names(m.tags),"
        " 'create_time', sc_time(m.id >> 24, 1), 'update_time', sc_time(m.updated, 1),"
        " 'unsubscribe_time', sc_time(m.unsubscribed, 1))",
    .tag_sql =
        "json_object('tag_id', sc_id(t.id), 'tag_name', t.name,"
        " 'create_time', sc_time(t.id >> 24, 1), 'update_time', sc_time(t.updated, 1),"
        " 'count', sc_tag_count(t.id))",
    .segment_sql =
        "json_object('segment_id', sc_id(s.id), 'segment_name', s.name,"
        " 'list_id', sc_account(1), 'status', CAST(s.status AS TEXT),"
        " 'create_time', sc_time(s.id >> 24, 1), 'update_time', sc_time(s.updated, 1),"
        " 'member_total', s.total, 'relation', s.relation, 'type', s.type, 'conditions',"
        " (SELECT json_group_array(json_object('campaign_id', json_extract(value, '$.c'),"
        " 'field_name', json_extract(value, '$.f'), 'op', json_extract(value, '$.o'),"
        " 'value', json_extract(value, '$.v'))) FROM json_each(s.conditions)),"
        " 'process', " PROCESS ")",
    .process_sql = PROCESS,
    .error = error,
    .list = list,
    .detail = detail,
    .created = created,
    .updated = updated,
    .deleted = deleted,
    .counted = counted,
    .upserted = upserted,
};
