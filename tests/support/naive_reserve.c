#include "support/naive.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct wanted { uint32_t item, node, group; }; /* NAIVE_NONE: not named */
struct picked { uint32_t line, node; int64_t milli, due_us; };
struct candidate { uint32_t node; struct naive_offer offer; int64_t taken; };

struct request {
    struct naive *naive;
    const struct oh_reserve_command *command;
    struct oh_answer *answer;
    struct oh_asker asker;
    enum oh_policy policy;
    struct wanted wanted[1000];
    struct picked picks[NAIVE_MANY];
    uint32_t pick_count;
    struct candidate candidates[NAIVE_MANY];
    uint32_t candidate_count;
};

/* ---- The request itself ----------------------------------------------------------------------- */

static enum oh_verdict head_judge(struct request *request)
{
    const struct oh_reserve_command *command = request->command;
    const struct naive *naive = request->naive;
    bool near_is_right = !command->near.is_set ||
                         (naive_point_is_valid(command->near.point) && command->near.radius_km <= 20100.0);
    bool kind_is_right = command->kind == OH_KIND_CART || command->kind == OH_KIND_COLLECT ||
                         command->kind == OH_KIND_SHIP || command->kind == OH_KIND_STAFF ||
                         command->kind == OH_KIND_TRANSFER;
    uint32_t channel = command->channel.size == 0 ? NAIVE_NONE : naive_channel_find(naive, command->channel);
    const struct { bool is_right; enum oh_verdict verdict; enum oh_field field; } faults[] = {
        { command->id.size == 0 || naive_id_is_valid(command->id), OH_V_INVALID_ID, OH_FIELD_ID },
        { kind_is_right, OH_V_INVALID_VALUE, OH_FIELD_KIND },
        { naive_text_is_valid(command->customer, 64), OH_V_INVALID_ID, OH_FIELD_CUSTOMER },
        { naive_text_is_valid(command->order, 64), OH_V_INVALID_ID, OH_FIELD_ORDER },
        { command->ttl_us >= 0 && command->ttl_us <= 365 * INT64_C(86400000000), OH_V_INVALID_TIME, OH_FIELD_TTL },
        { near_is_right, OH_V_INVALID_VALUE, OH_FIELD_NEAR },
        { command->line_count >= 1 && command->line_count <= 1000, OH_V_TOO_MANY, OH_FIELD_LINES },
        { command->channel.size == 0 || channel != NAIVE_NONE, OH_V_UNKNOWN_CHANNEL, OH_FIELD_CHANNEL },
    };
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (!faults[i].is_right)
            return naive_refuse(request->answer, faults[i].verdict, faults[i].field, OH_INDEX_NONE);
    }
    request->asker.channel.index = channel == NAIVE_NONE ? OH_NODE_NONE : (uint16_t)channel;
    request->asker.kind = command->kind;
    request->policy = channel == NAIVE_NONE ? OH_POLICY_PRIORITY : naive->channels[channel].policy;
    return OH_OK_DONE;
}

static enum oh_verdict line_judge(struct request *request, uint32_t i)
{
    const struct oh_reserve_line *line = &request->command->lines[i];
    const struct naive *naive = request->naive;
    struct wanted *wanted = &request->wanted[i];
    wanted->item = naive_item_find(naive, line->sku);
    wanted->node = line->node.size == 0 ? NAIVE_NONE : naive_node_find(naive, line->node);
    wanted->group = line->group.size == 0 ? NAIVE_NONE : naive_group_find(naive, line->group);
    bool is_new = true;
    for (uint32_t j = 0; j < i; j++)
        is_new = is_new && request->command->lines[j].line != line->line;
    const struct { bool is_right; enum oh_verdict verdict; enum oh_field field; } faults[] = {
        { line->line >= 1 && line->line <= INT32_MAX, OH_V_INVALID_VALUE, OH_FIELD_LINE },
        { wanted->item != NAIVE_NONE, OH_V_UNKNOWN_ITEM, OH_FIELD_SKU },
        { line->node.size == 0 || line->group.size == 0, OH_V_INVALID_VALUE, OH_FIELD_GROUP },
        { line->node.size == 0 || wanted->node != NAIVE_NONE, OH_V_UNKNOWN_NODE, OH_FIELD_NODE },
        { line->group.size == 0 || wanted->group != NAIVE_NONE, OH_V_UNKNOWN_GROUP, OH_FIELD_GROUP },
        { line->quantity_milli >= 1 && line->quantity_milli <= 1000000000000, OH_V_INVALID_QUANTITY,
          OH_FIELD_QUANTITY },
        { is_new, OH_V_DUPLICATE_LINE, OH_FIELD_LINE },
    };
    for (size_t f = 0; f < sizeof(faults) / sizeof(faults[0]); f++) {
        if (!faults[f].is_right)
            return naive_refuse(request->answer, faults[f].verdict, faults[f].field, i);
    }
    return OH_OK_DONE;
}

