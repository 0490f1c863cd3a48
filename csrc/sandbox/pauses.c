#include "pauses.h"

#include <math.h>
#include <time.h>

double sc_pauses_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void sc_pauses_add(struct sc_pauses *all, struct sc_pause *pause, double due)
{
    pause->due = due;
    pause->next = all->first;
    all->first = pause;
    MHD_suspend_connection(pause->connection);
}

void sc_pauses_end(struct sc_pauses *all, int everybody)
{
    struct sc_pause **link = &all->first;
    double now = sc_pauses_now();

    while (*link) {
        struct sc_pause *pause = *link;

        if (everybody || pause->due <= now) {
            *link = pause->next;
            MHD_resume_connection(pause->connection);
        } else {
            link = &pause->next;
        }
    }
}

double sc_pauses_left(const struct sc_pauses *all)
{
    const struct sc_pause *pause;
    double now = sc_pauses_now(), left = INFINITY;

    for (pause = all->first; pause; pause = pause->next)
        left = fmin(left, fmax(0, pause->due - now));
    return left;
}

void sc_pauses_poll(struct pollfd *fds, nfds_t count, double seconds)
{
    double capped = fmin(seconds, 60);
#ifdef __linux__
    struct timespec limit;

    limit.tv_sec = (time_t)capped;
    limit.tv_nsec = (long)((capped - (double)limit.tv_sec) * 1e9);
    ppoll(fds, count, &limit, NULL);
#else
    poll(fds, count, (int)ceil(capped * 1000));
#endif
}
