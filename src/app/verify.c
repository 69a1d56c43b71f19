/*
 * verify.c - proves from the files alone that a data directory is whole and
 * that its counters are the sum of what was written down (rule 2).
 *
 *   1. Every object of every snapshot is read; each snapshot gets a digest.
 *   2. The journal is replayed from as far back as it reaches: from record 1,
 *      or from the oldest snapshot it continues. Every frame, every number and
 *      every effect is checked on the way. At the record of each snapshot the
 *      replayed ledger must have the snapshot's digest.
 *   3. The ledger's counters are re-derived by the ledger, and the plain sum
 *      of the records (verify_fold.h) is compared with its positions.
 *   4. A start as the server does it, from the newest snapshot, must lead to
 *      the same ledger.
 *
 * Nothing is locked and nothing is written: it may run beside a server, and
 * then proves what was complete when it came by, also of files that the server
 * removes meanwhile (storage/view.h).
 */
#include "app/arguments.h"
#include "app/commands.h"
#include "app/memory.h"
#include "app/verify_fold.h"
#include "app/verify_report.h"
#include "base/assert.h"
#include "codec/decimal.h"
#include "codec/record.h"
#include "storage/directory.h"
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define REPORT_SIZE_MAX       ((size_t)4 << 20)
#define DIFFERENCES_NAMED_MAX 10u
/* A snapshot leaves out what reached its day while it was being taken: nobody waits that long for one. */
#define SNAPSHOT_DURATION_US_MAX (OH_KEY_RETENTION_US / 2)

#define POSITIONS_PER_STEP 65536u

static const char verify_help[] =
    "Usage: onhand verify DIR [--json]\n"
    "\n"
    "Reads the data directory DIR, replays it and proves that it is whole and that every counter is the sum "
    "of\n"
    "its movements and claims. Changes nothing, needs no lock, and may run beside a server.\n"
    "\n"
    "  --json   one JSON object instead of lines\n"
    "  --help   this text\n"
    "\n"
    "Exit code: 0 all is well, 1 something is wrong (it says what and where), 2 wrong arguments.\n";

struct verify {
    bool is_json;
    struct oh_directory *directory;
    struct oh_ledger *ledger;
    struct oh_fold fold;
    size_t next_snapshot; /* the newest one not yet compared; they are met oldest first */
    struct oh_verify_report report;
    struct oh_diag diag;
};

/* ---- A ledger of our own ---------------------------------------------------------------------- */

/* With room for whatever the largest server can have written. */
static enum oh_err ledger_create(struct verify *verify)
{
    struct oh_ledger_options options = { .keys_max = 67108864u };
    struct oh_allocator allocator = oh_memory_allocator();
    enum oh_err err = oh_ledger_create(&options, &allocator, &verify->ledger);
    if (err != OH_OK)
        oh_diag_set(&verify->diag, "a ledger to replay into: %s", oh_err_text(err));
    return err;
}

/* ---- Digests ---------------------------------------------------------------------------------- */

/*
 * What two ledgers of the same record may differ in is left out: how many
 * movements they remember is a setting, and ended reservations and keys are
 * forgotten at some moment after a day, by a clock that a replay does not have.
 */
static void digest_begin(struct oh_record_digest *digest, int64_t time_us)
{
    oh_record_digest_init(digest);
    digest->leaves_out_history = true;
    digest->ended_after_us = time_us + SNAPSHOT_DURATION_US_MAX - OH_KEY_RETENTION_US;
    digest->keys_after_us = digest->ended_after_us;
}

static void ledger_digest(struct verify *verify, int64_t time_us, struct oh_record_digest *out_digest)
{
    digest_begin(out_digest, time_us);
    oh_record_digest_ledger(out_digest, verify->ledger);
}

/* ---- Step 1: snapshots ------------------------------------------------------------------------ */

static void object_refuse(struct verify *verify, const struct oh_verify_snapshot *snapshot, enum oh_err err)
{
    oh_diag_set(&verify->diag, "snapshot %" PRIu64 ": object %" PRIu64 ": %s", snapshot->seq,
                snapshot->object_count + 1, oh_err_text(err));
}

