/*
 * scenes.c - what takes several steps to come about, each at the right moment: single events would meet it once in
 * thousands of seeds.
 *
 * A scene says only what is asked, when the disk works and what the clock says. What must come of it the model and the
 * judge say, as ever; two laws are a scene's own: a full disk keeps what was promised, and damage is refused.
 */
#include "base/assert.h"
#include "sim/projection.h"
#include "sim/stored_map.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PEER              0u
#define PIPELINE_SIZE     ((size_t)256 << 10) /* less than what keeps the server from reading on */
#define FULL_TURNS        40u
#define FULL_IMPORTS_MAX  40u
#define FRAME_HEADER_SIZE 64u
#define SPLIT_TTL_US      (600 * SECOND_US)

static bool chance(struct oh_prng *prng, unsigned percent)
{
    return oh_prng_below(prng, 100) < percent;
}

static bool is_over(const struct run *run)
{
    return run->world.is_stopped || run->result->has_failed;
}

static struct model_request blank(enum model_type type)
{
    return (struct model_request){
        .type = type, .channel = MODEL_NONE, .point = MODEL_NONE, .at_us = MODEL_NEVER
    };
}

static struct model_line line_at(uint8_t item, uint8_t node, int64_t milli)
{
    return (struct model_line){ .line = 1,
                                .item = item,
                                .node = node,
                                .group = MODEL_NONE,
                                .to_node = MODEL_NONE,
                                .has_quantity = true,
                                .milli = milli,
                                .at_us = MODEL_NEVER };
}

static void send_whole(struct run *run, const struct model_request *request, uint32_t peer)
{
    uint32_t op = run_op_add(run, request);
    if (op != UINT32_MAX && run_send(run, op, peer))
        sim_peer_deliver(run_peer(run, peer), SIZE_MAX);
}

/* Asks, and waits for the answer. */
static void ask(struct run *run, const struct model_request *request)
{
    if (is_over(run))
        return;
    send_whole(run, request, PEER);
    run_settle(run);
}

/* A request for a reservation of its own id; what it asks for is the caller's. */
static struct model_request reserve_new(struct run *run)
{
    struct model_request request = blank(MODEL_RESERVE);
    request.kind = MODEL_CART;
    request.has_own_id = true;
    request.allow_partial = true;
    request.reservation = run->workload.reservations++;
    (void)snprintf(run->ids->text[request.reservation], WIRE_ID_SIZE, "R%u", request.reservation);
    request.line_count = 1;
    return request;
}

static struct model_request act(enum model_type type, uint32_t reservation)
{
    struct model_request request = blank(type);
    request.reservation = reservation;
    return request;
}

/* ---- Holds that end --------------------------------------------------------------------------------------------- */

/* Many little holds, several of them read at once. */
static void holds_make(struct run *run, struct oh_prng *prng, uint32_t count, int64_t ttl_min_s,
                       int64_t ttl_max_s)
{
    for (uint32_t i = 0; i < count && !is_over(run); i++) {
        struct model_request request;
        workload_hold(&run->workload, prng, oh_prng_between(prng, ttl_min_s, ttl_max_s), &request);
        (void)snprintf(run->ids->text[request.reservation], WIRE_ID_SIZE, "R%u", request.reservation);
        run_peer(run, i % AUDIT_PEER)->reads_joined = true;
        (void)run_send(run, run_op_add(run, &request), i % AUDIT_PEER);
    }
    run_settle(run);
}

/* When the last of these ends; 0: none does. */
static int64_t last_expiry_us(const struct run *run, uint32_t first)
{
    int64_t last_us = 0;
    for (uint32_t i = first; i < run->workload.reservations; i++) {
        const struct model_reservation *of = &run->model->reservations[i];
        if (of->exists && of->expires_us > last_us)
            last_us = of->expires_us;
    }
    return last_us;
}

/* More holds end at one moment than a turn writes down; at that moment everybody looks and acts. */
void scene_burst(struct run *run, struct oh_prng *prng)
{
    static const enum model_type types[] = { MODEL_CONFIRM, MODEL_EXTEND, MODEL_RELEASE,
                                             MODEL_GET_RESERVATION };
    uint32_t first = run->workload.reservations;
    run_settle(run);
    holds_make(run, prng, 28, 5, 5);
    int64_t due_us = last_expiry_us(run, first);
    if (is_over(run) || due_us - run->world.realtime_us > HOUR_US || due_us <= run->world.realtime_us)
        return;
    for (uint32_t i = 0; i < 14; i++) {
        struct model_request request = blank(MODEL_GET_STOCK);
        request.item = (uint8_t)(i % MODEL_ITEMS);
        if (i >= MODEL_ITEMS) {
            request.type = types[oh_prng_below(prng, 4)];
            request.reservation = first + (uint32_t)oh_prng_below(prng, run->workload.reservations - first);
            request.ttl_us = 9 * SECOND_US;
        }
        send_whole(run, &request, i % AUDIT_PEER);
    }
    sim_world_pass(&run->world, due_us - run->world.realtime_us);
    run_turn(run);
    run_turn(run);
}

