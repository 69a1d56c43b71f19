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
#define TIME_OF_DAY_SIZE    8
#define OFFSET_SIZE         6
#define CLOCK_SIZE          19 /* date and time of day without a fraction */

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

/* The number that two digits at `at` are; more than 99: they are not. */
static inline uint32_t two_read(const char *at)
{
    uint32_t tens = (uint32_t)(unsigned char)at[0] - '0';
    uint32_t ones = (uint32_t)(unsigned char)at[1] - '0';
    return tens > 9 || ones > 9 ? UINT32_MAX : tens * 10 + ones;
}

static uint32_t days_in_month(uint32_t year, uint32_t month)
{
    static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && is_leap ? 29 : days[month - 1];
}

static void cursor_pass(struct cursor *cursor, size_t size)
{
    cursor->data += size;
    cursor->size -= size;
}

/* "2026-11-22" as days since 1970-01-01. */
static bool cursor_date(struct cursor *cursor, int64_t *out_days)
{
    const char *at = cursor->data;
    if (cursor->size < DATE_SIZE || at[4] != '-' || at[7] != '-')
        return false;
    uint32_t century = two_read(at);
    uint32_t of_century = two_read(at + 2);
    uint32_t month = two_read(at + 5);
    uint32_t day = two_read(at + 8);
    if (century > 99 || of_century > 99 || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(century * 100 + of_century, month))
        return false;
    *out_days = oh_civil_to_days((struct oh_civil){ century * 100 + of_century, month, day });
    cursor_pass(cursor, DATE_SIZE);
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
    const char *at = cursor->data;
    if (cursor->size < TIME_OF_DAY_SIZE || at[2] != ':' || at[5] != ':')
        return false;
    uint32_t hour = two_read(at);
    uint32_t minute = two_read(at + 3);
    uint32_t second = two_read(at + 6);
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    *out_seconds = (int64_t)hour * SECONDS_PER_HOUR + (int64_t)minute * SECONDS_PER_MINUTE + second;
    cursor_pass(cursor, TIME_OF_DAY_SIZE);
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
    if (cursor_take(cursor, 'Z') || cursor_take(cursor, 'z')) {
        *out_seconds = 0;
        return true;
    }
    const char *at = cursor->data;
    if (cursor->size < OFFSET_SIZE || (at[0] != '+' && at[0] != '-') || at[3] != ':')
        return false;
    uint32_t hour = two_read(at + 1);
    uint32_t minute = two_read(at + 4);
    if (hour > 23 || minute > 59)
        return false;
    int64_t seconds = (int64_t)hour * SECONDS_PER_HOUR + (int64_t)minute * SECONDS_PER_MINUTE;
    *out_seconds = at[0] == '-' ? -seconds : seconds;
    cursor_pass(cursor, OFFSET_SIZE);
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

struct time_text {
    int64_t at_us;
    size_t size;
    char text[OH_TIME_TEXT_SIZE_MAX];
};

/* Not before 1970 and not after the last year. */
static void time_write(int64_t at_us, struct time_text *out)
{
    struct oh_civil civil = oh_civil_from_days(at_us / US_PER_DAY);
    uint64_t of_day_us = (uint64_t)(at_us % US_PER_DAY);
    uint64_t seconds = of_day_us / (uint64_t)US_PER_SECOND;
    memcpy(out->text, "0000-00-00T00:00:00", CLOCK_SIZE);
    two_write(out->text, (uint64_t)civil.year / 100);
    two_write(out->text + 2, (uint64_t)civil.year % 100);
    two_write(out->text + 5, civil.month);
    two_write(out->text + 8, civil.day);
    two_write(out->text + 11, seconds / SECONDS_PER_HOUR);
    two_write(out->text + 14, seconds / SECONDS_PER_MINUTE % 60);
    two_write(out->text + 17, seconds % 60);
    out->at_us = at_us;
    out->size = CLOCK_SIZE + fraction_write(out->text + CLOCK_SIZE, of_day_us % (uint64_t)US_PER_SECOND);
    out->text[out->size++] = 'Z';
}

/* A turn answers many at one time, and says of each when it was made and when it ends: two times, again and again. */
static const struct time_text *time_find(int64_t at_us)
{
    static _Thread_local struct time_text last[2] = { { .at_us = -1 }, { .at_us = -1 } };
    static _Thread_local unsigned oldest;
    if (last[0].at_us == at_us)
        return &last[0];
    if (last[1].at_us == at_us)
        return &last[1];
    struct time_text *found = &last[oldest];
    oldest ^= 1;
    time_write(at_us, found);
    return found;
}

void oh_time_put(struct oh_strbuf *buf, int64_t at_us)
{
    const struct time_text *found = time_find(at_us < 0 ? 0 : at_us > OH_TIME_US_MAX ? OH_TIME_US_MAX : at_us);
    if (oh_strbuf_has_room(buf, sizeof(found->text))) {
        memcpy(buf->data + buf->size, found->text, sizeof(found->text)); /* of a known size: a few stores */
        buf->size += found->size;
    } else {
        oh_strbuf_put(buf, found->text, found->size);
    }
}
