#include "support/random_effects.h"
#include "base/assert.h"

#define TYPE_LAST OH_EFFECT_TRANSIT

static const int64_t edges_i64[] = { 0,
                                     1,
                                     -1,
                                     63,
                                     64,
                                     -64,
                                     -65,
                                     INT64_MAX,
                                     INT64_MIN,
                                     INT64_MAX - 1,
                                     INT64_MIN + 1,
                                     1000,
                                     1000000,
                                     1763800000000000 };

static int64_t any_i64(struct oh_prng *prng)
{
    switch (oh_prng_below(prng, 3)) {
    case 0:
        return edges_i64[oh_prng_below(prng, sizeof(edges_i64) / sizeof(edges_i64[0]))];
    case 1:
        return (int64_t)(oh_prng_next(prng) >> oh_prng_below(prng, 64));
    default:
        return oh_prng_between(prng, -1000, 100000);
    }
}

static uint64_t any_u64(struct oh_prng *prng)
{
    return (uint64_t)any_i64(prng);
}

static uint32_t any_u32(struct oh_prng *prng)
{
    return oh_prng_below(prng, 4) == 0 ? UINT32_MAX - (uint32_t)oh_prng_below(prng, 2)
                                       : (uint32_t)(oh_prng_next(prng) >> (32 + oh_prng_below(prng, 32)));
}

static uint16_t any_u16(struct oh_prng *prng)
{
    uint64_t value = oh_prng_below(prng, 4) == 0 ? UINT16_MAX - oh_prng_below(prng, 2)
                                                 : oh_prng_next(prng) >> (48 + oh_prng_below(prng, 16));
    return (uint16_t)value;
}

static int32_t any_i32(struct oh_prng *prng)
{
    return oh_prng_below(prng, 3) == 0 ? (oh_prng_below(prng, 2) == 0 ? INT32_MIN : INT32_MAX)
                                       : (int32_t)oh_prng_between(prng, -100, 100000);
}

static bool any_bool(struct oh_prng *prng)
{
    return oh_prng_below(prng, 2) == 1;
}

static unsigned any_word(struct oh_prng *prng, unsigned max)
{
    return (unsigned)oh_prng_below(prng, max + 1u);
}

static struct oh_bytes any_bytes(struct oh_prng *prng, struct random_record *out, size_t size_max)
{
    size_t size = (size_t)oh_prng_below(prng, size_max + 1);
    if (oh_prng_below(prng, 4) == 0)
        size = 0;
    OH_ASSERT(size <= RANDOM_TEXT_SIZE - out->text_size);
    struct oh_bytes bytes = { out->text + out->text_size, size };
    for (size_t i = 0; i < size; i++)
        out->text[out->text_size++] = (char)oh_prng_below(prng, 256);
    return bytes;
}

/* Often the one before, as in real records. */
static struct oh_bytes any_id(struct oh_prng *prng, struct random_record *out)
{
    if (oh_prng_below(prng, 3) > 0)
        return out->last_id;
    out->last_id = any_bytes(prng, out, OH_ID_SIZE_MAX);
    return out->last_id;
}

static struct oh_point any_point(struct oh_prng *prng)
{
    return (struct oh_point){ (double)oh_prng_between(prng, -90000000, 90000000) / 1e6,
                              (double)oh_prng_between(prng, -180000000, 180000000) / 1e6 };
}

static const uint16_t *any_indexes(struct oh_prng *prng, struct random_record *out, uint32_t count)
{
    uint16_t *indexes = out->indexes + out->index_count;
    OH_ASSERT(count <= RANDOM_LIST_COUNT - out->index_count);
    out->index_count += count;
    for (uint32_t i = 0; i < count; i++)
        indexes[i] = any_u16(prng);
    return indexes;
}

static void node_make(struct oh_prng *prng, struct random_record *out, struct oh_node_command *node)
{
    node->node = any_bytes(prng, out, OH_ID_SIZE_MAX);
    node->name = any_bytes(prng, out, OH_TEXT_SIZE_MAX);
    node->gln = any_bytes(prng, out, 13);
    node->country = any_bytes(prng, out, 2);
    node->time_zone = any_bytes(prng, out, OH_ID_SIZE_MAX);
    node->city = any_bytes(prng, out, 20);
    node->region = any_bytes(prng, out, 20);
    node->postal_code = any_bytes(prng, out, 16);
    node->type = (enum oh_node_type)any_word(prng, OH_NODE_PICKUP_POINT);
    node->has_point = any_bool(prng);
    if (node->has_point)
        node->point = any_point(prng);
    node->ships = any_bool(prng);
    node->collects = any_bool(prng);
    node->enabled = any_bool(prng);
}

