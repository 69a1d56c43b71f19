/*
 * promise_leavings.c - what leaves each node first by a service, kept in columns, and how late that is at least at a
 * destination (SO6).
 */
#include "core/promise_screen.h"
#include <math.h>

#define CHORD2_BLUR    1e-9 /* so near to the end of a band, relative to it, it is left open on which side */

/* ---- What is kept ----------------------------------------------------------------------------- */

void places_make(struct oh_promise_engine *engine)
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

struct leavings *leavings_obtain(struct oh_promise_engine *engine, uint32_t service)
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

void bands_make(const struct scope *scope, struct leaving *class)
{
    class->stamp = scope->engine->screen->stamp;
    class->band_count = 0;
    bands_collect(scope, class);
    for (uint32_t i = class->band_count; i < BANDS_AT_ONCE; i++)
        class->chord2_max[i] = CHORD2_ANY;
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

double node_chord2(const struct scope *scope, uint16_t node)
{
    const struct screen *screen = scope->engine->screen;
    if (!scope->engine->has_point)
        return CHORD2_UNKNOWN;
    return chord2_of(screen->x[node], screen->y[node], screen->z[node], scope->end);
}

void chords_make_span(const struct scope *scope, uint32_t first, double out[ROW])
{
    const struct screen *screen = scope->engine->screen;
    if (scope->engine->has_point)
        chords_make_row(&screen->x[first], &screen->y[first], &screen->z[first], scope->end, out);
    for (uint32_t i = 0; !scope->engine->has_point && i < ROW; i++)
        out[i] = CHORD2_UNKNOWN;
}

void chords_make(const struct scope *scope, const uint16_t *nodes, uint32_t count, double *out)
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

uint32_t node_minutes(const struct scope *scope, struct leavings *leavings, uint16_t node)
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
