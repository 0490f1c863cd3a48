/* peer: a loopback HTTP/1.1 server that misbehaves on request, for the specs of the HTTP engine.
 *
 *   peer DIRECTORY     prints three ports: HTTP, one that resets, one that stays mute; HTTP is
 *                      also at ::1
 *   peer free-port     prints a port that nobody listens on
 *
 * /echo           answers with the request as it came       /status/N  an empty answer
 * /raw/NAME       sends DIRECTORY/NAME byte by byte and closes; /keep/NAME leaves it open,
 *                 /tear/NAME resets instead of closing
 * /hang           no answer        /reset, /close   no answer and the connection ends
 * /fade           an answer, and then the connection is closed without a word
 * /stall          stops reading    /gate/N   answers when N requests wait here
 * /delay/MS       answers a kilobyte after so many milliseconds
 * /crash          ends the program, tunnels and all
 * /stats          connections=accepted open=now requests=seen
 * CONNECT HOST:P  a tunnel to loopback's port P; 407 for the host "denied"
 * One thread, poll(2), no care for speed. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 256

enum { SIX = 3, LISTENERS }; /* the listeners' numbers; the others are as their ports */

enum state { READING, HANGING, STALLED, GATED, DELAYED, TUNNEL };

struct peer {
    int fd, mate; /* mate: index of a tunnel's other end */
    enum state state;
    unsigned gate;
    double due; /* when a delayed answer goes out */
    char *in;
    size_t len, cap;
};

static struct peer peers[MOST];
static const char *directory;
static unsigned accepted, requests;

static int listen_on(int *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) || listen(fd, 128) ||
        getsockname(fd, (struct sockaddr *)&a, &n))
        _exit(1);
    *port = ntohs(a.sin_port);
    return fd;
}

/* The same port on IPv6's loopback; -1 where there is none. */
static int listen_on_six(int port)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);

    a.sin6_port = htons((uint16_t)port);
    if (fd >= 0 && (bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 128))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int add_peer(int fd)
{
    for (int i = 0; i < MOST; i++) {
        if (peers[i].fd < 0) {
            peers[i] = (struct peer){.fd = fd, .mate = -1};
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
            return i;
        }
    }
    close(fd);
    return -1;
}

static void end(struct peer *p, int reset)
{
    struct linger l = {.l_onoff = 1, .l_linger = 0};

    if (reset)
        setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
    close(p->fd);
    free(p->in);
    p->fd = -1;
    p->in = NULL;
    if (p->mate >= 0 && peers[p->mate].fd >= 0) {
        peers[p->mate].mate = -1;
        end(&peers[p->mate], reset);
    }
}

static int send_all(int fd, const char *data, size_t n)
{
    while (n) {
        ssize_t k = send(fd, data, n, MSG_NOSIGNAL);

        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return 0;
        data += k;
        n -= (size_t)k;
    }
    return 1;
}

static void answer(struct peer *p, int status, const char *body, size_t n)
{
    char head[160];
    int k = snprintf(
        head, sizeof head,
        "HTTP/1.1 %d Status\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
        status, n);

    if (send_all(p->fd, head, (size_t)k))
        send_all(p->fd, body, n);
}

/* Sends a file of raw bytes. */
static void send_file(struct peer *p, const char *name)
{
    char path[600], block[65536];
    size_t n;
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    f = fopen(path, "rb");
    if (!f)
        return;
    while ((n = fread(block, 1, sizeof block, f)) > 0 && send_all(p->fd, block, n))
        continue;
    fclose(f);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Sends the answers whose time has come. Returns the time until the next, or NULL: there is none. */
static const struct timespec *send_due(void)
{
    static char body[1024];
    static struct timespec wait;
    double at = now(), next = -1;

    if (!body[0])
        memset(body, 'x', sizeof body);
    for (int i = 0; i < MOST; i++) {
        if (peers[i].fd < 0 || peers[i].state != DELAYED)
            continue;
        if (peers[i].due <= at) {
            peers[i].state = READING;
            answer(&peers[i], 200, body, sizeof body);
        } else if (next < 0 || peers[i].due < next) {
            next = peers[i].due;
        }
    }
    wait.tv_sec = (time_t)(next - at);
    wait.tv_nsec = (long)((next - at - (double)wait.tv_sec) * 1e9);
    return next < 0 ? NULL : &wait;
}

static void open_gate(unsigned gate)
{
    unsigned waiting = 0;

    for (int i = 0; i < MOST; i++)
        waiting += peers[i].fd >= 0 && peers[i].state == GATED && peers[i].gate == gate;
    if (waiting < gate)
        return;
    for (int i = 0; i < MOST; i++) {
        if (peers[i].fd >= 0 && peers[i].state == GATED && peers[i].gate == gate) {
            peers[i].state = READING;
            answer(&peers[i], 200, "through", 7);
        }
    }
}

static void open_tunnel(struct peer *p, const char *target)
{
    static const char ok[] = "HTTP/1.1 200 Connected\r\n\r\n";
    static const char no[] = "HTTP/1.1 407 Who Are You\r\nContent-Length: 0\r\n\r\n";
    struct sockaddr_in a = {.sin_family = AF_INET};
    const char *colon = strchr(target, ':');
    int fd;

    if (!colon || strncmp(target, "denied:", 7) == 0) {
        send_all(p->fd, no, sizeof no - 1);
        return;
    }
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons((unsigned short)atoi(colon + 1));
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&a, sizeof a)) {
        close(fd);
        end(p, 0);
        return;
    }
    p->mate = add_peer(fd);
    peers[p->mate].mate = (int)(p - peers);
    peers[p->mate].state = p->state = TUNNEL;
    send_all(p->fd, ok, sizeof ok - 1);
}

