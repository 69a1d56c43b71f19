#include "storage/projector_session.h"
#include "base/assert.h"
#include "storage/pg_binary.h"
#include "storage/pg_migrate.h"
#include "storage/snapshot.h"
#include <inttypes.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define CONNECT_MS 5000
#define STATEMENT_MS 60000
#define KEYS_KEPT_US 90000000000LL /* 25 h: the ledger knows them for 24 */
#define FORGET_KEYS_INTERVAL_US 3600000000LL
#define LOOK_INTERVAL_US 10000000 /* without a batch */
#define AHEAD_EFFECTS 256u /* of a piece: what is folded between two looks at the socket */
#define LOAD_STATEMENT_MS 3600000 /* sums over all positions, at the end of a snapshot */

/* ---- Statements --------------------------------------------------------------------------------- */

static const char lock_sql[] = "SELECT pg_try_advisory_lock(4710816)";

static const char watermark_sql[] =
    "SELECT seq, ledger, record_print, movements, imports, epoch FROM onhand.watermark FOR UPDATE";

static const char adopt_sql[] = "UPDATE onhand.watermark SET epoch = epoch + 1, ledger = $1 RETURNING epoch";

static const char months_sql[] =
    "SELECT onhand.month_add($1), onhand.month_add($1 + interval '1 month'),"
    " date_trunc('month', $1, 'UTC') + interval '2 months'";

/* The lock lets onhand.drop_months_before() wait for the end of a batch, and a batch for it, without a deadlock. */
static const char begin_load_sql[] = "BEGIN; LOCK TABLE onhand.watermark IN ROW EXCLUSIVE MODE";

/*
 * Each statement of a batch looks for its rows by a key. Left to itself the planner hashes a whole table for some
 * thousand rows: half of what an update of positions costs.
 */
static const char begin_sql[] = "BEGIN; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;"
                                " LOCK TABLE onhand.watermark IN ROW EXCLUSIVE MODE";

static const char advance_sql[] =
    "UPDATE onhand.watermark SET seq = $1, at = $2, record_print = $3, movements = $4, imports = $5,"
    " known_seq = greatest($6, $1), committed_at = clock_timestamp() WHERE seq = $7 AND epoch = $8";

static const char look_sql[] = "SELECT 1 FROM onhand.watermark WHERE seq = $1 AND epoch = $2";

static const char opening_sql[] =
    "INSERT INTO onhand.opening (sku, node, state, quantity)"
    " SELECT p.sku, p.node, v.state, v.quantity - coalesce(m.quantity, 0) FROM onhand.position p"
    " CROSS JOIN LATERAL (VALUES ('sellable', p.sellable), ('damaged', p.damaged),"
    " ('quality_control', p.quality_control), ('display', p.display), ('returned', p.returned)) AS v(state, quantity)"
    " LEFT JOIN (SELECT sku, node, state, sum(quantity) AS quantity FROM onhand.movement"
    " GROUP BY sku, node, state) AS m ON m.sku = p.sku AND m.node = p.node AND m.state = v.state"
    " WHERE v.quantity <> coalesce(m.quantity, 0)";

static const char forgotten_sql[] = "UPDATE onhand.watermark SET forgotten = $1, forgotten_at = $2, history_from = $3";

static const char forget_keys_sql[] = "DELETE FROM onhand.idempotency_key WHERE at < $1";

/* A number as a parameter: eight bytes that the caller keeps. */
struct number {
    unsigned char bytes[8];
};

static struct oh_pg_parameter number_parameter(struct number *number, int64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        number->bytes[i] = (unsigned char)((uint64_t)value >> (56 - 8 * i));
    return (struct oh_pg_parameter){ OH_PG_INT8, { (const char *)number->bytes, 8 } };
}

static struct oh_pg_parameter time_parameter(struct number *number, int64_t at_us)
{
    if (at_us == OH_TIME_US_NONE)
        return (struct oh_pg_parameter){ OH_PG_TIMESTAMPTZ, OH_BYTES_NONE };
    struct oh_pg_parameter parameter = number_parameter(number, oh_pg_time_of(at_us));
    parameter.type = OH_PG_TIMESTAMPTZ;
    return parameter;
}

