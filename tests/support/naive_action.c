#include "support/naive.h"
#include <stdlib.h>

#define LINE_MAX INT64_C(1000000000000)
#define TOTAL_MAX INT64_C(9007199254740991)
#define AHEAD_US INT64_C(300000000)

/* One claim as the action sees it: what is left of it, and what the action does with it. */
struct share {
    struct naive_claim claim;      /* as it is; copied, because the list may move */
    int64_t held, confirmed;       /* left to take */
    int64_t took_held, took_confirmed;
    int64_t back_held, back_confirmed; /* given back besides */
    int64_t added, placed;
    uint32_t to_node;
    uint32_t placed_by; /* line of the action */
};

struct act {
    struct naive *naive;
    const struct oh_action_command *command;
    struct oh_answer *answer;
    enum oh_command_type type;
    struct naive_reservation *reservation;
    struct oh_asker asker;
    int64_t at_us;
    struct share shares[NAIVE_MANY];
    uint32_t share_count;
    struct oh_reserve_booking bookings[OH_BOOKINGS_MAX]; /* of a move, where it goes */
    uint32_t booking_count;
};

/* Which claims: of a line or of all, at a node or anywhere. */
struct choice { bool is_whole; uint32_t line, node; };

static const struct choice WHOLE = { true, 0, NAIVE_NONE };

static bool is_chosen(struct choice choice, const struct share *share)
{
    return (choice.is_whole || share->claim.line == choice.line) &&
           (choice.node == NAIVE_NONE || share->claim.node == choice.node);
}

static int64_t can_take(const struct act *act, const struct share *share)
{
    if (act->type == OH_COMMAND_CONFIRM)
        return share->held;
    return act->type == OH_COMMAND_FULFIL ? share->confirmed : share->held + share->confirmed;
}

/* except_node: claims there are left out. */
static int64_t capacity_of(const struct act *act, struct choice choice, uint32_t except_node)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < act->share_count; i++) {
        const struct share *share = &act->shares[i];
        bool is_excepted = except_node != NAIVE_NONE && share->claim.node == except_node;
        sum += is_chosen(choice, share) && !is_excepted ? can_take(act, share) : 0;
    }
    return sum;
}

/* V10: what has become of claims of which nothing can take the step. */
static enum oh_verdict fate_of(const struct act *act, struct choice choice)
{
    bool is_named = false, is_claimed = false, held = false, confirmed = false, fulfilled = false, expired = false;
    bool is_due = naive_is_due(act->naive, act->reservation);
    for (uint32_t i = 0; i < act->share_count; i++) {
        const struct share *share = &act->shares[i];
        if (!is_chosen(choice, share))
            continue;
        is_named = true;
        is_claimed = is_claimed || share->claim.node != NAIVE_NONE;
        held = held || share->held > 0;
        confirmed = confirmed || share->claim.confirmed > 0;
        fulfilled = fulfilled || share->claim.fulfilled > 0;
        expired = expired || share->claim.expired > 0 || (is_due && share->claim.held > 0);
    }
    if (!is_named && !choice.is_whole)
        return OH_V_UNKNOWN_LINE;
    if (act->type == OH_COMMAND_FULFIL && held)
        return OH_V_NOT_CONFIRMED;
    if (confirmed)
        return OH_V_ALREADY_CONFIRMED;
    if (fulfilled)
        return OH_V_ALREADY_FULFILLED;
    if (expired)
        return OH_V_EXPIRED;
    return is_claimed ? OH_V_ALREADY_RELEASED : OH_V_NOTHING_CLAIMED;
}

static enum oh_verdict choice_of(const struct act *act, uint32_t i, struct choice *out_choice)
{
    const struct oh_action_line *line = &act->command->lines[i];
    *out_choice = (struct choice){ false, line->line, NAIVE_NONE };
    if (line->node.size > 0) {
        out_choice->node = naive_node_find(act->naive, line->node);
        if (out_choice->node == NAIVE_NONE)
            return naive_refuse(act->answer, OH_V_UNKNOWN_NODE, OH_FIELD_NODE, i);
    }
    if (line->has_quantity && (line->quantity_milli < 0 || line->quantity_milli > LINE_MAX))
        return naive_refuse(act->answer, OH_V_INVALID_QUANTITY, OH_FIELD_QUANTITY, i);
    return OH_OK_DONE;
}

