/*
 * snapshot.c - the ledger as it was at one moment, while it goes on.
 *
 * A walk visits every stored slot and emits its object. An object that is
 * about to change before the walk reaches it is emitted first, and marked. So
 * each object is emitted once, as it was when the snapshot began, and no step
 * takes longer than its share.
 */
#include "core/state.h"

/* ---- Marks ------------------------------------------------------------------------------------ */

/* True the first time. Slots that came into use later are not part of the snapshot. */
static bool mark(struct snapshot *snapshot, enum snapshot_class class, uint32_t slot)
{
    if (slot >= snapshot->slot_counts[class])
        return false;
    uint64_t *word = &snapshot->emitted[class][slot / 64];
    uint64_t bit = (uint64_t)1 << (slot % 64);
    bool is_first = (*word & bit) == 0;
    *word |= bit;
    return is_first;
}

void snapshot_skip_slow(struct oh_ledger *ledger, enum snapshot_class class, uint32_t slot)
{
    mark(&ledger->snapshot, class, slot);
}

/* ---- Objects ---------------------------------------------------------------------------------- */

static void emit(const struct oh_ledger *ledger, const struct oh_effect *object)
{
    ledger->snapshot.sink(ledger->snapshot.sink_ctx, object);
}

static void emit_reference(struct oh_ledger *ledger, enum snapshot_class class, uint32_t slot)
{
    struct oh_effect object = { .type = OH_EFFECT_NODE };
    if (class == SNAP_NODE) {
        if (ledger->nodes[slot].text == 0)
            return;
        object.node.index = (uint16_t)slot;
        oh_node_get(ledger, (struct oh_node_id){ (uint16_t)slot }, &object.node.value);
    } else if (class == SNAP_ITEM) {
        if (ledger->items[slot].text == 0)
            return;
        object.type = OH_EFFECT_ITEM;
        object.item.index = slot;
        oh_item_get(ledger, (struct oh_item_id){ slot }, &object.item.value);
    } else if (class == SNAP_GROUP) {
        if (ledger->groups[slot].text == 0)
            return;
        object.type = OH_EFFECT_GROUP;
        oh_group_get(ledger, (struct oh_group_id){ (uint16_t)slot }, &object.group);
    } else {
        if (ledger->channels[slot].text == 0)
            return;
        object.type = OH_EFFECT_CHANNEL;
        oh_channel_get(ledger, (struct oh_channel_id){ (uint16_t)slot }, &object.channel);
    }
    emit(ledger, &object);
}

static void emit_rule(struct oh_ledger *ledger, uint32_t slot)
{
    const struct rule *rule = &ledger->rules[slot];
    struct oh_effect object = { .type = OH_EFFECT_RULE };
    if (!rule->is_used)
        return;
    object.rule = (struct oh_effect_rule){ ledger_string(ledger, rule->text, 0), rule->item, rule->node,
                                           rule->channel, rule->values };
    emit(ledger, &object);
}

static void emit_fence(struct oh_ledger *ledger, uint32_t slot)
{
    const struct fence *fence = &ledger->fences[slot];
    struct oh_effect object = { .type = OH_EFFECT_FENCE };
    if (!fence->is_used)
        return;
    object.fence = (struct oh_effect_fence){ ledger_string(ledger, fence->text, 0), fence->item, fence->node,
                                             fence->channel, fence->quantity_milli, fence->policy };
    emit(ledger, &object);
}

static void emit_supply(struct oh_ledger *ledger, uint32_t slot)
{
    const struct supply *supply = &ledger->supplies[slot];
    struct oh_effect object = { .type = OH_EFFECT_SUPPLY };
    if (!supply->is_used)
        return;
    object.supply = (struct oh_effect_supply){ ledger_string(ledger, supply->text, 0), supply->item, supply->node,
                                               supply->quantity_milli, supply->eta_us };
    emit(ledger, &object);
}

static void emit_postal_code(struct oh_ledger *ledger, uint32_t slot)
{
    const struct postal_code *of = &ledger->postal_codes[slot];
    struct oh_effect object = { .type = OH_EFFECT_POSTAL_CODE };
    object.postal_code = (struct oh_postal_code_command){
        ledger_string(ledger, of->text, POSTAL_TEXT_COUNTRY),
        ledger_string(ledger, of->text, POSTAL_TEXT_CODE),
        ledger_string(ledger, of->text, POSTAL_TEXT_PLACE),
        of->point,
    };
    emit(ledger, &object);
}

