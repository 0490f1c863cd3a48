#include "http_internal.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define DEFAULT_TIMEOUT         30.0
#define DEFAULT_CONNECT_TIMEOUT 5.0
#define LONGEST_TIMEOUT         1e6
#define KEEPALIVE_SECONDS       30L
#define RECEIVE_BUFFER          (64L << 10)
#define MOST_AT_ONCE            (1L << 20) /* of an answer that is still to come */
#define LARGE_BODY              ((size_t)64 << 10) /* what libcurl's own buffer takes */
#define SEND_BUFFER             (256L << 10) /* for those that are larger */

int sc_http_check(const struct sc_http_request *request, struct sc_http_failure *why)
{
    if (!*request->url || !sc_http_is_clean(request->url, 0)) {
        sc_http_fail(why, "config", "not_sent", "request",
                     "the URL holds a space or a control character");
        return 0;
    }
    return request->preset || sc_http_check_common(request, why);
}

/* Room for the whole answer at once, where its length is told and no lie: what grows by
 * doubling leaves holes in the heap. */
static void make_room(struct sc_http_transfer *t, size_t come)
{
    curl_off_t length = -1;

    if (!curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length) &&
        length > (curl_off_t)come && length <= MOST_AT_ONCE)
        sc_buf_reserve(&t->body, (size_t)length);
}

static size_t on_body(char *data, size_t size, size_t n, void *user)
{
    struct sc_http_transfer *t = user;
    int rc;

    if (!t->body_begun)
        make_room(t, size * n);
    rc = sc_buf_add(&t->body, data, size * n);

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

/* Keeps the header of the last answer only (not those of interim ones) and no
 * trailers. */
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
#ifdef SOCK_CLOEXEC
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
#else
    int fd = socket(address->family, address->socktype, address->protocol);

    if (fd >= 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
#endif
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

/* The preset's list, where it is right for the request; else one of its own. */
static CURLcode choose_list(struct sc_http_transfer *t,
                            const struct sc_http_request *request)
{
    struct sc_http_preset *preset = request->preset;

    if (!preset || sc_http_posts(request) != sc_http_posts(&preset->request))
        return sc_http_build_list(&t->list, request);
    sc_http_preset_hold(preset);
    t->preset = preset;
    t->list = preset->list;
    return CURLE_OK;
}

static void drop_list(struct sc_http_transfer *t)
{
    if (t->preset)
        sc_http_preset_release(t->preset);
    else
        sc_http_wipe_list(t->list);
    t->preset = NULL;
    t->list = NULL;
}

static CURLcode set_method(CURL *easy, const struct sc_http_request *request)
{
    CURLcode code = CURLE_OK;
    const char *name = request->method;

    SET(CURLOPT_NOBODY, 0L);
    if (sc_http_posts(request)) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDS, request->body ? request->body : "");
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
        name = strcmp(name, "POST") == 0 ? NULL : name;
    } else if (strcmp(name, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
    } else {
        SET(CURLOPT_HTTPGET, 1L);
        name = strcmp(name, "GET") == 0 ? NULL : name;
    }
    SET(CURLOPT_CUSTOMREQUEST, name);
    return code;
}

/* A body is sent a buffer at a time, each with a turn through the loop. */
static CURLcode widen(struct sc_http_handle *handle, size_t body_len)
{
    if (handle->wide || body_len <= LARGE_BODY)
        return CURLE_OK;
    handle->wide = 1;
    return curl_easy_setopt(handle->easy, CURLOPT_UPLOAD_BUFFERSIZE, SEND_BUFFER);
}

static long milliseconds(double seconds, double standard)
{
    double s = seconds > 0 ? seconds : standard;

    if (s > LONGEST_TIMEOUT)
        s = LONGEST_TIMEOUT;
    return s < 0.001 ? 1 : (long)(s * 1000);
}

/* An old libcurl does not say when it sends a request again: there only a new
 * connection helps. */
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
    CURLcode code = choose_list(t, request);

    if (!code)
        code = sc_http_handle_address(t->handle, request->url);
    /* Worth waiting for where TLS will tell whether a connection can be shared;
     * without TLS only the first answer would tell that it cannot. */
    SET(CURLOPT_PIPEWAIT, strncasecmp(request->url, "https:", 6) == 0 ? 1L : 0L);
    if (!code)
        code = set_method(easy, request);
    if (!code)
        code = widen(t->handle, request->body_len);
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
    t->handle->error[0] = '\0';
    SET(CURLOPT_ERRORBUFFER, t->handle->error);
#if LIBCURL_VERSION_NUM >= 0x075000
    SET(CURLOPT_PREREQDATA, t);
#endif
    return code;
}

CURLcode sc_http_detach(struct sc_http_transfer *t)
{
    CURLcode code = CURLE_OK;

    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(t->easy, CURLOPT_PROXY, NULL);
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, NULL);
    drop_list(t);
    if (t->has_ca_file) { /* there is no other way back to the system's */
        curl_easy_reset(t->easy);
        t->handle->wide = 0;
        code = sc_http_prepare(t->easy);
    }
    return code;
}
