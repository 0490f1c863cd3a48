#include "http_internal.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define SPARE_HANDLES       64
#define DEFAULT_CONNECTIONS 256

struct sc_http {
    CURLM *multi;
    unsigned generation; /* of the process whose sockets these are */
    struct sc_http_transfer *first;
    struct sc_http_transfer *first_done,
        *last_done; /* those with a tag, until it is told */
    unsigned count; /* in flight */
    unsigned finished; /* since the last step ended */
    int fresh; /* something was added that libcurl has not looked at yet */
    unsigned spares;
    struct sc_http_handle *spare[SPARE_HANDLES]; /* idle */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode global_state;
static int raises_sigpipe;

static volatile unsigned generation; /* forks between the first process and this one */

static void count_fork(void)
{
    generation++;
}

/* Never undone: another library of this process may be using libcurl too. */
static void init_libcurl(void)
{
    global_state = curl_global_init(CURL_GLOBAL_ALL);
    raises_sigpipe = curl_version_info(CURLVERSION_NOW)->version_num < 0x075800;
    if (!global_state && pthread_atfork(NULL, NULL, count_fork))
        global_state = CURLE_OUT_OF_MEMORY;
}

/* Until 7.88 TLS records go out by write(), which raises SIGPIPE where the peer is
 * gone, and with CURLOPT_NOSIGNAL libcurl leaves that to the program. Here the signal
 * is kept from it. */
struct hush {
    int on;
    sigset_t pipe, before;
};

static void hush(struct hush *h)
{
    sigset_t pending;

    h->on = raises_sigpipe && !sigpending(&pending) && !sigismember(&pending, SIGPIPE);
    if (!h->on)
        return;
    sigemptyset(&h->pipe);
    sigaddset(&h->pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &h->pipe, &h->before);
}

static void unhush(struct hush *h)
{
    sigset_t pending;
    int signal;

    if (!h->on)
        return;
    if (!sigpending(&pending) && sigismember(&pending, SIGPIPE))
        sigwait(&h->pipe, &signal);
    pthread_sigmask(SIG_SETMASK, &h->before, NULL);
}

int sc_http_is_foreign(const struct sc_http *h)
{
    return h->generation != generation;
}

struct sc_http *sc_http_new(unsigned max_connections)
{
    struct sc_http *h;
    long most = max_connections ? (long)max_connections : DEFAULT_CONNECTIONS;

    pthread_once(&once, init_libcurl);
    if (global_state)
        return NULL;
    h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->generation = generation;
    h->multi = curl_multi_init();
    if (!h->multi) {
        free(h);
        return NULL;
    }
    curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, most);
    curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, most);
    return h;
}

/* One that is ready for sc_http_configure. */
static struct sc_http_handle *take_handle(struct sc_http *h)
{
    struct sc_http_handle *handle;

    if (h->spares)
        return h->spare[--h->spares];
    handle = sc_http_handle_new();
    if (handle && sc_http_prepare(handle->easy)) {
        sc_http_handle_free(handle);
        handle = NULL;
    }
    return handle;
}

static void put_handle(struct sc_http *h, struct sc_http_handle *handle, int fit)
{
    if (fit && h->spares < SPARE_HANDLES)
        h->spare[h->spares++] = handle;
    else
        sc_http_handle_free(handle);
}

static void link_transfer(struct sc_http *h, struct sc_http_transfer *t)
{
    t->http = h;
    t->previous = NULL;
    t->next = h->first;
    if (h->first)
        h->first->previous = t;
    h->first = t;
    h->count++;
}

static void unlink_transfer(struct sc_http_transfer *t)
{
    struct sc_http *h = t->http;

    if (t->previous)
        t->previous->next = t->next;
    else
        h->first = t->next;
    if (t->next)
        t->next->previous = t->previous;
    t->http = NULL;
    h->count--;
    h->finished++;
}

/* Notes that a transfer is done, for sc_http_finished. */
static void announce(struct sc_http *h, struct sc_http_transfer *t)
{
    t->teller = h;
    t->next = NULL;
    t->previous = h->last_done;
    if (t->previous)
        t->previous->next = t;
    else
        h->first_done = t;
    h->last_done = t;
}

static void withdraw(struct sc_http_transfer *t)
{
    struct sc_http *h = t->teller;

    if (!h)
        return;
    if (t->previous)
        t->previous->next = t->next;
    else
        h->first_done = t->next;
    if (t->next)
        t->next->previous = t->previous;
    else
        h->last_done = t->previous;
    t->teller = NULL;
}

unsigned long sc_http_finished(struct sc_http *h)
{
    struct sc_http_transfer *t = h->first_done;

    if (!t)
        return 0;
    withdraw(t);
    return t->tag;
}

/* Ends a transfer whose verdict is in t->failed and t->why. In a forked child the easy
 * handle is left as it is: removing it would speak on the parent's connection. */
static void end_transfer(struct sc_http_transfer *t)
{
    struct sc_http *h = t->http;
    int fit;

    if (!sc_http_is_foreign(h))
        curl_multi_remove_handle(h->multi, t->easy);
    fit = sc_http_detach(t) == CURLE_OK;
    if (sc_http_is_foreign(h))
        sc_http_handle_forget(t->handle);
    else
        put_handle(h, t->handle, fit);
    t->handle = NULL;
    t->easy = NULL;
    if (t->failed)
        sc_buf_free(&t->body);
    unlink_transfer(t);
    if (t->tag)
        announce(h, t);
}

struct sc_http_transfer *sc_http_add(struct sc_http *h,
                                     const struct sc_http_request *request,
                                     struct sc_http_failure *why)
{
    struct sc_http_transfer *t = NULL;

