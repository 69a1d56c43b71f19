/*
 * command.h - what a ledger can be asked to do, and what it answers.
 *
 * Commands carry names as they came (`sku`, `node`); the ledger resolves
 * them. All bytes are borrowed until the record they lead to has been used. An empty
 * oh_bytes means "not given".
 */
#ifndef ONHAND_COMMAND_H
#define ONHAND_COMMAND_H

#include "onhand/types.h"
#include "onhand/verdict.h"

#define OH_COMMANDS(X)               \
    X(OH_COMMAND_NODE, 1, "node")                 \
    X(OH_COMMAND_ITEM, 2, "item")                 \
    X(OH_COMMAND_GROUP, 3, "group")               \
    X(OH_COMMAND_CHANNEL, 4, "channel")           \
    X(OH_COMMAND_RULE, 5, "rule")                 \
    X(OH_COMMAND_FENCE, 6, "fence")               \
    X(OH_COMMAND_SUPPLY, 7, "supply")             \
    X(OH_COMMAND_POSTAL_CODE, 8, "postal_code")   \
    X(OH_COMMAND_GROUP_MEMBER, 9, "group_member") \
    X(OH_COMMAND_ADJUST, 10, "adjust")            \
    X(OH_COMMAND_SYNC, 11, "sync")                \
    X(OH_COMMAND_RESERVE, 12, "reserve")          \
    X(OH_COMMAND_CONFIRM, 13, "confirm")          \
    X(OH_COMMAND_RELEASE, 14, "release")          \
    X(OH_COMMAND_EXTEND, 15, "extend")            \
    X(OH_COMMAND_CHANGE, 16, "change")            \
    X(OH_COMMAND_MOVE, 17, "move")                \
    X(OH_COMMAND_FULFIL, 18, "fulfil")            \
    X(OH_COMMAND_IMPORT_PROGRESS, 19, "import_progress") \
    X(OH_COMMAND_DOCUMENT, 20, "document")             \
    X(OH_COMMAND_DELIVERIES, 21, "deliveries")         \
    X(OH_COMMAND_REPLACE, 22, "replace")

enum oh_command_type { OH_COMMANDS(OH_ENUM_ROW) };

/* Creates or replaces. `type`, flags and place are the whole new value. */
struct oh_node_command {
    struct oh_bytes node;
    struct oh_bytes name;      /* up to OH_TEXT_SIZE_MAX */
    struct oh_bytes gln;       /* "" or 13 digits with a right check digit */
    struct oh_bytes country;   /* "" or ISO 3166 alpha-2 */
    struct oh_bytes time_zone; /* "" or a tz name, up to OH_ID_SIZE_MAX; not looked up here */
    struct oh_bytes city;      /* up to OH_TEXT_SIZE_MAX */
    struct oh_bytes region;
    struct oh_bytes postal_code;
    enum oh_node_type type;
    bool has_point;
    struct oh_point point;
    bool ships;
    bool collects;
    bool enabled;
};

struct oh_item_command {
    struct oh_bytes sku;
    struct oh_bytes name;
    struct oh_bytes gtin; /* "" or 8, 12, 13 or 14 digits with a right check digit */
    struct oh_bytes class; /* "" or an id: how it is handled (docs/spec/promise.md) */
    uint32_t weight_grams; /* of one unit; 0: unknown, and below. <= OH_WEIGHT_GRAMS_MAX */
    uint32_t side_mm;      /* the longest. <= OH_SIDE_MM_MAX */
    uint32_t volume_cm3;   /* <= OH_VOLUME_CM3_MAX */
};

/* nodes[] in priority order, no node twice. */
struct oh_group_command {
    struct oh_bytes group;
    struct oh_bytes name;
    const struct oh_bytes *nodes;
    uint32_t node_count; /* <= OH_GROUP_NODES_MAX */
};

/* Adds a node to a group, creating the group; ranked by priority (lower first), then by arrival: a row of an import. */
struct oh_group_member_command {
    struct oh_bytes group;
    struct oh_bytes node;
    int32_t priority;
};

