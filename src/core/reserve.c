/*
 * reserve.c - deciding a reservation: which nodes each line is pinned to, and
 * whether everything fits, seen as one step.
 *
 * Lines are decided in order. What earlier lines took is pending, and counts
 * against what later lines are offered, so two lines on the same stock are
 * added up. Nothing is claimed before every line is decided (docs/spec/ledger.md, L17 to L25).
 */
#include "core/state.h"

#define RADIUS_KM_MAX 20100.0 /* half way around */

/* A line, with its names resolved (NO_SLOT: not named, or no position), and what of it can be had. */
struct wish {
    uint32_t item_hash, item, node, group, position;
    bool is_short;
    int64_t possible_milli;
};
struct pick { uint32_t line; uint32_t position; uint16_t node; int64_t quantity_milli; int64_t due_at_us; };

struct plan {
    struct oh_ledger *ledger;
    const struct oh_reserve_command *command;
    struct oh_answer *answer;
    struct oh_asker asker;
    enum oh_policy policy;
    int64_t now_us;
    struct oh_bytes id; /* as it was given, or a draft of one */
    struct id_key key;
    uint32_t stored; /* the reservation that has the id, if there is one: a forgotten one, once the id is settled */
    char *draft;
    struct wish *wishes;
    struct pick *picks;
    uint32_t pick_count;
    uint32_t short_line; /* the first line that cannot be had; OH_INDEX_NONE */
};

/* ---- Its id ----------------------------------------------------------------------------------- */

/* From the seq of the record, so that replay and people can place it, and how many ids it has made. */
static void id_draft(struct plan *plan)
{
    const struct oh_ledger *ledger = plan->ledger;
    uint64_t seq = ledger->record_is_open ? ledger->seq : ledger->seq + 1;
    plan->id = id_make(seq, ledger->record_ids, plan->draft);
    plan->key = id_key_made(seq, ledger->record_ids, plan->id);
}

static void id_begin(struct plan *plan)
{
    plan->draft = scratch_take(plan->ledger, ID_MADE_SIZE_MAX);
    plan->id = plan->command->id;
    if (plan->id.size > 0)
        plan->key = id_key(plan->id);
    else
        id_draft(plan);
}

static bool id_is_taken(struct plan *plan)
{
    const struct oh_ledger *ledger = plan->ledger;
    plan->stored = reservation_stored(ledger, plan->id, plan->key);
    return plan->stored != NO_SLOT &&
           !reservation_is_forgotten(ledger, &ledger->reservations[plan->stored], ledger->time_us);
}

/* ---- The request itself ----------------------------------------------------------------------- */

static uint32_t channel_find_recent_first(struct oh_ledger *ledger, struct oh_bytes name)
{
    uint32_t recent = ledger->recent_channel;
    bool is_there = recent < ledger->channel_count;
    if (is_there && names_are_equal(ledger_string(ledger, ledger->channels[recent].text, 0), name))
        return recent;
    uint32_t slot = channel_find(ledger, name);
    ledger->recent_channel = slot;
    return slot;
}

static enum oh_verdict head_judge(struct plan *plan)
{
    const struct oh_reserve_command *command = plan->command;
    struct oh_answer *answer = plan->answer;
    if (command->id.size > 0 && !id_is_valid(command->id))
        return refuse(answer, OH_V_INVALID_ID, OH_FIELD_ID, OH_INDEX_NONE);
    if (command->kind <= OH_KIND_ANY || command->kind > OH_KIND_TRANSFER)
        return refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_KIND, OH_INDEX_NONE);
    if (!text_is_valid(command->customer, OH_ID_SIZE_MAX))
        return refuse(answer, OH_V_INVALID_ID, OH_FIELD_CUSTOMER, OH_INDEX_NONE);
    if (!text_is_valid(command->order, OH_ID_SIZE_MAX))
        return refuse(answer, OH_V_INVALID_ID, OH_FIELD_ORDER, OH_INDEX_NONE);
    if (command->ttl_us < 0 || command->ttl_us > OH_TTL_US_MAX)
        return refuse(answer, OH_V_INVALID_TIME, OH_FIELD_TTL, OH_INDEX_NONE);
    if (command->near.is_set &&
        (!point_is_valid(command->near.point) || !(command->near.radius_km <= RADIUS_KM_MAX)))
        return refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_NEAR, OH_INDEX_NONE);
    if (command->line_count == 0 || command->line_count > OH_LINES_MAX)
        return refuse(answer, OH_V_TOO_MANY, OH_FIELD_LINES, OH_INDEX_NONE);
    uint32_t channel = OH_NODE_NONE;
    if (command->channel.size > 0 && (channel = channel_find_recent_first(plan->ledger, command->channel)) == NO_SLOT)
        return refuse(answer, OH_V_UNKNOWN_CHANNEL, OH_FIELD_CHANNEL, OH_INDEX_NONE);
    plan->asker = (struct oh_asker){ .channel = { (uint16_t)channel }, .kind = command->kind };
    plan->policy = channel == OH_NODE_NONE ? OH_POLICY_PRIORITY : plan->ledger->channels[channel].policy;
    return OH_OK_DONE;
}

