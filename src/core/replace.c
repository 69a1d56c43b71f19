/*
 * replace.c - what a reservation claims at nodes that reject it is claimed at
 * others, with the capacity it needs there, in one step (docs/spec/promise.md, PR4).
 *
 * Like a move, but decided already: each line may go to several nodes, wait for a supply, and books.
 */
#include "core/state.h"

/* A claim at a node that gives up: what of it is there to be given, and what is. */
struct source {
    uint32_t claim;
    int64_t held_milli;
    int64_t confirmed_milli;
    int64_t gives_held_milli;
    int64_t gives_confirmed_milli;
};

struct replacing {
    struct oh_ledger *ledger;
    const struct oh_replace_command *command;
    struct oh_answer *answer;
    uint32_t reservation;
    int64_t now_us;
    struct source *sources;
    uint32_t source_count;
};

static const struct claim *claim_of(const struct replacing *r, const struct source *source)
{
    return &r->ledger->claims[source->claim];
}

static bool gives_up(const struct oh_replace_command *command, uint16_t node)
{
    for (uint32_t i = 0; i < command->node_count; i++) {
        if (command->nodes[i] == node)
            return true;
    }
    return false;
}

/* ---- The command itself ----------------------------------------------------------------------- */

static void sources_load(struct replacing *r)
{
    struct oh_ledger *ledger = r->ledger;
    const struct reservation *reservation = &ledger->reservations[r->reservation];
    bool is_due = reservation_is_due(reservation, r->now_us);
    r->sources = scratch_take(ledger, (size_t)reservation->claim_count * sizeof(*r->sources));
    for (uint32_t link = claims_first(ledger, reservation); link != 0; link = claims_after(ledger, reservation, link)) {
        const struct claim *claim = &ledger->claims[link - 1];
        struct parts parts = claim_parts(ledger, claim);
        int64_t held = is_due ? 0 : parts.held_milli;
        if (held + parts.confirmed_milli > 0 && gives_up(r->command, claim->node))
            r->sources[r->source_count++] =
                (struct source){ .claim = link - 1, .held_milli = held, .confirmed_milli = parts.confirmed_milli };
    }
}

static int64_t line_gives_up(const struct replacing *r, uint32_t line)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < r->source_count; i++) {
        const struct source *source = &r->sources[i];
        if (claim_of(r, source)->line == line)
            sum += source->held_milli + source->confirmed_milli;
    }
    return sum;
}

/* Picks rise by line, go to other nodes, and take no more than is given up. */
static enum oh_verdict picks_judge(const struct replacing *r)
{
    const struct oh_replace_command *command = r->command;
    int64_t left = 0;
    for (uint32_t i = 0; i < command->pick_count; i++) {
        const struct oh_reserve_pick *pick = &command->picks[i];
        bool is_next = i == 0 || command->picks[i - 1].line != pick->line;
        if ((i > 0 && command->picks[i - 1].line > pick->line) || pick->node >= r->ledger->node_count)
            return refuse(r->answer, OH_V_INVALID_VALUE, OH_FIELD_LINE, i);
        if (gives_up(command, pick->node))
            return refuse(r->answer, OH_V_SAME_NODE, OH_FIELD_NODE, i);
        left = is_next ? line_gives_up(r, pick->line) : left;
        if (pick->quantity_milli <= 0 || pick->quantity_milli > left)
            return refuse(r->answer, OH_V_INVALID_QUANTITY, OH_FIELD_QUANTITY, i);
        left -= pick->quantity_milli;
    }
    return OH_OK_DONE;
}

static enum oh_verdict command_judge(struct replacing *r)
{
    const struct oh_replace_command *command = r->command;
    if (r->source_count == 0)
        return refuse(r->answer, OH_V_NOTHING_CLAIMED, OH_FIELD_NODE, OH_INDEX_NONE);
    if (command->refusal != OH_OK_DONE)
        return refuse(r->answer, command->refusal, OH_FIELD_HOLD, OH_INDEX_NONE);
    if (command->pick_count == 0 || command->pick_count > OH_CLAIMS_MAX || command->promise.size > OH_PROMISE_SIZE_MAX)
        return refuse(r->answer, OH_V_TOO_MANY, OH_FIELD_LINES, OH_INDEX_NONE);
    if (command->booking_count + bookings_count(r->ledger, r->reservation) > OH_BOOKINGS_MAX)
        return refuse(r->answer, OH_V_TOO_MANY, OH_FIELD_BOOKINGS, OH_INDEX_NONE);
    uint32_t claims = r->ledger->reservations[r->reservation].claim_count + command->pick_count;
    if (claims > OH_CLAIMS_MAX)
        return refuse(r->answer, OH_V_TOO_MANY_SPLITS, OH_FIELD_LINES, OH_INDEX_NONE);
    return picks_judge(r);
}

