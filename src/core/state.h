/*
 * state.h - what a ledger keeps: the stored objects, their pools, and the
 * small functions every part of the core uses on them.
 *
 * Internal to the core. Stored objects are named by 32-bit slots; a link of 0
 * is none, otherwise it is a slot + 1. Everything that changes a stored object
 * goes through an `_edit` function, which lets a running snapshot see the
 * object first.
 */
#ifndef ONHAND_CORE_STATE_H
#define ONHAND_CORE_STATE_H

#include "base/assert.h"
#include "base/checked.h"
#include "core/index.h"
#include "core/sketch.h"
#include "core/text.h"
#include "onhand/ledger.h"

#define NO_SLOT UINT32_MAX

/*
 * Asks the processor for the line of an object that will be looked at or written soon, whether or not there is one.
 * A ledger is far larger than any cache, so what an operation waits for is memory: it asks early, and works meanwhile.
 */
static inline void memory_expect(const void *object)
{
    __builtin_prefetch(object, 1);
}

/* ---- Stored objects --------------------------------------------------------------------------- */

enum { NODE_TEXT_ID, NODE_TEXT_NAME, NODE_TEXT_GLN, NODE_TEXT_COUNTRY, NODE_TEXT_TIME_ZONE, NODE_TEXT_CITY,
       NODE_TEXT_REGION, NODE_TEXT_POSTAL_CODE, NODE_TEXTS };

struct node {
    uint32_t text;
    uint32_t rules;       /* link: rules for this node alone */
    uint32_t claims_head; /* link: claims at this node, newest first */
    enum oh_node_type type;
    bool has_point;
    bool ships;
    bool collects;
    bool enabled;
    struct oh_point point;
    double x, y, z; /* the point on the unit sphere */
};

enum { ITEM_TEXT_SKU, ITEM_TEXT_NAME, ITEM_TEXT_GTIN, ITEM_TEXTS };

/* Which nodes have the item: position slots and node indexes, ascending by node. One alone is kept inline. */
struct item {
    uint32_t text;
    uint32_t list;  /* node_count > 1: text block {uint32 positions[capacity]; uint16 nodes[capacity]}, else position */
    uint32_t node_count;
    uint32_t traits; /* link; 0: none */
    uint16_t only_node;
    bool has_rules; /* some rule names this item */
};

/* A text that says how the company works. body_size 0: the slot is free. */
struct document {
    uint32_t text;
    uint32_t body;
    uint32_t body_size;
    uint8_t kind;
    uint64_t version;
};

enum { GROUP_TEXT_ID, GROUP_TEXT_NAME, GROUP_TEXTS };

/* Members in priority order, and the same as a bitmap over node indexes. */
struct group {
    uint32_t text;
    uint32_t list; /* text block {int32 priorities[capacity]; uint16 nodes[capacity]} */
    uint32_t node_count;
    uint32_t capacity;
    uint32_t bitmap;       /* text block of 64-bit words */
    uint32_t bitmap_words;
};

struct channel {
    uint32_t text;
    uint32_t rules; /* link: rules for this channel alone */
    enum oh_policy policy;
    uint32_t list; /* text block: uint16 nodes[node_count], uint16 groups[group_count] */
    uint32_t node_count;
    uint32_t group_count;
};

struct rule {
    uint32_t text;
    uint32_t item;
    uint16_t node;
    uint16_t channel;
    uint32_t next;       /* link: next rule of the same scope */
    bool is_used;
    struct oh_rule_values values;
};

struct fence {
    uint32_t text;
    uint32_t item;
    uint32_t next; /* link: next fence at the position */
    uint16_t node;
    uint16_t channel;
    enum oh_fence_policy policy;
    bool is_used;
    int64_t quantity_milli;
    int64_t live_milli; /* the channel's live claims at the position */
};

struct supply {
    uint32_t text;
    uint32_t item;
    uint32_t next; /* link: next supply at the position */
    uint16_t node;
    bool is_used;
    int64_t quantity_milli;
    int64_t eta_us;
};

enum { POSTAL_TEXT_COUNTRY, POSTAL_TEXT_CODE, POSTAL_TEXT_PLACE, POSTAL_TEXTS };
struct postal_code { uint32_t text; struct oh_point point; };

/* What was reported of a service between two regions: a sketch for each weekday of hand-over, and one of all. */
enum { LANE_TEXT_SERVICE, LANE_TEXT_ORIGIN, LANE_TEXT_DESTINATION, LANE_TEXTS };
#define WEEKDAYS 7u
struct transit_lane {
    uint32_t text;
    uint32_t transits[WEEKDAYS + 1]; /* links; the last: of all weekdays */
};
#define TRANSIT_LANES_MAX (OH_TRANSITS_MAX / 2) /* each has at least two sketches */
struct transit { uint32_t lane; uint32_t weekday; struct oh_sketch sketch; };

struct import { uint32_t text; uint64_t row_count; uint64_t rejected_count; uint64_t used_number; };

/*
 * 32 bytes, because there are 50 million: what availability needs at once.
 * What only some positions have is in `extra`, and what few have in `rare`.
 */
struct position {
    int64_t sellable_milli;
    int64_t claimed_milli; /* held + confirmed */
    int64_t as_of_us;      /* of the last count of sellable */
    uint32_t history;      /* newest movement: its number modulo HISTORY_MODULUS, plus 1; 0: never moved */
    uint32_t extra;        /* EXTRA_* flags, and a link */
};
_Static_assert(sizeof(struct position) == 32, "two to a cache line: there may be 50 million");
#define EXTRA_IS_FENCED (1u << 31)
#define EXTRA_HAS_FORGOTTEN (1u << 30) /* some of its movements are no longer remembered */
#define EXTRA_IS_DEFERRED (1u << 29)   /* some of its claims are on supplies to come */
#define EXTRA_FLAGS (EXTRA_IS_FENCED | EXTRA_HAS_FORGOTTEN | EXTRA_IS_DEFERRED)
#define EXTRA_LINK (~EXTRA_FLAGS)
#define HISTORY_MODULUS UINT64_C(0xffffffff)

struct extra {
    int64_t held_milli;
    uint32_t claims_head; /* link: live claims here */
    uint32_t rare;        /* link */
};

struct rare {
    struct {
        int64_t quantity_milli;
        int64_t as_of_us;
    } states[OH_STATE_COUNT - 1]; /* damaged .. returned */
    int64_t source_seqs[OH_STATE_COUNT];
    uint32_t fences;   /* link */
    uint32_t supplies; /* link */
    uint32_t deferrals; /* link: earliest first */
};

/* What is claimed of a position by claims that are due at one later time (AT2). */
struct deferral {
    int64_t due_at_us;
    int64_t live_milli; /* held + confirmed of those claims */
    uint32_t next;      /* link */
    uint32_t claim_count;
};

