#include "app/bench_http.h"

#include "app/arguments.h"
#include "app/bench_requests.h"
#include "app/bench_targets.h"
#include "app/client.h"
#include "app/commands.h"
#include "app/progress.h"
#include "base/assert.h"
#include "base/histogram.h"
#include "base/prng.h"
#include "base/strbuf.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BENCH_IN_SIZE            65536u
#define BENCH_OUT_SIZE_MAX       (16u << 20)
#define BENCH_EVENTS_MAX         256
#define BENCH_STATUS_COUNT       600u
#define BENCH_CONNECT_TIMEOUT_MS 5000
#define BENCH_WAIT_NS_MAX        50000000ull

/* X(name, number, text) */
#define BENCH_MODES(X)                                     \
    X(BENCH_MODE_AVAILABLE, 0, "available")                \
    X(BENCH_MODE_AVAILABLE_GROUP, 1, "availability-group") \
    X(BENCH_MODE_RESERVE, 2, "reserve")                    \
    X(BENCH_MODE_RESERVE_BATCH, 3, "reserve-batch")        \
    X(BENCH_MODE_MIXED, 4, "mixed")                        \
    X(BENCH_MODE_PROMISE, 5, "promise")

enum bench_mode {
#define BENCH_MODE_ENUM(name, number, text) name = (number),
    BENCH_MODES(BENCH_MODE_ENUM)
#undef BENCH_MODE_ENUM
};

static const char *const bench_mode_texts[] = {
#define BENCH_MODE_TEXT(name, number, text) text,
    BENCH_MODES(BENCH_MODE_TEXT)
#undef BENCH_MODE_TEXT
};
#define BENCH_MODE_COUNT (sizeof bench_mode_texts / sizeof bench_mode_texts[0])

struct bench_options {
    const char *url_text;
    const char *items_path;
    const char *stock_path;
    const char *nodes;
    const char *places;
    const char *channel;
    const char *group;
    const char *kind;
    enum bench_mode mode;
    uint64_t connections;
    uint64_t seconds;
    uint64_t warmup_seconds;
    uint64_t rate_per_s; /* 0: closed loop */
    uint64_t pipeline;
    uint64_t ttl_seconds;
    uint64_t batch_count;
    uint64_t read_percent;
    uint64_t seed;
    bool cycles;
    bool is_json;
};

/* A request whose answer has not come. */
struct bench_slot {
    uint64_t intended_ns;
    uint64_t id;
    enum oh_bench_op op;
};

struct bench_connection {
    int fd;
    bool waits_to_write;
    uint32_t slot_first;
    uint32_t slot_count;
    uint32_t release_first;
    uint32_t release_count;
    uint32_t in_size;
    uint64_t body_left; /* bytes of the current reply's body that have not come */
    size_t out_sent;
    struct oh_strbuf out;
    struct bench_slot slots[OH_BENCH_PIPELINE_MAX];
    uint64_t releases[OH_BENCH_PIPELINE_MAX]; /* ids to release next */
    char in[BENCH_IN_SIZE];
};

struct bench_counts {
    uint64_t answered; /* inside the measured window */
    uint64_t statuses[BENCH_STATUS_COUNT];
    uint64_t broken;     /* connections that ended or spoke nonsense */
    uint64_t unanswered; /* sent, or due to be sent, without an answer at the end */
};

struct bench {
    struct bench_options options;
    struct oh_url url;
    struct oh_bench_targets targets;
    struct oh_bench_form form;
    struct oh_prng prng;
    struct oh_histogram *histograms[OH_BENCH_OP_COUNT];
    struct bench_counts counts;
    struct bench_connection *connections;
    int epoll_fd;
    uint32_t closed_count;    /* connections that are not open */
    uint32_t next_connection; /* round robin of the open loop */
    uint64_t next_id;
    uint64_t scheduled_count; /* requests of the open loop that were handed to a connection */
    uint64_t in_flight;
    uint64_t start_ns;
    uint64_t measure_ns;
    uint64_t end_ns;
    struct oh_diag diag;
};

