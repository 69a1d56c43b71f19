/*
 * promise.h - when and from where the customer can have a basket: the answer
 * of POST /v1/promises, computed from a ledger and a timetable
 * (docs/spec/promise.md).
 *
 * A question: it changes neither. What it answers can be booked as it is by a
 * reservation with its picks and bookings, in the same turn.
 */
#ifndef ONHAND_PROMISE_H
#define ONHAND_PROMISE_H

#include "onhand/ledger.h"
#include "onhand/timetable.h"

#define OH_PROMISE_LINES_MAX 2048u
#define OH_PROMISE_OPTIONS_MAX 64u
#define OH_PROMISE_NAMES_MAX 256u       /* services, stores, closed nodes that a request names, each */
#define OH_PROMISE_SLOTS_MAX 20u
#define OH_PROMISE_STEPS_DEFAULT 50000u /* about a microsecond each */
#define OH_PROMISE_STORES_MAX 20u
#define OH_PROMISE_REJECTIONS_MAX 8192u /* more are counted, not listed */

/* Why a node, a store or a service is not the answer. X(name, number, text): the code of the API (EX2). */
#define OH_REASONS(X)                                              \
    X(OH_REASON_CHOSEN, 0, "chosen")                               \
    X(OH_REASON_NODE_DISABLED, 1, "node_disabled")                 \
    X(OH_REASON_NOT_IN_CHANNEL, 2, "not_in_channel")               \
    X(OH_REASON_PICKUP_NOT_ALLOWED, 3, "pickup_not_allowed")       \
    X(OH_REASON_SHIP_NOT_ALLOWED, 4, "ship_not_allowed")           \
    X(OH_REASON_OUT_OF_STOCK, 5, "out_of_stock")                   \
    X(OH_REASON_SAFETY_STOCK, 6, "below_sourcing_safety_stock")    \
    X(OH_REASON_EXCLUDED, 7, "excluded")                           \
    X(OH_REASON_NO_PICKUP, 8, "no_pickup")                         \
    X(OH_REASON_NO_TRANSIT, 9, "no_transit")                       \
    X(OH_REASON_TOO_HEAVY, 10, "too_heavy")                        \
    X(OH_REASON_TOO_LARGE, 11, "too_large")                        \
    X(OH_REASON_NO_COST, 12, "no_cost")                            \
    X(OH_REASON_NO_CAPACITY, 13, "no_capacity")                    \
    X(OH_REASON_NO_SLOT, 14, "no_slot")                            \
    X(OH_REASON_NO_ACCOUNT, 15, "no_account")                      \
    X(OH_REASON_NO_LANE, 16, "no_lane")                            \
    X(OH_REASON_NOT_A_STORE, 17, "not_a_store")                    \
    X(OH_REASON_TOO_FAR, 18, "too_far")                            \
    X(OH_REASON_BEYOND_HORIZON, 19, "beyond_horizon")              \
    X(OH_REASON_BACKORDER_UNDATED, 20, "backorder_undated")        \
    X(OH_REASON_APART, 21, "apart")                                \
    X(OH_REASON_TOO_MANY_PARCELS, 22, "too_many_parcels")          \
    X(OH_REASON_UNKNOWN_CALENDAR, 23, "unknown_calendar")          \
    X(OH_REASON_UNKNOWN_ZONE, 24, "unknown_zone")                  \
    X(OH_REASON_UNKNOWN_SERVICE, 25, "unknown_service")            \
    X(OH_REASON_LATER, 26, "later")                                \
    X(OH_REASON_MORE_PARCELS, 27, "more_parcels")                  \
    X(OH_REASON_COSTLIER, 28, "costlier")                          \
    X(OH_REASON_FARTHER, 29, "farther")                            \
    X(OH_REASON_LOWER_PRIORITY, 30, "lower_priority")              \
    X(OH_REASON_WORSE_BALANCE, 31, "worse_balance")                \
    X(OH_REASON_LESS_COMPLETE, 32, "less_complete")                \
    X(OH_REASON_TIE, 33, "tie")                                    \
    X(OH_REASON_UNKNOWN_TIME_ZONE, 34, "unknown_time_zone")        \
    X(OH_REASON_UNREADABLE_DOCUMENT, 35, "unreadable_document")    \
    X(OH_REASON_SEARCH_ENDED, 36, "search_ended")
