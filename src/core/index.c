#include "core/index.h"
#include "base/assert.h"
#include <string.h>

#define ENTRIES_PER_BUCKET 6u /* on average, before the index grows */

static uint32_t index_bucket_max(uint32_t entry_max)
{
    return entry_max / ENTRIES_PER_BUCKET + 2;
}

/* Were every entry in an overflow, this many would do: each that is in a chain holds at least one. */
static uint32_t index_overflow_max(uint32_t entry_max)
{
    return entry_max + 1;
}

size_t oh_index_size(uint32_t entry_max)
{
    size_t size = index_bucket_max(entry_max) * sizeof(struct oh_index_bucket) +
                  index_overflow_max(entry_max) * sizeof(struct oh_index_overflow);
    return (size + 63) / 64 * 64;
}

void oh_index_init(struct oh_index *index, void *zeroed_memory, uint32_t entry_max)
{
    struct oh_index_bucket *buckets = zeroed_memory;
    uint32_t bucket_max = index_bucket_max(entry_max);
    *index = (struct oh_index){
        .buckets = buckets,
        .overflows = (struct oh_index_overflow *)(buckets + bucket_max),
        .bucket_count = 1,
        .bucket_max = bucket_max,
        .overflow_max = index_overflow_max(entry_max),
        .entry_max = entry_max,
    };
}

static uint32_t index_overflow_allocate(struct oh_index *index)
{
    uint32_t link = index->overflow_free;
    if (link != 0) {
        struct oh_index_overflow *overflow = &index->overflows[link - 1];
        index->overflow_free = overflow->overflow;
        *overflow = (struct oh_index_overflow){ .overflow = 0 };
        return link;
    }
    OH_ASSERT(index->overflow_count < index->overflow_max);
    return ++index->overflow_count;
}

static void index_overflow_free(struct oh_index *index, uint32_t link)
{
    struct oh_index_overflow *overflow = &index->overflows[link - 1];
    overflow->overflow = index->overflow_free;
    index->overflow_free = link;
}

static void index_overflow_put(struct oh_index *index, struct oh_index_bucket *home, uint32_t hash, uint32_t link)
{
    uint32_t *next = &home->overflow;
    for (;;) {
        if (*next == 0)
            *next = index_overflow_allocate(index);
        struct oh_index_overflow *overflow = &index->overflows[*next - 1];
        uint32_t free = oh_index_few_bits(overflow->slots, 0);
        if (free != 0) {
            uint32_t i = (uint32_t)__builtin_ctz(free);
            overflow->hashes[i] = hash;
            overflow->slots[i] = link;
            return;
        }
        next = &overflow->overflow;
    }
}

static void index_put(struct oh_index *index, uint32_t hash, uint32_t link)
{
    struct oh_index_bucket *home = &index->buckets[oh_index_home(index, hash)];
    uint32_t free = oh_index_bits(home->slots, 0);
    if (free == 0) {
        index_overflow_put(index, home, hash, link);
        return;
    }
    uint32_t i = (uint32_t)__builtin_ctz(free);
    home->hashes[i] = hash;
    home->slots[i] = link;
}

/* Entries that belong to the new bucket, which is empty, move there; the others stay where they are. */
static void index_divide(const struct oh_index *index, struct oh_index_bucket *home, uint32_t new_home)
{
    struct oh_index_bucket *fresh = &index->buckets[new_home];
    uint32_t count = 0;
    for (uint32_t i = 0; i < OH_INDEX_BUCKET_ENTRIES; i++) {
        if (home->slots[i] != 0 && oh_index_home(index, home->hashes[i]) == new_home) {
            fresh->hashes[count] = home->hashes[i];
            fresh->slots[count++] = home->slots[i];
            home->slots[i] = 0;
        }
    }
}

/* One bucket more: the entries of a chain are filed again. */
static void index_split(struct oh_index *index)
{
    OH_ASSERT(index->bucket_count < index->bucket_max);
    uint32_t new_home = index->bucket_count++;
    struct oh_index_bucket *home = &index->buckets[new_home & index->level_mask];
    uint32_t link = home->overflow;
    home->overflow = 0;
    index_divide(index, home, new_home);
    while (link != 0) {
        struct oh_index_overflow old = index->overflows[link - 1];
        index_overflow_free(index, link);
        for (uint32_t i = 0; i < OH_INDEX_OVERFLOW_ENTRIES; i++) {
            if (old.slots[i] != 0)
                index_put(index, old.hashes[i], old.slots[i]);
        }
        link = old.overflow;
    }
    if (index->bucket_count == (index->level_mask + 1) * 2)
        index->level_mask = index->level_mask * 2 + 1;
}

void oh_index_insert(struct oh_index *index, uint32_t hash, uint32_t slot)
{
    OH_ASSERT(index->entry_count < index->entry_max);
    index_put(index, hash, slot + 1);
    index->entry_count++;
    if (index->entry_count > index->bucket_count * ENTRIES_PER_BUCKET)
        index_split(index);
}

/* *out_chain is what leads to the overflow that it is in; NULL when it is in the bucket itself. */
static uint32_t *index_entry(struct oh_index *index, uint32_t hash, uint32_t slot, uint32_t **out_chain)
{
    struct oh_index_bucket *home = &index->buckets[oh_index_home(index, hash)];
    uint32_t found = oh_index_bits(home->hashes, hash) & oh_index_bits(home->slots, slot + 1);
    *out_chain = NULL;
    if (found != 0)
        return &home->slots[__builtin_ctz(found)];
    *out_chain = &home->overflow;
    for (;;) {
        OH_ASSERT(**out_chain != 0);
        struct oh_index_overflow *overflow = &index->overflows[**out_chain - 1];
        found = oh_index_few_bits(overflow->hashes, hash) & oh_index_few_bits(overflow->slots, slot + 1);
        if (found != 0)
            return &overflow->slots[__builtin_ctz(found)];
        *out_chain = &overflow->overflow;
    }
}

void oh_index_remove(struct oh_index *index, uint32_t hash, uint32_t slot)
{
    uint32_t *chain;
    *index_entry(index, hash, slot, &chain) = 0;
    index->entry_count--;
    if (chain == NULL)
        return;
    uint32_t link = *chain;
    const struct oh_index_overflow *overflow = &index->overflows[link - 1];
    if ((overflow->slots[0] | overflow->slots[1] | overflow->slots[2]) != 0)
        return;
    *chain = overflow->overflow;
    index_overflow_free(index, link);
}

void oh_index_replace(struct oh_index *index, uint32_t hash, uint32_t slot, uint32_t new_slot)
{
    uint32_t *chain;
    *index_entry(index, hash, slot, &chain) = new_slot + 1;
}

uint64_t oh_index_memory_size(const struct oh_index *index)
{
    return index->bucket_count * sizeof(struct oh_index_bucket) +
           index->overflow_count * sizeof(struct oh_index_overflow);
}
