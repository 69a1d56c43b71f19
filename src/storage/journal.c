#include "storage/journal.h"
#include "base/assert.h"
#include "base/thread.h"
#include "storage/journal_internal.h"
#include "storage/little_endian.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SEGMENT_SIZE_DEFAULT (UINT64_C(64) << 20)
#define BUFFER_SIZE_DEFAULT (UINT64_C(32) << 20)
#define BUFFER_SIZE_MAX (UINT64_C(1) << 30)
#define INTERVAL_MS_MAX (24 * 3600 * INT64_C(1000))

/* ---- options ---------------------------------------------------------- */

static struct oh_journal_options options_filled(const struct oh_journal_options *given)
{
    struct oh_journal_options options = *given;
    if (options.first_seq == 0)
        options.first_seq = 1;
    if (options.segment_size == 0)
        options.segment_size = SEGMENT_SIZE_DEFAULT;
    if (options.buffer_size == 0)
        options.buffer_size = BUFFER_SIZE_DEFAULT;
    if (options.record_size_max == 0)
        options.record_size_max = OH_JOURNAL_RECORD_SIZE_MAX;
    if (options.frame_align == 0)
        options.frame_align = 512;
    if (options.prepared_count == 0)
        options.prepared_count = 1;
    if (options.sync_interval_ms == 0)
        options.sync_interval_ms = 1000;
    if (options.quiet_ms == 0)
        options.quiet_ms = 1000;
    if (options.prepare_retry_ms == 0)
        options.prepare_retry_ms = 1000;
    return options;
}

/* Bytes at the end of a file that may stay unused, because the next record does not fit; and its new frame. */
static uint64_t cost_max(uint64_t record_size_max, uint32_t align)
{
    return oh_frame_size(record_size_max + OH_FRAME_RECORD_OVERHEAD, align) + journal_frame_overhead(align);
}

static bool is_interval(int64_t interval_ms)
{
    return interval_ms > 0 && interval_ms <= INTERVAL_MS_MAX;
}

static const char *options_fault(const struct oh_journal_options *options)
{
    uint64_t buffer_size = options->buffer_size;
    if (options->record_size_max > OH_JOURNAL_RECORD_SIZE_MAX)
        return "record_size_max is larger than 8 MiB";
    if (options->frame_align != 512 && options->frame_align != 4096)
        return "frame_align is neither 512 nor 4096";
    if (options->segment_size % 4096 != 0 || options->segment_size > OH_SEGMENT_SIZE_MAX)
        return "segment_size is not a multiple of 4096, or larger than 4 GiB";
    if (options->segment_size < OH_FILE_HEADER_SIZE + cost_max(options->record_size_max, 4096))
        return "segment_size is too small for the largest record";
    if ((buffer_size & (buffer_size - 1)) != 0 || buffer_size > BUFFER_SIZE_MAX)
        return "buffer_size is not a power of two, or larger than 1 GiB";
    if (buffer_size < options->record_size_max + UINT64_C(8))
        return "buffer_size is too small for the largest record";
    if (options->prepared_count > OH_JOURNAL_PREPARED_MAX)
        return "prepared_count is too large";
    if (!is_interval(options->sync_interval_ms) || !is_interval(options->quiet_ms) ||
        !is_interval(options->prepare_retry_ms))
        return "an interval is negative or longer than a day";
    return NULL;
}

/* ---- for all three threads -------------------------------------------- */

void journal_lock(struct oh_journal *journal)
{
    int result = pthread_mutex_lock(&journal->mutex);
    OH_ASSERT(result == 0);
}

void journal_unlock(struct oh_journal *journal)
{
    int result = pthread_mutex_unlock(&journal->mutex);
    OH_ASSERT(result == 0);
}

void journal_wait(struct oh_journal *journal, pthread_cond_t *condition, int64_t deadline_us)
{
    int result;
    if (deadline_us == INT64_MAX) {
        result = pthread_cond_wait(condition, &journal->mutex);
    } else {
        struct timespec deadline = { .tv_sec = deadline_us / 1000000, .tv_nsec = deadline_us % 1000000 * 1000 };
        result = pthread_cond_timedwait(condition, &journal->mutex, &deadline);
    }
    OH_ASSERT(result == 0 || result == ETIMEDOUT);
}

