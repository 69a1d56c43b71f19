/*
 * reservations.c - reservations and their claims as stored objects: what a
 * step does to the counters, how they are found, when they are forgotten.
 */
#include "core/state.h"

/* ---- Finding ---------------------------------------------------------------------------------- */

bool reservation_is_forgotten(const struct oh_ledger *ledger, const struct reservation *reservation, int64_t now_us)
{
    return reservation->has_ended &&
           now_us - reservation->ended_at_us >= ledger->options.terminal_retention_us;
}

/* number: of the id, or 0. */
static bool reservation_is_named(const struct oh_ledger *ledger, const struct reservation *reservation,
                                 struct oh_bytes id, uint64_t number)
{
    if (reservation->is_numbered)
        return reservation->number == number;
    return names_are_equal(ledger_string(ledger, reservation->text, RESERVATION_TEXT_ID), id);
}

uint32_t reservation_stored(const struct oh_ledger *ledger, struct oh_bytes id, struct id_key key)
{
    struct oh_index_cursor cursor;
    uint32_t slot;
    oh_index_first(&ledger->reservation_index, key.hash, &cursor);
    while (oh_index_next(&ledger->reservation_index, &cursor, &slot)) {
        if (reservation_is_named(ledger, &ledger->reservations[slot], id, key.number))
            return slot;
    }
    return NO_SLOT;
}

static uint32_t reservation_find_stored(const struct oh_ledger *ledger, struct oh_bytes id)
{
    return reservation_stored(ledger, id, id_key(id));
}

static uint32_t slot_unless_forgotten(const struct oh_ledger *ledger, uint32_t slot)
{
    if (slot == NO_SLOT || reservation_is_forgotten(ledger, &ledger->reservations[slot], ledger->time_us))
        return NO_SLOT;
    return slot;
}

uint32_t reservation_find(const struct oh_ledger *ledger, struct oh_bytes id)
{
    return slot_unless_forgotten(ledger, reservation_find_stored(ledger, id));
}

uint32_t reservation_named(const struct oh_ledger *ledger)
{
    return slot_unless_forgotten(ledger, ledger->named_reservation);
}

/* Most claims belong to the reservation made just before them. */
uint32_t reservation_find_newest_first(const struct oh_ledger *ledger, struct oh_bytes id)
{
    uint32_t slot = ledger->newest_reservation;
    const struct reservation *newest = &ledger->reservations[slot];
    if (newest->name != 0 && reservation_is_named(ledger, newest, id, id_number(id)))
        return slot;
    return reservation_find_stored(ledger, id);
}

static uint32_t claim_find(const struct oh_ledger *ledger, uint32_t reservation, uint32_t line, uint32_t item,
                           uint16_t node)
{
    const struct reservation *of = &ledger->reservations[reservation];
    for (uint32_t link = claims_first(ledger, of); link != 0; link = claims_after(ledger, of, link)) {
        const struct claim *claim = &ledger->claims[link - 1];
        if (claim->line == line && claim->node == node && claim->item == item)
            return link - 1;
    }
    return NO_SLOT;
}

/* Whether the line is above all that the reservation has claims of: so it mostly is while a new one gets its claims. */
static bool line_is_above_all(const struct oh_ledger *ledger, uint32_t reservation, uint32_t line)
{
    if (reservation != ledger->newest_reservation || !ledger->newest_lines_rise)
        return false;
    uint32_t tail = ledger->reservations[reservation].claims_tail;
    return tail == 0 || ledger->claims[tail - 1].line < line;
}

bool reservation_is_due(const struct reservation *reservation, int64_t now_us)
{
    return reservation->expires_at_us != OH_TIME_US_NONE && reservation->expires_at_us <= now_us;
}

/* ---- What few reservations have --------------------------------------------------------------- */

/* A name that was a number becomes text: there is more to keep beside it. False: no memory. */
static bool name_spell(struct oh_ledger *ledger, struct reservation *reservation)
{
    char made_id[ID_MADE_SIZE_MAX];
    const struct oh_bytes strings[RESERVATION_TEXTS] = { reservation_id(ledger, reservation, made_id) };
    uint32_t text = oh_text_put_strings(&ledger->text, strings, RESERVATION_TEXTS);
    if (text == 0)
        return false;
    reservation->is_numbered = 0;
    reservation->text = text;
    reservation->parties = 0;
    return true;
}

struct parties *parties_obtain(struct oh_ledger *ledger, uint32_t slot)
{
    struct reservation *reservation = &ledger->reservations[slot];
    if (reservation->is_numbered && !name_spell(ledger, reservation))
        return NULL;
    if (reservation->parties == 0) {
        uint32_t parties = oh_text_allocate(&ledger->text, sizeof(struct parties));
        if (parties == 0)
            return NULL;
        memset(oh_text_at(&ledger->text, parties), 0, sizeof(struct parties));
        reservation->parties = parties;
    }
    return parties_of(ledger, reservation);
}

/* ---- By customer and by order ----------------------------------------------------------------- */