/* A movement that a count to come may be rebased over. The slot is its number modulo the pool's size. */
struct remembered {
    int64_t at_us;
    int64_t at_us_max;     /* latest `at` of this and every older one of the position */
    int64_t quantity_milli;
    uint32_t item_state;   /* item | state << 24 */
    uint32_t previous;     /* distance to the position's previous one; 0: none is remembered; saturates */
    uint16_t node;
};

enum { RESERVATION_TEXT_ID, RESERVATION_TEXT_CUSTOMER, RESERVATION_TEXT_ORDER, RESERVATION_TEXTS };

/*
 * 40 bytes. Its name is a text, or, where the id is like those the ledger makes (ids.c) and there is nothing else to
 * keep, the number in the id. Its claims are a ring, in the order they were made: the last one leads to the first.
 */
struct reservation {
    int64_t created_at_us;
    int64_t expires_at_us;
    union {
        int64_t ended_at_us; /* has_ended: since then nothing is claimed */
        struct {
            uint32_t heap;       /* place in the expiry heap + 1; 0: not in it */
            uint16_t live_count; /* claims that hold or confirm something */
            uint16_t held_count; /* claims that hold something */
        };
    };
    union {
        uint64_t name; /* 0: the slot is free */
        uint64_t number; /* is_numbered */
        struct {
            uint32_t text;    /* strings */
            uint32_t parties; /* text block: struct parties; 0: none of it */
        };
    };
    uint32_t claims_tail : 27; /* link; 0: none */
    uint32_t kind : 3;
    uint32_t has_ended : 1;
    uint32_t is_numbered : 1;
    uint16_t claim_count;
    uint16_t channel;
};
_Static_assert(sizeof(struct reservation) == 40, "there may be 16 million");

/*
 * What few reservations have. Links to the next older and newer one of the same customer, and of the same order; to
 * its bookings, in the order they were made; a text block, what was promised.
 */
struct parties {
    uint32_t customer_next, customer_previous, order_next, order_previous;
    uint32_t bookings_head, bookings_tail;
    uint32_t promise, promise_size;
};

/* A window of a resource in which something is booked. */
struct bucket {
    int64_t from_us;
    int64_t until_us;
    int64_t booked_milli;   /* the sum of its bookings' live_milli */
    uint32_t text;          /* the resource; 0: the slot is free */
    uint32_t bookings_head; /* link */
};

struct booking {
    int64_t quantity_milli; /* as it was booked, less what was given back for good */
    int64_t live_milli;     /* what its claims leave of it (CA4) */
    int64_t claimed_milli;  /* what its claims come to: of units their sum, else 1 for each that has something left */
    uint32_t reservation;   /* slot */
    uint32_t bucket;        /* slot */
    uint32_t next;          /* link in the reservation */
    uint32_t bucket_next, bucket_previous; /* links */
    uint16_t node;
    uint8_t unit;
};
#define BOOKINGS_MAX 8388608u

/* What became of a claim's quantity: all of it, or it is in several parts. */
enum claim_part { PART_RELEASED, PART_HELD, PART_CONFIRMED, PART_FULFILLED, PART_EXPIRED, PART_SEVERAL };

/* 48 bytes: most claims are in one part all their life. What is in several has struct parts beside it. */
struct claim {
    uint64_t amount : 53;     /* thousandths; of several parts: where they are, a slot */
    uint64_t part : 3;        /* enum claim_part */
    uint64_t is_deferred : 1; /* it is live and in `deferred`, with the deferral it is part of */
    uint32_t reservation; /* slot */
    uint32_t item;
    uint32_t position; /* slot; NO_SLOT: no node */
    uint32_t line;
    uint32_t next;     /* link in the reservation's ring */
    uint32_t position_next, position_previous; /* links; only while live */
    uint32_t node_next, node_previous;         /* links; while it exists */
    uint16_t node;
};
_Static_assert(sizeof(struct claim) == 48, "there may be 32 million");
#define CLAIM_LINK_MAX ((1u << 27) - 1)
#define CLAIM_AMOUNT_MAX ((INT64_C(1) << 53) - 1)

struct parts {
    int64_t quantity_milli;
    int64_t held_milli;
    int64_t confirmed_milli;
    int64_t fulfilled_milli;
    int64_t expired_milli; /* what is in none of these was released */
};

/* An idempotency key. They are kept in the order they were made: the slot is the number modulo the pool's size. */
struct key {
    uint64_t fingerprint;
    uint64_t seq;
    int64_t at_us;
    uint32_t text; /* block: two strings' worth, see keys.c */
    uint32_t answer_size;
};

/* ---- Pools ------------------------------------------------------------------------------------ */

/* Fixed-size slots: a high-water mark, and a list of freed ones through their first four bytes. */
struct pool {
    unsigned char *slots;
    size_t slot_size;
    uint32_t slot_max;
    uint32_t slot_count; /* slots ever used */
    uint32_t free_head;  /* link */
    uint32_t live_count;
};

/* A slot; there is room (asserted). Its bytes are what they were: the caller writes them all. */
static inline uint32_t pool_take(struct pool *pool)
{
    uint32_t slot = pool->slot_count;
    if (pool->free_head != 0) {
        slot = pool->free_head - 1;
        memcpy(&pool->free_head, pool->slots + slot * pool->slot_size, sizeof(pool->free_head));
    } else {
        OH_ASSERT(pool->slot_count < pool->slot_max);
        pool->slot_count++;
    }
    pool->live_count++;
    return slot;
}

/* The slot that is taken next, if there is one. */
static inline void pool_expect(const struct pool *pool)
{
    uint32_t slot = pool->free_head != 0 ? pool->free_head - 1 : pool->slot_count;
    memory_expect(pool->slots + slot * pool->slot_size);
    memory_expect(pool->slots + (slot + 1) * pool->slot_size - 1);
}

/* The slot's bytes become zeros, but for the link. */
static inline void pool_give(struct pool *pool, uint32_t slot)
{
    unsigned char *bytes = pool->slots + slot * pool->slot_size;
    memset(bytes, 0, pool->slot_size);
    memcpy(bytes, &pool->free_head, sizeof(pool->free_head));
    pool->free_head = slot + 1;
    pool->live_count--;
}

static inline bool pool_has_room(const struct pool *pool, uint32_t count)
{
    return count <= pool->slot_max - pool->live_count;
}

/* 12 bytes: one for each hold. */
struct __attribute__((packed, aligned(4))) heap_entry { int64_t at_us; uint32_t reservation; };

