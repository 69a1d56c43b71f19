/*
 * words.c - the tables of types.h, verdict.h, command.h and effect.h as text.
 */
#include "onhand/effect.h"

#define TEXT_CASE(name, number, text) \
    case name:                        \
        return text;

const char *oh_node_type_text(enum oh_node_type type)
{
    switch (type) { OH_NODE_TYPES(TEXT_CASE) }
    return "unknown";
}

const char *oh_state_text(enum oh_state state)
{
    switch (state) { OH_STATES(TEXT_CASE) }
    return "unknown";
}

const char *oh_kind_text(enum oh_kind kind)
{
    switch (kind) { OH_KINDS(TEXT_CASE) }
    return "unknown";
}

const char *oh_status_text(enum oh_status status)
{
    switch (status) { OH_STATUSES(TEXT_CASE) }
    return "unknown";
}

const char *oh_band_text(enum oh_band band)
{
    switch (band) { OH_BANDS(TEXT_CASE) }
    return "unknown";
}

const char *oh_policy_text(enum oh_policy policy)
{
    switch (policy) { OH_POLICIES(TEXT_CASE) }
    return "unknown";
}

const char *oh_unit_text(enum oh_unit unit)
{
    switch (unit) { OH_UNITS(TEXT_CASE) }
    return "unknown";
}

#define DOCUMENT_CASE(name, number, text, most) \
    case name:                                  \
        return text;

const char *oh_document_kind_text(enum oh_document_kind kind)
{
    switch (kind) { OH_DOCUMENT_KINDS(DOCUMENT_CASE) }
    return "unknown";
}

#define DOCUMENT_MAX_CASE(name, number, text, most) \
    case name:                                      \
        return most;

uint32_t oh_document_kind_max(enum oh_document_kind kind)
{
    switch (kind) { OH_DOCUMENT_KINDS(DOCUMENT_MAX_CASE) }
    return 0;
}

bool oh_unit_parse(struct oh_bytes text, enum oh_unit *out)
{
    for (uint32_t i = 0; i <= OH_UNIT_PARCELS; i++) {
        if (oh_bytes_equal(text, oh_bytes_of(oh_unit_text((enum oh_unit)i)))) {
            *out = (enum oh_unit)i;
            return true;
        }
    }
    return false;
}

bool oh_document_kind_parse(struct oh_bytes text, enum oh_document_kind *out)
{
    for (uint32_t i = 0; i < OH_DOCUMENT_KIND_COUNT; i++) {
        if (oh_bytes_equal(text, oh_bytes_of(oh_document_kind_text((enum oh_document_kind)i)))) {
            *out = (enum oh_document_kind)i;
            return true;
        }
    }
    return false;
}

const char *oh_fence_policy_text(enum oh_fence_policy policy)
{
    switch (policy) { OH_FENCE_POLICIES(TEXT_CASE) }
    return "unknown";
}

const char *oh_field_text(enum oh_field field)
{
    switch (field) { OH_FIELDS(TEXT_CASE) }
    return "";
}

const char *oh_effect_type_text(enum oh_effect_type type)
{
    switch (type) { OH_EFFECTS(TEXT_CASE) }
    return "unknown";
}

const char *oh_step_text(enum oh_step step)
{
    switch (step) { OH_STEPS(TEXT_CASE) }
    return "unknown";
}

#define PARSE_ROW(name, number, word)            \
    if (oh_bytes_equal(text, OH_BYTES(word))) {  \
        *out = name;                             \
        return true;                             \
    }

bool oh_node_type_parse(struct oh_bytes text, enum oh_node_type *out)
{
    OH_NODE_TYPES(PARSE_ROW)
    return false;
}

bool oh_state_parse(struct oh_bytes text, enum oh_state *out)
{
    OH_STATES(PARSE_ROW)
    return false;
}

bool oh_kind_parse(struct oh_bytes text, enum oh_kind *out)
{
    OH_KINDS(PARSE_ROW)
    return false;
}

bool oh_status_parse(struct oh_bytes text, enum oh_status *out)
{
    OH_STATUSES(PARSE_ROW)
    return false;
}

bool oh_policy_parse(struct oh_bytes text, enum oh_policy *out)
{
    OH_POLICIES(PARSE_ROW)
    return false;
}

bool oh_fence_policy_parse(struct oh_bytes text, enum oh_fence_policy *out)
{
    OH_FENCE_POLICIES(PARSE_ROW)
    return false;
}

#define CODE_CASE(name, number, code, http, title) \
    case name:                                     \
        return code;
#define TITLE_CASE(name, number, code, http, title) \
    case name:                                      \
        return title;
#define HTTP_CASE(name, number, code, http, title) \
    case name:                                     \
        return http;

const char *oh_verdict_code(enum oh_verdict verdict)
{
    switch (verdict) { OH_VERDICTS(CODE_CASE) }
    return "unknown";
}

const char *oh_verdict_title(enum oh_verdict verdict)
{
    switch (verdict) { OH_VERDICTS(TITLE_CASE) }
    return "Unknown";
}

int oh_verdict_http_status(enum oh_verdict verdict)
{
    switch (verdict) { OH_VERDICTS(HTTP_CASE) }
    return 500;
}
