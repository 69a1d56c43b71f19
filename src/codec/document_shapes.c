#include "codec/document_shapes.h"
#include "base/assert.h"
#include "codec/document_checks.h"
#include "codec/json_values.h"
#include "codec/shape_fields.h"

#define OTHER(tag, member, json, how, ...) FIELD(tag, member, json, OTHER, .read = (how), __VA_ARGS__)
#define MINUTES(tag, member, json, ...) \
    FIELD(tag, member, json, U32, .max = OH_DOCUMENT_MINUTES_MAX, __VA_ARGS__)
#define WHOLE(tag, member, json, least, most, ...) \
    FIELD(tag, member, json, U32, .min = (least), .max = (most), __VA_ARGS__)
#define LIST(tag, member, count, json, shape, ...)                                                     \
    FIELD(tag, member, json, OBJECTS, .count_offset = offsetof(struct tag, count), .object = &(shape), \
          __VA_ARGS__)
#define NAMES(tag, member, count, json, ...) \
    FIELD(tag, member, json, IDS, .count_offset = offsetof(struct tag, count), __VA_ARGS__)

/* The days of an entry, and its times. */
#define WEEK(tag) OTHER(tag, week, "days", oh_json_read_week, .min = 1, .max = OH_WEEK_DAYS)
#define CLOCK(tag, member, json) \
    OTHER(tag, member, json, oh_json_read_clock, REQUIRED, .max = OH_MINUTES_PER_DAY - 1)
#define CLOCK_TO(tag, member) \
    OTHER(tag, member, "to", oh_json_read_clock, REQUIRED, .max = OH_MINUTES_PER_DAY)
#define DATES(tag, member, json, most) OTHER(tag, member, json, oh_json_read_dates, .max = (most))
#define COUNTRY(tag, member, ...)      OTHER(tag, member, "country", oh_json_read_capitals, .max = 2, __VA_ARGS__)
/* A document may say its own id; rows of an import must. */
#define OWN_ID(tag) ID(tag, id, "id", OPTIONAL)

/* ---- Calendars and zones ---------------------------------------------------------------------- */

static const struct oh_shape_field calendar_fields[] = {
    OWN_ID(oh_calendar_document),
    OTHER(oh_calendar_document, weekly_off, "weekly_off", oh_json_read_week, .max = OH_WEEK_DAYS),
    DATES(oh_calendar_document, days_off, "days_off", OH_CALENDAR_DAYS_MAX),
    DATES(oh_calendar_document, days_on, "days_on", OH_CALENDAR_DAYS_MAX),
};
static const struct oh_shape calendar_shape =
    SHAPE(oh_calendar_document, calendar_fields, NULL, oh_check_calendar);

static const struct oh_shape_field zone_match_fields[] = {
    COUNTRY(oh_zone_match_entry, country, REQUIRED),
    OTHER(oh_zone_match_entry, postal_prefixes, "postal_prefixes", oh_json_read_prefixes, .min = 1,
          .max = OH_ZONE_PREFIXES_MAX, .count_offset = offsetof(struct oh_zone_match_entry, prefix_count)),
};
static const struct oh_shape zone_match_shape = SHAPE(oh_zone_match_entry, zone_match_fields, NULL, NULL);

static const struct oh_shape_field zone_fields[] = {
    OWN_ID(oh_zone_document),
    LIST(oh_zone_document, matches, match_count, "matches", zone_match_shape, REQUIRED, .min = 1,
         .max = OH_ZONE_MATCHES_MAX),
};
static const struct oh_shape zone_shape = SHAPE(oh_zone_document, zone_fields, NULL, NULL);

/* ---- Schedules -------------------------------------------------------------------------------- */

static const struct oh_shape_field hours_fields[] = {
    WEEK(oh_hours_entry),
    CLOCK(oh_hours_entry, from, "from"),
    CLOCK_TO(oh_hours_entry, to),
};
static const struct oh_hours_entry hours_defaults = { .week = { OH_EVERY_DAY } };
static const struct oh_shape hours_shape = SHAPE(oh_hours_entry, hours_fields, &hours_defaults, NULL);

static const struct oh_shape_field cutoff_fields[] = {
    WEEK(oh_cutoff_entry),
    CLOCK(oh_cutoff_entry, at, "at"),
};
static const struct oh_cutoff_entry cutoff_defaults = { .week = { OH_EVERY_DAY } };
static const struct oh_shape cutoff_shape = SHAPE(oh_cutoff_entry, cutoff_fields, &cutoff_defaults, NULL);

