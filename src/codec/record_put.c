/*
 * The fields of each effect, in the order they are written. This file and
 * record_get.c are the definition of format version 1: a change to either
 * needs a new version, unless it appends fields that may be missing.
 */
#include "base/assert.h"
#include "codec/record_fields.h"
#include "codec/record_wire.h"

/* Fixed fields of any effect: POSITION is the largest (5 states of 31 bytes), RULE the next. */
#define EFFECT_FIXED_SIZE_MAX   256
#define BYTES_OVERHEAD          OH_VARINT_SIZE_MAX
#define GROUP_MEMBER_SIZE_MAX   8 /* node 3, priority 5 */
#define CHANNEL_MEMBER_SIZE_MAX 3
#define TRANSIT_BUCKET_SIZE_MAX 8 /* bucket 3, count 5 */

static size_t node_text_size(const struct oh_node_command *node)
{
    return node->node.size + node->name.size + node->gln.size + node->country.size + node->time_zone.size +
           node->city.size + node->region.size + node->postal_code.size + 8 * BYTES_OVERHEAD;
}

static size_t group_size(const struct oh_effect_group *group)
{
    return group->group.size + group->name.size + 2 * BYTES_OVERHEAD +
           (size_t)group->node_count * GROUP_MEMBER_SIZE_MAX;
}

static size_t channel_size(const struct oh_effect_channel *channel)
{
    return channel->channel.size + channel->name.size + 2 * BYTES_OVERHEAD +
           ((size_t)channel->node_count + channel->group_count) * CHANNEL_MEMBER_SIZE_MAX;
}

static size_t postal_code_size(const struct oh_postal_code_command *code)
{
    return code->country.size + code->postal_code.size + code->place.size + 3 * BYTES_OVERHEAD;
}

static size_t transit_size(const struct oh_effect_transit *transit)
{
    return transit->service.size + transit->origin.size + transit->destination.size + 3 * BYTES_OVERHEAD +
           (size_t)transit->bucket_count * TRANSIT_BUCKET_SIZE_MAX;
}

/* Strings and lists: what has no fixed size. */
static size_t effect_variable_size(const struct oh_effect *effect)
{
    switch (effect->type) {
    case OH_EFFECT_NODE:
        return node_text_size(&effect->node.value);
    case OH_EFFECT_ITEM:
        return effect->item.value.sku.size + effect->item.value.name.size + effect->item.value.gtin.size +
               effect->item.value.class.size + 4 * BYTES_OVERHEAD;
    case OH_EFFECT_GROUP:
        return group_size(&effect->group);
    case OH_EFFECT_CHANNEL:
        return channel_size(&effect->channel);
    case OH_EFFECT_RULE:
        return effect->rule.rule.size;
    case OH_EFFECT_FENCE:
        return effect->fence.fence.size;
    case OH_EFFECT_SUPPLY:
        return effect->supply.supply.size;
    case OH_EFFECT_POSTAL_CODE:
        return postal_code_size(&effect->postal_code);
    case OH_EFFECT_MOVEMENT:
        return effect->movement.source.size + effect->movement.reason.size;
    case OH_EFFECT_COUNT:
        return effect->count.source.size;
    case OH_EFFECT_RESERVATION:
        return effect->reservation.id.size + effect->reservation.customer.size +
               effect->reservation.order.size;
    case OH_EFFECT_CLAIM:
        return effect->claim.id.size;
    case OH_EFFECT_STEP:
        return effect->step.id.size;
    case OH_EFFECT_EXTEND:
        return effect->extend.id.size;
    case OH_EFFECT_KEY:
        return effect->key.key.size + effect->key.answer.size;
    case OH_EFFECT_IMPORT:
        return effect->import.import.size;
    case OH_EFFECT_DOCUMENT:
        return effect->document.id.size + effect->document.body.size;
    case OH_EFFECT_BOOKING:
        return effect->booking.id.size + effect->booking.resource.size;
    case OH_EFFECT_PROMISE:
        return effect->promise.id.size + effect->promise.body.size;
    case OH_EFFECT_TRANSIT:
        return transit_size(&effect->transit);
    case OH_EFFECT_GROUP_MEMBER:
    case OH_EFFECT_POSITION:
    case OH_EFFECT_REMEMBERED:
    case OH_EFFECT_HEAD:
        return 0;
    }
    OH_UNREACHABLE();
}

size_t record_effect_bound(const struct oh_effect *effect)
{
    return EFFECT_FIXED_SIZE_MAX + effect_variable_size(effect);
}

