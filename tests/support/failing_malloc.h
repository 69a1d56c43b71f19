/*
 * failing_malloc.h - makes one chosen allocation fail, to prove that a failed
 * malloc returns an error and leaves state unchanged.
 *
 * A test that uses it is registered with FAILING_MALLOC, which wraps malloc,
 * calloc, realloc and aligned_alloc at link time. One thread.
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

/* Allocations succeed again. True when one was failed since the last arm. */
bool failing_malloc_disarm(void);

#endif