static void emit_transit(struct oh_ledger *ledger, uint32_t slot)
{
    struct oh_effect object = { .type = OH_EFFECT_TRANSIT };
    if (transit_get(ledger, slot, &object.transit))
        emit(ledger, &object);
}

static void emit_import(struct oh_ledger *ledger, uint32_t slot)
{
    const struct import *of = &ledger->imports[slot];
    struct oh_effect object = { .type = OH_EFFECT_IMPORT };
    object.import = (struct oh_effect_import){ ledger_string(ledger, of->text, 0), of->row_count, of->rejected_count,
                                               of->used_number };
    emit(ledger, &object);
}

static void emit_position(struct oh_ledger *ledger, uint32_t item, uint16_t node, uint32_t slot)
{
    const struct position *position = &ledger->positions[slot];
    const struct rare *rare = rare_of(ledger, position);
    struct oh_effect object = { .type = OH_EFFECT_POSITION };
    object.position.item = item;
    object.position.node = node;
    object.position.has_forgotten = (position->extra & EXTRA_HAS_FORGOTTEN) != 0;
    for (uint32_t i = 0; i < OH_STATE_COUNT; i++) {
        bool is_sellable = i == OH_STATE_SELLABLE;
        object.position.states[i].quantity_milli = position_state_milli(ledger, position, (enum oh_state)i);
        object.position.states[i].as_of_us = is_sellable    ? position->as_of_us
                                             : rare == NULL ? OH_TIME_US_NONE
                                                            : rare->states[i - 1].as_of_us;
        object.position.states[i].source_seq = rare == NULL ? -1 : rare->source_seqs[i];
    }
    emit(ledger, &object);
}

static void emit_remembered(struct oh_ledger *ledger, uint32_t slot)
{
    uint64_t ring = ledger->options.history_max;
    uint64_t first = ledger->snapshot.remembered_first;
    uint64_t number = first + ((slot - first) & (ring - 1));
    if (number >= ledger->snapshot.remembered_next)
        return;
    const struct remembered *entry = &ledger->history[slot];
    struct oh_effect object = { .type = OH_EFFECT_REMEMBERED };
    object.remembered = (struct oh_effect_remembered){
        .item = entry->item_state & 0xffffff,
        .node = entry->node,
        .state = (enum oh_state)(entry->item_state >> 24),
        .quantity_milli = entry->quantity_milli,
        .at_us = entry->at_us,
        .number = number,
    };
    emit(ledger, &object);
}

static void emit_document(struct oh_ledger *ledger, uint32_t slot)
{
    const struct document *of = &ledger->documents[slot];
    struct oh_effect object = { .type = OH_EFFECT_DOCUMENT };
    if (of->body_size == 0)
        return;
    object.document = (struct oh_document_command){
        (enum oh_document_kind)of->kind, ledger_string(ledger, of->text, 0),
        { oh_text_at(&ledger->text, of->body), of->body_size },
    };
    emit(ledger, &object);
}

/* As they were booked: what their claims leave of them is found again from the claims. */
static void emit_bookings(struct oh_ledger *ledger, const struct reservation *of, struct oh_bytes id)
{
    const struct parties *parties = parties_of(ledger, of);
    struct oh_effect object = { .type = OH_EFFECT_BOOKING };
    for (uint32_t link = parties == NULL ? 0 : parties->bookings_head; link != 0;) {
        const struct booking *booking = &ledger->bookings[link - 1];
        const struct bucket *bucket = &ledger->buckets[booking->bucket];
        link = booking->next;
        object.booking = (struct oh_effect_booking){
            id, booking->node, ledger_string(ledger, bucket->text, 0), (enum oh_unit)booking->unit,
            bucket->from_us, bucket->until_us, booking->quantity_milli,
        };
        emit(ledger, &object);
    }
    if (parties == NULL || parties->promise == 0)
        return;
    object.type = OH_EFFECT_PROMISE;
    object.promise = (struct oh_effect_promise){
        id, { oh_text_at(&ledger->text, parties->promise), parties->promise_size },
    };
    emit(ledger, &object);
}

