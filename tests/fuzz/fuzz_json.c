/*
 * fuzz_json.c - JSON against libjansson.
 *
 * Input: one JSON text, also read as the body of a POST /v1/stock/adjust.
 * Laws: what we take, jansson takes, and every value is the same, in a tree and as the guard notes it; what jansson
 * refuses, we refuse; what we refuse, jansson refuses, but for limits of ours (too_deep, number_not_exact,
 * out_of_range) and bytes NUL, which jansson 2.14 passes over behind a number and which we always refuse. Of a repeated
 * name jansson keeps the last value and we both: the last is compared. A body is bound or refused as a reader written
 * over jansson's tree has it, which refuses repeated names, and each of its fields has the same value.
 */
#include "base/assert.h"
#include "codec/json_document.h"
#include "codec/json_guard.h"
#include "codec/json_request.h"
#include "fuzz/fuzz.h"
#include "fuzz/twin_values.h"
#include "onhand/types.h"
#include <cjson/cJSON.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define INPUT_SIZE_MAX 4096u
#define JANSSON_FLAGS  (JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL)

static struct oh_json_document *document;

/* ---- Trees ------------------------------------------------------------------------------------ */

struct pair {
    const cJSON *ours;
    json_t *twins;
};

/* Values still to be compared. Each is at least a byte of the input. */
static struct pair pairs[INPUT_SIZE_MAX];
static size_t pair_count;

static void pair_push(const cJSON *ours, json_t *twins)
{
    OH_ASSERT(twins != NULL && pair_count < INPUT_SIZE_MAX);
    pairs[pair_count++] = (struct pair){ ours, twins };
}

static bool is_named_again(const cJSON *member)
{
    for (const cJSON *other = member->next; other != NULL; other = other->next) {
        if (strcmp(other->string, member->string) == 0)
            return true;
    }
    return false;
}

static void object_compare(const cJSON *ours, json_t *twins)
{
    size_t count = 0;
    OH_ASSERT(json_is_object(twins));
    for (const cJSON *member = ours->child; member != NULL; member = member->next) {
        if (is_named_again(member))
            continue;
        pair_push(member, json_object_get(twins, member->string));
        count++;
    }
    OH_ASSERT(count == json_object_size(twins));
}

static void array_compare(const cJSON *ours, json_t *twins)
{
    size_t count = 0;
    OH_ASSERT(json_is_array(twins));
    for (const cJSON *element = ours->child; element != NULL; element = element->next)
        pair_push(element, json_array_get(twins, count++));
    OH_ASSERT(count == json_array_size(twins));
}

static void value_compare(const cJSON *ours, json_t *twins)
{
    switch (ours->type & 0xff) {
    case cJSON_Object:
        object_compare(ours, twins);
        break;
    case cJSON_Array:
        array_compare(ours, twins);
        break;
    case cJSON_String:
        OH_ASSERT(json_is_string(twins) && strcmp(ours->valuestring, json_string_value(twins)) == 0);
        OH_ASSERT(json_string_length(twins) == strlen(ours->valuestring));
        break;
    case cJSON_Number:
        OH_ASSERT(json_is_real(twins) && ours->valuedouble == json_real_value(twins));
        break;
    case cJSON_True:
        OH_ASSERT(json_is_true(twins));
        break;
    case cJSON_False:
        OH_ASSERT(json_is_false(twins));
        break;
    default:
        OH_ASSERT(json_is_null(twins));
    }
}

/* ---- Values as they are noted ----------------------------------------------------------------- */

/* The noted values of one body, and what jansson made of it. */
struct notes {
    struct oh_bytes body;
    const struct oh_json_value *values;
    struct { uint32_t at; json_t *twin; } left[INPUT_SIZE_MAX]; /* still to be compared */
    size_t left_count;
};

static void notes_push(struct notes *notes, uint32_t at, json_t *twin)
{
    OH_ASSERT(twin != NULL && notes->left_count < INPUT_SIZE_MAX);
    notes->left[notes->left_count].at = at;
    notes->left[notes->left_count++].twin = twin;
}

