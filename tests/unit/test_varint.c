#include "base/varint.h"
#include "base/prng.h"
#include "support/test.h"
#include <string.h>

static void assert_round_trip(uint64_t value)
{
    unsigned char bytes[OH_VARINT_SIZE_MAX];
    size_t size = oh_varint_put_u64(bytes, value);
    uint64_t read = ~value;
    assert_int_equal(oh_varint_get_u64(bytes, sizeof(bytes), &read), size);
    assert_true(read == value);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(oh_varint_get_u64(bytes, cut, &read), 0);
    int64_t number = (int64_t)value;
    int64_t read_number = ~number;
    size = oh_varint_put_i64(bytes, number);
    assert_int_equal(oh_varint_get_i64(bytes, size, &read_number), size);
    assert_true(read_number == number);
}

static void test_varint_reads_back_what_it_wrote_and_no_prefix_of_it(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t edge = UINT64_C(1) << bit;
        assert_round_trip(edge - 1);
        assert_round_trip(edge);
        assert_round_trip(edge + 1);
        assert_round_trip(0 - edge);
    }
    struct oh_prng prng;
    oh_prng_init(&prng, 3);
    for (int i = 0; i < 10000; i++)
        assert_round_trip(oh_prng_next(&prng) >> oh_prng_below(&prng, 64));
}

static void test_varint_has_these_bytes(void **state)
{
    (void)state;
    unsigned char bytes[OH_VARINT_SIZE_MAX];
    assert_int_equal(oh_varint_put_u64(bytes, 127), 1);
    assert_memory_equal(bytes, "\x7f", 1);
    assert_int_equal(oh_varint_put_u64(bytes, 300), 2);
    assert_memory_equal(bytes, "\xac\x02", 2);
    assert_int_equal(oh_varint_put_u64(bytes, UINT64_MAX), 10);
    assert_memory_equal(bytes, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
    assert_int_equal(oh_varint_put_i64(bytes, -1), 1);
    assert_memory_equal(bytes, "\x01", 1);
    assert_int_equal(oh_varint_put_i64(bytes, 1), 1);
    assert_memory_equal(bytes, "\x02", 1);
}

static void test_varint_refuses_longer_encodings_and_more_than_64_bits(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } rows[] = {
        { "\x80\x00", 2 },
        { "\xff\x80\x00", 3 },
        { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10 },
        { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11 },
        { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 },
        { "", 0 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t value = 77;
        int64_t number = 77;
        assert_int_equal(oh_varint_get_u64((const unsigned char *)rows[i].bytes, rows[i].size, &value), 0);
        assert_int_equal(oh_varint_get_i64((const unsigned char *)rows[i].bytes, rows[i].size, &number), 0);
        assert_true(value == 77 && number == 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_varint_reads_back_what_it_wrote_and_no_prefix_of_it),
        cmocka_unit_test(test_varint_has_these_bytes),
        cmocka_unit_test(test_varint_refuses_longer_encodings_and_more_than_64_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
