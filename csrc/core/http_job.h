/* http_job: what the thread of the HTTP engine and those who hand it work share:
 * http_thread.c is their side and the thread's life, http_serve.c what runs on the
 * thread, http_chores.c beside it, http_pool.c on the host's threads instead, http_job.c
 * a job's memory.
 * Nobody else includes this.
 *
 * The lock guards what is marked with it; the rest of a job is the thread's until its
 * state is SC_JOB_DONE, and its owner's from then on. Only a done job is freed by its
 * owner; one that was given up before is freed by the thread. */
#ifndef SC_HTTP_JOB_H
#define SC_HTTP_JOB_H

#include "http_chores.h"
#include "http_door.h"
#include "http_engines.h"
#include "http_internal.h"
#include "http_thread.h"

#include <pthread.h>

#pragma GCC visibility push(hidden)

/* Paused: begun by one of the host's threads, and none is at work on it. */
enum sc_http_job_state { SC_JOB_FRESH, SC_JOB_RUNNING, SC_JOB_PAUSED, SC_JOB_DONE };

struct sc_http_caller; /* somebody connected to the door */

struct sc_http_job {
    struct sc_http_thread *thread;
    uint64_t id;
    struct sc_http_job *previous, *next; /* lock: all jobs */
    struct sc_http_job *next_fresh; /* lock */
    enum sc_http_job_state state; /* lock */
    int cancelled, abandoned; /* lock */
    struct sc_http_caller *waiter; /* lock: who is told */
    struct sc_http_job *previous_running, *next_running;
    struct sc_http_request request; /* points into text and body */
    char *text; /* the strings of the request, the credential among them */
    size_t text_len;
    char *body;
    struct sc_buf into;
    struct sc_http_transfer *transfer; /* NULL: it never began */
    struct sc_http_failure why;
    struct sc_http_engine *engine; /* lock: of a pool's job that was begun */
    struct sc_http_engine *served; /* the same, for who is at work on it */
    struct sc_http_chore chore; /* run is NULL: a request */
    int code; /* of a chore */
    double made; /* when, in seconds; see sc_http_job_age */
};

struct sc_http_thread {
    pid_t pid;
    unsigned shares; /* guarded by the process's lock, see http_thread.c */
    int joined, retired; /* the same */
    struct sc_http_thread *next; /* the same: all that run */
    pthread_t handle;
    struct sc_http *http; /* NULL: the host's threads do the work, by their own engines */
    struct sc_http_door door;
    pthread_mutex_t lock;
    struct sc_http_job *jobs; /* lock */
    struct sc_http_job *fresh, *last_fresh; /* lock: not begun, in order */
    unsigned cancels; /* lock: jobs that were cancelled since the thread last looked */
    uint64_t last_id; /* lock */
    int stop; /* lock */
    /* The thread's own: */
    struct sc_http_chores chores;
    struct sc_http_job *running;
    struct sc_http_caller **callers;
    struct curl_waitfd *waits; /* the door, then one for each caller */
    unsigned callers_count, callers_room;
    int no_descriptors; /* somebody stands at the door and cannot be let in */
};

/* http_serve.c: the thread itself; returns when t->stop is set. */
void *sc_http_serve(void *t);

/* http_serve.c: room for the door's wait. 0: out of memory. */
int sc_http_serve_init(struct sc_http_thread *t);

/* http_thread.c: a share more for somebody who knows that there is one. */
void sc_http_thread_share(struct sc_http_thread *t);

/* A copy of the request, which nobody knows of yet. NULL: out of memory. */
struct sc_http_job *sc_http_job_new(const struct sc_http_request *request);

/* The same for a chore. */
struct sc_http_job *sc_http_job_new_chore(const struct sc_http_chore *chore);

/* Seconds since then. */
double sc_http_job_age(const struct sc_http_job *job);

/* The job of that number, or NULL; the lock is held. */
struct sc_http_job *sc_http_job_find(const struct sc_http_thread *t, uint64_t id);

/* Hands a job with a result to its owner, or frees it where nobody wants it any more.
 * Returns who is to be told, or NULL. */
struct sc_http_caller *sc_http_job_complete(struct sc_http_job *job);

/* Wipes and frees the strings of its request. */
void sc_http_job_forget(struct sc_http_job *job);

/* Takes it out of the list of all; the lock is held. */
void sc_http_job_unlink(struct sc_http_job *job);

/* Frees it and wipes what it knew. */
void sc_http_job_free(struct sc_http_job *job);

#pragma GCC visibility pop

#endif
