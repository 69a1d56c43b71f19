#include "storage/pg_fold_internal.h"

enum oh_err fold_node(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_node *effect)
{
    const struct oh_node_command *value = &effect->value;
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_NODES);
    oh_pg_array_put_text(columns++, value->node);
    oh_pg_array_put_i32(columns++, effect->index);
    oh_pg_array_put_text(columns++, oh_bytes_of(oh_node_type_text(value->type)));
    oh_pg_array_put_text(columns++, value->name);
    oh_pg_array_put_text(columns++, value->gln);
    oh_pg_array_put_text(columns++, value->country);
    oh_pg_array_put_text(columns++, value->time_zone);
    oh_pg_array_put_text(columns++, value->city);
    oh_pg_array_put_text(columns++, value->region);
    oh_pg_array_put_text(columns++, value->postal_code);
    if (value->has_point) {
        oh_pg_array_put_f64(columns++, value->point.latitude);
        oh_pg_array_put_f64(columns++, value->point.longitude);
    } else {
        oh_pg_array_put_null(columns++);
        oh_pg_array_put_null(columns++);
    }
    oh_pg_array_put_bool(columns++, value->ships);
    oh_pg_array_put_bool(columns++, value->collects);
    oh_pg_array_put_bool(columns++, value->enabled);
    oh_pg_array_put_i64(columns++, (int64_t)moment.seq);
    return OH_OK;
}

enum oh_err fold_item(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_item *effect)
{
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_ITEMS);
    oh_pg_array_put_text(columns++, effect->value.sku);
    oh_pg_array_put_i32(columns++, (int32_t)effect->index);
    oh_pg_array_put_text(columns++, effect->value.name);
    oh_pg_array_put_text(columns++, effect->value.gtin);
    oh_pg_array_put_text(columns++, effect->value.class);
    oh_pg_array_put_i64(columns++, effect->value.weight_grams);
    oh_pg_array_put_i64(columns++, effect->value.side_mm);
    oh_pg_array_put_i64(columns++, effect->value.volume_cm3);
    oh_pg_array_put_i64(columns++, (int64_t)moment.seq);
    return OH_OK;
}

static enum oh_err member_put(struct oh_pg_fold *fold, uint16_t group, uint16_t node, int32_t priority, int64_t ordinal)
{
    if (group_of(fold, group).size == 0 || node_of(fold, node).size == 0)
        return OH_E_CORRUPT;
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_GROUP_MEMBERS);
    oh_pg_array_put_text(columns++, group_of(fold, group));
    oh_pg_array_put_text(columns++, node_of(fold, node));
    oh_pg_array_put_i32(columns++, priority);
    oh_pg_array_put_i64(columns++, ordinal);
    return OH_OK;
}

enum oh_err fold_group(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_group *effect)
{
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_GROUPS);
    oh_pg_array_put_text(columns++, effect->group);
    oh_pg_array_put_i32(columns++, effect->index);
    oh_pg_array_put_text(columns++, effect->name);
    oh_pg_array_put_i64(columns++, (int64_t)moment.seq);
    enum oh_err err = OH_OK;
    for (uint32_t i = 0; err == OH_OK && i < effect->node_count; i++)
        err = member_put(fold, effect->index, effect->nodes[i], effect->priorities[i], place_in_history(moment.seq, i));
    return err;
}

enum oh_err fold_group_member(struct oh_pg_fold *fold, struct moment moment,
                              const struct oh_effect_group_member *effect)
{
    return member_put(fold, effect->group, effect->node, effect->priority,
                      place_in_history(moment.seq, moment.ordinal));
}

