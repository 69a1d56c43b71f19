#include "storage/pg_fold_internal.h"
#include "base/assert.h"
#include <stdlib.h>

#define ROWS_OF_AN_EFFECT_MAX 8u

/* ---- Life -------------------------------------------------------------------------------------- */

enum oh_err oh_pg_fold_create(struct oh_pg_fold **out_fold)
{
    struct oh_pg_fold *fold = calloc(1, sizeof(*fold));
    if (fold == NULL)
        return OH_E_NOMEM;
    oh_effect_names_init(&fold->names);
    bool is_complete = fold_rows_init(fold);
    is_complete = oh_pg_sets_init(&fold->sets) == OH_OK && is_complete;
    is_complete = oh_pg_sets_init(&fold->sent) == OH_OK && is_complete;
    *out_fold = fold;
    if (!is_complete)
        oh_pg_fold_destroy(out_fold);
    return is_complete ? OH_OK : OH_E_NOMEM;
}

void oh_pg_fold_destroy(struct oh_pg_fold **fold)
{
    struct oh_pg_fold *doomed = *fold;
    *fold = NULL;
    if (doomed == NULL)
        return;
    oh_effect_names_fini(&doomed->names);
    fold_rows_fini(doomed);
    oh_pg_sets_fini(&doomed->sets);
    oh_pg_sets_fini(&doomed->sent);
    free(doomed);
}

void oh_pg_fold_reset(struct oh_pg_fold *fold, uint64_t movements, uint64_t imports, bool is_snapshot)
{
    fold->is_snapshot = is_snapshot;
    fold->claim_number = 0;
    fold_rows_clear(fold);
    oh_pg_sets_clear(&fold->sets);
    oh_pg_sets_clear(&fold->sent);
    oh_effect_names_fini(&fold->names);
    oh_effect_names_init(&fold->names);
    fold->movements = movements;
    fold->imports = imports;
}

struct oh_effect_names *oh_pg_fold_names(struct oh_pg_fold *fold)
{
    return &fold->names;
}

void oh_pg_fold_set_counts(struct oh_pg_fold *fold, uint64_t movements, uint64_t imports)
{
    fold->movements = movements;
    fold->imports = imports;
}

uint64_t oh_pg_fold_movements(const struct oh_pg_fold *fold)
{
    return fold->movements;
}

uint64_t oh_pg_fold_imports(const struct oh_pg_fold *fold)
{
    return fold->imports;
}

/* ---- Stock ------------------------------------------------------------------------------------- */

/* A row of onhand.movement. told: what the source said; quantity: what came of it. number -1: none. */
struct movement {
    uint32_t item;
    uint16_t node;
    enum oh_state state;
    const char *kind;
    int64_t at_us;
    int64_t told_milli;
    int64_t quantity_milli;
    int64_t number;
    struct oh_bytes source;
    struct oh_bytes reason; /* data NULL: none, which is not the same as an empty one */
    struct oh_bytes reservation;
    uint32_t line;
};

static void movement_put(struct oh_pg_fold *fold, struct moment moment, const struct movement *movement)
{
    struct oh_strbuf *out = oh_pg_sets_stream_row(&fold->sets, OH_PG_MOVEMENTS);
    oh_pg_put_i64(out, (int64_t)moment.seq);
    oh_pg_put_i32(out, (int32_t)moment.ordinal);
    oh_pg_put_time(out, moment.at_us);
    oh_pg_put_time(out, movement->at_us);
    oh_pg_put_text(out, sku_of(fold, movement->item));
    oh_pg_put_text(out, node_of(fold, movement->node));
    oh_pg_put_text(out, oh_bytes_of(oh_state_text(movement->state)));
    oh_pg_put_text(out, oh_bytes_of(movement->kind));
    oh_pg_put_milli(out, movement->quantity_milli);
    oh_pg_put_milli(out, movement->told_milli);
    if (movement->number >= 0)
        oh_pg_put_i64(out, movement->number);
    else
        oh_pg_put_null(out);
    oh_pg_put_text_or_null(out, movement->source);
    if (movement->reason.data != NULL)
        oh_pg_put_text(out, movement->reason);
    else
        oh_pg_put_null(out);
    oh_pg_put_text_or_null(out, movement->reservation);
    if (movement->line > 0)
        oh_pg_put_i32(out, (int32_t)movement->line);
    else
        oh_pg_put_null(out);
}

