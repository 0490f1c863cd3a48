/* bad_disk: preloaded, makes writing to plain files fail: BAD_WRITE, BAD_SYNC and BAD_CUT name the
 * n-th write, fdatasync and ftruncate that does, again and again. A write that fails has written half. */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int fails(const char *name, long *count)
{
    const char *every = getenv(name);

    return every && ++*count % atol(every) == 0;
}

static int is_file(int fd)
{
    struct stat st;

    return fd > 2 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= 16;
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    static ssize_t (*real)(int, const void *, size_t);
    static long count, failing;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "write");
    if (!is_file(fd))
        return real(fd, bytes, n);
    if (failing) {
        failing = 0;
        errno = ENOSPC;
        return -1;
    }
    if (fails("BAD_WRITE", &count)) {
        failing = 1;
        return real(fd, bytes, n / 2);
    }
    return real(fd, bytes, n);
}

int fdatasync(int fd)
{
    static int (*real)(int);
    static long count;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    if (fails("BAD_SYNC", &count)) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}

int ftruncate(int fd, off_t size)
{
    static int (*real)(int, off_t);
    static long count;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "ftruncate");
    if (fails("BAD_CUT", &count)) {
        errno = EIO;
        return -1;
    }
    return real(fd, size);
}
