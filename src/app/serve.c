/*
 * serve.c - `onhand serve`: opens everything in order, runs the server, closes everything in the opposite order.
 *
 *   configuration -> ledger -> directory (lock) -> journal (cuts a torn tail) -> recovery -> snapshotter
 *   -> projector -> service -> listening sockets -> turns until SIGTERM -> drain -> last sync -> close
 */
#include "app/commands.h"
#include "app/config.h"
#include "app/memory.h"
#include "base/log.h"
#include "server/routes.h"
#include "server/server.h"
#include "server/service.h"
#include "storage/projector.h"
#include "storage/recovery.h"
#include "storage/snapshotter.h"
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define EXIT_DONE 0
#define EXIT_FAILED 1
#define EXIT_USAGE 2

/* At the end, so long may PostgreSQL take to get the last records; the next start brings what is left. */
#define PROJECTION_DRAIN_MS 3000

#define CONFIG_TEXT_SIZE_MAX ((size_t)64 << 10)

struct serve {
    struct oh_config config;
    struct oh_config_source source;
    struct oh_ledger *ledger;
    struct oh_directory *directory; /* NULL in class memory */
    struct oh_journal *journal;
    struct oh_snapshotter *snapshotter;
    struct oh_projector *projector; /* NULL without PostgreSQL */
    struct oh_service *service;
    struct oh_server *server;
    struct oh_server_hooks hooks;
    uint64_t replayed_bytes; /* of the journal, by recovery */
    bool is_failure_told;    /* of the journal, in the log */
    _Atomic(struct oh_server *) woken; /* whom helper threads wake; NULL before there is a loop */
};

/* ---- What the parts call back ------------------------------------------------------------------ */

static int64_t clock_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Any thread: the journal or a snapshot has got on. */
static void serve_wake(void *ctx)
{
    struct serve *serve = ctx;
    struct oh_server *server = atomic_load(&serve->woken);
    if (server != NULL)
        oh_server_wake(server);
}

static void serve_stop(void *ctx, enum oh_err error)
{
    struct serve *serve = ctx;
    serve->is_failure_told = true;
    if (serve->server != NULL)
        oh_server_abort(serve->server, error);
}

static void serve_set_log_level(const struct oh_config *config)
{
    oh_log_set_level((enum oh_log_level)config->log_level);
}

static void serve_reload(void *ctx)
{
    struct serve *serve = ctx;
    struct oh_diag diag = { "" };
    uint32_t changed = 0;
    enum oh_err err = oh_config_reload(&serve->config, &serve->source, &diag, &changed);
    if (err != OH_OK) {
        OH_LOG(OH_LOG_ERROR, OH_LOG_EVENT("reload_failed"), OH_LOG_TEXT("error", oh_err_text(err)),
               OH_LOG_TEXT("reason", diag.text));
        return;
    }
    serve_set_log_level(&serve->config);
    oh_engine_set_limits(oh_server_engine(serve->server), &serve->config.limits);
    if (serve->snapshotter != NULL)
        oh_snapshotter_set_limits(serve->snapshotter, (uint64_t)serve->config.snapshot_journal_mib << 20,
                                  serve->config.keep_snapshots);
    OH_LOG(OH_LOG_INFO, OH_LOG_EVENT("reloaded"), OH_LOG_U64("changed", changed),
           OH_LOG_TEXT("needs_restart", diag.text));
}

/* ---- Opening ----------------------------------------------------------------------------------- */

static uint32_t power_of_two_from(uint32_t value)
{
    uint32_t power = 1;
    while (power < value)
        power *= 2;
    return power;
}

static enum oh_err serve_open_ledger(struct serve *serve, struct oh_diag *diag)
{
    const struct oh_config *config = &serve->config;
    struct oh_allocator allocator = oh_memory_allocator();
    struct oh_ledger_options options = {
        .items_max = config->items_max,
        .positions_max = config->positions_max,
        .reservations_max = config->reservations_max,
        .claims_max = config->claims_max,
        .keys_max = config->keys_max,
        .history_max = power_of_two_from(config->history_max),
    };
    enum oh_err err = oh_ledger_create(&options, &allocator, &serve->ledger);
    if (err != OH_OK)
        oh_diag_set(diag, "the ledger cannot be created: lower positions_max, claims_max or history_max");
    return err;
}

static enum oh_err serve_open_journal(struct serve *serve, struct oh_diag *diag)
{
    const struct oh_config *config = &serve->config;
    struct oh_journal_options options = {
        .durability = (enum oh_durability)config->durability,
        .segment_size = (uint64_t)config->journal_segment_mib << 20,
        .wake = serve_wake,
        .wake_ctx = serve,
    };
    if (options.durability != OH_DURABILITY_MEMORY) {
        enum oh_err err =
            oh_directory_open(oh_io_posix(), config->data_dir, OH_DIRECTORY_WRITE, &serve->directory, diag);
        if (err != OH_OK)
            return err;
    }
    enum oh_err err = oh_journal_open(serve->directory, &options, &serve->journal, diag);
    if (err == OH_OK && oh_journal_torn_text(serve->journal) != NULL)
        OH_LOG(OH_LOG_WARN, OH_LOG_EVENT("journal_torn"), OH_LOG_TEXT("cut", oh_journal_torn_text(serve->journal)));
    return err;
}

