/*
 * sourcing.c - the best plan for a basket: the candidates that may have all of
 * it first, which is mostly the end of it; then two of them; else the search over sets of them.
 */
#include "core/sourcing_state.h"

#define SINGLES_MAX 4u /* tries for a first plan of one candidate, each a look over all of them */

size_t sourcing_scratch_size(void)
{
    return sizeof(struct sourcing_scratch);
}

struct sourcing_scratch *sourcing_scratch_init(void *memory)
{
    struct sourcing_scratch *s = memory;
    memset(s->judged, 0, sizeof(s->judged));
    s->judged_stamp = 0;
    return s;
}

/* ---- The objective ---------------------------------------------------------------------------- */

int64_t objective_level(const int32_t weights[OH_TERM_COUNT], const struct sourcing_terms *terms)
{
    int64_t sum = 0;
    for (uint32_t term = 0; term < OH_TERM_COUNT; term++) {
        if (weights[term] != 0)
            sum = saturating_add(sum, saturating_mul(weights[term], terms->at[term]));
    }
    return sum;
}

bool objective_is_less(const struct oh_objective *objective, const struct sourcing_terms *a,
                       const struct sourcing_terms *b)
{
    for (uint32_t i = 0; i < objective->level_count; i++) {
        int64_t left = 0;
        int64_t right = 0;
        for (uint32_t term = 0; term < OH_TERM_COUNT; term++) { /* of both at once: most weights are none */
            int32_t weight = objective->weights[i][term];
            if (weight == 0)
                continue;
            left = saturating_add(left, saturating_mul(weight, a->at[term]));
            right = saturating_add(right, saturating_mul(weight, b->at[term]));
        }
        if (left != right)
            return left < right;
    }
    return false;
}

/* ---- The problem, as it is searched ----------------------------------------------------------- */

static void levels_begin(struct sourcing_scratch *s, const struct oh_objective *objective)
{
    OH_ASSERT(objective->level_count <= OH_LEVELS_MAX);
    s->level_count = objective->level_count;
    for (uint32_t i = 0; i < s->level_count; i++) {
        s->levels[i].count = 0;
        for (uint32_t term = 0; term < OH_TERM_COUNT; term++) {
            int32_t weight = objective->weights[i][term];
            OH_ASSERT(weight >= 0);
            if (weight == 0)
                continue;
            s->levels[i].terms[s->levels[i].count] = term;
            s->levels[i].weights[s->levels[i].count++] = weight;
        }
    }
}

static void units_begin(struct sourcing_scratch *s, const struct sourcing_problem *problem)
{
    uint32_t *of_bundle = s->free_units; /* not in use yet */
    memset(of_bundle, 0, problem->line_count * sizeof(*of_bundle));
    memset(s->unit_first, 0, (problem->line_count + 1) * sizeof(s->unit_first[0]));
    s->unit_count = 0;
    for (uint32_t line = 0; line < problem->line_count; line++) {
        uint32_t bundle = problem->bundles == NULL ? line : problem->bundles[line];
        OH_ASSERT(problem->needs_milli[line] > 0 && bundle < problem->line_count);
        if (of_bundle[bundle] == 0)
            of_bundle[bundle] = ++s->unit_count;
        s->unit_of_line[line] = of_bundle[bundle] - 1;
        s->unit_first[of_bundle[bundle]]++;
    }
    for (uint32_t unit = 0; unit < s->unit_count; unit++)
        s->unit_first[unit + 1] += s->unit_first[unit];
    uint32_t *filled = s->free_units; /* by unit now */
    memset(filled, 0, s->unit_count * sizeof(*filled));
    for (uint32_t line = 0; line < problem->line_count; line++) {
        uint32_t unit = s->unit_of_line[line];
        s->unit_lines[s->unit_first[unit] + filled[unit]++] = line;
    }
}

