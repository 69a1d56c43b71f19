/*
 * promise_screen.c - the few nodes that the best plan of a service can come
 * from, found without a look at what the others have (SO6).
 *
 * By most policies one node sends everything, as soon as can be, and of such nodes the nearest. What leaves a node
 * first is the same for every question for hours, and is kept, in columns over the nodes. From it and the place of the
 * destination follow the date and the distance of any parcel of a node at least. The search is given the nodes that
 * may have everything and come first by them. Its plan is the answer when it is better than what any other can be at
 * least; else it is given more of them, and in the end every node (promise_scope.c).
 */
#include "core/promise.h"
#include <math.h>

#define FEW_FIRST      8u
#define FEW_TIMES      8u
#define FEW_MAX        512u
#define BLOCK_SPAN     512u
#define ROW            64u /* divides it */
#define STEPS_RECALL   4096u
#define EARLY_TRIES    2u
#define BANDS_MAX      32u
#define BANDS_AT_ONCE  3u
#define CLASSES_MAX    256u
#define CLASS_NONE     UINT16_MAX
#define MINUTES_NEVER  UINT32_MAX
#define KEY_NEVER      UINT64_MAX
#define CHORD2_UNKNOWN 5.0 /* half the way around is 4 */
#define CHORD2_ANY     6.0
#define CHORD2_BLUR    1e-9 /* so near to the end of a band, relative to it, it is left open on which side */

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
    uint64_t limit_stamp; /* of the limit that chord2_limit is of */
    double chord2_limit;  /* a node so far away is not one of the first */
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
    uint64_t places_version; /* of the ledger's documents, plus one; 0: none */
    double x[65536 + ROW], y[65536 + ROW], z[65536 + ROW]; /* not numbers: the node has no place */
    const uint16_t *full; /* of the question: nodes that may have every line, ascending */
    uint32_t full_count;
    uint16_t full_nodes[65536];
    uint16_t marks[65536];
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

size_t screen_size(void)
{
    return sizeof(struct screen);
}

/* ---- What is kept ----------------------------------------------------------------------------- */

static void places_make(struct oh_promise_engine *engine)
{
    const struct oh_ledger *ledger = engine->ledger;
    struct screen *screen = engine->screen;
    uint64_t version = oh_documents_version(ledger) + 1;
    if (screen->places_version == version)
        return;
    screen->places_version = version;
    for (uint32_t i = 0; i < ledger->node_count; i++) {
        const struct node *node = &ledger->nodes[i];
        screen->x[i] = node->has_point ? node->x : (double)NAN;
        screen->y[i] = node->y;
        screen->z[i] = node->z;
    }
}

static uint16_t class_obtain(struct leavings *leavings, const struct oh_departure *departure, uint32_t region)
{
    for (uint32_t i = leavings->class_count; i-- > 0;) {
        const struct leaving *class = &leavings->classes[i];
        if (class->region == region && class->departure->leaves_us == departure->leaves_us &&
            class->departure->day == departure->day)
            return (uint16_t)i;
    }
    if (leavings->class_count == CLASSES_MAX) {
        leavings->is_too_many = true;
        return CLASS_NONE;
    }
    leavings->classes[leavings->class_count] = (struct leaving){ .departure = departure, .region = region };
    return (uint16_t)leavings->class_count++;
}

/* The class of the node; the time for which it holds is cut to that. */
static uint16_t node_class(struct oh_promise_engine *engine, struct leavings *leavings, uint16_t node)
{
    const struct node *at = &engine->ledger->nodes[node];
    const struct oh_timetable_node *schedule = node_timetable(engine->timetable, node);
    const struct oh_departures *departures = pickups_of(schedule, leavings->service);
    if (!at->enabled || !at->ships || schedule->gap != OH_GAP_NONE || departures == NULL || departures->count == 0)
        return CLASS_NONE;
    struct soonest soonest = node_soonest(engine, leavings->service, node, departures);
    leavings->from_us = oh_max_i64(leavings->from_us, soonest.from_us);
    leavings->until_us = oh_min_i64(leavings->until_us, soonest.until_us);
    return soonest.departure == departures->count
               ? CLASS_NONE
               : class_obtain(leavings, &departures->at[soonest.departure], schedule->region);
}