/* ---- Life --------------------------------------------------------------------------------------- */

enum oh_err projector_session_init(struct projector_session *session, const struct oh_projector_options *options,
                                   int stop_fd)
{
    *session = (struct projector_session){ .options = options, .stop_fd = stop_fd, .records_max = UINT32_MAX };
    oh_record_decoder_init(&session->decoder, 0);
    return oh_pg_fold_create(&session->fold);
}

void projector_session_fini(struct projector_session *session)
{
    projector_session_close(session);
    oh_record_decoder_fini(&session->decoder);
    oh_pg_fold_destroy(&session->fold);
}

void projector_session_close(struct projector_session *session)
{
    session->pending = OH_BYTES_NONE;
    session->pending_is_counted = false;
    session->batch = (struct session_batch){ .records = 0 };
    session->ahead_err = OH_OK;
    if (session->reader != NULL)
        oh_journal_reader_close(&session->reader);
    oh_pg_close(&session->pg);
}

/* ---- Opening ------------------------------------------------------------------------------------ */

static enum oh_err connect_to(struct projector_session *session, struct oh_diag *diag)
{
    struct oh_pg_options options = {
        .uri = session->options->uri,
        .application_name = "onhand",
        .connect_ms = CONNECT_MS,
        .statement_ms = STATEMENT_MS,
        .stop_fd = session->stop_fd,
    };
    return oh_pg_open(&options, &session->pg, diag);
}

static enum oh_err schema_ensure(struct projector_session *session, struct oh_diag *diag)
{
    uint32_t from;
    uint32_t to;
    return session->options->migrates ? oh_pg_migrate(session->pg, &from, &to, diag)
                                      : oh_pg_schema_check(session->pg, diag);
}

static enum oh_err lock_take(struct projector_session *session, struct oh_diag *diag)
{
    bool is_taken = false;
    enum oh_err err = oh_pg_query(session->pg, lock_sql, NULL, 0, diag);
    if (err == OH_OK)
        (void)oh_pg_get_bool(oh_pg_value(session->pg, 0, 0), &is_taken);
    if (err != OH_OK || is_taken)
        return err;
    oh_diag_set(diag, "another projector is connected to this database");
    return OH_E_LOCKED;
}

/* Record `seq` as it is in our journal. Errors: OH_E_NOT_FOUND (forgotten: nothing to compare with). */
static enum oh_err record_print_read(const struct projector_session *session, uint64_t seq, uint64_t *out_print,
                                     struct oh_diag *diag)
{
    struct oh_journal_reader *reader;
    struct oh_bytes record;
    uint64_t found;
    enum oh_err err = oh_journal_reader_open(session->options->directory, seq, &reader, diag);
    if (err != OH_OK)
        return err;
    oh_journal_reader_set_limit(reader, seq);
    err = oh_journal_reader_next(reader, &found, &record, diag);
    if (err == OH_OK)
        *out_print = XXH3_64bits(record.data, record.size);
    oh_journal_reader_close(&reader);
    return err;
}

/* The row as it was read: whose tables these are, and how far they are. */
struct watermark {
    int64_t seq;
    int64_t ledger;
    int64_t record_print;
    int64_t movements;
    int64_t imports;
    bool has_ledger;
    bool has_print;
};

static enum oh_err watermark_read(struct projector_session *session, struct watermark *out, struct oh_diag *diag)
{
    struct oh_pg *pg = session->pg;
    enum oh_err err = oh_pg_query(pg, watermark_sql, NULL, 0, diag);
    if (err != OH_OK)
        return err;
    bool is_right = oh_pg_row_count(pg) == 1;
    if (is_right) {
        is_right = oh_pg_get_i64(oh_pg_value(pg, 0, 0), &out->seq);
        out->has_ledger = oh_pg_get_i64(oh_pg_value(pg, 0, 1), &out->ledger);
        out->has_print = oh_pg_get_i64(oh_pg_value(pg, 0, 2), &out->record_print);
        is_right = oh_pg_get_i64(oh_pg_value(pg, 0, 3), &out->movements) && is_right;
        is_right = oh_pg_get_i64(oh_pg_value(pg, 0, 4), &out->imports) && is_right;
    }
    if (!is_right)
        oh_diag_set(diag, "onhand.watermark does not have its one row");
    return is_right ? OH_OK : OH_E_REFUSED;
}

