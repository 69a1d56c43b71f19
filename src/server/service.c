#include "server/service.h"
#include "base/assert.h"
#include "base/log.h"
#include "codec/record.h"
#include "onhand/promise.h"
#include "server/service_metrics.h"
#include "storage/projector.h"
#include "storage/snapshotter.h"
#include "timetable/ledger_source.h"
#include <stdlib.h>
#include <sys/mman.h>

_Static_assert(OH_SERVICE_SCRATCH_NODES >= OH_NODES_MAX, "a page reads all nodes of an item");

/* ---- Memory ------------------------------------------------------------------------------------ */

/* Large, zero, and free until it is touched: malloc would clear what it uses again. */
static void *memory_allocate(void *ctx, size_t size)
{
    (void)ctx;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void memory_release(void *ctx, void *memory, size_t size)
{
    (void)ctx;
    (void)munmap(memory, size);
}

static bool service_memory(struct oh_service *service)
{
    const struct oh_allocator allocator = { memory_allocate, memory_release, NULL };
    uint32_t horizon_days = service->options.promise_horizon_days;
    oh_strbuf_init(&service->record, OH_JOURNAL_RECORD_SIZE_MAX);
    oh_strbuf_init(&service->promise, OH_PROMISE_SIZE_MAX);
    service->nodes = malloc((size_t)OH_SERVICE_SCRATCH_NODES * sizeof(*service->nodes));
    service->indexes = malloc(((size_t)OH_NODES_MAX + 1) * sizeof(*service->indexes));
    service->claims = malloc((size_t)OH_CLAIMS_MAX * sizeof(*service->claims));
    service->near_rows = malloc((size_t)OH_NEAR_ROWS_MAX * sizeof(*service->near_rows));
    service->bookings = malloc((size_t)OH_BOOKINGS_MAX * sizeof(*service->bookings));
    return oh_strbuf_reserve(&service->record, OH_JOURNAL_RECORD_SIZE_MAX) != NULL && service->nodes != NULL &&
           service->indexes != NULL && service->claims != NULL && service->near_rows != NULL &&
           service->bookings != NULL && oh_json_document_create(&service->document) == OH_OK &&
           oh_promise_engine_create(&allocator, &service->promises) == OH_OK &&
           oh_timetable_builder_create(horizon_days == 0 ? OH_HORIZON_DAYS_DEFAULT : horizon_days,
                                       &service->timetables) == OH_OK;
}

/* ---- Life -------------------------------------------------------------------------------------- */

enum oh_err oh_service_create(const struct oh_service_options *options, struct oh_service **out_service)
{
    struct oh_service *service = calloc(1, sizeof(*service));
    if (service == NULL)
        return OH_E_NOMEM;
    service->options = *options;
    service->ledger = options->ledger;
    service->journal = options->journal;
    service->verify_round_seq = UINT64_MAX;
    service->verifier.claims_max = OH_SERVICE_VERIFY_CLAIMS;
    if (!service_memory(service)) {
        oh_service_destroy(&service);
        return OH_E_NOMEM;
    }
    *out_service = service;
    return OH_OK;
}

void oh_service_destroy(struct oh_service **service)
{
    struct oh_service *doomed = *service;
    *service = NULL;
    if (doomed == NULL)
        return;
    oh_timetable_builder_destroy(&doomed->timetables);
    oh_promise_engine_destroy(&doomed->promises);
    oh_json_document_destroy(&doomed->document);
    oh_strbuf_fini(&doomed->record);
    oh_strbuf_fini(&doomed->promise);
    free(doomed->nodes);
    free(doomed->indexes);
    free(doomed->claims);
    free(doomed->near_rows);
    free(doomed->bookings);
    free(doomed);
}

/* ---- Writes ------------------------------------------------------------------------------------ */

uint64_t oh_service_seq(const struct oh_service *service)
{
    return oh_ledger_seq(service->ledger);
}

/* What the disk says. Expiry asks only this: it is no new demand, and must not wait for PostgreSQL. */
static enum oh_service_state storage_check(const struct oh_service *service, size_t size)
{
    uint64_t needed = size < OH_JOURNAL_RECORD_SIZE_MAX ? size : OH_JOURNAL_RECORD_SIZE_MAX;
    if (service->is_failed)
        return OH_SERVICE_FAILED;
    if (oh_journal_room(service->journal) < needed)
        return oh_journal_is_full(service->journal) ? OH_SERVICE_STORAGE_FULL : OH_SERVICE_STORAGE_BUSY;
    return oh_journal_buffer_room(service->journal) < needed ? OH_SERVICE_STORAGE_BUSY : OH_SERVICE_OK;
}

enum oh_service_state oh_service_write_check(const struct oh_service *service, size_t size)
{
    enum oh_service_state state = storage_check(service, size);
    return state == OH_SERVICE_OK && service->is_backlog_full ? OH_SERVICE_BACKLOG_FULL : state;
}

enum oh_err oh_service_apply(struct oh_service *service, int64_t now_us, const struct oh_command *command,
                             const struct oh_answer **out_answer)
{
    enum oh_err err = oh_ledger_apply(service->ledger, now_us, command, &service->answer);
    if (err != OH_OK)
        return err;
    if ((uint32_t)service->answer.verdict < OH_SERVICE_VERDICTS_MAX)
        service->verdict_counts[service->answer.verdict]++;
    *out_answer = &service->answer;
    return OH_OK;
}

/* The ledger has something that its history will not have: nothing may be acknowledged any more. */
static void service_fail(struct oh_service *service, enum oh_err err, const char *reason)
{
    if (service->is_failed)
        return;
    service->is_failed = true;
    OH_LOG(OH_LOG_ERROR, OH_LOG_EVENT("journal_failed"), OH_LOG_TEXT("error", oh_err_text(err)),
           OH_LOG_TEXT("reason", reason), OH_LOG_U64("seq", oh_service_seq(service)),
           OH_LOG_U64("durable_seq", oh_journal_durable_seq(service->journal)));
    service->options.stop(service->options.stop_ctx, err);
}

void oh_service_commit(struct oh_service *service)
{
    struct oh_record record;
    if (!oh_ledger_take_record(service->ledger, &record) || service->is_failed)
        return;
    oh_strbuf_clear(&service->record);
    enum oh_err err = oh_record_encode(&record, &service->record);
    if (err != OH_OK) {
        service_fail(service, err, "a record cannot be encoded");
        return;
    }
    err = oh_journal_append(service->journal, record.seq, oh_strbuf_bytes(&service->record));
    if (err != OH_OK)
        service_fail(service, err, "a record cannot be appended to the journal");
}

/* ---- Reads ------------------------------------------------------------------------------------- */

enum oh_err oh_service_timetable(struct oh_service *service, int64_t now_us, const struct oh_timetable **out_timetable)
{
    const struct oh_document_source source = oh_ledger_source(service->ledger);
    return oh_timetable_refresh(service->timetables, service->ledger, &source, now_us, out_timetable);
}

enum oh_err oh_service_draft(struct oh_service *service, struct oh_bytes text, const struct oh_sourcing **out_sourcing,
                             struct oh_fault *fault)
{
    const struct oh_document_source source = oh_ledger_source(service->ledger);
    return oh_timetable_draft(service->timetables, service->ledger, &source, text, out_sourcing, fault);
}

/* ---- Tasks ------------------------------------------------------------------------------------- */

enum oh_err oh_service_task_add(struct oh_service *service, struct oh_service_task *task)
{
    if (service->task_count == OH_SERVICE_TASKS_MAX)
        return OH_E_FULL;
    service->tasks[service->task_count++] = task;
    return OH_OK;
}

void oh_service_task_remove(struct oh_service *service, const struct oh_service_task *task)
{
    uint32_t at = 0;
    while (at < service->task_count && service->tasks[at] != task)
        at++;
    if (at < service->task_count)
        service->tasks[at] = service->tasks[--service->task_count];
}

/* From the last to the first, so that a task that removes itself only moves one that has run. */
static void service_run_tasks(struct oh_service *service)
{
    for (uint32_t i = service->task_count; i-- > 0;)
        service->tasks[i]->run(service->tasks[i]->ctx);
}

/* ---- Expiry ------------------------------------------------------------------------------------ */

/* As many holds as certainly fit into the journal, whatever they claim. */
static uint32_t service_expire_max(const struct oh_service *service)
{
    if (storage_check(service, OH_SERVICE_EXPIRE_ROOM) == OH_SERVICE_OK)
        return OH_SERVICE_EXPIRE_MAX;
    if (storage_check(service, OH_SERVICE_EXPIRE_FEW_ROOM) == OH_SERVICE_OK)
        return OH_SERVICE_EXPIRE_FEW;
    return 0;
}

static void service_expire(struct oh_service *service, int64_t now_us)
{
    int64_t due_us = oh_ledger_next_due_us(service->ledger);
    uint32_t holds_max = service_expire_max(service);
    if (due_us == OH_TIME_US_NONE || due_us > now_us || holds_max == 0)
        return;
    if (oh_ledger_advance(service->ledger, now_us, holds_max) > 0)
        oh_service_commit(service);
}

/* ---- The verifier ------------------------------------------------------------------------------ */

/* When the verifier wants to go on, without traffic (monotonic). */
static int64_t service_verify_due_us(const struct oh_service *service)
{
    bool is_between = service->verifier.position == 0;
    bool is_unchanged = service->verify_round_seq == oh_service_seq(service);
    return service->verify_due_us + (is_between && is_unchanged ? OH_SERVICE_VERIFY_IDLE_US : 0);
}

static void service_verify_step(struct oh_service *service)
{
    struct oh_verifier *verifier = &service->verifier;
    uint64_t rounds_before = verifier->rounds;
    uint64_t work_before = verifier->work_count;
    if (verifier->position == 0) {
        service->verify_round_at_us = service->mono_us;
        service->verify_round_seq = oh_service_seq(service);
    }
    uint32_t differences = oh_ledger_verify(service->ledger, verifier, OH_SERVICE_VERIFY_STEP);
    if (differences > 0)
        OH_LOG(OH_LOG_ERROR, OH_LOG_EVENT("ledger_differences"), OH_LOG_U64("positions", differences),
               OH_LOG_U64("total", verifier->differences), OH_LOG_U64("seq", oh_service_seq(service)));
    bool is_round_over = verifier->rounds != rounds_before;
    int64_t next_us = is_round_over ? service->verify_round_at_us + OH_SERVICE_VERIFY_ROUND_US : 0;
    int64_t pause_us = (int64_t)(verifier->work_count - work_before) * OH_SERVICE_VERIFY_EACH_US;
    int64_t soonest_us = service->mono_us + (pause_us > OH_SERVICE_VERIFY_INTERVAL_US ? pause_us
                                                                                       : OH_SERVICE_VERIFY_INTERVAL_US);
    service->verify_due_us = next_us > soonest_us ? next_us : soonest_us;
}

/* ---- Snapshots --------------------------------------------------------------------------------- */

static void snapshot_log_done(const struct oh_snapshotter_outcome *outcome)
{
    OH_LOG(OH_LOG_INFO, OH_LOG_EVENT("snapshot_done"), OH_LOG_U64("seq", outcome->seq),
           OH_LOG_U64("objects", outcome->objects_count), OH_LOG_U64("bytes", outcome->file_bytes),
           OH_LOG_U64("raw_bytes", outcome->raw_bytes), OH_LOG_U64("forgotten_seq", outcome->forgotten_seq));
}

/* True when the snapshotter has more to do at once. */
static bool service_snapshot_step(struct oh_service *service)
{
    struct oh_snapshotter *snapshotter = service->options.snapshotter;
    if (snapshotter == NULL)
        return false;
    enum oh_snapshotter_event event = oh_snapshotter_tick(snapshotter, OH_SERVICE_SNAPSHOT_STEP);
    const struct oh_snapshotter_outcome *outcome = oh_snapshotter_outcome(snapshotter);
    switch (event) {
    case OH_SNAPSHOTTER_BEGUN:
        OH_LOG(OH_LOG_INFO, OH_LOG_EVENT("snapshot_started"), OH_LOG_U64("seq", outcome->seq));
        return true;
    case OH_SNAPSHOTTER_DONE:
        snapshot_log_done(outcome);
        return false;
    case OH_SNAPSHOTTER_FAILED:
        OH_LOG(OH_LOG_ERROR, OH_LOG_EVENT("snapshot_failed"), OH_LOG_U64("seq", outcome->seq),
               OH_LOG_TEXT("reason", outcome->reason.text));
        return false;
    case OH_SNAPSHOTTER_GIVEN_UP:
        OH_LOG(OH_LOG_WARN, OH_LOG_EVENT("snapshot_given_up"), OH_LOG_U64("seq", outcome->seq),
               OH_LOG_U64("waiting_bytes", outcome->overflow_size_peak));
        return false;
    case OH_SNAPSHOTTER_WORKING:
        return true;
    case OH_SNAPSHOTTER_IDLE:
    case OH_SNAPSHOTTER_WAITING:
        return false;
    }
    OH_UNREACHABLE();
}

/* ---- The disk ---------------------------------------------------------------------------------- */

/*
 * Says once when the disk fills, and once when it has space again. In between the room goes up and down a little
 * with each frame, so only a prepared file, or room as if there were one, is the end of it.
 */
static void service_watch_storage(struct oh_service *service)
{
    size_t needed = service->is_storage_full ? OH_SERVICE_EXPIRE_ROOM : OH_SERVICE_WRITE_ROOM;
    bool is_full = oh_journal_is_full(service->journal) &&
                   storage_check(service, needed) == OH_SERVICE_STORAGE_FULL;
    if (is_full == service->is_storage_full)
        return;
    service->is_storage_full = is_full;
    if (!is_full) {
        OH_LOG(OH_LOG_INFO, OH_LOG_EVENT("storage_resumed"), OH_LOG_U64("seq", oh_service_seq(service)));
        return;
    }
    struct oh_diag diag = { "" };
    (void)oh_journal_full_text(service->journal, &diag);
    OH_LOG(OH_LOG_WARN, OH_LOG_EVENT("storage_full"), OH_LOG_U64("seq", oh_service_seq(service)),
           OH_LOG_U64("room_bytes", oh_journal_room(service->journal)), OH_LOG_TEXT("reason", diag.text));
}

/* Refuses writes while more of the journal waits for PostgreSQL than may; says so once, and once when it is over. */
static void service_watch_backlog(struct oh_service *service)
{
    struct oh_projector_status status;
    if (service->options.projector == NULL || service->mono_us < service->backlog_due_us)
        return;
    service->backlog_due_us = service->mono_us + OH_SERVICE_BACKLOG_INTERVAL_US;
    oh_projector_status(service->options.projector, &status);
    bool is_full = status.backlog_bytes > service->options.backlog_bytes_max;
    if (is_full == service->is_backlog_full)
        return;
    service->is_backlog_full = is_full;
    if (is_full)
        OH_LOG(OH_LOG_ERROR, OH_LOG_EVENT("projection_backlog_full"), OH_LOG_U64("seq", oh_service_seq(service)),
               OH_LOG_U64("projected_seq", status.seq), OH_LOG_U64("backlog_bytes", status.backlog_bytes),
               OH_LOG_TEXT("reason", status.reason.text));
    else
        OH_LOG(OH_LOG_INFO, OH_LOG_EVENT("projection_backlog_resumed"), OH_LOG_U64("seq", oh_service_seq(service)),
               OH_LOG_U64("projected_seq", status.seq));
}

static void service_watch_journal(struct oh_service *service)
{
    struct oh_diag diag; /* of each turn: filled when it is needed */
    if (!service->is_failed && oh_journal_failed(service->journal, &diag))
        service_fail(service, OH_E_IO, diag.text);
}

/* ---- The turn ---------------------------------------------------------------------------------- */

static void service_turn_begin(void *context, int64_t now_us, int64_t mono_us)
{
    struct oh_service *service = context;
    service->now_us = now_us;
    service->mono_us = mono_us;
    service_watch_backlog(service); /* before requests: a service that had none for long has not looked either */
    service_expire(service, now_us);
}

static uint64_t service_turn_end(void *context)
{
    struct oh_service *service = context;
    service_run_tasks(service);
    oh_journal_submit(service->journal);
    service_watch_journal(service);
    service_watch_storage(service);
    return oh_journal_durable_seq(service->journal);
}

static int64_t due_us_min(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

static int64_t service_hold_due_us(const struct oh_service *service)
{
    int64_t due_us = oh_ledger_next_due_us(service->ledger);
    int64_t retry_us = service->now_us + OH_SERVICE_EXPIRE_RETRY_US;
    if (due_us == OH_TIME_US_NONE)
        return INT64_MAX;
    return due_us < retry_us && service_expire_max(service) == 0 ? retry_us : due_us;
}

/* The journal wakes the loop when it has written, but not when it has prepared a file. */
static int64_t service_task_due_us(const struct oh_service *service)
{
    uint32_t i = 0;
    while (i < service->task_count && !service->tasks[i]->is_waiting)
        i++;
    return i < service->task_count ? service->now_us + OH_SERVICE_TASK_RETRY_US : INT64_MAX;
}

static int64_t service_next_due_us(void *context)
{
    const struct oh_service *service = context;
    int64_t due_us = due_us_min(service_hold_due_us(service), service_task_due_us(service));
    return due_us_min(due_us, service->now_us + (service_verify_due_us(service) - service->mono_us));
}

static bool service_idle(void *context)
{
    struct oh_service *service = context;
    bool is_working = service_snapshot_step(service);
    if (service->mono_us >= service_verify_due_us(service))
        service_verify_step(service);
    return is_working;
}

static void service_reload(void *context)
{
    const struct oh_service *service = context;
    if (service->options.reload != NULL)
        service->options.reload(service->options.reload_ctx);
}

static void service_collect(void *context, struct oh_metrics *metrics)
{
    oh_service_collect(context, metrics);
}

struct oh_server_hooks oh_service_hooks(struct oh_service *service)
{
    return (struct oh_server_hooks){
        .context = service,
        .turn_begin = service_turn_begin,
        .turn_end = service_turn_end,
        .next_due_us = service_next_due_us,
        .idle = service_idle,
        .reload = service_reload,
        .collect = service_collect,
    };
}
