/* held: descriptors by which this process holds a lock (flock).
 *
 * Such a lock lives as long as any copy of its descriptor, and fork copies: a daemon that
 * a program starts, and that knows nothing of us, would hold it on when the program is
 * gone. So a child closes its copies first of all, and finds -1 in their place. A struct
 * is its owner's and must not move while it holds one. Any thread. Children made by
 * vfork or posix_spawn become another program, which closes them too (O_CLOEXEC). */
#ifndef SC_HELD_H
#define SC_HELD_H

#pragma GCC visibility push(hidden)

struct sc_held {
    int fd; /* -1: none */
    struct sc_held *previous, *next;
};

/* Takes over a descriptor. */
void sc_held_take(struct sc_held *h, int fd);

/* Closes it, where it still is this process's. */
void sc_held_close(struct sc_held *h);

#pragma GCC visibility pop

#endif
