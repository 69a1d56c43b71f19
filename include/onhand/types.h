/*
 * types.h - the values of the domain: names, units and limits.
 *
 * Quantities are 64-bit thousandths of a unit (`_milli`), times are
 * microseconds since the Unix epoch, UTC (`_us`). Look-alike integers are
 * one-field structs so that a swap does not compile.
 */
#ifndef ONHAND_TYPES_H
#define ONHAND_TYPES_H

#include "onhand/bytes.h"
#include <stdbool.h>
#include <stdint.h>

/* Stated limits. The ones of a ledger may be set lower when it is created. */
#define OH_NODES_MAX 65535u
#define OH_ITEMS_MAX 16777216u
#define OH_POSITIONS_MAX 50000000u
#define OH_GROUPS_MAX 4096u
#define OH_CHANNELS_MAX 256u
#define OH_RULES_MAX 1048576u
#define OH_FENCES_MAX 1048576u
#define OH_SUPPLIES_MAX 4194304u
#define OH_POSTAL_CODES_MAX 2097152u
#define OH_IMPORTS_MAX 4096u
#define OH_GROUP_NODES_MAX 65535u     /* members of one group */
#define OH_CHANNEL_MEMBERS_MAX 4096u  /* nodes plus groups named by one channel */
#define OH_LINES_MAX 1000u            /* lines of one reservation, or of one action on it */
#define OH_CLAIMS_MAX 4096u           /* claims of one reservation, splits included */
#define OH_ENTRIES_MAX 10000u         /* entries of one adjust or sync */
#define OH_BATCH_MAX 1000u            /* reservations of one batch */
#define OH_BATCH_LINES_MAX 10000u     /* lines of one batch, all told */
#define OH_BOOKINGS_MAX 256u          /* bookings of one reservation */
#define OH_RESOURCE_SIZE_MAX 200u     /* bytes of a resource's name */
#define OH_PROMISE_SIZE_MAX 1048576u  /* bytes of what a promise keeps with its reservation */
#define OH_DOCUMENT_SIZE_MAX 65536u   /* bytes of one document */
#define OH_REPORTS_MAX 10000u         /* deliveries of one report */
#define OH_TRANSITS_MAX 65536u        /* sketches: a (service, regions) takes one for each weekday seen, and one more */
#define OH_TRANSIT_BUCKETS_MAX 747u   /* buckets a sketch can speak of (docs/spec/promise.md, LE3) */
#define OH_ID_SIZE_MAX 64u            /* bytes of UTF-8 of any id, key, source, customer, order */
#define OH_TEXT_SIZE_MAX 128u         /* bytes of UTF-8 of a name or a reason */
#define OH_QUANTITY_MILLI_MAX 1000000000000ll       /* one entry or line: 1,000,000,000 units */
#define OH_TOTAL_MILLI_MAX 9007199254740991ll       /* one counter: 2^53 - 1, exact in any JSON reader */
#define OH_TTL_US_MAX 31536000000000ll              /* a hold: 365 days */
#define OH_TIME_US_MAX 7258118400000000ll           /* 2200-01-01 */
#define OH_TIME_US_NONE INT64_MIN
#define OH_KEY_RETENTION_US 86400000000ll           /* idempotency keys: 24 h */

#define OH_INDEX_NONE UINT32_MAX
#define OH_NODE_NONE UINT16_MAX

#define OH_CLASSES_MAX 4096u          /* classes of items */
#define OH_WEIGHT_GRAMS_MAX 1000000000u
#define OH_SIDE_MM_MAX 1000000u
#define OH_VOLUME_CM3_MAX 1000000000u
#define OH_BUCKETS_MAX 4194304u       /* windows in which something is booked */

struct oh_item_id { uint32_t index; };
struct oh_node_id { uint16_t index; };
struct oh_group_id { uint16_t index; };   /* OH_NODE_NONE: no group */
struct oh_channel_id { uint16_t index; }; /* OH_NODE_NONE: no channel */

/* X(name, number, text): the text is the word of the API. Numbers are never reused. */
#define OH_NODE_TYPES(X)                  \
    X(OH_NODE_STORE, 0, "store")          \
    X(OH_NODE_WAREHOUSE, 1, "warehouse")  \
    X(OH_NODE_SUPPLIER, 2, "supplier")    \
    X(OH_NODE_PICKUP_POINT, 3, "pickup_point")

#define OH_STATES(X)                              \
    X(OH_STATE_SELLABLE, 0, "sellable")           \
    X(OH_STATE_DAMAGED, 1, "damaged")             \
    X(OH_STATE_QUALITY_CONTROL, 2, "quality_control") \
    X(OH_STATE_DISPLAY, 3, "display")             \
    X(OH_STATE_RETURNED, 4, "returned")
#define OH_STATE_COUNT 5

/* What a reservation is for. `any` is only for questions. */
#define OH_KINDS(X)                  \
    X(OH_KIND_ANY, 0, "any")         \
    X(OH_KIND_CART, 1, "cart")       \
    X(OH_KIND_COLLECT, 2, "collect") \
    X(OH_KIND_SHIP, 3, "ship")       \
    X(OH_KIND_STAFF, 4, "staff")     \
    X(OH_KIND_TRANSFER, 5, "transfer")

