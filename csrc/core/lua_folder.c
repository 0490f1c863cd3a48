/* lua_folder: what the collector needs of folders and of files that several processes
 * share: private folders, what is in one, who holds a lock, lines added for good.
 *
 * Every function returns its result, or nil and the system's message. A lock is a
 * userdata that owns one descriptor, which a forked child does not keep. */
#include "held.h"
#include "lua_util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_TYPE "sendcloud.file_lock"

static int failed(lua_State *L, int code)
{
    lua_pushnil(L);
    lua_pushstring(L, strerror(code));
    return 2;
}

/* core.make_folder(path): it is there; a new one is its owner's alone */
static int core_make_folder(lua_State *L)
{
    const char *path = sc_lua_checkpath(L, 1);
    struct stat st;

    if (mkdir(path, S_IRWXU) == 0) {
        /* The umask may have taken away what its owner needs. */
        if (chmod(path, S_IRWXU))
            return failed(L, errno);
    } else if (errno != EEXIST || stat(path, &st)) {
        return failed(L, errno);
    } else if (!S_ISDIR(st.st_mode)) {
        return failed(L, ENOTDIR);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* A stream userdata, so that an error of Lua's on the way loses nothing. */
#define FOLDER_TYPE "sendcloud.folder"

static int folder_gc(lua_State *L)
{
    DIR **stream = luaL_checkudata(L, 1, FOLDER_TYPE);

    if (*stream)
        closedir(*stream);
    *stream = NULL;
    return 0;
}

/* core.folder(path) -> { name = size }, its plain files */
static int core_folder(lua_State *L)
{
    const char *path = sc_lua_checkpath(L, 1);
    DIR **stream = sc_lua_newobject(L, sizeof *stream, FOLDER_TYPE);
    struct dirent *entry;
    struct stat st;

    *stream = opendir(path);
    if (!*stream)
        return failed(L, errno);
    lua_newtable(L);
    while ((entry = readdir(*stream))) {
        if (fstatat(dirfd(*stream), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
            !S_ISREG(st.st_mode))
            continue;
        lua_pushnumber(L, (lua_Number)st.st_size);
        lua_setfield(L, -2, entry->d_name);
    }
    closedir(*stream);
    *stream = NULL;
    return 1;
}

struct lock {
    int is_held;
    struct sc_held held;
};

/* core.file_lock(path) -> lock, or nil, message, whether somebody else holds it. It is
 * given up when it is closed, and when the process ends, however it does. */
static int core_file_lock(lua_State *L)
{
    const char *path = sc_lua_checkpath(L, 1);
    struct lock *lock = sc_lua_newobject(L, sizeof *lock, LOCK_TYPE);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR),
        code;

    if (fd < 0)
        return failed(L, errno);
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        code = errno;
        close(fd);
        failed(L, code);
        lua_pushboolean(L, code == EWOULDBLOCK);
        return 3;
    }
    sc_held_take(&lock->held, fd);
    lock->is_held = 1;
    return 1;
}

static int lock_close(lua_State *L)
{
    struct lock *lock = luaL_checkudata(L, 1, LOCK_TYPE);

    if (lock->is_held)
        sc_held_close(&lock->held);
    lock->is_held = 0;
    return 0;
}

/* Writes behind what is there; a line that an earlier writer left torn is ended first. */
static int add(int fd, const char *bytes, size_t n)
{
    struct stat st;
    ssize_t done;
    char last = '\n';

    if (fchmod(fd, S_IRUSR | S_IWUSR) || fstat(fd, &st))
        return errno;
    if (st.st_size && pread(fd, &last, 1, st.st_size - 1) != 1)
        return EIO;
    if (last != '\n' && write(fd, "\n", 1) != 1)
        return EIO;
    while (n) {
        done = write(fd, bytes, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done ? errno : EIO;
        bytes += done;
        n -= (size_t)done;
    }
    return fdatasync(fd) ? errno : 0;
}

/* core.add_lines(path, bytes): they stand at the end of the file, which only its owner
 * reads, for good. When that fails, some of them may. */
static int core_add_lines(lua_State *L)
{
    const char *path = sc_lua_checkpath(L, 1);
    size_t n;
    const char *bytes = sc_lua_checkbytes(L, 2, &n);
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
                  S_IRUSR | S_IWUSR);
    int rc;

    if (fd < 0)
        return failed(L, errno);
    rc = add(fd, bytes, n);
    close(fd);
    if (rc)
        return failed(L, rc);
    lua_pushboolean(L, 1);
    return 1;
}

void sc_open_folder(lua_State *L)
{
    static const luaL_Reg lock[] = {{"close", lock_close}, {NULL, NULL}};
    static const luaL_Reg lock_meta[] = {
        {"__gc", lock_close}, {"__close", lock_close}, {NULL, NULL}};
    static const luaL_Reg folder_meta[] = {{"__gc", folder_gc}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"make_folder", core_make_folder},
                                         {"folder", core_folder},
                                         {"file_lock", core_file_lock},
                                         {"add_lines", core_add_lines},
                                         {NULL, NULL}};

    sc_lua_newtype(L, LOCK_TYPE, lock, lock_meta);
    sc_lua_newtype(L, FOLDER_TYPE, NULL, folder_meta);
    sc_setfuncs(L, functions);
}
