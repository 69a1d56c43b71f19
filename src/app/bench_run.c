#include "app/bench_run.h"

#include "app/progress.h"
#include "base/assert.h"
#include <errno.h>
#include <inttypes.h>
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
#define BENCH_CONNECT_TIMEOUT_MS 5000
#define BENCH_WAIT_NS_MAX        50000000ull

/* A request whose answer has not come. */
struct bench_slot {
    uint64_t intended_ns;
    uint64_t id;
    enum oh_bench_op op;
};

struct oh_bench_connection {
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

uint64_t oh_bench_due_ns(uint64_t index, uint64_t rate_per_s)
{
    OH_ASSERT(rate_per_s >= 1);
    uint64_t seconds = index / rate_per_s;
    uint64_t rest = index % rate_per_s;
    return seconds * 1000000000ull + rest * 1000000000ull / rate_per_s;
}

/* ---- life ---- */

enum oh_err oh_bench_run_init(struct oh_bench_run *run, const struct oh_bench_options *options,
                              const struct oh_bench_form *form, struct oh_diag *diag)
{
    enum oh_err err = OH_OK;
    *run = (struct oh_bench_run){ .options = options, .form = form, .diag = diag };
    oh_prng_init(&run->prng, options->seed);
    for (size_t i = 0; i < OH_BENCH_OP_COUNT && err == OH_OK; i++)
        err = oh_histogram_create(&run->histograms[i]);
    run->connections = calloc(options->connections, sizeof run->connections[0]);
    run->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (uint64_t i = 0; run->connections != NULL && i < options->connections; i++) {
        run->connections[i].fd = -1;
        oh_strbuf_init(&run->connections[i].out, BENCH_OUT_SIZE_MAX);
    }
    if (err == OH_OK && run->connections != NULL && run->epoll_fd >= 0) {
        run->closed_count = (uint32_t)options->connections;
        return OH_OK;
    }
    oh_diag_set(diag, "cannot prepare %" PRIu64 " connections: %s", options->connections, strerror(errno));
    oh_bench_run_fini(run);
    return OH_E_NOMEM;
}

void oh_bench_run_fini(struct oh_bench_run *run)
{
    for (uint64_t i = 0; run->connections != NULL && i < run->options->connections; i++) {
        if (run->connections[i].fd >= 0)
            (void)close(run->connections[i].fd);
        oh_strbuf_fini(&run->connections[i].out);
    }
    free(run->connections);
    run->connections = NULL;
    for (size_t i = 0; i < OH_BENCH_OP_COUNT; i++)
        oh_histogram_destroy(&run->histograms[i]);
    if (run->epoll_fd >= 0)
        (void)close(run->epoll_fd);
    run->epoll_fd = -1;
}

/* ---- connections ---- */

static void connection_watch(struct oh_bench_run *run, struct oh_bench_connection *connection, int operation)
{
    struct epoll_event event = { .events = EPOLLIN | (connection->waits_to_write ? EPOLLOUT : 0u) };
    event.data.ptr = connection;
    int result = epoll_ctl(run->epoll_fd, operation, connection->fd, &event);
    OH_ASSERT(result == 0);
}

static enum oh_err connection_open(struct oh_bench_run *run, struct oh_bench_connection *connection)
{
    struct oh_client client;
    oh_client_init(&client, run->form->url, BENCH_CONNECT_TIMEOUT_MS);
    enum oh_err err = oh_client_connect(&client, run->diag);
    if (err != OH_OK)
        return err;
    run->closed_count--;
    connection->fd = client.fd; /* taken over: it is non-blocking and without delay already */
    connection->waits_to_write = false;
    connection->slot_count = 0;
    connection->release_count = 0;
    connection->in_size = 0;
    connection->body_left = 0;
    connection->out_sent = 0;
    oh_strbuf_clear(&connection->out);
    connection_watch(run, connection, EPOLL_CTL_ADD);
    return OH_OK;
}

static void connection_shut(struct oh_bench_run *run, struct oh_bench_connection *connection)
{
    if (connection->fd < 0)
        return;
    (void)close(connection->fd); /* epoll forgets it by this */
    connection->fd = -1;
    run->closed_count++;
    run->counts.broken++;
    run->counts.unanswered += connection->slot_count;
    run->in_flight -= connection->slot_count;
    connection->slot_count = 0;
}

static void connection_flush(struct oh_bench_run *run, struct oh_bench_connection *connection)
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
            connection_shut(run, connection);
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
        connection_watch(run, connection, EPOLL_CTL_MOD);
    }
}