/* Holds for all kinds of times, some released or extended; then each ends in its turn, and somebody looks. */
void scene_holds(struct run *run, struct oh_prng *prng)
{
    uint32_t first = run->workload.reservations;
    run_settle(run);
    holds_make(run, prng, 30, 2, 90);
    for (uint32_t i = 0; i < 12 && !is_over(run); i++) {
        struct model_request request =
            act(chance(prng, 60) ? MODEL_RELEASE : MODEL_EXTEND,
                first + (uint32_t)oh_prng_below(prng, run->workload.reservations - first));
        request.ttl_us = oh_prng_between(prng, 1, 90) * SECOND_US;
        send_whole(run, &request, PEER);
    }
    run_settle(run);
    for (uint32_t i = 0; i < 20 && !is_over(run); i++) {
        int64_t next_us = model_next_expiry_us(run->model, run->model->now_us);
        if (next_us == INT64_MAX || next_us - run->world.realtime_us > HOUR_US ||
            next_us <= run->world.realtime_us)
            return;
        sim_world_pass(&run->world, next_us - run->world.realtime_us);
        for (uint32_t item = 0; item < 2; item++) {
            struct model_request request = blank(MODEL_GET_STOCK);
            request.item = run->workload.swarm.items[oh_prng_below(prng, run->workload.swarm.item_count)];
            send_whole(run, &request, PEER);
        }
        run_turn(run);
        run_work(run);
    }
}

/* ---- To where something is forgotten ---------------------------------------------------------------------------- */

/* To 24 hours after it, or a microsecond before or behind. False: that is past. Nothing older is asked for. */
static bool day_pass(struct run *run, struct oh_prng *prng, int64_t since_us)
{
    int64_t to_us = since_us + 24 * HOUR_US + oh_prng_between(prng, -1, 1);
    if (since_us == MODEL_NEVER || to_us <= run->world.realtime_us || to_us <= run->model->now_us)
        return false;
    run->workload.first_reservation = run->workload.reservations;
    run->first_op = run->op_count;
    run_tell(run, "a day later");
    sim_world_set_clock(&run->world, to_us - run->world.realtime_us);
    return true;
}

/* A request is asked again where its key is forgotten. */
static void key_forget(struct run *run, struct oh_prng *prng)
{
    uint32_t count = run->op_count - run->first_op;
    uint32_t number = count == 0 ? 0 : run->first_op + (uint32_t)oh_prng_below(prng, count);
    const struct op *op = &run->ops[number];
    bool is_stock = op->request.type == MODEL_ADJUST || op->request.type == MODEL_SYNC;
    if (count == 0 || !is_stock || op->request.key == 0)
        return;
    run_settle(run);
    if (is_over(run) || !day_pass(run, prng, model_key_time_us(run->model, op->request.key)))
        return;
    if (run_send(run, number, PEER))
        sim_peer_deliver(run_peer(run, PEER), SIZE_MAX);
    run_turn(run);
}

/* Made, ended, and ended again where it is forgotten: a question would not move the ledger's clock. */
static void reservation_forget(struct run *run, struct oh_prng *prng)
{
    struct model_request request = reserve_new(run);
    uint32_t reservation = request.reservation;
    run_settle(run);
    request.channel = 0;
    request.lines[0] = line_at(run->workload.swarm.items[0], MODEL_NONE, 250);
    ask(run, &request);
    request = act(MODEL_RELEASE, reservation);
    ask(run, &request);
    if (is_over(run) || !run->model->reservations[reservation].exists ||
        !day_pass(run, prng, run->model->reservations[reservation].ended_us))
        return;
    send_whole(run, &request, PEER);
    run_turn(run);
}

void scene_forget(struct run *run, struct oh_prng *prng)
{
    if (chance(prng, 60))
        key_forget(run, prng);
    else
        reservation_forget(run, prng);
}

/* ---- One reservation -------------------------------------------------------------------------------------------- */

/* What limits such a reservation: a threshold of its channel, an increment of its item, or nothing. */
static void limit_set(struct run *run, struct oh_prng *prng, struct model_request *reserve, uint8_t *item)
{
    enum { THRESHOLD_OF_C1 = 4, INCREMENT_OF_S4 = 7 };
    uint64_t dice = oh_prng_below(prng, 3);
    struct model_request rule = blank(MODEL_RULE);
    if (dice == 0)
        return;
    rule.rule = dice == 1 ? THRESHOLD_OF_C1 : INCREMENT_OF_S4;
    rule.value = oh_prng_between(prng, 1, 5) * 500;
    if (dice == 1)
        reserve->channel = 1;
    else
        *item = 4;
    ask(run, &rule);
}

