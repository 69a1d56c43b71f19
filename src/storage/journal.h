/*
 * journal.h - the ordered, durable list of records that the ledger is made of.
 *
 * What it is: records go in on the loop thread, one helper thread writes and
 * syncs them in groups, and a watermark says up to which record a reply may
 * leave. A second helper thread prepares the next file, removes forgotten
 * files, and (class process) syncs in the background.
 *
 * What it is not: it does not know what a record means. A record is bytes with
 * a dense number, its seq: 1, 2, 3, and so on.
 *
 * Threads: one loop thread calls everything here. The functions marked "any
 * thread" read atomics. The wake function is called on a helper thread.
 *
 * Formats, torn tails and damage: docs/DURABILITY.md.
 */
#ifndef ONHAND_STORAGE_JOURNAL_H
#define ONHAND_STORAGE_JOURNAL_H

#include "onhand/bytes.h"
#include "onhand/error.h"
#include "storage/directory.h"
#include <stdbool.h>
#include <stdint.h>

#define OH_JOURNAL_RECORD_SIZE_MAX (8U << 20)
#define OH_JOURNAL_SEGMENTS_MAX 65536U
#define OH_JOURNAL_PREPARED_MAX 4U

enum oh_durability {
    OH_DURABILITY_MEMORY = 0,  /* a reply leaves after the apply; no file is made */
    OH_DURABILITY_PROCESS = 1, /* a reply leaves after write(); survives kill -9 */
    OH_DURABILITY_DISK = 2,    /* a reply leaves after fdatasync(); survives power loss */
};

/* A zero field means the default, so `{ .durability = OH_DURABILITY_DISK }` is a complete set of options. */
struct oh_journal_options {
    enum oh_durability durability;
    uint64_t first_seq;        /* of a new journal; default 1 */
    uint64_t segment_size;     /* bytes of a new file; default 64 MiB, at least one largest record */
    uint64_t buffer_size;      /* bytes appended but not yet written; a power of two, default 32 MiB */
    uint32_t record_size_max;  /* default and maximum OH_JOURNAL_RECORD_SIZE_MAX */
    uint32_t frame_align;      /* 512 (default) or 4096; existing files keep theirs */
    uint32_t prepared_count;   /* files kept ready, 1 (default) .. OH_JOURNAL_PREPARED_MAX */
    int64_t sync_interval_ms;  /* class process: longest time without fdatasync; default 1000 */
    int64_t quiet_ms;          /* after so much silence a proof frame is written; default 1000 */
    int64_t prepare_retry_ms;  /* after a failed preparation; default 1000 */
    bool is_manual;            /* no threads: oh_journal_work() does their work (simulator, tests) */
    void (*wake)(void *ctx);   /* a watermark moved, room came back, or the journal failed; may be NULL */
    void *wake_ctx;            /* borrowed until close */
};

/* Bucket i counts syncs of 2^(i-1) .. 2^i - 1 us, bucket 0 those of 0 us, the last one all longer ones. */
#define OH_JOURNAL_SYNC_BUCKETS 24

/* Times in microseconds. All but room and segments only grow. */
struct oh_journal_stats {
    uint64_t records_count;      /* written */
    uint64_t frames_count;       /* written, without proof frames */
    uint64_t frame_bytes;        /* written to frames, with headers and padding */
    uint64_t proofs_count;       /* proof frames written */
    uint64_t syncs_count;        /* fdatasync calls on the way of a reply, or in the background */
    uint64_t sync_us_sum;
    uint64_t sync_us_max;
    uint64_t sync_us_buckets[OH_JOURNAL_SYNC_BUCKETS];
    uint64_t rotations_count;    /* changes of file */
    uint64_t rotation_us_max;
    uint64_t prepares_count;     /* files made ready */
    uint64_t prepare_errors_count;
    uint64_t forgotten_count;    /* files removed */
    uint64_t torn_bytes;         /* cut when the journal was opened */
    uint64_t segments_count;     /* files with records, now */
    uint64_t room_bytes;         /* oh_journal_room(), now */
};

struct oh_journal;

/*
 * oh_journal_open - find the end of the journal, or start one.
 *
 * Reads the header of every file and every frame of the last one. A torn tail
 * is cut (zeroed and synced) and reported; damage is refused. Frames that are
 * readable but not proven to be on disk are written once more and synced.
 * Everything found afterwards is durable: oh_journal_durable_seq() says so.
 *
 * Errors:  OH_E_CORRUPT (the diag names file and byte), OH_E_VERSION,
 *          OH_E_NO_SPACE (the first file cannot be made), OH_E_INVALID
 *          (options), OH_E_IO, OH_E_NOMEM.
 * Owner:   gives *out_journal; borrows `directory` until close, which may be
 *          NULL for class memory; copies the options.
 * Cost:    reads one file (64 MiB); makes and zeroes one when there is none.
 */
