#include "held.h"

#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sc_held *all; /* lock */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void in_parent(void)
{
    pthread_mutex_unlock(&lock);
}

static void in_child(void)
{
    for (; all; all = all->next) {
        close(all->fd);
        all->fd = -1;
    }
    pthread_mutex_unlock(&lock);
}

static void watch(void)
{
    pthread_atfork(before_fork, in_parent, in_child);
}

void sc_held_take(struct sc_held *h, int fd)
{
    pthread_once(&once, watch);
    pthread_mutex_lock(&lock);
    h->fd = fd;
    h->previous = NULL;
    h->next = all;
    if (all)
        all->previous = h;
    all = h;
    pthread_mutex_unlock(&lock);
}

void sc_held_close(struct sc_held *h)
{
    pthread_mutex_lock(&lock);
    if (h->fd >= 0) {
        if (h->previous)
            h->previous->next = h->next;
        else
            all = h->next;
        if (h->next)
            h->next->previous = h->previous;
        close(h->fd);
        h->fd = -1;
    }
    pthread_mutex_unlock(&lock);
}
