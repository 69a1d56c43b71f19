/*
 * test_ledger_model.c - the ledger against a naive model (docs/spec/ledger.md, L1 to L37).
 *
 * The model keeps lists and adds them up each time it is asked: every movement
 * and every count that was told, in whatever order; every claim there ever
 * was. It shares no code with the core. After each command the verdict, the
 * quantities and every figure of the positions concerned must agree, and every
 * so often all of them. One seed repeats one run: ONHAND_SEED.
 */
#include "base/prng.h"
#include "onhand/ledger.h"
#include "support/random_commands.h"
#include "support/test.h"
#include <stdio.h>
#include <stdlib.h>

#define ITEMS 3
#define NODES 4
#define CHANNELS 3 /* channel 2 sees nodes 0..2 only */
#define FACTS_MAX 4096
#define CLAIMS_MAX 60000
#define RESERVATIONS_MAX 20000
#define STEPS 12000
#define LINES 4
#define SECOND_US INT64_C(1000000)

struct fact { bool is_count; int64_t at_us; int64_t seq; int64_t milli; };
struct facts { struct fact *list; uint32_t count; };
struct mclaim { uint32_t reservation, line, item, node; int64_t held, confirmed, fulfilled; bool moved; };
struct mreservation { char id[24]; uint32_t channel; int64_t expires_us; uint32_t first_claim; };

struct model {
    struct oh_ledger *ledger;
    struct oh_prng prng;
    int64_t now_us;
    struct facts facts[ITEMS][NODES][OH_STATE_COUNT];
    struct mclaim *claims;
    uint32_t claim_count;
    struct mreservation *reservations;
    uint32_t reservation_count;
    int64_t safety[NODES];
    int64_t backorder[ITEMS];
    int64_t fence; /* item 0, node 0, channel 1, regular */
    int64_t restricted; /* item 1, node 1, channel 1, restrict */
    bool is_restricted; /* the fence is there, used up or not */
    uint64_t step;
};

static char sku_names[ITEMS][8], node_names[NODES][8], channel_names[CHANNELS][12];

static int64_t below(struct model *model, int64_t bound)
{
    return (int64_t)oh_prng_below(&model->prng, (uint64_t)bound);
}

/* ---- The model's answers ---------------------------------------------------------------------- */

static bool count_is_greater(const struct fact *a, const struct fact *b)
{
    if (a->at_us != b->at_us)
        return a->at_us > b->at_us;
    if (a->seq != b->seq)
        return a->seq > b->seq;
    return a->milli < b->milli;
}

/* What is there: the greatest count, plus what moved after it. */
static int64_t model_quantity(const struct model *model, uint32_t item, uint32_t node, uint32_t state)
{
    const struct facts *facts = &model->facts[item][node][state];
    const struct fact *count = NULL;
    int64_t sum = 0;
    for (uint32_t i = 0; i < facts->count; i++) {
        const struct fact *fact = &facts->list[i];
        if (fact->is_count && (count == NULL || count_is_greater(fact, count)))
            count = fact;
    }
    for (uint32_t i = 0; i < facts->count; i++) {
        const struct fact *fact = &facts->list[i];
        if (!fact->is_count && (count == NULL || fact->at_us > count->at_us))
            sum += fact->milli;
    }
    return sum + (count == NULL ? 0 : count->milli);
}

static void model_tell(struct model *model, uint32_t item, uint32_t node, uint32_t state, struct fact fact)
{
    struct facts *facts = &model->facts[item][node][state];
    assert_true(facts->count < FACTS_MAX);
    facts->list[facts->count++] = fact;
}

static bool claim_is_due(const struct model *model, const struct mclaim *claim)
{
    int64_t expires_us = model->reservations[claim->reservation].expires_us;
    return expires_us != OH_TIME_US_NONE && expires_us <= model->now_us;
}

