/*
 * json_plain.h - passing over the plain bytes of a JSON string, eight at a time. Any thread: pure.
 */
#ifndef ONHAND_CODEC_JSON_PLAIN_H
#define ONHAND_CODEC_JSON_PLAIN_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The high bit of the first of eight bytes that is a control byte, '"', '\\' or not ASCII. Later bits mean nothing. */
static inline uint64_t oh_json_eight_special(const char *data)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = UINT64_C(0x8080808080808080);
    uint64_t eight;
    memcpy(&eight, data, sizeof(eight));
    eight = le64toh(eight); /* the first byte is the lowest */
    uint64_t quote = eight ^ (ones * '"');
    uint64_t backslash = eight ^ (ones * '\\');
    /* A byte that is too small borrows, from later bytes only. */
    uint64_t hits = eight | (eight - ones * 0x20) | (quote - ones) | (backslash - ones);
    return hits & highs;
}

/*
 * Where, from `at` on, the first byte is that is not plain ASCII; or, less than eight bytes before the end, where it
 * may be. Looks at data[at..size).
 */
static inline size_t oh_json_plain_end(const char *data, size_t at, size_t size)
{
    for (; size - at >= 8; at += 8) {
        uint64_t special = oh_json_eight_special(data + at);
        if (special != 0)
            return at + (size_t)__builtin_ctzll(special) / 8;
    }
    return at;
}

#endif
