/*
 * snapshot.h - the whole ledger at one seq, in one compressed, checked file.
 *
 * What it is: a writer that takes objects from the loop thread a few at a time
 * and never blocks it, and a reader that gives them back in the same order.
 *
 * What it is not: it does not know what an object means. It does not look at
 * the journal: the caller finishes a snapshot of seq S only when
 * oh_journal_synced_seq() >= S, otherwise a power loss could leave a snapshot
 * that is ahead of its journal.
 *
 * Threads: the writer's functions on the loop thread, its work on a helper
 * thread of its own. A reader on one thread.
 *
 * Format: docs/DURABILITY.md.
 */
#ifndef ONHAND_STORAGE_SNAPSHOT_H
#define ONHAND_STORAGE_SNAPSHOT_H

#include "onhand/bytes.h"
#include "onhand/error.h"
#include "storage/directory.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OH_SNAPSHOT_OBJECT_SIZE_MAX (1U << 20)
#define OH_SNAPSHOT_BLOCK_SIZE (256U << 10)
#define OH_SNAPSHOT_QUEUE_SIZE (8U * OH_SNAPSHOT_BLOCK_SIZE)
#define OH_SNAPSHOTS_MAX 1024U

struct oh_snapshot_writer;
struct oh_snapshot_reader;

struct oh_snapshot_options {
    uint64_t seq;            /* the last record the snapshot contains */
    int64_t at_us;           /* ledger time of the snapshot */
    uint32_t keep_count;     /* newest snapshots kept after success, this one included; 0: remove none */
    bool is_manual;          /* no thread: oh_snapshot_writer_work() does its work */
    void (*wake)(void *ctx); /* when room came back or the end is reached; helper thread; may be NULL */
    void *wake_ctx;          /* borrowed until destroy */
};

enum oh_snapshot_state {
    OH_SNAPSHOT_OPEN = 1,      /* objects may be put */
    OH_SNAPSHOT_FINISHING = 2, /* waiting for the disk */
    OH_SNAPSHOT_DONE = 3,      /* the file is there, complete and synced */
    OH_SNAPSHOT_FAILED = 4,    /* no unfinished file was left behind */
};

struct oh_snapshot_stats {
    uint64_t objects_count; /* taken by put */
    uint64_t raw_bytes;     /* taken by put */
    uint64_t file_bytes;    /* written */
    uint64_t sync_us_max;
};

/*
 * oh_snapshot_writer_create - begin a snapshot in a temporary file.
 *
 * Errors:  OH_E_NOMEM, OH_E_IO (no thread). The file is made by the helper:
 *          its errors show as OH_SNAPSHOT_FAILED.
 * Owner:   gives *out_writer; borrows `directory` until destroy.
 */
OH_MUST_CHECK enum oh_err oh_snapshot_writer_create(const struct oh_directory *directory,
                                                    const struct oh_snapshot_options *options,
                                                    struct oh_snapshot_writer **out_writer,
                                                    struct oh_diag *diag);

/*
 * oh_snapshot_writer_put - add one object.
 *
 * Shapes:  object.size in 0..OH_SNAPSHOT_OBJECT_SIZE_MAX.
 * Errors:  OH_E_AGAIN (the queue is full: come back next turn; nothing was
 *          taken), OH_E_TOO_LARGE, OH_E_IO (the writer has failed).
 * Owner:   copies the object.
 * Cost:    O(size), no allocation; wakes the helper once per block.
 */
OH_MUST_CHECK enum oh_err oh_snapshot_writer_put(struct oh_snapshot_writer *writer, struct oh_bytes object);

/* No more objects: write the rest, sync, give the file its name. Returns at once; ask the state. */
void oh_snapshot_writer_finish(struct oh_snapshot_writer *writer);

/* `out_diag` (may be NULL) gets the reason when the state is FAILED. Any thread. */
enum oh_snapshot_state oh_snapshot_writer_state(struct oh_snapshot_writer *writer, struct oh_diag *out_diag);

void oh_snapshot_writer_stats(struct oh_snapshot_writer *writer, struct oh_snapshot_stats *out_stats);

/*
 * Stops the helper and frees the writer; an unfinished file is removed, so
 * this is also how to abort. Waits for one block to be written, and in state
 * FINISHING for the end. Sets *writer to NULL; does nothing when it is.
 */
void oh_snapshot_writer_destroy(struct oh_snapshot_writer **writer);

/* is_manual only: writes what is queued. */
void oh_snapshot_writer_work(struct oh_snapshot_writer *writer);

/* Seqs of the complete snapshots, newest first; at most seqs_max of them. */
OH_MUST_CHECK enum oh_err oh_snapshot_list(const struct oh_directory *directory, uint64_t *out_seqs,
                                           size_t seqs_max, size_t *out_count, struct oh_diag *diag);

/* Removes all but the newest `keep_count` >= 1 snapshots. Blocks on the disk. */
OH_MUST_CHECK enum oh_err oh_snapshot_prune(const struct oh_directory *directory, size_t keep_count,
                                            struct oh_diag *diag);

struct oh_snapshot_info {
    uint64_t seq;
    int64_t at_us;
};

/*
 * oh_snapshot_reader_open - the newest snapshot (seq 0), or that of `seq`.
 *
 * A damaged newest snapshot is an error, never a reason to take an older one
 * without being told to.
 *
 * Errors:  OH_E_NOT_FOUND, OH_E_CORRUPT, OH_E_VERSION, OH_E_IO, OH_E_NOMEM.
 * Owner:   gives *out_reader; borrows `directory` until close.
 */
OH_MUST_CHECK enum oh_err oh_snapshot_reader_open(const struct oh_directory *directory, uint64_t seq,
                                                  struct oh_snapshot_reader **out_reader,
                                                  struct oh_snapshot_info *out_info, struct oh_diag *diag);

void oh_snapshot_reader_close(struct oh_snapshot_reader **reader);

/*
 * oh_snapshot_reader_next - the next object.
 *
 * Errors:  OH_E_AGAIN (the end; the footer was there and everything agrees),
 *          OH_E_CORRUPT (the diag names file and byte), OH_E_IO, OH_E_NOMEM.
 * Owner:   lends out_object until the next call.
 */
OH_MUST_CHECK enum oh_err oh_snapshot_reader_next(struct oh_snapshot_reader *reader,
                                                  struct oh_bytes *out_object, struct oh_diag *diag);

#endif
