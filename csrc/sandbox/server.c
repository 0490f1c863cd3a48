#include "server.h"

#include "guests.h"
#include "listen.h"
#include "pauses.h"
#include "reply.h"
#include "worker.h"

#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define BODY_DEFAULT      ((size_t)16 << 20)
#define BODIES_MAX        ((size_t)256 << 20) /* bytes of all bodies that are coming in */
#define SWALLOW           4 /* so many times the limit is still read, then refused */
#define HEADERS_MAX       100
#define CONNECTION_MEMORY 32768
#define SILENCE_DEFAULT   60U
#define SHORT             16384 /* bytes of a body that is not worth another thread */
#define SLOWNESS          2 /* a request may take so many times the silence to arrive */

struct sc_server {
    struct sc_front *front;
    struct MHD_Daemon *daemon;
    struct sc_pauses pauses;
    struct sc_worker *worker; /* asks the front */
    int asking; /* calls that the worker has */
    struct sc_guests guests;
    size_t receiving; /* bytes that the bodies being received take */
    size_t max_body;
    int port;
    int poll_fd; /* -1 where the library cannot give one */
    int wake[2];
    pthread_t thread;
    atomic_int stopping;
    pid_t pid;
};

/* One request. While the worker has it, it is suspended. */
struct call {
    struct sc_job job; /* first */
    struct sc_server *server;
    struct sc_pause pause; /* never ends by itself while the worker has the call */
    char *target;
    const char *method;
    char *body;
    size_t len;
    size_t cap;
    uint64_t came; /* bytes of body, kept or not */
    int begun;
    int refused; /* status: the body was not kept */
    int asked; /* it was given to the worker */
    int failed; /* no memory for an answer */
    double since; /* all of the request was here */
    struct sc_header headers[HEADERS_MAX];
    size_t header_count;
    struct sc_answer answer;
};

/* --- waiting ------------------------------------------------------------------------ */

static int suspend_until(struct call *call, double due)
{
    if (atomic_load(&call->server->stopping))
        return 0;
    sc_pauses_add(&call->server->pauses, &call->pause, due);
    return 1;
}

static int pause_for(void *cls, double seconds)
{
    return suspend_until(cls, sc_pauses_now() + seconds);
}

/* A delay begins with the request's last byte: waiting for the worker and its work are
 * part of it. */
static double due_of(const struct call *call)
{
    return call->since + call->answer.delivery.delay;
}

/* What the worker has answered is due now, or when its delay is over. */
static void collect(struct sc_server *server)
{
    struct sc_job *job = sc_worker_done(server->worker);

    for (; job; job = job->next) {
        struct call *call = (struct call *)job;

        call->pause.due = due_of(call);
        server->asking--;
    }
}

/* Waits until there is something to do. */
static void await(struct sc_server *server)
{
    struct pollfd fds[2] = {{server->wake[0], POLLIN, 0}, {server->poll_fd, POLLIN, 0}};
    double wait = sc_pauses_left(&server->pauses);
    MHD_UNSIGNED_LONG_LONG limit;
    char bytes[64];

    if (MHD_get_timeout(server->daemon, &limit) == MHD_YES)
        wait = fmin(wait, (double)limit / 1000);
    if (server->poll_fd < 0) /* the worker cannot wake the library */
        MHD_run_wait(server->daemon,
                     (int)ceil(1000 * fmin(wait, server->asking ? 0.001 : 0.05)));
    else
        sc_pauses_poll(fds, 2, wait);
    while (read(server->wake[0], bytes, sizeof bytes) > 0)
        ;
}

static void *run(void *cls)
{
    struct sc_server *server = cls;

    while (!atomic_load(&server->stopping)) {
        await(server);
        collect(server);
        sc_pauses_end(&server->pauses, 0);
        sc_guests_sweep(&server->guests, sc_pauses_now());
        MHD_run(server->daemon);
    }
    sc_worker_stop(server->worker);
    sc_pauses_end(&server->pauses, 1);
    MHD_run(server->daemon);
    return NULL;
}

/* --- connections -------------------------------------------------------------------- */

static void connection_changed(void *cls, struct MHD_Connection *connection, void **guest,
                               enum MHD_ConnectionNotificationCode code)
{
    struct sc_server *server = cls;
    const union MHD_ConnectionInfo *info;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *guest = info ? sc_guests_come(&server->guests, info->connect_fd, sc_pauses_now())
                      : NULL;
    } else {
        sc_guests_go(&server->guests, *guest);
        *guest = NULL;
    }
}

static struct sc_guest *guest_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

/* --- one request -------------------------------------------------------------------- */