enum oh_verdict naive_judge_quantity(const struct naive *naive, uint32_t item, uint32_t node, uint32_t channel,
                                     int64_t milli)
{
    const struct naive_rule *least = naive_resolve(naive, OH_RULE_MIN_QUANTITY, item, node, channel);
    const struct naive_rule *most = naive_resolve(naive, OH_RULE_MAX_QUANTITY, item, node, channel);
    const struct naive_rule *step = naive_resolve(naive, OH_RULE_INCREMENT, item, node, channel);
    if (least != NULL && milli < least->values.min_quantity_milli)
        return OH_V_BELOW_MINIMUM;
    if (most != NULL && milli > most->values.max_quantity_milli)
        return OH_V_ABOVE_MAXIMUM;
    return step != NULL && milli % step->values.increment_milli != 0 ? OH_V_NOT_AN_INCREMENT : OH_OK_DONE;
}

/* Whether the line may be asked at all, whatever the stock. */
static enum oh_verdict line_is_allowed(struct request *request, uint32_t i)
{
    const struct wanted *wanted = &request->wanted[i];
    enum oh_verdict verdict =
        naive_judge_quantity(request->naive, wanted->item, wanted->node, naive_channel_of(request->asker),
                             request->command->lines[i].quantity_milli);
    if (verdict != OH_OK_DONE)
        return naive_refuse(request->answer, verdict, OH_FIELD_QUANTITY, i);
    bool is_decided = request->command->pick_count > 0 || request->command->refusal != OH_OK_DONE;
    if (wanted->node == NAIVE_NONE && is_decided)
        return OH_OK_DONE;
    if (wanted->node == NAIVE_NONE && request->policy == OH_POLICY_NEAREST && !request->command->near.is_set)
        return naive_refuse(request->answer, OH_V_NEAR_REQUIRED, OH_FIELD_NEAR, OH_INDEX_NONE);
    if (wanted->node != NAIVE_NONE)
        verdict = naive_eligibility(request->naive, wanted->item, wanted->node, request->asker);
    return verdict == OH_OK_DONE ? verdict : naive_refuse(request->answer, verdict, OH_FIELD_NODE, i);
}

static int64_t picked_before(const struct oh_reserve_command *command, uint32_t i)
{
    int64_t sum = 0;
    for (uint32_t j = 0; j < i; j++)
        sum += command->picks[j].line == command->picks[i].line ? command->picks[j].quantity_milli : 0;
    return sum;
}

static enum oh_verdict picks_judge(struct request *request)
{
    const struct oh_reserve_command *command = request->command;
    if (command->pick_count > OH_CLAIMS_MAX || command->booking_count > OH_BOOKINGS_MAX)
        return naive_refuse(request->answer, OH_V_TOO_MANY, OH_FIELD_BOOKINGS, OH_INDEX_NONE);
    if (command->promise.size > OH_PROMISE_SIZE_MAX)
        return naive_refuse(request->answer, OH_V_TOO_MANY, OH_FIELD_HOLD, OH_INDEX_NONE);
    for (uint32_t i = 0; i < command->pick_count; i++) {
        const struct oh_reserve_pick *pick = &command->picks[i];
        bool falls = i > 0 && command->picks[i - 1].line > pick->line;
        if (pick->line >= command->line_count || falls || pick->node >= request->naive->node_count)
            return naive_refuse(request->answer, OH_V_INVALID_VALUE, OH_FIELD_LINE, i);
        if (pick->quantity_milli < 1 ||
            pick->quantity_milli > command->lines[pick->line].quantity_milli - picked_before(command, i))
            return naive_refuse(request->answer, OH_V_INVALID_QUANTITY, OH_FIELD_QUANTITY, pick->line);
    }
    return OH_OK_DONE;
}

