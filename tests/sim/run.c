#include "sim/run_internal.h"
#include "base/assert.h"
#include "sim/projection.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the service sets aside for these, beyond what it does for any. */
#define BATCH_ROOM   ((size_t)4 << 20)
#define ENTRIES_ROOM ((size_t)2 << 20)
#define PROMISE_ROOM ((size_t)4 << 20)

/* ---- Failing ---------------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) void run_fail(struct run *run, const char *law, const char *format, ...)
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

__attribute__((format(printf, 2, 3))) void run_tell(const struct run *run, const char *format, ...)
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

void run_digest_add(struct run *run, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    uint64_t hash = run->result->digest;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
    run->result->digest = hash;
}

/* ---- Sending ---------------------------------------------------------------------------------------------------- */

struct sim_peer *run_peer(struct run *run, uint32_t peer)
{
    return &run->world.peers[peer];
}

uint32_t run_answers_of(const struct model_request *request)
{
    return request->type == MODEL_BATCH ? request->batch_count : 1;
}

/* False: it is about a reservation whose id nobody knows any more. */
static bool op_has_target(const struct run *run, const struct op *op)
{
    enum model_type type = op->request.type;
    bool names_one = (type >= MODEL_CONFIRM && type <= MODEL_FULFIL) || type == MODEL_GET_RESERVATION ||
                     type == MODEL_GET_PROMISE || type == MODEL_REPLACE;
    return !names_one || run->ids->text[op->request.reservation][0] != '\0';
}

bool run_op_can_repeat(const struct op *op)
{
    if (op->request.is_once)
        return false;
    return op->request.type >= MODEL_WRITES || op->request.type == MODEL_BATCH || op->request.key != 0 ||
           ((op->request.type == MODEL_RESERVE || op->request.type == MODEL_HOLD) && op->request.has_own_id);
}

bool run_send(struct run *run, uint32_t number, uint32_t peer_number)
{
    struct sim_peer *peer = run_peer(run, peer_number);
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
    /* An import is not refused: its rows wait. */
    size_t room = is_write && !wire_is_import(&op->request) ? OH_SERVICE_WRITE_ROOM + body_size : 0;
    if (op->request.type == MODEL_BATCH)
        room += BATCH_ROOM;
    if (op->request.type == MODEL_ADJUST || op->request.type == MODEL_SYNC ||
        op->request.type == MODEL_DELIVERIES)
        room += ENTRIES_ROOM;
    bool is_chosen = op->request.type == MODEL_HOLD || op->request.type == MODEL_REPLACE;
    room += is_chosen ? PROMISE_ROOM : 0;
    const struct sim_sent sent = { run->flight_count, is_write, is_chosen, room, 0 };
    bool is_sent = sim_peer_send(peer, oh_strbuf_bytes(&text), &sent);
    if (is_sent) {
        op->is_waiting = true;
        run->queues[peer_number][run->queue_counts[peer_number]++] = run->flight_count;
        run->flights[run->flight_count++] = (struct flight){ .op = number, .peer = peer_number };
        run_tell(run, "peer %u asks %.*s", peer_number, (int)text.size, text.data);
    }
    oh_strbuf_fini(&text);
    return is_sent;
}

uint32_t run_op_add(struct run *run, const struct model_request *request)
{
    if (run->op_count == OPS_MAX)
        return UINT32_MAX;
    run->ops[run->op_count] = (struct op){ .request = *request };
    return run->op_count++;
}

/* The peer is gone: what it asked may have happened or not. */
void run_queue_drop(struct run *run, uint32_t peer)
{
    for (uint32_t i = 0; i < run->queue_counts[peer]; i++) {
        struct op *op = &run->ops[run->flights[run->queues[peer][i]].op];
        op->is_waiting = false;
        op->is_done = op->is_done || !run_op_can_repeat(op);
    }
    run->queue_counts[peer] = 0;
}

/* ---- A turn ----------------------------------------------------------------------------------------------------- */

void run_turn(struct run *run)
{
    if (!sim_world_is_up(&run->world))
        return;
    if (run->world.realtime_us > run->model->now_us)
        run->model->now_us = run->world.realtime_us;
    sim_world_turn(&run->world);
    for (uint32_t i = 0; i < run->world.read_count; i++)
        judge_read(run, &run->world.reads[i]);
    bool had_failed = run->result->has_failed;
    run->result->has_failed = had_failed && !run->options->is_told; /* who looks wants to see the reply too */
    for (uint32_t i = 0; i < SIM_PEERS_MAX; i++)
        judge_replies(run, i);
    run->result->has_failed = run->result->has_failed || had_failed;
    run->turn_seq = oh_ledger_seq(run->world.ledger);
    run->latest_us = run->world.realtime_us > run->latest_us ? run->world.realtime_us : run->latest_us;
    if (oh_journal_failed(run->world.journal, NULL) && !run->world.is_stopped)
        run_fail(run, "a failed journal stops", "the journal has failed and the process goes on");
    run->turns_after_failed_sync = run->world.has_failed_sync ? run->turns_after_failed_sync + 1 : 0;
    if (run->turns_after_failed_sync > 2 && !run->world.is_stopped)
        run_fail(run, "a failed sync ends acknowledging",
                 "the journal's file did not reach the disk; the process goes on");
    if (run->world.service->verifier.differences != 0)
        run_fail(run, "no drift", "the verifier found %" PRIu64 " differences",
                 run->world.service->verifier.differences);
}

