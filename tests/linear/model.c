#include "linear/model.h"

#include <string.h>

bool lin_kind_is_read(enum lin_kind kind)
{
    return kind == LIN_READ || kind == LIN_STATUS;
}

bool lin_kind_has_items(enum lin_kind kind)
{
    return kind <= LIN_PROMISE || kind == LIN_READ;
}

bool lin_kind_has_reservation(enum lin_kind kind)
{
    return kind >= LIN_RESERVE && kind != LIN_LIMIT && kind != LIN_READ;
}

/* ---- The state ---- */

size_t lin_state_size(const struct lin_shape *shape, const struct lin_state *state)
{
    return sizeof *state + shape->position_count * sizeof(struct lin_position) +
           shape->window_count * sizeof(struct lin_window) + shape->supply_count * sizeof(struct lin_coming) +
           state->claim_count * sizeof(struct lin_held);
}

size_t lin_state_size_max(const struct lin_shape *shape)
{
    struct lin_state full = { .claim_count = shape->claims_max };
    return lin_state_size(shape, &full);
}

struct lin_position *lin_state_positions(struct lin_state *state)
{
    return (struct lin_position *)(void *)(state + 1);
}

static struct lin_window *state_windows(const struct lin_shape *shape, struct lin_state *state)
{
    return (struct lin_window *)(void *)(lin_state_positions(state) + shape->position_count);
}

static struct lin_coming *state_supplies(const struct lin_shape *shape, struct lin_state *state)
{
    return (struct lin_coming *)(void *)(state_windows(shape, state) + shape->window_count);
}

struct lin_held *lin_state_claims(const struct lin_shape *shape, struct lin_state *state)
{
    return (struct lin_held *)(void *)(state_supplies(shape, state) + shape->supply_count);
}

void lin_state_init(const struct lin_shape *shape, struct lin_state *state)
{
    *state = (struct lin_state){ .now_us = INT64_MIN };
    for (uint32_t i = 0; i < shape->position_count; i++)
        lin_state_positions(state)[i] = (struct lin_position){ .counted_as_of = LIN_UNSAID };
    for (uint32_t i = 0; i < shape->window_count; i++)
        state_windows(shape, state)[i] = (struct lin_window){ .limit = 0 };
    for (uint32_t i = 0; i < shape->supply_count; i++)
        state_supplies(shape, state)[i] = (struct lin_coming){ .quantity = 0 };
}

static uint32_t position_of(const struct lin_shape *shape, uint32_t item, uint32_t node)
{
    return shape->position_of[item * LIN_NODES_MAX + node];
}

static int64_t claimed_at(const struct lin_shape *shape, struct lin_state *state, uint32_t position)
{
    int64_t sum = 0;
    const struct lin_held *claims = lin_state_claims(shape, state);
    for (uint64_t i = 0; i < state->claim_count; i++)
        if (claims[i].position == position)
            sum += claims[i].held + claims[i].confirmed;
    return sum;
}

/* What is to come to a position by then. LIN_UNSAID is now, before every eta. */
static int64_t coming_at(const struct lin_shape *shape, struct lin_state *state, uint32_t position, int64_t by)
{
    int64_t sum = 0;
    const struct lin_coming *supplies = state_supplies(shape, state);
    for (uint32_t i = 0; i < shape->supply_count; i++)
        if (supplies[i].position == position && supplies[i].eta <= by)
            sum += supplies[i].quantity;
    return sum;
}

/* What can be had at a position: what is there, or comes in time, and is not claimed; never less than nothing. */
static int64_t available_by(const struct lin_shape *shape, struct lin_state *state, uint32_t position, int64_t by)
{
    int64_t rest = lin_state_positions(state)[position].sellable - claimed_at(shape, state, position) +
                   coming_at(shape, state, position, by);
    return rest > 0 ? rest : 0;
}

static int64_t available_at(const struct lin_shape *shape, struct lin_state *state, uint32_t position)
{
    return available_by(shape, state, position, LIN_UNSAID);
}