static const struct oh_shape_field pickup_fields[] = {
    ID(oh_pickup_entry, service, "service", REQUIRED),
    WEEK(oh_pickup_entry),
    CLOCK(oh_pickup_entry, at, "at"),
    MINUTES(oh_pickup_entry, notification_minutes, "notification_minutes", OPTIONAL),
};
static const struct oh_pickup_entry pickup_defaults = { .week = { OH_EVERY_DAY } };
static const struct oh_shape pickup_shape = SHAPE(oh_pickup_entry, pickup_fields, &pickup_defaults, NULL);

static const struct oh_shape_field window_fields[] = {
    WEEK(oh_window_entry),
    CLOCK(oh_window_entry, from, "from"),
    CLOCK_TO(oh_window_entry, to),
    QUANTITY(oh_window_entry, limit_milli, "limit", REQUIRED),
};
static const struct oh_window_entry window_defaults = { .week = { OH_EVERY_DAY } };
static const struct oh_shape window_shape = SHAPE(oh_window_entry, window_fields, &window_defaults, NULL);

/* Parcels are counted by slots and accounts, not here. */
static bool word_unit(struct oh_bytes text, void *out)
{
    static const char *const words[] = { "orders", "lines", "units" };
    for (uint32_t i = 0; i < COUNT_OF(words); i++) {
        if (oh_bytes_equal(oh_bytes_of(words[i]), text)) {
            *(enum oh_unit *)out = (enum oh_unit)i;
            return true;
        }
    }
    return false;
}
_Static_assert(OH_UNIT_ORDERS == 0 && OH_UNIT_LINES == 1 && OH_UNIT_UNITS == 2,
               "word_unit follows the numbers");

static const struct oh_shape_field capacity_fields[] = {
    WORD(oh_capacity_document, unit, "unit", word_unit, REQUIRED),
    LIST(oh_capacity_document, windows, window_count, "windows", window_shape, REQUIRED, .min = 1,
         .max = OH_SCHEDULE_ENTRIES_MAX),
};
static const struct oh_shape capacity_shape =
    SHAPE(oh_capacity_document, capacity_fields, NULL, oh_check_capacity);

static const struct oh_shape_field processing_fields[] = {
    MINUTES(oh_processing_document, default_minutes, "default", OPTIONAL),
    OTHER(oh_processing_document, classes, "classes", oh_json_read_minutes, .max = OH_SCHEDULE_ENTRIES_MAX,
          .count_offset = offsetof(struct oh_processing_document, class_count)),
};
static const struct oh_shape processing_shape = SHAPE(oh_processing_document, processing_fields, NULL, NULL);

static const struct oh_shape_field schedule_fields[] = {
    OWN_ID(oh_schedule_document),
    ID(oh_schedule_document, time_zone, "time_zone", OPTIONAL),
    ID(oh_schedule_document, calendar, "calendar", OPTIONAL),
    DATES(oh_schedule_document, closures, "closures", OH_SCHEDULE_ENTRIES_MAX),
    LIST(oh_schedule_document, hours.at, hours.count, "hours", hours_shape, .max = OH_SCHEDULE_ENTRIES_MAX,
         .flag_offset = offsetof(struct oh_schedule_document, hours.is_given)),
    LIST(oh_schedule_document, collect_hours.at, collect_hours.count, "collect_hours", hours_shape,
         .max = OH_SCHEDULE_ENTRIES_MAX,
         .flag_offset = offsetof(struct oh_schedule_document, collect_hours.is_given)),
    LIST(oh_schedule_document, collect_cutoffs.at, collect_cutoffs.count, "collect_cutoffs", cutoff_shape,
         .min = 1, .max = OH_SCHEDULE_ENTRIES_MAX),
    MINUTES(oh_schedule_document, lead_minutes, "lead_minutes", OPTIONAL),
    FIELD(oh_schedule_document, processing, "processing_minutes", OBJECT, .object = &processing_shape),
    MINUTES(oh_schedule_document, receiving_minutes, "receiving_minutes", OPTIONAL),
    FIELD(oh_schedule_document, capacity, "capacity", OBJECT, .object = &capacity_shape,
          .flag_offset = offsetof(struct oh_schedule_document, capacity.is_given)),
    LIST(oh_schedule_document, cutoffs.at, cutoffs.count, "cutoffs", cutoff_shape, .min = 1,
         .max = OH_SCHEDULE_ENTRIES_MAX),
    LIST(oh_schedule_document, pickups, pickup_count, "pickups", pickup_shape,
         .max = OH_SCHEDULE_PICKUPS_MAX),
    FIELD(oh_schedule_document, sourcing_safety_stock_milli, "sourcing_safety_stock", AMOUNT,
          .max = OH_QUANTITY_MILLI_MAX),
    FIELD(oh_schedule_document, priority, "priority", I32, .max = OH_SCHEDULE_PRIORITY_MAX),
    BOOL(oh_schedule_document, is_markdown, "markdown"),
    MINUTES(oh_schedule_document, backorder_minutes, "backorder_minutes",
            .flag_offset = offsetof(struct oh_schedule_document, has_backorder)),
};
static const struct oh_shape schedule_shape = SHAPE(oh_schedule_document, schedule_fields, NULL, NULL);