/* Of one item a little at the two hottest nodes, and nothing anywhere else. */
static void stock_set(struct run *run, struct oh_prng *prng, uint8_t item)
{
    struct model_request count = blank(MODEL_SYNC);
    count.line_count = MODEL_NODES;
    for (uint8_t i = 0; i < MODEL_NODES; i++) {
        int64_t milli = i == 0   ? oh_prng_between(prng, 6, 20) * 500
                        : i == 1 ? oh_prng_between(prng, 0, 6) * 500
                                 : 0;
        count.lines[i] = line_at(item, run->workload.swarm.nodes[i], milli);
        count.lines[i].at_us = run->model->now_us;
    }
    ask(run, &count);
}

/* A little of a line, by its node, and then all of it, by no node, go to one place. */
static struct model_request move_in_two(struct run *run, struct oh_prng *prng, uint32_t reservation,
                                        uint8_t item)
{
    const uint8_t *nodes = run->workload.swarm.nodes;
    struct model_request request = act(MODEL_MOVE, reservation);
    request.line_count = 2;
    request.node = nodes[1];
    request.lines[0] = line_at(item, nodes[0], 500);
    request.lines[1] = line_at(item, MODEL_NONE, oh_prng_between(prng, 1, 4) * 500);
    request.lines[1].has_quantity = chance(prng, 50);
    request.lines[0].to_node = request.lines[1].to_node = nodes[1];
    return request;
}

/* Two or three lines on one stock that is little, and much that is done with them, step by step. */
void scene_one_reservation(struct run *run, struct oh_prng *prng)
{
    uint8_t item = run->workload.swarm.items[0];
    uint8_t node = run->workload.swarm.nodes[0];
    struct model_request request = reserve_new(run);
    request.channel = run->workload.swarm.channel != MODEL_NONE
                          ? run->workload.swarm.channel
                          : (uint8_t)oh_prng_below(prng, MODEL_CHANNELS);
    run_settle(run);
    limit_set(run, prng, &request, &item);
    stock_set(run, prng, item);
    request.line_count = (uint32_t)oh_prng_between(prng, 1, 3);
    request.allow_partial = chance(prng, 70);
    for (uint32_t i = 0; i < request.line_count; i++) {
        request.lines[i] =
            line_at(item, chance(prng, 70) ? node : MODEL_NONE, oh_prng_between(prng, 1, 8) * 500);
        request.lines[i].line = i + 1;
    }
    uint32_t reservation = request.reservation;
    ask(run, &request);
    for (uint32_t i = 0; i < 8 && !is_over(run) && run->model->reservations[reservation].exists; i++) {
        workload_action(&run->workload, prng, run->model, reservation, &request);
        if (chance(prng, 15))
            request = move_in_two(run, prng, reservation, item);
        ask(run, &request);
    }
}

/* ---- An id that the server would make --------------------------------------------------------------------------- */

void scene_take_id(struct run *run, struct oh_prng *prng)
{
    uint32_t reservations[2];
    run_settle(run);
    if (is_over(run))
        return;
    uint64_t seq = oh_ledger_seq(run->world.ledger);
    for (uint32_t i = 0; i < 2; i++) {
        struct model_request request = reserve_new(run);
        request.channel = 0;
        request.lines[0] =
            line_at(run->workload.swarm.items[0], MODEL_NONE, 250 * oh_prng_between(prng, 1, 9));
        reservations[i] = request.reservation;
        request.is_once = request.has_own_id = i == 0;
        request.key = i == 0 ? 0 : ++run->workload.keys;
        run->ids->text[request.reservation][0] = '\0';
        if (i == 0)
            (void)snprintf(run->ids->text[request.reservation], WIRE_ID_SIZE, "r%" PRIu64, seq + 2);
        send_whole(run, &request, PEER);
    }
    run_settle(run);
    for (uint32_t i = 0; i < 2; i++) {
        struct model_request request = act(MODEL_GET_RESERVATION, reservations[i]);
        if (run->model->reservations[reservations[i]].exists)
            ask(run, &request);
        else
            run->ids->text[reservations[i]][0] = '\0'; /* refused: the id may be the other one's */
    }
}

/* ---- A counter at the end of its range -------------------------------------------------------------------------- */

