#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 65536

/* Reads on behind what the buffer holds. Sets *got to the number of bytes, 0 at the
 * end. */
static int fill(struct sc_journal_reader *r, size_t *got)
{
    struct sc_buf *b = &r->buf;
    ssize_t n;

    if (r->at) {
        memmove(b->data, b->data + r->at, b->len - r->at);
        b->len -= r->at;
        r->base += r->at;
        r->at = 0;
    }
    if (sc_buf_reserve(b, CHUNK))
        return ENOMEM;
    do
        n = pread(r->held.fd, b->data + b->len, CHUNK, (off_t)(r->base + b->len));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno;
    *got = (size_t)n;
    b->len += *got;
    return 0;
}

/* Whoever reads a file that is still written must not keep the end of it: it can be
 * cut off and written anew. */
static void forget(struct sc_journal_reader *r)
{
    r->base += r->at;
    r->at = 0;
    sc_buf_clear(&r->buf);
}

/* Goes to the next place where an entry can begin. */
static void skip(struct sc_journal_reader *r)
{
    const char *here = r->buf.data + r->at;
    size_t left = r->buf.len - r->at;
    const char *next = left > 1 ? memchr(here + 1, sc_journal_mark[0], left - 1) : NULL;
    size_t n = next ? (size_t)(next - here) : left;

    r->at += n;
    r->damaged += n;
}

int sc_journal_next(struct sc_journal_reader *r, struct sc_journal_entry *entry)
{
    for (;;) {
        size_t left = r->buf.len - r->at, got = 0;
        enum sc_journal_verdict verdict =
            left ? sc_journal_look(r->buf.data + r->at, left, entry) : SC_JOURNAL_PARTIAL;

        if (verdict == SC_JOURNAL_WHOLE) {
            r->at += SC_JOURNAL_HEAD + entry->len;
            entry->end = sc_journal_offset(r);
            return 0;
        }
        if (verdict == SC_JOURNAL_PARTIAL) {
            int rc = fill(r, &got);

            if (rc)
                return rc;
            if (got)
                continue;
        }
        if (!r->sealed || !left) {
            forget(r);
            return SC_JOURNAL_END;
        }
        skip(r);
    }
}

/* Whether a file without a good header is ours all the same: it has a whole entry. */
static int rescue(struct sc_journal_reader *r)
{
    struct sc_journal_entry entry;
    int rc;

    r->sealed = 1; /* look over damage */
    rc = sc_journal_next(r, &entry);
    r->sealed = 0;
    r->damaged = 0;
    r->at = 0;
    r->base = 0;
    sc_buf_clear(&r->buf);
    return rc == SC_JOURNAL_END ? SC_JOURNAL_FOREIGN : rc;
}

static int check(struct sc_journal_reader *r, uint64_t offset)
{
    struct stat st;
    size_t got = 0;
    int rc;

    if (fstat(r->held.fd, &st))
        return errno;
    if (!S_ISREG(st.st_mode))
        return SC_JOURNAL_FOREIGN;
    if ((uint64_t)st.st_size < offset) /* the machine died before the rest could last */
        offset = (uint64_t)st.st_size;
    rc = fill(r, &got);
    if (!rc)
        rc = sc_journal_check_header(r->buf.data, r->buf.len);
    if (rc == SC_JOURNAL_END)
        rc = rescue(r); /* its first bytes will be passed over as damage */
    else if (!rc && offset < SC_JOURNAL_HEADER)
        offset = SC_JOURNAL_HEADER;
    sc_buf_clear(&r->buf);
    r->base = offset;
    return rc;
}

int sc_journal_open(struct sc_journal_reader *r, const char *path, uint64_t offset)
{
    /* Not held up by a pipe of that name. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), rc;

    if (fd < 0)
        return errno;
    sc_held_take(&r->held, fd);
    r->open = 1;
    sc_buf_init(&r->buf, SC_JOURNAL_HEAD + SC_JOURNAL_LONGEST + CHUNK);
    rc = check(r, offset);
    if (rc)
        sc_journal_finish(r);
    return rc;
}

int sc_journal_sealed(struct sc_journal_reader *r)
{
    if (r->open && !r->sealed && flock(r->held.fd, LOCK_EX | LOCK_NB) == 0) {
        r->sealed = 1;
        forget(r); /* read while it could still change */
    }
    return r->sealed;
}

uint64_t sc_journal_offset(const struct sc_journal_reader *r)
{
    return r->base + r->at;
}

void sc_journal_finish(struct sc_journal_reader *r)
{
    if (!r->open)
        return;
    r->open = 0;
    sc_held_close(&r->held);
    sc_buf_free(&r->buf);
}