/* The request line's target as it came, before anything is decoded; it starts a call. */
static void *begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct call *call = calloc(1, sizeof *call);
    const char *path = uri;

    if (!call)
        return NULL;
    if (strncasecmp(uri, "http://", 7) == 0) {
        path = strchr(uri + 7, '/');
        path = path ? path : "/";
    }
    call->server = cls;
    call->pause.connection = connection;
    call->target = strdup(path);
    if (call->target)
        return call;
    free(call);
    return NULL;
}

static void drop_body(struct call *call)
{
    free(call->body);
    call->body = NULL;
    call->server->receiving -= call->cap;
    call->len = 0;
    call->cap = 0;
}

static void finish(void *cls, struct MHD_Connection *connection, void **con_cls,
                   enum MHD_RequestTerminationCode code)
{
    struct call *call = *con_cls;

    (void)cls;
    (void)code;
    sc_guests_answered(guest_of(connection), sc_pauses_now());
    if (!call)
        return;
    drop_body(call);
    sc_answer_free(&call->answer);
    free(call->target);
    free(call);
    *con_cls = NULL;
}

/* Keeps a piece of the body, or notes why it is not kept. */
static void keep(struct call *call, const char *bytes, size_t n)
{
    struct sc_server *server = call->server;
    size_t need = call->len + n;
    size_t cap = call->cap ? call->cap : 4096;
    char *grown;

    call->came += n;
    if (call->refused)
        return;
    while (cap <= need) /* the engine may read it as a C string */
        cap *= 2;
    if (need > server->max_body)
        call->refused = 413;
    else if (server->receiving - call->cap + cap > BODIES_MAX)
        call->refused = 503;
    if (call->refused) {
        drop_body(call);
        return;
    }
    if (cap != call->cap) {
        grown = realloc(call->body, cap);
        if (!grown) {
            call->refused = 503;
            drop_body(call);
            return;
        }
        server->receiving += cap - call->cap;
        call->body = grown;
        call->cap = cap;
    }
    memcpy(call->body + call->len, bytes, n);
    call->len = need;
    call->body[need] = '\0';
}

static enum MHD_Result note_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    struct call *call = cls;

    (void)kind;
    if (call->header_count == HEADERS_MAX)
        return MHD_NO;
    call->headers[call->header_count].name = name;
    call->headers[call->header_count].value = value ? value : "";
    call->header_count++;
    return MHD_YES;
}

/* The worker's part: asks the front. */
static void work(struct sc_job *job)
{
    struct call *call = (struct call *)job;
    struct sc_front *front = call->server->front;
    struct sc_request request = {0};
    int status;

    request.method = call->method;
    request.target = call->target;
    request.body = call->body ? call->body : "";
    request.body_len = call->len;
    request.headers = call->headers;
    request.header_count = call->header_count;
    if (call->refused)
        status = sc_front_refuse(front, &request, call->refused, &call->answer);
    else
        status = sc_front_exchange(front, SC_WAY_HTTP, &request, &call->answer);
    call->failed = status != SC_BOX_OK;
}

/* Where the clock stands, the time that was waited for has to be told to it. Else nobody
 * needs to know, and the lock may be the worker's for long. */
static void tell_clock(struct call *call)
{
    struct sc_front *front = call->server->front;

    if (!atomic_load(&front->standing))
        return;
    pthread_mutex_lock(&front->mutex);
    sc_front_reach(front, call->answer.came + call->answer.delivery.delay);
    pthread_mutex_unlock(&front->mutex);
}

static enum MHD_Result reply(struct call *call)
{
    struct MHD_Response *response;
    unsigned status = (unsigned)call->answer.status;
    enum MHD_Result result;

    drop_body(call);
    if (call->failed)
        return MHD_NO;
    if (call->answer.delivery.delay > 0)
        tell_clock(call);
    if (call->answer.delivery.reset != SC_RESET_NONE) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(
            call->pause.connection, MHD_CONNECTION_INFO_CONNECTION_FD);

