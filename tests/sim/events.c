/*
 * events.c - what happens to a run: requests, time, work of the disk, and everything that can go wrong.
 */
#include "sim/projection.h"
#include "base/assert.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- Crashes ---------------------------------------------------------------------------------------------------- */

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
            STORAGE_OPEN,  STORAGE_READ,  STORAGE_WRITE,           STORAGE_FSYNC,
            STORAGE_FSYNC, STORAGE_FSYNC, STORAGE_FSYNC_DIRECTORY, STORAGE_RENAME
        };
        enum storage_operation operation = operations[oh_prng_below(prng, 8)];
        uint64_t nth_max = operation == STORAGE_FSYNC ? 2 : 12; /* a start does few */
        storage_disk_fail(run->world.disk, operation, 1 + oh_prng_below(prng, nth_max), UINT64_MAX, EIO);
        run->result->faults++;
        if (sim_world_start(&run->world, &diag) == OH_OK) {
            sim_world_crash(&run->world, may_lose_power(run, prng));
        } else {
            run_tell(run, "a disturbed start fails: %s", diag.text);
            storage_disk_crash(run->world.disk, !may_lose_power(run, prng));
        }
    }
    if (sim_world_start(&run->world, &diag) != OH_OK) {
        run_fail(run, "starts again", "%s", diag.text);
        return;
    }
    judge_recovery(run, keeps_promise);
    run_life_begin(run);
}

/* The process comes to its end between any two changes of the disk: in the middle of a round of its threads. */
static void end_within(struct run *run, struct oh_prng *prng)
{
    run_turn(run);
    run->world.changes_left = 1 + oh_prng_below(prng, oh_prng_below(prng, 2) == 0 ? 4 : 24);
    sim_world_work(&run->world, OH_JOURNAL_WORK_WRITE);
    sim_world_work(&run->world, OH_JOURNAL_WORK_PREPARE);
    sim_world_work_snapshot(&run->world);
}

void run_crash(struct run *run, struct oh_prng *prng, bool is_power_loss)
{
    if (!sim_world_is_up(&run->world))
        return;
    if (oh_prng_below(prng, 3) == 0 && !run->world.is_stopped)
        end_within(run, prng);
    if (run->result->has_failed)
        return;
    run->result->crashes++;
    run->result->power_losses += is_power_loss ? 1 : 0;
    run_tell(run, is_power_loss ? "POWER LOSS" : "KILL");
    sim_world_crash(&run->world, is_power_loss);
    run_heal(run);
    scene_down(run, prng);
    start(run, prng, run->is_class_disk || !is_power_loss);
    if (!run->result->has_failed && oh_prng_below(prng, 2) == 0)
        judge_audit(run);
}

/* SIGTERM: what was read is answered, then the process ends; holds that fall due meanwhile are written down. */
static void terminate(struct run *run, struct oh_prng *prng)
{
    run_heal(run);
    run_turn(run);
    if (!sim_world_is_up(&run->world) || run->world.is_stopped || run->result->has_failed)
        return;
    run_tell(run, "TERM");
    for (uint32_t i = 0; i < SIM_PEERS_MAX; i++) /* what is still on its way does not arrive any more */
        run_peer(run, i)->readable = run_peer(run, i)->read_at;
    run->is_draining = true;
    oh_engine_drain(run->world.engine);
    for (uint32_t i = 0; i < 4000 && !oh_engine_is_drained(run->world.engine); i++) {
        run_turn(run);
        run_work(run);
        sim_world_pass(&run->world, 10000);
        if (run->world.is_stopped || run->result->has_failed) {
            run->is_draining = false;
            return;
        }
    }
    if (!oh_engine_is_drained(run->world.engine))
        run_fail(run, "liveness", "the server does not drain");
    projection_stop_begin(run, prng);
    run->is_draining = false;
    sim_world_end(&run->world);
    projection_stop_end(run);
    run->acked_seq = run->turn_seq; /* an end in order keeps everything */
    if (!run->result->has_failed)
        start(run, prng, true);
}

/* ---- Events ----------------------------------------------------------------------------------------------------- */

static bool has_import_under_way(const struct run *run)
{
    for (uint32_t peer = 0; peer < SIM_PEERS_MAX; peer++) {
        for (uint32_t i = 0; i < run->queue_counts[peer]; i++) {
            if (wire_is_import(&run->ops[run->flights[run->queues[peer][i]].op].request))
                return true;
        }
    }
    return false;
}

