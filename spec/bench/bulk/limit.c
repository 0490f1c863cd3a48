/* limit: the same jobs by a C program over libcurl's multi interface: what C can do.
 *
 *   limit import|send|export|fetch URL IN_FLIGHT ROWS FILE
 *
 * import streams the CSV of data.lua into request bodies of 1,000 and walks every answer; send
 * posts one body, made before, again and again: the transport alone. export asks for pages of
 * 100, turns them into CSV, or (by FILE's name) copies the members into JSONL, and writes them in
 * order; fetch does not look at them. No retries, no checks of UTF-8, no verdicts, nobody left
 * out, no keys renamed in JSONL: it is the limit, not a rival. Cutting rows and writing CSV is the
 * library's own C; requests, bodies, answers and JSONL are plain code of this file. */
#include "core/csv.h"
#include "core/lines.h"
#include "core/scan.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 1000
#define PAGE 100
#define PIECE 65536
#define MOST 64

struct slot {
    CURL *easy;
    struct sc_buf body, answer;
    char url[512];
    long number; /* of the page */
    int flying, ready;
};

struct job {
    CURLM *multi;
    struct curl_slist *headers;
    struct slot slots[MOST];
    int in_flight, busy, importing, looking, json;
    const char *url;
    long rows, done, next, written;
    FILE *file;
    struct sc_csv csv;
    struct sc_lines lines;
    struct sc_buf out, ids;
    struct sc_buf ready_body;
};

static void must(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "limit: %s\n", what);
        exit(1);
    }
}

/* ---- import ---- */

static const char *const keys[] = {
    "{\"email\":\"", ",\"phone\":\"", ",\"name\":\"", "\"Birthday\":\"",
    "\"Age\":\"",    "\"Gender\":\"", "\"City\":\""};

static char *put(char *to, const char *s)
{
    size_t n = strlen(s);

    memcpy(to, s, n);
    return to + n;
}

static char *put_value(char *to, const struct sc_csv_cell *cell, unsigned flags)
{
    if (!(flags & SC_CSV_SPECIAL)) {
        to = sc_scan_copy(to, cell->at, cell->len);
    } else {
        for (size_t i = 0; i < cell->len; i++) {
            if (cell->at[i] == '"' || cell->at[i] == '\\')
                *to++ = '\\';
            *to++ = cell->at[i];
        }
    }
    *to++ = '"';
    return to;
}

static char *put_member(char *to, const struct sc_csv *c)
{
    const char *s, *end;

    for (size_t i = 0; i < 3; i++)
        if (c->cells[i].len)
            to = put_value(put(to, keys[i]), &c->cells[i], c->flags);
    to = put(to, ",\"fields\":{");
    for (size_t i = 3; i < 7; i++)
        if (c->cells[i].len) {
            to = put_value(put(to, keys[i]), &c->cells[i], c->flags);
            *to++ = ',';
        }
    if (to[-1] == ',')
        to--;
    to = put(to, "},\"tags\":[");
    for (s = c->cells[7].at, end = s + c->cells[7].len; s < end;) {
        const char *stop = sc_scan_byte(s, end, ';');
        struct sc_csv_cell tag = {s, (uint32_t)(stop - s), 0};

        *to++ = '"';
        to = put_value(to, &tag, c->flags);
        *to++ = ',';
        s = stop + 1;
    }
    if (to[-1] == ',')
        to--;
    return put(to, "]},");
}

/* Fills a request; returns how many members it has. */
static int fill(struct job *j, struct sc_buf *b)
{
    int n = 0;

    b->len = 0;
    must(!sc_buf_add(b, "{\"members\":[", 12), "memory");
    while (n < BATCH && n < j->rows - j->next) {
        int status = sc_csv_next(&j->csv);

        if (status == SC_CSV_MORE) {
            must(!sc_csv_feed_room(&j->csv, PIECE), "memory");
            sc_csv_fed(&j->csv, fread(j->csv.window.data + j->csv.window.len, 1, PIECE, j->file));
            if (feof(j->file))
                sc_csv_finish(&j->csv);
            continue;
        }
        if (status == SC_CSV_END)
            break;
        must(status == SC_CSV_ROW && j->csv.count == 8, "a row that data.lua does not make");
        must(!sc_buf_reserve(b, j->csv.row_len * 2 + 200), "memory");
        b->len = (size_t)(put_member(b->data + b->len, &j->csv) - b->data);
        n++;
    }
    b->len -= n ? 1 : 0;
    must(!sc_buf_add(b, "],\"tagFlag\":1,\"updateExisting\":true}", 36), "memory");
    return n;
}