        if (info)
            sc_reply_reset(info->connect_fd);
        return MHD_NO;
    }
    response = sc_reply_response(&call->answer, pause_for, call);
    if (!response)
        return MHD_NO;
    result = MHD_queue_response(call->pause.connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* Nobody can be held up: handing a short request over would take longer than it does. */
static int is_alone(const struct call *call)
{
    const struct sc_guest *guest = guest_of(call->pause.connection);

    return call->len < SHORT && guest && sc_guests_only(&call->server->guests, guest);
}

/* All of a request is here. */
static enum MHD_Result ask(struct call *call, const char *method)
{
    struct sc_server *server = call->server;

    call->asked = 1;
    call->method = method;
    call->since = sc_pauses_now();
    MHD_get_connection_values(call->pause.connection, MHD_HEADER_KIND, note_header, call);
    sc_guests_asked(guest_of(call->pause.connection));
    if (is_alone(call)) {
        work(&call->job);
        if (!(call->answer.delivery.delay > 0))
            return reply(call);
        return suspend_until(call, due_of(call)) ? MHD_YES : MHD_NO;
    }
    if (!suspend_until(call, INFINITY))
        return MHD_NO;
    server->asking++;
    sc_worker_give(server->worker, &call->job);
    return MHD_YES;
}

/* Called when the headers are there, for each piece of the body, at its end, and again
 * once there is an answer. MHD_NO drops the connection. */
static enum MHD_Result handle(void *cls, struct MHD_Connection *connection,
                              const char *url, const char *method, const char *version,
                              const char *upload, size_t *upload_size, void **con_cls)
{
    struct call *call = *con_cls;

    (void)cls;
    (void)connection;
    (void)url;
    (void)version;
    if (!call)
        return MHD_NO;
    if (!call->begun) {
        call->begun = 1;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        keep(call, upload, *upload_size);
        *upload_size = 0;
        return call->came > (uint64_t)call->server->max_body * SWALLOW ? MHD_NO : MHD_YES;
    }
    if (!call->asked)
        return ask(call, method);
    return atomic_load(&call->server->stopping) ? MHD_NO : reply(call);
}

/* --- starting and stopping ---------------------------------------------------------- */

static int start_daemon(struct sc_server *server, const struct sc_server_options *options,
                        int fd)
{
    unsigned flags = MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK;
    unsigned silence = options->silence ? options->silence : SILENCE_DEFAULT;
    const union MHD_DaemonInfo *info;

    server->guests.limit = (double)silence * SLOWNESS;
    if (MHD_is_feature_supported(MHD_FEATURE_EPOLL) == MHD_YES)
        flags |= MHD_USE_EPOLL;
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, handle, server, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_URI_LOG_CALLBACK, begin, server, MHD_OPTION_NOTIFY_COMPLETED, finish,
        server, MHD_OPTION_NOTIFY_CONNECTION, connection_changed, server,
        MHD_OPTION_CONNECTION_LIMIT, options->connections ? options->connections : 1000U,
        MHD_OPTION_CONNECTION_TIMEOUT, silence, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
    if (!server->daemon)
        return 0;
    server->poll_fd = -1;
    if (flags & MHD_USE_EPOLL) {
        info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
        if (info)
            server->poll_fd = info->epoll_fd;
    }
    return 1;
}

/* Signals are the business of the process's own threads. */
static int start_threads(struct sc_server *server)
{
    sigset_t all;
    sigset_t before;
    int status = -1;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    server->worker = sc_worker_start(work, server->wake[1]);
    if (server->worker)
        status = pthread_create(&server->thread, NULL, run, server);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status == 0)
        return 1;
    sc_worker_stop(server->worker);
    return 0;
}

struct sc_server *sc_server_start(struct sc_front *front,
                                  const struct sc_server_options *options, char *error,
                                  size_t size)
{
    struct sc_server *server = calloc(1, sizeof *server);
    int fd = -1;

    snprintf(error, size, "out of memory");
    if (!server)
        return NULL;
    server->front = front;
    server->pid = getpid();
    server->max_body = options->max_body ? options->max_body : BODY_DEFAULT;
    server->wake[0] = server->wake[1] = -1;
    fd = sc_listen_on(options, &server->port, error, size);
    if (fd < 0)
        goto fail;
    snprintf(error, size, "cannot start the HTTP server");
    if (!sc_listen_pipe(server->wake) || !start_daemon(server, options, fd))
        goto fail;
    fd = -1; /* the daemon's now */
    if (start_threads(server))
        return server;
    MHD_stop_daemon(server->daemon);
fail:
    if (fd >= 0)
        close(fd);
    if (server->wake[0] >= 0) {
        close(server->wake[0]);
        close(server->wake[1]);
    }
    free(server);
    return NULL;
}

int sc_server_port(const struct sc_server *server)
{
    return server->port;
}

void sc_server_stop(struct sc_server *server)
{
    ssize_t ignored;

    if (!server || server->pid != getpid())
        return;
    atomic_store(&server->stopping, 1);
    ignored = write(server->wake[1], "", 1);
    (void)ignored;
    pthread_join(server->thread, NULL);
    MHD_stop_daemon(server->daemon);
    close(server->wake[0]);
    close(server->wake[1]);
    free(server);
}
