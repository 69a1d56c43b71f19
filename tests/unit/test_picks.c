/*
 * test_picks.c - a reservation whose nodes and capacity were decided already: what the ledger does not take of it, and
 * at which limits (docs/spec/promise.md, CA1 to CA3, PR1 to PR5).
 */
#include "support/shop.h"
#include "support/test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FROM_US (SHOP_NOW_US + SHOP_DAY_US)
#define UNTIL_US (FROM_US + 3600 * SHOP_SECOND_US)

static struct shop *world_open(void)
{
    struct shop *shop = shop_open(NULL);
    shop_item(shop, "s");
    shop_item(shop, "t");
    for (const char *const *node = (const char *const[]){ "a", "b", NULL }; *node != NULL; node++) {
        shop_node(shop, *node);
        shop_adjust(shop, "s", *node, 10);
        shop_adjust(shop, "t", *node, 10);
    }
    return shop;
}

static struct oh_reserve_pick pick(uint32_t line, uint16_t node, int64_t units)
{
    return (struct oh_reserve_pick){ line, node, OH_KIND_ANY, units * 1000, OH_TIME_US_NONE };
}

static struct oh_reserve_booking booking(void)
{
    return (struct oh_reserve_booking){ OH_BYTES("node/a"), 0, OH_UNIT_ORDERS, FROM_US, UNTIL_US, 1000, 1000 };
}

static enum oh_verdict reserve(struct shop *shop, struct oh_reserve_command with, const char *id, const char *lines)
{
    with.kind = OH_KIND_SHIP;
    return shop_reserve_with(shop, with, id, "", lines);
}

/* ---- Picks ------------------------------------------------------------------------------------ */

static void test_picks_are_of_the_lines_in_their_order(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_reserve_pick good[] = { pick(0, 0, 2), pick(0, 1, 3), pick(1, 1, 4) };
    struct oh_reserve_pick falling[] = { pick(1, 0, 1), pick(0, 0, 1) };
    struct oh_reserve_pick no_line[] = { pick(2, 0, 1) };
    struct oh_reserve_pick no_node[] = { pick(0, 2, 1) };
    struct oh_reserve_pick nothing[] = { pick(0, 0, 0) };
    struct oh_reserve_pick too_much[] = { pick(0, 0, 2), pick(0, 1, 4) };
    const struct { struct oh_reserve_pick *picks; uint32_t count; enum oh_verdict verdict; } rows[] = {
        { falling, 2, OH_V_INVALID_VALUE }, { no_line, 1, OH_V_INVALID_VALUE },   { no_node, 1, OH_V_INVALID_VALUE },
        { nothing, 1, OH_V_INVALID_QUANTITY }, { too_much, 2, OH_V_INVALID_QUANTITY }, { good, 3, OH_OK_DONE },
    };
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct oh_reserve_command with = { .picks = rows[i].picks, .pick_count = rows[i].count };
        assert_int_equal(reserve(shop, with, "R", "s=5 t=4"), rows[i].verdict);
    }
    assert_string_equal(shop_claims(shop, "R"), "1 a 2 held 2; 1 b 3 held 3; 2 b 4 held 4");
    shop_close(shop);
}

/* Less than the line asks for is a partial reservation, or none. */
static void test_picks_may_leave_a_part_where_that_is_allowed(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_reserve_pick less[] = { pick(0, 0, 2), pick(1, 1, 4) };
    struct oh_reserve_command with = { .picks = less, .pick_count = 2 };
    assert_int_equal(reserve(shop, with, "Q", "s=5 t=4"), OH_V_INSUFFICIENT);
    with.allow_partial = true;
    assert_int_equal(reserve(shop, with, "R", "s=5 t=4"), OH_OK_DONE);
    assert_string_equal(shop_claims(shop, "R"), "1 a 2 held 2; 1 - 3 released 3; 2 b 4 held 4");
    struct oh_reserve_pick more[] = { pick(0, 0, 9), pick(0, 1, 2), pick(1, 1, 9) };
    with.picks = more;
    with.pick_count = 3;
    assert_int_equal(reserve(shop, with, "S", "s=11 t=9"), OH_V_INSUFFICIENT); /* what was decided cannot be had */
    shop_close(shop);
}

