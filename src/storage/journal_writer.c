#include "base/assert.h"
#include "base/thread.h"
#include "storage/file_name.h"
#include "storage/journal_internal.h"
#include "storage/little_endian.h"
#include <inttypes.h>
#include <string.h>

/* How long a rename waits for space in the directory before it is tried again. */
#define ACTIVATE_RETRY_US 100000

/* ---- frames ----------------------------------------------------------- */

/* The next records that go into one frame. */
struct frame_plan {
    uint32_t record_count;
    uint32_t payload_size;
};

static struct frame_plan frame_plan(const struct oh_journal *journal, uint64_t limit)
{
    struct frame_plan plan = { 0, 0 };
    uint64_t left = journal->current.size - journal->write_offset;
    uint64_t position = journal->ring_position;
    while (position < limit) {
        uint8_t size_bytes[OH_FRAME_RECORD_OVERHEAD];
        oh_byte_ring_copy(&journal->ring, position, size_bytes, sizeof(size_bytes));
        uint64_t size = OH_FRAME_RECORD_OVERHEAD + (uint64_t)oh_le_get_u32(size_bytes);
        uint64_t payload_size = plan.payload_size + size;
        if (payload_size > OH_FRAME_PAYLOAD_MAX || oh_frame_size(payload_size, journal->current.align) > left)
            break;
        plan.payload_size = (uint32_t)payload_size;
        plan.record_count++;
        position += size;
    }
    OH_ASSERT(position <= limit);
    return plan;
}

/* Puts the parts together in the stage and writes it each time it is full. */
static enum oh_err parts_write(struct oh_journal *journal, const struct iovec *parts, int count, struct oh_diag *diag)
{
    const struct oh_segment *segment = &journal->current;
    uint64_t offset = journal->write_offset;
    size_t filled = 0;
    enum oh_err err = OH_OK;
    for (int i = 0; i < count; i++) {
        const uint8_t *bytes = parts[i].iov_base;
        size_t left = parts[i].iov_len;
        while (left > 0 && err == OH_OK) {
            size_t room = OH_JOURNAL_STAGE_SIZE - filled;
            size_t size = left < room ? left : room;
            memcpy(journal->stage + filled, bytes, size);
            bytes += size;
            left -= size;
            filled += size;
            if (filled == OH_JOURNAL_STAGE_SIZE) {
                err = oh_io_write(journal->io, segment->file, segment->path, journal->stage, filled, offset, diag);
                offset += filled;
                filled = 0;
            }
        }
    }
    if (err == OH_OK && filled > 0)
        err = oh_io_write(journal->io, segment->file, segment->path, journal->stage, filled, offset, diag);
    return err;
}

/* Writes a frame at write_offset and moves behind it. A proof frame has no records. */
static enum oh_err frame_write(struct oh_journal *journal, struct frame_plan plan, struct oh_diag *diag)
{
    const struct oh_segment *segment = &journal->current;
    static const uint8_t zeros[OH_FRAME_ALIGN_MAX];
    struct iovec parts[OH_IO_PARTS_MAX];
    int pieces = oh_byte_ring_pieces(&journal->ring, journal->ring_position, plan.payload_size, &parts[1]);
    struct oh_frame_header header = {
        .offset = journal->write_offset,
        .first_seq = journal->next_seq,
        .last_seq = journal->next_seq + plan.record_count - 1,
        .synced_seq = atomic_load_explicit(&journal->synced_seq, memory_order_acquire),
        .payload_checksum = oh_frame_payload_checksum(&journal->ledger_id, journal->next_seq, &parts[1], pieces),
        .payload_size = plan.payload_size,
        .record_count = plan.record_count,
        .link_before = journal->link,
    };
    uint8_t header_bytes[OH_FRAME_HEADER_SIZE];
    oh_frame_header_encode(&header, &journal->ledger_id, header_bytes);
    parts[0] = (struct iovec){ .iov_base = header_bytes, .iov_len = sizeof(header_bytes) };
    /* The padding too: what was cut here once may still be on the disk, though zeros are read. */
    uint64_t size = oh_frame_size(plan.payload_size, segment->align);
    parts[1 + pieces] = (struct iovec){ .iov_base = (void *)(uintptr_t)zeros,
                                        .iov_len = size - OH_FRAME_HEADER_SIZE - plan.payload_size };
    int64_t start_us = journal_now_us(journal);
    enum oh_err err = parts_write(journal, parts, 2 + pieces, diag);
    journal->write_us += journal_now_us(journal) - start_us;
    if (err != OH_OK)
        return err;
    journal->write_offset += size;
    journal->link = oh_frame_link(header_bytes);
    if (plan.record_count > 0)
        journal->records_link = journal->link;
    journal_count(&journal->counters.frame_bytes, size);
    return OH_OK;
}

