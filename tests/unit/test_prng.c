#include "base/prng.h"
#include "support/test.h"
#include <stdbool.h>

static void test_prng_gives_the_published_numbers_when_seeded(void **state)
{
    (void)state;
    struct oh_prng prng = { { 1, 2, 3, 4 } };
    /* From the reference xoshiro256** with the state 1, 2, 3, 4. */
    static const uint64_t expected[] = { 11520u, 0u, 1509978240u, 1215971899390074240u };
    for (size_t i = 0; i < 4; i++)
        assert_true(oh_prng_next(&prng) == expected[i]);
    /* From the reference splitmix64 with the seed 0. */
    oh_prng_init(&prng, 0);
    assert_true(prng.state[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(prng.state[1] == UINT64_C(0x6e789e6aa1b965f4));
}

static void test_prng_repeats_itself_when_the_seed_is_the_same(void **state)
{
    (void)state;
    struct oh_prng first;
    struct oh_prng second;
    struct oh_prng other;
    oh_prng_init(&first, 42);
    oh_prng_init(&second, 42);
    oh_prng_init(&other, 43);
    bool is_different = false;
    for (int i = 0; i < 100; i++) {
        uint64_t number = oh_prng_next(&first);
        assert_true(number == oh_prng_next(&second));
        is_different |= number != oh_prng_next(&other);
    }
    assert_true(is_different);
}

static void test_prng_is_even_below_a_bound(void **state)
{
    (void)state;
    struct oh_prng prng;
    oh_prng_init(&prng, 1);
    int seen[7] = { 0 };
    for (int i = 0; i < 70000; i++) {
        uint64_t number = oh_prng_below(&prng, 7);
        assert_true(number < 7);
        seen[number]++;
    }
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 9500, 10500);
    assert_true(oh_prng_below(&prng, 1) == 0);
}

static void test_prng_reaches_both_ends_of_a_range(void **state)
{
    (void)state;
    struct oh_prng prng;
    oh_prng_init(&prng, 2);
    bool has_low = false;
    bool has_high = false;
    for (int i = 0; i < 1000; i++) {
        int64_t number = oh_prng_between(&prng, -2, 2);
        assert_true(number >= -2 && number <= 2);
        has_low |= number == -2;
        has_high |= number == 2;
    }
    assert_true(has_low && has_high);
    assert_true(oh_prng_between(&prng, INT64_MIN, INT64_MIN) == INT64_MIN);
    (void)oh_prng_between(&prng, INT64_MIN, INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prng_gives_the_published_numbers_when_seeded),
        cmocka_unit_test(test_prng_repeats_itself_when_the_seed_is_the_same),
        cmocka_unit_test(test_prng_is_even_below_a_bound),
        cmocka_unit_test(test_prng_reaches_both_ends_of_a_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
