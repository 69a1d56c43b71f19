#include "storage/snapshotter.h"
#include "base/assert.h"
#include "base/strbuf.h"
#include "codec/record.h"
#include "storage/object_queue.h"
#include "storage/snapshot.h"
#include <stdlib.h>
#include <string.h>

#define JOURNAL_BYTES_DEFAULT (UINT64_C(1) << 30)
#define KEEP_COUNT_DEFAULT    2u
#define OVERFLOW_SIZE_DEFAULT ((size_t)64 << 20)

enum phase {
    PHASE_IDLE = 0,
    PHASE_WALKING = 1,   /* the ledger still has objects to emit */
    PHASE_DRAINING = 2,  /* all emitted, some wait here for room in the writer */
    PHASE_SYNCING = 3,   /* all with the writer; the journal's record is not on the disk yet */
    PHASE_FINISHING = 4, /* the writer syncs and names the file */
};

struct oh_snapshotter {
    const struct oh_directory *directory;
    struct oh_journal *journal;
    struct oh_ledger *ledger;
    struct oh_snapshotter_options options;
    enum phase phase;
    bool is_requested;
    bool is_full;            /* an object was dropped: the snapshot cannot become whole */
    uint64_t begun_at_bytes; /* journal bytes written when the last one began */
    struct oh_snapshot_writer *writer;
    struct oh_strbuf object;         /* the object being encoded */
    struct oh_object_queue overflow; /* what the writer had no room for */
    struct oh_snapshotter_outcome outcome;
    struct oh_snapshotter_stats stats;
    uint64_t kept_seqs[OH_SNAPSHOTTER_KEEP_MAX]; /* newest first */
    size_t kept_count;
};

/* ---- Life ------------------------------------------------------------------------------------- */

static enum oh_err options_fill(const struct oh_snapshotter_options *given,
                                struct oh_snapshotter_options *out)
{
    struct oh_snapshotter_options options = *given;
    if (options.journal_bytes_max == 0)
        options.journal_bytes_max = JOURNAL_BYTES_DEFAULT;
    if (options.keep_count == 0)
        options.keep_count = KEEP_COUNT_DEFAULT;
    if (options.overflow_size_max == 0)
        options.overflow_size_max = OVERFLOW_SIZE_DEFAULT;
    if (options.keep_count > OH_SNAPSHOTTER_KEEP_MAX)
        return OH_E_INVALID;
    *out = options;
    return OH_OK;
}

static enum oh_err kept_list(struct oh_snapshotter *snapshotter, struct oh_diag *diag)
{
    enum oh_err err = oh_snapshot_list(snapshotter->directory, snapshotter->kept_seqs,
                                       snapshotter->options.keep_count, &snapshotter->kept_count, diag);
    if (err == OH_OK && snapshotter->kept_count > 0)
        snapshotter->stats.last_seq = snapshotter->kept_seqs[0];
    return err;
}

static uint64_t journal_bytes(const struct oh_snapshotter *snapshotter)
{
    struct oh_journal_stats stats;
    oh_journal_stats(snapshotter->journal, &stats);
    return stats.frame_bytes;
}

enum oh_err oh_snapshotter_create(const struct oh_directory *directory, struct oh_journal *journal,
                                  struct oh_ledger *ledger, const struct oh_snapshotter_options *options,
                                  struct oh_snapshotter **out_snapshotter, struct oh_diag *diag)
{
    struct oh_snapshotter *snapshotter = calloc(1, sizeof(*snapshotter));
    if (snapshotter == NULL)
        return OH_E_NOMEM;
    snapshotter->directory = directory;
    snapshotter->journal = journal;
    snapshotter->ledger = ledger;
    enum oh_err err = options_fill(options, &snapshotter->options);
    if (err == OH_OK)
        err = kept_list(snapshotter, diag);
    if (err != OH_OK) {
        free(snapshotter);
        return err;
    }
    /* As if the replayed part had been written after a begin. */
    snapshotter->begun_at_bytes = journal_bytes(snapshotter) - options->journal_bytes_before;
    oh_strbuf_init(&snapshotter->object, OH_RECORD_SIZE_MAX);
    oh_object_queue_init(&snapshotter->overflow, snapshotter->options.overflow_size_max);
    *out_snapshotter = snapshotter;
    return OH_OK;
}

static void snapshot_end(struct oh_snapshotter *snapshotter)
{
    if (snapshotter->phase == PHASE_WALKING)
        oh_ledger_snapshot_abort(snapshotter->ledger);
    oh_snapshot_writer_destroy(&snapshotter->writer);
    oh_object_queue_clear(&snapshotter->overflow);
    snapshotter->phase = PHASE_IDLE;
}

void oh_snapshotter_destroy(struct oh_snapshotter **snapshotter)
{
    if (*snapshotter == NULL)
        return;
    snapshot_end(*snapshotter);
    oh_strbuf_fini(&(*snapshotter)->object);
    free(*snapshotter);
    *snapshotter = NULL;
}

