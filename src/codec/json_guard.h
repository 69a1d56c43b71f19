/*
 * json_guard.h - is this a JSON text we are willing to read, and where is what in it?
 *
 * One pass over the bytes, no recursion: strict RFC 8259 grammar, UTF-8, and
 * the limits below. On its way the guard notes each value it passes, so that
 * who binds them (json_bind.h) neither looks for them again nor copies them.
 * cJSON, which is laxer than this on every point, is only given what passed.
 * Any thread: pure.
 *
 * Not here: which fields an object may have, and fields given twice; the
 * binder (json_bind.h) knows, since no object here is free-form.
 */
#ifndef ONHAND_CODEC_JSON_GUARD_H
#define ONHAND_CODEC_JSON_GUARD_H

#include "codec/fault.h"
#include "onhand/bytes.h"
#include "onhand/error.h"
#include <stdbool.h>
#include <stdint.h>

#define OH_JSON_DEPTH_MAX       16u     /* arrays and objects inside each other */
#define OH_JSON_VALUES_MAX      262144u /* values of one body, of every type */
#define OH_JSON_DIGITS_MAX      15u     /* significant digits of a number: what a double keeps exactly */
#define OH_JSON_NUMBER_SIZE_MAX 40u     /* bytes of one number */

enum oh_json_type {
    OH_JSON_NULL,
    OH_JSON_FALSE,
    OH_JSON_TRUE,
    OH_JSON_NUMBER,
    OH_JSON_STRING,
    OH_JSON_ARRAY,
    OH_JSON_OBJECT,
};

/*
 * One value, or the name of a member. They come in the order of the text: an array or object, then what is in it (of a
 * member its name, then its value), then what is behind it.
 */
struct oh_json_value {
    uint32_t at; /* its first byte; of a string, the one behind the quote */
    uint8_t type;
    bool has_escapes; /* of a string */
    bool is_rounded;  /* of a number: it had more than OH_JSON_DIGITS_MAX digits, and is the nearest of so many */
    union {
        double number;
        uint32_t size; /* of a string: bytes as written */
        struct {
            uint32_t count; /* elements or members */
            uint32_t next;  /* the index of what is behind it */
        };
    };
};

/*
 * oh_json_read - check one whole body, and note its values.
 *
 * Shapes: body.size < 2^32 (asserted). values[0..capacity) is filled with values[0..*out_count), the first being the
 *         outermost one.
 * Errors: as oh_json_guard, but numbers with more digits are read, and `is_rounded`: what they are for decides.
 *         OH_E_FULL, without a fault: there are more than `capacity`.
 */
OH_MUST_CHECK enum oh_err oh_json_read(struct oh_bytes body, struct oh_json_value *values, uint32_t capacity,
                                       uint32_t *out_count, struct oh_fault *fault);

/* What a string that passed the guard says, in UTF-8. Returns its size, at most raw.size. */
size_t oh_json_unescape(struct oh_bytes raw, char *out);

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
