#include "sim/projection.h"
#include "base/assert.h"
#include "sim/database.h"
#include "sim/model_internal.h"
#include "sim/projected_fold.h"
#include "storage/journal_reader.h"
#include "storage/little_endian.h"
#include "storage/snapshot.h"
#include "codec/record.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_KEPT_US  (25 * HOUR_US)
#define STEPS_MAX     4u /* of the projector after one event */
#define DRAIN_STEPS   3000u
#define LOOK_US       (3 * SECOND_US / 2) /* the server has looked at its backlog by then, if it took turns */
#define PASSED_US_MAX 100000
#define DRAIN_ODDS    100 /* one event of so many waits until everything is projected */
#define RENEWAL_ODDS  120 /* in one of so many the tables are empty again, in every other seed */
#define CROSSING_WRITES 1200u /* more than a file of the journal has room for */
#define SNAPSHOTS_KEPT  2u    /* where nothing is said */
#define SNAPSHOT_TURNS  400u
#define SLACK_FILES   3u                  /* "to within two files", and the one that is being written */

struct projection {
    struct run *run;
    struct projected_fold fold;
    struct oh_journal_reader *reader; /* the judge's own; NULL: to be opened */
    struct oh_record_decoder decoder;
    struct oh_prng prng; /* when the world goes on within a call */
    uint32_t storm;      /* how often anything fails: 0 never */
    bool is_absent;
    uint64_t stop_seq;   /* the tables have to have it when the process has ended; 0: they need not */
    bool was_renewed;    /* ever: what is written down may be of the tables before, a power loss brings it back */
    bool is_renewed;     /* the tables are new, and empty until now */
    bool is_crossing;    /* while a snapshot is loaded newer ones take its place */
    uint64_t loads;      /* of snapshots that were seen */
    int64_t judged_at_us;     /* monotonic: when the backlog was looked at last */
    uint64_t judged_turns;
    int64_t over_us;      /* so long it has been beyond the limit, or far below it, turns being taken */
    int64_t under_us;
};

static struct projection the_projection; /* the callbacks of the world know the run, and there is one */

bool projection_is_had(const struct run_options *options)
{
    return options->seed % 3 == 2;
}

/* ---- What has to be in the tables ------------------------------------------------------------------------------- */

static void reader_close(struct projection *projection)
{
    if (projection->reader != NULL)
        oh_journal_reader_close(&projection->reader);
}

static enum oh_err record_next(struct projection *projection, struct oh_bytes *out, struct oh_diag *diag)
{
    uint64_t found;
    const struct sim_world *world = &projection->run->world;
    enum oh_err err = OH_OK;
    if (projection->reader == NULL)
        err = oh_journal_reader_open(world->directory, projection->fold.seq + 1, &projection->reader, diag);
    if (err != OH_OK)
        return err;
    oh_journal_reader_set_limit(projection->reader, oh_journal_synced_seq(world->journal));
    return oh_journal_reader_next(projection->reader, &found, out, diag);
}

static void fold_up_to(struct projection *projection, uint64_t seq)
{
    while (projection->fold.seq < seq && !projection->run->result->has_failed) {
        struct oh_bytes bytes;
        struct oh_record record;
        struct oh_diag diag = { "" };
        enum oh_err err = record_next(projection, &bytes, &diag);
        if (err == OH_OK)
            err = oh_record_decode(bytes, &projection->decoder, &record);
        if (err == OH_OK)
            projected_fold_record(&projection->fold, &record);
        else
            run_fail(projection->run, "kept until projected", "record %" PRIu64 " cannot be read: %s",
                     projection->fold.seq + 1, diag.text);
    }
}

/* Keys that are too old for anybody may be there or not. */
static uint64_t keys_hash(const struct tables *tables, int64_t before_us)
{
    uint64_t hash = 0;
    for (uint32_t row = 0; row < tables->tables[TABLE_KEY].count; row++) {
        const int64_t *cells = table_row(tables, TABLE_KEY, row);
        if (tables->tables[TABLE_KEY].is_there[row] && cells[2] >= before_us)
            hash += table_row_hash(TABLE_KEY, cells);
    }
    return hash;
}