static enum oh_verdict request_judge(struct request *request)
{
    if (head_judge(request) != OH_OK_DONE)
        return request->answer->verdict;
    for (uint32_t i = 0; i < request->command->line_count; i++) {
        if (line_judge(request, i) != OH_OK_DONE)
            return request->answer->verdict;
    }
    if (request->command->id.size > 0 && naive_reservation_find(request->naive, request->command->id) != NULL)
        return naive_refuse(request->answer, OH_V_IDEMPOTENCY_MISMATCH, OH_FIELD_ID, OH_INDEX_NONE);
    for (uint32_t i = 0; i < request->command->line_count; i++) {
        if (line_is_allowed(request, i) != OH_OK_DONE)
            return request->answer->verdict;
    }
    return picks_judge(request);
}

/* ---- Candidates, in the order they are listed ------------------------------------------------- */

static void candidate_add(struct request *request, const struct wanted *wanted, uint32_t node)
{
    const struct oh_node_command *place = &request->naive->nodes[node];
    const struct oh_near *near = &request->command->near;
    for (uint32_t i = 0; i < request->candidate_count; i++) {
        if (request->candidates[i].node == node)
            return;
    }
    if (wanted->node == NAIVE_NONE && near->is_set &&
        (!place->has_point || (near->radius_km > 0 && naive_distance_km(place->point, near->point) > near->radius_km)))
        return;
    struct naive_offer offer = naive_offer(request->naive, wanted->item, node, request->asker);
    if (offer.free + offer.backorder > 0)
        request->candidates[request->candidate_count++] = (struct candidate){ node, offer, 0 };
}

static void candidates_of_group(struct request *request, const struct wanted *wanted, uint32_t group)
{
    for (uint32_t i = 0; i < request->naive->groups[group].member_count; i++)
        candidate_add(request, wanted, request->naive->groups[group].members[i].node);
}

static void candidates_collect(struct request *request, const struct wanted *wanted)
{
    uint32_t number = naive_channel_of(request->asker);
    const struct naive_channel *channel = number == NAIVE_NONE ? NULL : &request->naive->channels[number];
    request->candidate_count = 0;
    if (wanted->node != NAIVE_NONE) {
        candidate_add(request, wanted, wanted->node);
    } else if (wanted->group != NAIVE_NONE) {
        candidates_of_group(request, wanted, wanted->group);
    } else if (channel != NULL && channel->node_count + channel->group_count > 0) {
        for (uint32_t i = 0; i < channel->node_count; i++)
            candidate_add(request, wanted, channel->nodes[i]);
        for (uint32_t i = 0; i < channel->group_count; i++)
            candidates_of_group(request, wanted, channel->groups[i]);
    } else {
        for (uint32_t node = 0; node < request->naive->node_count; node++)
            candidate_add(request, wanted, node);
    }
}

/* ---- Their order under the policy ------------------------------------------------------------- */

/* How many lines each node could fill alone, before any of them claims something. */
static void covers_count(struct request *request, uint32_t *covers)
{
    for (uint32_t i = 0; i < request->command->line_count; i++) {
        candidates_collect(request, &request->wanted[i]);
        for (uint32_t j = 0; j < request->candidate_count; j++) {
            const struct candidate *candidate = &request->candidates[j];
            covers[candidate->node] += candidate->offer.free >= request->command->lines[i].quantity_milli ? 1 : 0;
        }
    }
}

