#include "support/naive.h"
#include <math.h>
#include <string.h>

/* ---- Claims ----------------------------------------------------------------------------------- */

bool naive_is_due(const struct naive *naive, const struct naive_reservation *reservation)
{
    return reservation->expires_us != OH_TIME_US_NONE && reservation->expires_us <= naive->time_us;
}

/* What is claimed at a place, of one channel or (any) of all. A hold that is due counts for nothing. */
static void claimed_at(const struct naive *naive, uint32_t item, uint32_t node, bool any, uint32_t channel,
                       int64_t *out_held, int64_t *out_confirmed)
{
    *out_held = 0;
    *out_confirmed = 0;
    for (uint32_t i = 0; i < naive->live_count; i++) {
        const struct naive_reservation *reservation = &naive->reservations[naive->live[i]];
        if (!any && reservation->channel != channel)
            continue;
        for (uint32_t j = 0; j < reservation->claim_count; j++) {
            const struct naive_claim *claim = &reservation->claims[j];
            if (claim->item != item || claim->node != node)
                continue;
            *out_held += naive_is_due(naive, reservation) ? 0 : claim->held;
            *out_confirmed += claim->confirmed;
        }
    }
}

int64_t naive_fence_live(const struct naive *naive, const struct naive_fence *fence)
{
    int64_t held, confirmed;
    claimed_at(naive, fence->item, fence->node, false, fence->channel, &held, &confirmed);
    return held + confirmed;
}

void naive_pending_clear(struct naive *naive)
{
    naive->pending_count = 0;
}

void naive_pending_add(struct naive *naive, uint32_t item, uint32_t node, int64_t milli)
{
    naive->pending[naive->pending_count].item = item;
    naive->pending[naive->pending_count].node = node;
    naive->pending[naive->pending_count++].milli = milli;
}

static int64_t pending_at(const struct naive *naive, uint32_t item, uint32_t node)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < naive->pending_count; i++)
        sum += naive->pending[i].item == item && naive->pending[i].node == node ? naive->pending[i].milli : 0;
    return sum;
}

/* ---- Rules: the most specific scope that says the attribute wins ------------------------------- */

static const struct naive_rule *rule_of(const struct naive *naive, uint32_t attribute, uint32_t item, uint32_t node,
                                        uint32_t channel)
{
    for (uint32_t i = 0; i < naive->rule_count; i++) {
        const struct naive_rule *rule = &naive->rules[i];
        if (rule->exists && rule->item == item && rule->node == node && rule->channel == channel &&
            (rule->values.mask & attribute) != 0)
            return rule;
    }
    return NULL;
}

const struct naive_rule *naive_resolve(const struct naive *naive, uint32_t attribute, uint32_t item, uint32_t node,
                                       uint32_t channel)
{
    const uint32_t none = NAIVE_NONE;
    const struct { bool applies; uint32_t item, node, channel; } scopes[] = {
        { node != none, item, node, none }, { channel != none, item, none, channel }, { true, item, none, none },
        { node != none, none, node, none }, { channel != none, none, none, channel }, { true, none, none, none },
    };
    for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
        const struct naive_rule *rule =
            !scopes[i].applies
                ? NULL
                : rule_of(naive, attribute, scopes[i].item, scopes[i].node, scopes[i].channel);
        if (rule != NULL)
            return rule;
    }
    return NULL;
}

/* ---- One node --------------------------------------------------------------------------------- */

bool naive_group_has(const struct naive *naive, uint32_t group, uint32_t node)
{
    for (uint32_t i = 0; i < naive->groups[group].member_count; i++) {
        if (naive->groups[group].members[i].node == node)
            return true;
    }
    return false;
}

static bool channel_sees(const struct naive *naive, uint32_t number, uint32_t node)
{
    if (number == NAIVE_NONE)
        return true;
    const struct naive_channel *channel = &naive->channels[number];
    for (uint32_t i = 0; i < channel->node_count; i++) {
        if (channel->nodes[i] == node)
            return true;
    }
    for (uint32_t i = 0; i < channel->group_count; i++) {
        if (naive_group_has(naive, channel->groups[i], node))
            return true;
    }
    return channel->node_count == 0 && channel->group_count == 0;
}

enum oh_verdict naive_eligibility(const struct naive *naive, uint32_t item, uint32_t node, struct oh_asker asker)
{
    uint32_t channel = naive_channel_of(asker);
    const struct naive_rule *pickup = naive_resolve(naive, OH_RULE_PICKUP_ALLOWED, item, node, channel);
    const struct naive_rule *ship = naive_resolve(naive, OH_RULE_SHIP_ALLOWED, item, node, channel);
    bool can_collect = naive->nodes[node].collects && (pickup == NULL || pickup->values.pickup_allowed);
    bool can_ship = naive->nodes[node].ships && (ship == NULL || ship->values.ship_allowed);
    if (!naive->nodes[node].enabled)
        return OH_V_NODE_DISABLED;
    if (!channel_sees(naive, channel, node))
        return OH_V_NOT_IN_CHANNEL;
    if (asker.kind == OH_KIND_COLLECT && !can_collect)
        return OH_V_PICKUP_NOT_ALLOWED;
    if (asker.kind == OH_KIND_SHIP && !can_ship)
        return OH_V_SHIP_NOT_ALLOWED;
    return OH_OK_DONE;
}

