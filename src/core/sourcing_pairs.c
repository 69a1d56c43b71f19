/*
 * sourcing_pairs.c - the best plan of two candidates, of a basket of few lines.
 *
 * A plan of two either gives each line whole from one of them: then it is one of the few ways to make two parts of the
 * basket, and what the parcel of a part is worth is said by its candidate alone. So for each two parts all pairs of
 * candidates that have them are plans, and one is passed over when its two parcels at least (of that candidate, of that
 * part) are not better than the best so far. Or it splits a line: then one of the two has some of that line and not
 * all, and for those pairs all ways are tried. So the best of all pairs is found, as if each had been looked at.
 */
#include "core/sourcing_state.h"

/* ---- Parts ------------------------------------------------------------------------------------ */

static struct sourcing_terms terms_most(const struct sourcing_terms *a, const struct sourcing_terms *b)
{
    struct sourcing_terms most;
    for (uint32_t term = 0; term < OH_TERM_COUNT; term++)
        most.at[term] = oh_max_i64(a->at[term], b->at[term]);
    return most;
}

static void terms_lower(struct sourcing_terms *terms, const struct sourcing_terms *other)
{
    for (uint32_t term = 0; term < OH_TERM_COUNT; term++)
        terms->at[term] = oh_min_i64(terms->at[term], other->at[term]);
}

/* Asks what the candidate has. False: the steps are used up. */
static bool stock_know(struct sourcing_scratch *s, uint32_t at)
{
    const struct sourcing_problem *problem = s->problem;
    struct pair_stock *stock = &s->pair_stocks[at];
    const int64_t *caps = stock->is_known ? NULL : plan_caps(s, s->ranked[at]);
    if (caps == NULL)
        return stock->is_known;
    *stock = (struct pair_stock){ .is_known = true };
    for (uint32_t line = 0; line < problem->line_count; line++) {
        bool is_whole = caps[line] == problem->needs_milli[line];
        bool may_split = problem->split_lines && !unit_is_bundle(s, s->unit_of_line[line]);
        stock->any |= (uint8_t)((caps[line] > 0 ? 1u : 0u) << line);
        stock->whole |= (uint8_t)((is_whole ? 1u : 0u) << line);
        stock->is_part = stock->is_part || (may_split && caps[line] > 0 && !is_whole);
    }
    return true;
}

static void stocks_begin(struct sourcing_scratch *s)
{
    uint8_t all = (uint8_t)((1u << s->problem->line_count) - 1);
    for (uint32_t i = 0; i < s->ranked_count; i++) {
        uint8_t lines = (uint8_t)(lines_of(s->problem, s->ranked[i])[0] & all);
        s->pair_stocks[i] = (struct pair_stock){ .any = lines, .whole = lines };
    }
}

static bool has_part(const struct sourcing_scratch *s, uint32_t at, uint32_t part)
{
    return (part & ~(uint32_t)s->pair_stocks[at].whole) == 0;
}

/* Of each set of lines the least of any candidate that may have it whole. */
static void parts_floor(struct sourcing_scratch *s)
{
    uint32_t count = 1u << s->problem->line_count;
    for (uint32_t part = 0; part < count; part++) {
        s->parts[part].is_there = false;
        for (uint32_t term = 0; term < OH_TERM_COUNT; term++)
            s->parts[part].floor.at[term] = INT64_MAX;
    }
    for (uint32_t i = 0; i < s->ranked_count; i++) {
        struct part *part = &s->parts[s->pair_stocks[i].whole];
        part->is_there = true;
        terms_lower(&part->floor, &s->problem->candidates[s->ranked[i]].least);
    }
    for (uint32_t line = 0; line < s->problem->line_count; line++) {
        for (uint32_t part = 0; part < count; part++) {
            const struct part *with = &s->parts[part | 1u << line];
            if ((part >> line & 1) != 0 || !with->is_there)
                continue;
            s->parts[part].is_there = true;
            terms_lower(&s->parts[part].floor, &with->floor);
        }
    }
}