static void position_number(struct position_row *position, int64_t number)
{
    if (position->first_movement < 0 || number < position->first_movement)
        position->first_movement = number;
}

static enum oh_err movement_fold(struct oh_pg_fold *fold, struct moment moment,
                                 const struct oh_effect_movement *effect)
{
    if (!place_is_known(fold, effect->item, effect->node))
        return OH_E_CORRUPT;
    struct position_row *position = fold_position(fold, effect->item, effect->node, moment.seq);
    struct movement movement = {
        .item = effect->item,
        .node = effect->node,
        .state = effect->state,
        .kind = "adjust",
        .at_us = effect->at_us,
        .told_milli = effect->quantity_milli,
        .number = -1,
        .source = effect->source,
        .reason = effect->reason.size > 0 ? effect->reason : OH_BYTES(""),
    };
    if (!effect->is_counted) {
        movement.quantity_milli = effect->quantity_milli;
        movement.number = (int64_t)fold->movements++;
        position->states_milli[effect->state] += effect->quantity_milli;
        position_number(position, movement.number);
    }
    movement_put(fold, moment, &movement);
    return OH_OK;
}

static enum oh_err count_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_count *effect)
{
    if (!place_is_known(fold, effect->item, effect->node))
        return OH_E_CORRUPT;
    fold_position(fold, effect->item, effect->node, moment.seq)->states_milli[effect->state] += effect->delta_milli;
    struct count_row *count = fold_count(fold, effect->item, effect->node, effect->state);
    count->has_quantity = true;
    count->quantity_milli = effect->quantity_milli;
    count->as_of_us = effect->as_of_us;
    count->source_seq = effect->source_seq;
    count->source = fold_text_put(fold, effect->source);
    count->seq = moment.seq;
    movement_put(fold, moment,
                 &(struct movement){ .item = effect->item,
                                     .node = effect->node,
                                     .state = effect->state,
                                     .kind = "count",
                                     .at_us = effect->as_of_us,
                                     .told_milli = effect->quantity_milli,
                                     .quantity_milli = effect->delta_milli,
                                     .number = -1,
                                     .source = effect->source });
    return OH_OK;
}

static enum oh_err position_fold(struct oh_pg_fold *fold, struct moment moment,
                                 const struct oh_effect_position *object)
{
    if (!place_is_known(fold, object->item, object->node))
        return OH_E_CORRUPT;
    struct position_row *position = fold_position(fold, object->item, object->node, moment.seq);
    position->has_forgotten = object->has_forgotten;
    for (unsigned state = 0; state < OH_STATE_COUNT; state++) {
        position->states_milli[state] += object->states[state].quantity_milli;
        if (object->states[state].as_of_us == OH_TIME_US_NONE)
            continue;
        struct count_row *count = fold_count(fold, object->item, object->node, (enum oh_state)state);
        count->as_of_us = object->states[state].as_of_us;
        count->source_seq = object->states[state].source_seq;
    }
    return OH_OK;
}

/* A movement of before: its change is in the position already. */
static enum oh_err remembered_fold(struct oh_pg_fold *fold, struct moment moment,
                                   const struct oh_effect_remembered *object)
{
    if (!place_is_known(fold, object->item, object->node))
        return OH_E_CORRUPT;
    position_number(fold_position(fold, object->item, object->node, moment.seq), (int64_t)object->number);
    movement_put(fold, moment,
                 &(struct movement){ .item = object->item,
                                     .node = object->node,
                                     .state = object->state,
                                     .kind = "adjust",
                                     .at_us = object->at_us,
                                     .told_milli = object->quantity_milli,
                                     .quantity_milli = object->quantity_milli,
                                     .number = (int64_t)object->number });
    return OH_OK;
}

/* ---- Reservations ------------------------------------------------------------------------------ */

/* A row of onhand.reservation_event. line 0: of the whole reservation. */
struct event {
    struct oh_bytes reservation;
    const char *event;
    uint32_t line;
    uint32_t item;
    uint16_t node;
    int64_t quantity_milli;
    int64_t held_milli;
    int64_t confirmed_milli;
    int64_t expires_at_us;
};