/* The reservation, then each of its claims, whole, and what is booked for them. */
static void emit_reservation(struct oh_ledger *ledger, uint32_t slot)
{
    const struct reservation *of = &ledger->reservations[slot];
    struct oh_effect object = { .type = OH_EFFECT_RESERVATION };
    if (of->name == 0 || reservation_is_forgotten(ledger, of, ledger->snapshot.time_us))
        return;
    char made_id[ID_MADE_SIZE_MAX];
    struct oh_bytes id = reservation_id(ledger, of, made_id);
    object.reservation = (struct oh_effect_reservation){
        .id = id,
        .customer = reservation_party(ledger, of, RESERVATION_TEXT_CUSTOMER),
        .order = reservation_party(ledger, of, RESERVATION_TEXT_ORDER),
        .kind = (enum oh_kind)of->kind,
        .channel = of->channel,
        .created_at_us = of->created_at_us,
        .expires_at_us = of->expires_at_us,
        .ended_at_us = reservation_ended_at(of),
    };
    emit(ledger, &object);
    for (uint32_t link = claims_first(ledger, of); link != 0; link = claims_after(ledger, of, link)) {
        const struct claim *claim = &ledger->claims[link - 1];
        struct parts parts = claim_parts(ledger, claim);
        object.type = OH_EFFECT_CLAIM;
        object.claim = (struct oh_effect_claim){
            .id = id,
            .line = claim->line,
            .item = claim->item,
            .node = claim->node,
            .quantity_milli = parts.quantity_milli,
            .held_milli = parts.held_milli,
            .confirmed_milli = parts.confirmed_milli,
            .fulfilled_milli = parts.fulfilled_milli,
            .expired_milli = parts.expired_milli,
            .due_at_us = deferral_due_at(ledger, link - 1),
        };
        emit(ledger, &object);
    }
    emit_bookings(ledger, of, id);
}

static void emit_key(struct oh_ledger *ledger, uint32_t slot)
{
    const struct key *key = &ledger->keys[slot];
    struct oh_effect object = { .type = OH_EFFECT_KEY };
    if (ledger->snapshot.time_us - key->at_us >= OH_KEY_RETENTION_US)
        return; /* forgotten, or soon */
    object.key = (struct oh_effect_key){ ledger_string(ledger, key->text, 0), key->fingerprint, key->seq, key->at_us,
                                         key_answer(ledger, key) };
    emit(ledger, &object);
}

static void emit_slot(struct oh_ledger *ledger, enum snapshot_class class, uint32_t slot)
{
    switch (class) {
    case SNAP_NODE:
    case SNAP_ITEM:
    case SNAP_GROUP:
    case SNAP_CHANNEL:
        emit_reference(ledger, class, slot);
        return;
    case SNAP_RULE:
        emit_rule(ledger, slot);
        return;
    case SNAP_FENCE:
        emit_fence(ledger, slot);
        return;
    case SNAP_SUPPLY:
        emit_supply(ledger, slot);
        return;
    case SNAP_POSTAL_CODE:
        emit_postal_code(ledger, slot);
        return;
    case SNAP_TRANSIT:
        emit_transit(ledger, slot);
        return;
    case SNAP_IMPORT:
        emit_import(ledger, slot);
        return;
    case SNAP_DOCUMENT:
        emit_document(ledger, slot);
        return;
    case SNAP_RESERVATION:
        emit_reservation(ledger, slot);
        return;
    case SNAP_KEY:
        emit_key(ledger, slot);
        return;
    case SNAP_REMEMBERED:
        emit_remembered(ledger, slot);
        return;
    case SNAP_POSITION:
    case SNAP_CLASSES:
        break;
    }
    OH_UNREACHABLE();
}

void snapshot_touch_slow(struct oh_ledger *ledger, enum snapshot_class class, uint32_t slot)
{
    if (mark(&ledger->snapshot, class, slot))
        emit_slot(ledger, class, slot);
}

void snapshot_touch_position_slow(struct oh_ledger *ledger, uint32_t item, uint16_t node, uint32_t position)
{
    if (mark(&ledger->snapshot, SNAP_POSITION, position))
        emit_position(ledger, item, node, position);
}

/* ---- The walk --------------------------------------------------------------------------------- */

static uint32_t ring_slots(uint64_t first, uint64_t next, uint32_t slot_max)
{
    return next <= slot_max ? (uint32_t)next : first == next ? 0 : slot_max;
}

