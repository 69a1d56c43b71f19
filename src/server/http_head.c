#include "server/http_head.h"
#include "base/assert.h"
#include "base/lanes.h"
#include <llhttp.h>
#include <string.h>

static const struct oh_http_error_row error_rows[] = {
#define HTTP_ERROR_ROW(name, status_, code_, reason_, sentence_) \
    [name] = { status_, code_, OH_CLOSE_##reason_, sentence_ },
    OH_HTTP_ERRORS(HTTP_ERROR_ROW)
#undef HTTP_ERROR_ROW
};

const struct oh_http_error_row *oh_http_error_row(enum oh_http_error error)
{
    return &error_rows[error];
}

/* ---------------------------------------------------------------------------------------------------- the scan */

/* Bytes that need a decision: all control characters but the tab. */
static bool head_is_control(char c)
{
    unsigned char byte = (unsigned char)c;
    return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

/* Where, from `at` on, the first byte is that needs a decision; size: none does. */
static size_t head_control_at(const char *data, size_t at, size_t size)
{
    while (size - at >= OH_LANES) {
        oh_lanes lanes = oh_lanes_load(data + at);
        size_t first = oh_lanes_first(((lanes >= 0) & (lanes < 0x20) & (lanes != '\t')) | (lanes == 0x7f));
        at += first;
        if (first < OH_LANES)
            return at;
    }
    while (at < size && !head_is_control(data[at]))
        at++;
    return at;
}

static bool head_line_is_folded(const struct oh_head_scan *scan, const char *data)
{
    return scan->line_start > 0 && scan->offset == scan->line_start &&
           (data[scan->offset] == ' ' || data[scan->offset] == '\t');
}

enum oh_http_error oh_head_scan(struct oh_head_scan *scan, const char *data, size_t size, size_t *out_size)
{
    *out_size = 0;
    while (scan->offset < size) {
        if (head_line_is_folded(scan, data))
            return OH_HTTP_BAD_FOLD;
        uint32_t at = (uint32_t)head_control_at(data, scan->offset, size);
        scan->offset = at;
        if (at == size)
            break;
        if (data[at] != '\r')
            return data[at] == '\n' ? OH_HTTP_BAD_LINE_END : OH_HTTP_BAD_CONTROL;
        if (at + 1 == size)
            break;
        if (data[at + 1] != '\n')
            return OH_HTTP_BAD_LINE_END;
        bool is_end = at == scan->line_start;
        scan->line_start = scan->offset = at + 2;
        if (is_end) {
            *out_size = scan->offset;
            break;
        }
    }
    return OH_HTTP_OK;
}

/* --------------------------------------------------------------------------------------------------- the parse */

/* Headers that are kept or that frame the request. X(id, name, field of struct oh_request or `none`) */
#define HEAD_KNOWN(X)                                  \
    X(HEAD_HOST, "host", host)                         \
    X(HEAD_CONTENT_TYPE, "content-type", content_type) \
    X(HEAD_CONTENT_ENCODING, "content-encoding", content_encoding) \
    X(HEAD_ACCEPT, "accept", accept)                   \
    X(HEAD_AUTHORIZATION, "authorization", authorization) \
    X(HEAD_IDEMPOTENCY_KEY, "idempotency-key", idempotency_key) \
    X(HEAD_IMPORT_ID, "import-id", import_id)          \
    X(HEAD_LAST_EVENT_ID, "last-event-id", last_event_id) \
    X(HEAD_IF_MATCH, "if-match", if_match)             \
    X(HEAD_IF_NONE_MATCH, "if-none-match", if_none_match) \
    X(HEAD_REQUEST_ID, "x-request-id", request_id)

/* The ones that frame: read here, not shown to handlers. */
#define HEAD_FRAMING(X)                                \
    X(HEAD_CONTENT_LENGTH, "content-length")           \
    X(HEAD_TRANSFER_ENCODING, "transfer-encoding")     \
    X(HEAD_EXPECT, "expect")

enum head_id {
#define HEAD_ENUM(id, name, field) id,
    HEAD_KNOWN(HEAD_ENUM)
#undef HEAD_ENUM
#define HEAD_ENUM(id, name) id,
    HEAD_FRAMING(HEAD_ENUM)
#undef HEAD_ENUM
    HEAD_ID_COUNT,
};

struct head_known {
    struct oh_bytes name;
    size_t offset; /* in struct oh_request; SIZE_MAX: framing */
};

static const struct head_known known[] = {
#define HEAD_ROW(id, name_, field_) [id] = { { name_, sizeof(name_) - 1 }, offsetof(struct oh_request, field_) },
    HEAD_KNOWN(HEAD_ROW)
#undef HEAD_ROW
#define HEAD_ROW(id, name_) [id] = { { name_, sizeof(name_) - 1 }, SIZE_MAX },
    HEAD_FRAMING(HEAD_ROW)
#undef HEAD_ROW
};

/* What the callbacks share during one parse. */
struct head_parse {
    llhttp_t parser;
    const struct oh_limits *limits;
    struct oh_http_head *head;
    struct oh_bytes target;
    struct oh_bytes name;
    struct oh_bytes value;
    struct oh_bytes framing[HEAD_ID_COUNT];
    uint32_t seen; /* bits of enum head_id */
    uint32_t header_count;
    bool is_complete;
    enum oh_http_error error;
};

/* tchar of RFC 9110 section 5.6.2: one bit per ASCII character. */
static const uint64_t token_bits[2] = { UINT64_C(0x03ff6cfa00000000), UINT64_C(0x57ffffffc7fffffe) };

static bool head_is_token(struct oh_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];
        if (byte >= 128 || (token_bits[byte / 64] >> (byte % 64) & 1) == 0)
            return false;
    }
    return bytes.size > 0;
}