/* Numbers that rise, as they mostly do, are told apart at once. */
static bool line_number_is_new(const struct oh_reserve_command *command, uint32_t i, bool *rises)
{
    uint32_t line = command->lines[i].line;
    *rises = *rises && (i == 0 || command->lines[i - 1].line < line);
    for (uint32_t j = 0; !*rises && j < i; j++) {
        if (command->lines[j].line == line)
            return false;
    }
    return true;
}

static enum oh_verdict wish_resolve(struct plan *plan, uint32_t i)
{
    const struct oh_reserve_line *line = &plan->command->lines[i];
    struct wish *wish = &plan->wishes[i];
    *wish = (struct wish){ wish->item_hash, NO_SLOT, NO_SLOT, NO_SLOT, NO_SLOT, false, 0 };
    if (line->line == 0 || line->line > INT32_MAX)
        return refuse(plan->answer, OH_V_INVALID_VALUE, OH_FIELD_LINE, i);
    if (line->node.size > 0)
        wish->node = node_find(plan->ledger, line->node); /* first: it is mostly at hand, and the item is not */
    wish->item = item_find_expecting(plan->ledger, line->sku, wish->item_hash, wish->node);
    if (wish->item == NO_SLOT)
        return refuse(plan->answer, OH_V_UNKNOWN_ITEM, OH_FIELD_SKU, i);
    if (line->node.size > 0 && line->group.size > 0)
        return refuse(plan->answer, OH_V_INVALID_VALUE, OH_FIELD_GROUP, i);
    if (line->node.size > 0 && wish->node == NO_SLOT)
        return refuse(plan->answer, OH_V_UNKNOWN_NODE, OH_FIELD_NODE, i);
    if (line->group.size > 0 && (wish->group = group_find(plan->ledger, line->group)) == NO_SLOT)
        return refuse(plan->answer, OH_V_UNKNOWN_GROUP, OH_FIELD_GROUP, i);
    if (line->quantity_milli <= 0 || line->quantity_milli > OH_QUANTITY_MILLI_MAX)
        return refuse(plan->answer, OH_V_INVALID_QUANTITY, OH_FIELD_QUANTITY, i);
    return OH_OK_DONE;
}

enum oh_verdict quantity_judge(const struct oh_ledger *ledger, uint32_t item, uint16_t node, uint16_t channel,
                               int64_t quantity_milli)
{
    if ((ledger->rule_mask & (OH_RULE_MIN_QUANTITY | OH_RULE_MAX_QUANTITY | OH_RULE_INCREMENT)) == 0)
        return OH_OK_DONE; /* no rule says anything of it */
    const struct rule *least = rule_resolve(ledger, OH_RULE_MIN_QUANTITY, item, node, channel);
    if (least != NULL && quantity_milli < least->values.min_quantity_milli)
        return OH_V_BELOW_MINIMUM;
    const struct rule *most = rule_resolve(ledger, OH_RULE_MAX_QUANTITY, item, node, channel);
    if (most != NULL && quantity_milli > most->values.max_quantity_milli)
        return OH_V_ABOVE_MAXIMUM;
    const struct rule *increment = rule_resolve(ledger, OH_RULE_INCREMENT, item, node, channel);
    if (increment != NULL && quantity_milli % increment->values.increment_milli != 0)
        return OH_V_NOT_AN_INCREMENT;
    return OH_OK_DONE;
}

