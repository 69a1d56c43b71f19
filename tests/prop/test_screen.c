/*
 * A plan that is sought among few nodes is as good as one that is sought among all (docs/spec/promise.md, SO6), and
 * every option keeps the rules that can be read off it.
 *
 * Random nodes, schedules, stock, services, stores, lanes, accounts, zones, policies and questions. Each question is
 * asked as it is, again, with explanations (none of which may change the answer), and `at` the very moment it is asked,
 * which is always answered by a look at every node. Now and then what was promised is held: the ledger must take it as
 * it is. Time goes on between questions, so that what is kept of the nodes gets old. ONHAND_SEED, ONHAND_WORLDS, a
 * fifth as many of more lines, and half as many in which mostly no node has everything; the seed is printed.
 */
#include "base/prng.h"
#include "core/promise.h"
#include "support/lazy_memory.h"
#include "support/shop.h"
#include "support/test.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_US    INT64_C(60000000)
#define HOUR_US      (60 * MINUTE_US)
#define DAYS         12u
#define NODES_MAX    90u
#define NODES_MANY   700u /* more than a block, and than there are classes of what leaves first */
#define ITEMS        6u
#define ITEMS_MANY   23u /* a prime: of so many lines each is another item */
#define SERVICES     2u
#define ROWS_MAX     5u
#define ROWS_MANY    40u /* more than there are bands */
#define COSTS_MAX    3u
#define ACCOUNTS     2u
#define ZONES        2u
#define CLASSES      3u
#define PAIRS_MAX    2u
#define LINES_FEW    5u
#define LINES_MAX    20u
#define LANES_MAX    3u
#define QUESTIONS    25u
#define NAME_SIZE    12u

struct service_memory {
    struct oh_transit_row transit[ROWS_MANY];
    struct oh_cost_row costs[COSTS_MAX];
    struct oh_slot slots[DAYS];
    struct oh_account accounts[ACCOUNTS];
    uint16_t account_nodes[ACCOUNTS][4];
    char name[NAME_SIZE];
    char slot_resource[NAME_SIZE + 5];
    char account_resources[ACCOUNTS][NAME_SIZE + 12];
};

struct node_memory {
    char name[NAME_SIZE];
    char resource[NAME_SIZE + 5];
    struct oh_span hours[DAYS];
    struct oh_window windows[DAYS];
    struct oh_departure departures[SERVICES][DAYS];
    struct oh_pickups pickups[SERVICES];
    struct oh_span collect_hours[DAYS];
    struct oh_departure cutoffs[DAYS];
    struct oh_departure transfers[LANES_MAX][DAYS];
    struct oh_lane_in lanes[LANES_MAX];
};

/* LONG: of more lines than plans of two are sought for by themselves; PAIRS: mostly it takes two nodes. */
enum baskets { BASKETS_ANY, BASKETS_LONG, BASKETS_PAIRS };

struct world {
    uint64_t seed;
    struct oh_prng prng;
    struct shop *shop;
    struct oh_promise_engine *engine;
    struct oh_timetable timetable;
    uint32_t node_count;
    uint32_t places; /* each way: few, and many nodes are at one */
    bool is_large, is_varied; /* at each node something else leaves first */
    enum baskets baskets;
    uint32_t item_count;
    struct oh_timetable_node nodes[NODES_MANY];
    struct node_memory of_node[NODES_MANY];
    struct oh_timetable_service services[SERVICES];
    struct service_memory of_service[SERVICES];
    struct oh_zone zones[ZONES];
    struct oh_sourcing sourcing;
    struct oh_class_pair apart[PAIRS_MAX], together[PAIRS_MAX];
    uint16_t preferred[SERVICES];
    const struct oh_sourcing *policies[1];
    int64_t starts[DAYS + 1];
    uint32_t rank[DAYS];
    int32_t transit_days[DAYS];
    uint32_t next[DAYS];
    struct oh_delivery_window deliveries[DAYS];
    struct oh_promise_line lines[LINES_MAX];
    struct oh_point place;
    char skus[ITEMS_MANY][NAME_SIZE];
    uint32_t hold_count;
    const struct oh_promise_answer *answer; /* the last */
};

static uint32_t few_count, all_count, held_count;
static const struct oh_match ANYWHERE = { { NULL, 0 }, { NULL, 0 }, OH_INDEX_NONE };

static uint32_t draw(struct world *world, uint32_t below)
{
    return (uint32_t)oh_prng_below(&world->prng, below);
}

static bool is_long(const struct world *world)
{
    return world->baskets == BASKETS_LONG;
}

static bool percent(struct world *world, uint32_t of_hundred)
{
    return draw(world, 100) < of_hundred;
}

/* ---- The world -------------------------------------------------------------------------------- */

static void days_make(struct world *world)
{
    int64_t midnight_us = SHOP_NOW_US / SHOP_DAY_US * SHOP_DAY_US - SHOP_DAY_US;
    int32_t first = (int32_t)(midnight_us / SHOP_DAY_US);
    for (uint32_t d = 0; d < DAYS; d++) {
        world->starts[d] = midnight_us + (int64_t)d * SHOP_DAY_US;
        world->rank[d] = d + 1;
        world->transit_days[d] = first + (int32_t)d;
        world->next[d] = d;
        world->deliveries[d] = (struct oh_delivery_window){ world->starts[d] + 9 * HOUR_US,
                                                            world->starts[d] + 17 * HOUR_US, first + (int32_t)d };
    }
    world->starts[DAYS] = midnight_us + (int64_t)DAYS * SHOP_DAY_US;
}

