/*
 * test_keys.c - idempotency (docs/spec/ledger.md, L38, L39): every field of a request is part of what a key remembers,
 * every field of an answer of what it gives again.
 */
#include "core/state.h"
#include "support/shop.h"
#include "support/test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct shop *world_open(void)
{
    struct shop *shop = shop_open(NULL);
    shop_item(shop, "s");
    shop_item(shop, "t");
    shop_node_at(shop, "n", 1, 1);
    shop_node_at(shop, "m", 2, 2);
    shop_group(shop, "g", "n m");
    shop_channel(shop, "c", OH_POLICY_PRIORITY, "", "");
    shop_adjust(shop, "s", "n", 100);
    shop_adjust(shop, "s", "m", 100);
    return shop;
}

/* ---- Every field of a request ----------------------------------------------------------------- */

/* The requests differ in one place each, and none may pass for the first one. */
static void assert_told_apart(const struct oh_command *requests, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct shop *shop = world_open();
        struct oh_command first = requests[0], other = requests[i];
        first.key = other.key = OH_BYTES("k");
        enum oh_verdict verdict = shop_do(shop, &first);
        assert_true(oh_verdict_is_success(verdict) || oh_verdict_http_status(verdict) == 409);
        assert_int_equal(shop_do(shop, &other), OH_V_IDEMPOTENCY_MISMATCH);
        assert_int_equal(shop->answer.field, OH_FIELD_KEY);
        assert_false(shop->answer.is_repeat);
        assert_int_equal(shop_do(shop, &first), verdict);
        assert_true(shop->answer.is_repeat);
        shop_close(shop);
    }
}

#define CHANGED(type, count, ...)                                         \
    do {                                                                  \
        struct oh_command requests[count];                                \
        for (size_t r = 0; r < (count); r++)                              \
            requests[r] = base;                                           \
        __VA_ARGS__                                                       \
        assert_told_apart(requests, count);                               \
    } while (0)

static void test_keys_tell_reservations_apart_by_every_field(void **state)
{
    (void)state;
    struct oh_reserve_line line = { .line = 1, .sku = OH_BYTES("s"), .quantity_milli = 1000 };
    struct oh_reserve_line lines[6] = { line, line, line, line, line, line };
    struct oh_command base = { .type = OH_COMMAND_RESERVE };
    base.reserve = (struct oh_reserve_command){ .kind = OH_KIND_CART, .ttl_us = 1000000, .lines = &line,
                                                .line_count = 1, .near = { true, { 1, 1 }, 500 } };
    lines[0].sku = OH_BYTES("t");
    lines[1].node = OH_BYTES("n");
    lines[2].group = OH_BYTES("g");
    lines[3].line = 2;
    lines[4].quantity_milli = 2000;
    CHANGED(reserve, 17, {
        for (int i = 0; i < 5; i++)
            requests[1 + i].reserve.lines = &lines[i];
        requests[6].reserve.id = OH_BYTES("R");
        requests[7].reserve.channel = OH_BYTES("c");
        requests[8].reserve.customer = OH_BYTES("x");
        requests[9].reserve.order = OH_BYTES("x");
        requests[10].reserve.kind = OH_KIND_SHIP;
        requests[11].reserve.ttl_us = 0;
        requests[12].reserve.allow_partial = true;
        requests[13].reserve.near.is_set = false;
        requests[14].reserve.near.point.latitude = 2;
        requests[15].reserve.near.point.longitude = 2;
        requests[16].reserve.near.radius_km = 0;
    });
}

