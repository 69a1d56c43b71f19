/*
 * model_question.c - reference data that changes, and what questions are answered.
 */
#include "sim/model_internal.h"
#include <math.h>
#include <string.h>

void model_ask_rule(struct model *model, const struct model_request *request, struct model_answer *out)
{
    struct model_rule_slot *rule = &model->rules[request->rule];
    if (request->is_delete && !rule->exists) {
        model_refuse(out, 404, "unknown_rule");
        return;
    }
    out->status = request->is_delete || rule->exists ? 200 : 201;
    out->record = MODEL_RECORD_MAYBE;
    rule->exists = !request->is_delete;
    rule->value = request->value;
}

/* A quantity of 0 removes. */
void model_ask_fence(struct model *model, const struct model_request *request, struct model_answer *out)
{
    struct model_fence_slot *fence = &model->fences[request->fence];
    if (request->is_delete && !fence->exists) {
        model_refuse(out, 404, "unknown_fence");
        return;
    }
    bool is_removal = request->is_delete || request->value == 0;
    out->status = is_removal || fence->exists ? 200 : 201;
    out->record = MODEL_RECORD_MAYBE;
    fence->exists = !is_removal;
    fence->quantity = request->value;
    if (!is_removal)
        model->is_stocked[fence->item][fence->node] = true;
}

void model_ask_node(struct model *model, const struct model_request *request, struct model_answer *out)
{
    model->enabled[request->node] = request->value != 0;
    out->record = MODEL_RECORD_MAYBE;
}

/* A quantity of 0 removes. */
void model_ask_supply(struct model *model, const struct model_request *request, struct model_answer *out)
{
    struct model_supply_slot *supply = &model->supplies[request->supply];
    if (request->is_delete && !supply->exists) {
        model_refuse(out, 404, "unknown_supply");
        return;
    }
    bool is_removal = request->is_delete || request->value == 0;
    out->status = is_removal || supply->exists ? 200 : 201;
    out->record = MODEL_RECORD_MAYBE;
    supply->exists = !is_removal;
    supply->quantity = request->value;
    supply->eta_us = request->at_us;
    if (!is_removal)
        model->is_stocked[supply->item][supply->node] = true;
}

static struct model_members members_of(const struct model_request *request)
{
    struct model_members members = { request->member_count, { 0 } };
    memcpy(members.nodes, request->members, request->member_count);
    return members;
}

void model_ask_group(struct model *model, const struct model_request *request, struct model_answer *out)
{
    model->groups[request->group] = members_of(request);
    out->record = MODEL_RECORD_MAYBE;
}

