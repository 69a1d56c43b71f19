/*
 * model_document.c - the documents of the workload: what each says, and which limits that sets (promise.md, CA1, CA2).
 *
 * A document is a function of its kind and a number: two bits of the number are its limits, so small that they
 * bind, and three more turn other things. No two of one kind have windows that begin together and end apart.
 */
#include "sim/model_internal.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MINUTE_US INT64_C(60000000)
#define DAY_US    (1440 * MINUTE_US)
#define CHRISTMAS 20812 /* 2026-12-25, in days since 1970 */

const char *const model_unit_names[MODEL_PARCELS + 1] = { "orders", "lines", "units", "parcels" };
const char *const model_document_ids[MODEL_DOCUMENTS] = { "k0", "z0", "v0", "v1", "l0", "n0",
                                                          "n1", "n3", "n4", "c0", "c1" };

static uint32_t limit_of(uint32_t value)
{
    return 1 + (value & 3);
}

static bool turns(uint32_t value, uint32_t what)
{
    return (value >> (2 + what) & 1) != 0;
}

/* ---- Windows ---------------------------------------------------------------------------------------------------- */

struct day_window {
    uint32_t from; /* hours of the day, UTC */
    uint32_t hours;
    uint32_t limit;
};

/* Of a node; none: it is not limited. */
static uint32_t node_windows(uint32_t document, uint32_t value, struct day_window *out)
{
    uint32_t limit = limit_of(value);
    uint32_t hours = document == MODEL_SCHEDULE_3 ? 6 : 8;
    uint32_t shift = turns(value, 0) ? hours / 2 : 0;
    if (document == MODEL_SCHEDULE_4 || (document == MODEL_SCHEDULE_1 && turns(value, 0)))
        return 0;
    if (document == MODEL_SCHEDULE_1) {
        out[0] = (struct day_window){ 0, 24, limit + 1 };
        return 1;
    }
    for (uint32_t i = 0; i < 24 / hours; i++)
        out[i] =
            (struct day_window){ i * hours + shift, hours, document == MODEL_SCHEDULE_3 ? 2 * limit : limit };
    return 24 / hours;
}

static uint32_t slot_windows(uint32_t value, struct day_window *out)
{
    uint32_t limit = limit_of(value);
    uint32_t count = turns(value, 0) ? 2 : 3;
    for (uint32_t i = 0; i < count; i++)
        out[i] = (struct day_window){ (turns(value, 0) ? 10 : 8) + 4 * i, 4, limit };
    return count;
}

/* ---- Texts ------------------------------------------------------------------------------------------------------ */

struct text {
    char *data; /* of MODEL_DOCUMENT_SIZE */
    size_t size;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(out->data + out->size, MODEL_DOCUMENT_SIZE - out->size, format, arguments);
    va_end(arguments);
    out->size += (size_t)size;
}

static void windows_put(struct text *out, const struct day_window *windows, uint32_t count, const char *more)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t to = windows[i].from + windows[i].hours;
        put(out, "%s{\"from\":\"%02u:00\",\"to\":\"%02u:00\",\"limit\":%u%s}", i == 0 ? "" : ",",
            windows[i].from, to > 24 ? to - 24 : to, windows[i].limit, more);
    }
}

static void schedule_put(uint32_t document, uint32_t value, struct text *out)
{
    struct day_window windows[4];
    uint32_t count = node_windows(document, value, windows);
    put(out, "{\"lead_minutes\":%u,\"processing_minutes\":{\"default\":%u}", 5 * limit_of(value),
        turns(value, 1) ? 30 : 0);
    if (turns(value, 2))
        put(out, ",\"calendar\":\"k0\",\"cutoffs\":[{\"at\":\"16:00\"}]");
    if (document == MODEL_SCHEDULE_0 && turns(value, 1))
        put(out, ",\"collect_hours\":[{\"from\":\"08:00\",\"to\":\"20:00\"}]");
    if (document == MODEL_SCHEDULE_4)
        put(out, ",\"sourcing_safety_stock\":%d,\"priority\":%u", turns(value, 1) ? 1 : 0, limit_of(value));
    if (count > 0) {
        uint32_t unit = model_document_unit(document);
        put(out, ",\"capacity\":{\"unit\":\"%s\",\"windows\":[", model_unit_names[unit]);
        windows_put(out, windows, count, "");
        put(out, "]}");
    }
    put(out, ",\"pickups\":[{\"service\":\"v1\",\"at\":\"11:00\"},"
             "{\"service\":\"v1\",\"at\":\"19:00\",\"notification_minutes\":60}");
    if (document != MODEL_SCHEDULE_1)
        put(out, ",{\"service\":\"v0\",\"at\":\"06:30\"},{\"service\":\"v0\",\"at\":\"14:30\"}");
    put(out, "]}");
}