static int64_t held_of(const struct model *model, const struct mclaim *claim)
{
    return claim_is_due(model, claim) ? 0 : claim->held;
}

static int64_t model_claimed(const struct model *model, uint32_t item, uint32_t node, uint32_t channel, bool any,
                             int64_t *out_held)
{
    int64_t held = 0;
    int64_t confirmed = 0;
    for (uint32_t i = 0; i < model->claim_count; i++) {
        const struct mclaim *claim = &model->claims[i];
        if (claim->item != item || claim->node != node)
            continue;
        if (!any && model->reservations[claim->reservation].channel != channel)
            continue;
        held += held_of(model, claim);
        confirmed += claim->confirmed;
    }
    *out_held = held;
    return held + confirmed;
}

static int64_t at_least_0(int64_t value)
{
    return value > 0 ? value : 0;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

struct room { int64_t free; int64_t backorder; };

/* taken: what earlier lines of the request claim there. */
static struct room model_room(const struct model *model, uint32_t item, uint32_t node, uint32_t channel,
                              int64_t taken)
{
    struct room room = { 0, 0 };
    int64_t held;
    if (channel == 2 && node > 2)
        return room;
    int64_t open = model_quantity(model, item, node, OH_STATE_SELLABLE) -
                   model_claimed(model, item, node, 0, true, &held) - taken;
    bool is_restricted_place = item == 1 && node == 1 && model->is_restricted;
    int64_t set_aside = item == 0 && node == 0 ? model->fence : is_restricted_place ? model->restricted : 0;
    int64_t used = model_claimed(model, item, node, 1, false, &held);
    if (channel != 1)
        open -= at_least_0(set_aside - used);
    room.free = at_least_0(open - model->safety[node]);
    if (channel == 1 && is_restricted_place) {
        room.free = smaller(room.free, at_least_0(set_aside - used - taken));
        return room;
    }
    room.backorder = model->backorder[item] == 0 ? 0 : at_least_0(open + model->backorder[item] - room.free);
    return room;
}

/* ---- Comparing -------------------------------------------------------------------------------- */

static void compare_position(struct model *model, uint32_t item, uint32_t node)
{
    struct oh_position_view view;
    int64_t held;
    oh_position_get(model->ledger, (struct oh_item_id){ item }, (struct oh_node_id){ (uint16_t)node }, model->now_us,
                    &view);
    int64_t claimed = model_claimed(model, item, node, 0, true, &held);
    for (uint32_t state = 0; state < OH_STATE_COUNT; state++)
        assert_int_equal(view.states_milli[state], model_quantity(model, item, node, state));
    assert_int_equal(view.held_milli, held);
    assert_int_equal(view.confirmed_milli, claimed - held);
    int64_t sellable = view.states_milli[OH_STATE_SELLABLE];
    assert_int_equal(view.short_milli, claimed > 0 ? at_least_0(claimed - sellable) : 0);
    for (uint32_t channel = 0; channel < CHANNELS; channel++) {
        struct oh_availability availability;
        struct room room = model_room(model, item, node, channel, 0);
        oh_available_at_node(model->ledger, view.item, view.node,
                             (struct oh_asker){ { (uint16_t)channel }, OH_KIND_ANY }, model->now_us, &availability);
        assert_int_equal(availability.available_milli, room.free);
        assert_int_equal(availability.backorder_milli, room.backorder);
    }
}

static void compare_sums(struct model *model)
{
    for (uint32_t item = 0; item < ITEMS; item++) {
        for (uint32_t channel = 0; channel < CHANNELS; channel++) {
            struct oh_availability availability;
            struct room sum = { 0, 0 };
            for (uint32_t node = 0; node < NODES; node++) {
                struct room room = model_room(model, item, node, channel, 0);
                sum.free += room.free;
                sum.backorder += room.backorder;
            }
            oh_available_in_channel(model->ledger, (struct oh_item_id){ item },
                                    (struct oh_asker){ { (uint16_t)channel }, OH_KIND_ANY }, model->now_us,
                                    &availability);
            assert_int_equal(availability.available_milli, sum.free);
            assert_int_equal(availability.backorder_milli, sum.backorder);
        }
    }
}

static void compare_all(struct model *model)
{
    struct oh_verifier verifier = { 0, 0, 0, 0 };
    for (uint32_t item = 0; item < ITEMS; item++) {
        for (uint32_t node = 0; node < NODES; node++)
            compare_position(model, item, node);
    }
    compare_sums(model);
    assert_int_equal(oh_ledger_verify(model->ledger, &verifier, 1000), 0);
}

static void record_drop(struct model *model)
{
    struct oh_record record;
    oh_ledger_take_record(model->ledger, &record);
}

static enum oh_verdict apply(struct model *model, const struct oh_command *command, struct oh_answer *answer)
{
    assert_int_equal(oh_ledger_apply(model->ledger, model->now_us, command, answer), OH_OK);
    record_drop(model);
    return answer->verdict;
}

/* ---- Stock ------------------------------------------------------------------------------------ */

static struct oh_bytes sku_of(uint32_t item)
{
    return oh_bytes_of(sku_names[item]);
}

static struct oh_bytes node_of(uint32_t node)
{
    return oh_bytes_of(node_names[node]);
}

static uint32_t any_state(struct model *model)
{
    return below(model, 4) > 0 ? 0 : (uint32_t)below(model, OH_STATE_COUNT);
}

static int64_t any_past(struct model *model)
{
    return below(model, 3) == 0 ? model->now_us : model->now_us - below(model, 120) * SECOND_US;
}

static void step_adjust(struct model *model)
{
    struct oh_adjust_entry entries[LINES];
    uint32_t items[LINES], nodes[LINES];
    uint32_t count = (uint32_t)below(model, LINES) + 1;
    for (uint32_t i = 0; i < count; i++) {
        items[i] = (uint32_t)below(model, ITEMS);
        nodes[i] = (uint32_t)below(model, NODES);
        int64_t milli = (below(model, 20) - 5) * 1000 + below(model, 3) * 250;
        entries[i] = (struct oh_adjust_entry){
            .sku = sku_of(items[i]),
            .node = node_of(nodes[i]),
            .reason = OH_BYTES("test"),
            .quantity_milli = milli == 0 ? 1 : milli,
            .state = (enum oh_state)any_state(model),
            .at_us = any_past(model),
        };
    }
    struct oh_command command = { .type = OH_COMMAND_ADJUST };
    command.adjust = (struct oh_adjust_command){ OH_BYTES("till"), entries, count };
    struct oh_answer answer;
    assert_int_equal(apply(model, &command, &answer), OH_OK_DONE);
    for (uint32_t i = 0; i < count; i++)
        model_tell(model, items[i], nodes[i], entries[i].state,
                   (struct fact){ false, entries[i].at_us, 0, entries[i].quantity_milli });
    for (uint32_t i = 0; i < count; i++)
        compare_position(model, items[i], nodes[i]);
}

static void step_sync(struct model *model)
{
    struct oh_sync_entry entries[LINES];
    uint32_t items[LINES], nodes[LINES];
    uint32_t count = (uint32_t)below(model, LINES) + 1;
    for (uint32_t i = 0; i < count; i++) {
        items[i] = (uint32_t)below(model, ITEMS);
        nodes[i] = (uint32_t)below(model, NODES);
        entries[i] = (struct oh_sync_entry){
            .sku = sku_of(items[i]),
            .node = node_of(nodes[i]),
            .quantity_milli = below(model, 15) * 1000,
            .state = (enum oh_state)any_state(model),
            .as_of_us = model->now_us - below(model, 100) * SECOND_US,
            .has_source_seq = below(model, 3) == 0,
            .source_seq = below(model, 3),
        };
    }
    struct oh_command command = { .type = OH_COMMAND_SYNC };
    command.sync = (struct oh_sync_command){ OH_BYTES("count"), entries, count };
    struct oh_answer answer;
    assert_int_equal(apply(model, &command, &answer), OH_OK_DONE);
    for (uint32_t i = 0; i < count; i++) {
        struct fact fact = { true, entries[i].as_of_us, entries[i].has_source_seq ? entries[i].source_seq : -1,
                             entries[i].quantity_milli };
        model_tell(model, items[i], nodes[i], entries[i].state, fact);
    }
    for (uint32_t i = 0; i < count; i++)
        compare_position(model, items[i], nodes[i]);
}

/* ---- Reserving -------------------------------------------------------------------------------- */

struct pick { uint32_t line, node; int64_t milli; };

static int64_t picked(const struct pick *picks, uint32_t count, const uint32_t *items, uint32_t item, uint32_t node)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += picks[i].node == node && items[picks[i].line] == item ? picks[i].milli : 0;
    return sum;
}

