#include "worker.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* Jobs in the order they came. */
struct line {
    struct sc_job *first;
    struct sc_job **end;
};

struct sc_worker {
    pthread_mutex_t mutex; /* guards the lines and stopping */
    pthread_cond_t given;
    struct line todo, done;
    int stopping;
    int wake;
    void (*work)(struct sc_job *job);
    pthread_t thread;
};

static void clear(struct line *line)
{
    line->first = NULL;
    line->end = &line->first;
}

static void append(struct line *line, struct sc_job *job)
{
    job->next = NULL;
    *line->end = job;
    line->end = &job->next;
}

static struct sc_job *take(struct line *line)
{
    struct sc_job *job = line->first;

    line->first = job->next;
    if (!line->first)
        line->end = &line->first;
    return job;
}

/* With the lock held: a job is over. */
static void put_down(struct sc_worker *worker, struct sc_job *job)
{
    int first = !worker->done.first;
    ssize_t ignored = 0;

    append(&worker->done, job);
    if (first)
        ignored = write(worker->wake, "", 1); /* full: a byte is there already */
    (void)ignored;
}

static void *run(void *cls)
{
    struct sc_worker *worker = cls;
    struct sc_job *job;

    pthread_mutex_lock(&worker->mutex);
    for (;;) {
        while (!worker->todo.first && !worker->stopping)
            pthread_cond_wait(&worker->given, &worker->mutex);
        if (worker->stopping)
            break;
        job = take(&worker->todo);
        pthread_mutex_unlock(&worker->mutex);
        worker->work(job);
        pthread_mutex_lock(&worker->mutex);
        put_down(worker, job);
    }
    pthread_mutex_unlock(&worker->mutex);
    return NULL;
}

struct sc_worker *sc_worker_start(void (*work)(struct sc_job *job), int wake)
{
    struct sc_worker *worker = calloc(1, sizeof *worker);

    if (!worker)
        return NULL;
    clear(&worker->todo);
    clear(&worker->done);
    worker->work = work;
    worker->wake = wake;
    if (pthread_mutex_init(&worker->mutex, NULL) != 0)
        goto no_mutex;
    if (pthread_cond_init(&worker->given, NULL) != 0)
        goto no_condition;
    if (pthread_create(&worker->thread, NULL, run, worker) == 0)
        return worker;
    pthread_cond_destroy(&worker->given);
no_condition:
    pthread_mutex_destroy(&worker->mutex);
no_mutex:
    free(worker);
    return NULL;
}

void sc_worker_give(struct sc_worker *worker, struct sc_job *job)
{
    pthread_mutex_lock(&worker->mutex);
    append(&worker->todo, job);
    pthread_cond_signal(&worker->given);
    pthread_mutex_unlock(&worker->mutex);
}

struct sc_job *sc_worker_done(struct sc_worker *worker)
{
    struct sc_job *first;

    pthread_mutex_lock(&worker->mutex);
    first = worker->done.first;
    clear(&worker->done);
    pthread_mutex_unlock(&worker->mutex);
    return first;
}

void sc_worker_stop(struct sc_worker *worker)
{
    if (!worker)
        return;
    pthread_mutex_lock(&worker->mutex);
    worker->stopping = 1;
    pthread_cond_signal(&worker->given);
    pthread_mutex_unlock(&worker->mutex);
    pthread_join(worker->thread, NULL);
    pthread_cond_destroy(&worker->given);
    pthread_mutex_destroy(&worker->mutex);
    free(worker);
}
