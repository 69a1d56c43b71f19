#include "base/assert.h"
#include "base/thread.h"
#include "storage/byte_ring.h"
#include "storage/file_header.h"
#include "storage/file_name.h"
#include "storage/little_endian.h"
#include "storage/snapshot.h"
#include "storage/snapshot_format.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define COMPRESSION_LEVEL 1

/* The disk is given its work in small portions, so that a journal that syncs meanwhile never waits long. */
#define SYNC_BYTES (4U << 20)

struct oh_snapshot_writer {
    /* Fixed after create. */
    const struct oh_io *io;
    const struct oh_directory *directory;
    struct oh_snapshot_options options;
    char path[OH_IO_PATH_SIZE];
    char path_temporary[OH_IO_PATH_SIZE];
    uint64_t seed;
    bool has_thread;
    pthread_t thread;

    /* The loop thread. */
    struct oh_byte_ring ring;
    uint64_t told_position; /* what the helper knows of */
    bool is_finish_called;

    /* The helper thread. */
    int file;
    uint64_t offset;
    uint64_t unsynced_bytes;
    uint64_t position;
    uint32_t blocks_count;
    uint64_t chain;
    ZSTD_CCtx *compressor;
    char *raw;
    char *stored;
    size_t stored_capacity;

    /* Shared: under the mutex. */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t ready_position;
    bool is_finishing;
    bool is_aborting;
    bool is_room_wanted; /* a put found the queue full */
    struct oh_diag failure;

    _Atomic int state;
    _Atomic uint64_t objects_count;
    _Atomic uint64_t raw_bytes;
    _Atomic uint64_t file_bytes;
    _Atomic uint64_t sync_us_max;
};

static void writer_lock(struct oh_snapshot_writer *writer)
{
    int result = pthread_mutex_lock(&writer->mutex);
    OH_ASSERT(result == 0);
}

static void writer_unlock(struct oh_snapshot_writer *writer)
{
    int result = pthread_mutex_unlock(&writer->mutex);
    OH_ASSERT(result == 0);
}

static void writer_wake(const struct oh_snapshot_writer *writer)
{
    if (writer->options.wake != NULL)
        writer->options.wake(writer->options.wake_ctx);
}

static int state_of(const struct oh_snapshot_writer *writer)
{
    return atomic_load_explicit(&writer->state, memory_order_acquire);
}

/* ---- the helper thread ------------------------------------------------ */

/* What the helper may work on now. */
struct order {
    uint64_t ready_position;
    bool is_finishing;
    bool is_aborting;
};

static struct order order_read(struct oh_snapshot_writer *writer)
{
    writer_lock(writer);
    struct order order = {
        .ready_position = writer->ready_position,
        .is_finishing = writer->is_finishing,
        .is_aborting = writer->is_aborting,
    };
    writer_unlock(writer);
    return order;
}

static bool has_work(const struct oh_snapshot_writer *writer, const struct order *order)
{
    return order->is_finishing || order->ready_position - writer->position >= OH_SNAPSHOT_BLOCK_SIZE;
}

static enum oh_err file_sync(struct oh_snapshot_writer *writer, struct oh_diag *diag)
{
    int64_t start_us = writer->io->monotonic_us(writer->io->ctx);
    enum oh_err err = oh_io_fdatasync(writer->io, writer->file, writer->path_temporary, diag);
    int64_t took_us = writer->io->monotonic_us(writer->io->ctx) - start_us;
    uint64_t us = took_us > 0 ? (uint64_t)took_us : 0;
    if (us > atomic_load_explicit(&writer->sync_us_max, memory_order_relaxed))
        atomic_store_explicit(&writer->sync_us_max, us, memory_order_relaxed);
    writer->unsynced_bytes = 0;
    return err;
}

static enum oh_err file_append(struct oh_snapshot_writer *writer, struct iovec *parts, int count,
                               struct oh_diag *diag)
{
    uint64_t size = 0;
    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    enum oh_err err =
        oh_io_write_parts(writer->io, writer->file, writer->path_temporary, parts, count, writer->offset, diag);
    if (err != OH_OK)
        return err;
    writer->offset += size;
    writer->unsynced_bytes += size;
    atomic_store_explicit(&writer->file_bytes, writer->offset, memory_order_relaxed);
    return writer->unsynced_bytes < SYNC_BYTES ? OH_OK : file_sync(writer, diag);
}