static enum oh_verdict quantity_of(const struct act *act, uint32_t i, struct choice choice, int64_t capacity,
                                   int64_t *out_milli)
{
    const struct oh_action_line *line = &act->command->lines[i];
    if (line->has_quantity && line->quantity_milli == 0)
        return naive_refuse(act->answer, OH_V_INVALID_QUANTITY, OH_FIELD_QUANTITY, i);
    if (capacity == 0)
        return naive_refuse(act->answer, fate_of(act, choice), OH_FIELD_LINE, i);
    if (line->has_quantity && line->quantity_milli > capacity)
        return naive_refuse(act->answer, OH_V_EXCEEDS_CLAIM, OH_FIELD_QUANTITY, i);
    *out_milli = line->has_quantity ? line->quantity_milli : capacity;
    return OH_OK_DONE;
}

/* In the order the claims were made, held before confirmed. */
static void take(struct act *act, struct choice choice, uint32_t except_node, int64_t milli)
{
    for (uint32_t i = 0; i < act->share_count; i++) {
        struct share *share = &act->shares[i];
        if (!is_chosen(choice, share) || (except_node != NAIVE_NONE && share->claim.node == except_node))
            continue;
        int64_t held = act->type == OH_COMMAND_FULFIL ? 0 : naive_min(share->held, milli);
        int64_t confirmed = act->type == OH_COMMAND_CONFIRM ? 0 : naive_min(share->confirmed, milli - held);
        share->held -= held;
        share->confirmed -= confirmed;
        share->took_held += held;
        share->took_confirmed += confirmed;
        milli -= held + confirmed;
    }
}

/* ---- Confirm, release, fulfil ----------------------------------------------------------------- */

static enum oh_verdict fulfil_judge(struct act *act)
{
    int64_t at_us = act->command->at_us;
    act->at_us = at_us == OH_TIME_US_NONE ? act->naive->time_us : at_us;
    if (act->at_us < 0 || act->at_us > act->naive->time_us + AHEAD_US)
        return naive_refuse(act->answer, OH_V_INVALID_TIME, OH_FIELD_AT, OH_INDEX_NONE);
    for (uint32_t i = 0; i < act->share_count; i++) {
        const struct naive_claim *claim = &act->shares[i].claim;
        if (claim->node != NAIVE_NONE && naive_quantity(act->naive, claim->item, claim->node, OH_STATE_SELLABLE) <
                                             -TOTAL_MAX + 8 * LINE_MAX)
            return naive_refuse(act->answer, OH_V_QUANTITY_OVERFLOW, OH_FIELD_QUANTITY, OH_INDEX_NONE);
    }
    return OH_OK_DONE;
}

static enum oh_verdict take_decide(struct act *act)
{
    const struct oh_action_command *command = act->command;
    int64_t milli = capacity_of(act, WHOLE, NAIVE_NONE);
    if (act->type == OH_COMMAND_FULFIL && fulfil_judge(act) != OH_OK_DONE)
        return act->answer->verdict;
    if (command->line_count == 0 && milli == 0)
        return naive_refuse(act->answer, fate_of(act, WHOLE), OH_FIELD_NONE, OH_INDEX_NONE);
    if (command->line_count == 0)
        take(act, WHOLE, NAIVE_NONE, milli);
    for (uint32_t i = 0; i < command->line_count; i++) {
        struct choice choice;
        if (choice_of(act, i, &choice) != OH_OK_DONE ||
            quantity_of(act, i, choice, capacity_of(act, choice, NAIVE_NONE), &milli) != OH_OK_DONE)
            return act->answer->verdict;
        take(act, choice, NAIVE_NONE, milli);
    }
    for (uint32_t i = 0; i < act->share_count; i++) {
        struct share *share = &act->shares[i];
        bool returns = command->return_rest && act->type != OH_COMMAND_RELEASE;
        share->back_held = returns ? share->held : 0;
        share->back_confirmed = returns && act->type == OH_COMMAND_FULFIL ? share->confirmed : 0;
    }
    return OH_OK_DONE;
}

