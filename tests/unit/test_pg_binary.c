/*
 * test_pg_binary.c - values as PostgreSQL's binary protocol has them, against bytes that a server has written.
 *
 * tests/integration/test_pg_connection.py asks a server about the same with random values.
 */
#include "base/prng.h"
#include "onhand/types.h"
#include "storage/pg_binary.h"
#include "support/failing_malloc.h"
#include "support/test.h"

/* OH_BYTES for tables. */
#define BYTES(literal) { (literal), sizeof(literal) - 1 }

static struct oh_strbuf out;

static int setup(void **state)
{
    (void)state;
    oh_strbuf_init(&out, (size_t)1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    oh_strbuf_fini(&out);
    return 0;
}

static void assert_written(struct oh_bytes expected)
{
    assert_false(out.is_overflowed);
    assert_int_equal(out.size, expected.size);
    assert_memory_equal(out.data, expected.data, expected.size);
    oh_strbuf_clear(&out);
}

/* What was written last, without its length. */
static struct oh_bytes written_value(void)
{
    assert_true(out.size >= 4);
    return (struct oh_bytes){ out.data + 4, out.size - 4 };
}

/* ---- Bytes of a server: SELECT numeric_send(x), and so on -------------------------------------- */

struct milli_case {
    int64_t milli;
    struct oh_bytes bytes; /* with the length */
};

static const struct milli_case milli_cases[] = {
    { 0, BYTES("\0\0\0\x08" "\0\0\0\0\0\0\0\x03") },
    { 1, BYTES("\0\0\0\x0a" "\0\1\xff\xff\0\0\0\x03" "\0\x0a") },
    { -1, BYTES("\0\0\0\x0a" "\0\1\xff\xff\x40\0\0\x03" "\0\x0a") },
    { 1000, BYTES("\0\0\0\x0a" "\0\1\0\0\0\0\0\x03" "\0\1") },
    { 1500, BYTES("\0\0\0\x0c" "\0\2\0\0\0\0\0\x03" "\0\1\x13\x88") },
    { 999, BYTES("\0\0\0\x0a" "\0\1\xff\xff\0\0\0\x03" "\x27\x06") },
    { 10000000, BYTES("\0\0\0\x0a" "\0\1\0\1\0\0\0\x03" "\0\1") },
    { -10000001, BYTES("\0\0\0\x0e" "\0\3\0\1\x40\0\0\x03" "\0\1\0\0\0\x0a") },
    { 123456789012, BYTES("\0\0\0\x10" "\0\4\0\2\0\0\0\x03" "\0\1\x09\x29\x1a\x85\0\x78") },
    { OH_TOTAL_MILLI_MAX, BYTES("\0\0\0\x12" "\0\5\0\3\0\0\0\x03" "\0\x09\0\x47\x26\xc5\x12\x84\x26\xb6") },
    { -OH_TOTAL_MILLI_MAX, BYTES("\0\0\0\x12" "\0\5\0\3\x40\0\0\x03" "\0\x09\0\x47\x26\xc5\x12\x84\x26\xb6") },
};

static void test_milli_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(milli_cases) / sizeof(milli_cases[0]); i++) {
        int64_t read = 42;
        oh_pg_put_milli(&out, milli_cases[i].milli);
        assert_true(oh_pg_get_milli(written_value(), &read));
        assert_int_equal(read, milli_cases[i].milli);
        assert_written(milli_cases[i].bytes);
    }
}

static void assert_milli_round_trip(int64_t milli)
{
    int64_t read = ~milli;
    oh_strbuf_clear(&out);
    oh_pg_put_milli(&out, milli);
    assert_true(oh_pg_get_milli(written_value(), &read));
    assert_int_equal(read, milli);
}

