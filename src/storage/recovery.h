/*
 * recovery.h - a ledger as the files say it was: the newest snapshot, then
 * every journal record after it.
 *
 * What it is: the one way from a data directory back to a ledger, for a start
 * of the server, for verify and for tests.
 *
 * What it is not: it changes no file. A torn tail was cut by
 * oh_journal_open() before, or is only reported (torn_bytes).
 *
 * All or nothing: after an error the ledger is of no use and is destroyed by
 * its owner. A damaged newest snapshot is never replaced by an older one in
 * silence: the records in between may be forgotten already.
 *
 * Threads: the one that owns the ledger.
 */
#ifndef ONHAND_STORAGE_RECOVERY_H
#define ONHAND_STORAGE_RECOVERY_H

#include "onhand/error.h"
#include "onhand/ledger.h"
#include "storage/directory.h"
#include "storage/journal_reader.h"
#include <stdbool.h>
#include <stdint.h>

/* A zeroed value is the way a server starts. */
struct oh_recovery_options {
    bool ignores_snapshots; /* replay the journal from its record 1 */
    uint64_t snapshot_seq;  /* that snapshot; 0: the newest one, or none when there is none */
    uint64_t last_seq;      /* read up to here exactly: oh_journal_durable_seq(); 0: to the end */

    /* Called for each object before it is restored and each record after it is replayed. May be NULL. */
    void (*object_done)(void *ctx, const struct oh_effect *object);
    void (*record_done)(void *ctx, const struct oh_record *record);
    /* Called for each record before it is replayed: the ledger is as it was then. An error ends the run with it. */
    enum oh_err (*record_begin)(void *ctx, const struct oh_record *record);
    void *ctx;
};

struct oh_recovery_report {
    bool has_snapshot;
    uint64_t snapshot_seq;
    int64_t snapshot_at_us;
    uint64_t object_count; /* restored from the snapshot */
    uint64_t object_bytes; /* their size, uncompressed */
    uint64_t first_seq;    /* oldest record on disk */
    uint64_t last_seq;     /* of the ledger now */
    uint64_t record_count; /* replayed */
    uint64_t effect_count;
    uint64_t record_bytes;
    uint64_t torn_bytes; /* behind the last record, not cut here; 0 with last_seq given */
    int64_t snapshot_us; /* duration of either part */
    int64_t replay_us;
};

/*
 * oh_recovery_choose_oldest - where the longest replay of the files starts.
 *
 * Post:    options->ignores_snapshots for a journal from record 1; else options->snapshot_seq is the oldest of the
 *          snapshots that the journal continues.
 * Shapes:  seqs[0..count): of the snapshots there are, newest first (oh_snapshot_list).
 * Errors:  OH_E_CORRUPT (no snapshot holds what came before the journal), as oh_journal_reader_open.
 */
OH_MUST_CHECK enum oh_err oh_recovery_choose_oldest(const struct oh_directory *directory, const uint64_t *seqs,
                                                    size_t count, struct oh_recovery_options *options,
                                                    struct oh_diag *diag);

/*
 * oh_recovery_run - restore, then replay.
 *
 * Pre:     `ledger` is newly created.
 * Post:    *out_report is filled as far as it came, also after an error.
 * Errors:  OH_E_CORRUPT (the diag names file, byte and record), OH_E_VERSION,
 *          OH_E_NOT_FOUND (no journal; no such snapshot), OH_E_IO, OH_E_NOMEM.
 * Owner:   borrows everything until it returns.
 * Cost:    O(objects + records after the snapshot).
 */
OH_MUST_CHECK enum oh_err oh_recovery_run(const struct oh_directory *directory, struct oh_ledger *ledger,
                                          const struct oh_recovery_options *options,
                                          struct oh_recovery_report *out_report, struct oh_diag *diag);

#endif
