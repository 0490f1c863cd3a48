/* lua_file: what bulk work needs of files and Lua's io does not have: identity, durable
 * writing, and writing from buffers.
 *
 * Every function returns true (or its result), or nil and the system's message. */
#include "lua_util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __APPLE__
#define CHANGED st_mtimespec
#else
#define CHANGED st_mtim
#endif

#define LINKS 40 /* as many as the system follows */

static int failed(lua_State *L, int code)
{
    lua_pushnil(L);
    lua_pushstring(L, strerror(code));
    return 2;
}

static int succeeded(lua_State *L)
{
    lua_pushboolean(L, 1);
    return 1;
}

/* What stands at the path, or behind the open file, at index 1. */
static int look(lua_State *L, struct stat *st)
{
    FILE *file;

    if (lua_type(L, 1) != LUA_TUSERDATA)
        return stat(sc_lua_checkpath(L, 1), st) ? errno : 0;
    file = sc_checkfile(L, 1);
    return !file ? EBADF : fstat(fileno(file), st) ? errno : 0;
}

/* core.file_info(path or open file) -> { size =, mtime = "seconds.nanoseconds", kind =
 * "file" | "directory" | "other", id = the same for all names of one file } */
static int file_info(lua_State *L)
{
    struct stat st;
    char text[64];
    int rc = look(L, &st);

    if (rc)
        return failed(L, rc);
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, (lua_Integer)st.st_size);
    lua_setfield(L, -2, "size");
    snprintf(text, sizeof text, "%lld.%09ld", (long long)st.CHANGED.tv_sec,
             (long)st.CHANGED.tv_nsec);
    lua_pushstring(L, text);
    lua_setfield(L, -2, "mtime");
    snprintf(text, sizeof text, "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    lua_pushstring(L, text);
    lua_setfield(L, -2, "id");
    lua_pushstring(L, S_ISREG(st.st_mode)   ? "file"
                      : S_ISDIR(st.st_mode) ? "directory"
                                            : "other");
    lua_setfield(L, -2, "kind");
    return 1;
}

/* Puts what the symbolic link at path says in its place. 1; 0: it is none; or an errno. */
static int follow_once(char path[PATH_MAX])
{
    char target[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    ssize_t n;

    /* Links there are names of open files. */
    if (!strncmp(path, "/proc/", 6) || !strncmp(path, "/dev/fd/", 8))
        return 0;
    n = readlink(path, target, sizeof target);
    if (n < 0)
        return errno == EINVAL || errno == ENOENT ? 0 : errno;
    if (n && target[0] == '/')
        folder = 0;
    if (folder + (size_t)n >= PATH_MAX)
        return ENAMETOOLONG;
    memcpy(path + folder, target, (size_t)n);
    path[folder + (size_t)n] = 0;
    return 1;
}

/* core.follow(path) -> where the symbolic links that it may be lead in the end; nothing
 * need be there */
static int core_follow(lua_State *L)
{
    const char *given = sc_lua_checkpath(L, 1);
    size_t n = strlen(given);
    char path[PATH_MAX];
    int rc = 1;

    if (n >= sizeof path)
        return failed(L, ENAMETOOLONG);
    memcpy(path, given, n + 1);
    for (int links = 0; rc == 1 && links < LINKS; links++)
        rc = follow_once(path);
    if (rc)
        return failed(L, rc == 1 ? ELOOP : rc);
    lua_pushstring(L, path);
    return 1;
}

static int sync_path(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC), rc;

    if (fd < 0)
        return errno;
    rc = fsync(fd) ? errno : 0;
    close(fd);
    /* A file system that cannot sync a directory has nothing to lose there. */
    return rc == EINVAL || rc == EROFS ? 0 : rc;
}

/* core.sync(path): what was written to the file lasts */
static int core_sync(lua_State *L)
{
    int rc = sync_path(sc_lua_checkpath(L, 1), O_RDONLY);

    return rc ? failed(L, rc) : succeeded(L);
}

/* core.truncate(path, size): the file, which is at least that long, ends there */
static int core_truncate(lua_State *L)
{
    const char *path = sc_lua_checkpath(L, 1);
    lua_Number size = luaL_checknumber(L, 2);
    struct stat st;

    luaL_argcheck(L, size >= 0 && size < 9e15, 2, "out of range");
    if (stat(path, &st))
        return failed(L, errno);
    if ((lua_Number)st.st_size < size) {
        lua_pushnil(L);
        lua_pushliteral(L, "it is shorter than it was");
        return 2;
    }
    if (truncate(path, (off_t)size))
        return failed(L, errno);
    return succeeded(L);
}

