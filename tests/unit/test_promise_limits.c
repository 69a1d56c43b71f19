/*
 * What a question may be at most and at its edge: requests that are refused, memory that is not there, more options,
 * picks and rejections than there is room for, times at the ends of the timetable, and what is kept for the next one.
 */
#include "support/lazy_memory.h"
#include "support/promise_world.h"
#include "support/test.h"
#include <stdio.h>
#include <string.h>

/* ---- Texts and memory ------------------------------------------------------------------------- */

static void test_promise_has_a_code_for_each_reason_and_term(void **state)
{
    (void)state;
    for (int i = 0; i < OH_REASON_COUNT; i++) {
        assert_string_not_equal(oh_reason_text((enum oh_reason)i), "unknown");
        for (int k = 0; k < i; k++)
            assert_string_not_equal(oh_reason_text((enum oh_reason)i), oh_reason_text((enum oh_reason)k));
    }
    for (int i = 0; i < OH_TERM_COUNT; i++)
        assert_string_not_equal(oh_term_text((enum oh_term)i), "unknown");
    assert_string_equal(oh_reason_text((enum oh_reason)OH_REASON_COUNT), "unknown");
    assert_string_equal(oh_term_text((enum oh_term)OH_TERM_COUNT), "unknown");
}

struct scarce { uint32_t left; uint32_t live; };

static void *scarce_allocate(void *ctx, size_t size)
{
    struct scarce *scarce = ctx;
    if (scarce->left == 0)
        return NULL;
    scarce->left--;
    scarce->live++;
    return lazy_allocate(NULL, size);
}

static void scarce_release(void *ctx, void *memory, size_t size)
{
    struct scarce *scarce = ctx;
    scarce->live--;
    lazy_release(NULL, memory, size);
}

static void test_promise_engine_gives_back_what_it_has_when_there_is_no_more(void **state)
{
    (void)state;
    struct scarce scarce = { 0, 0 };
    const struct oh_allocator allocator = { scarce_allocate, scarce_release, &scarce };
    struct oh_promise_engine *engine = NULL;
    uint32_t needed = 0;
    for (; needed < 100; needed++) {
        scarce.left = needed;
        if (oh_promise_engine_create(&allocator, &engine) == OH_OK)
            break;
        assert_null(engine);
        assert_int_equal(scarce.live, 0);
    }
    assert_int_equal(scarce.live, needed);
    oh_promise_engine_destroy(&engine);
    oh_promise_engine_destroy(&engine); /* nothing is nothing */
    assert_int_equal(scarce.live, 0);
}

/* ---- Requests --------------------------------------------------------------------------------- */

static enum oh_verdict verdict_of(struct world *world, struct oh_promise_request request)
{
    request.channel = OH_BYTES("web");
    request.at_us = OH_TIME_US_NONE;
    request.until_us = OH_TIME_US_NONE;
    oh_promise(world->engine, world->shop->ledger, &world->timetable, &request, SHOP_NOW_US, &world->answer);
    return world->answer.verdict;
}

static void test_promise_refuses_each_wrong_line(void **state)
{
    (void)state;
    struct world *world = world_open("n");
    stock(world, "a", "n", 1);
    assert_int_equal(shop_rule(world->shop, "whole", "a", "", "", OH_RULE_INCREMENT, 1), OH_OK_DONE);
    const struct oh_bytes a = OH_BYTES("a");
    const struct {
        struct oh_promise_line lines[3];
        enum oh_verdict verdict;
        uint32_t index;
    } rows[] = {
        { { { 0, a, 1000 }, { 2, a, 1000 }, { 3, a, 1000 } }, OH_V_INVALID_VALUE, 0 },
        { { { 1, a, 1000 }, { (uint32_t)INT32_MAX + 1, a, 1000 }, { 3, a, 1000 } }, OH_V_INVALID_VALUE, 1 },
        { { { 1, a, 1000 }, { 2, a, OH_QUANTITY_MILLI_MAX + 1 }, { 3, a, 1000 } }, OH_V_INVALID_QUANTITY, 1 },
        { { { 1, a, 1000 }, { 2, a, 1000 }, { 1, a, 1000 } }, OH_V_DUPLICATE_LINE, 2 },
        { { { 2, a, 1000 }, { 2, a, 1000 }, { 3, a, 1000 } }, OH_V_DUPLICATE_LINE, 1 },
        { { { 1, a, 1000 }, { 2, a, 1500 }, { 3, a, 1000 } }, OH_V_NOT_AN_INCREMENT, 1 },
        { { { 3, a, 1000 }, { 2, a, 1000 }, { 1, a, 1000 } }, OH_OK_DONE, OH_INDEX_NONE }, /* in any order */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(verdict_of(world, (struct oh_promise_request){ .lines = rows[i].lines, .line_count = 3 }),
                         rows[i].verdict);
        assert_int_equal(world->answer.fault_index, rows[i].index);
    }
    world_close(world);
}

