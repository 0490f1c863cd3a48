#include "http_pool.h"

#include "http_job.h"

#include <stdlib.h>
#include <unistd.h>

#define CONNECTIONS     4 /* that an engine keeps; it has one job at a time */
#define LOOK_AGAIN      60000 /* ms */
#define DEFAULT_TIMEOUT 30 /* seconds, as in http.h */

struct idle_engine {
    struct idle_engine *next;
    struct sc_http *http;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sc_http_thread *pool; /* lock */
static struct idle_engine *idle; /* lock: the one that was used last first */

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

/* An engine that nobody uses, with its connections; after a fork those are the parent's. */
static struct idle_engine *take_engine(void)
{
    struct idle_engine *e;

    pthread_mutex_lock(&lock);
    while (idle && sc_http_is_foreign(idle->http))
        idle = idle->next;
    e = idle;
    if (e)
        idle = e->next;
    pthread_mutex_unlock(&lock);
    if (e)
        return e;
    e = malloc(sizeof *e);
    if (!e)
        return NULL;
    e->http = sc_http_new(CONNECTIONS);
    if (e->http)
        return e;
    free(e);
    return NULL;
}

static void put_engine(struct idle_engine *e)
{
    if (!e)
        return;
    pthread_mutex_lock(&lock);
    e->next = idle;
    idle = e;
    pthread_mutex_unlock(&lock);
}

/* Takes the job for this thread, whose engine whoever cancels it may wake. NULL: it is gone, or
 * another thread's. */
static struct sc_http_job *take_job(struct sc_http_thread *t, uint64_t id,
                                    struct sc_http *engine)
{
    struct sc_http_job *job;

    pthread_mutex_lock(&t->lock);
    job = sc_http_job_find(t, id);
    if (job && job->state != SC_JOB_FRESH)
        job = NULL;
    if (job) {
        job->state = SC_JOB_RUNNING;
        job->engine = engine;
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

static void run(struct sc_http_job *job, struct sc_http *engine)
{
    if (is_cancelled(job)) {
        sc_http_fail(&job->why, "cancelled", "not_sent", "request",
                     "the request was cancelled");
        return;
    }
    if (!engine) {
        sc_http_fail(&job->why, "network", "not_sent", "memory", "out of memory");
        return;
    }
    if (!shorten(&job->request, sc_http_job_age(job))) {
        sc_http_fail(&job->why, "timeout", "not_sent", "thread",
                     "none of the pool's threads was free in time");
        return;
    }
    job->transfer = sc_http_add(engine, &job->request, &job->why);
    if (!job->transfer)
        return;
    sc_http_job_forget(job); /* copied by libcurl */
    while (!sc_http_done(job->transfer)) {
        sc_http_step(engine, LOOK_AGAIN);
        if (is_cancelled(job))
            sc_http_cancel(job->transfer);
    }
}

int sc_http_pool_work(uint64_t id)
{
    struct idle_engine *e;
    struct sc_http_thread *t;
    struct sc_http_job *job;

    pthread_mutex_lock(&lock);
    t = pool;
    pthread_mutex_unlock(&lock);
    if (!t || sc_http_thread_is_foreign(t))
        return 0;
    e = take_engine();
    job = take_job(t, id, e ? e->http : NULL);
    if (job) {
        run(job, e ? e->http : NULL);
        sc_http_job_complete(job);
    }
    put_engine(e);
    return job != NULL;
}
