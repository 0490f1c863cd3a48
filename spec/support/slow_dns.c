/* slow_dns: preloaded, makes every look-up of a host name take five seconds. */
#include <netdb.h>
#include <unistd.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    (void)node, (void)service, (void)hints, (void)result;
    sleep(5);
    return EAI_NONAME;
}
