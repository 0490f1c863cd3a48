/* worker: a thread that does the jobs it is given, one after the other, in their order.
 *
 * The giver owns the jobs and what they are part of; between sc_worker_give and
 * sc_worker_done a job is the worker's alone. What a job is, is known to `work` only. */
#ifndef SC_WORKER_H
#define SC_WORKER_H

#pragma GCC visibility push(hidden)

/* To be the first member of what is given. */
struct sc_job {
    struct sc_job *next;
};

struct sc_worker;

/* Starts the thread. A byte is written to the descriptor `wake`, which does not block,
 * whenever jobs are done and none was before. NULL on failure. */
struct sc_worker *sc_worker_start(void (*work)(struct sc_job *job), int wake);

void sc_worker_give(struct sc_worker *worker, struct sc_job *job);

/* What was done since it was asked last, linked in order; NULL: nothing. */
struct sc_job *sc_worker_done(struct sc_worker *worker);

/* Lets the thread finish what it is at, ends it and frees. The jobs it had not come to
 * are its giver's again. NULL is fine. */
void sc_worker_stop(struct sc_worker *worker);

#pragma GCC visibility pop

#endif
