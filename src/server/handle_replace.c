/*
 * handle_replace.c - a node rejects what was promised from it: the next best, by the same promised time first
 * (docs/spec/promise.md, PR4).
 */
#include "server/promise_call.h"
#include <stdlib.h>

struct replacement {
    struct promise_call *promise;
    struct oh_reservation_id reservation;
    struct oh_reservation_view view;
    struct oh_promise_kept before;
    bool has_before;
    struct oh_promise_request request;
    uint16_t *nodes;
    bool is_kept; /* there by the promised time */
};

/* ---- What is to be had elsewhere -------------------------------------------------------------- */

static bool nodes_find(struct replacement *r)
{
    const struct oh_promise_replace *replace = &r->promise->body.replace;
    const struct oh_call *call = r->promise->call;
    r->nodes = call->service->indexes;
    for (uint32_t i = 0; i < replace->without_count; i++) {
        struct oh_node_id node;
        if (!oh_node_find(call->ledger, replace->without[i], &node)) {
            oh_call_unknown(call, OH_V_UNKNOWN_NODE, "replace.without");
            return false;
        }
        r->nodes[i] = node.index;
    }
    return true;
}

static bool is_without(const struct replacement *r, struct oh_node_id node)
{
    for (uint32_t i = 0; i < r->promise->body.replace.without_count; i++) {
        if (r->nodes[i] == node.index)
            return true;
    }
    return false;
}

static int line_compare(const void *left, const void *right)
{
    const struct oh_promise_line *a = left;
    const struct oh_promise_line *b = right;
    return (a->line > b->line) - (a->line < b->line);
}

/* The lines of the reservation that claim something there, ascending, each with what it claims. */
static bool lines_collect(struct replacement *r)
{
    const struct oh_call *call = r->promise->call;
    const struct oh_claim_view *claims = call->service->claims;
    uint32_t count =
        oh_reservation_claims(call->ledger, r->reservation, call->now_us, 0, OH_CLAIMS_MAX, call->service->claims);
    struct oh_promise_line *lines = oh_json_document_allocate(call->service->document, count, sizeof(*lines));
    uint32_t used = 0;
    for (uint32_t i = 0; lines != NULL && i < count; i++) {
        int64_t live = claims[i].held_milli + claims[i].confirmed_milli;
        uint32_t at = 0;
        if (live == 0 || !is_without(r, claims[i].node))
            continue;
        while (at < used && lines[at].line != claims[i].line)
            at++;
        lines[at].line = claims[i].line;
        lines[at].sku = oh_item_sku(call->ledger, claims[i].item);
        lines[at].quantity_milli += live;
        used += at == used ? 1 : 0;
    }
    if (used > 0)
        qsort(lines, used, sizeof(*lines), line_compare);
    r->request.lines = lines;
    r->request.line_count = used;
    return used > 0;
}

/*
 * What the reservation has booked for what it gives up, and the orders of nodes that keep what they have: a second
 * parcel from there takes no second order (CA1).
 */
static void bookings_collect(struct replacement *r)
{
    const struct oh_call *call = r->promise->call;
    struct oh_booking_view *bookings = call->service->bookings;
    uint32_t count = oh_reservation_bookings(call->ledger, r->reservation, call->now_us, OH_BOOKINGS_MAX, bookings);
    for (uint32_t i = 0; i < count; i++) {
        if (is_without(r, bookings[i].node) || bookings[i].unit == OH_UNIT_ORDERS)
            bookings[r->request.freed_count++] = bookings[i];
    }
    r->request.freed = bookings;
}

/* As it was promised, but for what the request says itself. */
static void ways_choose(struct replacement *r)
{
    struct oh_promise_request *request = &r->request;
    bool has_ways = request->service_count > 0 || request->store_count > 0 || !request->wants_ship ||
                    !request->wants_collect;
    bool has_destination = request->destination.has_point || !oh_bytes_is_empty(request->destination.country);
    if (r->has_before && !has_destination)
        request->destination = r->before.destination;
    if (has_ways)
        return;
    request->wants_ship = r->view.kind != OH_KIND_COLLECT;
    request->wants_collect = r->view.kind == OH_KIND_COLLECT;
    if (request->wants_ship && !oh_bytes_is_empty(r->before.service)) {
        request->services = &r->before.service;
        request->service_count = 1;
    }
    if (request->wants_collect && !oh_bytes_is_empty(r->before.store)) {
        request->stores = &r->before.store;
        request->store_count = 1;
    }
}

