#include "instructions_world.h"
#include "app/memory.h"
#include "server/routes.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define TURNS_MAX 1000 /* that one request may take */
#define STATUS_SIZE (sizeof("HTTP/1.1 200") - 1)

void world_require(bool is_so, const char *what)
{
    if (is_so)
        return;
    fprintf(stderr, "bench_instructions: %s\n", what);
    exit(1);
}

/* ---- The retailer ------------------------------------------------------------------------------ */

void world_apply(struct world *world, const struct oh_command *command, struct oh_answer *out_answer)
{
    struct oh_record record;
    enum oh_err err = oh_ledger_apply(world->ledger, WORLD_NOW_US, command, out_answer);
    world_require(err == OH_OK && oh_verdict_is_success(out_answer->verdict), "a command was refused");
    (void)oh_ledger_take_record(world->ledger, &record);
}

/* Through the service, so that the journal has the same history. */
static void world_load(struct world *world, const struct oh_command *command)
{
    const struct oh_answer *answer = NULL;
    enum oh_err err = oh_service_apply(world->service, WORLD_NOW_US, command, &answer);
    world_require(err == OH_OK && oh_verdict_is_success(answer->verdict), "the retailer cannot be loaded");
    oh_service_commit(world->service);
}

static void load_nodes(struct world *world)
{
    for (uint32_t i = 0; i < WORLD_NODES; i++) {
        struct oh_command command = { .type = OH_COMMAND_NODE };
        snprintf(world->nodes[i], WORLD_NAME_SIZE, "node-%04u", i);
        command.node = (struct oh_node_command){ .node = oh_bytes_of(world->nodes[i]), .has_point = true,
                                                 .point = { 45 + 0.07 * i, 5 - 0.05 * i }, .ships = true,
                                                 .collects = true, .enabled = true };
        world_load(world, &command);
    }
}

static void load_items(struct world *world)
{
    for (uint32_t i = 0; i < WORLD_ITEMS; i++) {
        struct oh_command command = { .type = OH_COMMAND_ITEM };
        snprintf(world->skus[i], WORLD_NAME_SIZE, "sku-%08u", i);
        command.item = (struct oh_item_command){ .sku = oh_bytes_of(world->skus[i]), .weight_grams = 400 };
        world_load(world, &command);
    }
}

static void load_stock(struct world *world)
{
    struct oh_sync_entry entries[WORLD_ITEMS];
    for (uint32_t node = 0; node < WORLD_NODES; node++) {
        for (uint32_t item = 0; item < WORLD_ITEMS; item++)
            entries[item] = (struct oh_sync_entry){ .sku = oh_bytes_of(world->skus[item]),
                                                    .node = oh_bytes_of(world->nodes[node]),
                                                    .quantity_milli = 1000000000,
                                                    .as_of_us = WORLD_NOW_US - 1 };
        struct oh_command command = { .type = OH_COMMAND_SYNC };
        command.sync = (struct oh_sync_command){ OH_BYTES("wms"), entries, WORLD_ITEMS };
        world_load(world, &command);
    }
}

static void load_document(struct world *world, enum oh_document_kind kind, const char *id, const char *body)
{
    struct oh_command command = { .type = OH_COMMAND_DOCUMENT };
    command.document = (struct oh_document_command){ kind, oh_bytes_of(id), oh_bytes_of(body) };
    world_load(world, &command);
}

static void load_promises(struct world *world)
{
    load_document(world, OH_DOCUMENT_SERVICE, "standard",
                  "{\"time_zone\":\"UTC\",\"transit\":[{\"distance_km_max\":300,\"days\":1},{\"days\":2}],"
                  "\"delivery_window\":{\"from\":\"09:00\",\"to\":\"18:00\"},\"cost\":[{\"amount\":4.95}],"
                  "\"currency\":\"EUR\"}");
    for (uint32_t i = 0; i < WORLD_NODES; i++)
        load_document(world, OH_DOCUMENT_SCHEDULE, world->nodes[i],
                      "{\"time_zone\":\"UTC\",\"hours\":[{\"from\":\"06:00\",\"to\":\"22:00\"}],"
                      "\"processing_minutes\":{\"default\":60},"
                      "\"pickups\":[{\"service\":\"standard\",\"at\":\"20:00\"}]}");
}

static void load_retailer(struct world *world)
{
    struct oh_command channel = { .type = OH_COMMAND_CHANNEL, .channel = { .channel = OH_BYTES("web") } };
    load_nodes(world);
    load_items(world);
    world_load(world, &channel);
    load_stock(world);
    load_promises(world);
}

