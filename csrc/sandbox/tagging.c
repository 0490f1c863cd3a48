#include "tagging.h"
#include "holders.h"
#include "store.h"
#include "wire.h"

#include <string.h>

#define NAME_MAX_CHARACTERS 64

#define WIDTH SC_TAGGING_WIDTH

int64_t sc_tagging_at(const void *list, int place)
{
    const unsigned char *p = (const unsigned char *)list + place * WIDTH;
    uint64_t tag = 0;
    int i;

    for (i = WIDTH; i-- > 0;)
        tag = tag << 8 | p[i];
    return (int64_t)tag;
}

/* Where the contact at hand has a tag; -1: it has it not. */
static int place_of(const struct sc_tag_list *list, int64_t tag)
{
    int i = list->count;

    while (i-- > 0 && sc_tagging_at(list->bytes, i) != tag)
        ;
    return i;
}

static int reserve(struct sc_box *box, int count)
{
    struct sc_tag_list *list = &box->tag_list;
    int cap = count * 2 + 16;
    unsigned char *grown;

    if (count <= list->cap)
        return SC_DONE;
    grown = sqlite3_realloc64(list->bytes, (sqlite3_uint64)cap * WIDTH);
    if (!grown)
        return sc_box_fail(box, "out of memory");
    list->bytes = grown;
    list->cap = cap;
    return SC_DONE;
}

void sc_tagging_begin(struct sc_box *box)
{
    box->tag_list.count = 0;
}

int sc_tagging_read(struct sc_box *box, int64_t member)
{
    sqlite3_stmt *row =
        sc_store_bind(box, "SELECT tags FROM member WHERE id = ?1", "i", member);
    int code = row ? sc_store_step(box, row) : -1, outcome = SC_DONE, count;

    sc_tagging_begin(box);
    if (code != 1)
        return code == 0 ? SC_DONE : SC_FAILED;
    count = SC_TAGGING_COUNT(sqlite3_column_bytes(row, 0));
    if (count)
        outcome = sc_tagging_use(box, sqlite3_column_blob(row, 0), count);
    sqlite3_reset(row);
    return outcome;
}

int sc_tagging_use(struct sc_box *box, const void *list, int count)
{
    sc_tagging_begin(box);
    if (count && (!list || reserve(box, count)))
        return sc_box_fail(box, "out of memory");
    if (count)
        memcpy(box->tag_list.bytes, list, (size_t)count * WIDTH);
    box->tag_list.count = count;
    return SC_DONE;
}

int sc_tagging_give(struct sc_box *box, int64_t member, int64_t tag, int *changed)
{
    struct sc_tag_list *list = &box->tag_list;
    uint64_t rest = (uint64_t)tag;
    int i;

    if (place_of(list, tag) >= 0)
        return SC_DONE;
    if (reserve(box, list->count + 1) || sc_holders_add(box, tag, member))
        return SC_FAILED;
    for (i = 0; i < WIDTH; i++, rest >>= 8)
        list->bytes[list->count * WIDTH + i] = (unsigned char)rest;
    list->count++;
    ++*changed;
    return SC_DONE;
}

int sc_tagging_take(struct sc_box *box, int64_t member, int64_t tag, int *changed)
{
    struct sc_tag_list *list = &box->tag_list;
    int place = place_of(list, tag);
    unsigned char *at;

    if (place < 0)
        return SC_DONE;
    if (sc_holders_remove(box, tag, member))
        return SC_FAILED;
    at = list->bytes + place * WIDTH;
    list->count--;
    memmove(at, at + WIDTH, (size_t)(list->count - place) * WIDTH);
    ++*changed;
    return SC_DONE;
}

int sc_tagging_keep(struct sc_box *box, int64_t member, const int64_t *tags, int count,
                    int *changed)
{
    struct sc_tag_list *list = &box->tag_list;
    int i, k;

    for (i = list->count; i-- > 0;) {
        int64_t tag = sc_tagging_at(list->bytes, i);

        for (k = 0; k < count && tags[k] != tag; k++)
            ;
        if (k == count && sc_tagging_take(box, member, tag, changed))
            return SC_FAILED;
    }
    return SC_DONE;
}

