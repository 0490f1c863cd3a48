/* journal: files of entries that outlive a kill at any moment, and damage as far as can
 * be told.
 *
 * A file has one writer, which holds its lock (flock) for as long as it lives, and is
 * never written again after that: whoever gets the lock knows that the file is sealed.
 * It appears under its name only with a whole header and locked. Each entry carries a
 * moment and two checksums, one over its head, so that a damaged length leads nobody
 * astray. Readers never change a file. A struct owns one descriptor and one buffer; a
 * writer's file may be shared with threads that make it last (journal_sync.c), and is
 * closed by the last of them. Does not know what the bytes mean, nor when they may go. */
#ifndef SC_JOURNAL_H
#define SC_JOURNAL_H

#include "buf.h"
#include "held.h"

#include <stdint.h>

#pragma GCC visibility push(hidden)

#define SC_JOURNAL_HEADER  16 /* bytes before the first entry */
#define SC_JOURNAL_HEAD    24 /* bytes before those of an entry */
#define SC_JOURNAL_LONGEST 1048576 /* bytes of an entry */

/* Beside these functions return 0, or the system's error number. */
enum sc_journal_status {
    SC_JOURNAL_END = -1, /* no further whole entry is there now */
    SC_JOURNAL_FOREIGN = -2, /* not a file of ours, or of a later version */
};

struct sc_journal_file; /* what of a writer other threads may use */

struct sc_journal_writer {
    int open;
    struct sc_journal_file *file;
    uint64_t size;
    struct sc_buf entry; /* the one being written */
};

struct sc_journal_entry {
    const char *bytes; /* until the next call with the reader */
    size_t len;
    int64_t stamp;
    uint64_t end; /* where the file goes on behind it */
};

struct sc_journal_reader {
    int open;
    struct sc_held held;
    int sealed; /* nobody writes it any more */
    uint64_t base; /* where in the file the buffer begins */
    size_t at; /* place of the next entry in the buffer */
    uint64_t damaged; /* bytes passed over that belong to no whole entry */
    struct sc_buf buf;
};

/* Begins the file `name` in a folder, readable for its owner only; a name that is
 * taken is EEXIST. It lasts with the first entry that does. w is zeroed or closed. */
int sc_journal_create(struct sc_journal_writer *w, const char *folder, const char *name);

/* Adds an entry of 1 to SC_JOURNAL_LONGEST bytes (else EMSGSIZE); lasting before it
 * returns when sync is not 0. One that fails is cut off again. Where that cannot be
 * done, or when the system could not make it last, the file is closed: what it holds
 * can no longer be told for sure. */
int sc_journal_append(struct sc_journal_writer *w, const char *bytes, size_t n,
                      int64_t stamp, int sync);

/* Makes all entries last. The file is closed when that fails. */
int sc_journal_sync(struct sc_journal_writer *w);

/* Closes the file and gives the lock up, unless others hold the file. Harmless when
 * called twice. */
void sc_journal_close(struct sc_journal_writer *w);

/* Any thread: makes all that was written before last. Who fails once fails for ever: the
 * system tells of a failure only once. Waits for one that is under way. */
int sc_journal_file_sync(struct sc_journal_file *f);

/* The error number of a sync that failed, or 0. Waits for nothing. */
int sc_journal_file_failed(struct sc_journal_file *f);

/* Any thread: one more holds the file, or one less, the last of whom closes it. */
void sc_journal_file_hold(struct sc_journal_file *f);
void sc_journal_file_drop(struct sc_journal_file *f);

/* Opens a file to be read from an offset on: 0 or the end of an entry. One beyond the
 * file's end is its end. r is zeroed. A damaged header makes a file foreign unless a
 * whole entry is found in it. */
int sc_journal_open(struct sc_journal_reader *r, const char *path, uint64_t offset);

/* Whether the file is sealed; when it is, the reader keeps its lock. */
int sc_journal_sealed(struct sc_journal_reader *r);

/* The next whole entry. In a file still written, what is not whole may become so: it
 * is END and looked at again by the next call. In a sealed one, damage is passed over
 * and counted. */
int sc_journal_next(struct sc_journal_reader *r, struct sc_journal_entry *entry);

/* Where the next entry is looked for. */
uint64_t sc_journal_offset(const struct sc_journal_reader *r);

/* Closes the file and frees the buffer. Harmless when called twice. */
void sc_journal_finish(struct sc_journal_reader *r);

/* For the writer, who holds it: takes both descriptors, the folder's until that has
 * been made last. NULL: out of memory; they are still the caller's. */
struct sc_journal_file *sc_journal_file_new(int fd, int folder);
int sc_journal_file_fd(const struct sc_journal_file *f);

/* The parts of the format that writing and reading share. */
void sc_journal_put_header(char out[SC_JOURNAL_HEADER]);
void sc_journal_put_head(char out[SC_JOURNAL_HEAD], const char *bytes, size_t n,
                         int64_t stamp);

enum sc_journal_verdict { SC_JOURNAL_BAD, SC_JOURNAL_PARTIAL, SC_JOURNAL_WHOLE };

/* What stands at p, of which n bytes are at hand; a whole entry but for its end is
 * told. */
enum sc_journal_verdict sc_journal_look(const char *p, size_t n,
                                        struct sc_journal_entry *entry);

/* 0, FOREIGN for a version that is not known, or END for what is damaged or no header. */
int sc_journal_check_header(const char *p, size_t n);

/* Its first byte is in no UTF-8 text: an entry made of text never holds what looks
 * like one. */
extern const char sc_journal_mark[4];

#pragma GCC visibility pop

#endif
