#include "base/prng.h"
#include "codec/decimal.h"
#include "support/test.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define ROUNDS          200000

static void test_decimal_reads_what_is_a_decimal(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum oh_err err;
        int64_t milli;
    } rows[] = {
        { "0", OH_OK, 0 },
        { "-0", OH_OK, 0 },
        { "-0.000", OH_OK, 0 },
        { "1", OH_OK, 1000 },
        { "007", OH_OK, 7000 },
        { "5.5", OH_OK, 5500 },
        { "-12.5", OH_OK, -12500 },
        { "0.001", OH_OK, 1 },
        { "-0.001", OH_OK, -1 },
        { "120.0", OH_OK, 120000 },
        { "1.5000", OH_OK, 1500 },
        { "9223372036854775.807", OH_OK, INT64_MAX },
        { "-9223372036854775.808", OH_OK, INT64_MIN },
        { "9223372036854775.808", OH_E_TOO_LARGE, 0 },
        { "-9223372036854775.809", OH_E_TOO_LARGE, 0 },
        { "99999999999999999999999999", OH_E_TOO_LARGE, 0 },
        { "0.0001", OH_E_INVALID, 0 },
        { "1.2345", OH_E_INVALID, 0 },
        { "", OH_E_SYNTAX, 0 },
        { "-", OH_E_SYNTAX, 0 },
        { ".5", OH_E_SYNTAX, 0 },
        { "5.", OH_E_SYNTAX, 0 },
        { "+5", OH_E_SYNTAX, 0 },
        { "5,5", OH_E_SYNTAX, 0 },
        { " 5", OH_E_SYNTAX, 0 },
        { "5 ", OH_E_SYNTAX, 0 },
        { "1e3", OH_E_SYNTAX, 0 },
        { "0x10", OH_E_SYNTAX, 0 },
        { "1.2.3", OH_E_SYNTAX, 0 },
        { "NaN", OH_E_SYNTAX, 0 },
        { "--1", OH_E_SYNTAX, 0 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t milli = 77;
        enum oh_err err = oh_milli_parse(oh_bytes_of(rows[i].text), &milli);
        if (err != rows[i].err || milli != (err == OH_OK ? rows[i].milli : 77))
            fail_msg("'%s' was read as %s, %" PRId64, rows[i].text, oh_err_text(err), milli);
    }
}

