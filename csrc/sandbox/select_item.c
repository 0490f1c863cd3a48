#include "select_item.h"
#include "addresses.h"
#include "fields.h"
#include "functions.h"
#include "store.h"
#include "tagging.h"
#include "wire.h"

#include <stdarg.h>
#include <string.h>

static const char *const comparisons[] = {"=", "<>", ">", ">=", "<", "<="};

static int bad(struct sc_compiler *c, enum sc_bad what, const char *format, ...)
{
    va_list arguments;

    c->problem->what = what;
    va_start(arguments, format);
    sqlite3_vsnprintf(sizeof c->problem->message, c->problem->message, format, arguments);
    va_end(arguments);
    return SC_REFUSED;
}

static void value(struct sc_compiler *c, const char *text)
{
    c->select->values[c->select->count++] = text;
}

static int own(struct sc_compiler *c, char *text)
{
    if (!text)
        return sc_box_fail(c->box, "out of memory");
    c->select->owned[c->select->owned_count++] = text;
    value(c, text);
    return SC_DONE;
}

/* Lower case of ASCII, as SQLite's lower() does it. */
static char *lower(const char *text)
{
    char *copy = sqlite3_mprintf("%s", text), *p;

    for (p = copy; p && *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p + 32);
    return copy;
}

/* What "exist" asks for: 1 there, 0 not there, -1 cannot be. */
static int wanted(const char *text)
{
    if (!*text || strcmp(text, "1") == 0 || sqlite3_stricmp(text, "true") == 0)
        return 1;
    return strcmp(text, "0") == 0 || sqlite3_stricmp(text, "false") == 0 ? 0 : -1;
}

/* The same of the item, with the refusal of what cannot be. */
static int asks(struct sc_compiler *c, int *there)
{
    *there = 1;
    if (sc_switches_get(c->box, SC_SW_EXIST_VALUE) == 1)
        return SC_DONE;
    *there = wanted(c->item->value);
    if (*there < 0)
        return bad(c, SC_BAD_VALUE, "the value of exist is \"true\" or \"false\"");
    return SC_DONE;
}

static int exists(struct sc_compiler *c, const char *expression, const char *path)
{
    static const char *const says[2][2] = {
        {"ifnull(%s, '') = ''", "ifnull(%s, '') <> ''"},
        {"%s IS NULL", "%s IS NOT NULL"}};
    int there, outcome = asks(c, &there);

    if (outcome != SC_DONE)
        return outcome;
    if (path)
        value(c, path);
    sqlite3_str_appendf(c->select->sql,
                        says[sc_switches_get(c->box, SC_SW_EMPTY_EXISTS)][there],
                        expression);
    return SC_DONE;
}

/* Texts. expression holds at most one ?, whose value is path. */
static int text_item(struct sc_compiler *c, const char *expression, const char *path)
{
    sqlite3_str *sql = c->select->sql;
    enum sc_op op = c->item->op;
    int fold = sc_switches_get(c->box, SC_SW_TEXT_CASE) == 0;
    int negative = op == SC_NE || op == SC_NOT_CONTAIN;
    const char *absent = "1";

    if (op == SC_EXIST)
        return exists(c, expression, path);
    if (path)
        value(c, path);
    if (negative)
        absent = sc_switches_get(c->box, SC_SW_ABSENT_IS_NOT) == 0 ? "1" : "0";
    if (op == SC_CONTAIN || op == SC_NOT_CONTAIN) {
        sqlite3_str_appendf(sql,
                            fold ? "ifnull(instr(lower(%s), ?) %s 0, %s)"
                                 : "ifnull(instr(%s, ?) %s 0, %s)",
                            expression, negative ? "=" : ">", negative ? absent : "0");
        return fold ? own(c, lower(c->item->value)) : (value(c, c->item->value), SC_DONE);
    }
    if (op == SC_EQ)
        sqlite3_str_appendf(sql, "%s = ?%s", expression, fold ? " COLLATE NOCASE" : "");
    else if (op == SC_NE)
        sqlite3_str_appendf(sql, "ifnull(%s <> ?%s, %s)", expression,
                            fold ? " COLLATE NOCASE" : "", absent);
    else
        sqlite3_str_appendf(
            sql, "sc_compare(%s, ?, %d) %s 0", expression,
            (fold ? SC_COMPARE_FOLD : 0) |
                (sc_switches_get(c->box, SC_SW_TEXT_ORDER) == 0 ? SC_COMPARE_NUMBERS : 0),
            comparisons[op]);
    value(c, c->item->value);
    return SC_DONE;
}

