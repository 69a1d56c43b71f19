/*
 * fuzz_server.c - the whole server but the sockets: connection code, all routes, codec and ledger.
 *
 * Input: what a client sends on one connection. A 0x01 byte is not sent: there the client waits a second, so
 * that holds expire and turns pass.
 * Laws: the connection ends and the engine is empty afterwards; whatever was asked, every counter is the sum
 * of its parts.
 */
#include "base/assert.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_world.h"
#include "server/engine.h"
#include "server/routes.h"
#include "server/service.h"
#include <errno.h>
#include <string.h>

#define INPUT_SIZE_MAX 16384u
#define TURNS_MAX      100000u
#define WAIT_BYTE      1
#define SECOND_US      1000000
#define DRAIN_US       INT64_C(100000000)

struct run {
    struct fuzz_world world;
    struct oh_journal *journal;
    struct oh_service *service;
    struct oh_server_hooks hooks;
    struct oh_router *router;
    struct oh_engine *engine;
    struct oh_connection *connection;
    struct oh_bytes unread; /* sent by the client */
    bool has_ended;
    bool is_closed;
    int64_t now_us;
};

/* ---- The client's end ------------------------------------------------------------------------- */

static ssize_t client_recv(void *context, void *data, size_t size)
{
    struct run *run = context;
    size_t count = run->unread.size < size ? run->unread.size : size;
    OH_ASSERT(!run->is_closed);
    if (count == 0)
        return run->has_ended ? 0 : -EAGAIN;
    memcpy(data, run->unread.data, count);
    run->unread.data += count;
    run->unread.size -= count;
    return (ssize_t)count;
}

static ssize_t client_send(void *context, const void *data, size_t size)
{
    const struct run *run = context;
    (void)data;
    OH_ASSERT(!run->is_closed && size > 0);
    return (ssize_t)size;
}

static void client_shutdown_write(void *context)
{
    (void)context;
}

static void client_close(void *context)
{
    struct run *run = context;
    OH_ASSERT(!run->is_closed);
    run->is_closed = true;
}

static int64_t clock_us(void *context)
{
    return ((const struct run *)context)->now_us;
}

static void stop(void *context, enum oh_err error)
{
    (void)context;
    (void)error;
    OH_UNREACHABLE(); /* a journal in memory takes everything */
}

/* ---- Life ------------------------------------------------------------------------------------- */

/* The service's scratch memory is large, so one service serves every input; it keeps nothing else. */
static void service_make(struct run *run)
{
    const struct oh_journal_options journal_options = { .durability = OH_DURABILITY_MEMORY,
                                                        .first_seq = oh_ledger_seq(run->world.ledger) + 1 };
    struct oh_diag diag = { "" };
    enum oh_err err = oh_journal_open(NULL, &journal_options, &run->journal, &diag);
    OH_ASSERT(err == OH_OK);
    const struct oh_service_options options = { .ledger = run->world.ledger,
                                                .journal = run->journal,
                                                .stop = stop };
    if (run->service == NULL) {
        err = oh_service_create(&options, &run->service);
        OH_ASSERT(err == OH_OK);
    }
    run->service->options = options;
    run->service->ledger = options.ledger;
    run->service->journal = options.journal;
    run->service->verifier = (struct oh_verifier){ .position = 0 };
    run->service->verify_due_us = 0;
    run->service->verify_round_seq = UINT64_MAX;
    run->service->import_serial = 0;
    run->hooks = oh_service_hooks(run->service);
}

static void engine_make(struct run *run)
{
    static const struct oh_transport transport = { client_recv, client_send, client_shutdown_write,
                                                   client_close };
    struct oh_diag diag = { "" };
    size_t count = 0;
    const struct oh_route *routes = oh_routes(&count);
    enum oh_err err = oh_router_create(routes, count, &diag, &run->router);
    OH_ASSERT(err == OH_OK);
    const struct oh_engine_options options = { .limits = oh_limits_default(),
                                               .clock = { run, clock_us, clock_us },
                                               .hooks = &run->hooks,
                                               .router = run->router };
    err = oh_engine_create(&options, &run->engine);
    OH_ASSERT(err == OH_OK);
    err = oh_engine_open(run->engine, &transport, run, &run->connection);
    OH_ASSERT(err == OH_OK);
}

static void run_fini(struct run *run)
{
    oh_engine_destroy(&run->engine);
    oh_router_destroy(&run->router);
    oh_journal_close(&run->journal);
    fuzz_world_fini(&run->world);
}

/* ---- Traffic ---------------------------------------------------------------------------------- */

static void settle(struct run *run)
{
    uint32_t turns = 0;
    do {
        oh_engine_turn(run->engine);
        OH_ASSERT(turns++ < TURNS_MAX);
    } while (oh_engine_is_busy(run->engine));
}

static void client_says(struct run *run, struct oh_bytes bytes)
{
    if (run->is_closed)
        return;
    run->unread = bytes;
    oh_connection_notify(run->connection, OH_READY_READ);
    settle(run);
}

static void client_ends(struct run *run)
{
    run->has_ended = true;
    if (!run->is_closed)
        oh_connection_notify(run->connection, OH_READY_READ | OH_READY_CLOSED);
    settle(run);
    oh_engine_drain(run->engine);
    run->now_us += DRAIN_US;
    settle(run);
    OH_ASSERT(run->is_closed);
    OH_ASSERT(oh_engine_connection_count(run->engine) == 0);
    OH_ASSERT(oh_engine_metrics(run->engine)->replies_waiting == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct run run;
    if (size > INPUT_SIZE_MAX)
        return 0;
    run = (struct run){ .now_us = FUZZ_NOW_US, .service = run.service };
    fuzz_world_init(&run.world, false);
    service_make(&run);
    engine_make(&run);
    const char *at = (const char *)data;
    const char *end = at + size;
    while (at < end) {
        const char *wait = memchr(at, WAIT_BYTE, (size_t)(end - at));
        const char *stop_at = wait == NULL ? end : wait;
        client_says(&run, (struct oh_bytes){ at, (size_t)(stop_at - at) });
        run.now_us += SECOND_US;
        settle(&run);
        fuzz_ledger_check(run.world.ledger);
        at = stop_at == end ? end : stop_at + 1;
    }
    client_ends(&run);
    fuzz_ledger_check(run.world.ledger);
    OH_ASSERT(run.service->verifier.differences == 0);
    OH_ASSERT(run.service->task_count == 0);
    run_fini(&run);
    return 0;
}
