#include "sim/crash_check.h"
#include "base/assert.h"
#include "codec/record.h"
#include "storage/snapshot.h"
#include <inttypes.h>
#include <stdio.h>

#define COMMANDS_AFTER    8
#define RECORD_SIZE_MAX   3000u
#define NEW_RECORDS_COUNT 3

/* One image on one disk, opened several times. */
struct patient {
    struct crash_checker *checker;
    struct storage_disk *disk;
    struct stored stored;
};

static bool complain(struct patient *patient, const char *when, const char *what)
{
    fprintf(stderr, "%s: %s\n", when, what);
    stored_close(&patient->stored);
    return false;
}

static bool open_or_complain(struct patient *patient, const char *when)
{
    enum oh_err err =
        stored_open(&patient->stored, storage_disk_io(patient->disk), &patient->checker->journal_options);
    return err == OH_OK || complain(patient, when, patient->stored.diag.text);
}

/* The process is killed; with `loses_power` whatever is not synced may be lost, by chance. */
static void die(struct patient *patient, bool loses_power)
{
    storage_disk_set_gone(patient->disk, true);
    stored_close(&patient->stored);
    storage_disk_set_gone(patient->disk, false);
    storage_disk_crash(patient->disk, !loses_power);
}

static bool has_state(struct patient *patient, const char *when, uint64_t seq)
{
    struct ledger_state state;
    const struct ledger_state *expected = ledger_states_get(patient->checker->states, seq);
    char text[64];
    (void)snprintf(text, sizeof(text), "another ledger than it was at record %" PRIu64, seq);
    ledger_state_of(patient->stored.ledger, &state);
    if (expected != NULL && ledger_states_are_equal(&state, expected))
        return true;
    if (expected != NULL)
        ledger_states_explain(patient->checker->states, seq, patient->stored.ledger, stderr);
    return complain(patient, when, text);
}

static bool is_within(struct patient *patient, const char *when, uint64_t floor_seq, uint64_t ceiling_seq)
{
    char text[128];
    uint64_t seq = oh_ledger_seq(patient->stored.ledger);
    (void)snprintf(text, sizeof(text),
                   "recovered %" PRIu64 " records; promised were %" PRIu64 ", issued %" PRIu64, seq,
                   floor_seq, ceiling_seq);
    return (seq >= floor_seq && seq <= ceiling_seq) || complain(patient, when, text);
}

static void count(struct patient *patient)
{
    struct crash_checker *checker = patient->checker;
    const struct stored *stored = &patient->stored;
    checker->torn_count += oh_journal_torn_text(stored->journal) != NULL ? 1 : 0;
    checker->snapshot_count += stored->report.has_snapshot ? 1 : 0;
    checker->new_count += oh_directory_is_new(stored->directory) ? 1 : 0;
}

/* ---- Without the newest snapshot -------------------------------------------------------------- */

/*
 * A journal that begins with record 1 is enough; else there are two snapshots, and it continues the older one, so
 * that a person can do without the newest.
 */
static bool second_way(struct patient *patient, struct oh_recovery_options *options)
{
    uint64_t first_seq = patient->stored.report.first_seq;
    uint64_t seqs[2] = { 0, 0 };
    size_t count = 0;
    *options = (struct oh_recovery_options){ .ignores_snapshots = first_seq == 1 };
    enum oh_err err = oh_snapshot_list(patient->stored.directory, seqs, 2, &count, NULL);
    OH_ASSERT(err == OH_OK);
    if (first_seq == 1)
        return true;
    options->snapshot_seq = seqs[1];
    return (count == 2 && seqs[1] + 1 >= first_seq) ||
           complain(patient, "snapshots", "only the newest one can be started from");
}

static bool reads_the_same(struct patient *patient, uint64_t seq)
{
    struct stored twin;
    struct ledger_state state;
    struct oh_recovery_options options;
    if (!second_way(patient, &options))
        return false;
    enum oh_err err = stored_read(&twin, storage_disk_io(patient->disk), &options);
    bool is_same = err == OH_OK;
    if (is_same) {
        ledger_state_of(twin.ledger, &state);
        is_same = oh_ledger_seq(twin.ledger) == seq &&
                  ledger_states_are_equal(&state, ledger_states_get(patient->checker->states, seq));
        oh_diag_set(&twin.diag, "it leads to another ledger");
    }
    stored_close(&twin);
    return is_same || complain(patient, "without the newest snapshot", twin.diag.text);
}

/* ---- Going on --------------------------------------------------------------------------------- */

