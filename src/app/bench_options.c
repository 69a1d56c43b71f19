#include "app/bench_options.h"

#include "app/arguments.h"
#include "app/bench_requests.h"
#include "base/assert.h"
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char *const mode_texts[] = {
#define MODE_TEXT(name, number, text) [number] = (text),
    OH_BENCH_MODES(MODE_TEXT)
#undef MODE_TEXT
};
#define MODE_COUNT (sizeof mode_texts / sizeof mode_texts[0])

const char *oh_bench_mode_text(enum oh_bench_mode mode)
{
    OH_ASSERT((unsigned)mode < MODE_COUNT);
    return mode_texts[mode];
}

static const char bench_help[] =
    "usage: onhand bench URL [options]\n"
    "\n"
    "Sends load over HTTP from one thread and prints how long answers took.\n"
    "Reservations it makes are holds; they are real, and expire after --ttl-seconds.\n"
    "\n"
    "  --mode MODE           available (default): GET /v1/availability/{sku}?node=\n"
    "                        availability-group: the same by --group, or by --channel\n"
    "                        reserve: POST /v1/reservations, one line at one node\n"
    "                        reserve-batch: POST /v1/reservations/batch\n"
    "                        mixed: available, and one request in ten is a reserve\n"
    "                        promise: POST /v1/promises, one item delivered to one of --to\n"
    "                        availability-batch: POST /v1/availability, --batch items\n"
    "                        times --batch-nodes nodes\n"
    "  --connections N       1 to 4096 (default 32)\n"
    "  --pipeline N          requests under way on one connection, 1 to 64 (default 1)\n"
    "  --seconds N           measured time (default 10)\n"
    "  --warmup-seconds N    before it (default 1)\n"
    "  --rate R              open loop: R requests a second at fixed times, latency from\n"
    "                        the moment a request was due. Without: closed loop\n"
    "  --cycle               release each reservation once it is made, so that stock lasts\n"
    "  --batch N             reservations or items in a batch, 1 to 1000 (default 100)\n"
    "  --batch-nodes N       nodes in a batch of availability, 1 to 1000 (default 100)\n"
    "  --lines N             lines of a reservation, 1 to 1000 (default 1)\n"
    "  --read-percent N      share of reads in mixed (default 90)\n"
    "  --stock-from F        ask for items at nodes that have stock in this stock file\n"
    "  --items-from F        items of this items file; default: as the server lists them\n"
    "  --nodes A,B,..        nodes; default: as the server lists them\n"
    "  --to FR:69001,..      where promises deliver to: country and postal code\n"
    "  --channel C           (default web)   --group G   --kind K  (default cart)\n"
    "  --ttl-seconds N       of a hold (default 600)\n"
    "  --seed N              of the choice of items and nodes (default 1)\n"
    "  --json                one line of JSON in place of the text\n"
    "  --help                this text\n"
    "\n"
    "Exit code: 0 measured; 1 a connection broke, or an answer was neither a success nor\n"
    "409 (not enough stock); 2 wrong arguments.\n";

enum bench_option {
    BENCH_OPTION_MODE = 1000,
    BENCH_OPTION_CONNECTIONS,
    BENCH_OPTION_PIPELINE,
    BENCH_OPTION_SECONDS,
    BENCH_OPTION_WARMUP,
    BENCH_OPTION_RATE,
    BENCH_OPTION_CYCLE,
    BENCH_OPTION_BATCH,
    BENCH_OPTION_BATCH_NODES,
    BENCH_OPTION_LINES,
    BENCH_OPTION_READ_PERCENT,
    BENCH_OPTION_STOCK_FROM,
    BENCH_OPTION_ITEMS_FROM,
    BENCH_OPTION_NODES,
    BENCH_OPTION_TO,
    BENCH_OPTION_CHANNEL,
    BENCH_OPTION_GROUP,
    BENCH_OPTION_KIND,
    BENCH_OPTION_TTL,
    BENCH_OPTION_SEED,
    BENCH_OPTION_JSON,
    BENCH_OPTION_HELP,
};

