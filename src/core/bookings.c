/*
 * bookings.c - capacity: how much of a resource is taken in which window, by
 * which reservation (docs/spec/promise.md, CA1 to CA6).
 *
 * A bucket is one window of one resource; it exists while something is booked in it. How much there may be is not
 * kept: who books says the limit, and it is judged then.
 */
#include "core/state.h"

static uint32_t bucket_hash(struct oh_bytes resource, int64_t from_us)
{
    return (uint32_t)(name_hash(resource) ^ ((uint64_t)from_us / 1000000u * UINT64_C(0x9e3779b97f4a7c15) >> 32));
}

static uint32_t bucket_find(const struct oh_ledger *ledger, struct oh_bytes resource, int64_t from_us)
{
    struct oh_index_cursor cursor;
    uint32_t slot;
    oh_index_first(&ledger->bucket_index, bucket_hash(resource, from_us), &cursor);
    while (oh_index_next(&ledger->bucket_index, &cursor, &slot)) {
        const struct bucket *bucket = &ledger->buckets[slot];
        if (bucket->from_us == from_us && oh_bytes_equal(ledger_string(ledger, bucket->text, 0), resource))
            return slot;
    }
    return NO_SLOT;
}

/* ---- What claims leave of a booking (CA4) ----------------------------------------------------- */

/* A line has one claim at a node. */
static int64_t claim_counts(enum oh_unit unit, int64_t left_milli)
{
    return unit == OH_UNIT_UNITS || left_milli == 0 ? left_milli : 1000;
}

static int64_t booking_claimed_milli(const struct oh_ledger *ledger, const struct booking *booking, bool is_due)
{
    const struct reservation *reservation = &ledger->reservations[booking->reservation];
    int64_t sum = 0;
    for (uint32_t link = claims_first(ledger, reservation); link != 0; link = claims_after(ledger, reservation, link)) {
        const struct claim *claim = &ledger->claims[link - 1];
        if (claim->node == booking->node)
            sum += claim_counts((enum oh_unit)booking->unit, claim_left_milli(ledger, claim, is_due));
    }
    return sum;
}

static int64_t booking_left_of(const struct booking *booking, int64_t claimed_milli)
{
    bool is_whole = booking->unit == OH_UNIT_ORDERS || booking->unit == OH_UNIT_PARCELS;
    return is_whole && claimed_milli > 0 ? booking->quantity_milli
                                         : oh_min_i64(claimed_milli, booking->quantity_milli);
}

int64_t booking_left_milli(const struct oh_ledger *ledger, const struct booking *booking, bool is_due)
{
    return booking_left_of(booking, booking_claimed_milli(ledger, booking, is_due));
}

/* ---- Buckets and their bookings --------------------------------------------------------------- */

static void bucket_link(struct oh_ledger *ledger, uint32_t slot)
{
    struct booking *booking = &ledger->bookings[slot];
    struct bucket *bucket = &ledger->buckets[booking->bucket];
    booking->bucket_next = bucket->bookings_head;
    booking->bucket_previous = 0;
    if (bucket->bookings_head != 0)
        ledger->bookings[bucket->bookings_head - 1].bucket_previous = link_of(slot);
    bucket->bookings_head = link_of(slot);
    bucket->booked_milli += booking->live_milli;
}

/* The last booking takes its bucket with it. */
static void bucket_unlink(struct oh_ledger *ledger, uint32_t slot)
{
    struct booking *booking = &ledger->bookings[slot];
    struct bucket *bucket = &ledger->buckets[booking->bucket];
    bucket->booked_milli -= booking->live_milli;
    if (booking->bucket_next != 0)
        ledger->bookings[booking->bucket_next - 1].bucket_previous = booking->bucket_previous;
    if (booking->bucket_previous != 0)
        ledger->bookings[booking->bucket_previous - 1].bucket_next = booking->bucket_next;
    else
        bucket->bookings_head = booking->bucket_next;
    if (bucket->bookings_head != 0)
        return;
    struct oh_bytes resource = ledger_string(ledger, bucket->text, 0);
    oh_index_remove(&ledger->bucket_index, bucket_hash(resource, bucket->from_us), booking->bucket);
    oh_text_free_strings(&ledger->text, bucket->text, 1);
    pool_give(&ledger->bucket_pool, booking->bucket);
}

