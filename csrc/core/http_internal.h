/* http_internal: what the files of the HTTP engine share: http.c keeps the engine and
 * its list of transfers, http_request.c checks a request and hands it to libcurl,
 * http_handle.c keeps what libcurl takes it in,
 * http_lines.c does its header, http_preset.c keeps what requests share,
 * http_failure.c says why one failed, http_thread.c drives an engine beside its own
 * descriptors. Nobody else includes this. */
#ifndef SC_HTTP_INTERNAL_H
#define SC_HTTP_INTERNAL_H

#include "http.h"
#include "http_preset.h"

#include <curl/curl.h>
#include <sys/types.h>

#pragma GCC visibility push(hidden)

#define SC_HTTP_AUTHORITY  280 /* a host name has at most 255 characters */
#define SC_HTTP_PLAIN_PATH 1024 /* bytes of a path that is handed over without parsing */

/* An easy handle that is used again and again, and the address it had last. */
struct sc_http_handle {
    CURL *easy;
    CURLU *url; /* NULL: the text of the address has to do */
    size_t origin_len; /* 0: what is in url is good for nothing */
    char origin[SC_HTTP_AUTHORITY]; /* scheme and authority of url */
    int wide; /* its buffer for sending is for large bodies */
    char error[CURL_ERROR_SIZE]; /* what went wrong, in libcurl's words */
};

enum sc_http_trouble {
    SC_HTTP_FINE,
    SC_HTTP_BIG_HEADER,
    SC_HTTP_BIG_BODY,
    SC_HTTP_NO_MEMORY,
    SC_HTTP_REPEAT
};

struct sc_http_transfer {
    struct sc_http *http; /* NULL when it is done */
    struct sc_http *teller; /* in whose list of finished ones it is; or NULL */
    struct sc_http_transfer *previous, *next; /* in one list or the other */
    unsigned long tag; /* 0: nobody asks */
    struct sc_http_handle *handle;
    CURL *easy; /* the handle's; NULL when it is done */
    struct sc_http_preset *preset; /* whose list it is; or NULL */
    struct curl_slist *list;
    struct sc_buf header, body;
    size_t header_total; /* bytes of headers so far, interim answers included */
    enum sc_http_trouble trouble;
    int header_complete; /* the blank line was seen; a new status line starts over */
    int body_begun;
    int has_ca_file;
    int no_repeat; /* as the request says */
    int started; /* the connection was ready and the request about to go */
    long size_before; /* bytes that counted as sent before that (a proxy's CONNECT) */
    long status;
    int failed;
    struct sc_http_failure why;
    char authority[SC_HTTP_AUTHORITY]; /* host and port, for messages */
};

struct sc_http_preset {
    struct sc_http_request request; /* points into text; no URL, no body */
    char *text;
    size_t text_len;
    struct curl_slist *list; /* the headers for libcurl, the credential among them */
    unsigned users; /* its maker, and each transfer that is on its way */
};

/* http.c: sc_http_step of the thread, which also waits for the n descriptors in
 * others; their revents say what came. Never used after a fork. */
unsigned sc_http_poll(struct sc_http *h, struct curl_waitfd *others, unsigned n, int ms);

/* http_preset.c: copies the strings of a request into one block, whose size goes into
 * *size, and points `to` into it; the rest of `to` is left as it is. NULL: out of
 * memory. */
char *sc_http_copy_text(struct sc_http_request *to, const struct sc_http_request *from,
                        size_t *size);

/* http_request.c: whether the request can be sent at all; fills *why otherwise. */
int sc_http_check(const struct sc_http_request *request, struct sc_http_failure *why);

/* http_lines.c: the same of everything but the URL. */
int sc_http_check_common(const struct sc_http_request *request,
                         struct sc_http_failure *why);

/* http_lines.c: no control characters; spaces and tabs only where they are allowed. */
int sc_http_is_clean(const char *s, int spaces);

/* http_lines.c: methods that are expected to have a body send length 0 without one. */
int sc_http_posts(const struct sc_http_request *request);

/* http_lines.c: the headers as libcurl takes them; *out is NULL or to be wiped, also
 * after a failure. */
CURLcode sc_http_build_list(struct curl_slist **out,
                            const struct sc_http_request *request);

/* http_lines.c: frees a list of headers and wipes it. */
void sc_http_wipe_list(struct curl_slist *list);

/* http_handle.c: a new one, for sc_http_prepare; NULL: out of memory. */
struct sc_http_handle *sc_http_handle_new(void);
void sc_http_handle_free(struct sc_http_handle *handle);

/* http_handle.c: frees it, but leaves the easy handle, which is not ours to close. */
void sc_http_handle_forget(struct sc_http_handle *handle);

/* http_handle.c: where the next request goes. */
CURLcode sc_http_handle_address(struct sc_http_handle *handle, const char *url);

/* http_request.c: what every request has in common, set once per easy handle. */
CURLcode sc_http_prepare(CURL *easy);

/* http_request.c: what is this request's own. t->list holds the headers afterwards. */
CURLcode sc_http_configure(struct sc_http_transfer *t,
                           const struct sc_http_request *request);

/* http_request.c: wipes and frees the header list, and takes the transfer off its easy
 * handle. Anything but CURLE_OK: the handle is not fit for another request. */
CURLcode sc_http_detach(struct sc_http_transfer *t);

/* http_failure.c */
void sc_http_fail(struct sc_http_failure *why, const char *kind, const char *outcome,
                  const char *place, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void sc_http_explain(struct sc_http_transfer *t, CURLcode code);
int sc_http_sent(const struct sc_http_transfer *t);
void sc_http_set_authority(char *out, size_t size, const char *url);

#pragma GCC visibility pop

#endif
