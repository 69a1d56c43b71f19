#include "sim/durable.h"
#include "base/assert.h"
#include "codec/record.h"
#include "support/ledger_arena.h"
#include <errno.h>
#include <stdlib.h>

#define DIRECTORY        "d"
#define RECORD_SIZE_MAX  3000u
#define RECORDS_MAX      65536u
#define TIME_STEP_US_MAX INT64_C(60000000)
#define HELPER_SNAPSHOT  4u /* beside OH_JOURNAL_WORK_WRITE and OH_JOURNAL_WORK_PREPARE */

/* ---- A data directory that is open ------------------------------------------------------------ */

static struct oh_ledger *ledger_make(void)
{
    const struct oh_ledger_options options = { .items_max = 64,
                                               .positions_max = 256,
                                               .reservations_max = 1024,
                                               .claims_max = 4096,
                                               .keys_max = 2048,
                                               .history_max = 64,
                                               .text_size_max = (uint64_t)64 << 20 };
    return ledger_arena_create(&options);
}

static enum oh_err recovery_run(struct stored *stored, const struct oh_recovery_options *options)
{
    stored->ledger = ledger_make();
    return oh_recovery_run(stored->directory, stored->ledger, options, &stored->report, &stored->diag);
}

enum oh_err stored_open(struct stored *stored, const struct oh_io *io,
                        const struct oh_journal_options *options)
{
    *stored = (struct stored){ .journal = NULL };
    enum oh_err err = oh_directory_open(io, DIRECTORY, OH_DIRECTORY_WRITE, &stored->directory, &stored->diag);
    if (err == OH_OK)
        err = oh_journal_open(stored->directory, options, &stored->journal, &stored->diag);
    if (err != OH_OK)
        return err;
    const struct oh_recovery_options recovery = { .last_seq = oh_journal_durable_seq(stored->journal) };
    err = recovery_run(stored, &recovery);
    if (err == OH_OK && oh_ledger_seq(stored->ledger) != oh_journal_seq(stored->journal)) {
        oh_diag_set(&stored->diag, "the ledger and its journal are not at the same record");
        err = OH_E_CORRUPT;
    }
    return err;
}

enum oh_err stored_read(struct stored *stored, const struct oh_io *io,
                        const struct oh_recovery_options *recovery)
{
    *stored = (struct stored){ .journal = NULL };
    enum oh_err err = oh_directory_open(io, DIRECTORY, OH_DIRECTORY_READ, &stored->directory, &stored->diag);
    return err == OH_OK ? recovery_run(stored, recovery) : err;
}

void stored_close(struct stored *stored)
{
    oh_journal_close(&stored->journal);
    oh_directory_close(&stored->directory);
    oh_ledger_destroy(&stored->ledger);
}

/* ---- Promises --------------------------------------------------------------------------------- */

/* Remembers when records were written. The clock stands still within a turn. */
static void written_note(struct durable *durable)
{
    uint64_t written_seq = oh_journal_written_seq(durable->stored.journal);
    OH_ASSERT(written_seq < RECORDS_MAX);
    const struct oh_io *io = storage_disk_io(durable->disk);
    while (durable->written_seq < written_seq)
        durable->written_at_us[++durable->written_seq] = io->monotonic_us(io->ctx);
}

/* Class process: what was written sync_interval ago is on the disk, when the preparing thread has been there. */
static void interval_promise(struct durable *durable, int64_t at_us)
{
    int64_t limit_us = at_us - durable->journal_options.sync_interval_ms * 1000;
    while (durable->promised_seq < durable->written_seq &&
           durable->written_at_us[durable->promised_seq + 1] <= limit_us)
        durable->promised_seq++;
}

void durable_promise(void *ctx, struct crash_promise *out_promise)
{
    struct durable *durable = ctx;
    struct oh_journal *journal = durable->stored.journal;
    if (journal != NULL) {
        uint64_t synced_seq = oh_journal_synced_seq(journal);
        if (durable->journal_options.durability == OH_DURABILITY_DISK)
            synced_seq = oh_journal_durable_seq(journal); /* the number that lets replies leave */
        if (durable->promised_seq > synced_seq)
            synced_seq = durable->promised_seq;
        durable->promise = (struct crash_promise){ .synced_seq = synced_seq,
                                                   .written_seq = oh_journal_written_seq(journal),
                                                   .issued_seq = oh_journal_seq(journal) };
    }
    *out_promise = durable->promise;
}

/* ---- Helpers ---------------------------------------------------------------------------------- */