static uint32_t bucket_obtain(struct oh_ledger *ledger, const struct oh_effect_booking *effect)
{
    uint32_t slot = bucket_find(ledger, effect->resource, effect->from_us);
    if (slot != NO_SLOT)
        return slot;
    if (!pool_has_room(&ledger->bucket_pool, 1))
        return NO_SLOT;
    uint32_t text = oh_text_put_strings(&ledger->text, &effect->resource, 1);
    if (text == 0)
        return NO_SLOT;
    slot = pool_take(&ledger->bucket_pool);
    ledger->buckets[slot] =
        (struct bucket){ .from_us = effect->from_us, .until_us = effect->until_us, .text = text };
    oh_index_insert(&ledger->bucket_index, bucket_hash(effect->resource, effect->from_us), slot);
    return slot;
}

/* The reservation's booking of that window for its claims at the node; 0: it has none. */
static uint32_t booking_find(const struct oh_ledger *ledger, const struct parties *parties,
                             const struct oh_effect_booking *effect, uint32_t *out_previous)
{
    uint32_t bucket = parties == NULL ? NO_SLOT : bucket_find(ledger, effect->resource, effect->from_us);
    uint32_t link = bucket == NO_SLOT ? 0 : parties->bookings_head;
    *out_previous = 0;
    for (; link != 0; link = ledger->bookings[link - 1].next) {
        if (ledger->bookings[link - 1].bucket == bucket && ledger->bookings[link - 1].node == effect->node)
            return link;
        *out_previous = link;
    }
    return 0;
}

/* Takes a booking out of its reservation, behind `previous` (a link; 0: it is the first). */
static void booking_remove(struct oh_ledger *ledger, struct parties *parties, uint32_t previous, uint32_t slot)
{
    *(previous == 0 ? &parties->bookings_head : &ledger->bookings[previous - 1].next) = ledger->bookings[slot].next;
    if (parties->bookings_tail == link_of(slot))
        parties->bookings_tail = previous;
    bucket_unlink(ledger, slot);
    pool_give(&ledger->booking_pool, slot);
}

static void booking_live_set(struct oh_ledger *ledger, struct booking *booking)
{
    int64_t left = booking_left_of(booking, booking->claimed_milli);
    ledger->buckets[booking->bucket].booked_milli += left - booking->live_milli;
    booking->live_milli = left;
}

static enum oh_err booking_add(struct oh_ledger *ledger, uint32_t reservation,
                               const struct oh_effect_booking *effect)
{
    struct parties *parties = parties_obtain(ledger, reservation);
    uint32_t bucket = parties == NULL ? NO_SLOT : bucket_obtain(ledger, effect);
    if (bucket == NO_SLOT || !pool_has_room(&ledger->booking_pool, 1))
        return OH_E_NOMEM;
    uint32_t slot = pool_take(&ledger->booking_pool);
    struct booking *booking = &ledger->bookings[slot];
    *booking = (struct booking){
        .quantity_milli = effect->quantity_milli,
        .reservation = reservation,
        .bucket = bucket,
        .node = effect->node,
        .unit = (uint8_t)effect->unit,
    };
    booking->claimed_milli = booking_claimed_milli(ledger, booking, false);
    booking->live_milli = booking_left_of(booking, booking->claimed_milli);
    bucket_link(ledger, slot);
    *(parties->bookings_tail == 0 ? &parties->bookings_head : &ledger->bookings[parties->bookings_tail - 1].next) =
        link_of(slot);
    parties->bookings_tail = link_of(slot);
    return OH_OK;
}

int64_t booking_milli(const struct oh_ledger *ledger, uint32_t reservation, const struct oh_reserve_booking *like)
{
    const struct oh_effect_booking key = { .resource = like->resource, .from_us = like->from_us, .node = like->node };
    uint32_t previous;
    uint32_t link = booking_find(ledger, parties_of(ledger, &ledger->reservations[reservation]), &key, &previous);
    return link == 0 ? 0 : ledger->bookings[link - 1].quantity_milli;
}

