/*
 * run.h - one simulated life of a shop: a world, its clients, its faults and its judge.
 *
 * A run is a list of events, each drawn from (seed, number of the event) alone, so that a run without some of its
 * events is still the same run: that is what the shrinker uses. The judge (run.c) applies what the server has read to
 * the model, in the order in which it was read, and compares every reply. After a crash it asks how far the ledger
 * came back, takes the model to that place, and compares everything.
 *
 * The same seed and events give the same bytes: run_result.digest is a hash of all that clients received and of how
 * each recovery ended.
 */
#ifndef ONHAND_TESTS_SIM_RUN_H
#define ONHAND_TESTS_SIM_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUN_EVENTS_MAX 20000u

struct run_options {
    uint64_t seed;
    uint32_t event_count;
    const bool *is_off; /* [event_count]: leave these out; NULL: none */
    bool is_told;       /* print what happens */
};

struct run_result {
    bool has_failed;
    uint32_t failed_event; /* the event after which it was seen; event_count: at the end */
    char law[64];          /* the checker that spoke */
    char why[512];
    uint64_t digest;
    uint64_t requests; /* that the server read */
    uint64_t replies;  /* that were compared */
    uint64_t crashes;
    uint64_t power_losses;
    uint64_t lost_records; /* issued, not acknowledged, and gone after a crash */
    uint64_t snapshots;
    uint64_t rotations;
    uint64_t faults;
    uint64_t loads;           /* of a snapshot into empty tables */
    uint64_t drains;          /* ends in order, after which everything had to be in the tables */
    uint64_t commits;         /* of the simulated PostgreSQL: after each its tables were compared */
    uint64_t projected;       /* records that are in its tables at the end */
    uint64_t database_faults; /* lost connections, refused statements and the like */
    uint64_t refusing_events; /* at which so much waited for it that writes were refused */
    int64_t simulated_us;
};

void run_once(const struct run_options *options, struct run_result *out);

#endif
