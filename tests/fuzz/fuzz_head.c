/*
 * fuzz_head.c - the head of a request against a twin that splits lines.
 *
 * Input: one byte that says how to cut the rest, then the bytes of a head and of what follows it.
 * Laws: the scan finds the same end however the bytes come; a head is taken or refused as RFC 9112 and
 * docs/spec/http.md (H2) have it; what is taken has the same parts. Why a head is refused is not compared. One
 * known difference: a tab behind a Content-Length is white space to RFC 9112 and a malformed length to us, since it
 * is to llhttp.
 */
#include "base/assert.h"
#include "fuzz/fuzz.h"
#include "server/http_head.h"
#include <string.h>
#include <strings.h>

#define INPUT_SIZE_MAX 8192u
#define HEADERS_MAX    64u

struct twin_header {
    struct oh_bytes name;
    struct oh_bytes value;
};

struct twin_head {
    struct oh_bytes method;
    struct oh_bytes target;
    bool is_http_1_0;
    uint32_t header_count;
    struct twin_header headers[HEADERS_MAX];
};

/* ---- Splitting -------------------------------------------------------------------------------- */

/* The bytes before `mark`, and in *rest those behind it. False: there is no mark. */
static bool split(struct oh_bytes *rest, const char *mark, struct oh_bytes *out)
{
    size_t mark_size = strlen(mark);
    const char *at = rest->size == 0 ? NULL : memmem(rest->data, rest->size, mark, mark_size);
    if (at == NULL)
        return false;
    *out = (struct oh_bytes){ rest->data, (size_t)(at - rest->data) };
    rest->size -= out->size + mark_size;
    rest->data = at + mark_size;
    return true;
}

static struct oh_bytes trimmed(struct oh_bytes text)
{
    while (text.size > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
        text.size--;
    return text;
}

static bool all_of(struct oh_bytes text, const char *allowed)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\0' || strchr(allowed, text.data[i]) == NULL)
            return false;
    }
    return text.size > 0;
}

static bool is_word(struct oh_bytes text, const char *word)
{
    return text.size == strlen(word) && strncasecmp(text.data, word, text.size) == 0;
}

/* ---- The twin --------------------------------------------------------------------------------- */

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool twin_line(struct oh_bytes line, struct twin_head *out)
{
    if (!split(&line, " ", &out->method) || !split(&line, " ", &out->target))
        return false;
    out->is_http_1_0 = oh_bytes_equal(line, OH_BYTES("HTTP/1.0"));
    if (!out->is_http_1_0 && !oh_bytes_equal(line, OH_BYTES("HTTP/1.1")))
        return false;
    for (size_t i = 0; i < out->target.size; i++) {
        unsigned char c = (unsigned char)out->target.data[i];
        if (c < 0x21 || c > 0x7e || c == '#')
            return false;
    }
    return out->target.size > 0 && out->target.data[0] == '/';
}

static bool twin_header_line(struct oh_bytes line, struct twin_head *out)
{
    struct twin_header header;
    if (out->header_count == HEADERS_MAX || !split(&line, ":", &header.name))
        return false;
    header.value = trimmed(line);
    out->headers[out->header_count++] = header;
    return all_of(header.name, DIGITS LETTERS "!#$%&'*+-.^_`|~");
}

/* The value of the one header of that name, `data` NULL when there is none. False: there are two. */
static bool twin_find(const struct twin_head *head, const char *name, struct oh_bytes *out)
{
    *out = OH_BYTES_NONE;
    for (uint32_t i = 0; i < head->header_count; i++) {
        if (!is_word(head->headers[i].name, name))
            continue;
        if (out->data != NULL)
            return false;
        *out = head->headers[i].value;
    }
    return true;
}

/* Whether a tab stands between the value and the CR that ends its line. */
static bool has_tab_behind(struct oh_bytes value)
{
    const char *at = value.data + value.size;
    while (*at == ' ')
        at++;
    return *at == '\t';
}

