/*
 * engine.c - how fast is the ledger itself, and how much memory does it take?
 *
 * usage: bench_engine [--items N] [--nodes N] [--operations N]
 *
 * One JSON line per question. `hot` works on 1,000 items at 10 nodes, `random`
 * on all positions with no order. Reserve, confirm and fulfil go through
 * oh_ledger_apply() with names, as a server would call it, and take the
 * record; encoding and the disk are not part of it.
 */
#include "app/memory.h"
#include "base/prng.h"
#include "onhand/ledger.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NAME_SIZE 16
#define HOT_ITEMS 1000u
#define HOT_NODES 10u

struct bench {
    struct oh_ledger *ledger;
    struct oh_prng prng;
    uint32_t item_count;
    uint32_t node_count;
    uint32_t operation_count;
    int64_t now_us;
    char (*skus)[NAME_SIZE];
    char (*nodes)[NAME_SIZE];
};

static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void report(const char *question, uint64_t started_ns, uint64_t count)
{
    double ns = (double)(clock_ns() - started_ns);
    printf("{\"question\":\"%s\",\"operations\":%llu,\"ns_per_operation\":%.1f,\"operations_per_second\":%.0f}\n",
           question, (unsigned long long)count, ns / (double)count, (double)count / ns * 1e9);
    fflush(stdout);
}

static void apply(struct bench *bench, const struct oh_command *command, struct oh_answer *answer)
{
    struct oh_record record;
    if (oh_ledger_apply(bench->ledger, bench->now_us, command, answer) != OH_OK ||
        !oh_verdict_is_success(answer->verdict)) {
        fprintf(stderr, "bench_engine: %s\n", oh_verdict_code(answer->verdict));
        exit(1);
    }
    oh_ledger_take_record(bench->ledger, &record);
}

/* ---- Set-up ----------------------------------------------------------------------------------- */

static void load_names(struct bench *bench)
{
    struct oh_answer answer;
    bench->skus = calloc(bench->item_count, NAME_SIZE);
    bench->nodes = calloc(bench->node_count, NAME_SIZE);
    for (uint32_t i = 0; i < bench->node_count; i++) {
        struct oh_command command = { .type = OH_COMMAND_NODE };
        snprintf(bench->nodes[i], NAME_SIZE, "node-%u", i);
        command.node = (struct oh_node_command){ .node = oh_bytes_of(bench->nodes[i]), .ships = true,
                                                 .collects = true, .enabled = true };
        apply(bench, &command, &answer);
    }
    for (uint32_t i = 0; i < bench->item_count; i++) {
        struct oh_command command = { .type = OH_COMMAND_ITEM };
        snprintf(bench->skus[i], NAME_SIZE, "sku-%u", i);
        command.item.sku = oh_bytes_of(bench->skus[i]);
        apply(bench, &command, &answer);
    }
    struct oh_command channel = { .type = OH_COMMAND_CHANNEL };
    channel.channel.channel = OH_BYTES("web");
    apply(bench, &channel, &answer);
}

/* Node by node, as a real first load comes. */
static void load_stock(struct bench *bench)
{
    struct oh_sync_entry entries[1000];
    struct oh_answer answer;
    for (uint32_t node = 0; node < bench->node_count; node++) {
        for (uint32_t first = 0; first < bench->item_count; first += 1000) {
            uint32_t count = 0;
            for (; count < 1000 && first + count < bench->item_count; count++)
                entries[count] = (struct oh_sync_entry){ .sku = oh_bytes_of(bench->skus[first + count]),
                                                         .node = oh_bytes_of(bench->nodes[node]),
                                                         .quantity_milli = 1000000000,
                                                         .as_of_us = 1 };
            struct oh_command command = { .type = OH_COMMAND_SYNC };
            command.sync = (struct oh_sync_command){ OH_BYTES("bench"), entries, count };
            apply(bench, &command, &answer);
        }
    }
}

/* ---- Questions -------------------------------------------------------------------------------- */

struct place { uint32_t item, node; };