void journal_wake(const struct oh_journal *journal)
{
    if (journal->options.wake != NULL)
        journal->options.wake(journal->options.wake_ctx);
}

bool journal_is_failed(const struct oh_journal *journal)
{
    return atomic_load_explicit(&journal->is_failed, memory_order_acquire);
}

void journal_fail(struct oh_journal *journal, const struct oh_diag *diag)
{
    journal_lock(journal);
    if (!journal_is_failed(journal)) {
        journal->failure = *diag;
        atomic_store_explicit(&journal->is_failed, true, memory_order_release);
    }
    pthread_cond_broadcast(&journal->changed);
    journal_unlock(journal);
    journal_wake(journal);
}

/*
 * What certainly fits into files that are filled one after the other, when a
 * record that does not fit into the rest of one goes into the next: of each
 * file but the last, the largest record may stay unused.
 */
static uint64_t chain_capacity(uint64_t left, uint64_t behind, uint64_t unused_max)
{
    uint64_t certain = left > unused_max ? left - unused_max + behind : behind;
    return certain > left ? certain : left;
}

void journal_update_credit(struct oh_journal *journal)
{
    uint64_t unused_max = cost_max(journal->options.record_size_max, journal->cost_align);
    uint64_t capacity = 0;
    for (uint32_t i = 0; i < journal->prepared_count; i++)
        capacity = chain_capacity(journal->prepared[i].size - OH_FILE_HEADER_SIZE, capacity, unused_max);
    capacity = chain_capacity(journal->current_left, capacity, unused_max);
    atomic_store_explicit(&journal->credit, journal->written_cost + capacity, memory_order_release);
}

void journal_publish_space(struct oh_journal *journal)
{
    /* A proof frame may still follow what is written; the charge of the next submit has room for it. */
    journal->current_left = journal->current.size - journal->write_offset;
    journal->written_cost = journal->ring_position + journal->written_overhead;
    journal_update_credit(journal);
}

enum oh_err journal_sync_file(struct oh_journal *journal, int file, const char *path, int64_t write_us,
                              struct oh_diag *diag)
{
    int64_t start_us = journal_now_us(journal);
    enum oh_err err = oh_io_fdatasync(journal->io, file, path, diag);
    int64_t took_us = journal_now_us(journal) - start_us + write_us;
    uint64_t us = took_us > 0 ? (uint64_t)took_us : 0;
    unsigned bucket = us == 0 ? 0 : 64U - (unsigned)__builtin_clzll(us);
    if (bucket >= OH_JOURNAL_SYNC_BUCKETS)
        bucket = OH_JOURNAL_SYNC_BUCKETS - 1;
    journal_count(&journal->counters.syncs_count, 1);
    journal_count(&journal->counters.sync_us_sum, us);
    journal_count(&journal->counters.sync_us_buckets[bucket], 1);
    journal_count_max(&journal->counters.sync_us_max, us);
    return err;
}

unsigned journal_write_flags(const struct oh_journal *journal)
{
    return journal->options.durability == OH_DURABILITY_DISK ? OH_IO_WRITE | OH_IO_DIRECT : OH_IO_WRITE;
}

static void watermark_raise(_Atomic uint64_t *watermark, uint64_t seq)
{
    if (atomic_load_explicit(watermark, memory_order_relaxed) < seq)
        atomic_store_explicit(watermark, seq, memory_order_release);
}

void journal_publish_synced(struct oh_journal *journal, uint64_t seq)
{
    journal_lock(journal);
    if (!journal_is_failed(journal)) {
        watermark_raise(&journal->synced_seq, seq);
        watermark_raise(&journal->durable_seq, seq);
    }
    journal_unlock(journal);
}

/* ---- life cycle ------------------------------------------------------- */

static bool sync_primitives_init(struct oh_journal *journal)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    bool is_ok = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                 pthread_mutex_init(&journal->mutex, NULL) == 0 &&
                 pthread_cond_init(&journal->writer_wake, &attributes) == 0 &&
                 pthread_cond_init(&journal->preparer_wake, &attributes) == 0 &&
                 pthread_cond_init(&journal->changed, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return is_ok; /* on Linux none of these can fail, and none holds memory */
}

