#include "sim/model.h"
#include <stddef.h>
#include <string.h>

#define DAY_US (INT64_C(86400) * 1000000)

const struct model_members model_group_nodes[MODEL_GROUPS] = { { 3, { 0, 1, 2 } }, { 3, { 4, 2, 3 } } };
const struct model_members model_channel_nodes[MODEL_CHANNELS] = {
    { 0, { 0 } }, { 4, { 3, 1, 0, 2 } }, { 3, { 4, 2, 3 } }, { 5, { 2, 3, 4, 0, 1 } }
};
const enum model_policy model_channel_policies[MODEL_CHANNELS] = { MODEL_PRIORITY, MODEL_PRIORITY,
                                                                   MODEL_HIGHEST_STOCK, MODEL_FEWEST_SPLITS };
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
};

static const struct model_fence_slot fence_slots[MODEL_FENCES] = {
    { 0, 0, 1, false, false, 0 },
    { 1, 1, 1, true, false, 0 },
    { 0, 0, 3, false, false, 0 },
    { 2, 4, 2, true, false, 0 },
};

void model_init(struct model *model, int64_t now_us)
{
    memset(model, 0, sizeof(*model));
    model->now_us = now_us;
    memcpy(model->rules, rule_slots, sizeof(rule_slots));
    memcpy(model->fences, fence_slots, sizeof(fence_slots));
    for (uint32_t node = 0; node < MODEL_NODES; node++)
        model->enabled[node] = true;
}

void model_copy(struct model *to, const struct model *from)
{
    memcpy(to, from, offsetof(struct model, reservations));
    memcpy(to->reservations, from->reservations, from->reservation_count * sizeof(from->reservations[0]));
    memset(to->reservations + from->reservation_count, 0,
           (MODEL_RESERVATIONS_MAX - from->reservation_count) * sizeof(from->reservations[0]));
    memcpy(to->facts, from->facts, from->fact_count * sizeof(from->facts[0]));
    memcpy(to->claims, from->claims, from->claim_count * sizeof(from->claims[0]));
}

bool model_is_full(const struct model *model)
{
    return model->fact_count + 64 > MODEL_FACTS_MAX || model->claim_count + 256 > MODEL_CLAIMS_MAX ||
           model->reservation_count + 16 > MODEL_RESERVATIONS_MAX;
}

/* ---- Sums ------------------------------------------------------------------------------------------------------- */

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t at_least_0(int64_t value)
{
    return value > 0 ? value : 0;
}

/* L12 */
static bool count_is_greater(const struct model_fact *a, const struct model_fact *b)
{
    if (a->at_us != b->at_us)
        return a->at_us > b->at_us;
    if (a->seq != b->seq)
        return a->seq > b->seq;
    return a->milli < b->milli;
}

static const struct model_fact *greatest_count(const struct model *model, uint32_t item, uint32_t node,
                                               uint32_t state)
{
    const struct model_fact *greatest = NULL;
    for (uint32_t link = model->fact_heads[item][node][state]; link != 0;
         link = model->facts[link - 1].next) {
        const struct model_fact *fact = &model->facts[link - 1];
        if (fact->is_count && (greatest == NULL || count_is_greater(fact, greatest)))
            greatest = fact;
    }
    return greatest;
}

/* L10, L11 */
static int64_t quantity(const struct model *model, uint32_t item, uint32_t node, uint32_t state)
{
    const struct model_fact *count = greatest_count(model, item, node, state);
    int64_t sum = count == NULL ? 0 : count->milli;
    for (uint32_t link = model->fact_heads[item][node][state]; link != 0;
         link = model->facts[link - 1].next) {
        const struct model_fact *fact = &model->facts[link - 1];
        if (!fact->is_count && (count == NULL || fact->at_us > count->at_us))
            sum += fact->milli;
    }
    return sum;
}

static void tell(struct model *model, uint32_t item, uint32_t node, uint32_t state, struct model_fact fact)
{
    fact.next = model->fact_heads[item][node][state];
    model->facts[model->fact_count++] = fact;
    model->fact_heads[item][node][state] = model->fact_count;
    model->is_stocked[item][node] = true;
}

/* L26 */
static bool is_due(const struct model *model, const struct model_claim *claim)
{
    int64_t expires_us = model->reservations[claim->reservation].expires_us;
    return expires_us != MODEL_NEVER && expires_us <= model->now_us;
}

static int64_t held_of(const struct model *model, const struct model_claim *claim)
{
    return is_due(model, claim) ? 0 : claim->held;
}

static int64_t live_of(const struct model *model, const struct model_claim *claim)
{
    return held_of(model, claim) + claim->confirmed;
}

/* Of one channel, or of all (MODEL_NONE). */
static int64_t claimed(const struct model *model, uint32_t item, uint32_t node, uint32_t channel)
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

