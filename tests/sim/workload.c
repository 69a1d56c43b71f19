#include "sim/workload.h"
#include "base/assert.h"
#include <stdlib.h>

#define SECOND_US   INT64_C(1000000)
#define REPORTED_US INT64_C(1793534400000000) /* three weeks before the shop opens, a noon */

static int64_t between(struct oh_prng *prng, int64_t low, int64_t high)
{
    return oh_prng_between(prng, low, high);
}

static bool chance(struct oh_prng *prng, unsigned percent)
{
    return oh_prng_below(prng, 100) < percent;
}

/* 0 is most likely, bound - 1 least. */
static uint8_t skewed(struct oh_prng *prng, uint64_t bound)
{
    return (uint8_t)oh_prng_below(prng, oh_prng_below(prng, bound) + 1);
}

static bool has(const struct workload *workload, struct oh_prng *prng, enum swarm_feature feature)
{
    return chance(prng, workload->swarm.percents[feature]);
}

static int64_t milli_any(const struct workload *workload, struct oh_prng *prng, int64_t units_max)
{
    static const int64_t parts[] = { 250, 500, 1, 999 };
    int64_t milli = between(prng, 1, units_max) * 1000;
    return has(workload, prng, SWARM_PARTS) ? milli - parts[oh_prng_below(prng, 4)] : milli;
}

static uint8_t item_any(const struct workload *workload, struct oh_prng *prng)
{
    return workload->swarm.items[skewed(prng, workload->swarm.item_count)];
}

static uint8_t node_any(const struct workload *workload, struct oh_prng *prng)
{
    return workload->swarm.nodes[skewed(prng, workload->swarm.node_count)];
}

/* Mostly just now, often a while ago; whole seconds, and times that were said before, so that times meet. */
static int64_t time_past(struct oh_prng *prng, const struct model *model)
{
    int64_t now_us = model->now_us;
    if (chance(prng, 30))
        return now_us;
    if (chance(prng, 20) && model->fact_count > 0) {
        uint32_t back = (uint32_t)oh_prng_below(prng, model->fact_count < 16 ? model->fact_count : 16);
        return model->facts[model->fact_count - 1 - back].at_us;
    }
    int64_t at_us = now_us - between(prng, 0, chance(prng, 20) ? 7200 : 60) * SECOND_US;
    return chance(prng, 50) ? at_us - at_us % SECOND_US : at_us;
}

/* ---- Stock ------------------------------------------------------------------------------------------------------ */

static void line_place(const struct workload *workload, struct oh_prng *prng, struct model_line *line)
{
    *line = (struct model_line){ .item = item_any(workload, prng),
                                 .node = node_any(workload, prng),
                                 .group = MODEL_NONE,
                                 .to_node = MODEL_NONE,
                                 .at_us = MODEL_NEVER };
    if (chance(prng, 1))
        line->item = MODEL_ITEMS;
}

static uint8_t state_any(const struct workload *workload, struct oh_prng *prng)
{
    return !has(workload, prng, SWARM_STATES) ? 0 : (uint8_t)oh_prng_below(prng, MODEL_STATES);
}

static void adjust_draw(struct workload *workload, struct oh_prng *prng, const struct model *model,
                        struct model_request *out)
{
    out->type = MODEL_ADJUST;
    out->source = (uint8_t)oh_prng_below(prng, 3);
    out->line_count = (uint32_t)between(prng, 1, 4);
    for (uint32_t i = 0; i < out->line_count; i++) {
        struct model_line *line = &out->lines[i];
        line_place(workload, prng, line);
        line->state = state_any(workload, prng);
        line->milli = chance(prng, 60) ? milli_any(workload, prng, 12) : -milli_any(workload, prng, 6);
        if (has(workload, prng, SWARM_TIMES))
            line->at_us = time_past(prng, model);
        if (has(workload, prng, SWARM_ENTRY_IDS)) /* a feed that sends the same again under another request */
            line->entry_id = chance(prng, 20) ? (uint32_t)between(prng, 1, (int64_t)workload->entry_ids + 1)
                                              : workload->entry_ids + 1;
        workload->entry_ids += line->entry_id > workload->entry_ids ? 1 : 0;
    }
}