uint64_t oh_bench_due_ns(uint64_t index, uint64_t rate_per_s)
{
    OH_ASSERT(rate_per_s >= 1);
    uint64_t seconds = index / rate_per_s;
    uint64_t rest = index % rate_per_s;
    return seconds * 1000000000ull + rest * 1000000000ull / rate_per_s;
}

/* ---- connections ---- */

static void connection_watch(struct bench *bench, struct bench_connection *connection, int operation)
{
    struct epoll_event event = { .events = EPOLLIN | (connection->waits_to_write ? EPOLLOUT : 0u) };
    event.data.ptr = connection;
    int result = epoll_ctl(bench->epoll_fd, operation, connection->fd, &event);
    OH_ASSERT(result == 0);
}

static enum oh_err connection_open(struct bench *bench, struct bench_connection *connection)
{
    struct oh_client client;
    oh_client_init(&client, &bench->url, BENCH_CONNECT_TIMEOUT_MS);
    enum oh_err err = oh_client_connect(&client, &bench->diag);
    if (err != OH_OK)
        return err;
    bench->closed_count--;
    connection->fd = client.fd; /* taken over: it is non-blocking and without delay already */
    connection->waits_to_write = false;
    connection->slot_count = 0;
    connection->release_count = 0;
    connection->in_size = 0;
    connection->body_left = 0;
    connection->out_sent = 0;
    oh_strbuf_clear(&connection->out);
    connection_watch(bench, connection, EPOLL_CTL_ADD);
    return OH_OK;
}

static void connection_shut(struct bench *bench, struct bench_connection *connection)
{
    if (connection->fd < 0)
        return;
    (void)close(connection->fd); /* epoll forgets it by this */
    connection->fd = -1;
    bench->closed_count++;
    bench->counts.broken++;
    bench->counts.unanswered += connection->slot_count;
    bench->in_flight -= connection->slot_count;
    connection->slot_count = 0;
}

static void connection_flush(struct bench *bench, struct bench_connection *connection)
{
    if (connection->fd < 0)
        return;
    while (connection->out_sent < connection->out.size) {
        ssize_t sent = send(connection->fd, connection->out.data + connection->out_sent,
                            connection->out.size - connection->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN)
            break;
        if (sent <= 0) {
            connection_shut(bench, connection);
            return;
        }
        connection->out_sent += (size_t)sent;
    }
    bool waits = connection->out_sent < connection->out.size;
    if (!waits) {
        oh_strbuf_clear(&connection->out);
        connection->out_sent = 0;
    }
    if (waits != connection->waits_to_write) {
        connection->waits_to_write = waits;
        connection_watch(bench, connection, EPOLL_CTL_MOD);
    }
}

/* ---- requests ---- */

static enum oh_bench_op bench_next_op(struct bench *bench, const struct bench_connection *connection)
{
    if (connection->release_count > 0)
        return OH_BENCH_RELEASE;
    switch (bench->options.mode) {
    case BENCH_MODE_AVAILABLE:
        return OH_BENCH_AVAILABLE;
    case BENCH_MODE_AVAILABLE_GROUP:
        return OH_BENCH_AVAILABLE_GROUP;
    case BENCH_MODE_RESERVE:
        return OH_BENCH_RESERVE;
    case BENCH_MODE_RESERVE_BATCH:
        return OH_BENCH_RESERVE_BATCH;
    case BENCH_MODE_PROMISE:
        return OH_BENCH_PROMISE;
    case BENCH_MODE_MIXED:
        break;
    }
    bool reads = oh_prng_below(&bench->prng, 100) < bench->options.read_percent;
    return reads ? OH_BENCH_AVAILABLE : OH_BENCH_RESERVE;
}

