/* route: which operation a method and a path mean, in which dialect.
 *
 * One table for both dialects; adding an operation is adding a row. Reads nothing but its
 * arguments and owns nothing. */
#ifndef SC_ROUTE_H
#define SC_ROUTE_H

#include "dialect.h"

#pragma GCC visibility push(hidden)

struct sc_route_row {
    const char *method;
    const struct sc_dialect *dialect;
    const char *pattern, *operation;
    int (*run)(struct sc_call *call);
    int flags; /* enum sc_route_flags */
};

enum sc_route_flags {
    SC_ROUTE_BODY = 1, /* reads a JSON body */
    SC_ROUTE_WRITE = 2, /* may change the store */
    SC_ROUTE_MORE = 4, /* EngageLab beyond its document */
};

#define SC_ALLOW_MAX 64

/* The row of a request, or NULL. Then *status is 404, or 405 with the methods in allow.
 * *id is the still encoded id inside path, with its length; path ends at a ? or a NUL. */
const struct sc_route_row *sc_route_find(const char *method, const char *path,
                                         const char **id, size_t *id_len, int *status,
                                         char allow[SC_ALLOW_MAX]);
const struct sc_dialect *sc_route_dialect(const char *path);

#pragma GCC visibility pop

#endif