/* ---- Move ------------------------------------------------------------------------------------- */

static enum oh_verdict refuse_short(struct act *act, uint32_t i, const struct share *share, uint32_t node,
                                    int64_t requested, int64_t available)
{
    act->naive->lines[0] = (struct oh_answer_line){
        .line = share->claim.line,
        .item = { share->claim.item },
        .node = { (uint16_t)node },
        .verdict = OH_V_INSUFFICIENT,
        .requested_milli = requested,
        .available_milli = available,
    };
    act->answer->line_count = 1;
    return naive_refuse(act->answer, OH_V_INSUFFICIENT, OH_FIELD_QUANTITY, i);
}

static int64_t room_at(const struct act *act, uint32_t item, uint32_t node, enum oh_verdict *out_reason)
{
    struct naive_offer offer = naive_offer(act->naive, item, node, act->asker);
    *out_reason = offer.reason;
    return naive_min(offer.free, naive_allowance(act->naive, item, act->asker)) + offer.backorder;
}

/* What was taken and has no place yet must find room at the node. */
static enum oh_verdict place(struct act *act, uint32_t i, uint32_t to_node)
{
    for (uint32_t s = 0; s < act->share_count; s++) {
        struct share *share = &act->shares[s];
        int64_t milli = share->took_held + share->took_confirmed - share->placed;
        enum oh_verdict reason;
        if (milli == 0)
            continue;
        if (share->to_node != NAIVE_NONE && share->to_node != to_node)
            return naive_refuse(act->answer, OH_V_DUPLICATE_LINE, OH_FIELD_TO_NODE, i);
        naive_pending_add(act->naive, share->claim.item, share->claim.node, -milli);
        int64_t room = room_at(act, share->claim.item, to_node, &reason);
        if (reason != OH_OK_DONE)
            return naive_refuse(act->answer, reason, OH_FIELD_TO_NODE, i);
        if (room < milli)
            return refuse_short(act, i, share, to_node, milli, room);
        naive_pending_add(act->naive, share->claim.item, to_node, milli);
        share->to_node = to_node;
        share->placed_by = i;
        share->placed += milli;
    }
    return OH_OK_DONE;
}

static enum oh_verdict move_one(struct act *act, uint32_t i, struct choice choice, struct oh_bytes to,
                                bool is_line)
{
    uint32_t to_node = naive_node_find(act->naive, to);
    if (to_node == NAIVE_NONE)
        return naive_refuse(act->answer, OH_V_UNKNOWN_NODE, OH_FIELD_TO_NODE, i);
    int64_t milli = capacity_of(act, choice, to_node);
    if (milli == 0 && capacity_of(act, choice, NAIVE_NONE) > 0)
        return naive_refuse(act->answer, OH_V_SAME_NODE, OH_FIELD_TO_NODE, i);
    if (!is_line && milli == 0)
        return naive_refuse(act->answer, fate_of(act, choice), OH_FIELD_NONE, OH_INDEX_NONE);
    if (is_line && quantity_of(act, i, choice, milli, &milli) != OH_OK_DONE)
        return act->answer->verdict;
    take(act, choice, to_node, milli);
    return place(act, i, to_node);
}

static enum oh_verdict move_places(struct act *act)
{
    const struct oh_action_command *command = act->command;
    if (command->line_count == 0)
        return move_one(act, OH_INDEX_NONE, WHOLE, command->to_node, false);
    for (uint32_t i = 0; i < command->line_count; i++) {
        const struct oh_action_line *line = &command->lines[i];
        struct choice choice;
        for (uint32_t j = 0; j < i; j++) {
            if (command->lines[j].line == line->line && oh_bytes_equal(command->lines[j].node, line->node))
                return naive_refuse(act->answer, OH_V_DUPLICATE_LINE, OH_FIELD_LINE, i);
        }
        if (choice_of(act, i, &choice) != OH_OK_DONE ||
            move_one(act, i, choice, line->to_node.size > 0 ? line->to_node : command->to_node, true) != OH_OK_DONE)
            return act->answer->verdict;
    }
    return OH_OK_DONE;
}

