/*
 * decimal.h - quantities as text: exact decimals with at most 3 fraction
 * digits, held as 64-bit thousandths. Any thread: pure.
 */
#ifndef ONHAND_CODEC_DECIMAL_H
#define ONHAND_CODEC_DECIMAL_H

#include "base/strbuf.h"
#include "onhand/bytes.h"
#include "onhand/error.h"
#include <stdbool.h>
#include <stdint.h>

/* The most bytes of a decimal as written: a sign, 16 digits, a point, 3 digits. */
#define OH_MILLI_TEXT_SIZE_MAX 21

/*
 * oh_milli_parse - read "-12.5" as -12500.
 *
 * Shapes: an optional '-', one or more digits, optionally a point and one or more digits; no exponent, no
 *         spaces. Zeros after the third fraction digit are read and change nothing ("1.5000").
 * Errors: OH_E_SYNTAX: not such a text. OH_E_INVALID: more than 3 fraction digits. OH_E_TOO_LARGE: does not
 *         fit.
 */
OH_MUST_CHECK enum oh_err oh_milli_parse(struct oh_bytes text, int64_t *out_milli);

void oh_milli_put_any(struct oh_strbuf *buf, int64_t milli);

/* Writes the shortest text: "5.5", "8", "0.125", "-0.001". */
static inline void oh_milli_put(struct oh_strbuf *buf, int64_t milli)
{
    uint32_t few = (uint32_t)milli;
    if (milli >= 0 && milli < 10000 && few % 1000 == 0) /* most quantities */
        oh_strbuf_put_char(buf, (char)('0' + few / 1000));
    else
        oh_milli_put_any(buf, milli);
}

/*
 * oh_milli_from_double - the exact thousandths of a JSON number.
 *
 * Pre:    `value` was read from a decimal of at most 15 significant digits (the guard of JSON bodies sees to
 *         it); only then is the double as good as the text.
 * Errors: OH_E_TOO_LARGE: beyond +-1,000,000,000,000 units, or not finite. OH_E_INVALID: more than 3 fraction
 *         digits.
 */
OH_MUST_CHECK static inline enum oh_err oh_milli_from_double(double value, int64_t *out_milli)
{
    const double scaled_max = 1e15; /* below 2^53: every whole number up to here is a double */
    double scaled = value * 1000;
    if (!(scaled >= -scaled_max && scaled <= scaled_max))
        return OH_E_TOO_LARGE;
    /*
     * Two decimals of at most 15 digits that are the same double are the same decimal, so the nearest
     * thousandth is what was written exactly when it reads back as the same double. The division is correctly
     * rounded.
     */
    int64_t milli = (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    if ((double)milli / 1000 != value)
        return OH_E_INVALID;
    *out_milli = milli;
    return OH_OK;
}

/*
 * oh_real_parse - read a plain decimal ("-1.285") as a double, for degrees and kilometres, never for
 * quantities.
 *
 * Shapes: as oh_milli_parse, at most 32 bytes.
 * Errors: OH_E_SYNTAX.
 */
OH_MUST_CHECK enum oh_err oh_real_parse(struct oh_bytes text, double *out_value);

/* What oh_real_put says of a finite double, read again: what is kept of a number with more digits is what is said. */
double oh_real_round(double value);

/* Writes a finite double with up to 15 significant digits, as JSON. */
void oh_real_put(struct oh_strbuf *buf, double value);

/* Reads an optional '-' and 1 to 18 digits. Errors: OH_E_SYNTAX, OH_E_TOO_LARGE (more digits). */
OH_MUST_CHECK enum oh_err oh_integer_parse(struct oh_bytes text, int64_t *out_value);

#endif
