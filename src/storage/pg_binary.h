/*
 * pg_binary.h - values as PostgreSQL's binary protocol has them, and back.
 *
 * What it is: one encoding for parameters, for elements of arrays and for columns of COPY: a length and the value in
 * network order. Quantities are `numeric` with three digits behind the point, times `timestamptz`.
 *
 * What it is not: it does not know libpq, statements or tables. Any thread.
 *
 * A row of COPY:   oh_pg_row(buf, columns), then one put for each column
 * An array:        put elements into array.elements, count them, oh_pg_array_bytes()
 */
#ifndef ONHAND_STORAGE_PG_BINARY_H
#define ONHAND_STORAGE_PG_BINARY_H

#include "base/strbuf.h"
#include "onhand/bytes.h"
#include <stdbool.h>
#include <stdint.h>

/* Types by their fixed numbers in the catalog. */
#define OH_PG_BOOL 16u
#define OH_PG_BYTEA 17u
#define OH_PG_INT8 20u
#define OH_PG_INT4 23u
#define OH_PG_TEXT 25u
#define OH_PG_FLOAT8 701u
#define OH_PG_TIMESTAMPTZ 1184u
#define OH_PG_NUMERIC 1700u

/* The type of arrays of a type above. */
uint32_t oh_pg_array_type(uint32_t type);

/* ---- Writing ---------------------------------------------------------------------------------- */

/* A time of ours as PostgreSQL counts: microseconds since 2000. */
int64_t oh_pg_time_of(int64_t at_us);

/* Begins a row of COPY with that many columns. */
void oh_pg_row(struct oh_strbuf *out, uint16_t columns);

void oh_pg_put_null(struct oh_strbuf *out);
void oh_pg_put_bool(struct oh_strbuf *out, bool value);
void oh_pg_put_i32(struct oh_strbuf *out, int32_t value);
void oh_pg_put_i64(struct oh_strbuf *out, int64_t value);
void oh_pg_put_f64(struct oh_strbuf *out, double value);
void oh_pg_put_text(struct oh_strbuf *out, struct oh_bytes value); /* bytea too */
void oh_pg_put_milli(struct oh_strbuf *out, int64_t milli);
void oh_pg_put_time(struct oh_strbuf *out, int64_t at_us);         /* OH_TIME_US_NONE: null */
void oh_pg_put_text_or_null(struct oh_strbuf *out, struct oh_bytes value); /* empty: null */

/* ---- Arrays ----------------------------------------------------------------------------------- */

/* A growing array of one dimension. Its first bytes are kept free for the head. */
struct oh_pg_array {
    uint32_t type; /* of an element */
    uint32_t count;
    bool has_null;
    struct oh_strbuf elements;
};

void oh_pg_array_init(struct oh_pg_array *array, uint32_t type, size_t size_max);
void oh_pg_array_fini(struct oh_pg_array *array);
void oh_pg_array_clear(struct oh_pg_array *array);

/* Each appends one element. */
void oh_pg_array_put_null(struct oh_pg_array *array);
void oh_pg_array_put_bool(struct oh_pg_array *array, bool value);
void oh_pg_array_put_i32(struct oh_pg_array *array, int32_t value);
void oh_pg_array_put_i64(struct oh_pg_array *array, int64_t value);
void oh_pg_array_put_f64(struct oh_pg_array *array, double value);
void oh_pg_array_put_text(struct oh_pg_array *array, struct oh_bytes value);
void oh_pg_array_put_text_or_null(struct oh_pg_array *array, struct oh_bytes value);
void oh_pg_array_put_milli(struct oh_pg_array *array, int64_t milli);
void oh_pg_array_put_time(struct oh_pg_array *array, int64_t at_us);

/* The whole array as the value of a parameter. Lends until the array changes. data NULL: it has overflowed. */
struct oh_bytes oh_pg_array_bytes(struct oh_pg_array *array);

/* ---- Reading ---------------------------------------------------------------------------------- */

/* Of a value without its length; the size must be right, or *out is 0 and the answer false. */
bool oh_pg_get_bool(struct oh_bytes value, bool *out);
bool oh_pg_get_i32(struct oh_bytes value, int32_t *out);
bool oh_pg_get_i64(struct oh_bytes value, int64_t *out);
bool oh_pg_get_f64(struct oh_bytes value, double *out);
bool oh_pg_get_time(struct oh_bytes value, int64_t *out_us);   /* null: OH_TIME_US_NONE */
bool oh_pg_get_milli(struct oh_bytes value, int64_t *out_milli); /* false too: more than three digits, NaN, overflow */

/*
 * oh_pg_row_read - the columns of what oh_pg_copy_out_next() lent, in binary.
 *
 * Passes over the head of a stream. Returns how many columns there are; -1: the end of the stream; -2: malformed,
 * or more than columns_max. A null's data is NULL.
 */
int oh_pg_row_read(struct oh_bytes row, struct oh_bytes *out_columns, int columns_max);

#endif