static void test_promise_refuses_each_wrong_place(void **state)
{
    (void)state;
    struct world *world = world_open("n m");
    stock(world, "a", "n", 9);
    const struct oh_promise_line line = { 1, OH_BYTES("a"), 1000 };
    const struct oh_bytes stores[] = { OH_BYTES("n"), OH_BYTES("nowhere") };
    const struct oh_point pole = { 91, 0 };
    struct oh_promise_request request = { .lines = &line, .line_count = 1, .wants_collect = true };
    request.destination = (struct oh_destination){ .has_point = true, .point = pole };
    assert_int_equal(verdict_of(world, request), OH_V_INVALID_VALUE);
    assert_int_equal(world->answer.field, OH_FIELD_NEAR);
    request.destination = (struct oh_destination){ .country = OH_BYTES("fr") };
    assert_int_equal(verdict_of(world, request), OH_V_INVALID_VALUE);
    assert_int_equal(world->answer.field, OH_FIELD_COUNTRY);
    request.destination = (struct oh_destination){ .country = OH_BYTES("FR") };
    request.near = (struct oh_near){ .is_set = true, .point = pole };
    assert_int_equal(verdict_of(world, request), OH_V_INVALID_VALUE);
    request.near.is_set = false;
    request.stores = stores;
    request.store_count = 2;
    assert_int_equal(verdict_of(world, request), OH_V_UNKNOWN_NODE);
    assert_int_equal(world->answer.fault_index, 1);
    assert_int_equal(world->answer.option_count, 0); /* that of the first is gone too */
    request.store_count = 1;
    assert_int_equal(verdict_of(world, request), OH_OK_DONE);
    assert_int_equal(world->answer.option_count, 1);
    world_close(world);
}

/* Postal codes are compared in upper case, without spaces and hyphens (GE1), also with the prefix of a row. */
static void test_promise_compares_postal_codes_as_they_are_known(void **state)
{
    (void)state;
    static const char *const same[] = { "00-950", "00 950", "00950" };
    struct world *world = world_open("n");
    stock(world, "a", "n", 9);
    world->transit.to = (struct oh_match){ OH_BYTES("PL"), OH_BYTES("009"), OH_INDEX_NONE };
    struct oh_promise_request request = { .wants_ship = true };
    request.destination = (struct oh_destination){ .has_point = true, .point = { 52, 21 }, .country = OH_BYTES("PL") };
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        request.destination.postal_code = oh_bytes_of(same[i]);
        assert_string_equal(ask_with(world, request, "a=1"), "a n=1");
    }
    request.destination.postal_code = OH_BYTES("01-950");
    assert_string_equal(ask_with(world, request, "a=1"), "");
    request.destination.postal_code = OH_BYTES("00"); /* shorter than what is wanted */
    assert_string_equal(ask_with(world, request, "a=1"), "");
    request.destination.postal_code = OH_BYTES("00950-00950-00950-00950"); /* none is so long */
    assert_string_equal(ask_with(world, request, "a=1"), "");
    world_close(world);
}

/* ---- More than there is room for -------------------------------------------------------------- */

#define SERVICES_MANY 600

static void test_promise_counts_the_rejections_that_it_cannot_list(void **state)
{
    (void)state;
    static struct oh_bytes services[SERVICES_MANY];
    struct world *world = world_open("n1 n2 n3 n4 n5 n6 n7 n8 n9 n10 n11 n12 n13 n14 n15 n16");
    shop_item(world->shop, "a");
    for (uint32_t i = 0; i < SERVICES_MANY; i++)
        services[i] = OH_BYTES("std");
    const struct oh_promise_request request = { .wants_ship = true, .services = services,
                                                .service_count = SERVICES_MANY, .explain = OH_EXPLAIN_FULL };
    assert_string_equal(ask_with(world, request, "a=1"), "");
    assert_int_equal(world->answer.rejection_count, OH_PROMISE_REJECTIONS_MAX);
    assert_int_equal(world->answer.reason_counts[OH_REASON_OUT_OF_STOCK], SERVICES_MANY * 16);
    world_close(world);
}

static void test_promise_has_so_many_options_and_no_more(void **state)
{
    (void)state;
    static struct oh_bytes services[SERVICES_MANY];
    static struct oh_slot slots[DAYS];
    struct world *world = world_open("n");
    stock(world, "a", "n", 9);
    for (uint32_t i = 0; i < SERVICES_MANY; i++)
        services[i] = OH_BYTES("std");
    struct oh_promise_request request = { .wants_ship = true, .services = services, .service_count = 70 };
    assert_string_equal(ask_with(world, request, "a=1"), "a n=1");
    assert_int_equal(world->answer.option_count, OH_PROMISE_OPTIONS_MAX);
    for (int d = 0; d < DAYS; d++)
        slots[d] = (struct oh_slot){ world->starts[d] + 10 * HOUR_US, world->starts[d] + 12 * HOUR_US,
                                     world->starts[d] + 9 * HOUR_US, 1000 };
    world->service.has_slots = true;
    world->service.slots = slots;
    world->service.slot_count = DAYS;
    request.service_count = 4;
    request.slots_max = OH_PROMISE_SLOTS_MAX;
    assert_string_equal(ask_with(world, request, "a=1"), "a n=1");
    assert_int_equal(world->answer.option_count, OH_PROMISE_OPTIONS_MAX);
    assert_int_equal(world->answer.options[63].until_us, world->answer.options[3].until_us);
    world_close(world);
}

