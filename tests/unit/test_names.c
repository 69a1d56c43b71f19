/*
 * test_names.c - names that hash alike are told apart, in every index of the ledger.
 */
#include "core/state.h"
#include "support/shop.h"
#include "support/test.h"

/* Found by trying: the low 32 bits of their hashes are the same; of KEY_A and KEY_B when they are header keys. */
#define A "154525"
#define B "254171"
#define KEY_A "9870"
#define KEY_B "53003"

/* They are looked at in fours and eights, which overlap. */
static void test_names_with_a_wrong_byte_anywhere_are_refused(void **state)
{
    (void)state;
    static const char wrong[] = "\x01\x1f\x7f\x80\xbf\xff";
    char text[40];
    for (size_t size = 1; size <= sizeof(text); size++) {
        for (size_t at = 0; at < size; at++) {
            memset(text, 'n', size);
            for (size_t i = 0; i < sizeof(wrong) - 1; i++) {
                text[at] = wrong[i];
                assert_false(text_is_valid((struct oh_bytes){ text, size }, sizeof(text)));
            }
            text[at] = ' ';
            assert_true(text_is_valid((struct oh_bytes){ text, size }, sizeof(text)));
            text[at] = '~';
            assert_true(text_is_valid((struct oh_bytes){ text, size }, sizeof(text)));
        }
        assert_false(text_is_valid((struct oh_bytes){ text, size }, size - 1));
    }
}

static void test_names_that_hash_alike_are_two_items_and_two_nodes(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    assert_int_equal((uint32_t)name_hash(OH_BYTES(A)), (uint32_t)name_hash(OH_BYTES(B)));
    struct oh_item_id item;
    shop_item(shop, A);
    assert_false(oh_item_find(shop->ledger, OH_BYTES(B), &item));
    shop_item(shop, B);
    shop_node(shop, A);
    shop_node(shop, B);
    shop_adjust(shop, A, A, 1);
    shop_adjust(shop, B, B, 2);
    assert_int_equal(shop_stats(shop).positions, 2);
    assert_true(shop_available(shop, A, A, "") == 1);
    assert_true(shop_available(shop, B, B, "") == 2);
    assert_true(shop_available(shop, B, A, "") == 0);
    shop_close(shop);
}

static void test_names_that_hash_alike_are_two_groups_channels_rules_fences_and_supplies(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    shop_item(shop, "s");
    shop_node(shop, "n");
    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? A : B;
        assert_int_equal(shop_group(shop, name, i == 0 ? "n" : ""), OH_OK_DONE);
        assert_int_equal(shop_channel(shop, name, OH_POLICY_PRIORITY, "", name), OH_OK_DONE);
        assert_int_equal(shop_rule(shop, name, "", "", name, OH_RULE_THRESHOLD, i + 1), OH_OK_DONE);
        assert_int_equal(shop_fence(shop, name, "s", "n", name, i + 1, OH_FENCE_REGULAR), OH_OK_DONE);
        assert_int_equal(shop_supply(shop, name, "s", "n", i + 1, SHOP_NOW_US + i), OH_OK_DONE);
        assert_int_equal(shop_import(shop, oh_bytes_of(name), (uint64_t)i + 1), OH_OK_DONE);
    }
    assert_int_equal(shop_stats(shop).groups, 2);
    assert_int_equal(shop_stats(shop).channels, 2);
    assert_int_equal(shop_stats(shop).rules, 2);
    assert_int_equal(shop_stats(shop).fences, 2);
    assert_int_equal(shop_stats(shop).supplies, 2);
    struct oh_effect_import import;
    assert_true(oh_import_get(shop->ledger, OH_BYTES(A), &import) && import.row_count == 1);
    assert_true(oh_import_get(shop->ledger, OH_BYTES(B), &import) && import.row_count == 2);
    assert_int_equal(shop_rule_remove(shop, A), OH_OK_DONE);
    struct oh_effect_rule rule;
    assert_false(oh_rule_get(shop->ledger, OH_BYTES(A), &rule));
    assert_true(oh_rule_get(shop->ledger, OH_BYTES(B), &rule));
    shop_close(shop);
}

static enum oh_verdict postal_code(struct shop *shop, const char *country, const char *code, double latitude)
{
    struct oh_command command = { .type = OH_COMMAND_POSTAL_CODE };
    command.postal_code = (struct oh_postal_code_command){ oh_bytes_of(country), oh_bytes_of(code), OH_BYTES_NONE,
                                                           { latitude, 0 } };
    return shop_do(shop, &command);
}