/* The same index holds both; the hash says which. The slot filed is the newest of the party. */
static uint32_t party_hash(uint32_t text, struct oh_bytes party)
{
    return (uint32_t)name_hash(party) * 2 + (text == RESERVATION_TEXT_ORDER ? 1 : 0);
}

static uint32_t party_find(const struct oh_ledger *ledger, uint32_t text, struct oh_bytes party)
{
    struct oh_index_cursor cursor;
    uint32_t slot;
    oh_index_first(&ledger->party_index, party_hash(text, party), &cursor);
    while (oh_index_next(&ledger->party_index, &cursor, &slot)) {
        if (oh_bytes_equal(ledger_string(ledger, ledger->reservations[slot].text, text), party))
            return slot;
    }
    return NO_SLOT;
}

static uint32_t *party_next(const struct oh_ledger *ledger, uint32_t slot, uint32_t text)
{
    struct parties *parties = oh_text_at(&ledger->text, ledger->reservations[slot].parties);
    return text == RESERVATION_TEXT_ORDER ? &parties->order_next : &parties->customer_next;
}

static uint32_t *party_previous(const struct oh_ledger *ledger, uint32_t slot, uint32_t text)
{
    struct parties *parties = oh_text_at(&ledger->text, ledger->reservations[slot].parties);
    return text == RESERVATION_TEXT_ORDER ? &parties->order_previous : &parties->customer_previous;
}

static void party_link(struct oh_ledger *ledger, uint32_t slot, uint32_t text)
{
    struct oh_bytes party = reservation_party(ledger, &ledger->reservations[slot], text);
    if (party.size == 0)
        return;
    uint32_t newest = party_find(ledger, text, party);
    if (newest == NO_SLOT) {
        oh_index_insert(&ledger->party_index, party_hash(text, party), slot);
        return;
    }
    oh_index_replace(&ledger->party_index, party_hash(text, party), newest, slot);
    *party_next(ledger, slot, text) = link_of(newest);
    *party_previous(ledger, newest, text) = link_of(slot);
}

static void party_unlink(struct oh_ledger *ledger, uint32_t slot, uint32_t text)
{
    struct oh_bytes party = reservation_party(ledger, &ledger->reservations[slot], text);
    if (party.size == 0)
        return;
    uint32_t next = *party_next(ledger, slot, text);
    uint32_t previous = *party_previous(ledger, slot, text);
    if (next != 0)
        *party_previous(ledger, next - 1, text) = previous;
    if (previous != 0)
        *party_next(ledger, previous - 1, text) = next;
    else if (next != 0)
        oh_index_replace(&ledger->party_index, party_hash(text, party), slot, next - 1);
    else
        oh_index_remove(&ledger->party_index, party_hash(text, party), slot);
}

/* ---- Claims in their lists -------------------------------------------------------------------- */

static void claim_link_position(struct oh_ledger *ledger, uint32_t slot)
{
    struct claim *claim = &ledger->claims[slot];
    struct extra *extra = extra_obtain(ledger, &ledger->positions[claim->position]);
    claim->position_previous = 0;
    claim->position_next = extra->claims_head;
    if (extra->claims_head != 0)
        ledger->claims[extra->claims_head - 1].position_previous = link_of(slot);
    extra->claims_head = link_of(slot);
}

static void claim_unlink_position(struct oh_ledger *ledger, uint32_t slot)
{
    struct claim *claim = &ledger->claims[slot];
    struct extra *extra = extra_of(ledger, &ledger->positions[claim->position]);
    OH_ASSERT(extra != NULL);
    if (claim->position_next != 0)
        ledger->claims[claim->position_next - 1].position_previous = claim->position_previous;
    if (claim->position_previous != 0)
        ledger->claims[claim->position_previous - 1].position_next = claim->position_next;
    else
        extra->claims_head = claim->position_next;
}

static void claim_link_node(struct oh_ledger *ledger, uint32_t slot)
{
    struct claim *claim = &ledger->claims[slot];
    struct node *node = &ledger->nodes[claim->node];
    claim->node_previous = 0;
    claim->node_next = node->claims_head;
    if (node->claims_head != 0)
        ledger->claims[node->claims_head - 1].node_previous = link_of(slot);
    node->claims_head = link_of(slot);
}

static void claim_unlink_node(struct oh_ledger *ledger, uint32_t slot)
{
    struct claim *claim = &ledger->claims[slot];
    if (claim->node_next != 0)
        ledger->claims[claim->node_next - 1].node_previous = claim->node_previous;
    if (claim->node_previous != 0)
        ledger->claims[claim->node_previous - 1].node_next = claim->node_next;
    else
        ledger->nodes[claim->node].claims_head = claim->node_next;
}

/* ---- A claim's quantities and what follows from them ------------------------------------------ */

/* The counters of the position, and the channel's fence, follow the claim. */
static void counters_follow(struct oh_ledger *ledger, const struct claim *claim, int64_t held_delta,
                            int64_t confirmed_delta)
{
    struct extra *extra = extra_of(ledger, &ledger->positions[claim->position]);
    OH_ASSERT(extra != NULL);
    extra->held_milli += held_delta;
    ledger->claims_version++;
    position_add(ledger, claim->position, 0, held_delta + confirmed_delta);
    fence_claim(ledger, claim->position, ledger->reservations[claim->reservation].channel,
                held_delta + confirmed_delta);
}