/* An option has all of its picks, or it is not there. */
static void test_promise_has_no_option_without_room_for_all_of_its_picks(void **state)
{
    (void)state;
    enum { LINES = 2047 };
    static struct oh_promise_line lines[LINES];
    static struct oh_bytes services[40];
    struct world *world = world_open("n");
    stock(world, "a", "n", LINES);
    for (uint32_t i = 0; i < LINES; i++)
        lines[i] = (struct oh_promise_line){ i + 1, OH_BYTES("a"), 1000 };
    for (uint32_t i = 0; i < 40; i++)
        services[i] = OH_BYTES("std");
    const struct oh_promise_request request = { .wants_ship = true, .services = services, .service_count = 40,
                                                .lines = lines, .line_count = LINES };
    assert_int_equal(verdict_of(world, request), OH_OK_DONE);
    assert_in_range(world->answer.option_count, 20, 39);
    for (uint32_t i = 0; i < world->answer.option_count; i++)
        assert_int_equal(world->answer.options[i].pick_count, LINES);
    world_close(world);
}

static void test_promise_sums_of_priorities_end_at_the_greatest(void **state)
{
    (void)state;
    static const enum oh_term levels[] = { OH_TERM_COMPLETE, OH_TERM_PRIORITY };
    struct world *world = world_open("n1 n2");
    const double most = (double)(OH_QUANTITY_MILLI_MAX / 1000);
    char lines[300] = "";
    levels_set(world, levels, 2);
    for (char sku[] = "a"; sku[0] <= 'j'; sku[0]++) {
        stock(world, sku, "n1", most);
        stock(world, sku, "n2", most);
        snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "%s=%.0f ", sku, most);
    }
    world->nodes[0].priority = 1000000; /* times 10^12 it fits, ten times it does not */
    assert_string_equal(ask(world, "a=1000000000"), "a n2=1e+09");
    assert_int_not_equal(strlen(ask(world, lines)), 0);
    assert_int_equal(first(world)->parcels[0].node.index, 1);
    world->nodes[0].priority = INT32_MAX; /* nor does one */
    ask(world, lines);
    assert_int_equal(first(world)->parcels[0].node.index, 1);
    assert_int_equal(first(world)->terms[OH_TERM_PRIORITY], 0);
    struct oh_bytes without = OH_BYTES("n2");
    ask_with(world, (struct oh_promise_request){ .wants_ship = true, .without = &without, .without_count = 1 }, lines);
    assert_int_equal(first(world)->terms[OH_TERM_PRIORITY], INT64_MAX);
    world_close(world);
}

/* Five lines of a billion, a box each: more than can be told, and told as that. */
static void test_promise_counts_boxes_to_the_greatest(void **state)
{
    (void)state;
    struct world *world = world_open("n");
    const double most = (double)(OH_QUANTITY_MILLI_MAX / 1000);
    char lines[160] = "";
    world->service.weight_grams_max = 1000;
    for (char sku[] = "a"; sku[0] <= 'e'; sku[0]++) {
        struct oh_command item = { .type = OH_COMMAND_ITEM };
        item.item = (struct oh_item_command){ .sku = oh_bytes_of(sku), .weight_grams = 1000 };
        assert_int_equal(shop_do(world->shop, &item), OH_OK_DONE);
        shop_adjust(world->shop, sku, "n", most);
        snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "%s=%.0f ", sku, most);
    }
    assert_int_not_equal(strlen(ask(world, lines)), 0);
    assert_int_equal(first(world)->parcels[0].box_count, UINT32_MAX);
    world_close(world);
}

/* 64 nodes are looked at in pairs (SO6), 65 are not. The last node with each line is the best, and the same as all. */
static void test_promise_of_two_parcels_of_as_many_nodes_as_are_paired_and_one_more(void **state)
{
    (void)state;
    static const enum oh_term levels[] = { OH_TERM_COMPLETE, OH_TERM_PARCELS, OH_TERM_DATE, OH_TERM_PRIORITY };
    for (uint32_t count = 64; count <= 65; count++) {
        char nodes[NODES_MAX * 4 + 1] = "";
        for (uint32_t i = 0; i < count; i++)
            snprintf(nodes + strlen(nodes), sizeof(nodes) - strlen(nodes), "%sn%u", i == 0 ? "" : " ", i);
        struct world *world = world_open(nodes);
        for (uint32_t i = 0; i < count; i++) {
            char node[8];
            snprintf(node, sizeof(node), "n%u", i);
            stock(world, i % 2 == 0 ? "a" : "b", node, 1);
            world->nodes[i].priority = (int32_t)(count - i);
        }
        levels_set(world, levels, 4);
        assert_string_equal(ask(world, "a=1 b=1"), count == 64 ? "a n62=1, b n63=1" : "a n64=1, b n63=1");
        assert_false(first(world)->is_bounded);
        world_close(world);
    }
}

/* ---- The ends of time ------------------------------------------------------------------------- */

static enum oh_reason reason_of(const struct world *world, uint16_t node)
{
    for (uint32_t i = 0; i < world->answer.rejection_count; i++) {
        if (world->answer.rejections[i].node.index == node)
            return world->answer.rejections[i].reason;
    }
    return OH_REASON_CHOSEN;
}