static void put_point(struct record_writer *writer, struct oh_point point)
{
    put_double(writer, point.latitude);
    put_double(writer, point.longitude);
}

static void node_put(struct record_writer *writer, const struct oh_effect *effect)
{
    const struct oh_node_command *node = &effect->node.value;
    put_u64(writer, effect->node.index);
    put_byte(writer, (unsigned)node->type | flag(node->has_point, NODE_HAS_POINT) |
                         flag(node->ships, NODE_SHIPS) | flag(node->collects, NODE_COLLECTS) |
                         flag(node->enabled, NODE_ENABLED));
    if (node->has_point)
        put_point(writer, node->point);
    put_bytes(writer, node->node);
    put_bytes(writer, node->name);
    put_bytes(writer, node->gln);
    put_bytes(writer, node->country);
    put_bytes(writer, node->time_zone);
    put_bytes(writer, node->city);
    put_bytes(writer, node->region);
    put_bytes(writer, node->postal_code);
}

/* An item without traits is written as it was before there were any. */
static void item_put(struct record_writer *writer, const struct oh_effect *effect)
{
    const struct oh_item_command *item = &effect->item.value;
    put_u64(writer, effect->item.index);
    put_bytes(writer, item->sku);
    put_bytes(writer, item->name);
    put_bytes(writer, item->gtin);
    if (item->class.size == 0 && item->weight_grams == 0 && item->side_mm == 0 && item->volume_cm3 == 0)
        return;
    put_bytes(writer, item->class);
    put_u64(writer, item->weight_grams);
    put_u64(writer, item->side_mm);
    put_u64(writer, item->volume_cm3);
}

static void group_put(struct record_writer *writer, const struct oh_effect *effect)
{
    const struct oh_effect_group *group = &effect->group;
    put_u64(writer, group->index);
    put_bytes(writer, group->group);
    put_bytes(writer, group->name);
    put_u64(writer, group->node_count);
    for (uint32_t i = 0; i < group->node_count; i++)
        put_u64(writer, group->nodes[i]);
    int64_t last = 0;
    for (uint32_t i = 0; i < group->node_count; i++) {
        put_i64(writer, group->priorities[i] - last);
        last = group->priorities[i];
    }
}

static void group_member_put(struct record_writer *writer, const struct oh_effect *effect)
{
    put_u64(writer, effect->group_member.group);
    put_u64(writer, effect->group_member.node);
    put_i64(writer, effect->group_member.priority);
}

static void put_indexes(struct record_writer *writer, const uint16_t *indexes, uint32_t count)
{
    put_u64(writer, count);
    for (uint32_t i = 0; i < count; i++)
        put_u64(writer, indexes[i]);
}

static void channel_put(struct record_writer *writer, const struct oh_effect *effect)
{
    const struct oh_effect_channel *channel = &effect->channel;
    put_u64(writer, channel->index);
    put_byte(writer, (unsigned)channel->policy);
    put_bytes(writer, channel->channel);
    put_bytes(writer, channel->name);
    put_indexes(writer, channel->nodes, channel->node_count);
    put_indexes(writer, channel->groups, channel->group_count);
}

/* Only what the mask names is written, in the order of its bits. */
static void rule_values_put(struct record_writer *writer, const struct oh_rule_values *values)
{
    const int64_t quantities_milli[] = RULE_QUANTITIES(values);
    put_u64(writer, values->mask);
    for (unsigned i = 0; i < RULE_QUANTITY_COUNT; i++) {
        if ((values->mask & (1u << i)) != 0)
            put_i64(writer, quantities_milli[i]);
    }
    if ((values->mask & RULE_FLAGS_MASK) != 0)
        put_byte(writer,
                 flag(values->pickup_allowed, 1) | flag(values->ship_allowed, 2) | flag(values->preorder, 4));
}

static void rule_put(struct record_writer *writer, const struct oh_effect *effect)
{
    put_bytes(writer, effect->rule.rule);
    put_item(writer, effect->rule.item);
    put_node(writer, effect->rule.node);
    put_node(writer, effect->rule.channel);
    rule_values_put(writer, &effect->rule.values);
}

static void fence_put(struct record_writer *writer, const struct oh_effect *effect)
{
    put_bytes(writer, effect->fence.fence);
    put_item(writer, effect->fence.item);
    put_node(writer, effect->fence.node);
    put_node(writer, effect->fence.channel);
    put_i64(writer, effect->fence.quantity_milli);
    put_byte(writer, (unsigned)effect->fence.policy);
}

