/* answer: what goes back for one request, and what a fault makes of it.
 *
 * An answer owns its headers and its body; sc_answer_free gives them back and leaves
 * an empty one. Functions return an enum sc_box_status. They take no lock, read no
 * clock but the box's, and touch no socket: what is to happen on the wire is only
 * noted, in `delivery`. */
#ifndef SC_ANSWER_H
#define SC_ANSWER_H

#include "box.h"
#include "faults.h"

#pragma GCC visibility push(hidden)

/* What is to happen on the way to the caller, beyond sending the answer. */
struct sc_delivery {
    enum sc_reset reset;
    double delay; /* seconds before the answer begins */
    double drip; /* seconds that the body takes */
    int64_t truncate; /* bytes of the body that arrive; -1: all */
    int64_t content_length; /* what the header claims; -1: the truth */
};

struct sc_answer {
    int status; /* 0 where the connection is reset */
    char *headers;
    size_t headers_len; /* lines "Name: value\n" */
    const char *body;
    size_t body_len;
    struct sc_delivery delivery;
    double came; /* seconds on the sandbox's clock when the request came in */
    char *engine_body; /* who owns the body: the engine, */
    char *made_body; /* or this answer */
};

/* Lets the box answer. */
int sc_answer_ask(struct sc_box *box, const struct sc_request *request,
                  struct sc_answer *answer);

/* The dialect's error of that status, with the usual words. */
int sc_answer_refuse(struct sc_box *box, const struct sc_request *request, int said,
                     struct sc_answer *answer);

/* The answer under a rule that fired; the box is asked only where the rule leaves it
 * to. */
int sc_answer_forge(struct sc_box *box, const struct sc_request *request,
                    const struct sc_fault_hit *hit, struct sc_answer *answer);

/* Adds a header whose value is a date, in seconds since 1970. */
int sc_answer_add_date(struct sc_answer *answer, const char *name, int64_t seconds);

void sc_answer_free(struct sc_answer *answer);

/* Steps through an answer's headers, which it cuts into texts in place: begin with
 * *cursor = 0, once per answer. Returns 0 after the last one. */
int sc_answer_header(struct sc_answer *answer, size_t *cursor, const char **name,
                     const char **value);

#pragma GCC visibility pop

#endif
