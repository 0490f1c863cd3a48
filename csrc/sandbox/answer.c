#include "answer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* --- an answer's headers ------------------------------------------------------------ */

/* Adds "Name: value\n"; a rule's lines come as they are, with name NULL. */
static int add_lines(struct sc_answer *answer, const char *name, const char *value,
                     size_t n)
{
    size_t before = name ? strlen(name) + 2 : 0;
    size_t len = before + n + (name ? 1 : 0);
    char *grown = realloc(answer->headers, answer->headers_len + len + 1);
    char *at;

    if (!grown)
        return SC_BOX_NOMEM;
    answer->headers = grown;
    at = grown + answer->headers_len;
    if (name) {
        memcpy(at, name, before - 2);
        memcpy(at + before - 2, ": ", 2);
    }
    memcpy(at + before, value, n);
    if (name)
        at[len - 1] = '\n';
    at[len] = '\0';
    answer->headers_len += len;
    return SC_BOX_OK;
}

static void cut_headers(struct sc_answer *answer)
{
    answer->headers_len = 0;
    if (answer->headers)
        answer->headers[0] = '\0';
}

static int add_header(struct sc_answer *answer, const char *name, const char *value)
{
    return add_lines(answer, name, value, strlen(value));
}

/* A header's line in a block of lines, or NULL. */
static char *find_line(char *lines, const char *name)
{
    size_t n = strlen(name);
    char *line = lines;

    while (line && *line) {
        if (strncasecmp(line, name, n) == 0 && line[n] == ':')
            return line;
        line = strchr(line, '\n');
        line += line != NULL;
    }
    return NULL;
}

/* A rule's headers come to the others; its Content-Type takes the place of the true
 * one. */
static int add_rule_headers(struct sc_answer *answer, const struct sc_fault *rule)
{
    char *old = answer->headers ? find_line(answer->headers, "Content-Type") : NULL;
    int status = add_lines(answer, NULL, rule->headers, rule->headers_len);
    char *end;

    if (status != SC_BOX_OK || !old)
        return status;
    old = find_line(answer->headers, "Content-Type");
    end = strchr(old, '\n') + 1;
    if (!find_line(end, "Content-Type"))
        return status;
    memmove(old, end, answer->headers_len - (size_t)(end - answer->headers) + 1);
    answer->headers_len -= (size_t)(end - old);
    return status;
}

/* Seconds since 1970 as HTTP writes them (RFC 9110, 5.6.7), whatever the locale. */
int sc_answer_add_date(struct sc_answer *answer, const char *name, int64_t seconds)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t when = (time_t)seconds;
    struct tm tm;
    char text[64];

    if (!gmtime_r(&when, &tm))
        return SC_BOX_OK;
    snprintf(text, sizeof text, "%.3s, %02d %.3s %d %02d:%02d:%02d GMT",
             days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900,
             tm.tm_hour, tm.tm_min, tm.tm_sec);
    return add_header(answer, name, text);
}

int sc_answer_header(struct sc_answer *answer, size_t *cursor, const char **name,
                     const char **value)
{
    char *line = answer->headers + *cursor;
    char *colon;
    char *end;

    if (*cursor >= answer->headers_len)
        return 0;
    colon = strchr(line, ':');
    end = strchr(line, '\n');
    if (!colon || !end || colon > end)
        return 0;
    *colon = '\0';
    *end = '\0';
    *name = line;
    *value = colon + 1 + strspn(colon + 1, " ");
    *cursor = (size_t)(end + 1 - answer->headers);
    return 1;
}

static void drop_body(struct sc_answer *answer)
{
    sc_box_free(answer->engine_body);
    free(answer->made_body);
    answer->body = answer->engine_body = answer->made_body = NULL;
    answer->body_len = 0;
}

void sc_answer_free(struct sc_answer *answer)
{
    free(answer->headers);
    drop_body(answer);
    memset(answer, 0, sizeof *answer);
}

/* --- what a fault makes of an answer ------------------------------------------------ */

static const char *phrase(int status)
{
    switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "resource not found";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Payload Too Large";
    case 429: return "Too Many Requests";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return status >= 500 ? "Internal Server Error" : "fault of the sandbox";
    }
}

static const char PAGE[] =
    "<!DOCTYPE html>\n<html><head><title>Bad Gateway</title></head>\n"
    "<body><h1>Bad Gateway</h1><p>An answer of the sandbox that is no "
    "JSON.</p></body></html>\n";

/* Puts other bytes in the place of a response's body. */
static int put_body(struct sc_answer *answer, const char *bytes, size_t n)
{
    char *copy = malloc(n + 1);

    if (!copy)
        return SC_BOX_NOMEM;
    memcpy(copy, bytes, n);
    copy[n] = '\0';
    drop_body(answer);
    answer->body = answer->made_body = copy;
    answer->body_len = n;
    return SC_BOX_OK;
}