static void test_keys_tell_actions_apart_by_every_field(void **state)
{
    (void)state;
    struct oh_action_line line = { .line = 1, .has_quantity = true, .quantity_milli = 1000 };
    struct oh_action_line lines[5] = { line, line, line, line, line };
    lines[0].line = 2;
    lines[1].node = OH_BYTES("n");
    lines[2].to_node = OH_BYTES("n");
    lines[3].has_quantity = false;
    lines[4].quantity_milli = 2000;
    for (int type = OH_COMMAND_CONFIRM; type <= OH_COMMAND_FULFIL; type++) {
        struct shop *shop = world_open();
        struct oh_command base = { .type = (enum oh_command_type)type, .key = OH_BYTES("k") };
        base.action = (struct oh_action_command){ .id = OH_BYTES("R"), .lines = &line, .line_count = 1,
                                                  .ttl_us = 1000000, .at_us = SHOP_NOW_US, .to_node = OH_BYTES("m") };
        shop_reserve(shop, "R", "", "s=5@n");
        shop_act(shop, OH_COMMAND_CONFIRM, "R", "1=2");
        assert_true(oh_verdict_is_success(shop_do(shop, &base)));
        struct oh_command others[11];
        for (int i = 0; i < 11; i++)
            others[i] = base;
        for (int i = 0; i < 5; i++)
            others[i].action.lines = &lines[i];
        others[5].action.id = OH_BYTES("S");
        others[6].action.to_node = OH_BYTES("n");
        others[7].action.return_rest = true;
        others[8].action.ttl_us++;
        others[9].action.at_us++;
        others[10].type = (enum oh_command_type)(type == OH_COMMAND_CONFIRM ? OH_COMMAND_RELEASE : type - 1);
        for (int i = 0; i < 11; i++)
            assert_int_equal(shop_do(shop, &others[i]), OH_V_IDEMPOTENCY_MISMATCH);
        shop_do(shop, &base);
        assert_true(shop->answer.is_repeat);
        shop_close(shop);
    }
}

static void test_keys_tell_adjusts_and_syncs_apart_by_every_field(void **state)
{
    (void)state;
    struct oh_adjust_entry entry = { .sku = OH_BYTES("s"), .node = OH_BYTES("n"), .reason = OH_BYTES("r"),
                                     .quantity_milli = 1000, .at_us = SHOP_NOW_US };
    struct oh_adjust_entry entries[7] = { entry, entry, entry, entry, entry, entry, entry };
    struct oh_command base = { .type = OH_COMMAND_ADJUST };
    base.adjust = (struct oh_adjust_command){ OH_BYTES("till"), &entry, 1 };
    entries[0].id = OH_BYTES("e");
    entries[1].sku = OH_BYTES("t");
    entries[2].node = OH_BYTES("m");
    entries[3].reason = OH_BYTES_NONE;
    entries[4].quantity_milli++;
    entries[5].state = OH_STATE_DAMAGED;
    entries[6].at_us = OH_TIME_US_NONE;
    CHANGED(adjust, 9, {
        for (int i = 0; i < 7; i++)
            requests[1 + i].adjust.entries = &entries[i];
        requests[8].adjust.source = OH_BYTES("other");
    });
    struct oh_sync_entry count = { .sku = OH_BYTES("s"), .node = OH_BYTES("n"), .quantity_milli = 1000,
                                   .as_of_us = SHOP_NOW_US };
    struct oh_sync_entry counts[7] = { count, count, count, count, count, count, count };
    base = (struct oh_command){ .type = OH_COMMAND_SYNC };
    base.sync = (struct oh_sync_command){ OH_BYTES("till"), &count, 1 };
    counts[0].sku = OH_BYTES("t");
    counts[1].node = OH_BYTES("m");
    counts[2].quantity_milli++;
    counts[3].state = OH_STATE_DAMAGED;
    counts[4].as_of_us--;
    counts[5].has_source_seq = true;
    counts[6].source_seq = 1;
    CHANGED(sync, 9, {
        for (int i = 0; i < 7; i++)
            requests[1 + i].sync.entries = &counts[i];
        requests[8].sync.source = OH_BYTES("other");
    });
}

