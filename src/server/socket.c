#include "server/socket.h"
#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>

#define INTERRUPTS_MAX 10000 /* in a row; a call that is interrupted more often is not getting anywhere */

static ssize_t socket_result(ssize_t result)
{
    if (result >= 0)
        return result;
    return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

/* Counts an interrupted call; true while it should be repeated: no edge announces again what is there already. */
static bool is_interrupted(ssize_t result, int *count)
{
    return result < 0 && errno == EINTR && (*count)++ < INTERRUPTS_MAX;
}

ssize_t oh_socket_recv(int fd, void *data, size_t size)
{
    int interrupts = 0;
    ssize_t got;
    do {
        got = recv(fd, data, size, 0);
    } while (is_interrupted(got, &interrupts));
    return socket_result(got);
}

ssize_t oh_socket_send(int fd, const void *data, size_t size)
{
    int interrupts = 0;
    ssize_t sent;
    do {
        sent = send(fd, data, size, MSG_NOSIGNAL);
    } while (is_interrupted(sent, &interrupts));
    return socket_result(sent);
}

void oh_socket_shutdown_write(int fd)
{
    (void)shutdown(fd, SHUT_WR);
}
