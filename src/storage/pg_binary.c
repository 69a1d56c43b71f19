#include "storage/pg_binary.h"
#include "base/assert.h"
#include "onhand/types.h"
#include <string.h>

#define EPOCH_2000_US 946684800000000LL /* PostgreSQL counts from 2000-01-01 */
#define ARRAY_HEAD_SIZE 20u

/* ---- Network order ---------------------------------------------------------------------------- */

static void bytes_of(unsigned char *out, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (unsigned char)(value >> (8 * (size - 1 - i)));
}

static uint64_t value_of(const char *data, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | (unsigned char)data[i];
    return value;
}

static void put_number(struct oh_strbuf *out, uint64_t value, size_t size)
{
    unsigned char bytes[8];
    bytes_of(bytes, value, size);
    oh_strbuf_put(out, bytes, size);
}

/* A length of four bytes, then a value of `size` bytes, in one write. */
static void put_value(struct oh_strbuf *out, uint64_t value, size_t size)
{
    unsigned char bytes[12];
    OH_ASSERT(size <= sizeof(value));
    bytes_of(bytes, size, 4);
    bytes_of(bytes + 4, value, size);
    oh_strbuf_put(out, bytes, 4 + size);
}

uint32_t oh_pg_array_type(uint32_t type)
{
    switch (type) {
    case OH_PG_BOOL:
        return 1000;
    case OH_PG_BYTEA:
        return 1001;
    case OH_PG_INT8:
        return 1016;
    case OH_PG_INT4:
        return 1007;
    case OH_PG_TEXT:
        return 1009;
    case OH_PG_FLOAT8:
        return 1022;
    case OH_PG_TIMESTAMPTZ:
        return 1185;
    case OH_PG_NUMERIC:
        return 1231;
    default:
        OH_UNREACHABLE();
    }
}

/* ---- Writing ---------------------------------------------------------------------------------- */

void oh_pg_row(struct oh_strbuf *out, uint16_t columns)
{
    put_number(out, columns, 2);
}

void oh_pg_put_null(struct oh_strbuf *out)
{
    put_number(out, UINT32_MAX, 4);
}

void oh_pg_put_bool(struct oh_strbuf *out, bool value)
{
    put_value(out, value ? 1 : 0, 1);
}

void oh_pg_put_i32(struct oh_strbuf *out, int32_t value)
{
    put_value(out, (uint32_t)value, 4);
}

void oh_pg_put_i64(struct oh_strbuf *out, int64_t value)
{
    put_value(out, (uint64_t)value, 8);
}

void oh_pg_put_f64(struct oh_strbuf *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    put_value(out, bits, 8);
}

void oh_pg_put_text(struct oh_strbuf *out, struct oh_bytes value)
{
    put_number(out, value.size, 4);
    if (value.size > 0)
        oh_strbuf_put(out, value.data, value.size);
}

void oh_pg_put_text_or_null(struct oh_strbuf *out, struct oh_bytes value)
{
    if (value.size == 0)
        oh_pg_put_null(out);
    else
        oh_pg_put_text(out, value);
}

int64_t oh_pg_time_of(int64_t at_us)
{
    return at_us - EPOCH_2000_US;
}

void oh_pg_put_time(struct oh_strbuf *out, int64_t at_us)
{
    if (at_us == OH_TIME_US_NONE)
        oh_pg_put_null(out);
    else
        put_value(out, (uint64_t)oh_pg_time_of(at_us), 8);
}

/*
 * numeric: how many digits of base 10,000, the weight of the first one, sign, digits behind the point, the digits.
 * Thousandths are whole digits before the point and one behind it, which is ten times the thousandths.
 */
#define NUMERIC_DIGITS_MAX 6
#define NUMERIC_NEGATIVE 0x4000u

