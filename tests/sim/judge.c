/*
 * judge.c - holds what the server does against the model: every reply, every seq, and what is left after a crash.
 */
#include "sim/run_internal.h"
#include "base/assert.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- What the server has read ----------------------------------------------------------------------------------- */

static bool is_chosen(const struct model_request *request)
{
    return request->type == MODEL_HOLD || request->type == MODEL_REPLACE;
}

/* What was answered first is what a repeat must be answered; what happens anew is a first answer. */
static void answers_repeat(struct op *op, struct model_answer *answers, uint32_t count)
{
    if (op->first == NULL) {
        op->first = calloc(count, sizeof(*answers));
        OH_ASSERT(op->first != NULL);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!answers[i].is_repeat) {
            op->first[i] = answers[i];
            op->refusal[0] = '\0';
            continue;
        }
        struct model_answer now = answers[i];
        answers[i] = op->first[i];
        answers[i].record = MODEL_RECORD_NO;
        answers[i].is_repeat = true;
        if (is_chosen(&op->request) && !answers[i].may_refuse) { /* it shows the promise as it is by now */
            answers[i].reservation_status = now.reservation_status;
            answers[i].expires_us = now.expires_us;
            answers[i].kept = now.kept;
            answers[i].id = now.id;
        }
    }
}

/* Asks the model, entry by entry. The number of an entry of a batch is its reservation's, beyond all ops. */
static void model_ask_op(struct run *run, uint32_t number, const struct model_choice *choice, int64_t now_us,
                         struct model_answer *answers)
{
    const struct model_request *request = &run->ops[number].request;
    if (is_chosen(request)) {
        struct model_request chosen = *request;
        chosen.choice = choice;
        model_ask(run->model, &chosen, number, now_us, &answers[0]);
        return;
    }
    if (request->type != MODEL_BATCH) {
        model_ask(run->model, request, number, now_us, &answers[0]);
        return;
    }
    for (uint32_t i = 0; i < request->batch_count; i++)
        model_ask(run->model, &request->batch[i], OPS_MAX + request->batch[i].reservation, now_us,
                  &answers[i]);
}

static void answers_refused(struct model_answer *answers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        answers[i] = (struct model_answer){ .status = 503, .code = "storage", .record = MODEL_RECORD_NO };
}

static void check_record(struct run *run, const struct flight *flight)
{
    enum model_record record = MODEL_RECORD_NO;
    uint64_t delta = flight->read.seq_after - flight->read.seq_before;
    const struct model_request *request = &run->ops[flight->op].request;
    for (uint32_t i = 0; i < run_answers_of(request); i++)
        record = flight->answers[i].record > record && record != MODEL_RECORD_YES ? flight->answers[i].record
                                                                                  : record;
    if (flight->read.is_joined || wire_is_import(request))
        return;
    if ((record == MODEL_RECORD_YES && delta != 1) || (record == MODEL_RECORD_NO && delta != 0) || delta > 1)
        run_fail(run, "one record a change", "%s changed the seq by %" PRIu64,
                 request->type < MODEL_WRITES ? "a write" : "a question", delta);
}

void judge_read(struct run *run, const struct sim_read *read)
{
    struct flight *flight = &run->flights[read->number];
    struct op *op = &run->ops[flight->op];
    uint32_t count = run_answers_of(&op->request);
    struct model_answer *answers = calloc(count, sizeof(*answers));
    OH_ASSERT(answers != NULL && run->applied_count < APPLIED_MAX);
    flight->is_read = true;
    flight->read = *read;
    flight->answers = answers;
    run->result->requests++;
    if (read->has_no_room) {
        answers_refused(answers, count);
        check_record(run, flight);
        return;
    }
    model_ask_op(run, flight->op, flight->choice, read->now_us, answers);
    if (answers[0].broken != NULL)
        run_fail(run, answers[0].broken, "%s", answers[0].why);
    run_tell(run, "peer %u is read: %s, the model says %d %s, seq %" PRIu64 " to %" PRIu64, flight->peer,
             wire_request_name(&op->request), answers[0].status,
             answers[0].code == NULL ? "" : answers[0].code, read->seq_before, read->seq_after);
    check_record(run, flight);
    answers_repeat(op, answers, count);
    if (!answers[0].is_repeat)
        op->first_seq = read->is_joined ? 0 : read->seq_after;
    if (op->request.type < MODEL_WRITES)
        run->applied[run->applied_count++] = (struct applied){ flight->op, flight->choice, run->model->now_us,
                                                               read->seq_before, read->seq_after };
    if (wire_is_import(
            &op->request)) /* its rows are applied in steps of their own: the reply will say when */
        run->applied[run->applied_count - 1].seq_after = UINT64_MAX;
    const char *law = model_check(run->model);
    if (law != NULL)
        run_fail(run, "model", "%s", law);
}

