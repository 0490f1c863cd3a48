#include "front.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

/* --- time --------------------------------------------------------------------------- */

static double machine_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double sc_front_now(const struct sc_front *front)
{
    return front->standing ? front->elapsed
                           : front->elapsed + (machine_now() - front->mark);
}

/* Begins a new stretch of time: what passed so far is kept. */
static void fold(struct sc_front *front)
{
    front->elapsed = sc_front_now(front);
    front->mark = machine_now();
}

void sc_front_advance(struct sc_front *front, double seconds)
{
    double whole;

    if (!(seconds > 0))
        return;
    front->elapsed += seconds;
    front->carry_ms += seconds * 1000;
    whole = floor(front->carry_ms + 1e-6);
    front->carry_ms -= whole;
    sc_box_clock_advance(front->box, (int64_t)whole);
}

void sc_front_reach(struct sc_front *front, double now)
{
    front->heard = machine_now();
    if (front->standing && now > front->elapsed)
        sc_front_advance(front, now - front->elapsed);
}

void sc_front_clock_set(struct sc_front *front, int64_t ms)
{
    fold(front);
    front->standing = 1;
    front->carry_ms = 0;
    front->heard = 0; /* what was before is no pause */
    sc_box_clock_set(front->box, ms);
}

void sc_front_clock_run(struct sc_front *front)
{
    fold(front);
    front->standing = 0;
    sc_box_clock_run(front->box);
}

/* Over HTTP a caller can only wait in real time. A clock that stands takes that over,
 * or a Retry-After and a segment's evaluation would never end; calls that follow each
 * other do not move it, so that the same calls give the same answers. */
static void take_over_pause(struct sc_front *front)
{
    double pause = machine_now() - front->heard;

    if (front->standing && front->heard > 0 && pause >= SC_FRONT_PAUSE)
        sc_front_advance(front, pause);
}

/* --- opening and closing ------------------------------------------------------------ */

int sc_front_is_ours(const struct sc_front *front)
{
    return front->pid == getpid();
}

int sc_front_open(const struct sc_front_options *options, struct sc_front **front,
                  char *error, size_t size)
{
    struct sc_front *f = calloc(1, sizeof *f);
    int status = SC_BOX_NOMEM;

    *front = NULL;
    if (size > 0)
        snprintf(error, size, "out of memory");
    if (!f)
        return status;
    if (pthread_mutex_init(&f->mutex, NULL) != 0) {
        free(f);
        return status;
    }
    f->pid = getpid();
    f->start_ms = options->box.clock_ms;
    f->standing = f->start_ms != 0;
    f->mark = machine_now();
    f->faults = sc_faults_new(options->box.seed);
    f->log = sc_log_new(options->log_entries, options->log_bytes);
    if (f->faults && f->log)
        status = sc_box_open(&options->box, &f->box, error, size);
    if (status != SC_BOX_OK) {
        sc_front_close(f);
        return status;
    }
    *front = f;
    return SC_BOX_OK;
}

void sc_front_close(struct sc_front *front)
{
    if (!front || !sc_front_is_ours(front))
        return;
    sc_box_close(front->box);
    sc_faults_free(front->faults);
    sc_log_free(front->log);
    pthread_mutex_destroy(&front->mutex);
    free(front);
}

int sc_front_reset(struct sc_front *front)
{
    int status = sc_box_reset(front->box);

    if (status != SC_BOX_OK)
        return status;
    sc_faults_clear(front->faults);
    sc_log_clear(front->log);
    if (front->start_ms != 0)
        sc_front_clock_set(front, front->start_ms);
    return SC_BOX_OK;
}

/* --- one request -------------------------------------------------------------------- */

static void label(const struct sc_fault_hit *hit, char *text, size_t size)
{
    const struct sc_fault *rule = hit->rule;
    static const char *const resets[] = {"", "reset before", "reset after", "refused"};

    if (rule->reset != SC_RESET_NONE)
        snprintf(text, size, "%s", resets[rule->reset]);
    else if (rule->html)
        snprintf(text, size, "html");
    else if (rule->error_body != 0)
        snprintf(text, size, "error body");
    else if (rule->status != 0)
        snprintf(text, size, "status %d", rule->status);
    else if (rule->truncate != -1)
        snprintf(text, size, "truncate");
    else if (rule->content_length != -1)
        snprintf(text, size, "content length");
    else if (rule->drip > 0)
        snprintf(text, size, "drip");
    else if (rule->strip)
        snprintf(text, size, "strip");
    else if (hit->delay > 0)
        snprintf(text, size, "delay");
    else
        snprintf(text, size, "answer");
}

static void record(struct sc_front *front, const struct sc_request *request,
                   const struct sc_route *route, const char *fault, int64_t time_ms,
                   const struct sc_answer *answer)
{
    struct sc_log_entry entry = {0};

    entry.time_ms = time_ms;
    entry.operation = route->operation;
    entry.dialect = route->dialect;
    entry.fault = fault;
    entry.status = answer->status;
    if (answer->status != 0) {
        entry.answer_headers = answer->headers;
        entry.answer_headers_len = answer->headers_len;
        entry.answer = answer->body;
        entry.answer_len = answer->body_len;
    }
    sc_log_add(front->log, &entry, request);
}

/* An answer to come; the clock's time. */
static int64_t begin(const struct sc_front *front, struct sc_answer *answer)
{
    memset(answer, 0, sizeof *answer);
    answer->came = sc_front_now(front);
    answer->delivery.truncate = -1;
    answer->delivery.content_length = -1;
    return sc_box_clock(front->box);
}

static int exchange(struct sc_front *front, const struct sc_request *request,
                    struct sc_answer *answer)
{
    struct sc_route route;
    struct sc_fault_hit hit;
    char fault[32] = "";
    int64_t time_ms = begin(front, answer);
    int status;

    sc_box_route(request, &route);
    sc_faults_pick(front->faults, route.operation ? route.operation : "", route.dialect,
                   answer->came, &hit);
    if (hit.rule) {
        label(&hit, fault, sizeof fault);
        status = sc_answer_forge(front->box, request, &hit, answer);
    } else {
        status = sc_answer_ask(front->box, request, answer);
    }
    if (status == SC_BOX_OK)
        status = sc_answer_add_date(answer, "Date", time_ms / 1000);
    if (status == SC_BOX_OK)
        record(front, request, &route, fault, time_ms, answer);
    return status;
}

int sc_front_exchange(struct sc_front *front, enum sc_way way,
                      const struct sc_request *request, struct sc_answer *answer)
{
    int status;

    pthread_mutex_lock(&front->mutex);
    if (way == SC_WAY_HTTP)
        take_over_pause(front);
    status = exchange(front, request, answer);
    if (way == SC_WAY_HTTP)
        front->heard = machine_now();
    pthread_mutex_unlock(&front->mutex);
    if (status != SC_BOX_OK)
        sc_answer_free(answer);
    return status;
}

int sc_front_refuse(struct sc_front *front, const struct sc_request *request, int said,
                    struct sc_answer *answer)
{
    struct sc_route route;
    int64_t time_ms;
    int status;

    pthread_mutex_lock(&front->mutex);
    time_ms = begin(front, answer);
    sc_box_route(request, &route);
    status = sc_answer_refuse(front->box, request, said, answer);
    if (status == SC_BOX_OK)
        status = sc_answer_add_date(answer, "Date", time_ms / 1000);
    if (status == SC_BOX_OK)
        record(front, request, &route, "", time_ms, answer);
    pthread_mutex_unlock(&front->mutex);
    if (status != SC_BOX_OK)
        sc_answer_free(answer);
    return status;
}
