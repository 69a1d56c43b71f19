/*
 * metrics.h - the counters of the process, one field per row of metrics.def, and their Prometheus text.
 *
 * Thread: the loop thread. What other threads count is copied in by hooks.collect just before it is written.
 */
#ifndef ONHAND_SERVER_METRICS_H
#define ONHAND_SERVER_METRICS_H

#include "base/strbuf.h"
#include "server/close_reason.h"
#include "server/connection_state.h"
#include "server/router.h"
#include "server/service_metrics.h"
#include <stdint.h>

/* Upper bounds of the histogram buckets, in microseconds and as text in seconds; one more bucket takes the rest. */
#define OH_METRIC_BUCKETS(X)                                                                        \
    X(10, "0.00001") X(25, "0.000025") X(50, "0.00005") X(100, "0.0001") X(250, "0.00025")          \
    X(500, "0.0005") X(1000, "0.001") X(2500, "0.0025") X(5000, "0.005") X(10000, "0.01")           \
    X(25000, "0.025") X(50000, "0.05") X(100000, "0.1") X(250000, "0.25") X(500000, "0.5")          \
    X(1000000, "1") X(2500000, "2.5") X(10000000, "10")
#define OH_METRIC_BUCKET_COUNT 19

struct oh_metric_histogram {
    uint64_t counts[OH_METRIC_BUCKET_COUNT]; /* not cumulative */
    uint64_t sum_us;
};

/* Counts `count` values of `value_us` (negative ones as 0). */
void oh_metric_record(struct oh_metric_histogram *histogram, int64_t value_us, uint64_t count);

/* The label of a route class; NULL past the end. */
const char *oh_route_class_name(size_t route_class);

#define OH_METRIC_TYPE_COUNTER uint64_t
#define OH_METRIC_TYPE_GAUGE int64_t
#define OH_METRIC_TYPE_HISTOGRAM struct oh_metric_histogram

struct oh_metrics {
#define OH_METRIC(kind, name, unit, help) OH_METRIC_TYPE_##kind name;
#define OH_METRIC_BY(kind, name, label, count, label_text, unit, help) OH_METRIC_TYPE_##kind name[count];
#define OH_METRIC_TEXT(kind, name, labels, unit, help)
#include "server/metrics.def"
#undef OH_METRIC
#undef OH_METRIC_BY
#undef OH_METRIC_TEXT
};

/* Every row with a field, in the text format 0.0.4. */
void oh_metrics_write(const struct oh_metrics *metrics, struct oh_strbuf *out);

/* The two comment lines of a metric kept elsewhere (OH_METRIC_TEXT); name without "onhand_" (asserted known). */
void oh_metrics_write_head(const char *name, struct oh_strbuf *out);

/* docs/METRICS.md, whole. */
void oh_metrics_write_document(struct oh_strbuf *out);

#endif