/* Addresses are found by the table in memory, which knows about their letter case. */
static int email_item(struct sc_compiler *c)
{
    int64_t member = 0;

    if (c->item->op != SC_EQ && c->item->op != SC_NE)
        return text_item(c, "m.email", NULL);
    if (sc_addresses_find(c->box, c->item->value, &member) == SC_FAILED)
        return SC_FAILED;
    sqlite3_str_appendf(c->select->sql, "m.id %s %lld", comparisons[c->item->op],
                        (long long)member);
    return SC_DONE;
}

/* Comparison of a numeric key (an expression with at most one ?) with a number as SQL
 * text. */
static int key_item(struct sc_compiler *c, const char *key, const char *path,
                    const char *number)
{
    if (path)
        value(c, path);
    if (c->item->op == SC_NE)
        sqlite3_str_appendf(c->select->sql, "ifnull(%s <> %s, %d)", key, number,
                            sc_switches_get(c->box, SC_SW_ABSENT_IS_NOT) == 0);
    else
        sqlite3_str_appendf(c->select->sql, "%s %s %s", key, comparisons[c->item->op],
                            number);
    return SC_DONE;
}

static int number_item(struct sc_compiler *c, const char *path)
{
    static const char cast[] = "SELECT CAST(trim(?1) AS REAL)";
    sqlite3_stmt *row;
    char number[40];

    if (!sc_wire_is_number(c->item->value))
        return bad(c, SC_BAD_VALUE, "[%s] is a number field, its value must be a number",
                   c->item->field);
    row = sc_store_bind(c->box, cast, "s", c->item->value);
    if (!row || sc_store_step(c->box, row) != 1)
        return SC_FAILED;
    sqlite3_snprintf(sizeof number, number, "%!.17g", sqlite3_column_double(row, 0));
    sqlite3_reset(row);
    if (strstr(number, "Inf"))
        return bad(c, SC_BAD_VALUE, "the number is out of range");
    return key_item(c, "sc_number(json_extract(m.fields, ?))", path, number);
}

static int day_item(struct sc_compiler *c, const struct sc_field *field, const char *path)
{
    enum sc_day_style style = sc_functions_style(field);
    char key[64], number[24];
    int64_t day;

    if (!sc_functions_day(c->item->value, style, &day) ||
        (strchr(c->item->value, '-') && sc_switches_get(c->box, SC_SW_ISO_DATES) == 1))
        return bad(c, SC_BAD_VALUE,
                   "[%s] is a date field, its value must be a date as %s", c->item->field,
                   field->format ? field->format : "MM/DD/YYYY");
    sqlite3_snprintf(sizeof key, key, "sc_day(json_extract(m.fields, ?), %d)",
                     (int)style);
    sqlite3_snprintf(sizeof number, number, "%lld", (long long)day);
    return key_item(c, key, path, number);
}

/* Fields that somebody defined. */
static int field_item(struct sc_compiler *c, const struct sc_field *field)
{
    enum sc_op op = c->item->op;
    char *path = sqlite3_mprintf("$.\"%w\"", field->name);

    if (!path)
        return sc_box_fail(c->box, "out of memory");
    c->select->owned[c->select->owned_count++] = path;
    if (op <= SC_LE && field->type == SC_NUMBER)
        return number_item(c, path);
    if (op <= SC_LE && (field->type == SC_DATE || field->type == SC_BIRTHDAY))
        return day_item(c, field, path);
    return text_item(c, "CAST(json_extract(m.fields, ?) AS TEXT)", path);
}

/* A range of ages narrows the select's; comparisons other than "unequal" are one. */
static void narrow(struct sc_compiler *c, int64_t from, int64_t to)
{
    struct sc_select *select = c->select;
    enum sc_op op = c->item->op;
    int64_t low = op == SC_EQ || op == SC_GE ? from : op == SC_GT ? to : INT64_MIN;
    int64_t high = op == SC_EQ || op == SC_LE ? to : op == SC_LT ? from : INT64_MAX;

    if (op == SC_NE)
        return;
    select->from = low > select->from ? low : select->from;
    select->to = high < select->to ? high : select->to;
    c->ages++;
}

/* createTime, updateTime, unsubscribeTime: column in seconds, or the id whose seconds are
 * shifted. */
