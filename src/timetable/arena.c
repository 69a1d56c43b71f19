#include "timetable/arena.h"
#include "base/checked.h"
#include <stdalign.h>
#include <stdlib.h>

struct oh_arena_block {
    struct oh_arena_block *next;
    alignas(max_align_t) char memory[];
};

void *oh_arena_allocate(struct oh_arena *arena, size_t count, size_t size)
{
    size_t total;
    if (!oh_mul_size(count, size, &total) || total > SIZE_MAX - sizeof(struct oh_arena_block))
        return NULL;
    struct oh_arena_block *block = calloc(1, sizeof(*block) + total);
    if (block == NULL)
        return NULL;
    block->next = arena->blocks;
    arena->blocks = block;
    return block->memory;
}

void *oh_arena_copy(struct oh_arena *arena, const void *elements, size_t count, size_t size)
{
    void *copy = oh_arena_allocate(arena, count, size);
    if (copy != NULL && count > 0)
        memcpy(copy, elements, count * size);
    return copy;
}

bool oh_arena_text(struct oh_arena *arena, struct oh_bytes text, struct oh_bytes *out)
{
    char *copy = oh_arena_copy(arena, text.data, text.size, 1);
    if (copy == NULL)
        return false;
    *out = (struct oh_bytes){ copy, text.size };
    return true;
}

void oh_arena_clear(struct oh_arena *arena)
{
    while (arena->blocks != NULL) {
        struct oh_arena_block *block = arena->blocks;
        arena->blocks = block->next;
        free(block);
    }
}

void *oh_buffer_reserve(struct oh_buffer *buffer, size_t count, size_t size)
{
    size_t total;
    if (!oh_mul_size(count, size, &total))
        return NULL;
    if (buffer->memory != NULL && total <= buffer->size)
        return buffer->memory;
    void *memory = malloc(total == 0 ? 1 : total);
    if (memory == NULL)
        return NULL;
    free(buffer->memory);
    *buffer = (struct oh_buffer){ memory, total };
    return memory;
}

bool oh_buffer_grow(struct oh_buffer *buffer, size_t count, size_t size)
{
    size_t total;
    size_t more;
    if (!oh_mul_size(count, size, &total))
        return false;
    if (total <= buffer->size)
        return true;
    if (!oh_mul_size(buffer->size, 2, &more) || more < total)
        more = total;
    void *memory = realloc(buffer->memory, more);
    if (memory == NULL)
        return false;
    *buffer = (struct oh_buffer){ memory, more };
    return true;
}

void oh_buffer_fini(struct oh_buffer *buffer)
{
    free(buffer->memory);
    *buffer = (struct oh_buffer){ NULL, 0 };
}
