#include "server/handle_promises.h"
#include "codec/json_promise.h"
#include "server/handle.h"
#include "timetable/timetable.h"
#include <string.h>
#include <xxhash.h>

/* Journal bytes of a promise beyond its body: what is kept of it, its claims and bookings. */
#define PROMISE_SIZE_EXTRA ((size_t)4 << 20)

/* One request, and what is known of it so far. */
struct question {
    const struct oh_call *call;
    struct oh_promise_body body;
    struct oh_promise_names names;
    struct oh_promise_answer answer;
};

/* ---- Asking ----------------------------------------------------------------------------------- */

/* The timetable as the documents are now; NULL: answered. */
static const struct oh_timetable *timetable_of(const struct oh_call *call)
{
    const struct oh_timetable *timetable;
    if (oh_service_timetable(call->service, call->now_us, &timetable) == OH_OK)
        return timetable;
    oh_call_problem(call, 503, "out_of_memory", "Out of memory, nothing changed", "");
    return NULL;
}

/* The sourcing document of another channel, for this question. */
static bool question_policy(struct question *question)
{
    struct oh_channel_id channel;
    if (oh_bytes_is_empty(question->body.policy))
        return true;
    if (!oh_channel_find(question->call->ledger, question->body.policy, &channel)) {
        oh_call_unknown(question->call, OH_V_UNKNOWN_CHANNEL, "policy");
        return false;
    }
    const struct oh_timetable *timetable = question->names.timetable;
    question->body.request.draft = channel.index < timetable->channel_count ? timetable->sourcing[channel.index]
                                                                            : timetable->sourcing_default;
    return true;
}

static void question_ask(struct question *question, const struct oh_promise_request *request)
{
    question->names.request = request;
    oh_promise(question->call->service->promises, question->call->ledger, question->names.timetable, request,
               question->call->now_us, &question->answer);
}

/* A request that cannot be asked: the verdict of the engine, as a problem. */
static void question_refuse(const struct question *question)
{
    struct oh_answer answer = {
        .type = OH_COMMAND_RESERVE,
        .verdict = question->answer.verdict,
        .field = question->answer.field,
        .fault_index = question->answer.fault_index,
        .seq = oh_service_seq(question->call->service),
    };
    oh_call_refusal(question->call, &answer);
}

static void answer_one(struct question *question)
{
    question_ask(question, &question->body.request);
    if (question->answer.verdict != OH_OK_DONE) {
        question_refuse(question);
        return;
    }
    struct oh_strbuf *body = oh_call_begin(question->call, 200);
    oh_strbuf_put_char(body, '{');
    oh_reply_put_promise(body, &question->names, &question->answer);
    oh_reply_put_seq_end(body, oh_service_seq(question->call->service));
    oh_call_end_read(question->call);
}

/* A listing: each line is a basket of its own, and one that cannot be asked says why and spares the others. */
static void answer_each(struct question *question)
{
    struct oh_promise_request one = question->body.request;
    struct oh_strbuf *body = oh_call_begin(question->call, 200);
    oh_strbuf_put_char(body, '{');
    oh_json_member(body, "promises");
    oh_strbuf_put_char(body, '[');
    for (uint32_t i = 0; i < question->body.request.line_count; i++) {
        one.lines = &question->body.request.lines[i];
        one.line_count = 1;
        question_ask(question, &one);
        oh_json_separate(body);
        oh_strbuf_put_char(body, '{');
        oh_json_member_u64(body, "line", one.lines->line);
        oh_json_member_string(body, "sku", one.lines->sku);
        if (question->answer.verdict != OH_OK_DONE)
            oh_json_member_text(body, "verdict", oh_verdict_code(question->answer.verdict));
        else
            oh_reply_put_promise(body, &question->names, &question->answer);
        oh_strbuf_put_char(body, '}');
    }
    oh_strbuf_put_char(body, ']');
    oh_reply_put_seq_end(body, oh_service_seq(question->call->service));
    oh_call_end_read(question->call);
}

/* ---- Booking ---------------------------------------------------------------------------------- */

