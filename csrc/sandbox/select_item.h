/* select_item: one item of a condition as SQL. Every field of a contact is a column kind
 * with its own operators; the texts of a condition are always bound, only numbers are
 * written into the SQL. select.c's half, nobody else includes it. */
#ifndef SC_SELECT_ITEM_H
#define SC_SELECT_ITEM_H

#include "condition.h"

#pragma GCC visibility push(hidden)

struct sc_compiler {
    struct sc_box *box;
    struct sc_select *select;
    struct sc_problem *problem;
    const struct sc_item *item;
    int ages; /* items so far that are a range of ages */
};

/* Adds c->item to c->select. SC_REFUSED fills c->problem. */
int sc_select_item(struct sc_compiler *c);

/* Whether it asks for a tag. */
int sc_select_item_is_tag(struct sc_box *box, const struct sc_item *item);

#pragma GCC visibility pop

#endif