enum oh_err fold_channel(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_channel *effect)
{
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_CHANNELS);
    oh_pg_array_put_text(columns++, effect->channel);
    oh_pg_array_put_i32(columns++, effect->index);
    oh_pg_array_put_text(columns++, effect->name);
    oh_pg_array_put_text(columns++, oh_bytes_of(oh_policy_text(effect->policy)));
    oh_pg_array_put_i64(columns++, (int64_t)moment.seq);
    for (uint32_t i = 0; i < effect->node_count; i++) {
        if (node_of(fold, effect->nodes[i]).size == 0)
            return OH_E_CORRUPT;
        columns = oh_pg_sets_row(&fold->sets, OH_PG_CHANNEL_NODES);
        oh_pg_array_put_text(columns++, effect->channel);
        oh_pg_array_put_i32(columns++, (int32_t)i);
        oh_pg_array_put_text(columns++, node_of(fold, effect->nodes[i]));
    }
    for (uint32_t i = 0; i < effect->group_count; i++) {
        if (group_of(fold, effect->groups[i]).size == 0)
            return OH_E_CORRUPT;
        columns = oh_pg_sets_row(&fold->sets, OH_PG_CHANNEL_GROUPS);
        oh_pg_array_put_text(columns++, effect->channel);
        oh_pg_array_put_i32(columns++, (int32_t)i);
        oh_pg_array_put_text(columns++, group_of(fold, effect->groups[i]));
    }
    return OH_OK;
}

static void said_milli(struct oh_pg_array *column, uint32_t mask, uint32_t bit, int64_t milli)
{
    if ((mask & bit) != 0)
        oh_pg_array_put_milli(column, milli);
    else
        oh_pg_array_put_null(column);
}

static void said_bool(struct oh_pg_array *column, uint32_t mask, uint32_t bit, bool value)
{
    if ((mask & bit) != 0)
        oh_pg_array_put_bool(column, value);
    else
        oh_pg_array_put_null(column);
}

enum oh_err fold_rule(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_rule *effect)
{
    const struct oh_rule_values *values = &effect->values;
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_RULES);
    bool is_any_item = effect->item == OH_INDEX_NONE;
    oh_pg_array_put_bool(columns++, values->mask == 0);
    oh_pg_array_put_text(columns++, effect->rule);
    oh_pg_array_put_text_or_null(columns++, is_any_item ? OH_BYTES_NONE : sku_of(fold, effect->item));
    oh_pg_array_put_text_or_null(columns++, node_of(fold, effect->node));
    oh_pg_array_put_text_or_null(columns++, channel_of(fold, effect->channel));
    said_milli(columns++, values->mask, OH_RULE_SAFETY_STOCK, values->safety_stock_milli);
    said_milli(columns++, values->mask, OH_RULE_THRESHOLD, values->threshold_milli);
    said_milli(columns++, values->mask, OH_RULE_MIN_QUANTITY, values->min_quantity_milli);
    said_milli(columns++, values->mask, OH_RULE_MAX_QUANTITY, values->max_quantity_milli);
    said_milli(columns++, values->mask, OH_RULE_INCREMENT, values->increment_milli);
    said_milli(columns++, values->mask, OH_RULE_BACKORDER_LIMIT, values->backorder_limit_milli);
    said_milli(columns++, values->mask, OH_RULE_LOW_STOCK, values->low_stock_milli);
    said_bool(columns++, values->mask, OH_RULE_PICKUP_ALLOWED, values->pickup_allowed);
    said_bool(columns++, values->mask, OH_RULE_SHIP_ALLOWED, values->ship_allowed);
    said_bool(columns++, values->mask, OH_RULE_PREORDER, values->preorder);
    oh_pg_array_put_i64(columns++, (int64_t)moment.seq);
    bool is_known = (is_any_item || sku_of(fold, effect->item).size > 0) &&
                    (effect->node == OH_NODE_NONE || node_of(fold, effect->node).size > 0) &&
                    (effect->channel == OH_NODE_NONE || channel_of(fold, effect->channel).size > 0);
    return is_known ? OH_OK : OH_E_CORRUPT;
}

/* What a fence is at is a position, as in the ledger. */
enum oh_err fold_fence(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_fence *effect)
{
    bool is_removed = effect->item == OH_INDEX_NONE;
    if (!is_removed &&
        (!place_is_known(fold, effect->item, effect->node) || channel_of(fold, effect->channel).size == 0))
        return OH_E_CORRUPT;
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_FENCES);
    oh_pg_array_put_bool(columns++, is_removed);
    oh_pg_array_put_text(columns++, effect->fence);
    oh_pg_array_put_text_or_null(columns++, is_removed ? OH_BYTES_NONE : sku_of(fold, effect->item));
    oh_pg_array_put_text_or_null(columns++, is_removed ? OH_BYTES_NONE : node_of(fold, effect->node));
    oh_pg_array_put_text_or_null(columns++, is_removed ? OH_BYTES_NONE : channel_of(fold, effect->channel));
    oh_pg_array_put_milli(columns++, effect->quantity_milli);
    oh_pg_array_put_text(columns++, oh_bytes_of(oh_fence_policy_text(effect->policy)));
    oh_pg_array_put_i64(columns++, (int64_t)moment.seq);
    if (!is_removed)
        (void)fold_position(fold, effect->item, effect->node, moment.seq);
    return OH_OK;
}

