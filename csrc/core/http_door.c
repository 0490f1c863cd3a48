#include "http_door.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PREFIX      "sendcloud-"
#define SOCKET_NAME "/s"
#define FRESH_NAME  "+" /* behind that */
#define BACKLOG     511
#ifdef SOCK_CLOEXEC /* else make_private says it, a moment later */
#define CLOSED_BY_EXEC SOCK_CLOEXEC
#define accept_one(fd) accept4(fd, NULL, NULL, CLOSED_BY_EXEC)
#else
#define CLOSED_BY_EXEC 0
#define accept_one(fd) accept(fd, NULL, NULL)
#endif
#define SETTLED 60 /* seconds after which a folder without a socket was left behind */

static int make_private(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) ||
           fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static int new_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | CLOSED_BY_EXEC, 0);

    if (fd >= 0 && make_private(fd)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* 0: too long for a socket's address. */
static int set_address(struct sockaddr_un *address, const char *path)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address->sun_path)
        return 0;
    memcpy(address->sun_path, path, strlen(path) + 1);
    return 1;
}

/* Whether nobody listens at a socket file that is there. */
static int is_deserted(const char *path)
{
    struct sockaddr_un address;
    int fd, deserted;

    if (!set_address(&address, path))
        return 0;
    fd = new_socket();
    if (fd < 0)
        return 0;
    deserted =
        connect(fd, (struct sockaddr *)&address, sizeof address) && errno == ECONNREFUSED;
    close(fd);
    return deserted;
}

/* Removes a folder of a process that is gone. A number alone proves nothing: processes
 * of another container may share the folder, so its socket has to be dead too. */
static void sweep_folder(const char *folder)
{
    char path[SC_HTTP_DOOR_PATH + 300];
    struct stat state;

    if (lstat(folder, &state) || !S_ISDIR(state.st_mode) || state.st_uid != geteuid())
        return;
    snprintf(path, sizeof path, "%s" SOCKET_NAME, folder);
    if (access(path, F_OK) == 0) {
        if (is_deserted(path) && unlink(path) == 0) {
            snprintf(path, sizeof path, "%s" SOCKET_NAME FRESH_NAME, folder);
            unlink(path);
            rmdir(folder);
        }
    } else if (time(NULL) - state.st_mtime > SETTLED) {
        rmdir(folder);
    }
}