static void service_slots_put(uint32_t value, struct text *out)
{
    struct day_window windows[3];
    uint32_t count = slot_windows(value, windows);
    put(out,
        "{\"accounts\":[{\"account\":\"a\",\"nodes\":[\"n3\"],\"daily_parcels\":%u},"
        "{\"account\":\"b\",\"daily_parcels\":%u}],\"transit\":[{\"hours\":%u}],\"slots\":[",
        limit_of(value), limit_of(value) + 1, turns(value, 1) ? 20 : 1);
    windows_put(out, windows, count, ",\"cutoff_minutes\":30");
    put(out, "],\"cost\":[{\"amount\":5.5}],\"currency\":\"EUR\"}");
}

static void service_parcels_put(uint32_t value, struct text *out)
{
    put(out, "{ \"name\": \"Parcels\", \"accounts\": [{\"account\":\"c\",%s\"daily_parcels\":%u}%s]",
        turns(value, 0) ? "" : "\"nodes\":[\"n0\",\"n1\"],", limit_of(value),
        turns(value, 0) ? "" : ",{\"account\":\"d\"}");
    if (turns(value, 1))
        put(out, ",\"transit_calendar\":\"k0\"");
    put(out, ",\"transit\":[{\"zone\":\"z0\",\"hours\":5},{\"%s\":%u}],\"cost\":[{\"amount\":%u}]}",
        turns(value, 2) ? "days" : "hours", turns(value, 2) ? 1 : 30, limit_of(value));
}

static void sourcing_put(uint32_t value, struct text *out)
{
    put(out,
        "{\"future_supply\":\"none\",\"parcels_max\":%u,\"allow_partial\":%s,\"split_lines\":%s,"
        "\"collect\":{\"stores_max\":3,\"ship_to_store\":%s}}",
        limit_of(value), turns(value, 0) ? "true" : "false", turns(value, 1) ? "false" : "true",
        turns(value, 2) ? "true" : "false");
}

static void document_put(uint32_t document, uint32_t value, struct text *out)
{
    switch ((enum model_document)document) {
    case MODEL_CALENDAR:
        put(out, "{\"weekly_off\":[%s],\"days_off\":[\"2026-12-25\"]}", turns(value, 0) ? "\"sun\"" : "");
        break;
    case MODEL_ZONE:
        put(out, "{\"matches\":[{\"country\":\"%s\"}]}", turns(value, 0) ? "FR" : "GB");
        break;
    case MODEL_SERVICE_SLOTS:
        service_slots_put(value, out);
        break;
    case MODEL_SERVICE_PARCELS:
        service_parcels_put(value, out);
        break;
    case MODEL_LANE:
        put(out,
            "{\"from\":\"n3\",\"to\":\"n0\",\"departures\":[{\"at\":\"%02u:00\",\"cutoff_minutes\":15}],"
            "\"transit_minutes\":90}",
            5 * limit_of(value));
        break;
    case MODEL_SCHEDULE_0:
    case MODEL_SCHEDULE_1:
    case MODEL_SCHEDULE_3:
    case MODEL_SCHEDULE_4:
        schedule_put(document, value, out);
        break;
    case MODEL_SOURCING_OTHER:
    case MODEL_SOURCING:
        sourcing_put(value, out);
        break;
    case MODEL_DOCUMENTS:
        break;
    }
}

