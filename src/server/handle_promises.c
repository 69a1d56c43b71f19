#include "server/handle_promises.h"
#include "server/promise_call.h"
#include <string.h>

/* ---- Asking ----------------------------------------------------------------------------------- */

static void answer_one(struct promise_call *promise)
{
    promise_call_ask(promise, &promise->body.request);
    if (promise->answer.verdict != OH_OK_DONE) {
        promise_call_refuse(promise);
        return;
    }
    struct oh_strbuf *body = oh_call_begin(promise->call, 200);
    oh_strbuf_put_char(body, '{');
    oh_reply_put_promise(body, &promise->names, &promise->answer);
    oh_reply_put_seq_end(body, oh_service_seq(promise->call->service));
    oh_call_end_read(promise->call);
}

/* One line of a listing, which has been asked. One that cannot be says why and spares the others. */
static void put_basket(const struct promise_call *promise, struct oh_strbuf *body)
{
    const struct oh_promise_request *one = promise->names.request;
    oh_json_separate(body);
    oh_strbuf_put_char(body, '{');
    oh_json_member_u64(body, "line", one->lines->line);
    oh_json_member_string(body, "sku", one->lines->sku);
    if (promise->answer.verdict == OH_OK_DONE)
        oh_reply_put_promise(body, &promise->names, &promise->answer);
    else
        oh_json_member_text(body, "verdict", oh_verdict_code(promise->answer.verdict));
    oh_strbuf_put_char(body, '}');
}

/* What is wrong with the request and not with a line of it is said once. */
static void answer_each(struct promise_call *promise)
{
    struct oh_promise_request one = promise->body.request;
    one.line_count = 1;
    promise_call_ask(promise, &one);
    if (promise->answer.verdict != OH_OK_DONE && promise->answer.fault_index == OH_INDEX_NONE) {
        promise_call_refuse(promise);
        return;
    }
    struct oh_strbuf *body = oh_call_begin(promise->call, 200);
    oh_strbuf_put_char(body, '{');
    oh_json_member(body, "promises");
    oh_strbuf_put_char(body, '[');
    put_basket(promise, body);
    for (uint32_t i = 1; i < promise->body.request.line_count; i++) {
        one.lines = &promise->body.request.lines[i];
        promise_call_ask(promise, &one);
        put_basket(promise, body);
    }
    oh_strbuf_put_char(body, ']');
    oh_reply_put_seq_end(body, oh_service_seq(promise->call->service));
    oh_call_end_read(promise->call);
}

/* ---- Booking ---------------------------------------------------------------------------------- */

/* A key or an id that was used answers as it did, without asking again (PR5). */
static bool answer_repeat(struct promise_call *promise)
{
    struct oh_command command = { .type = OH_COMMAND_RESERVE };
    struct oh_bytes key = promise->call->request->idempotency_key;
    if (!oh_key_is_known(promise->call->ledger, key, promise->body.hold.id))
        return false;
    command.reserve.id = promise->body.hold.id;
    command.reserve.fingerprint = promise_call_print(promise);
    promise_call_apply(promise, &command);
    return true;
}

static bool hold_lines(struct promise_call *promise, struct oh_reserve_command *out)
{
    const struct oh_promise_request *request = &promise->body.request;
    struct oh_reserve_line *lines =
        oh_json_document_allocate(promise->call->service->document, request->line_count, sizeof(*lines));
    if (lines == NULL)
        return promise_call_no_memory(promise->call);
    for (uint32_t i = 0; i < request->line_count; i++)
        lines[i] = (struct oh_reserve_line){ .line = request->lines[i].line,
                                             .sku = request->lines[i].sku,
                                             .quantity_milli = request->lines[i].quantity_milli };
    out->lines = lines;
    out->line_count = request->line_count;
    return true;
}

static bool hold_option(const struct promise_call *promise, uint32_t index, struct oh_reserve_command *out)
{
    const struct oh_promise_option *option = &promise->answer.options[index];
    struct promise_taken taken;
    if (!promise_call_take(promise, index, NULL, &taken))
        return false;
    out->kind = option->kind;
    out->allow_partial = !option->is_complete;
    out->picks = taken.picks;
    out->pick_count = taken.pick_count;
    out->bookings = taken.bookings;
    out->booking_count = taken.booking_count;
    out->promise = taken.kept;
    return true;
}

static void answer_hold(struct promise_call *promise)
{
    struct oh_command command = { .type = OH_COMMAND_RESERVE };
    struct oh_reserve_command *reserve = &command.reserve;
    const struct oh_promise_hold *hold = &promise->body.hold;
    if (answer_repeat(promise))
        return;
    promise_call_ask(promise, &promise->body.request);
    if (promise->answer.verdict != OH_OK_DONE) {
        promise_call_refuse(promise);
        return;
    }
    *reserve = (struct oh_reserve_command){
        .id = hold->id,
        .channel = promise->body.request.channel,
        .customer = hold->customer,
        .order = hold->order,
        .kind = OH_KIND_SHIP,
        .ttl_us = hold->ttl_us,
        .fingerprint = promise_call_print(promise),
    };
    uint32_t index = promise_call_select(promise, &reserve->refusal);
    if (hold_lines(promise, reserve) && (reserve->refusal != OH_OK_DONE || hold_option(promise, index, reserve)))
        promise_call_apply(promise, &command);
}

/* ---- The routes ------------------------------------------------------------------------------- */

void oh_handle_promise_ask(void *app, struct oh_exchange *exchange)
{
    struct oh_call call = oh_call_of(app, exchange);
    struct promise_call promise;
    struct oh_fault fault;
    if (!oh_call_json(&call))
        return;
    memset(&promise, 0, sizeof(promise));
    promise.call = &call;
    if (oh_request_promise(call.service->document, call.request->body, &promise.body, &fault) != OH_OK) {
        oh_call_fault(&call, &fault);
        return;
    }
    if (promise.body.hold.is_set && !oh_call_write(&call, PROMISE_SIZE_EXTRA))
        return;
    if (!promise_call_begin(&promise))
        return;
    if (promise.body.replace.is_set)
        promise_call_replace(&promise);
    else if (promise.body.hold.is_set)
        answer_hold(&promise);
    else if (promise.body.separately)
        answer_each(&promise);
    else
        answer_one(&promise);
}

void oh_handle_promise_get(void *app, struct oh_exchange *exchange)
{
    struct oh_call call = oh_call_of(app, exchange);
    struct oh_reservation_id reservation;
    struct oh_reservation_view view;
    if (!oh_call_read(&call))
        return;
    bool is_there = oh_reservation_find(call.ledger, call.request->params[0], &reservation);
    if (is_there)
        oh_reservation_get(call.ledger, reservation, call.now_us, &view);
    if (!is_there || oh_bytes_is_empty(view.promise)) {
        oh_call_unknown(&call, OH_V_UNKNOWN_PROMISE, NULL);
        return;
    }
    struct oh_strbuf *body = oh_call_begin(&call, 200);
    oh_strbuf_put_char(body, '{');
    promise_call_put_kept(&call, body, view.id);
    oh_reply_put_seq_end(body, oh_service_seq(call.service));
    oh_call_end_read(&call);
}
