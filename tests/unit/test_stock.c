/*
 * test_stock.c - movements and counts at their limits (docs/spec/ledger.md, L1 to L16).
 */
#include "core/state.h"
#include "support/shop.h"
#include "support/test.h"
#include <stdio.h>

/* A ledger whose one position has so much sellable, and so much damaged. */
static struct oh_ledger *ledger_with(int64_t sellable_milli, int64_t damaged_milli,
                                     const struct oh_ledger_options *options)
{
    struct oh_ledger *ledger = shop_ledger_create(options);
    struct oh_diag diag = { "" };
    struct oh_effect objects[] = {
        { .type = OH_EFFECT_HEAD, .head = { 5, SHOP_NOW_US, 0, OH_TIME_US_NONE } },
        { .type = OH_EFFECT_ITEM, .item = { 0, { .sku = OH_BYTES("s") } } },
        { .type = OH_EFFECT_NODE, .node = { 0, { .node = OH_BYTES("n"), .enabled = true } } },
        { .type = OH_EFFECT_POSITION, .position = { .item = 0, .node = 0 } },
    };
    for (uint32_t i = 0; i < OH_STATE_COUNT; i++) {
        objects[3].position.states[i].as_of_us = OH_TIME_US_NONE;
        objects[3].position.states[i].source_seq = -1;
    }
    objects[3].position.states[OH_STATE_SELLABLE].quantity_milli = sellable_milli;
    objects[3].position.states[OH_STATE_DAMAGED].quantity_milli = damaged_milli;
    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
        assert_int_equal(oh_ledger_restore(ledger, &objects[i], &diag), OH_OK);
    return ledger;
}

static enum oh_verdict adjust(struct oh_ledger *ledger, enum oh_state state, int64_t milli)
{
    struct oh_adjust_entry entry = { .sku = OH_BYTES("s"), .node = OH_BYTES("n"), .quantity_milli = milli,
                                     .state = state, .at_us = SHOP_NOW_US };
    struct oh_command command = { .type = OH_COMMAND_ADJUST };
    struct oh_answer answer;
    struct oh_record record;
    command.adjust = (struct oh_adjust_command){ OH_BYTES("t"), &entry, 1 };
    assert_int_equal(oh_ledger_apply(ledger, SHOP_NOW_US, &command, &answer), OH_OK);
    oh_ledger_take_record(ledger, &record);
    return answer.verdict;
}

static int64_t state_of(const struct oh_ledger *ledger, enum oh_state state)
{
    struct oh_position_view view;
    oh_position_get(ledger, (struct oh_item_id){ 0 }, (struct oh_node_id){ 0 }, SHOP_NOW_US, &view);
    return view.states_milli[state];
}

static void test_stock_refuses_what_would_take_a_counter_out_of_its_range(void **state)
{
    (void)state;
    static const enum oh_state states[] = { OH_STATE_SELLABLE, OH_STATE_DAMAGED };
    for (size_t i = 0; i < 2; i++) {
        bool is_sellable = states[i] == OH_STATE_SELLABLE;
        for (int sign = -1; sign <= 1; sign += 2) {
            int64_t near_edge = sign * (OH_TOTAL_MILLI_MAX - 1000);
            struct oh_ledger *ledger = ledger_with(is_sellable ? near_edge : 0, is_sellable ? 0 : near_edge, NULL);
            assert_int_equal(adjust(ledger, states[i], sign * 1001), OH_V_QUANTITY_OVERFLOW);
            assert_int_equal(state_of(ledger, states[i]), near_edge);
            assert_int_equal(adjust(ledger, states[i], sign * 1000), OH_OK_DONE);
            assert_int_equal(state_of(ledger, states[i]), sign * OH_TOTAL_MILLI_MAX);
            assert_int_equal(adjust(ledger, states[i], sign), OH_V_QUANTITY_OVERFLOW);
            oh_ledger_destroy(&ledger);
        }
    }
}

static enum oh_verdict count(struct oh_ledger *ledger, int64_t milli, int64_t as_of_us)
{
    struct oh_sync_entry entry = { .sku = OH_BYTES("s"), .node = OH_BYTES("n"), .quantity_milli = milli,
                                   .as_of_us = as_of_us };
    struct oh_command command = { .type = OH_COMMAND_SYNC };
    struct oh_answer answer;
    struct oh_record record;
    command.sync = (struct oh_sync_command){ OH_BYTES("t"), &entry, 1 };
    assert_int_equal(oh_ledger_apply(ledger, SHOP_NOW_US, &command, &answer), OH_OK);
    oh_ledger_take_record(ledger, &record);
    return answer.verdict == OH_OK_DONE ? answer.lines[0].verdict : answer.verdict;
}

