/*
 * effect.h - what a command did: the journal's vocabulary.
 *
 * A record is the list of effects of one request, applied as one. Effects are
 * outcomes, not requests: replay applies them without deciding anything, so
 * a later version may decide differently and still read an old journal. A
 * snapshot is the same vocabulary, one effect per stored object.
 *
 * Effects speak of items, nodes, groups and channels by index (they are never
 * removed, so an index is a permanent number) and of everything else by id.
 * Bytes are borrowed: from the ledger until its next apply, or from the
 * decoder's buffer.
 */
#ifndef ONHAND_EFFECT_H
#define ONHAND_EFFECT_H

#include "onhand/command.h"

#define OH_EFFECTS(X)                                        \
    X(OH_EFFECT_NODE, 1, "node")                             \
    X(OH_EFFECT_ITEM, 2, "item")                             \
    X(OH_EFFECT_GROUP, 3, "group")                           \
    X(OH_EFFECT_GROUP_MEMBER, 4, "group_member")             \
    X(OH_EFFECT_CHANNEL, 5, "channel")                       \
    X(OH_EFFECT_RULE, 6, "rule")                             \
    X(OH_EFFECT_FENCE, 7, "fence")                           \
    X(OH_EFFECT_SUPPLY, 8, "supply")                         \
    X(OH_EFFECT_POSTAL_CODE, 9, "postal_code")               \
    X(OH_EFFECT_MOVEMENT, 10, "movement")                    \
    X(OH_EFFECT_COUNT, 11, "count")                          \
    X(OH_EFFECT_RESERVATION, 12, "reservation")              \
    X(OH_EFFECT_CLAIM, 13, "claim")                          \
    X(OH_EFFECT_STEP, 14, "step")                            \
    X(OH_EFFECT_EXTEND, 15, "extend")                        \
    X(OH_EFFECT_KEY, 16, "key")                              \
    X(OH_EFFECT_IMPORT, 17, "import")                        \
    X(OH_EFFECT_POSITION, 18, "position")                    \
    X(OH_EFFECT_REMEMBERED, 19, "remembered")                \
    X(OH_EFFECT_HEAD, 20, "head")                            \
    X(OH_EFFECT_DOCUMENT, 21, "document")                    \
    X(OH_EFFECT_BOOKING, 22, "booking")                      \
    X(OH_EFFECT_PROMISE, 23, "promise")                      \
    X(OH_EFFECT_TRANSIT, 24, "transit")

enum oh_effect_type { OH_EFFECTS(OH_ENUM_ROW) };
#define OH_EFFECT_TYPE_LAST OH_EFFECT_TRANSIT
const char *oh_effect_type_text(enum oh_effect_type type);

/* What happened to part of a claim. */
#define OH_STEPS(X)                      \
    X(OH_STEP_CONFIRM, 0, "confirm")     \
    X(OH_STEP_RELEASE, 1, "release")     \
    X(OH_STEP_EXPIRE, 2, "expire")       \
    X(OH_STEP_FULFIL, 3, "fulfil")       \
    X(OH_STEP_MOVE, 4, "move")
enum oh_step { OH_STEPS(OH_ENUM_ROW) };
const char *oh_step_text(enum oh_step step);

struct oh_effect_node { uint16_t index; struct oh_node_command value; };
struct oh_effect_item { uint32_t index; struct oh_item_command value; };

/* nodes[i] has priorities[i]; sorted by priority, then arrival. */
struct oh_effect_group {
    uint16_t index;
    struct oh_bytes group;
    struct oh_bytes name;
    const uint16_t *nodes;
    const int32_t *priorities;
    uint32_t node_count;
};

struct oh_effect_group_member { uint16_t group; uint16_t node; int32_t priority; };

struct oh_effect_channel {
    uint16_t index;
    struct oh_bytes channel;
    struct oh_bytes name;
    enum oh_policy policy;
    const uint16_t *nodes;
    uint32_t node_count;
    const uint16_t *groups;
    uint32_t group_count;
};

/* item OH_INDEX_NONE, node and channel OH_NODE_NONE: not in the scope. mask 0: removed. */
struct oh_effect_rule {
    struct oh_bytes rule;
    uint32_t item;
    uint16_t node;
    uint16_t channel;
    struct oh_rule_values values;
};

/* quantity 0: used up, but still there. */
struct oh_effect_fence {
    struct oh_bytes fence;
    uint32_t item; /* OH_INDEX_NONE: removed */
    uint16_t node;
    uint16_t channel;
    int64_t quantity_milli;
    enum oh_fence_policy policy;
};

struct oh_effect_supply {
    struct oh_bytes supply;
    uint32_t item;
    uint16_t node;
    int64_t quantity_milli;
    int64_t eta_us;
};

/* A physical delta. is_counted: a count had seen it, the counter did not change. */
struct oh_effect_movement {
    uint32_t item;
    uint16_t node;
    enum oh_state state;
    bool is_counted;
    int64_t quantity_milli;
    int64_t at_us;
    struct oh_bytes source;
    struct oh_bytes reason;
};

/* A count that was accepted: `delta_milli` is what it changed the counter by. */
struct oh_effect_count {
    uint32_t item;
    uint16_t node;
    enum oh_state state;
    int64_t quantity_milli;
    int64_t delta_milli;
    int64_t as_of_us;
    int64_t source_seq; /* -1: none given */
    struct oh_bytes source;
};

