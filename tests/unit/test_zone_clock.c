/* docs/spec/promise.md, DO6 and DO7: clock changes in zones that do it in different ways. */
#include "base/civil.h"
#include "codec/time_text.h"
#include "support/arena_buffer.h"
#include "support/test.h"
#include "timetable/zone_clock.h"

static int32_t day_of(const char *date)
{
    int32_t day = 0;
    assert_int_equal(oh_date_parse(oh_bytes_of(date), &day), OH_OK);
    return day;
}

static int32_t minute_of(const char *clock)
{
    return (clock[0] - '0') * 600 + (clock[1] - '0') * 60 + (clock[3] - '0') * 10 + (clock[4] - '0');
}

/* A clock of 40 days around the date. */
static void clock_around(struct oh_zone_clock *clock, const char *zone, const char *date)
{
    assert_int_equal(oh_zone_clock_init(clock, oh_bytes_of(zone), day_of(date) - 20, 40, &buffer), OH_OK);
}

static void assert_instant(int64_t at_us, const char *expected)
{
    struct oh_strbuf text;
    oh_strbuf_init(&text, 64);
    oh_time_put(&text, at_us);
    oh_strbuf_put_char(&text, '\0');
    assert_string_equal(text.data, expected);
    oh_strbuf_fini(&text);
}