void scene_fill(struct run *run, struct oh_prng *prng)
{
    const int64_t last = MODEL_TOTAL_MAX - 9006 * MODEL_QUANTITY_MAX;
    const int64_t steps[] = { MODEL_QUANTITY_MAX,
                              last - MODEL_QUANTITY_MAX - oh_prng_between(prng, 0, 1) * 1000,
                              oh_prng_between(prng, 1, 3) * 1000, 1000 };
    const int64_t sign = chance(prng, 70) ? 1 : -1;
    bool may_forget = run->workload.swarm.history_max != 0 || run->model->movement_count > 100000;
    if (may_forget || !run->workload.has_batches) /* a small journal has no room for such a request */
        return;
    run_settle(run);
    struct model_request request = blank(MODEL_ADJUST);
    request.line_count = 1;
    request.copies = 9006;
    request.lines[0] = line_at((uint8_t)oh_prng_below(prng, MODEL_ITEMS),
                               (uint8_t)oh_prng_below(prng, MODEL_NODES), sign * MODEL_QUANTITY_MAX);
    ask(run, &request);
    request.copies = 0;
    for (uint32_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        request.lines[0].milli = sign * (steps[i] - steps[i] % 1000);
        ask(run, &request);
    }
    struct model_request question = blank(MODEL_GET_STOCK);
    question.item = request.lines[0].item;
    ask(run, &question);
    request.type = MODEL_SYNC; /* and back, for the rest of the run */
    request.lines[0].milli = 9000;
    request.lines[0].at_us = run->model->now_us;
    ask(run, &request);
}

/* ---- A fence ---------------------------------------------------------------------------------------------------- */

/* Something happens to a claim of the fence's channel when a snapshot has begun, and has seen nothing yet. */
static void fence_act(struct run *run, struct oh_prng *prng, const struct model_fence_slot *fence,
                      uint32_t reservation)
{
    static const enum model_type types[] = { MODEL_FULFIL, MODEL_FULFIL, MODEL_MOVE, MODEL_CHANGE };
    struct model_request request = act(types[oh_prng_below(prng, 4)], reservation);
    request.node = (uint8_t)((fence->node + 1 + oh_prng_below(prng, MODEL_NODES - 1)) % MODEL_NODES);
    request.line_count = request.type == MODEL_MOVE ? 0 : 1;
    request.lines[0] = line_at(fence->item, MODEL_NONE, oh_prng_between(prng, 1, 12) * 250);
    oh_snapshotter_request(run->world.snapshotter);
    run_turn(run);
    send_whole(run, &request, PEER);
    run_turn(run);
    for (uint32_t i = 0; i < 6; i++) {
        run_turn(run);
        run_work(run);
    }
    run_settle(run);
}

void scene_fence(struct run *run, struct oh_prng *prng)
{
    struct model_request request = blank(MODEL_FENCE);
    run_settle(run);
    request.fence = run->workload.swarm.fence != MODEL_NONE ? run->workload.swarm.fence
                                                            : (uint8_t)oh_prng_below(prng, MODEL_FENCES);
    const struct model_fence_slot *fence = &model_fence_slots[request.fence];
    struct model_request question = blank(MODEL_GET_FENCE);
    question.fence = request.fence;
    request.value = oh_prng_between(prng, 2, 8) * 1000;
    ask(run, &request);
    request = blank(MODEL_ADJUST);
    request.line_count = 1;
    request.lines[0] = line_at(fence->item, fence->node, oh_prng_between(prng, 4, 12) * 1000);
    ask(run, &request);
    request = reserve_new(run);
    uint32_t reservation = request.reservation;
    request.channel = fence->channel;
    request.lines[0] = line_at(fence->item, fence->node, oh_prng_between(prng, 1, 6) * 1000);
    ask(run, &request);
    request = act(MODEL_CONFIRM, reservation);
    ask(run, &request);
    if (is_over(run))
        return;
    fence_act(run, prng, fence, reservation);
    ask(run, &question);
    if (!is_over(run) && chance(prng, 40))
        run_crash(run, prng, run->is_class_disk && chance(prng, 50));
}

/* ---- Promises --------------------------------------------------------------------------------------------------- */

/* Stock for all of them, and no more capacity than for some. */
static void promises_prepare(struct run *run, struct oh_prng *prng)
{
    static const enum model_document documents[] = { MODEL_SCHEDULE_0, MODEL_SCHEDULE_3, MODEL_SERVICE_SLOTS,
                                                     MODEL_SERVICE_PARCELS };
    struct model_request request = blank(MODEL_DOCUMENT);
    request.document = (uint8_t)documents[oh_prng_below(prng, 4)];
    request.value = oh_prng_between(prng, 0, 7) * 4;
    ask(run, &request);
    request = blank(MODEL_ADJUST);
    request.line_count = 2;
    for (uint32_t i = 0; i < 2; i++)
        request.lines[i] = line_at(run->workload.swarm.items[0], i == 0 ? 0 : 3, 8000);
    ask(run, &request);
}

static uint8_t claim_node(const struct run *run, uint32_t reservation)
{
    uint32_t link = run->model->reservations[reservation].first;
    return link == 0 || run->model->claims[link - 1].node == MODEL_NONE ? 0
                                                                        : run->model->claims[link - 1].node;
}

