/* ids: which ids came before, for millions of them in little memory.
 *
 * Keeps hashes of 64 bits. The first SC_IDS_FEW stay in a table. When there are more, all
 * of them go into a temporary file without a name, spread over bins by their first bits;
 * what stays in memory is a filter of one byte an id, and for each bin the last few that
 * are not in the file yet. The filter answers for nearly all ids that are new; where it
 * cannot, the bin is read. What is added is pending until it is kept, or forgotten.
 * Owns its memory and the file. Two ids are taken for one when their hashes are the same:
 * for a million of them the odds are 1 in 37 million. */
#ifndef SC_IDS_H
#define SC_IDS_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

#define SC_IDS_FEW 52000 /* what a table of half a megabyte takes */

enum sc_ids_status {
    SC_IDS_NEW = 1,
    SC_IDS_KNOWN = 0,
    SC_IDS_NOMEM = -1,
    SC_IDS_FILE = -3, /* the temporary file: errno says why */
};

/* A table of hashes, open addressing; 0 is no hash. */
struct sc_ids_table {
    uint64_t *slots;
    size_t count, size; /* size is a power of two */
};

/* One of the runs of hashes that the file consists of. */
struct sc_ids_bin {
    uint16_t stored, staged;
};

struct sc_ids {
    struct sc_ids_table few, pending;
    const char *folder; /* of the file; the caller's */
    int fd; /* of the file, 0: there is none */
    int broken; /* a status: a failure that left only parts */
    uint64_t *added; /* those of the few that are pending */
    size_t added_count, added_room;
    size_t total, bin_count; /* a power of two */
    struct sc_ids_bin *bins;
    uint64_t *filter, *staged, *run;
};

/* An empty set. The folder must stay; NULL: the system's place for temporary files. */
void sc_ids_init(struct sc_ids *ids, const char *folder);
void sc_ids_free(struct sc_ids *ids);

uint64_t sc_ids_hash(const char *id, size_t n);

/* Lets the machine fetch what adding the hash will look at. */
void sc_ids_expect(const struct sc_ids *ids, uint64_t hash);

/* Adds a hash; until it is kept or forgotten it is pending. An enum sc_ids_status. */
int sc_ids_add(struct sc_ids *ids, uint64_t hash);

/* What is pending stays. 0, SC_IDS_NOMEM or SC_IDS_FILE. */
int sc_ids_keep(struct sc_ids *ids);

/* What is pending was never added. */
void sc_ids_forget(struct sc_ids *ids);

#pragma GCC visibility pop

#endif
