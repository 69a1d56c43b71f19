/*
 * wire_promise.c - documents, promises and deliveries: what is asked, and what the replies say.
 */
#include "sim/wire_internal.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Requests --------------------------------------------------------------------------------------------------- */

void wire_put_document_target(struct oh_strbuf *out, const struct model_request *request)
{
    static const char *const collections[MODEL_DOCUMENTS] = {
        [MODEL_CALENDAR] = "calendars",
        [MODEL_ZONE] = "zones",
        [MODEL_SERVICE_SLOTS] = "services",
        [MODEL_SERVICE_PARCELS] = "services",
        [MODEL_LANE] = "lanes",
        [MODEL_SCHEDULE_0] = "nodes",
        [MODEL_SCHEDULE_1] = "nodes",
        [MODEL_SCHEDULE_3] = "nodes",
        [MODEL_SCHEDULE_4] = "nodes",
        [MODEL_SOURCING_OTHER] = "channels",
        [MODEL_SOURCING] = "channels",
    };
    bool is_schedule = request->document >= MODEL_SCHEDULE_0 && request->document <= MODEL_SCHEDULE_4;
    bool is_sourcing = request->document >= MODEL_SOURCING_OTHER;
    oh_strbuf_printf(out, "/v1/%s/%s%s", collections[request->document],
                     model_document_ids[request->document],
                     is_schedule   ? "/schedule"
                     : is_sourcing ? "/sourcing"
                                   : "");
}

static void put_lines(struct oh_strbuf *out, const struct model_request *request)
{
    oh_strbuf_put_text(out, "\"lines\":[");
    for (uint32_t i = 0; i < request->line_count; i++) {
        oh_strbuf_printf(out, "%s{\"line\":%u,\"sku\":\"s%u\",\"quantity\":", i == 0 ? "" : ",",
                         request->lines[i].line, request->lines[i].item);
        wire_put_milli(out, request->lines[i].milli);
        oh_strbuf_put_char(out, '}');
    }
    oh_strbuf_put_char(out, ']');
}

static void put_destination(struct oh_strbuf *out, uint32_t point)
{
    oh_strbuf_printf(out, ",\"destination\":{\"lat\":%g,\"lon\":%g,\"country\":\"FR\"}",
                     model_points[point][0], model_points[point][1]);
}

void wire_put_hold(struct oh_strbuf *out, const struct model_request *request, const struct wire_ids *ids)
{
    oh_strbuf_printf(out, "{\"channel\":\"c%u\",", MODEL_PROMISING);
    put_lines(out, request);
    put_destination(out, request->point);
    oh_strbuf_printf(out, ",\"hold\":{\"select\":\"%s\",\"ttl_seconds\":%" PRId64 ",\"customer\":\"u%u\"",
                     model_selects[request->select], request->ttl_us / 1000000, request->customer);
    if (request->has_own_id)
        oh_strbuf_printf(out, ",\"id\":\"%s\"", ids->text[request->reservation]);
    oh_strbuf_put_text(out, "}}");
}

void wire_put_replace(struct oh_strbuf *out, const struct model_request *request, const struct wire_ids *ids)
{
    oh_strbuf_printf(out, "{\"replace\":{\"reservation\":\"%s\",\"without\":[\"n%u\"]}",
                     ids->text[request->reservation], request->node);
    if (request->point != MODEL_NONE)
        put_destination(out, request->point);
    oh_strbuf_printf(out, ",\"hold\":{\"select\":\"%s\"}}", model_selects[request->select]);
}

void wire_put_question(struct oh_strbuf *out, const struct model_request *request)
{
    oh_strbuf_printf(out, "{\"channel\":\"c%u\",", MODEL_PROMISING);
    put_lines(out, request);
    put_destination(out, request->point);
    oh_strbuf_printf(out, ",\"options\":{\"slots_max\":2},\"explain\":\"%s\",\"separately\":%s}",
                     request->value == 0 ? "none" : "full", request->is_separate ? "true" : "false");
}

void wire_put_deliveries(struct oh_strbuf *out, const struct model_request *request)
{
    oh_strbuf_put_text(out, "{\"reports\":[");
    for (uint32_t i = 0; i < request->line_count; i++) {
        const struct model_line *line = &request->lines[i];
        int64_t took_us = (int64_t)model_durations_s[line->source_seq] * 1000000;
        oh_strbuf_printf(out, "%s{\"service\":\"v1\",\"origin_region\":\"o%u\",\"destination_region\":\"d\"",
                         i == 0 ? "" : ",", line->node);
        if (line->entry_id != 0)
            oh_strbuf_printf(out, ",\"id\":\"p%u\"", line->entry_id);
        oh_strbuf_put_text(out, ",\"handed_over_at\":");
        wire_put_time(out, line->at_us);
        oh_strbuf_put_text(out, ",\"delivered_at\":");
        wire_put_time(out, line->at_us + took_us);
        oh_strbuf_put_char(out, '}');
    }
    oh_strbuf_put_text(out, "]}");
}