static uint32_t notes_next(const struct notes *notes, uint32_t at)
{
    const struct oh_json_value *value = &notes->values[at];
    return value->type == OH_JSON_ARRAY || value->type == OH_JSON_OBJECT ? value->next : at + 1;
}

/* What a noted string says, in one of two places, so that two can be compared. */
static struct oh_bytes notes_text(const struct notes *notes, uint32_t at, unsigned place)
{
    static char texts[2][INPUT_SIZE_MAX + 1];
    const struct oh_json_value *value = &notes->values[at];
    struct oh_bytes raw = { notes->body.data + value->at, value->size };
    OH_ASSERT(value->type == OH_JSON_STRING);
    size_t size = oh_json_unescape(raw, texts[place]);
    OH_ASSERT(size <= raw.size && (value->has_escapes || size == raw.size));
    OH_ASSERT(value->has_escapes == (raw.size > 0 && memchr(raw.data, '\\', raw.size) != NULL));
    texts[place][size] = '\0';
    return (struct oh_bytes){ texts[place], size };
}

/* Whether one of `left` members from values[at] on has that name. */
static bool notes_have(const struct notes *notes, struct oh_bytes name, uint32_t at, uint32_t left)
{
    for (; left > 0; left--) {
        if (oh_bytes_equal(notes_text(notes, at, 1), name))
            return true;
        at = notes_next(notes, at + 1);
    }
    return false;
}

static void notes_object(struct notes *notes, uint32_t at, json_t *twin)
{
    uint32_t left = notes->values[at].count;
    uint32_t member = at + 1;
    size_t count = 0;
    OH_ASSERT(json_is_object(twin));
    while (left-- > 0) {
        uint32_t next = notes_next(notes, member + 1);
        struct oh_bytes name = notes_text(notes, member, 0);
        if (!notes_have(notes, name, next, left)) {
            notes_push(notes, member + 1, json_object_get(twin, name.data));
            count++;
        }
        member = next;
    }
    OH_ASSERT(member == notes->values[at].next && count == json_object_size(twin));
}

static void notes_array(struct notes *notes, uint32_t at, json_t *twin)
{
    uint32_t element = at + 1;
    OH_ASSERT(json_is_array(twin) && json_array_size(twin) == notes->values[at].count);
    for (size_t i = 0; i < notes->values[at].count; i++) {
        notes_push(notes, element, json_array_get(twin, i));
        element = notes_next(notes, element);
    }
    OH_ASSERT(element == notes->values[at].next);
}

static void notes_compare(struct notes *notes, uint32_t at, json_t *twin)
{
    const struct oh_json_value *value = &notes->values[at];
    double number = value->number;
    switch ((enum oh_json_type)value->type) {
    case OH_JSON_OBJECT:
        notes_object(notes, at, twin);
        break;
    case OH_JSON_ARRAY:
        notes_array(notes, at, twin);
        break;
    case OH_JSON_STRING:
        OH_ASSERT(json_is_string(twin));
        OH_ASSERT(oh_bytes_equal(notes_text(notes, at, 0), oh_bytes_of(json_string_value(twin))));
        break;
    case OH_JSON_NUMBER:
        OH_ASSERT(json_is_real(twin) && memcmp(&number, &(double){ json_real_value(twin) }, sizeof(number)) == 0);
        break;
    case OH_JSON_TRUE:
    case OH_JSON_FALSE:
        OH_ASSERT(json_is_boolean(twin) && json_is_true(twin) == (value->type == OH_JSON_TRUE));
        break;
    case OH_JSON_NULL:
        OH_ASSERT(json_is_null(twin));
        break;
    }
}

