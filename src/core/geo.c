/*
 * geo.c - places on the map: great-circle distance, and an index by height.
 *
 * A place is a point on the unit sphere, so the date line and the poles are
 * places like others. The index holds the nodes by z (the sine of latitude):
 * what is within an angle of a point lies within a band of z around it.
 */
#include "core/state.h"
#include <math.h>

#define EARTH_RADIUS_KM 6371.0088
#define RADIANS_PER_DEGREE 0.017453292519943295

struct unit geo_unit(struct oh_point point)
{
    double latitude = point.latitude * RADIANS_PER_DEGREE;
    double longitude = point.longitude * RADIANS_PER_DEGREE;
    double ring = cos(latitude);
    return (struct unit){ ring * cos(longitude), ring * sin(longitude), sin(latitude) };
}

bool point_is_valid(struct oh_point point)
{
    return point.latitude >= -90 && point.latitude <= 90 && point.longitude >= -180 && point.longitude <= 180;
}

void geo_place(struct node *node)
{
    struct unit unit = geo_unit(node->point);
    node->x = unit.x;
    node->y = unit.y;
    node->z = unit.z;
}

/* By the chord, which keeps its precision for places that are close. */
double geo_unit_distance_km(const struct node *node, struct unit unit)
{
    double dx = node->x - unit.x;
    double dy = node->y - unit.y;
    double dz = node->z - unit.z;
    double half_chord = sqrt(dx * dx + dy * dy + dz * dz) / 2;
    return 2 * EARTH_RADIUS_KM * asin(half_chord > 1 ? 1 : half_chord);
}

double geo_chord2(double distance_km)
{
    double angle = distance_km / (2 * EARTH_RADIUS_KM);
    double half_chord = angle >= 90 * RADIANS_PER_DEGREE ? 1 : sin(angle);
    return 4 * half_chord * half_chord;
}

int64_t geo_metres(double chord2)
{
    double half_chord = sqrt(chord2) / 2;
    return (int64_t)(2000 * EARTH_RADIUS_KM * asin(half_chord > 1 ? 1 : half_chord));
}

double geo_distance_km(const struct node *node, struct oh_point point)
{
    return geo_unit_distance_km(node, geo_unit(point));
}

bool geo_is_within(const struct node *node, const struct oh_near *near)
{
    if (!near->is_set)
        return true;
    return node->has_point && (near->radius_km <= 0 || geo_distance_km(node, near->point) <= near->radius_km);
}