static struct leavings *leavings_obtain(struct oh_promise_engine *engine, uint32_t service)
{
    struct leavings *leavings = &engine->screen->leavings[service % SOONEST_SERVICES];
    uint64_t version = oh_documents_version(engine->ledger);
    if (leavings->edition == engine->edition && leavings->version == version && leavings->service == service &&
        leavings->from_us <= engine->ordered_us && engine->ordered_us < leavings->until_us)
        return leavings;
    leavings->edition = engine->edition;
    leavings->version = version;
    leavings->service = service;
    leavings->is_too_many = false;
    leavings->from_us = INT64_MIN;
    leavings->until_us = INT64_MAX;
    leavings->class_count = 0;
    leavings->asked_count = 0;
    for (uint32_t node = 0; node < engine->ledger->node_count; node++)
        leavings->class_of[node] = node_class(engine, leavings, (uint16_t)node);
    return leavings;
}

/* ---- Dates, at least -------------------------------------------------------------------------- */

static uint32_t row_minutes(const struct scope *scope, const struct leaving *class, const struct oh_transit_row *row)
{
    struct delivery delivery = route_deliver(&scope->route, row, -1, class->departure);
    int64_t until_us = scope->route.service->has_slots ? delivery.arrives_us : delivery.until_us;
    if (delivery.window == OH_INDEX_NONE || until_us > scope->until_us)
        return MINUTES_NEVER;
    int64_t minutes = minutes_until(scope->engine, until_us);
    return minutes < MINUTES_NEVER ? (uint32_t)minutes : MINUTES_NEVER - 1;
}

/* Where the band before it ends, it is left open on which side a node is: there the sooner one counts. */
static void band_add(struct leaving *class, double chord2_max, uint32_t minutes)
{
    uint32_t band = class->band_count++;
    if (band > 0)
        class->chord2_max[band - 1] *= minutes < class->minutes[band - 1] ? 1 - CHORD2_BLUR : 1 + CHORD2_BLUR;
    class->chord2_max[band] = chord2_max;
    class->minutes[band] = minutes;
}

/* The rows that the nodes of the class may be the first to match, as bands of distance that ascend. */
static void bands_collect(const struct scope *scope, struct leaving *class)
{
    const struct route *route = &scope->route;
    for (uint32_t i = 0; i < route->transit_count; i++) {
        const struct oh_transit_row *row = &route->service->transit[route->transit_rows[i]];
        if (row->origin_region != OH_INDEX_NONE && row->origin_region != class->region)
            continue;
        double chord2 = row->distance_km_max > 0 ? geo_chord2(row->distance_km_max) : CHORD2_ANY;
        bool is_full = class->band_count + 2 == BANDS_MAX;
        if (class->band_count > 0 && chord2 <= class->chord2_max[class->band_count - 1] && !is_full)
            continue; /* rows before it have taken all */
        band_add(class, is_full ? CHORD2_ANY : chord2, is_full ? 0 : row_minutes(scope, class, row));
        if (is_full || chord2 == CHORD2_ANY)
            return;
    }
    band_add(class, CHORD2_ANY, MINUTES_NEVER);
}

static void bands_make(const struct scope *scope, struct leaving *class)
{
    class->stamp = scope->engine->screen->stamp;
    class->band_count = 0;
    bands_collect(scope, class);
    for (uint32_t i = class->band_count; i < BANDS_AT_ONCE; i++)
        class->chord2_max[i] = CHORD2_ANY;
}

static inline uint32_t class_minutes(const struct leaving *class, double chord2)
{
    const double *most = class->chord2_max;
    /* Which one it is cannot be foreseen, so it is counted. */
    uint32_t band = (uint32_t)(chord2 > most[0]) + (chord2 > most[1]) + (chord2 > most[2]);
    for (uint32_t i = 3; i + 1 < class->band_count; i++)
        band += chord2 > most[i];
    return class->minutes[band];
}

