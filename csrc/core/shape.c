#include "shape.h"

#include "utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_NAME 40 /* of those that suggestions are looked for */

void *sc_shape_alloc(struct sc_shape *shape, size_t size)
{
    struct sc_shape_block *block = calloc(1, sizeof *block + size);

    if (!block)
        return NULL;
    block->next = shape->blocks;
    shape->blocks = block;
    return block->bytes;
}

void sc_shape_free(struct sc_shape *shape)
{
    struct sc_shape_block *block = shape->blocks, *next;

    shape->blocks = NULL;
    shape->root = NULL;
    for (; block; block = next) {
        next = block->next;
        free(block);
    }
}

int sc_shape_find(const struct sc_shape_node *record, const char *name, size_t len)
{
    int i;

    for (i = 0; i < record->field_count; i++)
        if (record->fields[i].name.len == len &&
            memcmp(record->fields[i].name.bytes, name, len) == 0)
            return i;
    return -1;
}

/* How many letters must be added, dropped, changed or swapped with their neighbour to
 * make b of a; letter case and underscores count half: returned doubled. Neither is
 * longer than LONGEST. */
static int distance(const char *a, size_t na, const char *b, size_t nb)
{
    int row[3][LONGEST_NAME + 1];
    size_t i, j;

    for (j = 0; j <= nb; j++)
        row[0][j] = (int)j * 2;
    for (i = 1; i <= na; i++) {
        int *now = row[i % 3], *before = row[(i + 2) % 3], *earlier = row[(i + 1) % 3];

        now[0] = (int)i * 2;
        for (j = 1; j <= nb; j++) {
            char x = a[i - 1], y = b[j - 1];
            int change = x == y ? 0 : (x | 32) == (y | 32) ? 1 : 2;
            int best = before[j - 1] + change;

            if (before[j] + (x == '_' ? 1 : 2) < best)
                best = before[j] + (x == '_' ? 1 : 2);
            if (now[j - 1] + (y == '_' ? 1 : 2) < best)
                best = now[j - 1] + (y == '_' ? 1 : 2);
            if (i > 1 && j > 1 && x == b[j - 2] && y == a[i - 2] &&
                earlier[j - 2] + 2 < best)
                best = earlier[j - 2] + 2;
            now[j] = best;
        }
    }
    return row[na % 3][nb];
}

const struct sc_shape_node *sc_shape_nearest(const struct sc_shape_node *record,
                                             const char *name, size_t len)
{
    const struct sc_shape_node *found = NULL;
    int i, best = (int)(len < 4 ? len : len * 2 / 3 < 6 ? len * 2 / 3 + 1 : 7), d;

    if (len > LONGEST_NAME)
        return NULL;
    for (i = 0; i < record->field_count; i++) {
        const struct sc_shape_node *field = &record->fields[i];

        if (field->no_write || field->name.len > LONGEST_NAME)
            continue;
        d = distance(name, len, field->name.bytes, field->name.len);
        if (d < best) {
            best = d;
            found = field;
        }
    }
    return found;
}

/* Adds a name to a path, so that no odd key makes a message unreadable: at most 64
 * bytes of it, control characters and what is not UTF-8 as '?'. */
static size_t add_name(char *out, size_t room, const char *name, size_t len)
{
    const char *p = name, *end = name + (len > 64 ? 64 : len);
    size_t n = 0, length;

    while (p < end && n + 4 < room) {
        length = *p & 0x80 ? sc_utf8_sequence(p, name + len) : (unsigned char)*p >= ' ';
        if (!length) {
            out[n++] = '?';
            p++;
            continue;
        }
        memcpy(out + n, p, length);
        n += length;
        p += length;
    }
    return n;
}

/* Writes the path of at to out from its root on; returns the bytes used. */
static size_t put_path(char *out, size_t room, const struct sc_shape_at *at)
{
    size_t n;

    if (!at)
        return 0;
    n = put_path(out, room, at->up);
    if (!at->name) {
        if (at->index && room - n > 24)
            n += (size_t)snprintf(out + n, room - n, "[%zu]", at->index);
        return n;
    }
    if (n && room - n > 1)
        out[n++] = '.';
    return n + add_name(out + n, room - n, at->name, at->len);
}

int sc_shape_fail(struct sc_shape_problem *problem, const struct sc_shape_node *node,
                  const struct sc_shape_at *at, const char *code, const char *format, ...)
{
    va_list list;
    size_t n;

    problem->code = code;
    problem->path[put_path(problem->path, sizeof problem->path, at)] = '\0';
    va_start(list, format);
    vsnprintf(problem->reason, sizeof problem->reason, format, list);
    va_end(list);
    if (node && node->what.len) {
        n = strlen(problem->reason);
        snprintf(problem->reason + n, sizeof problem->reason - n, " (%s)",
                 node->what.bytes);
    }
    return -1;
}

int sc_shape_fail_unknown(struct sc_shape_problem *problem,
                          const struct sc_shape_node *record,
                          const struct sc_shape_at *up, const char *name, size_t len)
{
    const struct sc_shape_node *near = sc_shape_nearest(record, name, len);
    struct sc_shape_at at = {up, name, len, 0};

    if (near)
        return sc_shape_fail(problem, NULL, &at, "unknown",
                             "unknown, did you mean \"%s\"?", near->name.bytes);
    return sc_shape_fail(problem, NULL, &at, "unknown", "unknown");
}

int sc_shape_fail_value(struct sc_shape_problem *problem,
                        const struct sc_shape_node *node, const struct sc_shape_at *at)
{
    char list[SC_SHAPE_REASON - 32];
    size_t n = 0;
    int i;

    list[0] = '\0';
    for (i = 0; i < node->value_count && n < sizeof list - 60; i++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s\"%.40s\"", i ? ", " : "",
                              node->values[i].name.bytes);
    return sc_shape_fail(problem, node, at, "value", "must be one of %s", list);
}