enum snapshot_class { SNAP_NODE, SNAP_ITEM, SNAP_GROUP, SNAP_CHANNEL, SNAP_RULE, SNAP_FENCE, SNAP_SUPPLY,
                      SNAP_POSTAL_CODE, SNAP_TRANSIT, SNAP_IMPORT, SNAP_DOCUMENT, SNAP_POSITION, SNAP_RESERVATION,
                      SNAP_KEY, SNAP_REMEMBERED, SNAP_CLASSES };

struct snapshot {
    bool is_active;
    oh_snapshot_sink *sink;
    void *sink_ctx;
    uint64_t *emitted[SNAP_CLASSES]; /* bitmaps over slots */
    uint32_t slot_counts[SNAP_CLASSES]; /* slots in use when it began */
    uint64_t remembered_first, remembered_next; /* the movements that were remembered when it began */
    int64_t time_us; /* when it began: what was remembered then is part of it */
    enum snapshot_class class;
    uint32_t cursor;      /* next slot of the class, or item of SNAP_POSITION */
    uint32_t item_cursor; /* next of the item's nodes */
};

/*
 * What is held at a position by reservations that are due, of all or of some claims: from a time until the next one is
 * due, as long as no claim changes.
 */
struct due {
    uint64_t claims_version; /* 0: nothing */
    int64_t from_us;
    int64_t until_us;
    int64_t held_milli;
    uint64_t key; /* position << 32 | whose: a channel, or one of these */
};

#define DUE_OF_ANY      0x10000u
#define DUE_OF_DEFERRAL 0x80000000u /* plus its slot */
#define DUES_BITS       10u

/* What a command has claimed so far while it is being decided: per (item, node). */
struct pending_entry { uint32_t stamp; uint32_t item; uint16_t node; int64_t claimed_milli; };
#define PENDING_SLOTS 32768u /* at least twice the claims and sources a command can name */

/* A node a line may be pinned to. */
struct candidate {
    uint32_t rank;
    uint32_t position; /* slot; NO_SLOT: none */
    uint16_t node;
    int64_t free_milli;
    int64_t backorder_milli;
    int64_t taken_milli;
    double order; /* lower first */
};

/* What an id is found by, made once where it is looked for more than once: its number, or 0 (ids.c), and its hash. */
struct id_key { uint64_t number; uint32_t hash; };

/*
 * Where the object of an effect is, when the decision has found it already. Replay has no hints.
 *
 * is_sought: the name of a new object was looked for, by `key` (of an idempotency key only the hash). `reservation` is
 * one of that id that is forgotten but still stored, if there is one.
 */
struct hint { uint32_t reservation; uint32_t claim; uint32_t position; bool is_sought; struct id_key key; };
#define NO_HINT ((struct hint){ .reservation = NO_SLOT, .claim = NO_SLOT, .position = NO_SLOT })
#define NEWEST_RESERVATION (UINT32_MAX - 1) /* as a hint: the one that an effect before this one makes */

#define SCRATCH_SIZE (16u << 20)
#define ANSWER_LINES_MAX (OH_ENTRIES_MAX + OH_CLAIMS_MAX)

struct oh_ledger {
    struct oh_allocator allocator;
    struct oh_ledger_options options;

    uint64_t seq;
    int64_t time_us;

    struct oh_text text;
    struct node *nodes;
    uint32_t node_count;
    uint16_t *nodes_by_z; /* indexes of nodes with a point, ascending by z */
    uint32_t nodes_by_z_count;
    struct item *items;
    uint32_t item_count;
    struct group *groups;
    uint32_t group_count;
    struct channel *channels;
    uint32_t channel_count;
    struct postal_code *postal_codes;
    uint32_t postal_code_count;
    struct transit_lane *transit_lanes;
    uint32_t transit_lane_count;
    struct transit *transits;
    uint32_t transit_count;
    struct oh_transit_bucket *transit_buckets; /* of the sketch that a snapshot emits */
    struct oh_sketch_scale sketch_scale;
    struct import *imports;
    uint32_t import_count;
    uint64_t import_number;
    struct rule *rules;
    struct pool rule_pool;
    uint32_t default_rules; /* link */
    uint32_t rule_mask;     /* every attribute that some rule ever said */
    struct fence *fences;
    struct pool fence_pool;
    struct supply *supplies;
    struct pool supply_pool;
    struct document *documents;
    struct pool document_pool;
    uint32_t document_counts[OH_DOCUMENT_KIND_COUNT];
    uint64_t documents_version; /* changes of what a timetable is made of */
    uint32_t *classes; /* text of each class */
    uint32_t class_count;
    struct oh_item_traits *traits;
    struct pool trait_pool;
    struct deferral *deferrals;
    struct pool deferral_pool;
    uint32_t *deferred; /* per claim that is deferred: link to its deferral, found through the index */
    struct bucket *buckets;
    struct pool bucket_pool;
    struct booking *bookings;
    struct pool booking_pool;

    struct position *positions;
    uint32_t position_count;
    uint64_t short_count;
    int64_t *control_totals; /* per OH_CONTROL_POSITIONS positions: the sum of what moved sellable */
    struct extra *extras;
    struct pool extra_pool;
    struct rare *rares;
    uint32_t rare_count;
    uint32_t rare_max;

    struct remembered *history;
    uint64_t movement_count;   /* numbers given out */
    uint64_t movement_forgotten; /* numbers below are gone */
    int64_t forgotten_at_us;

    struct reservation *reservations;
    struct pool reservation_pool;
    struct claim *claims;
    struct pool claim_pool;
    struct parts *parts; /* of claims that are in several */
    struct pool parts_pool;
    struct heap_entry *heap; /* 4-ary, earliest first */
    uint32_t heap_count;
    uint32_t *ended; /* ring of reservation slots by ended_at_us */
    uint64_t ended_first, ended_next;
    uint32_t newest_reservation; /* slot: the claims that follow a new reservation are its own */
    bool newest_lines_rise;      /* none of its claims came after one of a higher line */

    struct key *keys; /* ring */
    uint64_t key_first, key_next;

    struct oh_index node_index, item_index, group_index, channel_index, postal_code_index, import_index, rule_index,
        rule_scope_index, fence_index, supply_index, reservation_index, party_index, key_index, document_index,
        bucket_index, transit_lane_index;

    struct snapshot snapshot;
    bool is_restored_unlinked; /* restored objects whose order is not put right yet */

