/*
 * ledger.h - the ledger: a deterministic state machine.
 *
 * (state, command, time) -> (answer, effects, state). No input or output, no
 * clock, no threads, no globals. All memory comes from one allocator call per
 * pool when the ledger is created; a full pool is the verdict `ledger_full`.
 * One thread owns a ledger. Bytes that a ledger lends stay valid until its
 * next change.
 *
 * A server's turn:   oh_ledger_advance(now)            expire what is due
 *                    oh_ledger_apply(command, &answer)  one or more per request
 *                    oh_ledger_take_record(&record)     journal it as one
 */
#ifndef ONHAND_LEDGER_H
#define ONHAND_LEDGER_H

#include "onhand/command.h"
#include "onhand/effect.h"
#include "onhand/error.h"

struct oh_ledger;

/* Zeroed memory for the ledger's lifetime. Large, touched lazily: mmap suits. */
struct oh_allocator {
    void *(*allocate)(void *ctx, size_t size); /* NULL: out of memory */
    void (*release)(void *ctx, void *memory, size_t size);
    void *ctx;
};

/* 0: the default. Odd values are refused (OH_E_INVALID). */
struct oh_ledger_options {
    uint32_t items_max;        /* default OH_ITEMS_MAX, also the most */
    uint32_t positions_max;    /* default OH_POSITIONS_MAX, also the most */
    uint32_t reservations_max; /* default and most 16,777,216; live and remembered */
    uint32_t claims_max;       /* default and most 33,554,432 */
    uint32_t keys_max;         /* default 16,777,216, most 67,108,864 */
    uint32_t history_max;      /* movements remembered for rebasing, a power of two; default 4,194,304 */
    uint64_t text_size_max;    /* bytes for ids, names, answers, node lists; default 16 GiB of address space */
    int64_t terminal_retention_us; /* how long an ended reservation is remembered; default 24 h */
};

OH_MUST_CHECK enum oh_err oh_ledger_create(const struct oh_ledger_options *options,
                                           const struct oh_allocator *allocator,
                                           struct oh_ledger **out_ledger);
void oh_ledger_destroy(struct oh_ledger **ledger);

/* ---- Time and history ------------------------------------------------------------------------- */

/* The last record's number; 0 for an empty ledger. Cost: O(1). */
uint64_t oh_ledger_seq(const struct oh_ledger *ledger);

/* The ledger's clock: the latest `now` it was given. It never steps back; an earlier now is read as this. */
int64_t oh_ledger_time_us(const struct oh_ledger *ledger);

/*
 * Expires holds due at now_us, at most `holds_max` of them, in one record. Returns how many. Call until 0,
 * taking the record each time. Answers are exact with or without it; this only writes down what is so.
 */
uint32_t oh_ledger_advance(struct oh_ledger *ledger, int64_t now_us, uint32_t holds_max);

/* When the next hold is due; OH_TIME_US_NONE: none. Cost: O(1). */
int64_t oh_ledger_next_due_us(const struct oh_ledger *ledger);

/*
 * oh_ledger_apply - decide one command and do it.
 *
 * Post:    *out_answer is filled, also for a refusal. Effects join the open record, if there are any.
 * Errors:  OH_E_FULL: the open record is full (OH_EFFECTS_MAX); nothing happened, take the record and apply again.
 * Owner:   borrows the command until the record it joins has been taken and used; lends the answer until the
 *          next apply, the record until the first apply or advance after it was taken.
 * Cost:    O(lines) plus, for lines pinned by a policy, O(candidates log candidates).
 */
OH_MUST_CHECK enum oh_err oh_ledger_apply(struct oh_ledger *ledger, int64_t now_us,
                                          const struct oh_command *command, struct oh_answer *out_answer);

/* Closes the open record and lends it until the next apply or advance. False: nothing changed since the last. */
bool oh_ledger_take_record(struct oh_ledger *ledger, struct oh_record *out_record);

/* ---- Replay and snapshot ---------------------------------------------------------------------- */

/*
 * oh_ledger_replay - apply a record that was journaled.
 *
 * Pre:     the ledger's seq is record->seq - 1.
 * Errors:  OH_E_CORRUPT: the record contradicts the ledger (diag says how); the ledger is then unusable.
 * Owner:   copies.
 */
OH_MUST_CHECK enum oh_err oh_ledger_replay(struct oh_ledger *ledger, const struct oh_record *record,
                                           struct oh_diag *diag);