/* Whether the line may be asked at all, whatever the stock. */
static enum oh_verdict wish_judge(struct plan *plan, uint32_t i)
{
    struct wish *wish = &plan->wishes[i];
    uint16_t node = wish->node == NO_SLOT ? OH_NODE_NONE : (uint16_t)wish->node;
    enum oh_verdict verdict = quantity_judge(plan->ledger, wish->item, node, plan->asker.channel.index,
                                             plan->command->lines[i].quantity_milli);
    if (verdict != OH_OK_DONE)
        return refuse(plan->answer, verdict, OH_FIELD_QUANTITY, i);
    if (node == OH_NODE_NONE && (plan->command->pick_count > 0 || plan->command->refusal != OH_OK_DONE))
        return OH_OK_DONE;
    if (node == OH_NODE_NONE) {
        if (plan->policy == OH_POLICY_NEAREST && !plan->command->near.is_set)
            return refuse(plan->answer, OH_V_NEAR_REQUIRED, OH_FIELD_NEAR, OH_INDEX_NONE);
        return OH_OK_DONE;
    }
    wish->position = position_find(plan->ledger, wish->item, node);
    if (wish->position != NO_SLOT)
        memory_expect(&plan->ledger->positions[wish->position]);
    verdict = node_eligibility(plan->ledger, wish->item, node, plan->asker);
    return verdict == OH_OK_DONE ? verdict : refuse(plan->answer, verdict, OH_FIELD_NODE, i);
}

/* Picks name lines that rise, nodes that are there, and no more than the line asks for. */
static enum oh_verdict picks_judge(struct plan *plan)
{
    const struct oh_reserve_command *command = plan->command;
    int64_t given = 0;
    if (command->pick_count > OH_CLAIMS_MAX || command->booking_count > OH_BOOKINGS_MAX)
        return refuse(plan->answer, OH_V_TOO_MANY, OH_FIELD_BOOKINGS, OH_INDEX_NONE);
    if (command->promise.size > OH_PROMISE_SIZE_MAX)
        return refuse(plan->answer, OH_V_TOO_MANY, OH_FIELD_HOLD, OH_INDEX_NONE);
    for (uint32_t i = 0; i < command->pick_count; i++) {
        const struct oh_reserve_pick *pick = &command->picks[i];
        bool is_same_line = i > 0 && command->picks[i - 1].line == pick->line;
        if (pick->line >= command->line_count || (i > 0 && command->picks[i - 1].line > pick->line) ||
            pick->node >= plan->ledger->node_count)
            return refuse(plan->answer, OH_V_INVALID_VALUE, OH_FIELD_LINE, i);
        given = is_same_line ? given : 0;
        if (pick->quantity_milli <= 0 ||
            pick->quantity_milli > command->lines[pick->line].quantity_milli - given)
            return refuse(plan->answer, OH_V_INVALID_QUANTITY, OH_FIELD_QUANTITY, pick->line);
        given += pick->quantity_milli;
    }
    return OH_OK_DONE;
}

static enum oh_verdict request_judge(struct plan *plan)
{
    const struct oh_reserve_command *command = plan->command;
    if (head_judge(plan) != OH_OK_DONE)
        return plan->answer->verdict;
    bool rises = true;
    for (uint32_t i = 0; i < command->line_count; i++) {
        if (wish_resolve(plan, i) != OH_OK_DONE)
            return plan->answer->verdict;
        if (!line_number_is_new(command, i, &rises))
            return refuse(plan->answer, OH_V_DUPLICATE_LINE, OH_FIELD_LINE, i);
    }
    if (command->id.size > 0 && id_is_taken(plan))
        return refuse(plan->answer, OH_V_IDEMPOTENCY_MISMATCH, OH_FIELD_ID, OH_INDEX_NONE);
    for (uint32_t i = 0; i < command->line_count; i++) {
        if (wish_judge(plan, i) != OH_OK_DONE)
            return plan->answer->verdict;
    }
    return picks_judge(plan);
}

/* ---- Candidates ------------------------------------------------------------------------------- */

static void candidate_look(struct plan *plan, const struct wish *wish, uint16_t node)
{
    struct oh_ledger *ledger = plan->ledger;
    bool is_named = wish->node != NO_SLOT;
    if (!is_named && !geo_is_within(&ledger->nodes[node], &plan->command->near))
        return;
    uint32_t position = is_named ? wish->position : position_find(ledger, wish->item, node);
    struct offer offer =
        is_named ? offer_of_eligible(ledger, wish->item, node, position, plan->asker, plan->now_us)
                 : offer_at_slot(ledger, wish->item, node, position, plan->asker, plan->now_us);
    if (offer.free_milli + offer.backorder_milli <= 0)
        return;
    uint32_t rank = ledger->candidate_count++;
    ledger->candidates[rank] = (struct candidate){
        .rank = rank,
        .position = position,
        .node = node,
        .free_milli = offer.free_milli,
        .backorder_milli = offer.backorder_milli,
    };
}