/* Some are given back before the others: by release, by a move, in part. */
static void promises_return(struct run *run, struct oh_prng *prng, uint32_t first)
{
    static const enum model_type types[] = { MODEL_RELEASE, MODEL_CONFIRM, MODEL_MOVE, MODEL_REPLACE };
    for (uint32_t reservation = first; reservation < run->workload.reservations; reservation++) {
        struct model_request request = act(types[oh_prng_below(prng, 4)], reservation);
        bool leaves = request.type == MODEL_REPLACE;
        request.node = leaves ? claim_node(run, reservation) : (uint8_t)(oh_prng_below(prng, 2) * 3);
        if (chance(prng, 50) && run->ids->text[reservation][0] != '\0')
            ask(run, &request);
    }
}

static void promises_hold(struct run *run, struct oh_prng *prng, uint32_t count)
{
    for (uint32_t i = 0; i < count && !is_over(run); i++) {
        struct model_request request;
        workload_promise(&run->workload, prng, &request);
        (void)snprintf(run->ids->text[request.reservation], WIRE_ID_SIZE, "R%u", request.reservation);
        request.line_count = 1;
        request.lines[0].item = run->workload.swarm.items[0];
        request.lines[0].milli = 1000;
        request.ttl_us = oh_prng_between(prng, 5, 20) * SECOND_US;
        ask(run, &request);
    }
}

/* Two items, each at one of two nodes alone, and a policy by which a basket of both may come in two parcels. */
static void split_prepare(struct run *run)
{
    struct model_request request = blank(MODEL_DOCUMENT);
    request.document = MODEL_SOURCING;
    request.value = 3;
    ask(run, &request);
    request = blank(MODEL_SYNC);
    request.line_count = 4;
    for (uint32_t i = 0; i < 4; i++) {
        request.lines[i] =
            line_at(run->workload.swarm.items[i / 2], i % 2 == 0 ? 0 : 3, i == 0 || i == 3 ? 9000 : 0);
        request.lines[i].at_us = run->model->now_us;
    }
    ask(run, &request);
}

/* What is not confirmed of the second line gives back what it had booked, for good. */
static void part_expire(struct run *run, uint32_t reservation)
{
    struct model_request request = act(MODEL_CONFIRM, reservation);
    request.line_count = 1;
    request.lines[0] = line_at(0, MODEL_NONE, 500);
    request.lines[0].line = 2;
    ask(run, &request);
    sim_world_pass(&run->world, SPLIT_TTL_US);
    run_turn(run);
}

/* One of two parcels is sourced anew at the node of the other; what is there shrinks, and grows again. */
static void promise_split(struct run *run, struct oh_prng *prng)
{
    struct model_request request;
    split_prepare(run);
    workload_promise(&run->workload, prng, &request);
    uint32_t reservation = request.reservation;
    (void)snprintf(run->ids->text[reservation], WIRE_ID_SIZE, "R%u", reservation);
    request.line_count = 2;
    for (uint32_t i = 0; i < 2; i++) {
        request.lines[i] = line_at(run->workload.swarm.items[i], MODEL_NONE, 2000);
        request.lines[i].line = i + 1;
    }
    request.ttl_us = SPLIT_TTL_US;
    ask(run, &request);
    request = blank(MODEL_ADJUST);
    request.line_count = 1;
    request.lines[0] = line_at(run->workload.swarm.items[0], 3, 9000);
    ask(run, &request);
    request = act(MODEL_REPLACE, reservation);
    request.point = MODEL_NONE;
    ask(run, &request);
    if (chance(prng, 50))
        oh_snapshotter_request(run->world.snapshotter);
    if (chance(prng, 50))
        part_expire(run, reservation);
    request = act(MODEL_CHANGE, reservation);
    request.line_count = 1;
    for (uint32_t i = 0; i < 3; i++) {
        request.lines[0] = line_at(0, MODEL_NONE, i == 0 ? 1000 : oh_prng_between(prng, 1, 12) * 250);
        request.lines[0].line = 2;
        ask(run, &request);
    }
}

/* More is there, at two nodes, than the channel's threshold lets go. */
static void threshold_ask(struct run *run, struct oh_prng *prng)
{
    struct model_request request = blank(MODEL_SYNC);
    uint8_t item = run->workload.swarm.items[0];
    request.line_count = MODEL_NODES;
    for (uint8_t node = 0; node < MODEL_NODES; node++) {
        request.lines[node] = line_at(item, node, node % 3 == 0 ? 9000 : 0);
        request.lines[node].at_us = run->model->now_us;
    }
    ask(run, &request);
    request = blank(MODEL_RULE);
    request.rule = 4;
    request.value = 2000;
    ask(run, &request);
    workload_promise(&run->workload, prng, &request);
    (void)snprintf(run->ids->text[request.reservation], WIRE_ID_SIZE, "R%u", request.reservation);
    request.line_count = 1;
    request.lines[0] = line_at(item, MODEL_NONE, oh_prng_between(prng, 58, 72) * 250);
    ask(run, &request);
}

