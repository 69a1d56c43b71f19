#include "sim/model_internal.h"
#include <stddef.h>
#include <string.h>

#define DAY_US (INT64_C(86400) * 1000000)

/* As the shop opens: groups in order of priority; a channel over all nodes, two over a list, one over a group. */
static const struct model_members group_slots[MODEL_GROUPS] = { { 3, { 0, 1, 2 } }, { 3, { 4, 2, 3 } } };
static const struct model_channel_slot channel_slots[MODEL_CHANNELS] = {
    { { 0, { 0 } }, MODEL_NONE, MODEL_PRIORITY },
    { { 4, { 3, 1, 0, 2 } }, MODEL_NONE, MODEL_PRIORITY },
    { { 0, { 0 } }, 1, MODEL_HIGHEST_STOCK },
    { { 5, { 2, 3, 4, 0, 1 } }, MODEL_NONE, MODEL_FEWEST_SPLITS },
};
const char *const model_policy_names[MODEL_POLICIES] = { "priority", "highest_stock", "fewest_splits",
                                                         "nearest" };
const double model_points[MODEL_POINTS][2] = {
    { 48.9, 2.4 }, { 45.8, 4.7 }, { 52.5, 13.4 }, { -33.9, 151.2 }
};
const double model_node_points[MODEL_NODES][2] = {
    { 48.8566, 2.3522 }, { 45.764, 4.8357 }, { 43.2965, 5.3698 }, { 50.6292, 3.0573 }, { 48.5734, 7.7521 }
};
const char *const model_state_names[MODEL_STATES] = { "sellable", "damaged", "quality_control", "display",
                                                      "returned" };
const char *const model_kind_names[MODEL_KINDS] = { "cart", "collect", "ship", "staff" };

/* Scopes are fixed, values change: every level of precedence has a pair that disagrees. */
static const struct model_rule_slot rule_slots[MODEL_RULES] = {
    { MODEL_NONE, 3, MODEL_NONE, RULE_SAFETY, false, 0 },
    { 0, 3, MODEL_NONE, RULE_SAFETY, false, 0 },
    { MODEL_NONE, MODEL_NONE, MODEL_NONE, RULE_SAFETY, false, 0 },
    { 2, MODEL_NONE, MODEL_NONE, RULE_BACKORDER, false, 0 },
    { MODEL_NONE, MODEL_NONE, 1, RULE_THRESHOLD, false, 0 },
    { 1, MODEL_NONE, 1, RULE_THRESHOLD, false, 0 },
    { 4, MODEL_NONE, MODEL_NONE, RULE_MINIMUM, false, 0 },
    { 4, MODEL_NONE, MODEL_NONE, RULE_INCREMENT, false, 0 },
    { 3, 1, MODEL_NONE, RULE_PICKUP, false, 0 },
    { 1, MODEL_NONE, 2, RULE_SHIP, false, 0 },
    { 0, MODEL_NONE, MODEL_NONE, RULE_LOW_STOCK, false, 0 },
    { MODEL_NONE, MODEL_NONE, MODEL_NONE, RULE_PREORDER, false, 0 },
    { MODEL_NONE, MODEL_NONE, 1, RULE_SAFETY, false, 0 },
    { 0, MODEL_NONE, 1, RULE_SAFETY, false, 0 },
};

static const struct model_supply_slot supply_slots[MODEL_SUPPLIES] = {
    { 0, 0, false, 0, 0 }, { 0, 2, false, 0, 0 }, { 2, 4, false, 0, 0 }, { 3, 1, false, 0, 0 }
};

const struct model_fence_slot model_fence_slots[MODEL_FENCES] = {
    { 0, 0, 1, false, false, 0 },
    { 1, 1, 1, true, false, 0 },
    { 0, 0, 3, false, false, 0 },
    { 2, 4, 2, true, false, 0 },
};

