/*
 * test_text.c - memory in blocks: each as small as its class allows, given again when it was freed, never two at once.
 */
#include "core/text.h"
#include "support/test.h"
#include <stdlib.h>
#include <string.h>

#define REGION_SIZE ((size_t)16 << 20)

/* The smallest block there is for so many bytes: of 8 up to 256, then four to a doubling. */
static size_t block_size(size_t size)
{
    size_t step = 64;
    size_t block = 256;
    if (size <= 256)
        return (size + 7) / 8 * 8;
    for (; block * 2 < size; block *= 2)
        step *= 2;
    while (block < size)
        block += step;
    return block;
}

static void test_text_blocks_are_as_small_as_their_class_allows(void **state)
{
    (void)state;
    struct oh_text text;
    void *region = calloc(1, REGION_SIZE);
    assert_non_null(region);
    for (size_t size = 1; size <= OH_TEXT_BLOCK_SIZE_MAX; size += size < 1200 ? 1 : size / 2 - 1) {
        oh_text_init(&text, region, REGION_SIZE);
        assert_int_equal(oh_text_block_size(size), block_size(size));
        uint32_t ref = oh_text_allocate(&text, size);
        assert_int_equal(ref, 1); /* block 0 is none */
        assert_int_equal(text.live_size, block_size(size));
        assert_int_equal(text.cut_size, 8 + block_size(size));
        oh_text_free(&text, ref, size);
        assert_int_equal(text.live_size, 0);
        assert_int_equal(oh_text_allocate(&text, size), ref);
        assert_true(oh_text_allocate(&text, size) != ref);
    }
    assert_int_equal(oh_text_block_size(OH_TEXT_BLOCK_SIZE_MAX), OH_TEXT_BLOCK_SIZE_MAX);
    free(region);
}

/* Half of what is left, after the largest block, can surely be had: a block is less than twice what was asked for. */
static void test_text_knows_what_it_has_room_for(void **state)
{
    (void)state;
    struct oh_text text;
    void *region = calloc(1, REGION_SIZE);
    assert_non_null(region);
    oh_text_init(&text, region, REGION_SIZE);
    size_t sure = (REGION_SIZE - 8 - OH_TEXT_BLOCK_SIZE_MAX) / 2;
    assert_true(oh_text_has_room(&text, sure));
    assert_false(oh_text_has_room(&text, sure + 1));
    assert_int_equal(oh_text_allocate(&text, OH_TEXT_BLOCK_SIZE_MAX), 1);
    assert_int_equal(oh_text_allocate(&text, OH_TEXT_BLOCK_SIZE_MAX), 1 + OH_TEXT_BLOCK_SIZE_MAX / 8);
    assert_true(oh_text_allocate(&text, OH_TEXT_BLOCK_SIZE_MAX) != 0);
    assert_int_equal(oh_text_allocate(&text, OH_TEXT_BLOCK_SIZE_MAX), 0); /* 8 bytes are missing */
    for (size_t size = OH_TEXT_BLOCK_SIZE_MAX / 2; size >= 8; size /= 2)
        assert_true(oh_text_allocate(&text, size) != 0);
    assert_int_equal(text.cut_size, REGION_SIZE);
    assert_int_equal(oh_text_allocate(&text, 1), 0);
    free(region);
}

static void test_text_keeps_strings_one_behind_the_other(void **state)
{
    (void)state;
    struct oh_text text;
    char letters[300];
    void *region = calloc(1, REGION_SIZE);
    assert_non_null(region);
    memset(letters, 'x', sizeof(letters));
    oh_text_init(&text, region, REGION_SIZE);
    for (size_t size = 0; size < sizeof(letters); size++) { /* so that some fill their block to the last byte */
        const struct oh_bytes strings[] = { OH_BYTES("ab"), { letters, size }, OH_BYTES("c") };
        assert_int_equal(oh_text_strings_size(strings, 3), size + 9);
        uint32_t ref = oh_text_put_strings(&text, strings, 3);
        uint32_t neighbour = oh_text_put_strings(&text, strings, 1);
        for (uint32_t i = 0; i < 3; i++)
            assert_true(oh_bytes_equal(oh_text_string(&text, ref, i), strings[i]));
        assert_int_equal(text.live_size, block_size(size + 9) + 8);
        oh_text_free_strings(&text, ref, 3);
        oh_text_free_strings(&text, neighbour, 1);
        oh_text_free_strings(&text, 0, 1); /* none */
        assert_int_equal(text.live_size, 0);
    }
    free(region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_blocks_are_as_small_as_their_class_allows),
        cmocka_unit_test(test_text_knows_what_it_has_room_for),
        cmocka_unit_test(test_text_keeps_strings_one_behind_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
