/*
 * varint.h - whole numbers in as few bytes as they need (LEB128), signed ones
 * folded first so that small negative numbers stay small (zigzag).
 *
 * A number has exactly one encoding: longer ones are refused, so equal records
 * have equal bytes. Any thread.
 */
#ifndef ONHAND_BASE_VARINT_H
#define ONHAND_BASE_VARINT_H

#include <stddef.h>
#include <stdint.h>

#define OH_VARINT_SIZE_MAX 10

static inline uint64_t oh_zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (0 - ((uint64_t)value >> 63));
}

static inline int64_t oh_unzigzag(uint64_t folded)
{
    return (int64_t)((folded >> 1) ^ (0 - (folded & 1)));
}

/* Writes `value` and returns how many bytes that took, 1..OH_VARINT_SIZE_MAX. */
static inline size_t oh_varint_put_u64(unsigned char out[static OH_VARINT_SIZE_MAX], uint64_t value)
{
    size_t size = 0;
    while (value >= 0x80) {
        out[size++] = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    out[size++] = (unsigned char)value;
    return size;
}

static inline size_t oh_varint_put_i64(unsigned char out[static OH_VARINT_SIZE_MAX], int64_t value)
{
    return oh_varint_put_u64(out, oh_zigzag(value));
}

/*
 * oh_varint_get_u64 - reads one number from data[0..size).
 *
 * Returns how many bytes it took; 0 when the bytes end too early, hold more
 * than 64 bits or are longer than needed, and then *out is untouched.
 */
static inline size_t oh_varint_get_u64(const unsigned char *data, size_t size, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size && i < OH_VARINT_SIZE_MAX; i++) {
        uint64_t bits = data[i] & 0x7f;
        if (i == OH_VARINT_SIZE_MAX - 1 && bits > 1)
            return 0;
        value |= bits << (7 * i);
        if ((data[i] & 0x80) == 0) {
            if (i > 0 && bits == 0)
                return 0;
            *out = value;
            return i + 1;
        }
    }
    return 0;
}

static inline size_t oh_varint_get_i64(const unsigned char *data, size_t size, int64_t *out)
{
    uint64_t folded;
    size_t used = oh_varint_get_u64(data, size, &folded);
    if (used > 0)
        *out = oh_unzigzag(folded);
    return used;
}

#endif