static void problem_begin(struct sourcing_scratch *s, const struct sourcing_problem *problem)
{
    OH_ASSERT(problem->line_count >= 1 && problem->line_count <= SOURCING_LINES_MAX);
    OH_ASSERT(problem->candidate_count <= SOURCING_CANDIDATES_MAX);
    OH_ASSERT(problem->words == (problem->line_count + 63) / 64);
    OH_ASSERT(problem->parcels_max >= 1 && problem->parcels_max <= OH_PARCELS_MAX);
    OH_ASSERT(problem->steps_max <= SOURCING_STEPS_MAX);
    s->problem = problem;
    s->step_count = 0;
    s->is_cut = false;
    s->is_found = false;
    s->found_count = 0;
    s->judged_stamp++;
    s->is_sorted = false;
    s->pick_count = 0;
    s->slot_count = 0;
    s->parcels_max = problem->split_orders ? problem->parcels_max : 1;
    levels_begin(s, problem->objective);
    units_begin(s, problem);
    s->cap_row_count = CAPS_KEPT / problem->line_count;
    if (s->cap_row_count > problem->candidate_count)
        s->cap_row_count = problem->candidate_count;
    memset(s->cap_rows, 0, s->cap_row_count * sizeof(s->cap_rows[0]));
    memset(s->shut, 0, problem->candidate_count * sizeof(s->shut[0]));
}

/* ---- One candidate that has everything -------------------------------------------------------- */

static bool may_have_all(const struct sourcing_problem *problem, uint32_t candidate)
{
    const uint64_t *lines = lines_of(problem, candidate);
    uint32_t last = problem->words - 1;
    for (uint32_t word = 0; word < last; word++) {
        if (lines[word] != UINT64_MAX)
            return false;
    }
    uint32_t rest = problem->line_count - last * 64;
    return lines[last] == (rest == 64 ? UINT64_MAX : (UINT64_C(1) << rest) - 1);
}

/* What a parcel of the candidate with everything is at least. */
static struct sourcing_terms single_least(const struct sourcing_problem *problem, uint32_t candidate)
{
    struct sourcing_terms least;
    for (uint32_t term = 0; term < OH_TERM_COUNT; term++)
        least.at[term] = oh_max_i64(problem->candidates[candidate].least.at[term], problem->whole.at[term]);
    return least;
}

/* The first of those with the least terms that may have everything and were not tried. OH_INDEX_NONE: none can win. */
static uint32_t single_next(struct sourcing_scratch *s)
{
    const struct sourcing_problem *problem = s->problem;
    uint32_t next = OH_INDEX_NONE;
    struct levels levels = s->best;
    bool has_levels = s->is_found;
    for (uint32_t i = 0; i < problem->candidate_count; i++) {
        if (!may_have_all(problem, i) || s->shut[i] != 0)
            continue;
        struct sourcing_terms least = single_least(problem, i);
        if (has_levels && !terms_are_below(s, &least, &levels))
            continue;
        next = i;
        has_levels = true;
        levels_of(s, &least, &levels);
    }
    return next;
}

static void single_try(struct sourcing_scratch *s, uint32_t candidate)
{
    s->slot_count = 0;
    if (!plan_open(s, candidate))
        return;
    struct slot *slot = &s->slots[0];
    for (uint32_t line = 0; line < s->problem->line_count; line++) {
        if (slot->caps[line] < s->problem->needs_milli[line])
            return;
        slot->takes[slot->take_count++] = (struct sourcing_take){ line, slot->caps[line] };
    }
    s->left_out_milli = 0;
    if (slot_judge(s, slot))
        plan_keep(s);
}

static void singles_rank(struct sourcing_scratch *s)
{
    s->ranked_count = 0;
    for (uint32_t i = 0; i < s->problem->candidate_count; i++) {
        if (!may_have_all(s->problem, i) || s->shut[i] != 0)
            continue;
        struct sourcing_terms least = single_least(s->problem, i);
        if (!terms_may_win(s, &least))
            continue;
        levels_of(s, &least, &s->least[i]);
        s->ranked[s->ranked_count++] = i;
    }
    rank_sort(s);
}

/*
 * The best of the plans in which one candidate gives everything. The first tries cost no sort, and what they find
 * leaves few to be sorted.
 */
static void singles_search(struct sourcing_scratch *s)
{
    uint32_t look_steps = 1 + s->problem->candidate_count / CANDIDATES_PER_STEP;
    for (uint32_t tries = 0; tries < SINGLES_MAX && !s->is_found; tries++) {
        uint32_t next = steps_take(s, look_steps) ? single_next(s) : OH_INDEX_NONE;
        if (next == OH_INDEX_NONE)
            return;
        s->shut[next] = 1;
        single_try(s, next);
    }
    if (!steps_take(s, look_steps))
        return;
    singles_rank(s);
    for (uint32_t i = 0; i < s->ranked_count && !s->is_cut; i++) {
        struct sourcing_terms least = single_least(s->problem, s->ranked[i]);
        if (!terms_may_win(s, &least))
            return;
        single_try(s, s->ranked[i]);
    }
}