/* One line by priority: real stock at every node in order, then below zero, in order. Returns what is missing. */
static int64_t model_line(const struct model *model, uint32_t line, const uint32_t *items, uint32_t only_node,
                          uint32_t channel, int64_t wanted, struct pick *picks, uint32_t *count)
{
    int64_t take[NODES] = { 0 };
    struct room rooms[NODES];
    for (uint32_t node = 0; node < NODES; node++) {
        int64_t taken = picked(picks, *count, items, items[line], node);
        rooms[node] = model_room(model, items[line], node, channel, taken);
        if (only_node < NODES && only_node != node)
            rooms[node] = (struct room){ 0, 0 };
    }
    for (uint32_t node = 0; node < NODES; node++) {
        take[node] = smaller(wanted, rooms[node].free);
        wanted -= take[node];
    }
    for (uint32_t node = 0; node < NODES; node++) {
        int64_t more = smaller(wanted, rooms[node].backorder);
        take[node] += more;
        wanted -= more;
    }
    for (uint32_t node = 0; node < NODES; node++) {
        if (take[node] > 0)
            picks[(*count)++] = (struct pick){ line, node, take[node] };
    }
    return wanted;
}

static void reserve_compare(const struct oh_answer *answer, const struct pick *picks, uint32_t count)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < answer->line_count; i++) {
        const struct oh_answer_line *line = &answer->lines[i];
        if (line->quantity_milli == 0)
            continue;
        assert_true(at < count);
        assert_int_equal(line->line, picks[at].line + 1);
        assert_int_equal(line->node.index, picks[at].node);
        assert_int_equal(line->quantity_milli, picks[at].milli);
        at++;
    }
    assert_int_equal(at, count);
}

