#include "codec/shape.h"
#include "base/assert.h"
#include "codec/decimal.h"
#include "codec/time_text.h"
#include "onhand/types.h"
#include <inttypes.h>

#define US_PER_MILLI     1000 /* thousandths of a second */
#define MILLI_PER_UNIT   1000
#define WHOLE_NUMBER_MAX 999999999999999.0 /* 15 digits: what a double keeps exactly */

static const char *const shape_type_texts[] = {
#define OH_SHAPE_ROW(name, text) [name] = (text),
    OH_SHAPE_TYPES(OH_SHAPE_ROW)
#undef OH_SHAPE_ROW
};

/* ---- Refusals --------------------------------------------------------------------------------- */

bool oh_shape_refuse_type(const struct oh_shape_field *field, struct oh_fault *fault)
{
    oh_fault_set(fault, OH_FAULT_WRONG_TYPE, oh_bytes_of(field->name), "%s is a %s.", field->name,
                 shape_type_texts[field->type]);
    return false;
}

static bool refuse_range(const struct oh_shape_field *field, int64_t min, int64_t max, const char *unit,
                         struct oh_fault *fault)
{
    oh_fault_set(fault, OH_FAULT_OUT_OF_RANGE, oh_bytes_of(field->name),
                 "%s is from %" PRId64 " to %" PRId64 "%s.", field->name, min, max, unit);
    return false;
}

static bool refuse_exactness(const struct oh_shape_field *field, struct oh_fault *fault)
{
    oh_fault_set(fault, OH_FAULT_NUMBER_NOT_EXACT, oh_bytes_of(field->name),
                 "%s has at most 3 decimals and 15 significant digits.", field->name);
    return false;
}

static bool refuse_value(const struct oh_shape_field *field, const char *reason, struct oh_fault *fault)
{
    oh_fault_set(fault, OH_FAULT_INVALID_VALUE, oh_bytes_of(field->name), "%s %s.", field->name, reason);
    return false;
}

/* ---- Values ----------------------------------------------------------------------------------- */

static void *field_at(const struct oh_shape_field *field, void *object)
{
    return (char *)object + field->offset;
}

static inline bool set_text(const struct oh_shape_field *field, void *object, struct oh_bytes text,
                     struct oh_fault *fault)
{
    if (oh_shape_field_takes_text(field, text)) {
        memcpy(field_at(field, object), &text, sizeof(text));
        return true;
    }
    if (text.size == 0)
        return refuse_value(field, "must not be empty", fault);
    oh_fault_set(fault, OH_FAULT_TOO_LONG, oh_bytes_of(field->name), "%s has at most %" PRId64 " bytes of UTF-8.",
                 field->name, field->max);
    return false;
}

static bool set_time(const struct oh_shape_field *field, void *object, struct oh_bytes text,
                     struct oh_fault *fault)
{
    int64_t at_us = 0;
    enum oh_err err =
        field->type == OH_SHAPE_TIME ? oh_time_parse(text, &at_us) : oh_time_or_date_parse(text, &at_us);
    if (err != OH_OK) {
        const char *reason = err == OH_E_TOO_LARGE ? "is from 1970-01-01 to 2199-12-31"
                                                   : "is a time like 2026-11-22T13:00:00Z (RFC 3339)";
        oh_fault_set(fault, OH_FAULT_INVALID_TIME, oh_bytes_of(field->name), "%s %s.", field->name, reason);
        return false;
    }
    memcpy(field_at(field, object), &at_us, sizeof(at_us));
    return true;
}

bool oh_shape_set_string(const struct oh_shape_field *field, void *object, struct oh_bytes text,
                         struct oh_fault *fault)
{
    if (field->type == OH_SHAPE_ID || field->type == OH_SHAPE_TEXT)
        return set_text(field, object, text, fault);
    if (field->type == OH_SHAPE_TIME || field->type == OH_SHAPE_TIME_OR_DATE)
        return set_time(field, object, text, fault);
    if (field->type != OH_SHAPE_WORD)
        return oh_shape_refuse_type(field, fault);
    return field->word(text, field_at(field, object)) ||
           refuse_value(field, "is not one of the known words", fault);
}

