#include "codec/document_checks.h"
#include "base/assert.h"
#include "codec/document.h"
#include <stdio.h>
#include <stdlib.h>

#define MINUTES_PER_WEEK (OH_MINUTES_PER_DAY * (int32_t)OH_WEEK_DAYS)
#define MILLI_PER_UNIT   1000

static bool refuse(struct oh_fault *fault, enum oh_fault_type type, const char *field, const char *reason)
{
    oh_fault_set(fault, type, oh_bytes_of(field), "%s", reason);
    return false;
}

/* About an element of a list and what follows it: "windows", 3, ".limit". */
static bool refuse_at(struct oh_fault *fault, enum oh_fault_type type, const char *list, uint32_t index,
                      const char *rest, const char *reason)
{
    char field[OH_FAULT_FIELD_SIZE];
    snprintf(field, sizeof(field), "%s[%u]%s", list, (unsigned)index, rest);
    return refuse(fault, type, field, reason);
}

bool oh_check_calendar(void *object, uint32_t given, struct oh_fault *fault)
{
    (void)given;
    const struct oh_calendar_document *calendar = object;
    return calendar->days_off.count + calendar->days_on.count <= OH_CALENDAR_DAYS_MAX ||
           refuse(fault, OH_FAULT_TOO_MANY, "days_on",
                  "days_off and days_on have at most 1000 days together.");
}

/* ---- Schedules -------------------------------------------------------------------------------- */

/* Who has a minute of the week; 0: nobody, else the index of an entry, plus 1. */
struct week_map {
    uint8_t owners[OH_MINUTES_PER_DAY * 7];
};
_Static_assert(OH_SCHEDULE_ENTRIES_MAX < UINT8_MAX, "an entry has a number of 8 bits");

/* Takes [from, to) of one day. False: another has some of it. */
static bool week_map_take(struct week_map *map, uint32_t day, int32_t from, int32_t to, uint32_t index)
{
    int32_t begin = (int32_t)day * OH_MINUTES_PER_DAY + from;
    int32_t end = (int32_t)day * OH_MINUTES_PER_DAY + to + (to <= from ? OH_MINUTES_PER_DAY : 0);
    for (int32_t i = begin; i < end; i++) {
        uint8_t *owner = &map->owners[i % MINUTES_PER_WEEK];
        if (*owner != 0)
            return false;
        *owner = (uint8_t)(index + 1);
    }
    return true;
}

static bool windows_are_apart(const struct oh_capacity_document *capacity, struct oh_fault *fault)
{
    struct week_map map = { { 0 } };
    for (uint32_t i = 0; i < capacity->window_count; i++) {
        const struct oh_window_entry *window = &capacity->windows[i];
        for (uint32_t day = 0; day < OH_WEEK_DAYS; day++)
            if ((window->week.days >> day & 1) != 0 && !week_map_take(&map, day, window->from, window->to, i))
                return refuse_at(fault, OH_FAULT_INVALID_VALUE, "windows", i, "",
                                 "A window must not overlap another.");
    }
    return true;
}

bool oh_check_capacity(void *object, uint32_t given, struct oh_fault *fault)
{
    (void)given;
    const struct oh_capacity_document *capacity = object;
    for (uint32_t i = 0; i < capacity->window_count; i++)
        if (capacity->unit != OH_UNIT_UNITS && capacity->windows[i].limit_milli % MILLI_PER_UNIT != 0)
            return refuse_at(fault, OH_FAULT_INVALID_VALUE, "windows", i, ".limit",
                             "A limit of orders or lines is a whole number.");
    return windows_are_apart(capacity, fault);
}

/* ---- Services --------------------------------------------------------------------------------- */

enum transit_field { TRANSIT_DAYS = 0, TRANSIT_HOURS = 1, TRANSIT_DISTANCE = 2 };

bool oh_check_transit(void *object, uint32_t given, struct oh_fault *fault)
{
    const struct oh_transit_entry *transit = object;
    bool has_days = (given >> TRANSIT_DAYS & 1) != 0;
    bool has_hours = (given >> TRANSIT_HOURS & 1) != 0;
    if (!has_days && !has_hours)
        return refuse(fault, OH_FAULT_MISSING_FIELD, "days", "Either days or hours.");
    if (has_days && has_hours)
        return refuse(fault, OH_FAULT_INVALID_VALUE, "hours", "Either days or hours, not both.");
    return (given >> TRANSIT_DISTANCE & 1) == 0 || transit->distance_km_max > 0 ||
           refuse(fault, OH_FAULT_OUT_OF_RANGE, "distance_km_max",
                  "distance_km_max is more than 0 and at most 20040.");
}

