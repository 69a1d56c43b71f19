#include "sim/run.h"
#include "base/assert.h"
#include "base/prng.h"
#include "sim/model.h"
#include "sim/wire.h"
#include "sim/workload.h"
#include "sim/world.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_US     INT64_C(1795352400000000) /* 2026-11-22T13:00Z */
#define SECOND_US    INT64_C(1000000)
#define HOUR_US      (3600 * SECOND_US)
#define OPS_MAX      8000u
#define FLIGHTS_MAX  40000u
#define APPLIED_MAX  40000u
#define SETTLE_TURNS 3000u
#define AUDIT_PEER   (SIM_PEERS_MAX - 1) /* the last one is the judge's own */
#define BATCH_ROOM   ((size_t)4 << 20) /* what the service sets aside for these, beyond what it does for any */
#define ENTRIES_ROOM ((size_t)2 << 20)

/* Something a client wants, until it has an answer. Retries are the same op. */
struct op {
    struct model_request request;
    struct model_answer *first; /* its first answers, one or one per entry of a batch; NULL: not asked yet */
    uint64_t first_seq;         /* of a reply that was received; 0: none */
    bool is_done;
    bool is_waiting; /* a flight of it is under way */
};

/* One sending of an op over a connection. */
struct flight {
    uint32_t op;
    uint32_t peer;
    bool is_read;
    struct sim_read read;
    struct model_answer *answers; /* what the reply must say */
    bool is_answered;
};

/* What the server has applied in this life, in order: the model of a crash is made of it. */
struct applied {
    uint32_t op;
    int64_t now_us;
    uint64_t seq_before;
    uint64_t seq_after;
};

struct run {
    const struct run_options *options;
    struct run_result *result;
    struct sim_world world;
    struct model *model;
    struct model *life; /* as it was when this life of the process began */
    struct workload workload;
    struct wire_ids *ids;
    struct op *ops;
    uint32_t op_count;
    struct flight *flights;
    uint32_t flight_count;
    uint32_t queues[SIM_PEERS_MAX][SIM_REQUESTS_MAX]; /* flights without an answer, oldest first */
    uint32_t queue_counts[SIM_PEERS_MAX];
    struct applied *applied;
    uint32_t applied_count;
    uint64_t acked_seq; /* the greatest that a client was told */
    uint64_t turn_seq;  /* of the ledger after the last turn */
    int64_t latest_us;  /* the greatest time the server has read */
    uint32_t first_op;  /* older ones have been forgotten by now: not retried */
    uint32_t event;
    bool is_stalled;   /* the journal's threads stand still */
    bool is_disk_weak; /* full, or about to fail */
    bool is_class_disk;
};

/* ---- Failing ---------------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static void fail(struct run *run, const char *law, const char *format,
                                                       ...)
{
    va_list arguments;
    if (run->result->has_failed)
        return;
    run->result->has_failed = true;
    run->result->failed_event = run->event;
    (void)snprintf(run->result->law, sizeof(run->result->law), "%s", law);
    va_start(arguments, format);
    (void)vsnprintf(run->result->why, sizeof(run->result->why), format, arguments);
    va_end(arguments);
}

__attribute__((format(printf, 2, 3))) static void tell_all(const struct run *run, const char *format, ...)
{
    va_list arguments;
    if (!run->options->is_told)
        return;
    printf("%6u %12.6f  ", run->event, (double)(run->world.realtime_us - START_US) / 1e6);
    va_start(arguments, format);
    (void)vprintf(format, arguments);
    va_end(arguments);
    (void)putchar('\n');
}

static void digest_add(struct run *run, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    uint64_t hash = run->result->digest;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
    run->result->digest = hash;
}

/* ---- Sending ---------------------------------------------------------------------------------------------------- */

static struct sim_peer *peer_of(struct run *run, uint32_t peer)
{
    return &run->world.peers[peer];
}

static uint32_t answers_of(const struct model_request *request)
{
    return request->type == MODEL_BATCH ? request->batch_count : 1;
}

/* False: it is about a reservation whose id nobody knows any more. */
static bool op_has_target(const struct run *run, const struct op *op)
{
    enum model_type type = op->request.type;
    bool names_one = (type >= MODEL_CONFIRM && type <= MODEL_FULFIL) || type == MODEL_GET_RESERVATION;
    return !names_one || run->ids->text[op->request.reservation][0] != '\0';
}

static bool op_can_repeat(const struct op *op)
{
    return op->request.type >= MODEL_WRITES || op->request.type == MODEL_BATCH || op->request.key != 0 ||
           (op->request.type == MODEL_RESERVE && op->request.has_own_id);
}