static void group_make(struct oh_prng *prng, struct random_record *out, struct oh_effect_group *group)
{
    group->index = any_u16(prng);
    group->group = any_bytes(prng, out, OH_ID_SIZE_MAX);
    group->name = any_bytes(prng, out, OH_TEXT_SIZE_MAX);
    group->node_count = (uint32_t)oh_prng_below(prng, 40);
    group->nodes = any_indexes(prng, out, group->node_count);
    int32_t *priorities = out->priorities + out->priority_count;
    out->priority_count += group->node_count;
    for (uint32_t i = 0; i < group->node_count; i++)
        priorities[i] = any_i32(prng);
    group->priorities = priorities;
}

static void channel_make(struct oh_prng *prng, struct random_record *out, struct oh_effect_channel *channel)
{
    channel->index = any_u16(prng);
    channel->channel = any_bytes(prng, out, OH_ID_SIZE_MAX);
    channel->name = any_bytes(prng, out, OH_TEXT_SIZE_MAX);
    channel->policy = (enum oh_policy)any_word(prng, OH_POLICY_FEWEST_SPLITS);
    channel->node_count = (uint32_t)oh_prng_below(prng, 40);
    channel->nodes = any_indexes(prng, out, channel->node_count);
    channel->group_count = (uint32_t)oh_prng_below(prng, 40);
    channel->groups = any_indexes(prng, out, channel->group_count);
}

static int64_t said(struct oh_prng *prng, uint32_t mask, uint32_t bit)
{
    return (mask & bit) != 0 ? any_i64(prng) : 0;
}

static void rule_make(struct oh_prng *prng, struct random_record *out, struct oh_effect_rule *rule)
{
    struct oh_rule_values *values = &rule->values;
    rule->rule = any_bytes(prng, out, OH_ID_SIZE_MAX);
    rule->item = any_u32(prng);
    rule->node = any_u16(prng);
    rule->channel = any_u16(prng);
    values->mask = (uint32_t)oh_prng_below(prng, 1u << OH_RULE_ATTRIBUTE_COUNT);
    values->safety_stock_milli = said(prng, values->mask, OH_RULE_SAFETY_STOCK);
    values->threshold_milli = said(prng, values->mask, OH_RULE_THRESHOLD);
    values->min_quantity_milli = said(prng, values->mask, OH_RULE_MIN_QUANTITY);
    values->max_quantity_milli = said(prng, values->mask, OH_RULE_MAX_QUANTITY);
    values->increment_milli = said(prng, values->mask, OH_RULE_INCREMENT);
    values->backorder_limit_milli = said(prng, values->mask, OH_RULE_BACKORDER_LIMIT);
    values->low_stock_milli = said(prng, values->mask, OH_RULE_LOW_STOCK);
    values->pickup_allowed = (values->mask & OH_RULE_PICKUP_ALLOWED) != 0 && any_bool(prng);
    values->ship_allowed = (values->mask & OH_RULE_SHIP_ALLOWED) != 0 && any_bool(prng);
    values->preorder = (values->mask & OH_RULE_PREORDER) != 0 && any_bool(prng);
}

static void reservation_make(struct oh_prng *prng, struct random_record *out,
                             struct oh_effect_reservation *made)
{
    made->id = any_id(prng, out);
    made->customer = any_bytes(prng, out, OH_ID_SIZE_MAX);
    made->order = any_bytes(prng, out, OH_ID_SIZE_MAX);
    made->kind = (enum oh_kind)any_word(prng, OH_KIND_TRANSFER);
    made->channel = any_u16(prng);
    made->created_at_us = any_i64(prng);
    made->expires_at_us = any_bool(prng) ? OH_TIME_US_NONE : any_i64(prng);
    made->ended_at_us = any_bool(prng) ? OH_TIME_US_NONE : any_i64(prng);
}