static void test_milli_round_trips(void **state)
{
    (void)state;
    for (int64_t milli = -200000; milli <= 200000; milli++)
        assert_milli_round_trip(milli);
    for (int64_t power = 1; power <= OH_TOTAL_MILLI_MAX; power *= 2) {
        for (int64_t near = -2; near <= 2; near++) {
            assert_milli_round_trip(power + near);
            assert_milli_round_trip(-power + near);
        }
    }
    for (int64_t power = 1; power <= INT64_MAX / 10; power *= 10) {
        assert_milli_round_trip(power - 1);
        assert_milli_round_trip(-power);
        assert_milli_round_trip(power * 9);
    }
    assert_milli_round_trip(INT64_MAX);
    struct oh_prng prng;
    oh_prng_init(&prng, 7);
    for (int i = 0; i < 200000; i++) {
        int shift = (int)oh_prng_below(&prng, 63);
        assert_milli_round_trip((int64_t)(oh_prng_next(&prng) >> 1 >> shift) * (i % 2 == 0 ? 1 : -1));
    }
}

static void test_milli_refused(void **state)
{
    (void)state;
    static const struct oh_bytes refused[] = {
        BYTES(""),
        BYTES("\0\0\0\0\0\0\0"),
        BYTES("\0\0\0\0\xc0\0\0\0"),                                             /* NaN */
        BYTES("\0\0\0\0\xd0\0\0\x20"),                                            /* infinity */
        BYTES("\0\0\0\0\xf0\0\0\x20"),                                            /* -infinity */
        BYTES("\0\1\xff\xff\0\0\0\4\0\1"),                                       /* 0.0001 */
        BYTES("\0\2\0\0\0\0\0\5\0\1\0\x0b"),                                     /* 1.0011 */
        BYTES("\0\1\xff\xfe\0\0\0\x08\0\1"),                                     /* 0.00000001 */
        BYTES("\0\1\0\5\0\0\0\0\0\1"),                                           /* 10^20 */
        BYTES("\0\1\0\4\0\0\0\0\0\1"),                                           /* 10^16: 10^19 thousandths */
        BYTES("\0\5\0\3\0\0\0\3\x24\x07\x0e\x88\x0e\x65\x12\xa7\x1f\x90"),       /* 2^63 thousandths */
        BYTES("\0\6\0\4\0\0\0\3\0\1\x20\xfe\x1d\x10\x1c\xca\x25\x4f\x18\x10"),   /* 2^64 thousandths, which is 0 */
        BYTES("\0\2\0\0\0\0\0\3\0\1"),                                           /* a digit is missing */
        BYTES("\0\1\0\0\0\0\0\3\0\1\0\1"),                                       /* one too many */
        BYTES("\0\1\0\0\0\0\0\3\x27\x10"),                                       /* 10,000 is no digit */
        BYTES("\0\1\0\0\0\1\0\3\0\1"),                                           /* no sign */
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        int64_t milli = 42;
        if (oh_pg_get_milli(refused[i], &milli))
            fail_msg("number %zu is read as %lld", i, (long long)milli);
    }
    int64_t milli = 42;
    assert_false(oh_pg_get_milli(OH_BYTES_NONE, &milli));
    assert_int_equal(milli, 0);
}

/* More digits behind the point are fine as long as they are zeros, and so are zeros in front. */
static void test_milli_other_forms(void **state)
{
    (void)state;
    static const struct milli_case cases[] = {
        { 1, BYTES("\0\1\xff\xff\0\0\0\x08\0\x0a") },               /* 0.00100000 */
        { 1000, BYTES("\0\3\0\0\0\0\0\x08\0\1\0\0\0\0") },          /* 1.00000000 */
        { 1000, BYTES("\0\4\0\2\0\0\0\3\0\0\0\0\0\1\0\0") },        /* zeros in front */
        { 0, BYTES("\0\1\x7f\xff\0\0\0\0\0\0") },                   /* zero of any weight */
        { 0, BYTES("\0\0\0\0\x40\0\0\0") },                         /* -0 */
        { 5000, BYTES("\0\1\0\0\0\0\0\0\0\5") },                    /* an integer */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t milli = 42;
        assert_true(oh_pg_get_milli(cases[i].bytes, &milli));
        assert_int_equal(milli, cases[i].milli);
    }
}

