/*
 * reply.c - what handlers write: exchange.h's reply functions over the output buffer of a connection.
 */
#include "base/assert.h"
#include "base/utf8.h"
#include "server/connection.h"
#include <stdlib.h>
#include <string.h>

#define STATUS_MIN         200
#define STATUS_MAX         599
#define LENGTH_DIGITS      10  /* width of the Content-Length field; the largest reply has 10 digits */
#define HEAD_SIZE_TYPICAL  512 /* room asked for at once, so that a usual reply grows the buffer once */
#define DETAIL_SIZE_MAX    512
#define CLOSED_UP_SIZE_MAX 4096 /* bytes of a body that are moved to close up the Content-Length field */

static const struct oh_bytes status_lines[] = {
#define STATUS_LINE(line) { line, sizeof(line) - 1 }
#define STATUS(number, text) [(number) - STATUS_MIN] = STATUS_LINE("HTTP/1.1 " #number " " text "\r\n")
    STATUS(200, "OK"),
    STATUS(201, "Created"),
    STATUS(202, "Accepted"),
    STATUS(204, "No Content"),
    STATUS(207, "Multi-Status"),
    STATUS(304, "Not Modified"),
    STATUS(400, "Bad Request"),
    STATUS(401, "Unauthorized"),
    STATUS(403, "Forbidden"),
    STATUS(404, "Not Found"),
    STATUS(405, "Method Not Allowed"),
    STATUS(406, "Not Acceptable"),
    STATUS(408, "Request Timeout"),
    STATUS(409, "Conflict"),
    STATUS(410, "Gone"),
    STATUS(411, "Length Required"),
    STATUS(412, "Precondition Failed"),
    STATUS(413, "Content Too Large"),
    STATUS(414, "URI Too Long"),
    STATUS(415, "Unsupported Media Type"),
    STATUS(417, "Expectation Failed"),
    STATUS(422, "Unprocessable Content"),
    STATUS(428, "Precondition Required"),
    STATUS(429, "Too Many Requests"),
    STATUS(431, "Request Header Fields Too Large"),
    STATUS(500, "Internal Server Error"),
    STATUS(501, "Not Implemented"),
    STATUS(503, "Service Unavailable"),
    STATUS(504, "Gateway Timeout"),
    STATUS(505, "HTTP Version Not Supported"),
    STATUS(507, "Insufficient Storage"),
#undef STATUS
#undef STATUS_LINE
};

/* ------------------------------------------------------------------------------------------------- the exchange */

const struct oh_request *oh_exchange_request(const struct oh_exchange *exchange)
{
    return &exchange->connection->engine->head.request;
}

int64_t oh_exchange_now_us(const struct oh_exchange *exchange)
{
    return exchange->connection->engine->now_us;
}

void oh_exchange_set_user(struct oh_exchange *exchange, void *user)
{
    exchange->user = user;
}

void *oh_exchange_user(const struct oh_exchange *exchange)
{
    return exchange->user;
}

void oh_exchange_on_close(struct oh_exchange *exchange, oh_exchange_closed_fn *closed)
{
    exchange->closed = closed;
}

void oh_exchange_on_writable(struct oh_exchange *exchange, oh_exchange_closed_fn *writable)
{
    exchange->writable = writable;
}

void oh_exchange_resume(struct oh_exchange *exchange)
{
    struct oh_connection *connection = exchange->connection;
    exchange->is_stream_paused = false;
    connection->since_us = connection->engine->mono_us;
    oh_connection_make_ready(connection);
}

bool oh_exchange_is_replied(const struct oh_exchange *exchange)
{
    return exchange->phase == OH_EXCHANGE_NONE;
}

bool oh_exchange_is_backed_up(const struct oh_exchange *exchange)
{
    const struct oh_connection *connection = exchange->connection;
    return oh_connection_unsent_size(connection) > connection->engine->limits.output_soft_size;
}

/* ------------------------------------------------------------------------------------------------ heads of replies */

void oh_reply_header(struct oh_exchange *exchange, const char *name, struct oh_bytes value)
{
    struct oh_strbuf *headers = &exchange->connection->engine->reply_headers;
    oh_strbuf_put_text(headers, name);
    oh_strbuf_put_text(headers, ": ");
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] >= 0x20 && value.data[i] < 0x7f)
            oh_strbuf_put_char(headers, value.data[i]);
    }
    oh_strbuf_put_text(headers, "\r\n");
}