static bool part_cuts_bundle(const struct sourcing_scratch *s, uint32_t part)
{
    for (uint32_t line = 0; line < s->problem->line_count; line++) {
        uint32_t first = s->unit_lines[s->unit_first[s->unit_of_line[line]]];
        if ((part >> line & 1) != (part >> first & 1))
            return true;
    }
    return false;
}

/* What a parcel of the part is at least is asked for once. False: there is none. */
static bool part_begin(struct sourcing_scratch *s, uint32_t lines)
{
    const struct sourcing_problem *problem = s->problem;
    struct part *part = &s->parts[lines];
    part->least = (struct sourcing_terms){ { 0 } };
    if (!part->is_there || (problem->part != NULL && !problem->part(problem->ctx, lines, &part->least)))
        return false;
    part->floor = terms_most(&part->floor, &part->least);
    return true;
}

/* ---- Two parts of the basket ------------------------------------------------------------------ */

static void parting_add(struct sourcing_scratch *s, uint32_t first, uint32_t second)
{
    struct sourcing_terms bound = s->parts[first].floor;
    terms_add(&bound, &s->parts[second].floor);
    if (!terms_may_win(s, &bound))
        return;
    struct parting parting = { .first = (uint8_t)first, .second = (uint8_t)second };
    levels_of(s, &bound, &parting.levels);
    uint32_t at = s->parting_count++;
    for (; at > 0 && levels_are_less(s, &parting.levels, &s->partings[at - 1].levels); at--)
        s->partings[at] = s->partings[at - 1];
    s->partings[at] = parting;
}

/* All that may lead to a better plan; those that may lead to the best first. The first line is of the first part. */
static void partings_list(struct sourcing_scratch *s)
{
    uint32_t all = (1u << s->problem->line_count) - 1;
    s->parting_count = 0;
    for (uint32_t part = 1; part < all; part += 2) {
        if (s->parts[part].is_there && s->parts[all ^ part].is_there && !part_cuts_bundle(s, part) &&
            part_begin(s, part) && part_begin(s, all ^ part))
            parting_add(s, part, all ^ part);
    }
}

static bool may_go_on(const struct sourcing_scratch *s)
{
    return s->step_count < s->pair_steps_max;
}

/* Opens the candidate with the part in its parcel. False: there is no such parcel. */
static bool part_open(struct sourcing_scratch *s, uint32_t at, uint32_t part)
{
    if (!stock_know(s, at) || !has_part(s, at, part) || !plan_open(s, s->ranked[at]))
        return false;
    struct slot *slot = &s->slots[s->slot_count - 1];
    for (uint32_t line = 0; line < s->problem->line_count; line++) {
        if ((part >> line & 1) != 0)
            slot->takes[slot->take_count++] = (struct sourcing_take){ line, s->problem->needs_milli[line] };
    }
    return slot_judge(s, slot);
}

/* The candidate with the first part, and each that has the second. */
static void parting_second(struct sourcing_scratch *s, const struct parting *parting)
{
    const struct sourcing_problem *problem = s->problem;
    for (uint32_t i = 0; i < s->ranked_count && may_go_on(s); i++) {
        const struct sourcing_candidate *candidate = &problem->candidates[s->ranked[i]];
        if (!has_part(s, i, parting->second) || plan_has_site(s, candidate->site))
            continue;
        struct sourcing_terms bound = terms_most(&candidate->least, &s->parts[parting->second].least);
        terms_add(&bound, &s->slots[0].terms);
        if (terms_may_win(s, &bound) && part_open(s, i, parting->second))
            plan_keep(s);
        s->slot_count = 1;
    }
}