static bool op_send(struct run *run, uint32_t number, uint32_t peer_number)
{
    struct sim_peer *peer = peer_of(run, peer_number);
    struct op *op = &run->ops[number];
    struct oh_strbuf text;
    if (!op_has_target(run, op) || (!peer->is_open && !sim_peer_connect(&run->world, peer)))
        return false;
    if (run->flight_count == FLIGHTS_MAX || run->queue_counts[peer_number] == SIM_REQUESTS_MAX)
        return false;
    oh_strbuf_init(&text, (size_t)1 << 20);
    wire_put_request(&text, &op->request, run->ids);
    bool is_write = op->request.type < MODEL_WRITES;
    size_t body_size =
        text.size; /* a little more than the body: only near the edge of the room does it matter */
    const char *end = memmem(text.data, text.size, "\r\n\r\n", 4);
    body_size -= (size_t)(end + 4 - text.data);
    size_t room = is_write ? OH_SERVICE_WRITE_ROOM + body_size : 0;
    if (op->request.type == MODEL_BATCH)
        room += BATCH_ROOM;
    if (op->request.type == MODEL_ADJUST || op->request.type == MODEL_SYNC)
        room += ENTRIES_ROOM;
    bool is_sent = sim_peer_send(peer, oh_strbuf_bytes(&text), run->flight_count, is_write, room);
    if (is_sent) {
        op->is_waiting = true;
        run->queues[peer_number][run->queue_counts[peer_number]++] = run->flight_count;
        run->flights[run->flight_count++] = (struct flight){ .op = number, .peer = peer_number };
        tell_all(run, "peer %u asks %.*s", peer_number, (int)text.size, text.data);
    }
    oh_strbuf_fini(&text);
    return is_sent;
}

/* ---- What the server has read ----------------------------------------------------------------------------------- */

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
            continue;
        }
        answers[i] = op->first[i];
        answers[i].record = MODEL_RECORD_NO;
        answers[i].is_repeat = true;
    }
}

/* Asks the model, entry by entry. The number of an entry of a batch is its reservation's, beyond all ops. */
static void model_ask_op(struct run *run, uint32_t number, int64_t now_us, struct model_answer *answers)
{
    const struct model_request *request = &run->ops[number].request;
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
    for (uint32_t i = 0; i < answers_of(request); i++)
        record = flight->answers[i].record > record && record != MODEL_RECORD_YES ? flight->answers[i].record
                                                                                  : record;
    if (flight->read.is_joined || request->type == MODEL_IMPORT)
        return;
    if ((record == MODEL_RECORD_YES && delta != 1) || (record == MODEL_RECORD_NO && delta != 0) || delta > 1)
        fail(run, "one record a change", "%s changed the seq by %" PRIu64,
             request->type < MODEL_WRITES ? "a write" : "a question", delta);
}

static void take_read(struct run *run, const struct sim_read *read)
{
    struct flight *flight = &run->flights[read->number];
    struct op *op = &run->ops[flight->op];
    uint32_t count = answers_of(&op->request);
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
    model_ask_op(run, flight->op, read->now_us, answers);
    tell_all(run, "peer %u is read: %s, the model says %d %s, seq %" PRIu64 " to %" PRIu64, flight->peer,
             wire_request_name(&op->request), answers[0].status,
             answers[0].code == NULL ? "" : answers[0].code, read->seq_before, read->seq_after);
    check_record(run, flight);
    answers_repeat(op, answers, count);
    if (!answers[0].is_repeat)
        op->first_seq = read->is_joined ? 0 : read->seq_after;
    if (op->request.type < MODEL_WRITES)
        run->applied[run->applied_count++] =
            (struct applied){ flight->op, run->model->now_us, read->seq_before, read->seq_after };
    const char *law = model_check(run->model);
    if (law != NULL)
        fail(run, "model", "%s", law);
}

/* ---- What clients receive --------------------------------------------------------------------------------------- */

