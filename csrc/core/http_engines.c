#include "http_engines.h"

#include <pthread.h>
#include <stdlib.h>

#define CONNECTIONS 4 /* that an engine keeps; it has one job at a time */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sc_http_engine *idle; /* lock */

struct sc_http_engine *sc_http_engines_take(void)
{
    struct sc_http_engine *engine;

    pthread_mutex_lock(&lock);
    while (idle && sc_http_is_foreign(idle->http))
        idle = idle->next;
    engine = idle;
    if (engine)
        idle = engine->next;
    pthread_mutex_unlock(&lock);
    if (engine)
        return engine;
    engine = calloc(1, sizeof *engine);
    if (!engine)
        return NULL;
    engine->http = sc_http_new(CONNECTIONS);
    if (engine->http)
        return engine;
    free(engine);
    return NULL;
}

void sc_http_engines_put(struct sc_http_engine *engine)
{
    if (!engine)
        return;
    pthread_mutex_lock(&lock);
    engine->next = idle;
    idle = engine;
    pthread_mutex_unlock(&lock);
}