static void test_plain_bytes(void **state)
{
    (void)state;
    oh_pg_put_null(&out);
    assert_written(OH_BYTES("\xff\xff\xff\xff"));
    oh_pg_put_bool(&out, true);
    assert_written(OH_BYTES("\0\0\0\1\1"));
    oh_pg_put_bool(&out, false);
    assert_written(OH_BYTES("\0\0\0\1\0"));
    oh_pg_put_i32(&out, -2);
    assert_written(OH_BYTES("\0\0\0\4\xff\xff\xff\xfe"));
    oh_pg_put_i64(&out, INT64_MIN);
    assert_written(OH_BYTES("\0\0\0\x08\x80\0\0\0\0\0\0\0"));
    oh_pg_put_f64(&out, -1.5);
    assert_written(OH_BYTES("\0\0\0\x08\xbf\xf8\0\0\0\0\0\0"));
    oh_pg_put_text(&out, OH_BYTES("a\xc3\xa9"));
    assert_written(OH_BYTES("\0\0\0\3" "a\xc3\xa9"));
    oh_pg_put_text(&out, OH_BYTES(""));
    assert_written(OH_BYTES("\0\0\0\0"));
    oh_pg_put_text(&out, OH_BYTES_NONE);
    assert_written(OH_BYTES("\0\0\0\0"));
    oh_pg_put_text_or_null(&out, OH_BYTES(""));
    assert_written(OH_BYTES("\xff\xff\xff\xff"));
    oh_pg_put_text_or_null(&out, OH_BYTES("x"));
    assert_written(OH_BYTES("\0\0\0\1x"));
    oh_pg_put_time(&out, 946684800000000);
    assert_written(OH_BYTES("\0\0\0\x08\0\0\0\0\0\0\0\0"));
    oh_pg_put_time(&out, 0); /* 1970 */
    assert_written(OH_BYTES("\0\0\0\x08\xff\xfc\xa2\xfe\xc4\xc8\x20\0"));
    oh_pg_put_time(&out, OH_TIME_US_NONE);
    assert_written(OH_BYTES("\xff\xff\xff\xff"));
    oh_pg_row(&out, 11);
    assert_written(OH_BYTES("\0\x0b"));
}

static void test_plain_values(void **state)
{
    (void)state;
    static const int64_t numbers[] = { 0, 1, -1, 127, -128, 255, 256, INT32_MAX, INT32_MIN, 1099511627776, INT64_MAX,
                                       INT64_MIN };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        int64_t i64;
        int32_t i32;
        oh_strbuf_clear(&out);
        oh_pg_put_i64(&out, numbers[i]);
        assert_true(oh_pg_get_i64(written_value(), &i64));
        assert_true(i64 == numbers[i]);
        oh_strbuf_clear(&out);
        oh_pg_put_i32(&out, (int32_t)numbers[i]);
        assert_true(oh_pg_get_i32(written_value(), &i32));
        assert_int_equal(i32, (int32_t)numbers[i]);
    }
    static const double reals[] = { 0.0, -0.0, 1.5, -90.0, 180.0, 1e-300, 1.7976931348623157e308, 48.858370 };
    for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++) {
        double f64;
        oh_strbuf_clear(&out);
        oh_pg_put_f64(&out, reals[i]);
        assert_true(oh_pg_get_f64(written_value(), &f64));
        assert_memory_equal(&f64, &reals[i], sizeof(f64));
    }
}

static void test_times(void **state)
{
    (void)state;
    static const int64_t times[] = { 0, 1, 946684799999999, 946684800000000, 1795651200123456, OH_TIME_US_MAX };
    int64_t at;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        oh_strbuf_clear(&out);
        oh_pg_put_time(&out, times[i]);
        assert_true(oh_pg_get_time(written_value(), &at));
        assert_int_equal(at, times[i]);
    }
    assert_true(oh_pg_get_time(OH_BYTES_NONE, &at));
    assert_true(at == OH_TIME_US_NONE);
    assert_false(oh_pg_get_time(OH_BYTES("\x7f\xff\xff\xff\xff\xff\xff\xff"), &at)); /* infinity */
    assert_false(oh_pg_get_time(OH_BYTES("\x80\0\0\0\0\0\0\0"), &at));               /* -infinity */
    assert_false(oh_pg_get_time(OH_BYTES("\xff\xfc\xa2\xfe\xc4\xc8\x1f\xff"), &at)); /* before 1970 */
    assert_false(oh_pg_get_time(OH_BYTES("\0\0\0\0"), &at));
    assert_true(at == OH_TIME_US_NONE);
}

