/*
 * setasides.c - fences (quantity set aside for a channel) and supplies
 * (quantity to come): what is filed at a position besides its stock.
 */
#include "core/state.h"

#define FIND_BY_ID(index_field, objects, name)                                                     \
    struct oh_index_cursor cursor;                                                                 \
    uint32_t slot;                                                                                 \
    oh_index_first(&ledger->index_field, (uint32_t)name_hash(name), &cursor);                      \
    while (oh_index_next(&ledger->index_field, &cursor, &slot)) {                                  \
        if (oh_bytes_equal(ledger_string(ledger, ledger->objects[slot].text, 0), (name)))          \
            return slot;                                                                           \
    }                                                                                              \
    return NO_SLOT

static uint32_t fence_find(const struct oh_ledger *ledger, struct oh_bytes id)
{
    FIND_BY_ID(fence_index, fences, id);
}

static uint32_t supply_find(const struct oh_ledger *ledger, struct oh_bytes id)
{
    FIND_BY_ID(supply_index, supplies, id);
}

struct place { uint32_t item; uint16_t node; };

static bool place_resolve(const struct oh_ledger *ledger, struct oh_bytes sku, struct oh_bytes node,
                          struct place *out_place, struct oh_answer *answer)
{
    uint32_t item = item_find(ledger, sku);
    if (item == NO_SLOT) {
        refuse(answer, OH_V_UNKNOWN_ITEM, OH_FIELD_SKU, OH_INDEX_NONE);
        return false;
    }
    uint32_t slot = node_find(ledger, node);
    if (slot == NO_SLOT) {
        refuse(answer, OH_V_UNKNOWN_NODE, OH_FIELD_NODE, OH_INDEX_NONE);
        return false;
    }
    *out_place = (struct place){ item, (uint16_t)slot };
    return true;
}

static bool place_is_valid(const struct oh_ledger *ledger, uint32_t item, uint16_t node)
{
    return item < ledger->options.items_max && node < OH_NODES_MAX;
}

static struct rare *place_rare(struct oh_ledger *ledger, uint32_t item, uint16_t node, uint32_t *out_position)
{
    *out_position = position_obtain(ledger, item, node);
    return *out_position == NO_SLOT ? NULL : rare_obtain(ledger, &ledger->positions[*out_position]);
}

/* ---- Fences ----------------------------------------------------------------------------------- */

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

void decide_fence(struct oh_ledger *ledger, const struct oh_fence_command *command, struct oh_answer *answer)
{
    struct place place = { 0, 0 };
    answer->id = command->fence;
    if (!id_is_valid(command->fence)) {
        refuse(answer, OH_V_INVALID_ID, OH_FIELD_FENCE, OH_INDEX_NONE);
        return;
    }
    uint32_t slot = fence_find(ledger, command->fence);
    if (slot == NO_SLOT && command->sku.size == 0 && command->quantity_milli == 0) {
        refuse(answer, OH_V_UNKNOWN_FENCE, OH_FIELD_FENCE, OH_INDEX_NONE);
        return;
    }
    struct oh_effect_fence value = { .fence = command->fence, .item = 0, .policy = command->policy };
    if (command->sku.size > 0) {
        if (!place_resolve(ledger, command->sku, command->node, &place, answer))
            return;
        uint32_t channel = channel_find(ledger, command->channel);
        if (channel == NO_SLOT) {
            refuse(answer, OH_V_UNKNOWN_CHANNEL, OH_FIELD_CHANNEL, OH_INDEX_NONE);
            return;
        }
        value.item = place.item;
        value.node = place.node;
        value.channel = (uint16_t)channel;
    }
    if (command->quantity_milli < 0 || command->quantity_milli > OH_QUANTITY_MILLI_MAX) {
        refuse(answer, OH_V_INVALID_QUANTITY, OH_FIELD_QUANTITY, OH_INDEX_NONE);
        return;
    }
    uint32_t position = command->sku.size > 0 ? position_find(ledger, place.item, place.node) : NO_SLOT;
    const struct fence *other = position == NO_SLOT ? NULL : fence_at(ledger, position, value.channel);
    if (other != NULL && command->quantity_milli > 0 && (slot == NO_SLOT || other != &ledger->fences[slot])) {
        refuse(answer, OH_V_RULE_CONFLICT, OH_FIELD_FENCE, OH_INDEX_NONE);
        return;
    }
    if (slot == NO_SLOT && command->quantity_milli == 0) {
        answer->verdict = OH_V_UNCHANGED;
        return;
    }
    answer->is_created = slot == NO_SLOT;
    if (slot == NO_SLOT && !pool_has_room(&ledger->fence_pool, 1)) {
        refuse(answer, OH_V_LEDGER_FULL, OH_FIELD_FENCE, OH_INDEX_NONE);
        return;
    }
    value.quantity_milli = command->quantity_milli;
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
    *fence = (struct fence){ .next = ledger->fence_pool.free_head };
    ledger->fence_pool.free_head = link_of(slot);
    ledger->fence_pool.live_count--;
}

