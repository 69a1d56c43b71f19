/*
 * model_promise.c - promises: not which option is the best, but what an option may be (docs/spec/promise.md).
 *
 * What the server chose is held against stock, capacity and documents as they are, and then happens here too.
 */
#include "sim/model_internal.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DAY_US       (INT64_C(86400) * 1000000)
#define LAW_STOCK    "a promise fits the stock"
#define LAW_CAPACITY "a promise fits the capacity"
#define LAW_SAID     "a promise says what it takes"

const char *const model_selects[] = { "first", "ship/v0", "ship/v1", "collect/n0", "collect/n2", NULL };
const uint32_t model_durations_s[MODEL_DURATIONS] = { 3600, 86400, 172800, 500000 };

struct judging {
    struct model *model;
    const struct model_request *request;
    const struct model_choice *choice;
    struct model_answer *out;
    struct model_pending pending;
    uint32_t channel;
};

__attribute__((format(printf, 3, 4))) static void broken(const struct judging *judging, const char *law,
                                                         const char *format, ...)
{
    va_list arguments;
    if (judging->out->broken != NULL)
        return;
    judging->out->broken = law;
    va_start(arguments, format);
    (void)vsnprintf(judging->out->why, sizeof(judging->out->why), format, arguments);
    va_end(arguments);
}

static void refuse_at_once(struct model_answer *out, int status, const char *code)
{
    model_refuse(out, status, code);
    out->is_not_kept = true; /* nothing was asked of the ledger */
}

/* Refused for a reason that only the server knows; a key remembers it (L38). */
static void refuse_unseen(const struct judging *judging, bool has_key)
{
    struct model_answer *out = judging->out;
    out->status = 0;
    out->may_refuse = true;
    out->is_not_kept = !judging->choice->has_record;
    out->record = judging->choice->has_record ? MODEL_RECORD_YES : MODEL_RECORD_NO;
    if (judging->choice->has_record != has_key)
        broken(judging, LAW_SAID, "a refusal %s a key is %s", has_key ? "under" : "without",
               judging->choice->has_record ? "remembered" : "not remembered");
}

/* ---- Stock ------------------------------------------------------------------------------------------------------ */

static uint32_t kind_at(const struct model_choice *choice, uint32_t node)
{
    bool feeds = choice->kind == MODEL_COLLECT && node != choice->store;
    return feeds ? MODEL_ANY_KIND : choice->kind;
}

/* SO3: what a promise by this channel and kind may take there. */
static int64_t possible_at(const struct model *model, const struct model_pending *pending, uint32_t item,
                           uint32_t node, uint32_t channel, uint32_t kind)
{
    int64_t free = model_room_at(model, pending, item, node, channel, kind).free;
    return at_least_0(smaller(free - model_sourcing_safety_stock(model, node),
                              model_allowance(model, pending, item, channel, kind)));
}

static void pick_judge(struct judging *judging, const struct model_pick *pick, uint32_t item)
{
    int64_t possible = possible_at(judging->model, &judging->pending, item, pick->node, judging->channel,
                                   kind_at(judging->choice, pick->node));
    if (pick->milli <= 0 || pick->milli > possible || pick->item != item)
        broken(judging, LAW_STOCK,
               "line %u takes %" PRId64 "/1000 of s%u at n%u, where %" PRId64 "/1000 may be taken",
               pick->line, pick->milli, item, pick->node, possible);
    judging->pending.milli[item][pick->node] += pick->milli;
}

static int64_t picked(const struct model_choice *choice, uint32_t line, uint32_t node)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < choice->pick_count; i++) {
        const struct model_pick *pick = &choice->picks[i];
        sum += pick->line == line && (node == MODEL_NONE || pick->node == node) ? pick->milli : 0;
    }
    return sum;
}

static uint32_t nodes_picked(const struct model_choice *choice)
{
    bool has[MODEL_NODES] = { false };
    uint32_t count = 0;
    for (uint32_t i = 0; i < choice->pick_count; i++) {
        count += has[choice->picks[i].node] ? 0 : 1;
        has[choice->picks[i].node] = true;
    }
    return count;
}

/* ---- Capacity --------------------------------------------------------------------------------------------------- */

