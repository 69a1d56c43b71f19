/*
 * The steps of a date against a walk of time, one unit after the other
 * (docs/spec/promise.md, DA1 to DA6). Random spans, departures and services;
 * the seed is printed.
 */
#include "core/chain.h"
#include "base/prng.h"
#include "support/test.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define HORIZON   120
#define SPANS_MAX 12
#define ROUNDS    4000

struct day_world {
    struct oh_span spans[SPANS_MAX];
    struct oh_spans all;
    bool is_open[HORIZON + 1];
};

static void world_make(struct oh_prng *prng, struct day_world *world)
{
    *world = (struct day_world){ 0 };
    int64_t at = oh_prng_between(prng, 0, 8);
    int64_t before = 0;
    while (world->all.count < SPANS_MAX && at < HORIZON - 2) {
        int64_t until = at + oh_prng_between(prng, 1, 12);
        if (until > HORIZON)
            until = HORIZON;
        world->spans[world->all.count++] = (struct oh_span){ at, until, before };
        before += until - at;
        for (int64_t t = at; t < until; t++)
            world->is_open[t] = true;
        at = until + oh_prng_between(prng, 1, 9);
    }
    world->all.at = world->spans;
}

/* The work is done when so many open units have passed; begun in closed time it begins at opening. */
static int64_t walk(const struct day_world *world, int64_t from, int64_t work)
{
    int64_t t = from;
    while (t < HORIZON && !world->is_open[t])
        t++;
    if (t >= HORIZON)
        return CHAIN_NEVER;
    for (int64_t left = work; left > 0; t++) {
        if (t >= HORIZON)
            return CHAIN_NEVER;
        left -= world->is_open[t] ? 1 : 0;
    }
    return t;
}

static void test_chain_advances_as_the_clock_walks(void **state)
{
    (void)state;
    struct oh_prng prng;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        struct day_world world;
        oh_prng_init(&prng, seed);
        world_make(&prng, &world);
        int64_t from = oh_prng_between(&prng, 0, HORIZON);
        int64_t work = oh_prng_between(&prng, 0, 30);
        int64_t expected = walk(&world, from, work);
        if (spans_advance(&world.all, from, work) != expected)
            fail_msg("seed %" PRIu64 ": from %" PRId64 " work %" PRId64 " ends %" PRId64 ", not %" PRId64, seed, from,
                     work, spans_advance(&world.all, from, work), expected);
    }
}

static void test_chain_retreats_to_the_last_begin_that_is_in_time(void **state)
{
    (void)state;
    struct oh_prng prng;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        struct day_world world;
        oh_prng_init(&prng, seed);
        world_make(&prng, &world);
        int64_t deadline = oh_prng_between(&prng, 0, HORIZON - 1);
        int64_t work = oh_prng_between(&prng, 0, 20);
        int64_t limit = spans_retreat(&world.all, deadline, work);
        for (int64_t begin = 0; begin < HORIZON; begin++) {
            int64_t end = walk(&world, begin, work);
            bool is_in_time = end != CHAIN_NEVER && end < deadline;
            if (is_in_time != (begin < limit))
                fail_msg("seed %" PRIu64 ": deadline %" PRId64 " work %" PRId64 " begin %" PRId64 " ends %" PRId64
                         ", the limit is %" PRId64, seed, deadline, work, begin, end, limit);
        }
    }
}

static void test_chain_always_open_is_plain_addition(void **state)
{
    (void)state;
    struct oh_spans always = { .is_always = true };
    assert_int_equal(spans_advance(&always, 100, 7), 107);
    assert_int_equal(spans_retreat(&always, 107, 7), 100);
    assert_int_equal(spans_open(&always, 5), 5);
}

static void test_chain_takes_the_first_departure_in_time_and_notified(void **state)
{
    (void)state;
    struct oh_prng prng;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        struct oh_departure at[10];
        struct oh_departures all = { .at = at };
        oh_prng_init(&prng, seed);
        int64_t deadline = 0;
        all.count = (uint32_t)oh_prng_below(&prng, 11);
        for (uint32_t i = 0; i < all.count; i++) {
            deadline += (int64_t)oh_prng_below(&prng, 10);
            at[i] = (struct oh_departure){ deadline, oh_prng_between(&prng, 0, 60), deadline + 1, deadline + 1, 0 };
        }
        int64_t ready = oh_prng_between(&prng, 0, 60);
        int64_t ordered = oh_prng_between(&prng, 0, 60);
        uint32_t expected = 0;
        while (expected < all.count && !(ready < at[expected].deadline_us && ordered <= at[expected].notified_us))
            expected++;
        if (departures_first(&all, ready, ordered) != expected)
            fail_msg("seed %" PRIu64, seed);
    }
}

