/*
 * sourcing_state.h - what the files of the search share: the problem as it is
 * searched, the plan being tried, and the best plan so far.
 *
 * sourcing.c         what the first candidates prove; else the search
 * sourcing_pairs.c   two candidates, when there are few lines
 * sourcing_sites.c   which candidates: greedy first, then all sets of them, bounded
 * sourcing_assign.c  what each of a set gives: all ways, bounded
 * sourcing_plan.c    candidates opened, parcels, what a plan is worth, the best
 *
 * A unit is what is given from one node or not at all: a line, or the lines of a bundle.
 */
#ifndef ONHAND_CORE_SOURCING_STATE_H
#define ONHAND_CORE_SOURCING_STATE_H

#include "base/assert.h"
#include "base/checked.h"
#include "core/sourcing.h"
#include <string.h>

#define SLOTS_MAX        OH_PARCELS_MAX
#define LINE_WORDS_MAX   (SOURCING_LINES_MAX / 64)
#define CAPS_KEPT        131072u
#define CHOICES_MAX      (SOURCING_LINES_MAX * (SLOTS_MAX + 1))
#define BRANCHES_MAX     (SOURCING_LINES_MAX + SLOTS_MAX + 1)
#define TAKES_PER_STEP   16u  /* a step of a parcel is so many takes, of a look over candidates so many of these */
#define CANDIDATES_PER_STEP 64u
#define PAIR_CANDIDATES_MAX 2048u

struct levels { int64_t at[OH_LEVELS_MAX]; };

/* The terms of a level that count. */
struct level { uint32_t count; uint32_t terms[OH_TERM_COUNT]; int64_t weights[OH_TERM_COUNT]; };

/* A candidate of the plan being tried. */
struct slot {
    uint32_t candidate;
    uint32_t take_count;
    struct sourcing_terms terms;               /* of the parcel with these takes; without any: the least */
    int64_t caps[SOURCING_LINES_MAX];          /* at most what the line needs */
    struct sourcing_take takes[SOURCING_LINES_MAX]; /* by line */
};

/* One take of a unit, or that the rest of it is left out. */
struct choice {
    uint32_t unit;
    uint32_t option;      /* next to be tried: a slot, or slot_count: leave out what is left */
    uint32_t from;        /* those that give all they have ascend, so that no set of them comes twice */
    uint32_t givers;      /* bit of a slot: it gives to this line already */
    uint32_t slot;        /* what is tried: whose take, SLOTS_MAX: nothing or what is left is left out */
    int64_t left_milli;   /* before it */
    int64_t still_milli;  /* after it */
    int64_t left_out_milli; /* by it */
    struct sourcing_terms before; /* terms of the slot */
};

/* A set of candidates, and which one more is tried. */
struct branch {
    bool is_over;         /* no candidate of it can win any more */
    bool has_given_up;    /* its pivot, after all that may have it */
    bool opens;           /* it has one more candidate than the branch below it; else it gave a line up */
    uint32_t pivot;       /* the line that the next candidate must give to; OH_INDEX_NONE: to any */
    uint32_t next;        /* in ranked */
    uint32_t more;        /* at least so many more candidates are needed, when any is taken */
    uint32_t cover_max;   /* no candidate has more of the lines that are wanting */
    uint32_t shut_count;  /* candidates that it has shut */
    /* What may lead to a better plan than the best there was when this was made: */
    uint32_t limits_of;   /* found_count then */
    uint32_t end;         /* no candidate of the rank from there on */
    uint32_t rest_max;    /* none that leaves more lines wanting */
    struct sourcing_terms floor; /* no plan with this set has a smaller term */
    uint64_t wanting[LINE_WORDS_MAX]; /* lines that the set cannot give, and that are not given up */
};

/* A parcel of whole lines as it was told: the same two candidates share a basket in the same ways again and again. */
struct judged {
    uint64_t lines;
    uint32_t candidate;
    bool is_made;
    uint64_t stamp;      /* of the problem it is of; 0: none */
    struct sourcing_terms terms;
};
#define JUDGED_KEPT 4096u

/* What a candidate has of a basket of few lines, by bit: what it may have, until it is asked. */
struct pair_stock {
    uint8_t any;
    uint8_t whole;
    bool is_known;
    bool is_part; /* of a line that may be split it has some and not all */
};

