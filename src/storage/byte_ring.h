/*
 * byte_ring.h - bytes from one thread to another, in order, in fixed memory.
 *
 * Positions only grow; the byte of position p lies at p modulo the capacity.
 * The producer puts bytes behind `head`. How the consumer learns how far it
 * may read (with an acquire) is the business of the owner; the consumer gives
 * space back by moving `tail`.
 *
 * Threads: one producer, one consumer.
 */
#ifndef ONHAND_STORAGE_BYTE_RING_H
#define ONHAND_STORAGE_BYTE_RING_H

#include "onhand/error.h"
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct oh_byte_ring {
    char *data;
    uint64_t capacity;     /* a power of two */
    uint64_t head;         /* producer only */
    _Atomic uint64_t tail; /* written by the consumer only */
};

/* `capacity` is a power of two (asserted). Errors: OH_E_NOMEM. */
OH_MUST_CHECK enum oh_err oh_byte_ring_init(struct oh_byte_ring *ring, uint64_t capacity);
void oh_byte_ring_fini(struct oh_byte_ring *ring);

/* Producer: bytes that can be put now. */
uint64_t oh_byte_ring_room(const struct oh_byte_ring *ring);

/* Producer: copies size <= room bytes (asserted) behind `head`. */
void oh_byte_ring_put(struct oh_byte_ring *ring, const void *data, size_t size);

/* Consumer: copies bytes out, without taking them. */
void oh_byte_ring_copy(const struct oh_byte_ring *ring, uint64_t position, void *out_data, size_t size);

/* Consumer: lends bytes position..position+size as one or two pieces; returns how many. */
int oh_byte_ring_pieces(const struct oh_byte_ring *ring, uint64_t position, size_t size,
                        struct iovec out_pieces[static 2]);

/* Consumer: everything before `position` is done with. */
void oh_byte_ring_release(struct oh_byte_ring *ring, uint64_t position);

#endif
