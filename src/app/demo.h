/*
 * demo.h - a demo network made by the program itself: places, catalogue and
 * opening stock of a French retailer that does not exist.
 *
 * The same seed gives the same bytes on every machine: integers only, no
 * clock, no locale. Called by `onhand demo` and by tests; one thread.
 */
#ifndef ONHAND_APP_DEMO_H
#define ONHAND_APP_DEMO_H

#include "onhand/error.h"
#include <stdint.h>

#define OH_DEMO_ITEM_COUNT   2000
#define OH_DEMO_SEED_DEFAULT 1
#define OH_DEMO_AS_OF        "2025-01-06T05:00:00Z" /* of the opening stock: long ago on any clock */
#define OH_DEMO_GTIN_SIZE    14                     /* 13 digits and a NUL */

/*
 * oh_demo_write - write the demo network as files in a folder.
 *
 * Shapes:  nodes.csv, items.csv, groups.csv, stock.csv (about 80,000 rows) and
 *          setup.ndjson (one {"path","body"} a line, to be PUT after the rest).
 * Post:    the folder exists; files of these names are replaced. After an
 *          error some of them may be incomplete.
 * Errors:  OH_E_IO, OH_E_NO_SPACE; diag names the file.
 */
enum oh_err oh_demo_write(const char *dir, uint64_t seed, struct oh_diag *diag) OH_MUST_CHECK;

/*
 * The GTIN-13 of an item, index in 0..OH_DEMO_ITEM_COUNT-1. It begins with 20,
 * a prefix that GS1 leaves to shops for their own use, so it is nobody's product.
 */
void oh_demo_gtin(uint32_t index, char out_gtin[OH_DEMO_GTIN_SIZE]);

#endif