/* Reads all objects; the sink gets each. */
static enum oh_err objects_read(struct verify *verify, struct oh_verify_snapshot *snapshot,
                                struct oh_snapshot_reader *reader, oh_snapshot_sink *sink, void *sink_ctx)
{
    struct oh_record_decoder decoder;
    enum oh_err err = OH_OK;
    oh_record_decoder_init(&decoder, 0);
    snapshot->object_count = 0;
    while (err == OH_OK) { /* bounded by the file */
        struct oh_bytes bytes;
        struct oh_effect object;
        err = oh_snapshot_reader_next(reader, &bytes, &verify->diag);
        if (err != OH_OK)
            break;
        err = oh_object_decode(bytes, &decoder, &object);
        if (err != OH_OK)
            object_refuse(verify, snapshot, err);
        else
            sink(sink_ctx, &object);
        snapshot->object_count++;
    }
    oh_record_decoder_fini(&decoder);
    return err == OH_E_AGAIN ? OH_OK : err;
}

static enum oh_err snapshot_read(struct verify *verify, struct oh_verify_snapshot *snapshot)
{
    struct oh_snapshot_reader *reader;
    struct oh_snapshot_info info;
    enum oh_err err =
        oh_snapshot_reader_open(verify->directory, snapshot->seq, &reader, &info, &verify->diag);
    if (err != OH_OK)
        return err;
    snapshot->at_us = info.at_us;
    digest_begin(&snapshot->digest, info.at_us);
    err = objects_read(verify, snapshot, reader, oh_record_digest_add, &snapshot->digest);
    oh_record_digest_fini(&snapshot->digest);
    oh_snapshot_reader_close(&reader);
    return err;
}

static enum oh_err snapshots_read(struct verify *verify)
{
    struct oh_verify_report *report = &verify->report;
    uint64_t seqs[OH_SNAPSHOTS_MAX];
    size_t count = 0;
    enum oh_err err = oh_snapshot_list(verify->directory, seqs, OH_SNAPSHOTS_MAX, &count, &verify->diag);
    for (size_t i = 0; err == OH_OK && i < count; i++) {
        report->snapshots[i].seq = seqs[i];
        err = snapshot_read(verify, &report->snapshots[i]);
    }
    report->snapshot_count = err == OH_OK ? count : 0;
    return err;
}

/* ---- Step 2: the longest replay --------------------------------------------------------------- */

static void object_fold(void *ctx, const struct oh_effect *object)
{
    struct verify *verify = ctx;
    oh_fold_add(&verify->fold, object);
}

static void object_unfold(void *ctx, const struct oh_effect *object)
{
    oh_fold_remove(ctx, object);
}

static struct oh_bytes item_name(const struct verify *verify, uint32_t item)
{
    if (item >= oh_item_count(verify->ledger))
        return OH_BYTES("(unknown)");
    return oh_item_sku(verify->ledger, (struct oh_item_id){ item });
}

static struct oh_bytes node_name(const struct verify *verify, uint16_t node)
{
    if (node >= oh_node_count(verify->ledger))
        return OH_BYTES("(unknown)");
    return oh_node_name(verify->ledger, (struct oh_node_id){ node });
}

static void difference_find(struct verify *verify, const char *between,
                            const struct oh_fold_difference *found)
{
    struct oh_bytes sku = item_name(verify, found->item);
    struct oh_bytes node = node_name(verify, found->node);
    struct oh_strbuf rest;
    oh_strbuf_init(&rest, OH_MILLI_TEXT_SIZE_MAX);
    oh_milli_put(&rest, found->rest_milli);
    oh_verify_find(&verify->report, "sku %.*s at node %.*s: %s differs by %.*s %s", (int)sku.size, sku.data,
                   (int)node.size, node.data, oh_fold_column_text(found->column), (int)rest.size,
                   rest.data == NULL ? "" : rest.data, between);
    oh_strbuf_fini(&rest);
}

/* Says where a fold that should be empty is not; returns how many differences there are. */
static size_t differences_find(struct verify *verify, const struct oh_fold *fold, const char *between)
{
    struct oh_fold_difference found[DIFFERENCES_NAMED_MAX];
    size_t count = oh_fold_differences(fold, found, DIFFERENCES_NAMED_MAX);
    for (size_t i = 0; i < count && i < DIFFERENCES_NAMED_MAX; i++)
        difference_find(verify, between, &found[i]);
    if (count > DIFFERENCES_NAMED_MAX)
        oh_verify_find(&verify->report, "%zu differences in all %s", count, between);
    if (fold->is_failed)
        oh_verify_find(&verify->report, "out of memory: the positions could not be compared");
    return count;
}

