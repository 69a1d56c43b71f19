#include "codec/time_text.h"
#include "base/civil.h"
#include "onhand/types.h"

#define US_PER_SECOND       INT64_C(1000000)
#define SECONDS_PER_MINUTE  60
#define SECONDS_PER_HOUR    3600
#define SECONDS_PER_DAY     86400
#define US_PER_DAY          (SECONDS_PER_DAY * US_PER_SECOND)
#define FRACTION_DIGITS_MAX 9
#define MICRO_DIGITS        6
#define DATE_SIZE           10

/* What is still to be read of a text. */
struct cursor {
    const char *data;
    size_t size;
};

static bool cursor_take(struct cursor *cursor, char c)
{
    if (cursor->size == 0 || cursor->data[0] != c)
        return false;
    cursor->data++;
    cursor->size--;
    return true;
}

/* Reads exactly `count` digits with a value in min..max. */
static bool cursor_number(struct cursor *cursor, size_t count, uint32_t min, uint32_t max, uint32_t *out)
{
    uint32_t value = 0;
    if (cursor->size < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        char c = cursor->data[i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (uint32_t)(c - '0');
    }
    if (value < min || value > max)
        return false;
    cursor->data += count;
    cursor->size -= count;
    *out = value;
    return true;
}

static uint32_t days_in_month(uint32_t year, uint32_t month)
{
    static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && is_leap ? 29 : days[month - 1];
}

/* "2026-11-22" as days since 1970-01-01. */
static bool cursor_date(struct cursor *cursor, int64_t *out_days)
{
    uint32_t year;
    uint32_t month;
    uint32_t day;
    if (!cursor_number(cursor, 4, 0, 9999, &year) || !cursor_take(cursor, '-') ||
        !cursor_number(cursor, 2, 1, 12, &month) || !cursor_take(cursor, '-') ||
        !cursor_number(cursor, 2, 1, days_in_month(year, month), &day))
        return false;
    *out_days = oh_civil_to_days((struct oh_civil){ year, month, day });
    return true;
}

/* What stands between date and time. */
static bool cursor_between(struct cursor *cursor)
{
    return cursor_take(cursor, 'T') || cursor_take(cursor, 't') || cursor_take(cursor, ' ');
}

/* "13:00:00" as seconds of the day. */
static bool cursor_clock(struct cursor *cursor, int64_t *out_seconds)
{
    uint32_t hour;
    uint32_t minute;
    uint32_t second;
    if (!cursor_number(cursor, 2, 0, 23, &hour) || !cursor_take(cursor, ':') ||
        !cursor_number(cursor, 2, 0, 59, &minute) || !cursor_take(cursor, ':') ||
        !cursor_number(cursor, 2, 0, 59, &second))
        return false;
    *out_seconds = (int64_t)hour * SECONDS_PER_HOUR + (int64_t)minute * SECONDS_PER_MINUTE + second;
    return true;
}

/* ".5", or nothing, as microseconds. */
static bool cursor_fraction(struct cursor *cursor, int64_t *out_us)
{
    int64_t value = 0;
    size_t count = 0;
    if (!cursor_take(cursor, '.')) {
        *out_us = 0;
        return true;
    }
    while (cursor->size > 0 && cursor->data[0] >= '0' && cursor->data[0] <= '9') {
        if (count < MICRO_DIGITS)
            value = value * 10 + (cursor->data[0] - '0');
        count++;
        cursor->data++;
        cursor->size--;
    }
    for (size_t i = count; i < MICRO_DIGITS; i++)
        value *= 10;
    *out_us = value;
    return count >= 1 && count <= FRACTION_DIGITS_MAX;
}

/* "Z" or "+01:00" as seconds east of UTC. */
static bool cursor_offset(struct cursor *cursor, int64_t *out_seconds)
{
    uint32_t hour;
    uint32_t minute;
    if (cursor_take(cursor, 'Z') || cursor_take(cursor, 'z')) {
        *out_seconds = 0;
        return true;
    }
    bool is_west = cursor->size > 0 && cursor->data[0] == '-';
    if ((!cursor_take(cursor, '+') && !cursor_take(cursor, '-')) || !cursor_number(cursor, 2, 0, 23, &hour) ||
        !cursor_take(cursor, ':') || !cursor_number(cursor, 2, 0, 59, &minute))
        return false;
    int64_t seconds = (int64_t)hour * SECONDS_PER_HOUR + (int64_t)minute * SECONDS_PER_MINUTE;
    *out_seconds = is_west ? -seconds : seconds;
    return true;
}

static enum oh_err time_in_range(int64_t at_us, int64_t *out_us)
{
    if (at_us < 0 || at_us >= OH_TIME_US_MAX)
        return OH_E_TOO_LARGE;
    *out_us = at_us;
    return OH_OK;
}

enum oh_err oh_time_parse(struct oh_bytes text, int64_t *out_us)
{
    struct cursor cursor = { text.data, text.size };
    int64_t days;
    int64_t seconds;
    int64_t fraction_us;
    int64_t offset_seconds;
    if (!cursor_date(&cursor, &days) || !cursor_between(&cursor) || !cursor_clock(&cursor, &seconds) ||
        !cursor_fraction(&cursor, &fraction_us) || !cursor_offset(&cursor, &offset_seconds) ||
        cursor.size != 0)
        return OH_E_SYNTAX;
    /* Four-digit years: the sum is far inside 64 bits. */
    return time_in_range(days * US_PER_DAY + (seconds - offset_seconds) * US_PER_SECOND + fraction_us,
                         out_us);
}

enum oh_err oh_time_or_date_parse(struct oh_bytes text, int64_t *out_us)
{
    struct cursor cursor = { text.data, text.size };
    int64_t days;
    if (text.size != DATE_SIZE)
        return oh_time_parse(text, out_us);
    if (!cursor_date(&cursor, &days))
        return OH_E_SYNTAX;
    return time_in_range(days * US_PER_DAY, out_us);
}

enum oh_err oh_date_parse(struct oh_bytes text, int32_t *out_day)
{
    int64_t at_us;
    if (text.size != DATE_SIZE)
        return OH_E_SYNTAX;
    enum oh_err err = oh_time_or_date_parse(text, &at_us);
    if (err == OH_OK)
        *out_day = (int32_t)(at_us / US_PER_DAY);
    return err;
}

/* Writes `count` digits of value before `end`, zeros in front. Returns where they start. */
static char *digits_before(char *end, uint64_t value, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        *--end = (char)('0' + value % 10);
        value /= 10;
    }
    return end;
}

