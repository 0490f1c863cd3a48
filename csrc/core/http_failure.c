#include "http_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* OpenSSL's numbers of what can be wrong with a certificate (X509_V_ERR_*), as libcurl
 * reports them; spelled here so that libcurl's TLS library is not ours to link. */
enum {
    NOT_YET_VALID = 9,
    EXPIRED = 10,
    SELF_SIGNED = 18,
    SELF_SIGNED_IN_CHAIN = 19,
    NO_ISSUER = 20,
    NO_FIRST = 21,
    REVOKED = 23,
    HOST_MISMATCH = 62,
    ADDRESS_MISMATCH = 64
};

/* Takes "user:password@" out of every URL in the text. Messages are made of host names
 * only; this is for what a future libcurl may quote. */
static void strip_userinfo(char *text)
{
    char *at = text;

    while ((at = strstr(at, "://"))) {
        char *end, *sign = NULL;

        at += 3;
        for (end = at; *end && !strchr(" /'\"", *end); end++) {
            if (*end == '@')
                sign = end;
        }
        if (sign)
            memmove(at, sign + 1, strlen(sign + 1) + 1);
    }
}

void sc_http_fail(struct sc_http_failure *why, const char *kind, const char *outcome,
                  const char *place, const char *format, ...)
{
    va_list arguments;
    char *c;

    why->kind = kind;
    why->outcome = outcome;
    why->place = place;
    va_start(arguments, format);
    vsnprintf(why->message, sizeof why->message, format, arguments);
    va_end(arguments);
    strip_userinfo(why->message);
    for (c = why->message; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    }
}

/* Copies host and port of a URL, without a user. */
void sc_http_set_authority(char *out, size_t size, const char *url)
{
    const char *begin = strstr(url, "://");
    const char *sign;
    size_t n;

    begin = begin ? begin + 3 : url;
    n = strcspn(begin, "/?#");
    while ((sign = memchr(begin, '@', n))) {
        n -= (size_t)(sign + 1 - begin);
        begin = sign + 1;
    }
    if (n >= size)
        n = size - 1;
    memcpy(out, begin, n);
    out[n] = '\0';
}

int sc_http_sent(const struct sc_http_transfer *t)
{
    long size = 0;

    curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &size);
#if LIBCURL_VERSION_NUM >= 0x075000
    return t->started && size > t->size_before;
#else
    return size > 0;
#endif
}

static int has_passed(const struct sc_http_transfer *t, CURLINFO milestone)
{
    curl_off_t when = 0;

    return curl_easy_getinfo(t->easy, milestone, &when) == CURLE_OK && when > 0;
}

/* The step at which the transfer stands. */
static const char *find_place(const struct sc_http_transfer *t, int sent)
{
    curl_off_t length = 0;
    curl_off_t up = 0;
    long port = 0;

    if (sent) {
        curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &up);
        curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_UPLOAD_T, &length);
        return up < length && !t->header.len ? "send" : "receive";
    }
    if (t->started)
        return "send";
    if (!has_passed(t, CURLINFO_NAMELOOKUP_TIME_T))
        return "dns";
    curl_easy_getinfo(t->easy, CURLINFO_LOCAL_PORT, &port);
    return port > 0 ? "tls" : "connect";
}

static int mentions(const struct sc_http_transfer *t, const char *words)
{
    return strstr(t->handle->error, words) != NULL;
}

/* What is wrong with the certificate, or NULL where nobody says. Words of libcurl and
 * of the TLS libraries it is built with are the fallback. */
static const char *certificate_reason(const struct sc_http_transfer *t)
{
    long number = 0;

    curl_easy_getinfo(t->easy, CURLINFO_SSL_VERIFYRESULT, &number);
    if (number == EXPIRED || mentions(t, "has expired"))
        return "its certificate has expired";
    if (number == NOT_YET_VALID || mentions(t, "not yet valid"))
        return "its certificate is not valid yet";
    if (number == SELF_SIGNED)
        return "its certificate is self-signed";
    if (number == REVOKED || mentions(t, "revoked"))
        return "its certificate was revoked";
    if (number == HOST_MISMATCH || number == ADDRESS_MISMATCH ||
        mentions(t, "subject name") || mentions(t, "does not match"))
        return "its certificate is for another host name";
    if (number == SELF_SIGNED_IN_CHAIN || number == NO_ISSUER || number == NO_FIRST ||
        mentions(t, "issuer") || mentions(t, "signer not found"))
        return "its certificate is signed by an unknown CA";
    if (mentions(t, "self-signed") || mentions(t, "self signed"))
        return "its certificate is self-signed";
    return NULL;
}

/* A handshake that the network broke off says nothing about certificates. */
static int is_broken_off(const struct sc_http_transfer *t)
{
    return mentions(t, "SYSCALL") || mentions(t, "reset") ||
           mentions(t, "unexpected eof") || mentions(t, "Broken pipe");
}

