/*
 * Recovery and snapshots together, on a disk that loses its power: whatever
 * was durable comes back, and what comes back is the ledger of its records.
 */
#include "storage/recovery.h"
#include "codec/record.h"
#include "codec/record_digest.h"
#include "storage/journal.h"
#include "storage/snapshot.h"
#include "storage/snapshotter.h"
#include "support/random_commands.h"
#include "support/storage_disk.h"
#include "support/test.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX  32768u
#define LOG_SIZE_MAX ((size_t)64 << 20)
#define FIRST_FILE   "d/journal/00000000000000000001.ohj"

/* A server's storage without a server, and the records it ever took. */
struct durable {
    struct storage_disk *disk;
    const char *path;
    struct oh_directory *directory;
    struct oh_journal *journal;
    struct oh_ledger *ledger;
    struct oh_snapshotter *snapshotter;
    struct oh_snapshotter_options snapshots;
    struct oh_recovery_report report;
    struct random_commands commands;
    struct oh_record_decoder decoder;
    struct oh_strbuf log;
    size_t ends[RECORDS_MAX];
    uint64_t last_seq;
    bool writer_stands_still;
    uint64_t done_count;
    struct oh_diag diag;
};

static const struct oh_journal_options journal_options = {
    .durability = OH_DURABILITY_DISK,
    .segment_size = 128 << 10,
    .buffer_size = 1 << 17,
    .record_size_max = 16 << 10,
    .is_manual = true,
};

/* ---- Life ------------------------------------------------------------------------------------- */

static enum oh_err storage_start(struct durable *d)
{
    struct oh_recovery_options options = { .last_seq = 0 };
    d->diag.text[0] = '\0';
    enum oh_err err =
        oh_directory_open(storage_disk_io(d->disk), d->path, OH_DIRECTORY_WRITE, &d->directory, &d->diag);
    if (err == OH_OK)
        err = oh_journal_open(d->directory, &journal_options, &d->journal, &d->diag);
    if (err != OH_OK)
        return err;
    d->ledger = random_ledger_create();
    options.last_seq = oh_journal_durable_seq(d->journal);
    err = oh_recovery_run(d->directory, d->ledger, &options, &d->report, &d->diag);
    if (err == OH_OK)
        err = oh_snapshotter_create(d->directory, d->journal, d->ledger, &d->snapshots, &d->snapshotter,
                                    &d->diag);
    return err;
}

static void storage_stop(struct durable *d)
{
    oh_snapshotter_destroy(&d->snapshotter);
    oh_journal_close(&d->journal);
    oh_directory_close(&d->directory);
    oh_ledger_destroy(&d->ledger);
}

static void assert_started(struct durable *d)
{
    if (storage_start(d) != OH_OK)
        fail_msg("%s", d->diag.text);
}

