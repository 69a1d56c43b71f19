/*
 * json_promise.c - the body of POST /v1/promises, by tables of its fields.
 */
#include "codec/json_promise.h"
#include "codec/json_bind.h"
#include "codec/shape_fields.h"
#include "codec/time_text.h"
#include <cjson/cJSON.h>
#include <string.h>

#define LINE_MAX_NUMBER INT32_MAX
#define RADIUS_KM_MAX   20040
#define PRINT_SLACK     16u /* what cJSON wants beyond what it prints */

static bool refuse(struct oh_fault *fault, enum oh_fault_type type, const char *field, const char *sentence)
{
    oh_fault_set(fault, type, oh_bytes_of(field), "%s", sentence);
    return false;
}

/* ---- Where to --------------------------------------------------------------------------------- */

enum destination_field { DESTINATION_LAT, DESTINATION_LON, DESTINATION_COUNTRY, DESTINATION_POSTAL_CODE };

static const struct oh_shape_field destination_fields[] = {
    DEGREES(oh_destination, point.latitude, "lat", 90, OPTIONAL),
    DEGREES(oh_destination, point.longitude, "lon", 180, OPTIONAL),
    ID(oh_destination, country, "country", OPTIONAL),
    ID(oh_destination, postal_code, "postal_code", OPTIONAL),
};

static bool destination_finish(void *object, uint32_t given, struct oh_fault *fault)
{
    struct oh_destination *destination = object;
    bool has_latitude = (given >> DESTINATION_LAT & 1) != 0;
    bool has_longitude = (given >> DESTINATION_LON & 1) != 0;
    bool has_country = (given >> DESTINATION_COUNTRY & 1) != 0;
    bool has_postal_code = (given >> DESTINATION_POSTAL_CODE & 1) != 0;
    destination->has_point = has_latitude;
    if (has_latitude != has_longitude)
        return refuse(fault, OH_FAULT_MISSING_FIELD, has_latitude ? "lon" : "lat", "lat and lon come together.");
    if (has_postal_code && !has_country)
        return refuse(fault, OH_FAULT_MISSING_FIELD, "country", "A postal code needs its country.");
    return true;
}

static const struct oh_shape destination_shape =
    SHAPE(oh_destination, destination_fields, NULL, destination_finish);

static const struct oh_shape_field near_fields[] = {
    DEGREES(oh_near, point.latitude, "lat", 90, REQUIRED),
    DEGREES(oh_near, point.longitude, "lon", 180, REQUIRED),
    FIELD(oh_near, radius_km, "radius_km", REAL, .min = 0, .max = RADIUS_KM_MAX),
};
static const struct oh_shape near_shape = SHAPE(oh_near, near_fields, NULL, NULL);

/* ---- What, and which ways --------------------------------------------------------------------- */

static const struct oh_shape_field line_fields[] = {
    FIELD(oh_promise_line, line, "line", U32, .min = 1, .max = LINE_MAX_NUMBER),
    ID(oh_promise_line, sku, "sku", REQUIRED),
    QUANTITY(oh_promise_line, quantity_milli, "quantity", REQUIRED),
};
static const struct oh_shape line_shape = SHAPE(oh_promise_line, line_fields, NULL, NULL);

/* Which ways the customer may have it. */
struct ways {
    const struct oh_bytes *kinds;
    uint32_t kind_count;
    bool ship;
    bool collect;
    const struct oh_bytes *services;
    uint32_t service_count;
    const struct oh_bytes *stores;
    uint32_t store_count;
    uint32_t slots_max;
    uint32_t stores_max;
    int64_t until_us;
};
static const struct ways ways_defaults = { .ship = true, .collect = true, .until_us = OH_TIME_US_NONE };

static const struct oh_shape_field options_fields[] = {
    FIELD(ways, kinds, "kinds", IDS, .min = 1, .max = 2,
          .count_offset = offsetof(struct ways, kind_count)),
    FIELD(ways, services, "services", IDS, .min = 1, .max = OH_PROMISE_NAMES_MAX,
          .count_offset = offsetof(struct ways, service_count)),
    FIELD(ways, stores, "stores", IDS, .min = 1, .max = OH_PROMISE_NAMES_MAX,
          .count_offset = offsetof(struct ways, store_count)),
    FIELD(ways, slots_max, "slots_max", U32, .min = 1, .max = OH_PROMISE_SLOTS_MAX),
    FIELD(ways, stores_max, "stores_max", U32, .min = 1, .max = OH_PROMISE_STORES_MAX),
    FIELD(ways, until_us, "until", TIME, OPTIONAL),
};