/* Whether a rule has an answer of its own, so that the engine need not be asked for
 * one. */
static int is_made_up(const struct sc_fault *rule)
{
    return rule->status != 0 || rule->html || rule->error_body != 0;
}

static int retry_header(struct sc_box *box, const struct sc_fault_hit *hit,
                        struct sc_answer *answer)
{
    const struct sc_fault *rule = hit->rule;
    double wait = ceil(rule->retry_after < 0 ? fmax(hit->wait, 1) : rule->retry_after);
    char text[32];

    if (rule->retry_form == SC_RETRY_NONE)
        return SC_BOX_OK;
    if (rule->retry_form == SC_RETRY_DATE)
        return sc_answer_add_date(answer, "Retry-After",
                                  (sc_box_clock(box) + 999) / 1000 + (int64_t)wait);
    snprintf(text, sizeof text, "%.0f", wait);
    return add_header(answer, "Retry-After", text);
}

/* Moves what the engine answered into an answer of ours. */
static int take(struct sc_response *response, struct sc_answer *answer)
{
    size_t i;
    int status = SC_BOX_OK;

    answer->status = response->status;
    if (response->content_type)
        status = add_header(answer, "Content-Type", response->content_type);
    for (i = 0; status == SC_BOX_OK && i < response->header_count; i++)
        status =
            add_header(answer, response->headers[i].name, response->headers[i].value);
    drop_body(answer);
    answer->body = answer->engine_body = response->body;
    answer->body_len = response->body_len;
    response->body = NULL;
    sc_response_free(response);
    return status;
}

int sc_answer_ask(struct sc_box *box, const struct sc_request *request,
                  struct sc_answer *answer)
{
    struct sc_response response = {0};
    int status = sc_box_handle(box, request, &response);

    return status == SC_BOX_OK ? take(&response, answer) : status;
}

int sc_answer_refuse(struct sc_box *box, const struct sc_request *request, int said,
                     struct sc_answer *answer)
{
    struct sc_response response = {0};
    int status = sc_box_refuse(box, request, said, "", phrase(said), &response);

    return status == SC_BOX_OK ? take(&response, answer) : status;
}

/* The answer that a rule makes up. */
static int make_up(struct sc_box *box, const struct sc_request *request,
                   const struct sc_fault *rule, struct sc_answer *answer)
{
    int said = rule->error_body != 0 ? rule->error_body : rule->status;
    int status;

    answer->status = rule->status != 0 ? rule->status : 200;
    if (answer->status == 204 || answer->status == 304)
        return SC_BOX_OK;
    if (rule->html) {
        status = add_header(answer, "Content-Type", "text/html; charset=utf-8");
        return status == SC_BOX_OK ? put_body(answer, PAGE, sizeof PAGE - 1) : status;
    }
    if (rule->body)
        return add_header(answer, "Content-Type", "application/json;charset=UTF-8");
    status = sc_answer_refuse(box, request, said, answer);
    answer->status = rule->status != 0 ? rule->status : 200;
    return status;
}

int sc_answer_forge(struct sc_box *box, const struct sc_request *request,
                    const struct sc_fault_hit *hit, struct sc_answer *answer)
{
    const struct sc_fault *rule = hit->rule;
    struct sc_request stripped = *request;
    int made_up = is_made_up(rule);
    int status = SC_BOX_OK;

    if (rule->strip) {
        stripped.body = "";
        stripped.body_len = 0;
        request = &stripped;
    }
    answer->delivery.reset = rule->reset;
    answer->delivery.delay = hit->delay;
    answer->delivery.drip = rule->drip;
    answer->delivery.content_length = rule->content_length;
    if (!made_up && rule->reset != SC_RESET_BEFORE && rule->reset != SC_RESET_CONNECT)
        status = sc_answer_ask(box, request, answer);
    if (made_up && rule->applied) {
        status = sc_answer_ask(box, request, answer);
        drop_body(answer);
        cut_headers(answer);
    }
    if (status == SC_BOX_OK && made_up)
        status = make_up(box, request, rule, answer);
    if (status == SC_BOX_OK && rule->body)
        status = put_body(answer, rule->body, rule->body_len);
    if (status == SC_BOX_OK && rule->headers)
        status = add_rule_headers(answer, rule);
    if (status == SC_BOX_OK)
        status = retry_header(box, hit, answer);
    answer->delivery.truncate = rule->truncate;
    if (rule->truncate == -2)
        answer->delivery.truncate = (int64_t)(answer->body_len / 2);
    if (rule->reset != SC_RESET_NONE)
        answer->status = 0;
    return status;
}
