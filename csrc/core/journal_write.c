#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const char *bytes, size_t n)
{
    while (n) {
        ssize_t done = write(fd, bytes, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done ? errno : EIO;
        bytes += done;
        n -= (size_t)done;
    }
    return 0;
}

/* Locks a fresh file and gives it its header. The mode is set anew:
 * the umask may have taken away what its owner needs. */
static int prepare(int fd)
{
    char header[SC_JOURNAL_HEADER];

    sc_journal_put_header(header);
    if (fchmod(fd, S_IRUSR | S_IWUSR) || flock(fd, LOCK_EX | LOCK_NB))
        return errno;
    return write_all(fd, header, sizeof header);
}

/* Made under another name and linked when it is locked and whole: a reader that sees a
 * file of ours without a lock may rely on its writer being gone. */
static int make(int folder, const char *name, int *out)
{
    char fresh[NAME_MAX + 1];
    int n = snprintf(fresh, sizeof fresh, "%s.new", name), fd, rc;

    if (n < 0 || (size_t)n >= sizeof fresh)
        return ENAMETOOLONG;
    fd = openat(folder, fresh,
                O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
                S_IRUSR | S_IWUSR);
    if (fd < 0)
        return errno;
    rc = prepare(fd);
    if (!rc && linkat(folder, fresh, folder, name, 0))
        rc = errno;
    unlinkat(folder, fresh, 0);
    if (rc)
        close(fd);
    else
        *out = fd;
    return rc;
}

int sc_journal_create(struct sc_journal_writer *w, const char *folder, const char *name)
{
    int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1, rc;

    if (at < 0)
        return errno;
    rc = make(at, name, &fd);
    if (rc) {
        close(at);
        return rc;
    }
    w->file = sc_journal_file_new(fd, at);
    if (!w->file) {
        unlinkat(at, name, 0);
        close(fd);
        close(at);
        return ENOMEM;
    }
    w->open = 1;
    w->size = SC_JOURNAL_HEADER;
    sc_buf_init(&w->entry, SC_JOURNAL_HEAD + SC_JOURNAL_LONGEST);
    return 0;
}

/* Takes back what was written of an entry. */
static void undo(struct sc_journal_writer *w)
{
    if (ftruncate(sc_journal_file_fd(w->file), (off_t)w->size))
        sc_journal_close(w);
}

int sc_journal_append(struct sc_journal_writer *w, const char *bytes, size_t n,
                      int64_t stamp, int sync)
{
    char head[SC_JOURNAL_HEAD];
    int rc;

    if (!w->open)
        return EBADF;
    rc = sc_journal_file_failed(w->file);
    if (rc) {
        sc_journal_close(w);
        return rc;
    }
    if (n == 0 || n > SC_JOURNAL_LONGEST)
        return EMSGSIZE;
    sc_journal_put_head(head, bytes, n, stamp);
    sc_buf_clear(&w->entry);
    if (sc_buf_add(&w->entry, head, sizeof head) || sc_buf_add(&w->entry, bytes, n))
        return ENOMEM;
    rc = write_all(sc_journal_file_fd(w->file), w->entry.data, w->entry.len);
    if (rc) {
        undo(w);
        return rc;
    }
    rc = sync ? sc_journal_file_sync(w->file) : 0;
    if (rc) {
        undo(w);
        sc_journal_close(w);
        return rc;
    }
    w->size += w->entry.len;
    return 0;
}

int sc_journal_sync(struct sc_journal_writer *w)
{
    int rc;

    if (!w->open)
        return EBADF;
    rc = sc_journal_file_sync(w->file);
    if (rc)
        sc_journal_close(w);
    return rc;
}

void sc_journal_close(struct sc_journal_writer *w)
{
    if (!w->open)
        return;
    w->open = 0;
    sc_journal_file_drop(w->file);
    sc_buf_free(&w->entry);
}
