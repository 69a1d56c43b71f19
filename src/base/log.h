/*
 * log.h - one line per event in logfmt, with a fixed event name:
 *
 *   ts=2026-11-22T13:07:00.123456Z level=info event=snapshot_done seq=42 path="/a b"
 *
 * Not here: metrics, and detail for a caller (struct oh_diag). Base, core and
 * codec do not log; an error is logged once, where it stops travelling.
 * Lines may be written from any thread; oh_log_init is called before threads start.
 */
#ifndef ONHAND_BASE_LOG_H
#define ONHAND_BASE_LOG_H

#include "onhand/bytes.h"
#include <stdbool.h>
#include <stdint.h>

enum oh_log_level {
    OH_LOG_DEBUG = 0,
    OH_LOG_INFO = 1,
    OH_LOG_WARN = 2,
    OH_LOG_ERROR = 3,
};

enum oh_log_type {
    OH_LOG_TYPE_U64 = 0,
    OH_LOG_TYPE_I64 = 1,
    OH_LOG_TYPE_BYTES = 2,
};

struct oh_log_field {
    const char *name; /* ours, so never escaped */
    enum oh_log_type type;
    union {
        uint64_t u64;
        int64_t i64;
        struct oh_bytes bytes; /* may come from outside, so escaped */
    };
};

/* A longer line is cut and ends in "cut=1". */
#define OH_LOG_LINE_SIZE_MAX 2048

/* An event repeated within one second is written this often, then counted; its
 * next line carries the count as repeats_suppressed. */
#define OH_LOG_REPEATS_PER_SECOND_MAX 10

/* Microseconds since the Unix epoch. Base reads no clock, so the process lends it one. */
typedef int64_t oh_log_clock_fn(void);

/*
 * oh_log_init - where lines go, and from which level on.
 *
 * `clock` may be NULL: lines then have no ts, and repeats are not limited.
 * Before the first call: standard error, OH_LOG_INFO, no clock.
 */
void oh_log_init(int fd, enum oh_log_level level_min, oh_log_clock_fn *clock);

/* Changes the lowest level written. Any thread. */
void oh_log_set_level(enum oh_log_level level_min);
bool oh_log_is_enabled(enum oh_log_level level);

/* False, and *out_level untouched, when `name` is none of debug, info, warn, error. */
bool oh_log_level_parse(struct oh_bytes name, enum oh_log_level *out_level);

/*
 * OH_LOG - writes one line; the first field is the event:
 *
 *   OH_LOG(OH_LOG_WARN, OH_LOG_EVENT("journal_torn"), OH_LOG_TEXT("file", path), OH_LOG_U64("offset", at));
 *
 * The event is a string literal: its name is fixed. Cost: one write(2), no allocation.
 */
#define OH_LOG(level, ...)                                                                  \
    do {                                                                                    \
        if (oh_log_is_enabled(level)) {                                                     \
            const struct oh_log_field log_fields_[] = { __VA_ARGS__ };                      \
            oh_log_write(level, log_fields_, sizeof(log_fields_) / sizeof(log_fields_[0])); \
        }                                                                                   \
    } while (0)

#define OH_LOG_EVENT(literal) OH_LOG_BYTES("event", OH_BYTES("" literal))
/* clang-format off */
#define OH_LOG_U64(name_, value_) { .name = (name_), .type = OH_LOG_TYPE_U64, { .u64 = (value_) } }
#define OH_LOG_I64(name_, value_) { .name = (name_), .type = OH_LOG_TYPE_I64, { .i64 = (value_) } }
#define OH_LOG_BYTES(name_, value_) { .name = (name_), .type = OH_LOG_TYPE_BYTES, { .bytes = (value_) } }
/* clang-format on */
#define OH_LOG_TEXT(name_, value_) OH_LOG_BYTES(name_, oh_bytes_of(value_))

/* What OH_LOG calls. count >= 1, fields[0] is the event (asserted). */
void oh_log_write(enum oh_log_level level, const struct oh_log_field *fields, size_t count);

#endif