static void supply_put(struct record_writer *writer, const struct oh_effect *effect)
{
    put_bytes(writer, effect->supply.supply);
    put_item(writer, effect->supply.item);
    put_node(writer, effect->supply.node);
    put_i64(writer, effect->supply.quantity_milli);
    put_time(writer, effect->supply.eta_us);
}

static void postal_code_put(struct record_writer *writer, const struct oh_effect *effect)
{
    put_bytes(writer, effect->postal_code.country);
    put_bytes(writer, effect->postal_code.postal_code);
    put_bytes(writer, effect->postal_code.place);
    put_point(writer, effect->postal_code.point);
}

/* A repeated string is worth a bit; one that is not written is not remembered either. */
static bool is_same(struct oh_bytes *last, struct oh_bytes value)
{
    if (oh_bytes_equal(*last, value))
        return true;
    *last = value;
    return false;
}

static void movement_put(struct record_writer *writer, const struct oh_effect *effect)
{
    const struct oh_effect_movement *movement = &effect->movement;
    bool same_source = is_same(&writer->context.source, movement->source);
    bool same_reason = is_same(&writer->context.reason, movement->reason);
    put_byte(writer, (unsigned)movement->state | flag(movement->is_counted, MOVEMENT_IS_COUNTED) |
                         flag(same_source, MOVEMENT_SAME_SOURCE) | flag(same_reason, MOVEMENT_SAME_REASON));
    put_item(writer, movement->item);
    put_node(writer, movement->node);
    put_i64(writer, movement->quantity_milli);
    put_time(writer, movement->at_us);
    if (!same_source)
        put_bytes(writer, movement->source);
    if (!same_reason)
        put_bytes(writer, movement->reason);
}

static void count_put(struct record_writer *writer, const struct oh_effect *effect)
{
    const struct oh_effect_count *count = &effect->count;
    bool same_source = is_same(&writer->context.source, count->source);
    bool has_seq = count->source_seq != -1;
    put_byte(writer,
             (unsigned)count->state | flag(has_seq, COUNT_HAS_SEQ) | flag(same_source, COUNT_SAME_SOURCE));
    put_item(writer, count->item);
    put_node(writer, count->node);
    put_i64(writer, count->quantity_milli);
    put_i64(writer, count->delta_milli);
    put_time(writer, count->as_of_us);
    if (has_seq)
        put_i64(writer, count->source_seq);
    if (!same_source)
        put_bytes(writer, count->source);
}

static void reservation_put(struct record_writer *writer, const struct oh_effect *effect)
{
    const struct oh_effect_reservation *reservation = &effect->reservation;
    bool has_expiry = reservation->expires_at_us != OH_TIME_US_NONE;
    bool has_end = reservation->ended_at_us != OH_TIME_US_NONE;
    bool has_customer = reservation->customer.size > 0;
    bool has_order = reservation->order.size > 0;
    put_byte(writer, (unsigned)reservation->kind | flag(has_expiry, RESERVATION_HAS_EXPIRY) |
                         flag(has_end, RESERVATION_HAS_END) | flag(has_customer, RESERVATION_HAS_CUSTOMER) |
                         flag(has_order, RESERVATION_HAS_ORDER));
    put_bytes(writer, reservation->id);
    put_node(writer, reservation->channel);
    put_time(writer, reservation->created_at_us);
    if (has_expiry)
        put_time(writer, reservation->expires_at_us);
    if (has_end)
        put_time(writer, reservation->ended_at_us);
    if (has_customer)
        put_bytes(writer, reservation->customer);
    if (has_order)
        put_bytes(writer, reservation->order);
    writer->context.id = reservation->id;
}

static enum claim_shape claim_shape_of(const struct oh_effect_claim *claim)
{
    if (claim->fulfilled_milli != 0)
        return CLAIM_MIXED;
    if (claim->held_milli == claim->quantity_milli && claim->confirmed_milli == 0)
        return CLAIM_HELD;
    if (claim->confirmed_milli == claim->quantity_milli && claim->held_milli == 0)
        return CLAIM_CONFIRMED;
    return claim->held_milli == 0 && claim->confirmed_milli == 0 ? CLAIM_ENDED : CLAIM_MIXED;
}

