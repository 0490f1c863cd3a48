/* Feeds bytes to the way of an export: as a page of members.
 *
 * A page is read twice, as it is and with spaces put in so that no member can take the
 * short way: both must agree on whether it is a page and on the lines it gives. The lines
 * of CSV must be read back with as many cells as there are columns. */
#include "core/csv.h"
#include "core/lines.h"
#include "fuzz.h"

#include <string.h>

static const char *const parts[] = {"id", "email", "fields", "tags", "names", "n"};

static void begin(struct sc_lines *l, char separator)
{
    sc_lines_init(l);
    l->separator = separator;
    l->finding = separator != 0;
    l->guard = separator == '\t';
    l->crlf = separator == '\t';
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char json[16];
        int n = snprintf(json, sizeof json, "\"%s\":", parts[i]);

        MUST(!sc_lines_name(l, parts[i], strlen(parts[i]), &l->keys[i].name));
        l->keys[i].part = (uint8_t)i;
        MUST(!sc_lines_text(l, json, (size_t)n, &l->part_names[i]));
    }
    l->key_count = l->part_count = sizeof parts / sizeof *parts;
    l->id_part = 0;
    l->fields_part = 2;
    MUST(!sc_lines_name(l, "list", 4, &l->list_keys[0].name));
    MUST(!sc_lines_name(l, "total", 5, &l->total_keys[0].name));
    l->list_count = l->total_count = 1;
    if (separator) {
        MUST(!sc_lines_column(l, "email", 5, 1));
        MUST(!sc_lines_column(l, "tags", 4, 3));
        MUST(!sc_lines_column(l, "Age", 3, -1));
    }
}

/* Every line must have the cells of its columns. */
static void read_back(const struct sc_lines *l, const struct sc_buf *out, size_t lines)
{
    struct sc_csv c;
    size_t rows = 0;

    sc_csv_init(&c, SC_CSV_ROW_MAX);
    c.separator = l->separator;
    MUST(!sc_csv_feed(&c, out->data, out->len));
    sc_csv_finish(&c);
    while (sc_csv_next(&c) == SC_CSV_ROW) {
        MUST(c.count == l->column_count);
        rows++;
    }
    MUST(rows == lines);
    sc_csv_free(&c);
}

/* Reads a page of n bytes; the lines go to out. Returns what sc_lines_page does. */
static int read_page(const char *json, size_t n, char separator, struct sc_buf *out)
{
    struct sc_lines l;
    struct sc_lines_page page;
    struct sc_buf ids;
    char *copy = calloc(1, n + SC_BUF_PAD);
    int rc;

    MUST(copy);
    memcpy(copy, json, n);
    begin(&l, separator);
    sc_buf_init(&ids, (size_t)1 << 24);
    rc = sc_lines_page(&l, copy, n, out, &ids, &page);
    MUST(rc == 0 || rc == -2);
    if (rc) {
        MUST(page.problem && !out->len && !ids.len && !l.ids.few.count);
    } else {
        MUST(page.written <= page.received && ids.len == l.ids.few.count * 8);
        if (separator)
            read_back(&l, out, page.written);
        /* The same page once more brings nobody new who has an id. */
        MUST(!sc_lines_page(&l, copy, n, out, &ids, &page) &&
             ids.len == l.ids.few.count * 8);
    }
    sc_buf_free(&ids);
    sc_lines_free(&l);
    free(copy);
    return rc;
}

/* Puts a space behind every colon outside strings. */
static size_t spread(const char *json, size_t n, char *to)
{
    char *start = to;
    int quoted = 0;

    for (size_t i = 0; i < n; i++) {
        *to++ = json[i];
        if (json[i] == '"')
            quoted = !quoted;
        else if (quoted && json[i] == '\\' && i + 1 < n)
            *to++ = json[++i];
        else if (!quoted && json[i] == ':')
            *to++ = ' ';
    }
    return (size_t)(to - start);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *json = (const char *)data;
    char *wide = malloc(size * 2 + 1);
    size_t n = spread(json, size, wide);
    struct sc_buf a, b;
    int rc;

    sc_buf_init(&a, (size_t)1 << 26);
    sc_buf_init(&b, (size_t)1 << 26);
    rc = read_page(json, size, 0, &a);
    MUST(read_page(wide, n, 0, &b) == rc);
    MUST(a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len)));
    for (size_t i = 0; i < 2; i++) {
        sc_buf_clear(&a);
        MUST(read_page(json, size, i ? ',' : '\t', &a) == rc);
    }
    sc_buf_free(&a);
    sc_buf_free(&b);
    free(wide);
    return 0;
}
