/*
 * availability.c - the one function that says what is available, to a
 * question and to a reservation alike (docs/spec/ledger.md, L5).
 *
 * Everything is computed from the positions each time it is asked. A hold
 * that is due counts for nothing, whether its expiry is written or not.
 */
#include "core/state.h"

/* ---- What the command being decided has claimed so far ---------------------------------------- */

void pending_begin(struct oh_ledger *ledger)
{
    ledger->pending_count = 0;
    if (++ledger->pending_stamp == 0) {
        memset(ledger->pending, 0, PENDING_SLOTS * sizeof(*ledger->pending));
        ledger->pending_stamp = 1;
    }
}

static struct pending_entry *pending_slot(const struct oh_ledger *ledger, uint32_t item, uint16_t node)
{
    uint32_t at = (item * 0x9e3779b1u ^ node * 0x85ebca6bu) >> 7;
    for (;; at++) {
        struct pending_entry *entry = &ledger->pending[at % PENDING_SLOTS];
        if (entry->stamp != ledger->pending_stamp || (entry->item == item && entry->node == node))
            return entry;
    }
}

bool pending_is_first(struct oh_ledger *ledger, uint64_t hash)
{
    uint32_t before = ledger->pending_count;
    pending_add(ledger, (uint32_t)hash, (uint16_t)(hash >> 32), 0);
    return ledger->pending_count > before;
}

void pending_add(struct oh_ledger *ledger, uint32_t item, uint16_t node, int64_t claimed_milli)
{
    struct pending_entry *entry = pending_slot(ledger, item, node);
    if (entry->stamp != ledger->pending_stamp) {
        OH_ASSERT(ledger->pending_count < PENDING_SLOTS / 2);
        *entry = (struct pending_entry){ ledger->pending_stamp, item, node, 0 };
        ledger->pending_count++;
    }
    entry->claimed_milli += claimed_milli;
}

static int64_t pending_claimed(const struct oh_ledger *ledger, uint32_t item, uint16_t node)
{
    if (ledger->pending_count == 0)
        return 0;
    const struct pending_entry *entry = pending_slot(ledger, item, node);
    return entry->stamp == ledger->pending_stamp ? entry->claimed_milli : 0;
}

/* ---- Holds that are due ----------------------------------------------------------------------- */

static bool holds_are_due(const struct oh_ledger *ledger, int64_t now_us)
{
    return ledger->heap_count > 0 && ledger->heap[0].at_us <= now_us;
}

static bool claim_is_of(const struct oh_ledger *ledger, uint32_t slot, uint32_t of)
{
    const struct claim *claim = &ledger->claims[slot];
    if (of >= DUE_OF_DEFERRAL)
        return ledger->deferred[slot] == link_of(of - DUE_OF_DEFERRAL);
    return of == DUE_OF_ANY || ledger->reservations[claim->reservation].channel == of;
}

static struct due due_sum(const struct oh_ledger *ledger, const struct extra *extra, uint32_t of, int64_t now_us)
{
    struct due due = { .claims_version = ledger->claims_version, .from_us = now_us, .until_us = INT64_MAX };
    for (uint32_t link = extra->claims_head; link != 0; link = ledger->claims[link - 1].position_next) {
        const struct claim *claim = &ledger->claims[link - 1];
        const struct reservation *reservation = &ledger->reservations[claim->reservation];
        if (reservation_is_due(reservation, now_us) && claim_is_of(ledger, link - 1, of))
            due.held_milli += claim_held_milli(ledger, claim);
        if (reservation->expires_at_us > now_us) /* "none" is before any time */
            due.until_us = oh_min_i64(due.until_us, reservation->expires_at_us);
    }
    return due;
}

/*
 * While ends cannot be written, on a full disk, a hot position may have any number of holds that are due. Who asks next
 * has the sum that was made before, until a claim changes or one more hold of the position is due.
 */