static double latitude_of(const struct shop *shop, const char *country, const char *code)
{
    struct oh_postal_code_command found;
    bool is_found = oh_postal_code_find(shop->ledger, oh_bytes_of(country), oh_bytes_of(code), &found);
    return is_found ? found.point.latitude : -90;
}

static void test_names_that_hash_alike_are_two_postal_codes(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    postal_code(shop, "FR", A, 1);
    assert_true(latitude_of(shop, "FR", B) == -90);
    postal_code(shop, "FR", B, 2);
    postal_code(shop, "DE", B, 3);
    postal_code(shop, "FR", "66086", 4); /* hashes like DE 110388 */
    assert_true(latitude_of(shop, "DE", "110388") == -90);
    postal_code(shop, "DE", "110388", 5);
    assert_true(latitude_of(shop, "FR", "66086") == 4);
    assert_true(latitude_of(shop, "DE", "110388") == 5);
    assert_int_equal(postal_code(shop, "FR", "ab {z", 6), OH_OK_DONE); /* letters, and what comes after them */
    assert_true(latitude_of(shop, "FR", "AB{Z") == 6);
    assert_true(latitude_of(shop, "FR", A) == 1);
    assert_true(latitude_of(shop, "FR", B) == 2);
    assert_true(latitude_of(shop, "DE", B) == 3);
    assert_true(latitude_of(shop, "DE", A) == -90);
    shop_close(shop);
}

static void test_names_that_hash_alike_are_two_reservations_customers_and_orders(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    shop_item(shop, "s");
    shop_node(shop, "n");
    shop_adjust(shop, "s", "n", 10);
    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? A : B;
        struct oh_reserve_command with = { .customer = oh_bytes_of(name), .order = oh_bytes_of(name) };
        assert_int_equal(shop_reserve_with(shop, with, name, "", "s=1"), OH_OK_DONE);
    }
    struct oh_reservation_id list[4];
    uint64_t cursor = 0;
    struct oh_reservation_filter filter = { .customer = OH_BYTES(A) };
    assert_int_equal(oh_reservation_list(shop->ledger, &filter, shop->now_us, 4, &cursor, list), 1);
    assert_int_equal(list[0].index, shop_reservation(shop, A).index);
    filter = (struct oh_reservation_filter){ .order = OH_BYTES(B) };
    assert_int_equal(oh_reservation_list(shop->ledger, &filter, shop->now_us, 4, &cursor, list), 1);
    assert_int_equal(list[0].index, shop_reservation(shop, B).index);
    shop_close(shop);
}

/* Ids like those the ledger makes are kept as numbers: only those that say the same number in the same way. */
static void test_names_that_look_like_numbers_are_told_apart(void **state)
{
    (void)state;
    static const char *const ids[] = {
        "r17", "r017", "r17-1", "r17-01", "r17-0", "r17-", "r0", "r", "r-1", "r17-1-1", "R17", "r17x", "r1 7", "17",
        "r17592186044415", "r17592186044416", "r17592186044433", "r18446744073709551633", "r17-1048575",
        "r17-1048576", "r17-1048577", "r17592186044415-1048575", "r16-1048577",
    };
    struct oh_reservation_view view;
    struct shop *shop = shop_open(NULL);
    shop_item(shop, "s");
    shop_node(shop, "n");
    shop_adjust(shop, "s", "n", 1000);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        assert_int_equal(shop_reserve(shop, ids[i], "", "s=1"), OH_OK_DONE);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        assert_int_equal(shop_reserve(shop, ids[i], "", "s=2"), OH_V_IDEMPOTENCY_MISMATCH);
        oh_reservation_get(shop->ledger, shop_reservation(shop, ids[i]), shop->now_us, &view);
        assert_true(oh_bytes_equal(view.id, oh_bytes_of(ids[i])));
        assert_int_equal(shop_act(shop, OH_COMMAND_RELEASE, ids[i], ""), OH_OK_DONE);
    }
    shop->now_us += 2 * SHOP_DAY_US;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) /* forgotten, and there again */
        assert_int_equal(shop_reserve(shop, ids[i], "", "s=3"), OH_OK_DONE);
    assert_int_equal(shop_stats(shop).reservations, sizeof(ids) / sizeof(ids[0]));
    shop_close(shop);
}