/* Are these tables a part of our history? */
static enum oh_err watermark_judge(const struct projector_session *session, const struct watermark *watermark,
                                   struct oh_diag *diag)
{
    uint64_t seq = (uint64_t)watermark->seq;
    uint64_t synced_seq = oh_journal_synced_seq(session->options->journal);
    if (watermark->has_ledger && watermark->ledger != oh_directory_print(session->options->directory)) {
        oh_diag_set(diag, "the tables follow another data directory");
        return OH_E_REFUSED;
    }
    if (seq > synced_seq) {
        oh_diag_set(diag, "the tables are at record %" PRIu64 ", the journal ends at %" PRIu64 ": it is an older copy",
                    seq, synced_seq);
        return OH_E_REFUSED;
    }
    uint64_t print;
    if (seq == 0 || !watermark->has_print)
        return OH_OK;
    enum oh_err err = record_print_read(session, seq, &print, diag);
    if (err == OH_OK && print != (uint64_t)watermark->record_print) {
        oh_diag_set(diag, "record %" PRIu64 " of the journal is not the one in the tables: another history", seq);
        return OH_E_REFUSED;
    }
    return err == OH_E_NOT_FOUND ? OH_OK : err;
}

/* Does the journal still have the record after the tables' last one? */
static enum oh_err gap_judge(const struct projector_session *session, bool *out_needs_snapshot, struct oh_diag *diag)
{
    uint64_t first_seq = oh_journal_first_seq(session->options->journal);
    *out_needs_snapshot = session->seq == 0 && first_seq > 1;
    if (session->seq + 1 >= first_seq || session->seq == 0)
        return OH_OK;
    oh_diag_set(diag,
                "the tables end at record %" PRIu64 ", the journal begins at %" PRIu64
                ": drop schema onhand to load a snapshot",
                session->seq, first_seq);
    return OH_E_REFUSED;
}

/* From here on a batch of an earlier epoch is refused. */
static enum oh_err epoch_take(struct projector_session *session, struct oh_diag *diag)
{
    struct number ledger;
    const struct oh_pg_parameter parameters[] = {
        number_parameter(&ledger, oh_directory_print(session->options->directory)),
    };
    enum oh_err err = oh_pg_query(session->pg, adopt_sql, parameters, 1, diag);
    if (err == OH_OK && oh_pg_row_count(session->pg) == 1)
        (void)oh_pg_get_i64(oh_pg_value(session->pg, 0, 0), &session->epoch);
    return err == OH_OK ? oh_pg_run(session->pg, "COMMIT", diag) : err;
}

enum oh_err projector_session_open(struct projector_session *session, bool *out_needs_snapshot, struct oh_diag *diag)
{
    struct watermark watermark = { 0 };
    enum oh_err err = connect_to(session, diag);
    if (err == OH_OK)
        err = schema_ensure(session, diag);
    if (err == OH_OK)
        err = lock_take(session, diag);
    if (err == OH_OK)
        err = oh_pg_run(session->pg, "BEGIN", diag);
    if (err == OH_OK)
        err = watermark_read(session, &watermark, diag);
    if (err == OH_OK)
        err = watermark_judge(session, &watermark, diag);
    if (err != OH_OK)
        return err;
    session->seq = (uint64_t)watermark.seq;
    session->movements = (uint64_t)watermark.movements;
    session->imports = (uint64_t)watermark.imports;
    session->months_until_us = INT64_MIN;
    /* Other tables than before may be further back, or empty: what is in the journal now stays until these have it. */
    oh_journal_keep_from(session->options->journal, session->seq);
    err = gap_judge(session, out_needs_snapshot, diag);
    return err == OH_OK ? epoch_take(session, diag) : err;
}

