/*
 * test_http_random.c - random and damaged traffic against the connection code.
 *
 * Two laws. What a client is answered does not depend on how its bytes were cut into pieces, nor on how slowly
 * it read. And whatever comes, in whatever order bytes, time, durability and ends of connections happen: nothing
 * asserts, a reply never leaves before its record is durable, and in the end every connection is closed and
 * counted once.
 * One seed repeats one run: ONHAND_SEED.
 */
#include "base/prng.h"
#include "server/connection.h"
#include "support/fake_net.h"
#include "support/test.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS          15000
#define STREAM_SIZE_MAX 60000
#define CLIENTS         6

static const char *const pieces[] = {
    "GET /v1/items/a HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /v1/items/a%20b?x=%41 HTTP/1.1\r\nHost: h\r\nX-Request-Id: 7\r\n\r\n",
    "HEAD /v1/items/a HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /v1/none HTTP/1.1\r\nHost: h\r\n\r\n",
    "DELETE /v1/items/a HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /v1/large/70000 HTTP/1.1\r\nHost: h\r\n\r\n",
    "POST /v1/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
    "POST /v1/echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    "POST /v1/write HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
    "POST /v1/write HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",
    "POST /v1/import HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123456789",
    "POST /v1/import HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    "4\r\n0123\r\n1;e\r\n4\r\n0\r\nT: t\r\n\r\n",
    "\r\n",
};

/* Rarer: they end the connection, or hold it up. */
static const char *const odd_pieces[] = {
    "GET /v1/items/a HTTP/1.0\r\n\r\n",
    "GET /v1/items/a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    "POST /v1/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /v1/echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "POST /v1/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n",
    "POST /v1/import HTTP/1.1\r\nHost: h\r\nIdempotency-Key: k\r\nContent-Length: 3\r\n\r\nabc",
    "POST /v1/none HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
    "GET / HTTP/1.1\nHost: h\n\n",
    "nonsense",
};

static uint64_t seed_of_run(void)
{
    const char *text = getenv("ONHAND_SEED");
    return text == NULL ? 1 : strtoull(text, NULL, 10);
}

/* A few requests one behind the other; sometimes an odd one, sometimes a damaged byte. */
static size_t traffic_make(struct oh_prng *prng, char *bytes, bool may_be_odd)
{
    size_t size = 0;
    uint64_t count = 1 + oh_prng_below(prng, 12);
    for (uint64_t i = 0; i < count; i++) {
        bool is_odd = may_be_odd && oh_prng_below(prng, 8) == 0;
        const char *piece = is_odd
                                ? odd_pieces[oh_prng_below(prng, sizeof(odd_pieces) / sizeof(odd_pieces[0]))]
                                : pieces[oh_prng_below(prng, sizeof(pieces) / sizeof(pieces[0]))];
        memcpy(bytes + size, piece, strlen(piece));
        size += strlen(piece);
    }
    while (may_be_odd && oh_prng_below(prng, 3) == 0)
        bytes[oh_prng_below(prng, size)] = (char)oh_prng_below(prng, 256);
    return size;
}

/* ------------------------------------------------------------------------------------------ cut into any pieces */

/* What comes back when the bytes come in random pieces and are read in random pieces. The caller frees. */
static char *answer_to(struct oh_prng *prng, const char *bytes, size_t size, bool is_cut)
{
    static struct fake_net net;
    fake_net_init(&net, NULL);
    net.is_durable_at_once = true;
    struct fake_peer *peer = fake_net_connect(&net);
    if (is_cut)
        fake_peer_take(peer, 0);
    for (size_t at = 0; at < size;) {
        size_t step = is_cut ? 1 + oh_prng_below(prng, oh_prng_below(prng, 2) == 0 ? 4 : 400) : size;
        step = step < size - at ? step : size - at;
        fake_peer_send_bytes(peer, bytes + at, step);
        at += step;
        if (is_cut && oh_prng_below(prng, 3) == 0)
            fake_peer_take(peer, oh_prng_below(prng, 100000));
        fake_net_turn(&net);
    }
    fake_peer_take(peer, SIZE_MAX);
    fake_net_settle(&net);
    fake_peer_end(peer);
    fake_net_settle(&net);
    assert_true(peer->is_closed);
    char *text = strdup(fake_peer_text(peer));
    assert_non_null(text);
    fake_net_fini(&net);
    return text;
}

static void test_http_random_answers_do_not_depend_on_how_bytes_are_cut(void **state)
{
    static char bytes[STREAM_SIZE_MAX];
    struct oh_prng prng;
    (void)state;
    oh_prng_init(&prng, seed_of_run());
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t size = traffic_make(&prng, bytes, round % 2 == 1);
        char *whole = answer_to(&prng, bytes, size, false);
        char *cut = answer_to(&prng, bytes, size, true);
        /* Invited only when the body has not come along. */
        if (strstr(whole, "100 Continue") == NULL && strstr(cut, "100 Continue") == NULL &&
            strcmp(whole, cut) != 0)
            fail_msg("seed %llu, round %u:\n%.*s\n---\n%s\n---\n%s", (unsigned long long)seed_of_run(), round,
                     (int)size, bytes, whole, cut);
        free(whole);
        free(cut);
    }
}

