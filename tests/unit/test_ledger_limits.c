/*
 * test_ledger_limits.c - a ledger without room: a verdict for who asks, OH_E_NOMEM for who replays, and nothing half
 * done.
 *
 * Limits that take millions of objects to reach are set lower behind the ledger's back.
 */
#include "core/state.h"
#include "support/ledger_audit.h"
#include "support/shop.h"
#include "support/test.h"
#include <stdio.h>
#include <string.h>

/* ---- Options ---------------------------------------------------------------------------------- */

static enum oh_err create(struct oh_ledger_options options)
{
    struct oh_ledger *ledger = NULL;
    const struct oh_allocator none = { NULL, NULL, NULL };
    return oh_ledger_create(&options, &none, &ledger); /* refused before anything is allocated */
}

static void test_ledger_limits_options_beyond_the_most_are_refused(void **state)
{
    (void)state;
    struct oh_ledger_options options[11];
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        options[i] = SHOP_OPTIONS;
    options[0].items_max = OH_ITEMS_MAX + 1;
    options[1].positions_max = OH_POSITIONS_MAX + 1;
    options[2].reservations_max = 16777217;
    options[3].claims_max = 33554433;
    options[4].keys_max = 67108865;
    options[5].history_max = 1u << 29;
    options[6].text_size_max = ((uint64_t)32 << 30) + 1;
    options[7].terminal_retention_us = OH_TTL_US_MAX + 1;
    options[8].text_size_max = (16u << 20) - 1;
    options[9].terminal_retention_us = -1;
    options[10].history_max = 100; /* not a power of two */
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        assert_int_equal(create(options[i]), OH_E_INVALID);
}

static void test_ledger_limits_options_that_are_not_given_are_the_defaults(void **state)
{
    (void)state;
    const struct oh_ledger_options nothing = { .items_max = 0 };
    struct oh_ledger *ledger = shop_ledger_create(&nothing);
    assert_int_equal(ledger->options.items_max, OH_ITEMS_MAX);
    assert_int_equal(ledger->options.positions_max, OH_POSITIONS_MAX);
    assert_int_equal(ledger->options.reservations_max, 16777216);
    assert_int_equal(ledger->options.claims_max, 33554432);
    assert_int_equal(ledger->options.keys_max, 16777216);
    assert_int_equal(ledger->options.history_max, 4194304);
    assert_true(ledger->options.text_size_max == (uint64_t)16 << 30);
    assert_int_equal(ledger->options.terminal_retention_us, SHOP_DAY_US);
    assert_int_equal(ledger->rare_max, OH_POSITIONS_MAX / 8 + 65536);
    oh_ledger_destroy(&ledger);
    assert_null(ledger);
    oh_ledger_destroy(&ledger); /* once more does no harm */
}

/* ---- No more text ----------------------------------------------------------------------------- */

static enum oh_err replay(struct oh_ledger *ledger, const struct oh_effect *effect)
{
    struct oh_diag diag = { "" };
    struct oh_record record = { oh_ledger_seq(ledger) + 1, SHOP_NOW_US, effect, 1 };
    return oh_ledger_replay(ledger, &record, &diag);
}

/* Cuts what is left of the text into blocks, large ones first: afterwards not one of 8 bytes can be had. */
static void text_fill(struct oh_ledger *ledger)
{
    uint32_t ref;
    for (size_t size = OH_TEXT_BLOCK_SIZE_MAX; size >= 8; size /= 2) {
        do
            ref = oh_text_allocate(&ledger->text, size);
        while (ref != 0);
    }
    assert_true(ledger->text.cut_size == ledger->text.size_max);
}

