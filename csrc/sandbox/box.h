/* box: the whole C interface of the sandbox's engine, one emulated account in one store.
 *
 * A struct sc_box answers requests of both dialects (SendCloud's and EngageLab's) over
 * the same members, tags and segments. It does no network I/O, starts no thread and takes
 * no lock: whoever shares a box between threads calls it under one lock of their own. A
 * box does not survive a fork. The caller owns what it passes in; the box owns what it
 * hands out, except responses and texts, which are given back with sc_response_free and
 * sc_box_free. */
#ifndef SC_BOX_H
#define SC_BOX_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

enum sc_box_status {
    SC_BOX_OK = 0,
    SC_BOX_NOMEM = -1,
    SC_BOX_INVALID = -2, /* an argument that cannot be; sc_box_error says which */
    SC_BOX_NOT_FOUND = -3, /* no such member, segment, option */
    SC_BOX_STORE = -4, /* SQLite failed; sc_box_error has its words */
};

struct sc_box;

struct sc_box_options {
    const char *path; /* file of the store; NULL or "" for memory */
    const char *user; /* credentials that are accepted; NULL: "api_user" and "api_key", */
    const char *key; /* which the documents' examples use */
    int examples; /* those are accepted besides the others */
    uint64_t seed; /* ids are minted from it; a file keeps the seed it was made with */
    int64_t
        clock_ms; /* Unix ms at which the clock stands; 0: it runs with the machine's */
    size_t max_body; /* bytes of a request body; 0: 16 MiB */
};

struct sc_header {
    const char *name;
    const char *value;
};

struct sc_request {
    const char *method; /* "POST" */
    const char *target; /* "/v1/marketing/lists/list_members?limit=10", percent-encoded */
    const struct sc_header *headers;
    size_t header_count;
    const char *body;
    size_t body_len;
};

#define SC_RESPONSE_HEADERS 4

struct sc_response {
    int status;
    const char *content_type; /* NULL when there is no body (204); static */
    const char *operation; /* "members.upsert", or NULL when nothing was routed; static */
    const char *dialect; /* "sendcloud" or "engagelab"; static */
    /* Besides Content-Type; they live with the response. */
    struct sc_header headers[SC_RESPONSE_HEADERS];
    size_t header_count;
    char *body; /* body_len bytes and a NUL; NULL when there is no body */
    size_t body_len;
    char *own; /* memory of the headers; private */
};

/* Where a request leads, found without acting on it. Names are static. */
struct sc_route {
    const char *operation; /* NULL: unknown path or wrong method */
    const char *dialect;
    int status; /* 0 when there is an operation, else 404 or 405 */
};

/* Opens a box. On failure *box is NULL and, if size is not 0, error holds why. */
int sc_box_open(const struct sc_box_options *options, struct sc_box **box, char *error,
                size_t size);
void sc_box_close(struct sc_box *box); /* NULL is fine */

/* The words of the last call that failed; never NULL; valid until the next call. */
const char *sc_box_error(const struct sc_box *box);

/* Gives back a text that the box handed out. NULL is fine. */
void sc_box_free(void *text);

void sc_box_route(const struct sc_request *request, struct sc_route *route);

/* Answers one request; every mistake of the request is an answer (4xx). The change it
 * makes is made whole or not at all. Fills response on SC_BOX_OK and on nothing else; the
 * only failure is SC_BOX_NOMEM. */
int sc_box_handle(struct sc_box *box, const struct sc_request *request,
                  struct sc_response *response);
void sc_response_free(struct sc_response *response); /* idempotent on a zeroed response */

/* Builds the answer the box gives for an error of its own, in the dialect of the target:
 * for what a server refuses before the engine sees it (half a request, 413, 429, 500). */
int sc_box_refuse(struct sc_box *box, const struct sc_request *request, int status,
                  const char *parameter, const char *message,
                  struct sc_response *response);

/* --- time: Unix milliseconds --- */
int64_t sc_box_clock(const struct sc_box *box);
/* The clock stands at ms from now on. */
void sc_box_clock_set(struct sc_box *box, int64_t ms);
/* It runs on from where it is. */
void sc_box_clock_run(struct sc_box *box);
/* Moves it, standing or running. */
void sc_box_clock_advance(struct sc_box *box, int64_t ms);

/* --- switches: what the documents leave open --- */
struct sc_box_switch {
    const char *name; /* "unknown_tag" */
    const char *choices; /* "create|ignore", the first is the default; or "number" */
    const char *rule; /* one sentence */
    long fallback; /* default of a number */
};

/* All of them, in the order of the README's table; static. */
const struct sc_box_switch *sc_box_switches(size_t *count);
/* NOT_FOUND: no such switch; INVALID: not one of its choices. */
int sc_box_switch_set(struct sc_box *box, const char *name, const char *value);
/* The value now as a text that lives until the switch is set again; NULL: no such switch.
 */
const char *sc_box_switch_get(struct sc_box *box, const char *name);
/* All switches back to their defaults. */
void sc_box_switch_reset(struct sc_box *box);

/* --- what has no operation in the documents --- */
enum sc_event { SC_EVENT_SENT, SC_EVENT_OPEN, SC_EVENT_CLICK };

/* Records that a member (an id or an address) was sent, opened or clicked a campaign. An
 * open says that it was sent too, a click that it was opened. The campaign comes to be
 * with status "sent". */
int sc_box_event(struct sc_box *box, int64_t campaign, const char *member,
                 enum sc_event event);
/* status: "draft", "sending", "sent"; segments may only use the last two. */
int sc_box_campaign(struct sc_box *box, int64_t campaign, const char *status);
/* Marks a member (id or address) as unsubscribed now, or as subscribed again. */
int sc_box_unsubscribe(struct sc_box *box, const char *member, int unsubscribed);
/* type: 0 text, 1 number, 2 date, 3 birthday, 4 dropdown. format and options (a JSON list
 * of texts, for a dropdown) may be NULL. A field of that name is redefined. */
int sc_box_field(struct sc_box *box, const char *name, int type, const char *format,
                 const char *options);
/* The evaluation that segment (id or name) is in, or its next one, fails; NULL or "": the
 * next evaluation that starts, whichever segment it is. */
int sc_box_segment_fail(struct sc_box *box, const char *segment);

/* --- the store as a whole --- */
/* Forgets all members, tags, segments, fields and campaigns; ids start over from the
 * seed. Clock and switches stay. */
int sc_box_reset(struct sc_box *box);
/* The whole store as bytes (free with sc_box_free), and back. The clock is not part of
 * it. */
int sc_box_snapshot(struct sc_box *box, char **bytes, size_t *len);
int sc_box_restore(struct sc_box *box, const char *bytes, size_t len);
/* Everything a person wants to see, as one JSON object { fields, members, tags, segments,
 * campaigns }, in the spelling of SendCloud's dialect, oldest first. Deterministic. */
int sc_box_dump(struct sc_box *box, char **json, size_t *len);

#pragma GCC visibility pop

#endif