/* A value of another size is no value, and leaves 0. */
static void test_wrong_sizes(void **state)
{
    (void)state;
    static const char bytes[16] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    for (size_t size = 0; size <= sizeof(bytes); size++) {
        struct oh_bytes value = { bytes, size };
        bool b = true;
        int32_t i32 = 42;
        int64_t i64 = 42;
        double f64 = 42;
        assert_true(oh_pg_get_bool(value, &b) == (size == 1) && b == (size == 1));
        assert_true(oh_pg_get_i32(value, &i32) == (size == 4) && (i32 == 0) == (size != 4));
        assert_true(oh_pg_get_i64(value, &i64) == (size == 8) && (i64 == 0) == (size != 8));
        assert_true(oh_pg_get_f64(value, &f64) == (size == 8) && (f64 == 0) == (size != 8));
    }
    bool b = true;
    assert_false(oh_pg_get_bool(OH_BYTES_NONE, &b));
    assert_false(b);
}

/* ---- Arrays ------------------------------------------------------------------------------------ */

static void assert_bytes(struct oh_bytes bytes, struct oh_bytes expected)
{
    assert_non_null(bytes.data);
    assert_int_equal(bytes.size, expected.size);
    assert_memory_equal(bytes.data, expected.data, expected.size);
}

static void test_arrays(void **state)
{
    (void)state;
    struct oh_pg_array array;
    oh_pg_array_init(&array, OH_PG_INT4, 1 << 16);
    assert_bytes(oh_pg_array_bytes(&array), OH_BYTES("\0\0\0\0\0\0\0\0\0\0\0\x17"));
    oh_pg_array_put_i32(&array, 7);
    oh_pg_array_put_null(&array);
    assert_bytes(oh_pg_array_bytes(&array),
                 OH_BYTES("\0\0\0\1\0\0\0\1\0\0\0\x17\0\0\0\2\0\0\0\1" "\0\0\0\4\0\0\0\7" "\xff\xff\xff\xff"));
    oh_pg_array_clear(&array);
    oh_pg_array_put_i32(&array, 8);
    assert_bytes(oh_pg_array_bytes(&array),
                 OH_BYTES("\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\1\0\0\0\1" "\0\0\0\4\0\0\0\x08"));
    oh_pg_array_fini(&array);
}

static void test_array_nulls(void **state)
{
    (void)state;
    struct oh_pg_array array;
    oh_pg_array_init(&array, OH_PG_TEXT, 1 << 16);
    oh_pg_array_put_text_or_null(&array, OH_BYTES("x"));
    assert_false(array.has_null);
    oh_pg_array_put_text(&array, OH_BYTES(""));
    assert_false(array.has_null);
    oh_pg_array_put_text_or_null(&array, OH_BYTES(""));
    assert_true(array.has_null);
    assert_int_equal(array.count, 3);
    oh_pg_array_fini(&array);
    oh_pg_array_init(&array, OH_PG_TIMESTAMPTZ, 1 << 16);
    oh_pg_array_put_time(&array, 5);
    assert_false(array.has_null);
    oh_pg_array_put_time(&array, OH_TIME_US_NONE);
    assert_true(array.has_null);
    assert_int_equal(array.count, 2);
    oh_pg_array_fini(&array);
}

/* Past its maximum, or the memory, it has no bytes; cleared, it is as good as new. */
static void test_array_overflow(void **state)
{
    (void)state;
    struct oh_pg_array array;
    oh_pg_array_init(&array, OH_PG_INT8, 20 + 2 * 12);
    for (int round = 0; round < 2; round++) {
        oh_pg_array_put_i64(&array, 1);
        oh_pg_array_put_i64(&array, 2);
        assert_int_equal(oh_pg_array_bytes(&array).size, 44);
        oh_pg_array_put_i64(&array, 3);
        assert_null(oh_pg_array_bytes(&array).data);
        oh_pg_array_clear(&array);
    }
    oh_pg_array_fini(&array);
}

