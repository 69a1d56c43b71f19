#include "storage/recovery.h"
#include "codec/record.h"
#include "storage/file_name.h"
#include "storage/snapshot.h"
#include <inttypes.h>

struct recovery {
    const struct oh_directory *directory;
    const struct oh_recovery_options *options;
    struct oh_ledger *ledger;
    struct oh_recovery_report *report;
    struct oh_diag *diag;
    struct oh_record_decoder decoder;
};

static int64_t recovery_clock_us(const struct recovery *recovery)
{
    const struct oh_io *io = oh_directory_io(recovery->directory);
    return io->monotonic_us(io->ctx);
}

/* ---- Snapshot --------------------------------------------------------------------------------- */

/* Says which object of which snapshot was refused, and why. */
static enum oh_err object_refuse(struct recovery *recovery, enum oh_err err, const char *reason)
{
    char path[OH_IO_PATH_SIZE] = "snapshot";
    if (oh_file_path(path, oh_directory_snapshot_path(recovery->directory), recovery->report->snapshot_seq,
                     OH_FILE_SUFFIX_SNAPSHOT, NULL) != OH_OK)
        path[0] = '\0';
    oh_diag_set(recovery->diag, "%s: object %" PRIu64 ": %s", path, recovery->report->object_count + 1,
                reason);
    return err;
}

static enum oh_err object_restore(struct recovery *recovery, struct oh_bytes bytes)
{
    struct oh_effect object;
    struct oh_diag reason = { "" };
    enum oh_err err = oh_object_decode(bytes, &recovery->decoder, &object);
    if (err != OH_OK)
        return object_refuse(recovery, err, oh_err_text(err));
    if (recovery->options->object_done != NULL)
        recovery->options->object_done(recovery->options->ctx, &object);
    err = oh_ledger_restore(recovery->ledger, &object, &reason);
    if (err != OH_OK)
        return object_refuse(recovery, err, reason.text);
    recovery->report->object_count++;
    recovery->report->object_bytes += bytes.size;
    return OH_OK;
}

static enum oh_err objects_restore(struct recovery *recovery, struct oh_snapshot_reader *reader)
{
    enum oh_err err = OH_OK;
    while (err == OH_OK) { /* bounded by the file */
        struct oh_bytes bytes;
        err = oh_snapshot_reader_next(reader, &bytes, recovery->diag);
        if (err == OH_OK)
            err = object_restore(recovery, bytes);
    }
    if (err != OH_E_AGAIN)
        return err;
    if (oh_ledger_seq(recovery->ledger) != recovery->report->snapshot_seq)
        return object_refuse(recovery, OH_E_CORRUPT, "the snapshot does not say that it is of this record");
    /* Lets the ledger put its objects in order now, and not when the first question has come. */
    (void)oh_ledger_advance(recovery->ledger, oh_ledger_time_us(recovery->ledger), 0);
    return OH_OK;
}

static enum oh_err snapshot_restore(struct recovery *recovery)
{
    struct oh_snapshot_reader *reader;
    struct oh_snapshot_info info;
    int64_t started_us = recovery_clock_us(recovery);
    enum oh_err err = oh_snapshot_reader_open(recovery->directory, recovery->options->snapshot_seq, &reader,
                                              &info, recovery->diag);
    if (err == OH_E_NOT_FOUND && recovery->options->snapshot_seq == 0)
        return OH_OK;
    if (err != OH_OK)
        return err;
    recovery->report->has_snapshot = true;
    recovery->report->snapshot_seq = info.seq;
    recovery->report->snapshot_at_us = info.at_us;
    err = objects_restore(recovery, reader);
    oh_snapshot_reader_close(&reader);
    recovery->report->snapshot_us = recovery_clock_us(recovery) - started_us;
    return err;
}

/* ---- Journal ---------------------------------------------------------------------------------- */

static enum oh_err record_refuse(struct recovery *recovery, const struct oh_journal_reader *reader,
                                 uint64_t seq, enum oh_err err, const char *reason)
{
    struct oh_journal_position position = oh_journal_reader_position(reader);
    oh_diag_set(recovery->diag, "%s: byte %" PRIu64 ": record %" PRIu64 ": %s", position.path,
                position.record_offset, seq, reason);
    return err;
}

static enum oh_err record_replay(struct recovery *recovery, const struct oh_journal_reader *reader,
                                 uint64_t seq, struct oh_bytes bytes)
{
    struct oh_record record;
    struct oh_diag reason = { "" };
    enum oh_err err = oh_record_decode(bytes, &recovery->decoder, &record);
    if (err != OH_OK)
        return record_refuse(recovery, reader, seq, err, oh_err_text(err));
    if (record.seq != seq || seq != recovery->report->last_seq + 1)
        return record_refuse(recovery, reader, seq, OH_E_CORRUPT, "the numbers of the records are not dense");
    if (recovery->options->record_begin != NULL)
        err = recovery->options->record_begin(recovery->options->ctx, &record);
    if (err != OH_OK)
        return err;
    err = oh_ledger_replay(recovery->ledger, &record, &reason);
    if (err != OH_OK)
        return record_refuse(recovery, reader, seq, err, reason.text);
    recovery->report->last_seq = seq;
    recovery->report->record_count++;
    recovery->report->effect_count += record.effect_count;
    recovery->report->record_bytes += bytes.size;
    if (recovery->options->record_done != NULL)
        recovery->options->record_done(recovery->options->ctx, &record);
    return OH_OK;
}