void run_work(struct run *run)
{
    sim_world_work(&run->world, OH_JOURNAL_WORK_WRITE | OH_JOURNAL_WORK_PREPARE);
    sim_world_work_snapshot(&run->world);
}

void run_life_begin(struct run *run)
{
    run->applied_count = 0;
    model_copy(run->life, run->model);
    for (uint32_t i = 0; i < SIM_PEERS_MAX; i++)
        run_queue_drop(run, i);
}

static bool is_quiet(const struct run *run)
{
    for (uint32_t i = 0; i < SIM_PEERS_MAX; i++) {
        if (run->queue_counts[i] > 0)
            return false;
    }
    return true;
}

void run_heal(struct run *run)
{
    storage_disk_set_space(run->world.disk, UINT64_MAX);
    storage_disk_set_nagging(run->world.disk, false);
    for (int operation = STORAGE_OPEN; operation < STORAGE_OPERATIONS; operation++)
        storage_disk_fail(run->world.disk, (enum storage_operation)operation, 1, 0, 0);
    run->is_stalled = run->is_disk_weak = false;
    for (uint32_t i = 0; i < SIM_PEERS_MAX; i++) {
        sim_peer_open_window(run_peer(run, i), SIZE_MAX);
        sim_peer_deliver(run_peer(run, i), SIZE_MAX);
    }
}

/* Turns until every request that is under way has its answer. */
void run_settle(struct run *run)
{
    run_heal(run);
    for (uint32_t i = 0; i < SETTLE_TURNS && !is_quiet(run) && !run->result->has_failed; i++) {
        run_turn(run);
        run_work(run);
        sim_world_pass(&run->world, 2000);
        if (run->world.is_stopped)
            return;
        for (uint32_t peer = 0; peer < SIM_PEERS_MAX; peer++)
            sim_peer_deliver(run_peer(run, peer), SIZE_MAX);
    }
    if (!is_quiet(run))
        run_fail(run, "liveness", "a request has no answer after %u turns", SETTLE_TURNS);
}

/* ---- The run ---------------------------------------------------------------------------------------------------- */

static void applied(void *ctx, const struct sim_read *read)
{
    run_choice_take(ctx, read);
}

/* Half of the journals are so small that files change all the time, half large enough for batches and promises. */
static void world_make(struct run *run)
{
    struct oh_prng prng;
    oh_prng_init(&prng, run->options->seed);
    bool is_small = oh_prng_below(&prng, 2) == 0;
    run->is_class_disk = oh_prng_below(&prng, 4) > 0;
    run->has_projection = projection_is_had(run->options);
    run->workload.has_batches = !is_small;
    run->workload.has_promises = !is_small && run->workload.swarm.has_promises;
    if (!run->workload.has_promises)
        swarm_forget_promises(&run->workload.swarm);
    struct sim_world_options options = {
        .durability = run->is_class_disk ? OH_DURABILITY_DISK : OH_DURABILITY_PROCESS,
        .segment_size = is_small ? UINT64_C(1400) << 10 : UINT64_C(9) << 20,
        .prepared_count = is_small ? OH_JOURNAL_PREPARED_MAX : 1,
        .record_size_max = is_small ? 256u << 10 : 0,
        .frame_align = 4096,
        .snapshot_bytes = (UINT64_C(64) << 10) << 2 * oh_prng_below(&prng, 6),
        .keep_count = run->workload.swarm.keep_count,
        .buffer_size = is_small ? UINT64_C(8) << 20 : 0, /* small, so that records wrap around in it */
        .history_max = run->workload.swarm.history_max,
        .seed = oh_prng_next(&prng),
        .now_us = START_US,
    };
    if (run->has_projection) {
        options.backlog_bytes_max = options.segment_size * (2 + oh_prng_below(&prng, 4));
        options.batch_effects = 1u << oh_prng_below(&prng, 11);
    }
    sim_world_init(&run->world, &options);
    run->world.applied = applied;
    run->world.applied_ctx = run;
    projection_init(run);
}