void model_document_put(uint32_t document, uint32_t value, char *out)
{
    struct text text = { out, 0 };
    document_put(document, value, &text);
}

/* ---- What they allow -------------------------------------------------------------------------------------------- */

uint32_t model_document_unit(uint32_t document)
{
    return document == MODEL_SCHEDULE_0   ? MODEL_ORDERS
           : document == MODEL_SCHEDULE_1 ? MODEL_LINES
                                          : MODEL_UNITS;
}

/* MODEL_DOCUMENTS: the node never has one. */
static uint32_t schedule_of(uint32_t node)
{
    static const uint32_t schedules[MODEL_NODES] = { MODEL_SCHEDULE_0, MODEL_SCHEDULE_1, MODEL_DOCUMENTS,
                                                     MODEL_SCHEDULE_3, MODEL_SCHEDULE_4 };
    return schedules[node];
}

static const struct model_document_slot *slot_of(const struct model *model, uint32_t document)
{
    return document != MODEL_DOCUMENTS && model->documents[document].exists ? &model->documents[document]
                                                                            : NULL;
}

bool model_node_is_limited(const struct model *model, uint32_t node)
{
    struct day_window windows[4];
    const struct model_document_slot *slot = slot_of(model, schedule_of(node));
    return slot != NULL && node_windows(schedule_of(node), slot->value, windows) > 0;
}

int64_t model_sourcing_safety_stock(const struct model *model, uint32_t node)
{
    const struct model_document_slot *slot = node == 4 ? slot_of(model, MODEL_SCHEDULE_4) : NULL;
    return slot != NULL && turns(slot->value, 1) ? 1000 : 0;
}

bool model_service_exists(const struct model *model, uint32_t service)
{
    return slot_of(model, MODEL_SERVICE_SLOTS + service) != NULL;
}

/* The limit of an account on a day, 0: it has none; -1: it does not serve the node, or there is no such account. */
static int64_t account_limit(const struct model *model, uint32_t service, char account, uint32_t node)
{
    const struct model_document_slot *slot = slot_of(model, MODEL_SERVICE_SLOTS + service);
    if (slot == NULL || account != 'a' + (int)service * 2) {
        bool is_second = slot != NULL && account == 'b' + (int)service * 2;
        if (!is_second || (service == 1 && turns(slot->value, 0)))
            return -1;
        return service == 0 ? 1000 * (int64_t)(limit_of(slot->value) + 1) : 0;
    }
    bool serves = service == 0 ? node == 3 : turns(slot->value, 0) || node <= 1;
    return serves ? 1000 * (int64_t)limit_of(slot->value) : -1;
}

bool model_may_go_unbooked(const struct model *model, uint32_t service, uint32_t node)
{
    return account_limit(model, service, (char)('a' + service * 2), node) == 0 ||
           account_limit(model, service, (char)('b' + service * 2), node) == 0;
}

static bool window_find(const struct day_window *windows, uint32_t count, int64_t from_us,
                        struct model_window *out)
{
    int64_t of_day_us = from_us % DAY_US;
    for (uint32_t i = 0; i < count; i++) {
        if (windows[i].from * 60 * MINUTE_US != of_day_us)
            continue;
        out->until_us = from_us + windows[i].hours * 60 * MINUTE_US;
        out->limit_milli = 1000 * (int64_t)windows[i].limit;
        return true;
    }
    return false;
}

/* The window of the resource that begins then, by the documents as they are now, for what leaves the node. */
bool model_window_of(const struct model *model, const char *resource, uint32_t node, int64_t from_us,
                     struct model_window *out)
{
    struct day_window windows[4];
    unsigned number;
    char account;
    *out = (struct model_window){ .unit = MODEL_PARCELS };
    if (sscanf(resource, "node/n%u", &number) == 1) {
        const struct model_document_slot *slot =
            number == node && number < MODEL_NODES ? slot_of(model, schedule_of(number)) : NULL;
        out->unit = (uint8_t)model_document_unit(schedule_of(node));
        return slot != NULL &&
               window_find(windows, node_windows(schedule_of(number), slot->value, windows), from_us, out);
    }
    if (strcmp(resource, "slot/v0") == 0) {
        const struct model_document_slot *slot = slot_of(model, MODEL_SERVICE_SLOTS);
        return slot != NULL && window_find(windows, slot_windows(slot->value, windows), from_us, out);
    }
    if (sscanf(resource, "account/v%u/%c", &number, &account) != 2 || number >= MODEL_SERVICES)
        return false;
    out->limit_milli = account_limit(model, number, account, node);
    out->until_us = from_us + DAY_US;
    return out->limit_milli > 0 && from_us % DAY_US == 0;
}

