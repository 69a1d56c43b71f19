/*
 * pg_sets.h - rows on their way into the tables, and every statement that takes them there.
 *
 * What it is: one set of rows per purpose, in binary: as columns (arrays, for statements that look for rows that are
 * there) or as a stream (COPY, for tables that only grow). oh_pg_sets_send() runs the statements of all sets that hold
 * something, in the order of the enum.
 *
 * What it is not: it begins and ends no transaction, and it does not know effects (pg_fold.h). One thread.
 */
#ifndef ONHAND_STORAGE_PG_SETS_H
#define ONHAND_STORAGE_PG_SETS_H

#include "storage/pg_binary.h"
#include "storage/pg_connection.h"

/* In the order in which they are sent. The columns of each are in pg_sets.c, beside its statements. */
enum oh_pg_set {
    OH_PG_NODES,
    OH_PG_ITEMS,
    OH_PG_GROUPS,
    OH_PG_GROUP_MEMBERS,
    OH_PG_CHANNELS,
    OH_PG_CHANNEL_NODES,
    OH_PG_CHANNEL_GROUPS,
    OH_PG_RULES,
    OH_PG_FENCES,
    OH_PG_SUPPLIES,
    OH_PG_POSTAL_CODES,
    OH_PG_TRANSITS,
    OH_PG_DOCUMENTS,
    OH_PG_IMPORTS,
    OH_PG_REPLACED,     /* ids of new reservations: what is there of before goes, if there is any */
    OH_PG_RESERVATIONS, /* new ones, as they are at the end of the batch */
    OH_PG_CLAIMS,       /* theirs */
    OH_PG_BOOKINGS,
    OH_PG_PROMISES,
    OH_PG_CLAIMED,      /* positions of which only the claims changed: most, on a busy day */
    OH_PG_POSITIONS,    /* other changes of positions */
    OH_PG_COUNTS,
    OH_PG_CLAIM_STEPS,  /* changes of claims that are in the table, and claims of older reservations */
    OH_PG_STEPPED,      /* older reservations that changed */
    OH_PG_FENCE_USES,
    OH_PG_MOVEMENTS,
    OH_PG_EVENTS,
    OH_PG_KEYS,
    OH_PG_SETS
};

#define OH_PG_SET_COLUMNS_MAX 17u

/* Of one set, before it is sent. */
#define OH_PG_SET_SIZE_MAX ((size_t)256 << 20)

struct oh_pg_rows {
    uint32_t count;
    struct oh_pg_array columns[OH_PG_SET_COLUMNS_MAX]; /* a statement's */
    struct oh_strbuf stream;                           /* COPY's */
};

struct oh_pg_sets {
    struct oh_pg_rows rows[OH_PG_SETS];
};

/* Allocates nothing yet, but the heads of arrays. Errors: OH_E_NOMEM. */
OH_MUST_CHECK enum oh_err oh_pg_sets_init(struct oh_pg_sets *sets);
void oh_pg_sets_fini(struct oh_pg_sets *sets);

/* Begins a row: its columns follow, in order, into what is returned. */
struct oh_pg_array *oh_pg_sets_row(struct oh_pg_sets *sets, enum oh_pg_set set);
struct oh_strbuf *oh_pg_sets_stream_row(struct oh_pg_sets *sets, enum oh_pg_set set);

/* Bytes that wait in all sets. Cost: O(columns). */
size_t oh_pg_sets_size(const struct oh_pg_sets *sets);

/* Runs the statements and empties the sets. Errors as oh_pg_query, OH_E_TOO_LARGE (a set overflowed). */
OH_MUST_CHECK enum oh_err oh_pg_sets_send(struct oh_pg_sets *sets, struct oh_pg *pg, struct oh_diag *diag);
void oh_pg_sets_clear(struct oh_pg_sets *sets);

#endif
