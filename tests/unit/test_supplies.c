/*
 * test_supplies.c - what is to come to a position, and when.
 */
#include "support/shop.h"
#include "support/test.h"

static void test_supplies_refuses_a_quantity_without_a_place(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    assert_int_equal(shop_supply(shop, "p", "", "", 5, SHOP_NOW_US + SHOP_DAY_US), OH_V_UNKNOWN_ITEM);
    assert_int_equal(shop_stats(shop).positions, 0);
    shop_close(shop);
}

/* Of two, the one that a ledger met first was named: after a restart another one (test_ledger_model, seed 179). */
static void test_supplies_adds_up_what_comes_at_the_same_time(void **state)
{
    (void)state;
    int64_t eta_us = SHOP_NOW_US + SHOP_DAY_US;
    struct shop *shop = shop_open(NULL);
    shop_item(shop, "s");
    shop_node(shop, "n");
    shop_supply(shop, "p1", "s", "n", 5, eta_us);
    shop_supply(shop, "p2", "s", "n", 3, eta_us);
    shop_supply(shop, "p3", "s", "n", 9, eta_us + 1);
    assert_int_equal(shop_ask(shop, "s", "n", "", OH_KIND_ANY).supply_milli, 8000);
    assert_int_equal(shop_ask(shop, "s", "n", "", OH_KIND_ANY).supply_eta_us, eta_us);
    shop->now_us = eta_us;
    assert_int_equal(shop_ask(shop, "s", "n", "", OH_KIND_ANY).supply_milli, 9000);
    shop_close(shop);
}

static void test_supplies_refuses_a_time_that_is_none(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    shop_item(shop, "s");
    shop_node(shop, "n");
    assert_int_equal(shop_supply(shop, "p", "s", "n", 1, -1), OH_V_INVALID_TIME);
    assert_int_equal(shop_supply(shop, "p", "s", "n", 1, OH_TIME_US_MAX + 1), OH_V_INVALID_TIME);
    assert_int_equal(shop->answer.field, OH_FIELD_ETA);
    assert_int_equal(shop_supply(shop, "p", "s", "n", -1, 0), OH_V_INVALID_QUANTITY);
    assert_int_equal(shop_supply(shop, "p", "s", "n", 1, OH_TIME_US_MAX), OH_OK_DONE);
    assert_int_equal(shop_supply(shop, "p", "s", "n", 1, 0), OH_OK_DONE);
    shop_close(shop);
}

/* A removal is written down with its name alone, whatever comes first in the ledger. */
static void test_supplies_and_fences_are_removed_by_name(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    struct oh_record record;
    shop_item(shop, "s");
    shop_node(shop, "n");
    shop_channel(shop, "c", OH_POLICY_PRIORITY, "", "");
    shop_supply(shop, "p", "s", "n", 1, SHOP_NOW_US);
    shop_fence(shop, "f", "s", "n", "c", 1, OH_FENCE_REGULAR);
    shop->keeps_record_open = true;
    assert_int_equal(shop_supply(shop, "p", "", "", 0, SHOP_NOW_US), OH_OK_DONE);
    assert_int_equal(shop_fence(shop, "f", "", "", "", 0, OH_FENCE_REGULAR), OH_OK_DONE);
    assert_true(oh_ledger_take_record(shop->ledger, &record));
    assert_int_equal(record.effect_count, 2);
    const struct oh_effect_supply *supply = &record.effects[0].supply;
    assert_true(supply->item == 0 && supply->node == 0 && supply->quantity_milli == 0);
    const struct oh_effect_fence *fence = &record.effects[1].fence;
    assert_true(fence->item == OH_INDEX_NONE && fence->node == 0 && fence->channel == 0 && fence->quantity_milli == 0);
    shop_drop(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_supplies_refuses_a_quantity_without_a_place),
        cmocka_unit_test(test_supplies_adds_up_what_comes_at_the_same_time),
        cmocka_unit_test(test_supplies_refuses_a_time_that_is_none),
        cmocka_unit_test(test_supplies_and_fences_are_removed_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
