#include "base/strbuf.h"
#include "support/failing_malloc.h"
#include "support/test.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void assert_holds(const struct oh_strbuf *buf, const char *text)
{
    assert_false(buf->is_overflowed);
    assert_int_equal(buf->size, strlen(text));
    assert_memory_equal(buf->data, text, buf->size);
}

static void test_strbuf_holds_what_was_put_in_order(void **state)
{
    (void)state;
    struct oh_strbuf buf;
    oh_strbuf_init(&buf, 1000);
    oh_strbuf_put(&buf, "ab", 2);
    oh_strbuf_put_char(&buf, 'c');
    oh_strbuf_put_text(&buf, "def");
    oh_strbuf_put_bytes(&buf, OH_BYTES("gh"));
    oh_strbuf_put_bytes(&buf, OH_BYTES_NONE);
    oh_strbuf_printf(&buf, "-%d-%s", 7, "x");
    assert_holds(&buf, "abcdefgh-7-x");
    oh_strbuf_fini(&buf);
}

static void test_strbuf_holds_exactly_its_maximum(void **state)
{
    (void)state;
    struct oh_strbuf buf;
    oh_strbuf_init(&buf, 200);
    for (int i = 0; i < 200; i++)
        oh_strbuf_put_char(&buf, 'x');
    assert_false(buf.is_overflowed);
    assert_int_equal(buf.size, 200);
    oh_strbuf_put_char(&buf, 'x');
    assert_true(buf.is_overflowed);
    assert_int_equal(buf.size, 200);
    assert_true(buf.capacity <= 200);
    oh_strbuf_fini(&buf);
}

static void test_strbuf_writes_nothing_more_when_overflowed(void **state)
{
    (void)state;
    struct oh_strbuf buf;
    oh_strbuf_init(&buf, 4);
    oh_strbuf_put_text(&buf, "abc");
    oh_strbuf_put_text(&buf, "de");
    assert_true(buf.is_overflowed);
    oh_strbuf_put_char(&buf, 'd');
    oh_strbuf_put_u64(&buf, 1);
    oh_strbuf_printf(&buf, "%d", 1);
    assert_null(oh_strbuf_reserve(&buf, 1));
    assert_int_equal(buf.size, 3);
    oh_strbuf_clear(&buf);
    oh_strbuf_put_text(&buf, "wxyz");
    assert_holds(&buf, "wxyz");
    oh_strbuf_fini(&buf);
}

static void test_strbuf_overflows_when_its_maximum_is_zero(void **state)
{
    (void)state;
    struct oh_strbuf buf;
    oh_strbuf_init(&buf, 0);
    oh_strbuf_put(&buf, NULL, 0);
    assert_false(buf.is_overflowed);
    oh_strbuf_put_char(&buf, 'a');
    assert_true(buf.is_overflowed);
    assert_int_equal(buf.size, 0);
    oh_strbuf_fini(&buf);
}

static void test_strbuf_drops_the_front_when_consumed(void **state)
{
    (void)state;
    struct oh_strbuf buf;
    oh_strbuf_init(&buf, 100);
    oh_strbuf_consume(&buf, 0);
    oh_strbuf_put_text(&buf, "abcdef");
    oh_strbuf_consume(&buf, 4);
    assert_holds(&buf, "ef");
    oh_strbuf_consume(&buf, 2);
    assert_int_equal(buf.size, 0);
    oh_strbuf_fini(&buf);
}

static void test_strbuf_gives_room_that_the_caller_fills_when_reserved(void **state)
{
    (void)state;
    struct oh_strbuf buf;
    oh_strbuf_init(&buf, 1000);
    oh_strbuf_put_text(&buf, "a");
    char *room = oh_strbuf_reserve(&buf, 500);
    assert_non_null(room);
    memset(room, 'z', 500);
    assert_int_equal(buf.size, 1);
    buf.size += 500;
    assert_null(oh_strbuf_reserve(&buf, 500));
    assert_true(buf.is_overflowed);
    oh_strbuf_fini(&buf);
}