static struct oh_match match_make(struct world *world)
{
    static const struct oh_match places[] = {
        { { "FR", 2 }, { NULL, 0 }, OH_INDEX_NONE }, { { "FR", 2 }, { "75", 2 }, OH_INDEX_NONE },
        { { NULL, 0 }, { NULL, 0 }, 0 },             { { NULL, 0 }, { NULL, 0 }, 1 },
    };
    return percent(world, 85) ? ANYWHERE : places[draw(world, sizeof(places) / sizeof(places[0]))];
}

static void rows_make(struct world *world, struct service_memory *memory, struct oh_timetable_service *service)
{
    bool is_many = percent(world, 3);
    service->transit_count = is_many ? ROWS_MANY : 1 + draw(world, ROWS_MAX);
    for (uint32_t i = 0; i < service->transit_count; i++) {
        bool is_last = i + 1 == service->transit_count && percent(world, 80);
        memory->transit[i] = (struct oh_transit_row){
            match_make(world), percent(world, 70) ? OH_INDEX_NONE : draw(world, 2),
            is_last ? 0 : is_many && percent(world, 85) ? 20 * (i + 1) : 50 + draw(world, 900),
            percent(world, 30) ? -1 : (int32_t)draw(world, percent(world, 95) ? 4 : 40),
            (int64_t)draw(world, 90) * HOUR_US };
    }
    service->cost_count = draw(world, COSTS_MAX + 1);
    for (uint32_t i = 0; i < service->cost_count; i++)
        memory->costs[i] = (struct oh_cost_row){ match_make(world),
                                                 i + 1 == service->cost_count && percent(world, 80)
                                                     ? 0 : 1000 * (uint64_t)(1 + draw(world, 4)),
                                                 (int64_t)draw(world, 4) * 1000 + i * 500 };
}

/* One for every node and of any number, or two, each for some and of so many a day. */
static void accounts_make(struct world *world, struct service_memory *memory, struct oh_timetable_service *service)
{
    service->accounts = memory->accounts;
    service->account_count = percent(world, 70) ? 1 : ACCOUNTS;
    for (uint32_t i = 0; i < service->account_count; i++) {
        struct oh_account *account = &memory->accounts[i];
        snprintf(memory->account_resources[i], sizeof(memory->account_resources[i]), "account/%s/%u", memory->name, i);
        *account = (struct oh_account){ .resource = oh_bytes_of(memory->account_resources[i]) };
        if (service->account_count == 1 && percent(world, 80))
            continue;
        account->nodes = memory->account_nodes[i];
        account->node_count = draw(world, 5);
        for (uint32_t n = 0; n < account->node_count; n++)
            memory->account_nodes[i][n] = (uint16_t)(n * 3 + i);
        account->daily_limit_milli = 1000 * (int64_t)draw(world, 4);
    }
}

static void service_make(struct world *world, uint32_t index)
{
    struct service_memory *memory = &world->of_service[index];
    struct oh_timetable_service *service = &world->services[index];
    snprintf(memory->name, NAME_SIZE, "s%u", index);
    snprintf(memory->slot_resource, sizeof(memory->slot_resource), "slot/%s", memory->name);
    *service = (struct oh_timetable_service){
        .gap = percent(world, 4) ? OH_GAP_CALENDAR : OH_GAP_NONE, .service = oh_bytes_of(memory->name),
        .day_first = world->transit_days[0], .day_count = DAYS,
        .day_starts_us = world->starts, .transit_rank = world->rank, .transit_days = world->transit_days,
        .transit_day_count = DAYS, .delivery_next = world->next, .windows = world->deliveries,
        .window_count = DAYS, .slot_resource = oh_bytes_of(memory->slot_resource), .transit = memory->transit,
        .costs = memory->costs, .weight_grams_max = percent(world, 30) ? 1000 + draw(world, 3000) : 0,
        .side_mm_max = percent(world, 20) ? 400 : 0, .volume_cm3_max = percent(world, 30) ? 3000 : 0,
        .has_slots = percent(world, 25) };
    rows_make(world, memory, service);
    accounts_make(world, memory, service);
    for (uint32_t d = 0; service->has_slots && d < DAYS; d++)
        memory->slots[d] = (struct oh_slot){ world->starts[d] + 10 * HOUR_US, world->starts[d] + 12 * HOUR_US,
                                             world->starts[d] + 9 * HOUR_US, 1000 * (int64_t)draw(world, 3) };
    service->slots = memory->slots;
    service->slot_count = service->has_slots ? DAYS : 0;
}

