/*
 * reactor.h - what every thread with an event loop needs: its loop, and a way to be woken.
 */
#ifndef ONHAND_SERVER_REACTOR_H
#define ONHAND_SERVER_REACTOR_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>

/* epoll only: the edge-triggered events and EV_CLOSED need it. For one thread, without locks. NULL: cannot be had. */
struct event_base *oh_reactor_base_create(void);

/* Ends the wait of a loop. */
struct oh_waker {
    int fd; /* -1: closed */
    struct event event;
};

/* Thread: the loop's own, as fini. False: no descriptor, no memory; fini may be called. */
bool oh_waker_init(struct oh_waker *waker, struct event_base *base);
void oh_waker_fini(struct oh_waker *waker);

/* Any thread, and any signal handler: a turn happens soon. */
void oh_waker_wake(const struct oh_waker *waker);

#endif
