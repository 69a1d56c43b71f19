#include "support/ledger_arena.h"
#include "base/assert.h"
#include <stddef.h>
#include <sys/mman.h>

#define ARENA_SIZE ((size_t)4 << 30) /* of address space */
#define ALIGN      ((size_t)64)

struct arena {
    char *memory;
    size_t used;
    size_t live_count; /* pools that are not released */
};

static struct arena arenas[LEDGER_ARENAS_MAX];

static void *arena_allocate(void *ctx, size_t size)
{
    struct arena *arena = ctx;
    size = (size + ALIGN - 1) & ~(ALIGN - 1);
    if (size > ARENA_SIZE - arena->used)
        return NULL;
    void *memory = arena->memory + arena->used;
    arena->used += size;
    arena->live_count++;
    return memory;
}

static void arena_release(void *ctx, void *memory, size_t size)
{
    struct arena *arena = ctx;
    (void)memory;
    (void)size;
    arena->live_count--;
    if (arena->live_count > 0)
        return;
    int result = madvise(arena->memory, arena->used, MADV_DONTNEED); /* zeros again, when next touched */
    OH_ASSERT(result == 0);
    arena->used = 0;
}

static struct arena *arena_find(void)
{
    for (size_t i = 0; i < LEDGER_ARENAS_MAX; i++) {
        if (arenas[i].live_count == 0)
            return &arenas[i];
    }
    OH_UNREACHABLE();
}

struct oh_ledger *ledger_arena_create(const struct oh_ledger_options *options)
{
    struct arena *arena = arena_find();
    if (arena->memory == NULL)
        arena->memory = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    OH_ASSERT(arena->memory != MAP_FAILED);
    struct oh_allocator allocator = { arena_allocate, arena_release, arena };
    struct oh_ledger *ledger = NULL;
    enum oh_err err = oh_ledger_create(options, &allocator, &ledger);
    OH_ASSERT(err == OH_OK);
    return ledger;
}