static void test_array_types(void **state)
{
    (void)state;
    static const uint32_t types[][2] = { { OH_PG_BOOL, 1000 },   { OH_PG_BYTEA, 1001 }, { OH_PG_INT8, 1016 },
                                         { OH_PG_INT4, 1007 },   { OH_PG_TEXT, 1009 },  { OH_PG_FLOAT8, 1022 },
                                         { OH_PG_NUMERIC, 1231 }, { OH_PG_TIMESTAMPTZ, 1185 } };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        assert_int_equal(oh_pg_array_type(types[i][0]), types[i][1]);
}

static void test_no_memory(void **state)
{
    (void)state;
    for (size_t nth = 1;; nth++) { /* bounded by the allocations */
        struct oh_pg_array array;
        failing_malloc_arm(nth);
        oh_pg_array_init(&array, OH_PG_INT8, 1 << 20);
        for (int i = 0; i < 1000; i++)
            oh_pg_array_put_i64(&array, i);
        struct oh_bytes bytes = oh_pg_array_bytes(&array);
        bool has_failed = failing_malloc_disarm();
        assert_true((bytes.data == NULL) == has_failed);
        oh_pg_array_fini(&array);
        if (!has_failed)
            break;
        assert_true(nth < 100);
    }
}

/* ---- Rows -------------------------------------------------------------------------------------- */

#define HEAD "PGCOPY\n\377\r\n\0" "\0\0\0\0" "\0\0\0\0"

static void test_rows(void **state)
{
    (void)state;
    struct oh_bytes columns[4];
    assert_int_equal(oh_pg_row_read(OH_BYTES("\0\3" "\0\0\0\1a" "\xff\xff\xff\xff" "\0\0\0\0"), columns, 4), 3);
    assert_bytes(columns[0], OH_BYTES("a"));
    assert_null(columns[1].data);
    assert_non_null(columns[2].data);
    assert_int_equal(columns[2].size, 0);
    assert_int_equal(oh_pg_row_read(OH_BYTES(HEAD "\0\1" "\0\0\0\2bc"), columns, 4), 1);
    assert_bytes(columns[0], OH_BYTES("bc"));
    assert_int_equal(oh_pg_row_read(OH_BYTES("PGCOPY\n\377\r\n\0" "\0\0\0\0" "\0\0\0\2xy" "\0\0"), columns, 4), 0);
    assert_int_equal(oh_pg_row_read(OH_BYTES("\xff\xff"), columns, 4), -1);
    assert_int_equal(oh_pg_row_read(OH_BYTES(HEAD "\xff\xff"), columns, 4), -1);
    assert_int_equal(oh_pg_row_read(OH_BYTES("\0\0"), columns, 0), 0);
}

static void test_rows_malformed(void **state)
{
    (void)state;
    static const struct oh_bytes rows[] = {
        BYTES(""), BYTES("\0"), BYTES("\0\5"), BYTES("\0\1"), BYTES("\0\1\0\0\0"), BYTES("\0\1\0\0\0\2a"),
        BYTES("\0\1\0\0\0\1ab"), BYTES("\0\1\x80\0\0\0"), BYTES("\xff\xfe"), BYTES("\x80\0"), BYTES("\xff\xff\0"),
        BYTES("\0\0\0"), BYTES(HEAD), BYTES(HEAD "\0"), BYTES("PGCOPY\n\377\r\n\0" "\0\0\0\0" "\0\0\0\1"),
        BYTES("PGCOPY\n\377\r\n\0" "\0\0\0\0" "\xff\xff\xff\xff\0\0"),
    };
    struct oh_bytes columns[4];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (oh_pg_row_read(rows[i], columns, 4) != -2)
            fail_msg("row %zu is taken", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_milli_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_milli_round_trips, setup, teardown),
        cmocka_unit_test(test_milli_refused),
        cmocka_unit_test(test_milli_other_forms),
        cmocka_unit_test_setup_teardown(test_plain_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_plain_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_times, setup, teardown),
        cmocka_unit_test(test_wrong_sizes),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_array_nulls),
        cmocka_unit_test(test_array_overflow),
        cmocka_unit_test(test_array_types),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_rows_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