static bool kind_is(struct oh_bytes text, enum oh_kind wanted)
{
    enum oh_kind kind;
    return oh_kind_parse(text, &kind) && kind == wanted;
}

static bool options_finish(void *object, uint32_t given, struct oh_fault *fault)
{
    struct ways *ways = object;
    (void)given;
    for (uint32_t i = 0; i < ways->kind_count; i++) {
        bool is_ship = kind_is(ways->kinds[i], OH_KIND_SHIP);
        if (!is_ship && !kind_is(ways->kinds[i], OH_KIND_COLLECT))
            return refuse(fault, OH_FAULT_INVALID_VALUE, "kinds", "kinds are ship and collect.");
        ways->ship = is_ship || (i > 0 && ways->ship);
        ways->collect = !is_ship || (i > 0 && ways->collect);
    }
    return true;
}

static const struct oh_shape options_shape = SHAPE(ways, options_fields, &ways_defaults, options_finish);

/* ---- Booking it ------------------------------------------------------------------------------- */

static const struct oh_shape_field hold_fields[] = {
    FIELD(oh_promise_hold, ttl_us, "ttl_seconds", SECONDS, OPTIONAL, .max = OH_TTL_US_MAX),
    FIELD(oh_promise_hold, select, "select", ID, .max = OH_OPTION_ID_SIZE),
    ID(oh_promise_hold, id, "id", OPTIONAL),
    ID(oh_promise_hold, customer, "customer", OPTIONAL),
    ID(oh_promise_hold, order, "order", OPTIONAL),
};
static const struct oh_promise_hold hold_defaults = { .select = { "first", 5 } };

enum hold_field { HOLD_TTL, HOLD_SELECT };

static bool hold_finish(void *object, uint32_t given, struct oh_fault *fault)
{
    struct oh_promise_hold *hold = object;
    hold->is_set = true;
    hold->is_bare = (given & ~(UINT32_C(1) << HOLD_SELECT)) == 0;
    return hold->ttl_us > 0 || (given >> HOLD_TTL & 1) == 0 ||
           refuse(fault, OH_FAULT_OUT_OF_RANGE, "ttl_seconds", "A promise is held for more than 0 seconds.");
}

static const struct oh_shape hold_shape = SHAPE(oh_promise_hold, hold_fields, &hold_defaults, hold_finish);

static const struct oh_shape_field replace_fields[] = {
    ID(oh_promise_replace, reservation, "reservation", REQUIRED),
    FIELD(oh_promise_replace, without, "without", IDS, REQUIRED, .min = 1, .max = OH_PROMISE_NAMES_MAX,
          .count_offset = offsetof(struct oh_promise_replace, without_count)),
};

static bool replace_finish(void *object, uint32_t given, struct oh_fault *fault)
{
    (void)given;
    (void)fault;
    ((struct oh_promise_replace *)object)->is_set = true;
    return true;
}

static const struct oh_shape replace_shape = SHAPE(oh_promise_replace, replace_fields, NULL, replace_finish);

/* ---- The body --------------------------------------------------------------------------------- */

static bool word_explain(struct oh_bytes text, void *out)
{
    static const char *const words[] = { "none", "summary", "full" };
    for (uint32_t i = 0; i < COUNT_OF(words); i++) {
        if (oh_bytes_equal(text, oh_bytes_of(words[i]))) {
            *(enum oh_explain *)out = (enum oh_explain)i;
            return true;
        }
    }
    return false;
}

