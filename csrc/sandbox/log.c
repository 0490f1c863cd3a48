#include "log.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct kept {
    struct sc_log_entry entry; /* its texts lie behind it in the same block */
    size_t size;
};

struct sc_log {
    struct kept **ring;
    size_t slots;
    size_t first;
    size_t count;
    size_t bytes;
    size_t max_bytes;
    int64_t number;
};

struct sc_log *sc_log_new(size_t entries, size_t bytes)
{
    struct sc_log *log = calloc(1, sizeof *log);

    if (!log)
        return NULL;
    log->slots = entries ? entries : 1;
    log->max_bytes = bytes;
    log->ring = calloc(log->slots, sizeof *log->ring);
    if (!log->ring) {
        free(log);
        return NULL;
    }
    return log;
}

static void drop_oldest(struct sc_log *log)
{
    struct kept *kept = log->ring[log->first];

    log->ring[log->first] = NULL;
    log->first = (log->first + 1) % log->slots;
    log->count--;
    log->bytes -= kept->size;
    free(kept);
}

void sc_log_clear(struct sc_log *log)
{
    while (log->count > 0)
        drop_oldest(log);
    log->number = 0;
}

void sc_log_free(struct sc_log *log)
{
    if (!log)
        return;
    sc_log_clear(log);
    free(log->ring);
    free(log);
}

/* How many bytes of a header's value may be shown: all of them, or of a secret one the
 * scheme. */
static size_t shown(const struct sc_header *header)
{
    size_t n = strlen(header->value);

    if (strcasecmp(header->name, "Authorization") != 0 &&
        strcasecmp(header->name, "Proxy-Authorization") != 0 &&
        strcasecmp(header->name, "Cookie") != 0)
        return n;
    if (strncasecmp(header->value, "Bearer ", 7) == 0)
        return 6;
    return strncasecmp(header->value, "Basic ", 6) == 0 ? 5 : 0;
}

static const char HIDDEN[] = " (hidden)";

static size_t headers_size(const struct sc_request *request)
{
    size_t i;
    size_t size = 0;

    for (i = 0; i < request->header_count; i++) {
        const struct sc_header *header = &request->headers[i];

        size += strlen(header->name) + strlen(header->value) + sizeof HIDDEN + 3;
    }
    return size;
}

static char *put(char *at, const void *bytes, size_t n)
{
    if (n > 0)
        memcpy(at, bytes, n);
    return at + n;
}

static char *put_headers(char *at, const struct sc_request *request)
{
    size_t i;

    for (i = 0; i < request->header_count; i++) {
        const struct sc_header *header = &request->headers[i];
        size_t n = shown(header);

        at = put(at, header->name, strlen(header->name));
        at = put(at, ": ", 2);
        at = put(at, header->value, n);
        if (n < strlen(header->value))
            at = put(at, HIDDEN + (n == 0), sizeof HIDDEN - 1 - (n == 0));
        *at++ = '\n';
    }
    return at;
}

/* Copies n bytes and a NUL to *at, which it moves; returns the copy. */
static const char *keep(char **at, const char *bytes, size_t n)
{
    char *copy = *at;

    *at = put(copy, bytes, n);
    *(*at)++ = '\0';
    return copy;
}

static const char *keep_text(char **at, const char *text)
{
    return keep(at, text ? text : "", text ? strlen(text) : 0);
}

static void fill(struct sc_log_entry *to, const struct sc_log_entry *from,
                 const struct sc_request *request, char *at)
{
    const char *mark = strchr(request->target, '?');
    size_t path = mark ? (size_t)(mark - request->target) : strlen(request->target);
    char *end;

    *to = *from;
    to->operation = keep_text(&at, from->operation);
    to->dialect = keep_text(&at, from->dialect);
    to->method = keep_text(&at, request->method);
    to->path = keep(&at, request->target, path);
    to->query = keep_text(&at, mark ? mark + 1 : "");
    to->fault = keep_text(&at, from->fault);
    end = put_headers(at, request);
    to->headers = at;
    to->headers_len = (size_t)(end - at);
    *end++ = '\0';
    at = end;
    to->body_len = request->body ? request->body_len : 0;
    to->body = keep(&at, request->body, to->body_len);
    to->answer_headers = keep(&at, from->answer_headers, from->answer_headers_len);
    to->answer = keep(&at, from->answer, from->answer_len);
}

void sc_log_add(struct sc_log *log, const struct sc_log_entry *entry,
                const struct sc_request *request)
{
    struct kept *kept;
    size_t size = sizeof *kept + headers_size(request) + strlen(request->target) +
                  strlen(request->method) + request->body_len +
                  entry->answer_headers_len + entry->answer_len + 256;

    size += (entry->operation ? strlen(entry->operation) : 0) +
            (entry->dialect ? strlen(entry->dialect) : 0) +
            (entry->fault ? strlen(entry->fault) : 0);
    log->number++;
    if (size > log->max_bytes)
        return;
    while (log->count > 0 &&
           (log->count == log->slots || log->bytes + size > log->max_bytes))
        drop_oldest(log);
    kept = malloc(size);
    if (!kept)
        return;
    kept->size = size;
    fill(&kept->entry, entry, request, (char *)(kept + 1));
    kept->entry.number = log->number;
    log->ring[(log->first + log->count) % log->slots] = kept;
    log->count++;
    log->bytes += size;
}

size_t sc_log_count(const struct sc_log *log)
{
    return log->count;
}

const struct sc_log_entry *sc_log_at(const struct sc_log *log, size_t index)
{
    if (index >= log->count)
        return NULL;
    return &log->ring[(log->first + index) % log->slots]->entry;
}