/* Restores one object of a snapshot into a ledger that holds only such objects. Errors as replay. */
OH_MUST_CHECK enum oh_err oh_ledger_restore(struct oh_ledger *ledger, const struct oh_effect *object,
                                            struct oh_diag *diag);

/* Receives the objects of a snapshot, in any order, as they were when it began. Borrows until it returns. */
typedef void oh_snapshot_sink(void *ctx, const struct oh_effect *object);

/*
 * A snapshot of the ledger as it is now, taken in steps while it goes on changing: an object that is about to
 * change is emitted first. `sink` may be called by begin, step, apply, advance and replay until the snapshot
 * ends. One at a time (asserted).
 */
void oh_ledger_snapshot_begin(struct oh_ledger *ledger, oh_snapshot_sink *sink, void *ctx);

/* Visits at most `objects_max` stored slots. True: every object has been emitted, the snapshot has ended. */
bool oh_ledger_snapshot_step(struct oh_ledger *ledger, uint32_t objects_max);
void oh_ledger_snapshot_abort(struct oh_ledger *ledger);

/* Emits every object at once; for tools and tests. */
void oh_ledger_export(struct oh_ledger *ledger, oh_snapshot_sink *sink, void *ctx);

/* ---- Reference data --------------------------------------------------------------------------- */

bool oh_item_find(const struct oh_ledger *ledger, struct oh_bytes sku, struct oh_item_id *out_item);
bool oh_node_find(const struct oh_ledger *ledger, struct oh_bytes node, struct oh_node_id *out_node);
bool oh_group_find(const struct oh_ledger *ledger, struct oh_bytes group, struct oh_group_id *out_group);
bool oh_channel_find(const struct oh_ledger *ledger, struct oh_bytes channel, struct oh_channel_id *out_channel);
bool oh_postal_code_find(const struct oh_ledger *ledger, struct oh_bytes country, struct oh_bytes postal_code,
                         struct oh_postal_code_command *out_value);

/* Where a destination is (docs/spec/promise.md, GE1): the code itself, else the outward part of a full code. */
enum oh_postal_match { OH_POSTAL_EXACT = 0, OH_POSTAL_OUTWARD = 1 };
/* out_place->postal_code is the one that was found. False: unknown, both untouched. Case, spaces and hyphens of
 * the code do not count. Cost: O(1). */
bool oh_postal_code_resolve(const struct oh_ledger *ledger, struct oh_bytes country, struct oh_bytes postal_code,
                            struct oh_postal_code_command *out_place, enum oh_postal_match *out_match);

/* ---- What was learned of transit (docs/spec/promise.md, LE1 to LE4) --------------------------- */

#define OH_REGION_DERIVED_SIZE_MAX 19u   /* "GB-" and at most a whole postal code */
#define OH_TRANSIT_REPORTS_MIN 20u /* fewer say nothing */

/* The region of a destination, in the buffer; empty: the country or the code is not valid. */
struct oh_bytes oh_destination_region(struct oh_bytes country, struct oh_bytes postal_code,
                                      char buffer[OH_REGION_DERIVED_SIZE_MAX]);
/* The region of a node, lent or in the buffer; empty: the node says neither region nor country. */
struct oh_bytes oh_node_region(const struct oh_ledger *ledger, struct oh_node_id node,
                               char buffer[OH_REGION_DERIVED_SIZE_MAX]);

/*
 * The transit that `percentile` of 100 deliveries did not exceed: of that weekday of hand-over, or of all when too few
 * were reported. False: too few of all; *out_us untouched. Shapes: weekday 0 Monday .. 6, percentile 1..100
 * (asserted). Cost: O(1), at most OH_SKETCH_BUCKETS_MAX steps; no allocation.
 */
bool oh_transit_quantile(const struct oh_ledger *ledger, struct oh_bytes service, struct oh_bytes origin,
                         struct oh_bytes destination, uint32_t weekday, uint32_t percentile, int64_t *out_us);

uint32_t oh_item_count(const struct oh_ledger *ledger);
uint32_t oh_node_count(const struct oh_ledger *ledger);
uint32_t oh_group_count(const struct oh_ledger *ledger);
uint32_t oh_channel_count(const struct oh_ledger *ledger);

