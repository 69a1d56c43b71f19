#include "sim/wire_internal.h"
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* ---- Requests --------------------------------------------------------------------------------------------------- */

void wire_put_milli(struct oh_strbuf *out, int64_t milli)
{
    int64_t size = milli < 0 ? -milli : milli;
    oh_strbuf_printf(out, "%s%" PRId64 ".%03" PRId64, milli < 0 ? "-" : "", size / 1000, size % 1000);
}

void wire_put_time(struct oh_strbuf *out, int64_t us)
{
    time_t second = (time_t)(us / 1000000);
    struct tm parts;
    char text[40];
    (void)gmtime_r(&second, &parts);
    (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    oh_strbuf_printf(out, "\"%s.%06dZ\"", text, (int)(us % 1000000));
}

static void put_place(struct oh_strbuf *out, const struct model_line *line)
{
    oh_strbuf_printf(out, "\"sku\":\"s%u\"", line->item);
    if (line->node != MODEL_NONE)
        oh_strbuf_printf(out, ",\"node\":\"n%u\"", line->node);
    if (line->group != MODEL_NONE)
        oh_strbuf_printf(out, ",\"group\":\"g%u\"", line->group);
    oh_strbuf_put_text(out, ",\"quantity\":");
    wire_put_milli(out, line->milli);
}

static void put_entry(struct oh_strbuf *out, const struct model_request *request,
                      const struct model_line *line)
{
    oh_strbuf_put_char(out, '{');
    put_place(out, line);
    oh_strbuf_printf(out, ",\"state\":\"%s\"", model_state_names[line->state]);
    if (request->type == MODEL_ADJUST) {
        oh_strbuf_put_text(out, ",\"reason\":\"sale\"");
        if (line->entry_id != 0)
            oh_strbuf_printf(out, ",\"id\":\"e%u\"", line->entry_id);
    }
    if (line->at_us != MODEL_NEVER) {
        oh_strbuf_put_text(out, request->type == MODEL_ADJUST ? ",\"at\":" : ",\"as_of\":");
        wire_put_time(out, line->at_us);
    }
    if (line->has_source_seq)
        oh_strbuf_printf(out, ",\"source_seq\":%" PRId64, line->source_seq);
    oh_strbuf_put_char(out, '}');
}

static void put_entries(struct oh_strbuf *out, const struct model_request *request)
{
    uint32_t count = request->copies > 0 ? request->copies : request->line_count;
    oh_strbuf_printf(out, "{\"source\":\"till-%u\",\"entries\":[", request->source);
    for (uint32_t i = 0; i < count; i++) {
        oh_strbuf_put_text(out, i == 0 ? "" : ",");
        put_entry(out, request, &request->lines[request->copies > 0 ? 0 : i]);
    }
    oh_strbuf_put_text(out, "]}");
}

static void put_rows(struct oh_strbuf *out, const struct model_request *request)
{
    for (uint32_t i = 0; i < request->line_count; i++) {
        put_entry(out, request, &request->lines[i]);
        oh_strbuf_put_char(out, '\n');
    }
}

/* So many different codes; what an import says of one is new all the same. */
#define PLACES_IMPORTS 20u

static void put_places(struct oh_strbuf *out, const struct model_request *request)
{
    for (int64_t i = 0; i < request->value; i++)
        oh_strbuf_printf(
            out,
            "{\"country\":\"FR\",\"postal_code\":\"i%u-%d\",\"lat\":48,\"lon\":2,\"place\":\"%0120d\"}\n",
            request->import % PLACES_IMPORTS, (int)i, (int)(request->import * 1000 + i));
}

static void put_reserve(struct oh_strbuf *out, const struct model_request *request,
                        const struct wire_ids *ids)
{
    oh_strbuf_printf(out, "{\"kind\":\"%s\",\"channel\":\"c%u\",\"customer\":\"u%u\"",
                     model_kind_names[request->kind], request->channel, request->customer);
    if (request->has_own_id)
        oh_strbuf_printf(out, ",\"id\":\"%s\"", ids->text[request->reservation]);
    if (request->ttl_us > 0)
        oh_strbuf_printf(out, ",\"ttl_seconds\":%" PRId64, request->ttl_us / 1000000);
    if (request->allow_partial)
        oh_strbuf_put_text(out, ",\"allow_partial\":true");
    if (request->point != MODEL_NONE) {
        oh_strbuf_printf(out, ",\"near\":{\"lat\":%g,\"lon\":%g", model_points[request->point][0],
                         model_points[request->point][1]);
        if (request->radius_km > 0)
            oh_strbuf_printf(out, ",\"radius_km\":%u", request->radius_km);
        oh_strbuf_put_char(out, '}');
    }
    oh_strbuf_put_text(out, ",\"lines\":[");
    for (uint32_t i = 0; i < request->line_count; i++) {
        oh_strbuf_printf(out, "%s{\"line\":%u,", i == 0 ? "" : ",", request->lines[i].line);
        put_place(out, &request->lines[i]);
        oh_strbuf_put_char(out, '}');
    }
    oh_strbuf_put_text(out, "]}");
}

static void put_batch(struct oh_strbuf *out, const struct model_request *request, const struct wire_ids *ids)
{
    oh_strbuf_put_text(out, "{\"reservations\":[");
    for (uint32_t i = 0; i < request->batch_count; i++) {
        oh_strbuf_put_text(out, i == 0 ? "" : ",");
        put_reserve(out, &request->batch[i], ids);
    }
    oh_strbuf_put_text(out, "]}");
}

static void put_action_line(struct oh_strbuf *out, const struct model_line *line)
{
    oh_strbuf_printf(out, "{\"line\":%u", line->line);
    if (line->node != MODEL_NONE)
        oh_strbuf_printf(out, ",\"node\":\"n%u\"", line->node);
    if (line->to_node != MODEL_NONE)
        oh_strbuf_printf(out, ",\"to_node\":\"n%u\"", line->to_node);
    if (line->has_quantity) {
        oh_strbuf_put_text(out, ",\"quantity\":");
        wire_put_milli(out, line->milli);
    }
    oh_strbuf_put_char(out, '}');
}

/* An empty object where everything is meant. */
static void put_action(struct oh_strbuf *out, const struct model_request *request)
{
    const char *comma = "";
    oh_strbuf_put_char(out, '{');
    if (request->type == MODEL_EXTEND) {
        oh_strbuf_printf(out, "\"ttl_seconds\":%" PRId64 "}", request->ttl_us / 1000000);
        return;
    }
    if (request->type == MODEL_MOVE && request->line_count == 0) {
        oh_strbuf_printf(out, "\"to_node\":\"n%u\"", request->node);
        comma = ",";
    }
    if (request->return_rest) {
        oh_strbuf_printf(out, "%s\"return_rest\":true", comma);
        comma = ",";
    }
    if (request->type == MODEL_FULFIL && request->at_us != MODEL_NEVER) {
        oh_strbuf_printf(out, "%s\"at\":", comma);
        wire_put_time(out, request->at_us);
        comma = ",";
    }
    if (request->line_count > 0) {
        oh_strbuf_printf(out, "%s\"lines\":[", comma);
        for (uint32_t i = 0; i < request->line_count; i++) {
            oh_strbuf_put_text(out, i == 0 ? "" : ",");
            put_action_line(out, &request->lines[i]);
        }
        oh_strbuf_put_char(out, ']');
    }
    oh_strbuf_put_char(out, '}');
}

/* The scopes and values of model.c's tables, in the words of the contract. */
static void put_rule(struct oh_strbuf *out, const struct model_request *request)
{
    static const char *const scopes[MODEL_RULES] = { "\"node\":\"n3\",",
                                                     "\"sku\":\"s0\",\"node\":\"n3\",",
                                                     "",
                                                     "\"sku\":\"s2\",",
                                                     "\"channel\":\"c1\",",
                                                     "\"sku\":\"s1\",\"channel\":\"c1\",",
                                                     "\"sku\":\"s4\",",
                                                     "\"sku\":\"s4\",",
                                                     "\"sku\":\"s3\",\"node\":\"n1\",",
                                                     "\"sku\":\"s1\",\"channel\":\"c2\",",
                                                     "\"sku\":\"s0\",",
                                                     "",
                                                     "\"channel\":\"c1\",",
                                                     "\"sku\":\"s0\",\"channel\":\"c1\"," };
    static const char *const names[MODEL_RULES] = { "safety_stock",    "safety_stock",       "safety_stock",
                                                    "backorder_limit", "threshold",          "threshold",
                                                    "min_quantity",    "quantity_increment", "pickup_allowed",
                                                    "ship_allowed",    "low_stock",          "preorder",
                                                    "safety_stock",    "safety_stock" };
    oh_strbuf_printf(out, "{%s\"%s\":", scopes[request->rule], names[request->rule]);
    if (model_rule_is_boolean(request->rule))
        oh_strbuf_put_text(out, request->value != 0 ? "true" : "false");
    else
        wire_put_milli(out, request->value);
    oh_strbuf_put_char(out, '}');
}

static void put_fence(struct oh_strbuf *out, const struct model_request *request)
{
    static const char *const places[MODEL_FENCES] = {
        "\"sku\":\"s0\",\"node\":\"n0\",\"channel\":\"c1\",\"policy\":\"regular\"",
        "\"sku\":\"s1\",\"node\":\"n1\",\"channel\":\"c1\",\"policy\":\"restrict\"",
        "\"sku\":\"s0\",\"node\":\"n0\",\"channel\":\"c3\",\"policy\":\"regular\"",
        "\"sku\":\"s2\",\"node\":\"n4\",\"channel\":\"c2\",\"policy\":\"restrict\"",
    };
    oh_strbuf_printf(out, "{%s,\"quantity\":", places[request->fence]);
    wire_put_milli(out, request->value);
    oh_strbuf_put_char(out, '}');
}

static void put_members(struct oh_strbuf *out, const struct model_request *request)
{
    oh_strbuf_put_text(out, "\"nodes\":[");
    for (uint32_t i = 0; i < request->member_count; i++)
        oh_strbuf_printf(out, "%s\"n%u\"", i == 0 ? "" : ",", request->members[i]);
    oh_strbuf_put_char(out, ']');
}

static void put_channel(struct oh_strbuf *out, const struct model_request *request)
{
    oh_strbuf_printf(out, "{\"policy\":\"%s\",", model_policy_names[request->policy]);
    if (request->has_group)
        oh_strbuf_printf(out, "\"groups\":[\"g%u\"],", request->group);
    put_members(out, request);
    oh_strbuf_put_char(out, '}');
}

static void put_supply(struct oh_strbuf *out, const struct model_request *request)
{
    static const char *const places[MODEL_SUPPLIES] = { "\"sku\":\"s0\",\"node\":\"n0\"",
                                                        "\"sku\":\"s0\",\"node\":\"n2\"",
                                                        "\"sku\":\"s2\",\"node\":\"n4\"",
                                                        "\"sku\":\"s3\",\"node\":\"n1\"" };
    oh_strbuf_printf(out, "{%s,\"quantity\":", places[request->supply]);
    wire_put_milli(out, request->value);
    oh_strbuf_put_text(out, ",\"eta\":");
    wire_put_time(out, request->at_us);
    oh_strbuf_put_char(out, '}');
}

static void put_node(struct oh_strbuf *out, const struct model_request *request)
{
    oh_strbuf_printf(out, "{\"type\":\"%s\",\"enabled\":%s,\"lat\":%g,\"lon\":%g}",
                     request->node > 2 ? "warehouse" : "store", request->value != 0 ? "true" : "false",
                     model_node_points[request->node][0], model_node_points[request->node][1]);
}

static void put_grid(struct oh_strbuf *out, const struct model_request *request)
{
    oh_strbuf_printf(out, "{\"skus\":[\"s%u\"],\"nodes\":[\"n0\",\"n1\",\"n2\",\"n3\",\"n4\"]",
                     request->item);
    if (request->channel != MODEL_NONE)
        oh_strbuf_printf(out, ",\"channel\":\"c%u\"", request->channel);
    oh_strbuf_put_char(out, '}');
}

static void put_document(struct oh_strbuf *out, const struct model_request *request)
{
    char text[MODEL_DOCUMENT_SIZE];
    model_document_put(request->document, (uint32_t)request->value, text);
    oh_strbuf_put_text(out, text);
}

static void put_body(struct oh_strbuf *out, const struct model_request *request, const struct wire_ids *ids)
{
    switch ((int)request->type) {
    case MODEL_ADJUST:
    case MODEL_SYNC:
        put_entries(out, request);
        break;
    case MODEL_RESERVE:
        put_reserve(out, request, ids);
        break;
    case MODEL_BATCH:
        put_batch(out, request, ids);
        break;
    case MODEL_RULE:
        put_rule(out, request);
        break;
    case MODEL_FENCE:
        put_fence(out, request);
        break;
    case MODEL_NODE:
        put_node(out, request);
        break;
    case MODEL_SUPPLY:
        put_supply(out, request);
        break;
    case MODEL_GROUP:
        oh_strbuf_put_char(out, '{');
        put_members(out, request);
        oh_strbuf_put_char(out, '}');
        break;
    case MODEL_CHANNEL:
        put_channel(out, request);
        break;
    case MODEL_HOLD:
        wire_put_hold(out, request, ids);
        break;
    case MODEL_REPLACE:
        wire_put_replace(out, request, ids);
        break;
    case MODEL_ASK_PROMISE:
        wire_put_question(out, request);
        break;
    case MODEL_DELIVERIES:
        wire_put_deliveries(out, request);
        break;
    case MODEL_DOCUMENT:
        put_document(out, request);
        break;
    case MODEL_IMPORT:
        put_rows(out, request);
        break;
    case MODEL_IMPORT_PLACES:
        put_places(out, request);
        break;
    case MODEL_ASK_GRID:
        put_grid(out, request);
        break;
    default:
        put_action(out, request);
        break;
    }
}

static void put_query(struct oh_strbuf *out, const struct model_request *request)
{
    oh_strbuf_printf(out, "/v1/availability/s%u?", request->item);
    if (request->type == MODEL_GET_NODE_AVAILABILITY)
        oh_strbuf_printf(out, "node=n%u%s", request->node, request->channel == MODEL_NONE ? "" : "&");
    if (request->type == MODEL_GET_GROUP_AVAILABILITY)
        oh_strbuf_printf(out, "group=g%u%s", request->group, request->channel == MODEL_NONE ? "" : "&");
    if (request->type == MODEL_GET_NEAR) {
        oh_strbuf_printf(out, "near=%g,%g", model_points[request->point][0], model_points[request->point][1]);
        if (request->radius_km > 0)
            oh_strbuf_printf(out, "&radius_km=%u", request->radius_km);
        oh_strbuf_put_text(out, request->channel == MODEL_NONE ? "" : "&");
    }
    if (request->channel != MODEL_NONE)
        oh_strbuf_printf(out, "channel=c%u", request->channel);
}

static const char *const action_names[] = {
    [MODEL_CONFIRM] = "confirm", [MODEL_RELEASE] = "release", [MODEL_EXTEND] = "extend",
    [MODEL_CHANGE] = "change",   [MODEL_MOVE] = "move",       [MODEL_FULFIL] = "fulfil"
};

void wire_import_id(uint32_t number, char out[WIRE_IMPORT_ID_SIZE])
{
    static const int sizes[] = { 0, 0, 0, 1, 40, 57, 58, 64 };
    (void)snprintf(out, WIRE_IMPORT_ID_SIZE, "%0*u", sizes[number % 8], number);
}

static void put_target(struct oh_strbuf *out, const struct model_request *request, const struct wire_ids *ids)
{
    char import[WIRE_IMPORT_ID_SIZE];
    switch (request->type) {
    case MODEL_ADJUST:
        oh_strbuf_put_text(out, "/v1/stock/adjust");
        break;
    case MODEL_SYNC:
        oh_strbuf_put_text(out, "/v1/stock/sync");
        break;
    case MODEL_RESERVE:
        oh_strbuf_put_text(out, "/v1/reservations");
        break;
    case MODEL_BATCH:
        oh_strbuf_put_text(out, "/v1/reservations/batch");
        break;
    case MODEL_CONFIRM:
    case MODEL_RELEASE:
    case MODEL_EXTEND:
    case MODEL_CHANGE:
    case MODEL_MOVE:
    case MODEL_FULFIL:
        oh_strbuf_printf(out, "/v1/reservations/%s/%s", ids->text[request->reservation],
                         action_names[request->type]);
        break;
    case MODEL_HOLD:
    case MODEL_REPLACE:
    case MODEL_ASK_PROMISE:
        oh_strbuf_put_text(out, "/v1/promises");
        break;
    case MODEL_GET_PROMISE:
        oh_strbuf_printf(out, "/v1/promises/%s", ids->text[request->reservation]);
        break;
    case MODEL_DELIVERIES:
        oh_strbuf_put_text(out, "/v1/deliveries");
        break;
    case MODEL_DOCUMENT:
    case MODEL_GET_DOCUMENT:
        wire_put_document_target(out, request);
        break;
    case MODEL_RULE:
        oh_strbuf_printf(out, "/v1/rules/r%u", request->rule);
        break;
    case MODEL_FENCE:
    case MODEL_GET_FENCE:
        oh_strbuf_printf(out, "/v1/fences/f%u", request->fence);
        break;
    case MODEL_NODE:
        oh_strbuf_printf(out, "/v1/nodes/n%u", request->node);
        break;
    case MODEL_SUPPLY:
    case MODEL_GET_SUPPLY:
        oh_strbuf_printf(out, "/v1/supplies/y%u", request->supply);
        break;
    case MODEL_GROUP:
        oh_strbuf_printf(out, "/v1/groups/g%u", request->group);
        break;
    case MODEL_CHANNEL:
        oh_strbuf_printf(out, "/v1/channels/c%u", request->channel);
        break;
    case MODEL_IMPORT:
        oh_strbuf_put_text(out, "/v1/import/stock");
        break;
    case MODEL_IMPORT_PLACES:
        oh_strbuf_put_text(out, "/v1/import/postal_codes");
        break;
    case MODEL_GET_IMPORT:
        wire_import_id(request->import, import);
        oh_strbuf_printf(out, "/v1/import/%s", import);
        break;
    case MODEL_GET_POSITION:
        oh_strbuf_printf(out, "/v1/stock/s%u/n%u", request->item, request->node);
        break;
    case MODEL_GET_STOCK:
        oh_strbuf_printf(out, "/v1/stock/s%u", request->item);
        break;
    case MODEL_ASK_GRID:
        oh_strbuf_put_text(out, "/v1/availability");
        break;
    case MODEL_GET_NODE_AVAILABILITY:
    case MODEL_GET_CHANNEL_AVAILABILITY:
    case MODEL_GET_GROUP_AVAILABILITY:
    case MODEL_GET_NEAR:
        put_query(out, request);
        break;
    case MODEL_GET_RESERVATION:
        oh_strbuf_printf(out, "/v1/reservations/%s", ids->text[request->reservation]);
        break;
    case MODEL_LIST_RESERVATIONS:
        oh_strbuf_printf(out, "/v1/reservations?customer=u%u&limit=1000", request->customer);
        break;
    case MODEL_MIN_SEQ:
        oh_strbuf_printf(out, "/v1/stock/s0?min_seq=%" PRId64, request->at_us);
        break;
    case MODEL_TYPES:
        break;
    }
}

static bool is_asked_in_a_body(const struct model_request *request)
{
    return request->type == MODEL_ASK_GRID || request->type == MODEL_ASK_PROMISE;
}

static const char *method_of(const struct model_request *request)
{
    if (request->type >= MODEL_RULE && request->type <= MODEL_DOCUMENT)
        return request->is_delete ? "DELETE" : "PUT";
    return request->type < MODEL_WRITES || is_asked_in_a_body(request) ? "POST" : "GET";
}

bool wire_is_import(const struct model_request *request)
{
    return request->type == MODEL_IMPORT || request->type == MODEL_IMPORT_PLACES;
}

/* Two chunks, the second with an extension. */
static void put_chunks(struct oh_strbuf *out, struct oh_bytes body)
{
    size_t half = body.size / 2;
    if (half > 0)
        oh_strbuf_printf(out, "%zx\r\n%.*s\r\n", half, (int)half, body.data);
    oh_strbuf_printf(out, "%zX;part=last\r\n%.*s\r\n0\r\n\r\n", body.size - half, (int)(body.size - half),
                     body.data + half);
}

void wire_put_request(struct oh_strbuf *out, const struct model_request *request, const struct wire_ids *ids)
{
    struct oh_strbuf body;
    oh_strbuf_init(&body, (size_t)1 << 20);
    bool has_body = (request->type < MODEL_WRITES && !request->is_delete) || is_asked_in_a_body(request);
    oh_strbuf_printf(out, "%s ", method_of(request));
    put_target(out, request, ids);
    oh_strbuf_put_text(out, " HTTP/1.1\r\nHost: sim\r\n");
    if (request->key != 0)
        oh_strbuf_printf(out, "Idempotency-Key: k%u\r\n", request->key);
    if (wire_is_import(request)) {
        char import[WIRE_IMPORT_ID_SIZE];
        wire_import_id(request->import, import);
        oh_strbuf_printf(out, "Import-Id: %s\r\n", import);
    }
    if (has_body) {
        put_body(&body, request, ids);
        oh_strbuf_printf(out, "Content-Type: %s\r\n",
                         wire_is_import(request) ? "application/x-ndjson" : "application/json");
        if (request->is_chunked)
            oh_strbuf_put_text(out, "Transfer-Encoding: chunked\r\n");
        else
            oh_strbuf_printf(out, "Content-Length: %zu\r\n", body.size);
    }
    oh_strbuf_put_text(out, "\r\n");
    if (has_body && request->is_chunked)
        put_chunks(out, oh_strbuf_bytes(&body));
    else
        oh_strbuf_put_bytes(out, oh_strbuf_bytes(&body));
    oh_strbuf_fini(&body);
}

/* ---- Replies ---------------------------------------------------------------------------------------------------- */

static const char *find_text(struct oh_bytes bytes, const char *text)
{
    return bytes.size == 0 ? NULL : memmem(bytes.data, bytes.size, text, strlen(text));
}

/* The value of a header of the head, NULL: it has none. */
static const char *header(struct oh_bytes head, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = find_text(head, "\r\n"); at != NULL;) {
        at += 2;
        size_t left = (size_t)(head.data + head.size - at);
        if (left > size + 1 && strncasecmp(at, name, size) == 0 && at[size] == ':')
            return at + size + 2;
        at = find_text((struct oh_bytes){ at, left }, "\r\n");
    }
    return NULL;
}