struct set_aside { int64_t others, own; bool is_restricted; };

static struct set_aside fences_at(const struct naive *naive, uint32_t item, uint32_t node, uint32_t channel,
                                  int64_t pending)
{
    struct set_aside aside = { 0, 0, false };
    for (uint32_t i = 0; i < naive->fence_count; i++) {
        const struct naive_fence *fence = &naive->fences[i];
        if (!fence->exists || fence->item != item || fence->node != node)
            continue;
        int64_t unused = fence->milli - naive_fence_live(naive, fence);
        if (fence->channel != channel) {
            aside.others += naive_max(0, unused);
        } else {
            aside.own = naive_max(0, unused - pending);
            aside.is_restricted = fence->policy == OH_FENCE_RESTRICT;
        }
    }
    return aside;
}

/* ---- Claims on supplies to come (AT1, AT2) ---------------------------------------------------- */

static int64_t live_of(const struct naive *naive, const struct naive_reservation *reservation,
                       const struct naive_claim *claim)
{
    return (naive_is_due(naive, reservation) ? 0 : claim->held) + claim->confirmed;
}

/* What is claimed there to be taken after u_us; *next_us: the soonest of these times, or INT64_MAX. */
static int64_t due_after(const struct naive *naive, uint32_t item, uint32_t node, int64_t u_us, int64_t *next_us)
{
    int64_t sum = 0;
    *next_us = INT64_MAX;
    for (uint32_t i = 0; i < naive->live_count; i++) {
        const struct naive_reservation *reservation = &naive->reservations[naive->live[i]];
        for (uint32_t j = 0; j < reservation->claim_count; j++) {
            const struct naive_claim *claim = &reservation->claims[j];
            int64_t live = live_of(naive, reservation, claim);
            if (claim->item != item || claim->node != node || claim->due_us <= u_us || live == 0)
                continue;
            sum += live;
            *next_us = naive_min(*next_us, claim->due_us);
        }
    }
    return sum;
}

static int64_t supplied_by(const struct naive *naive, uint32_t item, uint32_t node, int64_t u_us)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < naive->supply_count; i++) {
        const struct naive_supply *supply = &naive->supplies[i];
        if (supply->exists && supply->item == item && supply->node == node && supply->eta_us > naive->time_us &&
            supply->eta_us <= u_us)
            sum += supply->milli;
    }
    return sum;
}

/* How much better it is than with every claim taken now and no supply: the least, over all times from by_us on. */
static int64_t relief(const struct naive *naive, uint32_t item, uint32_t node, int64_t by_us)
{
    int64_t least = INT64_MAX, next_us;
    for (int64_t u_us = by_us; u_us != INT64_MAX; u_us = next_us)
        least = naive_min(least, due_after(naive, item, node, u_us, &next_us) + supplied_by(naive, item, node, u_us));
    return least;
}

struct naive_offer naive_offer(const struct naive *naive, uint32_t item, uint32_t node, struct oh_asker asker)
{
    uint32_t channel = naive_channel_of(asker);
    enum oh_verdict reason = naive_eligibility(naive, item, node, asker);
    if (reason != OH_OK_DONE)
        return (struct naive_offer){ 0, 0, reason };
    int64_t held, confirmed;
    int64_t pending = pending_at(naive, item, node);
    claimed_at(naive, item, node, true, 0, &held, &confirmed);
    struct set_aside aside = fences_at(naive, item, node, channel, pending);
    const struct naive_rule *safety = naive_resolve(naive, OH_RULE_SAFETY_STOCK, item, node, channel);
    const struct naive_rule *limit = naive_resolve(naive, OH_RULE_BACKORDER_LIMIT, item, node, channel);
    int64_t open = naive_quantity(naive, item, node, OH_STATE_SELLABLE) - held - confirmed - pending - aside.others +
                   relief(naive, item, node, naive_max(naive->time_us, asker.by_us));
    int64_t free = naive_max(0, open - (safety == NULL ? 0 : safety->values.safety_stock_milli));
    if (aside.is_restricted)
        return (struct naive_offer){ naive_min(free, aside.own), 0, OH_OK_DONE };
    int64_t below = limit == NULL ? 0 : limit->values.backorder_limit_milli;
    return (struct naive_offer){ free, below == 0 ? 0 : naive_max(0, open + below - free), OH_OK_DONE };
}

