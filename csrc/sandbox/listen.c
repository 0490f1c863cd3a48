#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;

        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)address;

        return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
    }
    return 0;
}

#ifdef SOCK_CLOEXEC /* at once, so that no fork of another thread comes between */
#define TAME_SOCKET (SOCK_CLOEXEC | SOCK_NONBLOCK)
#else
#define TAME_SOCKET 0
#endif

/* Makes a descriptor end with exec and never wait; the descriptor, or -1. */
static int tame(int fd)
{
    if (fd >= 0 && (fcntl(fd, F_SETFD, FD_CLOEXEC) || fcntl(fd, F_SETFL, O_NONBLOCK))) {
        close(fd);
        return -1;
    }
    return fd;
}

int sc_listen_pipe(int ends[2])
{
#ifdef __linux__
    return pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0;
#else
    int i;

    if (pipe(ends) != 0)
        return 0;
    for (i = 0; i < 2; i++)
        ends[i] = tame(ends[i]);
    if (ends[0] >= 0 && ends[1] >= 0)
        return 1;
    for (i = 0; i < 2; i++) {
        if (ends[i] >= 0)
            close(ends[i]);
        ends[i] = -1;
    }
    return 0;
#endif
}

int sc_listen_on(const struct sc_server_options *options, int *port, char *error,
                 size_t size)
{
    const char *address = options->address ? options->address : "127.0.0.1";
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    struct sockaddr_storage bound = {0};
    socklen_t len = sizeof bound;
    char service[16];
    int yes = 1;
    int fd = -1;

    snprintf(service, sizeof service, "%d", options->port);
    if (getaddrinfo(address, service, &hints, &found) != 0) {
        snprintf(error, size, "address: %.60s is not a numeric address", address);
        return -1;
    }
    if (!options->exposed && !is_loopback(found->ai_addr)) {
        snprintf(error, size,
                 "address: %.60s is not loopback; who wants others to reach the "
                 "sandbox says exposed = true",
                 address);
        goto out;
    }
    fd = tame(socket(found->ai_family, SOCK_STREAM | TAME_SOCKET, 0));
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, 511) == 0 &&
        getsockname(fd, (struct sockaddr *)&bound, &len) == 0) {
        struct sockaddr_in place; /* the port stands at the same one in both families */

        memcpy(&place, &bound, sizeof place);
        *port = ntohs(place.sin_port);
        goto out;
    }
    snprintf(error, size, "cannot listen on %.60s port %d: %s", address, options->port,
             strerror(errno));
    if (fd >= 0)
        close(fd);
    fd = -1;
out:
    freeaddrinfo(found);
    return fd;
}
