#include "server/server.h"
#include "base/assert.h"
#include "base/log.h"
#include "server/listener.h"
#include "server/network.h"
#include "server/reactor.h"
#include "server/socket.h"
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define US_PER_S INT64_C(1000000)
#define SIGNAL_COUNT 3
#define DESCRIPTORS_BESIDE 256 /* files, listeners, event loop: everything that is no connection */

/* One listening address. */
struct server_listener {
    struct oh_server *server;
    int fd; /* -1: closed */
    uint16_t port;
    struct event event;
};

/* The socket of one connection. */
struct server_socket {
    int fd;
    struct event event;
    struct oh_connection *connection;
};

struct oh_server {
    struct oh_router *router;
    struct oh_engine *engine;
    struct oh_network *network; /* NULL: the loop makes the system calls itself */
    struct event_base *base;
    const struct oh_server_hooks *hooks;
    struct server_listener listeners[OH_LISTEN_MAX];
    size_t listener_count;
    int spare_fd;
    struct oh_waker waker;
    atomic_bool is_stop_asked;
    bool is_reload_asked;
    bool is_aborted;
    enum oh_err abort_error;
    struct event timer_event;
    int64_t timer_at_us; /* monotonic, when the timer fires; INT64_MAX: not set */
    struct event signal_events[SIGNAL_COUNT];
    size_t signal_count;
};

/* --------------------------------------------------------------------------------------------------------- clock */

