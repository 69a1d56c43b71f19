/*
 * test_index.c - the hash index against a plain list, with few hashes so that
 * chains are long, and through every size it grows to.
 */
#include "base/prng.h"
#include "core/index.h"
#include "support/test.h"
#include <stdlib.h>

#define ENTRIES 5000u

struct naive { uint32_t hash; bool is_in; };

static struct oh_index *index_make(void **out_memory)
{
    static struct oh_index index;
    *out_memory = calloc(1, oh_index_size(ENTRIES));
    oh_index_init(&index, *out_memory, ENTRIES);
    return &index;
}

static bool index_has(const struct oh_index *index, uint32_t hash, uint32_t slot)
{
    struct oh_index_cursor cursor;
    uint32_t found;
    uint32_t times = 0;
    oh_index_first(index, hash, &cursor);
    while (oh_index_next(index, &cursor, &found))
        times += found == slot ? 1 : 0;
    assert_true(times <= 1);
    return times == 1;
}

static void index_compare(const struct oh_index *index, const struct naive *naive)
{
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < ENTRIES; slot++) {
        assert_int_equal(index_has(index, naive[slot].hash, slot), naive[slot].is_in);
        count += naive[slot].is_in ? 1 : 0;
    }
    assert_int_equal(index->entry_count, count);
}

static void index_run(uint64_t seed, uint32_t hash_mask)
{
    struct naive *naive = calloc(ENTRIES, sizeof(*naive));
    struct oh_prng prng;
    void *memory;
    struct oh_index *index = index_make(&memory);
    oh_prng_init(&prng, seed);
    for (uint32_t slot = 0; slot < ENTRIES; slot++)
        naive[slot].hash = (uint32_t)oh_prng_next(&prng) & hash_mask;
    for (uint32_t step = 0; step < ENTRIES * 4; step++) {
        uint32_t slot = (uint32_t)oh_prng_below(&prng, ENTRIES);
        bool wants_in = oh_prng_below(&prng, 3) > 0;
        if (naive[slot].is_in && !wants_in)
            oh_index_remove(index, naive[slot].hash, slot);
        else if (!naive[slot].is_in && wants_in)
            oh_index_insert(index, naive[slot].hash, slot);
        naive[slot].is_in = wants_in;
    }
    index_compare(index, naive);
    free(memory);
    free(naive);
}

static void test_index_holds_what_was_put_when_entries_come_and_go(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++)
        index_run(seed, UINT32_MAX);
}

static void test_index_holds_what_was_put_when_hashes_collide(void **state)
{
    (void)state;
    index_run(1, 0x3f);
    index_run(2, 0xffff0000);
}

/* For years: as many entries as there may be, one for another again and again. */
static void test_index_keeps_no_overflow_that_is_empty(void **state)
{
    (void)state;
    void *memory;
    struct oh_index *index = index_make(&memory);
    static uint32_t hashes[ENTRIES];
    struct oh_prng prng;
    oh_prng_init(&prng, 3);
    for (uint32_t slot = 0; slot < ENTRIES; slot++)
        oh_index_insert(index, hashes[slot] = (uint32_t)oh_prng_next(&prng), slot);
    uint32_t at_first = index->overflow_count;
    for (uint32_t step = 0; step < 500 * ENTRIES; step++) {
        uint32_t slot = step % ENTRIES;
        oh_index_remove(index, hashes[slot], slot);
        oh_index_insert(index, hashes[slot] = (uint32_t)oh_prng_next(&prng), slot);
    }
    assert_in_range(index->overflow_count, at_first, 2 * at_first); /* it was eight times as many, and ever more */
    for (uint32_t slot = 0; slot < ENTRIES; slot++)
        oh_index_remove(index, hashes[slot], slot);
    uint32_t free_count = 0;
    for (uint32_t link = index->overflow_free; link != 0; link = index->overflows[link - 1].overflow)
        free_count++;
    assert_int_equal(free_count, index->overflow_count);
    free(memory);
}

static void test_index_takes_its_maximum_and_replaces_in_place(void **state)
{
    (void)state;
    void *memory;
    struct oh_index *index = index_make(&memory);
    for (uint32_t slot = 0; slot < ENTRIES; slot++)
        oh_index_insert(index, slot * 2654435761u, slot);
    for (uint32_t slot = 0; slot < ENTRIES; slot++)
        assert_true(index_has(index, slot * 2654435761u, slot));
    oh_index_replace(index, 0, 0, ENTRIES + 7);
    assert_true(index_has(index, 0, ENTRIES + 7));
    assert_false(index_has(index, 0, 0));
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_holds_what_was_put_when_entries_come_and_go),
        cmocka_unit_test(test_index_holds_what_was_put_when_hashes_collide),
        cmocka_unit_test(test_index_keeps_no_overflow_that_is_empty),
        cmocka_unit_test(test_index_takes_its_maximum_and_replaces_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