/* Walks every string of an answer; returns how many there were. */
static long walk(struct sc_buf *b)
{
    const char *s, *end;
    long n = 0;

    must(!sc_buf_reserve(b, 0), "memory");
    memset(b->data + b->len, '"', SC_BUF_PAD);
    for (s = b->data, end = s + b->len; s < end; s++, n++) {
        s = sc_scan_either(s, '"', '"');
        if (s >= end)
            break;
        for (s = sc_scan_either(s + 1, '"', '\\'); *s == '\\';)
            s = sc_scan_either(s + 2, '"', '\\');
    }
    return n;
}

/* ---- export ---- */

static void add_part(struct sc_lines *l, const char *name, const char *key)
{
    char json[64];
    int n = snprintf(json, sizeof json, "\"%s\":", name);

    must(!sc_lines_name(l, key, strlen(key), &l->keys[l->key_count].name), "memory");
    must(!sc_lines_text(l, json, (size_t)n, &l->part_names[l->part_count]), "memory");
    l->keys[l->key_count++].part = (uint8_t)l->part_count++;
}

static void begin_lines(struct job *j)
{
    static const char *const names[] = {
        "id", "email", "phone", "name", "fields", "tags", "tagNames", "listId", "userId",
        "createTime", "updateTime", "unsubscribeTime", "createTimeFmt", "updateTimeFmt",
        "unsubscribeTimeFmt"};
    static const int columns[] = {1, 2, 3, 6};
    struct sc_lines *l = &j->lines;

    sc_lines_init(l);
    l->separator = ',';
    l->finding = 1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        add_part(l, names[i], names[i]);
    l->fields_part = 4;
    must(!sc_lines_name(l, "list", 4, &l->list_keys[0].name), "memory");
    must(!sc_lines_name(l, "total", 5, &l->total_keys[0].name), "memory");
    l->list_count = l->total_count = 1;
    for (size_t i = 0; i < 4; i++)
        must(!sc_lines_column(l, names[columns[i]], strlen(names[columns[i]]), columns[i]),
             "memory");
}

/* The end of the string whose content begins at s. */
static const char *string_end(const char *s)
{
    for (s = sc_scan_either(s, '"', '\\'); *s == '\\';)
        s = sc_scan_either(s + 2, '"', '\\');
    return s;
}

/* JSONL: each member is copied as it stands. Returns how many there were. */
static size_t copy_members(const char *s, const char *end, struct sc_buf *out)
{
    const char *from = NULL;
    size_t n = 0;
    int depth = 0;

    must(!sc_buf_reserve(out, (size_t)(end - s)), "memory");
    for (; s < end; s++) {
        if (*s == '"') {
            s = string_end(s + 1);
        } else if (*s == '{') {
            if (++depth == 2)
                from = s;
        } else if (*s == '}' && --depth == 1) {
            memcpy(out->data + out->len, from, (size_t)(s + 1 - from));
            out->len += (size_t)(s + 1 - from);
            out->data[out->len++] = '\n';
            n++;
        }
    }
    return n;
}

/* Turns a page into lines. */
static size_t write_page(struct job *j, struct sc_buf *answer)
{
    struct sc_lines_page page;
    size_t n;

    must(!sc_buf_reserve(answer, 0), "memory");
    if (j->json) {
        memset(answer->data + answer->len, '"', SC_BUF_PAD);
        n = copy_members(answer->data, answer->data + answer->len, &j->out);
        must(n > 0, "an answer that is no page");
        return n;
    }
    memset(answer->data + answer->len, 0, SC_BUF_PAD);
    must(!sc_lines_page(&j->lines, answer->data, answer->len, &j->out, &j->ids, &page),
         "an answer that is no page");
    return page.written;
}

static void write_ready(struct job *j)
{
    for (int again = 1; again;) {
        again = 0;
        for (int i = 0; i < j->in_flight; i++) {
            struct slot *s = &j->slots[i];

            if (!s->ready || s->number != j->written)
                continue;
            if (j->looking) {
                j->done += (long)write_page(j, &s->answer);
                if (j->out.len > PIECE * 4) {
                    fwrite(j->out.data, 1, j->out.len, j->file);
                    j->out.len = 0;
                }
            } else {
                j->done += PAGE;
            }
            s->ready = 0;
            j->written++;
            again = 1;
        }
    }
}

/* ---- requests ---- */

static size_t keep(char *data, size_t size, size_t n, void *user)
{
    return sc_buf_add(user, data, size * n) ? 0 : size * n;
}

/* BBR stalls on loopback now and then. */
static int calm(void *user, curl_socket_t fd, curlsocktype purpose)
{
    (void)user;
    (void)purpose;
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
    return CURL_SOCKOPT_OK;
}

