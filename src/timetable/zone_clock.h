/*
 * zone_clock.h - days and times of day on the clock of a place, as instants
 * (docs/spec/promise.md, DO6).
 *
 * A clock is made for a range of days and knows the changes around it; days
 * beyond keep the offset of its nearer end. Immutable: any thread.
 */
#ifndef ONHAND_TIMETABLE_ZONE_CLOCK_H
#define ONHAND_TIMETABLE_ZONE_CLOCK_H

#include "onhand/error.h"
#include "onhand/types.h"
#include "timetable/tz_database.h"

#define OH_US_PER_MINUTE INT64_C(60000000)
#define OH_US_PER_DAY    INT64_C(86400000000)

struct oh_zone_clock {
    struct oh_arena arena;
    struct oh_bytes name;
    int32_t day_first;
    uint32_t day_count;
    const int64_t *day_offsets_us; /* [day]: of all of it, the day before and the day after; or a mark */
    const struct oh_tz_change *changes;
    uint32_t change_count;
};

/* Errors: OH_E_NOT_FOUND (no such zone), OH_E_NOMEM; then there is nothing to give back. */
OH_MUST_CHECK enum oh_err oh_zone_clock_init(struct oh_zone_clock *clock, struct oh_bytes name,
                                             int32_t day_first, uint32_t day_count, struct oh_buffer *buffer);
void oh_zone_clock_fini(struct oh_zone_clock *clock);

/*
 * The instant of a minute (0..2880) counted on the clock from 00:00 of the day. Where a change skips it: the
 * first instant after the gap. Where it comes twice: the first, or the last, of the two. Cost: O(1), near a
 * change O(changes).
 */
int64_t oh_zone_first_us(const struct oh_zone_clock *clock, int32_t day, int32_t minute);
int64_t oh_zone_last_us(const struct oh_zone_clock *clock, int32_t day, int32_t minute);

/* A day that a change skips whole is none. */
bool oh_zone_has_day(const struct oh_zone_clock *clock, int32_t day);

/* [from, to) that begins on the day; `to` at or before `from` is on the next (DO7). Empty: out_until == out_from. */
void oh_zone_span(const struct oh_zone_clock *clock, int32_t day, int32_t from, int32_t to,
                  int64_t *out_from_us, int64_t *out_until_us);

#endif