void model_init(struct model *model, int64_t now_us, uint64_t history_max)
{
    memset(model, 0, sizeof(*model));
    model->now_us = now_us;
    model->history_max = history_max;
    memcpy(model->rules, rule_slots, sizeof(rule_slots));
    memcpy(model->fences, model_fence_slots, sizeof(model_fence_slots));
    memcpy(model->supplies, supply_slots, sizeof(supply_slots));
    memcpy(model->groups, group_slots, sizeof(group_slots));
    memcpy(model->channels, channel_slots, sizeof(channel_slots));
    for (uint32_t node = 0; node < MODEL_NODES; node++)
        model->enabled[node] = true;
}

void model_copy(struct model *to, const struct model *from)
{
    memcpy(to, from, offsetof(struct model, reservations));
    memcpy(to->reservations, from->reservations, from->reservation_count * sizeof(from->reservations[0]));
    memset(to->reservations + from->reservation_count, 0,
           (MODEL_RESERVATIONS_MAX - from->reservation_count) * sizeof(from->reservations[0]));
    memcpy(to->bookings, from->bookings, from->booking_count * sizeof(from->bookings[0]));
    memcpy(to->facts, from->facts, from->fact_count * sizeof(from->facts[0]));
    memcpy(to->claims, from->claims, from->claim_count * sizeof(from->claims[0]));
}

bool model_is_full(const struct model *model)
{
    return model->fact_count + 64 > MODEL_FACTS_MAX || model->claim_count + 256 > MODEL_CLAIMS_MAX ||
           model->reservation_count + 16 > MODEL_RESERVATIONS_MAX ||
           model->booking_count + 2 * MODEL_BOOKED_MAX > MODEL_BOOKINGS_MAX;
}

/* ---- Sums ------------------------------------------------------------------------------------------------------- */

/* L12 */
bool model_count_is_greater(const struct model_fact *a, const struct model_fact *b)
{
    if (a->at_us != b->at_us)
        return a->at_us > b->at_us;
    if (a->seq != b->seq)
        return a->seq > b->seq;
    return a->milli < b->milli;
}

const struct model_fact *model_greatest_count(const struct model *model, uint32_t item, uint32_t node,
                                              uint32_t state)
{
    const struct model_fact *greatest = NULL;
    for (uint32_t link = model->fact_heads[item][node][state]; link != 0;
         link = model->facts[link - 1].next) {
        const struct model_fact *fact = &model->facts[link - 1];
        if (fact->is_count && (greatest == NULL || model_count_is_greater(fact, greatest)))
            greatest = fact;
    }
    return greatest;
}

int64_t model_sum_after(const struct model *model, uint32_t item, uint32_t node, uint32_t state,
                        int64_t at_us)
{
    int64_t sum = 0;
    for (uint32_t link = model->fact_heads[item][node][state]; link != 0;
         link = model->facts[link - 1].next) {
        const struct model_fact *fact = &model->facts[link - 1];
        if (!fact->is_count && fact->at_us > at_us)
            sum += fact->milli;
    }
    return sum;
}

/* L10, L11 */
int64_t model_quantity(const struct model *model, uint32_t item, uint32_t node, uint32_t state)
{
    const struct model_fact *count = model_greatest_count(model, item, node, state);
    return (count == NULL ? 0 : count->milli) +
           model_sum_after(model, item, node, state, count == NULL ? MODEL_NEVER : count->at_us);
}

/* L14 */
bool model_is_forgotten(const struct model *model, const struct model_fact *fact)
{
    return fact->number != 0 && model->movement_count - fact->number >= model->history_max;
}

void model_tell(struct model *model, uint32_t item, uint32_t node, uint32_t state, struct model_fact fact)
{
    const struct model_fact *count = model_greatest_count(model, item, node, state);
    if (!fact.is_count && (count == NULL || fact.at_us > count->at_us))
        fact.number = ++model->movement_count;
    fact.next = model->fact_heads[item][node][state];
    model->facts[model->fact_count++] = fact;
    model->fact_heads[item][node][state] = model->fact_count;
    model->is_stocked[item][node] = true;
}

/* L26 */
bool model_is_due(const struct model *model, const struct model_claim *claim)
{
    int64_t expires_us = model->reservations[claim->reservation].expires_us;
    return expires_us != MODEL_NEVER && expires_us <= model->now_us;
}