static void candidates_of_group(struct plan *plan, const struct wish *wish, uint32_t group, bool once)
{
    struct oh_ledger *ledger = plan->ledger;
    const struct group *of = &ledger->groups[group];
    const uint16_t *nodes = group_nodes(ledger, of);
    for (uint32_t i = 0; i < of->node_count; i++) {
        uint64_t bit = (uint64_t)1 << (nodes[i] % 64);
        if (once && (ledger->visited[nodes[i] / 64] & bit) != 0)
            continue;
        if (once)
            ledger->visited[nodes[i] / 64] |= bit;
        candidate_look(plan, wish, nodes[i]);
    }
}

static void candidates_of_channel(struct plan *plan, const struct wish *wish, const struct channel *channel)
{
    struct oh_ledger *ledger = plan->ledger;
    const uint16_t *nodes = channel_nodes(ledger, channel);
    const uint16_t *groups = channel_groups(ledger, channel);
    memset(ledger->visited, 0, (ledger->node_count / 64 + 1) * sizeof(uint64_t));
    for (uint32_t i = 0; i < channel->node_count; i++) {
        ledger->visited[nodes[i] / 64] |= (uint64_t)1 << (nodes[i] % 64);
        candidate_look(plan, wish, nodes[i]);
    }
    for (uint32_t i = 0; i < channel->group_count; i++)
        candidates_of_group(plan, wish, groups[i], true);
}

/* Every node, in order of creation; without backorder rules those that never had the item have nothing to offer. */
static void candidates_everywhere(struct plan *plan, const struct wish *wish)
{
    struct oh_ledger *ledger = plan->ledger;
    if ((ledger->rule_mask & OH_RULE_BACKORDER_LIMIT) != 0) {
        for (uint32_t node = 0; node < ledger->node_count; node++)
            candidate_look(plan, wish, (uint16_t)node);
        return;
    }
    const struct item *item = &ledger->items[wish->item];
    const uint16_t *nodes = item_node_list(ledger, item);
    for (uint32_t i = 0; i < item->node_count; i++)
        candidate_look(plan, wish, nodes[i]);
}

static void candidates_collect(struct plan *plan, const struct wish *wish)
{
    struct oh_ledger *ledger = plan->ledger;
    uint16_t index = plan->asker.channel.index;
    const struct channel *channel = index == OH_NODE_NONE ? NULL : &ledger->channels[index];
    ledger->candidate_count = 0;
    if (wish->node != NO_SLOT)
        candidate_look(plan, wish, (uint16_t)wish->node);
    else if (wish->group != NO_SLOT)
        candidates_of_group(plan, wish, wish->group, false);
    else if (channel != NULL && channel->node_count + channel->group_count > 0)
        candidates_of_channel(plan, wish, channel);
    else
        candidates_everywhere(plan, wish);
}

/* ---- Their order ------------------------------------------------------------------------------ */

/* Beyond every quantity (2^53), and with steps that a double there still tells apart. */
#define COVERS_ORDER 0x1p54
#define COVERS_STEP  4.0

/*
 * Fewest splits: first the nodes that can fill the line alone, of these the
 * one that can fill most lines of the request; then the fullest.
 */
static double candidate_order(const struct plan *plan, const struct candidate *candidate, int64_t quantity_milli)
{
    const struct oh_ledger *ledger = plan->ledger;
    switch (plan->policy) {
    case OH_POLICY_PRIORITY:
        return candidate->rank;
    case OH_POLICY_NEAREST:
        return geo_distance_km(&ledger->nodes[candidate->node], plan->command->near.point);
    case OH_POLICY_HIGHEST_STOCK:
        return -(double)candidate->free_milli;
    case OH_POLICY_FEWEST_SPLITS:
        if (candidate->free_milli >= quantity_milli)
            return -COVERS_ORDER - COVERS_STEP * ledger->covers[candidate->node];
        return -(double)candidate->free_milli;
    }
    OH_UNREACHABLE();
}

