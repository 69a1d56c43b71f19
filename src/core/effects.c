/*
 * effects.c - whether what a journal or a snapshot says can be so.
 *
 * Live effects follow from a decision, which has judged every value. Effects that were read back have only
 * passed a checksum: a value that no decision can have written is found here, before it reaches a counter or
 * an index. What contradicts the ledger itself (a claim that is not there) is found where it is applied.
 */
#include "core/state.h"

#define TIME_US_MAX (OH_TIME_US_MAX + OH_TTL_US_MAX) /* the end of a hold made on the last day */

/* What is judged, and whether it is an object of a snapshot: those come in any order. */
struct judged {
    const struct oh_ledger *ledger;
    bool is_object;
};

static bool item_is_known(struct judged judged, uint32_t item)
{
    return item < (judged.is_object ? judged.ledger->options.items_max : judged.ledger->item_count);
}

static bool node_is_known(struct judged judged, uint16_t node)
{
    return node < (judged.is_object ? OH_NODES_MAX : judged.ledger->node_count);
}

static bool group_is_known(struct judged judged, uint16_t group)
{
    return group < (judged.is_object ? OH_GROUPS_MAX : judged.ledger->group_count);
}

static bool channel_is_known(struct judged judged, uint16_t channel)
{
    return channel < (judged.is_object ? OH_CHANNELS_MAX : judged.ledger->channel_count);
}

static bool place_is_known(struct judged judged, uint32_t item, uint16_t node)
{
    return item_is_known(judged, item) && node_is_known(judged, node);
}

static bool time_is_sane(int64_t at_us)
{
    return at_us >= 0 && at_us <= TIME_US_MAX;
}

static bool time_is_sane_or_none(int64_t at_us)
{
    return at_us == OH_TIME_US_NONE || time_is_sane(at_us);
}

static bool quantity_is_sane(int64_t milli, int64_t low_milli)
{
    return milli >= low_milli && milli <= OH_TOTAL_MILLI_MAX;
}

static bool label_is_valid(struct oh_bytes text)
{
    return text_is_valid(text, OH_TEXT_SIZE_MAX);
}

/* Indexes are given out one by one; a name has one index. `found` is where the name is. */
static bool index_is_free(struct judged judged, uint32_t index, uint32_t count, uint32_t count_max,
                          uint32_t found)
{
    return index < count_max && (judged.is_object || index <= count) && (found == NO_SLOT || found == index);
}

/* ---- One function a type ---------------------------------------------------------------------- */

static bool node_is_valid(struct judged judged, const struct oh_effect_node *effect)
{
    const struct oh_node_command *value = &effect->value;
    return id_is_valid(value->node) && label_is_valid(value->name) && label_is_valid(value->gln) &&
           label_is_valid(value->country) && label_is_valid(value->time_zone) &&
           label_is_valid(value->city) && label_is_valid(value->region) &&
           label_is_valid(value->postal_code) && (!value->has_point || point_is_valid(value->point)) &&
           index_is_free(judged, effect->index, judged.ledger->node_count, OH_NODES_MAX,
                         node_find(judged.ledger, value->node));
}

static bool item_is_valid(struct judged judged, const struct oh_effect_item *effect)
{
    const struct oh_item_command *value = &effect->value;
    return id_is_valid(value->sku) && label_is_valid(value->name) && label_is_valid(value->gtin) &&
           (value->class.size == 0 || id_is_valid(value->class)) && class_has_room(judged.ledger, value->class) &&
           value->weight_grams <= OH_WEIGHT_GRAMS_MAX && value->side_mm <= OH_SIDE_MM_MAX &&
           value->volume_cm3 <= OH_VOLUME_CM3_MAX &&
           index_is_free(judged, effect->index, judged.ledger->item_count, judged.ledger->options.items_max,
                         item_find(judged.ledger, value->sku));
}

