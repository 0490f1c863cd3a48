#include "http_preset.h"

#include "http_internal.h"

#include <stdlib.h>
#include <string.h>

static size_t text_size(const char *s)
{
    return s ? strlen(s) + 1 : 0;
}

static const char *put_text(char **at, const char *s)
{
    char *copy = *at;
    size_t n = text_size(s);

    if (!s)
        return NULL;
    memcpy(copy, s, n);
    *at += n;
    return copy;
}

/* The block begins with the list of headers. */
char *sc_http_copy_text(struct sc_http_request *to, const struct sc_http_request *from,
                        size_t *size)
{
    size_t i, n = from->header_count * sizeof *from->headers;
    const char **headers;
    char *text, *at;

    n += text_size(from->method) + text_size(from->url) + text_size(from->authorization) +
         text_size(from->ca_file) + text_size(from->proxy) + text_size(from->user_agent);
    for (i = 0; i < from->header_count; i++)
        n += text_size(from->headers[i]);
    text = malloc(n);
    if (!text)
        return NULL;
    *size = n;
    headers = (const char **)(void *)text;
    at = text + from->header_count * sizeof *from->headers;
    for (i = 0; i < from->header_count; i++)
        headers[i] = put_text(&at, from->headers[i]);
    to->headers = headers;
    to->method = put_text(&at, from->method);
    to->url = put_text(&at, from->url);
    to->authorization = put_text(&at, from->authorization);
    to->ca_file = put_text(&at, from->ca_file);
    to->proxy = put_text(&at, from->proxy);
    to->user_agent = put_text(&at, from->user_agent);
    return text;
}

struct sc_http_preset *sc_http_preset_new(const struct sc_http_request *common,
                                          struct sc_http_failure *why)
{
    struct sc_http_preset *preset;

    if (!sc_http_check_common(common, why))
        return NULL;
    preset = calloc(1, sizeof *preset);
    if (preset) {
        preset->users = 1;
        preset->request = *common;
        preset->text = sc_http_copy_text(&preset->request, common, &preset->text_len);
        preset->request.preset = preset;
    }
    if (!preset || !preset->text || sc_http_build_list(&preset->list, &preset->request)) {
        sc_http_preset_release(preset);
        sc_http_fail(why, "network", "not_sent", "memory", "out of memory");
        return NULL;
    }
    return preset;
}

const struct sc_http_request *sc_http_preset_request(const struct sc_http_preset *preset)
{
    return &preset->request;
}

void sc_http_preset_hold(struct sc_http_preset *preset)
{
    preset->users++;
}

void sc_http_preset_release(struct sc_http_preset *preset)
{
    if (!preset || --preset->users)
        return;
    sc_http_wipe_list(preset->list);
    if (preset->text)
        sc_wipe(preset->text, preset->text_len);
    free(preset->text);
    free(preset);
}