static void test_picks_of_one_stock_are_added_up(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_reserve_pick both[] = { pick(0, 0, 6), pick(1, 0, 5) };
    struct oh_reserve_command with = { .picks = both, .pick_count = 2 };
    assert_int_equal(reserve(shop, with, "R", "s=6 s=5"), OH_V_INSUFFICIENT);
    assert_int_equal(shop->answer.fault_index, 1);
    both[1].quantity_milli = 4000;
    assert_int_equal(reserve(shop, with, "S", "s=6 s=4"), OH_OK_DONE);
    shop_close(shop);
}

/* ---- Limits ----------------------------------------------------------------------------------- */

static void test_picks_bookings_and_promises_have_a_limit(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_reserve_pick *picks = calloc(OH_CLAIMS_MAX + 1, sizeof(*picks));
    struct oh_reserve_command with = { .picks = picks, .pick_count = 1 };
    struct oh_reserve_booking *bookings = calloc(OH_BOOKINGS_MAX + 1, sizeof(*bookings));
    char *promise = malloc(OH_PROMISE_SIZE_MAX + 1);
    assert_true(picks != NULL && bookings != NULL && promise != NULL);
    picks[0] = pick(0, 0, 1);
    for (uint32_t i = 0; i <= OH_BOOKINGS_MAX; i++) {
        bookings[i] = booking();
        bookings[i].from_us += i;
    }
    memset(promise, ' ', OH_PROMISE_SIZE_MAX + 1);
    with.bookings = bookings;
    with.booking_count = OH_BOOKINGS_MAX + 1;
    assert_int_equal(reserve(shop, with, "R", "s=1"), OH_V_TOO_MANY);
    assert_int_equal(shop->answer.field, OH_FIELD_BOOKINGS);
    with.booking_count = OH_BOOKINGS_MAX;
    with.promise = (struct oh_bytes){ promise, OH_PROMISE_SIZE_MAX + 1 };
    assert_int_equal(reserve(shop, with, "R", "s=1"), OH_V_TOO_MANY);
    assert_int_equal(shop->answer.field, OH_FIELD_HOLD);
    with.promise.size = OH_PROMISE_SIZE_MAX;
    assert_int_equal(reserve(shop, with, "R", "s=1"), OH_OK_DONE);
    struct oh_reservation_view view;
    oh_reservation_get(shop->ledger, shop_reservation(shop, "R"), shop->now_us, &view);
    assert_int_equal(view.promise.size, OH_PROMISE_SIZE_MAX);
    with.pick_count = OH_CLAIMS_MAX + 1;
    with.promise.size = 0;
    assert_int_equal(reserve(shop, with, "S", "s=1"), OH_V_TOO_MANY);
    free(picks);
    free(bookings);
    free(promise);
    shop_close(shop);
}

