/*
 * random_commands.h - commands as a busy retailer, and its bugs, would send them.
 *
 * What it is: an endless stream of commands from one seed: first the nodes,
 * items, groups and channels, then everything, on keys of which few are hot and most are cold. A
 * part of it is wrong on purpose. Time moves forward, sometimes by a day,
 * sometimes a second back. One thread.
 */
#ifndef ONHAND_TESTS_SUPPORT_RANDOM_COMMANDS_H
#define ONHAND_TESTS_SUPPORT_RANDOM_COMMANDS_H

#include "base/prng.h"
#include "onhand/command.h"
#include "onhand/ledger.h"

#define RANDOM_LINES_MAX          8u
#define RANDOM_BOOKINGS_MAX       3u
#define RANDOM_COMMANDS_TEXT_SIZE 8192u
#define RANDOM_ACCEPTED_MAX       512u
#define RANDOM_JOINED_MAX         8u /* commands that may join one record */

/* What a command borrows from. */
struct random_memory {
    char text[RANDOM_COMMANDS_TEXT_SIZE];
    size_t text_size;
    struct oh_bytes names[2 * RANDOM_LINES_MAX];
    struct oh_adjust_entry adjust_entries[RANDOM_LINES_MAX];
    struct oh_sync_entry sync_entries[RANDOM_LINES_MAX];
    struct oh_reserve_line reserve_lines[RANDOM_LINES_MAX];
    struct oh_action_line action_lines[RANDOM_LINES_MAX];
    struct oh_reserve_pick picks[2 * RANDOM_LINES_MAX];
    struct oh_reserve_booking bookings[RANDOM_BOOKINGS_MAX];
};

struct random_commands {
    struct oh_prng prng;
    uint32_t item_count;
    uint32_t node_count;
    uint32_t edges; /* percent of values that are at the edge of what is allowed, on either side; 1 */
    bool has_short_names; /* "1" for a node, an item, a customer and whatever else; false */
    int64_t unit_milli; /* quantities are mostly few of these; 1000. 1: the smallest there can be */
    int64_t tick_us; /* times are mostly multiples of it; 1. Longer: more of them are the same */
    uint32_t promises; /* percent of reservations that are the outcome of a promise; documents and traits come too; 0 */
    uint64_t made_count;
    uint64_t reservation_count; /* reserve commands so far: ids "R0".. */
    int64_t now_us;
    struct oh_command last;                 /* sent again now and then, as after a lost answer */
    uint64_t accepted[RANDOM_ACCEPTED_MAX]; /* numbers of reservations that exist, the newest ones */
    uint64_t accepted_count;
    struct random_memory *memory; /* of the command being made */
    struct random_memory memories[RANDOM_JOINED_MAX];
};

/* item_count and node_count >= 1. */
void random_commands_init(struct random_commands *commands, uint64_t seed, uint32_t item_count,
                          uint32_t node_count);

/* Makes the next command and moves commands->now_us. Lends for RANDOM_JOINED_MAX calls. */
void random_commands_next(struct random_commands *commands, struct oh_command *out_command);

/* A window that some reservations may book: its resource and when it begins. */
struct oh_bytes random_commands_resource(struct random_commands *commands, int64_t *out_from_us);

/* A place to look around, or the edge of one. */
struct oh_near random_commands_near(struct random_commands *commands);

/* Tells what came of it, so that later commands are about reservations that exist. Optional. */
void random_commands_answered(struct random_commands *commands, const struct oh_answer *answer);

/* The seed of a test: ONHAND_SEED when it is set, else `fallback`. Printed, to repeat a failure. */
uint64_t random_seed(const char *test, uint64_t fallback);

/* A ledger small enough that its rings go round. Aborts when there is no memory: it is for tests. */
struct oh_ledger *random_ledger_create(void);

#endif