enum oh_reason { OH_REASONS(OH_ENUM_ROW) };
#define OH_REASON_COUNT 37
const char *oh_reason_text(enum oh_reason reason);
const char *oh_term_text(enum oh_term term);

enum oh_explain { OH_EXPLAIN_NONE, OH_EXPLAIN_SUMMARY, OH_EXPLAIN_FULL };

/* A point, or a country with a postal code; has_point wins. Nothing: only stores that are named, or every store. */
struct oh_destination {
    bool has_point;
    struct oh_point point;
    struct oh_bytes country;
    struct oh_bytes postal_code;
};

struct oh_promise_line { uint32_t line; struct oh_bytes sku; int64_t quantity_milli; };

struct oh_promise_request {
    struct oh_bytes channel;
    const struct oh_promise_line *lines;
    uint32_t line_count; /* 1..OH_PROMISE_LINES_MAX */
    struct oh_destination destination;
    struct oh_near near; /* where stores are looked for; not set: around the destination, as far as the channel says */
    bool wants_ship;
    bool wants_collect;
    const struct oh_bytes *services; /* none: those of the channel */
    uint32_t service_count;
    const struct oh_bytes *stores;   /* none: the nearest */
    uint32_t store_count;
    const struct oh_bytes *without;  /* nodes that are closed for this question */
    uint32_t without_count;
    const struct oh_booking_view *freed; /* bookings that count as given back: of what is replaced */
    uint32_t freed_count;
    int64_t at_us;                   /* OH_TIME_US_NONE: now */
    uint32_t slots_max;              /* 0: 1 */
    uint32_t stores_max;             /* 0: the channel's */
    int64_t until_us;                /* only plans there by then; OH_TIME_US_NONE: any */
    const struct oh_sourcing *draft; /* NULL: the channel's */
    uint32_t steps_max;              /* of all searches together (SO2); 0: OH_PROMISE_STEPS_DEFAULT */
    enum oh_explain explain;
};

/* A quantity taken in a window of a resource: what a hold books. */
struct oh_promise_booking {
    struct oh_bytes resource;
    uint16_t node;
    enum oh_unit unit;
    int64_t from_us;
    int64_t until_us;
    int64_t quantity_milli;
    int64_t limit_milli;
};

/* What leaves one node. Times of a stage it does not have are OH_TIME_US_NONE. */
struct oh_promise_parcel {
    struct oh_node_id node;
    int64_t begin_us;    /* work can begin */
    int64_t ready_us;
    int64_t leaves_us;   /* pickup, or departure of the transfer */
    int64_t arrives_us;  /* at the store, of a transfer */
    int64_t from_us;     /* delivered, or collectable, in [from, until]; equal: at that time */
    int64_t until_us;
    int64_t order_by_us; /* ordered before this it is as early */
    double distance_km;  /* < 0: unknown */
    uint64_t weight_grams;
    uint32_t box_count;
    int64_t cost_milli;
    uint32_t account;    /* of the service; OH_INDEX_NONE: collected */
    struct oh_bytes lane;
    struct oh_promise_booking bookings[3]; /* capacity, account, slot */
    uint32_t booking_count;
};

struct oh_promise_pick {
    uint32_t line;    /* index into the request's lines */
    uint32_t parcel;  /* index into the option's parcels */
    int64_t quantity_milli;
    int64_t due_at_us; /* OH_TIME_US_NONE: from stock, or backordered */
};