static bool twin_framing(const struct twin_head *head)
{
    struct oh_bytes host;
    struct oh_bytes length;
    struct oh_bytes coding;
    struct oh_bytes expect;
    if (!twin_find(head, "host", &host) || !twin_find(head, "content-length", &length) ||
        !twin_find(head, "transfer-encoding", &coding) || !twin_find(head, "expect", &expect))
        return false;
    if (host.data == NULL && !head->is_http_1_0)
        return false;
    if (length.data != NULL && has_tab_behind(length))
        return false;
    if (length.data != NULL && (coding.data != NULL || !all_of(length, DIGITS) || length.size > 18))
        return false;
    if (coding.data != NULL && (head->is_http_1_0 || !is_word(coding, "chunked")))
        return false;
    return expect.data == NULL || head->is_http_1_0 || is_word(expect, "100-continue");
}

/* Other headers that are kept, and so may come once. */
static bool twin_once(const struct twin_head *head)
{
    static const char *const names[] = { "content-type",    "content-encoding", "authorization",
                                         "idempotency-key", "import-id",        "last-event-id",
                                         "if-match",        "if-none-match",    "x-request-id" };
    struct oh_bytes value;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!twin_find(head, names[i], &value))
            return false;
    }
    return true;
}

static bool twin_read(struct oh_bytes text, struct twin_head *out)
{
    struct oh_bytes line;
    out->header_count = 0;
    if (!split(&text, "\r\n", &line) || !twin_line(line, out))
        return false;
    while (split(&text, "\r\n", &line) && line.size > 0) {
        if (!twin_header_line(line, out))
            return false;
    }
    return twin_framing(out) && twin_once(out);
}

/* The size of the head, the empty line included; 0: it is not whole. False: its bytes cannot be a head's. */
static bool twin_scan(const char *data, size_t size, size_t *out_size)
{
    const char *end = memmem(data, size, "\r\n\r\n", 4);
    bool is_empty = size >= 2 && memcmp(data, "\r\n", 2) == 0;
    *out_size = is_empty ? 2 : end == NULL ? 0 : (size_t)(end - data) + 4;
    size_t seen = *out_size != 0 ? *out_size : size;
    for (size_t at = 0; at < seen; at++) {
        unsigned char c = (unsigned char)data[at];
        bool is_last = at + 1 == seen;
        bool is_after_line = at >= 2 && memcmp(data + at - 2, "\r\n", 2) == 0;
        bool is_control = (c < 0x20 && c != '\t' && c != '\r' && c != '\n') || c == 0x7f;
        if (is_control || (is_after_line && (c == ' ' || c == '\t')))
            return false;
        if (c == '\r' && !is_last && data[at + 1] != '\n')
            return false;
        if (c == '\n' && (at == 0 || data[at - 1] != '\r'))
            return false;
    }
    return true;
}

/* ---- Comparing -------------------------------------------------------------------------------- */

static void value_check(const struct twin_head *twin, const char *name, struct oh_bytes value)
{
    struct oh_bytes twins;
    bool is_once = twin_find(twin, name, &twins);
    OH_ASSERT(is_once);
    OH_ASSERT((value.data == NULL) == (twins.data == NULL));
    OH_ASSERT(oh_bytes_equal(value, twins));
}

/* Of several, the first is kept. */
static void accept_check(const struct twin_head *twin, struct oh_bytes value)
{
    for (uint32_t i = 0; i < twin->header_count; i++) {
        if (is_word(twin->headers[i].name, fuzz_is_planted() ? "accept-language" : "accept")) {
            OH_ASSERT(value.data != NULL && oh_bytes_equal(value, twin->headers[i].value));
            return;
        }
    }
    OH_ASSERT(value.data == NULL);
}

static void framing_check(const struct oh_http_head *head, const struct twin_head *twin)
{
    struct oh_bytes length;
    struct oh_bytes coding;
    struct oh_bytes expect;
    bool are_once = twin_find(twin, "content-length", &length) &&
                    twin_find(twin, "transfer-encoding", &coding) && twin_find(twin, "expect", &expect);
    OH_ASSERT(are_once);
    uint64_t value = 0;
    for (size_t i = 0; i < length.size; i++)
        value = value * 10 + (uint64_t)(length.data[i] - '0');
    OH_ASSERT(head->content_length == value);
    OH_ASSERT(head->is_chunked == (coding.data != NULL));
    OH_ASSERT(head->expects_continue == (expect.data != NULL && !twin->is_http_1_0));
    OH_ASSERT(head->request.is_http_1_0 == twin->is_http_1_0);
}

