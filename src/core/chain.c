/*
 * chain.c - the steps of a date, each a search in sorted instants.
 */
#include "core/chain.h"
#include "base/assert.h"
#include <string.h>

/* ---- Open time -------------------------------------------------------------------------------- */

/* The first span that ends after at_us. */
static uint32_t span_after(const struct oh_spans *spans, int64_t at_us)
{
    uint32_t low = 0;
    uint32_t high = spans->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (spans->at[middle].until_us > at_us)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

int64_t spans_open(const struct oh_spans *spans, int64_t from_us)
{
    if (spans->is_always)
        return from_us;
    uint32_t i = span_after(spans, from_us);
    if (i == spans->count)
        return CHAIN_NEVER;
    return from_us > spans->at[i].from_us ? from_us : spans->at[i].from_us;
}

int64_t spans_advance(const struct oh_spans *spans, int64_t from_us, int64_t work_us)
{
    int64_t start = spans_open(spans, from_us);
    if (start == CHAIN_NEVER)
        return CHAIN_NEVER;
    if (spans->is_always)
        return start + work_us;
    uint32_t low = span_after(spans, start);
    int64_t target = spans->at[low].before_us + (start - spans->at[low].from_us) + work_us;
    uint32_t high = spans->count;
    while (low < high) { /* the first span that reaches the target */
        uint32_t middle = low + (high - low) / 2;
        const struct oh_span *span = &spans->at[middle];
        if (span->before_us + (span->until_us - span->from_us) >= target)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == spans->count)
        return CHAIN_NEVER;
    return spans->at[low].from_us + (target - spans->at[low].before_us);
}

/*
 * With W(t) the open time before t: work that begins at b ends before the
 * deadline d when W(b) + work is less than W(d), or no more than it when d
 * lies in closed time, where the work has ended at closing already.
 */
int64_t spans_retreat(const struct oh_spans *spans, int64_t deadline_us, int64_t work_us)
{
    if (spans->is_always)
        return deadline_us - work_us;
    uint32_t i = span_after(spans, deadline_us);
    bool is_inside = i < spans->count && spans->at[i].from_us < deadline_us;
    bool ends_here = i > 0 && spans->at[i - 1].until_us == deadline_us;
    int64_t worked = is_inside ? spans->at[i].before_us + (deadline_us - spans->at[i].from_us)
                     : i > 0   ? spans->at[i - 1].before_us + (spans->at[i - 1].until_us - spans->at[i - 1].from_us)
                               : 0;
    bool is_strict = is_inside || ends_here || work_us == 0;
    int64_t left = worked - work_us;
    if (left < 0 || (is_strict && left == 0))
        return INT64_MIN;
    uint32_t low = 0;
    uint32_t high = spans->count;
    while (low < high) { /* the first span in which W passes, or when strict reaches, what is left */
        uint32_t middle = low + (high - low) / 2;
        const struct oh_span *span = &spans->at[middle];
        int64_t end = span->before_us + (span->until_us - span->from_us);
        if (is_strict ? end >= left : end > left)
            high = middle;
        else
            low = middle + 1;
    }
    OH_ASSERT(low < spans->count); /* what is left is less than all of it, or when strict no more */
    return spans->at[low].from_us + (left - spans->at[low].before_us) + (is_strict ? 0 : 1);
}

/* ---- Departures ------------------------------------------------------------------------------- */

uint32_t windows_first(const struct oh_capacity *capacity, int64_t at_us)
{
    uint32_t low = 0;
    uint32_t high = capacity->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (capacity->at[middle].until_us > at_us)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

uint32_t departures_first(const struct oh_departures *departures, int64_t ready_us, int64_t ordered_us)
{
    uint32_t low = 0;
    uint32_t high = departures->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (departures->at[middle].deadline_us > ready_us)
            high = middle;
        else
            low = middle + 1;
    }
    while (low < departures->count && departures->at[low].notified_us < ordered_us)
        low++;
    return low;
}

/* ---- Destinations ----------------------------------------------------------------------------- */

static bool bytes_begin(struct oh_bytes bytes, struct oh_bytes prefix)
{
    return bytes.size >= prefix.size && (prefix.size == 0 || memcmp(bytes.data, prefix.data, prefix.size) == 0);
}

static bool match_place(const struct oh_match *match, struct oh_bytes country, struct oh_bytes postal_code)
{
    if (match->country.size > 0 && !oh_bytes_equal(match->country, country))
        return false;
    return bytes_begin(postal_code, match->postal_prefix);
}

static bool match_destination(struct route *route, const struct oh_match *match, struct oh_bytes country,
                              struct oh_bytes postal_code)
{
    if (!match_place(match, country, postal_code))
        return false;
    if (match->zone == OH_INDEX_NONE)
        return true;
    const struct oh_zone *zone = &route->timetable->zones[match->zone];
    if (zone->gap != OH_GAP_NONE && route->gap == OH_GAP_NONE) {
        route->gap = zone->gap;
        route->gap_name = zone->zone;
    }
    for (uint32_t i = 0; i < zone->match_count; i++) {
        if (match_place(&zone->matches[i], country, postal_code))
            return true;
    }
    return false;
}

/* Rows after one that takes every origin can never be the first to match. */
static bool transit_takes_all(const struct oh_transit_row *row)
{
    return row->origin_region == OH_INDEX_NONE && row->distance_km_max <= 0;
}

void route_make(struct route *route, const struct oh_timetable *timetable, uint32_t service, struct oh_bytes country,
                struct oh_bytes postal_code)
{
    const struct oh_timetable_service *of = &timetable->services[service];
    route->service = of;
    route->timetable = timetable;
    route->transit_count = 0;
    route->cost_count = 0;
    route->gap = of->gap;
    route->gap_name = of->gap_name;
    OH_ASSERT(of->transit_count <= ROUTE_ROWS_MAX && of->cost_count <= ROUTE_ROWS_MAX);
    for (uint32_t i = 0; i < of->transit_count; i++) {
        if (!match_destination(route, &of->transit[i].to, country, postal_code))
            continue;
        route->transit_rows[route->transit_count++] = (uint16_t)i;
        if (transit_takes_all(&of->transit[i]))
            break;
    }
    for (uint32_t i = 0; i < of->cost_count; i++) {
        if (!match_destination(route, &of->costs[i].to, country, postal_code))
            continue;
        route->cost_rows[route->cost_count++] = (uint16_t)i;
        if (of->costs[i].weight_grams_max == 0)
            break;
    }
}

const struct oh_transit_row *route_transit(const struct route *route, uint32_t origin_region, double distance_km)
{
    for (uint32_t i = 0; i < route->transit_count; i++) {
        const struct oh_transit_row *row = &route->service->transit[route->transit_rows[i]];
        if (row->origin_region != OH_INDEX_NONE && row->origin_region != origin_region)
            continue;
        if (row->distance_km_max > 0 && (distance_km < 0 || distance_km > row->distance_km_max))
            continue;
        return row;
    }
    return NULL;
}

/*
 * The first row that carries the weight, but never less than what a lighter parcel costs: rows that are the first
 * for some lighter weight, ever heavier ones, count too.
 */
int64_t route_cost_milli(const struct route *route, uint64_t weight_grams)
{
    uint64_t carried = 0;
    int64_t most = 0;
    for (uint32_t i = 0; i < route->cost_count; i++) {
        const struct oh_cost_row *row = &route->service->costs[route->cost_rows[i]];
        if (row->weight_grams_max != 0 && row->weight_grams_max <= carried)
            continue;
        most = row->amount_milli > most ? row->amount_milli : most;
        if (row->weight_grams_max == 0 || weight_grams <= row->weight_grams_max)
            return most;
        carried = row->weight_grams_max;
    }
    return route->service->cost_count == 0 ? 0 : -1;
}

/* ---- Transit and delivery --------------------------------------------------------------------- */

static const struct delivery NEVER = { CHAIN_NEVER, CHAIN_NEVER, CHAIN_NEVER, OH_INDEX_NONE };

/* In a window: all of it when only the day is known, the hour when that is. */
static struct delivery deliver_from(const struct oh_timetable_service *service, uint32_t window, int64_t arrives_us,
                                    bool is_hourly)
{
    while (window < service->window_count && service->windows[window].until_us <= arrives_us)
        window++;
    if (window == service->window_count)
        return NEVER;
    const struct oh_delivery_window *in = &service->windows[window];
    int64_t from = arrives_us > in->from_us ? arrives_us : in->from_us;
    if (is_hourly)
        return (struct delivery){ arrives_us, from, from, window };
    return (struct delivery){ arrives_us, in->from_us, in->until_us, window };
}

static uint32_t window_after(const struct oh_timetable_service *service, int64_t at_us)
{
    uint32_t low = 0;
    uint32_t high = service->window_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (service->windows[middle].until_us > at_us)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static struct delivery deliver_by_days(const struct oh_timetable_service *service, int32_t days,
                                       const struct oh_departure *departure)
{
    int64_t index = (int64_t)departure->day - service->day_first;
    if (index < 0 || index >= service->day_count)
        return NEVER;
    int64_t day = index;
    if (days > 0) {
        uint32_t rank = service->transit_rank[index] + (uint32_t)days - 1;
        if (rank >= service->transit_day_count)
            return NEVER;
        day = (int64_t)service->transit_days[rank] - service->day_first;
    }
    /* The day counts from its midnight, the day it leaves on from then. */
    return deliver_from(service, service->delivery_next[day], days > 0 ? INT64_MIN : departure->leaves_us, false);
}

struct delivery route_deliver(const struct route *route, const struct oh_transit_row *row, int64_t learned_us,
                              const struct oh_departure *departure)
{
    const struct oh_timetable_service *service = route->service;
    if (learned_us < 0 && row->days >= 0) {
        struct delivery delivery = deliver_by_days(service, row->days, departure);
        if (delivery.window != OH_INDEX_NONE) /* a window of the day it leaves on may have begun before it left */
            delivery.arrives_us = delivery.from_us > departure->leaves_us ? delivery.from_us : departure->leaves_us;
        return delivery;
    }
    int64_t arrives = departure->leaves_us + (learned_us >= 0 ? learned_us : row->hours_us);
    return deliver_from(service, window_after(service, arrives), arrives, true);
}

uint32_t slots_first(const struct oh_timetable_service *service, int64_t from_us, int64_t ordered_us)
{
    uint32_t low = 0;
    uint32_t high = service->slot_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (service->slots[middle].from_us >= from_us)
            high = middle;
        else
            low = middle + 1;
    }
    while (low < service->slot_count && service->slots[low].closes_us <= ordered_us)
        low++;
    return low;
}

uint32_t service_day(const struct oh_timetable_service *service, int64_t at_us)
{
    if (service->day_count == 0 || at_us < service->day_starts_us[0] ||
        at_us >= service->day_starts_us[service->day_count])
        return OH_INDEX_NONE;
    uint32_t low = 0;
    uint32_t high = service->day_count; /* the last day that began at or before it */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (service->day_starts_us[middle] <= at_us)
            low = middle;
        else
            high = middle;
    }
    return low;
}