/* A document goes when a snapshot has begun, and has seen nothing yet; it comes again or not. */
static void document_go(struct run *run, struct oh_prng *prng)
{
    struct model_request request = blank(MODEL_DOCUMENT);
    request.document = (uint8_t)oh_prng_below(prng, MODEL_SOURCING);
    ask(run, &request);
    if (is_over(run))
        return;
    oh_snapshotter_request(run->world.snapshotter);
    run_turn(run);
    request.is_delete = true;
    send_whole(run, &request, PEER);
    run_turn(run);
    for (uint32_t i = 0; i < 6; i++) {
        run_turn(run);
        run_work(run);
    }
    request.is_delete = false;
    request.value = oh_prng_between(prng, 0, 15);
    if (chance(prng, 80))
        ask(run, &request);
}

/* To the microsecond at which the last of these ends, before the server has seen it. */
static void pass_to_expiry(struct run *run, uint32_t first)
{
    int64_t due_us = last_expiry_us(run, first);
    if (is_over(run) || due_us <= run->world.realtime_us || due_us - run->world.realtime_us > HOUR_US)
        return;
    sim_world_pass(&run->world, due_us - run->world.realtime_us);
    run->model->now_us = due_us > run->model->now_us ? due_us : run->model->now_us;
    judge_bookings(run);
}

/* A window fills, is given back, and fills again: over an end of the process, and to the microsecond of an expiry. */
void scene_promises(struct run *run, struct oh_prng *prng)
{
    run_settle(run);
    promises_prepare(run, prng);
    uint32_t first = run->workload.reservations;
    if (chance(prng, 50))
        promise_split(run, prng);
    if (chance(prng, 40))
        threshold_ask(run, prng);
    promises_hold(run, prng, 5);
    if (is_over(run))
        return;
    if (chance(prng, 40))
        document_go(run, prng);
    promises_return(run, prng, first);
    if (!is_over(run) && chance(prng, 60))
        run_crash(run, prng, run->is_class_disk && chance(prng, 50));
    if (is_over(run))
        return;
    promises_hold(run, prng, 3);
    pass_to_expiry(run, first);
    promises_hold(run, prng, 3);
    if (!is_over(run))
        judge_audit(run);
}

/* ---- Answers that wait ------------------------------------------------------------------------------------------ */

/* Large answers, then one that waits for a disk that stands still: it may not leave. Then the power goes. */
void scene_pipeline(struct run *run, struct oh_prng *prng)
{
    struct model_request request = blank(MODEL_LIST_RESERVATIONS);
    run_settle(run);
    ask(run, &request);
    if (is_over(run))
        return;
    for (uint32_t i = 0; i + 2 < SIM_REQUESTS_MAX && i * run->reply_size < PIPELINE_SIZE; i++)
        send_whole(run, &request, PEER);
    request = blank(MODEL_ADJUST);
    request.line_count = 1;
    request.lines[0] = line_at(run->workload.swarm.items[0], run->workload.swarm.nodes[0], 1000);
    send_whole(run, &request, PEER);
    if (chance(prng, 50))
        sim_peer_open_window(run_peer(run, PEER), (size_t)oh_prng_between(prng, 20000, 90000));
    for (uint32_t i = 0; i < 6 && !is_over(run); i++)
        run_turn(run);
    if (!is_over(run) && chance(prng, 50))
        run_crash(run, prng, run->is_class_disk);
}

/* ---- Imports ---------------------------------------------------------------------------------------------------- */

/* The client goes away when some rows are done, and comes back with all of them. */
static void import_cut(struct run *run, struct oh_prng *prng, uint32_t op)
{
    struct sim_peer *peer = run_peer(run, PEER);
    if (!run_send(run, op, PEER))
        return;
    uint64_t size = peer->sent_base + peer->sent.size - peer->readable;
    sim_peer_deliver(peer, (size_t)(size - 1 - oh_prng_below(prng, size / 2)));
    for (uint32_t i = 0; i < 4; i++) {
        run_turn(run);
        run_work(run);
        sim_world_pass(&run->world, 1000);
    }
    uint64_t seq = run->turn_seq;
    sim_peer_reset(peer);
    run_turn(run);
    run_queue_drop(run, PEER);
    if (is_over(run))
        return;
    judge_import_part(run, &run->ops[op].request, seq);
    if (chance(prng, 30))
        run_crash(run, prng, chance(prng, 50));
    if (!is_over(run))
        run_import_alone(run, op);
}

/* The disk stands still while an import comes in: no answer may leave before it has moved on. */
static void import_hasty(struct run *run, struct oh_prng *prng, uint32_t op)
{
    if (!run_send(run, op, PEER))
        return;
    sim_peer_deliver(run_peer(run, PEER), SIZE_MAX);
    for (uint32_t i = 0; i < 5 && !is_over(run); i++) {
        run_turn(run);
        sim_world_pass(&run->world, 1000);
    }
    if (!is_over(run))
        run_crash(run, prng, run->is_class_disk && chance(prng, 70));
}

