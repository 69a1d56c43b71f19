#include "sim/play.h"
#include "base/assert.h"
#include "sim/wire.h"
#include "support/failing_malloc.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_US         INT64_C(1795352400000000) /* 2026-11-22T13:00Z */
#define TURN_US          5000
#define PATIENCE_TURNS   1200u /* 6 s: less than any timeout of the server, more than any wait for a file */
#define TRIES_MAX        64u
#define STARTS_MAX       64u
#define RECEIVE_SIZE     ((size_t)4 << 20)
#define FILLING_COUNT    88u
#define SLOW_TAKE        1000u
#define HASH_START       UINT64_C(14695981039346656037)
#define HASH_FACTOR      UINT64_C(1099511628211)

/* ---- Failing ---------------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void fail(struct play *play, const char *format, ...)
{
    va_list arguments;
    if (play->result->has_failed)
        return;
    play->result->has_failed = true;
    va_start(arguments, format);
    (void)vsnprintf(play->result->why, sizeof(play->result->why), format, arguments);
    va_end(arguments);
}

__attribute__((format(printf, 2, 3))) static void tell(const struct play *play, const char *format, ...)
{
    va_list arguments;
    if (!play->is_told)
        return;
    va_start(arguments, format);
    (void)vprintf(format, arguments);
    va_end(arguments);
    (void)putchar('\n');
    (void)fflush(stdout);
}

static uint64_t faults_so_far(const struct play *play)
{
    return play->hits + play->io.hits + failing_malloc_failed();
}

/* ---- What fails ------------------------------------------------------------------------------------------------- */

static bool is_hit(const struct fault *fault, enum fault_kind kind, uint64_t count)
{
    return fault->kind == kind && count >= fault->nth && count - fault->nth < fault->times;
}

static ssize_t network_fault(void *ctx, bool is_send, size_t size)
{
    struct play *play = ctx;
    uint64_t count = is_send ? ++play->sends : ++play->recvs;
    if (!is_hit(&play->fault, is_send ? FAULT_SEND : FAULT_RECV, count))
        return (ssize_t)size;
    play->hits++;
    return play->fault.error_number == FAILING_SHORT ? 1 : -play->fault.error_number;
}

static bool memory_fault(void *ctx)
{
    (void)ctx;
    return failing_malloc_fails();
}

/* Is this file, by its name, one that holds records or is about to? */
static bool is_of_journal(const char *path)
{
    return strstr(path, "/journal") != NULL;
}

/* At the moment of a fault of the disk: the seq up to which the journal may go on acknowledging. */
static void note_journal_fault(void *ctx)
{
    struct play *play = ctx;
    bool is_records = play->io.call == FAILING_WRITE || play->io.call == FAILING_FDATASYNC;
    tell(play, "  %s of %s fails", failing_call_text(play->io.call), play->io.hit_path);
    if (!is_records || strstr(play->io.hit_path, ".ohj") == NULL || play->io.error_number == EINTR ||
        play->io.error_number == FAILING_SHORT || !sim_world_is_up(play->world))
        return;
    play->has_failed_journal = true;
    play->failed_seq = oh_journal_durable_seq(play->world->journal);
}

static void wrap_io(void *ctx, struct oh_io *io)
{
    struct play *play = ctx;
    failing_io_wrap(&play->io, play->world->disk, io);
}

static void faults_arm(struct play *play)
{
    const struct fault *fault = &play->fault;
    play->world->options.hooks = (struct sim_hooks){
        .ctx = play, .wrap_io = wrap_io, .memory_fails = memory_fault, .network = network_fault
    };
    play->io = (struct failing_io){ .hit = note_journal_fault, .hit_ctx = play };
    if (fault->kind == FAULT_STORAGE) {
        play->io.call = fault->call;
        play->io.from = fault->nth;
        play->io.times = fault->times;
        play->io.error_number = fault->error_number;
    }
    failing_malloc_watch();
    failing_malloc_arm_many(fault->kind == FAULT_MEMORY ? fault->nth : 0, fault->times);
}

static void faults_disarm(struct play *play)
{
    play->result->is_reached = faults_so_far(play) > 0;
    play->fault.times = play->io.times = 0;
    (void)failing_malloc_disarm();
}

