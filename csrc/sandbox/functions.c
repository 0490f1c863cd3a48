#include "functions.h"
#include "fields.h"
#include "holders.h"
#include "store.h"
#include "tagging.h"
#include "wire.h"

#include <stdio.h>
#include <string.h>

#define UTC8 28800

#ifdef SQLITE_RESULT_SUBTYPE /* from 3.45 on it wants to know */
#define MARKS_JSON SQLITE_RESULT_SUBTYPE
#else
#define MARKS_JSON 0
#endif

typedef void sql_function(sqlite3_context *context, int count, sqlite3_value **values);

static struct sc_box *box_of(sqlite3_context *context)
{
    return sqlite3_user_data(context);
}

static void sql_id(sqlite3_context *context, int count, sqlite3_value **values)
{
    char text[25];

    (void)count;
    if (sqlite3_value_type(values[0]) == SQLITE_NULL)
        return;
    sc_store_id_text(box_of(context), sqlite3_value_int64(values[0]), text);
    sqlite3_result_text(context, text, 24, SQLITE_TRANSIENT);
}

static char *put_digits(char *to, int value, int digits)
{
    int i;

    for (i = digits; i-- > 0; value /= 10)
        to[i] = (char)('0' + value % 10);
    return to + digits;
}

/* A page has up to five times a contact: they are written by hand. */
static void sql_time(sqlite3_context *context, int count, sqlite3_value **values)
{
    int style = sqlite3_value_int(values[1]), year, month, day, second;
    int64_t at = sqlite3_value_int64(values[0]) + UTC8, days = at / 86400;
    char text[40], *p = text;

    (void)count;
    if (sqlite3_value_type(values[0]) == SQLITE_NULL ||
        (style == 2 && !box_of(context)->detail))
        return;
    second = (int)(at - days * 86400);
    sc_wire_date(days, &year, &month, &day);
    p = put_digits(p, year, 4);
    *p++ = '-';
    p = put_digits(p, month, 2);
    *p++ = '-';
    p = put_digits(p, day, 2);
    *p++ = style == 1 ? 'T' : ' ';
    p = put_digits(p, second / 3600, 2);
    *p++ = ':';
    p = put_digits(p, second / 60 % 60, 2);
    *p++ = ':';
    p = put_digits(p, second % 60, 2);
    if (style == 1) {
        memcpy(p, "+0800", 5);
        p += 5;
    }
    sqlite3_result_text(context, text, (int)(p - text), SQLITE_TRANSIENT);
}

static void sql_number(sqlite3_context *context, int count, sqlite3_value **values)
{
    const char *text = (const char *)sqlite3_value_text(values[0]);

    (void)count;
    if (text && sc_wire_is_number(text))
        sqlite3_result_double(context, sqlite3_value_double(values[0]));
}

static void sql_day(sqlite3_context *context, int count, sqlite3_value **values)
{
    const char *text = (const char *)sqlite3_value_text(values[0]);
    int64_t value;

    (void)count;
    if (text &&
        sc_functions_day(text, (enum sc_day_style)sqlite3_value_int(values[1]), &value))
        sqlite3_result_int64(context, value);
}

static void sql_compare(sqlite3_context *context, int count, sqlite3_value **values)
{
    const char *a = (const char *)sqlite3_value_text(values[0]);
    const char *b = (const char *)sqlite3_value_text(values[1]);
    int how = sqlite3_value_int(values[2]), order;

    (void)count;
    if (!a || !b)
        return;
    if ((how & SC_COMPARE_NUMBERS) && sc_wire_is_number(a) && sc_wire_is_number(b)) {
        double x = sqlite3_value_double(values[0]), y = sqlite3_value_double(values[1]);

        order = x < y ? -1 : x > y;
    } else {
        order = how & SC_COMPARE_FOLD ? sqlite3_stricmp(a, b) : strcmp(a, b);
    }
    sqlite3_result_int(context, order < 0 ? -1 : order > 0);
}

static void sql_field(sqlite3_context *context, int count, sqlite3_value **values)
{
    const char *key = (const char *)sqlite3_value_text(values[0]);
    const struct sc_field *field = key ? sc_fields_find(box_of(context), key) : NULL;

    (void)count;
    if (field)
        sqlite3_result_text(context, field->name, -1, SQLITE_TRANSIENT);
}

static void sql_account(sqlite3_context *context, int count, sqlite3_value **values)
{
    static const enum sc_switch which[] = {SC_SW_USER_ID, SC_SW_LIST_ID, SC_SW_EMPTY_TAGS,
                                           SC_SW_CREATE_DATE};
    int index = sqlite3_value_int(values[0]);

    (void)count;
    if (index == 1 && box_of(context)->no_list_id)
        return;
    sqlite3_result_int64(context, sc_switches_peek(box_of(context), which[index & 3]));
}