    /* Scratch of the command being decided, and the open record. */
    uint32_t recent_channel; /* that a reservation was last made in: the next one mostly is in it too */
    uint32_t named_reservation; /* the slot that has the id the command names, forgotten or not; NO_SLOT */
    struct due *dues; /* by hash, each in the place of the one before; 1 << DUES_BITS */
    uint64_t claims_version; /* grows whenever a claim or its end changes */
    struct pending_entry *pending;
    uint32_t pending_stamp;
    uint32_t pending_count;
    struct candidate *candidates;
    uint32_t candidate_count;
    uint64_t *visited; /* bitmap over nodes */
    uint16_t *covers;  /* per node: how many lines it could fill alone */
    struct oh_answer_line *answer_lines;
    unsigned char *scratch;
    size_t scratch_used;
    struct oh_effect *effects;
    struct hint *hints;
    uint32_t effect_count;
    uint32_t effect_applied_count;
    bool record_is_open;
    bool record_is_lent;
    uint32_t record_ids; /* reservation ids made in the open record */
    int64_t record_at_us;

    void *regions[96];
    size_t region_sizes[96];
    uint32_t region_count;
};

#define OH_CONTROL_POSITIONS 1024u

/* Where the object of that number is in a ring. Until the ring has gone round once, no division is needed. */
static inline uint32_t ring_slot(uint64_t number, uint32_t size)
{
    return (uint32_t)(number < size ? number : number % size);
}

static inline uint32_t link_of(uint32_t slot)
{
    return slot + 1;
}

/* ---- What a claim is in ----------------------------------------------------------------------- */

static inline int64_t claim_amount_in(const struct claim *claim, enum claim_part part)
{
    return claim->part == part ? (int64_t)claim->amount : 0;
}

static inline struct parts claim_parts(const struct oh_ledger *ledger, const struct claim *claim)
{
    if (claim->part == PART_SEVERAL)
        return ledger->parts[claim->amount];
    return (struct parts){
        .quantity_milli = (int64_t)claim->amount,
        .held_milli = claim_amount_in(claim, PART_HELD),
        .confirmed_milli = claim_amount_in(claim, PART_CONFIRMED),
        .fulfilled_milli = claim_amount_in(claim, PART_FULFILLED),
        .expired_milli = claim_amount_in(claim, PART_EXPIRED),
    };
}

static inline int64_t claim_held_milli(const struct oh_ledger *ledger, const struct claim *claim)
{
    return claim->part == PART_SEVERAL ? ledger->parts[claim->amount].held_milli : claim_amount_in(claim, PART_HELD);
}

static inline int64_t claim_confirmed_milli(const struct oh_ledger *ledger, const struct claim *claim)
{
    return claim->part == PART_SEVERAL ? ledger->parts[claim->amount].confirmed_milli
                                       : claim_amount_in(claim, PART_CONFIRMED);
}

/* Held or confirmed. */
static inline int64_t claim_live_milli(const struct oh_ledger *ledger, const struct claim *claim)
{
    return claim_held_milli(ledger, claim) + claim_confirmed_milli(ledger, claim);
}

/* ---- What a reservation has ------------------------------------------------------------------- */

/* The ring of its claims: the first link, and the one after a link; 0: no more. */
static inline uint32_t claims_first(const struct oh_ledger *ledger, const struct reservation *reservation)
{
    return reservation->claims_tail == 0 ? 0 : ledger->claims[reservation->claims_tail - 1].next;
}

static inline uint32_t claims_after(const struct oh_ledger *ledger, const struct reservation *reservation,
                                    uint32_t link)
{
    return link == reservation->claims_tail ? 0 : ledger->claims[link - 1].next;
}

static inline bool reservation_has_parties(const struct reservation *reservation)
{
    return !reservation->is_numbered && reservation->parties != 0;
}

static inline struct parties *parties_of(const struct oh_ledger *ledger, const struct reservation *reservation)
{
    return reservation_has_parties(reservation) ? oh_text_at(&ledger->text, reservation->parties) : NULL;
}

static inline int64_t reservation_ended_at(const struct reservation *reservation)
{
    return reservation->has_ended ? reservation->ended_at_us : OH_TIME_US_NONE;
}

/* ids.c: "r" and the seq of a record, then, of several that one record made, "-" and which. */
#define ID_MADE_SIZE_MAX OH_MADE_ID_SIZE_MAX
#define ID_SEQ_MAX (UINT64_C(1) << 44)
#define ID_NTH_MAX (UINT64_C(1) << 20)
struct oh_bytes id_make(uint64_t seq, uint32_t nth, char text[ID_MADE_SIZE_MAX]);
/* The number of an id that looks like those; 0: it does not, or is out of range. Equal numbers are equal ids. */
uint64_t id_number(struct oh_bytes id);
/* What is done with a reservation that there is: command->action. */
static inline bool command_is_action(enum oh_command_type type)
{
    return type >= OH_COMMAND_CONFIRM && type <= OH_COMMAND_FULFIL;
}

struct id_key id_key(struct oh_bytes id);
struct id_key id_key_made(uint64_t seq, uint32_t nth, struct oh_bytes id); /* of what id_make made of these */
/* As it is, or written into the text. */
struct oh_bytes reservation_id(const struct oh_ledger *ledger, const struct reservation *reservation,
                               char text[ID_MADE_SIZE_MAX]);
/* RESERVATION_TEXT_CUSTOMER or _ORDER; empty: none. */
struct oh_bytes reservation_party(const struct oh_ledger *ledger, const struct reservation *reservation,
                                  uint32_t text);

/* ---- text.h of the ledger --------------------------------------------------------------------- */

static inline struct oh_bytes ledger_string(const struct oh_ledger *ledger, uint32_t ref, uint32_t nth)
{
    return oh_text_string(&ledger->text, ref, nth);
}

/* Hash of a name: ids, keys. */
uint64_t name_hash(struct oh_bytes name);

/* The body of a function that finds an object by its first string: returns the slot, or NO_SLOT. */
static inline uint64_t text_eight(const char *data)
{
    uint64_t eight;
    memcpy(&eight, data, sizeof(eight));
    return eight;
}

static inline uint32_t text_four(const char *data)
{
    uint32_t four;
    memcpy(&four, data, sizeof(four));
    return four;
}

/* As oh_bytes_equal, without a call: names are short. Ends are compared once more where they overlap. */
static inline bool names_are_equal(struct oh_bytes a, struct oh_bytes b)
{
    if (a.size != b.size)
        return false;
    if (a.size >= 8) {
        for (size_t at = 0; at + 8 < a.size; at += 8) {
            if (text_eight(a.data + at) != text_eight(b.data + at))
                return false;
        }
        return text_eight(a.data + a.size - 8) == text_eight(b.data + b.size - 8);
    }
    if (a.size >= 4)
        return text_four(a.data) == text_four(b.data) &&
               text_four(a.data + a.size - 4) == text_four(b.data + b.size - 4);
    for (size_t at = 0; at < a.size; at++) {
        if (a.data[at] != b.data[at])
            return false;
    }
    return true;
}