static void assert_refused(struct durable *d, enum oh_err err, const char *part)
{
    assert_int_equal(storage_start(d), err);
    if (strstr(d->diag.text, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, d->diag.text);
    storage_stop(d);
}

static int setup(void **state)
{
    struct durable *d = calloc(1, sizeof(*d));
    assert_non_null(d);
    d->disk = storage_disk_create(5);
    d->path = "d";
    d->snapshots = (struct oh_snapshotter_options){ .is_manual = true, .journal_bytes_max = UINT64_MAX };
    random_commands_init(&d->commands, 42, 30, 10);
    oh_record_decoder_init(&d->decoder, 0);
    oh_strbuf_init(&d->log, LOG_SIZE_MAX);
    *state = d;
    return 0;
}

static int teardown(void **state)
{
    struct durable *d = *state;
    storage_stop(d);
    storage_disk_destroy(d->disk);
    oh_record_decoder_fini(&d->decoder);
    oh_strbuf_fini(&d->log);
    free(d);
    return 0;
}

/* ---- Work ------------------------------------------------------------------------------------- */

static void journal_work(struct durable *d)
{
    oh_journal_submit(d->journal);
    for (int i = 0; i < 2; i++) /* twice: a new file has to be prepared before it is written */
        oh_journal_work(d->journal, OH_JOURNAL_WORK_WRITE | OH_JOURNAL_WORK_PREPARE);
}

static void record_take(struct durable *d)
{
    struct oh_record record;
    if (!oh_ledger_take_record(d->ledger, &record))
        return;
    size_t start = d->log.size;
    assert_true(record.seq == d->last_seq + 1 && record.seq < RECORDS_MAX);
    assert_int_equal(oh_record_encode(&record, &d->log), OH_OK);
    d->ends[record.seq] = d->log.size;
    d->last_seq = record.seq;
    struct oh_bytes bytes = { d->log.data + start, d->log.size - start };
    enum oh_err err = oh_journal_append(d->journal, record.seq, bytes);
    if (err == OH_E_FULL) {
        journal_work(d);
        err = oh_journal_append(d->journal, record.seq, bytes);
    }
    assert_int_equal(err, OH_OK);
}

static enum oh_snapshotter_event turn(struct durable *d)
{
    struct oh_command command;
    struct oh_answer answer;
    while (oh_ledger_advance(d->ledger, d->commands.now_us, 20) > 0)
        record_take(d);
    random_commands_next(&d->commands, &command);
    assert_int_equal(oh_ledger_apply(d->ledger, d->commands.now_us, &command, &answer), OH_OK);
    random_commands_answered(&d->commands, &answer);
    record_take(d);
    enum oh_snapshotter_event event = oh_snapshotter_tick(d->snapshotter, 20);
    if (!d->writer_stands_still)
        oh_snapshotter_work(d->snapshotter);
    d->done_count += event == OH_SNAPSHOTTER_DONE ? 1 : 0;
    return event;
}

static void run(struct durable *d, int turns)
{
    for (int i = 0; i < turns; i++) {
        (void)turn(d);
        journal_work(d);
    }
}

/* Goes on until a snapshot that was asked for is there. */
static void snapshot_take(struct durable *d)
{
    uint64_t done_count = d->done_count;
    oh_snapshotter_request(d->snapshotter);
    for (int i = 0; i < 2000 && d->done_count == done_count; i++)
        run(d, 1);
    assert_true(d->done_count == done_count + 1);
}

/* The same while nothing else happens. */
static void snapshot_take_quietly(struct durable *d)
{
    enum oh_snapshotter_event event = OH_SNAPSHOTTER_IDLE;
    oh_snapshotter_request(d->snapshotter);
    for (int i = 0; i < 1000 && event != OH_SNAPSHOTTER_DONE; i++) {
        event = oh_snapshotter_tick(d->snapshotter, 100);
        oh_snapshotter_work(d->snapshotter);
    }
    assert_int_equal(event, OH_SNAPSHOTTER_DONE);
}

/* ---- Comparison ------------------------------------------------------------------------------- */

static void digest_of(struct oh_ledger *ledger, int64_t time_us, struct oh_record_digest *out_digest)
{
    oh_record_digest_init(out_digest);
    out_digest->ended_after_us = time_us - OH_KEY_RETENTION_US;
    out_digest->keys_after_us = time_us - OH_KEY_RETENTION_US;
    oh_record_digest_ledger(out_digest, ledger);
    oh_record_digest_fini(out_digest);
}

static struct oh_ledger *log_replay(struct durable *d, uint64_t last_seq)
{
    struct oh_ledger *ledger = random_ledger_create();
    size_t start = 0;
    for (uint64_t seq = 1; seq <= last_seq; seq++) {
        struct oh_record record;
        struct oh_bytes bytes = { d->log.data + start, d->ends[seq] - start };
        assert_int_equal(oh_record_decode(bytes, &d->decoder, &record), OH_OK);
        assert_int_equal(oh_ledger_replay(ledger, &record, &d->diag), OH_OK);
        start = d->ends[seq];
    }
    return ledger;
}

/* The recovered ledger is the one of the records up to its seq; forgets the records that were lost. */
static void assert_recovered(struct durable *d)
{
    struct oh_record_digest digests[2];
    uint64_t seq = oh_ledger_seq(d->ledger);
    assert_true(seq <= d->last_seq);
    struct oh_ledger *expected = log_replay(d, seq);
    int64_t time_us = oh_ledger_time_us(d->ledger);
    if (oh_ledger_time_us(expected) > time_us)
        time_us = oh_ledger_time_us(expected);
    digest_of(d->ledger, time_us, &digests[0]);
    digest_of(expected, time_us, &digests[1]);
    if (!oh_record_digest_equal(&digests[0], &digests[1]))
        fail_msg("recovered to record %" PRIu64 ": another ledger", seq);
    oh_ledger_destroy(&expected);
    d->log.size = seq == 0 ? 0 : d->ends[seq];
    d->last_seq = seq;
}

/* ---- Tests: recovery -------------------------------------------------------------------------- */

static void test_recovery_starts_empty_when_the_directory_is_new(void **state)
{
    struct durable *d = *state;
    assert_started(d);
    assert_int_equal(oh_ledger_seq(d->ledger), 0);
    assert_false(d->report.has_snapshot);
    assert_int_equal(d->report.first_seq, 1);
}

static void test_recovery_replays_the_journal_when_there_is_no_snapshot(void **state)
{
    struct durable *d = *state;
    assert_started(d);
    run(d, 1500);
    storage_stop(d);
    assert_started(d);
    assert_int_equal(oh_ledger_seq(d->ledger), d->last_seq);
    assert_int_equal(d->report.record_count, d->last_seq);
    assert_int_equal(d->report.last_seq, d->last_seq);
    assert_true(d->report.effect_count > d->last_seq && d->report.record_bytes > 0);
    assert_recovered(d);
}

static void test_recovery_restores_the_newest_snapshot_and_replays_what_came_after(void **state)
{
    struct durable *d = *state;
    assert_started(d);
    run(d, 800);
    snapshot_take(d);
    run(d, 300);
    snapshot_take(d);
    uint64_t snapshot_seq = oh_snapshotter_stats(d->snapshotter).last_seq;
    run(d, 200);
    storage_stop(d);
    assert_started(d);
    assert_true(d->report.has_snapshot);
    assert_int_equal(d->report.snapshot_seq, snapshot_seq);
    assert_int_equal(d->report.record_count, d->last_seq - snapshot_seq);
    assert_recovered(d);
    run(d, 100);
}

static void test_recovery_restores_a_snapshot_when_no_record_came_after(void **state)
{
    struct durable *d = *state;
    assert_started(d);
    run(d, 500);
    snapshot_take_quietly(d);
    storage_stop(d);
    assert_started(d);
    assert_int_equal(d->report.record_count, 0);
    assert_int_equal(d->report.snapshot_seq, d->last_seq);
    assert_recovered(d);
    run(d, 100);
    storage_stop(d);
    assert_started(d);
    assert_recovered(d);
}

static void object_put(void *ctx, const struct oh_effect *object)
{
    struct oh_strbuf bytes;
    oh_strbuf_init(&bytes, OH_SNAPSHOT_OBJECT_SIZE_MAX);
    assert_int_equal(oh_object_encode(object, &bytes), OH_OK);
    enum oh_err err = oh_snapshot_writer_put(ctx, oh_strbuf_bytes(&bytes));
    if (err == OH_E_AGAIN) {
        oh_snapshot_writer_work(ctx);
        err = oh_snapshot_writer_put(ctx, oh_strbuf_bytes(&bytes));
    }
    assert_int_equal(err, OH_OK);
    oh_strbuf_fini(&bytes);
}

/* A new directory with a snapshot of the ledger and an empty journal behind it, as a rebuild makes one. */
static void rebuilt_make(struct durable *d, const char *path)
{
    struct oh_snapshot_options options = {
        .seq = d->last_seq, .at_us = oh_ledger_time_us(d->ledger), .is_manual = true
    };
    struct oh_journal_options empty = journal_options;
    struct oh_directory *directory;
    struct oh_snapshot_writer *writer;
    struct oh_journal *journal;
    empty.first_seq = d->last_seq + 1;
    enum oh_err err =
        oh_directory_open(storage_disk_io(d->disk), path, OH_DIRECTORY_WRITE, &directory, &d->diag);
    assert_int_equal(err, OH_OK);
    assert_int_equal(oh_snapshot_writer_create(directory, &options, &writer, &d->diag), OH_OK);
    oh_ledger_export(d->ledger, object_put, writer);
    oh_snapshot_writer_finish(writer);
    oh_snapshot_writer_work(writer);
    assert_int_equal(oh_snapshot_writer_state(writer, &d->diag), OH_SNAPSHOT_DONE);
    oh_snapshot_writer_destroy(&writer);
    assert_int_equal(oh_journal_open(directory, &empty, &journal, &d->diag), OH_OK);
    oh_journal_close(&journal);
    oh_directory_close(&directory);
}

static void test_recovery_goes_on_from_a_snapshot_when_the_journal_begins_behind_it(void **state)
{
    struct durable *d = *state;
    assert_started(d);
    run(d, 500);
    rebuilt_make(d, "e");
    storage_stop(d);
    d->path = "e";
    assert_started(d);
    assert_int_equal(d->report.snapshot_seq, d->last_seq);
    assert_int_equal(d->report.record_count, 0);
    assert_int_equal(d->report.first_seq, d->last_seq + 1);
    assert_recovered(d);
    uint64_t snapshot_seq = d->last_seq;
    run(d, 100);
    storage_stop(d);
    assert_started(d);
    assert_int_equal(d->report.record_count, d->last_seq - snapshot_seq);
    assert_recovered(d);
}

static void test_recovery_chooses_the_oldest_snapshot_that_the_journal_continues(void **state)
{
    struct durable *d = *state;
    struct oh_recovery_options options = { .snapshot_seq = 7 };
    assert_started(d);
    run(d, 500);
    const uint64_t last = d->last_seq;
    const uint64_t seqs[] = { last + 20, last, last - 1 }; /* the journal of "e" begins with last + 1 */
    assert_int_equal(oh_recovery_choose_oldest(d->directory, seqs, 3, &options, &d->diag), OH_OK);
    assert_true(options.ignores_snapshots && options.snapshot_seq == 0);
    rebuilt_make(d, "e");
    storage_stop(d);
    d->path = "e";
    assert_started(d);
    assert_int_equal(oh_recovery_choose_oldest(d->directory, seqs, 3, &options, &d->diag), OH_OK);
    assert_false(options.ignores_snapshots);
    assert_int_equal(options.snapshot_seq, last);
    assert_int_equal(oh_recovery_choose_oldest(d->directory, seqs + 2, 1, &options, &d->diag), OH_E_CORRUPT);
    assert_non_null(strstr(d->diag.text, "no snapshot holds what came before"));
    assert_int_equal(oh_recovery_choose_oldest(d->directory, NULL, 0, &options, &d->diag), OH_E_CORRUPT);
}

struct begin_look {
    const struct oh_ledger *ledger;
    uint64_t stop_seq;
    uint64_t count;
};

static enum oh_err record_look(void *ctx, const struct oh_record *record)
{
    struct begin_look *look = ctx;
    assert_int_equal(oh_ledger_seq(look->ledger), record->seq - 1);
    look->count++;
    return record->seq == look->stop_seq ? OH_E_STOPPED : OH_OK;
}

static void test_recovery_shows_each_record_before_it_is_replayed_and_ends_when_told_to(void **state)
{
    struct durable *d = *state;
    assert_started(d);
    run(d, 200);
    storage_stop(d);
    assert_started(d);
    for (int ends = 0; ends < 2; ends++) {
        struct oh_ledger *ledger = random_ledger_create();
        struct begin_look look = { ledger, ends ? d->last_seq / 2 : 0, 0 };
        struct oh_recovery_options options = { .record_begin = record_look, .ctx = &look };
        struct oh_recovery_report report;
        enum oh_err err = oh_recovery_run(d->directory, ledger, &options, &report, &d->diag);
        assert_int_equal(err, ends ? OH_E_STOPPED : OH_OK);
        assert_int_equal(look.count, ends ? look.stop_seq : d->last_seq);
        assert_int_equal(oh_ledger_seq(ledger), ends ? look.stop_seq - 1 : d->last_seq);
        oh_ledger_destroy(&ledger);
    }
}

static void test_recovery_brings_back_what_was_durable_when_the_power_fails(void **state)
{
    struct durable *d = *state;
    struct oh_prng prng;
    uint64_t snapshot_count = 0;
    oh_prng_init(&prng, random_seed("test_recovery", 7));
    d->snapshots.journal_bytes_max = 60 << 10;
    for (int round = 0; round < 40; round++) {
        assert_started(d);
        assert_recovered(d);
        snapshot_count += d->report.has_snapshot ? 1 : 0;
        uint64_t patience = 1 + oh_prng_below(&prng, 4);
        for (uint64_t i = oh_prng_below(&prng, 400); i > 0; i--) {
            d->writer_stands_still = oh_prng_below(&prng, 4) == 0;
            (void)turn(d);
            if (oh_prng_below(&prng, patience) == 0)
                journal_work(d);
        }
        uint64_t durable_seq = oh_journal_durable_seq(d->journal);
        storage_disk_crash(d->disk, oh_prng_below(&prng, 3) == 0);
        storage_stop(d);
        assert_started(d);
        assert_true(oh_ledger_seq(d->ledger) >= durable_seq);
        assert_recovered(d);
        storage_stop(d);
    }
    assert_true(snapshot_count >= 3);
}

/* ---- Tests: damage ---------------------------------------------------------------------------- */

static void test_recovery_names_file_and_byte_when_the_journal_is_damaged(void **state)
{
    struct durable *d = *state;
    size_t size;
    assert_started(d);
    run(d, 600);
    storage_stop(d);
    assert_true(storage_disk_files(d->disk, ".ohj") >= 2);
    uint8_t *bytes = storage_disk_bytes(d->disk, FIRST_FILE, &size);
    bytes[20000] ^= 1;
    assert_refused(d, OH_E_CORRUPT, FIRST_FILE);
    bytes[20000] ^= 1;
    assert_started(d);
    assert_recovered(d);
}

static void test_recovery_does_not_take_an_older_snapshot_when_the_newest_is_damaged(void **state)
{
    struct durable *d = *state;
    char path[64];
    size_t size;
    assert_started(d);
    run(d, 200);
    snapshot_take(d);
    run(d, 200);
    snapshot_take(d);
    (void)snprintf(path, sizeof(path), "d/snapshot/%020" PRIu64 ".ohs",
                   oh_snapshotter_stats(d->snapshotter).last_seq);
    storage_stop(d);
    assert_int_equal(storage_disk_files(d->disk, ".ohs"), 2);
    uint8_t *bytes = storage_disk_bytes(d->disk, path, &size);
    assert_non_null(bytes);
    bytes[size / 2] ^= 0x10;
    assert_refused(d, OH_E_CORRUPT, path);
}

/* Found by corruption, seed 24: it was taken for a torn tail, zeroed, and only then refused. */
static void test_recovery_changes_nothing_when_a_snapshot_proves_the_record_that_is_damaged(void **state)
{
    struct durable *d = *state;
    size_t size;
    assert_started(d);
    run(d, 60);
    snapshot_take_quietly(d);
    assert_int_equal(oh_snapshotter_stats(d->snapshotter).last_seq, d->last_seq);
    storage_disk_crash(d->disk, true); /* no proof frame */
    storage_stop(d);
    uint8_t *bytes = storage_disk_bytes(d->disk, FIRST_FILE, &size);
    size_t last = size;
    while (bytes[last - 1] == 0)
        last--;
    bytes[last - 1] ^= 1;
    uint8_t damaged = bytes[last - 1];
    assert_refused(d, OH_E_CORRUPT, "a snapshot proves that it was on disk");
    assert_int_equal(storage_disk_bytes(d->disk, FIRST_FILE, &size)[last - 1], damaged);
}

/* Puts a record that no ledger wrote into the journal. */
static void append_foreign(struct durable *d, struct oh_record record)
{
    struct oh_strbuf bytes;
    oh_strbuf_init(&bytes, 4096);
    assert_int_equal(oh_record_encode(&record, &bytes), OH_OK);
    assert_int_equal(oh_journal_append(d->journal, oh_journal_seq(d->journal) + 1, oh_strbuf_bytes(&bytes)),
                     OH_OK);
    journal_work(d);
    oh_strbuf_fini(&bytes);
}

static void test_recovery_refuses_a_record_when_it_contradicts_the_ledger(void **state)
{
    struct durable *d = *state;
    struct oh_effect step = { .type = OH_EFFECT_STEP, .step = { .id = OH_BYTES("nobody"), .line = 1 } };
    assert_started(d);
    run(d, 100);
    append_foreign(d, (struct oh_record){ d->last_seq + 1, d->commands.now_us, &step, 1 });
    storage_stop(d);
    char part[64];
    (void)snprintf(part, sizeof(part), "record %" PRIu64, d->last_seq + 1);
    assert_refused(d, OH_E_CORRUPT, part);
    assert_refused(d, OH_E_CORRUPT, FIRST_FILE);
}

static void test_recovery_refuses_a_record_when_its_number_is_another(void **state)
{
    struct durable *d = *state;
    struct oh_effect import = { .type = OH_EFFECT_IMPORT, .import = { .import = OH_BYTES("i") } };
    assert_started(d);
    run(d, 100);
    append_foreign(d, (struct oh_record){ d->last_seq + 2, d->commands.now_us, &import, 1 });
    storage_stop(d);
    assert_refused(d, OH_E_CORRUPT, "not dense");
}

static void test_recovery_refuses_bytes_that_are_no_record(void **state)
{
    struct durable *d = *state;
    assert_started(d);
    run(d, 100);
    assert_int_equal(oh_journal_append(d->journal, d->last_seq + 1, OH_BYTES("\x01garbage")), OH_OK);
    journal_work(d);
    storage_stop(d);
    assert_refused(d, OH_E_CORRUPT, FIRST_FILE);
}

/* ---- Tests: snapshotter ----------------------------------------------------------------------- */

static void test_snapshotter_takes_one_when_enough_journal_was_written(void **state)
{
    struct durable *d = *state;
    d->snapshots.journal_bytes_max = 100 << 10;
    assert_started(d);
    run(d, 50);
    assert_int_equal(d->done_count, 0);
    run(d, 1500);
    assert_true(d->done_count >= 2);
    assert_int_equal(storage_disk_files(d->disk, ".ohs"), 2); /* the default of keep_count */
    uint64_t last_seq = oh_snapshotter_stats(d->snapshotter).last_seq;
    assert_true(oh_snapshotter_outcome(d->snapshotter)->seq >= last_seq);
    storage_stop(d);
    /* What was replayed counts, so a server that restarts often takes snapshots too. */
    uint64_t done_count = d->done_count;
    d->snapshots.journal_bytes_before = 1 << 20;
    assert_started(d);
    run(d, 200);
    assert_true(d->done_count > done_count);
}

static void test_snapshotter_does_nothing_when_the_newest_snapshot_is_of_this_record(void **state)
{
    struct durable *d = *state;
    assert_started(d);
    oh_snapshotter_request(d->snapshotter);
    assert_int_equal(oh_snapshotter_tick(d->snapshotter, 10), OH_SNAPSHOTTER_IDLE); /* an empty ledger */
    run(d, 50);
    snapshot_take_quietly(d);
    assert_int_equal(oh_snapshotter_outcome(d->snapshotter)->seq, d->last_seq);
    oh_snapshotter_request(d->snapshotter);
    assert_int_equal(oh_snapshotter_tick(d->snapshotter, 10), OH_SNAPSHOTTER_IDLE);
}

static void test_snapshotter_waits_when_its_record_is_not_on_the_disk(void **state)
{
    struct durable *d = *state;
    assert_started(d);
    run(d, 300);
    uint64_t written_seq = d->last_seq;
    while (d->last_seq == written_seq)
        (void)turn(d); /* until one that changes something */
    oh_snapshotter_request(d->snapshotter);
    for (int i = 0; i < 100; i++)
        (void)turn(d); /* the journal does not work */
    assert_int_equal(d->done_count, 0);
    assert_int_equal(storage_disk_files(d->disk, ".ohs"), 0);
    assert_int_equal(oh_snapshotter_tick(d->snapshotter, 100), OH_SNAPSHOTTER_WAITING);
    run(d, 5);
    assert_int_equal(d->done_count, 1);
    assert_int_equal(storage_disk_files(d->disk, ".ohs"), 1);
}

#define PLACES 20000u /* some 3 MiB as objects, and the writer's queue holds 2 */

static void place_put(struct durable *d, unsigned number, double latitude)
{
    char code[16];
    char place[OH_TEXT_SIZE_MAX];
    struct oh_answer answer;
    (void)snprintf(code, sizeof(code), "%u", number);
    memset(place, 'a', sizeof(place));
    struct oh_command command = { .type = OH_COMMAND_POSTAL_CODE };
    command.postal_code = (struct oh_postal_code_command){
        OH_BYTES("FR"), oh_bytes_of(code), { place, sizeof(place) }, { latitude, 2 }
    };
    assert_int_equal(oh_ledger_apply(d->ledger, d->commands.now_us, &command, &answer), OH_OK);
    assert_int_equal(answer.verdict, OH_OK_DONE);
    record_take(d);
}

/* Asks for a snapshot that nobody writes, and ticks until the writer has no more room. */
static void snapshot_block(struct durable *d)
{
    enum oh_snapshotter_event event = OH_SNAPSHOTTER_IDLE;
    oh_snapshotter_request(d->snapshotter);
    for (int i = 0; i < 100 && event != OH_SNAPSHOTTER_WAITING; i++)
        event = oh_snapshotter_tick(d->snapshotter, 1000);
    assert_int_equal(event, OH_SNAPSHOTTER_WAITING);
}

static void test_snapshotter_gives_up_when_the_writer_stands_still(void **state)
{
    struct durable *d = *state;
    d->snapshots.overflow_size_max = 1 << 20;
    assert_started(d);
    for (unsigned i = 0; i < PLACES; i++) {
        place_put(d, i, 48);
        if (i % 100 == 0)
            journal_work(d);
    }
    /* What waits is passed on when the writer works again, ... */
    snapshot_block(d);
    for (unsigned i = 0; i < 100; i++)
        place_put(d, PLACES - 1 - i, 49);
    size_t waiting = oh_snapshotter_outcome(d->snapshotter)->overflow_size_peak;
    assert_true(waiting > 100 * OH_TEXT_SIZE_MAX);
    run(d, 1000);
    assert_int_equal(d->done_count, 1);
    /* ... and too much of it ends the snapshot, not the ledger. */
    snapshot_block(d);
    for (unsigned i = 0; i < PLACES / 2; i++) {
        place_put(d, PLACES - 1 - i, 50);
        journal_work(d);
    }
    assert_int_equal(oh_snapshotter_tick(d->snapshotter, 1000), OH_SNAPSHOTTER_GIVEN_UP);
    assert_true(oh_snapshotter_outcome(d->snapshotter)->overflow_size_peak <= 1 << 20);
    assert_int_equal(oh_snapshotter_stats(d->snapshotter).given_up_count, 1);
    assert_int_equal(oh_snapshotter_tick(d->snapshotter, 1000), OH_SNAPSHOTTER_IDLE);
    assert_int_equal(storage_disk_files(d->disk, "snapshot/"), 1);
    storage_stop(d);
    assert_started(d);
    assert_recovered(d);
}

static void test_snapshotter_says_why_when_the_disk_refuses(void **state)
{
    struct durable *d = *state;
    enum oh_snapshotter_event event = OH_SNAPSHOTTER_IDLE;
    assert_started(d);
    run(d, 300);
    storage_disk_fail(d->disk, STORAGE_FSYNC, 1, 1, EIO);
    oh_snapshotter_request(d->snapshotter);
    for (int i = 0; i < 1000 && event != OH_SNAPSHOTTER_FAILED; i++) {
        event = turn(d);
        journal_work(d);
    }
    assert_int_equal(event, OH_SNAPSHOTTER_FAILED);
    assert_true(strlen(oh_snapshotter_outcome(d->snapshotter)->reason.text) > 0);
    assert_int_equal(oh_snapshotter_stats(d->snapshotter).failed_count, 1);
    assert_int_equal(storage_disk_files(d->disk, "snapshot/"), 0);
    assert_int_equal(oh_journal_first_seq(d->journal), 1);
    snapshot_take(d); /* asked for again, it works */
    storage_stop(d);
    assert_started(d);
    assert_recovered(d);
}

static void test_snapshotter_lets_the_journal_forget_what_no_kept_snapshot_needs(void **state)
{
    struct durable *d = *state;
    d->snapshots.keep_count = 3;
    assert_started(d);
    uint64_t seqs[6] = { 0 };
    for (int i = 0; i < 6; i++) {
        run(d, 500);
        snapshot_take(d);
        seqs[i] = oh_snapshotter_stats(d->snapshotter).last_seq;
        run(d, 2);
        uint64_t needed_from = i < 2 ? 1 : seqs[i - 2] + 1;
        assert_true(oh_journal_first_seq(d->journal) <= needed_from);
        assert_int_equal(oh_snapshotter_outcome(d->snapshotter)->forgotten_seq, needed_from - 1);
    }
    assert_true(oh_journal_first_seq(d->journal) > 1);
    assert_int_equal(storage_disk_files(d->disk, ".ohs"), 3);
    storage_stop(d);
    assert_started(d);
    assert_recovered(d);
}

static void test_snapshotter_is_given_up_when_the_server_stops(void **state)
{
    struct durable *d = *state;
    assert_started(d);
    run(d, 300);
    oh_snapshotter_request(d->snapshotter);
    assert_int_equal(turn(d), OH_SNAPSHOTTER_BEGUN);
    assert_int_equal(turn(d), OH_SNAPSHOTTER_WORKING);
    journal_work(d);
    storage_stop(d);
    assert_int_equal(storage_disk_files(d->disk, "snapshot/"), 0);
    assert_started(d);
    assert_recovered(d);
}

#define RECOVERY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECOVERY_TEST(test_recovery_starts_empty_when_the_directory_is_new),
        RECOVERY_TEST(test_recovery_replays_the_journal_when_there_is_no_snapshot),
        RECOVERY_TEST(test_recovery_restores_the_newest_snapshot_and_replays_what_came_after),
        RECOVERY_TEST(test_recovery_restores_a_snapshot_when_no_record_came_after),
        RECOVERY_TEST(test_recovery_goes_on_from_a_snapshot_when_the_journal_begins_behind_it),
        RECOVERY_TEST(test_recovery_chooses_the_oldest_snapshot_that_the_journal_continues),
        RECOVERY_TEST(test_recovery_shows_each_record_before_it_is_replayed_and_ends_when_told_to),
        RECOVERY_TEST(test_recovery_brings_back_what_was_durable_when_the_power_fails),
        RECOVERY_TEST(test_recovery_names_file_and_byte_when_the_journal_is_damaged),
        RECOVERY_TEST(test_recovery_does_not_take_an_older_snapshot_when_the_newest_is_damaged),
        RECOVERY_TEST(test_recovery_changes_nothing_when_a_snapshot_proves_the_record_that_is_damaged),
        RECOVERY_TEST(test_recovery_refuses_a_record_when_it_contradicts_the_ledger),
        RECOVERY_TEST(test_recovery_refuses_a_record_when_its_number_is_another),
        RECOVERY_TEST(test_recovery_refuses_bytes_that_are_no_record),
        RECOVERY_TEST(test_snapshotter_takes_one_when_enough_journal_was_written),
        RECOVERY_TEST(test_snapshotter_does_nothing_when_the_newest_snapshot_is_of_this_record),
        RECOVERY_TEST(test_snapshotter_waits_when_its_record_is_not_on_the_disk),
        RECOVERY_TEST(test_snapshotter_gives_up_when_the_writer_stands_still),
        RECOVERY_TEST(test_snapshotter_says_why_when_the_disk_refuses),
        RECOVERY_TEST(test_snapshotter_lets_the_journal_forget_what_no_kept_snapshot_needs),
        RECOVERY_TEST(test_snapshotter_is_given_up_when_the_server_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