static bool candidate_is_before(const struct candidate *a, const struct candidate *b)
{
    return a->order < b->order || (a->order <= b->order && a->rank < b->rank);
}

static void candidates_sift_down(struct candidate *candidates, uint32_t at, uint32_t count)
{
    for (;;) {
        uint32_t child = at * 2 + 1;
        if (child >= count)
            return;
        if (child + 1 < count && candidate_is_before(&candidates[child], &candidates[child + 1]))
            child++;
        if (!candidate_is_before(&candidates[at], &candidates[child]))
            return;
        struct candidate moved = candidates[at];
        candidates[at] = candidates[child];
        candidates[child] = moved;
        at = child;
    }
}

static void candidates_sort(struct plan *plan, int64_t quantity_milli)
{
    struct candidate *candidates = plan->ledger->candidates;
    uint32_t count = plan->ledger->candidate_count;
    if (count < 2 || plan->policy == OH_POLICY_PRIORITY)
        return; /* collected in this order */
    for (uint32_t i = 0; i < count; i++)
        candidates[i].order = candidate_order(plan, &candidates[i], quantity_milli);
    for (uint32_t at = count / 2; at > 0; at--)
        candidates_sift_down(candidates, at - 1, count);
    for (uint32_t end = count; end > 1; end--) {
        struct candidate last = candidates[0];
        candidates[0] = candidates[end - 1];
        candidates[end - 1] = last;
        candidates_sift_down(candidates, 0, end - 1);
    }
}

/* How many lines each node could fill alone. */
static void covers_count(struct plan *plan)
{
    struct oh_ledger *ledger = plan->ledger;
    if (plan->policy != OH_POLICY_FEWEST_SPLITS)
        return;
    memset(ledger->covers, 0, ledger->node_count * sizeof(*ledger->covers));
    for (uint32_t i = 0; i < plan->command->line_count; i++) {
        candidates_collect(plan, &plan->wishes[i]);
        for (uint32_t j = 0; j < ledger->candidate_count; j++) {
            const struct candidate *candidate = &ledger->candidates[j];
            if (candidate->free_milli >= plan->command->lines[i].quantity_milli)
                ledger->covers[candidate->node]++;
        }
    }
}

/* ---- One line --------------------------------------------------------------------------------- */

/* Real stock of every candidate first, then what may be sold without. */
static int64_t candidates_possible(const struct oh_ledger *ledger, int64_t allowance_milli)
{
    int64_t free = 0;
    int64_t backorder = 0;
    for (uint32_t i = 0; i < ledger->candidate_count; i++) {
        free += ledger->candidates[i].free_milli;
        backorder += ledger->candidates[i].backorder_milli;
    }
    return oh_min_i64(free, allowance_milli) + backorder;
}

static void candidates_take(struct oh_ledger *ledger, int64_t allowance_milli, int64_t quantity_milli)
{
    int64_t free_left = oh_min_i64(quantity_milli, allowance_milli);
    int64_t left = quantity_milli;
    for (uint32_t i = 0; i < ledger->candidate_count && free_left > 0; i++) {
        struct candidate *candidate = &ledger->candidates[i];
        candidate->taken_milli = oh_min_i64(candidate->free_milli, free_left);
        free_left -= candidate->taken_milli;
        left -= candidate->taken_milli;
    }
    for (uint32_t i = 0; i < ledger->candidate_count && left > 0; i++) {
        struct candidate *candidate = &ledger->candidates[i];
        int64_t taken = oh_min_i64(candidate->backorder_milli, left);
        candidate->taken_milli += taken;
        left -= taken;
    }
    OH_ASSERT(left == 0);
}

/* A part of what was asked must be a quantity that may be sold. */
static int64_t quantity_grant(const struct plan *plan, const struct wish *wish, int64_t possible_milli)
{
    uint16_t node = wish->node == NO_SLOT ? OH_NODE_NONE : (uint16_t)wish->node;
    uint16_t channel = plan->asker.channel.index;
    const struct rule *increment = rule_resolve(plan->ledger, OH_RULE_INCREMENT, wish->item, node, channel);
    if (increment != NULL)
        possible_milli -= possible_milli % increment->values.increment_milli;
    const struct rule *least = rule_resolve(plan->ledger, OH_RULE_MIN_QUANTITY, wish->item, node, channel);
    return least != NULL && possible_milli < least->values.min_quantity_milli ? 0 : possible_milli;
}