/* Whether the reservation waits for an expiry follows from whether it holds something. */
static void expiry_follow(struct oh_ledger *ledger, uint32_t slot)
{
    struct reservation *reservation = &ledger->reservations[slot];
    if (reservation->has_ended)
        return;
    bool waits = reservation->held_count > 0 && reservation->expires_at_us != OH_TIME_US_NONE;
    if (waits && reservation->heap == 0)
        expiry_add(ledger, slot);
    if (!waits)
        expiry_remove(ledger, slot);
}

static void ended_push(struct oh_ledger *ledger, uint32_t slot)
{
    ledger->ended[ring_slot(ledger->ended_next, ledger->options.reservations_max)] = slot;
    ledger->ended_next++;
}

static void ended_set(struct oh_ledger *ledger, uint32_t slot, int64_t at_us)
{
    ledger->reservations[slot].has_ended = 1;
    ledger->reservations[slot].ended_at_us = at_us;
    ended_push(ledger, slot);
}

/* Its reservation is forgotten before its turn: one of the first, those that are due. Cost: O(those that are due). */
static void ended_strike(struct oh_ledger *ledger, uint32_t slot)
{
    uint64_t place = ledger->ended_first;
    while (ledger->ended[ring_slot(place, ledger->options.reservations_max)] != slot) {
        place++;
        OH_ASSERT(place < ledger->ended_next);
    }
    ledger->ended[ring_slot(place, ledger->options.reservations_max)] = NO_SLOT;
}

static void ended_follow(struct oh_ledger *ledger, uint32_t slot)
{
    struct reservation *reservation = &ledger->reservations[slot];
    OH_ASSERT(!reservation->has_ended);
    if (reservation->live_count > 0)
        return;
    ended_set(ledger, slot, ledger->record_at_us);
}

/* The one part that has all of the quantity; PART_SEVERAL: none has. */
static enum claim_part parts_only(const struct parts *parts)
{
    int64_t quantity = parts->quantity_milli;
    if (quantity > CLAIM_AMOUNT_MAX)
        return PART_SEVERAL;
    if ((parts->held_milli | parts->confirmed_milli | parts->fulfilled_milli | parts->expired_milli) == 0)
        return PART_RELEASED;
    if (parts->held_milli == quantity)
        return PART_HELD;
    if (parts->confirmed_milli == quantity)
        return PART_CONFIRMED;
    if (parts->fulfilled_milli == quantity)
        return PART_FULFILLED;
    return parts->expired_milli == quantity ? PART_EXPIRED : PART_SEVERAL;
}

/* There is room: as many may be in several parts as there may be claims. */
static void claim_parts_set(struct oh_ledger *ledger, struct claim *claim, const struct parts *parts)
{
    enum claim_part part = parts_only(parts);
    if (part == PART_SEVERAL && claim->part != PART_SEVERAL)
        claim->amount = pool_take(&ledger->parts_pool);
    else if (part != PART_SEVERAL && claim->part == PART_SEVERAL)
        pool_give(&ledger->parts_pool, (uint32_t)claim->amount);
    claim->part = part & 7;
    if (part == PART_SEVERAL)
        ledger->parts[claim->amount] = *parts;
    else
        claim->amount = (uint64_t)parts->quantity_milli & CLAIM_AMOUNT_MAX;
}

/* The claim is in these parts from now on. */
static void claim_change(struct oh_ledger *ledger, uint32_t slot, const struct parts *parts)
{
    struct claim *claim = &ledger->claims[slot];
    struct reservation *reservation = &ledger->reservations[claim->reservation];
    int64_t held_before = claim_held_milli(ledger, claim);
    int64_t confirmed_before = claim_confirmed_milli(ledger, claim);
    int64_t held_delta = parts->held_milli - held_before;
    int64_t confirmed_delta = parts->confirmed_milli - confirmed_before;
    bool was_live = held_before + confirmed_before > 0;
    bool was_held = held_before > 0;
    bool is_live = parts->held_milli + parts->confirmed_milli > 0;
    bool is_held = parts->held_milli > 0;
    claim_parts_set(ledger, claim, parts);
    if (is_live && !was_live) {
        reservation->live_count++;
        claim_link_position(ledger, slot);
    }
    if (was_live || is_live)
        counters_follow(ledger, claim, held_delta, confirmed_delta);
    if (was_live && !is_live) {
        reservation->live_count--;
        claim_unlink_position(ledger, slot);
        extra_drop_if_idle(ledger, &ledger->positions[claim->position]);
    }
    if (claim->is_deferred)
        deferral_follow(ledger, slot, held_delta + confirmed_delta);
    if (is_held != was_held)
        reservation->held_count = (uint16_t)(reservation->held_count + (is_held ? 1 : -1));
    expiry_follow(ledger, claim->reservation);
}

/* ---- Applying --------------------------------------------------------------------------------- */

static void reservation_forget(struct oh_ledger *ledger, uint32_t slot);

