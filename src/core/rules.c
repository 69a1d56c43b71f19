/*
 * rules.c - what is said about stock, and for which scope.
 *
 * Each attribute resolves on its own, first match wins, most specific first:
 * sku+node, sku+channel, sku, node, channel, default (docs/spec/rules.md).
 */
#include "core/state.h"

static uint32_t rule_find(const struct oh_ledger *ledger, struct oh_bytes id)
{
    FIND_BY_NAME(rule_index, rules, id);
}

/* ---- Scopes ----------------------------------------------------------------------------------- */

struct scope { uint32_t item; uint16_t node; uint16_t channel; };

static bool scope_is_same(const struct rule *rule, struct scope scope)
{
    return rule->item == scope.item && rule->node == scope.node && rule->channel == scope.channel;
}

static uint32_t scope_hash(struct scope scope)
{
    uint64_t mixed = ((uint64_t)scope.item << 32 | (uint64_t)scope.node << 16 | scope.channel) *
                     UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(mixed >> 32);
}

/* The first rule of an item's scope; a link. */
static uint32_t item_scope_head(const struct oh_ledger *ledger, struct scope scope)
{
    struct oh_index_cursor cursor;
    uint32_t slot;
    oh_index_first(&ledger->rule_scope_index, scope_hash(scope), &cursor);
    while (oh_index_next(&ledger->rule_scope_index, &cursor, &slot)) {
        if (scope_is_same(&ledger->rules[slot], scope))
            return link_of(slot);
    }
    return 0;
}

static uint32_t scope_head(const struct oh_ledger *ledger, struct scope scope)
{
    if (scope.item != OH_INDEX_NONE)
        return item_scope_head(ledger, scope);
    if (scope.node != OH_NODE_NONE)
        return ledger->nodes[scope.node].rules;
    if (scope.channel != OH_NODE_NONE)
        return ledger->channels[scope.channel].rules;
    return ledger->default_rules;
}

static void scope_head_set(struct oh_ledger *ledger, struct scope scope, uint32_t old_link, uint32_t new_link)
{
    if (scope.item != OH_INDEX_NONE) {
        if (old_link == 0)
            oh_index_insert(&ledger->rule_scope_index, scope_hash(scope), new_link - 1);
        else if (new_link == 0)
            oh_index_remove(&ledger->rule_scope_index, scope_hash(scope), old_link - 1);
        else
            oh_index_replace(&ledger->rule_scope_index, scope_hash(scope), old_link - 1, new_link - 1);
    } else if (scope.node != OH_NODE_NONE) {
        ledger->nodes[scope.node].rules = new_link;
    } else if (scope.channel != OH_NODE_NONE) {
        ledger->channels[scope.channel].rules = new_link;
    } else {
        ledger->default_rules = new_link;
    }
}

/* ---- Resolution ------------------------------------------------------------------------------- */

static const struct rule *rules_say(const struct oh_ledger *ledger, uint32_t link, uint32_t attribute)
{
    for (; link != 0; link = ledger->rules[link - 1].next) {
        if ((ledger->rules[link - 1].values.mask & attribute) != 0)
            return &ledger->rules[link - 1];
    }
    return NULL;
}

static const struct rule *item_rules_say(const struct oh_ledger *ledger, uint32_t attribute, uint32_t item,
                                         uint16_t node, uint16_t channel)
{
    const struct rule *rule = NULL;
    if (node != OH_NODE_NONE)
        rule = rules_say(ledger, item_scope_head(ledger, (struct scope){ item, node, OH_NODE_NONE }), attribute);
    if (rule == NULL && channel != OH_NODE_NONE)
        rule = rules_say(ledger, item_scope_head(ledger, (struct scope){ item, OH_NODE_NONE, channel }), attribute);
    if (rule == NULL)
        rule = rules_say(ledger, item_scope_head(ledger, (struct scope){ item, OH_NODE_NONE, OH_NODE_NONE }),
                         attribute);
    return rule;
}

const struct rule *rule_resolve_said(const struct oh_ledger *ledger, uint32_t attribute, uint32_t item, uint16_t node,
                                     uint16_t channel)
{
    const struct rule *rule = NULL;
    if (ledger->items[item].has_rules)
        rule = item_rules_say(ledger, attribute, item, node, channel);
    if (rule == NULL && node != OH_NODE_NONE)
        rule = rules_say(ledger, ledger->nodes[node].rules, attribute);
    if (rule == NULL && channel != OH_NODE_NONE)
        rule = rules_say(ledger, ledger->channels[channel].rules, attribute);
    if (rule == NULL)
        rule = rules_say(ledger, ledger->default_rules, attribute);
    return rule;
}