static bool group_is_valid(struct judged judged, const struct oh_effect_group *effect)
{
    for (uint32_t i = 0; i < effect->node_count; i++) {
        if (!node_is_known(judged, effect->nodes[i]))
            return false;
    }
    return id_is_valid(effect->group) && label_is_valid(effect->name) &&
           index_is_free(judged, effect->index, judged.ledger->group_count, OH_GROUPS_MAX,
                         group_find(judged.ledger, effect->group));
}

static bool channel_is_valid(struct judged judged, const struct oh_effect_channel *effect)
{
    for (uint32_t i = 0; i < effect->node_count; i++) {
        if (!node_is_known(judged, effect->nodes[i]))
            return false;
    }
    for (uint32_t i = 0; i < effect->group_count; i++) {
        if (!group_is_known(judged, effect->groups[i]))
            return false;
    }
    return id_is_valid(effect->channel) && label_is_valid(effect->name) &&
           index_is_free(judged, effect->index, judged.ledger->channel_count, OH_CHANNELS_MAX,
                         channel_find(judged.ledger, effect->channel));
}

static bool rule_values_are_valid(const struct oh_rule_values *values)
{
    bool has_increment = (values->mask & OH_RULE_INCREMENT) != 0;
    return values->mask < 1u << OH_RULE_ATTRIBUTE_COUNT && quantity_is_sane(values->safety_stock_milli, 0) &&
           quantity_is_sane(values->threshold_milli, 0) && quantity_is_sane(values->min_quantity_milli, 0) &&
           quantity_is_sane(values->max_quantity_milli, 0) &&
           quantity_is_sane(values->increment_milli, has_increment ? 1 : 0) &&
           quantity_is_sane(values->backorder_limit_milli, 0) && quantity_is_sane(values->low_stock_milli, 0);
}

static bool rule_is_valid(struct judged judged, const struct oh_effect_rule *effect)
{
    return id_is_valid(effect->rule) && rule_values_are_valid(&effect->values) &&
           (effect->item == OH_INDEX_NONE || item_is_known(judged, effect->item)) &&
           (effect->node == OH_NODE_NONE || node_is_known(judged, effect->node)) &&
           (effect->channel == OH_NODE_NONE || channel_is_known(judged, effect->channel)) &&
           (effect->node == OH_NODE_NONE || effect->channel == OH_NODE_NONE);
}

/* What is removed has no place. */
static bool fence_is_valid(struct judged judged, const struct oh_effect_fence *effect)
{
    return id_is_valid(effect->fence) && quantity_is_sane(effect->quantity_milli, 0) &&
           (effect->item == OH_INDEX_NONE || (place_is_known(judged, effect->item, effect->node) &&
                                              channel_is_known(judged, effect->channel)));
}

static bool supply_is_valid(struct judged judged, const struct oh_effect_supply *effect)
{
    return id_is_valid(effect->supply) && quantity_is_sane(effect->quantity_milli, 0) &&
           (effect->quantity_milli == 0 ||
            (place_is_known(judged, effect->item, effect->node) && time_is_sane(effect->eta_us)));
}

static bool postal_code_is_valid(const struct oh_postal_code_command *effect)
{
    return id_is_valid(effect->country) && id_is_valid(effect->postal_code) &&
           label_is_valid(effect->place) && point_is_valid(effect->point);
}

static bool movement_is_valid(struct judged judged, const struct oh_effect_movement *effect)
{
    return place_is_known(judged, effect->item, effect->node) &&
           quantity_is_sane(effect->quantity_milli, -OH_TOTAL_MILLI_MAX) && time_is_sane(effect->at_us);
}

static bool count_is_valid(struct judged judged, const struct oh_effect_count *effect)
{
    return place_is_known(judged, effect->item, effect->node) &&
           quantity_is_sane(effect->quantity_milli, 0) && time_is_sane(effect->as_of_us) &&
           effect->source_seq >= -1;
}

