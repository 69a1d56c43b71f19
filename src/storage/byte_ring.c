#include "storage/byte_ring.h"
#include "base/assert.h"
#include <stdlib.h>
#include <string.h>

enum oh_err oh_byte_ring_init(struct oh_byte_ring *ring, uint64_t capacity)
{
    OH_ASSERT(capacity > 0 && (capacity & (capacity - 1)) == 0);
    char *data = malloc(capacity);
    if (data == NULL)
        return OH_E_NOMEM;
    ring->data = data;
    ring->capacity = capacity;
    ring->head = 0;
    atomic_init(&ring->tail, 0);
    return OH_OK;
}

void oh_byte_ring_fini(struct oh_byte_ring *ring)
{
    free(ring->data);
    ring->data = NULL;
}

uint64_t oh_byte_ring_room(const struct oh_byte_ring *ring)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    return ring->capacity - (ring->head - tail);
}

/* The size of the piece that starts at `position`, at most `size`. */
static size_t piece_size(const struct oh_byte_ring *ring, uint64_t position, size_t size)
{
    uint64_t until_end = ring->capacity - (position & (ring->capacity - 1));
    return size < until_end ? size : (size_t)until_end;
}

static char *place(const struct oh_byte_ring *ring, uint64_t position)
{
    return ring->data + (position & (ring->capacity - 1));
}

void oh_byte_ring_put(struct oh_byte_ring *ring, const void *data, size_t size)
{
    OH_ASSERT(size <= oh_byte_ring_room(ring));
    if (size == 0)
        return;
    size_t first = piece_size(ring, ring->head, size);
    memcpy(place(ring, ring->head), data, first);
    memcpy(ring->data, (const char *)data + first, size - first);
    ring->head += size;
}

void oh_byte_ring_copy(const struct oh_byte_ring *ring, uint64_t position, void *out_data, size_t size)
{
    size_t first = piece_size(ring, position, size);
    memcpy(out_data, place(ring, position), first);
    memcpy((char *)out_data + first, ring->data, size - first);
}

int oh_byte_ring_pieces(const struct oh_byte_ring *ring, uint64_t position, size_t size,
                        struct iovec out_pieces[static 2])
{
    size_t first = piece_size(ring, position, size);
    out_pieces[0] = (struct iovec){ .iov_base = place(ring, position), .iov_len = first };
    if (first == size)
        return 1;
    out_pieces[1] = (struct iovec){ .iov_base = ring->data, .iov_len = size - first };
    return 2;
}

void oh_byte_ring_release(struct oh_byte_ring *ring, uint64_t position)
{
    atomic_store_explicit(&ring->tail, position, memory_order_release);
}
