/*
 * bytes.h - a borrowed run of bytes. Never NUL-terminated by contract.
 */
#ifndef ONHAND_BYTES_H
#define ONHAND_BYTES_H

#include <stdbool.h>
#include <stddef.h>
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

static inline bool oh_bytes_equal(struct oh_bytes a, struct oh_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool oh_bytes_is_empty(struct oh_bytes bytes)
{
    return bytes.size == 0;
}

#endif