/* As it is for the question. */
static inline const struct leaving *class_get(const struct scope *scope, struct leavings *leavings, uint16_t class)
{
    struct leaving *of = &leavings->classes[class];
    if (of->stamp != scope->engine->screen->stamp)
        bands_make(scope, of);
    return of;
}

/* The square of the chord; CHORD2_UNKNOWN also when x is not a number. */
static inline double chord2_of(double x, double y, double z, struct unit end)
{
    double dx = x - end.x;
    double dy = y - end.y;
    double dz = z - end.z;
    double chord2 = dx * dx + dy * dy + dz * dz;
    return chord2 < CHORD2_UNKNOWN ? chord2 : CHORD2_UNKNOWN;
}

/* So many that the compiler makes vectors of them. */
static void chords_make_row(const double *restrict x, const double *restrict y, const double *restrict z,
                            struct unit end, double *restrict out)
{
    for (uint32_t i = 0; i < ROW; i++)
        out[i] = chord2_of(x[i], y[i], z[i], end);
}

static double node_chord2(const struct scope *scope, uint16_t node)
{
    const struct screen *screen = scope->engine->screen;
    if (!scope->engine->has_point)
        return CHORD2_UNKNOWN;
    return chord2_of(screen->x[node], screen->y[node], screen->z[node], scope->end);
}

/* Of the nodes of a block, all of which are less than BLOCK_SPAN after the first: by node less the first. */
static void chords_make(const struct scope *scope, const uint16_t *nodes, uint32_t count, double *out)
{
    const struct screen *screen = scope->engine->screen;
    uint32_t first = nodes[0];
    uint32_t span = nodes[count - 1] - first + 1;
    bool is_dense = scope->engine->has_point && count >= span / 4;
    for (uint32_t i = 0; is_dense && i < span; i += ROW)
        chords_make_row(&screen->x[first + i], &screen->y[first + i], &screen->z[first + i], scope->end, &out[i]);
    for (uint32_t i = 0; !is_dense && i < count; i++)
        out[nodes[i] - first] = node_chord2(scope, nodes[i]);
}

/* ---- Nodes that may have everything ----------------------------------------------------------- */

static void full_find(struct oh_promise_engine *engine)
{
    const struct oh_ledger *ledger = engine->ledger;
    struct screen *screen = engine->screen;
    const struct item *first = &ledger->items[engine->lines[0].item];
    const uint16_t *first_nodes = item_node_list(ledger, first);
    screen->full = first_nodes;
    screen->full_count = first->node_count;
    if (engine->line_count == 1)
        return;
    memset(screen->marks, 0, ledger->node_count * sizeof(screen->marks[0]));
    for (uint32_t j = 1; j < engine->line_count; j++) {
        const struct item *item = &ledger->items[engine->lines[j].item];
        const uint16_t *nodes = item_node_list(ledger, item);
        for (uint32_t i = 0; i < item->node_count; i++)
            screen->marks[nodes[i]]++;
    }
    screen->full = screen->full_nodes;
    screen->full_count = 0;
    for (uint32_t i = 0; i < first->node_count; i++) {
        if (screen->marks[first_nodes[i]] == engine->line_count - 1)
            screen->full_nodes[screen->full_count++] = first_nodes[i];
    }
}

static uint64_t few_key(enum order order, uint32_t minutes, double chord2)
{
    float chord = (float)chord2;
    uint32_t bits; /* of a number that is not negative: they are in its order */
    memcpy(&bits, &chord, sizeof(bits));
    switch (order) {
    case ORDER_NONE:
    case ORDER_DATE: return (uint64_t)minutes << 32;
    case ORDER_DATE_DISTANCE: return (uint64_t)minutes << 32 | bits;
    case ORDER_DISTANCE: return (uint64_t)bits << 32 | minutes;
    }
    OH_UNREACHABLE();
}

