/*
 * fuzz_storage.c - a data directory with damaged files.
 *
 * A good directory (a journal of some records, a snapshot of its first half) is made once. Input: one byte of
 * flags (FLAG_*), then edits of it: which file (EDIT_*), where (two bytes, the higher first), how many bytes,
 * the bytes.
 * Laws: it opens or is refused with a sentence; what opens has whole counters, and opens a second time to the
 * same place; without FLAG_SIGN, what comes back is the history as it was, up to some record, never anything
 * else.
 */
#define XXH_INLINE_ALL
#include "base/assert.h"
#include "codec/record_digest.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_world.h"
#include "storage/journal.h"
#include "storage/little_endian.h"
#include "storage/recovery.h"
#include "storage/segment.h"
#include "storage/snapshot.h"
#include "storage/snapshot_format.h"
#include "support/storage_disk.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>

#define INPUT_SIZE_MAX    4096u
#define FILE_SIZE_MAX     65536u
#define JOURNAL_PATH      "d/journal/00000000000000000001.ohj"
#define SNAPSHOT_PATH     "d/snapshot/00000000000000000006.ohs"
#define SNAPSHOT_SEQ      6u
#define RECORDS_MAX       32u
#define HEADER_CHECKSUM   16u
#define FRAME_ALIGN       512u
#define FRAME_MAGIC       "OHFR"
#define COMPRESSION_LEVEL 1

/* The disk in memory has no holes: a larger file would only be slow. */
#define CLAIMED_SIZE_MAX (4 * FILE_SIZE_MAX)
#define FILE_SIZE_AT     56u

#define FLAG_SIGN        1u /* checksums are made right after the edits */
#define FLAG_READ        2u /* as verify reads it: nothing is cut */
#define FLAG_NAGGING     4u /* reads and writes are interrupted and short */
#define FLAG_NO_SNAPSHOT 8u

#define EDIT_JOURNAL  0u
#define EDIT_SNAPSHOT 1u
#define EDIT_CONTENTS 2u /* of the snapshot's block, before it is compressed */

struct bytes_file {
    size_t size;
    uint8_t bytes[FILE_SIZE_MAX];
};

/* The good directory, and the digest of the ledger after each record. */
static struct {
    bool is_made;
    struct oh_ledger_id ledger_id;
    struct bytes_file journal;
    struct bytes_file snapshot;
    struct bytes_file contents;
    struct oh_record_digest digests[RECORDS_MAX];
    uint64_t last_seq;
} good;

/* The one of this input. */
static struct bytes_file journal_file;
static struct bytes_file snapshot_file;
static struct bytes_file contents_file;

static const struct oh_journal_options journal_options = {
    .durability = OH_DURABILITY_DISK,
    .segment_size = 32 << 10,
    .buffer_size = 1 << 15,
    .record_size_max = 3000,
    .is_manual = true,
};

/* ---- The good directory ----------------------------------------------------------------------- */

static void digest_of(struct oh_ledger *ledger, struct oh_record_digest *out_digest)
{
    oh_record_digest_init(out_digest);
    oh_record_digest_ledger(out_digest, ledger);
    oh_record_digest_fini(out_digest);
}

static void object_put(void *ctx, const struct oh_effect *object)
{
    struct oh_snapshot_writer *writer = ctx;
    struct oh_strbuf bytes;
    oh_strbuf_init(&bytes, OH_SNAPSHOT_OBJECT_SIZE_MAX);
    enum oh_err err = oh_object_encode(object, &bytes);
    OH_ASSERT(err == OH_OK);
    err = oh_snapshot_writer_put(writer, oh_strbuf_bytes(&bytes));
    OH_ASSERT(err == OH_OK);
    oh_strbuf_fini(&bytes);
}

