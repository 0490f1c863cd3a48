/* listen: the socket at which the server listens.
 *
 * On loopback, unless whoever starts the server says that others are meant to reach
 * it: there are no secrets in a sandbox, but a port that the network sees should be
 * nobody's surprise. */
#ifndef SC_LISTEN_H
#define SC_LISTEN_H

#include "server.h"

#pragma GCC visibility push(hidden)

/* A socket that listens, its port in *port; -1 on failure, with the reason in error,
 * of size bytes. */
int sc_listen_on(const struct sc_server_options *options, int *port, char *error,
                 size_t size);

/* A pipe by which the server's thread is woken: its ends never wait and end with exec.
 * Returns whether there is one; else both are -1. */
int sc_listen_pipe(int ends[2]);

#pragma GCC visibility pop

#endif
