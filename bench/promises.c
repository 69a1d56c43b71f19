/*
 * promises.c - how long does the engine take to answer a promise?
 *
 * usage: bench_promises [--rounds N] [--question K]
 *
 * One JSON line per question, or only of the K-th, each over N random questions (the listing: a tenth, of 100 each).
 * The timetable is made by hand for 120 days: every node works 8 hours a day, has a shipping cut-off and a pickup a day
 * and room for so many orders; the service takes 1 to 3 days by distance and costs by weight. Destinations are points.
 *
 * A virtual machine stops the program for tens of microseconds now and then, and its processor time counts that. So
 * all questions are asked three times over, each time in another order, or what comes at even times would meet the
 * same ones: p50_us and p99_us are of the median of each question's three times. What it costs itself it costs each
 * time, as a pass is too long for anything of a question to be kept until it is asked again. p99_once_us is of all
 * times as they were. The first line has both of a loop that only counts.
 */
#include "app/memory.h"
#include "base/prng.h"
#include "onhand/promise.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAYS      120u
#define HOUR_US   INT64_C(3600000000)
#define DAY_US    (24 * HOUR_US)
#define FROM_US   (INT64_C(20000) * DAY_US)
#define NOW_US    (FROM_US + DAY_US + 10 * HOUR_US)
#define NAME_SIZE 24
#define ITEMS     200u
#define LINES_MAX 20u
#define PASSES    3u
#define COUNT_NS  8000u

struct question {
    const char *name;
    uint32_t nodes;
    uint32_t have_percent; /* how many of the nodes have an item */
    uint32_t lines;
    uint32_t asks;         /* questions that are one answer */
};

static const struct question questions[] = {
    { "1 item, at 1,000 of 1,000 nodes", 1000, 100, 1, 1 },
    { "5 lines, 2,000 nodes, many have all", 2000, 60, 5, 1 },
    { "5 lines, 2,000 nodes, few have all", 2000, 25, 5, 1 },
    { "20 lines, 5,000 nodes, some have all", 5000, 80, 20, 1 },
    { "20 lines, 5,000 nodes, none has all", 5000, 40, 20, 1 },
    { "100 items to one place, each at 100 of 1,000 nodes", 1000, 10, 1, 100 },
    { "100 items to one place, each at 1,000 of 1,000 nodes", 1000, 100, 1, 100 },
};

/* What belongs to one node. */
struct plant {
    char name[NAME_SIZE];
    char resource[NAME_SIZE + 8];
    struct oh_span hours[DAYS];
    struct oh_window windows[DAYS];
    struct oh_departure departures[DAYS];
    struct oh_pickups pickups;
};

struct bench {
    struct oh_prng prng;
    struct oh_ledger *ledger;
    struct oh_promise_engine *engine;
    struct oh_timetable timetable;
    struct oh_timetable_node *nodes;
    struct plant *plants;
    struct oh_timetable_service service;
    struct oh_sourcing sourcing;
    const struct oh_sourcing *policies[1];
    int64_t starts[DAYS + 1];
    uint32_t rank[DAYS];
    int32_t transit_days[DAYS];
    uint32_t next[DAYS];
    struct oh_delivery_window deliveries[DAYS];
    char skus[ITEMS][NAME_SIZE];
};

static const struct oh_match ANYWHERE = { { NULL, 0 }, { NULL, 0 }, OH_INDEX_NONE };
static struct oh_transit_row transit[3];
static struct oh_cost_row costs[3];
static struct oh_account account;

/* The engine waits for nothing: its processor time is its time, without what others take on a shared machine. */
static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *take_memory(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL) {
        fprintf(stderr, "bench_promises: no memory\n");
        exit(1);
    }
    return memory;
}

/* ---- The ledger ------------------------------------------------------------------------------- */

static void apply(struct bench *bench, const struct oh_command *command)
{
    struct oh_answer answer;
    struct oh_record record;
    if (oh_ledger_apply(bench->ledger, NOW_US - DAY_US, command, &answer) != OH_OK ||
        !oh_verdict_is_success(answer.verdict)) {
        fprintf(stderr, "bench_promises: %s\n", oh_verdict_code(answer.verdict));
        exit(1);
    }
    (void)oh_ledger_take_record(bench->ledger, &record);
}

static struct oh_point point_draw(struct oh_prng *prng)
{
    return (struct oh_point){ 50 + (double)oh_prng_below(prng, 8000) / 1000,
                              -5 + (double)oh_prng_below(prng, 6500) / 1000 };
}