/* A repeat speaks for the seq of the first answer, all else for the ledger as it was. */
static void check_seq(struct run *run, const struct flight *flight, uint64_t seq)
{
    const struct op *op = &run->ops[flight->op];
    bool is_repeat = flight->answers[0].is_repeat && op->request.type != MODEL_BATCH;
    uint64_t wanted = is_repeat ? op->first_seq : flight->read.seq_after;
    bool is_known = is_repeat ? op->first_seq != 0 : !flight->read.is_joined;
    if (seq != 0 && is_known && op->request.type != MODEL_IMPORT && seq != wanted)
        fail(run, "seq", "a reply speaks for seq %" PRIu64 ", not %" PRIu64, seq, wanted);
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

/* The peer is gone: what it asked may have happened or not. */
static void queue_drop(struct run *run, uint32_t peer)
{
    for (uint32_t i = 0; i < run->queue_counts[peer]; i++) {
        struct op *op = &run->ops[run->flights[run->queues[peer][i]].op];
        op->is_waiting = false;
        op->is_done = op->is_done || !op_can_repeat(op);
    }
    run->queue_counts[peer] = 0;
}

static void take_reply(struct run *run, uint32_t peer, const struct wire_reply *reply)
{
    char why[400] = "";
    uint64_t seq = 0;
    if (run->queue_counts[peer] == 0) {
        fail(run, "replies in order", "a reply without a request: %d", reply->status);
        return;
    }
    struct flight *flight = &run->flights[run->queues[peer][0]];
    struct op *op = &run->ops[flight->op];
    memmove(run->queues[peer], run->queues[peer] + 1,
            --run->queue_counts[peer] * sizeof(run->queues[peer][0]));
    tell_all(run, "peer %u gets %d %.*s", peer, reply->status,
             (int)(reply->body.size > 700 ? 700 : reply->body.size), reply->body.data);
    if (!flight->is_read &&
        reply->status == 408) { /* it came in parts and took too long: the connection ends */
        op->is_waiting = false;
        op->is_done = !op_can_repeat(op);
        sim_peer_reset(peer_of(run, peer));
        queue_drop(run, peer);
        return;
    }
    if (!flight->is_read) {
        fail(run, "replies in order", "a reply before its request was read: %d", reply->status);
        return;
    }
    if (!check_reply(run, flight, reply, &seq, why, sizeof(why)))
        fail(run, wire_request_name(&op->request), "%s", why);
    check_seq(run, flight, seq);
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

static void peer_take(struct run *run, uint32_t number)
{
    struct sim_peer *peer = peer_of(run, number);
    struct wire_reply reply;
    bool is_wrong = false;
    while (!peer->is_reset && !run->result->has_failed &&
           wire_get_reply(oh_strbuf_bytes(&peer->received), &reply, &is_wrong)) {
        digest_add(run, peer->received.data, reply.size);
        take_reply(run, number, &reply);
        oh_strbuf_consume(&peer->received, reply.size);
        if (peer->request_count > 0) { /* as many as are answered leave the list that the world keeps */
            memmove(peer->requests, peer->requests + 1, --peer->request_count * sizeof(peer->requests[0]));
            peer->read_count -= peer->read_count > 0 ? 1 : 0;
        }
    }
    if (is_wrong)
        fail(run, "replies", "not a reply: %.40s", peer->received.data);
    if (!peer->is_open && run->queue_counts[number] > 0)
        queue_drop(run, number);
}

/* ---- A turn ----------------------------------------------------------------------------------------------------- */

static void turn(struct run *run)
{
    if (!sim_world_is_up(&run->world))
        return;
    if (run->world.realtime_us > run->model->now_us)
        run->model->now_us = run->world.realtime_us;
    sim_world_turn(&run->world);
    for (uint32_t i = 0; i < run->world.read_count; i++)
        take_read(run, &run->world.reads[i]);
    bool had_failed = run->result->has_failed;
    run->result->has_failed = had_failed && !run->options->is_told; /* who looks wants to see the reply too */
    for (uint32_t i = 0; i < SIM_PEERS_MAX; i++)
        peer_take(run, i);
    run->result->has_failed = run->result->has_failed || had_failed;
    run->turn_seq = oh_ledger_seq(run->world.ledger);
    run->latest_us = run->world.realtime_us > run->latest_us ? run->world.realtime_us : run->latest_us;
    if (run->world.service->verifier.differences != 0)
        fail(run, "no drift", "the verifier found %" PRIu64 " differences",
             run->world.service->verifier.differences);
}

static void work(struct run *run)
{
    sim_world_work(&run->world, OH_JOURNAL_WORK_WRITE | OH_JOURNAL_WORK_PREPARE);
    sim_world_work_snapshot(&run->world);
}

static bool is_quiet(const struct run *run)
{
    for (uint32_t i = 0; i < SIM_PEERS_MAX; i++) {
        if (run->queue_counts[i] > 0)
            return false;
    }
    return true;
}

static void heal(struct run *run)
{
    storage_disk_set_space(run->world.disk, UINT64_MAX);
    storage_disk_set_nagging(run->world.disk, false);
    for (int operation = STORAGE_OPEN; operation < STORAGE_OPERATIONS; operation++)
        storage_disk_fail(run->world.disk, (enum storage_operation)operation, 1, 0, 0);
    run->is_stalled = run->is_disk_weak = false;
    for (uint32_t i = 0; i < SIM_PEERS_MAX; i++) {
        sim_peer_open_window(peer_of(run, i), SIZE_MAX);
        sim_peer_deliver(peer_of(run, i), SIZE_MAX);
    }
}

/* Turns until every request that is under way has its answer. */
static void settle(struct run *run)
{
    heal(run);
    for (uint32_t i = 0; i < SETTLE_TURNS && !is_quiet(run) && !run->result->has_failed; i++) {
        turn(run);
        work(run);
        sim_world_pass(&run->world, 2000);
        if (run->world.is_stopped)
            return;
        for (uint32_t peer = 0; peer < SIM_PEERS_MAX; peer++)
            sim_peer_deliver(peer_of(run, peer), SIZE_MAX);
    }
    if (!is_quiet(run))
        fail(run, "liveness", "a request has no answer after %u turns", SETTLE_TURNS);
}

/* ---- Audits ----------------------------------------------------------------------------------------------------- */

static uint32_t op_add(struct run *run, const struct model_request *request)
{
    if (run->op_count == OPS_MAX)
        return UINT32_MAX;
    run->ops[run->op_count] = (struct op){ .request = *request };
    return run->op_count++;
}

static void audit_ask(struct run *run, const struct model_request *request)
{
    uint32_t op = op_add(run, request);
    if (op == UINT32_MAX || run->result->has_failed)
        return;
    if (run->queue_counts[AUDIT_PEER] > 16)
        settle(run);
    if (!op_send(run, op, AUDIT_PEER))
        fail(run, "liveness", "the judge is refused");
}

/* Asks for everything, and for a while of reservations. Needs a settled world. */
static void audit(struct run *run)
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
        if (request.reservation >= run->workload.first_reservation &&
            run->ids->text[request.reservation][0] != '\0')
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
    settle(run);
    if (!sim_world_is_up(&run->world))
        return;
    struct oh_verifier verifier = { .position = 0 };
    uint32_t differences = oh_ledger_verify(run->world.ledger, &verifier, UINT32_MAX);
    if (differences != 0)
        fail(run, "no drift", "%u positions differ from their parts", differences);
}

/* ---- Crashes ---------------------------------------------------------------------------------------------------- */

/* The model as it was at this seq: everything that the life before it applied, up to there. */
static void model_return(struct run *run, uint64_t seq)
{
    struct model_answer answers[MODEL_BATCH_MAX];
    model_copy(run->model, run->life);
    for (uint32_t i = 0; i < run->applied_count && !run->result->has_failed; i++) {
        const struct applied *applied = &run->applied[i];
        if (applied->seq_after > seq) {
            if (applied->seq_before < seq)
                fail(run, "prefix", "seq %" PRIu64 " is in the middle of what was one turn", seq);
            continue;
        }
        model_ask_op(run, applied->op, applied->now_us, answers);
    }
    /* An id that the server made has its seq in it: another reservation may get it now. */
    for (uint32_t i = 0; i < run->workload.reservations; i++) {
        if (!run->model->reservations[i].exists && run->ids->text[i][0] == 'r')
            run->ids->text[i][0] = '\0';
    }
}

static void life_begin(struct run *run)
{
    run->applied_count = 0;
    model_copy(run->life, run->model);
    for (uint32_t i = 0; i < SIM_PEERS_MAX; i++)
        queue_drop(run, i);
}

/* What came back is judged: acknowledged within recovered within issued. */
static void recovered(struct run *run, bool keeps_promise)
{
    uint64_t seq = oh_ledger_seq(run->world.ledger);
    tell_all(run, "back at seq %" PRIu64 ", acknowledged %" PRIu64 ", issued %" PRIu64 " %s", seq,
             run->acked_seq, run->turn_seq, run->world.torn);
    digest_add(run, &seq, sizeof(seq));
    if (keeps_promise && seq < run->acked_seq)
        fail(run, "acknowledged is recovered", "seq %" PRIu64 " was acknowledged, %" PRIu64 " came back",
             run->acked_seq, seq);
    if (seq > run->turn_seq)
        fail(run, "recovered is issued", "seq %" PRIu64 " came back, %" PRIu64 " was the last", seq,
             run->turn_seq);
    if (oh_ledger_time_us(run->world.ledger) > run->latest_us)
        fail(run, "time", "the ledger's clock is ahead of every clock it was given");
    run->result->lost_records += run->turn_seq - seq;
    model_return(run, seq);
    run->model->now_us = oh_ledger_time_us(run->world.ledger);
    if (run->world.realtime_us > run->model->now_us)
        run->model->now_us = run->world.realtime_us; /* the clock was read when the engine was made */
    if (run->world.realtime_us > run->latest_us)
        run->latest_us = run->world.realtime_us;
    run->acked_seq = seq < run->acked_seq ? seq : run->acked_seq;
    run->turn_seq = seq;
}

/* Where the promise of class process is judged, the power stays. */
static bool may_lose_power(const struct run *run, struct oh_prng *prng)
{
    return oh_prng_below(prng, 2) == 0 && run->is_class_disk;
}

/* A start that the disk may disturb is tried again without; an undisturbed one must do. */
static void start(struct run *run, struct oh_prng *prng, bool keeps_promise)
{
    struct oh_diag diag = { "" };
    if (oh_prng_below(prng, 4) == 0) {
        static const enum storage_operation operations[] = {
            STORAGE_OPEN, STORAGE_READ, STORAGE_WRITE, STORAGE_FSYNC, STORAGE_FSYNC_DIRECTORY, STORAGE_RENAME
        };
        enum storage_operation operation = operations[oh_prng_below(prng, 6)];
        storage_disk_fail(run->world.disk, operation, 1 + oh_prng_below(prng, 12), UINT64_MAX, EIO);
        run->result->faults++;
        if (sim_world_start(&run->world, &diag) == OH_OK) {
            sim_world_crash(&run->world, may_lose_power(run, prng));
        } else {
            tell_all(run, "a disturbed start fails: %s", diag.text);
            storage_disk_crash(run->world.disk, !may_lose_power(run, prng));
        }
    }
    if (sim_world_start(&run->world, &diag) != OH_OK) {
        fail(run, "starts again", "%s", diag.text);
        return;
    }
    recovered(run, keeps_promise);
    life_begin(run);
}

static void crash(struct run *run, struct oh_prng *prng, bool is_power_loss)
{
    if (!sim_world_is_up(&run->world))
        return;
    run->result->crashes++;
    run->result->power_losses += is_power_loss ? 1 : 0;
    tell_all(run, is_power_loss ? "POWER LOSS" : "KILL");
    sim_world_crash(&run->world, is_power_loss);
    heal(run);
    start(run, prng, run->is_class_disk || !is_power_loss);
    if (!run->result->has_failed && oh_prng_below(prng, 2) == 0)
        audit(run);
}

static void terminate(struct run *run, struct oh_prng *prng)
{
    settle(run);
    if (run->result->has_failed || run->world.is_stopped)
        return;
    tell_all(run, "TERM");
    uint64_t seq = run->turn_seq;
    if (!sim_world_terminate(&run->world))
        fail(run, "liveness", "a server without requests does not drain");
    run->turn_seq = seq > run->turn_seq ? seq : run->turn_seq;
    /* Draining takes turns, and holds that fall due in them are written down. */
    uint64_t before = run->acked_seq;
    run->acked_seq = seq;
    run->turn_seq = UINT64_MAX / 2;
    if (!run->result->has_failed)
        start(run, prng, true);
    run->result->lost_records = 0;
    run->acked_seq = before > run->acked_seq ? before : run->acked_seq;
}

/* ---- Events ----------------------------------------------------------------------------------------------------- */

static bool has_import_under_way(const struct run *run)
{
    for (uint32_t peer = 0; peer < SIM_PEERS_MAX; peer++) {
        for (uint32_t i = 0; i < run->queue_counts[peer]; i++) {
            if (run->ops[run->flights[run->queues[peer][i]].op].request.type == MODEL_IMPORT)
                return true;
        }
    }
    return false;
}

/* Rows are applied as they come, by steps of their own: the order is only known when nothing else is written. */
static void import_alone(struct run *run, uint32_t op)
{
    settle(run);
    if (run->result->has_failed || run->world.is_stopped || !op_send(run, op, 0))
        return;
    settle(run);
}

static void event_ask(struct run *run, struct oh_prng *prng)
{
    struct model_request request;
    if (model_is_full(run->model) || run->op_count + 64 > OPS_MAX)
        return;
    workload_next(&run->workload, prng, run->model, run->ids, &request);
    if (request.type == MODEL_MIN_SEQ)
        request.at_us = (int64_t)run->acked_seq + (request.value > 0 ? 1000000 : 0);
    if (request.type == MODEL_RESERVE && request.has_own_id)
        (void)snprintf(run->ids->text[request.reservation], WIRE_ID_SIZE, "R%u", request.reservation);
    for (uint32_t i = 0; i < request.batch_count; i++)
        (void)snprintf(run->ids->text[request.batch[i].reservation], WIRE_ID_SIZE, "R%u",
                       request.batch[i].reservation);
    uint32_t op = op_add(run, &request);
    uint32_t peer = (uint32_t)oh_prng_below(prng, AUDIT_PEER);
    if (request.type == MODEL_IMPORT && !run->is_stalled && !run->is_disk_weak)
        import_alone(run, op);
    else if (request.type != MODEL_IMPORT && op_send(run, op, peer) && oh_prng_below(prng, 4) > 0)
        sim_peer_deliver(peer_of(run, peer),
                         oh_prng_below(prng, 5) == 0 ? (size_t)oh_prng_below(prng, 300) : SIZE_MAX);
}

/* Again what was asked before: because the answer was lost, or by a client that does not know it has one. */
static void event_ask_again(struct run *run, struct oh_prng *prng)
{
    uint32_t count = run->op_count - run->first_op;
    if (count == 0)
        return;
    uint32_t start_at = (uint32_t)oh_prng_below(prng, count);
    bool wants_lost = oh_prng_below(prng, 4) > 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = run->first_op + (start_at + i) % count;
        struct op *op = &run->ops[number];
        if (op->is_waiting || op->request.type >= MODEL_IMPORT || !op_can_repeat(op) ||
            op->is_done == wants_lost)
            continue;
        if (op_send(run, number, (uint32_t)oh_prng_below(prng, AUDIT_PEER)))
            return;
    }
}