static void sql_percent(sqlite3_context *context, int count, sqlite3_value **values)
{
    int status = sqlite3_value_int(values[0]);
    int64_t start = sqlite3_value_int64(values[1]),
            finish = sqlite3_value_int64(values[2]);
    int64_t now = sc_box_clock(box_of(context)), percent = 0;

    (void)count;
    if (status == 2)
        percent = 100;
    else if (status == -1)
        percent = 50; /* where scripted failures stop */
    else if (now > start && finish > start)
        percent = now >= finish ? 99 : (now - start) * 100 / (finish - start);
    sqlite3_result_int64(context, percent);
}

static void sql_json(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    sqlite3_result_value(context, values[0]);
    sqlite3_result_subtype(context, 'J');
}

/* Gives what was gathered as JSON. */
static void result_json(sqlite3_context *context, sqlite3_str *text)
{
    int failed = sqlite3_str_errcode(text), length = sqlite3_str_length(text);
    char *bytes = sqlite3_str_finish(text);

    if (failed || !bytes) {
        sqlite3_free(bytes);
        sqlite3_result_error_nomem(context);
        return;
    }
    sqlite3_result_text(context, bytes, length, sqlite3_free);
    sqlite3_result_subtype(context, 'J');
}

static void sql_tag_ids(sqlite3_context *context, int count, sqlite3_value **values)
{
    const void *list = sqlite3_value_blob(values[0]);
    int tags = SC_TAGGING_COUNT(sqlite3_value_bytes(values[0])), i;
    sqlite3_str *out;
    char id[25];

    (void)count;
    if (!tags && !sqlite3_value_int(values[1]))
        return;
    out = sqlite3_str_new(NULL);
    sqlite3_str_appendchar(out, 1, '[');
    for (i = 0; list && i < tags; i++) {
        sc_store_id_text(box_of(context), sc_tagging_at(list, i), id);
        sqlite3_str_append(out, i ? ",\"" : "\"", i ? 2 : 1);
        sqlite3_str_append(out, id, 24);
        sqlite3_str_appendchar(out, 1, '"');
    }
    sqlite3_str_appendchar(out, 1, ']');
    result_json(context, out);
}

static void sql_tag_names(sqlite3_context *context, int count, sqlite3_value **values)
{
    const void *list = sqlite3_value_blob(values[0]);
    int tags = SC_TAGGING_COUNT(sqlite3_value_bytes(values[0])), i, outcome = SC_DONE;
    sqlite3_str *out = sqlite3_str_new(NULL);

    (void)count;
    sqlite3_str_appendchar(out, 1, '[');
    for (i = 0; list && outcome != SC_FAILED && i < tags; i++) {
        if (i)
            sqlite3_str_appendchar(out, 1, ',');
        outcome = sc_tagging_name(box_of(context), out, sc_tagging_at(list, i));
        if (outcome == SC_REFUSED)
            sqlite3_str_appendall(out, "null");
    }
    sqlite3_str_appendchar(out, 1, ']');
    if (outcome != SC_FAILED) {
        result_json(context, out);
        return;
    }
    sqlite3_free(sqlite3_str_finish(out));
    sqlite3_result_error(context, box_of(context)->error, -1);
}

static void sql_tag_count(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    sqlite3_result_int64(
        context, sc_holders_count(box_of(context), sqlite3_value_int64(values[0])));
}

static void sql_has_tag(sqlite3_context *context, int count, sqlite3_value **values)
{
    const void *list = sqlite3_value_blob(values[0]);
    int i = list ? SC_TAGGING_COUNT(sqlite3_value_bytes(values[0])) : 0;
    int64_t tag = sqlite3_value_int64(values[1]);

    (void)count;
    while (i-- > 0 && sc_tagging_at(list, i) != tag)
        ;
    sqlite3_result_int(context, i >= 0);
}

static void sql_without_tag(sqlite3_context *context, int count, sqlite3_value **values)
{
    const void *list = sqlite3_value_blob(values[0]);
    int tags = SC_TAGGING_COUNT(sqlite3_value_bytes(values[0])), i, kept = 0;
    unsigned char *bytes = sqlite3_malloc(tags * SC_TAGGING_WIDTH + 1);

    (void)count;
    if (!bytes) {
        sqlite3_result_error_nomem(context);
        return;
    }
    for (i = 0; list && i < tags; i++)
        if (sc_tagging_at(list, i) != sqlite3_value_int64(values[1]))
            memcpy(bytes + SC_TAGGING_WIDTH * kept++,
                   (const unsigned char *)list + SC_TAGGING_WIDTH * i, SC_TAGGING_WIDTH);
    if (kept)
        sqlite3_result_blob(context, bytes, kept * SC_TAGGING_WIDTH, SQLITE_TRANSIENT);
    sqlite3_free(bytes);
}