/* ---- Deciding --------------------------------------------------------------------------------- */

static bool said_outside(const struct oh_rule_values *values, uint32_t attribute, int64_t value, int64_t least)
{
    return (values->mask & attribute) != 0 && (value < least || value > OH_QUANTITY_MILLI_MAX);
}

/* The first value that is out of range. */
static enum oh_field values_fault(const struct oh_rule_values *values)
{
    if (said_outside(values, OH_RULE_SAFETY_STOCK, values->safety_stock_milli, 0))
        return OH_FIELD_SAFETY_STOCK;
    if (said_outside(values, OH_RULE_THRESHOLD, values->threshold_milli, 0))
        return OH_FIELD_THRESHOLD;
    if (said_outside(values, OH_RULE_MIN_QUANTITY, values->min_quantity_milli, 1))
        return OH_FIELD_MIN_QUANTITY;
    if (said_outside(values, OH_RULE_MAX_QUANTITY, values->max_quantity_milli, 1))
        return OH_FIELD_MAX_QUANTITY;
    if (said_outside(values, OH_RULE_INCREMENT, values->increment_milli, 1))
        return OH_FIELD_INCREMENT;
    if (said_outside(values, OH_RULE_BACKORDER_LIMIT, values->backorder_limit_milli, 0))
        return OH_FIELD_BACKORDER_LIMIT;
    if (said_outside(values, OH_RULE_LOW_STOCK, values->low_stock_milli, 0))
        return OH_FIELD_LOW_STOCK;
    return values->mask < (1u << OH_RULE_ATTRIBUTE_COUNT) ? OH_FIELD_NONE : OH_FIELD_VALUES;
}

static bool scope_resolve(struct oh_ledger *ledger, const struct oh_rule_command *command, struct scope *out_scope,
                          struct oh_answer *answer)
{
    struct scope scope = { OH_INDEX_NONE, OH_NODE_NONE, OH_NODE_NONE };
    if (command->sku.size > 0 && (scope.item = item_find(ledger, command->sku)) == NO_SLOT) {
        refuse(answer, OH_V_UNKNOWN_ITEM, OH_FIELD_SKU, OH_INDEX_NONE);
        return false;
    }
    uint32_t node = command->node.size > 0 ? node_find(ledger, command->node) : OH_NODE_NONE;
    if (node == NO_SLOT) {
        refuse(answer, OH_V_UNKNOWN_NODE, OH_FIELD_NODE, OH_INDEX_NONE);
        return false;
    }
    uint32_t channel = command->channel.size > 0 ? channel_find(ledger, command->channel) : OH_NODE_NONE;
    if (channel == NO_SLOT) {
        refuse(answer, OH_V_UNKNOWN_CHANNEL, OH_FIELD_CHANNEL, OH_INDEX_NONE);
        return false;
    }
    if (node != OH_NODE_NONE && channel != OH_NODE_NONE) {
        refuse(answer, OH_V_INVALID_SCOPE, OH_FIELD_CHANNEL, OH_INDEX_NONE);
        return false;
    }
    scope.node = (uint16_t)node;
    scope.channel = (uint16_t)channel;
    *out_scope = scope;
    return true;
}

/* Two rules of one scope must not say the same thing: which one is meant would depend on their order. */
static bool scope_has_other(const struct oh_ledger *ledger, struct scope scope, uint32_t mask, uint32_t except)
{
    for (uint32_t link = scope_head(ledger, scope); link != 0; link = ledger->rules[link - 1].next) {
        if (link - 1 != except && (ledger->rules[link - 1].values.mask & mask) != 0)
            return true;
    }
    return false;
}

