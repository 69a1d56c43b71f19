/*
 * ledger_state.h - a ledger's objects as a value: to keep what it was at a
 * record, and to say later what has become of it.
 *
 * What it is: every field of every object, read once more, with no code of
 * the product's codec. Equal ledgers have equal states, in whatever order
 * their objects are visited; the order of a reservation's claims counts.
 *
 * What it is not: it leaves out the ledger's clock, which moves between
 * records. It knows nothing of what two equal ledgers may forget at different
 * times (a day after it ended): its users stay within a day.
 *
 * Aborts when there is no memory: it is for tests. One thread.
 */
#ifndef ONHAND_TESTS_SUPPORT_LEDGER_STATE_H
#define ONHAND_TESTS_SUPPORT_LEDGER_STATE_H

#include "onhand/ledger.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* A sum of the hashes of all objects. */
struct ledger_state {
    uint64_t low;
    uint64_t high;
    uint64_t count;
};

void ledger_state_of(struct oh_ledger *ledger, struct ledger_state *out_state);
bool ledger_states_are_equal(const struct ledger_state *a, const struct ledger_state *b);

/*
 * The states of a ledger after each of its records. Remembers every object
 * that was ever seen, in words, and which were there when.
 */
struct ledger_states;

struct ledger_states *ledger_states_create(void);
void ledger_states_destroy(struct ledger_states **states);

/* The ledger is at record `seq` now; forgets what was kept for later ones. */
void ledger_states_keep(struct ledger_states *states, uint64_t seq, struct oh_ledger *ledger);

/* NULL: nothing was kept for this record. */
const struct ledger_state *ledger_states_get(const struct ledger_states *states, uint64_t seq);

/* Writes each object that `ledger` has and should not have at `seq` ("+"), and each that it lacks ("-"). */
void ledger_states_explain(struct ledger_states *states, uint64_t seq, struct oh_ledger *ledger, FILE *out);

#endif