/* In class process writes only reach the page cache, and nobody waits for a sync. */
static enum oh_err written_sync(struct oh_journal *journal, struct oh_diag *diag)
{
    int64_t write_us = journal->options.durability == OH_DURABILITY_DISK ? journal->write_us : 0;
    journal->write_us = 0;
    return journal_sync_file(journal, journal->current.file, journal->current.path, write_us, diag);
}

static void frame_written(struct oh_journal *journal, struct frame_plan plan)
{
    journal->ring_position += plan.payload_size;
    oh_byte_ring_release(&journal->ring, journal->ring_position);
    journal->next_seq += plan.record_count;
    journal->last_write_us = journal_now_us(journal);
    journal_lock(journal);
    journal->is_unproven = true;
    journal_publish_space(journal);
    if (!journal_is_failed(journal)) {
        atomic_store_explicit(&journal->written_seq, journal->next_seq - 1, memory_order_release);
        if (journal->options.durability == OH_DURABILITY_PROCESS)
            atomic_store_explicit(&journal->durable_seq, journal->next_seq - 1, memory_order_release);
    }
    journal_unlock(journal);
    journal_count(&journal->counters.frames_count, 1);
    journal_count(&journal->counters.records_count, plan.record_count);
}

/* ---- the next file ---------------------------------------------------- */

/* Waits until there is a prepared file and nobody syncs the current one. */
static enum oh_err prepared_wait(struct oh_journal *journal, struct oh_diag *diag)
{
    enum oh_err err = OH_OK;
    journal_lock(journal);
    while (err == OH_OK && (journal->prepared_count == 0 || journal->is_syncing)) {
        if (journal_is_failed(journal))
            err = OH_E_IO;
        else if (journal->is_writer_stopping && oh_journal_is_full(journal))
            err = OH_E_NO_SPACE;
        else if (!journal->has_threads)
            err = OH_E_AGAIN;
        else
            journal_wait(journal, &journal->changed, INT64_MAX);
    }
    journal_unlock(journal);
    if (err == OH_E_NO_SPACE)
        oh_diag_set(diag, "no file could be prepared for the last records");
    return err;
}

static enum oh_err header_write(const struct oh_journal *journal, const struct journal_prepared *prepared,
                                uint32_t *out_link, struct oh_diag *diag)
{
    struct oh_file_header header = {
        .kind = OH_FILE_JOURNAL,
        .ledger_id = journal->ledger_id,
        .seq = journal->next_seq,
        .at_us = journal->io->realtime_us(journal->io->ctx),
        .file_size = prepared->size,
        .unit_size = journal->options.frame_align,
        .link_before = journal->records_link,
    };
    oh_file_header_encode(&header, journal->stage);
    *out_link = oh_file_header_link(journal->stage);
    enum oh_err err = oh_io_write(journal->io, prepared->file, prepared->path, journal->stage, OH_FILE_HEADER_SIZE, 0,
                                  diag);
    if (err == OH_OK)
        err = oh_io_fdatasync(journal->io, prepared->file, prepared->path, diag);
    return err;
}