/* To the moment a hold expires, one before it, or one after it; then somebody looks. */
static void event_expiry(struct run *run, struct oh_prng *prng)
{
    int64_t now_us =
        run->world.realtime_us > run->model->now_us ? run->world.realtime_us : run->model->now_us;
    int64_t next_us = model_next_expiry_us(run->model, now_us);
    struct model_request request = { .type = MODEL_GET_STOCK, .channel = MODEL_NONE, .at_us = MODEL_NEVER };
    request.item = (uint8_t)oh_prng_below(prng, MODEL_ITEMS);
    if (next_us == INT64_MAX || next_us - run->world.realtime_us > HOUR_US ||
        next_us <= run->world.realtime_us + 1)
        return;
    turn(run);
    sim_world_pass(&run->world, next_us - run->world.realtime_us + oh_prng_between(prng, -1, 1));
    tell_all(run, "to the expiry at %.6f", (double)(next_us - START_US) / 1e6);
    uint32_t op = op_add(run, &request);
    if (op != UINT32_MAX && op_send(run, op, 1))
        sim_peer_deliver(peer_of(run, 1), SIZE_MAX);
    turn(run);
}

static void event_pass(struct run *run, struct oh_prng *prng)
{
    static const int64_t most_us[] = { 100, 1000, 5000, 5000, 50000, 2 * SECOND_US, 60 * SECOND_US };
    for (uint32_t i = 0; i < SIM_PEERS_MAX; i++) {
        if (oh_prng_below(prng, 3) > 0)
            sim_peer_deliver(peer_of(run, i), SIZE_MAX);
        if (oh_prng_below(prng, 4) == 0)
            sim_peer_open_window(peer_of(run, i), SIZE_MAX);
    }
    sim_world_pass(&run->world, 1 + (int64_t)oh_prng_below(prng, (uint64_t)most_us[oh_prng_below(prng, 7)]));
    turn(run);
}