/* ---- Services --------------------------------------------------------------------------------- */

static const struct oh_shape_field account_fields[] = {
    ID(oh_account_entry, account, "account", REQUIRED),
    NAMES(oh_account_entry, nodes, node_count, "nodes", .min = 1, .max = OH_NODES_MAX),
    WHOLE(oh_account_entry, daily_parcels, "daily_parcels", 1, OH_SLOT_PARCELS_MAX),
};
static const struct oh_shape account_shape = SHAPE(oh_account_entry, account_fields, NULL, NULL);

#define DESTINATION(tag)                                                              \
    COUNTRY(tag, to.country, OPTIONAL),                                               \
        OTHER(tag, to.postal_prefix, "postal_prefix", oh_json_read_prefix, OPTIONAL), \
        ID(tag, to.zone, "zone", OPTIONAL)

static const struct oh_shape_field transit_fields[] = {
    WHOLE(oh_transit_entry, days, "days", 0, OH_DOCUMENT_DAYS_MAX),
    FIELD(oh_transit_entry, hours_milli, "hours", AMOUNT, .max = OH_DOCUMENT_HOURS_MAX * 1000,
          .flag_offset = offsetof(struct oh_transit_entry, is_hourly)),
    FIELD(oh_transit_entry, distance_km_max, "distance_km_max", REAL, .max = OH_DOCUMENT_KM_MAX),
    DESTINATION(oh_transit_entry),
    FIELD(oh_transit_entry, origin_region, "origin_region", ID, .max = OH_TEXT_SIZE_MAX),
};
static const struct oh_shape transit_shape = SHAPE(oh_transit_entry, transit_fields, NULL, oh_check_transit);

static const struct oh_shape_field cost_fields[] = {
    DESTINATION(oh_cost_entry),
    WHOLE(oh_cost_entry, weight_grams_max, "weight_grams_max", 1, OH_PARCEL_MEASURE_MAX),
    FIELD(oh_cost_entry, amount_milli, "amount", AMOUNT, REQUIRED, .max = OH_QUANTITY_MILLI_MAX),
};
static const struct oh_shape cost_shape = SHAPE(oh_cost_entry, cost_fields, NULL, NULL);

static const struct oh_shape_field slot_fields[] = {
    WEEK(oh_slot_entry),
    CLOCK(oh_slot_entry, from, "from"),
    CLOCK_TO(oh_slot_entry, to),
    WHOLE(oh_slot_entry, limit, "limit", 0, OH_SLOT_PARCELS_MAX, REQUIRED),
    MINUTES(oh_slot_entry, cutoff_minutes, "cutoff_minutes", OPTIONAL),
};
static const struct oh_slot_entry slot_defaults = { .week = { OH_EVERY_DAY } };
static const struct oh_shape slot_shape = SHAPE(oh_slot_entry, slot_fields, &slot_defaults, NULL);

/* Without days: it is every day's. */
static const struct oh_shape_field delivery_window_fields[] = {
    CLOCK(oh_hours_entry, from, "from"),
    CLOCK_TO(oh_hours_entry, to),
};
static const struct oh_shape delivery_window_shape =
    SHAPE(oh_hours_entry, delivery_window_fields, &hours_defaults, NULL);

