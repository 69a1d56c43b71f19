/*
 * demo_towns.h - the places of the demo network: 60 French towns with a
 * store each, and two warehouses.
 *
 * Towns and coordinates (WGS 84, four decimals, about 10 m) are real and come
 * from GeoNames, https://www.geonames.org, CC BY 4.0. Stores, warehouses and
 * sizes are made up. Constant data, any thread.
 */
#ifndef ONHAND_APP_DEMO_TOWNS_H
#define ONHAND_APP_DEMO_TOWNS_H

#include <stdbool.h>
#include <stddef.h>

#define OH_DEMO_STORE_COUNT     60
#define OH_DEMO_WAREHOUSE_COUNT 2
#define OH_DEMO_PLACE_COUNT     (OH_DEMO_STORE_COUNT + OH_DEMO_WAREHOUSE_COUNT)

/* Stores at or above this latitude are in the group `fr-north`, the others in `fr-south`. */
#define OH_DEMO_NORTH_LATITUDE 47.0

/* Coordinates are texts so that the files carry exactly these digits. */
struct oh_demo_place {
    const char *node;
    const char *name;
    const char *latitude;
    const char *longitude;
    int size; /* 1 (small town) .. 5 (Paris, Lyon, Marseille, Toulouse); warehouses 40 */
};

/* Warehouses first, then the stores in the order of their ids. */
extern const struct oh_demo_place oh_demo_places[OH_DEMO_PLACE_COUNT];

static inline bool oh_demo_place_is_warehouse(size_t index)
{
    return index < OH_DEMO_WAREHOUSE_COUNT;
}

#endif
