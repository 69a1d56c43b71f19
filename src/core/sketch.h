/*
 * sketch.h - quantiles of durations with a relative error of at most 1 %: a
 * DDSketch (Masson, Rim, Lee, VLDB 2019).
 *
 * A duration falls into a bucket whose ends are at most 101/99 apart; a sketch
 * counts what fell into each. The published index is a logarithm, which two
 * machines may round differently; here the ends are a table of integers made by
 * a recurrence, so that a journal means the same everywhere. What a sketch holds
 * depends only on what was added, not on the order, nor on how it was merged.
 * Plain values, no allocation. One thread.
 */
#ifndef ONHAND_CORE_SKETCH_H
#define ONHAND_CORE_SKETCH_H

#include <stdbool.h>
#include <stdint.h>

#define OH_SKETCH_SECONDS_MAX 31536000u /* 365 days */
#define OH_SKETCH_SCALE 747u            /* buckets there are, from 0 s to OH_SKETCH_SECONDS_MAX */
#define OH_SKETCH_BUCKETS_MAX 256u      /* kept apart by one sketch: the highest; what is lower is in the lowest */

/* ends_s[i]: the longest duration in bucket i. Constant once made. */
struct oh_sketch_scale { uint32_t ends_s[OH_SKETCH_SCALE]; };
void oh_sketch_scale_init(struct oh_sketch_scale *scale);

/* Shapes: seconds <= OH_SKETCH_SECONDS_MAX (asserted). */
uint32_t oh_sketch_bucket(const struct oh_sketch_scale *scale, uint32_t seconds);
/* The duration that is within 1 % of all in the bucket. */
uint32_t oh_sketch_bucket_seconds(const struct oh_sketch_scale *scale, uint32_t bucket);

/* Zeroed: empty. */
struct oh_sketch {
    uint32_t total;        /* durations, at most UINT32_MAX */
    uint32_t bucket_count; /* used below */
    uint16_t buckets[OH_SKETCH_BUCKETS_MAX]; /* ascending, of the scale */
    uint32_t counts[OH_SKETCH_BUCKETS_MAX];  /* > 0, of the bucket beside it */
};

/* Adds `count` durations of one bucket. False: the total would leave its range; unchanged. Cost: O(buckets). */
bool oh_sketch_add(struct oh_sketch *sketch, uint32_t bucket, uint32_t count);

/*
 * The shortest duration, within 1 %, that at least `percentile` of 100 of what was added do not exceed.
 *
 * Shapes:  total > 0, percentile in 1..100.  (asserted)
 * Post:    1 % holds while no more than OH_SKETCH_BUCKETS_MAX buckets were used; after that not for what is
 *          shorter than what the highest of them hold, of which it then says too much, never too little.
 */
uint32_t oh_sketch_quantile_s(const struct oh_sketch_scale *scale, const struct oh_sketch *sketch,
                              uint32_t percentile);

#endif