static const struct oh_shape_field limits_fields[] = {
    WHOLE(oh_parcel_limits, weight_grams_max, "weight_grams_max", 1, OH_PARCEL_MEASURE_MAX),
    WHOLE(oh_parcel_limits, side_mm_max, "side_mm_max", 1, OH_PARCEL_MEASURE_MAX),
    WHOLE(oh_parcel_limits, volume_cm3_max, "volume_cm3_max", 1, OH_PARCEL_MEASURE_MAX),
};
static const struct oh_shape limits_shape = SHAPE(oh_parcel_limits, limits_fields, NULL, NULL);

static const struct oh_shape_field service_fields[] = {
    OWN_ID(oh_service_document),
    TEXT(oh_service_document, name, "name", OH_TEXT_SIZE_MAX),
    TEXT(oh_service_document, carrier, "carrier", OH_TEXT_SIZE_MAX),
    OTHER(oh_service_document, currency, "currency", oh_json_read_capitals, .max = 3),
    LIST(oh_service_document, accounts, account_count, "accounts", account_shape, .min = 1,
         .max = OH_SERVICE_ACCOUNTS_MAX),
    ID(oh_service_document, time_zone, "time_zone", OPTIONAL),
    ID(oh_service_document, transit_calendar, "transit_calendar", OPTIONAL),
    ID(oh_service_document, delivery_calendar, "delivery_calendar", OPTIONAL),
    LIST(oh_service_document, transit, transit_count, "transit", transit_shape, REQUIRED, .min = 1,
         .max = OH_SERVICE_ROWS_MAX),
    FIELD(oh_service_document, delivery_window, "delivery_window", OBJECT, .object = &delivery_window_shape),
    LIST(oh_service_document, slots, slot_count, "slots", slot_shape, .min = 1, .max = OH_SERVICE_SLOTS_MAX,
         .flag_offset = offsetof(struct oh_service_document, has_slots)),
    FIELD(oh_service_document, limits, "limits", OBJECT, .object = &limits_shape),
    LIST(oh_service_document, costs, cost_count, "cost", cost_shape, .min = 1, .max = OH_SERVICE_ROWS_MAX),
};
static const struct oh_service_document service_defaults = {
    .delivery_window = { { OH_EVERY_DAY }, 0, OH_MINUTES_PER_DAY },
};
static const struct oh_shape service_shape =
    SHAPE(oh_service_document, service_fields, &service_defaults, oh_check_service);

/* ---- Lanes ------------------------------------------------------------------------------------ */

static const struct oh_shape_field lane_departure_fields[] = {
    WEEK(oh_lane_departure_entry),
    CLOCK(oh_lane_departure_entry, at, "at"),
    MINUTES(oh_lane_departure_entry, cutoff_minutes, "cutoff_minutes", OPTIONAL),
};
static const struct oh_lane_departure_entry lane_departure_defaults = { .week = { OH_EVERY_DAY } };
static const struct oh_shape lane_departure_shape =
    SHAPE(oh_lane_departure_entry, lane_departure_fields, &lane_departure_defaults, NULL);

static const struct oh_shape_field lane_fields[] = {
    OWN_ID(oh_lane_document),
    ID(oh_lane_document, from, "from", REQUIRED),
    ID(oh_lane_document, to, "to", REQUIRED),
    LIST(oh_lane_document, departures, departure_count, "departures", lane_departure_shape, REQUIRED,
         .min = 1, .max = OH_LANE_DEPARTURES_MAX),
    MINUTES(oh_lane_document, transit_minutes, "transit_minutes", REQUIRED),
};
static const struct oh_shape lane_shape = SHAPE(oh_lane_document, lane_fields, NULL, oh_check_lane);

/* ---- Sourcing --------------------------------------------------------------------------------- */

static bool word_future_supply(struct oh_bytes text, void *out)
{
    static const char *const words[] = { "none", "preorder", "all" };
    for (uint32_t i = 0; i < COUNT_OF(words); i++) {
        if (oh_bytes_equal(oh_bytes_of(words[i]), text)) {
            *(enum oh_future_supply *)out = (enum oh_future_supply)i;
            return true;
        }
    }
    return false;
}

