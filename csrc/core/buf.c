#include "buf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SMALLEST 256

void sc_buf_init(struct sc_buf *b, size_t max)
{
    b->data = NULL;
    b->len = 0;
    b->cap = 0;
    b->max = max;
    b->locks = 0;
}

int sc_buf_reserve(struct sc_buf *b, size_t more)
{
    size_t need, cap;
    char *data;

    if (b->locks)
        return SC_BUF_LOCKED;
    if (more > b->max || b->len > b->max - more)
        return SC_BUF_TOOBIG;
    need = b->len + more;
    if (need <= b->cap && b->data)
        return SC_BUF_OK;
    cap = b->cap < SMALLEST ? SMALLEST : b->cap;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 - SC_BUF_PAD ? need : cap * 2;
    if (cap > b->max)
        cap = b->max;
    if (cap > SIZE_MAX - SC_BUF_PAD)
        return SC_BUF_TOOBIG;
    data = realloc(b->data, cap + SC_BUF_PAD);
    if (!data)
        return SC_BUF_NOMEM;
    b->data = data;
    b->cap = cap;
    return SC_BUF_OK;
}

int sc_buf_add(struct sc_buf *b, const void *bytes, size_t n)
{
    int rc = sc_buf_reserve(b, n);

    if (rc)
        return rc;
    if (n)
        memcpy(b->data + b->len, bytes, n);
    b->len += n;
    return SC_BUF_OK;
}

int sc_buf_add_char(struct sc_buf *b, char c)
{
    return sc_buf_add(b, &c, 1);
}

void sc_buf_clear(struct sc_buf *b)
{
    if (!b->locks)
        b->len = 0;
}

void sc_buf_free(struct sc_buf *b)
{
    free(b->data);
    sc_buf_init(b, b->max);
}

void sc_wipe(void *p, size_t n)
{
    volatile unsigned char *byte = p;

    while (n--)
        *byte++ = 0;
}
