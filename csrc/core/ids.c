#include "ids.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BINS      ((size_t)128) /* at first */
#define BINS_MOST ((size_t)1 << 20)
#define BIN_IDS   ((size_t)1024) /* on the average: then there are twice as many bins */
#define BIN_ROOM  ((size_t)2048)
#define STAGED    ((size_t)20) /* hashes of a bin that are written at a time */
#define BYTES     sizeof(uint64_t)

#ifndef MAP_POPULATE
#define MAP_POPULATE 0
#endif

/* Zeroed memory that goes back to the system when it is freed: large tables that come and
 * go would leave holes in the heap. Hashes lie all over it, so that all of it is wanted
 * soon. NULL where there is none. */
static void *get(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

static void give_back(void *p, size_t bytes)
{
    if (p)
        munmap(p, bytes);
}

static void free_table(struct sc_ids_table *t)
{
    give_back(t->slots, t->size * BYTES);
    memset(t, 0, sizeof *t);
}

static void free_bins(struct sc_ids *ids)
{
    give_back(ids->filter, ids->bin_count * BIN_IDS);
    give_back(ids->staged, ids->bin_count * STAGED * BYTES);
    give_back(ids->bins, ids->bin_count * sizeof *ids->bins);
    ids->filter = ids->staged = NULL;
    ids->bins = NULL;
}

void sc_ids_init(struct sc_ids *ids, const char *folder)
{
    memset(ids, 0, sizeof *ids);
    ids->folder = folder;
}

void sc_ids_free(struct sc_ids *ids)
{
    free_table(&ids->few);
    free_table(&ids->pending);
    free_bins(ids);
    free(ids->run);
    free(ids->added);
    if (ids->fd > 0)
        close(ids->fd);
    sc_ids_init(ids, ids->folder);
}

uint64_t sc_ids_hash(const char *s, size_t n)
{
    const uint64_t multiplier = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t h = n * multiplier, word;

    for (; n >= 8; s += 8, n -= 8) {
        memcpy(&word, s, 8);
        h = (h ^ word) * multiplier;
        h ^= h >> 32;
    }
    word = 0;
    if (n) /* ids have 24 bytes most often: no call then */
        memcpy(&word, s, n);
    h = (h ^ word) * multiplier;
    h ^= h >> 29;
    h *= multiplier;
    h ^= h >> 32;
    return h ? h : 1;
}

/* ---- tables ---- */

/* The place of the hash, or the free one where it belongs. */
static uint64_t *find(const struct sc_ids_table *t, uint64_t hash)
{
    size_t at = (size_t)hash & (t->size - 1);

    while (t->slots[at] && t->slots[at] != hash)
        at = (at + 1) & (t->size - 1);
    return &t->slots[at];
}

/* Four times as large: each hash moves once in three at most, not once. */
static int grow(struct sc_ids_table *t)
{
    struct sc_ids_table larger = {NULL, t->count, t->size ? t->size * 4 : 256};

    larger.slots = get(larger.size * BYTES);
    if (!larger.slots)
        return SC_IDS_NOMEM;
    for (size_t i = 0; i < t->size; i++)
        if (t->slots[i])
            *find(&larger, t->slots[i]) = t->slots[i];
    free_table(t);
    *t = larger;
    return 0;
}

/* A table is four fifths full at most. */
static int is_full(const struct sc_ids_table *t)
{
    return t->count * 5 >= t->size * 4;
}

static int insert(struct sc_ids_table *t, uint64_t hash)
{
    if (is_full(t) && grow(t))
        return SC_IDS_NOMEM;
    *find(t, hash) = hash;
    t->count++;
    return 0;
}

/* Takes out a hash that is there; those that it pushed on move up. */
static void take_out(struct sc_ids_table *t, uint64_t hash)
{
    size_t mask = t->size - 1, hole = (size_t)(find(t, hash) - t->slots);

    for (size_t at = (hole + 1) & mask; t->slots[at]; at = (at + 1) & mask) {
        size_t home = (size_t)t->slots[at] & mask;

        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        t->slots[hole] = t->slots[at];
        hole = at;
    }
    t->slots[hole] = 0;
    t->count--;
}

/* ---- the file ---- */

static int open_file(struct sc_ids *ids)
{
    const char *folder = ids->folder && *ids->folder ? ids->folder : P_tmpdir;
    char path[4096];
    int fd = -1, n;

#ifdef O_TMPFILE
    fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
#endif
    if (fd < 0) {
        n = snprintf(path, sizeof path, "%s/.sendcloud-ids-XXXXXX", folder);
        if (n < 0 || (size_t)n >= sizeof path) {
            errno = ENAMETOOLONG;
            return SC_IDS_FILE;
        }
        fd = mkstemp(path);
        if (fd < 0)
            return SC_IDS_FILE;
        unlink(path);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    if (fd == 0) { /* 0 means that there is none */
        fd = fcntl(0, F_DUPFD_CLOEXEC, 1);
        close(0);
    }
    ids->fd = fd;
    return fd < 0 ? SC_IDS_FILE : 0;
}

static size_t bin_of(const struct sc_ids *ids, uint64_t hash)
{
    return (size_t)(hash >> 44) / (((size_t)1 << 20) / ids->bin_count);
}

static off_t place_of(size_t bin, size_t index)
{
    return (off_t)((bin * BIN_ROOM + index) * BYTES);
}

static int write_run(struct sc_ids *ids, size_t bin, size_t from, const uint64_t *hashes,
                     size_t count)
{
    const char *bytes = (const char *)hashes;
    size_t n = count * BYTES;
    off_t at = place_of(bin, from);

    while (n) {
        ssize_t done = pwrite(ids->fd, bytes, n, at);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return ids->broken = SC_IDS_FILE;
        bytes += done;
        at += done;
        n -= (size_t)done;
    }
    return 0;
}

/* Reads what the file has of a bin into run. */
static int read_run(struct sc_ids *ids, size_t bin)
{
    char *bytes = (char *)ids->run;
    size_t n = ids->bins[bin].stored * BYTES;
    off_t at = place_of(bin, 0);

    while (n) {
        ssize_t done = pread(ids->fd, bytes, n, at);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            errno = done ? errno : EIO;
            return ids->broken = SC_IDS_FILE;
        }
        bytes += done;
        at += done;
        n -= (size_t)done;
    }
    return 0;
}

/* ---- the filter ---- */

/* A word of the filter for each eight ids, and the four bits of it that stand for a hash.
 */
static uint64_t *word_of(const struct sc_ids *ids, uint64_t hash)
{
    return &ids->filter[(size_t)hash & (ids->bin_count * BIN_IDS / 8 - 1)];
}

static uint64_t bits_of(uint64_t hash)
{
    const uint64_t one = 1;

    return one << (hash >> 24 & 63) | one << (hash >> 30 & 63) |
           one << (hash >> 36 & 63) | one << (hash >> 42 & 63);
}

/* ---- bins ---- */

static int has(const uint64_t *hashes, size_t count, uint64_t hash)
{
    uint64_t found = 0;

    for (size_t i = 0; i < count; i++)
        found |= hashes[i] == hash;
    return found != 0;
}

static int flush_bin(struct sc_ids *ids, size_t at)
{
    struct sc_ids_bin *bin = &ids->bins[at];
    int rc = write_run(ids, at, bin->stored, ids->staged + at * STAGED, bin->staged);

    bin->stored = (uint16_t)(bin->stored + bin->staged);
    bin->staged = 0;
    return rc;
}

/* Memory for so many bins; the filter and the bins are empty. */
static int make_bins(struct sc_ids *ids, size_t count)
{
    free_bins(ids);
    ids->bin_count = count;
    ids->filter = get(count * BIN_IDS);
    ids->staged = get(count * STAGED * BYTES);
    ids->bins = get(count * sizeof *ids->bins);
    if (!ids->run)
        ids->run = calloc(3 * BIN_ROOM, BYTES);
    if (ids->filter && ids->staged && ids->bins && ids->run)
        return 0;
    return ids->broken = SC_IDS_NOMEM;
}

/* Shares out the run of a bin of before between the two bins that stand for it now. */
static int split_bin(struct sc_ids *ids, size_t old, size_t stored)
{
    struct sc_ids_bin *halves = &ids->bins[old * 2];
    uint64_t *sides[2] = {ids->run + BIN_ROOM, ids->run + 2 * BIN_ROOM};
    int rc;

    ids->bins[old].stored = (uint16_t)stored; /* for the reading */
    rc = read_run(ids, old);
    ids->bins[old].stored = 0;
    for (size_t i = 0; !rc && i < stored; i++) {
        uint64_t hash = ids->run[i];
        size_t side = bin_of(ids, hash) & 1;

        sides[side][halves[side].stored++] = hash;
        *word_of(ids, hash) |= bits_of(hash);
    }
    for (size_t side = 0; !rc && side < 2; side++)
        rc = write_run(ids, old * 2 + side, 0, sides[side], halves[side].stored);
    return rc;
}

/* Twice as many bins. The last goes first: its halves lie behind all that is still to be
 * read, and those of bin 0 go over itself. */
static int more_bins(struct sc_ids *ids)
{
    size_t count = ids->bin_count;
    struct sc_ids_bin *before = ids->bins;
    int rc = 0;

    if (count >= BINS_MOST)
        return ids->broken = SC_IDS_NOMEM;
    for (size_t i = 0; !rc && i < count; i++)
        rc = flush_bin(ids, i);
    ids->bins = NULL;
    if (!rc)
        rc = make_bins(ids, count * 2);
    for (size_t i = count; !rc && i-- > 0;)
        rc = split_bin(ids, i, before[i].stored);
    give_back(before, count * sizeof *before);
    return rc;
}

static int put(struct sc_ids *ids, uint64_t hash)
{
    size_t at;
    int rc = ids->broken;

    if (!rc && ids->total >= ids->bin_count * BIN_IDS)
        rc = more_bins(ids);
    if (rc)
        return rc;
    at = bin_of(ids, hash);
    if (ids->bins[at].stored + STAGED > BIN_ROOM) /* not by chance: the ids are made up */
        return ids->broken = SC_IDS_NOMEM;
    ids->staged[at * STAGED + ids->bins[at].staged++] = hash;
    *word_of(ids, hash) |= bits_of(hash);
    ids->total++;
    return ids->bins[at].staged == STAGED ? flush_bin(ids, at) : 0;
}

/* What is pending among the few is no longer there. */
static void take_out_added(struct sc_ids *ids)
{
    for (size_t i = 0; i < ids->added_count; i++)
        take_out(&ids->few, ids->added[i]);
}

/* The few have become many. What is pending stays so. */
static int spill(struct sc_ids *ids)
{
    int rc = open_file(ids);

    if (!rc)
        rc = make_bins(ids, BINS);
    take_out_added(ids);
    for (size_t i = 0; !rc && i < ids->few.size; i++)
        if (ids->few.slots[i])
            rc = put(ids, ids->few.slots[i]);
    for (size_t i = 0; !rc && i < ids->added_count; i++)
        rc = insert(&ids->pending, ids->added[i]);
    ids->added_count = 0;
    free_table(&ids->few);
    return ids->broken = rc;
}

/* ---- the set ---- */

/* Whether the file, or what goes there, has the hash. */
static int is_stored(struct sc_ids *ids, uint64_t hash)
{
    uint64_t bits = bits_of(hash);
    size_t at;
    int rc;

    if ((*word_of(ids, hash) & bits) != bits)
        return 0;
    at = bin_of(ids, hash);
    if (has(ids->staged + at * STAGED, ids->bins[at].staged, hash))
        return 1;
    rc = read_run(ids, at);
    return rc ? rc : has(ids->run, ids->bins[at].stored, hash);
}

void sc_ids_expect(const struct sc_ids *ids, uint64_t hash)
{
    if (ids->bins)
        __builtin_prefetch(word_of(ids, hash));
    else if (ids->few.size)
        __builtin_prefetch(&ids->few.slots[(size_t)hash & (ids->few.size - 1)]);
}

/* Notes that a hash among the few is pending. */
static int note(struct sc_ids *ids, uint64_t hash)
{
    if (ids->added_count == ids->added_room) {
        size_t room = ids->added_room ? ids->added_room * 2 : 128;
        uint64_t *added = realloc(ids->added, room * BYTES);

        if (!added)
            return SC_IDS_NOMEM;
        ids->added = added;
        ids->added_room = room;
    }
    ids->added[ids->added_count++] = hash;
    return 0;
}

static int add_to_few(struct sc_ids *ids, uint64_t hash)
{
    struct sc_ids_table *t = &ids->few;
    uint64_t *place;

    if (is_full(t) && grow(t))
        return SC_IDS_NOMEM;
    place = find(t, hash);
    if (*place)
        return SC_IDS_KNOWN;
    if (note(ids, hash))
        return SC_IDS_NOMEM;
    *place = hash;
    t->count++;
    return SC_IDS_NEW;
}

static int add_to_many(struct sc_ids *ids, uint64_t hash)
{
    int rc;

    if (ids->pending.size && *find(&ids->pending, hash))
        return SC_IDS_KNOWN;
    rc = is_stored(ids, hash);
    if (rc)
        return rc < 0 ? rc : SC_IDS_KNOWN;
    rc = insert(&ids->pending, hash);
    return rc ? rc : SC_IDS_NEW;
}

int sc_ids_add(struct sc_ids *ids, uint64_t hash)
{
    if (!ids->broken && !ids->bins && ids->few.count == SC_IDS_FEW)
        spill(ids);
    if (ids->broken)
        return ids->broken;
    return ids->bins ? add_to_many(ids, hash) : add_to_few(ids, hash);
}

int sc_ids_keep(struct sc_ids *ids)
{
    struct sc_ids_table *t = &ids->pending;
    int rc = ids->broken;

    ids->added_count = 0;
    for (size_t i = 0; t->count && !rc && i < t->size; i++) {
        if (!t->slots[i])
            continue;
        rc = put(ids, t->slots[i]);
        if (rc)
            break;
        t->slots[i] = 0;
        t->count--;
    }
    if (rc)
        ids->broken = rc; /* some are kept, some are not */
    return rc;
}

void sc_ids_forget(struct sc_ids *ids)
{
    take_out_added(ids);
    ids->added_count = 0;
    if (ids->pending.count)
        memset(ids->pending.slots, 0, ids->pending.size * sizeof *ids->pending.slots);
    ids->pending.count = 0;
}
