/*
 * json_plain.h - passing over the plain bytes of a JSON string. Any thread: pure.
 */
#ifndef ONHAND_CODEC_JSON_PLAIN_H
#define ONHAND_CODEC_JSON_PLAIN_H

#include "base/lanes.h"
#include <stdbool.h>

/* ASCII, and neither a control byte nor '"' nor '\\'. */
static inline bool oh_json_is_plain(char c)
{
    return (signed char)c >= 0x20 && c != '"' && c != '\\';
}

/* Which of OH_LANES bytes is the first that is not plain; OH_LANES: all are. */
static inline size_t oh_json_lanes_plain(const char *data)
{
    oh_lanes lanes = oh_lanes_load(data);
    return oh_lanes_first((lanes < 0x20) | (lanes == '"') | (lanes == '\\'));
}

/* Where, from `at` on, the first byte before `end` is that is not plain; `end`: all are. */
static inline const char *oh_json_plain_end(const char *at, const char *end)
{
    while ((size_t)(end - at) >= OH_LANES) {
        size_t plain = oh_json_lanes_plain(at);
        at += plain;
        if (plain < OH_LANES)
            return at;
    }
    while (at != end && oh_json_is_plain(*at))
        at++;
    return at;
}

#endif