static void reply_put_status(struct oh_strbuf *out, int status)
{
    size_t index = (size_t)(status - STATUS_MIN);
    bool is_known = index < sizeof(status_lines) / sizeof(status_lines[0]) && status_lines[index].size > 0;
    if (is_known)
        oh_strbuf_put_bytes(out, status_lines[index]);
    else
        oh_strbuf_printf(out, "HTTP/1.1 %d Status\r\n", status);
}

static void reply_put_request_id(const struct oh_exchange *exchange, struct oh_strbuf *out)
{
    for (size_t i = 0; i < exchange->request_id_size; i++) {
        if (exchange->request_id[i] <= 0x20 || exchange->request_id[i] >= 0x7f)
            return;
    }
    oh_strbuf_put_text(out, "X-Request-Id: ");
    oh_strbuf_put(out, exchange->request_id, exchange->request_id_size);
    oh_strbuf_put_text(out, "\r\n");
}

/* Everything but the framing headers and the empty line. */
static void reply_put_head(struct oh_exchange *exchange, int status, const char *content_type)
{
    struct oh_engine *engine = exchange->connection->engine;
    struct oh_strbuf *out = &exchange->connection->output;
    (void)oh_strbuf_reserve(out, HEAD_SIZE_TYPICAL);
    reply_put_status(out, status);
    oh_strbuf_put(out, engine->date_line, engine->date_line_size);
    if (content_type != NULL) {
        oh_strbuf_put_text(out, "Content-Type: ");
        oh_strbuf_put_text(out, content_type);
        oh_strbuf_put_text(out, "\r\n");
    }
    if (!exchange->is_keep_alive)
        oh_strbuf_put_text(out, "Connection: close\r\n");
    if (exchange->request_id_size > 0)
        reply_put_request_id(exchange, out);
    oh_strbuf_put_bytes(out, oh_strbuf_bytes(&engine->reply_headers));
    out->is_overflowed = out->is_overflowed || engine->reply_headers.is_overflowed;
    out->is_starved = out->is_starved || engine->reply_headers.is_starved;
    oh_strbuf_clear(&engine->reply_headers);
}

/* Decides whether the connection goes on after this reply, and notes where the reply begins. */
static void reply_start(struct oh_exchange *exchange, int status)
{
    struct oh_connection *connection = exchange->connection;
    OH_ASSERT(exchange->phase == OH_EXCHANGE_OPEN);
    OH_ASSERT(status >= STATUS_MIN && status <= STATUS_MAX);
    if (connection->engine->is_draining && exchange->is_keep_alive) {
        exchange->is_keep_alive = false;
        exchange->end_reason = OH_CLOSE_drained;
    }
    exchange->status = (uint16_t)status;
    exchange->reply_start = connection->output.size;
}

struct oh_strbuf *oh_reply_begin(struct oh_exchange *exchange, int status, const char *content_type)
{
    struct oh_strbuf *out = &exchange->connection->output;
    reply_start(exchange, status);
    if (!exchange->is_body_complete) {
        exchange->end_reason = exchange->end_reason == OH_CLOSE_keep_alive_end ? OH_CLOSE_reply_before_body
                                                                               : exchange->end_reason;
        exchange->is_keep_alive = false;
    }
    exchange->phase = OH_EXCHANGE_WRITING;
    reply_put_head(exchange, status, content_type);
    exchange->length_at = 0;
    if (status != 204 && status != 304) {
        oh_strbuf_put_text(out, "Content-Length: ");
        exchange->length_at = out->size;
        oh_strbuf_put(out, "          ", LENGTH_DIGITS);
        oh_strbuf_put_text(out, "\r\n");
    }
    oh_strbuf_put_text(out, "\r\n");
    exchange->body_at = out->size;
    return out;
}

/*
 * Writes the digits, right-aligned in their field. Of a short reply the unused part of the field is then
 * closed up; of a long one it stays, as spaces, which mean nothing before a value: moving the body would cost
 * more than it is worth.
 */
static void reply_patch_length(struct oh_exchange *exchange)
{
    struct oh_strbuf *out = &exchange->connection->output;
    size_t size = out->size - exchange->body_at;
    bool is_short = size <= CLOSED_UP_SIZE_MAX;
    if (exchange->length_at == 0)
        return;
    char *field = out->data + exchange->length_at;
    char *digit = field + LENGTH_DIGITS;
    do {
        *--digit = (char)('0' + size % 10);
        size /= 10;
    } while (size > 0);
    size_t unused = (size_t)(digit - field);
    if (!is_short)
        return;
    memmove(field, digit, out->size - exchange->length_at - unused);
    out->size -= unused;
    exchange->body_at -= unused;
}