/* CA6: what goes to the node, in the unit of its window. */
static int64_t load_at(const struct act *act, uint32_t node, enum oh_unit unit)
{
    int64_t units = 0;
    int64_t items = 0;
    for (uint32_t s = 0; s < act->share_count; s++) {
        bool is_first = true;
        if (act->shares[s].to_node != node)
            continue;
        for (uint32_t k = 0; k < s; k++)
            is_first = is_first && !(act->shares[k].to_node == node &&
                                     act->shares[k].claim.item == act->shares[s].claim.item);
        units += act->shares[s].placed;
        items += is_first ? 1000 : 0;
    }
    if (unit == OH_UNIT_UNITS || units == 0)
        return units;
    return unit == OH_UNIT_LINES ? items : 1000;
}

static enum oh_verdict refuse_full(struct act *act, const struct oh_reserve_booking *window, int64_t milli,
                                   int64_t room)
{
    uint32_t s = 0;
    while (act->shares[s].to_node != window->node)
        s++;
    act->answer->window_from_us = window->from_us;
    act->answer->window_until_us = window->until_us;
    act->answer->line_count = 1;
    act->naive->lines[0] = (struct oh_answer_line){ .line = act->shares[s].claim.line,
                                                    .item = { act->shares[s].claim.item },
                                                    .node = { window->node },
                                                    .verdict = OH_V_NO_CAPACITY,
                                                    .requested_milli = milli,
                                                    .available_milli = naive_max(0, room) };
    return naive_refuse(act->answer, OH_V_NO_CAPACITY, OH_FIELD_TO_NODE, act->shares[s].placed_by);
}

static enum oh_verdict windows_judge(struct act *act)
{
    const struct oh_action_command *command = act->command;
    act->booking_count = 0;
    if (command->window_count > 0 && command->window_count + act->reservation->booking_count > OH_BOOKINGS_MAX)
        return naive_refuse(act->answer, OH_V_TOO_MANY, OH_FIELD_BOOKINGS, OH_INDEX_NONE);
    for (uint32_t i = 0; i < command->window_count; i++) {
        struct oh_reserve_booking booking = command->windows[i];
        booking.quantity_milli = load_at(act, booking.node, booking.unit);
        if (booking.quantity_milli == 0)
            continue;
        if (booking.until_us == 0)
            return refuse_full(act, &booking, booking.quantity_milli, 0);
        act->bookings[act->booking_count++] = booking;
    }
    enum oh_verdict verdict =
        naive_bookings_judge(act->naive, act->reservation, act->bookings, act->booking_count, act->answer);
    if (verdict != OH_V_NO_CAPACITY)
        return verdict;
    const struct oh_reserve_booking *full = &act->bookings[act->answer->fault_index];
    return refuse_full(act, full, full->quantity_milli, naive_booking_room(act->naive, act->reservation, full));
}

static enum oh_verdict move_decide(struct act *act)
{
    enum oh_verdict verdict = move_places(act);
    return verdict == OH_OK_DONE ? windows_judge(act) : verdict;
}

/* ---- Change and extend ------------------------------------------------------------------------ */

/* More of a line, at the nodes where it claims something, in that order. */
static enum oh_verdict add(struct act *act, uint32_t i, struct choice choice, int64_t more)
{
    int64_t left = more;
    const struct share *last = act->shares;
    for (uint32_t s = 0; s < act->share_count && left > 0; s++) {
        struct share *share = &act->shares[s];
        enum oh_verdict reason;
        if (!is_chosen(choice, share) || share->held + share->confirmed == 0)
            continue;
        int64_t milli = naive_min(left, room_at(act, share->claim.item, share->claim.node, &reason));
        if (reason != OH_OK_DONE)
            return naive_refuse(act->answer, reason, OH_FIELD_NODE, i);
        share->added += milli;
        left -= milli;
        naive_pending_add(act->naive, share->claim.item, share->claim.node, milli);
        last = share;
    }
    return left == 0 ? OH_OK_DONE : refuse_short(act, i, last, last->claim.node, more, more - left);
}

