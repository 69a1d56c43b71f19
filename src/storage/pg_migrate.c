#include "storage/pg_migrate.h"
#include "storage/pg_binary.h"

/* Any number of ours: who migrates holds this lock. */
#define MIGRATE_LOCK "SELECT pg_advisory_xact_lock(4710815)"

static const char table_exists_sql[] = "SELECT to_regclass('onhand.schema_version') IS NOT NULL";

static const char version_sql[] = "SELECT coalesce(max(version), 0) FROM onhand.schema_version";

static const char base_sql[] =
    "CREATE SCHEMA IF NOT EXISTS onhand;"
    "CREATE TABLE IF NOT EXISTS onhand.schema_version ("
    " version integer PRIMARY KEY,"
    " name text NOT NULL,"
    " applied_at timestamptz NOT NULL DEFAULT now());"
    "COMMENT ON SCHEMA onhand IS 'What the Onhand server knows, up to watermark.seq. Read it; only the server writes.';"
    "COMMENT ON TABLE onhand.schema_version IS 'The migrations that were applied.';"
    "COMMENT ON COLUMN onhand.schema_version.version IS 'Number of the migration.';"
    "COMMENT ON COLUMN onhand.schema_version.name IS 'Its name in sql/.';"
    "COMMENT ON COLUMN onhand.schema_version.applied_at IS 'When.'";

enum oh_err oh_pg_schema_version(struct oh_pg *pg, uint32_t *out_version, struct oh_diag *diag)
{
    bool exists = false;
    int32_t version = 0;
    enum oh_err err = oh_pg_query(pg, table_exists_sql, NULL, 0, diag);
    if (err == OH_OK && oh_pg_row_count(pg) == 1)
        (void)oh_pg_get_bool(oh_pg_value(pg, 0, 0), &exists);
    if (err == OH_OK && exists)
        err = oh_pg_query(pg, version_sql, NULL, 0, diag);
    if (err != OH_OK)
        return err;
    if (exists && (oh_pg_row_count(pg) != 1 || !oh_pg_get_i32(oh_pg_value(pg, 0, 0), &version) || version < 0)) {
        oh_diag_set(diag, "onhand.schema_version is not as this program made it");
        return OH_E_VERSION;
    }
    *out_version = (uint32_t)version;
    return OH_OK;
}

static enum oh_err newer_refuse(uint32_t version, struct oh_diag *diag)
{
    oh_diag_set(diag, "the schema has version %u, this program knows %u: use a newer program", version,
                oh_pg_migration_count);
    return OH_E_VERSION;
}

static enum oh_err version_record(struct oh_pg *pg, const struct oh_pg_migration *migration, struct oh_diag *diag)
{
    struct oh_strbuf version;
    oh_strbuf_init(&version, 64);
    oh_pg_put_i32(&version, (int32_t)migration->version);
    enum oh_err err = OH_E_NOMEM;
    if (!version.is_overflowed) {
        const struct oh_pg_parameter parameters[] = {
            { OH_PG_INT4, { version.data + 4, 4 } },
            { OH_PG_TEXT, oh_bytes_of(migration->name) },
        };
        err = oh_pg_query(pg, "INSERT INTO onhand.schema_version (version, name) VALUES ($1, $2)", parameters, 2,
                          diag);
    }
    oh_strbuf_fini(&version);
    return err;
}

static enum oh_err rolled_back(struct oh_pg *pg, enum oh_err err)
{
    struct oh_diag ignored;
    bool is_open = err == OH_E_REFUSED || err == OH_E_VERSION;
    return is_open && oh_pg_run(pg, "ROLLBACK", &ignored) != OH_OK ? OH_E_UNAVAILABLE : err;
}

/* The schema, empty. */
static enum oh_err base_make(struct oh_pg *pg, struct oh_diag *diag)
{
    enum oh_err err = oh_pg_run(pg, "BEGIN;" MIGRATE_LOCK, diag);
    if (err == OH_OK)
        err = oh_pg_run(pg, base_sql, diag);
    return err == OH_OK ? oh_pg_run(pg, "COMMIT", diag) : rolled_back(pg, err);
}

/* One migration, whole or not at all. The one that another program was quicker with is passed over. */
static enum oh_err migration_apply(struct oh_pg *pg, const struct oh_pg_migration *migration, struct oh_diag *diag)
{
    uint32_t version = 0;
    enum oh_err err = oh_pg_run(pg, "BEGIN;" MIGRATE_LOCK, diag);
    if (err == OH_OK)
        err = oh_pg_schema_version(pg, &version, diag);
    if (err == OH_OK && version > oh_pg_migration_count)
        err = newer_refuse(version, diag);
    if (err == OH_OK && version < migration->version) {
        err = oh_pg_run(pg, migration->sql, diag);
        if (err == OH_OK)
            err = version_record(pg, migration, diag);
    }
    return err == OH_OK ? oh_pg_run(pg, "COMMIT", diag) : rolled_back(pg, err);
}

enum oh_err oh_pg_migrate(struct oh_pg *pg, uint32_t *out_from, uint32_t *out_to, struct oh_diag *diag)
{
    uint32_t version = 0;
    enum oh_err err = oh_pg_schema_version(pg, &version, diag);
    if (err == OH_OK && version > oh_pg_migration_count)
        err = newer_refuse(version, diag);
    if (err == OH_OK && version == 0)
        err = base_make(pg, diag);
    if (err != OH_OK)
        return err;
    *out_from = version;
    *out_to = version;
    for (uint32_t i = version; i < oh_pg_migration_count; i++) {
        err = migration_apply(pg, &oh_pg_migrations[i], diag);
        if (err != OH_OK)
            return err;
        *out_to = oh_pg_migrations[i].version;
    }
    return OH_OK;
}

enum oh_err oh_pg_schema_check(struct oh_pg *pg, struct oh_diag *diag)
{
    uint32_t version = 0;
    enum oh_err err = oh_pg_schema_version(pg, &version, diag);
    if (err != OH_OK || version == oh_pg_migration_count)
        return err;
    if (version > oh_pg_migration_count)
        return newer_refuse(version, diag);
    oh_diag_set(diag, "the schema has version %u, this program needs %u: run onhand migrate", version,
                oh_pg_migration_count);
    return OH_E_VERSION;
}