/* Lend the stored value. index < count (asserted). */
struct oh_bytes oh_item_sku(const struct oh_ledger *ledger, struct oh_item_id item);
struct oh_bytes oh_node_name(const struct oh_ledger *ledger, struct oh_node_id node); /* its id */
struct oh_bytes oh_group_name(const struct oh_ledger *ledger, struct oh_group_id group);
struct oh_bytes oh_channel_name(const struct oh_ledger *ledger, struct oh_channel_id channel);
void oh_item_get(const struct oh_ledger *ledger, struct oh_item_id item, struct oh_item_command *out_value);
void oh_node_get(const struct oh_ledger *ledger, struct oh_node_id node, struct oh_node_command *out_value);
void oh_group_get(const struct oh_ledger *ledger, struct oh_group_id group, struct oh_effect_group *out_value);
void oh_channel_get(const struct oh_ledger *ledger, struct oh_channel_id channel,
                    struct oh_effect_channel *out_value);
bool oh_rule_get(const struct oh_ledger *ledger, struct oh_bytes rule, struct oh_effect_rule *out_value);
/* live_milli: what the channel's live claims use of it. */
bool oh_fence_get(const struct oh_ledger *ledger, struct oh_bytes fence, struct oh_effect_fence *out_value,
                  int64_t *out_live_milli);
bool oh_supply_get(const struct oh_ledger *ledger, struct oh_bytes supply, struct oh_effect_supply *out_value);
/* Lends the body. out_version differs whenever the document was written. */
bool oh_document_get(const struct oh_ledger *ledger, enum oh_document_kind kind, struct oh_bytes id,
                     struct oh_bytes *out_body, uint64_t *out_version);
struct oh_document_view { struct oh_bytes id; struct oh_bytes body; uint64_t version; };
/* The kind's documents from *cursor on (0: the first), in the order of their slots; *cursor is 0 again at the end. */
uint32_t oh_document_list(const struct oh_ledger *ledger, enum oh_document_kind kind, uint32_t documents_max,
                          uint32_t *cursor, struct oh_document_view *out_documents);
/* Where a list goes on after the document; false: there is none. */
bool oh_document_cursor(const struct oh_ledger *ledger, enum oh_document_kind kind, struct oh_bytes id,
                        uint32_t *out_cursor);

/* Classes of items: 1..oh_class_count; names lent. False: no item ever had it. */
uint32_t oh_class_count(const struct oh_ledger *ledger);
struct oh_bytes oh_class_name(const struct oh_ledger *ledger, uint32_t class_index);
bool oh_class_find(const struct oh_ledger *ledger, struct oh_bytes name, uint32_t *out_class_index);

bool oh_import_get(const struct oh_ledger *ledger, struct oh_bytes import, struct oh_effect_import *out_value);

/* ---- Positions and availability --------------------------------------------------------------- */

struct oh_position_view {
    struct oh_item_id item;
    struct oh_node_id node;
    int64_t states_milli[OH_STATE_COUNT]; /* indexed by enum oh_state; sellable may be negative */
    int64_t on_hand_milli;                /* their sum */
    int64_t held_milli;
    int64_t confirmed_milli;
    int64_t safety_stock_milli;
    int64_t fenced_milli;    /* unused ring-fences, all channels */
    int64_t available_milli; /* >= 0; to no channel in particular */
    int64_t short_milli;     /* by how much claims exceed sellable, else 0 */
    int64_t as_of_us;        /* of the last count of sellable; OH_TIME_US_NONE: never counted */
};

/* A position nobody ever wrote answers zeros. now_us as for every question: expired holds count for nothing. */
void oh_position_get(const struct oh_ledger *ledger, struct oh_item_id item, struct oh_node_id node, int64_t now_us,
                     struct oh_position_view *out_view);

/* The nodes that ever had the item, ascending by index; returns how many there are, writes at most `nodes_max`
 * from the `first`-th on. */
uint32_t oh_item_nodes(const struct oh_ledger *ledger, struct oh_item_id item, uint32_t first, uint32_t nodes_max,
                       struct oh_node_id *out_nodes);

/* What an answer about availability can say. */
struct oh_availability {
    int64_t available_milli; /* ATS: >= 0 */
    int64_t backorder_milli; /* may be sold on top of it, below zero */
    enum oh_verdict reason;  /* OH_OK_DONE, or why it is 0 whatever the stock: node_disabled, pickup_not_allowed, ... */
    enum oh_band band;
    int64_t supply_milli;    /* the next supply to come; of several at one time their sum */
    int64_t supply_eta_us;   /* OH_TIME_US_NONE: none */
    int64_t safety_stock_milli; /* a node's; a sum: 0 */
    int64_t threshold_milli;    /* a channel's; else 0 */
    struct oh_bytes safety_stock_rule; /* ids of the rules used, or empty */
    struct oh_bytes threshold_rule;
    struct oh_bytes backorder_rule;
};

