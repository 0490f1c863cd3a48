/* front: what every request goes through, whichever way it came: fault, engine, log,
 * clock.
 *
 * One struct sc_front stands before one box. The HTTP server's thread and Lua's thread
 * both call it; `mutex` guards everything else in the struct. sc_front_exchange takes
 * the lock itself, all other functions want it held, and so does any use of box,
 * faults and log by the caller. It knows no socket: how an answer shall be mangled on
 * its way is told in its `delivery`. After a fork the child must leave a front alone,
 * its lock too: ask sc_front_is_ours first. */
#ifndef SC_FRONT_H
#define SC_FRONT_H

#include "answer.h"
#include "log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#pragma GCC visibility push(hidden)

struct sc_front {
    pthread_mutex_t mutex;
    struct sc_box *box;
    struct sc_faults *faults;
    struct sc_log *log;
    pid_t pid;
    atomic_int standing; /* the clock moves only when it is told to; read without lock */
    int64_t start_ms; /* where a standing clock began; 0: it ran */
    double elapsed; /* seconds passed on the sandbox's clock up to `mark` */
    double mark; /* the machine's monotonic clock when `elapsed` was right */
    double carry_ms; /* moved, but less than the millisecond a box counts in */
    double heard; /* the machine's clock when HTTP was last busy; 0: not yet */
};

struct sc_front_options {
    struct sc_box_options box;
    size_t log_entries;
    size_t log_bytes;
};

#define SC_FRONT_PAUSE                                                                   \
    0.1 /* seconds between HTTP requests that a standing clock takes over */

enum sc_way { SC_WAY_PROCESS, SC_WAY_HTTP };

/* Opens a box and puts a front before it. Returns an enum sc_box_status; on failure
 * *front is NULL and error, of size bytes, holds why. */
int sc_front_open(const struct sc_front_options *options, struct sc_front **front,
                  char *error, size_t size);
/* Frees the front and closes its box; in another process than the one that opened it:
 * nothing. */
void sc_front_close(struct sc_front *front);

/* Whether this process opened it. */
int sc_front_is_ours(const struct sc_front *front);

/* Answers one request. SC_BOX_OK or SC_BOX_NOMEM; free the answer after the first. */
int sc_front_exchange(struct sc_front *front, enum sc_way way,
                      const struct sc_request *request, struct sc_answer *answer);
/* The same for a request that the server turns away before the engine sees it (413,
 * 503). */
int sc_front_refuse(struct sc_front *front, const struct sc_request *request, int said,
                    struct sc_answer *answer);

/* Seconds passed on the sandbox's clock; never goes back, whatever the clock is set
 * to. */
double sc_front_now(const struct sc_front *front);
void sc_front_advance(struct sc_front *front, double seconds);
/* Brings a clock that stands to `now` seconds if it has not come so far: a delay was
 * waited for. */
void sc_front_reach(struct sc_front *front, double now);
void sc_front_clock_set(struct sc_front *front,
                        int64_t ms); /* it stands there from now on */
void sc_front_clock_run(struct sc_front *front);

/* As just opened: store, switches, faults, log, clock. Returns an enum sc_box_status. */
int sc_front_reset(struct sc_front *front);

#pragma GCC visibility pop

#endif
