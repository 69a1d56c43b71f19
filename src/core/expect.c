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

/* The effect that came so many steps ago; NULL: none. */
static const struct oh_effect *effect_after(const struct oh_record *record, uint32_t step, uint32_t after)
{
    bool is_there = step >= after && step - after < record->effect_count;
    return is_there ? &record->effects[step - after] : NULL;
}

static const struct position *position_after(const struct oh_ledger *ledger, const struct oh_record *record,
                                             uint32_t step, uint32_t after, const struct expected *expected)
{
    if (effect_after(record, step, after) == NULL)
        return NULL;
    uint32_t position = expected->positions[(step - after) % EXPECT_AHEAD];
    return position == NO_SLOT ? NULL : &ledger->positions[position];
}

void effects_expect(const struct oh_ledger *ledger, const struct oh_record *record, uint32_t step,
                    struct expected *expected)
{
    const struct oh_effect *effect = effect_after(record, step, 0);
    if (effect != NULL)
        first_expect(ledger, effect);
    effect = effect_after(record, step, LIST_AFTER);
    if (effect != NULL)
        list_expect(ledger, effect);
    effect = effect_after(record, step, POSITION_AFTER);
    if (effect != NULL)
        expected->positions[(step - POSITION_AFTER) % EXPECT_AHEAD] = position_expect(ledger, effect);
    const struct position *position = position_after(ledger, record, step, EXTRA_AFTER, expected);
    if (position != NULL)
        extra_expect(ledger, position);
    position = position_after(ledger, record, step, CLAIMS_AFTER, expected);
    if (position != NULL)
        claims_expect(ledger, position);
}