static enum oh_err file_begin(struct oh_snapshot_writer *writer, struct oh_diag *diag)
{
    struct oh_file_header header = {
        .kind = OH_FILE_SNAPSHOT,
        .ledger_id = oh_directory_ledger_id(writer->directory),
        .seq = writer->options.seq,
        .at_us = writer->options.at_us,
        .unit_size = OH_SNAPSHOT_BLOCK_SIZE,
    };
    uint8_t page[OH_FILE_HEADER_SIZE];
    enum oh_err err = oh_io_unlink(writer->io, writer->path_temporary, diag);
    if (err == OH_OK)
        err = oh_io_open(writer->io, writer->path_temporary, OH_IO_WRITE | OH_IO_CREATE | OH_IO_EXCLUSIVE,
                         &writer->file, diag);
    if (err != OH_OK)
        return err;
    oh_file_header_encode(&header, page);
    struct iovec part = { .iov_base = page, .iov_len = sizeof(page) };
    return file_append(writer, &part, 1, diag);
}

static enum oh_err block_write(struct oh_snapshot_writer *writer, size_t size, struct oh_diag *diag)
{
    oh_byte_ring_copy(&writer->ring, writer->position, writer->raw, size);
    writer->position += size;
    oh_byte_ring_release(&writer->ring, writer->position);
    size_t stored_size = ZSTD_compressCCtx(writer->compressor, writer->stored, writer->stored_capacity, writer->raw,
                                           size, COMPRESSION_LEVEL);
    if (ZSTD_isError(stored_size)) {
        oh_diag_set(diag, "%s: zstd: %s", writer->path_temporary, ZSTD_getErrorName(stored_size));
        return OH_E_NOMEM; /* the buffers are large enough: only memory of its own can be missing */
    }
    struct oh_snapshot_block block = {
        .index = writer->blocks_count++,
        .raw_size = (uint32_t)size,
        .stored_size = (uint32_t)stored_size,
    };
    uint8_t header[OH_SNAPSHOT_BLOCK_HEADER_SIZE];
    oh_snapshot_block_encode(&block, writer->stored, writer->seed, header);
    writer->chain = oh_snapshot_chain(writer->chain, block.checksum);
    struct iovec parts[2] = {
        { .iov_base = header, .iov_len = sizeof(header) },
        { .iov_base = writer->stored, .iov_len = stored_size },
    };
    return file_append(writer, parts, 2, diag);
}

static enum oh_err blocks_write(struct oh_snapshot_writer *writer, struct order *order, struct oh_diag *diag)
{
    while (!order->is_aborting) { /* bounded by what is put into the queue */
        uint64_t size = order->ready_position - writer->position;
        if (size == 0 || !has_work(writer, order))
            break;
        enum oh_err err =
            block_write(writer, size < OH_SNAPSHOT_BLOCK_SIZE ? (size_t)size : OH_SNAPSHOT_BLOCK_SIZE, diag);
        if (err != OH_OK)
            return err;
        writer_lock(writer);
        bool is_room_wanted = writer->is_room_wanted;
        writer->is_room_wanted = false;
        writer_unlock(writer);
        if (is_room_wanted)
            writer_wake(writer);
        *order = order_read(writer);
    }
    return OH_OK;
}

static enum oh_err file_end(struct oh_snapshot_writer *writer, struct oh_diag *diag)
{
    struct oh_snapshot_footer footer = {
        .blocks_count = writer->blocks_count,
        .raw_bytes = atomic_load(&writer->raw_bytes),
        .objects_count = atomic_load(&writer->objects_count),
        .chain = writer->chain,
    };
    uint8_t bytes[OH_SNAPSHOT_FOOTER_SIZE];
    oh_snapshot_footer_encode(&footer, writer->seed, bytes);
    struct iovec part = { .iov_base = bytes, .iov_len = sizeof(bytes) };
    enum oh_err err = file_append(writer, &part, 1, diag);
    if (err == OH_OK)
        err = oh_io_fsync(writer->io, writer->file, writer->path_temporary, diag);
    if (err == OH_OK)
        err = oh_io_rename(writer->io, writer->path_temporary, writer->path, diag);
    if (err == OH_OK)
        err = oh_io_fsync_directory(writer->io, oh_directory_snapshot_path(writer->directory), diag);
    if (err == OH_OK && writer->options.keep_count > 0) {
        /* The snapshot is safe; an old one that cannot be removed now goes with the next. */
        enum oh_err ignored = oh_snapshot_prune(writer->directory, writer->options.keep_count, NULL);
        (void)ignored;
    }
    return err;
}

/* Leaves no file behind, and says why. */
static void writer_fail(struct oh_snapshot_writer *writer, const struct oh_diag *diag)
{
    oh_io_close(writer->io, &writer->file);
    enum oh_err ignored = oh_io_unlink(writer->io, writer->path_temporary, NULL);
    (void)ignored;
    writer_lock(writer);
    writer->failure = *diag;
    writer_unlock(writer);
    atomic_store_explicit(&writer->state, OH_SNAPSHOT_FAILED, memory_order_release);
    writer_wake(writer);
}

