/*
 * pg_objects.h - what the tables of PostgreSQL hold, as the objects of a snapshot.
 *
 * What it is: the way back of the projection: at one moment of the database, every row that a ledger at
 * watermark.seq would have in its own snapshot, as an effect. Rows stream; memory does not depend on their number.
 *
 * What it is not: it does not know files (storage/snapshot.h takes the objects), and it does not ask whether the tables
 * are right: constraints and sql/fsck.sql do. What it cannot read it refuses.
 *
 * One thread.
 */
#ifndef ONHAND_STORAGE_PG_OBJECTS_H
#define ONHAND_STORAGE_PG_OBJECTS_H

#include "onhand/effect.h"
#include "storage/pg_connection.h"

/* Whose tables, how far they are, and what is remembered of their movements. */
struct oh_pg_head {
    uint64_t seq;
    int64_t at_us; /* the ledger's time at seq */
    int64_t epoch;
    uint64_t known_seq;       /* durable records that the projector knew of when it committed last */
    int64_t committed_at_us;  /* the database's time of that; OH_TIME_US_NONE: not known */
    uint64_t movement_count;
    uint64_t first_movement;  /* the least number that is remembered */
    int64_t forgotten_at_us;  /* the latest time of one before it; OH_TIME_US_NONE: there is none */
};

/*
 * oh_pg_objects_begin - open a transaction that sees one moment of the database, and read the watermark.
 *
 * Shapes:  history_max: so many movements are remembered at most, the newest; at least 1.
 * Post:    the transaction is open: read the objects, then oh_pg_run("COMMIT").
 * Errors:  OH_E_NOT_FOUND (no record is in the tables yet), OH_E_CORRUPT (no watermark), else as oh_pg_query.
 */
OH_MUST_CHECK enum oh_err oh_pg_objects_begin(struct oh_pg *pg, uint64_t history_max, struct oh_pg_head *out_head,
                                              struct oh_diag *diag);

/* Takes one object, borrowed until it returns. An error ends the reading. */
struct oh_pg_object_sink {
    enum oh_err (*take)(void *ctx, const struct oh_effect *object, struct oh_diag *diag);
    void *ctx;
};

/*
 * oh_pg_objects_read - every object, the head first, in the order of a snapshot.
 *
 * Errors:  OH_E_CORRUPT (a row that no projection writes: the diag names table and column), those of the sink, else as
 *          oh_pg_query.
 */
OH_MUST_CHECK enum oh_err oh_pg_objects_read(struct oh_pg *pg, const struct oh_pg_head *head,
                                             const struct oh_pg_object_sink *sink, struct oh_diag *diag);

#endif