static void snapshot_make(const struct oh_directory *directory, struct oh_ledger *ledger)
{
    const struct oh_snapshot_options options = { .seq = oh_ledger_seq(ledger),
                                                 .at_us = oh_ledger_time_us(ledger),
                                                 .is_manual = true };
    struct oh_snapshot_writer *writer = NULL;
    struct oh_diag diag = { "" };
    enum oh_err err = oh_snapshot_writer_create(directory, &options, &writer, &diag);
    OH_ASSERT(err == OH_OK);
    oh_ledger_export(ledger, object_put, writer);
    oh_snapshot_writer_finish(writer);
    oh_snapshot_writer_work(writer);
    OH_ASSERT(oh_snapshot_writer_state(writer, NULL) == OH_SNAPSHOT_DONE);
    oh_snapshot_writer_destroy(&writer);
}

/* Replays the records of a world into the journal, with a snapshot on the way. */
struct history {
    struct oh_directory *directory;
    struct oh_journal *journal;
    struct fuzz_world world;
};

static void history_add(struct history *history, const struct oh_command *command)
{
    struct oh_answer answer;
    struct oh_record record;
    enum oh_err err = oh_ledger_apply(history->world.ledger, history->world.now_us, command, &answer);
    OH_ASSERT(err == OH_OK && oh_verdict_is_success(answer.verdict));
    bool is_taken = oh_ledger_take_record(history->world.ledger, &record);
    OH_ASSERT(is_taken && record.seq < RECORDS_MAX);
    oh_strbuf_clear(&history->world.bytes);
    err = oh_record_encode(&record, &history->world.bytes);
    OH_ASSERT(err == OH_OK);
    err = oh_journal_append(history->journal, record.seq, oh_strbuf_bytes(&history->world.bytes));
    OH_ASSERT(err == OH_OK);
    good.last_seq = record.seq;
    digest_of(history->world.ledger, &good.digests[record.seq]);
    oh_journal_submit(history->journal);
    oh_journal_work(history->journal, OH_JOURNAL_WORK_WRITE | OH_JOURNAL_WORK_PREPARE);
    if (record.seq == SNAPSHOT_SEQ)
        snapshot_make(history->directory, history->world.ledger);
}

static void history_fill(struct history *history)
{
    static const struct oh_bytes nodes[] = { { "n0", 2 }, { "n1", 2 } };
    const struct oh_adjust_entry adjust[] = { { .sku = OH_BYTES("A"),
                                                .node = OH_BYTES("n0"),
                                                .reason = OH_BYTES("sale"),
                                                .quantity_milli = 7000,
                                                .at_us = OH_TIME_US_NONE } };
    const struct oh_reserve_line lines[] = {
        { .line = 1, .sku = OH_BYTES("A"), .node = OH_BYTES("n0"), .quantity_milli = 1000 }
    };
    const struct oh_command commands[] = {
        { .type = OH_COMMAND_ITEM, .item = { .sku = OH_BYTES("A") } },
        { .type = OH_COMMAND_NODE, .node = { .node = nodes[0], .enabled = true, .ships = true } },
        { .type = OH_COMMAND_NODE, .node = { .node = nodes[1], .enabled = true, .ships = true } },
        { .type = OH_COMMAND_GROUP, .group = { .group = OH_BYTES("g0"), .nodes = nodes, .node_count = 2 } },
        { .type = OH_COMMAND_CHANNEL, .channel = { .channel = OH_BYTES("web") } },
        { .type = OH_COMMAND_ADJUST,
          .adjust = { .source = OH_BYTES("pos"), .entries = adjust, .entry_count = 1 } },
        { .type = OH_COMMAND_RESERVE,
          .key = OH_BYTES("K1"),
          .reserve = { .id = OH_BYTES("r1"),
                       .channel = OH_BYTES("web"),
                       .kind = OH_KIND_SHIP,
                       .lines = lines,
                       .line_count = 1,
                       .ttl_us = 600000000 } },
        { .type = OH_COMMAND_RULE,
          .rule = { .rule = OH_BYTES("u"),
                    .values = { .mask = OH_RULE_SAFETY_STOCK, .safety_stock_milli = 500 } } },
        { .type = OH_COMMAND_CONFIRM, .action = { .id = OH_BYTES("r1"), .at_us = OH_TIME_US_NONE } },
        { .type = OH_COMMAND_ADJUST,
          .adjust = { .source = OH_BYTES("pos"), .entries = adjust, .entry_count = 1 } },
        { .type = OH_COMMAND_FULFIL, .action = { .id = OH_BYTES("r1"), .at_us = OH_TIME_US_NONE } },
    };
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        history_add(history, &commands[i]);
}

