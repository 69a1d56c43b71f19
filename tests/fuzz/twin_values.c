#include "fuzz/twin_values.h"
#include "base/assert.h"
#include "fuzz/fuzz.h"
#include "onhand/types.h"
#include <string.h>
#include <time.h>

#define FROM_DOUBLE_MAX  INT64_C(1000000000000000)
#define WHOLE_DIGITS_MAX 25u /* beyond, a decimal is too large in any case */
#define SHIFT_MAX        18  /* powers of ten that, times 15 digits, stay far inside 128 bits */
#define US_PER_SECOND    1000000

/* ---- Texts ------------------------------------------------------------------------------------ */

bool twin_has_form(const char *pattern, const char *text, regmatch_t out_groups[TWIN_GROUPS_MAX])
{
    static struct {
        const char *pattern;
        regex_t form;
    } known[4];
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].pattern == NULL) {
            int failed = regcomp(&known[i].form, pattern, REG_EXTENDED);
            OH_ASSERT(failed == 0);
            known[i].pattern = pattern;
        }
        if (known[i].pattern == pattern)
            return regexec(&known[i].form, text, TWIN_GROUPS_MAX, out_groups, 0) == 0;
    }
    OH_UNREACHABLE();
}

const char twin_decimal_form[] = "^(-?)([0-9]+)(\\.([0-9]+))?$";
const char twin_integer_form[] = "^(-?)([0-9]+)$";
static const char time_form[] = "^([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})"
                                "(\\.([0-9]{1,9}))?([Zz]|([+-])([0-9]{2}):([0-9]{2}))$";
static const char date_form[] = "^([0-9]{4})-([0-9]{2})-([0-9]{2})$";

size_t twin_group_size(regmatch_t group)
{
    return group.rm_so < 0 ? 0 : (size_t)(group.rm_eo - group.rm_so);
}

twin_wide twin_digits(const char *text, size_t size)
{
    twin_wide value = 0;
    for (size_t i = 0; i < size; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

enum oh_err twin_milli(const char *text, int64_t *out)
{
    regmatch_t groups[TWIN_GROUPS_MAX];
    char fraction[] = "000";
    if (!twin_has_form(twin_decimal_form, text, groups))
        return OH_E_SYNTAX;
    const char *whole = text + groups[2].rm_so;
    size_t whole_size = twin_group_size(groups[2]);
    size_t fraction_size = twin_group_size(groups[4]);
    for (size_t i = 0; i < fraction_size; i++) {
        char c = text[groups[4].rm_so + (regoff_t)i];
        if (i < 3)
            fraction[i] = c;
        else if (c != '0' && !(i == 3 && fuzz_is_planted()))
            return OH_E_INVALID;
    }
    while (whole_size > 1 && *whole == '0') {
        whole++;
        whole_size--;
    }
    if (whole_size > WHOLE_DIGITS_MAX)
        return OH_E_TOO_LARGE;
    twin_wide value = twin_digits(whole, whole_size) * 1000 + twin_digits(fraction, 3);
    value = twin_group_size(groups[1]) != 0 ? -value : value;
    if (value < INT64_MIN || value > INT64_MAX)
        return OH_E_TOO_LARGE;
    *out = (int64_t)value;
    return OH_OK;
}

enum oh_err twin_milli_of(int64_t mantissa, int exponent, int64_t *out)
{
    twin_wide numerator = mantissa;
    twin_wide denominator = 1;
    int shift = exponent + 3;
    if (mantissa != 0 && shift > SHIFT_MAX)
        return OH_E_TOO_LARGE;
    /* 15 digits have no more zeros than that at their end. */
    shift = shift < -SHIFT_MAX ? -SHIFT_MAX : shift;
    for (int i = 0; mantissa != 0 && i < shift; i++)
        numerator *= 10;
    for (int i = 0; i < -shift; i++)
        denominator *= 10;
    twin_wide magnitude = numerator < 0 ? -numerator : numerator;
    if (magnitude > FROM_DOUBLE_MAX * denominator)
        return OH_E_TOO_LARGE;
    if (numerator % denominator != 0)
        return OH_E_INVALID;
    *out = (int64_t)(numerator / denominator);
    return OH_OK;
}

static int group_number(const char *text, regmatch_t group)
{
    return (int)twin_digits(text + group.rm_so, twin_group_size(group));
}

/* A date that the calendar would rather call another is none. */
static bool twin_day(const char *text, const regmatch_t *groups, time_t *out)
{
    struct tm tm = { .tm_year = group_number(text, groups[1]) - 1900,
                     .tm_mon = group_number(text, groups[2]) - 1,
                     .tm_mday = group_number(text, groups[3]) };
    struct tm same = tm;
    *out = timegm(&same);
    return same.tm_year == tm.tm_year && same.tm_mon == tm.tm_mon && same.tm_mday == tm.tm_mday;
}

static enum oh_err twin_in_range(twin_wide at_us, int64_t *out)
{
    if (at_us < 0 || at_us >= OH_TIME_US_MAX)
        return OH_E_TOO_LARGE;
    *out = (int64_t)at_us;
    return OH_OK;
}

enum oh_err twin_time(const char *text, int64_t *out)
{
    regmatch_t groups[TWIN_GROUPS_MAX];
    time_t day;
    char micro[] = "000000";
    if (!twin_has_form(time_form, text, groups) || !twin_day(text, groups, &day))
        return OH_E_SYNTAX;
    int hour = group_number(text, groups[4]);
    int minute = group_number(text, groups[5]);
    int second = group_number(text, groups[6]);
    int east_hour = 0;
    int east_minute = 0;
    if (twin_group_size(groups[10]) != 0) {
        east_hour = group_number(text, groups[11]);
        east_minute = group_number(text, groups[12]);
    }
    if (hour > 23 || minute > 59 || second > 59 || east_hour > 23 || east_minute > 59)
        return OH_E_SYNTAX;
    int east_seconds = east_hour * 3600 + east_minute * 60;
    if (twin_group_size(groups[10]) != 0 && text[groups[10].rm_so] == '-')
        east_seconds = -east_seconds;
    memcpy(micro, text + groups[8].rm_so, twin_group_size(groups[8]) < 6 ? twin_group_size(groups[8]) : 6);
    twin_wide seconds = (twin_wide)day + hour * 3600 + minute * 60 + second - east_seconds;
    return twin_in_range(seconds * US_PER_SECOND + twin_digits(micro, 6), out);
}

enum oh_err twin_time_or_date(const char *text, int64_t *out)
{
    regmatch_t groups[TWIN_GROUPS_MAX];
    time_t day;
    if (!twin_has_form(date_form, text, groups))
        return twin_time(text, out);
    return twin_day(text, groups, &day) ? twin_in_range((twin_wide)day * US_PER_SECOND, out) : OH_E_SYNTAX;
}