void scene_import(struct run *run, struct oh_prng *prng)
{
    struct model_request request;
    run_wait_for_disk(run);
    if (is_over(run))
        return;
    workload_import(&run->workload, prng, run->model, &request);
    uint32_t op = run_op_add(run, &request);
    if (chance(prng, 70))
        import_cut(run, prng, op);
    else
        import_hasty(run, prng, op);
}

/* ---- A full disk ------------------------------------------------------------------------------------------------ */

/* Without space nothing but the writer works; all that was applied must become durable all the same. */
static void full_turns(struct run *run, uint32_t turns)
{
    for (uint32_t i = 0; i < turns && !is_over(run); i++) {
        run_turn(run);
        sim_world_work(&run->world, OH_JOURNAL_WORK_WRITE);
        sim_world_pass(&run->world, 2000);
    }
}

void scene_full_disk(struct run *run, struct oh_prng *prng)
{
    if (run->workload.has_batches) /* such a journal is too large to fill */
        return;
    run_wait_for_disk(run);
    storage_disk_set_space(run->world.disk, 0);
    run_tell(run, "the disk is full, and stays so");
    for (uint32_t i = 0; i < FULL_IMPORTS_MAX && !is_over(run) && run->queue_counts[PEER] == 0; i++) {
        if (projection_is_near_limit(run)) /* who is refused for that does not fill the disk */
            break;
        struct model_request request;
        workload_bulk(&run->workload, prng, &request);
        send_whole(run, &request, PEER);
        full_turns(run, 8);
    }
    full_turns(run, FULL_TURNS);
    if (!is_over(run) && oh_journal_durable_seq(run->world.journal) != oh_ledger_seq(run->world.ledger))
        run_fail(run, "a full disk keeps its promise",
                 "seq %" PRIu64 " was applied, %" PRIu64 " is as far as the disk goes",
                 oh_ledger_seq(run->world.ledger), oh_journal_durable_seq(run->world.journal));
    if (!is_over(run) && chance(prng, 50))
        run_crash(run, prng, true);
    else
        run_settle(run);
}

/* ---- A sync that fails ------------------------------------------------------------------------------------------- */

static void write_little(struct run *run)
{
    struct model_request request = blank(MODEL_ADJUST);
    request.line_count = 1;
    request.lines[0] = line_at(run->workload.swarm.items[0], run->workload.swarm.nodes[0], 1000);
    ask(run, &request);
}

/*
 * The sync of a write fails, or that of the proof which follows when it is quiet: what was written can be read, and is
 * not on the disk. The next process goes on behind it; then the power goes.
 */
void scene_failed_sync(struct run *run, struct oh_prng *prng)
{
    run_settle(run);
    write_little(run);
    if (is_over(run))
        return;
    if (chance(prng, 50)) {
        sim_world_pass(&run->world, 3 * SECOND_US);
    } else {
        struct model_request request = blank(MODEL_ADJUST);
        request.line_count = 1;
        request.lines[0] = line_at(run->workload.swarm.items[0], run->workload.swarm.nodes[0], 1000);
        send_whole(run, &request, PEER);
    }
    run_turn(run);
    storage_disk_fail(run->world.disk, STORAGE_FDATASYNC, 1, 1, EIO);
    for (uint32_t i = 0; i < 3 && !is_over(run); i++) {
        sim_world_work(&run->world, OH_JOURNAL_WORK_WRITE);
        run_turn(run);
    }
    if (!run->result->has_failed)
        run_stop_if_asked(run, prng);
    if (is_over(run))
        return;
    write_little(run);
    if (!is_over(run) && chance(prng, 70))
        run_crash(run, prng, run->is_class_disk);
}

/* ---- A snapshot that nobody writes ------------------------------------------------------------------------------- */

/* More objects than the writer's queue takes, and changes behind them. */
void scene_queue(struct run *run, struct oh_prng *prng)
{
    for (uint32_t i = 0; i < 12 && !is_over(run); i++) {
        struct model_request request;
        workload_bulk(&run->workload, prng, &request);
        run_import_alone(run, run_op_add(run, &request));
    }
    if (is_over(run))
        return;
    oh_snapshotter_request(run->world.snapshotter);
    for (uint32_t i = 0; i < 24 && !is_over(run); i++) {
        struct model_request request = blank(MODEL_ADJUST);
        request.line_count = 1;
        request.lines[0] = line_at((uint8_t)oh_prng_below(prng, MODEL_ITEMS),
                                   (uint8_t)oh_prng_below(prng, MODEL_NODES), 1000);
        send_whole(run, &request, PEER);
        run_turn(run);
        sim_world_work(&run->world, OH_JOURNAL_WORK_WRITE);
        if (chance(prng, 20))
            sim_world_work_snapshot(&run->world);
    }
    for (uint32_t i = 0; i < 20 && !is_over(run); i++) {
        run_turn(run);
        run_work(run);
    }
    run_settle(run);
    if (!is_over(run))
        run_crash(run, prng, false);
}