static int64_t clock_us(clockid_t id)
{
    struct timespec now;
    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

static int64_t server_realtime_us(void *context)
{
    (void)context;
    return clock_us(CLOCK_REALTIME);
}

static int64_t server_monotonic_us(void *context)
{
    (void)context;
    return clock_us(CLOCK_MONOTONIC);
}

/* ----------------------------------------------------------------------------------------------------- transport */

static ssize_t socket_recv(void *context, void *data, size_t size)
{
    const struct server_socket *sock = context;
    return oh_socket_recv(sock->fd, data, size);
}

static ssize_t socket_send(void *context, const void *data, size_t size)
{
    const struct server_socket *sock = context;
    return oh_socket_send(sock->fd, data, size);
}

static void socket_shutdown_write(void *context)
{
    const struct server_socket *sock = context;
    oh_socket_shutdown_write(sock->fd);
}

static void socket_close(void *context)
{
    struct server_socket *sock = context;
    (void)event_del(&sock->event);
    (void)close(sock->fd);
    free(sock);
}

static const struct oh_transport socket_transport = {
    .recv = socket_recv,
    .send = socket_send,
    .shutdown_write = socket_shutdown_write,
    .close = socket_close,
};

static void server_on_socket(evutil_socket_t fd, short what, void *context)
{
    struct server_socket *sock = context;
    unsigned readiness = 0;
    (void)fd;
    if ((what & EV_READ) != 0)
        readiness |= OH_READY_READ;
    if ((what & EV_WRITE) != 0)
        readiness |= OH_READY_WRITE;
    if ((what & EV_CLOSED) != 0)
        readiness |= OH_READY_CLOSED;
    oh_connection_notify(sock->connection, readiness);
}

/* -------------------------------------------------------------------------------------------------------- accept */

#define REFUSAL \
    "{\"type\":\"urn:onhand:problem:connections_max\",\"title\":\"Too many connections\",\"status\":503,"  \
    "\"code\":\"connections_max\"}"

/* One try to say why; the bytes that came already are read, so that the kernel does not answer them with a reset. */
static void server_refuse(int fd)
{
    char reply[512];
    int size = snprintf(reply, sizeof(reply),
                        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
                        "Content-Length: %zu\r\nRetry-After: 1\r\nConnection: close\r\n\r\n" REFUSAL,
                        sizeof(REFUSAL) - 1);
    char unread[4096];
    (void)recv(fd, unread, sizeof(unread), 0);
    (void)send(fd, reply, size > 0 ? (size_t)size : 0, MSG_NOSIGNAL);
    (void)close(fd);
}

/* A connection whose system calls the loop makes. */
static enum oh_err server_take_here(struct oh_server *server, int fd)
{
    struct server_socket *sock = calloc(1, sizeof(*sock));
    enum oh_err err = sock == NULL ? OH_E_NOMEM : OH_OK;
    if (err == OH_OK)
        err = oh_engine_open(server->engine, &socket_transport, sock, &sock->connection);
    if (err != OH_OK) {
        free(sock);
        return err;
    }
    /* Registered once, edge-triggered for both directions: no call to the kernel is ever needed to pause or resume. */
    short what = EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST;
    sock->fd = fd;
    if (event_assign(&sock->event, server->base, fd, what, server_on_socket, sock) != 0 ||
        event_add(&sock->event, NULL) != 0) {
        /* Without events nothing would ever happen on it; the next turn finds it ended. */
        (void)shutdown(fd, SHUT_RDWR);
        oh_connection_notify(sock->connection, OH_READY_CLOSED);
    }
    return OH_OK;
}

static void server_take(void *context, int fd)
{
    struct oh_server *server = context;
    enum oh_err err = server->network != NULL ? oh_network_take(server->network, fd) : server_take_here(server, fd);
    if (err != OH_OK)
        server_refuse(fd);
}

static void server_on_listener(evutil_socket_t fd, short what, void *context)
{
    struct server_listener *listener = context;
    struct oh_server *server = listener->server;
    (void)what;
    unsigned failed = oh_listener_accept(fd, &server->spare_fd, server_take, server);
    if (failed > 0) {
        oh_engine_metrics(server->engine)->accept_errors_total += failed;
        OH_LOG(OH_LOG_ERROR, OH_LOG_EVENT("accept_failed"), OH_LOG_U64("count", failed),
               OH_LOG_U64("connections", oh_engine_connection_count(server->engine)));
    }
}

static void listener_close(struct server_listener *listener)
{
    if (listener->fd < 0)
        return;
    (void)event_del(&listener->event);
    (void)close(listener->fd);
    listener->fd = -1;
}

/* ------------------------------------------------------------------------------------------- wake, timer, signals */

static void server_on_timer(evutil_socket_t fd, short what, void *context)
{
    struct oh_server *server = context;
    (void)fd;
    (void)what;
    server->timer_at_us = INT64_MAX;
}

static void server_on_signal(evutil_socket_t number, short what, void *context)
{
    struct oh_server *server = context;
    (void)what;
    if (number == SIGHUP)
        server->is_reload_asked = true;
    else
        atomic_store(&server->is_stop_asked, true);
}

void oh_server_wake(struct oh_server *server)
{
    oh_waker_wake(&server->waker);
}

void oh_server_stop(struct oh_server *server)
{
    atomic_store(&server->is_stop_asked, true);
    oh_server_wake(server);
}

void oh_server_abort(struct oh_server *server, enum oh_err error)
{
    server->is_aborted = true;
    server->abort_error = error;
}

/* -------------------------------------------------------------------------------------------------------- create */

static enum oh_err server_listen(struct oh_server *server, const char *address, struct oh_diag *diag)
{
    struct server_listener *listener = &server->listeners[server->listener_count];
    int fd = -1;
    enum oh_err err = oh_listener_open(address, diag, &fd, &listener->port);
    if (err != OH_OK)
        return err;
    listener->server = server;
    listener->fd = fd;
    server->listener_count++;
    if (event_assign(&listener->event, server->base, fd, EV_READ | EV_PERSIST, server_on_listener, listener) != 0 ||
        event_add(&listener->event, NULL) != 0) {
        oh_diag_set(diag, "cannot watch %s", address);
        return OH_E_IO;
    }
    OH_LOG(OH_LOG_INFO, OH_LOG_EVENT("listening"), OH_LOG_TEXT("address", address),
           OH_LOG_U64("port", listener->port));
    return OH_OK;
}

static enum oh_err server_listen_all(struct oh_server *server, const struct oh_server_options *options,
                                     struct oh_diag *diag)
{
    if (options->listen_count == 0 || options->listen_count > OH_LISTEN_MAX) {
        oh_diag_set(diag, "between 1 and %d addresses to listen on", OH_LISTEN_MAX);
        return OH_E_INVALID;
    }
    for (size_t i = 0; i < options->listen_count; i++) {
        enum oh_err err = server_listen(server, options->listen[i], diag);
        if (err != OH_OK)
            return err;
    }
    return OH_OK;
}

/* Written beside and renamed, so that a reader never sees half of it. */
static enum oh_err server_write_port_file(const struct oh_server *server, const char *path, struct oh_diag *diag)
{
    char beside[4096];
    int size = snprintf(beside, sizeof(beside), "%s.new", path);
    FILE *file = size > 0 && (size_t)size < sizeof(beside) ? fopen(beside, "we") : NULL;
    bool is_written = file != NULL && fprintf(file, "%u\n", server->listeners[0].port) > 0;
    if (file != NULL && fclose(file) != 0)
        is_written = false;
    if (!is_written || rename(beside, path) != 0) {
        oh_diag_set(diag, "cannot write the port file %s: %s", path, strerror(errno));
        return OH_E_IO;
    }
    return OH_OK;
}

static enum oh_err server_watch_signals(struct oh_server *server, struct oh_diag *diag)
{
    static const int numbers[SIGNAL_COUNT] = { SIGTERM, SIGINT, SIGHUP };
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        struct event *event = &server->signal_events[i];
        if (event_assign(event, server->base, numbers[i], EV_SIGNAL | EV_PERSIST, server_on_signal, server) != 0 ||
            event_add(event, NULL) != 0) {
            oh_diag_set(diag, "cannot watch signal %d", numbers[i]);
            return OH_E_IO;
        }
        server->signal_count++;
    }
    return OH_OK;
}