/* What the channel's live claims at the position come to. */
static int64_t fence_live(const struct oh_ledger *ledger, const struct position *position, uint16_t channel)
{
    int64_t live = 0;
    const struct extra *extra = extra_of(ledger, position);
    for (uint32_t link = extra->claims_head; link != 0; link = ledger->claims[link - 1].position_next) {
        const struct claim *claim = &ledger->claims[link - 1];
        if (ledger->reservations[claim->reservation].channel == channel)
            live += claim->held_milli + claim->confirmed_milli;
    }
    return live;
}

static uint32_t fence_take(struct oh_ledger *ledger)
{
    struct pool *pool = &ledger->fence_pool;
    uint32_t slot = pool->free_head != 0 ? pool->free_head - 1 : pool->slot_count++;
    if (pool->free_head != 0)
        pool->free_head = ledger->fences[slot].next;
    pool->live_count++;
    snapshot_skip(ledger, SNAP_FENCE, slot);
    return slot;
}

enum oh_err apply_fence(struct oh_ledger *ledger, const struct oh_effect_fence *effect)
{
    uint32_t slot = fence_find(ledger, effect->fence);
    if (!place_is_valid(ledger, effect->item, effect->node) || (slot == NO_SLOT && effect->quantity_milli == 0) ||
        (slot == NO_SLOT && !pool_has_room(&ledger->fence_pool, 1)))
        return OH_E_CORRUPT;
    struct oh_bytes name = effect->fence;
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
        snapshot_touch(ledger, SNAP_FENCE, slot);
        fence_remove(ledger, slot);
    }
    if (effect->quantity_milli == 0)
        return OH_OK;
    slot = fence_take(ledger);
    struct position *position = &ledger->positions[position_slot];
    struct rare *rare = rare_of(ledger, position);
    OH_ASSERT(rare != NULL);
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
    oh_index_insert(&ledger->fence_index, (uint32_t)name_hash(name), slot);
    return OH_OK;
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
    uint32_t slot = (uint32_t)(fence - ledger->fences);
    snapshot_touch(ledger, SNAP_FENCE, slot);
    fence->quantity_milli = oh_max_i64(0, fence->quantity_milli - quantity_milli);
    if (fence->quantity_milli == 0)
        fence_remove(ledger, slot);
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

/* ---- Supplies --------------------------------------------------------------------------------- */

void decide_supply(struct oh_ledger *ledger, const struct oh_supply_command *command, struct oh_answer *answer)
{
    struct place place = { 0, 0 };
    answer->id = command->supply;
    if (!id_is_valid(command->supply)) {
        refuse(answer, OH_V_INVALID_ID, OH_FIELD_SUPPLY, OH_INDEX_NONE);
        return;
    }
    uint32_t slot = supply_find(ledger, command->supply);
    if (slot == NO_SLOT && command->sku.size == 0 && command->quantity_milli == 0) {
        refuse(answer, OH_V_UNKNOWN_SUPPLY, OH_FIELD_SUPPLY, OH_INDEX_NONE);
        return;
    }
    if (command->sku.size > 0 && !place_resolve(ledger, command->sku, command->node, &place, answer))
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
    *supply = (struct supply){ .next = ledger->supply_pool.free_head };
    ledger->supply_pool.free_head = link_of(slot);
    ledger->supply_pool.live_count--;
}

static uint32_t supply_take(struct oh_ledger *ledger)
{
    struct pool *pool = &ledger->supply_pool;
    uint32_t slot = pool->free_head != 0 ? pool->free_head - 1 : pool->slot_count++;
    if (pool->free_head != 0)
        pool->free_head = ledger->supplies[slot].next;
    pool->live_count++;
    snapshot_skip(ledger, SNAP_SUPPLY, slot);
    return slot;
}

enum oh_err apply_supply(struct oh_ledger *ledger, const struct oh_effect_supply *effect)
{
    uint32_t slot = supply_find(ledger, effect->supply);
    if (!place_is_valid(ledger, effect->item, effect->node) || (slot == NO_SLOT && effect->quantity_milli == 0) ||
        (slot == NO_SLOT && !pool_has_room(&ledger->supply_pool, 1)))
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
    slot = supply_take(ledger);
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
