/* The rules of RFC 8536, section 3.3: what is one, and when its two changes of a year are. */
#include "codec/time_text.h"
#include "support/test.h"
#include "timetable/tz_rule.h"
#include <stdio.h>

/* Rule, year; the first change and the offset from it on, then the second. */
static const struct year_row {
    const char *rule;
    int64_t year;
    const char *first;
    int32_t first_offset_s;
    const char *second;
    int32_t second_offset_s;
} year_rows[] = {
    { "GMT0BST,M3.5.0/1,M10.5.0", 2026, "2026-03-29T01:00:00Z", 3600, "2026-10-25T01:00:00Z", 0 },
    { "EST5EDT,M3.2.0,M11.1.0", 2026, "2026-03-08T07:00:00Z", -14400, "2026-11-01T06:00:00Z", -18000 },
    /* in the south summer ends first */
    { "AEST-10AEDT,M10.1.0,M4.1.0/3", 2026, "2026-04-04T16:00:00Z", 36000, "2026-10-03T16:00:00Z", 39600 },
    /* half an hour, in names that are quoted */
    { "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 2026, "2026-04-04T15:00:00Z", 37800, "2026-10-03T15:30:00Z",
      39600 },
    /* Irish law: summer is standard, and what is called summer here is winter */
    { "IST-1GMT0,M10.5.0,M3.5.0/1", 2026, "2026-03-29T01:00:00Z", 3600, "2026-10-25T01:00:00Z", 0 },
    /* a time before midnight, and one days after it */
    { "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 2026, "2026-03-29T01:00:00Z", -3600, "2026-10-25T01:00:00Z", -7200 },
    { "EET-2EEST,M3.4.4/50,M10.4.4/50", 2026, "2026-03-28T00:00:00Z", 10800, "2026-10-23T23:00:00Z", 7200 },
    /* days of the year: J60 is 1 March always, 59 only in a common year */
    { "XXX0YYY,J60/0,J365/0", 2028, "2028-03-01T00:00:00Z", 3600, "2028-12-30T23:00:00Z", 0 },
    { "XXX0YYY,J59/0,J365/0", 2028, "2028-02-28T00:00:00Z", 3600, "2028-12-30T23:00:00Z", 0 },
    { "XXX0YYY,59/0,365/0", 2028, "2028-02-29T00:00:00Z", 3600, "2028-12-30T23:00:00Z", 0 },
    { "XXX0YYY,59/0,364/0", 2027, "2027-03-01T00:00:00Z", 3600, "2027-12-30T23:00:00Z", 0 },
    { "XXX0YYY,J60/0,J365/0", 2100, "2100-03-01T00:00:00Z", 3600, "2100-12-30T23:00:00Z", 0 },
    /* summer all year: the end of one is the begin of the next */
    { "EST5EDT,0/0,J365/25", 2026, "2026-01-01T05:00:00Z", -14400, "2027-01-01T05:00:00Z", -18000 },
    /* the last Monday and the fourth are one where there are four, and are not where there are five */
    { "XXX0YYY,M3.4.1/0,M12.5.4/0", 2026, "2026-03-23T00:00:00Z", 3600, "2026-12-30T23:00:00Z", 0 },
    { "XXX0YYY,M3.5.1/0,M12.5.4/0", 2026, "2026-03-30T00:00:00Z", 3600, "2026-12-30T23:00:00Z", 0 },
    { "XXX0YYY,M2.5.1/0,M12.5.4/0", 2026, "2026-02-23T00:00:00Z", 3600, "2026-12-30T23:00:00Z", 0 },
    /* its own offset, with seconds */
    { "LMT0:01:15DST-1:30:30,M1.1.0/0,M7.1.6/167:59:59", 2026, "2026-01-04T00:01:15Z", 5430,
      "2026-07-10T22:29:29Z", -75 },
};

static void assert_instant(int64_t at_s, const char *expected)
{
    int64_t expected_us = 0;
    assert_int_equal(oh_time_parse(oh_bytes_of(expected), &expected_us), OH_OK);
    assert_int_equal(at_s * 1000000, expected_us);
}

static void test_tz_rule_has_two_changes_a_year(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(year_rows) / sizeof(year_rows[0]); i++) {
        const struct year_row *row = &year_rows[i];
        struct oh_tz_rule rule;
        struct oh_tz_shift shifts[2];
        print_message("%s %d\n", row->rule, (int)row->year);
        assert_int_equal(oh_tz_rule_parse(oh_bytes_of(row->rule), &rule), OH_OK);
        assert_true(rule.has_summer);
        oh_tz_rule_year(&rule, row->year, shifts);
        assert_instant(shifts[0].at_s, row->first);
        assert_int_equal(shifts[0].offset_s, row->first_offset_s);
        assert_instant(shifts[1].at_s, row->second);
        assert_int_equal(shifts[1].offset_s, row->second_offset_s);
    }
}

