/*
 * document.h - the documents of the order promise: bytes to checked values
 * (docs/spec/promise.md, DO1 to DO7).
 *
 * A document is judged here as far as it can be alone: fields, words, times,
 * limits. Whether its time zone exists, timetable/judge.h knows; what it
 * names may be missing (DO3). Days are since 1970-01-01, times of day are
 * minutes, both on a clock that is not known here.
 */
#ifndef ONHAND_CODEC_DOCUMENT_H
#define ONHAND_CODEC_DOCUMENT_H

#include "codec/json_request.h"
#include "onhand/timetable.h"

/* DO4. */
#define OH_CALENDAR_DAYS_MAX      1000u /* days_off and days_on together */
#define OH_ZONE_MATCHES_MAX       1000u
#define OH_ZONE_PREFIXES_MAX      1000u /* of one match */
#define OH_SCHEDULE_ENTRIES_MAX   64u   /* of each list but the pickups */
#define OH_SCHEDULE_PICKUPS_MAX   512u
#define OH_SERVICE_ROWS_MAX       2000u /* of transit, and of cost */
#define OH_SERVICE_SLOTS_MAX      256u  /* a week */
#define OH_SERVICE_ACCOUNTS_MAX   64u
#define OH_LANE_DEPARTURES_MAX    64u
#define OH_SOURCING_PAIRS_MAX     64u /* of apart, and of together */
#define OH_SOURCING_SERVICES_MAX  1024u
#define OH_SOURCING_STORES_MAX    20u
#define OH_SOURCING_POINTS_MAX    1000000
#define OH_SCHEDULE_PRIORITY_MAX  1000000
#define OH_DOCUMENT_MINUTES_MAX   525600 /* a span: 365 days */
#define OH_DOCUMENT_HOURS_MAX     8760
#define OH_DOCUMENT_DAYS_MAX      365
#define OH_PARCEL_MEASURE_MAX     1000000000 /* grams, millimetres, cubic centimetres of a parcel */
#define OH_SLOT_PARCELS_MAX       1000000    /* of a slot, and of an account a day */
#define OH_DOCUMENT_KM_MAX        20040      /* half around the earth */
#define OH_POSTAL_PREFIX_SIZE_MAX 16u        /* as postal codes are compared */

#define OH_MINUTES_PER_DAY 1440
#define OH_WEEK_DAYS       7u
#define OH_EVERY_DAY       0x7fu

/* A set of days of the week: bit 0 is Monday. */
struct oh_week {
    uint32_t days;
};

struct oh_dates {
    const int32_t *days; /* ascending, each once */
    uint32_t count;
};

struct oh_calendar_document {
    struct oh_bytes id;
    struct oh_week weekly_off;
    struct oh_dates days_off;
    struct oh_dates days_on;
};

struct oh_zone_match_entry {
    struct oh_bytes country;
    const struct oh_bytes *postal_prefixes; /* as postal codes are compared; none: the whole country */
    uint32_t prefix_count;
};
struct oh_zone_document {
    struct oh_bytes id;
    const struct oh_zone_match_entry *matches;
    uint32_t match_count;
};

/* From a minute of each of these days; `to` at or before `from` is on the next day (DO7). */
struct oh_hours_entry {
    struct oh_week week;
    int32_t from;
    int32_t to;
};
struct oh_window_entry {
    struct oh_week week;
    int32_t from;
    int32_t to;
    int64_t limit_milli;
};
struct oh_cutoff_entry {
    struct oh_week week;
    int32_t at;
};
struct oh_pickup_entry {
    struct oh_bytes service;
    struct oh_week week;
    int32_t at;
    uint32_t notification_minutes;
};
struct oh_class_minutes {
    struct oh_bytes class_name;
    uint32_t minutes;
};

struct oh_hours_list {
    const struct oh_hours_entry *at;
    uint32_t count;
    bool is_given;
};
struct oh_cutoff_list {
    const struct oh_cutoff_entry *at;
    uint32_t count;
};

struct oh_processing_document {
    uint32_t default_minutes;
    const struct oh_class_minutes *classes;
    uint32_t class_count;
};

struct oh_capacity_document {
    bool is_given;
    enum oh_unit unit;
    const struct oh_window_entry *windows; /* do not overlap on a clock that does not change */
    uint32_t window_count;
};