/* Items s and t, s at a; nodes a and b; an empty group e and a full one f; a channel c; a reservation R. */
static struct oh_ledger *world_make(void)
{
    struct oh_ledger_options options = SHOP_OPTIONS;
    options.text_size_max = 16u << 20;
    struct oh_ledger *ledger = shop_ledger_create(&options);
    static const uint16_t node_a[] = { 0 };
    static const int32_t first[] = { 1 };
    const struct oh_effect effects[] = {
        { .type = OH_EFFECT_ITEM, .item = { 0, { .sku = OH_BYTES("s") } } },
        { .type = OH_EFFECT_ITEM, .item = { 1, { .sku = OH_BYTES("t") } } },
        { .type = OH_EFFECT_NODE, .node = { 0, { .node = OH_BYTES("a"), .enabled = true } } },
        { .type = OH_EFFECT_NODE, .node = { 1, { .node = OH_BYTES("b"), .enabled = true } } },
        { .type = OH_EFFECT_GROUP, .group = { .index = 0, .group = OH_BYTES("e") } },
        { .type = OH_EFFECT_GROUP, .group = { 1, OH_BYTES("f"), OH_BYTES_NONE, node_a, first, 1 } },
        { .type = OH_EFFECT_CHANNEL, .channel = { .index = 0, .channel = OH_BYTES("c") } },
        { .type = OH_EFFECT_MOVEMENT, .movement = { .quantity_milli = 5000, .at_us = SHOP_NOW_US } },
        { .type = OH_EFFECT_RESERVATION,
          .reservation = { .id = OH_BYTES("R"), .kind = OH_KIND_CART, .channel = OH_NODE_NONE,
                           .created_at_us = SHOP_NOW_US, .expires_at_us = OH_TIME_US_NONE,
                           .ended_at_us = OH_TIME_US_NONE } },
    };
    for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++)
        assert_int_equal(replay(ledger, &effects[i]), OH_OK);
    return ledger;
}

static const uint16_t both_nodes[] = { 0, 1 };
static const int32_t both_priorities[] = { 1, 2 };

static void test_ledger_limits_replay_says_no_memory_when_the_text_is_full(void **state)
{
    (void)state;
    /* Effects that need text, in the order in which they need it: blocks of these sizes. */
    const struct { struct oh_effect effect; size_t sizes[3]; } needs[] = {
        { { .type = OH_EFFECT_NODE, .node = { 2, { .node = OH_BYTES("n") } } }, { 17 } },
        { { .type = OH_EFFECT_ITEM, .item = { 2, { .sku = OH_BYTES("i") } } }, { 7 } },
        { { .type = OH_EFFECT_GROUP, .group = { 2, OH_BYTES("g"), OH_BYTES_NONE, both_nodes, both_priorities, 2 } },
          { 5, 32, 24 } },
        { { .type = OH_EFFECT_GROUP_MEMBER, .group_member = { 0, 1, 1 } }, { 32, 24 } },
        { { .type = OH_EFFECT_CHANNEL,
            .channel = { .index = 1, .channel = OH_BYTES("long enough"), .nodes = both_nodes, .node_count = 2 } },
          { 15, 5 } },
        { { .type = OH_EFFECT_RULE,
            .rule = { OH_BYTES("r"), 0, 0, OH_NODE_NONE, { .mask = OH_RULE_PREORDER } } }, { 3 } },
        { { .type = OH_EFFECT_FENCE, .fence = { OH_BYTES("f"), 0, 0, 0, 1000, OH_FENCE_REGULAR } }, { 3 } },
        { { .type = OH_EFFECT_SUPPLY, .supply = { OH_BYTES("p"), 0, 0, 1000, SHOP_NOW_US } }, { 3 } },
        { { .type = OH_EFFECT_POSTAL_CODE, .postal_code = { .country = OH_BYTES("FR"), .postal_code = OH_BYTES("1") } },
          { 9 } },
        { { .type = OH_EFFECT_IMPORT, .import = { OH_BYTES("stock/1"), 1, 0, 0 } }, { 9 } },
        { { .type = OH_EFFECT_KEY, .key = { OH_BYTES("ekey"), 1, 1, SHOP_NOW_US, OH_BYTES_NONE } }, { 6 } },
        { { .type = OH_EFFECT_RESERVATION,
            .reservation = { .id = OH_BYTES("S"), .customer = OH_BYTES("a customer with a long name"),
                             .channel = OH_NODE_NONE, .kind = OH_KIND_CART, .created_at_us = SHOP_NOW_US,
                             .expires_at_us = OH_TIME_US_NONE, .ended_at_us = OH_TIME_US_NONE } },
          { 34, 32 } },
        { { .type = OH_EFFECT_MOVEMENT,
            .movement = { .node = 1, .quantity_milli = 5000, .at_us = SHOP_NOW_US } }, { 12 } },
    };
    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
        for (unsigned given = 0; given < 8; given++) { /* which of its blocks can be had */
            struct oh_ledger *ledger = world_make();
            uint32_t refs[3];
            bool is_enough = true;
            for (unsigned b = 0; b < 3 && needs[i].sizes[b] > 0; b++) {
                refs[b] = oh_text_allocate(&ledger->text, needs[i].sizes[b]);
                is_enough = is_enough && (given >> b & 1) != 0;
            }
            text_fill(ledger);
            for (unsigned b = 0; b < 3 && needs[i].sizes[b] > 0; b++)
                oh_text_free(&ledger->text, (given >> b & 1) != 0 ? refs[b] : 0, needs[i].sizes[b]);
            enum oh_err err = replay(ledger, &needs[i].effect);
            if (err != (is_enough ? OH_OK : OH_E_NOMEM))
                fail_msg("effect %zu with blocks %x: %s", i, given, oh_err_text(err));
            oh_ledger_destroy(&ledger);
        }
    }
}