static void object_fold_only(void *ctx, const struct oh_effect *object)
{
    oh_fold_add(ctx, object);
}

/* The digests differ: finds out which positions do, by reading the snapshot once more. */
static void snapshot_explain(struct verify *verify, const struct oh_verify_snapshot *snapshot)
{
    struct oh_snapshot_reader *reader;
    struct oh_snapshot_info info;
    struct oh_verify_snapshot again = *snapshot;
    struct oh_fold fold;
    oh_verify_find(&verify->report, "snapshot %" PRIu64 " is not what the journal leads to", snapshot->seq);
    if (oh_snapshot_reader_open(verify->directory, snapshot->seq, &reader, &info, &verify->diag) != OH_OK)
        return;
    oh_fold_init(&fold);
    if (objects_read(verify, &again, reader, object_fold_only, &fold) == OH_OK) {
        oh_ledger_export(verify->ledger, object_unfold, &fold);
        (void)differences_find(verify, &fold, "between the snapshot and the replay");
    }
    oh_fold_fini(&fold);
    oh_snapshot_reader_close(&reader);
}

static void snapshot_compare(struct verify *verify, struct oh_verify_snapshot *snapshot)
{
    struct oh_record_digest digest;
    ledger_digest(verify, snapshot->at_us, &digest);
    snapshot->is_compared = true;
    snapshot->is_equal = oh_record_digest_equal(&digest, &snapshot->digest);
    oh_record_digest_fini(&digest);
    if (!snapshot->is_equal)
        snapshot_explain(verify, snapshot);
}

static void record_fold(void *ctx, const struct oh_record *record)
{
    struct verify *verify = ctx;
    for (uint32_t i = 0; i < record->effect_count; i++)
        oh_fold_add(&verify->fold, &record->effects[i]);
    if (verify->next_snapshot == 0 || verify->report.snapshots[verify->next_snapshot - 1].seq != record->seq)
        return;
    verify->next_snapshot--;
    snapshot_compare(verify, &verify->report.snapshots[verify->next_snapshot]);
}

/* The snapshots that the replay will meet are compared: all, or those after the one that it starts from. */
static enum oh_err base_choose(struct verify *verify, struct oh_recovery_options *options)
{
    struct oh_verify_report *report = &verify->report;
    uint64_t seqs[OH_SNAPSHOTS_MAX];
    for (size_t i = 0; i < report->snapshot_count; i++)
        seqs[i] = report->snapshots[i].seq;
    enum oh_err err =
        oh_recovery_choose_oldest(verify->directory, seqs, report->snapshot_count, options, &verify->diag);
    verify->next_snapshot = report->snapshot_count;
    while (options->snapshot_seq > 0 && verify->next_snapshot > 0 &&
           report->snapshots[verify->next_snapshot - 1].seq <= options->snapshot_seq)
        verify->next_snapshot--;
    return err;
}

/* ---- Step 3: the sums ------------------------------------------------------------------------- */

static void positions_verify(struct verify *verify)
{
    struct oh_ledger_stats stats;
    struct oh_verifier verifier = { .position = 0 };
    uint64_t differences = 0;
    oh_ledger_stats_get(verify->ledger, &stats);
    for (uint64_t seen = 0; seen < stats.positions; seen += POSITIONS_PER_STEP) {
        uint64_t rest = stats.positions - seen;
        differences += oh_ledger_verify(verify->ledger, &verifier,
                                        rest < POSITIONS_PER_STEP ? (uint32_t)rest : POSITIONS_PER_STEP);
    }
    verify->report.is_ledger_checked = true;
    verify->report.position_count = stats.positions;
    verify->report.claim_count = stats.claims;
    verify->report.reservation_count = stats.reservations;
    if (differences > 0)
        oh_verify_find(&verify->report, "%" PRIu64 " positions differ from their claims and movements",
                       differences);
    oh_ledger_export(verify->ledger, object_unfold, &verify->fold);
    (void)differences_find(verify, &verify->fold, "between the sum of the records and the ledger");
}

/* ---- Step 4: the start of a server ------------------------------------------------------------ */

