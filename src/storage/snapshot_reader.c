#include "base/assert.h"
#include "storage/file_header.h"
#include "storage/file_name.h"
#include "storage/little_endian.h"
#include "storage/snapshot.h"
#include "storage/snapshot_format.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

struct oh_snapshot_reader {
    const struct oh_io *io;
    char path[OH_IO_PATH_SIZE];
    int file;
    uint64_t seed;
    uint64_t offset;       /* of the next block */
    uint64_t block_offset; /* of the present one, for sentences */
    uint32_t blocks_count; /* read so far, and so on */
    uint64_t raw_bytes;
    uint64_t objects_count;
    uint64_t chain;
    bool is_at_end;
    ZSTD_DCtx *decompressor;
    char *raw; /* the present block */
    size_t raw_size;
    size_t raw_used;
    char *stored;
    size_t stored_capacity;
    char *object; /* an object that lies across blocks */
};

static enum oh_err damage(const struct oh_snapshot_reader *reader, const char *fault, struct oh_diag *diag)
{
    oh_diag_set(diag, "%s: byte %" PRIu64 ": %s", reader->path, reader->block_offset, fault);
    return OH_E_CORRUPT;
}

/* ---- blocks ----------------------------------------------------------- */

static enum oh_err read_exactly(struct oh_snapshot_reader *reader, void *data, size_t size, uint64_t offset,
                                struct oh_diag *diag)
{
    size_t count;
    enum oh_err err = oh_io_read(reader->io, reader->file, reader->path, data, size, offset, &count, diag);
    if (err != OH_OK)
        return err;
    return count == size ? OH_OK : damage(reader, "the file ends too early", diag);
}

/* There is no block at `offset`: it has to be the footer, and to agree with all that was read. */
static enum oh_err footer_check(struct oh_snapshot_reader *reader, struct oh_diag *diag)
{
    uint8_t bytes[OH_SNAPSHOT_FOOTER_SIZE];
    struct oh_snapshot_footer footer;
    uint64_t size;
    enum oh_err err = read_exactly(reader, bytes, sizeof(bytes), reader->offset, diag);
    if (err == OH_OK)
        err = oh_io_size(reader->io, reader->file, reader->path, &size, diag);
    if (err != OH_OK)
        return err;
    if (!oh_snapshot_footer_decode(bytes, reader->seed, &footer))
        return damage(reader, "there is neither a block nor a whole footer", diag);
    if (footer.blocks_count != reader->blocks_count || footer.chain != reader->chain ||
        footer.raw_bytes != reader->raw_bytes || footer.objects_count != reader->objects_count)
        return damage(reader, "the footer does not agree with the blocks", diag);
    if (size != reader->offset + sizeof(bytes))
        return damage(reader, "there are bytes behind the footer", diag);
    reader->is_at_end = true;
    return OH_OK;
}

static enum oh_err block_unpack(struct oh_snapshot_reader *reader, const uint8_t *header,
                                const struct oh_snapshot_block *block, struct oh_diag *diag)
{
    if (!oh_snapshot_block_is_whole(header, reader->stored, reader->seed))
        return damage(reader, "the checksum of the block does not match", diag);
    if (block->index != reader->blocks_count)
        return damage(reader, "the block is not the next one", diag);
    size_t size = ZSTD_decompressDCtx(reader->decompressor, reader->raw, OH_SNAPSHOT_BLOCK_SIZE, reader->stored,
                                      block->stored_size);
    if (ZSTD_isError(size) || size != block->raw_size)
        return damage(reader, "the block cannot be decompressed", diag);
    reader->raw_size = size;
    reader->raw_used = 0;
    reader->raw_bytes += size;
    reader->blocks_count++;
    reader->chain = oh_snapshot_chain(reader->chain, block->checksum);
    return OH_OK;
}

/* Loads the next block, or sets is_at_end. */
static enum oh_err block_next(struct oh_snapshot_reader *reader, struct oh_diag *diag)
{
    uint8_t header[OH_SNAPSHOT_BLOCK_HEADER_SIZE];
    struct oh_snapshot_block block;
    reader->block_offset = reader->offset;
    enum oh_err err = read_exactly(reader, header, sizeof(header), reader->offset, diag);
    if (err != OH_OK)
        return err;
    if (!oh_snapshot_block_decode(header, &block))
        return footer_check(reader, diag);
    if (block.stored_size > reader->stored_capacity || block.raw_size > OH_SNAPSHOT_BLOCK_SIZE)
        return damage(reader, "the block is larger than the limit", diag);
    err = read_exactly(reader, reader->stored, block.stored_size, reader->offset + sizeof(header), diag);
    if (err == OH_OK)
        err = block_unpack(reader, header, &block, diag);
    if (err == OH_OK)
        reader->offset += sizeof(header) + block.stored_size;
    return err;
}

/* Copies bytes of the contents; `is_end_allowed`: the contents may end before the first of them. */
static enum oh_err contents_copy(struct oh_snapshot_reader *reader, char *out_bytes, size_t size,
                                 bool is_end_allowed, struct oh_diag *diag)
{
    size_t done = 0;
    while (done < size) {
        size_t left = reader->raw_size - reader->raw_used;
        if (left == 0) {
            enum oh_err err = block_next(reader, diag);
            if (err != OH_OK)
                return err;
            if (reader->is_at_end)
                return is_end_allowed && done == 0 ? OH_E_AGAIN
                                                   : damage(reader, "the contents end within an object", diag);
            continue;
        }
        size_t piece = left < size - done ? left : size - done;
        memcpy(out_bytes + done, reader->raw + reader->raw_used, piece);
        reader->raw_used += piece;
        done += piece;
    }
    return OH_OK;
}

