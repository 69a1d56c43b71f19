/*
 * actions.c - what can be done with a reservation: confirm, release, extend,
 * change, move, fulfil, whole or by line and quantity (docs/spec/ledger.md, L26 to L32).
 *
 * An action works on a copy of the claims' quantities. When every line of it
 * is decided, what was taken from each claim becomes effects.
 */
#include "core/state.h"

#define FUTURE_US_MAX 300000000ll

/* A claim as the action sees it: what is left of it, and what was taken so far. */
struct work {
    uint32_t claim;
    int64_t held_milli;      /* 0 when the hold is due */
    int64_t confirmed_milli;
    int64_t took_held_milli;
    int64_t took_confirmed_milli;
    int64_t rest_held_milli; /* returned to stock besides */
    int64_t rest_confirmed_milli;
    int64_t added_milli;     /* change: claimed on top */
    uint32_t to_node;        /* move; NO_SLOT */
    int64_t placed_milli;    /* move: of what was taken, what has found room there */
    uint32_t placed_by;      /* move: the line of the action */
};

struct action {
    struct oh_ledger *ledger;
    const struct oh_action_command *command;
    struct oh_answer *answer;
    enum oh_command_type type;
    uint32_t reservation;
    int64_t now_us;
    int64_t at_us;
    bool is_due;
    struct work *works;
    uint32_t work_count;
    struct oh_reserve_booking *bookings; /* move: what it takes of the windows of where it goes */
    uint32_t booking_count;
};

static const struct claim *work_claim(const struct action *action, const struct work *work)
{
    return &action->ledger->claims[work->claim];
}

static struct oh_asker action_asker(const struct action *action)
{
    const struct reservation *reservation = &action->ledger->reservations[action->reservation];
    return (struct oh_asker){ .channel = { reservation->channel }, .kind = (enum oh_kind)reservation->kind };
}

/* ---- Which claims, and how much of them ------------------------------------------------------- */

static void works_load(struct action *action)
{
    struct oh_ledger *ledger = action->ledger;
    const struct reservation *reservation = &ledger->reservations[action->reservation];
    action->is_due = reservation_is_due(reservation, action->now_us);
    action->works = scratch_take(ledger, (size_t)reservation->claim_count * sizeof(*action->works));
    for (uint32_t link = claims_first(ledger, reservation); link != 0; link = claims_after(ledger, reservation, link)) {
        struct parts parts = claim_parts(ledger, &ledger->claims[link - 1]);
        action->works[action->work_count++] = (struct work){
            .claim = link - 1,
            .held_milli = action->is_due ? 0 : parts.held_milli,
            .confirmed_milli = parts.confirmed_milli,
            .to_node = NO_SLOT,
        };
    }
}

/* Which claims a line of the action names: by line number and node, or all of them. */
struct selection { bool is_whole; uint32_t line; uint32_t node; };

static bool selection_has(const struct action *action, struct selection selection, const struct work *work)
{
    const struct claim *claim = work_claim(action, work);
    if (!selection.is_whole && claim->line != selection.line)
        return false;
    return selection.node == NO_SLOT || claim->node == selection.node;
}

static int64_t work_capacity(const struct action *action, const struct work *work)
{
    if (action->type == OH_COMMAND_CONFIRM)
        return work->held_milli;
    if (action->type == OH_COMMAND_FULFIL)
        return work->confirmed_milli;
    return work->held_milli + work->confirmed_milli;
}

static int64_t selection_capacity(const struct action *action, struct selection selection, uint32_t except_node)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < action->work_count; i++) {
        if (selection_has(action, selection, &action->works[i]) &&
            work_claim(action, &action->works[i])->node != except_node)
            sum += work_capacity(action, &action->works[i]);
    }
    return sum;
}