/* What promises are made of. These and the others change, go and come. */
static size_t documents_put(struct run *run, struct sim_peer *peer)
{
    static const enum model_document documents[] = {
        MODEL_CALENDAR,   MODEL_ZONE,       MODEL_SERVICE_SLOTS, MODEL_SERVICE_PARCELS, MODEL_SCHEDULE_0,
        MODEL_SCHEDULE_1, MODEL_SCHEDULE_3, MODEL_SCHEDULE_4,    MODEL_SOURCING
    };
    size_t count = run->workload.has_promises ? sizeof(documents) / sizeof(documents[0]) : 0;
    for (size_t i = 0; i < count; i++) {
        struct model_request request = { .type = MODEL_DOCUMENT,
                                         .document = documents[i],
                                         .value = (int64_t)((run->options->seed + i) % 4) };
        wire_put_request(&peer->sent, &request, run->ids);
        run->model->documents[documents[i]] = (struct model_document_slot){ true, (uint32_t)request.value };
    }
    return count;
}

/* Nodes, items, groups and channels, as every shop has them before it opens. */
static void shop_open(struct run *run)
{
    static const char *const requests[] = {
        "nodes/n0 {\"type\":\"store\",\"lat\":48.8566,\"lon\":2.3522}",
        "nodes/n1 {\"type\":\"store\",\"lat\":45.764,\"lon\":4.8357}",
        "nodes/n2 {\"type\":\"store\",\"lat\":43.2965,\"lon\":5.3698}",
        "nodes/n3 {\"type\":\"warehouse\",\"lat\":50.6292,\"lon\":3.0573}",
        "nodes/n4 {\"type\":\"warehouse\",\"lat\":48.5734,\"lon\":7.7521}",
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
    struct sim_peer *peer = run_peer(run, AUDIT_PEER);
    for (uint32_t i = 0; i < OH_JOURNAL_PREPARED_MAX; i++)
        sim_world_work(&run->world, OH_JOURNAL_WORK_PREPARE);
    bool is_connected = sim_peer_connect(&run->world, peer);
    OH_ASSERT(is_connected);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        const char *body = strchr(requests[i], ' ') + 1;
        oh_strbuf_printf(&peer->sent, "PUT /v1/%.*s HTTP/1.1\r\nHost: sim\r\nContent-Length: %zu\r\n\r\n%s",
                         (int)(body - 1 - requests[i]), requests[i], strlen(body), body);
    }
    size_t count = sizeof(requests) / sizeof(requests[0]) + documents_put(run, peer);
    sim_peer_deliver(peer, SIZE_MAX);
    for (uint32_t i = 0; i < 20; i++) {
        sim_world_pass(&run->world,
                       100000); /* long enough for the sync that class process does in the background */
        sim_world_turn(&run->world);
        sim_world_work(&run->world, OH_JOURNAL_WORK_WRITE | OH_JOURNAL_WORK_PREPARE);
    }
    OH_ASSERT(oh_ledger_seq(run->world.ledger) == count);
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
    run->choices = calloc(CHOICES_MAX, sizeof(*run->choices));
    OH_ASSERT(run->model != NULL && run->life != NULL && run->ids != NULL && run->ops != NULL &&
              run->flights != NULL && run->applied != NULL && run->choices != NULL);
    swarm_draw(&run->workload.swarm, run->options->seed);
    world_make(run);
    model_init(run->model, START_US,
               run->workload.swarm.history_max == 0 ? UINT64_MAX : run->workload.swarm.history_max);
    enum oh_err err = sim_world_start(&run->world, &diag);
    OH_ASSERT(err == OH_OK);
    shop_open(run);
    run_life_begin(run);
}

static void run_free(struct run *run)
{
    sim_world_fini(&run->world);
    projection_fini(run);
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
    run_choices_free(run);
    free(run->choices);
}

/* Everything heals, everybody gets an answer, the power goes, and everything is compared once more. */
static void run_end(struct run *run)
{
    struct oh_prng prng;
    oh_prng_init(&prng, run->options->seed + 1);
    run_settle(run);
    if (!run->result->has_failed)
        run_stop_if_asked(run, &prng);
    if (!run->result->has_failed)
        judge_audit(run);
    if (!run->result->has_failed)
        run_crash(run, &prng, run->is_class_disk);
    if (!run->result->has_failed)
        judge_audit(run);
    projection_end(run);
}

/* For who looks at a failure: the replies that were still to come. */
static void show_replies(struct run *run)
{
    struct run_result result = *run->result;
    printf("seen here: %s: %s\n", result.law, result.why);
    run->result->has_failed = false;
    if (sim_world_is_up(&run->world))
        run_settle(run);
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
            run_event(&run);
        if (!out->has_failed && (options->is_off == NULL || !options->is_off[run.event]))
            projection_event(&run);
    }
    if (!out->has_failed)
        run_end(&run);
    if (out->has_failed && options->is_told)
        show_replies(&run);
    out->simulated_us = run.world.realtime_us - START_US;
    run_free(&run);
    out->snapshots = run.world.snapshots;
    out->rotations = run.world.rotations;
}