void run_wait_for_disk(struct run *run)
{
    run_settle(run);
    for (uint32_t i = 0; i < 8 && !run->world.is_stopped; i++) {
        sim_world_pass(&run->world, 300000);
        run_turn(run);
        run_work(run);
    }
}

/* Rows are applied as they come, by steps of their own: the order is only known when nothing else is written. */
void run_import_alone(struct run *run, uint32_t op)
{
    if (projection_is_near_limit(run))
        return;
    run_wait_for_disk(run);
    if (run->result->has_failed || run->world.is_stopped || !run_send(run, op, 0))
        return;
    run_settle(run);
}

static void event_ask(struct run *run, struct oh_prng *prng)
{
    struct model_request request;
    if (model_is_full(run->model) || run->op_count + 64 > OPS_MAX)
        return;
    workload_next(&run->workload, prng, run->model, run->ids, &request);
    if (request.type == MODEL_MIN_SEQ)
        request.at_us = (int64_t)run->acked_seq + (request.value > 0 ? 1000000 : 0);
    if ((request.type == MODEL_RESERVE || request.type == MODEL_HOLD) && request.has_own_id)
        (void)snprintf(run->ids->text[request.reservation], WIRE_ID_SIZE, "R%u", request.reservation);
    for (uint32_t i = 0; i < request.batch_count; i++) {
        if (request.batch[i].has_own_id)
            (void)snprintf(run->ids->text[request.batch[i].reservation], WIRE_ID_SIZE, "R%u",
                           request.batch[i].reservation);
    }
    uint32_t op = run_op_add(run, &request);
    uint32_t peer = (uint32_t)oh_prng_below(prng, AUDIT_PEER);
    if (wire_is_import(&request) && !run->is_stalled && !run->is_disk_weak)
        run_import_alone(run, op);
    else if (!wire_is_import(&request) && run_send(run, op, peer) && oh_prng_below(prng, 4) > 0)
        sim_peer_deliver(run_peer(run, peer),
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
        if (op->is_waiting || op->request.type >= MODEL_IMPORT || !run_op_can_repeat(op) ||
            op->is_done == wants_lost)
            continue;
        if (run_send(run, number, (uint32_t)oh_prng_below(prng, AUDIT_PEER)))
            return;
    }
}

/* What was changed may be something that is not sent. */
static bool says_the_same(const struct run *run, const struct model_request *a, const struct model_request *b)
{
    struct oh_strbuf texts[2];
    for (uint32_t i = 0; i < 2; i++) {
        oh_strbuf_init(&texts[i], (size_t)1 << 20);
        wire_put_request(&texts[i], i == 0 ? a : b, run->ids);
    }
    bool is_same = texts[0].size == texts[1].size && memcmp(texts[0].data, texts[1].data, texts[0].size) == 0;
    oh_strbuf_fini(&texts[0]);
    oh_strbuf_fini(&texts[1]);
    return is_same;
}

/* By whom it was asked before does not matter to a key. */
static bool was_asked(const struct run *run, const struct model_request *request)
{
    for (uint32_t i = 0; i < run->op_count; i++) {
        const struct model_request *other = &run->ops[i].request;
        bool is_named_so = other->key == request->key && other->reservation == request->reservation;
        if (other->type == request->type && is_named_so && says_the_same(run, request, other))
            return true;
    }
    return false;
}

/* The key of one request, or the id of a reservation, with another request. */
static void event_alter(struct run *run, struct oh_prng *prng)
{
    uint32_t count = run->op_count - run->first_op;
    if (count == 0 || run->op_count + 64 > OPS_MAX || model_is_full(run->model))
        return;
    const struct op *op = &run->ops[run->first_op + oh_prng_below(prng, count)];
    if (op->request.is_once)
        return;
    bool has_name = op->request.key != 0 || op->request.has_own_id;
    if (!has_name || op->request.type >= MODEL_DELIVERIES)
        return;
    struct model_request request = op->request;
    if (request.type == MODEL_BATCH)
        return;
    workload_alter(prng, &request);
    if (was_asked(run, &request))
        return;
    uint32_t peer = (uint32_t)oh_prng_below(prng, AUDIT_PEER);
    if (run_send(run, run_op_add(run, &request), peer))
        sim_peer_deliver(run_peer(run, peer), SIZE_MAX);
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
    run_turn(run);
    sim_world_pass(&run->world, next_us - run->world.realtime_us + oh_prng_between(prng, -1, 1));
    run_tell(run, "to the expiry at %.6f", (double)(next_us - START_US) / 1e6);
    uint32_t op = run_op_add(run, &request);
    if (op != UINT32_MAX && run_send(run, op, 1))
        sim_peer_deliver(run_peer(run, 1), SIZE_MAX);
    run_turn(run);
}

