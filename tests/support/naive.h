/*
 * naive.h - the ledger, written down a second time: lists and loops.
 *
 * What it is: docs/spec/ledger.md, rules.md and verdicts.md as plainly as they can be said. It keeps whatever was
 * ever told and claimed, and adds it up anew for each question. Given a command it says what the whole answer must
 * be, field by field, and does it.
 *
 * What it is not: fast, bounded, or durable. It shares no code with the core, only the values of include/onhand.
 *
 * Where the rules leave the ledger a choice (L14: movements it may have forgotten), `said` is what it chose.
 */
#ifndef ONHAND_TESTS_SUPPORT_NAIVE_H
#define ONHAND_TESTS_SUPPORT_NAIVE_H

#include "onhand/ledger.h"

#define NAIVE_NONE UINT32_MAX
#define NAIVE_MANY 4096u /* lines of an answer, nodes, claims of a reservation */

struct naive_member { uint32_t node; int32_t priority; };

struct naive_group {
    struct oh_bytes id, name;
    struct naive_member *members; /* as they count: by priority, then by arrival */
    uint32_t member_count;
};

struct naive_channel {
    struct oh_bytes id, name;
    enum oh_policy policy;
    uint32_t *nodes, *groups;
    uint32_t node_count, group_count;
};

/* item, node, channel: NAIVE_NONE when not in the scope. */
struct naive_rule {
    bool exists;
    struct oh_bytes id;
    uint32_t item, node, channel;
    struct oh_rule_values values;
};

struct naive_fence {
    bool exists;
    struct oh_bytes id;
    uint32_t item, node, channel;
    int64_t milli;
    enum oh_fence_policy policy;
};

struct naive_supply {
    bool exists;
    struct oh_bytes id;
    uint32_t item, node;
    int64_t milli, eta_us;
};

/* Something that was told of one state of one place: it moved by so much, or there is so much. */
struct naive_fact {
    bool is_count;
    int64_t at_us, source_seq, milli;
    uint64_t number; /* of the movements that changed something; from 0 */
};

struct naive_facts { struct naive_fact *list; uint32_t count, capacity; };

/* An item at a node, once something was told or claimed there. */
struct naive_place {
    uint32_t item, node;
    struct naive_facts states[OH_STATE_COUNT];
};

struct naive_claim {
    uint32_t line, item, node; /* node NAIVE_NONE: what could not be had */
    int64_t milli, held, confirmed, fulfilled, expired; /* the rest was released */
    int64_t due_us; /* on a supply to come, while it is live; OH_TIME_US_NONE */
};

/* Of a window of a resource, for the claims at a node. The same window always ends at the same time. */
struct naive_booking {
    struct oh_bytes resource;
    uint32_t node;
    enum oh_unit unit;
    int64_t from_us, until_us, milli;
};

struct naive_reservation {
    struct oh_bytes id, customer, order;
    enum oh_kind kind;
    uint32_t channel;
    int64_t created_us, expires_us, ended_us; /* OH_TIME_US_NONE */
    struct naive_claim *claims;
    uint32_t claim_count, claim_capacity;
    struct naive_booking *bookings;
    uint32_t booking_count;
    struct oh_bytes promise;
};

struct naive_key {
    char space;
    struct oh_bytes source, name;
    struct oh_bytes request; /* what was asked, as text */
    int64_t at_us;
    struct oh_answer answer;
};

struct naive_document { enum oh_document_kind kind; struct oh_bytes id, body; /* empty: removed */ };

struct naive_import { struct oh_bytes id; uint64_t rows, rejected; };

struct naive {
    int64_t time_us, retention_us;
    uint64_t seq;
    bool record_is_open;
    int64_t record_at_us;
    uint32_t record_ids;
    uint64_t movement_count, history_max;
    int64_t *latest_us; /* by number: the latest time of a movement up to it, wherever */