struct oh_effect_reservation {
    struct oh_bytes id;
    struct oh_bytes customer;
    struct oh_bytes order;
    enum oh_kind kind;
    uint16_t channel;
    int64_t created_at_us;
    int64_t expires_at_us; /* OH_TIME_US_NONE: none */
    int64_t ended_at_us;   /* snapshot: when the last claim ended, else OH_TIME_US_NONE */
};

/*
 * A claim of the reservation named last in this record (OH_EFFECT_RESERVATION)
 * or by `id`. New: held or confirmed is all of quantity. node OH_NODE_NONE:
 * what was asked for and could not be had (allow_partial).
 */
struct oh_effect_claim {
    struct oh_bytes id;
    uint32_t line;
    uint32_t item;
    uint16_t node;
    int64_t quantity_milli;
    int64_t held_milli;
    int64_t confirmed_milli;
    int64_t fulfilled_milli;
    int64_t expired_milli; /* the rest was released */
    int64_t due_at_us;     /* on a supply to come: when it is taken; OH_TIME_US_NONE: at once */
};

/* `quantity_milli` of the claim (id, line, item, node) takes a step. FULFIL is also a physical movement out. */
struct oh_effect_step {
    struct oh_bytes id;
    uint32_t line;
    uint32_t item;
    uint16_t node;
    enum oh_step step;
    bool is_held;    /* RELEASE, MOVE: taken from the held part, else from the confirmed part */
    bool is_counted; /* FULFIL: a count had seen it leave */
    int64_t quantity_milli;
    int64_t at_us;   /* FULFIL: when the goods left */
};

struct oh_effect_extend { struct oh_bytes id; int64_t expires_at_us; };

/* An idempotency key, what was asked under it, and the packed answer. */
struct oh_effect_key {
    struct oh_bytes key; /* its name space first: 'k' header key, 'r' reservation id, 'e' entry id, 'd' delivery id */
    uint64_t fingerprint;
    uint64_t seq;
    int64_t at_us;
    struct oh_bytes answer;
};

/* number: how many imports reported progress up to this; 0 in a record. */
struct oh_effect_import {
    struct oh_bytes import;
    uint64_t row_count;
    uint64_t rejected_count;
    uint64_t number;
};

/* Snapshot: the physical side of a position, per state. Claims follow from the reservations. */
struct oh_effect_position {
    uint32_t item;
    uint16_t node;
    bool has_forgotten; /* some of its movements are no longer remembered */
    struct {
        int64_t quantity_milli;
        int64_t as_of_us;
        int64_t source_seq;
    } states[OH_STATE_COUNT];
};

/* Snapshot: a movement that a count to come may be rebased over; oldest first. */
struct oh_effect_remembered {
    uint32_t item;
    uint16_t node;
    enum oh_state state;
    int64_t quantity_milli;
    int64_t at_us;
    uint64_t number; /* its place in the sequence of movements */
};

/* Snapshot: what is true of the ledger as a whole. First in every snapshot. */
struct oh_effect_head {
    uint64_t seq;
    int64_t time_us;
    uint64_t movement_count;
    int64_t forgotten_at_us; /* latest `at` of a movement no longer remembered */
};

/*
 * A quantity of a resource, booked for the reservation's claims at the node; what is left of it follows them (CA4).
 * Booked already: this is what is booked from now on; 0 (never in a snapshot): nothing.
 */
struct oh_effect_booking {
    struct oh_bytes id; /* of the reservation */
    uint16_t node;
    struct oh_bytes resource;
    enum oh_unit unit;
    int64_t from_us;
    int64_t until_us;
    int64_t quantity_milli;
};

/* What was promised with the reservation, as text that the ledger does not read. */
struct oh_effect_promise { struct oh_bytes id; struct oh_bytes body; };

/* So many more deliveries took so long. Snapshot: all there were; a restore adds them too. */
struct oh_transit_bucket { uint16_t bucket; uint32_t count; };
struct oh_effect_transit {
    struct oh_bytes service;
    struct oh_bytes origin;
    struct oh_bytes destination;
    uint8_t weekday; /* of the hand-over: 0 Monday .. 6 Sunday */
    const struct oh_transit_bucket *buckets; /* ascending */
    uint32_t bucket_count; /* 1..OH_TRANSIT_BUCKETS_MAX */
};

struct oh_effect {
    enum oh_effect_type type;
    union {
        struct oh_effect_node node;
        struct oh_effect_item item;
        struct oh_effect_group group;
        struct oh_effect_group_member group_member;
        struct oh_effect_channel channel;
        struct oh_effect_rule rule;
        struct oh_effect_fence fence;
        struct oh_effect_supply supply;
        struct oh_postal_code_command postal_code;
        struct oh_effect_movement movement;
        struct oh_effect_count count;
        struct oh_effect_reservation reservation;
        struct oh_effect_claim claim;
        struct oh_effect_step step;
        struct oh_effect_extend extend;
        struct oh_effect_key key;
        struct oh_effect_import import;
        struct oh_effect_position position;
        struct oh_effect_remembered remembered;
        struct oh_effect_head head;
        struct oh_document_command document;
        struct oh_effect_booking booking;
        struct oh_effect_promise promise;
        struct oh_effect_transit transit;
    };
};

/* One request, or one round of expiry: atomic, at one place in history. */
struct oh_record {
    uint64_t seq;
    int64_t at_us;
    const struct oh_effect *effects;
    uint32_t effect_count; /* 1..OH_EFFECTS_MAX */
};

#define OH_EFFECTS_MAX 65536u

#endif
