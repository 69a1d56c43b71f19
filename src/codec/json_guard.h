/*
 * json_guard.h - is this a JSON text we are willing to build a tree of?
 *
 * One pass over the bytes, no memory, no recursion, before any parser sees
 * them: strict RFC 8259 grammar, UTF-8, and the limits below. What passes is
 * parsed by cJSON, which is laxer than this on every point. Any thread: pure.
 *
 * Not here: which fields an object may have, and fields given twice; the
 * binder (json_bind.h) knows, since no object here is free-form.
 */
#ifndef ONHAND_CODEC_JSON_GUARD_H
#define ONHAND_CODEC_JSON_GUARD_H

#include "codec/fault.h"
#include "onhand/bytes.h"
#include "onhand/error.h"

#define OH_JSON_DEPTH_MAX       16u     /* arrays and objects inside each other */
#define OH_JSON_VALUES_MAX      262144u /* values of one body, of every type */
#define OH_JSON_DIGITS_MAX      15u     /* significant digits of a number: what a double keeps exactly */
#define OH_JSON_NUMBER_SIZE_MAX 40u     /* bytes of one number */

/*
 * oh_json_guard - check one whole body.
 *
 * Errors: OH_E_SYNTAX, with *fault saying what is wrong and where: empty_body, invalid_json (grammar, NaN,
 *         trailing bytes), invalid_encoding (not UTF-8, \u0000, half a surrogate pair), too_deep, too_many,
 *         number_not_exact (more digits than OH_JSON_DIGITS_MAX), out_of_range (1e400).
 * Cost:   O(size).
 */
OH_MUST_CHECK enum oh_err oh_json_guard(struct oh_bytes body, struct oh_fault *fault);

#endif