static void serve(struct peer *p, const char *method, char *path, size_t len)
{
    char text[128];

    requests++;
    path[strcspn(path, "?")] = '\0';
    if (strcmp(method, "CONNECT") == 0) {
        open_tunnel(p, path);
    } else if (strncmp(path, "/status/", 8) == 0) {
        answer(p, atoi(path + 8), "", 0);
    } else if (strncmp(path, "/raw/", 5) == 0) {
        send_file(p, path + 5);
        end(p, 0);
    } else if (strncmp(path, "/tear/", 6) == 0) {
        send_file(p, path + 6);
        usleep(20000); /* a reset overtakes what is still on its way */
        end(p, 1);
    } else if (strncmp(path, "/keep/", 6) == 0) {
        send_file(p, path + 6);
    } else if (strcmp(path, "/crash") == 0) {
        _exit(0);
    } else if (strcmp(path, "/hang") == 0) {
        p->state = HANGING;
    } else if (strcmp(path, "/reset") == 0 || strcmp(path, "/close") == 0) {
        end(p, path[1] == 'r');
    } else if (strcmp(path, "/fade") == 0) {
        answer(p, 200, "faded", 5);
        end(p, 0);
    } else if (strncmp(path, "/gate/", 6) == 0) {
        p->state = GATED;
        p->gate = (unsigned)atoi(path + 6);
        open_gate(p->gate);
    } else if (strncmp(path, "/delay/", 7) == 0) {
        p->state = DELAYED;
        p->due = now() + atof(path + 7) / 1000;
    } else if (strcmp(path, "/stats") == 0) {
        unsigned open = 0;

        for (int i = 0; i < MOST; i++)
            open += peers[i].fd >= 0;
        answer(p, 200, text,
               (size_t)snprintf(text, sizeof text, "connections=%u open=%u requests=%u",
                                accepted, open, requests));
    } else {
        answer(p, 200, p->in, len);
    }
}

static size_t body_length(const char *head)
{
    for (const char *at = strstr(head, "\r\n"); at; at = strstr(at + 2, "\r\n")) {
        if (strncasecmp(at + 2, "Content-Length:", 15) == 0)
            return (size_t)strtoul(at + 17, NULL, 10);
    }
    return 0;
}

/* Serves the request at the front of what was read. Returns whether there was one. */
static int take_request(struct peer *p)
{
    char method[32] = "", path[2048] = "", *blank;
    size_t head, body;

    if (p->len && p->in[0] == 0x16) { /* a TLS handshake, which is not spoken here */
        answer(p, 400, "no TLS", 6);
        end(p, 0);
        return 0;
    }
    p->in[p->len] = '\0';
    blank = strstr(p->in, "\r\n\r\n");
    if (!blank)
        return 0;
    sscanf(p->in, "%31s %2047s", method, path);
    if (strcmp(path, "/stall") == 0) {
        p->state = STALLED;
        return 0;
    }
    *blank = '\0';
    body = body_length(p->in);
    *blank = '\r';
    head = (size_t)(blank + 4 - p->in);
    if (p->len < head + body)
        return 0;
    serve(p, method, path, head + body);
    if (p->fd < 0)
        return 0;
    p->len -= head + body;
    memmove(p->in, p->in + head + body, p->len);
    return p->state == READING;
}

static void receive(struct peer *p)
{
    ssize_t n;

    if (p->cap < p->len + 65536) {
        p->cap = (p->cap + 65536) * 2;
        p->in = realloc(p->in, p->cap + 1);
    }
    n = recv(p->fd, p->in + p->len, p->cap - p->len, 0);
    if (n <= 0) {
        end(p, 0);
        return;
    }
    if (p->state == TUNNEL) {
        if (p->mate < 0 || !send_all(peers[p->mate].fd, p->in, (size_t)n))
            end(p, 0);
        return;
    }
    p->len += (size_t)n;
    while (p->state == READING && take_request(p))
        continue;
}

int main(int argc, char **argv)
{
    int port[3], listener[LISTENERS], silent = 0;

    directory = argc > 1 ? argv[1] : ".";
    if (strcmp(directory, "free-port") == 0) {
        listen_on(port);
        printf("%d\n", port[0]);
        return 0;
    }
    for (int i = 0; i < MOST; i++)
        peers[i].fd = -1;
    for (int i = 0; i < 3; i++)
        listener[i] = listen_on(&port[i]);
    listener[SIX] = listen_on_six(port[0]);
    printf("%d %d %d\n", port[0], port[1], port[2]);
    fflush(stdout);
    for (;;) {
        struct pollfd wait[MOST + LISTENERS];
        int map[MOST + LISTENERS], n = LISTENERS;

        for (int i = 0; i < LISTENERS; i++)
            wait[i] = (struct pollfd){.fd = listener[i], .events = POLLIN};
        for (int i = 0; i < MOST; i++) {
            if (peers[i].fd >= 0 && peers[i].state != STALLED) {
                map[n] = i;
                wait[n++] = (struct pollfd){.fd = peers[i].fd, .events = POLLIN};
            }
        }
        if (ppoll(wait, (nfds_t)n, send_due(), NULL) < 0)
            continue;
        for (int i = LISTENERS; i < n; i++) {
            if (wait[i].revents && peers[map[i]].fd == wait[i].fd)
                receive(&peers[map[i]]);
        }
        for (int i = 0; i < LISTENERS; i++) {
            int fd = wait[i].revents ? accept(listener[i], NULL, NULL) : -1;

            if (fd < 0)
                continue;
            if (i == 0 || i == SIX) {
                accepted++;
                add_peer(fd);
            } else if (i == 1) {
                end(&(struct peer){.fd = fd, .mate = -1}, 1);
            } else {
                silent = fd; /* kept open on purpose, never read */
            }
        }
    }
    return silent;
}
