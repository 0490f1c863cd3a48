/* The walk over a body's contacts: one pass of json_tree, whose rows come in the order of the
 * text, so that a contact is complete when the next one begins. */
#include "contact.h"
#include "fields.h"
#include "store.h"

#include <string.h>

enum attribute { EMAIL, PHONE, NAME, FIELDS, TAGS, ATTRIBUTES };

enum json { ABSENT, NULL_VALUE, TEXT, OBJECT, ARRAY, OTHER };

/* Columns of a row. */
enum { ID, PARENT, TYPE, KEY, ATOM, OBJECT_TEXT };

#define NOWHERE (-1)

struct walk {
    struct sc_call *call;
    sc_contact_function *function;
    void *context;
    int list;
    int64_t root, contact, fields, tags; /* nodes whose children mean something */
    int64_t index; /* of the contact in the list */
    char *text; /* the texts of one contact, one after the other */
    size_t len, cap;
    size_t values[ATTRIBUTES]; /* where in text; 0: none */
    enum json types[ATTRIBUTES];
    size_t tag_at[SC_TAGS_MAX], new_at[SC_FIELDS_MAX + 1];
    struct sc_contact is;
};

static enum json type_of(const struct walk *w, sqlite3_stmt *row)
{
    const char *type = sc_store_text(w->call->box, row, TYPE);

    switch (type[0]) {
    case 't': return type[1] == 'e' ? TEXT : OTHER; /* text, true */
    case 'o': return OBJECT;
    case 'a': return ARRAY;
    case 'n': return NULL_VALUE;
    default: return OTHER;
    }
}

/* Keeps a text of the row and returns where; 0: no memory. */
static size_t keep(struct walk *w, sqlite3_stmt *row, int column)
{
    const char *bytes = sc_store_text(w->call->box, row, column);
    size_t n = bytes ? strlen(bytes) : 0, at = w->len;
    char *grown;

    if (w->cap - w->len < n + 1) {
        size_t cap = (w->len + n + 1) * 2 + 1024;

        grown = sqlite3_realloc64(w->text, cap);
        if (!grown) {
            sc_box_fail(w->call->box, "out of memory");
            return 0;
        }
        w->text = grown;
        w->cap = cap;
    }
    if (bytes)
        memcpy(w->text + at, bytes, n);
    w->text[at + n] = '\0';
    w->len += n + 1;
    return at;
}

static void begin(struct walk *w, int64_t node)
{
    w->contact = node;
    w->fields = w->tags = NOWHERE;
    w->len = w->cap ? 1 : 0; /* place 0 means none */
    memset(w->values, 0, sizeof w->values);
    memset(w->types, 0, sizeof w->types);
    w->is.rebuild = w->is.nulls = w->is.new_fields = w->is.tag_count = w->is.id_count = 0;
    w->is.problem[0] = '\0';
}

static const char *text_at(const struct walk *w, size_t at)
{
    return at ? w->text + at : NULL;
}

/* The contact is complete: its places become texts. */
static int finish(struct walk *w)
{
    struct sc_contact *is = &w->is;
    int i, clears, outcome;

    if (w->contact == NOWHERE)
        return SC_DONE;
    clears = w->types[PHONE] == NULL_VALUE || w->types[NAME] == NULL_VALUE;
    if (clears)
        clears = sc_switches_get(w->call->box, SC_SW_NULL_CLEARS) == 0;
    is->email = text_at(w, w->values[EMAIL]);
    is->phone = text_at(w, w->values[PHONE]);
    is->name = text_at(w, w->values[NAME]);
    is->fields = text_at(w, w->values[FIELDS]);
    is->fields_own = NULL;
    is->has_phone = is->phone || (w->types[PHONE] == NULL_VALUE && clears);
    is->has_name = is->name || (w->types[NAME] == NULL_VALUE && clears);
    is->has_tags = w->types[TAGS] == ARRAY;
    for (i = 0; i < is->tag_count; i++)
        is->tags[i] = w->text + w->tag_at[i];
    for (i = 0; i < is->new_fields; i++)
        is->new_names[i] = w->text + w->new_at[i];
    outcome = w->function(w->context, is);
    sqlite3_free(is->fields_own);
    w->contact = NOWHERE;
    return outcome;
}

static int refuse(struct walk *w, const char *parameter, const char *words)
{
    if (!w->list)
        return sc_call_refuse(w->call, 400, parameter, "%s must be %s", parameter, words);
    return sc_call_refuse(w->call, 400, parameter, "members[%lld].%s must be %s",
                          (long long)w->index, parameter, words);
}