static void reference_load(struct bench *bench, uint32_t nodes)
{
    for (uint32_t i = 0; i < nodes; i++) {
        struct oh_command command = { .type = OH_COMMAND_NODE };
        snprintf(bench->plants[i].name, NAME_SIZE, "node-%u", i);
        snprintf(bench->plants[i].resource, sizeof(bench->plants[i].resource), "node/node-%u", i);
        command.node = (struct oh_node_command){ .node = oh_bytes_of(bench->plants[i].name), .has_point = true,
                                                 .point = point_draw(&bench->prng), .ships = true, .enabled = true };
        apply(bench, &command);
    }
    for (uint32_t i = 0; i < ITEMS; i++) {
        struct oh_command command = { .type = OH_COMMAND_ITEM };
        snprintf(bench->skus[i], NAME_SIZE, "sku-%u", i);
        command.item = (struct oh_item_command){ .sku = oh_bytes_of(bench->skus[i]),
                                                 .weight_grams = 100 + (uint32_t)oh_prng_below(&bench->prng, 900) };
        apply(bench, &command);
    }
    struct oh_command channel = { .type = OH_COMMAND_CHANNEL };
    channel.channel.channel = OH_BYTES("web");
    apply(bench, &channel);
}

static void stock_load(struct bench *bench, const struct question *question)
{
    for (uint32_t node = 0; node < question->nodes; node++) {
        struct oh_sync_entry entries[ITEMS];
        uint32_t count = 0;
        for (uint32_t item = 0; item < ITEMS; item++) {
            if (oh_prng_below(&bench->prng, 100) >= question->have_percent)
                continue;
            entries[count++] = (struct oh_sync_entry){ .sku = oh_bytes_of(bench->skus[item]),
                                                       .node = oh_bytes_of(bench->plants[node].name),
                                                       .quantity_milli = 1000 * oh_prng_between(&bench->prng, 1, 9),
                                                       .as_of_us = 1 };
        }
        struct oh_command command = { .type = OH_COMMAND_SYNC };
        command.sync = (struct oh_sync_command){ OH_BYTES("bench"), entries, count };
        if (count > 0)
            apply(bench, &command);
    }
}

/* ---- The timetable ---------------------------------------------------------------------------- */

static void node_make(struct bench *bench, uint32_t node)
{
    struct plant *plant = &bench->plants[node];
    int64_t opens_us = 7 * HOUR_US + (int64_t)oh_prng_below(&bench->prng, 4) * HOUR_US;
    int64_t cutoff_us = 12 * HOUR_US + (int64_t)oh_prng_below(&bench->prng, 12) * HOUR_US / 2;
    for (uint32_t d = 0; d < DAYS; d++) {
        int64_t start = bench->starts[d];
        plant->hours[d] = (struct oh_span){ start + opens_us, start + opens_us + 8 * HOUR_US, 8 * HOUR_US * d };
        plant->windows[d] = (struct oh_window){ start, start + DAY_US, 200000 };
        plant->departures[d] = (struct oh_departure){ start + cutoff_us, INT64_MAX, start + 18 * HOUR_US,
                                                      start + 18 * HOUR_US, bench->service.day_first + (int32_t)d };
    }
    plant->pickups = (struct oh_pickups){ 0, { plant->departures, DAYS, false } };
    bench->nodes[node] = (struct oh_timetable_node){
        .backorder_us = -1, .processing_us = HOUR_US / 2, .hours = { plant->hours, DAYS, false },
        .collect_hours = { .is_always = true }, .collect_cutoffs = { .is_at_once = true },
        .capacity = { OH_UNIT_ORDERS, plant->windows, DAYS, true },
        .capacity_resource = oh_bytes_of(plant->resource),
        .pickups = &plant->pickups, .pickup_count = 1, .priority = (int32_t)oh_prng_below(&bench->prng, 3),
        .region = OH_INDEX_NONE };
}

static void service_make(struct bench *bench)
{
    int32_t first = (int32_t)(FROM_US / DAY_US);
    for (uint32_t d = 0; d < DAYS; d++) {
        bench->starts[d] = FROM_US + d * DAY_US;
        bench->rank[d] = d + 1;
        bench->transit_days[d] = first + (int32_t)d;
        bench->next[d] = d;
        bench->deliveries[d] = (struct oh_delivery_window){ bench->starts[d] + 9 * HOUR_US,
                                                            bench->starts[d] + 17 * HOUR_US, first + (int32_t)d };
    }
    bench->starts[DAYS] = FROM_US + DAYS * DAY_US;
    for (int32_t i = 0; i < 3; i++) {
        transit[i] = (struct oh_transit_row){ ANYWHERE, OH_INDEX_NONE, i == 2 ? 0 : 100 + 300 * i, i + 1, 0 };
        costs[i] = (struct oh_cost_row){ ANYWHERE, i == 2 ? 0 : 1000 + 4000 * (uint64_t)i, 3950 + 2000 * i };
    }
    account = (struct oh_account){ .resource = OH_BYTES("account/std/") };
    bench->service = (struct oh_timetable_service){
        .service = OH_BYTES("std"), .day_first = first, .day_count = DAYS, .day_starts_us = bench->starts,
        .transit_rank = bench->rank, .transit_days = bench->transit_days, .transit_day_count = DAYS,
        .delivery_next = bench->next, .windows = bench->deliveries, .window_count = DAYS,
        .slot_resource = OH_BYTES("slot/std"), .transit = transit, .transit_count = 3, .costs = costs,
        .cost_count = 3, .weight_grams_max = 20000, .accounts = &account, .account_count = 1 };
}

