#include "timetable/compile.h"
#include "base/checked.h"
#include <stdlib.h>

#define US_PER_MINUTE OH_US_PER_MINUTE

static int64_t minutes_us(uint32_t minutes)
{
    return minutes * US_PER_MINUTE;
}

/* A schedule being compiled. */
struct making {
    struct oh_compiler *compiler;
    const struct oh_context *context;
    const struct oh_schedule_document *document;
    struct oh_schedule_content *content;
    struct oh_arena *arena; /* the content's */
};

static void set_gap(struct oh_timetable_node *node, enum oh_gap gap, struct oh_bytes name)
{
    if (node->gap != OH_GAP_NONE)
        return;
    node->gap = gap;
    node->gap_name = name;
}

/* ---- Days ------------------------------------------------------------------------------------- */

/* The node's clock, or a gap. */
static enum oh_err make_clock(struct making *making)
{
    struct oh_schedule_content *content = making->content;
    const struct oh_bytes zones[] = { making->document->time_zone, content->node_zone, OH_BYTES("UTC") };
    struct oh_bytes name = !oh_bytes_is_empty(zones[0])   ? zones[0]
                           : !oh_bytes_is_empty(zones[1]) ? zones[1]
                                                          : zones[2];
    enum oh_err err = oh_compiler_clock(making->compiler, name, &content->days.clock);
    if (err != OH_OK || content->days.clock != NULL)
        return err;
    struct oh_bytes kept;
    if (!oh_arena_text(making->arena, name, &kept))
        return OH_E_NOMEM;
    set_gap(&content->node, OH_GAP_TIME_ZONE, kept);
    return OH_OK;
}

/* The days that are not off, or a gap. */
static enum oh_err make_days(struct making *making)
{
    struct oh_schedule_content *content = making->content;
    struct oh_bytes name = making->document->calendar;
    if (!oh_arena_text(making->arena, name, &content->calendar_name))
        return OH_E_NOMEM;
    if (!oh_bytes_is_empty(name)) {
        content->calendar = making->context->calendar(making->context->ctx, name);
        if (content->calendar == NULL || content->calendar->is_unreadable)
            set_gap(&content->node, OH_GAP_CALENDAR, content->calendar_name);
    }
    enum oh_err err = make_clock(making);
    if (err != OH_OK)
        return err;
    if (content->node.gap != OH_GAP_NONE) {
        content->days.clock = NULL;
        return OH_OK;
    }
    content->days.compiler = making->compiler;
    content->days.on = oh_compile_days(making->compiler, content->days.clock, content->calendar,
                                       &making->document->closures, making->arena);
    return content->days.on == NULL ? OH_E_NOMEM : OH_OK;
}

/* ---- Hours ------------------------------------------------------------------------------------ */

static bool has_days_off(const struct making *making)
{
    return making->content->calendar != NULL || making->document->closures.count > 0;
}

static enum oh_err make_hours(struct making *making)
{
    const struct oh_schedule_document *document = making->document;
    const struct oh_days *days = &making->content->days;
    struct oh_timetable_node *node = &making->content->node;
    if (!document->hours.is_given && !has_days_off(making))
        node->hours.is_always = true;
    else if (oh_compile_spans(making->compiler, days, &document->hours, making->arena, &node->hours) != OH_OK)
        return OH_E_NOMEM;
    node->collect_hours = node->hours;
    if (!document->collect_hours.is_given)
        return OH_OK;
    return oh_compile_spans(making->compiler, days, &document->collect_hours, making->arena,
                            &node->collect_hours);
}

/* What is ready strictly before the cut-off is there at it. */
static enum oh_err make_collect_cutoffs(struct making *making)
{
    struct oh_departures *out = &making->content->node.collect_cutoffs;
    uint32_t count = 0;
    out->is_at_once = making->document->collect_cutoffs.count == 0;
    if (out->is_at_once)
        return OH_OK;
    if (oh_compile_moments(making->compiler, &making->content->days, &making->document->collect_cutoffs,
                           &count) != OH_OK)
        return OH_E_NOMEM;
    const int64_t *moments = making->compiler->moments.memory;
    struct oh_departure *departures = oh_arena_allocate(making->arena, count, sizeof(*departures));
    if (departures == NULL)
        return OH_E_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        departures[i] = (struct oh_departure){ .deadline_us = moments[i],
                                               .notified_us = INT64_MAX,
                                               .leaves_us = moments[i],
                                               .arrives_us = moments[i] };
    out->at = departures;
    out->count = count;
    return OH_OK;
}

/* ---- Processing ------------------------------------------------------------------------------- */

static uint32_t class_index(const struct making *making, uint32_t i)
{
    return making->context->class_index(making->context->ctx,
                                        making->document->processing.classes[i].class_name);
}