static void thread_stop(struct oh_journal *journal, pthread_t thread, bool *is_stopping, pthread_cond_t *wake)
{
    journal_lock(journal);
    *is_stopping = true;
    pthread_cond_broadcast(wake);
    pthread_cond_broadcast(&journal->changed);
    journal_unlock(journal);
    int result = pthread_join(thread, NULL);
    OH_ASSERT(result == 0);
}

/*
 * Where the newest file is nearly full, the next one is made before anything is written: else the first writes would be
 * refused until it is. What hinders it hinders only the writes that have no room.
 */
static void room_make(struct oh_journal *journal)
{
    if (oh_journal_room(journal) < journal->options.record_size_max)
        journal_prepare_round(journal);
}

static enum oh_err threads_start(struct oh_journal *journal, struct oh_diag *diag)
{
    if (journal->options.is_manual)
        return OH_OK;
    room_make(journal);
    if (!oh_thread_start(journal_preparer_main, journal, &journal->preparer_thread)) {
        oh_diag_set(diag, "the journal cannot start a thread");
        return OH_E_NOMEM;
    }
    if (!oh_thread_start(journal_writer_main, journal, &journal->writer_thread)) {
        thread_stop(journal, journal->preparer_thread, &journal->is_preparer_stopping, &journal->preparer_wake);
        oh_diag_set(diag, "the journal cannot start a thread");
        return OH_E_NOMEM;
    }
    journal->has_threads = true;
    return OH_OK;
}

static void journal_free(struct oh_journal *journal)
{
    if (journal->io != NULL) {
        oh_segment_close(&journal->current);
        for (uint32_t i = 0; i < journal->prepared_count; i++) {
            oh_io_close(journal->io, &journal->prepared[i].file);
            /* A prepared file that stays is removed by the next open. */
            enum oh_err ignored = oh_io_unlink(journal->io, journal->prepared[i].path, NULL);
            (void)ignored;
        }
    }
    oh_byte_ring_fini(&journal->ring);
    free(journal->stage);
    pthread_mutex_destroy(&journal->mutex);
    pthread_cond_destroy(&journal->writer_wake);
    pthread_cond_destroy(&journal->preparer_wake);
    pthread_cond_destroy(&journal->changed);
    free(journal);
}

static bool is_memory(const struct oh_journal *journal)
{
    return journal->options.durability == OH_DURABILITY_MEMORY;
}

/* Class memory has neither buffer nor files: all four watermarks are one. */
static enum oh_err memory_start(struct oh_journal *journal)
{
    uint64_t seq = journal->options.first_seq - 1;
    atomic_store(&journal->appended_seq, seq);
    atomic_store(&journal->first_seq, journal->options.first_seq);
    return OH_OK;
}

static enum oh_err files_start(struct oh_journal *journal, const struct oh_directory *directory,
                               struct oh_diag *diag)
{
    OH_ASSERT(directory != NULL);
    journal->io = oh_directory_io(directory);
    journal->directory = directory;
    journal->ledger_id = oh_directory_ledger_id(directory);
    journal->current = (struct oh_segment){ .io = journal->io, .file = -1 };
    journal->stage = aligned_alloc(OH_IO_DIRECT_ALIGN, OH_JOURNAL_STAGE_SIZE);
    if (journal->stage == NULL)
        return OH_E_NOMEM;
    enum oh_err err = oh_byte_ring_init(&journal->ring, journal->options.buffer_size);
    if (err == OH_OK)
        err = journal_recover(journal, diag);
    if (err == OH_OK)
        err = threads_start(journal, diag);
    return err;
}

enum oh_err oh_journal_open(const struct oh_directory *directory, const struct oh_journal_options *options,
                            struct oh_journal **out_journal, struct oh_diag *diag)
{
    struct oh_journal_options filled = options_filled(options);
    const char *fault = options_fault(&filled);
    if (fault != NULL) {
        oh_diag_set(diag, "journal: %s", fault);
        return OH_E_INVALID;
    }
    struct oh_journal *journal = calloc(1, sizeof(*journal));
    if (journal == NULL)
        return OH_E_NOMEM;
    journal->keep_seq = UINT64_MAX;
    journal->options = filled;
    if (!sync_primitives_init(journal)) {
        free(journal);
        return OH_E_NOMEM;
    }
    enum oh_err err = is_memory(journal) ? memory_start(journal) : files_start(journal, directory, diag);
    if (err != OH_OK) {
        journal_free(journal);
        return err;
    }
    *out_journal = journal;
    return OH_OK;
}

