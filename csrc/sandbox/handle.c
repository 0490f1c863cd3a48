/* One request from bytes to bytes: route, credentials, query, body, transaction, answer.
 */
#include "database.h"
#include "dialect.h"
#include "fields.h"
#include "json.h"
#include "judge.h"
#include "route.h"
#include "segments.h"
#include "store.h"
#include "wire.h"

#include <string.h>

/* Headers of an answer, in the memory of response->own. */
struct extra {
    char allow[SC_ALLOW_MAX];
    char assumed[2048];
};
/* base64("api_user:api_key"): what the examples of both documents say. */
static const char EXAMPLE[] = "YXBpX3VzZXI6YXBpX2tleQ==";

static int is_accepted(const struct sc_call *call, const char *value)
{
    const char *scheme = call->dialect->scheme;

    return sc_wire_authorized(value, scheme, call->box->credential) ||
           (call->box->examples && sc_wire_authorized(value, scheme, EXAMPLE));
}

static int check_credentials(struct sc_call *call)
{
    const struct sc_request *request = call->request;
    size_t i;

    if (sc_switches_peek(call->box, SC_SW_AUTH) == 1)
        return SC_DONE;
    for (i = 0; i < request->header_count; i++)
        if (sqlite3_stricmp(request->headers[i].name, "Authorization") == 0 &&
            is_accepted(call, request->headers[i].value))
            return SC_DONE;
    return sc_call_refuse(call, 401, "",
                          call->dialect == &sc_sendcloud ? "Unauthorized"
                                                         : "Authentication failed");
}

/* Cuts the query of call->target into params. */
static int read_query(struct sc_call *call, char *query)
{
    char *next, *value;

    for (; query && call->param_count < SC_PARAMS_MAX; query = next) {
        next = strchr(query, '&');
        if (next)
            *next++ = '\0';
        value = strchr(query, '=');
        if (value)
            *value++ = '\0';
        else
            value = query + strlen(query);
        if (sc_wire_decode(query, 1) < 0 || sc_wire_decode(value, 1) < 0)
            return sc_call_refuse(call, 400, "",
                                  "the query is not percent-encoded UTF-8");
        call->params[call->param_count].name = query;
        call->params[call->param_count++].value = value;
    }
    return SC_DONE;
}

/* Where there is white space around an id, whether it counts. */
static void trim_id(struct sc_call *call, char *id)
{
    static const char space[] = " \t";
    size_t before = strspn(id, space), end = strlen(id);

    if (*id && (before || strchr(space, id[end - 1])) &&
        sc_switches_get(call->box, SC_SW_TRIM_IDS) == 1) {
        while (end > before && strchr(space, id[end - 1]))
            end--;
        id[end] = '\0';
        call->id = id + before;
    }
}

/* Copies the target and decodes what is needed of it. */
static int read_target(struct sc_call *call, const char *id, size_t id_len)
{
    const char *target = call->request->target;
    char *query, *own;

    call->target = sqlite3_mprintf("%s", target);
    if (!call->target)
        return sc_box_fail(call->box, "out of memory");
    query = strchr(call->target, '?');
    if (query)
        *query++ = '\0';
    if (id) {
        own = call->target + (id - target);
        own[id_len] = '\0';
        if (sc_wire_decode(own, 0) < 0)
            return sc_call_refuse(call, 400, "", "the path is not percent-encoded UTF-8");
        call->id = own;
        trim_id(call, own);
    }
    return query ? read_query(call, query) : SC_DONE;
}

static int read_body(struct sc_call *call)
{
    const struct sc_request *request = call->request;

    call->body = "{}";
    call->body_len = 2;
    if (request->body_len == 0)
        return SC_DONE;
    if (request->body_len > call->box->max_body)
        return sc_call_refuse(call, 413, "", "the body is larger than %lld bytes",
                              (long long)call->box->max_body);
    if (sc_wire_characters(request->body, request->body_len) < 0)
        return sc_call_refuse(call, 400, "", "the body is not UTF-8");
    if (!sc_wire_json_bytes(request->body, request->body_len))
        return sc_call_refuse(call, 400, "",
                              "the body holds a NUL or half a surrogate pair");
    call->body = request->body;
    call->body_len = (int)request->body_len;
    if (!sc_judge_json(request->body, request->body_len))
        return sc_call_refuse(call, 400, "", "the body is not JSON");
    if (sc_json_type(sc_json_begin(call->body)) != SC_JSON_OBJECT)
        return sc_call_refuse(call, 400, "", "the body must be a JSON object");
    return SC_DONE;
}

/* What the clock brought about since the last request. */
static int catch_up(struct sc_box *box)
{
    if (sc_box_clock(box) < box->due)
        return SC_DONE;
    if (sc_database_begin(box) || sc_segments_tick(box) || sc_database_commit(box)) {
        sc_database_rollback(box);
        return SC_FAILED;
    }
    box->version++;
    return SC_DONE;
}

static int transact(struct sc_call *call, const struct sc_route_row *row)
{
    struct sc_box *box = call->box;
    int64_t due = box->due;
    int fields = box->field_count, outcome;

    if (sc_database_begin(box))
        return SC_FAILED;
    outcome = row->run(call);
    if (outcome == SC_DONE && (row->flags & SC_ROUTE_WRITE) &&
        strncmp(row->operation, "segments.", 9) != 0)
        outcome = sc_segments_follow(box);
    if (box->failing || (outcome == SC_DONE && sqlite3_str_errcode(call->out)))
        outcome = sc_box_fail(box, "out of memory"); /* no answer, no change */
    if (outcome == SC_DONE && sc_database_commit(box) == SC_DONE) {
        if (row->flags & SC_ROUTE_WRITE)
            box->version++;
        return SC_DONE;
    }
    sc_database_rollback(box);
    box->due = due;
    if (fields != box->field_count && sc_fields_load(box))
        return SC_FAILED;
    return outcome == SC_DONE ? SC_FAILED : outcome;
}