int64_t held_due_of(const struct oh_ledger *ledger, const struct position *position, uint32_t of, int64_t now_us)
{
    if (!holds_are_due(ledger, now_us)) /* as it mostly is: then the extra part, far away, is not looked at */
        return 0;
    const struct extra *extra = extra_of(ledger, position);
    if (extra == NULL || extra->held_milli == 0)
        return 0;
    uint64_t key = (uint64_t)(position - ledger->positions) << 32 | of;
    struct due *due = &ledger->dues[key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - DUES_BITS)];
    bool is_known = due->claims_version == ledger->claims_version && due->key == key && due->from_us <= now_us &&
                    now_us < due->until_us;
    if (!is_known) {
        *due = due_sum(ledger, extra, of, now_us);
        due->key = key;
    }
    return due->held_milli;
}

int64_t held_due_milli(const struct oh_ledger *ledger, const struct position *position, int64_t now_us)
{
    return held_due_of(ledger, position, DUE_OF_ANY, now_us);
}

/* ---- One node --------------------------------------------------------------------------------- */

enum oh_verdict node_eligibility(const struct oh_ledger *ledger, uint32_t item, uint16_t node, struct oh_asker asker)
{
    const struct node *at = &ledger->nodes[node];
    if (!at->enabled)
        return OH_V_NODE_DISABLED;
    if (!channel_has_node(ledger, asker.channel.index, node))
        return OH_V_NOT_IN_CHANNEL;
    if (asker.kind == OH_KIND_COLLECT) {
        const struct rule *rule = rule_resolve(ledger, OH_RULE_PICKUP_ALLOWED, item, node, asker.channel.index);
        if (!at->collects || (rule != NULL && !rule->values.pickup_allowed))
            return OH_V_PICKUP_NOT_ALLOWED;
    }
    if (asker.kind == OH_KIND_SHIP) {
        const struct rule *rule = rule_resolve(ledger, OH_RULE_SHIP_ALLOWED, item, node, asker.channel.index);
        if (!at->ships || (rule != NULL && !rule->values.ship_allowed))
            return OH_V_SHIP_NOT_ALLOWED;
    }
    return OH_OK_DONE;
}

struct fenced { int64_t others_milli; int64_t own_milli; bool is_restricted; };

/* The unused part of the fences at a position: the other channels', and the asker's own. */
static struct fenced fences_of(const struct oh_ledger *ledger, const struct position *position, uint16_t channel,
                               int64_t pending_milli, int64_t now_us)
{
    struct fenced fenced = { 0, 0, false };
    if ((position->extra & EXTRA_IS_FENCED) == 0)
        return fenced;
    for (uint32_t link = rare_of(ledger, position)->fences; link != 0; link = ledger->fences[link - 1].next) {
        const struct fence *fence = &ledger->fences[link - 1];
        bool is_own = fence->channel == channel;
        int64_t live = fence->live_milli - held_due_of(ledger, position, fence->channel, now_us);
        int64_t unused = oh_max_i64(0, fence->quantity_milli - live - (is_own ? pending_milli : 0));
        if (is_own) {
            fenced.own_milli = unused;
            fenced.is_restricted = fence->policy == OH_FENCE_RESTRICT;
        } else {
            fenced.others_milli += unused;
        }
    }
    return fenced;
}

static int64_t rule_safety_stock(const struct oh_ledger *ledger, uint32_t item, uint16_t node, uint16_t channel,
                                 const struct rule **out_rule)
{
    *out_rule = rule_resolve(ledger, OH_RULE_SAFETY_STOCK, item, node, channel);
    return *out_rule == NULL ? 0 : (*out_rule)->values.safety_stock_milli;
}

static int64_t rule_backorder_limit(const struct oh_ledger *ledger, uint32_t item, uint16_t node, uint16_t channel,
                                    const struct rule **out_rule)
{
    *out_rule = rule_resolve(ledger, OH_RULE_BACKORDER_LIMIT, item, node, channel);
    return *out_rule == NULL ? 0 : (*out_rule)->values.backorder_limit_milli;
}

static const struct position NO_POSITION = { 0, 0, OH_TIME_US_NONE, 0, 0 };

