/*
 * connection.h - one client connection: bytes in, requests to handlers, replies out in order.
 *
 * Internal to src/server: handlers see exchange.h, the outside sees engine.h. No sockets and no clock here: bytes pass
 * through struct oh_transport, times are those of the engine's turn.
 * Thread: the loop thread.
 *
 * INPUT. One recv per turn. An empty connection reads into the engine's one read buffer and is parsed there;
 * only what is
 * left over (part of a request, or requests past the bound of a turn) is copied into the connection's own
 * buffer, which an
 * idle connection does not have.
 *
 * OUTPUT. Replies are written one behind the other into `output`. `pending` says which of them are still
 * waiting for their
 * record to be durable: everything before the first of those may be sent. Positions count bytes since the connection
 * opened, so they survive the buffer being emptied.
 */
#ifndef ONHAND_SERVER_CONNECTION_H
#define ONHAND_SERVER_CONNECTION_H

#include "server/deadline.h"
#include "server/engine.h"
#include "server/http_chunk.h"
#include "server/http_head.h"
#include <sys/queue.h>

#define OH_REQUEST_ID_SIZE_MAX 64

enum oh_exchange_phase {
    OH_EXCHANGE_NONE,      /* no request */
    OH_EXCHANGE_OPEN,      /* a handler has it, no reply yet */
    OH_EXCHANGE_WRITING,   /* between reply_begin and reply_end */
    OH_EXCHANGE_STREAMING, /* a streamed reply has begun */
    OH_EXCHANGE_REPLIED,   /* the whole reply is in the output; maybe not all of the request has been read */
};

struct oh_exchange {
    struct oh_connection *connection;
    const struct oh_route *route; /* NULL: none matched */
    void *user;
    oh_exchange_closed_fn *closed;
    oh_exchange_closed_fn *writable;
    int64_t arrived_us; /* monotonic */
    size_t reply_start; /* where in `output` the reply being written begins, */
    size_t length_at;   /* its Content-Length digits are, */
    size_t body_at;     /* and its body begins */
    enum oh_exchange_phase phase;
    enum oh_close_reason end_reason; /* why the connection ends after this reply, when it does */
    uint16_t status;
    bool is_head;
    bool is_http_1_0;
    bool is_keep_alive;
    bool is_body_complete;   /* the whole request has been read */
    bool is_stream_paused;   /* data() said: no more for now */
    uint8_t request_id_size;
    char request_id[OH_REQUEST_ID_SIZE_MAX];
};

/* A reply that must not leave yet, or stands behind one. */
struct oh_pending_reply {
    uint64_t position;     /* of its first byte */
    uint64_t release_seq;  /* 0: only order holds it back */
    int64_t arrived_us;
    uint8_t route_class;
    bool is_counted;       /* false: a piece of a streamed reply, no latency to record */
};

struct oh_connection {
    struct oh_exchange exchange;
    struct oh_engine *engine;
    const struct oh_transport *transport;
    void *transport_context;
    enum oh_connection_state state;
    enum oh_close_reason close_reason; /* when closing: why */
    bool can_read;                     /* recv may find something */
    bool can_write;
    bool is_peer_closed;               /* notified: read on until recv says so */
    bool is_read_ended;                /* recv has returned 0 */
    bool needs_bytes;                  /* `input` was looked at: nothing in it can be done before more comes */
    bool is_fresh;                     /* no request has come yet */
    bool is_broken;                    /* nothing more may leave: closed by the next flush, for close_reason */
    bool is_on_ready;
    bool is_on_flush;
    bool is_on_pending;
    uint32_t ready_round;              /* of the engine, when it was put on the list */
    uint32_t flush_round;

    struct oh_strbuf input;
    struct oh_head_scan scan;
    uint32_t head_size; /* of the request being read; 0 until its head is complete */
    bool is_chunked;
    bool has_body;
    uint64_t content_length; /* not chunked: bytes of the body; streamed: bytes still to come */
    size_t body_size;        /* chunked and buffered: bytes de-chunked so far */
    struct oh_chunk_decoder chunk;

    struct oh_strbuf output;
    size_t sent_size;         /* of output.data, handed to the transport */
    uint64_t output_position; /* of output.data[0] */
    struct oh_pending_reply *pending; /* ring, limits.pipeline_max entries, made at the first gated reply */
    uint32_t pending_first;
    uint32_t pending_count;

    int64_t since_us;        /* monotonic: when the state was entered, or last made progress */
    int64_t blocked_since_us; /* monotonic: when the transport last took bytes or first refused some */
    struct oh_deadline deadline; /* the earliest of what the state and a blocked output allow */

    TAILQ_ENTRY(oh_connection) all_entry;
    TAILQ_ENTRY(oh_connection) ready_entry;
    TAILQ_ENTRY(oh_connection) flush_entry;
    TAILQ_ENTRY(oh_connection) pending_entry;
};

TAILQ_HEAD(oh_connection_list, oh_connection);

#define OH_READ_SIZE_MAX 65536u       /* one recv, and so the bytes one connection may bring into one turn */
#define OH_TURN_REQUESTS_MAX 64u      /* requests of one connection in one turn */
#define OH_KEPT_BUFFER_SIZE_MAX 65536u /* a larger buffer is freed when it becomes empty */
#define OH_STATUS_CLASS_COUNT 6u

struct oh_engine {
    struct oh_limits limits;
    struct oh_clock clock;
    const struct oh_server_hooks *hooks;
    const struct oh_router *router;
    struct oh_metrics metrics;
    uint64_t *route_counts; /* [route_count + 1][OH_STATUS_CLASS_COUNT]; the last row is "no route" */