/* The first place in the index whose z is not below. */
static uint32_t index_lower_bound(const struct oh_ledger *ledger, double z)
{
    uint32_t low = 0;
    uint32_t high = ledger->nodes_by_z_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (ledger->nodes[ledger->nodes_by_z[middle]].z < z)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void geo_index_insert(struct oh_ledger *ledger, uint16_t node)
{
    uint32_t at = index_lower_bound(ledger, ledger->nodes[node].z);
    memmove(&ledger->nodes_by_z[at + 1], &ledger->nodes_by_z[at],
            (ledger->nodes_by_z_count - at) * sizeof(*ledger->nodes_by_z));
    ledger->nodes_by_z[at] = node;
    ledger->nodes_by_z_count++;
}

void geo_index_remove(struct oh_ledger *ledger, uint16_t node)
{
    uint32_t at = index_lower_bound(ledger, ledger->nodes[node].z);
    while (ledger->nodes_by_z[at] != node)
        at++;
    ledger->nodes_by_z_count--;
    memmove(&ledger->nodes_by_z[at], &ledger->nodes_by_z[at + 1],
            (ledger->nodes_by_z_count - at) * sizeof(*ledger->nodes_by_z));
}

/* ---- Nodes around a point --------------------------------------------------------------------- */

struct scan {
    const struct oh_ledger *ledger;
    struct unit from;
    const double *radius_km;
    geo_look *look;
    void *ctx;
};

static void scan_look(const struct scan *scan, uint16_t node)
{
    double distance_km = geo_unit_distance_km(&scan->ledger->nodes[node], scan->from);
    if (distance_km <= *scan->radius_km)
        scan->look(scan->ctx, node, distance_km);
}

/* The least distance that a difference of z leaves possible: the difference of latitude. */
static bool z_is_within(const struct scan *scan, double z)
{
    double angle = fabs(asin(z) - asin(scan->from.z));
    return angle * EARTH_RADIUS_KM <= *scan->radius_km + 1e-6;
}

/* From the point's own height outwards, both ways, until neither can be near enough. */
static void scan_by_place(const struct scan *scan)
{
    const struct oh_ledger *ledger = scan->ledger;
    uint32_t up = index_lower_bound(ledger, scan->from.z);
    uint32_t down = up;
    bool up_is_open = true;
    bool down_is_open = true;
    while (up_is_open || down_is_open) {
        up_is_open = up_is_open && up < ledger->nodes_by_z_count &&
                     z_is_within(scan, ledger->nodes[ledger->nodes_by_z[up]].z);
        if (up_is_open)
            scan_look(scan, ledger->nodes_by_z[up++]);
        down_is_open = down_is_open && down > 0 &&
                       z_is_within(scan, ledger->nodes[ledger->nodes_by_z[down - 1]].z);
        if (down_is_open)
            scan_look(scan, ledger->nodes_by_z[--down]);
    }
}

void geo_scan(const struct oh_ledger *ledger, struct oh_point point, const double *radius_km, geo_look *look, void *ctx)
{
    scan_by_place(&(struct scan){ ledger, geo_unit(point), radius_km, look, ctx });
}

/* ---- Nearest with stock ----------------------------------------------------------------------- */

struct search {
    const struct oh_ledger *ledger;
    uint32_t item;
    struct oh_asker asker;
    int64_t least_milli;
    int64_t allowance_milli;
    int64_t now_us;
    struct unit from;
    double radius_km; /* shrinks to the farthest row once rows are full */
    struct oh_near_row *rows;
    uint32_t row_count;
    uint32_t row_max;
};

static bool row_is_before(const struct oh_near_row *row, double distance_km, uint16_t node)
{
    return row->distance_km < distance_km || (row->distance_km == distance_km && row->node.index < node);
}

static void search_look(void *ctx, uint16_t node, double distance_km)
{
    struct search *search = ctx;
    struct offer offer = offer_at_node(search->ledger, search->item, node, search->asker, search->now_us);
    int64_t free_milli = oh_min_i64(offer.free_milli, search->allowance_milli);
    if (free_milli < search->least_milli)
        return;
    uint32_t at = search->row_count;
    while (at > 0 && !row_is_before(&search->rows[at - 1], distance_km, node))
        at--;
    if (at == search->row_max)
        return;
    if (search->row_count < search->row_max)
        search->row_count++;
    memmove(&search->rows[at + 1], &search->rows[at], (search->row_count - 1 - at) * sizeof(*search->rows));
    search->rows[at] = (struct oh_near_row){ { node }, distance_km, free_milli };
    if (search->row_count == search->row_max)
        search->radius_km = search->rows[search->row_max - 1].distance_km;
}

/* When few nodes have the item, look at those. */
static void search_by_item(struct search *search)
{
    const struct item *item = &search->ledger->items[search->item];
    const uint16_t *nodes = item_node_list(search->ledger, item);
    for (uint32_t i = 0; i < item->node_count; i++) {
        const struct node *node = &search->ledger->nodes[nodes[i]];
        double distance_km = node->has_point ? geo_unit_distance_km(node, search->from) : INFINITY;
        if (node->has_point && distance_km <= search->radius_km)
            search_look(search, nodes[i], distance_km);
    }
}

uint32_t oh_available_near(const struct oh_ledger *ledger, struct oh_item_id item, const struct oh_near *near,
                           struct oh_asker asker, int64_t min_quantity_milli, int64_t now_us, uint32_t rows_max,
                           struct oh_near_row *out_rows)
{
    OH_ASSERT(item.index < ledger->item_count);
    OH_ASSERT(rows_max >= 1 && rows_max <= OH_NEAR_ROWS_MAX);
    struct search search = {
        .ledger = ledger,
        .item = item.index,
        .asker = asker,
        .least_milli = min_quantity_milli > 0 ? min_quantity_milli : 1,
        .now_us = now_us > ledger->time_us ? now_us : ledger->time_us,
        .from = geo_unit(near->point),
        .radius_km = near->radius_km > 0 ? near->radius_km : INFINITY,
        .rows = out_rows,
        .row_max = rows_max,
    };
    search.allowance_milli = channel_allowance(ledger, item.index, asker, search.now_us);
    if (ledger->items[item.index].node_count <= 256 || ledger->nodes_by_z_count == 0)
        search_by_item(&search);
    else
        geo_scan(ledger, near->point, &search.radius_km, search_look, &search);
    return search.row_count;
}
