/*
 * model.h - what a retailer's stock would say, written down as plainly as the rules are stated.
 *
 * What it is: lists of everything that was ever told and claimed, added up anew for every question
 * (docs/spec/ledger.md, rules.md, verdicts.md). It takes a request, says what the answer must be, and changes
 * itself. A copy of the struct is a copy of the model.
 *
 * What it is not: fast, or durable, or aware of bytes. It shares no code with the product: the names of verdicts
 * are those of the contract.
 */
#ifndef ONHAND_TESTS_SIM_MODEL_H
#define ONHAND_TESTS_SIM_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define MODEL_ITEMS    5u
#define MODEL_NODES    5u
#define MODEL_GROUPS   2u
#define MODEL_CHANNELS 4u
#define MODEL_STATES   5u /* the first is sellable */
#define MODEL_RULES    14u
#define MODEL_FENCES   4u
#define MODEL_SUPPLIES 4u
#define MODEL_POINTS   4u /* places customers are at */
#define MODEL_LANES    2u /* ways that deliveries are reported of */
#define MODEL_REPORTS  1024u

#define MODEL_NONE       255u
#define MODEL_LINES_MAX  5u
#define MODEL_BATCH_MAX  4u
#define MODEL_PARTS_MAX  64u /* claims that one answer lists */
#define MODEL_BOOKED_MAX 64u /* bookings that one answer lists, or one promise makes */

#define MODEL_FACTS_MAX        16384u
#define MODEL_CLAIMS_MAX       16384u
#define MODEL_RESERVATIONS_MAX 8192u
#define MODEL_KEYS_MAX         16384u
#define MODEL_BOOKINGS_MAX     8192u

#define MODEL_NEVER INT64_MIN /* a time that is not set */

/* L1: one line, and one counter. */
#define MODEL_QUANTITY_MAX INT64_C(1000000000000)
#define MODEL_TOTAL_MAX    INT64_C(9007199254740991)

enum model_kind { MODEL_CART, MODEL_COLLECT, MODEL_SHIP, MODEL_STAFF, MODEL_KINDS, MODEL_ANY_KIND };
enum model_policy { MODEL_PRIORITY, MODEL_HIGHEST_STOCK, MODEL_FEWEST_SPLITS, MODEL_NEAREST, MODEL_POLICIES };

enum model_type {
    MODEL_ADJUST,
    MODEL_SYNC,
    MODEL_RESERVE,
    MODEL_BATCH,
    MODEL_CONFIRM,
    MODEL_RELEASE,
    MODEL_EXTEND,
    MODEL_CHANGE,
    MODEL_MOVE,
    MODEL_FULFIL,
    MODEL_HOLD,    /* a promise that is booked */
    MODEL_REPLACE, /* what of a reservation is claimed at `node` is promised anew, and booked */
    MODEL_DELIVERIES,
    MODEL_RULE,
    MODEL_FENCE,
    MODEL_NODE,
    MODEL_SUPPLY,
    MODEL_GROUP,
    MODEL_CHANNEL,
    MODEL_DOCUMENT,
    MODEL_IMPORT,        /* counts, one a row */
    MODEL_IMPORT_PLACES, /* value postal codes that nobody asks for: they fill the journal */
    MODEL_WRITES,        /* above: changes something; below: asks */
    MODEL_GET_POSITION = MODEL_WRITES,
    MODEL_GET_STOCK,
    MODEL_GET_NODE_AVAILABILITY,
    MODEL_GET_CHANNEL_AVAILABILITY,
    MODEL_GET_GROUP_AVAILABILITY,
    MODEL_ASK_GRID,
    MODEL_GET_RESERVATION,
    MODEL_LIST_RESERVATIONS, /* of one customer */
    MODEL_GET_FENCE,
    MODEL_GET_IMPORT,
    MODEL_GET_SUPPLY,
    MODEL_GET_NEAR,
    MODEL_ASK_PROMISE,
    MODEL_GET_PROMISE,
    MODEL_GET_DOCUMENT,
    MODEL_MIN_SEQ, /* a read that asks for a position the ledger has reached, or has not */
    MODEL_TYPES,
};

