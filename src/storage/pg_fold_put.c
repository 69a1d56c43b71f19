#include "storage/pg_fold_internal.h"
#include <stdlib.h>

static enum oh_status status_of(const struct oh_pg_fold *fold, const struct reservation_row *reservation)
{
    bool is_held = false;
    bool is_confirmed = false;
    bool is_fulfilled = false;
    bool is_expired = false;
    for (uint32_t i = reservation->first_claim; i != NO_ROW;) {
        const struct claim_row *claim = row_at(&fold->claims, i);
        i = claim->next;
        if (claim->is_dropped)
            continue;
        is_held = is_held || claim->held_milli > 0;
        is_confirmed = is_confirmed || claim->confirmed_milli > 0;
        is_fulfilled = is_fulfilled || claim->fulfilled_milli > 0;
        is_expired = is_expired || claim->expired_milli > 0;
    }
    return is_held        ? OH_STATUS_HELD
           : is_confirmed ? OH_STATUS_CONFIRMED
           : is_fulfilled ? OH_STATUS_FULFILLED
           : is_expired   ? OH_STATUS_EXPIRED
                          : OH_STATUS_RELEASED;
}

static void new_reservation_put(struct oh_pg_fold *fold, const struct reservation_row *row)
{
    struct oh_strbuf *out = oh_pg_sets_stream_row(&fold->sets, OH_PG_RESERVATIONS);
    oh_pg_put_text(out, text_at(fold, row->id));
    oh_pg_put_text(out, oh_bytes_of(oh_kind_text(row->kind)));
    oh_pg_put_text_or_null(out, channel_of(fold, row->channel));
    oh_pg_put_text_or_null(out, text_at(fold, row->customer));
    oh_pg_put_text_or_null(out, text_at(fold, row->order));
    oh_pg_put_text(out, oh_bytes_of(oh_status_text(status_of(fold, row))));
    oh_pg_put_time(out, row->created_at_us);
    oh_pg_put_time(out, row->expires_at_us);
    oh_pg_put_time(out, row->ended_at_us);
    oh_pg_put_i64(out, (int64_t)row->made_seq);
    oh_pg_put_i64(out, (int64_t)row->seq);
}

static void new_claim_put(struct oh_pg_fold *fold, const struct reservation_row *reservation,
                          const struct claim_row *claim)
{
    struct oh_strbuf *out = oh_pg_sets_stream_row(&fold->sets, OH_PG_CLAIMS);
    oh_pg_put_text(out, text_at(fold, reservation->id));
    oh_pg_put_i32(out, (int32_t)claim->line);
    oh_pg_put_text(out, sku_of(fold, claim->item));
    oh_pg_put_text_or_null(out, node_of(fold, claim->node));
    oh_pg_put_milli(out, claim->quantity_milli);
    oh_pg_put_milli(out, claim->held_milli);
    oh_pg_put_milli(out, claim->confirmed_milli);
    oh_pg_put_milli(out, claim->fulfilled_milli);
    oh_pg_put_milli(out, claim->expired_milli);
    oh_pg_put_time(out, claim->held_milli + claim->confirmed_milli > 0 ? claim->due_at_us : OH_TIME_US_NONE);
    oh_pg_put_i64(out, claim->ordinal);
    oh_pg_put_i64(out, (int64_t)claim->seq);
}

static void old_reservation_put(struct oh_pg_fold *fold, const struct reservation_row *row)
{
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_STEPPED);
    oh_pg_array_put_text(columns++, text_at(fold, row->id));
    oh_pg_array_put_i64(columns++, (int64_t)row->seq);
    oh_pg_array_put_bool(columns++, row->is_extended);
    oh_pg_array_put_time(columns++, row->is_extended ? row->expires_at_us : OH_TIME_US_NONE);
    oh_pg_array_put_time(columns++, row->stepped_at_us);
}

static void old_claim_put(struct oh_pg_fold *fold, const struct reservation_row *reservation,
                          const struct claim_row *claim)
{
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_CLAIM_STEPS);
    oh_pg_array_put_text(columns++, text_at(fold, reservation->id));
    oh_pg_array_put_i32(columns++, (int32_t)claim->line);
    oh_pg_array_put_text(columns++, sku_of(fold, claim->item));
    oh_pg_array_put_text_or_null(columns++, node_of(fold, claim->node));
    oh_pg_array_put_milli(columns++, claim->quantity_milli);
    oh_pg_array_put_milli(columns++, claim->held_milli);
    oh_pg_array_put_milli(columns++, claim->confirmed_milli);
    oh_pg_array_put_milli(columns++, claim->fulfilled_milli);
    oh_pg_array_put_milli(columns++, claim->expired_milli);
    oh_pg_array_put_time(columns++, claim->due_at_us);
    oh_pg_array_put_i64(columns++, claim->ordinal);
    oh_pg_array_put_i64(columns++, (int64_t)claim->seq);
}

