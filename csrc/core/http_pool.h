/* http_pool: HTTP requests for threads that the host has, such as nginx's thread pools, where the
 * engine's own thread cannot start.
 *
 * A pool takes jobs as a thread does (http_thread.h), but has no door and does nothing by itself:
 * whoever has a thread to spare calls sc_http_pool_work with a job's number there, which sends the
 * request, waits for the answer and leaves it in the job. Request and answer never pass through
 * the caller, who knows nothing but the number. One pool a process; its engines keep their
 * connections for the next job, and go with the process. */
#ifndef SC_HTTP_POOL_H
#define SC_HTTP_POOL_H

#include "http_thread.h"

/* A share in this process's pool. NULL with *why filled. Closed by sc_http_thread_close. */
struct sc_http_thread *sc_http_pool_open(struct sc_http_failure *why);

/* Does the job of that number on the calling thread and returns when it is done. 0: there is no
 * such job, or not any more. */
int sc_http_pool_work(uint64_t id);

#endif