static void counts_draw(const struct workload *workload, struct oh_prng *prng, const struct model *model,
                        struct model_request *out)
{
    out->source = (uint8_t)oh_prng_below(prng, 3);
    out->line_count = (uint32_t)between(prng, 1, 4);
    for (uint32_t i = 0; i < out->line_count; i++) {
        struct model_line *line = &out->lines[i];
        line_place(workload, prng, line);
        line->state = state_any(workload, prng);
        line->milli = between(prng, 0, 20) * 1000 + (chance(prng, 20) ? 500 : 0);
        line->at_us = time_past(prng, model);
        line->has_source_seq = has(workload, prng, SWARM_SOURCE_SEQ);
        line->source_seq = between(prng, 0, 3);
    }
}

static void import_draw(struct workload *workload, struct oh_prng *prng, const struct model *model,
                        struct model_request *out)
{
    out->type = MODEL_IMPORT;
    out->import = workload->imports++;
    counts_draw(workload, prng, model, out);
}

void workload_import(struct workload *workload, struct oh_prng *prng, const struct model *model,
                     struct model_request *out)
{
    *out =
        (struct model_request){ .channel = MODEL_NONE, .at_us = MODEL_NEVER, .is_chunked = chance(prng, 15) };
    import_draw(workload, prng, model, out);
}

/* None of the distances between places and nodes is near these. */
static uint16_t radius_any(struct oh_prng *prng)
{
    static const uint16_t radii[] = { 0, 0, 60, 300, 550, 15000 };
    return radii[oh_prng_below(prng, 6)];
}

/* ---- Reservations ----------------------------------------------------------------------------------------------- */

static void reserve_draw(struct workload *workload, struct oh_prng *prng, struct model_request *out)
{
    out->type = MODEL_RESERVE;
    out->reservation = workload->reservations++;
    out->has_own_id = chance(prng, 85);
    out->channel = workload->swarm.channel != MODEL_NONE && chance(prng, 70)
                       ? workload->swarm.channel
                       : (uint8_t)oh_prng_below(prng, MODEL_CHANNELS);
    out->kind = (uint8_t)oh_prng_below(prng, MODEL_KINDS);
    out->customer = skewed(prng, 6);
    out->allow_partial = has(workload, prng, SWARM_PARTIAL);
    out->ttl_us =
        has(workload, prng, SWARM_ENDLESS) ? 0 : between(prng, 1, chance(prng, 70) ? 30 : 900) * SECOND_US;
    out->point = !has(workload, prng, SWARM_NEAR) ? MODEL_NONE : (uint8_t)oh_prng_below(prng, MODEL_POINTS);
    out->radius_km = out->point == MODEL_NONE ? 0 : radius_any(prng);
    out->line_count = (uint32_t)between(prng, 1, chance(prng, 60) ? 2 : 5);
    for (uint32_t i = 0; i < out->line_count; i++) {
        struct model_line *line = &out->lines[i];
        line_place(workload, prng, line);
        line->line = i + 1;
        line->milli = milli_any(workload, prng, chance(prng, 80) ? 4 : 15);
        if (!has(workload, prng, SWARM_PINNED))
            line->node = MODEL_NONE;
        if (line->node == MODEL_NONE && has(workload, prng, SWARM_GROUPS))
            line->group = (uint8_t)oh_prng_below(prng, MODEL_GROUPS);
    }
}

/* Each entry has its own id, or the key of the batch stands for all: then entry i has a key that is not sent. */
static void batch_draw(struct workload *workload, struct oh_prng *prng, struct model_request *out)
{
    out->type = MODEL_BATCH;
    out->key = chance(prng, 50) ? ++workload->keys : 0;
    out->batch_count = (uint32_t)between(prng, 1, MODEL_BATCH_MAX);
    out->batch = calloc(out->batch_count, sizeof(*out->batch));
    OH_ASSERT(out->batch != NULL);
    for (uint32_t i = 0; i < out->batch_count; i++) {
        reserve_draw(workload, prng, &out->batch[i]);
        out->batch[i].has_own_id = out->key == 0;
        out->batch[i].key = out->key == 0 ? 0 : ++workload->keys;
        out->batch[i].at_us = MODEL_NEVER;
    }
}

