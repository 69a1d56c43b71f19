#include "base/strbuf.h"
#include "server/http_chunk.h"
#include "support/test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Feeds data in pieces of `step` bytes; returns the last event, the body and how many bytes were used. */
static enum oh_chunk_event chunk_feed(const char *data, size_t size, size_t step, struct oh_strbuf *body,
                                      size_t *out_used)
{
    struct oh_chunk_decoder decoder;
    enum oh_chunk_event event = OH_CHUNK_MORE;
    size_t at = 0;
    oh_chunk_init(&decoder);
    while (at < size && (event == OH_CHUNK_MORE || event == OH_CHUNK_DATA)) {
        size_t part = size - at < step ? size - at : step;
        char *copy = malloc(part);
        assert_non_null(copy);
        memcpy(copy, data + at, part);
        size_t used = 0;
        struct oh_bytes run = OH_BYTES_NONE;
        event = oh_chunk_next(&decoder, copy, part, &used, &run);
        assert_true(used <= part && (used > 0 || event == OH_CHUNK_BAD));
        if (event == OH_CHUNK_DATA)
            oh_strbuf_put_bytes(body, run);
        free(copy);
        at += used;
    }
    *out_used = at;
    return event;
}

static void assert_chunk(const char *data, size_t size, enum oh_chunk_event expected, const char *body_text,
                         size_t used_expected)
{
    for (size_t step = 1; step <= size; step++) {
        struct oh_strbuf body;
        size_t used = 0;
        oh_strbuf_init(&body, 1 << 16);
        enum oh_chunk_event event = chunk_feed(data, size, step, &body, &used);
        if (event != expected)
            fail_msg("'%s' in steps of %zu: event %d, not %d", data, step, event, expected);
        if (expected == OH_CHUNK_END)
            assert_int_equal(used, used_expected);
        assert_int_equal(body.size, strlen(body_text));
        if (body.size > 0)
            assert_memory_equal(body.data, body_text, body.size);
        oh_strbuf_fini(&body);
    }
}

#define ASSERT_WHOLE(data, body) assert_chunk(data, sizeof(data) - 1, OH_CHUNK_END, body, sizeof(data) - 1)
#define ASSERT_BAD(data, body)   assert_chunk(data, sizeof(data) - 1, OH_CHUNK_BAD, body, 0)

static void test_http_chunk_joins_chunks_at_every_split(void **state)
{
    (void)state;
    ASSERT_WHOLE("0\r\n\r\n", "");
    ASSERT_WHOLE("1\r\na\r\n0\r\n\r\n", "a");
    ASSERT_WHOLE("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world");
    ASSERT_WHOLE("000a\r\n0123456789\r\nA\r\nabcdefghij\r\n00\r\n\r\n", "0123456789abcdefghij");
    ASSERT_WHOLE("4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n");
}

static void test_http_chunk_ignores_extensions_and_trailers(void **state)
{
    (void)state;
    ASSERT_WHOLE("1;a=b;c=\"d\"\r\nx\r\n0;e\r\n\r\n", "x");
    ASSERT_WHOLE("1\r\nx\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n", "x");
}

static void test_http_chunk_leaves_what_follows_the_body(void **state)
{
    static const char data[] = "1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n";
    (void)state;
    assert_chunk(data, sizeof(data) - 1, OH_CHUNK_END, "x", 11);
}

static void test_http_chunk_refuses_framing_that_is_not_exact(void **state)
{
    (void)state;
    ASSERT_BAD("\r\n", "");
    ASSERT_BAD("x\r\n", "");
    ASSERT_BAD("-1\r\n", "");
    ASSERT_BAD("0x1\r\nx\r\n", "");
    ASSERT_BAD(" 1\r\nx\r\n", "");
    ASSERT_BAD("1 \r\nx\r\n", "");
    ASSERT_BAD("1\nx\r\n", "");
    ASSERT_BAD("1\rx", "");
    ASSERT_BAD("1\r\nxy\r\n", "x");
    ASSERT_BAD("1\r\nxy\n0\r\n\r\n", "x");
    ASSERT_BAD("1\r\nx\n0\r\n\r\n", "x");
    ASSERT_BAD("1\r\nx\r0\r\n\r\n", "x");
    ASSERT_BAD("0\r\n\n", "");
    ASSERT_BAD("0\r\nX: a\n\r\n", "");
    ASSERT_BAD("0\r\nX: \0\r\n\r\n", "");
    ASSERT_BAD("1;a\nb\r\n", "");
    ASSERT_BAD("1;a\x01\r\n", "");
}

static void test_http_chunk_refuses_a_size_past_its_digits(void **state)
{
    struct oh_chunk_decoder decoder;
    size_t used = 0;
    struct oh_bytes run = OH_BYTES_NONE;
    (void)state;
    oh_chunk_init(&decoder);
    assert_int_equal(oh_chunk_next(&decoder, "fffffffffffffff\r\n", 17, &used, &run), OH_CHUNK_MORE);
    assert_int_equal(decoder.remaining, UINT64_C(0xfffffffffffffff));
    ASSERT_BAD("1000000000000000\r\n", "");
    ASSERT_BAD("0000000000000001\r\n", "");
}

static void test_http_chunk_bounds_extensions_and_trailers_together(void **state)
{
    static char data[OH_CHUNK_EXTRA_SIZE_MAX + 64];
    (void)state;
    for (size_t extra = OH_CHUNK_EXTRA_SIZE_MAX; extra <= OH_CHUNK_EXTRA_SIZE_MAX + 1; extra++) {
        struct oh_strbuf body;
        size_t used = 0;
        size_t half = extra / 2;
        memcpy(data, "1;", 2);
        memset(data + 2, 'e', half);
        memcpy(data + 2 + half, "\r\nx\r\n0\r\n", 8);
        memset(data + 10 + half, 't', extra - half);
        memcpy(data + 10 + extra, "\r\n\r\n", 4);
        oh_strbuf_init(&body, 16);
        assert_int_equal(chunk_feed(data, 14 + extra, 100, &body, &used),
                         extra == OH_CHUNK_EXTRA_SIZE_MAX ? OH_CHUNK_END : OH_CHUNK_BAD);
        oh_strbuf_fini(&body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_chunk_joins_chunks_at_every_split),
        cmocka_unit_test(test_http_chunk_ignores_extensions_and_trailers),
        cmocka_unit_test(test_http_chunk_leaves_what_follows_the_body),
        cmocka_unit_test(test_http_chunk_refuses_framing_that_is_not_exact),
        cmocka_unit_test(test_http_chunk_refuses_a_size_past_its_digits),
        cmocka_unit_test(test_http_chunk_bounds_extensions_and_trailers_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