void oh_pg_put_milli(struct oh_strbuf *out, int64_t milli)
{
    uint64_t rest = milli < 0 ? 0 - (uint64_t)milli : (uint64_t)milli;
    uint16_t digits[NUMERIC_DIGITS_MAX]; /* from the last one on */
    size_t count = 0;
    digits[count++] = (uint16_t)(rest % 1000 * 10);
    for (rest /= 1000; rest > 0; rest /= 10000)
        digits[count++] = (uint16_t)(rest % 10000);
    int weight = (int)count - 2;
    size_t last = 0; /* zeros at the end are left out; of zero, nothing is left */
    while (last < count && digits[last] == 0)
        last++;
    if (last == count)
        weight = 0;
    unsigned char bytes[12 + 2 * NUMERIC_DIGITS_MAX];
    size_t kept = count - last;
    bytes_of(bytes, 8 + 2 * kept, 4);
    bytes_of(bytes + 4, kept, 2);
    bytes_of(bytes + 6, (uint16_t)weight, 2);
    bytes_of(bytes + 8, milli < 0 ? NUMERIC_NEGATIVE : 0, 2);
    bytes_of(bytes + 10, 3, 2);
    for (size_t i = 0; i < kept; i++)
        bytes_of(bytes + 12 + 2 * i, digits[count - 1 - i], 2);
    oh_strbuf_put(out, bytes, 12 + 2 * kept);
}

/* ---- Arrays ----------------------------------------------------------------------------------- */

void oh_pg_array_init(struct oh_pg_array *array, uint32_t type, size_t size_max)
{
    *array = (struct oh_pg_array){ .type = type };
    oh_strbuf_init(&array->elements, size_max);
    oh_pg_array_clear(array);
}

void oh_pg_array_fini(struct oh_pg_array *array)
{
    oh_strbuf_fini(&array->elements);
}

void oh_pg_array_clear(struct oh_pg_array *array)
{
    static const char head[ARRAY_HEAD_SIZE];
    array->count = 0;
    array->has_null = false;
    oh_strbuf_clear(&array->elements);
    oh_strbuf_put(&array->elements, head, sizeof(head));
}

void oh_pg_array_put_null(struct oh_pg_array *array)
{
    oh_pg_put_null(&array->elements);
    array->has_null = true;
    array->count++;
}

void oh_pg_array_put_bool(struct oh_pg_array *array, bool value)
{
    oh_pg_put_bool(&array->elements, value);
    array->count++;
}

void oh_pg_array_put_i32(struct oh_pg_array *array, int32_t value)
{
    oh_pg_put_i32(&array->elements, value);
    array->count++;
}

void oh_pg_array_put_i64(struct oh_pg_array *array, int64_t value)
{
    oh_pg_put_i64(&array->elements, value);
    array->count++;
}

void oh_pg_array_put_f64(struct oh_pg_array *array, double value)
{
    oh_pg_put_f64(&array->elements, value);
    array->count++;
}

void oh_pg_array_put_text(struct oh_pg_array *array, struct oh_bytes value)
{
    oh_pg_put_text(&array->elements, value);
    array->count++;
}

void oh_pg_array_put_text_or_null(struct oh_pg_array *array, struct oh_bytes value)
{
    if (value.size == 0)
        oh_pg_array_put_null(array);
    else
        oh_pg_array_put_text(array, value);
}

void oh_pg_array_put_milli(struct oh_pg_array *array, int64_t milli)
{
    oh_pg_put_milli(&array->elements, milli);
    array->count++;
}

void oh_pg_array_put_time(struct oh_pg_array *array, int64_t at_us)
{
    if (at_us == OH_TIME_US_NONE) {
        oh_pg_array_put_null(array);
        return;
    }
    oh_pg_put_time(&array->elements, at_us);
    array->count++;
}

struct oh_bytes oh_pg_array_bytes(struct oh_pg_array *array)
{
    if (array->elements.is_overflowed)
        return OH_BYTES_NONE;
    unsigned char *head = (unsigned char *)array->elements.data;
    bytes_of(head, array->count == 0 ? 0 : 1, 4);
    bytes_of(head + 4, array->has_null ? 1 : 0, 4);
    bytes_of(head + 8, array->type, 4);
    bytes_of(head + 12, array->count, 4);
    bytes_of(head + 16, 1, 4);
    return (struct oh_bytes){ array->elements.data, array->count == 0 ? 12 : array->elements.size };
}

/* ---- Reading ---------------------------------------------------------------------------------- */

static bool number_get(struct oh_bytes value, size_t size, uint64_t *out)
{
    bool is_right = value.data != NULL && value.size == size;
    *out = is_right ? value_of(value.data, size) : 0;
    return is_right;
}