/* ---- The server -------------------------------------------------------------------------------- */

static ssize_t peer_recv(void *context, void *data, size_t size)
{
    struct world_peer *peer = context;
    size_t taken = peer->sent.size < size ? peer->sent.size : size;
    if (taken == 0)
        return -EAGAIN;
    memcpy(data, peer->sent.data, taken);
    peer->sent = (struct oh_bytes){ peer->sent.data + taken, peer->sent.size - taken };
    return (ssize_t)taken;
}

static ssize_t peer_send(void *context, const void *data, size_t size)
{
    struct world_peer *peer = context;
    if (size < STATUS_SIZE || memcmp(data, peer->status, STATUS_SIZE) != 0)
        fprintf(stderr, "%.*s\n", (int)size, (const char *)data);
    else
        peer->replies++;
    return (ssize_t)size;
}

static void peer_end(void *context)
{
    (void)context;
}

static const struct oh_transport transport = { peer_recv, peer_send, peer_end, peer_end };

static int64_t clock_now_us(void *context)
{
    (void)context;
    return WORLD_NOW_US;
}

static void service_stop(void *ctx, enum oh_err error)
{
    (void)ctx;
    world_require(error == OH_OK, "the journal failed");
}

static void server_start(struct world *world)
{
    struct oh_diag diag = { "" };
    size_t route_count;
    const struct oh_route *routes = oh_routes(&route_count);
    world_require(oh_router_create(routes, route_count, &diag, &world->router) == OH_OK, diag.text);
    world->hooks = oh_service_hooks(world->service);
    world->hooks.idle = NULL; /* the verifier works now and then, which no request costs */
    const struct oh_engine_options options = {
        .limits = oh_limits_default(),
        .clock = { NULL, clock_now_us, clock_now_us },
        .hooks = &world->hooks,
        .router = world->router,
    };
    world_require(oh_engine_create(&options, &world->engine) == OH_OK &&
                      oh_engine_open(world->engine, &transport, &world->peer, &world->connection) == OH_OK,
                  "no memory for a server");
}

void world_request(struct world *world, struct oh_bytes request, const char *status)
{
    struct world_peer *peer = &world->peer;
    uint64_t replies = peer->replies;
    int turns = 0;
    peer->sent = request;
    peer->status = status;
    oh_connection_notify(world->connection, OH_READY_READ);
    while (peer->replies == replies && turns++ < TURNS_MAX)
        oh_engine_turn(world->engine);
    world_require(peer->replies == replies + 1, "a request was not answered as it should be");
}

/* ---- Life -------------------------------------------------------------------------------------- */

struct world *world_create(void)
{
    const struct oh_ledger_options ledger = { .items_max = 2 * WORLD_ITEMS,
                                              .positions_max = 2 * WORLD_ITEMS * WORLD_NODES,
                                              .reservations_max = 1u << 17,
                                              .claims_max = 1u << 17,
                                              .keys_max = 1u << 12,
                                              .history_max = 1u << 17,
                                              .text_size_max = (uint64_t)256 << 20 };
    const struct oh_journal_options journal = { .durability = OH_DURABILITY_MEMORY };
    const struct oh_allocator allocator = oh_memory_allocator();
    struct oh_diag diag = { "" };
    struct world *world = calloc(1, sizeof(*world));
    world_require(world != NULL && oh_ledger_create(&ledger, &allocator, &world->ledger) == OH_OK, "no memory");
    world_require(oh_journal_open(NULL, &journal, &world->journal, &diag) == OH_OK, diag.text);
    const struct oh_service_options service = { .ledger = world->ledger, .journal = world->journal,
                                                .stop = service_stop };
    world_require(oh_service_create(&service, &world->service) == OH_OK, "no memory for a service");
    oh_strbuf_init(&world->record, OH_JOURNAL_RECORD_SIZE_MAX);
    load_retailer(world);
    server_start(world);
    return world;
}

void world_destroy(struct world **world)
{
    oh_engine_destroy(&(*world)->engine);
    oh_router_destroy(&(*world)->router);
    oh_service_destroy(&(*world)->service);
    oh_journal_close(&(*world)->journal);
    oh_ledger_destroy(&(*world)->ledger);
    oh_strbuf_fini(&(*world)->record);
    free(*world);
    *world = NULL;
}
