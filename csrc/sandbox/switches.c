#include "engine.h"
#include "wire.h"

#include <string.h>

static const struct sc_box_switch table[] = {
#define SC_SWITCH_ROW(id, name, choices, fallback, rule) {name, choices, rule, fallback},
    SC_SWITCHES(SC_SWITCH_ROW)
#undef SC_SWITCH_ROW
};

const struct sc_box_switch *sc_box_switches(size_t *count)
{
    *count = SC_SW_COUNT;
    return table;
}

long sc_switches_get(struct sc_box *box, enum sc_switch which)
{
    box->assumed |= UINT64_C(1) << which;
    return box->switches[which].value;
}

long sc_switches_peek(const struct sc_box *box, enum sc_switch which)
{
    return box->switches[which].value;
}

static int find(const char *name)
{
    int i;

    for (i = 0; i < SC_SW_COUNT; i++)
        if (strcmp(table[i].name, name) == 0)
            return i;
    return -1;
}

/* The place of value among "a|b|c", or -1. */
static long choice(const char *choices, const char *value)
{
    size_t length = strlen(value), n;
    long index = 0;

    for (;; choices += n + 1, index++) {
        n = strcspn(choices, "|");
        if (n == length && memcmp(choices, value, n) == 0)
            return index;
        if (!choices[n])
            return -1;
    }
}

int sc_box_switch_set(struct sc_box *box, const char *name, const char *value)
{
    int which = find(name);
    int64_t number;

    if (which < 0) {
        sc_box_fail(box, "there is no switch [%.40s]", name);
        return SC_BOX_NOT_FOUND;
    }
    if (strcmp(table[which].choices, "number") == 0) {
        if (!sc_wire_integer(value, &number) || number < 0 || number > INT32_MAX)
            number = -1;
    } else {
        number = choice(table[which].choices, value);
    }
    if (number < 0) {
        if (strcmp(table[which].choices, "number") == 0)
            sc_box_fail(box, "a whole number of 0 or more is needed, not [%.40s]", value);
        else
            sc_box_fail(box, "%s is needed, not [%.40s]", table[which].choices, value);
        return SC_BOX_INVALID;
    }
    box->switches[which].value = (long)number;
    sqlite3_snprintf(sizeof box->switches[which].text, box->switches[which].text, "%s",
                     value);
    box->set_version = ++box->version; /* lists may have another order now */
    return SC_BOX_OK;
}

const char *sc_box_switch_get(struct sc_box *box, const char *name)
{
    int which = find(name);

    return which < 0 ? NULL : box->switches[which].text;
}

void sc_box_switch_reset(struct sc_box *box)
{
    char text[24];
    int i;

    for (i = 0; i < SC_SW_COUNT; i++) {
        if (strcmp(table[i].choices, "number") == 0)
            sqlite3_snprintf(sizeof text, text, "%ld", table[i].fallback);
        else
            sqlite3_snprintf(sizeof text, text, "%.*s",
                             (int)strcspn(table[i].choices, "|"), table[i].choices);
        sc_box_switch_set(box, table[i].name, text);
    }
}
