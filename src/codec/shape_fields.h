/*
 * shape_fields.h - how the rows of a shape's table are written. Inside
 * src/codec only, for the files that hold tables.
 */
#ifndef ONHAND_CODEC_SHAPE_FIELDS_H
#define ONHAND_CODEC_SHAPE_FIELDS_H

#include "codec/shape.h"
#include "onhand/types.h"

#define COUNT_OF(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

/* FIELD(struct, member, "name", TYPE, more...): one row of a table. */
#define FIELD(tag, member, json, kind, ...)                                     \
    {                                                                           \
        .name = (json), .name_size = sizeof(json) - 1, .type = OH_SHAPE_##kind, \
        .offset = offsetof(struct tag, member), __VA_ARGS__                     \
    }
#define ID(tag, member, json, ...)    FIELD(tag, member, json, ID, .max = OH_ID_SIZE_MAX, __VA_ARGS__)
#define TEXT(tag, member, json, size) FIELD(tag, member, json, TEXT, .max = (size))
#define QUANTITY(tag, member, json, ...) \
    FIELD(tag, member, json, QUANTITY, .max = OH_QUANTITY_MILLI_MAX, __VA_ARGS__)
#define BOOL(tag, member, json)             FIELD(tag, member, json, BOOL, .max = 0)
#define WORD(tag, member, json, parse, ...) FIELD(tag, member, json, WORD, .word = (parse), __VA_ARGS__)
#define DEGREES(tag, member, json, most, ...) \
    FIELD(tag, member, json, REAL, .min = -(most), .max = (most), __VA_ARGS__)
#define REQUIRED .is_required = true
#define OPTIONAL .is_required = false

#define SHAPE(tag, table, standard, check)                                             \
    {                                                                                  \
        .fields = (table), .field_count = COUNT_OF(table), .size = sizeof(struct tag), \
        .defaults = (standard), .finish = (check)                                      \
    }

#endif
