#include "server/promise_call.h"
#include "base/log.h"
#include "server/service.h"
#include <stdio.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

bool promise_call_no_memory(const struct oh_call *call)
{
    oh_call_problem(call, 503, "out_of_memory", "Out of memory, nothing changed", "");
    return false;
}

bool promise_call_timetable(const struct oh_call *call, const struct oh_timetable **out_timetable)
{
    struct oh_fault fault;
    enum oh_err err = oh_service_timetable(call->service, call->now_us, out_timetable);
    if (err == OH_OK)
        return true;
    if (err != OH_E_IO)
        return promise_call_no_memory(call);
    OH_LOG(OH_LOG_ERROR, OH_LOG_EVENT("time_zones_unreadable"));
    oh_fault_set(&fault, OH_FAULT_TIME_ZONES_UNREADABLE, OH_BYTES_NONE,
                 "A file of the system's tz database could not be read, and dates are not guessed. Try again.");
    oh_call_fault(call, &fault);
    return false;
}

/* ---- Asking ----------------------------------------------------------------------------------- */

static bool policy_draft(struct promise_call *promise)
{
    struct oh_fault fault;
    enum oh_err err = oh_service_draft(promise->call->service, promise->body.draft, &promise->body.request.draft,
                                       &fault);
    if (err == OH_E_SYNTAX) {
        oh_fault_prefix(&fault, "policy");
        oh_call_fault(promise->call, &fault);
        return false;
    }
    return err == OH_OK || promise_call_no_memory(promise->call);
}

static bool policy_of_channel(struct promise_call *promise)
{
    const struct oh_timetable *timetable = promise->names.timetable;
    struct oh_channel_id channel;
    if (!oh_channel_find(promise->call->ledger, promise->body.policy, &channel)) {
        oh_call_unknown(promise->call, OH_V_UNKNOWN_CHANNEL, "policy");
        return false;
    }
    promise->body.request.draft = channel.index < timetable->channel_count ? timetable->sourcing[channel.index]
                                                                           : timetable->sourcing_default;
    return true;
}

bool promise_call_begin(struct promise_call *promise)
{
    const struct oh_call *call = promise->call;
    promise->names.ledger = call->ledger;
    promise->names.request = &promise->body.request;
    promise->body.request.steps_max = call->service->options.promise_steps;
    if (!promise_call_timetable(call, &promise->names.timetable))
        return false;
    if (!oh_bytes_is_empty(promise->body.draft))
        return policy_draft(promise);
    return oh_bytes_is_empty(promise->body.policy) || policy_of_channel(promise);
}

static void answer_count(struct oh_service *service, const struct oh_promise_answer *answer)
{
    bool is_bounded = answer->is_bounded;
    for (uint32_t i = 0; i < answer->option_count; i++) {
        is_bounded = is_bounded || answer->options[i].is_bounded;
        service->promise_steps += answer->options[i].step_count;
    }
    service->promises_asked++;
    service->promises_bounded += is_bounded ? 1 : 0;
}

void promise_call_ask(struct promise_call *promise, const struct oh_promise_request *request)
{
    struct oh_service *service = promise->call->service;
    promise->names.request = request;
    oh_promise(service->promises, promise->call->ledger, promise->names.timetable, request, promise->call->now_us,
               &promise->answer);
    answer_count(service, &promise->answer);
}

/* Which of the names there is no node of: the engine says its place in its list. */
static void refuse_node(const struct promise_call *promise)
{
    const struct oh_promise_request *request = promise->names.request;
    uint32_t index = promise->answer.fault_index;
    struct oh_node_id node;
    bool is_without = index < request->without_count &&
                      !oh_node_find(promise->call->ledger, request->without[index], &node);
    char field[48];
    (void)snprintf(field, sizeof(field), "%s[%u]", is_without ? "without" : "options.stores", (unsigned)index);
    oh_call_unknown(promise->call, OH_V_UNKNOWN_NODE, field);
}

/* What the engine says of the question as a whole, in the words of the API; false: it is about a line. */
static bool fault_of_question(const struct promise_call *promise, struct oh_fault *fault)
{
    const struct oh_destination *destination = &promise->names.request->destination;
    if (promise->answer.verdict == OH_V_UNKNOWN_POSTAL_CODE)
        oh_fault_set_postal_code(fault, OH_BYTES("destination.postal_code"), destination->country,
                                 destination->postal_code);
    else if (promise->answer.field == OH_FIELD_COUNTRY)
        oh_fault_set(fault, OH_FAULT_INVALID_VALUE, OH_BYTES("destination.country"),
                     "A country is two capital letters.");
    else if (promise->answer.field == OH_FIELD_AT)
        oh_fault_set(fault, OH_FAULT_INVALID_TIME, OH_BYTES("at"),
                     "at is not before yesterday: the timetable begins there.");
    else
        return false;
    return true;
}

void promise_call_refuse(const struct promise_call *promise)
{
    struct oh_fault fault;
    if (promise->answer.verdict == OH_V_UNKNOWN_NODE) {
        refuse_node(promise);
        return;
    }
    if (fault_of_question(promise, &fault)) {
        oh_call_fault(promise->call, &fault);
        return;
    }
    const struct oh_answer answer = {
        .type = OH_COMMAND_RESERVE,
        .verdict = promise->answer.verdict,
        .field = promise->answer.field,
        .fault_index = promise->answer.fault_index,
        .seq = oh_service_seq(promise->call->service),
    };
    oh_call_refusal(promise->call, &answer);
}

