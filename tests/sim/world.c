#include "sim/world.h"
#include "base/assert.h"
#include "server/routes.h"
#include "storage/recovery.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define DATA_DIR        "d"
#define BUFFER_SIZE     (UINT64_C(16) << 20)
#define HISTORY_MAX     (1u << 18)
#define PEER_SIZE_MAX   ((size_t)8 << 20)
#define FORGET_SIZE     ((size_t)1 << 20) /* what was sent and read */
#define TURNS_TO_END    4000u
#define PROJECTION_DRAIN_MS 3000 /* as onhand serve has it */
#define MONOTONIC_START INT64_C(1000000)
#define JOINED_ROOM     ((size_t)256 << 10)

/* ---- Memory ----------------------------------------------------------------------------------------------------- */

/* Mapped, because most of it is never touched. */
static void *memory_allocate(void *ctx, size_t size)
{
    const struct sim_hooks *hooks = ctx;
    if (hooks->memory_fails != NULL && hooks->memory_fails(hooks->ctx))
        return NULL;
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void memory_release(void *ctx, void *memory, size_t size)
{
    (void)ctx;
    (void)munmap(memory, size);
}

/* ---- The network ------------------------------------------------------------------------------------------------ */

static uint64_t peer_seq(const struct sim_peer *peer)
{
    return oh_ledger_seq(peer->world->ledger);
}

/*
 * The requests read last are applied by the time something else is read. Where there is one write among them, the
 * questions before it speak for the seq before it, and those behind it for the seq after it.
 */
static void reads_close(struct sim_world *world)
{
    uint64_t seq = oh_ledger_seq(world->ledger);
    uint32_t first = world->read_count;
    uint32_t writes = 0;
    while (first > 0 && world->reads[first - 1].seq_after == UINT64_MAX)
        writes += world->reads[--first].is_write ? 1 : 0;
    bool is_behind = false;
    for (uint32_t i = first; i < world->read_count; i++) {
        struct sim_read *read = &world->reads[i];
        read->is_joined = writes > 1;
        is_behind = is_behind || read->is_write;
        read->seq_after = is_behind || read->is_joined ? seq : read->seq_before;
        read->seq_before = is_behind && !read->is_write && !read->is_joined ? seq : read->seq_before;
        if (world->applied != NULL)
            world->applied(world->applied_ctx, read);
    }
}

static void read_add(struct sim_peer *peer, const struct sim_sent *request)
{
    struct sim_world *world = peer->world;
    OH_ASSERT(world->read_count < SIM_READS_MAX);
    world->reads[world->read_count++] = (struct sim_read){
        .number = request->number,
        .is_write = request->is_write,
        .now_us = world->realtime_us,
        .seq_before = peer_seq(peer),
        .seq_after = UINT64_MAX,
        .has_no_room =
            request->room > 0 && oh_service_write_check(world->service, request->room) != OH_SERVICE_OK,
    };
}

/* Whether writes may be read at once: only where all of them certainly find room, since each takes some of it. */
static bool reads_may_join(const struct sim_peer *peer)
{
    size_t most = 0;
    bool is_one_alone = false;
    for (uint32_t i = peer->read_count; i < peer->request_count; i++) {
        most = peer->requests[i].room > most ? peer->requests[i].room : most;
        is_one_alone = is_one_alone || peer->requests[i].is_alone;
    }
    return peer->reads_joined && !is_one_alone &&
           oh_service_write_check(peer->world->service, most + JOINED_ROOM) == OH_SERVICE_OK;
}

/* Where this read ends: by default behind the first write, so that the seqs around it are its own. */
static uint64_t read_end(const struct sim_peer *peer, size_t size)
{
    uint64_t end = peer->read_at + size;
    if (end > peer->readable)
        end = peer->readable;
    bool is_joined = reads_may_join(peer);
    for (uint32_t i = peer->read_count; !is_joined && i < peer->request_count; i++) {
        const struct sim_sent *request = &peer->requests[i];
        if (request->is_write && request->end <= end)
            return request->end;
    }
    return end;
}

/* How many of `size` bytes the network lets pass, or what the call returns. */
static ssize_t network_passes(const struct sim_peer *peer, bool is_send, size_t size)
{
    const struct sim_hooks *hooks = &peer->world->options.hooks;
    return hooks->network == NULL ? (ssize_t)size : hooks->network(hooks->ctx, is_send, size);
}

static ssize_t peer_recv(void *context, void *data, size_t size)
{
    struct sim_peer *peer = context;
    OH_ASSERT(peer->is_open);
    if (peer->is_reset)
        return -ECONNRESET;
    ssize_t passing = network_passes(peer, false, size);
    if (passing < 0)
        return passing;
    uint64_t end = read_end(peer, (size_t)passing);
    size_t count = (size_t)(end - peer->read_at);
    if (count == 0)
        return peer->has_ended && peer->read_at == peer->sent_base + peer->sent.size ? 0 : -EAGAIN;
    memcpy(data, peer->sent.data + (peer->read_at - peer->sent_base), count);
    peer->read_at = end;
    reads_close(peer->world);
    while (peer->read_count < peer->request_count && peer->requests[peer->read_count].end <= end)
        read_add(peer, &peer->requests[peer->read_count++]);
    return (ssize_t)count;
}

static ssize_t peer_send(void *context, const void *data, size_t size)
{
    struct sim_peer *peer = context;
    OH_ASSERT(peer->is_open && size > 0);
    if (peer->is_reset)
        return -EPIPE;
    ssize_t passing = network_passes(peer, true, size);
    if (passing < 0 && passing != -EAGAIN)
        return passing;
    size_t count = passing < 0 ? 0 : (size_t)passing;
    count = count < peer->take_max ? count : peer->take_max;
    peer->was_shut = count < size;
    if (count == 0)
        return -EAGAIN;
    oh_strbuf_put_bytes(&peer->received, (struct oh_bytes){ data, count });
    return (ssize_t)count;
}

static void peer_shutdown_write(void *context)
{
    (void)context;
}

static void peer_close(void *context)
{
    struct sim_peer *peer = context;
    OH_ASSERT(peer->is_open);
    peer->is_open = false;
    peer->connection = NULL;
}

bool sim_peer_connect(struct sim_world *world, struct sim_peer *peer)
{
    static const struct oh_transport transport = { peer_recv, peer_send, peer_shutdown_write, peer_close };
    OH_ASSERT(!peer->is_open);
    oh_strbuf_clear(&peer->sent);
    oh_strbuf_clear(&peer->received);
    peer->sent_base = peer->read_at = peer->readable = 0;
    peer->request_count = peer->read_count = 0;
    peer->is_reset = peer->has_ended = peer->was_shut = peer->reads_joined = false;
    peer->take_max = SIZE_MAX;
    if (!sim_world_is_up(world) ||
        oh_engine_open(world->engine, &transport, peer, &peer->connection) != OH_OK)
        return false;
    peer->is_open = true;
    return true;
}

bool sim_peer_send(struct sim_peer *peer, struct oh_bytes request, const struct sim_sent *sent)
{
    if (peer->request_count == SIM_REQUESTS_MAX || peer->is_reset || peer->has_ended)
        return false;
    if (peer->read_at - peer->sent_base > FORGET_SIZE) {
        oh_strbuf_consume(&peer->sent, (size_t)(peer->read_at - peer->sent_base));
        peer->sent_base = peer->read_at;
    }
    oh_strbuf_put_bytes(&peer->sent, request);
    OH_ASSERT(!peer->sent.is_overflowed);
    peer->requests[peer->request_count] = *sent;
    peer->requests[peer->request_count++].end = peer->sent_base + peer->sent.size;
    return true;
}

void sim_peer_deliver(struct sim_peer *peer, size_t size)
{
    uint64_t end = peer->sent_base + peer->sent.size;
    peer->readable = end - peer->readable < size ? end : peer->readable + size;
}

void sim_peer_reset(struct sim_peer *peer)
{
    peer->is_reset = true;
    if (peer->is_open)
        oh_connection_notify(peer->connection, OH_READY_READ | OH_READY_CLOSED);
}

void sim_peer_end(struct sim_peer *peer)
{
    peer->has_ended = true;
    sim_peer_deliver(peer, SIZE_MAX);
}

void sim_peer_open_window(struct sim_peer *peer, size_t take_max)
{
    peer->take_max = take_max;
}

/* What has become possible since the last turn. */
static void peer_notify(struct sim_peer *peer)
{
    if (!peer->is_open)
        return;
    bool is_at_end = peer->has_ended && peer->read_at == peer->sent_base + peer->sent.size;
    if (peer->read_at < peer->readable || is_at_end || peer->is_reset)
        oh_connection_notify(peer->connection, OH_READY_READ | (is_at_end ? OH_READY_CLOSED : 0));
    if (peer->was_shut && peer->take_max > 0) { /* edge-triggered, as epoll is */
        peer->was_shut = false;
        oh_connection_notify(peer->connection, OH_READY_WRITE);
    }
}

/* ---- The clock -------------------------------------------------------------------------------------------------- */

static int64_t clock_realtime_us(void *context)
{
    return ((const struct sim_world *)context)->realtime_us;
}

static int64_t clock_monotonic_us(void *context)
{
    return ((const struct sim_world *)context)->monotonic_us;
}

void sim_world_pass(struct sim_world *world, int64_t us)
{
    world->realtime_us += us;
    world->monotonic_us += us;
    storage_disk_advance(world->disk, us);
}

void sim_world_set_clock(struct sim_world *world, int64_t step_us)
{
    world->realtime_us += step_us;
}

/* ---- The service's hooks, with a look at the seq between them ---------------------------------------------------- */

static void world_stop(void *context, enum oh_err error)
{
    struct sim_world *world = context;
    (void)error;
    world->is_stopped = true;
}

/* The engine hands one context to hooks and handlers, and handlers need the service's. */
static struct sim_world *hooked_world;

static uint64_t hook_turn_end(void *context)
{
    reads_close(hooked_world);
    return hooked_world->service_hooks.turn_end(context);
}

/* ---- The disk as a process sees it ------------------------------------------------------------------------------- */

static int dead_name(void *ctx, const char *path)
{
    (void)ctx;
    (void)path;
    return -EIO;
}

static int dead_rename(void *ctx, const char *from, const char *to)
{
    (void)ctx;
    (void)from;
    (void)to;
    return -EIO;
}

/* A process that is gone changes no names; its files are closed already. */
static void world_disk_detach(struct sim_world *world)
{
    world->io.unlink = dead_name;
    world->io.make_directory = dead_name;
    world->io.rename = dead_rename;
}

/* ---- Life ------------------------------------------------------------------------------------------------------- */

struct inode_search {
    uint32_t inode;
    bool is_journal;
};

static void inode_look(void *ctx, uint32_t inode, const char *path, const uint8_t *bytes, size_t size)
{
    struct inode_search *search = ctx;
    (void)bytes;
    (void)size;
    search->is_journal = search->is_journal || (inode == search->inode && strstr(path, ".ohj") != NULL);
}

/* What must end acknowledging for good. Who was interrupted asks again. */
static void sync_watch(void *ctx, const struct storage_event *event)
{
    struct sim_world *world = ctx;
    struct inode_search search = { event->inode, false };
    if (event->operation != STORAGE_FDATASYNC || event->result >= 0 || event->result == -EINTR)
        return;
    storage_disk_each(world->disk, inode_look, &search);
    world->has_failed_sync = world->has_failed_sync || search.is_journal;
}

static void change_watch(void *ctx)
{
    struct sim_world *world = ctx;
    if (world->changes_left > 0 && --world->changes_left == 0)
        storage_disk_set_gone(world->disk, true);
}

void sim_world_init(struct sim_world *world, const struct sim_world_options *options)
{
    struct oh_diag diag = { "" };
    size_t count = 0;
    const struct oh_route *routes = oh_routes(&count);
    *world = (struct sim_world){
        .options = *options,
        .disk = storage_disk_create(options->seed),
        .realtime_us = options->now_us,
        .monotonic_us = MONOTONIC_START,
        .watch = { .before = change_watch, .after = sync_watch, .ctx = world },
    };
    storage_disk_set_watch(world->disk, &world->watch);
    enum oh_err err = oh_router_create(routes, count, &diag, &world->router);
    OH_ASSERT(err == OH_OK);
    for (uint32_t i = 0; i < SIM_PEERS_MAX; i++) {
        world->peers[i].world = world;
        oh_strbuf_init(&world->peers[i].sent, PEER_SIZE_MAX);
        oh_strbuf_init(&world->peers[i].received, PEER_SIZE_MAX);
    }
}

static enum oh_err world_open_storage(struct sim_world *world, struct oh_diag *diag)
{
    const struct sim_world_options *options = &world->options;
    struct oh_journal_options journal_options = {
        .durability = options->durability,
        .segment_size = options->segment_size,
        .prepared_count = options->prepared_count,
        .buffer_size = options->buffer_size == 0 ? BUFFER_SIZE : options->buffer_size,
        .record_size_max = options->record_size_max,
        .frame_align = options->frame_align,
        .is_manual = true,
    };
    world->io = *storage_disk_io(world->disk);
    if (options->hooks.wrap_io != NULL)
        options->hooks.wrap_io(options->hooks.ctx, &world->io);
    enum oh_err err = oh_directory_open(&world->io, DATA_DIR, OH_DIRECTORY_WRITE, &world->directory, diag);
    if (err != OH_OK)
        return err;
    err = oh_journal_open(world->directory, &journal_options, &world->journal, diag);
    if (err == OH_OK && oh_journal_torn_text(world->journal) != NULL)
        (void)snprintf(world->torn, sizeof(world->torn), "%s", oh_journal_torn_text(world->journal));
    return err;
}

static enum oh_err world_recover(struct sim_world *world, uint64_t *out_bytes, struct oh_diag *diag)
{
    const struct oh_ledger_options ledger_options = {
        .items_max = 64,
        .positions_max = 65536,
        .reservations_max = 16384,
        .claims_max = 65536,
        .keys_max = 32768,
        .history_max = world->options.history_max == 0 ? HISTORY_MAX : world->options.history_max,
        .text_size_max = UINT64_C(256) << 20,
    };
    const struct oh_allocator allocator = { memory_allocate, memory_release, &world->options.hooks };
    struct oh_recovery_options options = { .last_seq = oh_journal_durable_seq(world->journal) };
    struct oh_recovery_report report = { .last_seq = 0 };
    enum oh_err err = oh_ledger_create(&ledger_options, &allocator, &world->ledger);
    if (err != OH_OK)
        return err;
    err = oh_recovery_run(world->directory, world->ledger, &options, &report, diag);
    if (err == OH_OK && oh_ledger_seq(world->ledger) != oh_journal_seq(world->journal)) {
        oh_diag_set(diag, "the ledger and its journal are at different places");
        err = OH_E_CORRUPT;
    }
    *out_bytes = report.record_bytes;
    return err;
}

static int64_t projector_now_us(void)
{
    return hooked_world->realtime_us;
}

static enum oh_err world_open_projector(struct sim_world *world)
{
    const struct oh_projector_options options = {
        .uri = "simulated",
        .directory = world->directory,
        .journal = world->journal,
        .migrates = true,
        .batch_effects = world->options.batch_effects,
        .segment_size = world->options.segment_size,
        .now_us = projector_now_us,
        .is_manual = true,
    };
    world->projector_due_us = world->monotonic_us;
    return world->options.backlog_bytes_max == 0 ? OH_OK : oh_projector_create(&options, &world->projector);
}

static enum oh_err world_open_service(struct sim_world *world, uint64_t replayed_bytes, struct oh_diag *diag)
{
    struct oh_snapshotter_options snapshotter_options = {
        .journal_bytes_max = world->options.snapshot_bytes,
        .journal_bytes_before = replayed_bytes,
        .keep_count = world->options.keep_count,
        .is_manual = true,
    };
    enum oh_err err = oh_snapshotter_create(world->directory, world->journal, world->ledger,
                                            &snapshotter_options, &world->snapshotter, diag);
    if (err == OH_OK)
        err = world_open_projector(world);
    if (err != OH_OK)
        return err;
    struct oh_service_options options = { .ledger = world->ledger,
                                          .journal = world->journal,
                                          .snapshotter = world->snapshotter,
                                          .projector = world->projector,
                                          .backlog_bytes_max = world->options.backlog_bytes_max,
                                          .stop = world_stop,
                                          .stop_ctx = world };
    err = oh_service_create(&options, &world->service);
    if (err != OH_OK)
        return err;
    world->service_hooks = oh_service_hooks(world->service);
    world->hooks = world->service_hooks;
    world->hooks.turn_end = hook_turn_end;
    struct oh_engine_options engine_options = { .limits = oh_limits_default(),
                                                .clock = { world, clock_realtime_us, clock_monotonic_us },
                                                .hooks = &world->hooks,
                                                .router = world->router };
    return oh_engine_create(&engine_options, &world->engine);
}

static void world_count(struct sim_world *world)
{
    struct oh_journal_stats stats;
    if (world->snapshotter != NULL)
        world->snapshots += oh_snapshotter_stats(world->snapshotter).done_count;
    if (world->journal == NULL)
        return;
    oh_journal_stats(world->journal, &stats);
    world->rotations += stats.rotations_count;
}

/* What a process holds; the journal last, since it may still write. */
static void world_close(struct sim_world *world, int64_t drain_ms)
{
    world_count(world);
    oh_engine_destroy(&world->engine);
    oh_snapshotter_destroy(&world->snapshotter);
    oh_projector_destroy(&world->projector, drain_ms);
    if (world->closing != NULL)
        world->closing(world->applied_ctx);
    oh_journal_close(&world->journal);
    oh_service_destroy(&world->service);
    if (world->ledger != NULL)
        oh_ledger_destroy(&world->ledger);
    oh_directory_close(&world->directory);
}

enum oh_err sim_world_start(struct sim_world *world, struct oh_diag *diag)
{
    uint64_t replayed_bytes = 0;
    hooked_world = world;
    world->is_stopped = false;
    world->read_count = 0;
    world->has_failed_sync = false;
    world->torn[0] = '\0';
    enum oh_err err = world_open_storage(world, diag);
    if (err == OH_OK)
        err = world_recover(world, &replayed_bytes, diag);
    if (err == OH_OK)
        err = world_open_service(world, replayed_bytes, diag);
    if (err != OH_OK)
        world_close(world, 0);
    return err;
}

bool sim_world_is_up(const struct sim_world *world)
{
    return world->engine != NULL;
}

void sim_world_exit(struct sim_world *world)
{
    world_close(world, 0);
}

void sim_world_crash(struct sim_world *world, bool is_power_loss)
{
    /* The disk first: from here on no call of the process reaches it. */
    storage_disk_crash(world->disk, !is_power_loss);
    world_disk_detach(world);
    world_close(world, 0);
    world->changes_left = 0;
    storage_disk_set_gone(world->disk, false);
}

bool sim_world_terminate(struct sim_world *world)
{
    oh_engine_drain(world->engine);
    for (uint32_t i = 0; i < TURNS_TO_END && !oh_engine_is_drained(world->engine); i++) {
        sim_world_turn(world);
        sim_world_work(world, OH_JOURNAL_WORK_WRITE | OH_JOURNAL_WORK_PREPARE);
        sim_world_pass(world, 10000);
    }
    bool is_ended = oh_engine_is_drained(world->engine);
    sim_world_end(world);
    return is_ended;
}

void sim_world_end(struct sim_world *world)
{
    if (world->journal != NULL)
        oh_journal_finish(world->journal);
    world_close(world, PROJECTION_DRAIN_MS);
}

void sim_world_fini(struct sim_world *world)
{
    if (sim_world_is_up(world))
        world_close(world, 0);
    oh_router_destroy(&world->router);
    for (uint32_t i = 0; i < SIM_PEERS_MAX; i++) {
        oh_strbuf_fini(&world->peers[i].sent);
        oh_strbuf_fini(&world->peers[i].received);
    }
    storage_disk_destroy(world->disk);
}

/* ---- Turns ------------------------------------------------------------------------------------------------------ */

void sim_world_turn(struct sim_world *world)
{
    world->read_count = 0;
    world->turns++;
    for (uint32_t i = 0; i < SIM_PEERS_MAX; i++)
        peer_notify(&world->peers[i]);
    oh_engine_turn(world->engine);
}

void sim_world_work(struct sim_world *world, unsigned kinds)
{
    oh_journal_work(world->journal, kinds);
}

void sim_world_work_snapshot(struct sim_world *world)
{
    oh_snapshotter_work(world->snapshotter);
}

void sim_world_work_projector(struct sim_world *world)
{
    if (world->projector == NULL || world->monotonic_us < world->projector_due_us)
        return;
    int64_t ms = oh_projector_work(world->projector);
    world->projector_due_us = ms < 0 ? INT64_MAX : world->monotonic_us + ms * 1000;
}
