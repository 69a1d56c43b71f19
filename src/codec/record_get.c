/*
 * The readers of the fields of each effect; record_put.c has the order. Bits
 * and words that this version does not know are OH_E_VERSION, never skipped.
 */
#include "codec/record_fields.h"
#include "codec/record_wire.h"
#include <math.h>

/* A flag byte: bits outside `known` come from a later version. */
static unsigned get_flags(struct record_reader *reader, unsigned known)
{
    unsigned flags = get_byte(reader);
    if ((flags & ~known) == 0)
        return flags;
    reader_fail(reader, OH_E_VERSION);
    return 0;
}

static struct oh_point get_point(struct record_reader *reader)
{
    struct oh_point point;
    point.latitude = get_double(reader);
    point.longitude = get_double(reader);
    if (!isfinite(point.latitude) || !isfinite(point.longitude)) {
        reader_fail(reader, OH_E_CORRUPT);
        return (struct oh_point){ 0, 0 };
    }
    return point;
}

static void node_get(struct record_reader *reader, struct oh_effect *effect)
{
    struct oh_node_command *node = &effect->node.value;
    effect->node.index = get_u16(reader);
    unsigned flags =
        get_flags(reader, WORD_MASK | NODE_HAS_POINT | NODE_SHIPS | NODE_COLLECTS | NODE_ENABLED);
    node->type = (enum oh_node_type)get_word(reader, flags & WORD_MASK, OH_NODE_PICKUP_POINT);
    node->has_point = (flags & NODE_HAS_POINT) != 0;
    node->ships = (flags & NODE_SHIPS) != 0;
    node->collects = (flags & NODE_COLLECTS) != 0;
    node->enabled = (flags & NODE_ENABLED) != 0;
    if (node->has_point)
        node->point = get_point(reader);
    node->node = get_bytes(reader);
    node->name = get_bytes(reader);
    node->gln = get_bytes(reader);
    node->country = get_bytes(reader);
    node->time_zone = get_bytes(reader);
    node->city = get_bytes(reader);
    node->region = get_bytes(reader);
    node->postal_code = get_bytes(reader);
}

static void item_get(struct record_reader *reader, struct oh_effect *effect)
{
    struct oh_item_command *item = &effect->item.value;
    effect->item.index = get_u32(reader);
    item->sku = get_bytes(reader);
    item->name = get_bytes(reader);
    item->gtin = get_bytes(reader);
    item->class = OH_BYTES_NONE;
    item->weight_grams = item->side_mm = item->volume_cm3 = 0;
    if (reader_rest(reader) == 0)
        return;
    item->class = get_bytes(reader);
    item->weight_grams = get_u32(reader);
    item->side_mm = get_u32(reader);
    item->volume_cm3 = get_u32(reader);
    if (item->class.size == 0 && item->weight_grams == 0 && item->side_mm == 0 && item->volume_cm3 == 0)
        reader_fail(reader, OH_E_CORRUPT); /* what has no traits ends before them */
}

/* How many list elements follow: each takes a byte at least, so a false count costs no memory. */
static uint32_t get_count(struct record_reader *reader)
{
    return (uint32_t)get_bounded(reader, reader_rest(reader) < UINT32_MAX ? reader_rest(reader) : UINT32_MAX);
}

static const uint16_t *get_indexes(struct record_reader *reader, uint32_t count)
{
    uint16_t *indexes = record_list_take(reader, count, sizeof(*indexes));
    for (uint32_t i = 0; indexes != NULL && i < count; i++)
        indexes[i] = get_u16(reader);
    return indexes;
}

static int32_t get_i32_after(struct record_reader *reader, int64_t last)
{
    int64_t difference = get_i64(reader);
    int64_t value;
    if (!__builtin_add_overflow(last, difference, &value) && value >= INT32_MIN && value <= INT32_MAX)
        return (int32_t)value;
    reader_fail(reader, OH_E_CORRUPT);
    return 0;
}