static void reservations_put(struct oh_pg_fold *fold)
{
    for (uint32_t i = 0; i < fold->reservations.count; i++) {
        const struct reservation_row *reservation = row_at(&fold->reservations, i);
        if (reservation->is_new)
            new_reservation_put(fold, reservation);
        else
            old_reservation_put(fold, reservation);
        for (uint32_t at = reservation->first_claim; at != NO_ROW;) {
            const struct claim_row *claim = row_at(&fold->claims, at);
            if (!reservation->is_new)
                old_claim_put(fold, reservation, claim);
            else if (!claim->is_dropped)
                new_claim_put(fold, reservation, claim);
            at = claim->next;
        }
    }
}

/* Neighbours in the table are mostly neighbours in the ledger: changed in that order they share pages. */
static int position_compare(const void *a, const void *b)
{
    const struct position_row *left = a;
    const struct position_row *right = b;
    if (left->item != right->item)
        return left->item < right->item ? -1 : 1;
    return left->node < right->node ? -1 : left->node > right->node;
}

static bool only_claims_changed(const struct position_row *row)
{
    bool is_still = row->first_movement < 0 && !row->has_forgotten;
    for (unsigned state = 0; state < OH_STATE_COUNT; state++)
        is_still = is_still && row->states_milli[state] == 0;
    return is_still;
}

static void claimed_put(struct oh_pg_fold *fold, const struct position_row *row)
{
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_CLAIMED);
    oh_pg_array_put_text(columns++, sku_of(fold, row->item));
    oh_pg_array_put_text(columns++, node_of(fold, row->node));
    oh_pg_array_put_milli(columns++, row->held_milli);
    oh_pg_array_put_milli(columns++, row->confirmed_milli);
    oh_pg_array_put_i64(columns++, (int64_t)row->seq);
}

/* Also forgets where rows are: nothing may be looked for any more. */
static void positions_put(struct oh_pg_fold *fold)
{
    qsort(fold->positions.rows, fold->positions.count, sizeof(struct position_row), position_compare);
    for (uint32_t i = 0; i < fold->positions.count; i++) {
        const struct position_row *row = row_at(&fold->positions, i);
        if (only_claims_changed(row)) {
            claimed_put(fold, row);
            continue;
        }
        struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_POSITIONS);
        oh_pg_array_put_text(columns++, sku_of(fold, row->item));
        oh_pg_array_put_text(columns++, node_of(fold, row->node));
        for (unsigned state = 0; state < OH_STATE_COUNT; state++)
            oh_pg_array_put_milli(columns++, row->states_milli[state]);
        oh_pg_array_put_milli(columns++, row->held_milli);
        oh_pg_array_put_milli(columns++, row->confirmed_milli);
        oh_pg_array_put_i64(columns++, (int64_t)row->seq);
        if (row->first_movement >= 0)
            oh_pg_array_put_i64(columns++, row->first_movement);
        else
            oh_pg_array_put_null(columns++);
        oh_pg_array_put_bool(columns++, row->has_forgotten);
    }
}

static void put_i64_if(struct oh_pg_array *column, bool is_known, int64_t value)
{
    if (is_known)
        oh_pg_array_put_i64(column, value);
    else
        oh_pg_array_put_null(column);
}

static void counts_put(struct oh_pg_fold *fold)
{
    for (uint32_t i = 0; i < fold->counts.count; i++) {
        const struct count_row *row = row_at(&fold->counts, i);
        struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_COUNTS);
        oh_pg_array_put_text(columns++, sku_of(fold, row->item));
        oh_pg_array_put_text(columns++, node_of(fold, row->node));
        oh_pg_array_put_text(columns++, oh_bytes_of(oh_state_text(row->state)));
        oh_pg_array_put_time(columns++, row->as_of_us);
        put_i64_if(columns++, row->source_seq >= 0, row->source_seq);
        if (row->has_quantity)
            oh_pg_array_put_milli(columns++, row->quantity_milli);
        else
            oh_pg_array_put_null(columns++);
        oh_pg_array_put_text_or_null(columns++, row->has_quantity ? text_at(fold, row->source) : OH_BYTES_NONE);
        put_i64_if(columns++, row->has_quantity, (int64_t)row->seq);
    }
}

void fold_rows_put(struct oh_pg_fold *fold)
{
    reservations_put(fold);
    positions_put(fold);
    counts_put(fold);
}
