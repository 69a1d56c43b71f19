/*
 * snapshotter.h - takes snapshots of a running ledger, a little per turn.
 *
 * What it is: decides when a snapshot is due, walks the ledger in steps, hands
 * the objects to the snapshot writer, waits for the disk, then lets the
 * journal forget what no kept snapshot needs.
 *
 * What it is not: it never blocks the loop on the disk (but for one block when
 * it gives up), never logs and never reads a clock: the caller looks at the
 * event that a tick returns and logs oh_snapshotter_outcome().
 *
 * A snapshot is finished (gets its name) only when the journal has its last
 * record on the disk. Before that a power loss could leave a snapshot of
 * record 100 beside a journal that ends at 90: records that nobody was told
 * about would come back, and the next ones would get numbers that are taken.
 * Recovery refuses such a pair, so it must never come to be.
 *
 * While the disk is slower than the ledger, objects that change before they
 * are visited pile up here, up to overflow_size_max; past that the snapshot is
 * given up: it costs nothing but time, and the journal still has everything.
 *
 * Threads: the loop thread.
 */
#ifndef ONHAND_STORAGE_SNAPSHOTTER_H
#define ONHAND_STORAGE_SNAPSHOTTER_H

#include "onhand/error.h"
#include "onhand/ledger.h"
#include "storage/directory.h"
#include "storage/journal.h"
#include <stddef.h>
#include <stdint.h>

#define OH_SNAPSHOTTER_KEEP_MAX 64u

/* A zero field means the default. */
struct oh_snapshotter_options {
    uint64_t journal_bytes_max; /* journal written since the last begin that makes one due; default 1 GiB */
    uint64_t journal_bytes_before; /* replayed at the start: counts as written; default 0 */
    uint32_t keep_count;           /* newest snapshots kept; default 2, at most OH_SNAPSHOTTER_KEEP_MAX */
    size_t overflow_size_max;      /* bytes of objects that wait for the writer; default 64 MiB */
    bool is_manual;                /* the writer has no thread: oh_snapshotter_work() (simulator, tests) */
    void (*wake)(void *ctx);       /* a tick has something to do again; helper thread; may be NULL */
    void *wake_ctx;                /* borrowed until destroy */
};

enum oh_snapshotter_event {
    OH_SNAPSHOTTER_IDLE = 0,    /* none under way, none due */
    OH_SNAPSHOTTER_WORKING = 1, /* tick again in the next turn, without sleeping */
    OH_SNAPSHOTTER_WAITING = 2, /* for the disk: tick again after any turn; `wake` brings one */
    OH_SNAPSHOTTER_BEGUN = 3,   /* once per snapshot; work follows */
    OH_SNAPSHOTTER_DONE = 4,    /* once: complete, synced, old ones removed, journal told */
    OH_SNAPSHOTTER_FAILED = 5,  /* once: the disk refused it; the reason is in the outcome */
    OH_SNAPSHOTTER_GIVEN_UP = 6 /* once: overflow_size_max was reached */
};

/* Of the snapshot under way or ended last. */
struct oh_snapshotter_outcome {
    uint64_t seq;
    uint64_t objects_count;
    uint64_t raw_bytes;
    uint64_t file_bytes;
    uint64_t overflow_size_peak;
    uint64_t forgotten_seq; /* the journal may drop records up to here; 0: none */
    struct oh_diag reason;  /* FAILED */
};

struct oh_snapshotter_stats {
    uint64_t done_count;
    uint64_t failed_count;
    uint64_t given_up_count;
    uint64_t last_seq; /* of the newest complete snapshot; 0: none */
};

struct oh_snapshotter;

/*
 * oh_snapshotter_create - be ready to take snapshots of `ledger`.
 *
 * Errors:  OH_E_NOMEM, OH_E_INVALID (options), OH_E_IO and others of
 *          oh_snapshot_list().
 * Owner:   gives; borrows directory, journal and ledger until destroy.
 * Cost:    lists the snapshots once.
 */
OH_MUST_CHECK enum oh_err oh_snapshotter_create(const struct oh_directory *directory,
                                                struct oh_journal *journal, struct oh_ledger *ledger,
                                                const struct oh_snapshotter_options *options,
                                                struct oh_snapshotter **out_snapshotter,
                                                struct oh_diag *diag);

/* Before the ledger and the journal go. Gives up what is under way; what is being finished it waits for. */
void oh_snapshotter_destroy(struct oh_snapshotter **snapshotter);

/* New values of the options of the same names, for the next snapshot on; 0: unchanged. */
void oh_snapshotter_set_limits(struct oh_snapshotter *snapshotter, uint64_t journal_bytes_max,
                               uint32_t keep_count);

/* A snapshot is due now, unless the last one is of the same seq. While one is under way: another after it. */
void oh_snapshotter_request(struct oh_snapshotter *snapshotter);

/*
 * oh_snapshotter_tick - do a piece of it.
 *
 * Pre:     the turn's records have been taken and appended: no record of the
 *          ledger is open.
 * Cost:    visits at most objects_max objects; no system call but at the begin
 *          and the end of a snapshot (a thread is made, then joined).
 */
enum oh_snapshotter_event oh_snapshotter_tick(struct oh_snapshotter *snapshotter, uint32_t objects_max);

/* Lends until the next tick. */
const struct oh_snapshotter_outcome *oh_snapshotter_outcome(const struct oh_snapshotter *snapshotter);
struct oh_snapshotter_stats oh_snapshotter_stats(const struct oh_snapshotter *snapshotter);

/* is_manual only: what the writer's thread would do now. */
void oh_snapshotter_work(struct oh_snapshotter *snapshotter);

#endif
