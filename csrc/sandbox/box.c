#include "engine.h"
#include "listing.h"
#include "store.h"
#include "wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DEFAULT_MAX_BODY (16u << 20)
#define SECONDS_MAX      0xffffffff /* what an id can hold: until 2106 */

int sc_box_fail(struct sc_box *box, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    sqlite3_vsnprintf(sizeof box->error, box->error, format, arguments);
    va_end(arguments);
    return SC_FAILED;
}

static int start(struct sc_box *box, const struct sc_box_options *options)
{
    box->seed = options->seed;
    box->standing = options->clock_ms != 0;
    box->clock_ms = options->clock_ms;
    box->max_body = options->max_body ? options->max_body : DEFAULT_MAX_BODY;
    if (box->max_body > INT32_MAX / 4)
        box->max_body = INT32_MAX / 4;
    box->credential = sc_wire_credential(options->user ? options->user : "api_user",
                                         options->key ? options->key : "api_key");
    box->examples = options->examples;
    if (!box->credential)
        return sc_box_fail(box, "out of memory");
    sc_box_switch_reset(box);
    return sc_store_open(box, options->path && *options->path ? options->path : NULL);
}

int sc_box_open(const struct sc_box_options *options, struct sc_box **box, char *error,
                size_t size)
{
    *box = sqlite3_malloc(sizeof **box);
    if (!*box)
        return SC_BOX_NOMEM;
    memset(*box, 0, sizeof **box);
    if (start(*box, options) == SC_DONE)
        return SC_BOX_OK;
    if (size)
        snprintf(error, size, "%s", (*box)->error);
    sc_box_close(*box);
    *box = NULL;
    return SC_BOX_STORE;
}

void sc_box_close(struct sc_box *box)
{
    if (!box)
        return;
    sc_listing_forget(box);
    sc_store_close(box);
    if (box->credential)
        memset(box->credential, 0, strlen(box->credential));
    sqlite3_free(box->credential);
    sqlite3_free(box);
}

const char *sc_box_error(const struct sc_box *box)
{
    return box->error;
}

void sc_box_free(void *text)
{
    sqlite3_free(text);
}

static int64_t machine_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t sc_box_clock(const struct sc_box *box)
{
    return box->standing ? box->clock_ms : machine_ms() + box->clock_ms;
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