/* ---- What is kept ----------------------------------------------------------------------------------------------- */

static bool is_in(struct oh_bytes text, const char *part)
{
    return memmem(text.data, text.size, part, strlen(part)) != NULL;
}

/* The promise as it is kept, byte for byte; one that is forgotten has its id alone. */
void wire_check_kept(struct check *check, const cJSON *body, struct oh_bytes text)
{
    const struct model_answer *answer = check->answer;
    if (answer->kept == NULL)
        return;
    wire_same_text(check, "the promise", wire_text_of(body, "promise"), answer->id);
    wire_same_text(check, "status", wire_text_of(body, "status"), answer->reservation_status);
    wire_check_expiry(check, body);
    if (!is_in(text, answer->kept))
        wire_differ(check, "what is kept is another: %.200s", text.data);
    (void)snprintf(check->ids->text[answer->reservation], WIRE_ID_SIZE, "%s", answer->id);
}

/* As it was put, byte for byte. */
void wire_check_document(struct check *check, struct oh_bytes text)
{
    char document[MODEL_DOCUMENT_SIZE] = "";
    uint32_t value = check->request->type == MODEL_DOCUMENT ? (uint32_t)check->request->value
                                                            : (uint32_t)check->answer->figures[0][0];
    model_document_put(check->request->document, value, document);
    if (!check->request->is_delete && !is_in(text, document))
        wire_differ(check, "the document is another: %.200s", text.data);
}

static bool same_booking(const cJSON *got, const struct model_booking *wanted)
{
    return strcmp(wire_text_of(got, "resource"), wanted->resource) == 0 &&
           wire_index_of(got, "node") == wanted->node &&
           strcmp(wire_text_of(got, "unit"), model_unit_names[wanted->unit]) == 0 &&
           wire_time_of(wire_text_of(got, "from")) == wanted->from_us &&
           wire_time_of(wire_text_of(got, "until")) == wanted->until_us &&
           wire_milli_of(got, "quantity") == wanted->milli;
}

