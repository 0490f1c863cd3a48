#include "tagging.h"
#include "store.h"
#include "wire.h"

#include <string.h>

#define NAME_MAX_CHARACTERS 64

static int write_delta(struct sc_box *box, struct sc_tag_delta *delta)
{
    int64_t more = delta->more;

    delta->more = 0;
    return more ? sc_store_run(box, "UPDATE tag SET count = count + ?2 WHERE id = ?1",
                               "ii", delta->tag, more)
                : SC_DONE;
}

/* Notes that a tag has so many contacts more. */
static int count(struct sc_box *box, int64_t tag, int64_t more)
{
    struct sc_tag_delta *delta = &box->deltas[tag & (SC_DELTAS_MAX - 1)];

    if (delta->tag != tag && write_delta(box, delta))
        return SC_FAILED;
    delta->tag = tag;
    delta->more += more;
    box->deltas_used = 1;
    return SC_DONE;
}

int sc_tagging_flush(struct sc_box *box)
{
    int i;

    if (!box->deltas_used)
        return SC_DONE;
    for (i = 0; i < SC_DELTAS_MAX; i++)
        if (write_delta(box, &box->deltas[i]))
            return SC_FAILED;
    box->deltas_used = 0;
    return SC_DONE;
}

int sc_tagging_add(struct sc_box *box, int64_t member, int64_t tag, int64_t n,
                   int *changed)
{
    if (sc_store_run(box, "INSERT OR IGNORE INTO tagging VALUES (?1, ?2, ?3)", "iii",
                     member, tag, n))
        return SC_FAILED;
    *changed = sqlite3_changes(box->db) > 0;
    return *changed ? count(box, tag, 1) : SC_DONE;
}

int sc_tagging_remove(struct sc_box *box, int64_t member, int64_t tag, int *changed)
{
    if (sc_store_run(box, "DELETE FROM tagging WHERE member = ?1 AND tag = ?2", "ii",
                     member, tag))
        return SC_FAILED;
    *changed = sqlite3_changes(box->db) > 0;
    return *changed ? count(box, tag, -1) : SC_DONE;
}

int sc_tagging_clear(struct sc_box *box, int64_t member)
{
    sqlite3_stmt *row =
        sc_store_bind(box, "SELECT tag FROM tagging WHERE member = ?1", "i", member);
    int code, any = 0;

    if (!row)
        return SC_FAILED;
    while ((code = sc_store_step(box, row)) == 1) {
        any = 1;
        if (count(box, sqlite3_column_int64(row, 0), -1)) {
            sqlite3_reset(row);
            return SC_FAILED;
        }
    }
    if (code < 0)
        return SC_FAILED;
    return any ? sc_store_run(box, "DELETE FROM tagging WHERE member = ?1", "i", member)
               : SC_DONE;
}

int sc_tagging_last(struct sc_box *box, int64_t member, int64_t *n)
{
    int found;

    return sc_store_integer(box, n, &found,
                            "SELECT ifnull(max(n), 0) FROM tagging WHERE member = ?1",
                            "i", member);
}

/* FNV-1a */
static struct sc_tag_name *slot(struct sc_box *box, const char *name)
{
    uint32_t hash = 2166136261u;

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return &box->tag_names[hash % SC_TAG_NAMES_MAX];
}

void sc_tagging_remember(struct sc_box *box, const char *name, int64_t tag)
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
    if (!found)
        return SC_REFUSED;
    sc_tagging_remember(box, name, *tag);
    return SC_DONE;
}

void sc_tagging_forget(struct sc_box *box)
{
    int i;

    memset(box->deltas, 0, sizeof box->deltas);
    box->deltas_used = 0;
    for (i = 0; i < SC_TAG_NAMES_MAX; i++)
        box->tag_names[i].tag = 0;
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
    sc_tagging_remember(box, name, *tag);
    return SC_DONE;
}