/* Whatever the case of `a`. The bit that makes a letter small makes '-' and digits only of control bytes, which the
 * scan has refused. */
static bool head_equals(struct oh_bytes a, struct oh_bytes lower)
{
    if (a.size != lower.size)
        return false;
    for (size_t i = 0; i < a.size; i++)
        if ((a.data[i] | 0x20) != lower.data[i])
            return false;
    return true;
}

/* A span that comes in one piece; llhttp may still call twice for neighbouring bytes. */
static void span_add(struct oh_bytes *span, const char *at, size_t size)
{
    if (span->data != NULL && span->data + span->size == at)
        span->size += size;
    else
        *span = (struct oh_bytes){ at, size };
}

static int head_on_url(llhttp_t *parser, const char *at, size_t size)
{
    struct head_parse *parse = parser->data;
    span_add(&parse->target, at, size);
    return 0;
}

static int head_on_field(llhttp_t *parser, const char *at, size_t size)
{
    struct head_parse *parse = parser->data;
    span_add(&parse->name, at, size);
    return 0;
}

static int head_on_value(llhttp_t *parser, const char *at, size_t size)
{
    struct head_parse *parse = parser->data;
    span_add(&parse->value, at, size);
    return 0;
}

static size_t head_find(struct oh_bytes name)
{
    for (size_t i = 0; i < HEAD_ID_COUNT; i++) {
        if (head_equals(name, known[i].name))
            return i;
    }
    return HEAD_ID_COUNT;
}

static enum oh_http_error head_keep(struct head_parse *parse, size_t id, struct oh_bytes value)
{
    if (id == HEAD_ID_COUNT)
        return OH_HTTP_OK;
    if ((parse->seen & (1u << id)) != 0)
        return id == HEAD_ACCEPT ? OH_HTTP_OK : OH_HTTP_DUPLICATE;
    parse->seen |= 1u << id;
    if (known[id].offset == SIZE_MAX)
        parse->framing[id] = value;
    else
        *(struct oh_bytes *)((char *)&parse->head->request + known[id].offset) = value;
    return OH_HTTP_OK;
}

static enum oh_http_error head_add(struct head_parse *parse)
{
    struct oh_bytes value = parse->value;
    size_t id = head_find(parse->name);
    if (id == HEAD_ID_COUNT && !head_is_token(parse->name)) /* those that are known are tokens */
        return OH_HTTP_BAD_HEADER;
    if (parse->header_count == parse->limits->header_count_max)
        return OH_HTTP_TOO_MANY_HEADERS;
    parse->header_count++;
    /* An empty value has an address too: absent is data NULL. */
    if (value.data == NULL)
        value.data = parse->name.data + parse->name.size;
    while (value.size > 0 && (value.data[value.size - 1] == ' ' || value.data[value.size - 1] == '\t'))
        value.size--;
    return head_keep(parse, id, value);
}