/*
 * Who asks: channel index OH_NODE_NONE for nobody in particular, kind OH_KIND_ANY for any. by_us: what can be had by
 * then, supplies to come and the claims on them included (docs/spec/promise.md, AT1); 0, or not after now: now.
 */
struct oh_asker {
    struct oh_channel_id channel;
    enum oh_kind kind;
    int64_t by_us;
};

/* Available at one node to the asker: the very figure that admits a reservation there. Cost: O(1) without rules. */
void oh_available_at_node(const struct oh_ledger *ledger, struct oh_item_id item, struct oh_node_id node,
                          struct oh_asker asker, int64_t now_us, struct oh_availability *out);
/* Summed over a group's nodes, or over the channel's. Computed from the positions, each time. */
void oh_available_in_group(const struct oh_ledger *ledger, struct oh_item_id item, struct oh_group_id group,
                           struct oh_asker asker, int64_t now_us, struct oh_availability *out);
/* asker.channel must be set (asserted). */
void oh_available_in_channel(const struct oh_ledger *ledger, struct oh_item_id item, struct oh_asker asker,
                             int64_t now_us, struct oh_availability *out);

struct oh_near_row {
    struct oh_node_id node;
    double distance_km;
    int64_t available_milli;
};
#define OH_NEAR_ROWS_MAX 1000u

/*
 * The nearest nodes that have at least min_quantity_milli (at least more than 0) available to the asker, nearest
 * first, at most rows_max (<= OH_NEAR_ROWS_MAX). Returns how many. Nodes without a place on the map are left out.
 */
uint32_t oh_available_near(const struct oh_ledger *ledger, struct oh_item_id item, const struct oh_near *near,
                           struct oh_asker asker, int64_t min_quantity_milli, int64_t now_us, uint32_t rows_max,
                           struct oh_near_row *out_rows);

/* ---- What a promise asks ---------------------------------------------------------------------- */

/* What sourcing must know of an item. class_index: small and dense, the same for the same class; 0: no class. */
struct oh_item_traits { uint32_t class_index; uint32_t weight_grams; uint32_t side_mm; uint32_t volume_cm3; };
void oh_item_traits(const struct oh_ledger *ledger, struct oh_item_id item, struct oh_item_traits *out_traits);

/* Differs after any change of a document, node, group, channel or item class: what a timetable is made of. */
uint64_t oh_documents_version(const struct oh_ledger *ledger);

/* ATP: what the asker can have by `by_us`, supplies to come included (docs/spec/promise.md, AT1). >= 0. */
int64_t oh_atp_at_node(const struct oh_ledger *ledger, struct oh_item_id item, struct oh_node_id node,
                       struct oh_asker asker, int64_t by_us, int64_t now_us);

/* The etas after now_us of the position's supplies, ascending, each once; at most times_max. Returns how many. */
uint32_t oh_supply_times(const struct oh_ledger *ledger, struct oh_item_id item, struct oh_node_id node,
                         int64_t now_us, uint32_t times_max, int64_t *out_times_us);

/* What is booked of a resource in the window that begins at from_us; due holds count for nothing (CA1, CA4). */
int64_t oh_booked(const struct oh_ledger *ledger, struct oh_bytes resource, int64_t from_us, int64_t now_us);

/* ---- Reservations ----------------------------------------------------------------------------- */

struct oh_reservation_id { uint32_t index; };

#define OH_MADE_ID_SIZE_MAX 40u /* 32, and what is written eight at a time */

/* Not to be copied: its id may lie in it. */
struct oh_reservation_view {
    struct oh_bytes id;
    char made_id[OH_MADE_ID_SIZE_MAX]; /* where an id lies that the ledger made and keeps as a number */
    struct oh_bytes customer;
    struct oh_bytes order;
    struct oh_channel_id channel;
    enum oh_kind kind;
    enum oh_status status; /* as of now_us: exact */
    int64_t created_at_us;
    int64_t expires_at_us; /* OH_TIME_US_NONE: none */
    uint32_t claim_count; /* at most so many are shown */
    struct oh_bytes promise; /* what was promised with it; empty: nothing */
};

