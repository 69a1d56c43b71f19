/*
 * network_thread.c - one network thread: waits for its sockets, receives, sends, and exchanges mail with the loop.
 *
 * A round: wait; receive from what is ready; exchange all mail under one lock; send what came with it. Bytes that
 * the loop will answer are with it before this thread begins to send, so both are busy at the same time.
 */
#include "base/assert.h"
#include "base/thread.h"
#include "server/network_mail.h"
#include "server/socket.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void socket_activate(struct network_socket *sock)
{
    if (sock->is_on_active)
        return;
    sock->is_on_active = true;
    TAILQ_INSERT_TAIL(&sock->thread->active, sock, active_entry);
}

static void socket_want_mail(struct network_socket *sock)
{
    if (sock->is_on_mail)
        return;
    sock->is_on_mail = true;
    TAILQ_INSERT_TAIL(&sock->thread->mail, sock, mail_entry);
}

/* ---- The kernel's side ------------------------------------------------------------------------------------------ */

static void thread_on_socket(evutil_socket_t fd, short what, void *context)
{
    struct network_socket *sock = context;
    (void)fd;
    if ((what & (EV_READ | EV_CLOSED)) != 0)
        sock->can_recv = true;
    if ((what & EV_CLOSED) != 0)
        sock->is_peer_closed = true;
    if ((what & EV_WRITE) != 0)
        sock->can_send = true;
    if ((what & EV_TIMEOUT) != 0)
        sock->is_given_up = true;
    socket_activate(sock);
}

/* Registered once, edge-triggered for both directions, as in server.c. */
static void socket_watch(struct network_socket *sock)
{
    short what = EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST;
    sock->can_recv = sock->can_send = true;
    sock->is_watched = event_assign(&sock->event, sock->thread->base, sock->fd, what, thread_on_socket, sock) == 0 &&
                       event_add(&sock->event, NULL) == 0;
    if (!sock->is_watched) {
        sock->end = -EIO; /* nothing would ever happen on it */
        socket_want_mail(sock);
    }
}

/* One receive, into what is given to the loop next. */
static void socket_receive(struct network_socket *sock)
{
    struct network_thread *thread = sock->thread;
    size_t room = OH_NETWORK_MAIL_SIZE_MAX - sock->received.size;
    if (!sock->can_recv || room == 0 || sock->end != NETWORK_OPEN_ENDED || sock->is_closing)
        return;
    ssize_t got = oh_socket_recv(sock->fd, thread->read_buffer, room);
    /* A short read has emptied the socket, and the next edge tells of more; an end that was told already has none. */
    if (got <= 0 || ((size_t)got < room && !sock->is_peer_closed))
        sock->can_recv = false;
    if (got == -EAGAIN)
        return;
    if (got > 0)
        oh_strbuf_put(&sock->received, thread->read_buffer, (size_t)got);
    else
        sock->end = (int)got;
    if (sock->received.is_overflowed)
        sock->end = -ENOMEM;
    socket_want_mail(sock);
}

static void socket_forget_sent(struct network_socket *sock)
{
    oh_strbuf_clear(&sock->sending);
    sock->sent_size = 0;
    network_buffer_trim(&sock->sending);
    socket_want_mail(sock); /* the outbox may have more */
}

static void socket_transmit(struct network_socket *sock)
{
    size_t size = sock->sending.size - sock->sent_size;
    if (size == 0 || !sock->can_send)
        return;
    ssize_t sent = sock->send_error != 0 ? sock->send_error
                                         : oh_socket_send(sock->fd, sock->sending.data + sock->sent_size, size);
    if (sent < 0 && sent != -EAGAIN) {
        sock->send_error = (int)sent;
        sock->end = sock->end == NETWORK_OPEN_ENDED ? (int)sent : sock->end;
        socket_forget_sent(sock);
        return;
    }
    sock->sent_size += sent > 0 ? (size_t)sent : 0;
    if (sock->sent_size == sock->sending.size)
        socket_forget_sent(sock);
    else
        sock->can_send = false;
}

static bool socket_is_all_sent(const struct network_socket *sock)
{
    return sock->sending.size == 0 && !sock->is_on_mail;
}