static int head_on_value_complete(llhttp_t *parser)
{
    struct head_parse *parse = parser->data;
    parse->error = head_add(parse);
    parse->name = OH_BYTES_NONE;
    parse->value = OH_BYTES_NONE;
    return parse->error == OH_HTTP_OK ? 0 : HPE_USER;
}

static int head_on_headers_complete(llhttp_t *parser)
{
    struct head_parse *parse = parser->data;
    parse->is_complete = true;
    parse->head->is_keep_alive = llhttp_should_keep_alive(parser) != 0;
    return 1; /* no body for the parser: it is framed elsewhere */
}

static const llhttp_settings_t settings = {
    .on_url = head_on_url,
    .on_header_field = head_on_field,
    .on_header_value = head_on_value,
    .on_header_value_complete = head_on_value_complete,
    .on_headers_complete = head_on_headers_complete,
};

static enum oh_method head_method(const llhttp_t *parser)
{
    switch (parser->method) {
    case HTTP_GET:
        return OH_METHOD_GET;
    case HTTP_HEAD:
        return OH_METHOD_HEAD;
    case HTTP_POST:
        return OH_METHOD_POST;
    case HTTP_PUT:
        return OH_METHOD_PUT;
    case HTTP_DELETE:
        return OH_METHOD_DELETE;
    case HTTP_PATCH:
        return OH_METHOD_PATCH;
    case HTTP_OPTIONS:
        return OH_METHOD_OPTIONS;
    default:
        return OH_METHOD_OTHER;
    }
}

static enum oh_http_error head_parser_error(llhttp_errno_t err)
{
    switch ((int)err) {
    case HPE_INVALID_VERSION:
    case HPE_PAUSED_H2_UPGRADE:
        return OH_HTTP_BAD_VERSION;
    case HPE_INVALID_METHOD:
    case HPE_INVALID_CONSTANT:
        return OH_HTTP_BAD_REQUEST_LINE;
    case HPE_INVALID_URL:
        return OH_HTTP_BAD_TARGET;
    case HPE_INVALID_CONTENT_LENGTH:
        return OH_HTTP_BAD_LENGTH;
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        return OH_HTTP_TWO_LENGTHS;
    case HPE_INVALID_TRANSFER_ENCODING:
        return OH_HTTP_UNKNOWN_CODING;
    default:
        return OH_HTTP_BAD_HEADER;
    }
}

/* "GET /path HTTP/1.1": one space each, nothing more. llhttp would take several. */
static bool head_request_line_is_exact(const struct head_parse *parse, const char *data, size_t size)
{
    const char *line_end = memchr(data, '\r', size);
    const char *method = llhttp_method_name((llhttp_method_t)parse->parser.method);
    size_t method_size = strlen(method);
    const char *target_end = parse->target.data + parse->target.size;
    return line_end != NULL && parse->target.data == data + method_size + 1 &&
           memcmp(data, method, method_size) == 0 && data[method_size] == ' ' &&
           line_end - target_end == (ptrdiff_t)sizeof(" HTTP/1.1") - 1;
}

static bool head_is_visible(char c)
{
    return (signed char)c > 0x20 && c != 0x7f && c != '#';
}

/* Visible ASCII without a fragment. The last lanes may overlap those before them. */
static bool head_target_is_visible(struct oh_bytes target)
{
    size_t at = 0;
    while (at < target.size && target.size < OH_LANES && head_is_visible(target.data[at]))
        at++;
    while (at < target.size && target.size >= OH_LANES) {
        size_t start = target.size - at < OH_LANES ? target.size - OH_LANES : at;
        oh_lanes lanes = oh_lanes_load(target.data + start);
        if (oh_lanes_first((lanes <= 0x20) | (lanes == 0x7f) | (lanes == '#')) < OH_LANES)
            return false;
        at = start + OH_LANES;
    }
    return at == target.size;
}

