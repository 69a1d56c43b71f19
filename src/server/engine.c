#include "server/engine.h"
#include "base/assert.h"
#include "server/connection.h"
#include "server/http_date.h"
#include <stdlib.h>
#include <string.h>

#define US_PER_S INT64_C(1000000)

static void engine_set_date(struct oh_engine *engine)
{
    int64_t second = engine->now_us / US_PER_S;
    if (second == engine->date_s && engine->date_line_size > 0)
        return;
    memcpy(engine->date_line, "Date: ", 6);
    oh_http_date_write(second, engine->date_line + 6);
    memcpy(engine->date_line + 6 + OH_HTTP_DATE_SIZE, "\r\n", 2);
    engine->date_line_size = 6 + OH_HTTP_DATE_SIZE + 2;
    engine->date_s = second;
}

/* A clock that was set back stands still until it has caught up (docs/spec/ledger.md, L2). */
static void engine_read_clock(struct oh_engine *engine)
{
    int64_t now_us = engine->clock.realtime_us(engine->clock.context);
    if (now_us > engine->now_us)
        engine->now_us = now_us;
    engine->mono_us = engine->clock.monotonic_us(engine->clock.context);
    engine_set_date(engine);
}

enum oh_err oh_engine_create(const struct oh_engine_options *options, struct oh_engine **out_engine)
{
    struct oh_engine *engine = calloc(1, sizeof(*engine));
    uint64_t *counts = calloc((oh_router_count(options->router) + 1) * OH_STATUS_CLASS_COUNT, sizeof(*counts));
    if (engine == NULL || counts == NULL) {
        free(engine);
        free(counts);
        return OH_E_NOMEM;
    }
    engine->limits = options->limits;
    engine->clock = options->clock;
    engine->hooks = options->hooks;
    engine->router = options->router;
    engine->route_counts = counts;
    engine->pipeline_max = options->limits.pipeline_max;
    engine->output_size_max = options->limits.output_size_max;
    engine->drain_deadline_us = OH_DEADLINE_NEVER;
    TAILQ_INIT(&engine->all);
    TAILQ_INIT(&engine->ready);
    TAILQ_INIT(&engine->flush);
    TAILQ_INIT(&engine->pending);
    TAILQ_INIT(&engine->dead);
    oh_deadlines_init(&engine->deadlines);
    oh_strbuf_init(&engine->reply_headers, OH_REPLY_HEADERS_SIZE_MAX);
    engine_read_clock(engine);
    *out_engine = engine;
    return OH_OK;
}

static void engine_reap(struct oh_engine *engine)
{
    struct oh_connection *connection;
    while ((connection = TAILQ_FIRST(&engine->dead)) != NULL) {
        TAILQ_REMOVE(&engine->dead, connection, all_entry);
        engine->metrics.connections[OH_CONNECTION_closed]--;
        oh_connection_fini(connection);
        free(connection);
    }
}

static void engine_close_all(struct oh_engine *engine, enum oh_close_reason reason)
{
    struct oh_connection *connection;
    while ((connection = TAILQ_FIRST(&engine->all)) != NULL)
        oh_connection_close(connection, reason);
}

void oh_engine_destroy(struct oh_engine **engine)
{
    if (*engine == NULL)
        return;
    engine_close_all(*engine, OH_CLOSE_server_stopped);
    engine_reap(*engine);
    oh_deadlines_fini(&(*engine)->deadlines);
    oh_strbuf_fini(&(*engine)->reply_headers);
    free((*engine)->route_counts);
    free(*engine);
    *engine = NULL;
}