/*
 * What there is now, or by the later time that is asked for (AT1).
 *
 * ATS = sellable - held - confirmed - others' unused fences - safety stock.
 * The backorder limit is how far below zero the position may be sold; safety
 * stock guards what is there, so it does not shrink what is not.
 */
struct offer offer_of_eligible(const struct oh_ledger *ledger, uint32_t item, uint16_t node, uint32_t slot,
                               struct oh_asker asker, int64_t now_us)
{
    const struct position *position = slot == NO_SLOT ? &NO_POSITION : &ledger->positions[slot];
    uint16_t channel = asker.channel.index;
    const struct rule *rule;
    int64_t pending = pending_claimed(ledger, item, node);
    struct fenced fenced = fences_of(ledger, position, channel, pending, now_us);
    int64_t open = position->sellable_milli - position->claimed_milli + held_due_milli(ledger, position, now_us) -
                   pending - fenced.others_milli;
    if (asker.by_us > now_us)
        open += deferral_relief(ledger, position, asker.by_us, now_us);
    else if ((position->extra & EXTRA_IS_DEFERRED) != 0)
        open += deferral_relief(ledger, position, now_us, now_us);
    int64_t free = oh_max_i64(0, open - rule_safety_stock(ledger, item, node, channel, &rule));
    int64_t limit = rule_backorder_limit(ledger, item, node, channel, &rule);
    if (fenced.is_restricted)
        return (struct offer){ oh_min_i64(free, fenced.own_milli), 0, OH_OK_DONE };
    int64_t backorder = limit == 0 ? 0 : oh_max_i64(0, open + limit - free);
    return (struct offer){ free, backorder, OH_OK_DONE };
}

struct offer offer_at_slot(const struct oh_ledger *ledger, uint32_t item, uint16_t node, uint32_t slot,
                           struct oh_asker asker, int64_t now_us)
{
    enum oh_verdict reason = node_eligibility(ledger, item, node, asker);
    if (reason != OH_OK_DONE)
        return (struct offer){ 0, 0, reason };
    return offer_of_eligible(ledger, item, node, slot, asker, now_us);
}

struct offer offer_at_node(const struct oh_ledger *ledger, uint32_t item, uint16_t node, struct oh_asker asker,
                           int64_t now_us)
{
    return offer_at_slot(ledger, item, node, position_find(ledger, item, node), asker, now_us);
}

int64_t atp_at_node(const struct oh_ledger *ledger, uint32_t item, uint16_t node, struct oh_asker asker, int64_t by_us,
                    int64_t now_us)
{
    asker.by_us = by_us;
    return offer_at_node(ledger, item, node, asker, now_us).free_milli;
}

/* ---- Sums ------------------------------------------------------------------------------------- */

/* Nodes nobody stocked matter only where something may be sold without stock. */
static bool unstocked_matter(const struct oh_ledger *ledger)
{
    return (ledger->rule_mask & OH_RULE_BACKORDER_LIMIT) != 0;
}

static void sum_add(struct offer *sum, struct offer offer)
{
    sum->free_milli += offer.free_milli;
    sum->backorder_milli += offer.backorder_milli;
}

#define NO_GROUP UINT32_MAX

static struct offer sum_over_positions(const struct oh_ledger *ledger, uint32_t item_slot, uint32_t group,
                                       struct oh_asker asker, int64_t now_us)
{
    const struct item *item = &ledger->items[item_slot];
    const uint16_t *nodes = item_node_list(ledger, item);
    const uint32_t *positions = item_positions(ledger, item);
    struct offer sum = { 0, 0, OH_OK_DONE };
    for (uint32_t i = 0; i < item->node_count; i++) {
        if (group == NO_GROUP || group_has_node(ledger, group, nodes[i]))
            sum_add(&sum, offer_at_slot(ledger, item_slot, nodes[i], positions[i], asker, now_us));
    }
    return sum;
}

