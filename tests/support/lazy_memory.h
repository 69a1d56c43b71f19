/*
 * lazy_memory.h - an allocator for the ledgers and promise engines of tests: cleared, and touched only as it is used.
 *
 * A ledger has regions of gigabytes whatever its limits are. From the heap a sanitizer would clear or mark all of it,
 * seconds a ledger. Here it is mapped, whole pages of which the last may not be touched: what runs over the end of a
 * region stops the test.
 */
#ifndef ONHAND_TESTS_SUPPORT_LAZY_MEMORY_H
#define ONHAND_TESTS_SUPPORT_LAZY_MEMORY_H

#include "onhand/ledger.h"
#include <sys/mman.h>

#define LAZY_PAGE_SIZE ((size_t)4096)
#define LAZY_LINE_SIZE ((size_t)64)

static inline size_t lazy_pages(size_t size)
{
    return (size + LAZY_PAGE_SIZE - 1) / LAZY_PAGE_SIZE * LAZY_PAGE_SIZE + LAZY_PAGE_SIZE;
}

static inline size_t lazy_start(size_t size)
{
    return lazy_pages(size) - LAZY_PAGE_SIZE - (size + LAZY_LINE_SIZE - 1) / LAZY_LINE_SIZE * LAZY_LINE_SIZE;
}

static inline void *lazy_allocate(void *ctx, size_t size)
{
    (void)ctx;
    size_t pages = lazy_pages(size);
    char *memory = mmap(NULL, pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    if (mprotect(memory + pages - LAZY_PAGE_SIZE, LAZY_PAGE_SIZE, PROT_NONE) != 0)
        return NULL;
    return memory + lazy_start(size);
}

static inline void lazy_release(void *ctx, void *memory, size_t size)
{
    (void)ctx;
    (void)munmap((char *)memory - lazy_start(size), lazy_pages(size));
}

static inline struct oh_allocator lazy_allocator(void)
{
    return (struct oh_allocator){ lazy_allocate, lazy_release, NULL };
}

#endif
