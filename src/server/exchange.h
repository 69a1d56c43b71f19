/*
 * exchange.h - one request and its reply, as a handler sees them.
 *
 * Not here: sockets, parsing, routing (connection.h, http_head.h, router.h).
 * Thread: the loop thread, for everything in this file.
 *
 * HOW A HANDLER WORKS
 *
 *     static void handle_item_get(void *app, struct oh_exchange *exchange)
 *     {
 *         const struct oh_request *request = oh_exchange_request(exchange);
 *         struct oh_bytes sku = request->params[0];        // "{sku}" of the pattern, decoded
 *         ...
 *         if (!found) {
 *             oh_reply_problem(exchange, 404, "unknown_item", "No such item", OH_BYTES_NONE, NULL);
 *             return;
 *         }
 *         struct oh_strbuf *body = oh_reply_begin(exchange, 200, "application/json");
 *         oh_strbuf_put_text(body, "{\"sku\":");           // straight into the output buffer
 *         ...
 *         oh_reply_end(exchange, 0);                       // 0: a read leaves at once
 *     }
 *
 *   - The handler is called once, when the whole request (body included) is there and within the limits.
 *     Every byte of the request is borrowed until the handler returns.
 *   - Exactly one reply per exchange: begin, write the body, end; or oh_reply_problem, which is all three.
 *     Between begin and end write only to the returned buffer, and end in the same call.
 *   - A write ends its reply with the seq of its record: oh_reply_end(exchange, seq). The bytes, and those of all
 *     later replies on that connection, leave when turn_end reports that seq as durable.
 *   - HEAD arrives as the GET handler: write the body as for GET, it is cut off for you.
 *   - An error of the body (too large, no memory) needs no check in the handler: oh_reply_end replaces a reply that
 *     did not fit by a problem, 500 `reply_too_large` or 503 `out_of_memory`, and the connection ends.
 *   - A handler that returns without a reply has deferred it: it kept the exchange, and replies later from a hook or
 *     from another handler (begin .. end or problem, then forget the exchange). The connection handles no further
 *     request meanwhile. Ask for oh_exchange_on_close first: after `closed` was called the exchange is gone.
 *
 * STREAMED BODIES (routes with a `stream` table: imports)
 *
 *     begin(app, exchange)        the head is there; path parameters and headers are borrowed until begin returns.
 *                                 Keep state with oh_exchange_set_user. May reply at once (a problem): then the
 *                                 connection closes after the reply and data/end are not called, closed is not called.
 *     data(app, exchange, bytes)  the next bytes, all consumed by the callee. Return false to be left alone until
 *                                 oh_exchange_resume. Borrowed until data returns. May reply: as in begin.
 *     end(app, exchange)          the body is complete: reply, now or later (deferred).
 *     closed(app, exchange)       the connection ended before the reply: free the state. Also for deferred ends.
 *
 * STREAMED REPLIES (long or endless: events, import verdicts): oh_reply_stream_begin, any number of
 * oh_reply_stream_put, oh_reply_stream_end, at any time while the exchange is open. They are chunked on HTTP/1.1 and
 * end with the connection on HTTP/1.0. They may begin while a streamed body is still arriving.
 */
#ifndef ONHAND_SERVER_EXCHANGE_H
#define ONHAND_SERVER_EXCHANGE_H

#include "base/strbuf.h"
#include "onhand/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OH_PARAMS_MAX 4          /* path parameters of one pattern */
#define OH_PARAM_SIZE_MAX 256    /* decoded bytes of one path parameter; longer ones are 404 */
#define OH_REPLY_HEADERS_SIZE_MAX 1024 /* extra reply headers of one reply, all told */

/* X(name, number, text). The bit (1 << number) is used in sets of methods. */
#define OH_METHODS(X)              \
    X(OH_METHOD_GET, 0, "GET")     \
    X(OH_METHOD_HEAD, 1, "HEAD")   \
    X(OH_METHOD_POST, 2, "POST")   \
    X(OH_METHOD_PUT, 3, "PUT")     \
    X(OH_METHOD_DELETE, 4, "DELETE") \
    X(OH_METHOD_PATCH, 5, "PATCH") \
    X(OH_METHOD_OPTIONS, 6, "OPTIONS") \
    X(OH_METHOD_OTHER, 7, "")

enum oh_method {
#define OH_METHOD_ENUM(name, number, text) name = (number),
    OH_METHODS(OH_METHOD_ENUM)
#undef OH_METHOD_ENUM
};

#define OH_METHOD_COUNT 8

/* "GET" and so on; "" for OH_METHOD_OTHER. Never NULL. */
const char *oh_method_text(enum oh_method method);

/*
 * A request. All bytes are borrowed until the handler returns. Absent headers have data NULL; a header that is there
 * but empty has data and size 0. A header listed here that came twice was refused before (400).
 */
