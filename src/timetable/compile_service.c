#include "timetable/compile.h"
#include <stdlib.h>

#define MILLI_PER_PARCEL 1000
#define US_PER_MILLIHOUR INT64_C(3600000)

enum calendar_use { TRANSIT = 0, DELIVERY = 1 };

struct making {
    struct oh_compiler *compiler;
    const struct oh_context *context;
    const struct oh_service_document *document;
    struct oh_service_content *content;
    struct oh_arena *arena; /* the content's */
    struct oh_days days[2]; /* by enum calendar_use */
};

static void set_gap(struct making *making, enum oh_gap gap, struct oh_bytes name)
{
    struct oh_timetable_service *service = &making->content->service;
    if (service->gap != OH_GAP_NONE)
        return;
    service->gap = gap;
    service->gap_name = name;
}

static bool make_text(struct making *making, struct oh_bytes text, struct oh_bytes *out)
{
    return oh_arena_text(making->arena, text, out);
}

/* ---- Days ------------------------------------------------------------------------------------- */

static enum oh_err make_clock(struct making *making, const struct oh_zone_clock **out_clock)
{
    struct oh_bytes name =
        oh_bytes_is_empty(making->document->time_zone) ? OH_BYTES("UTC") : making->document->time_zone;
    struct oh_bytes kept;
    enum oh_err err = oh_compiler_clock(making->compiler, name, out_clock);
    if (err != OH_OK || *out_clock != NULL)
        return err;
    if (!make_text(making, name, &kept))
        return OH_E_NOMEM;
    set_gap(making, OH_GAP_TIME_ZONE, kept);
    return OH_OK;
}

static enum oh_err make_calendars(struct making *making)
{
    struct oh_service_content *content = making->content;
    const struct oh_bytes names[] = { making->document->transit_calendar,
                                      making->document->delivery_calendar };
    for (uint32_t use = TRANSIT; use <= DELIVERY; use++) {
        if (!make_text(making, names[use], &content->calendar_names[use]))
            return OH_E_NOMEM;
        if (oh_bytes_is_empty(names[use]))
            continue;
        content->calendars[use] = making->context->calendar(making->context->ctx, names[use]);
        if (content->calendars[use] == NULL || content->calendars[use]->is_unreadable)
            set_gap(making, OH_GAP_CALENDAR, content->calendar_names[use]);
    }
    return OH_OK;
}

static enum oh_err make_days(struct making *making)
{
    const struct oh_zone_clock *clock = NULL;
    enum oh_err err = make_clock(making, &clock);
    if (err != OH_OK)
        return err;
    if (make_calendars(making) != OH_OK)
        return OH_E_NOMEM;
    if (making->content->service.gap != OH_GAP_NONE)
        return OH_OK;
    for (uint32_t use = TRANSIT; use <= DELIVERY; use++) {
        const uint8_t *on =
            oh_compile_days(making->compiler, clock, making->content->calendars[use], NULL, making->arena);
        if (on == NULL)
            return OH_E_NOMEM;
        making->days[use] = (struct oh_days){ making->compiler, clock, on };
    }
    return OH_OK;
}

static enum oh_err make_day_table(struct making *making)
{
    struct oh_timetable_service *service = &making->content->service;
    uint32_t count = making->compiler->day_count;
    int64_t *starts_us = oh_arena_allocate(making->arena, (size_t)count + 1, sizeof(*starts_us));
    uint32_t *rank = oh_arena_allocate(making->arena, count, sizeof(*rank));
    int32_t *transit_days = oh_arena_allocate(making->arena, count, sizeof(*transit_days));
    if (starts_us == NULL || rank == NULL || transit_days == NULL)
        return OH_E_NOMEM;
    service->day_first = making->compiler->day_first;
    service->day_count = count;
    for (uint32_t i = 0; i < count; i++) {
        int32_t day = service->day_first + (int32_t)i;
        starts_us[i] = oh_zone_first_us(making->days[TRANSIT].clock, day, 0);
        if (making->days[TRANSIT].on[i] != 0)
            transit_days[service->transit_day_count++] = day;
        rank[i] = service->transit_day_count;
    }
    starts_us[count] = oh_zone_first_us(making->days[TRANSIT].clock, service->day_first + (int32_t)count, 0);
    service->day_starts_us = starts_us;
    service->transit_rank = rank;
    service->transit_days = transit_days;
    return OH_OK;
}

/* ---- Delivery --------------------------------------------------------------------------------- */

static enum oh_err make_windows(struct making *making)
{
    struct oh_timetable_service *service = &making->content->service;
    const struct oh_hours_entry *entry = &making->document->delivery_window;
    const struct oh_days *days = &making->days[DELIVERY];
    uint32_t *next = oh_arena_allocate(making->arena, service->day_count, sizeof(*next));
    struct oh_delivery_window *windows =
        oh_arena_allocate(making->arena, service->day_count, sizeof(*windows));
    if (next == NULL || windows == NULL)
        return OH_E_NOMEM;
    for (uint32_t i = 0; i < service->day_count; i++) {
        struct oh_delivery_window *window = &windows[service->window_count];
        next[i] = service->window_count;
        if (days->on[i] == 0)
            continue;
        window->day = service->day_first + (int32_t)i;
        oh_zone_span(days->clock, window->day, entry->from, entry->to, &window->from_us, &window->until_us);
        if (window->until_us > window->from_us)
            service->window_count++;
    }
    service->delivery_next = next;
    service->windows = windows;
    return OH_OK;
}

