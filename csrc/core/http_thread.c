#include "http_job.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The thread of this process, and all that run: retired ones too, until their jobs are
 * done. The lock is never taken on the thread itself, so a fork by any other
 * single-threaded program finds it open. */
static pthread_mutex_t process_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sc_http_thread *process_thread, *all_threads;
static pthread_once_t at_exit_once = PTHREAD_ONCE_INIT;

int sc_http_thread_is_foreign(const struct sc_http_thread *t)
{
    return t->pid != getpid();
}

const char *sc_http_thread_path(const struct sc_http_thread *t)
{
    return t->door.path;
}

/* Joins the thread; every job is done afterwards. */
static void stop(struct sc_http_thread *t)
{
    pthread_mutex_lock(&t->lock);
    t->stop = 1;
    pthread_mutex_unlock(&t->lock);
    sc_http_wakeup(t->http);
    pthread_join(t->handle, NULL);
    sc_http_door_close(&t->door);
}

/* At the end of the process, when no Lua state was closed: transfers that run while
 * libraries go would crash, and the socket's folder would stay. What memory is left
 * goes with the process. */
static void stop_at_exit(void)
{
    struct sc_http_thread *t;

    do {
        pthread_mutex_lock(&process_lock);
        t = all_threads;
        while (t && (sc_http_thread_is_foreign(t) || t->joined))
            t = t->next;
        if (t)
            t->joined = 1;
        pthread_mutex_unlock(&process_lock);
        if (t)
            stop(t);
    } while (t);
}

static void register_exit(void)
{
    atexit(stop_at_exit);
}

static void free_thread(struct sc_http_thread *t)
{
    sc_http_free(t->http);
    sc_http_door_close(&t->door);
    sc_http_chores_free(&t->chores);
    pthread_mutex_destroy(&t->lock);
    free(t->callers);
    free(t->waits);
    free(t);
}