static void claim_make(struct oh_prng *prng, struct random_record *out, struct oh_effect_claim *claim)
{
    claim->id = any_id(prng, out);
    claim->line = any_u32(prng);
    claim->item = any_u32(prng);
    claim->node = any_u16(prng);
    claim->quantity_milli = any_i64(prng);
    unsigned shape = any_word(prng, 3);
    claim->held_milli = shape == 0 ? claim->quantity_milli : shape == 3 ? any_i64(prng) : 0;
    claim->confirmed_milli = shape == 1 ? claim->quantity_milli : shape == 3 ? any_i64(prng) : 0;
    claim->fulfilled_milli = shape == 2 ? claim->quantity_milli : shape == 3 ? any_i64(prng) : 0;
    claim->expired_milli = any_bool(prng) ? any_i64(prng) : 0;
    claim->due_at_us = any_bool(prng) ? any_i64(prng) : OH_TIME_US_NONE;
}

static void promised_make(struct oh_prng *prng, struct random_record *out, struct oh_effect *effect)
{
    if (effect->type == OH_EFFECT_DOCUMENT) {
        effect->document.kind = (enum oh_document_kind)any_word(prng, OH_DOCUMENT_KIND_COUNT - 1);
        effect->document.id = any_bytes(prng, out, OH_ID_SIZE_MAX);
        effect->document.body = any_bytes(prng, out, OH_TEXT_SIZE_MAX);
    } else if (effect->type == OH_EFFECT_BOOKING) {
        effect->booking.id = any_id(prng, out);
        effect->booking.node = any_u16(prng);
        effect->booking.resource = any_bytes(prng, out, OH_TEXT_SIZE_MAX);
        effect->booking.unit = (enum oh_unit)any_word(prng, OH_UNIT_PARCELS);
        effect->booking.from_us = any_i64(prng);
        effect->booking.until_us = any_i64(prng);
        effect->booking.quantity_milli = any_i64(prng);
    } else {
        effect->promise.id = any_id(prng, out);
        effect->promise.body = any_bytes(prng, out, OH_TEXT_SIZE_MAX);
    }
}

static void step_make(struct oh_prng *prng, struct random_record *out, struct oh_effect_step *step)
{
    step->id = any_id(prng, out);
    step->line = any_u32(prng);
    step->item = any_u32(prng);
    step->node = any_u16(prng);
    step->step = (enum oh_step)any_word(prng, OH_STEP_MOVE);
    step->is_held = any_bool(prng);
    step->is_counted = any_bool(prng);
    step->quantity_milli = any_i64(prng);
    step->at_us = any_i64(prng);
}

static void movement_make(struct oh_prng *prng, struct random_record *out,
                          struct oh_effect_movement *movement)
{
    movement->item = any_u32(prng);
    movement->node = any_u16(prng);
    movement->state = (enum oh_state)any_word(prng, OH_STATE_COUNT - 1);
    movement->is_counted = any_bool(prng);
    movement->quantity_milli = any_i64(prng);
    movement->at_us = any_i64(prng);
    movement->source = any_id(prng, out);
    movement->reason = any_bool(prng) ? out->last_id : any_bytes(prng, out, OH_TEXT_SIZE_MAX);
}

static void count_make(struct oh_prng *prng, struct random_record *out, struct oh_effect_count *count)
{
    count->item = any_u32(prng);
    count->node = any_u16(prng);
    count->state = (enum oh_state)any_word(prng, OH_STATE_COUNT - 1);
    count->quantity_milli = any_i64(prng);
    count->delta_milli = any_i64(prng);
    count->as_of_us = any_i64(prng);
    count->source_seq = any_bool(prng) ? -1 : any_i64(prng);
    count->source = any_id(prng, out);
}

static void position_make(struct oh_prng *prng, struct oh_effect_position *position)
{
    position->item = any_u32(prng);
    position->node = any_u16(prng);
    position->has_forgotten = any_bool(prng);
    for (unsigned state = 0; state < OH_STATE_COUNT; state++) {
        position->states[state].quantity_milli = any_bool(prng) ? 0 : any_i64(prng);
        position->states[state].as_of_us = any_bool(prng) ? OH_TIME_US_NONE : any_i64(prng);
        position->states[state].source_seq = any_bool(prng) ? -1 : any_i64(prng);
    }
}