static int64_t available_of_line(const struct lin_shape *shape, struct lin_state *state,
                                 const struct lin_line *line, int64_t by)
{
    int64_t sum = 0;
    if (line->node != LIN_ANY_NODE)
        return available_by(shape, state, position_of(shape, line->item, line->node), by);
    for (uint32_t node = 0; node < shape->node_count; node++)
        sum += available_by(shape, state, position_of(shape, line->item, node), by);
    return sum;
}

static bool said_is(int64_t said, int64_t is)
{
    return said == LIN_UNSAID || said == is;
}

/* ---- Time ---- */

bool lin_model_may_expire(const struct lin_held *claim, int64_t by_us)
{
    return claim->held > 0 && claim->expires_from_us <= by_us;
}

static void claim_expire(struct lin_held *claim)
{
    claim->held = 0;
    claim->past |= LIN_PART_EXPIRED;
}

static void state_advance(const struct lin_shape *shape, struct lin_state *state, int64_t now_us)
{
    struct lin_held *claims = lin_state_claims(shape, state);
    state->now_us = now_us;
    for (uint64_t i = 0; i < state->claim_count; i++)
        if (claims[i].held > 0 && claims[i].expires_to_us <= now_us)
            claim_expire(&claims[i]);
}

void lin_model_expire(const struct lin_shape *shape, struct lin_state *state, uint64_t reservation)
{
    struct lin_held *claims = lin_state_claims(shape, state);
    int64_t now_us = state->now_us;
    for (uint64_t i = 0; i < state->claim_count; i++) {
        if (claims[i].reservation != reservation || claims[i].held == 0)
            continue;
        if (claims[i].expires_from_us > now_us)
            now_us = claims[i].expires_from_us;
        claim_expire(&claims[i]);
    }
    state_advance(shape, state, now_us);
}

int64_t lin_model_time_told(const struct lin_op *op)
{
    if (op->answer != LIN_OK)
        return LIN_UNSAID;
    bool is_made = op->kind == LIN_RESERVE || op->kind == LIN_PROMISE;
    if (is_made && op->created_us != LIN_UNSAID)
        return op->created_us;
    bool has_end = op->expires_us != LIN_UNSAID && op->expires_us != LIN_NEVER && op->ttl_us > 0;
    return has_end && (is_made || op->kind == LIN_EXTEND) ? op->expires_us - op->ttl_us : LIN_UNSAID;
}

/* Picks the server's time of the operation: what it told, else the earliest possible. */
static bool time_choose(const struct lin_op *op, const struct lin_moment *moment, int64_t now_us,
                        int64_t *out_us)
{
    int64_t from_us = moment->from_us > now_us ? moment->from_us : now_us;
    int64_t told_us = moment->is_judged ? lin_model_time_told(op) : LIN_UNSAID;
    *out_us = told_us == LIN_UNSAID ? from_us : told_us;
    return *out_us >= from_us && *out_us <= moment->to_us;
}

/* ---- Stock ---- */

static bool apply_adjust(const struct lin_shape *shape, struct lin_state *state, const struct lin_op *op,
                         bool is_judged)
{
    for (uint32_t i = 0; i < op->line_count; i++) {
        uint32_t position = position_of(shape, op->lines[i].item, op->lines[i].node);
        lin_state_positions(state)[position].sellable += op->lines[i].quantity;
        if (is_judged && !said_is(op->lines[i].available, available_at(shape, state, position)))
            return false;
    }
    return !is_judged || op->answer == LIN_OK;
}

/* A greater count is a later one, or of two of one time the smaller one. */
static enum lin_answer count_judge(const struct lin_position *position, int64_t as_of, int64_t quantity)
{
    bool is_counted = position->counted_as_of != LIN_UNSAID;
    if (is_counted && as_of == position->counted_as_of && quantity == position->counted)
        return LIN_UNCHANGED;
    if (is_counted && (as_of < position->counted_as_of ||
                       (as_of == position->counted_as_of && quantity > position->counted)))
        return LIN_STALE;
    return LIN_OK;
}