static bool reservation_is_valid(struct judged judged, const struct oh_effect_reservation *effect)
{
    return id_is_valid(effect->id) && text_is_valid(effect->customer, OH_ID_SIZE_MAX) &&
           text_is_valid(effect->order, OH_ID_SIZE_MAX) && time_is_sane(effect->created_at_us) &&
           time_is_sane_or_none(effect->expires_at_us) && time_is_sane_or_none(effect->ended_at_us) &&
           (effect->channel == OH_NODE_NONE || channel_is_known(judged, effect->channel)) &&
           effect->kind <= OH_KIND_TRANSFER;
}

/* Each part is at most 2^53, so their sum does not overflow. */
static bool claim_parts_are_sane(const struct oh_effect_claim *effect)
{
    return quantity_is_sane(effect->quantity_milli, 1) && quantity_is_sane(effect->held_milli, 0) &&
           quantity_is_sane(effect->confirmed_milli, 0) && quantity_is_sane(effect->fulfilled_milli, 0) &&
           quantity_is_sane(effect->expired_milli, 0) &&
           effect->held_milli + effect->confirmed_milli + effect->fulfilled_milli + effect->expired_milli <=
               effect->quantity_milli;
}

static bool claim_is_valid(struct judged judged, const struct oh_effect_claim *effect)
{
    return item_is_known(judged, effect->item) &&
           (effect->node == OH_NODE_NONE || node_is_known(judged, effect->node)) && effect->line > 0 &&
           effect->line <= INT32_MAX && claim_parts_are_sane(effect) && time_is_sane_or_none(effect->due_at_us);
}

static bool step_is_valid(const struct oh_effect_step *effect)
{
    return quantity_is_sane(effect->quantity_milli, 1) &&
           (effect->step != OH_STEP_FULFIL || time_is_sane(effect->at_us));
}

static bool position_is_valid(struct judged judged, const struct oh_effect_position *effect)
{
    for (uint32_t i = 0; i < OH_STATE_COUNT; i++) {
        if (!quantity_is_sane(effect->states[i].quantity_milli, -OH_TOTAL_MILLI_MAX) ||
            !time_is_sane_or_none(effect->states[i].as_of_us) || effect->states[i].source_seq < -1)
            return false;
    }
    return place_is_known(judged, effect->item, effect->node);
}

static bool remembered_is_valid(struct judged judged, const struct oh_effect_remembered *effect)
{
    return place_is_known(judged, effect->item, effect->node) &&
           quantity_is_sane(effect->quantity_milli, -OH_TOTAL_MILLI_MAX) && time_is_sane(effect->at_us);
}

static bool document_is_valid(struct judged judged, const struct oh_document_command *effect)
{
    return effect->kind < OH_DOCUMENT_KIND_COUNT && id_is_valid(effect->id) &&
           effect->body.size <= OH_DOCUMENT_SIZE_MAX && (effect->body.size > 0 || !judged.is_object);
}

static bool booking_is_valid(struct judged judged, const struct oh_effect_booking *effect)
{
    return node_is_known(judged, effect->node) && effect->resource.size > 0 &&
           text_is_valid(effect->resource, OH_RESOURCE_SIZE_MAX) && effect->unit <= OH_UNIT_PARCELS &&
           time_is_sane(effect->from_us) && time_is_sane(effect->until_us) && effect->from_us < effect->until_us &&
           quantity_is_sane(effect->quantity_milli, judged.is_object ? 1 : 0);
}

/* Buckets ascend, and each has something in it. */
static bool transit_buckets_are_valid(const struct oh_effect_transit *effect)
{
    for (uint32_t i = 0; i < effect->bucket_count; i++) {
        if (effect->buckets[i].bucket >= OH_TRANSIT_BUCKETS_MAX || effect->buckets[i].count == 0 ||
            (i > 0 && effect->buckets[i].bucket <= effect->buckets[i - 1].bucket))
            return false;
    }
    return effect->bucket_count > 0;
}