/* Fewest parcels, then the date, as by default. */
static void policy_make(struct bench *bench)
{
    static const enum oh_term levels[] = { OH_TERM_COMPLETE, OH_TERM_PARCELS,  OH_TERM_DATE,
                                           OH_TERM_COST,     OH_TERM_DISTANCE, OH_TERM_PRIORITY };
    bench->sourcing = (struct oh_sourcing){ .parcels_max = 4, .split_orders = true, .split_lines = true,
                                            .stores_max = 5, .future_supply = OH_FUTURE_ALL };
    for (uint32_t i = 0; i < 6; i++)
        bench->sourcing.objective.weights[i][levels[i]] = 1;
    bench->sourcing.objective.level_count = 6;
    bench->policies[0] = &bench->sourcing;
}

static struct bench *bench_open(const struct question *question)
{
    const struct oh_ledger_options options = { .items_max = ITEMS, .positions_max = ITEMS * question->nodes,
                                               .reservations_max = 16, .claims_max = 16, .keys_max = 16,
                                               .history_max = 16, .text_size_max = (uint64_t)64 << 20 };
    const struct oh_allocator allocator = oh_memory_allocator();
    struct bench *bench = take_memory(1, sizeof(*bench));
    bench->plants = take_memory(question->nodes, sizeof(*bench->plants));
    bench->nodes = take_memory(question->nodes, sizeof(*bench->nodes));
    oh_prng_init(&bench->prng, 1);
    if (oh_ledger_create(&options, &allocator, &bench->ledger) != OH_OK ||
        oh_promise_engine_create(&allocator, &bench->engine) != OH_OK)
        exit(1);
    reference_load(bench, question->nodes);
    stock_load(bench, question);
    service_make(bench);
    policy_make(bench);
    for (uint32_t i = 0; i < question->nodes; i++)
        node_make(bench, i);
    bench->timetable = (struct oh_timetable){
        .version = 1, .from_us = FROM_US, .until_us = bench->starts[DAYS], .nodes = bench->nodes,
        .node_count = question->nodes, .services = &bench->service, .service_count = 1,
        .sourcing = bench->policies, .channel_count = 1, .sourcing_default = &bench->sourcing };
    return bench;
}

static void bench_close(struct bench *bench)
{
    oh_promise_engine_destroy(&bench->engine);
    oh_ledger_destroy(&bench->ledger);
    free(bench->nodes);
    free(bench->plants);
    free(bench);
}

/* ---- Asking ----------------------------------------------------------------------------------- */

static int number_compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

struct tally { uint32_t asked, answered, bounded; uint64_t parcels; };

static void ask(struct bench *bench, struct oh_promise_request *request, struct tally *tally)
{
    struct oh_promise_answer answer;
    oh_promise(bench->engine, bench->ledger, &bench->timetable, request, NOW_US, &answer);
    tally->asked++;
    if (answer.option_count == 0)
        return;
    tally->answered++;
    tally->bounded += answer.options[0].is_bounded;
    tally->parcels += answer.options[0].parcel_count;
}

/* One of the random questions. */
struct draw { struct oh_point to; uint32_t first; };

static void draw_ask(struct bench *bench, const struct question *question, const struct draw *draw, struct tally *tally)
{
    struct oh_promise_line lines[LINES_MAX];
    struct oh_promise_request request = {
        .channel = OH_BYTES("web"), .lines = lines, .line_count = question->lines, .wants_ship = true,
        .destination = { .has_point = true, .point = draw->to },
        .at_us = OH_TIME_US_NONE, .until_us = OH_TIME_US_NONE };
    for (uint32_t i = 0; i < question->asks; i++) {
        for (uint32_t line = 0; line < question->lines; line++)
            lines[line] = (struct oh_promise_line){
                line + 1, oh_bytes_of(bench->skus[(draw->first + i + line * 37) % ITEMS]), 1000 };
        ask(bench, &request, tally);
    }
}

/* ---- Times ------------------------------------------------------------------------------------ */

struct times { uint32_t rounds; uint64_t *ns; /* [pass * rounds + round] */ };

