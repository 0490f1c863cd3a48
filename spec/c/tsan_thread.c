/* The engine's thread under ThreadSanitizer: threads submit, wait at the door, cancel,
 * hang up and give up side by side, and the last share goes while jobs are on their
 * way. The same for the pool that other threads work for, for a door that is removed
 * meanwhile, and for journals that are made last while they are written and closed. */
#include "core/http_pool.h"
#include "core/http_thread.h"
#include "core/journal.h"
#include "tsan.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define THREADS 4
#define CALLS   240

static unsigned short port;

/* Answers every request on one connection; a path that begins with /slow after 30 ms. */
static void *answer(void *argument)
{
    static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    int fd = (int)(intptr_t)argument;
    char text[4096];
    size_t len = 0;
    ssize_t n;

    while ((n = recv(fd, text + len, sizeof text - 1 - len, 0)) > 0) {
        len += (size_t)n;
        text[len] = '\0';
        if (!strstr(text, "\r\n\r\n"))
            continue;
        if (strncmp(text, "GET /slow", 9) == 0)
            pause_ms(30);
        if (send(fd, reply, sizeof reply - 1, MSG_NOSIGNAL) < 0)
            break;
        len = 0;
    }
    close(fd);
    return NULL;
}

static void *serve(void *argument)
{
    int door = (int)(intptr_t)argument, fd;
    pthread_t thread;

    while ((fd = accept(door, NULL, NULL)) >= 0) {
        if (pthread_create(&thread, NULL, answer, (void *)(intptr_t)fd) == 0)
            pthread_detach(thread);
    }
    return NULL;
}

static void start_server(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    pthread_t thread;

    if (bind(fd, (struct sockaddr *)&address, size) || listen(fd, 64) ||
        getsockname(fd, (struct sockaddr *)&address, &size) ||
        pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd))
        exit(2);
    pthread_detach(thread);
    port = ntohs(address.sin_port);
}

static int stand_at_door(const struct sc_http_thread *t)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", sc_http_thread_path(t));
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) {
        fail("the door is closed");
        exit(1);
    }
    return fd;
}

static void ask(int fd, const struct sc_http_job *job)
{
    char line[32];
    int n = snprintf(line, sizeof line, "%llu\n", (unsigned long long)sc_http_job_id(job));

    if (send(fd, line, (size_t)n, MSG_NOSIGNAL) != n)
        fail("the line was not taken");
}

static void wait_for_line(int fd)
{
    char line[32];
    ssize_t n = recv(fd, line, sizeof line, 0);

    if (n < 2 || line[n - 1] != '\n')
        fail("no line came");
}

/* Reads an answer and takes its memory, as its owner may. 0: it is another one. */
static int take(struct sc_http_transfer *answer)
{
    struct sc_buf body = *sc_http_body(answer);
    int good = sc_http_status(answer) == 200 && body.len == 2 &&
               memcmp(body.data, "ok", 2) == 0 && sc_http_header(answer)->len > 0;

    sc_buf_init(sc_http_body(answer), 0);
    sc_buf_free(&body);
    return good;
}

static void expect(struct sc_http_job *job, const char *kind)
{
    const struct sc_http_failure *why;

    while (!sc_http_job_done(job))
        pause_ms(1);
    why = sc_http_job_failed(job);
    if (why ? !kind || strcmp(why->kind, kind) != 0 : !take(sc_http_job_transfer(job)))
        fail(why ? why->message : "the answer");
}

