/*
 * onhand_record - records what concurrent clients see of the real server
 * through faults, and has it checked.
 *
 *     onhand_record PROGRAM [--operations N] [--seed N] [--clients N] [--families N] [--round N]
 *                   [--faults LIBRARY] [--keep FOLDER]
 *
 * Works in rounds of some operations, each on a new data directory, in class
 * `process` and `disk` in turn. Meanwhile the server is killed and started
 * again, sometimes before it is ready; stopped for a while; its disk gets slow;
 * clients lose their connections. A history that is bad is left in a file.
 */
#include "linear/linear.h"
#include "linear/recorded_client.h"
#include "linear/recorded_server.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The server reads its clock once, then serves all requests that it finds; in between the machine may forget it. */
#define CLOCK_EARLY_US 2000000

struct options {
    const char *program;
    const char *faults;
    const char *keep;
    uint64_t operations;
    uint64_t round;
    uint64_t seed;
    uint64_t clients;
    uint64_t families;
};

struct totals {
    uint64_t operations;
    uint64_t requests;
    uint64_t crashes;
    uint64_t stops;
    uint64_t cuts;
    uint64_t slows;
    uint64_t rounds;
    uint64_t states_max;
    int64_t record_us;
    int64_t check_us;
};

struct round {
    const struct options *options;
    struct totals *totals;
    struct recorded_server server;
    struct recorded_shop shop;
    struct recorded_client clients[RECORDED_CLIENTS_MAX];
    uint64_t chance;
};

static uint32_t below(struct round *round, uint32_t count)
{
    return (uint32_t)(recorded_chance(&round->chance) % count);
}

/* ---- Faults ---- */

/* Kills it, and now and then kills it again while it starts. */
static bool fault_kill(struct round *round)
{
    recorded_server_kill(&round->server);
    round->totals->crashes++;
    for (uint32_t again = below(round, 4); again == 0; again = below(round, 4)) {
        if (!recorded_server_spawn(&round->server))
            return false;
        recorded_pause_ms(below(round, 12));
        recorded_server_kill(&round->server);
        round->totals->crashes++;
    }
    return recorded_server_spawn(&round->server) && recorded_server_wait(&round->server);
}

static bool fault_stop(struct round *round)
{
    (void)kill(round->server.pid, SIGSTOP);
    recorded_pause_ms(5 + below(round, 100));
    (void)kill(round->server.pid, SIGCONT);
    round->totals->stops++;
    return true;
}

static bool fault_cut(struct round *round)
{
    for (uint32_t i = 0; i < round->options->clients; i++) {
        if (below(round, 2) == 0)
            continue;
        recorded_client_cut(&round->clients[i]);
        round->totals->cuts++;
    }
    return true;
}

static bool fault_slow(struct round *round)
{
    char wish[32];
    (void)snprintf(wish, sizeof wish, "delay %u", 1 + below(round, 30));
    recorded_server_wish(&round->server, wish);
    recorded_pause_ms(50 + below(round, 100));
    recorded_server_wish(&round->server, "");
    round->totals->slows++;
    return true;
}

static bool fault_next(struct round *round)
{
    static bool (*const faults[])(struct round *) = { fault_kill, fault_kill, fault_stop, fault_cut,
                                                      fault_slow };
    if (round->server.life + 16 > RECORDED_LIVES_MAX)
        return true;
    recorded_pause_ms(20 + below(round, 250));
    return atomic_load(&round->shop.left) == 0 || faults[below(round, 5)](round);
}

/* ---- The history ---- */

static void names_tell(struct lin_history *history, const struct round *round)
{
    char name[16];
    for (uint32_t i = 0; i < RECORDED_NODES; i++) {
        (void)snprintf(name, sizeof name, "n%u", i + 1);
        (void)lin_node(history, name);
    }
    for (uint32_t i = 0; i < round->shop.family_count * 2; i++) {
        (void)snprintf(name, sizeof name, "%c%u", i % 2 == 0 ? 'A' : 'B', i / 2);
        (void)lin_item(history, name);
    }
    for (uint32_t i = 0; i < round->shop.family_count * RECORDED_SUPPLIES; i++) {
        (void)snprintf(name, sizeof name, "s%u", i);
        (void)lin_supply(history, name);
    }
    for (uint32_t i = 0; i < round->shop.family_count; i += RECORDED_SHARING) {
        (void)snprintf(name, sizeof name, "w%u", i / RECORDED_SHARING);
        (void)lin_window(history, name);
    }
}