static bool is_first_of_item(const struct model_choice *choice, uint32_t i)
{
    for (uint32_t j = 0; j < i; j++) {
        if (choice->picks[j].node == choice->picks[i].node && choice->picks[j].item == choice->picks[i].item)
            return false;
    }
    return true;
}

/* What the picks at a node come to in the unit. Lines of one item are one (CA1). */
static int64_t load_of(const struct model_choice *choice, uint32_t node, uint32_t unit)
{
    int64_t lines = 0, units = 0;
    for (uint32_t i = 0; i < choice->pick_count; i++) {
        if (choice->picks[i].node != node)
            continue;
        lines += is_first_of_item(choice, i) ? 1000 : 0;
        units += choice->picks[i].milli;
    }
    return unit == MODEL_LINES ? lines : unit == MODEL_UNITS ? units : units > 0 ? 1000 : 0;
}

/* CA2, CA3: with what is booked already, and with what the same promise books for other nodes. */
static void booking_judge(const struct judging *judging, const struct model_booking *booking)
{
    const struct model_choice *choice = judging->choice;
    struct model_window window;
    bool is_certain;
    if (!model_window_of(judging->model, booking->resource, booking->node, booking->from_us, &window)) {
        broken(judging, LAW_CAPACITY, "%s has no window at %" PRId64 " for n%u", booking->resource,
               booking->from_us, booking->node);
        return;
    }
    int64_t load = load_of(choice, booking->node, window.unit);
    if (booking->milli != load || booking->unit != window.unit || booking->until_us != window.until_us)
        broken(judging, LAW_CAPACITY,
               "%s: %" PRId64 "/1000 %s are booked until %" PRId64 ", not %" PRId64 "/1000",
               booking->resource, booking->milli, model_unit_names[booking->unit], booking->until_us, load);
    int64_t sum = model_booked(judging->model, booking->resource, booking->from_us, &is_certain);
    for (uint32_t i = 0; i < choice->booking_count; i++) {
        const struct model_booking *other = &choice->bookings[i];
        if (other->from_us == booking->from_us && strcmp(other->resource, booking->resource) == 0)
            sum += other->milli;
    }
    if (judging->request->type == MODEL_REPLACE)
        sum -= model_booking_joined(judging->model, judging->request->reservation, booking);
    if (sum > window.limit_milli)
        broken(judging, LAW_CAPACITY, "%s at %" PRId64 ": %" PRId64 "/1000 are booked of %" PRId64 "/1000",
               booking->resource, booking->from_us, sum, window.limit_milli);
}

static uint32_t bookings_with(const struct model_choice *choice, uint32_t node, const char *prefix)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < choice->booking_count; i++) {
        const struct model_booking *booking = &choice->bookings[i];
        count += booking->node == node && strncmp(booking->resource, prefix, strlen(prefix)) == 0 ? 1 : 0;
    }
    return count;
}

/* Nothing that is limited is used without being booked. */
static void node_judge(const struct judging *judging, uint32_t node)
{
    const struct model_choice *choice = judging->choice;
    bool is_ship = choice->kind == MODEL_SHIP;
    uint32_t accounts = bookings_with(choice, node, choice->service == 0 ? "account/v0/" : "account/v1/");
    uint32_t slots = bookings_with(choice, node, "slot/v0");
    uint32_t work = bookings_with(choice, node, "node/");
    if (work != (model_node_is_limited(judging->model, node) ? 1u : 0u))
        broken(judging, LAW_CAPACITY, "n%u has %u bookings of its work", node, work);
    if (slots != (is_ship && choice->service == 0 ? 1u : 0u))
        broken(judging, LAW_CAPACITY, "a parcel of n%u is in %u slots", node, slots);
    bool is_missing =
        is_ship && accounts == 0 && !model_may_go_unbooked(judging->model, choice->service, node);
    if (is_missing || accounts > (is_ship ? 1u : 0u))
        broken(judging, LAW_CAPACITY, "a parcel of n%u is on %u accounts", node, accounts);
    if (work + slots + accounts != bookings_with(choice, node, ""))
        broken(judging, LAW_CAPACITY, "n%u books what it does not use", node);
}