#define OH_STATUSES(X)                     \
    X(OH_STATUS_HELD, 0, "held")           \
    X(OH_STATUS_CONFIRMED, 1, "confirmed") \
    X(OH_STATUS_FULFILLED, 2, "fulfilled") \
    X(OH_STATUS_RELEASED, 3, "released")   \
    X(OH_STATUS_EXPIRED, 4, "expired")

#define OH_BANDS(X)                             \
    X(OH_BAND_IN_STOCK, 0, "in_stock")          \
    X(OH_BAND_LOW_STOCK, 1, "low_stock")        \
    X(OH_BAND_OUT_OF_STOCK, 2, "out_of_stock")  \
    X(OH_BAND_BACKORDER, 3, "backorder")        \
    X(OH_BAND_PREORDER, 4, "preorder")

/* How a line that names no node is pinned. */
#define OH_POLICIES(X)                                \
    X(OH_POLICY_PRIORITY, 0, "priority")              \
    X(OH_POLICY_NEAREST, 1, "nearest")                \
    X(OH_POLICY_HIGHEST_STOCK, 2, "highest_stock")    \
    X(OH_POLICY_FEWEST_SPLITS, 3, "fewest_splits")

/* `restrict`: the channel sells only its fence here. `regular`: its fence first, then open stock. */
#define OH_FENCE_POLICIES(X)               \
    X(OH_FENCE_REGULAR, 0, "regular")      \
    X(OH_FENCE_RESTRICT, 1, "restrict")

/* X(name, number, text, how many there may be): what a document says (docs/spec/promise.md). */
#define OH_DOCUMENT_KINDS(X)                        \
    X(OH_DOCUMENT_CALENDAR, 0, "calendar", 4096u)   \
    X(OH_DOCUMENT_ZONE, 1, "zone", 4096u)           \
    X(OH_DOCUMENT_SERVICE, 2, "service", 1024u)     \
    X(OH_DOCUMENT_SCHEDULE, 3, "schedule", 65535u)  \
    X(OH_DOCUMENT_LANE, 4, "lane", 65535u)          \
    X(OH_DOCUMENT_SOURCING, 5, "sourcing", 256u)
#define OH_DOCUMENT_KIND_COUNT 6
#define OH_DOCUMENTS_MAX 140542u

/* What a capacity is counted in. */
#define OH_UNITS(X)                  \
    X(OH_UNIT_ORDERS, 0, "orders")   \
    X(OH_UNIT_LINES, 1, "lines")     \
    X(OH_UNIT_UNITS, 2, "units")     \
    X(OH_UNIT_PARCELS, 3, "parcels")

#define OH_ENUM_ROW(name, number, text) name = (number),
enum oh_unit { OH_UNITS(OH_ENUM_ROW) };
#define OH_DOCUMENT_ROW(name, number, text, most) name = (number),
enum oh_document_kind { OH_DOCUMENT_KINDS(OH_DOCUMENT_ROW) };
#undef OH_DOCUMENT_ROW
enum oh_node_type { OH_NODE_TYPES(OH_ENUM_ROW) };
enum oh_state { OH_STATES(OH_ENUM_ROW) };
enum oh_kind { OH_KINDS(OH_ENUM_ROW) };
enum oh_status { OH_STATUSES(OH_ENUM_ROW) };
enum oh_band { OH_BANDS(OH_ENUM_ROW) };
enum oh_policy { OH_POLICIES(OH_ENUM_ROW) };
enum oh_fence_policy { OH_FENCE_POLICIES(OH_ENUM_ROW) };

/* The API's word, never NULL. Any thread. */
const char *oh_node_type_text(enum oh_node_type type);
const char *oh_state_text(enum oh_state state);
const char *oh_kind_text(enum oh_kind kind);
const char *oh_status_text(enum oh_status status);
const char *oh_band_text(enum oh_band band);
const char *oh_policy_text(enum oh_policy policy);
const char *oh_fence_policy_text(enum oh_fence_policy policy);
const char *oh_unit_text(enum oh_unit unit);
const char *oh_document_kind_text(enum oh_document_kind kind);
uint32_t oh_document_kind_max(enum oh_document_kind kind);

/* The value of a word; false when it is none of them, *out untouched. Any thread. */
bool oh_node_type_parse(struct oh_bytes text, enum oh_node_type *out);
bool oh_state_parse(struct oh_bytes text, enum oh_state *out);
bool oh_kind_parse(struct oh_bytes text, enum oh_kind *out);
bool oh_status_parse(struct oh_bytes text, enum oh_status *out);
bool oh_policy_parse(struct oh_bytes text, enum oh_policy *out);
bool oh_fence_policy_parse(struct oh_bytes text, enum oh_fence_policy *out);
bool oh_unit_parse(struct oh_bytes text, enum oh_unit *out);
bool oh_document_kind_parse(struct oh_bytes text, enum oh_document_kind *out);

/* A place on the map, in degrees. latitude in [-90, 90], longitude in [-180, 180]. */
struct oh_point {
    double latitude;
    double longitude;
};

/* A question or demand around a point. radius_km <= 0: no bound. */
struct oh_near {
    bool is_set;
    struct oh_point point;
    double radius_km;
};

#endif