/* Whether `a` is used before `b`, which is listed before it. */
static bool is_preferred(const struct request *request, const struct candidate *a, const struct candidate *b,
                         int64_t milli, const uint32_t *covers)
{
    const struct oh_node_command *nodes = request->naive->nodes;
    bool a_fills = a->offer.free >= milli;
    bool b_fills = b->offer.free >= milli;
    switch (request->policy) {
    case OH_POLICY_PRIORITY:
        return false;
    case OH_POLICY_NEAREST:
        return naive_distance_km(nodes[a->node].point, request->command->near.point) <
               naive_distance_km(nodes[b->node].point, request->command->near.point);
    case OH_POLICY_HIGHEST_STOCK:
        return a->offer.free > b->offer.free;
    case OH_POLICY_FEWEST_SPLITS:
        if (a_fills && b_fills)
            return covers[a->node] > covers[b->node];
        return a_fills != b_fills ? a_fills : a->offer.free > b->offer.free;
    }
    abort();
}

static void candidates_sort(struct request *request, int64_t milli, const uint32_t *covers)
{
    struct candidate *list = request->candidates;
    for (uint32_t i = 1; i < request->candidate_count; i++) {
        struct candidate moved = list[i];
        uint32_t at = i;
        for (; at > 0 && is_preferred(request, &moved, &list[at - 1], milli, covers); at--)
            list[at] = list[at - 1];
        list[at] = moved;
    }
}

/* ---- Line by line ----------------------------------------------------------------------------- */

static int64_t part_that_may_be_sold(const struct request *request, const struct wanted *wanted, int64_t milli)
{
    uint32_t channel = naive_channel_of(request->asker);
    const struct naive_rule *least =
        naive_resolve(request->naive, OH_RULE_MIN_QUANTITY, wanted->item, wanted->node, channel);
    const struct naive_rule *step =
        naive_resolve(request->naive, OH_RULE_INCREMENT, wanted->item, wanted->node, channel);
    if (step != NULL)
        milli = milli / step->values.increment_milli * step->values.increment_milli;
    return least != NULL && milli < least->values.min_quantity_milli ? 0 : milli;
}

static void candidates_take(struct request *request, int64_t allowance, int64_t milli)
{
    int64_t free_left = naive_min(milli, allowance);
    for (uint32_t i = 0; i < request->candidate_count; i++) {
        struct candidate *candidate = &request->candidates[i];
        candidate->taken = naive_min(candidate->offer.free, free_left);
        free_left -= candidate->taken;
        milli -= candidate->taken;
    }
    for (uint32_t i = 0; i < request->candidate_count; i++) {
        struct candidate *candidate = &request->candidates[i];
        int64_t more = naive_min(candidate->offer.backorder, milli);
        candidate->taken += more;
        milli -= more;
    }
}

/* False: there is not enough, and no part was wanted. */
static bool line_decide(struct request *request, uint32_t i, const uint32_t *covers)
{
    const struct wanted *wanted = &request->wanted[i];
    struct naive *naive = request->naive;
    int64_t milli = request->command->lines[i].quantity_milli;
    int64_t allowance = naive_allowance(naive, wanted->item, request->asker);
    int64_t free = 0, backorder = 0;
    candidates_collect(request, wanted);
    for (uint32_t j = 0; j < request->candidate_count; j++) {
        free += request->candidates[j].offer.free;
        backorder += request->candidates[j].offer.backorder;
    }
    int64_t possible = naive_min(free, allowance) + backorder;
    naive->lines[i] = (struct oh_answer_line){
        .line = request->command->lines[i].line,
        .item = { wanted->item },
        .node = { wanted->node == NAIVE_NONE ? OH_NODE_NONE : (uint16_t)wanted->node },
        .verdict = possible >= milli ? OH_OK_DONE : OH_V_INSUFFICIENT,
        .requested_milli = milli,
        .available_milli = possible,
    };
    if (possible < milli && !request->command->allow_partial)
        return false;
    candidates_sort(request, milli, covers);
    candidates_take(request, allowance, possible >= milli ? milli : part_that_may_be_sold(request, wanted, possible));
    for (uint32_t j = 0; j < request->candidate_count; j++) {
        const struct candidate *candidate = &request->candidates[j];
        if (candidate->taken == 0)
            continue;
        request->picks[request->pick_count++] =
            (struct picked){ i, candidate->node, candidate->taken, OH_TIME_US_NONE };
        naive_pending_add(naive, wanted->item, candidate->node, candidate->taken);
    }
    return true;
}

/* ---- What is picked already -------------------------------------------------------------------- */