static void event_work(struct run *run, struct oh_prng *prng)
{
    if (run->is_stalled)
        return;
    uint64_t dice = oh_prng_below(prng, 8);
    if (dice < 5)
        sim_world_work(&run->world, OH_JOURNAL_WORK_WRITE);
    if (dice == 3 || dice == 5)
        sim_world_work(&run->world, OH_JOURNAL_WORK_PREPARE);
    if (dice >= 6)
        sim_world_work_snapshot(&run->world);
    turn(run);
}

static void event_network(struct run *run, struct oh_prng *prng)
{
    uint32_t number = (uint32_t)oh_prng_below(prng, AUDIT_PEER);
    struct sim_peer *peer = peer_of(run, number);
    if (!peer->is_open)
        return;
    switch (oh_prng_below(prng, 4)) {
    case 0:
        tell_all(run, "peer %u is cut", number);
        sim_peer_reset(peer);
        turn(run);
        queue_drop(run, number);
        break;
    case 1:
        tell_all(run, "peer %u ends", number);
        sim_peer_end(peer);
        break;
    case 2:
        sim_peer_open_window(peer, (size_t)oh_prng_below(prng, 200));
        break;
    default:
        peer->reads_joined = !run->is_stalled && !run->is_disk_weak && oh_prng_below(prng, 2) == 0;
        break;
    }
}