/* The end of the journal is fine where it is, unless someone knows that there is more. */
static enum oh_err end_check(struct recovery *recovery, const struct oh_journal_reader *reader)
{
    recovery->report->torn_bytes = oh_journal_reader_torn_bytes(reader);
    if (recovery->report->last_seq >= recovery->options->last_seq)
        return OH_OK;
    return record_refuse(recovery, reader, recovery->report->last_seq + 1, OH_E_CORRUPT,
                         "the record is missing");
}

static enum oh_err records_replay(struct recovery *recovery, struct oh_journal_reader *reader)
{
    enum oh_err err = OH_OK;
    while (err == OH_OK) { /* bounded by the journal */
        uint64_t seq;
        struct oh_bytes bytes;
        err = oh_journal_reader_next(reader, &seq, &bytes, recovery->diag);
        if (err == OH_OK)
            err = record_replay(recovery, reader, seq, bytes);
    }
    return err == OH_E_AGAIN ? end_check(recovery, reader) : err;
}

/*
 * The journal must hold the snapshot's own record too: a journal that ends
 * before it has lost acknowledged records, and new ones would get their
 * numbers. The record is read and dropped.
 */
static enum oh_err snapshot_record_find(struct recovery *recovery, struct oh_journal_reader *reader)
{
    uint64_t seq;
    struct oh_bytes bytes;
    enum oh_err err = oh_journal_reader_next(reader, &seq, &bytes, recovery->diag);
    if (err == OH_E_AGAIN)
        return record_refuse(recovery, reader, recovery->report->snapshot_seq, OH_E_CORRUPT,
                             "the journal ends before the record of the snapshot");
    return err;
}

static enum oh_err reader_open(struct recovery *recovery, struct oh_journal_reader **out_reader)
{
    uint64_t snapshot_seq = recovery->report->snapshot_seq;
    enum oh_err err = OH_E_NOT_FOUND;
    if (snapshot_seq > 0)
        err = oh_journal_reader_open(recovery->directory, snapshot_seq, out_reader, recovery->diag);
    if (err == OH_OK) {
        err = snapshot_record_find(recovery, *out_reader);
        if (err != OH_OK)
            oh_journal_reader_close(out_reader);
        return err;
    }
    /* A file that begins right after the snapshot: everything up to it may be forgotten. */
    if (err == OH_E_NOT_FOUND)
        err = oh_journal_reader_open(recovery->directory, snapshot_seq + 1, out_reader, recovery->diag);
    return err == OH_E_NOT_FOUND && snapshot_seq > 0 ? OH_E_CORRUPT : err;
}

static enum oh_err journal_replay(struct recovery *recovery)
{
    struct oh_journal_reader *reader;
    int64_t started_us = recovery_clock_us(recovery);
    enum oh_err err = reader_open(recovery, &reader);
    if (err != OH_OK)
        return err;
    recovery->report->first_seq = oh_journal_reader_first_seq(reader);
    if (recovery->options->last_seq != 0)
        oh_journal_reader_set_limit(reader, recovery->options->last_seq);
    err = records_replay(recovery, reader);
    oh_journal_reader_close(&reader);
    recovery->report->replay_us = recovery_clock_us(recovery) - started_us;
    return err;
}

static enum oh_err first_seq_find(const struct oh_directory *directory, uint64_t *out_seq, struct oh_diag *diag)
{
    struct oh_journal_reader *reader;
    enum oh_err err = oh_journal_reader_open(directory, UINT64_MAX, &reader, diag);
    if (err != OH_OK)
        return err;
    *out_seq = oh_journal_reader_first_seq(reader);
    oh_journal_reader_close(&reader);
    return OH_OK;
}

enum oh_err oh_recovery_choose_oldest(const struct oh_directory *directory, const uint64_t *seqs, size_t count,
                                      struct oh_recovery_options *options, struct oh_diag *diag)
{
    uint64_t first_seq = 0;
    enum oh_err err = first_seq_find(directory, &first_seq, diag);
    if (err != OH_OK)
        return err;
    while (first_seq > 1 && count > 0 && seqs[count - 1] + 1 < first_seq)
        count--;
    options->ignores_snapshots = first_seq == 1;
    options->snapshot_seq = first_seq > 1 && count > 0 ? seqs[count - 1] : 0;
    if (first_seq == 1 || count > 0)
        return OH_OK;
    oh_diag_set(diag, "the journal begins with record %" PRIu64 ", and no snapshot holds what came before", first_seq);
    return OH_E_CORRUPT;
}

enum oh_err oh_recovery_run(const struct oh_directory *directory, struct oh_ledger *ledger,
                            const struct oh_recovery_options *options, struct oh_recovery_report *out_report,
                            struct oh_diag *diag)
{
    struct recovery recovery = {
        .directory = directory, .options = options, .ledger = ledger, .report = out_report, .diag = diag
    };
    *out_report = (struct oh_recovery_report){ .last_seq = 0 };
    oh_record_decoder_init(&recovery.decoder, 0);
    enum oh_err err = options->ignores_snapshots ? OH_OK : snapshot_restore(&recovery);
    out_report->last_seq = out_report->snapshot_seq;
    if (err == OH_OK)
        err = journal_replay(&recovery);
    oh_record_decoder_fini(&recovery.decoder);
    return err;
}
