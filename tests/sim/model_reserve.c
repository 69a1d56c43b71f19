/*
 * model_reserve.c - which nodes a reservation claims, and how much of each (L18 to L25).
 */
#include "sim/model_internal.h"
#include <string.h>

struct candidate {
    uint32_t node;
    uint32_t rank;
    struct model_room room;
    int64_t taken;
};

struct plan {
    const struct model_request *request;
    struct model_pending pending;
    uint32_t covers[MODEL_NODES];
    struct candidate candidates[MODEL_NODES];
    uint32_t candidate_count;
};

static void candidate_look(const struct model *model, struct plan *plan, const struct model_line *line,
                           uint32_t node)
{
    struct model_room room =
        model_room_at(model, &plan->pending, line->item, node, plan->request->channel, plan->request->kind);
    if (room.free + room.backorder <= 0)
        return;
    plan->candidates[plan->candidate_count] = (struct candidate){ node, plan->candidate_count, room, 0 };
    plan->candidate_count++;
}

/* L20 */
static void candidates_collect(const struct model *model, struct plan *plan, const struct model_line *line)
{
    const struct model_request *request = plan->request;
    struct model_members members = line->group != MODEL_NONE ? model->groups[line->group]
                                                             : model_channel_members(model, request->channel);
    plan->candidate_count = 0;
    if (line->node != MODEL_NONE) {
        candidate_look(model, plan, line, line->node);
        return;
    }
    for (uint32_t i = 0; i < members.count; i++) {
        bool is_too_far = request->point != MODEL_NONE && request->radius_km > 0 &&
                          model_distance_of(members.nodes[i], request->point) > request->radius_km;
        if (!is_too_far)
            candidate_look(model, plan, line, members.nodes[i]);
    }
}

/* L21: does a come before b? */
static bool candidate_is_before(const struct model *model, const struct plan *plan, const struct candidate *a,
                                const struct candidate *b, int64_t wanted)
{
    enum model_policy policy = model->channels[plan->request->channel].policy;
    double nearer_km = policy != MODEL_NEAREST ? 0
                                               : model_distance_of(a->node, plan->request->point) -
                                                     model_distance_of(b->node, plan->request->point);
    if (policy == MODEL_NEAREST)
        return nearer_km < 0;
    bool a_fills = a->room.free >= wanted;
    bool b_fills = b->room.free >= wanted;
    if (policy == MODEL_FEWEST_SPLITS && a_fills != b_fills)
        return a_fills;
    if (policy == MODEL_FEWEST_SPLITS && a_fills && plan->covers[a->node] != plan->covers[b->node])
        return plan->covers[a->node] > plan->covers[b->node];
    if (policy != MODEL_PRIORITY && !(policy == MODEL_FEWEST_SPLITS && a_fills) &&
        a->room.free != b->room.free)
        return a->room.free > b->room.free;
    return a->rank < b->rank;
}

/* The best that is not used yet. There is one. */
static uint32_t candidate_next(const struct model *model, const struct plan *plan, const bool *used,
                               int64_t wanted)
{
    uint32_t best = 0;
    while (used[best])
        best++;
    for (uint32_t i = best + 1; i < plan->candidate_count; i++) {
        if (!used[i] &&
            candidate_is_before(model, plan, &plan->candidates[i], &plan->candidates[best], wanted))
            best = i;
    }
    return best;
}

/* L22: real stock everywhere first, then below zero. Writes the order in which candidates are used. */
static void candidates_take(const struct model *model, struct plan *plan, int64_t wanted, int64_t take,
                            int64_t allowed, struct candidate *out_order[MODEL_NODES])
{
    bool used[MODEL_NODES] = { false };
    int64_t free_left = smaller(take, allowed);
    for (uint32_t i = 0; i < plan->candidate_count; i++) {
        uint32_t next = candidate_next(model, plan, used, wanted);
        used[next] = true;
        out_order[i] = &plan->candidates[next];
        out_order[i]->taken = smaller(out_order[i]->room.free, free_left);
        free_left -= out_order[i]->taken;
        take -= out_order[i]->taken;
    }
    for (uint32_t i = 0; i < plan->candidate_count; i++) {
        int64_t more = smaller(out_order[i]->room.backorder, take);
        out_order[i]->taken += more;
        take -= more;
    }
}

/* L25 */
const char *model_quantity_fault(const struct model *model, uint32_t item, uint32_t node, uint32_t channel,
                                 int64_t milli)
{
    int64_t increment = model_rule_value(model, RULE_INCREMENT, item, node, channel);
    if (milli < model_rule_value(model, RULE_MINIMUM, item, node, channel))
        return "quantity_below_minimum";
    return increment != 0 && milli % increment != 0 ? "quantity_not_increment" : NULL;
}

