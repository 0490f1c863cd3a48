#include "contact.h"
#include "fields.h"
#include "store.h"
#include "tags.h"
#include "wire.h"

#include <string.h>

#define IS(type, word) ((type) && strcmp((type), (word)) == 0)

enum { EMAIL, PHONE, NAME, FIELDS, TAGS, ATTRIBUTES };

int sc_contact_read(struct sc_call *call, const char *object, int object_len,
                    const char *where, struct sc_contact *c)
{
    static const char sql[] =
        "SELECT json_type(?1, '$.email'), json_extract(?1, '$.email'),"
        " json_type(?1, '$.phone'), json_extract(?1, '$.phone'),"
        " json_type(?1, '$.name'), json_extract(?1, '$.name'),"
        " json_type(?1, '$.fields'), json_extract(?1, '$.fields'),"
        " json_type(?1, '$.tags'), json_extract(?1, '$.tags')";
    static const struct {
        const char *name, *type, *words;
    } shape[ATTRIBUTES] = {{"email", "text", "a text"},
                           {"phone", "text", "a text"},
                           {"name", "text", "a text"},
                           {"fields", "object", "an object"},
                           {"tags", "array", "a list of tag names"}};
    const char *type, *value[ATTRIBUTES];
    int i, sent[ATTRIBUTES], clears;

    memset(c, 0, offsetof(struct sc_contact, tag_ids));
    c->tag_count = 0;
    c->problem[0] = '\0';
    c->row = sc_store_bind(call->box, sql, "b", object, object_len);
    if (!c->row || sc_store_step(call->box, c->row) != 1)
        return SC_FAILED;
    for (i = 0; i < ATTRIBUTES; i++) {
        type = (const char *)sqlite3_column_text(c->row, i * 2);
        value[i] = (const char *)sqlite3_column_text(c->row, i * 2 + 1);
        sent[i] = type != NULL;
        if (type && strcmp(type, "null") != 0 && strcmp(type, shape[i].type) != 0)
            return sc_call_refuse(call, 400, shape[i].name, "%s%s must be %s", where,
                                  shape[i].name, shape[i].words);
    }
    clears = ((sent[PHONE] && !value[PHONE]) || (sent[NAME] && !value[NAME])) &&
             sc_switches_get(call->box, SC_SW_NULL_CLEARS) == 0;
    c->email = value[EMAIL];
    c->phone = value[PHONE];
    c->name = value[NAME];
    c->has_phone = c->phone || (sent[PHONE] && clears);
    c->has_name = c->name || (sent[NAME] && clears);
    c->fields = value[FIELDS];
    c->tags = value[TAGS];
    return SC_DONE;
}

void sc_contact_done(struct sc_contact *c)
{
    if (c->row)
        sqlite3_reset(c->row);
    c->row = NULL;
    sqlite3_free(c->fields_own);
    c->fields_own = NULL;
}

/* Labels of letters, digits and hyphens, the last one of 2 to 20 letters. */
static int domain_is_good(const char *domain)
{
    const char *label = domain, *p;
    int labels = 0, letters;

    for (;; label = p + 1) {
        letters = 1;
        for (p = label; *p && *p != '.'; p++) {
            if (!sc_wire_word((unsigned char)*p) && *p != '-')
                return 0;
            if (*p == '_')
                return 0;
            letters &= (*p | 0x20) >= 'a' && (*p | 0x20) <= 'z';
        }
        if (p == label || p - label > 63 || *label == '-' || p[-1] == '-')
            return 0;
        labels++;
        if (!*p)
            return labels > 1 && letters && p - label >= 2 && p - label <= 20 &&
                   p - domain <= 255;
    }
}

static const char *bad_address(const char *address, int rules)
{
    const char *at = strchr(address, '@'), *p;
    int64_t characters = sc_wire_characters(address, strlen(address));

    if (!*address)
        return "email is required";
    if (!at || at == address || !at[1])
        return "email is not an address: it has no @ between a name and a domain";
    if (!rules)
        return NULL;
    for (p = address; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 127)
            return "email holds white space or a control character";
    if (characters < 6 || characters > 128)
        return "email has 6 to 128 characters";
    if (strchr(at + 1, '@') || sc_wire_characters(address, (size_t)(at - address)) > 96)
        return "the part of email before the @ has 1 to 96 characters, no @ among them";
    if (!domain_is_good(at + 1))
        return "the domain of email is not one";
    return NULL;
}