static void capacity_judge(const struct judging *judging)
{
    const struct model_choice *choice = judging->choice;
    if (choice->kind == MODEL_SHIP && !model_service_exists(judging->model, choice->service))
        broken(judging, LAW_SAID, "v%u is not a service", choice->service);
    if (nodes_picked(choice) > model_sourcing_parcels_max(judging->model))
        broken(judging, LAW_SAID, "%u parcels are too many", nodes_picked(choice));
    for (uint32_t i = 0; i < choice->booking_count; i++)
        booking_judge(judging, &choice->bookings[i]);
    for (uint32_t node = 0; node < MODEL_NODES; node++) {
        if (load_of(choice, node, MODEL_PARCELS) > 0)
            node_judge(judging, node);
    }
}

/* ---- What is kept ----------------------------------------------------------------------------------------------- */

void model_promise_view(const struct model *model, uint32_t reservation, struct model_answer *out)
{
    const struct model_reservation *of = &model->reservations[reservation];
    out->reservation = reservation;
    if (!model_reservation_is_known(model, reservation) || of->promise == NULL)
        return;
    out->reservation_status = model_status_of(model, reservation);
    out->expires_us = of->expires_us;
    out->id = of->promise->id;
    out->kept = of->promise->kept;
}

void model_ask_promise_view(const struct model *model, const struct model_request *request,
                            struct model_answer *out)
{
    model_promise_view(model, request->reservation, out);
    if (out->kept == NULL)
        model_refuse(out, 404, "unknown_promise");
}

static void choice_keep(const struct judging *judging, uint32_t reservation)
{
    struct model *model = judging->model;
    for (uint32_t i = 0; i < judging->choice->booking_count; i++)
        model_booking_add(model, reservation, &judging->choice->bookings[i]);
    model->reservations[reservation].promise = judging->choice;
    model_promise_view(model, reservation, judging->out);
    judging->out->record = MODEL_RECORD_YES;
}

/* ---- Asking, and holding ---------------------------------------------------------------------------------------- */

static bool lines_are_fine(const struct model *model, const struct model_request *request,
                           struct model_answer *out)
{
    for (uint32_t i = 0; i < request->line_count; i++) {
        const struct model_line *line = &request->lines[i];
        const char *code = line->item >= MODEL_ITEMS ? "unknown_item"
                                                     : model_quantity_fault(model, line->item, MODEL_NONE,
                                                                            MODEL_PROMISING, line->milli);
        if (code == NULL)
            continue;
        refuse_at_once(out, line->item >= MODEL_ITEMS ? 422 : 409, code);
        return false;
    }
    return true;
}

/*
 * What the most may be that an option takes at a node, by item: shipped, collected where it is, and for another store;
 * behind that, what may be shipped of the item from all nodes together.
 */
void model_ask_promise(const struct model *model, const struct model_request *request,
                       struct model_answer *out)
{
    static const uint32_t kinds[3] = { MODEL_SHIP, MODEL_COLLECT, MODEL_ANY_KIND };
    if (!request->is_separate && !lines_are_fine(model, request, out))
        return;
    for (uint32_t node = 0; node < MODEL_NODES; node++) {
        for (uint32_t i = 0; i < 3 * MODEL_ITEMS; i++)
            out->figures[node][i] =
                possible_at(model, NULL, i % MODEL_ITEMS, node, MODEL_PROMISING, kinds[i / MODEL_ITEMS]);
    }
    for (uint32_t item = 0; item < MODEL_ITEMS; item++)
        out->figures[item][MODEL_SHIPPABLE] = model_allowance(model, NULL, item, MODEL_PROMISING, MODEL_SHIP);
}

static const struct model_line *line_of(const struct model_request *request, uint32_t number)
{
    for (uint32_t i = 0; i < request->line_count; i++) {
        if (request->lines[i].line == number)
            return &request->lines[i];
    }
    return NULL;
}

/* L5: all of each line, or what may be left out is left out and said. */
static void basket_judge(struct judging *judging)
{
    const struct model_choice *choice = judging->choice;
    bool allows_partial = model_sourcing_allows_partial(judging->model);
    for (uint32_t i = 0; i < choice->pick_count; i++) {
        const struct model_line *line = line_of(judging->request, choice->picks[i].line);
        if (line == NULL)
            broken(judging, LAW_SAID, "line %u was not asked for", choice->picks[i].line);
        else
            pick_judge(judging, &choice->picks[i], line->item);
    }
    for (uint32_t i = 0; i < judging->request->line_count; i++) {
        const struct model_line *line = &judging->request->lines[i];
        int64_t given = picked(choice, line->line, MODEL_NONE);
        if (given > line->milli || (given < line->milli && !allows_partial))
            broken(judging, LAW_SAID, "line %u gets %" PRId64 "/1000 of %" PRId64 "/1000", line->line, given,
                   line->milli);
    }
}

