#include "server/service_metrics.h"
#include "server/service.h"
#include "storage/projector.h"
#include "storage/snapshotter.h"

_Static_assert(OH_PROJECTOR_METRIC_STATES == OH_PROJECTOR_STATE_COUNT, "one gauge for each state");
_Static_assert(OH_VERDICT_METRIC_COUNT == OH_SERVICE_VERDICTS_MAX, "one counter for each number a verdict may have");

const char *oh_verdict_metric_label(size_t verdict)
{
    switch (verdict) {
#define VERDICT_LABEL(name, number, code, http, title) \
    case number:                                       \
        return code;
        OH_VERDICTS(VERDICT_LABEL)
#undef VERDICT_LABEL
    default:
        return NULL;
    }
}

const char *oh_version_metric_label(size_t index)
{
    (void)index;
    return ONHAND_VERSION;
}

static void collect_ledger(const struct oh_service *service, struct oh_metrics *metrics)
{
    struct oh_ledger_stats stats;
    oh_ledger_stats_get(service->ledger, &stats);
    metrics->ledger_seq = (int64_t)stats.seq;
    metrics->ledger_durable_seq = (int64_t)oh_journal_durable_seq(service->journal);
    metrics->ledger_differences = (int64_t)service->verifier.differences;
    metrics->ledger_verify_rounds_total = service->verifier.rounds;
    metrics->ledger_verified_positions_total = service->verifier.position_count;
    metrics->ledger_verify_passed_over_total = service->verifier.passed_over_count;
    metrics->items = stats.items;
    metrics->nodes = stats.nodes;
    metrics->positions = stats.positions;
    metrics->positions_max = stats.positions_max;
    metrics->short_positions = (int64_t)stats.short_positions;
    metrics->reservations = stats.reservations;
    metrics->reservations_max = stats.reservations_max;
    metrics->holds = stats.holds;
    metrics->claims = stats.claims;
    metrics->claims_max = stats.claims_max;
    metrics->keys = stats.keys;
    metrics->keys_max = stats.keys_max;
    metrics->movements_total = stats.movements;
    metrics->memory_bytes = (int64_t)stats.memory_size;
}

static void collect_journal(const struct oh_service *service, struct oh_metrics *metrics)
{
    struct oh_journal_stats stats;
    oh_journal_stats(service->journal, &stats);
    metrics->journal_records_total = stats.records_count;
    metrics->journal_frames_total = stats.frames_count;
    metrics->journal_bytes_total = stats.frame_bytes;
    metrics->journal_syncs_total = stats.syncs_count;
    metrics->journal_sync_microseconds_total = stats.sync_us_sum;
    metrics->journal_sync_microseconds_max = (int64_t)stats.sync_us_max;
    metrics->journal_rotations_total = stats.rotations_count;
    metrics->journal_prepare_errors_total = stats.prepare_errors_count;
    metrics->journal_segments = (int64_t)stats.segments_count;
    metrics->journal_room_bytes = stats.room_bytes > INT64_MAX ? INT64_MAX : (int64_t)stats.room_bytes;
    metrics->journal_torn_bytes = (int64_t)stats.torn_bytes;
    metrics->storage_full = service->is_storage_full;
}

static void collect_snapshots(const struct oh_service *service, struct oh_metrics *metrics)
{
    if (service->options.snapshotter == NULL)
        return;
    struct oh_snapshotter_stats stats = oh_snapshotter_stats(service->options.snapshotter);
    metrics->snapshots_done_total = stats.done_count;
    metrics->snapshots_failed_total = stats.failed_count;
    metrics->snapshots_given_up_total = stats.given_up_count;
    metrics->snapshot_last_seq = (int64_t)stats.last_seq;
}

const char *oh_projector_state_metric_label(size_t state)
{
    return oh_projector_state_text((enum oh_projector_state)state);
}

static void collect_projection(const struct oh_service *service, struct oh_metrics *metrics)
{
    struct oh_projector_status status;
    if (service->options.projector == NULL)
        return;
    oh_projector_status(service->options.projector, &status);
    uint64_t seq = oh_service_seq(service);
    for (size_t i = 0; i < OH_PROJECTOR_STATE_COUNT; i++)
        metrics->projection_state[i] = i == (size_t)status.state ? 1 : 0;
    metrics->projection_seq = (int64_t)status.seq;
    metrics->projection_lag_records = status.has_seq && seq > status.seq ? (int64_t)(seq - status.seq) : 0;
    metrics->projection_lag_microseconds = status.lag_us;
    metrics->projection_backlog_bytes = (int64_t)status.backlog_bytes;
    metrics->projection_backlog_bytes_max = (int64_t)service->options.backlog_bytes_max;
    metrics->projection_batches_total = status.batches_count;
    metrics->projection_records_total = status.records_count;
    metrics->projection_failures_total = status.failures_count;
}

void oh_service_collect(const struct oh_service *service, struct oh_metrics *metrics)
{
    collect_ledger(service, metrics);
    collect_journal(service, metrics);
    collect_snapshots(service, metrics);
    collect_projection(service, metrics);
    metrics->imports = service->task_count;
    metrics->promises_total = service->promises_asked;
    metrics->promises_bounded_total = service->promises_bounded;
    metrics->promise_steps_total = service->promise_steps;
    metrics->build_info[0] = 1;
    for (size_t i = 0; i < OH_SERVICE_VERDICTS_MAX; i++)
        metrics->verdicts_total[i] = service->verdict_counts[i];
}