static uint64_t bench_take_id(struct bench *bench, struct bench_connection *connection, enum oh_bench_op op)
{
    if (op == OH_BENCH_RELEASE) {
        uint64_t id = connection->releases[connection->release_first];
        connection->release_first = (connection->release_first + 1) % OH_BENCH_PIPELINE_MAX;
        connection->release_count--;
        return id;
    }
    uint64_t id = bench->next_id;
    bench->next_id += op == OH_BENCH_RESERVE_BATCH ? bench->options.batch_count : 1;
    return id;
}

/* Appends a request; connection_flush sends it. */
static void connection_put(struct bench *bench, struct bench_connection *connection, uint64_t intended_ns)
{
    OH_ASSERT(connection->slot_count < OH_BENCH_PIPELINE_MAX);
    enum oh_bench_op op = bench_next_op(bench, connection);
    uint64_t id = bench_take_id(bench, connection, op);
    uint32_t at = (connection->slot_first + connection->slot_count) % OH_BENCH_PIPELINE_MAX;
    connection->slots[at] = (struct bench_slot){ intended_ns, id, op };
    connection->slot_count++;
    bench->in_flight++;
    oh_bench_put_request(&bench->form, op, id, &bench->prng, &connection->out);
}

static bool connection_is_free(const struct bench *bench, const struct bench_connection *connection)
{
    return connection->fd >= 0 && connection->slot_count < bench->options.pipeline;
}

/* Closed loop: as many as may be under way. */
static void connection_fill(struct bench *bench, struct bench_connection *connection, uint64_t now_ns)
{
    if (now_ns >= bench->end_ns || bench->options.rate_per_s > 0)
        return;
    while (connection_is_free(bench, connection))
        connection_put(bench, connection, now_ns);
}

/* ---- answers ---- */

static void bench_count_answer(struct bench *bench, struct bench_connection *connection, unsigned status,
                               uint64_t now_ns)
{
    struct bench_slot slot = connection->slots[connection->slot_first];
    connection->slot_first = (connection->slot_first + 1) % OH_BENCH_PIPELINE_MAX;
    connection->slot_count--;
    bench->in_flight--;
    bool is_made = slot.op == OH_BENCH_RESERVE && (status == 200 || status == 201);
    if (bench->options.cycles && is_made) {
        uint32_t at = (connection->release_first + connection->release_count) % OH_BENCH_PIPELINE_MAX;
        OH_ASSERT(connection->release_count < OH_BENCH_PIPELINE_MAX);
        connection->releases[at] = slot.id;
        connection->release_count++;
    }
    if (now_ns >= bench->measure_ns && now_ns < bench->end_ns)
        bench->counts.answered++;
    if (slot.intended_ns < bench->measure_ns)
        return;
    bench->counts.statuses[status]++;
    oh_histogram_record(bench->histograms[slot.op], now_ns - slot.intended_ns);
}

/* Takes one reply, or the part of its body that is there. False: more bytes are needed, or it is shut. */
static bool connection_take(struct bench *bench, struct bench_connection *connection, uint32_t *at,
                            uint64_t now_ns)
{
    uint32_t size = connection->in_size - *at;
    if (connection->body_left > 0) {
        uint32_t part = connection->body_left < size ? (uint32_t)connection->body_left : size;
        connection->body_left -= part;
        *at += part;
        return part > 0;
    }
    struct oh_response_head head;
    enum oh_err err = oh_response_head_parse((struct oh_bytes){ connection->in + *at, size }, &head);
    if (err == OH_E_AGAIN && size < BENCH_IN_SIZE)
        return false;
    bool is_right = err == OH_OK && connection->slot_count > 0 && !head.is_chunked && head.status >= 200 &&
                    (head.has_content_length || head.status == 204);
    if (!is_right) {
        connection_shut(bench, connection);
        return false;
    }
    *at += (uint32_t)head.size;
    connection->body_left = head.content_length;
    bench_count_answer(bench, connection, head.status, now_ns);
    if (head.closes)
        connection_shut(bench, connection);
    return !head.closes;
}