/* As many as there may be, with the longest names; and two that come to be one. */
static void test_a_move_takes_slots_along_to_the_last(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_booking_view *views = calloc(OH_BOOKINGS_MAX, sizeof(*views));
    struct oh_reserve_booking *bookings = calloc(OH_BOOKINGS_MAX, sizeof(*bookings));
    char (*names)[OH_RESOURCE_SIZE_MAX + 1] = calloc(OH_BOOKINGS_MAX, sizeof(*names));
    assert_true(views != NULL && bookings != NULL && names != NULL);
    for (uint32_t i = 0; i < OH_BOOKINGS_MAX; i++) {
        bookings[i] = booking();
        (void)snprintf(names[i], sizeof(names[i]), "slot/%0*u", (int)OH_RESOURCE_SIZE_MAX - 5, i);
        bookings[i].resource = oh_bytes_of(names[i]);
        bookings[i].unit = i == 0 ? OH_UNIT_ORDERS : OH_UNIT_PARCELS;
    }
    bookings[1].limit_milli = 2000;
    bookings[2] = bookings[1];
    bookings[2].node = 1;
    struct oh_reserve_pick both[] = { pick(0, 0, 2), pick(0, 1, 2) };
    struct oh_reserve_command with = { .picks = both, .pick_count = 2, .bookings = bookings,
                                       .booking_count = OH_BOOKINGS_MAX };
    assert_int_equal(reserve(shop, with, "R", "s=4"), OH_OK_DONE);
    assert_int_equal(shop_act(shop, OH_COMMAND_MOVE, "R", "1@a>b"), OH_OK_DONE);
    uint32_t count = oh_reservation_bookings(shop->ledger, shop_reservation(shop, "R"), shop->now_us, OH_BOOKINGS_MAX,
                                             views);
    assert_int_equal(count, OH_BOOKINGS_MAX - 2); /* the node's own is given back */
    for (uint32_t i = 0; i < count; i++) {
        bool is_both = oh_bytes_equal(views[i].resource, bookings[1].resource);
        assert_int_equal(views[i].node.index, 1);
        assert_int_equal(views[i].quantity_milli, is_both ? 2000 : 1000);
    }
    assert_int_equal(oh_booked(shop->ledger, bookings[0].resource, FROM_US, shop->now_us), 0);
    assert_int_equal(oh_booked(shop->ledger, bookings[1].resource, FROM_US, shop->now_us), 2000);
    free(names);
    free(bookings);
    free(views);
    shop_close(shop);
}

static void test_bookings_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_reserve_pick one = pick(0, 0, 1);
    char name[OH_RESOURCE_SIZE_MAX + 1];
    memset(name, 'x', sizeof(name));
    struct oh_reserve_booking wrong[10];
    for (uint32_t i = 0; i < 10; i++)
        wrong[i] = booking();
    wrong[0].resource = OH_BYTES_NONE;
    wrong[1].resource = (struct oh_bytes){ name, sizeof(name) };
    wrong[2].node = 2;
    wrong[3].from_us = -1;
    wrong[4].until_us = FROM_US;
    wrong[5].until_us = OH_TIME_US_MAX + 1;
    wrong[6].quantity_milli = 0;
    wrong[7].quantity_milli = OH_TOTAL_MILLI_MAX + 1;
    wrong[8].limit_milli = OH_TOTAL_MILLI_MAX + 1;
    wrong[9].resource = OH_BYTES("a\nb");
    for (uint32_t i = 0; i < 10; i++) {
        struct oh_reserve_command with = { .picks = &one, .pick_count = 1, .bookings = &wrong[i], .booking_count = 1 };
        assert_int_equal(reserve(shop, with, "R", "s=1"), OH_V_INVALID_VALUE);
        assert_int_equal(shop->answer.field, OH_FIELD_BOOKINGS);
    }
    wrong[1].resource.size = OH_RESOURCE_SIZE_MAX;
    struct oh_reserve_command with = { .picks = &one, .pick_count = 1, .bookings = &wrong[1], .booking_count = 1 };
    assert_int_equal(reserve(shop, with, "R", "s=1"), OH_OK_DONE);
    shop_close(shop);
}

/* ---- Bookings as they are seen ---------------------------------------------------------------- */