static void event_pass(struct run *run, struct oh_prng *prng)
{
    static const int64_t most_us[] = { 100, 1000, 5000, 5000, 50000, 2 * SECOND_US, 60 * SECOND_US };
    for (uint32_t i = 0; i < SIM_PEERS_MAX; i++) {
        if (oh_prng_below(prng, 3) > 0)
            sim_peer_deliver(run_peer(run, i), SIZE_MAX);
        if (oh_prng_below(prng, 4) == 0)
            sim_peer_open_window(run_peer(run, i), SIZE_MAX);
    }
    sim_world_pass(&run->world, 1 + (int64_t)oh_prng_below(prng, (uint64_t)most_us[oh_prng_below(prng, 7)]));
    run_turn(run);
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
    run_turn(run);
}

static void event_network(struct run *run, struct oh_prng *prng)
{
    uint32_t number = (uint32_t)oh_prng_below(prng, AUDIT_PEER);
    struct sim_peer *peer = run_peer(run, number);
    if (!peer->is_open)
        return;
    switch (oh_prng_below(prng, 4)) {
    case 0:
        run_tell(run, "peer %u is cut", number);
        sim_peer_reset(peer);
        run_turn(run);
        run_queue_drop(run, number);
        break;
    case 1:
        run_tell(run, "peer %u ends", number);
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
        run_settle(run);
        step_us = 25 * HOUR_US;
        run->workload.first_reservation = run->workload.reservations;
        run->first_op = run->op_count;
    }
    run_tell(run, "the clock steps by %" PRId64 " s", step_us / SECOND_US);
    sim_world_set_clock(&run->world, step_us);
    run_turn(run);
}

static void event_disk(struct run *run, struct oh_prng *prng)
{
    run->result->faults++;
    for (uint32_t i = 0; i < SIM_PEERS_MAX; i++)
        run_peer(run, i)->reads_joined = false;
    if (has_import_under_way(run))
        return;
    switch (oh_prng_below(prng, 10)) {
    case 0:
        run->is_stalled = true;
        run_tell(run, "the disk stalls");
        break;
    case 1:
    case 2:
        run->is_stalled = false;
        break;
    case 3:
        run->is_disk_weak = true;
        storage_disk_set_space(run->world.disk, oh_prng_below(prng, 3) * (UINT64_C(1) << 20));
        run_tell(run, "the disk is full");
        break;
    case 4:
    case 5:
        run->is_disk_weak = false;
        storage_disk_set_space(run->world.disk, UINT64_MAX);
        break;
    case 6:
        storage_disk_set_nagging(run->world.disk, oh_prng_below(prng, 4) > 0);
        break;
    default: {
        static const enum storage_operation operations[] = { STORAGE_WRITE,     STORAGE_FDATASYNC,
                                                             STORAGE_FDATASYNC, STORAGE_FDATASYNC,
                                                             STORAGE_FSYNC,     STORAGE_ALLOCATE,
                                                             STORAGE_RENAME,    STORAGE_UNLINK };
        enum storage_operation operation = operations[oh_prng_below(prng, 8)];
        run->is_disk_weak = true;
        bool is_next = operation == STORAGE_FDATASYNC && oh_prng_below(prng, 2) == 0;
        storage_disk_fail(run->world.disk, operation, is_next ? 1 : 1 + oh_prng_below(prng, 4), 1,
                          oh_prng_below(prng, 2) == 0 ? EIO : ENOSPC);
        run_tell(run, "operation %d will fail", (int)operation);
        break;
    }
    }
}