/* What has more to keep than its number is kept as text, from the beginning or from when there is more. */
static void test_names_that_are_numbers_have_customers_and_promises(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    shop_item(shop, "s");
    shop_node(shop, "n");
    shop_adjust(shop, "s", "n", 10);
    struct oh_reserve_command with = { .customer = OH_BYTES("c") };
    assert_int_equal(shop_reserve_with(shop, with, "r100", "", "s=1"), OH_OK_DONE);
    with = (struct oh_reserve_command){ .promise = OH_BYTES("{}") };
    assert_int_equal(shop_reserve_with(shop, with, "r200", "", "s=1"), OH_OK_DONE);
    struct oh_reservation_filter filter = { .customer = OH_BYTES("c") };
    struct oh_reservation_view view;
    struct oh_reservation_id list[2];
    uint64_t cursor = 0;
    assert_int_equal(oh_reservation_list(shop->ledger, &filter, shop->now_us, 2, &cursor, list), 1);
    assert_int_equal(list[0].index, shop_reservation(shop, "r100").index);
    oh_reservation_get(shop->ledger, shop_reservation(shop, "r200"), shop->now_us, &view);
    assert_true(oh_bytes_equal(view.id, OH_BYTES("r200")) && oh_bytes_equal(view.promise, OH_BYTES("{}")));
    assert_int_equal(shop_act(shop, OH_COMMAND_RELEASE, "r100", ""), OH_OK_DONE);
    assert_int_equal(shop_act(shop, OH_COMMAND_RELEASE, "r200", ""), OH_OK_DONE);
    shop->now_us += 2 * SHOP_DAY_US;
    shop_adjust(shop, "s", "n", 1);
    assert_int_equal(shop_stats(shop).reservations, 0);
    shop_close(shop);
}

static void test_names_that_hash_alike_are_two_keys(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    struct oh_command command = { .type = OH_COMMAND_ITEM, .key = OH_BYTES(KEY_A) };
    command.item.sku = OH_BYTES("s");
    assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    command.key = OH_BYTES(KEY_B);
    assert_int_equal((uint32_t)name_hash(OH_BYTES("k" KEY_A)), (uint32_t)name_hash(OH_BYTES("k" KEY_B)));
    assert_int_equal(shop_do(shop, &command), OH_V_UNCHANGED);
    assert_false(shop->answer.is_repeat);
    command.key = OH_BYTES(KEY_A);
    assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    assert_true(shop->answer.is_repeat);
    shop_close(shop);
}

/* The ids of one adjust are looked up by 48 bits of their hashes: these two share them. */
static void test_names_ids_of_entries_that_hash_alike_are_two(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    shop_item(shop, "s");
    shop_node(shop, "n");
    struct oh_adjust_entry entries[2];
    for (int i = 0; i < 2; i++)
        entries[i] = (struct oh_adjust_entry){ .id = i == 0 ? OH_BYTES("9517755") : OH_BYTES("22533359"),
                                               .sku = OH_BYTES("s"), .node = OH_BYTES("n"), .quantity_milli = 1000,
                                               .at_us = SHOP_NOW_US };
    struct oh_command command = { .type = OH_COMMAND_ADJUST };
    command.adjust = (struct oh_adjust_command){ OH_BYTES("till"), entries, 2 };
    assert_true((name_hash(entries[0].id) ^ name_hash(entries[1].id)) << 16 == 0);
    assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    assert_true(shop_available(shop, "s", "n", "") == 2);
    shop_close(shop);
}

/* Two scopes that hash alike: item 0 at node 0, and item 1214101 at node 257. */
static void test_names_scopes_that_hash_alike_are_two(void **state)
{
    (void)state;
    struct oh_ledger_options options = SHOP_OPTIONS;
    struct oh_diag diag = { "" };
    options.items_max = 1214102;
    struct oh_ledger *ledger = shop_ledger_create(&options);
    const struct oh_effect objects[] = {
        { .type = OH_EFFECT_HEAD, .head = { 5, SHOP_NOW_US, 0, OH_TIME_US_NONE } },
        { .type = OH_EFFECT_ITEM, .item = { 0, { .sku = OH_BYTES("s") } } },
        { .type = OH_EFFECT_ITEM, .item = { 1214101, { .sku = OH_BYTES("t") } } },
        { .type = OH_EFFECT_NODE, .node = { 0, { .node = OH_BYTES("a"), .enabled = true } } },
        { .type = OH_EFFECT_NODE, .node = { 257, { .node = OH_BYTES("b"), .enabled = true } } },
        { .type = OH_EFFECT_RULE,
          .rule = { OH_BYTES("r1"), 0, 0, OH_NODE_NONE,
                    { .mask = OH_RULE_BACKORDER_LIMIT, .backorder_limit_milli = 1 } } },
        { .type = OH_EFFECT_RULE,
          .rule = { OH_BYTES("r2"), 1214101, 257, OH_NODE_NONE,
                    { .mask = OH_RULE_BACKORDER_LIMIT, .backorder_limit_milli = 2 } } },
    };
    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
        assert_int_equal(oh_ledger_restore(ledger, &objects[i], &diag), OH_OK);
    struct oh_availability answer;
    struct oh_asker nobody = { .channel = { OH_NODE_NONE }, .kind = OH_KIND_ANY };
    oh_available_at_node(ledger, (struct oh_item_id){ 0 }, (struct oh_node_id){ 0 }, nobody, SHOP_NOW_US, &answer);
    assert_int_equal(answer.backorder_milli, 1);
    oh_available_at_node(ledger, (struct oh_item_id){ 1214101 }, (struct oh_node_id){ 257 }, nobody, SHOP_NOW_US,
                         &answer);
    assert_int_equal(answer.backorder_milli, 2);
    oh_ledger_destroy(&ledger);
}