static void event_clock(struct run *run, struct oh_prng *prng)
{
    int64_t step_us = oh_prng_between(prng, -600, 600) * SECOND_US;
    if (oh_prng_below(prng, 8) == 0) {
        /* Past what is remembered: keys and ended reservations of before are not asked for again. */
        settle(run);
        step_us = 25 * HOUR_US;
        run->workload.first_reservation = run->workload.reservations;
        run->first_op = run->op_count;
    }
    tell_all(run, "the clock steps by %" PRId64 " s", step_us / SECOND_US);
    sim_world_set_clock(&run->world, step_us);
    turn(run);
}

static void event_disk(struct run *run, struct oh_prng *prng)
{
    run->result->faults++;
    for (uint32_t i = 0; i < SIM_PEERS_MAX; i++)
        peer_of(run, i)->reads_joined = false;
    if (has_import_under_way(run))
        return;
    switch (oh_prng_below(prng, 8)) {
    case 0:
        run->is_stalled = true;
        tell_all(run, "the disk stalls");
        break;
    case 1:
    case 2:
        run->is_stalled = false;
        break;
    case 3:
        run->is_disk_weak = true;
        storage_disk_set_space(run->world.disk, oh_prng_below(prng, 3) * (UINT64_C(1) << 20));
        tell_all(run, "the disk is full");
        break;
    case 4:
    case 5:
        run->is_disk_weak = false;
        storage_disk_set_space(run->world.disk, UINT64_MAX);
        break;
    case 6:
        storage_disk_set_nagging(run->world.disk, oh_prng_below(prng, 2) == 0);
        break;
    default: {
        static const enum storage_operation operations[] = { STORAGE_WRITE,  STORAGE_FDATASYNC,
                                                             STORAGE_FSYNC,  STORAGE_ALLOCATE,
                                                             STORAGE_RENAME, STORAGE_UNLINK };
        enum storage_operation operation = operations[oh_prng_below(prng, 6)];
        run->is_disk_weak = true;
        storage_disk_fail(run->world.disk, operation, 1 + oh_prng_below(prng, 4), 1,
                          oh_prng_below(prng, 2) == 0 ? EIO : ENOSPC);
        tell_all(run, "operation %d will fail", (int)operation);
        break;
    }
    }
}