static bool apply_sync(const struct lin_shape *shape, struct lin_state *state, const struct lin_op *op,
                       bool is_judged)
{
    const struct lin_line *line = &op->lines[0];
    uint32_t number = position_of(shape, line->item, line->node);
    struct lin_position *position = &lin_state_positions(state)[number];
    enum lin_answer answer = count_judge(position, op->as_of, line->quantity);
    if (answer == LIN_OK) {
        position->sellable += line->quantity - position->counted;
        position->counted = line->quantity;
        position->counted_as_of = op->as_of;
    }
    return !is_judged ||
           (op->answer == answer && said_is(line->available, available_at(shape, state, number)));
}

/* ---- Supplies to come, limits of windows ---- */

/* Whatever it was before, also elsewhere. */
static bool apply_supply(const struct lin_shape *shape, struct lin_state *state, const struct lin_op *op,
                         bool is_judged)
{
    const struct lin_line *line = &op->lines[0];
    state_supplies(shape, state)[op->supply] = (struct lin_coming){
        .quantity = line->quantity,
        .eta = op->eta,
        .position = position_of(shape, line->item, line->node),
    };
    return !is_judged || op->answer == LIN_OK;
}

/* A lower limit takes nothing back. */
static bool apply_limit(const struct lin_shape *shape, struct lin_state *state, const struct lin_op *op,
                        bool is_judged)
{
    state_windows(shape, state)[op->window].limit = op->lines[0].quantity;
    return !is_judged || op->answer == LIN_OK;
}

/* ---- Reservations ---- */

static bool claim_add(const struct lin_shape *shape, struct lin_state *state, const struct lin_op *op,
                      uint32_t line, uint32_t node, int64_t quantity)
{
    if (state->claim_count == shape->claims_max)
        return false;
    lin_state_claims(shape, state)[state->claim_count++] = (struct lin_held){
        .reservation = op->reservation,
        .line = line,
        .position = position_of(shape, op->lines[line].item, node),
        .held = quantity,
    };
    return true;
}

/* Takes from one node; what is still wanted. */
static int64_t line_take(const struct lin_shape *shape, struct lin_state *state, const struct lin_op *op,
                         uint32_t line, uint32_t node, int64_t wanted)
{
    int64_t there = available_at(shape, state, position_of(shape, op->lines[line].item, node));
    int64_t taken = there < wanted ? there : wanted;
    return taken > 0 && claim_add(shape, state, op, line, node, taken) ? wanted - taken : wanted;
}

/* Claims all of a line, or nothing. Later lines see what is claimed. */
static bool line_claim(const struct lin_shape *shape, struct lin_state *state, const struct lin_op *op,
                       uint32_t line)
{
    const struct lin_line *asked = &op->lines[line];
    int64_t wanted = asked->quantity;
    if (available_of_line(shape, state, asked, LIN_UNSAID) < wanted)
        return false;
    if (asked->node != LIN_ANY_NODE)
        wanted = line_take(shape, state, op, line, asked->node, wanted);
    for (uint32_t node = 0; asked->node == LIN_ANY_NODE && node < shape->node_count && wanted > 0; node++)
        wanted = line_take(shape, state, op, line, node, wanted);
    return wanted == 0;
}

/* The claims that were answered are those that were made, in their order. */
static bool claims_are_as_said(const struct lin_shape *shape, const struct lin_op *op,
                               const struct lin_held *claims, uint64_t count)
{
    if (op->claim_count == UINT32_MAX)
        return true;
    if (op->claim_count != count)
        return false;
    for (uint32_t i = 0; i < op->claim_count; i++) {
        const struct lin_claim *said = &op->claims[i];
        if (said->line != claims[i].line || said->quantity != claims[i].held ||
            position_of(shape, op->lines[said->line].item, said->node) != claims[i].position)
            return false;
    }
    return true;
}

static void claims_set_end(struct lin_state *state, struct lin_held *claims, uint64_t count,
                           const struct lin_op *op, const struct lin_moment *moment)
{
    bool is_told = moment->is_judged && lin_model_time_told(op) != LIN_UNSAID;
    bool is_exact = is_told || moment->to_us <= state->now_us;
    for (uint64_t i = 0; i < count; i++) {
        claims[i].expires_from_us = op->ttl_us > 0 ? state->now_us + op->ttl_us : LIN_NEVER;
        claims[i].expires_to_us = claims[i].expires_from_us;
        if (op->ttl_us > 0 && !is_exact)
            claims[i].expires_to_us = moment->to_us == LIN_NEVER ? LIN_NEVER : moment->to_us + op->ttl_us;
    }
}