/* A channel's id, or a sourcing document, which is judged as any other (DO2). */
static bool read_policy(const struct oh_shape_field *field, void *object, struct oh_json_document *document,
                        const struct cJSON *value, struct oh_fault *fault)
{
    struct oh_promise_body *body = (struct oh_promise_body *)(void *)((char *)object + field->offset);
    struct oh_shape_field channel = ID(oh_promise_body, policy, "policy", OPTIONAL);
    if (cJSON_IsString(value))
        return oh_shape_set_string(&channel, body, oh_bytes_of(value->valuestring), fault);
    if (!cJSON_IsObject(value))
        return refuse(fault, OH_FAULT_WRONG_TYPE, "policy", "policy is a channel, or a sourcing document.");
    char *text = oh_json_document_allocate(document, 1, OH_DOCUMENT_SIZE_MAX + PRINT_SLACK);
    if (text == NULL) {
        oh_json_document_full(fault);
        return false;
    }
    if (!cJSON_PrintPreallocated((cJSON *)value, text, (int)(OH_DOCUMENT_SIZE_MAX + PRINT_SLACK), 0))
        return refuse(fault, OH_FAULT_TOO_MANY, "policy", "A document has at most 65536 bytes.");
    body->draft = oh_bytes_of(text);
    return true;
}

struct body_form {
    struct oh_promise_body rest;
    struct ways ways; /* `options` */
};

/* In the order of body_fields. */
enum body_field {
    BODY_LINES,
    BODY_CHANNEL,
    BODY_DESTINATION,
    BODY_NEAR,
    BODY_OPTIONS,
    BODY_EXPLAIN,
    BODY_AT,
    BODY_POLICY,
    BODY_WITHOUT,
    BODY_SEPARATELY,
    BODY_HOLD,
    BODY_REPLACE,
};
#define GIVEN(field) (UINT32_C(1) << BODY_##field)
#define WITH_REPLACE (GIVEN(DESTINATION) | GIVEN(NEAR) | GIVEN(OPTIONS) | GIVEN(EXPLAIN) | GIVEN(HOLD) | GIVEN(REPLACE))
#define WHAT_IF      (GIVEN(AT) | GIVEN(POLICY) | GIVEN(WITHOUT))

static const struct oh_shape_field body_fields[] = {
    FIELD(body_form, rest.request.lines, "lines", OBJECTS, .min = 1, .max = OH_PROMISE_LINES_MAX,
          .count_offset = offsetof(struct body_form, rest.request.line_count), .object = &line_shape),
    ID(body_form, rest.request.channel, "channel", OPTIONAL),
    FIELD(body_form, rest.request.destination, "destination", OBJECT, .object = &destination_shape),
    FIELD(body_form, rest.request.near, "near", OBJECT, .object = &near_shape,
          .flag_offset = offsetof(struct body_form, rest.request.near.is_set)),
    FIELD(body_form, ways, "options", OBJECT, .object = &options_shape),
    WORD(body_form, rest.request.explain, "explain", word_explain, OPTIONAL),
    FIELD(body_form, rest.request.at_us, "at", TIME, OPTIONAL),
    FIELD(body_form, rest, "policy", OTHER, .read = read_policy),
    FIELD(body_form, rest.request.without, "without", IDS, .min = 1, .max = OH_PROMISE_NAMES_MAX,
          .count_offset = offsetof(struct body_form, rest.request.without_count)),
    BOOL(body_form, rest.separately, "separately"),
    FIELD(body_form, rest.hold, "hold", OBJECT, .object = &hold_shape),
    FIELD(body_form, rest.replace, "replace", OBJECT, .object = &replace_shape),
};

/* A new reservation has a time to live; one that is there has everything but the choice. */
static bool hold_judge(const struct body_form *form, bool has_replace, struct oh_fault *fault)
{
    if (has_replace && !form->rest.hold.is_bare)
        return refuse(fault, OH_FAULT_INVALID_VALUE, "hold", "Of a reservation that is there only select is asked.");
    if (!has_replace && form->rest.hold.ttl_us == 0)
        return refuse(fault, OH_FAULT_MISSING_FIELD, "hold.ttl_seconds", "How long the promise is held.");
    if (form->rest.request.line_count > OH_LINES_MAX)
        return refuse(fault, OH_FAULT_TOO_MANY, "lines", "At most 1000 lines are held.");
    return true;
}