/* False: more splits than claims there may be. */
static bool pick_add(struct plan *plan, uint32_t i, uint32_t position, uint16_t node, int64_t quantity_milli)
{
    struct oh_ledger *ledger = plan->ledger;
    if (quantity_milli == 0)
        return true;
    if (plan->pick_count == OH_CLAIMS_MAX)
        return false;
    if (position != NO_SLOT)
        extra_expect(ledger, &ledger->positions[position]);
    plan->picks[plan->pick_count++] = (struct pick){ i, position, node, quantity_milli, OH_TIME_US_NONE };
    if (i + 1 < plan->command->line_count) /* the lines that follow find it taken */
        pending_add(ledger, plan->wishes[i].item, node, quantity_milli);
    return true;
}

static bool picks_add(struct plan *plan, uint32_t i)
{
    const struct candidate *candidates = plan->ledger->candidates;
    for (uint32_t j = 0; j < plan->ledger->candidate_count; j++) {
        if (!pick_add(plan, i, candidates[j].position, candidates[j].node, candidates[j].taken_milli))
            return false;
    }
    return true;
}

/* What each line could have had. */
static void refusal_lines(struct plan *plan)
{
    for (uint32_t i = 0; i < plan->command->line_count; i++) {
        const struct wish *wish = &plan->wishes[i];
        plan->ledger->answer_lines[i] = (struct oh_answer_line){
            .line = plan->command->lines[i].line,
            .item = { wish->item },
            .node = { wish->node == NO_SLOT ? OH_NODE_NONE : (uint16_t)wish->node },
            .verdict = wish->is_short ? OH_V_INSUFFICIENT : OH_OK_DONE,
            .requested_milli = plan->command->lines[i].quantity_milli,
            .available_milli = wish->possible_milli,
        };
    }
    plan->answer->line_count = plan->command->line_count;
}

/* A line that names its node has no candidates to choose from: it takes what it can have of what is there. */
static bool line_decide(struct plan *plan, uint32_t i)
{
    struct oh_ledger *ledger = plan->ledger;
    struct wish *wish = &plan->wishes[i];
    bool is_named = wish->node != NO_SLOT;
    uint16_t node = is_named ? (uint16_t)wish->node : OH_NODE_NONE;
    int64_t wanted = plan->command->lines[i].quantity_milli;
    int64_t allowance = channel_allowance(ledger, wish->item, plan->asker, plan->now_us);
    if (is_named) {
        struct offer offer =
            offer_of_eligible(ledger, wish->item, node, wish->position, plan->asker, plan->now_us);
        wish->possible_milli = offer_possible(offer, allowance);
    } else {
        candidates_collect(plan, wish);
        wish->possible_milli = candidates_possible(ledger, allowance);
    }
    wish->is_short = wish->possible_milli < wanted;
    if (wish->is_short && !plan->command->allow_partial) {
        plan->short_line = plan->short_line == OH_INDEX_NONE ? i : plan->short_line;
        return true;
    }
    int64_t granted = wish->is_short ? quantity_grant(plan, wish, wish->possible_milli) : wanted;
    if (is_named)
        return pick_add(plan, i, wish->position, node, granted);
    candidates_sort(plan, wanted);
    candidates_take(ledger, allowance, granted);
    return picks_add(plan, i);
}

/* ---- Picks that were made already ------------------------------------------------------------- */

int64_t pick_possible(struct oh_ledger *ledger, uint32_t item, struct oh_asker asker,
                      const struct oh_reserve_pick *pick, int64_t now_us)
{
    if (pick->due_at_us > now_us)
        return atp_at_node(ledger, item, pick->node, asker, pick->due_at_us, now_us);
    struct offer offer = offer_at_node(ledger, item, pick->node, asker, now_us);
    int64_t allowance = channel_allowance(ledger, item, asker, now_us);
    return offer_possible(offer, allowance);
}

static void pick_take(struct plan *plan, const struct oh_reserve_pick *pick)
{
    pending_add(plan->ledger, plan->wishes[pick->line].item, pick->node, pick->quantity_milli);
    int64_t due_at_us = pick->due_at_us > plan->now_us ? pick->due_at_us : OH_TIME_US_NONE;
    plan->picks[plan->pick_count++] = (struct pick){ pick->line, NO_SLOT, pick->node, pick->quantity_milli,
                                                     due_at_us };
}