/* Fills a small journal, so that its files change. */
static void event_bulk(struct run *run, struct oh_prng *prng)
{
    struct model_request request;
    if (run->workload.has_batches || run->is_stalled || run->is_disk_weak || run->op_count + 64 > OPS_MAX)
        return;
    workload_bulk(&run->workload, prng, &request);
    run_import_alone(run, run_op_add(run, &request));
    if (!run->result->has_failed && oh_prng_below(prng, 12) == 0)
        run_crash(run, prng, true);
}

static void event_snapshot(struct run *run)
{
    oh_snapshotter_request(run->world.snapshotter);
    run_turn(run);
}

static void event_audit(struct run *run)
{
    run_settle(run);
    if (!run->world.is_stopped && !run->result->has_failed)
        judge_audit(run);
}

/* A journal that failed ends the process: nothing may be acknowledged after that. */
void run_stop_if_asked(struct run *run, struct oh_prng *prng)
{
    if (!run->world.is_stopped)
        return;
    run_tell(run, "the server stops: its journal failed");
    sim_world_crash(&run->world, may_lose_power(run, prng));
    run->result->crashes++;
    run_heal(run);
    start(run, prng, true);
}

static void event_do(struct run *run, struct oh_prng *prng, enum swarm_event event)
{
    switch ((int)event) {
    case SWARM_ASK:
        event_ask(run, prng);
        break;
    case SWARM_ASK_AGAIN:
        event_ask_again(run, prng);
        break;
    case SWARM_ALTER:
        event_alter(run, prng);
        break;
    case SWARM_PASS:
        event_pass(run, prng);
        break;
    case SWARM_WORK:
        event_work(run, prng);
        break;
    case SWARM_BULK:
        event_bulk(run, prng);
        break;
    case SWARM_EXPIRY:
        event_expiry(run, prng);
        break;
    case SWARM_NETWORK:
        event_network(run, prng);
        break;
    case SWARM_SNAPSHOT:
        event_snapshot(run);
        break;
    case SWARM_DISK:
        event_disk(run, prng);
        break;
    case SWARM_CLOCK:
        event_clock(run, prng);
        break;
    case SWARM_AUDIT:
        event_audit(run);
        break;
    case SWARM_POWER_LOSS:
        run_crash(run, prng, true);
        break;
    case SWARM_KILL:
        run_crash(run, prng, false);
        break;
    case SWARM_TERM:
        terminate(run, prng);
        break;
    default:
        break;
    }
}

/* Nothing is broken, and there is room. */
static bool can_play(const struct run *run)
{
    return !run->is_stalled && !run->is_disk_weak && run->op_count + 300 < OPS_MAX &&
           !model_is_full(run->model) && !projection_is_near_limit(run);
}

static void scene_do(struct run *run, struct oh_prng *prng, enum swarm_event event)
{
    switch ((int)event) {
    case SWARM_FORGET:
        scene_forget(run, prng);
        break;
    case SWARM_BURST:
        scene_burst(run, prng);
        break;
    case SWARM_HOLDS:
        scene_holds(run, prng);
        break;
    case SWARM_ONE_RESERVATION:
        scene_one_reservation(run, prng);
        break;
    case SWARM_TAKE_ID:
        scene_take_id(run, prng);
        break;
    case SWARM_FILL:
        scene_fill(run, prng);
        break;
    case SWARM_FENCE_USED:
        scene_fence(run, prng);
        break;
    case SWARM_PIPELINE:
        scene_pipeline(run, prng);
        break;
    case SWARM_IMPORT_CUT:
        scene_import(run, prng);
        break;
    case SWARM_FAILED_SYNC:
        scene_failed_sync(run, prng);
        break;
    case SWARM_FULL_DISK:
        scene_full_disk(run, prng);
        break;
    case SWARM_QUEUE:
        scene_queue(run, prng);
        break;
    case SWARM_PROMISES:
        scene_promises(run, prng);
        break;
    default:
        break;
    }
}

void run_event(struct run *run)
{
    struct oh_prng prng;
    oh_prng_init(&prng, run->options->seed * UINT64_C(0x9e3779b97f4a7c15) + run->event);
    enum swarm_event event = (enum swarm_event)swarm_pick(run->workload.swarm.events, SWARM_EVENTS, &prng);
    if (event < SWARM_SCENES)
        event_do(run, &prng, event);
    else if (can_play(run))
        scene_do(run, &prng, event);
    if (!run->result->has_failed)
        run_stop_if_asked(run, &prng);
}
