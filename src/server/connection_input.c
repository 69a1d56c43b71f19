/*
 * connection_input.c - from the bytes of a client to calls of handlers.
 */
#include "server/connection.h"
#include "base/assert.h"
#include <errno.h>
#include <string.h>

#define INPUT_RESERVE_HEAD 4096u /* room asked for when a head is split over several reads */

/* The bytes one call of process works on: the engine's read buffer or the connection's own input. */
struct window {
    char *data;
    size_t size;
    size_t at; /* start of the current request */
    bool is_shared;
};

enum step {
    STEP_DONE, /* something was handled, go on */
    STEP_MORE, /* more bytes are needed */
    STEP_STOP, /* the connection ends, or waits for something else than bytes */
};

/* --------------------------------------------------------------------------------------------------------- input */

/* The bytes the own input may hold: one whole request with its framing, and one read past it. */
static size_t connection_input_size_max(const struct oh_connection *connection)
{
    const struct oh_limits *limits = &connection->engine->limits;
    return (size_t)limits->header_size_max + limits->body_size_max + 2 * (size_t)OH_READ_SIZE_MAX;
}

/* How much room to make for the next read into the own input. */
static size_t connection_wanted_size(const struct oh_connection *connection, size_t have)
{
    if (connection->head_size == 0 || connection->is_chunked)
        return connection->head_size == 0 ? INPUT_RESERVE_HEAD : OH_READ_SIZE_MAX / 4;
    size_t need = (size_t)connection->content_length + connection->head_size;
    size_t missing = need > have ? need - have : 0;
    if (missing < INPUT_RESERVE_HEAD)
        return INPUT_RESERVE_HEAD;
    return missing < OH_READ_SIZE_MAX ? missing : OH_READ_SIZE_MAX;
}

/* What recv said: notes the end, an error, or that there is nothing more for now. Returns the bytes that came. */
static size_t connection_received(struct oh_connection *connection, ssize_t got, size_t room)
{
    if (got > 0) {
        connection->engine->metrics.received_bytes_total += (uint64_t)got;
        /* A short read has emptied the socket; the next edge tells when there is more. An end that came along with
         * these bytes has no edge of its own any more, so then it is read until recv says so. */
        if ((size_t)got < room && !connection->is_peer_closed)
            connection->can_read = false;
        return (size_t)got;
    }
    connection->can_read = false;
    if (got == 0)
        connection->is_read_ended = true;
    else if (got != -EAGAIN)
        oh_connection_close(connection, OH_CLOSE_read_error);
    return 0;
}

/* Reads into the engine's buffer: the window is empty. */
static size_t window_read_shared(struct oh_connection *connection, struct window *window)
{
    struct oh_engine *engine = connection->engine;
    ssize_t got = connection->transport->recv(connection->transport_context, engine->read_buffer,
                                              sizeof(engine->read_buffer));
    size_t size = connection_received(connection, got, sizeof(engine->read_buffer));
    connection->input.size = 0;
    *window = (struct window){ .data = engine->read_buffer, .size = size, .at = 0, .is_shared = true };
    return size;
}

/* Reads behind what is left in the connection's own input. */
static size_t window_read_own(struct oh_connection *connection, struct window *window)
{
    struct oh_strbuf *input = &connection->input;
    input->size = window->size;
    oh_strbuf_consume(input, window->at);
    input->size_max = connection_input_size_max(connection);
    size_t room = connection_wanted_size(connection, input->size);
    char *end = oh_strbuf_reserve(input, room);
    if (end == NULL) {
        oh_connection_close(connection, OH_CLOSE_no_memory);
        return 0;
    }
    ssize_t got = connection->transport->recv(connection->transport_context, end, room);
    size_t size = connection_received(connection, got, room);
    input->size += size;
    *window = (struct window){ .data = input->data, .size = input->size, .at = 0, .is_shared = false };
    return size;
}