static void test_ledger_limits_ledger_is_full_when_a_command_may_need_more_text_than_there_is(void **state)
{
    (void)state;
    struct oh_ledger *ledger = world_make();
    struct oh_command command = { .type = OH_COMMAND_ITEM, .item = { .sku = OH_BYTES("new") } };
    struct oh_answer answer;
    assert_int_equal(oh_ledger_apply(ledger, SHOP_NOW_US, &command, &answer), OH_OK);
    assert_int_equal(answer.verdict, OH_OK_DONE);
    text_fill(ledger);
    uint64_t seq = oh_ledger_seq(ledger);
    struct oh_record record;
    oh_ledger_take_record(ledger, &record);
    command.item.sku = OH_BYTES("newer");
    assert_int_equal(oh_ledger_apply(ledger, SHOP_NOW_US, &command, &answer), OH_OK);
    assert_int_equal(answer.verdict, OH_V_LEDGER_FULL);
    assert_int_equal(oh_ledger_seq(ledger), seq);
    oh_ledger_destroy(&ledger);
}

/* ---- No more positions, or parts of them ------------------------------------------------------ */

static void test_ledger_limits_replay_says_no_memory_when_the_positions_are_full(void **state)
{
    (void)state;
    const struct oh_effect effects[] = {
        { .type = OH_EFFECT_MOVEMENT, .movement = { .node = 1, .quantity_milli = 1, .at_us = SHOP_NOW_US } },
        { .type = OH_EFFECT_COUNT, .count = { .node = 1, .as_of_us = SHOP_NOW_US } },
        { .type = OH_EFFECT_FENCE, .fence = { OH_BYTES("f"), 0, 1, 0, 1000, OH_FENCE_REGULAR } },
        { .type = OH_EFFECT_SUPPLY, .supply = { OH_BYTES("p"), 0, 1, 1000, SHOP_NOW_US } },
        { .type = OH_EFFECT_CLAIM,
          .claim = { .id = OH_BYTES("R"), .line = 1, .node = 1, .quantity_milli = 1, .held_milli = 1,
                     .due_at_us = OH_TIME_US_NONE } },
    };
    for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++) {
        struct oh_ledger *ledger = world_make();
        ledger->options.positions_max = ledger->position_count;
        assert_int_equal(replay(ledger, &effects[i]), OH_E_NOMEM);
        oh_ledger_destroy(&ledger);
    }
    struct oh_diag diag = { "" };
    struct oh_effect position = { .type = OH_EFFECT_POSITION, .position = { .node = 1 } };
    struct oh_ledger *ledger = world_make();
    ledger->options.positions_max = ledger->position_count;
    assert_int_equal(oh_ledger_restore(ledger, &position, &diag), OH_E_NOMEM);
    oh_ledger_destroy(&ledger);
}