/* The movements after a count are added to it: 9,007 of the largest, and then some. */
static void test_stock_refuses_a_count_that_would_overflow_with_what_came_after(void **state)
{
    (void)state;
    struct oh_ledger_options options = SHOP_OPTIONS;
    options.history_max = 16384;
    struct oh_ledger *ledger = ledger_with(0, 0, &options);
    for (int i = 0; i < 9007; i++)
        assert_int_equal(adjust(ledger, OH_STATE_SELLABLE, OH_QUANTITY_MILLI_MAX), OH_OK_DONE);
    int64_t room = OH_TOTAL_MILLI_MAX - 9007 * OH_QUANTITY_MILLI_MAX;
    assert_int_equal(count(ledger, room + 1, SHOP_NOW_US - 1), OH_V_QUANTITY_OVERFLOW);
    assert_int_equal(count(ledger, room, SHOP_NOW_US - 1), OH_OK_DONE);
    assert_int_equal(state_of(ledger, OH_STATE_SELLABLE), OH_TOTAL_MILLI_MAX);
    oh_ledger_destroy(&ledger);
}

/* A fulfilment is a fact, but not beyond what can be counted. */
static void test_stock_refuses_a_fulfilment_far_below_zero(void **state)
{
    (void)state;
    const int64_t floor = -OH_TOTAL_MILLI_MAX + 8 * OH_QUANTITY_MILLI_MAX;
    for (int below = 0; below <= 1; below++) {
        struct oh_ledger *ledger = ledger_with(floor - below, 0, NULL);
        struct oh_diag diag = { "" };
        const struct oh_effect objects[] = {
            { .type = OH_EFFECT_RESERVATION,
              .reservation = { .id = OH_BYTES("R"), .kind = OH_KIND_CART, .channel = OH_NODE_NONE,
                               .created_at_us = SHOP_NOW_US, .expires_at_us = OH_TIME_US_NONE,
                               .ended_at_us = OH_TIME_US_NONE } },
            { .type = OH_EFFECT_CLAIM,
              .claim = { .id = OH_BYTES("R"), .line = 1, .quantity_milli = 1000, .confirmed_milli = 1000,
                         .due_at_us = OH_TIME_US_NONE } },
        };
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(oh_ledger_restore(ledger, &objects[i], &diag), OH_OK);
        struct oh_command command = { .type = OH_COMMAND_FULFIL };
        struct oh_answer answer;
        command.action = (struct oh_action_command){ .id = OH_BYTES("R"), .at_us = OH_TIME_US_NONE };
        assert_int_equal(oh_ledger_apply(ledger, SHOP_NOW_US, &command, &answer), OH_OK);
        assert_int_equal(answer.verdict, below == 1 ? OH_V_QUANTITY_OVERFLOW : OH_OK_DONE);
        oh_ledger_destroy(&ledger);
    }
}

static void test_stock_takes_times_up_to_five_minutes_ahead_and_not_beyond_2200(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    shop_item(shop, "s");
    shop_node(shop, "n");
    int64_t ahead_us = SHOP_NOW_US + 300 * SHOP_SECOND_US;
    assert_int_equal(shop_adjust_at(shop, "s", "n", 1, OH_STATE_SELLABLE, ahead_us), OH_OK_DONE);
    assert_int_equal(shop_adjust_at(shop, "s", "n", 1, OH_STATE_SELLABLE, ahead_us + 1), OH_V_INVALID_TIME);
    assert_int_equal(shop_adjust_at(shop, "s", "n", 1, OH_STATE_SELLABLE, 0), OH_OK_DONE);
    assert_int_equal(shop_adjust_at(shop, "s", "n", 1, OH_STATE_SELLABLE, -1), OH_V_INVALID_TIME);
    assert_int_equal(shop_count(shop, "s", "n", 1, ahead_us + 1), OH_V_INVALID_TIME);
    shop->now_us = OH_TIME_US_MAX - 1;
    assert_int_equal(shop_adjust_at(shop, "s", "n", 1, OH_STATE_SELLABLE, OH_TIME_US_MAX), OH_OK_DONE);
    assert_int_equal(shop_adjust_at(shop, "s", "n", 1, OH_STATE_SELLABLE, OH_TIME_US_MAX + 1), OH_V_INVALID_TIME);
    shop_close(shop);
}

