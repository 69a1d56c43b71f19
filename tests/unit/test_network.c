/*
 * The law of the network threads: what a client gets does not depend on them. Random clients send random requests in
 * random pieces, read at their own pace, end their side early or hang up; every reply that was due is there, whole and
 * in order, whatever the number of threads.
 */
#include "base/prng.h"
#include "server/network.h"
#include "server/server.h"
#include "support/test.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENT_COUNT  24
#define REQUESTS_MAX  12
#define BODY_SIZE_MAX 300000
#define STALL_MS      20000 /* nothing happens for so long: something was lost */

/* ---- The server: answers with as many bytes as it is asked for, and with those that it was sent ------------------ */

static struct oh_server *server;
static pthread_t server_thread;
static enum oh_err server_result;
static uint64_t replies_held; /* every third reply waits until its seq is durable, which it is a turn later */
static uint64_t written_seq;
static uint64_t durable_seq;

/* Byte `at` of what the server says when it is asked for `size` bytes. */
static char byte_of(size_t size, size_t at)
{
    return (char)('a' + (size * 7 + at) % 23);
}

static void handle_echo(void *app, struct oh_exchange *exchange)
{
    const struct oh_request *request = oh_exchange_request(exchange);
    char digits[16] = "";
    (void)app;
    assert_true(request->params[0].size < sizeof(digits));
    memcpy(digits, request->params[0].data, request->params[0].size);
    size_t size = (size_t)strtoul(digits, NULL, 10);
    struct oh_strbuf *body = oh_reply_begin(exchange, 200, "text/plain");
    for (size_t at = 0; at < size; at++)
        oh_strbuf_put_char(body, byte_of(size, at));
    oh_strbuf_put_bytes(body, request->body);
    bool is_held = size % 3 == 0;
    replies_held += is_held ? 1 : 0;
    oh_reply_end(exchange, is_held ? replies_held : 0);
}

static uint64_t hook_turn_end(void *context)
{
    (void)context;
    durable_seq = written_seq;
    written_seq = replies_held;
    return durable_seq;
}

/* So that there is a next turn. */
static bool hook_idle(void *context)
{
    (void)context;
    return durable_seq < replies_held;
}

static void *run_thread(void *context)
{
    (void)context;
    server_result = oh_server_run(server);
    return NULL;
}

/*
 * With the buffers the kernel gives, it takes every rest at once, and none is ever left with the server. What is
 * accepted inherits the size from the socket that listens: the one of this process.
 */
static void kernel_take_little(void)
{
    const int size = 4096;
    unsigned found = 0;
    for (int fd = 0; fd < 256; fd++) {
        int is_listening = 0;
        socklen_t length = sizeof(is_listening);
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &length) != 0 || is_listening == 0)
            continue;
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
        found++;
    }
    assert_int_equal(found, 1);
}

static void server_start(uint32_t network_threads)
{
    static const char *const listen[] = { "127.0.0.1:0" };
    static const struct oh_route routes[] = {
        { OH_METHOD_POST, OH_ROUTE_WRITE, "/echo/{size}", "echo", handle_echo, NULL },
    };
    static const struct oh_server_hooks hooks = { .turn_end = hook_turn_end, .idle = hook_idle };
    struct oh_server_options options = {
        .limits = oh_limits_default(),
        .hooks = &hooks,
        .routes = routes,
        .route_count = 1,
        .listen = listen,
        .listen_count = 1,
        .network_threads = network_threads,
    };
    struct oh_diag diag;
    options.limits.header_timeout_ms = 600000; /* of clients that send slowly to a server that is slow, too */
    replies_held = written_seq = durable_seq = 0;
    assert_int_equal(oh_server_create(&options, &diag, &server), OH_OK);
    kernel_take_little();
    assert_int_equal(pthread_create(&server_thread, NULL, run_thread, NULL), 0);
}

static void server_stop(void)
{
    oh_server_stop(server);
    assert_int_equal(pthread_join(server_thread, NULL), 0);
    assert_int_equal(server_result, OH_OK);
    oh_server_destroy(&server);
}

/* ---- One client ------------------------------------------------------------------------------------------------- */

struct client {
    int fd; /* -1: done */
    char *request;
    size_t request_size;
    size_t sent_size;
    char *expected;
    size_t expected_size;
    size_t got_size;
    size_t read_max;      /* at once: slow readers take little */
    bool asks_to_close;   /* with its last request: the server ends the connection */
    bool ends_early;      /* its side, once everything is sent; the server then ends the other */
    bool has_ended;
    size_t hangs_up_at;   /* bytes of replies it waits for before it closes without a word; SIZE_MAX: never */
};

static void put(char **text, size_t *size, const char *data, size_t data_size)
{
    *text = realloc(*text, *size + data_size + 1); /* not 0: that frees it, and gives NULL */
    assert_non_null(*text);
    memcpy(*text + *size, data, data_size);
    *size += data_size;
}

/* Sizes of all orders: most are small, some are larger than every buffer on the way. */
static size_t random_size(struct oh_prng *prng)
{
    size_t max = (size_t)1 << oh_prng_below(prng, 18);
    size_t size = oh_prng_below(prng, max);
    return size < BODY_SIZE_MAX ? size : BODY_SIZE_MAX;
}

