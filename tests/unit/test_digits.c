#include "base/digits.h"
#include "base/prng.h"
#include "support/test.h"
#include <inttypes.h>
#include <stdio.h>

static void assert_digits(uint64_t number)
{
    char wanted[32];
    char text[32];
    int size = snprintf(wanted, sizeof(wanted), "%" PRIu64, number);
    assert_int_equal(oh_digits_put(text, number), size);
    assert_memory_equal(text, wanted, (size_t)size);
}

static void test_digits_are_those_of_printf(void **state)
{
    (void)state;
    uint64_t power = 1;
    for (int i = 0; i < 20; i++, power *= 10) {
        assert_digits(power);
        if (power > 1)
            assert_digits(power - 1);
        assert_digits(power + 1);
        assert_digits(UINT64_MAX / power);
    }
    for (uint64_t number = 1; number < 20000; number++) /* every four digits, in both halves of the eight */
        assert_digits(number * 10001);
    struct oh_prng prng;
    oh_prng_init(&prng, 5);
    for (int i = 0; i < 100000; i++)
        assert_digits(1 + (oh_prng_next(&prng) >> (1 + oh_prng_below(&prng, 63))));
}

static void test_digits_of_nothing_are_none(void **state)
{
    (void)state;
    char text[8] = "kept";
    assert_int_equal(oh_digits_put(text, 0), 0);
    assert_string_equal(text, "kept");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digits_are_those_of_printf),
        cmocka_unit_test(test_digits_of_nothing_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