/* ---- Days (D5) -------------------------------------------------------------------------------- */

#define DAYS 30
#define DAY_US 86400000000ll

struct service_world {
    struct oh_timetable_service service;
    int64_t starts[DAYS + 1];
    uint32_t rank[DAYS];
    int32_t transit[DAYS];
    uint32_t next[DAYS];
    struct oh_delivery_window windows[DAYS];
    bool travels[DAYS];
    bool delivers[DAYS];
};

static void service_make(struct oh_prng *prng, struct service_world *world)
{
    *world = (struct service_world){ 0 };
    struct oh_timetable_service *service = &world->service;
    service->day_first = 100;
    service->day_count = DAYS;
    for (int32_t d = 0; d < DAYS; d++) {
        world->travels[d] = oh_prng_below(prng, 3) > 0;
        world->delivers[d] = oh_prng_below(prng, 3) > 0;
        world->starts[d] = (100 + d) * DAY_US;
        world->next[d] = service->window_count;
        if (world->travels[d])
            world->transit[service->transit_day_count++] = 100 + d;
        world->rank[d] = service->transit_day_count;
        if (world->delivers[d])
            world->windows[service->window_count++] =
                (struct oh_delivery_window){ world->starts[d] + 8, world->starts[d] + 18, 100 + d };
    }
    world->starts[DAYS] = (100 + DAYS) * DAY_US;
    service->day_starts_us = world->starts;
    service->transit_rank = world->rank;
    service->transit_days = world->transit;
    service->delivery_next = world->next;
    service->windows = world->windows;
}

/* Day by day: counts the days that travel after the day it left, then waits for one that delivers. */
static int32_t walk_days(const struct service_world *world, int32_t left_on, int32_t days)
{
    int32_t d = left_on;
    while (days > 0 && ++d < DAYS)
        days -= world->travels[d] ? 1 : 0;
    while (d < DAYS && !world->delivers[d])
        d++;
    return d;
}

static void test_chain_counts_transit_days_as_a_calendar_does(void **state)
{
    (void)state;
    struct oh_prng prng;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        struct service_world world;
        oh_prng_init(&prng, seed);
        service_make(&prng, &world);
        struct route route = { .service = &world.service };
        struct oh_transit_row row = { .origin_region = OH_INDEX_NONE, .days = (int32_t)oh_prng_below(&prng, 6) };
        int32_t left_on = (int32_t)oh_prng_below(&prng, DAYS);
        struct oh_departure departure = { .leaves_us = world.starts[left_on] + 4, .day = 100 + left_on };
        struct delivery delivery = route_deliver(&route, &row, -1, &departure);
        int32_t expected = walk_days(&world, left_on, row.days);
        int64_t from = expected < DAYS ? world.starts[expected] + 8 : CHAIN_NEVER;
        if (delivery.from_us != from)
            fail_msg("seed %" PRIu64 ": left on %d, %d days", seed, left_on, row.days);
    }
}

