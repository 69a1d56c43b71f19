/*
 * Three ledgers and one history: what runs, what is replayed from records as
 * bytes, and what is restored from a snapshot taken while the first one ran
 * on, must be the same ledger, and must decide the same from there.
 */
#include "codec/record.h"
#include "codec/record_digest.h"
#include "support/ledger_audit.h"
#include "support/random_commands.h"
#include "support/test.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ITEM_COUNT    40u
#define NODE_COUNT    12u
#define COMMAND_COUNT 12000u
#define COMPARE_EVERY 1000u
#define RECORDS_MAX   65536u
#define LOG_SIZE_MAX  ((size_t)256 << 20)

/* Byte strings one after the other, with where each ends. */
struct log {
    struct oh_strbuf bytes;
    size_t ends[RECORDS_MAX];
    uint32_t count;
};

struct world {
    struct random_commands commands;
    struct oh_ledger *live;
    struct oh_ledger *replayed;
    struct oh_record_decoder decoder;
    struct log records; /* records.count == seq of live */
    struct log objects; /* of the snapshot under way or taken last */
    struct log begun;   /* the ledger's objects when that snapshot began */
    uint64_t snapshot_seq;
    int64_t snapshot_time_us;
    uint32_t snapshot_count;
    bool is_snapshotting;
};

/* ---- Logs ------------------------------------------------------------------------------------- */

static void log_clear(struct log *log)
{
    oh_strbuf_clear(&log->bytes);
    log->count = 0;
}

static struct oh_bytes log_get(const struct log *log, uint32_t index)
{
    size_t start = index == 0 ? 0 : log->ends[index - 1];
    return (struct oh_bytes){ log->bytes.data + start, log->ends[index] - start };
}

static void log_end(struct log *log)
{
    assert_true(log->count < RECORDS_MAX);
    log->ends[log->count++] = log->bytes.size;
}

static void object_keep(void *ctx, const struct oh_effect *object)
{
    struct log *log = ctx;
    assert_int_equal(oh_object_encode(object, &log->bytes), OH_OK);
    log_end(log);
}

/* ---- Ledgers ---------------------------------------------------------------------------------- */

static void replay_bytes(struct world *world, struct oh_ledger *ledger, struct oh_bytes bytes)
{
    struct oh_record record;
    struct oh_diag diag = { "" };
    assert_int_equal(oh_record_decode(bytes, &world->decoder, &record), OH_OK);
    if (oh_ledger_replay(ledger, &record, &diag) != OH_OK)
        fail_msg("%s", diag.text);
}

static void record_take(struct world *world)
{
    struct oh_record record;
    if (!oh_ledger_take_record(world->live, &record))
        return;
    assert_int_equal(record.seq, world->records.count + 1);
    assert_int_equal(oh_record_encode(&record, &world->records.bytes), OH_OK);
    log_end(&world->records);
    replay_bytes(world, world->replayed, log_get(&world->records, world->records.count - 1));
}

static void advance(struct world *world)
{
    while (oh_ledger_advance(world->live, world->commands.now_us, 20) > 0)
        record_take(world);
}

/* Some requests have several commands, and all of them are one record. */
static void command_run(struct world *world, bool joins, bool joins_next)
{
    struct oh_command command;
    struct oh_answer answer;
    int64_t before_us = world->commands.now_us;
    random_commands_next(&world->commands, &command);
    if (joins)
        world->commands.now_us = before_us; /* what is one record happens at one time */
    enum oh_err err = oh_ledger_apply(world->live, world->commands.now_us, &command, &answer);
    if (err == OH_E_FULL) {
        record_take(world);
        err = oh_ledger_apply(world->live, world->commands.now_us, &command, &answer);
    }
    assert_int_equal(err, OH_OK);
    random_commands_answered(&world->commands, &answer);
    if (!joins_next)
        record_take(world);
}

static void turn_run(struct world *world)
{
    advance(world);
    uint64_t joined =
        oh_prng_below(&world->commands.prng, 10) == 0 ? oh_prng_below(&world->commands.prng, 5) : 0;
    for (uint64_t i = 0; i < joined; i++)
        command_run(world, i > 0, true);
    command_run(world, joined > 0, false);
}

/* ---- Comparison ------------------------------------------------------------------------------- */

/* Reservations that ended a day ago and keys of that age are forgotten by each ledger's own clock. */
static void digest_begin(struct oh_record_digest *digest, int64_t time_us)
{
    oh_record_digest_init(digest);
    digest->ended_after_us = time_us - OH_KEY_RETENTION_US;
    digest->keys_after_us = time_us - OH_KEY_RETENTION_US;
}

static void digest_of(struct oh_ledger *ledger, int64_t time_us, struct oh_record_digest *out_digest)
{
    digest_begin(out_digest, time_us);
    oh_record_digest_ledger(out_digest, ledger);
    oh_record_digest_fini(out_digest);
}