static int write_all(int fd, const char *bytes, size_t n)
{
    while (n) {
        ssize_t done = write(fd, bytes, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return errno;
        bytes += done;
        n -= (size_t)done;
    }
    return 0;
}

/* Makes the entry of path in its directory last. */
static int sync_directory(const char *path)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;

    if (n >= sizeof directory)
        return ENAMETOOLONG;
    memcpy(directory, path, n);
    directory[n] = 0;
    return sync_path(!slash ? "." : n ? directory : "/", O_RDONLY | O_DIRECTORY);
}

/* A file that takes another one's place is open to no more people than that was. */
static void take_mode(int fd, const char *path)
{
    struct stat st;

    if (!stat(path, &st) && S_ISREG(st.st_mode))
        (void)!fchmod(fd, st.st_mode & 0777);
}

/* core.replace(path, temporary[, bytes[, private]]): the file is as before or holds the
 * bytes, whatever happens meanwhile; without bytes the temporary file is written already.
 * A private one is for its owner's eyes. */
static int core_replace(lua_State *L)
{
    const char *path = sc_lua_checkpath(L, 1), *temporary = sc_lua_checkpath(L, 2);
    size_t n = 0;
    const char *bytes = lua_isnoneornil(L, 3) ? NULL : sc_lua_checkbytes(L, 3, &n);
    int flags = bytes ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY;
    /* In a folder that others write to, the temporary file may be a link of theirs. */
    int fd = open(temporary, flags | O_NOFOLLOW | O_CLOEXEC,
                  lua_toboolean(L, 4) ? 0600 : 0666),
        rc = 0;

    if (fd < 0)
        return failed(L, errno);
    take_mode(fd, path);
    if (bytes)
        rc = write_all(fd, bytes, n);
    if (!rc && fsync(fd))
        rc = errno;
    if (close(fd) && !rc && errno != EINTR) /* closed all the same, and synced before */
        rc = errno;
    if (!rc && rename(temporary, path))
        rc = errno;
    if (!rc)
        rc = sync_directory(path);
    else if (bytes)
        unlink(temporary);
    return rc ? failed(L, rc) : succeeded(L);
}

/* ---- gathering ---- */

static int write_file(FILE *file, const char *bytes, size_t n)
{
    errno = 0;
    if (!n || fwrite(bytes, 1, n, file) == n)
        return 0;
    return errno ? errno : EIO;
}

/* core.gather(file, gathered, bytes, count, most): adds the first count bytes to the
 * buffer gathered, which goes out to the open file before it passes most; with most =
 * 0 all of it goes. Bytes that were written make no Lua string on their way. */
static int core_gather(lua_State *L)
{
    FILE *file = sc_checkfile(L, 1);
    struct sc_buf *gathered = sc_lua_testbuffer(L, 2);
    size_t n;
    const char *bytes = sc_lua_checkbytes(L, 3, &n);
    lua_Number count = luaL_checknumber(L, 4), most = luaL_checknumber(L, 5);
    int rc = 0;

    luaL_argcheck(L, file, 1, "the file is closed");
    luaL_argcheck(L, gathered && !gathered->locks, 2, "a buffer is wanted");
    luaL_argcheck(L, gathered != sc_lua_testbuffer(L, 3), 3, "another buffer is wanted");
    luaL_argcheck(L, count >= 0 && count <= (lua_Number)n, 4, "out of range");
    n = (size_t)count;
    if (gathered->len && (lua_Number)(gathered->len + n) > most) {
        rc = write_file(file, gathered->data, gathered->len);
        sc_buf_clear(gathered);
    }
    if (!rc && (lua_Number)n > most)
        rc = write_file(file, bytes, n);
    else if (!rc && sc_buf_add(gathered, bytes, n))
        return luaL_error(L, "not enough memory to write a file");
    return rc ? failed(L, rc) : succeeded(L);
}

/* core.digest(bytes) -> 16 hexadecimal digits (FNV-1a): tells texts apart, keeps no
 * secret */
static int core_digest(lua_State *L)
{
    size_t n;
    const char *bytes = sc_lua_checkbytes(L, 1, &n);
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    char text[17];

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
    lua_pushstring(L, text);
    return 1;
}

void sc_open_file(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"file_info", file_info},    {"sync", core_sync},
        {"truncate", core_truncate}, {"replace", core_replace},
        {"follow", core_follow},     {"digest", core_digest},
        {"gather", core_gather},     {NULL, NULL}};

    sc_setfuncs(L, functions);
}
