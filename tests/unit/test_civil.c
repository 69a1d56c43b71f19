#include "base/civil.h"
#include "support/test.h"
#include <stdbool.h>

static bool year_is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static uint32_t month_days(int64_t year, uint32_t month)
{
    static const uint32_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    return days[month - 1] + (month == 2 && year_is_leap(year) ? 1 : 0);
}

static void test_civil_counts_each_day_of_nine_centuries(void **state)
{
    (void)state;
    struct oh_civil expected = { 1600, 1, 1 };
    int64_t first = oh_civil_to_days(expected);
    for (int64_t days = first; expected.year < 2500; days++) {
        struct oh_civil civil = oh_civil_from_days(days);
        assert_true(civil.year == expected.year);
        assert_int_equal(civil.month, expected.month);
        assert_int_equal(civil.day, expected.day);
        assert_true(oh_civil_to_days(civil) == days);
        if (++expected.day > month_days(expected.year, expected.month)) {
            expected.day = 1;
            expected.month++;
        }
        if (expected.month > 12) {
            expected.month = 1;
            expected.year++;
        }
    }
}

static void test_civil_starts_in_1970(void **state)
{
    (void)state;
    struct oh_civil epoch = oh_civil_from_days(0);
    assert_true(epoch.year == 1970 && epoch.month == 1 && epoch.day == 1);
    struct oh_civil leap_day = oh_civil_from_days(11016);
    assert_true(leap_day.year == 2000 && leap_day.month == 2 && leap_day.day == 29);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_civil_counts_each_day_of_nine_centuries),
        cmocka_unit_test(test_civil_starts_in_1970),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
