#include "base/lanes.h"
#include "onhand/bytes.h"
#include "support/test.h"
#include <stdlib.h>

#define SIZE_MOST 40u

/* Exactly that many bytes, so that a sanitizer sees a read or write past them. */
static char *block(size_t size)
{
    char *bytes = malloc(size == 0 ? 1 : size);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 7 + size);
    return bytes;
}

static void test_bytes_are_the_same_only_when_each_byte_is(void **state)
{
    (void)state;
    for (size_t size = 0; size <= SIZE_MOST; size++) {
        char *a = block(size);
        char *b = block(size);
        assert_true(oh_bytes_same(a, b, size));
        assert_true(oh_bytes_equal((struct oh_bytes){ a, size }, (struct oh_bytes){ b, size }));
        for (size_t i = 0; i < size; i++) {
            b[i] = (char)(b[i] ^ 0x80);
            assert_false(oh_bytes_same(a, b, size));
            b[i] = a[i];
        }
        if (size > 0)
            assert_false(oh_bytes_equal((struct oh_bytes){ a, size }, (struct oh_bytes){ b, size - 1 }));
        free(a);
        free(b);
    }
    assert_true(oh_bytes_equal(OH_BYTES_NONE, OH_BYTES("")));
}

static void test_bytes_copied_are_all_there_and_no_more(void **state)
{
    (void)state;
    for (size_t size = 0; size <= SIZE_MOST; size++) {
        char *from = block(size);
        char to[SIZE_MOST + 2];
        memset(to, '#', sizeof(to));
        oh_bytes_copy(to + 1, from, size);
        assert_memory_equal(to + 1, from, size);
        assert_int_equal(to[0], '#');
        assert_int_equal(to[size + 1], '#');
        free(from);
    }
    oh_bytes_copy(NULL, NULL, 0);
}

static void test_lanes_name_the_first_byte_of_a_kind(void **state)
{
    (void)state;
    char bytes[OH_LANES];
    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(oh_lanes_first(oh_lanes_load(bytes) == ','), OH_LANES);
    for (size_t first = 0; first < OH_LANES; first++) {
        for (size_t second = first; second < OH_LANES; second++) {
            bytes[first] = bytes[second] = ',';
            assert_int_equal(oh_lanes_first(oh_lanes_load(bytes) == ','), first);
            bytes[first] = bytes[second] = 'x';
        }
        bytes[first] = (char)0x80;
        assert_int_equal(oh_lanes_first(oh_lanes_load(bytes) < 0), first);
        bytes[first] = 'x';
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_are_the_same_only_when_each_byte_is),
        cmocka_unit_test(test_bytes_copied_are_all_there_and_no_more),
        cmocka_unit_test(test_lanes_name_the_first_byte_of_a_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