static enum oh_reason why_not(struct world *world, bool is_collect)
{
    const struct oh_promise_request request = { .wants_ship = !is_collect, .wants_collect = is_collect,
                                                .explain = OH_EXPLAIN_FULL };
    assert_string_equal(ask_with(world, request, "a=1"), "");
    return reason_of(world, 0);
}

static void test_promise_says_what_is_beyond_the_horizon(void **state)
{
    (void)state;
    struct world *world = world_open("n");
    struct oh_timetable_node *node = &world->nodes[0];
    stock(world, "a", "n", 9);
    const struct oh_timetable_node good = *node;
    node->hours = (struct oh_spans){ .count = 0 }; /* nobody works */
    assert_int_equal(why_not(world, false), OH_REASON_BEYOND_HORIZON);
    assert_int_equal(why_not(world, true), OH_REASON_BEYOND_HORIZON);
    struct oh_span span = { world->starts[0], world->starts[3], 0 };
    node->hours = (struct oh_spans){ &span, 1, false };
    node->processing_us = 9 * SHOP_DAY_US; /* not so long */
    assert_int_equal(why_not(world, false), OH_REASON_BEYOND_HORIZON);
    assert_int_equal(why_not(world, true), OH_REASON_BEYOND_HORIZON);
    *node = good;
    world->pickups[0].departures.count = 1; /* it has left */
    assert_int_equal(why_not(world, false), OH_REASON_BEYOND_HORIZON);
    world->pickups[0].departures.count = 3;
    node->processing_us = 5 * SHOP_DAY_US; /* they leave, but sooner */
    assert_int_equal(why_not(world, false), OH_REASON_BEYOND_HORIZON);
    *node = good;
    world->pickups[0].departures.count = DAYS;
    world->transit.days = 3 * DAYS;
    assert_int_equal(why_not(world, false), OH_REASON_BEYOND_HORIZON);
    world->transit.days = 1;
    const int32_t day_first = world->service.day_first; /* days that the service does not know */
    world->service.day_first = day_first + 2 * DAYS;
    assert_int_equal(why_not(world, false), OH_REASON_BEYOND_HORIZON);
    world->service.day_first = day_first - 2 * DAYS;
    assert_int_equal(why_not(world, false), OH_REASON_BEYOND_HORIZON);
    world->service.day_first = day_first;
    assert_string_equal(ask(world, "a=1"), "a n=1");
    world_close(world);
}

static void test_promise_says_what_is_collected_after_the_horizon(void **state)
{
    (void)state;
    struct world *world = world_open("n");
    struct oh_timetable_node *node = &world->nodes[0];
    stock(world, "a", "n", 9);
    node->collect_cutoffs = (struct oh_departures){ world->departures[0], 1, false }; /* of the day before */
    assert_int_equal(why_not(world, true), OH_REASON_BEYOND_HORIZON);
    node->collect_cutoffs = (struct oh_departures){ .is_at_once = true };
    node->collect_hours = (struct oh_spans){ .count = 0 };
    assert_int_equal(why_not(world, true), OH_REASON_BEYOND_HORIZON);
    struct oh_span span = { world->starts[1], world->starts[2], 0 }; /* today alone */
    node->collect_hours = (struct oh_spans){ &span, 1, false };
    node->processing_us = 2 * SHOP_DAY_US;
    assert_int_equal(why_not(world, true), OH_REASON_BEYOND_HORIZON);
    node->processing_us = 0;
    assert_string_equal(ask_with(world, (struct oh_promise_request){ .wants_collect = true }, "a=1"), "a n=1");
    world_close(world);
}

static void test_promise_brings_nothing_by_a_lane_that_has_left(void **state)
{
    (void)state;
    struct world *world = world_open("store dc");
    struct oh_departure van = { world->starts[0], INT64_MAX, world->starts[0], world->starts[0] + HOUR_US,
                                world->service.day_first };
    struct oh_lane_in lane = { 1, OH_BYTES("dc-store"), { &van, 1, false } };
    stock(world, "a", "dc", 9);
    world->nodes[0].lanes = &lane;
    world->nodes[0].lane_count = 1;
    world->sourcing.ship_to_store = true;
    const struct oh_bytes store = OH_BYTES("store");
    const struct oh_promise_request request = { .wants_collect = true, .stores = &store, .store_count = 1,
                                                .explain = OH_EXPLAIN_FULL };
    assert_string_equal(ask_with(world, request, "a=1"), "");
    assert_int_equal(reason_of(world, 1), OH_REASON_BEYOND_HORIZON);
    world_close(world);
}

#define DEPARTURES_MANY 300

/* What leaves later and is there as early is looked at 256 times: the answer stays true at least until then. */
static void test_promise_looks_so_far_ahead_for_how_long_it_is_valid(void **state)
{
    (void)state;
    static struct oh_departure departures[DEPARTURES_MANY];
    struct world *world = world_open("n");
    struct oh_span span = { world->starts[3] + 9 * HOUR_US, world->starts[3] + 18 * HOUR_US, 0 };
    stock(world, "a", "n", 9);
    for (int i = 0; i < DEPARTURES_MANY; i++) {
        int64_t at = at_hour(world, 1) + i * MINUTE_US;
        departures[i] = (struct oh_departure){ at, INT64_MAX, at, at, world->service.day_first + 2 };
    }
    world->pickups[0].departures = (struct oh_departures){ departures, DEPARTURES_MANY, false };
    assert_string_equal(ask(world, "a=1"), "a n=1");
    assert_int_equal(first(world)->valid_until_us, departures[255].deadline_us);
    world->nodes[0].collect_cutoffs = world->pickups[0].departures;
    world->nodes[0].collect_hours = (struct oh_spans){ &span, 1, false };
    assert_string_equal(ask_with(world, (struct oh_promise_request){ .wants_collect = true }, "a=1"), "a n=1");
    assert_int_equal(first(world)->valid_until_us, departures[255].deadline_us);
    world_close(world);
}

