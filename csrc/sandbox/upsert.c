/* members.upsert: up to 1000 contacts, each inserted, updated or refused on its own. */
#include "addresses.h"
#include "contact.h"
#include "dialect.h"
#include "store.h"
#include "tagging.h"

#include <string.h>

enum { FLAG_REPLACE, FLAG_APPEND, FLAG_KEEP };

struct job {
    struct sc_call *call;
    int flag;
    int update_existing;
    struct sc_upsert done;
    int64_t touched[SC_CONTACTS_MAX]; /* who was made or found so far */
    int touched_count;
};

static int insert(struct job *job, const struct sc_contact *c, int64_t *member)
{
    static const char plain[] =
        "INSERT INTO member(id, email, phone, name, fields, updated, tags)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    static const char with_nulls[] =
        "INSERT INTO member(id, email, phone, name, fields, updated, tags)"
        " VALUES (?1, ?2, ?3, ?4, json_patch('{}', ?5), ?6, ?7)";
    struct sc_box *box = job->call->box;
    const struct sc_tag_list *tags = &box->tag_list;
    int changed = 0;

    *member = sc_store_mint(box);
    sc_tagging_begin(box);
    if (sc_contact_give(job->call, c, *member, &changed))
        return SC_FAILED;
    if (sc_addresses_add(box, c->email, *member) ||
        sc_store_run(box, c->nulls ? with_nulls : plain, "issssix", *member, c->email,
                     c->phone, c->name, c->fields ? c->fields : "{}", sc_box_seconds(box),
                     tags->bytes, tags->count * SC_TAGGING_WIDTH))
        return SC_FAILED;
    box->members++;
    return SC_DONE;
}