static enum oh_err server_open_loop(struct oh_server *server, struct oh_diag *diag)
{
    server->base = oh_reactor_base_create();
    server->spare_fd = oh_listener_spare_open();
    if (server->base == NULL || !oh_waker_init(&server->waker, server->base) || server->spare_fd < 0 ||
        event_assign(&server->timer_event, server->base, -1, 0, server_on_timer, server) != 0) {
        oh_diag_set(diag, "cannot make the event loop: %s", strerror(errno));
        return OH_E_IO;
    }
    return OH_OK;
}

static enum oh_err server_open_engine(struct oh_server *server, const struct oh_server_options *options,
                                      struct oh_diag *diag)
{
    enum oh_err err = oh_router_create(options->routes, options->route_count, diag, &server->router);
    if (err != OH_OK)
        return err;
    struct oh_engine_options engine_options = {
        .limits = options->limits,
        .clock = { .realtime_us = server_realtime_us, .monotonic_us = server_monotonic_us },
        .hooks = options->hooks,
        .router = server->router,
    };
    return oh_engine_create(&engine_options, &server->engine);
}

static void server_wake_loop(void *context)
{
    oh_server_wake(context);
}

static enum oh_err server_open_network(struct oh_server *server, const struct oh_server_options *options,
                                       struct oh_diag *diag)
{
    const struct oh_network_options network_options = {
        .thread_count = options->network_threads,
        .engine = server->engine,
        .wake = server_wake_loop,
        .wake_context = server,
    };
    return options->network_threads == 0 ? OH_OK : oh_network_create(&network_options, diag, &server->network);
}

/* As many descriptors as connections_max may need, if the system lets us; else the log says what to raise. */
static void server_raise_descriptors(uint32_t connections_max)
{
    struct rlimit limit;
    rlim_t needed = (rlim_t)connections_max + DESCRIPTORS_BESIDE;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
        return;
    limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < needed)
        OH_LOG(OH_LOG_WARN, OH_LOG_EVENT("few_descriptors"), OH_LOG_U64("limit", limit.rlim_cur),
               OH_LOG_U64("needed", needed), OH_LOG_TEXT("advice", "raise LimitNOFILE or lower connections_max"));
}

static enum oh_err server_open(struct oh_server *server, const struct oh_server_options *options,
                               struct oh_diag *diag)
{
    enum oh_err err = server_open_engine(server, options, diag);
    if (err == OH_OK)
        err = server_open_loop(server, diag);
    if (err == OH_OK)
        err = server_open_network(server, options, diag);
    if (err == OH_OK)
        err = server_listen_all(server, options, diag);
    if (err == OH_OK && options->handle_signals)
        err = server_watch_signals(server, diag);
    if (err == OH_OK && options->port_file != NULL)
        err = server_write_port_file(server, options->port_file, diag);
    return err;
}