/* The name of a new reservation: the number alone where that says it all. False: no memory. */
static bool name_make(struct oh_ledger *ledger, const struct oh_effect_reservation *effect, uint64_t number,
                      struct reservation *made)
{
    const struct oh_bytes strings[RESERVATION_TEXTS] = { effect->id, effect->customer, effect->order };
    bool has_party = effect->customer.size + effect->order.size > 0;
    if (number != 0 && !has_party) {
        made->is_numbered = 1;
        made->number = number;
        return true;
    }
    made->text = oh_text_put_strings(&ledger->text, strings, RESERVATION_TEXTS);
    made->parties = has_party ? oh_text_allocate(&ledger->text, sizeof(struct parties)) : 0;
    if (made->text == 0 || (has_party && made->parties == 0))
        return false;
    if (has_party)
        memset(oh_text_at(&ledger->text, made->parties), 0, sizeof(struct parties));
    return true;
}

enum oh_err apply_reservation(struct oh_ledger *ledger, const struct oh_effect_reservation *effect, struct hint hint)
{
    struct id_key key = hint.is_sought ? hint.key : id_key(effect->id);
    uint32_t old = hint.is_sought ? hint.reservation : reservation_stored(ledger, effect->id, key);
    if (old != NO_SLOT) {
        if (ledger->is_restored_unlinked ||
            !reservation_is_forgotten(ledger, &ledger->reservations[old], ledger->time_us))
            return OH_E_CORRUPT;
        ended_strike(ledger, old);
        reservation_forget(ledger, old);
        reservations_forget(ledger, 1); /* the ring has room for as many as there may be, not for those struck out */
    }
    if (!pool_has_room(&ledger->reservation_pool, 1))
        return OH_E_NOMEM;
    struct reservation made = {
        .created_at_us = effect->created_at_us,
        .expires_at_us = effect->expires_at_us,
        .channel = effect->channel,
        .kind = effect->kind & 7,
    };
    if (!name_make(ledger, effect, key.number, &made))
        return OH_E_NOMEM;
    uint32_t slot = pool_take(&ledger->reservation_pool);
    snapshot_skip(ledger, SNAP_RESERVATION, slot);
    ledger->reservations[slot] = made;
    oh_index_insert(&ledger->reservation_index, key.hash, slot);
    if (reservation_has_parties(&made)) {
        party_link(ledger, slot, RESERVATION_TEXT_CUSTOMER);
        party_link(ledger, slot, RESERVATION_TEXT_ORDER);
    }
    ledger->newest_reservation = slot;
    ledger->newest_lines_rise = true;
    if (effect->ended_at_us != OH_TIME_US_NONE)
        ended_set(ledger, slot, effect->ended_at_us);
    return OH_OK;
}

static uint32_t claim_add(struct oh_ledger *ledger, uint32_t reservation_slot, const struct oh_effect_claim *effect,
                          uint32_t position)
{
    struct reservation *reservation = &ledger->reservations[reservation_slot];
    uint32_t slot = pool_take(&ledger->claim_pool);
    ledger->claims[slot] = (struct claim){
        .reservation = reservation_slot,
        .item = effect->item,
        .position = position,
        .line = effect->line,
        .node = effect->node,
    };
    if (reservation->claims_tail != 0) {
        struct claim *tail = &ledger->claims[reservation->claims_tail - 1];
        ledger->claims[slot].next = tail->next;
        tail->next = link_of(slot);
        if (reservation_slot == ledger->newest_reservation && tail->line > effect->line)
            ledger->newest_lines_rise = false;
    } else {
        ledger->claims[slot].next = link_of(slot);
    }
    reservation->claims_tail = link_of(slot) & CLAIM_LINK_MAX;
    reservation->claim_count++;
    if (effect->node != OH_NODE_NONE)
        claim_link_node(ledger, slot);
    return slot;
}

