/*
 * test_capacity.c - stock and capacity that are promised for later, against their definitions (docs/spec/promise.md,
 * AT1 to AT3, CA1 to CA6).
 *
 * Random reservations that wait for supplies and book windows, and everything that can be done with them. After each
 * step what can be promised by every time, and what is booked in every window, is computed anew from the claims that
 * there are, by the sentence of the rule. The records go through a replica and a snapshot (shop_close). ONHAND_SEED
 * repeats a run.
 */
#include "base/prng.h"
#include "support/shop.h"
#include "support/test.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS     40u
#define STEPS      250u
#define HOUR_US    (3600 * SHOP_SECOND_US)
#define ITEMS      2u
#define NODES      3u
#define WINDOWS    3u
#define RESOURCES  4u /* one of each node, and a service's slots */
#define BOOKED_MAX 4096u
#define SUPPLIES   6u

/* A booking as the test remembers it. */
struct booked {
    char reservation[16];
    uint32_t node, resource, window;
    enum oh_unit unit;
    int64_t milli;
};

struct supply { bool is_there; uint32_t item; uint32_t node; int64_t milli; int64_t eta_us; };

struct world {
    struct oh_prng prng;
    struct shop *shop;
    struct booked booked[BOOKED_MAX];
    uint32_t booked_count;
    struct supply supplies[SUPPLIES];
    uint32_t made; /* reservations so far */
    uint32_t accepted, short_of, full, moved, refused_moves;
};

static struct world world;

static const char *const item_names[ITEMS] = { "s", "t" };
static const char *const node_names[NODES] = { "a", "b", "c" };
static const char *const resource_names[RESOURCES] = { "node/a", "node/b", "node/c", "slot/van" };

static uint32_t below(uint32_t bound)
{
    return (uint32_t)oh_prng_below(&world.prng, bound);
}

static int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static struct oh_bytes resource_of(uint32_t resource)
{
    return oh_bytes_of(resource_names[resource]);
}

static int64_t window_from(uint32_t window)
{
    return SHOP_NOW_US + (int64_t)(24 + 8 * window) * HOUR_US;
}

static void name_of(uint32_t number, char out[16])
{
    (void)snprintf(out, 16, "R%u", (unsigned)number);
}

/* ---- The definitions -------------------------------------------------------------------------- */

static uint32_t claims_of(const char *name, struct oh_claim_view *claims)
{
    struct oh_reservation_id id;
    if (!oh_reservation_find(world.shop->ledger, oh_bytes_of(name), &id))
        return 0;
    return oh_reservation_claims(world.shop->ledger, id, world.shop->now_us, 0, 64, claims);
}

/* CA4, of the claims as they are. */
static int64_t left_of(const struct booked *booked)
{
    struct oh_claim_view claims[64];
    uint32_t count = claims_of(booked->reservation, claims);
    int64_t units = 0;
    uint32_t lines_seen = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t live = claims[i].held_milli + claims[i].confirmed_milli + claims[i].fulfilled_milli;
        if (claims[i].node.index != shop_node_id(world.shop, node_names[booked->node]).index || live == 0)
            continue;
        units += live;
        lines_seen |= UINT32_C(1) << claims[i].line;
    }
    if (units == 0)
        return 0;
    if (booked->unit == OH_UNIT_UNITS)
        return min_i64(units, booked->milli);
    if (booked->unit == OH_UNIT_LINES)
        return min_i64((int64_t)__builtin_popcount(lines_seen) * 1000, booked->milli);
    return booked->milli;
}

static int64_t booked_in(uint32_t resource, uint32_t window)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < world.booked_count; i++) {
        if (world.booked[i].resource == resource && world.booked[i].window == window)
            sum += left_of(&world.booked[i]);
    }
    return sum;
}

/* Of all claims at the position: those due by u_us, what is due at once included. */
static int64_t claimed_by(uint32_t item, uint32_t node, int64_t u_us, int64_t *next_us)
{
    int64_t sum = 0;
    int64_t next = INT64_MAX;
    for (uint32_t r = 0; r < world.made; r++) {
        struct oh_claim_view claims[64];
        char name[16];
        name_of(r, name);
        uint32_t count = claims_of(name, claims);
        for (uint32_t i = 0; i < count; i++) {
            int64_t live = claims[i].held_milli + claims[i].confirmed_milli;
            if (live == 0 || claims[i].item.index != shop_item_id(world.shop, item_names[item]).index ||
                claims[i].node.index != shop_node_id(world.shop, node_names[node]).index)
                continue;
            if (claims[i].due_at_us <= u_us)
                sum += live;
            else
                next = min_i64(next, claims[i].due_at_us);
        }
    }
    *next_us = next;
    return sum;
}

