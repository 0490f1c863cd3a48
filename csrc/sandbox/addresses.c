#include "addresses.h"
#include "holders.h"
#include "store.h"
#include "tagging.h"

#include <string.h>

#define EMPTY 0
#define GONE  (-1) /* a removed one: a search goes on behind it */

/* FNV-1a over the lower case of ASCII, spread once more: the table uses the low bits. */
static uint64_t hash_of(const char *address)
{
    uint64_t hash = 14695981039346656037u;
    unsigned char c;

    for (; (c = (unsigned char)*address) != 0; address++) {
        if (c >= 'A' && c <= 'Z')
            c = (unsigned char)(c + 32);
        hash = (hash ^ c) * 1099511628211u;
    }
    return hash ^ hash >> 29;
}

/* Puts an entry where there is room; there always is. */
static void put(struct sc_addresses *all, uint64_t hash, int64_t member)
{
    size_t mask = all->cap - 1, i = hash & mask;

    while (all->entries[i].member > 0)
        i = (i + 1) & mask;
    if (all->entries[i].member == EMPTY)
        all->used++;
    all->entries[i].hash = hash;
    all->entries[i].member = member;
}

static void take(struct sc_addresses *all, uint64_t hash, int64_t member)
{
    size_t mask = all->cap - 1, i = hash & mask;

    while (all->entries[i].member != EMPTY) {
        if (all->entries[i].member == member) {
            all->entries[i].member = GONE;
            return;
        }
        i = (i + 1) & mask;
    }
}

/* Room for one more entry and its undoing. */
static int reserve(struct sc_box *box)
{
    struct sc_addresses *all = &box->addresses, old = *all;
    struct sc_address_change *undo;
    size_t cap, i;

    if (all->undo_count == all->undo_cap) {
        cap = all->undo_cap ? all->undo_cap * 2 : 1024;
        undo = sqlite3_realloc64(all->undo, cap * sizeof *undo);
        if (!undo)
            return sc_box_fail(box, "out of memory");
        all->undo = undo;
        all->undo_cap = cap;
    }
    if (all->cap && (all->used + 1) * 4 <= all->cap * 3)
        return SC_DONE;
    for (cap = 1024; cap < (size_t)(box->members + 1) * 2; cap *= 2)
        ;
    all->entries = sqlite3_malloc64(cap * sizeof *all->entries);
    if (!all->entries) {
        all->entries = old.entries;
        return sc_box_fail(box, "out of memory");
    }
    memset(all->entries, 0, cap * sizeof *all->entries);
    all->cap = cap;
    all->used = 0;
    for (i = 0; i < old.cap; i++)
        if (old.entries[i].member > 0)
            put(all, old.entries[i].hash, old.entries[i].member);
    sqlite3_free(old.entries);
    return SC_DONE;
}

static void note(struct sc_addresses *all, uint64_t hash, int64_t member, int added)
{
    struct sc_address_change *change = &all->undo[all->undo_count++];

    change->hash = hash;
    change->member = member;
    change->added = added;
}

/* Whether the contact has that address, not just its hash. */
static int check(struct sc_box *box, const char *address, int64_t member, int *same)
{
    sqlite3_stmt *row = sc_store_bind(box,
                                      "SELECT email, unsubscribed IS NOT NULL FROM member"
                                      " WHERE id = ?1 AND email = ?2",
                                      "is", member, address);
    int code = row ? sc_store_step(box, row) : -1;

    *same = code == 1;
    if (code != 1)
        return code == 0 ? SC_DONE : SC_FAILED;
    box->found_unsubscribed = sqlite3_column_int(row, 1);
    if (strcmp(sc_store_text(box, row, 0), address) != 0)
        *same = sc_switches_get(box, SC_SW_ADDRESS_CASE) == 0;
    sqlite3_reset(row);
    return SC_DONE;
}

int sc_addresses_find(struct sc_box *box, const char *address, int64_t *member)
{
    const struct sc_addresses *all = &box->addresses;
    uint64_t hash = hash_of(address);
    size_t mask = all->cap - 1, i = hash & mask;
    int same = 0;

    for (; all->cap && all->entries[i].member != EMPTY; i = (i + 1) & mask) {
        if (all->entries[i].member == GONE || all->entries[i].hash != hash)
            continue;
        *member = all->entries[i].member;
        if (check(box, address, *member, &same))
            return SC_FAILED;
        if (same)
            return SC_DONE;
    }
    *member = 0;
    return SC_REFUSED;
}

int sc_addresses_add(struct sc_box *box, const char *address, int64_t member)
{
    uint64_t hash = hash_of(address);

    if (reserve(box) || sc_holders_add(box, SC_HOLDERS_ALL, member))
        return SC_FAILED;
    put(&box->addresses, hash, member);
    note(&box->addresses, hash, member, 1);
    return SC_DONE;
}

int sc_addresses_remove(struct sc_box *box, const char *address, int64_t member)
{
    uint64_t hash = hash_of(address);

    if (reserve(box) || sc_holders_remove(box, SC_HOLDERS_ALL, member))
        return SC_FAILED;
    take(&box->addresses, hash, member);
    note(&box->addresses, hash, member, 0);
    return SC_DONE;
}

void sc_addresses_commit(struct sc_box *box)
{
    box->addresses.undo_count = 0;
}

void sc_addresses_rollback(struct sc_box *box)
{
    struct sc_addresses *all = &box->addresses;

    while (all->undo_count) {
        const struct sc_address_change *change = &all->undo[--all->undo_count];

        if (change->added)
            take(all, change->hash, change->member);
        else
            put(all, change->hash, change->member);
    }
}

void sc_addresses_free(struct sc_box *box)
{
    sqlite3_free(box->addresses.entries);
    sqlite3_free(box->addresses.undo);
    memset(&box->addresses, 0, sizeof box->addresses);
}

/* Takes up a contact that the store has. */
static int take_up(struct sc_box *box, sqlite3_stmt *row)
{
    int64_t member = sqlite3_column_int64(row, 0);
    const void *tags = sqlite3_column_blob(row, 2);
    int count = tags ? SC_TAGGING_COUNT(sqlite3_column_bytes(row, 2)) : 0, i;

    if (reserve(box) || sc_holders_add(box, SC_HOLDERS_ALL, member))
        return SC_FAILED;
    put(&box->addresses, hash_of(sc_store_text(box, row, 1)), member);
    for (i = 0; i < count; i++)
        if (sc_holders_add(box, sc_tagging_at(tags, i), member))
            return SC_FAILED;
    box->members++;
    return SC_DONE;
}

int sc_addresses_load(struct sc_box *box)
{
    sqlite3_stmt *row;
    int code, outcome = SC_DONE;

    sc_addresses_free(box);
    sc_holders_free(box);
    box->members = 0;
    row = sc_store_bind(box, "SELECT id, email, tags FROM member", "");
    if (!row)
        return SC_FAILED;
    while (outcome == SC_DONE && (code = sc_store_step(box, row)) == 1) {
        outcome = take_up(box, row);
        sc_holders_commit(box); /* what the store has is not undone */
    }
    sqlite3_reset(row);
    return outcome != SC_DONE || code < 0 ? SC_FAILED : SC_DONE;
}