/* ---- While no process runs -------------------------------------------------------------------------------------- */

struct snapshots {
    char newest[STORAGE_IMAGE_PATH_SIZE]; /* seqs have leading zeros in names */
    uint32_t count;
};

static void snapshot_look(void *ctx, uint32_t inode, const char *path, const uint8_t *bytes, size_t size)
{
    struct snapshots *snapshots = ctx;
    const char *suffix = strstr(path, ".ohs");
    (void)inode;
    (void)bytes;
    (void)size;
    if (suffix == NULL || suffix[4] != '\0')
        return;
    snapshots->count++;
    if (strcmp(path, snapshots->newest) > 0)
        (void)snprintf(snapshots->newest, sizeof(snapshots->newest), "%s", path);
}

/* Without the newest of two snapshots the older one and the journal behind it must do (DURABILITY 7). */
static void newest_snapshot_remove(struct run *run)
{
    struct snapshots snapshots = { .count = 0 };
    storage_disk_each(run->world.disk, snapshot_look, &snapshots);
    if (snapshots.count < 2)
        return;
    const struct oh_io *io = storage_disk_io(run->world.disk);
    char folder[STORAGE_IMAGE_PATH_SIZE];
    (void)snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(snapshots.newest, '/') - snapshots.newest),
                   snapshots.newest);
    run_tell(run, "%s is removed", snapshots.newest);
    bool is_gone = io->unlink(io->ctx, snapshots.newest) == 0 && io->fsync_directory(io->ctx, folder) == 0;
    OH_ASSERT(is_gone);
}

static struct storage_image image; /* keeps its memory from one run to the next */
static struct stored_map map;

/* Frames that a start reads, and that a later frame which is not the last proves to have been on the disk. */
static const struct part *proven_frame_any(struct oh_prng *prng)
{
    const struct part *found = NULL, *last = NULL;
    uint64_t synced_seq = 0;
    uint32_t count = 0;
    for (size_t i = 0; i < map.count; i++) {
        if (map.parts[i].kind == PART_FRAME && (last == NULL || map.parts[i].first_seq >= last->first_seq))
            last = &map.parts[i];
    }
    for (size_t i = 0; i < map.count; i++) {
        const struct part *part = &map.parts[i];
        if (part->kind == PART_FRAME && part->first_seq < last->first_seq && part->synced_seq > synced_seq)
            synced_seq = part->synced_seq;
    }
    for (size_t i = 0; i < map.count; i++) {
        const struct part *part = &map.parts[i];
        bool is_needed = part->kind == PART_FRAME && part->last_seq >= part->first_seq &&
                         part->first_seq > map.newest_snapshot_seq && part->last_seq <= synced_seq;
        if (is_needed && oh_prng_below(prng, ++count) == 0)
            found = part;
    }
    return found;
}

/* One bit of a frame is wrong: the start is refused, and says where. Then it is put right. */
static void frame_damage(struct run *run, struct oh_prng *prng)
{
    struct oh_diag diag = { "" };
    size_t size = 0;
    storage_image_take(&image, run->world.disk);
    stored_map_make(&map, &image, UINT64_MAX);
    const struct part *part = proven_frame_any(prng);
    if (part == NULL)
        return;
    uint64_t records = 0; /* bytes of them: DURABILITY 4 */
    for (unsigned i = 0; i < 4; i++)
        records |= (uint64_t)part->file->bytes[part->from + 56 + i] << (8 * i);
    uint64_t at =
        part->from + oh_prng_below(prng, chance(prng, 60) ? FRAME_HEADER_SIZE : FRAME_HEADER_SIZE + records);
    uint8_t bit = (uint8_t)(1u << oh_prng_below(prng, 8));
    uint8_t *bytes = storage_disk_bytes(run->world.disk, part->file->path, &size);
    OH_ASSERT(bytes != NULL && at < size);
    bytes[at] ^= bit;
    run_tell(run, "byte %" PRIu64 " of %s is damaged, in the frame of %" PRIu64, at, part->file->path,
             part->first_seq);
    if (sim_world_start(&run->world, &diag) == OH_OK) {
        run_fail(run, "damage is refused", "byte %" PRIu64 " of %s, in a frame that is proven", at,
                 part->file->path);
        sim_world_crash(&run->world, false);
    } else if (strstr(diag.text, part->file->path) == NULL) {
        run_fail(run, "damage is named", "%s: %s", part->file->path, diag.text);
    }
    bytes = storage_disk_bytes(run->world.disk, part->file->path, &size);
    OH_ASSERT(bytes != NULL && at < size);
    bytes[at] ^= bit;
}

void scene_down(struct run *run, struct oh_prng *prng)
{
    uint64_t dice = oh_prng_below(prng, 12);
    if (dice == 0 && run->workload.swarm.keep_count > 1)
        newest_snapshot_remove(run);
    else if (dice == 1)
        frame_damage(run, prng);
}