/* ---- Names -------------------------------------------------------------------------------------- */

/* Rows of (index, name), as effects that introduce them. */
static enum oh_err names_learn(struct projector_session *session, const char *sql, enum oh_effect_type type,
                               struct oh_diag *diag)
{
    struct oh_effect_names *names = oh_pg_fold_names(session->fold);
    struct oh_bytes row;
    enum oh_err err = oh_pg_copy_out_begin(session->pg, sql, diag);
    while (err == OH_OK) { /* bounded by the table */
        struct oh_bytes columns[2];
        int32_t index = 0;
        err = oh_pg_copy_out_next(session->pg, &row, diag);
        if (err != OH_OK)
            break;
        int count = oh_pg_row_read(row, columns, 2);
        if (count == -1)
            continue;
        if (count != 2 || !oh_pg_get_i32(columns[0], &index) || index < 0) {
            oh_diag_set(diag, "a name in the tables cannot be read");
            return OH_E_REFUSED;
        }
        struct oh_effect effect = { .type = type };
        if (type == OH_EFFECT_ITEM) {
            effect.item.index = (uint32_t)index;
            effect.item.value.sku = columns[1];
        } else if (type == OH_EFFECT_NODE) {
            effect.node.index = (uint16_t)index;
            effect.node.value.node = columns[1];
        } else if (type == OH_EFFECT_GROUP) {
            effect.group.index = (uint16_t)index;
            effect.group.group = columns[1];
        } else {
            effect.channel.index = (uint16_t)index;
            effect.channel.channel = columns[1];
        }
        err = oh_effect_names_learn(names, &effect);
    }
    return err == OH_E_AGAIN ? OH_OK : err;
}

enum oh_err projector_session_begin(struct projector_session *session, struct oh_diag *diag)
{
    static const struct {
        enum oh_effect_type type;
        const char *sql;
    } tables[] = {
        { OH_EFFECT_ITEM, "COPY (SELECT index, sku FROM onhand.item) TO STDOUT (FORMAT binary)" },
        { OH_EFFECT_NODE, "COPY (SELECT index, node FROM onhand.node) TO STDOUT (FORMAT binary)" },
        { OH_EFFECT_GROUP, "COPY (SELECT index, node_group FROM onhand.node_group) TO STDOUT (FORMAT binary)" },
        { OH_EFFECT_CHANNEL, "COPY (SELECT index, channel FROM onhand.channel) TO STDOUT (FORMAT binary)" },
    };
    enum oh_err err = OH_OK;
    oh_pg_fold_reset(session->fold, session->movements, session->imports, false);
    for (size_t i = 0; err == OH_OK && i < sizeof(tables) / sizeof(tables[0]); i++)
        err = names_learn(session, tables[i].sql, tables[i].type, diag);
    if (err == OH_OK)
        err = oh_journal_reader_open(session->options->directory, session->seq + 1, &session->reader, diag);
    if (err == OH_OK)
        oh_journal_keep_from(session->options->journal, session->seq);
    session->looked_at_us = session->options->now_us();
    return err;
}

/* ---- Transactions ------------------------------------------------------------------------------- */

static enum oh_err months_ensure(struct projector_session *session, int64_t at_us, struct oh_diag *diag)
{
    struct number at;
    if (at_us < session->months_until_us)
        return OH_OK;
    const struct oh_pg_parameter parameters[] = { time_parameter(&at, at_us) };
    enum oh_err err = oh_pg_query(session->pg, months_sql, parameters, 1, diag);
    if (err != OH_OK)
        return err;
    /* Nobody's time: the month is asked for again. */
    if (!oh_pg_get_time(oh_pg_value(session->pg, 0, 2), &session->months_until_us))
        session->months_until_us = at_us;
    return OH_OK;
}

/* It is not where we left it. The next connection sees what became of the tables. */
static enum oh_err watermark_lost(struct oh_diag *diag)
{
    oh_diag_set(diag, "another projector has taken over, or the tables were replaced");
    return OH_E_LOCKED;
}