/* The documents of the workload. What each says is model_document_put's to say, from its kind and a number. */
enum model_document {
    MODEL_CALENDAR,
    MODEL_ZONE,
    MODEL_SERVICE_SLOTS,   /* v0: delivers in slots */
    MODEL_SERVICE_PARCELS, /* v1 */
    MODEL_LANE,            /* from n3 to n0 */
    MODEL_SCHEDULE_0,      /* n0 counts orders */
    MODEL_SCHEDULE_1,      /* n1 lines */
    MODEL_SCHEDULE_3,      /* n3 units */
    MODEL_SCHEDULE_4,      /* n4 nothing */
    MODEL_SOURCING_OTHER,  /* of a channel that nobody is promised anything by */
    MODEL_SOURCING,        /* of MODEL_PROMISING: always there, and never of supplies to come */
    MODEL_DOCUMENTS,
};
#define MODEL_SHIPPABLE (3 * MODEL_ITEMS) /* a figure of model_ask_promise */
#define MODEL_SERVICES  2u
#define MODEL_PROMISING 1u /* the channel of every promise */

enum model_unit { MODEL_ORDERS, MODEL_LINES, MODEL_UNITS, MODEL_PARCELS };

/* One line, entry or row. Quantities in thousandths, times in microseconds. */
struct model_line {
    uint32_t line;
    uint32_t entry_id; /* adjust; 0: none */
    uint8_t item;      /* MODEL_ITEMS: one that does not exist */
    uint8_t node;      /* MODEL_NONE: none named */
    uint8_t group;
    uint8_t to_node;
    uint8_t state;
    bool has_quantity;
    bool has_source_seq;
    int64_t milli;
    int64_t at_us; /* MODEL_NEVER: not said */
    int64_t source_seq;
};

struct model_choice;

struct model_request {
    enum model_type type;
    uint32_t key;         /* of the Idempotency-Key header; 0: none */
    uint32_t reservation; /* the one that is made or acted on */
    uint32_t import;
    bool has_own_id; /* reserve: the client names it */
    bool is_once;    /* not asked again: by then the id may be another's */
    bool allow_partial;
    bool return_rest;
    bool is_delete;
    uint8_t channel; /* MODEL_NONE: nobody in particular */
    uint8_t kind;
    uint8_t customer;
    uint8_t rule;
    uint8_t fence;
    uint8_t node;
    uint8_t item;
    uint8_t group;
    uint8_t source;
    uint8_t supply;
    uint8_t policy;
    uint8_t point;      /* near it; MODEL_NONE: not said */
    uint16_t radius_km; /* 0: however far */
    uint8_t member_count;
    uint8_t members[MODEL_NODES];
    bool has_group; /* channel: the members of `group` too */
    bool is_chunked;
    int64_t ttl_us;
    int64_t at_us;
    int64_t value; /* rule, fence: thousandths; node: enabled or not; min_seq: beyond the ledger's */
    uint32_t line_count;
    struct model_line lines[MODEL_LINES_MAX];
    uint32_t copies; /* adjust: so many times the first line, and no other; 0: as they are */
    uint32_t batch_count;
    struct model_request *batch; /* borrowed for ever */
    uint8_t document;
    uint8_t select;                    /* hold: 0 the first option, else one of model_selects */
    bool is_separate;                  /* ask a promise: each line for itself */
    const struct model_choice *choice; /* hold, replace: what the server made of it; borrowed for ever */
};

/* So much of a resource, in a window that begins at from_us: CA1. */
struct model_booking {
    char resource[24];
    uint8_t node; /* whose claims it is for */
    uint8_t unit; /* enum model_unit */
    int64_t from_us;
    int64_t until_us;
    int64_t milli;
    uint32_t reservation;
    uint32_t next; /* of the reservation; 0: none, else index + 1 */
};

struct model_pick {
    uint32_t line;
    uint8_t item;
    uint8_t node;
    int64_t milli;
};

struct model_claim_view {
    uint32_t line;
    uint8_t node; /* MODEL_NONE: what could not be had */
    int64_t quantity, held, confirmed;
};

/*
 * What the server chose where the model does not say what must be chosen, only what may: the option as it is kept with
 * the reservation, and the claims that the reservation has then.
 */