static void test_stock_refuses_more_entries_than_there_may_be(void **state)
{
    (void)state;
    static struct oh_adjust_entry entries[OH_ENTRIES_MAX + 1];
    static struct oh_sync_entry counts[OH_ENTRIES_MAX + 1];
    struct shop *shop = shop_open(NULL);
    struct oh_command adjusts = { .type = OH_COMMAND_ADJUST }, syncs = { .type = OH_COMMAND_SYNC };
    adjusts.adjust = (struct oh_adjust_command){ OH_BYTES("t"), entries, OH_ENTRIES_MAX + 1 };
    syncs.sync = (struct oh_sync_command){ OH_BYTES("t"), counts, OH_ENTRIES_MAX + 1 };
    assert_int_equal(shop_do(shop, &adjusts), OH_V_TOO_MANY);
    assert_int_equal(shop_do(shop, &syncs), OH_V_TOO_MANY);
    adjusts.adjust.entry_count--;
    syncs.sync.entry_count--;
    assert_int_equal(shop_do(shop, &adjusts), OH_V_UNKNOWN_ITEM);
    assert_int_equal(shop_do(shop, &syncs), OH_V_UNKNOWN_ITEM);
    shop_close(shop);
}

static enum oh_verdict count_seq(struct shop *shop, double units, int64_t as_of_us, int64_t source_seq)
{
    struct oh_sync_entry entry = { .sku = OH_BYTES("s"), .node = OH_BYTES("n"),
                                   .quantity_milli = (int64_t)(units * 1000), .as_of_us = as_of_us,
                                   .has_source_seq = source_seq >= 0, .source_seq = source_seq };
    struct oh_command command = { .type = OH_COMMAND_SYNC };
    command.sync = (struct oh_sync_command){ OH_BYTES("count"), &entry, 1 };
    assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    return shop->answer.lines[0].verdict;
}

/* L12: by as_of, then by source_seq, where none comes first, then the smaller quantity. */
static void test_stock_orders_counts_by_time_then_number_then_care(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    shop_item(shop, "s");
    shop_node(shop, "n");
    assert_int_equal(count_seq(shop, 10, SHOP_NOW_US, -1), OH_OK_DONE);
    assert_int_equal(count_seq(shop, 10, SHOP_NOW_US, -1), OH_V_UNCHANGED);
    assert_int_equal(count_seq(shop, 11, SHOP_NOW_US, -1), OH_V_STALE);
    assert_int_equal(count_seq(shop, 9, SHOP_NOW_US, -1), OH_OK_DONE);
    assert_int_equal(count_seq(shop, 20, SHOP_NOW_US, 5), OH_OK_DONE);
    assert_int_equal(count_seq(shop, 1, SHOP_NOW_US, 4), OH_V_STALE);
    assert_int_equal(count_seq(shop, 1, SHOP_NOW_US, -1), OH_V_STALE);
    assert_int_equal(count_seq(shop, 30, SHOP_NOW_US, 6), OH_OK_DONE);
    assert_int_equal(count_seq(shop, 1, SHOP_NOW_US - 1, 9), OH_V_STALE);
    assert_int_equal(count_seq(shop, 2, SHOP_NOW_US + 1, -1), OH_OK_DONE);
    assert_true(shop_available(shop, "s", "n", "") == 2);
    shop_close(shop);
}

#define MANY_COUNTS 60u

/* Counts of as many items at a node, in one record. */
static void count_many(struct shop *shop, const char *node, uint32_t count, int64_t units)
{
    char names[MANY_COUNTS][12];
    struct oh_sync_entry entries[MANY_COUNTS];
    struct oh_command command = { .type = OH_COMMAND_SYNC };
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "s%u", i);
        entries[i] = (struct oh_sync_entry){ .sku = oh_bytes_of(names[i]), .node = oh_bytes_of(node),
                                             .quantity_milli = (units + i) * 1000, .as_of_us = shop->now_us };
    }
    command.sync = (struct oh_sync_command){ OH_BYTES("count"), entries, count };
    assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
}

/* Of many effects the memory is asked for ahead (expect.c): positions that are there, and that come with the record. */
static void test_stock_is_replayed_from_records_of_few_effects_and_of_many(void **state)
{
    (void)state;
    static const uint32_t counts[] = { 1, EXPECT_AHEAD - 1, EXPECT_AHEAD, EXPECT_AHEAD + 1, MANY_COUNTS };
    struct shop *shop = shop_open(NULL);
    char name[12], node[12];
    for (uint32_t i = 0; i < MANY_COUNTS; i++) {
        (void)snprintf(name, sizeof(name), "s%u", i);
        shop_item(shop, name);
    }
    for (uint32_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        (void)snprintf(node, sizeof(node), "n%u", i);
        shop_node(shop, node);
        count_many(shop, node, counts[i], 10);
        shop->now_us += SHOP_SECOND_US;
        count_many(shop, node, counts[i], 20);
        (void)snprintf(name, sizeof(name), "s%u", counts[i] - 1);
        assert_true(shop_available(shop, name, node, "") == 19 + counts[i]);
    }
    shop_close(shop); /* the replica replayed the same */
}