/* The claims are the picks, in the ledger's order. */
static void claims_make(const struct judging *judging)
{
    const struct model_request *request = judging->request;
    const struct model_choice *choice = judging->choice;
    int64_t claimed = 0, given = 0;
    for (uint32_t i = 0; i < choice->claim_count; i++) {
        const struct model_claim_view *view = &choice->claims[i];
        const struct model_line *line = line_of(request, view->line);
        int64_t wanted = line == NULL ? 0 : picked(choice, view->line, view->node);
        if (line != NULL && view->node == MODEL_NONE)
            wanted = line->milli - picked(choice, view->line, MODEL_NONE);
        if (wanted == 0 || wanted != view->quantity || (view->node != MODEL_NONE && view->held != wanted)) {
            broken(judging, LAW_SAID,
                   "line %u claims %" PRId64 "/1000 at n%u, and %" PRId64 "/1000 is promised", view->line,
                   view->quantity, view->node, wanted);
            return;
        }
        struct model_claim *claim =
            model_claim_at(judging->model, request->reservation, line->line, line->item, view->node);
        claim->quantity = view->quantity;
        claim->held = view->node == MODEL_NONE ? 0 : view->quantity;
        claimed += claim->held;
    }
    for (uint32_t i = 0; i < choice->pick_count; i++)
        given += choice->picks[i].milli;
    if (claimed != given)
        broken(judging, LAW_SAID, "%" PRId64 "/1000 is claimed, and %" PRId64 "/1000 is promised", claimed,
               given);
}

void model_ask_hold(struct model *model, const struct model_request *request, struct model_answer *out)
{
    struct judging judging = {
        .model = model, .request = request, .choice = request->choice, .out = out, .channel = MODEL_PROMISING
    };
    if (!lines_are_fine(model, request, out))
        return;
    if (!request->choice->is_there) {
        refuse_unseen(&judging, request->key != 0 || request->has_own_id);
        return;
    }
    if (!request->choice->is_readable)
        broken(&judging, LAW_SAID, "what is kept cannot be read");
    basket_judge(&judging);
    capacity_judge(&judging);
    model->reservations[request->reservation] = (struct model_reservation){
        .exists = true,
        .channel = MODEL_PROMISING,
        .kind = request->choice->kind,
        .customer = request->customer,
        .expires_us = model->now_us + request->ttl_us,
        .ended_us = MODEL_NEVER,
    };
    if (request->reservation >= model->reservation_count)
        model->reservation_count = request->reservation + 1;
    claims_make(&judging);
    choice_keep(&judging, request->reservation);
    out->status = 201;
}

/* ---- Replacing -------------------------------------------------------------------------------------------------- */

struct before {
    uint32_t line;
    uint8_t item;
    int64_t held, confirmed; /* at the node that gives up */
};

/* The lines that have something there, ascending. */
static uint32_t befores_collect(const struct model *model, const struct model_request *request,
                                struct before *out)
{
    uint32_t count = 0;
    for (uint32_t link = model->reservations[request->reservation].first; link != 0;
         link = model->claims[link - 1].next_of_reservation) {
        const struct model_claim *claim = &model->claims[link - 1];
        if (claim->node != request->node || claim->held + claim->confirmed == 0)
            continue;
        uint32_t at = count++;
        for (; at > 0 && out[at - 1].line > claim->line; at--)
            out[at] = out[at - 1];
        out[at] = (struct before){ claim->line, claim->item, claim->held, claim->confirmed };
    }
    return count;
}

static const struct model_claim_view *view_of(const struct model_choice *choice, uint32_t line, uint32_t node)
{
    for (uint32_t i = 0; i < choice->claim_count; i++) {
        if (choice->claims[i].line == line && choice->claims[i].node == node)
            return &choice->claims[i];
    }
    return NULL;
}

static bool is_as_before(const struct model_choice *choice, const struct before *befores, uint32_t count,
                         uint32_t node)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct model_claim_view *view = view_of(choice, befores[i].line, node);
        if (view == NULL || view->held != befores[i].held || view->confirmed != befores[i].confirmed)
            return false;
    }
    return true;
}

