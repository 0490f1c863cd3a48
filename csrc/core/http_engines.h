/* http_engines: the HTTP engines that the host's threads use in turn, one job each at a
 * time.
 *
 * Whoever takes one has it alone until it is put back, with its connections, for the
 * next. They are not freed before the process ends. After a fork the parent's are left
 * alone. */
#ifndef SC_HTTP_ENGINES_H
#define SC_HTTP_ENGINES_H

#include "http.h"

#pragma GCC visibility push(hidden)

struct sc_http_engine {
    struct sc_http *http;
    struct sc_http_engine *next; /* while nobody has it */
};

/* The one that was put back last, or a new one. NULL: out of memory. */
struct sc_http_engine *sc_http_engines_take(void);

/* Puts it back. NULL is fine. */
void sc_http_engines_put(struct sc_http_engine *engine);

#pragma GCC visibility pop

#endif
