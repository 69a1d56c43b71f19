/*
 * pg_migrate.h - the schema `onhand` of a database: which version it has, and how it gets the present one.
 *
 * Migrations are sql/NNNN_name.sql, forward only, each in a transaction of its own together with its row in
 * onhand.schema_version. Two programs that migrate at once wait for each other. A schema that is newer than this
 * program is never touched.
 */
#ifndef ONHAND_STORAGE_PG_MIGRATE_H
#define ONHAND_STORAGE_PG_MIGRATE_H

#include "storage/pg_connection.h"

struct oh_pg_migration {
    uint32_t version; /* 1, 2, 3, ... */
    const char *name;
    const char *sql;
};

/* Made from sql/ when building. */
extern const struct oh_pg_migration oh_pg_migrations[];
extern const uint32_t oh_pg_migration_count;

/* Which version the database has; 0: no schema of ours. Errors as oh_pg_query. */
OH_MUST_CHECK enum oh_err oh_pg_schema_version(struct oh_pg *pg, uint32_t *out_version, struct oh_diag *diag);

/*
 * oh_pg_migrate - apply what is missing.
 *
 * Post:    *out_from and *out_to say which version there was and is.
 * Errors:  OH_E_VERSION (the schema is newer than this program), else as oh_pg_query; what was applied before the
 *          error stays.
 */
OH_MUST_CHECK enum oh_err oh_pg_migrate(struct oh_pg *pg, uint32_t *out_from, uint32_t *out_to, struct oh_diag *diag);

/* OH_OK: the schema is the present one. OH_E_VERSION: older or newer, the diag says which and what to do. */
OH_MUST_CHECK enum oh_err oh_pg_schema_check(struct oh_pg *pg, struct oh_diag *diag);

#endif
