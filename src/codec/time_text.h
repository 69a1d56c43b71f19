/*
 * time_text.h - points in time as RFC 3339 text. Any thread: pure, no clock,
 * no time zones but the offset in the text.
 */
#ifndef ONHAND_CODEC_TIME_TEXT_H
#define ONHAND_CODEC_TIME_TEXT_H

#include "base/strbuf.h"
#include "onhand/bytes.h"
#include "onhand/error.h"
#include <stdint.h>

/* "2026-11-22T13:00:00.123456Z" */
#define OH_TIME_TEXT_SIZE_MAX 27

/*
 * oh_time_parse - read "2026-11-22T13:00:00.5+01:00".
 *
 * Shapes: RFC 3339, with 'T', 't' or a space, and 'Z', 'z' or an offset up to 23:59. 1 to 9 fraction digits,
 *         cut to microseconds.
 * Errors: OH_E_SYNTAX: not such a text, or a date that does not exist. A second of 60 is refused: Unix time
 *         has no place for it. OH_E_TOO_LARGE: not in 1970-01-01 .. 2199-12-31, UTC.
 */
OH_MUST_CHECK enum oh_err oh_time_parse(struct oh_bytes text, int64_t *out_us);

/* As oh_time_parse; "2021-12-23" alone is read as 00:00Z of that day. For rows and counts. */
OH_MUST_CHECK enum oh_err oh_time_or_date_parse(struct oh_bytes text, int64_t *out_us);

/* "2021-12-23" as days since 1970-01-01. Errors: OH_E_SYNTAX, OH_E_TOO_LARGE as above. */
OH_MUST_CHECK enum oh_err oh_date_parse(struct oh_bytes text, int32_t *out_day);

/*
 * oh_time_put - write UTC with 0, 3 or 6 fraction digits, as few as say it exactly.
 *
 * Pre: 0 <= at_us <= OH_TIME_US_MAX (a value beyond is written as the nearer end).
 */
void oh_time_put(struct oh_strbuf *buf, int64_t at_us);

#endif
