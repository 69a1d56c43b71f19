#include "base/prng.h"
#include "codec/time_text.h"
#include "onhand/types.h"
#include "support/test.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define ROUNDS          100000
#define SECOND          INT64_C(1000000)

static void test_time_text_reads_what_is_a_time(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum oh_err err;
        int64_t at_us;
    } rows[] = {
        { "1970-01-01T00:00:00Z", OH_OK, 0 },
        { "2026-11-22T13:00:00Z", OH_OK, 1795352400 * SECOND },
        { "2026-11-22t13:00:00z", OH_OK, 1795352400 * SECOND },
        { "2026-11-22 13:00:00Z", OH_OK, 1795352400 * SECOND },
        { "2026-11-22T14:00:00+01:00", OH_OK, 1795352400 * SECOND },
        { "2026-11-22T07:30:00-05:30", OH_OK, 1795352400 * SECOND },
        { "2026-11-22T13:00:00-00:00", OH_OK, 1795352400 * SECOND },
        { "2026-11-23T12:59:00+23:59", OH_OK, 1795352400 * SECOND },
        { "2026-11-22T13:00:00.5Z", OH_OK, 1795352400 * SECOND + 500000 },
        { "2026-11-22T13:00:00.123456Z", OH_OK, 1795352400 * SECOND + 123456 },
        { "2026-11-22T13:00:00.123456789Z", OH_OK, 1795352400 * SECOND + 123456 },
        { "2024-02-29T00:00:00Z", OH_OK, 1709164800 * SECOND },
        { "2000-02-29T00:00:00Z", OH_OK, 951782400 * SECOND },
        { "2199-12-31T23:59:59.999999Z", OH_OK, OH_TIME_US_MAX - 1 },
        { "2200-01-01T00:00:00Z", OH_E_TOO_LARGE, 0 },
        { "9999-12-31T23:59:59Z", OH_E_TOO_LARGE, 0 },
        { "1969-12-31T23:59:59Z", OH_E_TOO_LARGE, 0 },
        { "1970-01-01T00:00:00+00:01", OH_E_TOO_LARGE, 0 },
        { "0000-01-01T00:00:00Z", OH_E_TOO_LARGE, 0 },
        { "2023-02-29T00:00:00Z", OH_E_SYNTAX, 0 },
        { "2100-02-29T00:00:00Z", OH_E_SYNTAX, 0 },
        { "2026-04-31T00:00:00Z", OH_E_SYNTAX, 0 },
        { "2026-13-01T00:00:00Z", OH_E_SYNTAX, 0 },
        { "2026-00-01T00:00:00Z", OH_E_SYNTAX, 0 },
        { "2026-01-00T00:00:00Z", OH_E_SYNTAX, 0 },
        { "2026-11-22T24:00:00Z", OH_E_SYNTAX, 0 },
        { "2026-11-22T13:60:00Z", OH_E_SYNTAX, 0 },
        { "2016-12-31T23:59:60Z", OH_E_SYNTAX, 0 }, /* a leap second */
        { "2026-11-22T13:00:00", OH_E_SYNTAX, 0 },
        { "2026-11-22T13:00Z", OH_E_SYNTAX, 0 },
        { "2026-11-22T13:00:00.Z", OH_E_SYNTAX, 0 },
        { "2026-11-22T13:00:00.1234567890Z", OH_E_SYNTAX, 0 },
        { "2026-11-22T13:00:00+24:00", OH_E_SYNTAX, 0 },
        { "2026-11-22T13:00:00+01:60", OH_E_SYNTAX, 0 },
        { "2026-11-22T13:00:00+0100", OH_E_SYNTAX, 0 },
        { "2026-11-22T13:00:00ZZ", OH_E_SYNTAX, 0 },
        { "2026-11-22", OH_E_SYNTAX, 0 },
        { "26-11-22T13:00:00Z", OH_E_SYNTAX, 0 },
        { " 2026-11-22T13:00:00Z", OH_E_SYNTAX, 0 },
        { "1795352400", OH_E_SYNTAX, 0 },
        { "now", OH_E_SYNTAX, 0 },
        { "", OH_E_SYNTAX, 0 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t at_us = 77;
        enum oh_err err = oh_time_parse(oh_bytes_of(rows[i].text), &at_us);
        if (err != rows[i].err || at_us != (err == OH_OK ? rows[i].at_us : 77))
            fail_msg("'%s' was read as %s, %" PRId64, rows[i].text, oh_err_text(err), at_us);
    }
}