    struct oh_node_command *nodes;
    uint32_t node_count;
    struct oh_item_command *items;
    uint32_t item_count;
    struct naive_group *groups;
    uint32_t group_count;
    struct naive_channel *channels;
    uint32_t channel_count;
    struct naive_rule *rules;
    uint32_t rule_count;
    struct naive_fence *fences;
    uint32_t fence_count;
    struct naive_supply *supplies;
    uint32_t supply_count;
    struct oh_postal_code_command *postal_codes;
    uint32_t postal_code_count;
    struct naive_import *imports;
    uint32_t import_count;
    struct naive_document *documents;
    uint32_t document_count;
    struct naive_place *places;
    uint32_t place_count;
    struct naive_reservation *reservations;
    uint32_t reservation_count;
    uint32_t *live; /* those that still claim something */
    uint32_t live_count;
    struct naive_key *keys;
    uint32_t key_count;

    /* What the command being decided has claimed so far: per place. */
    struct { uint32_t item, node; int64_t milli; } pending[NAIVE_MANY];
    uint32_t pending_count;
    struct oh_answer_line lines[NAIVE_MANY];
    void **memories;
    uint32_t memory_count;
};

/* retention_us: how long an ended reservation is remembered. history_max: movements, likewise. Aborts for memory. */
struct naive *naive_create(int64_t retention_us, uint64_t history_max);
void naive_destroy(struct naive **naive);

/* What the ledger must answer at now_us. Lends the lines until the next call. */
void naive_apply(struct naive *naive, int64_t now_us, const struct oh_command *command, const struct oh_answer *said,
                 struct oh_answer *out_answer);
/* Holds that are due are written down as expired; returns how many. How many records that takes is not its business. */
uint32_t naive_advance(struct naive *naive, int64_t now_us);
/* The open record is taken. */
void naive_record_end(struct naive *naive);

/* ---- Questions: as those of ledger.h ---- */

void naive_position(const struct naive *naive, uint32_t item, uint32_t node, struct oh_position_view *out_view);
void naive_at_node(const struct naive *naive, uint32_t item, uint32_t node, struct oh_asker asker,
                   struct oh_availability *out);
void naive_in_group(const struct naive *naive, uint32_t item, uint32_t group, struct oh_asker asker,
                    struct oh_availability *out);
void naive_in_channel(const struct naive *naive, uint32_t item, struct oh_asker asker, struct oh_availability *out);
uint32_t naive_near(const struct naive *naive, uint32_t item, const struct oh_near *near, struct oh_asker asker,
                    int64_t least_milli, uint32_t rows_max, struct oh_near_row *out_rows);
enum oh_status naive_status(const struct naive *naive, const struct naive_reservation *reservation);
/* NULL: there is none, or it is forgotten. */
struct naive_reservation *naive_reservation_find(const struct naive *naive, struct oh_bytes id);
bool naive_reservation_is_forgotten(const struct naive *naive, const struct naive_reservation *reservation);
bool naive_is_due(const struct naive *naive, const struct naive_reservation *reservation);
int64_t naive_fence_live(const struct naive *naive, const struct naive_fence *fence);
int64_t naive_atp(const struct naive *naive, uint32_t item, uint32_t node, struct oh_asker asker, int64_t by_us);
/* What is booked of the resource in the window that begins then; what is left of one booking. */
int64_t naive_booked(const struct naive *naive, struct oh_bytes resource, int64_t from_us);
int64_t naive_booking_left(const struct naive *naive, const struct naive_reservation *reservation,
                           const struct naive_booking *booking);

/* ---- Between its files ------------------------------------------------------------------------ */

/* naive.c */
void *naive_allocate(struct naive *naive, size_t size); /* until naive_destroy */
struct oh_bytes naive_copy(struct naive *naive, struct oh_bytes bytes);
/* Something changes: a record begins, if none is open. */
void naive_change(struct naive *naive);
enum oh_verdict naive_refuse(struct oh_answer *answer, enum oh_verdict verdict, enum oh_field field, uint32_t index);
bool naive_text_is_valid(struct oh_bytes text, size_t size_max);
bool naive_id_is_valid(struct oh_bytes id);
bool naive_point_is_valid(struct oh_point point);
/* NAIVE_NONE: none. */
uint32_t naive_item_find(const struct naive *naive, struct oh_bytes sku);
uint32_t naive_node_find(const struct naive *naive, struct oh_bytes node);
uint32_t naive_group_find(const struct naive *naive, struct oh_bytes group);
uint32_t naive_channel_find(const struct naive *naive, struct oh_bytes channel);
const struct naive_key *naive_key_find(const struct naive *naive, char space, struct oh_bytes source,
                                       struct oh_bytes name);