static enum oh_close_reason overflow_reason(const struct oh_strbuf *out)
{
    return out->is_starved ? OH_CLOSE_no_memory : OH_CLOSE_output_full;
}

/* The reply did not fit: takes it back and says so instead. The connection ends, since memory is short. */
static void reply_replace(struct oh_exchange *exchange)
{
    struct oh_strbuf *out = &exchange->connection->output;
    bool is_starved = out->is_starved;
    exchange->end_reason = overflow_reason(out);
    exchange->phase = OH_EXCHANGE_OPEN;
    exchange->is_keep_alive = false;
    out->size = exchange->reply_start;
    out->is_overflowed = out->is_starved = false;
    if (is_starved)
        (void)oh_reply_problem_begin(exchange, 503, "out_of_memory", "Out of memory for the reply",
                                     OH_BYTES("A write may have happened: the same request with its key tells."),
                                     NULL);
    else
        (void)oh_reply_problem_begin(exchange, 500, "reply_too_large", "The reply is larger than output_size_max",
                                     OH_BYTES_NONE, NULL);
    oh_strbuf_put_char(out, '}');
}

static void exchange_count(const struct oh_exchange *exchange)
{
    struct oh_engine *engine = exchange->connection->engine;
    size_t row = oh_router_count(engine->router);
    if (exchange->route != NULL)
        row = (size_t)(exchange->route - oh_router_route(engine->router, 0));
    engine->route_counts[row * OH_STATUS_CLASS_COUNT + exchange->status / 100u]++;
}

void oh_reply_end(struct oh_exchange *exchange, uint64_t release_seq)
{
    struct oh_connection *connection = exchange->connection;
    struct oh_strbuf *out = &connection->output;
    OH_ASSERT(exchange->phase == OH_EXCHANGE_WRITING);
    if (out->is_overflowed)
        reply_replace(exchange);
    if (out->is_overflowed) {
        exchange->phase = OH_EXCHANGE_REPLIED;
        oh_connection_break(connection, overflow_reason(out));
        return;
    }
    reply_patch_length(exchange);
    if (exchange->is_head)
        out->size = exchange->body_at;
    exchange_count(exchange);
    exchange->phase = OH_EXCHANGE_REPLIED;
    if (oh_exchange_hold_reply(exchange, release_seq))
        oh_connection_reply_done(connection);
}

/* ----------------------------------------------------------------------------------------------- streamed replies */

/* Ends the connection when the output has become too long. */
static bool stream_is_over(struct oh_exchange *exchange)
{
    struct oh_connection *connection = exchange->connection;
    if (connection->output.is_overflowed)
        oh_connection_break(connection, overflow_reason(&connection->output));
    return connection->is_broken;
}

void oh_reply_stream_begin(struct oh_exchange *exchange, int status, const char *content_type)
{
    struct oh_connection *connection = exchange->connection;
    struct oh_strbuf *out = &connection->output;
    reply_start(exchange, status);
    exchange->phase = OH_EXCHANGE_STREAMING;
    reply_put_head(exchange, status, content_type);
    oh_strbuf_put_text(out, exchange->is_http_1_0 ? "\r\n" : "Transfer-Encoding: chunked\r\n\r\n");
    if (!stream_is_over(exchange))
        oh_connection_make_flush(connection);
}

void oh_reply_stream_put(struct oh_exchange *exchange, struct oh_bytes bytes, uint64_t release_seq)
{
    struct oh_connection *connection = exchange->connection;
    struct oh_strbuf *out = &connection->output;
    size_t start = out->size;
    if (bytes.size == 0 || exchange->is_head || connection->is_broken)
        return;
    OH_ASSERT(exchange->phase == OH_EXCHANGE_STREAMING);
    if (!exchange->is_http_1_0)
        oh_strbuf_printf(out, "%zx\r\n", bytes.size);
    oh_strbuf_put_bytes(out, bytes);
    if (!exchange->is_http_1_0)
        oh_strbuf_put_text(out, "\r\n");
    if (!stream_is_over(exchange) && oh_exchange_hold_piece(exchange, start, release_seq))
        oh_connection_make_flush(connection);
}

