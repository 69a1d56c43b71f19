/*
 * fuzz_values.c - decimals, integers and times against a twin.
 *
 * Input: any text; its first bytes are also taken as numbers to write.
 * Law: the same verdict, the same error and the same value as the twin (twin_values.h), and the same text as printf and
 * strftime.
 */
#include "base/assert.h"
#include "codec/decimal.h"
#include "codec/time_text.h"
#include "fuzz/fuzz.h"
#include "fuzz/twin_values.h"
#include "onhand/types.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TEXT_SIZE_MAX 128u
#define MANTISSA_MAX  INT64_C(999999999999999) /* 15 digits: what JSON may send */
#define US_PER_SECOND 1000000
#define DIGITS_EXACT  15u

/* ---- Decimals --------------------------------------------------------------------------------- */

static void milli_check(const char *text, size_t size)
{
    int64_t mine = 0;
    int64_t twins = 0;
    enum oh_err err = oh_milli_parse((struct oh_bytes){ text, size }, &mine);
    enum oh_err twin_err = twin_milli(text, &twins);
    OH_ASSERT(err == twin_err);
    OH_ASSERT(mine == twins);
}

static void milli_put_check(int64_t milli)
{
    char text[64];
    struct oh_strbuf buf;
    twin_wide magnitude = milli < 0 ? -(twin_wide)milli : milli;
    size_t size = (size_t)snprintf(text, sizeof(text), "%s%" PRIu64 ".%03u", milli < 0 ? "-" : "",
                                   (uint64_t)(magnitude / 1000), (unsigned)(magnitude % 1000));
    while (text[size - 1] == '0')
        size--;
    size -= text[size - 1] == '.' ? 1 : 0;
    oh_strbuf_init(&buf, sizeof(text));
    oh_milli_put(&buf, milli);
    OH_ASSERT(oh_bytes_equal(oh_strbuf_bytes(&buf), (struct oh_bytes){ text, size }));
    oh_strbuf_fini(&buf);
}

static void from_double_check(int64_t mantissa, int exponent)
{
    char text[64];
    int64_t mine = 0;
    int64_t twins = 0;
    (void)snprintf(text, sizeof(text), "%" PRId64 "e%d", mantissa, exponent);
    enum oh_err err = oh_milli_from_double(strtod(text, NULL), &mine);
    enum oh_err twin_err = twin_milli_of(mantissa, exponent, &twins);
    OH_ASSERT(err == twin_err);
    OH_ASSERT(mine == twins);
}

/* Whole numbers below 2^53 and powers of ten are doubles, and a division is correctly rounded. */
static void real_check(const char *text, size_t size)
{
    regmatch_t groups[TWIN_GROUPS_MAX];
    double mine = 0;
    enum oh_err err = oh_real_parse((struct oh_bytes){ text, size }, &mine);
    bool is_decimal = size <= 32 && twin_has_form(twin_decimal_form, text, groups);
    OH_ASSERT(err == (is_decimal ? OH_OK : OH_E_SYNTAX));
    if (!is_decimal || twin_group_size(groups[2]) + twin_group_size(groups[4]) > DIGITS_EXACT)
        return;
    double twins = (double)twin_digits(text + groups[2].rm_so, twin_group_size(groups[2]));
    double power = 1;
    for (size_t i = 0; i < twin_group_size(groups[4]); i++) {
        twins = twins * 10 + (text[groups[4].rm_so + (regoff_t)i] - '0');
        power *= 10;
    }
    twins /= power;
    OH_ASSERT(mine == (twin_group_size(groups[1]) != 0 ? -twins : twins));
}

static void integer_check(const char *text, size_t size)
{
    regmatch_t groups[TWIN_GROUPS_MAX];
    int64_t mine = 0;
    enum oh_err err = oh_integer_parse((struct oh_bytes){ text, size }, &mine);
    if (!twin_has_form(twin_integer_form, text, groups)) {
        OH_ASSERT(err == OH_E_SYNTAX);
        return;
    }
    OH_ASSERT(err == (twin_group_size(groups[2]) > 18 ? OH_E_TOO_LARGE : OH_OK));
    if (err == OH_OK)
        OH_ASSERT(mine == strtoll(text, NULL, 10));
}

/* ---- Times ------------------------------------------------------------------------------------ */

static void time_check(const char *text, size_t size)
{
    struct oh_bytes bytes = { text, size };
    int64_t mine = 0;
    int64_t twins = 0;
    enum oh_err err = oh_time_parse(bytes, &mine);
    enum oh_err twin_err = twin_time(text, &twins);
    OH_ASSERT(err == twin_err && mine == twins);
    err = oh_time_or_date_parse(bytes, &mine);
    twin_err = twin_time_or_date(text, &twins);
    OH_ASSERT(err == twin_err && mine == twins);
}

static void time_put_check(int64_t at_us)
{
    char text[64];
    char fraction[16] = "";
    struct tm tm;
    struct oh_strbuf buf;
    time_t seconds = (time_t)(at_us / US_PER_SECOND);
    int micro = (int)(at_us % US_PER_SECOND);
    if (micro % 1000 != 0)
        (void)snprintf(fraction, sizeof(fraction), ".%06d", micro);
    else if (micro != 0)
        (void)snprintf(fraction, sizeof(fraction), ".%03d", micro / 1000);
    struct tm *is_civil = gmtime_r(&seconds, &tm);
    OH_ASSERT(is_civil != NULL);
    size_t size = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    size += (size_t)snprintf(text + size, sizeof(text) - size, "%sZ", fraction);
    oh_strbuf_init(&buf, sizeof(text));
    oh_time_put(&buf, at_us);
    OH_ASSERT(oh_bytes_equal(oh_strbuf_bytes(&buf), (struct oh_bytes){ text, size }));
    oh_strbuf_fini(&buf);
}

/* ---- Running ---------------------------------------------------------------------------------- */

/* Numbers of every length, from the same bytes. */
static void numbers_check(const uint8_t *data)
{
    int64_t number;
    memcpy(&number, data, sizeof(number));
    int64_t shorter = number >> (data[8] % 64);
    milli_put_check(number);
    milli_put_check(shorter);
    from_double_check(shorter % (MANTISSA_MAX + 1), data[9] % 32 - 20);
    time_put_check((int64_t)((uint64_t)number % (uint64_t)OH_TIME_US_MAX));
    time_put_check((int64_t)((uint64_t)shorter % (uint64_t)OH_TIME_US_MAX) / 1000 * 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TEXT_SIZE_MAX + 1];
    if (size > TEXT_SIZE_MAX)
        return 0;
    if (size >= 10)
        numbers_check(data);
    memcpy(text, data, size);
    text[size] = '\0';
    /* To a regular expression a text ends at a NUL: such bytes are fuzz_text's. */
    if (memchr(text, '\0', size) != NULL)
        return 0;
    milli_check(text, size);
    real_check(text, size);
    integer_check(text, size);
    time_check(text, size);
    return 0;
}