static void test_bookings_are_shown_as_far_as_they_count(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_reserve_pick two[] = { pick(0, 0, 2), pick(1, 0, 3) };
    struct oh_reserve_booking bookings[2] = { booking(), booking() };
    bookings[0].unit = OH_UNIT_LINES;
    bookings[0].quantity_milli = 2000;
    bookings[0].limit_milli = 2000;
    bookings[1].from_us += 3600 * SHOP_SECOND_US;
    bookings[1].until_us += 3600 * SHOP_SECOND_US;
    struct oh_reserve_command with = { .picks = two, .pick_count = 2, .bookings = bookings, .booking_count = 2,
                                       .ttl_us = 60 * SHOP_SECOND_US };
    assert_int_equal(reserve(shop, with, "R", "s=2 t=3"), OH_OK_DONE);
    struct oh_booking_view views[2];
    struct oh_reservation_id id = shop_reservation(shop, "R");
    assert_int_equal(oh_reservation_bookings(shop->ledger, id, shop->now_us, 2, views), 2);
    assert_int_equal(views[0].quantity_milli, 2000);
    assert_true(oh_bytes_equal(views[0].resource, OH_BYTES("node/a")));
    assert_int_equal(oh_reservation_bookings(shop->ledger, id, shop->now_us, 1, views), 1);
    int64_t later_us = shop->now_us + 61 * SHOP_SECOND_US; /* expired, and not written down yet */
    assert_int_equal(oh_reservation_bookings(shop->ledger, id, later_us, 2, views), 0);
    assert_int_equal(oh_booked(shop->ledger, OH_BYTES("node/a"), FROM_US, later_us), 0);
    assert_int_equal(oh_booked(shop->ledger, OH_BYTES("node/a"), FROM_US, shop->now_us), 2000);
    reserve(shop, (struct oh_reserve_command){ .ttl_us = 0 }, "S", "s=1@a");
    assert_int_equal(oh_reservation_bookings(shop->ledger, shop_reservation(shop, "S"), shop->now_us, 2, views), 0);
    shop->now_us += 61 * SHOP_SECOND_US;
    with.ttl_us = 0;
    assert_int_equal(reserve(shop, with, "T", "s=2 t=3"), OH_OK_DONE);
    shop_close(shop);
}

/* What a hold gave back at its end is given back for good, written down or not (rule 6, CA4). */
static void test_growth_after_the_end_of_a_hold_takes_no_capacity(void **state)
{
    (void)state;
    for (uint32_t is_written = 0; is_written < 2; is_written++) {
        struct shop *shop = world_open();
        struct oh_reserve_pick six = pick(0, 0, 6);
        struct oh_reserve_booking units = booking();
        units.unit = OH_UNIT_UNITS;
        units.quantity_milli = units.limit_milli = 6000;
        struct oh_reserve_command with = { .picks = &six, .pick_count = 1, .bookings = &units, .booking_count = 1,
                                           .ttl_us = 60 * SHOP_SECOND_US };
        assert_int_equal(reserve(shop, with, "R", "s=6"), OH_OK_DONE);
        assert_int_equal(shop_act(shop, OH_COMMAND_CONFIRM, "R", "1=4"), OH_OK_DONE);
        shop->now_us += 60 * SHOP_SECOND_US;
        if (is_written == 1)
            assert_int_equal(shop_advance(shop), 1);
        assert_int_equal(oh_booked(shop->ledger, OH_BYTES("node/a"), FROM_US, shop->now_us), 4000);
        assert_int_equal(shop_act(shop, OH_COMMAND_CHANGE, "R", "1=6"), OH_OK_DONE);
        assert_int_equal(oh_booked(shop->ledger, OH_BYTES("node/a"), FROM_US, shop->now_us), 4000);
        shop_advance(shop);
        assert_int_equal(oh_booked(shop->ledger, OH_BYTES("node/a"), FROM_US, shop->now_us), 4000);
        shop_close(shop);
    }
}

/* A reservation that is forgotten has booked nothing, from that very microsecond on. */
static void test_what_is_forgotten_books_nothing(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_reserve_pick one = pick(0, 0, 1);
    struct oh_reserve_booking order = booking();
    struct oh_reserve_command with = { .picks = &one, .pick_count = 1, .bookings = &order, .booking_count = 1 };
    assert_int_equal(reserve(shop, with, "R", "s=1"), OH_OK_DONE);
    shop_act(shop, OH_COMMAND_CONFIRM, "R", "");
    shop_act(shop, OH_COMMAND_FULFIL, "R", "");
    shop->now_us += SHOP_DAY_US - 1;
    assert_int_equal(oh_booked(shop->ledger, OH_BYTES("node/a"), FROM_US, shop->now_us), 1000);
    assert_int_equal(reserve(shop, with, "S", "s=1"), OH_V_NO_CAPACITY);
    shop->now_us++;
    assert_int_equal(reserve(shop, with, "T", "s=1"), OH_OK_DONE);
    assert_int_equal(oh_booked(shop->ledger, OH_BYTES("node/a"), FROM_US, shop->now_us), 1000);
    shop_close(shop);
}

