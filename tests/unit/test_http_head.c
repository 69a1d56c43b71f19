#include "server/http_head.h"
#include "support/test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Scans and parses one head, as a connection does. The bytes live in an exact-size heap block, so that a sanitizer sees
 * every read past them. */
static enum oh_http_error head_read(const char *text, size_t size, struct oh_http_head *head,
                                    char **out_bytes)
{
    struct oh_limits limits = oh_limits_default();
    struct oh_head_scan scan = { 0, 0 };
    size_t head_size = 0;
    char *bytes = malloc(size == 0 ? 1 : size);
    assert_non_null(bytes);
    memcpy(bytes, text, size);
    *out_bytes = bytes;
    enum oh_http_error error = oh_head_scan(&scan, bytes, size, &head_size);
    if (error != OH_HTTP_OK)
        return error;
    assert_int_equal(head_size, size);
    return oh_http_head_parse(bytes, size, &limits, head);
}

static void assert_error(enum oh_http_error expected, const char *text, size_t size)
{
    struct oh_http_head head;
    char *bytes = NULL;
    enum oh_http_error error = head_read(text, size, &head, &bytes);
    if (error != expected)
        fail_msg("%s: %s, not %s", text, oh_http_error_row(error)->sentence,
                 oh_http_error_row(expected)->sentence);
    free(bytes);
}

#define ASSERT_ERROR(expected, literal) assert_error(expected, literal, sizeof(literal) - 1)

static void assert_bytes(struct oh_bytes bytes, const char *text)
{
    assert_int_equal(bytes.size, strlen(text));
    assert_memory_equal(bytes.data, text, bytes.size);
}

static void test_http_head_reads_line_and_known_headers(void **state)
{
    static const char text[] =
        "POST /v1/reservations?x=1&y=?2 HTTP/1.1\r\nHost: a.b:80\r\nCONTENT-TYPE:application/json\r\n"
        "Accept: a\r\nIdempotency-Key: \t k 1 \t \r\nLast-Event-ID:42\r\nAuthorization: Bearer x\r\n"
        "X-Request-ID: r-1\r\nIf-Match: \"1\"\r\nIf-None-Match: *\r\nX-Other: y\r\n"
        "Content-Length: 12\r\nExpect: 100-Continue\r\n\r\n";
    struct oh_http_head head;
    char *bytes = NULL;
    (void)state;
    assert_int_equal(head_read(text, sizeof(text) - 1, &head, &bytes), OH_HTTP_OK);
    assert_int_equal(head.request.method, OH_METHOD_POST);
    assert_bytes(head.request.path, "/v1/reservations");
    assert_bytes(head.request.query, "x=1&y=?2");
    assert_bytes(head.request.host, "a.b:80");
    assert_bytes(head.request.content_type, "application/json");
    assert_bytes(head.request.accept, "a");
    assert_bytes(head.request.idempotency_key, "k 1");
    assert_bytes(head.request.last_event_id, "42");
    assert_bytes(head.request.authorization, "Bearer x");
    assert_bytes(head.request.request_id, "r-1");
    assert_bytes(head.request.if_match, "\"1\"");
    assert_bytes(head.request.if_none_match, "*");
    assert_int_equal(head.content_length, 12);
    assert_false(head.is_chunked);
    assert_true(head.is_keep_alive);
    assert_true(head.expects_continue);
    free(bytes);
}

static void test_http_head_tells_an_empty_header_from_an_absent_one(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost:\r\nIdempotency-Key:   \r\n\r\n";
    struct oh_http_head head;
    char *bytes = NULL;
    (void)state;
    assert_int_equal(head_read(text, sizeof(text) - 1, &head, &bytes), OH_HTTP_OK);
    assert_non_null(head.request.host.data);
    assert_int_equal(head.request.host.size, 0);
    assert_non_null(head.request.idempotency_key.data);
    assert_int_equal(head.request.idempotency_key.size, 0);
    assert_null(head.request.content_type.data);
    assert_null(head.request.query.data);
    free(bytes);
}

