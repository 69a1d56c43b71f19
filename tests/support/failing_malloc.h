/*
 * failing_malloc.h - makes chosen allocations fail, to prove that a failed
 * malloc returns an error and leaves state unchanged; and counts what is
 * allocated and not freed.
 *
 * A test that uses it is registered with FAILING_MALLOC, which wraps malloc,
 * calloc, realloc, aligned_alloc, vasprintf and free at link time: what the
 * test and Onhand call, not what shared libraries do. One thread.
 *
 *   for (size_t nth = 1; ; nth++) {
 *       failing_malloc_arm(nth);
 *       enum oh_err err = thing_under_test();
 *       if (!failing_malloc_disarm()) break;   (fewer than nth allocations: all were tried)
 *       assert_int_equal(err, OH_E_NOMEM);
 *   }
 */
#ifndef ONHAND_TESTS_SUPPORT_FAILING_MALLOC_H
#define ONHAND_TESTS_SUPPORT_FAILING_MALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* The nth allocation from now on fails, 1 is the next one; those after it succeed. */
void failing_malloc_arm(size_t nth);

/* From the nth on `times` of them fail; times 0 only counts. */
void failing_malloc_arm_many(size_t nth, size_t times);

/* Allocations succeed again. True when one was failed since the last arm. */
bool failing_malloc_disarm(void);

/* Allocations since the last arm, and how many of them failed. */
size_t failing_malloc_count(void);
size_t failing_malloc_failed(void);

/* For an allocator of the test's own: counts as one, and true when it has to fail. */
bool failing_malloc_fails(void);

/* Between the two, what is allocated is the test's own: it neither counts nor fails. They nest. */
void failing_malloc_pause(void);
void failing_malloc_resume(void);

/* From now on remembers what is allocated (outside of pauses). */
void failing_malloc_watch(void);

/* Of that, what was not freed; and the number (since arm) of the first of them, 0 when there is none. */
size_t failing_malloc_live(size_t *out_first);

#endif