/* Why there is nothing to act on: what happened to the claims (rule 11). */
static enum oh_verdict nothing_verdict(const struct action *action, struct selection selection)
{
    bool is_named = false, held = false, confirmed = false, fulfilled = false, expired = false, claimed = false;
    for (uint32_t i = 0; i < action->work_count; i++) {
        const struct claim *claim = work_claim(action, &action->works[i]);
        if (!selection_has(action, selection, &action->works[i]))
            continue;
        struct parts parts = claim_parts(action->ledger, claim);
        is_named = true;
        claimed = claimed || claim->node != OH_NODE_NONE;
        held = held || action->works[i].held_milli > 0;
        confirmed = confirmed || parts.confirmed_milli > 0;
        fulfilled = fulfilled || parts.fulfilled_milli > 0;
        expired = expired || parts.expired_milli > 0 || (action->is_due && parts.held_milli > 0);
    }
    if (!is_named)
        return selection.is_whole ? OH_V_NOTHING_CLAIMED : OH_V_UNKNOWN_LINE;
    if (action->type == OH_COMMAND_FULFIL && held)
        return OH_V_NOT_CONFIRMED;
    if (confirmed)
        return OH_V_ALREADY_CONFIRMED;
    if (fulfilled)
        return OH_V_ALREADY_FULFILLED;
    if (expired)
        return OH_V_EXPIRED;
    return claimed ? OH_V_ALREADY_RELEASED : OH_V_NOTHING_CLAIMED;
}

/* Takes from the selected claims in the order they were made, held before confirmed. */
static void selection_take(struct action *action, struct selection selection, uint32_t except_node, int64_t quantity)
{
    for (uint32_t i = 0; i < action->work_count && quantity > 0; i++) {
        struct work *work = &action->works[i];
        if (!selection_has(action, selection, work) || work_claim(action, work)->node == except_node)
            continue;
        int64_t held = action->type == OH_COMMAND_FULFIL ? 0 : oh_min_i64(work->held_milli, quantity);
        int64_t confirmed =
            action->type == OH_COMMAND_CONFIRM ? 0 : oh_min_i64(work->confirmed_milli, quantity - held);
        work->held_milli -= held;
        work->confirmed_milli -= confirmed;
        work->took_held_milli += held;
        work->took_confirmed_milli += confirmed;
        quantity -= held + confirmed;
    }
    OH_ASSERT(quantity == 0);
}

static enum oh_verdict selection_of(struct action *action, uint32_t i, struct selection *out_selection)
{
    const struct oh_action_line *line = &action->command->lines[i];
    *out_selection = (struct selection){ false, line->line, NO_SLOT };
    if (line->node.size > 0) {
        out_selection->node = node_find(action->ledger, line->node);
        if (out_selection->node == NO_SLOT)
            return refuse(action->answer, OH_V_UNKNOWN_NODE, OH_FIELD_NODE, i);
    }
    if (line->has_quantity && (line->quantity_milli < 0 || line->quantity_milli > OH_QUANTITY_MILLI_MAX))
        return refuse(action->answer, OH_V_INVALID_QUANTITY, OH_FIELD_QUANTITY, i);
    return OH_OK_DONE;
}

/* How much a line takes, of what is there for it; refuses when that is nothing or too little. */
static enum oh_verdict line_quantity(struct action *action, uint32_t i, struct selection selection, int64_t capacity,
                                     int64_t *out_quantity)
{
    const struct oh_action_line *line = &action->command->lines[i];
    if (line->has_quantity && line->quantity_milli == 0)
        return refuse(action->answer, OH_V_INVALID_QUANTITY, OH_FIELD_QUANTITY, i);
    if (capacity == 0) {
        enum oh_verdict verdict = nothing_verdict(action, selection);
        return refuse(action->answer, verdict, OH_FIELD_LINE, i);
    }
    if (line->has_quantity && line->quantity_milli > capacity)
        return refuse(action->answer, OH_V_EXCEEDS_CLAIM, OH_FIELD_QUANTITY, i);
    *out_quantity = line->has_quantity ? line->quantity_milli : capacity;
    return OH_OK_DONE;
}

/* ---- Confirm, release, fulfil ----------------------------------------------------------------- */

