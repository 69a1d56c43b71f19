/*
 * connection_output.c - replies on their way out: held until durable, then sent.
 */
#include "server/connection.h"
#include "base/assert.h"
#include <errno.h>
#include <stdlib.h>

/* ------------------------------------------------------------------------------------------------- held replies */

size_t oh_connection_sendable_size(const struct oh_connection *connection)
{
    if (connection->pending_count == 0)
        return oh_connection_unsent_size(connection);
    uint64_t held = connection->pending[connection->pending_first].position - connection->output_position;
    return (size_t)held - connection->sent_size;
}

bool oh_connection_release(struct oh_connection *connection, uint64_t durable_seq)
{
    struct oh_engine *engine = connection->engine;
    while (connection->pending_count > 0) {
        const struct oh_pending_reply *first = &connection->pending[connection->pending_first];
        if (first->release_seq > durable_seq)
            return false;
        if (first->is_counted)
            oh_metric_record(&engine->metrics.request_seconds[first->route_class],
                             engine->released_us - first->arrived_us, 1);
        connection->pending_first++;
        if (connection->pending_first == engine->pipeline_max)
            connection->pending_first = 0;
        connection->pending_count--;
        engine->metrics.replies_waiting--;
    }
    return true;
}

/* Adds at the end of the ring. False when there is no memory for it and the connection ends. */
static bool pending_push(struct oh_connection *connection, const struct oh_pending_reply *reply)
{
    struct oh_engine *engine = connection->engine;
    if (connection->pending == NULL)
        connection->pending = calloc(engine->pipeline_max, sizeof(*connection->pending));
    if (connection->pending == NULL) {
        /* The reply must not leave before its record is durable, so it does not leave at all. */
        oh_connection_break(connection, OH_CLOSE_no_memory);
        return false;
    }
    OH_ASSERT(connection->pending_count < engine->pipeline_max);
    uint32_t slot = (connection->pending_first + connection->pending_count) % engine->pipeline_max;
    connection->pending[slot] = *reply;
    connection->pending_count++;
    engine->metrics.replies_waiting++;
    if (!connection->is_on_pending) {
        connection->is_on_pending = true;
        TAILQ_INSERT_TAIL(&engine->pending, connection, pending_entry);
    }
    return true;
}

static uint8_t exchange_class(const struct oh_exchange *exchange)
{
    return exchange->route == NULL ? (uint8_t)OH_ROUTE_ADMIN : (uint8_t)exchange->route->route_class;
}

/* A whole reply is in the buffer: counts it now or when it is released. False when the connection ends. */
bool oh_exchange_hold_reply(struct oh_exchange *exchange, uint64_t release_seq)
{
    struct oh_connection *connection = exchange->connection;
    struct oh_engine *engine = connection->engine;
    uint8_t route_class = exchange_class(exchange);
    if (connection->pending_count == 0 && release_seq <= engine->durable_seq) {
        if (exchange->arrived_us == engine->mono_us)
            engine->answered[route_class]++;
        else
            oh_metric_record(&engine->metrics.request_seconds[route_class],
                             engine->mono_us - exchange->arrived_us, 1);
        return true;
    }
    struct oh_pending_reply reply = {
        .position = connection->output_position + exchange->reply_start,
        .release_seq = release_seq,
        .arrived_us = exchange->arrived_us,
        .route_class = route_class,
        .is_counted = true,
    };
    return pending_push(connection, &reply);
}

/* A piece of a streamed reply. When the ring is full the last entry waits for this piece's record too. */
bool oh_exchange_hold_piece(struct oh_exchange *exchange, size_t start, uint64_t release_seq)
{
    struct oh_connection *connection = exchange->connection;
    struct oh_engine *engine = connection->engine;
    if (release_seq <= engine->durable_seq)
        return true;
    if (connection->pending_count > 0) {
        uint32_t slot = (connection->pending_first + connection->pending_count - 1) % engine->pipeline_max;
        struct oh_pending_reply *last = &connection->pending[slot];
        if (release_seq <= last->release_seq)
            return true;
        if (connection->pending_count == engine->pipeline_max) {
            last->release_seq = release_seq;
            return true;
        }
    }
    struct oh_pending_reply piece = {
        .position = connection->output_position + start,
        .release_seq = release_seq,
        .is_counted = false,
    };
    return pending_push(connection, &piece);
}

/* ------------------------------------------------------------------------------------------------------ sending */

/* Bytes at the front of the buffer are out: forget them, without moving the rest each time. */
static void output_forget_sent(struct oh_connection *connection)
{
    struct oh_strbuf *output = &connection->output;
    size_t sent = connection->sent_size;
    if (sent == output->size) {
        oh_strbuf_clear(output);
        if (output->capacity > OH_KEPT_BUFFER_SIZE_MAX)
            oh_strbuf_fini(output);
        output->size_max = connection->engine->output_size_max;
    } else if (sent >= OH_KEPT_BUFFER_SIZE_MAX && sent > output->size / 2) {
        oh_strbuf_consume(output, sent);
    } else {
        return;
    }
    connection->output_position += sent;
    connection->sent_size = 0;
}

static void connection_send(struct oh_connection *connection)
{
    struct oh_engine *engine = connection->engine;
    size_t size = oh_connection_sendable_size(connection);
    if (size == 0 || !connection->can_write)
        return;
    const char *data = connection->output.data + connection->sent_size;
    ssize_t sent = connection->transport->send(connection->transport_context, data, size);
    if (sent < 0 && sent != -EAGAIN) {
        oh_connection_close(connection, OH_CLOSE_write_error);
        return;
    }
    size_t taken = sent > 0 ? (size_t)sent : 0;
    if (taken < size) {
        connection->can_write = false;
        connection->blocked_since_us = engine->mono_us;
    }
    engine->metrics.sent_bytes_total += taken;
    connection->sent_size += taken;
    output_forget_sent(connection);
}

/* The last reply is out. */
static void connection_finish(struct oh_connection *connection)
{
    if (connection->is_read_ended) {
        oh_connection_close(connection, connection->close_reason);
        return;
    }
    connection->transport->shutdown_write(connection->transport_context);
    oh_connection_set_state(connection, OH_CONNECTION_linger);
    if (connection->can_read)
        oh_connection_make_ready(connection);
}

/* Tells a streamed reply that there is room again. */
static void connection_tell_writable(struct oh_connection *connection)
{
    struct oh_exchange *exchange = &connection->exchange;
    if (exchange->writable != NULL && exchange->phase == OH_EXCHANGE_STREAMING &&
        oh_connection_unsent_size(connection) <= connection->engine->limits.output_soft_size / 2)
        exchange->writable(connection->engine->hooks->context, exchange);
}

static void connection_after_flush(struct oh_connection *connection)
{
    bool is_out = !oh_connection_has_output(connection);
    if (is_out && connection->state == OH_CONNECTION_closing)
        connection_finish(connection);
    if (is_out && connection->state == OH_CONNECTION_idle) {
        connection->since_us = connection->engine->mono_us;
        oh_connection_drain(connection);
    }
    connection_tell_writable(connection);
    if (oh_connection_has_work(connection))
        oh_connection_make_ready(connection);
    if (connection->state != OH_CONNECTION_closed)
        oh_connection_update_deadline(connection);
}

void oh_connection_flush(struct oh_connection *connection)
{
    if (connection->is_broken)
        oh_connection_close(connection, connection->close_reason);
    else
        connection_send(connection);
    if (connection->state != OH_CONNECTION_closed)
        connection_after_flush(connection);
}