static void event_put(struct oh_pg_fold *fold, struct moment moment, const struct event *event)
{
    struct oh_strbuf *out = oh_pg_sets_stream_row(&fold->sets, OH_PG_EVENTS);
    oh_pg_put_i64(out, (int64_t)moment.seq);
    oh_pg_put_i32(out, (int32_t)moment.ordinal);
    oh_pg_put_time(out, moment.at_us);
    oh_pg_put_text(out, event->reservation);
    if (event->line > 0) {
        oh_pg_put_i32(out, (int32_t)event->line);
        oh_pg_put_text(out, sku_of(fold, event->item));
        oh_pg_put_text_or_null(out, node_of(fold, event->node));
    } else {
        oh_pg_put_null(out);
        oh_pg_put_null(out);
        oh_pg_put_null(out);
    }
    oh_pg_put_text(out, oh_bytes_of(event->event));
    if (event->line > 0)
        oh_pg_put_milli(out, event->quantity_milli);
    else
        oh_pg_put_null(out);
    oh_pg_put_milli(out, event->held_milli);
    oh_pg_put_milli(out, event->confirmed_milli);
    oh_pg_put_time(out, event->expires_at_us);
}

static enum oh_err reservation_fold(struct oh_pg_fold *fold, struct moment moment,
                                    const struct oh_effect_reservation *effect)
{
    bool is_known;
    struct reservation_row *row = fold_reservation(fold, effect->id, &is_known);
    if (is_known)
        return OH_E_FULL; /* an id that comes back in the very batch that knew it: the older one first */
    if (effect->channel != OH_NODE_NONE && channel_of(fold, effect->channel).size == 0)
        return OH_E_CORRUPT;
    row->is_new = true;
    row->customer = fold_text_put(fold, effect->customer);
    row->order = fold_text_put(fold, effect->order);
    row->kind = effect->kind;
    row->channel = effect->channel;
    row->created_at_us = effect->created_at_us;
    row->expires_at_us = effect->expires_at_us;
    row->ended_at_us = effect->ended_at_us;
    row->made_seq = moment.seq;
    row->seq = moment.seq;
    fold->newest_reservation = fold->reservations.count - 1;
    oh_pg_array_put_text(oh_pg_sets_row(&fold->sets, OH_PG_REPLACED), effect->id);
    return OH_OK;
}

static struct reservation_row *reservation_of_claim(struct oh_pg_fold *fold, struct oh_bytes id)
{
    if (fold->newest_reservation < fold->reservations.count) {
        struct reservation_row *newest = row_at(&fold->reservations, fold->newest_reservation);
        if (oh_bytes_equal(text_at(fold, newest->id), id))
            return newest;
    }
    bool is_known;
    return fold_reservation(fold, id, &is_known);
}

/* A claim on what the line has at the node already is added to it; one that moved away whole begins anew. */
static enum oh_err claim_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_claim *effect)
{
    if (!place_is_known(fold, effect->item, effect->node))
        return OH_E_CORRUPT;
    struct reservation_row *reservation = reservation_of_claim(fold, effect->id);
    struct claim_row *claim = fold_claim_find(fold, reservation, effect->line, effect->item, effect->node);
    if (claim != NULL && claim->has_stepped && !reservation->is_new)
        return OH_E_FULL; /* what the step has left of it is for the table to say */
    if (claim == NULL)
        claim = fold_claim_add(fold, reservation, effect->line, effect->item, effect->node, moment);
    claim->quantity_milli += effect->quantity_milli;
    claim->held_milli += effect->held_milli;
    claim->confirmed_milli += effect->confirmed_milli;
    claim->fulfilled_milli += effect->fulfilled_milli;
    claim->expired_milli += effect->expired_milli;
    if (claim->due_at_us == OH_TIME_US_NONE && effect->held_milli + effect->confirmed_milli > 0)
        claim->due_at_us = effect->due_at_us;
    claim->seq = moment.seq;
    reservation->seq = moment.seq;
    if (effect->node != OH_NODE_NONE) {
        struct position_row *position = fold_position(fold, effect->item, effect->node, moment.seq);
        position->held_milli += effect->held_milli;
        position->confirmed_milli += effect->confirmed_milli;
    }
    event_put(fold, moment,
              &(struct event){ .reservation = text_at(fold, reservation->id),
                               .event = effect->node == OH_NODE_NONE ? "short" : "claim",
                               .line = effect->line,
                               .item = effect->item,
                               .node = effect->node,
                               .quantity_milli = effect->quantity_milli,
                               .held_milli = effect->held_milli,
                               .confirmed_milli = effect->confirmed_milli,
                               .expires_at_us = OH_TIME_US_NONE });
    return OH_OK;
}

