#include "storage/pg_rebuild.h"
#include "base/assert.h"
#include "base/strbuf.h"
#include "codec/record.h"
#include "storage/journal.h"
#include "storage/pg_binary.h"
#include "storage/pg_migrate.h"
#include "storage/snapshot.h"
#include <inttypes.h>

/* The lock that a projector holds as long as it is connected. */
static const char lock_sql[] = "SELECT pg_try_advisory_lock(4710816)";

/* Whose session has it, in words. A machine that is gone leaves its session behind for a while. */
static const char holder_sql[] =
    "SELECT format('session %s of %s, since %s', l.pid, coalesce(host(a.client_addr), 'this machine'),"
    " coalesce(to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS'), 'some time')),"
    " format('SELECT pg_terminate_backend(%s)', l.pid)"
    " FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)"
    " WHERE l.locktype = 'advisory' AND l.classid = 0 AND l.objid = 4710816 AND l.granted"
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";

static enum oh_err lock_refused(struct oh_pg *pg, struct oh_diag *diag)
{
    enum oh_err err = oh_pg_query(pg, holder_sql, NULL, 0, diag);
    if (err != OH_OK)
        return err;
    struct oh_bytes holder = OH_BYTES("a session that has just ended");
    struct oh_bytes remedy = OH_BYTES("try again");
    if (oh_pg_row_count(pg) > 0) {
        holder = oh_pg_value(pg, 0, 0);
        remedy = oh_pg_value(pg, 0, 1);
    }
    oh_diag_set(diag,
                "a server projects into these tables, or another rebuild is at work (%.*s): stop it first. "
                "If its machine is gone: %.*s",
                (int)holder.size, holder.data, (int)remedy.size, remedy.data);
    return OH_E_LOCKED;
}

enum oh_err oh_pg_rebuild_begin(struct oh_pg *pg, struct oh_diag *diag)
{
    bool is_taken = false;
    enum oh_err err = oh_pg_schema_check(pg, diag);
    if (err == OH_OK)
        err = oh_pg_query(pg, lock_sql, NULL, 0, diag);
    if (err != OH_OK)
        return err;
    if (oh_pg_row_count(pg) == 1 && oh_pg_get_bool(oh_pg_value(pg, 0, 0), &is_taken) && is_taken)
        return OH_OK;
    return lock_refused(pg, diag);
}

/* ---- Snapshot --------------------------------------------------------------------------------- */

struct rebuild {
    const struct oh_pg_rebuild_options *options;
    struct oh_pg_rebuild_report *report;
    struct oh_snapshot_writer *writer;
    struct oh_strbuf bytes;
};

/* Why the writer takes nothing any more. */
static enum oh_err writer_failed(const struct rebuild *rebuild, struct oh_diag *diag)
{
    (void)oh_snapshot_writer_state(rebuild->writer, diag);
    return OH_E_IO;
}

/* The queue takes an object, at the latest when what is in it was written. */
static enum oh_err object_write(const struct rebuild *rebuild, struct oh_bytes bytes)
{
    enum oh_err err = oh_snapshot_writer_put(rebuild->writer, bytes);
    if (err != OH_E_AGAIN)
        return err;
    oh_snapshot_writer_work(rebuild->writer);
    return oh_snapshot_writer_put(rebuild->writer, bytes);
}

static enum oh_err object_take(void *ctx, const struct oh_effect *object, struct oh_diag *diag)
{
    struct rebuild *rebuild = ctx;
    oh_strbuf_clear(&rebuild->bytes);
    enum oh_err err = oh_object_encode(object, &rebuild->bytes);
    if (err == OH_OK)
        err = object_write(rebuild, oh_strbuf_bytes(&rebuild->bytes));
    if (err == OH_E_IO)
        return writer_failed(rebuild, diag);
    if (err != OH_OK) {
        oh_diag_set(diag, "an object of kind %s: %s", oh_effect_type_text(object->type), oh_err_text(err));
        return err;
    }
    rebuild->report->object_counts[object->type]++;
    if (rebuild->options->object_done != NULL)
        rebuild->options->object_done(rebuild->options->ctx, object->type, rebuild->bytes.size);
    return OH_OK;
}