static void step_reserve(struct model *model)
{
    struct oh_reserve_line lines[LINES];
    uint32_t items[LINES], only[LINES];
    struct pick picks[LINES * NODES];
    uint32_t pick_count = 0;
    uint32_t count = (uint32_t)below(model, LINES) + 1;
    uint32_t channel = (uint32_t)below(model, CHANNELS);
    bool partial = below(model, 3) == 0;
    bool is_short = false;
    bool is_out_of_channel = false;
    for (uint32_t i = 0; i < count; i++) {
        items[i] = (uint32_t)below(model, ITEMS);
        only[i] = below(model, 2) == 0 ? NODES : (uint32_t)below(model, NODES);
        is_out_of_channel = is_out_of_channel || (channel == 2 && only[i] < NODES && only[i] > 2);
        lines[i] = (struct oh_reserve_line){
            .line = i + 1,
            .sku = sku_of(items[i]),
            .node = only[i] < NODES ? node_of(only[i]) : OH_BYTES_NONE,
            .quantity_milli = below(model, 6) * 1000 + 250,
        };
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t before = pick_count;
        int64_t missing = model_line(model, i, items, only[i], channel, lines[i].quantity_milli, picks, &pick_count);
        if (missing > 0 && !partial) {
            is_short = true;
            pick_count = before;
        }
    }
    struct mreservation *made = &model->reservations[model->reservation_count];
    snprintf(made->id, sizeof(made->id), "R%u", model->reservation_count);
    struct oh_command command = { .type = OH_COMMAND_RESERVE };
    command.reserve = (struct oh_reserve_command){
        .id = oh_bytes_of(made->id),
        .channel = oh_bytes_of(channel_names[channel]),
        .kind = OH_KIND_CART,
        .ttl_us = below(model, 3) == 0 ? 0 : (below(model, 90) + 1) * SECOND_US,
        .allow_partial = partial,
        .lines = lines,
        .line_count = count,
    };
    struct oh_answer answer;
    enum oh_verdict verdict = apply(model, &command, &answer);
    enum oh_verdict expected = is_out_of_channel ? OH_V_NOT_IN_CHANNEL : is_short ? OH_V_INSUFFICIENT : OH_OK_DONE;
    assert_int_equal(verdict, expected);
    model->reservation_count++;
    made->channel = channel;
    made->expires_us = command.reserve.ttl_us == 0 ? OH_TIME_US_NONE : model->now_us + command.reserve.ttl_us;
    made->first_claim = model->claim_count;
    if (verdict == OH_OK_DONE) {
        reserve_compare(&answer, picks, pick_count);
        for (uint32_t i = 0; i < pick_count; i++)
            model->claims[model->claim_count++] = (struct mclaim){
                model->reservation_count - 1, picks[i].line + 1, items[picks[i].line], picks[i].node,
                picks[i].milli, 0, 0, false };
    }
    for (uint32_t i = 0; i < count; i++)
        compare_position(model, items[i], only[i] < NODES ? only[i] : (uint32_t)below(model, NODES));
    /* The same request again: the same answer, and nothing new. */
    uint64_t seq = oh_ledger_seq(model->ledger);
    struct oh_answer again;
    assert_int_equal(apply(model, &command, &again), verdict);
    assert_int_equal(again.is_repeat, !is_out_of_channel || oh_verdict_http_status(verdict) == 409);
    if (again.is_repeat)
        assert_int_equal(oh_ledger_seq(model->ledger), seq);
}