static void file_keep(struct storage_disk *disk, const char *path, struct bytes_file *out)
{
    const uint8_t *bytes = storage_disk_bytes(disk, path, &out->size);
    OH_ASSERT(bytes != NULL && out->size <= FILE_SIZE_MAX);
    memcpy(out->bytes, bytes, out->size);
}

static void contents_keep(void)
{
    struct oh_snapshot_block block;
    const uint8_t *header = good.snapshot.bytes + OH_FILE_HEADER_SIZE;
    bool is_block = oh_snapshot_block_decode(header, &block);
    OH_ASSERT(is_block && block.raw_size <= FILE_SIZE_MAX);
    good.contents.size = ZSTD_decompress(good.contents.bytes, FILE_SIZE_MAX,
                                         header + OH_SNAPSHOT_BLOCK_HEADER_SIZE, block.stored_size);
    OH_ASSERT(good.contents.size == block.raw_size);
}

static void good_make(void)
{
    struct storage_disk *disk = storage_disk_create(1);
    struct history history = { .world = { .now_us = FUZZ_NOW_US } };
    struct oh_diag diag = { "" };
    history.world.ledger = fuzz_ledger_create();
    oh_strbuf_init(&history.world.bytes, journal_options.record_size_max);
    oh_record_decoder_init(&history.world.decoder, 0);
    digest_of(history.world.ledger, &good.digests[0]);
    enum oh_err err =
        oh_directory_open(storage_disk_io(disk), "d", OH_DIRECTORY_WRITE, &history.directory, &diag);
    OH_ASSERT(err == OH_OK);
    err = oh_journal_open(history.directory, &journal_options, &history.journal, &diag);
    OH_ASSERT(err == OH_OK);
    history_fill(&history);
    good.ledger_id = oh_directory_ledger_id(history.directory);
    oh_journal_close(&history.journal);
    oh_directory_close(&history.directory);
    fuzz_world_fini(&history.world);
    file_keep(disk, JOURNAL_PATH, &good.journal);
    file_keep(disk, SNAPSHOT_PATH, &good.snapshot);
    contents_keep();
    storage_disk_destroy(disk);
    good.is_made = true;
}

/* ---- Edits ------------------------------------------------------------------------------------ */

static void edit(struct bytes_file *file, size_t at, const uint8_t *bytes, size_t size)
{
    size_t left = at < file->size ? file->size - at : 0;
    memcpy(file->bytes + at, bytes, size < left ? size : left);
}

static bool edits_apply(const uint8_t *data, size_t size)
{
    bool are_contents_changed = false;
    journal_file = good.journal;
    snapshot_file = good.snapshot;
    contents_file = good.contents;
    while (size >= 4) {
        unsigned which = data[0] % 3;
        size_t at = ((size_t)data[1] << 8 | data[2]) % FILE_SIZE_MAX;
        size_t count = data[3] < size - 4 ? data[3] : size - 4;
        edit(which == EDIT_JOURNAL    ? &journal_file
             : which == EDIT_SNAPSHOT ? &snapshot_file
                                      : &contents_file,
             at, data + 4, count);
        are_contents_changed = are_contents_changed || which == EDIT_CONTENTS;
        data += 4 + count;
        size -= 4 + count;
    }
    return are_contents_changed;
}

/* ---- Right checksums for wrong bytes ---------------------------------------------------------- */

static void page_sign(uint8_t *page)
{
    memset(page + HEADER_CHECKSUM, 0, 8);
    oh_le_put_u64(page + HEADER_CHECKSUM, XXH3_64bits(page, OH_FILE_HEADER_SIZE));
}