static void reference_make(struct oh_prng *prng, struct random_record *out, struct oh_effect *effect)
{
    if (effect->type == OH_EFFECT_ITEM) {
        effect->item.index = any_u32(prng);
        effect->item.value.sku = any_bytes(prng, out, OH_ID_SIZE_MAX);
        effect->item.value.name = any_bytes(prng, out, OH_TEXT_SIZE_MAX);
        effect->item.value.gtin = any_bytes(prng, out, 14);
        if (any_bool(prng)) {
            effect->item.value.class = any_bytes(prng, out, OH_ID_SIZE_MAX);
            effect->item.value.weight_grams = any_u32(prng);
            effect->item.value.side_mm = any_u32(prng);
            effect->item.value.volume_cm3 = any_u32(prng);
        }
    } else if (effect->type == OH_EFFECT_GROUP_MEMBER) {
        effect->group_member = (struct oh_effect_group_member){ any_u16(prng), any_u16(prng), any_i32(prng) };
    } else if (effect->type == OH_EFFECT_FENCE) {
        effect->fence.fence = any_bytes(prng, out, OH_ID_SIZE_MAX);
        effect->fence.item = any_u32(prng);
        effect->fence.node = any_u16(prng);
        effect->fence.channel = any_u16(prng);
        effect->fence.quantity_milli = any_i64(prng);
        effect->fence.policy = (enum oh_fence_policy)any_word(prng, OH_FENCE_RESTRICT);
    } else if (effect->type == OH_EFFECT_SUPPLY) {
        effect->supply.supply = any_bytes(prng, out, OH_ID_SIZE_MAX);
        effect->supply.item = any_u32(prng);
        effect->supply.node = any_u16(prng);
        effect->supply.quantity_milli = any_i64(prng);
        effect->supply.eta_us = any_i64(prng);
    } else {
        effect->postal_code.country = any_bytes(prng, out, 2);
        effect->postal_code.postal_code = any_bytes(prng, out, 16);
        effect->postal_code.place = any_bytes(prng, out, OH_TEXT_SIZE_MAX);
        effect->postal_code.point = any_point(prng);
    }
}

static void other_make(struct oh_prng *prng, struct random_record *out, struct oh_effect *effect)
{
    if (effect->type == OH_EFFECT_EXTEND) {
        effect->extend.id = any_id(prng, out);
        effect->extend.expires_at_us = any_bool(prng) ? OH_TIME_US_NONE : any_i64(prng);
    } else if (effect->type == OH_EFFECT_KEY) {
        effect->key.key = any_bytes(prng, out, 130);
        effect->key.fingerprint = oh_prng_next(prng);
        effect->key.seq = any_u64(prng);
        effect->key.at_us = any_i64(prng);
        effect->key.answer = any_bytes(prng, out, 300);
    } else if (effect->type == OH_EFFECT_IMPORT) {
        effect->import.import = any_bytes(prng, out, OH_ID_SIZE_MAX);
        effect->import.row_count = any_u64(prng);
        effect->import.rejected_count = any_u64(prng);
        effect->import.number = any_u64(prng);
    } else if (effect->type == OH_EFFECT_REMEMBERED) {
        effect->remembered.item = any_u32(prng);
        effect->remembered.node = any_u16(prng);
        effect->remembered.state = (enum oh_state)any_word(prng, OH_STATE_COUNT - 1);
        effect->remembered.quantity_milli = any_i64(prng);
        effect->remembered.at_us = any_i64(prng);
        effect->remembered.number = any_u64(prng);
    } else {
        effect->head.seq = any_u64(prng);
        effect->head.time_us = any_i64(prng);
        effect->head.movement_count = any_u64(prng);
        effect->head.forgotten_at_us = any_i64(prng);
    }
}

