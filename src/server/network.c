/*
 * network.c - the loop's side of the network threads: a transport whose bytes go by mail.
 */
#include "server/network.h"
#include "base/assert.h"
#include "server/network_mail.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void network_lock(struct network_thread *thread)
{
    int result = pthread_mutex_lock(&thread->lock);
    OH_ASSERT(result == 0);
}

void network_unlock(struct network_thread *thread)
{
    int result = pthread_mutex_unlock(&thread->lock);
    OH_ASSERT(result == 0);
}

void network_buffers_of(struct network_socket *sock, struct oh_strbuf *out_buffers[NETWORK_BUFFER_COUNT])
{
    struct oh_strbuf *buffers[NETWORK_BUFFER_COUNT] = { &sock->input,  &sock->output,   &sock->inbox,
                                                        &sock->outbox, &sock->received, &sock->sending };
    memcpy(out_buffers, buffers, sizeof(buffers));
}

void network_give_news(struct network_socket *sock)
{
    if (sock->is_on_news)
        return;
    sock->is_on_news = true;
    TAILQ_INSERT_TAIL(&sock->thread->news, sock, news_entry);
}

void network_buffer_trim(struct oh_strbuf *buffer)
{
    if (buffer->size == 0 && buffer->capacity > NETWORK_KEPT_SIZE_MAX)
        oh_strbuf_fini(buffer);
    buffer->size_max = OH_NETWORK_MAIL_SIZE_MAX;
}

bool network_buffer_move(struct oh_strbuf *to, struct oh_strbuf *from)
{
    if (to->size == 0) {
        struct oh_strbuf emptied = *to;
        *to = *from;
        *from = emptied;
        return true;
    }
    char *end = oh_strbuf_reserve(to, from->size);
    if (end == NULL) {
        to->is_overflowed = to->is_starved = false;
        return false;
    }
    memcpy(end, from->data, from->size);
    to->size += from->size;
    oh_strbuf_clear(from);
    return true;
}

/* The thread hears of it at the end of the turn. */
static void socket_touch(struct network_socket *sock)
{
    if (sock->is_on_touched)
        return;
    sock->is_on_touched = true;
    TAILQ_INSERT_TAIL(&sock->thread->touched, sock, touched_entry);
}

/* ---- The transport ---------------------------------------------------------------------------------------------- */

/* The whole inbox becomes the input, which is empty. Under the lock. */
static void socket_take_mail(struct network_socket *sock)
{
    OH_ASSERT(sock->input_at == sock->input.size);
    oh_strbuf_clear(&sock->input);
    sock->input_at = 0;
    bool is_moved = network_buffer_move(&sock->input, &sock->inbox);
    OH_ASSERT(is_moved); /* into an empty one */
    sock->input_end = sock->inbox_end;
    sock->has_mail = false;
    if (sock->is_held_back) {
        sock->is_held_back = false;
        sock->orders |= NETWORK_CONTINUE;
        socket_touch(sock);
    }
}

static size_t socket_read_input(struct network_socket *sock, char *data, size_t size)
{
    size_t have = sock->input.size - sock->input_at;
    size_t got = have < size ? have : size;
    if (got == 0)
        return 0;
    memcpy(data, sock->input.data + sock->input_at, got);
    sock->input_at += got;
    if (sock->input_at == sock->input.size) {
        oh_strbuf_clear(&sock->input);
        sock->input_at = 0;
        network_buffer_trim(&sock->input);
    }
    return got;
}

static ssize_t network_recv(void *context, void *data, size_t size)
{
    struct network_socket *sock = context;
    size_t got = socket_read_input(sock, data, size);
    if (got < size && sock->has_mail) {
        network_lock(sock->thread);
        socket_take_mail(sock);
        network_unlock(sock->thread);
        got += socket_read_input(sock, (char *)data + got, size - got);
    }
    if (got > 0)
        return (ssize_t)got;
    return sock->input_end == NETWORK_OPEN_ENDED ? -EAGAIN : sock->input_end;
}

static ssize_t network_send(void *context, const void *data, size_t size)
{
    struct network_socket *sock = context;
    if (sock->output_error != 0)
        return sock->output_error;
    size_t room = OH_NETWORK_MAIL_SIZE_MAX - sock->unsent_size;
    size_t taken = size < room ? size : room;
    sock->is_refused = taken < size;
    socket_touch(sock);
    if (taken == 0)
        return -EAGAIN;
    char *end = oh_strbuf_reserve(&sock->output, taken);
    if (end == NULL)
        return -ENOMEM;
    memcpy(end, data, taken);
    sock->output.size += taken;
    sock->unsent_size += taken;
    return (ssize_t)taken;
}

static void network_shutdown_write(void *context)
{
    struct network_socket *sock = context;
    sock->orders |= NETWORK_SHUT;
    socket_touch(sock);
}

static void network_close(void *context)
{
    struct network_socket *sock = context;
    sock->connection = NULL;
    sock->thread->socket_count--;
    sock->orders |= NETWORK_CLOSE;
    socket_touch(sock);
}

static const struct oh_transport network_transport = {
    .recv = network_recv,
    .send = network_send,
    .shutdown_write = network_shutdown_write,
    .close = network_close,
};

/* ---- Before and after a turn ------------------------------------------------------------------------------------ */

