/*
 * arena.h - memory that is given back as one: what a compiled document is
 * made of; and a buffer that is used again for lists whose length is not
 * known before they are made. One thread each.
 */
#ifndef ONHAND_TIMETABLE_ARENA_H
#define ONHAND_TIMETABLE_ARENA_H

#include "onhand/bytes.h"
#include <stddef.h>

struct oh_arena_block;
struct oh_arena {
    struct oh_arena_block *blocks;
}; /* { NULL }: empty */

/* Zeroed, aligned for any type, until the arena is cleared. NULL: no memory. count 0 is a valid pointer. */
void *oh_arena_allocate(struct oh_arena *arena, size_t count, size_t size);
/* A copy of the elements. NULL: no memory. */
void *oh_arena_copy(struct oh_arena *arena, const void *elements, size_t count, size_t size);
/* A copy of the text at *out. False: no memory. */
bool oh_arena_text(struct oh_arena *arena, struct oh_bytes text, struct oh_bytes *out);
void oh_arena_clear(struct oh_arena *arena);

struct oh_buffer {
    void *memory;
    size_t size;
}; /* { NULL, 0 }: empty */

/* Room for the elements; what was in it is lost. NULL: no memory, nothing changed. */
void *oh_buffer_reserve(struct oh_buffer *buffer, size_t count, size_t size);
/* Room for the elements, keeping what is in it. False: no memory, nothing changed. */
bool oh_buffer_grow(struct oh_buffer *buffer, size_t count, size_t size);
void oh_buffer_fini(struct oh_buffer *buffer);

#endif