/* The digits here, behind blanks; the head ends with other bytes, so this does too. */
static uint64_t digits_at(const char *text)
{
    uint64_t value = 0;
    while (*text == ' ')
        text++;
    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (uint64_t)(*text - '0');
    return value;
}

bool wire_get_reply(struct oh_bytes bytes, struct wire_reply *out, bool *out_is_wrong)
{
    const char *end = find_text(bytes, "\r\n\r\n");
    *out_is_wrong = bytes.size >= 9 && memcmp(bytes.data, "HTTP/1.1 ", 9) != 0;
    if (end == NULL || *out_is_wrong)
        return false;
    struct oh_bytes head = { bytes.data, (size_t)(end - bytes.data) + 2 };
    const char *length = header(head, "Content-Length");
    size_t body_size = length == NULL ? 0 : (size_t)digits_at(length);
    *out_is_wrong = length == NULL;
    if (length == NULL || bytes.size < head.size + 2 + body_size)
        return false;
    const char *replayed = header(head, "Idempotency-Replayed");
    const char *connection = header(head, "Connection");
    *out = (struct wire_reply){
        .status = (int)digits_at(bytes.data + 9),
        .is_replayed = replayed != NULL && strncmp(replayed, "true", 4) == 0,
        .is_last = connection != NULL && strncasecmp(connection, "close", 5) == 0,
        .body = { bytes.data + head.size + 2, body_size },
        .size = head.size + 2 + body_size,
    };
    return true;
}

