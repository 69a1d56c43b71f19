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

static struct shop *world_open(void)
{
    struct shop *shop = shop_open(NULL);
    shop_item(shop, "s");
    shop_node(shop, "a");
    shop_node(shop, "b");
    shop_node(shop, "c");
    shop_adjust(shop, "s", "a", 10);
    shop_adjust(shop, "s", "b", 10);
    shop_adjust(shop, "s", "c", 10);
    return shop;
}

static void test_actions_move_takes_one_claim_to_one_node(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    shop_reserve(shop, "R", "", "s=6@a");
    assert_int_equal(shop_act(shop, OH_COMMAND_MOVE, "R", "1=1@a>b 1=2>c"), OH_V_DUPLICATE_LINE);
    assert_int_equal(shop->answer.field, OH_FIELD_TO_NODE);
    assert_int_equal(shop->answer.fault_index, 1);
    assert_int_equal(shop_act(shop, OH_COMMAND_MOVE, "R", "1=1@a>b 1=2@a>b"), OH_V_DUPLICATE_LINE);
    assert_int_equal(shop->answer.field, OH_FIELD_LINE);
    assert_int_equal(shop_act(shop, OH_COMMAND_MOVE, "R", "1=1@a>b 1=2>b"), OH_OK_DONE);
    assert_string_equal(shop_claims(shop, "R"), "1 a 3 held 3; 1 b 3 held 3");
    shop_close(shop);
}

/* A part of a line follows the others of its kind: what is held stays held, what is confirmed stays confirmed. */
static void test_actions_move_keeps_what_is_held_and_what_is_confirmed(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    shop_reserve(shop, "R", "", "s=6@a");
    shop_act(shop, OH_COMMAND_CONFIRM, "R", "1=4");
    assert_int_equal(shop_act(shop, OH_COMMAND_MOVE, "R", "1=3>b"), OH_OK_DONE);
    assert_string_equal(shop_claims(shop, "R"), "1 a 3 confirmed 3; 1 b 3 held 2 confirmed 1");
    assert_int_equal(shop_act(shop, OH_COMMAND_MOVE, "R", "1>b"), OH_OK_DONE);
    assert_string_equal(shop_claims(shop, "R"), "1 b 6 held 2 confirmed 4");
    shop_close(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_actions_move_finds_room_for_all_that_two_lines_take_of_one_claim),
        cmocka_unit_test(test_actions_move_takes_one_claim_to_one_node),
        cmocka_unit_test(test_actions_move_keeps_what_is_held_and_what_is_confirmed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