/* What is booked is a slot by when it begins: of two that a clock change lets begin together, the first. */
static uint32_t slots_part(const struct oh_compiler *compiler, struct oh_slot *slots, uint32_t count)
{
    uint32_t kept = 0;
    int64_t last_us = INT64_MIN;
    for (uint32_t i = 0; i < count; i++) {
        bool is_in_range = slots[i].until_us > compiler->from_us && slots[i].from_us < compiler->until_us;
        if (slots[i].from_us != last_us && is_in_range)
            slots[kept++] = slots[i];
        last_us = slots[i].from_us;
    }
    return kept;
}

static uint32_t slots_list(const struct making *making, struct oh_slot *slots)
{
    const struct oh_days *days = &making->days[DELIVERY];
    uint32_t count = 0;
    for (uint32_t i = 0; i < making->compiler->day_count; i++) {
        for (uint32_t k = 0; k < making->document->slot_count; k++) {
            const struct oh_slot_entry *entry = &making->document->slots[k];
            struct oh_slot *slot = &slots[count];
            if (!oh_days_have(days, i, entry->week))
                continue;
            oh_zone_span(days->clock, making->compiler->day_first + (int32_t)i, entry->from, entry->to,
                         &slot->from_us, &slot->until_us);
            slot->closes_us = slot->from_us - entry->cutoff_minutes * OH_US_PER_MINUTE;
            slot->limit_milli = (int64_t)entry->limit * MILLI_PER_PARCEL;
            if (slot->until_us > slot->from_us)
                oh_list_settle(slots, ++count, sizeof(*slots), offsetof(struct oh_slot, from_us));
        }
    }
    return slots_part(making->compiler, slots, count);
}

static enum oh_err make_slots(struct making *making)
{
    struct oh_timetable_service *service = &making->content->service;
    const struct oh_service_document *document = making->document;
    service->has_slots = document->has_slots;
    if (!document->has_slots)
        return OH_OK;
    struct oh_slot *slots =
        oh_buffer_reserve(&making->compiler->list,
                          ((size_t)document->slot_count) * making->compiler->day_count + 1, sizeof(*slots));
    if (slots == NULL)
        return OH_E_NOMEM;
    service->slot_count = slots_list(making, slots);
    service->slots = oh_arena_copy(making->arena, slots, service->slot_count, sizeof(*slots));
    return service->slots == NULL ? OH_E_NOMEM : OH_OK;
}

/* ---- Rows ------------------------------------------------------------------------------------- */

/* The index of a name, OH_INDEX_NONE of none. */
static bool make_index(struct oh_names *names, struct oh_bytes name, uint32_t *out_index)
{
    *out_index = OH_INDEX_NONE;
    return oh_bytes_is_empty(name) || oh_names_add(names, name, out_index);
}

static bool make_match(struct making *making, const struct oh_destination_entry *to, struct oh_match *out)
{
    return make_text(making, to->country, &out->country) &&
           make_text(making, to->postal_prefix, &out->postal_prefix) &&
           make_index(making->compiler->zones, to->zone, &out->zone);
}

static enum oh_err make_transit(struct making *making)
{
    const struct oh_service_document *document = making->document;
    struct oh_transit_row *rows = oh_arena_allocate(making->arena, document->transit_count, sizeof(*rows));
    if (rows == NULL)
        return OH_E_NOMEM;
    for (uint32_t i = 0; i < document->transit_count; i++) {
        const struct oh_transit_entry *entry = &document->transit[i];
        rows[i].days = entry->is_hourly ? -1 : (int32_t)entry->days;
        rows[i].hours_us = entry->hours_milli * US_PER_MILLIHOUR;
        rows[i].distance_km_max = entry->distance_km_max;
        if (!make_match(making, &entry->to, &rows[i].to) ||
            !make_index(making->compiler->regions, entry->origin_region, &rows[i].origin_region))
            return OH_E_NOMEM;
    }
    making->content->service.transit = rows;
    making->content->service.transit_count = document->transit_count;
    return OH_OK;
}

static enum oh_err make_costs(struct making *making)
{
    const struct oh_service_document *document = making->document;
    struct oh_cost_row *rows = oh_arena_allocate(making->arena, document->cost_count, sizeof(*rows));
    if (rows == NULL)
        return OH_E_NOMEM;
    for (uint32_t i = 0; i < document->cost_count; i++) {
        rows[i].weight_grams_max = document->costs[i].weight_grams_max;
        rows[i].amount_milli = document->costs[i].amount_milli;
        if (!make_match(making, &document->costs[i].to, &rows[i].to))
            return OH_E_NOMEM;
    }
    making->content->service.costs = rows;
    making->content->service.cost_count = document->cost_count;
    return OH_OK;
}