int64_t booking_until_us(const struct oh_ledger *ledger, const struct oh_reserve_booking *booking)
{
    uint32_t slot = bucket_find(ledger, booking->resource, booking->from_us);
    return slot == NO_SLOT ? booking->until_us : ledger->buckets[slot].until_us;
}

uint32_t bookings_count(const struct oh_ledger *ledger, uint32_t reservation)
{
    const struct parties *parties = parties_of(ledger, &ledger->reservations[reservation]);
    uint32_t count = 0;
    for (uint32_t link = parties == NULL ? 0 : parties->bookings_head; link != 0; count++)
        link = ledger->bookings[link - 1].next;
    return count;
}

void bookings_take(struct oh_ledger *ledger, uint32_t reservation, struct oh_bytes id,
                   const struct oh_reserve_booking *bookings, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct oh_reserve_booking *booking = &bookings[i];
        int64_t before = booking_milli(ledger, reservation, booking);
        bool is_joined = booking->unit == OH_UNIT_ORDERS;
        effect_add(ledger, OH_EFFECT_BOOKING, NO_HINT)->booking = (struct oh_effect_booking){
            id, booking->node, booking->resource, booking->unit, booking->from_us,
            booking_until_us(ledger, booking),
            is_joined ? oh_max_i64(before, booking->quantity_milli) : before + booking->quantity_milli,
        };
    }
    effects_apply(ledger);
}

enum oh_err apply_booking(struct oh_ledger *ledger, const struct oh_effect_booking *effect)
{
    uint32_t reservation = reservation_find_newest_first(ledger, effect->id);
    uint32_t previous;
    if (reservation == NO_SLOT)
        return OH_E_CORRUPT;
    snapshot_touch(ledger, SNAP_RESERVATION, reservation);
    struct parties *parties = parties_of(ledger, &ledger->reservations[reservation]);
    uint32_t link = booking_find(ledger, parties, effect, &previous);
    if (link == 0)
        return effect->quantity_milli == 0 ? OH_E_CORRUPT : booking_add(ledger, reservation, effect);
    struct booking *booking = &ledger->bookings[link - 1];
    booking->quantity_milli = effect->quantity_milli;
    if (effect->quantity_milli == 0)
        booking_remove(ledger, parties, previous, link - 1);
    else
        booking_live_set(ledger, booking);
    return OH_OK;
}

void bookings_follow_slow(struct oh_ledger *ledger, uint32_t reservation, uint16_t node, int64_t before_milli,
                          int64_t after_milli)
{
    const struct parties *parties = parties_of(ledger, &ledger->reservations[reservation]);
    OH_ASSERT(parties != NULL);
    for (uint32_t link = parties->bookings_head; link != 0; link = ledger->bookings[link - 1].next) {
        struct booking *booking = &ledger->bookings[link - 1];
        if (booking->node != node)
            continue;
        booking->claimed_milli += claim_counts((enum oh_unit)booking->unit, after_milli) -
                                  claim_counts((enum oh_unit)booking->unit, before_milli);
        booking_live_set(ledger, booking);
    }
}

void bookings_drop(struct oh_ledger *ledger, uint32_t reservation)
{
    struct parties *parties = parties_of(ledger, &ledger->reservations[reservation]);
    if (parties == NULL)
        return;
    uint32_t link = parties->bookings_head;
    while (link != 0) {
        uint32_t next = ledger->bookings[link - 1].next;
        bucket_unlink(ledger, link - 1);
        pool_give(&ledger->booking_pool, link - 1);
        link = next;
    }
    oh_text_free(&ledger->text, parties->promise, parties->promise_size);
    *parties = (struct parties){ .customer_next = parties->customer_next,
                                 .customer_previous = parties->customer_previous,
                                 .order_next = parties->order_next,
                                 .order_previous = parties->order_previous };
}

/* ---- Given back for good ---------------------------------------------------------------------- */

/* A hold that is due is given back, whether that is written or not (rule 6). */
static int64_t booking_counted(const struct oh_ledger *ledger, const struct booking *booking, bool is_due)
{
    return is_due ? booking_left_milli(ledger, booking, true) : booking->live_milli;
}

