#include "codec/json_guard.h"
#include "base/assert.h"
#include "base/utf8.h"
#include "codec/decimal.h"
#include "codec/json_plain.h"
#include <stdio.h>
#include <stdlib.h>

/* Where we are in one open array or object: what a fault is called by. */
struct level {
    bool is_array;
    uint32_t index;
    struct oh_json_value *value; /* of the array or object itself */
    struct oh_bytes key;         /* as written, escapes and all */
};

/*
 * What all functions below share. Where they are in the body they hand to each other: a function that passes over
 * something takes where it begins, and returns where it is over, or NULL when it has refused.
 */
struct guard {
    const char *data;
    const char *end;
    struct level *level; /* the innermost; the first of `levels` is around the outermost value, like an array */
    struct oh_json_value *values;
    struct oh_json_value *next; /* takes the next value; `limit`: there is no more room */
    struct oh_json_value *limit;
    uint32_t value_count; /* without names */
    bool is_full;
    bool is_rounding; /* numbers with too many digits are read */
    struct oh_fault *fault;
    struct oh_json_value spare; /* takes what has no room */
    struct level levels[OH_JSON_DEPTH_MAX + 1];
};

/* Notes one more value. */
static inline struct oh_json_value *guard_note(struct guard *guard, enum oh_json_type type, const char *at)
{
    struct oh_json_value *value = guard->next;
    if (value == guard->limit) {
        guard->is_full = true;
        value = &guard->spare;
    } else {
        guard->next = value + 1;
    }
    value->at = (uint32_t)(at - guard->data);
    value->type = (uint8_t)type;
    return value;
}

/* Appends at text[*size..] what fits. */
static void path_append(char *text, size_t *size, const char *data, size_t data_size)
{
    size_t room = OH_FAULT_FIELD_SIZE - *size;
    size_t taken = data_size < room ? data_size : room;
    memcpy(text + *size, data, taken);
    *size += taken;
}

/* "lines[2].quantity": the way from the outermost object to where we are. */
static struct oh_bytes guard_path(const struct guard *guard, char *text)
{
    size_t size = 0;
    for (const struct level *level = guard->levels + 1; level <= guard->level; level++) {
        if (level->is_array) {
            char index[16];
            int written = snprintf(index, sizeof(index), "[%u]", (unsigned)level->index);
            path_append(text, &size, index, (size_t)written);
        } else if (level->key.size != 0) {
            if (size != 0)
                path_append(text, &size, ".", 1);
            path_append(text, &size, level->key.data, level->key.size);
        }
    }
    return (struct oh_bytes){ text, size };
}

/* Fails: `reason` is a constant sentence without its end. */
static const char *guard_refuse(struct guard *guard, const char *at, enum oh_fault_type type, const char *reason)
{
    char text[OH_FAULT_FIELD_SIZE];
    oh_fault_set(guard->fault, type, guard_path(guard, text), "%s, at byte %zu.", reason, (size_t)(at - guard->data));
    return NULL;
}

static const char *guard_syntax(struct guard *guard, const char *at, const char *reason)
{
    return guard_refuse(guard, at, OH_FAULT_INVALID_JSON, reason);
}

static const char *guard_end_early(struct guard *guard)
{
    return guard_syntax(guard, guard->end, "The body ends in the middle");
}