/* ---- requests ---- */

static enum oh_bench_op run_next_op(struct oh_bench_run *run, const struct oh_bench_connection *connection)
{
    if (connection->release_count > 0)
        return OH_BENCH_RELEASE;
    switch (run->options->mode) {
    case OH_BENCH_MODE_AVAILABLE:
        return OH_BENCH_AVAILABLE;
    case OH_BENCH_MODE_AVAILABLE_GROUP:
        return OH_BENCH_AVAILABLE_GROUP;
    case OH_BENCH_MODE_RESERVE:
        return OH_BENCH_RESERVE;
    case OH_BENCH_MODE_RESERVE_BATCH:
        return OH_BENCH_RESERVE_BATCH;
    case OH_BENCH_MODE_PROMISE:
        return OH_BENCH_PROMISE;
    case OH_BENCH_MODE_AVAILABILITY_BATCH:
        return OH_BENCH_AVAILABILITY_BATCH;
    case OH_BENCH_MODE_MIXED:
        break;
    }
    bool reads = oh_prng_below(&run->prng, 100) < run->options->read_percent;
    return reads ? OH_BENCH_AVAILABLE : OH_BENCH_RESERVE;
}

static uint64_t run_take_id(struct oh_bench_run *run, struct oh_bench_connection *connection, enum oh_bench_op op)
{
    if (op == OH_BENCH_RELEASE) {
        uint64_t id = connection->releases[connection->release_first];
        connection->release_first = (connection->release_first + 1) % OH_BENCH_PIPELINE_MAX;
        connection->release_count--;
        return id;
    }
    uint64_t id = run->next_id;
    run->next_id += op == OH_BENCH_RESERVE_BATCH ? run->options->batch_count : 1;
    return id;
}

/* Appends a request; connection_flush sends it. */
static void connection_put(struct oh_bench_run *run, struct oh_bench_connection *connection, uint64_t intended_ns)
{
    OH_ASSERT(connection->slot_count < OH_BENCH_PIPELINE_MAX);
    enum oh_bench_op op = run_next_op(run, connection);
    uint64_t id = run_take_id(run, connection, op);
    uint32_t at = (connection->slot_first + connection->slot_count) % OH_BENCH_PIPELINE_MAX;
    connection->slots[at] = (struct bench_slot){ intended_ns, id, op };
    connection->slot_count++;
    run->in_flight++;
    oh_bench_put_request(run->form, op, id, &run->prng, &connection->out);
}

static bool connection_is_free(const struct oh_bench_run *run, const struct oh_bench_connection *connection)
{
    return connection->fd >= 0 && connection->slot_count < run->options->pipeline;
}

/* Closed loop: as many as may be under way. */
static void connection_fill(struct oh_bench_run *run, struct oh_bench_connection *connection, uint64_t now_ns)
{
    if (now_ns >= run->end_ns || run->options->rate_per_s > 0)
        return;
    while (connection_is_free(run, connection))
        connection_put(run, connection, now_ns);
}

/* ---- answers ---- */