/* What a hold at its end claims no longer is due at no time. */
static void test_an_ended_hold_is_due_at_no_time(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_claim_view view;
    int64_t due_us = shop->now_us + SHOP_DAY_US;
    shop_supply(shop, "more", "s", "a", 10, due_us);
    struct oh_reserve_pick late = { 0, 0, OH_KIND_SHIP, 3000, due_us };
    struct oh_reserve_command with = { .picks = &late, .pick_count = 1, .ttl_us = 60 * SHOP_SECOND_US };
    assert_int_equal(reserve(shop, with, "R", "s=3"), OH_OK_DONE);
    struct oh_reservation_id id = shop_reservation(shop, "R");
    assert_int_equal(oh_reservation_claims(shop->ledger, id, shop->now_us, 0, 1, &view), 1);
    assert_int_equal(view.due_at_us, due_us);
    shop->now_us += 60 * SHOP_SECOND_US;
    assert_int_equal(oh_reservation_claims(shop->ledger, id, shop->now_us, 0, 1, &view), 1);
    assert_int_equal(view.due_at_us, OH_TIME_US_NONE);
    shop_close(shop);
}

static double available_by(struct shop *shop, int64_t by_us)
{
    struct oh_availability availability;
    struct oh_asker asker = shop_asker(shop, "", OH_KIND_SHIP);
    asker.by_us = by_us;
    oh_available_at_node(shop->ledger, shop_item_id(shop, "s"), shop_node_id(shop, "a"), asker, shop->now_us,
                         &availability);
    return (double)availability.available_milli / 1000;
}

/* Holds on two supplies, and on what is there: each ends for itself, whether it is written or not. */
static void test_ended_holds_on_a_supply_take_nothing_from_it(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    int64_t start_us = shop->now_us;
    const struct { const char *id; int64_t units, days, ttl_s; } rows[] = {
        { "R", 3, 1, 60 }, { "S", 2, 2, 120 }, { "T", 1, 0, 60 }, { "U", 4, 1, 0 },
    };
    const struct { int64_t after_s; double now, day, days; } steps[] = {
        { 0, 9, 12, 20 }, { 59, 9, 12, 20 }, { 60, 10, 16, 24 }, { 119, 10, 16, 24 }, { 120, 10, 16, 26 },
    };
    shop_supply(shop, "more", "s", "a", 10, start_us + SHOP_DAY_US);
    shop_supply(shop, "most", "s", "a", 10, start_us + 2 * SHOP_DAY_US);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t due_us = rows[i].days == 0 ? OH_TIME_US_NONE : start_us + rows[i].days * SHOP_DAY_US;
        struct oh_reserve_pick one = { 0, 0, OH_KIND_SHIP, rows[i].units * 1000, due_us };
        struct oh_reserve_command with = { .picks = &one, .pick_count = 1, .ttl_us = rows[i].ttl_s * SHOP_SECOND_US };
        char line[16];
        snprintf(line, sizeof(line), "s=%lld", (long long)rows[i].units);
        assert_int_equal(reserve(shop, with, rows[i].id, line), OH_OK_DONE);
    }
    for (size_t i = 0; i < 2 * sizeof(steps) / sizeof(steps[0]); i++) {
        shop->now_us = start_us + steps[i / 2].after_s * SHOP_SECOND_US;
        assert_true(available_by(shop, start_us + 2 * SHOP_DAY_US) == steps[i / 2].days);
        assert_true(available_by(shop, start_us + SHOP_DAY_US) == steps[i / 2].day);
        assert_true(available_by(shop, shop->now_us) == steps[i / 2].now);
    }
    shop_close(shop);
}