int64_t *bookings_note(struct oh_ledger *ledger, uint32_t reservation)
{
    const struct parties *parties = parties_of(ledger, &ledger->reservations[reservation]);
    uint32_t link = parties == NULL ? 0 : parties->bookings_head;
    if (link == 0)
        return NULL;
    bool is_due = reservation_is_due(&ledger->reservations[reservation], ledger->time_us);
    int64_t *lives = scratch_take(ledger, bookings_count(ledger, reservation) * sizeof(*lives));
    for (uint32_t i = 0; link != 0; link = ledger->bookings[link - 1].next)
        lives[i++] = booking_counted(ledger, &ledger->bookings[link - 1], is_due);
    return lives;
}

/* The window's name is copied: with its last booking it goes before the record is written. */
static void settle_effect(struct oh_ledger *ledger, const struct booking *booking, struct oh_bytes id,
                          int64_t quantity)
{
    const struct bucket *bucket = &ledger->buckets[booking->bucket];
    struct oh_bytes name = scratch_copy(ledger, ledger_string(ledger, bucket->text, 0));
    effect_add(ledger, OH_EFFECT_BOOKING, NO_HINT)->booking = (struct oh_effect_booking){
        id, booking->node, name, (enum oh_unit)booking->unit, bucket->from_us, bucket->until_us, quantity,
    };
}

void bookings_settle(struct oh_ledger *ledger, uint32_t reservation, struct oh_bytes id, const int64_t *lives)
{
    if (lives == NULL)
        return;
    bool is_due = reservation_is_due(&ledger->reservations[reservation], ledger->time_us);
    const struct parties *parties = parties_of(ledger, &ledger->reservations[reservation]);
    OH_ASSERT(parties != NULL);
    uint32_t link = parties->bookings_head;
    for (uint32_t i = 0; link != 0; i++) {
        const struct booking *booking = &ledger->bookings[link - 1];
        int64_t left = oh_min_i64(lives[i], booking_counted(ledger, booking, is_due));
        link = booking->next;
        if (left < booking->quantity_milli)
            settle_effect(ledger, booking, id, left);
    }
    effects_apply(ledger);
}

/* ---- Taken along (CA6) ------------------------------------------------------------------------ */

static uint16_t moved_to(const struct moved *moved, uint32_t count, uint16_t node)
{
    for (uint32_t i = 0; i < count; i++) {
        if (moved[i].node == node)
            return moved[i].to_node;
    }
    return OH_NODE_NONE;
}

/* A slot or an account's day, of which nothing is left where it was. */
static bool booking_comes_along(const struct oh_ledger *ledger, const struct booking *booking, bool is_due,
                                uint16_t to_node)
{
    return to_node != OH_NODE_NONE && booking->unit == OH_UNIT_PARCELS &&
           booking_counted(ledger, booking, is_due) == 0;
}

/* Before what was there is given back: what is in the window stays the same, so nothing is judged. */
void bookings_move(struct oh_ledger *ledger, uint32_t reservation, struct oh_bytes id, const int64_t *lives,
                   const struct moved *moved, uint32_t moved_count)
{
    bool is_due = reservation_is_due(&ledger->reservations[reservation], ledger->time_us);
    const struct parties *parties = parties_of(ledger, &ledger->reservations[reservation]);
    OH_ASSERT(parties != NULL);
    uint32_t link = parties->bookings_head;
    uint32_t count = bookings_count(ledger, reservation);
    struct oh_reserve_booking *along = scratch_take(ledger, count * sizeof(*along));
    uint32_t along_count = 0;
    for (uint32_t i = 0; link != 0; i++) {
        const struct booking *booking = &ledger->bookings[link - 1];
        const struct bucket *bucket = &ledger->buckets[booking->bucket];
        uint16_t to_node = moved_to(moved, moved_count, booking->node);
        if (booking_comes_along(ledger, booking, is_due, to_node))
            along[along_count++] = (struct oh_reserve_booking){
                scratch_copy(ledger, ledger_string(ledger, bucket->text, 0)), to_node, (enum oh_unit)booking->unit,
                bucket->from_us, bucket->until_us, lives[i], 0,
            };
        link = booking->next;
    }
    bookings_settle(ledger, reservation, id, lives);
    for (uint32_t i = 0; i < along_count; i++) /* one by one: two may come to the same node */
        bookings_take(ledger, reservation, id, &along[i], 1);
}

