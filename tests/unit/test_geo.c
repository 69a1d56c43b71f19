/*
 * test_geo.c - the nearest nodes with stock, on a map with many nodes, against looking at each of them.
 */
#include "base/prng.h"
#include "core/state.h"
#include "support/shop.h"
#include "support/test.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define NODES 900u /* more than an item may have to be looked up by its nodes */

static struct oh_point points[NODES];
static int64_t stocks[NODES];

/* By the haversine, which is not how the ledger measures. */
static double distance_km(struct oh_point a, struct oh_point b)
{
    const double radians = 0.017453292519943295;
    double rise = sin((b.latitude - a.latitude) * radians / 2);
    double turn = sin((b.longitude - a.longitude) * radians / 2);
    double haversine = rise * rise + cos(a.latitude * radians) * cos(b.latitude * radians) * turn * turn;
    return 2 * 6371.0088 * asin(sqrt(fmin(1, haversine)));
}

static struct oh_ledger_options large(void)
{
    struct oh_ledger_options options = SHOP_OPTIONS;
    options.history_max = 1024;
    return options;
}

static void map_make(struct shop *shop, struct oh_prng *prng)
{
    char name[16];
    shop_item(shop, "s");
    shop_channel(shop, "c", OH_POLICY_PRIORITY, "", "");
    for (uint32_t i = 0; i < NODES; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        points[i] = (struct oh_point){ (double)oh_prng_between(prng, -90000000, 90000000) / 1e6,
                                       (double)oh_prng_between(prng, -180000000, 180000000) / 1e6 };
        if (i % 10 == 3 && i > 10)
            points[i] = points[i - 10]; /* two at one place */
        stocks[i] = (int64_t)oh_prng_below(prng, 5);
        assert_int_equal(shop_node_at(shop, name, points[i].latitude, points[i].longitude), OH_OK_DONE);
        assert_int_equal(shop_adjust(shop, "s", name, (double)stocks[i] + 0.5), OH_OK_DONE);
    }
}

/* The same by looking at every node: those with enough, by distance, then by number. */
static uint32_t look_at_all(const struct oh_near *near, int64_t least, uint32_t rows_max, uint32_t *out)
{
    uint32_t count = 0;
    double last_km = -1;
    uint32_t last = 0;
    while (count < rows_max) {
        uint32_t best = NODES;
        double best_km = near->radius_km > 0 ? near->radius_km : 1e9;
        for (uint32_t i = 0; i < NODES; i++) {
            double km = distance_km(points[i], near->point);
            bool is_listed = km < last_km || (km <= last_km && i <= last && last_km >= 0);
            if (is_listed || stocks[i] * 1000 + 500 < least || km > best_km || (km >= best_km && best < NODES))
                continue;
            best = i;
            best_km = km;
        }
        if (best == NODES)
            return count;
        last = out[count++] = best;
        last_km = best_km;
    }
    return count;
}

static void test_geo_finds_what_looking_at_every_node_finds(void **state)
{
    (void)state;
    static struct oh_near_row rows[OH_NEAR_ROWS_MAX];
    static uint32_t wanted[OH_NEAR_ROWS_MAX];
    struct oh_ledger_options options = large();
    struct shop *shop = shop_open(&options);
    struct oh_prng prng;
    oh_prng_init(&prng, 7);
    map_make(shop, &prng);
    for (uint32_t round = 0; round < 200; round++) {
        struct oh_near near = { true, points[oh_prng_below(&prng, NODES)], 0 };
        near.point.latitude = fmin(90, fmax(-90, near.point.latitude + (double)oh_prng_below(&prng, 100) / 50 - 1));
        near.radius_km = round % 3 == 0 ? 0 : (double)oh_prng_below(&prng, 3000) + 1;
        int64_t least = (int64_t)oh_prng_below(&prng, 5) * 1000;
        uint32_t rows_max = 1 + (uint32_t)oh_prng_below(&prng, round % 2 == 0 ? 5 : OH_NEAR_ROWS_MAX);
        uint32_t count = oh_available_near(shop->ledger, shop_item_id(shop, "s"), &near,
                                           shop_asker(shop, "", OH_KIND_ANY), least, shop->now_us, rows_max, rows);
        assert_int_equal(count, look_at_all(&near, least > 0 ? least : 1, rows_max, wanted));
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(rows[i].node.index, wanted[i]);
            assert_int_equal(rows[i].available_milli, stocks[wanted[i]] * 1000 + 500);
            assert_true(fabs(rows[i].distance_km - distance_km(points[wanted[i]], near.point)) < 1e-3);
        }
    }
    shop_close(shop);
}

/* ---- Where a map has its edges ----------------------------------------------------------------- */

