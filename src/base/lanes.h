/*
 * lanes.h - sixteen bytes looked at together: where is the first of a kind?
 *
 * Comparisons of vectors as GCC and Clang have them (`lanes == ','` makes a lane -1 where it holds, else 0): a few
 * instructions on any processor with vectors of 16 bytes, and right, if slower, on all others. Any thread: pure.
 */
#ifndef ONHAND_BASE_LANES_H
#define ONHAND_BASE_LANES_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define OH_LANES 16u

/* A byte that is not ASCII is below 0. */
typedef int8_t oh_lanes __attribute__((vector_size(OH_LANES)));

/* data[0..OH_LANES). */
static inline oh_lanes oh_lanes_load(const char *data)
{
    oh_lanes lanes;
    memcpy(&lanes, data, sizeof(lanes));
    return lanes;
}

/* The first lane of a comparison that holds; OH_LANES: none. */
static inline size_t oh_lanes_first(oh_lanes holds)
{
    uint64_t halves[2];
    memcpy(halves, &holds, sizeof(halves));
    if (halves[0] != 0)
        return (size_t)__builtin_ctzll(le64toh(halves[0])) / 8; /* the first byte is the lowest */
    return halves[1] != 0 ? 8 + (size_t)__builtin_ctzll(le64toh(halves[1])) / 8 : OH_LANES;
}

#endif
