/*
 * test_imports.c - how far an import came: kept with the rows it brought, replayed, and forgotten when others are
 * newer.
 */
#include "support/shop.h"
#include "support/test.h"
#include <stdio.h>
#include <string.h>

static uint64_t rows_of(struct shop *shop, struct oh_bytes import)
{
    struct oh_effect_import progress = { .row_count = 0 };
    return oh_import_get(shop->ledger, import, &progress) ? progress.row_count : 0;
}

/* A server names an import "<kind>/<id>": longer than an id may be. Its record was refused at the next start. */
static void test_imports_replays_the_longest_name_it_takes(void **state)
{
    (void)state;
    char name[OH_TEXT_SIZE_MAX + 1];
    struct shop *shop = shop_open(NULL);
    memset(name, 'x', sizeof(name));
    for (size_t size = 1; size <= OH_TEXT_SIZE_MAX; size++)
        assert_int_equal(shop_import(shop, (struct oh_bytes){ name, size }, size), OH_OK_DONE);
    assert_int_equal(rows_of(shop, (struct oh_bytes){ name, OH_TEXT_SIZE_MAX }), OH_TEXT_SIZE_MAX);
    shop_close(shop);
}

static void test_imports_refuses_a_name_that_is_empty_too_long_or_not_printable(void **state)
{
    (void)state;
    char name[OH_TEXT_SIZE_MAX + 1];
    struct shop *shop = shop_open(NULL);
    memset(name, 'x', sizeof(name));
    assert_int_equal(shop_import(shop, OH_BYTES_NONE, 1), OH_V_INVALID_ID);
    assert_int_equal(shop_import(shop, OH_BYTES("a\n"), 1), OH_V_INVALID_ID);
    assert_int_equal(shop_import(shop, (struct oh_bytes){ name, sizeof(name) }, 1), OH_V_INVALID_ID);
    assert_int_equal(shop->answer.field, OH_FIELD_IMPORT);
    assert_int_equal(shop->record_count, 0);
    shop_close(shop);
}

static void test_imports_forgets_the_one_heard_of_least_recently_when_there_are_too_many(void **state)
{
    (void)state;
    char name[16];
    struct shop *shop = shop_open(NULL);
    for (uint32_t i = 0; i < OH_IMPORTS_MAX; i++) {
        snprintf(name, sizeof(name), "i-%04u", i); /* of 8 bytes with its size: as much as a block */
        assert_int_equal(shop_import(shop, oh_bytes_of(name), i + 1), OH_OK_DONE);
    }
    shop_import(shop, OH_BYTES("i-0000"), 7); /* heard of again: 1 and then 2 are the oldest now */
    shop_import(shop, OH_BYTES("one more"), 8);
    shop_import(shop, OH_BYTES("and another"), 9);
    assert_int_equal(rows_of(shop, OH_BYTES("i-0000")), 7);
    assert_int_equal(rows_of(shop, OH_BYTES("i-0001")), 0);
    assert_int_equal(rows_of(shop, OH_BYTES("i-0002")), 0);
    assert_int_equal(rows_of(shop, OH_BYTES("i-0003")), 4);
    assert_int_equal(rows_of(shop, OH_BYTES("one more")), 8);
    assert_int_equal(rows_of(shop, OH_BYTES("and another")), 9);
    shop_close(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_imports_replays_the_longest_name_it_takes),
        cmocka_unit_test(test_imports_refuses_a_name_that_is_empty_too_long_or_not_printable),
        cmocka_unit_test(test_imports_forgets_the_one_heard_of_least_recently_when_there_are_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
