/* guests: who is connected to the server, and since when it waits for a whole request of
 * theirs.
 *
 * libmicrohttpd drops who is silent; who sends a byte now and then would hold a
 * connection for ever. A guest whose request takes longer than the limit to arrive is
 * shown the door, be it its first line, its headers or its body that trickles. Belongs
 * to the server's thread. */
#ifndef SC_GUESTS_H
#define SC_GUESTS_H

#pragma GCC visibility push(hidden)

struct sc_guest;

struct sc_guests {
    struct sc_guest *first;
    double limit; /* seconds */
    double looked; /* when it was last looked who is late */
};

/* Somebody connected. NULL: out of memory, and then nobody watches. */
struct sc_guest *sc_guests_come(struct sc_guests *all, int fd, double now);
void sc_guests_go(struct sc_guests *all, struct sc_guest *guest); /* NULL is fine */

/* Whether nobody else is here. */
int sc_guests_only(const struct sc_guests *all, const struct sc_guest *guest);

/* The whole request is there. */
void sc_guests_asked(struct sc_guest *guest);
/* It is done with, answered or not: the next may come. */
void sc_guests_answered(struct sc_guest *guest, double now);

/* Shuts the connections of who is late. */
void sc_guests_sweep(struct sc_guests *all, double now);

#pragma GCC visibility pop

#endif
