/*
 * bytes.h - a borrowed run of bytes. Never NUL-terminated by contract.
 */
#ifndef ONHAND_BYTES_H
#define ONHAND_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct oh_bytes {
    const char *data;
    size_t size;
};

/* A string literal as bytes. */
#define OH_BYTES(literal) ((struct oh_bytes){ (literal), sizeof(literal) - 1 })
#define OH_BYTES_NONE ((struct oh_bytes){ NULL, 0 })

static inline struct oh_bytes oh_bytes_of(const char *text)
{
    return (struct oh_bytes){ text, text == NULL ? 0 : strlen(text) };
}

/*
 * Two runs of `size` bytes each, which may be 0. Most are names and ids, so short that a call costs more than the work:
 * they are looked at as two words, which overlap where the run is shorter than both.
 */
static inline bool oh_bytes_same(const char *a, const char *b, size_t size)
{
    if (size > 2 * sizeof(uint64_t))
        return memcmp(a, b, size) == 0;
    if (size >= sizeof(uint64_t)) {
        uint64_t words[4];
        memcpy(&words[0], a, sizeof(uint64_t));
        memcpy(&words[1], b, sizeof(uint64_t));
        memcpy(&words[2], a + (size - sizeof(uint64_t)), sizeof(uint64_t));
        memcpy(&words[3], b + (size - sizeof(uint64_t)), sizeof(uint64_t));
        return ((words[0] ^ words[1]) | (words[2] ^ words[3])) == 0;
    }
    if (size >= sizeof(uint32_t)) {
        uint32_t words[4];
        memcpy(&words[0], a, sizeof(uint32_t));
        memcpy(&words[1], b, sizeof(uint32_t));
        memcpy(&words[2], a + (size - sizeof(uint32_t)), sizeof(uint32_t));
        memcpy(&words[3], b + (size - sizeof(uint32_t)), sizeof(uint32_t));
        return ((words[0] ^ words[1]) | (words[2] ^ words[3])) == 0;
    }
    if (size < sizeof(uint16_t))
        return size == 0 || *a == *b;
    uint16_t words[4];
    memcpy(&words[0], a, sizeof(uint16_t));
    memcpy(&words[1], b, sizeof(uint16_t));
    memcpy(&words[2], a + (size - sizeof(uint16_t)), sizeof(uint16_t));
    memcpy(&words[3], b + (size - sizeof(uint16_t)), sizeof(uint16_t));
    return words[0] == words[1] && words[2] == words[3];
}

/* Copies `size` bytes, which may be 0, between places that do not overlap; in the same way. */
static inline void oh_bytes_copy(char *to, const char *from, size_t size)
{
    if (size > 2 * sizeof(uint64_t)) {
        memcpy(to, from, size);
    } else if (size >= sizeof(uint64_t)) {
        uint64_t words[2];
        memcpy(&words[0], from, sizeof(uint64_t));
        memcpy(&words[1], from + (size - sizeof(uint64_t)), sizeof(uint64_t));
        memcpy(to, &words[0], sizeof(uint64_t));
        memcpy(to + (size - sizeof(uint64_t)), &words[1], sizeof(uint64_t));
    } else if (size >= sizeof(uint32_t)) {
        uint32_t words[2];
        memcpy(&words[0], from, sizeof(uint32_t));
        memcpy(&words[1], from + (size - sizeof(uint32_t)), sizeof(uint32_t));
        memcpy(to, &words[0], sizeof(uint32_t));
        memcpy(to + (size - sizeof(uint32_t)), &words[1], sizeof(uint32_t));
    } else {
        for (size_t i = 0; i < size; i++)
            to[i] = from[i];
    }
}

static inline bool oh_bytes_equal(struct oh_bytes a, struct oh_bytes b)
{
    return a.size == b.size && oh_bytes_same(a.data, b.data, a.size);
}

static inline bool oh_bytes_is_empty(struct oh_bytes bytes)
{
    return bytes.size == 0;
}

#endif