static bool replacement_begin(struct replacement *r)
{
    const struct oh_call *call = r->promise->call;
    const struct oh_promise_replace *replace = &r->promise->body.replace;
    if (!oh_reservation_find(call->ledger, replace->reservation, &r->reservation)) {
        oh_call_unknown(call, OH_V_UNKNOWN_RESERVATION, "replace.reservation");
        return false;
    }
    oh_reservation_get(call->ledger, r->reservation, call->now_us, &r->view);
    r->request = r->promise->body.request;
    if (!nodes_find(r))
        return false;
    if (!lines_collect(r)) {
        r->promise->answer.verdict = OH_V_NOTHING_CLAIMED;
        r->promise->answer.fault_index = OH_INDEX_NONE;
        promise_call_refuse(r->promise);
        return false;
    }
    r->has_before = oh_request_promise_kept(call->service->document, r->view.promise, &r->before);
    bookings_collect(r);
    ways_choose(r);
    r->request.channel = oh_channel_name(call->ledger, r->view.channel);
    r->request.without = replace->without;
    r->request.without_count = replace->without_count;
    return true;
}

/* ---- Asking ----------------------------------------------------------------------------------- */

static bool has_complete(const struct oh_promise_answer *answer)
{
    return answer->verdict == OH_OK_DONE && answer->option_count > 0 && answer->options[0].is_complete;
}

/* By the promised time, else as well as can be. */
static void replacement_ask(struct replacement *r)
{
    if (r->has_before) {
        r->request.until_us = r->before.until_us;
        promise_call_ask(r->promise, &r->request);
        r->is_kept = has_complete(&r->promise->answer);
        if (r->is_kept)
            return;
    }
    r->request.until_us = OH_TIME_US_NONE;
    promise_call_ask(r->promise, &r->request);
}

static void answer_question(const struct replacement *r)
{
    const struct promise_call *promise = r->promise;
    struct oh_strbuf *body = oh_call_begin(promise->call, 200);
    oh_strbuf_put_char(body, '{');
    oh_json_member_string(body, "replaces", r->view.id);
    if (r->has_before)
        oh_json_member_time(body, "promised_until", r->before.until_us);
    oh_json_member_bool(body, "kept", r->is_kept);
    oh_reply_put_promise(body, &promise->names, &promise->answer);
    oh_reply_put_seq_end(body, oh_service_seq(promise->call->service));
    oh_call_end_read(promise->call);
}

/* ---- Booking ---------------------------------------------------------------------------------- */

/* A key that was used answers as it did, without asking again (PR5). */
static bool answer_repeat(const struct promise_call *promise)
{
    struct oh_command command = { .type = OH_COMMAND_REPLACE };
    if (!oh_key_is_known(promise->call->ledger, promise->call->request->idempotency_key, OH_BYTES_NONE))
        return false;
    command.replace.id = promise->body.replace.reservation;
    command.replace.fingerprint = promise_call_print(promise);
    promise_call_apply(promise, &command);
    return true;
}

static void answer_hold(struct replacement *r)
{
    struct promise_call *promise = r->promise;
    struct oh_command command = { .type = OH_COMMAND_REPLACE };
    struct oh_replace_command *replace = &command.replace;
    struct promise_taken taken = { .kept = OH_BYTES_NONE };
    *replace = (struct oh_replace_command){
        .id = r->view.id,
        .nodes = r->nodes,
        .node_count = promise->body.replace.without_count,
        .fingerprint = promise_call_print(promise),
    };
    uint32_t index = promise_call_select(promise, &replace->refusal);
    if (replace->refusal == OH_OK_DONE &&
        !promise_call_take(promise, index, r->has_before ? &r->before : NULL, &taken))
        return;
    for (uint32_t i = 0; i < taken.pick_count; i++)
        taken.picks[i].line = r->request.lines[taken.picks[i].line].line;
    replace->picks = taken.picks;
    replace->pick_count = taken.pick_count;
    replace->bookings = taken.bookings;
    replace->booking_count = taken.booking_count;
    replace->promise = taken.kept;
    promise_call_apply(promise, &command);
}

void promise_call_replace(struct promise_call *promise)
{
    struct replacement r = { .promise = promise };
    bool holds = promise->body.hold.is_set;
    if ((holds && answer_repeat(promise)) || !replacement_begin(&r))
        return;
    replacement_ask(&r);
    if (promise->answer.verdict != OH_OK_DONE)
        promise_call_refuse(promise);
    else if (holds)
        answer_hold(&r);
    else
        answer_question(&r);
}
