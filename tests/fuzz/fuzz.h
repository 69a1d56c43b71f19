/*
 * fuzz.h - what every fuzz target is: one function that takes any bytes.
 *
 * A target stops the process (OH_ASSERT, a sanitizer) when a law is broken and returns 0 otherwise. It runs
 * under driver.c, with a bounded count of seeded mutations, or under libFuzzer or AFL++ (docs/FUZZING.md). One thread.
 *
 * A differential target has a twin: the same reading once more, written naively and from the documents, or a library
 * of others. It shares no code with what it checks.
 */
#ifndef ONHAND_TESTS_FUZZ_FUZZ_H
#define ONHAND_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* libFuzzer fixes the name. data[0..size), borrowed; the same bytes always do the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Whether the twin is to be wrong in one place. The run has to find it: fuzz_<target>_self_test, which proves that the
 * target can fail. ONHAND_PLANTED=1 says so.
 */
static inline bool fuzz_is_planted(void)
{
    static int planted = -1;
    if (planted < 0)
        planted = getenv("ONHAND_PLANTED") != NULL;
    return planted == 1;
}

#endif
