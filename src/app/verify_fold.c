#include "app/verify_fold.h"
#include "base/assert.h"
#include <stdlib.h>

#define CAPACITY_MIN 1024u

void oh_fold_init(struct oh_fold *fold)
{
    *fold = (struct oh_fold){ .rows = NULL };
}

void oh_fold_fini(struct oh_fold *fold)
{
    free(fold->rows);
    *fold = (struct oh_fold){ .rows = NULL };
}

static uint64_t row_key(uint32_t item, uint16_t node)
{
    return ((uint64_t)item << 16 | node) + 1;
}

/* Where the key is, or the empty slot where it would be: there is one, the table is at most 3/4 full. */
static size_t slot_find(const struct oh_fold *fold, uint64_t key)
{
    size_t slot = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (fold->capacity - 1);
    while (fold->rows[slot].key != 0 && fold->rows[slot].key != key)
        slot = (slot + 1) & (fold->capacity - 1);
    return slot;
}

static bool fold_grow(struct oh_fold *fold)
{
    struct oh_fold grown = { .count = fold->count };
    grown.capacity = fold->capacity == 0 ? CAPACITY_MIN : fold->capacity * 2;
    grown.rows = calloc(grown.capacity, sizeof(*grown.rows));
    if (grown.rows == NULL)
        return false;
    for (size_t i = 0; i < fold->capacity; i++) {
        if (fold->rows[i].key != 0)
            grown.rows[slot_find(&grown, fold->rows[i].key)] = fold->rows[i];
    }
    free(fold->rows);
    *fold = grown;
    return true;
}

static void sum_add(struct oh_fold *fold, uint32_t item, uint16_t node, unsigned column, int64_t milli)
{
    if (milli == 0 || node == OH_NODE_NONE || fold->is_failed)
        return;
    if (fold->count >= fold->capacity / 4 * 3 && !fold_grow(fold)) {
        fold->is_failed = true;
        return;
    }
    struct oh_fold_row *row = &fold->rows[slot_find(fold, row_key(item, node))];
    if (row->key == 0) {
        row->key = row_key(item, node);
        fold->count++;
    }
    row->sums_milli[column] += (uint64_t)milli;
}

static int64_t negated(int64_t milli)
{
    return (int64_t)(0 - (uint64_t)milli);
}

/* What is taken leaves the held or the confirmed part; fulfilled goods leave the shelf, unless counted. */
static void step_add(struct oh_fold *fold, const struct oh_effect_step *step)
{
    unsigned from = step->is_held ? OH_FOLD_HELD : OH_FOLD_CONFIRMED;
    if (step->step == OH_STEP_CONFIRM || step->step == OH_STEP_EXPIRE)
        from = OH_FOLD_HELD;
    sum_add(fold, step->item, step->node, from, negated(step->quantity_milli));
    if (step->step == OH_STEP_CONFIRM)
        sum_add(fold, step->item, step->node, OH_FOLD_CONFIRMED, step->quantity_milli);
    if (step->step == OH_STEP_FULFIL && !step->is_counted)
        sum_add(fold, step->item, step->node, OH_STATE_SELLABLE, negated(step->quantity_milli));
}

static int64_t signed_milli(int64_t milli, bool is_added)
{
    return is_added ? milli : negated(milli);
}

static void claim_add(struct oh_fold *fold, const struct oh_effect_claim *claim, bool is_added)
{
    sum_add(fold, claim->item, claim->node, OH_FOLD_HELD, signed_milli(claim->held_milli, is_added));
    sum_add(fold, claim->item, claim->node, OH_FOLD_CONFIRMED,
            signed_milli(claim->confirmed_milli, is_added));
}

static void position_add(struct oh_fold *fold, const struct oh_effect_position *position, bool is_added)
{
    for (unsigned state = 0; state < OH_STATE_COUNT; state++)
        sum_add(fold, position->item, position->node, state,
                signed_milli(position->states[state].quantity_milli, is_added));
}

void oh_fold_add(struct oh_fold *fold, const struct oh_effect *effect)
{
    const struct oh_effect_movement *movement = &effect->movement;
    const struct oh_effect_count *count = &effect->count;
    if (effect->type == OH_EFFECT_MOVEMENT && !movement->is_counted)
        sum_add(fold, movement->item, movement->node, movement->state, movement->quantity_milli);
    else if (effect->type == OH_EFFECT_COUNT)
        sum_add(fold, count->item, count->node, count->state, count->delta_milli);
    else if (effect->type == OH_EFFECT_CLAIM)
        claim_add(fold, &effect->claim, true);
    else if (effect->type == OH_EFFECT_STEP)
        step_add(fold, &effect->step);
    else if (effect->type == OH_EFFECT_POSITION)
        position_add(fold, &effect->position, true);
}

void oh_fold_remove(struct oh_fold *fold, const struct oh_effect *object)
{
    if (object->type == OH_EFFECT_CLAIM)
        claim_add(fold, &object->claim, false);
    else if (object->type == OH_EFFECT_POSITION)
        position_add(fold, &object->position, false);
}

size_t oh_fold_differences(const struct oh_fold *fold, struct oh_fold_difference *out, size_t max)
{
    size_t found = 0;
    for (size_t i = 0; i < fold->capacity; i++) {
        const struct oh_fold_row *row = &fold->rows[i];
        for (unsigned column = 0; row->key != 0 && column < OH_FOLD_COLUMN_COUNT; column++) {
            if (row->sums_milli[column] == 0)
                continue;
            if (found < max)
                out[found] = (struct oh_fold_difference){ .item = (uint32_t)((row->key - 1) >> 16),
                                                          .node = (uint16_t)(row->key - 1),
                                                          .column = column,
                                                          .rest_milli = (int64_t)row->sums_milli[column] };
            found++;
        }
    }
    return found;
}

const char *oh_fold_column_text(unsigned column)
{
    OH_ASSERT(column < OH_FOLD_COLUMN_COUNT);
    if (column == OH_FOLD_HELD)
        return "held";
    return column == OH_FOLD_CONFIRMED ? "confirmed" : oh_state_text((enum oh_state)column);
}