/* ---- Does it fit? ----------------------------------------------------------------------------- */

/* The claims of the line give, in their order, what is held first. */
static uint32_t line_give(struct replacing *r, const struct oh_reserve_pick *pick)
{
    int64_t left = pick->quantity_milli;
    uint32_t item = NO_SLOT;
    for (uint32_t i = 0; i < r->source_count; i++) {
        struct source *source = &r->sources[i];
        const struct claim *claim = claim_of(r, source);
        if (claim->line != pick->line)
            continue;
        int64_t held = oh_min_i64(source->held_milli - source->gives_held_milli, left);
        int64_t confirmed = oh_min_i64(source->confirmed_milli - source->gives_confirmed_milli, left - held);
        source->gives_held_milli += held;
        source->gives_confirmed_milli += confirmed;
        left -= held + confirmed;
        item = claim->item;
        pending_add(r->ledger, claim->item, claim->node, -(held + confirmed));
    }
    OH_ASSERT(left == 0 && item != NO_SLOT);
    return item;
}

static enum oh_verdict pick_judge(struct replacing *r, uint32_t i)
{
    const struct oh_reserve_pick *pick = &r->command->picks[i];
    const struct reservation *reservation = &r->ledger->reservations[r->reservation];
    struct oh_asker asker = { .channel = { reservation->channel }, .kind = (enum oh_kind)reservation->kind };
    asker.kind = pick->kind == OH_KIND_ANY ? asker.kind : pick->kind;
    uint32_t item = line_give(r, pick);
    int64_t possible = pick_possible(r->ledger, item, asker, pick, r->now_us);
    if (possible < pick->quantity_milli) {
        r->ledger->answer_lines[0] = (struct oh_answer_line){
            .line = pick->line,
            .item = { item },
            .node = { pick->node },
            .verdict = OH_V_INSUFFICIENT,
            .requested_milli = pick->quantity_milli,
            .available_milli = possible,
        };
        r->answer->line_count = 1;
        return refuse(r->answer, OH_V_INSUFFICIENT, OH_FIELD_QUANTITY, i);
    }
    pending_add(r->ledger, item, pick->node, pick->quantity_milli);
    return OH_OK_DONE;
}

/* Of the nodes that give up only those that keep nothing give their capacity back as a whole. */
static uint32_t nodes_emptied(struct replacing *r, uint16_t *nodes)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < r->command->node_count; n++) {
        bool keeps = false;
        for (uint32_t i = 0; i < r->source_count && !keeps; i++) {
            const struct source *source = &r->sources[i];
            keeps = claim_of(r, source)->node == r->command->nodes[n] &&
                    source->held_milli + source->confirmed_milli >
                        source->gives_held_milli + source->gives_confirmed_milli;
        }
        if (!keeps)
            nodes[count++] = r->command->nodes[n];
    }
    return count;
}

static enum oh_verdict replacing_judge(struct replacing *r)
{
    const struct oh_replace_command *command = r->command;
    if (command_judge(r) != OH_OK_DONE)
        return r->answer->verdict;
    for (uint32_t i = 0; i < command->pick_count; i++) {
        if (pick_judge(r, i) != OH_OK_DONE)
            return r->answer->verdict;
    }
    uint16_t *nodes = scratch_take(r->ledger, command->node_count * sizeof(*nodes));
    struct given_back given = { r->reservation, nodes, nodes_emptied(r, nodes) };
    uint32_t fault = 0;
    enum oh_verdict verdict =
        bookings_judge(r->ledger, command->bookings, command->booking_count, r->now_us, &given, &fault);
    return verdict == OH_OK_DONE ? verdict : refuse(r->answer, verdict, OH_FIELD_BOOKINGS, fault);
}

/* ---- The outcome ------------------------------------------------------------------------------ */