/* A day that the service does not know has no room in an account of so many a day. */
static void test_promise_has_an_account_only_on_days_that_are_known(void **state)
{
    (void)state;
    struct world *world = world_open("n");
    stock(world, "a", "n", 9);
    world->transit = (struct oh_transit_row){ ANYWHERE, OH_INDEX_NONE, 0, -1, HOUR_US };
    world->account.daily_limit_milli = 1000;
    assert_string_equal(ask(world, "a=1"), "a n=1");
    assert_int_equal(first(world)->parcels[0].booking_count, 1);
    world->service.day_count = 1; /* before any of the departures that are left */
    assert_int_equal(why_not(world, false), OH_REASON_NO_ACCOUNT);
    world->service.day_starts_us = &world->starts[30];
    world->service.day_count = 5; /* after them: no more than 64 are tried */
    world->pickups[0].departures.count = 20;
    assert_int_equal(why_not(world, false), OH_REASON_NO_ACCOUNT);
    world->service.day_count = 0;
    assert_int_equal(why_not(world, false), OH_REASON_NO_ACCOUNT);
    world_close(world);
}

static void test_promise_tries_no_more_than_64_departures_for_an_account(void **state)
{
    (void)state;
    static const int hours[] = { 8, 12, 16 };
    struct world *world = world_open("n");
    stock(world, "a", "n", 9);
    node_pickups(world, 0, hours, 3);
    world->account.daily_limit_milli = 1; /* less than a parcel */
    assert_int_equal(why_not(world, false), OH_REASON_NO_ACCOUNT);
    world_close(world);
}

/* ---- Slots, supplies, bookings ---------------------------------------------------------------- */

/* Orders for one close long before it begins, for the next at its start. */
static void test_promise_takes_no_slot_that_is_closed(void **state)
{
    (void)state;
    struct world *world = world_open("n");
    struct oh_slot slots[3];
    stock(world, "a", "n", 9);
    for (int i = 0; i < 3; i++)
        slots[i] = (struct oh_slot){ at_hour(world, 34 + 2 * i), at_hour(world, 36 + 2 * i), at_hour(world, 33), 1000 };
    slots[0].limit_milli = 0; /* open, but full */
    slots[1].closes_us = SHOP_NOW_US;
    world->service.has_slots = true;
    world->service.slots = slots;
    world->service.slot_count = 3;
    assert_string_equal(ask(world, "a=1"), "a n=1");
    assert_int_equal(first(world)->from_us, slots[2].from_us);
    world->service.slot_count = 2;
    assert_int_equal(why_not(world, false), OH_REASON_NO_SLOT);
    world_close(world);
}

/* Of two parcels that are there at the same time the option begins with the later one. */
static void test_promise_is_there_when_its_last_parcel_is(void **state)
{
    (void)state;
    static const int early[] = { 8 }, late[] = { 11 };
    struct world *world = world_open("n1 n2");
    struct oh_slot slots[2];
    stock(world, "a", "n1", 1);
    stock(world, "b", "n2", 1);
    node_pickups(world, 0, early, 1);
    node_pickups(world, 1, late, 1);
    world->transit = (struct oh_transit_row){ ANYWHERE, OH_INDEX_NONE, 0, -1, 0 };
    slots[0] = (struct oh_slot){ at_hour(world, 10), at_hour(world, 14), at_hour(world, 7), 9000 };
    slots[1] = (struct oh_slot){ at_hour(world, 12), at_hour(world, 14), at_hour(world, 7), 9000 };
    world->service.has_slots = true;
    world->service.slots = slots;
    world->service.slot_count = 2;
    assert_string_equal(ask(world, "a=1 b=1"), "a n1=1, b n2=1");
    assert_int_equal(first(world)->from_us, slots[1].from_us);
    assert_int_equal(first(world)->until_us, slots[1].until_us);
    assert_string_equal(ask(world, "b=1 a=1"), "b n2=1, a n1=1");
    assert_int_equal(first(world)->from_us, slots[1].from_us);
    world_close(world);
}

/* Asked about a time after a supply has come, it is there from then on. */
static void test_promise_has_a_supply_that_came_before_the_order(void **state)
{
    (void)state;
    struct world *world = world_open("n");
    shop_item(world->shop, "a");
    shop_supply(world->shop, "s", "a", "n", 5, SHOP_NOW_US + SHOP_DAY_US);
    struct oh_promise_request request = { .wants_ship = true, .at_us = SHOP_NOW_US + 3 * SHOP_DAY_US };
    world->service.weight_grams_max = 1000; /* of no weight is one box */
    assert_string_equal(ask_with(world, request, "a=2"), "a n=2");
    assert_int_equal(first(world)->parcels[0].begin_us, request.at_us);
    assert_int_equal(first(world)->parcels[0].box_count, 1);
    world_close(world);
}