static void slot_counts_take(struct oh_ledger *ledger)
{
    uint32_t *counts = ledger->snapshot.slot_counts;
    counts[SNAP_NODE] = ledger->node_count;
    counts[SNAP_ITEM] = ledger->item_count;
    counts[SNAP_GROUP] = ledger->group_count;
    counts[SNAP_CHANNEL] = ledger->channel_count;
    counts[SNAP_RULE] = ledger->rule_pool.slot_count;
    counts[SNAP_FENCE] = ledger->fence_pool.slot_count;
    counts[SNAP_SUPPLY] = ledger->supply_pool.slot_count;
    counts[SNAP_POSTAL_CODE] = ledger->postal_code_count;
    counts[SNAP_TRANSIT] = ledger->transit_count;
    counts[SNAP_IMPORT] = ledger->import_count;
    counts[SNAP_DOCUMENT] = ledger->document_pool.slot_count;
    counts[SNAP_POSITION] = ledger->position_count;
    counts[SNAP_RESERVATION] = ledger->reservation_pool.slot_count;
    counts[SNAP_KEY] = ring_slots(ledger->key_first, ledger->key_next, ledger->options.keys_max);
    counts[SNAP_REMEMBERED] = ring_slots(ledger->movement_forgotten, ledger->movement_count,
                                         ledger->options.history_max);
    for (uint32_t i = 0; i < SNAP_CLASSES; i++)
        memset(ledger->snapshot.emitted[i], 0, (counts[i] / 64 + 1) * sizeof(uint64_t));
}

static void emit_head(const struct oh_ledger *ledger)
{
    struct oh_effect object = { .type = OH_EFFECT_HEAD };
    object.head = (struct oh_effect_head){ ledger->seq, ledger->time_us, ledger->movement_count,
                                           ledger->forgotten_at_us };
    emit(ledger, &object);
}

void oh_ledger_snapshot_begin(struct oh_ledger *ledger, oh_snapshot_sink *sink, void *ctx)
{
    struct snapshot *snapshot = &ledger->snapshot;
    OH_ASSERT(!snapshot->is_active && !ledger->record_is_open && !ledger->is_restored_unlinked);
    snapshot->time_us = ledger->time_us;
    snapshot->sink = sink;
    snapshot->sink_ctx = ctx;
    snapshot->class = SNAP_NODE;
    snapshot->cursor = 0;
    snapshot->item_cursor = 0;
    snapshot->remembered_first = ledger->movement_forgotten;
    snapshot->remembered_next = ledger->movement_count;
    slot_counts_take(ledger);
    snapshot->is_active = true;
    emit_head(ledger);
}

/* The position under the cursor of the walk over items; the next one. False: no more. */
static bool walk_position(struct oh_ledger *ledger)
{
    struct snapshot *snapshot = &ledger->snapshot;
    if (snapshot->cursor >= ledger->item_count)
        return false;
    const struct item *item = &ledger->items[snapshot->cursor];
    if (snapshot->item_cursor >= item->node_count) {
        snapshot->cursor++;
        snapshot->item_cursor = 0;
        return true;
    }
    uint32_t at = snapshot->item_cursor++;
    snapshot_touch_position_slow(ledger, snapshot->cursor, item_node_list(ledger, item)[at],
                                 item_positions(ledger, item)[at]);
    return true;
}

static bool walk_slot(struct oh_ledger *ledger)
{
    struct snapshot *snapshot = &ledger->snapshot;
    if (snapshot->class == SNAP_POSITION)
        return walk_position(ledger);
    if (snapshot->cursor >= snapshot->slot_counts[snapshot->class])
        return false;
    snapshot_touch_slow(ledger, snapshot->class, snapshot->cursor++);
    return true;
}

bool oh_ledger_snapshot_step(struct oh_ledger *ledger, uint32_t objects_max)
{
    struct snapshot *snapshot = &ledger->snapshot;
    OH_ASSERT(snapshot->is_active);
    for (uint32_t i = 0; i < objects_max; i++) {
        if (walk_slot(ledger))
            continue;
        snapshot->class = (enum snapshot_class)(snapshot->class + 1);
        snapshot->cursor = 0;
        if (snapshot->class == SNAP_CLASSES) {
            snapshot->is_active = false;
            return true;
        }
    }
    return false;
}

void oh_ledger_snapshot_abort(struct oh_ledger *ledger)
{
    ledger->snapshot.is_active = false;
}

void oh_ledger_export(struct oh_ledger *ledger, oh_snapshot_sink *sink, void *ctx)
{
    oh_ledger_snapshot_begin(ledger, sink, ctx);
    bool has_ended = oh_ledger_snapshot_step(ledger, UINT32_MAX); /* more than there can be */
    OH_ASSERT(has_ended);
}
