/*
 * listener.h - a listening TCP socket: address text to bound descriptor, and the accept loop.
 *
 * Thread: the loop thread.
 */
#ifndef ONHAND_SERVER_LISTENER_H
#define ONHAND_SERVER_LISTENER_H

#include "onhand/error.h"
#include <stdint.h>

#define OH_ACCEPTS_PER_TURN_MAX 64

/*
 * oh_listener_open - bind and listen.
 *
 * Shapes: address "127.0.0.1:8080", "[::1]:8080", "0.0.0.0:0": numbers only, so nothing is looked up. Port 0: any.
 * Post:   *out_fd is non-blocking and close-on-exec; *out_port is the port in use.
 * Errors: OH_E_INVALID (not an address), OH_E_IO; diag says why.
 */
enum oh_err oh_listener_open(const char *address, struct oh_diag *diag, int *out_fd, uint16_t *out_port) OH_MUST_CHECK;

/*
 * oh_listener_accept - take waiting connections, at most OH_ACCEPTS_PER_TURN_MAX.
 *
 * `take` gets each descriptor, non-blocking, with Nagle's algorithm off, and owns it. *spare_fd is a
 * descriptor kept open on
 * nothing: when the process has run out of them it is closed for a moment, so that the client is turned away
 *          instead of
 * the loop spinning on a readable socket that cannot be accepted.
 * Returns the number of failed accepts.
 */
unsigned oh_listener_accept(int fd, int *spare_fd, void (*take)(void *context, int accepted_fd), void *context);

/* A descriptor for `spare_fd`, or -1. */
int oh_listener_spare_open(void);

#endif
