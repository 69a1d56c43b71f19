#include "core/index.h"
#include "base/assert.h"
#include <string.h>

#define ENTRIES_PER_BUCKET 6u /* on average, before the index grows */

static uint32_t index_bucket_max(uint32_t entry_max)
{
    return entry_max / ENTRIES_PER_BUCKET + 2;
}

/* Were every entry in an overflow bucket, this many would do: each holds at least one. In practice few are used. */
static uint32_t index_overflow_max(uint32_t entry_max)
{
    return entry_max + 1;
}

size_t oh_index_size(uint32_t entry_max)
{
    return ((size_t)index_bucket_max(entry_max) + index_overflow_max(entry_max)) * sizeof(struct oh_index_bucket);
}

void oh_index_init(struct oh_index *index, void *zeroed_memory, uint32_t entry_max)
{
    struct oh_index_bucket *buckets = zeroed_memory;
    uint32_t bucket_max = index_bucket_max(entry_max);
    *index = (struct oh_index){
        .buckets = buckets,
        .overflows = buckets + bucket_max,
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
        struct oh_index_bucket *bucket = &index->overflows[link - 1];
        index->overflow_free = bucket->overflow;
        *bucket = (struct oh_index_bucket){ .overflow = 0 };
        return link;
    }
    OH_ASSERT(index->overflow_count < index->overflow_max);
    return ++index->overflow_count;
}

static void index_bucket_put(struct oh_index *index, struct oh_index_bucket *bucket, uint32_t hash, uint32_t link)
{
    for (;;) {
        uint32_t free = oh_index_bits(bucket->slots, 0);
        if (free != 0) {
            uint32_t i = (uint32_t)__builtin_ctz(free);
            bucket->hashes[i] = hash;
            bucket->slots[i] = link;
            return;
        }
        if (bucket->overflow == 0)
            bucket->overflow = index_overflow_allocate(index);
        bucket = &index->overflows[bucket->overflow - 1];
    }
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
        struct oh_index_bucket *overflow = &index->overflows[link - 1];
        struct oh_index_bucket old = *overflow;
        overflow->overflow = index->overflow_free;
        index->overflow_free = link;
        for (uint32_t i = 0; i < OH_INDEX_BUCKET_ENTRIES; i++) {
            struct oh_index_bucket *to = &index->buckets[oh_index_home(index, old.hashes[i])];
            if (old.slots[i] != 0)
                index_bucket_put(index, to, old.hashes[i], old.slots[i]);
        }
        link = old.overflow;
    }
    if (index->bucket_count == (index->level_mask + 1) * 2)
        index->level_mask = index->level_mask * 2 + 1;
}

void oh_index_insert(struct oh_index *index, uint32_t hash, uint32_t slot)
{
    OH_ASSERT(index->entry_count < index->entry_max);
    index_bucket_put(index, &index->buckets[oh_index_home(index, hash)], hash, slot + 1);
    index->entry_count++;
    if (index->entry_count > index->bucket_count * ENTRIES_PER_BUCKET)
        index_split(index);
}

static uint32_t *index_entry(struct oh_index *index, uint32_t hash, uint32_t slot)
{
    struct oh_index_bucket *bucket = &index->buckets[oh_index_home(index, hash)];
    for (;;) {
        for (uint32_t i = 0; i < OH_INDEX_BUCKET_ENTRIES; i++) {
            if (bucket->hashes[i] == hash && bucket->slots[i] == slot + 1)
                return &bucket->slots[i];
        }
        OH_ASSERT(bucket->overflow != 0);
        bucket = &index->overflows[bucket->overflow - 1];
    }
}

/* An overflow bucket that a removal leaves empty stays linked until the next split passes by. */
void oh_index_remove(struct oh_index *index, uint32_t hash, uint32_t slot)
{
    *index_entry(index, hash, slot) = 0;
    index->entry_count--;
}

void oh_index_replace(struct oh_index *index, uint32_t hash, uint32_t slot, uint32_t new_slot)
{
    *index_entry(index, hash, slot) = new_slot + 1;
}

uint64_t oh_index_memory_size(const struct oh_index *index)
{
    return ((uint64_t)index->bucket_count + index->overflow_count) * sizeof(struct oh_index_bucket);
}
