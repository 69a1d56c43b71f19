/*
 * test_reservation.c - how reservations are made, listed and forgotten.
 */
#include "support/ledger_audit.h"
#include "support/shop.h"
#include "support/test.h"
#include <stdio.h>
#include <string.h>

static struct oh_ledger_options many(void)
{
    struct oh_ledger_options options = SHOP_OPTIONS;
    options.reservations_max = 70000;
    options.claims_max = 100000;
    options.positions_max = 16384;
    options.history_max = 8192;
    return options;
}

static struct shop *world_open(const struct oh_ledger_options *options)
{
    struct shop *shop = shop_open(options);
    shop_item(shop, "s");
    shop_node(shop, "n");
    shop_node(shop, "m");
    shop_adjust(shop, "s", "n", 100000);
    shop_adjust(shop, "s", "m", 100000);
    return shop;
}

/* ---- Ids -------------------------------------------------------------------------------------- */

static void test_reservation_get_an_id_that_nobody_has(void **state)
{
    (void)state;
    char id[16];
    struct shop *shop = world_open(NULL);
    unsigned long long next = oh_ledger_seq(shop->ledger) + 2;
    snprintf(id, sizeof(id), "r%llu", next);
    assert_int_equal(shop_reserve(shop, "\n", "", "s=1"), OH_V_INVALID_ID);
    assert_int_equal(shop_reserve(shop, id, "", "s=1"), OH_OK_DONE); /* the id that the next would get */
    assert_int_equal(shop_reserve(shop, "", "", "s=1"), OH_OK_DONE);
    snprintf(id, sizeof(id), "r%llu-1", next);
    assert_true(oh_bytes_equal(shop->answer.id, oh_bytes_of(id)));
    shop->keeps_record_open = true;
    for (int i = 0; i < 12; i++)
        assert_int_equal(shop_reserve(shop, "", "", "s=1"), OH_OK_DONE);
    snprintf(id, sizeof(id), "r%llu-11", next + 1);
    assert_true(oh_bytes_equal(shop->answer.id, oh_bytes_of(id)));
    shop_close(shop);
}

/* ---- Time ------------------------------------------------------------------------------------- */

/* Reservations expire whole, and one after the other until there are as many holds as were asked for. */
static void test_reservation_expire_no_more_at_once_than_asked_for(void **state)
{
    (void)state;
    struct shop *shop = world_open(NULL);
    struct oh_reserve_command brief = { .ttl_us = SHOP_SECOND_US };
    shop_reserve_with(shop, brief, "a", "", "s=1@n");
    shop_reserve_with(shop, brief, "b", "", "s=1@n");
    shop_reserve_with(shop, brief, "c", "", "s=1@n");
    brief.ttl_us = 2 * SHOP_SECOND_US;
    shop_reserve_with(shop, brief, "d", "", "s=1@n s=1@m");
    static const struct { int64_t after_us; uint32_t asked, expired; } steps[] = {
        { SHOP_SECOND_US - 1, 100, 0 }, { SHOP_SECOND_US, 0, 0 }, { SHOP_SECOND_US, 1, 1 }, { SHOP_SECOND_US, 2, 2 },
        { SHOP_SECOND_US, 100, 0 }, { 2 * SHOP_SECOND_US, 1, 2 }, { 2 * SHOP_SECOND_US, 1, 0 },
    };
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        uint32_t count = oh_ledger_advance(shop->ledger, shop->now_us + steps[i].after_us, steps[i].asked);
        assert_int_equal(count, steps[i].expired);
        assert_int_equal(shop_take_record(shop), count > 0);
    }
    assert_true(oh_ledger_next_due_us(shop->ledger) == OH_TIME_US_NONE);
    shop_close(shop);
}

/* A hold as the test knows it. */
struct known_hold {
    const char *channel;
    int64_t expires_us; /* INT64_MAX: confirmed, or without an end */
    int64_t units;      /* 0: gone */
};

#define KNOWN_MAX 64u

