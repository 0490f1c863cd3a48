/* log: the last requests that the sandbox saw, and what it answered.
 *
 * A ring with two caps, entries and bytes; the oldest go first. An entry is one block
 * of memory that the log owns. What a caller hands in is copied, all but the secret:
 * of an Authorization, Proxy-Authorization or Cookie header only the scheme is kept,
 * here and nowhere later, so that nothing that looks into a log can find a key. It
 * writes to no file. */
#ifndef SC_LOG_H
#define SC_LOG_H

#include "box.h"

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

struct sc_log_entry {
    int64_t number; /* 1 for the first request since the log was made or cleared */
    int64_t time_ms; /* the sandbox's clock when it came in */
    const char *operation; /* "" where it led nowhere */
    const char *dialect;
    const char *method;
    const char *path;
    const char *query; /* without the question mark; "" for none */
    const char *fault; /* what was done to it, e.g. "status 429"; "" for nothing */
    int status; /* 0: the connection was reset */
    const char *headers;
    size_t headers_len; /* lines "Name: value\n" */
    const char *body;
    size_t body_len;
    const char *answer_headers;
    size_t answer_headers_len;
    const char *answer;
    size_t answer_len;
};

struct sc_log;

/* A log of at most entries requests and bytes in all; NULL without memory. */
struct sc_log *sc_log_new(size_t entries, size_t bytes);
void sc_log_free(struct sc_log *log);

/* Adds a copy of entry, its headers made from the request's; number, path, query and
 * headers of entry itself are not read. Without memory the request is counted and not
 * kept. */
void sc_log_add(struct sc_log *log, const struct sc_log_entry *entry,
                const struct sc_request *request);

/* The kept entries, 0 the oldest. They live until the next sc_log_add or sc_log_clear. */
size_t sc_log_count(const struct sc_log *log);
const struct sc_log_entry *sc_log_at(const struct sc_log *log, size_t index);

/* Forgets all entries and counts from 1 again. */
void sc_log_clear(struct sc_log *log);

#pragma GCC visibility pop

#endif