/* One call, done in one of seven ways. */
static void call(struct sc_http_thread *t, int way)
{
    static const char *const headers[] = {"X-One: 1", "X-Two: 2"};
    struct sc_http_request request = {.method = "GET",
                                      .headers = headers,
                                      .header_count = 2,
                                      .authorization = "Bearer secret",
                                      .timeout = 20};
    struct sc_http_failure why;
    struct sc_http_job *job;
    char url[64];
    int fd = way == 5 || way == 2 ? -1 : stand_at_door(t);

    snprintf(url, sizeof url, "http://127.0.0.1:%d/%s", port, way % 2 || way == 6 ? "slow" : "fast");
    request.url = url;
    job = sc_http_submit(t, &request, &why);
    if (!job) {
        fail(why.message);
        return;
    }
    switch (way) {
    case 0: /* the usual one */
    case 1:
        ask(fd, job);
        wait_for_line(fd);
        expect(job, NULL);
        break;
    case 2: /* given up at once */
        break;
    case 3: /* cancelled while somebody waits */
        ask(fd, job);
        sc_http_job_cancel(job);
        wait_for_line(fd);
        expect(job, "cancelled");
        break;
    case 4: /* asked for when it is done */
        expect(job, NULL);
        ask(fd, job);
        wait_for_line(fd);
        break;
    case 5: /* nobody at the door */
        expect(job, NULL);
        break;
    default: /* gone while waiting */
        ask(fd, job);
        close(fd);
        fd = -1;
        expect(job, "cancelled");
    }
    sc_http_job_release(job);
    if (fd >= 0)
        close(fd);
}

static void *work(void *argument)
{
    struct sc_http_failure why;
    struct sc_http_thread *t;
    int i;

    (void)argument;
    for (i = 0; i < CALLS; i++) {
        t = sc_http_thread_open(&why);
        if (!t) {
            fail(why.message);
            return NULL;
        }
        call(t, i % 7);
        sc_http_thread_close(t);
    }
    return NULL;
}

/* Jobs that outlive every share but their own, one of which is left to the end of the
 * process with somebody waiting for it. */
static void leave(void)
{
    struct sc_http_request request = {.method = "GET"};
    struct sc_http_failure why;
    struct sc_http_thread *t = sc_http_thread_open(&why);
    struct sc_http_job *first, *second;
    char url[64];

    snprintf(url, sizeof url, "http://127.0.0.1:%d/slow", port);
    request.url = url;
    first = sc_http_submit(t, &request, &why);
    second = sc_http_submit(t, &request, &why);
    if (!first || !second) {
        fail(why.message);
        return;
    }
    ask(stand_at_door(t), second);
    sc_http_thread_close(t);
    sc_http_job_release(first);
}

static void *work_for_pool(void *id)
{
    while (sc_http_pool_work((uint64_t)(uintptr_t)id) == 0)
        ;
    return NULL;
}

/* One job of the pool's, done in one of six ways. */
static void call_pool(struct sc_http_thread *pool, int way)
{
    struct sc_http_request request = {
        .method = "GET", .authorization = "Bearer secret", .timeout = 20};
    struct sc_http_failure why;
    struct sc_http_job *job;
    pthread_t worker;
    char url[64];
    void *id;

    snprintf(url, sizeof url, "http://127.0.0.1:%d/%s", port, way % 2 ? "slow" : "fast");
    request.url = url;
    job = sc_http_submit(pool, &request, &why);
    if (!job) {
        fail(why.message);
        return;
    }
    id = (void *)(uintptr_t)sc_http_job_id(job);
    if (way == 4) /* nobody works */
        sc_http_job_cancel(job);
    pthread_create(&worker, NULL, work_for_pool, id);
    if (way == 5)
        pause_ms(5);
    if (way == 3 || way == 5) /* before it begins, or while it waits for the answer */
        sc_http_job_cancel(job);
    if (way == 0 || way == 1)
        expect(job, NULL);
    else if (way == 4)
        expect(job, "cancelled");
    sc_http_job_release(job); /* 2, 3 and 5: perhaps while somebody works on it */
    pthread_join(worker, NULL);
}

static void *use_pool(void *argument)
{
    struct sc_http_failure why;
    struct sc_http_thread *pool = sc_http_pool_open(&why);
    int i;

    (void)argument;
    if (!pool) {
        fail(why.message);
        return NULL;
    }
    for (i = 0; i < CALLS; i++)
        call_pool(pool, i % 6);
    sc_http_thread_close(pool);
    return NULL;
}

/* Somebody removes the socket while jobs are on their way: they finish, and another
 * thread starts. */
