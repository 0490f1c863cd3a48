#include "http_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Handing libcurl a parsed address spares it from writing it out and parsing it again
 * for every request. Older ones get the text alone. */
#if LIBCURL_VERSION_NUM >= 0x075000
#define PARSES_ADDRESSES 1
#else
#define PARSES_ADDRESSES 0
#endif

struct sc_http_handle *sc_http_handle_new(void)
{
    struct sc_http_handle *handle = calloc(1, sizeof *handle);

    if (!handle)
        return NULL;
    handle->easy = curl_easy_init();
    if (!handle->easy) {
        free(handle);
        return NULL;
    }
#if PARSES_ADDRESSES
    handle->url = curl_url();
#endif
    return handle;
}

void sc_http_handle_free(struct sc_http_handle *handle)
{
    curl_easy_cleanup(handle->easy);
    sc_http_handle_forget(handle);
}

void sc_http_handle_forget(struct sc_http_handle *handle)
{
#if PARSES_ADDRESSES
    curl_url_cleanup(handle->url);
#endif
    free(handle);
}

#if PARSES_ADDRESSES

/* Bytes that a parser leaves as they are wherever in a path or query they stand. */
static int is_plain(const char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if (!(c >= 'a' && c <= 'z') && !(c >= '-' && c <= '9') &&
            !(c >= 'A' && c <= 'Z') && !strchr("_~&=?", c))
            return 0;
    }
    return 1;
}

/* Bytes of scheme and authority; 0 where what follows them is not plain. */
static size_t origin_of(const char *url)
{
    size_t scheme = strncasecmp(url, "https://", 8) == 0  ? 8
                    : strncasecmp(url, "http://", 7) == 0 ? 7
                                                          : 0;
    size_t n = scheme ? scheme + strcspn(url + scheme, "/?#") : 0;

    return url[n] == '/' && is_plain(url + n) ? n : 0;
}

/* Replaces path and query of the last address, which had the same origin. */
static int change_path(struct sc_http_handle *handle, const char *path)
{
    char plain[SC_HTTP_PLAIN_PATH];
    const char *query = strchr(path, '?');
    size_t n = query ? (size_t)(query - path) : strlen(path);

    if (n >= sizeof plain || (query && !query[1]))
        return 0;
    memcpy(plain, path, n);
    plain[n] = '\0';
    return !curl_url_set(handle->url, CURLUPART_PATH, plain, 0) &&
           !curl_url_set(handle->url, CURLUPART_QUERY, query ? query + 1 : NULL, 0);
}

/* Parses an address as libcurl would itself. */
static int parse(struct sc_http_handle *handle, const char *url)
{
    size_t origin = origin_of(url);

    if (origin && origin == handle->origin_len &&
        memcmp(url, handle->origin, origin) == 0 && change_path(handle, url + origin))
        return 1;
    handle->origin_len = 0;
    if (curl_url_set(handle->url, CURLUPART_URL, url,
                     CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME | CURLU_DISALLOW_USER |
                         CURLU_PATH_AS_IS))
        return 0;
    if (origin && origin <= sizeof handle->origin) {
        memcpy(handle->origin, url, origin);
        handle->origin_len = origin;
    }
    return 1;
}

#endif

CURLcode sc_http_handle_address(struct sc_http_handle *handle, const char *url)
{
    CURLcode code = curl_easy_setopt(handle->easy, CURLOPT_URL, url);

#if PARSES_ADDRESSES
    if (!code) { /* what cannot be parsed libcurl is to say itself */
        int parsed = handle->url && parse(handle, url);

        code = curl_easy_setopt(handle->easy, CURLOPT_CURLU, parsed ? handle->url : NULL);
    }
#endif
    return code;
}
