/*
 * reactor.h - what every thread with an event loop needs: its loop, and a way to be woken.
 */
#ifndef ONHAND_SERVER_REACTOR_H
#define ONHAND_SERVER_REACTOR_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>
#include <stdbool.h>

/* epoll only: the edge-triggered events and EV_CLOSED need it. For one thread, without locks. NULL: cannot be had. */
struct event_base *oh_reactor_base_create(void);

/*
 * Ends the wait of a loop, from any thread; a loop that does not wait is told without a system call.
 *
 *   if (oh_waker_may_sleep(&waker)) wait; else do not wait;
 *   oh_waker_woken(&waker);
 *   look at everything that a waking thread may have changed
 */
struct oh_waker {
    int fd; /* -1: closed */
    atomic_bool is_called;
    atomic_bool is_sleeping;
    struct event event;
};

/* Thread: the loop's own, as all but wake. False: no descriptor, no memory; fini may be called. */
bool oh_waker_init(struct oh_waker *waker, struct event_base *base);
void oh_waker_fini(struct oh_waker *waker);

/* Any thread, and any signal handler: what was changed before this call is looked at soon. */
void oh_waker_wake(struct oh_waker *waker);

/* Just before a wait. False: it was called, do not wait. */
bool oh_waker_may_sleep(struct oh_waker *waker) __attribute__((warn_unused_result));

/* After a wait, or none: calls from now on are for the next one. */
void oh_waker_woken(struct oh_waker *waker);

#endif
