/*
 * promise.h - the parts of the promise engine and what they share
 * (docs/spec/promise.md). Inside src/core/promise*.c only.
 *
 * A *basket* is the request with the lines of one item added up. The *offers* are
 * every way a node can give something to it: a node now, or waiting for a
 * supply. A *scope* is one delivery service, or one store to
 * collect at: its candidates are those sites of the offers that reach it.
 */
#ifndef ONHAND_CORE_PROMISE_H
#define ONHAND_CORE_PROMISE_H

#include "core/chain.h"
#include "core/sourcing.h"
#include "core/state.h"

#define SITES_MAX 65535u
#define CELLS_MAX 4194304u      /* sites times lines of one basket */
#define WAITS_MAX 8u            /* supplies a node's plan may wait for */
#define STORES_LOOK_MAX 64u     /* stores looked at until enough can be collected at */
#define EXCLUDED_WORDS (65536u / 64u)
#define STEPS_LEAST 256u        /* a search gets so many even when none are left: enough for one node with everything */
#define PICKS_MAX 65536u
#define PARCELS_MAX (OH_PROMISE_OPTIONS_MAX * OH_PARCELS_MAX)

struct basket_line {
    uint32_t item;
    uint32_t first;          /* index of the first line of the request with the item */
    int64_t asked_milli;
    int64_t allowances_milli[OH_KIND_TRANSFER + 1]; /* by kind: what a threshold leaves in all; -1: not asked yet */
    struct oh_item_traits traits;
};

/* What is left of a plan's pick that is being handed out. */
struct handing { uint32_t at; int64_t left_milli; };

enum way { WAY_NOW, WAY_SUPPLY, WAY_BACKORDER };

struct site {
    uint16_t node;
    uint8_t way;         /* enum way */
    uint8_t kind;        /* enum oh_kind: what it is asked for */
    int64_t stock_us;    /* when its stock is there */
};

struct offers {
    bool is_made;
    bool is_cut;         /* sites or cells beyond the limit were left out */
    struct site *sites;
    uint32_t site_count;
    uint64_t *may_have;  /* [site * words] */
    int64_t *caps;       /* [site * line_count]; -1: not asked yet */
};

struct scope {
    struct oh_promise_engine *engine;
    struct offers *offers;
    bool is_collect;
    uint32_t service;    /* OH_INDEX_NONE: collect */
    uint16_t store;      /* OH_NODE_NONE: delivery */
    struct route route;
    struct unit end;     /* where it goes, when that is known */
    int64_t until_us;    /* nothing later counts; CHAIN_NEVER: no bound */
    uint32_t parcels_max;
    uint32_t candidate_count;
    uint32_t slot_after; /* slots before this are not looked at */
    int64_t withheld_milli; /* of what was asked for, by the channel's threshold */
    bool has_ended;         /* the steps ended before an option was found */
    struct oh_bytes region; /* of the destination, when transit is promised as it was learned; else empty */
};

/* What a scope keeps of a candidate. */
struct reach {
    uint32_t site;
    double distance_km;
    int64_t distance_m;
    const struct oh_transit_row *transit;       /* delivery */
    const struct oh_departures *departures;     /* of the pickups, or of the lane; NULL: collected where it is */
    struct oh_bytes lane;
};

/*
 * What leaves a node first by a service, for what is ordered during [from_us, until_us): it is the same for every
 * basket and destination, and stays so for hours. Kept of one edition of the timetable.
 */
struct soonest {
    uint64_t edition;
    int64_t from_us;
    int64_t until_us;
    uint32_t departure; /* index; the count: none */
    uint32_t service;
};
#define SOONEST_SERVICES 8u /* kept side by side */

struct oh_promise_engine {
    struct oh_allocator allocator;
    void *regions[40];
    size_t region_sizes[40];
    uint32_t region_count;

    /* The question being answered. */
    const struct oh_ledger *ledger;
    const struct oh_timetable *timetable;
    const struct oh_promise_request *request;
    const struct oh_sourcing *policy;
    struct oh_promise_answer *answer;
    uint16_t channel;
    int64_t now_us;     /* of the ledger: what is held, what is there */
    int64_t ordered_us; /* when the order is placed */
    uint32_t steps_left; /* of the searches to come */
    bool has_point;
    struct oh_point point;
    bool has_near;      /* where stores are looked for */
    struct oh_point near;
    struct oh_bytes country;
    struct oh_bytes postal_code;
    char postal_buffer[POSTAL_CODE_SIZE_MAX];

    uint64_t *excluded;  /* bitmap over nodes */
    uint64_t *members;   /* bitmap over nodes: the channel's */
    uint64_t members_version;
    uint16_t members_channel;
    struct basket_line *lines;
    uint32_t line_count;
    uint32_t words;
    uint32_t *line_of;   /* request line -> basket line */
    struct handing *handing; /* per basket line */
    int64_t *needs;
    uint32_t *bundles;
    bool has_bundles;
    bool *fits;          /* of the scope: the line can be had there at all */
    uint32_t *node_site; /* node -> site of the offers being made */
    uint32_t *node_stamp;
    uint32_t stamp;
    uint32_t ship_stamp; /* of the offers of this question's services */
    struct offers ship, direct, screened;
    struct screen *screen;
    bool has_full; /* the screen knows the nodes that may have every line of this question */
    struct reach *reaches;
    struct sourcing_candidate *candidates;
    uint64_t *may_have;  /* of the scope's candidates */
    uint16_t *stores;
    double *store_km;
    uint16_t *transit_rows, *cost_rows;
    int64_t *learned_us;      /* [site * 7 + weekday]: LE2; -1: not enough */
    uint32_t *learned_stamps; /* of which scope it is */
    uint32_t learned_stamp;
    char region_buffer[OH_REGION_DERIVED_SIZE_MAX];
    struct soonest *soonest; /* [service % SOONEST_SERVICES * 65536 + node] */
    uint64_t edition;        /* of the timetable at edition_of, with edition_version */
    const struct oh_timetable *edition_of;
    uint64_t edition_version;
    struct sourcing_take *takes;
    struct sourcing_scratch *sourcing;