static int64_t known_sum(const struct known_hold *holds, uint32_t count, const char *channel, int64_t now_us)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        if (holds[i].expires_us > now_us && (channel == NULL || strcmp(holds[i].channel, channel) == 0))
            sum += holds[i].units;
    return sum;
}

/* Of channel a 40 are kept: what a has not claimed of them is not there for b. */
static void known_check(const struct shop *shop, const struct known_hold *holds, uint32_t count)
{
    int64_t all = known_sum(holds, count, NULL, shop->now_us);
    int64_t own = known_sum(holds, count, "a", shop->now_us);
    int64_t kept = own < 40 ? 40 - own : 0;
    for (int again = 0; again < 2; again++) {
        struct oh_position_view view = shop_position(shop, "s", "n");
        assert_int_equal(view.held_milli + view.confirmed_milli, all * 1000);
        assert_true(shop_available(shop, "s", "n", "a") == (double)(1000 - all));
        assert_true(shop_available(shop, "s", "n", "b") == (double)(1000 - all - kept));
    }
}

/* One more hold, or one that there is confirmed, ended, or given another end, also an earlier one. */
static void known_change(struct shop *shop, struct known_hold *holds, uint32_t *count, uint32_t step)
{
    char id[16];
    uint32_t which = step * 7 % *count;
    snprintf(id, sizeof(id), "h%u", which);
    struct oh_action_command extend = { .ttl_us = (int64_t)(1 + step % 5) * SHOP_SECOND_US };
    if (step % 2 == 0 || holds[which].units == 0 || holds[which].expires_us <= shop->now_us) {
        struct oh_reserve_command with = { .ttl_us = (int64_t)(step * 11 % 23) * SHOP_SECOND_US };
        holds[*count] = (struct known_hold){ step % 3 == 0 ? "b" : "a",
                                             with.ttl_us == 0 ? INT64_MAX : shop->now_us + with.ttl_us, 1 + step % 4 };
        char line[16];
        snprintf(id, sizeof(id), "h%u", *count);
        snprintf(line, sizeof(line), "s=%lld@n", (long long)holds[*count].units);
        assert_int_equal(shop_reserve_with(shop, with, id, holds[(*count)++].channel, line), OH_OK_DONE);
    } else if (holds[which].expires_us == INT64_MAX || step % 5 == 1) {
        assert_int_equal(shop_act(shop, OH_COMMAND_RELEASE, id, ""), OH_OK_DONE);
        holds[which].units = 0;
    } else if (step % 5 == 2) {
        assert_int_equal(shop_act(shop, OH_COMMAND_CONFIRM, id, ""), OH_OK_DONE);
        holds[which].expires_us = INT64_MAX;
    } else {
        assert_int_equal(shop_act_with(shop, OH_COMMAND_EXTEND, extend, id, ""), OH_OK_DONE);
        holds[which].expires_us = shop->now_us + extend.ttl_us;
    }
}

/* Their ends are not written, as on a full disk. What is known of one time is not said of another, also an earlier. */
static void test_reservation_that_is_due_counts_for_nothing_whenever_it_is_asked(void **state)
{
    (void)state;
    struct shop *shop = world_open(NULL);
    struct known_hold holds[KNOWN_MAX] = { { "a", INT64_MAX, 5 } };
    uint32_t count = 1;
    assert_int_equal(shop_adjust(shop, "s", "n", 1000 - shop_available(shop, "s", "n", "")), OH_OK_DONE);
    shop_channel(shop, "a", OH_POLICY_PRIORITY, "n", "");
    shop_channel(shop, "b", OH_POLICY_PRIORITY, "n", "");
    shop_fence(shop, "f", "s", "n", "a", 40, OH_FENCE_REGULAR);
    assert_int_equal(shop_reserve(shop, "h0", "a", "s=5@n"), OH_OK_DONE);
    for (uint32_t step = 0; step < 2 * KNOWN_MAX && count < KNOWN_MAX; step++) {
        known_check(shop, holds, count);
        if (step % 4 == 3)
            known_change(shop, holds, &count, step / 4 * 3 + step % 3);
        known_check(shop, holds, count);
        if (step % 9 == 8) { /* one of those that are due is written after all */
            (void)oh_ledger_advance(shop->ledger, shop->now_us, 1);
            (void)shop_take_record(shop);
            known_check(shop, holds, count);
        }
        shop->now_us += 3 * SHOP_SECOND_US;
        known_check(shop, holds, count);
        shop->now_us -= SHOP_SECOND_US * 5 / 2;
    }
    (void)shop_advance(shop);
    known_check(shop, holds, count);
    shop_close(shop);
}