/* The picks fit where they go, and what they take is given up where it was. */
static void moves_judge(struct judging *judging, const struct before *befores, uint32_t count)
{
    const struct model_choice *choice = judging->choice;
    uint32_t node = judging->request->node;
    bool allows_partial = model_sourcing_allows_partial(judging->model);
    for (uint32_t i = 0; i < count; i++) {
        int64_t given = picked(choice, befores[i].line, MODEL_NONE);
        int64_t had = befores[i].held + befores[i].confirmed;
        if (given > had || (given < had && !allows_partial))
            broken(judging, LAW_SAID, "line %u moves %" PRId64 "/1000 of %" PRId64 "/1000", befores[i].line,
                   given, had);
        judging->pending.milli[befores[i].item][node] -= given;
    }
    for (uint32_t i = 0; i < choice->pick_count; i++) {
        uint32_t at = 0;
        while (at < count && befores[at].line != choice->picks[i].line)
            at++;
        if (at == count || choice->picks[i].node == node)
            broken(judging, LAW_SAID, "line %u goes to n%u", choice->picks[i].line, choice->picks[i].node);
        else
            pick_judge(judging, &choice->picks[i], befores[at].item);
    }
}

static int64_t line_sum(const struct model *model, uint32_t reservation, uint32_t line,
                        int64_t *out_confirmed)
{
    int64_t held = 0;
    *out_confirmed = 0;
    for (uint32_t link = model->reservations[reservation].first; link != 0;
         link = model->claims[link - 1].next_of_reservation) {
        const struct model_claim *claim = &model->claims[link - 1];
        held += claim->line == line ? claim->held : 0;
        *out_confirmed += claim->line == line ? claim->confirmed : 0;
    }
    return held;
}

/* A claim that is there afterwards: at another node it has grown by the picks, where it was it has given them. */
static void claim_follow(const struct judging *judging, const struct model_claim_view *view, uint8_t item)
{
    uint32_t reservation = judging->request->reservation;
    struct model_claim *claim = model_claim_at(judging->model, reservation, view->line, item, view->node);
    bool gives = view->node == judging->request->node;
    int64_t wanted = claim->quantity + (gives ? -picked(judging->choice, view->line, MODEL_NONE)
                                              : picked(judging->choice, view->line, view->node));
    int64_t live = claim->held + claim->confirmed + wanted - claim->quantity;
    if (view->quantity != wanted || view->held + view->confirmed != live)
        broken(judging, LAW_SAID, "line %u has %" PRId64 "/1000 at n%u, not %" PRId64 "/1000", view->line,
               view->held + view->confirmed, view->node, live);
    claim->quantity = view->quantity;
    claim->held = view->held;
    claim->confirmed = view->confirmed;
}

/* Who gave all has gone. */
static void claims_drop(const struct judging *judging)
{
    struct model_reservation *of = &judging->model->reservations[judging->request->reservation];
    for (uint32_t link = of->first; link != 0;) {
        const struct model_claim *claim = &judging->model->claims[link - 1];
        bool is_gone = claim->node == judging->request->node &&
                       view_of(judging->choice, claim->line, claim->node) == NULL;
        link = claim->next_of_reservation;
        if (is_gone && claim->quantity != picked(judging->choice, claim->line, MODEL_NONE))
            broken(judging, LAW_SAID, "line %u is gone from n%u", claim->line, claim->node);
        if (is_gone)
            model_claim_drop(judging->model, claim);
    }
}

static void claims_follow(const struct judging *judging, const struct before *befores, uint32_t count)
{
    struct model *model = judging->model;
    uint32_t reservation = judging->request->reservation;
    int64_t held[MODEL_LINES_MAX + 1], confirmed[MODEL_LINES_MAX + 1];
    for (uint32_t i = 0; i < count; i++)
        held[i] = line_sum(model, reservation, befores[i].line, &confirmed[i]);
    for (uint32_t i = 0; i < judging->choice->claim_count; i++) {
        const struct model_claim_view *view = &judging->choice->claims[i];
        for (uint32_t b = 0; b < count && view->node != MODEL_NONE; b++) {
            if (befores[b].line == view->line)
                claim_follow(judging, view, befores[b].item);
        }
    }
    claims_drop(judging);
    for (uint32_t i = 0; i < count; i++) {
        int64_t now_confirmed;
        int64_t now_held = line_sum(model, reservation, befores[i].line, &now_confirmed);
        if (now_held != held[i] || now_confirmed != confirmed[i])
            broken(judging, LAW_SAID,
                   "line %u holds %" PRId64 "/1000 and has %" PRId64 "/1000 confirmed, all told",
                   befores[i].line, now_held, now_confirmed);
    }
}

