#include "server/server.h"
#include "support/test.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define GET_A   "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
#define POST_W  "POST /w HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
#define WAIT_MS 10000 /* longer than anything here may take */

/* One server on a thread of its own, and what its hooks do. */
struct running {
    struct oh_server *server;
    pthread_t thread;
    enum oh_err result;
    uint16_t port;
    uint64_t applied_seq;
    atomic_ullong durable_seq;
    atomic_llong due_us; /* next_due_us; INT64_MAX never */
    atomic_llong due_seen_us;
    atomic_uint idle_left;
    atomic_uint reloads;
    atomic_uint writes;
    enum oh_err abort_error;
};

static struct running running;
static uint32_t network_threads; /* of the servers that are started: everything is tried without and with */

static void handle_a(void *app, struct oh_exchange *exchange)
{
    (void)app;
    struct oh_strbuf *body = oh_reply_begin(exchange, 200, "text/plain");
    oh_strbuf_put_text(body, "hello");
    oh_reply_end(exchange, 0);
}

static void handle_w(void *app, struct oh_exchange *exchange)
{
    struct running *self = app;
    self->applied_seq++;
    atomic_fetch_add(&self->writes, 1);
    struct oh_strbuf *body = oh_reply_begin(exchange, 201, "text/plain");
    oh_strbuf_put_text(body, "done");
    oh_reply_end(exchange, self->applied_seq);
}

static void handle_large(void *app, struct oh_exchange *exchange)
{
    (void)app;
    struct oh_strbuf *body = oh_reply_begin(exchange, 200, "text/plain");
    for (int i = 0; i < 1000000; i++)
        oh_strbuf_put(body, "0123456789", 10);
    oh_reply_end(exchange, 0);
}

static void handle_abort(void *app, struct oh_exchange *exchange)
{
    struct running *self = app;
    oh_server_abort(self->server, OH_E_NO_SPACE);
    oh_reply_problem(exchange, 503, "stopping", "Stopping", OH_BYTES_NONE, NULL);
}

static const struct oh_route routes[] = {
    { OH_METHOD_GET, OH_ROUTE_READ, "/a", "a", handle_a, NULL },
    { OH_METHOD_POST, OH_ROUTE_WRITE, "/w", "w", handle_w, NULL },
    { OH_METHOD_GET, OH_ROUTE_READ, "/large", "large", handle_large, NULL },
    { OH_METHOD_POST, OH_ROUTE_ADMIN, "/abort", "abort", handle_abort, NULL },
};

static void hook_turn_begin(void *context, int64_t now_us, int64_t mono_us)
{
    struct running *self = context;
    (void)mono_us;
    if (now_us >= atomic_load(&self->due_us)) {
        atomic_store(&self->due_seen_us, now_us);
        atomic_store(&self->due_us, INT64_MAX);
    }
}

static uint64_t hook_turn_end(void *context)
{
    return atomic_load(&((struct running *)context)->durable_seq);
}

static int64_t hook_next_due_us(void *context)
{
    return atomic_load(&((struct running *)context)->due_us);
}

static bool hook_idle(void *context)
{
    struct running *self = context;
    if (atomic_load(&self->idle_left) == 0)
        return false;
    return atomic_fetch_sub(&self->idle_left, 1) > 1;
}

static void hook_reload(void *context)
{
    atomic_fetch_add(&((struct running *)context)->reloads, 1);
}

static const struct oh_server_hooks hooks = {
    .context = &running,
    .turn_begin = hook_turn_begin,
    .turn_end = hook_turn_end,
    .next_due_us = hook_next_due_us,
    .idle = hook_idle,
    .reload = hook_reload,
};

static struct oh_server_options options_of(const struct oh_limits *limits, const char *const *listen,
                                           size_t count)
{
    return (struct oh_server_options){
        .limits = limits == NULL ? oh_limits_default() : *limits,
        .hooks = &hooks,
        .routes = routes,
        .route_count = sizeof(routes) / sizeof(routes[0]),
        .listen = listen,
        .listen_count = count,
        .network_threads = network_threads,
        .handle_signals = true,
    };
}