/* Zone, day, time on the clock; the first instant, the last one. */
static const struct moment_row {
    const char *zone;
    const char *date;
    const char *clock;
    const char *first;
    const char *last;
} moment_rows[] = {
    { "UTC", "2026-03-29", "01:30", "2026-03-29T01:30:00Z", "2026-03-29T01:30:00Z" },
    /* 01:00 to 02:00 is skipped, and comes twice */
    { "Europe/London", "2026-03-29", "00:59", "2026-03-29T00:59:00Z", "2026-03-29T00:59:00Z" },
    { "Europe/London", "2026-03-29", "01:00", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z" },
    { "Europe/London", "2026-03-29", "01:30", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z" },
    { "Europe/London", "2026-03-29", "02:00", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z" },
    { "Europe/London", "2026-03-29", "02:01", "2026-03-29T01:01:00Z", "2026-03-29T01:01:00Z" },
    { "Europe/London", "2026-10-25", "00:59", "2026-10-24T23:59:00Z", "2026-10-24T23:59:00Z" },
    { "Europe/London", "2026-10-25", "01:00", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z" },
    { "Europe/London", "2026-10-25", "01:59", "2026-10-25T00:59:00Z", "2026-10-25T01:59:00Z" },
    { "Europe/London", "2026-10-25", "02:00", "2026-10-25T02:00:00Z", "2026-10-25T02:00:00Z" },
    /* 02:00 to 03:00, and 01:00 to 02:00 */
    { "America/New_York", "2026-03-08", "02:30", "2026-03-08T07:00:00Z", "2026-03-08T07:00:00Z" },
    { "America/New_York", "2026-11-01", "01:30", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z" },
    { "America/New_York", "2026-11-01", "16:00", "2026-11-01T21:00:00Z", "2026-11-01T21:00:00Z" },
    /* half an hour */
    { "Australia/Lord_Howe", "2026-04-05", "01:29", "2026-04-04T14:29:00Z", "2026-04-04T14:29:00Z" },
    { "Australia/Lord_Howe", "2026-04-05", "01:45", "2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z" },
    { "Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03T15:30:00Z", "2026-10-03T15:30:00Z" },
    { "Australia/Lord_Howe", "2026-10-04", "02:30", "2026-10-03T15:30:00Z", "2026-10-03T15:30:00Z" },
    /* midnight is skipped, and 23:00 to 24:00 comes twice */
    { "America/Sao_Paulo", "2018-11-04", "00:00", "2018-11-04T03:00:00Z", "2018-11-04T03:00:00Z" },
    { "America/Sao_Paulo", "2018-11-04", "00:59", "2018-11-04T03:00:00Z", "2018-11-04T03:00:00Z" },
    { "America/Sao_Paulo", "2018-11-04", "01:01", "2018-11-04T03:01:00Z", "2018-11-04T03:01:00Z" },
    { "America/Sao_Paulo", "2018-02-17", "23:30", "2018-02-18T01:30:00Z", "2018-02-18T02:30:00Z" },
    { "America/Sao_Paulo", "2018-02-18", "00:00", "2018-02-18T03:00:00Z", "2018-02-18T03:00:00Z" },
    /* midnight comes twice */
    { "America/Havana", "2024-11-03", "00:00", "2024-11-03T04:00:00Z", "2024-11-03T05:00:00Z" },
    /* a day that was skipped whole, at the date line */
    { "Pacific/Apia", "2011-12-29", "23:59", "2011-12-30T09:59:00Z", "2011-12-30T09:59:00Z" },
    { "Pacific/Apia", "2011-12-30", "12:00", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z" },
    { "Pacific/Apia", "2011-12-31", "00:00", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z" },
    /* beyond what a file of the database lists one by one */
    { "Europe/London", "2045-07-01", "12:00", "2045-07-01T11:00:00Z", "2045-07-01T11:00:00Z" },
    { "Europe/London", "2199-01-01", "12:00", "2199-01-01T12:00:00Z", "2199-01-01T12:00:00Z" },
};

static void test_zone_clock_knows_the_first_and_the_last_instant_of_a_time(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < sizeof(moment_rows) / sizeof(moment_rows[0]); i++) {
        const struct moment_row *row = &moment_rows[i];
        struct oh_zone_clock clock;
        clock_around(&clock, row->zone, row->date);
        print_message("%s %s %s\n", row->zone, row->date, row->clock);
        assert_instant(oh_zone_first_us(&clock, day_of(row->date), minute_of(row->clock)), row->first);
        assert_instant(oh_zone_last_us(&clock, day_of(row->date), minute_of(row->clock)), row->last);
        oh_zone_clock_fini(&clock);
    }
}

static const struct span_row {
    const char *zone;
    const char *date;
    const char *from;
    const char *to;
    const char *from_at;
    const char *until_at;
} span_rows[] = {
    { "Europe/London", "2026-07-01", "08:00", "17:00", "2026-07-01T07:00:00Z", "2026-07-01T16:00:00Z" },
    /* the day of 23 hours, and the day of 25 */
    { "Europe/London", "2026-03-29", "00:00", "24:00", "2026-03-29T00:00:00Z", "2026-03-29T23:00:00Z" },
    { "Europe/London", "2026-10-25", "00:00", "24:00", "2026-10-24T23:00:00Z", "2026-10-26T00:00:00Z" },
    /* over midnight, and around the clock */
    { "Europe/London", "2026-10-24", "22:00", "06:00", "2026-10-24T21:00:00Z", "2026-10-25T06:00:00Z" },
    { "Europe/London", "2026-03-28", "08:00", "08:00", "2026-03-28T08:00:00Z", "2026-03-29T07:00:00Z" },
    /* to: the last of the two; both ends in the gap: empty */
    { "Europe/London", "2026-10-25", "00:30", "01:30", "2026-10-24T23:30:00Z", "2026-10-25T01:30:00Z" },
    { "Europe/London", "2026-03-29", "01:10", "01:50", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z" },
    /* an end at midnight is where the next day begins */
    { "America/Havana", "2024-11-02", "12:00", "24:00", "2024-11-02T16:00:00Z", "2024-11-03T04:00:00Z" },
    { "America/Havana", "2024-11-02", "12:00", "00:00", "2024-11-02T16:00:00Z", "2024-11-03T04:00:00Z" },
    { "America/Sao_Paulo", "2018-11-03", "12:00", "24:00", "2018-11-03T15:00:00Z", "2018-11-04T03:00:00Z" },
    { "Pacific/Apia", "2011-12-29", "00:00", "24:00", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z" },
    { "Pacific/Apia", "2011-12-29", "20:00", "06:00", "2011-12-30T06:00:00Z", "2011-12-30T10:00:00Z" },
};

static void test_zone_clock_makes_spans_when_the_clocks_change(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < sizeof(span_rows) / sizeof(span_rows[0]); i++) {
        const struct span_row *row = &span_rows[i];
        struct oh_zone_clock clock;
        int64_t from_us;
        int64_t until_us;
        clock_around(&clock, row->zone, row->date);
        print_message("%s %s %s-%s\n", row->zone, row->date, row->from, row->to);
        oh_zone_span(&clock, day_of(row->date), minute_of(row->from), minute_of(row->to), &from_us,
                     &until_us);
        assert_instant(from_us, row->from_at);
        assert_instant(until_us, row->until_at);
        oh_zone_clock_fini(&clock);
    }
}

static void test_zone_clock_has_no_day_that_was_skipped_whole(void **state)
{
    (void)state;
    struct oh_zone_clock clock;
    clock_around(&clock, "Pacific/Apia", "2011-12-30");
    assert_true(oh_zone_has_day(&clock, day_of("2011-12-29")));
    assert_false(oh_zone_has_day(&clock, day_of("2011-12-30")));
    assert_true(oh_zone_has_day(&clock, day_of("2011-12-31")));
    oh_zone_clock_fini(&clock);
}

static void test_zone_clock_knows_the_day_of_the_week(void **state)
{
    (void)state;
    assert_int_equal(oh_civil_weekday(day_of("1970-01-01")), 3);
    assert_int_equal(oh_civil_weekday(day_of("2026-11-26")), 3);
    assert_int_equal(oh_civil_weekday(day_of("2026-11-29")), 6);
    assert_int_equal(oh_civil_weekday(-4), 6);
    assert_int_equal(oh_civil_weekday(-3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zone_clock_knows_the_first_and_the_last_instant_of_a_time),
        cmocka_unit_test(test_zone_clock_makes_spans_when_the_clocks_change),
        cmocka_unit_test(test_zone_clock_has_no_day_that_was_skipped_whole),
        cmocka_unit_test(test_zone_clock_knows_the_day_of_the_week),
    };
    return cmocka_run_group_tests(tests, NULL, buffer_teardown);
}