static void test_keys_tell_nodes_and_rules_apart_by_every_field(void **state)
{
    (void)state;
    struct oh_command base = { .type = OH_COMMAND_NODE };
    struct oh_bytes x = OH_BYTES("x");
    base.node = (struct oh_node_command){ .node = OH_BYTES("new"), .has_point = true };
    CHANGED(node, 16, {
        requests[1].node.node = x;
        requests[2].node.name = x;
        requests[3].node.gln = x;
        requests[4].node.country = x;
        requests[5].node.time_zone = x;
        requests[6].node.city = x;
        requests[7].node.region = x;
        requests[8].node.postal_code = x;
        requests[9].node.type = OH_NODE_SUPPLIER;
        requests[10].node.has_point = false;
        requests[11].node.point.latitude = 1;
        requests[12].node.point.longitude = 1;
        requests[13].node.ships = true;
        requests[14].node.collects = true;
        requests[15].node.enabled = true;
    });
    base = (struct oh_command){ .type = OH_COMMAND_RULE };
    base.rule = (struct oh_rule_command){ .rule = OH_BYTES("r"), .values = { .mask = OH_RULE_SHIP_ALLOWED } };
    CHANGED(rule, 16, {
        requests[1].rule.rule = x;
        requests[2].rule.sku = x;
        requests[3].rule.node = x;
        requests[4].rule.channel = x;
        requests[5].rule.values.mask = OH_RULE_PREORDER;
        requests[6].rule.values.safety_stock_milli = 1;
        requests[7].rule.values.threshold_milli = 1;
        requests[8].rule.values.min_quantity_milli = 1;
        requests[9].rule.values.max_quantity_milli = 1;
        requests[10].rule.values.increment_milli = 1;
        requests[11].rule.values.backorder_limit_milli = 1;
        requests[12].rule.values.low_stock_milli = 1;
        requests[13].rule.values.pickup_allowed = true;
        requests[14].rule.values.ship_allowed = true;
        requests[15].rule.values.preorder = true;
    });
}

static void test_keys_tell_other_reference_data_apart_by_every_field(void **state)
{
    (void)state;
    struct oh_bytes x = OH_BYTES("x");
    const struct oh_bytes one[] = { OH_BYTES("n") }, other[] = { OH_BYTES("m") }, group[] = { OH_BYTES("g") };
    struct oh_command base = { .type = OH_COMMAND_ITEM, .item = { .sku = OH_BYTES("new") } };
    CHANGED(item, 4, {
        requests[1].item.sku = x;
        requests[2].item.name = x;
        requests[3].item.gtin = x;
    });
    base = (struct oh_command){ .type = OH_COMMAND_GROUP, .group = { OH_BYTES("new"), OH_BYTES_NONE, one, 1 } };
    CHANGED(group, 5, {
        requests[1].group.group = x;
        requests[2].group.name = x;
        requests[3].group.nodes = other;
        requests[4].group.node_count = 0;
    });
    base = (struct oh_command){ .type = OH_COMMAND_CHANNEL, .channel = { .channel = OH_BYTES("new"), .nodes = one,
                                                                        .node_count = 1, .groups = group } };
    CHANGED(channel, 6, {
        requests[1].channel.channel = x;
        requests[2].channel.name = x;
        requests[3].channel.policy = OH_POLICY_NEAREST;
        requests[4].channel.nodes = other;
        requests[5].channel.group_count = 1;
    });
    base = (struct oh_command){ .type = OH_COMMAND_FENCE };
    base.fence = (struct oh_fence_command){ OH_BYTES("f"), OH_BYTES("s"), OH_BYTES("n"), OH_BYTES("c"), 1000,
                                            OH_FENCE_REGULAR };
    CHANGED(fence, 7, {
        requests[1].fence.fence = x;
        requests[2].fence.sku = OH_BYTES("t");
        requests[3].fence.node = OH_BYTES("m");
        requests[4].fence.channel = x;
        requests[5].fence.quantity_milli = 2000;
        requests[6].fence.policy = OH_FENCE_RESTRICT;
    });
    base = (struct oh_command){ .type = OH_COMMAND_SUPPLY };
    base.supply = (struct oh_supply_command){ OH_BYTES("p"), OH_BYTES("s"), OH_BYTES("n"), 1000, SHOP_NOW_US };
    CHANGED(supply, 6, {
        requests[1].supply.supply = x;
        requests[2].supply.sku = OH_BYTES("t");
        requests[3].supply.node = OH_BYTES("m");
        requests[4].supply.quantity_milli = 2000;
        requests[5].supply.eta_us = SHOP_NOW_US + 1;
    });
}

/* Two texts that run into each other are two texts: ("ab", "c") is not ("a", "bc"). */
static void test_keys_know_where_one_text_ends_and_the_next_begins(void **state)
{
    (void)state;
    struct oh_command base = { .type = OH_COMMAND_ITEM, .item = { .sku = OH_BYTES("ab"), .name = OH_BYTES("c") } };
    CHANGED(item, 3, {
        requests[1].item = (struct oh_item_command){ .sku = OH_BYTES("a"), .name = OH_BYTES("bc") };
        requests[2].item = (struct oh_item_command){ .sku = OH_BYTES("abc") };
    });
}