static void parts_check(const struct oh_http_head *head, const struct twin_head *twin)
{
    const struct oh_request *request = &head->request;
    struct oh_bytes query = twin->target;
    struct oh_bytes path = twin->target;
    if (!split(&query, "?", &path))
        query = OH_BYTES_NONE;
    OH_ASSERT(oh_bytes_equal(request->path, path));
    OH_ASSERT(oh_bytes_equal(request->query, query));
    value_check(twin, "host", request->host);
    value_check(twin, "content-type", request->content_type);
    value_check(twin, "content-encoding", request->content_encoding);
    value_check(twin, "authorization", request->authorization);
    value_check(twin, "idempotency-key", request->idempotency_key);
    value_check(twin, "import-id", request->import_id);
    value_check(twin, "last-event-id", request->last_event_id);
    value_check(twin, "if-match", request->if_match);
    value_check(twin, "if-none-match", request->if_none_match);
    value_check(twin, "x-request-id", request->request_id);
    accept_check(twin, request->accept);
    framing_check(head, twin);
}

/* The ones that have a name here. llhttp knows some more, all of them "other", and refuses what it does not know. */
static bool method_is_named(struct oh_bytes text, enum oh_method *out)
{
    static const struct {
        const char *text;
        enum oh_method method;
    } names[] = {
        { "GET", OH_METHOD_GET },         { "HEAD", OH_METHOD_HEAD },     { "POST", OH_METHOD_POST },
        { "PUT", OH_METHOD_PUT },         { "DELETE", OH_METHOD_DELETE }, { "PATCH", OH_METHOD_PATCH },
        { "OPTIONS", OH_METHOD_OPTIONS },
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (oh_bytes_equal(text, oh_bytes_of(names[i].text))) {
            *out = names[i].method;
            return true;
        }
    }
    return false;
}

static void head_check(const char *data, size_t size)
{
    static struct twin_head twin;
    struct oh_http_head head;
    struct oh_limits limits = oh_limits_default();
    enum oh_method method = OH_METHOD_OTHER;
    bool is_good = twin_read((struct oh_bytes){ data, size }, &twin);
    bool is_taken = oh_http_head_parse(data, size, &limits, &head) == OH_HTTP_OK;
    if (is_good && method_is_named(twin.method, &method))
        OH_ASSERT(is_taken);
    if (is_taken) {
        OH_ASSERT(is_good);
        OH_ASSERT(head.request.method == method);
        parts_check(&head, &twin);
    }
}

/* As a connection does: the scan is asked after every step whether the head is whole. */
static enum oh_http_error scan_in_steps(const char *data, size_t size, size_t step, size_t *out_size)
{
    struct oh_head_scan scan = { 0, 0 };
    enum oh_http_error error = OH_HTTP_OK;
    *out_size = 0;
    for (size_t at = 0; at < size && error == OH_HTTP_OK && *out_size == 0; at += step)
        error = oh_head_scan(&scan, data, at + step < size ? at + step : size, out_size);
    return error;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t head_size = 0;
    size_t cut_size = 0;
    size_t twin_size = 0;
    if (size < 1 || size > INPUT_SIZE_MAX)
        return 0;
    const char *bytes = (const char *)data + 1;
    enum oh_http_error whole = scan_in_steps(bytes, size - 1, size, &head_size);
    enum oh_http_error cut = scan_in_steps(bytes, size - 1, 1 + data[0] % 64, &cut_size);
    bool is_good = twin_scan(bytes, size - 1, &twin_size);
    OH_ASSERT(whole == cut && head_size == cut_size);
    OH_ASSERT((whole == OH_HTTP_OK) == is_good);
    if (!is_good)
        return 0;
    OH_ASSERT(head_size == twin_size);
    if (head_size > 0)
        head_check(bytes, head_size);
    return 0;
}