bool oh_pg_get_bool(struct oh_bytes value, bool *out)
{
    uint64_t number;
    bool is_right = number_get(value, 1, &number);
    *out = number != 0;
    return is_right;
}

bool oh_pg_get_i32(struct oh_bytes value, int32_t *out)
{
    uint64_t number;
    bool is_right = number_get(value, 4, &number);
    *out = (int32_t)(uint32_t)number;
    return is_right;
}

bool oh_pg_get_i64(struct oh_bytes value, int64_t *out)
{
    uint64_t number;
    bool is_right = number_get(value, 8, &number);
    *out = (int64_t)number;
    return is_right;
}

bool oh_pg_get_f64(struct oh_bytes value, double *out)
{
    uint64_t number;
    bool is_right = number_get(value, 8, &number);
    memcpy(out, &number, sizeof(*out));
    return is_right;
}

/* Infinity and what is beyond our calendar are no times of ours. */
bool oh_pg_get_time(struct oh_bytes value, int64_t *out_us)
{
    *out_us = OH_TIME_US_NONE;
    if (value.data == NULL)
        return true;
    uint64_t number;
    if (!number_get(value, 8, &number))
        return false;
    int64_t at = (int64_t)number;
    if (at < -EPOCH_2000_US || at > INT64_MAX - 1 - EPOCH_2000_US)
        return false;
    *out_us = at + EPOCH_2000_US;
    return true;
}

/* Adds digit * 10,000^power units. False: it does not fit, is finer than a thousandth, or is no digit. */
static bool milli_add(uint64_t *sum, uint64_t digit, int power)
{
    if (digit == 0)
        return true;
    if (power < -1 || power > 4 || digit > 9999)
        return false;
    if (power == -1)
        return digit % 10 == 0 && !__builtin_add_overflow(*sum, digit / 10, sum);
    uint64_t factor = 1000;
    for (int i = 0; i < power; i++)
        factor *= 10000;
    return !__builtin_mul_overflow(digit, factor, &digit) && !__builtin_add_overflow(*sum, digit, sum);
}

bool oh_pg_get_milli(struct oh_bytes value, int64_t *out_milli)
{
    *out_milli = 0;
    if (value.data == NULL || value.size < 8)
        return false;
    size_t count = (size_t)value_of(value.data, 2);
    int weight = (int16_t)(uint16_t)value_of(value.data + 2, 2);
    uint64_t sign = value_of(value.data + 4, 2);
    if (value.size != 8 + 2 * count || (sign != 0 && sign != NUMERIC_NEGATIVE))
        return false;
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (!milli_add(&sum, value_of(value.data + 8 + 2 * i, 2), weight - (int)i))
            return false;
    }
    if (sum > INT64_MAX)
        return false;
    *out_milli = sign == 0 ? (int64_t)sum : -(int64_t)sum;
    return true;
}

static const char copy_signature[11] = { 'P', 'G', 'C', 'O', 'P', 'Y', '\n', '\377', '\r', '\n', '\0' };

int oh_pg_row_read(struct oh_bytes row, struct oh_bytes *out_columns, int columns_max)
{
    const char *at = row.data;
    size_t left = row.size;
    if (left >= 19 && memcmp(at, copy_signature, sizeof(copy_signature)) == 0) {
        size_t head = 19 + (size_t)value_of(at + 15, 4);
        if (head > left)
            return -2;
        at += head;
        left -= head;
    }
    if (left < 2)
        return -2;
    int count = (int16_t)(uint16_t)value_of(at, 2);
    at += 2;
    left -= 2;
    if (count == -1 && left == 0)
        return -1;
    if (count < 0 || count > columns_max)
        return -2;
    for (int i = 0; i < count; i++) {
        if (left < 4)
            return -2;
        uint32_t size = (uint32_t)value_of(at, 4);
        at += 4;
        left -= 4;
        out_columns[i] = OH_BYTES_NONE;
        if (size == UINT32_MAX)
            continue;
        if (size > left)
            return -2;
        out_columns[i] = (struct oh_bytes){ at, size };
        at += size;
        left -= size;
    }
    return left == 0 ? count : -2;
}