/* Signals are the host's: none may be delivered to a thread that it does not know. */
static int start(struct sc_http_thread *t)
{
    sigset_t all, before;
    int code;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&t->handle, NULL, sc_http_serve, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

static struct sc_http_thread *new_thread(struct sc_http_failure *why)
{
    struct sc_http_thread *t = calloc(1, sizeof *t);
    char reason[240];
    int code;

    if (!t)
        goto out_of_memory;
    t->pid = getpid();
    t->door.fd = -1;
    pthread_mutex_init(&t->lock, NULL);
    t->http = sc_http_new(0);
    sc_http_chores_init(&t->chores, t->http);
    if (!t->http || !sc_http_serve_init(t))
        goto out_of_memory;
    if (sc_http_door_open(&t->door, reason, sizeof reason)) {
        sc_http_fail(
            why, "config", "not_sent", "thread",
            "the helper thread cannot start: %s (set TMPDIR to a folder that this "
            "process may write to)",
            reason);
        goto failed;
    }
    t->waits->fd = t->door.fd;
    code = start(t);
    if (code) {
        sc_http_fail(why, "config", "not_sent", "thread",
                     "the helper thread cannot start: %s (raise this process's limit of "
                     "threads)",
                     strerror(code));
        goto failed;
    }
    pthread_once(&at_exit_once, register_exit);
    return t;

out_of_memory:
    sc_http_fail(why, "network", "not_sent", "memory", "out of memory");
failed:
    if (t)
        free_thread(t);
    return NULL;
}

struct sc_http_thread *sc_http_thread_open(struct sc_http_failure *why)
{
    struct sc_http_thread *t;

    pthread_mutex_lock(&process_lock);
    t = process_thread;
    if (!t || t->joined ||
        sc_http_thread_is_foreign(t)) { /* the parent's is dropped as it is */
        t = new_thread(why);
        if (t) {
            t->next = all_threads;
            all_threads = t;
        }
    }
    if (t) {
        t->shares++;
        process_thread = t;
    }
    pthread_mutex_unlock(&process_lock);
    return t;
}

void sc_http_thread_share(struct sc_http_thread *t)
{
    pthread_mutex_lock(&process_lock);
    t->shares++;
    pthread_mutex_unlock(&process_lock);
}

int sc_http_thread_is_lost(struct sc_http_thread *t)
{
    struct stat state;
    int lost;

    pthread_mutex_lock(&process_lock);
    if (!t->retired && t->http &&
        (lstat(t->door.path, &state) || !S_ISSOCK(state.st_mode))) {
        t->retired = 1;
        if (process_thread == t)
            process_thread = NULL;
    }
    lost = t->retired;
    pthread_mutex_unlock(&process_lock);
    return lost;
}

int sc_http_thread_is_retired(struct sc_http_thread *t)
{
    int retired;

    pthread_mutex_lock(&process_lock);
    retired = t->retired;
    pthread_mutex_unlock(&process_lock);
    return retired;
}

/* The lock is held. */
static void unlist(struct sc_http_thread *t)
{
    struct sc_http_thread **at = &all_threads;

    while (*at && *at != t)
        at = &(*at)->next;
    if (*at)
        *at = t->next;
}

void sc_http_thread_close(struct sc_http_thread *t)
{
    int last, joined;

    if (!t || sc_http_thread_is_foreign(t))
        return;
    pthread_mutex_lock(&process_lock);
    last = --t->shares == 0;
    joined = t->joined;
    if (last) {
        unlist(t);
        if (process_thread == t)
            process_thread = NULL;
    }
    pthread_mutex_unlock(&process_lock);
    if (!last)
        return;
    if (!joined)
        stop(t);
    free_thread(t);
}

/* --- jobs --------------------------------------------------------------------------- */

/* What the thread begins with next; the host's threads ask for jobs by their numbers. */
static void append_fresh(struct sc_http_thread *t, struct sc_http_job *job)
{
    if (!t->http)
        return;
    if (t->fresh)
        t->last_fresh->next_fresh = job;
    else
        t->fresh = job;
    t->last_fresh = job;
}

/* Puts the job into the thread's hands. 0: it takes no more. */
static int enqueue(struct sc_http_thread *t, struct sc_http_job *job)
{
    int open;

    pthread_mutex_lock(&t->lock);
    open = !t->stop;
    if (open) {
        job->id = ++t->last_id;
        job->next = t->jobs;
        if (t->jobs)
            t->jobs->previous = job;
        t->jobs = job;
        append_fresh(t, job);
    }
    pthread_mutex_unlock(&t->lock);
    return open;
}

static struct sc_http_job *submit(struct sc_http_thread *t,
                                  const struct sc_http_request *request,
                                  const struct sc_http_chore *chore,
                                  struct sc_http_failure *why)
{
    struct sc_http_job *job;

    if (sc_http_thread_is_foreign(t)) {
        sc_http_fail(why, "network", "not_sent", "thread",
                     "the helper thread belongs to the process that was forked");
        return NULL;
    }
    job = request ? sc_http_job_new(request) : sc_http_job_new_chore(chore);
    if (!job) {
        sc_http_fail(why, "network", "not_sent", "memory", "out of memory");
        return NULL;
    }
    job->thread = t;
    if (!enqueue(t, job)) {
        sc_http_job_free(job);
        sc_http_fail(why, "cancelled", "not_sent", "thread", "this process is ending");
        return NULL;
    }
    sc_http_thread_share(t);
    if (t->http)
        sc_http_wakeup(t->http);
    return job;
}

struct sc_http_job *sc_http_submit(struct sc_http_thread *t,
                                   const struct sc_http_request *request,
                                   struct sc_http_failure *why)
{
    return submit(t, request, NULL, why);
}

struct sc_http_job *sc_http_submit_chore(struct sc_http_thread *t,
                                         const struct sc_http_chore *chore,
                                         struct sc_http_failure *why)
{
    return submit(t, NULL, chore, why);
}

int sc_http_job_code(const struct sc_http_job *job)
{
    return job->code;
}

uint64_t sc_http_job_id(const struct sc_http_job *job)
{
    return job->id;
}

int sc_http_job_done(struct sc_http_job *job)
{
    int done;

    if (sc_http_thread_is_foreign(job->thread))
        return 1;
    pthread_mutex_lock(&job->thread->lock);
    done = job->state == SC_JOB_DONE;
    pthread_mutex_unlock(&job->thread->lock);
    return done;
}

const struct sc_http_failure *sc_http_job_failed(struct sc_http_job *job)
{
    if (sc_http_thread_is_foreign(job->thread)) {
        sc_http_fail(&job->why, "network", "unknown", "receive",
                     "the process was forked while the request was on its way");
        return &job->why;
    }
    return job->transfer ? sc_http_failed(job->transfer) : &job->why;
}

struct sc_http_transfer *sc_http_job_transfer(struct sc_http_job *job)
{
    return job->transfer;
}

/* Somebody at work on the job shall look at it again; the lock is held. */
static void call_for(struct sc_http_job *job)
{
    if (job->thread->http) {
        job->thread->cancels++;
        sc_http_wakeup(job->thread->http);
    } else if (job->engine) {
        sc_http_wakeup(job->engine->http);
    }
}

/* Whether none of the host's threads is at work on it; the lock is held. */
static int is_nobodys(const struct sc_http_job *job)
{
    return !job->thread->http &&
           (job->state == SC_JOB_FRESH || job->state == SC_JOB_PAUSED);
}

/* Ends such a job; the lock is held. */
static void end_nobodys(struct sc_http_job *job)
{
    if (job->transfer)
        sc_http_cancel(job->transfer);
    else if (!job->chore.run)
        sc_http_fail(&job->why, "cancelled", "not_sent", "request",
                     "the request was cancelled");
    sc_http_engines_put(job->engine);
    job->engine = NULL;
    job->state = SC_JOB_DONE;
}

void sc_http_job_cancel(struct sc_http_job *job)
{
    struct sc_http_thread *t = job->thread;

    if (sc_http_thread_is_foreign(t))
        return;
    pthread_mutex_lock(&t->lock);
    if (is_nobodys(job)) {
        end_nobodys(job);
    } else if (job->state != SC_JOB_DONE && !job->cancelled) {
        job->cancelled = 1;
        call_for(job);
    }
    pthread_mutex_unlock(&t->lock);
}

void sc_http_job_release(struct sc_http_job *job)
{
    struct sc_http_thread *t;
    int ours;

    if (!job || sc_http_thread_is_foreign(job->thread))
        return;
    t = job->thread;
    pthread_mutex_lock(&t->lock);
    if (is_nobodys(job))
        end_nobodys(job);
    ours = job->state == SC_JOB_DONE;
    if (ours) {
        sc_http_job_unlink(job);
    } else {
        job->abandoned = job->cancelled = 1;
        call_for(job);
    }
    pthread_mutex_unlock(&t->lock);
    if (ours)
        sc_http_job_free(job);
    sc_http_thread_close(t);
}