static enum oh_http_error head_check_line(const struct head_parse *parse, const char *data, size_t size)
{
    const llhttp_t *parser = &parse->parser;
    if (parser->http_major != 1 || parser->http_minor > 1)
        return OH_HTTP_BAD_VERSION;
    if (parse->target.size == 0 || !head_request_line_is_exact(parse, data, size))
        return OH_HTTP_BAD_REQUEST_LINE;
    if (parse->target.size > parse->limits->target_size_max)
        return OH_HTTP_TARGET_TOO_LONG;
    if (parse->target.data[0] != '/')
        return OH_HTTP_BAD_TARGET;
    return head_target_is_visible(parse->target) ? OH_HTTP_OK : OH_HTTP_BAD_TARGET;
}

/* Digits only, no sign, no list; up to 18 digits so that nothing overflows. */
static bool head_read_length(struct oh_bytes text, uint64_t *out_length)
{
    uint64_t length = 0;
    if (text.size == 0 || text.size > 18)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        length = length * 10 + (unsigned)(text.data[i] - '0');
    }
    *out_length = length;
    return true;
}

static enum oh_http_error head_check_framing(struct head_parse *parse)
{
    struct oh_http_head *head = parse->head;
    struct oh_bytes length = parse->framing[HEAD_CONTENT_LENGTH];
    struct oh_bytes coding = parse->framing[HEAD_TRANSFER_ENCODING];
    if (length.data != NULL && coding.data != NULL)
        return OH_HTTP_TWO_LENGTHS;
    if (length.data != NULL && !head_read_length(length, &head->content_length))
        return OH_HTTP_BAD_LENGTH;
    if (coding.data != NULL && head->request.is_http_1_0)
        return OH_HTTP_BAD_CODING;
    if (coding.data != NULL && !head_equals(coding, OH_BYTES("chunked")))
        return OH_HTTP_UNKNOWN_CODING;
    head->is_chunked = coding.data != NULL;
    return OH_HTTP_OK;
}

static enum oh_http_error head_check_rest(struct head_parse *parse)
{
    struct oh_http_head *head = parse->head;
    struct oh_bytes expect = parse->framing[HEAD_EXPECT];
    if (head->request.host.data == NULL && !head->request.is_http_1_0)
        return OH_HTTP_NO_HOST;
    /* An HTTP/1.0 client cannot mean it: RFC 9110 section 10.1.1 has it ignored. */
    if (expect.data == NULL || head->request.is_http_1_0)
        return OH_HTTP_OK;
    if (!head_equals(expect, OH_BYTES("100-continue")))
        return OH_HTTP_BAD_EXPECT;
    head->expects_continue = true;
    return OH_HTTP_OK;
}

static enum oh_http_error head_check(struct head_parse *parse, const char *data, size_t size)
{
    enum oh_http_error error = head_check_line(parse, data, size);
    if (error == OH_HTTP_OK)
        error = head_check_framing(parse);
    if (error == OH_HTTP_OK)
        error = head_check_rest(parse);
    return error;
}

static void head_set_target(struct oh_request *request, struct oh_bytes target)
{
    const char *mark = memchr(target.data, '?', target.size);
    size_t path_size = mark == NULL ? target.size : (size_t)(mark - target.data);
    request->path = (struct oh_bytes){ target.data, path_size };
    if (mark != NULL)
        request->query = (struct oh_bytes){ mark + 1, target.size - path_size - 1 };
}

enum oh_http_error oh_http_head_parse(const char *data, size_t size, const struct oh_limits *limits,
                                      struct oh_http_head *out_head)
{
    struct head_parse parse = { .limits = limits, .head = out_head };
    *out_head = (struct oh_http_head){ .content_length = 0 };
    llhttp_init(&parse.parser, HTTP_REQUEST, &settings);
    parse.parser.data = &parse;
    llhttp_errno_t err = llhttp_execute(&parse.parser, data, size);
    if (parse.error != OH_HTTP_OK)
        return parse.error;
    /* An offer to upgrade is not taken up, so it is no reason to stop. */
    if (err != HPE_OK && err != HPE_PAUSED_UPGRADE)
        return head_parser_error(err);
    if (!parse.is_complete)
        return OH_HTTP_BAD_REQUEST_LINE;
    out_head->request.method = head_method(&parse.parser);
    out_head->request.is_http_1_0 = parse.parser.http_minor == 0;
    enum oh_http_error error = head_check(&parse, data, size);
    if (error == OH_HTTP_OK)
        head_set_target(&out_head->request, parse.target);
    return error;
}