static void group_get(struct record_reader *reader, struct oh_effect *effect)
{
    struct oh_effect_group *group = &effect->group;
    group->index = get_u16(reader);
    group->group = get_bytes(reader);
    group->name = get_bytes(reader);
    group->node_count = get_count(reader);
    group->nodes = get_indexes(reader, group->node_count);
    int32_t *priorities = record_list_take(reader, group->node_count, sizeof(*priorities));
    int64_t last = 0;
    for (uint32_t i = 0; priorities != NULL && i < group->node_count; i++)
        last = priorities[i] = get_i32_after(reader, last);
    group->priorities = priorities;
}

static void group_member_get(struct record_reader *reader, struct oh_effect *effect)
{
    effect->group_member.group = get_u16(reader);
    effect->group_member.node = get_u16(reader);
    effect->group_member.priority = get_i32_after(reader, 0);
}

static void channel_get(struct record_reader *reader, struct oh_effect *effect)
{
    struct oh_effect_channel *channel = &effect->channel;
    channel->index = get_u16(reader);
    channel->policy = (enum oh_policy)get_word(reader, get_byte(reader), OH_POLICY_FEWEST_SPLITS);
    channel->channel = get_bytes(reader);
    channel->name = get_bytes(reader);
    channel->node_count = get_count(reader);
    channel->nodes = get_indexes(reader, channel->node_count);
    channel->group_count = get_count(reader);
    channel->groups = get_indexes(reader, channel->group_count);
}

static void rule_values_get(struct record_reader *reader, struct oh_rule_values *values)
{
    int64_t *const quantities_milli[] = {
        &values->safety_stock_milli, &values->threshold_milli, &values->min_quantity_milli,
        &values->max_quantity_milli, &values->increment_milli, &values->backorder_limit_milli,
        &values->low_stock_milli,
    };
    values->mask = get_u32(reader);
    if ((values->mask & ~RULE_MASK_MAX) != 0)
        reader_fail(reader, OH_E_VERSION);
    for (unsigned i = 0; i < RULE_QUANTITY_COUNT; i++) {
        if ((values->mask & (1u << i)) != 0)
            *quantities_milli[i] = get_i64(reader);
    }
    unsigned flags = (values->mask & RULE_FLAGS_MASK) != 0 ? get_flags(reader, 7) : 0;
    values->pickup_allowed = (flags & 1) != 0;
    values->ship_allowed = (flags & 2) != 0;
    values->preorder = (flags & 4) != 0;
}

static void rule_get(struct record_reader *reader, struct oh_effect *effect)
{
    effect->rule.rule = get_bytes(reader);
    effect->rule.item = get_item(reader);
    effect->rule.node = get_node(reader);
    effect->rule.channel = get_node(reader);
    rule_values_get(reader, &effect->rule.values);
}

static void fence_get(struct record_reader *reader, struct oh_effect *effect)
{
    effect->fence.fence = get_bytes(reader);
    effect->fence.item = get_item(reader);
    effect->fence.node = get_node(reader);
    effect->fence.channel = get_node(reader);
    effect->fence.quantity_milli = get_i64(reader);
    effect->fence.policy = (enum oh_fence_policy)get_word(reader, get_byte(reader), OH_FENCE_RESTRICT);
}

static void supply_get(struct record_reader *reader, struct oh_effect *effect)
{
    effect->supply.supply = get_bytes(reader);
    effect->supply.item = get_item(reader);
    effect->supply.node = get_node(reader);
    effect->supply.quantity_milli = get_i64(reader);
    effect->supply.eta_us = get_time(reader);
}

static void postal_code_get(struct record_reader *reader, struct oh_effect *effect)
{
    effect->postal_code.country = get_bytes(reader);
    effect->postal_code.postal_code = get_bytes(reader);
    effect->postal_code.place = get_bytes(reader);
    effect->postal_code.point = get_point(reader);
}

/* A string, or the one before it. */
static struct oh_bytes get_repeated(struct record_reader *reader, bool is_same, struct oh_bytes *last)
{
    if (!is_same)
        *last = get_bytes(reader);
    return *last;
}

