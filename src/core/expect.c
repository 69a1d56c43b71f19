/*
 * expect.c - the memory that the effects of a record will need, asked for before their turn.
 *
 * A ledger is far larger than any cache, and the effects of one record lie anywhere in it: each would wait for five
 * pieces of memory that lead to each other. Here the first is asked for while the effect is EXPECT_AHEAD places away,
 * and the next each time the one before must have come. It only asks; what cannot be is passed over.
 */
#include "core/state.h"

enum { LIST_AFTER = 8, POSITION_AFTER = 16, EXTRA_AFTER = 22, CLAIMS_AFTER = 27 };

/* The (item, node) of an effect that has one. */
static bool effect_has_place(const struct oh_ledger *ledger, const struct oh_effect *effect,
                             uint32_t *out_item, uint16_t *out_node)
{
    if (effect->type == OH_EFFECT_CLAIM) {
        *out_item = effect->claim.item;
        *out_node = effect->claim.node;
    } else if (effect->type == OH_EFFECT_STEP) {
        *out_item = effect->step.item;
        *out_node = effect->step.node;
    } else if (effect->type == OH_EFFECT_MOVEMENT) {
        *out_item = effect->movement.item;
        *out_node = effect->movement.node;
    } else if (effect->type == OH_EFFECT_COUNT) {
        *out_item = effect->count.item;
        *out_node = effect->count.node;
    } else {
        return false;
    }
    return *out_item < ledger->item_count;
}

static void first_expect(const struct oh_ledger *ledger, const struct oh_effect *effect)
{
    uint32_t item;
    uint16_t node;
    if (effect_has_place(ledger, effect, &item, &node))
        memory_expect(&ledger->items[item]);
    else if (effect->type == OH_EFFECT_RESERVATION)
        oh_index_expect(&ledger->reservation_index, id_key(effect->reservation.id).hash);
    else if (effect->type == OH_EFFECT_KEY)
        oh_index_expect(&ledger->key_index, (uint32_t)name_hash(effect->key.key));
}

static void list_expect(const struct oh_ledger *ledger, const struct oh_effect *effect)
{
    uint32_t item;
    uint16_t node;
    if (effect_has_place(ledger, effect, &item, &node))
        position_list_expect(ledger, item, node);
}

static uint32_t position_expect(const struct oh_ledger *ledger, const struct oh_effect *effect)
{
    uint32_t item;
    uint16_t node;
    if (!effect_has_place(ledger, effect, &item, &node))
        return NO_SLOT;
    uint32_t position = position_find(ledger, item, node);
    if (position != NO_SLOT)
        memory_expect(&ledger->positions[position]);
    return position;
}

void effects_expect(const struct oh_ledger *ledger, const struct oh_record *record, uint32_t step,
                    struct expected *expected)
{
    uint32_t count = record->effect_count;
    if (step < count)
        first_expect(ledger, &record->effects[step]);
    if (step >= LIST_AFTER && step - LIST_AFTER < count)
        list_expect(ledger, &record->effects[step - LIST_AFTER]);
    if (step >= POSITION_AFTER && step - POSITION_AFTER < count)
        expected->positions[(step - POSITION_AFTER) % EXPECT_AHEAD] =
            position_expect(ledger, &record->effects[step - POSITION_AFTER]);
    if (step >= EXTRA_AFTER && step - EXTRA_AFTER < count) {
        uint32_t position = expected->positions[(step - EXTRA_AFTER) % EXPECT_AHEAD];
        if (position != NO_SLOT)
            extra_expect(ledger, &ledger->positions[position]);
    }
    if (step >= CLAIMS_AFTER && step - CLAIMS_AFTER < count) {
        uint32_t position = expected->positions[(step - CLAIMS_AFTER) % EXPECT_AHEAD];
        if (position != NO_SLOT)
            claims_expect(ledger, &ledger->positions[position]);
    }
}
