#include "crc32c.h"
#include "journal.h"

#include <string.h>

#define VERSION 1

const char sc_journal_mark[4] = {'\xf5', 'e', 'n', '\n'};

static const char magic[8] = {'\xf5', 's', 'c', 'j', 'r', 'n', 'l', '\n'};

/* Numbers are little-endian. */
static void put32(char *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (char)(value >> 8 * i & 0xff);
}

static uint32_t get32(const char *p)
{
    uint32_t value = 0;

    for (int i = 3; i >= 0; i--)
        value = value << 8 | (unsigned char)p[i];
    return value;
}

/* "MAGICMAG" version checksum */
void sc_journal_put_header(char out[SC_JOURNAL_HEADER])
{
    memcpy(out, magic, sizeof magic);
    put32(out + 8, VERSION);
    put32(out + 12, sc_crc32c(out, 12));
}

int sc_journal_check_header(const char *p, size_t n)
{
    if (n < SC_JOURNAL_HEADER || memcmp(p, magic, sizeof magic) != 0 ||
        get32(p + 12) != sc_crc32c(p, 12))
        return SC_JOURNAL_END;
    return get32(p + 8) == VERSION ? 0 : SC_JOURNAL_FOREIGN;
}

/* "MARK" length stamp(8) checksum-of-the-bytes checksum-of-this-head */
void sc_journal_put_head(char out[SC_JOURNAL_HEAD], const char *bytes, size_t n,
                         int64_t stamp)
{
    memcpy(out, sc_journal_mark, 4);
    put32(out + 4, (uint32_t)n);
    put32(out + 8, (uint32_t)((uint64_t)stamp & UINT32_C(0xffffffff)));
    put32(out + 12, (uint32_t)((uint64_t)stamp >> 32));
    put32(out + 16, sc_crc32c(bytes, n));
    put32(out + 20, sc_crc32c(out, 20));
}

enum sc_journal_verdict sc_journal_look(const char *p, size_t n,
                                        struct sc_journal_entry *entry)
{
    if (n < SC_JOURNAL_HEAD)
        return memcmp(p, sc_journal_mark, n < 4 ? n : 4) ? SC_JOURNAL_BAD
                                                         : SC_JOURNAL_PARTIAL;
    if (memcmp(p, sc_journal_mark, 4) != 0 || get32(p + 20) != sc_crc32c(p, 20))
        return SC_JOURNAL_BAD;
    entry->len = get32(p + 4);
    if (entry->len == 0 || entry->len > SC_JOURNAL_LONGEST)
        return SC_JOURNAL_BAD;
    if (n - SC_JOURNAL_HEAD < entry->len)
        return SC_JOURNAL_PARTIAL;
    entry->bytes = p + SC_JOURNAL_HEAD;
    entry->stamp = (int64_t)((uint64_t)get32(p + 12) << 32 | get32(p + 8));
    return get32(p + 16) == sc_crc32c(entry->bytes, entry->len) ? SC_JOURNAL_WHOLE
                                                                : SC_JOURNAL_BAD;
}