static int64_t supplied_by(uint32_t item, uint32_t node, int64_t u_us)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < SUPPLIES; i++) {
        const struct supply *supply = &world.supplies[i];
        if (supply->is_there && supply->item == item && supply->node == node && supply->eta_us > world.shop->now_us &&
            supply->eta_us <= u_us)
            sum += supply->milli;
    }
    return sum;
}

/* AT1: the least, over all times u >= by, of what there is then. It only falls where a claim is due. */
static int64_t promisable_by(uint32_t item, uint32_t node, int64_t by_us)
{
    struct oh_position_view view = shop_position(world.shop, item_names[item], node_names[node]);
    int64_t sellable = view.states_milli[OH_STATE_SELLABLE];
    int64_t least = INT64_MAX;
    for (int64_t u_us = by_us; u_us != INT64_MAX;) {
        int64_t next_us;
        int64_t there = sellable - claimed_by(item, node, u_us, &next_us) + supplied_by(item, node, u_us);
        least = min_i64(least, there);
        u_us = next_us;
    }
    return least > 0 ? least : 0;
}

static void check_all(void)
{
    const struct oh_asker asker = { .channel = { OH_NODE_NONE }, .kind = OH_KIND_SHIP };
    int64_t now_us = world.shop->now_us;
    for (uint32_t resource = 0; resource < RESOURCES; resource++) {
        for (uint32_t window = 0; window < WINDOWS; window++)
            assert_int_equal(oh_booked(world.shop->ledger, resource_of(resource), window_from(window), now_us),
                             booked_in(resource, window));
    }
    for (uint32_t item = 0; item < ITEMS; item++) {
        for (uint32_t node = 0; node < NODES; node++) {
            int64_t by_us = now_us + (int64_t)below(60) * HOUR_US;
            assert_int_equal(oh_atp_at_node(world.shop->ledger, shop_item_id(world.shop, item_names[item]),
                                            shop_node_id(world.shop, node_names[node]), asker, by_us, now_us),
                             promisable_by(item, node, by_us));
            struct oh_availability by;
            oh_available_at_node(world.shop->ledger, shop_item_id(world.shop, item_names[item]),
                                 shop_node_id(world.shop, node_names[node]),
                                 (struct oh_asker){ asker.channel, asker.kind, by_us }, now_us, &by);
            assert_int_equal(by.available_milli, promisable_by(item, node, by_us));
        }
    }
}

/* When supplies come that have not, each time once, ascending, as many as there is room for. */
static void check_supply_times(void)
{
    uint32_t item = below(ITEMS);
    uint32_t node = below(NODES);
    uint32_t most = 1 + below(3);
    int64_t times[3];
    int64_t last_us = world.shop->now_us;
    uint32_t count = oh_supply_times(world.shop->ledger, shop_item_id(world.shop, item_names[item]),
                                     shop_node_id(world.shop, node_names[node]), world.shop->now_us, most, times);
    for (uint32_t i = 0; i <= count; i++) {
        int64_t next_us = INT64_MAX;
        for (uint32_t s = 0; s < SUPPLIES; s++) {
            const struct supply *supply = &world.supplies[s];
            if (supply->is_there && supply->item == item && supply->node == node && supply->eta_us > last_us)
                next_us = min_i64(next_us, supply->eta_us);
        }
        if (i == count) {
            assert_true(count == most || next_us == INT64_MAX);
            return;
        }
        assert_int_equal(times[i], next_us);
        last_us = next_us;
    }
}

/* ---- Steps ------------------------------------------------------------------------------------ */

static int64_t due_or_none(void)
{
    return below(2) == 0 ? OH_TIME_US_NONE : world.shop->now_us + (int64_t)below(48) * HOUR_US;
}

static enum oh_unit unit_of(uint32_t node)
{
    static const enum oh_unit units[NODES] = { OH_UNIT_ORDERS, OH_UNIT_LINES, OH_UNIT_UNITS }; /* of a, b, c */
    return units[node];
}

static void booking_make(const char *name, uint32_t node, struct oh_reserve_booking *out, struct booked *out_booked)
{
    bool is_slot = below(2) == 0;
    uint32_t resource = is_slot ? RESOURCES - 1 : node;
    uint32_t window = below(WINDOWS);
    enum oh_unit unit = is_slot ? OH_UNIT_PARCELS : unit_of(node);
    int64_t milli = unit == OH_UNIT_ORDERS ? 1000 : (int64_t)(1 + below(4)) * 1000;
    *out = (struct oh_reserve_booking){ resource_of(resource),
                                        shop_node_id(world.shop, node_names[node]).index,
                                        unit,
                                        window_from(window),
                                        window_from(window) + 8 * HOUR_US,
                                        milli,
                                        5000 };
    *out_booked = (struct booked){ .node = node, .resource = resource, .window = window, .unit = unit, .milli = milli };
    (void)snprintf(out_booked->reservation, sizeof(out_booked->reservation), "%s", name);
}

