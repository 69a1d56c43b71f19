/*
 * frame.h - one write of the journal: a header and records of consecutive seqs.
 *
 *   offset size
 *        0    4  magic "OHFR"
 *        4    4  number of records; 0 in a proof frame
 *        8    8  XXH3-64 of bytes 16..64, seeded with the ledger id
 *       16    8  offset of this frame in its file, against misdirected writes
 *       24    8  first seq
 *       32    8  last seq; first seq - 1 in a proof frame
 *       40    8  synced seq: the highest that was known to be on disk when this was written
 *       48    8  XXH3-64 of the payload, seeded with the ledger id and the first seq
 *       56    4  size of the payload
 *       60    4  link to what is before it: see below; 0 in frames of before there were links
 *
 * The payload is, per record, its size (4 bytes) and its bytes. Zeros fill
 * the frame up to the alignment of the file. All numbers are little-endian.
 *
 * A link is the lower half of the checksum of the frame before (of the page, for the first frame of a file), and
 * 1 instead of 0. It tells a frame that was cut here once, and came back, from the one that took its place: both
 * are whole, and of the same records by number.
 */
#ifndef ONHAND_STORAGE_FRAME_H
#define ONHAND_STORAGE_FRAME_H

#include "storage/directory.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define OH_FRAME_HEADER_SIZE 64U
#define OH_FRAME_ALIGN_MAX 4096U
#define OH_FRAME_RECORD_OVERHEAD 4U
#define OH_FRAME_PAYLOAD_MAX (16U << 20)

struct oh_frame_header {
    uint64_t offset;
    uint64_t first_seq;
    uint64_t last_seq;
    uint64_t synced_seq;
    uint64_t payload_checksum;
    uint32_t payload_size;
    uint32_t record_count;
    uint32_t link_before; /* 0: it has none */
};

/* The link to what has this checksum. */
static inline uint32_t oh_frame_link_of(uint64_t checksum)
{
    uint32_t link = (uint32_t)checksum;
    return link == 0 ? 1 : link;
}

/* Bytes that a frame takes in a file. */
static inline uint64_t oh_frame_size(uint64_t payload_size, uint32_t align)
{
    return (OH_FRAME_HEADER_SIZE + payload_size + align - 1) & ~((uint64_t)align - 1);
}

void oh_frame_header_encode(const struct oh_frame_header *header, const struct oh_ledger_id *ledger_id,
                            uint8_t out_bytes[static OH_FRAME_HEADER_SIZE]);

/*
 * True when the bytes are a header that this ledger wrote for this offset.
 * Then every field is as it was written: only its meaning is left to check.
 */
bool oh_frame_header_decode(const uint8_t bytes[static OH_FRAME_HEADER_SIZE],
                            const struct oh_ledger_id *ledger_id, uint64_t offset,
                            struct oh_frame_header *out_header);

/* The link to this frame. */
uint32_t oh_frame_link(const uint8_t header_bytes[static OH_FRAME_HEADER_SIZE]);

/* The checksum of a payload that may lie in two pieces. */
uint64_t oh_frame_payload_checksum(const struct oh_ledger_id *ledger_id, uint64_t first_seq,
                                   const struct iovec *pieces, int count);

#endif
