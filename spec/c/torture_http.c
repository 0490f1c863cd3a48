/* Lets the n-th allocation fail, for every n, in a scenario of HTTP exchanges: by the
 * engine alone, through Lua, and on other threads. libcurl's allocations and Lua's
 * count too. Whatever fails, the program goes on, and AddressSanitizer finds nothing
 * lost. */
#include "core/http.h"
#include "fail.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int luaopen_sendcloud_core(lua_State *L);

/* --- a server that answers everything, and allocates nothing ------------------------ */

static int listener;
static char url[64];

static void answer_all(int fd)
{
    static const char answer[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-One: 1\r\nX-One: 2\r\n"
        "Connection: close\r\n\r\nhello";
    char in[8192];
    size_t len = 0;

    for (;;) {
        ssize_t n = recv(fd, in + len, sizeof in - 1 - len, 0);

        if (n <= 0)
            return;
        len += (size_t)n;
        in[len] = '\0';
        if (strstr(in, "\r\n\r\n"))
            break;
    }
    if (strstr(in, "/hang")) {
        while (recv(fd, in, sizeof in, 0) > 0)
            continue;
        return;
    }
    send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    while (recv(fd, in, sizeof in, 0) > 0)
        continue;
}

static void *serve(void *unused)
{
    (void)unused;
    for (;;) {
        int fd = accept(listener, NULL, NULL);

        if (fd < 0)
            return NULL;
        answer_all(fd);
        close(fd);
    }
}

static int start_server(void)
{
    static pthread_t threads[4];
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t n = sizeof a;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&a, n) ||
        listen(listener, 16) || getsockname(listener, (struct sockaddr *)&a, &n))
        return 0;
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(a.sin_port));
    for (int i = 0; i < 4; i++) {
        if (pthread_create(&threads[i], NULL, serve, NULL))
            return 0;
    }
    return 1;
}

/* --- scenarios: each returns how many answers it got -------------------------------- */

static int finish(struct sc_http *h, struct sc_http_transfer *t)
{
    int good = 0;

    while (t && !sc_http_done(t))
        sc_http_step(h, 1000);
    if (t && !sc_http_failed(t))
        good = sc_http_status(t) == 200 && sc_http_body(t)->len == 5;
    else if (t && !sc_http_failed(t)->message[0])
        abort();
    sc_http_release(t);
    return good;
}

static int engine_scenario(void)
{
    static const char *const headers[] = {"Content-Type: text/plain", "X-Empty:"};
    struct sc_http_request get = {.method = "GET", .url = url, .timeout = 10};
    struct sc_http_request post = {.method = "POST",
                                   .url = url,
                                   .timeout = 10,
                                   .headers = headers,
                                   .header_count = 2,
                                   .body = "body",
                                   .body_len = 4,
                                   .authorization = "Basic eDp5",
                                   .ca_file = "/nonexistent",
                                   .proxy = "",
                                   .user_agent = "t"};
    struct sc_http_failure why;
    struct sc_http_transfer *one, *two, *three;
    char hang[80];
    int good;
    struct sc_http *h = sc_http_new(4);

    if (!h)
        return 0;
    one = sc_http_add(h, &get, &why);
    two = sc_http_add(h, &post, &why);
    snprintf(hang, sizeof hang, "%shang", url);
    get.url = hang;
    three = sc_http_add(h, &get, &why);
    sc_http_step(h, 0);
    sc_http_release(three);
    good = finish(h, one);
    good += finish(h, two);
    get.url = url;
    good += finish(h, sc_http_add(h, &get, &why));
    sc_http_free(h);
    return good;
}

/* What a script is given: its path is the first argument. */
static int run_script(lua_State *L)
{
    luaopen_sendcloud_core(L);
    if (luaL_loadfile(L, lua_tostring(L, 1)) != 0)
        return lua_error(L);
    lua_insert(L, -2);
    lua_pushstring(L, url);
    lua_call(L, 2, 1);
    return 1;
}

/* One run with the n-th allocation failing; 0: none does. The beginning of Lua itself is
 * left in peace. */
static int run(const char *script, long n, int *reached)
{
    lua_State *L = script ? lua_newstate(fail_lua_allocate, NULL) : NULL;
    int good = 0;

    if (L) {
        luaL_openlibs(L);
        lua_pushcfunction(L, run_script);
        lua_pushstring(L, script);
    }
    fail_arm(n ? FAIL_ALL : 0, n, script != NULL);
    if (!script)
        good = engine_scenario();
    else if (lua_pcall(L, 1, 1, 0) == 0)
        good = (int)lua_tointeger(L, -1);
    if (L)
        lua_close(L);
    *reached = fail_disarm();
    return good;
}

/* Each allocation fails in turn, until none is left to fail; after each all is well. */
static int torture(const char *name, const char *script, int want)
{
    int reached, unused, good;
    long n = 0;

    if (run(script, 0, &unused) != want) {
        printf("%s does not even work with memory\n", name);
        return 0;
    }
    do {
        good = run(script, ++n, &reached);
        if (reached && run(script, 0, &unused) != want) {
            printf("%s does not recover from failure %ld\n", name, n);
            return 0;
        }
    } while (reached);
    printf("%s: %ld allocations, each failed once\n", name, n - 1);
    return good == want;
}

int main(void)
{
    if (!start_server() ||
        curl_global_init_mem(CURL_GLOBAL_ALL, __wrap_malloc, free, __wrap_realloc,
                             __wrap_strdup, __wrap_calloc))
        return 1;
    return torture("the engine", NULL, 3) &&
                   torture("through Lua", "spec/c/torture_http_engine.lua", 2) &&
                   torture("on other threads", "spec/c/torture_http_jobs.lua", 4)
               ? 0
               : 1;
}