struct oh_claim_view {
    uint32_t line;
    struct oh_item_id item;
    struct oh_node_id node;   /* OH_NODE_NONE: the part of a partial line that could not be had */
    enum oh_status status;
    int64_t quantity_milli;   /* claimed here at first, less what was moved away */
    int64_t held_milli;
    int64_t confirmed_milli;
    int64_t fulfilled_milli;
    int64_t released_milli;
    int64_t expired_milli;
    int64_t due_at_us; /* of a live claim on a supply to come; else OH_TIME_US_NONE */
};

struct oh_booking_view {
    struct oh_bytes resource;
    struct oh_node_id node;
    enum oh_unit unit;
    int64_t from_us;
    int64_t until_us;
    int64_t quantity_milli; /* what is booked now (CA4) */
};

bool oh_reservation_find(const struct oh_ledger *ledger, struct oh_bytes id, struct oh_reservation_id *out);
void oh_reservation_get(const struct oh_ledger *ledger, struct oh_reservation_id reservation, int64_t now_us,
                        struct oh_reservation_view *out_view);
/* Claims in the order they were made. Returns how many were written from the `first`-th on. */
uint32_t oh_reservation_claims(const struct oh_ledger *ledger, struct oh_reservation_id reservation, int64_t now_us,
                               uint32_t first, uint32_t claims_max, struct oh_claim_view *out_claims);

/* Its bookings of which something is left, in the order they were made; returns how many were written. */
uint32_t oh_reservation_bookings(const struct oh_ledger *ledger, struct oh_reservation_id reservation, int64_t now_us,
                                 uint32_t bookings_max, struct oh_booking_view *out_bookings);

/* Whether a key of a header, or a reservation's own id, was used and is remembered. Empty: it was not. */
bool oh_key_is_known(const struct oh_ledger *ledger, struct oh_bytes key, struct oh_bytes reservation);

/* Empty or *_is_set false: any. */
struct oh_reservation_filter {
    struct oh_bytes customer;
    struct oh_bytes order;
    bool node_is_set;
    struct oh_node_id node;
    bool status_is_set;
    enum oh_status status;
};
#define OH_LIST_MAX 1000u

/*
 * Finds reservations, in no stated order but each once while none is added or removed. `*cursor` starts at 0;
 * 0 afterwards means the end. Looks at a bounded number of candidates per call, so it may find fewer than
 * `max` (even none) and still have more to come. Returns how many.
 */
uint32_t oh_reservation_list(const struct oh_ledger *ledger, const struct oh_reservation_filter *filter,
                             int64_t now_us, uint32_t max, uint64_t *cursor, struct oh_reservation_id *out);

/* ---- Proof and figures ------------------------------------------------------------------------ */

/*
 * The online verifier: re-derives the counters of positions and of windows from their claims and bookings, round and
 * round, and holds stock against the control totals. Returns the number of those that differ: 0, always.
 *
 * Units: `work_max`: what a call looks at, of positions and again of windows: each is 1, each of its claims or bookings
 *        4, for they lie anywhere in memory. It ends with the one that reaches it.
 * Cost:  O(work_max + claims_max). A position or window with more than claims_max is passed over, but for its control
 *        total.
 */
struct oh_verifier {
    uint32_t position;   /* the next */
    uint32_t bucket;     /* the next window with bookings */
    uint32_t claims_max; /* of one position; 0: no limit and none counted, for a ledger that nobody waits for */
    uint64_t rounds;
    uint64_t position_count;
    uint64_t work_count; /* of all calls */
    uint64_t passed_over_count;
    uint64_t differences;
};
uint32_t oh_ledger_verify(const struct oh_ledger *ledger, struct oh_verifier *verifier, uint32_t work_max);

struct oh_ledger_stats {
    uint64_t seq;
    uint32_t items, nodes, groups, channels, rules, fences, supplies, postal_codes;
    uint32_t transits;                       /* sketches of what was delivered, of OH_TRANSITS_MAX */
    uint32_t positions, positions_max;
    uint32_t reservations, reservations_max; /* live and remembered */
    uint32_t holds;                          /* live holds with an expiry */
    uint32_t claims, claims_max;
    uint32_t keys, keys_max;
    uint32_t documents, buckets, bookings;
    uint64_t movements;
    uint64_t short_positions; /* claims exceed sellable */
    uint64_t text_size, text_size_max;
    uint64_t memory_size;     /* bytes in use by all pools */
};
void oh_ledger_stats_get(const struct oh_ledger *ledger, struct oh_ledger_stats *out_stats);

#endif
