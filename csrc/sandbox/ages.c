#include "ages.h"

#include <string.h>

#define SECOND(id) ((id) >> 24)

/* Where a second stands, or would. Most contacts are new, so the end is looked at
 * first. */
static size_t place(const struct sc_ages *all, int64_t second)
{
    size_t low = 0, high = all->count;

    if (high && all->seconds[high - 1].second < second)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (all->seconds[middle].second < second)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Makes a second of no contacts at that place. */
static int open_second(struct sc_box *box, size_t at, int64_t second)
{
    struct sc_ages *all = &box->ages;
    struct sc_age *grown;
    size_t cap;

    if (all->count == all->cap) {
        cap = all->cap ? all->cap * 2 : 64;
        grown = sqlite3_realloc64(all->seconds, cap * sizeof *grown);
        if (!grown)
            return sc_box_fail(box, "out of memory");
        all->seconds = grown;
        all->cap = cap;
    }
    memmove(all->seconds + at + 1, all->seconds + at,
            (all->count - at) * sizeof *all->seconds);
    all->seconds[at].second = second;
    all->seconds[at].members = 0;
    all->count++;
    return SC_DONE;
}

static void change(struct sc_ages *all, size_t at, int64_t more)
{
    all->seconds[at].members += more;
    if (all->summed > at)
        all->summed = at;
}

int sc_ages_add(struct sc_box *box, int64_t member)
{
    struct sc_ages *all = &box->ages;
    size_t at = place(all, SECOND(member));

    if ((at == all->count || all->seconds[at].second != SECOND(member)) &&
        open_second(box, at, SECOND(member)))
        return SC_FAILED;
    change(all, at, 1);
    return SC_DONE;
}

/* The second stays, even with nobody in it: taking this back must not fail. */
void sc_ages_remove(struct sc_box *box, int64_t member)
{
    change(&box->ages, place(&box->ages, SECOND(member)), -1);
}

/* Contacts that are older than that second. */
static int64_t older(struct sc_ages *all, int64_t second)
{
    size_t at = place(all, second);
    int64_t sum;

    for (; all->summed < at; all->summed++) {
        sum = all->summed ? all->seconds[all->summed - 1].sum : 0;
        all->seconds[all->summed].sum = sum + all->seconds[all->summed].members;
    }
    return at ? all->seconds[at - 1].sum : 0;
}

int64_t sc_ages_count(struct sc_box *box, int64_t from, int64_t to)
{
    int64_t n = older(&box->ages, SECOND(to)) - older(&box->ages, SECOND(from));

    return n < 0 ? 0 : n;
}

void sc_ages_free(struct sc_box *box)
{
    sqlite3_free(box->ages.seconds);
    memset(&box->ages, 0, sizeof box->ages);
}
