#include "http_internal.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define DEFAULT_TIMEOUT         30.0
#define DEFAULT_CONNECT_TIMEOUT 5.0
#define LONGEST_TIMEOUT         1e6
#define KEEPALIVE_SECONDS       30L
#define RECEIVE_BUFFER          (64L << 10)

static int is_token(const char *s, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];

        if (c <= ' ' || c >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", c))
            return 0;
    }
    return n > 0;
}

/* No control characters; spaces and tabs only where they are allowed. */
static int is_clean(const char *s, int spaces)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if (c == 0x7f || (c < ' ' && !(spaces && c == '\t')) || (c == ' ' && !spaces))
            return 0;
    }
    return 1;
}

static int is_header(const char *line)
{
    const char *colon = strchr(line, ':');

    return colon && is_token(line, (size_t)(colon - line)) && is_clean(colon + 1, 1);
}

static int has_name(const char *line, const char *name)
{
    size_t n = strlen(name);

    return strncasecmp(line, name, n) == 0 && line[n] == ':';
}

/* Headers that say where a message ends are the engine's own: two opinions on that are how one
 * request is smuggled inside another. */
static const char *refuse_header(const struct sc_http_request *request, const char *line)
{
    if (!is_header(line))
        return "a header is not \"Name: value\" on one line";
    if (has_name(line, "Content-Length") || has_name(line, "Transfer-Encoding") ||
        has_name(line, "Expect"))
        return "Content-Length, Transfer-Encoding and Expect are not for the caller to "
               "set";
    if (request->authorization && has_name(line, "Authorization"))
        return "Authorization is set by the credential";
    return NULL;
}

static const char *refuse(const struct sc_http_request *request)
{
    const char *reason = NULL;
    size_t i;

    if (!is_token(request->method, strlen(request->method)))
        return "the method is not a word";
    if (!*request->url || !is_clean(request->url, 0))
        return "the URL holds a space or a control character";
    if (request->authorization && !is_clean(request->authorization, 1))
        return "the credential holds a control character";
    if (request->user_agent && !is_clean(request->user_agent, 1))
        return "the user agent holds a control character";
    if (request->proxy && !is_clean(request->proxy, 0))
        return "the proxy's address holds a space or a control character";
    for (i = 0; i < request->header_count && !reason; i++)
        reason = refuse_header(request, request->headers[i]);
    return reason;
}

int sc_http_check(const struct sc_http_request *request, struct sc_http_failure *why)
{
    const char *reason = refuse(request);

    if (!reason)
        return 1;
    sc_http_fail(why, "config", "not_sent", "request", "%s", reason);
    return 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *user)
{
    struct sc_http_transfer *t = user;
    int rc = sc_buf_add(&t->body, data, size * n);

    t->body_begun = 1;
    if (!rc)
        return size * n;
    t->trouble = rc == SC_BUF_TOOBIG ? SC_HTTP_BIG_BODY : SC_HTTP_NO_MEMORY;
    return 0;
}

static int is_blank(const char *line, size_t len)
{
    return len == 0 || (len <= 2 && line[len - 1] == '\n');
}

/* Keeps the header of the last answer only (not those of interim ones) and no trailers. */
static size_t on_header(char *data, size_t size, size_t n, void *user)
{
    struct sc_http_transfer *t = user;
    size_t len = size * n;
    int rc;

    t->header_total += len;
    if (t->header_total > 4 * SC_HTTP_MAX_HEADERS) {
        t->trouble = SC_HTTP_BIG_HEADER;
        return 0;
    }
    if (t->body_begun)
        return len;
    if (t->header_complete && len >= 5 && memcmp(data, "HTTP/", 5) == 0) {
        sc_buf_clear(&t->header);
        t->header_complete = 0;
    }
    if (t->header_complete)
        return len;
    if (is_blank(data, len))
        t->header_complete = 1;
    rc = sc_buf_add(&t->header, data, len);
    if (!rc)
        return len;
    t->trouble = rc == SC_BUF_TOOBIG ? SC_HTTP_BIG_HEADER : SC_HTTP_NO_MEMORY;
    return 0;
}

#if LIBCURL_VERSION_NUM >= 0x075000
static int on_ready(void *user, char *to, char *from, int to_port, int from_port)
{
    struct sc_http_transfer *t = user;

    (void)to, (void)from, (void)to_port, (void)from_port;
    if (t->started &&
        t->no_repeat) { /* libcurl begins anew: the service may have acted already */
        t->trouble = SC_HTTP_REPEAT;
        return CURL_PREREQFUNC_ABORT;
    }
    if (!t->started)
        curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &t->size_before);
    t->started = 1;
    return CURL_PREREQFUNC_OK;
}
#endif

/* Our connections are not for programs that a script starts. */
static curl_socket_t on_socket(void *user, curlsocktype purpose,
                               struct curl_sockaddr *address)
{
    (void)user, (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Options that an old libcurl lacks and that are no matter of safety go unchecked. */
static void set_optional(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
#if LIBCURL_VERSION_NUM >= 0x075000
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_ready);
#endif
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_SECONDS);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_SECONDS);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
}