void sc_contact_check_address(struct sc_call *call, struct sc_contact *c)
{
    const char *strict = c->email ? bad_address(c->email, 1) : "email is required";
    const char *why = strict;

    /* the switch decides only where the two readings differ */
    if (strict && c->email && !bad_address(c->email, 0) &&
        sc_switches_get(call->box, SC_SW_ADDRESS_RULES) == 1)
        why = NULL;
    if (why)
        sqlite3_snprintf(sizeof c->problem, c->problem, "%s", why);
}

/* Whether a key may stay; defines it when it is new. drop: the stored form differs. */
static int check_field(struct sc_call *call, struct sc_contact *c, const char *key,
                       int *rebuild)
{
    const struct sc_field *field = sc_fields_find(call->box, key);
    const char *why;
    int outcome;

    if (field) {
        *rebuild |= strcmp(field->name, key) != 0;
        return SC_DONE;
    }
    if (sc_fields_reserved(key)) { /* a sample sends fields.Email: it means nothing */
        *rebuild = 1;
        return SC_DONE;
    }
    switch (sc_switches_get(call->box, SC_SW_UNKNOWN_FIELD)) {
    case 0:
        why = sc_fields_bad_name(key, sc_switches_peek(call->box, SC_SW_FIELD_NAMES));
        if (why) {
            sqlite3_snprintf(sizeof c->problem, c->problem, "%s", why);
            return SC_DONE;
        }
        outcome = sc_fields_define(call->box, key, SC_TEXT, NULL, NULL);
        if (outcome == SC_REFUSED)
            sqlite3_snprintf(sizeof c->problem, c->problem,
                             "there are 50 fields already");
        return outcome == SC_FAILED ? SC_FAILED : SC_DONE;
    case 1: *rebuild = 1; return SC_DONE;
    default:
        sqlite3_snprintf(sizeof c->problem, c->problem,
                         "[%.64s] is not defined, please define it first", key);
        return SC_DONE;
    }
}

/* Scalars become texts, keys their defined spelling, escapes the characters they mean (a
 * JSON path compares bytes); nulls stay for json_patch to remove. */
static int rebuild_fields(struct sc_call *call, struct sc_contact *c, int drop_nulls)
{
    static const char sql[] =
        "SELECT json_group_object(sc_field(key), CASE type WHEN 'null' THEN NULL"
        " WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' WHEN 'object' THEN "
        "json(value)"
        " WHEN 'array' THEN json(value) ELSE CAST(value AS TEXT) END)"
        " FROM json_each(?1) WHERE sc_field(key) IS NOT NULL AND (?2 = 0 OR type <> "
        "'null')";
    sqlite3_stmt *row =
        sc_store_bind(call->box, sql, "si", c->fields, (int64_t)drop_nulls);

    if (!row || sc_store_step(call->box, row) != 1)
        return SC_FAILED;
    c->fields_own = sqlite3_mprintf("%s", sqlite3_column_text(row, 0));
    sqlite3_reset(row);
    c->fields = c->fields_own;
    return c->fields ? SC_DONE : sc_box_fail(call->box, "out of memory");
}

int sc_contact_fields(struct sc_call *call, struct sc_contact *c)
{
    sqlite3_stmt *row;
    int rebuild, nulls = 0, code = 0;

    if (!c->fields)
        return SC_DONE;
    rebuild = strchr(c->fields, '\\') != NULL;
    row = sc_store_bind(call->box, "SELECT key, type FROM json_each(?1)", "s", c->fields);
    if (!row)
        return SC_FAILED;
    while (!c->problem[0] && (code = sc_store_step(call->box, row)) == 1) {
        const char *type = (const char *)sqlite3_column_text(row, 1);

        nulls |= IS(type, "null");
        rebuild |= !IS(type, "text");
        if (check_field(call, c, (const char *)sqlite3_column_text(row, 0), &rebuild)) {
            sqlite3_reset(row);
            return SC_FAILED;
        }
    }
    sqlite3_reset(row);
    if (code < 0)
        return SC_FAILED;
    if (!rebuild || c->problem[0])
        return SC_DONE;
    return rebuild_fields(call, c,
                          nulls && sc_switches_get(call->box, SC_SW_NULL_CLEARS) == 1);
}