/* The schedule has changed since: what begins together is one window, and ends as the first that booked it was told. */
static void test_bookings_of_a_window_agree_about_its_end(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_reserve_pick one = pick(0, 0, 1);
    struct oh_reserve_booking first = booking();
    struct oh_reserve_booking second = booking();
    first.limit_milli = second.limit_milli = 2000;
    second.until_us += 7;
    struct oh_reserve_command with = { .picks = &one, .pick_count = 1, .bookings = &first, .booking_count = 1 };
    assert_int_equal(reserve(shop, with, "R", "s=1"), OH_OK_DONE);
    with.bookings = &second;
    assert_int_equal(reserve(shop, with, "S", "s=1"), OH_OK_DONE);
    struct oh_booking_view view;
    assert_int_equal(oh_reservation_bookings(shop->ledger, shop_reservation(shop, "S"), shop->now_us, 1, &view), 1);
    assert_int_equal(view.until_us, first.until_us);
    assert_int_equal(oh_booked(shop->ledger, OH_BYTES("node/a"), FROM_US, shop->now_us), 2000);
    assert_int_equal(reserve(shop, with, "T", "s=1"), OH_V_NO_CAPACITY);
    shop_close(shop);
}

/* ---- Refusals under a key --------------------------------------------------------------------- */

static enum oh_verdict hold(struct shop *shop, const char *key, uint64_t fingerprint, enum oh_verdict refusal)
{
    struct oh_reserve_line line = { .line = 1, .sku = OH_BYTES("s"), .quantity_milli = 1000 };
    struct oh_command command = { .type = OH_COMMAND_RESERVE, .key = oh_bytes_of(key) };
    command.reserve = (struct oh_reserve_command){ .kind = OH_KIND_SHIP, .lines = &line, .line_count = 1,
                                                   .refusal = refusal, .fingerprint = fingerprint };
    return shop_do(shop, &command);
}

static void test_a_refusal_is_remembered_under_its_key(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    assert_false(oh_key_is_known(shop->ledger, OH_BYTES("k"), OH_BYTES_NONE));
    assert_int_equal(hold(shop, "k", 7, OH_V_NOT_PROMISABLE), OH_V_NOT_PROMISABLE);
    assert_true(oh_key_is_known(shop->ledger, OH_BYTES("k"), OH_BYTES_NONE));
    assert_int_equal(hold(shop, "k", 7, OH_OK_DONE), OH_V_NOT_PROMISABLE);
    assert_true(shop->answer.is_repeat);
    assert_int_equal(hold(shop, "k", 8, OH_OK_DONE), OH_V_IDEMPOTENCY_MISMATCH);
    assert_int_equal(hold(shop, "l", 7, OH_OK_DONE), OH_OK_DONE);
    reserve(shop, (struct oh_reserve_command){ .ttl_us = 0 }, "own", "s=1@a");
    assert_true(oh_key_is_known(shop->ledger, OH_BYTES_NONE, OH_BYTES("own")));
    assert_false(oh_key_is_known(shop->ledger, OH_BYTES("m"), OH_BYTES("other")));
    assert_false(oh_key_is_known(shop->ledger, OH_BYTES_NONE, OH_BYTES_NONE));
    shop_close(shop);
}

static void test_a_channel_by_distance_may_be_refused_without_a_point(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    shop_channel(shop, "near", OH_POLICY_NEAREST, "a", "");
    struct oh_reserve_command with = { .kind = OH_KIND_SHIP, .refusal = OH_V_OPTION_GONE };
    assert_int_equal(shop_reserve_with(shop, with, "R", "near", "s=1"), OH_V_OPTION_GONE);
    with.refusal = OH_OK_DONE;
    assert_int_equal(shop_reserve_with(shop, with, "S", "near", "s=1"), OH_V_NEAR_REQUIRED);
    shop_close(shop);
}

/* ---- Supplies to come ------------------------------------------------------------------------- */