static void booked_add(const struct booked *booked, uint32_t count)
{
    assert_true(world.booked_count + count <= BOOKED_MAX);
    memcpy(&world.booked[world.booked_count], booked, count * sizeof(*booked));
    world.booked_count += count;
}

static void step_reserve(void)
{
    char name[16];
    name_of(world.made, name);
    uint32_t count = 1 + below(ITEMS);
    struct oh_reserve_pick picks[ITEMS];
    struct oh_reserve_booking bookings[ITEMS];
    struct booked booked[ITEMS];
    char lines[64] = "";
    bool is_short = false;
    bool is_full = false;
    uint32_t first_node = below(NODES);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t node = (first_node + (below(2) == 0 ? i : 0)) % NODES;
        int64_t milli = (int64_t)(1 + below(8)) * 1000;
        picks[i] = (struct oh_reserve_pick){ i, shop_node_id(world.shop, node_names[node]).index, OH_KIND_SHIP, milli,
                                             due_or_none() };
        int64_t by_us = picks[i].due_at_us > world.shop->now_us ? picks[i].due_at_us : world.shop->now_us;
        is_short = is_short || promisable_by(i, node, by_us) < milli;
        booking_make(name, node, &bookings[i], &booked[i]);
        (void)snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "%s%s=%d", i > 0 ? " " : "", item_names[i],
                       (int)(milli / 1000));
    }
    uint32_t booking_count = below(count + 1);
    for (uint32_t i = 0; i < booking_count; i++) {
        int64_t wanted = booked[i].milli;
        bool meets = i == 1 && booked[0].resource == booked[1].resource && booked[0].window == booked[1].window;
        if (meets && booked[0].node == booked[1].node) { /* one booking of a window for each node */
            booking_count = 1;
            break;
        }
        wanted += meets ? booked[0].milli : 0;
        is_full = is_full || booked_in(booked[i].resource, booked[i].window) + wanted > bookings[i].limit_milli;
    }
    struct oh_reserve_command with = { .kind = OH_KIND_SHIP, .picks = picks, .pick_count = count, .bookings = bookings,
                                       .booking_count = booking_count,
                                       .ttl_us = below(2) == 0 ? 0 : (int64_t)(1 + below(20)) * HOUR_US };
    if (below(8) == 0)
        with.promise = OH_BYTES("{\"at\":\"then\"}");
    enum oh_verdict expected = is_short ? OH_V_INSUFFICIENT : is_full ? OH_V_NO_CAPACITY : OH_OK_DONE;
    assert_int_equal(shop_reserve_with(world.shop, with, name, "", lines), expected);
    *(is_short ? &world.short_of : is_full ? &world.full : &world.accepted) += 1;
    world.made++; /* a refused one is a name that nothing has */
    if (expected == OH_OK_DONE)
        booked_add(booked, booking_count);
}

/* What an action leaves of a booking, then or before, is what is booked from now on. */
static void settle(const char *name, const int64_t *before)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < world.booked_count; i++) {
        struct booked *booked = &world.booked[i];
        if (strcmp(booked->reservation, name) == 0) {
            int64_t after = left_of(booked);
            booked->milli = min_i64(booked->milli, before == NULL ? after : min_i64(before[i], after));
            if (booked->milli == 0)
                continue;
        }
        world.booked[kept++] = *booked;
    }
    world.booked_count = kept;
}

static int64_t lefts[BOOKED_MAX];

static void lefts_note(void)
{
    for (uint32_t i = 0; i < world.booked_count; i++)
        lefts[i] = left_of(&world.booked[i]);
}

/* CA6: what a move has taken whole from a node comes along, if it is a slot. */
static void come_along(const char *name, uint32_t to)
{
    uint32_t count = world.booked_count;
    for (uint32_t i = 0; i < count; i++) {
        struct booked *booked = &world.booked[i];
        if (strcmp(booked->reservation, name) != 0 || booked->unit != OH_UNIT_PARCELS || booked->node == to ||
            lefts[i] == 0 || left_of(booked) > 0)
            continue;
        struct booked along = *booked;
        along.node = to;
        along.milli = lefts[i];
        booked->milli = 0;
        lefts[world.booked_count] = along.milli;
        booked_add(&along, 1);
    }
}

