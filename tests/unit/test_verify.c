/*
 * test_verify.c - the online verifier sees a counter, a fence or a claim that was changed behind the ledger's back.
 * The test reaches into the ledger's memory to do so.
 */
#include "core/state.h"
#include "support/shop.h"
#include "support/test.h"
#include <stdio.h>

static struct shop *world_open(void)
{
    struct shop *shop = shop_open(NULL);
    shop_item(shop, "s");
    shop_node(shop, "n");
    shop_node(shop, "m");
    shop_channel(shop, "c", OH_POLICY_PRIORITY, "", "");
    shop_channel(shop, "d", OH_POLICY_PRIORITY, "", "");
    shop_adjust(shop, "s", "n", 10);
    shop_adjust(shop, "s", "m", 10);
    shop_fence(shop, "f", "s", "n", "c", 5, OH_FENCE_REGULAR);
    shop_fence(shop, "g", "s", "n", "d", 1, OH_FENCE_REGULAR);
    shop_reserve(shop, "R", "c", "s=2@n");
    shop_reserve(shop, "S", "d", "s=1@n");
    shop_act(shop, OH_COMMAND_CONFIRM, "R", "1=1");
    return shop;
}

static uint32_t differences(struct shop *shop)
{
    struct oh_verifier verifier = { .position = 0 };
    uint32_t found = oh_ledger_verify(shop->ledger, &verifier, 2);
    assert_int_equal(verifier.differences, found);
    assert_int_equal(verifier.position_count, 2);
    return found;
}

static void test_verify_sees_each_number_that_was_changed_behind_its_back(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_ledger *ledger = shop->ledger;
    struct position *fenced = &ledger->positions[0], *plain = &ledger->positions[1];
    int64_t *numbers[] = { &fenced->sellable_milli,       &fenced->claimed_milli,
                           &plain->sellable_milli,        &plain->claimed_milli,
                           &ledger->control_totals[0],    &extra_of(ledger, fenced)->held_milli,
                           &ledger->parts[0].held_milli,  &ledger->parts[0].confirmed_milli,
                           &ledger->fences[0].live_milli, &ledger->fences[1].live_milli };
    assert_int_equal(differences(shop), 0);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        for (int sign = -1; sign <= 1; sign += 2) {
            *numbers[i] += sign;
            assert_int_equal(differences(shop), 1);
            *numbers[i] -= sign;
        }
    }
    ledger->claims[0].position = 1; /* a claim filed under another position */
    assert_int_equal(differences(shop), 1);
    ledger->claims[0].position = 0;
    assert_int_equal(differences(shop), 0);
    shop_close(shop);
}

/* Held and confirmed wrong by as much in opposite ways: their sum is right, and yet they differ. */
static void test_verify_sees_two_numbers_that_are_wrong_and_add_up(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    uint32_t link = shop->ledger->positions[0].extra & EXTRA_LINK;
    shop->ledger->extras[link - 1].held_milli += 7;
    assert_int_equal(differences(shop), 1);
    shop_drop(shop);
}

/* Three claims at one position: with a limit of three they are looked at, with two they are passed over, and told. */
static void test_verify_passes_over_what_has_more_claims_than_it_may_look_at(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    shop_reserve(shop, "T", "c", "s=1@n");
    shop->ledger->positions[0].claimed_milli++;
    for (uint32_t claims_max = 1; claims_max <= 4; claims_max++) {
        struct oh_verifier verifier = { .claims_max = claims_max };
        bool is_seen = claims_max >= 3;
        uint32_t first = oh_ledger_verify(shop->ledger, &verifier, 1);
        assert_int_equal(first, is_seen ? 1 : 0);
        assert_int_equal(verifier.position_count, 1);
        assert_int_equal(verifier.passed_over_count, is_seen ? 0 : 1);
        (void)oh_ledger_verify(shop->ledger, &verifier, 1); /* goes on behind it */
        assert_int_equal(verifier.position_count, 2);
        assert_int_equal(verifier.differences, is_seen ? 1 : 0);
    }
    shop->ledger->control_totals[0]++; /* this is seen all the same */
    struct oh_verifier verifier = { .claims_max = 1 };
    assert_int_equal(oh_ledger_verify(shop->ledger, &verifier, 1), 1);
    shop_drop(shop);
}

/* One position with three claims is thirteen to do. */
static void test_verify_ends_with_the_position_that_reaches_what_it_may_do(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    shop_reserve(shop, "T", "c", "s=1@n");
    for (uint32_t work_max = 1; work_max <= 14; work_max++) {
        struct oh_verifier verifier = { .claims_max = 100 };
        assert_int_equal(oh_ledger_verify(shop->ledger, &verifier, work_max), 0);
        assert_int_equal(verifier.position_count, work_max <= 13 ? 1 : 2);
        assert_int_equal(verifier.work_count, work_max <= 13 ? 13 : 14);
    }
    shop_close(shop);
}

