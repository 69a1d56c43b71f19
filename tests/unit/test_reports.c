/*
 * test_reports.c - reports of deliveries that are not taken, each with what it is about, and regions
 * (docs/spec/promise.md, LE1 to LE5).
 */
#include "support/shop.h"
#include "support/test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct shop *world_open(void)
{
    struct shop *shop = shop_open(NULL);
    struct oh_command command = { .type = OH_COMMAND_NODE };
    command.node = (struct oh_node_command){ .node = OH_BYTES("n"), .country = OH_BYTES("GB"),
                                             .postal_code = OH_BYTES("EC1A 1BB"), .enabled = true };
    shop_do(shop, &command);
    command.node = (struct oh_node_command){ .node = OH_BYTES("nowhere"), .enabled = true };
    shop_do(shop, &command);
    return shop;
}

static struct oh_delivery_report report(const char *id)
{
    return (struct oh_delivery_report){ .id = oh_bytes_of(id),
                                        .service = OH_BYTES("post"),
                                        .origin_region = OH_BYTES("north"),
                                        .destination_region = OH_BYTES("south"),
                                        .handed_over_at_us = SHOP_NOW_US - SHOP_DAY_US,
                                        .delivered_at_us = SHOP_NOW_US - SHOP_SECOND_US };
}

static enum oh_verdict send(struct shop *shop, const struct oh_delivery_report *reports, uint32_t count)
{
    struct oh_command command = { .type = OH_COMMAND_DELIVERIES, .deliveries = { reports, count } };
    return shop_do(shop, &command);
}

static void refused(struct shop *shop, struct oh_delivery_report one, enum oh_verdict verdict, enum oh_field field)
{
    struct oh_delivery_report two[] = { report(""), one };
    assert_int_equal(send(shop, two, 2), verdict);
    assert_int_equal(shop->answer.field, field);
    assert_int_equal(shop->answer.fault_index, 1);
}

static void test_a_wrong_report_is_refused_with_what_is_wrong(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    char long_text[OH_TEXT_SIZE_MAX + 1];
    memset(long_text, 'x', sizeof(long_text));
    struct oh_delivery_report wrong = report("");
    wrong.service = OH_BYTES_NONE;
    refused(shop, wrong, OH_V_INVALID_ID, OH_FIELD_SERVICE);
    wrong = report("");
    wrong.origin_region = OH_BYTES_NONE;
    refused(shop, wrong, OH_V_INVALID_VALUE, OH_FIELD_ORIGIN_REGION);
    wrong.origin_region = (struct oh_bytes){ long_text, sizeof(long_text) };
    refused(shop, wrong, OH_V_INVALID_VALUE, OH_FIELD_ORIGIN_REGION);
    wrong.origin_node = OH_BYTES("none");
    refused(shop, wrong, OH_V_UNKNOWN_NODE, OH_FIELD_ORIGIN_NODE);
    wrong.origin_node = OH_BYTES("nowhere");
    refused(shop, wrong, OH_V_UNKNOWN_REGION, OH_FIELD_ORIGIN_NODE);
    wrong = report("");
    wrong.destination_region = OH_BYTES_NONE;
    refused(shop, wrong, OH_V_INVALID_VALUE, OH_FIELD_DESTINATION_REGION);
    wrong.country = OH_BYTES("Britain");
    refused(shop, wrong, OH_V_INVALID_VALUE, OH_FIELD_DESTINATION_COUNTRY);
    wrong.country = OH_BYTES("GB");
    refused(shop, wrong, OH_V_INVALID_VALUE, OH_FIELD_DESTINATION_POSTAL_CODE);
    wrong = report("");
    wrong.handed_over_at_us = -1;
    refused(shop, wrong, OH_V_INVALID_TIME, OH_FIELD_HANDED_OVER_AT);
    wrong.handed_over_at_us = OH_TIME_US_MAX + 1;
    refused(shop, wrong, OH_V_INVALID_TIME, OH_FIELD_HANDED_OVER_AT);
    wrong.handed_over_at_us = SHOP_NOW_US + 301 * SHOP_SECOND_US;
    refused(shop, wrong, OH_V_INVALID_TIME, OH_FIELD_HANDED_OVER_AT);
    wrong = report("");
    wrong.delivered_at_us = wrong.handed_over_at_us - 1;
    refused(shop, wrong, OH_V_INVALID_TIME, OH_FIELD_DELIVERED_AT);
    wrong.delivered_at_us = SHOP_NOW_US + 301 * SHOP_SECOND_US;
    refused(shop, wrong, OH_V_INVALID_TIME, OH_FIELD_DELIVERED_AT);
    wrong.handed_over_at_us = SHOP_NOW_US - 366 * SHOP_DAY_US;
    wrong.delivered_at_us = SHOP_NOW_US;
    refused(shop, wrong, OH_V_INVALID_TIME, OH_FIELD_DELIVERED_AT);
    refused(shop, report("a\nb"), OH_V_INVALID_ID, OH_FIELD_ID);
    shop_close(shop);
}

