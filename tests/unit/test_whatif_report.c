/*
 * The arithmetic of `onhand whatif`: pairs of figures in, counts, sums and ranks out; and the figures of what was kept
 * with a promise (docs/spec/promise.md, WI1 to WI6). The command as a whole is in test_whatif.py.
 */
#include "app/whatif_report.h"
#include "support/test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_US INT64_C(3600000000)
#define BASE_US INT64_C(1764460800000000)

static struct oh_promise_figures figures(int64_t hours, uint64_t boxes, int64_t cost_milli, const char *currency)
{
    struct oh_promise_figures made = { .nodes = "n",
                                       .until_us = BASE_US + hours * HOUR_US,
                                       .cost_milli = cost_milli,
                                       .box_count = boxes,
                                       .distance_m = 1500,
                                       .is_complete = true };
    (void)snprintf(made.currency, sizeof(made.currency), "%s", currency);
    return made;
}

static void compare(struct oh_whatif_report *report, struct oh_promise_figures before,
                    struct oh_promise_figures after)
{
    assert_int_equal(oh_whatif_report_compare(report, &before, &after), OH_OK);
}

/* Differences in hours, in this order. */
static void compare_hours(struct oh_whatif_report *report, const int64_t *hours, size_t count)
{
    for (size_t i = 0; i < count; i++)
        compare(report, figures(0, 1, 0, ""), figures(hours[i], 1, 0, ""));
}

/* ---- Dates ------------------------------------------------------------------------------------ */

static void test_whatif_nothing_compared_is_all_zero(void **state)
{
    (void)state;
    struct oh_whatif_report report;
    oh_whatif_report_init(&report);
    assert_int_equal(oh_whatif_report_compared(&report), 0);
    assert_int_equal(oh_whatif_report_percentile_us(&report, 50), 0);
    assert_true(oh_whatif_report_mean_hours(&report) == 0);
    oh_whatif_report_fini(&report);
}