/* What is to be taken later may come from supplies; what is taken now is what anybody could have now. */
static int64_t pick_possible(const struct request *request, const struct oh_reserve_pick *pick)
{
    const struct naive *naive = request->naive;
    uint32_t item = request->wanted[pick->line].item;
    struct oh_asker asker = { .channel = request->asker.channel,
                              .kind = pick->kind == OH_KIND_ANY ? request->asker.kind : pick->kind };
    if (pick->due_at_us > naive->time_us)
        return naive_atp(naive, item, pick->node, asker, pick->due_at_us);
    struct naive_offer offer = naive_offer(naive, item, pick->node, asker);
    return naive_min(offer.free, naive_allowance(naive, item, asker)) + offer.backorder;
}

/* False: it cannot be had as it was picked. */
static bool line_of_picks_decide(struct request *request, uint32_t i)
{
    const struct oh_reserve_command *command = request->command;
    const struct wanted *wanted = &request->wanted[i];
    int64_t possible = 0, picked = 0;
    bool is_enough = true;
    for (uint32_t p = 0; p < command->pick_count; p++) {
        const struct oh_reserve_pick *pick = &command->picks[p];
        if (pick->line != i)
            continue;
        int64_t can = pick_possible(request, pick);
        bool is_later = pick->due_at_us > request->naive->time_us;
        is_enough = is_enough && can >= pick->quantity_milli;
        possible += naive_min(can, pick->quantity_milli);
        picked += pick->quantity_milli;
        naive_pending_add(request->naive, wanted->item, pick->node, pick->quantity_milli);
        request->picks[request->pick_count++] = (struct picked){ i, pick->node, pick->quantity_milli,
                                                                 is_later ? pick->due_at_us : OH_TIME_US_NONE };
    }
    is_enough = is_enough && (picked == command->lines[i].quantity_milli || command->allow_partial);
    request->naive->lines[i] = (struct oh_answer_line){
        .line = command->lines[i].line,
        .item = { wanted->item },
        .node = { wanted->node == NAIVE_NONE ? OH_NODE_NONE : (uint16_t)wanted->node },
        .verdict = is_enough ? OH_OK_DONE : OH_V_INSUFFICIENT,
        .requested_milli = command->lines[i].quantity_milli,
        .available_milli = possible,
    };
    return is_enough;
}

/* ---- The outcome ------------------------------------------------------------------------------ */

void naive_claim_add(struct naive *naive, struct naive_reservation *reservation, struct naive_claim claim)
{
    if (claim.node != NAIVE_NONE)
        naive_place_obtain(naive, claim.item, claim.node);
    for (uint32_t i = 0; i < reservation->claim_count; i++) {
        struct naive_claim *old = &reservation->claims[i];
        if (old->line == claim.line && old->item == claim.item && old->node == claim.node) {
            old->milli += claim.milli;
            old->held += claim.held;
            old->confirmed += claim.confirmed;
            if (old->due_us == OH_TIME_US_NONE)
                old->due_us = claim.due_us;
            return;
        }
    }
    if (reservation->claim_count == reservation->claim_capacity) {
        reservation->claim_capacity = reservation->claim_capacity * 2 + 4;
        reservation->claims =
            realloc(reservation->claims, reservation->claim_capacity * sizeof(*reservation->claims));
        if (reservation->claims == NULL)
            abort();
    }
    reservation->claims[reservation->claim_count++] = claim;
}

/* An id that nobody has: from the record's number. */
static struct oh_bytes id_make(struct naive *naive)
{
    char text[48];
    do {
        int size = snprintf(text, sizeof(text), "r%llu", (unsigned long long)naive->seq);
        if (naive->record_ids > 0)
            snprintf(text + size, sizeof(text) - (size_t)size, "-%u", naive->record_ids);
        naive->record_ids++;
    } while (naive_reservation_find(naive, oh_bytes_of(text)) != NULL);
    return naive_copy(naive, oh_bytes_of(text));
}

