/*
 * timetable.h - how the company works, compiled to instants: what the promise
 * engine searches. docs/spec/promise.md says what the fields mean.
 *
 * Made outside the core (src/timetable), where time zones and calendars are
 * known; read-only here. Times are microseconds since the Unix epoch, lists
 * are sorted ascending by time, a day is its number since 1970-01-01 in the
 * zone it belongs to. Lists cover [from_us, until_us) of the timetable; what
 * would be later is beyond the horizon. One thread at a time.
 */
#ifndef ONHAND_TIMETABLE_H
#define ONHAND_TIMETABLE_H

#include "onhand/types.h"

/*
 * What a document that is named and missing leaves undone (DO3), or one that this version cannot read.
 * X(name, number, text)
 */
#define OH_GAPS(X)                                     \
    X(OH_GAP_NONE, 0, "")                              \
    X(OH_GAP_CALENDAR, 1, "unknown_calendar")          \
    X(OH_GAP_ZONE, 2, "unknown_zone")                  \
    X(OH_GAP_SERVICE, 3, "unknown_service")            \
    X(OH_GAP_TIME_ZONE, 4, "unknown_time_zone")        \
    X(OH_GAP_DOCUMENT, 5, "unreadable_document")
enum oh_gap { OH_GAPS(OH_ENUM_ROW) };

/* Open during [from_us, until_us). before_us: how long all earlier spans of the list are open together. */
struct oh_span { int64_t from_us; int64_t until_us; int64_t before_us; };
struct oh_spans {
    const struct oh_span *at;
    uint32_t count;
    bool is_always; /* then the list is empty */
};

/* What is ready strictly before `deadline_us`, and was ordered at or before `notified_us`, leaves at `leaves_us`. */
struct oh_departure {
    int64_t deadline_us;
    int64_t notified_us; /* INT64_MAX: whenever */
    int64_t leaves_us;
    int64_t arrives_us;  /* lanes: at the other node; else leaves_us */
    int32_t day;         /* the local date it leaves on */
};
/* Sorted by leaves_us; deadlines never fall. is_at_once: no list, what is ready leaves (collect without cut-offs). */
struct oh_departures { const struct oh_departure *at; uint32_t count; bool is_at_once; };

/* Work that is ready during [from_us, until_us): at most limit_milli of it. */
struct oh_window { int64_t from_us; int64_t until_us; int64_t limit_milli; };
struct oh_capacity {
    enum oh_unit unit;
    const struct oh_window *at; /* do not overlap */
    uint32_t count;
    bool is_limited; /* false: no list */
};

struct oh_pickups { uint16_t service; struct oh_departures departures; };
struct oh_lane_in { uint16_t from_node; struct oh_bytes lane; struct oh_departures departures; };

/* One node, also one without a schedule: then always open, without pickups, lanes and limits. */
struct oh_timetable_node {
    enum oh_gap gap;
    struct oh_bytes gap_name;           /* which calendar or time zone; the lists are then empty */
    int64_t lead_us;
    int64_t receiving_us;
    int64_t backorder_us;               /* -1: what is below zero is not dated */
    int64_t processing_us;              /* by default */
    const int64_t *class_processing_us; /* [class index < class_count]; NULL: the default for all */
    uint32_t class_count;
    struct oh_spans hours;
    struct oh_spans collect_hours;
    struct oh_departures collect_cutoffs;
    struct oh_capacity capacity;
    struct oh_bytes capacity_resource;  /* "node/<node>" */
    const struct oh_pickups *pickups;   /* ascending by service */
    uint32_t pickup_count;
    const struct oh_lane_in *lanes;     /* that end here, ascending by from_node, then by id */
    uint32_t lane_count;
    int64_t sourcing_safety_stock_milli;
    int32_t priority;
    bool is_markdown;
    uint32_t region;                    /* index into regions of the timetable; OH_INDEX_NONE: none */
};

/* Which destinations a row is about: what is empty or OH_INDEX_NONE matches all. */
struct oh_match {
    struct oh_bytes country;
    struct oh_bytes postal_prefix; /* as postal codes are compared: no spaces, upper case */
    uint32_t zone;                 /* index into zones */
};

struct oh_zone {
    enum oh_gap gap;               /* OH_GAP_ZONE: named, but there is no such document */
    struct oh_bytes zone;
    const struct oh_match *matches; /* their zone is OH_INDEX_NONE */
    uint32_t match_count;
};

struct oh_transit_row {
    struct oh_match to;
    uint32_t origin_region;      /* OH_INDEX_NONE: any */
    double distance_km_max;      /* 0: any */
    int32_t days;                /* -1: hours */
    int64_t hours_us;
};

struct oh_cost_row {
    struct oh_match to;
    uint64_t weight_grams_max;   /* 0: any */
    int64_t amount_milli;
};