/* Of a reservation: each booking that is left, in the order they were made. */
void wire_check_booked(struct check *check, const cJSON *body)
{
    const cJSON *booking;
    uint32_t i = 0;
    cJSON_ArrayForEach(booking, cJSON_GetObjectItemCaseSensitive(body, "bookings"))
    {
        if (i == check->answer->booked_count || !same_booking(booking, &check->answer->booked[i])) {
            wire_differ(check, "booking %u is of %" PRId64 "/1000 of %s%s", i,
                        wire_milli_of(booking, "quantity"), wire_text_of(booking, "resource"),
                        i == check->answer->booked_count ? ", one too many" : "");
            return;
        }
        i++;
    }
    wire_same_milli(check, "the number of bookings", i, check->answer->booked_count);
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

static uint32_t figure_of(const cJSON *option, uint32_t node)
{
    if (strcmp(wire_text_of(option, "kind"), "ship") == 0)
        return 0;
    return wire_index_of(option, "store") == node ? MODEL_ITEMS : 2 * MODEL_ITEMS;
}

/* SO3, L24: no option takes more of an item than there is, at a node and in all. */
static void check_option(struct check *check, const cJSON *option)
{
    const cJSON *parcel, *line;
    int64_t all[MODEL_ITEMS] = { 0 };
    cJSON_ArrayForEach(parcel, cJSON_GetObjectItemCaseSensitive(option, "parcels"))
    {
        int64_t taken[MODEL_ITEMS] = { 0 };
        uint32_t node = wire_index_of(parcel, "node");
        cJSON_ArrayForEach(line, cJSON_GetObjectItemCaseSensitive(parcel, "lines"))
        {
            uint32_t item = wire_index_of(line, "sku");
            if (node >= MODEL_NODES || item >= MODEL_ITEMS)
                continue;
            taken[item] += wire_milli_of(line, "quantity");
            all[item] += wire_milli_of(line, "quantity");
            if (taken[item] > check->answer->figures[node][figure_of(option, node) + item])
                wire_differ(check,
                            "%s takes %" PRId64 "/1000 of s%u at n%u, where %" PRId64 "/1000 may be taken",
                            wire_text_of(option, "option"), taken[item], item, node,
                            check->answer->figures[node][figure_of(option, node) + item]);
        }
    }
    for (uint32_t item = 0; item < MODEL_ITEMS && strcmp(wire_text_of(option, "kind"), "ship") == 0; item++) {
        if (all[item] > check->answer->figures[item][MODEL_SHIPPABLE])
            wire_differ(check,
                        "%s takes %" PRId64 "/1000 of s%u, of which %" PRId64
                        "/1000 are left by the threshold",
                        wire_text_of(option, "option"), all[item], item,
                        check->answer->figures[item][MODEL_SHIPPABLE]);
    }
}

void wire_check_options(struct check *check, const cJSON *body)
{
    const cJSON *option, *basket, *baskets = cJSON_GetObjectItemCaseSensitive(body, "promises");
    cJSON_ArrayForEach(option, cJSON_GetObjectItemCaseSensitive(body, "options"))
    {
        check_option(check, option);
    }
    cJSON_ArrayForEach(basket, baskets)
    {
        cJSON_ArrayForEach(option, cJSON_GetObjectItemCaseSensitive(basket, "options"))
        {
            check_option(check, option);
        }
    }
    if (check->request->is_separate)
        wire_same_milli(check, "the number of baskets", cJSON_GetArraySize(baskets),
                        check->request->line_count);
}

/* ---- Others ----------------------------------------------------------------------------------------------------- */

void wire_check_reports(struct check *check, const cJSON *body)
{
    const cJSON *report, *reports = cJSON_GetObjectItemCaseSensitive(body, "reports");
    uint32_t i = 0;
    wire_same_milli(check, "the number of reports", cJSON_GetArraySize(reports), check->answer->part_count);
    cJSON_ArrayForEach(report, reports)
    {
        if (i < check->answer->part_count)
            wire_same_text(check, "the verdict", wire_text_of(report, "verdict"),
                           check->answer->parts[i].verdict);
        i++;
    }
}

/* Whether there is a way only the server knows; but one that it has found it can book (PR2). */
void wire_check_refusal(struct check *check, int status, const cJSON *body)
{
    const char *code = wire_text_of(body, "code");
    bool is_one = strcmp(code, "not_promisable") == 0 || strcmp(code, "option_gone") == 0 ||
                  (check->answer->may_lack_capacity && strcmp(code, "no_capacity") == 0);
    if (status == 409 && is_one)
        return;
    wire_differ(check, "the status is %d (%s): not a way to refuse a promise", status,
                wire_text_of(body, "code"));
}

void wire_refusal(const struct wire_reply *reply, char out[WIRE_CODE_SIZE])
{
    cJSON *body = cJSON_ParseWithLength(reply->body.data, reply->body.size);
    (void)snprintf(out, WIRE_CODE_SIZE, "%s", wire_text_of(body, "code"));
    cJSON_Delete(body);
}

/* ---- A choice --------------------------------------------------------------------------------------------------- */

static bool read_booking(const cJSON *from, uint32_t node, struct model_choice *out)
{
    if (out->booking_count == MODEL_BOOKED_MAX)
        return false;
    struct model_booking *booking = &out->bookings[out->booking_count++];
    *booking = (struct model_booking){ .node = (uint8_t)node,
                                       .from_us = wire_time_of(wire_text_of(from, "from")),
                                       .until_us = wire_time_of(wire_text_of(from, "until")),
                                       .milli = wire_milli_of(from, "quantity") };
    (void)snprintf(booking->resource, sizeof(booking->resource), "%s", wire_text_of(from, "resource"));
    while (booking->unit < MODEL_PARCELS &&
           strcmp(model_unit_names[booking->unit], wire_text_of(from, "unit")) != 0)
        booking->unit++;
    return booking->from_us != MODEL_NEVER && booking->milli > 0;
}

static bool read_parcel(const cJSON *parcel, struct model_choice *out)
{
    const cJSON *element;
    uint32_t node = wire_index_of(parcel, "node");
    if (node >= MODEL_NODES)
        return false;
    cJSON_ArrayForEach(element, cJSON_GetObjectItemCaseSensitive(parcel, "lines"))
    {
        if (out->pick_count == MODEL_PARTS_MAX)
            return false;
        out->picks[out->pick_count++] =
            (struct model_pick){ wire_number_of(element, "line"), (uint8_t)wire_index_of(element, "sku"),
                                 (uint8_t)node, wire_milli_of(element, "quantity") };
    }
    cJSON_ArrayForEach(element, cJSON_GetObjectItemCaseSensitive(parcel, "capacity"))
    {
        if (!read_booking(element, node, out))
            return false;
    }
    return true;
}

bool wire_read_kept(struct oh_bytes kept, struct model_choice *out)
{
    cJSON *root = cJSON_ParseWithLength(kept.data, kept.size);
    const cJSON *parcel, *option = cJSON_GetObjectItemCaseSensitive(root, "promised");
    bool is_collect = strcmp(wire_text_of(option, "kind"), "collect") == 0;
    bool is_fine = is_collect || strcmp(wire_text_of(option, "kind"), "ship") == 0;
    out->kind = is_collect ? MODEL_COLLECT : MODEL_SHIP;
    out->service = (uint8_t)wire_index_of(option, "service");
    out->store = (uint8_t)wire_index_of(option, "store");
    cJSON_ArrayForEach(parcel, cJSON_GetObjectItemCaseSensitive(option, "parcels"))
    {
        is_fine = is_fine && read_parcel(parcel, out);
    }
    is_fine = is_fine && out->pick_count > 0 &&
              (is_collect ? out->store < MODEL_NODES : out->service < MODEL_SERVICES);
    cJSON_Delete(root);
    return is_fine;
}
