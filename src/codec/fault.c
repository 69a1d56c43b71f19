#include "codec/fault.h"
#include "base/utf8.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *code;
    int http_status;
    const char *title;
} fault_rows[] = {
#define OH_FAULT_ROW(name, code, http, title) [name] = { code, http, title },
    OH_FAULTS(OH_FAULT_ROW)
#undef OH_FAULT_ROW
};

/*
 * The longest run of whole characters of text[0..size) that fits size_max. Stops at a byte that is no
 * character.
 */
static size_t text_cut(const char *text, size_t size, size_t size_max)
{
    size_t at = 0;
    while (at < size) {
        size_t used = oh_utf8_sequence_size((const unsigned char *)text + at, size - at);
        if (used == 0 || at + used > size_max)
            break;
        at += used;
    }
    return at;
}

void oh_fault_set(struct oh_fault *fault, enum oh_fault_type type, struct oh_bytes field, const char *format,
                  ...)
{
    fault->code = fault_rows[type].code;
    fault->title = fault_rows[type].title;
    fault->http_status = fault_rows[type].http_status;
    size_t field_size = text_cut(field.data, field.size, sizeof(fault->field) - 1);
    if (field_size != 0)
        memcpy(fault->field, field.data, field_size);
    fault->field[field_size] = '\0';
    va_list args;
    va_start(args, format);
    int written = vsnprintf(fault->detail, sizeof(fault->detail), format, args);
    va_end(args);
    size_t size = written < 0 ? 0 : strnlen(fault->detail, sizeof(fault->detail) - 1);
    fault->detail[text_cut(fault->detail, size, size)] = '\0';
}

void oh_fault_set_postal_code(struct oh_fault *fault, struct oh_bytes field, struct oh_bytes country,
                              struct oh_bytes postal_code)
{
    int country_size = (int)text_cut(country.data, country.size, 32);
    int size = (int)text_cut(postal_code.data, postal_code.size, 32);
    oh_fault_set(fault, OH_FAULT_UNKNOWN_POSTAL_CODE, field,
                 "Neither this postal code was imported for the country, nor an outward part of it: %.*s %.*s",
                 country_size, country.data, size, postal_code.data);
}

void oh_fault_prefix(struct oh_fault *fault, const char *path)
{
    char whole[OH_FAULT_FIELD_SIZE * 2];
    int size = snprintf(whole, sizeof(whole), "%s%s%s", path, fault->field[0] == '\0' ? "" : ".", fault->field);
    size_t kept = text_cut(whole, (size_t)size, sizeof(fault->field) - 1);
    memcpy(fault->field, whole, kept);
    fault->field[kept] = '\0';
}
