/*
 * varint.h - whole numbers in as few bytes as they need (LEB128), signed ones
 * folded first so that small negative numbers stay small (zigzag).
 *
 * A number has exactly one encoding: longer ones are refused, so equal records
 * have equal bytes. Any thread.
 */
#ifndef ONHAND_BASE_VARINT_H
#define ONHAND_BASE_VARINT_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define OH_VARINT_SIZE_MAX 10

static inline uint64_t oh_zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (0 - ((uint64_t)value >> 63));
}

static inline int64_t oh_unzigzag(uint64_t folded)
{
    return (int64_t)((folded >> 1) ^ (0 - (folded & 1)));
}

/* Each seven bits of a number of 56 in a byte of their own, the lowest first. */
static inline uint64_t oh_varint_spread(uint64_t value)
{
    value = (value & UINT64_C(0x0fffffff)) | (value & UINT64_C(0x00fffffff0000000)) << 4;
    value = (value & UINT64_C(0x00003fff00003fff)) | (value & UINT64_C(0x0fffc0000fffc000)) << 2;
    return (value & UINT64_C(0x007f007f007f007f)) | (value & UINT64_C(0x3f803f803f803f80)) << 1;
}

/* Writes `value` and returns how many bytes that took, 1..OH_VARINT_SIZE_MAX; those behind it may be written too. */
static inline size_t oh_varint_put_u64(unsigned char out[static OH_VARINT_SIZE_MAX], uint64_t value)
{
    size_t size = 0;
    if (value < 0x80) {
        out[0] = (unsigned char)value;
        return 1;
    }
    if (value >> 56 == 0) { /* as times are */
        size = (70 - (size_t)__builtin_clzll(value)) / 7;
        uint64_t more = UINT64_C(0x0080808080808080) >> (64 - 8 * size);
        uint64_t bytes = htole64(oh_varint_spread(value) | more);
        memcpy(out, &bytes, sizeof(bytes));
        return size;
    }
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
