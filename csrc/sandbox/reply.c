#include "reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define DRIPS 20 /* pieces that a dripping body comes in */

/* A body that goes out in an unusual way. */
struct body {
    struct sc_answer answer;
    sc_reply_pause pause;
    void *cls;
    uint64_t limit; /* bytes that go out at all */
    uint64_t piece; /* bytes between two pauses; 0: no pauses */
    uint64_t next; /* where the next pause is due */
    double gap; /* seconds of one */
};

void sc_reply_reset(int fd)
{
    const struct linger now = {1, 0};
    const struct sockaddr none = {.sa_family = AF_UNSPEC};

    /* Closing would do it, but the server says a polite end before it closes.
     * Dissolving the association sends the reset at once (Linux); elsewhere the linger
     * must be enough. */
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    connect(fd, &none, sizeof none);
}

static void free_body(void *cls)
{
    struct body *body = cls;

    sc_answer_free(&body->answer);
    free(body);
}

static ssize_t read_body(void *cls, uint64_t at, char *to, size_t room)
{
    struct body *body = cls;
    uint64_t n = body->limit - at;

    if (at >= body->limit)
        return MHD_CONTENT_READER_END_WITH_ERROR; /* less than was claimed */
    if (body->piece > 0) {
        if (at >= body->next) {
            body->next += body->piece;
            return body->pause(body->cls, body->gap) ? 0
                                                     : MHD_CONTENT_READER_END_WITH_ERROR;
        }
        n = n < body->next - at ? n : body->next - at;
    }
    n = n < room ? n : room;
    memcpy(to, body->answer.body + at, (size_t)n);
    return (ssize_t)n;
}

static struct body *new_body(struct sc_answer *answer, sc_reply_pause pause, void *cls)
{
    struct body *body = calloc(1, sizeof *body);

    if (!body) {
        sc_answer_free(answer);
        return NULL;
    }
    body->answer = *answer;
    memset(answer, 0, sizeof *answer);
    body->pause = pause;
    body->cls = cls;
    body->limit = body->answer.body_len;
    return body;
}

/* The answer says less than what comes. */
static struct MHD_Response *with_false_length(struct body *body)
{
    struct MHD_Response *response;
    char text[32];

    response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 65536, read_body, body,
                                                 free_body);
    if (!response)
        return NULL;
    snprintf(text, sizeof text, "%lld", (long long)body->answer.delivery.content_length);
    MHD_set_response_options(
        response, MHD_RF_INSANITY_HEADER_CONTENT_LENGTH | MHD_RF_HTTP_VERSION_1_0_ONLY,
        MHD_RO_END);
    if (MHD_add_response_header(response, "Connection", "close") == MHD_YES &&
        MHD_add_response_header(response, "Content-Length", text) == MHD_YES)
        return response;
    MHD_destroy_response(response);
    return NULL;
}

static struct MHD_Response *make(struct body *body)
{
    const struct sc_delivery *delivery = &body->answer.delivery;
    uint64_t claimed = body->answer.body_len;
    struct MHD_Response *response;
    union {
        const char *from;
        void *to;
    } bytes = {body->answer.body ? body->answer.body : ""};

    if (delivery->truncate >= 0 && (uint64_t)delivery->truncate < body->limit)
        body->limit = (uint64_t)delivery->truncate;
    if (delivery->drip > 0 && body->limit > 0) {
        uint64_t pieces = body->limit < DRIPS ? body->limit : DRIPS;

        body->piece = (body->limit + pieces - 1) / pieces;
        body->gap = delivery->drip / (double)pieces;
    }
    if (delivery->content_length >= 0 && (uint64_t)delivery->content_length < body->limit)
        return with_false_length(body);
    if (delivery->content_length >= 0)
        claimed = (uint64_t)delivery->content_length;
    if (body->piece > 0 || body->limit < claimed)
        response =
            MHD_create_response_from_callback(claimed, 65536, read_body, body, free_body);
    else
        response = MHD_create_response_from_buffer_with_free_callback_cls(
            body->answer.body_len, bytes.to, free_body, body);
    return response;
}

struct MHD_Response *sc_reply_response(struct sc_answer *answer, sc_reply_pause pause,
                                       void *cls)
{
    struct body *body = new_body(answer, pause, cls);
    struct MHD_Response *response;
    const char *name;
    const char *value;
    size_t cursor = 0;

    if (!body)
        return NULL;
    response = make(body);
    if (!response) {
        free_body(body);
        return NULL;
    }
    /* What the library refuses (a header it keeps for itself) is left out. */
    while (sc_answer_header(&body->answer, &cursor, &name, &value))
        MHD_add_response_header(response, name, value);
    return response;
}
