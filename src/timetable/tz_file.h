/*
 * tz_file.h - a time zone as a file of the tz database holds it: the changes
 * of its clock one by one, then a rule for the years behind them.
 *
 * Source: RFC 8536 (TZif, versions 1 to 4). Any thread: pure.
 */
#ifndef ONHAND_TIMETABLE_TZ_FILE_H
#define ONHAND_TIMETABLE_TZ_FILE_H

#include "timetable/arena.h"
#include "timetable/tz_rule.h"

#define OH_TZ_OFFSET_S_MAX 93599 /* of local time from UTC, either way; RFC 8536, section 3.2 */

/* From at_us on, local time is UTC plus offset_us. */
struct oh_tz_change {
    int64_t at_us;
    int64_t offset_us;
};

struct oh_tz_file {
    const unsigned char *times;      /* of the changes: big-endian, time_size bytes each */
    const unsigned char *time_types; /* of the changes: which type of local time begins, one byte each */
    const unsigned char *types;      /* of local time: 6 bytes each, the offset first */
    uint32_t time_count;
    uint32_t time_size;     /* 4 or 8 */
    uint32_t type_count;    /* at least 1 */
    struct oh_tz_rule rule; /* without a summer: the last change is for good */
};

/*
 * oh_tz_file_parse - check all that is read of it later.
 *
 * Owner:  borrows the bytes as long as *out is used.
 * Errors: OH_E_SYNTAX: it is not such a file, is cut, or counts leap seconds, which Unix time does not.
 */
OH_MUST_CHECK enum oh_err oh_tz_file_parse(struct oh_bytes bytes, struct oh_tz_file *out);

/*
 * oh_tz_file_changes - the offset at from_us and the changes behind it before until_us.
 *
 * Units:  whole seconds of Unix time, in microseconds.                   (asserted)
 * Post:   changes[0].at_us is INT64_MIN, the others ascend; neighbours differ. They are in `buffer`.
 * Errors: OH_E_NOMEM.
 * Cost:   O(changes of the list, years).
 */
OH_MUST_CHECK enum oh_err oh_tz_file_changes(const struct oh_tz_file *file, int64_t from_us, int64_t until_us,
                                             struct oh_buffer *buffer, uint32_t *out_count);

#endif