static void parting_search(struct sourcing_scratch *s, const struct parting *parting)
{
    const struct part *first = &s->parts[parting->first];
    const struct part *second = &s->parts[parting->second];
    for (uint32_t i = 0; i < s->ranked_count && may_go_on(s); i++) {
        if (!has_part(s, i, parting->first))
            continue;
        struct sourcing_terms bound = terms_most(&s->problem->candidates[s->ranked[i]].least, &first->least);
        terms_add(&bound, &second->floor);
        s->slot_count = 0;
        if (!terms_may_win(s, &bound) || !part_open(s, i, parting->first))
            continue;
        bound = s->slots[0].terms;
        terms_add(&bound, &second->floor);
        if (terms_may_win(s, &bound))
            parting_second(s, parting);
    }
}

/* ---- Lines that are split --------------------------------------------------------------------- */

static bool plan_has_all(const struct sourcing_scratch *s)
{
    for (uint32_t unit = 0; unit < s->unit_count; unit++) {
        if (plan_cap(s, unit) < unit_needs(s, unit))
            return false;
    }
    return true;
}

/* The candidate has a part of a line. All ways in which it and another give the basket; each two of them come once. */
static void split_with(struct sourcing_scratch *s, uint32_t at)
{
    uint32_t all = (1u << s->problem->line_count) - 1;
    const struct sourcing_candidate *candidate = &s->problem->candidates[s->ranked[at]];
    for (uint32_t i = 0; i < s->ranked_count && may_go_on(s); i++) {
        const struct sourcing_candidate *other = &s->problem->candidates[s->ranked[i]];
        bool is_again = s->pair_stocks[i].is_part && i <= at;
        if (is_again || ((uint32_t)s->pair_stocks[i].any | s->pair_stocks[at].any) != all ||
            other->site == candidate->site)
            continue;
        struct sourcing_terms bound = candidate->least;
        terms_add(&bound, &other->least);
        s->slot_count = 0;
        bool is_open =
            terms_may_win(s, &bound) && plan_open(s, s->ranked[i]) && plan_open(s, s->ranked[at]);
        if (is_open && plan_has_all(s))
            assign_search(s, UINT32_MAX);
    }
}

/* What one has nothing of the other gives whole. Of what can be in no better plan so it is not asked what it has. */
static void splits_search(struct sourcing_scratch *s)
{
    uint32_t all = (1u << s->problem->line_count) - 1;
    for (uint32_t i = 0; i < s->ranked_count && may_go_on(s); i++) {
        const struct part *rest = &s->parts[all & ~(uint32_t)s->pair_stocks[i].any];
        struct sourcing_terms bound = s->problem->candidates[s->ranked[i]].least;
        terms_add(&bound, &rest->floor);
        if (rest->is_there && terms_may_win(s, &bound) && stock_know(s, i) && s->pair_stocks[i].is_part)
            split_with(s, i);
    }
}

/* ---- The search ------------------------------------------------------------------------------- */

/* Half of the steps are left to the search over all sets: it may have to find a first plan yet. */
bool pairs_search(struct sourcing_scratch *s)
{
    const struct sourcing_problem *problem = s->problem;
    uint32_t steps_left = problem->steps_max - s->step_count;
    if (problem->line_count < 2 || problem->line_count > SOURCING_PAIR_LINES_MAX || s->parcels_max < 2 ||
        problem->candidate_count > PAIR_CANDIDATES_MAX || 8 * problem->candidate_count > steps_left)
        return false;
    s->pair_steps_max = s->step_count + steps_left / 2;
    s->left_out_milli = 0;
    if (!rank_collect(s))
        return false;
    rank_sort(s);
    stocks_begin(s);
    parts_floor(s);
    partings_list(s);
    for (uint32_t i = 0; i < s->parting_count && may_go_on(s); i++) {
        if (!s->is_found || levels_are_less(s, &s->partings[i].levels, &s->best))
            parting_search(s, &s->partings[i]);
    }
    if (problem->split_lines)
        splits_search(s);
    return may_go_on(s);
}