static void transit_make(struct oh_prng *prng, struct random_record *out, struct oh_effect_transit *transit)
{
    static const struct oh_transit_bucket buckets[] = { { 0, UINT32_MAX }, { 1, 1 }, { 300, 7 }, { 746, 70000 } };
    uint32_t first = (uint32_t)oh_prng_below(prng, 4);
    transit->service = any_bytes(prng, out, OH_ID_SIZE_MAX);
    transit->origin = any_bytes(prng, out, OH_TEXT_SIZE_MAX);
    transit->destination = any_bytes(prng, out, OH_TEXT_SIZE_MAX);
    transit->weekday = (uint8_t)oh_prng_below(prng, 7);
    transit->buckets = buckets + first;
    transit->bucket_count = 1 + (uint32_t)oh_prng_below(prng, 4 - first);
}

static void effect_make(struct oh_prng *prng, struct random_record *out, struct oh_effect *effect)
{
    switch (effect->type) {
    case OH_EFFECT_NODE:
        effect->node.index = any_u16(prng);
        node_make(prng, out, &effect->node.value);
        break;
    case OH_EFFECT_GROUP:
        group_make(prng, out, &effect->group);
        break;
    case OH_EFFECT_CHANNEL:
        channel_make(prng, out, &effect->channel);
        break;
    case OH_EFFECT_RULE:
        rule_make(prng, out, &effect->rule);
        break;
    case OH_EFFECT_MOVEMENT:
        movement_make(prng, out, &effect->movement);
        break;
    case OH_EFFECT_COUNT:
        count_make(prng, out, &effect->count);
        break;
    case OH_EFFECT_RESERVATION:
        reservation_make(prng, out, &effect->reservation);
        break;
    case OH_EFFECT_CLAIM:
        claim_make(prng, out, &effect->claim);
        break;
    case OH_EFFECT_STEP:
        step_make(prng, out, &effect->step);
        break;
    case OH_EFFECT_POSITION:
        position_make(prng, &effect->position);
        break;
    case OH_EFFECT_ITEM:
    case OH_EFFECT_GROUP_MEMBER:
    case OH_EFFECT_FENCE:
    case OH_EFFECT_SUPPLY:
    case OH_EFFECT_POSTAL_CODE:
        reference_make(prng, out, effect);
        break;
    case OH_EFFECT_DOCUMENT:
    case OH_EFFECT_BOOKING:
    case OH_EFFECT_PROMISE:
        promised_make(prng, out, effect);
        break;
    case OH_EFFECT_TRANSIT:
        transit_make(prng, out, &effect->transit);
        break;
    case OH_EFFECT_EXTEND:
    case OH_EFFECT_KEY:
    case OH_EFFECT_IMPORT:
    case OH_EFFECT_REMEMBERED:
    case OH_EFFECT_HEAD:
        other_make(prng, out, effect);
        break;
    }
}

static void record_empty(struct random_record *out)
{
    out->text_size = out->index_count = out->priority_count = 0;
    out->last_id = OH_BYTES_NONE;
}

void random_effect_make(struct oh_prng *prng, enum oh_effect_type type, struct random_record *out)
{
    record_empty(out);
    out->effects[0] = (struct oh_effect){ .type = type };
    effect_make(prng, out, &out->effects[0]);
    out->record = (struct oh_record){ 1, 0, out->effects, 1 };
}

void random_record_make(struct oh_prng *prng, struct random_record *out)
{
    record_empty(out);
    uint32_t count = 1 + (uint32_t)oh_prng_below(prng, RANDOM_RECORD_EFFECTS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        out->effects[i] =
            (struct oh_effect){ .type = (enum oh_effect_type)(1 + oh_prng_below(prng, TYPE_LAST)) };
        effect_make(prng, out, &out->effects[i]);
    }
    out->record = (struct oh_record){ any_u64(prng), any_i64(prng), out->effects, count };
}

/* ---- Comparison ---- */

#define SAME(field)       (a->field == b->field)
#define SAME_BYTES(field) oh_bytes_equal(a->field, b->field)

