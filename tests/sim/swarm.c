#include "sim/swarm.h"
#include "base/assert.h"
#include <string.h>

static const uint16_t requests_usual[SWARM_REQUESTS] = {
    [SWARM_ADJUST] = 180,   [SWARM_SYNC] = 70,   [SWARM_RESERVE] = 220, [SWARM_BATCH] = 30,
    [SWARM_ACTION] = 220,   [SWARM_RULE] = 18,   [SWARM_FENCE] = 14,    [SWARM_SUPPLY] = 7,
    [SWARM_NODE] = 4,       [SWARM_MEMBERS] = 7, [SWARM_IMPORT] = 20,   [SWARM_GET_RESERVATION] = 70,
    [SWARM_QUESTION] = 140,
};

/* Of SWARM_PROMISING and what comes behind it. */
static const uint16_t promising_usual[SWARM_REQUESTS - SWARM_PROMISING] = { 110, 35, 20, 20, 12, 10 };
#define PROMISES_USUAL 5u

static const uint16_t actions_usual[SWARM_ACTIONS] = {
    [MODEL_CONFIRM - MODEL_CONFIRM] = 3, [MODEL_RELEASE - MODEL_CONFIRM] = 1,
    [MODEL_EXTEND - MODEL_CONFIRM] = 1,  [MODEL_CHANGE - MODEL_CONFIRM] = 2,
    [MODEL_MOVE - MODEL_CONFIRM] = 2,    [MODEL_FULFIL - MODEL_CONFIRM] = 2,
};

static const uint8_t percents_usual[SWARM_FEATURES] = {
    [SWARM_STATES] = 20, [SWARM_TIMES] = 60,     [SWARM_SOURCE_SEQ] = 40, [SWARM_ENTRY_IDS] = 40,
    [SWARM_KEYS] = 60,   [SWARM_PARTIAL] = 30,   [SWARM_PINNED] = 40,     [SWARM_GROUPS] = 30,
    [SWARM_NEAR] = 40,   [SWARM_ENDLESS] = 25,   [SWARM_LINES] = 50,      [SWARM_TWINS] = 20,
    [SWARM_REST] = 25,   [SWARM_FULFIL_AT] = 40, [SWARM_PARTS] = 50,
};

/* What costs much happens four times as often at most; what costs very much, in one seed of six. */
static const struct {
    uint16_t usual;
    enum { FIXED, CHEAP, DEAR, RARE } kind;
} events_usual[SWARM_EVENTS] = {
    [SWARM_ASK] = { 430, FIXED },
    [SWARM_ASK_AGAIN] = { 30, CHEAP },
    [SWARM_ALTER] = { 16, CHEAP },
    [SWARM_PASS] = { 217, FIXED },
    [SWARM_WORK] = { 200, FIXED },
    [SWARM_BULK] = { 32, DEAR },
    [SWARM_EXPIRY] = { 12, CHEAP },
    [SWARM_NETWORK] = { 14, CHEAP },
    [SWARM_SNAPSHOT] = { 6, CHEAP },
    [SWARM_DISK] = { 8, CHEAP },
    [SWARM_CLOCK] = { 4, CHEAP },
    [SWARM_AUDIT] = { 8, DEAR },
    [SWARM_POWER_LOSS] = { 6, DEAR },
    [SWARM_KILL] = { 7, DEAR },
    [SWARM_TERM] = { 3, DEAR },
    [SWARM_BURST] = { 3, DEAR },
    [SWARM_FORGET] = { 3, CHEAP },
    [SWARM_HOLDS] = { 1, DEAR },
    [SWARM_ONE_RESERVATION] = { 6, DEAR },
    [SWARM_TAKE_ID] = { 2, DEAR },
    [SWARM_FENCE_USED] = { 3, DEAR },
    [SWARM_PIPELINE] = { 1, DEAR },
    [SWARM_IMPORT_CUT] = { 3, CHEAP },
    [SWARM_FILL] = { 1, DEAR },
    [SWARM_FULL_DISK] = { 4, RARE },
    [SWARM_QUEUE] = { 2, RARE },
    [SWARM_FAILED_SYNC] = { 2, DEAR },
};

/* Never, as usual, four times, ten times. */
static uint16_t weight_draw(struct oh_prng *prng, uint16_t usual, uint16_t times_max)
{
    static const uint16_t times[] = { 0, 0, 1, 1, 1, 1, 4, 4, 10, 10 };
    uint16_t drawn = times[oh_prng_below(prng, sizeof(times) / sizeof(times[0]))];
    return (uint16_t)(usual * (drawn < times_max ? drawn : times_max));
}

static uint8_t percent_draw(struct oh_prng *prng, uint8_t usual)
{
    const uint8_t percents[] = { 0, usual, usual, usual, (uint8_t)((usual + 100) / 2), 95 };
    return percents[oh_prng_below(prng, sizeof(percents))];
}

/* In any order; half of the time only some of them. */
static uint8_t places_draw(struct oh_prng *prng, uint8_t *places, uint8_t count)
{
    for (uint8_t i = 0; i + 1 < count; i++) {
        uint8_t other = (uint8_t)(i + oh_prng_below(prng, count - i));
        uint8_t place = places[other];
        places[other] = places[i];
        places[i] = place;
    }
    return oh_prng_below(prng, 2) == 0 ? count : (uint8_t)oh_prng_between(prng, 1, count);
}

