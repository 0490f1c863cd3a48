#include "rows.h"

#include <stdlib.h>
#include <string.h>

/* Rows whose marks are on their way from memory: one would be waited for as long as it takes
 * to write half a row. */
#define AHEAD 16

#define MULTIPLIER UINT64_C(0x9e3779b97f4a7c15)

int sc_rows_fold_init(struct sc_rows_fold *f, size_t live, uint64_t seed)
{
    size_t size = 256;

    memset(f, 0, sizeof *f);
    while (size < live * 2)
        size *= 2;
    f->marks = calloc(size, sizeof *f->marks);
    if (!f->marks)
        return SC_ROWS_NOMEM;
    f->size = size;
    f->seed = seed;
    return 0;
}

void sc_rows_fold_free(struct sc_rows_fold *f)
{
    free(f->marks);
    f->marks = NULL;
    f->size = 0;
}

int sc_rows_fold_open(struct sc_rows_fold *f, struct sc_rows_batch *b)
{
    for (unsigned slot = 0; slot < SC_ROWS_SLOTS; slot++) {
        if (f->generation[slot])
            continue;
        f->last = f->last == UINT32_MAX ? 1 : f->last + 1;
        f->generation[slot] = f->last;
        b->slot = slot;
        b->generation = f->last;
        return 0;
    }
    return -1;
}

void sc_rows_fold_close(struct sc_rows_fold *f, struct sc_rows_batch *b)
{
    if (b->generation && f->generation[b->slot] == b->generation)
        f->generation[b->slot] = 0;
    b->generation = 0;
}

static inline uint64_t load(const char *s)
{
    uint64_t word;

    memcpy(&word, s, 8);
    return word;
}

static inline uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ (word | UINT64_C(0x2020202020202020))) * MULTIPLIER;
    return h ^ h >> 32;
}

/* Letters of either case give the same hash; so do a few other pairs, which does no
 * harm. */
