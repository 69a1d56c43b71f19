/*
 * journal_internal.h - what the files journal*.c share. Not for others.
 *
 * Who may touch a field is said above each group. "shared" means: under
 * `mutex`. Atomics are stored under the mutex too, and read without it.
 */
#ifndef ONHAND_STORAGE_JOURNAL_INTERNAL_H
#define ONHAND_STORAGE_JOURNAL_INTERNAL_H

#include "storage/byte_ring.h"
#include "storage/journal.h"
#include "storage/segment.h"
#include <pthread.h>
#include <stdatomic.h>

/* A frame is put together and written in pieces of this size. */
#define OH_JOURNAL_STAGE_SIZE ((size_t)256 << 10)

/* A file of zeros that waits to become the current segment. */
struct journal_prepared {
    char path[OH_IO_PATH_SIZE];
    int file;
    uint64_t size;
};

struct journal_counters {
    _Atomic uint64_t records_count;
    _Atomic uint64_t frames_count;
    _Atomic uint64_t frame_bytes;
    _Atomic uint64_t proofs_count;
    _Atomic uint64_t syncs_count;
    _Atomic uint64_t sync_us_sum;
    _Atomic uint64_t sync_us_max;
    _Atomic uint64_t sync_us_buckets[OH_JOURNAL_SYNC_BUCKETS];
    _Atomic uint64_t rotations_count;
    _Atomic uint64_t rotation_us_max;
    _Atomic uint64_t prepares_count;
    _Atomic uint64_t prepare_errors_count;
    _Atomic uint64_t forgotten_count;
    _Atomic uint64_t segments_count;
};

struct oh_journal {
    /* Fixed after open. */
    const struct oh_io *io;
    const struct oh_directory *directory;
    struct oh_ledger_id ledger_id;
    struct oh_journal_options options; /* with all defaults filled in */
    uint32_t cost_align;               /* the largest frame alignment in use */
    struct oh_diag torn;               /* empty when nothing was cut */
    uint64_t torn_bytes;
    bool has_threads;
    pthread_t writer_thread;
    pthread_t preparer_thread;

    /* The loop thread. */
    struct oh_byte_ring ring;
    _Atomic uint64_t appended_seq;
    _Atomic uint64_t appended_cost; /* charged for all records so far */
    uint64_t overhead_cost;         /* the part of it that is not bytes of records */
    uint64_t overhead_position;     /* ring.head when overhead was charged last */
    bool is_batch_begun;            /* something was appended since the last submit */

    /* The writing thread. */
    uint8_t *stage;         /* what is about to be written, aligned; OH_JOURNAL_STAGE_SIZE bytes */
    uint64_t write_offset;  /* in the current segment */
    uint32_t link;          /* to the frame before write_offset */
    uint32_t records_link;  /* to the last frame of records in the current file; 0: none yet */
    uint64_t ring_position; /* of the next record to write */
    uint64_t next_seq;      /* of the next record to write */
    uint64_t written_overhead;
    int64_t last_write_us;
    int64_t write_us;       /* what writes took since the last sync of this thread */
    bool is_unproven;       /* no frame says yet that the last record is on disk */

    /* The preparing thread. */
    uint64_t prepare_number;
    int64_t prepare_retry_at_us;
    int64_t last_sync_us;

    /* Shared. */
    pthread_mutex_t mutex;
    pthread_cond_t writer_wake;
    pthread_cond_t preparer_wake;
    pthread_cond_t changed;          /* a file was prepared, or a background sync ended */
    struct oh_segment current;       /* changed by the writing thread only */
    struct journal_prepared prepared[OH_JOURNAL_PREPARED_MAX];
    uint32_t prepared_count;
    uint64_t current_left; /* bytes for records in the current file */
    uint64_t written_cost; /* charged for all records that are written */
    uint64_t submitted_position;
    uint64_t submitted_overhead; /* overhead_cost of everything up to there */
    uint64_t forget_asked_seq; /* what the owner said last */
    uint64_t keep_seq;         /* from here on nothing is forgotten */
    uint64_t forget_seq;       /* what follows from both */
    bool is_forget_wanted;
    bool is_syncing; /* the preparing thread syncs the current file */
    bool is_writer_stopping;
    bool is_preparer_stopping;
    struct oh_diag failure;
    struct oh_diag full;