static void helper_run(struct durable *durable, unsigned helper)
{
    if ((durable->running & helper) != 0)
        return;
    const struct oh_io *io = storage_disk_io(durable->disk);
    int64_t at_us = io->monotonic_us(io->ctx);
    durable->running |= helper;
    if (helper == HELPER_SNAPSHOT)
        oh_snapshotter_work(durable->snapshotter);
    else
        oh_journal_work(durable->stored.journal, helper);
    durable->running &= ~helper;
    written_note(durable);
    if (helper == OH_JOURNAL_WORK_PREPARE && !oh_journal_failed(durable->stored.journal, NULL))
        interval_promise(durable, at_us);
}

/* While one helper is in an operation, another one may get on. */
void durable_interleave(void *ctx)
{
    struct durable *durable = ctx;
    if (durable->running != 0 && oh_prng_below(&durable->prng, 6) == 0)
        helper_run(durable, 1u << oh_prng_below(&durable->prng, 3));
}

/* ---- Turns ------------------------------------------------------------------------------------ */

static bool record_take(struct durable *durable)
{
    struct oh_record record;
    struct oh_record of_shadow;
    bool is_taken = oh_ledger_take_record(durable->stored.ledger, &record);
    bool is_taken_by_shadow = oh_ledger_take_record(durable->shadow, &of_shadow);
    OH_ASSERT(is_taken == is_taken_by_shadow);
    if (!is_taken)
        return false;
    OH_ASSERT(record.seq == of_shadow.seq && record.effect_count == of_shadow.effect_count);
    ledger_states_keep(durable->states, record.seq, durable->shadow);
    oh_strbuf_clear(&durable->record);
    enum oh_err err = oh_record_encode(&record, &durable->record);
    OH_ASSERT(err == OH_OK);
    err = oh_journal_append(durable->stored.journal, record.seq, oh_strbuf_bytes(&durable->record));
    OH_ASSERT(err == OH_OK);
    return true;
}

/* As the server asks before it applies. */
static bool has_room(const struct durable *durable)
{
    return oh_journal_room(durable->stored.journal) >= RECORD_SIZE_MAX &&
           oh_journal_buffer_room(durable->stored.journal) >= RECORD_SIZE_MAX;
}

static void expire(struct durable *durable)
{
    uint32_t count = 1;
    while (count > 0 && has_room(durable)) {
        count = oh_ledger_advance(durable->stored.ledger, durable->commands->now_us, 5);
        uint32_t count_of_shadow = oh_ledger_advance(durable->shadow, durable->commands->now_us, 5);
        OH_ASSERT(count == count_of_shadow);
        (void)record_take(durable);
    }
}

static void command_run(struct durable *durable)
{
    struct oh_command command;
    struct oh_answer answers[2];
    int64_t before_us = durable->commands->now_us;
    random_commands_next(durable->commands, &command);
    if (durable->commands->now_us > before_us + TIME_STEP_US_MAX)
        durable->commands->now_us = before_us + TIME_STEP_US_MAX; /* nothing is forgotten for its age */
    expire(durable);
    if (!has_room(durable)) {
        durable->refused_count++;
        return;
    }
    int64_t now_us = durable->commands->now_us;
    enum oh_err err = oh_ledger_apply(durable->stored.ledger, now_us, &command, &answers[0]);
    OH_ASSERT(err == OH_OK);
    err = oh_ledger_apply(durable->shadow, now_us, &command, &answers[1]);
    OH_ASSERT(err == OH_OK && answers[0].verdict == answers[1].verdict);
    random_commands_answered(durable->commands, &answers[0]);
    (void)record_take(durable);
}

/* The disk fills, has space again, fails once. */
static void disk_trouble(struct durable *durable)
{
    static const enum storage_operation failing[] = { STORAGE_FDATASYNC, STORAGE_FSYNC, STORAGE_WRITE,
                                                      STORAGE_FSYNC_DIRECTORY };
    uint64_t draw = oh_prng_below(&durable->prng, 300);
    if (draw < 6)
        storage_disk_set_space(durable->disk, oh_prng_below(&durable->prng, 30000));
    else if (draw < 60)
        storage_disk_set_space(durable->disk, UINT64_MAX);
    else if (draw < 63)
        storage_disk_fail(durable->disk, failing[oh_prng_below(&durable->prng, 4)],
                          1 + oh_prng_below(&durable->prng, 6), 1, EIO);
}