static enum oh_err snapshot_end(const struct rebuild *rebuild, struct oh_diag *diag)
{
    struct oh_snapshot_stats stats;
    oh_snapshot_writer_finish(rebuild->writer);
    oh_snapshot_writer_work(rebuild->writer);
    if (oh_snapshot_writer_state(rebuild->writer, NULL) != OH_SNAPSHOT_DONE)
        return writer_failed(rebuild, diag);
    oh_snapshot_writer_stats(rebuild->writer, &stats);
    rebuild->report->snapshot_bytes = stats.file_bytes;
    return OH_OK;
}

static enum oh_err snapshot_write(struct oh_pg *pg, const struct oh_directory *directory, struct rebuild *rebuild,
                                  struct oh_diag *diag)
{
    const struct oh_pg_head *head = &rebuild->report->head;
    const struct oh_snapshot_options options = { .seq = head->seq, .at_us = head->at_us, .is_manual = true };
    enum oh_err err = oh_snapshot_writer_create(directory, &options, &rebuild->writer, diag);
    if (err != OH_OK)
        return err;
    const struct oh_pg_object_sink sink = { object_take, rebuild };
    oh_strbuf_init(&rebuild->bytes, OH_SNAPSHOT_OBJECT_SIZE_MAX);
    err = oh_pg_objects_read(pg, head, &sink, diag);
    if (err == OH_OK)
        err = oh_pg_run(pg, "COMMIT", diag);
    if (err == OH_OK)
        err = snapshot_end(rebuild, diag);
    oh_strbuf_fini(&rebuild->bytes);
    oh_snapshot_writer_destroy(&rebuild->writer);
    return err;
}

/* ---- Journal ---------------------------------------------------------------------------------- */

/* An empty file that begins behind the snapshot. */
static enum oh_err journal_write(const struct oh_directory *directory, uint64_t seq, struct oh_diag *diag)
{
    const struct oh_journal_options options = {
        .durability = OH_DURABILITY_DISK, .first_seq = seq + 1, .is_manual = true
    };
    struct oh_journal *journal = NULL;
    enum oh_err err = oh_journal_open(directory, &options, &journal, diag);
    if (err != OH_OK)
        return err;
    oh_journal_finish(journal);
    if (oh_journal_failed(journal, diag))
        err = OH_E_IO;
    oh_journal_close(&journal);
    return err;
}

enum oh_err oh_pg_rebuild_write(struct oh_pg *pg, const struct oh_directory *directory,
                                const struct oh_pg_rebuild_options *options,
                                struct oh_pg_rebuild_report *out_report, struct oh_diag *diag)
{
    OH_ASSERT(oh_directory_is_new(directory) && options->history_max > 0);
    struct rebuild rebuild = { .options = options, .report = out_report };
    *out_report = (struct oh_pg_rebuild_report){ .snapshot_bytes = 0 };
    enum oh_err err = oh_pg_objects_begin(pg, options->history_max, &out_report->head, diag);
    if (err == OH_OK)
        err = snapshot_write(pg, directory, &rebuild, diag);
    return err == OH_OK ? journal_write(directory, out_report->head.seq, diag) : err;
}

/* ---- The tables ------------------------------------------------------------------------------- */

static const char follow_sql[] =
    "UPDATE onhand.watermark SET ledger = $1, record_print = NULL, epoch = epoch + 1, known_seq = seq"
    " WHERE seq = $2 AND epoch = $3";

enum oh_err oh_pg_rebuild_follow(struct oh_pg *pg, const struct oh_directory *directory,
                                 const struct oh_pg_head *head, struct oh_diag *diag)
{
    const int64_t numbers[] = { oh_directory_print(directory), (int64_t)head->seq, head->epoch };
    struct oh_pg_parameter parameters[3];
    struct oh_strbuf bytes;
    oh_strbuf_init(&bytes, 64);
    for (int i = 0; i < 3; i++)
        oh_pg_put_i64(&bytes, numbers[i]);
    if (bytes.is_overflowed) {
        oh_strbuf_fini(&bytes);
        return OH_E_NOMEM;
    }
    for (size_t i = 0; i < 3; i++) /* each is a length of four bytes and eight of value */
        parameters[i] = (struct oh_pg_parameter){ OH_PG_INT8, { bytes.data + 12 * i + 4, 8 } };
    enum oh_err err = oh_pg_query(pg, follow_sql, parameters, 3, diag);
    oh_strbuf_fini(&bytes);
    if (err != OH_OK || oh_pg_changed_count(pg) == 1)
        return err;
    oh_diag_set(diag, "the tables have changed since they were read, at seq %" PRIu64 ": rebuild once more",
                head->seq);
    return OH_E_REFUSED;
}