static void test_tz_rule_may_be_one_offset_for_good(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int32_t offset_s;
    } rows[] = { { "UTC0", 0 },       { "<+0545>-5:45", 20700 }, { "<-03>3", -10800 },
                 { "MST+7", -25200 }, { "ABC-24", 86400 },       { "ABC24:59:59", -89999 } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct oh_tz_rule rule;
        assert_int_equal(oh_tz_rule_parse(oh_bytes_of(rows[i].text), &rule), OH_OK);
        assert_false(rule.has_summer);
        assert_int_equal(rule.standard_s, rows[i].offset_s);
    }
}

/* Each limit is reached by one of the rules above or of these; one past it is none. */
static void test_tz_rule_refuses_what_is_none(void **state)
{
    (void)state;
    static const char *const good[] = {
        "ABC0DEF,M1.1.0,M12.5.6/167",
        "ABC0DEF,M1.1.0/-167,M12.5.6",
        "ABC0DEF,J1,J365",
        "ABC0DEF,0,365",
        "ABC0DEF-1:00:00,M1.1.0/1:00,M12.5.6/+1:00:00",
    };
    static const char *const bad[] = {
        "",
        "AB0",
        "ABC",
        "ABC0 ",
        "ABC25",
        "ABC1:60",
        "ABC1:00:60",
        "ABC-",
        "ABC1:",
        "ABC1:00:",
        "<AB>0",
        "<ABC0",
        "ABC1D",
        "A1C0",
        "<A.C>0",
        ":Europe/London",
        "ABC0DEF",
        "ABC0DEF,M1.1.0",
        "ABC0DEF,M1.1.0,M12.5.6,",
        "ABC0DE,M1.1.0,M12.5.6",
        "ABC0DEF25,M1.1.0,M12.5.6",
        "ABC0DEF1M1.1.0,M12.5.6",
        "ABC0DEF,M0.1.0,M12.5.6",
        "ABC0DEF,M13.1.0,M12.5.6",
        "ABC0DEF,M1.0.0,M12.5.6",
        "ABC0DEF,M1.6.0,M12.5.6",
        "ABC0DEF,M1.1.7,M12.5.6",
        "ABC0DEF,M1.1,M12.5.6",
        "ABC0DEF,M1,M12.5.6",
        "ABC0DEF,J0,J365",
        "ABC0DEF,J1,J366",
        "ABC0DEF,0,366",
        "ABC0DEF,,365",
        "ABC0DEF,M1.1.0/168,M12.5.6",
        "ABC0DEF,M1.1.0/-168,M12.5.6",
        "ABC0DEF,M1.1.0/,M12.5.6",
        "ABC0DEF,M1.1.0/1,M12.5.6/99999999999999999999",
    };
    struct oh_tz_rule rule;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(oh_tz_rule_parse(oh_bytes_of(good[i]), &rule), OH_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        print_message("%s\n", bad[i]);
        assert_int_equal(oh_tz_rule_parse(oh_bytes_of(bad[i]), &rule), OH_E_SYNTAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tz_rule_has_two_changes_a_year),
        cmocka_unit_test(test_tz_rule_may_be_one_offset_for_good),
        cmocka_unit_test(test_tz_rule_refuses_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