static void tables_judge(struct projection *projection)
{
    const struct tables *found = database_tables();
    const struct tables *wanted = &projection->fold.tables;
    int64_t before_us = projection->fold.at_us - KEYS_KEPT_US;
    for (unsigned id = 0; id < TABLE_IDS; id++) {
        bool is_same = id == TABLE_KEY ? keys_hash(found, before_us) == keys_hash(wanted, before_us)
                                       : found->tables[id].hash == wanted->tables[id].hash;
        if (is_same)
            continue;
        char why[500];
        tables_difference(wanted, found, (enum table_id)id, why, sizeof(why));
        run_fail(projection->run, "the tables are the fold", "at record %" PRIu64 ": %s", projection->fold.seq, why);
    }
}

/* Every object of the snapshot of record `seq`, named or taken. OH_E_NOT_FOUND: it was removed meanwhile. */
static enum oh_err objects_fold(struct projection *projection, uint64_t seq, bool is_named, struct oh_diag *diag)
{
    struct oh_snapshot_reader *reader;
    struct oh_snapshot_info info;
    struct oh_bytes bytes;
    struct oh_effect object;
    enum oh_err err = oh_snapshot_reader_open(projection->run->world.directory, seq, &reader, &info, diag);
    if (err != OH_OK)
        return err;
    while (err == OH_OK) { /* bounded by the file */
        err = oh_snapshot_reader_next(reader, &bytes, diag);
        if (err == OH_OK)
            err = oh_object_decode(bytes, &projection->decoder, &object);
        if (err == OH_OK && object.type == OH_EFFECT_HEAD)
            projected_fold_begin_snapshot(&projection->fold, &object.head);
        if (err == OH_OK && is_named)
            projected_fold_object(&projection->fold, &object);
        else if (err == OH_OK)
            projected_fold_name(&projection->fold, &object);
    }
    oh_snapshot_reader_close(&reader);
    return err == OH_E_AGAIN ? OH_OK : err;
}

/* Empty tables have got a snapshot. What was in it nobody can say any more when a newer one has taken its place. */
static void snapshot_judge(struct projection *projection)
{
    const struct database_watermark *watermark = database_watermark();
    struct projected_fold *fold = &projection->fold;
    struct oh_diag diag = { "" };
    uint64_t seq = (uint64_t)watermark->seq;
    enum oh_err err = objects_fold(projection, seq, false, &diag);
    if (err == OH_OK)
        err = objects_fold(projection, seq, true, &diag);
    projection->loads = watermark->loads;
    projection->run->result->loads++;
    if (err == OH_E_NOT_FOUND) {
        projected_fold_adopt(fold, database_tables(), seq, watermark->at_us, (uint64_t)watermark->movements,
                             (uint64_t)watermark->imports);
        return;
    }
    if (err != OH_OK)
        run_fail(projection->run, "kept until projected", "snapshot %" PRIu64 " cannot be read: %s", seq, diag.text);
    projected_fold_end_snapshot(fold);
    if ((uint64_t)watermark->forgotten != fold->forgotten)
        run_fail(projection->run, "the tables are the fold", "%" PRId64 " movements are forgotten, not %" PRIu64,
                 watermark->forgotten, fold->forgotten);
    if (watermark->history_from_us != fold->at_us)
        run_fail(projection->run, "the tables are the fold", "the history does not begin at the snapshot");
}