#define FIND_BY_NAME(index_field, objects, name)                                                   \
    struct oh_index_cursor cursor;                                                                 \
    uint32_t slot;                                                                                 \
    oh_index_first(&ledger->index_field, (uint32_t)name_hash(name), &cursor);                      \
    while (oh_index_next(&ledger->index_field, &cursor, &slot)) {                                  \
        if (names_are_equal(ledger_string(ledger, ledger->objects[slot].text, 0), (name)))         \
            return slot;                                                                           \
    }                                                                                              \
    return NO_SLOT

/* ---- ledger.c: the open record ---------------------------------------------------------------- */

/* Adds an effect to the open record, opening one. Room was checked before the decision began. */
struct oh_effect *effect_add(struct oh_ledger *ledger, enum oh_effect_type type, struct hint hint);
/* Applies the effects added since the last call. */
void effects_apply(struct oh_ledger *ledger);
/* Memory that lives as long as the record. Room was checked before the decision began. */
static inline void *scratch_take(struct oh_ledger *ledger, size_t size)
{
    size_t rounded = (size + 7) & ~(size_t)7;
    OH_ASSERT(rounded <= SCRATCH_SIZE - ledger->scratch_used);
    void *memory = ledger->scratch + ledger->scratch_used;
    ledger->scratch_used += rounded;
    return memory;
}
struct oh_bytes scratch_copy(struct oh_ledger *ledger, struct oh_bytes bytes);

/* ---- snapshot.c ------------------------------------------------------------------------------- */

/* To be called before a stored object changes or its slot is used anew. */
void snapshot_touch_slow(struct oh_ledger *ledger, enum snapshot_class class, uint32_t slot);
void snapshot_touch_position_slow(struct oh_ledger *ledger, uint32_t item, uint16_t node, uint32_t position);
void snapshot_skip_slow(struct oh_ledger *ledger, enum snapshot_class class, uint32_t slot);

static inline void snapshot_touch(struct oh_ledger *ledger, enum snapshot_class class, uint32_t slot)
{
    if (__builtin_expect(ledger->snapshot.is_active, 0))
        snapshot_touch_slow(ledger, class, slot);
}

/* A slot that was free when the snapshot began is taken now. */
static inline void snapshot_skip(struct oh_ledger *ledger, enum snapshot_class class, uint32_t slot)
{
    if (__builtin_expect(ledger->snapshot.is_active, 0))
        snapshot_skip_slow(ledger, class, slot);
}

/* ---- Deciding and applying, one pair per noun ------------------------------------------------- */

static inline enum oh_verdict refuse(struct oh_answer *answer, enum oh_verdict verdict, enum oh_field field,
                                     uint32_t fault_index)
{
    answer->verdict = verdict;
    answer->field = field;
    answer->fault_index = fault_index;
    return verdict;
}

/* validate.c */
bool id_is_valid(struct oh_bytes id);
bool text_is_valid(struct oh_bytes text, size_t size_max); /* printable UTF-8; may be empty */
bool gtin_is_valid(struct oh_bytes gtin);
bool gln_is_valid(struct oh_bytes gln);
bool country_is_valid(struct oh_bytes country);

/* effects.c: whether an effect that was read back can have been written. Of a record, or an object of a snapshot. */
bool effect_is_valid(const struct oh_ledger *ledger, const struct oh_effect *effect, bool is_object);

/* expect.c: where the effects of a record that is replayed will look and write; effect step - EXPECT_AHEAD is next. */
#define EXPECT_AHEAD 32u
struct expected {
    uint32_t positions[EXPECT_AHEAD]; /* of the effects under way; NO_SLOT: none */
};
void effects_expect(const struct oh_ledger *ledger, const struct oh_record *record, uint32_t step,
                    struct expected *expected);

/* nodes.c, items.c, groups.c, channels.c, postal_codes.c, imports.c */
void decide_node(struct oh_ledger *ledger, const struct oh_node_command *command, struct oh_answer *answer);
void decide_item(struct oh_ledger *ledger, const struct oh_item_command *command, struct oh_answer *answer);
void decide_group(struct oh_ledger *ledger, const struct oh_group_command *command, struct oh_answer *answer);
void decide_group_member(struct oh_ledger *ledger, const struct oh_group_member_command *command,
                         struct oh_answer *answer);
void decide_channel(struct oh_ledger *ledger, const struct oh_channel_command *command, struct oh_answer *answer);
void decide_postal_code(struct oh_ledger *ledger, const struct oh_postal_code_command *command,
                        struct oh_answer *answer);
void decide_import(struct oh_ledger *ledger, const struct oh_import_progress_command *command,
                   struct oh_answer *answer);
enum oh_err apply_node(struct oh_ledger *ledger, const struct oh_effect_node *effect);
enum oh_err apply_item(struct oh_ledger *ledger, const struct oh_effect_item *effect);
enum oh_err apply_group(struct oh_ledger *ledger, const struct oh_effect_group *effect);
enum oh_err apply_group_member(struct oh_ledger *ledger, const struct oh_effect_group_member *effect);
enum oh_err apply_channel(struct oh_ledger *ledger, const struct oh_effect_channel *effect);
enum oh_err apply_postal_code(struct oh_ledger *ledger, const struct oh_postal_code_command *effect);
enum oh_err apply_import(struct oh_ledger *ledger, const struct oh_effect_import *effect);

/* postal_codes.c: as it is filed, upper-cased, without spaces and hyphens; empty: it is too long. */
#define POSTAL_CODE_SIZE_MAX 16u
struct oh_bytes postal_code_normal(struct oh_bytes postal_code, char buffer[POSTAL_CODE_SIZE_MAX]);

/* transits.c */
void decide_deliveries(struct oh_ledger *ledger, const struct oh_deliveries_command *command,
                       struct oh_answer *answer);
enum oh_err apply_transit(struct oh_ledger *ledger, const struct oh_effect_transit *effect);
/* What a snapshot says of the sketch, until the next one. False: nothing, it is one of all weekdays. */
bool transit_get(struct oh_ledger *ledger, uint32_t slot, struct oh_effect_transit *out_value);
uint32_t item_find(const struct oh_ledger *ledger, struct oh_bytes sku);     /* NO_SLOT: none */
/* The same by the hash of its name; its position at the node (NO_SLOT: at none) is looked for next. */
uint32_t item_find_expecting(const struct oh_ledger *ledger, struct oh_bytes sku, uint32_t hash, uint32_t node);
uint32_t node_find(const struct oh_ledger *ledger, struct oh_bytes node);    /* likewise, and below */
uint32_t group_find(const struct oh_ledger *ledger, struct oh_bytes group);
uint32_t channel_find(const struct oh_ledger *ledger, struct oh_bytes channel);
/* The nodes a command names, as scratch; NULL: refuses an unknown one, or one named twice. */
uint16_t *nodes_resolve(struct oh_ledger *ledger, const struct oh_bytes *names, uint32_t count,
                        struct oh_answer *answer);