static bool slots_are_good(const struct oh_service_document *service, struct oh_fault *fault)
{
    struct week_map map = { { 0 } };
    uint32_t count = 0;
    for (uint32_t i = 0; i < service->slot_count; i++) {
        const struct oh_slot_entry *slot = &service->slots[i];
        count += (uint32_t)__builtin_popcount(slot->week.days);
        if (count > OH_SERVICE_SLOTS_MAX)
            return refuse_at(fault, OH_FAULT_TOO_MANY, "slots", i, ".days", "A week has at most 256 slots.");
        for (uint32_t day = 0; day < OH_WEEK_DAYS; day++)
            if ((slot->week.days >> day & 1) != 0 && !week_map_take(&map, day, slot->from, slot->from + 1, 0))
                return refuse_at(fault, OH_FAULT_INVALID_VALUE, "slots", i, ".from",
                                 "Two slots must not begin at the same time.");
    }
    return true;
}

static bool accounts_differ(const struct oh_service_document *service, struct oh_fault *fault)
{
    for (uint32_t i = 0; i < service->account_count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (oh_bytes_equal(service->accounts[i].account, service->accounts[k].account))
                return refuse_at(fault, OH_FAULT_INVALID_VALUE, "accounts", i, ".account",
                                 "Two accounts must not have the same name.");
    return true;
}

bool oh_check_service(void *object, uint32_t given, struct oh_fault *fault)
{
    (void)given;
    return slots_are_good(object, fault) && accounts_differ(object, fault);
}

/* ---- Lanes and sourcing ----------------------------------------------------------------------- */

bool oh_check_lane(void *object, uint32_t given, struct oh_fault *fault)
{
    (void)given;
    const struct oh_lane_document *lane = object;
    return !oh_bytes_equal(lane->from, lane->to) ||
           refuse(fault, OH_FAULT_INVALID_VALUE, "to", "A lane goes from one node to another.");
}

static int name_compare(const void *a, const void *b)
{
    const struct oh_bytes *x = *(const struct oh_bytes *const *)a;
    const struct oh_bytes *y = *(const struct oh_bytes *const *)b;
    size_t size = x->size < y->size ? x->size : y->size;
    int order = memcmp(x->data, y->data, size);
    return order != 0 ? order : (x->size > y->size) - (x->size < y->size);
}

static bool services_differ(const struct oh_sourcing_document *sourcing, struct oh_fault *fault)
{
    const struct oh_bytes *sorted[OH_SOURCING_SERVICES_MAX];
    OH_ASSERT(sourcing->service_count <= OH_SOURCING_SERVICES_MAX);
    for (uint32_t i = 0; i < sourcing->service_count; i++)
        sorted[i] = &sourcing->services[i];
    qsort(sorted, sourcing->service_count, sizeof(sorted[0]), name_compare);
    for (uint32_t i = 1; i < sourcing->service_count; i++)
        if (oh_bytes_equal(*sorted[i], *sorted[i - 1]))
            return refuse(fault, OH_FAULT_INVALID_VALUE, "services", "services names one twice.");
    return true;
}

static bool pair_is_same(const struct oh_class_names *x, const struct oh_class_names *y)
{
    return (oh_bytes_equal(x->a, y->a) && oh_bytes_equal(x->b, y->b)) ||
           (oh_bytes_equal(x->a, y->b) && oh_bytes_equal(x->b, y->a));
}

static bool pairs_can_be(const struct oh_sourcing_document *sourcing, struct oh_fault *fault)
{
    for (uint32_t i = 0; i < sourcing->together_count; i++)
        for (uint32_t k = 0; k < sourcing->apart_count; k++)
            if (pair_is_same(&sourcing->together[i], &sourcing->apart[k]))
                return refuse_at(fault, OH_FAULT_INVALID_VALUE, "together", i, "",
                                 "Two classes cannot be apart and together.");
    return true;
}

bool oh_check_sourcing(void *object, uint32_t given, struct oh_fault *fault)
{
    (void)given;
    return services_differ(object, fault) && pairs_can_be(object, fault);
}