    int64_t now_us;  /* realtime, of this turn */
    int64_t mono_us; /* monotonic, of this turn */
    int64_t date_s;  /* second that date_line says */
    char date_line[64];
    size_t date_line_size;

    uint64_t durable_seq;
    int64_t released_us;       /* monotonic, when this turn's held replies were released */
    uint32_t pipeline_max;     /* fixed at create: the size of the rings */
    uint32_t output_size_max;  /* fixed at create */
    uint32_t connection_count;
    bool is_draining;
    uint32_t ready_round;      /* what joins a list while it is worked off waits for the next round */
    uint32_t flush_round;
    bool is_idle_busy;         /* hooks.idle asked to be called again */
    int64_t drain_deadline_us;
    uint64_t answered[OH_ROUTE_CLASS_COUNT]; /* replies of this turn's requests, recorded after the flush */

    struct oh_connection_list all;
    struct oh_connection_list ready;
    struct oh_connection_list flush;
    struct oh_connection_list pending;
    struct oh_connection_list dead; /* through all_entry */
    struct oh_deadlines deadlines;

    struct oh_http_head head;        /* of the request being handled */
    struct oh_strbuf reply_headers;  /* extra headers of the reply that comes next */
    char path_scratch[8192];         /* decoded path parameters */
    char read_buffer[OH_READ_SIZE_MAX];
};

/* ---- connection.c: life, states, deadlines ---------------------------------------------------------------------- */

void oh_connection_init(struct oh_connection *connection, struct oh_engine *engine,
                        const struct oh_transport *transport, void *transport_context);

/* Frees buffers; the connection is closed. */
void oh_connection_fini(struct oh_connection *connection);

/* The one setter: asserts that the table allows it, counts, and starts the state's deadline. */
void oh_connection_set_state(struct oh_connection *connection, enum oh_connection_state state);
void oh_connection_update_deadline(struct oh_connection *connection);

/* The steps of a turn. */
void oh_connection_process(struct oh_connection *connection);
void oh_connection_expire(struct oh_connection *connection);
void oh_connection_drain(struct oh_connection *connection);

/* Closes now; the memory is freed at the end of the turn. Never from inside a handler. */
void oh_connection_close(struct oh_connection *connection, enum oh_close_reason reason);

/* After the last reply: no further request is read; ends when the output is out. */
void oh_connection_end(struct oh_connection *connection, enum oh_close_reason reason);

/* From inside a handler: the reply cannot be kept. Closes at the next flush, when no handler is running. */
void oh_connection_break(struct oh_connection *connection, enum oh_close_reason reason);

/* The bytes are no request that can be answered by a handler: says so, and ends. */
void oh_connection_refuse(struct oh_connection *connection, enum oh_http_error error);

/* Puts it on the list of the next turn's work, or of this turn's flush. Idempotent. */
void oh_connection_make_ready(struct oh_connection *connection);
void oh_connection_make_flush(struct oh_connection *connection);

/* Whether bytes of the client may be looked at now: not while a reply is owed, too many wait, or the end has come. */
bool oh_connection_may_parse(const struct oh_connection *connection);

/* Whether there is something to do that no event will announce any more. */
bool oh_connection_has_work(const struct oh_connection *connection);

/* A handler has the request and has not replied in full. */
bool oh_exchange_is_open(const struct oh_exchange *exchange);

/* Tells the handler that its exchange is over without a reply. */
void oh_connection_abandon_exchange(struct oh_connection *connection);

/* Called by reply.c when the reply of the exchange is complete. */
void oh_connection_reply_done(struct oh_connection *connection);

/* ---- connection_input.c ------------------------------------------------------------------------------------------ */

/* Reads, parses and dispatches, within the bounds of one turn. */
void oh_connection_read(struct oh_connection *connection);

/* Throws away what the client still sends, so that it can read the last reply before the connection is reset. */
void oh_connection_discard(struct oh_connection *connection);

/* ---- connection_output.c ----------------------------------------------------------------------------------------- */

/* A whole reply is in the buffer: counts it now, or when it is released. False when the connection ends. */
bool oh_exchange_hold_reply(struct oh_exchange *exchange, uint64_t release_seq);

/* A piece of a streamed reply, from output byte `start` on. False when the connection ends. */
bool oh_exchange_hold_piece(struct oh_exchange *exchange, size_t start, uint64_t release_seq);

/* Forgets the pending replies up to durable_seq. Returns true when none is left. */
bool oh_connection_release(struct oh_connection *connection, uint64_t durable_seq);

/* One send, if there is something to send; then what follows from an emptier buffer. */
void oh_connection_flush(struct oh_connection *connection);

/* Bytes of the output that may be sent now, and all that wait. */
size_t oh_connection_sendable_size(const struct oh_connection *connection);
static inline size_t oh_connection_unsent_size(const struct oh_connection *connection)
{
    return connection->output.size - connection->sent_size;
}

/* Whether a reply is held or unsent. */
static inline bool oh_connection_has_output(const struct oh_connection *connection)
{
    return connection->pending_count > 0 || oh_connection_unsent_size(connection) > 0;
}

/* ---- reply.c ----------------------------------------------------------------------------------------------------- */

/* A reply to bytes that are no request. Then the connection ends. */
void oh_reply_http_error(struct oh_connection *connection, enum oh_http_error error);

/* No route, or no such method on it. */
void oh_reply_no_route(struct oh_exchange *exchange, uint32_t allowed_methods);

#endif