static int change(struct job *job, const struct sc_contact *c, int64_t member,
                  int tagging)
{
    struct sc_box *box = job->call->box;

    if (job->update_existing && sc_contact_change(job->call, c, member))
        return SC_FAILED;
    if (job->update_existing && box->found_unsubscribed &&
        sc_switches_get(box, SC_SW_RESUBSCRIBE) == 1 &&
        sc_store_run(box, "UPDATE member SET unsubscribed = NULL WHERE id = ?1", "i",
                     member))
        return SC_FAILED;
    return tagging ? sc_contact_tag(job->call, c, member, job->flag == FLAG_REPLACE)
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
    sqlite3_str_append(out, ",\"", 2);
    sqlite3_str_appendall(out, key);
    sqlite3_str_append(out, "\":", 2);
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

/* What is wrong with a contact. The document of EngageLab shows how, SendCloud's does
 * not. */
static int list_error(struct job *job, const struct sc_contact *c)
{
    const char *email = c->email ? c->email : "";
    sqlite3_str *out = job->done.error_list;
    char *text;
    int outcome;

    job->done.errors++;
    if (job->call->dialect != &sc_sendcloud ||
        sc_switches_get(job->call->box, SC_SW_ERROR_ROWS) == 0)
        return row_into(job, out, "message", email, c->problem);
    text = sqlite3_mprintf("%s: %s", email, c->problem);
    if (!text)
        return sc_box_fail(job->call->box, "out of memory");
    if (sqlite3_str_length(out))
        sqlite3_str_appendchar(out, 1, ',');
    outcome = sc_store_quote(job->call->box, out, text);
    sqlite3_free(text);
    return outcome;
}

/* An existing contact: whether this request has come to it before, and may not. */
static void check_repeated(struct job *job, struct sc_contact *c, int64_t member)
{
    int i = job->touched_count;

    while (i-- > 0 && job->touched[i] != member)
        ;
    if (i >= 0 && sc_switches_get(job->call->box, SC_SW_REPEATED_ADDRESS) == 1)
        sqlite3_snprintf(sizeof c->problem, c->problem,
                         "email is in this request already");
}

/* A contact whose types are right. */
static int act(void *context, struct sc_contact *c)
{
    struct job *job = context;
    struct sc_call *call = job->call;
    int64_t member = 0;
    int existed = 0, tagging = c->has_tags, found;

    if (!c->problem[0]) {
        sc_contact_check_address(call, c);
        if (c->problem[0] && sc_switches_get(call->box, SC_SW_WRONG_ADDRESS) == 1)
            return sc_call_refuse(call, 400, "email", "%s", c->problem);
    }
    if (!c->problem[0]) {
        found = sc_addresses_find(call->box, c->email, &member);
        if (found == SC_FAILED)
            return SC_FAILED;
        existed = found == SC_DONE;
        if (existed)
            check_repeated(job, c, member);
    }
    if (job->flag == FLAG_KEEP)
        tagging = tagging && !existed && c->tag_count && !c->problem[0] &&
                  sc_switches_get(call->box, SC_SW_SKIP_NEW) == 1;
    if (existed && !job->update_existing) {
        c->fields = NULL;
        tagging = tagging && sc_switches_get(call->box, SC_SW_UNTOUCHED_TAGS) == 0;
    }
    if (!c->problem[0] && tagging && sc_contact_tags(call, c))
        return SC_FAILED;
    if (!c->problem[0] && sc_contact_fields(call, c))
        return SC_FAILED;
    if (c->problem[0])
        return list_error(job, c);
    if (existed ? change(job, c, member, tagging) : insert(job, c, &member))
        return SC_FAILED;
    job->touched[job->touched_count++] = member;
    return list_done(job, c, member, existed);
}

/* What the body says beside its contacts; of a name that is there twice, the first. at is
 * NULL: not there. */
struct head {
    struct sc_json members, flag, existing;
};

static void find_head(const struct sc_call *call, struct head *head)
{
    struct sc_json body = sc_json_begin(call->body), next = {0}, key, value;
    const struct sc_dialect *d = call->dialect;

    memset(head, 0, sizeof *head);
    while (sc_json_each(body, &next, &key, &value)) {
        if (!head->members.at && sc_json_says(key, "members"))
            head->members = value;
        else if (!head->flag.at && sc_json_says(key, d->tag_flag))
            head->flag = value;
        else if (!head->existing.at && sc_json_says(key, d->update_existing))
            head->existing = value;
    }
}

/* 0, 1 or 2; absent and null are 1; -1: cannot be. */
static int flag_of(struct sc_json flag)
{
    if (!flag.at || sc_json_type(flag) == SC_JSON_NULL)
        return FLAG_APPEND;
    return flag.len == 1 && *flag.at >= '0' && *flag.at <= '2' ? *flag.at - '0' : -1;
}

static int read_head(struct job *job, struct head *head)
{
    struct sc_call *call = job->call;
    const struct sc_dialect *d = call->dialect;

    find_head(call, head);
    if (!head->members.at || sc_json_type(head->members) != SC_JSON_ARRAY)
        return sc_call_refuse(call, 400, "members", "members is a list and required");
    job->flag = flag_of(head->flag);
    if (job->flag < 0)
        return sc_call_refuse(call, 400, d->tag_flag, "%s is 0, 1 or 2", d->tag_flag);
    if (!head->existing.at || (*head->existing.at != 't' && *head->existing.at != 'f'))
        return sc_call_refuse(call, 400, d->update_existing,
                              "%s is a boolean and required", d->update_existing);
    job->update_existing = *head->existing.at == 't';
    return SC_DONE;
}

int sc_members_upsert(struct sc_call *call)
{
    struct job job = {.call = call};
    struct head head;
    sqlite3_str *lists[3];
    int outcome = read_head(&job, &head), i;

    if (outcome != SC_DONE)
        return outcome;
    for (i = 0; i < 3; i++)
        lists[i] = sqlite3_str_new(call->box->db);
    job.done.inserted_list = lists[0];
    job.done.updated_list = lists[1];
    job.done.error_list = lists[2];
    outcome = sc_contact_each(call, &head.members, act, &job);
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