/* A claim on what the line has at the node already is added to it. */
enum oh_err apply_claim(struct oh_ledger *ledger, const struct oh_effect_claim *effect, struct hint hint)
{
    uint32_t reservation = hint.reservation;
    if (reservation == NEWEST_RESERVATION)
        reservation = ledger->newest_reservation;
    else if (reservation == NO_SLOT)
        reservation = reservation_find_newest_first(ledger, effect->id);
    OH_ASSERT(effect->quantity_milli > 0 && effect->held_milli >= 0 && effect->confirmed_milli >= 0);
    if (reservation == NO_SLOT)
        return OH_E_CORRUPT;
    uint32_t slot = line_is_above_all(ledger, reservation, effect->line)
                        ? NO_SLOT
                        : claim_find(ledger, reservation, effect->line, effect->item, effect->node);
    if (slot == NO_SLOT) {
        uint32_t position = NO_SLOT;
        if (effect->node != OH_NODE_NONE) {
            position = position_hinted(ledger, effect->item, effect->node, hint);
            if (position == NO_SLOT)
                return OH_E_NOMEM;
        }
        if (!pool_has_room(&ledger->claim_pool, 1) || ledger->reservations[reservation].claim_count == UINT16_MAX)
            return OH_E_NOMEM;
        snapshot_touch(ledger, SNAP_RESERVATION, reservation);
        slot = claim_add(ledger, reservation, effect, position);
    } else {
        snapshot_touch(ledger, SNAP_RESERVATION, reservation);
    }
    struct claim *claim = &ledger->claims[slot];
    int64_t live_milli = effect->held_milli + effect->confirmed_milli;
    bool has_ended = ledger->reservations[reservation].has_ended;
    if ((claim->position == NO_SLOT && live_milli + effect->fulfilled_milli > 0) || (has_ended && live_milli > 0))
        return OH_E_CORRUPT;
    bool has_bookings = reservation_has_parties(&ledger->reservations[reservation]);
    int64_t before_milli = has_bookings ? claim_left_milli(ledger, claim, false) : 0;
    struct parts parts = claim_parts(ledger, claim);
    parts.quantity_milli += effect->quantity_milli;
    parts.held_milli += effect->held_milli;
    parts.confirmed_milli += effect->confirmed_milli;
    parts.fulfilled_milli += effect->fulfilled_milli;
    parts.expired_milli += effect->expired_milli;
    if (claim->position == NO_SLOT) {
        claim_parts_set(ledger, claim, &parts);
        return OH_OK;
    }
    bool is_deferred = effect->due_at_us > 0 && live_milli > 0 && !claim->is_deferred;
    claim_change(ledger, slot, &parts);
    if (is_deferred && !deferral_add(ledger, slot, effect->due_at_us))
        return OH_E_NOMEM;
    if (has_bookings)
        bookings_follow(ledger, reservation, effect->node, before_milli, claim_left_milli(ledger, claim, false));
    return OH_OK;
}

static enum oh_err claim_step(struct oh_ledger *ledger, uint32_t slot, const struct oh_effect_step *effect)
{
    struct claim *claim = &ledger->claims[slot];
    int64_t quantity = effect->quantity_milli;
    bool takes_held = effect->is_held || effect->step == OH_STEP_CONFIRM || effect->step == OH_STEP_EXPIRE;
    OH_ASSERT(quantity > 0);
    struct parts parts = claim_parts(ledger, claim);
    if (quantity > (takes_held ? parts.held_milli : parts.confirmed_milli))
        return OH_E_CORRUPT;
    if (effect->step == OH_STEP_FULFIL && takes_held) /* only what is confirmed can leave */
        return OH_E_CORRUPT;
    parts.held_milli -= takes_held ? quantity : 0;
    parts.confirmed_milli -= takes_held ? 0 : quantity;
    if (effect->step == OH_STEP_CONFIRM)
        parts.confirmed_milli += quantity;
    if (effect->step == OH_STEP_MOVE)
        parts.quantity_milli -= quantity; /* it is claimed elsewhere now */
    if (effect->step == OH_STEP_EXPIRE)
        parts.expired_milli += quantity;
    if (effect->step == OH_STEP_FULFIL)
        parts.fulfilled_milli += quantity;
    claim_change(ledger, slot, &parts);
    if (effect->step != OH_STEP_FULFIL)
        return OH_OK;
    uint16_t channel = ledger->reservations[claim->reservation].channel;
    fence_consume(ledger, claim->position, channel, quantity);
    return stock_move(ledger, claim->item, claim->node, claim->position, OH_STATE_SELLABLE, -quantity,
                      effect->at_us, effect->is_counted);
}

/* A claim that was moved away whole is no more. Cost: O(claims of the reservation). */
static void claim_drop_if_moved(struct oh_ledger *ledger, uint32_t reservation_slot, uint32_t slot)
{
    struct reservation *reservation = &ledger->reservations[reservation_slot];
    struct claim *claim = &ledger->claims[slot];
    if (claim->part == PART_SEVERAL || claim->amount > 0)
        return;
    uint32_t previous = reservation->claims_tail;
    while (ledger->claims[previous - 1].next != link_of(slot))
        previous = ledger->claims[previous - 1].next;
    ledger->claims[previous - 1].next = claim->next;
    if (previous == link_of(slot)) /* it was the only one */
        previous = 0;
    if (reservation->claims_tail == link_of(slot))
        reservation->claims_tail = previous & CLAIM_LINK_MAX;
    reservation->claim_count--;
    claim_unlink_node(ledger, slot);
    pool_give(&ledger->claim_pool, slot);
}

