/*
 * tz_bytes.h - files of the tz database made by hand (RFC 8536), good ones and such as no compiler of zones writes.
 */
#ifndef ONHAND_TESTS_SUPPORT_TZ_BYTES_H
#define ONHAND_TESTS_SUPPORT_TZ_BYTES_H

#include "onhand/bytes.h"
#include "timetable/tz_rule.h"

#define TZ_BYTES_MAX 4096u

struct tz_bytes {
    char data[TZ_BYTES_MAX];
    size_t size;
};

/* One zone: the changes, of which each has its own type of local time; type 0 is what was before them. */
struct tz_sketch {
    char version; /* '\0': times of 4 bytes and no rule */
    int32_t first_offset_s;
    const struct oh_tz_shift *shifts;
    uint32_t shift_count;
    uint32_t leap_count;
    const char *rule; /* with its newlines */
};

static inline void tz_put(struct tz_bytes *out, uint64_t number, size_t size)
{
    for (size_t i = size; i > 0; i--)
        out->data[out->size++] = (char)(number >> 8 * (i - 1));
}

static inline void tz_put_text(struct tz_bytes *out, const char *text, size_t size)
{
    memcpy(out->data + out->size, text, size);
    out->size += size;
}

static inline void tz_put_type(struct tz_bytes *out, int32_t offset_s)
{
    tz_put(out, (uint32_t)offset_s, 4);
    tz_put(out, 0, 2);
}

static inline void tz_put_block(struct tz_bytes *out, const struct tz_sketch *sketch, size_t time_size)
{
    const uint32_t counts[6] = { 1, 1, sketch->leap_count, sketch->shift_count, sketch->shift_count + 1, 4 };
    tz_put_text(out, "TZif", 4);
    tz_put(out, (unsigned char)sketch->version, 1);
    tz_put(out, 0, 8);
    tz_put(out, 0, 7);
    for (size_t i = 0; i < 6; i++)
        tz_put(out, counts[i], 4);
    for (uint32_t i = 0; i < sketch->shift_count; i++)
        tz_put(out, (uint64_t)sketch->shifts[i].at_s, time_size);
    for (uint32_t i = 0; i < sketch->shift_count; i++)
        tz_put(out, i + 1, 1);
    tz_put_type(out, sketch->first_offset_s);
    for (uint32_t i = 0; i < sketch->shift_count; i++)
        tz_put_type(out, sketch->shifts[i].offset_s);
    tz_put_text(out, "ABC", 4);
    for (uint32_t i = 0; i < sketch->leap_count; i++) {
        tz_put(out, i, time_size);
        tz_put(out, 1, 4);
    }
    tz_put(out, 0, 2);
}

static inline void tz_bytes_make(struct tz_bytes *out, const struct tz_sketch *sketch)
{
    out->size = 0;
    tz_put_block(out, sketch, 4);
    if (sketch->version >= '2') {
        tz_put_block(out, sketch, 8);
        tz_put_text(out, sketch->rule, strlen(sketch->rule));
    }
}

static inline struct oh_bytes tz_bytes_of(const struct tz_bytes *made)
{
    return (struct oh_bytes){ made->data, made->size };
}

#endif
