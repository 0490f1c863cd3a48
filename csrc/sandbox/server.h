/* server: HTTP in front of a struct sc_front, on two threads of its own.
 *
 * libmicrohttpd does the protocol. One thread turns it and keeps the timers of delayed
 * and dripping answers; the other calls sc_front_exchange for each whole request, in the
 * order they came, so that a long one holds up no socket and no timer. It listens on
 * loopback only unless `exposed` is set. Bodies, headers, connections and silence are
 * limited. The front must outlive the server. A child process must leave the server
 * alone: sc_server_stop does so. */
#ifndef SC_SERVER_H
#define SC_SERVER_H

#include "front.h"

#pragma GCC visibility push(hidden)

struct sc_server;

struct sc_server_options {
    const char *address; /* numeric; NULL: 127.0.0.1 */
    int port; /* 0: one that is free */
    int exposed; /* an address that is not loopback is meant */
    unsigned connections; /* at one time; 0: 1000 */
    unsigned silence; /* seconds after which a silent connection is dropped; 0: 60. A
                         request may take twice as long to arrive */
    size_t max_body; /* bytes; 0: 16 MiB */
};

/* Starts listening. NULL on failure, and then error, of size bytes, holds why. */
struct sc_server *sc_server_start(struct sc_front *front,
                                  const struct sc_server_options *options, char *error,
                                  size_t size);

/* The port that it listens on. */
int sc_server_port(const struct sc_server *server);

/* Ends the thread, closes all connections and frees. NULL is fine. In another process
 * than the one that started it: nothing. */
void sc_server_stop(struct sc_server *server);

#pragma GCC visibility pop

#endif