int64_t model_held_of(const struct model *model, const struct model_claim *claim)
{
    return model_is_due(model, claim) ? 0 : claim->held;
}

static int64_t live_of(const struct model *model, const struct model_claim *claim)
{
    return model_held_of(model, claim) + claim->confirmed;
}

/* Of one channel, or of all (MODEL_NONE). */
int64_t model_claimed(const struct model *model, uint32_t item, uint32_t node, uint32_t channel)
{
    int64_t sum = 0;
    for (uint32_t link = model->claim_heads[item][node]; link != 0;
         link = model->claims[link - 1].next_at_place) {
        const struct model_claim *claim = &model->claims[link - 1];
        if (channel == MODEL_NONE || model->reservations[claim->reservation].channel == channel)
            sum += live_of(model, claim);
    }
    return sum;
}

/* ---- Rules ------------------------------------------------------------------------------------------------------ */

bool model_rule_is_boolean(uint32_t rule)
{
    return rule_slots[rule].attribute == RULE_PICKUP || rule_slots[rule].attribute == RULE_SHIP ||
           rule_slots[rule].attribute == RULE_PREORDER;
}

/* RU2: the rank of the scope, from 1; 0: the rule does not say it here. */
static uint32_t rule_rank(const struct model_rule_slot *rule, uint32_t item, uint32_t node, uint32_t channel)
{
    bool has_item = rule->item != MODEL_NONE;
    bool has_node = rule->node != MODEL_NONE;
    bool has_channel = rule->channel != MODEL_NONE;
    if ((has_item && rule->item != item) || (has_node && rule->node != node) ||
        (has_channel && (channel == MODEL_NONE || rule->channel != channel)))
        return 0;
    if (has_item)
        return has_node ? 1 : has_channel ? 2 : 3;
    return has_node ? 4 : has_channel ? 5 : 6;
}

const struct model_rule_slot *model_resolve(const struct model *model, uint32_t attribute, uint32_t item,
                                            uint32_t node, uint32_t channel)
{
    const struct model_rule_slot *best = NULL;
    uint32_t best_rank = 7;
    for (uint32_t i = 0; i < MODEL_RULES; i++) {
        const struct model_rule_slot *rule = &model->rules[i];
        uint32_t rank = rule_rank(rule, item, node, channel);
        if (!rule->exists || (uint32_t)rule->attribute != attribute || rank == 0 || rank >= best_rank)
            continue;
        best = rule;
        best_rank = rank;
    }
    return best;
}

int64_t model_rule_value(const struct model *model, uint32_t attribute, uint32_t item, uint32_t node,
                         uint32_t channel)
{
    const struct model_rule_slot *rule = model_resolve(model, attribute, item, node, channel);
    return rule == NULL ? 0 : rule->value;
}

/* ---- What can be had -------------------------------------------------------------------------------------------- */

static bool members_have(const struct model_members *members, uint32_t node)
{
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->nodes[i] == node)
            return true;
    }
    return false;
}

/* Its list, then those of its group that the list has not; all nodes when it names none. */
struct model_members model_channel_members(const struct model *model, uint32_t channel)
{
    const struct model_channel_slot *slot = &model->channels[channel];
    struct model_members all = { MODEL_NODES, { 0, 1, 2, 3, 4 } };
    struct model_members members = slot->members;
    if (slot->group == MODEL_NONE)
        return members.count == 0 ? all : members;
    for (uint32_t i = 0; i < model->groups[slot->group].count; i++) {
        uint8_t node = model->groups[slot->group].nodes[i];
        if (!members_have(&members, node))
            members.nodes[members.count++] = node;
    }
    return members;
}

static bool channel_has(const struct model *model, uint32_t channel, uint32_t node)
{
    if (channel == MODEL_NONE)
        return true;
    struct model_members members = model_channel_members(model, channel);
    return members_have(&members, node);
}

