/* listen: the socket at which the server listens.
 *
 * On loopback, unless whoever starts the server says that others are meant to reach
 * it: there are no secrets in a sandbox, but a port that the network sees should be
 * nobody's surprise. */
#ifndef SC_LISTEN_H
#define SC_LISTEN_H

#include "server.h"

/* A socket that listens, its port in *port; -1 on failure, with the reason in error,
 * of size bytes. */
int sc_listen_on(const struct sc_server_options *options, int *port, char *error,
                 size_t size);

#endif
