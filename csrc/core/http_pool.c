#include "http_pool.h"

#include "http_job.h"

#include <stdlib.h>
#include <unistd.h>

#ifndef SC_HTTP_POOL_TURN
#define SC_HTTP_POOL_TURN 1.0 /* seconds until a thread leaves a job for another turn */
#endif
#define DEFAULT_TIMEOUT 30 /* seconds, as in http.h */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sc_http_thread *pool; /* lock */

struct sc_http_thread *sc_http_pool_open(struct sc_http_failure *why)
{
    struct sc_http_thread *t;

    pthread_mutex_lock(&lock);
    if (!pool || sc_http_thread_is_foreign(pool)) { /* the parent's is dropped as it is */
        pool = calloc(1, sizeof *pool);
        if (pool) {
            pool->pid = getpid();
            pool->door.fd = -1;
            pool->shares = 1; /* the process's own */
            pthread_mutex_init(&pool->lock, NULL);
        }
    }
    t = pool;
    pthread_mutex_unlock(&lock);
    if (t)
        sc_http_thread_share(t);
    else
        sc_http_fail(why, "network", "not_sent", "memory", "out of memory");
    return t;
}

/* Takes the job for this thread. NULL: it is gone, done, or another thread's. */
static struct sc_http_job *take_job(struct sc_http_thread *t, uint64_t id)
{
    struct sc_http_job *job;

    pthread_mutex_lock(&t->lock);
    job = sc_http_job_find(t, id);
    if (job && job->state != SC_JOB_FRESH && job->state != SC_JOB_PAUSED)
        job = NULL;
    if (job) {
        job->state = SC_JOB_RUNNING;
        job->served = job->engine; /* where it was begun before */
    }
    pthread_mutex_unlock(&t->lock);
    return job;
}

static int is_cancelled(struct sc_http_job *job)
{
    int cancelled;

    pthread_mutex_lock(&job->thread->lock);
    cancelled = job->cancelled;
    pthread_mutex_unlock(&job->thread->lock);
    return cancelled;
}

/* The host's queue has taken part of the request's time. 0: all of it. */
static int shorten(struct sc_http_request *request, double age)
{
    if (request->timeout <= 0)
        request->timeout = DEFAULT_TIMEOUT;
    request->timeout -= age;
    return request->timeout > 0;
}

/* Starts the exchange. 0: there is a failure instead. */
static int begin(struct sc_http_job *job)
{
    struct sc_http_engine *engine;

    if (!shorten(&job->request, sc_http_job_age(job))) {
        sc_http_fail(&job->why, "timeout", "not_sent", "thread",
                     "none of the pool's threads was free in time");
        return 0;
    }
    engine = sc_http_engines_take();
    if (!engine) {
        sc_http_fail(&job->why, "network", "not_sent", "memory", "out of memory");
        return 0;
    }
    job->transfer = sc_http_add(engine->http, &job->request, &job->why);
    if (!job->transfer) {
        sc_http_engines_put(engine);
        return 0;
    }
    sc_http_job_forget(job); /* copied by libcurl */
    pthread_mutex_lock(&job->thread->lock);
    job->engine = job->served = engine; /* whoever cancels may wake it */
    pthread_mutex_unlock(&job->thread->lock);
    return 1;
}

/* Moves bytes until the job is done or its turn is over. */
static void take_turn(struct sc_http_job *job)
{
    double ends_at = sc_http_job_age(job) + SC_HTTP_POOL_TURN, left = SC_HTTP_POOL_TURN;

    while (!sc_http_done(job->transfer) && left > 0) {
        if (is_cancelled(job))
            sc_http_cancel(job->transfer);
        else
            sc_http_step(job->served->http, (int)(left * 1000) + 1);
        left = ends_at - sc_http_job_age(job);
    }
}

/* Leaves the job for another turn. 0: nobody wants it any more. */
static int leave(struct sc_http_job *job)
{
    int wanted;

    pthread_mutex_lock(&job->thread->lock);
    wanted = !job->cancelled;
    if (wanted)
        job->state = SC_JOB_PAUSED; /* not ours from here on */
    pthread_mutex_unlock(&job->thread->lock);
    return wanted;
}

int sc_http_pool_work(uint64_t id)
{
    struct sc_http_thread *t;
    struct sc_http_job *job;

    pthread_mutex_lock(&lock);
    t = pool;
    pthread_mutex_unlock(&lock);
    if (!t || sc_http_thread_is_foreign(t))
        return -1;
    job = take_job(t, id);
    if (!job)
        return -1;
    if (job->chore.run) {
        job->code = job->chore.run(job->chore.of);
    } else if (job->transfer || begin(job)) {
        take_turn(job);
        if (!sc_http_done(job->transfer)) {
            if (leave(job))
                return 0;
            sc_http_cancel(job->transfer);
        }
    }
    sc_http_job_complete(job);
    return 1;
}