static uint64_t seed_of_run(void)
{
    const char *text = getenv("ONHAND_SEED");
    return text == NULL ? 1 : strtoull(text, NULL, 10);
}

static double degrees_between(struct oh_prng *prng, double low, double high)
{
    return low + (high - low) * (double)oh_prng_below(prng, 1000001) / 1e6;
}

/* At the date line, at either pole, on one of them exactly, or anywhere; on both sides of each. */
static struct oh_point edge_point(struct oh_prng *prng)
{
    double wide = oh_prng_below(prng, 2) == 0 ? 0.01 : 3;
    double sign = oh_prng_below(prng, 2) == 0 ? 1 : -1;
    switch (oh_prng_below(prng, 8)) {
    case 0:
        return (struct oh_point){ sign * 90, degrees_between(prng, -180, 180) };
    case 1:
        return (struct oh_point){ degrees_between(prng, -90, 90), sign * 180 };
    case 2:
    case 3:
        return (struct oh_point){ sign * degrees_between(prng, 90 - wide, 90), degrees_between(prng, -180, 180) };
    case 4:
        return (struct oh_point){ degrees_between(prng, -90, 90), degrees_between(prng, -180, 180) };
    default:
        return (struct oh_point){ degrees_between(prng, -wide, wide), sign * degrees_between(prng, 180 - wide, 180) };
    }
}

static void edge_map_make(struct shop *shop, struct oh_prng *prng)
{
    char name[16];
    shop_item(shop, "s");
    for (uint32_t i = 0; i < NODES; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        points[i] = edge_point(prng);
        stocks[i] = (int64_t)oh_prng_below(prng, 4);
        assert_int_equal(shop_node_at(shop, name, points[i].latitude, points[i].longitude), OH_OK_DONE);
        assert_int_equal(shop_adjust(shop, "s", name, (double)stocks[i] + 0.5), OH_OK_DONE);
    }
}

static int distance_compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

/* The distances of all that are near enough, nearest first. Two ways to measure differ by less than a metre. */
static uint32_t edge_distances(const struct oh_near *near, double distances[NODES])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < NODES; i++) {
        double km = distance_km(points[i], near->point);
        if (stocks[i] >= 1 && (near->radius_km <= 0 || km <= near->radius_km))
            distances[count++] = km;
    }
    qsort(distances, count, sizeof(distances[0]), distance_compare);
    return count;
}

static void edge_round(struct shop *shop, struct oh_prng *prng, uint32_t round)
{
    static struct oh_near_row rows[OH_NEAR_ROWS_MAX];
    static double distances[NODES];
    struct oh_near near = { true, edge_point(prng), 0 };
    near.radius_km = round % 2 == 0 ? 0 : (double)(1 + oh_prng_below(prng, round % 4 == 1 ? 5 : 2000)) + 0.000321;
    uint32_t rows_max = 1 + (uint32_t)oh_prng_below(prng, round % 3 == 0 ? OH_NEAR_ROWS_MAX : 8);
    uint32_t count = oh_available_near(shop->ledger, shop_item_id(shop, "s"), &near,
                                       shop_asker(shop, "", OH_KIND_ANY), 1000, shop->now_us, rows_max, rows);
    uint32_t wanted = edge_distances(&near, distances);
    if (count != (wanted < rows_max ? wanted : rows_max))
        fail_msg("seed %" PRIu64 ", round %u: %u nodes instead of %u", seed_of_run(), round, count, wanted);
    for (uint32_t i = 0; i < count; i++) {
        double own_km = distance_km(points[rows[i].node.index], near.point);
        if (fabs(rows[i].distance_km - distances[i]) > 1e-3 || fabs(rows[i].distance_km - own_km) > 1e-3)
            fail_msg("seed %" PRIu64 ", round %u, row %u: node %u at %.6f km, is at %.6f, the nearest at %.6f",
                     seed_of_run(), round, i, (unsigned)rows[i].node.index, rows[i].distance_km, own_km,
                     distances[i]);
    }
}

static void test_geo_is_right_at_the_date_line_and_at_the_poles(void **state)
{
    (void)state;
    struct oh_ledger_options options = large();
    struct oh_prng prng;
    oh_prng_init(&prng, seed_of_run());
    for (uint32_t map = 0; map < 4; map++) {
        struct shop *shop = shop_open(&options);
        edge_map_make(shop, &prng);
        for (uint32_t round = 0; round < 300; round++)
            edge_round(shop, &prng, round);
        shop_close(shop);
    }
}

