/*
 * sim.c - the simulator's command line.
 *
 *     sim --seed N [--seeds COUNT] [--events COUNT]   runs of these seeds; stops at the first failure and shrinks it
 *     sim --seed N --only 3,17-29 [--tell]            one run of these events alone; --tell prints what happens
 *     sim --seed N --twice                            one seed twice: the same bytes, or it fails
 *
 * Exit code 0: every law held. 1: one did not; the last line on standard output is the command that repeats it.
 */
#include "base/log.h"
#include "sim/run.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EVENTS_DEFAULT 1500u
#define TRIES_MAX      400u /* of the shrinker */

struct arguments {
    uint64_t seed;
    uint64_t seeds;
    uint32_t events;
    const char *only;
    bool is_told;
    bool is_twice;
    bool is_quick; /* no shrinking */
};

static bool is_off[RUN_EVENTS_MAX];

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- Which events ----------------------------------------------------------------------------------------------- */

/* "3,17-29": those stay, the others are off. */
static bool only_read(const char *text, uint32_t events)
{
    memset(is_off, true, sizeof(is_off));
    while (*text != '\0') {
        char *end;
        unsigned long first = strtoul(text, &end, 10);
        unsigned long last = first;
        if (end == text)
            return false;
        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        for (unsigned long i = first; i <= last && i < events; i++)
            is_off[i] = false;
        text = *end == ',' ? end + 1 : end;
        if (*end != ',' && *end != '\0')
            return false;
    }
    return true;
}

static void only_print(uint32_t events)
{
    const char *comma = "";
    for (uint32_t i = 0; i < events; i++) {
        uint32_t last = i;
        if (is_off[i])
            continue;
        while (last + 1 < events && !is_off[last + 1])
            last++;
        printf(last > i ? "%s%u-%u" : "%s%u", comma, i, last);
        comma = ",";
        i = last;
    }
}

/* ---- Shrinking -------------------------------------------------------------------------------------------------- */

static bool fails_still(const struct arguments *arguments, uint32_t events, const char *law)
{
    struct run_options options = { .seed = arguments->seed, .event_count = events, .is_off = is_off };
    struct run_result result;
    run_once(&options, &result);
    return result.has_failed && strcmp(result.law, law) == 0;
}

/* Leaves out larger parts first, then smaller ones; keeps what the same law still fails without. */
static void shrink(const struct arguments *arguments, uint32_t events, const char *law)
{
    uint32_t tries = 0;
    for (uint32_t part = events / 2; part > 0 && tries < TRIES_MAX; part /= 2) {
        for (uint32_t first = 0; first < events && tries < TRIES_MAX; first += part) {
            bool before[RUN_EVENTS_MAX];
            uint32_t changed = 0;
            memcpy(before, is_off, sizeof(before));
            for (uint32_t i = first; i < first + part && i < events; i++) {
                changed += is_off[i] ? 0 : 1;
                is_off[i] = true;
            }
            if (changed == 0)
                continue;
            tries++;
            if (!fails_still(arguments, events, law))
                memcpy(is_off, before, sizeof(before));
        }
    }
}

/* ---- Running ---------------------------------------------------------------------------------------------------- */

static void failure_print(const struct arguments *arguments, const struct run_result *result,
                          bool was_narrowed)
{
    printf("seed %" PRIu64 ", event %u: %s: %s\n", arguments->seed, result->failed_event, result->law,
           result->why);
    uint32_t events = arguments->events;
    if (!was_narrowed && !arguments->is_quick) {
        uint32_t last = result->failed_event < events ? result->failed_event + 1 : events;
        memset(is_off, false, sizeof(is_off));
        if (fails_still(arguments, last, result->law))
            events = last;
        shrink(arguments, events, result->law);
    }
    printf("repeat with: sim --seed %" PRIu64 " --events %u", arguments->seed, events);
    if (was_narrowed) {
        printf(" --only %s", arguments->only);
    } else if (!arguments->is_quick) {
        printf(" --only ");
        only_print(events);
    }
    printf(" --tell\n");
}

