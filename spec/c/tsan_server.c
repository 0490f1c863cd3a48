/* The sandbox's server under ThreadSanitizer: threads ask over HTTP, among them some that
 * leave before the answer, while another one does what Lua's does: adds and removes
 * faults, moves the clock, reads the log, asks in process, resets. The server goes while
 * answers are on their way. */
#include "sandbox/server.h"
#include "tsan.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS  4
#define THREADS 4
#define CALLS   60

static struct sc_front *front;
static struct sc_server *server;
static long answered;
static int over;

/* ---- who asks over HTTP ---- */

static int visit(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    to.sin_port = htons((unsigned short)sc_server_port(server));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to)) {
        fail("no connection");
        return -1;
    }
    return fd;
}

/* Sends a request; the third kind comes in two pieces. */
static void ask(int fd, int number)
{
    static const char body[] = "{\"members\":[{\"email\":\"a%d@b.example\",\"tags\":["
                               "\"t%d\"]}],\"tagFlag\":1,\"updateExisting\":true}";
    char text[600], json[200];
    int n, half;

    snprintf(json, sizeof json, body, number, number % 5);
    if (number % 2)
        n = snprintf(text, sizeof text,
                     "GET /marketing/lists/tags?count=5 HTTP/1.1\r\nHost: b\r\n"
                     "Authorization: Bearer YXBpX3VzZXI6YXBpX2tleQ==\r\n\r\n");
    else
        n = snprintf(text, sizeof text,
                     "POST /marketing/lists/members HTTP/1.1\r\nHost: b\r\n"
                     "Authorization: Bearer YXBpX3VzZXI6YXBpX2tleQ==\r\n"
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                     strlen(json), json);
    half = number % 3 ? n : n / 2;
    if (send(fd, text, (size_t)half, MSG_NOSIGNAL) != half)
        return;
    if (half < n && send(fd, text + half, (size_t)(n - half), MSG_NOSIGNAL) < 0)
        return;
}

/* Whether an answer came, or what a fault left of it. */
static int hear(int fd)
{
    struct timeval patience = {5, 0};
    char text[8192];

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return recv(fd, text, sizeof text, 0) > 0;
}

static void *call(void *argument)
{
    int seed = (int)(intptr_t)argument, i;

    for (i = 0; i < CALLS; i++) {
        int fd = visit();

        if (fd < 0)
            return NULL;
        ask(fd, seed * CALLS + i);
        if (i % 7 && hear(fd)) /* every seventh does not wait for its answer */
            __atomic_add_fetch(&answered, 1, __ATOMIC_SEQ_CST);
        close(fd);
    }
    return NULL;
}

/* ---- what Lua's thread does ---- */

static void trouble(int turn)
{
    struct sc_fault rule;

    sc_faults_blank(&rule);
    rule.times = 2;
    switch (turn % 6) {
    case 0: rule.status = 503; break;
    case 1: rule.reset = SC_RESET_AFTER; break;
    case 2: rule.delay_min = rule.delay_max = 0.003; break;
    case 3: rule.drip = 0.003; break;
    case 4: rule.truncate = 10; break;
    default: rule.reset = SC_RESET_BEFORE;
    }
    sc_faults_add(front->faults, &rule, sc_front_now(front));
}

static size_t read_log(void)
{
    size_t i, n = sc_log_count(front->log), bytes = 0;

    for (i = 0; i < n; i++) {
        const struct sc_log_entry *e = sc_log_at(front->log, i);

        bytes += e->body_len + e->answer_len + strlen(e->path);
    }
    return bytes;
}

static void ask_in_process(void)
{
    static const struct sc_header headers[] = {
        {"Authorization", "Bearer YXBpX3VzZXI6YXBpX2tleQ=="}};
    struct sc_request request = {"GET", "/marketing/lists/segments", headers, 1, "", 0};
    struct sc_answer answer;

    if (sc_front_exchange(front, SC_WAY_PROCESS, &request, &answer) != SC_BOX_OK)
        fail("no answer in process");
    else
        sc_answer_free(&answer);
}

static void *meddle(void *argument)
{
    int turn;

    (void)argument;
    for (turn = 0; !__atomic_load_n(&over, __ATOMIC_SEQ_CST); turn++) {
        pthread_mutex_lock(&front->mutex);
        trouble(turn);
        read_log();
        sc_front_advance(front, 0.001);
        if (turn % 10 == 9)
            sc_front_clock_set(front, INT64_C(1767229200000) + turn);
        else if (turn % 10 == 4)
            sc_front_clock_run(front);
        if (turn % 50 == 49 && sc_front_reset(front) != SC_BOX_OK)
            fail("reset");
        pthread_mutex_unlock(&front->mutex);
        ask_in_process();
        pause_ms(1);
    }
    return NULL;
}

/* ---- a round ---- */

static int start(void)
{
    struct sc_front_options options = {0};
    struct sc_server_options listen = {0};
    char why[256];

    options.box.seed = 42;
    options.box.examples = 1;
    options.log_entries = 16;
    options.log_bytes = 1 << 20;
    if (sc_front_open(&options, &front, why, sizeof why) == SC_BOX_OK) {
        server = sc_server_start(front, &listen, why, sizeof why);
        if (server)
            return 1;
    }
    fail(why);
    return 0;
}

static void leave_some_waiting(int fds[], int n)
{
    struct sc_fault rule;
    int i;

    pthread_mutex_lock(&front->mutex);
    sc_faults_blank(&rule);
    rule.delay_min = rule.delay_max = 30;
    sc_front_clock_run(front);
    sc_faults_clear(front->faults);
    sc_faults_add(front->faults, &rule, sc_front_now(front));
    pthread_mutex_unlock(&front->mutex);
    for (i = 0; i < n; i++) {
        fds[i] = visit();
        if (fds[i] >= 0)
            ask(fds[i], i);
    }
    pause_ms(5);
}

static void play(void)
{
    pthread_t callers[THREADS], meddler;
    int fds[THREADS], i;

    __atomic_store_n(&over, 0, __ATOMIC_SEQ_CST);
    pthread_create(&meddler, NULL, meddle, NULL);
    for (i = 0; i < THREADS; i++)
        pthread_create(&callers[i], NULL, call, (void *)(intptr_t)i);
    for (i = 0; i < THREADS; i++)
        pthread_join(callers[i], NULL);
    __atomic_store_n(&over, 1, __ATOMIC_SEQ_CST);
    pthread_join(meddler, NULL);
    leave_some_waiting(fds, THREADS);
    sc_server_stop(server);
    sc_front_close(front);
    for (i = 0; i < THREADS; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

int main(void)
{
    int round;

    for (round = 0; round < ROUNDS && start(); round++)
        play();
    printf("%d threads, %d requests to %d servers, %ld answered\n", THREADS,
           ROUNDS * THREADS * CALLS, ROUNDS, answered);
    return wrong || answered < ROUNDS * THREADS * CALLS / 3;
}
