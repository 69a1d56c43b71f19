/*
 * socket.h - the three calls to the kernel that move a connection's bytes, as struct oh_transport counts them.
 *
 * Thread: whichever owns the descriptor.
 */
#ifndef ONHAND_SERVER_SOCKET_H
#define ONHAND_SERVER_SOCKET_H

#include <stddef.h>
#include <sys/types.h>

/* > 0 bytes, 0 the peer has ended its side, -EAGAIN nothing now, other -errno broken. Never blocks on these sockets. */
ssize_t oh_socket_recv(int fd, void *data, size_t size);
ssize_t oh_socket_send(int fd, const void *data, size_t size);

/* "No more from us". */
void oh_socket_shutdown_write(int fd);

#endif