/* One of the newest, whose id is known; UINT32_MAX: there is none. */
static uint32_t reservation_any(const struct workload *workload, struct oh_prng *prng,
                                const struct model *model, const struct wire_ids *ids)
{
    uint32_t count = model->reservation_count - (workload->first_reservation < model->reservation_count
                                                     ? workload->first_reservation
                                                     : model->reservation_count);
    for (uint32_t tries = 0; tries < 8 && count > 0; tries++) {
        uint32_t back = (uint32_t)oh_prng_below(
            prng, oh_prng_below(prng, count < workload->swarm.reach ? count : workload->swarm.reach) + 1);
        uint32_t number = model->reservation_count - 1 - back;
        if (ids->text[number][0] != '\0')
            return number;
    }
    return UINT32_MAX;
}

static uint32_t lines_made(const struct model *model, uint32_t reservation)
{
    uint32_t most = 1;
    for (uint32_t link = model->reservations[reservation].first; link != 0;
         link = model->claims[link - 1].next_of_reservation)
        most = model->claims[link - 1].line > most ? model->claims[link - 1].line : most;
    return most;
}

/* One where the line has a claim; any, when it has none. */
static uint8_t claim_node_any(struct oh_prng *prng, const struct model *model, uint32_t reservation,
                              uint32_t number)
{
    uint8_t nodes[MODEL_PARTS_MAX];
    uint32_t count = 0;
    for (uint32_t link = model->reservations[reservation].first; link != 0 && count < MODEL_PARTS_MAX;
         link = model->claims[link - 1].next_of_reservation) {
        if (model->claims[link - 1].line == number && model->claims[link - 1].node != MODEL_NONE)
            nodes[count++] = model->claims[link - 1].node;
    }
    return count == 0 ? (uint8_t)oh_prng_below(prng, MODEL_NODES) : nodes[oh_prng_below(prng, count)];
}

static void action_line_draw(const struct workload *workload, struct oh_prng *prng, const struct model *model,
                             const struct model_request *of, uint32_t number, struct model_line *line)
{
    line_place(workload, prng, line);
    line->line = number;
    if (chance(prng, 60))
        line->node = MODEL_NONE;
    else if (chance(prng, 80))
        line->node = claim_node_any(prng, model, of->reservation, number);
    if (of->type == MODEL_MOVE) /* mostly all to one node */
        line->to_node = chance(prng, 70) ? of->node : (uint8_t)oh_prng_below(prng, MODEL_NODES);
    line->has_quantity = of->type == MODEL_CHANGE || chance(prng, 60);
    line->milli = chance(prng, 60) ? milli_any(workload, prng, 5) : between(prng, 1, 3) * 500;
    if (of->type == MODEL_CHANGE && chance(prng, 10))
        line->milli = 0;
}

/* Different lines, in order: one may be one too many. */
static void action_lines_draw(const struct workload *workload, struct oh_prng *prng,
                              const struct model *model, struct model_request *out)
{
    uint32_t most = lines_made(model, out->reservation) + (chance(prng, 5) ? 1 : 0);
    for (uint32_t number = 1; number <= most && out->line_count < MODEL_LINES_MAX; number++) {
        if (chance(prng, 60))
            action_line_draw(workload, prng, model, out, number, &out->lines[out->line_count++]);
    }
    if (out->line_count == 0 || (out->line_count < MODEL_LINES_MAX && has(workload, prng, SWARM_TWINS)))
        action_line_draw(workload, prng, model, out, (uint32_t)between(prng, 1, most),
                         &out->lines[out->line_count++]);
}