/* ---- What is remembered ----------------------------------------------------------------------- */

static void object_restore(void *ctx, const struct oh_effect *object)
{
    struct oh_diag diag = { "" };
    assert_int_equal(oh_ledger_restore(ctx, object, &diag), OH_OK);
}

/* A ring that is smaller after a restart has forgotten, and says so instead of guessing. */
static void test_stock_refuses_old_counts_when_a_restart_left_less_memory(void **state)
{
    (void)state;
    struct oh_ledger_options options = SHOP_OPTIONS;
    struct shop *shop = shop_open(NULL);
    shop_item(shop, "s");
    shop_node(shop, "n");
    for (int i = 0; i < 40; i++)
        shop_adjust_at(shop, "s", "n", 1, OH_STATE_SELLABLE, SHOP_NOW_US + i);
    options.history_max = 16;
    struct oh_ledger *small = shop_ledger_create(&options);
    oh_ledger_export(shop->ledger, object_restore, small);
    assert_int_equal(count(small, 5000, SHOP_NOW_US + 22), OH_V_COUNT_TOO_OLD); /* it would need number 23 */
    assert_int_equal(count(small, 5000, SHOP_NOW_US + 23), OH_OK_DONE);
    assert_int_equal(state_of(small, OH_STATE_SELLABLE), 5000 + 16000);
    oh_ledger_destroy(&small);
    shop_close(shop);
}

static void movement_count(void *ctx, const struct oh_effect *object)
{
    uint32_t *count_so_far = ctx;
    *count_so_far += object->type == OH_EFFECT_REMEMBERED ? 1 : 0;
}

/* A ring that is larger after a restart holds what there was, and no more until more has come. */
static void test_stock_remembers_what_it_did_when_a_restart_gave_more_memory(void **state)
{
    (void)state;
    struct oh_ledger_options options = SHOP_OPTIONS;
    uint32_t remembered = 0;
    options.history_max = 16;
    struct shop *shop = shop_open(&options);
    shop_item(shop, "s");
    shop_node(shop, "n");
    for (int i = 0; i < 100; i++)
        shop_adjust_at(shop, "s", "n", 1, OH_STATE_SELLABLE, SHOP_NOW_US + i);
    struct oh_ledger *large = shop_ledger_create(NULL);
    oh_ledger_export(shop->ledger, object_restore, large);
    assert_int_equal(oh_ledger_advance(large, SHOP_NOW_US, 0), 0);
    oh_ledger_export(large, movement_count, &remembered);
    assert_int_equal(remembered, 16);
    assert_int_equal(count(large, 5000, SHOP_NOW_US + 82), OH_V_COUNT_TOO_OLD);
    assert_int_equal(count(large, 5000, SHOP_NOW_US + 83), OH_OK_DONE);
    assert_int_equal(state_of(large, OH_STATE_SELLABLE), 5000 + 16000);
    oh_ledger_destroy(&large);
    shop_close(shop);
}

/* A snapshot in which a movement's position is missing: the movement is of no use, and does no harm. */
static void test_stock_passes_over_movements_without_a_position(void **state)
{
    (void)state;
    struct oh_ledger_options options = SHOP_OPTIONS;
    struct oh_diag diag = { "" };
    options.history_max = 16;
    struct oh_ledger *ledger = shop_ledger_create(&options);
    const struct oh_effect objects[] = {
        { .type = OH_EFFECT_HEAD, .head = { 5, SHOP_NOW_US, 1, OH_TIME_US_NONE } },
        { .type = OH_EFFECT_ITEM, .item = { 0, { .sku = OH_BYTES("s") } } },
        { .type = OH_EFFECT_NODE, .node = { 0, { .node = OH_BYTES("n"), .enabled = true } } },
        { .type = OH_EFFECT_REMEMBERED, .remembered = { .item = 0, .node = 7, .quantity_milli = 1, .number = 0 } },
    };
    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
        assert_int_equal(oh_ledger_restore(ledger, &objects[i], &diag), OH_OK);
    for (int i = 0; i < 20; i++)
        assert_int_equal(adjust(ledger, OH_STATE_SELLABLE, 1000), OH_OK_DONE);
    assert_int_equal(state_of(ledger, OH_STATE_SELLABLE), 20000);
    oh_ledger_destroy(&ledger);
}

