#include "support/fake_net.h"
#include "support/test.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BYTES_MAX (64u << 20)
#define SETTLE_TURNS_MAX 100000

/* ------------------------------------------------------------------------------------------------------ handlers */

static void handle_item(void *app, struct oh_exchange *exchange)
{
    struct fake_net *net = app;
    const struct oh_request *request = oh_exchange_request(exchange);
    net->requests++;
    struct oh_strbuf *body = oh_reply_begin(exchange, 200, "text/plain");
    for (unsigned i = 0; i < request->param_count; i++) {
        oh_strbuf_put_bytes(body, request->params[i]);
        oh_strbuf_put_char(body, '?');
    }
    oh_strbuf_put_bytes(body, request->query);
    oh_reply_end(exchange, 0);
}

static void handle_echo(void *app, struct oh_exchange *exchange)
{
    struct fake_net *net = app;
    const struct oh_request *request = oh_exchange_request(exchange);
    net->requests++;
    oh_reply_header(exchange, "X-Key", request->idempotency_key);
    struct oh_strbuf *body = oh_reply_begin(exchange, 200, "text/plain");
    oh_strbuf_put_bytes(body, request->body);
    oh_reply_end(exchange, 0);
}

static void handle_write(void *app, struct oh_exchange *exchange)
{
    struct fake_net *net = app;
    net->requests++;
    net->applied_seq++;
    struct oh_strbuf *body = oh_reply_begin(exchange, 201, "application/json");
    oh_strbuf_printf(body, "{\"seq\":%llu}", (unsigned long long)net->applied_seq);
    oh_reply_end(exchange, net->applied_seq);
}

static void handle_large(void *app, struct oh_exchange *exchange)
{
    struct fake_net *net = app;
    char digits[16] = "";
    struct oh_bytes size_text = oh_exchange_request(exchange)->params[0];
    net->requests++;
    if (size_text.size < sizeof(digits))
        memcpy(digits, size_text.data, size_text.size);
    size_t size = strtoul(digits, NULL, 10);
    struct oh_strbuf *body = oh_reply_begin(exchange, 200, "text/plain");
    char *room = oh_strbuf_reserve(body, size);
    if (room != NULL) {
        memset(room, 'x', size);
        body->size += size;
    }
    oh_reply_end(exchange, 0);
}

/* The slot of an exchange; of NULL, a free one. */
static struct fake_import *import_of(struct fake_net *net, const struct oh_exchange *exchange)
{
    size_t i = 0;
    while (i < FAKE_PEERS_MAX && net->imports[i].exchange != exchange)
        i++;
    assert_true(i < FAKE_PEERS_MAX);
    return &net->imports[i];
}

static void import_forget(struct fake_net *net, const struct oh_exchange *exchange)
{
    if (net->import == exchange)
        net->import = NULL;
    for (size_t i = 0; i < FAKE_PEERS_MAX; i++) {
        if (net->imports[i].exchange == exchange)
            net->imports[i].exchange = NULL;
    }
}

static void on_closed(void *app, struct oh_exchange *exchange)
{
    struct fake_net *net = app;
    net->closed_calls++;
    if (net->later == exchange)
        net->later = NULL;
    import_forget(net, exchange);
}

static void handle_later(void *app, struct oh_exchange *exchange)
{
    struct fake_net *net = app;
    net->requests++;
    net->later = exchange;
    oh_exchange_on_close(exchange, on_closed);
}

static void on_writable(void *app, struct oh_exchange *exchange)
{
    struct fake_net *net = app;
    (void)exchange;
    net->writable_calls++;
}

static void handle_feed(void *app, struct oh_exchange *exchange)
{
    struct fake_net *net = app;
    net->requests++;
    net->later = exchange;
    oh_exchange_on_close(exchange, on_closed);
    oh_exchange_on_writable(exchange, on_writable);
    oh_reply_stream_begin(exchange, 200, "text/event-stream");
}

static void import_begin(void *app, struct oh_exchange *exchange)
{
    struct fake_net *net = app;
    net->requests++;
    net->import_size = 0;
    if (oh_exchange_request(exchange)->idempotency_key.size > 0) {
        oh_reply_problem(exchange, 400, "no_key_here", "An import takes no key", OH_BYTES_NONE, NULL);
        return;
    }
    net->import = exchange;
    *import_of(net, NULL) = (struct fake_import){ .exchange = exchange, .hash = FAKE_HASH_START };
}

static bool import_data(void *app, struct oh_exchange *exchange, struct oh_bytes bytes)
{
    struct fake_net *net = app;
    struct fake_import *import = import_of(net, exchange);
    import->size += bytes.size;
    import->hash = fake_hash(import->hash, bytes.data, bytes.size);
    net->import_size = import->size;
    if (net->import_reply_at > 0 && import->size >= net->import_reply_at) {
        import_forget(net, exchange);
        oh_reply_problem(exchange, 422, "bad_row", "A row is wrong", OH_BYTES_NONE, NULL);
        return true;
    }
    return net->import_pause_at == 0 || import->size < net->import_pause_at;
}