static int time_item(struct sc_compiler *c, const char *column, const char *seconds,
                     int shift)
{
    sqlite3_str *sql = c->select->sql;
    int64_t from, to;
    char text[80];

    if (c->item->op > SC_LE) {
        sqlite3_snprintf(sizeof text, text, "sc_time(%s, 0)", seconds);
        return text_item(c, text, NULL);
    }
    if (!sc_functions_span(c->item->value, &from, &to))
        return bad(c, SC_BAD_VALUE,
                   "[%s] is a time, its value must be YYYY-MM-DD HH:mm:ss",
                   c->item->field);
    if (to - from > 1 && c->item->op != SC_GE && c->item->op != SC_LT &&
        sc_switches_get(c->box, SC_SW_CONDITION_DATES) == 1)
        to = from + 1;
    from *= INT64_C(1) << shift;
    to *= INT64_C(1) << shift;
    if (shift) /* of ids */
        narrow(c, from, to);
    switch (c->item->op) {
    case SC_EQ:
        sqlite3_str_appendf(sql, "(%s >= %lld AND %s < %lld)", column, from, column, to);
        break;
    case SC_NE:
        sqlite3_str_appendf(sql, "ifnull(%s < %lld OR %s >= %lld, %d)", column, from,
                            column, to,
                            sc_switches_get(c->box, SC_SW_ABSENT_IS_NOT) == 0);
        break;
    case SC_GT: sqlite3_str_appendf(sql, "%s >= %lld", column, to); break;
    case SC_GE: sqlite3_str_appendf(sql, "%s >= %lld", column, from); break;
    case SC_LT: sqlite3_str_appendf(sql, "%s < %lld", column, from); break;
    default: sqlite3_str_appendf(sql, "%s < %lld", column, to);
    }
    return SC_DONE;
}

static int tag_item(struct sc_compiler *c)
{
    sqlite3_str *sql = c->select->sql;
    enum sc_op op = c->item->op;
    int negative = op == SC_NE || op == SC_NOT_CONTAIN, there, outcome;
    int64_t tag = 0;

    if (op == SC_CONTAIN || op == SC_NOT_CONTAIN) {
        sqlite3_str_appendf(
            sql,
            "%s EXISTS (SELECT 1 FROM tag t WHERE instr(lower(t.name), ?) > 0 AND"
            " sc_has_tag(m.tags, t.id))",
            negative ? "NOT" : "");
        return own(c, lower(c->item->value));
    }
    if (op == SC_EXIST) {
        if ((outcome = asks(c, &there)) != SC_DONE)
            return outcome;
        sqlite3_str_appendf(sql, "m.tags %s NULL", there ? "IS NOT" : "IS");
        return SC_DONE;
    }
    if (op > SC_NE)
        return bad(c, SC_BAD_OP, "a tag cannot be compared by %s", comparisons[op]);
    outcome = sc_tagging_find(c->box, c->item->value, &tag);
    if (outcome == SC_FAILED)
        return outcome;
    if (outcome == SC_REFUSED && sc_switches_get(c->box, SC_SW_CONDITION_TAG) == 1)
        return bad(c, SC_BAD_VALUE, "[%s] is not a tag", c->item->value);
    sqlite3_str_appendf(sql, "%s sc_has_tag(m.tags, %lld)", negative ? "NOT" : "", tag);
    return SC_DONE;
}

static int segment_item(struct sc_compiler *c)
{
    int64_t id = sc_store_id(c->box, c->item->value, strlen(c->item->value)), segment = 0;
    int found;

    if (c->item->op > SC_NE)
        return bad(c, SC_BAD_OP, "a segment is compared by == and != only");
    if (sc_store_integer(
            c->box, &segment, &found,
            "SELECT id FROM segment WHERE (id = ?1 AND ?3 <> 2) OR (name = ?2 AND"
            " ?3 <> 1) ORDER BY id DESC",
            "isi", id, c->item->value,
            (int64_t)sc_switches_get(c->box, SC_SW_SEGMENT_BY)))
        return SC_FAILED;
    if (!found)
        return bad(c, SC_BAD_VALUE, "[%s] is not a segment", c->item->value);
    sqlite3_str_appendf(
        c->select->sql,
        "%s EXISTS (SELECT 1 FROM segment_member g WHERE g.segment = %lld AND"
        " g.member = m.id)",
        c->item->op == SC_NE ? "NOT" : "", segment);
    return SC_DONE;
}

