/*
 * tz_rule.h - the clock changes of each year by rule: what a file of the tz
 * database says of the years behind its list, like "GMT0BST,M3.5.0/1,M10.5.0".
 *
 * Source: RFC 8536, section 3.3; POSIX, the TZ variable. Any thread: pure.
 */
#ifndef ONHAND_TIMETABLE_TZ_RULE_H
#define ONHAND_TIMETABLE_TZ_RULE_H

#include "onhand/bytes.h"
#include "onhand/error.h"
#include <stdint.h>

/* From at_s on, seconds of Unix time, local time is UTC plus offset_s. */
struct oh_tz_shift {
    int64_t at_s;
    int32_t offset_s;
};

enum oh_tz_day_kind {
    OH_TZ_DAY_NEVER_LEAP, /* J1..J365: 29 February is not counted */
    OH_TZ_DAY_OF_YEAR,    /* 0..365 */
    OH_TZ_DAY_OF_WEEK,    /* M: the first to fourth, or the last (5), of a weekday in a month */
};

/* One day a year, and a time on its clock. */
struct oh_tz_moment {
    enum oh_tz_day_kind kind;
    int32_t day;    /* the number; of the week: 0 Sunday .. 6 */
    int32_t week;   /* 1..5 */
    int32_t month;  /* 1..12 */
    int32_t time_s; /* from the day's midnight on, or before it: -167 to 167 hours */
};

struct oh_tz_rule {
    int32_t standard_s; /* offsets from UTC */
    int32_t summer_s;
    bool has_summer;
    struct oh_tz_moment summer_from;  /* on the clock of standard time */
    struct oh_tz_moment summer_until; /* on the clock of summer time */
};

/* Errors: OH_E_SYNTAX: it is not such a rule, or has a summer time that does not say from when until when. */
OH_MUST_CHECK enum oh_err oh_tz_rule_parse(struct oh_bytes text, struct oh_tz_rule *out);

/* The two changes of a year, the earlier first. Pre: the rule has a summer. */
void oh_tz_rule_year(const struct oh_tz_rule *rule, int64_t year, struct oh_tz_shift out[static 2]);

#endif