static void picks_decide(struct plan *plan)
{
    const struct oh_reserve_command *command = plan->command;
    uint32_t at = 0;
    for (uint32_t i = 0; i < command->line_count; i++) {
        int64_t given = 0;
        int64_t possible = 0;
        bool is_enough = true;
        for (; at < command->pick_count && command->picks[at].line == i; at++) {
            const struct oh_reserve_pick *pick = &command->picks[at];
            struct oh_asker asker = plan->asker;
            asker.kind = pick->kind == OH_KIND_ANY ? command->kind : pick->kind;
            int64_t can = pick_possible(plan->ledger, plan->wishes[i].item, asker, pick, plan->now_us);
            is_enough = is_enough && can >= command->picks[at].quantity_milli;
            possible += oh_min_i64(can, command->picks[at].quantity_milli);
            given += command->picks[at].quantity_milli;
            pick_take(plan, &command->picks[at]);
        }
        is_enough = is_enough && (given == command->lines[i].quantity_milli || command->allow_partial);
        plan->wishes[i].possible_milli = possible;
        plan->wishes[i].is_short = !is_enough;
        if (!is_enough && plan->short_line == OH_INDEX_NONE)
            plan->short_line = i;
    }
}

/* False: more splits than claims there may be. */
static bool lines_decide(struct plan *plan)
{
    if (plan->command->pick_count > 0) {
        picks_decide(plan);
        return true;
    }
    covers_count(plan);
    for (uint32_t i = 0; i < plan->command->line_count; i++) {
        if (!line_decide(plan, i)) {
            plan->short_line = i;
            return false;
        }
    }
    return true;
}

/* ---- The outcome ------------------------------------------------------------------------------ */

/* The draft becomes an id that nobody has yet. */
static void id_settle(struct plan *plan)
{
    struct oh_ledger *ledger = plan->ledger;
    while (id_is_taken(plan)) {
        ledger->record_ids++;
        id_draft(plan);
    }
    ledger->record_ids++;
}

static void claim_effect(struct plan *plan, const struct pick *pick)
{
    struct hint hint = { .reservation = NEWEST_RESERVATION, .claim = NO_SLOT, .position = pick->position };
    if (pick->position != NO_SLOT)
        claims_expect(plan->ledger, &plan->ledger->positions[pick->position]);
    effect_add(plan->ledger, OH_EFFECT_CLAIM, hint)->claim = (struct oh_effect_claim){
        .id = plan->id,
        .line = plan->command->lines[pick->line].line,
        .item = plan->wishes[pick->line].item,
        .node = pick->node,
        .quantity_milli = pick->quantity_milli,
        .held_milli = pick->node == OH_NODE_NONE ? 0 : pick->quantity_milli,
        .due_at_us = pick->due_at_us,
    };
}

static void answer_line_add(struct plan *plan, uint32_t i, uint16_t node, int64_t quantity_milli)
{
    plan->ledger->answer_lines[plan->answer->line_count++] = (struct oh_answer_line){
        .line = plan->command->lines[i].line,
        .item = { plan->wishes[i].item },
        .node = { node },
        .requested_milli = plan->command->lines[i].quantity_milli,
        .quantity_milli = quantity_milli,
    };
}

/* Claims line by line; what a partial line could not have is kept too, so that the reservation can show it. */
static void outcome_write(struct plan *plan)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < plan->command->line_count; i++) {
        int64_t missing = plan->command->lines[i].quantity_milli;
        for (; at < plan->pick_count && plan->picks[at].line == i; at++) {
            claim_effect(plan, &plan->picks[at]);
            answer_line_add(plan, i, plan->picks[at].node, plan->picks[at].quantity_milli);
            missing -= plan->picks[at].quantity_milli;
        }
        if (missing == plan->command->lines[i].quantity_milli)
            answer_line_add(plan, i, OH_NODE_NONE, 0);
        if (missing > 0)
            claim_effect(plan, &(struct pick){ i, NO_SLOT, OH_NODE_NONE, missing, OH_TIME_US_NONE });
    }
}

