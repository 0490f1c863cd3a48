/* http_thread: an HTTP engine on a thread of its own, one a process, for hosts that must
 * not wait.
 *
 * sc_http_submit copies a request and returns at once. Whoever wants to know when the
 * job is done connects to the thread's door (http_door.h), sends "ID\n" and gets that
 * line back when it is; closing the connection before that cancels the job. Answers
 * never go through the socket: they are taken from the job. The thread is shared:
 * every sc_http_thread_open is matched by a close, a job counts too, and the last one
 * to go stops and joins it, as does the end of the process. Any thread may call any
 * function; a job has one owner. Never started by a process that will fork (nginx's
 * master): a child drops what it inherited, its jobs are failed ones, and it opens a
 * thread of its own. */
#ifndef SC_HTTP_THREAD_H
#define SC_HTTP_THREAD_H

#include "http.h"

#include <stdint.h>

#pragma GCC visibility push(hidden)

struct sc_http_thread;
struct sc_http_job;

/* A share in this process's thread, which starts when there is none. NULL with *why
 * filled. */
struct sc_http_thread *sc_http_thread_open(struct sc_http_failure *why);

/* Gives the share back. NULL is fine. */
void sc_http_thread_close(struct sc_http_thread *t);

/* Where its socket is; "" for a pool (http_pool.h). */
const char *sc_http_thread_path(const struct sc_http_thread *t);

/* Whether another process than this one made it. */
int sc_http_thread_is_foreign(const struct sc_http_thread *t);

/* Whether nobody can reach its socket any more, because somebody removed it. The next
 * open starts another thread then; this one finishes what it has. */
int sc_http_thread_is_lost(struct sc_http_thread *t);

/* Whether that was found before. */
int sc_http_thread_is_retired(struct sc_http_thread *t);

/* Hands over a copy of the request; request->into gives its memory away. NULL with
 * *why filled. */
struct sc_http_job *sc_http_submit(struct sc_http_thread *t,
                                   const struct sc_http_request *request,
                                   struct sc_http_failure *why);

/* Work that blocks, done by a thread beside the engine's. */
struct sc_http_chore {
    int (*run)(void *of); /* 0, or the system's error number */
    void (*hold)(void *of); /* called when the chore is taken in, */
    void (*drop)(void *of); /* and once after that, on any thread */
    void *of;
};

/* Takes it in as a job, which nothing cancels: given up or not, it is done, at the end
 * of the process too. One of a pool's is done when somebody works on it. NULL with *why
 * filled. */
struct sc_http_job *sc_http_submit_chore(struct sc_http_thread *t,
                                         const struct sc_http_chore *chore,
                                         struct sc_http_failure *why);

/* What run returned; ECANCELED where it never ran. */
int sc_http_job_code(const struct sc_http_job *job);

/* The number to send to the door. */
uint64_t sc_http_job_id(const struct sc_http_job *job);

/* Whether there is a result. */
int sc_http_job_done(struct sc_http_job *job);

/* Of a job that is done: why there is no answer, or NULL; and else the transfer that
 * holds it, which stays the job's. */
const struct sc_http_failure *sc_http_job_failed(struct sc_http_job *job);
struct sc_http_transfer *sc_http_job_transfer(struct sc_http_job *job);

/* Soon it will be done, with kind cancelled unless it was done already. */
void sc_http_job_cancel(struct sc_http_job *job);

/* Cancels the job and gives up its result. NULL is fine. */
void sc_http_job_release(struct sc_http_job *job);

#pragma GCC visibility pop

#endif
