/*
 * test_sourcing.c - the search for a plan against every plan there is.
 *
 * Each basket is a small random problem: parcels that cost by steps of weight,
 * come later for what is in them, cannot be made over a weight or of two lines
 * together. The naive side knows SO1 and nothing of bounds: it lists the ways
 * of each unit and tries all combinations; of many lines most are to be had
 * from one candidate, so that it can. One seed repeats one run:
 * ONHAND_SEED; ONHAND_BASKETS is how many.
 */
#include "base/prng.h"
#include "core/sourcing.h"
#include "support/test.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES      20u
#define LINES_FEW  4u     /* of most baskets */
#define CANDIDATES 6u
#define WAYS       400u
#define PLANS_MAX  60000u /* combinations of a basket; with more it is drawn anew */
#define STEPS      4u     /* of a cost by weight */

static struct sourcing_scratch *scratch;
static uint64_t run_seed;
static uint32_t run_baskets;

/* What a parcel of the candidate is worth. */
struct maker {
    struct sourcing_terms base;
    int64_t weight_from[STEPS]; /* from there on it costs more */
    int64_t cost_more[STEPS];
    int64_t date_more[LINES];   /* with the line in it */
    int64_t balance[LINES];
    int64_t last_unit;          /* for all that it has of a line */
    int64_t box_weight;
    int64_t weight_max;
    bool refuses_pair;
};

struct basket {
    int64_t needs[LINES];
    int64_t weights[LINES];
    uint32_t bundles[LINES];
    uint32_t pair[2]; /* lines apart */
    int64_t caps[CANDIDATES][LINES];
    struct maker makers[CANDIDATES];
    struct sourcing_candidate candidates[CANDIDATES];
    uint64_t may_have[CANDIDATES];
    struct oh_objective objective;
    struct sourcing_problem problem;
    /* Of few lines: a parcel with these whole is possible somewhere, and is at least. */
    bool has_part[1u << SOURCING_PAIR_LINES_MAX];
    struct sourcing_terms parts[1u << SOURCING_PAIR_LINES_MAX];
};

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

/* ---- What the search asks --------------------------------------------------------------------- */

static int64_t basket_cap(void *ctx, uint32_t candidate, uint32_t line)
{
    const struct basket *basket = ctx;
    return basket->caps[candidate][line];
}

static bool basket_parcel(void *ctx, uint32_t candidate, const struct sourcing_take *takes, uint32_t take_count,
                          struct sourcing_terms *out_terms)
{
    const struct basket *basket = ctx;
    const struct maker *maker = &basket->makers[candidate];
    struct sourcing_terms terms = maker->base;
    int64_t weight = 0;
    int64_t date_more = 0;
    uint32_t of_pair = 0;
    for (uint32_t i = 0; i < take_count; i++) {
        uint32_t line = takes[i].line;
        assert_true(i == 0 || takes[i - 1].line < line);
        assert_true(takes[i].quantity_milli > 0 && takes[i].quantity_milli <= basket->caps[candidate][line]);
        weight += takes[i].quantity_milli * basket->weights[line];
        date_more = maker->date_more[line] > date_more ? maker->date_more[line] : date_more;
        terms.at[OH_TERM_BALANCE] += maker->balance[line];
        terms.at[OH_TERM_BALANCE] += takes[i].quantity_milli == basket->caps[candidate][line] ? maker->last_unit : 0;
        of_pair += line == basket->pair[0] || line == basket->pair[1];
    }
    for (uint32_t i = 0; i < STEPS; i++)
        terms.at[OH_TERM_COST] += weight >= maker->weight_from[i] ? maker->cost_more[i] : 0;
    terms.at[OH_TERM_DATE] += date_more;
    terms.at[OH_TERM_PARCELS] += weight / maker->box_weight;
    terms.at[OH_TERM_COMPLETE] = 77; /* is not looked at */
    *out_terms = terms;
    return weight <= maker->weight_max && !(maker->refuses_pair && of_pair == 2);
}

/* ---- Drawing ---------------------------------------------------------------------------------- */

static bool coin(struct oh_prng *prng, uint32_t one_in)
{
    return oh_prng_below(prng, one_in) == 0;
}

static void maker_draw(struct oh_prng *prng, struct maker *maker)
{
    maker->base = (struct sourcing_terms){ { 0, 1, oh_prng_between(prng, 0, 5), oh_prng_between(prng, 0, 9),
                                             oh_prng_between(prng, 0, 4), oh_prng_between(prng, 0, 2), 0 } };
    for (uint32_t i = 0; i < STEPS; i++) {
        maker->weight_from[i] = oh_prng_between(prng, 1, 30);
        maker->cost_more[i] = coin(prng, 3) ? oh_prng_between(prng, 0, 20) : oh_prng_between(prng, 0, 3);
    }
    for (uint32_t line = 0; line < LINES_FEW; line++) {
        maker->date_more[line] = coin(prng, 3) ? oh_prng_between(prng, 0, 4) : 0;
        maker->balance[line] = coin(prng, 3) ? oh_prng_between(prng, 0, 3) : 0;
    }
    maker->last_unit = coin(prng, 3) ? oh_prng_between(prng, 0, 5) : 0;
    maker->box_weight = coin(prng, 2) ? 1000 : oh_prng_between(prng, 3, 30);
    maker->weight_max = coin(prng, 3) ? oh_prng_between(prng, 1, 25) : 1000;
    maker->refuses_pair = coin(prng, 4);
}