    struct oh_promise_option *options;
    struct oh_promise_parcel *parcels;
    uint32_t parcel_count;
    struct oh_promise_pick *picks;
    uint32_t pick_count;
    struct oh_promise_rejection *rejections;
};

static inline bool node_bit(const uint64_t *bitmap, uint32_t node)
{
    return (bitmap[node / 64] >> (node % 64) & 1) != 0;
}

/* promise.c */
const struct oh_timetable_node *node_timetable(const struct oh_timetable *timetable, uint16_t node);

/* promise_parcel.c: how long a class of items is worked on there. */
int64_t class_work_us(const struct oh_timetable_node *schedule, uint32_t class);

/* promise_basket.c: the request, judged; false: refused. Fills channel, point, lines. */
bool basket_make(struct oh_promise_engine *engine);

/* promise_screen.c: the best plan of a service from few candidates; false: every node must be looked at. */
struct screen; /* what is kept of nodes and services */
size_t screen_size(void);
bool screen_search(struct scope *scope, struct sourcing_plan *out_plan);
/* After a search among all that did not come to an end: a plan that was found before it, if that is better. */
void screen_recall(struct scope *scope, struct sourcing_plan *plan);

/* promise_offers.c */
/* Of the channel, enabled, and not closed for the question. */
bool node_is_open(const struct oh_promise_engine *engine, uint16_t node);
/* None yet. */
void offers_begin(struct offers *offers);
/* One more node, for what is there now; NO_SLOT: there is no room, and it is remembered. Then a line it may have. */
uint32_t offers_site(struct oh_promise_engine *engine, struct offers *offers, uint16_t node, enum oh_kind kind);
void offers_site_line(const struct oh_promise_engine *engine, struct offers *offers, uint32_t site, uint32_t line);
/* The same nodes, waiting for supplies or selling below zero; when all have their lines. */
void offers_variants(struct oh_promise_engine *engine, struct offers *offers);
/* Every node, to ship from. Made once for a question. */
void offers_make_ship(struct oh_promise_engine *engine, struct offers *offers);
/* The store itself, and the nodes that lanes bring things from, if the policy has it so. */
void offers_make_store(struct oh_promise_engine *engine, struct offers *offers, uint16_t store);
/* Of that kind, as a hold is judged (L24): what may not be collected is not counted for who collects. */
int64_t line_allowance(const struct oh_promise_engine *engine, struct basket_line *line, enum oh_kind kind);
int64_t offers_cap(struct oh_promise_engine *engine, struct offers *offers, uint32_t site, uint32_t line);

/* promise_parcel.c: what is booked, without what the question says is given back. */
int64_t promise_booked(const struct oh_promise_engine *engine, struct oh_bytes resource, int64_t from_us);
/* What leaves the node first by the service; it is kept. */
struct soonest node_soonest(struct oh_promise_engine *engine, uint32_t service, uint16_t node,
                            const struct oh_departures *departures);
int64_t minutes_until(const struct oh_promise_engine *engine, int64_t at_us);
/* One candidate with its takes, step by step; OH_REASON_CHOSEN, or what it fails by. */
enum oh_reason parcel_make(const struct scope *scope, const struct reach *reach, const struct sourcing_take *takes,
                           uint32_t take_count, struct oh_promise_parcel *out_parcel);
/* The terms of any parcel of it at least; false: it can make none, *out_reason says why. */
bool parcel_least(const struct scope *scope, const struct reach *reach, struct sourcing_terms *out_terms,
                  enum oh_reason *out_reason);
/* What is the same of every parcel with the whole basket, whichever node sends it. */
struct sourcing_terms parcel_whole(const struct scope *scope);
/* What two parcels with the whole basket are together at least: one has half of the weight. */
struct sourcing_terms parcel_two(const struct scope *scope);
/* The same of one with these lines, by bit. False: there is none. */
bool parcel_part(const struct scope *scope, uint32_t lines, struct sourcing_terms *out_terms);
void parcel_terms(const struct scope *scope, const struct reach *reach, const struct oh_promise_parcel *parcel,
                  const struct sourcing_take *takes, uint32_t take_count, struct sourcing_terms *out_terms);
/* DA8: the latest moment before which the order could be placed with the parcel as early as it is. */
int64_t parcel_order_by(const struct scope *scope, const struct reach *reach, const struct oh_promise_parcel *parcel,
                        const struct sourcing_take *takes, uint32_t take_count);

/* promise_scope.c: one service, or one store. */
const struct oh_departures *pickups_of(const struct oh_timetable_node *schedule, uint32_t service);
/* Those sites of the offers that reach it. */
void candidates_add(struct scope *scope);
void scope_search(struct scope *scope, struct sourcing_plan *plan);
enum oh_reason reach_make(const struct scope *scope, uint32_t site, struct reach *out_reach);
void scope_service(struct oh_promise_engine *engine, uint32_t service);
/* True: an option came of it. */
bool scope_store(struct oh_promise_engine *engine, uint16_t store);

/* promise_explain.c */
void explain_scope(struct scope *scope, const struct oh_promise_option *chosen);
void explain_add(struct oh_promise_engine *engine, const struct oh_promise_rejection *rejection);
enum oh_reason gap_reason(enum oh_gap gap);

#endif