static void test_time_text_reads_a_date_alone_when_it_may(void **state)
{
    (void)state;
    int64_t at_us = 0;
    assert_int_equal(oh_time_or_date_parse(OH_BYTES("2021-12-23"), &at_us), OH_OK);
    assert_true(at_us == 1640217600 * SECOND);
    assert_int_equal(oh_time_or_date_parse(OH_BYTES("2021-12-23T00:00:01Z"), &at_us), OH_OK);
    assert_true(at_us == 1640217601 * SECOND);
    assert_int_equal(oh_time_or_date_parse(OH_BYTES("2021-02-30"), &at_us), OH_E_SYNTAX);
    assert_int_equal(oh_time_or_date_parse(OH_BYTES("1969-12-31"), &at_us), OH_E_TOO_LARGE);
    assert_int_equal(oh_time_or_date_parse(OH_BYTES_NONE, &at_us), OH_E_SYNTAX);
}

static void test_time_text_refuses_every_shortened_time(void **state)
{
    (void)state;
    const char text[] = "2026-11-22T13:00:00.123+01:00";
    int64_t at_us = 0;
    for (size_t size = 0; size < sizeof(text) - 1; size++)
        assert_int_equal(oh_time_parse((struct oh_bytes){ text, size }, &at_us), OH_E_SYNTAX);
}

static void test_time_text_writes_as_few_fraction_digits_as_are_exact(void **state)
{
    (void)state;
    static const struct {
        int64_t at_us;
        const char *text;
    } rows[] = {
        { 0, "1970-01-01T00:00:00Z" },
        { 1, "1970-01-01T00:00:00.000001Z" },
        { 1000, "1970-01-01T00:00:00.001Z" },
        { 1795352400 * SECOND + 500000, "2026-11-22T13:00:00.500Z" },
        { OH_TIME_US_MAX, "2200-01-01T00:00:00Z" },
        { INT64_MAX, "2200-01-01T00:00:00Z" },
        { -5, "1970-01-01T00:00:00Z" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct oh_strbuf buf;
        oh_strbuf_init(&buf, 64);
        oh_time_put(&buf, rows[i].at_us);
        assert_int_equal(buf.size, strlen(rows[i].text));
        assert_memory_equal(buf.data, rows[i].text, buf.size);
        oh_strbuf_fini(&buf);
    }
}

static void test_time_text_reads_back_what_it_wrote(void **state)
{
    (void)state;
    const uint64_t seed = 1122;
    struct oh_prng prng;
    struct oh_strbuf buf;
    printf("seed %" PRIu64 "\n", seed);
    oh_prng_init(&prng, seed);
    oh_strbuf_init(&buf, 64);
    for (int i = 0; i < ROUNDS; i++) {
        static const int64_t steps[] = { 1, 1000, SECOND };
        int64_t step = steps[i % 3];
        int64_t at_us = oh_prng_between(&prng, 0, OH_TIME_US_MAX - 1) / step * step;
        int64_t back = -1;
        oh_strbuf_clear(&buf);
        oh_time_put(&buf, at_us);
        assert_int_equal(oh_time_parse(oh_strbuf_bytes(&buf), &back), OH_OK);
        assert_true(back == at_us);
    }
    oh_strbuf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_text_reads_what_is_a_time),
        cmocka_unit_test(test_time_text_reads_a_date_alone_when_it_may),
        cmocka_unit_test(test_time_text_refuses_every_shortened_time),
        cmocka_unit_test(test_time_text_writes_as_few_fraction_digits_as_are_exact),
        cmocka_unit_test(test_time_text_reads_back_what_it_wrote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
