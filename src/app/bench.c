/*
 * bench.c - the command `onhand bench`: load over HTTP on a running server, and how long its answers took.
 */
#include "app/arguments.h"
#include "app/bench_options.h"
#include "app/bench_report.h"
#include "app/bench_requests.h"
#include "app/bench_run.h"
#include "app/bench_targets.h"
#include "app/client.h"
#include "app/commands.h"
#include <stdio.h>
#include <time.h>

static enum oh_err find_targets(const struct oh_bench_options *options, struct oh_bench_targets *targets,
                                struct oh_diag *diag)
{
    struct oh_client client;
    enum oh_err err = OH_OK;
    if (options->places != NULL)
        err = oh_bench_targets_split_places(targets, options->places, diag);
    if (err != OH_OK)
        return err;
    if (options->stock_path != NULL)
        return oh_bench_targets_read_stock(targets, options->stock_path, diag);
    if (options->items_path != NULL)
        err = oh_bench_targets_read_items(targets, options->items_path, diag);
    if (err == OH_OK && options->nodes != NULL)
        err = oh_bench_targets_split_nodes(targets, options->nodes, diag);
    if (err != OH_OK)
        return err;
    oh_client_init(&client, &options->url, OH_CLIENT_TIMEOUT_MS_DEFAULT);
    err = oh_bench_targets_discover(targets, &client, diag);
    oh_client_fini(&client);
    return err;
}

/* Ids must not meet those of an earlier run with the same seed, so the clock goes into them. */
static struct oh_bench_form make_form(const struct oh_bench_options *options, const struct oh_bench_targets *targets)
{
    struct timespec now = { 0, 0 };
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (struct oh_bench_form){
        .url = &options->url,
        .targets = targets,
        .channel = options->channel,
        .group = options->group,
        .kind = options->kind,
        .ttl_seconds = options->ttl_seconds,
        .batch_count = (uint32_t)options->batch_count,
        .batch_nodes = (uint32_t)options->batch_nodes,
        .line_count = (uint32_t)options->lines,
        .run = (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u,
    };
}

/* 409 is an answer: not enough stock. After any other refusal the numbers are not of what was asked for. */
static bool was_good(const struct oh_bench_counts *counts)
{
    for (size_t i = 0; i < OH_BENCH_STATUS_COUNT; i++) {
        bool is_good = (i >= 200 && i < 300) || i == 409;
        if (!is_good && counts->statuses[i] > 0)
            return false;
    }
    return counts->broken == 0 && counts->answered > 0;
}

static int run_and_report(const struct oh_bench_options *options, const struct oh_bench_form *form,
                          struct oh_diag *diag)
{
    struct oh_bench_run run;
    if (oh_bench_run_init(&run, options, form, diag) != OH_OK)
        return OH_EXIT_FAILED;
    bool is_done = oh_bench_run_go(&run);
    if (is_done && oh_bench_report(&run) != OH_OK) {
        oh_diag_set(diag, "out of memory");
        is_done = false;
    }
    int code = is_done && was_good(&run.counts) ? OH_EXIT_OK : OH_EXIT_FAILED;
    oh_bench_run_fini(&run);
    return code;
}

int oh_command_bench(int argc, char **argv)
{
    struct oh_bench_options options;
    struct oh_bench_targets targets;
    struct oh_diag diag = { "" };
    int code = oh_bench_options_parse(argc, argv, &options);
    if (code >= 0)
        return code;
    code = OH_EXIT_FAILED;
    oh_bench_targets_init(&targets);
    if (find_targets(&options, &targets, &diag) == OH_OK) {
        struct oh_bench_form form = make_form(&options, &targets);
        code = run_and_report(&options, &form, &diag);
    }
    oh_bench_targets_fini(&targets);
    if (diag.text[0] != '\0')
        fprintf(stderr, "onhand bench: %s\n", diag.text);
    return code;
}