static void committed(void *ctx)
{
    struct projection *projection = ctx;
    struct run *run = projection->run;
    const struct database_watermark *watermark = database_watermark();
    uint64_t seq = (uint64_t)watermark->seq;
    uint64_t synced_seq = oh_journal_synced_seq(run->world.journal);
    if (seq > synced_seq)
        run_fail(run, "projected is durable", "the tables have record %" PRIu64 ", the disk %" PRIu64, seq, synced_seq);
    if (seq < projection->fold.seq)
        run_fail(run, "the tables are the fold", "the watermark went back to %" PRIu64, seq);
    if (watermark->loads != projection->loads)
        snapshot_judge(projection);
    projection->is_renewed = projection->is_renewed && seq == 0;
    fold_up_to(projection, seq);
    if (run->result->has_failed)
        return;
    tables_judge(projection);
    if (seq > 0 && (uint64_t)watermark->movements != projection->fold.movements)
        run_fail(run, "the tables are the fold", "%" PRId64 " movements are counted, not %" PRIu64,
                 watermark->movements, projection->fold.movements);
    run_digest_add(run, &seq, sizeof(seq));
    run->result->commits++;
}

static void broken(void *ctx, const char *why)
{
    struct projection *projection = ctx;
    run_fail(projection->run, "the client keeps the rules", "%s", why);
}

/* ---- The world goes on ------------------------------------------------------------------------------------------- */

static int64_t now_us(void *ctx)
{
    const struct projection *projection = ctx;
    return projection->run->world.monotonic_us;
}

/* One small write, in a frame of its own; false: it cannot be sent. */
static bool write_small(struct run *run, uint32_t number)
{
    struct model_request request = { .type = MODEL_NODE,
                                     .channel = MODEL_NONE,
                                     .point = MODEL_NONE,
                                     .at_us = MODEL_NEVER,
                                     .node = (uint8_t)(number % MODEL_NODES),
                                     .value = number / MODEL_NODES % 2 };
    if (run->result->has_failed || run->world.is_stopped || !run_send(run, run_op_add(run, &request), 0))
        return false;
    sim_peer_deliver(run_peer(run, 0), SIZE_MAX);
    run_turn(run);
    run_work(run);
    sim_world_pass(&run->world, 3000);
    if (run->result->has_failed || run->world.is_stopped)
        return false;
    run_turn(run);
    return true;
}

static uint64_t snapshot_seq(const struct run *run)
{
    return oh_snapshotter_stats(run->world.snapshotter).last_seq;
}

/* As many snapshots as are kept, so that the journal is needed for none before them. */
static void snapshots_overtake(struct run *run)
{
    uint32_t kept = run->world.options.keep_count == 0 ? SNAPSHOTS_KEPT : run->world.options.keep_count;
    for (uint32_t i = 0; i < kept && write_small(run, i); i++) {
        uint64_t before_seq = snapshot_seq(run);
        oh_snapshotter_request(run->world.snapshotter);
        for (uint32_t n = 0; n < SNAPSHOT_TURNS && snapshot_seq(run) == before_seq && !run->world.is_stopped; n++) {
            run_turn(run);
            run_work(run);
        }
    }
    run_work(run);
}

/* The journal's threads and the loop get on as they like, while a call takes its time. */
static void meanwhile(void *ctx, int64_t us)
{
    struct projection *projection = ctx;
    struct run *run = projection->run;
    sim_world_pass(&run->world, us);
    if (!sim_world_is_up(&run->world) || run->world.is_stopped || run->result->has_failed)
        return;
    struct oh_projector_status status;
    oh_projector_status(run->world.projector, &status);
    if (projection->is_crossing && status.state == OH_PROJECTOR_LOADING) {
        projection->is_crossing = false;
        snapshots_overtake(run);
        return;
    }
    uint64_t dice = oh_prng_below(&projection->prng, 16);
    if (dice == 0 && !run->is_stalled)
        sim_world_work(&run->world, OH_JOURNAL_WORK_WRITE);
    if (dice == 1 && !run->is_stalled)
        sim_world_work(&run->world, OH_JOURNAL_WORK_PREPARE);
    if (dice == 2 && !run->is_stalled)
        sim_world_work_snapshot(&run->world);
    if (dice < 4 || us > SECOND_US)
        run_turn(run);
}

