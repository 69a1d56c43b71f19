/*
 * fuzz.h - what every fuzz target is: one function that takes any bytes.
 *
 * A target stops the process (OH_ASSERT, a sanitizer) when a law is broken and returns 0 otherwise. It runs
 * under driver.c, with a bounded count of seeded mutations, or under libFuzzer (docs/FUZZING.md). One thread.
 */
#ifndef ONHAND_TESTS_FUZZ_FUZZ_H
#define ONHAND_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer fixes the name. data[0..size), borrowed; the same bytes always do the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