static bool end_is_as_said(const struct lin_state *state, const struct lin_op *op)
{
    return said_is(op->expires_us, op->ttl_us > 0 ? state->now_us + op->ttl_us : LIN_NEVER);
}

static bool apply_reserve(const struct lin_shape *shape, struct lin_state *state, const struct lin_op *op,
                          const struct lin_moment *moment)
{
    uint64_t before = state->claim_count;
    bool fits = true;
    bool is_as_said = true;
    for (uint32_t i = 0; i < op->line_count; i++) {
        int64_t there = available_of_line(shape, state, &op->lines[i], LIN_UNSAID);
        is_as_said = is_as_said && said_is(op->lines[i].available, there);
        fits = line_claim(shape, state, op, i) && fits;
    }
    struct lin_held *claims = lin_state_claims(shape, state) + before;
    uint64_t count = state->claim_count - before;
    if (!fits) {
        state->claim_count = before;
        return !moment->is_judged || (op->answer == LIN_INSUFFICIENT && is_as_said);
    }
    claims_set_end(state, claims, count, op, moment);
    return !moment->is_judged || (op->answer == LIN_OK && claims_are_as_said(shape, op, claims, count) &&
                                  end_is_as_said(state, op));
}

/* ---- Promises ---- */

static bool window_has_place(const struct lin_shape *shape, struct lin_state *state, uint32_t window)
{
    const struct lin_window *at = &state_windows(shape, state)[window];
    const struct lin_held *claims = lin_state_claims(shape, state);
    int64_t taken = at->worked;
    for (uint64_t i = 0; i < state->claim_count; i++)
        taken += claims[i].place == window + 1 && claims[i].held + claims[i].confirmed > 0;
    return taken < at->limit;
}

/* Claims all lines at one node, or nothing. */
static bool promise_claim(const struct lin_shape *shape, struct lin_state *state, const struct lin_op *op,
                          uint32_t node)
{
    uint64_t before = state->claim_count;
    uint32_t line = 0;
    while (line < op->line_count &&
           line_take(shape, state, op, line, node, op->lines[line].quantity) == 0)
        line++;
    if (line < op->line_count)
        state->claim_count = before;
    return line == op->line_count;
}

/* Stock at the first node that has all of it and a place in the window, or neither. The first claim has the place. */
static bool apply_promise(const struct lin_shape *shape, struct lin_state *state, const struct lin_op *op,
                          const struct lin_moment *moment)
{
    uint64_t before = state->claim_count;
    uint32_t node = 0;
    if (!window_has_place(shape, state, op->window))
        node = shape->node_count;
    while (node < shape->node_count && !promise_claim(shape, state, op, node))
        node++;
    if (node == shape->node_count)
        return !moment->is_judged || op->answer == LIN_NOT_PROMISABLE;
    struct lin_held *claims = lin_state_claims(shape, state) + before;
    uint64_t count = state->claim_count - before;
    claims[0].place = op->window + UINT64_C(1);
    claims_set_end(state, claims, count, op, moment);
    return !moment->is_judged || (op->answer == LIN_OK && claims_are_as_said(shape, op, claims, count) &&
                                  end_is_as_said(state, op));
}

/* ---- Actions on a whole reservation ---- */

/* All that is known of a reservation. */
struct sum {
    uint64_t claims;
    int64_t held;
    int64_t confirmed;
    uint64_t past;
    struct lin_held *live; /* one claim that lives, or NULL */
};