enum oh_err oh_server_create(const struct oh_server_options *options, struct oh_diag *diag,
                             struct oh_server **out_server)
{
    struct oh_server *server = calloc(1, sizeof(*server));
    diag->text[0] = '\0';
    if (server == NULL)
        return OH_E_NOMEM;
    server->hooks = options->hooks;
    server->waker.fd = -1;
    server->spare_fd = -1;
    server->timer_at_us = INT64_MAX;
    (void)signal(SIGPIPE, SIG_IGN);
    server_raise_descriptors(options->limits.connections_max);
    enum oh_err err = server_open(server, options, diag);
    if (err != OH_OK) {
        if (diag->text[0] == '\0')
            oh_diag_set(diag, "%s", oh_err_text(err));
        oh_server_destroy(&server);
        return err;
    }
    *out_server = server;
    return OH_OK;
}

void oh_server_destroy(struct oh_server **server_pointer)
{
    struct oh_server *server = *server_pointer;
    if (server == NULL)
        return;
    oh_engine_destroy(&server->engine);
    oh_network_destroy(&server->network);
    for (size_t i = 0; i < server->listener_count; i++)
        listener_close(&server->listeners[i]);
    for (size_t i = 0; i < server->signal_count; i++)
        (void)event_del(&server->signal_events[i]);
    oh_waker_fini(&server->waker);
    if (server->base != NULL)
        event_base_free(server->base);
    if (server->spare_fd >= 0)
        (void)close(server->spare_fd);
    if (server->router != NULL)
        oh_router_destroy(&server->router);
    free(server);
    *server_pointer = NULL;
}

/* ----------------------------------------------------------------------------------------------------------- run */

/* Arms the timer for `wait_us` from now. An earlier setting is left: a turn too many does no harm. */
static void server_set_timer(struct oh_server *server, int64_t wait_us)
{
    int64_t at_us = clock_us(CLOCK_MONOTONIC) + wait_us;
    if (at_us >= server->timer_at_us)
        return;
    struct timeval wait = { .tv_sec = wait_us / US_PER_S, .tv_usec = wait_us % US_PER_S };
    if (event_add(&server->timer_event, &wait) == 0)
        server->timer_at_us = at_us;
}

static void server_begin_drain(struct oh_server *server)
{
    for (size_t i = 0; i < server->listener_count; i++)
        listener_close(&server->listeners[i]);
    OH_LOG(OH_LOG_INFO, OH_LOG_EVENT("draining"),
           OH_LOG_U64("connections", oh_engine_connection_count(server->engine)));
    oh_engine_drain(server->engine);
}

static void server_obey(struct oh_server *server, bool *is_draining)
{
    if (server->is_reload_asked) {
        server->is_reload_asked = false;
        if (server->hooks->reload != NULL)
            server->hooks->reload(server->hooks->context);
    }
    if (atomic_load(&server->is_stop_asked) && !*is_draining) {
        *is_draining = true;
        server_begin_drain(server);
    }
}

/* Waits for readiness, a wake or what is due next; not at all when there is work left. False: it cannot. */
static bool server_wait(struct oh_server *server, bool is_draining)
{
    bool is_to_stop = atomic_load(&server->is_stop_asked) && !is_draining;
    int64_t wait_us = is_to_stop ? 0 : oh_engine_wait_us(server->engine);
    if (wait_us > 0)
        server_set_timer(server, wait_us);
    bool sleeps = wait_us != 0 && oh_waker_may_sleep(&server->waker);
    int result = event_base_loop(server->base, sleeps ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
    oh_waker_woken(&server->waker);
    return result >= 0;
}

static enum oh_err server_turn(struct oh_server *server, bool *is_draining)
{
    enum oh_err err = server->network == NULL ? OH_OK : oh_network_collect(server->network);
    if (err != OH_OK)
        return err;
    oh_engine_turn(server->engine);
    server_obey(server, is_draining);
    if (server->network != NULL)
        oh_network_hand_over(server->network);
    return OH_OK;
}

enum oh_err oh_server_run(struct oh_server *server)
{
    bool is_draining = false;
    /* No bound: this is the event loop. */
    while (!server->is_aborted && !oh_engine_is_drained(server->engine)) {
        if (!server_wait(server, is_draining))
            return OH_E_IO;
        enum oh_err err = server_turn(server, &is_draining);
        if (err != OH_OK)
            return err;
    }
    return server->is_aborted ? server->abort_error : OH_OK;
}

struct oh_engine *oh_server_engine(struct oh_server *server)
{
    return server->engine;
}

uint16_t oh_server_port(const struct oh_server *server, size_t listen_index)
{
    OH_ASSERT(listen_index < server->listener_count);
    return server->listeners[listen_index].port;
}