static void test_ledger_limits_replay_says_no_memory_when_the_rare_parts_are_full(void **state)
{
    (void)state;
    const struct oh_effect effects[] = {
        { .type = OH_EFFECT_MOVEMENT,
          .movement = { .state = OH_STATE_DAMAGED, .quantity_milli = 1, .at_us = SHOP_NOW_US } },
        { .type = OH_EFFECT_COUNT, .count = { .as_of_us = SHOP_NOW_US, .source_seq = 1 } },
        { .type = OH_EFFECT_COUNT,
          .count = { .state = OH_STATE_DAMAGED, .delta_milli = 1, .as_of_us = SHOP_NOW_US, .source_seq = -1 } },
        { .type = OH_EFFECT_FENCE, .fence = { OH_BYTES("f"), 0, 0, 0, 1000, OH_FENCE_REGULAR } },
        { .type = OH_EFFECT_SUPPLY, .supply = { OH_BYTES("p"), 0, 0, 1000, SHOP_NOW_US } },
    };
    for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++) {
        struct oh_ledger *ledger = world_make();
        ledger->rare_max = 0;
        assert_int_equal(replay(ledger, &effects[i]), OH_E_NOMEM);
        oh_ledger_destroy(&ledger);
    }
    struct oh_diag diag = { "" };
    for (int with_quantity = 0; with_quantity <= 1; with_quantity++) {
        struct oh_effect position = { .type = OH_EFFECT_POSITION };
        for (int i = 0; i < OH_STATE_COUNT; i++)
            position.position.states[i].as_of_us = OH_TIME_US_NONE;
        position.position.states[OH_STATE_DISPLAY].quantity_milli = with_quantity;
        position.position.states[OH_STATE_DISPLAY].as_of_us = with_quantity ? OH_TIME_US_NONE : SHOP_NOW_US;
        struct oh_ledger *ledger = world_make();
        ledger->rare_max = 0;
        assert_int_equal(oh_ledger_restore(ledger, &position, &diag), OH_E_NOMEM);
        oh_ledger_destroy(&ledger);
    }
}

static void test_ledger_limits_ledger_is_full_when_a_command_needs_a_rare_part(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    shop_item(shop, "s");
    shop_node(shop, "n");
    shop->ledger->rare_max = 0;
    assert_int_equal(shop_adjust(shop, "s", "n", 1), OH_OK_DONE);
    assert_int_equal(shop_adjust_at(shop, "s", "n", 1, OH_STATE_DAMAGED, SHOP_NOW_US), OH_V_LEDGER_FULL);
    assert_int_equal(shop_supply(shop, "p", "s", "n", 1, SHOP_NOW_US), OH_V_LEDGER_FULL);
    assert_int_equal(shop_count(shop, "s", "n", 1, SHOP_NOW_US), OH_OK_DONE);
    shop_close(shop);
}

/* At the edge of the positions, each entry is looked at: those that are there go on. */
static void test_ledger_limits_entries_that_need_no_new_position_go_on_when_positions_are_full(void **state)
{
    (void)state;
    struct oh_ledger_options options = SHOP_OPTIONS;
    options.positions_max = 1;
    struct shop *shop = shop_open(&options);
    shop_item(shop, "s");
    shop_node(shop, "n");
    shop_node(shop, "m");
    assert_int_equal(shop_adjust(shop, "s", "n", 1), OH_OK_DONE);
    assert_int_equal(shop_adjust(shop, "s", "n", 1), OH_OK_DONE);
    assert_int_equal(shop_adjust(shop, "s", "m", 1), OH_V_LEDGER_FULL);
    assert_int_equal(shop_adjust(shop, "s", "nowhere", 1), OH_V_UNKNOWN_NODE);
    assert_int_equal(shop_adjust(shop, "nothing", "n", 1), OH_V_UNKNOWN_ITEM);
    assert_int_equal(shop_count(shop, "s", "m", 1, SHOP_NOW_US), OH_V_LEDGER_FULL);
    assert_int_equal(shop_count(shop, "s", "n", 1, SHOP_NOW_US), OH_OK_DONE);
    shop_close(shop);
}

/* ---- No more objects -------------------------------------------------------------------------- */

