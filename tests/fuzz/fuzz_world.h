/*
 * fuzz_world.h - a small ledger and its twin, for targets that change one.
 *
 * The twin only sees the records, as bytes: what the ledger did must be what its history says. The limits are
 * low, so that full pools and forgotten history are met too. One thread; there is one world at a time.
 */
#ifndef ONHAND_TESTS_FUZZ_FUZZ_WORLD_H
#define ONHAND_TESTS_FUZZ_FUZZ_WORLD_H

#include "codec/fault.h"
#include "codec/record.h"
#include "onhand/ledger.h"

#define FUZZ_NOW_US INT64_C(1795352400000000) /* 2026-11-22T13:00:00Z */

struct fuzz_world {
    struct oh_ledger *ledger;
    struct oh_ledger *twin; /* NULL: none */
    struct oh_record_decoder decoder;
    struct oh_strbuf bytes;
    int64_t now_us;
};

/* An empty ledger with low limits. Aborts when it cannot be made. Gives: oh_ledger_destroy. */
struct oh_ledger *fuzz_ledger_create(void);

/* Items A, B and C, nodes n0 to n2, group g0 of n0 and n1, channel web, FR 75011, a little stock. */
void fuzz_world_init(struct fuzz_world *world, bool has_twin);
void fuzz_world_fini(struct fuzz_world *world);

/* Applies, closes the record, gives it to the twin. The answer is lent until the next apply. */
void fuzz_world_apply(struct fuzz_world *world, const struct oh_command *command,
                      struct oh_answer *out_answer);

/* Moves time and expires what is due. */
void fuzz_world_pass(struct fuzz_world *world, int64_t us);

/* Asserts rule 2, and that the twin is the same ledger. */
void fuzz_world_check(struct fuzz_world *world);

/* Asserts that every counter is the sum of its parts. */
void fuzz_ledger_check(const struct oh_ledger *ledger);

/* Asserts what fault.h says: a code, a status that refuses, and texts that are text. */
void fuzz_fault_check(const struct oh_fault *fault);

#endif
