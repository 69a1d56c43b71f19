/*
 * strbuf.h - a growing byte buffer that cannot be made without naming its
 * maximum.
 *
 * Writes past the maximum (or past a failed allocation) set `is_overflowed`
 * and write nothing more; the owner checks once, at the end. One thread.
 */
#ifndef ONHAND_BASE_STRBUF_H
#define ONHAND_BASE_STRBUF_H

#include "onhand/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct oh_strbuf {
    char *data;      /* NULL until the first write */
    size_t size;     /* bytes written */
    size_t capacity; /* bytes allocated */
    size_t size_max; /* never grows past this */
    bool is_overflowed;
    bool is_starved; /* overflowed for want of memory, not at size_max */
};

void oh_strbuf_init(struct oh_strbuf *buf, size_t size_max);
void oh_strbuf_fini(struct oh_strbuf *buf);

/* Empties the buffer, keeps its memory, forgets an overflow. */
void oh_strbuf_clear(struct oh_strbuf *buf);

/* Drops the first `size` bytes (size <= buf->size, asserted). Cost: O(rest). */
void oh_strbuf_consume(struct oh_strbuf *buf, size_t size);

/* What the functions below do when there is no room yet, or when the size is not known before. */
char *oh_strbuf_reserve_more(struct oh_strbuf *buf, size_t size);
void oh_strbuf_put_any(struct oh_strbuf *buf, const void *data, size_t size);
void oh_strbuf_put_char_more(struct oh_strbuf *buf, char c);

/* Whether 1 or more bytes fit without growing. Of 0 bytes it says no. */
static inline bool oh_strbuf_has_room(const struct oh_strbuf *buf, size_t size)
{
    return size - 1 < buf->capacity - buf->size && !buf->is_overflowed;
}

/* Makes room for `size` more bytes and returns where they go, or NULL (overflowed). */
static inline char *oh_strbuf_reserve(struct oh_strbuf *buf, size_t size)
{
    return oh_strbuf_has_room(buf, size) ? buf->data + buf->size : oh_strbuf_reserve_more(buf, size);
}

/* A size that the compiler knows is copied by a few stores. */
static inline void oh_strbuf_put(struct oh_strbuf *buf, const void *data, size_t size)
{
    if (!__builtin_constant_p(size) || !oh_strbuf_has_room(buf, size)) {
        oh_strbuf_put_any(buf, data, size);
        return;
    }
    memcpy(buf->data + buf->size, data, size);
    buf->size += size;
}

static inline void oh_strbuf_put_char(struct oh_strbuf *buf, char c)
{
    if (oh_strbuf_has_room(buf, 1))
        buf->data[buf->size++] = c;
    else
        oh_strbuf_put_char_more(buf, c); /* no address is taken: the caller needs no stack protector */
}

/* Of a constant the compiler knows the size. */
static inline void oh_strbuf_put_text(struct oh_strbuf *buf, const char *text)
{
    oh_strbuf_put(buf, text, strlen(text));
}

static inline void oh_strbuf_put_bytes(struct oh_strbuf *buf, struct oh_bytes bytes)
{
    oh_strbuf_put(buf, bytes.data, bytes.size);
}

void oh_strbuf_put_u64_any(struct oh_strbuf *buf, uint64_t value);

static inline void oh_strbuf_put_u64(struct oh_strbuf *buf, uint64_t value)
{
    if (value < 10) /* most quantities */
        oh_strbuf_put_char(buf, (char)('0' + value));
    else
        oh_strbuf_put_u64_any(buf, value);
}

void oh_strbuf_put_i64(struct oh_strbuf *buf, int64_t value);
void oh_strbuf_printf(struct oh_strbuf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline struct oh_bytes oh_strbuf_bytes(const struct oh_strbuf *buf)
{
    return (struct oh_bytes){ buf->data, buf->size };
}

#endif