/* What is known of one position is not said of another that has its place: there are more of them than places. */
static void test_reservation_that_is_due_counts_for_nothing_at_any_position(void **state)
{
    (void)state;
    struct oh_ledger_options options = SHOP_OPTIONS;
    options.items_max = options.positions_max = options.reservations_max = 4096;
    struct shop *shop = world_open(&options);
    struct oh_reserve_command brief = { .ttl_us = SHOP_SECOND_US };
    char sku[16], line[32];
    for (uint32_t i = 0; i < 1200; i++) {
        snprintf(sku, sizeof(sku), "s%u", i);
        snprintf(line, sizeof(line), "%s=%u@n", sku, 1 + i);
        shop_item(shop, sku);
        shop_adjust(shop, sku, "n", 3000);
        assert_int_equal(shop_reserve_with(shop, brief, "", "", line), OH_OK_DONE);
        assert_int_equal(shop_reserve(shop, "", "", line), OH_OK_DONE);
    }
    shop->now_us += SHOP_SECOND_US;
    for (uint32_t i = 0; i < 1200; i++) {
        snprintf(sku, sizeof(sku), "s%u", i);
        assert_true(shop_available(shop, sku, "n", "") == (double)(2999 - i));
    }
    shop_close(shop);
}

/* ---- Limits of one reservation ---------------------------------------------------------------- */

static void test_reservation_refuse_more_lines_than_there_may_be(void **state)
{
    (void)state;
    static struct oh_reserve_line lines[OH_LINES_MAX + 1];
    static struct oh_action_line action_lines[OH_LINES_MAX + 1];
    struct shop *shop = world_open(NULL);
    for (uint32_t i = 0; i < OH_LINES_MAX + 1; i++) {
        lines[i] = (struct oh_reserve_line){ .line = OH_LINES_MAX + 1 - i, .sku = OH_BYTES("s"), .node = OH_BYTES("n"),
                                             .quantity_milli = 1000 };
        action_lines[i].line = i + 1;
    }
    struct oh_command command = { .type = OH_COMMAND_RESERVE };
    command.reserve = (struct oh_reserve_command){ .id = OH_BYTES("R"), .kind = OH_KIND_CART, .lines = lines };
    command.reserve.line_count = OH_LINES_MAX + 1;
    assert_int_equal(shop_do(shop, &command), OH_V_TOO_MANY);
    command.reserve.line_count = OH_LINES_MAX;
    assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    struct oh_command confirm = { .type = OH_COMMAND_CONFIRM };
    confirm.action = (struct oh_action_command){ .id = OH_BYTES("R"), .lines = action_lines };
    confirm.action.line_count = OH_LINES_MAX + 1;
    assert_int_equal(shop_do(shop, &confirm), OH_V_TOO_MANY);
    confirm.action.lines = action_lines + 1; /* lines 2 to 1001: all that there are */
    confirm.action.line_count = OH_LINES_MAX;
    assert_int_equal(shop_do(shop, &confirm), OH_OK_DONE);
    shop_close(shop);
}

static void nodes_stock(struct shop *shop, uint32_t count)
{
    char name[16];
    for (uint32_t i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "x%u", i);
        shop_node(shop, name);
        shop_adjust(shop, "t", name, 1);
    }
}

