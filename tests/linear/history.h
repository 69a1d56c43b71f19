/*
 * history.h - what the files of the checker share: the history as it was
 * told, and its parts as they are searched.
 *
 * A deed is an operation as a client means it: all requests of one key. Not
 * for callers of the checker; they see linear.h.
 */
#ifndef ONHAND_TESTS_LINEAR_HISTORY_H
#define ONHAND_TESTS_LINEAR_HISTORY_H

#include "linear/linear.h"
#include "linear/model.h"

struct lin_name {
    char text[LIN_NAME_SIZE];
};

struct lin_names {
    struct lin_name *list;
    uint32_t count, max;
};

struct lin_history {
    struct lin_options options;
    struct lin_op *ops;
    int64_t *crashes; /* in order of time once checked */
    struct lin_names items;
    struct lin_names windows;
    struct lin_names supplies;
    struct lin_name nodes[LIN_NODES_MAX];
    uint32_t op_count, op_max;
    uint32_t crash_count, crash_max;
    uint32_t node_count;
};

/* All requests of one key. Times are those of `op`: the first request, the first answer. */
struct lin_deed {
    struct lin_op op;      /* reservation, window and supply are numbered within its part */
    const uint32_t *tries; /* indices of the requests, in order of time */
    uint32_t try_count;
    uint32_t told;         /* index of the request whose answer counts, else of the first */
    uint64_t footprint;    /* a bit for each position and window it can touch, modulo 64 */
};

/* Items that requests join, and everything that was asked of them. */
struct lin_part {
    const struct lin_history *history;
    struct lin_shape shape;
    struct lin_deed *deeds;
    uint32_t deed_count;
    uint32_t reservation_count;
    const int64_t *kept_seqs; /* of lin_seq_kept() */
    int64_t clock_early_us;
    int64_t clock_late_us;
};

/* The key that a request belongs to, 0 for none: an answer that can be mended uses no key up. */
uint64_t lin_key_used(const struct lin_op *op);

/* ---- search.c ---- */

/* Good, or LIN_NO_ORDER with the deed that cannot be explained, or LIN_TOO_HARD. Adds to *states_max. */
enum lin_verdict lin_search(const struct lin_part *part, uint32_t *out_deed, uint64_t *states_max);

/* ---- reason.c ---- */

/* What would make a part without an order good; *out_cause is a deed, or UINT32_MAX. */
enum lin_verdict lin_reason(const struct lin_part *part, uint32_t deed, uint32_t *out_cause);

/* ---- seq.c ---- */

/* Whether the seqs of all operations fit real time; fills verdict, op and cause when they do not. */
void lin_seq_times(const struct lin_history *history, struct lin_result *result);

/* For each crash, the greatest seq of a write that was answered before it: up to there nothing died. */
void lin_seq_kept(const struct lin_history *history, int64_t *kept);

/* Replays a part in the order of seq. Good, or LIN_SEQ_ANSWER with the deed. */
enum lin_verdict lin_seq_replay(const struct lin_part *part, uint32_t *out_deed);

#endif