static bool transit_is_valid(const struct oh_effect_transit *effect)
{
    return id_is_valid(effect->service) && effect->origin.size > 0 && label_is_valid(effect->origin) &&
           effect->destination.size > 0 && label_is_valid(effect->destination) && effect->weekday < WEEKDAYS &&
           transit_buckets_are_valid(effect);
}

/* ---- By type ---------------------------------------------------------------------------------- */

static bool type_is_right(enum oh_effect_type type, bool is_object)
{
    bool is_only_object =
        type == OH_EFFECT_POSITION || type == OH_EFFECT_REMEMBERED || type == OH_EFFECT_HEAD;
    bool is_only_record = type == OH_EFFECT_GROUP_MEMBER || type == OH_EFFECT_MOVEMENT ||
                          type == OH_EFFECT_COUNT || type == OH_EFFECT_STEP || type == OH_EFFECT_EXTEND;
    return is_object ? !is_only_record : !is_only_object;
}

bool effect_is_valid(const struct oh_ledger *ledger, const struct oh_effect *effect, bool is_object)
{
    struct judged judged = { ledger, is_object };
    if (!type_is_right(effect->type, is_object))
        return false;
    switch (effect->type) {
    case OH_EFFECT_NODE:
        return node_is_valid(judged, &effect->node);
    case OH_EFFECT_ITEM:
        return item_is_valid(judged, &effect->item);
    case OH_EFFECT_GROUP:
        return group_is_valid(judged, &effect->group);
    case OH_EFFECT_GROUP_MEMBER:
        return group_is_known(judged, effect->group_member.group) &&
               node_is_known(judged, effect->group_member.node);
    case OH_EFFECT_CHANNEL:
        return channel_is_valid(judged, &effect->channel);
    case OH_EFFECT_RULE:
        return rule_is_valid(judged, &effect->rule);
    case OH_EFFECT_FENCE:
        return fence_is_valid(judged, &effect->fence);
    case OH_EFFECT_SUPPLY:
        return supply_is_valid(judged, &effect->supply);
    case OH_EFFECT_POSTAL_CODE:
        return postal_code_is_valid(&effect->postal_code);
    case OH_EFFECT_MOVEMENT:
        return movement_is_valid(judged, &effect->movement);
    case OH_EFFECT_COUNT:
        return count_is_valid(judged, &effect->count);
    case OH_EFFECT_RESERVATION:
        return reservation_is_valid(judged, &effect->reservation);
    case OH_EFFECT_CLAIM:
        return claim_is_valid(judged, &effect->claim);
    case OH_EFFECT_STEP:
        return step_is_valid(&effect->step);
    case OH_EFFECT_EXTEND:
        return time_is_sane_or_none(effect->extend.expires_at_us);
    case OH_EFFECT_KEY:
        return time_is_sane(effect->key.at_us);
    case OH_EFFECT_IMPORT:
        return effect->import.import.size > 0 && label_is_valid(effect->import.import);
    case OH_EFFECT_DOCUMENT:
        return document_is_valid(judged, &effect->document);
    case OH_EFFECT_BOOKING:
        return booking_is_valid(judged, &effect->booking);
    case OH_EFFECT_PROMISE:
        return effect->promise.body.size > 0 && effect->promise.body.size <= OH_PROMISE_SIZE_MAX;
    case OH_EFFECT_TRANSIT:
        return transit_is_valid(&effect->transit);
    case OH_EFFECT_POSITION:
        return position_is_valid(judged, &effect->position);
    case OH_EFFECT_REMEMBERED:
        return remembered_is_valid(judged, &effect->remembered);
    case OH_EFFECT_HEAD:
        return time_is_sane_or_none(effect->head.time_us) &&
               time_is_sane_or_none(effect->head.forgotten_at_us);
    }
    return false;
}
