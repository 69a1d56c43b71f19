/*
 * no_descriptors.h - a process that may open no file (EMFILE), until it may again. Those that are open go on.
 */
#ifndef ONHAND_TESTS_SUPPORT_NO_DESCRIPTORS_H
#define ONHAND_TESTS_SUPPORT_NO_DESCRIPTORS_H

#include "support/test.h"
#include <sys/resource.h>

static inline struct rlimit no_descriptors_begin(void)
{
    struct rlimit usual;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    const struct rlimit none = { .rlim_cur = 0, .rlim_max = usual.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    return usual;
}

static inline void no_descriptors_end(struct rlimit usual)
{
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
}

#endif