static enum oh_err make_processing(struct making *making)
{
    const struct oh_processing_document *processing = &making->document->processing;
    struct oh_timetable_node *node = &making->content->node;
    uint32_t greatest = 0;
    node->processing_us = minutes_us(processing->default_minutes);
    for (uint32_t i = 0; i < processing->class_count; i++) {
        uint32_t index = class_index(making, i);
        making->content->has_unknown_class = making->content->has_unknown_class || index == 0;
        greatest = index > greatest ? index : greatest;
    }
    if (greatest == 0)
        return OH_OK;
    int64_t *by_class = oh_arena_allocate(making->arena, (size_t)greatest + 1, sizeof(*by_class));
    if (by_class == NULL)
        return OH_E_NOMEM;
    for (uint32_t i = 0; i <= greatest; i++)
        by_class[i] = node->processing_us;
    for (uint32_t i = 0; i < processing->class_count; i++)
        if (class_index(making, i) != 0)
            by_class[class_index(making, i)] = minutes_us(processing->classes[i].minutes);
    node->class_processing_us = by_class;
    node->class_count = greatest + 1;
    return OH_OK;
}

/* ---- Pickups ---------------------------------------------------------------------------------- */

static int entry_compare(const void *a, const void *b)
{
    const struct oh_pickup_entry *x = a;
    const struct oh_pickup_entry *y = b;
    size_t size = x->service.size < y->service.size ? x->service.size : y->service.size;
    int order = memcmp(x->service.data, y->service.data, size);
    return order != 0 ? order : (x->service.size > y->service.size) - (x->service.size < y->service.size);
}

/* Pickups of entries[0..count), all of one service, sorted. Into compiler->list. */
static uint32_t pickups_list(const struct making *making, const struct oh_pickup_entry *entries,
                             uint32_t count, struct oh_departure *out)
{
    const struct oh_compiler *compiler = making->compiler;
    uint32_t made = 0;
    for (uint32_t i = 0; i < compiler->day_count; i++) {
        for (uint32_t k = 0; k < count; k++) {
            if (!oh_days_have(&making->content->days, i, entries[k].week))
                continue;
            int32_t day = compiler->day_first + (int32_t)i;
            int64_t at_us = oh_zone_first_us(making->content->days.clock, day, entries[k].at);
            int64_t notice_us = minutes_us(entries[k].notification_minutes);
            if (at_us < compiler->from_us || at_us >= compiler->until_us)
                continue;
            out[made++] =
                (struct oh_departure){ .notified_us = notice_us == 0 ? INT64_MAX : at_us - notice_us,
                                       .leaves_us = at_us,
                                       .arrives_us = at_us,
                                       .day = day };
            oh_list_settle(out, made, sizeof(*out), offsetof(struct oh_departure, leaves_us));
        }
    }
    return made;
}

/*
 * DA3: a pickup takes what made the last cut-off at or before it; without cut-offs, what is ready by then.
 * One with no cut-off in the range before it takes nothing that can still be ordered, and is left out.
 */
static uint32_t pickups_set_deadlines(const struct making *making, uint32_t cutoff_count,
                                      struct oh_departure *pickups, uint32_t count)
{
    const int64_t *cutoffs = making->compiler->moments.memory;
    bool has_cutoffs = making->document->cutoffs.count > 0;
    uint32_t passed = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        while (passed < cutoff_count && cutoffs[passed] <= pickups[i].leaves_us)
            passed++;
        if (has_cutoffs && passed == 0)
            continue;
        pickups[kept] = pickups[i];
        pickups[kept++].deadline_us = has_cutoffs ? cutoffs[passed - 1] : pickups[i].leaves_us + 1;
    }
    return kept;
}

static enum oh_err make_service_pickups(struct making *making, const struct oh_pickup_entry *entries,
                                        uint32_t count, uint32_t cutoff_count, struct oh_departures *out)
{
    struct oh_departure *pickups = oh_buffer_reserve(
        &making->compiler->list, ((size_t)count) * making->compiler->day_count, sizeof(*pickups));
    if (pickups == NULL)
        return OH_E_NOMEM;
    uint32_t made = pickups_list(making, entries, count, pickups);
    made = pickups_set_deadlines(making, cutoff_count, pickups, made);
    *out = (struct oh_departures){ .count = made };
    out->at = oh_arena_copy(making->arena, pickups, made, sizeof(*pickups));
    return out->at == NULL ? OH_E_NOMEM : OH_OK;
}

/* Entries of one service from `first` on. */
static uint32_t same_service(const struct oh_pickup_entry *entries, uint32_t count, uint32_t first)
{
    uint32_t end = first + 1;
    while (end < count && oh_bytes_equal(entries[end].service, entries[first].service))
        end++;
    return end - first;
}