static void client_add_request(struct client *client, struct oh_prng *prng, bool is_last)
{
    size_t reply_size = random_size(prng);
    size_t body_size = random_size(prng);
    char head[256];
    client->asks_to_close = is_last && oh_prng_below(prng, 3) == 0;
    int head_size = snprintf(head, sizeof(head), "POST /echo/%zu HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n%s\r\n",
                             reply_size, body_size, client->asks_to_close ? "Connection: close\r\n" : "");
    put(&client->request, &client->request_size, head, (size_t)head_size);
    char *bodies = malloc(reply_size + body_size + 1);
    assert_non_null(bodies);
    for (size_t at = 0; at < reply_size; at++)
        bodies[at] = byte_of(reply_size, at);
    for (size_t at = 0; at < body_size; at++)
        bodies[reply_size + at] = (char)('A' + oh_prng_below(prng, 26));
    put(&client->request, &client->request_size, bodies + reply_size, body_size);
    put(&client->expected, &client->expected_size, bodies, reply_size + body_size);
    free(bodies);
}

static void socket_connect(int fd, uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    const int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

static void client_open(struct client *client, struct oh_prng *prng, uint16_t port)
{
    *client = (struct client){ .read_max = (size_t)1 << oh_prng_between(prng, 6, 16), .hangs_up_at = SIZE_MAX };
    uint64_t request_count = oh_prng_below(prng, REQUESTS_MAX) + 1;
    for (uint64_t i = 0; i < request_count; i++)
        client_add_request(client, prng, i + 1 == request_count);
    client->ends_early = oh_prng_below(prng, 3) == 0;
    if (oh_prng_below(prng, 6) == 0)
        client->hangs_up_at = oh_prng_below(prng, client->expected_size + 1);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* With a small window the last bytes of a reply are still with the server when it ends the connection. */
    const int window = 4096;
    if (oh_prng_below(prng, 3) == 0)
        assert_int_equal(setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window)), 0);
    socket_connect(client->fd, port);
    assert_int_equal(fcntl(client->fd, F_SETFL, O_NONBLOCK), 0);
}

static void client_close(struct client *client)
{
    (void)close(client->fd);
    free(client->request);
    free(client->expected);
    client->fd = -1;
}

static void client_send(struct client *client, struct oh_prng *prng)
{
    size_t left = client->request_size - client->sent_size;
    size_t piece = oh_prng_below(prng, 4) == 0 ? left : oh_prng_below(prng, left + 1);
    ssize_t sent = send(client->fd, client->request + client->sent_size, piece, MSG_NOSIGNAL);
    assert_true(sent >= 0 || errno == EAGAIN);
    client->sent_size += sent > 0 ? (size_t)sent : 0;
    if (client->sent_size == client->request_size && client->ends_early && !client->has_ended) {
        client->has_ended = true;
        assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
    }
}

/* Replies as they come: heads are passed over, bodies compared. */
struct reader {
    char head[1024];
    size_t head_size;
    size_t body_left;
};

static struct reader readers[CLIENT_COUNT];

static void reader_take(struct reader *reader, struct client *client, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (reader->body_left > 0) {
            assert_true(client->got_size < client->expected_size);
            assert_int_equal(data[i], client->expected[client->got_size]);
            client->got_size++;
            reader->body_left--;
            continue;
        }
        assert_true(reader->head_size + 1 < sizeof(reader->head));
        reader->head[reader->head_size++] = data[i];
        reader->head[reader->head_size] = '\0';
        if (reader->head_size < 4 || memcmp(reader->head + reader->head_size - 4, "\r\n\r\n", 4) != 0)
            continue;
        assert_memory_equal(reader->head, "HTTP/1.1 200 ", 13);
        const char *length = strstr(reader->head, "Content-Length: ");
        assert_non_null(length);
        reader->body_left = (size_t)strtoul(length + 16, NULL, 10);
        reader->head_size = 0;
    }
}

/* Returns false when the connection has ended. */
static bool client_read(struct client *client, struct reader *reader)
{
    static char bytes[65536];
    ssize_t got = recv(client->fd, bytes, client->read_max, 0);
    if (got < 0) {
        assert_int_equal(errno, EAGAIN);
        return true;
    }
    reader_take(reader, client, bytes, (size_t)got);
    return got > 0;
}

/* One readiness of one client; returns whether it goes on. */
static bool client_step(struct client *client, struct reader *reader, short events, struct oh_prng *prng)
{
    bool is_open = true;
    if ((events & POLLOUT) != 0 && client->sent_size < client->request_size)
        client_send(client, prng);
    if ((events & (POLLIN | POLLHUP | POLLERR)) != 0)
        is_open = client_read(client, reader);
    if (client->got_size >= client->hangs_up_at)
        return false;
    bool is_whole = client->got_size == client->expected_size && reader->body_left == 0 && reader->head_size == 0 &&
                    client->sent_size == client->request_size;
    bool is_to_end = client->ends_early || client->asks_to_close;
    if (!is_open && (!is_to_end || !is_whole))
        fail_msg("the connection ended with %zu of %zu bytes answered", client->got_size, client->expected_size);
    return is_open && (!is_whole || is_to_end);
}

