/*
 * snapshot_format.h - blocks and footer of a snapshot file.
 *
 * Behind the header page (file_header.h) follow blocks, back to back:
 *
 *   offset size
 *        0    4  magic "OHSB"
 *        4    4  index of the block, from 0
 *        8    4  size of the contents
 *       12    4  size of what follows this header: the contents, compressed by zstd
 *       16    8  XXH3-64 of bytes 0..16 and of what follows, seeded with the ledger id and the seq
 *
 * and a footer, which ends the file:
 *
 *        0    4  magic "OHSF"
 *        4    4  number of blocks
 *        8    8  size of all contents
 *       16    8  number of objects
 *       24    8  checksum of the blocks' checksums, chained in order
 *       32    8  XXH3-64 of bytes 0..32, seeded likewise
 *
 * The contents of all blocks, one after the other, are the objects: for each
 * its size (4 bytes) and its bytes. An object may lie across blocks.
 */
#ifndef ONHAND_STORAGE_SNAPSHOT_FORMAT_H
#define ONHAND_STORAGE_SNAPSHOT_FORMAT_H

#include "storage/directory.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OH_SNAPSHOT_BLOCK_HEADER_SIZE 24U
#define OH_SNAPSHOT_FOOTER_SIZE 40U
#define OH_SNAPSHOT_OBJECT_OVERHEAD 4U

struct oh_snapshot_block {
    uint32_t index;
    uint32_t raw_size;
    uint32_t stored_size;
    uint64_t checksum;
};

struct oh_snapshot_footer {
    uint32_t blocks_count;
    uint64_t raw_bytes;
    uint64_t objects_count;
    uint64_t chain;
};

/* What seeds all checksums of one snapshot. */
uint64_t oh_snapshot_seed(const struct oh_ledger_id *ledger_id, uint64_t seq);

/* The checksum of the checksums so far (0 at first) and one more. */
uint64_t oh_snapshot_chain(uint64_t chain, uint64_t checksum);

/* Fills block->checksum from the other fields and the stored bytes, and encodes. */
void oh_snapshot_block_encode(struct oh_snapshot_block *block, const void *stored, uint64_t seed,
                              uint8_t out_bytes[static OH_SNAPSHOT_BLOCK_HEADER_SIZE]);

/* False when this is not a block header. The checksum is checked later, with the stored bytes. */
bool oh_snapshot_block_decode(const uint8_t bytes[static OH_SNAPSHOT_BLOCK_HEADER_SIZE],
                              struct oh_snapshot_block *out_block);
bool oh_snapshot_block_is_whole(const uint8_t bytes[static OH_SNAPSHOT_BLOCK_HEADER_SIZE], const void *stored,
                                uint64_t seed);

void oh_snapshot_footer_encode(const struct oh_snapshot_footer *footer, uint64_t seed,
                               uint8_t out_bytes[static OH_SNAPSHOT_FOOTER_SIZE]);

/* False when this is not a whole footer. */
bool oh_snapshot_footer_decode(const uint8_t bytes[static OH_SNAPSHOT_FOOTER_SIZE], uint64_t seed,
                               struct oh_snapshot_footer *out_footer);

#endif
