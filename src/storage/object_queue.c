#include "storage/object_queue.h"
#include "base/assert.h"
#include <stdlib.h>
#include <string.h>

struct oh_object_chunk {
    struct oh_object_chunk *next;
    size_t capacity;
    size_t size;  /* written */
    size_t taken; /* of these, dropped */
    char data[];
};

void oh_object_queue_init(struct oh_object_queue *queue, size_t size_max)
{
    *queue = (struct oh_object_queue){ .size_max = size_max };
}

void oh_object_queue_clear(struct oh_object_queue *queue)
{
    while (queue->first != NULL) {
        struct oh_object_chunk *chunk = queue->first;
        queue->first = chunk->next;
        free(chunk);
    }
    queue->last = NULL;
    queue->size = 0;
}

/* The chunk with room for `size` bytes, a new one if need be; NULL: out of memory. */
static struct oh_object_chunk *chunk_with_room(struct oh_object_queue *queue, size_t size)
{
    struct oh_object_chunk *last = queue->last;
    if (last != NULL && last->capacity - last->size >= size)
        return last;
    size_t capacity = size > OH_OBJECT_QUEUE_CHUNK_SIZE ? size : OH_OBJECT_QUEUE_CHUNK_SIZE;
    struct oh_object_chunk *chunk = malloc(sizeof(*chunk) + capacity);
    if (chunk == NULL)
        return NULL;
    *chunk = (struct oh_object_chunk){ .capacity = capacity };
    if (last == NULL)
        queue->first = chunk;
    else
        last->next = chunk;
    queue->last = chunk;
    return chunk;
}

bool oh_object_queue_push(struct oh_object_queue *queue, struct oh_bytes object)
{
    size_t room = queue->size_max - queue->size;
    if (room < sizeof(object.size) || room - sizeof(object.size) < object.size)
        return false;
    size_t size = sizeof(object.size) + object.size;
    struct oh_object_chunk *chunk = chunk_with_room(queue, size);
    if (chunk == NULL)
        return false;
    memcpy(chunk->data + chunk->size, &object.size, sizeof(object.size));
    if (object.size > 0)
        memcpy(chunk->data + chunk->size + sizeof(object.size), object.data, object.size);
    chunk->size += size;
    queue->size += size;
    return true;
}

bool oh_object_queue_first(const struct oh_object_queue *queue, struct oh_bytes *out_object)
{
    if (queue->size == 0)
        return false;
    const char *at = queue->first->data + queue->first->taken;
    memcpy(&out_object->size, at, sizeof(out_object->size));
    out_object->data = at + sizeof(out_object->size);
    return true;
}

void oh_object_queue_take(struct oh_object_queue *queue)
{
    struct oh_bytes object;
    bool has_first = oh_object_queue_first(queue, &object);
    OH_ASSERT(has_first);
    struct oh_object_chunk *chunk = queue->first;
    chunk->taken += sizeof(object.size) + object.size;
    queue->size -= sizeof(object.size) + object.size;
    if (chunk->taken < chunk->size)
        return;
    queue->first = chunk->next;
    if (queue->first == NULL)
        queue->last = NULL;
    free(chunk);
}