/* ---------------------------------------------------------------------------------------------- anything at all */

/* No {"seq":N} may have left with N above what is durable. */
static void assert_nothing_early(const struct fake_net *net, struct fake_peer *peer)
{
    const char *at = fake_peer_text(peer);
    while ((at = strstr(at, "{\"seq\":")) != NULL) {
        at += 7;
        assert_true(strtoull(at, NULL, 10) <= net->durable_seq);
    }
}

static void client_act(struct oh_prng *prng, struct fake_net *net, struct fake_peer *peer)
{
    static char bytes[STREAM_SIZE_MAX];
    switch (oh_prng_below(prng, 12)) {
    case 0:
        fake_peer_take(peer, oh_prng_below(prng, 3) == 0 ? SIZE_MAX : oh_prng_below(prng, 5000));
        break;
    case 1:
        if (oh_prng_below(prng, 6) == 0)
            fake_peer_end(peer);
        break;
    case 2:
        if (oh_prng_below(prng, 20) == 0) {
            peer->recv_error = ECONNRESET;
            fake_peer_end(peer);
        }
        break;
    case 3:
        fake_peer_send(peer, "GET /v1/later HTTP/1.1\r\nHost: h\r\n\r\n");
        break;
    default: {
        size_t size = traffic_make(prng, bytes, true);
        size_t from = oh_prng_below(prng, 4) == 0 ? oh_prng_below(prng, size) : 0;
        if (!peer->is_sent_ended)
            fake_peer_send_bytes(peer, bytes + from, 1 + oh_prng_below(prng, size - from));
    }
    }
    assert_nothing_early(net, peer);
}

static void world_act(struct oh_prng *prng, struct fake_net *net)
{
    switch (oh_prng_below(prng, 8)) {
    case 0:
        net->now_us += (int64_t)oh_prng_below(prng, oh_prng_below(prng, 10) == 0 ? 80000000 : 2000000);
        break;
    case 1:
    case 2:
        net->durable_seq += oh_prng_below(prng, net->applied_seq - net->durable_seq + 1);
        break;
    case 3:
        if (net->later != NULL)
            fake_net_reply_later(net);
        break;
    case 4:
        net->import_pause_at = oh_prng_below(prng, 2) * 4;
        if (net->import != NULL)
            oh_exchange_resume(net->import);
        break;
    default:
        break;
    }
}

static void test_http_random_traffic_ends_with_every_connection_counted(void **state)
{
    static struct fake_net net;
    struct oh_prng prng;
    (void)state;
    oh_prng_init(&prng, seed_of_run());
    for (unsigned round = 0; round < ROUNDS / 10; round++) {
        struct oh_limits limits = oh_limits_default();
        limits.pipeline_max = 1 + (uint32_t)oh_prng_below(&prng, 4);
        limits.output_soft_size = 4096;
        fake_net_init(&net, &limits);
        for (unsigned i = 0; i < CLIENTS; i++)
            (void)fake_net_connect(&net);
        uint64_t steps = 20 + oh_prng_below(&prng, 200);
        for (uint64_t i = 0; i < steps; i++) {
            client_act(&prng, &net, &net.peers[oh_prng_below(&prng, CLIENTS)]);
            world_act(&prng, &net);
            fake_net_turn(&net);
        }
        if (oh_prng_below(&prng, 2) == 0)
            oh_engine_drain(net.engine);
        net.durable_seq = net.applied_seq;
        net.is_durable_at_once = true;
        for (unsigned i = 0; i < CLIENTS; i++)
            fake_peer_take(&net.peers[i], SIZE_MAX);
        fake_net_settle(&net);
        oh_engine_drain(net.engine);
        fake_net_pass(&net, 100000000);
        fake_net_pass(&net, 100000000);
        struct oh_metrics *metrics = oh_engine_metrics(net.engine);
        uint64_t ended = 0;
        for (size_t i = 0; i < OH_CLOSE_REASON_COUNT; i++)
            ended += metrics->connections_closed_total[i];
        assert_int_equal(ended, CLIENTS);
        assert_int_equal(metrics->replies_waiting, 0);
        for (size_t i = 0; i < OH_CONNECTION_STATE_COUNT; i++)
            assert_int_equal(metrics->connections[i], 0);
        assert_true(oh_engine_is_drained(net.engine));
        fake_net_fini(&net);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_random_answers_do_not_depend_on_how_bytes_are_cut),
        cmocka_unit_test(test_http_random_traffic_ends_with_every_connection_counted),
    };
    printf("seed %llu (ONHAND_SEED)\n", (unsigned long long)seed_of_run());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