enum oh_err journal_activate(struct oh_journal *journal, struct oh_diag *diag)
{
    OH_ASSERT(journal->prepared_count > 0);
    const struct journal_prepared *prepared = &journal->prepared[0];
    struct oh_segment segment = {
        .io = journal->io,
        .file = prepared->file,
        .ledger_id = journal->ledger_id,
        .first_seq = journal->next_seq,
        .size = prepared->size,
        .align = journal->options.frame_align,
    };
    const char *directory = oh_directory_journal_path(journal->directory);
    enum oh_err err = oh_file_path(segment.path, directory, segment.first_seq, OH_FILE_SUFFIX_JOURNAL, diag);
    if (err == OH_OK)
        err = header_write(journal, prepared, &segment.link, diag);
    if (err == OH_OK)
        err = oh_io_rename(journal->io, prepared->path, segment.path, diag);
    if (err == OH_E_NO_SPACE)
        return OH_E_AGAIN; /* nothing has changed yet, so this may be tried again */
    if (err == OH_OK)
        err = oh_io_fsync_directory(journal->io, directory, diag);
    if (err != OH_OK)
        return err;
    struct oh_segment before = journal->current;
    journal_lock(journal);
    OH_ASSERT(!journal->is_syncing);
    journal->current = segment;
    journal->write_offset = OH_FILE_HEADER_SIZE;
    journal->link = segment.link;
    journal->records_link = 0;
    journal->is_unproven = false; /* the header of the new file proves it */
    journal->prepared_count--;
    for (uint32_t i = 0; i < journal->prepared_count; i++)
        journal->prepared[i] = journal->prepared[i + 1];
    journal_publish_space(journal);
    pthread_cond_signal(&journal->preparer_wake);
    journal_unlock(journal);
    oh_segment_close(&before);
    journal_count(&journal->counters.segments_count, 1);
    return OH_OK;
}

/* A full directory may refuse the new name for a while; nothing is lost by waiting. */
static enum oh_err activate_patiently(struct oh_journal *journal, struct oh_diag *diag)
{
    for (;;) { /* no bound: ends with space, with an error, or when the journal is closed */
        enum oh_err err = prepared_wait(journal, diag);
        if (err == OH_OK)
            err = journal_activate(journal, diag);
        if (err != OH_E_AGAIN || !journal->has_threads)
            return err;
        journal_lock(journal);
        bool is_stopping = journal->is_writer_stopping;
        if (!is_stopping)
            journal_wait(journal, &journal->changed, journal_now_us(journal) + ACTIVATE_RETRY_US);
        journal_unlock(journal);
        if (is_stopping)
            return OH_E_NO_SPACE;
    }
}

/* Only a synced file gets a successor, so that only the newest file can have a torn tail. */
static enum oh_err rotate(struct oh_journal *journal, struct oh_diag *diag)
{
    int64_t start_us = journal_now_us(journal);
    enum oh_err err = written_sync(journal, diag);
    if (err != OH_OK)
        return err;
    journal_publish_synced(journal, journal->next_seq - 1);
    journal_wake(journal); /* the wait below can be long */
    err = activate_patiently(journal, diag);
    if (err != OH_OK)
        return err;
    journal_count(&journal->counters.rotations_count, 1);
    int64_t took_us = journal_now_us(journal) - start_us;
    journal_count_max(&journal->counters.rotation_us_max, took_us > 0 ? (uint64_t)took_us : 0);
    return OH_OK;
}

/* ---- rounds ----------------------------------------------------------- */

/* Everything that is submitted and not written. */
struct batch {
    uint64_t limit;    /* ring position of its end */
    uint64_t overhead; /* charged for it and for all before it */
};

static struct batch batch_take(struct oh_journal *journal)
{
    journal_lock(journal);
    struct batch batch = { .limit = journal->submitted_position, .overhead = journal->submitted_overhead };
    journal_unlock(journal);
    return batch;
}

static enum oh_err batch_write(struct oh_journal *journal, const struct batch *batch, struct oh_diag *diag)
{
    while (journal->ring_position < batch->limit) {
        struct frame_plan plan = frame_plan(journal, batch->limit);
        enum oh_err err;
        if (plan.record_count == 0) {
            err = rotate(journal, diag);
        } else {
            err = frame_write(journal, plan, diag);
            if (err == OH_OK)
                frame_written(journal, plan);
        }
        if (err != OH_OK)
            return err;
    }
    journal_lock(journal);
    journal->written_overhead = batch->overhead;
    journal_publish_space(journal);
    journal_unlock(journal);
    return OH_OK;
}