static void movement_get(struct record_reader *reader, struct oh_effect *effect)
{
    struct oh_effect_movement *movement = &effect->movement;
    unsigned flags =
        get_flags(reader, WORD_MASK | MOVEMENT_IS_COUNTED | MOVEMENT_SAME_SOURCE | MOVEMENT_SAME_REASON);
    movement->state = (enum oh_state)get_word(reader, flags & WORD_MASK, OH_STATE_COUNT - 1);
    movement->is_counted = (flags & MOVEMENT_IS_COUNTED) != 0;
    movement->item = get_item(reader);
    movement->node = get_node(reader);
    movement->quantity_milli = get_i64(reader);
    movement->at_us = get_time(reader);
    movement->source = get_repeated(reader, (flags & MOVEMENT_SAME_SOURCE) != 0, &reader->context.source);
    movement->reason = get_repeated(reader, (flags & MOVEMENT_SAME_REASON) != 0, &reader->context.reason);
}

static void count_get(struct record_reader *reader, struct oh_effect *effect)
{
    struct oh_effect_count *count = &effect->count;
    unsigned flags = get_flags(reader, WORD_MASK | COUNT_HAS_SEQ | COUNT_SAME_SOURCE);
    count->state = (enum oh_state)get_word(reader, flags & WORD_MASK, OH_STATE_COUNT - 1);
    count->item = get_item(reader);
    count->node = get_node(reader);
    count->quantity_milli = get_i64(reader);
    count->delta_milli = get_i64(reader);
    count->as_of_us = get_time(reader);
    count->source_seq = (flags & COUNT_HAS_SEQ) != 0 ? get_i64(reader) : -1;
    count->source = get_repeated(reader, (flags & COUNT_SAME_SOURCE) != 0, &reader->context.source);
}

static void reservation_get(struct record_reader *reader, struct oh_effect *effect)
{
    struct oh_effect_reservation *reservation = &effect->reservation;
    unsigned flags = get_flags(reader, WORD_MASK | RESERVATION_HAS_EXPIRY | RESERVATION_HAS_END |
                                           RESERVATION_HAS_CUSTOMER | RESERVATION_HAS_ORDER);
    reservation->kind = (enum oh_kind)get_word(reader, flags & WORD_MASK, OH_KIND_TRANSFER);
    reservation->id = get_bytes(reader);
    reservation->channel = get_node(reader);
    reservation->created_at_us = get_time(reader);
    reservation->expires_at_us = (flags & RESERVATION_HAS_EXPIRY) != 0 ? get_time(reader) : OH_TIME_US_NONE;
    reservation->ended_at_us = (flags & RESERVATION_HAS_END) != 0 ? get_time(reader) : OH_TIME_US_NONE;
    reservation->customer = (flags & RESERVATION_HAS_CUSTOMER) != 0 ? get_bytes(reader) : OH_BYTES_NONE;
    reservation->order = (flags & RESERVATION_HAS_ORDER) != 0 ? get_bytes(reader) : OH_BYTES_NONE;
    reader->context.id = reservation->id;
}

static void claim_parts_get(struct record_reader *reader, enum claim_shape shape,
                            struct oh_effect_claim *claim)
{
    claim->held_milli = shape == CLAIM_HELD ? claim->quantity_milli : 0;
    claim->confirmed_milli = shape == CLAIM_CONFIRMED ? claim->quantity_milli : 0;
    if (shape != CLAIM_MIXED)
        return;
    claim->held_milli = get_i64(reader);
    claim->confirmed_milli = get_i64(reader);
    claim->fulfilled_milli = get_i64(reader);
}

static void claim_get(struct record_reader *reader, struct oh_effect *effect)
{
    struct oh_effect_claim *claim = &effect->claim;
    unsigned flags = get_flags(reader, CLAIM_HAS_EXPIRED | CLAIM_SHAPE_MASK << CLAIM_SHAPE_SHIFT | CLAIM_SAME_ID |
                                           CLAIM_HAS_DUE);
    claim->line = get_u32(reader);
    claim->item = get_item(reader);
    claim->node = get_node(reader);
    claim->quantity_milli = get_i64(reader);
    claim_parts_get(reader, (enum claim_shape)(flags >> CLAIM_SHAPE_SHIFT & CLAIM_SHAPE_MASK), claim);
    claim->expired_milli = (flags & CLAIM_HAS_EXPIRED) != 0 ? get_i64(reader) : 0;
    claim->due_at_us = (flags & CLAIM_HAS_DUE) != 0 ? get_time(reader) : OH_TIME_US_NONE;
    claim->id = get_repeated(reader, (flags & CLAIM_SAME_ID) != 0, &reader->context.id);
}

