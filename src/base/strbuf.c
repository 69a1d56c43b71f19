#include "base/strbuf.h"
#include "base/assert.h"
#include "base/digits.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRBUF_CAPACITY_MIN 64
#define U64_TEXT_SIZE       32 /* 20 digits, and what is written eight at a time */

void oh_strbuf_init(struct oh_strbuf *buf, size_t size_max)
{
    *buf = (struct oh_strbuf){ .size_max = size_max };
}

void oh_strbuf_fini(struct oh_strbuf *buf)
{
    free(buf->data);
    *buf = (struct oh_strbuf){ .size_max = 0 };
}

void oh_strbuf_clear(struct oh_strbuf *buf)
{
    buf->size = 0;
    buf->is_overflowed = false;
    buf->is_starved = false;
}

void oh_strbuf_consume(struct oh_strbuf *buf, size_t size)
{
    OH_ASSERT(size <= buf->size);
    if (size == 0)
        return;
    memmove(buf->data, buf->data + size, buf->size - size);
    buf->size -= size;
}

/* The next capacity that holds `needed` bytes: doubled, but never past the maximum. */
static size_t strbuf_capacity_for(const struct oh_strbuf *buf, size_t needed)
{
    size_t capacity = buf->capacity > buf->size_max / 2 ? buf->size_max : buf->capacity * 2;
    if (capacity < STRBUF_CAPACITY_MIN)
        capacity = STRBUF_CAPACITY_MIN;
    if (capacity < needed)
        capacity = needed;
    return capacity < buf->size_max ? capacity : buf->size_max;
}

static void strbuf_starve(struct oh_strbuf *buf)
{
    buf->is_overflowed = true;
    buf->is_starved = true;
}

static bool strbuf_grow(struct oh_strbuf *buf, size_t needed)
{
    size_t capacity = strbuf_capacity_for(buf, needed);
    char *data = realloc(buf->data, capacity);
    if (data == NULL) {
        strbuf_starve(buf);
        return false;
    }
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

/* True when `size` more bytes fit; the buffer then holds room for them. */
static bool strbuf_make_room(struct oh_strbuf *buf, size_t size)
{
    if (buf->is_overflowed)
        return false;
    if (buf->data != NULL && size <= buf->capacity - buf->size)
        return true;
    if (size > buf->size_max - buf->size) {
        buf->is_overflowed = true;
        return false;
    }
    /* A request for no bytes still needs an address to give back. */
    if (buf->size_max == 0) {
        buf->is_overflowed = true;
        return false;
    }
    return strbuf_grow(buf, buf->size + size);
}

char *oh_strbuf_reserve_more(struct oh_strbuf *buf, size_t size)
{
    return strbuf_make_room(buf, size) ? buf->data + buf->size : NULL;
}

void oh_strbuf_put_any(struct oh_strbuf *buf, const void *data, size_t size)
{
    if (!oh_strbuf_has_room(buf, size) && (size == 0 || !strbuf_make_room(buf, size)))
        return;
    oh_bytes_copy(buf->data + buf->size, data, size);
    buf->size += size;
}

void oh_strbuf_put_char_more(struct oh_strbuf *buf, char c)
{
    if (strbuf_make_room(buf, 1))
        buf->data[buf->size++] = c;
}

/* Writes the digits at `text`, which has U64_TEXT_SIZE bytes; returns how many. */
static size_t u64_write(char *text, uint64_t value)
{
    text[0] = '0';
    return value == 0 ? 1 : oh_digits_put(text, value);
}

/* Of any size, in a buffer of any size. */
__attribute__((noinline)) static void put_u64_tightly(struct oh_strbuf *buf, uint64_t value)
{
    char digits[U64_TEXT_SIZE];
    oh_strbuf_put(buf, digits, u64_write(digits, value));
}

void oh_strbuf_put_u64_any(struct oh_strbuf *buf, uint64_t value)
{
    if (value > 0 && value < OH_DIGITS_EIGHT && oh_strbuf_has_room(buf, 8))
        buf->size += oh_digits_put_eight(buf->data + buf->size, (uint32_t)value);
    else
        put_u64_tightly(buf, value);
}

void oh_strbuf_put_i64(struct oh_strbuf *buf, int64_t value)
{
    char text[1 + U64_TEXT_SIZE] = "-";
    size_t sign_size = value < 0 ? 1 : 0;
    /* Negated as unsigned: the smallest value has no positive twin. */
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    size_t size = u64_write(text + sign_size, magnitude);
    oh_strbuf_put(buf, text, sign_size + size);
}

/* Formats into the room there is; returns the length the text wants, or -1. */
__attribute__((format(printf, 2, 0))) static int strbuf_format(struct oh_strbuf *buf, const char *format,
                                                               va_list args)
{
    size_t room = buf->capacity - buf->size;
    return vsnprintf(room == 0 ? NULL : buf->data + buf->size, room, format, args);
}

void oh_strbuf_printf(struct oh_strbuf *buf, const char *format, ...)
{
    if (buf->is_overflowed)
        return;
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int wanted = strbuf_format(buf, format, args);
    va_end(args);
    size_t size = wanted < 0 ? 0 : (size_t)wanted;
    if (wanted < 0) {
        buf->is_overflowed = true;
    } else if (size < buf->capacity - buf->size) {
        buf->size += size;
    } else if (strbuf_make_room(buf, size)) {
        /* Through a copy: the text may fit below the maximum where text and NUL would not. */
        char *text = NULL;
        if (vasprintf(&text, format, again) < 0) {
            text = NULL; /* on failure it is undefined */
            strbuf_starve(buf);
        } else {
            oh_strbuf_put(buf, text, size);
        }
        free(text);
    }
    va_end(again);
}
