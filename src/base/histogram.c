#include "base/histogram.h"
#include "base/assert.h"
#include <stdlib.h>
#include <string.h>

/*
 * Values below 2^11 have a bucket each. Above, each doubling of the value is
 * cut into 2^10 buckets, so a bucket is never wider than 1/1024 of its value.
 */
#define LINEAR_BITS  11u
#define LINEAR_COUNT (1u << LINEAR_BITS)
#define HALF_COUNT   (LINEAR_COUNT / 2)
#define VALUE_BITS   42u /* 2^42 ns is 73 minutes */
#define BUCKET_COUNT (LINEAR_COUNT + (VALUE_BITS - LINEAR_BITS) * HALF_COUNT)

#define PARTS_ALL 1000000u

_Static_assert(OH_HISTOGRAM_VALUE_MAX < (UINT64_C(1) << VALUE_BITS), "the largest value has a bucket");

struct oh_histogram {
    uint64_t count;
    uint64_t min;
    uint64_t max;
    uint64_t sum;
    uint64_t buckets[BUCKET_COUNT];
};

static size_t bucket_of(uint64_t value)
{
    if (value < LINEAR_COUNT)
        return (size_t)value;
    unsigned shift = 64 - (unsigned)__builtin_clzll(value) - LINEAR_BITS;
    uint64_t top = value >> shift; /* in HALF_COUNT*2 .. LINEAR_COUNT-1, the highest bit set */
    return LINEAR_COUNT + (size_t)(shift - 1) * HALF_COUNT + (size_t)(top - HALF_COUNT);
}

static uint64_t bucket_value_max(size_t bucket)
{
    if (bucket < LINEAR_COUNT)
        return bucket;
    size_t above = bucket - LINEAR_COUNT;
    unsigned shift = (unsigned)(above / HALF_COUNT) + 1;
    uint64_t top = HALF_COUNT + above % HALF_COUNT;
    return ((top + 1) << shift) - 1;
}

enum oh_err oh_histogram_create(struct oh_histogram **out_histogram)
{
    struct oh_histogram *histogram = calloc(1, sizeof(*histogram));
    if (histogram == NULL)
        return OH_E_NOMEM;
    *out_histogram = histogram;
    return OH_OK;
}

void oh_histogram_destroy(struct oh_histogram **histogram)
{
    free(*histogram);
    *histogram = NULL;
}

void oh_histogram_clear(struct oh_histogram *histogram)
{
    memset(histogram, 0, sizeof(*histogram));
}

void oh_histogram_record(struct oh_histogram *histogram, uint64_t value)
{
    if (value > OH_HISTOGRAM_VALUE_MAX)
        value = OH_HISTOGRAM_VALUE_MAX;
    if (histogram->count == 0 || value < histogram->min)
        histogram->min = value;
    if (value > histogram->max)
        histogram->max = value;
    histogram->count++;
    histogram->sum += value;
    histogram->buckets[bucket_of(value)]++;
}

void oh_histogram_merge(struct oh_histogram *into, const struct oh_histogram *from)
{
    if (from->count == 0)
        return;
    if (into->count == 0 || from->min < into->min)
        into->min = from->min;
    if (from->max > into->max)
        into->max = from->max;
    into->count += from->count;
    into->sum += from->sum;
    for (size_t i = 0; i < BUCKET_COUNT; i++)
        into->buckets[i] += from->buckets[i];
}

uint64_t oh_histogram_count(const struct oh_histogram *histogram)
{
    return histogram->count;
}

uint64_t oh_histogram_min(const struct oh_histogram *histogram)
{
    return histogram->min;
}

uint64_t oh_histogram_max(const struct oh_histogram *histogram)
{
    return histogram->max;
}

uint64_t oh_histogram_mean(const struct oh_histogram *histogram)
{
    return histogram->count == 0 ? 0 : histogram->sum / histogram->count;
}

/* count * parts_per_million / PARTS_ALL, rounded up, without the large product. */
static uint64_t rank_of(uint64_t count, uint32_t parts_per_million)
{
    uint64_t rest = count % PARTS_ALL * parts_per_million;
    return count / PARTS_ALL * parts_per_million + (rest + PARTS_ALL - 1) / PARTS_ALL;
}

uint64_t oh_histogram_percentile(const struct oh_histogram *histogram, uint32_t parts_per_million)
{
    OH_ASSERT(parts_per_million <= PARTS_ALL);
    if (histogram->count == 0)
        return 0;
    uint64_t rank = rank_of(histogram->count, parts_per_million);
    if (rank == 0)
        return histogram->min;
    uint64_t seen = 0;
    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        seen += histogram->buckets[i];
        if (seen >= rank) {
            uint64_t value = bucket_value_max(i);
            return value < histogram->max ? value : histogram->max;
        }
    }
    OH_UNREACHABLE();
}
