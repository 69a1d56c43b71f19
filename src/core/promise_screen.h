/*
 * promise_screen.h - what the files of the screen share (SO6). Inside src/core/promise_screen.c, promise_leavings.c,
 * promise_few.c and promise_pairs.c only.
 */
#ifndef ONHAND_CORE_PROMISE_SCREEN_H
#define ONHAND_CORE_PROMISE_SCREEN_H

#include "core/promise.h"

#define FEW_MAX        512u
#define BLOCK_SPAN     512u
#define ROW            64u /* divides it */
#define BANDS_MAX      32u
#define BANDS_AT_ONCE  3u
#define CLASSES_MAX    256u
#define CLASS_NONE     CLASSES_MAX
#define MINUTES_NEVER  UINT32_MAX
#define KEY_NEVER      UINT64_MAX
#define FAR_M          20000000 /* what is as far away may as well have no place */
#define CHORD2_UNKNOWN 5.0 /* half the way around is 4 */
#define CHORD2_ANY     6.0
#define KEY_CHORD2_UP  (1 + 1e-6) /* a key has its chord in fewer bits: what is farther by that is as near */

/* How the policy orders nodes that send everything: by these two, when all before and between them is the same. */
enum order { ORDER_NONE, ORDER_DATE, ORDER_DATE_DISTANCE, ORDER_DISTANCE };

/* How late a parcel is at least, by distance: of nodes of one region that something leaves first at the same time. */
struct leaving {
    const struct oh_departure *departure;
    uint32_t region;
    uint64_t stamp; /* of the question that the bands are of */
    uint32_t band_count;
    double chord2_max[BANDS_MAX]; /* of each band, ascending */
    uint32_t minutes[BANDS_MAX];
    uint64_t limit_stamp; /* of the limit that the class's chord2_limit is of */
};

/* What the keys of nodes depend on, besides the leavings. No bytes between its members. */
struct asked {
    double latitude, longitude;
    int64_t ordered_us;
    int64_t until_us;
    uint32_t order;
    uint32_t has_point;
    char country[8];
    char postal_code[16];
};

/* Of one service, for what is ordered during [from_us, until_us). */
struct leavings {
    uint64_t edition;
    uint64_t version;
    uint32_t service;
    bool is_too_many;
    int64_t from_us;
    int64_t until_us;
    uint32_t class_count;
    struct leaving classes[CLASSES_MAX];
    uint16_t class_of[65536];
    /* A listing asks for one item after the other to one place: then every node's key is made once. */
    struct asked asked;
    uint32_t asked_count; /* one after the other */
    uint64_t keys[65536]; /* made when it was asked twice */
};

struct few { uint64_t key; uint16_t node; };

/* The nodes that may have the same lines, or at least the same. */
struct kind {
    uint64_t key;   /* of the first of them, by date, then distance; KEY_NEVER: there is none */
    uint32_t chord; /* the least distance of any, as in a key */
    uint16_t node;  /* the first of them */
};

/* What a parcel with the lines of a set is at least. */
struct part_price { int64_t boxes; int64_t cost_milli; bool is_there; };

/* A plan that was found and could not be shown to be the best. */
struct found {
    bool is_there;
    struct sourcing_terms terms;
    uint32_t node_count;
    uint16_t nodes[OH_PARCELS_MAX];
};

struct screen {
    uint64_t stamp; /* of the question about a service */
    uint64_t limit_stamp;
    double chord2_limits[CLASSES_MAX + 1]; /* of each class: a node farther away than that is not one of the first */
    uint64_t places_version; /* of the ledger's documents, plus one; 0: none */
    double x[65536 + ROW], y[65536 + ROW], z[65536 + ROW]; /* not numbers: the node has no place */
    const uint16_t *full; /* of the question: nodes that may have every line, ascending */
    uint32_t full_count;
    uint16_t full_nodes[65536];
    uint16_t marks[65536]; /* how many lines it may have besides the first; of few which ones, by bit */
    uint64_t pair_keys[65536]; /* by date, then distance; KEY_NEVER: it has no part in a pair */
    struct kind kinds[1u << SOURCING_PAIR_LINES_MAX];
    struct kind covers[1u << SOURCING_PAIR_LINES_MAX];
    struct part_price prices[1u << SOURCING_PAIR_LINES_MAX];
    /* Of a kind, exclusive: the chord, as in a key, of a node that is there sooner than a plan, with it, later. */
    uint32_t limits[1u << SOURCING_PAIR_LINES_MAX][3];
    uint32_t minutes[65536]; /* of the question: how late what a node sends is at least */
    uint64_t minutes_stamps[65536];
    uint32_t sites[65536]; /* of the offers being made */
    uint64_t site_stamps[65536];
    uint64_t site_stamp;
    bool has_keys; /* the leavings have those of the question */
    uint32_t few_count;
    struct few few[FEW_MAX + 1];
    struct found found; /* of the question about a service */
    struct leavings leavings[SOONEST_SERVICES];
};