/* Two claims that are due together are one step of what can be promised; either may end first. */
static void test_claims_may_be_due_together(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    int64_t due_us = shop->now_us + SHOP_DAY_US;
    shop_supply(shop, "more", "s", "a", 10, due_us);
    struct oh_reserve_pick late = { 0, 0, OH_KIND_SHIP, 3000, due_us };
    struct oh_reserve_command with = { .picks = &late, .pick_count = 1 };
    struct oh_asker asker = shop_asker(shop, "", OH_KIND_SHIP);
    struct oh_item_id item = shop_item_id(shop, "s");
    struct oh_node_id node = shop_node_id(shop, "a");
    assert_int_equal(reserve(shop, with, "R", "s=3"), OH_OK_DONE);
    assert_int_equal(reserve(shop, with, "S", "s=3"), OH_OK_DONE);
    assert_int_equal(oh_atp_at_node(shop->ledger, item, node, asker, due_us, shop->now_us), 14000);
    assert_int_equal(oh_atp_at_node(shop->ledger, item, node, asker, shop->now_us, shop->now_us), 10000);
    shop_act(shop, OH_COMMAND_RELEASE, "R", "");
    assert_int_equal(oh_atp_at_node(shop->ledger, item, node, asker, due_us, shop->now_us), 17000);
    struct oh_effect again = { .type = OH_EFFECT_CLAIM };
    again.claim = (struct oh_effect_claim){ .id = OH_BYTES("S"), .line = 1, .quantity_milli = 1000, .held_milli = 1000,
                                            .due_at_us = due_us + 1 };
    struct oh_effect ended = again;
    ended.claim.line = 2;
    ended.claim.held_milli = 0;
    struct oh_effect effects[] = { again, ended }; /* due already: as before; ended already: due at no time */
    struct oh_record record = { oh_ledger_seq(shop->replica) + 1, shop->now_us, effects, 2 };
    struct oh_diag diag = { "" };
    assert_int_equal(oh_ledger_replay(shop->replica, &record, &diag), OH_OK);
    assert_int_equal(oh_atp_at_node(shop->replica, item, node, asker, due_us, shop->now_us), 16000);
    shop_drop(shop);
}

static void test_what_may_not_be_asked_can_be_promised_by_no_time(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    shop_channel(shop, "web", OH_POLICY_PRIORITY, "b", "");
    struct oh_asker asker = shop_asker(shop, "web", OH_KIND_SHIP);
    assert_int_equal(oh_atp_at_node(shop->ledger, shop_item_id(shop, "s"), shop_node_id(shop, "a"), asker,
                                    shop->now_us + SHOP_DAY_US, shop->now_us), 0);
    int64_t times[2];
    shop_node(shop, "empty");
    struct oh_node_id empty = shop_node_id(shop, "empty");
    assert_int_equal(oh_supply_times(shop->ledger, shop_item_id(shop, "s"), empty, shop->now_us, 1, times), 0);
    shop_supply(shop, "one", "s", "empty", 1, shop->now_us + SHOP_DAY_US);
    shop_supply(shop, "other", "s", "empty", 2, shop->now_us + SHOP_DAY_US); /* two at one time are one time */
    assert_int_equal(oh_supply_times(shop->ledger, shop_item_id(shop, "s"), empty, shop->now_us, 2, times), 1);
    assert_int_equal(times[0], shop->now_us + SHOP_DAY_US);
    shop_close(shop);
}