static void departures_make(struct world *world, struct node_memory *memory, uint32_t service)
{
    bool is_varied = world->is_large && world->is_varied;
    int64_t at = is_varied ? 10 * HOUR_US + (int64_t)draw(world, 600) * MINUTE_US
                           : (int64_t)(10 + 2 * draw(world, 5)) * HOUR_US;
    int64_t notice = percent(world, 20) ? (int64_t)draw(world, 30) * HOUR_US : -1;
    uint32_t count = percent(world, 8) ? draw(world, 3) : DAYS;
    for (uint32_t d = 0; d < count; d++) {
        int64_t leaves = world->starts[d] + at;
        memory->departures[service][d] = (struct oh_departure){
            leaves - HOUR_US, notice < 0 ? INT64_MAX : leaves - notice, leaves, leaves, world->transit_days[d] };
    }
    memory->pickups[service] = (struct oh_pickups){ (uint16_t)service, { memory->departures[service], count, false } };
}

/* When it can be collected there, and what other nodes bring. */
static void store_make(struct world *world, uint32_t index)
{
    struct node_memory *memory = &world->of_node[index];
    struct oh_timetable_node *node = &world->nodes[index];
    for (uint32_t d = 0; d < DAYS; d++) {
        int64_t start = world->starts[d];
        memory->collect_hours[d] =
            (struct oh_span){ start + 10 * HOUR_US, start + 18 * HOUR_US, (int64_t)d * 8 * HOUR_US };
        memory->cutoffs[d] = (struct oh_departure){ start + 12 * HOUR_US, INT64_MAX, start + 15 * HOUR_US,
                                                    start + 15 * HOUR_US, world->transit_days[d] };
    }
    node->collect_hours = (struct oh_spans){ memory->collect_hours, DAYS, percent(world, 40) };
    node->collect_cutoffs = (struct oh_departures){ memory->cutoffs, DAYS, percent(world, 60) };
    node->receiving_us = (int64_t)draw(world, 3) * HOUR_US;
    uint32_t from = draw(world, 3);
    for (; node->lane_count < LANES_MAX && from < world->node_count && percent(world, 60); from += 1 + draw(world, 9)) {
        uint32_t lane = node->lane_count;
        if (from == index)
            continue;
        for (uint32_t d = 0; d < DAYS; d++) {
            int64_t leaves = world->starts[d] + (int64_t)(18 + lane) * HOUR_US;
            memory->transfers[lane][d] = (struct oh_departure){ leaves, INT64_MAX, leaves,
                                                                leaves + (int64_t)(6 + 10 * lane) * HOUR_US,
                                                                world->transit_days[d] };
        }
        memory->lanes[node->lane_count++] =
            (struct oh_lane_in){ (uint16_t)from, OH_BYTES("lane"), { memory->transfers[lane], DAYS, false } };
    }
    node->lanes = memory->lanes;
}

static void node_make(struct world *world, uint32_t index)
{
    static const int64_t by_class[] = { HOUR_US, 5 * HOUR_US / 2 };
    struct node_memory *memory = &world->of_node[index];
    int64_t opens = (int64_t)(6 + draw(world, 5)) * HOUR_US;
    snprintf(memory->name, NAME_SIZE, "n%u", index);
    snprintf(memory->resource, sizeof(memory->resource), "node/n%u", index);
    struct oh_command command = { .type = OH_COMMAND_NODE };
    command.node = (struct oh_node_command){
        .node = oh_bytes_of(memory->name), .ships = percent(world, 97), .collects = percent(world, 90),
        .enabled = percent(world, 97), .has_point = percent(world, 90), .region = OH_BYTES("north"),
        .point = { 45 + 6 * (double)draw(world, world->places) / world->places,
                   6 * (double)draw(world, world->places) / world->places } };
    if (!command.node.has_point)
        command.node.point = (struct oh_point){ 0, 0 };
    assert_int_equal(shop_do(world->shop, &command), OH_OK_DONE);
    for (uint32_t d = 0; d < DAYS; d++) {
        int64_t start = world->starts[d] + opens;
        memory->hours[d] = (struct oh_span){ start, start + 9 * HOUR_US, (int64_t)d * 9 * HOUR_US };
        memory->windows[d] = (struct oh_window){ world->starts[d], world->starts[d] + SHOP_DAY_US,
                                                 1000 * (int64_t)draw(world, 4) };
    }
    for (uint32_t s = 0; s < SERVICES; s++)
        departures_make(world, memory, s);
    world->nodes[index] = (struct oh_timetable_node){
        .gap = percent(world, 3) ? (enum oh_gap)draw(world, OH_GAP_DOCUMENT + 1) : OH_GAP_NONE, .backorder_us = -1,
        .lead_us = (int64_t)draw(world, 3) * HOUR_US, .processing_us = (int64_t)draw(world, 4) * HOUR_US / 2,
        .hours = { memory->hours, DAYS, percent(world, 30) }, .collect_hours = { .is_always = true },
        .collect_cutoffs = { .is_at_once = true },
        .class_processing_us = percent(world, 30) ? by_class : NULL, .class_count = 2,
        .capacity = { (enum oh_unit)draw(world, OH_UNIT_PARCELS + 1), memory->windows, DAYS, percent(world, 30) },
        .capacity_resource = oh_bytes_of(memory->resource), .pickups = memory->pickups,
        .pickup_count = percent(world, 5) ? 0 : SERVICES, .sourcing_safety_stock_milli = percent(world, 10) ? 1000 : 0,
        .priority = percent(world, 50) ? 0 : (int32_t)draw(world, 3), .is_markdown = percent(world, 20),
        .region = percent(world, 30) ? OH_INDEX_NONE : draw(world, 2) };
    if (percent(world, 20))
        world->nodes[index].backorder_us = (int64_t)draw(world, 60) * HOUR_US;
    store_make(world, index);
}