/* ---- Comparing -------------------------------------------------------------------------------------------------- */

void wire_differ(struct check *check, const char *format, ...)
{
    va_list arguments;
    if (!check->is_fine)
        return;
    check->is_fine = false;
    va_start(arguments, format);
    (void)vsnprintf(check->why, check->why_size, format, arguments);
    va_end(arguments);
}

int64_t wire_milli_of(const cJSON *object, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(value) ? llround(value->valuedouble * 1000) : 0;
}

const char *wire_text_of(const cJSON *object, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(value) ? value->valuestring : "";
}

uint32_t wire_number_of(const cJSON *object, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(value) ? (uint32_t)value->valuedouble : 0;
}

/* "n3" -> 3 */
uint32_t wire_index_of(const cJSON *object, const char *name)
{
    const char *text = wire_text_of(object, name);
    return text[0] == '\0' ? MODEL_NONE : (uint32_t)strtoul(text + 1, NULL, 10);
}

/* From here on a double does not tell thousandths apart. */
#define FAR_MILLI (INT64_C(1) << 51)

void wire_same_milli(struct check *check, const char *what, int64_t got, int64_t wanted)
{
    int64_t most = wanted > -FAR_MILLI && wanted < FAR_MILLI ? 0 : 2;
    if (got - wanted > most || wanted - got > most)
        wire_differ(check, "%s is %" PRId64 "/1000, not %" PRId64 "/1000", what, got, wanted);
}

