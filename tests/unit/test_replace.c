/*
 * test_replace.c - claims and capacity that go to other nodes in one step, and capacity that is given back
 * (docs/spec/promise.md, CA1 to CA5, PR4).
 */
#include "support/shop.h"
#include "support/test.h"
#include <stdlib.h>

#define WINDOW_FROM_US (SHOP_NOW_US + SHOP_DAY_US)
#define WINDOW_UNTIL_US (WINDOW_FROM_US + 3600 * SHOP_SECOND_US)

static struct shop *world_open(void)
{
    struct oh_ledger_options options = SHOP_OPTIONS;
    options.positions_max = 16384;
    options.claims_max = 65536;
    struct shop *shop = shop_open(&options);
    shop_item(shop, "s");
    shop_item(shop, "t");
    for (const char *const *node = (const char *const[]){ "a", "b", "c", NULL }; *node != NULL; node++) {
        shop_node(shop, *node);
        shop_adjust(shop, "s", *node, 10);
        shop_adjust(shop, "t", *node, 10);
    }
    return shop;
}

static struct oh_reserve_booking booking(const struct shop *shop, const char *resource, const char *node,
                                         enum oh_unit unit, int64_t units, int64_t limit)
{
    return (struct oh_reserve_booking){ oh_bytes_of(resource), shop_node_id(shop, node).index, unit, WINDOW_FROM_US,
                                        WINDOW_UNTIL_US, units * 1000, limit * 1000 };
}

static int64_t booked(const struct shop *shop, const char *resource)
{
    return oh_booked(shop->ledger, oh_bytes_of(resource), WINDOW_FROM_US, shop->now_us) / 1000;
}

/* R has s=units at a, and books of `resource` there. */
static enum oh_verdict reserve_booked(struct shop *shop, const char *id, const char *lines,
                                      const struct oh_reserve_booking *bookings, uint32_t count)
{
    struct oh_reserve_command with = { .kind = OH_KIND_SHIP, .bookings = bookings, .booking_count = count };
    return shop_reserve_with(shop, with, id, "", lines);
}

static enum oh_verdict replace(struct shop *shop, const char *from, const struct oh_reserve_pick *picks,
                               uint32_t pick_count, const struct oh_reserve_booking *bookings, uint32_t booking_count)
{
    uint16_t node = shop_node_id(shop, from).index;
    struct oh_command command = { .type = OH_COMMAND_REPLACE };
    command.replace = (struct oh_replace_command){
        .id = OH_BYTES("R"),
        .nodes = &node,
        .node_count = 1,
        .picks = picks,
        .pick_count = pick_count,
        .bookings = bookings,
        .booking_count = booking_count,
        .fingerprint = 1,
    };
    return shop_do(shop, &command);
}

static struct oh_reserve_pick pick(const struct shop *shop, uint32_t line, const char *node, int64_t units)
{
    return (struct oh_reserve_pick){ line, shop_node_id(shop, node).index, OH_KIND_SHIP, units * 1000,
                                     OH_TIME_US_NONE };
}

/* ---- Replacing -------------------------------------------------------------------------------- */

static void test_replace_claims_and_books_elsewhere_in_one_step(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_reserve_booking at_a[] = { booking(shop, "node/a", "a", OH_UNIT_ORDERS, 1, 1) };
    struct oh_reserve_booking there[] = { booking(shop, "node/b", "b", OH_UNIT_ORDERS, 1, 1),
                                          booking(shop, "node/c", "c", OH_UNIT_ORDERS, 1, 1) };
    assert_int_equal(reserve_booked(shop, "R", "s=6@a t=2@a", at_a, 1), OH_OK_DONE);
    shop_act(shop, OH_COMMAND_CONFIRM, "R", "1=5");
    struct oh_reserve_pick picks[] = { pick(shop, 1, "b", 4), pick(shop, 1, "c", 2), pick(shop, 2, "b", 2) };
    assert_int_equal(replace(shop, "a", picks, 3, there, 2), OH_OK_DONE);
    assert_string_equal(shop_claims(shop, "R"), "1 b 4 held 1 confirmed 3; 1 c 2 confirmed 2; 2 b 2 held 2");
    assert_int_equal(booked(shop, "node/a"), 0);
    assert_int_equal(booked(shop, "node/b"), 1);
    assert_int_equal(booked(shop, "node/c"), 1);
    shop_close(shop);
}