static void frame_sign(uint8_t *at, size_t room)
{
    struct oh_frame_header header = {
        .offset = oh_le_get_u64(at + 16),
        .first_seq = oh_le_get_u64(at + 24),
        .last_seq = oh_le_get_u64(at + 32),
        .synced_seq = oh_le_get_u64(at + 40),
        .payload_size = oh_le_get_u32(at + 56),
        .record_count = oh_le_get_u32(at + 4),
    };
    size_t size = header.payload_size <= room ? header.payload_size : room;
    const struct iovec piece = { at + OH_FRAME_HEADER_SIZE, size };
    header.payload_checksum = oh_frame_payload_checksum(&good.ledger_id, header.first_seq, &piece, 1);
    oh_frame_header_encode(&header, &good.ledger_id, at);
}

static void journal_sign(void)
{
    page_sign(journal_file.bytes);
    for (size_t at = OH_FILE_HEADER_SIZE; at + FRAME_ALIGN <= journal_file.size; at += FRAME_ALIGN) {
        if (memcmp(journal_file.bytes + at, FRAME_MAGIC, 4) == 0)
            frame_sign(journal_file.bytes + at, journal_file.size - at - OH_FRAME_HEADER_SIZE);
    }
}

/* One block with the contents as edited, when they were, and a footer that agrees with it. */
static void contents_pack(void)
{
    uint8_t *at = snapshot_file.bytes + OH_FILE_HEADER_SIZE;
    size_t stored_size = ZSTD_compress(at + OH_SNAPSHOT_BLOCK_HEADER_SIZE, FILE_SIZE_MAX / 2,
                                       contents_file.bytes, contents_file.size, COMPRESSION_LEVEL);
    OH_ASSERT(!ZSTD_isError(stored_size));
    const uint8_t *footer = good.snapshot.bytes + good.snapshot.size - OH_SNAPSHOT_FOOTER_SIZE;
    oh_le_put_u32(at + 8, (uint32_t)contents_file.size);
    oh_le_put_u32(at + 12, (uint32_t)stored_size);
    at += OH_SNAPSHOT_BLOCK_HEADER_SIZE + stored_size;
    memcpy(at, footer, OH_SNAPSHOT_FOOTER_SIZE);
    snapshot_file.size = (size_t)(at - snapshot_file.bytes) + OH_SNAPSHOT_FOOTER_SIZE;
}

static void snapshot_sign(void)
{
    uint64_t seed = oh_snapshot_seed(&good.ledger_id, SNAPSHOT_SEQ);
    uint8_t *at = snapshot_file.bytes + OH_FILE_HEADER_SIZE;
    const uint8_t *end = snapshot_file.bytes + snapshot_file.size;
    struct oh_snapshot_block block;
    page_sign(snapshot_file.bytes);
    if (!oh_snapshot_block_decode(at, &block))
        return;
    size_t room = (size_t)(end - at) - OH_SNAPSHOT_BLOCK_HEADER_SIZE;
    if (block.stored_size > room || room - block.stored_size < OH_SNAPSHOT_FOOTER_SIZE)
        return;
    oh_snapshot_block_encode(&block, at + OH_SNAPSHOT_BLOCK_HEADER_SIZE, seed, at);
    at += OH_SNAPSHOT_BLOCK_HEADER_SIZE + block.stored_size;
    const struct oh_snapshot_footer footer = { .blocks_count = oh_le_get_u32(at + 4),
                                               .raw_bytes = oh_le_get_u64(at + 8),
                                               .objects_count = oh_le_get_u64(at + 16),
                                               .chain = oh_snapshot_chain(0, block.checksum) };
    oh_snapshot_footer_encode(&footer, seed, at);
}

/* ---- Opening it ------------------------------------------------------------------------------- */

static void file_put(const struct oh_io *io, const char *path, const struct bytes_file *file)
{
    int handle = -1;
    enum oh_err err = oh_io_open(io, path, OH_IO_WRITE | OH_IO_CREATE, &handle, NULL);
    OH_ASSERT(err == OH_OK);
    err = oh_io_write(io, handle, path, file->bytes, file->size, 0, NULL);
    OH_ASSERT(err == OH_OK);
    oh_io_close(io, &handle);
}