void wire_same_text(struct check *check, const char *what, const char *got, const char *wanted)
{
    if (wanted != NULL && strcmp(got, wanted) != 0)
        wire_differ(check, "%s is \"%s\", not \"%s\"", what, got, wanted);
}

/* What the parts of the answer that have this line and node come to. */
static struct model_part part_sum(const struct model_answer *answer, uint32_t line, uint32_t node)
{
    struct model_part sum = { .line = line };
    for (uint32_t i = 0; i < answer->part_count; i++) {
        const struct model_part *part = &answer->parts[i];
        if (part->line != line || part->node != node)
            continue;
        sum.quantity += part->quantity;
        sum.returned += part->returned;
        sum.held += part->held;
        sum.confirmed += part->confirmed;
        sum.fulfilled += part->fulfilled;
        sum.released += part->released;
        sum.expired += part->expired;
    }
    return sum;
}

static int64_t quantity_sum(const struct model_answer *answer)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < answer->part_count; i++)
        sum += answer->parts[i].quantity;
    return sum;
}

/* "2026-11-22T13:00:00.020Z" -> microseconds; MODEL_NEVER: no time. */
int64_t wire_time_of(const char *text)
{
    struct tm parts = { .tm_sec = 0 };
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    double fraction = rest != NULL && *rest == '.' ? strtod(rest, NULL) : 0;
    return rest == NULL ? MODEL_NEVER : (int64_t)timegm(&parts) * 1000000 + llround(fraction * 1e6);
}