/* The process ends: the database hears of it sooner or later. */
static void closing(void *ctx)
{
    (void)ctx;
    reader_close(&the_projection);
    database_client_gone();
}

/* ---- The journal that is kept ------------------------------------------------------------------------------------ */

struct kept_files {
    uint64_t seqs[256]; /* of the first record in each, in no order */
    uint32_t count;
};

static void file_look(void *ctx, uint32_t inode, const char *path, const uint8_t *bytes, size_t size)
{
    struct kept_files *kept = ctx;
    const char *name = strrchr(path, '/');
    const char *suffix = strstr(path, ".ohj");
    (void)inode;
    (void)size;
    if (bytes == NULL || name == NULL || suffix == NULL || suffix[4] != '\0' || suffix - name != 21)
        return;
    OH_ASSERT(kept->count < 256);
    kept->seqs[kept->count++] = strtoull(name + 1, NULL, 10);
}

/* Files with a record after `seq`. */
static uint32_t files_after(const struct run *run, uint64_t seq, uint64_t *out_first_seq)
{
    struct kept_files kept = { .count = 0 };
    uint64_t holder = 0; /* the file of the next record begins here */
    uint32_t count = 0;
    storage_disk_each(run->world.disk, file_look, &kept);
    *out_first_seq = UINT64_MAX;
    for (uint32_t i = 0; i < kept.count; i++) {
        *out_first_seq = kept.seqs[i] < *out_first_seq ? kept.seqs[i] : *out_first_seq;
        holder = kept.seqs[i] <= seq + 1 && kept.seqs[i] > holder ? kept.seqs[i] : holder;
    }
    for (uint32_t i = 0; i < kept.count; i++)
        count += kept.seqs[i] >= holder && kept.seqs[i] <= oh_journal_synced_seq(run->world.journal) ? 1 : 0;
    return oh_journal_synced_seq(run->world.journal) > seq ? count : 0;
}

/* Files with a record that the tables lack. */
static uint32_t files_behind(const struct run *run, uint64_t *out_first_seq)
{
    return files_after(run, (uint64_t)database_watermark()->seq, out_first_seq);
}

/* That it says so of a write and does so the judge of replies compares. */
static bool is_refusing_writes(const struct run *run)
{
    return oh_service_write_check(run->world.service, 1) == OH_SERVICE_BACKLOG_FULL;
}

static void retention_judge(struct projection *projection)
{
    struct run *run = projection->run;
    uint64_t first_seq;
    uint64_t files = files_behind(run, &first_seq);
    uint64_t limit = run->world.options.backlog_bytes_max / run->world.options.segment_size;
    bool is_refusing = is_refusing_writes(run);
    bool is_taking = oh_service_write_check(run->world.service, 1) == OH_SERVICE_OK;
    bool is_over = files > limit + SLACK_FILES - 1;
    struct oh_projector_status status; /* until the tables have spoken it goes by what is written down of them */
    oh_projector_status(run->world.projector, &status);
    uint64_t believed = status.has_seq ? files : files_after(run, status.seq, &(uint64_t){ 0 });
    bool is_under = believed + SLACK_FILES <= limit;
    if (projection->is_renewed) { /* what waits is more than the tables lack, and begins with a snapshot */
        projection->over_us = projection->under_us = 0;
        return;
    }
    if (first_seq > (uint64_t)database_watermark()->seq + 1)
        run_fail(run, "kept until projected", "the journal begins at record %" PRIu64 ", the tables end at %" PRId64,
                 first_seq, database_watermark()->seq);
    int64_t passed_us = run->world.monotonic_us - projection->judged_at_us;
    passed_us = passed_us < PASSED_US_MAX ? passed_us : PASSED_US_MAX; /* in a longer one nobody did anything */
    if (run->world.turns == projection->judged_turns)
        passed_us = 0;
    projection->judged_at_us = run->world.monotonic_us;
    projection->judged_turns = run->world.turns;
    projection->over_us = is_over ? projection->over_us + passed_us : 0;
    projection->under_us = is_under ? projection->under_us + passed_us : 0;
    if (projection->over_us > LOOK_US && is_taking)
        run_fail(run, "beyond the limit writes are refused", "%" PRIu64 " files wait, the limit is %" PRIu64, files,
                 limit);
    if (projection->under_us > LOOK_US && is_refusing)
        run_fail(run, "below the limit writes are taken", "%" PRIu64 " files wait, the limit is %" PRIu64, files,
                 limit);
    if (files > limit + 2 * SLACK_FILES)
        run_fail(run, "beyond the limit writes are refused", "%" PRIu64 " files wait, the limit is %" PRIu64, files,
                 limit);
    run->result->refusing_events += is_refusing ? 1 : 0;
}