static struct storage_disk *disk_make(unsigned flags)
{
    static const char *const folders[] = { "d", "d/journal", "d/snapshot" };
    struct storage_disk *disk = storage_disk_create(2);
    const struct oh_io *io = storage_disk_io(disk);
    for (size_t i = 0; i < 3; i++) {
        enum oh_err err = oh_io_make_directory(io, folders[i], NULL, NULL);
        OH_ASSERT(err == OH_OK);
    }
    file_put(io, JOURNAL_PATH, &journal_file);
    if ((flags & FLAG_NO_SNAPSHOT) == 0)
        file_put(io, SNAPSHOT_PATH, &snapshot_file);
    storage_disk_set_nagging(disk, (flags & FLAG_NAGGING) != 0);
    return disk;
}

static enum oh_err recover(const struct oh_directory *directory, unsigned flags, uint64_t last_seq,
                           struct oh_recovery_report *out_report, struct oh_diag *diag)
{
    const struct oh_recovery_options options = { .last_seq = last_seq };
    struct oh_ledger *ledger = fuzz_ledger_create();
    enum oh_err err = oh_recovery_run(directory, ledger, &options, out_report, diag);
    if (err == OH_OK) {
        OH_ASSERT(oh_ledger_seq(ledger) == out_report->last_seq);
        fuzz_ledger_check(ledger);
    }
    if (err == OH_OK && (flags & FLAG_SIGN) == 0) {
        struct oh_record_digest digest;
        digest_of(ledger, &digest);
        OH_ASSERT(out_report->last_seq <= good.last_seq);
        OH_ASSERT(oh_record_digest_equal(&digest, &good.digests[out_report->last_seq]));
    }
    oh_ledger_destroy(&ledger);
    return err;
}

static enum oh_err open_once(struct storage_disk *disk, unsigned flags, struct oh_recovery_report *out_report)
{
    struct oh_directory *directory = NULL;
    struct oh_journal *journal = NULL;
    struct oh_diag diag = { "" };
    bool is_read = (flags & FLAG_READ) != 0;
    enum oh_err err = oh_directory_open(storage_disk_io(disk), "d",
                                        is_read ? OH_DIRECTORY_READ : OH_DIRECTORY_WRITE, &directory, &diag);
    if (err == OH_OK && !is_read)
        err = oh_journal_open(directory, &journal_options, &journal, &diag);
    if (err == OH_OK)
        err = recover(directory, flags, journal == NULL ? 0 : oh_journal_durable_seq(journal), out_report,
                      &diag);
    oh_journal_close(&journal);
    oh_directory_close(&directory);
    OH_ASSERT(err == OH_OK || strnlen(diag.text, sizeof(diag.text)) > 0);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oh_recovery_report first;
    struct oh_recovery_report second;
    if (size < 1 || size > INPUT_SIZE_MAX)
        return 0;
    if (!good.is_made)
        good_make();
    unsigned flags = data[0];
    bool are_contents_changed = edits_apply(data + 1, size - 1);
    if ((flags & FLAG_SIGN) != 0 && are_contents_changed)
        contents_pack();
    uint64_t claimed_size = oh_le_get_u64(journal_file.bytes + FILE_SIZE_AT);
    if (claimed_size > CLAIMED_SIZE_MAX && claimed_size <= OH_SEGMENT_SIZE_MAX)
        return 0;
    if ((flags & FLAG_SIGN) != 0) {
        journal_sign();
        snapshot_sign();
    }
    struct storage_disk *disk = disk_make(flags);
    if (open_once(disk, flags, &first) == OH_OK) {
        enum oh_err err = open_once(disk, flags, &second);
        OH_ASSERT(err == OH_OK && first.last_seq == second.last_seq);
    }
    storage_disk_destroy(disk);
    return 0;
}
