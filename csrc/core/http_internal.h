/* http_internal: what the files of the HTTP engine share: http.c keeps the engine and its list of
 * transfers, http_request.c checks a request and hands it to libcurl, http_failure.c says why one
 * failed, http_thread.c drives an engine beside its own descriptors. Nobody else includes this. */
#ifndef SC_HTTP_INTERNAL_H
#define SC_HTTP_INTERNAL_H

#include "http.h"

#include <curl/curl.h>
#include <sys/types.h>

#define SC_HTTP_AUTHORITY 280 /* a host name has at most 255 characters */

enum sc_http_trouble {
    SC_HTTP_FINE,
    SC_HTTP_BIG_HEADER,
    SC_HTTP_BIG_BODY,
    SC_HTTP_NO_MEMORY,
    SC_HTTP_REPEAT
};

struct sc_http_transfer {
    struct sc_http *http; /* NULL when it is done */
    struct sc_http_transfer *previous, *next;
    CURL *easy; /* NULL when it is done */
    struct curl_slist *list;
    struct sc_buf header, body;
    size_t header_total; /* bytes of headers so far, interim answers included */
    enum sc_http_trouble trouble;
    int header_complete; /* the blank line was seen; a new status line starts over */
    int body_begun;
    int has_ca_file;
    int no_repeat; /* as the request says */
    int started; /* the connection was ready and the request about to go */
    long
        size_before; /* bytes that libcurl counted as sent before that (a proxy's CONNECT) */
    long status;
    int failed;
    struct sc_http_failure why;
    char authority[SC_HTTP_AUTHORITY]; /* host and port, for messages */
    char error[CURL_ERROR_SIZE];
};

/* http.c: sc_http_step of the thread, which also waits for the n descriptors in others; their
 * revents say what came. Never used after a fork. */
unsigned sc_http_poll(struct sc_http *h, struct curl_waitfd *others, unsigned n, int ms);

/* http_request.c: whether the request can be sent at all; fills *why otherwise. */
int sc_http_check(const struct sc_http_request *request, struct sc_http_failure *why);

/* http_request.c: what every request has in common, set once per easy handle. */
CURLcode sc_http_prepare(CURL *easy);

/* http_request.c: what is this request's own. t->list holds the headers afterwards. */
CURLcode sc_http_configure(struct sc_http_transfer *t,
                           const struct sc_http_request *request);

/* http_request.c: wipes and frees the header list, and takes the transfer off its easy handle.
 * Anything but CURLE_OK: the handle is not fit for another request. */
CURLcode sc_http_detach(struct sc_http_transfer *t);

/* http_failure.c */
void sc_http_fail(struct sc_http_failure *why, const char *kind, const char *outcome,
                  const char *place, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void sc_http_explain(struct sc_http_transfer *t, CURLcode code);
int sc_http_sent(const struct sc_http_transfer *t);
void sc_http_set_authority(char *out, size_t size, const char *url);

#endif
