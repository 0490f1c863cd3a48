/* http_door: the private unix-domain socket of a process, at which code that cannot wait
 * for a thread (an event loop) waits for a line instead.
 *
 * A door owns its descriptor, its socket file and the folder around it, which nobody
 * but this user can enter; whoever connects must be this very process. Doors that a
 * killed process left behind are removed when the next one is made. Reads and writes
 * nothing. */
#ifndef SC_HTTP_DOOR_H
#define SC_HTTP_DOOR_H

#include <stddef.h>
#include <sys/types.h>

#pragma GCC visibility push(hidden)

#define SC_HTTP_DOOR_PATH 100 /* bytes; what every system's sockaddr_un has room for */

struct sc_http_door {
    int fd; /* listens; -1: shut or closed */
    int spare; /* given up to turn somebody away when no other is left; -1: none */
    pid_t pid;
    char folder[SC_HTTP_DOOR_PATH]; /* "": closed */
    char path[SC_HTTP_DOOR_PATH];
};

/* Opens a door in the folder that TMPDIR names, or else in the first of the system's
 * folders for temporary files that can be written. 0, or -1 with the reason in why. */
int sc_http_door_open(struct sc_http_door *door, char *why, size_t size);

/* The next one who stands there: a descriptor that never blocks. -1: nobody; -2:
 * somebody, but this process has no descriptor left, not even to turn them away, which
 * it does otherwise. */
int sc_http_door_accept(struct sc_http_door *door);

/* Nobody can be let in or turned away: shuts the door on those who stand there, which
 * they see at once. Who comes later finds it shut. */
void sc_http_door_shut(struct sc_http_door *door);

/* Opens it again, when there are descriptors. 0, or -1. */
int sc_http_door_reopen(struct sc_http_door *door);

/* Closes the door and removes what it stood in; harmless when called twice. */
void sc_http_door_close(struct sc_http_door *door);

#pragma GCC visibility pop

#endif
