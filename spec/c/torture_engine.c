/* The sandbox's engine with the n-th allocation failing, for every n: nothing crashes,
 * leaks or is half done. The engine allocates through SQLite alone, so SQLite's
 * allocator is replaced. */
#include "fail.h"
#include "sandbox/box.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

static sqlite3_mem_methods real;
static void *mem_malloc(int n)
{
    return fail_due(FAIL_C) ? NULL : real.xMalloc(n);
}

static void *mem_realloc(void *p, int n)
{
    return fail_due(FAIL_C) ? NULL : real.xRealloc(p, n);
}

static const struct {
    const char *method, *target, *body;
} script[] = {
    {"POST", "/marketing/lists/members",
     "{\"members\":[{\"email\":\"a@example.com\",\"name\":\"\\\"x\",\"fields\":{\"Age\":"
     "12,"
     "\"New\":\"x\",\"n\":null},\"tags\":[\"t\",\"u\"]},{\"email\":\"bad\"},"
     "{\"email\":\"b@example.com\",\"tags\":[\"t\"]}],\"tagFlag\":1,\"updateExisting\":"
     "true}"},
    {"POST", "/v1/marketing/lists/members",
     "{\"members\":[{\"email\":\"A@example.com\",\"phone\":null,\"tags\":[]}],"
     "\"tag_flag\":0,\"update_existing\":true}"},
    {"POST", "/marketing/lists/listMembers?count=1&offset=1", "{}"},
    {"POST", "/v1/marketing/lists/list_members",
     "{\"condition\":{\"relation\":\"or\",\"items\":[{\"field_name\":\"Age\",\"op\":\">"
     "\","
     "\"value\":\"1\"},{\"field_name\":\"tag\",\"op\":\"contain\",\"value\":\"T\"},"
     "{\"field_name\":\"createTime\",\"op\":\">\",\"value\":\"2020-01-01\"}]}}"},
    {"POST", "/marketing/lists/tags", "{\"tagName\":\"new\"}"},
    {"GET", "/marketing/lists/tags?tagName=t", NULL},
    {"POST", "/marketing/lists/segments",
     "{\"segmentName\":\"s\",\"type\":0,\"condition\":{\"relation\":\"and\",\"items\":["
     "{\"fieldName\":\"Email\",\"op\":\"contain\",\"value\":\"example\"}]}}"},
    {"GET", "/marketing/lists/segments", NULL},
    {"POST", "/marketing/lists/members", "{\"members\":[[["},
    {"DELETE", "/marketing/lists/members/delete-batch",
     "{\"condition\":{\"relation\":\"and\",\"items\":[{\"fieldName\":\"tag\",\"op\":\"=="
     "\","
     "\"value\":\"t\"}]}}"},
};

/* Asks; a failure of memory is a 500 or SC_BOX_NOMEM. Returns the status. */
static int ask(struct sc_box *box, size_t i)
{
    struct sc_header header = {"Authorization", "x"};
    struct sc_request request = {
        script[i].method, script[i].target,
        &header,          1,
        script[i].body,   script[i].body ? strlen(script[i].body) : 0};
    struct sc_response response;
    int status;

    if (sc_box_handle(box, &request, &response) != SC_BOX_OK)
        return 0;
    status = response.status;
    sc_response_free(&response);
    return status;
}

static char *dump(struct sc_box *box)
{
    char *json = NULL;
    size_t length;

    return sc_box_dump(box, &json, &length) == SC_BOX_OK ? json : NULL;
}

static struct sc_box *opened(void)
{
    struct sc_box_options options = {.seed = 42, .clock_ms = 1763773200000};
    struct sc_box *box = NULL;
    char error[100];

    if (sc_box_open(&options, &box, error, sizeof error) != SC_BOX_OK)
        return NULL;
    return sc_box_switch_set(box, "auth", "open") ||
                   sc_box_switch_set(box, "segment_ms", "0")
               ? NULL
               : box;
}

/* Opening with the n-th allocation failing. Returns whether it failed. */
static int open_once(long n)
{
    struct sc_box *box;
    int reached;

    fail_arm(FAIL_C, n, 0);
    box = opened();
    reached = fail_disarm();
    sc_box_close(box);
    return reached;
}

/* The requests up to the i-th as they should be, the i-th with its n-th allocation
 * failing: either it is done, or the store is as it was and the request can be
 * repeated. -1: neither. */
static int ask_once(size_t i, long n)
{
    struct sc_box *box = opened();
    char *before, *after;
    size_t k;
    int status, result;

    if (!box)
        return -1;
    for (k = 0; k < i; k++)
        ask(box, k);
    before = dump(box);
    fail_arm(FAIL_C, n, 0);
    status = ask(box, i);
    result = fail_disarm();
    after = dump(box);
    if (!before || !after ||
        ((status == 0 || status == 500) && strcmp(before, after) != 0))
        result = -1;
    if ((status == 0 || status == 500) && ask(box, i) >= 500)
        result = -1;
    sc_box_free(before);
    sc_box_free(after);
    sc_box_close(box);
    return result;
}

int main(void)
{
    sqlite3_mem_methods mine;
    long n, total = 0;
    size_t i;
    int result;

    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real);
    mine = real;
    mine.xMalloc = mem_malloc;
    mine.xRealloc = mem_realloc;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &mine);
    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
    sqlite3_initialize();
    for (n = 1; open_once(n); n++)
        total++;
    for (i = 0; i < sizeof script / sizeof *script; i++) {
        for (n = 1; (result = ask_once(i, n)) == 1; n++)
            total++;
        if (result < 0) {
            printf("request %zu, allocation %ld: half done\n", i, n);
            return 1;
        }
    }
    printf("%ld failing allocations\n", total);
    return 0;
}