/* A set of lines that one candidate gives whole. */
struct part {
    bool is_there;               /* some candidate may have it */
    struct sourcing_terms least; /* of a parcel with it, whose it may be */
    struct sourcing_terms floor; /* of any that may have it */
};

/* The basket as two parts, and what any plan of them is at least. */
struct parting { uint8_t first; uint8_t second; struct levels levels; };

struct sourcing_scratch {
    const struct sourcing_problem *problem;
    uint32_t step_count;
    bool is_cut;          /* the steps ended something */
    uint32_t parcels_max;
    uint32_t level_count;
    struct level levels[OH_LEVELS_MAX];
    /* Units, in the order of their first lines. */
    uint32_t unit_count;
    uint32_t unit_of_line[SOURCING_LINES_MAX];
    uint32_t unit_first[SOURCING_LINES_MAX + 1]; /* into unit_lines */
    uint32_t unit_lines[SOURCING_LINES_MAX];
    /* The plan being tried. */
    uint32_t slot_count;
    int64_t left_out_milli;
    struct slot slots[SLOTS_MAX];
    uint32_t free_unit_count; /* units with a choice, given the slots */
    uint32_t free_units[SOURCING_LINES_MAX];
    struct choice choices[CHOICES_MAX];
    /* The best so far. */
    bool is_found;
    uint32_t found_count; /* how often a better plan was found */
    struct levels best;
    struct sourcing_terms best_terms;
    uint32_t pick_count;
    struct sourcing_pick picks[SOURCING_LINES_MAX * SLOTS_MAX];
    /* Candidates that may be in a better plan, by the levels of their least terms. */
    uint32_t ranked_count;
    bool is_sorted;
    uint32_t ranked[SOURCING_CANDIDATES_MAX];
    uint32_t merged[SOURCING_CANDIDATES_MAX];
    struct levels least[SOURCING_CANDIDATES_MAX];
    uint16_t shut[SOURCING_CANDIDATES_MAX]; /* number of the branch that has done with the candidate; 0: none */
    uint64_t ranked_lines[SOURCING_CANDIDATES_MAX]; /* which lines each of `ranked` may have, when one word has them */
    uint32_t giver_counts[SOURCING_LINES_MAX];
    struct sourcing_terms floor; /* of any of them */
    uint32_t break_level;        /* up to it the bounds of a branch ascend with the rank; OH_LEVELS_MAX: they may not */
    struct branch branches[BRANCHES_MAX];
    struct judged judged[JUDGED_KEPT];
    uint64_t judged_stamp;
    /* Plans of two. */
    uint32_t pair_steps_max;
    struct pair_stock pair_stocks[PAIR_CANDIDATES_MAX]; /* of each of `ranked` */
    struct part parts[1u << SOURCING_PAIR_LINES_MAX];
    uint32_t parting_count;
    struct parting partings[1u << (SOURCING_PAIR_LINES_MAX - 1)];
    /* Caps as they were told: rows of line_count. */
    uint32_t cap_row_count;
    uint32_t cap_rows[CAPS_KEPT]; /* candidate + 1; 0: none */
    int64_t caps[CAPS_KEPT];
};

/* False, and remembered, when there are not so many steps left. */
static inline bool steps_take(struct sourcing_scratch *s, uint32_t count)
{
    if (count > s->problem->steps_max - s->step_count) {
        s->is_cut = true;
        return false;
    }
    s->step_count += count;
    return true;
}

static inline int64_t saturating_add(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static inline int64_t saturating_mul(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

/* One parcel more, or one more that costs so much at least. */
static inline void terms_add(struct sourcing_terms *terms, const struct sourcing_terms *more)
{
    for (uint32_t term = 0; term < OH_TERM_COUNT; term++)
        terms->at[term] = term == OH_TERM_DATE ? oh_max_i64(terms->at[term], more->at[term])
                                               : saturating_add(terms->at[term], more->at[term]);
}

static inline int64_t level_of(const struct level *level, const struct sourcing_terms *terms)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < level->count; i++)
        sum = saturating_add(sum, saturating_mul(level->weights[i], terms->at[level->terms[i]]));
    return sum;
}

