#include "server/listener.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST_SIZE_MAX 64
#define BACKLOG 1024 /* the kernel cuts it to net.core.somaxconn */

/* Splits "host:port"; brackets around an IPv6 host are taken off. */
static bool address_split(const char *address, char host[HOST_SIZE_MAX], const char **out_port)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon == address || colon[1] == '\0')
        return false;
    const char *start = address;
    const char *end = colon;
    if (*start == '[') {
        if (end[-1] != ']')
            return false;
        start++;
        end--;
    } else if (memchr(start, ':', (size_t)(end - start)) != NULL) {
        return false;
    }
    size_t size = (size_t)(end - start);
    if (size == 0 || size >= HOST_SIZE_MAX)
        return false;
    memcpy(host, start, size);
    host[size] = '\0';
    *out_port = colon + 1;
    return true;
}

static enum oh_err listener_bind(const struct addrinfo *info, const char *address, struct oh_diag *diag, int *out_fd)
{
    int on = 1;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool is_bound = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
                    (info->ai_family != AF_INET6 ||
                     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
                    bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0;
    if (!is_bound) {
        oh_diag_set(diag, "cannot listen on %s: %s", address, strerror(errno));
        if (fd >= 0)
            (void)close(fd);
        return OH_E_IO;
    }
    *out_fd = fd;
    return OH_OK;
}

static enum oh_err listener_port(int fd, const char *address, struct oh_diag *diag, uint16_t *out_port)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof(bound);
    memset(&bound, 0, sizeof(bound));
    if (getsockname(fd, (struct sockaddr *)&bound, &size) != 0) {
        oh_diag_set(diag, "cannot find out the port of %s: %s", address, strerror(errno));
        return OH_E_IO;
    }
    if (bound.ss_family == AF_INET6)
        *out_port = ntohs(((struct sockaddr_in6 *)&bound)->sin6_port);
    else
        *out_port = ntohs(((struct sockaddr_in *)&bound)->sin_port);
    return OH_OK;
}

enum oh_err oh_listener_open(const char *address, struct oh_diag *diag, int *out_fd, uint16_t *out_port)
{
    char host[HOST_SIZE_MAX];
    const char *port = NULL;
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM };
    struct addrinfo *info = NULL;
    if (!address_split(address, host, &port) || getaddrinfo(host, port, &hints, &info) != 0) {
        oh_diag_set(diag, "'%s' is not an address like 127.0.0.1:8080 or [::1]:8080", address);
        return OH_E_INVALID;
    }
    int fd = -1;
    enum oh_err err = listener_bind(info, address, diag, &fd);
    freeaddrinfo(info);
    if (err != OH_OK)
        return err;
    err = listener_port(fd, address, diag, out_port);
    if (err != OH_OK) {
        (void)close(fd);
        return err;
    }
    *out_fd = fd;
    return OH_OK;
}

int oh_listener_spare_open(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Out of descriptors: accept with the spare one, and hang up. */
static void listener_turn_away(int fd, int *spare_fd)
{
    if (*spare_fd < 0)
        return;
    (void)close(*spare_fd);
    int refused = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (refused >= 0)
        (void)close(refused);
    *spare_fd = oh_listener_spare_open();
}

unsigned oh_listener_accept(int fd, int *spare_fd, void (*take)(void *context, int accepted_fd), void *context)
{
    unsigned failed = 0;
    int on = 1;
    for (unsigned i = 0; i < OH_ACCEPTS_PER_TURN_MAX; i++) {
        int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0) {
            (void)setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            take(context, accepted);
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            break;
        failed++;
        if (errno == EMFILE || errno == ENFILE)
            listener_turn_away(fd, spare_fd);
    }
    return failed;
}
