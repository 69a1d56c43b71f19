#include "app/memory.h"
#include <sys/mman.h>

static void *memory_allocate(void *ctx, size_t size)
{
    (void)ctx;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    if (size > OH_MEMORY_HUGE_SIZE_MIN)
        (void)madvise(memory, size, MADV_HUGEPAGE); /* a wish: without huge pages it is only slower */
    return memory;
}

static void memory_release(void *ctx, void *memory, size_t size)
{
    (void)ctx;
    (void)munmap(memory, size);
}

struct oh_allocator oh_memory_allocator(void)
{
    return (struct oh_allocator){ .allocate = memory_allocate, .release = memory_release };
}
