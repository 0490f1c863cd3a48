/* members.upsert: up to 1000 contacts, each inserted, updated or refused on its own. */
#include "addresses.h"
#include "contact.h"
#include "dialect.h"
#include "store.h"

#include <string.h>

#define UPSERT_MAX 1000

enum { FLAG_REPLACE, FLAG_APPEND, FLAG_KEEP };

struct job {
    struct sc_call *call;
    int64_t flag;
    int update_existing;
    struct sc_upsert done;
};

static int insert(struct job *job, const struct sc_contact *c, int64_t *member)
{
    static const char plain[] =
        "INSERT INTO member(id, email, phone, name, fields, updated)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    static const char with_nulls[] =
        "INSERT INTO member(id, email, phone, name, fields, updated)"
        " VALUES (?1, ?2, ?3, ?4, json_patch('{}', ?5), ?6)";
    struct sc_box *box = job->call->box;

    *member = sc_store_mint(box);
    if (sc_addresses_add(box, c->email, *member) ||
        sc_store_run(box, c->nulls ? with_nulls : plain, "issssi", *member, c->email,
                     c->phone, c->name, c->fields ? c->fields : "{}",
                     sc_box_seconds(box)))
        return SC_FAILED;
    box->members++;
    return job->flag == FLAG_KEEP ? SC_DONE : sc_contact_tag(job->call, c, *member, 1, 0);
}

static int change(struct job *job, const struct sc_contact *c, int64_t member,
                  int tagging)
{
    if (job->update_existing && sc_contact_change(job->call, c, member))
        return SC_FAILED;
    return tagging ? sc_contact_tag(job->call, c, member, 0, job->flag == FLAG_REPLACE)
                   : SC_DONE;
}

/* Adds {"email": ..., key: text} to one of the answer's lists. */
static int row_into(struct job *job, sqlite3_str *out, const char *key, const char *email,
                    const char *text)
{
    if (sqlite3_str_length(out))
        sqlite3_str_appendchar(out, 1, ',');
    sqlite3_str_append(out, "{\"email\":", 9);
    if (sc_store_quote(job->call->box, out, email))
        return SC_FAILED;
    sqlite3_str_appendf(out, ",\"%s\":", key);
    if (sc_store_quote(job->call->box, out, text))
        return SC_FAILED;
    sqlite3_str_appendchar(out, 1, '}');
    return SC_DONE;
}

static int list_done(struct job *job, const struct sc_contact *c, int64_t member,
                     int existed)
{
    struct sc_call *call = job->call;
    struct sc_upsert *done = &job->done;
    char id[25];

    if (existed && !job->update_existing &&
        sc_switches_get(call->box, SC_SW_UNTOUCHED_LISTED) == 1)
        return SC_DONE;
    if (existed)
        done->updated++;
    else
        done->inserted++;
    sc_store_id_text(call->box, member, id);
    return row_into(job, existed ? done->updated_list : done->inserted_list,
                    call->dialect->brief_key, c->email, id);
}

/* A contact whose types are right. */
static int act(void *context, struct sc_contact *c)
{
    struct job *job = context;
    struct sc_call *call = job->call;
    int64_t member = 0;
    int existed = 0, tagging = c->has_tags && job->flag != FLAG_KEEP, found;

    sc_contact_check_address(call, c);
    if (!c->problem[0]) {
        found = sc_addresses_find(call->box, c->email, &member);
        if (found == SC_FAILED)
            return SC_FAILED;
        existed = found == SC_DONE;
    }
    if (existed && !job->update_existing) {
        c->fields = NULL;
        tagging = tagging && sc_switches_get(call->box, SC_SW_UNTOUCHED_TAGS) == 0;
    }
    if (!c->problem[0] && tagging && sc_contact_tags(call, c))
        return SC_FAILED;
    if (!c->problem[0] && sc_contact_fields(call, c))
        return SC_FAILED;
    if (c->problem[0]) {
        job->done.errors++;
        return row_into(job, job->done.error_list, "message", c->email ? c->email : "",
                        c->problem);
    }
    if (existed ? change(job, c, member, tagging) : insert(job, c, &member))
        return SC_FAILED;
    return list_done(job, c, member, existed);
}

/* The parts beside the list of contacts. */
static int read_head(struct job *job)
{
    static const char sql[] = "SELECT json_type(?1, '$.members'),"
                              " json_array_length(?1, '$.members'), json_type(?1, ?2),"
                              " json_extract(?1, ?2), json_type(?1, ?3)";
    struct sc_call *call = job->call;
    const struct sc_dialect *d = call->dialect;
    const char *members, *flag, *existing;
    char flag_path[40], existing_path[40];
    sqlite3_stmt *row;
    int outcome = SC_DONE;
    int64_t count;

    sqlite3_snprintf(sizeof flag_path, flag_path, "$.%s", d->tag_flag);
    sqlite3_snprintf(sizeof existing_path, existing_path, "$.%s", d->update_existing);
    row = sc_store_bind(call->box, sql, "bss", call->body, call->body_len, flag_path,
                        existing_path);
    if (!row || sc_store_step(call->box, row) != 1)
        return SC_FAILED;
    members = sc_store_text(call->box, row, 0);
    count = sqlite3_column_int64(row, 1);
    flag = sc_store_text(call->box, row, 2);
    existing = sc_store_text(call->box, row, 4);
    job->flag =
        flag && strcmp(flag, "null") != 0 ? sqlite3_column_int64(row, 3) : FLAG_APPEND;
    job->update_existing = existing && strcmp(existing, "true") == 0;
    if (!members || strcmp(members, "array") != 0)
        outcome = sc_call_refuse(call, 400, "members", "members is a list and required");
    else if (count < 1 || count > UPSERT_MAX)
        outcome =
            sc_call_refuse(call, 400, "members",
                           "members has 1 to 1000 elements, got %lld", (long long)count);
    else if (flag && strcmp(flag, "null") != 0 &&
             (strcmp(flag, "integer") != 0 || job->flag < 0 || job->flag > FLAG_KEEP))
        outcome = sc_call_refuse(call, 400, d->tag_flag, "%s is 0, 1 or 2", d->tag_flag);
    else if (!existing ||
             (strcmp(existing, "true") != 0 && strcmp(existing, "false") != 0))
        outcome = sc_call_refuse(call, 400, d->update_existing,
                                 "%s is a boolean and required", d->update_existing);
    sqlite3_reset(row);
    return outcome;
}

int sc_members_upsert(struct sc_call *call)
{
    struct job job = {.call = call};
    sqlite3_str *lists[3];
    int outcome = read_head(&job), i;

    if (outcome != SC_DONE)
        return outcome;
    for (i = 0; i < 3; i++)
        lists[i] = sqlite3_str_new(call->box->db);
    job.done.inserted_list = lists[0];
    job.done.updated_list = lists[1];
    job.done.error_list = lists[2];
    outcome = sc_contact_each(call, 1, act, &job);
    if (outcome == SC_DONE && job.done.inserted)
        call->box->set_version = call->box->version + 1;
    if (outcome == SC_DONE)
        outcome = call->dialect->upserted(call, &job.done);
    for (i = 0; i < 3; i++) {
        if (sqlite3_str_errcode(lists[i]))
            outcome = sc_box_fail(call->box, "out of memory");
        sqlite3_free(sqlite3_str_finish(lists[i]));
    }
    return outcome;
}