void model_ask_channel(struct model *model, const struct model_request *request, struct model_answer *out)
{
    model->channels[request->channel] =
        (struct model_channel_slot){ members_of(request), request->has_group ? request->group : MODEL_NONE,
                                     (enum model_policy)request->policy };
    out->record = MODEL_RECORD_MAYBE;
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

static void position_figures(const struct model *model, uint32_t item, uint32_t node, int64_t *out)
{
    int64_t held = 0, confirmed = 0, fenced = 0, on_hand = 0;
    for (uint32_t state = 0; state < MODEL_STATES; state++) {
        out[1 + state] = model_quantity(model, item, node, state);
        on_hand += out[1 + state];
    }
    for (uint32_t link = model->claim_heads[item][node]; link != 0;
         link = model->claims[link - 1].next_at_place) {
        held += model_held_of(model, &model->claims[link - 1]);
        confirmed += model->claims[link - 1].confirmed;
    }
    for (uint32_t i = 0; i < MODEL_FENCES; i++) {
        const struct model_fence_slot *fence = &model->fences[i];
        if (fence->exists && fence->item == item && fence->node == node)
            fenced += model_fence_unused(model, fence, 0);
    }
    out[0] = on_hand;
    out[6] = held;
    out[7] = confirmed;
    out[8] = model_rule_value(model, RULE_SAFETY, item, node, MODEL_NONE);
    out[9] = fenced;
    out[10] = model_room_of_nobody(model, item, node);
    out[11] = held + confirmed > 0 ? at_least_0(held + confirmed - out[1]) : 0;
}

void model_ask_stock(const struct model *model, const struct model_request *request, struct model_answer *out)
{
    for (uint32_t node = 0; node < MODEL_NODES; node++)
        position_figures(model, request->item, node, out->figures[node]);
}

/* The next supply to come at these nodes; of several at one time all. */
static void supply_figures(const struct model *model, const struct model_request *request,
                           const struct model_members *members, int64_t *out)
{
    out[3] = MODEL_NEVER;
    for (uint32_t i = 0; i < MODEL_SUPPLIES; i++) {
        const struct model_supply_slot *supply = &model->supplies[i];
        bool is_there = false;
        for (uint32_t m = 0; m < members->count; m++)
            is_there = is_there || members->nodes[m] == supply->node;
        if (!supply->exists || supply->item != request->item || !is_there || supply->eta_us <= model->now_us)
            continue;
        if (out[3] == MODEL_NEVER || supply->eta_us < out[3])
            out[2] = 0;
        if (out[3] == MODEL_NEVER || supply->eta_us <= out[3]) {
            out[2] += supply->quantity;
            out[3] = supply->eta_us;
        }
    }
}

/* RU7 */
static int64_t band_of(const struct model *model, uint32_t item, uint32_t node, uint32_t channel,
                       const int64_t *figures, bool is_eligible)
{
    if (figures[0] > 0)
        return figures[0] <= model_rule_value(model, RULE_LOW_STOCK, item, node, channel) ? 1 : 0;
    if (figures[1] > 0)
        return 3;
    bool is_preorder = model_rule_value(model, RULE_PREORDER, item, node, channel) != 0;
    return is_preorder && figures[3] != MODEL_NEVER && is_eligible ? 4 : 2;
}

/* RU8: what can be had at the node, and no more than the channel may have in all. */
static void availability_figures(const struct model *model, const struct model_request *request,
                                 struct model_room room, int64_t *out)
{
    int64_t allowed = model_allowance(model, NULL, request->item, request->channel, MODEL_ANY_KIND);
    out[0] = smaller(room.free, allowed);
    out[1] = room.backorder;
}

static void sum_figures(const struct model *model, const struct model_request *request,
                        struct model_members members, int64_t *out)
{
    struct model_room sum = { 0, 0 };
    for (uint32_t i = 0; i < members.count; i++) {
        struct model_room room =
            model_room_at(model, NULL, request->item, members.nodes[i], request->channel, MODEL_ANY_KIND);
        sum.free += room.free;
        sum.backorder += room.backorder;
    }
    availability_figures(model, request, sum, out);
    supply_figures(model, request, &members, out);
    out[4] = band_of(model, request->item, MODEL_NONE, request->channel, out, true);
}

static void node_figures(const struct model *model, const struct model_request *request, uint32_t node,
                         int64_t *out)
{
    struct model_members members = { 1, { (uint8_t)node } };
    struct model_room room =
        model_room_at(model, NULL, request->item, node, request->channel, MODEL_ANY_KIND);
    availability_figures(model, request, room, out);
    supply_figures(model, request, &members, out);
    bool is_eligible = model_ineligible(model, request->item, node, request->channel, MODEL_ANY_KIND) == NULL;
    out[4] = band_of(model, request->item, node, request->channel, out, is_eligible);
}

void model_ask_availability(const struct model *model, const struct model_request *request,
                            struct model_answer *out)
{
    if (request->type == MODEL_GET_CHANNEL_AVAILABILITY) {
        sum_figures(model, request, model_channel_members(model, request->channel), out->figures[0]);
    } else if (request->type == MODEL_GET_GROUP_AVAILABILITY) {
        sum_figures(model, request, model->groups[request->group], out->figures[0]);
    } else {
        for (uint32_t node = 0; node < MODEL_NODES; node++)
            node_figures(model, request, node, out->figures[node]);
    }
}

/* Great circle, by the haversine formula. */
double model_distance_of(uint32_t node, uint32_t point)
{
    const double degree = 3.14159265358979323846 / 180;
    const double *a = model_node_points[node];
    const double *b = model_points[point];
    double sin_lat = sin((b[0] - a[0]) * degree / 2);
    double sin_lon = sin((b[1] - a[1]) * degree / 2);
    double h = sin_lat * sin_lat + cos(a[0] * degree) * cos(b[0] * degree) * sin_lon * sin_lon;
    return 2 * 6371.0088 * asin(sqrt(h));
}

/* The nearest nodes that have some, nearest first. */
void model_ask_near(const struct model *model, const struct model_request *request, struct model_answer *out)
{
    for (uint32_t node = 0; node < MODEL_NODES; node++) {
        node_figures(model, request, node, out->figures[node]);
        double distance_km = model_distance_of(node, request->point);
        if (out->figures[node][0] <= 0 || (request->radius_km > 0 && distance_km > request->radius_km))
            continue;
        uint32_t at = out->near_count++;
        while (at > 0 && model_distance_of(out->near_nodes[at - 1], request->point) > distance_km) {
            out->near_nodes[at] = out->near_nodes[at - 1];
            at--;
        }
        out->near_nodes[at] = (uint8_t)node;
    }
}

void model_ask_supply_view(const struct model *model, const struct model_request *request,
                           struct model_answer *out)
{
    const struct model_supply_slot *supply = &model->supplies[request->supply];
    if (!supply->exists) {
        model_refuse(out, 404, "unknown_supply");
        return;
    }
    out->figures[0][0] = supply->quantity;
    out->figures[0][1] = supply->eta_us;
}

static void reservation_parts(const struct model *model, uint32_t reservation, struct model_answer *out)
{
    for (uint32_t link = model->reservations[reservation].first; link != 0;
         link = model->claims[link - 1].next_of_reservation) {
        const struct model_claim *claim = &model->claims[link - 1];
        int64_t held = model_held_of(model, claim);
        if (claim->node == MODEL_NONE)
            continue;
        struct model_part *part = model_part_add(out, claim->line, claim->item, claim->node);
        part->quantity = claim->quantity;
        part->held = held;
        part->confirmed = claim->confirmed;
        part->fulfilled = claim->fulfilled;
        part->released = claim->released;
        part->expired = claim->expired + claim->held - held;
    }
}

void model_ask_reservation(const struct model *model, const struct model_request *request,
                           struct model_answer *out)
{
    if (!model_reservation_is_known(model, request->reservation)) {
        model_refuse(out, 404, "unknown_reservation");
        return;
    }
    reservation_parts(model, request->reservation, out);
    model_booked_list(model, request->reservation, out);
    out->reservation_status = model_status_of(model, request->reservation);
    out->expires_us = model->reservations[request->reservation].expires_us;
}

/* How many of a customer's are in each status that lives: what ended may be forgotten. */
void model_ask_list(const struct model *model, const struct model_request *request, struct model_answer *out)
{
    for (uint32_t i = 0; i < model->reservation_count; i++) {
        const struct model_reservation *reservation = &model->reservations[i];
        if (!reservation->exists || reservation->customer != request->customer)
            continue;
        const char *status = model_status_of(model, i);
        out->figures[0][0] += strcmp(status, "held") == 0;
        out->figures[0][1] += strcmp(status, "confirmed") == 0;
    }
}

void model_ask_fence_view(const struct model *model, const struct model_request *request,
                          struct model_answer *out)
{
    const struct model_fence_slot *fence = &model->fences[request->fence];
    if (!fence->exists) {
        model_refuse(out, 404, "unknown_fence");
        return;
    }
    out->figures[0][0] = fence->quantity;
}

void model_ask_import_view(const struct model *model, const struct model_request *request,
                           struct model_answer *out)
{
    const struct model_import_slot *import = &model->imports[request->import % MODEL_IMPORTS_MAX];
    if (import->rows == 0) {
        model_refuse(out, 404, "unknown_import");
        return;
    }
    out->figures[0][0] = (int64_t)import->rows;
    out->figures[0][1] = (int64_t)import->rejected;
}
