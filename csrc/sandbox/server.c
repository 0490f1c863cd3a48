#include "server.h"

#include "guests.h"
#include "listen.h"
#include "reply.h"

#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define BODY_DEFAULT      ((size_t)16 << 20)
#define BODIES_MAX        ((size_t)256 << 20) /* bytes of all bodies that are coming in */
#define SWALLOW           4 /* so many times the limit is still read, then refused */
#define HEADERS_MAX       100
#define CONNECTION_MEMORY 32768
#define SILENCE_DEFAULT   60U
#define SLOWNESS          2 /* a request may take so many times the silence to arrive */

struct sc_server {
    struct sc_front *front;
    struct MHD_Daemon *daemon;
    struct call *waiting; /* suspended calls, in no order */
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

/* One request. */
struct call {
    struct sc_server *server;
    struct MHD_Connection *connection;
    struct call *next; /* in waiting */
    char *target;
    char *body;
    size_t len;
    size_t cap;
    uint64_t came; /* bytes of body, kept or not */
    int begun;
    int refused; /* status: the body was not kept */
    int answered;
    double due; /* when a suspended call goes on */
    struct sc_header headers[HEADERS_MAX];
    size_t header_count;
    struct sc_answer answer;
};

static double machine_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- waiting ------------------------------------------------------------------------ */

static int suspend(void *cls, double seconds)
{
    struct call *call = cls;
    struct sc_server *server = call->server;

    if (atomic_load(&server->stopping))
        return 0;
    call->due = machine_now() + seconds;
    call->next = server->waiting;
    server->waiting = call;
    MHD_suspend_connection(call->connection);
    return 1;
}

/* Lets go on whose time has come, or everybody. */
static void resume_due(struct sc_server *server, int all)
{
    struct call **link = &server->waiting;
    double now = machine_now();

    while (*link) {
        struct call *call = *link;

        if (all || call->due <= now) {
            *link = call->next;
            MHD_resume_connection(call->connection);
        } else {
            link = &call->next;
        }
    }
}

/* Milliseconds until there is something to do; -1: until something comes in. */
static int patience(struct sc_server *server)
{
    MHD_UNSIGNED_LONG_LONG limit;
    double ms = -1;
    const struct call *call;

    if (MHD_get_timeout(server->daemon, &limit) == MHD_YES)
        ms = limit < 60000 ? (double)limit : 60000;
    for (call = server->waiting; call; call = call->next) {
        double wait = fmin(60000, fmax(0, ceil((call->due - machine_now()) * 1000)));

        if (ms < 0 || wait < ms)
            ms = wait;
    }
    return (int)ms;
}

static void *run(void *cls)
{
    struct sc_server *server = cls;

    while (!atomic_load(&server->stopping)) {
        int wait = patience(server);

        if (server->poll_fd >= 0) {
            struct pollfd fds[2] = {{server->wake[0], POLLIN, 0},
                                    {server->poll_fd, POLLIN, 0}};

            poll(fds, 2, wait);
        } else {
            MHD_run_wait(server->daemon, wait < 0 || wait > 50 ? 50 : wait);
        }
        resume_due(server, 0);
        sc_guests_sweep(&server->guests, machine_now());
        MHD_run(server->daemon);
    }
    resume_due(server, 1);
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
        *guest = info ? sc_guests_come(&server->guests, info->connect_fd, machine_now())
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
    call->connection = connection;
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
    sc_guests_answered(guest_of(connection), machine_now());
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

/* Asks the front. Returns 0 without memory. */
static int ask(struct call *call, const char *method)
{
    struct sc_front *front = call->server->front;
    struct sc_request request = {0};
    int status;

    request.method = method;
    request.target = call->target;
    request.body = call->body ? call->body : "";
    request.body_len = call->len;
    call->header_count = 0;
    MHD_get_connection_values(call->connection, MHD_HEADER_KIND, note_header, call);
    request.headers = call->headers;
    request.header_count = call->header_count;
    if (call->refused)
        status = sc_front_refuse(front, &request, call->refused, &call->answer);
    else
        status = sc_front_exchange(front, SC_WAY_HTTP, &request, &call->answer);
    drop_body(call);
    return status == SC_BOX_OK;
}

/* Where the clock stands, the time that was waited for has to be told to it. */
static void tell_clock(struct call *call)
{
    struct sc_front *front = call->server->front;

    pthread_mutex_lock(&front->mutex);
    sc_front_reach(front, call->answer.came + call->answer.delivery.delay);
    pthread_mutex_unlock(&front->mutex);
}

static enum MHD_Result reply(struct call *call)
{
    struct MHD_Response *response;
    unsigned status = (unsigned)call->answer.status;
    enum MHD_Result result;

    if (call->answer.delivery.delay > 0)
        tell_clock(call);
    if (call->answer.delivery.reset != SC_RESET_NONE) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

        if (info)
            sc_reply_reset(info->connect_fd);
        return MHD_NO;
    }
    response = sc_reply_response(&call->answer, suspend, call);
    if (!response)
        return MHD_NO;
    result = MHD_queue_response(call->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* Called when the headers are there, for each piece of the body, at its end, and again
 * after a delay. MHD_NO drops the connection. */
static enum MHD_Result handle(void *cls, struct MHD_Connection *connection,
                              const char *url, const char *method, const char *version,
                              const char *upload, size_t *upload_size, void **con_cls)
{
    struct call *call = *con_cls;

    (void)cls;
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
    if (!call->answered) {
        double asked = machine_now(), delay;

        call->answered = 1;
        sc_guests_asked(guest_of(connection));
        if (!ask(call, method))
            return MHD_NO;
        delay = call->answer.delivery.delay;
        if (delay > 0) /* it began with the request: making the answer was part of it */
            return suspend(call, asked + delay - machine_now()) ? MHD_YES : MHD_NO;
    }
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
static int start_thread(struct sc_server *server)
{
    sigset_t all;
    sigset_t before;
    int status;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = pthread_create(&server->thread, NULL, run, server);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status == 0;
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
    if (start_thread(server))
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