static void writer_round(struct oh_snapshot_writer *writer)
{
    struct oh_diag diag = { .text = "" };
    struct order order = order_read(writer);
    enum oh_err err = OH_OK;
    if (order.is_aborting) {
        oh_diag_set(&diag, "%s: aborted", writer->path_temporary);
        writer_fail(writer, &diag);
        return;
    }
    if (writer->file < 0)
        err = file_begin(writer, &diag);
    if (err == OH_OK)
        err = blocks_write(writer, &order, &diag);
    if (err == OH_OK && order.is_finishing && !order.is_aborting) {
        err = file_end(writer, &diag);
        if (err == OH_OK) {
            oh_io_close(writer->io, &writer->file);
            atomic_store_explicit(&writer->state, OH_SNAPSHOT_DONE, memory_order_release);
            writer_wake(writer);
        }
    }
    if (err != OH_OK)
        writer_fail(writer, &diag);
}

static bool is_running(const struct oh_snapshot_writer *writer)
{
    int state = state_of(writer);
    return state == OH_SNAPSHOT_OPEN || state == OH_SNAPSHOT_FINISHING;
}

static void order_wait(struct oh_snapshot_writer *writer)
{
    writer_lock(writer);
    while (!writer->is_aborting && !writer->is_finishing &&
           writer->ready_position - writer->position < OH_SNAPSHOT_BLOCK_SIZE) {
        int result = pthread_cond_wait(&writer->changed, &writer->mutex);
        OH_ASSERT(result == 0);
    }
    writer_unlock(writer);
}

static void *writer_main(void *arg)
{
    struct oh_snapshot_writer *writer = arg;
    oh_thread_name("snapshot");
    oh_thread_give_way();
    while (is_running(writer)) {
        order_wait(writer);
        writer_round(writer);
    }
    return NULL;
}

/* ---- the loop thread -------------------------------------------------- */

static void tell(struct oh_snapshot_writer *writer)
{
    writer_lock(writer);
    writer->ready_position = writer->ring.head;
    pthread_cond_signal(&writer->changed);
    writer_unlock(writer);
    writer->told_position = writer->ring.head;
}

enum oh_err oh_snapshot_writer_put(struct oh_snapshot_writer *writer, struct oh_bytes object)
{
    OH_ASSERT(!writer->is_finish_called);
    if (object.size > OH_SNAPSHOT_OBJECT_SIZE_MAX)
        return OH_E_TOO_LARGE;
    if (state_of(writer) == OH_SNAPSHOT_FAILED)
        return OH_E_IO;
    uint64_t size = OH_SNAPSHOT_OBJECT_OVERHEAD + object.size;
    if (size > oh_byte_ring_room(&writer->ring)) {
        writer_lock(writer);
        writer->is_room_wanted = true;
        writer_unlock(writer);
        /* Room that came in between, before the wish was seen, would not be announced. */
        if (size > oh_byte_ring_room(&writer->ring))
            return OH_E_AGAIN;
    }
    uint8_t size_bytes[OH_SNAPSHOT_OBJECT_OVERHEAD];
    oh_le_put_u32(size_bytes, (uint32_t)object.size);
    oh_byte_ring_put(&writer->ring, size_bytes, sizeof(size_bytes));
    oh_byte_ring_put(&writer->ring, object.data, object.size);
    atomic_fetch_add_explicit(&writer->objects_count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&writer->raw_bytes, size, memory_order_relaxed);
    if (writer->ring.head - writer->told_position >= OH_SNAPSHOT_BLOCK_SIZE)
        tell(writer);
    return OH_OK;
}

void oh_snapshot_writer_finish(struct oh_snapshot_writer *writer)
{
    OH_ASSERT(!writer->is_finish_called);
    writer->is_finish_called = true;
    int expected = OH_SNAPSHOT_OPEN;
    (void)atomic_compare_exchange_strong(&writer->state, &expected, OH_SNAPSHOT_FINISHING);
    writer_lock(writer);
    writer->is_finishing = true;
    writer_unlock(writer);
    tell(writer);
}

enum oh_snapshot_state oh_snapshot_writer_state(struct oh_snapshot_writer *writer, struct oh_diag *out_diag)
{
    int state = state_of(writer);
    if (state == OH_SNAPSHOT_FAILED && out_diag != NULL) {
        writer_lock(writer);
        *out_diag = writer->failure;
        writer_unlock(writer);
    }
    return (enum oh_snapshot_state)state;
}

