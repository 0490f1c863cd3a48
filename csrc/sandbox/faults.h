/* faults: what the sandbox was told to do wrong, and to which requests.
 *
 * A rule says which requests it means (an operation, the n-th of them, every n-th,
 * some with a probability drawn from the seed, those that come faster than a token
 * bucket fills) and what shall happen to them. sc_faults_pick counts a request on
 * every rule and gives the first rule that fires. The list owns copies of all that a
 * rule points to. Nothing here touches a box, an answer or a socket, and nothing reads
 * a clock: the caller says what time it is. */
#ifndef SC_FAULTS_H
#define SC_FAULTS_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

#define SC_FAULT_NAME 48 /* bytes of an operation's name, the final NUL counted */
#define SC_FAULTS_MAX 1000 /* rules in one list */
#define SC_FAULT_TEXT 16777216 /* bytes of one rule's headers or body */

enum sc_reset {
    SC_RESET_NONE = 0,
    SC_RESET_BEFORE, /* the connection is reset, nothing was changed */
    SC_RESET_AFTER, /* the change is made, then the connection is reset */
    SC_RESET_CONNECT /* in process a refused connection; over HTTP as SC_RESET_BEFORE */
};

enum sc_retry_form {
    SC_RETRY_NONE = 0,
    SC_RETRY_SECONDS,
    SC_RETRY_DATE,
};

struct sc_fault {
    /* Which requests. */
    char operation[SC_FAULT_NAME]; /* "members.upsert", "members.*"; "" means every one */
    char provider[16]; /* "" means both */
    int64_t nth; /* only the n-th, from 1; 0: not asked */
    int64_t every; /* every n-th; 0: not asked */
    int64_t times; /* fires at most so often; 0: without end */
    double probability; /* 0 to 1; below 0: not asked */
    double rate; /* tokens a second of the bucket; 0: no bucket */
    double burst; /* tokens that it holds */
    /* What happens. Seconds are doubles; -1 in a count means "not asked". */
    enum sc_reset reset;
    int strip; /* the request's body is lost on its way */
    int applied; /* the change is made before the fault shows */
    int status; /* 0: the true answer's */
    int html;
    int error_body;
    enum sc_retry_form retry_form;
    double retry_after; /* below 0: what the bucket asks for */
    double delay_min, delay_max;
    double drip; /* seconds that the body takes */
    int64_t truncate; /* bytes of the body that arrive; -2: half of them */
    int64_t content_length; /* what the header claims */
    const char *headers; /* lines "Name: value\n"; NULL for none */
    size_t headers_len;
    const char *body; /* NULL for the usual one */
    size_t body_len;
};

/* What one request drew. */
struct sc_fault_hit {
    const struct sc_fault *rule; /* NULL: nothing; valid until the list changes */
    double delay; /* seconds */
    double wait; /* seconds until the bucket has a token again */
};

struct sc_faults;

/* An empty list whose draws come from seed; NULL without memory. */
struct sc_faults *sc_faults_new(uint64_t seed);
void sc_faults_free(struct sc_faults *list);

/* Sets every member of a rule to "not asked". */
void sc_faults_blank(struct sc_fault *rule);

/* Adds a copy of rule. Returns its number (1 and up), or 0 without memory or room. */
unsigned sc_faults_add(struct sc_faults *list, const struct sc_fault *rule, double now);

/* Takes a rule out; returns whether it was there. */
int sc_faults_remove(struct sc_faults *list, unsigned id);

/* How often a rule has fired; -1 where there is none. */
int64_t sc_faults_fired(const struct sc_faults *list, unsigned id);

/* Takes all rules out and begins the draws anew. */
void sc_faults_clear(struct sc_faults *list);

/* Counts a request that comes in at `now` (seconds of any clock that does not go
 * back). */
void sc_faults_pick(struct sc_faults *list, const char *operation, const char *provider,
                    double now, struct sc_fault_hit *hit);

#pragma GCC visibility pop

#endif