static void import_end(void *app, struct oh_exchange *exchange)
{
    struct fake_net *net = app;
    struct fake_import import = *import_of(net, exchange);
    import_forget(net, exchange);
    struct oh_strbuf *body = oh_reply_begin(exchange, 200, "application/json");
    oh_strbuf_printf(body, "{\"bytes\":%llu,\"hash\":%u}", (unsigned long long)import.size, import.hash);
    oh_reply_end(exchange, 0);
}

static const struct oh_stream_handlers import_stream = { import_begin, import_data, import_end, on_closed };

static const struct oh_route routes[] = {
    { OH_METHOD_GET, OH_ROUTE_READ, "/v1/items/{sku}", "item_get", handle_item, NULL },
    { OH_METHOD_PUT, OH_ROUTE_WRITE, "/v1/items/{sku}", "item_put", handle_item, NULL },
    { OH_METHOD_GET, OH_ROUTE_READ, "/v1/items/special/{a}/{b}", "special", handle_item, NULL },
    { OH_METHOD_POST, OH_ROUTE_READ, "/v1/echo", "echo", handle_echo, NULL },
    { OH_METHOD_POST, OH_ROUTE_WRITE, "/v1/write", "write", handle_write, NULL },
    { OH_METHOD_POST, OH_ROUTE_IMPORT, "/v1/import", "import", NULL, &import_stream },
    { OH_METHOD_GET, OH_ROUTE_READ, "/v1/later", "later", handle_later, NULL },
    { OH_METHOD_GET, OH_ROUTE_READ, "/v1/feed", "feed", handle_feed, NULL },
    { OH_METHOD_GET, OH_ROUTE_READ, "/v1/large/{size}", "large", handle_large, NULL },
    { OH_METHOD_GET, OH_ROUTE_ADMIN, "/metrics", "metrics", oh_handle_metrics, NULL },
};

uint32_t fake_hash(uint32_t hash, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)data[i]) * 16777619u;
    return hash;
}

/* ------------------------------------------------------------------------------------------- clock and transport */

static int64_t fake_realtime_us(void *context)
{
    return ((struct fake_net *)context)->now_us;
}

static int64_t fake_monotonic_us(void *context)
{
    return ((struct fake_net *)context)->now_us + 1000000;
}

static uint64_t fake_turn_end(void *context)
{
    struct fake_net *net = context;
    if (net->is_durable_at_once)
        net->durable_seq = net->applied_seq;
    return net->durable_seq;
}

static ssize_t peer_recv(void *context, void *data, size_t size)
{
    struct fake_peer *peer = context;
    size_t rest = peer->sent.size - peer->sent_read;
    size_t got = rest < size ? rest : size;
    assert_false(peer->is_closed);
    if (peer->recv_error != 0)
        return -peer->recv_error;
    if (got == 0)
        return peer->is_sent_ended ? 0 : -EAGAIN;
    memcpy(data, peer->sent.data + peer->sent_read, got);
    peer->sent_read += got;
    return (ssize_t)got;
}

static ssize_t peer_send(void *context, const void *data, size_t size)
{
    struct fake_peer *peer = context;
    size_t taken = size < peer->receive_room ? size : peer->receive_room;
    assert_false(peer->is_closed);
    assert_false(peer->is_receive_ended);
    if (taken == 0)
        return -EAGAIN;
    oh_strbuf_put(&peer->received, data, taken);
    peer->receive_room -= taken;
    return (ssize_t)taken;
}

static void peer_shutdown_write(void *context)
{
    struct fake_peer *peer = context;
    peer->is_receive_ended = true;
}

static void peer_close(void *context)
{
    struct fake_peer *peer = context;
    assert_false(peer->is_closed);
    peer->is_closed = true;
    peer->connection = NULL;
}

static const struct oh_transport fake_transport = { peer_recv, peer_send, peer_shutdown_write, peer_close };

/* ------------------------------------------------------------------------------------------------------ fixture */

/* One for all: nothing changes it, and a random test makes thousands of servers. */
static const struct oh_router *router_once(void)
{
    static struct oh_router *router;
    struct oh_diag diag;
    if (router == NULL)
        assert_int_equal(oh_router_create(routes, sizeof(routes) / sizeof(routes[0]), &diag, &router), OH_OK);
    return router;
}