enum oh_err oh_snapshot_reader_next(struct oh_snapshot_reader *reader, struct oh_bytes *out_object,
                                    struct oh_diag *diag)
{
    char size_bytes[OH_SNAPSHOT_OBJECT_OVERHEAD];
    if (reader->is_at_end)
        return OH_E_AGAIN;
    enum oh_err err = contents_copy(reader, size_bytes, sizeof(size_bytes), true, diag);
    if (err != OH_OK)
        return err;
    uint32_t size = oh_le_get_u32(size_bytes);
    if (size > OH_SNAPSHOT_OBJECT_SIZE_MAX)
        return damage(reader, "an object is larger than the limit", diag);
    const char *bytes = reader->object;
    if (size <= reader->raw_size - reader->raw_used) {
        bytes = reader->raw + reader->raw_used;
        reader->raw_used += size;
    } else {
        err = contents_copy(reader, reader->object, size, false, diag);
        if (err != OH_OK)
            return err;
    }
    reader->objects_count++;
    *out_object = (struct oh_bytes){ bytes, size };
    return OH_OK;
}

/* ---- life cycle ------------------------------------------------------- */

static enum oh_err newest_find(const struct oh_directory *directory, uint64_t *out_seq, struct oh_diag *diag)
{
    size_t count;
    uint64_t seq;
    enum oh_err err = oh_snapshot_list(directory, &seq, 1, &count, diag);
    if (err != OH_OK)
        return err;
    if (count == 0) {
        oh_diag_set(diag, "%s: there is no snapshot", oh_directory_snapshot_path(directory));
        return OH_E_NOT_FOUND;
    }
    *out_seq = seq;
    return OH_OK;
}

static enum oh_err buffers_init(struct oh_snapshot_reader *reader)
{
    reader->stored_capacity = ZSTD_compressBound(OH_SNAPSHOT_BLOCK_SIZE);
    reader->raw = malloc(OH_SNAPSHOT_BLOCK_SIZE);
    reader->stored = malloc(reader->stored_capacity);
    reader->object = malloc(OH_SNAPSHOT_OBJECT_SIZE_MAX);
    reader->decompressor = ZSTD_createDCtx();
    bool is_ok = reader->raw != NULL && reader->stored != NULL && reader->object != NULL &&
                 reader->decompressor != NULL;
    return is_ok ? OH_OK : OH_E_NOMEM;
}

static enum oh_err file_open(struct oh_snapshot_reader *reader, const struct oh_directory *directory, uint64_t seq,
                             struct oh_file_header *out_header, struct oh_diag *diag)
{
    struct oh_ledger_id ledger_id = oh_directory_ledger_id(directory);
    reader->seed = oh_snapshot_seed(&ledger_id, seq);
    reader->offset = OH_FILE_HEADER_SIZE;
    enum oh_err err =
        oh_file_path(reader->path, oh_directory_snapshot_path(directory), seq, OH_FILE_SUFFIX_SNAPSHOT, diag);
    if (err == OH_OK)
        err = oh_io_open(reader->io, reader->path, OH_IO_READ, &reader->file, diag);
    if (err == OH_OK)
        err = oh_file_header_read(reader->io, reader->file, reader->path, OH_FILE_SNAPSHOT, &ledger_id, seq,
                                  out_header, diag);
    if (err == OH_OK && out_header->unit_size > OH_SNAPSHOT_BLOCK_SIZE)
        err = damage(reader, "the blocks are larger than the limit", diag);
    return err;
}

enum oh_err oh_snapshot_reader_open(const struct oh_directory *directory, uint64_t seq,
                                    struct oh_snapshot_reader **out_reader, struct oh_snapshot_info *out_info,
                                    struct oh_diag *diag)
{
    struct oh_file_header header;
    enum oh_err err = seq != 0 ? OH_OK : newest_find(directory, &seq, diag);
    if (err != OH_OK)
        return err;
    struct oh_snapshot_reader *reader = calloc(1, sizeof(*reader));
    if (reader == NULL)
        return OH_E_NOMEM;
    reader->io = oh_directory_io(directory);
    reader->file = -1;
    err = buffers_init(reader);
    if (err == OH_OK)
        err = file_open(reader, directory, seq, &header, diag);
    if (err != OH_OK) {
        oh_snapshot_reader_close(&reader);
        return err;
    }
    *out_reader = reader;
    *out_info = (struct oh_snapshot_info){ .seq = header.seq, .at_us = header.at_us };
    return OH_OK;
}

void oh_snapshot_reader_close(struct oh_snapshot_reader **reader_at)
{
    struct oh_snapshot_reader *reader = *reader_at;
    if (reader == NULL)
        return;
    oh_io_close(reader->io, &reader->file);
    ZSTD_freeDCtx(reader->decompressor);
    free(reader->raw);
    free(reader->stored);
    free(reader->object);
    free(reader);
    *reader_at = NULL;
}