static void test_an_id_names_one_report(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_delivery_report twice[] = { report("p1"), report("p2"), report("p1") };
    assert_int_equal(send(shop, twice, 3), OH_V_DUPLICATE_MEMBER);
    assert_int_equal(send(shop, twice, 2), OH_OK_DONE);
    assert_int_equal(send(shop, twice, 1), OH_OK_DONE);
    assert_int_equal(shop->answer.lines[0].verdict, OH_V_REPEATED);
    twice[0].weekday = 3;
    assert_int_equal(send(shop, twice, 1), OH_V_IDEMPOTENCY_MISMATCH);
    shop_close(shop);
}

static void test_reports_have_a_limit(void **state)
{
    (void)state;
    struct oh_ledger_options options = SHOP_OPTIONS;
    options.keys_max = 32768;
    struct shop *shop = shop_open(&options);
    struct oh_delivery_report *many = calloc(OH_REPORTS_MAX + 1, sizeof(*many));
    assert_non_null(many);
    for (uint32_t i = 0; i <= OH_REPORTS_MAX; i++)
        many[i] = report("");
    assert_int_equal(send(shop, many, 0), OH_V_TOO_MANY);
    assert_int_equal(send(shop, many, OH_REPORTS_MAX + 1), OH_V_TOO_MANY);
    assert_int_equal(send(shop, many, OH_REPORTS_MAX), OH_OK_DONE);
    free(many);
    shop_close(shop);
}

/* Two sketches a lane: one of its weekday, one of all days. */
static void test_sketches_have_a_limit(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_delivery_report *lanes = calloc(OH_REPORTS_MAX, sizeof(*lanes));
    char (*names)[16] = calloc(OH_REPORTS_MAX, sizeof(*names));
    assert_true(lanes != NULL && names != NULL);
    uint32_t made = 0;
    while (made < OH_TRANSITS_MAX / 2) {
        uint32_t count = OH_TRANSITS_MAX / 2 - made < OH_REPORTS_MAX ? OH_TRANSITS_MAX / 2 - made : OH_REPORTS_MAX;
        for (uint32_t i = 0; i < count; i++) {
            (void)snprintf(names[i], sizeof(names[i]), "r%u", (unsigned)(made + i));
            lanes[i] = report("");
            lanes[i].origin_region = oh_bytes_of(names[i]);
        }
        assert_int_equal(send(shop, lanes, count), OH_OK_DONE);
        made += count;
    }
    struct oh_delivery_report one = report("");
    assert_int_equal(send(shop, &one, 1), OH_V_LEDGER_FULL);
    one.origin_region = OH_BYTES("r7");
    assert_int_equal(send(shop, &one, 1), OH_OK_DONE);
    one.weekday = 5;
    assert_int_equal(send(shop, &one, 1), OH_V_LEDGER_FULL);
    const struct oh_transit_bucket bucket = { 1, 1 };
    struct oh_effect effect = { .type = OH_EFFECT_TRANSIT };
    effect.transit = (struct oh_effect_transit){ OH_BYTES("post"), OH_BYTES("r7"), OH_BYTES("south"), 5, &bucket, 1 };
    struct oh_record record = { oh_ledger_seq(shop->replica) + 1, shop->now_us, &effect, 1 };
    struct oh_diag diag = { "" };
    assert_int_equal(oh_ledger_replay(shop->replica, &record, &diag), OH_E_CORRUPT);
    free(lanes);
    free(names);
    shop_drop(shop);
}

