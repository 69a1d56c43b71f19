/*
 * utf8.h - is this text? Any thread.
 *
 * Refuses what RFC 3629 refuses: encodings longer than needed, surrogates,
 * code points above U+10FFFF, a sequence cut short. NUL is a valid byte.
 */
#ifndef ONHAND_BASE_UTF8_H
#define ONHAND_BASE_UTF8_H

#include "onhand/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The size of the valid sequence at data[0..size), size >= 1; 0 when there is none. */
static inline size_t oh_utf8_sequence_size(const unsigned char *data, size_t size)
{
    unsigned char lead = data[0];
    if (lead < 0x80)
        return 1;
    size_t wanted = lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : 4;
    if (lead < 0xc2 || lead > 0xf4 || size < wanted)
        return 0;
    unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (data[1] < low || data[1] > high)
        return 0;
    for (size_t i = 2; i < wanted; i++)
        if ((data[i] & 0xc0) != 0x80)
            return 0;
    return wanted;
}

/* Cost: O(size), eight bytes at a time while they are ASCII. */
static inline bool oh_utf8_is_valid(struct oh_bytes bytes)
{
    const unsigned char *data = (const unsigned char *)bytes.data;
    size_t at = 0;
    while (at < bytes.size) {
        uint64_t eight;
        if (bytes.size - at >= sizeof(eight)) {
            memcpy(&eight, data + at, sizeof(eight));
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                at += sizeof(eight);
                continue;
            }
        }
        size_t used = oh_utf8_sequence_size(data + at, bytes.size - at);
        if (used == 0)
            return false;
        at += used;
    }
    return true;
}

#endif
