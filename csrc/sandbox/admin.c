/* What a test does to a box besides sending requests: events, fields, scripted failures,
 * and the store as a whole. */
#include "database.h"
#include "dialect.h"
#include "fields.h"
#include "listing.h"
#include "members.h"
#include "schema_id.h"
#include "segments.h"
#include "store.h"
#include "wire.h"

#include <string.h>

/* Ends a change begun with sc_database_begin; outcome is what it came to. */
static int end(struct sc_box *box, int outcome)
{
    if (outcome == SC_DONE && sc_database_commit(box) == SC_DONE) {
        box->version++;
        return SC_BOX_OK;
    }
    sc_database_rollback(box);
    return outcome == SC_REFUSED ? SC_BOX_NOT_FOUND : SC_BOX_STORE;
}

static int record(struct sc_box *box, int64_t campaign, int64_t member,
                  enum sc_event event)
{
    int64_t kind;

    if (sc_store_run(box,
                     "INSERT INTO campaign VALUES (?1, 'sent') ON CONFLICT DO NOTHING",
                     "i", campaign))
        return SC_FAILED;
    for (kind = SC_EVENT_SENT; kind <= (int64_t)event; kind++)
        if (sc_store_run(box,
                         "INSERT OR IGNORE INTO campaign_event VALUES (?1, ?2, ?3, ?4)",
                         "iiii", campaign, kind, member, sc_box_seconds(box)))
            return SC_FAILED;
    return SC_DONE;
}

static int no_member(struct sc_box *box, const char *who)
{
    sc_box_fail(box, "there is no member [%.128s]", who);
    return SC_REFUSED;
}

int sc_box_event(struct sc_box *box, int64_t campaign, const char *member,
                 enum sc_event event)
{
    int64_t id = 0;
    int outcome;

    if (sc_database_begin(box))
        return SC_BOX_STORE;
    outcome = sc_members_find(box, member, &id);
    if (outcome == SC_DONE)
        outcome = record(box, campaign, id, event) ? SC_FAILED : sc_segments_follow(box);
    else if (outcome == SC_REFUSED)
        no_member(box, member);
    return end(box, outcome);
}

int sc_box_campaign(struct sc_box *box, int64_t campaign, const char *status)
{
    if (strcmp(status, "draft") != 0 && strcmp(status, "sending") != 0 &&
        strcmp(status, "sent") != 0) {
        sc_box_fail(box, "the status of a campaign is draft, sending or sent");
        return SC_BOX_INVALID;
    }
    if (sc_database_begin(box))
        return SC_BOX_STORE;
    return end(box, sc_store_run(box,
                                 "INSERT INTO campaign VALUES (?1, ?2)"
                                 " ON CONFLICT DO UPDATE SET status = excluded.status",
                                 "is", campaign, status));
}

int sc_box_unsubscribe(struct sc_box *box, const char *member, int unsubscribed)
{
    int64_t id = 0;
    int outcome;

    if (sc_database_begin(box))
        return SC_BOX_STORE;
    outcome = sc_members_find(box, member, &id);
    if (outcome == SC_REFUSED)
        no_member(box, member);
    if (outcome == SC_DONE)
        outcome =
            sc_store_run(box,
                         "UPDATE member SET unsubscribed = iif(?2, ?3, NULL)"
                         " WHERE id = ?1",
                         "iii", id, (int64_t)(unsubscribed != 0), sc_box_seconds(box));
    if (outcome == SC_DONE)
        outcome = sc_segments_follow(box);
    return end(box, outcome);
}

static const char *bad_field(const char *name, int type, const char *format)
{
    static const char *const formats[5][3] = {{NULL, NULL, NULL},
                                              {"0", ".0", ".00"},
                                              {"MM/DD/YYYY", "DD/MM/YYYY", NULL},
                                              {"MM/DD", "DD/MM", NULL},
                                              {NULL, NULL, NULL}};
    const char *why = sc_wire_characters(name, strlen(name)) < 0
                          ? "the name is not UTF-8"
                          : sc_fields_bad_name(name, 0);
    int i;

    if (why)
        return why;
    if (sc_fields_reserved(name))
        return "the service keeps this name for itself";
    if (type < SC_TEXT || type > SC_DROPDOWN)
        return "the type of a field is 0 to 4";
    if (!format)
        return NULL;
    for (i = 0; i < 3 && formats[type][i]; i++)
        if (strcmp(formats[type][i], format) == 0)
            return NULL;
    return "the format is none of this type";
}

int sc_box_field(struct sc_box *box, const char *name, int type, const char *format,
                 const char *options)
{
    const char *why = bad_field(name, type, format);
    int64_t valid = 1;
    int found, outcome;

    if (!why && options) {
        if (sc_store_integer(box, &valid, &found,
                             "SELECT iif(json_valid(?1), json_type(?1) = 'array', 0)",
                             "s", options))
            return SC_BOX_STORE;
        if (!valid)
            why = "the options of a field are a JSON list";
    }
    if (why) {
        sc_box_fail(box, "%s", why);
        return SC_BOX_INVALID;
    }
    if (sc_database_begin(box))
        return SC_BOX_STORE;
    outcome = sc_fields_define(box, name, type, format, options);
    if (outcome != SC_REFUSED)
        return end(box, outcome);
    end(box, outcome);
    sc_box_fail(box, "there are 50 fields already");
    return SC_BOX_INVALID;
}