/* ---- Starting and ending ---------------------------------------------------------------------------------------- */

/* A process that ends gives every file back. */
static void check_files(struct play *play)
{
    if (play->io.open_count != 0)
        fail(play, "leaking: %u files are open after the end", play->io.open_count);
}

static void start(struct play *play)
{
    for (uint32_t tries = 0; tries < STARTS_MAX && !sim_world_is_up(play->world); tries++) {
        struct oh_diag diag = { "" };
        uint64_t faults_before = faults_so_far(play);
        play->has_failed_journal = false;
        enum oh_err err = sim_world_start(play->world, &diag);
        tell(play, "start: %s %s", oh_err_text(err), diag.text);
        if (err == OH_OK)
            return;
        play->result->has_refused_start = true;
        if (faults_so_far(play) == faults_before)
            fail(play, "starting: without a fault: %s: %s", oh_err_text(err), diag.text);
        if (diag.text[0] == '\0' && err != OH_E_NOMEM)
            fail(play, "starting: no reason is given: %s", oh_err_text(err));
        check_files(play);
    }
    if (!sim_world_is_up(play->world))
        fail(play, "starting: refused %u times", STARTS_MAX);
}

/* The server has ended itself, or is to. */
static void check_stop(struct play *play)
{
    bool is_storage = play->fault.kind == FAULT_STORAGE && is_of_journal(play->io.hit_path);
    bool may_pass = play->fault.error_number == EINTR || play->fault.error_number == FAILING_SHORT;
    play->result->has_stopped = true;
    if (faults_so_far(play) == 0 || !is_storage || may_pass)
        fail(play, "stopping: for something that may be passed over");
}

static void power_loss(struct play *play)
{
    storage_disk_crash(play->world->disk, false);
}

/* Ends by itself; what was not synced may be gone then. */
static void end_stopped(struct play *play)
{
    tell(play, "it stops");
    check_stop(play);
    sim_world_exit(play->world);
    check_files(play);
    power_loss(play);
}

static void restart(struct play *play)
{
    if (play->world->is_stopped) {
        end_stopped(play);
    } else if (sim_world_is_up(play->world)) {
        if (!sim_world_terminate(play->world))
            fail(play, "hanging: it does not drain");
        check_files(play);
    }
    start(play);
}

/* ---- Replies ---------------------------------------------------------------------------------------------------- */

static uint64_t hash_byte(uint64_t hash, char byte)
{
    return (hash ^ (unsigned char)byte) * HASH_FACTOR;
}

/* A time of this run, as text: "2026-11-22T13:00:00Z". Those in the script are of other years. */
static bool is_time(const char *at, const char *end)
{
    return *at == '2' && end - at > 11 && strncmp(at, "2026-", 5) == 0 && at[10] == 'T';
}

/* Of a body without what differs from run to run: seqs, and times of now. */
static uint64_t body_hash(struct oh_bytes body)
{
    uint64_t hash = HASH_START;
    const char *end = body.data + body.size;
    const char *at = body.data;
    while (at < end) {
        if (*at == '"' && end - at > 6 && strncmp(at, "\"seq\":", 6) == 0) {
            at += 6;
            while (at < end && *at >= '0' && *at <= '9')
                at++;
        } else if (is_time(at, end)) {
            while (at < end && *at != '"')
                at++;
        } else {
            hash = hash_byte(hash, *at++);
        }
    }
    return hash;
}

static uint64_t reply_hash(const struct wire_reply *reply)
{
    return body_hash(reply->body) ^ (uint64_t)reply->status;
}

static uint64_t number_after(struct oh_bytes body, const char *name)
{
    const char *at = memmem(body.data, body.size, name, strlen(name));
    return at == NULL ? 0 : strtoull(at + strlen(name), NULL, 10);
}

/* Every body but that of /metrics is one JSON text. */
static void check_body(struct play *play, const struct step *step, const struct wire_reply *reply)
{
    if (strcmp(step->name, "GET /metrics") == 0)
        return;
    failing_malloc_pause();
    cJSON *root = cJSON_ParseWithLength(reply->body.data, reply->body.size);
    failing_malloc_resume();
    if (root == NULL)
        fail(play, "answers: %s: not JSON: %.*s", step->name, (int)reply->body.size, reply->body.data);
    cJSON_Delete(root);
}

