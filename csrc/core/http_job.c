#include "http_job.h"

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

static size_t text_size(const char *s)
{
    return s ? strlen(s) + 1 : 0;
}

static const char *put_text(char **at, const char *s)
{
    char *copy = *at;
    size_t n = text_size(s);

    if (!s)
        return NULL;
    memcpy(copy, s, n);
    *at += n;
    return copy;
}

/* Copies the strings into one block, which begins with the list of headers. 0: out of memory. */
static int copy_text(struct sc_http_job *job, const struct sc_http_request *from)
{
    struct sc_http_request *r = &job->request;
    size_t i, n = from->header_count * sizeof *from->headers;
    const char **headers;
    char *at;

    n += text_size(from->method) + text_size(from->url) + text_size(from->authorization) +
         text_size(from->ca_file) + text_size(from->proxy) + text_size(from->user_agent);
    for (i = 0; i < from->header_count; i++)
        n += text_size(from->headers[i]);
    job->text = malloc(n);
    if (!job->text)
        return 0;
    job->text_len = n;
    headers = (const char **)(void *)job->text;
    at = job->text + from->header_count * sizeof *from->headers;
    for (i = 0; i < from->header_count; i++)
        headers[i] = put_text(&at, from->headers[i]);
    r->headers = headers;
    r->method = put_text(&at, from->method);
    r->url = put_text(&at, from->url);
    r->authorization = put_text(&at, from->authorization);
    r->ca_file = put_text(&at, from->ca_file);
    r->proxy = put_text(&at, from->proxy);
    r->user_agent = put_text(&at, from->user_agent);
    return 1;
}

struct sc_http_job *sc_http_job_new(const struct sc_http_request *request)
{
    struct sc_http_job *job = calloc(1, sizeof *job);

    if (!job)
        return NULL;
    job->made = now();
    job->request = *request;
    if (!copy_text(job, request))
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
    int abandoned;

    sc_http_job_forget(job);
    free(job->body);
    job->body = NULL;
    pthread_mutex_lock(&t->lock);
    waiter = job->waiter;
    job->waiter = NULL;
    job->engine = NULL;
    abandoned = job->abandoned;
    if (abandoned)
        sc_http_job_unlink(job);
    job->state = SC_JOB_DONE; /* not ours from here on */
    pthread_mutex_unlock(&t->lock);
    if (abandoned)
        sc_http_job_free(job);
    return waiter;
}