/* A hold that ends later counts now, and not then: the question brings its time. */
static void test_geo_answers_for_the_time_it_is_asked_for(void **state)
{
    (void)state;
    struct oh_near_row row;
    struct shop *shop = shop_open(NULL);
    struct oh_near near = { true, { 48.0, 2.0 }, 10 };
    shop_item(shop, "s");
    shop_node_at(shop, "n", 48.0, 2.0);
    shop_node(shop, "no place");
    shop_adjust(shop, "s", "n", 1);
    shop_adjust(shop, "s", "no place", 1);
    shop_reserve_with(shop, (struct oh_reserve_command){ .ttl_us = SHOP_SECOND_US }, "R", "", "s=1@n");
    struct oh_asker nobody = shop_asker(shop, "", OH_KIND_ANY);
    struct oh_item_id item = shop_item_id(shop, "s");
    assert_int_equal(oh_available_near(shop->ledger, item, &near, nobody, 0, shop->now_us, 1, &row), 0);
    int64_t later_us = shop->now_us + SHOP_SECOND_US;
    assert_int_equal(oh_available_near(shop->ledger, item, &near, nobody, 0, later_us, 1, &row), 1);
    assert_int_equal(row.available_milli, 1000);
    assert_true(row.distance_km < 1e-6);
    shop_close(shop);
}

/* Nothing is on the map, and many nodes have the item. */
static void test_geo_is_empty_when_no_node_has_a_place(void **state)
{
    (void)state;
    struct oh_near_row row;
    char name[16];
    struct oh_ledger_options options = large();
    struct shop *shop = shop_open(&options);
    struct oh_near near = { true, { 0, 0 }, 0 };
    shop_item(shop, "s");
    for (uint32_t i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        shop_node(shop, name);
        shop_adjust(shop, "s", name, 1);
    }
    struct oh_asker nobody = shop_asker(shop, "", OH_KIND_ANY);
    struct oh_item_id item = shop_item_id(shop, "s");
    assert_int_equal(oh_available_near(shop->ledger, item, &near, nobody, 0, shop->now_us, 1, &row), 0);
    shop_node_at(shop, "n299", 10, 10); /* now one has */
    assert_int_equal(oh_available_near(shop->ledger, item, &near, nobody, 0, shop->now_us, 1, &row), 1);
    assert_int_equal(row.node.index, 299);
    shop_close(shop);
}

static void test_geo_knows_chords_and_distances_of_each_other(void **state)
{
    (void)state;
    for (int km = 1; km < 20000; km += 999) {
        int64_t metres = geo_metres(geo_chord2(km));
        assert_true(metres >= 1000 * (int64_t)km - 1 && metres <= 1000 * (int64_t)km);
    }
    assert_true(geo_chord2(20100) == 4.0); /* more than half the way around is no farther */
    assert_int_equal(geo_metres(4.5), geo_metres(4.0));
}

/* From one pole to the other, and between antipodes: half way around, and no further. */
static void test_geo_measures_the_longest_ways(void **state)
{
    (void)state;
    struct oh_near_row rows[3];
    struct shop *shop = shop_open(NULL);
    shop_item(shop, "s");
    shop_node_at(shop, "south", -90, 0);
    shop_node_at(shop, "anti", -50.31, -143.48); /* rounding puts these two more than a diameter apart */
    shop_node_at(shop, "here", 50.31, 36.52);
    shop_adjust(shop, "s", "south", 1);
    shop_adjust(shop, "s", "anti", 1);
    shop_adjust(shop, "s", "here", 1);
    struct oh_asker nobody = shop_asker(shop, "", OH_KIND_ANY);
    const struct oh_point from[] = { { 90, 0 }, { 50.31, 36.52 }, { 0, 0 } };
    for (size_t i = 0; i < 3; i++) {
        struct oh_near near = { true, from[i], 0 };
        assert_int_equal(oh_available_near(shop->ledger, shop_item_id(shop, "s"), &near, nobody, 0, shop->now_us, 3,
                                           rows), 3);
        assert_true(rows[2].distance_km <= 6371.0088 * 3.14159266 && rows[2].distance_km > 10000);
        assert_true(rows[0].distance_km <= rows[1].distance_km && rows[1].distance_km <= rows[2].distance_km);
    }
    shop_close(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_geo_finds_what_looking_at_every_node_finds),
        cmocka_unit_test(test_geo_answers_for_the_time_it_is_asked_for),
        cmocka_unit_test(test_geo_is_empty_when_no_node_has_a_place),
        cmocka_unit_test(test_geo_measures_the_longest_ways),
        cmocka_unit_test(test_geo_knows_chords_and_distances_of_each_other),
        cmocka_unit_test(test_geo_is_right_at_the_date_line_and_at_the_poles),
    };
    printf("seed %" PRIu64 " (ONHAND_SEED)\n", seed_of_run());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