static bool is_refusal(const struct wire_reply *reply)
{
    static const char *const codes[] = { "\"code\":\"storage_full\"", "\"code\":\"storage_busy\"",
                                         "\"code\":\"out_of_memory\"" };
    if (reply->status != 500 && reply->status != 503)
        return false;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (memmem(reply->body.data, reply->body.size, codes[i], strlen(codes[i])) != NULL)
            return true;
    }
    return false;
}

static bool is_success(int status)
{
    return status == 200 || status == 201;
}

/* What was answered without a fault is answered here, word by word; a second try may be a repeat. */
static void check_answer(struct play *play, uint32_t number, const struct wire_reply *reply)
{
    const struct step *step = &play->script->steps[number];
    bool is_same_each_time = step->type == STEP_READ || step->type == STEP_SLOW || step->type == STEP_WRITE;
    bool is_repeat = play->is_asked_again[number] && is_success(step->status) && is_success(reply->status);
    if (reply->status != step->status && !is_repeat)
        fail(play, "answers: %s: %d %.*s", step->name, reply->status, (int)reply->body.size, reply->body.data);
    if (!is_same_each_time || strcmp(step->name, "GET /metrics") == 0)
        return;
    if (play->observed != NULL)
        play->observed->answers[number] = body_hash(reply->body);
    else if (body_hash(reply->body) != play->observation->answers[number])
        fail(play, "answers: %s is answered otherwise: %.*s", step->name, (int)reply->body.size, reply->body.data);
}

static void take_success(struct play *play, uint32_t number, const struct wire_reply *reply)
{
    const struct step *step = &play->script->steps[number];
    check_answer(play, number, reply);
    if (!step_is_write(step) || !is_success(reply->status))
        return;
    play->is_acked[number] = true;
    uint64_t seq = number_after(reply->body, "\"seq\":");
    if (play->has_failed_journal && seq > play->failed_seq && !reply->is_replayed)
        fail(play, "acknowledging: %s: seq %" PRIu64 ", and the journal failed at %" PRIu64, step->name, seq,
             play->failed_seq);
}

/* ---- Asking ----------------------------------------------------------------------------------------------------- */

static struct sim_peer *client(struct play *play)
{
    return &play->world->peers[0];
}

static void turn(struct play *play)
{
    sim_world_turn(play->world);
    sim_world_work(play->world, OH_JOURNAL_WORK_WRITE | OH_JOURNAL_WORK_PREPARE);
    sim_world_work_snapshot(play->world);
    sim_world_pass(play->world, TURN_US);
}

/* Closes in order, and waits until the server has seen it. */
static void disconnect(struct play *play)
{
    struct sim_peer *peer = client(play);
    sim_peer_end(peer);
    for (uint32_t i = 0; i < PATIENCE_TURNS && peer->is_open; i++)
        turn(play);
    if (peer->is_open)
        fail(play, "hanging: a connection that has ended is not closed");
}

static bool connect_client(struct play *play)
{
    struct sim_peer *peer = client(play);
    if (peer->is_open && peer->is_reset)
        turn(play);
    return peer->is_open || sim_peer_connect(play->world, peer);
}

/* Sends in two parts, with a turn between. */
static void send_request(struct play *play, const struct step *step)
{
    struct sim_peer *peer = client(play);
    oh_strbuf_clear(&peer->received);
    peer->request_count = peer->read_count = 0;
    failing_malloc_pause();
    bool is_sent = sim_peer_send(peer, step->request, &(struct sim_sent){ .is_write = step_is_write(step) });
    failing_malloc_resume();
    OH_ASSERT(is_sent);
    sim_peer_deliver(peer, step->request.size / 2);
    turn(play);
    sim_peer_deliver(peer, SIZE_MAX);
    sim_peer_open_window(peer, step->type == STEP_SLOW ? SLOW_TAKE : SIZE_MAX);
}

enum outcome {
    OUTCOME_REPLY,
    OUTCOME_CUT,
    OUTCOME_STOPPED,
};

