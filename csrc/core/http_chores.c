#include "http_chores.h"

#include "http_job.h"

void sc_http_chores_init(struct sc_http_chores *c, struct sc_http *http)
{
    c->http = http;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->more, NULL);
}

void sc_http_chores_free(struct sc_http_chores *c)
{
    pthread_cond_destroy(&c->more);
    pthread_mutex_destroy(&c->lock);
}

/* The next job, or NULL when there will be none. */
static struct sc_http_job *next(struct sc_http_chores *c)
{
    struct sc_http_job *job;

    pthread_mutex_lock(&c->lock);
    while (!c->todo && !c->stop)
        pthread_cond_wait(&c->more, &c->lock);
    job = c->todo;
    if (job)
        c->todo = job->next_fresh;
    pthread_mutex_unlock(&c->lock);
    return job;
}

static void put_back(struct sc_http_chores *c, struct sc_http_job *job)
{
    pthread_mutex_lock(&c->lock);
    job->next_fresh = c->done;
    c->done = job;
    pthread_mutex_unlock(&c->lock);
}

/* Signals are blocked here as they are where this thread was made. */
static void *work(void *argument)
{
    struct sc_http_chores *c = argument;
    struct sc_http_job *job;

#ifdef __linux__
    pthread_setname_np(pthread_self(), "sendcloud-disk");
#endif
    while ((job = next(c))) {
        job->code = job->chore.run(job->chore.of);
        put_back(c, job);
        sc_http_wakeup(c->http);
    }
    return NULL;
}

void sc_http_chores_give(struct sc_http_chores *c, struct sc_http_job *job)
{
    if (!c->begun && pthread_create(&c->handle, NULL, work, c) == 0)
        c->begun = 1;
    if (!c->begun) {
        job->code = job->chore.run(job->chore.of);
        put_back(c, job);
        return;
    }
    job->next_fresh = NULL;
    pthread_mutex_lock(&c->lock);
    if (c->todo)
        c->last->next_fresh = job;
    else
        c->todo = job;
    c->last = job;
    pthread_cond_signal(&c->more);
    pthread_mutex_unlock(&c->lock);
}

struct sc_http_job *sc_http_chores_take(struct sc_http_chores *c)
{
    struct sc_http_job *done;

    pthread_mutex_lock(&c->lock);
    done = c->done;
    c->done = NULL;
    pthread_mutex_unlock(&c->lock);
    return done;
}

void sc_http_chores_end(struct sc_http_chores *c)
{
    if (!c->begun)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = 1;
    pthread_cond_signal(&c->more);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->handle, NULL);
    c->begun = 0;
}