static enum oh_verdict take_lines(struct action *action)
{
    for (uint32_t i = 0; i < action->command->line_count; i++) {
        struct selection selection;
        int64_t quantity = 0;
        if (selection_of(action, i, &selection) != OH_OK_DONE)
            return action->answer->verdict;
        int64_t capacity = selection_capacity(action, selection, OH_INDEX_NONE);
        if (line_quantity(action, i, selection, capacity, &quantity) != OH_OK_DONE)
            return action->answer->verdict;
        selection_take(action, selection, OH_INDEX_NONE, quantity);
    }
    return OH_OK_DONE;
}

static enum oh_verdict take_whole(struct action *action)
{
    struct selection whole = { true, 0, NO_SLOT };
    int64_t capacity = selection_capacity(action, whole, OH_INDEX_NONE);
    if (capacity == 0)
        return refuse(action->answer, nothing_verdict(action, whole), OH_FIELD_NONE, OH_INDEX_NONE);
    selection_take(action, whole, OH_INDEX_NONE, capacity);
    return OH_OK_DONE;
}

/* What was not taken goes back to stock: of a confirmation what is still held, of a fulfilment all of it. */
static void return_rest(struct action *action)
{
    for (uint32_t i = 0; i < action->work_count; i++) {
        struct work *work = &action->works[i];
        work->rest_held_milli = work->held_milli;
        if (action->type == OH_COMMAND_FULFIL)
            work->rest_confirmed_milli = work->confirmed_milli;
    }
}

static enum oh_verdict fulfil_judge(struct action *action)
{
    const struct oh_action_command *command = action->command;
    action->at_us = command->at_us == OH_TIME_US_NONE ? action->now_us : command->at_us;
    if (action->at_us < 0 || action->at_us > action->now_us + FUTURE_US_MAX)
        return refuse(action->answer, OH_V_INVALID_TIME, OH_FIELD_AT, OH_INDEX_NONE);
    for (uint32_t i = 0; i < action->work_count; i++) {
        const struct claim *claim = work_claim(action, &action->works[i]);
        if (claim->position != NO_SLOT && action->ledger->positions[claim->position].sellable_milli <
                                              -OH_TOTAL_MILLI_MAX + OH_QUANTITY_MILLI_MAX * 8)
            return refuse(action->answer, OH_V_QUANTITY_OVERFLOW, OH_FIELD_QUANTITY, OH_INDEX_NONE);
    }
    return OH_OK_DONE;
}

static enum oh_verdict decide_take(struct action *action)
{
    if (action->type == OH_COMMAND_FULFIL && fulfil_judge(action) != OH_OK_DONE)
        return action->answer->verdict;
    enum oh_verdict verdict = action->command->line_count > 0 ? take_lines(action) : take_whole(action);
    if (verdict == OH_OK_DONE && action->command->return_rest && action->type != OH_COMMAND_RELEASE)
        return_rest(action);
    return verdict;
}

/* ---- Move ------------------------------------------------------------------------------------- */

static enum oh_verdict short_line(struct action *action, uint32_t i, const struct work *work, uint32_t node,
                                  int64_t requested, int64_t available)
{
    const struct claim *claim = work_claim(action, work);
    action->ledger->answer_lines[0] = (struct oh_answer_line){
        .line = claim->line,
        .item = { claim->item },
        .node = { (uint16_t)node },
        .verdict = OH_V_INSUFFICIENT,
        .requested_milli = requested,
        .available_milli = available,
    };
    action->answer->line_count = 1;
    return refuse(action->answer, OH_V_INSUFFICIENT, OH_FIELD_QUANTITY, i);
}

static int64_t available_to(const struct action *action, uint32_t item, uint16_t node, enum oh_verdict *out_reason)
{
    struct oh_asker asker = action_asker(action);
    struct offer offer = offer_at_node(action->ledger, item, node, asker, action->now_us);
    *out_reason = offer.reason;
    int64_t allowance = channel_allowance(action->ledger, item, asker, action->now_us);
    return oh_min_i64(offer.free_milli, allowance) + offer.backorder_milli;
}