static struct sum reservation_sum(const struct lin_shape *shape, struct lin_state *state,
                                  uint64_t reservation)
{
    struct sum sum = { .claims = 0 };
    struct lin_held *claims = lin_state_claims(shape, state);
    for (uint64_t i = 0; i < state->claim_count; i++) {
        if (claims[i].reservation != reservation)
            continue;
        sum.claims++;
        sum.held += claims[i].held;
        sum.confirmed += claims[i].confirmed;
        sum.past |= claims[i].past;
        if (claims[i].held + claims[i].confirmed > 0)
            sum.live = &claims[i];
    }
    return sum;
}

/* Why nothing can be done any more. */
static enum lin_answer sum_ended(const struct sum *sum)
{
    if (sum->claims == 0)
        return LIN_UNKNOWN;
    if (sum->confirmed > 0)
        return LIN_ALREADY_CONFIRMED;
    if ((sum->past & LIN_PART_FULFILLED) != 0)
        return LIN_ALREADY_FULFILLED;
    return (sum->past & LIN_PART_EXPIRED) != 0 ? LIN_EXPIRED : LIN_ALREADY_RELEASED;
}

static enum lin_answer sum_status(const struct sum *sum)
{
    if (sum->claims == 0)
        return LIN_UNKNOWN;
    if (sum->held > 0)
        return LIN_HELD;
    if (sum->confirmed > 0)
        return LIN_CONFIRMED;
    if ((sum->past & LIN_PART_FULFILLED) != 0)
        return LIN_FULFILLED;
    return (sum->past & LIN_PART_EXPIRED) != 0 ? LIN_EXPIRED : LIN_RELEASED;
}

static enum lin_answer action_judge(enum lin_kind kind, const struct sum *sum)
{
    bool can = (kind == LIN_CONFIRM || kind == LIN_EXTEND) ? sum->held > 0 : sum->held + sum->confirmed > 0;
    if (kind == LIN_FULFIL && sum->held > 0)
        return LIN_NOT_CONFIRMED;
    return can ? LIN_OK : sum_ended(sum);
}

static void claim_act(const struct lin_shape *shape, struct lin_state *state, struct lin_held *claim,
                      enum lin_kind kind)
{
    if (kind == LIN_CONFIRM) {
        claim->confirmed += claim->held;
        claim->held = 0;
        return;
    }
    if (kind == LIN_FULFIL)
        lin_state_positions(state)[claim->position].sellable -= claim->confirmed;
    if (kind == LIN_FULFIL && claim->place != 0)
        state_windows(shape, state)[claim->place - 1].worked++;
    claim->past |= kind == LIN_FULFIL ? LIN_PART_FULFILLED : LIN_PART_RELEASED;
    claim->held = 0;
    claim->confirmed = 0;
}

static bool apply_action(const struct lin_shape *shape, struct lin_state *state, const struct lin_op *op,
                         const struct lin_moment *moment)
{
    struct sum sum = reservation_sum(shape, state, op->reservation);
    enum lin_answer answer = action_judge(op->kind, &sum);
    struct lin_held *claims = lin_state_claims(shape, state);
    if (moment->is_judged && op->answer != answer)
        return false;
    for (uint64_t i = 0; answer == LIN_OK && i < state->claim_count; i++) {
        if (claims[i].reservation != op->reservation || claims[i].held + claims[i].confirmed == 0)
            continue;
        if (op->kind == LIN_EXTEND)
            claims_set_end(state, &claims[i], 1, op, moment);
        else
            claim_act(shape, state, &claims[i], op->kind);
    }
    return !moment->is_judged || answer != LIN_OK || op->kind != LIN_EXTEND || end_is_as_said(state, op);
}

/* A refusal of a change or a move says what could have been had. */
static bool newly_fits(const struct lin_shape *shape, struct lin_state *state, const struct lin_op *op,
                       uint32_t position, int64_t wanted, enum lin_answer *out_answer, bool *out_is_as_said)
{
    int64_t there = available_at(shape, state, position);
    *out_answer = wanted <= there ? LIN_OK : LIN_INSUFFICIENT;
    *out_is_as_said = *out_answer == LIN_OK || said_is(op->lines[0].available, there);
    return *out_answer == LIN_OK;
}

