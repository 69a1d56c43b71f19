/*
 * fuzz_text.c - decimals, integers, degrees and times as text.
 *
 * Law: what is read is written as text that reads as the same value, within the stated size.
 */
#include "base/assert.h"
#include "codec/decimal.h"
#include "codec/time_text.h"
#include "fuzz/fuzz.h"
#include "onhand/types.h"
#include <math.h>

#define TEXT_SIZE_MAX 64u

static void milli_check(struct oh_bytes text, struct oh_strbuf *buf)
{
    int64_t milli = 0;
    int64_t again = 0;
    if (oh_milli_parse(text, &milli) != OH_OK)
        return;
    oh_strbuf_clear(buf);
    oh_milli_put(buf, milli);
    OH_ASSERT(!buf->is_overflowed && buf->size <= OH_MILLI_TEXT_SIZE_MAX);
    enum oh_err err = oh_milli_parse(oh_strbuf_bytes(buf), &again);
    OH_ASSERT(err == OH_OK && again == milli);
}

/* Only a decimal of at most 15 digits is as good as a double; of such, both readers must say the same. */
static void double_check(struct oh_bytes text)
{
    int64_t milli = 0;
    int64_t from_double = 0;
    double value = 0;
    bool is_short = text.size <= 15;
    if (!is_short || oh_real_parse(text, &value) != OH_OK)
        return;
    enum oh_err exact = oh_milli_parse(text, &milli);
    enum oh_err rounded = oh_milli_from_double(value, &from_double);
    if (rounded == OH_E_TOO_LARGE)
        return;
    OH_ASSERT(exact == rounded);
    OH_ASSERT(exact != OH_OK || milli == from_double);
}

static void real_check(struct oh_bytes text, struct oh_strbuf *buf)
{
    double value = 0;
    double again = 0;
    if (oh_real_parse(text, &value) != OH_OK)
        return;
    OH_ASSERT(isfinite(value));
    oh_strbuf_clear(buf);
    oh_real_put(buf, value);
    OH_ASSERT(!buf->is_overflowed && buf->size > 0);
    /* Beyond 1e15 it is written with an exponent, which is JSON and not a plain decimal. */
    if (fabs(value) >= 1e15 || (value != 0 && fabs(value) < 1e-3))
        return;
    enum oh_err err = oh_real_parse(oh_strbuf_bytes(buf), &again);
    OH_ASSERT(err == OH_OK && fabs(again - value) <= fabs(value) * 1e-14);
}

static void integer_check(struct oh_bytes text, struct oh_strbuf *buf)
{
    int64_t value = 0;
    int64_t again = 0;
    if (oh_integer_parse(text, &value) != OH_OK)
        return;
    oh_strbuf_clear(buf);
    oh_strbuf_put_i64(buf, value);
    enum oh_err err = oh_integer_parse(oh_strbuf_bytes(buf), &again);
    OH_ASSERT(err == OH_OK && again == value);
}

static void time_check(struct oh_bytes text, struct oh_strbuf *buf)
{
    int64_t at_us = 0;
    int64_t again_us = 0;
    bool is_time = oh_time_parse(text, &at_us) == OH_OK;
    if (is_time) {
        enum oh_err either = oh_time_or_date_parse(text, &again_us);
        OH_ASSERT(either == OH_OK && again_us == at_us);
    }
    if (!is_time && oh_time_or_date_parse(text, &at_us) != OH_OK)
        return;
    OH_ASSERT(at_us >= 0 && at_us < OH_TIME_US_MAX);
    oh_strbuf_clear(buf);
    oh_time_put(buf, at_us);
    OH_ASSERT(!buf->is_overflowed && buf->size <= OH_TIME_TEXT_SIZE_MAX);
    enum oh_err err = oh_time_parse(oh_strbuf_bytes(buf), &again_us);
    OH_ASSERT(err == OH_OK && again_us == at_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oh_bytes text = { (const char *)data, size };
    struct oh_strbuf buf;
    oh_strbuf_init(&buf, TEXT_SIZE_MAX);
    milli_check(text, &buf);
    double_check(text);
    real_check(text, &buf);
    integer_check(text, &buf);
    time_check(text, &buf);
    oh_strbuf_fini(&buf);
    return 0;
}