const uint16_t *group_nodes(const struct oh_ledger *ledger, const struct group *group);
bool group_has_node(const struct oh_ledger *ledger, uint32_t group, uint16_t node);
bool channel_names_node(const struct oh_ledger *ledger, const struct channel *channel, uint16_t node);
/* OH_NODE_NONE has all nodes, and so has a channel that names none. */
static inline bool channel_has_node(const struct oh_ledger *ledger, uint16_t channel, uint16_t node)
{
    if (channel == OH_NODE_NONE)
        return true;
    const struct channel *of = &ledger->channels[channel];
    return of->node_count + of->group_count == 0 || channel_names_node(ledger, of, node);
}
const uint16_t *channel_nodes(const struct oh_ledger *ledger, const struct channel *channel);
const uint16_t *channel_groups(const struct oh_ledger *ledger, const struct channel *channel);

/* documents.c */
void decide_document(struct oh_ledger *ledger, const struct oh_document_command *command, struct oh_answer *answer);
enum oh_err apply_document(struct oh_ledger *ledger, const struct oh_document_command *effect);

/* classes.c */
bool class_has_room(const struct oh_ledger *ledger, struct oh_bytes name);
enum oh_err traits_apply(struct oh_ledger *ledger, struct item *item, const struct oh_item_command *value);

/* bookings.c */
enum oh_err apply_booking(struct oh_ledger *ledger, const struct oh_effect_booking *effect);
enum oh_err apply_promise(struct oh_ledger *ledger, const struct oh_effect_promise *effect);
/* Something else than before may be left of a claim at the node; the reservation has parties: bookings follow. */
void bookings_follow_slow(struct oh_ledger *ledger, uint32_t reservation, uint16_t node, int64_t before_milli,
                          int64_t after_milli);
static inline void bookings_follow(struct oh_ledger *ledger, uint32_t reservation, uint16_t node, int64_t before_milli,
                                   int64_t after_milli)
{
    if (before_milli != after_milli)
        bookings_follow_slow(ledger, reservation, node, before_milli, after_milli);
}
/* What a claim leaves booked; due: of what is held nothing (CA4). */
static inline int64_t claim_left_milli(const struct oh_ledger *ledger, const struct claim *claim, bool is_due)
{
    int64_t fulfilled = claim->part == PART_SEVERAL ? ledger->parts[claim->amount].fulfilled_milli
                                                    : claim_amount_in(claim, PART_FULFILLED);
    return (is_due ? 0 : claim_held_milli(ledger, claim)) + claim_confirmed_milli(ledger, claim) + fulfilled;
}
void bookings_drop(struct oh_ledger *ledger, uint32_t reservation);
/* What the reservation has booked there already; 0: nothing. */
int64_t booking_milli(const struct oh_ledger *ledger, uint32_t reservation, const struct oh_reserve_booking *like);
/* The end of its window: a window that begins then and is there already has one, whatever the schedule says now. */
int64_t booking_until_us(const struct oh_ledger *ledger, const struct oh_reserve_booking *booking);
uint32_t bookings_count(const struct oh_ledger *ledger, uint32_t reservation);
/*
 * Around the effects of an action: what its claims leave of each booking before (in scratch; NULL: there are none), and
 * the effects that give back for good what they left then or leave now: claims that return take nothing unjudged.
 */
int64_t *bookings_note(struct oh_ledger *ledger, uint32_t reservation);
void bookings_settle(struct oh_ledger *ledger, uint32_t reservation, struct oh_bytes id, const int64_t *lives);
/* Where a move takes all that a node has. Slots and accounts come along: they are taken there instead (CA6). */
struct moved { uint16_t node; uint16_t to_node; };
void bookings_move(struct oh_ledger *ledger, uint32_t reservation, struct oh_bytes id, const int64_t *lives,
                   const struct moved *moved, uint32_t moved_count);
/* What a reservation takes besides what it has: a second parcel in a window takes no second order (CA1). */
void bookings_take(struct oh_ledger *ledger, uint32_t reservation, struct oh_bytes id,
                   const struct oh_reserve_booking *bookings, uint32_t count);
/* What a reservation has booked for its claims at nodes that it gives up. */
struct given_back { uint32_t reservation; const uint16_t *nodes; uint32_t node_count; };
/* What is still to be had in the window, the booking itself left out; may be below 0. given: may be NULL. */
int64_t booking_room_milli(const struct oh_ledger *ledger, const struct given_back *given,
                           const struct oh_reserve_booking *booking, int64_t now_us);
/* OH_OK_DONE, or why the bookings of a command do not all fit together. given: may be NULL. */
enum oh_verdict bookings_judge(const struct oh_ledger *ledger, const struct oh_reserve_booking *bookings,
                               uint32_t count, int64_t now_us, const struct given_back *given,
                               uint32_t *out_fault_index);
/* Whether what is booked in the bucket is what its bookings and their claims say. */
bool bucket_agrees(const struct oh_ledger *ledger, uint32_t slot);
int64_t booking_left_milli(const struct oh_ledger *ledger, const struct booking *booking, bool is_due);

/* deferrals.c */
/* The claim, new and live, is on a supply that comes by due_at_us. False: full. */
bool deferral_add(struct oh_ledger *ledger, uint32_t claim, int64_t due_at_us);
/* What is live of a deferred claim has changed; at 0 it is deferred no more. */
void deferral_follow(struct oh_ledger *ledger, uint32_t claim, int64_t delta_milli);
int64_t deferral_due_at(const struct oh_ledger *ledger, uint32_t claim);
/* How much more there is at every time from from_us on than if all claims were due at once (AT1); >= 0 at now. */
int64_t deferral_relief(const struct oh_ledger *ledger, const struct position *position, int64_t from_us,
                        int64_t now_us);

/* rules.c */
void decide_rule(struct oh_ledger *ledger, const struct oh_rule_command *command, struct oh_answer *answer);
enum oh_err apply_rule(struct oh_ledger *ledger, const struct oh_effect_rule *effect);
/* The rule that says `attribute` (one OH_RULE_*) for this scope; NULL: none does. node, channel: OH_NODE_NONE. */
const struct rule *rule_resolve_said(const struct oh_ledger *ledger, uint32_t attribute, uint32_t item, uint16_t node,
                                     uint16_t channel);
static inline const struct rule *rule_resolve(const struct oh_ledger *ledger, uint32_t attribute, uint32_t item,
                                              uint16_t node, uint16_t channel)
{
    return (ledger->rule_mask & attribute) == 0 ? NULL
                                                : rule_resolve_said(ledger, attribute, item, node, channel);
}