void wire_check_expiry(struct check *check, const cJSON *body)
{
    int64_t got_us = wire_time_of(wire_text_of(body, "expires_at"));
    if (got_us != check->answer->expires_us)
        wire_differ(check, "expires_at is \"%s\", %" PRId64 " us too late", wire_text_of(body, "expires_at"),
                    got_us - check->answer->expires_us);
}

/* A reservation that was made: its claims. */
static void check_reserve(struct check *check, const cJSON *body)
{
    const cJSON *line, *claim;
    int64_t total = 0;
    wire_same_text(check, "status", wire_text_of(body, "status"), check->answer->reservation_status);
    wire_check_expiry(check, body);
    cJSON_ArrayForEach(line, cJSON_GetObjectItemCaseSensitive(body, "lines"))
    {
        cJSON_ArrayForEach(claim, cJSON_GetObjectItemCaseSensitive(line, "claims"))
        {
            uint32_t number = wire_number_of(line, "line");
            int64_t wanted = part_sum(check->answer, number, wire_index_of(claim, "node")).quantity;
            total += wire_milli_of(claim, "quantity");
            if (wire_milli_of(claim, "quantity") != wanted)
                wire_differ(check, "line %u has %" PRId64 "/1000 at %s, not %" PRId64 "/1000", number,
                            wire_milli_of(claim, "quantity"), wire_text_of(claim, "node"), wanted);
        }
    }
    wire_same_milli(check, "the sum of the claims", total, quantity_sum(check->answer));
    (void)snprintf(check->ids->text[check->answer->reservation], WIRE_ID_SIZE, "%.31s",
                   wire_text_of(body, "id"));
}