static void test_http_head_knows_every_method_it_routes(void **state)
{
    static const struct {
        const char *text;
        enum oh_method method;
    } rows[] = {
        { "GET", OH_METHOD_GET },         { "HEAD", OH_METHOD_HEAD },     { "POST", OH_METHOD_POST },
        { "PUT", OH_METHOD_PUT },         { "DELETE", OH_METHOD_DELETE }, { "PATCH", OH_METHOD_PATCH },
        { "OPTIONS", OH_METHOD_OPTIONS }, { "TRACE", OH_METHOD_OTHER },   { "PURGE", OH_METHOD_OTHER },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct oh_http_head head;
        char *bytes = NULL;
        char text[64];
        int size = snprintf(text, sizeof(text), "%s /a HTTP/1.1\r\nHost: a\r\n\r\n", rows[i].text);
        assert_int_equal(head_read(text, (size_t)size, &head, &bytes), OH_HTTP_OK);
        assert_int_equal(head.request.method, rows[i].method);
        free(bytes);
    }
}

static void test_http_head_keeps_alive_as_the_version_and_the_header_say(void **state)
{
    static const struct {
        const char *text;
        bool is_keep_alive;
        bool is_http_1_0;
    } rows[] = {
        { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", true, false },
        { "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false, false },
        { "GET / HTTP/1.1\r\nHost: a\r\nConnection: foo, Close\r\n\r\n", false, false },
        { "GET / HTTP/1.0\r\n\r\n", false, true },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct oh_http_head head;
        char *bytes = NULL;
        assert_int_equal(head_read(rows[i].text, strlen(rows[i].text), &head, &bytes), OH_HTTP_OK);
        assert_int_equal(head.is_keep_alive, rows[i].is_keep_alive);
        assert_int_equal(head.request.is_http_1_0, rows[i].is_http_1_0);
        free(bytes);
    }
}

static void test_http_head_ignores_an_offer_to_upgrade(void **state)
{
    (void)state;
    ASSERT_ERROR(OH_HTTP_OK, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
}

static void test_http_head_refuses_line_ends_that_are_not_cr_lf(void **state)
{
    (void)state;
    ASSERT_ERROR(OH_HTTP_BAD_LINE_END, "GET / HTTP/1.1\nHost: a\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_LINE_END, "GET / HTTP/1.1\r\nHost: a\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_LINE_END, "GET / HTTP/1.1\r\nHost: a\r\n\n");
    ASSERT_ERROR(OH_HTTP_BAD_LINE_END, "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_LINE_END, "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_LINE_END, "GET / HTTP/1.1\r\nHost: a\r\n\rX\r\n\r\n");
}

static void test_http_head_refuses_control_characters_and_folded_lines(void **state)
{
    (void)state;
    ASSERT_ERROR(OH_HTTP_BAD_CONTROL, "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_CONTROL, "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_CONTROL, "GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_CONTROL, "GET / HTTP/1.1\r\nHost: a\x7f\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_CONTROL, "GET / HTTP/1.1\r\nHost: a\x0b\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_FOLD, "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_FOLD, "GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_FOLD, "GET / HTTP/1.1\r\n Host: a\r\n\r\n");
}

static void test_http_head_refuses_a_request_line_that_is_not_exact(void **state)
{
    (void)state;
    ASSERT_ERROR(OH_HTTP_BAD_REQUEST_LINE, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_REQUEST_LINE, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_REQUEST_LINE, "get / HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_REQUEST_LINE, "GETX / HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_REQUEST_LINE, "\x80 / HTTP/1.1\r\nHost: a\r\n\r\n");
}

static void test_http_head_refuses_versions_it_does_not_speak(void **state)
{
    (void)state;
    ASSERT_ERROR(OH_HTTP_BAD_VERSION, "GET / HTTP/2.0\r\nHost: a\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_VERSION, "GET / HTTP/1.2\r\nHost: a\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_VERSION, "GET / HTTP/0.9\r\nHost: a\r\n\r\n");
}

static void test_http_head_refuses_targets_that_are_not_absolute_paths(void **state)
{
    (void)state;
    ASSERT_ERROR(OH_HTTP_BAD_TARGET, "GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_TARGET, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_TARGET, "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_TARGET, "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_TARGET, "GET /caf\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_TARGET, "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n");
}

static void test_http_head_refuses_headers_that_are_malformed(void **state)
{
    (void)state;
    ASSERT_ERROR(OH_HTTP_BAD_HEADER, "GET / HTTP/1.1\r\nHost : a\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_HEADER, "GET / HTTP/1.1\r\nHost\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_HEADER, "GET / HTTP/1.1\r\n: a\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_HEADER, "GET / HTTP/1.1\r\nHo st: a\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_HEADER, "GET / HTTP/1.1\r\nHost: a\r\n(x): b\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_HEADER, "GET / HTTP/1.1\r\nHost: a\r\nX\xc3\xa9: b\r\n\r\n");
}

static void test_http_head_refuses_framing_that_could_be_read_in_two_ways(void **state)
{
    (void)state;
    ASSERT_ERROR(OH_HTTP_TWO_LENGTHS,
                 "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_TWO_LENGTHS,
                 "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_TWO_LENGTHS,
                 "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_LENGTH, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_LENGTH, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_LENGTH, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_LENGTH, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_LENGTH, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3 3\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_LENGTH, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_LENGTH,
                 "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_LENGTH,
                 "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000000000\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_UNKNOWN_CODING,
                 "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_UNKNOWN_CODING,
                 "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_UNKNOWN_CODING, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_UNKNOWN_CODING, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n");
    ASSERT_ERROR(
        OH_HTTP_UNKNOWN_CODING,
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_CODING, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_OK, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n");
}

static void test_http_head_refuses_a_missing_or_second_host_and_other_duplicates(void **state)
{
    (void)state;
    ASSERT_ERROR(OH_HTTP_NO_HOST, "GET / HTTP/1.1\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_NO_HOST, "GET / HTTP/1.1\r\nAccept: a\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_OK, "GET / HTTP/1.0\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_DUPLICATE, "GET / HTTP/1.1\r\nHost: a\r\nHOST: a\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_DUPLICATE,
                 "GET / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: 1\r\nIdempotency-Key: 1\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_OK, "GET / HTTP/1.1\r\nHost: a\r\nAccept: a\r\nAccept: b\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_OK, "GET / HTTP/1.1\r\nHost: a\r\nX-Any: a\r\nX-Any: b\r\n\r\n");
}

static void test_http_head_refuses_unknown_expectations(void **state)
{
    (void)state;
    ASSERT_ERROR(OH_HTTP_BAD_EXPECT, "POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\nContent-Length: 1\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_BAD_EXPECT, "POST / HTTP/1.1\r\nHost: a\r\nExpect:\r\nContent-Length: 1\r\n\r\n");
    ASSERT_ERROR(OH_HTTP_OK, "POST / HTTP/1.0\r\nExpect: x\r\nContent-Length: 1\r\n\r\n");
}

static void test_http_head_counts_headers_to_the_limit(void **state)
{
    char text[4096];
    (void)state;
    for (int extra = 63; extra <= 64; extra++) {
        size_t size = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n");
        for (int i = 0; i < extra; i++)
            size += (size_t)snprintf(text + size, sizeof(text) - size, "X-%d: y\r\n", i);
        size += (size_t)snprintf(text + size, sizeof(text) - size, "\r\n");
        assert_error(extra == 63 ? OH_HTTP_OK : OH_HTTP_TOO_MANY_HEADERS, text, size);
    }
}

static void test_http_head_measures_the_target_to_the_limit(void **state)
{
    static char text[8192 + 100];
    (void)state;
    for (size_t target = 8192; target <= 8193; target++) {
        memset(text, 'a', sizeof(text));
        memcpy(text, "GET /", 5);
        memcpy(text + 4 + target, " HTTP/1.1\r\nHost: a\r\n\r\n", 22);
        assert_error(target == 8192 ? OH_HTTP_OK : OH_HTTP_TARGET_TOO_LONG, text, 4 + target + 22);
    }
}

static void test_http_head_scan_finds_the_end_at_every_split(void **state)
{
    static const char text[] = "GET /a HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\nrest";
    size_t end = sizeof(text) - 5;
    (void)state;
    for (size_t split = 0; split < end; split++) {
        struct oh_head_scan scan = { 0, 0 };
        size_t head_size = 99;
        char *part = malloc(split + 1);
        assert_non_null(part);
        memcpy(part, text, split);
        assert_int_equal(oh_head_scan(&scan, part, split, &head_size), OH_HTTP_OK);
        assert_int_equal(head_size, 0);
        assert_int_equal(oh_head_scan(&scan, text, sizeof(text) - 1, &head_size), OH_HTTP_OK);
        assert_int_equal(head_size, end);
        free(part);
    }
}

static void test_http_head_never_accepts_a_prefix_or_reads_past_it(void **state)
{
    static const char text[] =
        "POST /v1/a?b=c HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nIdempotency-Key: k\r\n\r\n";
    (void)state;
    for (size_t size = 0; size < sizeof(text) - 1; size++) {
        struct oh_limits limits = oh_limits_default();
        struct oh_http_head head;
        char *bytes = malloc(size + 1);
        assert_non_null(bytes);
        memcpy(bytes, text, size);
        assert_int_not_equal(oh_http_head_parse(bytes, size, &limits, &head), OH_HTTP_OK);
        free(bytes);
    }
}

static void test_http_head_survives_every_flipped_byte(void **state)
{
    static const char text[] =
        "POST /v1/a?b=c HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nIdempotency-Key: k\r\n\r\n";
    struct oh_limits limits = oh_limits_default();
    size_t size = sizeof(text) - 1;
    char *bytes = malloc(size);
    (void)state;
    assert_non_null(bytes);
    for (size_t at = 0; at < size; at++) {
        for (unsigned value = 0; value < 256; value++) {
            struct oh_head_scan scan = { 0, 0 };
            struct oh_http_head head;
            size_t head_size = 0;
            memcpy(bytes, text, size);
            bytes[at] = (char)value;
            if (oh_head_scan(&scan, bytes, size, &head_size) != OH_HTTP_OK || head_size == 0)
                continue;
            if (oh_http_head_parse(bytes, head_size, &limits, &head) != OH_HTTP_OK)
                continue;
            assert_true(head.request.path.data >= bytes && head.request.path.size < size);
            assert_int_equal(head.request.path.data[0], '/');
        }
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_head_reads_line_and_known_headers),
        cmocka_unit_test(test_http_head_tells_an_empty_header_from_an_absent_one),
        cmocka_unit_test(test_http_head_knows_every_method_it_routes),
        cmocka_unit_test(test_http_head_keeps_alive_as_the_version_and_the_header_say),
        cmocka_unit_test(test_http_head_ignores_an_offer_to_upgrade),
        cmocka_unit_test(test_http_head_refuses_line_ends_that_are_not_cr_lf),
        cmocka_unit_test(test_http_head_refuses_control_characters_and_folded_lines),
        cmocka_unit_test(test_http_head_refuses_a_request_line_that_is_not_exact),
        cmocka_unit_test(test_http_head_refuses_versions_it_does_not_speak),
        cmocka_unit_test(test_http_head_refuses_targets_that_are_not_absolute_paths),
        cmocka_unit_test(test_http_head_refuses_headers_that_are_malformed),
        cmocka_unit_test(test_http_head_refuses_framing_that_could_be_read_in_two_ways),
        cmocka_unit_test(test_http_head_refuses_a_missing_or_second_host_and_other_duplicates),
        cmocka_unit_test(test_http_head_refuses_unknown_expectations),
        cmocka_unit_test(test_http_head_counts_headers_to_the_limit),
        cmocka_unit_test(test_http_head_measures_the_target_to_the_limit),
        cmocka_unit_test(test_http_head_scan_finds_the_end_at_every_split),
        cmocka_unit_test(test_http_head_never_accepts_a_prefix_or_reads_past_it),
        cmocka_unit_test(test_http_head_survives_every_flipped_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