/* Mostly as people order it: what is the same for all first, then the date or the distance; else anything. */
static void objective_make(struct world *world, struct oh_objective *objective)
{
    enum oh_term terms[OH_TERM_COUNT];
    uint32_t count = 1 + draw(world, OH_TERM_COUNT);
    memset(objective, 0, sizeof(*objective));
    for (uint32_t i = 0; i < OH_TERM_COUNT; i++)
        terms[i] = (enum oh_term)i;
    for (uint32_t i = OH_TERM_COUNT - 1; i > 0; i--) {
        uint32_t k = draw(world, i + 1);
        enum oh_term swapped = terms[i];
        terms[i] = terms[k];
        terms[k] = swapped;
    }
    static const enum oh_term usual[] = { OH_TERM_COMPLETE, OH_TERM_PARCELS, OH_TERM_DATE, OH_TERM_COST,
                                          OH_TERM_DISTANCE, OH_TERM_PRIORITY };
    bool is_usual = percent(world, world->baskets == BASKETS_PAIRS ? 90 : 50);
    if (is_usual)
        count = 2 + draw(world, 5);
    if (is_usual && world->baskets == BASKETS_PAIRS)
        count = sizeof(usual) / sizeof(usual[0]);
    for (uint32_t i = 0; i < count; i++) {
        enum oh_term term = is_usual ? usual[i] : terms[i];
        bool joins = !is_usual && i > 0 && percent(world, 15);
        objective->level_count += joins ? 0 : 1;
        objective->weights[objective->level_count - 1][term] = 1 + (int32_t)draw(world, 3);
    }
}

static uint32_t pairs_make(struct world *world, struct oh_class_pair pairs[PAIRS_MAX])
{
    uint32_t count = percent(world, 80) ? 0 : 1 + draw(world, PAIRS_MAX);
    for (uint32_t i = 0; i < count; i++)
        pairs[i] = (struct oh_class_pair){ 1 + draw(world, CLASSES), 1 + draw(world, CLASSES) };
    return count;
}

static void policy_make(struct world *world)
{
    static const enum oh_future_supply future[] = { OH_FUTURE_NONE, OH_FUTURE_NONE, OH_FUTURE_PREORDER, OH_FUTURE_ALL,
                                                    OH_FUTURE_ALL, OH_FUTURE_ALL };
    world->sourcing = (struct oh_sourcing){
        .parcels_max = 1 + draw(world, 4), .split_orders = percent(world, 70), .split_lines = percent(world, 70),
        .allow_partial = percent(world, 25), .stores_max = 5,
        .future_supply = future[draw(world, sizeof(future) / sizeof(future[0]))],
        .apart = world->apart, .apart_count = pairs_make(world, world->apart),
        .together = world->together, .together_count = pairs_make(world, world->together),
        .has_services = percent(world, 20), .services = world->preferred, .service_count = 1 + draw(world, SERVICES),
        .gap = percent(world, 3) ? OH_GAP_SERVICE : OH_GAP_NONE, .gap_name = OH_BYTES("gone"),
        .transit_percentile = percent(world, 10) ? 1 + draw(world, 100) : 0,
        .last_unit_points = percent(world, 20) ? 5 : 0, .markdown_points = percent(world, 20) ? -5 : 0,
        .ship_to_store = percent(world, 70), .radius_km = percent(world, 50) ? 0 : 200 };
    world->sourcing.stores_max = 1 + draw(world, 5);
    if (world->baskets == BASKETS_PAIRS) {
        world->sourcing.parcels_max = 2 + draw(world, 2);
        world->sourcing.split_orders = true;
        world->sourcing.allow_partial = false;
    }
    world->preferred[0] = (uint16_t)draw(world, SERVICES);
    world->preferred[1] = (uint16_t)(1 - world->preferred[0]);
    objective_make(world, &world->sourcing.objective);
    world->policies[0] = &world->sourcing;
}

