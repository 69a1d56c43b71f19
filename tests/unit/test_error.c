#include "onhand/error.h"
#include "support/test.h"
#include <string.h>

#define ERROR_ROW(name, number, text) { name, number, text },
static const struct {
    enum oh_err err;
    int number;
    const char *text;
} rows[] = { OH_ERRORS(ERROR_ROW) };
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static void test_error_has_its_own_number_and_its_own_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        assert_int_equal(rows[i].err, rows[i].number);
        assert_string_equal(oh_err_text(rows[i].err), rows[i].text);
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(rows[i].number, rows[j].number);
            assert_string_not_equal(rows[i].text, rows[j].text);
        }
    }
}

static void test_error_has_a_sentence_when_the_number_is_unknown(void **state)
{
    (void)state;
    assert_string_equal(oh_err_text((enum oh_err)9999), "unknown error");
}

static void test_diag_is_formatted(void **state)
{
    (void)state;
    struct oh_diag diag;
    oh_diag_set(&diag, "segment %d, offset %s", 7, "12");
    assert_string_equal(diag.text, "segment 7, offset 12");
}

static void test_diag_is_cut_when_longer_than_its_room(void **state)
{
    (void)state;
    struct oh_diag diag;
    oh_diag_set(&diag, "%*s|", OH_DIAG_TEXT_SIZE + 100, "x");
    assert_int_equal(strlen(diag.text), OH_DIAG_TEXT_SIZE - 1);
}

static void test_diag_may_be_absent(void **state)
{
    (void)state;
    oh_diag_set(NULL, "nobody asked %d", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_has_its_own_number_and_its_own_sentence),
        cmocka_unit_test(test_error_has_a_sentence_when_the_number_is_unknown),
        cmocka_unit_test(test_diag_is_formatted),
        cmocka_unit_test(test_diag_is_cut_when_longer_than_its_room),
        cmocka_unit_test(test_diag_may_be_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