static void clients_play(struct oh_prng *prng, uint16_t port)
{
    struct client clients[CLIENT_COUNT];
    memset(readers, 0, sizeof(readers));
    for (size_t i = 0; i < CLIENT_COUNT; i++)
        client_open(&clients[i], prng, port);
    for (size_t open_count = CLIENT_COUNT; open_count > 0;) {
        struct pollfd waits[CLIENT_COUNT];
        for (size_t i = 0; i < CLIENT_COUNT; i++) {
            short out = clients[i].fd >= 0 && clients[i].sent_size < clients[i].request_size ? POLLOUT : 0;
            waits[i] = (struct pollfd){ .fd = clients[i].fd, .events = (short)(POLLIN | out) };
        }
        int ready = poll(waits, CLIENT_COUNT, STALL_MS);
        if (ready <= 0)
            fail_msg("nothing happened for %d ms, with %zu clients open", STALL_MS, open_count);
        for (size_t i = 0; i < CLIENT_COUNT; i++) {
            if (waits[i].revents == 0 || client_step(&clients[i], &readers[i], waits[i].revents, prng))
                continue;
            client_close(&clients[i]);
            open_count--;
        }
    }
}

/* ---- The law ---------------------------------------------------------------------------------------------------- */

static void play(uint32_t network_threads, uint64_t seed)
{
    struct oh_prng prng;
    print_message("network_threads %u, seed %llu\n", network_threads, (unsigned long long)seed);
    oh_prng_init(&prng, seed);
    server_start(network_threads);
    clients_play(&prng, oh_server_port(server, 0));
    server_stop();
}

static void test_network_threads_change_nothing_for_clients(void **state)
{
    static const uint32_t thread_counts[] = { 0, 1, 2, 5 };
    const char *runs = getenv("ONHAND_RUNS");
    uint64_t count = runs == NULL ? 4 : strtoull(runs, NULL, 10);
    const char *first = getenv("ONHAND_SEED");
    uint64_t seed = first == NULL ? (uint64_t)time(NULL) : strtoull(first, NULL, 10);
    (void)state;
    for (uint64_t i = 0; i < count; i++) {
        for (size_t j = 0; j < sizeof(thread_counts) / sizeof(thread_counts[0]); j++)
            play(thread_counts[j], seed + i);
    }
}

/* A client that reads nothing of a reply fills only its own buffers: the others are served, and the server stops. */
static void test_network_threads_serve_others_while_a_client_reads_nothing(void **state)
{
    static const char request[] = "POST /echo/16000000 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n";
    const int small = 4096;
    struct oh_prng prng;
    (void)state;
    server_start(1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    socket_connect(fd, oh_server_port(server, 0));
    assert_int_equal(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), sizeof(request) - 1);
    oh_prng_init(&prng, 1);
    clients_play(&prng, oh_server_port(server, 0));
    (void)close(fd);
    server_stop();
}

/* A whole reply to a request for `size` bytes, which are compared. Returns how long it was with its head. */
static size_t ask(int fd, size_t size)
{
    struct client client = { .fd = fd, .read_max = 65536 };
    struct reader reader = { .head_size = 0 };
    char request[128];
    int request_size = snprintf(request, sizeof(request),
                                "POST /echo/%zu HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", size);
    size_t reply_size = 0;
    for (size_t at = 0; at < size; at++)
        put(&client.expected, &client.expected_size, &(char){ byte_of(size, at) }, 1);
    assert_int_equal(send(fd, request, (size_t)request_size, MSG_NOSIGNAL), request_size);
    while (client.got_size < size) {
        static char bytes[65536];
        struct pollfd wait = { .fd = fd, .events = POLLIN };
        if (poll(&wait, 1, STALL_MS) != 1)
            fail_msg("a reply of %zu bytes stops after %zu", size, client.got_size);
        ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
        assert_true(got > 0);
        reply_size += (size_t)got;
        reader_take(&reader, &client, bytes, (size_t)got);
    }
    free(client.expected);
    return reply_size;
}

/* OH_NETWORK_MAIL_SIZE_MAX bytes of replies fill what the loop may hand over; one more does not fit. */
static void test_network_threads_go_on_where_replies_just_fit(void **state)
{
    (void)state;
    server_start(1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socket_connect(fd, oh_server_port(server, 0));
    size_t head_size = ask(fd, 10000) - 10000;
    for (size_t size = OH_NETWORK_MAIL_SIZE_MAX - 1; size <= OH_NETWORK_MAIL_SIZE_MAX + 1; size++) {
        for (int i = 0; i < 3; i++)
            assert_int_equal(ask(fd, size - head_size), size);
    }
    (void)close(fd);
    server_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_network_threads_change_nothing_for_clients),
        cmocka_unit_test(test_network_threads_serve_others_while_a_client_reads_nothing),
        cmocka_unit_test(test_network_threads_go_on_where_replies_just_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