struct model_choice {
    bool has_record;
    bool is_there;    /* there is such a reservation now */
    bool is_readable; /* what is kept says all of the below */
    uint8_t kind;     /* MODEL_COLLECT or MODEL_SHIP */
    uint8_t service;  /* of v0 and v1 */
    uint8_t store;    /* MODEL_NONE: delivered */
    char id[32];
    char *kept; /* as it is stored, without its braces */
    uint32_t pick_count;
    struct model_pick picks[MODEL_PARTS_MAX];
    uint32_t booking_count;
    struct model_booking bookings[MODEL_BOOKED_MAX];
    uint32_t claim_count;
    struct model_claim_view claims[MODEL_PARTS_MAX];
};

/* A part of an answer: what a line got where, or the verdict on an entry. */
struct model_part {
    uint32_t line;
    uint8_t item;
    uint8_t node;
    const char *verdict;
    int64_t requested;
    int64_t quantity;
    int64_t available;
    int64_t returned;
    int64_t held, confirmed, fulfilled, released, expired; /* get reservation */
};

enum model_record { MODEL_RECORD_NO, MODEL_RECORD_YES, MODEL_RECORD_MAYBE };

struct model_answer {
    int status;
    const char *code; /* of a refusal, else NULL */
    enum model_record record;
    bool is_repeat;
    uint32_t reservation;
    const char *reservation_status;
    int64_t expires_us; /* MODEL_NEVER: none */
    uint32_t part_count;
    struct model_part parts[MODEL_PARTS_MAX];
    int64_t figures[MODEL_NODES][16]; /* what a question is about, by node or in the first row */
    uint32_t near_count;
    uint8_t near_nodes[MODEL_NODES]; /* nearest first */
    bool may_refuse;        /* hold, replace: for a reason that the model does not know; `status` is 0 */
    bool may_lack_capacity; /* replace: that may be the reason */
    int64_t window_us;      /* a move without capacity: where the window begins that is full */
    bool is_not_kept;       /* a refusal that no key remembers */
    const char *broken;     /* the law that the server's choice breaks, else NULL */
    char why[120];
    const char *id;   /* hold: that the reservation has */
    const char *kept; /* what is kept with it, else NULL */
    uint32_t booked_count;
    struct model_booking booked[MODEL_BOOKED_MAX]; /* get reservation */
};

struct model_fact {
    bool is_count;
    int64_t at_us;
    int64_t seq; /* of the source; -1: none */
    int64_t milli;
    uint64_t number; /* of a movement that changed the counter, from 1; 0: of others */
    uint32_t next;   /* of the same position and state; 0: none, else index + 1 */
};

struct model_claim {
    uint32_t reservation;
    uint32_t line;
    uint8_t item;
    uint8_t node; /* MODEL_NONE: what could not be had */
    int64_t quantity, held, confirmed, fulfilled, released, expired;
    uint32_t next_at_place;
    uint32_t next_of_reservation;
};

struct model_reservation {
    bool exists;
    uint8_t channel;
    uint8_t kind;
    uint8_t customer;
    int64_t expires_us;
    int64_t ended_us;                   /* by an action that left nothing; MODEL_NEVER: it did not */
    uint32_t first;                     /* claim + 1 */
    uint32_t booking;                   /* the first, + 1 */
    const struct model_choice *promise; /* what is kept with it; NULL: nothing */
};

struct model_rule_slot {
    uint8_t item, node, channel; /* MODEL_NONE: any */
    enum {
        RULE_SAFETY,
        RULE_THRESHOLD,
        RULE_BACKORDER,
        RULE_MINIMUM,
        RULE_INCREMENT,
        RULE_PICKUP,
        RULE_SHIP,
        RULE_LOW_STOCK,
        RULE_PREORDER
    } attribute;
    bool exists;
    int64_t value;
};

struct model_fence_slot {
    uint8_t item, node, channel;
    bool is_restrict;
    bool exists;
    int64_t quantity;
};

struct model_key {
    uint32_t request; /* the caller's number of what was first asked under it, + 1; 0: unused */
    int64_t at_us;
};

struct model_import_slot {
    uint64_t rows;
    uint64_t rejected;
};

struct model_supply_slot {
    uint8_t item, node;
    bool exists;
    int64_t quantity;
    int64_t eta_us;
};

struct model_document_slot {
    bool exists;
    uint32_t value;
};

/* Durations that deliveries are reported to have taken, each so often. */
#define MODEL_DURATIONS 4u
struct model_lane_slot {
    uint32_t counts[7][MODEL_DURATIONS]; /* by weekday */
};

struct model_members {
    uint32_t count;
    uint8_t nodes[MODEL_NODES];
};