static void stock_make(struct world *world)
{
    for (uint32_t i = 0; i < world->item_count; i++) {
        static const uint32_t haves[][2] = { { 10, 91 }, { 85, 16 }, { 20, 30 } }; /* by baskets */
        uint32_t have = haves[world->baskets][0] + draw(world, haves[world->baskets][1]);
        if (world->baskets == BASKETS_PAIRS && world->is_large)
            have /= 4;
        snprintf(world->skus[i], NAME_SIZE, "i%u", i);
        static const char *const classes[] = { "", "c1", "c2", "c3" };
        struct oh_command command = { .type = OH_COMMAND_ITEM };
        command.item = (struct oh_item_command){ .sku = oh_bytes_of(world->skus[i]),
                                                 .class = oh_bytes_of(classes[draw(world, CLASSES + 1)]),
                                                 .weight_grams = draw(world, 1500),
                                                 .side_mm = percent(world, 10) ? 500 : 100,
                                                 .volume_cm3 = percent(world, 10) ? 4000 : draw(world, 2000) };
        assert_int_equal(shop_do(world->shop, &command), OH_OK_DONE);
        for (uint32_t n = 0; n < world->node_count; n++)
            if (percent(world, have))
                shop_adjust(world->shop, world->skus[i], world->of_node[n].name,
                            draw(world, 5) + (is_long(world) ? 2 : 0));
    }
    if (percent(world, 15))
        shop_rule(world->shop, "owes", "", "", "", OH_RULE_BACKORDER_LIMIT, 3);
    if (percent(world, 15))
        shop_rule(world->shop, "early", world->skus[0], "", "", OH_RULE_PREORDER, draw(world, 2));
    if (percent(world, 15))
        shop_rule(world->shop, "keeps", "", "", "web", OH_RULE_THRESHOLD, 2);
    uint32_t supplies = percent(world, 30) ? 1 + draw(world, 14) : 0;
    for (uint32_t i = 0; i < supplies; i++) {
        char name[NAME_SIZE];
        snprintf(name, sizeof(name), "l%u", i);
        shop_supply(world->shop, name, world->skus[draw(world, 2)], world->of_node[0].name, 1,
                    SHOP_NOW_US + (int64_t)(1 + draw(world, 12)) * 6 * HOUR_US);
    }
}

/* The second service took a day more than it says, from where the nodes are to one place. */
static void deliveries_make(struct world *world)
{
    struct oh_delivery_report reports[30];
    struct oh_command command = { .type = OH_COMMAND_DELIVERIES, .deliveries = { reports, 30 } };
    for (uint32_t i = 0; i < 30; i++)
        reports[i] = (struct oh_delivery_report){
            .service = OH_BYTES("s1"), .origin_region = OH_BYTES("north"), .country = OH_BYTES("FR"),
            .postal_code = OH_BYTES("75011"), .handed_over_at_us = SHOP_NOW_US - 9 * SHOP_DAY_US,
            .delivered_at_us = SHOP_NOW_US - 7 * SHOP_DAY_US + (int64_t)draw(world, 48) * HOUR_US,
            .weekday = draw(world, 7) };
    assert_int_equal(shop_do(world->shop, &command), OH_OK_DONE);
}

static void places_of_world_make(struct world *world)
{
    static const struct oh_match matches[] = { { { "FR", 2 }, { "7", 1 }, OH_INDEX_NONE },
                                               { { "GB", 2 }, { "BT", 2 }, OH_INDEX_NONE } };
    struct oh_command command = { .type = OH_COMMAND_POSTAL_CODE };
    command.postal_code = (struct oh_postal_code_command){ .country = OH_BYTES("FR"), .postal_code = OH_BYTES("75011"),
                                                           .point = { 48.8, 2.3 } };
    assert_int_equal(shop_do(world->shop, &command), OH_OK_DONE);
    world->zones[0] = (struct oh_zone){ .zone = OH_BYTES("z0"), .matches = matches, .match_count = 2 };
    world->zones[1] = (struct oh_zone){ .gap = percent(world, 10) ? OH_GAP_ZONE : OH_GAP_NONE, .zone = OH_BYTES("z1"),
                                        .matches = matches, .match_count = 1 };
    shop_channel(world->shop, "web", OH_POLICY_PRIORITY, "", "");
    shop_group(world->shop, "g", "n0 n1 n2 n3 n4 n5");
    shop_channel(world->shop, "few", OH_POLICY_PRIORITY, "n0", "g");
}

static struct world *world_open(uint64_t seed, enum baskets baskets)
{
    const struct oh_allocator allocator = lazy_allocator();
    struct oh_ledger_options options = SHOP_OPTIONS;
    options.positions_max = ITEMS_MANY * NODES_MANY;
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    world->seed = seed;
    world->baskets = baskets;
    world->item_count = is_long(world) ? ITEMS_MANY : ITEMS;
    oh_prng_init(&world->prng, seed);
    world->shop = shop_open(&options);
    assert_int_equal(oh_promise_engine_create(&allocator, &world->engine), OH_OK);
    world->is_large = percent(world, baskets == BASKETS_PAIRS ? 12 : 3);
    world->is_varied = percent(world, 30);
    world->node_count = world->is_large ? NODES_MANY : percent(world, 30) ? 6 : 6 + draw(world, NODES_MAX - 5);
    world->places = percent(world, 50) ? 60 : 1 + draw(world, 4);
    days_make(world);
    for (uint32_t s = 0; s < SERVICES; s++)
        service_make(world, s);
    for (uint32_t n = 0; n < world->node_count; n++)
        node_make(world, n);
    places_of_world_make(world);
    stock_make(world);
    if (percent(world, 30))
        deliveries_make(world);
    world->timetable = (struct oh_timetable){
        .version = 1, .from_us = world->starts[0], .until_us = world->starts[DAYS], .nodes = world->nodes,
        .node_count = world->node_count - (percent(world, 10) ? 1 : 0), .services = world->services,
        .service_count = SERVICES, .zones = world->zones, .zone_count = ZONES,
        .sourcing = world->policies, .channel_count = 1, .sourcing_default = &world->sourcing };
    return world;
}