struct oh_request {
    enum oh_method method;              /* HEAD is told apart from GET here only */
    bool is_http_1_0;
    uint8_t param_count;
    struct oh_bytes path;               /* raw, as sent, without the query */
    struct oh_bytes query;              /* raw, without '?'; see codec/query.h */
    struct oh_bytes params[OH_PARAMS_MAX]; /* percent-decoded, never empty, no NUL byte */
    struct oh_bytes body;               /* whole and de-chunked; empty for streamed bodies */
    struct oh_bytes host;
    struct oh_bytes content_type;
    struct oh_bytes content_encoding;
    struct oh_bytes accept;
    struct oh_bytes authorization;
    struct oh_bytes idempotency_key;
    struct oh_bytes import_id;
    struct oh_bytes last_event_id;
    struct oh_bytes if_match;
    struct oh_bytes if_none_match;
    struct oh_bytes request_id;         /* X-Request-Id; echoed in the reply when it is 1..64 visible ASCII */
};

struct oh_exchange; /* inside its connection; a pointer to it stays good until `closed` or until the reply has ended */

/* What the request said. Only inside handler, begin. Lends until that call returns. */
const struct oh_request *oh_exchange_request(const struct oh_exchange *exchange);

/* The time of this turn: microseconds since the Unix epoch, read once per turn. */
int64_t oh_exchange_now_us(const struct oh_exchange *exchange);

/* One pointer for the handler's own state. Borrowed; NULL at the start of each exchange. */
void oh_exchange_set_user(struct oh_exchange *exchange, void *user);
void *oh_exchange_user(const struct oh_exchange *exchange);

/*
 * oh_exchange_on_close - be told when the connection ends before the reply has ended.
 *
 * Called at most once, with the exchange still readable through oh_exchange_user; reply to nothing in it. For streamed
 * bodies the table's `closed` is used instead unless this was called.
 */
typedef void oh_exchange_closed_fn(void *app, struct oh_exchange *exchange);
void oh_exchange_on_close(struct oh_exchange *exchange, oh_exchange_closed_fn *closed);

/* After `data` returned false: deliver more from the next turn on. */
void oh_exchange_resume(struct oh_exchange *exchange);

/* -------------------------------------------------------------------------------------------------- replies */

/*
 * oh_reply_header - one more header for the reply that comes next.
 *
 * Pre:    called before oh_reply_begin, in the same call of the handler.
 * Shapes: name is a token, value visible ASCII and spaces; bytes that are not are dropped, so no value can add a line.
 * Limit:  OH_REPLY_HEADERS_SIZE_MAX for all of a reply; what does not fit makes the reply a 500.
 */
void oh_reply_header(struct oh_exchange *exchange, const char *name, struct oh_bytes value);

/*
 * oh_reply_begin - write status line and headers, lend the buffer for the body.
 *
 * Shapes: status in 200..599; content_type NULL for a reply without a body (204).
 * Owner:  lends the connection's output buffer until oh_reply_end; append only, never clear or consume.
 * Cost:   no copy later of a long body: the Content-Length field is patched in place.
 */
struct oh_strbuf *oh_reply_begin(struct oh_exchange *exchange, int status, const char *content_type);

/*
 * oh_reply_end - the body is complete.
 *
 * Shapes: release_seq 0: leaves at once (in order, behind earlier replies of this connection); else it leaves when the
 *         durable seq that turn_end reports is >= release_seq.
 * Post:   the exchange is over; the handler must not touch it again.
 */
void oh_reply_end(struct oh_exchange *exchange, uint64_t release_seq);

/*
 * oh_reply_problem - a whole RFC 9457 reply, application/problem+json, released at once.
 *
 * Shapes: code is a stable word ("unknown_item"), title its fixed sentence; both plain ASCII without quotes.
 *         detail: OH_BYTES_NONE or text for people, escaped here, cut after 512 bytes.
 *         field: NULL or the JSON path of what was wrong ("lines[2].quantity"), escaped here.
 * Body:   {"type":"urn:onhand:problem:<code>","title":..,"status":..,"code":..,"detail":..,"field":..}
 */
void oh_reply_problem(struct oh_exchange *exchange, int status, const char *code, const char *title,
                      struct oh_bytes detail, const char *field);

/*
 * A problem with members of its own (409 with lines). Begins the reply and writes the members above WITHOUT
 * the closing
 * brace; the handler writes `,"lines":[...]}` and calls oh_reply_end.
 */
struct oh_strbuf *oh_reply_problem_begin(struct oh_exchange *exchange, int status, const char *code,
                                         const char *title, struct oh_bytes detail, const char *field);

/* Whether this exchange has its whole reply already. */
bool oh_exchange_is_replied(const struct oh_exchange *exchange);

/* A reply of unknown length. The head leaves at once. */
void oh_reply_stream_begin(struct oh_exchange *exchange, int status, const char *content_type);

/* One piece, copied. size 0 does nothing. release_seq as in oh_reply_end, for this piece and what follows. */
void oh_reply_stream_put(struct oh_exchange *exchange, struct oh_bytes bytes, uint64_t release_seq);
void oh_reply_stream_end(struct oh_exchange *exchange, uint64_t release_seq);

/*
 * oh_exchange_is_backed_up - whether the client reads slower than this exchange writes.
 *
 * True while more than limits.output_soft_size bytes wait in the output buffer. A streamed reply that goes on all the
 * same ends its connection at limits.output_size_max (close reason output_full). `writable` is called, from
 * a turn, when
 * the buffer has fallen to half of the soft limit again; it may be called more often than that.
 */
bool oh_exchange_is_backed_up(const struct oh_exchange *exchange);
void oh_exchange_on_writable(struct oh_exchange *exchange, oh_exchange_closed_fn *writable);

#endif