static void connection_read(struct bench *bench, struct bench_connection *connection)
{
    ssize_t got = recv(connection->fd, connection->in + connection->in_size,
                       BENCH_IN_SIZE - connection->in_size, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        connection_shut(bench, connection);
        return;
    }
    connection->in_size += (uint32_t)got;
    uint64_t now_ns = oh_monotonic_ns();
    uint32_t at = 0;
    while (at < connection->in_size && connection_take(bench, connection, &at, now_ns))
        continue;
    if (connection->fd < 0)
        return;
    connection->in_size -= at;
    memmove(connection->in, connection->in + at, connection->in_size);
    connection_fill(bench, connection, now_ns);
    connection_flush(bench, connection);
}

/* ---- the loop ---- */

/* The next connection that may take a request; NULL when all are full. */
static struct bench_connection *bench_free_connection(struct bench *bench)
{
    for (uint64_t i = 0; i < bench->options.connections; i++) {
        struct bench_connection *connection = &bench->connections[bench->next_connection];
        bench->next_connection = (bench->next_connection + 1) % (uint32_t)bench->options.connections;
        if (connection_is_free(bench, connection))
            return connection;
    }
    return NULL;
}

/* Open loop: sends what is due. Returns how long to wait at most. */
static uint64_t bench_send_due(struct bench *bench, uint64_t now_ns)
{
    for (;;) { /* ends at the first request that is not due, or with the last free connection */
        uint64_t due_ns =
            bench->start_ns + oh_bench_due_ns(bench->scheduled_count, bench->options.rate_per_s);
        if (due_ns >= bench->end_ns)
            return BENCH_WAIT_NS_MAX;
        if (due_ns > now_ns)
            return due_ns - now_ns;
        struct bench_connection *connection = bench_free_connection(bench);
        if (connection == NULL)
            return BENCH_WAIT_NS_MAX; /* an answer will wake us */
        bench->scheduled_count++;
        connection_put(bench, connection, due_ns);
        connection_flush(bench, connection);
    }
}

static bool bench_reopen(struct bench *bench)
{
    for (uint64_t i = 0; i < bench->options.connections && bench->closed_count > 0; i++) {
        struct bench_connection *connection = &bench->connections[i];
        if (connection->fd >= 0)
            continue;
        if (bench->counts.broken > OH_BENCH_RECONNECTS_MAX) {
            oh_diag_set(&bench->diag, "more than %u connections broke", OH_BENCH_RECONNECTS_MAX);
            return false;
        }
        if (connection_open(bench, connection) != OH_OK)
            return false;
        connection_fill(bench, connection, oh_monotonic_ns());
        connection_flush(bench, connection);
    }
    return true;
}

static void bench_wait(struct bench *bench, uint64_t wait_ns)
{
    struct epoll_event events[BENCH_EVENTS_MAX];
    struct timespec wait = { .tv_sec = (time_t)(wait_ns / 1000000000u),
                             .tv_nsec = (long)(wait_ns % 1000000000u) };
    int count = epoll_pwait2(bench->epoll_fd, events, BENCH_EVENTS_MAX, &wait, NULL);
    for (int i = 0; i < count; i++) {
        struct bench_connection *connection = events[i].data.ptr;
        if (connection->fd >= 0 && (events[i].events & EPOLLOUT) != 0)
            connection_flush(bench, connection);
        if (connection->fd >= 0 && (events[i].events & ~(uint32_t)EPOLLOUT) != 0)
            connection_read(bench, connection);
    }
}

/* Requests of the open loop that were due and found no connection. */
static uint64_t bench_overdue_count(const struct bench *bench)
{
    uint64_t seconds = bench->options.warmup_seconds + bench->options.seconds;
    return bench->options.rate_per_s * seconds - bench->scheduled_count;
}

