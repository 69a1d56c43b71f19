/*
 * supplies.c - quantity to come to a position, with its time.
 */
#include "core/state.h"

static uint32_t supply_find(const struct oh_ledger *ledger, struct oh_bytes id)
{
    FIND_BY_NAME(supply_index, supplies, id);
}

void decide_supply(struct oh_ledger *ledger, const struct oh_supply_command *command, struct oh_answer *answer)
{
    struct place place = { 0, 0, NO_SLOT };
    bool is_delete = command->sku.size == 0 && command->quantity_milli == 0;
    answer->id = command->supply;
    if (!id_is_valid(command->supply)) {
        refuse(answer, OH_V_INVALID_ID, OH_FIELD_SUPPLY, OH_INDEX_NONE);
        return;
    }
    uint32_t slot = supply_find(ledger, command->supply);
    if (is_delete && slot == NO_SLOT) {
        refuse(answer, OH_V_UNKNOWN_SUPPLY, OH_FIELD_SUPPLY, OH_INDEX_NONE);
        return;
    }
    if (!is_delete && !place_resolve(ledger, command->sku, command->node, OH_INDEX_NONE, &place, answer))
        return;
    if (command->quantity_milli < 0 || command->quantity_milli > OH_QUANTITY_MILLI_MAX) {
        refuse(answer, OH_V_INVALID_QUANTITY, OH_FIELD_QUANTITY, OH_INDEX_NONE);
        return;
    }
    if (command->quantity_milli > 0 && (command->eta_us < 0 || command->eta_us > OH_TIME_US_MAX)) {
        refuse(answer, OH_V_INVALID_TIME, OH_FIELD_ETA, OH_INDEX_NONE);
        return;
    }
    if (slot == NO_SLOT && command->quantity_milli == 0) {
        answer->verdict = OH_V_UNCHANGED;
        return;
    }
    if (slot != NO_SLOT && ledger->supplies[slot].item == place.item && ledger->supplies[slot].node == place.node &&
        ledger->supplies[slot].quantity_milli == command->quantity_milli &&
        ledger->supplies[slot].eta_us == command->eta_us) {
        answer->verdict = OH_V_UNCHANGED;
        return;
    }
    answer->is_created = slot == NO_SLOT;
    if (slot == NO_SLOT && !pool_has_room(&ledger->supply_pool, 1)) {
        refuse(answer, OH_V_LEDGER_FULL, OH_FIELD_SUPPLY, OH_INDEX_NONE);
        return;
    }
    effect_add(ledger, OH_EFFECT_SUPPLY, NO_HINT)->supply = (struct oh_effect_supply){
        command->supply, place.item, place.node, command->quantity_milli, command->eta_us,
    };
}

static void supply_remove(struct oh_ledger *ledger, uint32_t slot)
{
    struct supply *supply = &ledger->supplies[slot];
    struct rare *rare = rare_of(ledger, &ledger->positions[position_find(ledger, supply->item, supply->node)]);
    OH_ASSERT(rare != NULL);
    uint32_t *link = &rare->supplies;
    while (*link != link_of(slot))
        link = &ledger->supplies[*link - 1].next;
    *link = supply->next;
    oh_index_remove(&ledger->supply_index, (uint32_t)name_hash(ledger_string(ledger, supply->text, 0)), slot);
    oh_text_free_strings(&ledger->text, supply->text, 1);
    pool_give(&ledger->supply_pool, slot);
}

enum oh_err apply_supply(struct oh_ledger *ledger, const struct oh_effect_supply *effect)
{
    uint32_t slot = supply_find(ledger, effect->supply);
    bool has_room = slot != NO_SLOT || (effect->quantity_milli > 0 && pool_has_room(&ledger->supply_pool, 1));
    if (!has_room)
        return OH_E_CORRUPT;
    struct oh_bytes name = effect->supply;
    uint32_t position_slot = NO_SLOT;
    uint32_t text = 0;
    if (effect->quantity_milli > 0) {
        if (place_rare(ledger, effect->item, effect->node, &position_slot) == NULL)
            return OH_E_NOMEM;
        text = oh_text_put_strings(&ledger->text, &name, 1);
        if (text == 0)
            return OH_E_NOMEM;
    }
    if (slot != NO_SLOT) {
        snapshot_touch(ledger, SNAP_SUPPLY, slot);
        supply_remove(ledger, slot);
    }
    if (effect->quantity_milli == 0)
        return OH_OK;
    slot = pool_take(&ledger->supply_pool);
    snapshot_skip(ledger, SNAP_SUPPLY, slot);
    struct rare *rare = rare_of(ledger, &ledger->positions[position_slot]);
    OH_ASSERT(rare != NULL);
    ledger->supplies[slot] = (struct supply){
        .text = text,
        .item = effect->item,
        .next = rare->supplies,
        .node = effect->node,
        .is_used = true,
        .quantity_milli = effect->quantity_milli,
        .eta_us = effect->eta_us,
    };
    rare->supplies = link_of(slot);
    oh_index_insert(&ledger->supply_index, (uint32_t)name_hash(name), slot);
    return OH_OK;
}

bool oh_supply_get(const struct oh_ledger *ledger, struct oh_bytes supply, struct oh_effect_supply *out_value)
{
    uint32_t slot = supply_find(ledger, supply);
    if (slot == NO_SLOT)
        return false;
    const struct supply *of = &ledger->supplies[slot];
    *out_value = (struct oh_effect_supply){ ledger_string(ledger, of->text, 0), of->item, of->node,
                                            of->quantity_milli, of->eta_us };
    return true;
}