    _Atomic bool is_failed;
    _Atomic bool is_full;
    _Atomic uint64_t credit; /* what appended_cost may grow to */
    _Atomic uint64_t written_seq;
    _Atomic uint64_t synced_seq;
    _Atomic uint64_t durable_seq;
    _Atomic uint64_t first_seq;
    struct journal_counters counters;
};

static inline void journal_count(_Atomic uint64_t *counter, uint64_t value)
{
    atomic_fetch_add_explicit(counter, value, memory_order_relaxed);
}

/* One writer per counter, so load and store are enough. */
static inline void journal_count_max(_Atomic uint64_t *counter, uint64_t value)
{
    if (atomic_load_explicit(counter, memory_order_relaxed) < value)
        atomic_store_explicit(counter, value, memory_order_relaxed);
}

static inline int64_t journal_now_us(const struct oh_journal *journal)
{
    return journal->io->monotonic_us(journal->io->ctx);
}

/*
 * What is charged for records before they are written, so that room can be
 * promised: their bytes, and the most that frames add. The writing thread makes
 * one frame of everything that was submitted; it splits it only where a frame
 * would be larger than OH_FRAME_PAYLOAD_MAX (so each part is larger than
 * OH_JOURNAL_RECORD_SIZE_MAX) or where a file ends. So this overhead is charged
 * once for each submit, and once more for each OH_JOURNAL_RECORD_SIZE_MAX bytes;
 * the end of a file is counted in journal_update_credit().
 */
static inline uint64_t journal_frame_overhead(uint32_t align)
{
    return OH_FRAME_HEADER_SIZE + 2 * (uint64_t)align; /* header, padding, and a proof frame before it */
}

/* journal.c */
void journal_lock(struct oh_journal *journal);
void journal_unlock(struct oh_journal *journal);
/* Waits under the mutex; INT64_MAX: no deadline. */
void journal_wait(struct oh_journal *journal, pthread_cond_t *condition, int64_t deadline_us);
void journal_wake(const struct oh_journal *journal);
/* Enters the failed state for good. */
void journal_fail(struct oh_journal *journal, const struct oh_diag *diag);
bool journal_is_failed(const struct oh_journal *journal);
/* Under the mutex: recomputes the credit from the space in current and prepared files. */
void journal_update_credit(struct oh_journal *journal);
/* Under the mutex, writing thread: something was written to the current file, or the file is another one. */
void journal_publish_space(struct oh_journal *journal);
/* fdatasync, counted, and timed with what the writes before it took. */
enum oh_err journal_sync_file(struct oh_journal *journal, int file, const char *path, int64_t write_us,
                              struct oh_diag *diag);
/* Everything up to seq is on disk: moves the watermarks, unless failed. */
void journal_publish_synced(struct oh_journal *journal, uint64_t seq);

/* For a file that is only written. Class disk goes past the page cache, since whoever writes waits for the disk. */
unsigned journal_write_flags(const struct oh_journal *journal);

/* journal_open.c: finds the end of the journal, cuts, makes it durable; or begins one. */
OH_MUST_CHECK enum oh_err journal_recover(struct oh_journal *journal, struct oh_diag *diag);

/* journal_writer.c */
void *journal_writer_main(void *arg);
void journal_write_round(struct oh_journal *journal);
/* Writes what is left, syncs and proves it. */
void journal_write_rest(struct oh_journal *journal);
/* Writes a proof frame and syncs it; there is room for one, and all records are synced. */
OH_MUST_CHECK enum oh_err journal_prove(struct oh_journal *journal, struct oh_diag *diag);
/* Makes the oldest prepared file the current one; it starts with next_seq. */
OH_MUST_CHECK enum oh_err journal_activate(struct oh_journal *journal, struct oh_diag *diag);

/* journal_preparer.c */
void *journal_preparer_main(void *arg);
void journal_prepare_round(struct oh_journal *journal);
/* Makes one file ready. */
OH_MUST_CHECK enum oh_err journal_prepare(struct oh_journal *journal, struct oh_diag *diag);

#endif