static const struct oh_shape_field collect_fields[] = {
    WHOLE(oh_collect_document, stores_max, "stores_max", 0, OH_SOURCING_STORES_MAX),
    FIELD(oh_collect_document, radius_km, "radius_km", REAL, .max = OH_DOCUMENT_KM_MAX),
    BOOL(oh_collect_document, ship_to_store, "ship_to_store"),
};
#define COLLECT_DEFAULTS                                        \
    {                                                           \
        .stores_max = 5, .radius_km = 50, .ship_to_store = true \
    }
static const struct oh_collect_document collect_defaults = COLLECT_DEFAULTS;
static const struct oh_shape collect_shape =
    SHAPE(oh_collect_document, collect_fields, &collect_defaults, NULL);

#define POINTS(member, json)                                                      \
    FIELD(oh_balance_document, member, json, I32, .min = -OH_SOURCING_POINTS_MAX, \
          .max = OH_SOURCING_POINTS_MAX)
static const struct oh_shape_field balance_fields[] = {
    POINTS(last_unit, "last_unit"),
    POINTS(markdown, "markdown"),
};
#define BALANCE_DEFAULTS                \
    {                                   \
        .last_unit = 10, .markdown = -5 \
    }
static const struct oh_balance_document balance_defaults = BALANCE_DEFAULTS;
static const struct oh_shape balance_shape =
    SHAPE(oh_balance_document, balance_fields, &balance_defaults, NULL);

#define PAIRS(member, count, json)                                                              \
    OTHER(oh_sourcing_document, member, json, oh_json_read_pairs, .max = OH_SOURCING_PAIRS_MAX, \
          .count_offset = offsetof(struct oh_sourcing_document, count))

static const struct oh_shape_field sourcing_fields[] = {
    OWN_ID(oh_sourcing_document),
    OTHER(oh_sourcing_document, objective, "objective", oh_json_read_levels, .min = 1, .max = OH_LEVELS_MAX),
    WHOLE(oh_sourcing_document, parcels_max, "parcels_max", 1, OH_PARCELS_MAX),
    BOOL(oh_sourcing_document, split_orders, "split_orders"),
    BOOL(oh_sourcing_document, split_lines, "split_lines"),
    BOOL(oh_sourcing_document, allow_partial, "allow_partial"),
    PAIRS(apart, apart_count, "apart"),
    PAIRS(together, together_count, "together"),
    NAMES(oh_sourcing_document, services, service_count, "services", .min = 1,
          .max = OH_SOURCING_SERVICES_MAX,
          .flag_offset = offsetof(struct oh_sourcing_document, has_services)),
    FIELD(oh_sourcing_document, collect, "collect", OBJECT, .object = &collect_shape),
    WORD(oh_sourcing_document, future_supply, "future_supply", word_future_supply, OPTIONAL),
    WHOLE(oh_sourcing_document, transit_percentile, "transit_percentile", 50, 99),
    FIELD(oh_sourcing_document, balance, "balance", OBJECT, .object = &balance_shape),
};

#define LEVEL(number, term) [number][OH_TERM_##term] = 1
const struct oh_sourcing_document oh_sourcing_document_default = {
    .objective = { .level_count = 6,
                   .weights = { LEVEL(0, COMPLETE), LEVEL(1, PARCELS), LEVEL(2, DATE), LEVEL(3, COST),
                                LEVEL(4, DISTANCE), LEVEL(5, PRIORITY) } },
    .parcels_max = 4,
    .split_orders = true,
    .split_lines = true,
    .collect = COLLECT_DEFAULTS,
    .future_supply = OH_FUTURE_ALL,
    .balance = BALANCE_DEFAULTS,
};
static const struct oh_shape sourcing_shape =
    SHAPE(oh_sourcing_document, sourcing_fields, &oh_sourcing_document_default, oh_check_sourcing);

const struct oh_shape *oh_document_shape(enum oh_document_kind kind)
{
    switch (kind) {
    case OH_DOCUMENT_CALENDAR:
        return &calendar_shape;
    case OH_DOCUMENT_ZONE:
        return &zone_shape;
    case OH_DOCUMENT_SERVICE:
        return &service_shape;
    case OH_DOCUMENT_SCHEDULE:
        return &schedule_shape;
    case OH_DOCUMENT_LANE:
        return &lane_shape;
    case OH_DOCUMENT_SOURCING:
        return &sourcing_shape;
    }
    OH_UNREACHABLE();
}
