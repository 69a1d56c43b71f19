#include "codec/json_text.h"
#include "codec/decimal.h"
#include "codec/time_text.h"
#include "onhand/types.h"

/* The bytes at the start of text that need no escape. */
static size_t plain_size(struct oh_bytes text)
{
    const unsigned char *data = (const unsigned char *)text.data;
    size_t size = 0;
    while (size < text.size && data[size] >= 0x20 && data[size] != '"' && data[size] != '\\')
        size++;
    return size;
}

static void put_escape(struct oh_strbuf *buf, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char escape[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
    if (c == '"' || c == '\\') {
        escape[1] = (char)c;
        oh_strbuf_put(buf, escape, 2);
    } else {
        oh_strbuf_put(buf, escape, sizeof(escape));
    }
}

void oh_json_put_string(struct oh_strbuf *buf, struct oh_bytes text)
{
    oh_strbuf_put_char(buf, '"');
    while (text.size > 0) {
        size_t size = plain_size(text);
        oh_strbuf_put(buf, text.data, size);
        text.data += size;
        text.size -= size;
        if (text.size > 0) {
            put_escape(buf, (unsigned char)text.data[0]);
            text.data++;
            text.size--;
        }
    }
    oh_strbuf_put_char(buf, '"');
}

void oh_json_put_time(struct oh_strbuf *buf, int64_t at_us)
{
    if (at_us == OH_TIME_US_NONE) {
        oh_strbuf_put(buf, "null", 4);
        return;
    }
    oh_strbuf_put_char(buf, '"');
    oh_time_put(buf, at_us);
    oh_strbuf_put_char(buf, '"');
}

static bool needs_comma(const struct oh_strbuf *buf)
{
    if (buf->size == 0)
        return false;
    char last = buf->data[buf->size - 1];
    return last != '{' && last != '[' && last != ',' && last != ':';
}

void oh_json_separate(struct oh_strbuf *buf)
{
    if (needs_comma(buf))
        oh_strbuf_put_char(buf, ',');
}

void oh_json_member(struct oh_strbuf *buf, const char *name)
{
    size_t size = strlen(name);
    /* One reservation for the whole head: this is in every reply many times. */
    char *at = oh_strbuf_reserve(buf, size + 4);
    if (at == NULL)
        return;
    char *start = at;
    if (needs_comma(buf))
        *at++ = ',';
    *at++ = '"';
    memcpy(at, name, size);
    at += size;
    *at++ = '"';
    *at++ = ':';
    buf->size += (size_t)(at - start);
}

void oh_json_member_string(struct oh_strbuf *buf, const char *name, struct oh_bytes value)
{
    oh_json_member(buf, name);
    oh_json_put_string(buf, value);
}

void oh_json_member_string_if_any(struct oh_strbuf *buf, const char *name, struct oh_bytes value)
{
    if (!oh_bytes_is_empty(value))
        oh_json_member_string(buf, name, value);
}

void oh_json_member_text(struct oh_strbuf *buf, const char *name, const char *value)
{
    oh_json_member_string(buf, name, oh_bytes_of(value));
}

void oh_json_member_milli(struct oh_strbuf *buf, const char *name, int64_t milli)
{
    oh_json_member(buf, name);
    oh_milli_put(buf, milli);
}

void oh_json_member_u64(struct oh_strbuf *buf, const char *name, uint64_t value)
{
    oh_json_member(buf, name);
    oh_strbuf_put_u64(buf, value);
}

void oh_json_member_bool(struct oh_strbuf *buf, const char *name, bool value)
{
    oh_json_member(buf, name);
    oh_strbuf_put_text(buf, value ? "true" : "false");
}

void oh_json_member_time(struct oh_strbuf *buf, const char *name, int64_t at_us)
{
    oh_json_member(buf, name);
    oh_json_put_time(buf, at_us);
}