static enum oh_err booking_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_booking *effect)
{
    if (node_of(fold, effect->node).size == 0)
        return OH_E_CORRUPT;
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_BOOKINGS);
    oh_pg_array_put_text(columns++, effect->id);
    oh_pg_array_put_text(columns++, node_of(fold, effect->node));
    oh_pg_array_put_text(columns++, effect->resource);
    oh_pg_array_put_text(columns++, oh_bytes_of(oh_unit_text(effect->unit)));
    oh_pg_array_put_time(columns++, effect->from_us);
    oh_pg_array_put_time(columns++, effect->until_us);
    oh_pg_array_put_milli(columns++, effect->quantity_milli);
    oh_pg_array_put_i64(columns++, fold_place(fold, moment));
    oh_pg_array_put_i64(columns++, (int64_t)moment.seq);
    return OH_OK;
}

static void promise_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_promise *effect)
{
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_PROMISES);
    oh_pg_array_put_text(columns++, effect->id);
    oh_pg_array_put_text(columns++, effect->body);
    oh_pg_array_put_i64(columns++, (int64_t)moment.seq);
}

static bool reservation_is_live(const struct oh_pg_fold *fold, const struct reservation_row *reservation)
{
    for (uint32_t i = reservation->first_claim; i != NO_ROW;) {
        const struct claim_row *claim = row_at(&fold->claims, i);
        if (!claim->is_dropped && claim->held_milli + claim->confirmed_milli > 0)
            return true;
        i = claim->next;
    }
    return false;
}

/* Of a new reservation everything is known here; of an older one the statement finds out (pg_sets.c). */
static void reservation_step(struct oh_pg_fold *fold, struct reservation_row *reservation, struct moment moment,
                             bool is_move)
{
    reservation->seq = moment.seq;
    if (is_move)
        return;
    reservation->stepped_at_us = moment.at_us;
    if (reservation->is_new && reservation->ended_at_us == OH_TIME_US_NONE && !reservation_is_live(fold, reservation))
        reservation->ended_at_us = moment.at_us;
}

static void fulfil_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_step *effect,
                        struct oh_bytes reservation)
{
    struct position_row *position = fold_position(fold, effect->item, effect->node, moment.seq);
    struct movement movement = {
        .item = effect->item,
        .node = effect->node,
        .state = OH_STATE_SELLABLE,
        .kind = "fulfil",
        .at_us = effect->at_us,
        .told_milli = -effect->quantity_milli,
        .number = -1,
        .reservation = reservation,
        .line = effect->line,
    };
    if (!effect->is_counted) {
        movement.quantity_milli = -effect->quantity_milli;
        movement.number = (int64_t)fold->movements++;
        position->states_milli[OH_STATE_SELLABLE] -= effect->quantity_milli;
        position_number(position, movement.number);
    }
    movement_put(fold, moment, &movement);
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_FENCE_USES);
    oh_pg_array_put_text(columns++, reservation);
    oh_pg_array_put_text(columns++, sku_of(fold, effect->item));
    oh_pg_array_put_text(columns++, node_of(fold, effect->node));
    oh_pg_array_put_milli(columns++, effect->quantity_milli);
    oh_pg_array_put_i64(columns++, (int64_t)moment.seq);
}