/* ---- Judging ---------------------------------------------------------------------------------- */

/* Reservations that are due or forgotten, and still have to be dealt with. */
static bool reservations_wait(const struct oh_ledger *ledger, int64_t now_us)
{
    return (ledger->heap_count > 0 && ledger->heap[0].at_us <= now_us) || reservations_are_forgotten(ledger);
}

/* What is booked, without what is held by reservations that are due, and without those that are forgotten. */
static int64_t bucket_booked(const struct oh_ledger *ledger, uint32_t slot, int64_t now_us)
{
    const struct bucket *bucket = &ledger->buckets[slot];
    int64_t booked = bucket->booked_milli;
    if (!reservations_wait(ledger, now_us))
        return booked;
    for (uint32_t link = bucket->bookings_head; link != 0; link = ledger->bookings[link - 1].bucket_next) {
        const struct booking *booking = &ledger->bookings[link - 1];
        const struct reservation *reservation = &ledger->reservations[booking->reservation];
        if (reservation_is_forgotten(ledger, reservation, ledger->time_us))
            booked -= booking->live_milli;
        else if (reservation_is_due(reservation, now_us))
            booked -= booking->live_milli - booking_left_milli(ledger, booking, true);
    }
    return booked;
}

int64_t oh_booked(const struct oh_ledger *ledger, struct oh_bytes resource, int64_t from_us, int64_t now_us)
{
    if (ledger->bucket_pool.live_count == 0)
        return 0;
    uint32_t slot = bucket_find(ledger, resource, from_us);
    return slot == NO_SLOT ? 0 : bucket_booked(ledger, slot, oh_max_i64(now_us, ledger->time_us));
}

static bool booking_is_sane(const struct oh_ledger *ledger, const struct oh_reserve_booking *booking)
{
    return booking->resource.size > 0 && text_is_valid(booking->resource, OH_RESOURCE_SIZE_MAX) &&
           booking->node < ledger->node_count && booking->from_us >= 0 && booking->until_us > booking->from_us &&
           booking->until_us <= OH_TIME_US_MAX && booking->quantity_milli > 0 &&
           booking->quantity_milli <= OH_TOTAL_MILLI_MAX && booking->limit_milli <= OH_TOTAL_MILLI_MAX;
}

static bool given_has(const struct given_back *given, uint16_t node)
{
    for (uint32_t i = 0; i < given->node_count; i++) {
        if (given->nodes[i] == node)
            return true;
    }
    return false;
}

/* What the reservation itself has in the window for claims that it gives up, and an order that it has there already. */
static int64_t given_back_milli(const struct oh_ledger *ledger, const struct given_back *given,
                                const struct oh_reserve_booking *wanted, int64_t now_us)
{
    const struct reservation *reservation = &ledger->reservations[given->reservation];
    const struct parties *parties = parties_of(ledger, reservation);
    uint32_t bucket = parties == NULL ? NO_SLOT : bucket_find(ledger, wanted->resource, wanted->from_us);
    bool is_due = reservation_is_due(reservation, now_us);
    int64_t sum = 0;
    for (uint32_t link = bucket == NO_SLOT ? 0 : parties->bookings_head; link != 0;) {
        const struct booking *booking = &ledger->bookings[link - 1];
        bool is_joined = wanted->unit == OH_UNIT_ORDERS && booking->node == wanted->node;
        if (booking->bucket == bucket && (is_joined || given_has(given, booking->node)))
            sum += booking_counted(ledger, booking, is_due);
        link = booking->next;
    }
    return sum;
}

int64_t booking_room_milli(const struct oh_ledger *ledger, const struct given_back *given,
                           const struct oh_reserve_booking *booking, int64_t now_us)
{
    int64_t own = given == NULL ? 0 : given_back_milli(ledger, given, booking, now_us);
    return oh_max_i64(booking->limit_milli, 0) + own - oh_booked(ledger, booking->resource, booking->from_us, now_us);
}