static uint32_t item_of(const struct act *act, struct choice choice)
{
    for (uint32_t s = 0; s < act->share_count; s++) {
        if (is_chosen(choice, &act->shares[s]))
            return act->shares[s].claim.item;
    }
    abort();
}

static enum oh_verdict change_one(struct act *act, uint32_t i)
{
    const struct oh_action_line *line = &act->command->lines[i];
    struct choice choice;
    if (choice_of(act, i, &choice) != OH_OK_DONE)
        return act->answer->verdict;
    if (!line->has_quantity)
        return naive_refuse(act->answer, OH_V_INVALID_QUANTITY, OH_FIELD_QUANTITY, i);
    int64_t claimed = capacity_of(act, choice, NAIVE_NONE);
    if (claimed == 0)
        return naive_refuse(act->answer, fate_of(act, choice), OH_FIELD_LINE, i);
    enum oh_verdict verdict = naive_judge_quantity(act->naive, item_of(act, choice), choice.node,
                                                   naive_channel_of(act->asker), line->quantity_milli);
    if (line->quantity_milli > 0 && verdict != OH_OK_DONE)
        return naive_refuse(act->answer, verdict, OH_FIELD_QUANTITY, i);
    if (line->quantity_milli > claimed)
        return add(act, i, choice, line->quantity_milli - claimed);
    take(act, choice, NAIVE_NONE, claimed - line->quantity_milli);
    return OH_OK_DONE;
}

static enum oh_verdict change_decide(struct act *act)
{
    const struct oh_action_command *command = act->command;
    if (command->line_count == 0)
        return naive_refuse(act->answer, OH_V_TOO_MANY, OH_FIELD_LINES, OH_INDEX_NONE);
    for (uint32_t i = 0; i < command->line_count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (command->lines[j].line == command->lines[i].line)
                return naive_refuse(act->answer, OH_V_DUPLICATE_LINE, OH_FIELD_LINE, i);
        }
        if (change_one(act, i) != OH_OK_DONE)
            return act->answer->verdict;
    }
    return OH_OK_DONE;
}

static enum oh_verdict extend_decide(struct act *act)
{
    int64_t ttl_us = act->command->ttl_us;
    int64_t held = 0;
    if (ttl_us < 0 || ttl_us > 365 * INT64_C(86400000000))
        return naive_refuse(act->answer, OH_V_INVALID_TIME, OH_FIELD_TTL, OH_INDEX_NONE);
    for (uint32_t s = 0; s < act->share_count; s++)
        held += act->shares[s].held;
    if (held == 0)
        return naive_refuse(act->answer, fate_of(act, WHOLE), OH_FIELD_NONE, OH_INDEX_NONE);
    act->reservation->expires_us = ttl_us == 0 ? OH_TIME_US_NONE : act->naive->time_us + ttl_us;
    naive_change(act->naive);
    return OH_OK_DONE;
}

/* ---- The outcome ------------------------------------------------------------------------------ */

static void answer_line_add(struct act *act, const struct share *share)
{
    int64_t took = share->took_held + share->took_confirmed;
    int64_t back = share->back_held + share->back_confirmed;
    if (took == 0 && back == 0 && share->added == 0)
        return;
    uint32_t node = share->to_node == NAIVE_NONE ? share->claim.node : share->to_node;
    act->naive->lines[act->answer->line_count++] = (struct oh_answer_line){
        .line = share->claim.line,
        .item = { share->claim.item },
        .node = { (uint16_t)node },
        .requested_milli = took + share->added,
        .quantity_milli = act->type == OH_COMMAND_CHANGE ? share->added - took : took,
        .returned_milli = back,
    };
}

static uint32_t claim_find(const struct act *act, const struct share *share)
{
    for (uint32_t i = 0; i < act->reservation->claim_count; i++) {
        const struct naive_claim *claim = &act->reservation->claims[i];
        if (claim->line == share->claim.line && claim->item == share->claim.item &&
            claim->node == share->claim.node)
            return i;
    }
    abort();
}

static void claim_remove(struct naive_reservation *reservation, uint32_t at)
{
    reservation->claim_count--;
    for (; at < reservation->claim_count; at++)
        reservation->claims[at] = reservation->claims[at + 1];
}