static struct times times_open(uint32_t rounds)
{
    return (struct times){ rounds, take_memory((size_t)PASSES * rounds, sizeof(uint64_t)) };
}

static uint64_t median_of_three(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t low = a < b ? a : b;
    uint64_t high = a < b ? b : a;
    return c < low ? low : c > high ? high : c;
}

/* Prints the three figures, and closes the times. */
static void times_print(struct times times)
{
    uint32_t all = PASSES * times.rounds;
    uint64_t *medians = take_memory(times.rounds, sizeof(*medians));
    for (uint32_t i = 0; i < times.rounds; i++)
        medians[i] = median_of_three(times.ns[i], times.ns[times.rounds + i], times.ns[2 * times.rounds + i]);
    qsort(medians, times.rounds, sizeof(*medians), number_compare);
    qsort(times.ns, all, sizeof(*times.ns), number_compare);
    printf("\"p50_us\":%.1f,\"p99_us\":%.1f,\"p99_once_us\":%.1f}\n", (double)medians[times.rounds / 2] / 1e3,
           (double)medians[times.rounds * 99 / 100] / 1e3, (double)times.ns[all * 99 / 100] / 1e3);
    fflush(stdout);
    free(medians);
    free(times.ns);
}

static uint64_t count_ns(uint64_t most)
{
    volatile uint64_t count = 0;
    uint64_t started = clock_ns();
    while (count < most)
        count++;
    return clock_ns() - started;
}

/* What the machine does to a program that does nothing. */
static void count_run(uint32_t rounds)
{
    struct times times = times_open(rounds);
    uint64_t most = 100;
    while (median_of_three(count_ns(most), count_ns(most), count_ns(most)) < COUNT_NS)
        most += 100;
    for (uint32_t i = 0; i < PASSES * rounds; i++)
        times.ns[i] = count_ns(most);
    printf("{\"question\":\"none: a loop that counts\",\"rounds\":%u,", rounds);
    times_print(times);
}

static void shuffle(uint32_t *order, uint32_t count, struct oh_prng *prng)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t other = (uint32_t)oh_prng_below(prng, i);
        uint32_t moved = order[i - 1];
        order[i - 1] = order[other];
        order[other] = moved;
    }
}

static void question_run(const struct question *question, uint32_t rounds)
{
    struct bench *bench = bench_open(question);
    struct times times = times_open(rounds);
    struct draw *draws = take_memory(rounds, sizeof(*draws));
    uint32_t *order = take_memory(rounds, sizeof(*order));
    struct tally tally = { 0, 0, 0, 0 };
    for (uint32_t i = 0; i < rounds; i++)
        draws[i] = (struct draw){ point_draw(&bench->prng), (uint32_t)oh_prng_below(&bench->prng, ITEMS) };
    draw_ask(bench, question, &draws[rounds / 2], &tally); /* what is made once */
    tally = (struct tally){ 0, 0, 0, 0 };
    for (uint32_t i = 0; i < rounds; i++)
        order[i] = i;
    for (uint32_t i = 0; i < PASSES * rounds; i++) {
        uint32_t at = i % rounds;
        if (at == 0)
            shuffle(order, rounds, &bench->prng);
        uint64_t started = clock_ns();
        draw_ask(bench, question, &draws[order[at]], &tally);
        times.ns[i - at + order[at]] = clock_ns() - started;
    }
    printf("{\"question\":\"%s\",\"rounds\":%u,\"answered\":%.3f,\"proven_best\":%.3f,\"parcels_mean\":%.2f,",
           question->name, rounds, (double)tally.answered / tally.asked,
           1 - (double)tally.bounded / (tally.answered == 0 ? 1 : tally.answered),
           (double)tally.parcels / (tally.answered == 0 ? 1 : tally.answered));
    times_print(times);
    free(order);
    free(draws);
    bench_close(bench);
}

int main(int argc, char **argv)
{
    const uint32_t count = sizeof(questions) / sizeof(questions[0]);
    uint32_t rounds = 2000;
    uint32_t only = 0; /* 0: all */
    for (int i = 1; i < argc; i += 2) {
        uint32_t *value = strcmp(argv[i], "--rounds") == 0     ? &rounds
                          : strcmp(argv[i], "--question") == 0 ? &only
                                                               : NULL;
        if (value == NULL || i + 1 == argc)
            return 2;
        *value = (uint32_t)strtoul(argv[i + 1], NULL, 10);
    }
    if (rounds == 0 || only > count)
        return 2;
    if (only == 0)
        count_run(rounds);
    for (uint32_t i = 0; i < count; i++) {
        bool is_small = questions[i].asks == 1 && questions[i].lines <= 5;
        if (only == 0 || only == i + 1)
            question_run(&questions[i], is_small ? rounds : (rounds + 9) / 10);
    }
    return 0;
}