/* What a line took must find room at the new node, seen with what is given up at the old one. */
static enum oh_verdict move_place(struct action *action, uint32_t i, uint32_t to_node)
{
    for (uint32_t w = 0; w < action->work_count; w++) {
        struct work *work = &action->works[w];
        const struct claim *claim = work_claim(action, work);
        int64_t moved = work->took_held_milli + work->took_confirmed_milli - work->placed_milli;
        if (moved == 0)
            continue;
        if (work->to_node != NO_SLOT && work->to_node != to_node) /* one claim to two nodes: two requests */
            return refuse(action->answer, OH_V_DUPLICATE_LINE, OH_FIELD_TO_NODE, i);
        work->to_node = to_node;
        work->placed_milli += moved;
        work->placed_by = i;
        enum oh_verdict reason;
        pending_add(action->ledger, claim->item, claim->node, -moved);
        int64_t available = available_to(action, claim->item, (uint16_t)to_node, &reason);
        if (reason != OH_OK_DONE)
            return refuse(action->answer, reason, OH_FIELD_TO_NODE, i);
        if (available < moved)
            return short_line(action, i, work, to_node, moved, available);
        pending_add(action->ledger, claim->item, (uint16_t)to_node, moved);
    }
    return OH_OK_DONE;
}

static enum oh_verdict move_selection(struct action *action, uint32_t i, struct selection selection,
                                      struct oh_bytes to_node_name, const struct oh_action_line *line)
{
    uint32_t to_node = node_find(action->ledger, to_node_name);
    if (to_node == NO_SLOT)
        return refuse(action->answer, OH_V_UNKNOWN_NODE, OH_FIELD_TO_NODE, i);
    int64_t capacity = selection_capacity(action, selection, to_node);
    if (capacity == 0 && selection_capacity(action, selection, OH_INDEX_NONE) > 0)
        return refuse(action->answer, OH_V_SAME_NODE, OH_FIELD_TO_NODE, i);
    int64_t quantity = capacity;
    if (line == NULL && capacity == 0)
        return refuse(action->answer, nothing_verdict(action, selection), OH_FIELD_NONE, OH_INDEX_NONE);
    if (line != NULL && line_quantity(action, i, selection, capacity, &quantity) != OH_OK_DONE)
        return action->answer->verdict;
    selection_take(action, selection, to_node, quantity);
    return move_place(action, i, to_node);
}

/* How many claims there may be afterwards: those that keep something, and one for each that gives something. */
static enum oh_verdict move_count(struct action *action)
{
    uint32_t count = 0;
    for (uint32_t w = 0; w < action->work_count; w++) {
        const struct work *work = &action->works[w];
        int64_t moved = work->took_held_milli + work->took_confirmed_milli;
        count += claim_parts(action->ledger, work_claim(action, work)).quantity_milli > moved ? 1 : 0;
        count += moved > 0 ? 1 : 0;
    }
    return count <= OH_CLAIMS_MAX ? OH_OK_DONE
                                  : refuse(action->answer, OH_V_TOO_MANY_SPLITS, OH_FIELD_LINES, OH_INDEX_NONE);
}

static enum oh_verdict move_lines(struct action *action)
{
    const struct oh_action_command *command = action->command;
    for (uint32_t i = 0; i < command->line_count; i++) {
        const struct oh_action_line *line = &command->lines[i];
        struct oh_bytes to_node = line->to_node.size > 0 ? line->to_node : command->to_node;
        struct selection selection;
        for (uint32_t j = 0; j < i; j++) {
            if (command->lines[j].line == line->line && oh_bytes_equal(command->lines[j].node, line->node))
                return refuse(action->answer, OH_V_DUPLICATE_LINE, OH_FIELD_LINE, i);
        }
        if (selection_of(action, i, &selection) != OH_OK_DONE ||
            move_selection(action, i, selection, to_node, line) != OH_OK_DONE)
            return action->answer->verdict;
    }
    return OH_OK_DONE;
}

/* ---- Capacity where it goes (CA6) ------------------------------------------------------------- */

/* Items, each once: open addressing, at most half full. */
struct item_set { uint32_t *places; uint32_t mask; uint32_t count; };

