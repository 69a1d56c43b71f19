/*
 * promise_world.h - a promise engine on a ledger and a timetable made by hand, for tests that ask it.
 *
 *     struct world *world = world_open("n1 n2");
 *     stock(world, "a", "n1", 5);
 *     assert_string_equal(ask(world, "a=2"), "a n1=2");
 */
#ifndef ONHAND_TESTS_SUPPORT_PROMISE_WORLD_H
#define ONHAND_TESTS_SUPPORT_PROMISE_WORLD_H

#include "core/promise.h"
#include "support/shop.h"

#define HOUR_US (60 * MINUTE_US)
#define MINUTE_US INT64_C(60000000)
#define DAYS 40
#define NODES_MAX 66

/* One service, "std", that takes a day to everywhere, and the nodes' schedules. Days are UTC. */
struct world {
    struct shop *shop;
    struct oh_promise_engine *engine;
    struct oh_promise_answer answer;
    struct oh_timetable timetable;
    struct oh_timetable_node nodes[NODES_MAX];
    struct oh_timetable_service service;
    struct oh_pickups pickups[NODES_MAX];
    struct oh_departure departures[NODES_MAX][DAYS * 3];
    struct oh_window windows[DAYS * 2];
    struct oh_sourcing sourcing;
    const struct oh_sourcing *policies[4];
    int64_t starts[DAYS + 1];
    uint32_t rank[DAYS];
    int32_t transit_days[DAYS];
    uint32_t next[DAYS];
    struct oh_delivery_window deliveries[DAYS];
    struct oh_transit_row transit;
    struct oh_cost_row cost;
    struct oh_account account;
    int64_t midnight_us; /* of the day before now */
    bool is_untouched;   /* the timetable is as it was when it was last asked */
};

extern const struct oh_match ANYWHERE;

/* The nodes are members of the channel "web". Gives: world_close. */
struct world *world_open(const char *nodes);
void world_close(struct world *world);
/* A pickup each day at these hours. */
void node_pickups(struct world *world, uint32_t node, const int *hours, int count);
void levels_set(struct world *world, const enum oh_term *levels, uint32_t count);
void stock(struct world *world, const char *sku, const char *node, double units);
/* Hours after the midnight that comes next. */
int64_t at_hour(const struct world *world, double hour);

/* "a=2 b=1": asks to have it delivered; the picks of the first option as "a n1=2, b n2=1", or "" when there is none. */
const char *ask(struct world *world, const char *lines);
const char *ask_with(struct world *world, struct oh_promise_request request, const char *lines);
/* The first option of the last answer; there is one. */
const struct oh_promise_option *first(const struct world *world);

#endif
