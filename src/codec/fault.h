/*
 * fault.h - why bytes from outside were refused before they became a command.
 *
 * A fault is the answer to a wrong shape (codes invalid_json, wrong_type,
 * missing_field, ...; docs/openapi.yaml). What a well-shaped request is told
 * is a verdict (onhand/verdict.h). Any thread: plain values.
 */
#ifndef ONHAND_CODEC_FAULT_H
#define ONHAND_CODEC_FAULT_H

#include "onhand/bytes.h"

#define OH_FAULT_FIELD_SIZE  96
#define OH_FAULT_DETAIL_SIZE 256

/* X(name, code, http_status, title). The codes are part of the public contract. */
#define OH_FAULTS(X)                                                                        \
    X(OH_FAULT_EMPTY_BODY, "empty_body", 400, "A body is needed")                           \
    X(OH_FAULT_INVALID_JSON, "invalid_json", 400, "The body is not JSON")                   \
    X(OH_FAULT_INVALID_ENCODING, "invalid_encoding", 400, "The text is not UTF-8")          \
    X(OH_FAULT_TOO_DEEP, "too_deep", 400, "Nested deeper than the stated limit")            \
    X(OH_FAULT_TOO_LONG, "too_long", 400, "Longer than the stated limit")                   \
    X(OH_FAULT_TOO_MANY, "too_many", 400, "More than the stated limit")                     \
    X(OH_FAULT_WRONG_TYPE, "wrong_type", 400, "Not the type of this field")                 \
    X(OH_FAULT_UNKNOWN_FIELD, "unknown_field", 400, "There is no such field")               \
    X(OH_FAULT_MISSING_FIELD, "missing_field", 400, "A needed field is missing")            \
    X(OH_FAULT_DUPLICATE_FIELD, "duplicate_field", 400, "A field is given twice")           \
    X(OH_FAULT_NUMBER_NOT_EXACT, "number_not_exact", 400, "The number has too many digits") \
    X(OH_FAULT_OUT_OF_RANGE, "out_of_range", 400, "Beyond the stated limit")                \
    X(OH_FAULT_INVALID_VALUE, "invalid_value", 400, "Not a value of this field")            \
    X(OH_FAULT_INVALID_TIME, "invalid_time", 400, "Not a time")                             \
    X(OH_FAULT_INVALID_QUERY, "invalid_query", 400, "The query is wrong")                   \
    X(OH_FAULT_UNKNOWN_POSTAL_CODE, "unknown_postal_code", 422, "No such postal code")      \
    X(OH_FAULT_NO_MEMORY, "out_of_memory", 503, "Out of memory, nothing changed")           \
    X(OH_FAULT_TIME_ZONES_UNREADABLE, "time_zones_unreadable", 503,                         \
      "The time zones cannot be read now, nothing changed")

enum oh_fault_type {
#define OH_FAULT_ENUM(name, code, http, title) name,
    OH_FAULTS(OH_FAULT_ENUM)
#undef OH_FAULT_ENUM
};

struct oh_fault {
    const char *code;  /* a constant */
    const char *title; /* a constant */
    int http_status;
    /* "lines[2].quantity"; "" when it is about the whole body. Valid UTF-8. */
    char field[OH_FAULT_FIELD_SIZE];
    char detail[OH_FAULT_DETAIL_SIZE]; /* a sentence for people. Valid UTF-8. */
};

/*
 * Fills the fault. `field` is copied and cut at a character when too long. `format` should not carry foreign
 * bytes.
 */
void oh_fault_set(struct oh_fault *fault, enum oh_fault_type type, struct oh_bytes field, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

/* Puts the way to the object before the fault's field: with "policy", "objective[0]" is "policy.objective[0]". */
void oh_fault_prefix(struct oh_fault *fault, const char *path);

/* unknown_postal_code, with the code in the sentence. Shapes: valid UTF-8; cut at 32 bytes. */
void oh_fault_set_postal_code(struct oh_fault *fault, struct oh_bytes field, struct oh_bytes country,
                              struct oh_bytes postal_code);

#endif