static void objective_draw(struct oh_prng *prng, struct oh_objective *objective)
{
    bool has_weights = coin(prng, 3);
    memset(objective, 0, sizeof(*objective));
    objective->level_count = coin(prng, 30) ? 0 : 1 + (uint32_t)oh_prng_below(prng, OH_LEVELS_MAX);
    for (uint32_t i = 0; i < objective->level_count; i++) {
        objective->weights[i][oh_prng_below(prng, OH_TERM_COUNT)] = 1;
        for (uint32_t term = 0; has_weights && term < OH_TERM_COUNT; term++) {
            if (coin(prng, 3))
                objective->weights[i][term] = coin(prng, 20) ? OH_WEIGHT_MAX : (int32_t)oh_prng_between(prng, 0, 9);
        }
    }
    if (coin(prng, 3)) /* as most have it */
        *objective = (struct oh_objective){ 3, { { 1 }, { 0, 1 }, { 0, 0, 1 } } };
}

static void lines_draw(struct oh_prng *prng, struct basket *basket, uint32_t line_count)
{
    for (uint32_t line = 0; line < line_count; line++) {
        basket->needs[line] = oh_prng_between(prng, 1, 6);
        basket->weights[line] = oh_prng_between(prng, 0, 4);
        basket->bundles[line] = coin(prng, 3) ? (uint32_t)oh_prng_below(prng, line_count) : line;
    }
    basket->pair[0] = (uint32_t)oh_prng_below(prng, LINES_FEW);
    basket->pair[1] = (uint32_t)oh_prng_below(prng, LINES_FEW);
}

static void candidate_draw(struct oh_prng *prng, struct basket *basket, uint32_t i, uint32_t line_count,
                           bool is_scarce)
{
    struct sourcing_candidate *candidate = &basket->candidates[i];
    maker_draw(prng, &basket->makers[i]);
    candidate->site = coin(prng, 4) ? (uint32_t)oh_prng_below(prng, CANDIDATES) : i;
    candidate->least = basket->makers[i].base;
    for (uint32_t term = 1; term < OH_TERM_COUNT; term++) {
        if (coin(prng, 6))
            candidate->least.at[term] = oh_prng_between(prng, 0, candidate->least.at[term]);
    }
    basket->may_have[i] = 0;
    for (uint32_t line = 0; line < line_count; line++) {
        int64_t cap = coin(prng, is_scarce ? 2 : 4) ? 0 : oh_prng_between(prng, 0, is_scarce ? 5 : 12);
        basket->caps[i][line] = cap;
        if (cap > 0 || coin(prng, 5))
            basket->may_have[i] |= UINT64_C(1) << line;
    }
}

static void basket_draw(struct oh_prng *prng, struct basket *basket, uint32_t line_count)
{
    uint32_t candidate_count = (uint32_t)oh_prng_below(prng, CANDIDATES + 1);
    bool is_scarce = coin(prng, 2);
    memset(basket, 0, sizeof(*basket));
    lines_draw(prng, basket, line_count);
    for (uint32_t i = 0; i < candidate_count; i++)
        candidate_draw(prng, basket, i, line_count, is_scarce);
    objective_draw(prng, &basket->objective);
    basket->problem = (struct sourcing_problem){
        .needs_milli = basket->needs,
        .line_count = line_count,
        .bundles = coin(prng, 2) ? basket->bundles : NULL,
        .candidates = basket->candidates,
        .candidate_count = candidate_count,
        .may_have = basket->may_have,
        .words = 1,
        .objective = &basket->objective,
        .parcels_max = 1 + (uint32_t)oh_prng_below(prng, coin(prng, 2) ? 3 : OH_PARCELS_MAX),
        .split_orders = !coin(prng, 6),
        .split_lines = !coin(prng, 3),
        .allow_partial = coin(prng, 3),
        .steps_max = SOURCING_STEPS_MAX,
        .cap = basket_cap,
        .parcel = basket_parcel,
        .ctx = basket,
    };
}

/* Of a candidate with these lines, whether it has that much or not. False: it makes no such parcel. */
static bool maker_part(const struct basket *basket, const struct maker *maker, uint32_t lines,
                       struct sourcing_terms *out_terms)
{
    struct sourcing_terms terms = maker->base;
    int64_t weight = 0;
    int64_t date_more = 0;
    uint32_t of_pair = 0;
    for (uint32_t line = 0; line < basket->problem.line_count; line++) {
        if ((lines >> line & 1) == 0)
            continue;
        of_pair += line == basket->pair[0] || line == basket->pair[1];
        weight += basket->needs[line] * basket->weights[line];
        date_more = maker->date_more[line] > date_more ? maker->date_more[line] : date_more;
        terms.at[OH_TERM_BALANCE] += maker->balance[line];
    }
    for (uint32_t i = 0; i < STEPS; i++)
        terms.at[OH_TERM_COST] += weight >= maker->weight_from[i] ? maker->cost_more[i] : 0;
    terms.at[OH_TERM_DATE] += date_more;
    terms.at[OH_TERM_PARCELS] += weight / maker->box_weight;
    terms.at[OH_TERM_COMPLETE] = 0;
    *out_terms = terms;
    return weight <= maker->weight_max && !(maker->refuses_pair && of_pair == 2);
}

