/* http_multi: the same calls as http_bench.lua by a plain C program over libcurl's multi interface,
 * with the same headers and limits; answers are kept until the next one comes.
 *
 *   http_multi URL CALLS IN_FLIGHT [ID]     prints wall and CPU seconds
 *
 * With an ID it does what a whole call does with its answer: the status is checked, and the JSON is
 * read into a struct of a member, which must be the one of that id. JSON by the library's own
 * scanner, which builds nothing: a program over a general JSON library would be slower. */
#include "core/json_read.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct answer {
    char body[65536], header[65536];
    size_t body_len, header_len;
};

static size_t keep_body(char *data, size_t size, size_t n, void *user)
{
    struct answer *a = user;

    if (a->body_len + size * n > sizeof a->body)
        return 0;
    memcpy(a->body + a->body_len, data, size * n);
    a->body_len += size * n;
    return size * n;
}

static size_t keep_header(char *data, size_t size, size_t n, void *user)
{
    struct answer *a = user;

    if (a->header_len + size * n > sizeof a->header)
        return 0;
    memcpy(a->header + a->header_len, data, size * n);
    a->header_len += size * n;
    return size * n;
}

/* --- members ------------------------------------------------------------------------ */

#define MOST 16 /* texts in a list */

struct member {
    char *id, *email, *phone, *name, *created, *updated;
    char *tag_ids[MOST], *tags[MOST];
    char *field_names[MOST], *fields[MOST];
    int64_t list_id, user_id;
    int tag_id_count, tag_count, field_count;
};

static int read_text(struct sc_json_scan *s, char **to)
{
    struct sc_json_text text;

    if (sc_json_scan_peek(s) != '"' || sc_json_scan_string(s, &text))
        return -1;
    free(*to);
    *to = malloc(text.len + 1);
    if (!*to)
        return -1;
    if (text.escaped)
        text.len = sc_json_unescape(&text, *to);
    else
        memcpy(*to, text.bytes, text.len);
    (*to)[text.len] = '\0';
    return 0;
}

static int read_integer(struct sc_json_scan *s, int64_t *to)
{
    struct sc_json_number number;

    sc_json_scan_peek(s);
    return sc_json_scan_number(s, &number) || !sc_json_integer(number.bytes, number.len, to) ? -1 : 0;
}

/* A list of texts, or with keys an object of them. */
static int read_texts(struct sc_json_scan *s, char close, char **keys, char **to, int *count)
{
    struct sc_json_text key;
    int rc = -1, first;

    if (sc_json_scan_peek(s) != (close == ']' ? '[' : '{') || sc_json_scan_enter(s))
        return -1;
    for (first = 1; (rc = sc_json_scan_next(s, close, first)) == 1; first = 0) {
        if (*count == MOST)
            return -1;
        if (keys) {
            if (sc_json_scan_key(s, &key))
                return -1;
            keys[*count] = strndup(key.bytes, key.len);
        }
        if (read_text(s, &to[(*count)++]))
            return -1;
    }
    return rc;
}

static int is(const struct sc_json_text *key, const char *name)
{
    return key->len == strlen(name) && memcmp(key->bytes, name, key->len) == 0;
}

static int read_value(struct sc_json_scan *s, const struct sc_json_text *key, struct member *m)
{
    if (is(key, "id"))
        return read_text(s, &m->id);
    if (is(key, "email"))
        return read_text(s, &m->email);
    if (is(key, "phone"))
        return read_text(s, &m->phone);
    if (is(key, "name"))
        return read_text(s, &m->name);
    if (is(key, "fields"))
        return read_texts(s, '}', m->field_names, m->fields, &m->field_count);
    if (is(key, "tagIds"))
        return read_texts(s, ']', NULL, m->tag_ids, &m->tag_id_count);
    if (is(key, "tagNames"))
        return read_texts(s, ']', NULL, m->tags, &m->tag_count);
    if (is(key, "listId"))
        return read_integer(s, &m->list_id);
    if (is(key, "userId"))
        return read_integer(s, &m->user_id);
    if (is(key, "createTime"))
        return read_text(s, &m->created);
    if (is(key, "updateTime"))
        return read_text(s, &m->updated);
    return sc_json_scan_peek(s) ? sc_json_scan_skip(s) : -1;
}

static int read_member(const char *bytes, size_t n, struct member *m)
{
    struct sc_json_scan s;
    struct sc_json_text key;
    int rc, first;

    sc_json_scan_init(&s, bytes, n);
    if (sc_json_scan_peek(&s) != '{' || sc_json_scan_enter(&s))
        return -1;
    for (first = 1; (rc = sc_json_scan_next(&s, '}', first)) == 1; first = 0) {
        if (sc_json_scan_key(&s, &key) || read_value(&s, &key, m))
            return -1;
    }
    return rc ? rc : sc_json_scan_finish(&s);
}

static void free_texts(char **texts, int n)
{
    while (n-- > 0)
        free(texts[n]);
}

static void free_member(struct member *m)
{
    char *texts[] = {m->id, m->email, m->phone, m->name, m->created, m->updated};

    free_texts(texts, 6);
    free_texts(m->tag_ids, m->tag_id_count);
    free_texts(m->tags, m->tag_count);
    free_texts(m->field_names, m->field_count);
    free_texts(m->fields, m->field_count);
}

/* Reads an answer, checks it and drops it. */
static void take(CURL *easy, const struct answer *a, const char *id)
{
    struct member m = {.id = NULL};
    long status = 0;

    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200 || read_member(a->body, a->body_len, &m) || !m.id || strcmp(m.id, id) != 0) {
        fprintf(stderr, "not the member\n");
        exit(1);
    }
    free_member(&m);
}

/* --- calls -------------------------------------------------------------------------- */

static double seconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    long calls = argc > 3 ? atol(argv[2]) : 0, begun = 0, finished = 0;
    long width = argc > 3 ? atol(argv[3]) : 1;
    CURLM *multi = curl_multi_init();
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    struct curl_slist *headers = NULL;
    CURLMsg *message;
    int left, running;

    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 256L);
    headers = curl_slist_append(headers, "Accept: application/json");
    headers = curl_slist_append(headers, "User-Agent: bench");
    headers = curl_slist_append(headers, "Authorization: Basic dXNlcjprZXk=");
    for (; begun < width && begun < calls; begun++) {
        CURL *easy = curl_easy_init();
        struct answer *a = calloc(1, sizeof *a);

        curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30000L);
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
        curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep_body);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, a);
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, keep_header);
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, a);
        curl_easy_setopt(easy, CURLOPT_PRIVATE, a);
        curl_multi_add_handle(multi, easy);
    }
    while (finished < calls) {
        curl_multi_perform(multi, &running);
        while ((message = curl_multi_info_read(multi, &left))) {
            CURL *easy = message->easy_handle;
            struct answer *a;
            char *private = NULL;

            curl_multi_remove_handle(multi, easy);
            finished++;
            curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
            a = (struct answer *)(void *)private;
            if (argc > 4)
                take(easy, a, argv[4]);
            a->body_len = a->header_len = 0;
            if (begun < calls) {
                begun++;
                curl_multi_add_handle(multi, easy);
            } else {
                curl_easy_cleanup(easy);
                free(a);
            }
        }
        if (running)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    printf("%.6f %.6f\n", seconds(CLOCK_MONOTONIC) - wall,
           seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    return 0;
}
