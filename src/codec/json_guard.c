#include "codec/json_guard.h"
#include "base/assert.h"
#include "base/utf8.h"
#include "codec/json_plain.h"
#include <stdio.h>
#include <stdlib.h>

/* What the grammar allows next. */
enum expectation {
    EXPECT_VALUE,       /* after ':' or at the start */
    EXPECT_FIRST_VALUE, /* after '[': a value or ']' */
    EXPECT_NEXT_VALUE,  /* after ',' in an array */
    EXPECT_FIRST_KEY,   /* after '{': a key or '}' */
    EXPECT_NEXT_KEY,    /* after ',' in an object */
    EXPECT_COLON,
    EXPECT_COMMA_OR_END, /* after a value inside something */
    EXPECT_NOTHING       /* after the outermost value */
};

/* Where we are in one open array or object: what a fault is called by. */
struct level {
    bool is_array;
    uint32_t index;
    uint32_t value;      /* of the array or object itself */
    struct oh_bytes key; /* as written, escapes and all */
};

struct guard {
    const unsigned char *data;
    size_t size;
    size_t at;
    uint32_t value_count;
    uint32_t depth;
    enum expectation expectation;
    struct level levels[OH_JSON_DEPTH_MAX];
    struct oh_fault *fault;
    struct oh_json_value *values;
    uint32_t capacity;
    uint32_t noted_count; /* may pass the capacity */
    struct oh_json_value spare; /* takes what has no room */
};