static struct offer sum_over_group(const struct oh_ledger *ledger, uint32_t item, uint32_t group,
                                   struct oh_asker asker, int64_t now_us)
{
    const struct group *of = &ledger->groups[group];
    if (!unstocked_matter(ledger) && ledger->items[item].node_count < of->node_count * 4)
        return sum_over_positions(ledger, item, group, asker, now_us);
    const uint16_t *nodes = group_nodes(ledger, of);
    struct offer sum = { 0, 0, OH_OK_DONE };
    for (uint32_t i = 0; i < of->node_count; i++)
        sum_add(&sum, offer_at_node(ledger, item, nodes[i], asker, now_us));
    return sum;
}

static struct offer sum_over_channel(const struct oh_ledger *ledger, uint32_t item, struct oh_asker asker,
                                     int64_t now_us)
{
    if (!unstocked_matter(ledger))
        return sum_over_positions(ledger, item, NO_GROUP, asker, now_us);
    struct offer sum = { 0, 0, OH_OK_DONE };
    for (uint32_t node = 0; node < ledger->node_count; node++)
        sum_add(&sum, offer_at_node(ledger, item, (uint16_t)node, asker, now_us));
    return sum;
}

static int64_t channel_threshold(const struct oh_ledger *ledger, uint32_t item, uint16_t channel,
                                 const struct rule **out_rule)
{
    *out_rule = channel == OH_NODE_NONE
                    ? NULL
                    : rule_resolve(ledger, OH_RULE_THRESHOLD, item, OH_NODE_NONE, channel);
    return *out_rule == NULL ? 0 : (*out_rule)->values.threshold_milli;
}

int64_t channel_allowance(const struct oh_ledger *ledger, uint32_t item, struct oh_asker asker, int64_t now_us)
{
    const struct rule *rule;
    int64_t threshold = channel_threshold(ledger, item, asker.channel.index, &rule);
    if (threshold == 0)
        return INT64_MAX;
    return oh_max_i64(0, sum_over_channel(ledger, item, asker, now_us).free_milli - threshold);
}

/* ---- Answers ---------------------------------------------------------------------------------- */

/* What comes next; of several supplies at one time all, so that their order does not matter. */
static void supply_next(const struct oh_ledger *ledger, uint32_t slot, int64_t after_us, struct oh_availability *out)
{
    const struct rare *rare = slot == NO_SLOT ? NULL : rare_of(ledger, &ledger->positions[slot]);
    if (rare == NULL)
        return;
    for (uint32_t link = rare->supplies; link != 0; link = ledger->supplies[link - 1].next) {
        const struct supply *supply = &ledger->supplies[link - 1];
        if (supply->eta_us <= after_us)
            continue;
        if (out->supply_eta_us == OH_TIME_US_NONE || supply->eta_us < out->supply_eta_us) {
            out->supply_eta_us = supply->eta_us;
            out->supply_milli = 0;
        }
        if (supply->eta_us == out->supply_eta_us)
            out->supply_milli += supply->quantity_milli;
    }
}

static enum oh_band band_of(const struct oh_ledger *ledger, uint32_t item, uint16_t node, uint16_t channel,
                            const struct oh_availability *availability)
{
    if (availability->available_milli > 0) {
        const struct rule *low = rule_resolve(ledger, OH_RULE_LOW_STOCK, item, node, channel);
        bool is_low = low != NULL && availability->available_milli <= low->values.low_stock_milli;
        return is_low ? OH_BAND_LOW_STOCK : OH_BAND_IN_STOCK;
    }
    if (availability->backorder_milli > 0)
        return OH_BAND_BACKORDER;
    const struct rule *preorder = rule_resolve(ledger, OH_RULE_PREORDER, item, node, channel);
    bool is_to_come = availability->supply_eta_us != OH_TIME_US_NONE && availability->reason == OH_OK_DONE;
    if (preorder != NULL && preorder->values.preorder && is_to_come)
        return OH_BAND_PREORDER;
    return OH_BAND_OUT_OF_STOCK;
}

static struct oh_bytes rule_id(const struct oh_ledger *ledger, const struct rule *rule)
{
    return rule == NULL ? OH_BYTES_NONE : ledger_string(ledger, rule->text, 0);
}