static bool points_are_equal(struct oh_point a, struct oh_point b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

static bool nodes_are_equal(const struct oh_node_command *a, const struct oh_node_command *b)
{
    return SAME_BYTES(node) && SAME_BYTES(name) && SAME_BYTES(gln) && SAME_BYTES(country) &&
           SAME_BYTES(time_zone) && SAME_BYTES(city) && SAME_BYTES(region) && SAME_BYTES(postal_code) &&
           SAME(type) && SAME(has_point) && (!a->has_point || points_are_equal(a->point, b->point)) &&
           SAME(ships) && SAME(collects) && SAME(enabled);
}

static bool groups_are_equal(const struct oh_effect_group *a, const struct oh_effect_group *b)
{
    if (!SAME(index) || !SAME_BYTES(group) || !SAME_BYTES(name) || !SAME(node_count))
        return false;
    for (uint32_t i = 0; i < a->node_count; i++) {
        if (!SAME(nodes[i]) || !SAME(priorities[i]))
            return false;
    }
    return true;
}

static bool channels_are_equal(const struct oh_effect_channel *a, const struct oh_effect_channel *b)
{
    if (!SAME(index) || !SAME_BYTES(channel) || !SAME_BYTES(name) || !SAME(policy) || !SAME(node_count) ||
        !SAME(group_count))
        return false;
    for (uint32_t i = 0; i < a->node_count; i++) {
        if (!SAME(nodes[i]))
            return false;
    }
    for (uint32_t i = 0; i < a->group_count; i++) {
        if (!SAME(groups[i]))
            return false;
    }
    return true;
}

static bool rules_are_equal(const struct oh_effect_rule *a, const struct oh_effect_rule *b)
{
    return SAME_BYTES(rule) && SAME(item) && SAME(node) && SAME(channel) && SAME(values.mask) &&
           SAME(values.safety_stock_milli) && SAME(values.threshold_milli) &&
           SAME(values.min_quantity_milli) && SAME(values.max_quantity_milli) &&
           SAME(values.increment_milli) && SAME(values.backorder_limit_milli) &&
           SAME(values.low_stock_milli) && SAME(values.pickup_allowed) && SAME(values.ship_allowed) &&
           SAME(values.preorder);
}

static bool positions_are_equal(const struct oh_effect_position *a, const struct oh_effect_position *b)
{
    for (unsigned i = 0; i < OH_STATE_COUNT; i++) {
        if (!SAME(states[i].quantity_milli) || !SAME(states[i].as_of_us) || !SAME(states[i].source_seq))
            return false;
    }
    return SAME(item) && SAME(node) && SAME(has_forgotten);
}

static bool claims_are_equal(const struct oh_effect_claim *a, const struct oh_effect_claim *b)
{
    return SAME_BYTES(id) && SAME(line) && SAME(item) && SAME(node) && SAME(expired_milli) &&
           SAME(quantity_milli) && SAME(held_milli) && SAME(confirmed_milli) && SAME(fulfilled_milli) &&
           SAME(due_at_us);
}

static bool steps_are_equal(const struct oh_effect_step *a, const struct oh_effect_step *b)
{
    return SAME_BYTES(id) && SAME(line) && SAME(item) && SAME(node) && SAME(step) && SAME(is_held) &&
           SAME(is_counted) && SAME(quantity_milli) && SAME(at_us);
}

static bool transits_are_equal(const struct oh_effect_transit *a, const struct oh_effect_transit *b)
{
    for (uint32_t i = 0; i < a->bucket_count && a->bucket_count == b->bucket_count; i++) {
        if (a->buckets[i].bucket != b->buckets[i].bucket || a->buckets[i].count != b->buckets[i].count)
            return false;
    }
    return SAME_BYTES(service) && SAME_BYTES(origin) && SAME_BYTES(destination) && SAME(weekday) && SAME(bucket_count);
}

bool effects_are_equal(const struct oh_effect *a, const struct oh_effect *b)
{
    if (!SAME(type))
        return false;
    switch (a->type) {
    case OH_EFFECT_NODE:
        return SAME(node.index) && nodes_are_equal(&a->node.value, &b->node.value);
    case OH_EFFECT_ITEM:
        return SAME(item.index) && SAME_BYTES(item.value.sku) && SAME_BYTES(item.value.name) &&
               SAME_BYTES(item.value.gtin) && SAME_BYTES(item.value.class) && SAME(item.value.weight_grams) &&
               SAME(item.value.side_mm) && SAME(item.value.volume_cm3);
    case OH_EFFECT_GROUP:
        return groups_are_equal(&a->group, &b->group);
    case OH_EFFECT_GROUP_MEMBER:
        return SAME(group_member.group) && SAME(group_member.node) && SAME(group_member.priority);
    case OH_EFFECT_CHANNEL:
        return channels_are_equal(&a->channel, &b->channel);
    case OH_EFFECT_RULE:
        return rules_are_equal(&a->rule, &b->rule);
    case OH_EFFECT_FENCE:
        return SAME_BYTES(fence.fence) && SAME(fence.item) && SAME(fence.node) && SAME(fence.channel) &&
               SAME(fence.quantity_milli) && SAME(fence.policy);
    case OH_EFFECT_SUPPLY:
        return SAME_BYTES(supply.supply) && SAME(supply.item) && SAME(supply.node) &&
               SAME(supply.quantity_milli) && SAME(supply.eta_us);
    case OH_EFFECT_POSTAL_CODE:
        return SAME_BYTES(postal_code.country) && SAME_BYTES(postal_code.postal_code) &&
               SAME_BYTES(postal_code.place) && points_are_equal(a->postal_code.point, b->postal_code.point);
    case OH_EFFECT_MOVEMENT:
        return SAME(movement.item) && SAME(movement.node) && SAME(movement.state) &&
               SAME(movement.is_counted) && SAME(movement.quantity_milli) && SAME(movement.at_us) &&
               SAME_BYTES(movement.source) && SAME_BYTES(movement.reason);
    case OH_EFFECT_COUNT:
        return SAME(count.item) && SAME(count.node) && SAME(count.state) && SAME(count.quantity_milli) &&
               SAME(count.delta_milli) && SAME(count.as_of_us) && SAME(count.source_seq) &&
               SAME_BYTES(count.source);
    case OH_EFFECT_RESERVATION:
        return SAME_BYTES(reservation.id) && SAME_BYTES(reservation.customer) &&
               SAME_BYTES(reservation.order) && SAME(reservation.kind) && SAME(reservation.channel) &&
               SAME(reservation.created_at_us) && SAME(reservation.expires_at_us) &&
               SAME(reservation.ended_at_us);
    case OH_EFFECT_CLAIM:
        return claims_are_equal(&a->claim, &b->claim);
    case OH_EFFECT_STEP:
        return steps_are_equal(&a->step, &b->step);
    case OH_EFFECT_EXTEND:
        return SAME_BYTES(extend.id) && SAME(extend.expires_at_us);
    case OH_EFFECT_KEY:
        return SAME_BYTES(key.key) && SAME(key.fingerprint) && SAME(key.seq) && SAME(key.at_us) &&
               SAME_BYTES(key.answer);
    case OH_EFFECT_IMPORT:
        return SAME_BYTES(import.import) && SAME(import.row_count) && SAME(import.rejected_count) &&
               SAME(import.number);
    case OH_EFFECT_POSITION:
        return positions_are_equal(&a->position, &b->position);
    case OH_EFFECT_REMEMBERED:
        return SAME(remembered.item) && SAME(remembered.node) && SAME(remembered.state) &&
               SAME(remembered.quantity_milli) && SAME(remembered.at_us) && SAME(remembered.number);
    case OH_EFFECT_TRANSIT:
        return transits_are_equal(&a->transit, &b->transit);
    case OH_EFFECT_DOCUMENT:
        return SAME(document.kind) && SAME_BYTES(document.id) && SAME_BYTES(document.body);
    case OH_EFFECT_BOOKING:
        return SAME_BYTES(booking.id) && SAME(booking.node) && SAME_BYTES(booking.resource) && SAME(booking.unit) &&
               SAME(booking.from_us) && SAME(booking.until_us) && SAME(booking.quantity_milli);
    case OH_EFFECT_PROMISE:
        return SAME_BYTES(promise.id) && SAME_BYTES(promise.body);
    case OH_EFFECT_HEAD:
        return SAME(head.seq) && SAME(head.time_us) && SAME(head.movement_count) &&
               SAME(head.forgotten_at_us);
    }
    return false;
}

bool records_are_equal(const struct oh_record *a, const struct oh_record *b)
{
    if (!SAME(seq) || !SAME(at_us) || !SAME(effect_count))
        return false;
    for (uint32_t i = 0; i < a->effect_count; i++) {
        if (!effects_are_equal(&a->effects[i], &b->effects[i]))
            return false;
    }
    return true;
}