static bool bookings_meet(const struct oh_reserve_booking *a, const struct oh_reserve_booking *b)
{
    return a->from_us == b->from_us && oh_bytes_equal(a->resource, b->resource);
}

/* Several of one command may be in the same window, for different nodes: they are added up. */
enum oh_verdict bookings_judge(const struct oh_ledger *ledger, const struct oh_reserve_booking *bookings,
                               uint32_t count, int64_t now_us, const struct given_back *given,
                               uint32_t *out_fault_index)
{
    for (uint32_t i = 0; i < count; i++) {
        *out_fault_index = i;
        if (!booking_is_sane(ledger, &bookings[i]))
            return OH_V_INVALID_VALUE;
        int64_t sum = 0;
        for (uint32_t j = 0; j <= i; j++) {
            bool meet = bookings_meet(&bookings[j], &bookings[i]);
            if (meet && j < i && bookings[j].node == bookings[i].node)
                return OH_V_INVALID_VALUE;
            sum += meet ? bookings[j].quantity_milli : 0; /* at most OH_BOOKINGS_MAX times 2^53 */
        }
        if (sum > booking_room_milli(ledger, given, &bookings[i], now_us))
            return OH_V_NO_CAPACITY;
    }
    return OH_OK_DONE;
}

bool bucket_agrees(const struct oh_ledger *ledger, uint32_t slot)
{
    const struct bucket *bucket = &ledger->buckets[slot];
    int64_t sum = 0;
    if (bucket->text == 0)
        return true;
    for (uint32_t link = bucket->bookings_head; link != 0; link = ledger->bookings[link - 1].bucket_next) {
        const struct booking *booking = &ledger->bookings[link - 1];
        if (booking->bucket != slot || booking->live_milli != booking_left_milli(ledger, booking, false))
            return false;
        sum += booking->live_milli;
    }
    return sum == bucket->booked_milli;
}

/* ---- What was promised ------------------------------------------------------------------------ */

enum oh_err apply_promise(struct oh_ledger *ledger, const struct oh_effect_promise *effect)
{
    uint32_t reservation = reservation_find_newest_first(ledger, effect->id);
    if (reservation == NO_SLOT)
        return OH_E_CORRUPT;
    snapshot_touch(ledger, SNAP_RESERVATION, reservation);
    struct parties *parties = parties_obtain(ledger, reservation);
    uint32_t text = parties == NULL ? 0 : oh_text_allocate(&ledger->text, effect->body.size);
    if (text == 0)
        return OH_E_NOMEM;
    memcpy(oh_text_at(&ledger->text, text), effect->body.data, effect->body.size);
    oh_text_free(&ledger->text, parties->promise, parties->promise_size);
    parties->promise = text;
    parties->promise_size = (uint32_t)effect->body.size;
    return OH_OK;
}

uint32_t oh_reservation_bookings(const struct oh_ledger *ledger, struct oh_reservation_id id, int64_t now_us,
                                 uint32_t bookings_max, struct oh_booking_view *out_bookings)
{
    const struct reservation *reservation = &ledger->reservations[id.index];
    const struct parties *parties = parties_of(ledger, reservation);
    bool is_due = reservation_is_due(reservation, oh_max_i64(now_us, ledger->time_us));
    uint32_t count = 0;
    uint32_t link = parties == NULL ? 0 : parties->bookings_head;
    for (; link != 0 && count < bookings_max; link = ledger->bookings[link - 1].next) {
        const struct booking *booking = &ledger->bookings[link - 1];
        const struct bucket *bucket = &ledger->buckets[booking->bucket];
        int64_t left = booking_counted(ledger, booking, is_due);
        if (left == 0)
            continue;
        out_bookings[count++] = (struct oh_booking_view){ ledger_string(ledger, bucket->text, 0),
                                                          { booking->node },
                                                          (enum oh_unit)booking->unit,
                                                          bucket->from_us,
                                                          bucket->until_us,
                                                          left };
    }
    return count;
}