    if (sc_http_is_foreign(h)) {
        sc_http_fail(why, "network", "not_sent", "request",
                     "this connection belongs to the process that was forked");
        return NULL;
    }
    if (!sc_http_check(request, why))
        return NULL;
    t = malloc(sizeof *t); /* some allocators are slower to give zeroes */
    if (!t)
        goto out_of_memory;
    memset(t, 0, sizeof *t);
    sc_buf_init(&t->header, SC_HTTP_MAX_HEADERS);
    sc_buf_init(&t->body, request->max_body ? request->max_body : SC_HTTP_MAX_BODY);
    sc_http_set_authority(t->authority, sizeof t->authority, request->url);
    t->handle = take_handle(h);
    if (!t->handle)
        goto out_of_memory;
    t->easy = t->handle->easy;
    if (sc_http_configure(t, request) || curl_multi_add_handle(h->multi, t->easy))
        goto out_of_memory;
    if (request->into) {
        size_t max = request->into->max < t->body.max ? request->into->max : t->body.max;

        t->body = *request->into;
        t->body.max = max;
        t->body.len = 0;
        t->body.locks = 0;
        request->into->data = NULL;
        request->into->len = request->into->cap = 0;
    }
    t->tag = request->tag;
    link_transfer(h, t);
    h->fresh = 1;
    return t;

out_of_memory:
    if (t && t->handle) {
        sc_http_detach(t);
        sc_http_handle_free(t->handle);
    }
    free(t);
    sc_http_fail(why, "network", "not_sent", "memory", "out of memory");
    return NULL;
}

/* Hands out what libcurl says is done. */
static void collect(struct sc_http *h)
{
    struct sc_http_transfer *t;
    CURLMsg *message;
    CURLcode code;
    char *private;
    int left;

    while ((message = curl_multi_info_read(h->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        code = message->data.result;
        private = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        t = (struct sc_http_transfer *)(void *)private;
        if (!t)
            continue;
        curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->status);
        if (code)
            sc_http_explain(t, code);
        end_transfer(t);
    }
}

/* Fails everything that is in flight without an answer. */
static void abandon(struct sc_http *h, const char *kind, const char *message)
{
    while (h->first) {
        struct sc_http_transfer *t = h->first;
        int sent = sc_http_is_foreign(h) || sc_http_sent(t);

        t->failed = 1;
        sc_http_fail(&t->why, kind, sent ? "unknown" : "not_sent",
                     sent ? "receive" : "connect", "%s", message);
        end_transfer(t);
    }
}

static unsigned take_finished(struct sc_http *h)
{
    unsigned n = h->finished;

    h->finished = 0;
    return n;
}

unsigned sc_http_step(struct sc_http *h, int ms)
{
    CURLMcode code = CURLM_OK;
    struct hush signals;
    int running;

    if (sc_http_is_foreign(h)) {
        abandon(h, "network", "the process was forked while the request was on its way");
        return take_finished(h);
    }
    hush(&signals);
    if (h->fresh || ms <= 0) {
        h->fresh = 0;
        code = curl_multi_perform(h->multi, &running);
        collect(h);
    }
    if (!code && !h->finished && ms > 0) {
        code = curl_multi_poll(h->multi, NULL, 0, ms, NULL);
        if (!code)
            code = curl_multi_perform(h->multi, &running);
        collect(h);
    }
    if (code)
        abandon(h, "network", curl_multi_strerror(code));
    unhush(&signals);
    return take_finished(h);
}

unsigned sc_http_poll(struct sc_http *h, struct curl_waitfd *others, unsigned n, int ms)
{
    CURLMcode code;
    int running;

    h->fresh = 0;
    code = curl_multi_poll(h->multi, others, n, h->finished ? 0 : ms, NULL);
    if (!code)
        code = curl_multi_perform(h->multi, &running);
    collect(h);
    if (code)
        abandon(h, "network", curl_multi_strerror(code));
    return take_finished(h);
}

void sc_http_wakeup(struct sc_http *h)
{
    curl_multi_wakeup(h->multi);
}

unsigned sc_http_count(const struct sc_http *h)
{
    return h->count;
}

void sc_http_free(struct sc_http *h)
{
    struct hush signals;

    if (!h)
        return;
    hush(&signals);
    abandon(h, "cancelled", "the client was closed");
    while (h->first_done)
        withdraw(h->first_done);
    if (!sc_http_is_foreign(h)) {
        while (h->spares)
            sc_http_handle_free(h->spare[--h->spares]);
        curl_multi_cleanup(h->multi);
    }
    unhush(&signals);
    free(h);
}

int sc_http_done(const struct sc_http_transfer *t)
{
    return !t->http;
}

const struct sc_http_failure *sc_http_failed(const struct sc_http_transfer *t)
{
    return t->failed ? &t->why : NULL;
}

long sc_http_status(const struct sc_http_transfer *t)
{
    return t->status;
}

const struct sc_buf *sc_http_header(const struct sc_http_transfer *t)
{
    return &t->header;
}

struct sc_buf *sc_http_body(struct sc_http_transfer *t)
{
    return &t->body;
}

void sc_http_cancel(struct sc_http_transfer *t)
{
    struct hush signals;
    int sent;

    if (!t->http)
        return;
    hush(&signals);
    sent = sc_http_is_foreign(t->http) || sc_http_sent(t);
    t->failed = 1;
    sc_http_fail(&t->why, "cancelled", sent ? "unknown" : "not_sent",
                 sent ? "receive" : "connect", "the request was cancelled");
    end_transfer(t);
    unhush(&signals);
}

void sc_http_release(struct sc_http_transfer *t)
{
    if (!t)
        return;
    sc_http_cancel(t);
    withdraw(t);
    sc_buf_free(&t->header);
    sc_buf_free(&t->body);
    free(t);
}