enum oh_err oh_engine_open(struct oh_engine *engine, const struct oh_transport *transport, void *transport_context,
                           struct oh_connection **out_connection)
{
    if (engine->is_draining)
        return OH_E_CLOSED;
    if (engine->connection_count >= engine->limits.connections_max) {
        engine->metrics.connections_refused_total++;
        return OH_E_FULL;
    }
    struct oh_connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL || oh_deadlines_reserve(&engine->deadlines, engine->connection_count + 1) != OH_OK) {
        free(connection);
        return OH_E_NOMEM;
    }
    oh_connection_init(connection, engine, transport, transport_context);
    TAILQ_INSERT_TAIL(&engine->all, connection, all_entry);
    engine->connection_count++;
    engine->metrics.connections_accepted_total++;
    *out_connection = connection;
    return OH_OK;
}

/* ------------------------------------------------------------------------------------------------------- the turn */

/* The list as it is now: what is made ready meanwhile belongs to the next turn. */
static void engine_process_ready(struct oh_engine *engine)
{
    struct oh_connection *connection;
    engine->ready_round++;
    while ((connection = TAILQ_FIRST(&engine->ready)) != NULL && connection->ready_round != engine->ready_round) {
        connection->is_on_ready = false;
        TAILQ_REMOVE(&engine->ready, connection, ready_entry);
        oh_connection_process(connection);
    }
}

static void engine_expire(struct oh_engine *engine)
{
    struct oh_deadline *deadline;
    while ((deadline = oh_deadlines_pop(&engine->deadlines, engine->mono_us)) != NULL) {
        char *owner = (char *)deadline - offsetof(struct oh_connection, deadline);
        oh_connection_expire((struct oh_connection *)(void *)owner);
    }
    if (engine->mono_us >= engine->drain_deadline_us)
        engine_close_all(engine, OH_CLOSE_drain_timeout);
}

static void engine_release(struct oh_engine *engine)
{
    struct oh_connection *connection = TAILQ_FIRST(&engine->pending);
    if (connection == NULL)
        return;
    engine->released_us = engine->clock.monotonic_us(engine->clock.context);
    while (connection != NULL) {
        struct oh_connection *next = TAILQ_NEXT(connection, pending_entry);
        uint32_t before = connection->pending_count;
        if (oh_connection_release(connection, engine->durable_seq)) {
            connection->is_on_pending = false;
            TAILQ_REMOVE(&engine->pending, connection, pending_entry);
        }
        if (connection->pending_count != before)
            oh_connection_make_flush(connection);
        connection = next;
    }
}

/* A connection comes back on the list only by its own flush's callbacks; those wait for the next turn. */
static void engine_flush(struct oh_engine *engine)
{
    struct oh_connection *connection;
    engine->flush_round++;
    while ((connection = TAILQ_FIRST(&engine->flush)) != NULL && connection->flush_round != engine->flush_round) {
        connection->is_on_flush = false;
        TAILQ_REMOVE(&engine->flush, connection, flush_entry);
        oh_connection_flush(connection);
    }
}

static void engine_count_turn(struct oh_engine *engine)
{
    int64_t end_us = engine->clock.monotonic_us(engine->clock.context);
    for (size_t i = 0; i < OH_ROUTE_CLASS_COUNT; i++) {
        if (engine->answered[i] > 0)
            oh_metric_record(&engine->metrics.request_seconds[i], end_us - engine->mono_us, engine->answered[i]);
        engine->answered[i] = 0;
    }
    engine->metrics.turns_total++;
    oh_metric_record(&engine->metrics.turn_seconds, end_us - engine->mono_us, 1);
}

void oh_engine_turn(struct oh_engine *engine)
{
    const struct oh_server_hooks *hooks = engine->hooks;
    engine_read_clock(engine);
    if (hooks->turn_begin != NULL)
        hooks->turn_begin(hooks->context, engine->now_us, engine->mono_us);
    engine_process_ready(engine);
    engine_expire(engine);
    if (hooks->turn_end != NULL) {
        uint64_t durable_seq = hooks->turn_end(hooks->context);
        OH_ASSERT(durable_seq >= engine->durable_seq);
        engine->durable_seq = durable_seq;
    }
    engine_release(engine);
    engine_flush(engine);
    engine_count_turn(engine);
    engine->is_idle_busy = hooks->idle != NULL && hooks->idle(hooks->context);
    engine_reap(engine);
}

