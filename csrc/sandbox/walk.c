/* The walk over a body's contacts: what is sent of each is gathered, its texts in one
 * block of memory, and handed on before the next one begins. */
#include "contact.h"
#include "fields.h"

#include <string.h>

enum attribute { EMAIL, PHONE, NAME, FIELDS, TAGS, ATTRIBUTES };

#define ABSENT (-1) /* besides enum sc_json_type */

struct walk {
    struct sc_call *call;
    int list;
    size_t index; /* of the contact in the list */
    char *text; /* the texts of one contact, one after the other */
    size_t len, cap;
    size_t values[ATTRIBUTES]; /* where in text; 0: none */
    int types[ATTRIBUTES];
    size_t tag_at[SC_TAGS_MAX], new_at[SC_FIELDS_MAX + 1];
    struct sc_contact is;
};

/* Room in text for n bytes more. */
static int reserve(struct walk *w, size_t n)
{
    size_t cap = (w->len + n) * 2 + 4096;
    char *grown;

    if (w->cap - w->len >= n)
        return SC_DONE;
    grown = sqlite3_realloc64(w->text, cap);
    if (!grown)
        return sc_box_fail(w->call->box, "out of memory");
    w->text = grown;
    w->cap = cap;
    return SC_DONE;
}

/* Keeps what a text says and returns where; 0: no memory. */
static size_t keep(struct walk *w, struct sc_json value)
{
    size_t at = w->len;

    if (reserve(w, value.len))
        return 0;
    w->len += sc_json_text(value, w->text + at) + 1;
    return at;
}

/* Keeps a value as it was sent. */
static size_t keep_json(struct walk *w, struct sc_json value)
{
    size_t at = w->len;

    if (reserve(w, value.len + 1))
        return 0;
    memcpy(w->text + at, value.at, value.len);
    w->text[at + value.len] = '\0';
    w->len += value.len + 1;
    return at;
}

static int begin(struct walk *w)
{
    int i;

    w->len = 0;
    if (reserve(w, 1))
        return SC_FAILED;
    w->len = 1; /* place 0 means none */
    memset(w->values, 0, sizeof w->values);
    for (i = 0; i < ATTRIBUTES; i++)
        w->types[i] = ABSENT;
    w->is.rebuild = w->is.nulls = w->is.numbers = w->is.new_fields = 0;
    w->is.tag_count = w->is.id_count = 0;
    w->is.problem[0] = '\0';
    return SC_DONE;
}

static const char *text_at(const struct walk *w, size_t at)
{
    return at ? w->text + at : NULL;
}

/* The contact is complete: its places become texts. */
static void finish(struct walk *w)
{
    struct sc_contact *is = &w->is;
    int i, clears;

    clears = w->types[PHONE] == SC_JSON_NULL || w->types[NAME] == SC_JSON_NULL;
    if (clears)
        clears = sc_switches_get(w->call->box, SC_SW_NULL_CLEARS) == 0;
    is->email = text_at(w, w->values[EMAIL]);
    is->phone = text_at(w, w->values[PHONE]);
    is->name = text_at(w, w->values[NAME]);
    is->fields = text_at(w, w->values[FIELDS]);
    is->fields_own = NULL;
    is->has_phone = is->phone || (w->types[PHONE] == SC_JSON_NULL && clears);
    is->has_name = is->name || (w->types[NAME] == SC_JSON_NULL && clears);
    is->has_tags = w->types[TAGS] == SC_JSON_ARRAY;
    for (i = 0; i < is->tag_count; i++)
        is->tags[i] = w->text + w->tag_at[i];
    for (i = 0; i < is->new_fields; i++)
        is->new_names[i] = w->text + w->new_at[i];
}

/* A wrong type: refuses the request, or is a problem of the contact, and SC_DONE. */
static int refuse(struct walk *w, const char *parameter, const char *words)
{
    if (!w->list)
        return sc_call_refuse(w->call, 400, parameter, "%s must be %s", parameter, words);
    if (sc_switches_get(w->call->box, SC_SW_WRONG_TYPE) == 1) {
        sqlite3_snprintf(sizeof w->is.problem, w->is.problem, "%s must be %s", parameter,
                         words);
        return SC_DONE;
    }
    return sc_call_refuse(w->call, 400, parameter, "members[%lld].%s must be %s",
                          (long long)w->index, parameter, words);
}

static int on_field(struct walk *w, struct sc_json key, struct sc_json value)
{
    enum sc_json_type type = sc_json_type(value);
    size_t at = keep(w, key);
    const char *name = w->text + at;
    const struct sc_field *field;

    if (!at)
        return SC_FAILED;
    w->is.nulls |= type == SC_JSON_NULL;
    w->is.numbers |= type == SC_JSON_OTHER && *value.at != 't' && *value.at != 'f';
    w->is.rebuild |= type != SC_JSON_TEXT;
    field = sc_fields_find(w->call->box, name);
    if (field)
        w->is.rebuild |= strcmp(field->name, name) != 0;
    else
        w->is.rebuild = 1;
    /* a sample sends fields.Email: it means nothing */
    if (!field && !sc_fields_reserved(name) && w->is.new_fields <= SC_FIELDS_MAX)
        w->new_at[w->is.new_fields++] = at; /* too many: noticed when they are defined */
    else
        w->len = at;
    return SC_DONE;
}

/* Each of the following is handed a value that is not measured yet, and measures it. */

