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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_supplies_refuses_a_quantity_without_a_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