/* A sketch counts up to 4,294,967,295 deliveries. */
static void test_a_sketch_that_is_full_takes_no_more(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_delivery_report one = report("");
    assert_int_equal(send(shop, &one, 1), OH_OK_DONE);
    const struct oh_transit_bucket bucket = { 1, UINT32_MAX - 1 };
    struct oh_effect effect = { .type = OH_EFFECT_TRANSIT };
    effect.transit =
        (struct oh_effect_transit){ OH_BYTES("post"), OH_BYTES("north"), OH_BYTES("south"), 0, &bucket, 1 };
    struct oh_diag diag = { "" };
    for (uint32_t i = 0; i < 2; i++) {
        struct oh_record record = { oh_ledger_seq(shop->replica) + 1, shop->now_us, &effect, 1 };
        assert_int_equal(oh_ledger_replay(shop->replica, &record, &diag), i == 0 ? OH_OK : OH_E_CORRUPT);
    }
    struct oh_command command = { .type = OH_COMMAND_DELIVERIES, .deliveries = { &one, 1 } };
    struct oh_answer answer;
    assert_int_equal(oh_ledger_apply(shop->replica, shop->now_us, &command, &answer), OH_OK);
    assert_int_equal(answer.verdict, OH_V_LEDGER_FULL);
    shop_drop(shop);
}

static void test_a_key_of_reports_is_of_all_of_them(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_delivery_report two[] = { report(""), report("") };
    struct oh_command command = { .type = OH_COMMAND_DELIVERIES, .key = OH_BYTES("k"), .deliveries = { two, 2 } };
    assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    assert_true(shop->answer.is_repeat);
    two[1].delivered_at_us++;
    assert_int_equal(shop_do(shop, &command), OH_V_IDEMPOTENCY_MISMATCH);
    shop_close(shop);
}

static void region_is(const char *country, const char *code, const char *region)
{
    char buffer[OH_REGION_DERIVED_SIZE_MAX];
    struct oh_bytes found = oh_destination_region(oh_bytes_of(country), oh_bytes_of(code), buffer);
    assert_true(oh_bytes_equal(found, oh_bytes_of(region)));
}

static void test_regions_of_postal_codes(void **state)
{
    (void)state;
    region_is("GB", "ec1a 1bb", "GB-EC");
    region_is("US", "10001-1234", "US-10");
    region_is("IE", "D", "IE-D");
    region_is("IS", "1", "IS-1");
    region_is("GB", "ABCD", "GB-ABCD");
    region_is("", "10001", "");
    region_is("Britain", "10001", "");
    region_is("GB", "", "");
    region_is("GB", "a\nb", "");
    region_is("GB", "A~1", "GB-A");
}

static void test_nothing_is_learned_of_a_lane_that_nobody_took(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    int64_t us = 0;
    assert_false(oh_transit_quantile(shop->ledger, OH_BYTES("post"), OH_BYTES("north"), OH_BYTES("south"), 0, 90, &us));
    struct oh_delivery_report few[19];
    for (uint32_t i = 0; i < 19; i++)
        few[i] = report("");
    send(shop, few, 19);
    assert_false(oh_transit_quantile(shop->ledger, OH_BYTES("post"), OH_BYTES("north"), OH_BYTES("south"), 0, 90, &us));
    send(shop, few, 1);
    assert_true(oh_transit_quantile(shop->ledger, OH_BYTES("post"), OH_BYTES("north"), OH_BYTES("south"), 0, 90, &us));
    assert_true(oh_transit_quantile(shop->ledger, OH_BYTES("post"), OH_BYTES("north"), OH_BYTES("south"), 5, 90, &us));
    shop_close(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_wrong_report_is_refused_with_what_is_wrong),
        cmocka_unit_test(test_an_id_names_one_report),
        cmocka_unit_test(test_reports_have_a_limit),
        cmocka_unit_test(test_sketches_have_a_limit),
        cmocka_unit_test(test_a_sketch_that_is_full_takes_no_more),
        cmocka_unit_test(test_a_key_of_reports_is_of_all_of_them),
        cmocka_unit_test(test_regions_of_postal_codes),
        cmocka_unit_test(test_nothing_is_learned_of_a_lane_that_nobody_took),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