OH_MUST_CHECK enum oh_err oh_journal_open(const struct oh_directory *directory,
                                          const struct oh_journal_options *options,
                                          struct oh_journal **out_journal, struct oh_diag *diag);

/*
 * oh_journal_finish - write and sync what was appended, prove it, stop.
 *
 * Waits for the disk; oh_journal_failed() then says whether all of it is there.
 * A failed journal only stops. Records beyond the room are dropped (they were
 * never durable). Nothing may be appended any more; does nothing the second time.
 */
void oh_journal_finish(struct oh_journal *journal);

/* Finishes, and frees. Sets *journal to NULL; does nothing when it is. */
void oh_journal_close(struct oh_journal **journal);

/* A sentence about the tail that open cut, or NULL when there was none. Lends. Any thread. */
const char *oh_journal_torn_text(const struct oh_journal *journal);

/*
 * oh_journal_append - add one record to the batch of this turn.
 *
 * Pre:     seq == oh_journal_seq(journal) + 1.                     (asserted)
 * Shapes:  record.size in 1..record_size_max.
 * Errors:  OH_E_FULL (oh_journal_buffer_room() is too small: let the disk
 *          catch up), OH_E_TOO_LARGE, OH_E_INVALID (empty), OH_E_IO (failed).
 *          The journal is unchanged after an error.
 * Owner:   copies the record.
 * Cost:    O(size), no system call, no allocation.
 *
 * A caller that checks room and buffer room first, see below, gets no error.
 */
OH_MUST_CHECK enum oh_err oh_journal_append(struct oh_journal *journal, uint64_t seq, struct oh_bytes record);

/* Hands everything appended to the writing thread: at once when it is idle, else after its present batch. */
void oh_journal_submit(struct oh_journal *journal);

/*
 * oh_journal_room - bytes of records that certainly fit into the space that
 * is already reserved on disk, so that no append can meet a full disk.
 *
 * A record of n bytes may be appended when n <= room: all overhead is already
 * subtracted for one record. Each submit costs up to about 1.1 KiB of room
 * until its records are written. Class memory: UINT64_MAX.  Any thread may read
 * it, only the loop thread may rely on it.
 */
uint64_t oh_journal_room(const struct oh_journal *journal);

/* Largest record that fits into the buffer now. Small means that the disk is slow, not that it is full. */
uint64_t oh_journal_buffer_room(const struct oh_journal *journal);

/* True while the last try to prepare a file failed; with too little room: answer storage_full. Any thread. */
bool oh_journal_is_full(const struct oh_journal *journal);

/* The last failed preparation in words. Returns false when there is none. Any thread. */
bool oh_journal_full_text(struct oh_journal *journal, struct oh_diag *out_diag);

/* Four watermarks, never going back, each at least the next but one below it. Any thread. */
uint64_t oh_journal_seq(const struct oh_journal *journal);         /* last appended (loop thread) */
uint64_t oh_journal_written_seq(const struct oh_journal *journal); /* last given to write() */
uint64_t oh_journal_synced_seq(const struct oh_journal *journal);  /* last known to survive power loss */
uint64_t oh_journal_durable_seq(const struct oh_journal *journal); /* replies may leave up to here */

/* First seq still on disk: that of the oldest file. Any thread. */
uint64_t oh_journal_first_seq(const struct oh_journal *journal);

/*
 * True when a write or sync failed. It stays so: the watermarks stand still
 * for good and nothing is tried again. The process has to stop.
 * `out_diag` (may be NULL) gets the reason. Any thread.
 */
bool oh_journal_failed(struct oh_journal *journal, struct oh_diag *out_diag);

/* Lets the files go whose records are all <= seq, in the background. The newest file always stays. */
void oh_journal_forget(struct oh_journal *journal, uint64_t seq);

/* A copy of the counters. Any thread. */
void oh_journal_stats(struct oh_journal *journal, struct oh_journal_stats *out_stats);

/* Whatever is forgotten, records from `seq` on stay; before the first call: as forget says. Any thread. */
void oh_journal_keep_from(struct oh_journal *journal, uint64_t seq);

enum oh_journal_work_kind {
    OH_JOURNAL_WORK_WRITE = 1,   /* one round of the writing thread */
    OH_JOURNAL_WORK_PREPARE = 2, /* one round of the preparing thread */
};

/* is_manual only: one round of the named helpers (flags, or-ed together). */
void oh_journal_work(struct oh_journal *journal, unsigned kinds);

#endif