static void test_whatif_percentiles_are_the_smallest_that_so_many_do_not_exceed(void **state)
{
    (void)state;
    struct oh_whatif_report report;
    static const int64_t hours[] = { 5, -3, 0, 24, 0, 7, 48, -1, 0, 2 }; /* -3 -1 0 0 0 2 5 7 24 48 */
    oh_whatif_report_init(&report);
    compare_hours(&report, hours, sizeof(hours) / sizeof(hours[0]));
    static const struct { uint32_t percent; int64_t hours; } rows[] = {
        { 1, -3 }, { 10, -3 }, { 11, -1 }, { 50, 0 }, { 51, 2 }, { 90, 24 }, { 91, 48 }, { 100, 48 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(oh_whatif_report_percentile_us(&report, rows[i].percent), rows[i].hours * HOUR_US);
    assert_int_equal(report.same_count, 3);
    assert_int_equal(report.earlier_count, 2);
    assert_int_equal(report.later_count, 5);
    assert_true(oh_whatif_report_mean_hours(&report) > 8.19 && oh_whatif_report_mean_hours(&report) < 8.21);
    compare(&report, figures(0, 1, 0, ""), figures(-100, 1, 0, "")); /* after it was asked: sorted anew */
    assert_int_equal(oh_whatif_report_percentile_us(&report, 1), -100 * HOUR_US);
    oh_whatif_report_fini(&report);
}

static void test_whatif_many_differences_are_all_there(void **state)
{
    (void)state;
    struct oh_whatif_report report;
    oh_whatif_report_init(&report);
    for (int64_t i = 5000; i > 0; i--)
        compare_hours(&report, &i, 1);
    assert_int_equal(oh_whatif_report_compared(&report), 5000);
    assert_int_equal(oh_whatif_report_percentile_us(&report, 50), 2500 * HOUR_US);
    assert_int_equal(oh_whatif_report_percentile_us(&report, 90), 4500 * HOUR_US);
    oh_whatif_report_fini(&report);
}

/* ---- Sums ------------------------------------------------------------------------------------- */

static void test_whatif_costs_are_added_up_by_currency_on_either_side(void **state)
{
    (void)state;
    struct oh_whatif_report report;
    oh_whatif_report_init(&report);
    compare(&report, figures(0, 2, 8000, "EUR"), figures(0, 1, 4500, "EUR"));
    compare(&report, figures(0, 1, 3000, "USD"), figures(0, 3, 250, "EUR"));
    compare(&report, figures(0, 1, 0, ""), figures(0, 1, 0, "")); /* collected: no row of its own */
    assert_int_equal(report.cost_count, 2);
    assert_string_equal(report.costs[0].currency, "EUR");
    assert_int_equal(report.costs[0].before_milli, 8000);
    assert_int_equal(report.costs[0].after_milli, 4750);
    assert_string_equal(report.costs[1].currency, "USD");
    assert_int_equal(report.costs[1].before_milli, 3000);
    assert_int_equal(report.costs[1].after_milli, 0);
    assert_int_equal(report.before.box_count, 4);
    assert_int_equal(report.after.box_count, 5);
    oh_whatif_report_fini(&report);
}

static void test_whatif_a_sum_stops_at_its_end(void **state)
{
    (void)state;
    struct oh_whatif_report report;
    oh_whatif_report_init(&report);
    compare(&report, figures(0, 1, INT64_MAX - 1, "EUR"), figures(0, 1, 1, "EUR"));
    compare(&report, figures(0, 1, 5, "EUR"), figures(0, 1, 1, "EUR"));
    assert_int_equal(report.costs[0].before_milli, INT64_MAX);
    assert_int_equal(report.costs[0].after_milli, 2);
    oh_whatif_report_fini(&report);
}

static void test_whatif_distances_that_one_side_does_not_know_are_left_out(void **state)
{
    (void)state;
    struct oh_whatif_report report;
    oh_whatif_report_init(&report);
    struct oh_promise_figures unknown = figures(0, 1, 0, "");
    unknown.distance_m = -1;
    compare(&report, figures(0, 1, 0, ""), unknown);
    compare(&report, unknown, figures(0, 1, 0, ""));
    compare(&report, figures(0, 1, 0, ""), figures(0, 1, 0, ""));
    assert_int_equal(report.distance_count, 1);
    assert_int_equal(report.before.distance_m, 1500);
    assert_int_equal(report.after.distance_m, 1500);
    oh_whatif_report_fini(&report);
}

static void test_whatif_reasons_are_counted_and_past_the_limit_added_to_the_last(void **state)
{
    (void)state;
    struct oh_whatif_report report;
    static char texts[OH_WHATIF_REASONS_MAX + 2][8];
    oh_whatif_report_init(&report);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "r%zu", i);
        oh_whatif_report_unasked(&report, texts[i]);
    }
    oh_whatif_report_unasked(&report, "r0");
    assert_int_equal(report.unasked_kind_count, OH_WHATIF_REASONS_MAX);
    assert_int_equal(report.unasked_count, OH_WHATIF_REASONS_MAX + 3);
    assert_int_equal(report.unasked[0].count, 2);
    assert_int_equal(report.unasked[OH_WHATIF_REASONS_MAX - 1].count, 3);
    oh_whatif_report_fini(&report);
}

static void test_whatif_a_refusal_counts_once_for_each_of_its_reasons(void **state)
{
    (void)state;
    struct oh_whatif_report report;
    struct oh_promise_answer answer = { .option_count = 0 };
    oh_whatif_report_init(&report);
    answer.reason_counts[OH_REASON_OUT_OF_STOCK] = 7;
    oh_whatif_report_refused(&report, &answer);
    answer.reason_counts[OH_REASON_NO_PICKUP] = 1;
    oh_whatif_report_refused(&report, &answer);
    assert_int_equal(report.refused_count, 2);
    assert_int_equal(report.reason_counts[OH_REASON_OUT_OF_STOCK], 2);
    assert_int_equal(report.reason_counts[OH_REASON_NO_PICKUP], 1);
    assert_int_equal(report.reason_counts[OH_REASON_NO_TRANSIT], 0);
    assert_int_equal(oh_whatif_report_compared(&report), 0);
    oh_whatif_report_fini(&report);
}

/* ---- What was kept ---------------------------------------------------------------------------- */

#define PARCELS "\"parcels\":[{\"node\":\"n1\",\"boxes\":2,\"cost\":7.5,\"distance_km\":1.25}," \
                "{\"node\":\"n2\",\"boxes\":1,\"cost\":0.25,\"distance_km\":0.75}]"
