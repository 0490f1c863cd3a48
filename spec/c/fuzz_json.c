/* Feeds bytes to the JSON scanner and the JSON writer, as text and as a string.
 *
 * As text: skipping it and taking it apart must agree on whether it is JSON; what was
 * taken apart and put together again must be JSON once more. As a string: what is
 * UTF-8 is written, and read back as it was. The bytes lie in a block of exactly their
 * size, so that ASan sees a byte read too much. */
#include "core/json_read.h"
#include "core/json_write.h"
#include "core/utf8.h"
#include "fuzz.h"

#include <math.h>
#include <string.h>

static int copy_value(struct sc_json_scan *s, struct sc_buf *out);

static void copy_text(const struct sc_json_text *text, struct sc_buf *out)
{
    char *plain = malloc(text->len + 1);
    size_t n = sc_json_unescape(text, plain), chars, counted;

    MUST(n <= text->len && (text->escaped || n == text->len));
    MUST(sc_utf8_check(plain, n, &counted) == n);
    MUST(sc_json_write_string(out, plain, n, &chars) == SC_BUF_OK && chars == counted);
    free(plain);
}

static void copy_number(const struct sc_json_number *number, struct sc_buf *out)
{
    char *ended = strndup(number->bytes, number->len);
    int64_t integer;
    double value;

    MUST(sc_json_double(number, &value) == 0);
    MUST(value == strtod(ended, NULL));
    free(ended);
    if (sc_json_integer(number->bytes, number->len, &integer)) {
        MUST(number->integral && (double)integer == value);
        MUST(sc_json_write_integer(out, integer) == SC_BUF_OK);
    } else if (isfinite(value)) {
        MUST(sc_json_write_double(out, value, 0) == SC_BUF_OK);
    } else {
        MUST(sc_json_write_double(out, value, 1) == SC_JSON_NOT_FINITE);
        MUST(sc_buf_add(out, number->bytes, number->len) == SC_BUF_OK);
    }
}

static int copy_table(struct sc_json_scan *s, struct sc_buf *out, char open, char close)
{
    struct sc_json_text key;
    int first, rc;

    if (sc_json_scan_enter(s))
        return -1;
    MUST(sc_buf_add_char(out, open) == SC_BUF_OK);
    for (first = 1; (rc = sc_json_scan_next(s, close, first)) == 1; first = 0) {
        if (!first)
            MUST(sc_buf_add_char(out, ',') == SC_BUF_OK);
        if (open == '{') {
            if (sc_json_scan_key(s, &key))
                return -1;
            copy_text(&key, out);
            MUST(sc_buf_add_char(out, ':') == SC_BUF_OK);
        }
        if (copy_value(s, out))
            return -1;
    }
    MUST(sc_buf_add_char(out, close) == SC_BUF_OK);
    return rc;
}

static int copy_value(struct sc_json_scan *s, struct sc_buf *out)
{
    struct sc_json_text text;
    struct sc_json_number number;
    const char *from;
    int c = sc_json_scan_peek(s);

    if (c == '{' || c == '[')
        return copy_table(s, out, (char)c, c == '{' ? '}' : ']');
    if (c == '"') {
        if (sc_json_scan_string(s, &text))
            return -1;
        copy_text(&text, out);
        return 0;
    }
    from = s->at;
    if (c == 't' || c == 'f' || c == 'n') {
        if (sc_json_scan_word(s))
            return -1;
        return sc_buf_add(out, from, (size_t)(s->at - from));
    }
    if (sc_json_scan_number(s, &number))
        return -1;
    copy_number(&number, out);
    return 0;
}

static int is_json(const char *bytes, size_t n)
{
    struct sc_json_scan s;

    sc_json_scan_init(&s, bytes, n);
    if (sc_json_scan_skip(&s) == 0 && sc_json_scan_finish(&s) == 0) {
        MUST(s.at == s.end && s.depth == 0);
        return 1;
    }
    MUST(s.problem && s.at >= s.begin && s.at <= s.end);
    return 0;
}

static void as_text(const char *bytes, size_t size)
{
    struct sc_json_scan s;
    struct sc_buf out;
    int rc;

    sc_buf_init(&out, (size_t)1 << 28);
    sc_json_scan_init(&s, bytes, size);
    rc = copy_value(&s, &out) || sc_json_scan_finish(&s);
    MUST(is_json(bytes, size) == (rc == 0));
    if (rc == 0)
        MUST(is_json(out.data, out.len));
    sc_buf_free(&out);
}

static void as_string(const char *bytes, size_t size)
{
    struct sc_json_scan s;
    struct sc_json_text text;
    struct sc_buf out, tight, percent;
    size_t chars, counted, good = sc_utf8_check(bytes, size, &counted);
    char *back;
    int rc;

    sc_buf_init(&out, (size_t)1 << 28);
    sc_buf_init(&percent, (size_t)1 << 28);
    rc = sc_json_write_string(&out, bytes, size, &chars);
    MUST(sc_json_write_percent(&percent, bytes, size) == SC_BUF_OK);
    if (good != size) {
        MUST(rc == SC_JSON_BAD_UTF8 && chars == good && out.len == 0);
    } else {
        MUST(rc == SC_BUF_OK && chars == counted);
        sc_json_scan_init(&s, out.data, out.len);
        MUST(sc_json_scan_string(&s, &text) == 0 && sc_json_scan_finish(&s) == 0);
        back = malloc(text.len + 1);
        MUST(sc_json_unescape(&text, back) == size && memcmp(back, bytes, size) == 0);
        free(back);
        sc_buf_init(&tight, out.len);
        MUST(sc_json_write_mixed(&tight, bytes, size, &chars) == SC_BUF_OK &&
             chars == counted);
        MUST(tight.len == out.len && memcmp(tight.data, out.data, out.len) == 0);
        sc_buf_free(&tight);
        sc_buf_init(&tight, out.len - 1);
        MUST(sc_json_write_string(&tight, bytes, size, &chars) == SC_BUF_TOOBIG);
        MUST(tight.len == 0);
        sc_buf_free(&tight);
    }
    sc_buf_free(&out);
    sc_buf_free(&percent);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes = malloc(size ? size : 1);

    if (size)
        memcpy(bytes, data, size);
    as_text(bytes, size);
    as_string(bytes, size);
    free(bytes);
    return 0;
}