void oh_snapshot_writer_stats(struct oh_snapshot_writer *writer, struct oh_snapshot_stats *out_stats)
{
    *out_stats = (struct oh_snapshot_stats){
        .objects_count = atomic_load_explicit(&writer->objects_count, memory_order_relaxed),
        .raw_bytes = atomic_load_explicit(&writer->raw_bytes, memory_order_relaxed),
        .file_bytes = atomic_load_explicit(&writer->file_bytes, memory_order_relaxed),
        .sync_us_max = atomic_load_explicit(&writer->sync_us_max, memory_order_relaxed),
    };
}

void oh_snapshot_writer_work(struct oh_snapshot_writer *writer)
{
    OH_ASSERT(writer->options.is_manual);
    struct order order = order_read(writer);
    if (is_running(writer) && has_work(writer, &order))
        writer_round(writer);
}

/* ---- life cycle ------------------------------------------------------- */

static enum oh_err paths_init(struct oh_snapshot_writer *writer, struct oh_diag *diag)
{
    const char *directory = oh_directory_snapshot_path(writer->directory);
    enum oh_err err = oh_file_path(writer->path, directory, writer->options.seq, OH_FILE_SUFFIX_SNAPSHOT, diag);
    if (err == OH_OK)
        err = oh_file_path(writer->path_temporary, directory, writer->options.seq, OH_FILE_SUFFIX_TEMPORARY, diag);
    return err;
}

static enum oh_err buffers_init(struct oh_snapshot_writer *writer)
{
    writer->stored_capacity = ZSTD_compressBound(OH_SNAPSHOT_BLOCK_SIZE);
    writer->raw = malloc(OH_SNAPSHOT_BLOCK_SIZE);
    writer->stored = malloc(writer->stored_capacity);
    writer->compressor = ZSTD_createCCtx();
    if (writer->raw == NULL || writer->stored == NULL || writer->compressor == NULL)
        return OH_E_NOMEM;
    return oh_byte_ring_init(&writer->ring, OH_SNAPSHOT_QUEUE_SIZE);
}

static enum oh_err thread_start(struct oh_snapshot_writer *writer, struct oh_diag *diag)
{
    if (writer->options.is_manual)
        return OH_OK;
    writer->has_thread = oh_thread_start(writer_main, writer, &writer->thread);
    if (writer->has_thread)
        return OH_OK;
    oh_diag_set(diag, "the snapshot cannot start a thread");
    return OH_E_IO;
}

static void writer_free(struct oh_snapshot_writer *writer)
{
    oh_byte_ring_fini(&writer->ring);
    ZSTD_freeCCtx(writer->compressor);
    free(writer->raw);
    free(writer->stored);
    pthread_mutex_destroy(&writer->mutex);
    pthread_cond_destroy(&writer->changed);
    free(writer);
}

enum oh_err oh_snapshot_writer_create(const struct oh_directory *directory,
                                      const struct oh_snapshot_options *options,
                                      struct oh_snapshot_writer **out_writer, struct oh_diag *diag)
{
    struct oh_snapshot_writer *writer = calloc(1, sizeof(*writer));
    if (writer == NULL)
        return OH_E_NOMEM;
    if (pthread_mutex_init(&writer->mutex, NULL) != 0 || pthread_cond_init(&writer->changed, NULL) != 0) {
        free(writer); /* on Linux neither can fail, and neither holds memory */
        return OH_E_NOMEM;
    }
    struct oh_ledger_id ledger_id = oh_directory_ledger_id(directory);
    writer->io = oh_directory_io(directory);
    writer->directory = directory;
    writer->options = *options;
    writer->file = -1;
    writer->seed = oh_snapshot_seed(&ledger_id, options->seq);
    atomic_store(&writer->state, OH_SNAPSHOT_OPEN);
    enum oh_err err = paths_init(writer, diag);
    if (err == OH_OK)
        err = buffers_init(writer);
    if (err == OH_OK)
        err = thread_start(writer, diag);
    if (err != OH_OK) {
        writer_free(writer);
        return err;
    }
    *out_writer = writer;
    return OH_OK;
}

void oh_snapshot_writer_destroy(struct oh_snapshot_writer **writer_at)
{
    struct oh_snapshot_writer *writer = *writer_at;
    if (writer == NULL)
        return;
    writer_lock(writer);
    writer->is_aborting = !writer->is_finishing;
    pthread_cond_signal(&writer->changed);
    writer_unlock(writer);
    if (writer->has_thread) {
        int result = pthread_join(writer->thread, NULL);
        OH_ASSERT(result == 0);
    } else if (is_running(writer)) {
        writer_round(writer);
    }
    writer_free(writer);
    *writer_at = NULL;
}