#define KEPT_OF(parcels) "{\"at\":\"2026-01-05T10:00:00Z\",\"promised\":{\"option\":\"ship/post\"," \
                         "\"currency\":\"EUR\"," \
                         "\"name\":\",\\\"request\\\":\",\"from\":\"2026-01-06T09:00:00Z\"," \
                         "\"until\":\"2026-01-06T17:00:00.5Z\",\"complete\":true," parcels "},\"request\":"
#define QUESTION "{ \"lines\": [], \"x\": {\"a\":1,\"request\":2} }"

static bool kept_read(const char *text, struct oh_promise_figures *out, struct oh_bytes *out_question)
{
    struct oh_json_document *document;
    assert_int_equal(oh_json_document_create(&document), OH_OK);
    bool is_read = oh_promise_figures_kept(document, oh_bytes_of(text), out, out_question);
    oh_json_document_destroy(&document);
    return is_read;
}

static void test_figures_of_what_was_kept_and_the_question_as_its_bytes_were(void **state)
{
    (void)state;
    struct oh_promise_figures out;
    struct oh_bytes question;
    assert_true(kept_read(KEPT_OF(PARCELS) QUESTION "}", &out, &question));
    assert_string_equal(out.option, "ship/post");
    assert_string_equal(out.nodes, "n1,n2");
    assert_string_equal(out.currency, "EUR");
    assert_int_equal(out.until_us - out.from_us, 8 * HOUR_US + 500000);
    assert_int_equal(out.cost_milli, 7750);
    assert_int_equal(out.distance_m, 2000);
    assert_int_equal(out.box_count, 3);
    assert_true(out.is_complete);
    assert_true(oh_bytes_equal(question, oh_bytes_of(QUESTION)));
    struct oh_promise_figures other = out;
    assert_true(oh_promise_figures_equal(&out, &other));
    other.nodes[1] = '3';
    assert_false(oh_promise_figures_equal(&out, &other));
}

static void test_figures_of_a_parcel_whose_distance_is_not_known(void **state)
{
    (void)state;
    struct oh_promise_figures out;
    struct oh_bytes question;
    assert_true(kept_read(KEPT_OF("\"parcels\":[{\"node\":\"n1\",\"boxes\":1,\"cost\":0},"
                                  "{\"node\":\"n2\",\"boxes\":1,\"cost\":0,\"distance_km\":3}]") "{}}",
                          &out, &question));
    assert_true(out.distance_m < 0);
}

static void test_figures_of_what_nobody_kept_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "{", "[]", "{\"promised\":1,\"request\":{}}",
        KEPT_OF("\"parcels\":[]") "{}}", KEPT_OF("\"parcels\":2") "{}}",
        KEPT_OF("\"parcels\":[{\"node\":\"n1\",\"cost\":1}]") "{}}",
        KEPT_OF("\"parcels\":[{\"node\":\"n1\",\"boxes\":-1,\"cost\":1}]") "{}}",
        KEPT_OF("\"parcels\":[{\"node\":\"n1\",\"boxes\":1,\"cost\":\"1\"}]") "{}}",
        "{\"promised\":{\"option\":\"o\",\"from\":\"2026-01-06T09:00:00Z\",\"until\":\"2026-01-06T09:00:00Z\"," PARCELS
        "}}", /* no question */
        "{\"promised\":{\"option\":\"o\",\"from\":\"never\",\"until\":\"2026-01-06T09:00:00Z\"," PARCELS
        "},\"request\":{}}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct oh_promise_figures out;
        struct oh_bytes question;
        assert_false(kept_read(texts[i], &out, &question));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whatif_nothing_compared_is_all_zero),
        cmocka_unit_test(test_whatif_percentiles_are_the_smallest_that_so_many_do_not_exceed),
        cmocka_unit_test(test_whatif_many_differences_are_all_there),
        cmocka_unit_test(test_whatif_costs_are_added_up_by_currency_on_either_side),
        cmocka_unit_test(test_whatif_a_sum_stops_at_its_end),
        cmocka_unit_test(test_whatif_distances_that_one_side_does_not_know_are_left_out),
        cmocka_unit_test(test_whatif_reasons_are_counted_and_past_the_limit_added_to_the_last),
        cmocka_unit_test(test_whatif_a_refusal_counts_once_for_each_of_its_reasons),
        cmocka_unit_test(test_figures_of_what_was_kept_and_the_question_as_its_bytes_were),
        cmocka_unit_test(test_figures_of_a_parcel_whose_distance_is_not_known),
        cmocka_unit_test(test_figures_of_what_nobody_kept_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