static void check_action(struct check *check, const cJSON *body)
{
    const cJSON *line;
    int64_t quantity = 0, returned = 0, wanted_returned = 0;
    wire_same_text(check, "status", wire_text_of(body, "status"), check->answer->reservation_status);
    wire_check_expiry(check, body);
    cJSON_ArrayForEach(line, cJSON_GetObjectItemCaseSensitive(body, "lines"))
    {
        quantity += wire_milli_of(line, "quantity");
        returned += wire_milli_of(line, "returned");
    }
    for (uint32_t i = 0; i < check->answer->part_count; i++)
        wanted_returned += check->answer->parts[i].returned;
    wire_same_milli(check, "the sum of the lines", quantity, quantity_sum(check->answer));
    wire_same_milli(check, "what is returned", returned, wanted_returned);
}

/* The last of many copies of one entry speaks for all. */
static void check_copies(struct check *check, const cJSON *entries)
{
    const cJSON *last = cJSON_GetArrayItem(entries, cJSON_GetArraySize(entries) - 1);
    const struct model_part *part = &check->answer->parts[0];
    wire_same_milli(check, "the number of entries", cJSON_GetArraySize(entries), check->request->copies);
    wire_same_text(check, "the verdict", wire_text_of(last, "verdict"), part->verdict);
    wire_same_milli(check, "an entry's quantity", wire_milli_of(last, "quantity"), part->quantity);
    wire_same_milli(check, "the last entry's available", wire_milli_of(last, "available"), part->available);
}

static void check_entries(struct check *check, const cJSON *body)
{
    const cJSON *entry;
    uint32_t i = 0;
    if (check->request->copies > 0) {
        check_copies(check, cJSON_GetObjectItemCaseSensitive(body, "entries"));
        return;
    }
    cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(body, "entries"))
    {
        if (i == check->answer->part_count)
            break;
        const struct model_part *part = &check->answer->parts[i];
        wire_same_text(check, "the verdict", wire_text_of(entry, "verdict"), part->verdict);
        wire_same_milli(check, "an entry's quantity", wire_milli_of(entry, "quantity"), part->quantity);
        wire_same_milli(check, "an entry's available", wire_milli_of(entry, "available"), part->available);
        i++;
    }
    wire_same_milli(check, "the number of entries",
                    cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(body, "entries")),
                    check->answer->part_count);
}

static void check_import(struct check *check, const cJSON *body)
{
    wire_same_milli(check, "applied", wire_milli_of(body, "applied"),
                    check->answer->parts[0].quantity * 1000);
    wire_same_milli(check, "unchanged", wire_milli_of(body, "unchanged"),
                    check->answer->parts[1].quantity * 1000);
    wire_same_milli(check, "rejected", wire_milli_of(body, "rejected"),
                    check->answer->parts[2].quantity * 1000);
}

static void check_position(struct check *check, const cJSON *body)
{
    static const char *const names[12] = { "on_hand",      "sellable", "damaged",   "quality_control",
                                           "display",      "returned", "held",      "confirmed",
                                           "safety_stock", "fenced",   "available", "short" };
    uint32_t node = wire_index_of(body, "node");
    for (uint32_t i = 0; i < 12 && node < MODEL_NODES; i++) {
        char what[64];
        (void)snprintf(what, sizeof(what), "%s at %s", names[i], wire_text_of(body, "node"));
        wire_same_milli(check, what, wire_milli_of(body, names[i]), check->answer->figures[node][i]);
    }
}

/* Nodes that are not listed have nothing. */
static void check_positions(struct check *check, const cJSON *body)
{
    const cJSON *position;
    bool is_listed[MODEL_NODES] = { false };
    cJSON_ArrayForEach(position, cJSON_GetObjectItemCaseSensitive(body, "positions"))
    {
        uint32_t node = wire_index_of(position, "node");
        check_position(check, position);
        if (node < MODEL_NODES)
            is_listed[node] = true;
    }
    for (uint32_t node = 0; node < MODEL_NODES; node++) {
        for (uint32_t i = 0; i < 8 && !is_listed[node]; i++)
            wire_same_milli(check, "a figure of a node that is not listed", 0,
                            check->answer->figures[node][i]);
    }
}

static void check_supply(struct check *check, const cJSON *supply, int64_t quantity, int64_t eta_us,
                         const char *eta)
{
    if (eta_us == MODEL_NEVER && supply != NULL)
        wire_differ(check, "a supply of %s, where none is to come", wire_text_of(supply, eta));
    if (eta_us == MODEL_NEVER)
        return;
    wire_same_milli(check, "the supply", wire_milli_of(supply, "quantity"), quantity);
    if (wire_time_of(wire_text_of(supply, eta)) != eta_us)
        wire_differ(check, "the supply comes at %s", wire_text_of(supply, eta));
}

static void check_availability(struct check *check, const cJSON *body)
{
    static const char *const bands[] = { "in_stock", "low_stock", "out_of_stock", "backorder", "preorder" };
    bool is_node = check->request->type == MODEL_GET_NODE_AVAILABILITY;
    const int64_t *figures = check->answer->figures[is_node ? check->request->node : 0];
    wire_same_milli(check, "available", wire_milli_of(body, "available"), figures[0]);
    wire_same_milli(check, "backorder", wire_milli_of(body, "backorder"), figures[1]);
    wire_same_text(check, "the status", wire_text_of(body, "status"), bands[figures[4]]);
    check_supply(check, cJSON_GetObjectItemCaseSensitive(body, "next_supply"), figures[2], figures[3], "eta");
}

/* Nearest first; metres may be rounded. */
static void check_near(struct check *check, const cJSON *body)
{
    const cJSON *row;
    uint32_t i = 0;
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(body, "nodes"))
    {
        uint32_t node = wire_index_of(row, "node");
        if (i >= check->answer->near_count || node != check->answer->near_nodes[i]) {
            wire_differ(check, "row %u is %s", i, wire_text_of(row, "node"));
            return;
        }
        wire_same_milli(check, "available nearby", wire_milli_of(row, "available"),
                        check->answer->figures[node][0]);
        double distance_km = model_distance_of(node, check->request->point);
        if (fabs((double)wire_milli_of(row, "distance_km") / 1000 - distance_km) > 0.002)
            wire_differ(check, "%s is %.3f km away, not %.3f", wire_text_of(row, "node"),
                        (double)wire_milli_of(row, "distance_km") / 1000, distance_km);
        i++;
    }
    wire_same_milli(check, "the number of rows", i, check->answer->near_count);
}