/* ---- Walking ---------------------------------------------------------------------------------- */

/* True when the writer or the overflow took it. Order is kept: behind an overflow nothing overtakes. */
static bool object_hand_on(struct oh_snapshotter *snapshotter, struct oh_bytes object)
{
    enum oh_err err = OH_E_AGAIN;
    if (snapshotter->overflow.size == 0)
        err = oh_snapshot_writer_put(snapshotter->writer, object);
    /* A failed writer is noticed by the tick; until then objects may go anywhere. */
    if (err == OH_E_AGAIN)
        return oh_object_queue_push(&snapshotter->overflow, object);
    return err != OH_E_TOO_LARGE;
}

/* An oh_snapshot_sink: called from within the ledger, so it can only remember what went wrong. */
static void object_sink(void *ctx, const struct oh_effect *object)
{
    struct oh_snapshotter *snapshotter = ctx;
    if (snapshotter->is_full)
        return;
    oh_strbuf_clear(&snapshotter->object);
    if (oh_object_encode(object, &snapshotter->object) != OH_OK ||
        !object_hand_on(snapshotter, oh_strbuf_bytes(&snapshotter->object)))
        snapshotter->is_full = true;
    if (snapshotter->overflow.size > snapshotter->outcome.overflow_size_peak)
        snapshotter->outcome.overflow_size_peak = snapshotter->overflow.size;
}

static bool is_due(const struct oh_snapshotter *snapshotter)
{
    if (oh_ledger_seq(snapshotter->ledger) == snapshotter->stats.last_seq)
        return false;
    return snapshotter->is_requested ||
           journal_bytes(snapshotter) - snapshotter->begun_at_bytes >= snapshotter->options.journal_bytes_max;
}

static enum oh_snapshotter_event snapshot_fail(struct oh_snapshotter *snapshotter)
{
    snapshot_end(snapshotter);
    snapshotter->stats.failed_count++;
    return OH_SNAPSHOTTER_FAILED;
}

/* Whatever becomes of it, the next one is due after as much journal again: a failing disk is not hammered. */
static enum oh_snapshotter_event snapshot_begin(struct oh_snapshotter *snapshotter)
{
    struct oh_snapshotter_outcome *outcome = &snapshotter->outcome;
    *outcome = (struct oh_snapshotter_outcome){ .seq = oh_ledger_seq(snapshotter->ledger) };
    snapshotter->begun_at_bytes = journal_bytes(snapshotter);
    snapshotter->is_requested = false;
    snapshotter->is_full = false;
    struct oh_snapshot_options options = { .seq = outcome->seq,
                                           .at_us = oh_ledger_time_us(snapshotter->ledger),
                                           .keep_count = snapshotter->options.keep_count,
                                           .is_manual = snapshotter->options.is_manual,
                                           .wake = snapshotter->options.wake,
                                           .wake_ctx = snapshotter->options.wake_ctx };
    enum oh_err err =
        oh_snapshot_writer_create(snapshotter->directory, &options, &snapshotter->writer, &outcome->reason);
    if (err != OH_OK)
        return snapshot_fail(snapshotter);
    snapshotter->phase = PHASE_WALKING;
    oh_ledger_snapshot_begin(snapshotter->ledger, object_sink, snapshotter);
    return OH_SNAPSHOTTER_BEGUN;
}

/* Hands waiting objects to the writer; true when none is left. */
static bool overflow_drain(struct oh_snapshotter *snapshotter)
{
    struct oh_bytes object;
    enum oh_err err = OH_OK;
    while (err == OH_OK && oh_object_queue_first(&snapshotter->overflow, &object)) {
        err = oh_snapshot_writer_put(snapshotter->writer, object);
        if (err == OH_OK)
            oh_object_queue_take(&snapshotter->overflow);
        if (err == OH_E_TOO_LARGE)
            snapshotter->is_full = true;
    }
    return snapshotter->overflow.size == 0;
}

static enum oh_snapshotter_event walk(struct oh_snapshotter *snapshotter, uint32_t objects_max)
{
    if (!overflow_drain(snapshotter))
        return OH_SNAPSHOTTER_WAITING;
    if (oh_ledger_snapshot_step(snapshotter->ledger, objects_max))
        snapshotter->phase = PHASE_DRAINING;
    return OH_SNAPSHOTTER_WORKING;
}

static enum oh_snapshotter_event drain(struct oh_snapshotter *snapshotter)
{
    if (!overflow_drain(snapshotter))
        return OH_SNAPSHOTTER_WAITING;
    snapshotter->phase = PHASE_SYNCING;
    return OH_SNAPSHOTTER_WORKING;
}

static enum oh_snapshotter_event sync_wait(struct oh_snapshotter *snapshotter)
{
    if (oh_journal_synced_seq(snapshotter->journal) < snapshotter->outcome.seq)
        return OH_SNAPSHOTTER_WAITING;
    oh_snapshot_writer_finish(snapshotter->writer);
    snapshotter->phase = PHASE_FINISHING;
    return OH_SNAPSHOTTER_WAITING;
}

