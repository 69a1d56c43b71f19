/*
 * shape.h - the shapes of objects as tables: field names, types, limits, and
 * where each value goes in a C struct.
 *
 * JSON objects (json_bind.h) and the rows of imports (rows.h) are read by the
 * same tables, so a field has one name, one limit and one refusal. Any
 * thread: constants and pure functions.
 */
#ifndef ONHAND_CODEC_SHAPE_H
#define ONHAND_CODEC_SHAPE_H

#include "codec/fault.h"
#include "onhand/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(name, text): what a value is, and what it becomes. */
#define OH_SHAPE_TYPES(X)                                                                                 \
    X(OH_SHAPE_ID, "text")           /* struct oh_bytes, 1..max bytes */                                  \
    X(OH_SHAPE_TEXT, "text")         /* struct oh_bytes, 0..max bytes */                                  \
    X(OH_SHAPE_QUANTITY, "number")   /* int64_t thousandths, -max..max */                                 \
    X(OH_SHAPE_AMOUNT, "number")     /* int64_t thousandths, 0..max */                                    \
    X(OH_SHAPE_SECONDS, "number")    /* int64_t microseconds, 0..max */                                   \
    X(OH_SHAPE_U32, "whole number")  /* uint32_t, min..max */                                             \
    X(OH_SHAPE_I32, "whole number")  /* int32_t, min..max */                                              \
    X(OH_SHAPE_I64, "whole number")  /* int64_t, min..max */                                              \
    X(OH_SHAPE_REAL, "number")       /* double, min..max */                                               \
    X(OH_SHAPE_BOOL, "boolean")      /* bool */                                                           \
    X(OH_SHAPE_TIME, "text")         /* int64_t microseconds */                                           \
    X(OH_SHAPE_TIME_OR_DATE, "text") /* int64_t microseconds */                                           \
    X(OH_SHAPE_WORD, "text")         /* an enum, by `word` */                                             \
    X(OH_SHAPE_IDS, "array")     /* const struct oh_bytes *, min..max of them, counted at count_offset */ \
    X(OH_SHAPE_OBJECT, "object") /* a struct of `object`, in place */                                     \
    X(OH_SHAPE_OBJECTS, "array") /* a pointer to min..max structs of `object`, counted at count_offset */ \
    X(OH_SHAPE_OTHER, "value")   /* JSON only: what `read` makes of it, within min..max as it takes them */

enum oh_shape_type {
#define OH_SHAPE_ENUM(name, text) name,
    OH_SHAPE_TYPES(OH_SHAPE_ENUM)
#undef OH_SHAPE_ENUM
};

struct oh_shape;
struct oh_shape_field;
struct oh_json_document;
struct cJSON;

/*
 * Reads a value, not null, of a shape that the types above do not have. False: refused, *fault filled,
 * fault->field being the field's name and perhaps the place inside it: "days[2]".
 */
typedef bool oh_shape_read(const struct oh_shape_field *field, void *object, struct oh_json_document *document,
                           const struct cJSON *value, struct oh_fault *fault);

struct oh_shape_field {
    const char *name;
    enum oh_shape_type type;
    bool is_required;
    uint8_t name_size; /* without it the field is not found by name */
    uint32_t offset;
    uint32_t flag_offset; /* of a bool that is set when the field is given, never the first member; 0: none */
    uint32_t count_offset;
    int64_t min;
    int64_t max;
    bool (*word)(struct oh_bytes text, void *out_enum); /* false: none of the words */
    const struct oh_shape *object;
    oh_shape_read *read; /* of OTHER */
};

#define OH_SHAPE_FIELDS_MAX 32

struct oh_shape {
    const struct oh_shape_field *fields;
    uint32_t field_count; /* <= OH_SHAPE_FIELDS_MAX */
    size_t size;          /* of the struct */
    const void *defaults; /* what the struct is before binding; NULL: zeros */
    /*
     * Looks at the whole object; bit i of `given` is fields[i]. False: refused, *fault filled, fault->field
     * being the name of a field. NULL: nothing to look at.
     */
    bool (*finish)(void *object, uint32_t given, struct oh_fault *fault);
};

static inline bool oh_shape_field_is_named(const struct oh_shape_field *field, struct oh_bytes name)
{
    return field->name_size == name.size && oh_bytes_same(field->name, name.data, name.size);
}

/* Whether the text is what an ID or TEXT may be. */
static inline bool oh_shape_field_takes_text(const struct oh_shape_field *field, struct oh_bytes text)
{
    return (field->type == OH_SHAPE_TEXT || (field->type == OH_SHAPE_ID && text.size > 0)) &&
           text.size <= (uint64_t)field->max;
}

/*
 * The index of the field of that name, looked for from `hint` on; field_count when there is none. Cost:
 * O(fields).
 */
uint32_t oh_shape_find(const struct oh_shape *shape, struct oh_bytes name, uint32_t hint);

/* Fills the struct with the defaults. */
void oh_shape_prepare(const struct oh_shape *shape, void *object);

/* Whether every required field is given and the object as a whole makes sense. */
bool oh_shape_finish(const struct oh_shape *shape, void *object, uint32_t given, struct oh_fault *fault);

/* ---- One value of a field. False: refused, fault->field is the field's name. ------------------- */

/* A JSON string. ID, TEXT, TIME, TIME_OR_DATE and WORD; else wrong_type. Borrows the text. */
bool oh_shape_set_string(const struct oh_shape_field *field, void *object, struct oh_bytes text,
                         struct oh_fault *fault);
/* A JSON number that passed the guard. */
bool oh_shape_set_number(const struct oh_shape_field *field, void *object, double value,
                         struct oh_fault *fault);
bool oh_shape_set_bool(const struct oh_shape_field *field, void *object, bool value, struct oh_fault *fault);
/*
 * A cell of a CSV row, of any type but IDS, OBJECT, OBJECTS and OTHER (asserted). Not empty. Booleans are
 * true, false, 1 or 0.
 */
bool oh_shape_set_cell(const struct oh_shape_field *field, void *object, struct oh_bytes text,
                       struct oh_fault *fault);
/* An array of `count` for IDS or OBJECTS: is that too many or too few? */
bool oh_shape_check_count(const struct oh_shape_field *field, uint64_t count, struct oh_fault *fault);
/* wrong_type. Returns false. */
bool oh_shape_refuse_type(const struct oh_shape_field *field, struct oh_fault *fault);

#endif