static int64_t quantity_grant(const struct model *model, const struct model_line *line, uint32_t channel,
                              int64_t milli)
{
    int64_t increment = model_rule_value(model, RULE_INCREMENT, line->item, line->node, channel);
    if (increment != 0)
        milli -= milli % increment;
    return milli < model_rule_value(model, RULE_MINIMUM, line->item, line->node, channel) ? 0 : milli;
}

static bool lines_judge(const struct model *model, const struct model_request *request,
                        struct model_answer *out)
{
    for (uint32_t i = 0; i < request->line_count; i++) {
        if (request->lines[i].item >= MODEL_ITEMS) {
            model_refuse(out, 422, "unknown_item");
            return false;
        }
    }
    for (uint32_t i = 0; i < request->line_count; i++) {
        const struct model_line *line = &request->lines[i];
        const char *code = model_quantity_fault(model, line->item, line->node, request->channel, line->milli);
        if (code == NULL && line->node == MODEL_NONE && request->point == MODEL_NONE &&
            model->channels[request->channel].policy == MODEL_NEAREST) {
            model_refuse(out, 422, "near_required");
            return false;
        }
        if (code == NULL && line->node != MODEL_NONE)
            code = model_ineligible(model, line->item, line->node, request->channel, request->kind);
        if (code != NULL) {
            model_refuse(out, 409, code);
            return false;
        }
    }
    return true;
}

static void covers_count(const struct model *model, struct plan *plan)
{
    for (uint32_t i = 0; i < plan->request->line_count; i++) {
        candidates_collect(model, plan, &plan->request->lines[i]);
        for (uint32_t j = 0; j < plan->candidate_count; j++)
            plan->covers[plan->candidates[j].node] +=
                plan->candidates[j].room.free >= plan->request->lines[i].milli ? 1 : 0;
    }
}

/* One line: what it gets where is added to `out`. False: it is short, and nothing less is wanted. */
static bool line_plan(const struct model *model, struct plan *plan, const struct model_line *line,
                      struct model_answer *out)
{
    const struct model_request *request = plan->request;
    struct candidate *order[MODEL_NODES];
    struct model_room sum = { 0, 0 };
    candidates_collect(model, plan, line);
    for (uint32_t i = 0; i < plan->candidate_count; i++) {
        sum.free += plan->candidates[i].room.free;
        sum.backorder += plan->candidates[i].room.backorder;
    }
    int64_t allowed = model_allowance(model, &plan->pending, line->item, request->channel, request->kind);
    int64_t possible = smaller(sum.free, allowed) + sum.backorder;
    if (possible < line->milli && !request->allow_partial)
        return false;
    int64_t take =
        possible >= line->milli ? line->milli : quantity_grant(model, line, request->channel, possible);
    candidates_take(model, plan, line->milli, take, allowed, order);
    for (uint32_t i = 0; i < plan->candidate_count; i++) {
        if (order[i]->taken == 0)
            continue;
        plan->pending.milli[line->item][order[i]->node] += order[i]->taken;
        struct model_part *part = model_part_add(out, line->line, line->item, order[i]->node);
        part->quantity = order[i]->taken;
        part->requested = line->milli;
    }
    return true;
}

static void reservation_make(struct model *model, const struct model_request *request,
                             struct model_answer *out)
{
    model->reservations[request->reservation] = (struct model_reservation){
        .exists = true,
        .channel = request->channel,
        .kind = request->kind,
        .customer = request->customer,
        .expires_us = request->ttl_us == 0 ? MODEL_NEVER : model->now_us + request->ttl_us,
        .ended_us = out->part_count == 0 ? model->now_us : MODEL_NEVER,
    };
    if (request->reservation >= model->reservation_count)
        model->reservation_count = request->reservation + 1;
    for (uint32_t i = 0; i < request->line_count; i++) {
        int64_t missing = request->lines[i].milli;
        for (uint32_t p = 0; p < out->part_count; p++) {
            const struct model_part *part = &out->parts[p];
            if (part->line != request->lines[i].line)
                continue;
            struct model_claim *claim =
                model_claim_at(model, request->reservation, part->line, part->item, part->node);
            claim->quantity = claim->held = part->quantity;
            missing -= part->quantity;
        }
        if (missing > 0)
            model_claim_at(model, request->reservation, request->lines[i].line, request->lines[i].item,
                           MODEL_NONE)
                ->quantity = missing;
    }
}

void model_ask_reserve(struct model *model, const struct model_request *request, struct model_answer *out)
{
    struct plan plan = { .request = request };
    bool is_short = false;
    if (!lines_judge(model, request, out))
        return;
    covers_count(model, &plan);
    for (uint32_t i = 0; i < request->line_count; i++)
        is_short = !line_plan(model, &plan, &request->lines[i], out) || is_short;
    if (is_short) {
        model_refuse(out, 409, "insufficient_stock");
        return;
    }
    reservation_make(model, request, out);
    out->status = 201;
    out->record = MODEL_RECORD_YES;
    out->reservation_status = model_status_of(model, request->reservation);
    out->expires_us = model->reservations[request->reservation].expires_us;
}