static void event_snapshot(struct run *run)
{
    oh_snapshotter_request(run->world.snapshotter);
    turn(run);
}

static void event_audit(struct run *run)
{
    settle(run);
    if (!run->world.is_stopped && !run->result->has_failed)
        audit(run);
}

/* A journal that failed ends the process: nothing may be acknowledged after that. */
static void stop_if_asked(struct run *run, struct oh_prng *prng)
{
    if (!run->world.is_stopped)
        return;
    tell_all(run, "the server stops: its journal failed");
    sim_world_crash(&run->world, may_lose_power(run, prng));
    run->result->crashes++;
    heal(run);
    start(run, prng, true);
}

static void event_run(struct run *run)
{
    struct oh_prng prng;
    oh_prng_init(&prng, run->options->seed * UINT64_C(0x9e3779b97f4a7c15) + run->event);
    uint64_t dice = oh_prng_below(&prng, 1000);
    if (dice < 430)
        event_ask(run, &prng);
    else if (dice < 470)
        event_ask_again(run, &prng);
    else if (dice < 700)
        event_pass(run, &prng);
    else if (dice < 920)
        event_work(run, &prng);
    else if (dice < 940)
        event_expiry(run, &prng);
    else if (dice < 956)
        event_network(run, &prng);
    else if (dice < 964)
        event_snapshot(run);
    else if (dice < 972)
        event_disk(run, &prng);
    else if (dice < 976)
        event_clock(run, &prng);
    else if (dice < 984)
        event_audit(run);
    else if (dice < 990)
        crash(run, &prng, true);
    else if (dice < 997)
        crash(run, &prng, false);
    else
        terminate(run, &prng);
    if (!run->result->has_failed)
        stop_if_asked(run, &prng);
}

/* ---- The run ---------------------------------------------------------------------------------------------------- */

/* Half of the journals are so small that files change all the time, half large enough for batches. */
static void world_make(struct run *run)
{
    struct oh_prng prng;
    oh_prng_init(&prng, run->options->seed);
    bool is_small = oh_prng_below(&prng, 2) == 0;
    run->is_class_disk = oh_prng_below(&prng, 4) > 0;
    run->workload.has_batches = !is_small;
    struct sim_world_options options = {
        .durability = run->is_class_disk ? OH_DURABILITY_DISK : OH_DURABILITY_PROCESS,
        .segment_size = is_small ? UINT64_C(4300) << 10 : UINT64_C(9) << 20,
        .record_size_max = is_small ? 64u << 10 : 0,
        .frame_align = 4096,
        .snapshot_bytes = (UINT64_C(64) << 10) << oh_prng_below(&prng, 6),
        .seed = oh_prng_next(&prng),
        .now_us = START_US,
    };
    sim_world_init(&run->world, &options);
}