static void step_get(struct record_reader *reader, struct oh_effect *effect)
{
    struct oh_effect_step *step = &effect->step;
    unsigned flags = get_flags(reader, WORD_MASK | STEP_IS_HELD | STEP_IS_COUNTED | STEP_SAME_ID);
    step->step = (enum oh_step)get_word(reader, flags & WORD_MASK, OH_STEP_MOVE);
    step->is_held = (flags & STEP_IS_HELD) != 0;
    step->is_counted = (flags & STEP_IS_COUNTED) != 0;
    step->line = get_u32(reader);
    step->item = get_item(reader);
    step->node = get_node(reader);
    step->quantity_milli = get_i64(reader);
    step->at_us = get_time(reader);
    step->id = get_repeated(reader, (flags & STEP_SAME_ID) != 0, &reader->context.id);
}

static void extend_get(struct record_reader *reader, struct oh_effect *effect)
{
    unsigned flags = get_flags(reader, EXTEND_HAS_EXPIRY | EXTEND_SAME_ID);
    effect->extend.expires_at_us = (flags & EXTEND_HAS_EXPIRY) != 0 ? get_time(reader) : OH_TIME_US_NONE;
    effect->extend.id = get_repeated(reader, (flags & EXTEND_SAME_ID) != 0, &reader->context.id);
}

static void key_get(struct record_reader *reader, struct oh_effect *effect)
{
    effect->key.key = get_bytes(reader);
    effect->key.fingerprint = get_fixed64(reader);
    effect->key.seq = reader->context.base_seq - (uint64_t)get_i64(reader);
    effect->key.at_us = get_time(reader);
    effect->key.answer = get_bytes(reader);
}

static void import_get(struct record_reader *reader, struct oh_effect *effect)
{
    effect->import.import = get_bytes(reader);
    effect->import.row_count = get_u64(reader);
    effect->import.rejected_count = get_u64(reader);
    effect->import.number = get_u64(reader);
}

static void position_state_get(struct record_reader *reader, unsigned flags,
                               struct oh_effect_position *position, unsigned state)
{
    position->states[state].quantity_milli = (flags & STATE_HAS_QUANTITY) != 0 ? get_i64(reader) : 0;
    position->states[state].as_of_us = (flags & STATE_HAS_AS_OF) != 0 ? get_time(reader) : OH_TIME_US_NONE;
    position->states[state].source_seq = (flags & STATE_HAS_SEQ) != 0 ? get_i64(reader) : -1;
}

static void position_get(struct record_reader *reader, struct oh_effect *effect)
{
    effect->position.item = get_item(reader);
    effect->position.node = get_node(reader);
    unsigned mask = get_flags(reader, ((1u << OH_STATE_COUNT) - 1u) | POSITION_HAS_FORGOTTEN);
    effect->position.has_forgotten = (mask & POSITION_HAS_FORGOTTEN) != 0;
    for (unsigned state = 0; state < OH_STATE_COUNT; state++) {
        unsigned flags = (mask & (1u << state)) != 0
                             ? get_flags(reader, STATE_HAS_QUANTITY | STATE_HAS_AS_OF | STATE_HAS_SEQ)
                             : 0;
        position_state_get(reader, flags, &effect->position, state);
    }
}

static void remembered_get(struct record_reader *reader, struct oh_effect *effect)
{
    effect->remembered.state = (enum oh_state)get_word(reader, get_byte(reader), OH_STATE_COUNT - 1);
    effect->remembered.item = get_item(reader);
    effect->remembered.node = get_node(reader);
    effect->remembered.quantity_milli = get_i64(reader);
    effect->remembered.at_us = get_time(reader);
    effect->remembered.number = get_u64(reader);
}

static void head_get(struct record_reader *reader, struct oh_effect *effect)
{
    effect->head.seq = get_u64(reader);
    effect->head.time_us = get_time(reader);
    effect->head.movement_count = get_u64(reader);
    effect->head.forgotten_at_us = get_time(reader);
}