static double key_chord2(uint32_t bits)
{
    float chord2;
    memcpy(&chord2, &bits, sizeof(chord2));
    return (double)chord2;
}

static void few_insert(struct screen *screen, uint32_t most, struct few one)
{
    uint32_t at = screen->few_count < most ? screen->few_count++ : most - 1;
    for (; at > 0 && screen->few[at - 1].key > one.key; at--)
        screen->few[at] = screen->few[at - 1];
    screen->few[at] = one;
}

struct choosing {
    const struct scope *scope;
    struct leavings *leavings;
    enum order order;
    uint32_t most;
    uint64_t limit; /* what has a key so great is not one of the first */
};

static void few_consider(struct choosing *choosing, uint16_t node, uint64_t key)
{
    struct screen *screen = choosing->scope->engine->screen;
    if (key >= choosing->limit || !node_is_open(choosing->scope->engine, node))
        return;
    few_insert(screen, choosing->most, (struct few){ key, node });
    if (screen->few_count < choosing->most)
        return;
    choosing->limit = screen->few[choosing->most - 1].key;
    screen->limit_stamp++;
}

/* The bands that are sooner than the limit, and of those that are as soon what is nearer. */
static void class_limit(struct choosing *choosing, struct leaving *class)
{
    uint32_t high = (uint32_t)(choosing->limit >> 32);
    uint32_t low = (uint32_t)choosing->limit;
    bool is_by_date = choosing->order != ORDER_DISTANCE;
    double near = choosing->limit == KEY_NEVER ? CHORD2_ANY : key_chord2(is_by_date ? low : high);
    if (choosing->order == ORDER_DATE)
        near = 0; /* of two that are as soon the first is chosen */
    class->limit_stamp = choosing->scope->engine->screen->limit_stamp;
    class->chord2_limit = 0;
    for (uint32_t i = 0; i < class->band_count; i++) {
        bool is_sooner = is_by_date ? class->minutes[i] < high : false;
        bool is_equal = is_by_date ? class->minutes[i] == high : true;
        if (class->minutes[i] == MINUTES_NEVER || !(is_sooner || is_equal))
            continue;
        double limit = is_sooner || class->chord2_max[i] < near ? class->chord2_max[i] : near;
        class->chord2_limit = limit > class->chord2_limit ? limit : class->chord2_limit;
    }
}

static void few_choose_block(struct choosing *choosing, const uint16_t *nodes, uint32_t count)
{
    const struct screen *screen = choosing->scope->engine->screen;
    struct leavings *leavings = choosing->leavings;
    double chords[BLOCK_SPAN];
    chords_make(choosing->scope, nodes, count, chords);
    for (uint32_t i = 0; i < count; i++) {
        double chord2 = chords[nodes[i] - nodes[0]];
        uint16_t number = leavings->class_of[nodes[i]];
        if (number == CLASS_NONE)
            continue;
        struct leaving *class = &leavings->classes[number];
        if (class->limit_stamp != screen->limit_stamp) {
            if (class->stamp != screen->stamp)
                bands_make(choosing->scope, class);
            class_limit(choosing, class);
        }
        if (chord2 > class->chord2_limit)
            continue;
        uint32_t minutes = class_minutes(class, chord2);
        if (minutes != MINUTES_NEVER)
            few_consider(choosing, nodes[i], few_key(choosing->order, minutes, chord2));
    }
}

static void keys_make(const struct scope *scope, struct leavings *leavings, enum order order)
{
    for (uint32_t i = 0; i < scope->engine->ledger->node_count; i++) {
        uint16_t node = (uint16_t)i;
        uint16_t class = leavings->class_of[node];
        leavings->keys[node] = KEY_NEVER;
        if (class == CLASS_NONE)
            continue;
        double chord2 = node_chord2(scope, node);
        uint32_t minutes = class_minutes(class_get(scope, leavings, class), chord2);
        if (minutes != MINUTES_NEVER)
            leavings->keys[node] = few_key(order, minutes, chord2);
    }
}