/* ---- Ends ------------------------------------------------------------------------------------- */

static void outcome_measure(struct oh_snapshotter *snapshotter)
{
    struct oh_snapshot_stats stats;
    oh_snapshot_writer_stats(snapshotter->writer, &stats);
    snapshotter->outcome.objects_count = stats.objects_count;
    snapshotter->outcome.raw_bytes = stats.raw_bytes;
    snapshotter->outcome.file_bytes = stats.file_bytes;
}

/* The writer has removed what is too old; the journal is needed from the oldest kept snapshot on. */
static void kept_push(struct oh_snapshotter *snapshotter)
{
    size_t keep_count = snapshotter->options.keep_count;
    size_t moved_count = snapshotter->kept_count < keep_count ? snapshotter->kept_count : keep_count - 1;
    memmove(snapshotter->kept_seqs + 1, snapshotter->kept_seqs,
            moved_count * sizeof(snapshotter->kept_seqs[0]));
    snapshotter->kept_seqs[0] = snapshotter->outcome.seq;
    snapshotter->kept_count = moved_count + 1;
}

/* Until there are as many snapshots as shall be kept, the journal is the older of them. */
static void journal_forget(struct oh_snapshotter *snapshotter)
{
    if (snapshotter->kept_count < snapshotter->options.keep_count)
        return;
    snapshotter->outcome.forgotten_seq = snapshotter->kept_seqs[snapshotter->kept_count - 1];
    oh_journal_forget(snapshotter->journal, snapshotter->outcome.forgotten_seq);
}

static enum oh_snapshotter_event finish_wait(struct oh_snapshotter *snapshotter)
{
    if (oh_snapshot_writer_state(snapshotter->writer, NULL) != OH_SNAPSHOT_DONE)
        return OH_SNAPSHOTTER_WAITING;
    outcome_measure(snapshotter);
    snapshot_end(snapshotter);
    snapshotter->stats.done_count++;
    snapshotter->stats.last_seq = snapshotter->outcome.seq;
    kept_push(snapshotter);
    journal_forget(snapshotter);
    return OH_SNAPSHOTTER_DONE;
}

static enum oh_snapshotter_event snapshot_give_up(struct oh_snapshotter *snapshotter)
{
    outcome_measure(snapshotter);
    snapshot_end(snapshotter);
    snapshotter->stats.given_up_count++;
    return OH_SNAPSHOTTER_GIVEN_UP;
}

enum oh_snapshotter_event oh_snapshotter_tick(struct oh_snapshotter *snapshotter, uint32_t objects_max)
{
    if (snapshotter->phase == PHASE_IDLE)
        return is_due(snapshotter) ? snapshot_begin(snapshotter) : OH_SNAPSHOTTER_IDLE;
    if (oh_snapshot_writer_state(snapshotter->writer, &snapshotter->outcome.reason) == OH_SNAPSHOT_FAILED)
        return snapshot_fail(snapshotter);
    if (snapshotter->is_full)
        return snapshot_give_up(snapshotter);
    switch (snapshotter->phase) {
    case PHASE_WALKING:
        return walk(snapshotter, objects_max);
    case PHASE_DRAINING:
        return drain(snapshotter);
    case PHASE_SYNCING:
        return sync_wait(snapshotter);
    case PHASE_FINISHING:
        return finish_wait(snapshotter);
    case PHASE_IDLE:
        break;
    }
    OH_UNREACHABLE();
}

/* What is under way keeps its own count: the writer was told it at the begin. */
void oh_snapshotter_set_limits(struct oh_snapshotter *snapshotter, uint64_t journal_bytes_max,
                               uint32_t keep_count)
{
    OH_ASSERT(keep_count <= OH_SNAPSHOTTER_KEEP_MAX);
    if (journal_bytes_max != 0)
        snapshotter->options.journal_bytes_max = journal_bytes_max;
    if (keep_count != 0)
        snapshotter->options.keep_count = keep_count;
}

void oh_snapshotter_request(struct oh_snapshotter *snapshotter)
{
    bool has_news = oh_ledger_seq(snapshotter->ledger) != snapshotter->stats.last_seq;
    snapshotter->is_requested = has_news || snapshotter->phase != PHASE_IDLE;
}

const struct oh_snapshotter_outcome *oh_snapshotter_outcome(const struct oh_snapshotter *snapshotter)
{
    return &snapshotter->outcome;
}

struct oh_snapshotter_stats oh_snapshotter_stats(const struct oh_snapshotter *snapshotter)
{
    return snapshotter->stats;
}

void oh_snapshotter_work(struct oh_snapshotter *snapshotter)
{
    if (snapshotter->writer != NULL)
        oh_snapshot_writer_work(snapshotter->writer);
}