static uint64_t hash_address(const char *s, size_t n, uint64_t seed)
{
    uint64_t h = seed ^ (n * MULTIPLIER), word = 0;

    if (n < 8) {
        memcpy(&word, s, n);
        h = mix(h, word);
    } else {
        /* Most addresses have 16 to 32 bytes: words that overlap in place of a loop. */
        for (; n > 32; s += 8, n -= 8)
            h = mix(h, load(s));
        h = mix(h, load(s));
        if (n > 16) {
            h = mix(h, load(s + 8));
            h = mix(h, load(s + n - 16));
        }
        h = mix(h, load(s + n - 8));
    }
    h ^= h >> 29;
    h *= MULTIPLIER;
    return h ^ h >> 32;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static int same_address(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (lower(a[i]) != lower(b[i]))
            return 0;
    return 1;
}

static int is_alive(const struct sc_rows_fold *f, const struct sc_rows_mark *m)
{
    return f->generation[m->slot] == m->generation;
}

/* Puts the mark into the first free place from its own on. */
static void put(struct sc_rows_mark *table, size_t size, struct sc_rows_mark mark)
{
    size_t at = (size_t)mark.hash & (size - 1);

    while (table[at].generation)
        at = (at + 1) & (size - 1);
    table[at] = mark;
}

/* Empties the places of marks that dead batches left. Returns how many live. */
static size_t clear_dead(struct sc_rows_fold *f)
{
    size_t alive = 0;

    for (size_t i = 0; i < f->size; i++) {
        struct sc_rows_mark *m = &f->marks[i];

        if (m->generation && !is_alive(f, m))
            m->generation = 0;
        alive += m->generation != 0;
    }
    return alive;
}

static int grow(struct sc_rows_fold *f, size_t size)
{
    struct sc_rows_mark *table = calloc(size, sizeof *table);

    if (!table)
        return SC_ROWS_NOMEM;
    for (size_t i = 0; i < f->size; i++)
        if (f->marks[i].generation)
            put(table, size, f->marks[i]);
    free(f->marks);
    f->marks = table;
    f->size = size;
    return 0;
}

/* Drops what dead batches left; only where the living need it the table grows. Otherwise
 * they move up where they are. It begins behind a place that was free before, so none has
 * come over it: each finds a free place at or before its own, and all before it stay. */
static int rebuild(struct sc_rows_fold *f)
{
    size_t size = f->size, first = 0, alive;

    while (f->marks[first].generation)
        first++;
    alive = clear_dead(f);
    while (size < alive * 2)
        size *= 2;
    for (size_t i = 1; i < f->size; i++) {
        struct sc_rows_mark *m = &f->marks[(first + i) & (f->size - 1)], mark = *m;

        if (!mark.generation)
            continue;
        m->generation = 0;
        put(f->marks, f->size, mark);
    }
    f->used = alive;
    return size > f->size ? grow(f, size) : 0;
}

/* Enters row `index` of b, whose address has this hash; folds an earlier row of the same
 * address into it and notes the other batches that hold it. */
static int add(struct sc_rows_fold *f, struct sc_rows_batch *b, const struct sc_buf *body,
               uint32_t address_at, size_t index, uint64_t hash)
{
    const struct sc_rows_entry *e = &b->rows[index];
    const char *address = body->data + e->body + address_at;
    size_t at;

    if (f->used * 4 >= f->size * 3 && rebuild(f))
        return SC_ROWS_NOMEM;
    for (at = (size_t)hash & (f->size - 1); f->marks[at].generation;
         at = (at + 1) & (f->size - 1)) {
        struct sc_rows_mark *m = &f->marks[at];
        struct sc_rows_entry *other;

        if (m->hash != hash || !is_alive(f, m))
            continue;
        if (m->slot != b->slot) {
            b->blocked |= UINT64_C(1) << m->slot;
            continue;
        }
        other = &b->rows[m->row];
        if (other->address_len != e->address_len ||
            !same_address(body->data + other->body + address_at, address, e->address_len))
            continue;
        if (other == e)
            return 0;
        other->state = SC_ROWS_FOLDED;
        other->winner = (uint32_t)index;
        m->row = (uint16_t)index;
        b->folded++;
        return 0;
    }
    f->marks[at] =
        (struct sc_rows_mark){hash, b->generation, (uint16_t)b->slot, (uint16_t)index};
    f->used++;
    return 0;
}

static int is_sent(const struct sc_rows_entry *e)
{
    return e->state == SC_ROWS_SENT && e->body_len;
}

int sc_rows_fold(struct sc_rows_fold *f, struct sc_rows_batch *b,
                 const struct sc_buf *body, uint32_t address_at)
{
    uint64_t hashes[AHEAD];

    for (size_t i = 0; i < b->count + AHEAD; i++) {
        uint64_t *hash = &hashes[i % AHEAD];

        if (i >= AHEAD && is_sent(&b->rows[i - AHEAD]) &&
            add(f, b, body, address_at, i - AHEAD, *hash))
            return SC_ROWS_NOMEM;
        if (i < b->count && is_sent(&b->rows[i])) {
            const struct sc_rows_entry *e = &b->rows[i];

            *hash =
                hash_address(body->data + e->body + address_at, e->address_len, f->seed);
            __builtin_prefetch(&f->marks[(size_t)*hash & (f->size - 1)], 1);
        }
    }
    return 0;
}

long sc_rows_fold_find(const struct sc_rows_fold *f, const struct sc_rows_batch *b,
                       const struct sc_buf *body, uint32_t address_at,
                       const char *address, size_t n)
{
    uint64_t hash = hash_address(address, n, f->seed);
    size_t at;

    for (at = (size_t)hash & (f->size - 1); f->marks[at].generation;
         at = (at + 1) & (f->size - 1)) {
        const struct sc_rows_mark *m = &f->marks[at];
        const struct sc_rows_entry *e;

        if (m->hash != hash || m->slot != b->slot || m->generation != b->generation)
            continue;
        e = &b->rows[m->row];
        if (e->address_len == n &&
            same_address(body->data + e->body + address_at, address, n))
            return m->row;
    }
    return -1;
}