static void claim_put(struct record_writer *writer, const struct oh_effect *effect)
{
    const struct oh_effect_claim *claim = &effect->claim;
    bool same_id = is_same(&writer->context.id, claim->id);
    enum claim_shape shape = claim_shape_of(claim);
    bool has_expired = claim->expired_milli != 0;
    bool has_due = claim->due_at_us != OH_TIME_US_NONE;
    put_byte(writer, flag(has_expired, CLAIM_HAS_EXPIRED) | (unsigned)shape << CLAIM_SHAPE_SHIFT |
                         flag(same_id, CLAIM_SAME_ID) | flag(has_due, CLAIM_HAS_DUE));
    put_u64(writer, claim->line);
    put_item(writer, claim->item);
    put_node(writer, claim->node);
    put_i64(writer, claim->quantity_milli);
    if (shape == CLAIM_MIXED) {
        put_i64(writer, claim->held_milli);
        put_i64(writer, claim->confirmed_milli);
        put_i64(writer, claim->fulfilled_milli);
    }
    if (has_expired)
        put_i64(writer, claim->expired_milli);
    if (has_due)
        put_time(writer, claim->due_at_us);
    if (!same_id)
        put_bytes(writer, claim->id);
}

static void step_put(struct record_writer *writer, const struct oh_effect *effect)
{
    const struct oh_effect_step *step = &effect->step;
    bool same_id = is_same(&writer->context.id, step->id);
    put_byte(writer, (unsigned)step->step | flag(step->is_held, STEP_IS_HELD) |
                         flag(step->is_counted, STEP_IS_COUNTED) | flag(same_id, STEP_SAME_ID));
    put_u64(writer, step->line);
    put_item(writer, step->item);
    put_node(writer, step->node);
    put_i64(writer, step->quantity_milli);
    put_time(writer, step->at_us);
    if (!same_id)
        put_bytes(writer, step->id);
}

static void extend_put(struct record_writer *writer, const struct oh_effect *effect)
{
    bool same_id = is_same(&writer->context.id, effect->extend.id);
    bool has_expiry = effect->extend.expires_at_us != OH_TIME_US_NONE;
    put_byte(writer, flag(has_expiry, EXTEND_HAS_EXPIRY) | flag(same_id, EXTEND_SAME_ID));
    if (has_expiry)
        put_time(writer, effect->extend.expires_at_us);
    if (!same_id)
        put_bytes(writer, effect->extend.id);
}

static void key_put(struct record_writer *writer, const struct oh_effect *effect)
{
    const struct oh_effect_key *key = &effect->key;
    put_bytes(writer, key->key);
    put_fixed64(writer, key->fingerprint);
    put_i64(writer, (int64_t)(writer->context.base_seq - key->seq));
    put_time(writer, key->at_us);
    put_bytes(writer, key->answer);
}

static void import_put(struct record_writer *writer, const struct oh_effect *effect)
{
    put_bytes(writer, effect->import.import);
    put_u64(writer, effect->import.row_count);
    put_u64(writer, effect->import.rejected_count);
    put_u64(writer, effect->import.number);
}

/* A state that was never moved nor counted takes no byte. */
static unsigned position_state_flags(const struct oh_effect_position *position, unsigned state)
{
    return flag(position->states[state].quantity_milli != 0, STATE_HAS_QUANTITY) |
           flag(position->states[state].as_of_us != OH_TIME_US_NONE, STATE_HAS_AS_OF) |
           flag(position->states[state].source_seq != -1, STATE_HAS_SEQ);
}

static void position_state_put(struct record_writer *writer, const struct oh_effect_position *position,
                               unsigned state)
{
    unsigned flags = position_state_flags(position, state);
    put_byte(writer, flags);
    if ((flags & STATE_HAS_QUANTITY) != 0)
        put_i64(writer, position->states[state].quantity_milli);
    if ((flags & STATE_HAS_AS_OF) != 0)
        put_time(writer, position->states[state].as_of_us);
    if ((flags & STATE_HAS_SEQ) != 0)
        put_i64(writer, position->states[state].source_seq);
}

static void position_put(struct record_writer *writer, const struct oh_effect *effect)
{
    const struct oh_effect_position *position = &effect->position;
    unsigned mask = flag(position->has_forgotten, POSITION_HAS_FORGOTTEN);
    for (unsigned state = 0; state < OH_STATE_COUNT; state++)
        mask |= flag(position_state_flags(position, state) != 0, 1u << state);
    put_item(writer, position->item);
    put_node(writer, position->node);
    put_byte(writer, mask);
    for (unsigned state = 0; state < OH_STATE_COUNT; state++) {
        if ((mask & (1u << state)) != 0)
            position_state_put(writer, position, state);
    }
}

