/*
 * twin_values.h - decimals and times read once more: POSIX regular expressions for the grammar, 128-bit integers for
 * decimals, timegm for times.
 *
 * Written from decimal.h and time_text.h; shares no code with src/codec. Texts end at a NUL. The same errors as there,
 * *out untouched on error. One thread.
 */
#ifndef ONHAND_TESTS_FUZZ_TWIN_VALUES_H
#define ONHAND_TESTS_FUZZ_TWIN_VALUES_H

#include "onhand/error.h"
#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TWIN_GROUPS_MAX 13u

__extension__ typedef __int128 twin_wide;

extern const char twin_decimal_form[]; /* groups: 1 '-', 2 whole, 4 fraction */
extern const char twin_integer_form[]; /* groups: 1 '-', 2 digits */

/* Whether the whole text has this form; out_groups: where its parts are. `pattern` is a constant. */
bool twin_has_form(const char *pattern, const char *text, regmatch_t out_groups[TWIN_GROUPS_MAX]);
size_t twin_group_size(regmatch_t group);
twin_wide twin_digits(const char *text, size_t size);

enum oh_err twin_milli(const char *text, int64_t *out);

/* What thousandths mantissa * 10^exponent is, exactly. A mantissa of at most 15 digits. */
enum oh_err twin_milli_of(int64_t mantissa, int exponent, int64_t *out);

enum oh_err twin_time(const char *text, int64_t *out);
enum oh_err twin_time_or_date(const char *text, int64_t *out);

#endif