/* Drawn beforehand, so that drawing is not measured. */
static struct place *places_draw(struct bench *bench, bool is_hot)
{
    struct place *places = calloc(bench->operation_count, sizeof(*places));
    uint32_t items = is_hot && HOT_ITEMS < bench->item_count ? HOT_ITEMS : bench->item_count;
    uint32_t nodes = is_hot && HOT_NODES < bench->node_count ? HOT_NODES : bench->node_count;
    for (uint32_t i = 0; i < bench->operation_count; i++)
        places[i] = (struct place){ (uint32_t)oh_prng_below(&bench->prng, items),
                                    (uint32_t)oh_prng_below(&bench->prng, nodes) };
    return places;
}

static void ask_available(struct bench *bench, const struct place *places, const char *question)
{
    struct oh_asker asker = { .channel = { 0 }, .kind = OH_KIND_CART };
    int64_t sum = 0;
    uint64_t started = clock_ns();
    for (uint32_t i = 0; i < bench->operation_count; i++) {
        struct oh_availability availability;
        oh_available_at_node(bench->ledger, (struct oh_item_id){ places[i].item },
                             (struct oh_node_id){ (uint16_t)places[i].node }, asker, bench->now_us, &availability);
        sum += availability.available_milli;
    }
    report(question, started, bench->operation_count);
    if (sum == 0)
        exit(1);
}

static void ask_by_name(struct bench *bench, const struct place *places, const char *question)
{
    struct oh_asker asker = { .channel = { 0 }, .kind = OH_KIND_CART };
    int64_t sum = 0;
    uint64_t started = clock_ns();
    for (uint32_t i = 0; i < bench->operation_count; i++) {
        struct oh_availability availability;
        struct oh_item_id item;
        struct oh_node_id node;
        if (!oh_item_find(bench->ledger, oh_bytes_of(bench->skus[places[i].item]), &item) ||
            !oh_node_find(bench->ledger, oh_bytes_of(bench->nodes[places[i].node]), &node))
            exit(1);
        oh_available_at_node(bench->ledger, item, node, asker, bench->now_us, &availability);
        sum += availability.available_milli;
    }
    report(question, started, bench->operation_count);
    if (sum == 0)
        exit(1);
}

struct ids { char (*names)[24]; };

/* Not inlined: valgrind --tool=callgrind --toggle-collect=reserve_all counts its instructions. */
__attribute__((noinline)) static void reserve_all(struct bench *bench, const struct place *places, struct ids *ids,
                                                  const char *question)
{
    uint64_t started = clock_ns();
    for (uint32_t i = 0; i < bench->operation_count; i++) {
        struct oh_reserve_line line = { .line = 1,
                                        .sku = oh_bytes_of(bench->skus[places[i].item]),
                                        .node = oh_bytes_of(bench->nodes[places[i].node]),
                                        .quantity_milli = 1000 };
        struct oh_command command = { .type = OH_COMMAND_RESERVE };
        struct oh_answer answer;
        command.reserve = (struct oh_reserve_command){ .channel = OH_BYTES("web"), .kind = OH_KIND_CART,
                                                       .ttl_us = 600000000, .lines = &line, .line_count = 1 };
        apply(bench, &command, &answer);
        memcpy(ids->names[i], answer.id.data, answer.id.size);
        ids->names[i][answer.id.size] = '\0';
    }
    report(question, started, bench->operation_count);
}

static void act_all(struct bench *bench, enum oh_command_type type, const struct ids *ids, const char *question)
{
    uint64_t started = clock_ns();
    for (uint32_t i = 0; i < bench->operation_count; i++) {
        struct oh_command command = { .type = type };
        struct oh_answer answer;
        command.action = (struct oh_action_command){ .id = oh_bytes_of(ids->names[i]), .at_us = OH_TIME_US_NONE };
        apply(bench, &command, &answer);
    }
    report(question, started, bench->operation_count);
}

static uint64_t memory_size(const struct bench *bench)
{
    struct oh_ledger_stats stats;
    oh_ledger_stats_get(bench->ledger, &stats);
    return stats.memory_size;
}