static void world_close(struct world *world)
{
    shop_drop(world->shop);
    oh_promise_engine_destroy(&world->engine);
    free(world);
}

/* ---- Questions -------------------------------------------------------------------------------- */

static uint32_t line_count_make(struct world *world)
{
    return is_long(world) ? SOURCING_PAIR_LINES_MAX + 1 + draw(world, LINES_MAX - SOURCING_PAIR_LINES_MAX)
                          : 1 + draw(world, LINES_FEW);
}

static struct oh_promise_request question_make(struct world *world)
{
    static struct oh_bytes without[1], stores[1];
    static const struct oh_bytes services[] = { { "s1", 2 }, { "s9", 2 } };
    static const struct oh_bytes channels[] = { { "web", 3 }, { "web", 3 }, { "web", 3 }, { "few", 3 }, { NULL, 0 } };
    struct oh_promise_request request = { .channel = channels[draw(world, 5)], .lines = world->lines,
                                          .line_count = line_count_make(world), .wants_ship = true,
                                          .at_us = OH_TIME_US_NONE, .until_us = OH_TIME_US_NONE };
    uint32_t item = 0;
    for (uint32_t i = 0; i < request.line_count; i++) {
        item = is_long(world) && i > 0 ? (item + 7) % ITEMS_MANY : draw(world, world->item_count);
        world->lines[i] = (struct oh_promise_line){ i + 1, oh_bytes_of(world->skus[item]),
                                                    1000 * (int64_t)(1 + draw(world, is_long(world) ? 2 : 3)) };
    }
    if (percent(world, 70))
        world->place = (struct oh_point){ 44 + (double)draw(world, 80) / 10, -1 + (double)draw(world, 80) / 10 };
    request.destination.has_point = percent(world, 80);
    request.destination.point = world->place;
    if (percent(world, 30)) {
        request.destination.country = OH_BYTES("FR");
        request.destination.postal_code = OH_BYTES("75 011");
    }
    request.slots_max = 1 + draw(world, 2);
    request.wants_collect = percent(world, 40);
    request.wants_ship = !request.wants_collect || percent(world, 60);
    if (percent(world, 20)) {
        stores[0] = oh_bytes_of(world->of_node[draw(world, world->node_count)].name);
        request.stores = stores;
        request.store_count = 1;
    }
    if (percent(world, 20)) {
        without[0] = oh_bytes_of(world->of_node[draw(world, world->node_count)].name);
        request.without = without;
        request.without_count = 1;
    }
    request.near.is_set = percent(world, 20);
    request.near.point = world->place;
    request.near.radius_km = percent(world, 50) ? 0 : 300;
    request.stores_max = percent(world, 20) ? 1 : 0;
    request.services = services;
    request.service_count = percent(world, 10) ? 2 : 0;
    request.draft = percent(world, 10) ? &world->sourcing : NULL;
    request.steps_max = percent(world, 20) ? 1 + draw(world, 1500) : 0; /* too few, maybe */
    if (percent(world, 10))
        request.until_us = world->shop->now_us + (int64_t)draw(world, 96) * HOUR_US;
    return request;
}

/* ---- What is true of any option --------------------------------------------------------------- */

static bool is_pair(const struct oh_class_pair *pairs, uint32_t count, uint32_t a, uint32_t b)
{
    for (uint32_t i = 0; i < count; i++) {
        if ((pairs[i].a == a && pairs[i].b == b) || (pairs[i].a == b && pairs[i].b == a))
            return true;
    }
    return false;
}

static uint32_t class_of(const struct world *world, struct oh_bytes sku)
{
    struct oh_item_traits traits;
    struct oh_item_id item;
    assert_true(oh_item_find(world->shop->ledger, sku, &item));
    oh_item_traits(world->shop->ledger, item, &traits);
    return traits.class_index;
}

/* SO1: all of each line or, where the policy allows it, a part; what must be apart is, and what must be together. */
static bool picks_are_right(const struct world *world, const struct oh_promise_request *request,
                            const struct oh_promise_option *option)
{
    const struct oh_sourcing *policy = &world->sourcing;
    int64_t given[LINES_MAX] = { 0 };
    bool is_all = true;
    for (uint32_t i = 0; i < option->pick_count; i++) {
        const struct oh_promise_pick *pick = &option->picks[i];
        uint32_t class = class_of(world, request->lines[pick->line].sku);
        given[pick->line] += pick->quantity_milli;
        for (uint32_t k = 0; k < i; k++) {
            const struct oh_promise_pick *other = &option->picks[k];
            uint32_t others = class_of(world, request->lines[other->line].sku);
            bool is_same_item = oh_bytes_equal(request->lines[pick->line].sku, request->lines[other->line].sku);
            bool is_one = pick->parcel == other->parcel;
            if (!is_same_item && is_pair(is_one ? policy->apart : policy->together,
                                         is_one ? policy->apart_count : policy->together_count, class, others))
                return false;
        }
    }
    for (uint32_t i = 0; i < request->line_count; i++) {
        is_all = is_all && given[i] == request->lines[i].quantity_milli;
        if (given[i] > request->lines[i].quantity_milli)
            return false;
    }
    return is_all == option->is_complete && (is_all || policy->allow_partial) &&
           option->parcel_count <= (policy->split_orders ? policy->parcels_max : 1);
}