/* Eligible nodes are the listed nodes, then those of the listed groups, in order; none listed: every node. */
struct oh_channel_command {
    struct oh_bytes channel;
    struct oh_bytes name;
    enum oh_policy policy;
    const struct oh_bytes *nodes;
    uint32_t node_count;
    const struct oh_bytes *groups;
    uint32_t group_count; /* node_count + group_count <= OH_CHANNEL_MEMBERS_MAX */
};

/* What a rule can say. Each attribute resolves on its own, first match wins (docs/spec/rules.md). */
#define OH_RULE_SAFETY_STOCK (1u << 0)    /* quantity kept back at each position */
#define OH_RULE_THRESHOLD (1u << 1)       /* quantity hidden from a channel's total */
#define OH_RULE_MIN_QUANTITY (1u << 2)
#define OH_RULE_MAX_QUANTITY (1u << 3)
#define OH_RULE_INCREMENT (1u << 4)
#define OH_RULE_BACKORDER_LIMIT (1u << 5) /* how far below zero a position may be sold */
#define OH_RULE_LOW_STOCK (1u << 6)       /* available at or below: low_stock */
#define OH_RULE_PICKUP_ALLOWED (1u << 7)
#define OH_RULE_SHIP_ALLOWED (1u << 8)
#define OH_RULE_PREORDER (1u << 9)        /* out of stock with a supply to come is `preorder` */
#define OH_RULE_ATTRIBUTE_COUNT 10

struct oh_rule_values {
    uint32_t mask; /* OH_RULE_*: which of the following are said */
    int64_t safety_stock_milli;
    int64_t threshold_milli;
    int64_t min_quantity_milli;
    int64_t max_quantity_milli;
    int64_t increment_milli;
    int64_t backorder_limit_milli;
    int64_t low_stock_milli;
    bool pickup_allowed;
    bool ship_allowed;
    bool preorder;
};

/* Scope: sku+node, sku+channel, sku, node, channel or nothing (default). mask 0 deletes what the rule said. */
struct oh_rule_command {
    struct oh_bytes rule;
    struct oh_bytes sku;
    struct oh_bytes node;
    struct oh_bytes channel;
    struct oh_rule_values values;
};

/* Sets quantity aside at a position for one channel. 0 removes the fence. */
struct oh_fence_command {
    struct oh_bytes fence;
    struct oh_bytes sku;
    struct oh_bytes node;
    struct oh_bytes channel;
    int64_t quantity_milli; /* >= 0; what the channel's live claims there use is part of it */
    enum oh_fence_policy policy;
};

/* Quantity expected at a node. 0: arrived or cancelled. */
struct oh_supply_command {
    struct oh_bytes supply;
    struct oh_bytes sku;
    struct oh_bytes node;
    int64_t quantity_milli; /* >= 0 */
    int64_t eta_us;
};

struct oh_postal_code_command {
    struct oh_bytes country;     /* alpha-2 */
    struct oh_bytes postal_code; /* up to 16 bytes, compared without spaces, upper-cased */
    struct oh_bytes place;
    struct oh_point point;
};

struct oh_adjust_entry {
    struct oh_bytes id; /* optional: remembered as an idempotency key of this source */
    struct oh_bytes sku;
    struct oh_bytes node;
    struct oh_bytes reason;
    int64_t quantity_milli; /* not 0 */
    enum oh_state state;
    int64_t at_us; /* OH_TIME_US_NONE: now. In the future: judged as invalid_time past now + 5 min */
};

struct oh_adjust_command {
    struct oh_bytes source;
    const struct oh_adjust_entry *entries;
    uint32_t entry_count; /* 1..OH_ENTRIES_MAX */
};

struct oh_sync_entry {
    struct oh_bytes sku;
    struct oh_bytes node;
    int64_t quantity_milli; /* >= 0 */
    enum oh_state state;
    int64_t as_of_us;
    bool has_source_seq;
    int64_t source_seq; /* >= 0 */
};

struct oh_sync_command {
    struct oh_bytes source;
    const struct oh_sync_entry *entries;
    uint32_t entry_count; /* 1..OH_ENTRIES_MAX */
};

struct oh_reserve_line {
    uint32_t line; /* 1..2^31-1, unique in the reservation */
    struct oh_bytes sku;
    struct oh_bytes node;  /* at most one of node and group */
    struct oh_bytes group;
    int64_t quantity_milli; /* > 0 */
};