/* What the server believes, which may be a second old, counts as much as what is there. */
bool projection_is_near_limit(const struct run *run)
{
    uint64_t first_seq;
    struct oh_projector_status status;
    if (!run->has_projection || !sim_world_is_up(&run->world))
        return false;
    uint64_t limit = run->world.options.backlog_bytes_max;
    oh_projector_status(run->world.projector, &status);
    return run->world.service->is_backlog_full || status.backlog_bytes >= limit ||
           files_behind(run, &first_seq) * run->world.options.segment_size >= limit;
}

/* ---- Events ------------------------------------------------------------------------------------------------------ */

static void weather_change(struct projection *projection, struct oh_prng *prng)
{
    static const uint32_t shares[DATABASE_FAULTS] = {
        [DATABASE_CUT_BEFORE] = 150,      [DATABASE_CUT_AFTER] = 150,         [DATABASE_SILENT_BEFORE] = 10,
        [DATABASE_SILENT_AFTER] = 10,     [DATABASE_RESTARTS_BEFORE] = 20,    [DATABASE_RESTARTS_AFTER] = 20,
        [DATABASE_REFUSES] = 100,         [DATABASE_CLIENT_DIES_BEFORE] = 15, [DATABASE_CLIENT_DIES_AFTER] = 15,
        [DATABASE_RIVAL] = 40,
    };
    uint64_t dice = oh_prng_below(prng, 400);
    for (unsigned fault = 0; fault < DATABASE_FAULTS; fault++)
        database_set_fault((enum database_fault)fault, shares[fault] * projection->storm);
    if (dice == 0 && projection->storm > 0) {
        run_tell(projection->run, "PostgreSQL is gone");
        projection->is_absent = true;
    } else if (dice < 4 && projection->is_absent) {
        run_tell(projection->run, "PostgreSQL is back");
        projection->is_absent = false;
    }
    database_set_absent(projection->is_absent);
    if (dice == 4 && projection->storm > 0)
        database_set_full(true);
    else if (dice >= 5 && dice < 10)
        database_set_full(false);
}

static int64_t confirmed_at(const struct model *model, uint32_t item, uint32_t node)
{
    int64_t sum = 0;
    for (uint32_t link = model->claim_heads[item][node]; link != 0; link = model->claims[link - 1].next_at_place)
        sum += model->claims[link - 1].confirmed;
    return sum;
}