struct oh_schedule_document {
    struct oh_bytes id;
    struct oh_bytes time_zone;
    struct oh_bytes calendar;
    struct oh_dates closures;
    struct oh_hours_list hours;
    struct oh_hours_list collect_hours;
    struct oh_cutoff_list collect_cutoffs;
    uint32_t lead_minutes;
    struct oh_processing_document processing;
    uint32_t receiving_minutes;
    struct oh_capacity_document capacity;
    struct oh_cutoff_list cutoffs;
    const struct oh_pickup_entry *pickups;
    uint32_t pickup_count;
    int64_t sourcing_safety_stock_milli;
    int32_t priority;
    bool is_markdown;
    bool has_backorder;
    uint32_t backorder_minutes;
};

struct oh_account_entry {
    struct oh_bytes account;
    const struct oh_bytes *nodes; /* none: every node */
    uint32_t node_count;
    uint32_t daily_parcels; /* 0: unlimited */
};

/* Which destinations a row is about; what is empty matches all. */
struct oh_destination_entry {
    struct oh_bytes country;
    struct oh_bytes postal_prefix; /* as postal codes are compared */
    struct oh_bytes zone;
};

struct oh_transit_entry {
    struct oh_destination_entry to;
    struct oh_bytes origin_region;
    double distance_km_max; /* 0: any */
    bool is_hourly;
    uint32_t days;
    int64_t hours_milli;
};

struct oh_cost_entry {
    struct oh_destination_entry to;
    uint32_t weight_grams_max; /* 0: any */
    int64_t amount_milli;
};

struct oh_slot_entry {
    struct oh_week week;
    int32_t from;
    int32_t to;
    uint32_t limit;
    uint32_t cutoff_minutes;
};

struct oh_parcel_limits {
    uint32_t weight_grams_max;
    uint32_t side_mm_max;
    uint32_t volume_cm3_max;
}; /* 0: any */

struct oh_service_document {
    struct oh_bytes id;
    struct oh_bytes name;
    struct oh_bytes carrier;
    struct oh_bytes currency;
    const struct oh_account_entry *accounts;
    uint32_t account_count;
    struct oh_bytes time_zone;
    struct oh_bytes transit_calendar;
    struct oh_bytes delivery_calendar;
    const struct oh_transit_entry *transit;
    uint32_t transit_count;
    struct oh_hours_entry delivery_window; /* of every day */
    bool has_slots;
    const struct oh_slot_entry *slots; /* no two begin at the same time of a day */
    uint32_t slot_count;
    struct oh_parcel_limits limits;
    const struct oh_cost_entry *costs;
    uint32_t cost_count;
};

struct oh_lane_departure_entry {
    struct oh_week week;
    int32_t at;
    uint32_t cutoff_minutes;
};
struct oh_lane_document {
    struct oh_bytes id;
    struct oh_bytes from;
    struct oh_bytes to; /* not `from` */
    const struct oh_lane_departure_entry *departures;
    uint32_t departure_count;
    uint32_t transit_minutes;
};

struct oh_class_names {
    struct oh_bytes a;
    struct oh_bytes b;
}; /* a != b */

struct oh_collect_document {
    uint32_t stores_max;
    double radius_km;
    bool ship_to_store;
};
struct oh_balance_document {
    int32_t last_unit;
    int32_t markdown;
};

struct oh_sourcing_document {
    struct oh_bytes id;
    struct oh_objective objective;
    uint32_t parcels_max;
    bool split_orders;
    bool split_lines;
    bool allow_partial;
    const struct oh_class_names *apart;
    uint32_t apart_count;
    const struct oh_class_names *together;
    uint32_t together_count;
    bool has_services;
    const struct oh_bytes *services; /* each once */
    uint32_t service_count;
    struct oh_collect_document collect;
    enum oh_future_supply future_supply;
    uint32_t transit_percentile; /* 0: the table */
    struct oh_balance_document balance;
};

struct oh_document {
    enum oh_document_kind kind;
    union {
        struct oh_calendar_document calendar;
        struct oh_zone_document zone;
        struct oh_service_document service;
        struct oh_schedule_document schedule;
        struct oh_lane_document lane;
        struct oh_sourcing_document sourcing;
    };
};

/* The id that the document says itself; may be empty. */
struct oh_bytes oh_document_own_id(const struct oh_document *document);

/*
 * oh_document_read - one document from its bytes.
 *
 * Errors: OH_E_SYNTAX with *fault filled: the path of the field (`hours[2].from`), the reason, the limit.
 * Owner:  *out is lent by `memory`, which is cleared first, until it is cleared again.
 * Cost:   O(size), and for sorted lists O(n log n).
 */
OH_MUST_CHECK enum oh_err oh_document_read(struct oh_json_document *memory, enum oh_document_kind kind,
                                           struct oh_bytes text, struct oh_document *out,
                                           struct oh_fault *fault);

/* What a channel without a document has. */
extern const struct oh_sourcing_document oh_sourcing_document_default;

#endif