/* What of a line comes from which node: decided already (a promise), so it is only judged. */
struct oh_reserve_pick {
    uint32_t line;          /* index into lines */
    uint16_t node;
    enum oh_kind kind;      /* what the node is asked for: OH_KIND_TRANSFER when it only feeds a store */
    int64_t quantity_milli; /* > 0 */
    int64_t due_at_us;      /* of a supply to come (docs/spec/promise.md, AT2); OH_TIME_US_NONE: of what is there */
};

/* A quantity of a resource taken in [from, until): with it, at most limit_milli are (CA1 to CA3). */
struct oh_reserve_booking {
    struct oh_bytes resource; /* 1..OH_RESOURCE_SIZE_MAX bytes */
    uint16_t node;            /* whose claims it is for */
    enum oh_unit unit;
    int64_t from_us;
    int64_t until_us;
    int64_t quantity_milli;   /* > 0 */
    int64_t limit_milli;
};

struct oh_reserve_command {
    struct oh_bytes id; /* optional: the ledger makes one from its seq */
    struct oh_bytes channel;
    struct oh_bytes customer;
    struct oh_bytes order;
    enum oh_kind kind; /* not OH_KIND_ANY */
    int64_t ttl_us;    /* 0: no expiry */
    bool allow_partial;
    struct oh_near near; /* candidates within the radius; ranks them under `nearest` */
    const struct oh_reserve_line *lines;
    uint32_t line_count; /* 1..OH_LINES_MAX */
    const struct oh_reserve_pick *picks; /* ascending by line; none: the ledger picks */
    uint32_t pick_count;                 /* <= OH_CLAIMS_MAX */
    const struct oh_reserve_booking *bookings;
    uint32_t booking_count; /* <= OH_BOOKINGS_MAX */
    struct oh_bytes promise; /* kept with the reservation and not read: up to OH_PROMISE_SIZE_MAX bytes */
    enum oh_verdict refusal; /* a verdict that was reached already, to be answered and remembered; OH_OK_DONE: none */
    uint64_t fingerprint;    /* of what was asked, where lines and picks are the outcome of it; 0: of this command */
};

/* One line of an action. quantity_milli 0: all of it (change: required, may be 0 with has_quantity). */
struct oh_action_line {
    uint32_t line;
    struct oh_bytes node;    /* optional: only the claim at this node */
    struct oh_bytes to_node; /* move only */
    bool has_quantity;
    int64_t quantity_milli;
};

/* confirm, release, extend, change, move, fulfil. No lines: the whole reservation (not for change and move). */
struct oh_action_command {
    struct oh_bytes id;
    const struct oh_action_line *lines;
    uint32_t line_count;  /* 0..OH_LINES_MAX */
    bool return_rest;     /* confirm, fulfil: what is not named goes back to stock */
    int64_t ttl_us;       /* extend: counted from now */
    int64_t at_us;        /* fulfil: when the goods left; OH_TIME_US_NONE: now */
    struct oh_bytes to_node; /* move of the whole reservation */
    const struct oh_reserve_booking *windows; /* move of what was promised: as oh_move_windows says */
    uint32_t window_count;                    /* <= OH_BOOKINGS_MAX, the bookings of the reservation included */
};

/*
 * What a reservation claims at nodes that cannot give it is claimed elsewhere, with its capacity, in one step (PR4).
 * The lines of the picks are those of the reservation, by number. What is not picked stays claimed where it is.
 */
struct oh_replace_command {
    struct oh_bytes id;
    const uint16_t *nodes; /* that give up */
    uint32_t node_count;
    const struct oh_reserve_pick *picks; /* ascending by line, 1..OH_CLAIMS_MAX */
    uint32_t pick_count;
    const struct oh_reserve_booking *bookings;
    uint32_t booking_count; /* <= OH_BOOKINGS_MAX, those the reservation has included */
    struct oh_bytes promise;
    enum oh_verdict refusal; /* as oh_reserve_command */
    uint64_t fingerprint;    /* of what was asked; not 0 */
};

/* Journaled beside the rows it speaks of, so that an import resumes where it durably was. */
struct oh_import_progress_command {
    struct oh_bytes import;
    uint64_t row_count; /* rows done, rejected ones included */
    uint64_t rejected_count;
};