static enum outcome wait_for_reply(struct play *play, const struct step *step, struct wire_reply *out)
{
    struct sim_peer *peer = client(play);
    bool is_wrong = false;
    for (uint32_t i = 0; i < PATIENCE_TURNS; i++) {
        if (wire_get_reply(oh_strbuf_bytes(&peer->received), out, &is_wrong))
            return OUTCOME_REPLY;
        if (is_wrong)
            fail(play, "answers: %s: not a reply: %.*s", step->name, (int)peer->received.size, peer->received.data);
        if (play->world->is_stopped)
            return OUTCOME_STOPPED;
        if (!peer->is_open)
            return OUTCOME_CUT;
        turn(play);
    }
    fail(play, "hanging: %s has no answer", step->name);
    return OUTCOME_CUT;
}

static enum outcome ask(struct play *play, const struct step *step, struct wire_reply *out)
{
    if (!connect_client(play)) {
        turn(play);
        return play->world->is_stopped ? OUTCOME_STOPPED : OUTCOME_CUT;
    }
    send_request(play, step);
    enum outcome outcome = wait_for_reply(play, step, out);
    if (outcome == OUTCOME_REPLY)
        check_body(play, step, out);
    if (outcome == OUTCOME_REPLY && out->is_last)
        sim_peer_reset(client(play)); /* the reply stays in what was received */
    return outcome;
}

/* Asks until the answer is what it should be. */
static void insist(struct play *play, uint32_t number)
{
    const struct step *step = &play->script->steps[number];
    struct wire_reply reply;
    for (uint32_t tries = 0; tries < TRIES_MAX + play->fault.times && !play->result->has_failed; tries++) {
        uint64_t faults_before = faults_so_far(play);
        enum outcome outcome = ask(play, step, &reply);
        tell(play, "%s: %s %d", step->name,
             outcome == OUTCOME_REPLY ? "answered" : outcome == OUTCOME_CUT ? "cut" : "stopped",
             outcome == OUTCOME_REPLY ? reply.status : 0);
        if (outcome == OUTCOME_REPLY && !is_refusal(&reply)) {
            take_success(play, number, &reply);
            return;
        }
        play->is_asked_again[number] = true;
        if (outcome == OUTCOME_STOPPED) {
            end_stopped(play);
            start(play);
        } else if (outcome == OUTCOME_CUT) {
            play->result->has_cut = true;
            if (faults_so_far(play) == faults_before)
                fail(play, "refusals: %s: cut without a fault", step->name);
        } else {
            play->result->has_refused = true;
            for (uint32_t i = 0; i < 200; i++)
                turn(play);
        }
    }
    if (!play->result->has_failed)
        fail(play, "refusals: %s: no answer after many tries", step->name);
}

/* ---- The end ---------------------------------------------------------------------------------------------------- */

static void check_ledger(struct play *play)
{
    struct oh_verifier verifier = { .position = 0 };
    while (verifier.rounds == 0)
        (void)oh_ledger_verify(play->world->ledger, &verifier, UINT32_MAX);
    if (verifier.differences != 0 || play->world->service->verifier.differences != 0)
        fail(play, "doubling: the verifier finds differences");
}

/* What was acknowledged is known. */
static void check_acked(struct play *play)
{
    for (uint32_t i = 0; i < play->script->count && !play->result->has_failed; i++) {
        const struct step *step = &play->script->steps[i];
        struct wire_reply reply;
        if (!play->is_acked[i] || step->type != STEP_WRITE)
            continue;
        if (ask(play, step, &reply) != OUTCOME_REPLY)
            fail(play, "refusals: %s: no answer, without a fault", step->name);
        else if (!is_success(reply.status) || !reply.is_replayed)
            fail(play, "losing: %s was acknowledged, and is not known: %.*s", step->name, (int)reply.body.size,
                 reply.body.data);
    }
}

static void check_final(struct play *play)
{
    for (uint32_t i = 0; i < play->script->count && !play->result->has_failed; i++) {
        const struct step *step = &play->script->steps[i];
        struct wire_reply reply;
        if (step->type != STEP_READ || step->request.data[0] != 'G' || strcmp(step->name, "GET /metrics") == 0)
            continue;
        if (ask(play, step, &reply) != OUTCOME_REPLY)
            fail(play, "refusals: %s: no answer, without a fault", step->name);
        else if (play->observed != NULL)
            play->observed->final_answers[i] = reply_hash(&reply);
        else if (reply_hash(&reply) != play->observation->final_answers[i])
            fail(play, "doubling: %s is at the end: %.*s", step->name, (int)reply.body.size, reply.body.data);
    }
}