static void test_chain_hours_wait_for_a_window_and_slots_for_what_arrives(void **state)
{
    (void)state;
    struct oh_prng prng;
    oh_prng_init(&prng, 7);
    struct service_world world;
    service_make(&prng, &world);
    for (int32_t d = 0; d < DAYS; d++)
        world.windows[d] = (struct oh_delivery_window){ world.starts[d] + 8, world.starts[d] + 18, 100 + d };
    world.service.window_count = DAYS;
    struct route route = { .service = &world.service };
    struct oh_transit_row row = { .days = -1, .hours_us = 5 };
    struct oh_departure departure = { .leaves_us = world.starts[2] + 5, .day = 102 };
    assert_int_equal(route_deliver(&route, &row, -1, &departure).from_us, world.starts[2] + 10);
    departure.leaves_us = world.starts[2] + 1; /* there before the window opens */
    assert_int_equal(route_deliver(&route, &row, -1, &departure).from_us, world.starts[2] + 8);
    departure.leaves_us = world.starts[2] + 13; /* there as it closes */
    assert_int_equal(route_deliver(&route, &row, -1, &departure).from_us, world.starts[3] + 8);
    assert_int_equal(route_deliver(&route, &row, 2, &departure).from_us, world.starts[2] + 15); /* learned */

    row.days = 0; /* on the day it leaves: not before it has left, though the window began (test_screen, seed 49) */
    departure.leaves_us = world.starts[2] + 12;
    assert_int_equal(route_deliver(&route, &row, -1, &departure).arrives_us, world.starts[2] + 12);
    departure.leaves_us = world.starts[2] + 4;
    assert_int_equal(route_deliver(&route, &row, -1, &departure).arrives_us, world.starts[2] + 8);

    struct oh_slot slots[] = { { 10, 12, 8, 1000 }, { 20, 22, 15, 1000 }, { 30, 32, 28, 1000 } };
    world.service.slots = slots;
    world.service.slot_count = 3;
    assert_int_equal(slots_first(&world.service, 10, 7), 0);
    assert_int_equal(slots_first(&world.service, 10, 8), 1); /* closing is exclusive */
    assert_int_equal(slots_first(&world.service, 11, 0), 1);
    assert_int_equal(slots_first(&world.service, 31, 0), 3);
}

/* ---- Destinations ----------------------------------------------------------------------------- */

static void test_chain_matches_rows_in_order_and_never_charges_less_for_more(void **state)
{
    (void)state;
    struct oh_match zone_match = { OH_BYTES("GB"), OH_BYTES("BT"), OH_INDEX_NONE };
    struct oh_zone zones[] = { { .zone = OH_BYTES("ni"), .matches = &zone_match, .match_count = 1 } };
    struct oh_match all = { OH_BYTES_NONE, OH_BYTES_NONE, OH_INDEX_NONE };
    struct oh_match ni = { OH_BYTES_NONE, OH_BYTES_NONE, 0 };
    struct oh_transit_row transit[] = {
        { ni, OH_INDEX_NONE, 0, 5, 0 }, { all, OH_INDEX_NONE, 50, 1, 0 }, { all, 3, 0, 2, 0 },
        { all, OH_INDEX_NONE, 0, 3, 0 },
    };
    struct oh_cost_row costs[] = { { ni, 0, 9000 }, { all, 2000, 8000 }, { all, 10000, 5000 }, { all, 0, 12000 } };
    struct oh_timetable_service service = { .transit = transit, .transit_count = 4, .costs = costs, .cost_count = 4 };
    struct oh_timetable timetable = { .services = &service, .service_count = 1, .zones = zones, .zone_count = 1 };
    uint16_t transit_rows[ROUTE_ROWS_MAX], cost_rows[ROUTE_ROWS_MAX];
    struct route route = { .transit_rows = transit_rows, .cost_rows = cost_rows };

    route_make(&route, &timetable, 0, OH_BYTES("GB"), OH_BYTES("BT11AA"));
    assert_int_equal(route_transit(&route, OH_INDEX_NONE, 10)->days, 5);
    assert_int_equal(route_cost_milli(&route, 1), 9000);

    route_make(&route, &timetable, 0, OH_BYTES("GB"), OH_BYTES("SW1A"));
    assert_int_equal(route_transit(&route, OH_INDEX_NONE, 10)->days, 1);
    assert_int_equal(route_transit(&route, 3, 51)->days, 2);
    assert_int_equal(route_transit(&route, 4, 51)->days, 3);
    assert_int_equal(route_transit(&route, 4, -1)->days, 3); /* an unknown distance is in no band */
    assert_int_equal(route_cost_milli(&route, 2000), 8000);
    assert_int_equal(route_cost_milli(&route, 2001), 8000); /* the row says 5: heavier is never cheaper */
    assert_int_equal(route_cost_milli(&route, 10001), 12000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain_advances_as_the_clock_walks),
        cmocka_unit_test(test_chain_retreats_to_the_last_begin_that_is_in_time),
        cmocka_unit_test(test_chain_always_open_is_plain_addition),
        cmocka_unit_test(test_chain_takes_the_first_departure_in_time_and_notified),
        cmocka_unit_test(test_chain_counts_transit_days_as_a_calendar_does),
        cmocka_unit_test(test_chain_hours_wait_for_a_window_and_slots_for_what_arrives),
        cmocka_unit_test(test_chain_matches_rows_in_order_and_never_charges_less_for_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