/* Under the lock. */
static void socket_collect(struct network_socket *sock)
{
    if (sock->connection == NULL)
        return;
    unsigned readiness = 0;
    if (sock->inbox.size > 0 || sock->inbox_end != NETWORK_OPEN_ENDED) {
        readiness |= OH_READY_READ;
        if (sock->input_at < sock->input.size)
            sock->has_mail = true;
        else
            socket_take_mail(sock);
    }
    if (sock->inbox_end != NETWORK_OPEN_ENDED)
        readiness |= OH_READY_CLOSED;
    sock->unsent_size -= sock->taken_size;
    sock->taken_size = 0;
    sock->output_error = sock->broken_error;
    if (sock->is_refused && (sock->unsent_size < OH_NETWORK_MAIL_SIZE_MAX || sock->output_error != 0)) {
        sock->is_refused = sock->is_room_wanted = false;
        readiness |= OH_READY_WRITE;
    }
    if (readiness != 0)
        oh_connection_notify(sock->connection, readiness);
}

static bool thread_collect(struct network_thread *thread)
{
    struct network_socket *sock;
    network_lock(thread);
    bool is_failed = thread->is_failed;
    while ((sock = TAILQ_FIRST(&thread->news)) != NULL) {
        TAILQ_REMOVE(&thread->news, sock, news_entry);
        sock->is_on_news = false;
        socket_collect(sock);
    }
    network_unlock(thread);
    return !is_failed;
}

enum oh_err oh_network_collect(struct oh_network *network)
{
    enum oh_err err = OH_OK;
    for (uint32_t i = 0; i < network->thread_count; i++)
        err = thread_collect(&network->threads[i]) ? err : OH_E_IO;
    return err;
}

/* Under the lock. */
static void socket_hand_over(struct network_socket *sock)
{
    if (sock->output.size > 0 && !network_buffer_move(&sock->outbox, &sock->output)) {
        /* A reply with a hole must not leave: none of the rest does. */
        sock->broken_error = sock->inbox_end = -ENOMEM;
        oh_strbuf_clear(&sock->output);
        network_give_news(sock);
    }
    network_buffer_trim(&sock->output);
    sock->told |= sock->orders;
    sock->orders = 0;
    sock->is_room_wanted = sock->is_refused;
    if (sock->is_refused && sock->taken_size > 0)
        network_give_news(sock); /* there is room already */
    if (sock->is_on_orders)
        return;
    sock->is_on_orders = true;
    TAILQ_INSERT_TAIL(&sock->thread->orders, sock, orders_entry);
}

static void thread_hand_over(struct network_thread *thread)
{
    struct network_socket *sock;
    if (TAILQ_EMPTY(&thread->touched))
        return;
    network_lock(thread);
    while ((sock = TAILQ_FIRST(&thread->touched)) != NULL) {
        TAILQ_REMOVE(&thread->touched, sock, touched_entry);
        sock->is_on_touched = false;
        socket_hand_over(sock);
    }
    network_unlock(thread);
    oh_waker_wake(&thread->waker);
}

void oh_network_hand_over(struct oh_network *network)
{
    for (uint32_t i = 0; i < network->thread_count; i++)
        thread_hand_over(&network->threads[i]);
}

/* ---- Life ------------------------------------------------------------------------------------------------------- */

static struct network_thread *network_idlest(struct oh_network *network)
{
    struct network_thread *idlest = &network->threads[0];
    for (uint32_t i = 1; i < network->thread_count; i++) {
        if (network->threads[i].socket_count < idlest->socket_count)
            idlest = &network->threads[i];
    }
    return idlest;
}

enum oh_err oh_network_take(struct oh_network *network, int fd)
{
    struct network_socket *sock = calloc(1, sizeof(*sock));
    if (sock == NULL)
        return OH_E_NOMEM;
    struct oh_strbuf *buffers[NETWORK_BUFFER_COUNT];
    network_buffers_of(sock, buffers);
    for (size_t i = 0; i < NETWORK_BUFFER_COUNT; i++)
        oh_strbuf_init(buffers[i], OH_NETWORK_MAIL_SIZE_MAX);
    sock->thread = network_idlest(network);
    sock->fd = fd;
    sock->input_end = sock->inbox_end = sock->end = NETWORK_OPEN_ENDED;
    enum oh_err err = oh_engine_open(network->options.engine, &network_transport, sock, &sock->connection);
    if (err != OH_OK) {
        free(sock);
        return err;
    }
    sock->thread->socket_count++;
    sock->orders = NETWORK_OPEN;
    socket_touch(sock);
    return OH_OK;
}

enum oh_err oh_network_create(const struct oh_network_options *options, struct oh_diag *diag,
                              struct oh_network **out_network)
{
    OH_ASSERT(options->thread_count > 0 && options->thread_count <= OH_NETWORK_THREADS_MAX);
    struct oh_network *network = calloc(1, sizeof(*network));
    struct network_thread *threads = calloc(options->thread_count, sizeof(*threads));
    if (network == NULL || threads == NULL) {
        free(network);
        free(threads);
        return OH_E_NOMEM;
    }
    network->options = *options;
    network->threads = threads;
    enum oh_err err = OH_OK;
    for (uint32_t i = 0; i < options->thread_count && err == OH_OK; i++) {
        threads[i].network = network;
        network->thread_count = i + 1;
        err = network_thread_start(&threads[i], diag);
    }
    if (err != OH_OK)
        oh_network_destroy(&network);
    else
        *out_network = network;
    return err;
}

void oh_network_destroy(struct oh_network **network_pointer)
{
    struct oh_network *network = *network_pointer;
    *network_pointer = NULL;
    if (network == NULL)
        return;
    oh_network_hand_over(network);
    for (uint32_t i = 0; i < network->thread_count; i++)
        network_thread_join(&network->threads[i]);
    free(network->threads);
    free(network);
}