/* Time passes: mostly less than a group takes, sometimes long enough for a proof. */
static void time_pass(struct durable *durable)
{
    int64_t us_max = oh_prng_below(&durable->prng, 12) == 0 ? 1600000 : 300000;
    storage_disk_advance(durable->disk, oh_prng_between(&durable->prng, 0, us_max));
}

bool durable_turn(struct durable *durable)
{
    disk_trouble(durable);
    for (uint64_t i = oh_prng_below(&durable->prng, 4); i > 0; i--) {
        command_run(durable);
        if (oh_prng_below(&durable->prng, 4) == 0)
            oh_journal_submit(durable->stored.journal);
    }
    oh_journal_submit(durable->stored.journal);
    for (int i = 0; i < 4; i++) {
        enum oh_snapshotter_event event = oh_snapshotter_tick(durable->snapshotter, 40);
        durable->snapshot_count += event == OH_SNAPSHOTTER_DONE ? 1 : 0;
        helper_run(durable, 1u << oh_prng_below(&durable->prng, 3));
    }
    time_pass(durable);
    return !oh_journal_failed(durable->stored.journal, NULL);
}

/* ---- Life ------------------------------------------------------------------------------------- */

void durable_begin(struct durable *durable, const struct durable_options *options,
                   const struct storage_image *start)
{
    *durable = (struct durable){ .disk = storage_disk_create(options->seed),
                                 .states = options->states,
                                 .commands = options->commands,
                                 .promise = { options->last_seq, options->last_seq, options->last_seq } };
    durable->journal_options = (struct oh_journal_options){
        .durability = options->durability,
        .segment_size = options->frame_align == 4096 ? 64 << 10 : 20 << 10,
        .buffer_size = 1 << 13,
        .record_size_max = RECORD_SIZE_MAX,
        .frame_align = options->frame_align,
        .sync_interval_ms = 1000,
        .is_manual = true,
    };
    durable->snapshotter_options = (struct oh_snapshotter_options){
        .journal_bytes_max = options->snapshot_bytes,
        .is_manual = true,
    };
    durable->written_at_us = calloc(RECORDS_MAX, sizeof(*durable->written_at_us));
    OH_ASSERT(durable->written_at_us != NULL);
    oh_prng_init(&durable->prng, options->seed);
    oh_strbuf_init(&durable->record, RECORD_SIZE_MAX);
    storage_image_put(start, durable->disk);
    storage_disk_set_nagging(durable->disk, options->is_nagging);
}

void durable_end(struct durable *durable)
{
    storage_disk_destroy(durable->disk);
    free(durable->written_at_us);
    oh_strbuf_fini(&durable->record);
}

/* A second ledger at the same record, for the shadow. */
static void shadow_make(struct durable *durable)
{
    struct stored twin;
    const struct oh_recovery_options options = { .last_seq = oh_ledger_seq(durable->stored.ledger) };
    enum oh_err err = stored_read(&twin, storage_disk_io(durable->disk), &options);
    OH_ASSERT(err == OH_OK && oh_ledger_seq(twin.ledger) == options.last_seq);
    durable->shadow = twin.ledger;
    twin.ledger = NULL;
    stored_close(&twin);
}

void durable_stop(struct durable *durable, bool is_gentle)
{
    storage_disk_set_gone(durable->disk, !is_gentle);
    oh_snapshotter_destroy(&durable->snapshotter);
    oh_journal_close(&durable->stored.journal);
    stored_close(&durable->stored);
    oh_ledger_destroy(&durable->shadow);
    storage_disk_set_gone(durable->disk, false);
    if (!is_gentle)
        storage_disk_crash(durable->disk, true); /* its files are closed */
}

enum oh_err durable_start(struct durable *durable)
{
    enum oh_err err =
        stored_open(&durable->stored, storage_disk_io(durable->disk), &durable->journal_options);
    if (err == OH_OK)
        err = oh_snapshotter_create(durable->stored.directory, durable->stored.journal,
                                    durable->stored.ledger, &durable->snapshotter_options,
                                    &durable->snapshotter, &durable->stored.diag);
    if (err != OH_OK) {
        struct oh_diag diag = durable->stored.diag;
        durable_stop(durable, false);
        durable->stored.diag = diag;
        return err;
    }
    shadow_make(durable);
    uint64_t seq = oh_ledger_seq(durable->shadow);
    if (seq == 0)
        ledger_states_keep(durable->states, 0, durable->shadow);
    durable->written_seq = seq;
    durable->promised_seq = seq;
    return OH_OK;
}