static void test_ledger_limits_replay_says_no_memory_when_reservations_or_claims_are_full(void **state)
{
    (void)state;
    struct oh_effect claim = { .type = OH_EFFECT_CLAIM };
    struct oh_effect reservation = { .type = OH_EFFECT_RESERVATION };
    claim.claim = (struct oh_effect_claim){ .id = OH_BYTES("R"), .line = 1, .quantity_milli = 1, .held_milli = 1,
                                            .due_at_us = OH_TIME_US_NONE };
    reservation.reservation = (struct oh_effect_reservation){
        .id = OH_BYTES("S"), .kind = OH_KIND_CART, .channel = OH_NODE_NONE, .created_at_us = SHOP_NOW_US,
        .expires_at_us = OH_TIME_US_NONE, .ended_at_us = OH_TIME_US_NONE };
    struct oh_ledger *ledger = world_make();
    ledger->reservation_pool.slot_max = 1;
    assert_int_equal(replay(ledger, &reservation), OH_E_NOMEM);
    oh_ledger_destroy(&ledger);
    ledger = world_make();
    ledger->claim_pool.slot_max = 0;
    assert_int_equal(replay(ledger, &claim), OH_E_NOMEM);
    oh_ledger_destroy(&ledger);
    ledger = world_make();
    ledger->reservations[0].claim_count = UINT16_MAX;
    assert_int_equal(replay(ledger, &claim), OH_E_NOMEM);
    oh_ledger_destroy(&ledger);
}

static void test_ledger_limits_ledger_is_full_when_rules_fences_or_supplies_are(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    shop_item(shop, "s");
    shop_node(shop, "n");
    shop_channel(shop, "c", OH_POLICY_PRIORITY, "", "");
    shop->ledger->rule_pool.slot_max = shop->ledger->fence_pool.slot_max = shop->ledger->supply_pool.slot_max = 1;
    assert_int_equal(shop_rule(shop, "r1", "s", "", "", OH_RULE_PREORDER, 1), OH_OK_DONE);
    assert_int_equal(shop_rule(shop, "r2", "", "n", "", OH_RULE_PREORDER, 1), OH_V_LEDGER_FULL);
    assert_int_equal(shop_rule(shop, "r1", "", "n", "", OH_RULE_PREORDER, 1), OH_OK_DONE); /* in its place */
    assert_int_equal(shop_fence(shop, "f1", "s", "n", "c", 1, OH_FENCE_REGULAR), OH_OK_DONE);
    shop_channel(shop, "d", OH_POLICY_PRIORITY, "", "");
    assert_int_equal(shop_fence(shop, "f2", "s", "n", "d", 1, OH_FENCE_REGULAR), OH_V_LEDGER_FULL);
    assert_int_equal(shop_fence(shop, "f1", "s", "n", "d", 1, OH_FENCE_REGULAR), OH_OK_DONE);
    assert_int_equal(shop_fence(shop, "f1", "s", "n", "d", -1, OH_FENCE_REGULAR), OH_V_INVALID_QUANTITY);
    assert_int_equal(shop_supply(shop, "p1", "s", "n", 1, SHOP_NOW_US), OH_OK_DONE);
    assert_int_equal(shop_supply(shop, "p2", "s", "n", 1, SHOP_NOW_US), OH_V_LEDGER_FULL);
    assert_int_equal(shop_supply(shop, "p1", "s", "n", 2, SHOP_NOW_US), OH_OK_DONE);
    assert_int_equal(shop_supply(shop, "p1", "s", "n", 2, -1), OH_V_INVALID_TIME);
    shop_close(shop);
}