void fake_net_init(struct fake_net *net, const struct oh_limits *limits)
{
    memset(net, 0, sizeof(*net));
    net->now_us = INT64_C(1795352827000000); /* 2026-11-22T13:07:07Z */
    net->hooks = (struct oh_server_hooks){ .context = net, .turn_end = fake_turn_end };
    struct oh_engine_options options = {
        .limits = limits == NULL ? oh_limits_default() : *limits,
        .clock = { net, fake_realtime_us, fake_monotonic_us },
        .hooks = &net->hooks,
        .router = router_once(),
    };
    assert_int_equal(oh_engine_create(&options, &net->engine), OH_OK);
}

void fake_net_fini(struct fake_net *net)
{
    oh_engine_destroy(&net->engine);
    for (size_t i = 0; i < net->peer_count; i++) {
        assert_true(net->peers[i].is_closed);
        oh_strbuf_fini(&net->peers[i].sent);
        oh_strbuf_fini(&net->peers[i].received);
    }
}

struct fake_peer *fake_net_connect(struct fake_net *net)
{
    assert_true(net->peer_count < FAKE_PEERS_MAX);
    struct fake_peer *peer = &net->peers[net->peer_count];
    oh_strbuf_init(&peer->sent, BYTES_MAX);
    oh_strbuf_init(&peer->received, BYTES_MAX);
    peer->receive_room = SIZE_MAX;
    assert_int_equal(oh_engine_open(net->engine, &fake_transport, peer, &peer->connection), OH_OK);
    net->peer_count++;
    return peer;
}

void fake_net_turn(struct fake_net *net)
{
    oh_engine_turn(net->engine);
}

void fake_net_settle(struct fake_net *net)
{
    unsigned turns = 0;
    do {
        oh_engine_turn(net->engine);
        assert_true(turns++ < SETTLE_TURNS_MAX);
    } while (oh_engine_is_busy(net->engine));
}

void fake_net_pass(struct fake_net *net, int64_t us)
{
    net->now_us += us;
    fake_net_settle(net);
}

void fake_peer_send_bytes(struct fake_peer *peer, const void *data, size_t size)
{
    oh_strbuf_put(&peer->sent, data, size);
    assert_false(peer->sent.is_overflowed);
    if (peer->connection != NULL)
        oh_connection_notify(peer->connection, OH_READY_READ);
}

void fake_peer_send(struct fake_peer *peer, const char *text)
{
    fake_peer_send_bytes(peer, text, strlen(text));
}

void fake_peer_end(struct fake_peer *peer)
{
    peer->is_sent_ended = true;
    if (peer->connection != NULL)
        oh_connection_notify(peer->connection, OH_READY_READ | OH_READY_CLOSED);
}

void fake_peer_take(struct fake_peer *peer, size_t size)
{
    peer->receive_room = size;
    if (peer->connection != NULL && size > 0)
        oh_connection_notify(peer->connection, OH_READY_WRITE);
}

const char *fake_peer_text(struct fake_peer *peer)
{
    oh_strbuf_put_char(&peer->received, '\0');
    assert_false(peer->received.is_overflowed);
    peer->received.size--;
    return peer->received.data;
}

void fake_peer_forget(struct fake_peer *peer)
{
    oh_strbuf_clear(&peer->received);
}

const char *fake_peer_statuses(struct fake_peer *peer)
{
    static char statuses[4096];
    const char *at = fake_peer_text(peer);
    const char *end = at + peer->received.size;
    size_t size = 0;
    statuses[0] = '\0';
    while (at < end) {
        assert_memory_equal(at, "HTTP/1.1 ", 9);
        size += (size_t)snprintf(statuses + size, sizeof(statuses) - size, "%s%.3s", size == 0 ? "" : " ", at + 9);
        assert_true(size < sizeof(statuses) - 8);
        const char *head_end = strstr(at, "\r\n\r\n");
        assert_non_null(head_end);
        const char *length = strstr(at, "Content-Length:");
        size_t body_size = length != NULL && length < head_end ? strtoul(length + 15, NULL, 10) : 0;
        at = head_end + 4 + body_size;
        assert_true(at <= end);
    }
    return statuses;
}

void fake_net_reply_later(struct fake_net *net)
{
    struct oh_exchange *exchange = net->later;
    assert_non_null(exchange);
    net->later = NULL;
    struct oh_strbuf *body = oh_reply_begin(exchange, 200, "text/plain");
    oh_strbuf_put_text(body, "late");
    oh_reply_end(exchange, 0);
}

void fake_net_feed(struct fake_net *net, const char *text, uint64_t release_seq)
{
    assert_non_null(net->later);
    oh_reply_stream_put(net->later, oh_bytes_of(text), release_seq);
}

void fake_net_feed_end(struct fake_net *net)
{
    struct oh_exchange *exchange = net->later;
    assert_non_null(exchange);
    net->later = NULL;
    oh_reply_stream_end(exchange, 0);
}

uint64_t fake_net_closed(const struct fake_net *net, enum oh_close_reason reason)
{
    return oh_engine_metrics(net->engine)->connections_closed_total[reason];
}