static enum oh_err restart_compare(struct verify *verify, const struct oh_recovery_options *longest)
{
    const struct oh_verify_snapshot *newest = &verify->report.snapshots[0];
    if (verify->report.snapshot_count == 0 || longest->snapshot_seq == newest->seq)
        return OH_OK;
    int64_t time_us = oh_ledger_time_us(verify->ledger);
    time_us = newest->at_us > time_us ? newest->at_us : time_us;
    struct oh_record_digest expected;
    struct oh_record_digest digest;
    struct oh_recovery_report report;
    struct oh_recovery_options options = { .snapshot_seq = newest->seq,
                                           .last_seq = verify->report.replay.last_seq };
    ledger_digest(verify, time_us, &expected);
    oh_ledger_destroy(&verify->ledger);
    enum oh_err err = ledger_create(verify);
    if (err == OH_OK)
        err = oh_recovery_run(verify->directory, verify->ledger, &options, &report, &verify->diag);
    if (err == OH_OK) {
        ledger_digest(verify, time_us, &digest);
        verify->report.is_restart_compared = oh_record_digest_equal(&expected, &digest);
        if (!verify->report.is_restart_compared)
            oh_verify_find(&verify->report,
                           "a start from snapshot %" PRIu64
                           " does not lead to the ledger of the whole journal",
                           newest->seq);
        oh_record_digest_fini(&digest);
    }
    oh_record_digest_fini(&expected);
    return err;
}

/* ---- Command ---------------------------------------------------------------------------------- */

static enum oh_err ledger_verify(struct verify *verify)
{
    struct oh_recovery_options options = { .object_done = object_fold,
                                           .record_done = record_fold,
                                           .ctx = verify };
    enum oh_err err = base_choose(verify, &options);
    if (err == OH_OK)
        err = ledger_create(verify);
    if (err != OH_OK)
        return err;
    err = oh_recovery_run(verify->directory, verify->ledger, &options, &verify->report.replay, &verify->diag);
    if (err == OH_OK) {
        positions_verify(verify);
        err = restart_compare(verify, &options);
    }
    oh_ledger_destroy(&verify->ledger);
    return err;
}

static void directory_verify(struct verify *verify)
{
    enum oh_err err = oh_directory_open(oh_io_posix(), verify->report.path, OH_DIRECTORY_READ,
                                        &verify->directory, &verify->diag);
    if (err == OH_OK)
        err = snapshots_read(verify);
    if (err == OH_OK)
        err = ledger_verify(verify);
    if (err != OH_OK)
        oh_verify_find(&verify->report, "%s",
                       verify->diag.text[0] != '\0' ? verify->diag.text : oh_err_text(err));
    oh_directory_close(&verify->directory);
}

static int report_write(const struct verify *verify)
{
    struct oh_strbuf text;
    oh_strbuf_init(&text, REPORT_SIZE_MAX);
    if (verify->is_json)
        oh_verify_report_put_json(&text, &verify->report);
    else
        oh_verify_report_put_text(&text, &verify->report);
    bool is_written = !text.is_overflowed && fwrite(text.data, 1, text.size, stdout) == text.size;
    is_written = fflush(stdout) == 0 && is_written;
    if (!is_written)
        fprintf(stderr, "onhand verify: the report cannot be written: %s\n",
                oh_err_text(text.is_overflowed ? OH_E_NOMEM : OH_E_IO));
    oh_strbuf_fini(&text);
    return is_written && verify->report.finding_count == 0 ? OH_EXIT_OK : OH_EXIT_FAILED;
}

static int arguments_read(int argc, char **argv, bool *out_is_json, const char **out_path)
{
    static const struct option options[] = {
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(verify_help, stdout);
            return OH_EXIT_OK;
        }
        if (option != 'j')
            return oh_argument_error("verify", "the arguments are wrong");
        *out_is_json = true;
    }
    if (optind + 1 != argc)
        return oh_argument_error("verify", "give one data directory");
    *out_path = argv[optind];
    return -1;
}

int oh_command_verify(int argc, char **argv)
{
    bool is_json = false;
    const char *path = NULL;
    int code = arguments_read(argc, argv, &is_json, &path);
    if (code >= 0)
        return code;
    struct verify *verify = calloc(1, sizeof(*verify));
    if (verify == NULL) {
        fprintf(stderr, "onhand verify: %s\n", oh_err_text(OH_E_NOMEM));
        return OH_EXIT_FAILED;
    }
    verify->is_json = is_json;
    verify->report.path = path;
    oh_fold_init(&verify->fold);
    directory_verify(verify);
    code = report_write(verify);
    oh_fold_fini(&verify->fold);
    free(verify);
    return code;
}