static void test_reservation_are_split_over_so_many_nodes_and_no_more(void **state)
{
    (void)state;
    struct oh_ledger_options options = many();
    struct shop *shop = world_open(&options);
    shop_item(shop, "t");
    nodes_stock(shop, OH_CLAIMS_MAX + 1);
    assert_int_equal(shop_reserve(shop, "", "", "t=4097"), OH_V_TOO_MANY_SPLITS);
    assert_int_equal(shop->answer.fault_index, 0);
    assert_int_equal(shop_reserve(shop, "R", "", "t=4096"), OH_OK_DONE);
    assert_int_equal(shop->answer.line_count, OH_CLAIMS_MAX);
    /* Half of one claim moved away makes one claim too many; all of it does not. */
    assert_int_equal(shop_act(shop, OH_COMMAND_MOVE, "R", "1=0.5@x0>x4096"), OH_V_TOO_MANY_SPLITS);
    assert_int_equal(shop_act(shop, OH_COMMAND_MOVE, "R", "1@x0>x4096"), OH_OK_DONE);
    /* What was released of a claim stays, though what is held and what is confirmed of it go. */
    assert_int_equal(shop_act(shop, OH_COMMAND_RELEASE, "R", "1=0.5@x5"), OH_OK_DONE);
    assert_int_equal(shop_act(shop, OH_COMMAND_CONFIRM, "R", "1=0.25@x5"), OH_OK_DONE);
    assert_int_equal(shop_act(shop, OH_COMMAND_MOVE, "R", "1@x5>x0"), OH_V_TOO_MANY_SPLITS);
    shop_close(shop);
}

/* A channel that names a node and has it in its groups offers it once, in whatever word of a bitmap its bit is. */
static void test_reservation_take_a_node_once_that_a_channel_has_three_times(void **state)
{
    (void)state;
    char names[512] = "";
    struct oh_ledger_options options = many();
    struct shop *shop = world_open(&options);
    uint32_t count = 0;
    shop_item(shop, "t");
    for (uint32_t i = 0; i < 140; i++) {
        char name[16];
        bool is_near_a_word = i % 64 < 3 || i % 64 > 61;
        snprintf(name, sizeof(name), "x%u", i);
        shop_node(shop, name);
        if (!is_near_a_word)
            continue;
        shop_adjust(shop, "t", name, 1);
        snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s ", name);
        count++;
    }
    shop_group(shop, "g", names);
    shop_group(shop, "h", names);
    shop_channel(shop, "c", OH_POLICY_PRIORITY, names, "g h");
    assert_int_equal(shop_reserve_with(shop, (struct oh_reserve_command){ .allow_partial = true }, "R", "c", "t=99"),
                     OH_OK_DONE);
    assert_int_equal(shop->answer.line_count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_true(shop->answer.lines[i].quantity_milli == 1000);
    shop_close(shop);
}

/* ---- Ids that come back ----------------------------------------------------------------------- */

/* As many as there may be, all forgotten by now, in one record: the list of those that ended has room for no more. */
static void test_reservation_come_back_by_the_record(void **state)
{
    (void)state;
    static const char *const ids[] = { "a", "b", "c", "d" };
    struct oh_ledger_options options = SHOP_OPTIONS;
    options.reservations_max = 4;
    struct shop *shop = world_open(&options);
    const struct oh_reserve_command nothing = { .allow_partial = true };
    shop_node(shop, "empty");
    for (uint32_t day = 0; day < 3; day++) {
        assert_int_equal(shop_adjust(shop, "unknown", "n", 1), OH_V_UNKNOWN_ITEM); /* forgets, and makes no record */
        shop->keeps_record_open = day > 0;
        for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
            assert_int_equal(shop_reserve_with(shop, nothing, ids[i], "", "s=1@empty"), OH_OK_DONE);
            assert_int_equal(shop_status(shop, ids[i]), OH_STATUS_RELEASED);
        }
        shop_take_record(shop);
        assert_null(ledger_audit(shop->replica));
        shop->now_us += SHOP_DAY_US;
    }
    shop_close(shop);
}