/* QUANTITY and AMOUNT. */
static inline bool set_quantity(const struct oh_shape_field *field, void *object, enum oh_err err, int64_t milli,
                         struct oh_fault *fault)
{
    int64_t min = field->type == OH_SHAPE_QUANTITY ? -field->max : 0;
    if (err == OH_E_TOO_LARGE || (err == OH_OK && (milli > field->max || milli < min)))
        return refuse_range(field, min / MILLI_PER_UNIT, field->max / MILLI_PER_UNIT, "", fault);
    if (err != OH_OK)
        return refuse_exactness(field, fault);
    memcpy(field_at(field, object), &milli, sizeof(milli));
    return true;
}

static bool set_seconds(const struct oh_shape_field *field, void *object, enum oh_err err, int64_t milli,
                        struct oh_fault *fault)
{
    int64_t max_milli = field->max / US_PER_MILLI;
    if (err == OH_E_TOO_LARGE || (err == OH_OK && (milli < 0 || milli > max_milli)))
        return refuse_range(field, 0, max_milli / MILLI_PER_UNIT, " seconds", fault);
    if (err != OH_OK)
        return refuse_exactness(field, fault);
    int64_t span_us = milli * US_PER_MILLI;
    memcpy(field_at(field, object), &span_us, sizeof(span_us));
    return true;
}

static inline bool set_whole(const struct oh_shape_field *field, void *object, int64_t value, struct oh_fault *fault)
{
    if (value < field->min || value > field->max)
        return refuse_range(field, field->min, field->max, "", fault);
    if (field->type == OH_SHAPE_I64) {
        memcpy(field_at(field, object), &value, sizeof(value));
    } else if (field->type == OH_SHAPE_I32) {
        int32_t narrow = (int32_t)value;
        memcpy(field_at(field, object), &narrow, sizeof(narrow));
    } else {
        uint32_t narrow = (uint32_t)value;
        memcpy(field_at(field, object), &narrow, sizeof(narrow));
    }
    return true;
}

static bool set_whole_of_double(const struct oh_shape_field *field, void *object, double value,
                                struct oh_fault *fault)
{
    if (!(value >= -WHOLE_NUMBER_MAX && value <= WHOLE_NUMBER_MAX))
        return refuse_range(field, field->min, field->max, "", fault);
    int64_t whole = (int64_t)value;
    if ((double)whole != value)
        return refuse_value(field, "is a whole number", fault);
    return set_whole(field, object, whole, fault);
}

static bool set_real(const struct oh_shape_field *field, void *object, double value, struct oh_fault *fault)
{
    if (!(value >= (double)field->min && value <= (double)field->max))
        return refuse_range(field, field->min, field->max, "", fault);
    memcpy(field_at(field, object), &value, sizeof(value));
    return true;
}

bool oh_shape_set_number(const struct oh_shape_field *field, void *object, double value,
                         struct oh_fault *fault)
{
    int64_t milli = 0;
    if (field->type == OH_SHAPE_QUANTITY || field->type == OH_SHAPE_AMOUNT || field->type == OH_SHAPE_SECONDS) {
        enum oh_err err = oh_milli_from_double(value, &milli);
        return field->type == OH_SHAPE_SECONDS ? set_seconds(field, object, err, milli, fault)
                                               : set_quantity(field, object, err, milli, fault);
    }
    if (field->type == OH_SHAPE_U32 || field->type == OH_SHAPE_I32 || field->type == OH_SHAPE_I64)
        return set_whole_of_double(field, object, value, fault);
    return field->type == OH_SHAPE_REAL ? set_real(field, object, value, fault)
                                        : oh_shape_refuse_type(field, fault);
}

bool oh_shape_set_bool(const struct oh_shape_field *field, void *object, bool value, struct oh_fault *fault)
{
    if (field->type != OH_SHAPE_BOOL)
        return oh_shape_refuse_type(field, fault);
    memcpy(field_at(field, object), &value, sizeof(value));
    return true;
}

/* ---- Cells ------------------------------------------------------------------------------------ */

static bool set_cell_decimal(const struct oh_shape_field *field, void *object, struct oh_bytes text,
                             struct oh_fault *fault)
{
    int64_t milli = 0;
    enum oh_err err = oh_milli_parse(text, &milli);
    if (err == OH_E_SYNTAX)
        return oh_shape_refuse_type(field, fault);
    return field->type == OH_SHAPE_SECONDS ? set_seconds(field, object, err, milli, fault)
                                           : set_quantity(field, object, err, milli, fault);
}