static void action_draw(const struct workload *workload, struct oh_prng *prng, const struct model *model,
                        struct model_request *out)
{
    out->type = (enum model_type)(MODEL_CONFIRM + swarm_pick(workload->swarm.actions, SWARM_ACTIONS, prng));
    out->ttl_us = between(prng, 0, 60) * SECOND_US;
    out->return_rest =
        (out->type == MODEL_CONFIRM || out->type == MODEL_FULFIL) && has(workload, prng, SWARM_REST);
    out->node = chance(prng, 50) ? node_any(workload, prng) : (uint8_t)oh_prng_below(prng, MODEL_NODES);
    if (out->type == MODEL_FULFIL && has(workload, prng, SWARM_FULFIL_AT))
        out->at_us = time_past(prng, model);
    if (out->type != MODEL_EXTEND && (out->type == MODEL_CHANGE || has(workload, prng, SWARM_LINES)))
        action_lines_draw(workload, prng, model, out);
}

void workload_action(const struct workload *workload, struct oh_prng *prng, const struct model *model,
                     uint32_t reservation, struct model_request *out)
{
    *out = (struct model_request){ .reservation = reservation, .channel = MODEL_NONE, .at_us = MODEL_NEVER };
    action_draw(workload, prng, model, out);
}

/* ---- Reference data --------------------------------------------------------------------------------------------- */

static void rule_draw(const struct workload *workload, struct oh_prng *prng, struct model_request *out)
{
    out->type = MODEL_RULE;
    out->is_delete = chance(prng, 25);
    out->rule = workload->swarm.rules[oh_prng_below(prng, workload->swarm.rule_count)];
    out->value = model_rule_is_boolean(out->rule) ? between(prng, 0, 1) : 500 * between(prng, 0, 8);
    if (out->value == 0 && !model_rule_is_boolean(out->rule) && !out->is_delete)
        out->value = 500; /* not every rule may say 0 */
}

/* Some of the nodes, in any order. */
static void members_draw(struct oh_prng *prng, struct model_request *out)
{
    uint8_t nodes[MODEL_NODES] = { 0, 1, 2, 3, 4 };
    uint32_t count = (uint32_t)between(prng, 1, MODEL_NODES);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t pick = i + oh_prng_below(prng, MODEL_NODES - i);
        uint8_t node = nodes[pick];
        nodes[pick] = nodes[i];
        nodes[i] = out->members[i] = node;
    }
    out->member_count = (uint8_t)count;
}

static void members_change_draw(struct oh_prng *prng, struct model_request *out)
{
    members_draw(prng, out);
    out->type = chance(prng, 50) ? MODEL_GROUP : MODEL_CHANNEL;
    out->group = (uint8_t)oh_prng_below(prng, MODEL_GROUPS);
    out->channel = (uint8_t)oh_prng_below(prng, MODEL_CHANNELS);
    out->policy = (uint8_t)oh_prng_below(prng, MODEL_POLICIES);
    out->has_group = out->type == MODEL_CHANNEL && chance(prng, 50);
    if (out->type == MODEL_CHANNEL && chance(prng, 40))
        out->member_count = 0; /* the group's, or every node */
}

static void fence_draw(const struct workload *workload, struct oh_prng *prng, struct model_request *out)
{
    out->type = MODEL_FENCE;
    out->is_delete = chance(prng, 25);
    out->fence = workload->swarm.fence != MODEL_NONE && chance(prng, 70)
                     ? workload->swarm.fence
                     : (uint8_t)oh_prng_below(prng, MODEL_FENCES);
    out->value = chance(prng, 10) ? 0 : milli_any(workload, prng, 6);
}

static void supply_draw(const struct workload *workload, struct oh_prng *prng, const struct model *model,
                        struct model_request *out)
{
    out->type = MODEL_SUPPLY;
    out->is_delete = chance(prng, 25);
    out->supply = (uint8_t)oh_prng_below(prng, MODEL_SUPPLIES);
    out->value = chance(prng, 10) ? 0 : milli_any(workload, prng, 30);
    out->at_us = model->now_us + between(prng, -60, 600) * SECOND_US;
}

static void node_draw(struct oh_prng *prng, struct model_request *out)
{
    out->type = MODEL_NODE;
    out->node = (uint8_t)oh_prng_below(prng, MODEL_NODES);
    out->value = chance(prng, 70);
}

/* ---- Promises --------------------------------------------------------------------------------------------------- */

