/* http_chores: jobs that block, such as making a file last, on a thread beside the
 * engine's, so that neither an event loop nor the transfers wait for them.
 *
 * One for each http_thread, and its alone: the engine's thread gives, takes and ends.
 * Owns the second thread, which starts with the first job. Jobs are done in the order
 * they came, all of them, cancelled or not. Completes none: taken back, they are done
 * but for their state. */
#ifndef SC_HTTP_CHORES_H
#define SC_HTTP_CHORES_H

#include "http_thread.h"

#include <pthread.h>

#pragma GCC visibility push(hidden)

struct sc_http_chores {
    pthread_t handle;
    int begun; /* there is a thread */
    struct sc_http *http; /* woken when a job is done */
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct sc_http_job *todo, *last; /* lock: in order, by next_fresh */
    struct sc_http_job *done; /* lock */
    int stop; /* lock */
};

void sc_http_chores_init(struct sc_http_chores *c, struct sc_http *http);

/* Where no thread can be had, the work is done before this returns. */
void sc_http_chores_give(struct sc_http_chores *c, struct sc_http_job *job);

/* Those that are done, by next_fresh, or NULL. */
struct sc_http_job *sc_http_chores_take(struct sc_http_chores *c);

/* Waits until all are done and the thread is gone. */
void sc_http_chores_end(struct sc_http_chores *c);

/* Gives up what init made; nothing is under way. */
void sc_http_chores_free(struct sc_http_chores *c);

#pragma GCC visibility pop

#endif