static bool run_print(const struct arguments *arguments, struct run_result *total)
{
    struct run_options options = { .seed = arguments->seed,
                                   .event_count = arguments->events,
                                   .is_off = arguments->only != NULL ? is_off : NULL,
                                   .is_told = arguments->is_told };
    struct run_result result;
    run_once(&options, &result);
    total->requests += result.requests;
    total->replies += result.replies;
    total->crashes += result.crashes;
    total->power_losses += result.power_losses;
    total->lost_records += result.lost_records;
    total->faults += result.faults;
    total->snapshots += result.snapshots;
    total->rotations += result.rotations;
    total->simulated_us += result.simulated_us;
    total->commits += result.commits;
    total->loads += result.loads;
    total->drains += result.drains;
    total->projected += result.projected;
    total->database_faults += result.database_faults;
    total->refusing_events += result.refusing_events;
    total->digest ^= result.digest;
    if (result.has_failed)
        failure_print(arguments, &result, arguments->only != NULL);
    return !result.has_failed;
}

static bool run_twice(const struct arguments *arguments)
{
    struct run_options options = { .seed = arguments->seed, .event_count = arguments->events };
    struct run_result results[2];
    run_once(&options, &results[0]);
    run_once(&options, &results[1]);
    printf("seed %" PRIu64 ": digests %016" PRIx64 " and %016" PRIx64 "\n", arguments->seed,
           results[0].digest, results[1].digest);
    return results[0].digest == results[1].digest && !results[0].has_failed && results[0].replies > 0;
}

static bool arguments_read(int argc, char **argv, struct arguments *out)
{
    const char *given = getenv("ONHAND_SEED");
    *out = (struct arguments){ .seed = given == NULL ? 1 : strtoull(given, NULL, 10),
                               .seeds = 1,
                               .events = EVENTS_DEFAULT };
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--tell") == 0 || strcmp(argv[i], "--twice") == 0 ||
            strcmp(argv[i], "--quick") == 0) {
            out->is_told = out->is_told || argv[i][3] == 'e';
            out->is_twice = out->is_twice || argv[i][3] == 'w';
            out->is_quick = out->is_quick || argv[i][3] == 'u';
            continue;
        }
        if (strcmp(argv[i], "--seed") == 0)
            out->seed = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--seeds") == 0)
            out->seeds = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--events") == 0)
            out->events = (uint32_t)strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--only") == 0)
            out->only = value;
        else
            return false;
        i++;
    }
    return out->events <= RUN_EVENTS_MAX && out->seeds > 0 &&
           (out->only == NULL || only_read(out->only, out->events));
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    struct run_result total = { .digest = 0 };
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    oh_log_init(-1, OH_LOG_ERROR, NULL); /* what servers say of the faults we make is not news */
    if (!arguments_read(argc, argv, &arguments)) {
        fprintf(
            stderr,
            "usage: sim [--seed N] [--seeds COUNT] [--events COUNT, at most %u] [--only 3,17-29] [--tell] "
            "[--twice] [--quick]\n",
            RUN_EVENTS_MAX);
        return 2;
    }
    if (arguments.is_twice)
        return run_twice(&arguments) ? 0 : 1;
    double start_s = now_s();
    uint64_t first = arguments.seed;
    while (arguments.seed < first + arguments.seeds) {
        if (!run_print(&arguments, &total))
            return 1;
        arguments.seed++;
    }
    double took_s = now_s() - start_s;
    printf("seeds %" PRIu64 " to %" PRIu64 ": %" PRIu64 " requests, %" PRIu64 " replies compared, %" PRIu64
           " crashes (%" PRIu64 " power losses), %" PRIu64 " unacknowledged records lost, %" PRIu64
           " disk faults, %" PRIu64 " snapshots, %" PRIu64
           " changes of file, %.0f simulated seconds in %.1f s (%.0f times real time), digest %016" PRIx64
           "\n",
           first, arguments.seed - 1, total.requests, total.replies, total.crashes, total.power_losses,
           total.lost_records, total.faults, total.snapshots, total.rotations,
           (double)total.simulated_us / 1e6, took_s, (double)total.simulated_us / 1e6 / took_s, total.digest);
    printf("projection: %" PRIu64 " records in the tables, compared at %" PRIu64 " commits; %" PRIu64
           " faults of the database, %" PRIu64 " events with writes refused, %" PRIu64
           " snapshots into empty tables, %" PRIu64 " ends with all of it in the tables\n",
           total.projected, total.commits, total.database_faults, total.refusing_events, total.loads, total.drains);
    return 0;
}