/* Of any candidate, with these lines, at least. False: none makes such a parcel. */
static bool part_least(const struct basket *basket, uint32_t lines, struct sourcing_terms *out_terms)
{
    bool is_possible = false;
    *out_terms = (struct sourcing_terms){ { 0 } };
    for (uint32_t i = 0; i < basket->problem.candidate_count; i++) {
        struct sourcing_terms terms;
        is_possible = maker_part(basket, &basket->makers[i], lines, &terms) || is_possible;
        for (uint32_t term = 0; term < OH_TERM_COUNT; term++)
            out_terms->at[term] =
                i == 0 || terms.at[term] < out_terms->at[term] ? terms.at[term] : out_terms->at[term];
    }
    return is_possible;
}

static bool basket_part(void *ctx, uint32_t lines, struct sourcing_terms *out_least)
{
    const struct basket *basket = ctx;
    assert_true(basket->problem.line_count <= SOURCING_PAIR_LINES_MAX);
    *out_least = basket->parts[lines];
    return basket->has_part[lines];
}

/*
 * More lines: of each one candidate has as much as is needed, mostly, and of the others few have any, so that every
 * plan can be tried. Few lines weigh anything or come later, so that it matters which ones travel together.
 */
static void basket_draw_long(struct oh_prng *prng, struct basket *basket)
{
    uint32_t line_count = LINES_FEW + 1 + (uint32_t)oh_prng_below(prng, LINES - LINES_FEW);
    basket_draw(prng, basket, line_count);
    for (uint32_t k = 0; k < 2; k++)
        basket->pair[k] = (uint32_t)oh_prng_below(prng, line_count);
    uint32_t givers[LINES]; /* of each bundle */
    for (uint32_t line = 0; line < line_count; line++)
        givers[line] = (uint32_t)oh_prng_below(prng, CANDIDATES);
    for (uint32_t line = 0; line < line_count; line++) {
        uint32_t giver = givers[basket->bundles[line]];
        basket->weights[line] = coin(prng, 4) ? basket->weights[line] : 0;
        for (uint32_t i = 0; i < basket->problem.candidate_count; i++) {
            struct maker *maker = &basket->makers[i];
            maker->date_more[line] = coin(prng, 8) ? oh_prng_between(prng, 0, 4) : 0;
            maker->balance[line] = coin(prng, 4) ? oh_prng_between(prng, 0, 3) : 0;
            if (i == giver % basket->problem.candidate_count && !coin(prng, 50))
                basket->caps[i][line] = basket->needs[line] + oh_prng_between(prng, 0, 2);
            else if (!coin(prng, 4))
                basket->caps[i][line] = 0;
            if (basket->caps[i][line] > 0)
                basket->may_have[i] |= UINT64_C(1) << line;
        }
    }
}

/* In half of the baskets the search is told as much as can be said of all: of everything, and of parts. */
static void whole_draw(struct oh_prng *prng, struct basket *basket)
{
    struct sourcing_problem *problem = &basket->problem;
    bool has_parts = problem->line_count <= SOURCING_PAIR_LINES_MAX;
    for (uint32_t lines = 1; has_parts && lines < 1u << problem->line_count; lines++)
        basket->has_part[lines] = part_least(basket, lines, &basket->parts[lines]);
    if (coin(prng, 2))
        (void)part_least(basket, (1u << problem->line_count) - 1, &problem->whole);
    if (coin(prng, 2))
        problem->part = basket_part;
}

/* ---- Every plan there is ---------------------------------------------------------------------- */

struct way { int64_t gives[CANDIDATES][LINES]; int64_t left_out; };
struct ways { uint32_t count; struct way at[WAYS]; };

static struct ways ways_of[LINES];

static uint32_t bundle_of(const struct sourcing_problem *problem, uint32_t line)
{
    return problem->bundles == NULL ? line : problem->bundles[line];
}

static uint32_t bundle_size(const struct sourcing_problem *problem, uint32_t line)
{
    uint32_t size = 0;
    for (uint32_t i = 0; i < problem->line_count; i++)
        size += bundle_of(problem, i) == bundle_of(problem, line);
    return size;
}

static int64_t cap_of(const struct basket *basket, uint32_t candidate, uint32_t line)
{
    return (basket->may_have[candidate] >> line & 1) != 0 ? basket->caps[candidate][line] : 0;
}

static void way_add(struct ways *ways, const struct way *way)
{
    for (uint32_t i = 0; i < ways->count; i++) {
        if (memcmp(&ways->at[i], way, sizeof(*way)) == 0)
            return;
    }
    assert_true(ways->count < WAYS);
    ways->at[ways->count++] = *way;
}

/* The set of givers, one of them last: the others give all they have, the last what is wanting or all it has. */
static void way_of_set(const struct basket *basket, struct ways *ways, uint32_t line, uint32_t set, uint32_t last)
{
    const struct sourcing_problem *problem = &basket->problem;
    struct way way = { .left_out = basket->needs[line] };
    for (uint32_t i = 0; i < problem->candidate_count; i++) {
        if ((set >> i & 1) == 0 || i == last)
            continue;
        way.gives[i][line] = cap_of(basket, i, line);
        way.left_out -= way.gives[i][line];
        if (way.gives[i][line] == 0)
            return;
    }
    int64_t cap = cap_of(basket, last, line);
    if (way.left_out <= 0 || cap <= 0)
        return;
    way.gives[last][line] = cap < way.left_out ? cap : way.left_out;
    way.left_out -= way.gives[last][line];
    if (way.left_out == 0 || problem->allow_partial)
        way_add(ways, &way);
}