/* Nodes, items, groups and channels, as every shop has them before it opens. */
static void shop_open(struct run *run)
{
    static const char *const requests[] = {
        "nodes/n0 {\"type\":\"store\"}",
        "nodes/n1 {\"type\":\"store\"}",
        "nodes/n2 {\"type\":\"store\"}",
        "nodes/n3 {\"type\":\"warehouse\"}",
        "nodes/n4 {\"type\":\"warehouse\"}",
        "items/s0 {}",
        "items/s1 {}",
        "items/s2 {}",
        "items/s3 {}",
        "items/s4 {}",
        "groups/g0 {\"nodes\":[\"n0\",\"n1\",\"n2\"]}",
        "groups/g1 {\"nodes\":[\"n4\",\"n2\",\"n3\"]}",
        "channels/c0 {}",
        "channels/c1 {\"nodes\":[\"n3\",\"n1\",\"n0\",\"n2\"]}",
        "channels/c2 {\"groups\":[\"g1\"],\"policy\":\"highest_stock\"}",
        "channels/c3 {\"nodes\":[\"n2\",\"n3\",\"n4\",\"n0\",\"n1\"],\"policy\":\"fewest_splits\"}",
    };
    struct sim_peer *peer = peer_of(run, AUDIT_PEER);
    bool is_connected = sim_peer_connect(&run->world, peer);
    OH_ASSERT(is_connected);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        const char *body = strchr(requests[i], ' ') + 1;
        char text[400];
        int size = snprintf(text, sizeof(text),
                            "PUT /v1/%.*s HTTP/1.1\r\nHost: sim\r\nContent-Length: %zu\r\n\r\n%s",
                            (int)(body - 1 - requests[i]), requests[i], strlen(body), body);
        oh_strbuf_put(&peer->sent, text, (size_t)size);
    }
    sim_peer_deliver(peer, SIZE_MAX);
    for (uint32_t i = 0; i < 20; i++) {
        sim_world_pass(&run->world,
                       100000); /* long enough for the sync that class process does in the background */
        sim_world_turn(&run->world);
        sim_world_work(&run->world, OH_JOURNAL_WORK_WRITE | OH_JOURNAL_WORK_PREPARE);
    }
    OH_ASSERT(oh_ledger_seq(run->world.ledger) == sizeof(requests) / sizeof(requests[0]));
    oh_strbuf_clear(&peer->received);
    run->acked_seq = run->turn_seq = oh_ledger_seq(run->world.ledger);
    run->model->now_us = run->latest_us = run->world.realtime_us;
}

static void run_make(struct run *run)
{
    struct oh_diag diag = { "" };
    run->model = calloc(1, sizeof(*run->model));
    run->life = calloc(1, sizeof(*run->life));
    run->ids = calloc(1, sizeof(*run->ids));
    run->ops = calloc(OPS_MAX, sizeof(*run->ops));
    run->flights = calloc(FLIGHTS_MAX, sizeof(*run->flights));
    run->applied = calloc(APPLIED_MAX, sizeof(*run->applied));
    OH_ASSERT(run->model != NULL && run->life != NULL && run->ids != NULL && run->ops != NULL &&
              run->flights != NULL && run->applied != NULL);
    world_make(run);
    model_init(run->model, START_US);
    enum oh_err err = sim_world_start(&run->world, &diag);
    OH_ASSERT(err == OH_OK);
    shop_open(run);
    life_begin(run);
}

static void run_free(struct run *run)
{
    sim_world_fini(&run->world);
    for (uint32_t i = 0; i < run->op_count; i++) {
        free(run->ops[i].first);
        free(run->ops[i].request.batch);
    }
    for (uint32_t i = 0; i < run->flight_count; i++)
        free(run->flights[i].answers);
    free(run->model);
    free(run->life);
    free(run->ids);
    free(run->ops);
    free(run->flights);
    free(run->applied);
}

/* Everything heals, everybody gets an answer, the power goes, and everything is compared once more. */
static void run_end(struct run *run)
{
    struct oh_prng prng;
    oh_prng_init(&prng, run->options->seed + 1);
    settle(run);
    if (!run->result->has_failed)
        stop_if_asked(run, &prng);
    if (!run->result->has_failed)
        audit(run);
    if (!run->result->has_failed)
        crash(run, &prng, run->is_class_disk);
    if (!run->result->has_failed)
        audit(run);
}

/* For who looks at a failure: the replies that were still to come. */
static void show_replies(struct run *run)
{
    struct run_result result = *run->result;
    printf("seen here: %s: %s\n", result.law, result.why);
    run->result->has_failed = false;
    if (sim_world_is_up(&run->world))
        settle(run);
    *run->result = result;
}

void run_once(const struct run_options *options, struct run_result *out)
{
    static struct run run; /* the peers and the turn's reads are large */
    *out = (struct run_result){ .digest = UINT64_C(14695981039346656037) };
    run = (struct run){ .options = options, .result = out };
    OH_ASSERT(options->event_count <= RUN_EVENTS_MAX);
    run_make(&run);
    for (run.event = 0; run.event < options->event_count && !out->has_failed; run.event++) {
        if (options->is_off == NULL || !options->is_off[run.event])
            event_run(&run);
    }
    if (!out->has_failed)
        run_end(&run);
    if (out->has_failed && options->is_told)
        show_replies(&run);
    out->simulated_us = run.world.realtime_us - START_US;
    run_free(&run);
}
