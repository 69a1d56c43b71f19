/*
 * verify_fold.h - the positions as the plain sum of what was written down.
 *
 * What it is: a second, simpler reading of records, next to the ledger's own.
 * Effects of records are added, the objects of a ledger are taken away; where
 * something is left, the ledger is not the sum of its movements and claims.
 *
 * One thread. Memory: 64 bytes per position, twice that while it grows.
 */
#ifndef ONHAND_APP_VERIFY_FOLD_H
#define ONHAND_APP_VERIFY_FOLD_H

#include "onhand/effect.h"
#include "onhand/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum oh_fold_column {
    /* 0..OH_STATE_COUNT-1: the states of enum oh_state */
    OH_FOLD_HELD = OH_STATE_COUNT,
    OH_FOLD_CONFIRMED = OH_STATE_COUNT + 1,
    OH_FOLD_COLUMN_COUNT = OH_STATE_COUNT + 2,
};

/* One position. Sums wrap around, so that taking away finds every difference. */
struct oh_fold_row {
    uint64_t key; /* item and node, plus 1; 0: an empty slot */
    uint64_t sums_milli[OH_FOLD_COLUMN_COUNT];
};

struct oh_fold {
    struct oh_fold_row *rows;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
    bool is_failed; /* out of memory: the sums say nothing */
};

void oh_fold_init(struct oh_fold *fold);
void oh_fold_fini(struct oh_fold *fold);

/* Adds what an effect of a record, or an object of a snapshot, did to positions. */
void oh_fold_add(struct oh_fold *fold, const struct oh_effect *effect);

/* Takes an object away. */
void oh_fold_remove(struct oh_fold *fold, const struct oh_effect *object);

struct oh_fold_difference {
    uint32_t item;
    uint16_t node;
    unsigned column;    /* enum oh_fold_column, or a state */
    int64_t rest_milli; /* what is left: records minus ledger */
};

/* Writes at most `max` differences, in no stated order, returns how many there are. Cost: O(capacity). */
size_t oh_fold_differences(const struct oh_fold *fold, struct oh_fold_difference *out, size_t max);

/* "sellable", "held", ... */
const char *oh_fold_column_text(unsigned column);

#endif