static void answer_rules(const struct oh_ledger *ledger, uint32_t item, uint16_t node, uint16_t channel,
                         struct oh_availability *out)
{
    const struct rule *rule;
    if (node != OH_NODE_NONE) {
        out->safety_stock_milli = rule_safety_stock(ledger, item, node, channel, &rule);
        out->safety_stock_rule = rule_id(ledger, rule);
        rule_backorder_limit(ledger, item, node, channel, &rule);
        out->backorder_rule = rule_id(ledger, rule);
    }
    out->threshold_milli = channel_threshold(ledger, item, channel, &rule);
    out->threshold_rule = rule_id(ledger, rule);
}

static int64_t question_time(const struct oh_ledger *ledger, int64_t now_us)
{
    return oh_max_i64(ledger->time_us, now_us);
}

static void answer_fill(const struct oh_ledger *ledger, uint32_t item, uint16_t node, struct oh_asker asker,
                        struct offer offer, int64_t now_us, struct oh_availability *out)
{
    uint16_t channel = asker.channel.index;
    *out = (struct oh_availability){
        .available_milli = oh_min_i64(offer.free_milli, channel_allowance(ledger, item, asker, now_us)),
        .backorder_milli = offer.backorder_milli,
        .reason = offer.reason,
        .supply_eta_us = OH_TIME_US_NONE,
    };
    if (ledger->rule_mask != 0)
        answer_rules(ledger, item, node, channel, out);
}

void oh_available_at_node(const struct oh_ledger *ledger, struct oh_item_id item, struct oh_node_id node,
                          struct oh_asker asker, int64_t now_us, struct oh_availability *out)
{
    OH_ASSERT(item.index < ledger->item_count && node.index < ledger->node_count);
    int64_t now = question_time(ledger, now_us);
    uint32_t slot = position_find(ledger, item.index, node.index);
    struct offer offer = offer_at_slot(ledger, item.index, node.index, slot, asker, now);
    answer_fill(ledger, item.index, node.index, asker, offer, now, out);
    if (ledger->supply_pool.live_count > 0)
        supply_next(ledger, slot, oh_max_i64(now, asker.by_us), out);
    out->band = band_of(ledger, item.index, node.index, asker.channel.index, out);
}

int64_t oh_atp_at_node(const struct oh_ledger *ledger, struct oh_item_id item, struct oh_node_id node,
                       struct oh_asker asker, int64_t by_us, int64_t now_us)
{
    OH_ASSERT(item.index < ledger->item_count && node.index < ledger->node_count);
    return atp_at_node(ledger, item.index, node.index, asker, by_us, question_time(ledger, now_us));
}

uint32_t oh_supply_times(const struct oh_ledger *ledger, struct oh_item_id item, struct oh_node_id node,
                         int64_t now_us, uint32_t times_max, int64_t *out_times_us)
{
    OH_ASSERT(item.index < ledger->item_count && node.index < ledger->node_count);
    uint32_t slot = position_find(ledger, item.index, node.index);
    const struct rare *rare = slot == NO_SLOT ? NULL : rare_of(ledger, &ledger->positions[slot]);
    uint32_t count = 0;
    for (uint32_t link = rare == NULL ? 0 : rare->supplies; link != 0; link = ledger->supplies[link - 1].next) {
        int64_t eta_us = ledger->supplies[link - 1].eta_us;
        uint32_t at = 0;
        while (at < count && out_times_us[at] < eta_us)
            at++;
        if (eta_us <= question_time(ledger, now_us) || at == times_max || (at < count && out_times_us[at] == eta_us))
            continue;
        count += count < times_max ? 1 : 0;
        memmove(&out_times_us[at + 1], &out_times_us[at], (count - 1 - at) * sizeof(*out_times_us));
        out_times_us[at] = eta_us;
    }
    return count;
}