/* What was never answered counts with the time it waited: leaving it out would flatter the server. */
static void bench_count_unanswered(struct bench *bench, uint64_t now_ns)
{
    uint64_t overdue_count = bench_overdue_count(bench);
    enum oh_bench_op op = bench->options.mode == BENCH_MODE_MIXED
                              ? OH_BENCH_AVAILABLE
                              : bench_next_op(bench, &bench->connections[0]);
    for (uint64_t i = 0; i < overdue_count; i++) {
        uint64_t due_ns =
            bench->start_ns + oh_bench_due_ns(bench->scheduled_count + i, bench->options.rate_per_s);
        oh_histogram_record(bench->histograms[op], now_ns - due_ns);
    }
    for (uint64_t i = 0; i < bench->options.connections; i++) {
        const struct bench_connection *connection = &bench->connections[i];
        for (uint32_t j = 0; connection->fd >= 0 && j < connection->slot_count; j++) {
            const struct bench_slot *slot =
                &connection->slots[(connection->slot_first + j) % OH_BENCH_PIPELINE_MAX];
            oh_histogram_record(bench->histograms[slot->op], now_ns - slot->intended_ns);
        }
    }
    bench->counts.unanswered += overdue_count + bench->in_flight;
}

static bool bench_run(struct bench *bench)
{
    if (!bench_reopen(bench))
        return false;
    bench->start_ns = oh_monotonic_ns();
    bench->measure_ns = bench->start_ns + bench->options.warmup_seconds * 1000000000u;
    bench->end_ns = bench->measure_ns + bench->options.seconds * 1000000000u;
    for (uint64_t i = 0; i < bench->options.connections; i++) {
        connection_fill(bench, &bench->connections[i], bench->start_ns);
        connection_flush(bench, &bench->connections[i]);
    }
    for (;;) { /* ends with the time, and OH_BENCH_DRAIN_NS later at the latest */
        uint64_t now_ns = oh_monotonic_ns();
        bool is_over = now_ns >= bench->end_ns;
        if (is_over && bench->in_flight == 0 && bench_overdue_count(bench) == 0)
            return true;
        if (now_ns >= bench->end_ns + OH_BENCH_DRAIN_NS) {
            bench_count_unanswered(bench, now_ns);
            return true;
        }
        if (!is_over && !bench_reopen(bench))
            return false;
        uint64_t wait_ns = bench->options.rate_per_s > 0 ? bench_send_due(bench, now_ns) : BENCH_WAIT_NS_MAX;
        bench_wait(bench, wait_ns < BENCH_WAIT_NS_MAX ? wait_ns : BENCH_WAIT_NS_MAX);
    }
}

/* ---- the report ---- */

struct bench_report {
    struct oh_histogram *all;
    double requests_per_second;
    double client_cpu; /* share of one core */
};