/* ---- What clients receive --------------------------------------------------------------------------------------- */

/* A repeat speaks for the seq of the first answer, all else for the ledger as it was. */
static void check_seq(struct run *run, const struct flight *flight, uint64_t seq)
{
    const struct op *op = &run->ops[flight->op];
    bool is_repeat = flight->answers[0].is_repeat && op->request.type != MODEL_BATCH;
    uint64_t wanted = is_repeat ? op->first_seq : flight->read.seq_after;
    bool is_known = is_repeat ? op->first_seq != 0 : !flight->read.is_joined;
    bool has_seq =
        op->request.type < MODEL_WRITES && flight->answers[0].status < 300 && flight->answers[0].status > 0;
    if (has_seq && seq == 0)
        run_fail(run, "seq", "a reply to a write has no seq");
    if (seq != 0 && is_known && !wire_is_import(&op->request) && seq != wanted)
        run_fail(run, "seq", "a reply speaks for seq %" PRIu64 ", not %" PRIu64, seq, wanted);
}

/* A repeat is refused as the first was, whatever for. */
static void check_refusal(struct run *run, const struct flight *flight, const struct wire_reply *reply)
{
    struct op *op = &run->ops[flight->op];
    char code[WIRE_CODE_SIZE];
    if (!flight->answers[0].may_refuse || flight->read.has_no_room)
        return;
    wire_refusal(reply, code);
    if (op->refusal[0] == '\0')
        memcpy(op->refusal, code, sizeof(code));
    if (strcmp(op->refusal, code) != 0)
        run_fail(run, wire_request_name(&op->request), "it is refused as %s, and was as %s", code,
                 op->refusal);
}

/* A batch has a reply of its own shape: the status and the body of each entry. */
static bool check_reply(struct run *run, const struct flight *flight, const struct wire_reply *reply,
                        uint64_t *out_seq, char *why, size_t why_size)
{
    const struct op *op = &run->ops[flight->op];
    if (flight->read.has_no_room) {
        *out_seq = 0;
        (void)snprintf(why, why_size, "the status is %d, not 503: the journal has no room", reply->status);
        return reply->status == 503;
    }
    if (op->request.type == MODEL_BATCH)
        return wire_check_batch(reply, &op->request, flight->answers, run->ids, out_seq, why, why_size);
    return wire_check(reply, &op->request, flight->answers, run->ids, out_seq, why, why_size);
}