static enum oh_err make_pickups(struct making *making)
{
    uint32_t count = making->document->pickup_count;
    struct oh_pickup_entry *entries =
        (struct oh_pickup_entry *)making->document->pickups; /* lent to us alone */
    struct oh_pickups *pickups = oh_arena_allocate(making->arena, count, sizeof(*pickups));
    uint32_t *services = oh_arena_allocate(making->arena, count, sizeof(*services));
    uint32_t cutoff_count = 0;
    uint32_t made = 0;
    if (pickups == NULL || services == NULL ||
        oh_compile_moments(making->compiler, &making->content->days, &making->document->cutoffs,
                           &cutoff_count) != OH_OK)
        return OH_E_NOMEM;
    if (count > 0)
        qsort(entries, count, sizeof(*entries), entry_compare);
    for (uint32_t first = 0; first < count;) {
        uint32_t several = same_service(entries, count, first);
        if (!oh_names_add(making->compiler->services, entries[first].service, &services[made]) ||
            make_service_pickups(making, &entries[first], several, cutoff_count, &pickups[made].departures) !=
                OH_OK)
            return OH_E_NOMEM;
        made++;
        first += several;
    }
    making->content->pickups = pickups;
    making->content->pickup_services = services;
    making->content->node.pickups = pickups;
    making->content->node.pickup_count = made;
    return OH_OK;
}

/* ---- The whole -------------------------------------------------------------------------------- */

#define RESOURCE_BEFORE "node/"

static enum oh_err make_resource(struct making *making)
{
    struct oh_bytes id = making->content->base.id;
    const size_t before = sizeof(RESOURCE_BEFORE) - 1;
    char *text = oh_arena_allocate(making->arena, before + id.size, 1);
    if (text == NULL)
        return OH_E_NOMEM;
    memcpy(text, RESOURCE_BEFORE, before);
    memcpy(text + before, id.data, id.size);
    making->content->node.capacity_resource = (struct oh_bytes){ text, before + id.size };
    return OH_OK;
}

static void make_numbers(struct making *making)
{
    const struct oh_schedule_document *document = making->document;
    struct oh_timetable_node *node = &making->content->node;
    node->lead_us = minutes_us(document->lead_minutes);
    node->receiving_us = minutes_us(document->receiving_minutes);
    node->backorder_us = document->has_backorder ? minutes_us(document->backorder_minutes) : -1;
    node->sourcing_safety_stock_milli = document->sourcing_safety_stock_milli;
    node->priority = document->priority;
    node->is_markdown = document->is_markdown;
    node->region = OH_INDEX_NONE;
}

static enum oh_err make_all(struct making *making)
{
    struct oh_timetable_node *node = &making->content->node;
    make_numbers(making);
    if (make_resource(making) != OH_OK || make_processing(making) != OH_OK)
        return OH_E_NOMEM;
    enum oh_err err = make_days(making);
    if (err != OH_OK)
        return err;
    if (making->content->days.clock == NULL)
        return OH_OK; /* a gap: nothing is promised from here */
    if (make_hours(making) != OH_OK || make_collect_cutoffs(making) != OH_OK)
        return OH_E_NOMEM;
    if (oh_compile_capacity(making->compiler, &making->content->days, &making->document->capacity,
                            making->arena, &node->capacity) != OH_OK)
        return OH_E_NOMEM;
    return make_pickups(making);
}

/* Errors: OH_E_SYNTAX: stored by a version that allowed more. */
static enum oh_err schedule_read(struct oh_compiler *compiler, struct oh_bytes text, struct oh_document *out)
{
    struct oh_fault fault;
    out->schedule = (struct oh_schedule_document){ .lead_minutes = 0 };
    if (oh_bytes_is_empty(text))
        return OH_OK;
    return oh_document_read(compiler->memory, OH_DOCUMENT_SCHEDULE, text, out, &fault);
}

enum oh_err oh_compile_schedule(struct oh_compiler *compiler, const struct oh_source_text *source,
                                struct oh_bytes node_zone, const struct oh_context *context,
                                struct oh_schedule_content **out)
{
    struct oh_document document;
    struct oh_schedule_content *content = oh_content_create(sizeof(*content), source);
    if (content == NULL)
        return OH_E_NOMEM;
    if (schedule_read(compiler, source->text, &document) != OH_OK) {
        document.schedule = (struct oh_schedule_document){ .lead_minutes = 0 };
        set_gap(&content->node, OH_GAP_DOCUMENT, content->base.id);
    }
    struct making making = { compiler, context, &document.schedule, content, &content->base.arena };
    enum oh_err err = oh_arena_text(making.arena, node_zone, &content->node_zone) ? make_all(&making) : OH_E_NOMEM;
    if (err == OH_OK)
        *out = content;
    else
        oh_content_unref(&content->base);
    return err;
}