/* fences.c, supplies.c */
void decide_fence(struct oh_ledger *ledger, const struct oh_fence_command *command, struct oh_answer *answer);
void decide_supply(struct oh_ledger *ledger, const struct oh_supply_command *command, struct oh_answer *answer);
enum oh_err apply_fence(struct oh_ledger *ledger, const struct oh_effect_fence *effect);
enum oh_err apply_supply(struct oh_ledger *ledger, const struct oh_effect_supply *effect);
struct fence *fence_at(const struct oh_ledger *ledger, uint32_t position, uint16_t channel); /* NULL: none */
/* The channel's live claims at the position change by delta_milli. */
void fence_claim(struct oh_ledger *ledger, uint32_t position, uint16_t channel, int64_t delta_milli);
/* The channel's goods have left: so much less is set aside. A fence that is used up stays, and still restricts. */
void fence_consume(struct oh_ledger *ledger, uint32_t position, uint16_t channel, int64_t quantity_milli);

/* positions.c */
struct place { uint32_t item; uint16_t node; uint32_t position; }; /* NO_SLOT: it was not there then */
/* The place that names mean; refuses an unknown one, of entry `fault_index`. */
bool place_resolve(const struct oh_ledger *ledger, struct oh_bytes sku, struct oh_bytes node, uint32_t fault_index,
                   struct place *out_place, struct oh_answer *answer);
uint32_t position_find(const struct oh_ledger *ledger, uint32_t item, uint16_t node); /* NO_SLOT: none */
/* Its position, which an entry before may have made since. */
static inline uint32_t place_position(const struct oh_ledger *ledger, const struct place *place)
{
    return place->position != NO_SLOT ? place->position : position_find(ledger, place->item, place->node);
}
/* A position_find of it comes soon. */
void position_list_expect(const struct oh_ledger *ledger, uint32_t item, uint16_t node);
/* Makes it if there is none; NO_SLOT: full. */
uint32_t position_obtain(struct oh_ledger *ledger, uint32_t item, uint16_t node);
/* The one that the decision has found, else as position_obtain. */
static inline uint32_t position_hinted(struct oh_ledger *ledger, uint32_t item, uint16_t node, struct hint hint)
{
    return hint.position != NO_SLOT ? hint.position : position_obtain(ledger, item, node);
}
struct position *position_edit(struct oh_ledger *ledger, uint32_t item, uint16_t node, uint32_t position);
static inline struct extra *extra_of(const struct oh_ledger *ledger, const struct position *position)
{
    uint32_t link = position->extra & EXTRA_LINK;
    return link == 0 ? NULL : &ledger->extras[link - 1]; /* NULL: none */
}
/* A claim will be filed under the position: first its extra part is needed, then the newest claim there. */
static inline void extra_expect(const struct oh_ledger *ledger, const struct position *position)
{
    const struct extra *extra = extra_of(ledger, position);
    if (extra != NULL)
        memory_expect(extra);
}
static inline void claims_expect(const struct oh_ledger *ledger, const struct position *position)
{
    const struct extra *extra = extra_of(ledger, position);
    if (extra != NULL && extra->claims_head != 0)
        memory_expect(&ledger->claims[extra->claims_head - 1]);
}
struct rare *rare_of(const struct oh_ledger *ledger, const struct position *position);   /* NULL: none */
struct extra *extra_obtain(struct oh_ledger *ledger, struct position *position);
struct rare *rare_obtain(struct oh_ledger *ledger, struct position *position);           /* NULL: full */
/* The position of a place and its rare part, made if there is none; NULL: full. */
struct rare *place_rare(struct oh_ledger *ledger, uint32_t item, uint16_t node, uint32_t *out_position);
/* The position has one (asserted). */
void extra_drop_if_idle(struct oh_ledger *ledger, struct position *position);
const uint32_t *item_positions(const struct oh_ledger *ledger, const struct item *item);
const uint16_t *item_node_list(const struct oh_ledger *ledger, const struct item *item);
int64_t position_state_milli(const struct oh_ledger *ledger, const struct position *position, enum oh_state state);
/* Keeps the count of short positions right around a change of sellable or claimed. */
void position_add(struct oh_ledger *ledger, uint32_t slot, int64_t sellable_delta, int64_t claimed_delta);

/* stock.c */
void decide_adjust(struct oh_ledger *ledger, const struct oh_adjust_command *command, struct oh_answer *answer);
void decide_sync(struct oh_ledger *ledger, const struct oh_sync_command *command, struct oh_answer *answer);
enum oh_err apply_movement(struct oh_ledger *ledger, const struct oh_effect_movement *effect, struct hint hint);
enum oh_err apply_count(struct oh_ledger *ledger, const struct oh_effect_count *effect, struct hint hint);
enum oh_err apply_position(struct oh_ledger *ledger, const struct oh_effect_position *effect);
/* Whether a count of the state has seen a movement at at_us. */
bool movement_is_counted(const struct oh_ledger *ledger, uint32_t position, enum oh_state state, int64_t at_us);
/* Changes a state's quantity and, when not counted, remembers the movement. OH_E_CORRUPT: out of range. */
enum oh_err stock_move(struct oh_ledger *ledger, uint32_t item, uint16_t node, uint32_t position,
                       enum oh_state state, int64_t quantity_milli, int64_t at_us, bool is_counted);
enum oh_err apply_remembered(struct oh_ledger *ledger, const struct oh_effect_remembered *effect);
void history_relink(struct oh_ledger *ledger);

/* availability.c */
struct offer { int64_t free_milli; int64_t backorder_milli; enum oh_verdict reason; };
/* What the asker can have at the node, with what the command being decided has claimed already taken off. */
struct offer offer_at_node(const struct oh_ledger *ledger, uint32_t item, uint16_t node, struct oh_asker asker,
                           int64_t now_us);
/* The same by a later time: with supplies to come, and the claims on them. */
int64_t atp_at_node(const struct oh_ledger *ledger, uint32_t item, uint16_t node, struct oh_asker asker, int64_t by_us,
                    int64_t now_us);
/* The same where the position is known (NO_SLOT: there is none). */
struct offer offer_at_slot(const struct oh_ledger *ledger, uint32_t item, uint16_t node, uint32_t slot,
                           struct oh_asker asker, int64_t now_us);
/* The same of a node that is eligible, which was found by node_eligibility. */
struct offer offer_of_eligible(const struct oh_ledger *ledger, uint32_t item, uint16_t node, uint32_t slot,
                               struct oh_asker asker, int64_t now_us);
