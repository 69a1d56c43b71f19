/*
 * engine.h - the loop turn and the connections, without sockets, clocks or libevent.
 *
 * server.h runs an engine over real sockets; a test or a simulator runs one over its own transports and clock.
 * Thread: the loop thread.
 *
 * The order of one turn (oh_engine_turn):
 *   1. read the clock once                             clock.realtime_us, clock.monotonic_us
 *   2. hooks.turn_begin(context, now_us, mono_us)      the ledger expires what is due
 *   3. each ready connection: at most one recv, parse, call handlers (bounded), keep the rest for the next turn
 *   4. durable_seq = hooks.turn_end(context)           the journal takes the turn's records
 *   5. release replies up to durable_seq, one send per connection that has something to send
 *   6. deadlines that have passed; free closed connections
 */
#ifndef ONHAND_SERVER_ENGINE_H
#define ONHAND_SERVER_ENGINE_H

#include "onhand/error.h"
#include "server/limits.h"
#include "server/metrics.h"
#include "server/router.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What the application does inside a turn. Every member may be NULL. */
struct oh_server_hooks {
    void *context; /* handed to every hook and, as `app`, to every handler */

    /*
     * Start of the turn, before any request of it. now_us stands still while a clock that was set back catches up;
     * what is done every so often goes by mono_us.
     */
    void (*turn_begin)(void *context, int64_t now_us, int64_t mono_us);

    /* End of the turn's requests: submit the journal records. Returns the seq that is durable by now (monotonic). */
    uint64_t (*turn_end)(void *context);

    /* The next moment the application wants a turn even without traffic (realtime us), or INT64_MAX. */
    int64_t (*next_due_us)(void *context);

    /*
     * A bounded piece (aim: under 200 us) of background work, called after the turn's flush. Returns true to be called
     * again in the next turn, which then does not sleep; false when there is nothing to do until another turn happens.
     */
    bool (*idle)(void *context);

    /* SIGHUP. Put new limits in place with oh_engine_set_limits. */
    void (*reload)(void *context);

    /* Fill rows of the metrics table that other threads count, just before they are written out. */
    void (*collect)(void *context, struct oh_metrics *metrics);
};

/* Where time comes from. Both required. */
struct oh_clock {
    void *context;
    int64_t (*realtime_us)(void *context);  /* since the Unix epoch */
    int64_t (*monotonic_us)(void *context); /* for deadlines and latencies */
};

/* The bytes of one connection. recv and send never block. */
struct oh_transport {
    /* > 0 bytes, 0 the peer has ended its side, -EAGAIN nothing now, other -errno broken. */
    ssize_t (*recv)(void *context, void *data, size_t size);
    ssize_t (*send)(void *context, const void *data, size_t size);
    void (*shutdown_write)(void *context); /* "no more from us" */
    void (*close)(void *context);          /* last call; the context is not used again */
};

struct oh_engine_options {
    struct oh_limits limits;
    struct oh_clock clock;
    const struct oh_server_hooks *hooks;  /* borrowed until destroy */
    const struct oh_router *router;       /* borrowed until destroy */
};

struct oh_engine;
struct oh_connection;

enum oh_err oh_engine_create(const struct oh_engine_options *options, struct oh_engine **out_engine) OH_MUST_CHECK;
/* Closes what is open. */
void oh_engine_destroy(struct oh_engine **engine);

/*
 * oh_engine_open - a new connection.
 *
 * Errors: OH_E_FULL (connections_max), OH_E_CLOSED (draining), OH_E_NOMEM. The transport is then not touched.
 * Owner:  takes transport_context (its close is called once); borrows the transport table for ever.
 */
enum oh_err oh_engine_open(struct oh_engine *engine, const struct oh_transport *transport, void *transport_context,
                           struct oh_connection **out_connection) OH_MUST_CHECK;

/* Readiness, edge-triggered: what has become possible since it was last found impossible. Only marks; no work. */
#define OH_READY_READ 1u
#define OH_READY_WRITE 2u
#define OH_READY_CLOSED 4u /* the peer has ended or the socket is broken: read until recv says so */
void oh_connection_notify(struct oh_connection *connection, unsigned readiness);

/* One turn. */
void oh_engine_turn(struct oh_engine *engine);

/* Whether the next turn has work already, so that it must not wait for events. */
bool oh_engine_is_busy(const struct oh_engine *engine);

/* Microseconds from the last turn's clock to the next deadline or due time; 0 when busy; -1 for never. */
int64_t oh_engine_wait_us(const struct oh_engine *engine);

/* Stop taking work: idle connections close, others after the replies in flight. Idempotent. */
void oh_engine_drain(struct oh_engine *engine);
bool oh_engine_is_drained(const struct oh_engine *engine); /* draining, and no connection left */

void oh_engine_set_limits(struct oh_engine *engine, const struct oh_limits *limits); /* non-reloadable ones keep */
const struct oh_limits *oh_engine_limits(const struct oh_engine *engine);
struct oh_metrics *oh_engine_metrics(struct oh_engine *engine);
uint32_t oh_engine_connection_count(const struct oh_engine *engine);
int64_t oh_engine_now_us(const struct oh_engine *engine);

/* Handler of GET /metrics, for the route table. */
void oh_handle_metrics(void *app, struct oh_exchange *exchange);

#endif
