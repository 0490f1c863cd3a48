/* The background work of segments: what happens when the clock passes the end of an
 * evaluation. */
#include "condition.h"
#include "listing.h"
#include "segments.h"
#include "store.h"

/* A segment whose evaluation is over. */
struct due {
    int64_t id, finish_ms;
    int fails;
    struct sc_condition condition;
};

/* SC_REFUSED: none is due. On SC_DONE the condition is to be freed. */
static int next_due(struct sc_box *box, struct due *due)
{
    sqlite3_stmt *row = sc_store_bind(box,
                                      "SELECT id, finish_ms, fails, relation, conditions"
                                      " FROM segment WHERE status = 1 AND finish_ms <= ?1"
                                      " ORDER BY finish_ms, id LIMIT 1",
                                      "i", sc_box_clock(box));
    int code = row ? sc_store_step(box, row) : -1, outcome;

    if (code != 1)
        return code == 0 ? SC_REFUSED : SC_FAILED;
    due->id = sqlite3_column_int64(row, 0);
    due->finish_ms = sqlite3_column_int64(row, 1);
    due->fails = sqlite3_column_int(row, 2);
    outcome = sc_condition_load(box, sc_store_text(box, row, 3),
                                sc_store_text(box, row, 4), &due->condition);
    sqlite3_reset(row);
    return outcome;
}

/* Fills segment_member; SC_REFUSED when the condition can no longer be evaluated. */
static int find_members(struct sc_box *box, const struct due *due, int64_t *total)
{
    struct sc_select select;
    struct sc_problem problem;
    char *head;
    int outcome;

    if (sc_store_run(box, "DELETE FROM segment_member WHERE segment = ?1", "i", due->id))
        return SC_FAILED;
    sc_select_init(box, &select, SC_DRIVE_MEMBER, 0);
    outcome = sc_select_where(box, &select, &due->condition, &problem);
    head = sqlite3_mprintf("INSERT INTO segment_member SELECT %lld, m.id FROM",
                           (long long)due->id);
    if (outcome == SC_DONE)
        outcome = head ? sc_listing_run(box, head, &select, "") : SC_FAILED;
    if (outcome == SC_DONE)
        *total = sqlite3_changes64(box->db);
    sqlite3_free(head);
    sc_select_free(&select);
    return outcome;
}

static int finish(struct sc_box *box, const struct due *due)
{
    int64_t total = 0;
    int outcome = SC_REFUSED;

    if (!due->fails)
        outcome = find_members(box, due, &total);
    if (outcome == SC_FAILED)
        return SC_FAILED;
    if (outcome == SC_REFUSED)
        return sc_store_run(box,
                            "UPDATE segment SET status = -1, fails = 0, updated = ?2"
                            " WHERE id = ?1",
                            "ii", due->id, due->finish_ms / 1000);
    return sc_store_run(box,
                        "UPDATE segment SET status = 2, total = ?2, updated = ?3"
                        " WHERE id = ?1",
                        "iii", due->id, total, due->finish_ms / 1000);
}

int sc_segments_follow(struct sc_box *box)
{
    int64_t now = sc_box_clock(box),
            finish = now + sc_switches_peek(box, SC_SW_SEGMENT_MS);

    if (sc_switches_peek(box, SC_SW_SEGMENT_FOLLOW) == 0)
        return SC_DONE;
    if (sc_switches_peek(box, SC_SW_SEGMENT_STALE) == 1 &&
        (sc_store_run(box,
                      "DELETE FROM segment_member WHERE segment IN"
                      " (SELECT id FROM segment WHERE status = 2)",
                      "") ||
         sc_store_run(box, "UPDATE segment SET total = 0 WHERE status = 2", "")))
        return SC_FAILED;
    if (sc_store_run(box,
                     "UPDATE segment SET status = 1, started_ms = ?1, finish_ms = ?2"
                     " WHERE status = 2",
                     "ii", now, finish))
        return SC_FAILED;
    if (sqlite3_changes(box->db) && finish < box->due)
        box->due = finish;
    return finish <= now ? sc_segments_tick(box) : SC_DONE;
}

int sc_segments_tick(struct sc_box *box)
{
    uint64_t assumed =
        box->assumed; /* the request that comes after did not ask for this */
    struct due due;
    int outcome, found;

    while ((outcome = next_due(box, &due)) == SC_DONE) {
        outcome = finish(box, &due);
        sc_condition_free(&due.condition);
        if (outcome != SC_DONE)
            return outcome;
    }
    box->assumed = assumed;
    if (outcome == SC_FAILED)
        return outcome;
    return sc_store_integer(
        box, &box->due, &found,
        "SELECT ifnull(min(finish_ms), 9223372036854775807) FROM segment"
        " WHERE status = 1",
        "");
}