/* NULL: the node may be asked. L20, V7. Nodes 0, 1 and 2 are stores, which let customers collect. */
const char *model_ineligible(const struct model *model, uint32_t item, uint32_t node, uint32_t channel,
                             uint32_t kind)
{
    if (!model->enabled[node])
        return "node_disabled";
    if (!channel_has(model, channel, node))
        return "not_in_channel";
    if (kind == MODEL_COLLECT) {
        const struct model_rule_slot *rule = model_resolve(model, RULE_PICKUP, item, node, channel);
        if (node > 2 || (rule != NULL && rule->value == 0))
            return "pickup_not_allowed";
    }
    if (kind == MODEL_SHIP) {
        const struct model_rule_slot *rule = model_resolve(model, RULE_SHIP, item, node, channel);
        if (rule != NULL && rule->value == 0)
            return "ship_not_allowed";
    }
    return NULL;
}

/* L33: what a fence keeps from everyone else. */
int64_t model_fence_unused(const struct model *model, const struct model_fence_slot *fence,
                           int64_t own_pending)
{
    return at_least_0(fence->quantity - model_claimed(model, fence->item, fence->node, fence->channel) -
                      own_pending);
}

/* L5, L23, L33 to L37 */
struct model_room model_room_at(const struct model *model, const struct model_pending *pending, uint32_t item,
                                uint32_t node, uint32_t channel, uint32_t kind)
{
    struct model_room room = { 0, 0 };
    int64_t own_restricted = INT64_MAX;
    if (model_ineligible(model, item, node, channel, kind) != NULL)
        return room;
    int64_t taken = pending == NULL ? 0 : pending->milli[item][node];
    int64_t open =
        model_quantity(model, item, node, 0) - model_claimed(model, item, node, MODEL_NONE) - taken;
    for (uint32_t i = 0; i < MODEL_FENCES; i++) {
        const struct model_fence_slot *fence = &model->fences[i];
        if (!fence->exists || fence->item != item || fence->node != node)
            continue;
        if (fence->channel != channel)
            open -= model_fence_unused(model, fence, 0);
        else if (fence->is_restrict)
            own_restricted = model_fence_unused(model, fence, taken);
    }
    room.free = at_least_0(open - model_rule_value(model, RULE_SAFETY, item, node, channel));
    if (own_restricted != INT64_MAX) {
        room.free = smaller(room.free, own_restricted);
        return room;
    }
    int64_t limit = model_rule_value(model, RULE_BACKORDER, item, node, channel);
    room.backorder = limit == 0 ? 0 : at_least_0(open + limit - room.free);
    return room;
}

/* L24: how much of real stock the channel may have; INT64_MAX: as much as there is. */
int64_t model_allowance(const struct model *model, const struct model_pending *pending, uint32_t item,
                        uint32_t channel, uint32_t kind)
{
    int64_t threshold =
        channel == MODEL_NONE ? 0 : model_rule_value(model, RULE_THRESHOLD, item, MODEL_NONE, channel);
    int64_t sum = 0;
    if (threshold == 0)
        return INT64_MAX;
    for (uint32_t node = 0; node < MODEL_NODES; node++)
        sum += model_room_at(model, pending, item, node, channel, kind).free;
    return at_least_0(sum - threshold);
}

int64_t model_room_of_nobody(const struct model *model, uint32_t item, uint32_t node)
{
    return model_room_at(model, NULL, item, node, MODEL_NONE, MODEL_ANY_KIND).free;
}

/* ---- Answers ---------------------------------------------------------------------------------------------------- */

void model_refuse(struct model_answer *out, int status, const char *code)
{
    out->status = status;
    out->code = code;
    out->part_count = 0;
}

struct model_part *model_part_add(struct model_answer *out, uint32_t line, uint32_t item, uint32_t node)
{
    struct model_part *part = &out->parts[out->part_count++];
    *part = (struct model_part){ .line = line, .item = (uint8_t)item, .node = (uint8_t)node };
    return part;
}

static uint32_t claim_find(const struct model *model, uint32_t reservation, uint32_t line, uint32_t node)
{
    uint32_t link = model->reservations[reservation].first;
    while (link != 0 && !(model->claims[link - 1].line == line && model->claims[link - 1].node == node))
        link = model->claims[link - 1].next_of_reservation;
    return link;
}