static void test_replace_leaves_what_is_not_picked(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_reserve_booking at_a[] = { booking(shop, "node/a", "a", OH_UNIT_UNITS, 6, 6) };
    reserve_booked(shop, "R", "s=6@a", at_a, 1);
    struct oh_reserve_pick picks[] = { pick(shop, 1, "b", 4) };
    assert_int_equal(replace(shop, "a", picks, 1, NULL, 0), OH_OK_DONE);
    assert_string_equal(shop_claims(shop, "R"), "1 a 2 held 2; 1 b 4 held 4");
    assert_int_equal(booked(shop, "node/a"), 2);
    shop_close(shop);
}

/* The last slot of a service, in which the parcel that is replaced is itself. */
static void test_replace_takes_the_slot_that_it_gives_up(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_reserve_booking at_a[] = { booking(shop, "slot/van", "a", OH_UNIT_PARCELS, 1, 1) };
    struct oh_reserve_booking at_b[] = { booking(shop, "slot/van", "b", OH_UNIT_PARCELS, 1, 1) };
    reserve_booked(shop, "R", "s=6@a", at_a, 1);
    struct oh_reserve_pick part[] = { pick(shop, 1, "b", 4) };
    assert_int_equal(replace(shop, "a", part, 1, at_b, 1), OH_V_NO_CAPACITY); /* a keeps its parcel */
    assert_string_equal(shop_claims(shop, "R"), "1 a 6 held 6");
    struct oh_reserve_pick all[] = { pick(shop, 1, "b", 6) };
    assert_int_equal(replace(shop, "a", all, 1, at_b, 1), OH_OK_DONE);
    assert_int_equal(booked(shop, "slot/van"), 1);
    shop_close(shop);
}

static void test_replace_refuses_and_changes_nothing(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    reserve_booked(shop, "R", "s=6@a t=1@b", NULL, 0);
    reserve_booked(shop, "S", "s=8@b", NULL, 0);
    struct oh_reserve_pick too_many[] = { pick(shop, 1, "c", 4), pick(shop, 1, "b", 3) };
    struct oh_reserve_pick short_of[] = { pick(shop, 1, "c", 3), pick(shop, 1, "b", 3) };
    struct oh_reserve_pick same[] = { pick(shop, 1, "a", 1) };
    struct oh_reserve_pick other_line[] = { pick(shop, 2, "c", 1) };
    struct oh_reserve_pick falling[] = { pick(shop, 2, "c", 1), pick(shop, 1, "c", 1) };
    assert_int_equal(replace(shop, "a", too_many, 2, NULL, 0), OH_V_INVALID_QUANTITY);
    assert_int_equal(replace(shop, "a", same, 1, NULL, 0), OH_V_SAME_NODE);
    assert_int_equal(replace(shop, "a", other_line, 1, NULL, 0), OH_V_INVALID_QUANTITY);
    assert_int_equal(replace(shop, "a", falling, 2, NULL, 0), OH_V_INVALID_QUANTITY);
    struct oh_reserve_pick no_node[] = { pick(shop, 1, "c", 1) };
    no_node[0].node = 3;
    struct oh_reserve_pick nothing[] = { pick(shop, 1, "c", 0) };
    struct oh_reserve_pick rising_back[] = { pick(shop, 1, "c", 1), pick(shop, 0, "c", 1) };
    assert_int_equal(replace(shop, "a", no_node, 1, NULL, 0), OH_V_INVALID_VALUE);
    assert_int_equal(replace(shop, "a", nothing, 1, NULL, 0), OH_V_INVALID_QUANTITY);
    assert_int_equal(replace(shop, "a", rising_back, 2, NULL, 0), OH_V_INVALID_VALUE);
    assert_int_equal(replace(shop, "a", same, 0, NULL, 0), OH_V_TOO_MANY);
    assert_int_equal(replace(shop, "a", same, OH_CLAIMS_MAX + 1, NULL, 0), OH_V_TOO_MANY);
    assert_int_equal(replace(shop, "c", same, 1, NULL, 0), OH_V_NOTHING_CLAIMED);
    assert_int_equal(replace(shop, "a", short_of, 2, NULL, 0), OH_V_INSUFFICIENT);
    assert_int_equal(shop->answer.lines[0].available_milli, 2000);
    assert_string_equal(shop_claims(shop, "R"), "1 a 6 held 6; 2 b 1 held 1");
    shop_close(shop);
}