static void assert_same_position(struct oh_ledger *a, struct oh_ledger *b, uint32_t item, uint16_t node,
                                 int64_t now_us)
{
    struct oh_position_view x, y;
    oh_position_get(a, (struct oh_item_id){ item }, (struct oh_node_id){ node }, now_us, &x);
    oh_position_get(b, (struct oh_item_id){ item }, (struct oh_node_id){ node }, now_us, &y);
    for (unsigned state = 0; state < OH_STATE_COUNT; state++)
        assert_true(x.states_milli[state] == y.states_milli[state]);
    assert_true(x.on_hand_milli == y.on_hand_milli && x.held_milli == y.held_milli);
    assert_true(x.confirmed_milli == y.confirmed_milli && x.safety_stock_milli == y.safety_stock_milli);
    assert_true(x.fenced_milli == y.fenced_milli && x.available_milli == y.available_milli);
    assert_true(x.short_milli == y.short_milli && x.as_of_us == y.as_of_us);
}

static void assert_sound(struct oh_ledger *ledger)
{
    struct oh_ledger_stats stats;
    struct oh_verifier verifier = { .position = 0 };
    oh_ledger_stats_get(ledger, &stats);
    assert_int_equal(oh_ledger_verify(ledger, &verifier, stats.positions), 0);
    assert_int_equal(verifier.differences, 0);
    const char *complaint = ledger_audit(ledger);
    if (complaint != NULL)
        fail_msg("%s", complaint);
}

static void assert_same(struct oh_ledger *a, struct oh_ledger *b)
{
    struct oh_record_digest digests[2];
    int64_t time_us = oh_ledger_time_us(a);
    assert_true(oh_ledger_seq(a) == oh_ledger_seq(b));
    digest_of(a, time_us, &digests[0]);
    digest_of(b, time_us, &digests[1]);
    if (!oh_record_digest_equal(&digests[0], &digests[1]))
        fail_msg("record %" PRIu64 ": digests differ, %" PRIu64 " and %" PRIu64 " objects", oh_ledger_seq(a),
                 digests[0].object_count, digests[1].object_count);
    assert_int_equal(oh_item_count(a), oh_item_count(b));
    assert_int_equal(oh_node_count(a), oh_node_count(b));
    assert_true(oh_ledger_next_due_us(a) == oh_ledger_next_due_us(b));
    for (uint32_t item = 0; item < oh_item_count(a); item++) {
        for (uint32_t node = 0; node < oh_node_count(a); node++)
            assert_same_position(a, b, item, (uint16_t)node, time_us);
    }
    assert_sound(a);
    assert_sound(b);
}

/* ---- Snapshots -------------------------------------------------------------------------------- */

static void snapshot_begin(struct world *world)
{
    log_clear(&world->objects);
    log_clear(&world->begun);
    oh_ledger_export(world->live, object_keep, &world->begun);
    world->snapshot_seq = oh_ledger_seq(world->live);
    world->snapshot_time_us = oh_ledger_time_us(world->live);
    world->is_snapshotting = true;
    oh_ledger_snapshot_begin(world->live, object_keep, &world->objects);
}

static struct oh_ledger *snapshot_restore(struct world *world)
{
    struct oh_ledger *restored = random_ledger_create();
    for (uint32_t i = 0; i < world->objects.count; i++) {
        struct oh_effect object;
        struct oh_diag diag = { "" };
        assert_int_equal(oh_object_decode(log_get(&world->objects, i), &world->decoder, &object), OH_OK);
        if (i == 0)
            assert_int_equal(object.type, OH_EFFECT_HEAD);
        if (oh_ledger_restore(restored, &object, &diag) != OH_OK)
            fail_msg("object %u of %u: %s", i, world->objects.count, diag.text);
    }
    assert_true(oh_ledger_seq(restored) == world->snapshot_seq);
    assert_int_equal(oh_ledger_advance(restored, oh_ledger_time_us(restored), 0), 0);
    return restored;
}

static void begun_digest(struct world *world, struct oh_record_digest *out_digest)
{
    digest_begin(out_digest, world->snapshot_time_us);
    for (uint32_t i = 0; i < world->begun.count; i++) {
        struct oh_effect object;
        assert_int_equal(oh_object_decode(log_get(&world->begun, i), &world->decoder, &object), OH_OK);
        oh_record_digest_add(out_digest, &object);
    }
    oh_record_digest_fini(out_digest);
}