static void test_strbuf_writes_each_integer_as_printf_does(void **state)
{
    (void)state;
    static const int64_t values[] = { 0,         1,          9,
                                      10,        11,         99,
                                      100,       101,        999,
                                      1000,      12345,      99999,
                                      100000,    1000000007, INT64_MAX - 1,
                                      INT64_MAX, INT64_MIN,  INT64_MIN + 1,
                                      -1,        -9,         -10,
                                      -100 };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char expected[64];
        struct oh_strbuf buf;
        oh_strbuf_init(&buf, 100);
        oh_strbuf_put_i64(&buf, values[i]);
        oh_strbuf_put_char(&buf, ' ');
        oh_strbuf_put_u64(&buf, (uint64_t)values[i]);
        (void)snprintf(expected, sizeof(expected), "%" PRId64 " %" PRIu64, values[i], (uint64_t)values[i]);
        assert_holds(&buf, expected);
        oh_strbuf_fini(&buf);
    }
}

static void test_strbuf_formats_a_text_of_exactly_the_room_left(void **state)
{
    (void)state;
    for (size_t size_max = 1; size_max <= 130; size_max++) {
        char text[200];
        memset(text, 'q', sizeof(text));
        text[size_max] = '\0';
        struct oh_strbuf buf;
        oh_strbuf_init(&buf, size_max);
        oh_strbuf_printf(&buf, "%s", text);
        assert_holds(&buf, text);
        /* Now the memory is there, of exactly this size, so the NUL has no place. */
        oh_strbuf_clear(&buf);
        oh_strbuf_printf(&buf, "%s", text);
        assert_holds(&buf, text);
        oh_strbuf_clear(&buf);
        oh_strbuf_printf(&buf, "%sq", text);
        assert_true(buf.is_overflowed);
        oh_strbuf_fini(&buf);
    }
}

static void fill(struct oh_strbuf *buf)
{
    for (int i = 0; i < 100; i++)
        oh_strbuf_put_u64(buf, 1234567890123u);
    oh_strbuf_printf(buf, "%300d", 1);
}

static void test_strbuf_overflows_when_an_allocation_fails(void **state)
{
    (void)state;
    size_t nth = 0;
    bool has_failed = true;
    while (has_failed) {
        struct oh_strbuf buf;
        oh_strbuf_init(&buf, 10000);
        failing_malloc_arm(++nth);
        fill(&buf);
        has_failed = failing_malloc_disarm();
        assert_int_equal(buf.is_overflowed, has_failed);
        oh_strbuf_fini(&buf);
    }
    assert_true(nth > 3);
}

/* Each number of digits, at both of its ends, in a buffer in which it just fits and in one where it does not. */
static void test_strbuf_writes_numbers_of_every_size_where_they_just_fit(void **state)
{
    (void)state;
    uint64_t power = 1;
    for (size_t digits = 1; digits <= 20; digits++, power *= 10) {
        uint64_t values[] = { power, digits == 20 ? UINT64_MAX : power * 9 + (power - 1) };
        for (size_t i = 0; i < 2; i++) {
            char expected[32];
            struct oh_strbuf buf;
            (void)snprintf(expected, sizeof(expected), "%" PRIu64, values[i]);
            assert_int_equal(strlen(expected), digits);
            oh_strbuf_init(&buf, digits);
            oh_strbuf_put_u64(&buf, values[i]);
            assert_false(buf.is_overflowed);
            assert_int_equal(buf.size, digits);
            assert_memory_equal(buf.data, expected, digits);
            oh_strbuf_fini(&buf);
            oh_strbuf_init(&buf, digits - 1);
            oh_strbuf_put_u64(&buf, values[i]);
            assert_true(buf.is_overflowed);
            oh_strbuf_fini(&buf);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strbuf_writes_numbers_of_every_size_where_they_just_fit),
        cmocka_unit_test(test_strbuf_holds_what_was_put_in_order),
        cmocka_unit_test(test_strbuf_holds_exactly_its_maximum),
        cmocka_unit_test(test_strbuf_writes_nothing_more_when_overflowed),
        cmocka_unit_test(test_strbuf_overflows_when_its_maximum_is_zero),
        cmocka_unit_test(test_strbuf_drops_the_front_when_consumed),
        cmocka_unit_test(test_strbuf_gives_room_that_the_caller_fills_when_reserved),
        cmocka_unit_test(test_strbuf_writes_each_integer_as_printf_does),
        cmocka_unit_test(test_strbuf_formats_a_text_of_exactly_the_room_left),
        cmocka_unit_test(test_strbuf_overflows_when_an_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