static void test_replace_has_limits(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    reserve_booked(shop, "R", "s=6@a", NULL, 0);
    struct oh_reserve_pick *picks = calloc(OH_CLAIMS_MAX, sizeof(*picks));
    struct oh_reserve_booking *bookings = calloc(OH_BOOKINGS_MAX + 1, sizeof(*bookings));
    char *promise = calloc(OH_PROMISE_SIZE_MAX + 1, 1);
    assert_true(picks != NULL && bookings != NULL && promise != NULL);
    for (uint32_t i = 0; i < OH_CLAIMS_MAX; i++) {
        picks[i] = pick(shop, 1, "b", 1);
        picks[i].quantity_milli = 1;
    }
    for (uint32_t i = 0; i <= OH_BOOKINGS_MAX; i++) {
        bookings[i] = booking(shop, "slot/van", "b", OH_UNIT_PARCELS, 1, 1);
        bookings[i].from_us += i;
    }
    assert_int_equal(replace(shop, "a", picks, OH_CLAIMS_MAX, NULL, 0), OH_V_TOO_MANY_SPLITS); /* with what there is */
    assert_int_equal(replace(shop, "a", picks, 1, bookings, OH_BOOKINGS_MAX + 1), OH_V_TOO_MANY);
    assert_int_equal(replace(shop, "a", picks, OH_CLAIMS_MAX - 1, bookings, OH_BOOKINGS_MAX), OH_OK_DONE);
    assert_string_equal(shop_claims(shop, "R"), "1 a 1.905 held 1.905; 1 b 4.095 held 4.095");
    assert_int_equal(replace(shop, "a", picks, 1, bookings, 1), OH_V_TOO_MANY); /* with those it has */
    uint16_t node = shop_node_id(shop, "a").index;
    struct oh_command command = { .type = OH_COMMAND_REPLACE };
    command.replace = (struct oh_replace_command){ .id = OH_BYTES("R"), .nodes = &node, .node_count = 1, .picks = picks,
                                                   .pick_count = 1, .fingerprint = 1,
                                                   .promise = { promise, OH_PROMISE_SIZE_MAX + 1 } };
    assert_int_equal(shop_do(shop, &command), OH_V_TOO_MANY);
    command.replace.promise.size = 0;
    command.replace.refusal = OH_V_NOT_PROMISABLE;
    command.key = OH_BYTES("k");
    assert_int_equal(shop_do(shop, &command), OH_V_NOT_PROMISABLE);
    command.replace.refusal = OH_OK_DONE;
    assert_int_equal(shop_do(shop, &command), OH_V_NOT_PROMISABLE);
    assert_true(shop->answer.is_repeat);
    free(picks);
    free(bookings);
    free(promise);
    shop_close(shop);
}

/* What is held has expired, and is not written down yet; what is confirmed goes, with its place. */
static void test_replace_of_what_is_left_of_a_hold(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_reserve_booking at_a = booking(shop, "slot/van", "a", OH_UNIT_PARCELS, 1, 1);
    struct oh_reserve_booking at_b = booking(shop, "slot/van", "b", OH_UNIT_PARCELS, 1, 1);
    struct oh_reserve_command with = { .kind = OH_KIND_SHIP, .bookings = &at_a, .booking_count = 1,
                                       .ttl_us = 60 * SHOP_SECOND_US };
    assert_int_equal(shop_reserve_with(shop, with, "R", "", "s=6@a t=2@a"), OH_OK_DONE);
    shop_act(shop, OH_COMMAND_CONFIRM, "R", "1=4");
    shop->now_us += 61 * SHOP_SECOND_US;
    struct oh_reserve_pick picks[] = { pick(shop, 1, "b", 4) };
    assert_int_equal(replace(shop, "a", picks, 1, &at_b, 1), OH_OK_DONE);
    assert_int_equal(booked(shop, "slot/van"), 1);
    shop_close(shop);
}

static void test_replace_of_the_least_there_is(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    reserve_booked(shop, "R", "s=0.001@a", NULL, 0);
    struct oh_reserve_pick picks[] = { pick(shop, 1, "b", 0) };
    picks[0].quantity_milli = 1;
    assert_int_equal(replace(shop, "a", picks, 1, NULL, 0), OH_OK_DONE);
    assert_string_equal(shop_claims(shop, "R"), "1 b 0.001 held 0.001");
    shop_close(shop);
}

static void test_replace_of_a_later_line(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    reserve_booked(shop, "R", "s=6@a t=2@a", NULL, 0);
    struct oh_reserve_pick picks[] = { pick(shop, 2, "b", 2) };
    assert_int_equal(replace(shop, "a", picks, 1, NULL, 0), OH_OK_DONE);
    assert_string_equal(shop_claims(shop, "R"), "1 a 6 held 6; 2 b 2 held 2");
    shop_close(shop);
}

