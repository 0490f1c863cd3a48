#include "holders.h"

#include <stdlib.h>
#include <string.h>

#define TAIL_MAX     1024 /* so many entries out of order are looked through one by one */
#define MAGNITUDE(x) ((x) < 0 ? -(x) : (x))

static size_t slot_of(const struct sc_tag_index *all, int64_t tag)
{
    size_t mask = all->cap - 1;
    size_t i = (size_t)((uint64_t)tag * 0x9e3779b97f4a7c15u >> 32) & mask;

    while (all->tags[i].tag && all->tags[i].tag != tag)
        i = (i + 1) & mask;
    return i;
}

static struct sc_holders *find(const struct sc_box *box, int64_t tag)
{
    const struct sc_tag_index *all = &box->tag_index;
    struct sc_holders *holders;

    if (!all->cap)
        return NULL;
    holders = &all->tags[slot_of(all, tag)];
    return holders->tag ? holders : NULL;
}

/* Twice the room for tags. */
static int grow(struct sc_box *box)
{
    struct sc_tag_index *all = &box->tag_index, old = *all;
    size_t cap = old.cap ? old.cap * 2 : 64, i;
    struct sc_holders *tags = sqlite3_malloc64(cap * sizeof *tags);

    if (!tags)
        return sc_box_fail(box, "out of memory");
    memset(tags, 0, cap * sizeof *tags);
    all->tags = tags;
    all->cap = cap;
    for (i = 0; i < old.cap; i++)
        if (old.tags[i].tag)
            all->tags[slot_of(all, old.tags[i].tag)] = old.tags[i];
    sqlite3_free(old.tags);
    return SC_DONE;
}

static struct sc_holders *find_or_make(struct sc_box *box, int64_t tag)
{
    struct sc_tag_index *all = &box->tag_index;
    struct sc_holders *holders;

    if ((all->used + 1) * 4 > all->cap * 3 && grow(box))
        return NULL;
    holders = &all->tags[slot_of(all, tag)];
    if (!holders->tag) {
        holders->tag = tag;
        all->used++;
    }
    return holders;
}

/* Room for n contacts in all. */
static int reserve(struct sc_box *box, struct sc_holders *holders, size_t n)
{
    size_t cap = holders->cap ? holders->cap * 2 : 16;
    int64_t *grown;

    if (n <= holders->cap)
        return SC_DONE;
    while (cap < n)
        cap *= 2;
    grown = sqlite3_realloc64(holders->members, cap * sizeof *grown);
    if (!grown)
        return sc_box_fail(box, "out of memory");
    holders->members = grown;
    holders->cap = cap;
    return SC_DONE;
}

static int note(struct sc_box *box, int64_t tag, int64_t member)
{
    struct sc_tag_index *all = &box->tag_index;
    struct sc_tag_change *undo;
    size_t cap;

    if (all->undo_count == all->undo_cap) {
        cap = all->undo_cap ? all->undo_cap * 2 : 1024;
        undo = sqlite3_realloc64(all->undo, cap * sizeof *undo);
        if (!undo)
            return sc_box_fail(box, "out of memory");
        all->undo = undo;
        all->undo_cap = cap;
    }
    all->undo[all->undo_count].tag = tag;
    all->undo[all->undo_count++].member = member;
    return SC_DONE;
}

int sc_holders_add(struct sc_box *box, int64_t tag, int64_t member)
{
    struct sc_holders *holders = find_or_make(box, tag);
    size_t n;

    if (!holders || reserve(box, holders, holders->count + 1) || note(box, tag, member))
        return SC_FAILED;
    n = holders->count;
    if (holders->sorted == n && (!n || MAGNITUDE(holders->members[n - 1]) < member))
        holders->sorted++;
    holders->members[holders->count++] = member;
    return SC_DONE;
}

static int by_id(const void *a, const void *b)
{
    int64_t x = MAGNITUDE(*(const int64_t *)a), y = MAGNITUDE(*(const int64_t *)b);

    return x < y ? -1 : x > y;
}

/* Sorts what is not yet, and merges it from behind with what is. */
static int sort(struct sc_box *box, struct sc_holders *holders)
{
    size_t left = holders->sorted, right = holders->count - left, to = holders->count;
    int64_t *all, *tail;

    if (!right)
        return SC_DONE;
    if (reserve(box, holders, holders->count + right))
        return SC_FAILED;
    all = holders->members;
    tail = all + holders->count;
    memcpy(tail, all + left, right * sizeof *all);
    qsort(tail, right, sizeof *all, by_id);
    while (right) {
        if (left && by_id(&all[left - 1], &tail[right - 1]) > 0)
            all[--to] = all[--left];
        else
            all[--to] = tail[--right];
    }
    holders->sorted = holders->count;
    return SC_DONE;
}