static void test_ledger_limits_replay_refuses_more_rules_fences_and_supplies_than_there_may_be(void **state)
{
    (void)state;
    struct oh_ledger *ledger = world_make();
    ledger->rule_pool.slot_max = ledger->fence_pool.slot_max = ledger->supply_pool.slot_max = 0;
    const struct oh_effect rule = { .type = OH_EFFECT_RULE,
                                    .rule = { OH_BYTES("r"), 0, 0, OH_NODE_NONE, { .mask = OH_RULE_PREORDER } } };
    const struct oh_effect fence = { .type = OH_EFFECT_FENCE,
                                     .fence = { OH_BYTES("f"), 0, 0, 0, 1000, OH_FENCE_REGULAR } };
    const struct oh_effect supply = { .type = OH_EFFECT_SUPPLY, .supply = { OH_BYTES("p"), 0, 0, 1000, SHOP_NOW_US } };
    struct oh_diag diag = { "" };
    assert_int_equal(oh_ledger_restore(ledger, &rule, &diag), OH_E_CORRUPT);
    assert_int_equal(oh_ledger_restore(ledger, &supply, &diag), OH_E_CORRUPT);
    assert_int_equal(oh_ledger_restore(ledger, &fence, &diag), OH_E_NOMEM);
    oh_ledger_destroy(&ledger);
}

static void test_ledger_limits_ledger_is_full_when_the_postal_codes_are(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    struct oh_command command = { .type = OH_COMMAND_POSTAL_CODE };
    struct oh_diag diag = { "" };
    command.postal_code = (struct oh_postal_code_command){ OH_BYTES("FR"), OH_BYTES("1"), OH_BYTES_NONE, { 1, 1 } };
    assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    shop->ledger->postal_code_count = OH_POSTAL_CODES_MAX;
    command.postal_code.postal_code = OH_BYTES("2");
    assert_int_equal(shop_do(shop, &command), OH_V_LEDGER_FULL);
    struct oh_effect effect = { .type = OH_EFFECT_POSTAL_CODE, .postal_code = command.postal_code };
    assert_int_equal(oh_ledger_restore(shop->ledger, &effect, &diag), OH_E_CORRUPT);
    command.postal_code.postal_code = OH_BYTES("1");
    command.postal_code.point.latitude = 2;
    assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    shop_drop(shop);
}

static void test_ledger_limits_ledger_is_full_when_a_row_would_make_one_group_too_many(void **state)
{
    (void)state;
    char name[16];
    struct shop *shop = shop_open(NULL);
    shop_node(shop, "n");
    for (uint32_t i = 0; i < OH_GROUPS_MAX; i++) {
        snprintf(name, sizeof(name), "g%u", i);
        assert_int_equal(shop_member(shop, name, "n", 0), OH_OK_DONE);
    }
    assert_int_equal(shop_member(shop, "more", "n", 0), OH_V_LEDGER_FULL);
    assert_int_equal(shop_member(shop, "g0", "n", 1), OH_OK_DONE);
    shop_close(shop);
}

static void test_ledger_limits_ledger_is_full_when_the_keys_are_and_no_longer_after_a_day(void **state)
{
    (void)state;
    struct oh_ledger_options options = SHOP_OPTIONS;
    char name[16];
    options.keys_max = 8;
    struct shop *shop = shop_open(&options);
    struct oh_command command = { .type = OH_COMMAND_ITEM };
    for (int i = 0; i < 9; i++) {
        snprintf(name, sizeof(name), "k%d", i);
        command.key = command.item.sku = oh_bytes_of(name);
        assert_int_equal(shop_do(shop, &command), i < 8 ? OH_OK_DONE : OH_V_LEDGER_FULL);
    }
    shop->now_us += SHOP_DAY_US;
    assert_int_equal(shop_do(shop, &command), OH_V_LEDGER_FULL); /* it sweeps four away, for the next */
    assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    shop_close(shop);
}

/* ---- No more room in one record --------------------------------------------------------------- */

