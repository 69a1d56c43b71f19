#include "codec/json_text.h"
#include "codec/json_plain.h"
#include "codec/time_text.h"
#include "onhand/types.h"

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

/* The bytes at the start of text that need no escape. */
static size_t plain_size(struct oh_bytes text)
{
    size_t size = oh_json_plain_end(text.data, 0, text.size);
    while (size < text.size && is_plain(text.data[size]))
        size = oh_json_plain_end(text.data, size + 1, text.size);
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

/* From where the first byte needs an escape. */
static void put_with_escapes(struct oh_strbuf *buf, struct oh_bytes text)
{
    while (text.size > 0) {
        put_escape(buf, (unsigned char)text.data[0]);
        text = (struct oh_bytes){ text.data + 1, text.size - 1 };
        size_t size = plain_size(text);
        oh_strbuf_put(buf, text.data, size);
        text = (struct oh_bytes){ text.data + size, text.size - size };
    }
}

void oh_json_put_string(struct oh_strbuf *buf, struct oh_bytes text)
{
    size_t size = plain_size(text);
    oh_strbuf_put_char(buf, '"');
    oh_strbuf_put(buf, text.data, size);
    if (size < text.size)
        put_with_escapes(buf, (struct oh_bytes){ text.data + size, text.size - size });
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