static void prepare(struct job *j, struct slot *s)
{
    CURL *e = s->easy = curl_easy_init();

    sc_buf_init(&s->body, (size_t)1 << 24);
    sc_buf_init(&s->answer, (size_t)1 << 26);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, j->headers);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, &s->answer);
    curl_easy_setopt(e, CURLOPT_PRIVATE, s);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, calm);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 65536L);
    curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, 262144L);
    curl_easy_setopt(e, CURLOPT_POST, 1L);
}

/* Starts the next request in the slot; returns whether there was one. */
static int start(struct job *j, struct slot *s)
{
    const struct sc_buf *body = &s->body;

    if (j->next >= j->rows)
        return 0;
    if (j->importing) {
        int n = j->looking ? fill(j, &s->body) : BATCH;

        if (!n)
            return 0;
        body = j->looking ? &s->body : &j->ready_body;
        j->next += n;
        snprintf(s->url, sizeof s->url, "%s/marketing/lists/members", j->url);
    } else {
        s->body.len = 0;
        must(!sc_buf_add(&s->body, "{}", 2), "memory");
        snprintf(s->url, sizeof s->url, "%s/marketing/lists/listMembers?offset=%ld&count=%d",
                 j->url, j->next, PAGE);
        s->number = j->next / PAGE;
        j->next += PAGE;
    }
    s->answer.len = 0;
    curl_easy_setopt(s->easy, CURLOPT_URL, s->url);
    curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE, (long)body->len);
    curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, body->data);
    must(!curl_multi_add_handle(j->multi, s->easy), "curl");
    j->busy++;
    return 1;
}

static void finished(struct job *j, CURLMsg *message)
{
    struct slot *s;
    long status = 0;

    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&s);
    curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
    must(message->data.result == CURLE_OK && status == 200, "a request that failed");
    curl_multi_remove_handle(j->multi, s->easy);
    j->busy--;
    s->flying = 0;
    if (!j->importing) {
        s->ready = 1;
        write_ready(j);
    } else {
        must(!j->looking || walk(&s->answer) > 0, "an answer that is empty");
        j->done += BATCH;
    }
}

static void run(struct job *j)
{
    CURLMsg *message;
    int left, running, any;

    for (;;) {
        for (int i = 0; i < j->in_flight; i++) {
            struct slot *s = &j->slots[i];

            if (!s->ready && !s->flying)
                s->flying = start(j, s);
        }
        if (!j->busy)
            break;
        curl_multi_perform(j->multi, &running);
        for (any = 0; (message = curl_multi_info_read(j->multi, &left)); any = 1)
            finished(j, message);
        if (!any)
            curl_multi_poll(j->multi, NULL, 0, 1000, NULL);
    }
}

int main(int argc, char **argv)
{
    static struct job j;

    must(argc == 6, "limit import|send|export|fetch URL IN_FLIGHT ROWS FILE");
    j.importing = !strcmp(argv[1], "import") || !strcmp(argv[1], "send");
    j.looking = !strcmp(argv[1], "import") || !strcmp(argv[1], "export");
    j.url = argv[2];
    j.in_flight = atoi(argv[3]);
    j.rows = atol(argv[4]);
    must(j.in_flight >= 1 && j.in_flight <= MOST, "1 to 64 in flight");
    j.file = fopen(argv[5], j.importing ? "rb" : "wb");
    must(j.file != NULL, "the file cannot be opened");
    curl_global_init(CURL_GLOBAL_DEFAULT);
    j.multi = curl_multi_init();
    j.headers = curl_slist_append(j.headers, "Content-Type: application/json; charset=utf-8");
    j.headers = curl_slist_append(j.headers, "Authorization: Bearer YXBpX3VzZXI6YXBpX2tleQ==");
    j.headers = curl_slist_append(j.headers, "Expect:");
    for (int i = 0; i < j.in_flight; i++)
        prepare(&j, &j.slots[i]);
    sc_csv_init(&j.csv, SC_CSV_ROW_MAX);
    sc_buf_init(&j.out, (size_t)1 << 28);
    sc_buf_init(&j.ids, (size_t)1 << 28);
    sc_buf_init(&j.ready_body, (size_t)1 << 26);
    j.json = strstr(argv[5], ".jsonl") != NULL;
    begin_lines(&j);
    if (j.importing) {
        must(!sc_csv_feed_room(&j.csv, PIECE), "memory");
        sc_csv_fed(&j.csv, fread(j.csv.window.data, 1, PIECE, j.file));
        must(sc_csv_next(&j.csv) == SC_CSV_ROW, "the header");
        if (!j.looking) {
            must(fill(&j, &j.ready_body) == BATCH, "too few rows");
            j.next = 0;
        }
    }
    run(&j);
    if (!j.importing && j.out.len)
        fwrite(j.out.data, 1, j.out.len, j.file);
    fclose(j.file);
    printf("%ld\n", j.done);
    return j.done != j.rows;
}