/* ---- Lists ------------------------------------------------------------------------------------ */

static uint32_t list_all(struct shop *shop, const struct oh_reservation_filter *filter, uint32_t page_size)
{
    struct oh_reservation_id page[OH_LIST_MAX];
    uint64_t cursor = 0;
    uint32_t count = 0;
    for (uint32_t turns = 0; turns == 0 || cursor != 0; turns++) {
        assert_true(turns < 100000);
        count += oh_reservation_list(shop->ledger, filter, shop->now_us, page_size, &cursor, page);
    }
    return count;
}

static void test_reservation_are_listed_once_however_many_claims_they_have_at_a_node(void **state)
{
    (void)state;
    struct shop *shop = world_open(NULL);
    const struct oh_reservation_filter nothing = { .node_is_set = false };
    assert_int_equal(list_all(shop, &nothing, 1), 0);
    shop_reserve(shop, "R1", "", "s=1@n s=1@n s=1@m");
    shop_reserve(shop, "R2", "", "s=1@m");
    shop_reserve_with(shop, (struct oh_reserve_command){ .allow_partial = true }, "R3", "", "s=1000000@n");
    struct oh_reservation_filter at_n = { .node_is_set = true, .node = shop_node_id(shop, "n") };
    struct oh_reservation_filter at_m = { .node_is_set = true, .node = shop_node_id(shop, "m") };
    for (uint32_t page_size = 1; page_size < 5; page_size++) {
        assert_int_equal(list_all(shop, &at_n, page_size), 2);
        assert_int_equal(list_all(shop, &at_m, page_size), 2);
        assert_int_equal(list_all(shop, &nothing, page_size), 3);
    }
    shop_close(shop);
}

static void test_reservation_are_listed_by_customer_order_and_status(void **state)
{
    (void)state;
    struct shop *shop = world_open(NULL);
    char id[16];
    for (int i = 0; i < 12; i++) {
        struct oh_reserve_command with = { .customer = i % 2 == 0 ? OH_BYTES("anna") : OH_BYTES("bert"),
                                           .order = i % 3 == 0 ? OH_BYTES("o1") : OH_BYTES_NONE };
        snprintf(id, sizeof(id), "R%d", i);
        assert_int_equal(shop_reserve_with(shop, with, id, "", "s=1@n"), OH_OK_DONE);
        if (i % 4 == 0)
            shop_act(shop, OH_COMMAND_CONFIRM, id, "");
    }
    struct oh_reservation_filter filter = { .customer = OH_BYTES("anna") };
    assert_int_equal(list_all(shop, &filter, 4), 6);
    filter.order = OH_BYTES("o1");
    assert_int_equal(list_all(shop, &filter, 4), 2);
    filter.customer = OH_BYTES_NONE;
    assert_int_equal(list_all(shop, &filter, 3), 4);
    filter.status_is_set = true;
    filter.status = OH_STATUS_CONFIRMED;
    assert_int_equal(list_all(shop, &filter, 3), 1);
    filter.order = OH_BYTES("nobody's");
    assert_int_equal(list_all(shop, &filter, 3), 0);
    shop_close(shop);
}

