/* Files of the tz database, made by hand: what is read of them, and what is none. */
#include "support/arena_buffer.h"
#include "support/test.h"
#include "support/tz_bytes.h"
#include "timetable/tz_file.h"

#define SECOND_US INT64_C(1000000)
#define HOUR_S    3600

static const struct oh_tz_shift shifts[] = { { -100, HOUR_S }, { 500, 2 * HOUR_S }, { 900, -HOUR_S } };
static const struct tz_sketch plain = {
    .version = '2', .first_offset_s = 75, .shifts = shifts, .shift_count = 3, .rule = "\n\n"
};

static struct tz_bytes made;

static enum oh_err parse(const struct tz_sketch *sketch, struct oh_tz_file *out)
{
    tz_bytes_make(&made, sketch);
    return oh_tz_file_parse(tz_bytes_of(&made), out);
}

static uint32_t changes_of(const struct tz_sketch *sketch, int64_t from_s, int64_t until_s,
                           const struct oh_tz_change **out)
{
    struct oh_tz_file file;
    uint32_t count = 0;
    assert_int_equal(parse(sketch, &file), OH_OK);
    assert_int_equal(oh_tz_file_changes(&file, from_s * SECOND_US, until_s * SECOND_US, &buffer, &count),
                     OH_OK);
    *out = buffer.memory;
    return count;
}

static void assert_change(const struct oh_tz_change *change, int64_t at_s, int64_t offset_s)
{
    assert_int_equal(change->at_us, at_s * SECOND_US);
    assert_int_equal(change->offset_us, offset_s * SECOND_US);
}

static void test_tz_file_lists_the_changes_between_two_instants(void **state)
{
    (void)state;
    static const char versions[] = { '\0', '2', '3', '4' };
    for (size_t i = 0; i < sizeof(versions); i++) {
        struct tz_sketch sketch = plain;
        const struct oh_tz_change *changes;
        sketch.version = versions[i];
        assert_int_equal(changes_of(&sketch, -1000, 2000, &changes), 4);
        assert_int_equal(changes[0].at_us, INT64_MIN);
        assert_int_equal(changes[0].offset_us, 75 * SECOND_US);
        assert_change(&changes[1], -100, HOUR_S);
        assert_change(&changes[2], 500, 2 * HOUR_S);
        assert_change(&changes[3], 900, -HOUR_S);
        /* one at from is the first, one at until is not there */
        assert_int_equal(changes_of(&sketch, -100, 900, &changes), 2);
        assert_int_equal(changes[0].offset_us, HOUR_S * SECOND_US);
        assert_change(&changes[1], 500, 2 * HOUR_S);
        assert_int_equal(changes_of(&sketch, 5000, 9000, &changes), 1);
        assert_int_equal(changes[0].offset_us, -HOUR_S * SECOND_US);
    }
}

static void test_tz_file_leaves_out_changes_that_change_no_offset(void **state)
{
    (void)state;
    static const struct oh_tz_shift same[] = { { 0, 75 }, { 100, HOUR_S }, { 200, HOUR_S }, { 300, 0 } };
    struct tz_sketch sketch = plain;
    const struct oh_tz_change *changes;
    sketch.shifts = same;
    sketch.shift_count = 4;
    assert_int_equal(changes_of(&sketch, -1000, 2000, &changes), 3);
    assert_change(&changes[1], 100, HOUR_S);
    assert_change(&changes[2], 300, 0);
}

/* Times of 4 bytes end in 2038; those of 8 are older than the world. */
static void test_tz_file_may_list_any_instant(void **state)
{
    (void)state;
    static const struct oh_tz_shift far[] = {
        { INT64_MIN, HOUR_S }, { -(INT64_C(1) << 59), 0 }, { 4102444800, HOUR_S }, { INT64_MAX, 0 }
    };
    struct tz_sketch sketch = plain;
    const struct oh_tz_change *changes;
    sketch.shifts = far;
    sketch.shift_count = 4;
    assert_int_equal(changes_of(&sketch, 0, 4102444801, &changes), 2);
    assert_int_equal(changes[0].offset_us, 0);
    assert_change(&changes[1], 4102444800, HOUR_S);
}

/* Summer of 2000: 954032400 (26 March, 01:00) to 972781200 (29 October, 01:00). */
static void test_tz_file_goes_on_by_its_rule_where_the_list_ends(void **state)
{
    (void)state;
    static const struct oh_tz_shift one[] = { { 954032400, HOUR_S } };
    struct tz_sketch sketch = plain;
    const struct oh_tz_change *changes;
    sketch.rule = "\nGMT0BST,M3.5.0/1,M10.5.0\n";
    sketch.shifts = one;
    sketch.shift_count = 1;
    assert_int_equal(changes_of(&sketch, 946684800, 985482000, &changes), 3);
    assert_int_equal(changes[0].offset_us, 75 * SECOND_US);
    assert_change(&changes[1], 954032400, HOUR_S);
    assert_change(&changes[2], 972781200, 0);
    /* with no list it is asked from the first year on */
    sketch.shift_count = 0;
    assert_int_equal(changes_of(&sketch, 946684800, 985482000, &changes), 3);
    assert_int_equal(changes[0].offset_us, 0);
    /* a list that ends behind what is asked for is not added to */
    static const struct oh_tz_shift late[] = { { 0, HOUR_S }, { 985482000, 0 } };
    sketch.shifts = late;
    sketch.shift_count = 2;
    assert_int_equal(changes_of(&sketch, 946684800, 985482000, &changes), 1);
    assert_int_equal(changes[0].offset_us, HOUR_S * SECOND_US);
}

