/* Lets the n-th allocation fail, for growing n, while a sandbox answers requests: ours
 * and SQLite's count alike. Whatever fails, the next thing is tried, a request is
 * answered or refused whole, and AddressSanitizer finds nothing lost. Past the first
 * hundreds n grows in steps. */
#include "fail.h"
#include "sandbox/front.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SQLite's allocator, with the same misfortune. */
static sqlite3_mem_methods sqlite;

static void *sqlite_malloc(int n)
{
    return fail_due(FAIL_C) ? NULL : sqlite.xMalloc(n);
}

static void *sqlite_realloc(void *p, int n)
{
    return fail_due(FAIL_C) ? NULL : sqlite.xRealloc(p, n);
}

static long wrong; /* answers that cannot be */

static void ask(struct sc_front *front, const char *method, const char *target,
                const char *body)
{
    static const struct sc_header headers[] = {
        {"Authorization", "Bearer YXBpX3VzZXI6YXBpX2tleQ=="},
        {"Content-Type", "application/json"},
    };
    struct sc_request request = {method, target, headers, 2, body, strlen(body)};
    struct sc_answer answer;
    const char *name, *value;
    size_t cursor = 0;

    if (sc_front_exchange(front, SC_WAY_PROCESS, &request, &answer) != SC_BOX_OK)
        return;
    if (answer.status != 0 && (answer.status < 200 || answer.status > 599))
        wrong++;
    while (sc_answer_header(&answer, &cursor, &name, &value))
        wrong += strchr(name, ' ') != NULL;
    sc_answer_free(&answer);
}

#define LISTS "/marketing/lists/"

static void requests(struct sc_front *front)
{
    ask(front, "POST", LISTS "members",
        "{\"members\":[{\"email\":\"a@qq.com\",\"name\":\"n\",\"fields\":{\"Age\":\"20\"}"
        ","
        "\"tags\":[\"vip\"]},{\"email\":\"b@x.org\"},{\"email\":\"no\"}],\"tagFlag\":1,"
        "\"updateExisting\":true}");
    ask(front, "POST", LISTS "listMembers?count=5",
        "{\"condition\":{\"relation\":\"and\",\"items\":[{\"fieldName\":\"Age\",\"op\":"
        "\">=\","
        "\"value\":\"18\"},{\"fieldName\":\"tag\",\"op\":\"==\",\"value\":\"vip\"}]}}");
    ask(front, "POST", LISTS "tags", "{\"tagName\":\"new\"}");
    ask(front, "GET", LISTS "tags?tagName=n&offset=0", "");
    ask(front, "POST", LISTS "segments",
        "{\"segmentName\":\"s\",\"type\":0,\"condition\":{\"relation\":\"or\",\"items\":["
        "{\"fieldName\":\"Email\",\"op\":\"contain\",\"value\":\"qq\"}]}}");
    sc_front_advance(front, 60);
    ask(front, "GET", LISTS "segments", "");
    ask(front, "DELETE", LISTS "members/8", "");
    ask(front, "POST", LISTS "members",
        "{\"members\":[{\"email\":\"b@x.org\",\"tags\":[\"new\",\"vip\"]},{\"email\":\"A@"
        "qq.com\","
        "\"name\":null,\"tags\":[\"\\u6559\\u80b2\"]}],\"tagFlag\":0,\"updateExisting\":"
        "true}");
    ask(front, "POST", LISTS "listMembers",
        "{\"condition\":{\"relation\":\"or\",\"items\":[{\"fieldName\":\"tag\",\"op\":"
        "\"contain\","
        "\"value\":\"e\"},{\"fieldName\":\"tag\",\"op\":\"!=\",\"value\":\"vip\"}]}}");
    ask(front, "DELETE", LISTS "members/delete-batch",
        "{\"condition\":{\"relation\":\"and\",\"items\":[{\"fieldName\":\"tag\",\"op\":"
        "\"==\","
        "\"value\":\"new\"}]}}");
}

static void scenario(void)
{
    struct sc_front_options options = {0};
    struct sc_front *front;
    struct sc_fault rule;
    char why[256];
    char *bytes = NULL;
    size_t len = 0;

    options.box.seed = 42;
    options.box.clock_ms = INT64_C(1767229200000);
    options.box.examples = 1;
    options.log_entries = 3;
    options.log_bytes = 100000;
    if (sc_front_open(&options, &front, why, sizeof why) != SC_BOX_OK)
        return;
    sc_faults_blank(&rule);
    rule.every = 3;
    rule.status = 429;
    rule.retry_form = SC_RETRY_DATE;
    rule.headers = "Content-Type: text/plain\nX-More: yes\n";
    rule.headers_len = strlen(rule.headers);
    sc_faults_add(front->faults, &rule, 0);
    requests(front);
    if (sc_box_snapshot(front->box, &bytes, &len) == SC_BOX_OK)
        sc_box_restore(front->box, bytes, len);
    sc_box_free(bytes);
    bytes = NULL;
    if (sc_box_dump(front->box, &bytes, &len) == SC_BOX_OK)
        wrong += len == 0;
    sc_box_free(bytes);
    sc_front_reset(front);
    requests(front);
    sc_front_close(front);
}

int main(void)
{
    sqlite3_mem_methods mine;
    long n = 0, failed = 0;
    int reached;

    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite);
    mine = sqlite;
    mine.xMalloc = sqlite_malloc;
    mine.xRealloc = sqlite_realloc;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &mine);
    scenario(); /* what is allocated once */
    do {
        n += 1 + n / 100;
        fail_arm(FAIL_C, n, 0);
        scenario();
        reached = fail_disarm();
        failed += reached;
    } while (reached);
    sqlite3_shutdown();
    printf("%ld allocations failed, one at a time; %ld wrong answers\n", failed, wrong);
    return wrong != 0 || failed < 100;
}
