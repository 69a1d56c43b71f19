#include "core/sketch.h"
#include "base/assert.h"
#include <string.h>

void oh_sketch_scale_init(struct oh_sketch_scale *scale)
{
    uint32_t end_s = 0;
    for (uint32_t i = 0; i < OH_SKETCH_SCALE; i++) {
        scale->ends_s[i] = end_s;
        uint32_t wide_s = (uint32_t)((uint64_t)end_s * 101 / 99);
        end_s = wide_s > end_s ? wide_s : end_s + 1;
    }
    OH_ASSERT(scale->ends_s[OH_SKETCH_SCALE - 2] < OH_SKETCH_SECONDS_MAX);
    OH_ASSERT(scale->ends_s[OH_SKETCH_SCALE - 1] >= OH_SKETCH_SECONDS_MAX);
    scale->ends_s[OH_SKETCH_SCALE - 1] = OH_SKETCH_SECONDS_MAX;
}

uint32_t oh_sketch_bucket(const struct oh_sketch_scale *scale, uint32_t seconds)
{
    OH_ASSERT(seconds <= OH_SKETCH_SECONDS_MAX);
    uint32_t low = 0;
    uint32_t high = OH_SKETCH_SCALE - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (scale->ends_s[middle] < seconds)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* As far, relatively, from the shortest as from the longest: the harmonic mean of the two, to the nearest second. */
uint32_t oh_sketch_bucket_seconds(const struct oh_sketch_scale *scale, uint32_t bucket)
{
    OH_ASSERT(bucket < OH_SKETCH_SCALE);
    uint64_t longest = scale->ends_s[bucket];
    uint64_t shortest = bucket == 0 ? 0 : (uint64_t)scale->ends_s[bucket - 1] + 1;
    uint64_t sum = shortest + longest;
    return sum == 0 ? 0 : (uint32_t)((2 * shortest * longest + sum / 2) / sum);
}

/* Where the bucket is, or belongs. */
static uint32_t sketch_lower_bound(const struct oh_sketch *sketch, uint32_t bucket)
{
    uint32_t low = 0;
    uint32_t high = sketch->bucket_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (sketch->buckets[middle] < bucket)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void sketch_insert(struct oh_sketch *sketch, uint32_t at, uint32_t bucket)
{
    uint32_t behind = sketch->bucket_count - at;
    memmove(&sketch->buckets[at + 1], &sketch->buckets[at], behind * sizeof(sketch->buckets[0]));
    memmove(&sketch->counts[at + 1], &sketch->counts[at], behind * sizeof(sketch->counts[0]));
    sketch->buckets[at] = (uint16_t)bucket;
    sketch->counts[at] = 0;
    sketch->bucket_count++;
}

/* Full, and a bucket is to come in at `at` > 0: the lowest two of them all become one. */
static void sketch_collapse(struct oh_sketch *sketch, uint32_t at, uint32_t bucket)
{
    uint32_t low_count = sketch->counts[0];
    sketch->bucket_count--;
    memmove(&sketch->buckets[0], &sketch->buckets[1], sketch->bucket_count * sizeof(sketch->buckets[0]));
    memmove(&sketch->counts[0], &sketch->counts[1], sketch->bucket_count * sizeof(sketch->counts[0]));
    sketch_insert(sketch, at - 1, bucket);
    sketch->counts[0] += low_count;
}

bool oh_sketch_add(struct oh_sketch *sketch, uint32_t bucket, uint32_t count)
{
    OH_ASSERT(bucket < OH_SKETCH_SCALE);
    if (count > UINT32_MAX - sketch->total)
        return false;
    if (count == 0)
        return true;
    uint32_t at = sketch_lower_bound(sketch, bucket);
    bool is_there = at < sketch->bucket_count && sketch->buckets[at] == bucket;
    if (!is_there && sketch->bucket_count < OH_SKETCH_BUCKETS_MAX) {
        sketch_insert(sketch, at, bucket);
    } else if (!is_there && at > 0) {
        sketch_collapse(sketch, at, bucket);
        at--;
    } /* else, not there and lower than all: it falls into the lowest */
    sketch->counts[at] += count;
    sketch->total += count;
    return true;
}

uint32_t oh_sketch_quantile_s(const struct oh_sketch_scale *scale, const struct oh_sketch *sketch,
                              uint32_t percentile)
{
    OH_ASSERT(sketch->total > 0 && percentile >= 1 && percentile <= 100);
    uint64_t rank = ((uint64_t)sketch->total * percentile + 99) / 100; /* 1-based */
    uint64_t seen = 0;
    uint32_t i = 0;
    for (; i < sketch->bucket_count - 1; i++) {
        seen += sketch->counts[i];
        if (seen >= rank)
            break;
    }
    return oh_sketch_bucket_seconds(scale, sketch->buckets[i]);
}
