/*
 * chain.h - the steps a date is made of: work, capacity, departure, transit,
 * delivery (docs/spec/promise.md, DA1 to DA9). Searches in a timetable;
 * knows no stock.
 *
 * CHAIN_NEVER: beyond the horizon. Each step is monotone: later in, not earlier out.
 */
#ifndef ONHAND_CORE_CHAIN_H
#define ONHAND_CORE_CHAIN_H

#include "onhand/promise.h"

#define CHAIN_NEVER INT64_MAX

/* The first instant at or after from_us that is open; then the end of work_us of open time. */
int64_t spans_open(const struct oh_spans *spans, int64_t from_us);
int64_t spans_advance(const struct oh_spans *spans, int64_t from_us, int64_t work_us);
/* Begun before this, spans_advance ends before the deadline: the greatest such instant. INT64_MIN: never. */
int64_t spans_retreat(const struct oh_spans *spans, int64_t deadline_us, int64_t work_us);

/* The index of the first window that has not ended at at_us; the count: there is none. */
uint32_t windows_first(const struct oh_capacity *capacity, int64_t at_us);

/* The index of the first departure for what is ready and was ordered then; the count: none. */
uint32_t departures_first(const struct oh_departures *departures, int64_t ready_us, int64_t ordered_us);

/* What a destination makes of a service: which rows are about it. Made once for a request. */
#define ROUTE_ROWS_MAX 2000u
struct route {
    const struct oh_timetable_service *service;
    const struct oh_timetable *timetable;
    uint16_t *transit_rows; /* [ROUTE_ROWS_MAX] that match the destination, in order */
    uint32_t transit_count;
    uint16_t *cost_rows;
    uint32_t cost_count;
    enum oh_gap gap;        /* a zone that is missing where it might have decided */
    struct oh_bytes gap_name;
};
void route_make(struct route *route, const struct oh_timetable *timetable, uint32_t service, struct oh_bytes country,
                struct oh_bytes postal_code);
/* The row for an origin; NULL: it does not go there. distance_km < 0: unknown, rows with a distance do not match. */
const struct oh_transit_row *route_transit(const struct route *route, uint32_t origin_region, double distance_km);
/* -1: no row carries the weight. */
int64_t route_cost_milli(const struct route *route, uint64_t weight_grams);

struct delivery { int64_t arrives_us; int64_t from_us; int64_t until_us; uint32_t window; /* NO index: CHAIN_NEVER */ };
/* When what leaves then is delivered, without slots. Transit as the row says, or learned_us >= 0 instead of it. */
struct delivery route_deliver(const struct route *route, const struct oh_transit_row *row, int64_t learned_us,
                              const struct oh_departure *departure);
/* The first slot at or after from_us that can be ordered at ordered_us; the count: none. */
uint32_t slots_first(const struct oh_timetable_service *service, int64_t from_us, int64_t ordered_us);

/* The index of the service's day that holds an instant; OH_INDEX_NONE: outside. */
uint32_t service_day(const struct oh_timetable_service *service, int64_t at_us);

#endif