/* How late a parcel is at least of a node so far away. The bands are those of the question. */
static inline uint32_t class_minutes(const struct leaving *class, double chord2)
{
    const double *most = class->chord2_max;
    /* Which one it is cannot be foreseen, so it is counted. */
    uint32_t band = (uint32_t)(chord2 > most[0]) + (chord2 > most[1]) + (chord2 > most[2]);
    for (uint32_t i = 3; i + 1 < class->band_count; i++)
        band += chord2 > most[i];
    return class->minutes[band];
}

/* As it is kept in a key. */
static inline uint32_t key_bits(double chord2)
{
    float chord = (float)chord2;
    uint32_t bits; /* of a number that is not negative: they are in its order */
    memcpy(&bits, &chord, sizeof(bits));
    return bits;
}

static inline double key_chord2(uint32_t bits)
{
    float chord2;
    memcpy(&chord2, &bits, sizeof(chord2));
    return (double)chord2;
}

/* promise_leavings.c */
void places_make(struct oh_promise_engine *engine);
/* What leaves each node first by the service, for what is ordered now. */
struct leavings *leavings_obtain(struct oh_promise_engine *engine, uint32_t service);
/* For the question: the rows of its route as bands of distance. */
void bands_make(const struct scope *scope, struct leaving *class);
/* As it is for the question. */
static inline const struct leaving *class_get(const struct scope *scope, struct leavings *leavings, uint16_t class)
{
    struct leaving *of = &leavings->classes[class];
    if (of->stamp != scope->engine->screen->stamp)
        bands_make(scope, of);
    return of;
}

/* The square of the chord from the node to the destination; CHORD2_UNKNOWN. */
double node_chord2(const struct scope *scope, uint16_t node);
/* Of so many nodes as are a row. */
void chords_make_span(const struct scope *scope, uint32_t first, double out[ROW]);
/* Of ascending nodes, all less than BLOCK_SPAN after the first: at the node less the first. */
void chords_make(const struct scope *scope, const uint16_t *nodes, uint32_t count, double *out);
/* How late what a node sends is at least; MINUTES_NEVER: it sends nothing. Kept for the question. */
uint32_t node_minutes(const struct scope *scope, struct leavings *leavings, uint16_t node);

/* promise_few.c */
/* Finds the nodes that may have every line. */
void full_find(struct oh_promise_engine *engine);
/* Whether the keys of the leavings are those of the question; they are made when the same is asked again. */
bool keys_obtain(const struct scope *scope, struct leavings *leavings, enum order order);
/* Fills `few` with the first so many of them by key, then by node. */
void few_choose(const struct scope *scope, struct leavings *leavings, enum order order, uint32_t most);

/* promise_screen.c */
/* Rounded down, and no more than that of a distance which is the same when it is kept in fewer bits. */
int64_t distance_least_m(const struct scope *scope, uint32_t chord_bits);
/* Whether the plan is better than any that is there no sooner: of so many nodes with everything, or of a part. */
bool plan_beats(const struct scope *scope, const struct sourcing_plan *plan, int64_t parcels, int64_t minutes);
/* The search among so many of `few`: they may have all lines, or those that are marked. */
void few_search(struct scope *scope, uint32_t count, bool have_all, struct sourcing_plan *plan);

/* promise_pairs.c */
/* The best plan is of two parcels: then it is found. False: it may be another one. */
bool pairs_suffice(struct scope *scope, struct leavings *leavings, struct sourcing_plan *plan);

#endif
