/* buf: a growable run of bytes with a cap.
 *
 * Owns its memory; sc_buf_free gives it back and leaves an empty buffer that can be
 * used again. SC_BUF_PAD bytes behind the last one are always allocated, so that a
 * scanner may read past the end by a vector without leaving the block; their content
 * means nothing. A buffer whose bytes are on their way (a request's body) is locked:
 * nothing changes it until the one who locked it lets go. Does no I/O and knows
 * nothing of what the bytes mean. */
#ifndef SC_BUF_H
#define SC_BUF_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

#define SC_BUF_PAD 32

enum sc_buf_status {
    SC_BUF_OK = 0,
    SC_BUF_NOMEM = -1, /* the allocator refused */
    SC_BUF_TOOBIG = -2, /* the cap would be passed; nothing was added */
    SC_BUF_LOCKED = -3, /* somebody is reading or filling it; nothing was added */
};

struct sc_buf {
    char *data;
    size_t len;
    size_t cap; /* bytes that fit without growing, the pad not counted */
    size_t max; /* len never passes this */
    unsigned locks;
};

/* Makes b an empty buffer that never holds more than max bytes. Allocates nothing. */
void sc_buf_init(struct sc_buf *b, size_t max);

/* Room for more bytes behind len. Returns an enum sc_buf_status. */
int sc_buf_reserve(struct sc_buf *b, size_t more);

/* Adds n bytes. Returns an enum sc_buf_status; on failure b is as it was. */
int sc_buf_add(struct sc_buf *b, const void *bytes, size_t n);

/* Adds one byte. Returns an enum sc_buf_status. */
int sc_buf_add_char(struct sc_buf *b, char c);

/* Empties b and keeps its memory. A locked one stays as it is. */
void sc_buf_clear(struct sc_buf *b);

/* Empties b and gives its memory back, locked or not. */
void sc_buf_free(struct sc_buf *b);

/* Overwrites n bytes at p with zeros in a way that the compiler keeps. */
void sc_wipe(void *p, size_t n);

#pragma GCC visibility pop

#endif