static void ways_of_line(const struct basket *basket, struct ways *ways, uint32_t line)
{
    const struct sourcing_problem *problem = &basket->problem;
    for (uint32_t set = 1; set < 1u << problem->candidate_count; set++) {
        if (!problem->split_lines && (set & (set - 1)) != 0)
            continue;
        for (uint32_t last = 0; last < problem->candidate_count; last++) {
            if ((set >> last & 1) != 0)
                way_of_set(basket, ways, line, set, last);
        }
    }
}

static void ways_of_bundle(const struct basket *basket, struct ways *ways, uint32_t first)
{
    const struct sourcing_problem *problem = &basket->problem;
    for (uint32_t i = 0; i < problem->candidate_count; i++) {
        struct way way = { .left_out = 0 };
        bool has_all = true;
        for (uint32_t line = 0; line < problem->line_count; line++) {
            if (bundle_of(problem, line) != bundle_of(problem, first))
                continue;
            way.gives[i][line] = basket->needs[line];
            has_all = has_all && cap_of(basket, i, line) >= basket->needs[line];
        }
        if (has_all)
            way_add(ways, &way);
    }
}

/* Ways of each unit; returns how many units. */
static uint32_t ways_list(const struct basket *basket)
{
    const struct sourcing_problem *problem = &basket->problem;
    uint32_t count = 0;
    for (uint32_t line = 0; line < problem->line_count; line++) {
        struct way none = { .left_out = 0 };
        bool is_first = true;
        for (uint32_t i = 0; i < problem->line_count; i++) {
            bool is_same = bundle_of(problem, i) == bundle_of(problem, line);
            is_first = is_first && !(is_same && i < line);
            none.left_out += is_same ? basket->needs[i] : 0;
        }
        if (!is_first)
            continue;
        ways_of[count].count = 0;
        if (bundle_size(problem, line) > 1)
            ways_of_bundle(basket, &ways_of[count], line);
        else
            ways_of_line(basket, &ways_of[count], line);
        if (problem->allow_partial)
            way_add(&ways_of[count], &none);
        count++;
    }
    return count;
}

struct worth { bool is_found; int64_t levels[OH_LEVELS_MAX]; };

static void worth_of(const struct oh_objective *objective, const struct sourcing_terms *terms, struct worth *out_worth)
{
    *out_worth = (struct worth){ .is_found = true };
    for (uint32_t i = 0; i < objective->level_count; i++) {
        for (uint32_t term = 0; term < OH_TERM_COUNT; term++)
            out_worth->levels[i] += objective->weights[i][term] * terms->at[term];
    }
}

/* Below 0: a is better. */
static int worth_compare(const struct worth *a, const struct worth *b)
{
    if (a->is_found != b->is_found)
        return a->is_found ? -1 : 1;
    for (uint32_t i = 0; i < OH_LEVELS_MAX; i++) {
        if (a->levels[i] != b->levels[i])
            return a->levels[i] < b->levels[i] ? -1 : 1;
    }
    return 0;
}

/* False: such a plan is not feasible. */
static bool plan_worth(const struct basket *basket, const struct way *plan, struct sourcing_terms *out_terms)
{
    const struct sourcing_problem *problem = &basket->problem;
    struct sourcing_terms sum = { { 0 } };
    uint32_t used = 0;
    uint32_t sites = 0;
    for (uint32_t i = 0; i < problem->candidate_count; i++) {
        struct sourcing_take takes[LINES];
        struct sourcing_terms terms;
        uint32_t count = 0;
        for (uint32_t line = 0; line < problem->line_count; line++) {
            if (plan->gives[i][line] > 0)
                takes[count++] = (struct sourcing_take){ line, plan->gives[i][line] };
        }
        if (count == 0)
            continue;
        used++;
        if ((sites >> basket->candidates[i].site & 1) != 0 ||
            !basket_parcel(problem->ctx, i, takes, count, &terms))
            return false;
        sites |= 1u << basket->candidates[i].site;
        for (uint32_t term = 0; term < OH_TERM_COUNT; term++)
            sum.at[term] += terms.at[term];
        sum.at[OH_TERM_DATE] -= terms.at[OH_TERM_DATE];
        if (terms.at[OH_TERM_DATE] > sum.at[OH_TERM_DATE])
            sum.at[OH_TERM_DATE] = terms.at[OH_TERM_DATE];
    }
    sum.at[OH_TERM_COMPLETE] = plan->left_out;
    *out_terms = sum;
    return used >= 1 && used <= (problem->split_orders ? problem->parcels_max : 1);
}

static void way_sum(const struct sourcing_problem *problem, struct way *plan, const struct way *way)
{
    for (uint32_t i = 0; i < problem->candidate_count; i++) {
        for (uint32_t line = 0; line < problem->line_count; line++)
            plan->gives[i][line] += way->gives[i][line];
    }
    plan->left_out += way->left_out;
}