static void run_count_answer(struct oh_bench_run *run, struct oh_bench_connection *connection, unsigned status,
                               uint64_t now_ns)
{
    struct bench_slot slot = connection->slots[connection->slot_first];
    connection->slot_first = (connection->slot_first + 1) % OH_BENCH_PIPELINE_MAX;
    connection->slot_count--;
    run->in_flight--;
    bool is_made = slot.op == OH_BENCH_RESERVE && (status == 200 || status == 201);
    if (run->options->cycles && is_made) {
        uint32_t at = (connection->release_first + connection->release_count) % OH_BENCH_PIPELINE_MAX;
        OH_ASSERT(connection->release_count < OH_BENCH_PIPELINE_MAX);
        connection->releases[at] = slot.id;
        connection->release_count++;
    }
    if (now_ns >= run->measure_ns && now_ns < run->end_ns)
        run->counts.answered++;
    if (slot.intended_ns < run->measure_ns)
        return;
    run->counts.statuses[status]++;
    oh_histogram_record(run->histograms[slot.op], now_ns - slot.intended_ns);
}

/* Takes one reply, or the part of its body that is there. False: more bytes are needed, or it is shut. */
static bool connection_take(struct oh_bench_run *run, struct oh_bench_connection *connection, uint32_t *at,
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
        connection_shut(run, connection);
        return false;
    }
    *at += (uint32_t)head.size;
    connection->body_left = head.content_length;
    run_count_answer(run, connection, head.status, now_ns);
    if (head.closes)
        connection_shut(run, connection);
    return !head.closes;
}

static void connection_read(struct oh_bench_run *run, struct oh_bench_connection *connection)
{
    ssize_t got = recv(connection->fd, connection->in + connection->in_size,
                       BENCH_IN_SIZE - connection->in_size, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        connection_shut(run, connection);
        return;
    }
    connection->in_size += (uint32_t)got;
    uint64_t now_ns = oh_monotonic_ns();
    uint32_t at = 0;
    while (at < connection->in_size && connection_take(run, connection, &at, now_ns))
        continue;
    if (connection->fd < 0)
        return;
    connection->in_size -= at;
    memmove(connection->in, connection->in + at, connection->in_size);
    connection_fill(run, connection, now_ns);
    connection_flush(run, connection);
}

/* ---- the loop ---- */

/* The next connection that may take a request; NULL when all are full. */
static struct oh_bench_connection *run_free_connection(struct oh_bench_run *run)
{
    for (uint64_t i = 0; i < run->options->connections; i++) {
        struct oh_bench_connection *connection = &run->connections[run->next_connection];
        run->next_connection = (run->next_connection + 1) % (uint32_t)run->options->connections;
        if (connection_is_free(run, connection))
            return connection;
    }
    return NULL;
}

/* Open loop: sends what is due. Returns how long to wait at most. */
static uint64_t run_send_due(struct oh_bench_run *run, uint64_t now_ns)
{
    for (;;) { /* ends at the first request that is not due, or with the last free connection */
        uint64_t due_ns =
            run->start_ns + oh_bench_due_ns(run->scheduled_count, run->options->rate_per_s);
        if (due_ns >= run->end_ns)
            return BENCH_WAIT_NS_MAX;
        if (due_ns > now_ns)
            return due_ns - now_ns;
        struct oh_bench_connection *connection = run_free_connection(run);
        if (connection == NULL)
            return BENCH_WAIT_NS_MAX; /* an answer will wake us */
        run->scheduled_count++;
        connection_put(run, connection, due_ns);
        connection_flush(run, connection);
    }
}

static bool run_reopen(struct oh_bench_run *run)
{
    for (uint64_t i = 0; i < run->options->connections && run->closed_count > 0; i++) {
        struct oh_bench_connection *connection = &run->connections[i];
        if (connection->fd >= 0)
            continue;
        if (run->counts.broken > OH_BENCH_RECONNECTS_MAX) {
            oh_diag_set(run->diag, "more than %u connections broke", OH_BENCH_RECONNECTS_MAX);
            return false;
        }
        if (connection_open(run, connection) != OH_OK)
            return false;
        connection_fill(run, connection, oh_monotonic_ns());
        connection_flush(run, connection);
    }
    return true;
}