int64_t naive_atp(const struct naive *naive, uint32_t item, uint32_t node, struct oh_asker asker, int64_t by_us)
{
    asker.by_us = by_us;
    return naive_offer(naive, item, node, asker).free;
}

/* ---- Sums and answers ------------------------------------------------------------------------- */

static struct naive_offer total_of(const struct naive *naive, uint32_t item, uint32_t group, struct oh_asker asker)
{
    struct naive_offer sum = { 0, 0, OH_OK_DONE };
    for (uint32_t node = 0; node < naive->node_count; node++) {
        if (group != NAIVE_NONE && !naive_group_has(naive, group, node))
            continue;
        struct naive_offer offer = naive_offer(naive, item, node, asker);
        sum.free += offer.free;
        sum.backorder += offer.backorder;
    }
    return sum;
}

int64_t naive_allowance(const struct naive *naive, uint32_t item, struct oh_asker asker)
{
    uint32_t channel = naive_channel_of(asker);
    const struct naive_rule *rule =
        channel == NAIVE_NONE ? NULL : naive_resolve(naive, OH_RULE_THRESHOLD, item, NAIVE_NONE, channel);
    if (rule == NULL || rule->values.threshold_milli == 0)
        return INT64_MAX;
    return naive_max(0, total_of(naive, item, NAIVE_NONE, asker).free - rule->values.threshold_milli);
}

/* The soonest supply to come at the nodes; of several at that time, all of them. */
static void supply_answer(const struct naive *naive, uint32_t item, bool (*counts)(const struct naive *, uint32_t,
                          uint32_t), uint32_t where, struct oh_asker asker, struct oh_availability *out)
{
    int64_t after_us = naive_max(naive->time_us, asker.by_us);
    for (uint32_t i = 0; i < naive->supply_count; i++) {
        const struct naive_supply *supply = &naive->supplies[i];
        if (!supply->exists || supply->item != item || supply->eta_us <= after_us ||
            !counts(naive, where, supply->node))
            continue;
        if (out->supply_eta_us == OH_TIME_US_NONE || supply->eta_us < out->supply_eta_us) {
            out->supply_eta_us = supply->eta_us;
            out->supply_milli = 0;
        }
        out->supply_milli += supply->eta_us == out->supply_eta_us ? supply->milli : 0;
    }
}

static enum oh_band band_of(const struct naive *naive, uint32_t item, uint32_t node, uint32_t channel,
                            const struct oh_availability *availability)
{
    const struct naive_rule *low = naive_resolve(naive, OH_RULE_LOW_STOCK, item, node, channel);
    const struct naive_rule *preorder = naive_resolve(naive, OH_RULE_PREORDER, item, node, channel);
    int64_t low_milli = low == NULL ? 0 : low->values.low_stock_milli;
    if (availability->available_milli > low_milli)
        return OH_BAND_IN_STOCK;
    if (availability->available_milli > 0)
        return OH_BAND_LOW_STOCK;
    if (availability->backorder_milli > 0)
        return OH_BAND_BACKORDER;
    if (preorder != NULL && preorder->values.preorder && availability->supply_eta_us != OH_TIME_US_NONE &&
        availability->reason == OH_OK_DONE)
        return OH_BAND_PREORDER;
    return OH_BAND_OUT_OF_STOCK;
}

static void answer_fill(const struct naive *naive, uint32_t item, uint32_t node, struct oh_asker asker,
                        struct naive_offer offer, struct oh_availability *out)
{
    uint32_t channel = naive_channel_of(asker);
    *out = (struct oh_availability){
        .available_milli = naive_min(offer.free, naive_allowance(naive, item, asker)),
        .backorder_milli = offer.backorder,
        .reason = offer.reason,
        .supply_eta_us = OH_TIME_US_NONE,
    };
    if (node != NAIVE_NONE) {
        const struct naive_rule *safety = naive_resolve(naive, OH_RULE_SAFETY_STOCK, item, node, channel);
        const struct naive_rule *limit = naive_resolve(naive, OH_RULE_BACKORDER_LIMIT, item, node, channel);
        out->safety_stock_milli = safety == NULL ? 0 : safety->values.safety_stock_milli;
        out->safety_stock_rule = safety == NULL ? OH_BYTES_NONE : safety->id;
        out->backorder_rule = limit == NULL ? OH_BYTES_NONE : limit->id;
    }
    const struct naive_rule *threshold =
        channel == NAIVE_NONE ? NULL : naive_resolve(naive, OH_RULE_THRESHOLD, item, NAIVE_NONE, channel);
    out->threshold_milli = threshold == NULL ? 0 : threshold->values.threshold_milli;
    out->threshold_rule = threshold == NULL ? OH_BYTES_NONE : threshold->id;
}

