/* authorities: preloaded, puts the file that AUTHORITIES names in the place of the system's bundle of
 * certificate authorities, and counts the bundle's readers by a byte each in AUTHORITIES_READ. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *file, *count;

__attribute__((constructor)) static void remember(void)
{
    file = getenv("AUTHORITIES"); /* nginx wipes the environment later */
    count = getenv("AUTHORITIES_READ");
    file = file ? strdup(file) : NULL;
    count = count ? strdup(count) : NULL;
}

static FILE *open_file(const char *name, const char *path, const char *mode)
{
    FILE *(*next)(const char *, const char *);
    FILE *seen;

    *(void **)&next = dlsym(RTLD_NEXT, name);
    if (!file || strcmp(path, "/etc/ssl/certs/ca-certificates.crt") != 0)
        return next(path, mode);
    seen = count ? next(count, "a") : NULL;
    if (seen) {
        fputc('x', seen);
        fclose(seen);
    }
    return next(file, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    return open_file("fopen", path, mode);
}

FILE *fopen64(const char *path, const char *mode)
{
    return open_file("fopen64", path, mode);
}
