#include "codec/decimal.h"
#include "base/assert.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MILLI_PER_UNIT      1000
#define FRACTION_DIGITS_MAX 3
#define REAL_TEXT_SIZE_MAX  32u
#define REAL_DIGITS_MAX     15u
#define INTEGER_DIGITS_MAX  18u

/* Of a number whose thousandths may fit: (2^63 - 1) / 1000 has 16. */
#define MILLI_WHOLE_DIGITS_MAX 16u

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The number of digits at text[at..). */
static size_t digits_at(struct oh_bytes text, size_t at)
{
    size_t end = at;
    while (end < text.size && is_digit(text.data[end]))
        end++;
    return end - at;
}

/* A decimal cut into its parts: [-] whole [. fraction]. */
struct decimal_parts {
    bool is_negative;
    size_t whole_at;
    size_t whole_size;
    size_t fraction_at;
    size_t fraction_size;
};

static bool decimal_split(struct oh_bytes text, struct decimal_parts *out)
{
    bool is_negative = text.size > 0 && text.data[0] == '-';
    size_t whole_at = is_negative ? 1 : 0;
    size_t whole_size = digits_at(text, whole_at);
    size_t end = whole_at + whole_size;
    size_t fraction_size = 0;
    if (whole_size == 0)
        return false;
    if (end < text.size) {
        if (text.data[end] != '.')
            return false;
        fraction_size = digits_at(text, end + 1);
        if (fraction_size == 0 || end + 1 + fraction_size != text.size)
            return false;
    }
    *out = (struct decimal_parts){ is_negative, whole_at, whole_size, end + 1, fraction_size };
    return true;
}

/* The number of zeros at the start of text[at..at + size). */
static size_t zeros_at(struct oh_bytes text, size_t at, size_t size)
{
    size_t count = 0;
    while (count < size && text.data[at + count] == '0')
        count++;
    return count;
}

enum oh_err oh_milli_parse(struct oh_bytes text, int64_t *out_milli)
{
    struct decimal_parts parts;
    if (!decimal_split(text, &parts))
        return OH_E_SYNTAX;
    for (size_t i = FRACTION_DIGITS_MAX; i < parts.fraction_size; i++)
        if (text.data[parts.fraction_at + i] != '0')
            return OH_E_INVALID;
    size_t zeros = zeros_at(text, parts.whole_at, parts.whole_size);
    if (parts.whole_size - zeros > MILLI_WHOLE_DIGITS_MAX)
        return OH_E_TOO_LARGE;
    uint64_t magnitude = 0; /* with all its digits below 2^64 */
    for (size_t i = zeros; i < parts.whole_size; i++)
        magnitude = magnitude * 10 + (uint64_t)(text.data[parts.whole_at + i] - '0');
    for (size_t i = 0; i < FRACTION_DIGITS_MAX; i++)
        magnitude = magnitude * 10 + (i < parts.fraction_size ? (uint64_t)(text.data[parts.fraction_at + i] - '0') : 0);
    if (magnitude > (uint64_t)INT64_MAX + parts.is_negative)
        return OH_E_TOO_LARGE;
    *out_milli = parts.is_negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return OH_OK;
}

/* Writes a fraction that is not 0: ".5", ".05", ".125". */
static void fraction_put(struct oh_strbuf *buf, unsigned milli)
{
    oh_strbuf_put_char(buf, '.');
    oh_strbuf_put_char(buf, (char)('0' + milli / 100));
    if (milli % 100 != 0)
        oh_strbuf_put_char(buf, (char)('0' + milli / 10 % 10));
    if (milli % 10 != 0)
        oh_strbuf_put_char(buf, (char)('0' + milli % 10));
}

void oh_milli_put_any(struct oh_strbuf *buf, int64_t milli)
{
    uint64_t magnitude = milli < 0 ? 0 - (uint64_t)milli : (uint64_t)milli;
    if (milli < 0)
        oh_strbuf_put_char(buf, '-');
    oh_strbuf_put_u64(buf, magnitude / MILLI_PER_UNIT);
    unsigned fraction = (unsigned)(magnitude % MILLI_PER_UNIT);
    if (fraction != 0)
        fraction_put(buf, fraction);
}

enum oh_err oh_real_parse(struct oh_bytes text, double *out_value)
{
    struct decimal_parts parts;
    char copy[REAL_TEXT_SIZE_MAX + 1];
    if (text.size > REAL_TEXT_SIZE_MAX || !decimal_split(text, &parts))
        return OH_E_SYNTAX;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    *out_value = strtod(copy, NULL);
    if (parts.whole_size + parts.fraction_size > REAL_DIGITS_MAX)
        *out_value = oh_real_round(*out_value);
    return OH_OK;
}

double oh_real_round(double value)
{
    char text[REAL_TEXT_SIZE_MAX + 1];
    snprintf(text, sizeof(text), "%.*g", (int)REAL_DIGITS_MAX, value);
    return strtod(text, NULL);
}

void oh_real_put(struct oh_strbuf *buf, double value)
{
    OH_ASSERT(isfinite(value));
    oh_strbuf_printf(buf, "%.*g", (int)REAL_DIGITS_MAX, value);
}

enum oh_err oh_integer_parse(struct oh_bytes text, int64_t *out_value)
{
    bool is_negative = text.size > 0 && text.data[0] == '-';
    size_t first = is_negative ? 1 : 0;
    size_t count = digits_at(text, first);
    if (count == 0 || first + count != text.size)
        return OH_E_SYNTAX;
    if (count > INTEGER_DIGITS_MAX)
        return OH_E_TOO_LARGE;
    int64_t value = 0;
    for (size_t i = first; i < text.size; i++)
        value = value * 10 + (text.data[i] - '0');
    *out_value = is_negative ? -value : value;
    return OH_OK;
}