/* ---- When the work of a move falls (DA1, CA6) ------------------------------------------------------------------- */

static bool day_is_off(const struct model *model, int64_t day)
{
    bool is_sunday = (day + 3) % 7 == 6; /* day 0 was a Thursday */
    return day == CHRISTMAS || (is_sunday && turns(model->documents[MODEL_CALENDAR].value, 0));
}

/* The work begins when the node's day does, and rests on days that are off. */
static int64_t ready_us(const struct model *model, uint32_t value, bool has_calendar)
{
    int64_t at_us = model->now_us + 5 * limit_of(value) * MINUTE_US;
    int64_t work_us = turns(value, 1) ? 30 * MINUTE_US : 0;
    while (has_calendar) {
        int64_t end_us = (at_us / DAY_US + 1) * DAY_US;
        bool is_off = day_is_off(model, at_us / DAY_US);
        if (!is_off && at_us + work_us <= end_us)
            break;
        work_us -= is_off ? 0 : end_us - at_us;
        at_us = end_us;
    }
    return at_us + work_us;
}

/* The window that holds the end of work that is begun now, or the next. False: the node books nothing. */
bool model_move_window(const struct model *model, uint32_t node, struct model_booking *out)
{
    struct day_window windows[4];
    uint32_t document = schedule_of(node);
    const struct model_document_slot *slot = slot_of(model, document);
    uint32_t count = slot == NULL ? 0 : node_windows(document, slot->value, windows);
    bool has_calendar = slot != NULL && turns(slot->value, 2);
    if (count == 0 || (has_calendar && slot_of(model, MODEL_CALENDAR) == NULL)) /* DO3: a gap limits nothing */
        return false;
    int64_t at_us = ready_us(model, slot->value, has_calendar);
    for (int64_t day = at_us / DAY_US - 1;; day++) {
        for (uint32_t i = 0; i < count; i++) {
            int64_t from_us = day * DAY_US + windows[i].from * 60 * MINUTE_US;
            int64_t until_us = from_us + windows[i].hours * 60 * MINUTE_US;
            if (until_us <= at_us || (has_calendar && day_is_off(model, day)))
                continue;
            *out = (struct model_booking){ .node = (uint8_t)node,
                                           .unit = (uint8_t)model_document_unit(document),
                                           .from_us = from_us,
                                           .until_us = until_us };
            (void)snprintf(out->resource, sizeof(out->resource), "node/n%u", node);
            return true;
        }
    }
}

bool model_sourcing_allows_partial(const struct model *model)
{
    return turns(model->documents[MODEL_SOURCING].value, 0);
}

uint32_t model_sourcing_parcels_max(const struct model *model)
{
    return limit_of(model->documents[MODEL_SOURCING].value);
}

/* ---- PUT, DELETE and GET ---------------------------------------------------------------------------------------- */

void model_ask_document(struct model *model, const struct model_request *request, struct model_answer *out)
{
    struct model_document_slot *slot = &model->documents[request->document];
    if (request->is_delete && !slot->exists) {
        model_refuse(out, 404, "unknown_document");
        return;
    }
    out->status = request->is_delete || slot->exists ? 200 : 201;
    out->record = MODEL_RECORD_MAYBE;
    slot->exists = !request->is_delete;
    slot->value = (uint32_t)request->value;
}

void model_ask_document_view(const struct model *model, const struct model_request *request,
                             struct model_answer *out)
{
    const struct model_document_slot *slot = &model->documents[request->document];
    if (!slot->exists)
        model_refuse(out, 404, "unknown_document");
    out->figures[0][0] = slot->value;
}
