/*
 * test_actions.c - what can be done with a reservation, step by step (docs/spec/ledger.md, L26 to L32).
 */
#include "support/shop.h"
#include "support/test.h"

/* Two lines of one request may name the same claim: what both take of it must find room. */
static void test_actions_move_finds_room_for_all_that_two_lines_take_of_one_claim(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    shop_item(shop, "s");
    shop_node(shop, "a");
    shop_node(shop, "b");
    shop_adjust(shop, "s", "a", 10);
    shop_adjust(shop, "s", "b", 1);
    assert_int_equal(shop_reserve(shop, "R", "", "s=10@a"), OH_OK_DONE);
    assert_int_equal(shop_act(shop, OH_COMMAND_MOVE, "R", "1=1@a>b 1=5>b"), OH_V_INSUFFICIENT);
    assert_string_equal(shop_claims(shop, "R"), "1 a 10 held 10");
    shop_close(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_actions_move_finds_room_for_all_that_two_lines_take_of_one_claim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
