#include "base/histogram.h"
#include "base/prng.h"
#include "support/failing_malloc.h"
#include "support/test.h"
#include <stdlib.h>

#define SAMPLES 20000

static struct oh_histogram *histogram_new(void)
{
    struct oh_histogram *histogram = NULL;
    assert_int_equal(oh_histogram_create(&histogram), OH_OK);
    return histogram;
}

static void assert_near(uint64_t got, uint64_t exact)
{
    assert_true(got >= exact);
    assert_true(got - exact <= exact / 1000);
}

static void test_histogram_answers_zero_when_empty(void **state)
{
    (void)state;
    struct oh_histogram *histogram = histogram_new();
    assert_int_equal(oh_histogram_count(histogram), 0);
    assert_int_equal(oh_histogram_min(histogram), 0);
    assert_int_equal(oh_histogram_max(histogram), 0);
    assert_int_equal(oh_histogram_mean(histogram), 0);
    assert_int_equal(oh_histogram_percentile(histogram, 500000), 0);
    oh_histogram_destroy(&histogram);
    assert_null(histogram);
}

static void test_histogram_keeps_three_digits_of_each_size_of_value(void **state)
{
    (void)state;
    struct oh_histogram *histogram = histogram_new();
    for (uint64_t value = 1; value < OH_HISTOGRAM_VALUE_MAX / 3; value = value * 3 + 1) {
        oh_histogram_clear(histogram);
        oh_histogram_record(histogram, value);
        oh_histogram_record(histogram, OH_HISTOGRAM_VALUE_MAX);
        assert_near(oh_histogram_percentile(histogram, 500000), value);
        assert_int_equal(oh_histogram_min(histogram), value);
    }
    oh_histogram_destroy(&histogram);
}

static void test_histogram_counts_the_largest_value_when_above_it(void **state)
{
    (void)state;
    struct oh_histogram *histogram = histogram_new();
    oh_histogram_record(histogram, UINT64_MAX);
    assert_int_equal(oh_histogram_max(histogram), OH_HISTOGRAM_VALUE_MAX);
    assert_int_equal(oh_histogram_percentile(histogram, 1000000), OH_HISTOGRAM_VALUE_MAX);
    oh_histogram_destroy(&histogram);
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static void assert_percentiles(const struct oh_histogram *histogram, const uint64_t *sorted)
{
    static const uint32_t parts[] = { 0, 1, 1000, 250000, 500000, 900000, 990000, 999000, 999900, 1000000 };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        uint64_t rank = ((uint64_t)SAMPLES * parts[i] + 999999) / 1000000;
        uint64_t exact = sorted[rank == 0 ? 0 : rank - 1];
        assert_near(oh_histogram_percentile(histogram, parts[i]), exact);
    }
}

static void test_histogram_agrees_with_sorting_when_merged_from_two(void **state)
{
    (void)state;
    struct oh_histogram *odd = histogram_new();
    struct oh_histogram *even = histogram_new();
    struct oh_prng prng;
    oh_prng_init(&prng, 7);
    static uint64_t values[SAMPLES];
    uint64_t sum = 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        values[i] = oh_prng_below(&prng, UINT64_C(1) << oh_prng_between(&prng, 0, 40));
        sum += values[i];
        oh_histogram_record(i % 2 == 1 ? odd : even, values[i]);
    }
    oh_histogram_merge(even, odd);
    qsort(values, SAMPLES, sizeof(values[0]), compare_u64);
    assert_percentiles(even, values);
    assert_int_equal(oh_histogram_count(even), SAMPLES);
    assert_int_equal(oh_histogram_min(even), values[0]);
    assert_int_equal(oh_histogram_max(even), values[SAMPLES - 1]);
    assert_int_equal(oh_histogram_mean(even), sum / SAMPLES);
    oh_histogram_destroy(&odd);
    oh_histogram_destroy(&even);
}

static void test_histogram_rounds_the_rank_up_when_values_are_few(void **state)
{
    (void)state;
    struct oh_histogram *histogram = histogram_new();
    for (uint64_t value = 10; value <= 30; value += 10)
        oh_histogram_record(histogram, value);
    assert_int_equal(oh_histogram_percentile(histogram, 0), 10);
    assert_int_equal(oh_histogram_percentile(histogram, 333333), 10);
    assert_int_equal(oh_histogram_percentile(histogram, 333334), 20);
    assert_int_equal(oh_histogram_percentile(histogram, 500000), 20);
    assert_int_equal(oh_histogram_percentile(histogram, 666667), 30);
    oh_histogram_destroy(&histogram);
}

static void test_histogram_is_unchanged_when_merged_with_an_empty_one(void **state)
{
    (void)state;
    struct oh_histogram *full = histogram_new();
    struct oh_histogram *empty = histogram_new();
    oh_histogram_record(full, 5);
    oh_histogram_merge(full, empty);
    assert_int_equal(oh_histogram_min(full), 5);
    oh_histogram_merge(empty, full);
    assert_int_equal(oh_histogram_min(empty), 5);
    oh_histogram_destroy(&full);
    oh_histogram_destroy(&empty);
}

static void test_histogram_is_refused_when_memory_fails(void **state)
{
    (void)state;
    struct oh_histogram *histogram = NULL;
    failing_malloc_arm(1);
    assert_int_equal(oh_histogram_create(&histogram), OH_E_NOMEM);
    assert_true(failing_malloc_disarm());
    assert_null(histogram);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_histogram_answers_zero_when_empty),
        cmocka_unit_test(test_histogram_keeps_three_digits_of_each_size_of_value),
        cmocka_unit_test(test_histogram_counts_the_largest_value_when_above_it),
        cmocka_unit_test(test_histogram_agrees_with_sorting_when_merged_from_two),
        cmocka_unit_test(test_histogram_rounds_the_rank_up_when_values_are_few),
        cmocka_unit_test(test_histogram_is_unchanged_when_merged_with_an_empty_one),
        cmocka_unit_test(test_histogram_is_refused_when_memory_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