/* CA1: an order of the reservation in the window, which a second parcel joins. */
static struct booked *own_order(const char *name, uint32_t node, uint32_t window)
{
    for (uint32_t i = 0; unit_of(node) == OH_UNIT_ORDERS && i < world.booked_count; i++) {
        struct booked *booked = &world.booked[i];
        if (strcmp(booked->reservation, name) == 0 && booked->resource == node && booked->node == node &&
            booked->window == window)
            return booked;
    }
    return NULL;
}

/* CA6: what the move takes of the window of the node it goes to. */
struct taken { uint32_t node, window; int64_t milli, before; };

static void taken_note(const char *name, uint32_t to, int64_t units, struct taken *out)
{
    uint32_t window = below(WINDOWS);
    *out = (struct taken){ to, window, unit_of(to) == OH_UNIT_UNITS ? units * 1000 : 1000, booked_in(to, window) };
    const struct booked *joined = own_order(name, to, window);
    out->before -= joined == NULL ? 0 : left_of(joined);
}

static void taken_add(const char *name, const struct taken *taken)
{
    struct booked booked = { .node = taken->node, .resource = taken->node, .window = taken->window,
                             .unit = unit_of(taken->node), .milli = taken->milli };
    struct booked *joined = own_order(name, taken->node, taken->window);
    (void)snprintf(booked.reservation, sizeof(booked.reservation), "%s", name);
    if (joined != NULL && joined->milli > 0)
        return;
    booked_add(&booked, 1);
    world.moved++;
}

static void step_act(void)
{
    static const enum oh_command_type types[] = { OH_COMMAND_CONFIRM, OH_COMMAND_RELEASE, OH_COMMAND_FULFIL,
                                                  OH_COMMAND_EXTEND,  OH_COMMAND_CHANGE,  OH_COMMAND_MOVE };
    char name[16];
    char lines[64];
    enum oh_command_type type = types[below(6)];
    unsigned line = 1 + below(ITEMS);
    uint32_t to = below(NODES);
    uint32_t units = 1 + below(4);
    struct taken taken = { .milli = 0 };
    name_of(world.made - 1 - below(world.made < 12 ? world.made : 12), name);
    if (type == OH_COMMAND_MOVE)
        (void)snprintf(lines, sizeof(lines), "%u=%u>%s", line, units, node_names[to]);
    else if (type == OH_COMMAND_CHANGE)
        (void)snprintf(lines, sizeof(lines), "%u=%u", line, below(9));
    else if (type == OH_COMMAND_EXTEND || below(2) == 0)
        lines[0] = '\0';
    else
        (void)snprintf(lines, sizeof(lines), "%u=%u", line, 1 + below(4));
    struct oh_action_command with = { .ttl_us = (int64_t)(1 + below(20)) * HOUR_US, .at_us = OH_TIME_US_NONE };
    lefts_note();
    taken_note(name, to, units, &taken);
    int64_t limit = (int64_t)(1 + below(5)) * 1000;
    const struct oh_reserve_booking window = { resource_of(to), shop_node_id(world.shop, node_names[to]).index,
                                               unit_of(to), window_from(taken.window),
                                               window_from(taken.window) + 8 * HOUR_US, 0, limit };
    bool has_window = type == OH_COMMAND_MOVE && below(2) == 0;
    with.windows = &window;
    with.window_count = has_window ? 1 : 0;
    enum oh_verdict verdict = shop_act_with(world.shop, type, with, name, lines);
    if (verdict == OH_V_NO_CAPACITY) {
        assert_true(has_window && taken.before + taken.milli > limit);
        assert_int_equal(world.shop->answer.window_from_us, window.from_us);
        world.refused_moves++;
    }
    if (verdict != OH_OK_DONE)
        return;
    assert_true(!has_window || taken.before + taken.milli <= limit);
    if (type == OH_COMMAND_MOVE)
        come_along(name, to);
    settle(name, lefts);
    if (has_window)
        taken_add(name, &taken);
}

