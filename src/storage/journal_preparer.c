#include "base/assert.h"
#include "base/thread.h"
#include "storage/file_name.h"
#include "storage/journal_internal.h"
#include <inttypes.h>
#include <stdio.h>

/* ---- background sync (class process) ---------------------------------- */

static int64_t sync_due_us(const struct oh_journal *journal)
{
    uint64_t written_seq = atomic_load_explicit(&journal->written_seq, memory_order_acquire);
    uint64_t synced_seq = atomic_load_explicit(&journal->synced_seq, memory_order_acquire);
    if (journal->options.durability != OH_DURABILITY_PROCESS || written_seq == synced_seq ||
        journal_is_failed(journal))
        return INT64_MAX;
    return journal->last_sync_us + journal->options.sync_interval_ms * 1000;
}

static void sync_if_due(struct oh_journal *journal)
{
    if (sync_due_us(journal) > journal_now_us(journal))
        return;
    struct oh_diag diag = { .text = "" };
    journal_lock(journal);
    journal->is_syncing = true; /* the file stays the current one, and open */
    int file = journal->current.file;
    uint64_t seq = atomic_load_explicit(&journal->written_seq, memory_order_relaxed);
    journal_unlock(journal);
    enum oh_err err = journal_sync_file(journal, file, journal->current.path, 0, &diag);
    if (err == OH_OK)
        journal_publish_synced(journal, seq);
    journal->last_sync_us = journal_now_us(journal);
    journal_lock(journal);
    journal->is_syncing = false;
    pthread_cond_broadcast(&journal->changed);
    pthread_cond_signal(&journal->writer_wake); /* a proof frame may be due now */
    journal_unlock(journal);
    if (err != OH_OK)
        journal_fail(journal, &diag);
    else
        journal_wake(journal);
}

/* ---- preparing files -------------------------------------------------- */

static bool is_stopping(struct oh_journal *journal)
{
    journal_lock(journal);
    bool stopping = journal->is_preparer_stopping;
    journal_unlock(journal);
    return stopping;
}

/*
 * Reserves the space and writes real zeros over it, so that later writes only
 * overwrite blocks that are allocated and written: fdatasync then has no
 * metadata to write. Each step is synced, so that the disk never has a long
 * queue when a reply waits for it.
 */
static enum oh_err file_fill(struct oh_journal *journal, const struct journal_prepared *prepared,
                             struct oh_diag *diag)
{
    enum oh_err err = oh_io_allocate(journal->io, prepared->file, prepared->path, prepared->size, diag);
    uint64_t at = 0;
    while (err == OH_OK && at < prepared->size) {
        err = oh_io_zero_step(journal->io, prepared->file, prepared->path, &at, prepared->size, diag);
        if (err == OH_OK)
            err = oh_io_fdatasync(journal->io, prepared->file, prepared->path, diag);
        if (err == OH_OK && is_stopping(journal))
            err = OH_E_CLOSED;
        sync_if_due(journal);
    }
    if (err == OH_OK)
        err = oh_io_fsync(journal->io, prepared->file, prepared->path, diag);
    if (err == OH_OK)
        err = oh_io_fsync_directory(journal->io, oh_directory_journal_path(journal->directory), diag);
    return err;
}

enum oh_err journal_prepare(struct oh_journal *journal, struct oh_diag *diag)
{
    struct journal_prepared prepared = { .file = -1, .size = journal->options.segment_size };
    char name[64];
    if (atomic_load(&journal->counters.segments_count) >= OH_JOURNAL_SEGMENTS_MAX - OH_JOURNAL_PREPARED_MAX) {
        oh_diag_set(diag, "%s: there are as many files as one journal may have",
                    oh_directory_journal_path(journal->directory));
        return OH_E_FULL;
    }
    (void)snprintf(name, sizeof(name), "prepared-%" PRIu64 ".tmp", ++journal->prepare_number);
    enum oh_err err = oh_io_path(prepared.path, oh_directory_journal_path(journal->directory), name, diag);
    if (err != OH_OK)
        return err;
    err = oh_io_open(journal->io, prepared.path, journal_write_flags(journal) | OH_IO_CREATE | OH_IO_EXCLUSIVE,
                     &prepared.file, diag);
    if (err != OH_OK)
        return err;
    err = file_fill(journal, &prepared, diag);
    if (err != OH_OK) {
        oh_io_close(journal->io, &prepared.file);
        enum oh_err ignored = oh_io_unlink(journal->io, prepared.path, NULL); /* the first error is the one to tell */
        (void)ignored;
        return err;
    }
    journal_lock(journal);
    OH_ASSERT(journal->prepared_count < OH_JOURNAL_PREPARED_MAX);
    journal->prepared[journal->prepared_count++] = prepared;
    atomic_store_explicit(&journal->is_full, false, memory_order_release);
    journal_update_credit(journal);
    pthread_cond_broadcast(&journal->changed);
    journal_unlock(journal);
    journal_count(&journal->counters.prepares_count, 1);
    return OH_OK;
}