/* A rule may mean a day of the year before, or of the year after. */
static void test_tz_file_asks_the_rule_of_the_years_beside(void **state)
{
    (void)state;
    static const struct oh_tz_shift new_year[] = { { 946684800, HOUR_S } };
    struct tz_sketch sketch = plain;
    const struct oh_tz_change *changes;
    sketch.shifts = new_year;
    sketch.shift_count = 1;
    sketch.rule = "\nXXX0YYY,M7.1.0/0,J365/48\n"; /* 1999 ends its summer on 1 January 2000, 23:00 */
    assert_int_equal(changes_of(&sketch, 946684800, 949363200, &changes), 2);
    assert_change(&changes[1], 946767600, 0);
    sketch.rule = "\nXXX0YYY,0/-10,J100/0\n"; /* 2001 begins its summer on 31 December 2000, 14:00 */
    assert_int_equal(changes_of(&sketch, 975628800, 978292800, &changes), 2);
    assert_change(&changes[1], 978271200, HOUR_S);
}

/* The end of a year's summer is the begin of the next: no change. */
static void test_tz_file_has_no_change_where_summer_lasts_all_year(void **state)
{
    (void)state;
    struct tz_sketch sketch = plain;
    const struct oh_tz_change *changes;
    sketch.rule = "\nEST5EDT,0/0,J365/25\n";
    sketch.shift_count = 0;
    assert_int_equal(changes_of(&sketch, 946684800, 985482000, &changes), 1);
    assert_int_equal(changes[0].offset_us, -4 * HOUR_S * SECOND_US);
}

static void test_tz_file_that_is_cut_anywhere_is_none(void **state)
{
    (void)state;
    struct oh_tz_file file;
    struct tz_sketch sketch = plain;
    sketch.rule = "\nGMT0BST,M3.5.0/1,M10.5.0\n";
    assert_int_equal(parse(&sketch, &file), OH_OK);
    for (size_t size = 0; size < made.size; size++)
        assert_int_equal(oh_tz_file_parse((struct oh_bytes){ made.data, size }, &file), OH_E_SYNTAX);
}

static void test_tz_file_refuses_what_cannot_be(void **state)
{
    (void)state;
    static const struct oh_tz_shift back[] = { { 100, HOUR_S }, { 100, 0 } };
    static const struct oh_tz_shift edge[] = { { 0, OH_TZ_OFFSET_S_MAX }, { 1, -OH_TZ_OFFSET_S_MAX } };
    static const struct oh_tz_shift past[] = { { 0, OH_TZ_OFFSET_S_MAX + 1 } };
    static const struct oh_tz_shift below[] = { { 0, -OH_TZ_OFFSET_S_MAX - 1 } };
    struct oh_tz_file file;
    struct tz_sketch sketch = plain;
    sketch.shifts = edge;
    sketch.shift_count = 2;
    assert_int_equal(parse(&sketch, &file), OH_OK);
    sketch.shifts = back;
    assert_int_equal(parse(&sketch, &file), OH_E_SYNTAX);
    sketch.shift_count = 1;
    sketch.shifts = past;
    assert_int_equal(parse(&sketch, &file), OH_E_SYNTAX);
    sketch.shifts = below;
    assert_int_equal(parse(&sketch, &file), OH_E_SYNTAX);
    sketch = plain;
    sketch.leap_count = 1;
    assert_int_equal(parse(&sketch, &file), OH_E_SYNTAX);
    sketch = plain;
    sketch.rule = "\nGMT0BST\n";
    assert_int_equal(parse(&sketch, &file), OH_E_SYNTAX);
    sketch.rule = " \n";
    assert_int_equal(parse(&sketch, &file), OH_E_SYNTAX);
}

/* Bytes that no sketch makes: a type that is not there, and none at all. */
static void test_tz_file_refuses_a_type_that_is_not_there(void **state)
{
    (void)state;
    static const char no_type[44] = "TZif"; /* version 1, and every count 0 */
    struct oh_tz_file file;
    struct tz_sketch sketch = plain;
    sketch.version = '\0';
    assert_int_equal(parse(&sketch, &file), OH_OK);
    size_t first_type = 44 + 3 * 4;
    assert_int_equal(made.data[first_type], 1);
    made.data[first_type] = 3;
    assert_int_equal(oh_tz_file_parse(tz_bytes_of(&made), &file), OH_OK);
    made.data[first_type] = 4;
    assert_int_equal(oh_tz_file_parse(tz_bytes_of(&made), &file), OH_E_SYNTAX);
    assert_int_equal(oh_tz_file_parse((struct oh_bytes){ no_type, sizeof(no_type) }, &file), OH_E_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tz_file_lists_the_changes_between_two_instants),
        cmocka_unit_test(test_tz_file_leaves_out_changes_that_change_no_offset),
        cmocka_unit_test(test_tz_file_may_list_any_instant),
        cmocka_unit_test(test_tz_file_goes_on_by_its_rule_where_the_list_ends),
        cmocka_unit_test(test_tz_file_asks_the_rule_of_the_years_beside),
        cmocka_unit_test(test_tz_file_has_no_change_where_summer_lasts_all_year),
        cmocka_unit_test(test_tz_file_that_is_cut_anywhere_is_none),
        cmocka_unit_test(test_tz_file_refuses_what_cannot_be),
        cmocka_unit_test(test_tz_file_refuses_a_type_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, buffer_teardown);
}