/* What two or three candidates cost together at least: the smallest of the term, or, of dates, the last of these. */
static int64_t several_least(const struct sourcing_problem *problem, uint32_t term, uint32_t count)
{
    int64_t first = INT64_MAX;
    int64_t second = INT64_MAX;
    int64_t third = INT64_MAX;
    for (uint32_t i = 0; i < problem->candidate_count; i++) {
        int64_t value = problem->candidates[i].least.at[term];
        third = oh_min_i64(third, oh_max_i64(second, value));
        second = oh_min_i64(second, oh_max_i64(first, value));
        first = oh_min_i64(first, value);
    }
    if (term == OH_TERM_DATE)
        return count == 2 ? second : third;
    return saturating_add(saturating_add(first, second), count == 2 ? 0 : third);
}

/*
 * Whether no plan of so many candidates or more that leaves out so much can be better. Terms are looked at as the
 * levels need them.
 */
static bool several_cannot_win(const struct sourcing_scratch *s, uint32_t count, int64_t left_out_milli)
{
    struct sourcing_terms bound = { { [OH_TERM_COMPLETE] = left_out_milli } };
    if (s->parcels_max < count || s->problem->candidate_count < count)
        return true;
    for (uint32_t i = 0; i < s->level_count; i++) {
        for (uint32_t j = 0; j < s->levels[i].count; j++) {
            uint32_t term = s->levels[i].terms[j];
            if (term != OH_TERM_COMPLETE)
                bound.at[term] = several_least(s->problem, term, count);
        }
        int64_t value = level_of(&s->levels[i], &bound);
        if (value != s->best.at[i])
            return value > s->best.at[i];
    }
    return true;
}

/* Whether no candidate alone can be better by leaving something out. */
static bool partial_cannot_win(const struct sourcing_scratch *s)
{
    const struct sourcing_problem *problem = s->problem;
    for (uint32_t i = 0; problem->allow_partial && i < problem->candidate_count; i++) {
        struct sourcing_terms bound = problem->candidates[i].least;
        bound.at[OH_TERM_COMPLETE] = 0;
        for (uint32_t line = 0; line < problem->line_count && !may_have_all(problem, i); line++) {
            if (!may_have_line(problem, i, line))
                bound.at[OH_TERM_COMPLETE] =
                    saturating_add(bound.at[OH_TERM_COMPLETE], problem->needs_milli[line]);
        }
        bound.at[OH_TERM_COMPLETE] = oh_max_i64(1, bound.at[OH_TERM_COMPLETE]);
        if (terms_are_below(s, &bound, &s->best))
            return false;
    }
    return true;
}

/* True: nothing is left to be searched, or no step to do it with. */
static bool singles_decide(struct sourcing_scratch *s)
{
    singles_search(s);
    if (s->is_cut)
        return true;
    if (!s->is_found)
        return s->parcels_max == 1 && !s->problem->allow_partial;
    return several_cannot_win(s, 2, 0) && partial_cannot_win(s);
}

/* True: the best of all plans of two is the best of all. */
static bool pairs_decide(struct sourcing_scratch *s)
{
    bool may_leave_out = s->problem->allow_partial;
    return pairs_search(s) && s->is_found && several_cannot_win(s, 3, 0) &&
           (!may_leave_out || (several_cannot_win(s, 2, 1) && partial_cannot_win(s)));
}

void sourcing_solve(const struct sourcing_problem *problem, struct sourcing_scratch *scratch,
                    struct sourcing_plan *out_plan)
{
    struct sourcing_scratch *s = scratch;
    problem_begin(s, problem);
    if (!singles_decide(s) && sites_greedy(s) && !pairs_decide(s))
        sites_search(s);
    *out_plan = (struct sourcing_plan){
        .is_found = s->is_found,
        .is_bounded = s->is_cut,
        .step_count = s->step_count,
        .terms = s->best_terms,
        .picks = s->picks,
        .pick_count = s->pick_count,
    };
    if (!s->is_found)
        out_plan->terms = (struct sourcing_terms){ { 0 } };
}