static void explain_tls(struct sc_http_transfer *t, const char *outcome)
{
    const char *reason = certificate_reason(t);

    if (reason)
        sc_http_fail(&t->why, "tls", outcome, "tls", "%s: %s", t->authority, reason);
    else
        sc_http_fail(&t->why, is_broken_off(t) ? "network" : "tls", outcome, "tls",
                     "%s: the TLS handshake failed (%s)", t->authority, t->handle->error);
}

static void explain_timeout(struct sc_http_transfer *t, const char *outcome,
                            const char *place)
{
    static const char *const doing[][2] = {{"dns", "looking up the host"},
                                           {"connect", "connecting"},
                                           {"tls", "in the TLS handshake"},
                                           {"send", "sending the request"},
                                           {"receive", "waiting for the answer"}};
    curl_off_t us = 0;
    size_t i = 0;

    curl_easy_getinfo(t->easy, CURLINFO_TOTAL_TIME_T, &us);
    while (i < 4 && strcmp(doing[i][0], place) != 0)
        i++;
    sc_http_fail(&t->why, "timeout", outcome, place, "%s: timed out after %.3g s %s",
                 t->authority, (double)us / 1e6, doing[i][1]);
}

/* A callback of ours stopped the transfer. */
static void explain_trouble(struct sc_http_transfer *t)
{
    if (t->trouble == SC_HTTP_BIG_BODY)
        sc_http_fail(&t->why, "protocol", "unknown", "receive",
                     "%s: the answer is longer than %zu bytes", t->authority,
                     t->body.max);
    else if (t->trouble == SC_HTTP_BIG_HEADER)
        sc_http_fail(&t->why, "protocol", "unknown", "receive",
                     "%s: the header of the answer is longer than %zu bytes",
                     t->authority, SC_HTTP_MAX_HEADERS);
    else if (t->trouble == SC_HTTP_REPEAT)
        sc_http_fail(&t->why, "network", "unknown", "receive",
                     "%s: the connection was closed before an answer came", t->authority);
    else
        sc_http_fail(&t->why, "network", "unknown", "memory",
                     "out of memory while receiving the answer");
}

/* What can only be wrong before anything was sent. Returns whether it was that. */
static int explain_early(struct sc_http_transfer *t, CURLcode code)
{
    struct sc_http_failure *why = &t->why;

    switch ((int)code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        sc_http_fail(why, "config", "not_sent", "request",
                     "the URL is not one of http:// or https://");
        return 1;
    case CURLE_LOGIN_DENIED:
        sc_http_fail(why, "config", "not_sent", "request",
                     "a URL must not hold a user or a password");
        return 1;
    case CURLE_SSL_CACERT_BADFILE:
        sc_http_fail(why, "config", "not_sent", "tls", "the CA file cannot be read");
        return 1;
    case CURLE_COULDNT_RESOLVE_HOST:
        sc_http_fail(why, "network", "not_sent", "dns", "%s: no such host was found",
                     t->authority);
        return 1;
    case CURLE_COULDNT_RESOLVE_PROXY: /* its text may quote the proxy and the password */
        sc_http_fail(why, "network", "not_sent", "proxy",
                     "the proxy's address is wrong or its host was not found");
        return 1;
    case CURLE_COULDNT_CONNECT:
        sc_http_fail(why, "network", "not_sent", "connect", "%s: could not connect (%s)",
                     t->authority, t->handle->error);
        return 1;
    default: return 0;
    }
}

static int is_tls(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR ||
           code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CIPHER ||
           code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_INVALIDCERTSTATUS ||
           code == CURLE_SSL_ENGINE_NOTFOUND || code == CURLE_SSL_ENGINE_SETFAILED;
}

static int is_protocol(CURLcode code)
{
    return code == CURLE_HTTP2 || code == CURLE_HTTP2_STREAM ||
           code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_BAD_CONTENT_ENCODING ||
           code == CURLE_UNSUPPORTED_PROTOCOL;
}

void sc_http_explain(struct sc_http_transfer *t, CURLcode code)
{
    int sent = sc_http_sent(t);
    const char *outcome = sent ? "unknown" : "not_sent";
    const char *place = find_place(t, sent);

    t->failed = 1;
    if (!t->handle->error[0])
        snprintf(t->handle->error, sizeof t->handle->error, "%s",
                 curl_easy_strerror(code));
    if (t->trouble)
        explain_trouble(t);
    else if (!t->started && explain_early(t, code))
        return;
    else if (code == CURLE_OPERATION_TIMEDOUT)
        explain_timeout(t, outcome, place);
    else if (is_tls(code))
        explain_tls(t, outcome);
    else if (code == CURLE_OUT_OF_MEMORY)
        sc_http_fail(&t->why, "network", outcome, "memory", "out of memory");
    else
        sc_http_fail(&t->why, is_protocol(code) ? "protocol" : "network", outcome, place,
                     "%s: %s", t->authority, t->handle->error);
}