void oh_journal_finish(struct oh_journal *journal)
{
    if (is_memory(journal) || journal->is_writer_stopping)
        return;
    oh_journal_submit(journal);
    if (!journal->has_threads) {
        journal->is_writer_stopping = true;
        journal_write_rest(journal);
        return;
    }
    /* The writer first: it may still need a file from the preparer. */
    thread_stop(journal, journal->writer_thread, &journal->is_writer_stopping, &journal->writer_wake);
    thread_stop(journal, journal->preparer_thread, &journal->is_preparer_stopping, &journal->preparer_wake);
}

void oh_journal_close(struct oh_journal **journal)
{
    if (*journal == NULL)
        return;
    oh_journal_finish(*journal);
    journal_free(*journal);
    *journal = NULL;
}

/* ---- the loop thread -------------------------------------------------- */

/* See journal_frame_overhead(). */
static void overhead_charge(struct oh_journal *journal)
{
    uint64_t head = journal->ring.head;
    if (!journal->is_batch_begun || head - journal->overhead_position >= OH_JOURNAL_RECORD_SIZE_MAX) {
        journal->overhead_cost += journal_frame_overhead(journal->cost_align);
        journal->overhead_position = head;
        journal->is_batch_begun = true;
    }
    atomic_store_explicit(&journal->appended_cost, head + journal->overhead_cost, memory_order_relaxed);
}

enum oh_err oh_journal_append(struct oh_journal *journal, uint64_t seq, struct oh_bytes record)
{
    OH_ASSERT(seq == atomic_load_explicit(&journal->appended_seq, memory_order_relaxed) + 1);
    if (record.size == 0)
        return OH_E_INVALID;
    if (record.size > journal->options.record_size_max)
        return OH_E_TOO_LARGE;
    if (!is_memory(journal)) {
        if (journal_is_failed(journal))
            return OH_E_IO;
        if (record.size + OH_FRAME_RECORD_OVERHEAD > oh_byte_ring_room(&journal->ring))
            return OH_E_FULL;
        uint8_t size[OH_FRAME_RECORD_OVERHEAD];
        oh_le_put_u32(size, (uint32_t)record.size);
        oh_byte_ring_put(&journal->ring, size, sizeof(size));
        oh_byte_ring_put(&journal->ring, record.data, record.size);
        overhead_charge(journal);
    }
    atomic_store_explicit(&journal->appended_seq, seq, memory_order_release);
    return OH_OK;
}

void oh_journal_submit(struct oh_journal *journal)
{
    if (is_memory(journal) || journal->submitted_position == journal->ring.head)
        return; /* only this thread moves either */
    journal_lock(journal);
    journal->submitted_position = journal->ring.head;
    journal->submitted_overhead = journal->overhead_cost;
    journal->is_batch_begun = false;
    journal_unlock(journal);
    /* Behind the lock: a writer that wakes does not find it taken, and sleeps again. */
    pthread_cond_signal(&journal->writer_wake);
}

uint64_t oh_journal_room(const struct oh_journal *journal)
{
    if (is_memory(journal))
        return UINT64_MAX;
    uint64_t credit = atomic_load_explicit(&journal->credit, memory_order_acquire);
    uint64_t cost = atomic_load_explicit(&journal->appended_cost, memory_order_relaxed);
    uint64_t overhead = OH_FRAME_RECORD_OVERHEAD + journal_frame_overhead(journal->cost_align);
    return credit > cost + overhead ? credit - cost - overhead : 0;
}

uint64_t oh_journal_buffer_room(const struct oh_journal *journal)
{
    if (is_memory(journal))
        return UINT64_MAX;
    uint64_t room = oh_byte_ring_room(&journal->ring);
    return room > OH_FRAME_RECORD_OVERHEAD ? room - OH_FRAME_RECORD_OVERHEAD : 0;
}

bool oh_journal_is_full(const struct oh_journal *journal)
{
    return atomic_load_explicit(&journal->is_full, memory_order_acquire);
}

bool oh_journal_full_text(struct oh_journal *journal, struct oh_diag *out_diag)
{
    journal_lock(journal);
    bool is_full = oh_journal_is_full(journal);
    if (is_full)
        *out_diag = journal->full;
    journal_unlock(journal);
    return is_full;
}