static void take_reply(struct run *run, uint32_t peer, const struct wire_reply *reply)
{
    char why[400] = "";
    uint64_t seq = 0;
    if (run->queue_counts[peer] == 0) {
        run_fail(run, "replies in order", "a reply without a request: %d", reply->status);
        return;
    }
    struct flight *flight = &run->flights[run->queues[peer][0]];
    struct op *op = &run->ops[flight->op];
    memmove(run->queues[peer], run->queues[peer] + 1,
            --run->queue_counts[peer] * sizeof(run->queues[peer][0]));
    run_tell(run, "peer %u gets %d %.*s", peer, reply->status,
             (int)(reply->body.size > 700 ? 700 : reply->body.size), reply->body.data);
    if (!flight->is_read &&
        reply->status == 408) { /* it came in parts and took too long: the connection ends */
        op->is_waiting = false;
        op->is_done = !run_op_can_repeat(op);
        sim_peer_reset(run_peer(run, peer));
        run_queue_drop(run, peer);
        return;
    }
    if (!flight->is_read) {
        run_fail(run, "replies in order", "a reply before its request was read: %d", reply->status);
        return;
    }
    if (!check_reply(run, flight, reply, &seq, why, sizeof(why)))
        run_fail(run, wire_request_name(&op->request), "%s", why);
    check_seq(run, flight, seq);
    check_refusal(run, flight, reply);
    if (wire_is_import(&op->request) && run->applied_count > 0)
        run->applied[run->applied_count - 1].seq_after = seq;
    bool is_told = op->request.type < MODEL_WRITES && !flight->read.has_no_room;
    if (is_told && flight->read.seq_after > run->acked_seq && !flight->read.is_joined)
        run->acked_seq = flight->read.seq_after;
    if (is_told && flight->read.is_joined && seq > run->acked_seq)
        run->acked_seq = seq;
    flight->is_answered = true;
    op->is_waiting = false;
    op->is_done = !flight->read.has_no_room;
    run->result->replies++;
}

void judge_replies(struct run *run, uint32_t number)
{
    struct sim_peer *peer = run_peer(run, number);
    struct wire_reply reply;
    bool is_wrong = false;
    while (!peer->is_reset && !run->result->has_failed &&
           wire_get_reply(oh_strbuf_bytes(&peer->received), &reply, &is_wrong)) {
        run_digest_add(run, peer->received.data, reply.size);
        take_reply(run, number, &reply);
        run->reply_size = reply.size;
        oh_strbuf_consume(&peer->received, reply.size);
        if (peer->request_count > 0) { /* as many as are answered leave the list that the world keeps */
            memmove(peer->requests, peer->requests + 1, --peer->request_count * sizeof(peer->requests[0]));
            peer->read_count -= peer->read_count > 0 ? 1 : 0;
        }
    }
    if (is_wrong)
        run_fail(run, "replies", "not a reply: %.40s", peer->received.data);
    if (!peer->is_open && run->queue_counts[number] > 0) {
        bool was_read = run->flights[run->queues[number][0]].is_read;
        if (run->is_draining && was_read && !peer->is_reset && !peer->has_ended)
            run_fail(run, "drains", "a request that was read before the end has no answer");
        run_queue_drop(run, number);
    }
}

/* ---- Audits ----------------------------------------------------------------------------------------------------- */

static void audit_ask(struct run *run, const struct model_request *request)
{
    uint32_t op = run_op_add(run, request);
    if (op == UINT32_MAX || run->result->has_failed)
        return;
    if (run->queue_counts[AUDIT_PEER] > 16)
        run_settle(run);
    if (!run_send(run, op, AUDIT_PEER))
        run_fail(run, "liveness", "the judge is refused");
}

/* CA5, of the live ledger: each window in which anybody has booked anything. */
void judge_bookings(struct run *run)
{
    const struct model *model = run->model;
    for (uint32_t i = 0; i < model->booking_count; i++) {
        const struct model_booking *booking = &model->bookings[i];
        bool is_certain;
        int64_t wanted = model_booked(model, booking->resource, booking->from_us, &is_certain);
        int64_t got =
            oh_booked(run->world.ledger, oh_bytes_of(booking->resource), booking->from_us, model->now_us);
        if (is_certain && got != wanted)
            run_fail(run, "booked is what live reservations have booked",
                     "%s at %" PRId64 ": %" PRId64 "/1000, not %" PRId64 "/1000", booking->resource,
                     booking->from_us, got, wanted);
    }
}

