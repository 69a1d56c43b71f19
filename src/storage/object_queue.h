/*
 * object_queue.h - byte strings that wait in memory, first in first out, up
 * to a stated size.
 *
 * Memory comes and goes in chunks, so that nothing is ever moved: a push costs
 * O(size) however much waits. One thread.
 */
#ifndef ONHAND_STORAGE_OBJECT_QUEUE_H
#define ONHAND_STORAGE_OBJECT_QUEUE_H

#include "onhand/bytes.h"
#include <stdbool.h>
#include <stddef.h>

#define OH_OBJECT_QUEUE_CHUNK_SIZE ((size_t)256 << 10)

struct oh_object_chunk;

struct oh_object_queue {
    struct oh_object_chunk *first;
    struct oh_object_chunk *last;
    size_t size; /* bytes that wait, with the size of each string */
    size_t size_max;
};

void oh_object_queue_init(struct oh_object_queue *queue, size_t size_max);

/* Drops everything; the queue can be used again. */
void oh_object_queue_clear(struct oh_object_queue *queue);

/* Copies the object. False, and nothing taken, when size_max would be passed or memory runs out. */
bool oh_object_queue_push(struct oh_object_queue *queue, struct oh_bytes object);

/* The oldest object, lent until the next take or clear; false when there is none. */
bool oh_object_queue_first(const struct oh_object_queue *queue, struct oh_bytes *out_object);

/* Drops the oldest object. There is one (asserted). */
void oh_object_queue_take(struct oh_object_queue *queue);

#endif