static int guard_peek(const struct guard *guard, const char *at)
{
    return at < guard->end ? (unsigned char)*at : -1;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

/* ---- Strings ---------------------------------------------------------------------------------- */

static int hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The value of the four digits of "\uXXXX" that starts there, or -1. */
static int unit_at(const struct guard *guard, const char *at)
{
    int unit = 0;
    if (guard->end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    for (size_t i = 2; i < 6; i++) {
        int digit = hex_value((unsigned char)at[i]);
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static const char *guard_unicode_escape(struct guard *guard, const char *at)
{
    int unit = unit_at(guard, at);
    if (unit < 0)
        return guard_syntax(guard, at, "\\u needs four hexadecimal digits");
    if (unit == 0)
        return guard_refuse(guard, at, OH_FAULT_INVALID_ENCODING, "\\u0000 is not accepted in text");
    if (unit < 0xd800 || unit > 0xdfff)
        return at + 6;
    int low = unit > 0xdbff ? -1 : unit_at(guard, at + 6);
    if (low < 0xdc00 || low > 0xdfff)
        return guard_refuse(guard, at, OH_FAULT_INVALID_ENCODING, "Half of a surrogate pair");
    return at + 12;
}

static const char *guard_escape(struct guard *guard, const char *at)
{
    int next = guard_peek(guard, at + 1);
    if (next == 'u')
        return guard_unicode_escape(guard, at);
    if (next <= 0 || strchr("\"\\/bfnrt", next) == NULL)
        return guard_syntax(guard, at, "Not an escape of JSON");
    return at + 2;
}

/* A byte of a string that is not plain. */
static const char *guard_special(struct guard *guard, const char *at)
{
    int c = guard_peek(guard, at);
    if (c < 0)
        return guard_syntax(guard, at, "A string without its end");
    if (c < 0x20)
        return guard_syntax(guard, at, "A control character inside a string");
    if (c == '\\')
        return guard_escape(guard, at);
    size_t used = oh_utf8_sequence_size((const unsigned char *)at, (size_t)(guard->end - at));
    return used == 0 ? guard_refuse(guard, at, OH_FAULT_INVALID_ENCODING, "Not UTF-8") : at + used;
}

static inline const char *string_note(struct guard *guard, const char *start, const char *end, bool has_escapes)
{
    struct oh_json_value *value = guard_note(guard, OH_JSON_STRING, start);
    value->has_escapes = has_escapes;
    value->size = (uint32_t)(end - start);
    return end + 1;
}

/* A string that has more than plain bytes, of which `at` is the first. */
static const char *guard_string_any(struct guard *guard, const char *start, const char *at)
{
    bool has_escapes = false;
    while (at == guard->end || *at != '"') { /* ends: each round passes over a byte or returns */
        has_escapes = has_escapes || guard_peek(guard, at) == '\\';
        at = guard_special(guard, at);
        if (at == NULL)
            return NULL;
        at = oh_json_plain_end(at, guard->end);
    }
    return string_note(guard, start, at, has_escapes);
}

/* At the opening quote. */
static inline const char *guard_string(struct guard *guard, const char *at)
{
    const char *end = oh_json_plain_end(at + 1, guard->end);
    if (end == guard->end || *end != '"')
        return guard_string_any(guard, at + 1, end);
    return string_note(guard, at + 1, end, false);
}

/* ---- What a string says ----------------------------------------------------------------------- */

static size_t utf8_put(unsigned point, char *out)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const unsigned char leads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    for (size_t i = size - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    out[0] = (char)(leads[size] | point);
    return size;
}

static unsigned hex_four(const char *digits)
{
    unsigned unit = 0;
    for (size_t i = 0; i < 4; i++)
        unit = unit * 16 + (unsigned)hex_value((unsigned char)digits[i]);
    return unit;
}

/* The code point of "\uXXXX", or of two that are one pair. */
static unsigned point_read(const char *raw, size_t *used)
{
    unsigned unit = hex_four(raw + 2);
    *used = 6;
    if (unit < 0xd800 || unit > 0xdfff)
        return unit;
    *used = 12;
    return 0x10000 + ((unit - 0xd800) << 10) + (hex_four(raw + 8) - 0xdc00);
}

size_t oh_json_unescape(struct oh_bytes raw, char *out)
{
    static const char from[] = "bfnrt";
    static const char to[] = "\b\f\n\r\t";
    size_t size = 0;
    size_t used;
    for (size_t at = 0; at < raw.size; at += used) {
        used = 1;
        if (raw.data[at] != '\\') {
            out[size++] = raw.data[at];
        } else if (raw.data[at + 1] == 'u') {
            size += utf8_put(point_read(raw.data + at, &used), out + size);
        } else {
            const char *letter = strchr(from, raw.data[at + 1]);
            out[size++] = letter == NULL ? raw.data[at + 1] : to[letter - from];
            used = 2;
        }
    }
    return size;
}

/* ---- Numbers ---------------------------------------------------------------------------------- */

/* A number while it is read: its digits without leading zeros, and where the point stands among them. */
struct digits {
    uint32_t count;      /* up to and with the last digit that is not 0 */
    uint32_t zero_count; /* zeros after that, not counted yet */
    int32_t scale;       /* the power of ten of the first counted digit, were there no exponent */
    bool is_after_point;
};

static void digits_add(struct digits *digits, int c)
{
    if (digits->count == 0) {
        /* Leading zeros only move the first digit that counts. */
        digits->scale -= digits->is_after_point ? 1 : 0;
        digits->count = c == '0' ? 0 : 1;
        return;
    }
    digits->scale += digits->is_after_point ? 0 : 1;
    digits->zero_count++;
    if (c != '0') {
        digits->count += digits->zero_count;
        digits->zero_count = 0;
    }
}

/* Passes over one or more digits. */
static const char *guard_digits(struct guard *guard, const char *at, struct digits *digits)
{
    if (!is_digit(guard_peek(guard, at)))
        return guard_syntax(guard, at, "A number without its digits");
    while (is_digit(guard_peek(guard, at)))
        digits_add(digits, *at++);
    return at;
}

/* At 'e': the exponent, cut to what a number of this size can mean. */
static const char *guard_exponent(struct guard *guard, const char *at, int32_t *out_exponent)
{
    const int32_t exponent_max = 100000;
    int32_t exponent = 0;
    at++;
    bool is_negative = guard_peek(guard, at) == '-';
    if (is_negative || guard_peek(guard, at) == '+')
        at++;
    if (!is_digit(guard_peek(guard, at)))
        return guard_syntax(guard, at, "An exponent without its digits");
    while (is_digit(guard_peek(guard, at))) {
        int32_t next = exponent * 10 + (*at++ - '0');
        exponent = next < exponent_max ? next : exponent_max;
    }
    *out_exponent = is_negative ? -exponent : exponent;
    return at;
}

/* Doubles go from 1e-307 to 1e308 without losing digits. */
static bool number_is_exact(const struct digits *digits, int32_t magnitude)
{
    return digits->count == 0 || (digits->count <= OH_JSON_DIGITS_MAX && magnitude >= -300);
}

/* Returns `end`, where the number is over. Unless it is 0, it has few bytes then. */
static const char *guard_number_size(struct guard *guard, const struct digits *digits, int32_t magnitude,
                                     const char *start, const char *end)
{
    bool is_long = end - start > (ptrdiff_t)OH_JSON_NUMBER_SIZE_MAX;
    if (digits->count == 0)
        return end;
    if (magnitude > 307)
        return guard_refuse(guard, end, OH_FAULT_OUT_OF_RANGE, "Numbers go up to 1e307");
    if (is_long && guard->is_rounding)
        return guard_refuse(guard, end, OH_FAULT_NUMBER_NOT_EXACT, "Numbers have at most 40 bytes");
    if (is_long || (!guard->is_rounding && !number_is_exact(digits, magnitude)))
        return guard_refuse(guard, end, OH_FAULT_NUMBER_NOT_EXACT, "Numbers have at most 15 significant digits");
    return end;
}

static void guard_number_note(struct guard *guard, const struct digits *digits, int32_t magnitude, const char *start,
                              const char *end)
{
    char text[OH_JSON_NUMBER_SIZE_MAX + 1];
    size_t size = (size_t)(end - start);
    struct oh_json_value *value = guard_note(guard, OH_JSON_NUMBER, start);
    value->is_rounded = !number_is_exact(digits, magnitude);
    value->number = *start == '-' ? -0.0 : 0.0;
    if (digits->count == 0)
        return;
    memcpy(text, start, size);
    text[size] = '\0';
    value->number = strtod(text, NULL);
    if (value->is_rounded)
        value->number = oh_real_round(value->number);
}

/* Any number, of any length. */
static const char *guard_number_any(struct guard *guard, const char *start)
{
    struct digits digits = { .count = 0 };
    int32_t exponent = 0;
    const char *whole = *start == '-' ? start + 1 : start;
    bool is_zero = guard_peek(guard, whole) == '0';
    const char *at = guard_digits(guard, whole, &digits);
    if (at != NULL && is_zero && at - whole > 1)
        return guard_syntax(guard, at, "A number with a zero in front");
    if (at != NULL && guard_peek(guard, at) == '.') {
        digits.is_after_point = true;
        at = guard_digits(guard, at + 1, &digits);
    }
    if (at != NULL && (guard_peek(guard, at) | 0x20) == 'e')
        at = guard_exponent(guard, at, &exponent);
    if (at != NULL)
        at = guard_number_size(guard, &digits, digits.scale + exponent, start, at);
    if (at != NULL)
        guard_number_note(guard, &digits, digits.scale + exponent, start, at);
    return at;
}

/* Passes over digits and adds them to the number, of which only the last 64 bits are kept. */
static inline const char *digits_read(const char *at, const char *end, uint64_t *number)
{
    for (; at != end && is_digit(*at); at++)
        *number = *number * 10 + (uint64_t)(*at - '0');
    return at;
}

/*
 * At a digit or '-': nearly every number is a few digits, perhaps with a point. Up to 15 of them are a whole number
 * that a double has, and so is the power of ten; their quotient is the nearest double, as IEEE 754 divides.
 */
static inline const char *guard_number(struct guard *guard, const char *start)
{
    static const double powers[] = { 1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
    bool is_negative = *start == '-';
    const char *whole = start + is_negative;
    uint64_t mantissa = 0;
    const char *at = digits_read(whole, guard->end, &mantissa);
    ptrdiff_t count = at - whole;
    ptrdiff_t fraction_count = 0;
    bool is_plain = count == 1 || (count > 1 && *whole != '0');
    if (is_plain && at != guard->end && *at == '.') {
        const char *fraction = at + 1;
        at = digits_read(fraction, guard->end, &mantissa);
        fraction_count = at - fraction;
        is_plain = fraction_count > 0;
    }
    bool has_more = at != guard->end && (*at | 0x20) == 'e';
    if (!is_plain || has_more || count + fraction_count > (ptrdiff_t)OH_JSON_DIGITS_MAX)
        return guard_number_any(guard, start);
    double value = (double)(int64_t)mantissa / powers[fraction_count];
    struct oh_json_value *note = guard_note(guard, OH_JSON_NUMBER, start);
    note->is_rounded = false;
    note->number = is_negative ? -value : value;
    return at;
}

/* ---- Structure -------------------------------------------------------------------------------- */

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Passes over white space. Never refuses. */
static const char *spaces_pass(const char *at, const char *end)
{
    while (at != end && is_space(*at))
        at++;
    return at;
}

/* The same; between most tokens there is none. */
static inline const char *guard_space(const struct guard *guard, const char *at)
{
    return at != guard->end && *at <= ' ' ? spaces_pass(at, guard->end) : at;
}

static const char *guard_literal(struct guard *guard, const char *at, const char *word, enum oh_json_type type)
{
    size_t size = strlen(word);
    if ((size_t)(guard->end - at) < size || memcmp(at, word, size) != 0)
        return guard_syntax(guard, at, "Not a value of JSON");
    guard_note(guard, type, at);
    return at + size;
}

static inline const char *guard_scalar(struct guard *guard, const char *at)
{
    if (*at == '"')
        return guard_string(guard, at);
    if (is_digit(*at) || *at == '-')
        return guard_number(guard, at);
    if (*at == 't')
        return guard_literal(guard, at, "true", OH_JSON_TRUE);
    if (*at == 'f')
        return guard_literal(guard, at, "false", OH_JSON_FALSE);
    return guard_literal(guard, at, "null", OH_JSON_NULL); /* or it is no value */
}

/* Passes over a name and its colon, to where the value begins. */
static inline const char *guard_key(struct guard *guard, struct level *level, const char *at)
{
    if (at == guard->end)
        return guard_end_early(guard);
    if (*at != '"')
        return guard_syntax(guard, at, "A field name in quotes is expected");
    const char *key = at + 1;
    at = guard_string(guard, at);
    if (at == NULL)
        return NULL;
    level->key = (struct oh_bytes){ key, (size_t)(at - key) - 1 };
    if (at == guard->end || *at != ':') {
        at = spaces_pass(at, guard->end);
        if (at == guard->end)
            return guard_end_early(guard);
        if (*at != ':')
            return guard_syntax(guard, at, "A colon is expected");
    }
    return guard_space(guard, at + 1);
}

/* The innermost array or object is over. */
static inline void guard_close(struct guard *guard, uint32_t count)
{
    struct oh_json_value *value = guard->level->value;
    value->count = count;
    value->next = (uint32_t)(guard->next - guard->values);
    guard->level--;
}

/* At the bracket: passes over it to where something inside begins, or over both when there is nothing. */
static const char *guard_open(struct guard *guard, const char *at)
{
    bool is_array = *at == '[';
    if (guard->level == guard->levels + OH_JSON_DEPTH_MAX)
        return guard_refuse(guard, at, OH_FAULT_TOO_DEEP, "At most 16 arrays and objects inside each other");
    struct oh_json_value *value = guard_note(guard, is_array ? OH_JSON_ARRAY : OH_JSON_OBJECT, at);
    *++guard->level = (struct level){ .is_array = is_array, .value = value };
    at = guard_space(guard, at + 1);
    if (at == guard->end || *at != (is_array ? ']' : '}'))
        return at;
    guard_close(guard, 0);
    return at + 1;
}

/* Behind a value: closes what ends here. Returns where the next element or member begins, or what is behind it all. */
static inline const char *guard_next(struct guard *guard, const char *at)
{
    while (guard->level != guard->levels) {
        struct level *level = guard->level;
        if (at == guard->end || *at <= ' ') {
            at = spaces_pass(at, guard->end);
            if (at == guard->end)
                return guard_end_early(guard);
        }
        if (*at == ',') {
            level->index++;
            level->key.size = 0;
            return guard_space(guard, at + 1);
        }
        if (*at != (level->is_array ? ']' : '}'))
            return guard_syntax(guard, at, *at == ']' || *at == '}' ? "A bracket that closes nothing"
                                                                    : "A comma or a closing bracket is expected");
        guard_close(guard, level->index + 1);
        at++;
    }
    return at;
}

/* From where the outermost value begins to where it is over. */
static const char *guard_values(struct guard *guard, const char *at)
{
    do {
        struct level *level = guard->level;
        if (!level->is_array)
            at = guard_key(guard, level, at);
        if (at == NULL)
            return NULL;
        if (at == guard->end)
            return guard_end_early(guard);
        if (guard->value_count++ == OH_JSON_VALUES_MAX)
            return guard_refuse(guard, at, OH_FAULT_TOO_MANY, "At most 262144 values");
        if (*at != '{' && *at != '[') {
            at = guard_scalar(guard, at);
        } else {
            at = guard_open(guard, at);
            if (guard->level != level)
                continue;
        }
        if (at != NULL)
            at = guard_next(guard, at);
    } while (at != NULL && guard->level != guard->levels);
    return at;
}

static enum oh_err body_read(struct oh_bytes body, bool is_rounding, struct oh_json_value *values, uint32_t capacity,
                             uint32_t *out_count, struct oh_fault *fault)
{
    struct guard guard;
    OH_ASSERT(body.size <= UINT32_MAX);
    guard.data = body.data;
    guard.end = body.data + body.size;
    guard.level = guard.levels;
    guard.levels[0].is_array = true;
    guard.values = guard.next = values;
    guard.limit = values + capacity;
    guard.value_count = 0;
    guard.is_full = false;
    guard.is_rounding = is_rounding;
    guard.fault = fault;
    const char *at = guard_space(&guard, guard.data);
    if (at == guard.end) {
        oh_fault_set(fault, OH_FAULT_EMPTY_BODY, OH_BYTES_NONE, "The body is empty.");
        return OH_E_SYNTAX;
    }
    at = guard_values(&guard, at);
    if (at == NULL)
        return OH_E_SYNTAX;
    at = guard_space(&guard, at);
    if (at != guard.end) {
        guard_syntax(&guard, at, "Bytes after the value");
        return OH_E_SYNTAX;
    }
    *out_count = (uint32_t)(guard.next - values);
    return guard.is_full ? OH_E_FULL : OH_OK;
}

enum oh_err oh_json_read(struct oh_bytes body, struct oh_json_value *values, uint32_t capacity, uint32_t *out_count,
                         struct oh_fault *fault)
{
    return body_read(body, true, values, capacity, out_count, fault);
}

enum oh_err oh_json_guard(struct oh_bytes body, struct oh_fault *fault)
{
    struct oh_json_value none;
    uint32_t count;
    enum oh_err err = body_read(body, false, &none, 0, &count, fault);
    return err == OH_E_FULL ? OH_OK : err;
}