size_t sc_holders_place(const struct sc_holders *holders, int64_t member)
{
    size_t low = 0, high = holders->sorted;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (MAGNITUDE(holders->members[middle]) < member)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Turns an entry of a contact, positive or negative, into the opposite. Who came and went
 * has several; any one with the right sign will do. */
static void turn(struct sc_holders *holders, int64_t entry)
{
    int64_t *members = holders->members, member = MAGNITUDE(entry);
    size_t i = sc_holders_place(holders, member);

    while (i < holders->sorted && MAGNITUDE(members[i]) == member && members[i] != entry)
        i++;
    if (i == holders->sorted || members[i] != entry)
        for (i = holders->count; i > holders->sorted && members[i - 1] != entry;)
            i--;
    else
        i++;
    if (i == 0 || members[i - 1] != entry)
        return;
    members[i - 1] = -entry;
    if (entry > 0)
        holders->gone++;
    else
        holders->gone--;
}

int sc_holders_remove(struct sc_box *box, int64_t tag, int64_t member)
{
    struct sc_holders *holders = find(box, tag);

    if (!holders || !holders->count)
        return SC_DONE;
    if (holders->count - holders->sorted > TAIL_MAX && sort(box, holders))
        return SC_FAILED;
    if (note(box, tag, -member))
        return SC_FAILED;
    turn(holders, member);
    return SC_DONE;
}

int sc_holders_clear(struct sc_box *box, int64_t tag)
{
    struct sc_holders *holders = find(box, tag);
    size_t i;

    for (i = 0; holders && i < holders->count; i++) {
        if (holders->members[i] < 0)
            continue;
        if (note(box, tag, -holders->members[i]))
            return SC_FAILED;
        holders->members[i] = -holders->members[i];
        holders->gone++;
    }
    return SC_DONE;
}

int64_t sc_holders_count(const struct sc_box *box, int64_t tag)
{
    const struct sc_holders *holders = find(box, tag);

    return holders ? (int64_t)(holders->count - holders->gone) : 0;
}

int sc_holders_in_order(struct sc_box *box, int64_t tag, struct sc_holders **holders)
{
    *holders = find(box, tag);
    return *holders ? sort(box, *holders) : SC_DONE;
}

int64_t sc_holders_between(const struct sc_holders *holders, size_t from, size_t to)
{
    int64_t n = 0;

    if (from >= to)
        return 0;
    if (!holders->gone)
        return (int64_t)(to - from);
    for (; from < to; from++)
        n += holders->members[from] > 0;
    return n;
}

int64_t sc_holders_nth(const struct sc_holders *holders, size_t from, size_t to,
                       int64_t n, int oldest)
{
    const int64_t *members = holders->members;
    size_t i;

    if (n < 1 || from >= to || (uint64_t)n > to - from)
        return 0;
    if (!holders->gone)
        return members[oldest ? from + (size_t)n - 1 : to - (size_t)n];
    for (i = 0; i < to - from; i++) {
        int64_t member = members[oldest ? from + i : to - 1 - i];

        if (member > 0 && --n == 0)
            return member;
    }
    return 0;
}

/* Drops the entries of those who are gone. */
static void squeeze(struct sc_holders *holders)
{
    size_t from, to = 0, sorted = 0;

    for (from = 0; from < holders->count; from++) {
        if (holders->members[from] < 0)
            continue;
        holders->members[to++] = holders->members[from];
        if (from < holders->sorted)
            sorted = to;
    }
    holders->count = to;
    holders->sorted = sorted;
    holders->gone = 0;
}

void sc_holders_commit(struct sc_box *box)
{
    struct sc_tag_index *all = &box->tag_index;

    while (all->undo_count) {
        const struct sc_tag_change *change = &all->undo[--all->undo_count];
        struct sc_holders *holders = change->member < 0 ? find(box, change->tag) : NULL;

        if (holders && holders->gone * 2 > holders->count)
            squeeze(holders);
    }
}

void sc_holders_rollback(struct sc_box *box)
{
    struct sc_tag_index *all = &box->tag_index;

    while (all->undo_count) {
        const struct sc_tag_change *change = &all->undo[--all->undo_count];
        struct sc_holders *holders = find(box, change->tag);

        if (holders && holders->count)
            turn(holders, change->member);
    }
}

void sc_holders_free(struct sc_box *box)
{
    struct sc_tag_index *all = &box->tag_index;
    size_t i;

    for (i = 0; i < all->cap; i++)
        sqlite3_free(all->tags[i].members);
    sqlite3_free(all->tags);
    sqlite3_free(all->undo);
    memset(all, 0, sizeof *all);
}