/* The option that is selected; the count: it is not there. */
static uint32_t option_select(const struct question *question)
{
    struct oh_bytes select = question->body.hold.select;
    if (oh_bytes_equal(select, OH_BYTES("first")))
        return 0;
    for (uint32_t i = 0; i < question->answer.option_count; i++) {
        char id[OH_OPTION_ID_SIZE];
        if (oh_bytes_equal(select, oh_option_id(&question->names, &question->answer, i, id)))
            return i;
    }
    return question->answer.option_count;
}

/* What is kept with the reservation: what was asked, and the option that was booked. */
static struct oh_bytes promise_text(const struct question *question, uint32_t option)
{
    struct oh_strbuf *text = &question->call->service->promise_text;
    oh_strbuf_clear(text);
    oh_strbuf_put_char(text, '{');
    oh_json_member_time(text, "at", question->answer.at_us);
    oh_json_member(text, "request");
    oh_strbuf_put_bytes(text, question->call->request->body);
    oh_json_member(text, "promised");
    oh_reply_put_option(text, &question->names, &question->answer, option, true);
    oh_strbuf_put_char(text, '}');
    return oh_strbuf_bytes(text);
}

/* The engine's option as the lines, picks and bookings of a reservation, in scratch of the document. */
static bool reserve_fill(const struct question *question, const struct oh_promise_option *option,
                         struct oh_reserve_command *out)
{
    const struct oh_promise_request *request = &question->body.request;
    struct oh_json_document *document = question->call->service->document;
    struct oh_reserve_line *lines = oh_json_scratch(document, request->line_count, sizeof(*lines));
    struct oh_reserve_pick *picks = oh_json_scratch(document, option->pick_count, sizeof(*picks));
    struct oh_reserve_booking *bookings =
        oh_json_scratch(document, (size_t)option->parcel_count * 3, sizeof(*bookings));
    if (lines == NULL || picks == NULL || bookings == NULL)
        return false;
    for (uint32_t i = 0; i < request->line_count; i++)
        lines[i] = (struct oh_reserve_line){ .line = request->lines[i].line, .sku = request->lines[i].sku,
                                             .quantity_milli = request->lines[i].quantity_milli };
    for (uint32_t i = 0; i < option->pick_count; i++) {
        uint16_t node = option->parcels[option->picks[i].parcel].node.index;
        bool feeds = option->kind == OH_KIND_COLLECT && node != option->store.index;
        picks[i] = (struct oh_reserve_pick){ option->picks[i].line, node, feeds ? OH_KIND_TRANSFER : option->kind,
                                             option->picks[i].quantity_milli, option->picks[i].due_at_us };
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < option->parcel_count; i++) {
        for (uint32_t b = 0; b < option->parcels[i].booking_count; b++) {
            const struct oh_promise_booking *of = &option->parcels[i].bookings[b];
            bookings[count++] = (struct oh_reserve_booking){ of->resource, of->node, of->unit, of->from_us,
                                                             of->until_us, of->quantity_milli, of->limit_milli };
        }
    }
    *out = (struct oh_reserve_command){
        .kind = option->kind,
        .allow_partial = !option->is_complete,
        .lines = lines,
        .line_count = request->line_count,
        .picks = picks,
        .pick_count = option->pick_count,
        .bookings = bookings,
        .booking_count = count,
    };
    return true;
}

static void answer_held(const struct question *question, const struct oh_answer *answer)
{
    struct oh_reservation_id reservation;
    struct oh_bytes kept = OH_BYTES_NONE;
    if (oh_reservation_find(question->call->ledger, answer->id, &reservation))
        kept = oh_reservation_promise(question->call->ledger, reservation);
    struct oh_strbuf *body = oh_call_begin_answer(question->call, answer);
    oh_strbuf_put_char(body, '{');
    oh_json_member_string(body, "promise", answer->id);
    oh_json_member_text(body, "status", oh_status_text(answer->status));
    oh_json_member_time(body, "expires_at", answer->expires_at_us);
    oh_json_member(body, "kept");
    if (kept.size > 0)
        oh_strbuf_put_bytes(body, kept);
    else
        oh_strbuf_put_text(body, "null");
    oh_reply_put_seq_end(body, answer->seq);
    oh_call_end_write(question->call);
}