/* ---- Acting ----------------------------------------------------------------------------------- */

/* Mostly one of the last that claimed something. */
static uint32_t any_reservation(struct model *model)
{
    if (model->claim_count > 0 && below(model, 5) > 0) {
        int64_t recent = below(model, smaller(model->claim_count, 40));
        return model->claims[model->claim_count - 1 - (uint32_t)recent].reservation;
    }
    int64_t back = below(model, below(model, 60) + 1);
    return (uint32_t)(model->reservation_count - 1 - (uint32_t)smaller(back, (int64_t)model->reservation_count - 1));
}

static int64_t capacity_of(const struct model *model, const struct mclaim *claim, enum oh_command_type type)
{
    if (type == OH_COMMAND_CONFIRM)
        return held_of(model, claim);
    if (type == OH_COMMAND_FULFIL)
        return claim->confirmed;
    return held_of(model, claim) + claim->confirmed;
}

static void claim_take(struct model *model, struct mclaim *claim, enum oh_command_type type, int64_t milli,
                       int64_t at_us)
{
    int64_t from_held = type == OH_COMMAND_FULFIL ? 0 : smaller(milli, held_of(model, claim));
    claim->held -= from_held;
    if (type == OH_COMMAND_CONFIRM) {
        claim->confirmed += from_held;
        return;
    }
    claim->confirmed -= milli - from_held;
    if (type == OH_COMMAND_FULFIL) {
        claim->fulfilled += milli;
        model_tell(model, claim->item, claim->node, OH_STATE_SELLABLE, (struct fact){ false, at_us, 0, -milli });
        bool is_channel_1 = model->reservations[claim->reservation].channel == 1;
        if (is_channel_1 && claim->item == 0 && claim->node == 0)
            model->fence = at_least_0(model->fence - milli);
        if (is_channel_1 && claim->item == 1 && claim->node == 1)
            model->restricted = at_least_0(model->restricted - milli);
    }
}