static inline bool levels_are_less(const struct sourcing_scratch *s, const struct levels *a, const struct levels *b)
{
    for (uint32_t i = 0; i < s->level_count; i++) {
        if (a->at[i] != b->at[i])
            return a->at[i] < b->at[i];
    }
    return false;
}

/* Whether the terms are less than the levels: what is not cannot be better. */
static inline bool terms_are_below(const struct sourcing_scratch *s, const struct sourcing_terms *terms,
                                   const struct levels *levels)
{
    for (uint32_t i = 0; i < s->level_count; i++) {
        int64_t value = level_of(&s->levels[i], terms);
        if (value != levels->at[i])
            return value < levels->at[i];
    }
    return false;
}

static inline bool terms_may_win(const struct sourcing_scratch *s, const struct sourcing_terms *terms)
{
    return !s->is_found || terms_are_below(s, terms, &s->best);
}

static inline void levels_of(const struct sourcing_scratch *s, const struct sourcing_terms *terms,
                             struct levels *out_levels)
{
    for (uint32_t i = 0; i < s->level_count; i++)
        out_levels->at[i] = level_of(&s->levels[i], terms);
}

static inline const uint64_t *lines_of(const struct sourcing_problem *problem, uint32_t candidate)
{
    return &problem->may_have[(size_t)candidate * problem->words];
}

static inline bool may_have_line(const struct sourcing_problem *problem, uint32_t candidate, uint32_t line)
{
    return (lines_of(problem, candidate)[line / 64] >> (line % 64) & 1) != 0;
}

static inline bool unit_is_bundle(const struct sourcing_scratch *s, uint32_t unit)
{
    return s->unit_first[unit + 1] - s->unit_first[unit] > 1;
}

/* ---- sourcing_plan.c -------------------------------------------------------------------------- */

/* What the candidate can give of each line, at most what that needs. NULL: the steps are used up. */
const int64_t *plan_caps(struct sourcing_scratch *s, uint32_t candidate);
/* One more candidate, with nothing in it; its terms are made when it is judged. False: the steps are used up. */
bool plan_open(struct sourcing_scratch *s, uint32_t candidate);
bool plan_has_site(const struct sourcing_scratch *s, uint32_t site);
/* How much of the unit the slots can give together, as it would be given: none of a bundle, or all. */
int64_t plan_cap(const struct sourcing_scratch *s, uint32_t unit);
int64_t unit_needs(const struct sourcing_scratch *s, uint32_t unit);
bool slot_has_unit(const struct sourcing_scratch *s, const struct slot *slot, uint32_t unit);
void slot_put(struct slot *slot, uint32_t line, int64_t quantity_milli);
void slot_remove(struct slot *slot, uint32_t line);
/* Asks for the terms of the slot's takes. False: there is no such parcel, or the steps are used up. */
bool slot_judge(struct sourcing_scratch *s, struct slot *slot);
/* Terms of the plan. `with_empty`: what is still empty counts with its least. */
struct sourcing_terms plan_terms(const struct sourcing_scratch *s, bool with_empty);
/* The plan as it is becomes the best if it is better and gives anything. */
void plan_keep(struct sourcing_scratch *s);

/* ---- sourcing_assign.c ------------------------------------------------------------------------ */

/* Tries the ways in which the slots give the units, the first `plans_max` feasible ones. */
void assign_search(struct sourcing_scratch *s, uint32_t plans_max);
/* Moves units of the plan being tried from slot to slot while that makes it better. */
void assign_improve(struct sourcing_scratch *s);

/* ---- sourcing_pairs.c ------------------------------------------------------------------------- */

/* The best of the plans of two candidates with everything. False: it was not looked for, or not to the end. */
bool pairs_search(struct sourcing_scratch *s);

/* ---- sourcing_sites.c ------------------------------------------------------------------------- */

/* Those that may be in a plan better than the best, unsorted. False: the steps are used up. */
bool rank_collect(struct sourcing_scratch *s);
/* Sorts `ranked` by the levels of `least`. */
void rank_sort(struct sourcing_scratch *s);
/* A plan to beat, before the candidates are sorted. False: the steps are used up. */
bool sites_greedy(struct sourcing_scratch *s);
void sites_search(struct sourcing_scratch *s);

#endif