static void check_grid(struct check *check, const cJSON *body)
{
    const cJSON *item, *cell;
    uint32_t count = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(body, "items"))
    {
        cJSON_ArrayForEach(cell, cJSON_GetObjectItemCaseSensitive(item, "nodes"))
        {
            uint32_t node = wire_index_of(cell, "node");
            if (node < MODEL_NODES)
                wire_same_milli(check, "a cell", wire_milli_of(cell, "available"),
                                check->answer->figures[node][0]);
            count++;
        }
    }
    wire_same_milli(check, "the number of cells", count, MODEL_NODES);
}

static void check_claim(struct check *check, uint32_t line, const cJSON *claim, struct model_part *sum)
{
    struct model_part wanted = part_sum(check->answer, line, wire_index_of(claim, "node"));
    wire_same_milli(check, "a claim", wire_milli_of(claim, "quantity"), wanted.quantity);
    wire_same_milli(check, "held", wire_milli_of(claim, "held"), wanted.held);
    wire_same_milli(check, "confirmed", wire_milli_of(claim, "confirmed"), wanted.confirmed);
    wire_same_milli(check, "fulfilled", wire_milli_of(claim, "fulfilled"), wanted.fulfilled);
    wire_same_milli(check, "released", wire_milli_of(claim, "released"), wanted.released);
    wire_same_milli(check, "expired", wire_milli_of(claim, "expired"), wanted.expired);
    sum->quantity += wire_milli_of(claim, "quantity");
}

static void check_reservation(struct check *check, const cJSON *body)
{
    const cJSON *line, *claim;
    struct model_part sum = { .line = 0 };
    wire_same_text(check, "status", wire_text_of(body, "status"), check->answer->reservation_status);
    wire_check_expiry(check, body);
    cJSON_ArrayForEach(line, cJSON_GetObjectItemCaseSensitive(body, "lines"))
    {
        cJSON_ArrayForEach(claim, cJSON_GetObjectItemCaseSensitive(line, "claims"))
        {
            check_claim(check, wire_number_of(line, "line"), claim, &sum);
        }
    }
    wire_same_milli(check, "the sum of the claims", sum.quantity, quantity_sum(check->answer));
    wire_check_booked(check, body);
}

static void check_list(struct check *check, const cJSON *body)
{
    const cJSON *reservation;
    int64_t held = 0, confirmed = 0;
    cJSON_ArrayForEach(reservation, cJSON_GetObjectItemCaseSensitive(body, "reservations"))
    {
        held += strcmp(wire_text_of(reservation, "status"), "held") == 0;
        confirmed += strcmp(wire_text_of(reservation, "status"), "confirmed") == 0;
    }
    if (!cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(body, "next")))
        return; /* one page of several */
    wire_same_milli(check, "held reservations", held * 1000, check->answer->figures[0][0] * 1000);
    wire_same_milli(check, "confirmed reservations", confirmed * 1000, check->answer->figures[0][1] * 1000);
}

static void check_body(struct check *check, const cJSON *body, struct oh_bytes text)
{
    switch (check->request->type) {
    case MODEL_ADJUST:
    case MODEL_SYNC:
        check_entries(check, body);
        break;
    case MODEL_RESERVE:
        check_reserve(check, body);
        break;
    case MODEL_CONFIRM:
    case MODEL_RELEASE:
    case MODEL_EXTEND:
    case MODEL_CHANGE:
    case MODEL_MOVE:
    case MODEL_FULFIL:
        check_action(check, body);
        break;
    case MODEL_HOLD:
    case MODEL_REPLACE:
    case MODEL_GET_PROMISE:
        wire_check_kept(check, body, text);
        break;
    case MODEL_ASK_PROMISE:
        wire_check_options(check, body);
        break;
    case MODEL_DELIVERIES:
        wire_check_reports(check, body);
        break;
    case MODEL_DOCUMENT:
    case MODEL_GET_DOCUMENT:
        wire_check_document(check, text);
        break;
    case MODEL_IMPORT:
    case MODEL_IMPORT_PLACES:
        check_import(check, body);
        break;
    case MODEL_GET_POSITION:
        check_position(check, body);
        break;
    case MODEL_GET_STOCK:
        check_positions(check, body);
        break;
    case MODEL_GET_NODE_AVAILABILITY:
    case MODEL_GET_CHANNEL_AVAILABILITY:
    case MODEL_GET_GROUP_AVAILABILITY:
        check_availability(check, body);
        break;
    case MODEL_ASK_GRID:
        check_grid(check, body);
        break;
    case MODEL_GET_RESERVATION:
        check_reservation(check, body);
        break;
    case MODEL_LIST_RESERVATIONS:
        check_list(check, body);
        break;
    case MODEL_GET_FENCE:
        wire_same_milli(check, "the fence", wire_milli_of(body, "quantity"), check->answer->figures[0][0]);
        break;
    case MODEL_GET_NEAR:
        check_near(check, body);
        break;
    case MODEL_GET_SUPPLY:
        check_supply(check, body, check->answer->figures[0][0], check->answer->figures[0][1], "eta");
        break;
    case MODEL_GET_IMPORT:
        wire_same_milli(check, "rows", wire_milli_of(body, "rows"), check->answer->figures[0][0] * 1000);
        wire_same_milli(check, "rejected", wire_milli_of(body, "rejected"),
                        check->answer->figures[0][1] * 1000);
        break;
    case MODEL_RULE:
    case MODEL_FENCE:
    case MODEL_NODE:
    case MODEL_SUPPLY:
    case MODEL_GROUP:
    case MODEL_CHANNEL:
    case MODEL_BATCH:
    case MODEL_MIN_SEQ:
    case MODEL_TYPES:
        break;
    }
}