/* Moves the watermark in the open transaction, if it is still where we left it and ours. */
static enum oh_err watermark_advance(struct projector_session *session, const struct session_batch *batch,
                                     struct oh_diag *diag)
{
    struct number numbers[8];
    uint64_t known_seq = oh_journal_synced_seq(session->options->journal);
    const struct oh_pg_parameter parameters[] = {
        number_parameter(&numbers[0], (int64_t)batch->seq),
        time_parameter(&numbers[1], batch->at_us),
        number_parameter(&numbers[2], (int64_t)batch->record_print),
        number_parameter(&numbers[3], (int64_t)batch->movements),
        number_parameter(&numbers[4], (int64_t)batch->imports),
        number_parameter(&numbers[5], (int64_t)known_seq),
        number_parameter(&numbers[6], (int64_t)session->seq),
        number_parameter(&numbers[7], session->epoch),
    };
    enum oh_err err = oh_pg_query(session->pg, advance_sql, parameters, 8, diag);
    if (err != OH_OK || oh_pg_changed_count(session->pg) == 1)
        return err;
    return watermark_lost(diag);
}

/* Without records nothing else would find that, or that the server is gone. */
static enum oh_err watermark_look(struct projector_session *session, struct oh_diag *diag)
{
    struct number numbers[2];
    int64_t now_us = session->options->now_us();
    if (now_us - session->looked_at_us < LOOK_INTERVAL_US && now_us >= session->looked_at_us)
        return OH_OK;
    const struct oh_pg_parameter parameters[] = {
        number_parameter(&numbers[0], (int64_t)session->seq),
        number_parameter(&numbers[1], session->epoch),
    };
    enum oh_err err = oh_pg_query(session->pg, look_sql, parameters, 2, diag);
    session->looked_at_us = now_us;
    return err == OH_OK && oh_pg_row_count(session->pg) != 1 ? watermark_lost(diag) : err;
}

static enum oh_err transaction_begin(struct projector_session *session, const char *sql, struct oh_diag *diag)
{
    enum oh_err err = oh_pg_run(session->pg, sql, diag);
    session->batch.has_begun = err == OH_OK;
    return err;
}

static enum oh_err transaction_end(struct projector_session *session, const struct session_batch *batch,
                                   struct oh_diag *diag)
{
    enum oh_err err = oh_pg_fold_send(session->fold, session->pg, diag);
    if (err == OH_OK)
        err = watermark_advance(session, batch, diag);
    if (err == OH_OK)
        err = oh_pg_run(session->pg, "COMMIT", diag);
    if (err == OH_OK)
        session->seq = batch->seq;
    return err;
}

/* OH_E_FULL: what is folded has to be sent first. */
static enum oh_err effect_fold(struct projector_session *session, uint64_t seq, int64_t at_us, uint32_t ordinal,
                               const struct oh_effect *effect, struct oh_diag *diag)
{
    enum oh_err err = oh_pg_fold_effect(session->fold, seq, at_us, ordinal, effect);
    if (err == OH_E_CORRUPT)
        oh_diag_set(diag, "record %" PRIu64 ", effect %u (%s): an index without a name", seq, ordinal,
                    oh_effect_type_text(effect->type));
    return err;
}

/* Sends first when it has to. */
static enum oh_err effect_take(struct projector_session *session, uint64_t seq, int64_t at_us, uint32_t ordinal,
                               const struct oh_effect *effect, struct oh_diag *diag)
{
    enum oh_err err = effect_fold(session, seq, at_us, ordinal, effect, diag);
    if (err != OH_E_FULL)
        return err;
    err = session->batch.has_begun ? OH_OK : transaction_begin(session, begin_sql, diag);
    if (err == OH_OK)
        err = oh_pg_fold_send(session->fold, session->pg, diag);
    if (err == OH_OK)
        err = effect_fold(session, seq, at_us, ordinal, effect, diag);
    OH_ASSERT(err != OH_E_FULL); /* an empty fold takes any effect */
    return err;
}