static void step_write(struct replacing *r, const struct source *source, bool is_held, int64_t quantity)
{
    const struct claim *claim = claim_of(r, source);
    if (quantity == 0)
        return;
    struct hint hint = { .reservation = r->reservation, .claim = source->claim, .position = claim->position };
    effect_add(r->ledger, OH_EFFECT_STEP, hint)->step = (struct oh_effect_step){
        .id = r->command->id,
        .line = claim->line,
        .item = claim->item,
        .node = claim->node,
        .step = OH_STEP_MOVE,
        .is_held = is_held,
        .quantity_milli = quantity,
        .at_us = r->now_us,
    };
}

/* What of the pick is held: as much as its line still has of what was held. */
static void pick_write(struct replacing *r, const struct oh_reserve_pick *pick, int64_t *held_left)
{
    uint32_t item = NO_SLOT;
    for (uint32_t i = 0; i < r->source_count && item == NO_SLOT; i++)
        item = claim_of(r, &r->sources[i])->line == pick->line ? claim_of(r, &r->sources[i])->item : NO_SLOT;
    int64_t held = oh_min_i64(*held_left, pick->quantity_milli);
    *held_left -= held;
    struct hint hint = NO_HINT;
    hint.reservation = r->reservation;
    effect_add(r->ledger, OH_EFFECT_CLAIM, hint)->claim = (struct oh_effect_claim){
        .id = r->command->id,
        .line = pick->line,
        .item = item,
        .node = pick->node,
        .quantity_milli = pick->quantity_milli,
        .held_milli = held,
        .confirmed_milli = pick->quantity_milli - held,
        .due_at_us = pick->due_at_us > r->now_us ? pick->due_at_us : OH_TIME_US_NONE,
    };
    r->ledger->answer_lines[r->answer->line_count++] = (struct oh_answer_line){
        .line = pick->line,
        .item = { item },
        .node = { pick->node },
        .requested_milli = pick->quantity_milli,
        .quantity_milli = pick->quantity_milli,
    };
}

static int64_t line_held(const struct replacing *r, uint32_t line)
{
    int64_t held = 0;
    for (uint32_t i = 0; i < r->source_count; i++)
        held += claim_of(r, &r->sources[i])->line == line ? r->sources[i].gives_held_milli : 0;
    return held;
}

static void outcome_write(struct replacing *r)
{
    const struct oh_replace_command *command = r->command;
    int64_t held_left = 0;
    for (uint32_t i = 0; i < r->source_count; i++) {
        step_write(r, &r->sources[i], true, r->sources[i].gives_held_milli);
        step_write(r, &r->sources[i], false, r->sources[i].gives_confirmed_milli);
    }
    for (uint32_t i = 0; i < command->pick_count; i++) {
        if (i == 0 || command->picks[i - 1].line != command->picks[i].line)
            held_left = line_held(r, command->picks[i].line);
        pick_write(r, &command->picks[i], &held_left);
    }
}

static void promise_write(struct replacing *r)
{
    const struct oh_replace_command *command = r->command;
    if (command->promise.size > 0)
        effect_add(r->ledger, OH_EFFECT_PROMISE, NO_HINT)->promise =
            (struct oh_effect_promise){ command->id, command->promise };
    effects_apply(r->ledger);
}

void decide_replace(struct oh_ledger *ledger, int64_t now_us, const struct oh_replace_command *command,
                    struct oh_answer *answer)
{
    struct replacing r = {
        .ledger = ledger,
        .command = command,
        .answer = answer,
        .reservation = reservation_named(ledger),
        .now_us = now_us,
    };
    answer->id = command->id;
    if (r.reservation == NO_SLOT) {
        refuse(answer, OH_V_UNKNOWN_RESERVATION, OH_FIELD_ID, OH_INDEX_NONE);
        return;
    }
    const struct reservation *reservation = &ledger->reservations[r.reservation];
    answer->kind = (enum oh_kind)reservation->kind;
    pending_begin(ledger);
    sources_load(&r);
    if (replacing_judge(&r) == OH_OK_DONE) {
        const int64_t *lives = bookings_note(ledger, r.reservation);
        outcome_write(&r);
        effects_apply(ledger);
        bookings_settle(ledger, r.reservation, answer->id, lives);
        bookings_take(ledger, r.reservation, answer->id, command->bookings, command->booking_count);
        promise_write(&r);
    }
    answer->status = reservation_status(ledger, reservation, now_us);
    answer->created_at_us = reservation->created_at_us;
    answer->expires_at_us = reservation->expires_at_us;
}