/*
 *   sc_id(id)            24 hexadecimal digits
 *   sc_time(s, style)    a time at UTC+8: 0 SendCloud's spelling, 1 EngageLab's,
 *                        2 SendCloud's *Fmt (null except in details); null stays null
 *   sc_number(text)      the number it spells, or null
 *   sc_day(text, style)  a date as a number that sorts, or null (enum sc_day_style)
 *   sc_compare(a, b, how)  -1, 0, 1 as texts, or as how says (enum sc_compare); null if
 *                        one is
 *   sc_field(key)        the defined spelling of a field's name; null: drop the key
 *   sc_account(what)     0 userId, 1 listId, 2 empty_tags, 3 create_date
 *   sc_percent(status, started, finish)   how far the evaluation of a segment is
 *   sc_json(text)        a text that is JSON already, as json() without a look at it
 *   sc_tag_ids(list, e)  JSON of a row's tags; none of them: null when e is 0
 *   sc_tag_names(list)   their names
 *   sc_tag_count(tag)    how many contacts have it
 *   sc_has_tag(list, tag), sc_without_tag(list, tag)
 */
int sc_functions_register(struct sc_box *box)
{
    static const struct {
        const char *name;
        int arguments, flags;
        sql_function *function;
    } all[] = {
        {"sc_id", 1, SQLITE_DETERMINISTIC, sql_id},
        {"sc_time", 2, 0, sql_time},
        {"sc_number", 1, SQLITE_DETERMINISTIC, sql_number},
        {"sc_day", 2, SQLITE_DETERMINISTIC, sql_day},
        {"sc_compare", 3, SQLITE_DETERMINISTIC, sql_compare},
        {"sc_field", 1, 0, sql_field},
        {"sc_account", 1, 0, sql_account},
        {"sc_percent", 3, 0, sql_percent},
        {"sc_json", 1, SQLITE_DETERMINISTIC | MARKS_JSON, sql_json},
        {"sc_tag_ids", 2, SQLITE_DETERMINISTIC | MARKS_JSON, sql_tag_ids},
        {"sc_tag_names", 1, MARKS_JSON, sql_tag_names},
        {"sc_tag_count", 1, 0, sql_tag_count},
        {"sc_has_tag", 2, SQLITE_DETERMINISTIC, sql_has_tag},
        {"sc_without_tag", 2, SQLITE_DETERMINISTIC, sql_without_tag},
    };
    size_t i;

    for (i = 0; i < sizeof all / sizeof *all; i++)
        if (sqlite3_create_function_v2(box->db, all[i].name, all[i].arguments,
                                       SQLITE_UTF8 | SQLITE_DIRECTONLY | all[i].flags,
                                       box, all[i].function, NULL, NULL, NULL))
            return sc_box_fail(box, "%s", sqlite3_errmsg(box->db));
    return SC_DONE;
}

enum sc_day_style sc_functions_style(const struct sc_field *field)
{
    int day_first = field->format && field->format[0] == 'D';

    if (field->type == SC_BIRTHDAY)
        return day_first ? SC_DAY_DM : SC_DAY_MD;
    return day_first ? SC_DAY_DMY : SC_DAY_MDY;
}

int sc_functions_day(const char *text, enum sc_day_style style, int64_t *value)
{
    int year = 2000, month, day, end = -1;
    int without_year = style == SC_DAY_MD || style == SC_DAY_DM;
    int64_t days;

    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &end) != 3 || text[end]) {
        year = 2000;
        end = -1;
        if (without_year)
            sscanf(text, "%2d/%2d%n", &month, &day, &end);
        else
            sscanf(text, "%2d/%2d/%4d%n", &month, &day, &year, &end);
        if (end < 0 || text[end])
            return 0;
        if (style == SC_DAY_DMY || style == SC_DAY_DM) {
            int first = month;

            month = day;
            day = first;
        }
    }
    if (!sc_wire_civil(year, month, day, &days))
        return 0;
    *value = month * 100 + day + (without_year ? 0 : (int64_t)year * 10000);
    return 1;
}

int sc_functions_span(const char *text, int64_t *from, int64_t *to)
{
    int year, month, day, hour = 0, minute = 0, second = 0, end = -1;
    int64_t days;
    char between;

    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &end) != 3 || end < 0 ||
        !sc_wire_civil(year, month, day, &days))
        return 0;
    *from = days * 86400 - UTC8;
    *to = *from + 86400;
    if (!text[end])
        return 1;
    text += end;
    end = -1;
    if (sscanf(text, "%c%2d:%2d:%2d%n", &between, &hour, &minute, &second, &end) != 4 ||
        end < 0 || (between != ' ' && between != 'T') ||
        (text[end] && strcmp(text + end, "+0800") != 0) || hour < 0 || hour > 23 ||
        minute < 0 || minute > 59 || second < 0 || second > 59)
        return 0;
    *from += hour * 3600 + minute * 60 + second;
    *to = *from + 1;
    return 1;
}
