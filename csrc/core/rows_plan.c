#include "rows.h"

#include <stdlib.h>

/* Keys and names of a plan together: far more than a header of ours can hold. */
#define TEXT_MAX ((size_t)1 << 22)

void sc_rows_plan_init(struct sc_rows_plan *p)
{
    *p = (struct sc_rows_plan){.steps = NULL};
    sc_buf_init(&p->text, TEXT_MAX);
}

void sc_rows_plan_free(struct sc_rows_plan *p)
{
    sc_buf_free(&p->text);
    free(p->steps);
    sc_rows_plan_init(p);
}

int sc_rows_plan_text(struct sc_rows_plan *p, const char *s, size_t n,
                      struct sc_rows_text *out)
{
    int rc;

    out->at = (uint32_t)p->text.len;
    out->len = (uint32_t)n;
    rc = sc_buf_add(&p->text, s, n);
    return rc ? rc : sc_buf_reserve(&p->text, 0);
}

struct sc_rows_step *sc_rows_plan_step(struct sc_rows_plan *p)
{
    struct sc_rows_step *step;

    if (p->count == p->room) {
        size_t room = p->room ? p->room * 2 : 16;

        step =
            room > SC_CSV_CELLS_MAX * 2 ? NULL : realloc(p->steps, room * sizeof *step);
        if (!step)
            return NULL;
        p->steps = step;
        p->room = room;
    }
    step = &p->steps[p->count++];
    *step = (struct sc_rows_step){.use = SC_ROWS_TEXT};
    return step;
}

void sc_rows_plan_measure(struct sc_rows_plan *p)
{
    p->fixed = 64 + p->fields.len + p->tags.len + p->more_tags.len;
    p->has_tags = p->more_tags.len > 0;
    for (size_t i = 0; i < p->count; i++) {
        p->fixed += p->steps[i].key.len + 8;
        if (p->steps[i].use == SC_ROWS_TAGS)
            p->has_tags = 1;
    }
}