/* Whether the keys are those of the question. */
static bool keys_obtain(const struct scope *scope, struct leavings *leavings, enum order order)
{
    const struct oh_promise_engine *engine = scope->engine;
    struct asked asked = { .ordered_us = engine->ordered_us, .until_us = scope->until_us, .order = order,
                           .has_point = engine->has_point };
    if (engine->has_point) {
        asked.latitude = engine->point.latitude;
        asked.longitude = engine->point.longitude;
    }
    if (engine->country.size > sizeof(asked.country) || engine->postal_code.size > sizeof(asked.postal_code))
        return false;
    if (engine->country.size > 0)
        memcpy(asked.country, engine->country.data, engine->country.size);
    if (engine->postal_code.size > 0)
        memcpy(asked.postal_code, engine->postal_code.data, engine->postal_code.size);
    if (leavings->asked_count == 0 || memcmp(&asked, &leavings->asked, sizeof(asked)) != 0) {
        leavings->asked = asked;
        leavings->asked_count = 1;
        return false;
    }
    if (leavings->asked_count == 1)
        keys_make(scope, leavings, order);
    leavings->asked_count = 2;
    return true;
}

/* How many of the nodes from there on are a block. */
static uint32_t block_count(const uint16_t *nodes, uint32_t count, uint32_t from)
{
    uint32_t most = count - from < BLOCK_SPAN ? count - from : BLOCK_SPAN;
    while (nodes[from + most - 1] - nodes[from] >= (int)BLOCK_SPAN)
        most = (most + 1) / 2;
    return most;
}

/* The first so many by key, then by node. */
static void few_choose(const struct scope *scope, struct leavings *leavings, enum order order, uint32_t most)
{
    struct screen *screen = scope->engine->screen;
    struct choosing choosing = { scope, leavings, order, most, KEY_NEVER };
    screen->few_count = 0;
    screen->limit_stamp++;
    if (screen->has_keys) {
        for (uint32_t i = 0; i < screen->full_count; i++) {
            if (leavings->keys[screen->full[i]] < choosing.limit)
                few_consider(&choosing, screen->full[i], leavings->keys[screen->full[i]]);
        }
        return;
    }
    for (uint32_t i = 0; i < screen->full_count;) {
        uint32_t count = block_count(screen->full, screen->full_count, i);
        few_choose_block(&choosing, &screen->full[i], count);
        i += count;
    }
}

/* ---- Whether the plan of a few is the best of all --------------------------------------------- */

static enum order order_of(const struct oh_objective *objective)
{
    enum order order = ORDER_NONE;
    const uint32_t same = 1u << OH_TERM_COMPLETE | 1u << OH_TERM_PARCELS | 1u << OH_TERM_COST;
    for (uint32_t i = 0; i < objective->level_count; i++) {
        uint32_t terms = 0;
        for (uint32_t term = 0; term < OH_TERM_COUNT; term++)
            terms |= (objective->weights[i][term] != 0 ? 1u : 0u) << term;
        if ((terms & ~same) == 0)
            continue;
        if (order == ORDER_NONE && terms == 1u << OH_TERM_DATE)
            order = ORDER_DATE;
        else if (terms == 1u << OH_TERM_DISTANCE)
            return order == ORDER_NONE ? ORDER_DISTANCE : ORDER_DATE_DISTANCE;
        else
            return order;
    }
    return order;
}

/* Rounded down, and no more than that of a distance which is the same when it is kept in fewer bits. */
static int64_t distance_least_m(const struct scope *scope, uint32_t chord_bits)
{
    if (!scope->engine->has_point)
        return 0;
    return oh_max_i64(0, geo_metres(key_chord2(chord_bits) * (1 - 1e-6)) - 1);
}

