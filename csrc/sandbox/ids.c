/* Ids look like MongoDB's: 4 bytes creation second, 5 bytes of the machine (here of the
 * seed), 3 bytes counter. Second and counter are the integer key; the machine's bytes are
 * constant. */
#include "store.h"

#include <string.h>

#define COUNTER_MASK 0xffffff

int64_t sc_store_mint(struct sc_box *box)
{
    box->counter = (box->counter + 1) & COUNTER_MASK;
    return sc_box_seconds(box) << 24 | box->counter;
}

static void put(char *to, uint64_t value, int digits)
{
    while (digits-- > 0) {
        to[digits] = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
}

void sc_store_id_text(const struct sc_box *box, int64_t id, char text[25])
{
    put(text, (uint64_t)id >> 24, 8);
    put(text + 8, box->machine, 10);
    put(text + 18, (uint64_t)id & COUNTER_MASK, 6);
    text[24] = '\0';
}

int64_t sc_store_id(const struct sc_box *box, const char *text, size_t len)
{
    uint64_t parts[3] = {0, 0, 0};
    size_t i;

    if (len != 24)
        return 0;
    for (i = 0; i < len; i++) {
        uint64_t *part = &parts[i < 8 ? 0 : i < 18 ? 1 : 2];
        char c = text[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                           : -1;

        if (digit < 0)
            return 0;
        *part = *part << 4 | (uint64_t)digit;
    }
    return parts[1] == box->machine ? (int64_t)(parts[0] << 24 | parts[2]) : 0;
}
