/*
 * text.h - memory for what has no fixed size: ids, names, node lists, answers.
 *
 * One region, cut into blocks by size class; a freed block waits for the next
 * of its class. A block is named by a 32-bit reference (in units of 8 bytes),
 * 0 is none. Blocks do not move. One thread.
 */
#ifndef ONHAND_CORE_TEXT_H
#define ONHAND_CORE_TEXT_H

#include "onhand/bytes.h"
#include <stdint.h>

#define OH_TEXT_BLOCK_SIZE_MAX (4u << 20)
#define OH_TEXT_SMALL_CLASSES 32u /* 8, 16, .. 256 bytes */
#define OH_TEXT_CLASSES (OH_TEXT_SMALL_CLASSES + 56u) /* then 320, 384, 448, 512, 640 .. 4 MiB: four to a doubling */

struct oh_text {
    unsigned char *base;
    uint64_t size_max;
    uint64_t cut_size;  /* bytes ever cut from the region */
    uint64_t live_size; /* bytes in blocks in use */
    uint32_t free_heads[OH_TEXT_CLASSES];
};

/* base: zeroed, size_max bytes, at most 32 GiB. Borrows it for its lifetime. */
void oh_text_init(struct oh_text *text, void *base, uint64_t size_max);

/* Whether blocks adding up to `size` can surely be had. */
bool oh_text_has_room(const struct oh_text *text, uint64_t size);

/* A block of at least `size` bytes (1..OH_TEXT_BLOCK_SIZE_MAX, asserted), or 0: full. Cost: O(1). */
uint32_t oh_text_allocate(struct oh_text *text, size_t size);

/* `size` as it was asked for. ref 0 is allowed. */
void oh_text_free(struct oh_text *text, uint32_t ref, size_t size);

/* How many bytes a block asked for with `size` really has. */
size_t oh_text_block_size(size_t size);

static inline void *oh_text_at(const struct oh_text *text, uint32_t ref)
{
    return text->base + (uint64_t)ref * 8;
}

/*
 * Strings: a block of `count` strings, each with its size in two bytes before
 * it. Returns 0 when full. Each at most 65535 bytes (asserted).
 */
uint32_t oh_text_put_strings(struct oh_text *text, const struct oh_bytes *strings, uint32_t count);
void oh_text_free_strings(struct oh_text *text, uint32_t ref, uint32_t count);
struct oh_bytes oh_text_string(const struct oh_text *text, uint32_t ref, uint32_t nth);
size_t oh_text_strings_size(const struct oh_bytes *strings, uint32_t count);

#endif
