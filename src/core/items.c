/*
 * items.c - what can be sold. Never removed: an index is a permanent number.
 */
#include "core/state.h"

uint32_t item_find(const struct oh_ledger *ledger, struct oh_bytes sku)
{
    FIND_BY_NAME(item_index, items, sku);
}

uint32_t item_find_expecting(const struct oh_ledger *ledger, struct oh_bytes sku, uint32_t hash, uint32_t node)
{
    struct oh_index_cursor cursor;
    uint32_t slot;
    oh_index_first(&ledger->item_index, hash, &cursor);
    while (oh_index_next(&ledger->item_index, &cursor, &slot)) {
        if (node != NO_SLOT) /* it hardly is another of that hash: its list comes while its name is compared */
            position_list_expect(ledger, slot, (uint16_t)node);
        if (names_are_equal(ledger_string(ledger, ledger->items[slot].text, ITEM_TEXT_SKU), sku))
            return slot;
    }
    return NO_SLOT;
}

static enum oh_field traits_judge(const struct oh_item_command *command)
{
    if (command->class.size > 0 && !id_is_valid(command->class))
        return OH_FIELD_CLASS;
    if (command->weight_grams > OH_WEIGHT_GRAMS_MAX)
        return OH_FIELD_WEIGHT;
    if (command->side_mm > OH_SIDE_MM_MAX)
        return OH_FIELD_SIDE;
    return command->volume_cm3 > OH_VOLUME_CM3_MAX ? OH_FIELD_VOLUME : OH_FIELD_NONE;
}

static bool item_is(const struct oh_ledger *ledger, uint32_t slot, const struct oh_item_command *command)
{
    struct oh_item_command value;
    oh_item_get(ledger, (struct oh_item_id){ slot }, &value);
    return oh_bytes_equal(value.name, command->name) && oh_bytes_equal(value.gtin, command->gtin) &&
           oh_bytes_equal(value.class, command->class) && value.weight_grams == command->weight_grams &&
           value.side_mm == command->side_mm && value.volume_cm3 == command->volume_cm3;
}

void decide_item(struct oh_ledger *ledger, const struct oh_item_command *command, struct oh_answer *answer)
{
    answer->id = command->sku;
    if (!id_is_valid(command->sku)) {
        refuse(answer, OH_V_INVALID_ID, OH_FIELD_SKU, OH_INDEX_NONE);
        return;
    }
    if (!text_is_valid(command->name, OH_TEXT_SIZE_MAX) || !gtin_is_valid(command->gtin)) {
        enum oh_field field = gtin_is_valid(command->gtin) ? OH_FIELD_NAME : OH_FIELD_GTIN;
        refuse(answer, OH_V_INVALID_VALUE, field, OH_INDEX_NONE);
        return;
    }
    enum oh_field wrong = traits_judge(command);
    if (wrong != OH_FIELD_NONE) {
        refuse(answer, OH_V_INVALID_VALUE, wrong, OH_INDEX_NONE);
        return;
    }
    uint32_t slot = item_find(ledger, command->sku);
    answer->is_created = slot == NO_SLOT;
    if (slot != NO_SLOT) {
        if (item_is(ledger, slot, command)) {
            answer->verdict = OH_V_UNCHANGED;
            return;
        }
    }
    bool has_room = slot != NO_SLOT || ledger->item_count < ledger->options.items_max;
    if (!has_room || !class_has_room(ledger, command->class)) {
        refuse(answer, OH_V_LEDGER_FULL, has_room ? OH_FIELD_CLASS : OH_FIELD_SKU, OH_INDEX_NONE);
        return;
    }
    struct oh_effect *effect = effect_add(ledger, OH_EFFECT_ITEM, NO_HINT);
    effect->item.index = slot == NO_SLOT ? ledger->item_count : slot;
    effect->item.value = *command;
}

enum oh_err apply_item(struct oh_ledger *ledger, const struct oh_effect_item *effect)
{
    const struct oh_item_command *value = &effect->value;
    struct item *item = &ledger->items[effect->index];
    if (item->text != 0 && !oh_bytes_equal(ledger_string(ledger, item->text, ITEM_TEXT_SKU), value->sku))
        return OH_E_CORRUPT;
    const struct oh_bytes strings[ITEM_TEXTS] = { value->sku, value->name, value->gtin };
    uint32_t text = oh_text_put_strings(&ledger->text, strings, ITEM_TEXTS);
    if (text == 0)
        return OH_E_NOMEM;
    snapshot_touch(ledger, SNAP_ITEM, effect->index);
    enum oh_err err = traits_apply(ledger, item, value);
    if (err != OH_OK)
        return err;
    if (item->text == 0)
        oh_index_insert(&ledger->item_index, (uint32_t)name_hash(value->sku), effect->index);
    oh_text_free_strings(&ledger->text, item->text, ITEM_TEXTS);
    item->text = text;
    if (effect->index >= ledger->item_count)
        ledger->item_count = effect->index + 1;
    return OH_OK;
}

bool oh_item_find(const struct oh_ledger *ledger, struct oh_bytes sku, struct oh_item_id *out_item)
{
    uint32_t slot = item_find(ledger, sku);
    if (slot != NO_SLOT)
        out_item->index = slot;
    return slot != NO_SLOT;
}

uint32_t oh_item_count(const struct oh_ledger *ledger)
{
    return ledger->item_count;
}

struct oh_bytes oh_item_sku(const struct oh_ledger *ledger, struct oh_item_id item)
{
    OH_ASSERT(item.index < ledger->item_count);
    return ledger_string(ledger, ledger->items[item.index].text, ITEM_TEXT_SKU);
}

void oh_item_get(const struct oh_ledger *ledger, struct oh_item_id item, struct oh_item_command *out_value)
{
    OH_ASSERT(item.index < ledger->item_count);
    uint32_t text = ledger->items[item.index].text;
    struct oh_item_traits traits;
    oh_item_traits(ledger, item, &traits);
    *out_value = (struct oh_item_command){
        .sku = ledger_string(ledger, text, ITEM_TEXT_SKU),
        .name = ledger_string(ledger, text, ITEM_TEXT_NAME),
        .gtin = ledger_string(ledger, text, ITEM_TEXT_GTIN),
        .class = oh_class_name(ledger, traits.class_index),
        .weight_grams = traits.weight_grams,
        .side_mm = traits.side_mm,
        .volume_cm3 = traits.volume_cm3,
    };
}
