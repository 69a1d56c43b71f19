/*
 * server.h - listening sockets, signals and the libevent loop around one engine.
 *
 * Thread: create, run and destroy on one thread, the loop thread; oh_server_wake and oh_server_stop on any.
 */
#ifndef ONHAND_SERVER_SERVER_H
#define ONHAND_SERVER_SERVER_H

#include "onhand/error.h"
#include "server/engine.h"

#define OH_LISTEN_MAX 16 /* addresses of one server */

struct oh_server_options {
    struct oh_limits limits;
    const struct oh_server_hooks *hooks;   /* borrowed until destroy */
    const struct oh_route *routes;         /* borrowed until destroy */
    size_t route_count;
    const char *const *listen;             /* "127.0.0.1:8080", "[::1]:0"; borrowed until create returns */
    size_t listen_count;
    uint32_t network_threads;              /* network.h; 0: the loop thread makes the system calls itself */
    const char *port_file;                 /* NULL, or a file that gets the first bound port as one line */
    bool handle_signals;                   /* SIGTERM, SIGINT: drain; SIGHUP: hooks.reload. SIGPIPE is always ignored */
};

struct oh_server;

/*
 * oh_server_create - bind and listen; no connection is served before oh_server_run.
 *
 * Post:   the process's limit on descriptors is raised towards connections_max; logs one `listening` event per
 *         address, with the port the kernel chose for port 0.
 * Errors: OH_E_INVALID (address, routes), OH_E_IO (bind, listen), OH_E_NOMEM; diag says which and why.
 */
enum oh_err oh_server_create(const struct oh_server_options *options, struct oh_diag *diag,
                             struct oh_server **out_server) OH_MUST_CHECK;
void oh_server_destroy(struct oh_server **server);

/* Turns until drained after a stop. Returns OH_OK, or OH_E_IO when the event loop itself fails. */
enum oh_err oh_server_run(struct oh_server *server) OH_MUST_CHECK;

/* From any thread: make a turn happen soon (the journal has made something durable). Async-signal-safe. */
void oh_server_wake(struct oh_server *server);

/* From any thread: drain and return from run, as SIGTERM does. */
void oh_server_stop(struct oh_server *server);

/* The loop thread: end run after this turn with `error` (a failed sync ends acknowledging for good). No drain. */
void oh_server_abort(struct oh_server *server, enum oh_err error);

struct oh_engine *oh_server_engine(struct oh_server *server);
uint16_t oh_server_port(const struct oh_server *server, size_t listen_index);

#endif
