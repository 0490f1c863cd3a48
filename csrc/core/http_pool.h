/* http_pool: HTTP requests for threads that the host has, such as nginx's thread pools,
 * where the engine's own thread cannot start.
 *
 * A pool takes jobs as a thread does (http_thread.h), but has no door and does nothing
 * by itself: whoever has a thread to spare calls sc_http_pool_work with a job's number
 * there, again and again until the job is done: a thread never waits long, so that its
 * host can end. Request and answer never pass through the caller, who knows nothing
 * but the number. One pool a process; its engines (http_engines.h) keep their
 * connections for the next job. */
#ifndef SC_HTTP_POOL_H
#define SC_HTTP_POOL_H

#include "http_thread.h"

#pragma GCC visibility push(hidden)

/* A share in this process's pool. NULL with *why filled. Closed by
 * sc_http_thread_close. */
struct sc_http_thread *sc_http_pool_open(struct sc_http_failure *why);

/* Works on the job of that number on the calling thread, for a second at most. 1: it
 * is done; 0: it is not; -1: there is no such job, or another thread is at work on it. */
int sc_http_pool_work(uint64_t id);

#pragma GCC visibility pop

#endif