/* The option cannot be booked: which ones there are now. */
static void refuse_option(const struct question *question, enum oh_verdict verdict)
{
    const char *sentence = verdict == OH_V_OPTION_GONE ? "The option that was selected is not there any more."
                                                       : "There is no way to have this basket.";
    struct oh_strbuf *body =
        oh_reply_problem_begin(question->call->exchange, oh_verdict_http_status(verdict), oh_verdict_code(verdict),
                               oh_verdict_title(verdict), oh_bytes_of(sentence), "hold.select");
    oh_strbuf_put_char(body, ',');
    oh_reply_put_promise(body, &question->names, &question->answer);
    oh_reply_put_seq_end(body, oh_service_seq(question->call->service));
    oh_call_end_write(question->call);
}

static void hold_fill(const struct question *question, struct oh_command *command)
{
    const struct oh_promise_hold *hold = &question->body.hold;
    command->type = OH_COMMAND_RESERVE;
    command->key = OH_BYTES_NONE;
    command->reserve.id = hold->id;
    command->reserve.channel = question->body.request.channel;
    command->reserve.customer = hold->customer;
    command->reserve.order = hold->order;
    command->reserve.ttl_us = hold->ttl_us;
    command->reserve.fingerprint =
        XXH3_64bits(question->call->request->body.data, question->call->request->body.size) | 1;
}

/* A key or an id that was used answers as it did, without asking again (PR5). */
static bool answer_repeat(const struct question *question)
{
    struct oh_command command = { .type = OH_COMMAND_RESERVE };
    struct oh_bytes key = question->call->request->idempotency_key;
    if (!oh_key_is_known(question->call->ledger, key, question->body.hold.id))
        return false;
    hold_fill(question, &command);
    const struct oh_answer *answer = oh_call_apply(question->call, &command);
    if (answer != NULL)
        answer_held(question, answer);
    return true;
}

static void answer_hold(struct question *question)
{
    struct oh_command command = { .type = OH_COMMAND_RESERVE };
    if (answer_repeat(question))
        return;
    question_ask(question, &question->body.request);
    if (question->answer.verdict != OH_OK_DONE) {
        question_refuse(question);
        return;
    }
    uint32_t option = option_select(question);
    if (option >= question->answer.option_count) {
        refuse_option(question, question->answer.option_count == 0 ? OH_V_NOT_PROMISABLE : OH_V_OPTION_GONE);
        return;
    }
    if (!reserve_fill(question, &question->answer.options[option], &command.reserve)) {
        oh_call_problem(question->call, 503, "out_of_memory", "Out of memory, nothing changed", "");
        return;
    }
    hold_fill(question, &command);
    command.reserve.promise = promise_text(question, option);
    const struct oh_answer *answer = oh_call_apply(question->call, &command);
    if (answer != NULL)
        answer_held(question, answer);
}

/* ---- The routes ------------------------------------------------------------------------------- */

void oh_handle_promise_ask(void *app, struct oh_exchange *exchange)
{
    struct oh_call call = oh_call_of(app, exchange);
    struct question question = { .call = &call, .names = { .ledger = call.ledger } };
    struct oh_fault fault;
    if (!oh_call_json(&call))
        return;
    if (oh_request_promise(call.service->document, call.request->body, &question.body, &fault) != OH_OK) {
        oh_call_fault(&call, &fault);
        return;
    }
    if (question.body.hold.is_set && !oh_call_write(&call, PROMISE_SIZE_EXTRA))
        return;
    question.names.timetable = timetable_of(&call);
    if (question.names.timetable == NULL || !question_policy(&question))
        return;
    if (question.body.hold.is_set)
        answer_hold(&question);
    else if (question.body.separately)
        answer_each(&question);
    else
        answer_one(&question);
}