/* CA1: the window has one order, and who has it may bring more. */
static void test_picks_of_a_second_parcel_take_no_second_order(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_reserve_booking order = booking();
    struct oh_reserve_pick picks[] = { pick(0, 0, 1), pick(1, 1, 1) };
    struct oh_reserve_pick other[] = { pick(0, 1, 1) };
    const struct oh_action_command with = { .windows = &order, .window_count = 1, .at_us = OH_TIME_US_NONE };
    struct oh_reserve_command promise = { .picks = picks, .pick_count = 2, .bookings = &order, .booking_count = 1 };
    assert_int_equal(reserve(shop, promise, "R", "s=1 t=1"), OH_OK_DONE);
    promise = (struct oh_reserve_command){ .picks = other, .pick_count = 1 };
    assert_int_equal(reserve(shop, promise, "Q", "s=1"), OH_OK_DONE);
    assert_int_equal(shop_act_with(shop, OH_COMMAND_MOVE, with, "Q", "1>a"), OH_V_NO_CAPACITY);
    assert_int_equal(shop->answer.window_from_us, FROM_US);
    struct oh_action_command many = with; /* more than a reservation may have booked, with what it has */
    many.window_count = OH_BOOKINGS_MAX;
    assert_int_equal(shop_act_with(shop, OH_COMMAND_MOVE, many, "R", "2>a"), OH_V_TOO_MANY);
    assert_int_equal(shop_act_with(shop, OH_COMMAND_MOVE, with, "R", "2>a"), OH_OK_DONE);
    assert_int_equal(oh_booked(shop->ledger, order.resource, FROM_US, shop->now_us), 1000);
    shop_close(shop);
}

/* CA6: of all lines that leave a node at once. */
static void test_picks_of_two_nodes_take_their_slots_along(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    shop_node(shop, "c");
    struct oh_reserve_pick picks[] = { pick(0, 0, 1), pick(1, 0, 1), pick(2, 1, 1) };
    const struct oh_reserve_booking slots[] = {
        { OH_BYTES("slot/van"), 0, OH_UNIT_PARCELS, FROM_US, UNTIL_US, 2000, 9000 },
        { OH_BYTES("slot/van"), 1, OH_UNIT_PARCELS, FROM_US, UNTIL_US, 1000, 9000 },
    };
    const struct oh_action_command move = { .to_node = OH_BYTES("c"), .at_us = OH_TIME_US_NONE };
    struct oh_reserve_command promise = { .picks = picks, .pick_count = 3, .bookings = slots, .booking_count = 2 };
    struct oh_booking_view views[4];
    struct oh_reservation_id reservation;
    shop_adjust(shop, "s", "c", 9);
    shop_adjust(shop, "t", "c", 9);
    assert_int_equal(reserve(shop, promise, "R", "s=1 t=1 s=1"), OH_OK_DONE);
    assert_int_equal(shop_act_with(shop, OH_COMMAND_MOVE, move, "R", ""), OH_OK_DONE);
    assert_true(oh_reservation_find(shop->ledger, OH_BYTES("R"), &reservation));
    assert_int_equal(oh_reservation_bookings(shop->ledger, reservation, shop->now_us, 4, views), 1);
    assert_int_equal(views[0].node.index, 2);
    assert_int_equal(views[0].quantity_milli, 3000);
    shop_close(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_picks_are_of_the_lines_in_their_order),
        cmocka_unit_test(test_picks_may_leave_a_part_where_that_is_allowed),
        cmocka_unit_test(test_picks_of_one_stock_are_added_up),
        cmocka_unit_test(test_picks_bookings_and_promises_have_a_limit),
        cmocka_unit_test(test_a_move_takes_slots_along_to_the_last),
        cmocka_unit_test(test_bookings_that_make_no_sense_are_refused),
        cmocka_unit_test(test_bookings_are_shown_as_far_as_they_count),
        cmocka_unit_test(test_growth_after_the_end_of_a_hold_takes_no_capacity),
        cmocka_unit_test(test_what_is_forgotten_books_nothing),
        cmocka_unit_test(test_an_ended_hold_is_due_at_no_time),
        cmocka_unit_test(test_ended_holds_on_a_supply_take_nothing_from_it),
        cmocka_unit_test(test_bookings_of_a_window_agree_about_its_end),
        cmocka_unit_test(test_a_refusal_is_remembered_under_its_key),
        cmocka_unit_test(test_a_channel_by_distance_may_be_refused_without_a_point),
        cmocka_unit_test(test_claims_may_be_due_together),
        cmocka_unit_test(test_what_may_not_be_asked_can_be_promised_by_no_time),
        cmocka_unit_test(test_picks_of_a_second_parcel_take_no_second_order),
        cmocka_unit_test(test_picks_of_two_nodes_take_their_slots_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