/* A claim at a place where the line has one already joins it. */
struct model_claim *model_claim_at(struct model *model, uint32_t reservation, uint32_t line, uint32_t item,
                                   uint32_t node)
{
    uint32_t found = claim_find(model, reservation, line, node);
    if (found != 0)
        return &model->claims[found - 1];
    struct model_claim *claim = &model->claims[model->claim_count++];
    *claim = (struct model_claim){
        .reservation = reservation, .line = line, .item = (uint8_t)item, .node = (uint8_t)node
    };
    uint32_t *last = &model->reservations[reservation].first;
    while (*last != 0)
        last = &model->claims[*last - 1].next_of_reservation;
    *last = model->claim_count;
    if (node != MODEL_NONE) {
        claim->next_at_place = model->claim_heads[item][node];
        model->claim_heads[item][node] = model->claim_count;
        model->is_stocked[item][node] = true;
    }
    return claim;
}

/* L28 */
const char *model_status_of(const struct model *model, uint32_t reservation)
{
    int64_t held = 0, confirmed = 0, fulfilled = 0, expired = 0;
    for (uint32_t link = model->reservations[reservation].first; link != 0;
         link = model->claims[link - 1].next_of_reservation) {
        const struct model_claim *claim = &model->claims[link - 1];
        held += model_held_of(model, claim);
        confirmed += claim->confirmed;
        fulfilled += claim->fulfilled;
        expired += claim->expired + claim->held - model_held_of(model, claim);
    }
    return held > 0        ? "held"
           : confirmed > 0 ? "confirmed"
           : fulfilled > 0 ? "fulfilled"
           : expired > 0   ? "expired"
                           : "released";
}

/* L29 */
bool model_reservation_is_known(const struct model *model, uint32_t reservation)
{
    const struct model_reservation *of = &model->reservations[reservation];
    return reservation < model->reservation_count && of->exists &&
           (of->ended_us == MODEL_NEVER || model->now_us - of->ended_us < DAY_US);
}

bool model_key_is_known(const struct model *model, const struct model_key *key)
{
    return key->request != 0 && model->now_us - key->at_us < DAY_US;
}

/* ---- All together ----------------------------------------------------------------------------------------------- */

static void decide(struct model *model, const struct model_request *request, struct model_answer *out)
{
    switch (request->type) {
    case MODEL_ADJUST:
        model_ask_adjust(model, request, out);
        break;
    case MODEL_SYNC:
        model_ask_sync(model, request, out);
        break;
    case MODEL_RESERVE:
        model_ask_reserve(model, request, out);
        break;
    case MODEL_CONFIRM:
    case MODEL_RELEASE:
    case MODEL_EXTEND:
    case MODEL_CHANGE:
    case MODEL_MOVE:
    case MODEL_FULFIL:
        model_ask_action(model, request, out);
        break;
    case MODEL_HOLD:
        model_ask_hold(model, request, out);
        break;
    case MODEL_REPLACE:
        model_ask_replace(model, request, out);
        break;
    case MODEL_DELIVERIES:
        model_ask_deliveries(model, request, out);
        break;
    case MODEL_DOCUMENT:
        model_ask_document(model, request, out);
        break;
    case MODEL_RULE:
        model_ask_rule(model, request, out);
        break;
    case MODEL_FENCE:
        model_ask_fence(model, request, out);
        break;
    case MODEL_NODE:
        model_ask_node(model, request, out);
        break;
    case MODEL_SUPPLY:
        model_ask_supply(model, request, out);
        break;
    case MODEL_GROUP:
        model_ask_group(model, request, out);
        break;
    case MODEL_CHANNEL:
        model_ask_channel(model, request, out);
        break;
    case MODEL_IMPORT:
        model_ask_import(model, request, out);
        break;
    case MODEL_IMPORT_PLACES:
        model_ask_import_places(model, request, out);
        break;
    case MODEL_GET_POSITION:
    case MODEL_GET_STOCK:
        model_ask_stock(model, request, out);
        break;
    case MODEL_GET_NODE_AVAILABILITY:
    case MODEL_GET_CHANNEL_AVAILABILITY:
    case MODEL_GET_GROUP_AVAILABILITY:
    case MODEL_ASK_GRID:
        model_ask_availability(model, request, out);
        break;
    case MODEL_GET_RESERVATION:
        model_ask_reservation(model, request, out);
        break;
    case MODEL_LIST_RESERVATIONS:
        model_ask_list(model, request, out);
        break;
    case MODEL_GET_FENCE:
        model_ask_fence_view(model, request, out);
        break;
    case MODEL_GET_IMPORT:
        model_ask_import_view(model, request, out);
        break;
    case MODEL_GET_SUPPLY:
        model_ask_supply_view(model, request, out);
        break;
    case MODEL_GET_NEAR:
        model_ask_near(model, request, out);
        break;
    case MODEL_ASK_PROMISE:
        model_ask_promise(model, request, out);
        break;
    case MODEL_GET_PROMISE:
        model_ask_promise_view(model, request, out);
        break;
    case MODEL_GET_DOCUMENT:
        model_ask_document_view(model, request, out);
        break;
    case MODEL_MIN_SEQ:
        if (request->value > 0)
            model_refuse(out, 409, "seq_not_reached");
        break;
    case MODEL_BATCH: /* the caller asks for each */
    case MODEL_TYPES:
        break;
    }
}