/* The status, the code and the body of one answer; of a batch, of one entry. */
static void check_answer(struct check *check, int got_status, const cJSON *body, struct oh_bytes text)
{
    const struct model_answer *answer = check->answer;
    if (answer->may_refuse) {
        wire_check_refusal(check, got_status, body);
        return;
    }
    int status = answer->is_repeat && answer->status == 201 ? 200 : answer->status;
    if (got_status != status)
        wire_differ(check, "the status is %d (%s), not %d (%s)", got_status, wire_text_of(body, "code"),
                    status, answer->code == NULL ? "" : answer->code);
    wire_same_text(check, "the code", wire_text_of(body, "code"), answer->code);
    const cJSON *window = cJSON_GetObjectItemCaseSensitive(body, "window");
    bool is_of_one_node = check->request->line_count == 0;
    if (answer->window_us != 0 && is_of_one_node && wire_time_of(wire_text_of(window, "from")) != answer->window_us)
        wire_differ(check, "the window that is full is said to begin at %s", wire_text_of(window, "from"));
    if (answer->code == NULL)
        check_body(check, body, text);
}

static uint64_t seq_of(const cJSON *body)
{
    const cJSON *seq = cJSON_GetObjectItemCaseSensitive(body, "seq");
    return cJSON_IsNumber(seq) ? (uint64_t)seq->valuedouble : 0;
}

bool wire_check(const struct wire_reply *reply, const struct model_request *request,
                const struct model_answer *answer, struct wire_ids *ids, uint64_t *out_seq, char *why,
                size_t why_size)
{
    struct check check = { request, answer, ids, why, why_size, true };
    cJSON *body = cJSON_ParseWithLength(reply->body.data, reply->body.size);
    if (body == NULL)
        wire_differ(&check, "the body is not JSON");
    else
        check_answer(&check, reply->status, body, reply->body);
    *out_seq = seq_of(body);
    if (reply->is_replayed != answer->is_repeat && answer->code == NULL && !answer->may_refuse &&
        request->type < MODEL_WRITES)
        wire_differ(&check, "Idempotency-Replayed is %d, not %d", reply->is_replayed, answer->is_repeat);
    cJSON_Delete(body);
    return check.is_fine;
}

bool wire_check_batch(const struct wire_reply *reply, const struct model_request *request,
                      const struct model_answer *answers, struct wire_ids *ids, uint64_t *out_seq, char *why,
                      size_t why_size)
{
    struct check check = { request, answers, ids, why, why_size, true };
    cJSON *body = cJSON_ParseWithLength(reply->body.data, reply->body.size);
    const cJSON *result, *results = cJSON_GetObjectItemCaseSensitive(body, "results");
    uint32_t i = 0;
    if (reply->status != 200 || cJSON_GetArraySize(results) != (int)request->batch_count)
        wire_differ(&check, "the status is %d, with %d results", reply->status, cJSON_GetArraySize(results));
    cJSON_ArrayForEach(result, results)
    {
        if (!check.is_fine)
            break;
        const cJSON *problem = cJSON_GetObjectItemCaseSensitive(result, "problem");
        check.request = &request->batch[i];
        check.answer = &answers[i];
        check_answer(&check, (int)wire_number_of(result, "status"),
                     problem != NULL ? problem : cJSON_GetObjectItemCaseSensitive(result, "reservation"),
                     reply->body);
        i++;
    }
    *out_seq = seq_of(body);
    cJSON_Delete(body);
    return check.is_fine;
}

const char *wire_request_name(const struct model_request *request)
{
    static const char *const names[MODEL_TYPES] = {
        [MODEL_ADJUST] = "adjust",
        [MODEL_SYNC] = "sync",
        [MODEL_RESERVE] = "reserve",
        [MODEL_BATCH] = "batch",
        [MODEL_CONFIRM] = "confirm",
        [MODEL_RELEASE] = "release",
        [MODEL_EXTEND] = "extend",
        [MODEL_CHANGE] = "change",
        [MODEL_MOVE] = "move",
        [MODEL_FULFIL] = "fulfil",
        [MODEL_RULE] = "rule",
        [MODEL_FENCE] = "fence",
        [MODEL_NODE] = "node",
        [MODEL_SUPPLY] = "supply",
        [MODEL_GROUP] = "group",
        [MODEL_CHANNEL] = "channel",
        [MODEL_IMPORT] = "import",
        [MODEL_IMPORT_PLACES] = "import postal codes",
        [MODEL_GET_POSITION] = "get position",
        [MODEL_GET_STOCK] = "get stock",
        [MODEL_GET_NODE_AVAILABILITY] = "get availability of a node",
        [MODEL_GET_CHANNEL_AVAILABILITY] = "get availability of a channel",
        [MODEL_GET_GROUP_AVAILABILITY] = "get availability of a group",
        [MODEL_ASK_GRID] = "ask availability",
        [MODEL_GET_RESERVATION] = "get reservation",
        [MODEL_LIST_RESERVATIONS] = "list reservations",
        [MODEL_GET_FENCE] = "get fence",
        [MODEL_GET_IMPORT] = "get import",
        [MODEL_GET_SUPPLY] = "get supply",
        [MODEL_GET_NEAR] = "get nearest",
        [MODEL_HOLD] = "hold a promise",
        [MODEL_REPLACE] = "replace a part of a promise",
        [MODEL_DELIVERIES] = "deliveries",
        [MODEL_DOCUMENT] = "document",
        [MODEL_ASK_PROMISE] = "ask a promise",
        [MODEL_GET_PROMISE] = "get promise",
        [MODEL_GET_DOCUMENT] = "get document",
        [MODEL_MIN_SEQ] = "min_seq",
    };
    return names[request->type];
}