static void recovery_log(const struct oh_recovery_report *report)
{
    OH_LOG(OH_LOG_INFO, OH_LOG_EVENT("recovery_done"), OH_LOG_U64("seq", report->last_seq),
           OH_LOG_U64("snapshot_seq", report->snapshot_seq), OH_LOG_U64("objects", report->object_count),
           OH_LOG_U64("records", report->record_count), OH_LOG_U64("effects", report->effect_count),
           OH_LOG_I64("snapshot_ms", report->snapshot_us / 1000), OH_LOG_I64("replay_ms", report->replay_us / 1000));
}

static enum oh_err serve_recover(struct serve *serve, struct oh_diag *diag)
{
    if (serve->directory == NULL)
        return OH_OK;
    struct oh_recovery_options options = { .last_seq = oh_journal_durable_seq(serve->journal) };
    struct oh_recovery_report report = { .last_seq = 0 };
    enum oh_err err = oh_recovery_run(serve->directory, serve->ledger, &options, &report, diag);
    if (err != OH_OK)
        return err;
    if (oh_ledger_seq(serve->ledger) != oh_journal_seq(serve->journal)) {
        oh_diag_set(diag, "the ledger is at %llu, its journal at %llu",
                    (unsigned long long)oh_ledger_seq(serve->ledger),
                    (unsigned long long)oh_journal_seq(serve->journal));
        return OH_E_CORRUPT;
    }
    serve->replayed_bytes = report.record_bytes;
    recovery_log(&report);
    return OH_OK;
}

static enum oh_err serve_open_snapshotter(struct serve *serve, struct oh_diag *diag)
{
    if (serve->directory == NULL)
        return OH_OK;
    struct oh_snapshotter_options options = {
        .journal_bytes_max = (uint64_t)serve->config.snapshot_journal_mib << 20,
        .journal_bytes_before = serve->replayed_bytes,
        .keep_count = serve->config.keep_snapshots,
        .wake = serve_wake,
        .wake_ctx = serve,
    };
    return oh_snapshotter_create(serve->directory, serve->journal, serve->ledger, &options, &serve->snapshotter, diag);
}

/* After recovery, so that the journal is ours; PostgreSQL itself need not be there. */
static enum oh_err serve_open_projector(struct serve *serve, struct oh_diag *diag)
{
    if (serve->config.postgres_uri[0] == '\0')
        return OH_OK;
    struct oh_projector_options options = {
        .uri = serve->config.postgres_uri,
        .directory = serve->directory,
        .journal = serve->journal,
        .batch_effects = serve->config.postgres_batch_effects,
        .migrates = serve->config.postgres_migrate != 0,
        .segment_size = (uint64_t)serve->config.journal_segment_mib << 20,
        .now_us = clock_us,
    };
    enum oh_err err = oh_projector_create(&options, &serve->projector);
    if (err != OH_OK)
        oh_diag_set(diag, "the projection to PostgreSQL cannot be started");
    return err;
}

static enum oh_err serve_open_service(struct serve *serve, struct oh_diag *diag)
{
    struct oh_service_options options = {
        .ledger = serve->ledger,
        .journal = serve->journal,
        .snapshotter = serve->snapshotter,
        .projector = serve->projector,
        .backlog_bytes_max = (uint64_t)serve->config.postgres_backlog_mib << 20,
        .promise_horizon_days = (uint32_t)serve->config.promise_horizon_days,
        .promise_steps = (uint32_t)serve->config.promise_steps,
        .stop = serve_stop,
        .stop_ctx = serve,
        .reload = serve_reload,
        .reload_ctx = serve,
    };
    enum oh_err err = oh_service_create(&options, &serve->service);
    if (err != OH_OK)
        oh_diag_set(diag, "out of memory");
    return err;
}

static enum oh_err serve_open_server(struct serve *serve, struct oh_diag *diag)
{
    const struct oh_config *config = &serve->config;
    const char *listen[OH_CONFIG_LIST_MAX];
    for (uint32_t i = 0; i < config->listen.count; i++)
        listen[i] = config->listen.items[i];
    serve->hooks = oh_service_hooks(serve->service);
    struct oh_server_options options = {
        .limits = config->limits,
        .hooks = &serve->hooks,
        .listen = listen,
        .listen_count = config->listen.count,
        .network_threads = config->network_threads,
        .port_file = config->port_file[0] == '\0' ? NULL : config->port_file,
        .handle_signals = true,
    };
    options.routes = oh_routes(&options.route_count);
    enum oh_err err = oh_server_create(&options, diag, &serve->server);
    if (err == OH_OK)
        atomic_store(&serve->woken, serve->server);
    return err;
}