static void life(struct bench *bench, const struct place *places, bool is_hot)
{
    struct ids ids = { calloc(bench->operation_count, 24) };
    uint64_t before = memory_size(bench);
    reserve_all(bench, places, &ids, is_hot ? "reserve hot" : "reserve random");
    printf("{\"question\":\"memory %s\",\"bytes_per_reservation\":%.1f}\n", is_hot ? "hot" : "random",
           (double)(memory_size(bench) - before) / bench->operation_count);
    act_all(bench, OH_COMMAND_CONFIRM, &ids, is_hot ? "confirm hot" : "confirm random");
    act_all(bench, OH_COMMAND_FULFIL, &ids, is_hot ? "fulfil hot" : "fulfil random");
    free(ids.names);
}

static void ask_cells(struct bench *bench)
{
    uint32_t nodes = bench->node_count < 100 ? bench->node_count : 100;
    struct oh_asker asker = { .channel = { 0 }, .kind = OH_KIND_CART };
    int64_t sum = 0;
    uint64_t started = clock_ns();
    uint32_t rounds = bench->operation_count / (100 * nodes) + 1;
    for (uint32_t round = 0; round < rounds; round++) {
        for (uint32_t i = 0; i < 100; i++) {
            uint32_t item = (round * 100 + i) % bench->item_count;
            for (uint32_t node = 0; node < nodes; node++) {
                struct oh_availability availability;
                oh_available_at_node(bench->ledger, (struct oh_item_id){ item }, (struct oh_node_id){ (uint16_t)node },
                                     asker, bench->now_us, &availability);
                sum += availability.available_milli;
            }
        }
    }
    report("100 items x 100 nodes, per cell", started, (uint64_t)rounds * 100 * nodes);
    started = clock_ns();
    for (uint32_t i = 0; i < 1000; i++) {
        struct oh_availability availability;
        oh_available_in_channel(bench->ledger, (struct oh_item_id){ (i * 7919) % bench->item_count }, asker,
                                bench->now_us, &availability);
        sum += availability.available_milli;
    }
    report("total of a channel over every node", started, 1000);
    if (sum == 0)
        exit(1);
}

static void count_objects(void *ctx, const struct oh_effect *object)
{
    (void)object;
    ++*(uint64_t *)ctx;
}

int main(int argc, char **argv)
{
    struct bench bench = { .item_count = 10000, .node_count = 100, .operation_count = 1000000,
                           .now_us = 1795352400000000 };
    for (int i = 1; i + 1 < argc; i += 2) {
        uint32_t value = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--items") == 0)
            bench.item_count = value;
        else if (strcmp(argv[i], "--nodes") == 0)
            bench.node_count = value;
        else if (strcmp(argv[i], "--operations") == 0)
            bench.operation_count = value;
    }
    struct oh_ledger_options options = { 0 };
    struct oh_allocator allocator = oh_memory_allocator();
    if (bench.item_count == 0 || bench.node_count == 0 || bench.operation_count == 0 ||
        oh_ledger_create(&options, &allocator, &bench.ledger) != OH_OK)
        return 2;
    oh_prng_init(&bench.prng, 1);
    load_names(&bench);
    uint64_t before = memory_size(&bench);
    uint64_t positions = (uint64_t)bench.item_count * bench.node_count;
    uint64_t started = clock_ns();
    load_stock(&bench);
    report("load stock, per count", started, positions);
    printf("{\"question\":\"memory\",\"positions\":%llu,\"bytes_per_position\":%.1f}\n",
           (unsigned long long)positions, (double)(memory_size(&bench) - before) / (double)positions);
    for (int is_hot = 1; is_hot >= 0; is_hot--) {
        struct place *places = places_draw(&bench, is_hot != 0);
        ask_available(&bench, places, is_hot ? "available hot" : "available random");
        ask_by_name(&bench, places, is_hot ? "available by name hot" : "available by name random");
        life(&bench, places, is_hot != 0);
        free(places);
    }
    ask_cells(&bench);
    uint64_t objects = 0;
    started = clock_ns();
    oh_ledger_export(bench.ledger, count_objects, &objects);
    report("snapshot walk, per object", started, objects);
    oh_ledger_destroy(&bench.ledger);
    free(bench.skus);
    free(bench.nodes);
    return 0;
}