/* False: there are too many plans to try them all. */
static bool plans_best(const struct basket *basket, struct worth *out_best)
{
    uint32_t unit_count = ways_list(basket);
    uint64_t plans = 1;
    for (uint32_t unit = 0; unit < unit_count && plans <= PLANS_MAX; unit++)
        plans *= ways_of[unit].count;
    *out_best = (struct worth){ .is_found = false };
    if (plans > PLANS_MAX)
        return false;
    for (uint64_t number = 0; number < plans; number++) {
        struct way plan = { .left_out = 0 };
        struct sourcing_terms terms;
        struct worth worth;
        uint64_t rest = number;
        for (uint32_t unit = 0; unit < unit_count; unit++) {
            way_sum(&basket->problem, &plan, &ways_of[unit].at[rest % ways_of[unit].count]);
            rest /= ways_of[unit].count;
        }
        if (!plan_worth(basket, &plan, &terms))
            continue;
        worth_of(&basket->objective, &terms, &worth);
        if (worth_compare(&worth, out_best) < 0)
            *out_best = worth;
    }
    return true;
}

/* ---- The answer ------------------------------------------------------------------------------- */

/* What the plan gives, split into its units, must be ways of theirs. */
static bool plan_is_made_of_ways(const struct basket *basket, const struct way *plan)
{
    uint32_t unit_count = ways_list(basket);
    struct way sum = { .left_out = 0 };
    for (uint32_t unit = 0; unit < unit_count; unit++) {
        bool is_there = false;
        for (uint32_t i = 0; i < ways_of[unit].count && !is_there; i++) {
            const struct way *way = &ways_of[unit].at[i];
            struct way with = sum;
            way_sum(&basket->problem, &with, way);
            bool fits = true;
            for (uint32_t line = 0; line < LINES; line++) {
                bool is_of_unit = false;
                for (uint32_t j = 0; j < ways_of[unit].count; j++) {
                    for (uint32_t c = 0; c < CANDIDATES; c++)
                        is_of_unit = is_of_unit || ways_of[unit].at[j].gives[c][line] > 0;
                }
                for (uint32_t c = 0; c < CANDIDATES; c++)
                    fits = fits && (!is_of_unit || way->gives[c][line] == plan->gives[c][line]);
            }
            if (fits) {
                sum = with;
                is_there = true;
            }
        }
        if (!is_there)
            return false;
    }
    return memcmp(&sum, plan, sizeof(sum)) == 0;
}

/* Judges the plan by what it gives, not by what it says of itself. */
static void answer_worth(const struct basket *basket, const struct sourcing_plan *answer, struct worth *out_worth)
{
    *out_worth = (struct worth){ .is_found = false };
    if (!answer->is_found) {
        assert_int_equal(answer->pick_count, 0);
        return;
    }
    struct way plan = { .left_out = 0 };
    struct sourcing_terms terms;
    for (uint32_t line = 0; line < basket->problem.line_count; line++)
        plan.left_out += basket->needs[line];
    for (uint32_t i = 0; i < answer->pick_count; i++) {
        const struct sourcing_pick *pick = &answer->picks[i];
        assert_true(i == 0 || answer->picks[i - 1].line <= pick->line);
        assert_int_equal(plan.gives[pick->candidate][pick->line], 0);
        plan.gives[pick->candidate][pick->line] = pick->quantity_milli;
        plan.left_out -= pick->quantity_milli;
    }
    assert_true(plan_is_made_of_ways(basket, &plan));
    assert_true(plan_worth(basket, &plan, &terms));
    assert_memory_equal(&terms, &answer->terms, sizeof(terms));
    worth_of(&basket->objective, &terms, out_worth);
}

static void solve(struct basket *basket, uint32_t steps_max, struct sourcing_plan *out_answer,
                  struct worth *out_worth)
{
    basket->problem.steps_max = steps_max;
    sourcing_solve(&basket->problem, scratch, out_answer);
    assert_true(out_answer->step_count <= steps_max);
    answer_worth(basket, out_answer, out_worth);
}

static void permute(struct oh_prng *prng, struct basket *basket)
{
    for (uint32_t i = basket->problem.candidate_count; i > 1; i--) {
        uint32_t j = (uint32_t)oh_prng_below(prng, i);
        struct basket old = *basket;
        memcpy(basket->caps[i - 1], old.caps[j], sizeof(old.caps[j]));
        memcpy(basket->caps[j], old.caps[i - 1], sizeof(old.caps[j]));
        basket->makers[i - 1] = old.makers[j];
        basket->makers[j] = old.makers[i - 1];
        basket->candidates[i - 1] = old.candidates[j];
        basket->candidates[j] = old.candidates[i - 1];
        basket->may_have[i - 1] = old.may_have[j];
        basket->may_have[j] = old.may_have[i - 1];
    }
}

static void basket_judge(struct oh_prng *prng, struct basket *basket, const struct worth *best, uint32_t number)
{
    struct sourcing_plan answer;
    struct worth worth;
    solve(basket, SOURCING_STEPS_MAX, &answer, &worth);
    if (answer.is_bounded || worth_compare(&worth, best) != 0)
        fail_msg("seed %" PRIu64 ", basket %u: not the best plan", run_seed, number);
    uint32_t steps = answer.step_count;
    for (uint32_t i = 0; i < 2; i++) {
        solve(basket, (uint32_t)oh_prng_below(prng, steps + 1), &answer, &worth);
        int order = worth_compare(&worth, best);
        if (order < 0 || (order > 0 && !answer.is_bounded))
            fail_msg("seed %" PRIu64 ", basket %u: cut short, it is not honest", run_seed, number);
    }
    permute(prng, basket);
    solve(basket, SOURCING_STEPS_MAX, &answer, &worth);
    if (answer.is_bounded || worth_compare(&worth, best) != 0)
        fail_msg("seed %" PRIu64 ", basket %u: the order of the candidates shows", run_seed, number);
}

