#include "server/connection.h"
#include "base/assert.h"
#include <stdlib.h>

/* -------------------------------------------------------------------------------------------- states, deadlines */

void oh_connection_set_state(struct oh_connection *connection, enum oh_connection_state state)
{
    if (connection->state == state)
        return;
    OH_ASSERT(oh_connection_state_may_follow(connection->state, state));
    struct oh_metrics *metrics = &connection->engine->metrics;
    metrics->connections[connection->state]--;
    metrics->connections[state]++;
    connection->state = state;
    connection->since_us = connection->engine->mono_us;
}

static int64_t deadline_after_ms(int64_t since_us, uint32_t timeout_ms)
{
    return since_us + (int64_t)timeout_ms * 1000;
}

/* When the state as such runs out. */
static int64_t connection_state_deadline_us(const struct oh_connection *connection)
{
    const struct oh_limits *limits = &connection->engine->limits;
    int64_t since_us = connection->since_us;
    switch (connection->state) {
    case OH_CONNECTION_idle:
        if (oh_connection_has_output(connection))
            return OH_DEADLINE_NEVER;
        return deadline_after_ms(since_us,
                                 connection->is_fresh ? limits->header_timeout_ms : limits->idle_timeout_ms);
    case OH_CONNECTION_head:
        return deadline_after_ms(since_us, limits->header_timeout_ms);
    case OH_CONNECTION_body:
        return deadline_after_ms(since_us, limits->body_timeout_ms);
    case OH_CONNECTION_stream:
        return connection->exchange.is_stream_paused ? OH_DEADLINE_NEVER
                                                     : deadline_after_ms(since_us, limits->body_timeout_ms);
    case OH_CONNECTION_linger:
        return deadline_after_ms(since_us, limits->linger_timeout_ms);
    case OH_CONNECTION_handling:
    case OH_CONNECTION_closing:
    case OH_CONNECTION_closed:
    case OH_CONNECTION_STATE_COUNT:
        break;
    }
    return OH_DEADLINE_NEVER;
}

static int64_t connection_write_deadline_us(const struct oh_connection *connection)
{
    if (connection->can_write || oh_connection_sendable_size(connection) == 0)
        return OH_DEADLINE_NEVER;
    return deadline_after_ms(connection->blocked_since_us, connection->engine->limits.write_timeout_ms);
}

void oh_connection_update_deadline(struct oh_connection *connection)
{
    int64_t state_us = connection_state_deadline_us(connection);
    int64_t write_us = connection_write_deadline_us(connection);
    oh_deadline_set(&connection->engine->deadlines, &connection->deadline,
                    state_us < write_us ? state_us : write_us);
}

/* ------------------------------------------------------------------------------------------------ life and lists */

void oh_connection_init(struct oh_connection *connection, struct oh_engine *engine,
                        const struct oh_transport *transport, void *transport_context)
{
    *connection = (struct oh_connection){ .engine = engine };
    connection->transport = transport;
    connection->transport_context = transport_context;
    connection->exchange.connection = connection;
    connection->state = OH_CONNECTION_idle;
    /* Accepted between two turns: the clock of the last one may be as old as the loop slept. */
    connection->since_us = engine->clock.monotonic_us(engine->clock.context);
    connection->can_write = true;
    connection->is_fresh = true;
    oh_strbuf_init(&connection->input, 0);
    oh_strbuf_init(&connection->output, engine->output_size_max);
    oh_deadline_init(&connection->deadline);
    engine->metrics.connections[OH_CONNECTION_idle]++;
    oh_connection_update_deadline(connection);
}

void oh_connection_fini(struct oh_connection *connection)
{
    OH_ASSERT(connection->state == OH_CONNECTION_closed);
    oh_strbuf_fini(&connection->input);
    oh_strbuf_fini(&connection->output);
    free(connection->pending);
    connection->pending = NULL;
}

void oh_connection_make_ready(struct oh_connection *connection)
{
    if (connection->is_on_ready || connection->state == OH_CONNECTION_closed)
        return;
    connection->is_on_ready = true;
    connection->ready_round = connection->engine->ready_round;
    TAILQ_INSERT_TAIL(&connection->engine->ready, connection, ready_entry);
}

void oh_connection_make_flush(struct oh_connection *connection)
{
    if (connection->is_on_flush || connection->state == OH_CONNECTION_closed)
        return;
    connection->is_on_flush = true;
    connection->flush_round = connection->engine->flush_round;
    TAILQ_INSERT_TAIL(&connection->engine->flush, connection, flush_entry);
}

static void connection_leave_lists(struct oh_connection *connection)
{
    struct oh_engine *engine = connection->engine;
    if (connection->is_on_ready)
        TAILQ_REMOVE(&engine->ready, connection, ready_entry);
    if (connection->is_on_flush)
        TAILQ_REMOVE(&engine->flush, connection, flush_entry);
    if (connection->is_on_pending)
        TAILQ_REMOVE(&engine->pending, connection, pending_entry);
    connection->is_on_ready = connection->is_on_flush = connection->is_on_pending = false;
    TAILQ_REMOVE(&engine->all, connection, all_entry);
    TAILQ_INSERT_TAIL(&engine->dead, connection, all_entry);
}

bool oh_exchange_is_open(const struct oh_exchange *exchange)
{
    return exchange->phase == OH_EXCHANGE_OPEN || exchange->phase == OH_EXCHANGE_WRITING ||
           exchange->phase == OH_EXCHANGE_STREAMING;
}