/* The fold has read the records as the server does; the model has seen requests alone. */
static void positions_judge(struct run *run)
{
    for (uint32_t place = 0; place < MODEL_ITEMS * MODEL_NODES; place++) {
        uint32_t item = place / MODEL_NODES;
        uint32_t node = place % MODEL_NODES;
        char names[2][8];
        (void)snprintf(names[0], sizeof(names[0]), "s%u", item);
        (void)snprintf(names[1], sizeof(names[1]), "n%u", node);
        const int64_t key[] = { text_number(oh_bytes_of(names[0])), text_number(oh_bytes_of(names[1])) };
        uint32_t row = table_find(database_tables(), TABLE_POSITION, key);
        static const int64_t none[TABLE_COLUMNS_MAX];
        const int64_t *cells = row == ROW_NONE ? none : table_row(database_tables(), TABLE_POSITION, row);
        for (uint32_t state = 0; state < MODEL_STATES; state++) {
            int64_t wanted = model_quantity(run->model, item, node, state);
            if (cells[2 + state] != wanted)
                run_fail(run, "the tables are the model", "%s at %s has %" PRId64 " %s, not %" PRId64, names[0],
                         names[1], cells[2 + state], model_state_names[state], wanted);
        }
        int64_t confirmed = confirmed_at(run->model, item, node);
        if (cells[8] != confirmed)
            run_fail(run, "the tables are the model", "%s at %s has %" PRId64 " confirmed, not %" PRId64, names[0],
                     names[1], cells[8], confirmed);
    }
}

/* Nothing waits any more: writes are taken again before long. */
static void taking_judge(struct run *run)
{
    for (uint32_t i = 0; i < 60 && is_refusing_writes(run) && !run->result->has_failed; i++) {
        sim_world_work_projector(&run->world);
        run_turn(run);
        sim_world_pass(&run->world, 50000);
    }
    if (is_refusing_writes(run))
        run_fail(run, "below the limit writes are taken", "everything is projected");
}

/* Why the projector does not go on, in its own words. */
static const char *reason(const struct run *run)
{
    static struct oh_projector_status status;
    oh_projector_status(run->world.projector, &status);
    return status.reason.text;
}

/* It clears up, and nobody dies: everything durable is in the tables before long, also when nobody writes any more. */
static void drain(struct projection *projection)
{
    struct run *run = projection->run;
    run_tell(run, "the weather clears up");
    database_heal();
    projection->is_absent = false;
    run_settle(run);
    for (uint32_t i = 0; i < DRAIN_STEPS && !run->result->has_failed && !run->world.is_stopped; i++) {
        if ((uint64_t)database_watermark()->seq == oh_ledger_seq(run->world.ledger) && !database_has_replaced()) {
            positions_judge(run);
            taking_judge(run);
            return;
        }
        sim_world_work_projector(&run->world);
        run_turn(run);
        run_work(run);
        sim_world_pass(&run->world, 50000);
    }
    if (run->result->has_failed || run->world.is_stopped)
        return;
    if ((uint64_t)database_watermark()->seq == oh_ledger_seq(run->world.ledger))
        run_fail(run, "who was replaced notices", "the tables are not those of the projector that is connected");
    else
        run_fail(run, "what is behind drains", "the tables stay at record %" PRId64 " of %" PRIu64 ": %s",
                 database_watermark()->seq, oh_ledger_seq(run->world.ledger), reason(run));
}

static bool has_renewals(const struct run *run)
{
    return run->options->seed % 2 == 1;
}

/*
 * Somebody restores a machine without the tables, or drops them under a projector that stays connected and may have
 * nothing to say for long: they have to be filled again.
 */
static void renewal(struct projection *projection)
{
    bool is_another = projection->run->event / 2 % 2 == 0;
    run_tell(projection->run, is_another ? "PostgreSQL is another one, with nothing in it" : "the tables are emptied");
    if (is_another)
        database_renew();
    else
        database_empty();
    reader_close(projection);
    projected_fold_fini(&projection->fold);
    projected_fold_init(&projection->fold);
    projection->is_renewed = projection->was_renewed = true;
    projection->loads = 0;
}

/* Turns with one small write each, every one in a frame of its own, until so much waits that they are refused. */
static void writes_until_refused(struct run *run, uint32_t turns_max)
{
    for (uint32_t i = 0; i < turns_max && !is_refusing_writes(run); i++) {
        if (!write_small(run, i))
            return;
        if (i % 16 == 0) {
            sim_world_work_projector(&run->world);
            retention_judge(&the_projection);
        }
    }
}