/* LE2: within 1 percent. */
static void audit_transits(struct run *run)
{
    static const uint32_t percentiles[] = { 50, 90 };
    for (uint32_t i = 0; run->workload.has_promises && i < MODEL_LANES * 7 * 2; i++) {
        uint32_t lane = i / 14, weekday = i / 2 % 7, percentile = percentiles[i % 2];
        char origin[8];
        int64_t us = 0;
        (void)snprintf(origin, sizeof(origin), "o%u", lane);
        int64_t wanted_us = SECOND_US * (int64_t)model_transit_s(run->model, lane, weekday, percentile);
        bool is_known = oh_transit_quantile(run->world.ledger, OH_BYTES("v1"), oh_bytes_of(origin),
                                            OH_BYTES("d"), weekday, percentile, &us);
        int64_t apart_us = us > wanted_us ? us - wanted_us : wanted_us - us;
        if (is_known != (wanted_us > 0) || apart_us > wanted_us / 99)
            run_fail(run, "what was reported is learned",
                     "from %s on day %u: %" PRId64 " s, not %" PRId64 " s", origin, weekday, us / SECOND_US,
                     wanted_us / SECOND_US);
    }
}

/* Asks for everything, and for a while of reservations. Needs a settled world. */
void judge_audit(struct run *run)
{
    struct model_request request = { .channel = MODEL_NONE, .at_us = MODEL_NEVER };
    for (uint32_t item = 0; item < MODEL_ITEMS; item++) {
        request.item = (uint8_t)item;
        request.type = MODEL_GET_STOCK;
        audit_ask(run, &request);
        for (uint32_t channel = 0; channel < MODEL_CHANNELS; channel++) {
            request.type = MODEL_GET_CHANNEL_AVAILABILITY;
            request.channel = (uint8_t)channel;
            audit_ask(run, &request);
        }
        request.channel = MODEL_NONE;
    }
    for (uint32_t i = 0; i < 24 && i < run->model->reservation_count; i++) {
        request.type = MODEL_GET_RESERVATION;
        request.reservation = run->model->reservation_count - 1 - i;
        if (request.reservation < run->workload.first_reservation ||
            run->ids->text[request.reservation][0] == '\0')
            continue;
        audit_ask(run, &request);
        if (run->model->reservations[request.reservation].promise == NULL)
            continue;
        request.type = MODEL_GET_PROMISE;
        audit_ask(run, &request);
    }
    for (uint32_t customer = 0; customer < 6; customer++) {
        request.type = MODEL_LIST_RESERVATIONS;
        request.customer = (uint8_t)customer;
        audit_ask(run, &request);
    }
    for (uint32_t fence = 0; fence < MODEL_FENCES; fence++) {
        request.type = MODEL_GET_FENCE;
        request.fence = (uint8_t)fence;
        audit_ask(run, &request);
    }
    for (uint32_t document = 0; run->workload.has_promises && document < MODEL_DOCUMENTS; document++) {
        request.type = MODEL_GET_DOCUMENT;
        request.document = (uint8_t)document;
        audit_ask(run, &request);
    }
    run_settle(run);
    if (!sim_world_is_up(&run->world))
        return;
    judge_bookings(run);
    audit_transits(run);
    struct oh_verifier verifier = { .position = 0 };
    uint32_t differences = oh_ledger_verify(run->world.ledger, &verifier, UINT32_MAX);
    if (differences != 0)
        run_fail(run, "no drift", "%u positions differ from their parts", differences);
}

/* ---- After a crash ---- */

uint64_t judge_import_rows(const struct run *run, const struct model_request *request)
{
    struct oh_effect_import import;
    char id[WIRE_IMPORT_ID_SIZE];
    char name[WIRE_IMPORT_ID_SIZE + 16];
    wire_import_id(request->import, id);
    (void)snprintf(name, sizeof(name), "%s/%s", request->type == MODEL_IMPORT ? "stock" : "postal_codes", id);
    return oh_import_get(run->world.ledger, oh_bytes_of(name), &import) ? import.row_count : 0;
}

void judge_import_part(struct run *run, const struct model_request *request, uint64_t seq_before)
{
    struct model_request part = *request;
    struct model_answer answer;
    uint64_t rows = judge_import_rows(run, request);
    OH_ASSERT(rows <= request->line_count);
    part.line_count = (uint32_t)rows;
    uint32_t op = rows == 0 ? UINT32_MAX : run_op_add(run, &part);
    if (op == UINT32_MAX)
        return;
    run->ops[op].is_done = true;
    model_ask(run->model, &part, op, run->model->now_us, &answer);
    run->applied[run->applied_count++] =
        (struct applied){ op, NULL, run->model->now_us, seq_before, oh_ledger_seq(run->world.ledger) };
}