enum oh_err apply_step(struct oh_ledger *ledger, const struct oh_effect_step *effect, struct hint hint)
{
    uint32_t reservation = hint.reservation;
    uint32_t slot = hint.claim;
    if (reservation == NO_SLOT)
        reservation = reservation_find_stored(ledger, effect->id);
    if (reservation == NO_SLOT)
        return OH_E_CORRUPT;
    if (slot == NO_SLOT)
        slot = claim_find(ledger, reservation, effect->line, effect->item, effect->node);
    if (slot == NO_SLOT || ledger->claims[slot].position == NO_SLOT)
        return OH_E_CORRUPT;
    snapshot_touch(ledger, SNAP_RESERVATION, reservation);
    const struct claim *claim = &ledger->claims[slot];
    bool has_bookings = reservation_has_parties(&ledger->reservations[reservation]);
    int64_t before_milli = has_bookings ? claim_left_milli(ledger, claim, false) : 0;
    enum oh_err err = claim_step(ledger, slot, effect);
    if (has_bookings)
        bookings_follow(ledger, reservation, effect->node, before_milli, claim_left_milli(ledger, claim, false));
    /* A move gives its claim up here and takes it elsewhere in the next effect: the reservation does not end. */
    if (err == OH_OK && effect->step == OH_STEP_MOVE)
        claim_drop_if_moved(ledger, reservation, slot);
    else if (err == OH_OK)
        ended_follow(ledger, reservation);
    return err;
}

enum oh_err apply_extend(struct oh_ledger *ledger, const struct oh_effect_extend *effect)
{
    uint32_t slot = reservation_find_stored(ledger, effect->id);
    if (slot == NO_SLOT)
        return OH_E_CORRUPT;
    snapshot_touch(ledger, SNAP_RESERVATION, slot);
    expiry_remove(ledger, slot);
    ledger->reservations[slot].expires_at_us = effect->expires_at_us;
    ledger->claims_version++;
    expiry_follow(ledger, slot);
    return OH_OK;
}

/* ---- Forgetting ------------------------------------------------------------------------------- */

static void reservation_forget(struct oh_ledger *ledger, uint32_t slot)
{
    struct reservation *reservation = &ledger->reservations[slot];
    OH_ASSERT(reservation->has_ended);
    snapshot_touch(ledger, SNAP_RESERVATION, slot);
    uint32_t link = claims_first(ledger, reservation);
    while (link != 0) {
        struct claim *claim = &ledger->claims[link - 1];
        uint32_t next = claims_after(ledger, reservation, link);
        if (claim->node != OH_NODE_NONE)
            claim_unlink_node(ledger, link - 1);
        if (claim->part == PART_SEVERAL)
            pool_give(&ledger->parts_pool, (uint32_t)claim->amount);
        pool_give(&ledger->claim_pool, link - 1);
        link = next;
    }
    bookings_drop(ledger, slot);
    party_unlink(ledger, slot, RESERVATION_TEXT_CUSTOMER);
    party_unlink(ledger, slot, RESERVATION_TEXT_ORDER);
    char made_id[ID_MADE_SIZE_MAX];
    struct oh_bytes id = reservation_id(ledger, reservation, made_id);
    oh_index_remove(&ledger->reservation_index, id_key(id).hash, slot);
    if (!reservation->is_numbered) {
        oh_text_free_strings(&ledger->text, reservation->text, RESERVATION_TEXTS);
        oh_text_free(&ledger->text, reservation->parties, sizeof(struct parties));
    }
    pool_give(&ledger->reservation_pool, slot);
}

bool reservations_are_forgotten(const struct oh_ledger *ledger)
{
    if (ledger->ended_first == ledger->ended_next)
        return false;
    uint32_t slot = ledger->ended[ring_slot(ledger->ended_first, ledger->options.reservations_max)];
    return slot == NO_SLOT || reservation_is_forgotten(ledger, &ledger->reservations[slot], ledger->time_us);
}

/* Oldest first. An entry that was struck out, because its id came back, is passed over. */
void reservations_forget(struct oh_ledger *ledger, uint32_t count)
{
    for (uint32_t i = 0; i < count && reservations_are_forgotten(ledger); i++) {
        uint32_t slot = ledger->ended[ring_slot(ledger->ended_first, ledger->options.reservations_max)];
        ledger->ended_first++;
        if (slot != NO_SLOT)
            reservation_forget(ledger, slot);
    }
}

static int64_t ended_at(const struct oh_ledger *ledger, uint64_t place)
{
    return ledger->reservations[ledger->ended[place]].ended_at_us;
}

static void ended_sift_down(struct oh_ledger *ledger, uint64_t at, uint64_t count)
{
    for (;;) {
        uint64_t child = at * 2 + 1;
        if (child >= count)
            return;
        if (child + 1 < count && ended_at(ledger, child + 1) > ended_at(ledger, child))
            child++;
        if (ended_at(ledger, child) <= ended_at(ledger, at))
            return;
        uint32_t slot = ledger->ended[at];
        ledger->ended[at] = ledger->ended[child];
        ledger->ended[child] = slot;
        at = child;
    }
}

/* After a restore: the ended ones in the order they ended (a heap sort; the ring starts at 0). */
void reservations_relink(struct oh_ledger *ledger)
{
    uint64_t count = ledger->ended_next;
    for (uint64_t at = count / 2; at > 0; at--)
        ended_sift_down(ledger, at - 1, count);
    for (uint64_t end = count; end > 1; end--) {
        uint32_t slot = ledger->ended[0];
        ledger->ended[0] = ledger->ended[end - 1];
        ledger->ended[end - 1] = slot;
        ended_sift_down(ledger, 0, end - 1);
    }
}

/* ---- Public questions ------------------------------------------------------------------------- */