/* ---- Other name spaces, and how long ---------------------------------------------------------- */

static enum oh_verdict adjust_with_id(struct shop *shop, const char *source, const char *id, double units)
{
    struct oh_adjust_entry entry = { .id = oh_bytes_of(id), .sku = OH_BYTES("s"), .node = OH_BYTES("n"),
                                     .quantity_milli = (int64_t)(units * 1000), .at_us = SHOP_NOW_US };
    struct oh_command command = { .type = OH_COMMAND_ADJUST };
    command.adjust = (struct oh_adjust_command){ oh_bytes_of(source), &entry, 1 };
    enum oh_verdict verdict = shop_do(shop, &command);
    return verdict == OH_OK_DONE ? shop->answer.lines[0].verdict : verdict;
}

static void test_keys_of_entries_are_per_source_and_last_a_day(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    assert_int_equal(adjust_with_id(shop, "till", "e", 1), OH_OK_DONE);
    assert_int_equal(adjust_with_id(shop, "till", "e", 1), OH_V_REPEATED);
    assert_int_equal(adjust_with_id(shop, "till", "e", 2), OH_V_IDEMPOTENCY_MISMATCH);
    assert_int_equal(adjust_with_id(shop, "til", "le", 1), OH_OK_DONE);
    assert_int_equal(adjust_with_id(shop, "other", "e", 2), OH_OK_DONE);
    assert_true(shop_available(shop, "s", "n", "") == 104);
    shop->now_us = SHOP_NOW_US + SHOP_DAY_US - 1;
    assert_int_equal(adjust_with_id(shop, "till", "e", 1), OH_V_REPEATED);
    shop->now_us++;
    assert_int_equal(adjust_with_id(shop, "till", "e", 1), OH_OK_DONE);
    shop_close(shop);
}

static void test_keys_of_an_adjust_are_each_of_one_entry(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_adjust_entry entries[3];
    for (int i = 0; i < 3; i++)
        entries[i] = (struct oh_adjust_entry){ .id = i == 1 ? OH_BYTES("f") : OH_BYTES("e"), .sku = OH_BYTES("s"),
                                               .node = OH_BYTES("n"), .quantity_milli = 1000, .at_us = SHOP_NOW_US };
    struct oh_command command = { .type = OH_COMMAND_ADJUST };
    command.adjust = (struct oh_adjust_command){ OH_BYTES("till"), entries, 3 };
    assert_int_equal(shop_do(shop, &command), OH_V_DUPLICATE_MEMBER);
    assert_int_equal(shop->answer.fault_index, 2);
    command.adjust.entry_count = 2;
    assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    shop_close(shop);
}

/* An answer is packed into what it may need at most; of that only what it does need is kept. */
static void test_keys_take_no_more_of_a_record_than_they_need(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_command command = { .type = OH_COMMAND_SUPPLY, .key = OH_BYTES("k") };
    command.supply = (struct oh_supply_command){ OH_BYTES("p"), OH_BYTES("s"), OH_BYTES("n"), 6, SHOP_NOW_US };
    assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    assert_in_range(shop->ledger->scratch_used, 24, 64);
    shop_close(shop);
}

/* A key that is no key, and rows of an import, which carry none: known by their type. */
static void test_keys_are_at_most_64_bytes(void **state)
{
    (void)state;
    char text[65];
    struct shop *shop = world_open();
    struct oh_command command = { .type = OH_COMMAND_ITEM, .item = { .sku = OH_BYTES("u") } };
    memset(text, 'k', sizeof(text));
    command.key = (struct oh_bytes){ text, 65 };
    assert_int_equal(shop_do(shop, &command), OH_V_INVALID_ID);
    assert_int_equal(shop->answer.field, OH_FIELD_KEY);
    command.key.size = 64;
    assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    struct oh_reserve_command with = { .ttl_us = 0 };
    struct oh_reserve_line line = { .line = 1, .sku = OH_BYTES("s"), .quantity_milli = 1000 };
    struct oh_command reserve = { .type = OH_COMMAND_RESERVE, .reserve = with };
    reserve.reserve.id = (struct oh_bytes){ text, 65 };
    reserve.reserve.kind = OH_KIND_CART;
    reserve.reserve.lines = &line;
    reserve.reserve.line_count = 1;
    assert_int_equal(shop_do(shop, &reserve), OH_V_INVALID_ID);
    assert_int_equal(shop->answer.field, OH_FIELD_ID);
    reserve.reserve.id.size = 64;
    assert_int_equal(shop_do(shop, &reserve), OH_OK_DONE);
    struct oh_command row = { .type = OH_COMMAND_GROUP_MEMBER, .key = OH_BYTES("row") };
    row.group_member = (struct oh_group_member_command){ OH_BYTES("g"), OH_BYTES("n"), 9 };
    assert_int_equal(shop_do(shop, &row), OH_OK_DONE);
    assert_int_equal(shop_do(shop, &row), OH_OK_DONE);
    assert_true(shop->answer.is_repeat);
    shop_close(shop);
}