static void remembered_put(struct record_writer *writer, const struct oh_effect *effect)
{
    put_byte(writer, (unsigned)effect->remembered.state);
    put_item(writer, effect->remembered.item);
    put_node(writer, effect->remembered.node);
    put_i64(writer, effect->remembered.quantity_milli);
    put_time(writer, effect->remembered.at_us);
    put_u64(writer, effect->remembered.number);
}

static void head_put(struct record_writer *writer, const struct oh_effect *effect)
{
    put_u64(writer, effect->head.seq);
    put_time(writer, effect->head.time_us);
    put_u64(writer, effect->head.movement_count);
    put_time(writer, effect->head.forgotten_at_us);
}

static void document_put(struct record_writer *writer, const struct oh_effect *effect)
{
    put_byte(writer, (unsigned)effect->document.kind);
    put_bytes(writer, effect->document.id);
    put_bytes(writer, effect->document.body);
}

static void booking_put(struct record_writer *writer, const struct oh_effect *effect)
{
    const struct oh_effect_booking *booking = &effect->booking;
    bool same_id = is_same(&writer->context.id, booking->id);
    put_byte(writer, (unsigned)booking->unit | flag(same_id, BOOKING_SAME_ID));
    put_node(writer, booking->node);
    put_bytes(writer, booking->resource);
    put_time(writer, booking->from_us);
    put_i64(writer, (int64_t)((uint64_t)booking->until_us - (uint64_t)booking->from_us));
    put_i64(writer, booking->quantity_milli);
    if (!same_id)
        put_bytes(writer, booking->id);
}

static void promise_put(struct record_writer *writer, const struct oh_effect *effect)
{
    bool same_id = is_same(&writer->context.id, effect->promise.id);
    put_byte(writer, flag(same_id, PROMISE_SAME_ID));
    put_bytes(writer, effect->promise.body);
    if (!same_id)
        put_bytes(writer, effect->promise.id);
}

/* Each bucket after the one before it. */
static void transit_put(struct record_writer *writer, const struct oh_effect *effect)
{
    const struct oh_effect_transit *transit = &effect->transit;
    uint32_t last = 0;
    put_byte(writer, transit->weekday);
    put_bytes(writer, transit->service);
    put_bytes(writer, transit->origin);
    put_bytes(writer, transit->destination);
    put_u64(writer, transit->bucket_count);
    for (uint32_t i = 0; i < transit->bucket_count; i++) {
        put_u64(writer, transit->buckets[i].bucket - last);
        put_u64(writer, transit->buckets[i].count);
        last = transit->buckets[i].bucket;
    }
}

static void (*const put_functions[RECORD_TYPE_COUNT])(struct record_writer *, const struct oh_effect *) = {
    [OH_EFFECT_NODE] = node_put,
    [OH_EFFECT_ITEM] = item_put,
    [OH_EFFECT_GROUP] = group_put,
    [OH_EFFECT_GROUP_MEMBER] = group_member_put,
    [OH_EFFECT_CHANNEL] = channel_put,
    [OH_EFFECT_RULE] = rule_put,
    [OH_EFFECT_FENCE] = fence_put,
    [OH_EFFECT_SUPPLY] = supply_put,
    [OH_EFFECT_POSTAL_CODE] = postal_code_put,
    [OH_EFFECT_MOVEMENT] = movement_put,
    [OH_EFFECT_COUNT] = count_put,
    [OH_EFFECT_RESERVATION] = reservation_put,
    [OH_EFFECT_CLAIM] = claim_put,
    [OH_EFFECT_STEP] = step_put,
    [OH_EFFECT_EXTEND] = extend_put,
    [OH_EFFECT_KEY] = key_put,
    [OH_EFFECT_IMPORT] = import_put,
    [OH_EFFECT_POSITION] = position_put,
    [OH_EFFECT_REMEMBERED] = remembered_put,
    [OH_EFFECT_HEAD] = head_put,
    [OH_EFFECT_DOCUMENT] = document_put,
    [OH_EFFECT_BOOKING] = booking_put,
    [OH_EFFECT_PROMISE] = promise_put,
    [OH_EFFECT_TRANSIT] = transit_put,
};

void record_effect_put(struct record_writer *writer, const struct oh_effect *effect)
{
    put_functions[effect->type](writer, effect);
}