/* What a node that was not chosen is at least, if it sends everything: it costs what the plan's does. */
static struct sourcing_terms rest_least(const struct scope *scope, const struct sourcing_plan *plan, enum order order,
                                        const struct few *first)
{
    struct sourcing_terms least = plan->terms;
    uint32_t high = (uint32_t)(first->key >> 32);
    uint32_t low = (uint32_t)first->key;
    least.at[OH_TERM_DATE] = order == ORDER_DISTANCE ? 0 : high;
    if (order == ORDER_DATE)
        least.at[OH_TERM_DISTANCE] = 0;
    else
        least.at[OH_TERM_DISTANCE] = distance_least_m(scope, order == ORDER_DISTANCE ? high : low);
    least.at[OH_TERM_PRIORITY] = 0;
    least.at[OH_TERM_BALANCE] = 0;
    return least;
}

/* How late what a node sends is at least; kept for the question. */
static uint32_t node_minutes(const struct scope *scope, struct leavings *leavings, uint16_t node)
{
    struct screen *screen = scope->engine->screen;
    uint16_t class = leavings->class_of[node];
    if (class == CLASS_NONE)
        return MINUTES_NEVER;
    if (screen->minutes_stamps[node] == screen->stamp)
        return screen->minutes[node];
    screen->minutes_stamps[node] = screen->stamp;
    screen->minutes[node] = class_minutes(class_get(scope, leavings, class), node_chord2(scope, node));
    return screen->minutes[node];
}

/* The least of all that any node may send of any line. */
static uint32_t minutes_least(const struct scope *scope, struct leavings *leavings)
{
    const struct oh_promise_engine *engine = scope->engine;
    uint32_t least = MINUTES_NEVER;
    for (uint32_t j = 0; j < engine->line_count; j++) {
        const struct item *item = &engine->ledger->items[engine->lines[j].item];
        const uint16_t *nodes = item_node_list(engine->ledger, item);
        for (uint32_t i = 0; i < item->node_count; i++) {
            uint32_t minutes = node_minutes(scope, leavings, nodes[i]);
            least = minutes < least && node_is_open(engine, nodes[i]) ? minutes : least;
        }
    }
    return least;
}

/* A plan of so many parcels at least, none of which is there sooner; it leaves out so much. */
static struct sourcing_terms bound_of(const struct scope *scope, int64_t parcels, int64_t minutes, int64_t left_out)
{
    struct sourcing_terms bound = { { 0 } };
    bound.at[OH_TERM_COMPLETE] = left_out;
    bound.at[OH_TERM_PARCELS] = parcels;
    bound.at[OH_TERM_DATE] = minutes;
    bound.at[OH_TERM_COST] = parcels * oh_max_i64(0, route_cost_milli(&scope->route, 0));
    return bound;
}

/* Whether the plan is better than any that is there no sooner: of so many nodes with everything, or of a part. */
static bool plan_beats(const struct scope *scope, const struct sourcing_plan *plan, int64_t parcels, int64_t minutes)
{
    const struct oh_sourcing *policy = scope->engine->policy;
    struct sourcing_terms all = bound_of(scope, parcels, minutes, 0);
    struct sourcing_terms part = bound_of(scope, 1, minutes, 1);
    bool may_split = policy->split_orders && scope->parcels_max > 1;
    return ((parcels > 1 && !may_split) || objective_is_less(&policy->objective, &plan->terms, &all)) &&
           (!policy->allow_partial || objective_is_less(&policy->objective, &plan->terms, &part));
}

static bool plan_is_single(const struct sourcing_plan *plan)
{
    for (uint32_t i = 1; i < plan->pick_count; i++) {
        if (plan->picks[i].candidate != plan->picks[0].candidate)
            return false;
    }
    return plan->is_found && plan->terms.at[OH_TERM_COMPLETE] == 0;
}

/* Nodes that cannot be told apart are met in their order, and those that were not chosen come later. */
static bool rest_cannot_win(const struct scope *scope, const struct sourcing_plan *plan, enum order order,
                            const struct few *first)
{
    const struct oh_objective *objective = &scope->engine->policy->objective;
    struct sourcing_terms least = rest_least(scope, plan, order, first);
    return objective_is_less(objective, &plan->terms, &least) ||
           (!scope->engine->has_point && !objective_is_less(objective, &least, &plan->terms));
}

/* ---- The search among them -------------------------------------------------------------------- */