static void document_get(struct record_reader *reader, struct oh_effect *effect)
{
    effect->document.kind =
        (enum oh_document_kind)get_word(reader, get_byte(reader), OH_DOCUMENT_KIND_COUNT - 1);
    effect->document.id = get_bytes(reader);
    effect->document.body = get_bytes(reader);
}

static void booking_get(struct record_reader *reader, struct oh_effect *effect)
{
    struct oh_effect_booking *booking = &effect->booking;
    unsigned flags = get_flags(reader, WORD_MASK | BOOKING_SAME_ID);
    booking->unit = (enum oh_unit)get_word(reader, flags & WORD_MASK, OH_UNIT_PARCELS);
    booking->node = get_node(reader);
    booking->resource = get_bytes(reader);
    booking->from_us = get_time(reader);
    booking->until_us = (int64_t)((uint64_t)booking->from_us + (uint64_t)get_i64(reader));
    booking->quantity_milli = get_i64(reader);
    booking->id = get_repeated(reader, (flags & BOOKING_SAME_ID) != 0, &reader->context.id);
}

static void promise_get(struct record_reader *reader, struct oh_effect *effect)
{
    unsigned flags = get_flags(reader, PROMISE_SAME_ID);
    effect->promise.body = get_bytes(reader);
    effect->promise.id = get_repeated(reader, (flags & PROMISE_SAME_ID) != 0, &reader->context.id);
}

static void transit_get(struct record_reader *reader, struct oh_effect *effect)
{
    struct oh_effect_transit *transit = &effect->transit;
    transit->weekday = (uint8_t)get_byte(reader);
    transit->service = get_bytes(reader);
    transit->origin = get_bytes(reader);
    transit->destination = get_bytes(reader);
    transit->bucket_count = get_u32(reader);
    if (transit->bucket_count > reader_rest(reader) / 2) /* each is two numbers, and takes the memory of no more */
        reader_fail(reader, OH_E_CORRUPT);
    struct oh_transit_bucket *buckets = record_list_take(reader, transit->bucket_count, sizeof(*buckets));
    uint64_t bucket = 0;
    for (uint32_t i = 0; buckets != NULL && i < transit->bucket_count; i++) {
        bucket += get_bounded(reader, OH_TRANSIT_BUCKETS_MAX - 1 - bucket);
        buckets[i] = (struct oh_transit_bucket){ (uint16_t)bucket, get_u32(reader) };
    }
    transit->buckets = buckets;
}

static void (*const get_functions[RECORD_TYPE_COUNT])(struct record_reader *, struct oh_effect *) = {
    [OH_EFFECT_NODE] = node_get,
    [OH_EFFECT_ITEM] = item_get,
    [OH_EFFECT_GROUP] = group_get,
    [OH_EFFECT_GROUP_MEMBER] = group_member_get,
    [OH_EFFECT_CHANNEL] = channel_get,
    [OH_EFFECT_RULE] = rule_get,
    [OH_EFFECT_FENCE] = fence_get,
    [OH_EFFECT_SUPPLY] = supply_get,
    [OH_EFFECT_POSTAL_CODE] = postal_code_get,
    [OH_EFFECT_MOVEMENT] = movement_get,
    [OH_EFFECT_COUNT] = count_get,
    [OH_EFFECT_RESERVATION] = reservation_get,
    [OH_EFFECT_CLAIM] = claim_get,
    [OH_EFFECT_STEP] = step_get,
    [OH_EFFECT_EXTEND] = extend_get,
    [OH_EFFECT_KEY] = key_get,
    [OH_EFFECT_IMPORT] = import_get,
    [OH_EFFECT_POSITION] = position_get,
    [OH_EFFECT_REMEMBERED] = remembered_get,
    [OH_EFFECT_HEAD] = head_get,
    [OH_EFFECT_DOCUMENT] = document_get,
    [OH_EFFECT_BOOKING] = booking_get,
    [OH_EFFECT_PROMISE] = promise_get,
    [OH_EFFECT_TRANSIT] = transit_get,
};

void record_effect_get(struct record_reader *reader, struct oh_effect *effect)
{
    get_functions[effect->type](reader, effect);
}
