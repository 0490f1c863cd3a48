#include "dialect.h"
#include "wire.h"

#include <stdarg.h>
#include <string.h>

#define PAGE_MAX     100
#define PAGE_DEFAULT 10

int sc_call_refuse(struct sc_call *call, int status, const char *parameter,
                   const char *format, ...)
{
    char message[512];
    va_list arguments;

    va_start(arguments, format);
    sqlite3_vsnprintf(sizeof message, message, format, arguments);
    va_end(arguments);
    if (sc_wire_characters(message, strlen(message)) < 0) /* cut inside a character */
        sqlite3_snprintf(sizeof message, message, "the value cannot be");
    sqlite3_str_reset(call->out);
    call->status = status;
    return call->dialect->error(call, parameter, message);
}

int sc_call_missing(struct sc_call *call)
{
    return sc_call_refuse(call, 404, "", "resource not found");
}

const char *sc_call_param(const struct sc_call *call, const char *name)
{
    size_t i;

    for (i = 0; i < call->param_count; i++)
        if (strcmp(call->params[i].name, name) == 0)
            return call->params[i].value;
    return NULL;
}

/* A number of the query in low..high. */
static int ranged(struct sc_call *call, const char *name, int64_t low, int64_t high,
                  int64_t *value)
{
    const char *text = sc_call_param(call, name);

    if (!text || !*text)
        return SC_DONE;
    if (!sc_wire_integer(text, value))
        return sc_call_refuse(call, 400, name, "%s must be an integer", name);
    if (*value >= low && *value <= high)
        return SC_DONE;
    if (sc_switches_get(call->box, SC_SW_PAGE_RANGE) == 0)
        return sc_call_refuse(
            call, 400, name,
            high == INT64_MAX ? "%s must be 0 or more" : "%s must be 1 to 100", name);
    *value = *value < low ? low : high;
    return SC_DONE;
}

int sc_call_page(struct sc_call *call, int64_t *offset, int64_t *count)
{
    int outcome;

    *offset = 0;
    *count = PAGE_DEFAULT;
    outcome = ranged(call, "offset", 0, INT64_MAX, offset);
    if (outcome == SC_DONE)
        outcome = ranged(call, call->dialect->page_size, 1, PAGE_MAX, count);
    return outcome;
}
