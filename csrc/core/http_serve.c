#include "http_job.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* no signal reaches this thread anyway */
#endif

#define LONGEST_WAIT 60000 /* ms */
#define DOOR_PAUSE   20 /* ms until somebody who could not be let in is tried again */
#define LINE         24 /* the digits of a 64-bit number and the newline */

struct sc_http_caller {
    int fd;
    unsigned index; /* in t->callers */
    size_t len;
    char line[LINE]; /* what came of it so far */
    uint64_t id; /* the job it waits for; 0: none */
    int idle; /* was told, and has not asked again */
};

int sc_http_serve_init(struct sc_http_thread *t)
{
    t->callers_room = 16;
    t->callers = malloc(t->callers_room * sizeof *t->callers);
    t->waits = calloc(t->callers_room + 1, sizeof *t->waits);
    if (!t->callers || !t->waits)
        return 0;
    t->waits->events = CURL_WAIT_POLLIN;
    return 1;
}

/* --- jobs --------------------------------------------------------------------------- */

static void hang_up(struct sc_http_thread *t, struct sc_http_caller *caller);

/* Sends a caller the line it waits for. */
static void tell(struct sc_http_thread *t, struct sc_http_caller *caller, uint64_t id)
{
    char line[LINE];
    int n = snprintf(line, sizeof line, "%llu\n", (unsigned long long)id);

    caller->id = 0;
    caller->idle = 1;
    if (send(caller->fd, line, (size_t)n, MSG_NOSIGNAL) != n)
        hang_up(t, caller);
}

static void run_job(struct sc_http_thread *t, struct sc_http_job *job)
{
    job->previous_running = NULL;
    job->next_running = t->running;
    if (t->running)
        t->running->previous_running = job;
    t->running = job;
}

static void take_off(struct sc_http_thread *t, struct sc_http_job *job)
{
    if (job->previous_running)
        job->previous_running->next_running = job->next_running;
    else
        t->running = job->next_running;
    if (job->next_running)
        job->next_running->previous_running = job->previous_running;
}

static void complete(struct sc_http_thread *t, struct sc_http_job *job)
{
    uint64_t id = job->id;
    struct sc_http_caller *waiter = sc_http_job_complete(job);

    if (waiter)
        tell(t, waiter, id);
}

static void begin(struct sc_http_thread *t, struct sc_http_job *job)
{
    if (job->chore.run) {
        sc_http_chores_give(&t->chores, job);
        return;
    }
    job->transfer = sc_http_add(t->http, &job->request, &job->why);
    if (!job->transfer) {
        complete(t, job);
        return;
    }
    sc_http_job_forget(job); /* copied by libcurl */
    run_job(t, job);
}

static void refuse(struct sc_http_thread *t, struct sc_http_job *job)
{
    sc_http_fail(&job->why, "cancelled", "not_sent", "request",
                 "the request was cancelled");
    complete(t, job);
}

/* Completes the chores that are done. */
static void collect_chores(struct sc_http_thread *t)
{
    struct sc_http_job *job = sc_http_chores_take(&t->chores), *next;

    for (; job; job = next) {
        next = job->next_fresh;
        complete(t, job);
    }
}

/* Completes the transfers that are done. */
static void collect(struct sc_http_thread *t)
{
    struct sc_http_job *job = t->running, *next;

    for (; job; job = next) {
        next = job->next_running;
        if (sc_http_done(job->transfer)) {
            take_off(t, job);
            complete(t, job);
        }
    }
}

/* Begins what was submitted and cancels what nobody wants. Returns whether to go on. */
static int take_orders(struct sc_http_thread *t)
{
    struct sc_http_job *fresh, *job, *next;
    struct sc_http_job *refused = NULL, *wanted = NULL, *doomed = NULL;
    struct sc_http_job **refused_end = &refused, **wanted_end = &wanted;
    int go_on, cancels;

    pthread_mutex_lock(&t->lock);
    go_on = !t->stop;
    cancels = t->cancels != 0;
    t->cancels = 0;
    fresh = t->fresh;
    t->fresh = t->last_fresh = NULL;
    for (job = fresh; job; job = next) {
        next = job->next_fresh;
        job->next_fresh = NULL;
        job->state = SC_JOB_RUNNING;
        if ((job->cancelled || !go_on) && !job->chore.run) {
            *refused_end = job;
            refused_end = &job->next_fresh;
        } else {
            *wanted_end = job;
            wanted_end = &job->next_fresh;
        }
    }
    if (cancels || !go_on) {
        for (job = t->running; job; job = job->next_running)
            if (job->cancelled || !go_on) {
                job->next_fresh = doomed;
                doomed = job;
            }
    }
    pthread_mutex_unlock(&t->lock);

    for (job = doomed; job; job = job->next_fresh)
        sc_http_cancel(job->transfer);
    for (job = refused; job; job = next) {
        next = job->next_fresh;
        refuse(t, job);
    }
    for (job = wanted; job; job = next) {
        next = job->next_fresh;
        begin(t, job);
    }
    if (doomed)
        collect(t);
    return go_on;
}

/* --- callers ------------------------------------------------------------------------ */