/* ---- After a restore into less room ----------------------------------------------------------- */

static void object_restore(void *ctx, const struct oh_effect *object)
{
    struct oh_diag diag = { "" };
    assert_int_equal(oh_ledger_restore(ctx, object, &diag), OH_OK);
}

/* Keys are "kk<number>": the name space, then the name. */
static void key_note(void *ctx, const struct oh_effect *object)
{
    bool *is_kept = ctx;
    if (object->type != OH_EFFECT_KEY)
        return;
    char digits[8] = { 0 };
    memcpy(digits, object->key.key.data + 2, object->key.key.size - 2);
    is_kept[strtoul(digits, NULL, 10)] = true;
}

static void test_keys_the_newest_are_kept_when_there_is_less_room_after_a_restart(void **state)
{
    (void)state;
    struct oh_ledger_options options = SHOP_OPTIONS;
    char name[16];
    struct shop *shop = world_open();
    struct oh_command command = { .type = OH_COMMAND_ITEM };
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "k%d", i);
        command.key = command.item.sku = oh_bytes_of(name);
        shop->now_us += 7;
        assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    }
    options.keys_max = 8;
    struct oh_ledger *small = shop_ledger_create(&options);
    bool is_kept[20] = { false };
    struct oh_ledger_stats stats;
    oh_ledger_export(shop->ledger, object_restore, small);
    assert_int_equal(oh_ledger_advance(small, shop->now_us, 0), 0); /* puts what was restored in order */
    oh_ledger_export(small, key_note, is_kept);
    for (int i = 0; i < 20; i++)
        assert_int_equal(is_kept[i], i >= 12);
    oh_ledger_stats_get(small, &stats);
    assert_int_equal(stats.keys, 8);
    oh_ledger_destroy(&small);
    shop_close(shop);
}

/* ---- Packed answers: any bytes are read or refused -------------------------------------------- */

static void key_take(void *ctx, const struct oh_effect *object)
{
    struct oh_bytes *answer = ctx;
    if (object->type == OH_EFFECT_KEY)
        *answer = object->key.answer;
}

static void test_keys_refuse_an_answer_that_is_cut_or_longer_or_has_too_many_lines(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_command command = { .type = OH_COMMAND_RESERVE, .key = OH_BYTES("k") };
    struct oh_reserve_line line = { .line = 1, .sku = OH_BYTES("s"), .quantity_milli = 1000 };
    struct oh_bytes packed = OH_BYTES_NONE;
    struct oh_answer answer;
    char copy[256];
    command.reserve = (struct oh_reserve_command){ .kind = OH_KIND_CART, .lines = &line, .line_count = 1 };
    assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    oh_ledger_export(shop->ledger, key_take, &packed);
    assert_in_range(packed.size, 20, sizeof(copy) - 8);
    memcpy(copy, packed.data, packed.size);
    for (size_t size = 0; size < packed.size; size++) {
        char *cut = malloc(size + 1); /* of its own size, so that a read past the end is seen */
        memcpy(cut, copy, size);
        assert_false(answer_unpack(shop->ledger, (struct oh_bytes){ cut, size }, &answer));
        free(cut);
    }
    assert_true(answer_unpack(shop->ledger, (struct oh_bytes){ copy, packed.size }, &answer));
    copy[packed.size] = 0;
    assert_false(answer_unpack(shop->ledger, (struct oh_bytes){ copy, packed.size + 1 }, &answer));
    copy[packed.size + 1] = copy[packed.size + 2] = 0; /* two numbers are a window, and nothing is behind it */
    assert_true(answer_unpack(shop->ledger, (struct oh_bytes){ copy, packed.size + 2 }, &answer));
    assert_false(answer_unpack(shop->ledger, (struct oh_bytes){ copy, packed.size + 3 }, &answer));
    static const char too_many[] = "\x0c\0\0\0\0\0" "\0\0\0" "\0" "\xff\xff\x7f"; /* two million lines */
    assert_false(answer_unpack(shop->ledger, (struct oh_bytes){ too_many, sizeof(too_many) - 1 }, &answer));
    shop_close(shop);
}