/* Whole, or one line and a quantity of it. */
static void step_take(struct model *model, enum oh_command_type type)
{
    uint32_t reservation = any_reservation(model);
    uint32_t line = below(model, 2) == 0 ? 0 : (uint32_t)below(model, LINES) + 1;
    bool return_rest = type != OH_COMMAND_RELEASE && below(model, 4) == 0;
    int64_t capacity = 0;
    for (uint32_t i = 0; i < model->claim_count; i++) {
        const struct mclaim *claim = &model->claims[i];
        if (claim->reservation == reservation && (line == 0 || claim->line == line))
            capacity += capacity_of(model, claim, type);
    }
    int64_t wanted = line == 0 || below(model, 2) == 0 ? capacity : below(model, capacity + 1500) + 1;
    struct oh_action_line action_line = { .line = line, .has_quantity = wanted != capacity, .quantity_milli = wanted };
    struct oh_command command = { .type = type };
    command.action = (struct oh_action_command){
        .id = oh_bytes_of(model->reservations[reservation].id),
        .lines = &action_line,
        .line_count = line == 0 ? 0 : 1,
        .return_rest = return_rest,
        .at_us = any_past(model),
    };
    struct oh_answer answer;
    enum oh_verdict verdict = apply(model, &command, &answer);
    assert_int_equal(verdict == OH_OK_DONE, capacity > 0 && wanted <= capacity);
    if (capacity > 0 && wanted > capacity)
        assert_int_equal(verdict, OH_V_EXCEEDS_CLAIM);
    if (verdict != OH_OK_DONE)
        return;
    for (uint32_t i = 0; i < model->claim_count; i++) {
        struct mclaim *claim = &model->claims[i];
        if (claim->reservation != reservation || (line != 0 && claim->line != line))
            continue;
        int64_t milli = smaller(wanted, capacity_of(model, claim, type));
        claim_take(model, claim, type, milli, command.action.at_us);
        wanted -= milli;
    }
    for (uint32_t i = 0; i < model->claim_count && return_rest; i++) {
        struct mclaim *claim = &model->claims[i];
        if (claim->reservation == reservation && !claim_is_due(model, claim))
            claim->held = 0;
        if (claim->reservation == reservation && type == OH_COMMAND_FULFIL)
            claim->confirmed = 0;
    }
    for (uint32_t i = 0; i < model->claim_count; i++) {
        if (model->claims[i].reservation == reservation)
            compare_position(model, model->claims[i].item, model->claims[i].node);
    }
}

static void step_extend(struct model *model)
{
    uint32_t reservation = any_reservation(model);
    bool holds = false;
    for (uint32_t i = 0; i < model->claim_count; i++)
        holds = holds || (model->claims[i].reservation == reservation && held_of(model, &model->claims[i]) > 0);
    struct oh_command command = { .type = OH_COMMAND_EXTEND };
    command.action = (struct oh_action_command){
        .id = oh_bytes_of(model->reservations[reservation].id),
        .ttl_us = below(model, 100) * SECOND_US,
    };
    struct oh_answer answer;
    assert_int_equal(apply(model, &command, &answer) == OH_OK_DONE, holds);
    if (holds)
        model->reservations[reservation].expires_us =
            command.action.ttl_us == 0 ? OH_TIME_US_NONE : model->now_us + command.action.ttl_us;
}