/* DA1 to DA7: no step is before the one that it waits for; the option is there when its last parcel is. */
static bool dates_are_right(const struct world *world, const struct oh_promise_option *option, int64_t ordered_us)
{
    bool has_slots = option->service != OH_INDEX_NONE && world->services[option->service].has_slots;
    int64_t until_us = INT64_MIN;
    int64_t cost_milli = 0;
    for (uint32_t i = 0; i < option->parcel_count; i++) {
        const struct oh_promise_parcel *parcel = &option->parcels[i];
        if (parcel->begin_us < ordered_us || parcel->ready_us < parcel->begin_us ||
            parcel->until_us < parcel->from_us || parcel->until_us < parcel->ready_us ||
            parcel->order_by_us < ordered_us)
            return false;
        if (parcel->leaves_us != OH_TIME_US_NONE &&
            (parcel->leaves_us < parcel->ready_us ||
             (has_slots ? parcel->from_us : parcel->until_us) < parcel->leaves_us))
            return false;
        until_us = parcel->until_us > until_us ? parcel->until_us : until_us;
        cost_milli += parcel->cost_milli;
    }
    return option->until_us == until_us && option->cost_milli == cost_milli && option->valid_until_us >= ordered_us;
}

/* SO5, CA2: what its parcels book together is there in each window. */
static bool bookings_fit(const struct world *world, const struct oh_promise_option *option)
{
    for (uint32_t i = 0; i < option->parcel_count; i++) {
        for (uint32_t b = 0; b < option->parcels[i].booking_count; b++) {
            const struct oh_promise_booking *booking = &option->parcels[i].bookings[b];
            int64_t sum = oh_booked(world->shop->ledger, booking->resource, booking->from_us, world->shop->now_us);
            for (uint32_t k = 0; k < option->parcel_count; k++) {
                for (uint32_t c = 0; c < option->parcels[k].booking_count; c++) {
                    const struct oh_promise_booking *other = &option->parcels[k].bookings[c];
                    bool is_same = other->from_us == booking->from_us &&
                                   oh_bytes_equal(other->resource, booking->resource);
                    sum += is_same ? other->quantity_milli : 0;
                }
            }
            if (sum > booking->limit_milli)
                return false;
        }
    }
    return true;
}

/* PR1: it is held as it is. */
static void option_hold(struct world *world, const struct oh_promise_request *request,
                        const struct oh_promise_option *option, uint32_t number)
{
    static struct oh_reserve_pick picks[LINES_MAX * OH_PARCELS_MAX];
    static struct oh_reserve_booking bookings[3 * OH_PARCELS_MAX];
    struct oh_reserve_line lines[LINES_MAX];
    char id[NAME_SIZE];
    snprintf(id, sizeof(id), "h%u", world->hold_count++);
    for (uint32_t i = 0; i < request->line_count; i++)
        lines[i] = (struct oh_reserve_line){ .line = request->lines[i].line, .sku = request->lines[i].sku,
                                             .quantity_milli = request->lines[i].quantity_milli };
    assert_true(option->pick_count <= LINES_MAX * OH_PARCELS_MAX);
    struct oh_command command = { .type = OH_COMMAND_RESERVE };
    command.reserve = (struct oh_reserve_command){
        .id = oh_bytes_of(id), .channel = request->channel, .kind = option->kind, .ttl_us = 2 * HOUR_US,
        .allow_partial = !option->is_complete, .lines = lines, .line_count = request->line_count, .picks = picks,
        .pick_count = option->pick_count, .bookings = bookings };
    command.reserve.booking_count = oh_promise_claims(option, picks, bookings);
    enum oh_verdict verdict = shop_do(world->shop, &command);
    if (verdict != OH_OK_DONE)
        fail_msg("seed %" PRIu64 ", question %u: what is promised is not held: %s", world->seed, number,
                 oh_verdict_code(verdict));
    held_count++;
}

struct told {
    uint32_t count;
    struct {
        uint32_t service;
        uint16_t store;
        bool is_complete, is_bounded;
        int64_t until_us;
        struct sourcing_terms terms;
    } options[OH_PROMISE_OPTIONS_MAX];
};