/* What a record may not hold, for no answer is so large. */
static void test_keys_refuse_an_answer_that_no_block_can_hold(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    size_t most = OH_TEXT_BLOCK_SIZE_MAX - KEY_NAME_SIZE_MAX - 2;
    char *answer = calloc(1, most + 1);
    struct oh_effect_key effect = { .key = OH_BYTES("k"), .answer = { answer, most + 1 }, .at_us = SHOP_NOW_US };
    assert_int_equal(apply_key(shop->ledger, &effect, NO_HINT), OH_E_CORRUPT);
    effect.key.size = 0;
    assert_int_equal(apply_key(shop->ledger, &effect, NO_HINT), OH_E_CORRUPT);
    free(answer);
    shop_close(shop);
}

static int print_compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

/* Every action on every reservation of a short id: of "release R15" and "extend R16" one had passed for the other. */
static void test_keys_tell_each_action_on_each_short_id_apart(void **state)
{
    enum { IDS = 20000, TYPES = OH_COMMAND_FULFIL - OH_COMMAND_CONFIRM + 1 };
    uint64_t *prints = malloc((size_t)IDS * TYPES * sizeof(*prints));
    size_t count = 0;
    (void)state;
    assert_non_null(prints);
    for (uint32_t number = 0; number < IDS; number++) {
        char id[16];
        (void)snprintf(id, sizeof(id), number % 2 == 0 ? "R%u" : "%u", number / 2);
        for (uint32_t type = OH_COMMAND_CONFIRM; type <= OH_COMMAND_FULFIL; type++) {
            struct oh_command command = { .type = (enum oh_command_type)type };
            command.action = (struct oh_action_command){ .id = oh_bytes_of(id), .at_us = OH_TIME_US_NONE };
            prints[count++] = command_fingerprint(&command);
        }
    }
    qsort(prints, count, sizeof(*prints), print_compare);
    for (size_t i = 1; i < count; i++)
        assert_true(prints[i - 1] != prints[i]);
    free(prints);
}

/*
 * Prints are written into journals and snapshots, and a later version must find the same: they never change. When this
 * fails, clients that ask again under their keys after an upgrade are refused.
 */
