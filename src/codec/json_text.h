/*
 * json_text.h - the pieces every JSON reply is put together from.
 *
 * A comma is written by who comes second: oh_json_separate looks at the last
 * byte, so writers need no "first" flag. Any thread: each on its own buffer.
 */
#ifndef ONHAND_CODEC_JSON_TEXT_H
#define ONHAND_CODEC_JSON_TEXT_H

#include "base/strbuf.h"
#include "codec/decimal.h"
#include <stdbool.h>
#include <stdint.h>

/*
 * A quoted, escaped string. The bytes are valid UTF-8 (they came in as such). Cost: O(size), fast without
 * escapes.
 */
void oh_json_put_string(struct oh_strbuf *buf, struct oh_bytes text);

/* A quoted time, or null for OH_TIME_US_NONE. */
void oh_json_put_time(struct oh_strbuf *buf, int64_t at_us);

/* Whether a member or element that comes next needs a comma before it. */
static inline bool oh_json_needs_comma(const struct oh_strbuf *buf)
{
    char last = buf->size == 0 ? ',' : buf->data[buf->size - 1];
    return (last | 0x20) != '{' && last != ',' && last != ':'; /* '[' is the same but for that bit */
}

/* A comma, unless the last byte opened an object or an array. Put it before each member and element. */
static inline void oh_json_separate(struct oh_strbuf *buf)
{
    if (oh_json_needs_comma(buf))
        oh_strbuf_put_char(buf, ',');
}

/* Separated members: `,"name":value`. The names are constants that need no escape. */

/*
 * `,"name":`, the value follows. One reservation for the whole head, and of a constant name the compiler knows the
 * size: this is in every reply many times.
 */
static inline void oh_json_member(struct oh_strbuf *buf, const char *name)
{
    size_t size = strlen(name);
    char *at = oh_strbuf_reserve(buf, size + 4);
    if (at == NULL)
        return;
    size_t comma = oh_json_needs_comma(buf) ? 1 : 0;
    at[0] = ',';
    at += comma;
    at[0] = '"';
    memcpy(at + 1, name, size);
    at[size + 1] = '"';
    at[size + 2] = ':';
    buf->size += comma + size + 3;
}

static inline void oh_json_member_string(struct oh_strbuf *buf, const char *name, struct oh_bytes value)
{
    oh_json_member(buf, name);
    oh_json_put_string(buf, value);
}

/* Nothing when empty. */
static inline void oh_json_member_string_if_any(struct oh_strbuf *buf, const char *name, struct oh_bytes value)
{
    if (!oh_bytes_is_empty(value))
        oh_json_member_string(buf, name, value);
}

/* A word of the API. */
static inline void oh_json_member_text(struct oh_strbuf *buf, const char *name, const char *value)
{
    oh_json_member_string(buf, name, oh_bytes_of(value));
}

static inline void oh_json_member_milli(struct oh_strbuf *buf, const char *name, int64_t milli)
{
    oh_json_member(buf, name);
    oh_milli_put(buf, milli);
}

static inline void oh_json_member_u64(struct oh_strbuf *buf, const char *name, uint64_t value)
{
    oh_json_member(buf, name);
    oh_strbuf_put_u64(buf, value);
}

static inline void oh_json_member_bool(struct oh_strbuf *buf, const char *name, bool value)
{
    oh_json_member(buf, name);
    oh_strbuf_put_text(buf, value ? "true" : "false");
}

static inline void oh_json_member_time(struct oh_strbuf *buf, const char *name, int64_t at_us)
{
    oh_json_member(buf, name);
    oh_json_put_time(buf, at_us);
}

#endif