static void test_sourcing_finds_the_best_of_all_plans(void **state)
{
    (void)state;
    static struct basket basket;
    struct oh_prng prng;
    uint32_t found = 0;
    for (uint32_t number = 0; number < run_baskets; number++) {
        struct worth best;
        oh_prng_init(&prng, run_seed * 1000003 + number);
        do {
            basket_draw(&prng, &basket, 1 + (uint32_t)oh_prng_below(&prng, LINES_FEW));
            whole_draw(&prng, &basket);
        } while (!plans_best(&basket, &best));
        basket_judge(&prng, &basket, &best, number);
        found += best.is_found;
    }
    printf("%u baskets, %u with a plan\n", run_baskets, found);
    assert_true(found > run_baskets / 3 && found < run_baskets); /* both kinds were seen */
}

static void test_sourcing_of_up_to_20_lines_finds_the_best_of_all_plans(void **state)
{
    (void)state;
    static struct basket basket;
    struct oh_prng prng;
    uint32_t counts[2][2] = { { 0 } };
    for (uint32_t number = 0; number < run_baskets / 10; number++) {
        struct worth best;
        oh_prng_init(&prng, run_seed * 1000003 + number);
        do {
            basket_draw_long(&prng, &basket);
            whole_draw(&prng, &basket);
        } while (!plans_best(&basket, &best));
        basket_judge(&prng, &basket, &best, number);
        counts[basket.problem.line_count > SOURCING_PAIR_LINES_MAX][best.is_found]++;
    }
    printf("of up to %u lines: %u with a plan, %u without; of more: %u, %u\n", SOURCING_PAIR_LINES_MAX, counts[0][1],
           counts[0][0], counts[1][1], counts[1][0]);
    assert_true(counts[1][1] > run_baskets / 50 && counts[1][0] > 0);
}

/* ---- Many lines ------------------------------------------------------------------------------- */

#define WIDE_MAX 150u

/* The basket among lines that every candidate has, that weigh nothing and change nothing. */
struct wide {
    struct basket *basket;
    uint32_t line_count;
    uint32_t own[WIDE_MAX]; /* the basket's line; LINES: none */
    int64_t needs[WIDE_MAX];
    uint32_t bundles[WIDE_MAX];
    uint64_t may_have[CANDIDATES * 3];
};

static int64_t wide_cap(void *ctx, uint32_t candidate, uint32_t line)
{
    struct wide *wide = ctx;
    return wide->own[line] == LINES ? 1 : basket_cap(wide->basket, candidate, wide->own[line]);
}

static bool wide_parcel(void *ctx, uint32_t candidate, const struct sourcing_take *takes, uint32_t take_count,
                        struct sourcing_terms *out_terms)
{
    struct wide *wide = ctx;
    struct sourcing_take own[LINES];
    uint32_t count = 0;
    for (uint32_t i = 0; i < take_count; i++) {
        if (wide->own[takes[i].line] != LINES)
            own[count++] = (struct sourcing_take){ wide->own[takes[i].line], takes[i].quantity_milli };
    }
    return basket_parcel(wide->basket, candidate, own, count, out_terms);
}

static bool wide_part(void *ctx, uint32_t lines, struct sourcing_terms *out_least)
{
    struct wide *wide = ctx;
    uint32_t own = 0;
    for (uint32_t line = 0; line < wide->line_count; line++)
        own |= (lines >> line & 1) != 0 && wide->own[line] != LINES ? 1u << wide->own[line] : 0;
    *out_least = (struct sourcing_terms){ { 0 } };
    return own == 0 || basket_part(wide->basket, own, out_least);
}

static struct sourcing_problem wide_make(struct wide *wide, struct basket *basket, uint32_t line_count)
{
    struct sourcing_problem problem = basket->problem;
    uint32_t step = line_count / problem.line_count;
    uint32_t words = (line_count + 63) / 64;
    *wide = (struct wide){ .basket = basket, .line_count = line_count };
    for (uint32_t line = 0; line < line_count; line++) {
        uint32_t own = line % step == 0 && line / step < problem.line_count ? line / step : LINES;
        wide->own[line] = own;
        wide->needs[line] = own == LINES ? 1 : basket->needs[own];
        wide->bundles[line] = own == LINES || problem.bundles == NULL ? line : basket->bundles[own] * step;
        for (uint32_t i = 0; i < problem.candidate_count; i++) {
            if (own == LINES || (basket->may_have[i] >> own & 1) != 0)
                wide->may_have[i * words + line / 64] |= UINT64_C(1) << (line % 64);
        }
    }
    problem.needs_milli = wide->needs;
    problem.line_count = line_count;
    problem.bundles = problem.bundles == NULL ? NULL : wide->bundles;
    problem.may_have = wide->may_have;
    problem.words = words;
    problem.cap = wide_cap;
    problem.parcel = wide_parcel;
    problem.part = problem.part == NULL ? NULL : wide_part;
    problem.ctx = wide;
    return problem;
}