static int on_attribute(struct walk *w, sqlite3_stmt *row)
{
    static const struct {
        const char *name, *words;
        enum json type;
    } shape[ATTRIBUTES] = {{"email", "a text", TEXT},
                           {"phone", "a text", TEXT},
                           {"name", "a text", TEXT},
                           {"fields", "an object", OBJECT},
                           {"tags", "a list of tag names", ARRAY}};
    const char *key = sc_store_text(w->call->box, row, KEY);
    enum json type = type_of(w, row);
    int i = 0;

    while (i < ATTRIBUTES && strcmp(shape[i].name, key) != 0)
        i++;
    if (i == ATTRIBUTES)
        return SC_DONE;
    w->types[i] = type;
    w->values[i] = 0;
    if (type == NULL_VALUE)
        return SC_DONE;
    if (type != shape[i].type)
        return refuse(w, shape[i].name, shape[i].words);
    if (i == TAGS) {
        w->tags = sqlite3_column_int64(row, ID);
        w->is.tag_count = 0;
        return SC_DONE;
    }
    if (i == FIELDS)
        w->fields = sqlite3_column_int64(row, ID);
    w->values[i] = keep(w, row, i == FIELDS ? OBJECT_TEXT : ATOM);
    if (i == FIELDS && w->values[i])
        w->is.rebuild |= strchr(w->text + w->values[i], '\\') != NULL;
    return w->values[i] ? SC_DONE : SC_FAILED;
}

static int on_field(struct walk *w, sqlite3_stmt *row)
{
    const char *key = sc_store_text(w->call->box, row, KEY);
    const struct sc_field *field = sc_fields_find(w->call->box, key);
    enum json type = type_of(w, row);
    size_t at;

    w->is.nulls |= type == NULL_VALUE;
    w->is.rebuild |= type != TEXT;
    if (field) {
        w->is.rebuild |= strcmp(field->name, key) != 0;
        return SC_DONE;
    }
    w->is.rebuild = 1;
    if (sc_fields_reserved(key)) /* a sample sends fields.Email: it means nothing */
        return SC_DONE;
    if (w->is.new_fields > SC_FIELDS_MAX)
        return SC_DONE; /* more than can be: noticed when they are defined */
    at = keep(w, row, KEY);
    if (!at)
        return SC_FAILED;
    w->new_at[w->is.new_fields++] = at;
    return SC_DONE;
}

static int on_tag(struct walk *w, sqlite3_stmt *row)
{
    size_t at;

    if (type_of(w, row) != TEXT)
        return refuse(w, "tags", "a list of tag names");
    if (w->is.tag_count == SC_TAGS_MAX) {
        sqlite3_snprintf(sizeof w->is.problem, w->is.problem, "more than %d tags",
                         SC_TAGS_MAX);
        return SC_DONE;
    }
    at = keep(w, row, ATOM);
    if (!at)
        return SC_FAILED;
    w->tag_at[w->is.tag_count++] = at;
    return SC_DONE;
}

static int on_row(struct walk *w, sqlite3_stmt *row)
{
    int64_t id = sqlite3_column_int64(row, ID),
            parent = sqlite3_column_int64(row, PARENT);
    int outcome;

    if (w->root == NOWHERE) { /* the first row is what the walk began at */
        w->root = id;
        if (!w->list)
            begin(w, id);
        return SC_DONE;
    }
    if (parent == w->contact)
        return on_attribute(w, row);
    if (parent == w->fields)
        return on_field(w, row);
    if (parent == w->tags)
        return on_tag(w, row);
    if (!w->list || parent != w->root)
        return SC_DONE;
    outcome = finish(w);
    if (outcome != SC_DONE)
        return outcome;
    w->index++;
    if (type_of(w, row) != OBJECT)
        return sc_call_refuse(w->call, 400, "members", "members[%lld] must be an object",
                              (long long)w->index);
    begin(w, id);
    return SC_DONE;
}

int sc_contact_each(struct sc_call *call, int list, sc_contact_function *function,
                    void *context)
{
    static const char sql[] =
        "SELECT id, parent, type, key, atom,"
        " CASE WHEN key = 'fields' AND type = 'object' THEN value END"
        " FROM json_tree(?1, ?2)";
    struct walk *w = sqlite3_malloc(sizeof *w);
    sqlite3_stmt *row;
    int code = -1, outcome = SC_DONE;

    if (!w)
        return sc_box_fail(call->box, "out of memory");
    memset(w, 0, sizeof *w);
    w->call = call;
    w->function = function;
    w->context = context;
    w->list = list;
    w->root = w->contact = w->fields = w->tags = w->index = NOWHERE;
    w->cap = 4096;
    w->text = sqlite3_malloc64(w->cap);
    row = sc_store_bind(call->box, sql, "bs", call->body, call->body_len,
                        list ? "$.members" : "$");
    if (!w->text)
        row = NULL;
    while (row && outcome == SC_DONE && (code = sc_store_step(call->box, row)) == 1)
        outcome = on_row(w, row);
    if (outcome == SC_DONE)
        outcome = code < 0 ? SC_FAILED : finish(w);
    if (row)
        sqlite3_reset(row);
    sqlite3_free(w->text);
    sqlite3_free(w);
    return outcome;
}
