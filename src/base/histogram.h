/*
 * histogram.h - how often each value came, to three significant digits.
 *
 * Log-linear buckets as in HdrHistogram: a value is kept exactly below 2,048
 * and with an error below one in a thousand above. Fixed memory (264 KiB), no
 * allocation after create. One writer thread; not for concurrent use.
 */
#ifndef ONHAND_BASE_HISTOGRAM_H
#define ONHAND_BASE_HISTOGRAM_H

#include "onhand/error.h"
#include <stdint.h>

/* One hour in nanoseconds; larger values are counted as this one. */
#define OH_HISTOGRAM_VALUE_MAX UINT64_C(3600000000000)

struct oh_histogram;

/* Errors: OH_E_NOMEM. */
OH_MUST_CHECK enum oh_err oh_histogram_create(struct oh_histogram **out_histogram);
void oh_histogram_destroy(struct oh_histogram **histogram);
void oh_histogram_clear(struct oh_histogram *histogram);

void oh_histogram_record(struct oh_histogram *histogram, uint64_t value);

/* Adds all that `from` counted to `into`. */
void oh_histogram_merge(struct oh_histogram *into, const struct oh_histogram *from);

uint64_t oh_histogram_count(const struct oh_histogram *histogram);

/* 0 when nothing was recorded. */
uint64_t oh_histogram_min(const struct oh_histogram *histogram);
uint64_t oh_histogram_max(const struct oh_histogram *histogram);
/* Right while all values together are below 2^64: 584 years of nanoseconds. */
uint64_t oh_histogram_mean(const struct oh_histogram *histogram);

/*
 * oh_histogram_percentile - the value that `parts_per_million` of all values
 * do not exceed.
 *
 * Units:   parts per million: 500000 is the median, 999000 is p99.9. At most 1000000 (asserted).
 * Post:    0 when nothing was recorded; never above oh_histogram_max().
 * Cost:    O(buckets), about 20 us.
 */
uint64_t oh_histogram_percentile(const struct oh_histogram *histogram, uint32_t parts_per_million);

#endif
