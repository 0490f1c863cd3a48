/* pauses: connections of the server that are suspended until a time, or for good.
 *
 * For the server's thread alone. Who pauses owns the struct, which must stay where it is
 * until it is resumed. */
#ifndef SC_PAUSES_H
#define SC_PAUSES_H

#include <microhttpd.h>
#include <poll.h>

#pragma GCC visibility push(hidden)

struct sc_pause {
    struct MHD_Connection *connection;
    struct sc_pause *next;
    double due; /* may change while it is in the list; INFINITY: not by itself */
};

struct sc_pauses {
    struct sc_pause *first; /* in no order */
};

/* Seconds on the machine's monotonic clock. */
double sc_pauses_now(void);

void sc_pauses_add(struct sc_pauses *all, struct sc_pause *pause, double due);

/* Lets go on whose time has come, or everybody. */
void sc_pauses_end(struct sc_pauses *all, int everybody);

/* Seconds until one is over, 0 when one is; INFINITY: none ends by itself. */
double sc_pauses_left(const struct sc_pauses *all);

/* Waits so long, a minute at most, or until there is something to read. Where the system
 * can, not a millisecond more: those of many delays would add up. */
void sc_pauses_poll(struct pollfd *fds, nfds_t count, double seconds);

#pragma GCC visibility pop

#endif
