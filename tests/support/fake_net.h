/*
 * fake_net.h - an engine over peers in memory and a clock that stands still, with a few toy routes.
 *
 * A peer is the client's end of one connection: what it sends is read by the engine in the next turn, what
 * the engine sends
 * is kept in `received`. No sockets, no sleeping: time moves when the test says so.
 *
 * Routes: GET, PUT /v1/items/{sku}  answers the SKU and the query
 *         GET /v1/items/special/{a}/{b}
 *         POST /v1/echo             answers the body
 *         POST /v1/write            answers {"seq":N}, released when seq N is durable
 *         POST /v1/import           a streamed body: {"bytes":N,"hash":H}
 *         GET /v1/later             no reply until fake_net_reply_later
 *         GET /v1/feed              a streamed reply, continued with fake_net_feed
 *         GET /v1/large/{size}      a body of so many bytes
 *         GET /metrics
 */
#ifndef ONHAND_TESTS_SUPPORT_FAKE_NET_H
#define ONHAND_TESTS_SUPPORT_FAKE_NET_H

#include "server/engine.h"

#define FAKE_PEERS_MAX 64

struct fake_peer {
    struct oh_connection *connection;
    struct oh_strbuf sent;      /* by the client */
    size_t sent_read;           /* of it, read by the engine */
    bool is_sent_ended;
    int recv_error;             /* 0, or what recv returns negated */
    struct oh_strbuf received;  /* by the client */
    size_t receive_room;        /* bytes the client will still take */
    bool is_receive_ended;      /* the engine said "no more from us" */
    bool is_closed;             /* the engine closed */
};

/* A streamed body that is arriving. */
struct fake_import {
    struct oh_exchange *exchange; /* NULL: a free slot */
    uint64_t size;
    uint32_t hash;
};

struct fake_net {
    struct oh_engine *engine;
    struct oh_server_hooks hooks;
    int64_t now_us;             /* both clocks: realtime is this, monotonic this + 1 s */
    uint64_t applied_seq;       /* writes so far */
    uint64_t durable_seq;       /* what turn_end reports */
    bool is_durable_at_once;
    struct oh_exchange *later;  /* of GET /v1/later or /v1/feed */
    unsigned closed_calls;      /* times a `closed` callback came */
    unsigned writable_calls;
    unsigned requests;          /* handler calls */
    struct oh_exchange *import; /* the import begun last, while it runs */
    uint64_t import_size;       /* of the import that was given bytes last */
    struct fake_import imports[FAKE_PEERS_MAX];
    uint64_t import_pause_at;   /* data() returns false when so many bytes have come; 0 never */
    uint64_t import_reply_at;   /* data() replies when so many bytes have come; 0 never */
    struct fake_peer peers[FAKE_PEERS_MAX];
    size_t peer_count;
};

/* limits NULL: the defaults. Aborts the test when something cannot be made. */
void fake_net_init(struct fake_net *net, const struct oh_limits *limits);
void fake_net_fini(struct fake_net *net);

struct fake_peer *fake_net_connect(struct fake_net *net);

/* One turn; turns until nothing is left to do (bounded); time forward, then turns. */
void fake_net_turn(struct fake_net *net);
void fake_net_settle(struct fake_net *net);
void fake_net_pass(struct fake_net *net, int64_t us);

void fake_peer_send(struct fake_peer *peer, const char *text);
void fake_peer_send_bytes(struct fake_peer *peer, const void *data, size_t size);
void fake_peer_end(struct fake_peer *peer);              /* half-close: nothing more is sent */
void fake_peer_take(struct fake_peer *peer, size_t size); /* will take so many more bytes */

/* What was received so far as text, NUL-terminated; lends until the next call for this peer. */
const char *fake_peer_text(struct fake_peer *peer);
void fake_peer_forget(struct fake_peer *peer); /* empties `received` */

/* Status codes of the replies received, in order: "200 201 400". Asserts that the bytes are whole replies. */
const char *fake_peer_statuses(struct fake_peer *peer);

void fake_net_reply_later(struct fake_net *net);
void fake_net_feed(struct fake_net *net, const char *text, uint64_t release_seq);
void fake_net_feed_end(struct fake_net *net);

uint64_t fake_net_closed(const struct fake_net *net, enum oh_close_reason reason);

uint32_t fake_hash(uint32_t hash, const char *data, size_t size);
#define FAKE_HASH_START 2166136261u

#endif