static void swarm_usual(struct swarm *swarm)
{
    *swarm = (struct swarm){ .item_count = MODEL_ITEMS,
                             .keep_count = 2,
                             .node_count = MODEL_NODES,
                             .rule_count = MODEL_RULES,
                             .channel = MODEL_NONE,
                             .fence = MODEL_NONE,
                             .reach = 40 };
    memcpy(swarm->requests, requests_usual, sizeof(requests_usual));
    memcpy(swarm->actions, actions_usual, sizeof(actions_usual));
    memcpy(swarm->percents, percents_usual, sizeof(percents_usual));
    for (uint32_t i = 0; i < SWARM_EVENTS; i++)
        swarm->events[i] = events_usual[i].kind == RARE ? 0 : events_usual[i].usual;
    for (uint8_t i = 0; i < MODEL_ITEMS; i++)
        swarm->items[i] = i;
    for (uint8_t i = 0; i < MODEL_NODES; i++)
        swarm->nodes[i] = i;
    for (uint8_t i = 0; i < MODEL_RULES; i++)
        swarm->rules[i] = i;
}

static void place_put_first(uint8_t *places, uint8_t count, uint8_t place)
{
    for (uint8_t i = 0; i < count; i++) {
        if (places[i] == place)
            places[i] = places[0];
    }
    places[0] = place;
}

/* Where all that happens: on few items and nodes, few reservations, around one fence. */
static void places_all_draw(struct swarm *swarm, struct oh_prng *prng)
{
    static const uint8_t reaches[] = { 40, 40, 10, 3 };
    swarm->item_count = places_draw(prng, swarm->items, MODEL_ITEMS);
    swarm->node_count = places_draw(prng, swarm->nodes, MODEL_NODES);
    swarm->rule_count = places_draw(prng, swarm->rules, MODEL_RULES);
    swarm->reach = reaches[oh_prng_below(prng, sizeof(reaches))];
    swarm->channel = oh_prng_below(prng, 2) == 0 ? MODEL_NONE : (uint8_t)oh_prng_below(prng, MODEL_CHANNELS);
    if (oh_prng_below(prng, 3) > 0)
        return;
    swarm->fence = (uint8_t)oh_prng_below(prng, MODEL_FENCES);
    swarm->channel = model_fence_slots[swarm->fence].channel;
    place_put_first(swarm->items, MODEL_ITEMS, model_fence_slots[swarm->fence].item);
    place_put_first(swarm->nodes, MODEL_NODES, model_fence_slots[swarm->fence].node);
}

/* Drawn apart, and for every other seed: what the rest do is what they did before there were promises. */
static void promises_draw(struct swarm *swarm, uint64_t seed)
{
    struct oh_prng prng;
    oh_prng_init(&prng, seed ^ UINT64_C(0x50524f4d495345));
    swarm->has_promises = seed % 2 == 0;
    bool is_usual = oh_prng_below(&prng, 3) == 0;
    for (uint32_t i = SWARM_PROMISING; swarm->has_promises && i < SWARM_REQUESTS; i++) {
        uint16_t usual = promising_usual[i - SWARM_PROMISING];
        swarm->requests[i] = is_usual ? usual : weight_draw(&prng, usual, 4);
    }
    if (swarm->has_promises && swarm->requests[SWARM_HOLD_PROMISE] == 0)
        swarm->requests[SWARM_HOLD_PROMISE] = promising_usual[0];
    swarm->events[SWARM_PROMISES] = swarm->has_promises ? PROMISES_USUAL : 0;
}

static void usual_vary(struct swarm *swarm, uint64_t seed)
{
    struct oh_prng prng;
    oh_prng_init(&prng, seed ^ UINT64_C(0x5757415243534d));
    if (oh_prng_below(&prng, 4) == 0)
        return;
    for (uint32_t i = 0; i < SWARM_PROMISING; i++)
        swarm->requests[i] = weight_draw(&prng, requests_usual[i], 10);
    if (swarm->requests[SWARM_ADJUST] + swarm->requests[SWARM_SYNC] ==
        0) /* without stock there is little to see */
        swarm->requests[SWARM_ADJUST] = requests_usual[SWARM_ADJUST];
    for (uint32_t i = 0; i < SWARM_ACTIONS; i++)
        swarm->actions[i] = weight_draw(&prng, actions_usual[i], 10);
    swarm->actions[0] = (uint16_t)(swarm->actions[0] + 1); /* there is always one */
    for (uint32_t i = 0; i < SWARM_FEATURES; i++)
        swarm->percents[i] = percent_draw(&prng, percents_usual[i]);
    if (oh_prng_below(&prng, 4) == 0) { /* of movements that come in order it is known which are forgotten */
        swarm->history_max = 64;
        swarm->percents[SWARM_TIMES] = swarm->percents[SWARM_FULFIL_AT] = 0;
    }
    swarm->keep_count = oh_prng_below(&prng, 4) == 0 ? 1 : 2;
    for (uint32_t i = 0; i < SWARM_PROMISES; i++) {
        if (events_usual[i].kind == RARE)
            swarm->events[i] = oh_prng_below(&prng, 6) == 0 ? events_usual[i].usual : 0;
        else if (events_usual[i].kind != FIXED)
            swarm->events[i] =
                weight_draw(&prng, events_usual[i].usual, events_usual[i].kind == DEAR ? 4 : 10);
    }
    places_all_draw(swarm, &prng);
}

void swarm_draw(struct swarm *swarm, uint64_t seed)
{
    swarm_usual(swarm);
    usual_vary(swarm, seed);
    promises_draw(swarm, seed);
}

void swarm_forget_promises(struct swarm *swarm)
{
    memset(swarm->requests + SWARM_PROMISING, 0, sizeof(promising_usual));
    swarm->events[SWARM_PROMISES] = 0;
}

uint32_t swarm_pick(const uint16_t *weights, uint32_t count, struct oh_prng *prng)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += weights[i];
    uint64_t dice = oh_prng_below(prng, sum);
    for (uint32_t i = 0; i < count; i++) {
        if (dice < weights[i])
            return i;
        dice -= weights[i];
    }
    OH_UNREACHABLE();
}
