/*
 * imports.c - how far each import came, kept beside the rows it brought.
 */
#include "core/state.h"

static uint32_t import_find(const struct oh_ledger *ledger, struct oh_bytes import)
{
    FIND_BY_NAME(import_index, imports, import);
}

void decide_import(struct oh_ledger *ledger, const struct oh_import_progress_command *command,
                   struct oh_answer *answer)
{
    answer->id = command->import;
    if (command->import.size == 0 || !text_is_valid(command->import, OH_TEXT_SIZE_MAX)) {
        refuse(answer, OH_V_INVALID_ID, OH_FIELD_IMPORT, OH_INDEX_NONE);
        return;
    }
    effect_add(ledger, OH_EFFECT_IMPORT, NO_HINT)->import =
        (struct oh_effect_import){ command->import, command->row_count, command->rejected_count, 0 };
}

/* A new import takes the place of the one that was heard of least recently, once the table is full. */
static uint32_t import_slot_take(struct oh_ledger *ledger)
{
    if (ledger->import_count < OH_IMPORTS_MAX)
        return ledger->import_count++;
    uint32_t oldest = 0;
    for (uint32_t i = 1; i < OH_IMPORTS_MAX; i++) {
        if (ledger->imports[i].used_number < ledger->imports[oldest].used_number)
            oldest = i;
    }
    snapshot_touch(ledger, SNAP_IMPORT, oldest);
    struct oh_bytes name = ledger_string(ledger, ledger->imports[oldest].text, 0);
    oh_index_remove(&ledger->import_index, (uint32_t)name_hash(name), oldest);
    oh_text_free_strings(&ledger->text, ledger->imports[oldest].text, 1);
    return oldest;
}

enum oh_err apply_import(struct oh_ledger *ledger, const struct oh_effect_import *effect)
{
    uint32_t slot = import_find(ledger, effect->import);
    if (slot == NO_SLOT) {
        uint32_t text = oh_text_put_strings(&ledger->text, &effect->import, 1);
        if (text == 0)
            return OH_E_NOMEM;
        slot = import_slot_take(ledger);
        ledger->imports[slot].text = text;
        oh_index_insert(&ledger->import_index, (uint32_t)name_hash(effect->import), slot);
    } else {
        snapshot_touch(ledger, SNAP_IMPORT, slot);
    }
    ledger->imports[slot].row_count = effect->row_count;
    ledger->imports[slot].rejected_count = effect->rejected_count;
    ledger->imports[slot].used_number = effect->number != 0 ? effect->number : ledger->import_number + 1;
    if (ledger->imports[slot].used_number > ledger->import_number)
        ledger->import_number = ledger->imports[slot].used_number;
    return OH_OK;
}

bool oh_import_get(const struct oh_ledger *ledger, struct oh_bytes import, struct oh_effect_import *out_value)
{
    uint32_t slot = import_find(ledger, import);
    if (slot == NO_SLOT)
        return false;
    const struct import *of = &ledger->imports[slot];
    *out_value = (struct oh_effect_import){ ledger_string(ledger, of->text, 0), of->row_count, of->rejected_count,
                                            of->used_number };
    return true;
}