static bool set_cell_whole(const struct oh_shape_field *field, void *object, struct oh_bytes text,
                           struct oh_fault *fault)
{
    int64_t value = 0;
    enum oh_err err = oh_integer_parse(text, &value);
    if (err == OH_E_TOO_LARGE)
        return refuse_range(field, field->min, field->max, "", fault);
    return err == OH_OK ? set_whole(field, object, value, fault) : oh_shape_refuse_type(field, fault);
}

static bool set_cell_real(const struct oh_shape_field *field, void *object, struct oh_bytes text,
                          struct oh_fault *fault)
{
    double value = 0;
    if (oh_real_parse(text, &value) != OH_OK)
        return oh_shape_refuse_type(field, fault);
    return set_real(field, object, value, fault);
}

static bool set_cell_bool(const struct oh_shape_field *field, void *object, struct oh_bytes text,
                          struct oh_fault *fault)
{
    bool is_true = oh_bytes_equal(text, OH_BYTES("1")) || oh_bytes_equal(text, OH_BYTES("true"));
    bool is_false = oh_bytes_equal(text, OH_BYTES("0")) || oh_bytes_equal(text, OH_BYTES("false"));
    if (!is_true && !is_false)
        return oh_shape_refuse_type(field, fault);
    return oh_shape_set_bool(field, object, is_true, fault);
}

bool oh_shape_set_cell(const struct oh_shape_field *field, void *object, struct oh_bytes text,
                       struct oh_fault *fault)
{
    switch (field->type) {
    case OH_SHAPE_ID:
    case OH_SHAPE_TEXT:
    case OH_SHAPE_TIME:
    case OH_SHAPE_TIME_OR_DATE:
    case OH_SHAPE_WORD:
        return oh_shape_set_string(field, object, text, fault);
    case OH_SHAPE_QUANTITY:
    case OH_SHAPE_AMOUNT:
    case OH_SHAPE_SECONDS:
        return set_cell_decimal(field, object, text, fault);
    case OH_SHAPE_U32:
    case OH_SHAPE_I32:
    case OH_SHAPE_I64:
        return set_cell_whole(field, object, text, fault);
    case OH_SHAPE_REAL:
        return set_cell_real(field, object, text, fault);
    case OH_SHAPE_BOOL:
        return set_cell_bool(field, object, text, fault);
    case OH_SHAPE_IDS:
    case OH_SHAPE_OBJECT:
    case OH_SHAPE_OBJECTS:
    case OH_SHAPE_OTHER:
        break;
    }
    OH_UNREACHABLE();
}

/* ---- Objects ---------------------------------------------------------------------------------- */

bool oh_shape_check_count(const struct oh_shape_field *field, uint64_t count, struct oh_fault *fault)
{
    if (count > (uint64_t)field->max) {
        oh_fault_set(fault, OH_FAULT_TOO_MANY, oh_bytes_of(field->name),
                     "%s has at most %" PRId64 " elements.", field->name, field->max);
        return false;
    }
    return count >= (uint64_t)field->min || refuse_value(field, "must not be empty", fault);
}

uint32_t oh_shape_find(const struct oh_shape *shape, struct oh_bytes name, uint32_t hint)
{
    for (uint32_t i = hint; i < shape->field_count; i++)
        if (oh_shape_field_is_named(&shape->fields[i], name))
            return i;
    for (uint32_t i = 0; i < hint; i++)
        if (oh_shape_field_is_named(&shape->fields[i], name))
            return i;
    return shape->field_count;
}

void oh_shape_prepare(const struct oh_shape *shape, void *object)
{
    if (shape->defaults != NULL)
        memcpy(object, shape->defaults, shape->size);
    else
        memset(object, 0, shape->size);
}

bool oh_shape_finish(const struct oh_shape *shape, void *object, uint32_t given, struct oh_fault *fault)
{
    const struct oh_shape_field *field = shape->fields;
    for (uint32_t left = shape->field_count, rest = given; left > 0; left--, rest >>= 1, field++) {
        bool is_given = (rest & 1) != 0;
        if (!is_given && field->is_required) {
            oh_fault_set(fault, OH_FAULT_MISSING_FIELD, oh_bytes_of(field->name), "%s is needed.",
                         field->name);
            return false;
        }
        if (is_given && field->flag_offset != 0)
            *((bool *)((char *)object + field->flag_offset)) = true;
    }
    return shape->finish == NULL || shape->finish(object, given, fault);
}
