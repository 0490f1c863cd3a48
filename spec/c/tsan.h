/* What the programs under ThreadSanitizer share: saying what went wrong, and waiting. */
#ifndef TSAN_H
#define TSAN_H

#include <stdio.h>
#include <time.h>

static int wrong; /* whether something was: the exit code */

static void fail(const char *what)
{
    fprintf(stderr, "wrong: %s\n", what);
    __atomic_store_n(&wrong, 1, __ATOMIC_SEQ_CST);
}

static void pause_ms(long ms)
{
    struct timespec t = {0, ms * 1000000};

    nanosleep(&t, NULL);
}

#endif
