/*
 * pg_rebuild.h - a data directory from the tables of PostgreSQL.
 *
 * What it is: a snapshot of the tables at watermark.seq and an empty journal behind it, in a new directory; then the
 * claim of that directory on the tables. In this order:
 *
 *   oh_pg_rebuild_begin     nobody else projects into the tables from here on, until the connection closes
 *   oh_pg_rebuild_write     the files, complete and synced
 *   oh_pg_rebuild_follow    the tables follow the new directory; every other one is refused from here on
 *
 * What it is not: it does not put the directory in its place, and removes nothing (app/rebuild_folder.h does both).
 * One thread.
 */
#ifndef ONHAND_STORAGE_PG_REBUILD_H
#define ONHAND_STORAGE_PG_REBUILD_H

#include "storage/directory.h"
#include "storage/pg_objects.h"

#define OH_PG_REBUILD_KINDS (OH_EFFECT_TYPE_LAST + 1)

struct oh_pg_rebuild_options {
    uint64_t history_max; /* newest movements that are remembered; at least 1 */
    void (*object_done)(void *ctx, enum oh_effect_type type, size_t size); /* after each; may be NULL */
    void *ctx;
};

struct oh_pg_rebuild_report {
    struct oh_pg_head head;
    uint64_t object_counts[OH_PG_REBUILD_KINDS]; /* by enum oh_effect_type */
    uint64_t snapshot_bytes;
};

/*
 * oh_pg_rebuild_begin - see that the schema is ours and that no projector is at work, and keep it so.
 *
 * Errors:  OH_E_VERSION (another schema), OH_E_LOCKED (a projector is connected), else as oh_pg_query.
 */
OH_MUST_CHECK enum oh_err oh_pg_rebuild_begin(struct oh_pg *pg, struct oh_diag *diag);

/*
 * oh_pg_rebuild_write - snapshot and journal.
 *
 * Pre:     oh_directory_is_new(directory).                          (asserted)
 * Post:    both are synced; no transaction is open.
 * Errors:  those of oh_pg_objects_begin and _read, of a snapshot and of a journal. Some files may be there.
 */
OH_MUST_CHECK enum oh_err oh_pg_rebuild_write(struct oh_pg *pg, const struct oh_directory *directory,
                                              const struct oh_pg_rebuild_options *options,
                                              struct oh_pg_rebuild_report *out_report, struct oh_diag *diag);

/*
 * oh_pg_rebuild_follow - make the tables follow `directory`.
 *
 * Errors:  OH_E_REFUSED (the tables are not any more as they were read), else as oh_pg_query; after
 *          OH_E_UNAVAILABLE it may have happened or not.
 */
OH_MUST_CHECK enum oh_err oh_pg_rebuild_follow(struct oh_pg *pg, const struct oh_directory *directory,
                                               const struct oh_pg_head *head, struct oh_diag *diag);

#endif
