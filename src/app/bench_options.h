/*
 * bench_options.h - what `onhand bench` was asked for on its command line.
 *
 * Plain values; texts are those of the command line, borrowed for as long as it lives.
 */
#ifndef ONHAND_APP_BENCH_OPTIONS_H
#define ONHAND_APP_BENCH_OPTIONS_H

#include "app/client.h"
#include <stdbool.h>
#include <stdint.h>

#define OH_BENCH_CONNECTIONS_MAX 4096u
#define OH_BENCH_PIPELINE_MAX    64u
#define OH_BENCH_LINES_MAX       1000u

/* X(name, number, text) */
#define OH_BENCH_MODES(X)                                     \
    X(OH_BENCH_MODE_AVAILABLE, 0, "available")                \
    X(OH_BENCH_MODE_AVAILABLE_GROUP, 1, "availability-group") \
    X(OH_BENCH_MODE_RESERVE, 2, "reserve")                    \
    X(OH_BENCH_MODE_RESERVE_BATCH, 3, "reserve-batch")        \
    X(OH_BENCH_MODE_MIXED, 4, "mixed")                        \
    X(OH_BENCH_MODE_PROMISE, 5, "promise")                    \
    X(OH_BENCH_MODE_AVAILABILITY_BATCH, 6, "availability-batch")

enum oh_bench_mode {
#define OH_BENCH_MODE_ENUM(name, number, text) name = (number),
    OH_BENCH_MODES(OH_BENCH_MODE_ENUM)
#undef OH_BENCH_MODE_ENUM
};

struct oh_bench_options {
    struct oh_url url;
    const char *items_path;
    const char *stock_path;
    const char *nodes;
    const char *places;
    const char *channel;
    const char *group;
    const char *kind;
    enum oh_bench_mode mode;
    uint64_t connections;
    uint64_t seconds;
    uint64_t warmup_seconds;
    uint64_t rate_per_s; /* 0: closed loop */
    uint64_t pipeline;
    uint64_t ttl_seconds;
    uint64_t batch_count;
    uint64_t batch_nodes;
    uint64_t lines;
    uint64_t read_percent;
    uint64_t seed;
    bool cycles;
    bool is_json;
};

/*
 * oh_bench_options_parse - the command line of `onhand bench`.
 *
 * Post: -1 and all of *out_options set; or the exit code to end with, after the help or a sentence on standard error.
 */
int oh_bench_options_parse(int argc, char **argv, struct oh_bench_options *out_options);

const char *oh_bench_mode_text(enum oh_bench_mode mode);

#endif