struct oh_promise_option {
    enum oh_kind kind;          /* OH_KIND_SHIP or OH_KIND_COLLECT */
    uint32_t service;           /* index into the timetable; OH_INDEX_NONE: collected */
    struct oh_node_id store;    /* OH_NODE_NONE: delivered */
    int64_t from_us;            /* the last parcel's */
    int64_t until_us;
    int64_t valid_until_us;     /* DA8 */
    int64_t cost_milli;
    double distance_km;         /* to the store, or the sum of the parcels'; < 0: unknown */
    bool is_complete;
    bool is_bounded;            /* SO2 */
    uint32_t step_count;
    int64_t terms[OH_TERM_COUNT];
    const struct oh_promise_parcel *parcels;
    uint32_t parcel_count;
    const struct oh_promise_pick *picks; /* by line */
    uint32_t pick_count;
};

/* Why one node (or the whole service or store: node OH_NODE_NONE) is not in an option. */
struct oh_promise_rejection {
    uint32_t service;        /* OH_INDEX_NONE: collect */
    struct oh_node_id store; /* OH_NODE_NONE: delivery */
    struct oh_node_id node;
    enum oh_reason reason;
    uint32_t line;           /* index of the line it is about, or OH_INDEX_NONE */
    int64_t requested_milli; /* of that line */
    int64_t available_milli;
    int64_t value;           /* of the term it lost by, and the winner's */
    int64_t winner;
    struct oh_bytes name;    /* of the document that is missing */
};

struct oh_promise_answer {
    enum oh_verdict verdict;  /* OH_OK_DONE, also when there is no option; else what is wrong with the request */
    enum oh_field field;
    uint32_t fault_index;
    int64_t at_us;            /* when it is asked about */
    const struct oh_promise_option *options; /* ship by the order of services, then collect by distance */
    uint32_t option_count;
    bool is_bounded;          /* a service or store has no option, and the steps ended: there may be one (SO2) */
    bool has_point;           /* the destination's, when it is known */
    struct oh_point point;
    const struct oh_promise_rejection *rejections;
    uint32_t rejection_count;
    uint32_t reason_counts[OH_REASON_COUNT]; /* also of those not listed */
    const struct oh_sourcing *sourcing; /* by which it was judged */
};

/* The memory of the computation. One thread, and one ledger: it keeps things of its nodes. */
struct oh_promise_engine;

OH_MUST_CHECK enum oh_err oh_promise_engine_create(const struct oh_allocator *allocator,
                                                   struct oh_promise_engine **out_engine);
void oh_promise_engine_destroy(struct oh_promise_engine **engine);

/*
 * oh_promise - every way to have the basket.
 *
 * Pre:     the timetable was made for this ledger as it is.
 * Post:    *out_answer is filled, also for a refusal.
 * Owner:   borrows everything until the answer has been used; lends the answer until the next call.
 * Cost:    O(nodes that have a line) per service and store, of nanoseconds each where the best can be told from few
 *          (SO6), and the search (SO2). No allocation.
 */
void oh_promise(struct oh_promise_engine *engine, const struct oh_ledger *ledger,
                const struct oh_timetable *timetable, const struct oh_promise_request *request, int64_t now_us,
                struct oh_promise_answer *out_answer);

/*
 * oh_promise_claims - the option as a reservation claims and books it.
 *
 * Shapes: out_picks has room for pick_count, out_bookings for three times parcel_count.
 * Post:   the lines of the picks are indexes into the request's. Returns how many bookings there are.
 */
uint32_t oh_promise_claims(const struct oh_promise_option *option, struct oh_reserve_pick *out_picks,
                           struct oh_reserve_booking *out_bookings);

/*
 * oh_move_windows - in which window of each node that claims are moved to their work falls (CA6).
 *
 * Shapes: out_windows has room for OH_BOOKINGS_MAX + 1; more nodes are as many, and refused by the ledger.
 * Pre:    the timetable was made for this ledger as it is.
 * Post:   one for each node with windows, without a quantity. until_us 0: no window is left for it.
 * Cost:   O(claims of the reservation times lines of the move).
 */
uint32_t oh_move_windows(const struct oh_ledger *ledger, const struct oh_timetable *timetable,
                         struct oh_reservation_id reservation, const struct oh_action_command *move, int64_t now_us,
                         struct oh_reserve_booking *out_windows);

#endif