/* Whoever goes away no longer wants what it waited for. */
static void hang_up(struct sc_http_thread *t, struct sc_http_caller *caller)
{
    struct sc_http_caller *last = t->callers[t->callers_count - 1];
    struct sc_http_job *job;

    if (caller->id) {
        pthread_mutex_lock(&t->lock);
        job = sc_http_job_find(t, caller->id);
        if (job && job->waiter == caller) {
            job->waiter = NULL;
            if (job->state != SC_JOB_DONE) {
                job->cancelled = 1;
                t->cancels++;
            }
        }
        pthread_mutex_unlock(&t->lock);
    }
    close(caller->fd);
    t->callers[caller->index] = last;
    t->waits[caller->index + 1] = t->waits[last->index + 1];
    last->index = caller->index;
    t->callers_count--;
    free(caller);
}

/* A whole line: notes who waits for that job, or says at once that it is done. */
static void ask(struct sc_http_thread *t, struct sc_http_caller *caller, uint64_t id)
{
    struct sc_http_job *job;
    int waits;

    pthread_mutex_lock(&t->lock);
    job = sc_http_job_find(t, id);
    waits = job && job->state != SC_JOB_DONE && !job->waiter;
    if (waits) {
        job->waiter = caller;
        caller->id = id;
    }
    pthread_mutex_unlock(&t->lock);
    if (!waits)
        tell(t, caller, id);
}

/* Reads what a caller sent. One line at a time: its next one comes after our answer. */
static void listen_to(struct sc_http_thread *t, struct sc_http_caller *caller)
{
    ssize_t n = recv(caller->fd, caller->line + caller->len, LINE - caller->len, 0);
    uint64_t id = 0;
    size_t i;

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (n <= 0 || caller->id) {
        hang_up(t, caller);
        return;
    }
    caller->idle = 0;
    caller->len += (size_t)n;
    if (caller->line[caller->len - 1] != '\n') {
        if (caller->len == LINE)
            hang_up(t, caller);
        return;
    }
    for (i = 0; i < caller->len - 1; i++) {
        if (caller->line[i] < '0' || caller->line[i] > '9') {
            hang_up(t, caller);
            return;
        }
        id = id * 10 + (uint64_t)(caller->line[i] - '0');
    }
    caller->len = 0;
    ask(t, caller, id);
}

static int make_room(struct sc_http_thread *t)
{
    unsigned room = t->callers_room * 2;
    struct sc_http_caller **callers;
    struct curl_waitfd *waits;

    if (t->callers_count < t->callers_room)
        return 1;
    callers = realloc(t->callers, room * sizeof *callers);
    if (!callers)
        return 0;
    t->callers = callers;
    waits = realloc(t->waits, (room + 1) * sizeof *waits);
    if (!waits)
        return 0;
    t->waits = waits;
    t->callers_room = room;
    return 1;
}

static void let_in(struct sc_http_thread *t, int fd)
{
    struct sc_http_caller *caller = make_room(t) ? calloc(1, sizeof *caller) : NULL;

    if (!caller) {
        close(fd);
        return;
    }
    caller->fd = fd;
    caller->index = t->callers_count++;
    t->callers[caller->index] = caller;
    t->waits[caller->index + 1].fd = fd;
    t->waits[caller->index + 1].events = CURL_WAIT_POLLIN;
    t->waits[caller->index + 1].revents = POLLIN; /* its line is probably there already */
}

/* Gives up the connections that nobody waits on: their descriptors are wanted. Returns
 * how many. */
static unsigned hang_up_idle(struct sc_http_thread *t)
{
    unsigned i, n = 0;

    for (i = t->callers_count; i-- > 0;) {
        if (t->callers[i]->idle) {
            hang_up(t, t->callers[i]);
            n++;
        }
    }
    return n;
}

/* Those who stand at a door that cannot be opened hold the descriptors that it takes:
 * they are sent away all at once, and see for themselves whether their jobs are done. */
static void open_door(struct sc_http_thread *t)
{
    int fd = -2;

    if (t->door.fd >= 0 || sc_http_door_reopen(&t->door) == 0) {
        do {
            while ((fd = sc_http_door_accept(&t->door)) >= 0)
                let_in(t, fd);
        } while (fd == -2 && hang_up_idle(t));
    }
    if (fd == -2)
        sc_http_door_shut(&t->door);
    t->no_descriptors = fd == -2;
    t->waits->fd = t->door.fd;
}

static void serve_callers(struct sc_http_thread *t)
{
    unsigned i;

    if (t->waits->revents || t->no_descriptors)
        open_door(t);
    for (i = t->callers_count; i-- > 0;) { /* one that goes is replaced by the last */
        if (t->waits[i + 1].revents)
            listen_to(t, t->callers[i]);
    }
}

/* --- the thread --------------------------------------------------------------------- */

static void name_thread(void)
{
#ifdef __linux__
    pthread_setname_np(pthread_self(), "sendcloud");
#endif
}

void *sc_http_serve(void *argument)
{
    struct sc_http_thread *t = argument;
    unsigned i;

    name_thread();
    while (take_orders(t)) {
        for (i = 0; i <= t->callers_count; i++)
            t->waits[i].revents = 0;
        if (sc_http_poll(t->http, t->waits, t->callers_count + 1,
                         t->no_descriptors ? DOOR_PAUSE : LONGEST_WAIT))
            collect(t);
        collect_chores(t);
        serve_callers(t);
    }
    sc_http_chores_end(&t->chores);
    collect_chores(t);
    while (t->callers_count)
        hang_up(t, t->callers[t->callers_count - 1]);
    return NULL;
}
