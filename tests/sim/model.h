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

#define MODEL_NONE      255u
#define MODEL_LINES_MAX 5u
#define MODEL_BATCH_MAX 4u
#define MODEL_PARTS_MAX 64u /* claims that one answer lists */

#define MODEL_FACTS_MAX        16384u
#define MODEL_CLAIMS_MAX       16384u
#define MODEL_RESERVATIONS_MAX 8192u
#define MODEL_KEYS_MAX         16384u

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
    MODEL_RULE,
    MODEL_FENCE,
    MODEL_NODE,
    MODEL_SUPPLY,
    MODEL_GROUP,
    MODEL_CHANNEL,
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
    MODEL_MIN_SEQ, /* a read that asks for a position the ledger has reached, or has not */
    MODEL_TYPES,
};

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
    int64_t ended_us; /* by an action that left nothing; MODEL_NEVER: it did not */
    uint32_t first;   /* claim + 1 */
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
    struct model_reservation reservations[MODEL_RESERVATIONS_MAX];
    struct model_fact facts[MODEL_FACTS_MAX];
    struct model_claim claims[MODEL_CLAIMS_MAX];
};

extern const char *const model_policy_names[MODEL_POLICIES];
extern const double model_points[MODEL_POINTS][2]; /* latitude, longitude */
extern const double model_node_points[MODEL_NODES][2];
extern const struct model_fence_slot model_fence_slots[MODEL_FENCES]; /* the places of fences; none exists */
extern const char *const model_state_names[MODEL_STATES];
extern const char *const model_kind_names[MODEL_KINDS];

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

/* No claim without stock or a rule that allows it: returns NULL, or the law that is broken. */
const char *model_check(const struct model *model);

/* True when there may not be room for another request. */
bool model_is_full(const struct model *model);

#endif