static void ask(struct world *world, const struct oh_promise_request *request, struct told *told)
{
    static struct oh_promise_answer answer;
    oh_promise(world->engine, world->shop->ledger, &world->timetable, request, world->shop->now_us, &answer);
    assert_int_equal(answer.verdict, OH_OK_DONE);
    memset(told, 0, sizeof(*told));
    told->count = answer.option_count;
    for (uint32_t i = 0; i < answer.option_count; i++) {
        const struct oh_promise_option *option = &answer.options[i];
        told->options[i].service = option->service;
        told->options[i].store = option->store.index;
        told->options[i].is_complete = option->is_complete;
        told->options[i].is_bounded = option->is_bounded;
        told->options[i].until_us = option->until_us;
        memcpy(told->options[i].terms.at, option->terms, sizeof(option->terms));
        if (!picks_are_right(world, request, option))
            fail_msg("seed %" PRIu64 ": the picks of option %u", world->seed, i);
        if (!dates_are_right(world, option, answer.at_us))
            fail_msg("seed %" PRIu64 ": the dates of option %u", world->seed, i);
        if (!bookings_fit(world, option))
            fail_msg("seed %" PRIu64 ": the bookings of option %u", world->seed, i);
    }
    world->answer = &answer;
}

static uint32_t told_find(const struct told *told, uint32_t service, uint16_t store)
{
    for (uint32_t i = 0; i < told->count; i++) {
        if (told->options[i].service == service && told->options[i].store == store)
            return i;
    }
    return OH_INDEX_NONE;
}

/* Of each service and store by the objective: terms that it does not look at may differ. */
static bool is_as_good(const struct world *world, const struct told *a, const struct told *b)
{
    const struct oh_objective *objective = &world->sourcing.objective;
    for (uint32_t i = 0; i < a->count; i++) {
        uint32_t k = told_find(b, a->options[i].service, a->options[i].store);
        if (a->options[i].is_bounded) /* with so few steps there may be another one, or none */
            continue;
        if (k == OH_INDEX_NONE)
            return false;
        if (!b->options[k].is_bounded && objective_is_less(objective, &b->options[k].terms, &a->options[i].terms))
            return false;
    }
    return true;
}

static void question_ask(struct world *world, uint32_t number)
{
    static struct told few, again, all;
    struct oh_promise_request request = question_make(world);
    ask(world, &request, &few);
    few_count += world->engine->ship.is_made || !request.wants_ship ? 0 : few.count;
    ask(world, &request, &again); /* to the same place: from what is kept of it */
    if (memcmp(&few, &again, sizeof(few)) != 0)
        fail_msg("seed %" PRIu64 ", question %u: asked again it is another answer", world->seed, number);
    request.explain = percent(world, 80) ? OH_EXPLAIN_FULL : OH_EXPLAIN_SUMMARY;
    ask(world, &request, &again);
    if (memcmp(&few, &again, sizeof(few)) != 0)
        fail_msg("seed %" PRIu64 ", question %u: explained it is another answer", world->seed, number);
    request.explain = OH_EXPLAIN_NONE;
    request.at_us = world->shop->now_us;
    ask(world, &request, &all);
    all_count += all.count;
    /* further slots are those of one plan, and of equal plans either may be found */
    if (request.slots_max == 1 && request.steps_max == 0 &&
        (!is_as_good(world, &few, &all) || !is_as_good(world, &all, &few)))
        fail_msg("seed %" PRIu64 ", question %u: a plan of few nodes is not as good as one of all", world->seed,
                 number);
    if (all.count > 0 && percent(world, 20))
        option_hold(world, &request, &world->answer->options[draw(world, all.count)], number);
}

static uint64_t number_of(const char *name, uint64_t or_else)
{
    const char *text = getenv(name);
    return text == NULL ? or_else : strtoull(text, NULL, 10);
}

static void worlds_ask(uint64_t worlds, enum baskets baskets)
{
    uint64_t seed = number_of("ONHAND_SEED", 1);
    few_count = all_count = held_count = 0;
    print_message("seed %" PRIu64 " (ONHAND_SEED), %" PRIu64 " worlds\n", seed, worlds);
    for (uint64_t i = 0; i < worlds; i++) {
        struct world *world = world_open(seed + i, baskets);
        for (uint32_t q = 0; q < QUESTIONS; q++) {
            if (percent(world, 30)) {
                policy_make(world);
                world->timetable.version++;
            } else if (q == 0) {
                policy_make(world);
            }
            question_ask(world, q);
            if (percent(world, 70))
                world->shop->now_us += (int64_t)draw(world, 300) * MINUTE_US;
        }
        world_close(world);
    }
    print_message("of few nodes: %u of %u options; %u held\n", few_count, all_count, held_count);
    assert_true(few_count > all_count / 20 && held_count > 0);
}

static void test_screen_finds_what_a_look_at_every_node_finds(void **state)
{
    (void)state;
    worlds_ask(number_of("ONHAND_WORLDS", 300), BASKETS_ANY);
}

static void test_screen_of_9_to_20_lines_finds_what_a_look_at_every_node_finds(void **state)
{
    (void)state;
    worlds_ask(number_of("ONHAND_WORLDS", 300) / 5, BASKETS_LONG);
}

static void test_screen_of_what_two_nodes_have_finds_what_a_look_at_every_node_finds(void **state)
{
    (void)state;
    worlds_ask(number_of("ONHAND_WORLDS", 300) / 2, BASKETS_PAIRS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_screen_finds_what_a_look_at_every_node_finds),
        cmocka_unit_test(test_screen_of_9_to_20_lines_finds_what_a_look_at_every_node_finds),
        cmocka_unit_test(test_screen_of_what_two_nodes_have_finds_what_a_look_at_every_node_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
