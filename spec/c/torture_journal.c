/* torture_journal: journals written and read with the n-th allocation failing, for
 * every n: by the C alone and through Lua. An append that says it failed has left
 * nothing, one that says it succeeded is read back; a reader without memory says so
 * and goes on when there is some. */
#include "core/journal.h"
#include "fail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/torture-journal-XXXXXX", path[sizeof folder + 8];
static char payload[200000];

/* One file of growing entries; the number that was accepted. */
static int write_some(void)
{
    struct sc_journal_writer w = {.open = 0};
    int accepted = 0, rc = sc_journal_create(&w, folder, "a");

    if (rc == ENOMEM)
        rc = sc_journal_create(&w, folder, "a");
    if (rc)
        return -1;
    for (size_t n = 1; n < sizeof payload; n *= 7)
        accepted += sc_journal_append(&w, payload, n, (int64_t)n, 0) == 0;
    sc_journal_close(&w);
    return accepted;
}

/* The number of entries read back; -1 for anything but end and want of memory. */
static int read_some(void)
{
    struct sc_journal_reader r = {.open = 0};
    struct sc_journal_entry entry;
    int found = 0, rc = sc_journal_open(&r, path, 0);

    if (rc == ENOMEM)
        rc = sc_journal_open(&r, path, 0);
    if (rc)
        return -1;
    sc_journal_sealed(&r);
    while ((rc = sc_journal_next(&r, &entry)) == 0 || rc == ENOMEM)
        found += rc == 0;
    if (r.damaged)
        rc = 0;
    sc_journal_finish(&r);
    return rc == SC_JOURNAL_END ? found : -1;
}

static int report(long n, int written, int found)
{
    if (written >= 0 && written == found)
        return 0;
    fprintf(stderr, "allocation %ld: %d written, %d read\n", n, written, found);
    return 1;
}

static int by_hand(long *runs)
{
    int written, found, bad = 0, done = 0;

    for (long n = 1; !done && !bad; n++, ++*runs) {
        unlink(path);
        fail_arm(FAIL_C, n, 0);
        written = write_some();
        done = !fail_disarm();
        bad = report(n, written, read_some());
    }
    for (long n = 1, last = 0; !last && !bad; n++, ++*runs) {
        fail_arm(FAIL_C, n, 0);
        found = read_some();
        last = !fail_disarm();
        bad = report(n, written, found);
    }
    return bad;
}

int main(void)
{
    char command[sizeof folder + 16];
    long hand = 0, lua = 0, failed = 0;
    int bad;

    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/a", folder);
    memset(payload, 'x', sizeof payload);
    bad =
        by_hand(&hand) || fail_each("spec/c/torture_journal.lua", folder, &lua, &failed);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    bad |= system(command) != 0;
    printf("%ld and %ld runs, %ld of these without enough memory, all of them told\n",
           hand, lua, failed);
    return bad;
}