static void test_decimal_writes_the_shortest_text(void **state)
{
    (void)state;
    static const struct {
        int64_t milli;
        const char *text;
    } rows[] = {
        { 0, "0" },
        { 1, "0.001" },
        { 10, "0.01" },
        { 100, "0.1" },
        { 125, "0.125" },
        { 1000, "1" },
        { 5500, "5.5" },
        { 8000, "8" },
        { -1, "-0.001" },
        { -8000, "-8" },
        { -8050, "-8.05" },
        { 1000000000000, "1000000000" },
        { INT64_MAX, "9223372036854775.807" },
        { INT64_MIN, "-9223372036854775.808" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct oh_strbuf buf;
        oh_strbuf_init(&buf, 64);
        oh_milli_put(&buf, rows[i].milli);
        assert_int_equal(buf.size, strlen(rows[i].text));
        assert_memory_equal(buf.data, rows[i].text, buf.size);
        assert_true(buf.size <= OH_MILLI_TEXT_SIZE_MAX);
        oh_strbuf_fini(&buf);
    }
}

/* Any thousandths, of any size. */
static int64_t random_milli(struct oh_prng *prng)
{
    return (int64_t)(oh_prng_next(prng) >> oh_prng_below(prng, 64)) * (oh_prng_below(prng, 2) == 0 ? 1 : -1);
}

static void test_decimal_reads_back_what_it_wrote(void **state)
{
    (void)state;
    const uint64_t seed = 20261122;
    struct oh_prng prng;
    struct oh_strbuf buf;
    printf("seed %" PRIu64 "\n", seed);
    oh_prng_init(&prng, seed);
    oh_strbuf_init(&buf, 64);
    for (int i = 0; i < ROUNDS; i++) {
        int64_t milli = random_milli(&prng);
        int64_t back = milli + 1;
        oh_strbuf_clear(&buf);
        oh_milli_put(&buf, milli);
        assert_int_equal(oh_milli_parse(oh_strbuf_bytes(&buf), &back), OH_OK);
        assert_true(back == milli);
    }
    oh_strbuf_fini(&buf);
}

/*
 * The double of a decimal of at most 15 digits gives back the very decimal; with a fourth digit it is
 * refused.
 */
static void test_decimal_is_exact_through_a_double(void **state)
{
    (void)state;
    const uint64_t seed = 4711;
    struct oh_prng prng;
    printf("seed %" PRIu64 "\n", seed);
    oh_prng_init(&prng, seed);
    for (int i = 0; i < ROUNDS; i++) {
        char text[64];
        int64_t milli = (int64_t)(oh_prng_below(&prng, 1000000000000000) >> oh_prng_below(&prng, 50));
        int64_t back = -1;
        snprintf(text, sizeof(text), "%" PRId64 ".%03" PRId64, milli / 1000, milli % 1000);
        assert_int_equal(oh_milli_from_double(strtod(text, NULL), &back), OH_OK);
        assert_true(back == milli);
        assert_int_equal(oh_milli_from_double(-strtod(text, NULL), &back), OH_OK);
        assert_true(back == -milli);
        /* 11 digits before the point at most, so that the fourth decimal is still within 15 digits. */
        int64_t small = milli % 100000000000000;
        int digit = (int)oh_prng_between(&prng, 1, 9);
        snprintf(text, sizeof(text), "%" PRId64 ".%03" PRId64 "%d", small / 1000, small % 1000, digit);
        assert_int_equal(oh_milli_from_double(strtod(text, NULL), &back), OH_E_INVALID);
    }
}

static void test_decimal_refuses_a_double_out_of_range(void **state)
{
    (void)state;
    int64_t milli = 5;
    assert_int_equal(oh_milli_from_double(1e12, &milli), OH_OK);
    assert_true(milli == INT64_C(1000000000000000));
    assert_int_equal(oh_milli_from_double(1000000000001.0, &milli), OH_E_TOO_LARGE);
    assert_int_equal(oh_milli_from_double(-1e300, &milli), OH_E_TOO_LARGE);
    assert_int_equal(oh_milli_from_double(strtod("inf", NULL), &milli), OH_E_TOO_LARGE);
    assert_int_equal(oh_milli_from_double(strtod("nan", NULL), &milli), OH_E_TOO_LARGE);
    assert_int_equal(oh_milli_from_double(1e-300, &milli), OH_E_INVALID);
    assert_true(milli == INT64_C(1000000000000000));
}

static void test_decimal_reads_and_writes_degrees(void **state)
{
    (void)state;
    double value = 0;
    struct oh_strbuf buf;
    oh_strbuf_init(&buf, 64);
    assert_int_equal(oh_real_parse(OH_BYTES("-1.285"), &value), OH_OK);
    oh_real_put(&buf, value);
    assert_int_equal(buf.size, 6);
    assert_memory_equal(buf.data, "-1.285", 6);
    assert_int_equal(oh_real_parse(OH_BYTES("48.85661400000001"), &value), OH_OK);
    assert_true(value == 48.856614); /* 15 digits are said of it, so no more are kept */
    assert_int_equal(oh_real_parse(OH_BYTES("48.8566140000001"), &value), OH_OK);
    assert_true(value == 48.8566140000001);
    assert_int_equal(oh_real_parse(OH_BYTES("1e5"), &value), OH_E_SYNTAX);
    assert_int_equal(oh_real_parse(OH_BYTES("inf"), &value), OH_E_SYNTAX);
    assert_int_equal(oh_real_parse(OH_BYTES("0x1"), &value), OH_E_SYNTAX);
    assert_int_equal(oh_real_parse(OH_BYTES("1.0000000000000000000000000000001"), &value), OH_E_SYNTAX);
    oh_strbuf_fini(&buf);
}

static void test_decimal_reads_whole_numbers(void **state)
{
    (void)state;
    int64_t value = 0;
    assert_int_equal(oh_integer_parse(OH_BYTES("-999999999999999999"), &value), OH_OK);
    assert_true(value == INT64_C(-999999999999999999));
    assert_int_equal(oh_integer_parse(OH_BYTES("1000000000000000000"), &value), OH_E_TOO_LARGE);
    assert_int_equal(oh_integer_parse(OH_BYTES("1.0"), &value), OH_E_SYNTAX);
    assert_int_equal(oh_integer_parse(OH_BYTES(""), &value), OH_E_SYNTAX);
    assert_int_equal(oh_integer_parse(OH_BYTES("-"), &value), OH_E_SYNTAX);
    assert_int_equal(oh_integer_parse(OH_BYTES_NONE, &value), OH_E_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decimal_reads_what_is_a_decimal),
        cmocka_unit_test(test_decimal_writes_the_shortest_text),
        cmocka_unit_test(test_decimal_reads_back_what_it_wrote),
        cmocka_unit_test(test_decimal_is_exact_through_a_double),
        cmocka_unit_test(test_decimal_refuses_a_double_out_of_range),
        cmocka_unit_test(test_decimal_reads_and_writes_degrees),
        cmocka_unit_test(test_decimal_reads_whole_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