static void test_sourcing_of_many_lines_is_that_of_the_few_that_matter(void **state)
{
    (void)state;
    static struct basket basket;
    static struct wide wide;
    static const uint32_t counts[] = { 8, 63, 64, 65, 128, WIDE_MAX };
    struct oh_prng prng;
    uint32_t bounded = 0;
    for (uint32_t number = 0; number < run_baskets / 10; number++) {
        struct sourcing_plan answer;
        struct worth best, worth = { .is_found = false };
        oh_prng_init(&prng, run_seed * 1000003 + number);
        basket_draw(&prng, &basket, 1 + (uint32_t)oh_prng_below(&prng, LINES_FEW));
        whole_draw(&prng, &basket);
        basket.problem.allow_partial = false; /* what is left out of such lines would count */
        solve(&basket, SOURCING_STEPS_MAX, &answer, &best);
        struct sourcing_problem problem = wide_make(&wide, &basket, counts[number % 6]);
        sourcing_solve(&problem, scratch, &answer);
        if (answer.is_found)
            worth_of(&basket.objective, &answer.terms, &worth);
        bounded += answer.is_bounded;
        if (!answer.is_bounded && worth_compare(&worth, &best) != 0)
            fail_msg("seed %" PRIu64 ", basket %u: of %u lines another plan", run_seed, number, wide.line_count);
    }
    assert_true(bounded < run_baskets / 100);
}

/* ---- Many candidates -------------------------------------------------------------------------- */

#define CROWD 200u
#define CROWD_LINES 3u

/* Each has one of three lines, or none of it after all, for a price of its own. */
struct crowd {
    int64_t needs[CROWD_LINES];
    int64_t caps[CROWD];
    int64_t prices[CROWD];
    struct sourcing_candidate candidates[CROWD];
    uint64_t may_have[CROWD];
    struct oh_objective objective;
};

static int64_t crowd_cap(void *ctx, uint32_t candidate, uint32_t line)
{
    struct crowd *crowd = ctx;
    return candidate % CROWD_LINES == line ? crowd->caps[candidate] : 0;
}

static bool crowd_parcel(void *ctx, uint32_t candidate, const struct sourcing_take *takes, uint32_t take_count,
                         struct sourcing_terms *out_terms)
{
    struct crowd *crowd = ctx;
    (void)takes;
    (void)take_count;
    *out_terms = (struct sourcing_terms){ { [OH_TERM_PARCELS] = 1, [OH_TERM_COST] = crowd->prices[candidate] } };
    return true;
}

static struct sourcing_problem crowd_make(struct crowd *crowd, struct oh_prng *prng)
{
    crowd->objective = (struct oh_objective){ 2, { { [OH_TERM_COMPLETE] = 1 }, { [OH_TERM_COST] = 1 } } };
    for (uint32_t line = 0; line < CROWD_LINES; line++)
        crowd->needs[line] = 1;
    for (uint32_t i = 0; i < CROWD; i++) {
        crowd->caps[i] = coin(prng, 3) ? 0 : 1;
        crowd->prices[i] = oh_prng_between(prng, 1, 1000);
        crowd->candidates[i] = (struct sourcing_candidate){ .site = i };
        crowd->candidates[i].least.at[OH_TERM_PARCELS] = 1;
        crowd->candidates[i].least.at[OH_TERM_COST] = coin(prng, 2) ? crowd->prices[i] : crowd->prices[i] / 2;
        crowd->may_have[i] = UINT64_C(1) << (i % CROWD_LINES);
    }
    return (struct sourcing_problem){
        .needs_milli = crowd->needs, .line_count = CROWD_LINES, .candidates = crowd->candidates,
        .candidate_count = CROWD, .may_have = crowd->may_have, .words = 1, .objective = &crowd->objective,
        .parcels_max = CROWD_LINES, .split_orders = true, .split_lines = true, .allow_partial = coin(prng, 2),
        .steps_max = SOURCING_STEPS_MAX, .cap = crowd_cap, .parcel = crowd_parcel, .ctx = crowd };
}

/* The cheapest that has it, line by line. Whatever the steps, what is not the best says that it was cut short. */
static void test_sourcing_of_a_crowd_is_the_cheapest_or_says_that_it_was_cut_short(void **state)
{
    (void)state;
    static struct crowd crowd;
    struct oh_prng prng;
    for (uint32_t number = 0; number < run_baskets / 250; number++) {
        struct sourcing_plan answer;
        int64_t cheapest = 0;
        oh_prng_init(&prng, run_seed * 1000003 + number);
        struct sourcing_problem problem = crowd_make(&crowd, &prng);
        for (uint32_t line = 0; line < CROWD_LINES; line++) {
            int64_t least = INT64_MAX;
            for (uint32_t i = line; i < CROWD; i += CROWD_LINES)
                least = crowd.caps[i] > 0 && crowd.prices[i] < least ? crowd.prices[i] : least;
            cheapest += least;
        }
        sourcing_solve(&problem, scratch, &answer);
        assert_true(answer.is_found && !answer.is_bounded);
        assert_int_equal(answer.terms.at[OH_TERM_COST], cheapest);
        uint32_t steps = answer.step_count;
        for (problem.steps_max = 0; problem.steps_max <= steps; problem.steps_max++) {
            sourcing_solve(&problem, scratch, &answer);
            assert_true(answer.step_count <= problem.steps_max);
            assert_true(answer.is_bounded || answer.terms.at[OH_TERM_COST] == cheapest);
        }
    }
}

/* More lines and candidates than what is told of them is kept for. */
struct shelf { int64_t needs[SOURCING_LINES_MAX]; };

static int64_t shelf_cap(void *ctx, uint32_t candidate, uint32_t line)
{
    (void)ctx;
    return candidate == 69 || line != candidate ? 2 : 0; /* each but one lacks something */
}