/* ---- A snapshot --------------------------------------------------------------------------------- */

/* What is known of it after its objects have been seen once. */
struct snapshot_facts {
    struct oh_effect_head head;
    uint64_t remembered_first;
    uint64_t imports;
};

/* Hands each object to `take`. */
static enum oh_err objects_read(struct projector_session *session, struct oh_snapshot_reader *reader,
                                enum oh_err (*take)(struct projector_session *session, void *ctx, uint32_t number,
                                                    const struct oh_effect *object, struct oh_diag *diag),
                                void *ctx, struct oh_diag *diag)
{
    struct oh_bytes bytes;
    enum oh_err err = oh_snapshot_reader_next(reader, &bytes, diag);
    for (uint32_t number = 0; err == OH_OK; number++) { /* bounded by the file */
        struct oh_effect object;
        err = oh_object_decode(bytes, &session->decoder, &object);
        if (err == OH_OK)
            err = take(session, ctx, number, &object, diag);
        if (err == OH_OK)
            err = oh_snapshot_reader_next(reader, &bytes, diag);
    }
    return err == OH_E_AGAIN ? OH_OK : err;
}

static enum oh_err object_learn(struct projector_session *session, void *ctx, uint32_t number,
                                const struct oh_effect *object, struct oh_diag *diag)
{
    struct snapshot_facts *facts = ctx;
    (void)number;
    (void)diag;
    if (object->type == OH_EFFECT_HEAD)
        facts->head = object->head;
    if (object->type == OH_EFFECT_REMEMBERED && object->remembered.number < facts->remembered_first)
        facts->remembered_first = object->remembered.number;
    if (object->type == OH_EFFECT_IMPORT && object->import.number > facts->imports)
        facts->imports = object->import.number;
    return oh_effect_names_learn(oh_pg_fold_names(session->fold), object);
}

static enum oh_err object_take(struct projector_session *session, void *ctx, uint32_t number,
                               const struct oh_effect *object, struct oh_diag *diag)
{
    const struct snapshot_facts *facts = ctx;
    return effect_take(session, facts->head.seq, facts->head.time_us, number, object, diag);
}

static enum oh_err forgotten_set(struct projector_session *session, const struct snapshot_facts *facts,
                                 struct oh_diag *diag)
{
    struct number numbers[3];
    const struct oh_pg_parameter parameters[] = {
        number_parameter(&numbers[0], (int64_t)facts->remembered_first),
        time_parameter(&numbers[1], facts->head.forgotten_at_us),
        time_parameter(&numbers[2], facts->head.time_us),
    };
    return oh_pg_query(session->pg, forgotten_sql, parameters, 3, diag);
}

/* Objects come in any order, so that their names are learned first: the file is read twice. */
static enum oh_err objects_load(struct projector_session *session, struct oh_snapshot_reader *names,
                                struct oh_snapshot_reader *objects, struct oh_diag *diag)
{
    struct snapshot_facts facts = { .remembered_first = UINT64_MAX };
    oh_pg_fold_reset(session->fold, 0, 0, true);
    enum oh_err err = objects_read(session, names, object_learn, &facts, diag);
    if (err != OH_OK)
        return err;
    if (facts.remembered_first > facts.head.movement_count)
        facts.remembered_first = facts.head.movement_count;
    oh_pg_fold_set_counts(session->fold, facts.head.movement_count, facts.imports);
    err = months_ensure(session, facts.head.time_us, diag);
    if (err == OH_OK)
        err = transaction_begin(session, begin_load_sql, diag);
    if (err == OH_OK)
        err = objects_read(session, objects, object_take, &facts, diag);
    if (err == OH_OK)
        err = oh_pg_fold_send(session->fold, session->pg, diag);
    if (err == OH_OK)
        err = oh_pg_query(session->pg, opening_sql, NULL, 0, diag);
    if (err == OH_OK)
        err = forgotten_set(session, &facts, diag);
    struct session_batch all = { .seq = facts.head.seq, .at_us = facts.head.time_us };
    if (err == OH_OK)
        err = record_print_read(session, all.seq, &all.record_print, diag);
    if (err == OH_E_NOT_FOUND) /* forgotten already */
        err = OH_OK;
    all.movements = oh_pg_fold_movements(session->fold);
    all.imports = oh_pg_fold_imports(session->fold);
    if (err == OH_OK)
        err = transaction_end(session, &all, diag);
    session->batch = (struct session_batch){ .records = 0 };
    return err;
}