static void socket_free(struct network_socket *sock)
{
    struct network_thread *thread = sock->thread;
    network_lock(thread);
    if (sock->is_on_news)
        TAILQ_REMOVE(&thread->news, sock, news_entry);
    OH_ASSERT(!sock->is_on_orders); /* closing is the last order */
    network_unlock(thread);
    if (sock->is_on_active)
        TAILQ_REMOVE(&thread->active, sock, active_entry);
    if (sock->is_on_mail)
        TAILQ_REMOVE(&thread->mail, sock, mail_entry);
    TAILQ_REMOVE(&thread->all, sock, all_entry);
    if (sock->is_watched)
        (void)event_del(&sock->event);
    (void)close(sock->fd);
    struct oh_strbuf *buffers[NETWORK_BUFFER_COUNT];
    network_buffers_of(sock, buffers);
    for (size_t i = 0; i < NETWORK_BUFFER_COUNT; i++)
        oh_strbuf_fini(buffers[i]);
    free(sock);
}

/* What follows when everything is out. */
static void socket_finish(struct network_socket *sock)
{
    if (sock->is_shutting && !sock->is_shut && socket_is_all_sent(sock)) {
        sock->is_shut = true;
        oh_socket_shutdown_write(sock->fd);
    }
    if (sock->is_closing && (sock->is_given_up || !sock->is_watched || socket_is_all_sent(sock)))
        socket_free(sock);
}

/* ---- The loop's side -------------------------------------------------------------------------------------------- */

/* Received bytes go to the inbox, as far as it has room; their end behind the last of them. Under the lock. */
static void socket_deliver(struct network_socket *sock)
{
    if (sock->received.size > 0) {
        bool has_room = sock->inbox.size + sock->received.size <= OH_NETWORK_MAIL_SIZE_MAX;
        if (has_room && network_buffer_move(&sock->inbox, &sock->received))
            network_buffer_trim(&sock->received);
        else if (has_room)
            sock->end = -ENOMEM;
        else
            sock->is_held_back = true;
        network_give_news(sock);
    }
    if ((sock->received.size == 0 || sock->end == -ENOMEM) && sock->end != sock->inbox_end) {
        sock->inbox_end = sock->end;
        network_give_news(sock);
    }
    if (sock->send_error != 0 && sock->broken_error == 0) {
        sock->broken_error = sock->send_error;
        network_give_news(sock);
    }
}

/* Bytes of the loop are taken when those before them are out. Under the lock. */
static void socket_take_output(struct network_socket *sock)
{
    if (sock->sending.size > 0 || sock->outbox.size == 0)
        return;
    sock->taken_size += sock->outbox.size;
    bool is_moved = network_buffer_move(&sock->sending, &sock->outbox);
    OH_ASSERT(is_moved); /* into an empty one */
    if (sock->is_room_wanted) {
        sock->is_room_wanted = false;
        network_give_news(sock);
    }
    socket_activate(sock);
}

static void socket_obey(struct network_socket *sock)
{
    unsigned told = sock->told;
    sock->told = 0;
    if (sock->broken_error != 0) {
        sock->send_error = sock->broken_error;
        sock->can_send = true; /* to find that out */
    }
    if ((told & NETWORK_OPEN) != 0) {
        TAILQ_INSERT_TAIL(&sock->thread->all, sock, all_entry);
        socket_watch(sock);
    }
    if ((told & NETWORK_CONTINUE) != 0)
        socket_want_mail(sock);
    if ((told & NETWORK_SHUT) != 0)
        sock->is_shutting = true;
    if ((told & NETWORK_CLOSE) != 0) {
        const struct timeval wait = { .tv_sec = OH_NETWORK_CLOSE_MS / 1000,
                                      .tv_usec = OH_NETWORK_CLOSE_MS % 1000 * 1000 };
        sock->is_closing = true;
        /* Without a timer it is given up at once rather than never. */
        sock->is_given_up = sock->is_watched && event_add(&sock->event, &wait) != 0;
    }
    socket_activate(sock);
}

/* All that both sides have for each other. Returns whether there is something for the loop. */
static bool thread_exchange(struct network_thread *thread)
{
    struct network_socket *sock;
    network_lock(thread);
    while ((sock = TAILQ_FIRST(&thread->orders)) != NULL) {
        TAILQ_REMOVE(&thread->orders, sock, orders_entry);
        sock->is_on_orders = false;
        socket_obey(sock);
        socket_take_output(sock);
    }
    while ((sock = TAILQ_FIRST(&thread->mail)) != NULL) {
        TAILQ_REMOVE(&thread->mail, sock, mail_entry);
        sock->is_on_mail = false;
        socket_deliver(sock);
        socket_take_output(sock);
        socket_activate(sock);
    }
    bool has_news = !TAILQ_EMPTY(&thread->news);
    network_unlock(thread);
    return has_news;
}