enum oh_status reservation_status(const struct oh_ledger *ledger, const struct reservation *reservation,
                                  int64_t now_us)
{
    bool is_due = reservation_is_due(reservation, now_us);
    bool confirmed = false;
    bool fulfilled = false;
    bool expired = false;
    for (uint32_t link = claims_first(ledger, reservation); link != 0; link = claims_after(ledger, reservation, link)) {
        struct parts parts = claim_parts(ledger, &ledger->claims[link - 1]);
        if (parts.held_milli > 0 && !is_due)
            return OH_STATUS_HELD;
        confirmed = confirmed || parts.confirmed_milli > 0;
        fulfilled = fulfilled || parts.fulfilled_milli > 0;
        expired = expired || parts.held_milli > 0 || parts.expired_milli > 0;
    }
    if (confirmed)
        return OH_STATUS_CONFIRMED;
    if (fulfilled)
        return OH_STATUS_FULFILLED;
    return expired ? OH_STATUS_EXPIRED : OH_STATUS_RELEASED;
}

bool oh_reservation_find(const struct oh_ledger *ledger, struct oh_bytes id, struct oh_reservation_id *out)
{
    uint32_t slot = reservation_find(ledger, id);
    if (slot != NO_SLOT)
        out->index = slot;
    return slot != NO_SLOT;
}

void oh_reservation_get(const struct oh_ledger *ledger, struct oh_reservation_id id, int64_t now_us,
                        struct oh_reservation_view *out_view)
{
    const struct reservation *reservation = &ledger->reservations[id.index];
    OH_ASSERT(reservation->name != 0);
    const struct parties *parties = parties_of(ledger, reservation);
    *out_view = (struct oh_reservation_view){
        .customer = reservation_party(ledger, reservation, RESERVATION_TEXT_CUSTOMER),
        .order = reservation_party(ledger, reservation, RESERVATION_TEXT_ORDER),
        .channel = { reservation->channel },
        .kind = (enum oh_kind)reservation->kind,
        .status = reservation_status(ledger, reservation, oh_max_i64(now_us, ledger->time_us)),
        .created_at_us = reservation->created_at_us,
        .expires_at_us = reservation->expires_at_us,
        .claim_count = reservation->claim_count,
    };
    out_view->id = reservation_id(ledger, reservation, out_view->made_id);
    if (parties != NULL && parties->promise != 0)
        out_view->promise = (struct oh_bytes){ oh_text_at(&ledger->text, parties->promise), parties->promise_size };
}

static enum oh_status claim_status(const struct oh_claim_view *view)
{
    if (view->held_milli > 0)
        return OH_STATUS_HELD;
    if (view->confirmed_milli > 0)
        return OH_STATUS_CONFIRMED;
    if (view->fulfilled_milli > 0)
        return OH_STATUS_FULFILLED;
    return view->expired_milli > 0 ? OH_STATUS_EXPIRED : OH_STATUS_RELEASED;
}

static void claim_view(const struct oh_ledger *ledger, uint32_t slot, bool is_due, struct oh_claim_view *view)
{
    const struct claim *claim = &ledger->claims[slot];
    struct parts parts = claim_parts(ledger, claim);
    int64_t held = is_due ? 0 : parts.held_milli;
    int64_t expired = parts.expired_milli + (is_due ? parts.held_milli : 0);
    *view = (struct oh_claim_view){
        .line = claim->line,
        .item = { claim->item },
        .node = { claim->node },
        .quantity_milli = parts.quantity_milli,
        .held_milli = held,
        .confirmed_milli = parts.confirmed_milli,
        .fulfilled_milli = parts.fulfilled_milli,
        .released_milli = parts.quantity_milli - held - parts.confirmed_milli - parts.fulfilled_milli - expired,
        .expired_milli = expired,
        .due_at_us = held + parts.confirmed_milli > 0 ? deferral_due_at(ledger, slot) : OH_TIME_US_NONE,
    };
    view->status = claim_status(view);
}

uint32_t oh_reservation_claims(const struct oh_ledger *ledger, struct oh_reservation_id id, int64_t now_us,
                               uint32_t first, uint32_t claims_max, struct oh_claim_view *out_claims)
{
    const struct reservation *reservation = &ledger->reservations[id.index];
    bool is_due = reservation_is_due(reservation, oh_max_i64(now_us, ledger->time_us));
    uint32_t at = 0;
    uint32_t count = 0;
    for (uint32_t link = claims_first(ledger, reservation); link != 0 && count < claims_max;) {
        uint32_t slot = link - 1;
        link = claims_after(ledger, reservation, link);
        if (at++ >= first)
            claim_view(ledger, slot, is_due, &out_claims[count++]);
    }
    return count;
}

/* ---- Lists ------------------------------------------------------------------------------------ */

#define LIST_LOOKS_MAX 65536u