/* Of more times than are looked at the soonest count, whichever item they are of. */
static void test_promise_waits_for_the_soonest_of_many_supplies(void **state)
{
    (void)state;
    struct world *world = world_open("n");
    char name[8];
    stock(world, "c", "n", 9);
    for (int i = 0; i < 16; i++) {
        const char *sku = i % 2 == 0 ? "a" : "b";
        shop_item(world->shop, sku);
        snprintf(name, sizeof(name), "s%d", i);
        shop_supply(world->shop, name, sku, "n", 1, SHOP_NOW_US + (20 - i) * SHOP_DAY_US); /* the later first */
    }
    assert_string_equal(ask(world, "c=1 a=1 b=1"), "c n=1, a n=1, b n=1");
    assert_int_equal(first(world)->picks[1].due_at_us, SHOP_NOW_US + 6 * SHOP_DAY_US);
    assert_string_equal(ask(world, "b=4 a=4"), "b n=4, a n=4"); /* all of the first eight */
    assert_string_equal(ask(world, "b=5 a=4"), "");
    world_close(world);
}

/* Of a search that ends before it came to the one that has everything, it is said that it ended. */
static void test_promise_says_of_a_node_that_it_did_not_come_to_that_it_might_have_done(void **state)
{
    (void)state;
    static const enum oh_term levels[] = { OH_TERM_COMPLETE, OH_TERM_PARCELS, OH_TERM_DISTANCE };
    struct world *world = world_open("n1 n2 n3 n4 n5 n6 n7 n8 n9 n10 n11 n12 n13 n14 n15 n16");
    char node[8], name[16];
    levels_set(world, levels, 3);
    for (int n = 1; n <= 16; n++) {
        snprintf(node, sizeof(node), "n%d", n);
        shop_node_at(world->shop, node, 50, n == 16 ? 20 : 1);
        stock(world, "a", node, 5);
        stock(world, "b", node, 5);
        for (int i = 0; n < 16 && i < 8; i++) {
            snprintf(name, sizeof(name), "s%d-%d", n, i);
            shop_supply(world->shop, name, "a", node, 1, SHOP_NOW_US + (1 + i) * SHOP_DAY_US);
        }
        if (n < 16)
            shop_adjust(world->shop, "b", node, -5);
    }
    world->sourcing.split_orders = false;
    struct oh_promise_request request = { .wants_ship = true, .explain = OH_EXPLAIN_FULL, .at_us = SHOP_NOW_US,
                                          .destination = { .has_point = true, .point = { 50, 0 } } };
    assert_string_equal(ask_with(world, request, "a=1 b=1"), "a n16=1, b n16=1");
    assert_false(world->answer.is_bounded);
    request.steps_max = 1;
    assert_string_equal(ask_with(world, request, "a=1 b=1"), "");
    assert_true(world->answer.is_bounded);
    assert_int_equal(reason_of(world, OH_NODE_NONE), OH_REASON_SEARCH_ENDED);
    assert_int_equal(reason_of(world, 15), OH_REASON_SEARCH_ENDED);
    world_close(world);
}

/* What is sourced anew may have the windows that it gives back. */
static void test_promise_has_the_room_that_is_given_back(void **state)
{
    (void)state;
    struct world *world = world_open("n");
    stock(world, "a", "n", 9);
    for (int d = 0; d < DAYS; d++)
        world->windows[d] = (struct oh_window){ world->starts[d], world->starts[d + 1], 1000 };
    world->nodes[0].capacity = (struct oh_capacity){ OH_UNIT_ORDERS, world->windows, DAYS, true };
    world->nodes[0].capacity_resource = OH_BYTES("node/n");
    const struct oh_reserve_line line = { .line = 1, .sku = OH_BYTES("a"), .quantity_milli = 1000 };
    const struct oh_reserve_pick pick = { 0, 0, OH_KIND_SHIP, 1000, OH_TIME_US_NONE };
    const struct oh_reserve_booking taken = { OH_BYTES("node/n"), 0, OH_UNIT_ORDERS, world->starts[1],
                                              world->starts[2], 1000, 1000 };
    struct oh_command command = { .type = OH_COMMAND_RESERVE };
    command.reserve = (struct oh_reserve_command){ .id = OH_BYTES("P"), .channel = OH_BYTES("web"),
                                                   .kind = OH_KIND_SHIP, .lines = &line, .line_count = 1,
                                                   .picks = &pick, .pick_count = 1, .bookings = &taken,
                                                   .booking_count = 1 };
    assert_int_equal(shop_do(world->shop, &command), OH_OK_DONE);
    assert_string_equal(ask(world, "a=1"), "a n=1");
    assert_int_equal(first(world)->parcels[0].ready_us, world->starts[2]);
    const struct oh_booking_view freed[] = {
        { .resource = OH_BYTES("node/n"), .from_us = world->starts[3], .quantity_milli = 1000 },
        { .resource = OH_BYTES("node/m"), .from_us = world->starts[1], .quantity_milli = 1000 },
        { .resource = OH_BYTES("node/n"), .from_us = world->starts[1], .quantity_milli = 1000 },
    };
    struct oh_promise_request request = { .wants_ship = true, .freed = freed, .freed_count = 2 };
    ask_with(world, request, "a=1"); /* of another window, of another node */
    assert_int_equal(first(world)->parcels[0].ready_us, world->starts[2]);
    request.freed_count = 3;
    ask_with(world, request, "a=1");
    assert_int_equal(first(world)->parcels[0].ready_us, SHOP_NOW_US);
    world_close(world);
}

