/*
 * test_ledger.c - a ledger's limits: memory that cannot be had, pools that
 * are full, requests that are too large. Nothing changes, and the answer says so.
 */
#include "onhand/ledger.h"
#include "support/test.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define NOW_US INT64_C(1795352400000000)

struct counted { int live; int made; int fail_at; };

static void *counted_allocate(void *ctx, size_t size)
{
    struct counted *counted = ctx;
    if (++counted->made == counted->fail_at)
        return NULL;
    counted->live++;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void counted_release(void *ctx, void *memory, size_t size)
{
    struct counted *counted = ctx;
    counted->live--;
    (void)munmap(memory, size);
}

static const struct oh_ledger_options SMALL = {
    .items_max = 8,
    .positions_max = 8,
    .reservations_max = 4,
    .claims_max = 16,
    .keys_max = 16,
    .history_max = 16,
    .text_size_max = 64 << 20,
};

static struct oh_ledger *ledger_make(struct counted *counted)
{
    struct oh_allocator allocator = { counted_allocate, counted_release, counted };
    struct oh_ledger *ledger = NULL;
    assert_int_equal(oh_ledger_create(&SMALL, &allocator, &ledger), OH_OK);
    return ledger;
}

static struct oh_answer apply_at(struct oh_ledger *ledger, int64_t now_us, const struct oh_command *command)
{
    struct oh_answer answer;
    struct oh_record record;
    assert_int_equal(oh_ledger_apply(ledger, now_us, command, &answer), OH_OK);
    oh_ledger_take_record(ledger, &record);
    return answer;
}

static struct oh_answer apply(struct oh_ledger *ledger, const struct oh_command *command)
{
    return apply_at(ledger, NOW_US, command);
}

static void place_make(struct oh_ledger *ledger)
{
    struct oh_command node = { .type = OH_COMMAND_NODE };
    node.node = (struct oh_node_command){ .node = OH_BYTES("n"), .ships = true, .collects = true, .enabled = true };
    struct oh_command item = { .type = OH_COMMAND_ITEM };
    item.item.sku = OH_BYTES("s");
    struct oh_adjust_entry entry = { .sku = OH_BYTES("s"), .node = OH_BYTES("n"), .quantity_milli = 100000,
                                     .at_us = OH_TIME_US_NONE };
    struct oh_command adjust = { .type = OH_COMMAND_ADJUST };
    adjust.adjust = (struct oh_adjust_command){ OH_BYTES("t"), &entry, 1 };
    assert_int_equal(apply(ledger, &node).verdict, OH_OK_DONE);
    assert_int_equal(apply(ledger, &item).verdict, OH_OK_DONE);
    assert_int_equal(apply(ledger, &adjust).verdict, OH_OK_DONE);
}

static struct oh_answer reserve_at(struct oh_ledger *ledger, int64_t now_us, struct oh_bytes id, int64_t milli)
{
    struct oh_reserve_line line = { .line = 1, .sku = OH_BYTES("s"), .node = OH_BYTES("n"), .quantity_milli = milli };
    struct oh_command command = { .type = OH_COMMAND_RESERVE };
    command.reserve = (struct oh_reserve_command){ .id = id, .kind = OH_KIND_CART, .lines = &line, .line_count = 1 };
    return apply_at(ledger, now_us, &command);
}

static struct oh_answer act_at(struct oh_ledger *ledger, int64_t now_us, enum oh_command_type type,
                               struct oh_bytes id)
{
    struct oh_command command = { .type = type };
    command.action = (struct oh_action_command){ .id = id, .at_us = OH_TIME_US_NONE };
    return apply_at(ledger, now_us, &command);
}

static void test_ledger_create_fails_cleanly_when_any_allocation_fails(void **state)
{
    (void)state;
    int needed = 0;
    for (int fail_at = 1; needed == 0; fail_at++) {
        struct counted counted = { .fail_at = fail_at };
        struct oh_allocator allocator = { counted_allocate, counted_release, &counted };
        struct oh_ledger *ledger = NULL;
        enum oh_err err = oh_ledger_create(&SMALL, &allocator, &ledger);
        if (err == OH_OK) {
            needed = fail_at - 1;
            oh_ledger_destroy(&ledger);
        } else {
            assert_int_equal(err, OH_E_NOMEM);
            assert_null(ledger);
        }
        assert_int_equal(counted.live, 0);
    }
    assert_true(needed > 30);
}

static void test_ledger_create_refuses_options_out_of_range(void **state)
{
    (void)state;
    struct counted counted = { 0 };
    struct oh_allocator allocator = { counted_allocate, counted_release, &counted };
    struct oh_ledger *ledger = NULL;
    struct oh_ledger_options options = SMALL;
    options.history_max = 17;
    assert_int_equal(oh_ledger_create(&options, &allocator, &ledger), OH_E_INVALID);
    options = SMALL;
    options.items_max = OH_ITEMS_MAX + 1;
    assert_int_equal(oh_ledger_create(&options, &allocator, &ledger), OH_E_INVALID);
    options = SMALL;
    options.positions_max = OH_POSITIONS_MAX + 1;
    assert_int_equal(oh_ledger_create(&options, &allocator, &ledger), OH_E_INVALID);
    assert_int_equal(counted.live, 0);
}

static void test_ledger_is_full_when_the_reservations_are_at_their_limit(void **state)
{
    (void)state;
    struct counted counted = { 0 };
    struct oh_ledger *ledger = ledger_make(&counted);
    place_make(ledger);
    for (uint32_t i = 0; i < SMALL.reservations_max; i++)
        assert_int_equal(reserve_at(ledger, NOW_US, OH_BYTES_NONE, 1000).verdict, OH_OK_DONE);
    uint64_t seq = oh_ledger_seq(ledger);
    assert_int_equal(reserve_at(ledger, NOW_US, OH_BYTES_NONE, 1000).verdict, OH_V_LEDGER_FULL);
    assert_int_equal(oh_ledger_seq(ledger), seq);
    oh_ledger_destroy(&ledger);
    assert_int_equal(counted.live, 0);
}

static void test_ledger_is_full_when_the_items_are_at_their_limit(void **state)
{
    (void)state;
    struct counted counted = { 0 };
    struct oh_ledger *ledger = ledger_make(&counted);
    char name[16];
    for (uint32_t i = 0; i <= SMALL.items_max; i++) {
        struct oh_command item = { .type = OH_COMMAND_ITEM };
        snprintf(name, sizeof(name), "sku-%u", i);
        item.item.sku = oh_bytes_of(name);
        assert_int_equal(apply(ledger, &item).verdict, i < SMALL.items_max ? OH_OK_DONE : OH_V_LEDGER_FULL);
    }
    oh_ledger_destroy(&ledger);
}

/* Puts `count` objects and one more: the last is refused, and nothing else. */
static void assert_limit(enum oh_command_type type, uint32_t count)
{
    struct counted counted = { 0 };
    struct oh_ledger *ledger = ledger_make(&counted);
    char name[16];
    for (uint32_t i = 0; i <= count; i++) {
        struct oh_command command = { .type = type };
        snprintf(name, sizeof(name), "x%u", i);
        if (type == OH_COMMAND_NODE)
            command.node.node = oh_bytes_of(name);
        else if (type == OH_COMMAND_GROUP)
            command.group.group = oh_bytes_of(name);
        else
            command.channel.channel = oh_bytes_of(name);
        assert_int_equal(apply(ledger, &command).verdict, i < count ? OH_OK_DONE : OH_V_LEDGER_FULL);
    }
    assert_int_equal(oh_ledger_seq(ledger), count);
    oh_ledger_destroy(&ledger);
}

static void test_ledger_is_full_when_nodes_groups_or_channels_are_at_their_limit(void **state)
{
    (void)state;
    assert_limit(OH_COMMAND_NODE, OH_NODES_MAX);
    assert_limit(OH_COMMAND_GROUP, OH_GROUPS_MAX);
    assert_limit(OH_COMMAND_CHANNEL, OH_CHANNELS_MAX);
}

/* An item at every node there can be: the list of its nodes at its longest. */
static void test_ledger_keeps_an_item_at_every_node(void **state)
{
    (void)state;
    struct counted counted = { 0 };
    struct oh_allocator allocator = { counted_allocate, counted_release, &counted };
    struct oh_ledger_options options = SMALL;
    struct oh_ledger *ledger = NULL;
    struct oh_command item = { .type = OH_COMMAND_ITEM };
    char name[16];
    options.positions_max = OH_NODES_MAX;
    assert_int_equal(oh_ledger_create(&options, &allocator, &ledger), OH_OK);
    item.item.sku = OH_BYTES("s");
    assert_int_equal(apply(ledger, &item).verdict, OH_OK_DONE);
    for (uint32_t i = OH_NODES_MAX; i-- > 0;) { /* backwards: each goes to the front of the list */
        struct oh_command node = { .type = OH_COMMAND_NODE };
        snprintf(name, sizeof(name), "n%u", i);
        node.node = (struct oh_node_command){ .node = oh_bytes_of(name), .enabled = true };
        assert_int_equal(apply(ledger, &node).verdict, OH_OK_DONE);
        struct oh_sync_entry entry = { .sku = OH_BYTES("s"), .node = oh_bytes_of(name), .quantity_milli = 1000,
                                       .as_of_us = NOW_US };
        struct oh_command sync = { .type = OH_COMMAND_SYNC };
        sync.sync = (struct oh_sync_command){ OH_BYTES("c"), &entry, 1 };
        assert_int_equal(apply(ledger, &sync).lines[0].verdict, OH_OK_DONE);
    }
    struct oh_command channel = { .type = OH_COMMAND_CHANNEL };
    struct oh_availability availability;
    channel.channel.channel = OH_BYTES("c");
    assert_int_equal(apply(ledger, &channel).verdict, OH_OK_DONE);
    oh_available_in_channel(ledger, (struct oh_item_id){ 0 }, (struct oh_asker){ .kind = OH_KIND_ANY }, NOW_US,
                            &availability);
    assert_int_equal(availability.available_milli, (int64_t)OH_NODES_MAX * 1000);
    oh_ledger_destroy(&ledger);
}

static struct oh_answer adjust(struct oh_ledger *ledger, struct oh_bytes sku)
{
    struct oh_adjust_entry entry = { .sku = sku, .node = OH_BYTES("n"), .quantity_milli = -1000,
                                     .at_us = OH_TIME_US_NONE };
    struct oh_command command = { .type = OH_COMMAND_ADJUST };
    command.adjust = (struct oh_adjust_command){ OH_BYTES("till"), &entry, 1 };
    return apply(ledger, &command);
}

/* A sale of what is there is a fact even when no new position can be made; so is giving a claim back. */
static void test_ledger_that_is_full_goes_on_with_what_it_has(void **state)
{
    (void)state;
    struct counted counted = { 0 };
    struct oh_allocator allocator = { counted_allocate, counted_release, &counted };
    struct oh_ledger_options options = SMALL;
    struct oh_ledger *ledger = NULL;
    options.positions_max = 1;
    options.claims_max = 2;
    assert_int_equal(oh_ledger_create(&options, &allocator, &ledger), OH_OK);
    place_make(ledger);
    struct oh_command item = { .type = OH_COMMAND_ITEM };
    item.item.sku = OH_BYTES("new");
    assert_int_equal(apply(ledger, &item).verdict, OH_OK_DONE);
    assert_int_equal(adjust(ledger, OH_BYTES("new")).verdict, OH_V_LEDGER_FULL);
    assert_int_equal(adjust(ledger, OH_BYTES("s")).verdict, OH_OK_DONE);
    assert_int_equal(reserve_at(ledger, NOW_US, OH_BYTES("a"), 1000).verdict, OH_OK_DONE);
    assert_int_equal(reserve_at(ledger, NOW_US, OH_BYTES("b"), 1000).verdict, OH_V_LEDGER_FULL);
    assert_int_equal(act_at(ledger, NOW_US, OH_COMMAND_CONFIRM, OH_BYTES("a")).verdict, OH_OK_DONE);
    assert_int_equal(act_at(ledger, NOW_US, OH_COMMAND_RELEASE, OH_BYTES("a")).verdict, OH_OK_DONE);
    oh_ledger_destroy(&ledger);
}

static uint64_t memory_size(const struct oh_ledger *ledger)
{
    struct oh_ledger_stats stats;
    oh_ledger_stats_get(ledger, &stats);
    return stats.memory_size;
}

/* The stated cost of a position (64 bytes) and of a live one-line reservation (200), each on a position of its own. */
static void test_ledger_keeps_to_its_memory_for_positions_and_reservations(void **state)
{
    (void)state;
    const uint32_t items = 3000, nodes = 30;
    struct counted counted = { 0 };
    struct oh_allocator allocator = { counted_allocate, counted_release, &counted };
    struct oh_ledger_options options = { .items_max = items, .positions_max = items * nodes,
                                         .reservations_max = items * nodes, .claims_max = items * nodes * 2,
                                         .keys_max = 16, .history_max = 16, .text_size_max = 256 << 20 };
    struct oh_ledger *ledger = NULL;
    char node[16], sku[16];
    assert_int_equal(oh_ledger_create(&options, &allocator, &ledger), OH_OK);
    uint64_t before = 0;
    for (uint32_t n = 0; n < nodes; n++) {
        struct oh_command put = { .type = OH_COMMAND_NODE };
        snprintf(node, sizeof(node), "n%u", n);
        put.node = (struct oh_node_command){ .node = oh_bytes_of(node), .enabled = true };
        apply(ledger, &put);
    }
    for (uint32_t i = 0; i < items; i++) {
        struct oh_command put = { .type = OH_COMMAND_ITEM };
        snprintf(sku, sizeof(sku), "s%u", i);
        put.item.sku = oh_bytes_of(sku);
        apply(ledger, &put);
    }
    before = memory_size(ledger);
    for (uint32_t at = 0; at < items * nodes; at++) {
        snprintf(sku, sizeof(sku), "s%u", at % items);
        snprintf(node, sizeof(node), "n%u", at / items);
        struct oh_sync_entry entry = { .sku = oh_bytes_of(sku), .node = oh_bytes_of(node), .quantity_milli = 1000,
                                       .as_of_us = NOW_US };
        struct oh_command sync = { .type = OH_COMMAND_SYNC };
        sync.sync = (struct oh_sync_command){ OH_BYTES("c"), &entry, 1 };
        assert_int_equal(apply(ledger, &sync).lines[0].verdict, OH_OK_DONE);
    }
    assert_in_range(memory_size(ledger) - before, 1, 64ull * items * nodes);
    before = memory_size(ledger);
    for (uint32_t at = 0; at < items * nodes; at++) {
        snprintf(sku, sizeof(sku), "s%u", at % items);
        snprintf(node, sizeof(node), "n%u", at / items);
        struct oh_reserve_line line = { .line = 1, .sku = oh_bytes_of(sku), .node = oh_bytes_of(node),
                                        .quantity_milli = 1000 };
        struct oh_command command = { .type = OH_COMMAND_RESERVE };
        command.reserve = (struct oh_reserve_command){ .kind = OH_KIND_CART, .ttl_us = 1000000, .lines = &line,
                                                       .line_count = 1 };
        assert_int_equal(apply(ledger, &command).verdict, OH_OK_DONE);
    }
    assert_in_range(memory_size(ledger) - before, 1, 200ull * items * nodes);
    oh_ledger_destroy(&ledger);
}

/* Ended reservations and old keys make room after their day. */
static void test_ledger_remembers_for_a_day_and_no_longer(void **state)
{
    (void)state;
    struct counted counted = { 0 };
    struct oh_ledger *ledger = ledger_make(&counted);
    int64_t later_us = NOW_US + OH_KEY_RETENTION_US;
    place_make(ledger);
    assert_int_equal(reserve_at(ledger, NOW_US, OH_BYTES("a"), 1000).verdict, OH_OK_DONE);
    assert_int_equal(act_at(ledger, NOW_US, OH_COMMAND_RELEASE, OH_BYTES("a")).verdict, OH_OK_DONE);
    assert_int_equal(act_at(ledger, later_us - 1, OH_COMMAND_RELEASE, OH_BYTES("a")).verdict, OH_V_ALREADY_RELEASED);
    assert_int_equal(reserve_at(ledger, later_us - 1, OH_BYTES("a"), 2000).verdict, OH_V_IDEMPOTENCY_MISMATCH);
    assert_true(reserve_at(ledger, later_us - 1, OH_BYTES("a"), 1000).is_repeat);
    assert_int_equal(act_at(ledger, later_us, OH_COMMAND_RELEASE, OH_BYTES("a")).verdict, OH_V_UNKNOWN_RESERVATION);
    struct oh_answer answer = reserve_at(ledger, later_us, OH_BYTES("a"), 2000);
    assert_int_equal(answer.verdict, OH_OK_DONE);
    assert_false(answer.is_repeat);
    oh_ledger_destroy(&ledger);
}

/* The clock of a caller may step back; the ledger's does not. */
static void test_ledger_time_stands_still_when_the_clock_steps_back(void **state)
{
    (void)state;
    struct counted counted = { 0 };
    struct oh_ledger *ledger = ledger_make(&counted);
    place_make(ledger);
    struct oh_answer answer = reserve_at(ledger, NOW_US - 3600000000, OH_BYTES("a"), 1000);
    assert_int_equal(answer.created_at_us, NOW_US);
    assert_int_equal(oh_ledger_time_us(ledger), NOW_US);
    oh_ledger_destroy(&ledger);
}

static void test_ledger_refuses_a_count_older_than_the_movements_it_remembers(void **state)
{
    (void)state;
    struct counted counted = { 0 };
    struct oh_ledger *ledger = ledger_make(&counted);
    place_make(ledger);
    struct oh_adjust_entry entry = { .sku = OH_BYTES("s"), .node = OH_BYTES("n"), .quantity_milli = -1000 };
    struct oh_command adjust = { .type = OH_COMMAND_ADJUST };
    adjust.adjust = (struct oh_adjust_command){ OH_BYTES("t"), &entry, 1 };
    for (uint32_t i = 1; i <= SMALL.history_max; i++) { /* the first movement, at NOW, is forgotten */
        entry.at_us = NOW_US + i;
        apply_at(ledger, NOW_US + 100, &adjust);
    }
    struct oh_sync_entry count = { .sku = OH_BYTES("s"), .node = OH_BYTES("n"), .quantity_milli = 50000 };
    struct oh_command sync = { .type = OH_COMMAND_SYNC };
    sync.sync = (struct oh_sync_command){ OH_BYTES("c"), &count, 1 };
    count.as_of_us = NOW_US - 1;
    assert_int_equal(apply_at(ledger, NOW_US + 100, &sync).lines[0].verdict, OH_V_COUNT_TOO_OLD);
    count.as_of_us = NOW_US;
    struct oh_answer answer = apply_at(ledger, NOW_US + 100, &sync);
    assert_int_equal(answer.lines[0].verdict, OH_OK_DONE);
    assert_int_equal(answer.lines[0].available_milli, 50000 - 1000 * (int64_t)SMALL.history_max);
    oh_ledger_destroy(&ledger);
}

static void object_count(void *ctx, const struct oh_effect *object)
{
    (void)object;
    ++*(uint32_t *)ctx;
}

static void test_ledger_gives_a_snapshot_in_steps_of_one(void **state)
{
    (void)state;
    struct counted counted = { 0 };
    struct oh_ledger *ledger = ledger_make(&counted);
    uint32_t at_once = 0, in_steps = 0, steps = 1;
    place_make(ledger);
    assert_int_equal(reserve_at(ledger, NOW_US, OH_BYTES("R"), 1000).verdict, OH_OK_DONE);
    oh_ledger_export(ledger, object_count, &at_once);
    assert_true(at_once > 4);
    oh_ledger_snapshot_begin(ledger, object_count, &in_steps);
    for (; !oh_ledger_snapshot_step(ledger, 1); steps++)
        assert_true(steps < 1000);
    assert_int_equal(in_steps, at_once);
    assert_true(steps >= at_once);
    oh_ledger_destroy(&ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ledger_create_fails_cleanly_when_any_allocation_fails),
        cmocka_unit_test(test_ledger_create_refuses_options_out_of_range),
        cmocka_unit_test(test_ledger_is_full_when_the_reservations_are_at_their_limit),
        cmocka_unit_test(test_ledger_is_full_when_the_items_are_at_their_limit),
        cmocka_unit_test(test_ledger_is_full_when_nodes_groups_or_channels_are_at_their_limit),
        cmocka_unit_test(test_ledger_keeps_an_item_at_every_node),
        cmocka_unit_test(test_ledger_that_is_full_goes_on_with_what_it_has),
        cmocka_unit_test(test_ledger_keeps_to_its_memory_for_positions_and_reservations),
        cmocka_unit_test(test_ledger_remembers_for_a_day_and_no_longer),
        cmocka_unit_test(test_ledger_time_stands_still_when_the_clock_steps_back),
        cmocka_unit_test(test_ledger_gives_a_snapshot_in_steps_of_one),
        cmocka_unit_test(test_ledger_refuses_a_count_older_than_the_movements_it_remembers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
