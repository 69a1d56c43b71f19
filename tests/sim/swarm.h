/*
 * swarm.h - how much of what a seed does: one is mostly fences and changes, the next mostly counts and restarts.
 *
 * A workload of everything at once has little of each thing. Here each seed draws, for every kind of request,
 * action and event, whether it happens never, as usual, or much more often, and how often each feature is used;
 * and on how few items and nodes all that happens. One seed of four has the usual of everything.
 */
#ifndef ONHAND_TESTS_SIM_SWARM_H
#define ONHAND_TESTS_SIM_SWARM_H

#include "base/prng.h"
#include "sim/model.h"

enum swarm_request {
    SWARM_ADJUST,
    SWARM_SYNC,
    SWARM_RESERVE,
    SWARM_BATCH,
    SWARM_ACTION,
    SWARM_RULE,
    SWARM_FENCE,
    SWARM_SUPPLY,
    SWARM_NODE,
    SWARM_MEMBERS,
    SWARM_IMPORT,
    SWARM_GET_RESERVATION,
    SWARM_QUESTION,
    SWARM_PROMISING, /* from here on: of seeds that know promises */
    SWARM_HOLD_PROMISE = SWARM_PROMISING,
    SWARM_REPLACE,
    SWARM_ASK_PROMISE,
    SWARM_GET_PROMISE,
    SWARM_DOCUMENT,
    SWARM_DELIVERIES,
    SWARM_REQUESTS,
};

/* Actions are MODEL_CONFIRM + i. */
#define SWARM_ACTIONS ((uint32_t)(MODEL_FULFIL - MODEL_CONFIRM + 1))

/* What a request may have or not, in percent. */
enum swarm_feature {
    SWARM_STATES,     /* a state other than sellable */
    SWARM_TIMES,      /* a movement that says when it was */
    SWARM_SOURCE_SEQ, /* a count that says its place */
    SWARM_ENTRY_IDS,
    SWARM_KEYS,
    SWARM_PARTIAL,
    SWARM_PINNED, /* a line of a reservation that names its node */
    SWARM_GROUPS, /* a line that does not, and names a group */
    SWARM_NEAR,
    SWARM_ENDLESS, /* a hold without an end */
    SWARM_LINES,   /* an action on lines, not on the whole */
    SWARM_TWINS,   /* one line of an action twice */
    SWARM_REST,    /* what is not named is returned */
    SWARM_FULFIL_AT,
    SWARM_PARTS, /* quantities that are not whole */
    SWARM_FEATURES,
};

enum swarm_event {
    SWARM_ASK,
    SWARM_ASK_AGAIN,
    SWARM_ALTER,
    SWARM_PASS,
    SWARM_WORK,
    SWARM_BULK,
    SWARM_EXPIRY,
    SWARM_NETWORK,
    SWARM_SNAPSHOT,
    SWARM_DISK,
    SWARM_CLOCK,
    SWARM_AUDIT,
    SWARM_POWER_LOSS,
    SWARM_KILL,
    SWARM_TERM,
    SWARM_SCENES, /* from here on: run_internal.h */
    SWARM_BURST = SWARM_SCENES,
    SWARM_FORGET,
    SWARM_HOLDS,
    SWARM_ONE_RESERVATION,
    SWARM_TAKE_ID,
    SWARM_FILL,
    SWARM_FENCE_USED,
    SWARM_PIPELINE,
    SWARM_IMPORT_CUT,
    SWARM_FAILED_SYNC,
    SWARM_FULL_DISK,
    SWARM_QUEUE,
    SWARM_PROMISES, /* the last one: it is drawn apart, as the requests are */
    SWARM_EVENTS,
};

struct swarm {
    uint16_t requests[SWARM_REQUESTS]; /* weights */
    uint16_t actions[SWARM_ACTIONS];
    uint16_t events[SWARM_EVENTS];
    uint8_t percents[SWARM_FEATURES];
    bool has_promises;
    uint32_t history_max; /* movements that are remembered; 0: all of a run */
    uint8_t keep_count;   /* snapshots */
    uint8_t item_count;   /* of `items`: the first are the hottest */
    uint8_t node_count;
    uint8_t rule_count;
    uint8_t items[MODEL_ITEMS];
    uint8_t nodes[MODEL_NODES];
    uint8_t rules[MODEL_RULES];
    uint8_t channel; /* that most ask as; MODEL_NONE: all do alike */
    uint8_t fence;   /* whose item, node and channel are the hottest; MODEL_NONE: all alike */
    uint8_t reach;   /* so many of the newest reservations are acted on */
};

void swarm_draw(struct swarm *swarm, uint64_t seed);

/* For a journal that is too small for them. */
void swarm_forget_promises(struct swarm *swarm);

/* One of `count`, by weight. At least one weight is not 0. */
uint32_t swarm_pick(const uint16_t *weights, uint32_t count, struct oh_prng *prng);

#endif
