/* lua_file: what bulk work needs of files and Lua's io does not have: identity, durable
 * writing, and writing from buffers.
 *
 * Every function returns true (or its result), or nil and the system's message. */
#include "lua_util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lualib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* core.file_info(path) -> { size =, mtime = "seconds.nanoseconds", kind = "file" |
 * "other" } */
static int file_info(lua_State *L)
{
    struct stat st;
    char time[64];

    if (stat(luaL_checkstring(L, 1), &st))
        return failed(L, errno);
    snprintf(time, sizeof time, "%lld.%09ld", (long long)st.st_mtim.tv_sec,
             (long)st.st_mtim.tv_nsec);
    lua_createtable(L, 0, 3);
    lua_pushinteger(L, (lua_Integer)st.st_size);
    lua_setfield(L, -2, "size");
    lua_pushstring(L, time);
    lua_setfield(L, -2, "mtime");
    lua_pushstring(L, S_ISREG(st.st_mode) ? "file" : "other");
    lua_setfield(L, -2, "kind");
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
    int rc = sync_path(luaL_checkstring(L, 1), O_RDONLY);

    return rc ? failed(L, rc) : succeeded(L);
}

/* core.truncate(path, size): the file, which is at least that long, ends there */
static int core_truncate(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
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

/* core.replace(path, temporary[, bytes]): the file is as before or holds the bytes,
 * whatever happens meanwhile; without bytes the temporary file is written already */
static int core_replace(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1), *temporary = luaL_checkstring(L, 2);
    size_t n = 0;
    const char *bytes = lua_isnoneornil(L, 3) ? NULL : sc_lua_checkbytes(L, 3, &n);
    int flags = bytes ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY;
    int fd = open(temporary, flags | O_CLOEXEC, 0666), rc = 0;

    if (fd < 0)
        return failed(L, errno);
    if (bytes)
        rc = write_all(fd, bytes, n);
    if (!rc && fsync(fd))
        rc = errno;
    if (close(fd) && !rc)
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

/* The open file at index, one of Lua's io. */
static FILE *check_file(lua_State *L, int index)
{
    FILE *file;
#if LUA_VERSION_NUM >= 502
    luaL_Stream *stream = luaL_checkudata(L, index, LUA_FILEHANDLE);

    file = stream->closef ? stream->f : NULL;
#else
    file = *(FILE **)luaL_checkudata(L, index, LUA_FILEHANDLE);
#endif
    luaL_argcheck(L, file, index, "the file is closed");
    return file;
}

static int write_file(FILE *file, const char *bytes, size_t n)
{
    errno = 0;
    if (!n || fwrite(bytes, 1, n, file) == n)
        return 0;
    return errno ? errno : EIO;
}

/* core.gather(file, gathered, bytes, count, most): adds the first count bytes to the buffer
 * gathered, which goes out to the open file before it passes most; with most = 0 all of it
 * goes. Bytes that were written make no Lua string on their way. */
static int core_gather(lua_State *L)
{
    FILE *file = check_file(L, 1);
    struct sc_buf *gathered = sc_lua_testbuffer(L, 2);
    size_t n;
    const char *bytes = sc_lua_checkbytes(L, 3, &n);
    lua_Number count = luaL_checknumber(L, 4), most = luaL_checknumber(L, 5);
    int rc = 0;

    luaL_argcheck(L, gathered && !gathered->locks, 2, "a buffer is wanted");
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
    static const luaL_Reg functions[] = {{"file_info", file_info},
                                         {"sync", core_sync},
                                         {"truncate", core_truncate},
                                         {"replace", core_replace},
                                         {"digest", core_digest},
                                         {"gather", core_gather},
                                         {NULL, NULL}};

    sc_setfuncs(L, functions);
}
