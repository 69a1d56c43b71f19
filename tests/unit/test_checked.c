#include "base/checked.h"
#include "support/test.h"

#define UNTOUCHED 77

static void test_checked_gives_the_exact_result_when_it_fits(void **state)
{
    (void)state;
    int64_t result = UNTOUCHED;
    assert_true(oh_add_i64(INT64_MAX - 1, 1, &result));
    assert_true(result == INT64_MAX);
    assert_true(oh_sub_i64(INT64_MIN + 1, 1, &result));
    assert_true(result == INT64_MIN);
    assert_true(oh_mul_i64(INT64_MIN / 2, 2, &result));
    assert_true(result == INT64_MIN);
    size_t size = UNTOUCHED;
    assert_true(oh_mul_size(SIZE_MAX / 3, 3, &size));
    assert_true(size == SIZE_MAX);
}

static void test_checked_leaves_the_result_untouched_when_it_does_not_fit(void **state)
{
    (void)state;
    int64_t result = UNTOUCHED;
    assert_false(oh_add_i64(INT64_MAX, 1, &result));
    assert_false(oh_add_i64(INT64_MIN, -1, &result));
    assert_false(oh_sub_i64(INT64_MIN, 1, &result));
    assert_false(oh_sub_i64(0, INT64_MIN, &result));
    assert_false(oh_mul_i64(INT64_MIN, -1, &result));
    assert_false(oh_mul_i64(INT64_MAX / 2 + 1, 2, &result));
    assert_true(result == UNTOUCHED);
    size_t size = UNTOUCHED;
    assert_false(oh_mul_size(SIZE_MAX / 2 + 1, 2, &size));
    assert_true(size == UNTOUCHED);
}

static void test_checked_picks_the_smaller_and_the_larger(void **state)
{
    (void)state;
    assert_true(oh_min_i64(-1, 1) == -1 && oh_min_i64(1, -1) == -1);
    assert_true(oh_max_i64(-1, 1) == 1 && oh_max_i64(1, -1) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checked_gives_the_exact_result_when_it_fits),
        cmocka_unit_test(test_checked_leaves_the_result_untouched_when_it_does_not_fit),
        cmocka_unit_test(test_checked_picks_the_smaller_and_the_larger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
