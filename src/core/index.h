/*
 * index.h - a hash index from names to 32-bit slots, by linear hashing.
 *
 * It grows by one bucket at a time inside a region that was reserved for its
 * largest size, so no insertion ever stalls to rehash the rest. A bucket is
 * one cache line: seven entries of (hash, slot) and a link to what it has no
 * room for, three entries by three, in half a line each. The index knows
 * hashes, not names: the owner compares. One thread.
 */
#ifndef ONHAND_CORE_INDEX_H
#define ONHAND_CORE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define OH_INDEX_BUCKET_ENTRIES 7u
#define OH_INDEX_OVERFLOW_ENTRIES 3u

struct oh_index_bucket {
    uint32_t hashes[OH_INDEX_BUCKET_ENTRIES];
    uint32_t slots[OH_INDEX_BUCKET_ENTRIES]; /* slot + 1; 0: free */
    uint32_t overflow;                       /* its first overflow + 1; 0: none */
    uint32_t unused;
};

struct oh_index_overflow {
    uint32_t hashes[OH_INDEX_OVERFLOW_ENTRIES];
    uint32_t slots[OH_INDEX_OVERFLOW_ENTRIES];
    uint32_t overflow; /* the next of the chain, or of the free ones, + 1; 0: none */
    uint32_t unused;
};

struct oh_index {
    struct oh_index_bucket *buckets;
    struct oh_index_overflow *overflows;
    uint32_t bucket_count;
    uint32_t bucket_max;
    uint32_t level_mask; /* buckets of the current round, a power of two, minus 1 */
    uint32_t overflow_count;
    uint32_t overflow_max;
    uint32_t overflow_free; /* an overflow + 1 */
    uint32_t entry_count;
    uint32_t entry_max;
};

/* Bytes that an index for entry_max entries needs, 64-byte aligned. */
size_t oh_index_size(uint32_t entry_max);
void oh_index_init(struct oh_index *index, void *zeroed_memory, uint32_t entry_max);

/* Where a search is. Start with oh_index_first. */
struct oh_index_cursor {
    const uint32_t *slots; /* of the bucket, or of its overflow */
    uint32_t overflow;     /* what comes behind + 1 */
    uint32_t hash;
    uint32_t found; /* which of the slots have the hash and were not given yet: bits */
};

/* Which of the numbers of a bucket, hashes or slots, are the wanted one: bits. Four are looked at at once. */
static inline uint32_t oh_index_bits(const uint32_t numbers[OH_INDEX_BUCKET_ENTRIES], uint32_t wanted)
{
    typedef uint32_t four __attribute__((vector_size(16)));
    const four all = { wanted, wanted, wanted, wanted };
    const four first_bits = { 1, 2, 4, 8 };
    const four last_bits = { 8, 16, 32, 64 };
    four first, last;
    memcpy(&first, numbers, sizeof(first));
    memcpy(&last, numbers + OH_INDEX_BUCKET_ENTRIES - 4, sizeof(last));
    four bits = ((four)(first == all) & first_bits) | ((four)(last == all) & last_bits);
    uint64_t halves[2];
    memcpy(halves, &bits, sizeof(halves));
    uint64_t both = halves[0] | halves[1];
    return (uint32_t)(both | both >> 32);
}

/* The same of an overflow. */
static inline uint32_t oh_index_few_bits(const uint32_t numbers[OH_INDEX_OVERFLOW_ENTRIES], uint32_t wanted)
{
    return (numbers[0] == wanted ? 1u : 0u) | (numbers[1] == wanted ? 2u : 0u) | (numbers[2] == wanted ? 4u : 0u);
}

static inline uint32_t oh_index_home(const struct oh_index *index, uint32_t hash)
{
    uint32_t bucket = hash & (index->level_mask * 2 + 1);
    return bucket < index->bucket_count ? bucket : hash & index->level_mask;
}

static inline void oh_index_first(const struct oh_index *index, uint32_t hash, struct oh_index_cursor *cursor)
{
    const struct oh_index_bucket *bucket = &index->buckets[oh_index_home(index, hash)];
    *cursor = (struct oh_index_cursor){ bucket->slots, bucket->overflow, hash, oh_index_bits(bucket->hashes, hash) };
}

/* A search or an insertion of the hash comes soon. */
static inline void oh_index_expect(const struct oh_index *index, uint32_t hash)
{
    __builtin_prefetch(&index->buckets[oh_index_home(index, hash)], 1);
}

/* The next slot filed under the hash. False: no more. */
static inline bool oh_index_next(const struct oh_index *index, struct oh_index_cursor *cursor, uint32_t *out_slot)
{
    for (;;) {
        while (cursor->found != 0) {
            uint32_t link = cursor->slots[__builtin_ctz(cursor->found)];
            cursor->found &= cursor->found - 1;
            if (link != 0) {
                *out_slot = link - 1;
                return true;
            }
        }
        if (cursor->overflow == 0)
            return false;
        const struct oh_index_overflow *overflow = &index->overflows[cursor->overflow - 1];
        cursor->slots = overflow->slots;
        cursor->overflow = overflow->overflow;
        cursor->found = oh_index_few_bits(overflow->hashes, cursor->hash);
    }
}

/* Files a slot. entry_count < entry_max (asserted). Cost: O(1), no allocation. */
void oh_index_insert(struct oh_index *index, uint32_t hash, uint32_t slot);
/* Takes a slot out; it must be there (asserted). */
void oh_index_remove(struct oh_index *index, uint32_t hash, uint32_t slot);
/* Puts another slot in its place; it must be there (asserted). */
void oh_index_replace(struct oh_index *index, uint32_t hash, uint32_t slot, uint32_t new_slot);
uint64_t oh_index_memory_size(const struct oh_index *index);

#endif