static void record_append(struct patient *patient, struct oh_strbuf *bytes)
{
    struct oh_record record;
    if (!oh_ledger_take_record(patient->stored.ledger, &record))
        return;
    oh_strbuf_clear(bytes);
    enum oh_err err = oh_record_encode(&record, bytes);
    OH_ASSERT(err == OH_OK);
    err = oh_journal_append(patient->stored.journal, record.seq, oh_strbuf_bytes(bytes));
    OH_ASSERT(err == OH_OK);
    oh_journal_submit(patient->stored.journal);
    for (int i = 0; i < 2; i++) /* twice: it may need a new file */
        oh_journal_work(patient->stored.journal, OH_JOURNAL_WORK_WRITE | OH_JOURNAL_WORK_PREPARE);
}

/* Some commands to the recovered ledger; true when their records are promised. */
static bool live_on(struct patient *patient, uint64_t seed)
{
    static struct random_commands commands;
    struct oh_strbuf bytes;
    uint64_t until_seq = oh_ledger_seq(patient->stored.ledger) + NEW_RECORDS_COUNT;
    random_commands_init(&commands, seed, 4, 3);
    commands.now_us = oh_ledger_time_us(patient->stored.ledger);
    oh_strbuf_init(&bytes, RECORD_SIZE_MAX);
    for (int i = 0; i < COMMANDS_AFTER && oh_ledger_seq(patient->stored.ledger) < until_seq; i++) {
        struct oh_command command;
        struct oh_answer answer;
        random_commands_next(&commands, &command);
        enum oh_err err = oh_ledger_apply(patient->stored.ledger, commands.now_us, &command, &answer);
        OH_ASSERT(err == OH_OK);
        record_append(patient, &bytes);
    }
    oh_strbuf_fini(&bytes);
    return oh_journal_durable_seq(patient->stored.journal) == oh_ledger_seq(patient->stored.ledger);
}

static bool goes_on(struct patient *patient, uint64_t seed)
{
    struct ledger_state states[2];
    bool is_disk = patient->checker->journal_options.durability == OH_DURABILITY_DISK;
    if (!live_on(patient, seed))
        return complain(patient, "new records", "are not acknowledged");
    uint64_t seq = oh_ledger_seq(patient->stored.ledger);
    ledger_state_of(patient->stored.ledger, &states[0]);
    die(patient, is_disk);
    if (!open_or_complain(patient, "after new records"))
        return false;
    if (!is_within(patient, "after new records", seq, seq))
        return false;
    ledger_state_of(patient->stored.ledger, &states[1]);
    return ledger_states_are_equal(&states[0], &states[1]) ||
           complain(patient, "after new records", "another ledger");
}

/* ---- All of it -------------------------------------------------------------------------------- */

static bool patient_check(struct patient *patient, uint64_t seed, uint64_t floor_seq, uint64_t ceiling_seq,
                          uint64_t *out_seq)
{
    if (!open_or_complain(patient, "first start"))
        return false;
    count(patient);
    uint64_t seq = oh_ledger_seq(patient->stored.ledger);
    *out_seq = seq;
    if (!is_within(patient, "first start", floor_seq, ceiling_seq) || !has_state(patient, "first start", seq))
        return false;
    die(patient, true);
    if (!open_or_complain(patient, "second start") || !is_within(patient, "second start", seq, seq) ||
        !has_state(patient, "second start", seq))
        return false;
    return reads_the_same(patient, seq) && goes_on(patient, seed);
}

bool crash_check(struct crash_checker *checker, const struct storage_image *image, uint64_t floor_seq,
                 uint64_t ceiling_seq, uint64_t *out_seq)
{
    uint64_t seed = storage_image_hash(image);
    struct patient patient = { .checker = checker, .disk = storage_disk_create(seed) };
    storage_image_put(image, patient.disk);
    bool is_right = patient_check(&patient, seed, floor_seq, ceiling_seq, out_seq);
    if (is_right)
        die(&patient, false);
    storage_disk_destroy(patient.disk);
    return is_right;
}

/* ---- Recovery as a trace ---------------------------------------------------------------------- */

static void recovery_promise(void *ctx, struct crash_promise *out_promise)
{
    *out_promise = *(const struct crash_promise *)ctx;
}

void crash_trace_recovery(const struct crash_checker *checker, const struct storage_image *image,
                          uint64_t seq, struct crash_trace *out_trace)
{
    struct stored stored;
    struct crash_promise promise = { seq, seq, seq };
    struct storage_disk *disk = storage_disk_create(1);
    storage_image_put(image, disk);
    crash_trace_begin(out_trace, disk, NULL, recovery_promise, &promise);
    enum oh_err err = stored_open(&stored, storage_disk_io(disk), &checker->journal_options);
    OH_ASSERT(err == OH_OK); /* it was opened before */
    crash_trace_end(out_trace, disk);
    storage_disk_set_gone(disk, true);
    stored_close(&stored);
    storage_disk_destroy(disk);
}
