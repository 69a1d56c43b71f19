/*
 * bench_requests.h - the bytes that a benchmark sends. Any thread: pure.
 */
#ifndef ONHAND_APP_BENCH_REQUESTS_H
#define ONHAND_APP_BENCH_REQUESTS_H

#include "app/bench_targets.h"
#include "app/client.h"
#include "base/prng.h"
#include "base/strbuf.h"
#include <stdint.h>

#define OH_BENCH_BATCH_MAX 1000u

/* X(name, number, text) */
#define OH_BENCH_OPS(X)                               \
    X(OH_BENCH_AVAILABLE, 0, "available")             \
    X(OH_BENCH_AVAILABLE_GROUP, 1, "available_group") \
    X(OH_BENCH_RESERVE, 2, "reserve")                 \
    X(OH_BENCH_RELEASE, 3, "release")                 \
    X(OH_BENCH_RESERVE_BATCH, 4, "reserve_batch")     \
    X(OH_BENCH_PROMISE, 5, "promise")                 \
    X(OH_BENCH_AVAILABILITY_BATCH, 6, "availability_batch")

enum oh_bench_op {
#define OH_BENCH_OP_ENUM(name, number, text) name = (number),
    OH_BENCH_OPS(OH_BENCH_OP_ENUM)
#undef OH_BENCH_OP_ENUM
};
#define OH_BENCH_OP_COUNT 7

/* What all requests of a run share. Texts are borrowed, and hold no byte that JSON or a URL must escape. */
struct oh_bench_form {
    const struct oh_url *url;
    const struct oh_bench_targets *targets;
    const char *channel;
    const char *group; /* NULL: availability_group asks for the channel */
    const char *kind;
    uint64_t ttl_seconds;
    uint32_t batch_count; /* reservations, or items, of a batch */
    uint32_t batch_nodes; /* nodes of a batch of availability; fewer if there are not so many */
    uint32_t line_count;  /* of a reservation, 1 at least */
    uint64_t run; /* makes the ids of this run its own */
};

/* Percent-encodes all but unreserved characters. */
void oh_bench_put_escaped(struct oh_strbuf *out, struct oh_bytes text);

/*
 * oh_bench_put_request - append one whole request.
 *
 * Shapes: id numbers the reservation: the one to make, to release, or the first of a batch.
 * Errors: none; the buffer says when it overflowed.
 */
void oh_bench_put_request(const struct oh_bench_form *form, enum oh_bench_op op, uint64_t id,
                          struct oh_prng *prng, struct oh_strbuf *out);

const char *oh_bench_op_text(enum oh_bench_op op);

#endif