/* ---- The round -------------------------------------------------------------------------------------------------- */

static bool socket_has_work(const struct network_socket *sock)
{
    bool may_recv = sock->can_recv && sock->end == NETWORK_OPEN_ENDED && !sock->is_closing &&
                    sock->received.size < OH_NETWORK_MAIL_SIZE_MAX;
    return may_recv || (sock->can_send && sock->sending.size > 0);
}

/* Each of those that are active now, once. */
static void thread_for_active(struct network_thread *thread, void (*work)(struct network_socket *sock))
{
    struct network_socket *last = TAILQ_LAST(&thread->active, network_sockets);
    bool is_last = last == NULL;
    while (!is_last) {
        struct network_socket *sock = TAILQ_FIRST(&thread->active);
        is_last = sock == last;
        TAILQ_REMOVE(&thread->active, sock, active_entry);
        sock->is_on_active = false;
        work(sock);
    }
}

static void socket_work_in(struct network_socket *sock)
{
    socket_receive(sock);
    socket_activate(sock);
}

static void socket_work_out(struct network_socket *sock)
{
    socket_transmit(sock);
    if (socket_has_work(sock))
        socket_activate(sock);
    socket_finish(sock);
}

/* It hears nothing of its sockets any more: the server ends, as it does when the loop's own wait fails. */
static void thread_fail(struct network_thread *thread)
{
    struct network_socket *sock;
    network_lock(thread);
    bool is_known = thread->is_failed;
    thread->is_failed = true;
    network_unlock(thread);
    TAILQ_FOREACH(sock, &thread->all, all_entry) {
        sock->is_given_up = true;
        socket_activate(sock);
    }
    if (!is_known)
        thread->network->options.wake(thread->network->options.wake_context);
}

/* Waits for sockets, orders or the end, unless there is work left. */
static void thread_wait(struct network_thread *thread)
{
    bool is_quiet = TAILQ_EMPTY(&thread->active) && TAILQ_EMPTY(&thread->mail);
    int flags = is_quiet && oh_waker_may_sleep(&thread->waker) ? EVLOOP_ONCE : EVLOOP_NONBLOCK;
    int result = event_base_loop(thread->base, flags);
    oh_waker_woken(&thread->waker);
    if (result < 0)
        thread_fail(thread);
}

static bool thread_is_done(struct network_thread *thread)
{
    network_lock(thread);
    bool is_done = thread->is_stopping && TAILQ_EMPTY(&thread->orders) && TAILQ_EMPTY(&thread->all);
    network_unlock(thread);
    return is_done;
}

static void *thread_main(void *context)
{
    struct network_thread *thread = context;
    oh_thread_name("network");
    /* No bound: this is an event loop. */
    while (!thread_is_done(thread)) {
        thread_wait(thread);
        thread_for_active(thread, socket_work_in);
        if (thread_exchange(thread))
            thread->network->options.wake(thread->network->options.wake_context);
        thread_for_active(thread, socket_work_out);
    }
    return NULL;
}

/* ---- Life ------------------------------------------------------------------------------------------------------- */

enum oh_err network_thread_start(struct network_thread *thread, struct oh_diag *diag)
{
    struct network_sockets *lists[] = { &thread->touched, &thread->news, &thread->orders,
                                        &thread->all,     &thread->active, &thread->mail };
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        TAILQ_INIT(lists[i]);
    int result = pthread_mutex_init(&thread->lock, NULL);
    OH_ASSERT(result == 0); /* on Linux it cannot fail, and holds no memory */
    thread->waker.fd = -1;
    thread->base = oh_reactor_base_create();
    if (thread->base == NULL || !oh_waker_init(&thread->waker, thread->base)) {
        oh_diag_set(diag, "cannot make the event loop of a network thread: %s", strerror(errno));
        return OH_E_IO;
    }
    thread->is_started = oh_thread_start(thread_main, thread, &thread->handle);
    if (thread->is_started)
        return OH_OK;
    oh_diag_set(diag, "cannot start a network thread");
    return OH_E_IO;
}

void network_thread_join(struct network_thread *thread)
{
    if (thread->is_started) {
        network_lock(thread);
        thread->is_stopping = true;
        network_unlock(thread);
        oh_waker_wake(&thread->waker);
        (void)pthread_join(thread->handle, NULL);
    }
    oh_waker_fini(&thread->waker);
    if (thread->base != NULL)
        event_base_free(thread->base);
    (void)pthread_mutex_destroy(&thread->lock);
}