static enum oh_err current_sync(struct oh_journal *journal, struct oh_diag *diag)
{
    uint64_t seq = journal->next_seq - 1;
    if (atomic_load_explicit(&journal->synced_seq, memory_order_acquire) >= seq)
        return OH_OK;
    enum oh_err err = written_sync(journal, diag);
    if (err == OH_OK)
        journal_publish_synced(journal, seq);
    return err;
}

/* When a proof frame is due: INT64_MAX for not at all. */
static int64_t proof_due_us(const struct oh_journal *journal)
{
    bool is_synced = atomic_load_explicit(&journal->synced_seq, memory_order_acquire) == journal->next_seq - 1;
    bool is_fitting = journal->write_offset + journal->current.align <= journal->current.size;
    if (!journal->is_unproven || !is_synced || !is_fitting)
        return INT64_MAX;
    return journal->last_write_us + journal->options.quiet_ms * 1000;
}

enum oh_err journal_prove(struct oh_journal *journal, struct oh_diag *diag)
{
    enum oh_err err = frame_write(journal, (struct frame_plan){ 0, 0 }, diag);
    if (err == OH_OK)
        err = written_sync(journal, diag);
    if (err != OH_OK)
        return err;
    journal_lock(journal);
    journal->is_unproven = false;
    journal_publish_space(journal);
    journal_unlock(journal);
    journal_count(&journal->counters.proofs_count, 1);
    return OH_OK;
}

void journal_write_round(struct oh_journal *journal)
{
    struct oh_diag diag = { .text = "" };
    if (journal_is_failed(journal))
        return;
    struct batch batch = batch_take(journal);
    enum oh_err err = OH_OK;
    if (journal->ring_position < batch.limit) {
        err = batch_write(journal, &batch, &diag);
        if ((err == OH_OK || err == OH_E_AGAIN) && journal->options.durability == OH_DURABILITY_DISK) {
            enum oh_err sync_err = current_sync(journal, &diag);
            err = sync_err != OH_OK ? sync_err : err;
        }
        journal_wake(journal);
    } else if (proof_due_us(journal) <= journal_now_us(journal)) {
        err = journal_prove(journal, &diag);
    }
    if (err != OH_OK && err != OH_E_AGAIN)
        journal_fail(journal, &diag);
}

void journal_write_rest(struct oh_journal *journal)
{
    struct oh_diag diag = { .text = "" };
    journal_write_round(journal);
    if (!journal->has_threads && journal->ring_position < batch_take(journal).limit) {
        journal_prepare_round(journal);
        journal_write_round(journal);
    }
    if (journal_is_failed(journal))
        return;
    enum oh_err err = current_sync(journal, &diag);
    if (err == OH_OK && proof_due_us(journal) != INT64_MAX)
        err = journal_prove(journal, &diag);
    if (err != OH_OK)
        journal_fail(journal, &diag);
}

/* False when the thread has to end. */
static bool writer_wait(struct oh_journal *journal)
{
    journal_lock(journal);
    bool is_due = false;
    while (!is_due && !journal->is_writer_stopping) {
        int64_t due_us = INT64_MAX;
        if (!journal_is_failed(journal)) {
            due_us = proof_due_us(journal);
            is_due = journal->submitted_position != journal->ring_position ||
                     (due_us != INT64_MAX && due_us <= journal_now_us(journal));
        }
        if (!is_due)
            journal_wait(journal, &journal->writer_wake, due_us);
    }
    bool is_stopping = journal->is_writer_stopping;
    journal_unlock(journal);
    return !is_stopping;
}

void *journal_writer_main(void *arg)
{
    struct oh_journal *journal = arg;
    oh_thread_name("journal");
    while (writer_wait(journal))
        journal_write_round(journal);
    journal_write_rest(journal);
    return NULL;
}