static void test_verify_goes_round_and_round(void **state)
{
    (void)state;
    struct oh_ledger_options options = SHOP_OPTIONS;
    struct oh_verifier verifier = { .position = 0 };
    char name[16];
    options.positions_max = 3000;
    struct shop *shop = shop_open(&options);
    assert_int_equal(oh_ledger_verify(shop->ledger, &verifier, 10), 0); /* nothing is there */
    assert_int_equal(verifier.position_count, 0);
    shop_item(shop, "s");
    for (int i = 0; i < 2500; i++) { /* three runs of positions, the last one in part */
        snprintf(name, sizeof(name), "n%d", i);
        shop_node(shop, name);
        shop_adjust(shop, "s", name, i + 1);
    }
    for (int i = 0; i < 30; i++)
        assert_int_equal(oh_ledger_verify(shop->ledger, &verifier, 400), 0);
    assert_int_equal(verifier.rounds, 4);
    shop->ledger->positions[2499].sellable_milli++;
    uint32_t found = 0;
    verifier = (struct oh_verifier){ .position = 0 };
    for (int i = 0; i < 7; i++) /* one round */
        found += oh_ledger_verify(shop->ledger, &verifier, 400);
    assert_int_equal(found, 1);
    assert_int_equal(verifier.differences, 1);
    shop_drop(shop);
}

/* Two windows, and a claim that waits for a supply. */
static void test_verify_sees_capacity_and_what_is_due_later(void **state)
{
    (void)state;
    struct shop *shop = world_open();
    struct oh_ledger *ledger = shop->ledger;
    int64_t later_us = shop->now_us + SHOP_DAY_US;
    struct oh_reserve_pick pick = { 0, 0, OH_KIND_SHIP, 1000, later_us };
    struct oh_reserve_booking bookings[] = {
        { OH_BYTES("node/n"), 0, OH_UNIT_ORDERS, later_us, later_us + 1, 1000, 3000 },
        { OH_BYTES("slot/van"), 0, OH_UNIT_PARCELS, later_us, later_us + 1, 1000, 3000 },
    };
    struct oh_reserve_command with = { .kind = OH_KIND_SHIP, .picks = &pick, .pick_count = 1, .bookings = bookings,
                                       .booking_count = 2 };
    assert_int_equal(shop_reserve_with(shop, with, "T", "", "s=1"), OH_OK_DONE);
    int64_t *numbers[] = { &ledger->buckets[0].booked_milli, &ledger->buckets[1].booked_milli,
                           &ledger->bookings[0].live_milli, &ledger->deferrals[0].live_milli };
    assert_int_equal(differences(shop), 0);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        *numbers[i] += 1;
        assert_int_equal(differences(shop), 1);
        *numbers[i] -= 1;
    }
    ledger->bookings[0].bucket = 1; /* a booking filed under another window */
    assert_int_equal(differences(shop), 1);
    ledger->bookings[0].bucket = 0;
    struct oh_verifier slow = { .position = 0 };
    assert_int_equal(oh_ledger_verify(ledger, &slow, 1), 0);
    assert_int_equal(slow.bucket, 1);
    assert_int_equal(oh_ledger_verify(ledger, &slow, 1), 0);
    assert_int_equal(slow.bucket, 0);
    assert_int_equal(slow.work_count, 4); /* two windows, two positions, nothing counted */
    assert_int_equal(shop_reserve_with(shop, with, "U", "", "s=1"), OH_OK_DONE);
    assert_int_equal(shop_reserve_with(shop, with, "V", "", "s=1"), OH_OK_DONE);
    ledger->buckets[0].booked_milli += 1; /* of a window with three bookings; its node has five claims */
    for (uint32_t most = 1; most <= 3; most++) {
        struct oh_verifier few = { .claims_max = most };
        uint32_t seen = most == 1 ? 2 : 3;
        assert_int_equal(oh_ledger_verify(ledger, &few, 1), most == 3 ? 1 : 0);
        assert_int_equal(few.passed_over_count, most == 3 ? 1 : 2);
        assert_int_equal(few.work_count, 1 + 4 * seen + 1 + 4 * (most + 1));
    }
    ledger->buckets[0].booked_milli -= 1;
    shop_close(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verify_sees_each_number_that_was_changed_behind_its_back),
        cmocka_unit_test(test_verify_sees_capacity_and_what_is_due_later),
        cmocka_unit_test(test_verify_sees_two_numbers_that_are_wrong_and_add_up),
        cmocka_unit_test(test_verify_passes_over_what_has_more_claims_than_it_may_look_at),
        cmocka_unit_test(test_verify_ends_with_the_position_that_reaches_what_it_may_do),
        cmocka_unit_test(test_verify_goes_round_and_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