/* ---- Accounts --------------------------------------------------------------------------------- */

static int node_compare(const void *a, const void *b)
{
    return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

/* A node that is not there yet is OH_NODE_NONE in the list, so that a list is not "every node" for want of them. */
static enum oh_err make_account_nodes(struct making *making, const struct oh_account_entry *entry,
                                      struct oh_account *out)
{
    uint16_t *nodes = oh_arena_allocate(making->arena, entry->node_count, sizeof(*nodes));
    if (nodes == NULL)
        return OH_E_NOMEM;
    for (uint32_t i = 0; i < entry->node_count; i++) {
        nodes[i] = making->context->node(making->context->ctx, entry->nodes[i]);
        if (nodes[i] == OH_NODE_NONE)
            making->content->has_unknown_node = true;
    }
    if (entry->node_count > 0)
        qsort(nodes, entry->node_count, sizeof(*nodes), node_compare);
    out->nodes = nodes;
    out->node_count = entry->node_count;
    return OH_OK;
}

/* "account/<service>/<account>", "slot/<service>" */
static enum oh_err make_resource(struct making *making, const char *kind, const struct oh_bytes *account,
                                 struct oh_bytes *out)
{
    struct oh_bytes id = making->content->base.id;
    size_t kind_size = strlen(kind);
    size_t size = kind_size + id.size + (account == NULL ? 0 : 1 + account->size);
    char *text = oh_arena_allocate(making->arena, size, 1);
    if (text == NULL)
        return OH_E_NOMEM;
    memcpy(text, kind, kind_size);
    memcpy(text + kind_size, id.data, id.size);
    if (account != NULL) {
        text[kind_size + id.size] = '/';
        if (account->size > 0)
            memcpy(text + kind_size + id.size + 1, account->data, account->size);
    }
    *out = (struct oh_bytes){ text, size };
    return OH_OK;
}

static enum oh_err make_account(struct making *making, const struct oh_account_entry *entry,
                                struct oh_account *out)
{
    out->daily_limit_milli = (int64_t)entry->daily_parcels * MILLI_PER_PARCEL;
    if (!make_text(making, entry->account, &out->account) ||
        make_resource(making, "account/", &entry->account, &out->resource) != OH_OK)
        return OH_E_NOMEM;
    return make_account_nodes(making, entry, out);
}

static enum oh_err make_accounts(struct making *making)
{
    static const struct oh_account_entry nameless = { 0 };
    const struct oh_service_document *document = making->document;
    bool has_some = document->account_count > 0;
    uint32_t count = has_some ? document->account_count : 1;
    struct oh_account *accounts = oh_arena_allocate(making->arena, count, sizeof(*accounts));
    if (accounts == NULL)
        return OH_E_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        if (make_account(making, has_some ? &document->accounts[i] : &nameless, &accounts[i]) != OH_OK)
            return OH_E_NOMEM;
    making->content->service.accounts = accounts;
    making->content->service.account_count = count;
    return OH_OK;
}

/* ---- The whole -------------------------------------------------------------------------------- */

static enum oh_err make_texts(struct making *making)
{
    struct oh_timetable_service *service = &making->content->service;
    service->service = making->content->base.id;
    service->weight_grams_max = making->document->limits.weight_grams_max;
    service->side_mm_max = making->document->limits.side_mm_max;
    service->volume_cm3_max = making->document->limits.volume_cm3_max;
    if (!make_text(making, making->document->name, &service->name) ||
        !make_text(making, making->document->carrier, &service->carrier) ||
        !make_text(making, making->document->currency, &service->currency))
        return OH_E_NOMEM;
    return make_resource(making, "slot/", NULL, &service->slot_resource);
}

static enum oh_err make_all(struct making *making)
{
    if (make_texts(making) != OH_OK || make_accounts(making) != OH_OK || make_transit(making) != OH_OK ||
        make_costs(making) != OH_OK)
        return OH_E_NOMEM;
    enum oh_err err = make_days(making);
    if (err != OH_OK)
        return err;
    if (making->content->service.gap != OH_GAP_NONE)
        return OH_OK; /* nothing is promised by it */
    if (make_day_table(making) != OH_OK || make_windows(making) != OH_OK)
        return OH_E_NOMEM;
    return make_slots(making);
}

enum oh_err oh_compile_service(struct oh_compiler *compiler, const struct oh_source_text *source,
                               const struct oh_context *context, struct oh_service_content **out)
{
    struct oh_document document;
    struct oh_fault fault;
    struct oh_service_content *content = oh_content_create(sizeof(*content), source);
    if (content == NULL)
        return OH_E_NOMEM;
    struct making making = { compiler, context, &document.service, content, &content->base.arena, { { 0 } } };
    if (oh_document_read(compiler->memory, OH_DOCUMENT_SERVICE, source->text, &document, &fault) != OH_OK) {
        document.service = (struct oh_service_document){ .account_count = 0 };
        set_gap(&making, OH_GAP_DOCUMENT, content->base.id);
    }
    enum oh_err err = make_all(&making);
    if (err == OH_OK)
        *out = content;
    else
        oh_content_unref(&content->base);
    return err;
}