void naive_key_add(struct naive *naive, char space, struct oh_bytes source, struct oh_bytes name,
                   struct oh_bytes request, const struct oh_answer *answer);
struct oh_bytes naive_entry_print(struct naive *naive, const struct oh_adjust_entry *entry);

/* naive_reference.c */
void naive_reference(struct naive *naive, const struct oh_command *command, struct oh_answer *answer);

/* naive_stock.c */
void naive_adjust(struct naive *naive, const struct oh_adjust_command *command, struct oh_answer *answer);
void naive_sync(struct naive *naive, const struct oh_sync_command *command, const struct oh_answer *said,
                struct oh_answer *answer);
/* Makes the place if there is none. */
struct naive_place *naive_place_obtain(struct naive *naive, uint32_t item, uint32_t node);
const struct naive_place *naive_place_find(const struct naive *naive, uint32_t item, uint32_t node);
int64_t naive_quantity(const struct naive *naive, uint32_t item, uint32_t node, enum oh_state state);
/* Tells of a movement; true: a count has seen it. */
bool naive_move_stock(struct naive *naive, uint32_t item, uint32_t node, enum oh_state state, int64_t milli,
                      int64_t at_us);

/* naive_available.c */
struct naive_offer { int64_t free, backorder; enum oh_verdict reason; };
struct naive_offer naive_offer(const struct naive *naive, uint32_t item, uint32_t node, struct oh_asker asker);
enum oh_verdict naive_eligibility(const struct naive *naive, uint32_t item, uint32_t node, struct oh_asker asker);
/* What the channel's threshold leaves of its total; INT64_MAX: it has none. */
int64_t naive_allowance(const struct naive *naive, uint32_t item, struct oh_asker asker);
const struct naive_rule *naive_resolve(const struct naive *naive, uint32_t attribute, uint32_t item, uint32_t node,
                                       uint32_t channel);
double naive_distance_km(struct oh_point a, struct oh_point b);
bool naive_group_has(const struct naive *naive, uint32_t group, uint32_t node);
void naive_pending_clear(struct naive *naive);
void naive_pending_add(struct naive *naive, uint32_t item, uint32_t node, int64_t milli);

/* naive_booking.c */
enum oh_verdict naive_bookings_judge(const struct naive *naive, const struct naive_reservation *own,
                                     const struct oh_reserve_booking *bookings, uint32_t count,
                                     struct oh_answer *answer);
int64_t naive_booking_room(const struct naive *naive, const struct naive_reservation *own,
                           const struct oh_reserve_booking *booking);
void naive_bookings_take(struct naive *naive, struct naive_reservation *reservation,
                         const struct oh_reserve_booking *bookings, uint32_t count);
void naive_bookings_add(struct naive *naive, struct naive_reservation *reservation,
                        const struct oh_reserve_booking *bookings, uint32_t count);
/* Before and after an action: what it gave back, it gave back for good (CA4). */
void naive_bookings_note(const struct naive *naive, const struct naive_reservation *reservation, int64_t *out_left);
void naive_bookings_move(struct naive *naive, struct naive_reservation *reservation, uint32_t node, uint32_t to_node,
                         int64_t *left);
void naive_bookings_settle(const struct naive *naive, struct naive_reservation *reservation, const int64_t *left);

/* naive_reserve.c, naive_action.c */
void naive_reserve(struct naive *naive, const struct oh_reserve_command *command, struct oh_answer *answer);
void naive_action(struct naive *naive, enum oh_command_type type, const struct oh_action_command *command,
                  struct oh_answer *answer);
enum oh_verdict naive_judge_quantity(const struct naive *naive, uint32_t item, uint32_t node, uint32_t channel,
                                     int64_t milli);
void naive_claim_add(struct naive *naive, struct naive_reservation *reservation, struct naive_claim claim);

static inline int64_t naive_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t naive_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline uint32_t naive_channel_of(struct oh_asker asker)
{
    return asker.channel.index == OH_NODE_NONE ? NAIVE_NONE : asker.channel.index;
}

#endif
