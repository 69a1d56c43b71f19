/*
 * civil.h - days since 1970-01-01 to year, month, day, weekday and back, in the
 * proleptic Gregorian calendar. No time zones, no clock. Any thread.
 *
 * Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
 */
#ifndef ONHAND_BASE_CIVIL_H
#define ONHAND_BASE_CIVIL_H

#include <stdint.h>

#define OH_DAYS_PER_ERA  146097 /* 400 years */
#define OH_DAYS_TO_EPOCH 719468 /* from 0000-03-01 to 1970-01-01 */

struct oh_civil {
    int64_t year;
    uint32_t month; /* 1..12 */
    uint32_t day;   /* 1..31 */
};

/* Valid for days of the years -290000..290000. */
static inline struct oh_civil oh_civil_from_days(int64_t days)
{
    int64_t shifted = days + OH_DAYS_TO_EPOCH;
    int64_t era = (shifted >= 0 ? shifted : shifted - (OH_DAYS_PER_ERA - 1)) / OH_DAYS_PER_ERA;
    uint32_t day_of_era = (uint32_t)(shifted - era * OH_DAYS_PER_ERA);
    uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t month_from_march = (5 * day_of_year + 2) / 153;
    uint32_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    int64_t year = (int64_t)year_of_era + era * 400 + (month <= 2 ? 1 : 0);
    return (struct oh_civil){ year, month, day_of_year - (153 * month_from_march + 2) / 5 + 1 };
}

/* The date must exist; the caller has checked it. */
static inline int64_t oh_civil_to_days(struct oh_civil civil)
{
    int64_t year = civil.month <= 2 ? civil.year - 1 : civil.year;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t month_from_march = civil.month > 2 ? civil.month - 3 : civil.month + 9;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + civil.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * OH_DAYS_PER_ERA + day_of_era - OH_DAYS_TO_EPOCH;
}

/* 0 Monday .. 6 Sunday; 1970-01-01 was a Thursday. */
static inline uint32_t oh_civil_weekday(int64_t days)
{
    int64_t from_monday = (days + 3) % 7;
    return (uint32_t)(from_monday < 0 ? from_monday + 7 : from_monday);
}

#endif