static int run(struct sc_call *call, struct extra *extra)
{
    const char *id;
    size_t id_len;
    int status, outcome;
    const struct sc_route_row *row =
        sc_route_find(call->request->method, call->request->target, &id, &id_len, &status,
                      extra->allow);

    if (row && (row->flags & SC_ROUTE_MORE) &&
        sc_switches_get(call->box, SC_SW_ENGAGELAB_MORE) == 1) {
        row = NULL;
        status = 404;
    }
    if (!row && status == 405 && sc_switches_get(call->box, SC_SW_WRONG_METHOD) == 1) {
        extra->allow[0] = '\0';
        status = 404;
    }
    if (!row && status == 405)
        return sc_call_refuse(call, 405, "", "method not allowed");
    if (!row && call->dialect == &sc_engagelab) {
        call->status = 404;
        call->plain = 1;
        sqlite3_str_appendall(call->out, "not found");
        return SC_REFUSED;
    }
    if (!row)
        return sc_call_missing(call);
    extra->allow[0] = '\0';
    call->operation = row->operation;
    outcome = check_credentials(call);
    if (outcome == SC_DONE)
        outcome = read_target(call, id, id_len);
    if (outcome == SC_DONE && (row->flags & SC_ROUTE_BODY))
        outcome = read_body(call);
    return outcome == SC_DONE ? transact(call, row) : outcome;
}

static void list_assumed(const struct sc_box *box, struct extra *extra)
{
    size_t count, length = 0;
    const struct sc_box_switch *all = sc_box_switches(&count);
    size_t i;

    for (i = 0; i < count; i++) {
        if (!(box->assumed >> i & 1))
            continue;
        sqlite3_snprintf((int)(sizeof extra->assumed - length), extra->assumed + length,
                         "%s%s", length ? ", " : "", all[i].name);
        length = strlen(extra->assumed);
    }
}

static void add_header(struct sc_response *response, const char *name, const char *value)
{
    if (!*value)
        return;
    response->headers[response->header_count].name = name;
    response->headers[response->header_count++].value = value;
}

/* Moves the answer out of the call. */
static int deliver(struct sc_call *call, struct extra *extra,
                   struct sc_response *response)
{
    response->status = call->status;
    response->operation = call->operation;
    response->dialect = call->dialect->name;
    if (sqlite3_str_errcode(call->out))
        return SC_BOX_NOMEM;
    list_assumed(call->box, extra);
    response->own = (char *)extra;
    add_header(response, "Allow", extra->allow);
    add_header(response, "X-Sandbox-Assumed", extra->assumed);
    response->body_len = (size_t)sqlite3_str_length(call->out);
    if (response->body_len) {
        response->content_type =
            call->plain ? "text/plain; charset=utf-8" : "application/json; charset=utf-8";
        response->body = sqlite3_str_finish(call->out);
        call->out = NULL;
    }
    return SC_BOX_OK;
}

/* A call with its answer's memory; refused: NULL, or what to answer instead of running
 * it. */
static int answer(struct sc_box *box, const struct sc_request *request, int status,
                  const char *parameter, const char *message,
                  struct sc_response *response)
{
    struct sc_call call = {.box = box, .request = request, .status = 200};
    struct extra *extra = sqlite3_malloc(sizeof *extra);
    int outcome;

    memset(response, 0, sizeof *response);
    call.dialect = sc_route_dialect(request->target);
    call.out = sqlite3_str_new(box->db);
    if (!extra) {
        sqlite3_free(sqlite3_str_finish(call.out));
        return SC_BOX_NOMEM;
    }
    memset(extra, 0, sizeof *extra);
    outcome = message ? SC_DONE : catch_up(box);
    box->assumed = 0;
    box->detail = box->no_list_id = 0;
    box->failing = 0;
    if (outcome == SC_DONE)
        outcome = message ? sc_call_refuse(&call, status, parameter, "%s", message)
                          : run(&call, extra);
    if (outcome == SC_FAILED)
        outcome = sc_call_refuse(&call, 500, "", "the sandbox failed: %s", box->error);
    sqlite3_free(call.target);
    outcome = outcome == SC_FAILED ? SC_BOX_NOMEM : deliver(&call, extra, response);
    if (call.out)
        sqlite3_free(sqlite3_str_finish(call.out));
    if (outcome != SC_BOX_OK) {
        sqlite3_free(extra);
        memset(response, 0, sizeof *response);
    }
    return outcome;
}

int sc_box_handle(struct sc_box *box, const struct sc_request *request,
                  struct sc_response *response)
{
    int outcome;

    box->moment_ms = sc_box_clock(box);
    box->answering = 1;
    outcome = answer(box, request, 0, NULL, NULL, response);
    box->answering = 0;
    return outcome;
}

int sc_box_refuse(struct sc_box *box, const struct sc_request *request, int status,
                  const char *parameter, const char *message,
                  struct sc_response *response)
{
    return answer(box, request, status, parameter, message, response);
}

void sc_response_free(struct sc_response *response)
{
    sqlite3_free(response->body);
    sqlite3_free(response->own);
    memset(response, 0, sizeof *response);
}