/* Full positions and a smaller ring: what was forgotten has nowhere to be noted. */
static void test_stock_says_no_memory_when_a_snapshot_needs_more_positions(void **state)
{
    (void)state;
    struct oh_ledger_options options = SHOP_OPTIONS;
    struct oh_diag diag = { "" };
    options.history_max = 16;
    options.positions_max = 1;
    struct oh_ledger *ledger = shop_ledger_create(&options);
    struct oh_effect head = { .type = OH_EFFECT_HEAD, .head = { 5, SHOP_NOW_US, 100, OH_TIME_US_NONE } };
    struct oh_effect movement = { .type = OH_EFFECT_REMEMBERED, .remembered = { .quantity_milli = 1 } };
    assert_int_equal(oh_ledger_restore(ledger, &head, &diag), OH_OK);
    assert_int_equal(oh_ledger_restore(ledger, &movement, &diag), OH_OK);
    movement.remembered.node = 1;
    assert_int_equal(oh_ledger_restore(ledger, &movement, &diag), OH_E_NOMEM);
    oh_ledger_destroy(&ledger);
}

/*
 * Positions know their newest movement modulo 2^32 - 1. Years later the number of another may be the same: it is
 * not taken for their own. Time passes here by setting how many movements there were.
 */
static void test_stock_tells_movements_apart_that_are_four_billion_apart(void **state)
{
    (void)state;
    for (uint64_t later = 0; later <= 1; later++) {
        struct shop *shop = shop_open(NULL);
        shop_item(shop, "s");
        shop_item(shop, "t");
        shop_node(shop, "n");
        shop_node(shop, "m");
        shop_adjust_at(shop, "s", "n", 5, OH_STATE_SELLABLE, SHOP_NOW_US - 9);
        shop->ledger->movement_count += HISTORY_MODULUS - later;
        shop->ledger->movement_forgotten = shop->ledger->movement_count;
        shop->ledger->forgotten_at_us = SHOP_NOW_US - 9;
        shop->ledger->positions[0].extra |= EXTRA_HAS_FORGOTTEN;
        /* With later 1 the next movement gets the very number, modulo, of the first: it is of another place. */
        shop->ledger->positions[0].history = (uint32_t)(shop->ledger->movement_count % HISTORY_MODULUS) + 1;
        assert_int_equal(count(shop->ledger, 1000, SHOP_NOW_US - 10), OH_V_COUNT_TOO_OLD);
        const char *places[2][2] = { { "s", "m" }, { "t", "n" } };
        assert_int_equal(oh_ledger_apply(shop->ledger, SHOP_NOW_US,
                                         &(struct oh_command){
                                             .type = OH_COMMAND_ADJUST,
                                             .adjust = { OH_BYTES("t"),
                                                         &(struct oh_adjust_entry){
                                                             .sku = oh_bytes_of(places[later][0]),
                                                             .node = oh_bytes_of(places[later][1]),
                                                             .quantity_milli = 1000, .at_us = SHOP_NOW_US },
                                                         1 } },
                                         &shop->answer), OH_OK);
        assert_int_equal(count(shop->ledger, 1000, SHOP_NOW_US - 10), OH_V_COUNT_TOO_OLD);
        assert_int_equal(count(shop->ledger, 1000, SHOP_NOW_US - 9), OH_OK_DONE);
        assert_int_equal(state_of(shop->ledger, OH_STATE_SELLABLE), 1000);
        shop_drop(shop);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stock_refuses_what_would_take_a_counter_out_of_its_range),
        cmocka_unit_test(test_stock_refuses_a_count_that_would_overflow_with_what_came_after),
        cmocka_unit_test(test_stock_refuses_a_fulfilment_far_below_zero),
        cmocka_unit_test(test_stock_takes_times_up_to_five_minutes_ahead_and_not_beyond_2200),
        cmocka_unit_test(test_stock_refuses_more_entries_than_there_may_be),
        cmocka_unit_test(test_stock_orders_counts_by_time_then_number_then_care),
        cmocka_unit_test(test_stock_is_replayed_from_records_of_few_effects_and_of_many),
        cmocka_unit_test(test_stock_refuses_old_counts_when_a_restart_left_less_memory),
        cmocka_unit_test(test_stock_remembers_what_it_did_when_a_restart_gave_more_memory),
        cmocka_unit_test(test_stock_passes_over_movements_without_a_position),
        cmocka_unit_test(test_stock_says_no_memory_when_a_snapshot_needs_more_positions),
        cmocka_unit_test(test_stock_tells_movements_apart_that_are_four_billion_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
