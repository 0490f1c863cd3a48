/* full_table: preloaded, leaves the library's helper thread without descriptors for as long as a file
 * TABLE_GATE is there: it can accept nobody, not even in the place of what it keeps for that. The
 * environment is read when the program starts: nginx forgets it. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char gate[300];

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("TABLE_GATE");

    snprintf(gate, sizeof gate, "%s", name ? name : "");
}

static int is_full(void)
{
    char name[16] = "";

    pthread_getname_np(pthread_self(), name, sizeof name);
    if (strcmp(name, "sendcloud") != 0 || access(gate, F_OK))
        return 0;
    errno = EMFILE;
    return 1;
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    int (*real)(int, struct sockaddr *, socklen_t *, int);

    *(void **)&real = dlsym(RTLD_NEXT, "accept4");
    return is_full() ? -1 : real(fd, address, size, flags);
}

int open(const char *path, int flags, ...)
{
    int (*real)(const char *, int, mode_t);
    mode_t mode;
    va_list more;

    va_start(more, flags);
    mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
    va_end(more);
    *(void **)&real = dlsym(RTLD_NEXT, "open");
    return strcmp(path, "/dev/null") == 0 && is_full() ? -1 : real(path, flags, mode);
}