/* Notes one more value. */
static struct oh_json_value *guard_note(struct guard *guard, enum oh_json_type type, size_t at)
{
    struct oh_json_value *value =
        guard->noted_count < guard->capacity ? &guard->values[guard->noted_count] : &guard->spare;
    guard->noted_count++;
    value->at = (uint32_t)at;
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
    for (uint32_t i = 0; i < guard->depth; i++) {
        const struct level *level = &guard->levels[i];
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
static bool guard_refuse(struct guard *guard, enum oh_fault_type type, const char *reason)
{
    char text[OH_FAULT_FIELD_SIZE];
    oh_fault_set(guard->fault, type, guard_path(guard, text), "%s, at byte %zu.", reason, guard->at);
    return false;
}

static bool guard_syntax(struct guard *guard, const char *reason)
{
    return guard_refuse(guard, OH_FAULT_INVALID_JSON, reason);
}

static int guard_peek(const struct guard *guard)
{
    return guard->at < guard->size ? guard->data[guard->at] : -1;
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

/* The value of the four digits of "\uXXXX" that starts at data[at], or -1. */
static int unit_at(const struct guard *guard, size_t at)
{
    int unit = 0;
    if (guard->size - at < 6 || guard->data[at] != '\\' || guard->data[at + 1] != 'u')
        return -1;
    for (size_t i = 2; i < 6; i++) {
        int digit = hex_value(guard->data[at + i]);
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static bool guard_unicode_escape(struct guard *guard)
{
    int unit = unit_at(guard, guard->at);
    if (unit < 0)
        return guard_syntax(guard, "\\u needs four hexadecimal digits");
    if (unit == 0)
        return guard_refuse(guard, OH_FAULT_INVALID_ENCODING, "\\u0000 is not accepted in text");
    if (unit < 0xd800 || unit > 0xdfff) {
        guard->at += 6;
        return true;
    }
    int low = unit > 0xdbff ? -1 : unit_at(guard, guard->at + 6);
    if (low < 0xdc00 || low > 0xdfff)
        return guard_refuse(guard, OH_FAULT_INVALID_ENCODING, "Half of a surrogate pair");
    guard->at += 12;
    return true;
}

static bool guard_escape(struct guard *guard)
{
    unsigned char next = guard->size - guard->at > 1 ? guard->data[guard->at + 1] : '\0';
    if (next == 'u')
        return guard_unicode_escape(guard);
    if (next == '\0' || strchr("\"\\/bfnrt", next) == NULL)
        return guard_syntax(guard, "Not an escape of JSON");
    guard->at += 2;
    return true;
}

/* A byte of a string that is not plain. */
static bool guard_special(struct guard *guard, int c, bool *has_escapes)
{
    if (c < 0)
        return guard_syntax(guard, "A string without its end");
    if (c < 0x20)
        return guard_syntax(guard, "A control character inside a string");
    if (c == '\\') {
        *has_escapes = true;
        return guard_escape(guard);
    }
    size_t used = oh_utf8_sequence_size(guard->data + guard->at, guard->size - guard->at);
    if (used == 0)
        return guard_refuse(guard, OH_FAULT_INVALID_ENCODING, "Not UTF-8");
    guard->at += used;
    return true;
}

/* At the opening quote. *out_text: between the quotes, as written. */
static bool guard_string(struct guard *guard, struct oh_bytes *out_text)
{
    size_t start = ++guard->at;
    bool has_escapes = false;
    for (;;) { /* ends: each round passes over at least one byte or returns */
        guard->at = oh_json_plain_end((const char *)guard->data, guard->at, guard->size);
        int c = guard_peek(guard);
        if (c == '"')
            break;
        if (!guard_special(guard, c, &has_escapes))
            return false;
    }
    *out_text = (struct oh_bytes){ (const char *)guard->data + start, guard->at - start };
    struct oh_json_value *value = guard_note(guard, OH_JSON_STRING, start);
    value->has_escapes = has_escapes;
    value->size = (uint32_t)out_text->size;
    guard->at++;
    return true;
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
static bool guard_digits(struct guard *guard, struct digits *digits)
{
    if (!is_digit(guard_peek(guard)))
        return guard_syntax(guard, "A number without its digits");
    while (is_digit(guard_peek(guard)))
        digits_add(digits, guard->data[guard->at++]);
    return true;
}

/* At 'e': the exponent, cut to what a number of this size can mean. */
static bool guard_exponent(struct guard *guard, int32_t *out_exponent)
{
    const int32_t exponent_max = 100000;
    int32_t exponent = 0;
    guard->at++;
    bool is_negative = guard_peek(guard) == '-';
    if (is_negative || guard_peek(guard) == '+')
        guard->at++;
    if (!is_digit(guard_peek(guard)))
        return guard_syntax(guard, "An exponent without its digits");
    while (is_digit(guard_peek(guard))) {
        int32_t next = exponent * 10 + (guard->data[guard->at++] - '0');
        exponent = next < exponent_max ? next : exponent_max;
    }
    *out_exponent = is_negative ? -exponent : exponent;
    return true;
}

/* Doubles go from 1e-307 to 1e308 without losing digits. */
static bool guard_number_is_exact(struct guard *guard, const struct digits *digits, int32_t exponent,
                                  size_t size)
{
    int32_t magnitude = digits->scale + exponent;
    if (digits->count == 0)
        return true;
    if (magnitude > 307)
        return guard_refuse(guard, OH_FAULT_OUT_OF_RANGE, "Numbers go up to 1e307");
    if (digits->count > OH_JSON_DIGITS_MAX || size > OH_JSON_NUMBER_SIZE_MAX || magnitude < -300)
        return guard_refuse(guard, OH_FAULT_NUMBER_NOT_EXACT, "Numbers have at most 15 significant digits");
    return true;
}

/* Of a number that passed: leading zeros aside it has few bytes, unless it is 0. */
static double number_value(const struct guard *guard, size_t start, const struct digits *digits)
{
    char text[OH_JSON_NUMBER_SIZE_MAX + 1];
    size_t size = guard->at - start;
    if (digits->count == 0)
        return guard->data[start] == '-' ? -0.0 : 0.0;
    memcpy(text, guard->data + start, size);
    text[size] = '\0';
    return strtod(text, NULL);
}

/* Any number, of any length. */
static bool guard_number_any(struct guard *guard)
{
    size_t start = guard->at;
    struct digits digits = { .count = 0 };
    int32_t exponent = 0;
    if (guard_peek(guard) == '-')
        guard->at++;
    bool is_zero = guard_peek(guard) == '0';
    size_t whole_at = guard->at;
    if (!guard_digits(guard, &digits))
        return false;
    if (is_zero && guard->at - whole_at > 1)
        return guard_syntax(guard, "A number with a zero in front");
    if (guard_peek(guard) == '.') {
        guard->at++;
        digits.is_after_point = true;
        if (!guard_digits(guard, &digits))
            return false;
    }
    if ((guard_peek(guard) | 0x20) == 'e' && !guard_exponent(guard, &exponent))
        return false;
    if (!guard_number_is_exact(guard, &digits, exponent, guard->at - start))
        return false;
    guard_note(guard, OH_JSON_NUMBER, start)->number = number_value(guard, start, &digits);
    return true;
}

/* Adds the digits at text[*at..size) to *mantissa while it has at most 15. Returns how many. */
static uint32_t digits_read(const struct guard *guard, size_t *at, uint64_t *mantissa)
{
    uint32_t count = 0;
    while (*at < guard->size && is_digit(guard->data[*at]) && count <= OH_JSON_DIGITS_MAX) {
        *mantissa = *mantissa * 10 + (uint64_t)(guard->data[*at] - '0');
        ++*at;
        count++;
    }
    return count;
}

/*
 * At a digit or '-': nearly every number is a few digits, perhaps with a point. Up to 15 of them are a whole number
 * that a double has, and so is the power of ten; their quotient is the nearest double, as IEEE 754 divides.
 */
static bool guard_number(struct guard *guard)
{
    static const double powers[] = { 1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
    bool is_negative = guard->data[guard->at] == '-';
    size_t at = guard->at + is_negative;
    uint64_t mantissa = 0;
    uint32_t fraction_count = 0;
    bool is_zero = at < guard->size && guard->data[at] == '0';
    uint32_t whole_count = digits_read(guard, &at, &mantissa);
    bool is_plain = whole_count > 0 && (!is_zero || whole_count == 1);
    if (is_plain && at < guard->size && guard->data[at] == '.') {
        at++;
        fraction_count = digits_read(guard, &at, &mantissa);
        is_plain = fraction_count > 0;
    }
    bool has_more = at < guard->size && (guard->data[at] | 0x20) == 'e';
    if (!is_plain || has_more || whole_count + fraction_count > OH_JSON_DIGITS_MAX)
        return guard_number_any(guard);
    double value = (double)mantissa / powers[fraction_count];
    guard_note(guard, OH_JSON_NUMBER, guard->at)->number = is_negative ? -value : value;
    guard->at = at;
    return true;
}

/* ---- Structure -------------------------------------------------------------------------------- */

static bool guard_literal(struct guard *guard, const char *word, enum oh_json_type type)
{
    size_t size = strlen(word);
    if (guard->size - guard->at < size || memcmp(guard->data + guard->at, word, size) != 0)
        return guard_syntax(guard, "Not a value of JSON");
    guard_note(guard, type, guard->at);
    guard->at += size;
    return true;
}

static void guard_after_value(struct guard *guard)
{
    guard->expectation = guard->depth == 0 ? EXPECT_NOTHING : EXPECT_COMMA_OR_END;
}

static bool guard_open(struct guard *guard, bool is_array)
{
    if (guard->depth == OH_JSON_DEPTH_MAX)
        return guard_refuse(guard, OH_FAULT_TOO_DEEP, "At most 16 arrays and objects inside each other");
    guard->levels[guard->depth++] = (struct level){ .is_array = is_array, .value = guard->noted_count };
    guard_note(guard, is_array ? OH_JSON_ARRAY : OH_JSON_OBJECT, guard->at);
    guard->expectation = is_array ? EXPECT_FIRST_VALUE : EXPECT_FIRST_KEY;
    guard->at++;
    return true;
}

static bool guard_close(struct guard *guard, bool is_array)
{
    if (guard->depth == 0 || guard->levels[guard->depth - 1].is_array != is_array)
        return guard_syntax(guard, "A bracket that closes nothing");
    const struct level *level = &guard->levels[--guard->depth];
    bool is_empty = guard->expectation == EXPECT_FIRST_VALUE || guard->expectation == EXPECT_FIRST_KEY;
    if (level->value < guard->capacity) {
        guard->values[level->value].count = is_empty ? 0 : level->index + 1;
        guard->values[level->value].next = guard->noted_count;
    }
    guard->at++;
    guard_after_value(guard);
    return true;
}

static bool guard_scalar(struct guard *guard, int c)
{
    struct oh_bytes text;
    switch (c) {
    case '"':
        return guard_string(guard, &text);
    case 't':
        return guard_literal(guard, "true", OH_JSON_TRUE);
    case 'f':
        return guard_literal(guard, "false", OH_JSON_FALSE);
    case 'n':
        return guard_literal(guard, "null", OH_JSON_NULL);
    default:
        return c == '-' || is_digit(c) ? guard_number(guard) : guard_syntax(guard, "Not a value of JSON");
    }
}

static bool guard_value(struct guard *guard, int c)
{
    if (guard->value_count == OH_JSON_VALUES_MAX)
        return guard_refuse(guard, OH_FAULT_TOO_MANY, "At most 262144 values");
    guard->value_count++;
    if (c == '{' || c == '[')
        return guard_open(guard, c == '[');
    if (!guard_scalar(guard, c))
        return false;
    guard_after_value(guard);
    return true;
}

static bool guard_colon(struct guard *guard, int c)
{
    if (c != ':')
        return guard_syntax(guard, "A colon is expected");
    guard->at++;
    guard->expectation = EXPECT_VALUE;
    return true;
}

static bool is_space(int c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static void guard_skip_spaces(struct guard *guard)
{
    while (is_space(guard_peek(guard)))
        guard->at++;
}

/* Between most tokens there is nothing. */
static inline void guard_skip_space(struct guard *guard)
{
    if (guard->at < guard->size && guard->data[guard->at] <= ' ')
        guard_skip_spaces(guard);
}

/* A name, and the colon unless the body ends before it. */
static bool guard_key(struct guard *guard, int c)
{
    if (c != '"')
        return guard_syntax(guard, "A field name in quotes is expected");
    if (!guard_string(guard, &guard->levels[guard->depth - 1].key))
        return false;
    guard->expectation = EXPECT_COLON;
    guard_skip_space(guard);
    return guard->at == guard->size || guard_colon(guard, guard->data[guard->at]);
}

static bool guard_comma_or_end(struct guard *guard, int c)
{
    struct level *level = &guard->levels[guard->depth - 1];
    if (c == '}' || c == ']')
        return guard_close(guard, c == ']');
    if (c != ',')
        return guard_syntax(guard, "A comma or a closing bracket is expected");
    guard->at++;
    level->index++;
    level->key = OH_BYTES_NONE;
    guard->expectation = level->is_array ? EXPECT_NEXT_VALUE : EXPECT_NEXT_KEY;
    return true;
}

/* One token, which is not white space and begins with c. */
static bool guard_token(struct guard *guard, int c)
{
    switch (guard->expectation) {
    case EXPECT_FIRST_VALUE:
        return c == ']' ? guard_close(guard, true) : guard_value(guard, c);
    case EXPECT_VALUE:
    case EXPECT_NEXT_VALUE:
        return guard_value(guard, c);
    case EXPECT_FIRST_KEY:
        return c == '}' ? guard_close(guard, false) : guard_key(guard, c);
    case EXPECT_NEXT_KEY:
        return guard_key(guard, c);
    case EXPECT_COMMA_OR_END:
        return guard_comma_or_end(guard, c);
    case EXPECT_COLON: /* no: guard_key passes over it, or the body ends */
    case EXPECT_NOTHING:
        break;
    }
    return guard_syntax(guard, "Bytes after the value");
}

enum oh_err oh_json_read(struct oh_bytes body, struct oh_json_value *values, uint32_t capacity, uint32_t *out_count,
                         struct oh_fault *fault)
{
    struct guard guard;
    OH_ASSERT(body.size <= UINT32_MAX);
    guard.data = (const unsigned char *)body.data;
    guard.size = body.size;
    guard.at = 0;
    guard.value_count = 0;
    guard.depth = 0;
    guard.expectation = EXPECT_VALUE;
    guard.fault = fault;
    guard.values = values;
    guard.capacity = capacity;
    guard.noted_count = 0;
    guard_skip_space(&guard);
    if (guard.at == guard.size) {
        oh_fault_set(fault, OH_FAULT_EMPTY_BODY, OH_BYTES_NONE, "The body is empty.");
        return OH_E_SYNTAX;
    }
    while (guard.at < guard.size) {
        if (!guard_token(&guard, guard.data[guard.at]))
            return OH_E_SYNTAX;
        guard_skip_space(&guard);
    }
    if (guard.expectation != EXPECT_NOTHING) {
        guard_syntax(&guard, "The body ends in the middle");
        return OH_E_SYNTAX;
    }
    *out_count = guard.noted_count;
    return guard.noted_count <= capacity ? OH_OK : OH_E_FULL;
}

enum oh_err oh_json_guard(struct oh_bytes body, struct oh_fault *fault)
{
    uint32_t count;
    enum oh_err err = oh_json_read(body, NULL, 0, &count, fault);
    return err == OH_E_FULL ? OH_OK : err;
}
