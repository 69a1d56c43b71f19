/*
 * fences.c - quantity set aside at a position for one channel (docs/spec/ledger.md, L33 to L37).
 */
#include "core/state.h"

static uint32_t fence_find(const struct oh_ledger *ledger, struct oh_bytes id)
{
    FIND_BY_NAME(fence_index, fences, id);
}

struct fence *fence_at(const struct oh_ledger *ledger, uint32_t position_slot, uint16_t channel)
{
    const struct position *position = &ledger->positions[position_slot];
    if ((position->extra & EXTRA_IS_FENCED) == 0)
        return NULL;
    for (uint32_t link = rare_of(ledger, position)->fences; link != 0; link = ledger->fences[link - 1].next) {
        if (ledger->fences[link - 1].channel == channel)
            return &ledger->fences[link - 1];
    }
    return NULL;
}

/* What a PUT says, with its names resolved; refuses what is wrong with it. */
static bool fence_resolve(const struct oh_ledger *ledger, const struct oh_fence_command *command,
                          struct oh_effect_fence *out_value, struct oh_answer *answer)
{
    struct place place = { 0, 0, NO_SLOT };
    if (!place_resolve(ledger, command->sku, command->node, OH_INDEX_NONE, &place, answer))
        return false;
    uint32_t channel = channel_find(ledger, command->channel);
    if (channel == NO_SLOT) {
        refuse(answer, OH_V_UNKNOWN_CHANNEL, OH_FIELD_CHANNEL, OH_INDEX_NONE);
        return false;
    }
    if (command->quantity_milli < 0 || command->quantity_milli > OH_QUANTITY_MILLI_MAX) {
        refuse(answer, OH_V_INVALID_QUANTITY, OH_FIELD_QUANTITY, OH_INDEX_NONE);
        return false;
    }
    *out_value = (struct oh_effect_fence){ command->fence, place.item, place.node, (uint16_t)channel,
                                           command->quantity_milli, command->policy };
    return true;
}

/* One fence for a channel at a position: of two, it would not be clear which is used first. */
static bool fence_has_other(const struct oh_ledger *ledger, const struct oh_effect_fence *value, uint32_t slot)
{
    uint32_t position = position_find(ledger, value->item, value->node);
    const struct fence *other = position == NO_SLOT ? NULL : fence_at(ledger, position, value->channel);
    return other != NULL && (slot == NO_SLOT || other != &ledger->fences[slot]);
}

/* Quantity 0 removes; a DELETE says no more than the id. */
void decide_fence(struct oh_ledger *ledger, const struct oh_fence_command *command, struct oh_answer *answer)
{
    struct oh_effect_fence value = { .fence = command->fence, .item = OH_INDEX_NONE };
    bool is_delete = command->sku.size == 0 && command->quantity_milli == 0;
    answer->id = command->fence;
    if (!id_is_valid(command->fence)) {
        refuse(answer, OH_V_INVALID_ID, OH_FIELD_FENCE, OH_INDEX_NONE);
        return;
    }
    uint32_t slot = fence_find(ledger, command->fence);
    if (is_delete && slot == NO_SLOT) {
        refuse(answer, OH_V_UNKNOWN_FENCE, OH_FIELD_FENCE, OH_INDEX_NONE);
        return;
    }
    if (!is_delete && !fence_resolve(ledger, command, &value, answer))
        return;
    if (command->quantity_milli == 0 && slot == NO_SLOT) {
        answer->verdict = OH_V_UNCHANGED;
        return;
    }
    if (command->quantity_milli == 0)
        value.item = OH_INDEX_NONE;
    else if (fence_has_other(ledger, &value, slot)) {
        refuse(answer, OH_V_RULE_CONFLICT, OH_FIELD_FENCE, OH_INDEX_NONE);
        return;
    }
    answer->is_created = slot == NO_SLOT;
    if (slot == NO_SLOT && !pool_has_room(&ledger->fence_pool, 1)) {
        refuse(answer, OH_V_LEDGER_FULL, OH_FIELD_FENCE, OH_INDEX_NONE);
        return;
    }
    effect_add(ledger, OH_EFFECT_FENCE, NO_HINT)->fence = value;
}

