#include "timetable/tz_rule.h"
#include "base/assert.h"
#include "base/civil.h"

#define SECONDS_PER_HOUR 3600
#define SECONDS_PER_DAY  86400
#define NAME_SIZE_MIN    3
#define OFFSET_HOURS_MAX 24
#define TIME_HOURS_MAX   167
#define TIME_S           (2 * SECONDS_PER_HOUR) /* when a rule says no time */
#define SUMMER_S         SECONDS_PER_HOUR       /* when it says no offset */
#define LAST_WEEK        5
#define DAYS_TO_28_FEB   59

/* ---- Text ------------------------------------------------------------------------------------- */

static bool take(struct oh_bytes *text, char c)
{
    if (text->size == 0 || text->data[0] != c)
        return false;
    text->data++;
    text->size--;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool take_number(struct oh_bytes *text, int32_t min, int32_t max, int32_t *out)
{
    int32_t number = 0;
    size_t count = 0;
    for (; count < text->size && is_digit(text->data[count]) && number <= max; count++)
        number = number * 10 + (text->data[count] - '0');
    if (count == 0 || number < min || number > max)
        return false;
    text->data += count;
    text->size -= count;
    *out = number;
    return true;
}

/* "<+0330>" or "CEST". */
static bool take_name(struct oh_bytes *text)
{
    size_t count = 0;
    bool is_quoted = take(text, '<');
    while (count < text->size) {
        char c = text->data[count];
        if (!is_letter(c) && !(is_quoted && (is_digit(c) || c == '+' || c == '-')))
            break;
        count++;
    }
    text->data += count;
    text->size -= count;
    return count >= NAME_SIZE_MIN && (!is_quoted || take(text, '>'));
}

/* "2", "-1", "+5:30", "1:30:15". */
static bool take_time(struct oh_bytes *text, int32_t hours_max, int32_t *out_s)
{
    int32_t hours;
    int32_t minutes = 0;
    int32_t seconds = 0;
    bool is_negative = take(text, '-');
    if (!is_negative)
        (void)take(text, '+');
    if (!take_number(text, 0, hours_max, &hours))
        return false;
    bool has_minutes = take(text, ':');
    if (has_minutes && !take_number(text, 0, 59, &minutes))
        return false;
    if (has_minutes && take(text, ':') && !take_number(text, 0, 59, &seconds))
        return false;
    int32_t total_s = hours * SECONDS_PER_HOUR + minutes * 60 + seconds;
    *out_s = is_negative ? -total_s : total_s;
    return true;
}

/* POSIX counts west of Greenwich as positive. */
static bool take_offset(struct oh_bytes *text, int32_t *out_s)
{
    int32_t west_s;
    if (!take_time(text, OFFSET_HOURS_MAX, &west_s))
        return false;
    *out_s = -west_s;
    return true;
}

static bool take_weekday(struct oh_bytes *text, struct oh_tz_moment *out)
{
    out->kind = OH_TZ_DAY_OF_WEEK;
    return take_number(text, 1, 12, &out->month) && take(text, '.') &&
           take_number(text, 1, LAST_WEEK, &out->week) && take(text, '.') &&
           take_number(text, 0, 6, &out->day);
}

static bool take_day(struct oh_bytes *text, struct oh_tz_moment *out)
{
    if (take(text, 'M'))
        return take_weekday(text, out);
    bool is_never_leap = take(text, 'J');
    out->kind = is_never_leap ? OH_TZ_DAY_NEVER_LEAP : OH_TZ_DAY_OF_YEAR;
    return take_number(text, is_never_leap ? 1 : 0, 365, &out->day);
}

static bool take_moment(struct oh_bytes *text, struct oh_tz_moment *out)
{
    *out = (struct oh_tz_moment){ .time_s = TIME_S };
    return take(text, ',') && take_day(text, out) &&
           (!take(text, '/') || take_time(text, TIME_HOURS_MAX, &out->time_s));
}

static bool take_summer(struct oh_bytes *text, struct oh_tz_rule *rule)
{
    rule->has_summer = true;
    rule->summer_s = rule->standard_s + SUMMER_S;
    if (!take_name(text))
        return false;
    bool has_offset = text->size > 0 && text->data[0] != ',';
    return (!has_offset || take_offset(text, &rule->summer_s)) && take_moment(text, &rule->summer_from) &&
           take_moment(text, &rule->summer_until);
}

enum oh_err oh_tz_rule_parse(struct oh_bytes text, struct oh_tz_rule *out)
{
    struct oh_tz_rule rule = { 0 };
    if (!take_name(&text) || !take_offset(&text, &rule.standard_s))
        return OH_E_SYNTAX;
    if (text.size > 0 && !take_summer(&text, &rule))
        return OH_E_SYNTAX;
    if (text.size > 0)
        return OH_E_SYNTAX;
    *out = rule;
    return OH_OK;
}

/* ---- Years ------------------------------------------------------------------------------------ */

static int64_t first_of_month(int64_t year, int32_t month)
{
    return oh_civil_to_days((struct oh_civil){ year, (uint32_t)month, 1 });
}

/* From Sunday on, as POSIX counts. */
static int32_t weekday_of(int64_t day)
{
    return (int32_t)(oh_civil_weekday(day) + 1) % 7;
}

static int64_t day_of_weekday(const struct oh_tz_moment *moment, int64_t year)
{
    int64_t first = first_of_month(year, moment->month);
    int64_t end = moment->month == 12 ? first_of_month(year + 1, 1) : first_of_month(year, moment->month + 1);
    int64_t day = first + (moment->day - weekday_of(first) + 7) % 7 + (int64_t)(moment->week - 1) * 7;
    return day < end ? day : day - 7;
}

static int64_t day_of(const struct oh_tz_moment *moment, int64_t year)
{
    if (moment->kind == OH_TZ_DAY_OF_WEEK)
        return day_of_weekday(moment, year);
    if (moment->kind == OH_TZ_DAY_OF_YEAR)
        return first_of_month(year, 1) + moment->day;
    if (moment->day <= DAYS_TO_28_FEB)
        return first_of_month(year, 1) + moment->day - 1;
    return first_of_month(year, 3) + moment->day - DAYS_TO_28_FEB - 1;
}

/* On a clock that shows UTC plus offset_s. */
static int64_t moment_at_s(const struct oh_tz_moment *moment, int64_t year, int32_t offset_s)
{
    return day_of(moment, year) * SECONDS_PER_DAY + moment->time_s - offset_s;
}

void oh_tz_rule_year(const struct oh_tz_rule *rule, int64_t year, struct oh_tz_shift out[static 2])
{
    OH_ASSERT(rule->has_summer);
    struct oh_tz_shift summer = { moment_at_s(&rule->summer_from, year, rule->standard_s), rule->summer_s };
    struct oh_tz_shift standard = { moment_at_s(&rule->summer_until, year, rule->summer_s),
                                    rule->standard_s };
    bool is_north = summer.at_s <= standard.at_s;
    out[0] = is_north ? summer : standard;
    out[1] = is_north ? standard : summer;
}