/* Tells the handler that its exchange is over without a reply. */
void oh_connection_abandon_exchange(struct oh_connection *connection)
{
    struct oh_exchange *exchange = &connection->exchange;
    bool was_open = oh_exchange_is_open(exchange);
    oh_exchange_closed_fn *closed = exchange->closed;
    exchange->phase = OH_EXCHANGE_NONE;
    exchange->closed = NULL;
    exchange->writable = NULL;
    if (was_open && closed != NULL)
        closed(connection->engine->hooks->context, exchange);
}

void oh_connection_close(struct oh_connection *connection, enum oh_close_reason reason)
{
    struct oh_engine *engine = connection->engine;
    if (connection->state == OH_CONNECTION_closed)
        return;
    oh_connection_set_state(connection, OH_CONNECTION_closed);
    connection_leave_lists(connection);
    oh_deadline_remove(&engine->deadlines, &connection->deadline);
    engine->metrics.connections_closed_total[reason]++;
    engine->metrics.replies_waiting -= connection->pending_count;
    engine->connection_count--;
    connection->transport->close(connection->transport_context);
    oh_connection_abandon_exchange(connection);
}

void oh_connection_refuse(struct oh_connection *connection, enum oh_http_error error)
{
    oh_connection_abandon_exchange(connection);
    oh_reply_http_error(connection, error);
}

void oh_connection_end(struct oh_connection *connection, enum oh_close_reason reason)
{
    if (connection->state == OH_CONNECTION_closed || connection->state == OH_CONNECTION_closing)
        return;
    connection->close_reason = reason;
    oh_connection_set_state(connection, OH_CONNECTION_closing);
    oh_connection_make_flush(connection);
}

void oh_connection_break(struct oh_connection *connection, enum oh_close_reason reason)
{
    connection->is_broken = true;
    connection->close_reason = reason;
    oh_connection_make_flush(connection);
}

void oh_connection_notify(struct oh_connection *connection, unsigned readiness)
{
    if ((readiness & (OH_READY_READ | OH_READY_CLOSED)) != 0)
        connection->can_read = true;
    if ((readiness & OH_READY_CLOSED) != 0)
        connection->is_peer_closed = true;
    if ((readiness & OH_READY_WRITE) != 0)
        connection->can_write = true;
    oh_connection_make_ready(connection);
}

/* --------------------------------------------------------------------------------------------------------- work */

/* Whether bytes of the client may be looked at now: not while a reply is owed, too many wait, or the end has come. */
bool oh_connection_may_parse(const struct oh_connection *connection)
{
    const struct oh_engine *engine = connection->engine;
    bool is_reading = connection->state == OH_CONNECTION_idle || connection->state == OH_CONNECTION_head ||
                      connection->state == OH_CONNECTION_body ||
                      (connection->state == OH_CONNECTION_stream && !connection->exchange.is_stream_paused);
    return is_reading && !connection->is_broken && connection->pending_count < engine->pipeline_max &&
           oh_connection_unsent_size(connection) <= engine->limits.output_soft_size;
}

/* Whether there is something to do that no event will announce any more. */
bool oh_connection_has_work(const struct oh_connection *connection)
{
    bool has_input = connection->input.size > 0 && !connection->needs_bytes;
    return (has_input || connection->can_read || connection->is_read_ended) &&
           oh_connection_may_parse(connection);
}

void oh_connection_process(struct oh_connection *connection)
{
    if (connection->can_write && oh_connection_sendable_size(connection) > 0)
        oh_connection_make_flush(connection);
    if (connection->state == OH_CONNECTION_linger)
        oh_connection_discard(connection);
    else if (oh_connection_may_parse(connection))
        oh_connection_read(connection);
    oh_connection_drain(connection);
    if (connection->state != OH_CONNECTION_closed)
        oh_connection_update_deadline(connection);
}

void oh_connection_reply_done(struct oh_connection *connection)
{
    struct oh_exchange *exchange = &connection->exchange;
    exchange->closed = NULL;
    exchange->writable = NULL;
    exchange->phase = OH_EXCHANGE_NONE;
    oh_connection_make_flush(connection);
    if (!exchange->is_keep_alive || !exchange->is_body_complete) {
        oh_connection_end(connection, exchange->end_reason);
        return;
    }
    oh_connection_set_state(connection, OH_CONNECTION_idle);
    /* A deferred reply lets the requests behind it go on. */
    if (oh_connection_has_work(connection))
        oh_connection_make_ready(connection);
}

void oh_connection_expire(struct oh_connection *connection)
{
    int64_t now_us = connection->engine->mono_us;
    if (connection_write_deadline_us(connection) <= now_us) {
        oh_connection_close(connection, OH_CLOSE_write_timeout);
        return;
    }
    if (connection_state_deadline_us(connection) > now_us) {
        oh_connection_update_deadline(connection);
        return;
    }
    if (connection->state == OH_CONNECTION_idle)
        oh_connection_close(connection,
                            connection->is_fresh ? OH_CLOSE_header_timeout : OH_CLOSE_idle_timeout);
    else if (connection->state == OH_CONNECTION_head)
        oh_connection_refuse(connection, OH_HTTP_HEADER_TIMEOUT);
    else if (connection->state == OH_CONNECTION_linger)
        oh_connection_close(connection, connection->close_reason);
    else if (connection->exchange.phase == OH_EXCHANGE_STREAMING)
        oh_connection_close(connection, OH_CLOSE_body_timeout);
    else
        oh_connection_refuse(connection, OH_HTTP_BODY_TIMEOUT);
}

void oh_connection_drain(struct oh_connection *connection)
{
    bool is_quiet = connection->state == OH_CONNECTION_idle && !oh_connection_has_output(connection) &&
                    connection->input.size == 0 && !connection->can_read;
    if (connection->engine->is_draining && is_quiet)
        oh_connection_close(connection, OH_CLOSE_drained);
}