static const struct option bench_long_options[] = {
    { "mode", required_argument, NULL, BENCH_OPTION_MODE },
    { "connections", required_argument, NULL, BENCH_OPTION_CONNECTIONS },
    { "pipeline", required_argument, NULL, BENCH_OPTION_PIPELINE },
    { "seconds", required_argument, NULL, BENCH_OPTION_SECONDS },
    { "warmup-seconds", required_argument, NULL, BENCH_OPTION_WARMUP },
    { "rate", required_argument, NULL, BENCH_OPTION_RATE },
    { "cycle", no_argument, NULL, BENCH_OPTION_CYCLE },
    { "batch", required_argument, NULL, BENCH_OPTION_BATCH },
    { "batch-nodes", required_argument, NULL, BENCH_OPTION_BATCH_NODES },
    { "lines", required_argument, NULL, BENCH_OPTION_LINES },
    { "read-percent", required_argument, NULL, BENCH_OPTION_READ_PERCENT },
    { "stock-from", required_argument, NULL, BENCH_OPTION_STOCK_FROM },
    { "items-from", required_argument, NULL, BENCH_OPTION_ITEMS_FROM },
    { "nodes", required_argument, NULL, BENCH_OPTION_NODES },
    { "to", required_argument, NULL, BENCH_OPTION_TO },
    { "channel", required_argument, NULL, BENCH_OPTION_CHANNEL },
    { "group", required_argument, NULL, BENCH_OPTION_GROUP },
    { "kind", required_argument, NULL, BENCH_OPTION_KIND },
    { "ttl-seconds", required_argument, NULL, BENCH_OPTION_TTL },
    { "seed", required_argument, NULL, BENCH_OPTION_SEED },
    { "json", no_argument, NULL, BENCH_OPTION_JSON },
    { "help", no_argument, NULL, BENCH_OPTION_HELP },
    { NULL, 0, NULL, 0 },
};

/* Names that are put into JSON and URLs as they are. */
static bool name_is_plain(const char *option, const char *name)
{
    size_t size = strlen(name);
    size_t allowed = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-");
    if (size >= 1 && size <= 64 && size == allowed)
        return true;
    fprintf(stderr, "onhand: --%s takes 1 to 64 letters, digits and . _ ~ -, not '%s'\n", option, name);
    return false;
}

static bool mode_parse(const char *text, enum oh_bench_mode *out_mode)
{
    for (size_t i = 0; i < MODE_COUNT; i++) {
        if (strcmp(text, mode_texts[i]) == 0) {
            *out_mode = (enum oh_bench_mode)i;
            return true;
        }
    }
    fputs("onhand: --mode is one of ", stderr);
    for (size_t i = 0; i < MODE_COUNT; i++)
        fprintf(stderr, "%s, ", mode_texts[i]);
    fprintf(stderr, "not '%s'\n", text);
    return false;
}

/* Options that take a number. False when `option` is none of them; *out_is_right: the number was right. */
static bool bench_take_number(struct oh_bench_options *options, int option, const char *value,
                              bool *out_is_right)
{
    const struct {
        int option;
        const char *name;
        uint64_t min;
        uint64_t max;
        uint64_t *to;
    } numbers[] = {
        { BENCH_OPTION_CONNECTIONS, "connections", 1, OH_BENCH_CONNECTIONS_MAX, &options->connections },
        { BENCH_OPTION_PIPELINE, "pipeline", 1, OH_BENCH_PIPELINE_MAX, &options->pipeline },
        { BENCH_OPTION_SECONDS, "seconds", 1, 86400, &options->seconds },
        { BENCH_OPTION_WARMUP, "warmup-seconds", 0, 3600, &options->warmup_seconds },
        { BENCH_OPTION_RATE, "rate", 1, 10000000, &options->rate_per_s },
        { BENCH_OPTION_BATCH, "batch", 1, OH_BENCH_BATCH_MAX, &options->batch_count },
        { BENCH_OPTION_BATCH_NODES, "batch-nodes", 1, OH_BENCH_BATCH_MAX, &options->batch_nodes },
        { BENCH_OPTION_LINES, "lines", 1, OH_BENCH_LINES_MAX, &options->lines },
        { BENCH_OPTION_READ_PERCENT, "read-percent", 0, 100, &options->read_percent },
        { BENCH_OPTION_TTL, "ttl-seconds", 1, 31536000, &options->ttl_seconds },
        { BENCH_OPTION_SEED, "seed", 0, UINT64_MAX, &options->seed },
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (numbers[i].option == option) {
            *out_is_right =
                oh_argument_u64(numbers[i].name, value, numbers[i].min, numbers[i].max, numbers[i].to);
            return true;
        }
    }
    return false;
}

