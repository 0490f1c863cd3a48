/* http_multi: the same calls as http_bench.lua by a plain C program over libcurl's multi interface,
 * with the same headers and limits; answers are kept until the next one comes.
 *
 *   http_multi URL CALLS IN_FLIGHT     prints wall and CPU seconds */
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