void oh_reply_stream_end(struct oh_exchange *exchange, uint64_t release_seq)
{
    struct oh_connection *connection = exchange->connection;
    struct oh_strbuf *out = &connection->output;
    size_t start = out->size;
    OH_ASSERT(exchange->phase == OH_EXCHANGE_STREAMING);
    if (!exchange->is_http_1_0 && !exchange->is_head)
        oh_strbuf_put_text(out, "0\r\n\r\n");
    if (!exchange->is_body_complete)
        exchange->end_reason = OH_CLOSE_reply_before_body;
    exchange_count(exchange);
    exchange->phase = OH_EXCHANGE_REPLIED;
    if (!stream_is_over(exchange) && oh_exchange_hold_piece(exchange, start, release_seq))
        oh_connection_reply_done(connection);
}

/* ------------------------------------------------------------------------------------------------------- problems */

/* A JSON string, quotes included. Bytes that are not UTF-8 become '?'. */
static void problem_put_string(struct oh_strbuf *out, struct oh_bytes text)
{
    oh_strbuf_put_char(out, '"');
    size_t at = 0;
    while (at < text.size && at < DETAIL_SIZE_MAX) {
        unsigned char byte = (unsigned char)text.data[at];
        size_t size = oh_utf8_sequence_size((const unsigned char *)text.data + at, text.size - at);
        if (size == 0)
            oh_strbuf_put_char(out, '?');
        else if (byte < 0x20)
            oh_strbuf_printf(out, "\\u%04x", byte);
        else if (byte == '"' || byte == '\\')
            oh_strbuf_put(out, (char[]){ '\\', (char)byte }, 2);
        else
            oh_strbuf_put(out, text.data + at, size);
        at += size == 0 ? 1 : size;
    }
    oh_strbuf_put_char(out, '"');
}

struct oh_strbuf *oh_reply_problem_begin(struct oh_exchange *exchange, int status, const char *code,
                                         const char *title, struct oh_bytes detail, const char *field)
{
    struct oh_strbuf *out = oh_reply_begin(exchange, status, "application/problem+json");
    oh_strbuf_put_text(out, "{\"type\":\"urn:onhand:problem:");
    oh_strbuf_put_text(out, code);
    oh_strbuf_put_text(out, "\",\"title\":");
    problem_put_string(out, oh_bytes_of(title));
    oh_strbuf_put_text(out, ",\"status\":");
    oh_strbuf_put_i64(out, status);
    oh_strbuf_put_text(out, ",\"code\":");
    problem_put_string(out, oh_bytes_of(code));
    if (detail.size > 0) {
        oh_strbuf_put_text(out, ",\"detail\":");
        problem_put_string(out, detail);
    }
    if (field != NULL) {
        oh_strbuf_put_text(out, ",\"field\":");
        problem_put_string(out, oh_bytes_of(field));
    }
    return out;
}

void oh_reply_problem(struct oh_exchange *exchange, int status, const char *code, const char *title,
                      struct oh_bytes detail, const char *field)
{
    struct oh_strbuf *out = oh_reply_problem_begin(exchange, status, code, title, detail, field);
    oh_strbuf_put_char(out, '}');
    oh_reply_end(exchange, 0);
}

void oh_reply_http_error(struct oh_connection *connection, enum oh_http_error error)
{
    struct oh_exchange *exchange = &connection->exchange;
    const struct oh_http_error_row *row = oh_http_error_row(error);
    if (connection->state == OH_CONNECTION_closed)
        return;
    *exchange = (struct oh_exchange){ .connection = connection, .phase = OH_EXCHANGE_OPEN };
    exchange->arrived_us = connection->engine->mono_us;
    exchange->end_reason = row->reason;
    oh_reply_problem(exchange, row->status, row->code, "The request was refused", oh_bytes_of(row->sentence),
                     NULL);
}

void oh_reply_no_route(struct oh_exchange *exchange, uint32_t allowed_methods)
{
    if (allowed_methods == 0) {
        oh_reply_problem(exchange, 404, "not_found", "No such path", OH_BYTES_NONE, NULL);
        return;
    }
    struct oh_strbuf *headers = &exchange->connection->engine->reply_headers;
    oh_strbuf_put_text(headers, "Allow: ");
    oh_router_allow_text(allowed_methods, headers);
    oh_strbuf_put_text(headers, "\r\n");
    oh_reply_problem(exchange, 405, "method_not_allowed", "The path does not have this method", OH_BYTES_NONE,
                     NULL);
}