/* What is claimed at two places is looked up by a hash: that of item 0 at nodes 1 and 19303 is the same. */
static void test_names_places_that_hash_alike_are_two(void **state)
{
    (void)state;
    struct oh_diag diag = { "" };
    struct oh_answer answer;
    struct oh_ledger *ledger = shop_ledger_create(NULL);
    struct oh_effect objects[] = {
        { .type = OH_EFFECT_HEAD, .head = { 5, SHOP_NOW_US, 0, OH_TIME_US_NONE } },
        { .type = OH_EFFECT_ITEM, .item = { 0, { .sku = OH_BYTES("s") } } },
        { .type = OH_EFFECT_NODE, .node = { 1, { .node = OH_BYTES("a"), .enabled = true } } },
        { .type = OH_EFFECT_NODE, .node = { 19303, { .node = OH_BYTES("b"), .enabled = true } } },
        { .type = OH_EFFECT_POSITION, .position = { .node = 1, .states = { { 2000, OH_TIME_US_NONE, -1 } } } },
        { .type = OH_EFFECT_POSITION, .position = { .node = 19303, .states = { { 1000, OH_TIME_US_NONE, -1 } } } },
    };
    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
        bool is_position = objects[i].type == OH_EFFECT_POSITION;
        for (int other = 1; is_position && other < OH_STATE_COUNT; other++)
            objects[i].position.states[other].as_of_us = OH_TIME_US_NONE;
        assert_int_equal(oh_ledger_restore(ledger, &objects[i], &diag), OH_OK);
    }
    struct oh_reserve_line lines[] = {
        { .line = 1, .sku = OH_BYTES("s"), .node = OH_BYTES("a"), .quantity_milli = 2000 },
        { .line = 2, .sku = OH_BYTES("s"), .node = OH_BYTES("b"), .quantity_milli = 1001 },
    };
    struct oh_command command = { .type = OH_COMMAND_RESERVE };
    command.reserve = (struct oh_reserve_command){ .kind = OH_KIND_CART, .lines = lines, .line_count = 2 };
    assert_int_equal(oh_ledger_apply(ledger, SHOP_NOW_US, &command, &answer), OH_OK);
    assert_int_equal(answer.verdict, OH_V_INSUFFICIENT);
    assert_int_equal(answer.lines[1].available_milli, 1000);
    lines[1].quantity_milli = 1000;
    assert_int_equal(oh_ledger_apply(ledger, SHOP_NOW_US, &command, &answer), OH_OK);
    assert_int_equal(answer.verdict, OH_OK_DONE);
    oh_ledger_destroy(&ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_with_a_wrong_byte_anywhere_are_refused),
        cmocka_unit_test(test_names_that_hash_alike_are_two_items_and_two_nodes),
        cmocka_unit_test(test_names_that_hash_alike_are_two_groups_channels_rules_fences_and_supplies),
        cmocka_unit_test(test_names_that_hash_alike_are_two_postal_codes),
        cmocka_unit_test(test_names_that_hash_alike_are_two_reservations_customers_and_orders),
        cmocka_unit_test(test_names_that_look_like_numbers_are_told_apart),
        cmocka_unit_test(test_names_that_are_numbers_have_customers_and_promises),
        cmocka_unit_test(test_names_that_hash_alike_are_two_keys),
        cmocka_unit_test(test_names_ids_of_entries_that_hash_alike_are_two),
        cmocka_unit_test(test_names_places_that_hash_alike_are_two),
        cmocka_unit_test(test_names_scopes_that_hash_alike_are_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