static void fence_remove(struct oh_ledger *ledger, uint32_t slot)
{
    struct fence *fence = &ledger->fences[slot];
    struct position *position = &ledger->positions[position_find(ledger, fence->item, fence->node)];
    struct rare *rare = rare_of(ledger, position);
    OH_ASSERT(rare != NULL);
    uint32_t *link = &rare->fences;
    while (*link != link_of(slot))
        link = &ledger->fences[*link - 1].next;
    *link = fence->next;
    if (rare->fences == 0)
        position->extra &= ~EXTRA_IS_FENCED;
    oh_index_remove(&ledger->fence_index, (uint32_t)name_hash(ledger_string(ledger, fence->text, 0)), slot);
    oh_text_free_strings(&ledger->text, fence->text, 1);
    pool_give(&ledger->fence_pool, slot);
}

/* What the channel's live claims at the position come to. */
static int64_t fence_live(const struct oh_ledger *ledger, const struct position *position, uint16_t channel)
{
    int64_t live = 0;
    const struct extra *extra = extra_of(ledger, position);
    OH_ASSERT(extra != NULL);
    for (uint32_t link = extra->claims_head; link != 0; link = ledger->claims[link - 1].position_next) {
        const struct claim *claim = &ledger->claims[link - 1];
        if (ledger->reservations[claim->reservation].channel == channel)
            live += claim_live_milli(ledger, claim);
    }
    return live;
}

static enum oh_err fence_store(struct oh_ledger *ledger, const struct oh_effect_fence *effect)
{
    uint32_t position_slot;
    struct rare *rare = place_rare(ledger, effect->item, effect->node, &position_slot);
    uint32_t text = rare == NULL ? 0 : oh_text_put_strings(&ledger->text, &effect->fence, 1);
    if (text == 0 || !pool_has_room(&ledger->fence_pool, 1))
        return OH_E_NOMEM;
    uint32_t slot = pool_take(&ledger->fence_pool);
    snapshot_skip(ledger, SNAP_FENCE, slot);
    struct position *position = &ledger->positions[position_slot];
    ledger->fences[slot] = (struct fence){
        .text = text,
        .item = effect->item,
        .next = rare->fences,
        .node = effect->node,
        .channel = effect->channel,
        .policy = effect->policy,
        .is_used = true,
        .quantity_milli = effect->quantity_milli,
        .live_milli = fence_live(ledger, position, effect->channel),
    };
    rare->fences = link_of(slot);
    position->extra |= EXTRA_IS_FENCED;
    oh_index_insert(&ledger->fence_index, (uint32_t)name_hash(effect->fence), slot);
    return OH_OK;
}

enum oh_err apply_fence(struct oh_ledger *ledger, const struct oh_effect_fence *effect)
{
    uint32_t slot = fence_find(ledger, effect->fence);
    bool is_removal = effect->item == OH_INDEX_NONE;
    if (is_removal && slot == NO_SLOT)
        return OH_E_CORRUPT;
    if (slot != NO_SLOT) {
        snapshot_touch(ledger, SNAP_FENCE, slot);
        fence_remove(ledger, slot);
    }
    return is_removal ? OH_OK : fence_store(ledger, effect);
}

void fence_claim(struct oh_ledger *ledger, uint32_t position, uint16_t channel, int64_t delta_milli)
{
    struct fence *fence = fence_at(ledger, position, channel);
    if (fence != NULL)
        fence->live_milli += delta_milli;
}

void fence_consume(struct oh_ledger *ledger, uint32_t position, uint16_t channel, int64_t quantity_milli)
{
    struct fence *fence = fence_at(ledger, position, channel);
    if (fence == NULL)
        return;
    snapshot_touch(ledger, SNAP_FENCE, (uint32_t)(fence - ledger->fences));
    fence->quantity_milli = oh_max_i64(0, fence->quantity_milli - quantity_milli);
}

bool oh_fence_get(const struct oh_ledger *ledger, struct oh_bytes fence, struct oh_effect_fence *out_value,
                  int64_t *out_live_milli)
{
    uint32_t slot = fence_find(ledger, fence);
    if (slot == NO_SLOT)
        return false;
    const struct fence *of = &ledger->fences[slot];
    *out_value = (struct oh_effect_fence){ ledger_string(ledger, of->text, 0), of->item, of->node, of->channel,
                                           of->quantity_milli, of->policy };
    *out_live_milli = of->live_milli;
    return true;
}