/* A channel has the nodes of its list and those of its group; with neither, all. */
struct model_channel_slot {
    struct model_members members;
    uint8_t group;
    enum model_policy policy;
};

#define MODEL_IMPORTS_MAX 2048u

struct model {
    int64_t now_us;
    uint64_t history_max; /* movements that are remembered */
    uint64_t movement_count;
    uint32_t fact_count;
    uint32_t claim_count;
    uint32_t reservation_count; /* highest number + 1 */
    uint32_t booking_count;
    struct model_rule_slot rules[MODEL_RULES];
    struct model_fence_slot fences[MODEL_FENCES];
    bool enabled[MODEL_NODES];
    struct model_supply_slot supplies[MODEL_SUPPLIES];
    struct model_members groups[MODEL_GROUPS];
    struct model_channel_slot channels[MODEL_CHANNELS];
    uint32_t fact_heads[MODEL_ITEMS][MODEL_NODES][MODEL_STATES];
    uint32_t claim_heads[MODEL_ITEMS][MODEL_NODES];
    bool is_stocked[MODEL_ITEMS][MODEL_NODES]; /* the position was ever written */
    struct model_import_slot imports[MODEL_IMPORTS_MAX];
    struct model_key keys[MODEL_KEYS_MAX];
    struct model_key entry_ids[MODEL_KEYS_MAX]; /* per source and id; `request` is a fingerprint */
    struct model_document_slot documents[MODEL_DOCUMENTS];
    struct model_lane_slot lanes[MODEL_LANES];
    struct model_key report_ids[MODEL_REPORTS];
    struct model_reservation reservations[MODEL_RESERVATIONS_MAX];
    struct model_booking bookings[MODEL_BOOKINGS_MAX];
    struct model_fact facts[MODEL_FACTS_MAX];
    struct model_claim claims[MODEL_CLAIMS_MAX];
};

extern const char *const model_policy_names[MODEL_POLICIES];
extern const double model_points[MODEL_POINTS][2]; /* latitude, longitude */
extern const double model_node_points[MODEL_NODES][2];
extern const struct model_fence_slot model_fence_slots[MODEL_FENCES]; /* the places of fences; none exists */
extern const char *const model_state_names[MODEL_STATES];
extern const char *const model_kind_names[MODEL_KINDS];

extern const char *const model_document_ids[MODEL_DOCUMENTS];
extern const char *const model_unit_names[MODEL_PARCELS + 1];
extern const char *const model_selects[];
extern const uint32_t model_durations_s[MODEL_DURATIONS];

/* Some rules say yes or no, the others a quantity. */
bool model_rule_is_boolean(uint32_t rule);
double model_distance_of(uint32_t node, uint32_t point);

void model_init(struct model *model, int64_t now_us, uint64_t history_max);

/* A copy; only what is in use is copied. */
void model_copy(struct model *to, const struct model *from);

/*
 * Says what the answer to the request must be, and changes the model. `number` is the caller's for this request:
 * the same request sent again has the same one. now_us never goes back: an earlier one counts as the latest.
 */
void model_ask(struct model *model, const struct model_request *request, uint32_t number, int64_t now_us,
               struct model_answer *out);

/* The next time at which a hold expires, after `after_us`; INT64_MAX: none. */
int64_t model_next_expiry_us(const struct model *model, int64_t after_us);

/* When the key was first used; MODEL_NEVER: it is not known. */
int64_t model_key_time_us(const struct model *model, uint32_t key);

/* The text of a document, into `out` of MODEL_DOCUMENT_SIZE bytes: a function of the two numbers. */
#define MODEL_DOCUMENT_SIZE 1600u
void model_document_put(uint32_t document, uint32_t value, char *out);

/* What reservations have booked in that window; *out_is_certain: none of them may be forgotten by now. */
int64_t model_booked(const struct model *model, const char *resource, int64_t from_us, bool *out_is_certain);

/* What a transit takes by what was reported, in seconds, at the percentile; 0: too little was. */
uint32_t model_transit_s(const struct model *model, uint32_t lane, uint32_t weekday, uint32_t percentile);

/* No claim without stock or a rule that allows it: returns NULL, or the law that is broken. */
const char *model_check(const struct model *model);

/* True when there may not be room for another request. */
bool model_is_full(const struct model *model);

#endif
