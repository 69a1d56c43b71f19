/*
 * json_text.h - the pieces every JSON reply is put together from.
 *
 * A comma is written by who comes second: oh_json_separate looks at the last
 * byte, so writers need no "first" flag. Any thread: each on its own buffer.
 */
#ifndef ONHAND_CODEC_JSON_TEXT_H
#define ONHAND_CODEC_JSON_TEXT_H

#include "base/strbuf.h"
#include <stdbool.h>
#include <stdint.h>

/*
 * A quoted, escaped string. The bytes are valid UTF-8 (they came in as such). Cost: O(size), fast without
 * escapes.
 */
void oh_json_put_string(struct oh_strbuf *buf, struct oh_bytes text);

/* A quoted time, or null for OH_TIME_US_NONE. */
void oh_json_put_time(struct oh_strbuf *buf, int64_t at_us);

/* A comma, unless the last byte opened an object or an array. Put it before each member and element. */
void oh_json_separate(struct oh_strbuf *buf);

/* Separated members: `,"name":value`. The names are constants that need no escape. */
void oh_json_member(struct oh_strbuf *buf, const char *name); /* `,"name":`, the value follows */
void oh_json_member_string(struct oh_strbuf *buf, const char *name, struct oh_bytes value);
/* Nothing when empty. */
void oh_json_member_string_if_any(struct oh_strbuf *buf, const char *name, struct oh_bytes value);
void oh_json_member_text(struct oh_strbuf *buf, const char *name, const char *value); /* a word of the API */
void oh_json_member_milli(struct oh_strbuf *buf, const char *name, int64_t milli);
void oh_json_member_u64(struct oh_strbuf *buf, const char *name, uint64_t value);
void oh_json_member_bool(struct oh_strbuf *buf, const char *name, bool value);
void oh_json_member_time(struct oh_strbuf *buf, const char *name, int64_t at_us);

#endif
