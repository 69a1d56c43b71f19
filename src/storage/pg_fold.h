/*
 * pg_fold.h - effects of the journal, or objects of a snapshot, as rows of the tables.
 *
 * What it is: the meaning of an effect in SQL. Changes of one row add up here, so that a batch changes a position or a
 * reservation once; a reservation that begins in the batch is written once, as it is at its end.
 *
 * What it is not: it has no copy of the ledger. What it knows besides the batch are the names of indexes and two
 * numbers of the watermark. So an effect that needs to know what an earlier one of the same batch did to a row in the
 * table asks for that batch to be sent first (OH_E_FULL): the transaction goes on, only the order is kept.
 *
 * What each effect means: docs/spec/projection.md. One thread.
 */
#ifndef ONHAND_STORAGE_PG_FOLD_H
#define ONHAND_STORAGE_PG_FOLD_H

#include "codec/effect_names.h"
#include "onhand/effect.h"
#include "storage/pg_sets.h"

/* What is folded is sent when it has grown to this: memory stays bounded whatever the journal holds. */
#define OH_PG_FOLD_SIZE_MAX ((size_t)24 << 20)
#define OH_PG_FOLD_ROWS_MAX 65536u

struct oh_pg_fold;

/* Gives. Errors: OH_E_NOMEM. */
OH_MUST_CHECK enum oh_err oh_pg_fold_create(struct oh_pg_fold **out_fold);
void oh_pg_fold_destroy(struct oh_pg_fold **fold);

/*
 * Forgets rows and names: before a new connection. `movements` and `imports` are the watermark's, or those of the head
 * of the snapshot that follows (is_snapshot).
 */
void oh_pg_fold_reset(struct oh_pg_fold *fold, uint64_t movements, uint64_t imports, bool is_snapshot);

/* To be filled from the tables after a reset. Lends. */
struct oh_effect_names *oh_pg_fold_names(struct oh_pg_fold *fold);

/* The head of a snapshot was not known at the reset. */
void oh_pg_fold_set_counts(struct oh_pg_fold *fold, uint64_t movements, uint64_t imports);

/* What the watermark says after what was folded. */
uint64_t oh_pg_fold_movements(const struct oh_pg_fold *fold);
uint64_t oh_pg_fold_imports(const struct oh_pg_fold *fold);

/*
 * oh_pg_fold_effect - add one effect of record `seq`, which the ledger took at `at_us`; `ordinal` is its place in it.
 *
 * Of a snapshot, `seq` and `at_us` are the head's, `ordinal` counts the objects; names are learned beforehand, as
 * objects come in any order, and oh_pg_fold_reset has got the head's numbers.
 *
 * Errors:  OH_E_FULL (oh_pg_fold_send first, then the same effect again), OH_E_CORRUPT (an index without a name),
 *          OH_E_NOMEM.
 * Owner:   copies.
 */
OH_MUST_CHECK enum oh_err oh_pg_fold_effect(struct oh_pg_fold *fold, uint64_t seq, int64_t at_us, uint32_t ordinal,
                                            const struct oh_effect *effect);

/* Rows as they will be sent, so that oh_pg_fold_send(), which comes next, has less to do: they add up no more. */
void oh_pg_fold_pack(struct oh_pg_fold *fold);

/*
 * Runs the statements of everything folded, in the open transaction. What comes next may be folded while it runs
 * (oh_pg_set_meanwhile), but not sent. Errors as oh_pg_sets_send.
 */
OH_MUST_CHECK enum oh_err oh_pg_fold_send(struct oh_pg_fold *fold, struct oh_pg *pg, struct oh_diag *diag);

#endif