static bool body_finish(void *object, uint32_t given, struct oh_fault *fault)
{
    const struct body_form *form = object;
    bool has_lines = (given & GIVEN(LINES)) != 0;
    bool has_hold = (given & GIVEN(HOLD)) != 0;
    bool has_replace = (given & GIVEN(REPLACE)) != 0;
    if (has_lines == has_replace)
        return refuse(fault, has_lines ? OH_FAULT_INVALID_VALUE : OH_FAULT_MISSING_FIELD, "lines",
                      "Either lines, or replace, whose lines are those of the reservation.");
    if (has_hold && (given & WHAT_IF) != 0)
        return refuse(fault, OH_FAULT_INVALID_VALUE, "hold", "at, policy and without ask what if: they book nothing.");
    if (form->rest.separately && (has_hold || has_replace))
        return refuse(fault, OH_FAULT_INVALID_VALUE, "separately", "A basket is held or replaced one at a time.");
    if (form->rest.separately && form->rest.request.line_count > OH_PROMISE_BASKETS_MAX)
        return refuse(fault, OH_FAULT_TOO_MANY, "lines", "At most 1000 lines are asked separately.");
    if (has_replace && (given & ~WITH_REPLACE) != 0)
        return refuse(fault, OH_FAULT_INVALID_VALUE, "replace",
                      "With replace come destination, near, options, explain and hold.");
    return !has_hold || hold_judge(form, has_replace, fault);
}

static const struct body_form form_defaults = {
    .rest = { .request = { .at_us = OH_TIME_US_NONE } },
    .ways = { .ship = true, .collect = true, .until_us = OH_TIME_US_NONE },
};
static const struct oh_shape body_shape = SHAPE(body_form, body_fields, &form_defaults, body_finish);

enum oh_err oh_request_promise(struct oh_json_document *document, struct oh_bytes body, struct oh_promise_body *out,
                               struct oh_fault *fault)
{
    struct body_form form;
    oh_json_document_clear(document);
    if (oh_json_bind(document, &body_shape, body, &form, fault) != OH_OK)
        return OH_E_SYNTAX;
    const struct ways *ways = &form.ways;
    *out = form.rest;
    out->request.wants_ship = ways->ship;
    out->request.wants_collect = ways->collect;
    out->request.services = ways->services;
    out->request.service_count = ways->service_count;
    out->request.stores = ways->stores;
    out->request.store_count = ways->store_count;
    out->request.slots_max = ways->slots_max;
    out->request.stores_max = ways->stores_max;
    out->request.until_us = ways->until_us;
    struct oh_promise_line *lines = (struct oh_promise_line *)out->request.lines; /* the document's */
    for (uint32_t i = 0; i < out->request.line_count; i++) {
        if (lines[i].line == 0)
            lines[i].line = i + 1;
    }
    return OH_OK;
}

/* ---- What is kept ----------------------------------------------------------------------------- */

/* The elements of "before" and, behind them, the option of "promised", as text. */
static bool before_read(struct oh_json_document *document, const cJSON *root, size_t size_max, struct oh_bytes *out)
{
    size_t size = 0;
    char *text = oh_json_document_allocate(document, 1, size_max);
    const cJSON *before = cJSON_GetObjectItemCaseSensitive(root, "before");
    const cJSON *element = before == NULL ? NULL : before->child;
    const cJSON *promised = cJSON_GetObjectItemCaseSensitive(root, "promised");
    while (text != NULL && promised != NULL) {
        const cJSON *next = element != NULL ? element : promised;
        if (size > 0)
            text[size++] = ',';
        if (size + PRINT_SLACK >= size_max ||
            !cJSON_PrintPreallocated((cJSON *)next, text + size, (int)(size_max - size), 0))
            return false;
        size += strlen(text + size);
        promised = element != NULL ? promised : NULL;
        element = element != NULL ? element->next : NULL;
    }
    *out = (struct oh_bytes){ text, size };
    return text != NULL;
}

bool oh_request_promise_kept(struct oh_json_document *document, struct oh_bytes kept, struct oh_promise_kept *out)
{
    struct oh_fault fault;
    const cJSON *root;
    *out = (struct oh_promise_kept){ .until_us = OH_TIME_US_NONE };
    if (kept.size == 0 || oh_json_document_keep(document, kept, &kept, &fault) != OH_OK ||
        oh_json_document_parse(document, kept, &root, &fault) != OH_OK)
        return false;
    const cJSON *promised = cJSON_GetObjectItemCaseSensitive(root, "promised");
    out->service = oh_json_text_of(promised, "service");
    out->store = oh_json_text_of(promised, "store");
    return oh_time_parse(oh_json_text_of(root, "promised_until"), &out->until_us) == OH_OK &&
           oh_json_bind_member(document, &destination_shape, kept, "destination", &out->destination, &fault) == OH_OK &&
           before_read(document, root, kept.size + PRINT_SLACK * 2, &out->before);
}