static bool apply_change(const struct lin_shape *shape, struct lin_state *state, const struct lin_op *op,
                         bool is_judged)
{
    struct sum sum = reservation_sum(shape, state, op->reservation);
    enum lin_answer answer = LIN_OK;
    bool is_as_said = true;
    if (sum.live == NULL) {
        answer = sum_ended(&sum);
    } else {
        int64_t more = op->lines[0].quantity - sum.live->held - sum.live->confirmed;
        if (newly_fits(shape, state, op, sum.live->position, more > 0 ? more : 0, &answer, &is_as_said))
            *(sum.live->held > 0 ? &sum.live->held : &sum.live->confirmed) = op->lines[0].quantity;
    }
    return !is_judged || (op->answer == answer && is_as_said);
}

/* The item of a position is not needed: nodes of one item are numbered in a row. */
static bool apply_move(const struct lin_shape *shape, struct lin_state *state, const struct lin_op *op,
                       bool is_judged)
{
    struct sum sum = reservation_sum(shape, state, op->reservation);
    enum lin_answer answer = LIN_OK;
    bool is_as_said = true;
    if (sum.live == NULL) {
        answer = sum_ended(&sum);
    } else {
        uint32_t to = sum.live->position - sum.live->position % shape->node_count + op->lines[0].node;
        int64_t quantity = sum.live->held + sum.live->confirmed;
        if (to == sum.live->position)
            answer = LIN_SAME_NODE;
        else if (newly_fits(shape, state, op, to, quantity, &answer, &is_as_said))
            sum.live->position = to;
    }
    return !is_judged || (op->answer == answer && is_as_said);
}

/* ---- Reads ---- */

static bool read_is_right(const struct lin_shape *shape, struct lin_state *state, const struct lin_op *op)
{
    const struct lin_line *line = &op->lines[0];
    int64_t held = 0;
    int64_t confirmed = 0;
    if (op->answer != LIN_OK || !said_is(line->available, available_of_line(shape, state, line, op->by)))
        return false;
    if (line->node == LIN_ANY_NODE)
        return true;
    uint32_t position = position_of(shape, line->item, line->node);
    const struct lin_held *claims = lin_state_claims(shape, state);
    for (uint64_t i = 0; i < state->claim_count; i++) {
        held += claims[i].position == position ? claims[i].held : 0;
        confirmed += claims[i].position == position ? claims[i].confirmed : 0;
    }
    return said_is(op->sellable, lin_state_positions(state)[position].sellable) && said_is(op->held, held) &&
           said_is(op->confirmed, confirmed);
}

static bool status_is_right(const struct lin_shape *shape, struct lin_state *state, const struct lin_op *op)
{
    struct sum sum = reservation_sum(shape, state, op->reservation);
    return op->answer == sum_status(&sum);
}

/* ---- All of them ---- */

bool lin_model_apply(const struct lin_shape *shape, struct lin_state *state, const struct lin_op *op,
                     const struct lin_moment *moment)
{
    int64_t now_us = 0;
    if (!time_choose(op, moment, state->now_us, &now_us))
        return false;
    state_advance(shape, state, now_us);
    switch (op->kind) {
    case LIN_ADJUST:
        return apply_adjust(shape, state, op, moment->is_judged);
    case LIN_SYNC:
        return apply_sync(shape, state, op, moment->is_judged);
    case LIN_SUPPLY:
        return apply_supply(shape, state, op, moment->is_judged);
    case LIN_LIMIT:
        return apply_limit(shape, state, op, moment->is_judged);
    case LIN_RESERVE:
        return apply_reserve(shape, state, op, moment);
    case LIN_PROMISE:
        return apply_promise(shape, state, op, moment);
    case LIN_CONFIRM:
    case LIN_RELEASE:
    case LIN_FULFIL:
    case LIN_EXTEND:
        return apply_action(shape, state, op, moment);
    case LIN_CHANGE:
        return apply_change(shape, state, op, moment->is_judged);
    case LIN_MOVE:
        return apply_move(shape, state, op, moment->is_judged);
    case LIN_READ:
        return read_is_right(shape, state, op);
    case LIN_STATUS:
        return status_is_right(shape, state, op);
    }
    return false;
}