static enum oh_err step_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_step *effect)
{
    bool is_known;
    if (!place_is_known(fold, effect->item, effect->node) || effect->node == OH_NODE_NONE)
        return OH_E_CORRUPT;
    struct reservation_row *reservation = fold_reservation(fold, effect->id, &is_known);
    struct claim_row *claim = fold_claim_find(fold, reservation, effect->line, effect->item, effect->node);
    if (claim == NULL && reservation->is_new)
        return OH_E_CORRUPT;
    if (claim == NULL)
        claim = fold_claim_add(fold, reservation, effect->line, effect->item, effect->node, moment);
    int64_t quantity = effect->quantity_milli;
    bool takes_held = effect->is_held || effect->step == OH_STEP_CONFIRM || effect->step == OH_STEP_EXPIRE;
    int64_t held = takes_held ? -quantity : 0;
    int64_t confirmed = effect->step == OH_STEP_CONFIRM ? quantity : takes_held ? 0 : -quantity;
    claim->held_milli += held;
    claim->confirmed_milli += confirmed;
    claim->has_stepped = true;
    claim->seq = moment.seq;
    if (reservation->is_new && claim->held_milli + claim->confirmed_milli == 0)
        claim->due_at_us = OH_TIME_US_NONE;
    if (effect->step == OH_STEP_EXPIRE)
        claim->expired_milli += quantity;
    if (effect->step == OH_STEP_FULFIL)
        claim->fulfilled_milli += quantity;
    if (effect->step == OH_STEP_MOVE) {
        claim->quantity_milli -= quantity;
        claim->is_dropped = reservation->is_new && claim->quantity_milli == 0;
    }
    struct position_row *position = fold_position(fold, effect->item, effect->node, moment.seq);
    position->held_milli += held;
    position->confirmed_milli += confirmed;
    reservation_step(fold, reservation, moment, effect->step == OH_STEP_MOVE);
    event_put(fold, moment,
              &(struct event){ .reservation = text_at(fold, reservation->id),
                               .event = oh_step_text(effect->step),
                               .line = effect->line,
                               .item = effect->item,
                               .node = effect->node,
                               .quantity_milli = quantity,
                               .held_milli = held,
                               .confirmed_milli = confirmed,
                               .expires_at_us = OH_TIME_US_NONE });
    if (effect->step == OH_STEP_FULFIL)
        fulfil_fold(fold, moment, effect, text_at(fold, reservation->id));
    return OH_OK;
}

static enum oh_err extend_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_extend *effect)
{
    bool is_known;
    struct reservation_row *reservation = fold_reservation(fold, effect->id, &is_known);
    reservation->is_extended = true;
    reservation->expires_at_us = effect->expires_at_us;
    reservation->seq = moment.seq;
    event_put(fold, moment,
              &(struct event){ .reservation = text_at(fold, reservation->id),
                               .event = "extend",
                               .expires_at_us = effect->expires_at_us });
    return OH_OK;
}

static enum oh_err key_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_key *effect)
{
    struct oh_strbuf *out = oh_pg_sets_stream_row(&fold->sets, OH_PG_KEYS);
    oh_pg_put_i64(out, (int64_t)moment.seq);
    oh_pg_put_i32(out, (int32_t)moment.ordinal);
    oh_pg_put_time(out, effect->at_us);
    oh_pg_put_i64(out, (int64_t)effect->seq);
    oh_pg_put_i64(out, (int64_t)effect->fingerprint);
    oh_pg_put_text(out, effect->key);
    oh_pg_put_text(out, effect->answer);
    return OH_OK;
}

/* ---- One effect -------------------------------------------------------------------------------- */

static bool rows_are_full(const struct oh_pg_fold *fold)
{
    uint32_t most = OH_PG_FOLD_ROWS_MAX - ROWS_OF_AN_EFFECT_MAX;
    return fold->positions.count > most || fold->counts.count > most || fold->reservations.count > most ||
           fold->claims.count > most;
}

/*
 * Statements of a set run one set after the other, whatever the order of the effects. Where that order matters, the
 * batch is sent before: a group or channel that is replaced in the batch that wrote it; a fence that is set after
 * goods have left, which use it.
 */