/* Of a body that passed the guard. */
static void notes_check(struct oh_bytes body, json_t *twin)
{
    static struct notes notes;
    struct oh_fault fault;
    enum oh_err err = oh_json_document_read(document, body, &notes.values, &fault);
    OH_ASSERT(err == OH_OK);
    notes.body = body;
    notes.left_count = 0;
    notes_push(&notes, 0, twin);
    while (notes.left_count > 0) {
        notes.left_count--;
        notes_compare(&notes, notes.left[notes.left_count].at, notes.left[notes.left_count].twin);
    }
}

/* ---- Both ------------------------------------------------------------------------------------- */

static bool is_our_rule(struct oh_bytes body, const struct oh_fault *fault)
{
    static const char *const codes[] = { "too_deep", "number_not_exact", "out_of_range" };
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (strcmp(fault->code, codes[i]) == 0)
            return true;
    }
    return body.size > 0 && memchr(body.data, '\0', body.size) != NULL;
}

static void whole_check(struct oh_bytes body)
{
    struct oh_fault fault;
    json_error_t error;
    const cJSON *root = NULL;
    size_t flags = JANSSON_FLAGS | (fuzz_is_planted() ? JSON_REJECT_DUPLICATES : 0);
    json_t *twin = json_loadb(body.data, body.size, flags, &error);
    bool is_taken = oh_json_document_parse(document, body, &root, &fault) == OH_OK;
    if (is_taken) {
        OH_ASSERT(twin != NULL);
        pair_count = 0;
        pair_push(root, twin);
        while (pair_count > 0) {
            struct pair pair = pairs[--pair_count];
            value_compare(pair.ours, pair.twins);
        }
        notes_check(body, twin);
    } else {
        OH_ASSERT(twin == NULL || is_our_rule(body, &fault));
        /* Out of reach here: it would be cJSON that refuses what the guard let pass. */
        OH_ASSERT(strcmp(fault.code, "too_many") != 0);
    }
    json_decref(twin);
    oh_json_document_clear(document);
}

/* ---- A body ----------------------------------------------------------------------------------- */

/* A member; NULL when it is absent or null, which is the same. */
static json_t *member(json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);
    return json_is_null(value) ? NULL : value;
}

static bool has_only(json_t *object, const char *const *names)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        size_t i = 0;
        while (names[i] != NULL && strcmp(names[i], name) != 0)
            i++;
        if (names[i] == NULL)
            return false;
    }
    return true;
}

/* Text of 1 to size_max bytes. */
static bool twin_text(json_t *value, bool is_needed, size_t size_max, struct oh_bytes *out)
{
    *out = OH_BYTES_NONE;
    if (value == NULL)
        return !is_needed;
    if (!json_is_string(value))
        return false;
    *out = (struct oh_bytes){ json_string_value(value), json_string_length(value) };
    return out->size >= 1 && out->size <= size_max;
}

/* Printed with 15 digits a double is the decimal that was sent. */
static bool twin_quantity(json_t *value, int64_t *out)
{
    char text[64];
    if (!json_is_real(value))
        return false;
    (void)snprintf(text, sizeof(text), "%.14e", json_real_value(value));
    char *exponent_at = strchr(text, 'e');
    char *point_at = strchr(text, '.');
    OH_ASSERT(exponent_at != NULL && point_at != NULL);
    int exponent = (int)strtol(exponent_at + 1, NULL, 10) - 14;
    memmove(point_at, point_at + 1, strlen(point_at));
    int64_t mantissa = strtoll(text, NULL, 10);
    return twin_milli_of(mantissa, exponent, out) == OH_OK && *out >= -OH_QUANTITY_MILLI_MAX &&
           *out <= OH_QUANTITY_MILLI_MAX;
}

static bool twin_state(json_t *value, enum oh_state *out)
{
    static const char *const words[] = { "sellable", "damaged", "quality_control", "display", "returned" };
    *out = OH_STATE_SELLABLE;
    if (value == NULL)
        return true;
    for (unsigned i = 0; json_is_string(value) && i < sizeof(words) / sizeof(words[0]); i++) {
        *out = (enum oh_state)i;
        if (strcmp(words[i], json_string_value(value)) == 0)
            return true;
    }
    return false;
}