/* Few lines of little, so that limits bind before the stock does; now and then one item twice. */
static void basket_draw(const struct workload *workload, struct oh_prng *prng, struct model_request *out)
{
    out->channel = MODEL_PROMISING;
    out->point = (uint8_t)oh_prng_below(prng, MODEL_POINTS - 1);
    out->line_count = (uint32_t)between(prng, 1, chance(prng, 70) ? 1 : 3);
    for (uint32_t i = 0; i < out->line_count; i++) {
        line_place(workload, prng, &out->lines[i]);
        out->lines[i].node = MODEL_NONE;
        out->lines[i].line = i + 1;
        out->lines[i].milli = milli_any(workload, prng, chance(prng, 80) ? 2 : 15);
    }
}

static uint8_t select_any(struct oh_prng *prng)
{
    uint8_t count = 0;
    while (model_selects[count] != NULL)
        count++;
    return chance(prng, 50) ? 0 : (uint8_t)oh_prng_below(prng, count);
}

static void promise_draw(struct workload *workload, struct oh_prng *prng, struct model_request *out)
{
    out->type = MODEL_HOLD;
    basket_draw(workload, prng, out);
    out->reservation = workload->reservations++;
    out->has_own_id = chance(prng, 70);
    out->customer = skewed(prng, 6);
    out->select = select_any(prng);
    out->ttl_us = between(prng, 1, chance(prng, 40) ? 30 : 9000) * SECOND_US;
}

void workload_promise(struct workload *workload, struct oh_prng *prng, struct model_request *out)
{
    *out = (struct model_request){ .channel = MODEL_NONE, .at_us = MODEL_NEVER };
    promise_draw(workload, prng, out);
    out->has_own_id = true;
}

/* Of the channel of promises, because others may have been promised what is to come: one with few bookings. */
static bool may_be_replaced(const struct model *model, uint32_t reservation)
{
    uint32_t bookings = 0;
    if (reservation == UINT32_MAX || model->reservations[reservation].channel != MODEL_PROMISING)
        return false;
    for (uint32_t link = model->reservations[reservation].booking; link != 0;
         link = model->bookings[link - 1].next)
        bookings++;
    return bookings < MODEL_BOOKED_MAX / 2;
}

static void replace_draw(struct workload *workload, struct oh_prng *prng, const struct model *model,
                         uint32_t reservation, struct model_request *out)
{
    if (!may_be_replaced(model, reservation)) {
        promise_draw(workload, prng, out);
        return;
    }
    out->type = MODEL_REPLACE;
    out->reservation = reservation;
    out->node =
        claim_node_any(prng, model, reservation, (uint32_t)between(prng, 1, lines_made(model, reservation)));
    out->point = chance(prng, 50) ? MODEL_NONE : (uint8_t)oh_prng_below(prng, MODEL_POINTS - 1);
    out->select = select_any(prng);
}

/* Mostly put, always one that can be removed but for the sourcing of promises. */
static void document_draw(struct oh_prng *prng, struct model_request *out)
{
    bool is_read = chance(prng, 30);
    out->type = is_read ? MODEL_GET_DOCUMENT : MODEL_DOCUMENT;
    out->document = (uint8_t)oh_prng_below(prng, MODEL_DOCUMENTS);
    out->is_delete = !is_read && out->document != MODEL_SOURCING && chance(prng, 15);
    out->value = between(prng, 0, 31);
}

/* What a report says is made of its number, so that one of the same id says the same. */
static void deliveries_draw(struct workload *workload, struct oh_prng *prng, struct model_request *out)
{
    out->type = MODEL_DELIVERIES;
    out->line_count = (uint32_t)between(prng, 1, MODEL_LINES_MAX);
    uint32_t first = chance(prng, 30) && workload->reports > 5
                         ? (uint32_t)oh_prng_below(prng, workload->reports - 5)
                         : workload->reports;
    for (uint32_t i = 0; i < out->line_count; i++) {
        uint32_t number = (first + i) % (MODEL_REPORTS - 1) + 1;
        out->lines[i] =
            (struct model_line){ .node = (uint8_t)(number % MODEL_LANES),
                                 .entry_id = chance(prng, 70) ? number : 0,
                                 .source_seq = number / 2 % MODEL_DURATIONS,
                                 .at_us = REPORTED_US + (int64_t)(number % 7) * 86400 * SECOND_US };
    }
    workload->reports += first == workload->reports ? out->line_count : 0;
}