static void bookings_write(struct plan *plan, struct oh_bytes id)
{
    const struct oh_reserve_command *command = plan->command;
    for (uint32_t i = 0; i < command->booking_count; i++) {
        const struct oh_reserve_booking *booking = &command->bookings[i];
        effect_add(plan->ledger, OH_EFFECT_BOOKING, NO_HINT)->booking = (struct oh_effect_booking){
            id, booking->node, booking->resource, booking->unit, booking->from_us,
            booking_until_us(plan->ledger, booking), booking->quantity_milli,
        };
    }
    if (command->promise.size > 0)
        effect_add(plan->ledger, OH_EFFECT_PROMISE, NO_HINT)->promise =
            (struct oh_effect_promise){ id, command->promise };
}

static void reservation_write(struct plan *plan)
{
    struct oh_ledger *ledger = plan->ledger;
    const struct oh_reserve_command *command = plan->command;
    if (command->id.size == 0)
        id_settle(plan);
    struct oh_bytes id = plan->id;
    int64_t expires_at_us = command->ttl_us == 0 ? OH_TIME_US_NONE : plan->now_us + command->ttl_us;
    struct hint hint = NO_HINT;
    hint.is_sought = true;
    hint.reservation = plan->stored;
    hint.key = plan->key;
    effect_add(ledger, OH_EFFECT_RESERVATION, hint)->reservation = (struct oh_effect_reservation){
        .id = id,
        .customer = command->customer,
        .order = command->order,
        .kind = command->kind,
        .channel = plan->asker.channel.index,
        .created_at_us = plan->now_us,
        .expires_at_us = expires_at_us,
        .ended_at_us = plan->pick_count == 0 ? plan->now_us : OH_TIME_US_NONE,
    };
    outcome_write(plan);
    bookings_write(plan, id);
    plan->answer->id = id;
    plan->answer->status = plan->pick_count == 0 ? OH_STATUS_RELEASED : OH_STATUS_HELD;
    plan->answer->is_created = true;
    plan->answer->created_at_us = plan->now_us;
    plan->answer->expires_at_us = expires_at_us;
}

/* Where its items are looked for, and where the reservation will be, if there is one. */
static void places_expect(struct plan *plan)
{
    struct oh_ledger *ledger = plan->ledger;
    for (uint32_t i = 0; i < plan->command->line_count; i++) {
        plan->wishes[i].item_hash = (uint32_t)name_hash(plan->command->lines[i].sku);
        oh_index_expect(&ledger->item_index, plan->wishes[i].item_hash);
    }
    oh_index_expect(&ledger->reservation_index, plan->key.hash);
    pool_expect(&ledger->reservation_pool);
    pool_expect(&ledger->claim_pool);
}

void decide_reserve(struct oh_ledger *ledger, int64_t now_us, const struct oh_reserve_command *command,
                    struct oh_answer *answer)
{
    struct plan plan = {
        .ledger = ledger,
        .command = command,
        .answer = answer,
        .now_us = now_us,
        .short_line = OH_INDEX_NONE,
    };
    answer->id = command->id;
    answer->kind = command->kind;
    id_begin(&plan);
    pending_begin(ledger);
    if (command->line_count <= OH_LINES_MAX) {
        plan.wishes = scratch_take(ledger, (size_t)command->line_count * sizeof(*plan.wishes));
        places_expect(&plan);
    }
    if (request_judge(&plan) != OH_OK_DONE)
        return;
    if (command->refusal != OH_OK_DONE) {
        refuse(answer, command->refusal, OH_FIELD_HOLD, OH_INDEX_NONE);
        return;
    }
    plan.picks = (struct pick *)(void *)(ledger->scratch + ledger->scratch_used); /* only until it is decided */
    if (!lines_decide(&plan)) {
        refuse(answer, OH_V_TOO_MANY_SPLITS, OH_FIELD_LINES, plan.short_line);
        return;
    }
    if (plan.short_line != OH_INDEX_NONE) {
        refuse(answer, OH_V_INSUFFICIENT, OH_FIELD_QUANTITY, plan.short_line);
        refusal_lines(&plan);
        return;
    }
    uint32_t fault = 0;
    enum oh_verdict verdict =
        command->booking_count == 0
            ? OH_OK_DONE
            : bookings_judge(ledger, command->bookings, command->booking_count, now_us, NULL, &fault);
    if (verdict != OH_OK_DONE) {
        refuse(answer, verdict, OH_FIELD_BOOKINGS, fault);
        return;
    }
    plan.picks = scratch_take(ledger, (size_t)plan.pick_count * sizeof(*plan.picks));
    reservation_write(&plan);
}