enum oh_err projector_session_load(struct projector_session *session, struct oh_diag *diag)
{
    struct oh_snapshot_info info;
    struct oh_snapshot_reader *names = NULL;
    struct oh_snapshot_reader *objects = NULL;
    oh_pg_set_statement_ms(session->pg, LOAD_STATEMENT_MS);
    enum oh_err err = oh_snapshot_reader_open(session->options->directory, 0, &names, &info, diag);
    if (err == OH_OK)
        err = oh_snapshot_reader_open(session->options->directory, info.seq, &objects, &info, diag);
    if (err == OH_OK)
        err = objects_load(session, names, objects, diag);
    if (names != NULL)
        oh_snapshot_reader_close(&names);
    if (objects != NULL)
        oh_snapshot_reader_close(&objects);
    session->movements = oh_pg_fold_movements(session->fold);
    session->imports = oh_pg_fold_imports(session->fold);
    oh_pg_set_statement_ms(session->pg, STATEMENT_MS);
    return err;
}

/* ---- A batch ------------------------------------------------------------------------------------ */

static bool batch_is_full(const struct projector_session *session)
{
    const struct session_batch *batch = &session->batch;
    return batch->is_packed || batch->records >= session->records_max ||
           batch->effects >= session->options->batch_effects || batch->bytes >= OH_PROJECTOR_BATCH_BYTES;
}

/* What of the record is not folded yet. Ahead nothing can be sent: OH_E_FULL, and it goes on from there later. */
static enum oh_err record_fold(struct projector_session *session, const struct oh_record *record, bool is_ahead,
                               struct oh_diag *diag)
{
    enum oh_err err = OH_OK;
    while (err == OH_OK && session->pending_effects < record->effect_count) {
        uint32_t i = session->pending_effects;
        err = is_ahead ? effect_fold(session, record->seq, record->at_us, i, &record->effects[i], diag)
                       : effect_take(session, record->seq, record->at_us, i, &record->effects[i], diag);
        session->pending_effects += err == OH_OK ? 1 : 0;
    }
    return err;
}

static void record_count(struct projector_session *session, const struct oh_record *record)
{
    struct session_batch *batch = &session->batch;
    batch->records++;
    batch->effects += record->effect_count;
    batch->bytes += session->pending.size;
    batch->seq = record->seq;
    batch->at_us = record->at_us;
    session->pending_is_counted = true;
}

/* The next record joins the batch. OH_E_AGAIN: there is none, or it belongs to the next batch. */
static enum oh_err record_take(struct projector_session *session, bool is_ahead, struct oh_diag *diag)
{
    uint64_t seq;
    struct oh_record record;
    enum oh_err err = OH_OK;
    if (session->pending.data == NULL) {
        session->pending_effects = 0;
        err = oh_journal_reader_next(session->reader, &seq, &session->pending, diag);
    }
    if (err == OH_OK)
        err = oh_record_decode(session->pending, &session->decoder, &record);
    if (err != OH_OK)
        return err;
    if ((session->batch.records > 0 || is_ahead) && record.at_us >= session->months_until_us)
        return OH_E_AGAIN; /* a batch first makes the partitions of its month */
    if (session->batch.records == 0)
        err = months_ensure(session, record.at_us, diag);
    if (err == OH_OK && !session->pending_is_counted)
        record_count(session, &record);
    if (err == OH_OK)
        err = record_fold(session, &record, is_ahead, diag);
    if (err != OH_OK)
        return err;
    session->batch.record_print = XXH3_64bits(session->pending.data, session->pending.size);
    session->pending = OH_BYTES_NONE;
    session->pending_is_counted = false;
    return OH_OK;
}