static void test_promise_says_of_a_part_what_may_not_be_collected(void **state)
{
    (void)state;
    struct world *world = world_open("n");
    stock(world, "a", "n", 9);
    shop_item(world->shop, "b");
    world->sourcing.allow_partial = true;
    assert_int_equal(shop_rule(world->shop, "p", "a", "n", "", OH_RULE_PICKUP_ALLOWED, 0), OH_OK_DONE);
    const struct oh_promise_request request = { .wants_collect = true, .explain = OH_EXPLAIN_FULL };
    assert_string_equal(ask_with(world, request, "a=1 b=1"), "");
    assert_int_equal(reason_of(world, 0), OH_REASON_PICKUP_NOT_ALLOWED);
    world_close(world);
}

static void test_promise_may_take_as_many_steps_as_a_search_has(void **state)
{
    (void)state;
    struct world *world = world_open("n1 n2");
    stock(world, "a", "n1", 2);
    stock(world, "a", "n2", 2);
    const struct oh_promise_request request = { .wants_ship = true, .steps_max = 2 * SOURCING_STEPS_MAX,
                                                .at_us = SHOP_NOW_US };
    assert_string_equal(ask_with(world, request, "a=3"), "a n1=2, a n2=1");
    assert_false(first(world)->is_bounded);
    world_close(world);
}

/* ---- What is kept from question to question --------------------------------------------------- */

/* As a look at every node finds it, and kept for the next question. */
static void same_of_few(struct world *world, const char *lines)
{
    char few[64];
    struct oh_promise_request request = { .wants_ship = true };
    snprintf(few, sizeof(few), "%s", ask_with(world, request, lines));
    int64_t until = world->answer.option_count > 0 ? first(world)->until_us : 0;
    request.at_us = world->shop->now_us;
    assert_string_equal(ask_with(world, request, lines), few);
    assert_int_equal(world->answer.option_count > 0 ? first(world)->until_us : 0, until);
}

static void test_promise_keeps_nothing_that_has_changed(void **state)
{
    (void)state;
    static struct oh_timetable_service services[SOONEST_SERVICES + 1];
    static struct oh_pickups pickups[SOONEST_SERVICES + 1];
    struct world *world = world_open("n1 n2");
    stock(world, "a", "n1", 5);
    stock(world, "a", "n2", 5);
    world->is_untouched = true;
    same_of_few(world, "a=1");
    shop_node(world->shop, "n3"); /* another node, that the timetable does not know */
    stock(world, "a", "n3", 5);
    same_of_few(world, "a=1");
    world->shop->now_us += SHOP_DAY_US;
    same_of_few(world, "a=1");
    world->shop->now_us -= SHOP_DAY_US; /* a clock that is set back: questions move no ledger */
    same_of_few(world, "a=1");
    for (uint32_t i = 0; i <= SOONEST_SERVICES; i++) { /* two that are kept at one place */
        services[i] = world->service;
        pickups[i] = (struct oh_pickups){ (uint16_t)i, { world->departures[i == 0 ? 0 : 1], DAYS, false } };
    }
    world->departures[1][1].deadline_us = world->starts[0];
    world->timetable.services = services;
    world->timetable.service_count = SOONEST_SERVICES + 1;
    world->nodes[0].pickups = pickups;
    world->nodes[0].pickup_count = SOONEST_SERVICES + 1;
    world->is_untouched = false;
    for (uint32_t i = 0; i < 3; i++)
        same_of_few(world, "a=1");
    const struct oh_timetable other = world->timetable; /* of the same version, and yet another */
    world->is_untouched = true;
    struct oh_promise_request request = { .wants_ship = true, .at_us = OH_TIME_US_NONE, .until_us = OH_TIME_US_NONE };
    const struct oh_promise_line line = { 1, OH_BYTES("a"), 1000 };
    request.lines = &line;
    request.line_count = 1;
    oh_promise(world->engine, world->shop->ledger, &other, &request, world->shop->now_us, &world->answer);
    assert_int_equal(world->answer.option_count, SOONEST_SERVICES + 1);
    world_close(world);
}

/* Two nodes that something leaves at the same time are of two days when that is another date there. */
static void test_promise_tells_apart_what_leaves_on_two_dates_at_once(void **state)
{
    (void)state;
    struct world *world = world_open("n1 n2 n3");
    for (const char *const *node = (const char *const[]){ "n1", "n2", "n3", NULL }; *node != NULL; node++)
        stock(world, "a", *node, 5);
    for (int d = 0; d < DAYS; d++)
        world->departures[0][d].day++; /* it is past midnight there */
    world->pickups[2].departures.count = 1; /* has left */
    same_of_few(world, "a=1");
    assert_int_equal(first(world)->parcels[0].node.index, 1);
    world_close(world);
}

