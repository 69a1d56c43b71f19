#define XXH_STATIC_LINKING_ONLY /* the checksum state lives on the stack */
#include "storage/frame.h"
#include "base/assert.h"
#include "storage/little_endian.h"
#include <xxhash.h>

#define FRAME_MAGIC 0x5246484fU /* "OHFR" */

enum {
    MAGIC_AT = 0,
    RECORD_COUNT_AT = 4,
    CHECKSUM_AT = 8,
    CHECKED_AT = 16,
    OFFSET_AT = 16,
    FIRST_SEQ_AT = 24,
    LAST_SEQ_AT = 32,
    SYNCED_SEQ_AT = 40,
    PAYLOAD_CHECKSUM_AT = 48,
    PAYLOAD_SIZE_AT = 56,
    LINK_BEFORE_AT = 60,
};

static uint64_t seed_of(const struct oh_ledger_id *ledger_id, uint64_t first_seq)
{
    return XXH3_64bits_withSeed(ledger_id->bytes, sizeof(ledger_id->bytes), first_seq);
}

/* Covers the magic and the record count too: they go into the seed. */
static uint64_t header_checksum(const uint8_t *bytes, const struct oh_ledger_id *ledger_id)
{
    uint64_t seed = seed_of(ledger_id, oh_le_get_u64(bytes + MAGIC_AT));
    return XXH3_64bits_withSeed(bytes + CHECKED_AT, OH_FRAME_HEADER_SIZE - CHECKED_AT, seed);
}

void oh_frame_header_encode(const struct oh_frame_header *header, const struct oh_ledger_id *ledger_id,
                            uint8_t out_bytes[static OH_FRAME_HEADER_SIZE])
{
    oh_le_put_u32(out_bytes + MAGIC_AT, FRAME_MAGIC);
    oh_le_put_u32(out_bytes + RECORD_COUNT_AT, header->record_count);
    oh_le_put_u64(out_bytes + OFFSET_AT, header->offset);
    oh_le_put_u64(out_bytes + FIRST_SEQ_AT, header->first_seq);
    oh_le_put_u64(out_bytes + LAST_SEQ_AT, header->last_seq);
    oh_le_put_u64(out_bytes + SYNCED_SEQ_AT, header->synced_seq);
    oh_le_put_u64(out_bytes + PAYLOAD_CHECKSUM_AT, header->payload_checksum);
    oh_le_put_u32(out_bytes + PAYLOAD_SIZE_AT, header->payload_size);
    oh_le_put_u32(out_bytes + LINK_BEFORE_AT, header->link_before);
    oh_le_put_u64(out_bytes + CHECKSUM_AT, header_checksum(out_bytes, ledger_id));
}

bool oh_frame_header_decode(const uint8_t bytes[static OH_FRAME_HEADER_SIZE],
                            const struct oh_ledger_id *ledger_id, uint64_t offset,
                            struct oh_frame_header *out_header)
{
    if (oh_le_get_u32(bytes + MAGIC_AT) != FRAME_MAGIC || oh_le_get_u64(bytes + OFFSET_AT) != offset)
        return false;
    if (oh_le_get_u64(bytes + CHECKSUM_AT) != header_checksum(bytes, ledger_id))
        return false;
    *out_header = (struct oh_frame_header){
        .offset = offset,
        .first_seq = oh_le_get_u64(bytes + FIRST_SEQ_AT),
        .last_seq = oh_le_get_u64(bytes + LAST_SEQ_AT),
        .synced_seq = oh_le_get_u64(bytes + SYNCED_SEQ_AT),
        .payload_checksum = oh_le_get_u64(bytes + PAYLOAD_CHECKSUM_AT),
        .payload_size = oh_le_get_u32(bytes + PAYLOAD_SIZE_AT),
        .record_count = oh_le_get_u32(bytes + RECORD_COUNT_AT),
        .link_before = oh_le_get_u32(bytes + LINK_BEFORE_AT),
    };
    return true;
}

uint32_t oh_frame_link(const uint8_t header_bytes[static OH_FRAME_HEADER_SIZE])
{
    return oh_frame_link_of(oh_le_get_u64(header_bytes + CHECKSUM_AT));
}

uint64_t oh_frame_payload_checksum(const struct oh_ledger_id *ledger_id, uint64_t first_seq,
                                   const struct iovec *pieces, int count)
{
    uint64_t seed = seed_of(ledger_id, first_seq);
    if (count == 1)
        return XXH3_64bits_withSeed(pieces[0].iov_base, pieces[0].iov_len, seed);
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    XXH_errorcode result = XXH3_64bits_reset_withSeed(&state, seed);
    for (int i = 0; i < count; i++)
        result |= XXH3_64bits_update(&state, pieces[i].iov_base, pieces[i].iov_len);
    OH_ASSERT(result == XXH_OK);
    return XXH3_64bits_digest(&state);
}
