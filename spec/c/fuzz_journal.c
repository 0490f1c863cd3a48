/* fuzz_journal: any bytes as a journal's file. Each byte of it belongs to the header,
 * to one whole entry or to the damage; reading it while it is written gives no more
 * than reading it sealed. */
#include "core/journal.h"
#include "fuzz.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/fuzz-journal-XXXXXX";
static int fd;

static void clean(void)
{
    unlink(path);
}

static uint64_t read_all(int sealed, uint64_t *bytes, uint64_t *damaged)
{
    struct sc_journal_reader r = {.open = 0};
    struct sc_journal_entry entry;
    uint64_t count = 0, end = 0;

    *bytes = *damaged = 0;
    if (sc_journal_open(&r, path, 0))
        return UINT64_MAX;
    if (sealed)
        MUST(sc_journal_sealed(&r));
    while (sc_journal_next(&r, &entry) == 0) {
        MUST(entry.len >= 1 && entry.len <= SC_JOURNAL_LONGEST && entry.end > end);
        end = entry.end;
        count++;
        *bytes += SC_JOURNAL_HEAD + entry.len;
    }
    *damaged = r.damaged;
    sc_journal_finish(&r);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t bytes, damaged, count, early;

    if (!fd) {
        fd = mkstemp(path);
        atexit(clean);
    }
    if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
        return 0;
    early = read_all(0, &bytes, &damaged);
    MUST(early == UINT64_MAX || damaged == 0);
    count = read_all(1, &bytes, &damaged);
    MUST((early == UINT64_MAX) == (count == UINT64_MAX));
    if (count == UINT64_MAX)
        return 0;
    MUST(early <= count);
    MUST(bytes + damaged == size || bytes + damaged + SC_JOURNAL_HEADER == size);
    return 0;
}
