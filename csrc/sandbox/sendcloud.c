/* SendCloud's dialect: camelCase, {list,total}, bare details, 201 and 204,
 * {status,error}. */
#include "dialect.h"
#include "store.h"

#define MEMBER(created, changed)                                                         \
    "json_object('id', sc_id(m.id), 'listId', sc_account(1), 'userId', sc_account(0),"   \
    " 'email', m.email, 'phone', m.phone, 'name', m.name,"                               \
    " '" created "', sc_time(m.id >> 24, 0), '" changed "', sc_time(m.updated, 0),"      \
    " 'unsubscribeTime', sc_time(m.unsubscribed, 0), 'fields', sc_json(m.fields),"       \
    " 'tags', sc_tag_ids(m.tags, sc_account(2)), 'tagNames', sc_tag_names(m.tags),"      \
    " 'createTimeFmt', sc_time(m.id >> 24, 2), 'updateTimeFmt', sc_time(m.updated, 2),"  \
    " 'unsubscribeTimeFmt', sc_time(m.unsubscribed, 2))"

#define PROCESS                                                                          \
    "json_object('percent', sc_percent(s.status, s.started_ms, s.finish_ms),"            \
    " 'complete', json(iif(s.status = 2, 'true', 'false')), 'statusDesc', CASE s.status" \
    " WHEN 2 THEN 'segmentation completed' WHEN 1 THEN 'segmentation in progress'"       \
    " ELSE 'segmentation failed' END)"

static int error(struct sc_call *call, const char *parameter, const char *message)
{
    sqlite3_str_appendf(call->out,
                        "{\"status\":%d,\"error\":{\"parameter\":", call->status);
    if (sc_store_quote(call->box, call->out, parameter))
        return SC_FAILED;
    sqlite3_str_appendall(call->out, ",\"message\":");
    if (sc_store_quote(call->box, call->out, message))
        return SC_FAILED;
    sqlite3_str_appendall(call->out, "}}");
    /* what an operation refuses; not what is no operation, or is refused before it */
    if (call->operation && sc_switches_get(call->box, SC_SW_ERROR_STATUS) == 1)
        call->status = 200;
    return SC_REFUSED;
}

static int list(struct sc_call *call, const char *items, int64_t count, int64_t total)
{
    (void)count;
    sqlite3_str_appendall(call->out, "{\"list\":[");
    sqlite3_str_appendall(call->out, items);
    sqlite3_str_appendf(call->out, "],\"total\":%lld}", (long long)total);
    return SC_DONE;
}

static int detail(struct sc_call *call, const char *object)
{
    sqlite3_str_appendall(call->out, object);
    return SC_DONE;
}

static int created(struct sc_call *call, enum sc_kind kind, const char *id,
                   const char *object)
{
    (void)object;
    call->status = 201;
    sqlite3_str_appendf(call->out, "{\"%s\":\"%s\"}",
                        kind == SC_KIND_SEGMENT ? "segmentId" : "id", id);
    return SC_DONE;
}

/* RFC 9110 knows no content in a 204, whatever the documents' sample prints. */
static int deleted(struct sc_call *call)
{
    if (sc_switches_peek(call->box, SC_SW_NO_CONTENT) == 0)
        call->status = 204;
    else
        sqlite3_str_appendall(call->out, "{}");
    return SC_DONE;
}

static int counted(struct sc_call *call, int64_t count)
{
    sqlite3_str_appendf(call->out, "{\"successCount\":%lld}", (long long)count);
    return SC_DONE;
}

static int upserted(struct sc_call *call, const struct sc_upsert *u)
{
    sqlite3_str_appendf(call->out, "{\"totalInserted\":%lld,\"insertedMembers\":[%s],",
                        (long long)u->inserted, sqlite3_str_value(u->inserted_list));
    sqlite3_str_appendf(call->out, "\"totalUpdated\":%lld,\"updatedMembers\":[%s],",
                        (long long)u->updated, sqlite3_str_value(u->updated_list));
    sqlite3_str_appendf(call->out, "\"errorCount\":%lld,\"errors\":[%s]}",
                        (long long)u->errors, sqlite3_str_value(u->error_list));
    return SC_DONE;
}

const struct sc_dialect sc_sendcloud = {
    .name = "sendcloud",
    .scheme = "Bearer",
    .page_size = "count",
    .tag_flag = "tagFlag",
    .update_existing = "updateExisting",
    .member_ids = "memberIds",
    .field_name = "fieldName",
    .campaign_id = "campaignId",
    .tag_name = "tagName",
    .tag_name_too = "tagName",
    .tag_query = "tagName",
    .segment_name = "segmentName",
    .brief_key = "id",
    .member_sql = "iif(sc_account(3) = 0, " MEMBER(
        "createTime", "updateTime") ", " MEMBER("createDate", "updateDate") ")",
    .tag_sql =
        "json_object('id', sc_id(t.id), 'userId', sc_account(0), 'tagName', t.name,"
        " 'createTime', sc_time(t.id >> 24, 0), 'updateTime', sc_time(t.updated, 0),"
        " 'count', sc_tag_count(t.id))",
    .segment_sql =
        "json_object('segmentId', sc_id(s.id), 'userId', sc_account(0), 'segmentName', "
        "s.name,"
        " 'listId', sc_account(1), 'status', CAST(s.status AS TEXT),"
        " 'createTime', sc_time(s.id >> 24, 0), 'updateTime', sc_time(s.updated, 0),"
        " 'memberTotal', s.total, 'relation', s.relation, 'type', s.type, 'conditions',"
        " (SELECT json_group_array(json_object('campaignId', json_extract(value, '$.c'),"
        " 'fieldName', json_extract(value, '$.f'), 'op', json_extract(value, '$.o'),"
        " 'value', json_extract(value, '$.v'))) FROM json_each(s.conditions)),"
        " 'process', " PROCESS ")",
    .process_sql = PROCESS,
    .error = error,
    .list = list,
    .detail = detail,
    .created = created,
    .updated = detail,
    .deleted = deleted,
    .counted = counted,
    .upserted = upserted,
};