static void step_replace(void)
{
    char name[16];
    struct oh_claim_view claims[64];
    name_of(world.made - 1 - below(world.made < 12 ? world.made : 12), name);
    uint32_t count = claims_of(name, claims);
    uint32_t from = below(NODES);
    uint32_t to = (from + 1 + below(NODES - 1)) % NODES;
    uint16_t node = shop_node_id(world.shop, node_names[from]).index;
    struct oh_reserve_pick picks[64];
    uint32_t pick_count = 0;
    for (uint32_t line = 1; line <= ITEMS; line++) {
        for (uint32_t i = 0; i < count; i++) {
            int64_t live = claims[i].held_milli + claims[i].confirmed_milli;
            if (claims[i].line == line && claims[i].node.index == node && live > 0)
                picks[pick_count++] = (struct oh_reserve_pick){ line, shop_node_id(world.shop, node_names[to]).index,
                                                                OH_KIND_SHIP, live, due_or_none() };
        }
    }
    struct oh_reserve_booking booking;
    struct booked booked;
    booking_make(name, to, &booking, &booked);
    struct oh_command command = { .type = OH_COMMAND_REPLACE };
    command.replace = (struct oh_replace_command){ .id = oh_bytes_of(name), .nodes = &node, .node_count = 1,
                                                   .picks = picks, .pick_count = pick_count, .bookings = &booking,
                                                   .booking_count = 1, .promise = OH_BYTES("{\"again\":1}"),
                                                   .fingerprint = 1 };
    lefts_note();
    if (shop_do(world.shop, &command) != OH_OK_DONE)
        return;
    settle(name, lefts);
    for (uint32_t i = 0; i < world.booked_count; i++) {
        struct booked *of = &world.booked[i];
        if (strcmp(of->reservation, name) == 0 && of->node == to && of->resource == booked.resource &&
            of->window == booked.window) {
            of->milli = booked.unit == OH_UNIT_ORDERS ? of->milli : of->milli + booked.milli; /* CA1 */
            return;
        }
    }
    booked_add(&booked, 1);
}

static void step_stock(void)
{
    char name[16];
    uint32_t number = below(SUPPLIES);
    struct supply *supply = &world.supplies[number];
    (void)snprintf(name, sizeof(name), "supply%u", (unsigned)number);
    if (below(3) == 0) {
        shop_adjust(world.shop, item_names[below(ITEMS)], node_names[below(NODES)], (double)below(12) - 2);
        return;
    }
    struct supply next = { true, below(ITEMS), below(NODES), (int64_t)(1 + below(20)) * 1000,
                           world.shop->now_us + (int64_t)(1 + below(50)) * HOUR_US };
    if (shop_supply(world.shop, name, item_names[next.item], node_names[next.node], (double)next.milli / 1000,
                    next.eta_us) == OH_OK_DONE)
        *supply = next;
}

static void step(void)
{
    world.shop->now_us += below(4) == 0 ? (int64_t)below(3) * HOUR_US : 1;
    if (below(2) == 0)
        check_all(); /* holds that are due count for nothing before that is written down */
    while (shop_advance(world.shop) > 0)
        ;
    switch (below(8)) {
    case 0:
    case 1:
        step_stock();
        break;
    case 2:
        if (world.made > 0)
            step_replace();
        break;
    case 3:
    case 4:
    case 5:
        if (world.made > 0)
            step_act();
        break;
    default:
        step_reserve();
        break;
    }
}

static void round_run(uint64_t seed)
{
    memset(&world, 0, sizeof(world));
    oh_prng_init(&world.prng, seed);
    world.shop = shop_open(NULL);
    for (uint32_t i = 0; i < ITEMS; i++)
        shop_item(world.shop, item_names[i]);
    for (uint32_t n = 0; n < NODES; n++) {
        shop_node(world.shop, node_names[n]);
        for (uint32_t i = 0; i < ITEMS; i++)
            shop_adjust(world.shop, item_names[i], node_names[n], 10);
    }
    for (uint32_t i = 0; i < STEPS; i++) {
        step();
        check_all();
        check_supply_times();
    }
    shop_close(world.shop);
}

static void test_capacity_is_what_its_definition_says(void **state)
{
    (void)state;
    const char *text = getenv("ONHAND_SEED");
    uint64_t first = text == NULL ? 1 : strtoull(text, NULL, 10);
    uint32_t accepted = 0, short_of = 0, full = 0, moved = 0, refused_moves = 0;
    for (uint64_t seed = first; seed < first + (text == NULL ? ROUNDS : 1); seed++) {
        printf("ONHAND_SEED=%" PRIu64 "\n", seed);
        round_run(seed);
        accepted += world.accepted;
        short_of += world.short_of;
        full += world.full;
        moved += world.moved;
        refused_moves += world.refused_moves;
    }
    printf("%u accepted, %u short, %u without capacity; %u moved with capacity, %u without\n", (unsigned)accepted,
           (unsigned)short_of, (unsigned)full, (unsigned)moved, (unsigned)refused_moves);
    assert_true(accepted > 0 && short_of > 0);
    assert_true(text != NULL || (full > 0 && moved > 0 && refused_moves > 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capacity_is_what_its_definition_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