/*
 * An answer that was read after the crash was sent before it. A request that was sent after the crash of the life its
 * connection belonged to went nowhere.
 */
static bool row_tell(struct lin_history *history, const struct round *round, const struct recorded_row *row)
{
    struct lin_op op = row->op;
    int64_t crash_us = row->life < round->server.life ? round->server.crashes[row->life] : LIN_NEVER;
    if (op.invoke_us > crash_us)
        return op.answer == LIN_NONE;
    if (op.return_us != LIN_NEVER && op.return_us > crash_us)
        op.return_us = crash_us;
    return lin_add(history, &op);
}

static struct lin_history *history_make(struct round *round)
{
    const struct lin_options options = { .clock_early_us = CLOCK_EARLY_US };
    struct lin_history *history = lin_create(&options);
    bool is_told = history != NULL;
    if (is_told)
        names_tell(history, round);
    for (uint32_t i = 0; i < round->options->clients && is_told; i++)
        for (uint32_t n = 0; n < round->clients[i].row_count && is_told; n++)
            is_told = row_tell(history, round, &round->clients[i].rows[n]);
    for (uint32_t i = 0; i < round->server.life && is_told; i++)
        is_told = lin_crash(history, round->server.crashes[i]);
    if (!is_told)
        lin_destroy(&history);
    return history;
}

static void history_keep(const struct lin_history *history, const struct round *round)
{
    char path[512];
    char line[1024];
    (void)snprintf(path, sizeof path, "%s/onhand-history-%" PRIu64 ".txt",
                   round->options->keep == NULL ? "/tmp" : round->options->keep, round->options->seed);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return;
    (void)fputs("nodes n1 n2 n3\n", file);
    for (uint32_t i = 0; i < round->server.life; i++)
        (void)fprintf(file, "crash %" PRId64 "\n", round->server.crashes[i]);
    for (uint32_t i = 0; i < lin_count(history); i++) {
        (void)lin_write_op(history, lin_op_at(history, i), line, sizeof line);
        (void)fprintf(file, "%s\n", line);
    }
    (void)fclose(file);
    (void)fprintf(stderr, "the history is in %s: onhand_linear --early %d %s\n", path, CLOCK_EARLY_US, path);
}

static bool history_check(struct round *round)
{
    struct lin_result result;
    struct lin_history *history = history_make(round);
    if (history == NULL) {
        (void)fprintf(stderr, "the history cannot be told: out of memory, or an answer out of nowhere\n");
        return false;
    }
    lin_check(history, &result);
    round->totals->requests += lin_count(history);
    if (result.states_max > round->totals->states_max)
        round->totals->states_max = result.states_max;
    if (result.verdict != LIN_GOOD) {
        (void)fprintf(stderr, "%s: %s\n", lin_verdict_word(result.verdict), result.sentence);
        history_keep(history, round);
    }
    lin_destroy(&history);
    return result.verdict == LIN_GOOD;
}

/* ---- A round ---- */

static bool round_fail(const struct round *round, const char *what)
{
    char path[2 * RECORDED_PATH_SIZE];
    char line[512];
    (void)snprintf(path, sizeof path, "%s/log", round->server.home);
    (void)fprintf(stderr, "%s\n", what);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    if (fseek(file, -4000, SEEK_END) != 0)
        rewind(file);
    while (fgets(line, sizeof line, file) != NULL)
        (void)fputs(line, stderr);
    (void)fclose(file);
    return false;
}

static bool round_record(struct round *round)
{
    uint32_t started = 0;
    bool is_right = true;
    while (started < round->options->clients &&
           recorded_client_start(&round->clients[started], &round->shop, started,
                                 recorded_chance(&round->chance)))
        started++;
    while (is_right && atomic_load(&round->shop.left) > 0 && !atomic_load(&round->shop.is_broken))
        is_right = fault_next(round);
    if (!is_right)
        atomic_store(&round->shop.is_broken, true);
    for (uint32_t i = 0; i < started; i++)
        recorded_client_join(&round->clients[i]);
    if (!is_right)
        return round_fail(round, "the server did not start again");
    if (atomic_load(&round->shop.is_broken))
        return round_fail(round, round->shop.trouble);
    return started == round->options->clients;
}

static bool round_end(struct round *round)
{
    int status = recorded_server_stop(&round->server);
    if (status != 0)
        return round_fail(round, "the server did not end with 0");
    if (recorded_server_verify(&round->server) != 0)
        return round_fail(round, "verify found something");
    return true;
}

