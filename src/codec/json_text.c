#include "codec/json_text.h"
#include "codec/json_plain.h"
#include "codec/time_text.h"
#include "onhand/types.h"

/* The bytes at the start of text that need no escape: those that are not ASCII need none either. */
static size_t plain_size(struct oh_bytes text)
{
    const char *end = text.data + text.size;
    const char *at = oh_json_plain_end(text.data, end);
    while (at != end && (unsigned char)*at >= 0x80)
        at = oh_json_plain_end(at + 1, end);
    return (size_t)(at - text.data);
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

/* Any text, in a buffer of any size. */
__attribute__((noinline)) static void put_string_any(struct oh_strbuf *buf, struct oh_bytes text)
{
    oh_strbuf_put_char(buf, '"');
    for (;;) { /* ends: each round uses up a byte or returns */
        size_t size = plain_size(text);
        oh_strbuf_put(buf, text.data, size);
        if (size == text.size)
            break;
        put_escape(buf, (unsigned char)text.data[size]);
        text = (struct oh_bytes){ text.data + size + 1, text.size - size - 1 };
    }
    oh_strbuf_put_char(buf, '"');
}

/* Whether data[0..size), behind which is a quote, needs no second look. Looks at most at OH_LANES bytes more. */
static bool is_plain_to_quote(const char *data, size_t size)
{
    size_t plain = 0;
    size_t step;
    do {
        step = oh_json_lanes_plain(data + plain);
        plain += step;
    } while (step == OH_LANES);
    return plain == size;
}

void oh_json_put_string(struct oh_strbuf *buf, struct oh_bytes text)
{
    if (oh_strbuf_has_room(buf, text.size + 2 + OH_LANES)) {
        char *at = buf->data + buf->size;
        at[0] = '"';
        oh_bytes_copy(at + 1, text.data, text.size);
        at[text.size + 1] = '"';
        if (is_plain_to_quote(at + 1, text.size)) {
            buf->size += text.size + 2;
            return;
        }
    }
    put_string_any(buf, text);
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