static int add_tag(struct sc_call *call, struct sc_contact *c, const char *name)
{
    int64_t tag;
    const char *why = sc_tags_bad_name(call->box, name);
    int outcome = why ? SC_REFUSED : sc_tags_find(call->box, name, &tag), i;

    if (why) {
        sqlite3_snprintf(sizeof c->problem, c->problem, "%s", why);
        return SC_DONE;
    }
    if (outcome == SC_REFUSED) {
        switch (sc_switches_get(call->box, SC_SW_UNKNOWN_TAG)) {
        case 0: outcome = sc_tags_make(call->box, name, &tag); break;
        case 1: return SC_DONE;
        default:
            sqlite3_snprintf(sizeof c->problem, c->problem, "tag [%.64s] does not exist",
                             name);
            return SC_DONE;
        }
    }
    if (outcome != SC_DONE)
        return outcome;
    for (i = 0; i < c->tag_count; i++)
        if (c->tag_ids[i] == tag)
            return SC_DONE;
    if (c->tag_count == SC_TAGS_MAX)
        sqlite3_snprintf(sizeof c->problem, c->problem, "more than %d tags", SC_TAGS_MAX);
    else
        c->tag_ids[c->tag_count++] = tag;
    return SC_DONE;
}

int sc_contact_tags(struct sc_call *call, struct sc_contact *c, const char *where)
{
    sqlite3_stmt *row;
    int code = 0, outcome = SC_DONE;

    if (!c->tags || strcmp(c->tags, "[]") == 0)
        return SC_DONE;
    row = sc_store_bind(call->box, "SELECT value, type FROM json_each(?1)", "s", c->tags);
    if (!row)
        return SC_FAILED;
    while (outcome == SC_DONE && !c->problem[0] &&
           (code = sc_store_step(call->box, row)) == 1) {
        if (!IS((const char *)sqlite3_column_text(row, 1), "text"))
            outcome = sc_call_refuse(call, 400, "tags",
                                     "%stags must be a list of tag names", where);
        else
            outcome = add_tag(call, c, (const char *)sqlite3_column_text(row, 0));
    }
    sqlite3_reset(row);
    return code < 0 ? SC_FAILED : outcome;
}

int sc_contact_tag(struct sc_call *call, const struct sc_contact *c, int64_t member,
                   int replace)
{
    int64_t n = 0;
    int i, found;

    if (replace &&
        sc_store_run(call->box, "DELETE FROM tagging WHERE member = ?1", "i", member))
        return SC_FAILED;
    if (!replace && c->tag_count &&
        sc_store_integer(call->box, &n, &found,
                         "SELECT ifnull(max(n), 0) FROM tagging WHERE member = ?1", "i",
                         member))
        return SC_FAILED;
    for (i = 0; i < c->tag_count; i++)
        if (sc_store_run(call->box, "INSERT OR IGNORE INTO tagging VALUES (?1, ?2, ?3)",
                         "iii", member, c->tag_ids[i], ++n))
            return SC_FAILED;
    return SC_DONE;
}

int sc_contact_change(struct sc_call *call, const struct sc_contact *c, int64_t member)
{
    static const char sql[] =
        "UPDATE member SET phone = iif(?2, ?3, phone), name = iif(?4, ?5, name),"
        " fields = iif(?6 IS NULL, fields, json_patch(fields, ?6)), updated = ?7 WHERE "
        "id = ?1";

    return sc_store_run(call->box, sql, "iisissi", member, (int64_t)c->has_phone,
                        c->phone, (int64_t)c->has_name, c->name, c->fields,
                        sc_box_seconds(call->box));
}