static struct naive_reservation *reservation_make(struct request *request)
{
    struct naive *naive = request->naive;
    const struct oh_reserve_command *command = request->command;
    bool claims_nothing = request->pick_count == 0;
    naive_change(naive);
    struct naive_reservation *made = &naive->reservations[naive->reservation_count];
    *made = (struct naive_reservation){
        .id = command->id.size > 0 ? naive_copy(naive, command->id) : id_make(naive),
        .customer = naive_copy(naive, command->customer),
        .order = naive_copy(naive, command->order),
        .kind = command->kind,
        .channel = naive_channel_of(request->asker),
        .created_us = naive->time_us,
        .expires_us = command->ttl_us == 0 ? OH_TIME_US_NONE : naive->time_us + command->ttl_us,
        .ended_us = claims_nothing ? naive->time_us : OH_TIME_US_NONE,
    };
    if (!claims_nothing)
        naive->live[naive->live_count++] = naive->reservation_count;
    naive->reservation_count++;
    return made;
}

static void answer_line_add(struct request *request, uint32_t i, uint16_t node, int64_t milli)
{
    request->naive->lines[request->answer->line_count++] = (struct oh_answer_line){
        .line = request->command->lines[i].line,
        .item = { request->wanted[i].item },
        .node = { node },
        .requested_milli = request->command->lines[i].quantity_milli,
        .quantity_milli = milli,
    };
}

static void outcome_do(struct request *request)
{
    struct naive_reservation *made = reservation_make(request);
    struct oh_answer *answer = request->answer;
    for (uint32_t i = 0; i < request->command->line_count; i++) {
        uint32_t line = request->command->lines[i].line;
        uint32_t item = request->wanted[i].item;
        int64_t missing = request->command->lines[i].quantity_milli;
        for (uint32_t p = 0; p < request->pick_count; p++) {
            const struct picked *pick = &request->picks[p];
            if (pick->line != i)
                continue;
            naive_claim_add(request->naive, made,
                            (struct naive_claim){ line, item, pick->node, pick->milli, pick->milli, 0, 0, 0,
                                                  pick->due_us });
            answer_line_add(request, i, (uint16_t)pick->node, pick->milli);
            missing -= pick->milli;
        }
        if (missing == request->command->lines[i].quantity_milli)
            answer_line_add(request, i, OH_NODE_NONE, 0);
        if (missing > 0)
            naive_claim_add(request->naive, made,
                            (struct naive_claim){ line, item, NAIVE_NONE, missing, 0, 0, 0, 0, OH_TIME_US_NONE });
    }
    naive_bookings_add(request->naive, made, request->command->bookings, request->command->booking_count);
    made->promise = naive_copy(request->naive, request->command->promise);
    answer->id = made->id;
    answer->status = request->pick_count == 0 ? OH_STATUS_RELEASED : OH_STATUS_HELD;
    answer->is_created = true;
    answer->created_at_us = made->created_us;
    answer->expires_at_us = made->expires_us;
}

void naive_reserve(struct naive *naive, const struct oh_reserve_command *command, struct oh_answer *answer)
{
    static struct request request;
    static uint32_t covers[NAIVE_MANY];
    uint32_t short_line = OH_INDEX_NONE;
    request.naive = naive;
    request.command = command;
    request.answer = answer;
    request.pick_count = 0;
    answer->id = command->id;
    answer->kind = command->kind;
    if (request_judge(&request) != OH_OK_DONE)
        return;
    if (command->refusal != OH_OK_DONE) {
        naive_refuse(answer, command->refusal, OH_FIELD_HOLD, OH_INDEX_NONE);
        return;
    }
    for (uint32_t node = 0; node < naive->node_count; node++)
        covers[node] = 0;
    covers_count(&request, covers);
    for (uint32_t i = 0; i < command->line_count; i++) {
        bool is_had = command->pick_count > 0 ? line_of_picks_decide(&request, i) : line_decide(&request, i, covers);
        if (!is_had && short_line == OH_INDEX_NONE)
            short_line = i;
    }
    if (short_line != OH_INDEX_NONE) {
        naive_refuse(answer, OH_V_INSUFFICIENT, OH_FIELD_QUANTITY, short_line);
        answer->line_count = command->line_count;
        return;
    }
    if (naive_bookings_judge(naive, NULL, command->bookings, command->booking_count, answer) == OH_OK_DONE)
        outcome_do(&request);
}
