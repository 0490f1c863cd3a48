#include "fields.h"
#include "store.h"
#include "wire.h"

#include <string.h>

#define NAME_MAX_CHARACTERS 64

void sc_fields_forget(struct sc_box *box)
{
    int i;

    for (i = 0; i < box->field_count; i++) {
        sqlite3_free(box->fields[i].name);
        sqlite3_free(box->fields[i].format);
    }
    box->field_count = 0;
}

static int remember(struct sc_box *box, const char *name, int type, const char *format)
{
    struct sc_field *field = &box->fields[box->field_count];

    field->type = type;
    field->name = sqlite3_mprintf("%s", name);
    field->format = format ? sqlite3_mprintf("%s", format) : NULL;
    if (!field->name || (format && !field->format)) {
        sqlite3_free(field->name);
        sqlite3_free(field->format);
        return sc_box_fail(box, "out of memory");
    }
    box->field_count++;
    return SC_DONE;
}

int sc_fields_load(struct sc_box *box)
{
    sqlite3_stmt *row =
        sc_store_bind(box, "SELECT name, type, format FROM field ORDER BY id", "");
    int code;

    sc_fields_forget(box);
    if (!row)
        return SC_FAILED;
    while ((code = sc_store_step(box, row)) == 1) {
        if (box->field_count == SC_FIELDS_MAX ||
            remember(box, sc_store_text(box, row, 0), sqlite3_column_int(row, 1),
                     sc_store_text(box, row, 2))) {
            sqlite3_reset(row);
            return SC_FAILED;
        }
    }
    return code < 0 ? SC_FAILED : SC_DONE;
}

const struct sc_field *sc_fields_find(const struct sc_box *box, const char *name)
{
    int i;

    for (i = 0; i < box->field_count; i++)
        if (sqlite3_stricmp(box->fields[i].name, name) == 0)
            return &box->fields[i];
    return NULL;
}

int sc_fields_define(struct sc_box *box, const char *name, int type, const char *format,
                     const char *options)
{
    if (!sc_fields_find(box, name) && box->field_count == SC_FIELDS_MAX)
        return SC_REFUSED;
    if (sc_store_run(
            box,
            "INSERT INTO field(name, type, format, options) VALUES (?1, ?2, ?3, ?4)"
            " ON CONFLICT(name) DO UPDATE SET type = excluded.type,"
            " format = excluded.format, options = excluded.options",
            "siss", name, (int64_t)type, format, options))
        return SC_FAILED;
    return sc_fields_load(box);
}

int sc_fields_reserved(const char *name)
{
    static const char *const names[] = {
        "Email",   "Name",   "Phone",      "tag",        "campaign",
        "segment", "domain", "createTime", "updateTime", "unsubscribeTime"};
    size_t i;

    for (i = 0; i < sizeof names / sizeof *names; i++)
        if (sqlite3_stricmp(names[i], name) == 0)
            return 1;
    return 0;
}

const char *sc_fields_bad_name(const char *name, long choice)
{
    const unsigned char *p;
    int64_t characters = sc_wire_characters(name, strlen(name));

    if (characters < 1 || characters > NAME_MAX_CHARACTERS)
        return "the name of a field has 1 to 64 characters";
    for (p = (const unsigned char *)name; *p; p++) {
        /* a JSON path has no way to say these two */
        if (*p < 32 || *p == '"' || *p == '\\')
            return "the name of a field holds a quote, a backslash or a control "
                   "character";
        if (choice == 1 && !sc_wire_word(*p))
            return "the name of a field consists of a-z A-Z 0-9 _";
    }
    return NULL;
}