enum oh_err fold_supply(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_supply *effect)
{
    bool is_removed = effect->quantity_milli == 0;
    if (!is_removed && !place_is_known(fold, effect->item, effect->node))
        return OH_E_CORRUPT;
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_SUPPLIES);
    oh_pg_array_put_bool(columns++, is_removed);
    oh_pg_array_put_text(columns++, effect->supply);
    oh_pg_array_put_text_or_null(columns++, is_removed ? OH_BYTES_NONE : sku_of(fold, effect->item));
    oh_pg_array_put_text_or_null(columns++, is_removed ? OH_BYTES_NONE : node_of(fold, effect->node));
    oh_pg_array_put_milli(columns++, effect->quantity_milli);
    oh_pg_array_put_time(columns++, is_removed ? OH_TIME_US_NONE : effect->eta_us);
    oh_pg_array_put_i64(columns++, (int64_t)moment.seq);
    if (!is_removed)
        (void)fold_position(fold, effect->item, effect->node, moment.seq);
    return OH_OK;
}

enum oh_err fold_postal_code(struct oh_pg_fold *fold, struct moment moment,
                             const struct oh_postal_code_command *effect)
{
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_POSTAL_CODES);
    oh_pg_array_put_text(columns++, effect->country);
    oh_pg_array_put_text(columns++, effect->postal_code);
    oh_pg_array_put_text(columns++, effect->place);
    oh_pg_array_put_f64(columns++, effect->point.latitude);
    oh_pg_array_put_f64(columns++, effect->point.longitude);
    oh_pg_array_put_i64(columns++, (int64_t)moment.seq);
    return OH_OK;
}

/* The tables keep every bucket; a ledger keeps the highest of them apart, and a rebuild comes to the same. */
enum oh_err fold_transit(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_transit *effect)
{
    for (uint32_t i = 0; i < effect->bucket_count; i++) {
        struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_TRANSITS);
        oh_pg_array_put_text(columns++, effect->service);
        oh_pg_array_put_text(columns++, effect->origin);
        oh_pg_array_put_text(columns++, effect->destination);
        oh_pg_array_put_i32(columns++, effect->weekday);
        oh_pg_array_put_i32(columns++, effect->buckets[i].bucket);
        oh_pg_array_put_i64(columns++, effect->buckets[i].count);
        oh_pg_array_put_i64(columns++, (int64_t)moment.seq);
    }
    return OH_OK;
}

enum oh_err fold_document(struct oh_pg_fold *fold, struct moment moment, const struct oh_document_command *effect)
{
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_DOCUMENTS);
    oh_pg_array_put_bool(columns++, effect->body.size == 0);
    oh_pg_array_put_text(columns++, oh_bytes_of(oh_document_kind_text(effect->kind)));
    oh_pg_array_put_text(columns++, effect->id);
    oh_pg_array_put_text(columns++, effect->body);
    oh_pg_array_put_i64(columns++, (int64_t)moment.seq);
    return OH_OK;
}

enum oh_err fold_import(struct oh_pg_fold *fold, const struct oh_effect_import *effect)
{
    uint64_t number = effect->number != 0 ? effect->number : fold->imports + 1;
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_IMPORTS);
    oh_pg_array_put_text(columns++, effect->import);
    oh_pg_array_put_i64(columns++, (int64_t)effect->row_count);
    oh_pg_array_put_i64(columns++, (int64_t)effect->rejected_count);
    oh_pg_array_put_i64(columns++, (int64_t)number);
    if (number > fold->imports)
        fold->imports = number;
    return OH_OK;
}