/* The restored ledger is the one that was begun with; with the records since, it is the one that is now. */
static void snapshot_check(struct world *world)
{
    struct oh_record_digest digests[2];
    struct oh_ledger *restored = snapshot_restore(world);
    begun_digest(world, &digests[0]);
    digest_of(restored, world->snapshot_time_us, &digests[1]);
    if (!oh_record_digest_equal(&digests[0], &digests[1]))
        fail_msg("snapshot %" PRIu64 ": %" PRIu64 " objects when it began, %" PRIu64 " restored",
                 world->snapshot_seq, digests[0].object_count, digests[1].object_count);
    for (uint64_t seq = world->snapshot_seq + 1; seq <= world->records.count; seq++)
        replay_bytes(world, restored, log_get(&world->records, (uint32_t)seq - 1));
    assert_same(world->live, restored);
    oh_ledger_destroy(&restored);
    world->snapshot_count++;
}

static void snapshot_tick(struct world *world)
{
    struct oh_prng *prng = &world->commands.prng;
    if (!world->is_snapshotting) {
        if (oh_ledger_seq(world->live) > 0 && oh_prng_below(prng, 400) == 0)
            snapshot_begin(world);
        return;
    }
    if (oh_prng_below(prng, 500) == 0) {
        oh_ledger_snapshot_abort(world->live);
        world->is_snapshotting = false;
    } else if (oh_ledger_snapshot_step(world->live, 1 + (uint32_t)oh_prng_below(prng, 60))) {
        world->is_snapshotting = false;
        snapshot_check(world);
    }
}

/* ---- Tests ------------------------------------------------------------------------------------ */

static struct world *world_create(uint64_t seed)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    random_commands_init(&world->commands, seed, ITEM_COUNT, NODE_COUNT);
    oh_strbuf_init(&world->records.bytes, LOG_SIZE_MAX);
    oh_strbuf_init(&world->objects.bytes, LOG_SIZE_MAX);
    oh_strbuf_init(&world->begun.bytes, LOG_SIZE_MAX);
    oh_record_decoder_init(&world->decoder, 0);
    world->live = random_ledger_create();
    world->replayed = random_ledger_create();
    return world;
}

static void world_destroy(struct world *world)
{
    if (world->is_snapshotting)
        oh_ledger_snapshot_abort(world->live);
    oh_ledger_destroy(&world->live);
    oh_ledger_destroy(&world->replayed);
    oh_record_decoder_fini(&world->decoder);
    oh_strbuf_fini(&world->records.bytes);
    oh_strbuf_fini(&world->objects.bytes);
    oh_strbuf_fini(&world->begun.bytes);
    free(world);
}

static void history_run(uint64_t seed)
{
    struct world *world = world_create(seed);
    for (uint32_t i = 1; i <= COMMAND_COUNT; i++) {
        turn_run(world);
        snapshot_tick(world);
        /* A ledger under a snapshot cannot be exported: some rounds are skipped. */
        if (i % COMPARE_EVERY == 0 && !world->is_snapshotting)
            assert_same(world->live, world->replayed);
    }
    assert_true(world->snapshot_count >= 5);
    world_destroy(world);
}

static void test_replay_leads_to_the_same_ledger_as_running_and_restoring(void **state)
{
    (void)state;
    uint64_t seed = random_seed("test_replay", 20261122);
    for (uint64_t i = 0; i < 4; i++)
        history_run(seed + i);
}

/* One ledger goes on, the other was replayed: the same commands must give the same records, byte for byte. */
static void test_replay_decides_the_same_from_there_on(void **state)
{
    (void)state;
    uint64_t seed = random_seed("test_replay", 20261122);
    struct world *world = world_create(seed);
    struct oh_strbuf bytes;
    oh_strbuf_init(&bytes, LOG_SIZE_MAX);
    for (uint32_t i = 1; i <= 4000; i++)
        turn_run(world);
    for (uint32_t i = 1; i <= 4000; i++) {
        struct oh_command command;
        struct oh_answer answers[2];
        struct oh_record record;
        random_commands_next(&world->commands, &command);
        assert_int_equal(oh_ledger_apply(world->live, world->commands.now_us, &command, &answers[0]), OH_OK);
        assert_int_equal(oh_ledger_apply(world->replayed, world->commands.now_us, &command, &answers[1]),
                         OH_OK);
        assert_int_equal(answers[0].verdict, answers[1].verdict);
        random_commands_answered(&world->commands, &answers[0]);
        oh_strbuf_clear(&world->records.bytes);
        oh_strbuf_clear(&bytes);
        if (oh_ledger_take_record(world->live, &record))
            assert_int_equal(oh_record_encode(&record, &world->records.bytes), OH_OK);
        if (oh_ledger_take_record(world->replayed, &record))
            assert_int_equal(oh_record_encode(&record, &bytes), OH_OK);
        assert_true(oh_bytes_equal(oh_strbuf_bytes(&world->records.bytes), oh_strbuf_bytes(&bytes)));
    }
    oh_strbuf_fini(&bytes);
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replay_leads_to_the_same_ledger_as_running_and_restoring),
        cmocka_unit_test(test_replay_decides_the_same_from_there_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