/* ---- Booking ---------------------------------------------------------------------------------- */

uint32_t promise_call_select(const struct promise_call *promise, enum oh_verdict *out_refusal)
{
    const struct oh_promise_answer *answer = &promise->answer;
    uint32_t index = oh_option_find(&promise->names, answer, promise->body.hold.select);
    *out_refusal = OH_OK_DONE;
    if (index != OH_INDEX_NONE)
        return index;
    *out_refusal = answer->option_count == 0 ? OH_V_NOT_PROMISABLE : OH_V_OPTION_GONE;
    return 0;
}

bool promise_call_take(const struct promise_call *promise, uint32_t option_index,
                       const struct oh_promise_kept *before, struct promise_taken *out)
{
    struct oh_service *service = promise->call->service;
    const struct oh_promise_option *option = &promise->answer.options[option_index];
    size_t bookings_max = (size_t)option->parcel_count * (sizeof(option->parcels->bookings) /
                                                          sizeof(option->parcels->bookings[0]));
    out->picks = oh_json_document_allocate(service->document, option->pick_count, sizeof(*out->picks));
    out->bookings = oh_json_document_allocate(service->document, bookings_max, sizeof(*out->bookings));
    if (out->picks == NULL || out->bookings == NULL)
        return promise_call_no_memory(promise->call);
    out->pick_count = option->pick_count;
    out->booking_count = oh_promise_claims(option, out->picks, out->bookings);
    oh_strbuf_clear(&service->promise);
    oh_reply_put_kept(&service->promise, &promise->names, &promise->answer, option_index,
                      promise->call->request->body, before);
    out->kept = oh_strbuf_bytes(&service->promise);
    if (!service->promise.is_overflowed)
        return true;
    if (service->promise.is_starved)
        return promise_call_no_memory(promise->call);
    oh_call_problem(promise->call, 400, oh_verdict_code(OH_V_TOO_MANY), oh_verdict_title(OH_V_TOO_MANY),
                    "What is kept with a promise that is held has at most 1048576 bytes.");
    return false;
}

uint64_t promise_call_print(const struct promise_call *promise)
{
    struct oh_bytes body = promise->call->request->body;
    return XXH3_64bits(body.data, body.size) | 1;
}

/* ---- Answering -------------------------------------------------------------------------------- */

void promise_call_put_kept(const struct oh_call *call, struct oh_strbuf *body, struct oh_bytes id)
{
    struct oh_reservation_id reservation;
    struct oh_reservation_view view = { .promise = OH_BYTES_NONE };
    oh_json_member_string(body, "promise", id);
    if (!oh_reservation_find(call->ledger, id, &reservation)) /* forgotten since, and its answer was remembered */
        return;
    oh_reservation_get(call->ledger, reservation, call->now_us, &view);
    oh_json_member_text(body, "status", oh_status_text(view.status));
    oh_json_member_time(body, "expires_at", view.expires_at_us);
    if (view.promise.size > 2) {
        oh_json_separate(body); /* the members of what is kept, without its braces */
        oh_strbuf_put(body, view.promise.data + 1, view.promise.size - 2);
    }
}

/* The option cannot be booked: which ones there are now. A repeat says the same without them: they were of its time. */
static void answer_without(const struct promise_call *promise, const struct oh_answer *answer)
{
    enum oh_verdict verdict = answer->verdict;
    const char *sentence = verdict == OH_V_OPTION_GONE ? "The option that was selected is not there any more."
                                                       : "There is no way to have this basket.";
    if (answer->is_repeat)
        oh_reply_header(promise->call->exchange, "Idempotency-Replayed", OH_BYTES("true"));
    struct oh_strbuf *body =
        oh_reply_problem_begin(promise->call->exchange, oh_verdict_http_status(verdict), oh_verdict_code(verdict),
                               oh_verdict_title(verdict), oh_bytes_of(sentence), "hold.select");
    if (!answer->is_repeat)
        oh_reply_put_promise(body, &promise->names, &promise->answer);
    oh_reply_put_seq_end(body, answer->seq);
    oh_call_end_write(promise->call);
}

void promise_call_apply(const struct promise_call *promise, struct oh_command *command)
{
    const struct oh_call *call = promise->call;
    const struct oh_answer *answer;
    if (call->request->idempotency_key.data != NULL)
        command->key = call->request->idempotency_key;
    if (oh_service_apply(call->service, call->now_us, command, &answer) != OH_OK) {
        oh_call_problem(call, 400, oh_verdict_code(OH_V_TOO_MANY), oh_verdict_title(OH_V_TOO_MANY),
                        "The request has more effects than one record may have.");
        return;
    }
    oh_service_commit(call->service);
    if (answer->verdict == OH_V_OPTION_GONE || answer->verdict == OH_V_NOT_PROMISABLE) {
        answer_without(promise, answer);
    } else if (!oh_verdict_is_success(answer->verdict)) {
        oh_call_refusal(call, answer);
    } else {
        struct oh_strbuf *body = oh_call_begin_answer(call, answer);
        oh_strbuf_put_char(body, '{');
        promise_call_put_kept(call, body, answer->id);
        oh_reply_put_seq_end(body, answer->seq);
        oh_call_end_write(call);
    }
}