/* More rows of distance than are kept apart: those that are too many count as the soonest there could be. */
static void test_promise_finds_the_soonest_by_any_number_of_rows(void **state)
{
    (void)state;
    enum { ROWS = 45 };
    static struct oh_transit_row rows[ROWS];
    struct world *world = world_open("n1 n2 n3 n4");
    char node[8];
    for (int i = 0; i < 4; i++) {
        snprintf(node, sizeof(node), "n%d", i + 1);
        shop_node_at(world->shop, node, 50, 10.0 * i); /* to 2,000 km away */
        stock(world, "a", node, 5);
    }
    for (int i = 0; i < ROWS; i++) /* the farther the sooner; now and then one of a place that was passed */
        rows[i] = (struct oh_transit_row){ ANYWHERE, OH_INDEX_NONE, i % 8 == 7 || i == 34 ? 5 : 50 * (i + 1),
                                           22 - i / 2, 0 };
    world->service.transit = rows;
    world->service.transit_count = ROWS;
    for (uint32_t i = 0; i < 4; i++) {
        const struct oh_bytes without[] = { OH_BYTES("n4"), OH_BYTES("n3"), OH_BYTES("n2") };
        struct oh_promise_request request = { .wants_ship = true, .without = without, .without_count = i };
        request.destination = (struct oh_destination){ .has_point = true, .point = { 50, 0 } };
        int64_t until = ask_with(world, request, "a=1")[0] == '\0' ? 0 : first(world)->until_us;
        uint16_t few = first(world)->parcels[0].node.index;
        request.at_us = world->shop->now_us;
        ask_with(world, request, "a=1");
        assert_int_equal(first(world)->until_us, until);
        assert_int_equal(first(world)->parcels[0].node.index, few);
    }
    world_close(world);
}

static void test_promise_begins_its_stamps_anew_when_they_have_run_out(void **state)
{
    (void)state;
    struct world *world = world_open("n1 n2");
    stock(world, "a", "n1", 5);
    stock(world, "a", "n2", 5);
    world->sourcing.transit_percentile = 50; /* looks at every node */
    const struct oh_promise_request request = { .wants_ship = true, .explain = OH_EXPLAIN_FULL };
    for (uint32_t i = 0; i < 4; i++) {
        if (i == 1) {
            world->engine->stamp = UINT32_MAX;
            world->engine->learned_stamp = UINT32_MAX;
        }
        assert_string_equal(ask_with(world, request, "a=1"), "a n1=1");
    }
    assert_in_range(world->engine->stamp, 1, 10);
    assert_in_range(world->engine->learned_stamp, 1, 10);
    world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_promise_has_a_code_for_each_reason_and_term),
        cmocka_unit_test(test_promise_engine_gives_back_what_it_has_when_there_is_no_more),
        cmocka_unit_test(test_promise_refuses_each_wrong_line),
        cmocka_unit_test(test_promise_refuses_each_wrong_place),
        cmocka_unit_test(test_promise_compares_postal_codes_as_they_are_known),
        cmocka_unit_test(test_promise_counts_the_rejections_that_it_cannot_list),
        cmocka_unit_test(test_promise_has_so_many_options_and_no_more),
        cmocka_unit_test(test_promise_has_no_option_without_room_for_all_of_its_picks),
        cmocka_unit_test(test_promise_sums_of_priorities_end_at_the_greatest),
        cmocka_unit_test(test_promise_counts_boxes_to_the_greatest),
        cmocka_unit_test(test_promise_of_two_parcels_of_as_many_nodes_as_are_paired_and_one_more),
        cmocka_unit_test(test_promise_looks_so_far_ahead_for_how_long_it_is_valid),
        cmocka_unit_test(test_promise_says_what_is_beyond_the_horizon),
        cmocka_unit_test(test_promise_says_what_is_collected_after_the_horizon),
        cmocka_unit_test(test_promise_brings_nothing_by_a_lane_that_has_left),
        cmocka_unit_test(test_promise_has_an_account_only_on_days_that_are_known),
        cmocka_unit_test(test_promise_tries_no_more_than_64_departures_for_an_account),
        cmocka_unit_test(test_promise_takes_no_slot_that_is_closed),
        cmocka_unit_test(test_promise_is_there_when_its_last_parcel_is),
        cmocka_unit_test(test_promise_has_a_supply_that_came_before_the_order),
        cmocka_unit_test(test_promise_waits_for_the_soonest_of_many_supplies),
        cmocka_unit_test(test_promise_says_of_a_node_that_it_did_not_come_to_that_it_might_have_done),
        cmocka_unit_test(test_promise_has_the_room_that_is_given_back),
        cmocka_unit_test(test_promise_says_of_a_part_what_may_not_be_collected),
        cmocka_unit_test(test_promise_may_take_as_many_steps_as_a_search_has),
        cmocka_unit_test(test_promise_keeps_nothing_that_has_changed),
        cmocka_unit_test(test_promise_tells_apart_what_leaves_on_two_dates_at_once),
        cmocka_unit_test(test_promise_finds_the_soonest_by_any_number_of_rows),
        cmocka_unit_test(test_promise_begins_its_stamps_anew_when_they_have_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
