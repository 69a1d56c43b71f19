/*
 * heap.h - an allocator on the heap, cleared, for ledgers and promise engines of tests: the sanitizers see its ends.
 */
#ifndef ONHAND_TESTS_SUPPORT_HEAP_H
#define ONHAND_TESTS_SUPPORT_HEAP_H

#include "onhand/ledger.h"
#include <stdlib.h>

static inline void *heap_allocate(void *ctx, size_t size)
{
    (void)ctx;
    return calloc(1, size);
}

static inline void heap_release(void *ctx, void *memory, size_t size)
{
    (void)ctx;
    (void)size;
    free(memory);
}

static inline struct oh_allocator heap_allocator(void)
{
    return (struct oh_allocator){ heap_allocate, heap_release, NULL };
}

#endif