static enum oh_err serve_open(struct serve *serve, struct oh_diag *diag)
{
    static enum oh_err (*const steps[])(struct serve *serve, struct oh_diag *diag) = {
        serve_open_ledger,    serve_open_journal, serve_recover, serve_open_snapshotter,
        serve_open_projector, serve_open_service, serve_open_server,
    };
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        enum oh_err err = steps[i](serve, diag);
        if (err != OH_OK)
            return err;
    }
    return OH_OK;
}

/* ---- Running and closing ----------------------------------------------------------------------- */

/* The last records reach the disk, or the log says that they do not. False: they do not. */
static bool serve_finish_journal(struct serve *serve)
{
    struct oh_diag diag = { "" };
    if (serve->journal == NULL)
        return true;
    oh_journal_finish(serve->journal);
    if (!oh_journal_failed(serve->journal, &diag))
        return true;
    if (!serve->is_failure_told)
        OH_LOG(OH_LOG_ERROR, OH_LOG_EVENT("journal_failed"), OH_LOG_TEXT("reason", diag.text),
               OH_LOG_U64("seq", oh_ledger_seq(serve->ledger)),
               OH_LOG_U64("durable_seq", oh_journal_durable_seq(serve->journal)));
    return false;
}

/* The helper threads end before the server that they wake. */
static void serve_close(struct serve *serve)
{
    oh_snapshotter_destroy(&serve->snapshotter);
    oh_projector_destroy(&serve->projector, PROJECTION_DRAIN_MS);
    oh_journal_close(&serve->journal);
    atomic_store(&serve->woken, NULL);
    if (serve->server != NULL)
        oh_server_destroy(&serve->server);
    oh_service_destroy(&serve->service);
    if (serve->ledger != NULL)
        oh_ledger_destroy(&serve->ledger);
    oh_directory_close(&serve->directory);
}

static int serve_run(struct serve *serve)
{
    struct oh_diag diag = { "" };
    oh_memory_keep();
    oh_log_init(STDERR_FILENO, (enum oh_log_level)serve->config.log_level, clock_us);
    OH_LOG(OH_LOG_INFO, OH_LOG_EVENT("starting"), OH_LOG_TEXT("version", ONHAND_VERSION),
           OH_LOG_I64("pid", getpid()), OH_LOG_TEXT("data_dir", serve->config.data_dir));
    enum oh_err err = serve_open(serve, &diag);
    if (err != OH_OK)
        OH_LOG(OH_LOG_ERROR, OH_LOG_EVENT("start_failed"), OH_LOG_TEXT("error", oh_err_text(err)),
               OH_LOG_TEXT("reason", diag.text));
    else
        err = oh_server_run(serve->server);
    uint64_t seq = serve->ledger == NULL ? 0 : oh_ledger_seq(serve->ledger);
    bool is_failed = !serve_finish_journal(serve) || err != OH_OK;
    serve_close(serve);
    OH_LOG(OH_LOG_INFO, OH_LOG_EVENT("stopped"), OH_LOG_U64("seq", seq), OH_LOG_I64("exit", is_failed ? 1 : 0));
    return is_failed ? EXIT_FAILED : EXIT_DONE;
}

/* Writes the text to standard output and frees it. */
static int serve_print(struct oh_strbuf *text)
{
    bool is_written = !text->is_overflowed && fwrite(text->data, 1, text->size, stdout) == text->size;
    is_written = fflush(stdout) == 0 && is_written;
    oh_strbuf_fini(text);
    return is_written ? EXIT_DONE : EXIT_FAILED;
}

static int serve_print_config(const struct oh_config *config)
{
    struct oh_strbuf text;
    oh_strbuf_init(&text, CONFIG_TEXT_SIZE_MAX);
    oh_config_write(config, &text);
    return serve_print(&text);
}

int oh_command_serve(int argc, char **argv)
{
    static struct serve serve; /* tens of kilobytes, and there is one of it */
    struct oh_diag diag = { "" };
    enum oh_err err = oh_config_read_arguments(argc, argv, &serve.config, &serve.source, &diag);
    if (err != OH_OK) {
        fprintf(stderr, "onhand serve: %s\n", diag.text);
        return EXIT_USAGE;
    }
    if (serve.source.is_check)
        return serve_print_config(&serve.config);
    return serve_run(&serve);
}

int oh_command_routes(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct oh_strbuf text;
    oh_strbuf_init(&text, CONFIG_TEXT_SIZE_MAX);
    oh_routes_put_text(&text);
    return serve_print(&text);
}
