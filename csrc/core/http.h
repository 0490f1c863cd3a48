/* http: exchanges over one libcurl multi handle, driven by whoever calls sc_http_step.
 *
 * An engine owns its connections, its easy handles and the answers that are coming in;
 * a transfer owns what was made for it (header list, answer, failure) until
 * sc_http_release. A request's strings are copied; its body is borrowed until the
 * transfer is done. Callbacks only fill capped buffers. One thread uses an engine at a
 * time (any number of engines may run side by side); sc_http_wakeup alone may be
 * called from another. After a fork the child must not use the parent's connections:
 * there every function of an inherited engine drops what it was asked to close, and
 * fails what it was asked to do. Knows nothing of Lua, JSON, retries or providers, and
 * follows no redirects. */
#ifndef SC_HTTP_H
#define SC_HTTP_H

#include "buf.h"

#pragma GCC visibility push(hidden)

#define SC_HTTP_MAX_BODY                                                                 \
    ((size_t)64 << 20) /* bytes of an answer unless the request says else */
#define SC_HTTP_MAX_HEADERS ((size_t)64 << 10) /* bytes of an answer's header */
#define SC_HTTP_MESSAGE     320

struct sc_http;
struct sc_http_preset;
struct sc_http_transfer;

struct sc_http_request {
    const char *method;
    const char *url;
    const char *const *headers; /* "Name: value" */
    size_t header_count;
    const char *authorization; /* value of the Authorization header, or NULL */
    const void *body; /* NULL: none */
    size_t body_len;
    double timeout; /* seconds for all of it; 0: 30 */
    double connect_timeout; /* seconds until connected, TLS included; 0: 5 */
    size_t max_body; /* bytes; 0: SC_HTTP_MAX_BODY */
    const char *ca_file; /* PEM; NULL: the system's */
    const char *proxy; /* NULL: by environment; "": none */
    const char *user_agent; /* NULL: none is sent */
    int once; /* never sent twice: libcurl repeats a request by itself when a kept
               * connection ends without an answer, so this one gets one of its own */
    int no_repeat; /* may go over a kept one; fails where libcurl would repeat it */
    struct sc_http_preset *preset; /* what it was made from, see http_preset.h; or NULL */
    struct sc_buf *into; /* its memory becomes the answer's, see sc_http_body; or NULL */
    unsigned long tag; /* what sc_http_finished says when it is done; 0: nothing */
};

/* Why there is no answer. The words are the ones that Lua sees; none is ever freed. */
struct sc_http_failure {
    const char *kind; /* network timeout tls cancelled protocol config */
    const char *outcome; /* not_sent: the service cannot have acted; unknown: it can */
    const char *place; /* request dns proxy connect tls send receive memory */
    char message[SC_HTTP_MESSAGE]; /* for a person; holds no secret */
};

/* A new engine that keeps at most max_connections open (0: 256), or NULL: out of
 * memory. */
struct sc_http *sc_http_new(unsigned max_connections);

/* Cancels what is in flight, closes every connection, frees the engine. NULL is fine.
 * Transfers live on, cancelled, until they are released. */
void sc_http_free(struct sc_http *h);

/* Starts an exchange. NULL with *why filled: nothing was sent and nothing is kept. */
struct sc_http_transfer *sc_http_add(struct sc_http *h,
                                     const struct sc_http_request *request,
                                     struct sc_http_failure *why);

/* Moves bytes; waits up to ms milliseconds for something to move when nothing is done
 * yet. Returns how many transfers were done since the last call. */
unsigned sc_http_step(struct sc_http *h, int ms);

/* The tag of a transfer that is done, in the order in which they were; each is told
 * once, and none after its transfer was released. 0: no more. */
unsigned long sc_http_finished(struct sc_http *h);

/* Ends a wait of sc_http_step early. The one function for other threads. */
void sc_http_wakeup(struct sc_http *h);

/* Whether the engine was made before this process was forked off. */
int sc_http_is_foreign(const struct sc_http *h);

/* Transfers in flight. */
unsigned sc_http_count(const struct sc_http *h);

/* Of a transfer: whether it is done, and then either a failure or an answer. */
int sc_http_done(const struct sc_http_transfer *t);
const struct sc_http_failure *
sc_http_failed(const struct sc_http_transfer *t); /* or NULL */
long sc_http_status(const struct sc_http_transfer *t);
const struct sc_buf *
sc_http_header(const struct sc_http_transfer *t); /* lines as they came */
struct sc_buf *
sc_http_body(struct sc_http_transfer *t); /* the caller may take its memory */

/* Takes a transfer off the wire: an HTTP/1 connection is closed, an HTTP/2 stream
 * reset. It is done then, with kind cancelled. Nothing happens to one that is done
 * already. */
void sc_http_cancel(struct sc_http_transfer *t);

/* Cancels what is in flight and frees the transfer. NULL is fine. */
void sc_http_release(struct sc_http_transfer *t);

#pragma GCC visibility pop

#endif