/* Cursors come from outside: any number is a place to go on, or the end. */
static void test_reservation_list_takes_any_cursor(void **state)
{
    (void)state;
    struct oh_reservation_id page[OH_LIST_MAX];
    struct shop *shop = world_open(NULL);
    for (int round = 0; round < 2; round++) {
        struct oh_reserve_command with = { .customer = OH_BYTES("anna"), .order = OH_BYTES("o") };
        shop_reserve_with(shop, with, "A", "", "s=1@n s=1@m");
        shop_reserve_with(shop, (struct oh_reserve_command){ .allow_partial = true }, "B", "", "s=1000000@m");
        shop_act(shop, OH_COMMAND_RELEASE, "A", "");
        if (round == 0)
            shop->now_us += SHOP_DAY_US;
        shop_reserve(shop, "C", "", "s=1@n"); /* the second time round A is forgotten, and its slots are free */
        struct oh_reservation_filter filters[4] = { { .node_is_set = false } };
        filters[1].node_is_set = true;
        filters[2].customer = OH_BYTES("anna");
        filters[3].order = OH_BYTES("o");
        const uint64_t cursors[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 255, 256, 257, 16384, 16385, UINT32_MAX,
                                     (uint64_t)UINT32_MAX + 1, UINT64_MAX };
        for (int f = 0; f < 4; f++) {
            for (size_t c = 0; c < sizeof(cursors) / sizeof(cursors[0]); c++) {
                uint64_t cursor = cursors[c];
                for (uint32_t turns = 0; cursor != 0; turns++) {
                    assert_true(turns < 1000);
                    uint32_t count = oh_reservation_list(shop->ledger, &filters[f], shop->now_us, 1, &cursor, page);
                    struct oh_reservation_view view;
                    if (count > 0)
                        oh_reservation_get(shop->ledger, page[0], shop->now_us, &view);
                }
            }
        }
    }
    shop_drop(shop);
}

/* Beyond the last slot there is nothing more, and nothing is begun again. */
static void test_reservation_list_ends_behind_the_last(void **state)
{
    (void)state;
    struct shop *shop = world_open(NULL);
    const struct oh_reserve_command with = { .customer = OH_BYTES("x"), .order = OH_BYTES("y") };
    shop_reserve_with(shop, with, "R", "", "s=1@n");
    const struct oh_reservation_filter filters[] = { { .customer = with.customer }, { .order = with.order },
                                                     { .node_is_set = true }, { .node_is_set = false } };
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        struct oh_reservation_id page[2];
        uint64_t cursor = 2; /* there is one reservation, and one claim */
        assert_int_equal(oh_reservation_list(shop->ledger, &filters[i], shop->now_us, 1, &cursor, page), 0);
        assert_int_equal(cursor, 0);
    }
    shop_close(shop);
}

/* A cursor on a claim that is gone, while the reservation that its slot now seems to belong to is elsewhere. */
static void test_reservation_list_passes_over_claims_that_are_gone(void **state)
{
    (void)state;
    struct oh_reservation_id page[1];
    struct shop *shop = world_open(NULL);
    shop_reserve(shop, "A", "", "s=1@m");
    shop_reserve(shop, "B", "", "s=2@n");
    assert_int_equal(shop_act(shop, OH_COMMAND_MOVE, "B", "1=1@n>m"), OH_OK_DONE);
    assert_int_equal(shop_act(shop, OH_COMMAND_MOVE, "B", "1@n>m"), OH_OK_DONE); /* joins the claim at m */
    assert_string_equal(shop_claims(shop, "B"), "1 m 2 held 2");
    struct oh_reservation_filter at_n = { .node_is_set = true, .node = shop_node_id(shop, "n") };
    for (uint64_t at = 1; at < 5; at++) {
        uint64_t cursor = at;
        assert_int_equal(oh_reservation_list(shop->ledger, &at_n, shop->now_us, 1, &cursor, page), 0);
    }
    shop_close(shop);
}

