#include "http_internal.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

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

int sc_http_is_clean(const char *s, int spaces)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if ((c <= ' ' && !(spaces && (c == ' ' || c == '\t'))) || c == 0x7f)
            return 0;
    }
    return 1;
}

static int is_header(const char *line)
{
    const char *colon = strchr(line, ':');

    return colon && is_token(line, (size_t)(colon - line)) &&
           sc_http_is_clean(colon + 1, 1);
}

static int has_name(const char *line, const char *name)
{
    size_t n = strlen(name);

    return strncasecmp(line, name, n) == 0 && line[n] == ':';
}

/* Headers that say where a message ends are the engine's own: two opinions on that are
 * how one request is smuggled inside another. */
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
    if (request->authorization && !sc_http_is_clean(request->authorization, 1))
        return "the credential holds a control character";
    if (request->user_agent && !sc_http_is_clean(request->user_agent, 1))
        return "the user agent holds a control character";
    if (request->proxy && !sc_http_is_clean(request->proxy, 0))
        return "the proxy's address holds a space or a control character";
    for (i = 0; i < request->header_count && !reason; i++)
        reason = refuse_header(request, request->headers[i]);
    return reason;
}

int sc_http_check_common(const struct sc_http_request *request,
                         struct sc_http_failure *why)
{
    const char *reason = refuse(request);

    if (reason)
        sc_http_fail(why, "config", "not_sent", "request", "%s", reason);
    return !reason;
}

static CURLcode add_line(struct curl_slist **to, const char *line)
{
    struct curl_slist *list = curl_slist_append(*to, line);

    if (!list)
        return CURLE_OUT_OF_MEMORY;
    *to = list;
    return CURLE_OK;
}

/* The headers as they are, but libcurl has a spelling of its own for one without a
 * value. */
static CURLcode add_header(struct curl_slist **to, const char *line)
{
    size_t name = strcspn(line, ":");
    struct sc_buf empty;
    CURLcode code = CURLE_OUT_OF_MEMORY;

    if (line[name + 1 + strspn(line + name + 1, " \t")])
        return add_line(to, line);
    sc_buf_init(&empty, name + 2);
    if (sc_buf_add(&empty, line, name) == 0 && sc_buf_add(&empty, ";", 2) == 0)
        code = add_line(to, empty.data);
    sc_buf_free(&empty);
    return code;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char encodings[64]; /* empty: leave it to libcurl */

/* What libcurl would say of itself, and spell anew for each request. */
static void list_encodings(void)
{
    int features = curl_version_info(CURLVERSION_NOW)->features;
    const char *brotli = "", *zstd = "";

    if (!(features & CURL_VERSION_LIBZ))
        return;
#ifdef CURL_VERSION_BROTLI
    if (features & CURL_VERSION_BROTLI)
        brotli = ", br";
#endif
#ifdef CURL_VERSION_ZSTD
    if (features & CURL_VERSION_ZSTD)
        zstd = ", zstd";
#endif
    snprintf(encodings, sizeof encodings, "Accept-Encoding: deflate, gzip%s%s", brotli,
             zstd);
}

static CURLcode add_encodings(struct curl_slist **to)
{
    pthread_once(&once, list_encodings);
    return *encodings ? add_line(to, encodings) : CURLE_OK;
}

static CURLcode add_authorization(struct curl_slist **to, const char *value)
{
    static const char name[] = "Authorization: ";
    struct sc_buf line;
    CURLcode code = CURLE_OUT_OF_MEMORY;

    sc_buf_init(&line, SIZE_MAX / 4);
    if (sc_buf_reserve(&line, sizeof name + strlen(value)) ==
        0) { /* it never moves, so no copy stays */
        sc_buf_add(&line, name, sizeof name - 1);
        sc_buf_add(&line, value, strlen(value) + 1);
        code = add_line(to, line.data);
        sc_wipe(line.data, line.len);
    }
    sc_buf_free(&line);
    return code;
}

int sc_http_posts(const struct sc_http_request *request)
{
    return request->body || strcmp(request->method, "POST") == 0 ||
           strcmp(request->method, "PUT") == 0 || strcmp(request->method, "PATCH") == 0;
}

CURLcode sc_http_build_list(struct curl_slist **out,
                            const struct sc_http_request *request)
{
    CURLcode code = CURLE_OK;
    int has_type = 0, has_encodings = 0;
    size_t i;

    for (i = 0; i < request->header_count && !code; i++) {
        has_type |= has_name(request->headers[i], "Content-Type");
        has_encodings |= has_name(request->headers[i], "Accept-Encoding");
        code = add_header(out, request->headers[i]);
    }
    if (!code && sc_http_posts(request)) {
        code = add_line(out, "Expect:");
        if (!code && !has_type) /* libcurl would call any body a form */
            code = add_line(out, "Content-Type:");
    }
    if (!code && !has_encodings)
        code = add_encodings(out);
    if (!code && request->authorization)
        code = add_authorization(out, request->authorization);
    return code;
}

void sc_http_wipe_list(struct curl_slist *list)
{
    struct curl_slist *at;

    for (at = list; at; at = at->next)
        sc_wipe(at->data, strlen(at->data));
    curl_slist_free_all(list);
}