static void fulfil_do(struct act *act, struct naive_claim *claim, int64_t milli)
{
    claim->fulfilled += milli;
    for (uint32_t i = 0; i < act->naive->fence_count; i++) {
        struct naive_fence *fence = &act->naive->fences[i];
        if (fence->exists && fence->item == claim->item && fence->node == claim->node &&
            fence->channel == act->reservation->channel)
            fence->milli = naive_max(0, fence->milli - milli);
    }
    if (milli > 0)
        naive_move_stock(act->naive, claim->item, claim->node, OH_STATE_SELLABLE, -milli, act->at_us);
}

static void share_do(struct act *act, const struct share *share)
{
    uint32_t at = claim_find(act, share);
    struct naive_claim *claim = &act->reservation->claims[at];
    int64_t took = share->took_held + share->took_confirmed;
    claim->held -= share->took_held + share->back_held;
    claim->confirmed -= share->took_confirmed + share->back_confirmed;
    if (act->type == OH_COMMAND_CONFIRM)
        claim->confirmed += share->took_held;
    if (act->type == OH_COMMAND_FULFIL)
        fulfil_do(act, claim, took);
    if (share->added > 0) {
        claim->milli += share->added;
        *(share->held > 0 ? &claim->held : &claim->confirmed) += share->added;
    }
    if (claim->held + claim->confirmed == 0)
        claim->due_us = OH_TIME_US_NONE;
    if (act->type != OH_COMMAND_MOVE || took == 0)
        return;
    claim->milli -= took;
    struct naive_claim moved = { claim->line, claim->item, share->to_node, took, share->took_held,
                                 share->took_confirmed, 0, 0, OH_TIME_US_NONE };
    if (claim->milli == 0)
        claim_remove(act->reservation, at);
    naive_claim_add(act->naive, act->reservation, moved);
}

/* When nothing is claimed any more the reservation has ended. */
static void end_if_idle(struct naive *naive, struct naive_reservation *reservation)
{
    uint32_t kept = 0;
    for (uint32_t j = 0; j < reservation->claim_count; j++) {
        if (reservation->claims[j].held + reservation->claims[j].confirmed > 0)
            return;
    }
    if (reservation->ended_us == OH_TIME_US_NONE)
        reservation->ended_us = naive->record_at_us;
    for (uint32_t i = 0; i < naive->live_count; i++) {
        if (&naive->reservations[naive->live[i]] != reservation)
            naive->live[kept++] = naive->live[i];
    }
    naive->live_count = kept;
}

/* From each node to where the first of its claims went. */
static void bookings_come_along(struct act *act, int64_t *left)
{
    for (uint32_t s = 0; act->type == OH_COMMAND_MOVE && s < act->share_count; s++) {
        const struct share *share = &act->shares[s];
        bool is_first = share->took_held + share->took_confirmed > 0;
        for (uint32_t k = 0; k < s; k++) {
            if (act->shares[k].claim.node == share->claim.node &&
                act->shares[k].took_held + act->shares[k].took_confirmed > 0)
                is_first = false;
        }
        if (is_first)
            naive_bookings_move(act->naive, act->reservation, share->claim.node, share->to_node, left);
    }
}

static void outcome_do(struct act *act)
{
    bool changes = false;
    for (uint32_t s = 0; s < act->share_count; s++) {
        const struct share *share = &act->shares[s];
        answer_line_add(act, share);
        changes = changes || share->took_held + share->took_confirmed + share->back_held + share->back_confirmed +
                                     share->added > 0;
    }
    if (!changes && act->type != OH_COMMAND_EXTEND) {
        act->answer->verdict = OH_V_UNCHANGED;
        return;
    }
    static int64_t left[2 * OH_BOOKINGS_MAX];
    naive_bookings_note(act->naive, act->reservation, left);
    naive_change(act->naive);
    for (uint32_t s = 0; s < act->share_count; s++)
        share_do(act, &act->shares[s]);
    bookings_come_along(act, left);
    naive_bookings_settle(act->naive, act->reservation, left);
    if (act->type == OH_COMMAND_MOVE)
        naive_bookings_take(act->naive, act->reservation, act->bookings, act->booking_count);
    end_if_idle(act->naive, act->reservation);
}