/* Replaces a document whole; an empty body removes it. The ledger keeps it and does not read it (DO3). */
struct oh_document_command {
    enum oh_document_kind kind;
    struct oh_bytes id;   /* of a schedule a node, of a sourcing document a channel */
    struct oh_bytes body; /* <= OH_DOCUMENT_SIZE_MAX */
};

/* What became of one parcel. Each end is a region, or a node and a destination whose region follows (LE4). */
struct oh_delivery_report {
    struct oh_bytes id; /* optional: remembered as an idempotency key */
    struct oh_bytes service;
    struct oh_bytes origin_node;        /* exactly one of this */
    struct oh_bytes origin_region;      /* and this */
    struct oh_bytes destination_region; /* exactly one of this */
    struct oh_bytes country;            /* and this with a postal code */
    struct oh_bytes postal_code;
    int64_t handed_over_at_us;
    int64_t delivered_at_us;
    uint32_t weekday; /* of the hand-over where it was: 0 Monday .. 6 Sunday (asserted) */
};

struct oh_deliveries_command {
    const struct oh_delivery_report *reports;
    uint32_t report_count; /* 1..OH_REPORTS_MAX */
};

struct oh_command {
    enum oh_command_type type;
    struct oh_bytes key; /* idempotency key, optional */
    union {
        struct oh_node_command node;
        struct oh_item_command item;
        struct oh_group_command group;
        struct oh_group_member_command group_member;
        struct oh_channel_command channel;
        struct oh_rule_command rule;
        struct oh_fence_command fence;
        struct oh_supply_command supply;
        struct oh_postal_code_command postal_code;
        struct oh_adjust_command adjust;
        struct oh_sync_command sync;
        struct oh_reserve_command reserve;
        struct oh_action_command action;
        struct oh_import_progress_command import_progress;
        struct oh_document_command document;
        struct oh_deliveries_command deliveries;
        struct oh_replace_command replace;
    };
};

/* Which part of the request a verdict is about. X(name, number, text): the JSON field. */
#define OH_FIELDS(X)                                                                                         \
    X(OH_FIELD_NONE, 0, "")                 X(OH_FIELD_ID, 1, "id")           X(OH_FIELD_SKU, 2, "sku")       \
    X(OH_FIELD_NODE, 3, "node")             X(OH_FIELD_GROUP, 4, "group")     X(OH_FIELD_CHANNEL, 5, "channel") \
    X(OH_FIELD_QUANTITY, 6, "quantity")     X(OH_FIELD_LINE, 7, "line")       X(OH_FIELD_AT, 8, "at")         \
    X(OH_FIELD_AS_OF, 9, "as_of")           X(OH_FIELD_TTL, 10, "ttl_seconds") X(OH_FIELD_NEAR, 11, "near")   \
    X(OH_FIELD_NAME, 12, "name")            X(OH_FIELD_GTIN, 13, "gtin")      X(OH_FIELD_GLN, 14, "gln")      \
    X(OH_FIELD_COUNTRY, 15, "country")      X(OH_FIELD_TIME_ZONE, 16, "time_zone") X(OH_FIELD_LAT, 17, "lat") \
    X(OH_FIELD_LON, 18, "lon")              X(OH_FIELD_NODES, 19, "nodes")    X(OH_FIELD_GROUPS, 20, "groups") \
    X(OH_FIELD_SOURCE, 21, "source")        X(OH_FIELD_REASON, 22, "reason")  X(OH_FIELD_KEY, 23, "idempotency_key") \
    X(OH_FIELD_CUSTOMER, 24, "customer")    X(OH_FIELD_ORDER, 25, "order")    X(OH_FIELD_LINES, 26, "lines")  \
    X(OH_FIELD_ENTRIES, 27, "entries")      X(OH_FIELD_ETA, 28, "eta")                                                \
    X(OH_FIELD_POSTAL_CODE, 29, "postal_code")                                                                \
    X(OH_FIELD_TO_NODE, 30, "to_node")      X(OH_FIELD_SOURCE_SEQ, 31, "source_seq") X(OH_FIELD_KIND, 32, "kind") \
    X(OH_FIELD_VALUES, 33, "values")        X(OH_FIELD_CITY, 34, "city")      X(OH_FIELD_REGION, 35, "region") \
    X(OH_FIELD_RULE, 36, "rule")            X(OH_FIELD_FENCE, 37, "fence")    X(OH_FIELD_SUPPLY, 38, "supply") \
    X(OH_FIELD_STATE, 39, "state")          X(OH_FIELD_PLACE, 40, "place")    X(OH_FIELD_IMPORT, 41, "import")  \
    X(OH_FIELD_SAFETY_STOCK, 42, "safety_stock")  X(OH_FIELD_THRESHOLD, 43, "threshold")                        \
    X(OH_FIELD_MIN_QUANTITY, 44, "min_quantity")  X(OH_FIELD_MAX_QUANTITY, 45, "max_quantity")                  \
    X(OH_FIELD_INCREMENT, 46, "quantity_increment") X(OH_FIELD_BACKORDER_LIMIT, 47, "backorder_limit")          \
    X(OH_FIELD_LOW_STOCK, 48, "low_stock")      X(OH_FIELD_CLASS, 49, "class")                                  \
    X(OH_FIELD_WEIGHT, 50, "weight_grams")      X(OH_FIELD_SIDE, 51, "side_mm") X(OH_FIELD_VOLUME, 52, "volume_cm3") \
    X(OH_FIELD_DOCUMENT, 53, "document")        X(OH_FIELD_BOOKINGS, 54, "bookings") X(OH_FIELD_HOLD, 55, "hold") \
    X(OH_FIELD_REPORTS, 56, "reports")                            \
    X(OH_FIELD_SERVICE, 57, "service")            X(OH_FIELD_ORIGIN_NODE, 58, "origin_node")                    \
    X(OH_FIELD_ORIGIN_REGION, 59, "origin_region") X(OH_FIELD_DESTINATION_REGION, 60, "destination_region")     \
    X(OH_FIELD_DESTINATION_COUNTRY, 61, "destination.country")                                                  \
    X(OH_FIELD_DESTINATION_POSTAL_CODE, 62, "destination.postal_code")                                          \
    X(OH_FIELD_HANDED_OVER_AT, 63, "handed_over_at") X(OH_FIELD_DELIVERED_AT, 64, "delivered_at")