static bool shelf_parcel(void *ctx, uint32_t candidate, const struct sourcing_take *takes, uint32_t take_count,
                         struct sourcing_terms *out_terms)
{
    (void)ctx;
    (void)takes;
    *out_terms = (struct sourcing_terms){ { [OH_TERM_PARCELS] = 1, [OH_TERM_COST] = candidate + 1 } };
    return take_count > 0;
}

static void test_sourcing_asks_again_for_what_it_could_not_keep(void **state)
{
    (void)state;
    static struct shelf shelf;
    static struct sourcing_candidate candidates[70];
    static uint64_t may_have[70 * SOURCING_LINES_MAX / 64];
    const struct oh_objective objective = { 2, { { [OH_TERM_PARCELS] = 1 }, { [OH_TERM_COST] = 1 } } };
    struct sourcing_plan answer;
    memset(may_have, 0xff, sizeof(may_have));
    for (uint32_t line = 0; line < SOURCING_LINES_MAX; line++)
        shelf.needs[line] = 1;
    for (uint32_t i = 0; i < 70; i++)
        candidates[i] = (struct sourcing_candidate){ i, { { [OH_TERM_PARCELS] = 1, [OH_TERM_COST] = i + 1 } } };
    const struct sourcing_problem problem = {
        .needs_milli = shelf.needs, .line_count = SOURCING_LINES_MAX, .candidates = candidates, .candidate_count = 70,
        .may_have = may_have, .words = SOURCING_LINES_MAX / 64, .objective = &objective, .parcels_max = 3,
        .split_orders = true, .split_lines = true, .steps_max = SOURCING_STEPS_MAX, .cap = shelf_cap,
        .parcel = shelf_parcel, .ctx = &shelf };
    sourcing_solve(&problem, scratch, &answer);
    assert_true(answer.is_found && !answer.is_bounded);
    assert_int_equal(answer.pick_count, SOURCING_LINES_MAX);
    assert_int_equal(answer.picks[0].candidate, 69);
}

/* What is too much to count is as much as can be counted, and loses. */
static void test_sourcing_of_the_dearest_counts_to_the_greatest(void **state)
{
    (void)state;
    static struct basket basket;
    struct sourcing_plan answer;
    memset(&basket, 0, sizeof(basket));
    basket.needs[0] = 1;
    basket.objective = (struct oh_objective){ 1, { { [OH_TERM_COST] = OH_WEIGHT_MAX, [OH_TERM_DISTANCE] = 1 } } };
    for (uint32_t i = 0; i < 3; i++) {
        basket.caps[i][0] = 1;
        basket.may_have[i] = 1;
        basket.makers[i] =
            (struct maker){ .base = { { [OH_TERM_PARCELS] = 1 } }, .box_weight = 1000, .weight_max = 1000 };
        basket.candidates[i].site = i;
    }
    basket.makers[0].base.at[OH_TERM_COST] = INT64_MAX / 2;          /* times a million */
    basket.makers[1].base.at[OH_TERM_COST] = INT64_MAX / OH_WEIGHT_MAX; /* and as far */
    basket.makers[1].base.at[OH_TERM_DISTANCE] = INT64_MAX;
    basket.makers[2].base.at[OH_TERM_COST] = 5;
    for (uint32_t i = 0; i < 3; i++)
        basket.candidates[i].least = basket.makers[i].base;
    basket.problem = (struct sourcing_problem){
        .needs_milli = basket.needs, .line_count = 1, .candidates = basket.candidates, .candidate_count = 3,
        .may_have = basket.may_have, .words = 1, .objective = &basket.objective, .parcels_max = 1,
        .split_orders = true, .split_lines = true, .steps_max = SOURCING_STEPS_MAX, .cap = basket_cap,
        .parcel = basket_parcel, .ctx = &basket,
    };
    sourcing_solve(&basket.problem, scratch, &answer);
    assert_true(answer.is_found && answer.pick_count == 1);
    assert_int_equal(answer.picks[0].candidate, 2);
    basket.problem.candidate_count = 2;
    sourcing_solve(&basket.problem, scratch, &answer);
    assert_true(answer.is_found); /* neither is less than the other */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sourcing_finds_the_best_of_all_plans),
        cmocka_unit_test(test_sourcing_of_up_to_20_lines_finds_the_best_of_all_plans),
        cmocka_unit_test(test_sourcing_of_many_lines_is_that_of_the_few_that_matter),
        cmocka_unit_test(test_sourcing_of_the_dearest_counts_to_the_greatest),
        cmocka_unit_test(test_sourcing_of_a_crowd_is_the_cheapest_or_says_that_it_was_cut_short),
        cmocka_unit_test(test_sourcing_asks_again_for_what_it_could_not_keep),
    };
    run_seed = number_of("ONHAND_SEED", 1);
    run_baskets = (uint32_t)number_of("ONHAND_BASKETS", 10000);
    printf("seed %" PRIu64 " (ONHAND_SEED), %u baskets (ONHAND_BASKETS)\n", run_seed, run_baskets);
    void *memory = aligned_alloc(16, (sourcing_scratch_size() + 15) / 16 * 16);
    assert_non_null(memory);
    memset(memory, 0xa5, sourcing_scratch_size()); /* nothing is expected of it */
    scratch = sourcing_scratch_init(memory);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(memory);
    return failed;
}