/* A node that gives up nothing, and one that gives up a part: only what is empty gives its parcel back. */
static void test_replace_of_two_nodes(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_reserve_booking vans[] = { booking(shop, "slot/van", "a", OH_UNIT_PARCELS, 1, 2),
                                         booking(shop, "slot/van", "b", OH_UNIT_PARCELS, 1, 2) };
    struct oh_reserve_booking there = booking(shop, "slot/van", "c", OH_UNIT_PARCELS, 1, 2);
    assert_int_equal(reserve_booked(shop, "R", "s=6@a t=2@b", vans, 2), OH_OK_DONE);
    uint16_t nodes[] = { shop_node_id(shop, "a").index, shop_node_id(shop, "b").index };
    struct oh_reserve_pick picks[] = { pick(shop, 1, "c", 6), pick(shop, 2, "c", 1) };
    picks[0].kind = OH_KIND_ANY;
    struct oh_command command = { .type = OH_COMMAND_REPLACE };
    command.replace = (struct oh_replace_command){ .id = OH_BYTES("R"), .nodes = nodes, .node_count = 2, .picks = picks,
                                                   .pick_count = 2, .bookings = &there, .booking_count = 1,
                                                   .fingerprint = 1 };
    assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    assert_int_equal(booked(shop, "slot/van"), 2);
    assert_string_equal(shop_claims(shop, "R"), "2 b 1 held 1; 1 c 6 held 6; 2 c 1 held 1");
    command.replace.id = OH_BYTES("none");
    assert_int_equal(shop_do(shop, &command), OH_V_UNKNOWN_RESERVATION);
    shop_close(shop);
}

/* ---- Given back for good ---------------------------------------------------------------------- */

/* What left the node made room for another; coming back it does not squeeze in. */
static void test_bookings_that_were_given_back_do_not_return(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_reserve_booking of_a[] = { booking(shop, "node/a", "a", OH_UNIT_UNITS, 5, 5) };
    struct oh_reserve_booking two[] = { booking(shop, "node/a", "a", OH_UNIT_UNITS, 3, 5) };
    assert_int_equal(reserve_booked(shop, "R", "s=5@a", of_a, 1), OH_OK_DONE);
    assert_int_equal(reserve_booked(shop, "S", "s=3@a", two, 1), OH_V_NO_CAPACITY);
    shop_act(shop, OH_COMMAND_MOVE, "R", "1=3>b");
    assert_int_equal(booked(shop, "node/a"), 2);
    assert_int_equal(reserve_booked(shop, "T", "s=3@a", two, 1), OH_OK_DONE);
    assert_int_equal(shop_act(shop, OH_COMMAND_MOVE, "R", "1=3@b>a"), OH_OK_DONE);
    assert_int_equal(booked(shop, "node/a"), 5);
    shop_act(shop, OH_COMMAND_RELEASE, "R", "1=4");
    assert_int_equal(booked(shop, "node/a"), 4);
    assert_int_equal(shop_act(shop, OH_COMMAND_CHANGE, "R", "1=5"), OH_OK_DONE);
    assert_int_equal(booked(shop, "node/a"), 4);
    shop_close(shop);
}

static void test_bookings_of_one_window_are_one_for_each_node(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_reserve_booking twice[] = { booking(shop, "slot/van", "a", OH_UNIT_PARCELS, 1, 9),
                                          booking(shop, "slot/van", "a", OH_UNIT_PARCELS, 1, 9) };
    assert_int_equal(reserve_booked(shop, "R", "s=1@a", twice, 2), OH_V_INVALID_VALUE);
    twice[1].node = shop_node_id(shop, "b").index;
    assert_int_equal(reserve_booked(shop, "S", "s=1@a t=1@b", twice, 2), OH_OK_DONE);
    assert_int_equal(booked(shop, "slot/van"), 2);
    shop_close(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replace_claims_and_books_elsewhere_in_one_step),
        cmocka_unit_test(test_replace_leaves_what_is_not_picked),
        cmocka_unit_test(test_replace_takes_the_slot_that_it_gives_up),
        cmocka_unit_test(test_replace_refuses_and_changes_nothing),
        cmocka_unit_test(test_replace_has_limits),
        cmocka_unit_test(test_replace_of_two_nodes),
        cmocka_unit_test(test_replace_of_what_is_left_of_a_hold),
        cmocka_unit_test(test_replace_of_the_least_there_is),
        cmocka_unit_test(test_replace_of_a_later_line),
        cmocka_unit_test(test_bookings_that_were_given_back_do_not_return),
        cmocka_unit_test(test_bookings_of_one_window_are_one_for_each_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