static bool is_that_node(const struct naive *naive, uint32_t where, uint32_t node)
{
    (void)naive;
    return where == node;
}

void naive_at_node(const struct naive *naive, uint32_t item, uint32_t node, struct oh_asker asker,
                   struct oh_availability *out)
{
    answer_fill(naive, item, node, asker, naive_offer(naive, item, node, asker), out);
    supply_answer(naive, item, is_that_node, node, asker, out);
    out->band = band_of(naive, item, node, naive_channel_of(asker), out);
}

void naive_in_group(const struct naive *naive, uint32_t item, uint32_t group, struct oh_asker asker,
                    struct oh_availability *out)
{
    answer_fill(naive, item, NAIVE_NONE, asker, total_of(naive, item, group, asker), out);
    supply_answer(naive, item, naive_group_has, group, asker, out);
    out->band = band_of(naive, item, NAIVE_NONE, naive_channel_of(asker), out);
}

void naive_in_channel(const struct naive *naive, uint32_t item, struct oh_asker asker, struct oh_availability *out)
{
    uint32_t channel = naive_channel_of(asker);
    answer_fill(naive, item, NAIVE_NONE, asker, total_of(naive, item, NAIVE_NONE, asker), out);
    supply_answer(naive, item, channel_sees, channel, asker, out);
    out->band = band_of(naive, item, NAIVE_NONE, channel, out);
}

void naive_position(const struct naive *naive, uint32_t item, uint32_t node, struct oh_position_view *out_view)
{
    const struct oh_asker nobody = { .channel = { OH_NODE_NONE }, .kind = OH_KIND_ANY };
    const struct naive_place *place = naive_place_find(naive, item, node);
    const struct naive_rule *safety = naive_resolve(naive, OH_RULE_SAFETY_STOCK, item, node, NAIVE_NONE);
    *out_view = (struct oh_position_view){ .item = { item }, .node = { (uint16_t)node },
                                           .as_of_us = OH_TIME_US_NONE };
    for (uint32_t state = 0; state < OH_STATE_COUNT; state++) {
        out_view->states_milli[state] = naive_quantity(naive, item, node, (enum oh_state)state);
        out_view->on_hand_milli += out_view->states_milli[state];
    }
    claimed_at(naive, item, node, true, 0, &out_view->held_milli, &out_view->confirmed_milli);
    out_view->safety_stock_milli = safety == NULL ? 0 : safety->values.safety_stock_milli;
    out_view->fenced_milli = fences_at(naive, item, node, NAIVE_NONE, 0).others;
    out_view->available_milli = naive_offer(naive, item, node, nobody).free;
    int64_t claimed = out_view->held_milli + out_view->confirmed_milli;
    out_view->short_milli =
        claimed == 0 ? 0 : naive_max(0, claimed - out_view->states_milli[OH_STATE_SELLABLE]);
    for (uint32_t i = 0; place != NULL && i < place->states[OH_STATE_SELLABLE].count; i++) {
        const struct naive_fact *fact = &place->states[OH_STATE_SELLABLE].list[i];
        if (fact->is_count)
            out_view->as_of_us = naive_max(out_view->as_of_us, fact->at_us);
    }
}

/* ---- On the map ------------------------------------------------------------------------------- */

double naive_distance_km(struct oh_point a, struct oh_point b)
{
    const double radians = 0.017453292519943295;
    double rise = sin((b.latitude - a.latitude) * radians / 2);
    double turn = sin((b.longitude - a.longitude) * radians / 2);
    double haversine = rise * rise + cos(a.latitude * radians) * cos(b.latitude * radians) * turn * turn;
    return 2 * 6371.0088 * asin(sqrt(haversine > 1 ? 1 : haversine));
}

uint32_t naive_near(const struct naive *naive, uint32_t item, const struct oh_near *near, struct oh_asker asker,
                    int64_t least_milli, uint32_t rows_max, struct oh_near_row *out_rows)
{
    struct oh_near_row rows[NAIVE_MANY];
    uint32_t count = 0;
    int64_t allowance = naive_allowance(naive, item, asker);
    for (uint32_t node = 0; node < naive->node_count; node++) {
        int64_t milli = naive_min(naive_offer(naive, item, node, asker).free, allowance);
        double km = naive_distance_km(naive->nodes[node].point, near->point);
        if (!naive->nodes[node].has_point || (near->radius_km > 0 && km > near->radius_km) ||
            milli < naive_max(1, least_milli))
            continue;
        uint32_t at = count++;
        for (; at > 0 && rows[at - 1].distance_km > km; at--)
            rows[at] = rows[at - 1];
        rows[at] = (struct oh_near_row){ { (uint16_t)node }, km, milli };
    }
    count = count < rows_max ? count : rows_max;
    memcpy(out_rows, rows, count * sizeof(*rows));
    return count;
}