static void test_keys_have_the_prints_that_journals_have(void **state)
{
    (void)state;
    struct oh_bytes names[] = { OH_BYTES("n"), OH_BYTES("m") };
    struct oh_reserve_line lines[] = {
        { .line = 1, .sku = OH_BYTES("s"), .node = OH_BYTES("n"), .quantity_milli = 1000 },
        { .line = 2, .sku = OH_BYTES("t"), .group = OH_BYTES("g"), .quantity_milli = 5 },
    };
    struct oh_action_line action_lines[] = { { .line = 1, .has_quantity = true, .quantity_milli = 7 },
                                             { .line = 2, .node = OH_BYTES("n"), .to_node = OH_BYTES("m") } };
    struct oh_adjust_entry adjusts[] = { { .sku = OH_BYTES("s"), .node = OH_BYTES("n"), .id = OH_BYTES("e"),
                                           .reason = OH_BYTES("sale"), .quantity_milli = -1, .at_us = SHOP_NOW_US },
                                         { .sku = OH_BYTES("t"), .node = OH_BYTES("n"), .state = OH_STATE_DAMAGED } };
    struct oh_sync_entry syncs[] = { { .sku = OH_BYTES("s"), .node = OH_BYTES("n"), .quantity_milli = 3,
                                       .as_of_us = SHOP_NOW_US, .has_source_seq = true, .source_seq = 9 } };
    const struct oh_action_command action = { .id = OH_BYTES("R"), .lines = action_lines, .line_count = 2,
                                              .ttl_us = 60, .at_us = SHOP_NOW_US, .to_node = OH_BYTES("m"),
                                              .return_rest = true };
    const struct oh_command commands[] = {
        { .type = OH_COMMAND_RESERVE,
          .reserve = { .id = OH_BYTES("R"), .channel = OH_BYTES("c"), .kind = OH_KIND_SHIP, .ttl_us = 60,
                       .customer = OH_BYTES("x"), .order = OH_BYTES("y"), .near = { true, { 1, 2 }, 3 },
                       .lines = lines, .line_count = 2 } },
        { .type = OH_COMMAND_CONFIRM, .action = action },
        { .type = OH_COMMAND_FULFIL, .action = action },
        { .type = OH_COMMAND_ADJUST, .adjust = { OH_BYTES("till"), adjusts, 2 } },
        { .type = OH_COMMAND_SYNC, .sync = { OH_BYTES("erp"), syncs, 1 } },
        { .type = OH_COMMAND_NODE,
          .node = { .node = OH_BYTES("n"), .name = OH_BYTES("Node"), .country = OH_BYTES("FR"), .has_point = true,
                    .point = { 1, 2 }, .enabled = true } },
        { .type = OH_COMMAND_ITEM, .item = { OH_BYTES("s"), OH_BYTES("Item"), OH_BYTES("96385074") } },
        { .type = OH_COMMAND_GROUP, .group = { OH_BYTES("g"), OH_BYTES("Group"), names, 2 } },
        { .type = OH_COMMAND_CHANNEL,
          .channel = { .channel = OH_BYTES("c"), .policy = OH_POLICY_NEAREST, .nodes = names, .node_count = 1,
                       .groups = names, .group_count = 2 } },
        { .type = OH_COMMAND_RULE,
          .rule = { .rule = OH_BYTES("r"), .sku = OH_BYTES("s"),
                    .values = { .mask = OH_RULE_THRESHOLD, .threshold_milli = 4 } } },
        { .type = OH_COMMAND_FENCE,
          .fence = { OH_BYTES("f"), OH_BYTES("s"), OH_BYTES("n"), OH_BYTES("c"), 5, OH_FENCE_RESTRICT } },
        { .type = OH_COMMAND_SUPPLY,
          .supply = { OH_BYTES("p"), OH_BYTES("s"), OH_BYTES("n"), 6, SHOP_NOW_US } },
    };
    static const uint64_t prints[] = {
        0x510a6531b3ae2594, 0xd95b0d0580b14311, 0x9960bc4ab00996ac, 0x4b9013c4e89184e0,
        0x96b67f4f2e8c365b, 0x6ee298674fc9736d, 0x0854fcb038ca5936, 0x78d2685e56942218,
        0x172264f5a5630fd2, 0x47583e227d83ad8a, 0x17aafac45f1a0332, 0x33b229015a28eb08,
    };
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        assert_int_equal(command_fingerprint(&commands[i]), prints[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_tell_reservations_apart_by_every_field),
        cmocka_unit_test(test_keys_have_the_prints_that_journals_have),
        cmocka_unit_test(test_keys_tell_actions_apart_by_every_field),
        cmocka_unit_test(test_keys_tell_each_action_on_each_short_id_apart),
        cmocka_unit_test(test_keys_tell_adjusts_and_syncs_apart_by_every_field),
        cmocka_unit_test(test_keys_tell_nodes_and_rules_apart_by_every_field),
        cmocka_unit_test(test_keys_tell_other_reference_data_apart_by_every_field),
        cmocka_unit_test(test_keys_know_where_one_text_ends_and_the_next_begins),
        cmocka_unit_test(test_keys_of_entries_are_per_source_and_last_a_day),
        cmocka_unit_test(test_keys_of_an_adjust_are_each_of_one_entry),
        cmocka_unit_test(test_keys_are_at_most_64_bytes),
        cmocka_unit_test(test_keys_take_no_more_of_a_record_than_they_need),
        cmocka_unit_test(test_keys_refuse_an_answer_that_is_cut_or_longer_or_has_too_many_lines),
        cmocka_unit_test(test_keys_refuse_an_answer_that_no_block_can_hold),
        cmocka_unit_test(test_keys_the_newest_are_kept_when_there_is_less_room_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