static bool has_room(const struct run *run)
{
    return !run->workload.has_batches && !run->is_stalled && !run->is_disk_weak && run->op_count + 3000 <= OPS_MAX &&
           run->flight_count + 6000 <= FLIGHTS_MAX;
}

/* True when the tables have everything, and the newest snapshot is of an earlier file of the journal than the last. */
static bool snapshot_falls_behind(struct projection *projection)
{
    struct run *run = projection->run;
    uint64_t first_seq;
    if (!has_room(run))
        return false;
    drain(projection);
    run_settle(run);
    for (uint32_t i = 0; i < CROSSING_WRITES && files_after(run, snapshot_seq(run), &first_seq) < 2; i++) {
        if (!write_small(run, i))
            return false;
        sim_world_work_projector(&run->world);
    }
    drain(projection);
    return !run->result->has_failed && !run->world.is_stopped && files_after(run, snapshot_seq(run), &first_seq) >= 2;
}

/*
 * While the newest snapshot is loaded into new tables, newer ones take its place. The journal after it must not go:
 * these tables lack it, though those before had it.
 */
static void renewal_crossing(struct projection *projection)
{
    struct run *run = projection->run;
    bool is_behind = snapshot_falls_behind(projection);
    if (run->result->has_failed || run->world.is_stopped)
        return;
    renewal(projection);
    projection->is_crossing = is_behind;
    if (is_behind)
        drain(projection);
    projection->is_crossing = false;
}

/* PostgreSQL is away until the journal may not keep more for it; then it comes back, and writes are taken again. */
static void outage(struct projection *projection, struct oh_prng *prng)
{
    struct run *run = projection->run;
    uint64_t limit = run->world.options.backlog_bytes_max / run->world.options.segment_size;
    if (!has_room(run) || limit > 3)
        return;
    run_tell(run, "PostgreSQL is gone for long");
    projection->is_absent = true;
    database_set_absent(true);
    run_settle(run);
    if (oh_prng_below(prng, 3) != 0)
        sim_world_set_clock(&run->world, -(int64_t)oh_prng_below(prng, HOUR_US)); /* the time of turns stands still */
    writes_until_refused(run, 2400);
    if (run->result->has_failed || run->world.is_stopped)
        return;
    run_settle(run);
    if (oh_prng_below(prng, 3) == 0 && !run->result->has_failed)
        run_crash(run, prng, run->is_class_disk);
    if (oh_prng_below(prng, 2) == 0)
        projection->is_absent = false;
}

/* What is written down of the tables is never more than they have. */
static void remembered_judge(struct projection *projection)
{
    struct oh_projector_status status;
    uint64_t seq = (uint64_t)database_watermark()->seq;
    oh_projector_status(projection->run->world.projector, &status);
    if (!status.has_seq && !projection->was_renewed && status.seq > seq)
        run_fail(projection->run, "how far the tables were is known",
                 "record %" PRIu64 " is written down, and the tables have %" PRIu64, status.seq, seq);
}

void projection_event(struct run *run)
{
    struct projection *projection = &the_projection;
    struct oh_prng prng;
    if (!run->has_projection || !sim_world_is_up(&run->world) || run->world.is_stopped || run->result->has_failed)
        return;
    oh_prng_init(&prng, run->options->seed * UINT64_C(0xd1342543de82ef95) + run->event);
    database_set_prng(oh_prng_next(&prng));
    oh_prng_init(&projection->prng, oh_prng_next(&prng));
    weather_change(projection, &prng);
    remembered_judge(projection);
    if (has_renewals(run) && oh_prng_below(&projection->prng, RENEWAL_ODDS) == 0) {
        if (run->event % 2 == 0)
            renewal(projection);
        else
            renewal_crossing(projection);
    }
    if (projection->storm > 0 && oh_prng_below(&prng, 700) == 0)
        outage(projection, &prng);
    else if (oh_prng_below(&prng, DRAIN_ODDS) == 0)
        drain(projection);
    if (run->result->has_failed || run->world.is_stopped)
        return;
    for (uint32_t i = 0; i < STEPS_MAX && !database_client_is_dead() && !run->result->has_failed; i++)
        sim_world_work_projector(&run->world);
    if (run->result->has_failed)
        return;
    if (database_client_is_dead()) {
        run_crash(run, &prng, run->is_class_disk && oh_prng_below(&prng, 2) == 0);
        return;
    }
    if (!run->world.is_stopped)
        retention_judge(projection);
}

