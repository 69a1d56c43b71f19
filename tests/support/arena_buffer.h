/*
 * arena_buffer.h - the buffer that a test of the timetable hands to what it tests, and its end.
 */
#ifndef ONHAND_TESTS_SUPPORT_ARENA_BUFFER_H
#define ONHAND_TESTS_SUPPORT_ARENA_BUFFER_H

#include "timetable/arena.h"

static struct oh_buffer buffer;

static inline int buffer_teardown(void **state)
{
    (void)state;
    oh_buffer_fini(&buffer);
    return 0;
}

#endif