/* A list looks at so many and no more before it answers, so that no request stalls the others. */
static void test_reservation_list_and_expiry_take_their_time_in_pieces(void **state)
{
    (void)state;
    struct oh_reservation_id page[1];
    struct oh_ledger_options options = many();
    struct shop *shop = world_open(&options);
    uint32_t count = 66000;
    shop->keeps_record_open = false;
    struct oh_reserve_line line = { .line = 1, .sku = OH_BYTES("s"), .node = OH_BYTES("n"), .quantity_milli = 1000 };
    struct oh_command command = { .type = OH_COMMAND_RESERVE };
    command.reserve = (struct oh_reserve_command){ .kind = OH_KIND_CART, .ttl_us = SHOP_SECOND_US, .lines = &line,
                                                   .line_count = 1 };
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    struct oh_reservation_filter confirmed = { .status_is_set = true, .status = OH_STATUS_CONFIRMED };
    uint64_t cursor = 0;
    assert_int_equal(oh_reservation_list(shop->ledger, &confirmed, shop->now_us, 1, &cursor, page), 0);
    assert_true(cursor != 0);
    assert_int_equal(oh_reservation_list(shop->ledger, &confirmed, shop->now_us, 1, &cursor, page), 0);
    assert_true(cursor == 0);
    /* One record holds so many effects, and leaves room for the largest reservation. */
    shop->now_us += SHOP_SECOND_US;
    uint32_t expired = oh_ledger_advance(shop->ledger, shop->now_us, UINT32_MAX);
    assert_in_range(expired, OH_EFFECTS_MAX - OH_CLAIMS_MAX, OH_EFFECTS_MAX);
    shop_take_record(shop);
    assert_int_equal(shop_advance(shop), count - expired);
    assert_int_equal(oh_ledger_next_due_us(shop->ledger), OH_TIME_US_NONE);
    shop_close(shop);
}

/* ---- Forgetting ------------------------------------------------------------------------------- */

/* An id that comes back after its day, before the old one has been swept away. */
static void test_reservation_ids_are_free_again_after_a_day(void **state)
{
    (void)state;
    char id[16];
    struct shop *shop = world_open(NULL);
    struct oh_reserve_command with = { .customer = OH_BYTES("anna"), .order = OH_BYTES("o") };
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof(id), "R%d", i);
        shop_reserve_with(shop, with, id, "", "s=1@n s=1@m");
        shop_act(shop, OH_COMMAND_RELEASE, id, "");
    }
    shop->now_us += SHOP_DAY_US;
    struct oh_reservation_filter filter = { .customer = OH_BYTES("anna") };
    for (int i = 19; i >= 0; i--) {
        snprintf(id, sizeof(id), "R%d", i);
        assert_int_equal(shop_reserve_with(shop, with, id, "", "s=2@n"), OH_OK_DONE);
        assert_string_equal(shop_claims(shop, id), "1 n 2 held 2");
        shop_act(shop, OH_COMMAND_RELEASE, id, "");
    }
    assert_int_equal(list_all(shop, &filter, 3), 20);
    shop->now_us += SHOP_DAY_US;
    for (int i = 0; i < 40; i++)
        shop_adjust(shop, "s", "n", 1); /* each sweeps a little */
    assert_int_equal(list_all(shop, &filter, 3), 0);
    assert_int_equal(shop_stats(shop).reservations, 0);
    assert_int_equal(shop_stats(shop).claims, 0);
    shop_close(shop);
}

/* One that is due to be swept away comes back, and ends again: those behind it must not wait another day for it. */
static void test_reservation_that_comes_back_and_ends_holds_up_no_other(void **state)
{
    (void)state;
    char id[16];
    struct oh_ledger_options options = SHOP_OPTIONS;
    struct oh_reserve_command nothing = { .allow_partial = true };
    options.reservations_max = 8;
    for (int back = 0; back < 7; back++) {
        struct shop *shop = world_open(&options);
        for (int i = 0; i < 7; i++) {
            snprintf(id, sizeof(id), "R%d", i);
            assert_int_equal(shop_reserve(shop, id, "", "s=1@n"), OH_OK_DONE);
            assert_int_equal(shop_act(shop, OH_COMMAND_RELEASE, id, ""), OH_OK_DONE);
        }
        shop_item(shop, "gone");
        shop->now_us += SHOP_DAY_US;
        snprintf(id, sizeof(id), "R%d", back);
        assert_int_equal(shop_reserve_with(shop, nothing, id, "", "gone=1@n"), OH_OK_DONE);
        assert_int_equal(shop->answer.status, OH_STATUS_RELEASED);
        for (int i = 0; i < 4; i++)
            shop_adjust(shop, "s", "n", 1);
        assert_int_equal(shop_stats(shop).reservations, 1);
        for (int i = 10; i < 17; i++) {
            snprintf(id, sizeof(id), "R%d", i);
            assert_int_equal(shop_reserve(shop, id, "", "s=1@n"), OH_OK_DONE);
        }
        shop->now_us += SHOP_DAY_US;
        shop_adjust(shop, "s", "n", 1);
        assert_int_equal(shop_stats(shop).reservations, 7);
        shop_close(shop);
    }
}

