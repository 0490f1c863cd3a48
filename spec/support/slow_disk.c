/* slow_disk: preloaded, makes syncs of a collector's journal wait: each for SLOW_SYNC milliseconds, and
 * for as long as a file SYNC_GATE is there; with a file SYNC_GATE.fail they fail. SYNC_GATE.count gets a
 * byte for each that begins.
 * The environment is read when the program starts: nginx forgets it. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char gate[300];
static long slow;

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("SYNC_GATE"), *ms = getenv("SLOW_SYNC");

    snprintf(gate, sizeof gate, "%s", name ? name : "");
    slow = ms ? atol(ms) : 0;
}

static void pause_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&t, NULL);
}

static int is_there(const char *suffix)
{
    char path[320];

    snprintf(path, sizeof path, "%s%s", gate, suffix);
    return *gate && access(path, F_OK) == 0;
}

/* Whether it is a journal; counts it. */
static int count(int fd)
{
    char link[40], path[400];
    ssize_t n;
    int out;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    if (!strstr(path, ".journal")) /* a writer's descriptor goes by the name that it began with */
        return 0;
    if (!*gate)
        return 1;
    snprintf(path, sizeof path, "%s.count", gate);
    out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (out >= 0 && write(out, "x", 1) == 1)
        close(out);
    return 1;
}

static int sync_by(const char *name, int fd)
{
    int (*real)(int);

    *(void **)&real = dlsym(RTLD_NEXT, name);
    if (!count(fd))
        return real(fd);
    if (slow)
        pause_ms(slow);
    while (is_there(""))
        pause_ms(1);
    if (is_there(".fail")) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}

int fdatasync(int fd)
{
    return sync_by("fdatasync", fd);
}

int fsync(int fd)
{
    return sync_by("fsync", fd);
}