uint64_t oh_journal_seq(const struct oh_journal *journal)
{
    return atomic_load_explicit(&journal->appended_seq, memory_order_acquire);
}

static uint64_t watermark(const struct oh_journal *journal, const _Atomic uint64_t *seq)
{
    return atomic_load_explicit(is_memory(journal) ? &journal->appended_seq : seq, memory_order_acquire);
}

uint64_t oh_journal_written_seq(const struct oh_journal *journal)
{
    return watermark(journal, &journal->written_seq);
}

uint64_t oh_journal_synced_seq(const struct oh_journal *journal)
{
    return watermark(journal, &journal->synced_seq);
}

uint64_t oh_journal_durable_seq(const struct oh_journal *journal)
{
    return watermark(journal, &journal->durable_seq);
}

uint64_t oh_journal_first_seq(const struct oh_journal *journal)
{
    return atomic_load_explicit(&journal->first_seq, memory_order_acquire);
}

const char *oh_journal_torn_text(const struct oh_journal *journal)
{
    return journal->torn.text[0] == '\0' ? NULL : journal->torn.text;
}

bool oh_journal_failed(struct oh_journal *journal, struct oh_diag *out_diag)
{
    if (!journal_is_failed(journal))
        return false;
    if (out_diag != NULL) {
        journal_lock(journal);
        *out_diag = journal->failure;
        journal_unlock(journal);
    }
    return true;
}

/* Under the mutex. */
static void forget_follow(struct oh_journal *journal)
{
    uint64_t seq = journal->forget_asked_seq;
    if (seq >= journal->keep_seq)
        seq = journal->keep_seq == 0 ? 0 : journal->keep_seq - 1;
    if (seq <= journal->forget_seq)
        return;
    journal->forget_seq = seq;
    journal->is_forget_wanted = true;
    pthread_cond_signal(&journal->preparer_wake);
}

void oh_journal_forget(struct oh_journal *journal, uint64_t seq)
{
    if (is_memory(journal))
        return;
    journal_lock(journal);
    if (seq > journal->forget_asked_seq)
        journal->forget_asked_seq = seq;
    forget_follow(journal);
    journal_unlock(journal);
}

void oh_journal_keep_from(struct oh_journal *journal, uint64_t seq)
{
    if (is_memory(journal))
        return;
    journal_lock(journal);
    journal->keep_seq = seq;
    if (journal->forget_seq >= seq) /* asked for and not done yet, perhaps: it is not wanted any more */
        journal->forget_seq = seq == 0 ? 0 : seq - 1;
    forget_follow(journal);
    journal_unlock(journal);
}

static uint64_t counter_read(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void oh_journal_stats(struct oh_journal *journal, struct oh_journal_stats *out_stats)
{
    const struct journal_counters *counters = &journal->counters;
    *out_stats = (struct oh_journal_stats){
        .records_count = counter_read(&counters->records_count),
        .frames_count = counter_read(&counters->frames_count),
        .frame_bytes = counter_read(&counters->frame_bytes),
        .proofs_count = counter_read(&counters->proofs_count),
        .syncs_count = counter_read(&counters->syncs_count),
        .sync_us_sum = counter_read(&counters->sync_us_sum),
        .sync_us_max = counter_read(&counters->sync_us_max),
        .rotations_count = counter_read(&counters->rotations_count),
        .rotation_us_max = counter_read(&counters->rotation_us_max),
        .prepares_count = counter_read(&counters->prepares_count),
        .prepare_errors_count = counter_read(&counters->prepare_errors_count),
        .forgotten_count = counter_read(&counters->forgotten_count),
        .torn_bytes = journal->torn_bytes,
        .segments_count = counter_read(&counters->segments_count),
        .room_bytes = oh_journal_room(journal),
    };
    for (int i = 0; i < OH_JOURNAL_SYNC_BUCKETS; i++)
        out_stats->sync_us_buckets[i] = counter_read(&counters->sync_us_buckets[i]);
}

void oh_journal_work(struct oh_journal *journal, unsigned kinds)
{
    OH_ASSERT(journal->options.is_manual);
    if (is_memory(journal))
        return;
    if ((kinds & OH_JOURNAL_WORK_WRITE) != 0)
        journal_write_round(journal);
    if ((kinds & OH_JOURNAL_WORK_PREPARE) != 0)
        journal_prepare_round(journal);
}