static void item_set_add(struct item_set *set, uint32_t item)
{
    uint32_t at = item * UINT32_C(0x9e3779b1) & set->mask;
    while (set->places[at] != NO_SLOT && set->places[at] != item)
        at = (at + 1) & set->mask;
    set->count += set->places[at] == NO_SLOT ? 1 : 0;
    set->places[at] = item;
}

static struct item_set item_set_make(const struct action *action)
{
    uint32_t size = 2;
    while (size < 2 * action->work_count)
        size *= 2;
    return (struct item_set){ scratch_take(action->ledger, size * sizeof(uint32_t)), size - 1, 0 };
}

/* What goes to the node, in the unit of its window. */
static int64_t move_load(const struct action *action, uint16_t node, enum oh_unit unit, struct item_set *items)
{
    int64_t sum = 0;
    items->count = 0;
    memset(items->places, 0xff, ((size_t)items->mask + 1) * sizeof(*items->places));
    for (uint32_t w = 0; w < action->work_count; w++) {
        const struct work *work = &action->works[w];
        if (work->to_node != node)
            continue;
        sum += work->placed_milli;
        item_set_add(items, work_claim(action, work)->item);
    }
    if (unit == OH_UNIT_UNITS)
        return sum;
    return unit == OH_UNIT_LINES ? (int64_t)items->count * 1000 : sum > 0 ? 1000 : 0;
}

/* No room: which line it is about, and the window that there would have to be room in. */
static enum oh_verdict window_full(struct action *action, const struct oh_reserve_booking *booking, int64_t room)
{
    struct oh_answer *answer = action->answer;
    const struct work *work = action->works;
    while (work->to_node != booking->node)
        work++;
    answer->window_from_us = booking->from_us;
    answer->window_until_us = booking->until_us;
    action->ledger->answer_lines[0] = (struct oh_answer_line){
        .line = work_claim(action, work)->line,
        .item = { work_claim(action, work)->item },
        .node = { booking->node },
        .verdict = OH_V_NO_CAPACITY,
        .requested_milli = booking->quantity_milli,
        .available_milli = oh_max_i64(room, 0),
    };
    answer->line_count = 1;
    return refuse(answer, OH_V_NO_CAPACITY, OH_FIELD_TO_NODE, work->placed_by);
}

/* Judged by what is booked before the move: what it gives back elsewhere in the same step is no room here. */
static enum oh_verdict move_bookings_judge(struct action *action)
{
    const struct oh_action_command *command = action->command;
    const struct given_back given = { action->reservation, NULL, 0 };
    if (command->window_count + bookings_count(action->ledger, action->reservation) > OH_BOOKINGS_MAX)
        return refuse(action->answer, OH_V_TOO_MANY, OH_FIELD_BOOKINGS, OH_INDEX_NONE);
    struct item_set items = item_set_make(action);
    action->bookings = scratch_take(action->ledger, command->window_count * sizeof(*action->bookings));
    for (uint32_t i = 0; i < command->window_count; i++) {
        struct oh_reserve_booking booking = command->windows[i];
        booking.quantity_milli = move_load(action, booking.node, booking.unit, &items);
        if (booking.quantity_milli > 0 && booking.until_us == 0)
            return window_full(action, &booking, 0);
        if (booking.quantity_milli > 0)
            action->bookings[action->booking_count++] = booking;
    }
    uint32_t fault = 0;
    enum oh_verdict verdict = bookings_judge(action->ledger, action->bookings, action->booking_count, action->now_us,
                                             &given, &fault);
    if (verdict != OH_V_NO_CAPACITY)
        return verdict == OH_OK_DONE ? verdict : refuse(action->answer, verdict, OH_FIELD_BOOKINGS, fault);
    const struct oh_reserve_booking *full = &action->bookings[fault];
    return window_full(action, full, booking_room_milli(action->ledger, &given, full, action->now_us));
}

