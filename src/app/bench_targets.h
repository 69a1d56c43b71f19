/*
 * bench_targets.h - what a benchmark asks for: items at nodes, from a stock
 * file, from lists, or as the server itself names them.
 *
 * One thread; filled once, then only read.
 */
#ifndef ONHAND_APP_BENCH_TARGETS_H
#define ONHAND_APP_BENCH_TARGETS_H

#include "app/client.h"
#include "base/prng.h"
#include "base/strbuf.h"
#include "onhand/bytes.h"
#include "onhand/error.h"
#include <stdint.h>

#define OH_BENCH_NAMES_MAX      1000000u /* items, nodes or pairs of one run; what comes after is left out */
#define OH_BENCH_NODES_TEXT_MAX 65536u

/* Names in one list. */
struct oh_bench_names {
    struct oh_strbuf text;    /* all names, one after the other */
    struct oh_strbuf offsets; /* uint32_t: where each begins */
    uint32_t count;
};

struct oh_bench_targets {
    struct oh_bench_names skus;
    struct oh_bench_names nodes;
    struct oh_bench_names places; /* "FR:69001"; those of promises */
    bool is_paired; /* skus and nodes have the same count: the i-th sku is at the i-th node */
};

void oh_bench_targets_init(struct oh_bench_targets *targets);
void oh_bench_targets_fini(struct oh_bench_targets *targets);

/* Errors: OH_E_FULL (OH_BENCH_NAMES_MAX), OH_E_NOMEM. Copies. */
enum oh_err oh_bench_names_add(struct oh_bench_names *names, struct oh_bytes name) OH_MUST_CHECK;
struct oh_bytes oh_bench_names_at(const struct oh_bench_names *names, uint32_t index);

/* Pairs of an item and a node with stock: the rows of a stock file whose quantity is above 0. */
enum oh_err oh_bench_targets_read_stock(struct oh_bench_targets *targets, const char *path,
                                        struct oh_diag *diag) OH_MUST_CHECK;

/* The items of an items file. */
enum oh_err oh_bench_targets_read_items(struct oh_bench_targets *targets, const char *path,
                                        struct oh_diag *diag) OH_MUST_CHECK;

/* "a,b,c" */
enum oh_err oh_bench_targets_split_nodes(struct oh_bench_targets *targets, const char *list,
                                         struct oh_diag *diag) OH_MUST_CHECK;

/* "FR:69001,GB:SW1A 1AA" */
enum oh_err oh_bench_targets_split_places(struct oh_bench_targets *targets, const char *list,
                                          struct oh_diag *diag) OH_MUST_CHECK;

/* Asks the server for what is still missing, page by page. */
enum oh_err oh_bench_targets_discover(struct oh_bench_targets *targets, struct oh_client *client,
                                      struct oh_diag *diag) OH_MUST_CHECK;

struct oh_bench_target {
    struct oh_bytes sku;
    struct oh_bytes node;
};

/* One at random. Both lists have a name at least (asserted). Lent by the targets. */
struct oh_bench_target oh_bench_targets_pick(const struct oh_bench_targets *targets, struct oh_prng *prng);

#endif