static void few_sort_by_node(struct few *few, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct few one = few[i];
        uint32_t at = i;
        for (; at > 0 && few[at - 1].node > one.node; at--)
            few[at] = few[at - 1];
        few[at] = one;
    }
}

/* The best so far, if the search among all does not come to an end. */
static void found_keep(const struct scope *scope, const struct sourcing_plan *plan)
{
    const struct oh_promise_engine *engine = scope->engine;
    struct found *found = &engine->screen->found;
    const struct oh_objective *objective = &engine->policy->objective;
    if (!plan->is_found || (found->is_there && !objective_is_less(objective, &plan->terms, &found->terms)))
        return;
    *found = (struct found){ .is_there = true, .terms = plan->terms };
    for (uint32_t i = 0; i < plan->pick_count; i++) {
        uint16_t node = scope->offers->sites[engine->reaches[plan->picks[i].candidate].site].node;
        uint32_t at = 0;
        while (at < found->node_count && found->nodes[at] != node)
            at++;
        found->nodes[at] = node;
        found->node_count += at == found->node_count ? 1 : 0;
    }
}

static void offers_search(struct scope *scope, struct sourcing_plan *plan)
{
    offers_variants(scope->engine, scope->offers);
    scope->candidate_count = 0;
    candidates_add(scope);
    scope_search(scope, plan);
    found_keep(scope, plan);
}

static void few_search(struct scope *scope, uint32_t count, struct sourcing_plan *plan)
{
    struct oh_promise_engine *engine = scope->engine;
    struct screen *screen = engine->screen;
    few_sort_by_node(screen->few, count);
    offers_begin(scope->offers);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t site = offers_site(engine, scope->offers, screen->few[i].node, OH_KIND_SHIP);
        for (uint32_t j = 0; site != NO_SLOT && j < engine->line_count; j++)
            offers_site_line(engine, scope->offers, site, j);
    }
    offers_search(scope, plan);
}

enum end { END_PROVEN, END_OTHERS, END_NONE };

/* One node that sends everything. END_NONE: that is not the best; END_OTHERS: there is one, maybe not the best. */
static enum end few_suffice(struct scope *scope, struct leavings *leavings, enum order order,
                            struct sourcing_plan *plan)
{
    struct screen *screen = scope->engine->screen;
    bool may_be_more = true;
    for (uint32_t most = FEW_FIRST; may_be_more && most <= FEW_MAX; most *= FEW_TIMES) {
        few_choose(scope, leavings, order, most + 1);
        may_be_more = screen->few_count > most;
        const struct few rest = screen->few[most];
        few_search(scope, may_be_more ? most : screen->few_count, plan);
        if (plan->is_bounded)
            return END_OTHERS;
        if (!plan_is_single(plan) || (may_be_more && !rest_cannot_win(scope, plan, order, &rest)))
            continue;
        return plan_beats(scope, plan, 2, 0) || plan_beats(scope, plan, 2, minutes_least(scope, leavings))
                   ? END_PROVEN
                   : END_OTHERS;
    }
    return may_be_more || plan_is_single(plan) ? END_OTHERS : END_NONE;
}

/* Nodes that may have some of it, and by then. */
static void early_search(struct scope *scope, struct leavings *leavings, uint32_t minutes_max,
                         struct sourcing_plan *plan)
{
    struct oh_promise_engine *engine = scope->engine;
    struct screen *screen = engine->screen;
    screen->site_stamp++;
    offers_begin(scope->offers);
    for (uint32_t j = 0; j < engine->line_count; j++) {
        const struct item *item = &engine->ledger->items[engine->lines[j].item];
        const uint16_t *nodes = item_node_list(engine->ledger, item);
        for (uint32_t i = 0; i < item->node_count; i++) {
            uint16_t node = nodes[i];
            if (node_minutes(scope, leavings, node) > minutes_max || !node_is_open(engine, node))
                continue;
            if (screen->site_stamps[node] != screen->site_stamp)
                screen->sites[node] = offers_site(engine, scope->offers, node, OH_KIND_SHIP);
            screen->site_stamps[node] = screen->site_stamp;
            if (screen->sites[node] != NO_SLOT)
                offers_site_line(engine, scope->offers, screen->sites[node], j);
        }
    }
    offers_search(scope, plan);
}