static enum oh_verdict act_decide(struct act *act)
{
    if (act->type == OH_COMMAND_MOVE)
        return move_decide(act);
    if (act->type == OH_COMMAND_CHANGE)
        return change_decide(act);
    return act->type == OH_COMMAND_EXTEND ? extend_decide(act) : take_decide(act);
}

static void shares_load(struct act *act)
{
    bool is_due = naive_is_due(act->naive, act->reservation);
    act->share_count = act->reservation->claim_count;
    for (uint32_t i = 0; i < act->share_count; i++) {
        struct naive_claim claim = act->reservation->claims[i];
        act->shares[i] = (struct share){ .claim = claim, .held = is_due ? 0 : claim.held,
                                         .confirmed = claim.confirmed, .to_node = NAIVE_NONE };
    }
}

void naive_action(struct naive *naive, enum oh_command_type type, const struct oh_action_command *command,
                  struct oh_answer *answer)
{
    static struct act act;
    answer->id = command->id;
    if (command->line_count > 1000) {
        naive_refuse(answer, OH_V_TOO_MANY, OH_FIELD_LINES, OH_INDEX_NONE);
        return;
    }
    act.naive = naive;
    act.command = command;
    act.answer = answer;
    act.type = type;
    act.at_us = naive->time_us;
    act.reservation = naive_reservation_find(naive, command->id);
    if (act.reservation == NULL) {
        naive_refuse(answer, OH_V_UNKNOWN_RESERVATION, OH_FIELD_ID, OH_INDEX_NONE);
        return;
    }
    bool has_channel = act.reservation->channel != NAIVE_NONE;
    act.asker.channel.index = has_channel ? (uint16_t)act.reservation->channel : OH_NODE_NONE;
    act.asker.kind = act.reservation->kind;
    answer->id = act.reservation->id;
    answer->kind = act.reservation->kind;
    shares_load(&act);
    if (act_decide(&act) == OH_OK_DONE)
        outcome_do(&act);
    answer->status = naive_status(naive, act.reservation);
    answer->created_at_us = act.reservation->created_us;
    answer->expires_at_us = act.reservation->expires_us;
}

/* ---- Time and status -------------------------------------------------------------------------- */

uint32_t naive_advance(struct naive *naive, int64_t now_us)
{
    uint32_t count = 0;
    naive->time_us = naive_max(naive->time_us, now_us);
    for (uint32_t i = naive->live_count; i-- > 0;) {
        struct naive_reservation *reservation = &naive->reservations[naive->live[i]];
        bool holds = false;
        for (uint32_t j = 0; j < reservation->claim_count && naive_is_due(naive, reservation); j++) {
            struct naive_claim *claim = &reservation->claims[j];
            holds = holds || claim->held > 0;
            count += claim->held > 0 ? 1 : 0;
            claim->expired += claim->held;
            claim->held = 0;
            if (claim->confirmed == 0)
                claim->due_us = OH_TIME_US_NONE;
        }
        naive->record_at_us = naive->time_us;
        if (holds)
            end_if_idle(naive, reservation);
    }
    return count;
}

enum oh_status naive_status(const struct naive *naive, const struct naive_reservation *reservation)
{
    bool held = false, confirmed = false, fulfilled = false, expired = false;
    bool is_due = naive_is_due(naive, reservation);
    for (uint32_t i = 0; i < reservation->claim_count; i++) {
        const struct naive_claim *claim = &reservation->claims[i];
        held = held || (!is_due && claim->held > 0);
        expired = expired || claim->expired > 0 || (is_due && claim->held > 0);
        confirmed = confirmed || claim->confirmed > 0;
        fulfilled = fulfilled || claim->fulfilled > 0;
    }
    if (held)
        return OH_STATUS_HELD;
    if (confirmed)
        return OH_STATUS_CONFIRMED;
    if (fulfilled)
        return OH_STATUS_FULFILLED;
    return expired ? OH_STATUS_EXPIRED : OH_STATUS_RELEASED;
}