static void prepare_or_retry_later(struct oh_journal *journal)
{
    struct oh_diag diag = { .text = "" };
    enum oh_err err = journal_prepare(journal, &diag);
    if (err == OH_OK)
        journal_wake(journal);
    if (err == OH_OK || err == OH_E_CLOSED)
        return;
    journal_count(&journal->counters.prepare_errors_count, 1);
    journal->prepare_retry_at_us = journal_now_us(journal) + journal->options.prepare_retry_ms * 1000;
    journal_lock(journal);
    journal->full = diag;
    atomic_store_explicit(&journal->is_full, true, memory_order_release);
    pthread_cond_broadcast(&journal->changed);
    journal_unlock(journal);
}

/* ---- forgetting files ------------------------------------------------- */

/*
 * Removes the oldest files first, and each for certain before the next, so that a crash leaves a journal without
 * a gap, in whatever order names reach the disk.
 */
static enum oh_err files_forget(struct oh_journal *journal, const struct oh_seq_list *list, uint64_t seq,
                                struct oh_diag *diag)
{
    const char *directory = oh_directory_journal_path(journal->directory);
    size_t count = 0;
    while (count + 1 < list->count && list->seqs[count + 1] <= seq + 1) {
        char path[OH_IO_PATH_SIZE];
        enum oh_err err = oh_file_path(path, directory, list->seqs[count], OH_FILE_SUFFIX_JOURNAL, diag);
        if (err == OH_OK)
            err = oh_io_unlink(journal->io, path, diag);
        if (err != OH_OK)
            return err;
        count++;
        atomic_store_explicit(&journal->first_seq, list->seqs[count], memory_order_release);
        journal_count(&journal->counters.forgotten_count, 1);
        atomic_fetch_sub_explicit(&journal->counters.segments_count, 1, memory_order_relaxed);
        err = oh_io_fsync_directory(journal->io, directory, diag);
        if (err != OH_OK)
            return err;
    }
    return OH_OK;
}

/* A file that cannot be removed only takes space: the next call tries again. */
static void forget_if_wanted(struct oh_journal *journal)
{
    journal_lock(journal);
    bool is_wanted = journal->is_forget_wanted;
    uint64_t seq = journal->forget_seq;
    journal->is_forget_wanted = false;
    journal_unlock(journal);
    if (!is_wanted)
        return;
    struct oh_seq_list list;
    enum oh_err err = oh_seq_list_read(journal->io, oh_directory_journal_path(journal->directory),
                                       OH_FILE_SUFFIX_JOURNAL, OH_JOURNAL_SEGMENTS_MAX, &list, NULL);
    if (err != OH_OK)
        return;
    err = files_forget(journal, &list, seq, NULL);
    (void)err;
    oh_seq_list_fini(&list);
}

/* ---- rounds ----------------------------------------------------------- */

static bool is_prepare_wanted(const struct oh_journal *journal)
{
    return journal->prepared_count < journal->options.prepared_count && !journal_is_failed(journal);
}

void journal_prepare_round(struct oh_journal *journal)
{
    sync_if_due(journal);
    forget_if_wanted(journal);
    journal_lock(journal);
    bool is_wanted = is_prepare_wanted(journal);
    journal_unlock(journal);
    if (is_wanted && journal->prepare_retry_at_us <= journal_now_us(journal))
        prepare_or_retry_later(journal);
}

/* Under the mutex: when there is work; 0 for now, INT64_MAX for not until woken. */
static int64_t work_due_us(const struct oh_journal *journal)
{
    if (journal->is_forget_wanted)
        return 0;
    int64_t due_us = sync_due_us(journal);
    if (is_prepare_wanted(journal) && journal->prepare_retry_at_us < due_us)
        due_us = journal->prepare_retry_at_us;
    return due_us;
}

/* Class process: a write makes a sync due, but does not wake this thread; it looks at least this often. */
static int64_t wait_deadline_us(const struct oh_journal *journal, int64_t due_us)
{
    if (journal->options.durability != OH_DURABILITY_PROCESS)
        return due_us;
    int64_t look_us = journal_now_us(journal) + journal->options.sync_interval_ms * 1000;
    return due_us < look_us ? due_us : look_us;
}

/* False when the thread has to end. */
static bool preparer_wait(struct oh_journal *journal)
{
    journal_lock(journal);
    int64_t due_us = work_due_us(journal);
    while (!journal->is_preparer_stopping && due_us > journal_now_us(journal)) {
        journal_wait(journal, &journal->preparer_wake, wait_deadline_us(journal, due_us));
        due_us = work_due_us(journal);
    }
    bool stopping = journal->is_preparer_stopping;
    journal_unlock(journal);
    return !stopping;
}

void *journal_preparer_main(void *arg)
{
    struct oh_journal *journal = arg;
    oh_thread_name("journal-prepare");
    while (preparer_wait(journal))
        journal_prepare_round(journal);
    return NULL;
}
