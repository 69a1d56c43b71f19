#include "server/deadline.h"
#include "support/test.h"
#include <stdlib.h>

#define OWNERS 200

static void test_deadline_pops_in_order_of_time(void **state)
{
    static const int64_t at_us[] = { 50, 10, 40, 20, 30, 10 };
    struct oh_deadlines deadlines;
    struct oh_deadline owners[6];
    int64_t last_us = 0;
    (void)state;
    oh_deadlines_init(&deadlines);
    assert_int_equal(oh_deadlines_reserve(&deadlines, 6), OH_OK);
    for (size_t i = 0; i < 6; i++) {
        oh_deadline_init(&owners[i]);
        oh_deadline_set(&deadlines, &owners[i], at_us[i]);
    }
    assert_null(oh_deadlines_pop(&deadlines, 9));
    for (size_t i = 0; i < 6; i++) {
        struct oh_deadline *first = oh_deadlines_pop(&deadlines, 50);
        assert_non_null(first);
        assert_true(first->key_us >= last_us);
        last_us = first->key_us;
    }
    assert_null(oh_deadlines_pop(&deadlines, INT64_MAX - 1));
    assert_true(oh_deadlines_next_us(&deadlines) == OH_DEADLINE_NEVER);
    oh_deadlines_fini(&deadlines);
}

static void test_deadline_that_moved_later_does_not_pass_early(void **state)
{
    struct oh_deadlines deadlines;
    struct oh_deadline owner;
    (void)state;
    oh_deadlines_init(&deadlines);
    assert_int_equal(oh_deadlines_reserve(&deadlines, 1), OH_OK);
    oh_deadline_init(&owner);
    oh_deadline_set(&deadlines, &owner, 10);
    oh_deadline_set(&deadlines, &owner, 100);
    assert_null(oh_deadlines_pop(&deadlines, 99));
    assert_ptr_equal(oh_deadlines_pop(&deadlines, 100), &owner);
    oh_deadline_set(&deadlines, &owner, 200);
    oh_deadline_set(&deadlines, &owner, OH_DEADLINE_NEVER);
    assert_null(oh_deadlines_pop(&deadlines, 1000));
    oh_deadline_set(&deadlines, &owner, 300);
    oh_deadline_set(&deadlines, &owner, 250);
    assert_int_equal(oh_deadlines_next_us(&deadlines), 250);
    oh_deadline_remove(&deadlines, &owner);
    assert_null(oh_deadlines_pop(&deadlines, 1000));
    oh_deadlines_fini(&deadlines);
}

/* Random settings and removals against a plain list. */
static void test_deadline_agrees_with_a_list_when_moved_at_random(void **state)
{
    struct oh_deadlines deadlines;
    struct oh_deadline owners[OWNERS];
    unsigned seed = 7;
    int64_t now_us = 0;
    (void)state;
    oh_deadlines_init(&deadlines);
    assert_int_equal(oh_deadlines_reserve(&deadlines, OWNERS), OH_OK);
    for (size_t i = 0; i < OWNERS; i++)
        oh_deadline_init(&owners[i]);
    for (int round = 0; round < 20000; round++) {
        struct oh_deadline *owner = &owners[(unsigned)rand_r(&seed) % OWNERS];
        if (rand_r(&seed) % 10 == 0)
            oh_deadline_remove(&deadlines, owner);
        else
            oh_deadline_set(&deadlines, owner, now_us + 1 + rand_r(&seed) % 1000);
        if (round % 50 != 0)
            continue;
        now_us += rand_r(&seed) % 300;
        struct oh_deadline *due;
        while ((due = oh_deadlines_pop(&deadlines, now_us)) != NULL)
            assert_int_equal(due->position, 0);
        for (size_t i = 0; i < OWNERS; i++)
            assert_true(owners[i].position == 0 || owners[i].at_us > now_us);
        for (size_t i = 0; i < OWNERS; i++)
            assert_true(owners[i].position == 0 || oh_deadlines_next_us(&deadlines) <= owners[i].at_us);
    }
    oh_deadlines_fini(&deadlines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deadline_pops_in_order_of_time),
        cmocka_unit_test(test_deadline_that_moved_later_does_not_pass_early),
        cmocka_unit_test(test_deadline_agrees_with_a_list_when_moved_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
