#include "app/bench_report.h"

#include <inttypes.h>
#include <stdio.h>

struct bench_percentile {
    const char *name;
    uint32_t parts_per_million;
};

static const struct bench_percentile percentiles[] = {
    { "p50", 500000 }, { "p90", 900000 }, { "p99", 990000 }, { "p99.9", 999000 }, { "p99.99", 999900 },
};
#define BENCH_PERCENTILE_COUNT (sizeof percentiles / sizeof percentiles[0])

static double to_us(uint64_t ns)
{
    return (double)ns / 1e3;
}

static double requests_per_second(const struct oh_bench_run *run)
{
    return (double)run->counts.answered / (double)run->options->seconds;
}

static void print_latency_json(const struct oh_histogram *histogram)
{
    printf("{\"count\":%" PRIu64 ",\"min\":%.1f,\"mean\":%.1f", oh_histogram_count(histogram),
           to_us(oh_histogram_min(histogram)), to_us(oh_histogram_mean(histogram)));
    for (size_t i = 0; i < BENCH_PERCENTILE_COUNT; i++)
        printf(",\"%s\":%.1f", percentiles[i].name,
               to_us(oh_histogram_percentile(histogram, percentiles[i].parts_per_million)));
    printf(",\"max\":%.1f}", to_us(oh_histogram_max(histogram)));
}

static void print_json(const struct oh_bench_run *run, const struct oh_histogram *all)
{
    const struct oh_bench_options *options = run->options;
    printf("{\"bench\":\"http\",\"mode\":\"%s\",\"loop\":\"%s\",\"connections\":%" PRIu64
           ",\"pipeline\":%" PRIu64 ",\"rate\":%" PRIu64 ",\"seconds\":%" PRIu64 ",\"requests\":%" PRIu64
           ",\"requests_per_second\":%.1f",
           oh_bench_mode_text(options->mode), options->rate_per_s > 0 ? "open" : "closed", options->connections,
           options->pipeline, options->rate_per_s, options->seconds, run->counts.answered,
           requests_per_second(run));
    printf(",\"status\":{");
    const char *comma = "";
    for (size_t i = 0; i < OH_BENCH_STATUS_COUNT; i++) {
        if (run->counts.statuses[i] > 0) {
            printf("%s\"%zu\":%" PRIu64, comma, i, run->counts.statuses[i]);
            comma = ",";
        }
    }
    printf("},\"broken\":%" PRIu64 ",\"unanswered\":%" PRIu64 ",\"client_cpu\":%.2f,\"latency_us\":",
           run->counts.broken, run->counts.unanswered, run->client_cpu);
    print_latency_json(all);
    for (size_t i = 0; i < OH_BENCH_OP_COUNT; i++) {
        if (oh_histogram_count(run->histograms[i]) > 0) {
            printf(",\"%s_us\":", oh_bench_op_text((enum oh_bench_op)i));
            print_latency_json(run->histograms[i]);
        }
    }
    printf("}\n");
}

static void print_latency_text(const char *name, const struct oh_histogram *histogram)
{
    printf("%-16s min %.1f", name, to_us(oh_histogram_min(histogram)));
    for (size_t i = 0; i < BENCH_PERCENTILE_COUNT; i++)
        printf("  %s %.1f", percentiles[i].name,
               to_us(oh_histogram_percentile(histogram, percentiles[i].parts_per_million)));
    printf("  max %.1f us\n", to_us(oh_histogram_max(histogram)));
}

static void print_text(const struct oh_bench_run *run)
{
    const struct oh_bench_options *options = run->options;
    printf("%s, %" PRIu64 " connections, pipeline %" PRIu64 ", ", oh_bench_mode_text(options->mode),
           options->connections, options->pipeline);
    if (options->rate_per_s > 0)
        printf("open loop at %" PRIu64 "/s, ", options->rate_per_s);
    else
        printf("closed loop, ");
    printf("%" PRIu64 " s after %" PRIu64 " s of warm-up\n", options->seconds, options->warmup_seconds);
    printf("%-16s %" PRIu64 ", %.0f/s\n%-16s", "requests", run->counts.answered,
           requests_per_second(run), "status");
    for (size_t i = 0; i < OH_BENCH_STATUS_COUNT; i++) {
        if (run->counts.statuses[i] > 0)
            printf(" %zu x %" PRIu64, i, run->counts.statuses[i]);
    }
    printf("\n");
    for (size_t i = 0; i < OH_BENCH_OP_COUNT; i++) {
        if (oh_histogram_count(run->histograms[i]) > 0)
            print_latency_text(oh_bench_op_text((enum oh_bench_op)i), run->histograms[i]);
    }
    printf("%-16s %" PRIu64 " connections broke, %" PRIu64 " requests without an answer\n", "failures",
           run->counts.broken, run->counts.unanswered);
    printf("%-16s %.0f %% of one core%s\n", "client cpu", run->client_cpu * 100,
           run->client_cpu > 0.95 ? ": the client may be the limit" : "");
}

enum oh_err oh_bench_report(const struct oh_bench_run *run)
{
    if (!run->options->is_json) {
        print_text(run);
        return OH_OK;
    }
    struct oh_histogram *all = NULL;
    enum oh_err err = oh_histogram_create(&all);
    if (err != OH_OK)
        return err;
    for (size_t i = 0; i < OH_BENCH_OP_COUNT; i++)
        oh_histogram_merge(all, run->histograms[i]);
    print_json(run, all);
    oh_histogram_destroy(&all);
    return OH_OK;
}