/* L38: under a key, or under its own id, a reservation is made once. */
static struct model_key *key_of(struct model *model, const struct model_request *request)
{
    if (request->key != 0)
        return &model->keys[request->key % (MODEL_KEYS_MAX / 2)];
    if ((request->type == MODEL_RESERVE || request->type == MODEL_HOLD) && request->has_own_id)
        return &model->keys[MODEL_KEYS_MAX / 2 + request->reservation % (MODEL_KEYS_MAX / 2)];
    return NULL;
}

void model_ask(struct model *model, const struct model_request *request, uint32_t number, int64_t now_us,
               struct model_answer *out)
{
    struct model_key *key = key_of(model, request);
    *out = (struct model_answer){ .status = 200,
                                  .expires_us = MODEL_NEVER,
                                  .reservation = request->reservation };
    if (now_us > model->now_us)
        model->now_us = now_us;
    if (key != NULL && model_key_is_known(model, key)) {
        out->is_repeat = key->request == number + 1;
        if (!out->is_repeat)
            model_refuse(out, 422, "idempotency_mismatch");
        else if (request->type == MODEL_HOLD || request->type == MODEL_REPLACE)
            model_promise_view(model, request->reservation, out);
        return;
    }
    decide(model, request, out);
    bool is_kept = (out->code == NULL || out->status == 409) && !out->is_not_kept;
    if (key != NULL && is_kept) {
        *key = (struct model_key){ number + 1, model->now_us };
        out->record = MODEL_RECORD_YES;
    }
}

int64_t model_key_time_us(const struct model *model, uint32_t key)
{
    const struct model_key *slot = &model->keys[key % (MODEL_KEYS_MAX / 2)];
    return slot->request == 0 ? MODEL_NEVER : slot->at_us;
}

int64_t model_next_expiry_us(const struct model *model, int64_t after_us)
{
    int64_t next_us = INT64_MAX;
    for (uint32_t i = 0; i < model->reservation_count; i++) {
        const struct model_reservation *reservation = &model->reservations[i];
        if (reservation->exists && reservation->expires_us > after_us && reservation->expires_us < next_us)
            next_us = reservation->expires_us;
    }
    return next_us;
}

const char *model_check(const struct model *model)
{
    for (uint32_t i = 0; i < model->claim_count; i++) {
        const struct model_claim *claim = &model->claims[i];
        if (claim->node == MODEL_NONE)
            continue;
        if (claim->held < 0 || claim->confirmed < 0 || claim->fulfilled < 0 || claim->released < 0)
            return "a part of a claim is below zero";
        if (claim->held + claim->confirmed + claim->fulfilled + claim->released + claim->expired !=
            claim->quantity)
            return "the parts of a claim are not the claim";
    }
    return NULL;
}
