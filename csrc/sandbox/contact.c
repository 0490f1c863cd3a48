#include "contact.h"
#include "fields.h"
#include "store.h"
#include "tagging.h"
#include "wire.h"

#include <string.h>

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
        sc_switches_get(call->box, SC_SW_ADDRESS_RULES) == 0)
        why = NULL;
    if (why)
        sqlite3_snprintf(sizeof c->problem, c->problem, "%s", why);
}

/* Why a field cannot be defined by that name. */
static const char *bad_name(struct sc_call *call, const char *name)
{
    const char *why = sc_fields_bad_name(name, 0);
    const char *documented = sc_fields_bad_name(name, 1);

    if (!why && documented && sc_switches_get(call->box, SC_SW_FIELD_NAMES) == 1)
        why = documented;
    return why;
}

/* What becomes of a field that is not defined. */
static int check_field(struct sc_call *call, struct sc_contact *c, const char *key)
{
    const char *why;
    int outcome;

    if (sc_fields_find(call->box, key)) /* another contact's field by now */
        return SC_DONE;
    switch (sc_switches_get(call->box, SC_SW_UNKNOWN_FIELD)) {
    case 0:
        why = bad_name(call, key);
        if (why) {
            sqlite3_snprintf(sizeof c->problem, c->problem, "%s", why);
            return SC_DONE;
        }
        outcome = sc_fields_define(call->box, key, SC_TEXT, NULL, NULL);
        if (outcome == SC_REFUSED)
            sqlite3_snprintf(sizeof c->problem, c->problem,
                             "there are 50 fields already");
        return outcome == SC_FAILED ? SC_FAILED : SC_DONE;
    case 1: return SC_DONE;
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
        " WHEN 'array' THEN json(value) ELSE iif(?3 AND type <> 'text', value,"
        " CAST(value AS TEXT)) END)"
        " FROM json_each(?1) WHERE sc_field(key) IS NOT NULL AND (?2 = 0 OR type <> "
        "'null')";
    int64_t typed = c->numbers && sc_switches_get(call->box, SC_SW_FIELD_VALUES) == 1;
    sqlite3_stmt *row =
        sc_store_bind(call->box, sql, "sii", c->fields, (int64_t)drop_nulls, typed);

    if (!row || sc_store_step(call->box, row) != 1)
        return SC_FAILED;
    c->fields_own = sqlite3_mprintf("%s", sc_store_text(call->box, row, 0));
    sqlite3_reset(row);
    c->fields = c->fields_own;
    return c->fields ? SC_DONE : sc_box_fail(call->box, "out of memory");
}

int sc_contact_fields(struct sc_call *call, struct sc_contact *c)
{
    int i;

    if (!c->fields)
        return SC_DONE;
    for (i = 0; i < c->new_fields && !c->problem[0]; i++)
        if (check_field(call, c, c->new_names[i]))
            return SC_FAILED;
    if (!c->rebuild || c->problem[0])
        return SC_DONE;
    return rebuild_fields(call, c,
                          c->nulls && sc_switches_get(call->box, SC_SW_NULL_CLEARS) == 1);
}

static int add_tag(struct sc_call *call, struct sc_contact *c, const char *name)
{
    int64_t tag;
    const char *why = sc_tagging_bad_name(call->box, name);
    int outcome = why ? SC_REFUSED : sc_tagging_find(call->box, name, &tag), i;

    if (why) {
        sqlite3_snprintf(sizeof c->problem, c->problem, "%s", why);
        return SC_DONE;
    }
    if (outcome == SC_REFUSED) {
        switch (sc_switches_get(call->box, SC_SW_UNKNOWN_TAG)) {
        case 0: outcome = sc_tagging_make(call->box, name, &tag); break;
        case 1: return SC_DONE;
        default:
            sqlite3_snprintf(sizeof c->problem, c->problem, "tag [%.64s] does not exist",
                             name);
            return SC_DONE;
        }
    }
    if (outcome != SC_DONE)
        return outcome;
    for (i = 0; i < c->id_count; i++)
        if (c->tag_ids[i] == tag)
            return SC_DONE;
    c->tag_ids[c->id_count++] = tag;
    return SC_DONE;
}

int sc_contact_tags(struct sc_call *call, struct sc_contact *c)
{
    int i;

    for (i = 0; i < c->tag_count && !c->problem[0]; i++)
        if (add_tag(call, c, c->tags[i]))
            return SC_FAILED;
    return SC_DONE;
}

int sc_contact_tag(struct sc_call *call, const struct sc_contact *c, int64_t member,
                   int replace)
{
    int changed = 0;

    if (sc_tagging_read(call->box, member) ||
        (replace &&
         sc_tagging_keep(call->box, member, c->tag_ids, c->id_count, &changed)) ||
        sc_contact_give(call, c, member, &changed))
        return SC_FAILED;
    return changed ? sc_tagging_write(call->box, member) : SC_DONE;
}

int sc_contact_give(struct sc_call *call, const struct sc_contact *c, int64_t member,
                    int *changed)
{
    int i;

    for (i = 0; i < c->id_count; i++)
        if (sc_tagging_give(call->box, member, c->tag_ids[i], changed))
            return SC_FAILED;
    return SC_DONE;
}

int sc_contact_change(struct sc_call *call, const struct sc_contact *c, int64_t member)
{
    static const char sql[] =
        "UPDATE member SET phone = iif(?2, ?3, phone), name = iif(?4, ?5, name),"
        " fields = iif(?6 IS NULL, fields, json_patch(iif(?8, '{}', fields), ?6)),"
        " updated = ?7 WHERE id = ?1";
    int64_t replace = c->fields && sc_switches_get(call->box, SC_SW_FIELDS_UPDATE) == 1;

    return sc_store_run(call->box, sql, "iisissii", member, (int64_t)c->has_phone,
                        c->phone, (int64_t)c->has_name, c->name, c->fields,
                        sc_box_seconds(call->box), replace);
}