static void *run_thread(void *context)
{
    struct running *self = context;
    self->result = oh_server_run(self->server);
    return NULL;
}

static void start(const struct oh_limits *limits)
{
    static const char *const listen[] = { "127.0.0.1:0" };
    struct oh_server_options options = options_of(limits, listen, 1);
    struct oh_diag diag;
    memset(&running, 0, sizeof(running));
    atomic_store(&running.due_us, INT64_MAX);
    running.result = OH_E_INVALID;
    assert_int_equal(oh_server_create(&options, &diag, &running.server), OH_OK);
    running.port = oh_server_port(running.server, 0);
    assert_int_equal(pthread_create(&running.thread, NULL, run_thread, &running), 0);
}

static void join(void)
{
    assert_int_equal(pthread_join(running.thread, NULL), 0);
    oh_server_destroy(&running.server);
    assert_null(running.server);
}

static void stop(void)
{
    oh_server_stop(running.server);
    join();
    assert_int_equal(running.result, OH_OK);
}

static int connected(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(running.port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Waits until there is something to read. */
static void await_readable(int fd)
{
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    assert_int_equal(poll(&wait, 1, WAIT_MS), 1);
}

static bool is_readable(int fd, int wait_ms)
{
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    return poll(&wait, 1, wait_ms) == 1;
}

/* Reads until `text` has come, or the end. Returns what was read, as text. */
static const char *read_until(int fd, const char *text)
{
    static char bytes[65536];
    size_t size = 0;
    bytes[0] = '\0';
    while (text == NULL || strstr(bytes, text) == NULL) {
        await_readable(fd);
        ssize_t got = recv(fd, bytes + size, sizeof(bytes) - 1 - size, 0);
        if (got <= 0)
            break;
        size += (size_t)got;
        bytes[size] = '\0';
    }
    if (text != NULL && strstr(bytes, text) == NULL)
        fail_msg("no '%s' in '%s'", text, bytes);
    return bytes;
}

static int64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---------------------------------------------------------------------------------------------------------- tests */

static void test_server_answers_over_a_socket_and_stops_when_asked(void **state)
{
    (void)state;
    start(NULL);
    int fd = connected();
    for (int i = 0; i < 100; i++) {
        send_text(fd, GET_A);
        (void)read_until(fd, "\r\n\r\nhello");
    }
    stop();
    assert_string_equal(read_until(fd, NULL), "");
    (void)close(fd);
}

static void test_server_listens_on_several_addresses_and_writes_a_port_file(void **state)
{
    static const char *const listen[] = { "127.0.0.1:0", "[::1]:0", "127.0.0.1:0" };
    char path[] = "/tmp/onhand_port_XXXXXX";
    struct oh_server *server = NULL;
    struct oh_diag diag;
    unsigned port = 0;
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    struct oh_server_options options = options_of(NULL, listen, 3);
    options.port_file = path;
    assert_int_equal(oh_server_create(&options, &diag, &server), OH_OK);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%u", &port), 1);
    (void)fclose(file);
    (void)unlink(path);
    assert_int_equal(port, oh_server_port(server, 0));
    assert_int_not_equal(oh_server_port(server, 0), oh_server_port(server, 2));
    assert_int_not_equal(oh_server_port(server, 1), 0);
    oh_server_destroy(&server);
}

static void test_server_raises_the_limit_on_descriptors_for_its_connections(void **state)
{
    struct rlimit usual;
    struct rlimit now;
    struct oh_limits limits = oh_limits_default();
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    struct rlimit few = { .rlim_cur = 64, .rlim_max = usual.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    limits.connections_max = 100;
    start(&limits);
    stop();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    assert_true(now.rlim_cur >= 100 || now.rlim_cur == now.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
}

static void assert_create_fails(const char *address, enum oh_err expected)
{
    const char *listen[] = { address };
    struct oh_server_options options = options_of(NULL, listen, 1);
    struct oh_server *server = NULL;
    struct oh_diag diag = { "" };
    assert_int_equal(oh_server_create(&options, &diag, &server), expected);
    assert_null(server);
    assert_non_null(strstr(diag.text, address));
}

static void test_server_says_why_it_cannot_listen(void **state)
{
    static const char *const wrong[] = {
        "",       ":80",     "127.0.0.1", "127.0.0.1:",  "127.0.0.1:x", "127.0.0.1:99999x", "localhost:80",
        "::1:80", "[::1:80", "[]:80",     "1.2.3.4.5:80"
    };
    char address[32];
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_create_fails(wrong[i], OH_E_INVALID);
    start(NULL);
    snprintf(address, sizeof(address), "127.0.0.1:%u", running.port);
    assert_create_fails(address, OH_E_IO);
    stop();
}

static void test_server_releases_a_held_reply_when_woken_by_another_thread(void **state)
{
    (void)state;
    start(NULL);
    int fd = connected();
    int other = connected();
    send_text(fd, POST_W);
    send_text(other, GET_A);
    (void)read_until(other, "hello");
    assert_false(is_readable(fd, 50));
    atomic_store(&running.durable_seq, 1);
    oh_server_wake(running.server);
    (void)read_until(fd, "\r\n\r\ndone");
    (void)close(fd);
    (void)close(other);
    stop();
}

static void test_server_makes_a_turn_when_something_is_due(void **state)
{
    (void)state;
    start(NULL);
    int64_t due_us = now_us() + 30000;
    atomic_store(&running.due_us, due_us);
    oh_server_wake(running.server);
    while (atomic_load(&running.due_seen_us) == 0 && now_us() < due_us + WAIT_MS * 1000)
        (void)poll(NULL, 0, 1);
    assert_true(atomic_load(&running.due_seen_us) >= due_us);
    stop();
}

static void test_server_calls_idle_work_again_without_waiting_for_events(void **state)
{
    (void)state;
    start(NULL);
    atomic_store(&running.idle_left, 10000);
    oh_server_wake(running.server);
    int64_t end_us = now_us() + WAIT_MS * 1000;
    int fd = connected();
    send_text(fd, GET_A);
    (void)read_until(fd, "hello");
    while (atomic_load(&running.idle_left) > 0 && now_us() < end_us)
        (void)poll(NULL, 0, 1);
    assert_int_equal(atomic_load(&running.idle_left), 0);
    (void)close(fd);
    stop();
}

static void test_server_answers_what_came_together_with_the_end(void **state)
{
    (void)state;
    start(NULL);
    for (int i = 0; i < 50; i++) {
        int fd = connected();
        send_text(fd, GET_A GET_A);
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        const char *text = read_until(fd, NULL);
        assert_non_null(strstr(strstr(text, "hello") + 1, "hello"));
        (void)close(fd);
    }
    stop();
}

static void test_server_sends_a_large_reply_to_a_slow_reader_whole(void **state)
{
    char bytes[16384];
    size_t size = 0;
    (void)state;
    start(NULL);
    int fd = connected();
    send_text(fd, "GET /large HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    for (;;) {
        await_readable(fd);
        ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
        if (got <= 0)
            break;
        size += (size_t)got;
    }
    assert_true(size > 10000000 && size < 10000300);
    (void)close(fd);
    stop();
}

static void test_server_turns_clients_away_past_the_limit_of_connections(void **state)
{
    struct oh_limits limits = oh_limits_default();
    (void)state;
    limits.connections_max = 1;
    start(&limits);
    int first = connected();
    send_text(first, GET_A);
    (void)read_until(first, "hello");
    int second = connected();
    send_text(second, GET_A);
    assert_non_null(strstr(read_until(second, NULL), "\"code\":\"connections_max\"}"));
    (void)close(second);
    (void)close(first);
    stop();
}

static void test_server_goes_on_when_it_runs_out_of_descriptors(void **state)
{
    int held[256];
    size_t count = 0;
    struct rlimit usual;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    struct rlimit few = { .rlim_cur = 256, .rlim_max = usual.rlim_max };
    start(NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    int waiting = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(waiting >= 0);
    while (count < 256 && (held[count] = dup(waiting)) >= 0)
        count++;
    assert_true(count < 256);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(running.port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(waiting, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_string_equal(read_until(waiting, NULL), "");
    for (size_t i = 0; i < count; i++)
        (void)close(held[i]);
    (void)close(waiting);
    /* accept() says that there is no descriptor before it looks for a connection, so one more may be turned away. */
    bool is_answered = false;
    for (int i = 0; i < 100 && !is_answered; i++) {
        int fd = connected();
        (void)send(fd, GET_A, strlen(GET_A), MSG_NOSIGNAL);
        await_readable(fd);
        char byte;
        is_answered = recv(fd, &byte, 1, 0) == 1;
        (void)close(fd);
    }
    assert_true(is_answered);
    stop();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
}

static void test_server_drains_on_sigterm_and_reloads_on_sighup(void **state)
{
    (void)state;
    start(NULL);
    int idle = connected();
    int fd = connected();
    send_text(idle, GET_A);
    (void)read_until(idle, "hello");
    send_text(fd, POST_W GET_A);
    int64_t end_us = now_us() + WAIT_MS * 1000;
    assert_int_equal(kill(getpid(), SIGHUP), 0);
    while ((atomic_load(&running.reloads) == 0 || atomic_load(&running.writes) == 0) && now_us() < end_us)
        (void)poll(NULL, 0, 1);
    assert_int_equal(atomic_load(&running.reloads), 1);
    assert_int_equal(atomic_load(&running.writes), 1); /* a request that has not come yet would be cut off */
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    assert_string_equal(read_until(idle, NULL), "");
    assert_false(is_readable(fd, 50));
    atomic_store(&running.durable_seq, 1);
    oh_server_wake(running.server);
    (void)read_until(fd, "hello");
    (void)close(fd);
    (void)close(idle);
    join();
    assert_int_equal(running.result, OH_OK);
}

static void test_server_ends_with_the_error_of_an_abort(void **state)
{
    (void)state;
    start(NULL);
    int fd = connected();
    send_text(fd, "POST /abort HTTP/1.1\r\nHost: h\r\n\r\n");
    join();
    assert_int_equal(running.result, OH_E_NO_SPACE);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_answers_over_a_socket_and_stops_when_asked),
        cmocka_unit_test(test_server_listens_on_several_addresses_and_writes_a_port_file),
        cmocka_unit_test(test_server_raises_the_limit_on_descriptors_for_its_connections),
        cmocka_unit_test(test_server_says_why_it_cannot_listen),
        cmocka_unit_test(test_server_releases_a_held_reply_when_woken_by_another_thread),
        cmocka_unit_test(test_server_makes_a_turn_when_something_is_due),
        cmocka_unit_test(test_server_calls_idle_work_again_without_waiting_for_events),
        cmocka_unit_test(test_server_answers_what_came_together_with_the_end),
        cmocka_unit_test(test_server_sends_a_large_reply_to_a_slow_reader_whole),
        cmocka_unit_test(test_server_turns_clients_away_past_the_limit_of_connections),
        cmocka_unit_test(test_server_goes_on_when_it_runs_out_of_descriptors),
        cmocka_unit_test(test_server_drains_on_sigterm_and_reloads_on_sighup),
        cmocka_unit_test(test_server_ends_with_the_error_of_an_abort),
    };
    static const uint32_t thread_counts[] = { 0, 1, 3 };
    int failed = 0;
    for (size_t i = 0; i < sizeof(thread_counts) / sizeof(thread_counts[0]); i++) {
        network_threads = thread_counts[i];
        print_message("network_threads = %u\n", network_threads);
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed;
}