static bool befores_are_fine(const struct judging *judging, const struct before *befores, uint32_t count)
{
    if (count == 0)
        refuse_at_once(judging->out, 409, "nothing_claimed");
    for (uint32_t i = 0; i < count; i++) {
        const char *code = model_quantity_fault(judging->model, befores[i].item, MODEL_NONE, judging->channel,
                                                befores[i].held + befores[i].confirmed);
        if (code == NULL)
            continue;
        refuse_at_once(judging->out, 409, code);
        return false;
    }
    return count > 0;
}

void model_ask_replace(struct model *model, const struct model_request *request, struct model_answer *out)
{
    struct judging judging = { .model = model,
                               .request = request,
                               .choice = request->choice,
                               .out = out,
                               .channel = model->reservations[request->reservation].channel };
    struct before befores[MODEL_PARTS_MAX];
    int64_t left[MODEL_BOOKED_MAX];
    if (!model_reservation_is_known(model, request->reservation)) {
        refuse_at_once(out, 404, "unknown_reservation");
        return;
    }
    model_settle_due(model, request->reservation);
    uint32_t count = befores_collect(model, request, befores);
    if (!befores_are_fine(&judging, befores, count))
        return;
    if (is_as_before(request->choice, befores, count, request->node)) {
        refuse_unseen(&judging, request->key != 0);
        out->may_lack_capacity =
            model_sourcing_allows_partial(model); /* who keeps a part gives nothing back (PR4) */
        return;
    }
    if (!request->choice->is_readable)
        broken(&judging, LAW_SAID, "what is kept cannot be read");
    moves_judge(&judging, befores, count);
    model_bookings_note(model, request->reservation, left);
    claims_follow(&judging, befores, count);
    model_bookings_settle(model, request->reservation, left);
    capacity_judge(&judging);
    choice_keep(&judging, request->reservation);
}

/* ---- Deliveries ------------------------------------------------------------------------------------------------- */

/* Monday is 0. */
static uint32_t weekday_of(int64_t at_us)
{
    return (uint32_t)((at_us / DAY_US + 3) % 7);
}

void model_ask_deliveries(struct model *model, const struct model_request *request, struct model_answer *out)
{
    for (uint32_t i = 0; i < request->line_count; i++) {
        const struct model_line *line = &request->lines[i];
        struct model_key *id = &model->report_ids[line->entry_id % MODEL_REPORTS];
        bool is_repeat = line->entry_id != 0 && model_key_is_known(model, id);
        model_part_add(out, i, 0, 0)->verdict = is_repeat ? "repeated" : "ok";
        if (is_repeat)
            continue;
        out->record = MODEL_RECORD_YES;
        if (line->entry_id != 0)
            *id = (struct model_key){ 1, model->now_us };
        model->lanes[line->node].counts[weekday_of(line->at_us)][line->source_seq]++;
    }
}

/* LE2: in seconds; 0: too few reports. */
uint32_t model_transit_s(const struct model *model, uint32_t lane, uint32_t weekday, uint32_t percentile)
{
    uint32_t of_day = 0, all = 0, seen = 0;
    for (uint32_t i = 0; i < 7 * MODEL_DURATIONS; i++) {
        uint32_t count = model->lanes[lane].counts[i / MODEL_DURATIONS][i % MODEL_DURATIONS];
        all += count;
        of_day += i / MODEL_DURATIONS == weekday ? count : 0;
    }
    uint32_t total = of_day >= 20 ? of_day : all;
    if (total < 20)
        return 0;
    for (uint32_t duration = 0; duration < MODEL_DURATIONS; duration++) {
        for (uint32_t day = 0; day < 7; day++)
            seen += of_day < 20 || day == weekday ? model->lanes[lane].counts[day][duration] : 0;
        if (seen * 100 >= percentile * total)
            return model_durations_s[duration];
    }
    return 0;
}