int sc_box_segment_fail(struct sc_box *box, const char *segment)
{
    int64_t id = segment ? sc_store_id(box, segment, strlen(segment)) : 0;
    int outcome;

    if (!segment || !*segment) {
        box->fail_next = 1;
        return SC_BOX_OK;
    }
    if (sc_database_begin(box))
        return SC_BOX_STORE;
    outcome = sc_store_run(box, "UPDATE segment SET fails = 1 WHERE id = ?1 OR name = ?2",
                           "is", id, segment);
    if (outcome == SC_DONE && sqlite3_changes(box->db) == 0) {
        sc_box_fail(box, "there is no segment [%.128s]", segment);
        outcome = SC_REFUSED;
    }
    return end(box, outcome);
}

int sc_box_reset(struct sc_box *box)
{
    int outcome;

    sc_listing_forget(box);
    if (sc_database_begin(box))
        return SC_BOX_STORE;
    outcome = sc_database_clear(box);
    if (outcome == SC_DONE)
        box->saved_counter = box->counter;
    outcome = end(box, outcome);
    box->fail_next = 0;
    return outcome == SC_BOX_OK && sc_database_load(box) ? SC_BOX_STORE : outcome;
}

int sc_box_snapshot(struct sc_box *box, char **bytes, size_t *len)
{
    sqlite3_int64 size = 0;
    unsigned char *image = sqlite3_serialize(box->db, "main", &size, 0);

    if (!image)
        return SC_BOX_NOMEM;
    /* an image in memory cannot have a write-ahead log */
    if (size > 19)
        image[18] = image[19] = 1;
    *bytes = (char *)image;
    *len = (size_t)size;
    return SC_BOX_OK;
}

/* Whether db is a store that this version wrote. */
static int is_store(sqlite3 *db)
{
    static const char sql[] =
        "SELECT (SELECT application_id FROM pragma_application_id),"
        " (SELECT user_version FROM pragma_user_version),"
        " (SELECT count(*) FROM meta WHERE key IN ('seed', 'counter'))";
    sqlite3_stmt *row = NULL;
    int good = 0;

    if (sqlite3_prepare_v2(db, sql, -1, &row, NULL) == SQLITE_OK &&
        sqlite3_step(row) == SQLITE_ROW)
        good = sqlite3_column_int(row, 0) == SC_SCHEMA_APPLICATION &&
               sqlite3_column_int(row, 1) == SC_SCHEMA_VERSION &&
               sqlite3_column_int(row, 2) == 2;
    sqlite3_finalize(row);
    return good;
}

int sc_box_restore(struct sc_box *box, const char *bytes, size_t len)
{
    sqlite3 *from = NULL;
    sqlite3_backup *backup;
    unsigned char *copy = sqlite3_malloc64(len + 1);
    int code;

    if (!copy)
        return SC_BOX_NOMEM;
    memcpy(copy, bytes, len);
    code = sqlite3_open_v2(":memory:", &from, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                           NULL);
    if (code == SQLITE_OK)
        code = sqlite3_deserialize(
            from, "main", copy, (sqlite3_int64)len, (sqlite3_int64)len,
            SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_READONLY);
    else
        sqlite3_free(copy);
    if (code != SQLITE_OK || !is_store(from)) {
        sqlite3_close_v2(from);
        sc_box_fail(box, "the bytes are not a snapshot of a sandbox");
        return SC_BOX_INVALID;
    }
    sc_listing_forget(box);
    backup = sqlite3_backup_init(box->db, "main", from, "main");
    code = backup ? sqlite3_backup_step(backup, -1) : SQLITE_ERROR;
    sqlite3_backup_finish(backup);
    if (code != SQLITE_DONE)
        sc_box_fail(box, "%s", sqlite3_errmsg(box->db));
    sqlite3_close_v2(from);
    return code == SQLITE_DONE && sc_database_load(box) == SC_DONE ? SC_BOX_OK
                                                                   : SC_BOX_STORE;
}

int sc_box_dump(struct sc_box *box, char **json, size_t *len)
{
    char *sql = sqlite3_mprintf(
        "SELECT json_object('fields', (SELECT json_group_array(json_object('fieldName', "
        "name,"
        " 'fieldType', type, 'format', format, 'options', json(options))) FROM"
        " (SELECT * FROM field ORDER BY id)),"
        " 'members', (SELECT json_group_array(json(%s)) FROM (SELECT * FROM member ORDER "
        "BY id) m),"
        " 'tags', (SELECT json_group_array(%s) FROM (SELECT * FROM tag ORDER BY id) t),"
        " 'segments', (SELECT json_group_array(%s) FROM (SELECT * FROM segment ORDER BY "
        "id) s),"
        " 'campaigns', (SELECT json_group_array(json_object('campaignId', c.id,"
        " 'status', c.status, 'sent', (SELECT count(*) FROM campaign_event WHERE "
        "campaign = c.id"
        " AND kind = 0), 'open', (SELECT count(*) FROM campaign_event WHERE campaign = "
        "c.id"
        " AND kind = 1), 'click', (SELECT count(*) FROM campaign_event WHERE campaign = "
        "c.id"
        " AND kind = 2))) FROM (SELECT * FROM campaign ORDER BY id) c))",
        sc_sendcloud.member_sql, sc_sendcloud.tag_sql, sc_sendcloud.segment_sql);
    sqlite3_stmt *row = NULL;
    int code = -1;

    box->detail = 0;
    if (!sql || sqlite3_prepare_v2(box->db, sql, -1, &row, NULL))
        sc_box_fail(box, "%s", sqlite3_errmsg(box->db));
    else
        code = sc_store_step(box, row);
    *json = code == 1 ? sqlite3_mprintf("%s", sc_store_text(box, row, 0)) : NULL;
    *len = *json ? (size_t)sqlite3_column_bytes(row, 0) : 0;
    sqlite3_finalize(row);
    sqlite3_free(sql);
    return *json ? SC_BOX_OK : SC_BOX_STORE;
}