static void promising_draw(struct workload *workload, struct oh_prng *prng, const struct model *model,
                           uint32_t reservation, enum swarm_request kind, struct model_request *out)
{
    switch ((int)kind) {
    case SWARM_REPLACE:
        replace_draw(workload, prng, model, reservation, out);
        break;
    case SWARM_ASK_PROMISE:
        basket_draw(workload, prng, out);
        out->type = MODEL_ASK_PROMISE;
        out->is_separate = chance(prng, 20);
        out->value = chance(prng, 50);
        break;
    case SWARM_GET_PROMISE:
        out->type = MODEL_GET_PROMISE;
        out->reservation = reservation;
        break;
    case SWARM_DOCUMENT:
        document_draw(prng, out);
        break;
    case SWARM_DELIVERIES:
        deliveries_draw(workload, prng, out);
        break;
    default:
        promise_draw(workload, prng, out);
        break;
    }
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

static void question_draw(const struct workload *workload, struct oh_prng *prng, struct model_request *out)
{
    static const enum model_type types[] = {
        MODEL_GET_POSITION,
        MODEL_GET_STOCK,
        MODEL_GET_NODE_AVAILABILITY,
        MODEL_GET_CHANNEL_AVAILABILITY,
        MODEL_GET_GROUP_AVAILABILITY,
        MODEL_ASK_GRID,
        MODEL_LIST_RESERVATIONS,
        MODEL_GET_FENCE,
        MODEL_GET_IMPORT,
        MODEL_MIN_SEQ,
        MODEL_GET_SUPPLY,
        MODEL_GET_NEAR,
        MODEL_GET_NEAR,
    };
    out->type = types[oh_prng_below(prng, sizeof(types) / sizeof(types[0]))];
    out->item = item_any(workload, prng);
    out->node = node_any(workload, prng);
    out->group = (uint8_t)oh_prng_below(prng, MODEL_GROUPS);
    out->fence = (uint8_t)oh_prng_below(prng, MODEL_FENCES);
    out->customer = skewed(prng, 6);
    out->import = workload->imports == 0 ? 0 : (uint32_t)oh_prng_below(prng, workload->imports);
    out->channel = chance(prng, 40) ? MODEL_NONE : (uint8_t)oh_prng_below(prng, MODEL_CHANNELS);
    if (out->type == MODEL_GET_CHANNEL_AVAILABILITY && out->channel == MODEL_NONE)
        out->channel = 1;
    out->value = chance(prng, 30);
    out->supply = (uint8_t)oh_prng_below(prng, MODEL_SUPPLIES);
    out->point = (uint8_t)oh_prng_below(prng, MODEL_POINTS);
    out->radius_km = radius_any(prng);
}

void workload_bulk(struct workload *workload, struct oh_prng *prng, struct model_request *out)
{
    *out = (struct model_request){ .type = MODEL_IMPORT_PLACES,
                                   .channel = MODEL_NONE,
                                   .point = MODEL_NONE,
                                   .at_us = MODEL_NEVER,
                                   .import = workload->imports++,
                                   .value = between(prng, 500, 900) };
}

void workload_hold(struct workload *workload, struct oh_prng *prng, int64_t ttl_s, struct model_request *out)
{
    *out = (struct model_request){ .channel = MODEL_NONE, .at_us = MODEL_NEVER };
    reserve_draw(workload, prng, out);
    out->has_own_id = true;
    out->allow_partial = true;
    out->ttl_us = ttl_s * SECOND_US;
    for (uint32_t i = 0; i < out->line_count; i++)
        out->lines[i].milli = between(prng, 1, 4) * 250;
}

/* Adds to a time that was said, or to a quantity: something that makes it another request. */
void workload_alter(struct oh_prng *prng, struct model_request *request)
{
    struct model_line *line =
        &request->lines[request->line_count == 0 ? 0 : oh_prng_below(prng, request->line_count)];
    uint64_t dice = oh_prng_below(prng, 5);
    if (dice == 0 && request->type == MODEL_RESERVE)
        request->allow_partial = !request->allow_partial;
    else if (dice == 1 && (request->type == MODEL_RESERVE || request->type == MODEL_EXTEND))
        request->ttl_us += SECOND_US;
    else if (dice == 2 && request->line_count > 0 && line->node != MODEL_NONE)
        line->node = (uint8_t)((line->node + 1) % MODEL_NODES);
    else if (dice == 3 && (request->type == MODEL_CONFIRM || request->type == MODEL_FULFIL))
        request->return_rest = !request->return_rest;
    else if (request->line_count > 0)
        line->milli += line->milli >= 0 ? 1000 : -1000;
    else
        request->node = (uint8_t)((request->node + 1) % MODEL_NODES);
}

/* ---- All together ----------------------------------------------------------------------------------------------- */

/* What there is nothing for becomes a question. */
static enum swarm_request kind_any(const struct workload *workload, struct oh_prng *prng,
                                   uint32_t reservation)
{
    enum swarm_request kind = (enum swarm_request)swarm_pick(workload->swarm.requests, SWARM_REQUESTS, prng);
    bool needs_one = kind == SWARM_ACTION || kind == SWARM_GET_RESERVATION || kind == SWARM_GET_PROMISE;
    bool is_possible = needs_one ? reservation != UINT32_MAX : kind != SWARM_BATCH || workload->has_batches;
    return is_possible ? kind : SWARM_QUESTION;
}

static void request_draw(struct workload *workload, struct oh_prng *prng, const struct model *model,
                         uint32_t reservation, struct model_request *out)
{
    enum swarm_request kind = kind_any(workload, prng, reservation);
    switch ((int)kind) {
    case SWARM_ADJUST:
        adjust_draw(workload, prng, model, out);
        break;
    case SWARM_SYNC:
        out->type = MODEL_SYNC;
        counts_draw(workload, prng, model, out);
        break;
    case SWARM_RESERVE:
        reserve_draw(workload, prng, out);
        break;
    case SWARM_BATCH:
        batch_draw(workload, prng, out);
        break;
    case SWARM_ACTION:
        out->reservation = reservation;
        action_draw(workload, prng, model, out);
        break;
    case SWARM_RULE:
        rule_draw(workload, prng, out);
        break;
    case SWARM_FENCE:
        fence_draw(workload, prng, out);
        break;
    case SWARM_SUPPLY:
        supply_draw(workload, prng, model, out);
        break;
    case SWARM_NODE:
        node_draw(prng, out);
        break;
    case SWARM_MEMBERS:
        members_change_draw(prng, out);
        break;
    case SWARM_IMPORT:
        import_draw(workload, prng, model, out);
        break;
    case SWARM_GET_RESERVATION:
        out->type = MODEL_GET_RESERVATION;
        out->reservation = reservation;
        break;
    case SWARM_HOLD_PROMISE:
    case SWARM_REPLACE:
    case SWARM_ASK_PROMISE:
    case SWARM_GET_PROMISE:
    case SWARM_DOCUMENT:
    case SWARM_DELIVERIES:
        promising_draw(workload, prng, model, reservation, kind, out);
        break;
    default:
        question_draw(workload, prng, out);
        break;
    }
}

void workload_next(struct workload *workload, struct oh_prng *prng, const struct model *model,
                   const struct wire_ids *ids, struct model_request *out)
{
    uint32_t reservation = reservation_any(workload, prng, model, ids);
    *out = (struct model_request){ .channel = MODEL_NONE, .at_us = MODEL_NEVER, .kind = MODEL_CART };
    request_draw(workload, prng, model, reservation, out);
    bool needs_name = out->type == MODEL_RESERVE || out->type == MODEL_HOLD;
    bool may_have_key = out->type < MODEL_IMPORT && out->type != MODEL_BATCH;
    if (may_have_key && (has(workload, prng, SWARM_KEYS) || (needs_name && !out->has_own_id)))
        out->key = ++workload->keys;
    out->is_chunked = out->type < MODEL_WRITES && chance(prng, 15);
}