static size_t window_read(struct oh_connection *connection, struct window *window)
{
    if (window->at == window->size)
        return window_read_shared(connection, window);
    OH_ASSERT(!window->is_shared);
    return window_read_own(connection, window);
}

/* Keeps what is left for the next turn. */
static void window_save(struct oh_connection *connection, struct window *window)
{
    struct oh_strbuf *input = &connection->input;
    size_t rest = window->size - window->at;
    if (connection->state == OH_CONNECTION_closed || connection->state == OH_CONNECTION_closing)
        rest = 0;
    if (rest == 0) {
        oh_strbuf_clear(input);
        if (input->capacity > OH_KEPT_BUFFER_SIZE_MAX)
            oh_strbuf_fini(input);
        return;
    }
    if (!window->is_shared) {
        input->size = window->size;
        oh_strbuf_consume(input, window->at);
        return;
    }
    oh_strbuf_clear(input);
    input->size_max = connection_input_size_max(connection);
    oh_strbuf_put(input, window->data + window->at, rest);
    if (input->is_overflowed)
        oh_connection_close(connection, OH_CLOSE_no_memory);
}

/* ------------------------------------------------------------------------------------------------------ requests */

/* The next byte begins a new request. */
static void connection_forget_request(struct oh_connection *connection)
{
    connection->scan = (struct oh_head_scan){ 0, 0 };
    connection->head_size = 0;
    connection->body_size = 0;
    connection->content_length = 0;
    connection->is_chunked = false;
    connection->has_body = false;
}

static enum step connection_refuse(struct oh_connection *connection, enum oh_http_error error)
{
    oh_connection_refuse(connection, error);
    return STEP_STOP;
}

static void exchange_open(struct oh_connection *connection, const struct oh_http_head *head,
                          const struct oh_route *route)
{
    struct oh_exchange *exchange = &connection->exchange;
    struct oh_bytes request_id = head->request.request_id;
    exchange->route = route;
    exchange->user = NULL;
    exchange->closed = NULL;
    exchange->writable = NULL;
    exchange->arrived_us = connection->engine->mono_us;
    exchange->phase = OH_EXCHANGE_OPEN;
    exchange->end_reason = OH_CLOSE_keep_alive_end;
    exchange->is_head = head->request.method == OH_METHOD_HEAD;
    exchange->is_http_1_0 = head->request.is_http_1_0;
    exchange->is_keep_alive = head->is_keep_alive && !head->request.is_http_1_0;
    exchange->is_body_complete = false;
    exchange->is_stream_paused = false;
    exchange->request_id_size = request_id.size <= OH_REQUEST_ID_SIZE_MAX ? (uint8_t)request_id.size : 0;
    if (exchange->request_id_size > 0)
        memcpy(exchange->request_id, request_id.data, request_id.size);
}

/* Reads the head at the window's start into the engine's, and finds the route. Also done again when a body came late:
 * cheaper than keeping every span of a head alive while its buffer moves. */
static enum oh_http_error connection_load_head(struct oh_connection *connection, const char *data,
                                               struct oh_route_match *match)
{
    struct oh_engine *engine = connection->engine;
    struct oh_http_head *head = &engine->head;
    enum oh_http_error error = oh_http_head_parse(data, connection->head_size, &engine->limits, head);
    if (error != OH_HTTP_OK)
        return error;
    oh_router_match(engine->router, head->request.method, head->request.path, engine->path_scratch,
                    sizeof(engine->path_scratch), match);
    head->request.param_count = match->param_count;
    memcpy(head->request.params, match->params, sizeof(match->params[0]) * match->param_count);
    return OH_HTTP_OK;
}

