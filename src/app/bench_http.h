/*
 * bench_http.h - `onhand bench`: load over HTTP from one thread, measured
 * honestly.
 *
 * With a rate, send times are fixed in advance and latency counts from the
 * moment a request should have been sent, so a server that stalls cannot hide
 * it by slowing the client down (no coordinated omission). Without a rate,
 * each connection sends as soon as it may.
 */
#ifndef ONHAND_APP_BENCH_HTTP_H
#define ONHAND_APP_BENCH_HTTP_H

#include <stdint.h>

#define OH_BENCH_CONNECTIONS_MAX 4096u
#define OH_BENCH_PIPELINE_MAX    64u
#define OH_BENCH_DRAIN_NS        5000000000ull /* after the end, how long answers are waited for */
#define OH_BENCH_RECONNECTS_MAX  100u          /* broken connections of one run; then it gives up */

/* When request `index` of an open loop is due, in ns after the start. rate_per_s >= 1. It does not drift. */
uint64_t oh_bench_due_ns(uint64_t index, uint64_t rate_per_s);

#endif
