#include "held.h"
#include "journal.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct sc_journal_file {
    pid_t pid;
    struct sc_held held;
    int folder; /* the file may not be in it after a power cut; -1: it is there for good */
    atomic_uint holders;
    atomic_int failed;
    pthread_mutex_t lock; /* one sync at a time */
};

struct sc_journal_file *sc_journal_file_new(int fd, int folder)
{
    struct sc_journal_file *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    f->pid = getpid();
    sc_held_take(&f->held, fd);
    f->folder = folder;
    atomic_init(&f->holders, 1);
    atomic_init(&f->failed, 0);
    pthread_mutex_init(&f->lock, NULL);
    return f;
}

int sc_journal_file_fd(const struct sc_journal_file *f)
{
    return f->held.fd;
}

/* The first sync also makes what came before the entries last: mode, header and name.
 * Some systems do not sync folders, and need not. */
static int make_last(struct sc_journal_file *f)
{
    if (f->folder < 0)
        return fdatasync(f->held.fd) ? errno : 0;
    if (fsync(f->held.fd) || (fsync(f->folder) && errno != EINVAL))
        return errno;
    close(f->folder);
    f->folder = -1;
    return 0;
}

int sc_journal_file_sync(struct sc_journal_file *f)
{
    int rc;

    pthread_mutex_lock(&f->lock);
    rc = sc_journal_file_failed(f);
    if (!rc) {
        rc = make_last(f);
        atomic_store(&f->failed, rc);
    }
    pthread_mutex_unlock(&f->lock);
    return rc;
}

int sc_journal_file_failed(struct sc_journal_file *f)
{
    return atomic_load(&f->failed);
}

void sc_journal_file_hold(struct sc_journal_file *f)
{
    atomic_fetch_add(&f->holders, 1);
}

/* In a process that was forked, the threads that held the file are not there to give it
 * back: its copy goes with the writer. */
void sc_journal_file_drop(struct sc_journal_file *f)
{
    int foreign = f->pid != getpid();

    if (!foreign && atomic_fetch_sub(&f->holders, 1) > 1)
        return;
    sc_held_close(&f->held);
    if (f->folder >= 0)
        close(f->folder);
    if (!foreign)
        pthread_mutex_destroy(&f->lock);
    free(f);
}