static enum oh_verdict decide_move(struct action *action)
{
    struct selection whole = { true, 0, NO_SLOT };
    pending_begin(action->ledger);
    enum oh_verdict verdict = action->command->line_count > 0
                                  ? move_lines(action)
                                  : move_selection(action, OH_INDEX_NONE, whole, action->command->to_node, NULL);
    if (verdict == OH_OK_DONE)
        verdict = move_count(action);
    return verdict == OH_OK_DONE && action->command->window_count > 0 ? move_bookings_judge(action) : verdict;
}

/* ---- Change ----------------------------------------------------------------------------------- */

/* More of a line, at the nodes where it has live claims, in their order. */
static enum oh_verdict change_add(struct action *action, uint32_t i, struct selection selection, int64_t delta)
{
    int64_t left = delta;
    struct work *last = NULL;
    for (uint32_t w = 0; w < action->work_count && left > 0; w++) {
        struct work *work = &action->works[w];
        const struct claim *claim = work_claim(action, work);
        if (!selection_has(action, selection, work) || work->held_milli + work->confirmed_milli == 0)
            continue;
        enum oh_verdict reason;
        int64_t available = available_to(action, claim->item, claim->node, &reason);
        if (reason != OH_OK_DONE)
            return refuse(action->answer, reason, OH_FIELD_NODE, i);
        int64_t added = oh_min_i64(available, left);
        work->added_milli += added;
        left -= added;
        pending_add(action->ledger, claim->item, claim->node, added);
        last = work;
    }
    if (left == 0)
        return OH_OK_DONE;
    OH_ASSERT(last != NULL);
    return short_line(action, i, last, work_claim(action, last)->node, delta, delta - left);
}

static uint32_t selection_item(const struct action *action, struct selection selection)
{
    uint32_t w = 0;
    while (!selection_has(action, selection, &action->works[w]))
        w++;
    return work_claim(action, &action->works[w])->item;
}

static enum oh_verdict change_line(struct action *action, uint32_t i)
{
    const struct oh_action_line *line = &action->command->lines[i];
    struct selection selection;
    if (selection_of(action, i, &selection) != OH_OK_DONE)
        return action->answer->verdict;
    if (!line->has_quantity)
        return refuse(action->answer, OH_V_INVALID_QUANTITY, OH_FIELD_QUANTITY, i);
    int64_t claimed = selection_capacity(action, selection, OH_INDEX_NONE);
    if (claimed == 0)
        return refuse(action->answer, nothing_verdict(action, selection), OH_FIELD_LINE, i);
    uint16_t node = selection.node == NO_SLOT ? OH_NODE_NONE : (uint16_t)selection.node;
    enum oh_verdict verdict =
        line->quantity_milli == 0
            ? OH_OK_DONE
            : quantity_judge(action->ledger, selection_item(action, selection), node,
                             action_asker(action).channel.index, line->quantity_milli);
    if (verdict != OH_OK_DONE)
        return refuse(action->answer, verdict, OH_FIELD_QUANTITY, i);
    if (line->quantity_milli >= claimed)
        return change_add(action, i, selection, line->quantity_milli - claimed);
    selection_take(action, selection, OH_INDEX_NONE, claimed - line->quantity_milli);
    return OH_OK_DONE;
}

static enum oh_verdict decide_change(struct action *action)
{
    const struct oh_action_command *command = action->command;
    pending_begin(action->ledger);
    if (command->line_count == 0)
        return refuse(action->answer, OH_V_TOO_MANY, OH_FIELD_LINES, OH_INDEX_NONE);
    for (uint32_t i = 0; i < command->line_count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (command->lines[j].line == command->lines[i].line)
                return refuse(action->answer, OH_V_DUPLICATE_LINE, OH_FIELD_LINE, i);
        }
        if (change_line(action, i) != OH_OK_DONE)
            return action->answer->verdict;
    }
    return OH_OK_DONE;
}

/* ---- Extend ----------------------------------------------------------------------------------- */