/* Moves one claim, or part of it; the place it leaves makes no room at the place it goes to. */
static void step_move(struct model *model)
{
    if (model->claim_count == 0)
        return;
    uint32_t recent = (uint32_t)smaller(model->claim_count, 80);
    uint32_t at = model->claim_count - 1 - (uint32_t)below(model, recent);
    struct mclaim from = model->claims[at];
    uint32_t to = (uint32_t)below(model, NODES);
    uint32_t channel = model->reservations[from.reservation].channel;
    int64_t has = held_of(model, &from) + from.confirmed;
    int64_t wanted = below(model, 2) == 0 ? has : below(model, 3) * 1000 + 250;
    struct oh_action_line line = {
        .line = from.line,
        .node = node_of(from.node),
        .to_node = node_of(to),
        .has_quantity = wanted != has,
        .quantity_milli = wanted,
    };
    struct oh_command command = { .type = OH_COMMAND_MOVE };
    command.action.id = oh_bytes_of(model->reservations[from.reservation].id);
    command.action.lines = &line;
    command.action.line_count = 1;
    struct room room = model_room(model, from.item, to, channel, 0);
    bool is_eligible = channel != 2 || to <= 2;
    bool fits = has > 0 && wanted <= has && to != from.node && is_eligible && room.free + room.backorder >= wanted;
    struct oh_answer answer;
    assert_int_equal(apply(model, &command, &answer) == OH_OK_DONE, fits);
    if (fits) {
        int64_t held = smaller(wanted, held_of(model, &from));
        model->claims[at].held -= held;
        model->claims[at].confirmed -= wanted - held;
        uint32_t into = 0;
        while (into < model->claim_count &&
               !(model->claims[into].reservation == from.reservation && model->claims[into].line == from.line &&
                 model->claims[into].node == to))
            into++;
        if (into == model->claim_count)
            model->claims[model->claim_count++] =
                (struct mclaim){ from.reservation, from.line, from.item, to, 0, 0, 0, true };
        model->claims[into].held += held;
        model->claims[into].confirmed += wanted - held;
    }
    compare_position(model, from.item, from.node);
    compare_position(model, from.item, to);
}

/* ---- The run ---------------------------------------------------------------------------------- */

static void model_setup_place(struct model *model)
{
    struct oh_answer answer;
    for (uint32_t node = 0; node < NODES; node++) {
        struct oh_command command = { .type = OH_COMMAND_NODE };
        snprintf(node_names[node], sizeof(node_names[node]), "n%u", node);
        command.node =
            (struct oh_node_command){ .node = node_of(node), .ships = true, .collects = true, .enabled = true };
        assert_int_equal(apply(model, &command, &answer), OH_OK_DONE);
    }
    for (uint32_t item = 0; item < ITEMS; item++) {
        struct oh_command command = { .type = OH_COMMAND_ITEM };
        snprintf(sku_names[item], sizeof(sku_names[item]), "s%u", item);
        command.item.sku = sku_of(item);
        assert_int_equal(apply(model, &command, &answer), OH_OK_DONE);
    }
    for (uint32_t channel = 0; channel < CHANNELS; channel++) {
        struct oh_bytes nodes[3] = { node_of(0), node_of(1), node_of(2) };
        struct oh_command command = { .type = OH_COMMAND_CHANNEL };
        snprintf(channel_names[channel], sizeof(channel_names[channel]), "c%u", channel);
        command.channel = (struct oh_channel_command){ .channel = oh_bytes_of(channel_names[channel]),
                                                       .nodes = nodes,
                                                       .node_count = channel == 2 ? 3 : 0 };
        assert_int_equal(apply(model, &command, &answer), OH_OK_DONE);
    }
}