static void test_ledger_limits_record_is_full_when_its_effects_are(void **state)
{
    (void)state;
    static struct oh_adjust_entry entries[OH_ENTRIES_MAX];
    struct oh_ledger_options options = SHOP_OPTIONS;
    options.history_max = 65536;
    struct shop *shop = shop_open(&options);
    shop_item(shop, "s");
    shop_node(shop, "n");
    shop_adjust(shop, "s", "n", 1);
    for (uint32_t i = 0; i < OH_ENTRIES_MAX; i++)
        entries[i] = (struct oh_adjust_entry){ .sku = OH_BYTES("s"), .node = OH_BYTES("n"), .quantity_milli = 1000,
                                               .at_us = SHOP_NOW_US };
    struct oh_command command = { .type = OH_COMMAND_ADJUST };
    command.adjust = (struct oh_adjust_command){ OH_BYTES("till"), entries, OH_ENTRIES_MAX };
    enum oh_err err = OH_OK;
    uint32_t done = 0;
    for (; err == OH_OK && done < 10; done += err == OH_OK ? 1 : 0)
        err = oh_ledger_apply(shop->ledger, shop->now_us, &command, &shop->answer);
    assert_int_equal(err, OH_E_FULL);
    assert_int_equal(done, 5); /* 10,000 effects each; one may need as many again, for ids */
    assert_true(shop_available(shop, "s", "n", "") == 1 + done * OH_ENTRIES_MAX); /* nothing of the last one */
    assert_true(shop_take_record(shop));
    assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    shop_close(shop);
}

static void test_ledger_limits_record_is_full_when_its_memory_is(void **state)
{
    (void)state;
    static char names[OH_NODES_MAX - 5][16];
    static struct oh_bytes nodes[OH_NODES_MAX - 5];
    const uint32_t count = OH_NODES_MAX - 5;
    struct oh_ledger *ledger = shop_ledger_create(NULL);
    struct oh_answer answer;
    struct oh_record record;
    for (uint32_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof(names[i]), "n%u", i);
        nodes[i] = oh_bytes_of(names[i]);
        struct oh_command node = { .type = OH_COMMAND_NODE, .node = { .node = nodes[i], .has_point = true } };
        node.node.point.latitude = i * (180.0 / OH_NODES_MAX) - 90; /* each at the end of the map */
        assert_int_equal(oh_ledger_apply(ledger, SHOP_NOW_US, &node, &answer), OH_OK);
        oh_ledger_take_record(ledger, &record);
    }
    struct oh_command last = { .type = OH_COMMAND_NODE, .node = { .node = nodes[count - 1], .has_point = true } };
    last.node.point.latitude = 90; /* taken from the end of the map, and put there again */
    assert_int_equal(oh_ledger_apply(ledger, SHOP_NOW_US, &last, &answer), OH_OK);
    oh_ledger_take_record(ledger, &record);
    struct oh_command group = { .type = OH_COMMAND_GROUP };
    group.group = (struct oh_group_command){ OH_BYTES("g"), OH_BYTES_NONE, nodes, count };
    enum oh_err err = OH_OK;
    uint32_t done = 0;
    for (; err == OH_OK && done < 100; done += err == OH_OK ? 1 : 0) {
        group.group.node_count = count - done % 2;
        err = oh_ledger_apply(ledger, SHOP_NOW_US, &group, &answer);
    }
    assert_int_equal(err, OH_E_FULL);
    assert_in_range(done, 30, 60); /* each keeps 6 bytes a member, of 16 MiB */
    assert_true(oh_ledger_take_record(ledger, &record));
    assert_int_equal(oh_ledger_apply(ledger, SHOP_NOW_US, &group, &answer), OH_OK);
    assert_null(ledger_audit(ledger));
    oh_ledger_destroy(&ledger);
}

/* ---- Numbers that go round -------------------------------------------------------------------- */

static void test_ledger_limits_commands_are_told_apart_when_their_stamp_goes_round(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    shop_item(shop, "s");
    shop_item(shop, "t");
    shop_node(shop, "n");
    shop_node(shop, "m");
    shop_adjust(shop, "s", "n", 10);
    shop_adjust(shop, "t", "m", 10);
    for (uint32_t left = 0; left < 6; left++) { /* commands before it goes round */
        shop->ledger->pending_stamp = UINT32_MAX - left;
        assert_int_equal(shop_reserve(shop, "", "", "s=5@n t=6@m s=6@n"), OH_V_INSUFFICIENT);
        assert_int_equal(shop->answer.fault_index, 2);
        assert_true(shop->answer.lines[2].available_milli == 5000);
        assert_int_equal(shop_reserve(shop, "", "", "t=4@m s=10@n t=7@m"), OH_V_INSUFFICIENT);
        assert_true(shop->answer.lines[2].available_milli == 6000);
    }
    shop_close(shop);
}