/* The request is whole: give it to its handler. */
static enum step connection_dispatch(struct oh_connection *connection, const struct oh_route_match *match,
                                     struct oh_bytes body)
{
    struct oh_engine *engine = connection->engine;
    struct oh_exchange *exchange = &connection->exchange;
    oh_connection_set_state(connection, OH_CONNECTION_handling);
    exchange_open(connection, &engine->head, match->route);
    exchange->is_body_complete = true;
    engine->head.request.body = body;
    connection_forget_request(connection);
    connection->is_fresh = false;
    if (match->route == NULL)
        oh_reply_no_route(exchange, match->allowed_methods);
    else
        match->route->handle(engine->hooks->context, exchange);
    return connection->state == OH_CONNECTION_idle ? STEP_DONE : STEP_STOP;
}

static void connection_invite_body(struct oh_connection *connection)
{
    oh_strbuf_put_text(&connection->output, "HTTP/1.1 100 Continue\r\n\r\n");
    oh_connection_make_flush(connection);
}

/* Moves the body together behind the head. STEP_DONE when it is whole. */
static enum step connection_dechunk(struct oh_connection *connection, struct window *window, size_t *out_used)
{
    char *data = window->data + window->at;
    size_t size = window->size - window->at;
    size_t at = connection->head_size + connection->body_size;
    for (;;) {
        size_t used = 0;
        struct oh_bytes run = OH_BYTES_NONE;
        enum oh_chunk_event event = oh_chunk_next(&connection->chunk, data + at, size - at, &used, &run);
        at += used;
        if (event == OH_CHUNK_DATA) {
            if (run.size > connection->engine->limits.body_size_max - connection->body_size)
                return connection_refuse(connection, OH_HTTP_BODY_TOO_LARGE);
            memmove(data + connection->head_size + connection->body_size, run.data, run.size);
            connection->body_size += run.size;
            continue;
        }
        if (event == OH_CHUNK_BAD)
            return connection_refuse(connection, OH_HTTP_BAD_CHUNK);
        *out_used = at;
        if (event == OH_CHUNK_END)
            return STEP_DONE;
        /* Every raw byte was used: what remains is the head and the body so far. */
        window->size = window->at + connection->head_size + connection->body_size;
        return STEP_MORE;
    }
}

/* A buffered body. `match` is of this head when it was read just now, else NULL. */
static enum step connection_step_body(struct oh_connection *connection, struct window *window,
                                      const struct oh_route_match *match)
{
    size_t used = connection->head_size + (size_t)connection->content_length;
    size_t body_size = (size_t)connection->content_length;
    enum step step = window->size - window->at < used ? STEP_MORE : STEP_DONE;
    if (connection->is_chunked) {
        step = connection_dechunk(connection, window, &used);
        body_size = connection->body_size;
    }
    if (step == STEP_MORE)
        oh_connection_set_state(connection, OH_CONNECTION_body);
    if (step != STEP_DONE)
        return step;
    struct oh_bytes body = { window->data + window->at + connection->head_size, body_size };
    struct oh_route_match fresh;
    if (match == NULL) {
        /* The limits may have been reloaded since it was first read. */
        enum oh_http_error error = connection_load_head(connection, window->data + window->at, &fresh);
        if (error != OH_HTTP_OK)
            return connection_refuse(connection, error);
        match = &fresh;
    }
    window->at += used;
    return connection_dispatch(connection, match, body);
}

static enum step connection_end_stream(struct oh_connection *connection)
{
    struct oh_exchange *exchange = &connection->exchange;
    exchange->is_body_complete = true;
    connection_forget_request(connection);
    oh_connection_set_state(connection, OH_CONNECTION_handling);
    exchange->route->stream->end(connection->engine->hooks->context, exchange);
    return connection->state == OH_CONNECTION_idle ? STEP_DONE : STEP_STOP;
}

