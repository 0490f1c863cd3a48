#include "engine.h"

#include <stdarg.h>
#include <time.h>

#define SECONDS_MAX 0xffffffff /* what an id can hold: until 2106 */

int sc_box_fail(struct sc_box *box, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    sqlite3_vsnprintf(sizeof box->error, box->error, format, arguments);
    va_end(arguments);
    return SC_FAILED;
}

const char *sc_box_error(const struct sc_box *box)
{
    return box->error;
}

static int64_t machine_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t sc_box_clock(const struct sc_box *box)
{
    if (box->standing)
        return box->clock_ms;
    return box->answering ? box->moment_ms : machine_ms() + box->clock_ms;
}

void sc_box_clock_set(struct sc_box *box, int64_t ms)
{
    box->standing = 1;
    box->clock_ms = ms;
}

void sc_box_clock_run(struct sc_box *box)
{
    if (box->standing)
        box->clock_ms -= machine_ms();
    box->standing = 0;
}

void sc_box_clock_advance(struct sc_box *box, int64_t ms)
{
    box->clock_ms += ms;
}

int64_t sc_box_seconds(const struct sc_box *box)
{
    int64_t seconds = sc_box_clock(box) / 1000;

    return seconds < 0 ? 0 : seconds > SECONDS_MAX ? SECONDS_MAX : seconds;
}