/* Unfinished files are gone, but for the one that waits. */
static void check_disk(struct play *play)
{
    for (uint32_t i = 0; i < PATIENCE_TURNS; i++)
        turn(play);
    size_t unfinished = storage_disk_files(play->world->disk, ".tmp");
    if (unfinished > 1)
        fail(play, "leaking: %zu unfinished files", unfinished);
}

static void check_memory(struct play *play)
{
    size_t first = 0;
    size_t live = failing_malloc_live(&first);
    if (live != 0)
        fail(play, "leaking: %zu allocations, the first is number %zu", live, first);
}

/* Without faults, after a power loss. */
static void check_all(struct play *play)
{
    tell(play, "the end: everything again, without a fault");
    if (play->world->is_stopped)
        end_stopped(play);
    else if (sim_world_is_up(play->world))
        sim_world_crash(play->world, true);
    start(play);
    if (play->result->has_failed)
        return;
    check_ledger(play);
    check_acked(play);
    check_final(play);
    check_disk(play);
    restart(play);
    check_ledger(play);
    sim_world_exit(play->world);
    check_files(play);
}

/* ---- The run ---------------------------------------------------------------------------------------------------- */

static void observe(struct play *play)
{
    struct play_observation *observed = play->observed;
    observed->memory = observed->memory_before[play->script->count] = failing_malloc_count();
    memcpy(observed->storage, play->io.counts, sizeof(observed->storage));
    observed->recvs = play->recvs;
    observed->sends = play->sends;
}

static void step_do(struct play *play, uint32_t number)
{
    const struct step *step = &play->script->steps[number];
    switch (step->type) {
    case STEP_READ:
    case STEP_WRITE:
    case STEP_IMPORT:
    case STEP_BATCH:
    case STEP_SLOW:
        insist(play, number);
        return;
    case STEP_PASS:
        sim_world_pass(play->world, step->pass_us);
        return;
    case STEP_RECONNECT:
        if (client(play)->is_open)
            disconnect(play);
        return;
    case STEP_RESTART:
        restart(play);
        return;
    case STEP_POWER_LOSS:
        if (play->world->is_stopped)
            end_stopped(play);
        else if (sim_world_is_up(play->world))
            sim_world_crash(play->world, true);
        check_files(play);
        start(play);
        return;
    }
    OH_UNREACHABLE();
}

void play_run(struct play *play)
{
    faults_arm(play);
    start(play);
    for (uint32_t i = 0; i < play->script->count && !play->result->has_failed; i++) {
        if (play->observed != NULL)
            play->observed->memory_before[i] = failing_malloc_count();
        step_do(play, i);
    }
    if (play->observed != NULL)
        observe(play);
    faults_disarm(play);
    if (!play->result->has_failed)
        check_all(play);
    if (play->result->has_failed)
        return; /* as it is, to be looked at */
    check_memory(play);
    sim_world_fini(play->world);
}

static void world_fill(struct sim_world *world)
{
    struct script script;
    struct play_result result = { .has_failed = false };
    struct play_observation observed = { .memory = 0 };
    script_make_filling(&script, FILLING_COUNT);
    struct play play = { .script = &script, .observed = &observed, .result = &result, .world = world };
    start(&play);
    for (uint32_t i = 0; i < script.count && !result.has_failed; i++)
        step_do(&play, i);
    OH_ASSERT(!result.has_failed && sim_world_terminate(world));
    script_fini(&script);
}

void play_make_world(struct sim_world *world, bool is_full)
{
    const struct sim_world_options options = {
        .durability = OH_DURABILITY_DISK,
        .segment_size = UINT64_C(4300) << 10,
        .record_size_max = 64u << 10,
        .frame_align = 4096,
        .snapshot_bytes = UINT64_C(80) << 10,
        .seed = 1,
        .now_us = START_US,
    };
    sim_world_init(world, &options);
    /* What a client receives is the test's own memory: there from the start, it is never allocated in between. */
    char *room = oh_strbuf_reserve(&world->peers[0].received, RECEIVE_SIZE);
    OH_ASSERT(room != NULL);
    if (is_full)
        world_fill(world);
}