static void sweep(const char *base)
{
    DIR *all = opendir(base);
    struct dirent *entry;
    char folder[SC_HTTP_DOOR_PATH + 256];

    if (!all)
        return;
    while ((entry = readdir(all))) {
        char *rest;
        long pid;

        if (strncmp(entry->d_name, PREFIX, sizeof PREFIX - 1) != 0)
            continue;
        pid = strtol(entry->d_name + sizeof PREFIX - 1, &rest, 10);
        if (pid < 1 || *rest != '-' || kill((pid_t)pid, 0) == 0 || errno != ESRCH)
            continue;
        if ((size_t)snprintf(folder, sizeof folder, "%s/%s", base, entry->d_name) <
            sizeof folder)
            sweep_folder(folder);
    }
    closedir(all);
}

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int listen_at(struct sc_http_door *door, const char *path)
{
    struct sockaddr_un address;

    if (!set_address(&address, path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    door->fd = new_socket();
    if (door->fd < 0)
        return -1;
    if (bind(door->fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        listen(door->fd, BACKLOG) == 0) {
        door->spare = open_spare();
        return 0;
    }
    close(door->fd);
    door->fd = -1;
    return -1;
}

/* 0, or -1 with errno. */
static int open_in(struct sc_http_door *door, const char *base)
{
    int code;

    code = snprintf(door->folder, sizeof door->folder, "%s/" PREFIX "%ld-XXXXXX", base,
                    (long)door->pid);
    if ((size_t)code + sizeof SOCKET_NAME > sizeof door->folder) {
        *door->folder = '\0';
        errno = ENAMETOOLONG;
        return -1;
    }
    sweep(base);
    if (!mkdtemp(door->folder)) {
        *door->folder = '\0';
        return -1;
    }
    memcpy(door->path, door->folder, (size_t)code);
    memcpy(door->path + code, SOCKET_NAME, sizeof SOCKET_NAME);
    if (listen_at(door, door->path) == 0)
        return 0;
    code = errno;
    unlink(door->path);
    rmdir(door->folder);
    *door->folder = '\0';
    errno = code;
    return -1;
}

int sc_http_door_open(struct sc_http_door *door, char *why, size_t size)
{
    static const char *const usual[] = {"/tmp", "/var/tmp", "/dev/shm"};
    const char *wanted = getenv("TMPDIR");
    size_t i;

    memset(door, 0, sizeof *door);
    door->fd = door->spare = -1;
    door->pid = getpid();
    if (wanted && *wanted) {
        if (open_in(door, wanted) == 0)
            return 0;
        snprintf(why, size, "no socket in TMPDIR (%.120s): %s", wanted, strerror(errno));
        return -1;
    }
    for (i = 0; i < sizeof usual / sizeof *usual; i++) {
        if (open_in(door, usual[i]) == 0)
            return 0;
    }
    snprintf(why, size, "no socket in /tmp, /var/tmp or /dev/shm: %s", strerror(errno));
    return -1;
}

/* Whether the other end is this process. */
static int is_own(int fd, pid_t pid)
{
#ifdef SO_PEERCRED
    struct ucred who;
    socklen_t size = sizeof who;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.pid == pid;
#else
    uid_t user;
    gid_t group;

    (void)pid; /* the folder keeps other users out, and this asks once more */
    return getpeereid(fd, &user, &group) == 0 && user == geteuid();
#endif
}

/* Lets somebody in for whom there is no descriptor, and out again. 0: not even that. */
static int turn_away(struct sc_http_door *door)
{
    char line[32];
    int fd;

    if (door->spare < 0)
        door->spare = open_spare();
    if (door->spare < 0)
        return 0;
    close(door->spare);
    fd = accept_one(door->fd);
    if (fd >= 0) {
        (void)!recv(fd, line, sizeof line,
                    MSG_DONTWAIT); /* unread, it would look like an error */
        close(fd);
    }
    door->spare = open_spare();
    return fd >= 0;
}

int sc_http_door_accept(struct sc_http_door *door)
{
    int fd;

    for (;;) {
        fd = accept_one(door->fd);
        if (fd >= 0) {
            if (is_own(fd, door->pid) && !make_private(fd))
                return fd;
            close(fd);
        } else if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS &&
                   errno != ENOMEM) {
            return -1;
        } else if (!turn_away(door)) {
            return -2;
        }
    }
}

void sc_http_door_shut(struct sc_http_door *door)
{
    if (door->fd >= 0)
        close(door->fd);
    if (door->spare >= 0)
        close(door->spare);
    door->fd = door->spare = -1;
}

/* The new socket takes the old one's place in one step: whoever looks for the door
 * always sees one. */
int sc_http_door_reopen(struct sc_http_door *door)
{
    char fresh[SC_HTTP_DOOR_PATH + sizeof FRESH_NAME];

    snprintf(fresh, sizeof fresh, "%s" FRESH_NAME, door->path);
    unlink(fresh);
    if (listen_at(door, fresh))
        return -1;
    if (door->spare >= 0 && rename(fresh, door->path) == 0)
        return 0;
    sc_http_door_shut(door);
    unlink(fresh);
    return -1;
}

void sc_http_door_close(struct sc_http_door *door)
{
    if (!*door->folder)
        return;
    sc_http_door_shut(door);
    if (door->pid != getpid()) /* a forked child's copy: the folder is the parent's */
        return;
    unlink(door->path);
    rmdir(door->folder);
    *door->folder = '\0';
}
