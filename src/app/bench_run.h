/*
 * bench_run.h - one run of load over HTTP from one thread, measured honestly.
 *
 * With a rate, send times are fixed in advance and latency counts from the
 * moment a request should have been sent, so a server that stalls cannot hide
 * it by slowing the client down (no coordinated omission). Without a rate,
 * each connection sends as soon as it may.
 */
#ifndef ONHAND_APP_BENCH_RUN_H
#define ONHAND_APP_BENCH_RUN_H

#include "app/bench_options.h"
#include "app/bench_requests.h"
#include "base/histogram.h"
#include "base/prng.h"
#include "onhand/error.h"
#include <stdbool.h>
#include <stdint.h>

#define OH_BENCH_DRAIN_NS       5000000000ull /* after the end, how long answers are waited for */
#define OH_BENCH_RECONNECTS_MAX 100u          /* broken connections of one run; then it gives up */
#define OH_BENCH_STATUS_COUNT   600u

struct oh_bench_connection;

struct oh_bench_counts {
    uint64_t answered; /* inside the measured window */
    uint64_t statuses[OH_BENCH_STATUS_COUNT];
    uint64_t broken;     /* connections that ended or spoke nonsense */
    uint64_t unanswered; /* sent, or due to be sent, without an answer at the end */
};

/* Who asks for a run reads options, histograms, counts and client_cpu when it is over; the rest is the run's own. */
struct oh_bench_run {
    const struct oh_bench_options *options;
    const struct oh_bench_form *form;
    struct oh_diag *diag;
    struct oh_histogram *histograms[OH_BENCH_OP_COUNT]; /* latency in ns, of requests due inside the window */
    struct oh_bench_counts counts;
    double client_cpu; /* share of one core that the run itself took */
    struct oh_prng prng;
    struct oh_bench_connection *connections;
    int epoll_fd;
    uint32_t closed_count;    /* connections that are not open */
    uint32_t next_connection; /* round robin of the open loop */
    uint64_t next_id;
    uint64_t scheduled_count; /* requests of the open loop that were handed to a connection */
    uint64_t in_flight;
    uint64_t start_ns;
    uint64_t measure_ns;
    uint64_t end_ns;
};

/* When request `index` of an open loop is due, in ns after the start. rate_per_s >= 1. It does not drift. */
uint64_t oh_bench_due_ns(uint64_t index, uint64_t rate_per_s);

/*
 * oh_bench_run_init - memory for all connections; opens none.
 *
 * Errors: OH_E_NOMEM, with a sentence in *diag.
 * Owner:  borrows options, form and diag until oh_bench_run_fini().
 */
enum oh_err oh_bench_run_init(struct oh_bench_run *run, const struct oh_bench_options *options,
                              const struct oh_bench_form *form, struct oh_diag *diag) OH_MUST_CHECK;
void oh_bench_run_fini(struct oh_bench_run *run);

/* Sends, waits and counts until the time is over. False: it could not be gone through with, see *diag. Once. */
bool oh_bench_run_go(struct oh_bench_run *run);

#endif