static enum oh_verdict decide_extend(struct action *action)
{
    const struct oh_action_command *command = action->command;
    struct selection whole = { true, 0, NO_SLOT };
    if (command->ttl_us < 0 || command->ttl_us > OH_TTL_US_MAX)
        return refuse(action->answer, OH_V_INVALID_TIME, OH_FIELD_TTL, OH_INDEX_NONE);
    int64_t held = 0;
    for (uint32_t i = 0; i < action->work_count; i++)
        held += action->works[i].held_milli;
    if (held == 0)
        return refuse(action->answer, nothing_verdict(action, whole), OH_FIELD_NONE, OH_INDEX_NONE);
    effect_add(action->ledger, OH_EFFECT_EXTEND, NO_HINT)->extend = (struct oh_effect_extend){
        action->answer->id,
        command->ttl_us == 0 ? OH_TIME_US_NONE : action->now_us + command->ttl_us,
    };
    return OH_OK_DONE;
}

/* ---- The outcome ------------------------------------------------------------------------------ */

static void step_effect(struct action *action, const struct work *work, enum oh_step step, bool is_held,
                        int64_t quantity)
{
    struct oh_ledger *ledger = action->ledger;
    const struct claim *claim = work_claim(action, work);
    if (quantity == 0)
        return;
    bool is_counted = step == OH_STEP_FULFIL &&
                      movement_is_counted(ledger, claim->position, OH_STATE_SELLABLE, action->at_us);
    struct hint hint = { .reservation = action->reservation, .claim = work->claim, .position = claim->position };
    effect_add(ledger, OH_EFFECT_STEP, hint)->step = (struct oh_effect_step){
        .id = action->answer->id,
        .line = claim->line,
        .item = claim->item,
        .node = claim->node,
        .step = step,
        .is_held = is_held,
        .is_counted = is_counted,
        .quantity_milli = quantity,
        .at_us = action->at_us,
    };
}

static void claim_effect(struct action *action, const struct work *work, uint16_t node, int64_t held,
                         int64_t confirmed)
{
    const struct claim *claim = work_claim(action, work);
    if (held + confirmed == 0)
        return;
    struct hint hint = NO_HINT;
    hint.reservation = action->reservation;
    effect_add(action->ledger, OH_EFFECT_CLAIM, hint)->claim = (struct oh_effect_claim){
        .id = action->answer->id,
        .line = claim->line,
        .item = claim->item,
        .node = node,
        .quantity_milli = held + confirmed,
        .held_milli = held,
        .confirmed_milli = confirmed,
        .due_at_us = OH_TIME_US_NONE,
    };
}

static void work_write(struct action *action, const struct work *work)
{
    int64_t held = work->took_held_milli;
    int64_t confirmed = work->took_confirmed_milli;
    switch ((int)action->type) {
    case OH_COMMAND_CONFIRM:
        step_effect(action, work, OH_STEP_CONFIRM, true, held);
        break;
    case OH_COMMAND_FULFIL:
        step_effect(action, work, OH_STEP_FULFIL, false, confirmed);
        break;
    case OH_COMMAND_MOVE:
        step_effect(action, work, OH_STEP_MOVE, true, held);
        step_effect(action, work, OH_STEP_MOVE, false, confirmed);
        if (work->to_node != NO_SLOT)
            claim_effect(action, work, (uint16_t)work->to_node, held, confirmed);
        break;
    default: /* release, change */
        step_effect(action, work, OH_STEP_RELEASE, true, held);
        step_effect(action, work, OH_STEP_RELEASE, false, confirmed);
        break;
    }
    if (work->rest_held_milli + work->rest_confirmed_milli > 0) {
        step_effect(action, work, OH_STEP_RELEASE, true, work->rest_held_milli);
        step_effect(action, work, OH_STEP_RELEASE, false, work->rest_confirmed_milli);
    }
    if (work->added_milli > 0) {
        bool is_held = work->held_milli > 0;
        claim_effect(action, work, work_claim(action, work)->node, is_held ? work->added_milli : 0,
                     is_held ? 0 : work->added_milli);
    }
}

