#include "http_job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void sc_http_job_forget(struct sc_http_job *job)
{
    if (job->text)
        sc_wipe(job->text, job->text_len);
    free(job->text);
    job->text = NULL;
}

void sc_http_job_free(struct sc_http_job *job)
{
    sc_http_job_forget(job);
    free(job->body);
    sc_buf_free(&job->into);
    sc_http_release(job->transfer);
    if (job->chore.drop)
        job->chore.drop(job->chore.of);
    free(job);
}

void sc_http_job_unlink(struct sc_http_job *job)
{
    if (job->previous)
        job->previous->next = job->next;
    else
        job->thread->jobs = job->next;
    if (job->next)
        job->next->previous = job->previous;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct sc_http_job *sc_http_job_new(const struct sc_http_request *request)
{
    struct sc_http_job *job = calloc(1, sizeof *job);

    if (!job)
        return NULL;
    job->made = now();
    job->request = *request;
    job->request.preset = NULL; /* it belongs to the thread that submits */
    job->text = sc_http_copy_text(&job->request, request, &job->text_len);
    if (!job->text)
        goto failed;
    if (request->body) {
        job->body = malloc(request->body_len + 1);
        if (!job->body)
            goto failed;
        memcpy(job->body, request->body, request->body_len);
        job->request.body = job->body;
    }
    job->request.into = NULL;
    if (request->into) {
        job->into = *request->into;
        job->into.locks = 0;
        request->into->data = NULL;
        request->into->len = request->into->cap = 0;
        job->request.into = &job->into;
    }
    return job;

failed:
    sc_http_job_free(job);
    return NULL;
}

struct sc_http_job *sc_http_job_new_chore(const struct sc_http_chore *chore)
{
    struct sc_http_job *job = calloc(1, sizeof *job);

    if (!job)
        return NULL;
    job->made = now();
    job->code = ECANCELED;
    job->chore = *chore;
    job->chore.hold(chore->of);
    return job;
}

double sc_http_job_age(const struct sc_http_job *job)
{
    return now() - job->made;
}

struct sc_http_job *sc_http_job_find(const struct sc_http_thread *t, uint64_t id)
{
    struct sc_http_job *job = t->jobs;

    while (job && job->id != id)
        job = job->next;
    return job;
}

struct sc_http_caller *sc_http_job_complete(struct sc_http_job *job)
{
    struct sc_http_thread *t = job->thread;
    struct sc_http_caller *waiter;
    struct sc_http_engine *engine;
    int abandoned;

    sc_http_job_forget(job);
    free(job->body);
    job->body = NULL;
    pthread_mutex_lock(&t->lock);
    waiter = job->waiter;
    job->waiter = NULL;
    engine = job->engine;
    job->engine = NULL;
    abandoned = job->abandoned;
    if (abandoned)
        sc_http_job_unlink(job);
    job->state = SC_JOB_DONE; /* not ours from here on */
    pthread_mutex_unlock(&t->lock);
    if (abandoned)
        sc_http_job_free(job);
    sc_http_engines_put(engine);
    return waiter;
}
