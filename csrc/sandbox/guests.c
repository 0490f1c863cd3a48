#include "guests.h"

#include <stdlib.h>
#include <sys/socket.h>

struct sc_guest {
    struct sc_guest *previous, *next;
    int fd;
    int asked; /* it is our turn */
    double since; /* what it sends now may have begun */
};

struct sc_guest *sc_guests_come(struct sc_guests *all, int fd, double now)
{
    struct sc_guest *guest = calloc(1, sizeof *guest);

    if (!guest)
        return NULL;
    guest->fd = fd;
    guest->since = now;
    guest->next = all->first;
    if (all->first)
        all->first->previous = guest;
    all->first = guest;
    return guest;
}

void sc_guests_go(struct sc_guests *all, struct sc_guest *guest)
{
    if (!guest)
        return;
    if (guest->previous)
        guest->previous->next = guest->next;
    else
        all->first = guest->next;
    if (guest->next)
        guest->next->previous = guest->previous;
    free(guest);
}

int sc_guests_only(const struct sc_guests *all, const struct sc_guest *guest)
{
    return all->first == guest && !guest->next;
}

void sc_guests_asked(struct sc_guest *guest)
{
    if (guest)
        guest->asked = 1;
}

void sc_guests_answered(struct sc_guest *guest, double now)
{
    if (!guest)
        return;
    guest->asked = 0;
    guest->since = now;
}

/* Every byte that comes in wakes the server, so that who trickles is seen in time; a
 * second more or less is nothing, and a thousand guests are not looked at for each
 * byte. */
void sc_guests_sweep(struct sc_guests *all, double now)
{
    struct sc_guest *guest;

    if (now - all->looked < 1)
        return;
    all->looked = now;
    for (guest = all->first; guest; guest = guest->next)
        if (!guest->asked && now - guest->since > all->limit)
            shutdown(guest->fd, SHUT_RDWR); /* libmicrohttpd notices and closes */
}
