/*
 * model.h - the sequential ledger that a history is held against.
 *
 * As naive as can be: a list of claims, and sums over it. Not fast, not
 * durable, no thread of its own. It knows what linear.h lists and nothing
 * else: no rules, fences, groups, policies but "as listed"; of a promise only
 * that one node has to have all of it, the first one that does, and that its
 * window has a place left.
 */
#ifndef ONHAND_TESTS_LINEAR_MODEL_H
#define ONHAND_TESTS_LINEAR_MODEL_H

#include "linear/linear.h"

/* What became of parts of a claim. */
#define LIN_PART_FULFILLED 1u
#define LIN_PART_EXPIRED   2u
#define LIN_PART_RELEASED  4u

struct lin_position {
    int64_t sellable;
    int64_t counted;       /* the latest count; sellable is this and all movements ever */
    int64_t counted_as_of; /* LIN_UNSAID: never counted */
};

/* Places of capacity that promises share. */
struct lin_window {
    int64_t limit;
    int64_t worked; /* places of what was fulfilled: the work was done, so they do not come back */
};

struct lin_coming {
    int64_t quantity; /* 0: nothing */
    int64_t eta;
    uint64_t position;
};

struct lin_held {
    uint64_t reservation;
    uint32_t line;
    uint32_t position;
    int64_t held;
    int64_t confirmed;
    int64_t expires_from_us; /* it may have expired from here on */
    int64_t expires_to_us;   /* it has from here on; the same, when the answer said when */
    uint64_t past;
    uint64_t place; /* 1 + the window that this claim has a place in, 0: none */
};

/* Compared as bytes: no padding. Positions, windows, supplies, then claims, follow. */
struct lin_state {
    int64_t now_us; /* of the latest operation, by the server's clock */
    uint64_t claim_count;
};

/* The shape of the states of one part. */
struct lin_shape {
    uint32_t position_count;
    uint32_t node_count;
    uint32_t window_count;
    uint32_t supply_count;
    uint32_t claims_max;
    const uint32_t *position_of; /* [item * LIN_NODES_MAX + node] */
};

size_t lin_state_size(const struct lin_shape *shape, const struct lin_state *state);
size_t lin_state_size_max(const struct lin_shape *shape);
void lin_state_init(const struct lin_shape *shape, struct lin_state *state);
struct lin_position *lin_state_positions(struct lin_state *state);
struct lin_held *lin_state_claims(const struct lin_shape *shape, struct lin_state *state);

/* When an operation can take effect, by the server's clock, and whether its answer must be as recorded. */
struct lin_moment {
    int64_t from_us;
    int64_t to_us;
    bool is_judged;
};

/*
 * lin_model_apply - do it, in this state.
 *
 * Returns: false when the recorded answer is not what this state gives (judged only), or when the time does not
 *          fit. The state is then undefined.
 * Post:    holds that are certainly over at the time have ended; those that may be over have not.
 */
bool lin_model_apply(const struct lin_shape *shape, struct lin_state *state, const struct lin_op *op,
                     const struct lin_moment *moment);

/* The server's time of an operation as its answer tells it, or LIN_UNSAID. */
int64_t lin_model_time_told(const struct lin_op *op);

/* Whether this hold may be over by a time, and is not yet. */
bool lin_model_may_expire(const struct lin_held *claim, int64_t by_us);

/* Ends the hold of a reservation, at the first moment at which it may end. */
void lin_model_expire(const struct lin_shape *shape, struct lin_state *state, uint64_t reservation);

bool lin_kind_is_read(enum lin_kind kind);

/* Whether its lines name items, and whether it names a reservation. */
bool lin_kind_has_items(enum lin_kind kind);
bool lin_kind_has_reservation(enum lin_kind kind);

#endif
