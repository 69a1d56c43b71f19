#define XXH_STATIC_LINKING_ONLY /* the checksum state lives on the stack */
#include "storage/snapshot_format.h"
#include "base/assert.h"
#include "storage/little_endian.h"
#include <xxhash.h>

#define BLOCK_MAGIC 0x4253484fU  /* "OHSB" */
#define FOOTER_MAGIC 0x4653484fU /* "OHSF" */

enum {
    BLOCK_CHECKSUM_AT = 16,
    FOOTER_CHECKSUM_AT = 32,
};

uint64_t oh_snapshot_seed(const struct oh_ledger_id *ledger_id, uint64_t seq)
{
    return XXH3_64bits_withSeed(ledger_id->bytes, sizeof(ledger_id->bytes), seq);
}

uint64_t oh_snapshot_chain(uint64_t chain, uint64_t checksum)
{
    uint8_t bytes[8];
    oh_le_put_u64(bytes, checksum);
    return XXH3_64bits_withSeed(bytes, sizeof(bytes), chain);
}

static uint64_t block_checksum(const uint8_t *bytes, const void *stored, uint64_t seed)
{
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    XXH_errorcode result = XXH3_64bits_reset_withSeed(&state, seed);
    result |= XXH3_64bits_update(&state, bytes, BLOCK_CHECKSUM_AT);
    result |= XXH3_64bits_update(&state, stored, oh_le_get_u32(bytes + 12));
    OH_ASSERT(result == XXH_OK);
    return XXH3_64bits_digest(&state);
}

void oh_snapshot_block_encode(struct oh_snapshot_block *block, const void *stored, uint64_t seed,
                              uint8_t out_bytes[static OH_SNAPSHOT_BLOCK_HEADER_SIZE])
{
    oh_le_put_u32(out_bytes, BLOCK_MAGIC);
    oh_le_put_u32(out_bytes + 4, block->index);
    oh_le_put_u32(out_bytes + 8, block->raw_size);
    oh_le_put_u32(out_bytes + 12, block->stored_size);
    block->checksum = block_checksum(out_bytes, stored, seed);
    oh_le_put_u64(out_bytes + BLOCK_CHECKSUM_AT, block->checksum);
}

bool oh_snapshot_block_decode(const uint8_t bytes[static OH_SNAPSHOT_BLOCK_HEADER_SIZE],
                              struct oh_snapshot_block *out_block)
{
    if (oh_le_get_u32(bytes) != BLOCK_MAGIC)
        return false;
    *out_block = (struct oh_snapshot_block){
        .index = oh_le_get_u32(bytes + 4),
        .raw_size = oh_le_get_u32(bytes + 8),
        .stored_size = oh_le_get_u32(bytes + 12),
        .checksum = oh_le_get_u64(bytes + BLOCK_CHECKSUM_AT),
    };
    return true;
}

bool oh_snapshot_block_is_whole(const uint8_t bytes[static OH_SNAPSHOT_BLOCK_HEADER_SIZE], const void *stored,
                                uint64_t seed)
{
    return oh_le_get_u64(bytes + BLOCK_CHECKSUM_AT) == block_checksum(bytes, stored, seed);
}

void oh_snapshot_footer_encode(const struct oh_snapshot_footer *footer, uint64_t seed,
                               uint8_t out_bytes[static OH_SNAPSHOT_FOOTER_SIZE])
{
    oh_le_put_u32(out_bytes, FOOTER_MAGIC);
    oh_le_put_u32(out_bytes + 4, footer->blocks_count);
    oh_le_put_u64(out_bytes + 8, footer->raw_bytes);
    oh_le_put_u64(out_bytes + 16, footer->objects_count);
    oh_le_put_u64(out_bytes + 24, footer->chain);
    oh_le_put_u64(out_bytes + FOOTER_CHECKSUM_AT, XXH3_64bits_withSeed(out_bytes, FOOTER_CHECKSUM_AT, seed));
}

bool oh_snapshot_footer_decode(const uint8_t bytes[static OH_SNAPSHOT_FOOTER_SIZE], uint64_t seed,
                               struct oh_snapshot_footer *out_footer)
{
    if (oh_le_get_u32(bytes) != FOOTER_MAGIC ||
        oh_le_get_u64(bytes + FOOTER_CHECKSUM_AT) != XXH3_64bits_withSeed(bytes, FOOTER_CHECKSUM_AT, seed))
        return false;
    *out_footer = (struct oh_snapshot_footer){
        .blocks_count = oh_le_get_u32(bytes + 4),
        .raw_bytes = oh_le_get_u64(bytes + 8),
        .objects_count = oh_le_get_u64(bytes + 16),
        .chain = oh_le_get_u64(bytes + 24),
    };
    return true;
}
