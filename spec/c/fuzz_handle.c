/* Feeds requests to a sandbox's front, in process: everything that HTTP could bring, and
 * faults.
 *
 * An input is a run of requests, each: a byte that chooses the method and whether the
 * credentials are right, a target up to a newline, a body up to a NUL byte. State is kept
 * from one request of an input to the next and forgotten between inputs. A request without
 * a method whose target begins with = is a switch: its place in the table, the place of
 * the choice, a byte each. */
#include "fuzz.h"
#include "sandbox/engine.h"
#include "sandbox/front.h"

#include <string.h>

#define REQUESTS_MAX 64

static struct sc_front *front;

static void start(void)
{
    struct sc_front_options options = {0};
    char why[256];

    options.box.seed = 42;
    options.box.clock_ms = INT64_C(1767229200000);
    options.box.examples = 1;
    options.log_entries = 16;
    options.log_bytes = 1 << 20;
    if (sc_front_open(&options, &front, why, sizeof why) != SC_BOX_OK) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
}

/* A fault that the byte describes; most describe none. */
static void add_fault(unsigned char byte)
{
    struct sc_fault rule;

    if (byte < 0xE0)
        return;
    sc_faults_blank(&rule);
    rule.times = 1;
    rule.applied = byte & 1;
    switch ((byte >> 1) & 7) {
    case 0:
        rule.status = 503;
        rule.retry_form = SC_RETRY_DATE;
        break;
    case 1: rule.error_body = 400; break;
    case 2: rule.html = 1; break;
    case 3: rule.reset = SC_RESET_AFTER; break;
    case 4: rule.truncate = -2; break;
    case 5:
        rule.body = "{";
        rule.body_len = 1;
        break;
    case 6:
        rule.headers = "Content-Type: text/plain\n";
        rule.headers_len = 25;
        break;
    default:
        rule.rate = 1;
        rule.burst = 1;
        rule.status = 429;
        rule.retry_form = SC_RETRY_SECONDS;
    }
    sc_faults_add(front->faults, &rule, sc_front_now(front));
}

static void check(struct sc_answer *answer)
{
    const char *name, *value;
    size_t cursor = 0;

    MUST(answer->status == 0 || (answer->status >= 200 && answer->status <= 599));
    MUST(answer->status != 204 || answer->body_len == 0);
    while (sc_answer_header(answer, &cursor, &name, &value))
        MUST(!strchr(value, '\r') && !strchr(name, ' '));
}

static void ask(unsigned char byte, const char *target, const char *body, size_t len)
{
    static const char *const methods[] = {"POST",   "GET",  "PATCH", "PUT",
                                          "DELETE", "HEAD", "BREW",  ""};
    struct sc_header headers[2] = {{"Content-Type", "application/json"},
                                   {"Authorization", "Bearer YXBpX3VzZXI6YXBpX2tleQ=="}};
    struct sc_request request = {0};
    struct sc_answer answer;

    if (byte & 8)
        headers[1].value = "Basic YXBpX3VzZXI6YXBpX2tleQ==";
    request.method = methods[byte & 7];
    request.target = target;
    request.headers = headers;
    request.header_count = (byte & 0x30) == 0x30 ? 1 : 2;
    request.body = body;
    request.body_len = len;
    add_fault(byte);
    if (sc_front_exchange(front, SC_WAY_PROCESS, &request, &answer) != SC_BOX_OK)
        return;
    check(&answer);
    sc_answer_free(&answer);
}

/* Forgets what an input did. Making the tables anew takes far longer than most inputs,
 * which come to nothing. */
static void forget(int64_t version)
{
    if (front->box->version != version) {
        MUST(sc_front_reset(front) == SC_BOX_OK);
        return;
    }
    sc_faults_clear(front->faults);
    sc_log_clear(front->log);
    sc_front_clock_set(front, front->start_ms);
}

/* Whether a target says a switch, which is then set. */
static int turn(const char *target)
{
    size_t count, n = 0;
    const struct sc_box_switch *row = sc_box_switches(&count);
    char choice[24];
    const char *at;

    if (target[0] != '=' || !target[1] || !target[2])
        return 0;
    row += (unsigned char)target[1] % count;
    at = row->choices;
    for (n = (unsigned char)target[2] % 3; n && strchr(at, '|'); n--)
        at = strchr(at, '|') + 1;
    snprintf(choice, sizeof choice, "%.*s", (int)strcspn(at, "|"), at);
    if (strcmp(row->choices, "number") == 0)
        snprintf(choice, sizeof choice, "%d", target[2] & 1);
    MUST(sc_box_switch_set(front->box, row->name, choice) == SC_BOX_OK);
    return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    char *end = text + size;
    char *at = text;
    int64_t version;
    int i, turned = 0;

    if (!text)
        return 0;
    if (!front)
        start();
    version = front->box->version;
    memcpy(text, data, size);
    *end = '\0';
    for (i = 0; i < REQUESTS_MAX && at < end; i++) {
        unsigned char byte = (unsigned char)*at++;
        char *line = memchr(at, '\n', (size_t)(end - at));
        char *target = at;
        size_t len;

        if (!line)
            break;
        *line = '\0';
        at = line + 1;
        len = strlen(at); /* the body ends with a NUL, as the server's do */
        if ((byte & 7) == 7 && turn(target))
            turned = 1;
        else
            ask(byte, target, at, len);
        at += len + 1;
        sc_front_advance(front, (byte & 0x40) ? 5 : 0);
    }
    if (turned)
        sc_box_switch_reset(front->box);
    forget(version);
    free(text);
    return 0;
}