static void run_wait(struct oh_bench_run *run, uint64_t wait_ns)
{
    struct epoll_event events[BENCH_EVENTS_MAX];
    struct timespec wait = { .tv_sec = (time_t)(wait_ns / 1000000000u),
                             .tv_nsec = (long)(wait_ns % 1000000000u) };
    int count = epoll_pwait2(run->epoll_fd, events, BENCH_EVENTS_MAX, &wait, NULL);
    for (int i = 0; i < count; i++) {
        struct oh_bench_connection *connection = events[i].data.ptr;
        if (connection->fd >= 0 && (events[i].events & EPOLLOUT) != 0)
            connection_flush(run, connection);
        if (connection->fd >= 0 && (events[i].events & ~(uint32_t)EPOLLOUT) != 0)
            connection_read(run, connection);
    }
}

/* Requests of the open loop that were due and found no connection. */
static uint64_t run_overdue_count(const struct oh_bench_run *run)
{
    uint64_t seconds = run->options->warmup_seconds + run->options->seconds;
    return run->options->rate_per_s * seconds - run->scheduled_count;
}

/* What was never answered counts with the time it waited: leaving it out would flatter the server. */
static void run_count_unanswered(struct oh_bench_run *run, uint64_t now_ns)
{
    uint64_t overdue_count = run_overdue_count(run);
    enum oh_bench_op op = run->options->mode == OH_BENCH_MODE_MIXED
                              ? OH_BENCH_AVAILABLE
                              : run_next_op(run, &run->connections[0]);
    for (uint64_t i = 0; i < overdue_count; i++) {
        uint64_t due_ns =
            run->start_ns + oh_bench_due_ns(run->scheduled_count + i, run->options->rate_per_s);
        oh_histogram_record(run->histograms[op], now_ns - due_ns);
    }
    for (uint64_t i = 0; i < run->options->connections; i++) {
        const struct oh_bench_connection *connection = &run->connections[i];
        for (uint32_t j = 0; connection->fd >= 0 && j < connection->slot_count; j++) {
            const struct bench_slot *slot =
                &connection->slots[(connection->slot_first + j) % OH_BENCH_PIPELINE_MAX];
            oh_histogram_record(run->histograms[slot->op], now_ns - slot->intended_ns);
        }
    }
    run->counts.unanswered += overdue_count + run->in_flight;
}

static double cpu_now_s(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void run_start(struct oh_bench_run *run)
{
    run->start_ns = oh_monotonic_ns();
    run->measure_ns = run->start_ns + run->options->warmup_seconds * 1000000000u;
    run->end_ns = run->measure_ns + run->options->seconds * 1000000000u;
    for (uint64_t i = 0; i < run->options->connections; i++) {
        connection_fill(run, &run->connections[i], run->start_ns);
        connection_flush(run, &run->connections[i]);
    }
}

static bool run_loop(struct oh_bench_run *run)
{
    for (;;) { /* ends with the time, and OH_BENCH_DRAIN_NS later at the latest */
        uint64_t now_ns = oh_monotonic_ns();
        bool is_over = now_ns >= run->end_ns;
        if (is_over && run->in_flight == 0 && run_overdue_count(run) == 0)
            return true;
        if (now_ns >= run->end_ns + OH_BENCH_DRAIN_NS) {
            run_count_unanswered(run, now_ns);
            return true;
        }
        if (!is_over && !run_reopen(run))
            return false;
        uint64_t wait_ns = run->options->rate_per_s > 0 ? run_send_due(run, now_ns) : BENCH_WAIT_NS_MAX;
        run_wait(run, wait_ns < BENCH_WAIT_NS_MAX ? wait_ns : BENCH_WAIT_NS_MAX);
    }
}

bool oh_bench_run_go(struct oh_bench_run *run)
{
    (void)prctl(PR_SET_TIMERSLACK, 1ul); /* sends on time: the default may be 50 us late */
    double cpu_before_s = cpu_now_s();
    if (!run_reopen(run))
        return false;
    run_start(run);
    bool is_through = run_loop(run);
    run->client_cpu = (cpu_now_s() - cpu_before_s) / ((double)(oh_monotonic_ns() - run->start_ns) / 1e9);
    return is_through;
}