static int campaign_item(struct sc_compiler *c)
{
    static const struct {
        const char *value;
        int has, lacks; /* enum sc_event, or -1 */
    } kinds[] = {{"sent", SC_EVENT_SENT, -1},
                 {"open", SC_EVENT_OPEN, -1},
                 {"click", SC_EVENT_CLICK, -1},
                 {"unopen", SC_EVENT_SENT, SC_EVENT_OPEN},
                 {"unclick", SC_EVENT_SENT, SC_EVENT_CLICK},
                 {"notsent", -1, SC_EVENT_SENT}};
    static const char event[] =
        "EXISTS (SELECT 1 FROM campaign_event g WHERE g.campaign = %lld"
        " AND g.kind = %d AND g.member = m.id)";
    sqlite3_str *sql = c->select->sql;
    int64_t id = 0;
    size_t i = 0;
    int found, has;

    while (i < sizeof kinds / sizeof *kinds &&
           strcmp(kinds[i].value, c->item->value) != 0)
        i++;
    if (i == sizeof kinds / sizeof *kinds)
        return bad(
            c, SC_BAD_VALUE,
            "the value of campaign is sent, open, click, unopen, unclick or notsent");
    if (sc_store_integer(
            c->box, &id, &found,
            "SELECT id FROM campaign WHERE id = ?1 AND status IN ('sending', 'sent')",
            "i", c->item->campaign))
        return SC_FAILED;
    if (!found)
        return bad(c, SC_BAD_CAMPAIGN, "[%lld] is not a campaign that is sending or sent",
                   (long long)c->item->campaign);
    has = kinds[i].has;
    if (has >= 0 && kinds[i].lacks >= 0 && sc_switches_get(c->box, SC_SW_UNOPEN) == 1)
        has = -1;
    sqlite3_str_appendall(sql, "(");
    if (has >= 0)
        sqlite3_str_appendf(sql, event, id, has);
    if (kinds[i].lacks >= 0) {
        sqlite3_str_appendall(sql, has >= 0 ? " AND NOT " : "NOT ");
        sqlite3_str_appendf(sql, event, id, kinds[i].lacks);
    }
    if (kinds[i].has < 0 && sc_switches_get(c->box, SC_SW_NOTSENT) == 1)
        sqlite3_str_appendf(sql,
                            " AND m.id >> 24 <= (SELECT min(at) FROM campaign_event"
                            " WHERE campaign = %lld AND kind = %d)",
                            (long long)id, SC_EVENT_SENT);
    sqlite3_str_appendall(sql, ")");
    return SC_DONE;
}

enum kind {
    EMAIL,
    NAME,
    PHONE,
    DOMAIN,
    CREATED,
    UPDATED,
    UNSUBSCRIBED,
    TAG,
    SEGMENT,
    CAMPAIGN,
    OWN
};

static enum kind kind_of(struct sc_box *box, const char *field)
{
    static const char *const names[] = {
        "Email",           "Name", "Phone",   "domain",  "createTime", "updateTime",
        "unsubscribeTime", "tag",  "segment", "campaign"};
    int exact = sc_switches_get(box, SC_SW_FIELD_CASE) == 1;
    size_t i;

    for (i = 0; i < OWN; i++)
        if ((exact ? strcmp(names[i], field) : sqlite3_stricmp(names[i], field)) == 0)
            return (enum kind)i;
    return OWN;
}

/* The operators that make sense, a bit each, for condition_check = matrix. */
static int sensible(enum kind kind, const struct sc_field *field, enum sc_op op)
{
    const int text =
        1 << SC_EQ | 1 << SC_NE | 1 << SC_CONTAIN | 1 << SC_NOT_CONTAIN | 1 << SC_EXIST;
    const int ordered = 63;
    int allowed = text;

    if (kind >= CREATED && kind <= UNSUBSCRIBED)
        allowed = ordered | (kind == UNSUBSCRIBED ? 1 << SC_EXIST : 0);
    if (field && (field->type == SC_NUMBER || field->type == SC_DATE ||
                  field->type == SC_BIRTHDAY))
        allowed = ordered | 1 << SC_EXIST;
    return allowed >> op & 1;
}

int sc_select_item(struct sc_compiler *c)
{
    enum kind kind = kind_of(c->box, c->item->field);
    const struct sc_field *field =
        kind == OWN ? sc_fields_find(c->box, c->item->field) : NULL;

    if (field && sc_switches_get(c->box, SC_SW_FIELD_CASE) == 1 &&
        strcmp(field->name, c->item->field) != 0)
        field = NULL;
    if (!field && kind == OWN)
        return bad(c, SC_BAD_FIELD, "[%s] is not defined, please define it first",
                   c->item->field);
    if (sc_switches_get(c->box, SC_SW_CONDITION_CHECK) == 1 && kind != CAMPAIGN &&
        !sensible(kind, field, c->item->op))
        return bad(c, SC_BAD_OP, "[%s] cannot be used with this operator",
                   c->item->field);
    switch (kind) {
    case EMAIL: return email_item(c);
    case NAME: return text_item(c, "m.name", NULL);
    case PHONE: return text_item(c, "m.phone", NULL);
    case DOMAIN: return text_item(c, "substr(m.email, instr(m.email, '@') + 1)", NULL);
    case CREATED: return time_item(c, "m.id", "m.id >> 24", 24);
    case UPDATED: return time_item(c, "m.updated", "m.updated", 0);
    case UNSUBSCRIBED: return time_item(c, "m.unsubscribed", "m.unsubscribed", 0);
    case TAG: return tag_item(c);
    case SEGMENT: return segment_item(c);
    case CAMPAIGN: return campaign_item(c);
    default: return field ? field_item(c, field) : SC_FAILED;
    }
}

int sc_select_item_is_tag(struct sc_box *box, const struct sc_item *item)
{
    return kind_of(box, item->field) == TAG;
}
