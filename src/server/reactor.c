#include "server/reactor.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct event_base *oh_reactor_base_create(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;
    if (config != NULL && event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE) == 0 &&
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0)
        base = event_base_new_with_config(config);
    if (config != NULL)
        event_config_free(config);
    return base;
}

static void waker_on_event(evutil_socket_t fd, short what, void *context)
{
    uint64_t count;
    (void)what;
    (void)context;
    /* Only the turn that follows matters, not how often it was asked for. */
    ssize_t got = read(fd, &count, sizeof(count));
    (void)got;
}

bool oh_waker_init(struct oh_waker *waker, struct event_base *base)
{
    atomic_init(&waker->is_called, false);
    atomic_init(&waker->is_sleeping, false);
    waker->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return waker->fd >= 0 &&
           event_assign(&waker->event, base, waker->fd, EV_READ | EV_PERSIST, waker_on_event, NULL) == 0 &&
           event_add(&waker->event, NULL) == 0;
}

void oh_waker_fini(struct oh_waker *waker)
{
    if (waker->fd < 0)
        return;
    if (event_initialized(&waker->event))
        (void)event_del(&waker->event);
    (void)close(waker->fd);
    waker->fd = -1;
}

void oh_waker_wake(struct oh_waker *waker)
{
    uint64_t one = 1;
    /* First the call, then the look whether it sleeps; the loop does both in the other order, so one of them sees. */
    atomic_store(&waker->is_called, true);
    if (!atomic_exchange(&waker->is_sleeping, false))
        return;
    ssize_t put = write(waker->fd, &one, sizeof(one));
    (void)put; /* full means that a wake is waiting already */
}

bool oh_waker_may_sleep(struct oh_waker *waker)
{
    atomic_store(&waker->is_sleeping, true);
    if (!atomic_load(&waker->is_called))
        return true;
    atomic_store(&waker->is_sleeping, false);
    return false;
}

void oh_waker_woken(struct oh_waker *waker)
{
    atomic_store(&waker->is_sleeping, false);
    atomic_store(&waker->is_called, false);
}