/* -1: go on; else the exit code. */
static int bench_take_option(struct oh_bench_options *options, int option, char *value)
{
    bool is_right = true;
    if (bench_take_number(options, option, value, &is_right))
        return is_right ? -1 : OH_EXIT_ARGUMENTS;
    switch (option) {
    case BENCH_OPTION_MODE:
        return mode_parse(value, &options->mode) ? -1 : OH_EXIT_ARGUMENTS;
    case BENCH_OPTION_CYCLE:
        options->cycles = true;
        return -1;
    case BENCH_OPTION_STOCK_FROM:
        options->stock_path = value;
        return -1;
    case BENCH_OPTION_ITEMS_FROM:
        options->items_path = value;
        return -1;
    case BENCH_OPTION_NODES:
        options->nodes = value;
        return -1;
    case BENCH_OPTION_TO:
        options->places = value;
        return -1;
    case BENCH_OPTION_CHANNEL:
        options->channel = value;
        return name_is_plain("channel", value) ? -1 : OH_EXIT_ARGUMENTS;
    case BENCH_OPTION_GROUP:
        options->group = value;
        return name_is_plain("group", value) ? -1 : OH_EXIT_ARGUMENTS;
    case BENCH_OPTION_KIND:
        options->kind = value;
        return name_is_plain("kind", value) ? -1 : OH_EXIT_ARGUMENTS;
    case BENCH_OPTION_JSON:
        options->is_json = true;
        return -1;
    case BENCH_OPTION_HELP:
        fputs(bench_help, stdout);
        return OH_EXIT_OK;
    default:
        return oh_argument_error("bench", "the arguments are wrong");
    }
}

/* Options that are right alone and not together. -1, or the exit code. */
static int options_check(const struct oh_bench_options *options)
{
    if (options->stock_path != NULL && (options->items_path != NULL || options->nodes != NULL))
        return oh_argument_error("bench",
                                 "--stock-from names items and nodes: leave out --items-from and --nodes");
    if (options->stock_path != NULL && options->mode == OH_BENCH_MODE_AVAILABILITY_BATCH)
        return oh_argument_error("bench", "--mode availability-batch asks for items times nodes, not for pairs");
    if ((options->mode == OH_BENCH_MODE_PROMISE) != (options->places != NULL))
        return oh_argument_error("bench", "--mode promise and --to go together");
    return -1;
}

int oh_bench_options_parse(int argc, char **argv, struct oh_bench_options *out_options)
{
    struct oh_diag diag = { "" };
    int option;
    *out_options = (struct oh_bench_options){
        .channel = "web",
        .kind = "cart",
        .connections = 32,
        .seconds = 10,
        .warmup_seconds = 1,
        .pipeline = 1,
        .ttl_seconds = 600,
        .batch_count = 100,
        .batch_nodes = 100,
        .lines = 1,
        .read_percent = 90,
        .seed = 1,
    };
    optind = 0; /* start over: the program's own options were read before */
    while ((option = getopt_long(argc, argv, "", bench_long_options, NULL)) != -1) {
        int code = bench_take_option(out_options, option, optarg);
        if (code >= 0)
            return code;
    }
    if (optind + 1 != argc)
        return oh_argument_error("bench", "give one URL, such as http://127.0.0.1:8080");
    if (oh_url_parse(argv[optind], &out_options->url, &diag) != OH_OK)
        return oh_argument_error("bench", "%s", diag.text);
    return options_check(out_options);
}