static enum step connection_begin_stream(struct oh_connection *connection, struct window *window,
                                         const struct oh_route *route)
{
    struct oh_engine *engine = connection->engine;
    struct oh_exchange *exchange = &connection->exchange;
    bool expects_continue = engine->head.expects_continue;
    oh_connection_set_state(connection, OH_CONNECTION_stream);
    exchange_open(connection, &engine->head, route);
    exchange->closed = route->stream->closed;
    connection->is_fresh = false;
    route->stream->begin(engine->hooks->context, exchange);
    window->at += connection->head_size;
    connection->head_size = 0;
    connection->scan = (struct oh_head_scan){ 0, 0 };
    if (connection->state != OH_CONNECTION_stream)
        return STEP_STOP;
    if (!connection->has_body)
        return connection_end_stream(connection);
    if (expects_continue && window->at == window->size)
        connection_invite_body(connection);
    return STEP_DONE;
}

/* Hands one run of a streamed body over. */
static void stream_deliver(struct oh_connection *connection, struct oh_bytes run)
{
    struct oh_exchange *exchange = &connection->exchange;
    bool wants_more = exchange->route->stream->data(connection->engine->hooks->context, exchange, run);
    if (!wants_more && oh_exchange_is_open(exchange))
        exchange->is_stream_paused = true;
}

static enum step connection_step_stream(struct oh_connection *connection, struct window *window)
{
    size_t size = window->size - window->at;
    size_t used = 0;
    struct oh_bytes run = OH_BYTES_NONE;
    enum oh_chunk_event event = OH_CHUNK_DATA;
    if (connection->is_chunked) {
        event = oh_chunk_next(&connection->chunk, window->data + window->at, size, &used, &run);
    } else {
        used = size < connection->content_length ? size : (size_t)connection->content_length;
        run = (struct oh_bytes){ window->data + window->at, used };
        connection->content_length -= used;
    }
    window->at += used;
    connection->since_us = connection->engine->mono_us;
    if (event == OH_CHUNK_BAD)
        return connection_refuse(connection, OH_HTTP_BAD_CHUNK);
    if (event == OH_CHUNK_DATA)
        stream_deliver(connection, run);
    if (connection->state != OH_CONNECTION_stream)
        return STEP_STOP;
    bool is_end = event == OH_CHUNK_END || (!connection->is_chunked && connection->content_length == 0);
    if (is_end)
        return connection_end_stream(connection);
    return event == OH_CHUNK_MORE ? STEP_MORE : STEP_DONE;
}

/* A body that is refused before it is read: too long, or nobody is there to take it. */
static bool connection_refuses_body(struct oh_connection *connection, const struct oh_route_match *match)
{
    const struct oh_http_head *head = &connection->engine->head;
    bool is_too_long = !head->is_chunked && head->content_length > connection->engine->limits.body_size_max;
    if (match->route == NULL && (is_too_long || head->expects_continue)) {
        exchange_open(connection, head, NULL);
        oh_connection_set_state(connection, OH_CONNECTION_handling);
        oh_reply_no_route(&connection->exchange, match->allowed_methods);
        return true;
    }
    if (is_too_long)
        oh_connection_refuse(connection, OH_HTTP_BODY_TOO_LARGE);
    return is_too_long;
}

/* The head has just become whole. */
static enum step connection_begin_request(struct oh_connection *connection, struct window *window)
{
    struct oh_http_head *head = &connection->engine->head;
    struct oh_route_match match;
    enum oh_http_error error = connection_load_head(connection, window->data + window->at, &match);
    if (error != OH_HTTP_OK)
        return connection_refuse(connection, error);
    connection->is_chunked = head->is_chunked;
    connection->content_length = head->content_length;
    connection->has_body = head->is_chunked || head->content_length > 0;
    if (head->is_chunked)
        oh_chunk_init(&connection->chunk);
    if (match.route != NULL && match.route->stream != NULL)
        return connection_begin_stream(connection, window, match.route);
    if (connection->has_body && connection_refuses_body(connection, &match))
        return STEP_STOP;
    if (connection->has_body && head->expects_continue && window->size - window->at == connection->head_size)
        connection_invite_body(connection);
    return connection_step_body(connection, window, &match);
}