/* A reservation's own id and key are forgotten a day after they were made; the reservation may live on. */
static void test_reservation_id_of_a_live_one_is_not_given_again(void **state)
{
    (void)state;
    struct shop *shop = world_open(NULL);
    shop_reserve(shop, "R", "", "s=1@n");
    shop->now_us += SHOP_DAY_US;
    assert_int_equal(shop_reserve(shop, "R", "", "s=1@n"), OH_V_IDEMPOTENCY_MISMATCH);
    assert_int_equal(shop->answer.field, OH_FIELD_ID);
    assert_false(shop->answer.is_repeat);
    shop_close(shop);
}

static void test_reservation_show_claims_from_any_place_on(void **state)
{
    (void)state;
    struct oh_claim_view claims[8];
    struct shop *shop = world_open(NULL);
    shop_reserve(shop, "R", "", "s=1@n s=2@n s=3@m");
    struct oh_reservation_id id = shop_reservation(shop, "R");
    assert_int_equal(oh_reservation_claims(shop->ledger, id, shop->now_us, 0, 8, claims), 3);
    assert_int_equal(oh_reservation_claims(shop->ledger, id, shop->now_us, 1, 1, claims), 1);
    assert_int_equal(claims[0].quantity_milli, 2000);
    assert_int_equal(oh_reservation_claims(shop->ledger, id, shop->now_us, 3, 8, claims), 0);
    struct oh_node_id nodes[4];
    shop_adjust(shop, "s", "m", 1);
    assert_int_equal(oh_item_nodes(shop->ledger, shop_item_id(shop, "s"), 0, 1, nodes), 2);
    assert_int_equal(oh_item_nodes(shop->ledger, shop_item_id(shop, "s"), 1, 4, nodes), 2);
    assert_int_equal(nodes[0].index, 1);
    shop_close(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reservation_expire_no_more_at_once_than_asked_for),
        cmocka_unit_test(test_reservation_that_is_due_counts_for_nothing_whenever_it_is_asked),
        cmocka_unit_test(test_reservation_that_is_due_counts_for_nothing_at_any_position),
        cmocka_unit_test(test_reservation_get_an_id_that_nobody_has),
        cmocka_unit_test(test_reservation_refuse_more_lines_than_there_may_be),
        cmocka_unit_test(test_reservation_are_split_over_so_many_nodes_and_no_more),
        cmocka_unit_test(test_reservation_take_a_node_once_that_a_channel_has_three_times),
        cmocka_unit_test(test_reservation_come_back_by_the_record),
        cmocka_unit_test(test_reservation_are_listed_once_however_many_claims_they_have_at_a_node),
        cmocka_unit_test(test_reservation_are_listed_by_customer_order_and_status),
        cmocka_unit_test(test_reservation_list_takes_any_cursor),
        cmocka_unit_test(test_reservation_list_ends_behind_the_last),
        cmocka_unit_test(test_reservation_list_passes_over_claims_that_are_gone),
        cmocka_unit_test(test_reservation_list_and_expiry_take_their_time_in_pieces),
        cmocka_unit_test(test_reservation_ids_are_free_again_after_a_day),
        cmocka_unit_test(test_reservation_that_comes_back_and_ends_holds_up_no_other),
        cmocka_unit_test(test_reservation_id_of_a_live_one_is_not_given_again),
        cmocka_unit_test(test_reservation_show_claims_from_any_place_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