static void line_write(struct action *action, const struct work *work)
{
    const struct claim *claim = work_claim(action, work);
    int64_t took = work->took_held_milli + work->took_confirmed_milli;
    int64_t returned = work->rest_held_milli + work->rest_confirmed_milli;
    if (took + returned + work->added_milli == 0)
        return;
    bool is_change = action->type == OH_COMMAND_CHANGE;
    action->ledger->answer_lines[action->answer->line_count++] = (struct oh_answer_line){
        .line = claim->line,
        .item = { claim->item },
        .node = { work->to_node != NO_SLOT ? (uint16_t)work->to_node : claim->node },
        .requested_milli = took + work->added_milli,
        .quantity_milli = is_change ? work->added_milli - took : took,
        .returned_milli = returned,
    };
}

static void outcome_write(struct action *action)
{
    for (uint32_t i = 0; i < action->work_count; i++) {
        line_write(action, &action->works[i]);
        work_write(action, &action->works[i]);
    }
}

static enum oh_verdict action_decide(struct action *action)
{
    switch ((int)action->type) {
    case OH_COMMAND_MOVE:
        return decide_move(action);
    case OH_COMMAND_CHANGE:
        return decide_change(action);
    case OH_COMMAND_EXTEND:
        return decide_extend(action);
    default:
        return decide_take(action);
    }
}

/* Where each node's claims go; of those that go to several, where the first does. */
static uint32_t moved_collect(struct action *action, struct moved *out)
{
    uint32_t count = 0;
    for (uint32_t w = 0; w < action->work_count; w++) {
        const struct work *work = &action->works[w];
        uint16_t node = work_claim(action, work)->node;
        bool is_known = work->to_node == NO_SLOT;
        for (uint32_t i = 0; i < count && !is_known; i++)
            is_known = out[i].node == node;
        if (!is_known)
            out[count++] = (struct moved){ node, (uint16_t)work->to_node };
    }
    return count;
}

static void outcome_apply(struct action *action)
{
    struct oh_ledger *ledger = action->ledger;
    const int64_t *lives = bookings_note(ledger, action->reservation);
    struct moved *moved = NULL;
    uint32_t moved_count = 0;
    if (lives != NULL && action->type == OH_COMMAND_MOVE) {
        moved = scratch_take(ledger, action->work_count * sizeof(*moved));
        moved_count = moved_collect(action, moved);
    }
    outcome_write(action);
    bool is_change = ledger->effect_count > ledger->effect_applied_count;
    effects_apply(ledger);
    if (!is_change)
        action->answer->verdict = OH_V_UNCHANGED;
    else if (moved_count > 0)
        bookings_move(ledger, action->reservation, action->answer->id, lives, moved, moved_count);
    else
        bookings_settle(ledger, action->reservation, action->answer->id, lives);
    if (action->booking_count > 0)
        bookings_take(ledger, action->reservation, action->answer->id, action->bookings, action->booking_count);
}

/* The answer says how the reservation stands afterwards, so the effects are done first: all is decided. */
void decide_action(struct oh_ledger *ledger, int64_t now_us, enum oh_command_type type,
                   const struct oh_action_command *command, struct oh_answer *answer)
{
    answer->id = command->id;
    if (command->line_count > OH_LINES_MAX) {
        refuse(answer, OH_V_TOO_MANY, OH_FIELD_LINES, OH_INDEX_NONE);
        return;
    }
    struct action action = {
        .ledger = ledger,
        .command = command,
        .answer = answer,
        .type = type,
        .reservation = reservation_named(ledger),
        .now_us = now_us,
        .at_us = now_us,
    };
    if (action.reservation == NO_SLOT) {
        refuse(answer, OH_V_UNKNOWN_RESERVATION, OH_FIELD_ID, OH_INDEX_NONE);
        return;
    }
    const struct reservation *reservation = &ledger->reservations[action.reservation];
    answer->kind = (enum oh_kind)reservation->kind;
    works_load(&action);
    if (action_decide(&action) == OH_OK_DONE)
        outcome_apply(&action);
    answer->status = reservation_status(ledger, reservation, now_us);
    answer->created_at_us = reservation->created_at_us;
    answer->expires_at_us = reservation->expires_at_us;
}