void oh_available_in_group(const struct oh_ledger *ledger, struct oh_item_id item, struct oh_group_id group,
                           struct oh_asker asker, int64_t now_us, struct oh_availability *out)
{
    OH_ASSERT(item.index < ledger->item_count && group.index < ledger->group_count);
    int64_t now = question_time(ledger, now_us);
    struct offer sum = sum_over_group(ledger, item.index, group.index, asker, now);
    answer_fill(ledger, item.index, OH_NODE_NONE, asker, sum, now, out);
    const struct group *of = &ledger->groups[group.index];
    const uint16_t *nodes = group_nodes(ledger, of);
    for (uint32_t i = 0; i < of->node_count && ledger->supply_pool.live_count > 0; i++)
        supply_next(ledger, position_find(ledger, item.index, nodes[i]), oh_max_i64(now, asker.by_us), out);
    out->band = band_of(ledger, item.index, OH_NODE_NONE, asker.channel.index, out);
}

void oh_available_in_channel(const struct oh_ledger *ledger, struct oh_item_id item, struct oh_asker asker,
                             int64_t now_us, struct oh_availability *out)
{
    OH_ASSERT(item.index < ledger->item_count && asker.channel.index < ledger->channel_count);
    int64_t now = question_time(ledger, now_us);
    struct offer sum = sum_over_channel(ledger, item.index, asker, now);
    answer_fill(ledger, item.index, OH_NODE_NONE, asker, sum, now, out);
    const struct item *of = &ledger->items[item.index];
    const uint16_t *nodes = item_node_list(ledger, of);
    const uint32_t *slots = item_positions(ledger, of);
    for (uint32_t i = 0; i < of->node_count && ledger->supply_pool.live_count > 0; i++) {
        if (channel_has_node(ledger, asker.channel.index, nodes[i]))
            supply_next(ledger, slots[i], oh_max_i64(now, asker.by_us), out);
    }
    out->band = band_of(ledger, item.index, OH_NODE_NONE, asker.channel.index, out);
}

/* What is left for nobody in particular, and by how much claims exceed what is there. */
struct left left_at_slot(const struct oh_ledger *ledger, uint32_t item, uint16_t node, uint32_t slot, int64_t now_us)
{
    const struct position *position = slot == NO_SLOT ? &NO_POSITION : &ledger->positions[slot];
    struct oh_asker nobody = { .channel = { OH_NODE_NONE }, .kind = OH_KIND_ANY };
    int64_t claimed = position->claimed_milli - held_due_milli(ledger, position, now_us);
    return (struct left){
        .available_milli = offer_at_slot(ledger, item, node, slot, nobody, now_us).free_milli,
        .short_milli = claimed > 0 ? oh_max_i64(0, claimed - position->sellable_milli) : 0,
    };
}

void oh_position_get(const struct oh_ledger *ledger, struct oh_item_id item, struct oh_node_id node, int64_t now_us,
                     struct oh_position_view *out_view)
{
    OH_ASSERT(item.index < ledger->item_count && node.index < ledger->node_count);
    int64_t now = question_time(ledger, now_us);
    uint32_t slot = position_find(ledger, item.index, node.index);
    const struct position *position = slot == NO_SLOT ? &NO_POSITION : &ledger->positions[slot];
    const struct extra *extra = extra_of(ledger, position);
    const struct rule *rule;
    struct left left = left_at_slot(ledger, item.index, node.index, slot, now);
    int64_t due = held_due_milli(ledger, position, now);
    *out_view = (struct oh_position_view){ .item = item, .node = node, .as_of_us = position->as_of_us };
    for (uint32_t i = 0; i < OH_STATE_COUNT; i++) {
        out_view->states_milli[i] = position_state_milli(ledger, position, (enum oh_state)i);
        out_view->on_hand_milli += out_view->states_milli[i];
    }
    int64_t held = extra == NULL ? 0 : extra->held_milli;
    out_view->held_milli = held - due;
    out_view->confirmed_milli = position->claimed_milli - held;
    out_view->safety_stock_milli = rule_safety_stock(ledger, item.index, node.index, OH_NODE_NONE, &rule);
    out_view->fenced_milli = fences_of(ledger, position, OH_NODE_NONE, 0, now).others_milli;
    out_view->available_milli = left.available_milli;
    out_view->short_milli = left.short_milli;
}
