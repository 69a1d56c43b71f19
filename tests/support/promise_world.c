#include "support/promise_world.h"
#include "support/lazy_memory.h"
#include "support/test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct oh_match ANYWHERE = { { NULL, 0 }, { NULL, 0 }, OH_INDEX_NONE };

static void service_make(struct world *world)
{
    int32_t first = (int32_t)(world->midnight_us / SHOP_DAY_US);
    for (int32_t d = 0; d < DAYS; d++) {
        world->starts[d] = world->midnight_us + d * SHOP_DAY_US;
        world->rank[d] = (uint32_t)d + 1;
        world->transit_days[d] = first + d;
        world->next[d] = (uint32_t)d;
        world->deliveries[d] =
            (struct oh_delivery_window){ world->starts[d] + 9 * HOUR_US, world->starts[d] + 17 * HOUR_US, first + d };
    }
    world->starts[DAYS] = world->midnight_us + DAYS * SHOP_DAY_US;
    world->transit = (struct oh_transit_row){ ANYWHERE, OH_INDEX_NONE, 0, 1, 0 };
    world->cost = (struct oh_cost_row){ ANYWHERE, 0, 4950 };
    world->account = (struct oh_account){ .resource = OH_BYTES("account/std/") };
    world->service = (struct oh_timetable_service){
        .service = OH_BYTES("std"), .day_first = first, .day_count = DAYS, .day_starts_us = world->starts,
        .transit_rank = world->rank, .transit_days = world->transit_days, .transit_day_count = DAYS,
        .delivery_next = world->next, .windows = world->deliveries, .window_count = DAYS,
        .slot_resource = OH_BYTES("slot/std"), .transit = &world->transit, .transit_count = 1,
        .costs = &world->cost, .cost_count = 1, .accounts = &world->account, .account_count = 1,
    };
}

void node_pickups(struct world *world, uint32_t node, const int *hours, int count)
{
    uint32_t made = 0;
    for (int d = 0; d < DAYS; d++) {
        for (int i = 0; i < count; i++) {
            int64_t at = world->starts[d] + hours[i] * HOUR_US;
            world->departures[node][made++] =
                (struct oh_departure){ at + 1, INT64_MAX, at, at, world->service.day_first + d };
        }
    }
    world->pickups[node] = (struct oh_pickups){ 0, { world->departures[node], made, false } };
    world->nodes[node].pickups = &world->pickups[node];
    world->nodes[node].pickup_count = 1;
}

struct world *world_open(const char *nodes)
{
    static const int at_four[] = { 16 };
    const struct oh_allocator allocator = lazy_allocator();
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    world->shop = shop_open(NULL);
    world->midnight_us = SHOP_NOW_US / SHOP_DAY_US * SHOP_DAY_US - SHOP_DAY_US;
    assert_int_equal(oh_promise_engine_create(&allocator, &world->engine), OH_OK);
    service_make(world);
    char names[400];
    snprintf(names, sizeof(names), "%s", nodes);
    uint32_t count = 0;
    for (char *name = strtok(names, " "); name != NULL; name = strtok(NULL, " ")) { /* tests only */
        shop_node(world->shop, name);
        world->nodes[count] = (struct oh_timetable_node){
            .backorder_us = -1, .hours = { .is_always = true }, .collect_hours = { .is_always = true },
            .collect_cutoffs = { .is_at_once = true }, .region = OH_INDEX_NONE };
        node_pickups(world, count++, at_four, 1);
    }
    shop_channel(world->shop, "web", OH_POLICY_PRIORITY, nodes, "");
    static const enum oh_term levels[] = { OH_TERM_COMPLETE, OH_TERM_PARCELS, OH_TERM_DATE, OH_TERM_COST,
                                           OH_TERM_DISTANCE, OH_TERM_PRIORITY };
    world->sourcing = (struct oh_sourcing){ .parcels_max = 4, .split_orders = true, .split_lines = true,
                                            .stores_max = 5, .future_supply = OH_FUTURE_ALL };
    for (uint32_t i = 0; i < 6; i++)
        world->sourcing.objective.weights[i][levels[i]] = 1;
    world->sourcing.objective.level_count = 6;
    world->policies[0] = &world->sourcing;
    world->timetable = (struct oh_timetable){
        .version = 1, .from_us = world->midnight_us, .until_us = world->starts[DAYS], .nodes = world->nodes,
        .node_count = count, .services = &world->service, .service_count = 1, .sourcing = world->policies,
        .channel_count = 1, .sourcing_default = &world->sourcing };
    return world;
}

void world_close(struct world *world)
{
    shop_close(world->shop);
    oh_promise_engine_destroy(&world->engine);
    free(world);
}

void levels_set(struct world *world, const enum oh_term *levels, uint32_t count)
{
    memset(&world->sourcing.objective, 0, sizeof(world->sourcing.objective));
    for (uint32_t i = 0; i < count; i++)
        world->sourcing.objective.weights[i][levels[i]] = 1;
    world->sourcing.objective.level_count = count;
}

const char *ask_with(struct world *world, struct oh_promise_request request, const char *lines)
{
    static struct oh_promise_line parsed[32];
    static char text[400], words[200];
    uint32_t count = 0;
    snprintf(words, sizeof(words), "%s", lines);
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " ")) {
        char *equals = strchr(word, '=');
        parsed[count] = (struct oh_promise_line){ count + 1, { word, (size_t)(equals - word) },
                                                  (int64_t)(atof(equals + 1) * 1000 + 0.5) };
        count++;
    }
    request.channel = OH_BYTES("web");
    request.lines = parsed;
    request.line_count = count;
    if (request.at_us == 0)
        request.at_us = OH_TIME_US_NONE;
    request.until_us = OH_TIME_US_NONE;
    world->timetable.version += world->is_untouched ? 0 : 1; /* the tests change it by hand */
    oh_promise(world->engine, world->shop->ledger, &world->timetable, &request, world->shop->now_us, &world->answer);
    assert_int_equal(world->answer.verdict, OH_OK_DONE);
    text[0] = '\0';
    if (world->answer.option_count == 0)
        return text;
    const struct oh_promise_option *option = &world->answer.options[0];
    for (uint32_t i = 0; i < option->pick_count; i++) {
        const struct oh_promise_line *line = &parsed[option->picks[i].line];
        struct oh_bytes node =
            oh_node_name(world->shop->ledger, option->parcels[option->picks[i].parcel].node);
        size_t size = strlen(text);
        snprintf(text + size, sizeof(text) - size, "%s%.*s %.*s=%g", i > 0 ? ", " : "", (int)line->sku.size,
                 line->sku.data, (int)node.size, node.data, (double)option->picks[i].quantity_milli / 1000);
    }
    return text;
}

const char *ask(struct world *world, const char *lines)
{
    return ask_with(world, (struct oh_promise_request){ .wants_ship = true }, lines);
}

const struct oh_promise_option *first(const struct world *world)
{
    assert_true(world->answer.option_count > 0);
    return &world->answer.options[0];
}

void stock(struct world *world, const char *sku, const char *node, double units)
{
    shop_item(world->shop, sku);
    shop_adjust(world->shop, sku, node, units);
}

int64_t at_hour(const struct world *world, double hour)
{
    return world->starts[2] + (int64_t)(hour * (double)HOUR_US);
}