/* Writes two digits. */
static void two_write(char *at, uint64_t value)
{
    at[0] = (char)('0' + value / 10);
    at[1] = (char)('0' + value % 10);
}

/* Writes ".123" or ".123456" at `at`, or nothing; returns how many bytes. */
static size_t fraction_write(char *at, uint64_t fraction_us)
{
    if (fraction_us == 0)
        return 0;
    bool is_milli = fraction_us % 1000 == 0;
    size_t count = is_milli ? 3 : MICRO_DIGITS;
    *at = '.';
    digits_before(at + 1 + count, is_milli ? fraction_us / 1000 : fraction_us, count);
    return 1 + count;
}

/* "2026-11-22T". Most times that one thread writes are of one day or two: the last one is kept. */
static void date_write(char *at, int64_t day)
{
    static _Thread_local struct { int64_t day; char text[DATE_SIZE + 2]; } last = { 0, "1970-01-01T" };
    if (day != last.day) {
        struct oh_civil civil = oh_civil_from_days(day);
        last.day = day;
        two_write(last.text, (uint64_t)civil.year / 100);
        two_write(last.text + 2, (uint64_t)civil.year % 100);
        two_write(last.text + 5, civil.month);
        two_write(last.text + 8, civil.day);
    }
    memcpy(at, last.text, DATE_SIZE + 1);
}

/* Writes at most OH_TIME_TEXT_SIZE_MAX bytes; returns how many. */
static size_t time_write(char *at, int64_t at_us)
{
    int64_t clamped = at_us < 0 ? 0 : at_us > OH_TIME_US_MAX ? OH_TIME_US_MAX : at_us;
    uint64_t of_day_us = (uint64_t)clamped % (uint64_t)US_PER_DAY;
    uint64_t seconds = of_day_us / (uint64_t)US_PER_SECOND;
    date_write(at, clamped / US_PER_DAY);
    two_write(at + 11, seconds / SECONDS_PER_HOUR);
    at[13] = ':';
    two_write(at + 14, seconds / SECONDS_PER_MINUTE % 60);
    at[16] = ':';
    two_write(at + 17, seconds % 60);
    size_t size = 19 + fraction_write(at + 19, of_day_us % (uint64_t)US_PER_SECOND);
    at[size] = 'Z';
    return size + 1;
}

void oh_time_put(struct oh_strbuf *buf, int64_t at_us)
{
    if (oh_strbuf_has_room(buf, OH_TIME_TEXT_SIZE_MAX)) {
        buf->size += time_write(buf->data + buf->size, at_us);
    } else {
        char text[OH_TIME_TEXT_SIZE_MAX];
        oh_strbuf_put(buf, text, time_write(text, at_us));
    }
}