/* Empty lines before a request are let pass, as RFC 9112 section 2.2 asks. */
static void window_skip_empty_lines(struct oh_connection *connection, struct window *window)
{
    while (connection->scan.line_start == 0 && window->size - window->at >= 2 &&
           memcmp(window->data + window->at, "\r\n", 2) == 0) {
        window->at += 2;
        connection->scan.offset = 0;
    }
}

static enum step connection_step_head(struct oh_connection *connection, struct window *window)
{
    window_skip_empty_lines(connection, window);
    size_t size_max = connection->engine->limits.header_size_max;
    size_t size = window->size - window->at;
    size_t head_size = 0;
    if (size == 0)
        return STEP_MORE;
    enum oh_http_error error = oh_head_scan(&connection->scan, window->data + window->at,
                                            size < size_max ? size : size_max, &head_size);
    if (error != OH_HTTP_OK)
        return connection_refuse(connection, error);
    if (head_size == 0 && size >= size_max)
        return connection_refuse(connection, connection->scan.line_start == 0 ? OH_HTTP_TARGET_TOO_LONG
                                                                              : OH_HTTP_HEAD_TOO_LARGE);
    if (head_size == 0) {
        oh_connection_set_state(connection, OH_CONNECTION_head);
        return STEP_MORE;
    }
    connection->head_size = (uint32_t)head_size;
    return connection_begin_request(connection, window);
}

static enum step connection_step(struct oh_connection *connection, struct window *window)
{
    if (connection->state == OH_CONNECTION_stream)
        return connection_step_stream(connection, window);
    if (connection->state == OH_CONNECTION_body)
        return connection_step_body(connection, window, NULL);
    return connection_step_head(connection, window);
}

/* The client has ended its side and all it sent was looked at. */
static void connection_end_of_input(struct oh_connection *connection, const struct window *window)
{
    if (connection->state == OH_CONNECTION_closed)
        return;
    if (connection->state == OH_CONNECTION_idle && window->at == window->size) {
        oh_connection_end(connection, OH_CLOSE_client_closed);
        return;
    }
    oh_connection_abandon_exchange(connection);
    oh_connection_end(connection, OH_CLOSE_client_closed_early);
}

void oh_connection_read(struct oh_connection *connection)
{
    struct window window = { .data = connection->input.data, .size = connection->input.size };
    unsigned budget = OH_TURN_REQUESTS_MAX;
    bool has_read = false;
    bool is_stuck = false; /* nothing to do before more bytes come */
    while (budget > 0 && !is_stuck && oh_connection_may_parse(connection)) {
        enum step step = window.at < window.size ? connection_step(connection, &window) : STEP_MORE;
        if (step == STEP_DONE && connection->state != OH_CONNECTION_stream)
            budget--;
        if (step != STEP_MORE)
            continue;
        is_stuck = true;
        if (connection->is_read_ended) {
            connection_end_of_input(connection, &window);
        } else if (connection->can_read && !has_read) {
            has_read = true;
            is_stuck = window_read(connection, &window) == 0 && !connection->is_read_ended;
        }
    }
    connection->needs_bytes = is_stuck;
    window_save(connection, &window);
    if (oh_connection_has_work(connection))
        oh_connection_make_ready(connection);
}

/* Throws away what the client still sends, so that it can read the last reply before the connection is reset. */
void oh_connection_discard(struct oh_connection *connection)
{
    struct oh_engine *engine = connection->engine;
    if (!connection->can_read)
        return;
    ssize_t got = connection->transport->recv(connection->transport_context, engine->read_buffer,
                                              sizeof(engine->read_buffer));
    if (got == 0 || (got < 0 && got != -EAGAIN)) {
        oh_connection_close(connection, connection->close_reason);
        return;
    }
    (void)connection_received(connection, got, sizeof(engine->read_buffer));
    if (connection->can_read)
        oh_connection_make_ready(connection);
}
