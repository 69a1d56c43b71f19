/*
 * http_head.h - the request line and headers of one request: where they end, and what they say.
 *
 * Two steps. The scan finds the empty line and lets nothing through that RFC 9112 gives no meaning: a bare CR or LF,
 * a NUL or other control byte, a folded line. Only a whole head is then given to llhttp, in one call, so
 * every span lies in
 * one run of bytes and no state of the parser outlives the call. Bodies are framed in connection.c and http_chunk.h.
 *
 * Thread: any; no state of its own.
 */
#ifndef ONHAND_SERVER_HTTP_HEAD_H
#define ONHAND_SERVER_HTTP_HEAD_H

#include "server/close_reason.h"
#include "server/exchange.h"
#include "server/limits.h"

/*
 * Every way a request can be refused before a handler sees it.
 * X(name, HTTP status, code, close reason, sentence). The connection ends after each of these replies.
 */
#define OH_HTTP_ERRORS(X)                                                                                              \
    X(OH_HTTP_OK, 200, "ok", keep_alive_end, "the request is well-formed")                                             \
    X(OH_HTTP_BAD_LINE_END, 400, "bad_request", bad_request, "a line does not end in CR LF")                           \
    X(OH_HTTP_BAD_CONTROL, 400, "bad_request", bad_request, "a control character in the request line or a header")     \
    X(OH_HTTP_BAD_FOLD, 400, "bad_request", bad_request, "a header goes on in a second line")                          \
    X(OH_HTTP_BAD_REQUEST_LINE, 400, "bad_request", bad_request, "the request line is malformed")                      \
    X(OH_HTTP_BAD_TARGET, 400, "bad_request", bad_request, "the target is not an absolute path in visible ASCII")      \
    X(OH_HTTP_BAD_HEADER, 400, "bad_request", bad_request, "a header is malformed")                                    \
    X(OH_HTTP_BAD_LENGTH, 400, "bad_request", bad_request, "Content-Length is not a number of bytes")                  \
    X(OH_HTTP_TWO_LENGTHS, 400, "bad_request", bad_request, "Content-Length and Transfer-Encoding together")           \
    X(OH_HTTP_BAD_CHUNK, 400, "bad_request", bad_request, "the chunked body is malformed")                             \
    X(OH_HTTP_BAD_CODING, 400, "bad_request", bad_request, "Transfer-Encoding needs HTTP/1.1")                         \
    X(OH_HTTP_NO_HOST, 400, "bad_request", bad_request, "HTTP/1.1 needs a Host header")                                \
    X(OH_HTTP_DUPLICATE, 400, "bad_request", bad_request, "a header that may come once came twice")                    \
    X(OH_HTTP_HEADER_TIMEOUT, 408, "request_timeout", header_timeout, "the headers were not complete in time")         \
    X(OH_HTTP_BODY_TIMEOUT, 408, "request_timeout", body_timeout, "the body did not arrive in time")                   \
    X(OH_HTTP_BODY_TOO_LARGE, 413, "body_too_large", body_too_large, "the body is larger than body_size_max")          \
    X(OH_HTTP_TARGET_TOO_LONG, 414, "target_too_long", header_too_large, "the target is longer than target_size_max")  \
    X(OH_HTTP_BAD_EXPECT, 417, "expectation_failed", bad_request, "only Expect: 100-continue is known")                \
    X(OH_HTTP_HEAD_TOO_LARGE, 431, "headers_too_large", header_too_large, "more header bytes than header_size_max")    \
    X(OH_HTTP_TOO_MANY_HEADERS, 431, "headers_too_large", header_too_large, "more headers than header_count_max")      \
    X(OH_HTTP_UNKNOWN_CODING, 501, "transfer_encoding_unsupported", bad_request, "only the chunked coding is known")   \
    X(OH_HTTP_BAD_VERSION, 505, "http_version_not_supported", bad_request, "only HTTP/1.0 and HTTP/1.1 are known")

enum oh_http_error {
#define OH_HTTP_ERROR_ENUM(name, status, code, reason, sentence) name,
    OH_HTTP_ERRORS(OH_HTTP_ERROR_ENUM)
#undef OH_HTTP_ERROR_ENUM
};

struct oh_http_error_row {
    int status;
    const char *code;
    enum oh_close_reason reason;
    const char *sentence;
};
const struct oh_http_error_row *oh_http_error_row(enum oh_http_error error);

/* How far a head was scanned; start with zeroes at the first byte of a request. */
struct oh_head_scan {
    uint32_t offset;     /* next byte to look at */
    uint32_t line_start; /* of the line that offset is in */
};

/*
 * oh_head_scan - look for the end of the head.
 *
 * Shapes:  data[0..size), the same bytes from the same start at each call, more of them each time; size < 2^32.
 * Post:    OH_HTTP_OK: *out_size is the size of the head, or 0 when it is not complete yet. Else the error.
 * Cost:    looks at each byte once over all calls.
 */
enum oh_http_error oh_head_scan(struct oh_head_scan *scan, const char *data, size_t size, size_t *out_size);

struct oh_http_head {
    struct oh_request request; /* path parameters and body not set */
    uint64_t content_length;   /* 0 when there is none */
    bool is_chunked;
    bool is_keep_alive;
    bool expects_continue;
};

/*
 * oh_http_head_parse - read a whole head.
 *
 * Shapes:  data[0..size) is exactly what oh_head_scan accepted.
 * Owner:   *out_head points into data. Set as far as was read when an error is returned.
 */
enum oh_http_error oh_http_head_parse(const char *data, size_t size, const struct oh_limits *limits,
                                      struct oh_http_head *out_head);

#endif
