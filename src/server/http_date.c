#include "server/http_date.h"
#include "base/checked.h"
#include "base/civil.h"
#include <string.h>

#define SECONDS_PER_DAY 86400
#define DATE_S_MIN INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define DATE_S_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

static const char day_names[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static void date_write_pair(char *out, int64_t value)
{
    out[0] = (char)('0' + value / 10 % 10);
    out[1] = (char)('0' + value % 10);
}

void oh_http_date_write(int64_t at_s, char out_text[OH_HTTP_DATE_SIZE])
{
    int64_t clamped = oh_max_i64(DATE_S_MIN, oh_min_i64(DATE_S_MAX, at_s));
    int64_t second = clamped % SECONDS_PER_DAY;
    if (second < 0)
        second += SECONDS_PER_DAY;
    int64_t days = (clamped - second) / SECONDS_PER_DAY;
    int64_t weekday = ((days % 7) + 7) % 7;
    struct oh_civil civil = oh_civil_from_days(days);

    memcpy(out_text, "Thu, 00 Jan 0000 00:00:00 GMT", OH_HTTP_DATE_SIZE);
    memcpy(out_text, day_names + 3 * weekday, 3);
    date_write_pair(out_text + 5, civil.day);
    memcpy(out_text + 8, month_names + 3 * (civil.month - 1), 3);
    date_write_pair(out_text + 12, civil.year / 100);
    date_write_pair(out_text + 14, civil.year % 100);
    date_write_pair(out_text + 17, second / 3600);
    date_write_pair(out_text + 20, second / 60 % 60);
    date_write_pair(out_text + 23, second % 60);
}