static const struct model_rule_slot *resolve(const struct model *model, uint32_t attribute, uint32_t item,
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

static int64_t rule_value(const struct model *model, uint32_t attribute, uint32_t item, uint32_t node,
                          uint32_t channel)
{
    const struct model_rule_slot *rule = resolve(model, attribute, item, node, channel);
    return rule == NULL ? 0 : rule->value;
}

/* ---- What can be had -------------------------------------------------------------------------------------------- */

/* What the request being judged has taken so far. */
struct pending {
    int64_t milli[MODEL_ITEMS][MODEL_NODES];
};

struct room {
    int64_t free;
    int64_t backorder;
};

static bool channel_has(uint32_t channel, uint32_t node)
{
    if (channel == MODEL_NONE || model_channel_nodes[channel].count == 0)
        return true;
    for (uint32_t i = 0; i < model_channel_nodes[channel].count; i++) {
        if (model_channel_nodes[channel].nodes[i] == node)
            return true;
    }
    return false;
}

/* NULL: the node may be asked. L20, V7. Nodes 0, 1 and 2 are stores, which let customers collect. */
static const char *ineligible(const struct model *model, uint32_t item, uint32_t node, uint32_t channel,
                              uint32_t kind)
{
    if (!model->enabled[node])
        return "node_disabled";
    if (!channel_has(channel, node))
        return "not_in_channel";
    if (kind == MODEL_COLLECT) {
        const struct model_rule_slot *rule = resolve(model, RULE_PICKUP, item, node, channel);
        if (node > 2 || (rule != NULL && rule->value == 0))
            return "pickup_not_allowed";
    }
    if (kind == MODEL_SHIP) {
        const struct model_rule_slot *rule = resolve(model, RULE_SHIP, item, node, channel);
        if (rule != NULL && rule->value == 0)
            return "ship_not_allowed";
    }
    return NULL;
}

/* L33: what a fence keeps from everyone else. */
static int64_t fence_unused(const struct model *model, const struct model_fence_slot *fence,
                            int64_t own_pending)
{
    return at_least_0(fence->quantity - claimed(model, fence->item, fence->node, fence->channel) -
                      own_pending);
}

/* L5, L23, L33 to L37 */
static struct room room_at(const struct model *model, const struct pending *pending, uint32_t item,
                           uint32_t node, uint32_t channel, uint32_t kind)
{
    struct room room = { 0, 0 };
    int64_t own_restricted = INT64_MAX;
    if (ineligible(model, item, node, channel, kind) != NULL)
        return room;
    int64_t taken = pending == NULL ? 0 : pending->milli[item][node];
    int64_t open = quantity(model, item, node, 0) - claimed(model, item, node, MODEL_NONE) - taken;
    for (uint32_t i = 0; i < MODEL_FENCES; i++) {
        const struct model_fence_slot *fence = &model->fences[i];
        if (!fence->exists || fence->item != item || fence->node != node)
            continue;
        if (fence->channel != channel)
            open -= fence_unused(model, fence, 0);
        else if (fence->is_restrict)
            own_restricted = fence_unused(model, fence, taken);
    }
    room.free = at_least_0(open - rule_value(model, RULE_SAFETY, item, node, channel));
    if (own_restricted != INT64_MAX) {
        room.free = smaller(room.free, own_restricted);
        return room;
    }
    int64_t limit = rule_value(model, RULE_BACKORDER, item, node, channel);
    room.backorder = limit == 0 ? 0 : at_least_0(open + limit - room.free);
    return room;
}

/* L24: how much of real stock the channel may have; INT64_MAX: as much as there is. */
static int64_t allowance(const struct model *model, const struct pending *pending, uint32_t item,
                         uint32_t channel, uint32_t kind)
{
    int64_t threshold =
        channel == MODEL_NONE ? 0 : rule_value(model, RULE_THRESHOLD, item, MODEL_NONE, channel);
    int64_t sum = 0;
    if (threshold == 0)
        return INT64_MAX;
    for (uint32_t node = 0; node < MODEL_NODES; node++)
        sum += room_at(model, pending, item, node, channel, kind).free;
    return at_least_0(sum - threshold);
}

/* ---- Answers ---------------------------------------------------------------------------------------------------- */

static void refuse(struct model_answer *out, int status, const char *code)
{
    out->status = status;
    out->code = code;
    out->part_count = 0;
}

static struct model_part *part_add(struct model_answer *out, uint32_t line, uint32_t item, uint32_t node)
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
static struct model_claim *claim_at(struct model *model, uint32_t reservation, uint32_t line, uint32_t item,
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
static const char *status_of(const struct model *model, uint32_t reservation)
{
    int64_t held = 0, confirmed = 0, fulfilled = 0, expired = 0;
    for (uint32_t link = model->reservations[reservation].first; link != 0;
         link = model->claims[link - 1].next_of_reservation) {
        const struct model_claim *claim = &model->claims[link - 1];
        held += held_of(model, claim);
        confirmed += claim->confirmed;
        fulfilled += claim->fulfilled;
        expired += claim->expired + claim->held - held_of(model, claim);
    }
    return held > 0        ? "held"
           : confirmed > 0 ? "confirmed"
           : fulfilled > 0 ? "fulfilled"
           : expired > 0   ? "expired"
                           : "released";
}

/* ---- Stock ------------------------------------------------------------------------------------------------------ */

static uint32_t entry_print(const struct model_line *line)
{
    uint64_t print = (uint64_t)line->milli * 31 + (uint64_t)line->at_us * 7 + line->item * 1000003u +
                     line->node * 101u + line->state * 17u + 1;
    return (uint32_t)(print ^ print >> 32) | 1u;
}

static struct model_key *entry_slot(struct model *model, const struct model_request *request,
                                    const struct model_line *line)
{
    return &model->entry_ids[(line->entry_id * 3 + request->source) % MODEL_KEYS_MAX];
}

static bool key_is_known(const struct model *model, const struct model_key *key)
{
    return key->request != 0 && model->now_us - key->at_us < DAY_US;
}

/* V6, L15, L16 */
static bool entries_judge(struct model *model, const struct model_request *request, struct model_answer *out)
{
    for (uint32_t i = 0; i < request->line_count; i++) {
        const struct model_line *line = &request->lines[i];
        if (line->item >= MODEL_ITEMS) {
            refuse(out, 422, "unknown_item");
            return false;
        }
        for (uint32_t j = 0; line->entry_id != 0 && j < i; j++) {
            if (request->lines[j].entry_id == line->entry_id) {
                refuse(out, 400, "duplicate_member");
                return false;
            }
        }
        const struct model_key *known = entry_slot(model, request, line);
        if (line->entry_id != 0 && key_is_known(model, known) && known->request != entry_print(line)) {
            refuse(out, 422, "idempotency_mismatch");
            return false;
        }
    }
    return true;
}

static int64_t room_of_nobody(const struct model *model, uint32_t item, uint32_t node)
{
    return room_at(model, NULL, item, node, MODEL_NONE, MODEL_ANY_KIND).free;
}

/* L9, L11. Entries happen one after the other, and each says what is available after it. */
static void ask_adjust(struct model *model, const struct model_request *request, struct model_answer *out)
{
    if (!entries_judge(model, request, out))
        return;
    for (uint32_t i = 0; i < request->line_count; i++) {
        const struct model_line *line = &request->lines[i];
        struct model_part *part = part_add(out, i, line->item, line->node);
        if (line->entry_id != 0) {
            struct model_key *key = entry_slot(model, request, line);
            if (key_is_known(model, key)) {
                part->verdict = "repeated";
                part->available = room_of_nobody(model, line->item, line->node);
                continue;
            }
            *key = (struct model_key){ entry_print(line), model->now_us };
        }
        int64_t at_us = line->at_us == MODEL_NEVER ? model->now_us : line->at_us;
        const struct model_fact *count = greatest_count(model, line->item, line->node, line->state);
        bool is_seen = count != NULL && at_us <= count->at_us;
        part->verdict = is_seen ? "recorded" : "ok";
        part->quantity = is_seen ? 0 : line->milli;
        tell(model, line->item, line->node, line->state,
             (struct model_fact){ false, at_us, 0, line->milli, 0 });
        out->record = MODEL_RECORD_YES;
        part->available = room_of_nobody(model, line->item, line->node);
    }
}

/* L10, L12 */
static const char *sync_line(struct model *model, const struct model_line *line, int64_t *out_change)
{
    struct model_fact fact = { true, line->at_us, line->has_source_seq ? line->source_seq : -1, line->milli,
                               0 };
    const struct model_fact *greatest = greatest_count(model, line->item, line->node, line->state);
    *out_change = 0;
    if (greatest != NULL && !count_is_greater(&fact, greatest))
        return count_is_greater(greatest, &fact) ? "stale" : "unchanged";
    int64_t before = quantity(model, line->item, line->node, line->state);
    tell(model, line->item, line->node, line->state, fact);
    *out_change = quantity(model, line->item, line->node, line->state) - before;
    return "ok";
}

static void ask_sync(struct model *model, const struct model_request *request, struct model_answer *out)
{
    if (!entries_judge(model, request, out))
        return;
    for (uint32_t i = 0; i < request->line_count; i++) {
        const struct model_line *line = &request->lines[i];
        struct model_part *part = part_add(out, i, line->item, line->node);
        part->verdict = sync_line(model, line, &part->quantity);
        if (strcmp(part->verdict, "ok") == 0)
            out->record = MODEL_RECORD_YES;
        part->available = room_of_nobody(model, line->item, line->node);
    }
}

/* Rows one after the other; an unknown item rejects its row and no other. */
static void ask_import(struct model *model, const struct model_request *request, struct model_answer *out)
{
    struct model_import_slot *import = &model->imports[request->import % MODEL_IMPORTS_MAX];
    out->record = MODEL_RECORD_MAYBE;
    for (uint32_t i = 0; i < request->line_count; i++) {
        const struct model_line *line = &request->lines[i];
        int64_t change;
        import->rows++;
        if (line->item >= MODEL_ITEMS) {
            import->rejected++;
            out->parts[2].quantity++;
        } else if (strcmp(sync_line(model, line, &change), "ok") == 0) {
            out->parts[0].quantity++;
        } else {
            out->parts[1].quantity++;
        }
    }
    out->part_count = 3; /* applied, unchanged, rejected */
}

/* ---- Reserving -------------------------------------------------------------------------------------------------- */

struct candidate {
    uint32_t node;
    uint32_t rank;
    struct room room;
    int64_t taken;
};

struct plan {
    const struct model_request *request;
    struct pending pending;
    uint32_t covers[MODEL_NODES];
    struct candidate candidates[MODEL_NODES];
    uint32_t candidate_count;
};

static void candidate_look(const struct model *model, struct plan *plan, const struct model_line *line,
                           uint32_t node)
{
    struct room room =
        room_at(model, &plan->pending, line->item, node, plan->request->channel, plan->request->kind);
    if (room.free + room.backorder <= 0)
        return;
    plan->candidates[plan->candidate_count] = (struct candidate){ node, plan->candidate_count, room, 0 };
    plan->candidate_count++;
}

/* L20 */
static void candidates_collect(const struct model *model, struct plan *plan, const struct model_line *line)
{
    const struct model_members *members = &model_channel_nodes[plan->request->channel];
    plan->candidate_count = 0;
    if (line->group != MODEL_NONE)
        members = &model_group_nodes[line->group];
    if (line->node != MODEL_NONE) {
        candidate_look(model, plan, line, line->node);
        return;
    }
    for (uint32_t i = 0; i < (members->count == 0 ? MODEL_NODES : members->count); i++)
        candidate_look(model, plan, line, members->count == 0 ? i : members->nodes[i]);
}

/* L21: does a come before b? */
static bool candidate_is_before(const struct plan *plan, const struct candidate *a, const struct candidate *b,
                                int64_t wanted)
{
    enum model_policy policy = model_channel_policies[plan->request->channel];
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
static uint32_t candidate_next(const struct plan *plan, const bool *used, int64_t wanted)
{
    uint32_t best = 0;
    while (used[best])
        best++;
    for (uint32_t i = best + 1; i < plan->candidate_count; i++) {
        if (!used[i] && candidate_is_before(plan, &plan->candidates[i], &plan->candidates[best], wanted))
            best = i;
    }
    return best;
}

/* L22: real stock everywhere first, then below zero. Writes the order in which candidates are used. */
static void candidates_take(struct plan *plan, int64_t wanted, int64_t take, int64_t allowed,
                            struct candidate *out_order[MODEL_NODES])
{
    bool used[MODEL_NODES] = { false };
    int64_t free_left = smaller(take, allowed);
    for (uint32_t i = 0; i < plan->candidate_count; i++) {
        uint32_t next = candidate_next(plan, used, wanted);
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
static const char *quantity_fault(const struct model *model, uint32_t item, uint32_t node, uint32_t channel,
                                  int64_t milli)
{
    int64_t increment = rule_value(model, RULE_INCREMENT, item, node, channel);
    if (milli < rule_value(model, RULE_MINIMUM, item, node, channel))
        return "quantity_below_minimum";
    return increment != 0 && milli % increment != 0 ? "quantity_not_increment" : NULL;
}

static int64_t quantity_grant(const struct model *model, const struct model_line *line, uint32_t channel,
                              int64_t milli)
{
    int64_t increment = rule_value(model, RULE_INCREMENT, line->item, line->node, channel);
    if (increment != 0)
        milli -= milli % increment;
    return milli < rule_value(model, RULE_MINIMUM, line->item, line->node, channel) ? 0 : milli;
}

static bool lines_judge(const struct model *model, const struct model_request *request,
                        struct model_answer *out)
{
    for (uint32_t i = 0; i < request->line_count; i++) {
        if (request->lines[i].item >= MODEL_ITEMS) {
            refuse(out, 422, "unknown_item");
            return false;
        }
    }
    for (uint32_t i = 0; i < request->line_count; i++) {
        const struct model_line *line = &request->lines[i];
        const char *code = quantity_fault(model, line->item, line->node, request->channel, line->milli);
        if (code == NULL && line->node != MODEL_NONE)
            code = ineligible(model, line->item, line->node, request->channel, request->kind);
        if (code != NULL) {
            refuse(out, 409, code);
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
    struct room sum = { 0, 0 };
    candidates_collect(model, plan, line);
    for (uint32_t i = 0; i < plan->candidate_count; i++) {
        sum.free += plan->candidates[i].room.free;
        sum.backorder += plan->candidates[i].room.backorder;
    }
    int64_t allowed = allowance(model, &plan->pending, line->item, request->channel, request->kind);
    int64_t possible = smaller(sum.free, allowed) + sum.backorder;
    if (possible < line->milli && !request->allow_partial)
        return false;
    int64_t take =
        possible >= line->milli ? line->milli : quantity_grant(model, line, request->channel, possible);
    candidates_take(plan, line->milli, take, allowed, order);
    for (uint32_t i = 0; i < plan->candidate_count; i++) {
        if (order[i]->taken == 0)
            continue;
        plan->pending.milli[line->item][order[i]->node] += order[i]->taken;
        struct model_part *part = part_add(out, line->line, line->item, order[i]->node);
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
                claim_at(model, request->reservation, part->line, part->item, part->node);
            claim->quantity = claim->held = part->quantity;
            missing -= part->quantity;
        }
        if (missing > 0)
            claim_at(model, request->reservation, request->lines[i].line, request->lines[i].item, MODEL_NONE)
                ->quantity = missing;
    }
}

static void ask_reserve(struct model *model, const struct model_request *request, struct model_answer *out)
{
    struct plan plan = { .request = request };
    bool is_short = false;
    if (!lines_judge(model, request, out))
        return;
    covers_count(model, &plan);
    for (uint32_t i = 0; i < request->line_count; i++)
        is_short = !line_plan(model, &plan, &request->lines[i], out) || is_short;
    if (is_short) {
        refuse(out, 409, "insufficient_stock");
        return;
    }
    reservation_make(model, request, out);
    out->status = 201;
    out->record = MODEL_RECORD_YES;
    out->reservation_status = status_of(model, request->reservation);
    out->expires_us = model->reservations[request->reservation].expires_us;
}

/* ---- Acting ----------------------------------------------------------------------------------------------------- */

/* A claim as the action sees it. */
struct work {
    struct model_claim *claim;
    int64_t held, confirmed;           /* left */
    int64_t took_held, took_confirmed; /* by the lines of the action */
    int64_t added;
    uint32_t to_node;
};

struct action {
    struct model *model;
    const struct model_request *request;
    struct work works[MODEL_PARTS_MAX];
    uint32_t work_count;
    struct pending pending;
};

static bool is_selected(const struct work *work, const struct model_line *line)
{
    return line == NULL ||
           (work->claim->line == line->line && (line->node == MODEL_NONE || work->claim->node == line->node));
}

static int64_t work_capacity(const struct action *action, const struct work *work)
{
    if (action->request->type == MODEL_CONFIRM)
        return work->held;
    if (action->request->type == MODEL_FULFIL)
        return work->confirmed;
    return work->held + work->confirmed;
}

static int64_t capacity_of(const struct action *action, const struct model_line *line, uint32_t except_node)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < action->work_count; i++) {
        if (is_selected(&action->works[i], line) && action->works[i].claim->node != except_node)
            sum += work_capacity(action, &action->works[i]);
    }
    return sum;
}

/* V10 */
static void refuse_nothing(const struct action *action, const struct model_line *line,
                           struct model_answer *out)
{
    bool is_named = false, held = false, confirmed = false, fulfilled = false, expired = false, had = false;
    for (uint32_t i = 0; i < action->work_count; i++) {
        const struct work *work = &action->works[i];
        if (!is_selected(work, line))
            continue;
        is_named = true;
        had = had || work->claim->node != MODEL_NONE;
        held = held || work->held > 0;
        confirmed = confirmed || work->claim->confirmed > 0;
        fulfilled = fulfilled || work->claim->fulfilled > 0;
        expired = expired || work->claim->expired > 0 ||
                  (is_due(action->model, work->claim) && work->claim->held > 0);
    }
    if (!is_named && line != NULL)
        refuse(out, 422, "unknown_line");
    else if (action->request->type == MODEL_FULFIL && held)
        refuse(out, 409, "not_confirmed");
    else
        refuse(out, 409,
               confirmed   ? "already_confirmed"
               : fulfilled ? "already_fulfilled"
               : expired   ? "expired"
               : had       ? "already_released"
                           : "nothing_claimed");
}

/* L30: in the order they were made, held before confirmed. */
static void take(struct action *action, const struct model_line *line, uint32_t except_node, int64_t milli)
{
    for (uint32_t i = 0; i < action->work_count; i++) {
        struct work *work = &action->works[i];
        if (!is_selected(work, line) || work->claim->node == except_node)
            continue;
        int64_t held = action->request->type == MODEL_FULFIL ? 0 : smaller(work->held, milli);
        int64_t confirmed =
            action->request->type == MODEL_CONFIRM ? 0 : smaller(work->confirmed, milli - held);
        work->held -= held;
        work->confirmed -= confirmed;
        work->took_held += held;
        work->took_confirmed += confirmed;
        milli -= held + confirmed;
    }
}

static int64_t room_for(const struct action *action, uint32_t item, uint32_t node)
{
    const struct model_reservation *of = &action->model->reservations[action->request->reservation];
    struct room room = room_at(action->model, &action->pending, item, node, of->channel, of->kind);
    return smaller(room.free, allowance(action->model, &action->pending, item, of->channel, of->kind)) +
           room.backorder;
}

static const char *ineligible_for(const struct action *action, uint32_t item, uint32_t node)
{
    const struct model_reservation *of = &action->model->reservations[action->request->reservation];
    return ineligible(action->model, item, node, of->channel, of->kind);
}

static bool line_judge(const struct action *action, const struct model_line *line, int64_t capacity,
                       int64_t *out_milli, struct model_answer *out)
{
    if (capacity == 0) {
        refuse_nothing(action, line, out);
        return false;
    }
    if (line != NULL && line->has_quantity && line->milli > capacity) {
        refuse(out, 409, "exceeds_claim");
        return false;
    }
    *out_milli = line != NULL && line->has_quantity ? line->milli : capacity;
    return true;
}

static bool act_take(struct action *action, const struct model_line *line, struct model_answer *out)
{
    int64_t milli;
    if (!line_judge(action, line, capacity_of(action, line, MODEL_ITEMS + MODEL_NONE), &milli, out))
        return false;
    take(action, line, MODEL_ITEMS + MODEL_NONE, milli);
    return true;
}

/* L31, V11 */
static bool act_move(struct action *action, const struct model_line *line, struct model_answer *out)
{
    uint32_t to = line != NULL ? line->to_node : action->request->node;
    int64_t capacity = capacity_of(action, line, to);
    int64_t milli;
    if (capacity == 0 && capacity_of(action, line, MODEL_ITEMS + MODEL_NONE) > 0) {
        refuse(out, 422, "same_node");
        return false;
    }
    if (!line_judge(action, line, capacity, &milli, out))
        return false;
    take(action, line, to, milli);
    for (uint32_t i = 0; i < action->work_count; i++) {
        struct work *work = &action->works[i];
        int64_t moved = work->took_held + work->took_confirmed;
        if (!is_selected(work, line) || moved == 0 || work->to_node == to || work->claim->node == to)
            continue;
        if (work->to_node != MODEL_NONE) {
            refuse(out, 400, "duplicate_line");
            return false;
        }
        work->to_node = to;
        action->pending.milli[work->claim->item][work->claim->node] -= moved;
        const char *code = ineligible_for(action, work->claim->item, to);
        if (code != NULL || room_for(action, work->claim->item, to) < moved) {
            refuse(out, 409, code != NULL ? code : "insufficient_stock");
            return false;
        }
        action->pending.milli[work->claim->item][to] += moved;
    }
    return true;
}

static bool change_add(struct action *action, const struct model_line *line, int64_t more,
                       struct model_answer *out)
{
    for (uint32_t i = 0; i < action->work_count && more > 0; i++) {
        struct work *work = &action->works[i];
        if (!is_selected(work, line) || work->held + work->confirmed == 0)
            continue;
        const char *code = ineligible_for(action, work->claim->item, work->claim->node);
        if (code != NULL) {
            refuse(out, 409, code);
            return false;
        }
        int64_t added = smaller(room_for(action, work->claim->item, work->claim->node), more);
        work->added += added;
        more -= added;
        action->pending.milli[work->claim->item][work->claim->node] += added;
    }
    if (more > 0)
        refuse(out, 409, "insufficient_stock");
    return more == 0;
}

static bool act_change(struct action *action, const struct model_line *line, struct model_answer *out)
{
    int64_t has = capacity_of(action, line, MODEL_ITEMS + MODEL_NONE);
    const struct model_reservation *of = &action->model->reservations[action->request->reservation];
    if (has == 0) {
        refuse_nothing(action, line, out);
        return false;
    }
    uint32_t i = 0;
    while (!is_selected(&action->works[i], line))
        i++;
    const char *code = line->milli == 0 ? NULL
                                        : quantity_fault(action->model, action->works[i].claim->item,
                                                         line->node, of->channel, line->milli);
    if (code != NULL) {
        refuse(out, 409, code);
        return false;
    }
    if (line->milli >= has)
        return change_add(action, line, line->milli - has, out);
    take(action, line, MODEL_ITEMS + MODEL_NONE, has - line->milli);
    return true;
}

static bool act_line(struct action *action, const struct model_line *line, struct model_answer *out)
{
    if (action->request->type == MODEL_MOVE)
        return act_move(action, line, out);
    return action->request->type == MODEL_CHANGE ? act_change(action, line, out)
                                                 : act_take(action, line, out);
}

static void fence_use(struct model *model, const struct model_claim *claim, int64_t milli)
{
    for (uint32_t i = 0; i < MODEL_FENCES; i++) {
        struct model_fence_slot *fence = &model->fences[i];
        if (fence->exists && fence->item == claim->item && fence->node == claim->node &&
            fence->channel == model->reservations[claim->reservation].channel)
            fence->quantity = at_least_0(fence->quantity - milli);
    }
}

/* What was decided for one claim happens. */
static void work_do(struct action *action, struct work *work, struct model_answer *out)
{
    struct model *model = action->model;
    const struct model_request *request = action->request;
    struct model_claim *claim = work->claim;
    int64_t took = work->took_held + work->took_confirmed;
    bool gives_back =
        request->return_rest && (request->type == MODEL_CONFIRM || request->type == MODEL_FULFIL);
    int64_t back_held = gives_back ? work->held : 0;
    int64_t back_confirmed = gives_back && request->type == MODEL_FULFIL ? work->confirmed : 0;
    bool had_held = work->held > 0;
    claim->held -= work->took_held + back_held;
    claim->confirmed -= work->took_confirmed + back_confirmed;
    claim->released += back_held + back_confirmed;
    if (request->type == MODEL_CONFIRM) {
        claim->confirmed += took;
    } else if (request->type == MODEL_FULFIL) {
        claim->fulfilled += took;
        if (took > 0) {
            int64_t at_us = request->at_us == MODEL_NEVER ? model->now_us : request->at_us;
            tell(model, claim->item, claim->node, 0, (struct model_fact){ false, at_us, 0, -took, 0 });
            fence_use(model, claim, took);
        }
    } else if (request->type == MODEL_MOVE) {
        claim->quantity -= took;
        if (took > 0) {
            struct model_claim *there =
                claim_at(model, claim->reservation, claim->line, claim->item, work->to_node);
            there->quantity += took;
            there->held += work->took_held;
            there->confirmed += work->took_confirmed;
        }
    } else {
        claim->released += took;
        claim->quantity += work->added;
        claim->held += had_held ? work->added : 0;
        claim->confirmed += had_held ? 0 : work->added;
    }
    if (took + back_held + back_confirmed + work->added == 0)
        return;
    struct model_part *part =
        part_add(out, claim->line, claim->item, work->to_node != MODEL_NONE ? work->to_node : claim->node);
    part->quantity = request->type == MODEL_CHANGE ? work->added - took : took;
    part->returned = back_held + back_confirmed;
    out->record = MODEL_RECORD_YES;
}

static void extend(struct action *action, struct model_answer *out)
{
    int64_t held = 0;
    for (uint32_t i = 0; i < action->work_count; i++)
        held += action->works[i].held;
    if (held == 0) {
        refuse_nothing(action, NULL, out);
        return;
    }
    out->record = MODEL_RECORD_YES;
    action->model->reservations[action->request->reservation].expires_us =
        action->request->ttl_us == 0 ? MODEL_NEVER : action->model->now_us + action->request->ttl_us;
}

/* A hold that is due has expired for good: an extension of the rest must not bring it back. */
static void settle_due(struct model *model, uint32_t reservation)
{
    for (uint32_t link = model->reservations[reservation].first; link != 0;
         link = model->claims[link - 1].next_of_reservation) {
        struct model_claim *claim = &model->claims[link - 1];
        if (is_due(model, claim)) {
            claim->expired += claim->held;
            claim->held = 0;
        }
    }
}

/* A claim that was moved away as a whole is no more. */
static void claim_drop(struct model *model, const struct model_claim *claim)
{
    uint32_t number = (uint32_t)(claim - model->claims) + 1;
    uint32_t *link = &model->reservations[claim->reservation].first;
    while (*link != number)
        link = &model->claims[*link - 1].next_of_reservation;
    *link = claim->next_of_reservation;
    link = &model->claim_heads[claim->item][claim->node];
    while (*link != number)
        link = &model->claims[*link - 1].next_at_place;
    *link = claim->next_at_place;
}

static void act_lines(struct action *action, struct model_answer *out)
{
    const struct model_request *request = action->request;
    bool is_fine = request->line_count > 0 || act_line(action, NULL, out);
    for (uint32_t i = 0; is_fine && i < request->line_count; i++)
        is_fine = act_line(action, &request->lines[i], out);
    uint32_t count = action->work_count;
    for (uint32_t i = 0; is_fine && i < count; i++)
        work_do(action, &action->works[i], out);
    for (uint32_t i = 0; is_fine && i < count; i++) {
        if (action->works[i].claim->node != MODEL_NONE && action->works[i].claim->quantity == 0)
            claim_drop(action->model, action->works[i].claim);
    }
}

static void ask_action(struct model *model, const struct model_request *request, struct model_answer *out)
{
    static struct action action;
    action = (struct action){ .model = model, .request = request };
    if (request->reservation >= model->reservation_count ||
        !model->reservations[request->reservation].exists) {
        refuse(out, 404, "unknown_reservation");
        return;
    }
    settle_due(model, request->reservation);
    for (uint32_t link = model->reservations[request->reservation].first; link != 0;
         link = model->claims[link - 1].next_of_reservation) {
        struct model_claim *claim = &model->claims[link - 1];
        action.works[action.work_count++] =
            (struct work){ claim, claim->held, claim->confirmed, 0, 0, 0, MODEL_NONE };
    }
    if (request->type == MODEL_EXTEND)
        extend(&action, out);
    else
        act_lines(&action, out);
    if (out->code != NULL)
        return;
    out->reservation_status = status_of(model, request->reservation);
    out->expires_us = model->reservations[request->reservation].expires_us;
}

/* ---- Reference data --------------------------------------------------------------------------------------------- */

static void ask_rule(struct model *model, const struct model_request *request, struct model_answer *out)
{
    struct model_rule_slot *rule = &model->rules[request->rule];
    if (request->is_delete && !rule->exists) {
        refuse(out, 404, "unknown_rule");
        return;
    }
    out->status = request->is_delete || rule->exists ? 200 : 201;
    out->record = MODEL_RECORD_MAYBE;
    rule->exists = !request->is_delete;
    rule->value = request->value;
}

/* A quantity of 0 removes. */
static void ask_fence(struct model *model, const struct model_request *request, struct model_answer *out)
{
    struct model_fence_slot *fence = &model->fences[request->fence];
    if (request->is_delete && !fence->exists) {
        refuse(out, 404, "unknown_fence");
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

static void ask_node(struct model *model, const struct model_request *request, struct model_answer *out)
{
    model->enabled[request->node] = request->value != 0;
    out->record = MODEL_RECORD_MAYBE;
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

static void position_figures(const struct model *model, uint32_t item, uint32_t node, int64_t *out)
{
    int64_t held = 0, confirmed = 0, fenced = 0, on_hand = 0;
    for (uint32_t state = 0; state < MODEL_STATES; state++) {
        out[1 + state] = quantity(model, item, node, state);
        on_hand += out[1 + state];
    }
    for (uint32_t link = model->claim_heads[item][node]; link != 0;
         link = model->claims[link - 1].next_at_place) {
        held += held_of(model, &model->claims[link - 1]);
        confirmed += model->claims[link - 1].confirmed;
    }
    for (uint32_t i = 0; i < MODEL_FENCES; i++) {
        const struct model_fence_slot *fence = &model->fences[i];
        if (fence->exists && fence->item == item && fence->node == node)
            fenced += fence_unused(model, fence, 0);
    }
    out[0] = on_hand;
    out[6] = held;
    out[7] = confirmed;
    out[8] = rule_value(model, RULE_SAFETY, item, node, MODEL_NONE);
    out[9] = fenced;
    out[10] = room_of_nobody(model, item, node);
    out[11] = held + confirmed > 0 ? at_least_0(held + confirmed - out[1]) : 0;
}

static void ask_stock(const struct model *model, const struct model_request *request,
                      struct model_answer *out)
{
    for (uint32_t node = 0; node < MODEL_NODES; node++)
        position_figures(model, request->item, node, out->figures[node]);
}

/* RU8: what can be had at the node, and no more than the channel may have in all. */
static void availability_figure(const struct model *model, const struct model_request *request,
                                struct room room, int64_t *out)
{
    int64_t allowed = allowance(model, NULL, request->item, request->channel, MODEL_ANY_KIND);
    out[0] = smaller(room.free, allowed);
    out[1] = room.backorder;
}

static struct room room_sum(const struct model *model, const struct model_request *request,
                            const struct model_members *members)
{
    struct room sum = { 0, 0 };
    for (uint32_t i = 0; i < (members->count == 0 ? MODEL_NODES : members->count); i++) {
        uint32_t node = members->count == 0 ? i : members->nodes[i];
        struct room room = room_at(model, NULL, request->item, node, request->channel, MODEL_ANY_KIND);
        sum.free += room.free;
        sum.backorder += room.backorder;
    }
    return sum;
}

static void ask_availability(const struct model *model, const struct model_request *request,
                             struct model_answer *out)
{
    if (request->type == MODEL_GET_CHANNEL_AVAILABILITY) {
        struct room sum = room_sum(model, request, &model_channel_nodes[request->channel]);
        availability_figure(model, request, sum, out->figures[0]);
    } else if (request->type == MODEL_GET_GROUP_AVAILABILITY) {
        availability_figure(model, request, room_sum(model, request, &model_group_nodes[request->group]),
                            out->figures[0]);
    } else {
        for (uint32_t node = 0; node < MODEL_NODES; node++) {
            struct room room = room_at(model, NULL, request->item, node, request->channel, MODEL_ANY_KIND);
            availability_figure(model, request, room, out->figures[node]);
        }
    }
}

static void reservation_parts(const struct model *model, uint32_t reservation, struct model_answer *out)
{
    for (uint32_t link = model->reservations[reservation].first; link != 0;
         link = model->claims[link - 1].next_of_reservation) {
        const struct model_claim *claim = &model->claims[link - 1];
        int64_t held = held_of(model, claim);
        if (claim->node == MODEL_NONE)
            continue;
        struct model_part *part = part_add(out, claim->line, claim->item, claim->node);
        part->quantity = claim->quantity;
        part->held = held;
        part->confirmed = claim->confirmed;
        part->fulfilled = claim->fulfilled;
        part->released = claim->released;
        part->expired = claim->expired + claim->held - held;
    }
}

static void ask_reservation(const struct model *model, const struct model_request *request,
                            struct model_answer *out)
{
    if (request->reservation >= model->reservation_count ||
        !model->reservations[request->reservation].exists) {
        refuse(out, 404, "unknown_reservation");
        return;
    }
    reservation_parts(model, request->reservation, out);
    out->reservation_status = status_of(model, request->reservation);
    out->expires_us = model->reservations[request->reservation].expires_us;
}

/* How many of a customer's are in each status that lives: what ended may be forgotten. */
static void ask_list(const struct model *model, const struct model_request *request, struct model_answer *out)
{
    for (uint32_t i = 0; i < model->reservation_count; i++) {
        const struct model_reservation *reservation = &model->reservations[i];
        if (!reservation->exists || reservation->customer != request->customer)
            continue;
        const char *status = status_of(model, i);
        out->figures[0][0] += strcmp(status, "held") == 0;
        out->figures[0][1] += strcmp(status, "confirmed") == 0;
    }
}

static void ask_fence_view(const struct model *model, const struct model_request *request,
                           struct model_answer *out)
{
    const struct model_fence_slot *fence = &model->fences[request->fence];
    if (!fence->exists) {
        refuse(out, 404, "unknown_fence");
        return;
    }
    out->figures[0][0] = fence->quantity;
}

static void ask_import_view(const struct model *model, const struct model_request *request,
                            struct model_answer *out)
{
    const struct model_import_slot *import = &model->imports[request->import % MODEL_IMPORTS_MAX];
    if (import->rows == 0) {
        refuse(out, 404, "unknown_import");
        return;
    }
    out->figures[0][0] = (int64_t)import->rows;
    out->figures[0][1] = (int64_t)import->rejected;
}

/* ---- All together ----------------------------------------------------------------------------------------------- */

static void decide(struct model *model, const struct model_request *request, struct model_answer *out)
{
    switch (request->type) {
    case MODEL_ADJUST:
        ask_adjust(model, request, out);
        break;
    case MODEL_SYNC:
        ask_sync(model, request, out);
        break;
    case MODEL_RESERVE:
        ask_reserve(model, request, out);
        break;
    case MODEL_CONFIRM:
    case MODEL_RELEASE:
    case MODEL_EXTEND:
    case MODEL_CHANGE:
    case MODEL_MOVE:
    case MODEL_FULFIL:
        ask_action(model, request, out);
        break;
    case MODEL_RULE:
        ask_rule(model, request, out);
        break;
    case MODEL_FENCE:
        ask_fence(model, request, out);
        break;
    case MODEL_NODE:
        ask_node(model, request, out);
        break;
    case MODEL_IMPORT:
        ask_import(model, request, out);
        break;
    case MODEL_GET_POSITION:
    case MODEL_GET_STOCK:
        ask_stock(model, request, out);
        break;
    case MODEL_GET_NODE_AVAILABILITY:
    case MODEL_GET_CHANNEL_AVAILABILITY:
    case MODEL_GET_GROUP_AVAILABILITY:
    case MODEL_ASK_GRID:
        ask_availability(model, request, out);
        break;
    case MODEL_GET_RESERVATION:
        ask_reservation(model, request, out);
        break;
    case MODEL_LIST_RESERVATIONS:
        ask_list(model, request, out);
        break;
    case MODEL_GET_FENCE:
        ask_fence_view(model, request, out);
        break;
    case MODEL_GET_IMPORT:
        ask_import_view(model, request, out);
        break;
    case MODEL_MIN_SEQ:
        if (request->value > 0)
            refuse(out, 409, "seq_not_reached");
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
    if (request->type == MODEL_RESERVE && request->has_own_id)
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
    if (key != NULL && key_is_known(model, key)) {
        out->is_repeat = key->request == number + 1;
        if (!out->is_repeat)
            refuse(out, 422, "idempotency_mismatch");
        return;
    }
    decide(model, request, out);
    bool is_kept = out->code == NULL || out->status == 409;
    if (key != NULL && is_kept) {
        *key = (struct model_key){ number + 1, model->now_us };
        out->record = MODEL_RECORD_YES;
    }
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
