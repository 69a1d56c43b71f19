/*
 * projected_seq.h - how far the tables were, written down beside the journal.
 *
 * What it is: a file PROJECTED in the data directory, by which a start while PostgreSQL is away knows how much of the
 * journal waits for it. It is written without a sync, now and then, after a commit; so it may be older than the tables.
 *
 * What it is not: a reason to remove anything. Which tables there are, and how far, they say themselves when they are
 * there; until then every journal file is kept. So a file that is wrong, as the tables are others now or went back,
 * makes the backlog look smaller than it is until the connection is made, and loses nothing.
 *
 * Threads: one at a time.
 */
#ifndef ONHAND_STORAGE_PROJECTED_SEQ_H
#define ONHAND_STORAGE_PROJECTED_SEQ_H

#include "storage/directory.h"
#include <stdint.h>

/* 0: nothing is written down, or not of this ledger, or not whole. */
uint64_t oh_projected_seq_read(const struct oh_directory *directory);

/* False: it could not be written; what is there then is the former one, or nothing. */
bool oh_projected_seq_write(const struct oh_directory *directory, uint64_t seq);

#endif