/* All that can be had of it, when the channel may have so much of what is free. */
static inline int64_t offer_possible(struct offer offer, int64_t allowance_milli)
{
    return oh_min_i64(offer.free_milli, allowance_milli) + offer.backorder_milli;
}
struct left { int64_t available_milli; int64_t short_milli; };
struct left left_at_slot(const struct oh_ledger *ledger, uint32_t item, uint16_t node, uint32_t slot, int64_t now_us);
/* OH_OK_DONE, or why the node has nothing to offer the asker, whatever its stock. */
enum oh_verdict node_eligibility(const struct oh_ledger *ledger, uint32_t item, uint16_t node, struct oh_asker asker);
/* How much of the free stock a channel's threshold still allows; INT64_MAX: no threshold. */
int64_t channel_allowance(const struct oh_ledger *ledger, uint32_t item, struct oh_asker asker, int64_t now_us);
void pending_begin(struct oh_ledger *ledger);
/* Ids of a request: false when another one with the hash may have been there since pending_begin. */
bool pending_is_first(struct oh_ledger *ledger, uint64_t hash);
void pending_add(struct oh_ledger *ledger, uint32_t item, uint16_t node, int64_t claimed_milli);
int64_t held_due_milli(const struct oh_ledger *ledger, const struct position *position, int64_t now_us);
/* Of some claims: a channel, DUE_OF_ANY, or DUE_OF_DEFERRAL plus a slot. */
int64_t held_due_of(const struct oh_ledger *ledger, const struct position *position, uint32_t of, int64_t now_us);

/* geo.c */
void geo_place(struct node *node);
void geo_index_insert(struct oh_ledger *ledger, uint16_t node);
void geo_index_remove(struct oh_ledger *ledger, uint16_t node);
/* A place on the unit sphere: where one place is held against many nodes, it is made once. */
struct unit { double x, y, z; };
struct unit geo_unit(struct oh_point point);
double geo_unit_distance_km(const struct node *node, struct unit unit);
double geo_distance_km(const struct node *node, struct oh_point point);
/* The square of the chord between places that far apart, on a sphere of radius 1; and the distance, rounded down. */
double geo_chord2(double distance_km);
int64_t geo_metres(double chord2);
bool geo_is_within(const struct node *node, const struct oh_near *near);
bool point_is_valid(struct oh_point point);
/* Shows `look` every node with a place that is at most *radius_km away; it may make that smaller as it goes. */
typedef void geo_look(void *ctx, uint16_t node, double distance_km);
void geo_scan(const struct oh_ledger *ledger, struct oh_point point, const double *radius_km, geo_look *look,
              void *ctx);

/* reserve.c, actions.c */
void decide_reserve(struct oh_ledger *ledger, int64_t now_us, const struct oh_reserve_command *command,
                    struct oh_answer *answer);
/* What of a pick can be had: by the function that offered it, with what the command has taken so far taken off. */
int64_t pick_possible(struct oh_ledger *ledger, uint32_t item, struct oh_asker asker,
                      const struct oh_reserve_pick *pick, int64_t now_us);
void decide_replace(struct oh_ledger *ledger, int64_t now_us, const struct oh_replace_command *command,
                    struct oh_answer *answer);
void decide_action(struct oh_ledger *ledger, int64_t now_us, enum oh_command_type type,
                   const struct oh_action_command *command, struct oh_answer *answer);
/* OH_OK_DONE, or which limit a line's quantity breaks. */
enum oh_verdict quantity_judge(const struct oh_ledger *ledger, uint32_t item, uint16_t node, uint16_t channel,
                               int64_t quantity_milli);

/* reservations.c */
uint32_t reservation_find(const struct oh_ledger *ledger, struct oh_bytes id); /* NO_SLOT: none, or forgotten */
enum oh_status reservation_status(const struct oh_ledger *ledger, const struct reservation *reservation,
                                  int64_t now_us);
bool reservation_is_due(const struct reservation *reservation, int64_t now_us);
/* The reservation that the command being decided names; NO_SLOT: none, or forgotten. */
uint32_t reservation_named(const struct oh_ledger *ledger);
/* The slot that has the id, whether it is forgotten or not. */
uint32_t reservation_stored(const struct oh_ledger *ledger, struct oh_bytes id, struct id_key key);
enum oh_err apply_reservation(struct oh_ledger *ledger, const struct oh_effect_reservation *effect, struct hint hint);
enum oh_err apply_claim(struct oh_ledger *ledger, const struct oh_effect_claim *effect, struct hint hint);
enum oh_err apply_step(struct oh_ledger *ledger, const struct oh_effect_step *effect, struct hint hint);
/* The side block of a reservation, made if there is none; NULL: no memory. */
struct parties *parties_obtain(struct oh_ledger *ledger, uint32_t reservation);
uint32_t reservation_find_newest_first(const struct oh_ledger *ledger, struct oh_bytes id);
enum oh_err apply_extend(struct oh_ledger *ledger, const struct oh_effect_extend *effect);
/* Whether some ended so long ago that they are not there any more, and are still kept (L29). */
bool reservations_are_forgotten(const struct oh_ledger *ledger);
/* Forgets those, at most `count`. */
void reservations_forget(struct oh_ledger *ledger, uint32_t count);
void reservations_relink(struct oh_ledger *ledger);
bool reservation_is_forgotten(const struct oh_ledger *ledger, const struct reservation *reservation, int64_t now_us);

/* expiry.c */
void expiry_add(struct oh_ledger *ledger, uint32_t reservation);
void expiry_remove(struct oh_ledger *ledger, uint32_t reservation);

/* keys.c */
uint64_t command_fingerprint(const struct oh_command *command);
/* A key with its name space and source, as it is stored, and its hash. size 0: longer than any that is stored. */
#define KEY_NAME_SIZE_MAX (2 + 2 * OH_ID_SIZE_MAX)
struct key_name { char data[KEY_NAME_SIZE_MAX]; uint32_t size; uint32_t hash; };
void key_name_make(char space, struct oh_bytes source, struct oh_bytes name, struct key_name *out);
/* NULL: not remembered. */
const struct key *key_find(const struct oh_ledger *ledger, const struct key_name *name);
const struct key *key_lookup(const struct oh_ledger *ledger, char space, struct oh_bytes source, struct oh_bytes name);
struct oh_bytes key_answer(const struct oh_ledger *ledger, const struct key *key);
/* Remembers the answer under the key, which is not remembered yet. */
void key_add(struct oh_ledger *ledger, const struct key_name *name, uint64_t fingerprint,
             const struct oh_answer *answer);
bool answer_unpack(struct oh_ledger *ledger, struct oh_bytes packed, struct oh_answer *answer);
enum oh_err apply_key(struct oh_ledger *ledger, const struct oh_effect_key *effect, struct hint hint);
void keys_forget(struct oh_ledger *ledger, uint32_t count);
void keys_relink(struct oh_ledger *ledger);
uint64_t entry_fingerprint(const struct oh_adjust_entry *entry);
uint64_t report_fingerprint(const struct oh_delivery_report *report);

#endif