static void lose(void)
{
    struct sc_http_request request = {.method = "GET"};
    struct sc_http_failure why;
    struct sc_http_thread *t = sc_http_thread_open(&why), *other;
    struct sc_http_job *job;
    char url[64];

    snprintf(url, sizeof url, "http://127.0.0.1:%d/slow", port);
    request.url = url;
    job = sc_http_submit(t, &request, &why);
    if (sc_http_thread_is_lost(t))
        fail("lost too early");
    unlink(sc_http_thread_path(t));
    if (!sc_http_thread_is_lost(t))
        fail("not lost");
    other = sc_http_thread_open(&why);
    if (other == t)
        fail("the same thread again");
    sc_http_thread_close(t);
    call(other, 0);
    expect(job, NULL);
    sc_http_job_release(job); /* the last that the old thread has */
    sc_http_thread_close(other);
}

static int sync_file(void *file)
{
    return sc_journal_file_sync(file);
}

static void hold_file(void *file)
{
    sc_journal_file_hold(file);
}

static void drop_file(void *file)
{
    sc_journal_file_drop(file);
}

/* A sync of a journal, waited for in one of four ways, by the thread or the pool. */
static void sync_journal(struct sc_http_thread *t, struct sc_journal_writer *w, int way)
{
    struct sc_http_chore chore = {sync_file, hold_file, drop_file, w->file};
    struct sc_http_failure why;
    struct sc_http_job *job = sc_http_submit_chore(t, &chore, &why);
    int fd = *sc_http_thread_path(t) ? stand_at_door(t) : -1;

    if (!job) {
        fail(why.message);
        return;
    }
    if (fd < 0 && sc_http_pool_work(sc_http_job_id(job)) != 1)
        fail("the pool did not do it");
    if (fd >= 0 && way != 1)
        ask(fd, job);
    if (sc_journal_append(w, "more", 4, 2, way == 2)) /* beside it */
        fail("append");
    switch (way) {
    case 0:
        if (fd >= 0)
            wait_for_line(fd);
        break;
    case 1: /* nobody at the door */
        break;
    case 2: /* gone while waiting: it is done all the same */
        if (fd >= 0)
            close(fd);
        fd = -1;
        sc_http_job_cancel(job);
        break;
    default: /* given up at once, and the file closed */
        sc_journal_close(w);
        sc_http_job_release(job);
        job = NULL;
    }
    while (job && !sc_http_job_done(job))
        pause_ms(1);
    if (job && sc_http_job_code(job))
        fail("the sync");
    sc_http_job_release(job);
    if (fd >= 0)
        close(fd);
}

static char journals[] = "/tmp/tsan-journal-XXXXXX";

static void *write_journals(void *number)
{
    struct sc_http_failure why;
    struct sc_journal_writer w = {.open = 0};
    struct sc_http_thread *t, *pool = sc_http_pool_open(&why);
    char name[40], path[80];
    int i;

    for (i = 0; i < CALLS / 4; i++) {
        snprintf(name, sizeof name, "%d-%d", (int)(intptr_t)number, i);
        snprintf(path, sizeof path, "%s/%s", journals, name);
        t = sc_http_thread_open(&why);
        if (!t || sc_journal_create(&w, journals, name) ||
            sc_journal_append(&w, "one", 3, 1, 0)) {
            fail("no journal");
            return NULL;
        }
        sync_journal(t, &w, i % 4);
        if (w.open)
            sync_journal(pool, &w, 1);
        sc_journal_close(&w);
        unlink(path);
        sc_http_thread_close(t);
    }
    sc_http_thread_close(pool);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    int i;

    start_server();
    lose();
    for (i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, use_pool, NULL);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    if (!mkdtemp(journals))
        return 2;
    for (i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, write_journals, (void *)(intptr_t)i);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    rmdir(journals);
    leave();
    printf("%d threads, %d calls, as many through the pool, %d journals\n", THREADS,
           THREADS * CALLS, THREADS * (CALLS / 4));
    return wrong;
}
