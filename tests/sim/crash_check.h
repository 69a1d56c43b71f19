/*
 * crash_check.h - is what a crash left on a disk what it has to be?
 *
 * For an image: it opens, as a server opens it; what is recovered is at least
 * what was promised and at most what was issued; the ledger is, object by
 * object, the one of that record; a power loss after that changes nothing; it
 * can be had without the newest snapshot, too; new records are taken, and
 * survive.
 *
 * It writes to standard error what is wrong. One thread.
 */
#ifndef ONHAND_TESTS_SIM_CRASH_CHECK_H
#define ONHAND_TESTS_SIM_CRASH_CHECK_H

#include "sim/durable.h"

struct crash_checker {
    struct oh_journal_options journal_options;
    struct ledger_states *states; /* borrowed */
    uint64_t torn_count;          /* images of which a tail was cut */
    uint64_t snapshot_count;      /* images of which a snapshot was restored */
    uint64_t new_count;           /* images that held no journal yet */
};

/* At least floor_seq and at most ceiling_seq have to come back. *out_seq: what came back. */
bool crash_check(struct crash_checker *checker, const struct storage_image *image, uint64_t floor_seq,
                 uint64_t ceiling_seq, uint64_t *out_seq);

/* Opens the image while everything is written down. The trace is of the recovery alone. */
void crash_trace_recovery(const struct crash_checker *checker, const struct storage_image *image,
                          uint64_t seq, struct crash_trace *out_trace);

#endif
