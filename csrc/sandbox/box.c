#include "box.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

struct sc_box {
    int64_t clock_ms;
};

int sc_box_open(const struct sc_box_options *options, struct sc_box **box, char *error,
                size_t size)
{
    (void)error;
    (void)size;
    *box = calloc(1, sizeof **box);
    if (!*box)
        return SC_BOX_NOMEM;
    (*box)->clock_ms = options->clock_ms;
    return SC_BOX_OK;
}

void sc_box_close(struct sc_box *box) { free(box); }
const char *sc_box_error(const struct sc_box *box) { (void)box; return ""; }
void sc_box_free(void *text) { sqlite3_free(text); }

void sc_box_route(const struct sc_request *request, struct sc_route *route)
{
    route->operation = NULL;
    route->dialect = strncmp(request->target, "/v1/", 4) == 0 ? "engagelab" : "sendcloud";
    route->status = 404;
}

int sc_box_refuse(struct sc_box *box, const struct sc_request *request, int status,
                  const char *parameter, const char *message, struct sc_response *response)
{
    (void)box;
    (void)request;
    memset(response, 0, sizeof *response);
    response->status = status;
    response->content_type = "application/json;charset=UTF-8";
    response->dialect = "sendcloud";
    response->body = sqlite3_mprintf("{\"status\":%d,\"error\":{\"parameter\":\"%s\",\"message\":"
                                     "\"%s\"}}", status, parameter, message);
    if (!response->body)
        return SC_BOX_NOMEM;
    response->body_len = strlen(response->body);
    return SC_BOX_OK;
}

int sc_box_handle(struct sc_box *box, const struct sc_request *request,
                  struct sc_response *response)
{
    return sc_box_refuse(box, request, 501, "", "not yet", response);
}

void sc_response_free(struct sc_response *response)
{
    sqlite3_free(response->body);
    memset(response, 0, sizeof *response);
}

int64_t sc_box_clock(const struct sc_box *box) { return box->clock_ms; }
void sc_box_clock_set(struct sc_box *box, int64_t ms) { box->clock_ms = ms; }
void sc_box_clock_run(struct sc_box *box) { (void)box; }
void sc_box_clock_advance(struct sc_box *box, int64_t ms) { box->clock_ms += ms; }

#define NOT_YET return SC_BOX_NOT_FOUND
const struct sc_box_switch *sc_box_switches(size_t *count) { *count = 0; return NULL; }
int sc_box_switch_set(struct sc_box *b, const char *n, const char *v) { (void)b; (void)n; (void)v; NOT_YET; }
const char *sc_box_switch_get(struct sc_box *b, const char *n) { (void)b; (void)n; return NULL; }
void sc_box_switch_reset(struct sc_box *b) { (void)b; }
int sc_box_event(struct sc_box *b, int64_t c, const char *m, enum sc_event e) { (void)b; (void)c; (void)m; (void)e; NOT_YET; }
int sc_box_campaign(struct sc_box *b, int64_t c, const char *s) { (void)b; (void)c; (void)s; NOT_YET; }
int sc_box_unsubscribe(struct sc_box *b, const char *m, int u) { (void)b; (void)m; (void)u; NOT_YET; }
int sc_box_field(struct sc_box *b, const char *n, int t, const char *f, const char *o) { (void)b; (void)n; (void)t; (void)f; (void)o; NOT_YET; }
int sc_box_segment_fail(struct sc_box *b, const char *s) { (void)b; (void)s; NOT_YET; }
int sc_box_reset(struct sc_box *b) { (void)b; NOT_YET; }
int sc_box_snapshot(struct sc_box *b, char **p, size_t *n) { (void)b; (void)p; (void)n; NOT_YET; }
int sc_box_restore(struct sc_box *b, const char *p, size_t n) { (void)b; (void)p; (void)n; NOT_YET; }
int sc_box_dump(struct sc_box *b, char **p, size_t *n) { (void)b; (void)p; (void)n; NOT_YET; }
