/*
 * assert.h - what the program promises itself, checked in every build.
 *
 * OH_ASSERT stops the process: it is for bugs. Bytes from outside are checked
 * with an error, never asserted. The condition must have no side effect.
 */
#ifndef ONHAND_BASE_ASSERT_H
#define ONHAND_BASE_ASSERT_H

/* Writes one line to standard error and aborts. Any thread. */
_Noreturn void oh_assert_failed(const char *condition, const char *file, int line);

#define OH_ASSERT(condition)                                                     \
    do {                                                                         \
        if (__builtin_expect(!(condition), 0))                                   \
            oh_assert_failed(#condition, __FILE__, __LINE__);                    \
    } while (0)

/* For a switch that covers every value of an enum. */
#define OH_UNREACHABLE() oh_assert_failed("unreachable", __FILE__, __LINE__)

#endif
