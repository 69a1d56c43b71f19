#include "app/memory.h"
#include <malloc.h>
#include <sys/mman.h>

#define MAPPED_SIZE_MIN ((size_t)32 << 20) /* what is larger is a mapping of its own; the most that glibc takes */

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

/* Both are wishes: without them it is only slower. */
void oh_memory_keep(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, (int)MAPPED_SIZE_MIN);
    (void)mallopt(M_TRIM_THRESHOLD, (int)OH_MEMORY_KEPT_SIZE);
}