/* All that is there soonest, from as many nodes as it takes; then all that is there no later than that. */
static bool early_suffice(struct scope *scope, struct leavings *leavings, bool has_single, struct sourcing_plan *plan)
{
    int64_t minutes_max = minutes_least(scope, leavings);
    for (uint32_t tries = 0; tries < EARLY_TRIES && minutes_max < MINUTES_NEVER; tries++) {
        early_search(scope, leavings, (uint32_t)minutes_max, plan);
        if (!plan->is_found || plan->is_bounded || plan->terms.at[OH_TERM_COMPLETE] != 0)
            return false;
        if (plan_beats(scope, plan, has_single ? 1 : 2, minutes_max + 1))
            return true;
        if (plan->terms.at[OH_TERM_DATE] <= minutes_max)
            return false;
        minutes_max = oh_min_i64(plan->terms.at[OH_TERM_DATE], MINUTES_NEVER - 1);
    }
    return false;
}

static bool scope_can_be_screened(const struct scope *scope)
{
    const struct oh_promise_engine *engine = scope->engine;
    if (engine->request->at_us != OH_TIME_US_NONE || scope->region.size > 0 || scope->slot_after > 0 ||
        (engine->ledger->rule_mask & OH_RULE_BACKORDER_LIMIT) != 0)
        return false;
    for (uint32_t j = 0; j < engine->line_count; j++) {
        if (!engine->fits[j])
            return false;
    }
    return true;
}

void screen_recall(struct scope *scope, struct sourcing_plan *plan)
{
    struct oh_promise_engine *engine = scope->engine;
    const struct found *found = &engine->screen->found;
    bool is_better = found->is_there && (!plan->is_found ||
                                         objective_is_less(&engine->policy->objective, &found->terms, &plan->terms));
    if (!plan->is_bounded || !is_better)
        return;
    scope->offers = &engine->screened;
    if (engine->steps_left < STEPS_RECALL)
        engine->steps_left = STEPS_RECALL;
    offers_begin(scope->offers);
    for (uint32_t i = 0; i < found->node_count; i++) {
        uint32_t site = offers_site(engine, scope->offers, found->nodes[i], OH_KIND_SHIP);
        for (uint32_t j = 0; site != NO_SLOT && j < engine->line_count; j++) {
            if (position_find(engine->ledger, engine->lines[j].item, found->nodes[i]) != NO_SLOT)
                offers_site_line(engine, scope->offers, site, j);
        }
    }
    offers_search(scope, plan);
    plan->is_bounded = true;
}

bool screen_search(struct scope *scope, struct sourcing_plan *out_plan)
{
    struct oh_promise_engine *engine = scope->engine;
    enum order order = order_of(&engine->policy->objective);
    engine->screen->found.is_there = false;
    if (order == ORDER_NONE || !scope_can_be_screened(scope))
        return false;
    places_make(engine);
    struct leavings *leavings = leavings_obtain(engine, scope->service);
    if (leavings->is_too_many)
        return false;
    if (!engine->has_full) {
        full_find(engine);
        engine->has_full = true;
    }
    const struct scope before = *scope;
    engine->screen->stamp++;
    engine->screen->has_keys = keys_obtain(scope, leavings, order);
    scope->offers = &engine->screened;
    uint32_t steps_kept = engine->steps_left / 2; /* for a search among all */
    engine->steps_left -= steps_kept;
    enum end end = few_suffice(scope, leavings, order, out_plan);
    if (end != END_PROVEN && order != ORDER_DISTANCE && engine->line_count > 1 &&
        early_suffice(scope, leavings, end != END_NONE, out_plan))
        end = END_PROVEN;
    engine->steps_left += steps_kept;
    if (end != END_PROVEN)
        *scope = before;
    return end == END_PROVEN;
}