int sc_tagging_leave(struct sc_box *box, int64_t member, const void *list, int count)
{
    int i;

    for (i = 0; list && i < count; i++)
        if (sc_holders_remove(box, sc_tagging_at(list, i), member))
            return SC_FAILED;
    return SC_DONE;
}

int sc_tagging_write(struct sc_box *box, int64_t member)
{
    return sc_store_run(box, "UPDATE member SET tags = ?2 WHERE id = ?1", "ix", member,
                        box->tag_list.bytes, box->tag_list.count * WIDTH);
}

/* FNV-1a */
static struct sc_tag_name *slot(struct sc_box *box, const char *name)
{
    uint32_t hash = 2166136261u;

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return &box->tag_names[hash % SC_TAG_NAMES_MAX];
}

static void remember(struct sc_box *box, const char *name, int64_t tag)
{
    struct sc_tag_name *at = slot(box, name);

    size_t length = strlen(name);

    if (length >= sizeof at->name)
        return;
    memcpy(at->name, name, length + 1);
    at->tag = tag;
}

int sc_tagging_find(struct sc_box *box, const char *name, int64_t *tag)
{
    const struct sc_tag_name *at = slot(box, name);
    int found;

    if (at->tag && strcmp(at->name, name) == 0) {
        *tag = at->tag;
        return SC_DONE;
    }
    if (sc_store_integer(box, tag, &found, "SELECT id FROM tag WHERE name = ?1", "s",
                         name))
        return SC_FAILED;
    if (found) {
        remember(box, name, *tag);
        return SC_DONE;
    }
    if (sc_store_integer(box, tag, &found,
                         "SELECT id FROM tag WHERE name = ?1 COLLATE NOCASE ORDER BY id",
                         "s", name))
        return SC_FAILED;
    if (found && sc_switches_get(box, SC_SW_TAG_CASE) == 1)
        return SC_DONE;
    *tag = 0;
    return SC_REFUSED;
}

int sc_tagging_name(struct sc_box *box, sqlite3_str *out, int64_t tag)
{
    struct sc_tag_text *at = &box->tag_texts[tag & (SC_TAG_NAMES_MAX - 1)];
    sqlite3_stmt *row;
    int code, length = sqlite3_str_length(out), outcome;

    if (at->tag == tag) {
        sqlite3_str_append(out, at->text, at->len);
        return SC_DONE;
    }
    row = sc_store_bind(box, "SELECT name FROM tag WHERE id = ?1", "i", tag);
    code = row ? sc_store_step(box, row) : -1;
    if (code != 1)
        return code == 0 ? SC_REFUSED : SC_FAILED;
    outcome = sc_store_quote(box, out, sc_store_text(box, row, 0));
    sqlite3_reset(row);
    length = sqlite3_str_length(out) - length;
    if (outcome == SC_DONE && !sqlite3_str_errcode(out) &&
        length <= (int)sizeof at->text) {
        memcpy(at->text, sqlite3_str_value(out) + sqlite3_str_length(out) - length,
               (size_t)length);
        at->tag = tag;
        at->len = length;
    }
    return outcome;
}

void sc_tagging_forget(struct sc_box *box)
{
    int i;

    for (i = 0; i < SC_TAG_NAMES_MAX; i++)
        box->tag_names[i].tag = box->tag_texts[i].tag = 0;
}

const char *sc_tagging_bad_name(struct sc_box *box, const char *name)
{
    int64_t characters = sc_wire_characters(name, strlen(name));
    const unsigned char *p;
    int plain = 1;

    if (characters < 1 || characters > NAME_MAX_CHARACTERS)
        return "the name of a tag has 1 to 64 characters";
    for (p = (const unsigned char *)name; *p; p++)
        plain &= *p >= 0x80 || sc_wire_word(*p);
    if (!plain && sc_switches_get(box, SC_SW_TAG_NAMES) == 1)
        return "the name of a tag consists of letters, digits and _";
    return NULL;
}

int sc_tagging_make(struct sc_box *box, const char *name, int64_t *tag)
{
    *tag = sc_store_mint(box);
    if (sc_store_run(box, "INSERT INTO tag(id, name, updated) VALUES (?1, ?2, ?3)", "isi",
                     *tag, name, sc_box_seconds(box)))
        return SC_FAILED;
    remember(box, name, *tag);
    return SC_DONE;
}