enum oh_field { OH_FIELDS(OH_ENUM_ROW) };
const char *oh_field_text(enum oh_field field);

/* One line of an answer: a reservation line at one node, an entry of an adjust or sync, a report (verdict only). */
struct oh_answer_line {
    uint32_t line;            /* reservation: its line number. adjust, sync: 0-based entry */
    struct oh_item_id item;
    struct oh_node_id node;   /* OH_NODE_NONE: a refused line that named no node */
    enum oh_verdict verdict;
    int64_t requested_milli;  /* what was asked of this line (repeated on each of its claims) */
    int64_t quantity_milli;   /* reserve: claimed here. action: affected here. adjust, sync: change of the counter */
    int64_t returned_milli;   /* confirm, fulfil with return_rest: what went back to stock */
    int64_t available_milli;  /* refused: what could have been had. adjust, sync: available after */
    int64_t short_milli;      /* adjust, sync: by how much claims exceed stock after, else 0 */
};

/*
 * The answer to one command. Lent by the ledger until its next apply. The
 * same key gives the same answer, field by field, only `is_repeat` differs.
 */
struct oh_answer {
    enum oh_command_type type;
    enum oh_verdict verdict;
    enum oh_field field;        /* what a refusal is about */
    uint32_t fault_index;       /* 0-based line, entry or member it is about, or OH_INDEX_NONE */
    bool is_repeat;
    bool is_created;            /* PUT: created. reserve: the reservation exists now */
    uint64_t seq;               /* the ledger position the answer speaks for */
    int64_t at_us;
    struct oh_bytes id;         /* reservation, or what was PUT */
    enum oh_kind kind;
    enum oh_status status;      /* of the reservation, after */
    int64_t created_at_us;
    int64_t expires_at_us;      /* OH_TIME_US_NONE: no expiry */
    int64_t window_from_us;     /* no_capacity of a move: the window that is full; until 0: there is none */
    int64_t window_until_us;
    const struct oh_answer_line *lines;
    uint32_t line_count;
};

#endif