static bool twin_at(json_t *value, int64_t *out)
{
    *out = OH_TIME_US_NONE;
    return value == NULL || (json_is_string(value) && twin_time(json_string_value(value), out) == OH_OK);
}

static bool twin_entry(json_t *entry, struct oh_adjust_entry *out)
{
    static const char *const names[] = { "id", "sku", "node", "quantity", "state", "reason", "at", NULL };
    return json_is_object(entry) && has_only(entry, names) &&
           twin_text(member(entry, "id"), false, 64, &out->id) &&
           twin_text(member(entry, "sku"), true, 64, &out->sku) &&
           twin_text(member(entry, "node"), true, 64, &out->node) &&
           twin_quantity(member(entry, "quantity"), &out->quantity_milli) &&
           twin_state(member(entry, "state"), &out->state) &&
           twin_text(member(entry, "reason"), true, 128, &out->reason) &&
           twin_at(member(entry, "at"), &out->at_us);
}

static bool twin_adjust(json_t *body, struct oh_bytes *out_source, json_t **out_entries)
{
    static const char *const names[] = { "source", "entries", NULL };
    struct oh_adjust_entry entry;
    if (!json_is_object(body) || !has_only(body, names) ||
        !twin_text(member(body, "source"), true, 64, out_source))
        return false;
    *out_entries = member(body, "entries");
    if (json_array_size(*out_entries) == 0) /* also of what is no array */
        return false;
    for (size_t i = 0; i < json_array_size(*out_entries); i++) {
        if (!twin_entry(json_array_get(*out_entries, i), &entry))
            return false;
    }
    return true;
}

static void adjust_compare(const struct oh_adjust_command *adjust, struct oh_bytes source, json_t *entries)
{
    OH_ASSERT(oh_bytes_equal(adjust->source, source));
    OH_ASSERT(adjust->entry_count == json_array_size(entries));
    for (uint32_t i = 0; i < adjust->entry_count; i++) {
        const struct oh_adjust_entry *ours = &adjust->entries[i];
        struct oh_adjust_entry twins;
        bool is_good = twin_entry(json_array_get(entries, i), &twins);
        OH_ASSERT(is_good);
        OH_ASSERT(oh_bytes_equal(ours->id, twins.id) && oh_bytes_equal(ours->sku, twins.sku));
        OH_ASSERT(oh_bytes_equal(ours->node, twins.node) && oh_bytes_equal(ours->reason, twins.reason));
        OH_ASSERT(ours->quantity_milli == twins.quantity_milli);
        OH_ASSERT(ours->state == twins.state && ours->at_us == twins.at_us);
    }
}

static void adjust_check(struct oh_bytes body)
{
    struct oh_command command;
    struct oh_fault fault;
    json_error_t error;
    struct oh_bytes source = OH_BYTES_NONE;
    json_t *entries = NULL;
    /* What the guard refuses was compared as a tree. */
    if (oh_json_guard(body, &fault) != OH_OK)
        return;
    json_t *twin = json_loadb(body.data, body.size, JANSSON_FLAGS | JSON_REJECT_DUPLICATES, &error);
    bool is_good = twin != NULL && twin_adjust(twin, &source, &entries);
    bool is_taken = oh_request_adjust(document, body, &command, &fault) == OH_OK;
    OH_ASSERT(is_taken == is_good);
    if (is_taken)
        adjust_compare(&command.adjust, source, entries);
    json_decref(twin);
    oh_json_document_clear(document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oh_bytes body = { (const char *)data, size };
    if (size > INPUT_SIZE_MAX)
        return 0;
    if (document == NULL) {
        enum oh_err err = oh_json_document_create(&document);
        OH_ASSERT(err == OH_OK);
        json_object_seed(1); /* the same bytes always do the same */
    }
    whole_check(body);
    adjust_check(body);
    return 0;
}