struct oh_delivery_window { int64_t from_us; int64_t until_us; int32_t day; };
/* A delivery slot; orderable until `closes_us`, exclusive. */
struct oh_slot { int64_t from_us; int64_t until_us; int64_t closes_us; int64_t limit_milli; };

struct oh_account {
    struct oh_bytes account;       /* may be empty */
    struct oh_bytes resource;      /* "account/<service>/<account>" */
    const uint16_t *nodes;         /* ascending; count 0: every node */
    uint32_t node_count;
    int64_t daily_limit_milli;     /* parcels a day of the service's zone; 0: unlimited */
};

struct oh_timetable_service {
    enum oh_gap gap;
    struct oh_bytes gap_name;
    struct oh_bytes service;
    struct oh_bytes name;
    struct oh_bytes carrier;
    struct oh_bytes currency;
    /* Days day_first .. day_first + day_count - 1, in the service's zone. */
    int32_t day_first;
    uint32_t day_count;
    const int64_t *day_starts_us;      /* [day_count + 1]: midnights */
    const uint32_t *transit_rank;      /* [day]: how many transit days there are up to and with it */
    const int32_t *transit_days;       /* the transit days */
    uint32_t transit_day_count;
    const uint32_t *delivery_next;     /* [day]: index of the first delivery window of that day or later */
    const struct oh_delivery_window *windows;
    uint32_t window_count;
    bool has_slots;
    const struct oh_slot *slots;       /* by from_us */
    uint32_t slot_count;
    struct oh_bytes slot_resource;     /* "slot/<service>" */
    const struct oh_transit_row *transit;
    uint32_t transit_count;
    const struct oh_cost_row *costs;   /* none: free */
    uint32_t cost_count;
    uint64_t weight_grams_max;         /* 0: any, and below */
    uint32_t side_mm_max;
    uint32_t volume_cm3_max;
    const struct oh_account *accounts; /* at least one */
    uint32_t account_count;
};

/* What a plan is judged by. X(name, number, text): lower is better, docs/spec/promise.md says in which unit. */
#define OH_TERMS(X)                        \
    X(OH_TERM_COMPLETE, 0, "complete")     \
    X(OH_TERM_PARCELS, 1, "parcels")       \
    X(OH_TERM_DATE, 2, "date")             \
    X(OH_TERM_COST, 3, "cost")             \
    X(OH_TERM_DISTANCE, 4, "distance")     \
    X(OH_TERM_PRIORITY, 5, "priority")     \
    X(OH_TERM_BALANCE, 6, "balance")
enum oh_term { OH_TERMS(OH_ENUM_ROW) };
#define OH_TERM_COUNT 7
#define OH_LEVELS_MAX 7u
#define OH_WEIGHT_MAX 1000000
#define OH_PARCELS_MAX 8u

/* Levels are compared one after the other; a level is the weighted sum of its terms. */
struct oh_objective { uint32_t level_count; int32_t weights[OH_LEVELS_MAX][OH_TERM_COUNT]; };

struct oh_class_pair { uint32_t a; uint32_t b; }; /* class indexes */

enum oh_future_supply { OH_FUTURE_NONE = 0, OH_FUTURE_PREORDER = 1, OH_FUTURE_ALL = 2 };

struct oh_sourcing {
    struct oh_objective objective;
    uint32_t parcels_max; /* nodes of one plan: 1..OH_PARCELS_MAX */
    bool split_orders;
    bool split_lines;
    bool allow_partial;
    const struct oh_class_pair *apart;
    uint32_t apart_count;
    const struct oh_class_pair *together;
    uint32_t together_count;
    bool has_services;        /* false: all, in the order of their ids */
    const uint16_t *services; /* in order of preference */
    uint32_t service_count;
    enum oh_gap gap;          /* OH_GAP_SERVICE: it names one that is not there */
    struct oh_bytes gap_name;
    uint32_t stores_max;      /* collect options */
    double radius_km;         /* 0: any */
    bool ship_to_store;
    enum oh_future_supply future_supply;
    uint32_t transit_percentile; /* 0: the table */
    int32_t last_unit_points;
    int32_t markdown_points;     /* may be negative: a bonus */
};

struct oh_timetable {
    uint64_t version; /* differs whenever anything in it does: what is computed from it alone is kept by it */
    int64_t from_us;
    int64_t until_us;
    const struct oh_timetable_node *nodes; /* [node index < node_count] */
    uint32_t node_count;                   /* a node beyond it has no schedule */
    /* Ascending by id. One that only a schedule names has OH_GAP_SERVICE, and nothing else but its id. */
    const struct oh_timetable_service *services;
    uint32_t service_count;
    const struct oh_zone *zones;
    uint32_t zone_count;
    const struct oh_bytes *regions;
    uint32_t region_count;
    const struct oh_sourcing *const *sourcing; /* [channel index < channel_count]; never NULL */
    uint32_t channel_count;
    const struct oh_sourcing *sourcing_default; /* of no channel, and of those without a document */
};

#endif
