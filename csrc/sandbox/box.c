#include "engine.h"
#include "database.h"
#include "listing.h"
#include "store.h"
#include "wire.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_MAX_BODY (16u << 20)

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
    return sc_database_open(box, options->path && *options->path ? options->path : NULL);
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
    sc_database_close(box);
    if (box->credential)
        memset(box->credential, 0, strlen(box->credential));
    sqlite3_free(box->credential);
    sqlite3_free(box);
}

void sc_box_free(void *text)
{
    sqlite3_free(text);
}