static bool has_to_wait(const struct oh_pg_fold *fold, const struct oh_effect *effect)
{
    const struct oh_pg_rows *rows = fold->sets.rows;
    if (effect->type == OH_EFFECT_GROUP)
        return rows[OH_PG_GROUPS].count + rows[OH_PG_GROUP_MEMBERS].count > 0 &&
               group_of(fold, effect->group.index).size > 0;
    if (effect->type == OH_EFFECT_CHANNEL)
        return rows[OH_PG_CHANNELS].count > 0 && channel_of(fold, effect->channel.index).size > 0;
    return effect->type == OH_EFFECT_FENCE && rows[OH_PG_FENCE_USES].count > 0;
}

static enum oh_err effect_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect *effect)
{
    switch (effect->type) {
    case OH_EFFECT_NODE:
        return fold_node(fold, moment, &effect->node);
    case OH_EFFECT_ITEM:
        return fold_item(fold, moment, &effect->item);
    case OH_EFFECT_GROUP:
        return fold_group(fold, moment, &effect->group);
    case OH_EFFECT_GROUP_MEMBER:
        return fold_group_member(fold, moment, &effect->group_member);
    case OH_EFFECT_CHANNEL:
        return fold_channel(fold, moment, &effect->channel);
    case OH_EFFECT_RULE:
        return fold_rule(fold, moment, &effect->rule);
    case OH_EFFECT_FENCE:
        return fold_fence(fold, moment, &effect->fence);
    case OH_EFFECT_SUPPLY:
        return fold_supply(fold, moment, &effect->supply);
    case OH_EFFECT_POSTAL_CODE:
        return fold_postal_code(fold, moment, &effect->postal_code);
    case OH_EFFECT_MOVEMENT:
        return movement_fold(fold, moment, &effect->movement);
    case OH_EFFECT_COUNT:
        return count_fold(fold, moment, &effect->count);
    case OH_EFFECT_RESERVATION:
        return reservation_fold(fold, moment, &effect->reservation);
    case OH_EFFECT_CLAIM:
        return claim_fold(fold, moment, &effect->claim);
    case OH_EFFECT_STEP:
        return step_fold(fold, moment, &effect->step);
    case OH_EFFECT_EXTEND:
        return extend_fold(fold, moment, &effect->extend);
    case OH_EFFECT_KEY:
        return key_fold(fold, moment, &effect->key);
    case OH_EFFECT_IMPORT:
        return fold_import(fold, &effect->import);
    case OH_EFFECT_TRANSIT:
        return fold_transit(fold, moment, &effect->transit);
    case OH_EFFECT_POSITION:
        return position_fold(fold, moment, &effect->position);
    case OH_EFFECT_REMEMBERED:
        return remembered_fold(fold, moment, &effect->remembered);
    case OH_EFFECT_DOCUMENT:
        return fold_document(fold, moment, &effect->document);
    case OH_EFFECT_BOOKING:
        return booking_fold(fold, moment, &effect->booking);
    case OH_EFFECT_PROMISE:
        promise_fold(fold, moment, &effect->promise);
        return OH_OK;
    case OH_EFFECT_HEAD:
        return OH_OK; /* its reader has used it */
    }
    return OH_E_CORRUPT;
}

enum oh_err oh_pg_fold_effect(struct oh_pg_fold *fold, uint64_t seq, int64_t at_us, uint32_t ordinal,
                              const struct oh_effect *effect)
{
    struct moment moment = { seq, at_us, ordinal };
    if (rows_are_full(fold) || oh_pg_sets_size(&fold->sets) > OH_PG_FOLD_SIZE_MAX || has_to_wait(fold, effect))
        return OH_E_FULL;
    enum oh_err err = oh_effect_names_learn(&fold->names, effect);
    if (err == OH_OK)
        err = effect_fold(fold, moment, effect);
    if (err == OH_OK && fold->text.is_overflowed)
        err = OH_E_NOMEM;
    return err;
}

void oh_pg_fold_pack(struct oh_pg_fold *fold)
{
    fold_rows_put(fold);
    fold_rows_clear(fold);
}

enum oh_err oh_pg_fold_send(struct oh_pg_fold *fold, struct oh_pg *pg, struct oh_diag *diag)
{
    oh_pg_fold_pack(fold);
    struct oh_pg_sets empty = fold->sent;
    fold->sent = fold->sets;
    fold->sets = empty;
    return oh_pg_sets_send(&fold->sent, pg, diag);
}