static bool filter_matches(const struct oh_ledger *ledger, const struct oh_reservation_filter *filter, uint32_t slot,
                           int64_t now_us)
{
    const struct reservation *reservation = &ledger->reservations[slot];
    if (reservation->name == 0 || reservation_is_forgotten(ledger, reservation, ledger->time_us))
        return false;
    if (filter->customer.size > 0 &&
        !oh_bytes_equal(filter->customer, reservation_party(ledger, reservation, RESERVATION_TEXT_CUSTOMER)))
        return false;
    if (filter->order.size > 0 &&
        !oh_bytes_equal(filter->order, reservation_party(ledger, reservation, RESERVATION_TEXT_ORDER)))
        return false;
    if (filter->status_is_set && reservation_status(ledger, reservation, now_us) != filter->status)
        return false;
    if (!filter->node_is_set)
        return true;
    for (uint32_t link = claims_first(ledger, reservation); link != 0; link = claims_after(ledger, reservation, link)) {
        if (ledger->claims[link - 1].node == filter->node.index)
            return true;
    }
    return false;
}

/* Whether the claim is its reservation's first at its node: so that a reservation is listed once. */
static bool claim_is_first_at_node(const struct oh_ledger *ledger, uint32_t slot)
{
    const struct claim *claim = &ledger->claims[slot];
    const struct reservation *reservation = &ledger->reservations[claim->reservation];
    uint32_t link = claims_first(ledger, reservation);
    while (link != 0 && ledger->claims[link - 1].node != claim->node)
        link = claims_after(ledger, reservation, link);
    return link == link_of(slot);
}

/* What to look at: the links of a party, those of a node's claims, or every slot. */
enum list_walk { WALK_CUSTOMER, WALK_ORDER, WALK_NODE, WALK_ALL };

static enum list_walk filter_walk(const struct oh_reservation_filter *filter)
{
    if (filter->order.size > 0)
        return WALK_ORDER;
    if (filter->customer.size > 0)
        return WALK_CUSTOMER;
    return filter->node_is_set ? WALK_NODE : WALK_ALL;
}

/* Cursors are links, in the space of what is walked; 0 is the end. */
static uint64_t walk_first(const struct oh_ledger *ledger, const struct oh_reservation_filter *filter,
                           enum list_walk walk)
{
    if (walk == WALK_NODE)
        return ledger->nodes[filter->node.index].claims_head;
    if (walk == WALK_ALL)
        return ledger->reservation_pool.slot_count == 0 ? 0 : 1;
    uint32_t text = walk == WALK_ORDER ? RESERVATION_TEXT_ORDER : RESERVATION_TEXT_CUSTOMER;
    uint32_t slot = party_find(ledger, text, walk == WALK_ORDER ? filter->order : filter->customer);
    return slot == NO_SLOT ? 0 : link_of(slot);
}

/* The reservation a cursor stands on; NO_SLOT: none to be listed here. A cursor from outside may be anything. */
static uint32_t walk_at(const struct oh_ledger *ledger, enum list_walk walk, uint64_t cursor)
{
    if (walk != WALK_NODE)
        return cursor <= ledger->reservation_pool.slot_count ? (uint32_t)cursor - 1 : NO_SLOT;
    if (cursor > ledger->claim_pool.slot_count)
        return NO_SLOT;
    uint32_t reservation = ledger->claims[cursor - 1].reservation;
    bool exists = ledger->reservations[reservation].name != 0 && ledger->claims[cursor - 1].node != OH_NODE_NONE;
    return exists && claim_is_first_at_node(ledger, (uint32_t)cursor - 1) ? reservation : NO_SLOT;
}

static uint64_t walk_next(const struct oh_ledger *ledger, enum list_walk walk, uint64_t cursor)
{
    if (walk == WALK_NODE)
        return cursor <= ledger->claim_pool.slot_count ? ledger->claims[cursor - 1].node_next : 0;
    if (cursor >= ledger->reservation_pool.slot_count && walk == WALK_ALL)
        return 0;
    if (walk == WALK_ALL)
        return cursor + 1;
    if (cursor > ledger->reservation_pool.slot_count)
        return 0;
    if (parties_of(ledger, &ledger->reservations[cursor - 1]) == NULL)
        return 0;
    uint32_t text = walk == WALK_ORDER ? RESERVATION_TEXT_ORDER : RESERVATION_TEXT_CUSTOMER;
    return *party_next(ledger, (uint32_t)cursor - 1, text);
}

uint32_t oh_reservation_list(const struct oh_ledger *ledger, const struct oh_reservation_filter *filter,
                             int64_t now_us, uint32_t max, uint64_t *cursor, struct oh_reservation_id *out)
{
    OH_ASSERT(max >= 1 && max <= OH_LIST_MAX);
    int64_t now = oh_max_i64(now_us, ledger->time_us);
    enum list_walk walk = filter_walk(filter);
    uint64_t at = *cursor != 0 ? *cursor : walk_first(ledger, filter, walk);
    uint32_t count = 0;
    for (uint32_t looks = 0; at != 0 && looks < LIST_LOOKS_MAX && count < max; looks++) {
        uint32_t slot = walk_at(ledger, walk, at);
        if (slot != NO_SLOT && filter_matches(ledger, filter, slot, now))
            out[count++].index = slot;
        at = walk_next(ledger, walk, at);
    }
    *cursor = at;
    return count;
}
