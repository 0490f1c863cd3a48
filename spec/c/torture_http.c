/* Lets the n-th allocation fail, for every n, in a scenario of HTTP exchanges: by the
 * engine alone, through Lua, and on other threads. libcurl's allocations and Lua's
 * count too. Whatever fails, the program goes on, and AddressSanitizer finds nothing
 * lost. */
#include "core/http.h"

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

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);

static long countdown; /* the allocation that fails; 0: none does */
static long failed;

static int fails(void)
{
    /* Also asked on the engine's own thread. */
    if (__atomic_load_n(&countdown, __ATOMIC_SEQ_CST) <= 0 ||
        __atomic_sub_fetch(&countdown, 1, __ATOMIC_SEQ_CST) != 0)
        return 0;
    __atomic_add_fetch(&failed, 1, __ATOMIC_SEQ_CST);
    return 1;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *s)
{
    return fails() ? NULL : __real_strdup(s);
}

static void *lua_allocate(void *user, void *p, size_t old, size_t n)
{
    (void)user;
    if (n == 0) {
        free(p);
        return NULL;
    }
    if (p && n <= old) /* Lua relies on it */
        return __real_realloc(p, n);
    return __wrap_realloc(p, n);
}

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

static const char engine_script[] =
    "local core, url = ...\n"
    "local credential = core.credential('Basic', 'user', 'key')\n"
    "local engine = core.http()\n"
    "local into, good = core.buffer(), 0\n"
    "local function add(request)\n"
    "  request.url = request.url or url\n"
    "  return engine:add(request)\n"
    "end\n"
    "local a = add { method = 'GET', headers = { 'X-A: 1' }, credential = credential }\n"
    "local b = add { method = 'POST', body = 'text', into = into }\n"
    "local c = add { method = 'GET', url = url .. 'hang' }\n"
    "if c then c:cancel() c:result() end\n"
    "for _, transfer in ipairs { a or b, b or a } do\n"
    "  while not transfer:done() do engine:step(1) end\n"
    "  local response = transfer:result()\n"
    "  if response and tostring(response.body) == 'hello' then\n"
    "    assert(response.headers['x-one'] == '1, 2')\n"
    "    good = good + 1\n"
    "  end\n"
    "end\n"
    "add { method = 'GET', url = url .. 'hang', into = core.buffer() }\n"
    "engine:close()\n"
    "return good\n";

/* The engine's own thread, and one of the host's: this one. */
static const char job_script[] =
    "local core, url = ...\n"
    "local credential = core.credential('Basic', 'user', 'key')\n"
    "local idle, good = core.http(), 0\n"
    "local function finish(job, work)\n"
    "  if work then core.http_work(job:id()) end\n"
    "  while not job:done() do idle:step(0.001) end\n"
    "  local response = job:result()\n"
    "  if response and tostring(response.body) == 'hello' then good = good + 1 end\n"
    "end\n"
    "for _, kind in ipairs { 'http_thread', 'http_pool' } do\n"
    "  local worker = core[kind]()\n"
    "  local function submit(request)\n"
    "    request.url = request.url or url\n"
    "    return worker and worker:submit(request)\n"
    "  end\n"
    "  local a = submit { method = 'GET', headers = { 'X-A: 1' }, credential = credential }\n"
    "  local b = submit { method = 'POST', body = 'text', into = core.buffer() }\n"
    "  local c = submit { method = 'GET', url = url .. 'hang' }\n"
    "  if c then c:cancel() end\n"
    "  if a then finish(a, kind == 'http_pool') end\n"
    "  if b then finish(b, kind == 'http_pool') end\n"
    "  submit { method = 'GET', url = url .. 'hang', into = core.buffer() }\n"
    "end\n"
    "return good\n";

static const char *script;

static int run_script(lua_State *L)
{
    luaopen_sendcloud_core(L);
    if (luaL_loadstring(L, script) != 0)
        return lua_error(L);
    lua_insert(L, -2);
    lua_pushstring(L, url);
    lua_call(L, 2, 1);
    return 1;
}

/* Lua's own beginning is left in peace. */
static int run_lua(void)
{
    long nth = countdown;
    lua_State *L;
    int good = 0;

    countdown = 0;
    L = lua_newstate(lua_allocate, NULL);
    luaL_openlibs(L);
    lua_pushcfunction(L, run_script);
    countdown = nth;
    if (lua_pcall(L, 0, 1, 0) == 0)
        good = (int)lua_tointeger(L, -1);
    lua_close(L);
    return good;
}

static int lua_scenario(void)
{
    script = engine_script;
    return run_lua();
}

static int job_scenario(void)
{
    script = job_script;
    return run_lua();
}

/* Runs a scenario with each allocation failing in turn, until none is left to fail. */
static int torture(const char *name, int (*scenario)(void), int want)
{
    long n, before;
    int good = 0;

    if (scenario() != want) {
        printf("%s does not even work with memory\n", name);
        return 0;
    }
    for (n = 1;; n++) {
        before = failed;
        countdown = n;
        good = scenario();
        countdown = 0;
        if (failed == before)
            break;
        if (scenario() != want) {
            printf("%s does not recover from failure %ld\n", name, n);
            return 0;
        }
    }
    printf("%s: %ld allocations, each failed once\n", name, n - 1);
    return good == want;
}

int main(void)
{
    if (!start_server() ||
        curl_global_init_mem(CURL_GLOBAL_ALL, __wrap_malloc, free, __wrap_realloc,
                             __wrap_strdup, __wrap_calloc))
        return 1;
    return torture("the engine", engine_scenario, 3) &&
                   torture("through Lua", lua_scenario, 2) &&
                   torture("on other threads", job_scenario, 4)
               ? 0
               : 1;
}
