/* From conditions to SQL: what all items have in common. */
#include "select_item.h"
#include "store.h"
#include "tagging.h"

#include <string.h>

void sc_select_init(struct sc_box *box, struct sc_select *select, enum sc_drive drive,
                    int64_t id)
{
    memset(select, 0, sizeof *select);
    select->sql = sqlite3_str_new(box->db);
    select->drive = drive;
    select->drive_id = id;
    select->column = "m.id";
    select->everybody = drive == SC_DRIVE_MEMBER;
    select->from = INT64_MIN;
    select->to = INT64_MAX;
}

void sc_select_free(struct sc_select *select)
{
    int i;

    sqlite3_free(sqlite3_str_finish(select->sql));
    select->sql = NULL;
    for (i = 0; i < select->owned_count; i++)
        sqlite3_free(select->owned[i]);
    select->owned_count = select->count = 0;
}

/* The first item that names a tag which must be there can drive the whole select. Returns
 * its index, or -1. */
static int find_drive(struct sc_box *box, struct sc_select *select,
                      const struct sc_condition *condition)
{
    int i;

    if (select->drive != SC_DRIVE_MEMBER || (condition->any && condition->count > 1))
        return -1;
    for (i = 0; i < condition->count; i++) {
        const struct sc_item *item = &condition->items[i];

        if (item->op == SC_EQ && sc_select_item_is_tag(box, item) &&
            sc_tagging_find(box, item->value, &select->drive_id) == SC_DONE) {
            select->drive = SC_DRIVE_TAG;
            return i;
        }
    }
    return -1;
}

int sc_select_where(struct sc_box *box, struct sc_select *select,
                    const struct sc_condition *condition, struct sc_problem *problem)
{
    static const char *const from[] = {
        "member m", "holder d CROSS JOIN member m ON m.id = d.member WHERE d.tag = %lld",
        "segment_member d CROSS JOIN member m ON m.id = d.member WHERE d.segment = %lld"};
    struct sc_compiler c = {box, select, problem, NULL, 0};
    int driving = find_drive(box, select, condition), i, outcome, first = 1;

    sqlite3_str_appendf(select->sql, from[select->drive], select->drive_id);
    if (select->drive != SC_DRIVE_MEMBER)
        select->column = "d.member";
    for (i = 0; i < condition->count; i++) {
        select->everybody = 0;
        if (i == driving)
            continue;
        if (first)
            sqlite3_str_appendall(select->sql, select->drive ? " AND (" : " WHERE (");
        else
            sqlite3_str_appendall(select->sql, condition->any ? " OR " : " AND ");
        first = 0;
        c.item = &condition->items[i];
        outcome = sc_select_item(&c);
        if (outcome != SC_DONE)
            return outcome;
    }
    if (!first)
        sqlite3_str_appendall(select->sql, ")");
    select->filtered = !first;
    select->aged = select->filtered && select->drive == SC_DRIVE_MEMBER &&
                   c.ages == condition->count && (!condition->any || c.ages == 1);
    return sqlite3_str_errcode(select->sql) ? sc_box_fail(box, "out of memory") : SC_DONE;
}