void projection_stop_begin(struct run *run, struct oh_prng *prng)
{
    struct projection *projection = &the_projection;
    struct oh_projector_status status;
    projection->stop_seq = 0;
    if (!run->has_projection || oh_prng_below(prng, 3) == 0)
        return;
    database_heal();
    projection->is_absent = false;
    for (uint32_t i = 0; i < STEPS_MAX; i++)
        sim_world_work_projector(&run->world);
    oh_projector_status(run->world.projector, &status);
    if (status.state == OH_PROJECTOR_FOLLOWING && !projection->is_renewed && !run->world.is_stopped)
        projection->stop_seq = oh_ledger_seq(run->world.ledger);
}

/* Nobody has synced it: what a power loss leaves is another matter. */
static void written_down_judge(struct run *run)
{
    size_t size;
    const uint8_t *bytes = storage_disk_bytes(run->world.disk, "d/PROJECTED", &size);
    uint64_t seq = bytes == NULL || size < 16 ? 0 : oh_le_get_u64(bytes + 8);
    if (seq != (uint64_t)database_watermark()->seq)
        run_fail(run, "how far the tables were is known", "at the end record %" PRIu64 " is written down, not %" PRId64,
                 seq, database_watermark()->seq);
}

void projection_stop_end(struct run *run)
{
    uint64_t seq = (uint64_t)database_watermark()->seq;
    if (!run->has_projection || the_projection.stop_seq == 0 || run->result->has_failed)
        return;
    run->result->drains++;
    written_down_judge(run);
    if (seq != the_projection.stop_seq)
        run_fail(run, "a stop leaves nothing behind", "the tables end at record %" PRIu64 ", the ledger at %" PRIu64,
                 seq, the_projection.stop_seq);
}

void projection_end(struct run *run)
{
    if (!run->has_projection || run->result->has_failed || !sim_world_is_up(&run->world))
        return;
    drain(&the_projection);
    if (has_renewals(run)) { /* for a moment another projector is there, and nobody writes */
        database_rival_come();
        drain(&the_projection);
    }
    run->result->projected += (uint64_t)database_watermark()->seq;
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

void projection_init(struct run *run)
{
    static const uint32_t storms[] = { 0, 1, 1, 4 };
    struct projection *projection = &the_projection;
    const struct database_hooks hooks = { projection, meanwhile, committed, broken, now_us };
    if (!run->has_projection)
        return;
    *projection = (struct projection){ .run = run };
    oh_prng_init(&projection->prng, run->options->seed);
    projection->storm = storms[oh_prng_below(&projection->prng, 4)];
    projection->is_absent = oh_prng_below(&projection->prng, 4) == 0;
    projected_fold_init(&projection->fold);
    oh_record_decoder_init(&projection->decoder, 0);
    database_create(&hooks);
    run->world.closing = closing;
}

void projection_fini(struct run *run)
{
    struct projection *projection = &the_projection;
    if (!run->has_projection)
        return;
    for (unsigned fault = 0; fault < DATABASE_FAULTS; fault++)
        run->result->database_faults += database_fault_count((enum database_fault)fault);
    database_destroy();
    projected_fold_fini(&projection->fold);
    oh_record_decoder_fini(&projection->decoder);
    texts_free();
}