static void model_setup_rules(struct model *model)
{
    struct oh_answer answer;
    struct oh_command safety = { .type = OH_COMMAND_RULE };
    safety.rule = (struct oh_rule_command){ .rule = OH_BYTES("safety"), .node = node_of(3) };
    safety.rule.values = (struct oh_rule_values){ .mask = OH_RULE_SAFETY_STOCK, .safety_stock_milli = 2000 };
    assert_int_equal(apply(model, &safety, &answer), OH_OK_DONE);
    model->safety[3] = 2000;
    struct oh_command backorder = { .type = OH_COMMAND_RULE };
    backorder.rule = (struct oh_rule_command){ .rule = OH_BYTES("backorder"), .sku = sku_of(2) };
    backorder.rule.values = (struct oh_rule_values){ .mask = OH_RULE_BACKORDER_LIMIT, .backorder_limit_milli = 3000 };
    assert_int_equal(apply(model, &backorder, &answer), OH_OK_DONE);
    model->backorder[2] = 3000;
}

static void step_fence(struct model *model)
{
    struct oh_answer answer;
    bool restricts = below(model, 2) == 0;
    struct oh_command command = { .type = OH_COMMAND_FENCE };
    command.fence = (struct oh_fence_command){
        .fence = restricts ? OH_BYTES("f-restrict") : OH_BYTES("f-regular"),
        .sku = sku_of(restricts ? 1 : 0),
        .node = node_of(restricts ? 1 : 0),
        .channel = oh_bytes_of(channel_names[1]),
        .quantity_milli = below(model, 5) * 1000,
        .policy = restricts ? OH_FENCE_RESTRICT : OH_FENCE_REGULAR,
    };
    enum oh_verdict verdict = apply(model, &command, &answer);
    assert_true(verdict == OH_OK_DONE || verdict == OH_V_UNCHANGED);
    *(restricts ? &model->restricted : &model->fence) = command.fence.quantity_milli;
    model->is_restricted = restricts ? command.fence.quantity_milli > 0 : model->is_restricted;
    compare_position(model, restricts ? 1 : 0, restricts ? 1 : 0);
}

static void model_step(struct model *model)
{
    model->now_us += below(model, 3) * SECOND_US; /* whole seconds, so that times meet */
    if (below(model, 2) == 0) { /* answers are exact with or without it */
        while (oh_ledger_advance(model->ledger, model->now_us, 3) > 0)
            record_drop(model);
    }
    int64_t dice = below(model, 100);
    if (dice < 22)
        step_adjust(model);
    else if (dice < 32)
        step_sync(model);
    else if (dice < 62)
        step_reserve(model);
    else if (dice < 74)
        step_take(model, OH_COMMAND_CONFIRM);
    else if (dice < 78)
        step_take(model, OH_COMMAND_RELEASE);
    else if (dice < 88)
        step_take(model, OH_COMMAND_FULFIL);
    else if (dice < 91)
        step_extend(model);
    else if (dice < 97)
        step_move(model);
    else
        step_fence(model);
    if (++model->step % 64 == 0)
        compare_all(model);
}

static void test_ledger_model_agrees_with_the_ledger_on_random_commands(void **state)
{
    (void)state;
    struct model model = { .now_us = INT64_C(1795352400000000) };
    oh_prng_init(&model.prng, random_seed("test_ledger_model", 1));
    model.ledger = random_ledger_create();
    model.claims = calloc(CLAIMS_MAX, sizeof(*model.claims));
    model.reservations = calloc(RESERVATIONS_MAX, sizeof(*model.reservations));
    for (uint32_t i = 0; i < ITEMS * NODES * OH_STATE_COUNT; i++)
        (&model.facts[0][0][0])[i].list = calloc(FACTS_MAX, sizeof(struct fact));
    model_setup_place(&model);
    model_setup_rules(&model);
    while (model.step < STEPS && model.claim_count + LINES * NODES < CLAIMS_MAX)
        model_step(&model);
    compare_all(&model);
    for (uint32_t i = 0; i < ITEMS * NODES * OH_STATE_COUNT; i++)
        free((&model.facts[0][0][0])[i].list);
    free(model.claims);
    free(model.reservations);
    oh_ledger_destroy(&model.ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ledger_model_agrees_with_the_ledger_on_random_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