static CURLcode set_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
                            (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

/* Sets an option unless an earlier one failed. */
#define SET(option, value) (code = code ? code : curl_easy_setopt(easy, option, value))

CURLcode sc_http_prepare(CURL *easy)
{
    CURLcode code = set_protocols(easy);

    set_optional(easy);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
    return code;
}

/* Adds one line to t->list. */
static CURLcode add_line(struct sc_http_transfer *t, const char *line)
{
    struct curl_slist *list = curl_slist_append(t->list, line);

    if (!list)
        return CURLE_OUT_OF_MEMORY;
    t->list = list;
    return CURLE_OK;
}

/* The headers as they are, but libcurl has a spelling of its own for one without a value. */
static CURLcode add_header(struct sc_http_transfer *t, const char *line)
{
    size_t name = strcspn(line, ":");
    struct sc_buf empty;
    CURLcode code = CURLE_OUT_OF_MEMORY;

    if (line[name + 1 + strspn(line + name + 1, " \t")])
        return add_line(t, line);
    sc_buf_init(&empty, name + 2);
    if (sc_buf_add(&empty, line, name) == 0 && sc_buf_add(&empty, ";", 2) == 0)
        code = add_line(t, empty.data);
    sc_buf_free(&empty);
    return code;
}

static CURLcode add_authorization(struct sc_http_transfer *t, const char *value)
{
    static const char name[] = "Authorization: ";
    struct sc_buf line;
    CURLcode code = CURLE_OUT_OF_MEMORY;

    sc_buf_init(&line, SIZE_MAX / 4);
    if (sc_buf_reserve(&line, sizeof name + strlen(value)) ==
        0) { /* it never moves, so no copy stays */
        sc_buf_add(&line, name, sizeof name - 1);
        sc_buf_add(&line, value, strlen(value) + 1);
        code = add_line(t, line.data);
        sc_wipe(line.data, line.len);
    }
    sc_buf_free(&line);
    return code;
}

/* Methods that are expected to have a body send length 0 without one. */
static int posts(const struct sc_http_request *request)
{
    return request->body || strcmp(request->method, "POST") == 0 ||
           strcmp(request->method, "PUT") == 0 || strcmp(request->method, "PATCH") == 0;
}

static CURLcode build_list(struct sc_http_transfer *t,
                           const struct sc_http_request *request)
{
    CURLcode code = CURLE_OK;
    int has_type = 0;
    size_t i;

    for (i = 0; i < request->header_count && !code; i++) {
        has_type |= has_name(request->headers[i], "Content-Type");
        code = add_header(t, request->headers[i]);
    }
    if (!code && posts(request)) {
        code = add_line(t, "Expect:");
        if (!code && !has_type) /* libcurl would call any body a form */
            code = add_line(t, "Content-Type:");
    }
    if (!code && request->authorization)
        code = add_authorization(t, request->authorization);
    return code;
}

static CURLcode set_method(CURL *easy, const struct sc_http_request *request)
{
    CURLcode code = CURLE_OK;

    SET(CURLOPT_NOBODY, 0L);
    if (posts(request)) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDS, request->body ? request->body : "");
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
    } else if (strcmp(request->method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
    } else {
        SET(CURLOPT_HTTPGET, 1L);
    }
    SET(CURLOPT_CUSTOMREQUEST, request->method);
    return code;
}

static long milliseconds(double seconds, double standard)
{
    double s = seconds > 0 ? seconds : standard;

    if (s > LONGEST_TIMEOUT)
        s = LONGEST_TIMEOUT;
    return s < 0.001 ? 1 : (long)(s * 1000);
}

/* An old libcurl does not say when it sends a request again: there only a new connection helps. */
static int needs_fresh(const struct sc_http_request *request)
{
#if LIBCURL_VERSION_NUM >= 0x075000
    return request->once;
#else
    return request->once || request->no_repeat;
#endif
}

CURLcode sc_http_configure(struct sc_http_transfer *t,
                           const struct sc_http_request *request)
{
    CURL *easy = t->easy;
    CURLcode code = build_list(t, request);

    SET(CURLOPT_URL, request->url);
    /* Worth waiting for where TLS will tell whether a connection can be shared; without TLS only
     * the first answer would tell that it cannot. */
    SET(CURLOPT_PIPEWAIT, strncasecmp(request->url, "https:", 6) == 0 ? 1L : 0L);
    if (!code)
        code = set_method(easy, request);
    SET(CURLOPT_HTTPHEADER, t->list);
    SET(CURLOPT_TIMEOUT_MS, milliseconds(request->timeout, DEFAULT_TIMEOUT));
    SET(CURLOPT_CONNECTTIMEOUT_MS,
        milliseconds(request->connect_timeout, DEFAULT_CONNECT_TIMEOUT));
    t->no_repeat = request->no_repeat;
    SET(CURLOPT_FRESH_CONNECT, needs_fresh(request) ? 1L : 0L);
    SET(CURLOPT_PROXY, request->proxy);
    SET(CURLOPT_USERAGENT, request->user_agent);
    if (request->ca_file) {
        t->has_ca_file = 1;
        SET(CURLOPT_CAINFO, request->ca_file);
        SET(CURLOPT_PROXY_CAINFO, request->ca_file);
    }
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_PRIVATE, t);
    SET(CURLOPT_ERRORBUFFER, t->error);
#if LIBCURL_VERSION_NUM >= 0x075000
    SET(CURLOPT_PREREQDATA, t);
#endif
    return code;
}

/* The list holds the credential. */
static void wipe_list(struct curl_slist *list)
{
    struct curl_slist *at;

    for (at = list; at; at = at->next)
        sc_wipe(at->data, strlen(at->data));
    curl_slist_free_all(list);
}

CURLcode sc_http_detach(struct sc_http_transfer *t)
{
    CURLcode code = CURLE_OK;

    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(t->easy, CURLOPT_PROXY, NULL);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, NULL);
    wipe_list(t->list);
    t->list = NULL;
    if (t->has_ca_file) { /* there is no other way back to the system's */
        curl_easy_reset(t->easy);
        code = sc_http_prepare(t->easy);
    }
    return code;
}
