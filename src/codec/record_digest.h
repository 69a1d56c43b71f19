/*
 * record_digest.h - a short number for a whole ledger: equal ledgers have
 * equal digests, in whatever order their objects are visited.
 *
 * What it is: the sum of the hashes of all objects, as bytes of record.h. Used
 * by verify and by tests to compare what a replay and a snapshot lead to.
 *
 * What it is not: safe against someone who builds objects on purpose.
 *
 * The head's time is left out: a running ledger's clock moves between records,
 * that of a replay does not. Neither do the two forget ended reservations and
 * keys at the same moment; ended_after_us and keys_after_us leave out those
 * that either may have forgotten. One thread.
 */
#ifndef ONHAND_CODEC_RECORD_DIGEST_H
#define ONHAND_CODEC_RECORD_DIGEST_H

#include "base/strbuf.h"
#include "onhand/ledger.h"
#include <stdbool.h>
#include <stdint.h>

struct oh_record_digest {
    uint64_t low;
    uint64_t high;
    uint64_t object_count;
    int64_t ended_after_us;  /* reservations that ended by then are left out; after init: none */
    int64_t keys_after_us;   /* keys made by then are left out; after init: none */
    bool leaves_out_history; /* which movements are remembered: ledgers of other sizes remember others */
    bool is_failed;          /* out of memory: the digest says nothing */
    bool skips_claims;       /* of the reservation visited last */
    struct oh_strbuf object;
};

void oh_record_digest_init(struct oh_record_digest *digest);
void oh_record_digest_fini(struct oh_record_digest *digest);

/*
 * An oh_snapshot_sink; `digest` is a struct oh_record_digest. Claims come behind their reservation, as a
 * ledger emits them.
 */
void oh_record_digest_add(void *digest, const struct oh_effect *object);

/* Adds every object of the ledger. Cost: O(objects). */
void oh_record_digest_ledger(struct oh_record_digest *digest, struct oh_ledger *ledger);

/* False when either failed. */
bool oh_record_digest_equal(const struct oh_record_digest *a, const struct oh_record_digest *b);

#endif