/* An import that got no answer: the server says how many of its rows it has, and those are what it must show. */
static void import_return(struct run *run, uint32_t number, int64_t now_us)
{
    struct model_request request = run->ops[number].request;
    struct model_answer answer;
    uint64_t rows = judge_import_rows(run, &request);
    if (rows == 0)
        return;
    if (rows < request.line_count)
        request.line_count = (uint32_t)rows;
    request.value = (int64_t)rows;
    model_ask(run->model, &request, number, now_us, &answer);
}

/* Imports of which the end never arrived: some of their rows may have. */
static void imports_cut_return(struct run *run)
{
    for (uint32_t peer = 0; peer < SIM_PEERS_MAX; peer++) {
        for (uint32_t i = 0; i < run->queue_counts[peer]; i++) {
            const struct flight *flight = &run->flights[run->queues[peer][i]];
            if (!flight->is_read && wire_is_import(&run->ops[flight->op].request))
                import_return(run, flight->op, run->model->now_us);
        }
    }
}

/* The model as it was at this seq: everything that the life before it applied, up to there. */
static void judge_model_return(struct run *run, uint64_t seq)
{
    struct model_answer answers[MODEL_BATCH_MAX];
    model_copy(run->model, run->life);
    for (uint32_t i = 0; i < run->applied_count && !run->result->has_failed; i++) {
        const struct applied *applied = &run->applied[i];
        bool is_import = wire_is_import(&run->ops[applied->op].request);
        if (is_import && applied->seq_after > seq) {
            import_return(run, applied->op, applied->now_us);
            continue;
        }
        if (applied->seq_after > seq) {
            if (applied->seq_before < seq)
                run_fail(run, "prefix", "seq %" PRIu64 " is in the middle of what was one turn", seq);
            continue;
        }
        model_ask_op(run, applied->op, applied->choice, applied->now_us, answers);
    }
    imports_cut_return(run);
    /* An id that the server made has its seq in it: another reservation may get it now. */
    for (uint32_t i = 0; i < run->workload.reservations; i++) {
        if (!run->model->reservations[i].exists && run->ids->text[i][0] == 'r')
            run->ids->text[i][0] = '\0';
    }
}

/* What came back is judged: acknowledged within recovered within issued. */
void judge_recovery(struct run *run, bool keeps_promise)
{
    uint64_t seq = oh_ledger_seq(run->world.ledger);
    run_tell(run, "back at seq %" PRIu64 ", acknowledged %" PRIu64 ", issued %" PRIu64 " %s", seq,
             run->acked_seq, run->turn_seq, run->world.torn);
    run_digest_add(run, &seq, sizeof(seq));
    if (keeps_promise && seq < run->acked_seq)
        run_fail(run, "acknowledged is recovered", "seq %" PRIu64 " was acknowledged, %" PRIu64 " came back",
                 run->acked_seq, seq);
    if (seq > run->turn_seq)
        run_fail(run, "recovered is issued", "seq %" PRIu64 " came back, %" PRIu64 " was the last", seq,
                 run->turn_seq);
    if (oh_ledger_time_us(run->world.ledger) > run->latest_us)
        run_fail(run, "time", "the ledger's clock is ahead of every clock it was given");
    run->result->lost_records += run->turn_seq - seq;
    judge_model_return(run, seq);
    run->model->now_us = oh_ledger_time_us(run->world.ledger);
    if (run->world.realtime_us > run->model->now_us)
        run->model->now_us = run->world.realtime_us; /* the clock was read when the engine was made */
    if (run->world.realtime_us > run->latest_us)
        run->latest_us = run->world.realtime_us;
    run->acked_seq = seq < run->acked_seq ? seq : run->acked_seq;
    run->turn_seq = seq;
}