/* A piece of the next batch, while this one is on its way. False: no more, or not before the next batch. */
static bool batch_go_ahead(void *ctx)
{
    struct projector_session *session = ctx;
    const struct session_batch *batch = &session->batch;
    uint64_t until = batch->effects + batch->records + AHEAD_EFFECTS;
    enum oh_err err = OH_OK;
    while (err == OH_OK && !batch_is_full(session) && batch->effects + batch->records < until)
        err = record_take(session, true, &session->ahead_diag);
    if (err != OH_OK && err != OH_E_AGAIN && err != OH_E_FULL)
        session->ahead_err = err;
    if (err == OH_OK && batch_is_full(session)) {
        oh_pg_fold_pack(session->fold);
        session->batch.is_packed = true;
        return false;
    }
    return err == OH_OK;
}

/* Everything of the batch, and its end. Nothing of the next one is folded before the rows of this one are set apart. */
static enum oh_err batch_end(struct projector_session *session, struct session_batch *batch, struct oh_diag *diag)
{
    enum oh_err err = batch->has_begun ? OH_OK : transaction_begin(session, begin_sql, diag);
    if (err != OH_OK)
        return err;
    batch->movements = oh_pg_fold_movements(session->fold);
    batch->imports = oh_pg_fold_imports(session->fold);
    session->batch = (struct session_batch){ .records = 0 };
    oh_pg_set_meanwhile(session->pg, batch_go_ahead, session);
    err = transaction_end(session, batch, diag);
    oh_pg_set_meanwhile(session->pg, NULL, NULL);
    return err;
}

/* Says which records were refused; the next tries take one at a time, so that the reason names the right one. */
static void refusal_tell(struct projector_session *session, const struct session_batch *batch,
                         struct oh_diag *diag)
{
    struct oh_diag said = *diag;
    if (batch->records == 1)
        oh_diag_set(diag, "record %" PRIu64 ": %.400s", batch->seq, said.text);
    else
        oh_diag_set(diag, "records %" PRIu64 " to %" PRIu64 ": %.400s", session->seq + 1, batch->seq, said.text);
    session->records_max = 1;
}

/* Keys that the ledger has forgotten go too, in a transaction of their own, once an hour of the ledger's time. */
static enum oh_err keys_forget(struct projector_session *session, int64_t at_us, struct oh_diag *diag)
{
    struct number before;
    if (at_us < session->forget_keys_at_us)
        return OH_OK;
    session->forget_keys_at_us = at_us + FORGET_KEYS_INTERVAL_US;
    const struct oh_pg_parameter parameters[] = { time_parameter(&before, at_us - KEYS_KEPT_US) };
    return oh_pg_query(session->pg, forget_keys_sql, parameters, 1, diag);
}

enum oh_err projector_session_batch(struct projector_session *session, struct projector_batch *out_batch,
                                    struct oh_diag *diag)
{
    enum oh_err err = session->ahead_err;
    if (err != OH_OK)
        *diag = session->ahead_diag;
    uint64_t limit = oh_journal_synced_seq(session->options->journal);
    oh_journal_reader_set_limit(session->reader, limit);
    while (err == OH_OK && (session->pending_is_counted || !batch_is_full(session))) /* bounded by the batch */
        err = record_take(session, false, diag);
    if (err == OH_E_AGAIN)
        err = OH_OK;
    struct session_batch batch = session->batch;
    if (err == OH_OK)
        err = batch.records > 0 ? batch_end(session, &batch, diag) : watermark_look(session, diag);
    if (err == OH_E_REFUSED && batch.records > 0)
        refusal_tell(session, &batch, diag);
    if (err != OH_OK)
        return err;
    *out_batch = (struct projector_batch){ batch.records, batch.at_us, session->seq >= limit };
    if (batch.records == 0)
        return OH_OK;
    session->looked_at_us = session->options->now_us();
    oh_journal_keep_from(session->options->journal, session->seq);
    if (session->records_max <= UINT32_MAX / 2)
        session->records_max *= 2;
    return keys_forget(session, batch.at_us, diag);
}