static double bench_cpu_s(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

struct bench_percentile {
    const char *name;
    uint32_t parts_per_million;
};

static const struct bench_percentile percentiles[] = {
    { "p50", 500000 }, { "p90", 900000 }, { "p99", 990000 }, { "p99.9", 999000 }, { "p99.99", 999900 },
};
#define BENCH_PERCENTILE_COUNT (sizeof percentiles / sizeof percentiles[0])

static double to_us(uint64_t ns)
{
    return (double)ns / 1e3;
}

static void print_latency_json(const struct oh_histogram *histogram)
{
    printf("{\"count\":%" PRIu64 ",\"min\":%.1f,\"mean\":%.1f", oh_histogram_count(histogram),
           to_us(oh_histogram_min(histogram)), to_us(oh_histogram_mean(histogram)));
    for (size_t i = 0; i < BENCH_PERCENTILE_COUNT; i++)
        printf(",\"%s\":%.1f", percentiles[i].name,
               to_us(oh_histogram_percentile(histogram, percentiles[i].parts_per_million)));
    printf(",\"max\":%.1f}", to_us(oh_histogram_max(histogram)));
}

static void print_json(const struct bench *bench, const struct bench_report *report)
{
    const struct bench_options *options = &bench->options;
    printf("{\"bench\":\"http\",\"mode\":\"%s\",\"loop\":\"%s\",\"connections\":%" PRIu64
           ",\"pipeline\":%" PRIu64 ",\"rate\":%" PRIu64 ",\"seconds\":%" PRIu64 ",\"requests\":%" PRIu64
           ",\"requests_per_second\":%.1f",
           bench_mode_texts[options->mode], options->rate_per_s > 0 ? "open" : "closed", options->connections,
           options->pipeline, options->rate_per_s, options->seconds, bench->counts.answered,
           report->requests_per_second);
    printf(",\"status\":{");
    const char *comma = "";
    for (size_t i = 0; i < BENCH_STATUS_COUNT; i++) {
        if (bench->counts.statuses[i] > 0) {
            printf("%s\"%zu\":%" PRIu64, comma, i, bench->counts.statuses[i]);
            comma = ",";
        }
    }
    printf("},\"broken\":%" PRIu64 ",\"unanswered\":%" PRIu64 ",\"client_cpu\":%.2f,\"latency_us\":",
           bench->counts.broken, bench->counts.unanswered, report->client_cpu);
    print_latency_json(report->all);
    for (size_t i = 0; i < OH_BENCH_OP_COUNT; i++) {
        if (oh_histogram_count(bench->histograms[i]) > 0) {
            printf(",\"%s_us\":", oh_bench_op_text((enum oh_bench_op)i));
            print_latency_json(bench->histograms[i]);
        }
    }
    printf("}\n");
}

static void print_latency_text(const char *name, const struct oh_histogram *histogram)
{
    printf("%-16s min %.1f", name, to_us(oh_histogram_min(histogram)));
    for (size_t i = 0; i < BENCH_PERCENTILE_COUNT; i++)
        printf("  %s %.1f", percentiles[i].name,
               to_us(oh_histogram_percentile(histogram, percentiles[i].parts_per_million)));
    printf("  max %.1f us\n", to_us(oh_histogram_max(histogram)));
}

static void print_text(const struct bench *bench, const struct bench_report *report)
{
    const struct bench_options *options = &bench->options;
    printf("%s, %" PRIu64 " connections, pipeline %" PRIu64 ", ", bench_mode_texts[options->mode],
           options->connections, options->pipeline);
    if (options->rate_per_s > 0)
        printf("open loop at %" PRIu64 "/s, ", options->rate_per_s);
    else
        printf("closed loop, ");
    printf("%" PRIu64 " s after %" PRIu64 " s of warm-up\n", options->seconds, options->warmup_seconds);
    printf("%-16s %" PRIu64 ", %.0f/s\n%-16s", "requests", bench->counts.answered,
           report->requests_per_second, "status");
    for (size_t i = 0; i < BENCH_STATUS_COUNT; i++) {
        if (bench->counts.statuses[i] > 0)
            printf(" %zu x %" PRIu64, i, bench->counts.statuses[i]);
    }
    printf("\n");
    for (size_t i = 0; i < OH_BENCH_OP_COUNT; i++) {
        if (oh_histogram_count(bench->histograms[i]) > 0)
            print_latency_text(oh_bench_op_text((enum oh_bench_op)i), bench->histograms[i]);
    }
    printf("%-16s %" PRIu64 " connections broke, %" PRIu64 " requests without an answer\n", "failures",
           bench->counts.broken, bench->counts.unanswered);
    printf("%-16s %.0f %% of one core%s\n", "client cpu", report->client_cpu * 100,
           report->client_cpu > 0.95 ? ": the client may be the limit" : "");
}

static bool bench_report(struct bench *bench, double cpu_s_before)
{
    struct bench_report report = { .all = NULL };
    if (oh_histogram_create(&report.all) != OH_OK) {
        oh_diag_set(&bench->diag, "out of memory");
        return false;
    }
    for (size_t i = 0; i < OH_BENCH_OP_COUNT; i++)
        oh_histogram_merge(report.all, bench->histograms[i]);
    double elapsed_s = (double)(oh_monotonic_ns() - bench->start_ns) / 1e9;
    report.requests_per_second = (double)bench->counts.answered / (double)bench->options.seconds;
    report.client_cpu = (bench_cpu_s() - cpu_s_before) / elapsed_s;
    if (bench->options.is_json)
        print_json(bench, &report);
    else
        print_text(bench, &report);
    oh_histogram_destroy(&report.all);
    return true;
}

/* ---- the command ---- */

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
    "  --connections N       1 to 4096 (default 32)\n"
    "  --pipeline N          requests under way on one connection, 1 to 64 (default 1)\n"
    "  --seconds N           measured time (default 10)\n"
    "  --warmup-seconds N    before it (default 1)\n"
    "  --rate R              open loop: R requests a second at fixed times, latency from\n"
    "                        the moment a request was due. Without: closed loop\n"
    "  --cycle               release each reservation once it is made, so that stock lasts\n"
    "  --batch N             reservations in a batch, 1 to 1000 (default 100)\n"
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

static bool mode_parse(const char *text, enum bench_mode *out_mode)
{
    for (size_t i = 0; i < BENCH_MODE_COUNT; i++) {
        if (strcmp(text, bench_mode_texts[i]) == 0) {
            *out_mode = (enum bench_mode)i;
            return true;
        }
    }
    fprintf(
        stderr,
        "onhand: --mode is one of available, availability-group, reserve, reserve-batch, mixed, promise, not '%s'\n",
        text);
    return false;
}

/* Options that take a number. False when `option` is none of them; *out_is_right: the number was right. */
static bool bench_take_number(struct bench_options *options, int option, const char *value,
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
static int bench_take_option(struct bench_options *options, int option, char *value)
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

static int bench_parse(int argc, char **argv, struct bench *bench)
{
    struct bench_options *options = &bench->options;
    int option;
    optind = 0; /* start over: the program's own options were read before */
    while ((option = getopt_long(argc, argv, "", bench_long_options, NULL)) != -1) {
        int code = bench_take_option(options, option, optarg);
        if (code >= 0)
            return code;
    }
    if (optind + 1 != argc)
        return oh_argument_error("bench", "give one URL, such as http://127.0.0.1:8080");
    options->url_text = argv[optind];
    if (oh_url_parse(options->url_text, &bench->url, &bench->diag) != OH_OK)
        return oh_argument_error("bench", "%s", bench->diag.text);
    if (options->stock_path != NULL && (options->items_path != NULL || options->nodes != NULL))
        return oh_argument_error("bench",
                                 "--stock-from names items and nodes: leave out --items-from and --nodes");
    if ((options->mode == BENCH_MODE_PROMISE) != (options->places != NULL))
        return oh_argument_error("bench", "--mode promise and --to go together");
    return -1;
}

static enum oh_err bench_find_targets(struct bench *bench)
{
    const struct bench_options *options = &bench->options;
    struct oh_client client;
    enum oh_err err = OH_OK;
    if (options->places != NULL)
        err = oh_bench_targets_split_places(&bench->targets, options->places, &bench->diag);
    if (err != OH_OK)
        return err;
    if (options->stock_path != NULL)
        return oh_bench_targets_read_stock(&bench->targets, options->stock_path, &bench->diag);
    if (options->items_path != NULL)
        err = oh_bench_targets_read_items(&bench->targets, options->items_path, &bench->diag);
    if (err == OH_OK && options->nodes != NULL)
        err = oh_bench_targets_split_nodes(&bench->targets, options->nodes, &bench->diag);
    if (err != OH_OK)
        return err;
    oh_client_init(&client, &bench->url, OH_CLIENT_TIMEOUT_MS_DEFAULT);
    err = oh_bench_targets_discover(&bench->targets, &client, &bench->diag);
    oh_client_fini(&client);
    return err;
}

static enum oh_err bench_allocate(struct bench *bench)
{
    enum oh_err err = OH_OK;
    for (size_t i = 0; i < OH_BENCH_OP_COUNT && err == OH_OK; i++)
        err = oh_histogram_create(&bench->histograms[i]);
    bench->connections = calloc(bench->options.connections, sizeof bench->connections[0]);
    bench->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (err != OH_OK || bench->connections == NULL || bench->epoll_fd < 0) {
        oh_diag_set(&bench->diag, "cannot prepare %" PRIu64 " connections: %s", bench->options.connections,
                    strerror(errno));
        return OH_E_NOMEM;
    }
    for (uint64_t i = 0; i < bench->options.connections; i++) {
        bench->connections[i].fd = -1;
        oh_strbuf_init(&bench->connections[i].out, BENCH_OUT_SIZE_MAX);
    }
    bench->closed_count = (uint32_t)bench->options.connections;
    return OH_OK;
}

static void bench_free(struct bench *bench)
{
    for (uint64_t i = 0; bench->connections != NULL && i < bench->options.connections; i++) {
        if (bench->connections[i].fd >= 0)
            (void)close(bench->connections[i].fd);
        oh_strbuf_fini(&bench->connections[i].out);
    }
    free(bench->connections);
    for (size_t i = 0; i < OH_BENCH_OP_COUNT; i++)
        oh_histogram_destroy(&bench->histograms[i]);
    if (bench->epoll_fd >= 0)
        (void)close(bench->epoll_fd);
    oh_bench_targets_fini(&bench->targets);
}

/* Ids must not meet those of an earlier run with the same seed, so the clock goes into them. */
static void bench_prepare_form(struct bench *bench)
{
    struct timespec now = { 0, 0 };
    (void)clock_gettime(CLOCK_REALTIME, &now);
    bench->form = (struct oh_bench_form){
        .url = &bench->url,
        .targets = &bench->targets,
        .channel = bench->options.channel,
        .group = bench->options.group,
        .kind = bench->options.kind,
        .ttl_seconds = bench->options.ttl_seconds,
        .batch_count = (uint32_t)bench->options.batch_count,
        .run = (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u,
    };
    oh_prng_init(&bench->prng, bench->options.seed);
    (void)prctl(PR_SET_TIMERSLACK, 1ul); /* sends on time: the default may be 50 us late */
}

/* 409 is an answer: not enough stock. After any other refusal the numbers are not of what was asked for. */
static bool bench_was_good(const struct bench *bench)
{
    for (size_t i = 0; i < BENCH_STATUS_COUNT; i++) {
        bool is_good = (i >= 200 && i < 300) || i == 409;
        if (!is_good && bench->counts.statuses[i] > 0)
            return false;
    }
    return bench->counts.broken == 0 && bench->counts.answered > 0;
}

static int bench_go(struct bench *bench)
{
    if (bench_find_targets(bench) != OH_OK || bench_allocate(bench) != OH_OK) {
        fprintf(stderr, "onhand bench: %s\n", bench->diag.text);
        return OH_EXIT_FAILED;
    }
    bench_prepare_form(bench);
    double cpu_s = bench_cpu_s();
    if (!bench_run(bench) || !bench_report(bench, cpu_s)) {
        fprintf(stderr, "onhand bench: %s\n", bench->diag.text);
        return OH_EXIT_FAILED;
    }
    return bench_was_good(bench) ? OH_EXIT_OK : OH_EXIT_FAILED;
}

int oh_command_bench(int argc, char **argv)
{
    struct bench bench = {
        .options = {
            .channel = "web",
            .kind = "cart",
            .connections = 32,
            .seconds = 10,
            .warmup_seconds = 1,
            .pipeline = 1,
            .ttl_seconds = 600,
            .batch_count = 100,
            .read_percent = 90,
            .seed = 1,
        },
        .epoll_fd = -1,
    };
    oh_bench_targets_init(&bench.targets);
    int code = bench_parse(argc, argv, &bench);
    if (code < 0)
        code = bench_go(&bench);
    bench_free(&bench);
    return code;
}