static bool round_run(struct round *round, uint64_t operations)
{
    int64_t start_us = recorded_now_us();
    if (!recorded_server_spawn(&round->server) || !recorded_server_wait(&round->server) ||
        !recorded_shop_open(&round->shop))
        return round_fail(round, "the server did not start");
    atomic_store(&round->shop.left, operations);
    if (!round_record(round) || !round_end(round))
        return false;
    int64_t recorded_us = recorded_now_us();
    bool is_good = history_check(round);
    round->totals->operations += operations;
    round->totals->record_us += recorded_us - start_us;
    round->totals->check_us += recorded_now_us() - recorded_us;
    round->totals->rounds++;
    return is_good;
}

static bool round_do(const struct options *options, struct totals *totals, uint64_t operations)
{
    static struct round round;
    const char *durability = totals->rounds % 2 == 0 ? "process" : "disk";
    memset(&round, 0, sizeof round);
    round.options = options;
    round.totals = totals;
    round.chance = options->seed + totals->rounds;
    round.shop.server = &round.server;
    round.shop.family_count = (uint32_t)options->families;
    if (!recorded_server_init(&round.server, options->program, options->faults, durability))
        return false;
    bool is_good = round_run(&round, operations);
    for (uint32_t i = 0; i < options->clients; i++)
        free(round.clients[i].rows);
    if (round.server.pid != 0)
        recorded_server_kill(&round.server);
    recorded_server_fini(&round.server);
    return is_good;
}

/* ---- The command ---- */

static void say(const struct totals *totals)
{
    (void)printf("%" PRIu64 " operations in %" PRIu64 " requests and %" PRIu64 " rounds: %" PRIu64
                 " crashes, %" PRIu64 " stops, %" PRIu64 " cuts, %" PRIu64 " slow disks; recorded in %" PRId64
                 " s, checked in %" PRId64 " s, at most %" PRIu64 " states\n",
                 totals->operations, totals->requests, totals->rounds, totals->crashes, totals->stops,
                 totals->cuts, totals->slows, totals->record_us / 1000000, totals->check_us / 1000000,
                 totals->states_max);
    (void)fflush(stdout);
}

static bool options_read(int argc, char **argv, struct options *options)
{
    for (int i = 2; i + 1 < argc; i += 2) {
        uint64_t number = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--operations") == 0)
            options->operations = number;
        else if (strcmp(argv[i], "--seed") == 0)
            options->seed = number;
        else if (strcmp(argv[i], "--clients") == 0)
            options->clients = number;
        else if (strcmp(argv[i], "--families") == 0)
            options->families = number;
        else if (strcmp(argv[i], "--round") == 0)
            options->round = number;
        else if (strcmp(argv[i], "--faults") == 0)
            options->faults = argv[i + 1];
        else if (strcmp(argv[i], "--keep") == 0)
            options->keep = argv[i + 1];
        else
            return false;
    }
    return argc >= 2 && argc % 2 == 0 && options->round >= 1 && options->clients >= 1 &&
           options->clients <= RECORDED_CLIENTS_MAX && options->families >= 1 &&
           options->families <= RECORDED_FAMILIES_MAX;
}

int main(int argc, char **argv)
{
    struct totals totals = { .operations = 0 };
    struct options options = {
        .program = argc >= 2 ? argv[1] : NULL,
        .operations = 20000,
        .round = 50000,
        .seed = (uint64_t)recorded_now_us(),
        .clients = 8,
        .families = 12,
    };
    if (!options_read(argc, argv, &options)) {
        (void)fprintf(stderr,
                      "onhand_record PROGRAM [--operations N] [--seed N] [--clients N] [--families N] "
                      "[--round N] [--faults LIBRARY] [--keep FOLDER]\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)printf("seed %" PRIu64 "\n", options.seed);
    while (totals.operations < options.operations) {
        uint64_t left = options.operations - totals.operations;
        if (!round_do(&options, &totals, left < options.round ? left : options.round)) {
            (void)fprintf(stderr,
                          "repeat with: %s %s --operations %" PRIu64 " --clients %" PRIu64 " --seed %" PRIu64
                          " (same requests and faults, other times)\n",
                          argv[0], argv[1], options.round, options.clients, options.seed + totals.rounds);
            return 1;
        }
        say(&totals);
    }
    return 0;
}