bool oh_engine_is_busy(const struct oh_engine *engine)
{
    return !TAILQ_EMPTY(&engine->ready) || !TAILQ_EMPTY(&engine->flush) || engine->is_idle_busy;
}

int64_t oh_engine_wait_us(const struct oh_engine *engine)
{
    const struct oh_server_hooks *hooks = engine->hooks;
    if (oh_engine_is_busy(engine))
        return 0;
    int64_t wait_us = INT64_MAX;
    int64_t next_us = oh_deadlines_next_us(&engine->deadlines);
    if (engine->drain_deadline_us < next_us)
        next_us = engine->drain_deadline_us;
    if (next_us != OH_DEADLINE_NEVER)
        wait_us = next_us > engine->mono_us ? next_us - engine->mono_us : 0;
    int64_t due_us = hooks->next_due_us == NULL ? INT64_MAX : hooks->next_due_us(hooks->context);
    if (due_us != INT64_MAX) {
        int64_t due_wait_us = due_us > engine->now_us ? due_us - engine->now_us : 0;
        wait_us = due_wait_us < wait_us ? due_wait_us : wait_us;
    }
    return wait_us == INT64_MAX ? -1 : wait_us;
}

/* ------------------------------------------------------------------------------------------------- the rest */

void oh_engine_drain(struct oh_engine *engine)
{
    if (engine->is_draining)
        return;
    engine->is_draining = true;
    engine->drain_deadline_us = engine->clock.monotonic_us(engine->clock.context) +
                                (int64_t)engine->limits.drain_timeout_ms * 1000;
    struct oh_connection *connection = TAILQ_FIRST(&engine->all);
    while (connection != NULL) {
        struct oh_connection *next = TAILQ_NEXT(connection, all_entry);
        oh_connection_drain(connection);
        connection = next;
    }
}

bool oh_engine_is_drained(const struct oh_engine *engine)
{
    return engine->is_draining && engine->connection_count == 0;
}

void oh_engine_set_limits(struct oh_engine *engine, const struct oh_limits *limits)
{
    engine->limits = *limits;
    engine->limits.pipeline_max = engine->pipeline_max;
    engine->limits.output_size_max = engine->output_size_max;
}

const struct oh_limits *oh_engine_limits(const struct oh_engine *engine)
{
    return &engine->limits;
}

struct oh_metrics *oh_engine_metrics(struct oh_engine *engine)
{
    return &engine->metrics;
}

uint32_t oh_engine_connection_count(const struct oh_engine *engine)
{
    return engine->connection_count;
}

int64_t oh_engine_now_us(const struct oh_engine *engine)
{
    return engine->now_us;
}

static void engine_write_routes(const struct oh_engine *engine, struct oh_strbuf *out)
{
    size_t count = oh_router_count(engine->router);
    oh_metrics_write_head("requests_total", out);
    for (size_t i = 0; i <= count; i++) {
        const char *name = i < count ? oh_router_route(engine->router, i)->name : "none";
        for (unsigned status = 2; status < OH_STATUS_CLASS_COUNT; status++) {
            uint64_t value = engine->route_counts[i * OH_STATUS_CLASS_COUNT + status];
            if (value > 0)
                oh_strbuf_printf(out, "onhand_requests_total{route=\"%s\",status=\"%uxx\"} %llu\n", name, status,
                                 (unsigned long long)value);
        }
    }
}

void oh_handle_metrics(void *app, struct oh_exchange *exchange)
{
    struct oh_engine *engine = exchange->connection->engine;
    if (engine->hooks->collect != NULL)
        engine->hooks->collect(app, &engine->metrics);
    struct oh_strbuf *out = oh_reply_begin(exchange, 200, "text/plain; version=0.0.4; charset=utf-8");
    oh_metrics_write(&engine->metrics, out);
    engine_write_routes(engine, out);
    oh_reply_end(exchange, 0);
}