/* Many items and many nodes in one request: what is pending for one is not taken for another. */
static void test_ledger_limits_a_request_of_many_lines_keeps_its_claims_apart(void **state)
{
    (void)state;
    static struct oh_reserve_line lines[OH_LINES_MAX];
    static char skus[OH_LINES_MAX][16];
    struct oh_ledger_options options = SHOP_OPTIONS;
    options.items_max = options.positions_max = 4096;
    options.history_max = 4096;
    struct shop *shop = shop_open(&options);
    shop_node(shop, "n");
    shop_node(shop, "m");
    for (uint32_t i = 0; i < OH_LINES_MAX / 2; i++) {
        snprintf(skus[i], sizeof(skus[i]), "s%u", i);
        shop_item(shop, skus[i]);
        shop_adjust(shop, skus[i], "n", 3);
        shop_adjust(shop, skus[i], "m", 2);
    }
    for (uint32_t i = 0; i < OH_LINES_MAX; i++) /* each item twice: 3 of one node, 2 of the other */
        lines[i] = (struct oh_reserve_line){ .line = i + 1, .sku = oh_bytes_of(skus[i / 2]),
                                             .quantity_milli = i % 2 == 0 ? 4000 : 1000 };
    struct oh_command command = { .type = OH_COMMAND_RESERVE };
    command.reserve = (struct oh_reserve_command){ .kind = OH_KIND_CART, .lines = lines, .line_count = OH_LINES_MAX };
    lines[OH_LINES_MAX - 1].quantity_milli = 1001;
    assert_int_equal(shop_do(shop, &command), OH_V_INSUFFICIENT);
    assert_int_equal(shop->answer.fault_index, OH_LINES_MAX - 1);
    for (uint32_t i = 0; i + 1 < OH_LINES_MAX; i++)
        assert_int_equal(shop->answer.lines[i].verdict, OH_OK_DONE);
    lines[OH_LINES_MAX - 1].quantity_milli = 1000;
    assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    for (uint32_t i = 0; i < OH_LINES_MAX / 2; i++)
        assert_true(shop_available(shop, skus[i], "n", "") + shop_available(shop, skus[i], "m", "") == 0);
    shop_close(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ledger_limits_options_beyond_the_most_are_refused),
        cmocka_unit_test(test_ledger_limits_options_that_are_not_given_are_the_defaults),
        cmocka_unit_test(test_ledger_limits_replay_says_no_memory_when_the_text_is_full),
        cmocka_unit_test(test_ledger_limits_ledger_is_full_when_a_command_may_need_more_text_than_there_is),
        cmocka_unit_test(test_ledger_limits_replay_says_no_memory_when_the_positions_are_full),
        cmocka_unit_test(test_ledger_limits_replay_says_no_memory_when_the_rare_parts_are_full),
        cmocka_unit_test(test_ledger_limits_ledger_is_full_when_a_command_needs_a_rare_part),
        cmocka_unit_test(test_ledger_limits_entries_that_need_no_new_position_go_on_when_positions_are_full),
        cmocka_unit_test(test_ledger_limits_replay_says_no_memory_when_reservations_or_claims_are_full),
        cmocka_unit_test(test_ledger_limits_ledger_is_full_when_rules_fences_or_supplies_are),
        cmocka_unit_test(test_ledger_limits_replay_refuses_more_rules_fences_and_supplies_than_there_may_be),
        cmocka_unit_test(test_ledger_limits_ledger_is_full_when_the_postal_codes_are),
        cmocka_unit_test(test_ledger_limits_ledger_is_full_when_a_row_would_make_one_group_too_many),
        cmocka_unit_test(test_ledger_limits_ledger_is_full_when_the_keys_are_and_no_longer_after_a_day),
        cmocka_unit_test(test_ledger_limits_record_is_full_when_its_effects_are),
        cmocka_unit_test(test_ledger_limits_record_is_full_when_its_memory_is),
        cmocka_unit_test(test_ledger_limits_commands_are_told_apart_when_their_stamp_goes_round),
        cmocka_unit_test(test_ledger_limits_a_request_of_many_lines_keeps_its_claims_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
