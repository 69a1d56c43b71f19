/*
 * sourcing.h - the best plan for a basket: which node gives how much of which
 * line (docs/spec/promise.md, SO1, SO2).
 *
 * Knows nothing of dates, services and stock: what a candidate can give and
 * what a parcel of it is worth are asked through two functions. Parcels are
 * monotone: with more in it, no term of a parcel gets smaller, and one that
 * cannot be made does not become possible. That is what makes the search exact.
 */
#ifndef ONHAND_CORE_SOURCING_H
#define ONHAND_CORE_SOURCING_H

#include "onhand/timetable.h"

#define SOURCING_LINES_MAX 2048u
#define SOURCING_CANDIDATES_MAX 65535u
#define SOURCING_STEPS_MAX 1000000u
#define SOURCING_PAIR_LINES_MAX 8u /* of baskets of so many lines plans of two candidates are sought by themselves */

struct sourcing_terms { int64_t at[OH_TERM_COUNT]; };

/* A level of the objective; it stays at INT64_MAX. */
int64_t objective_level(const int32_t weights[OH_TERM_COUNT], const struct sourcing_terms *terms);
bool objective_is_less(const struct oh_objective *objective, const struct sourcing_terms *a,
                       const struct sourcing_terms *b);

/* One way to use a node. Two with the same `site` exclude each other: one node, waiting for different supplies. */
struct sourcing_candidate {
    uint32_t site;
    struct sourcing_terms least; /* no parcel of it has a smaller term, whatever is in it; none below 0, complete 0 */
};

struct sourcing_take { uint32_t line; int64_t quantity_milli; };

struct sourcing_problem {
    const int64_t *needs_milli; /* [line_count], each > 0 */
    uint32_t line_count;        /* 1..SOURCING_LINES_MAX */
    /*
     * [line_count], each < line_count: lines with the same number are a bundle and come whole from one node, or, where
     * partial is allowed, are left out together. A number that one line has alone, and NULL: each on its own.
     */
    const uint32_t *bundles;
    const struct sourcing_candidate *candidates;
    uint32_t candidate_count;   /* may be 0 */
    const uint64_t *may_have;   /* [candidate * words + line / 64]: false: it gives nothing of the line */
    uint32_t words;             /* (line_count + 63) / 64 */
    struct sourcing_terms whole; /* no parcel with every line has a smaller term, whose it may be */
    const struct oh_objective *objective;
    uint32_t parcels_max;       /* 1..OH_PARCELS_MAX: nodes of a plan */
    bool split_orders;          /* false: all lines from one node */
    bool split_lines;           /* false: each line from one node */
    bool allow_partial;         /* lines may be left out, or get all that their nodes have of them and still be short */
    uint32_t steps_max;         /* <= SOURCING_STEPS_MAX */
    /* How much of the line the candidate can give: 0..any. The same answer each time. */
    int64_t (*cap)(void *ctx, uint32_t candidate, uint32_t line);
    /*
     * What a parcel with these lines (bits) whole is at least, whose it may be; false: there is none. Asked where plans
     * of two are sought. NULL: nothing is known.
     */
    bool (*part)(void *ctx, uint32_t lines, struct sourcing_terms *out_least);
    /* The terms of a parcel of the candidate (`complete` is not looked at); false: it cannot be made. Takes ascend. */
    bool (*parcel)(void *ctx, uint32_t candidate, const struct sourcing_take *takes, uint32_t take_count,
                   struct sourcing_terms *out_terms);
    void *ctx;
};

struct sourcing_pick { uint32_t candidate; uint32_t line; int64_t quantity_milli; };

struct sourcing_plan {
    bool is_found;               /* a plan gives something: leaving out all is none */
    bool is_bounded;             /* the steps ended the search: the best found, maybe not the best there is */
    uint32_t step_count;
    struct sourcing_terms terms; /* of the whole plan: date the greatest, the others sums */
    const struct sourcing_pick *picks; /* by line; borrows from the scratch */
    uint32_t pick_count;
};

struct sourcing_scratch; /* memory of the search, made once */

/* Bytes of a scratch; 16-byte aligned memory of that size makes one. What is in it does not matter. */
size_t sourcing_scratch_size(void);
struct sourcing_scratch *sourcing_scratch_init(void *memory);

/*
 * sourcing_solve - the best plan, or none.
 *
 * Post:    the plan's level vector is the least of all feasible plans (SO1), unless is_bounded.
 *          Without allow_partial no plan and not is_bounded: there is none.
 * Cost:    when one candidate that is among the first by `least` can give everything: O(candidates + lines) and
 *          few calls; else a search that ends after steps_max. A step is a candidate opened, a parcel asked for
 *          (one more per 16 takes, as for caps per 16 lines), or a look over 64 candidates.
 * Source:  docs/spec/promise.md, SO1, SO2.
 */
void sourcing_solve(const struct sourcing_problem *problem, struct sourcing_scratch *scratch,
                    struct sourcing_plan *out_plan);

#endif
