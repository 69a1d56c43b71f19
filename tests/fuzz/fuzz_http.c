/*
 * fuzz_http.c - the bytes of one connection, over the toy routes of fake_net.h.
 *
 * Input: one byte that says how to cut the rest, then what the client sends.
 * Laws: the answer does not depend on how the bytes are cut; every connection ends, and is counted once; the
 * chunk decoder gives the same body for any cut.
 */
#include "base/assert.h"
#include "fuzz/fuzz.h"
#include "server/http_chunk.h"
#include "support/fake_net.h"
#include <stdlib.h>
#include <string.h>

#define STREAM_SIZE_MAX 16384u
#define CHUNK_ROUNDS    (4 * STREAM_SIZE_MAX)
#define DRAIN_US        INT64_C(100000000)

/* What the client has received when it has sent everything and ended its side. The caller frees. */
static char *answer_to(const char *bytes, size_t size, size_t step)
{
    static struct fake_net net;
    fake_net_init(&net, NULL);
    net.is_durable_at_once = true;
    struct fake_peer *peer = fake_net_connect(&net);
    for (size_t at = 0; at < size; at += step) {
        fake_peer_send_bytes(peer, bytes + at, step < size - at ? step : size - at);
        fake_net_turn(&net);
    }
    fake_net_settle(&net);
    fake_peer_end(peer);
    fake_net_settle(&net);
    if (net.later != NULL)
        fake_net_reply_later(&net);
    oh_engine_drain(net.engine);
    fake_net_pass(&net, DRAIN_US);
    OH_ASSERT(peer->is_closed);
    OH_ASSERT(oh_engine_connection_count(net.engine) == 0);
    char *text = strdup(fake_peer_text(peer));
    OH_ASSERT(text != NULL);
    fake_net_fini(&net);
    return text;
}

/* An invitation to send the body comes only when the body has not come along. */
static bool is_invited(const char *text)
{
    return strstr(text, "100 Continue") != NULL;
}

/* Routes whose replies a test has to continue by hand. */
static bool is_endless(const char *bytes, size_t size)
{
    return memmem(bytes, size, "/feed", 5) != NULL || memmem(bytes, size, "later", 5) != NULL ||
           memmem(bytes, size, "large", 5) != NULL || memmem(bytes, size, "metrics", 7) != NULL;
}

struct chunked {
    enum oh_chunk_event end; /* MORE, END or BAD */
    size_t used;
    size_t size;
    uint32_t hash;
};

static struct chunked chunks_read(const char *bytes, size_t size, size_t step)
{
    struct oh_chunk_decoder decoder;
    struct chunked result = { .end = OH_CHUNK_MORE, .hash = FAKE_HASH_START };
    oh_chunk_init(&decoder);
    for (uint32_t round = 0; result.used < size; round++) {
        OH_ASSERT(round < CHUNK_ROUNDS);
        size_t left = size - result.used;
        size_t used = 0;
        struct oh_bytes data = OH_BYTES_NONE;
        result.end = oh_chunk_next(&decoder, bytes + result.used, left < step ? left : step, &used, &data);
        OH_ASSERT(used <= left);
        result.used += used;
        if (result.end == OH_CHUNK_END || result.end == OH_CHUNK_BAD)
            return result;
        if (result.end == OH_CHUNK_DATA) {
            OH_ASSERT(data.size > 0 && data.data >= bytes && data.data + data.size <= bytes + size);
            result.hash = fake_hash(result.hash, data.data, data.size);
            result.size += data.size;
        }
        result.end = OH_CHUNK_MORE;
    }
    return result;
}

static void chunks_check(const char *bytes, size_t size, size_t step)
{
    struct chunked whole = chunks_read(bytes, size, size);
    struct chunked cut = chunks_read(bytes, size, step);
    OH_ASSERT(whole.end == cut.end);
    OH_ASSERT(whole.size == cut.size && whole.hash == cut.hash);
    OH_ASSERT(whole.end != OH_CHUNK_END || whole.used == cut.used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > STREAM_SIZE_MAX)
        return 0;
    size_t step = 1 + data[0] % 64;
    const char *bytes = (const char *)data + 1;
    chunks_check(bytes, size - 1, step);
    if (is_endless(bytes, size - 1))
        return 0;
    char *whole = answer_to(bytes, size - 1, size - 1);
    char *cut = answer_to(bytes, size - 1, step);
    OH_ASSERT(is_invited(whole) || is_invited(cut) || strcmp(whole, cut) == 0);
    free(whole);
    free(cut);
    return 0;
}