static int on_fields(struct walk *w, struct sc_json fields, struct sc_json *next)
{
    struct sc_json inner = {0}, key, value;
    int outcome = SC_DONE;

    while (outcome == SC_DONE && sc_json_each(fields, &inner, &key, &value))
        outcome = on_field(w, key, value);
    if (outcome != SC_DONE)
        return outcome;
    sc_json_leave(&fields, inner, next);
    w->is.rebuild |= !sc_json_is_tight(fields);
    w->values[FIELDS] = keep_json(w, fields);
    return w->values[FIELDS] ? SC_DONE : SC_FAILED;
}

static int on_tags(struct walk *w, struct sc_json tags, struct sc_json *next)
{
    struct sc_json inner = {0}, key, value;
    size_t at;

    w->is.tag_count = 0;
    while (sc_json_each(tags, &inner, &key, &value)) {
        if (sc_json_type(value) != SC_JSON_TEXT) {
            if (refuse(w, "tags", "a list of tag names"))
                return SC_REFUSED;
            continue;
        }
        if (w->is.tag_count == SC_TAGS_MAX) {
            sqlite3_snprintf(sizeof w->is.problem, w->is.problem, "more than %d tags",
                             SC_TAGS_MAX);
            continue;
        }
        at = keep(w, value);
        if (!at)
            return SC_FAILED;
        w->tag_at[w->is.tag_count++] = at;
    }
    sc_json_leave(&tags, inner, next);
    return SC_DONE;
}

static int on_attribute(struct walk *w, struct sc_json key, struct sc_json value,
                        struct sc_json *next)
{
    static const struct {
        const char *name, *words;
        enum sc_json_type type;
    } shape[ATTRIBUTES] = {{"email", "a text", SC_JSON_TEXT},
                           {"phone", "a text", SC_JSON_TEXT},
                           {"name", "a text", SC_JSON_TEXT},
                           {"fields", "an object", SC_JSON_OBJECT},
                           {"tags", "a list of tag names", SC_JSON_ARRAY}};
    enum sc_json_type type = sc_json_type(value);
    int i = 0, wrong = 0;

    while (i < ATTRIBUTES && !sc_json_says(key, shape[i].name))
        i++;
    if (i < ATTRIBUTES) {
        w->types[i] = (int)type;
        w->values[i] = 0;
        wrong = type != SC_JSON_NULL && type != shape[i].type;
        if (wrong && refuse(w, shape[i].name, shape[i].words))
            return SC_REFUSED;
        if (type == SC_JSON_OBJECT && !wrong)
            return on_fields(w, value, next);
        if (type == SC_JSON_ARRAY && !wrong)
            return on_tags(w, value, next);
    }
    sc_json_measure(&value, next);
    if (i == ATTRIBUTES || type == SC_JSON_NULL || wrong)
        return SC_DONE;
    w->values[i] = keep(w, value);
    return w->values[i] ? SC_DONE : SC_FAILED;
}

static int on_contact(struct walk *w, struct sc_json contact, struct sc_json *after,
                      sc_contact_function *function, void *context)
{
    struct sc_json next = {0}, key, value;
    int outcome = begin(w);

    while (outcome == SC_DONE && sc_json_peek(contact, &next, &key, &value))
        outcome = on_attribute(w, key, value, &next);
    if (outcome != SC_DONE)
        return outcome;
    sc_json_leave(&contact, next, after);
    finish(w);
    outcome = function(context, &w->is);
    sqlite3_free(w->is.fields_own);
    return outcome;
}

/* An entry of the list that is no object: a contact about which nothing is known. */
static int on_other(struct walk *w, struct sc_json value, struct sc_json *next,
                    sc_contact_function *function, void *context)
{
    if (sc_switches_get(w->call->box, SC_SW_WRONG_TYPE) == 0)
        return sc_call_refuse(w->call, 400, "members", "members[%lld] must be an object",
                              (long long)w->index);
    if (begin(w))
        return SC_FAILED;
    sc_json_measure(&value, next);
    finish(w);
    sqlite3_snprintf(sizeof w->is.problem, w->is.problem, "it must be an object");
    return function(context, &w->is);
}

static int refuse_count(struct walk *w, struct sc_json list)
{
    return sc_call_refuse(w->call, 400, "members",
                          "members has 1 to 1000 elements, got %lld",
                          (long long)sc_json_count(list));
}

static int on_list(struct walk *w, struct sc_json list, sc_contact_function *function,
                   void *context)
{
    struct sc_json next = {0}, key, value;
    int outcome = SC_DONE;

    for (; outcome == SC_DONE && sc_json_peek(list, &next, &key, &value); w->index++) {
        if (w->index == SC_CONTACTS_MAX)
            return refuse_count(w, list);
        outcome = sc_json_type(value) == SC_JSON_OBJECT
                      ? on_contact(w, value, &next, function, context)
                      : on_other(w, value, &next, function, context);
    }
    return w->index ? outcome : refuse_count(w, list);
}

int sc_contact_each(struct sc_call *call, const struct sc_json *list,
                    sc_contact_function *function, void *context)
{
    struct walk *w = sqlite3_malloc(sizeof *w);
    struct sc_json after;
    int outcome;

    if (!w)
        return sc_box_fail(call->box, "out of memory");
    memset(w, 0, sizeof *w);
    w->call = call;
    w->list = list != NULL;
    outcome = list ? on_list(w, *list, function, context)
                   : on_contact(w, sc_json_begin(call->body), &after, function, context);
    sqlite3_free(w->text);
    sqlite3_free(w);
    return outcome;
}