void decide_rule(struct oh_ledger *ledger, const struct oh_rule_command *command, struct oh_answer *answer)
{
    struct scope scope = { OH_INDEX_NONE, OH_NODE_NONE, OH_NODE_NONE };
    answer->id = command->rule;
    if (!id_is_valid(command->rule)) {
        refuse(answer, OH_V_INVALID_ID, OH_FIELD_RULE, OH_INDEX_NONE);
        return;
    }
    uint32_t slot = rule_find(ledger, command->rule);
    if (command->values.mask == 0 && slot == NO_SLOT) {
        refuse(answer, OH_V_UNKNOWN_RULE, OH_FIELD_RULE, OH_INDEX_NONE);
        return;
    }
    if (command->values.mask != 0 && !scope_resolve(ledger, command, &scope, answer))
        return;
    enum oh_field fault = values_fault(&command->values);
    if (fault != OH_FIELD_NONE) {
        refuse(answer, OH_V_INVALID_QUANTITY, fault, OH_INDEX_NONE);
        return;
    }
    if (command->values.mask != 0 && scope_has_other(ledger, scope, command->values.mask, slot)) {
        refuse(answer, OH_V_RULE_CONFLICT, OH_FIELD_RULE, OH_INDEX_NONE);
        return;
    }
    answer->is_created = slot == NO_SLOT;
    if (slot == NO_SLOT && !pool_has_room(&ledger->rule_pool, 1)) {
        refuse(answer, OH_V_LEDGER_FULL, OH_FIELD_RULE, OH_INDEX_NONE);
        return;
    }
    effect_add(ledger, OH_EFFECT_RULE, NO_HINT)->rule =
        (struct oh_effect_rule){ command->rule, scope.item, scope.node, scope.channel, command->values };
}

/* ---- Doing ------------------------------------------------------------------------------------ */

static struct scope rule_scope(const struct rule *rule)
{
    return (struct scope){ rule->item, rule->node, rule->channel };
}

static void rule_unlink(struct oh_ledger *ledger, uint32_t slot)
{
    struct scope scope = rule_scope(&ledger->rules[slot]);
    uint32_t head = scope_head(ledger, scope);
    if (head == link_of(slot)) {
        scope_head_set(ledger, scope, head, ledger->rules[slot].next);
        return;
    }
    uint32_t link = head;
    while (ledger->rules[link - 1].next != link_of(slot))
        link = ledger->rules[link - 1].next;
    ledger->rules[link - 1].next = ledger->rules[slot].next;
}

static void rule_remove(struct oh_ledger *ledger, uint32_t slot)
{
    struct rule *rule = &ledger->rules[slot];
    rule_unlink(ledger, slot);
    oh_index_remove(&ledger->rule_index, (uint32_t)name_hash(ledger_string(ledger, rule->text, 0)), slot);
    oh_text_free_strings(&ledger->text, rule->text, 1);
    pool_give(&ledger->rule_pool, slot);
}

enum oh_err apply_rule(struct oh_ledger *ledger, const struct oh_effect_rule *effect)
{
    uint32_t slot = rule_find(ledger, effect->rule);
    if (slot == NO_SLOT && (effect->values.mask == 0 || !pool_has_room(&ledger->rule_pool, 1)))
        return OH_E_CORRUPT;
    struct oh_bytes name = effect->rule;
    uint32_t text = effect->values.mask == 0 ? 0 : oh_text_put_strings(&ledger->text, &name, 1);
    if (text == 0 && effect->values.mask != 0)
        return OH_E_NOMEM;
    if (slot != NO_SLOT) {
        snapshot_touch(ledger, SNAP_RULE, slot);
        rule_remove(ledger, slot);
    }
    if (effect->values.mask == 0)
        return OH_OK;
    slot = pool_take(&ledger->rule_pool);
    snapshot_skip(ledger, SNAP_RULE, slot);
    struct scope scope = { effect->item, effect->node, effect->channel };
    uint32_t head = scope_head(ledger, scope);
    ledger->rules[slot] = (struct rule){
        .text = text,
        .item = effect->item,
        .node = effect->node,
        .channel = effect->channel,
        .next = head,
        .is_used = true,
        .values = effect->values,
    };
    scope_head_set(ledger, scope, head, link_of(slot));
    oh_index_insert(&ledger->rule_index, (uint32_t)name_hash(name), slot);
    ledger->rule_mask |= effect->values.mask;
    if (effect->item != OH_INDEX_NONE)
        ledger->items[effect->item].has_rules = true;
    return OH_OK;
}

bool oh_rule_get(const struct oh_ledger *ledger, struct oh_bytes rule, struct oh_effect_rule *out_value)
{
    uint32_t slot = rule_find(ledger, rule);
    if (slot == NO_SLOT)
        return false;
    const struct rule *of = &ledger->rules[slot];
    *out_value = (struct oh_effect_rule){ ledger_string(ledger, of->text, 0), of->item, of->node, of->channel,
                                          of->values };
    return true;
}
