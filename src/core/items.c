/*
 * items.c - what can be sold. Never removed: an index is a permanent number.
 */
#include "core/state.h"

uint32_t item_find(const struct oh_ledger *ledger, struct oh_bytes sku)
{
    FIND_BY_NAME(item_index, items, sku);
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
    uint32_t slot = item_find(ledger, command->sku);
    answer->is_created = slot == NO_SLOT;
    if (slot != NO_SLOT) {
        uint32_t text = ledger->items[slot].text;
        if (oh_bytes_equal(ledger_string(ledger, text, ITEM_TEXT_NAME), command->name) &&
            oh_bytes_equal(ledger_string(ledger, text, ITEM_TEXT_GTIN), command->gtin)) {
            answer->verdict = OH_V_UNCHANGED;
            return;
        }
    } else if (ledger->item_count == ledger->options.items_max) {
        refuse(answer, OH_V_LEDGER_FULL, OH_FIELD_SKU, OH_INDEX_NONE);
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
    *out_value = (struct oh_item_command){
        ledger_string(ledger, text, ITEM_TEXT_SKU),
        ledger_string(ledger, text, ITEM_TEXT_NAME),
        ledger_string(ledger, text, ITEM_TEXT_GTIN),
    };
}
