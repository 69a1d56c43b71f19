/*
 * sourcing_assign.c - who of the opened candidates gives what.
 *
 * Units with one way only are given first. The others are tried in all ways,
 * depth first: a choice is one take, and a line that is split is several. What
 * the parcels are worth with what is in them so far is a bound, as they are monotone.
 */
#include "core/sourcing_state.h"

/* ---- Takes ------------------------------------------------------------------------------------ */

static void unit_put(struct sourcing_scratch *s, struct slot *slot, uint32_t unit, int64_t quantity_milli)
{
    if (!unit_is_bundle(s, unit)) {
        slot_put(slot, s->unit_lines[s->unit_first[unit]], quantity_milli);
        return;
    }
    for (uint32_t i = s->unit_first[unit]; i < s->unit_first[unit + 1]; i++)
        slot_put(slot, s->unit_lines[i], s->problem->needs_milli[s->unit_lines[i]]);
}

static void unit_remove(struct sourcing_scratch *s, struct slot *slot, uint32_t unit)
{
    for (uint32_t i = s->unit_first[unit]; i < s->unit_first[unit + 1]; i++)
        slot_remove(slot, s->unit_lines[i]);
}

/* How much of what is left of the unit the slot may give now, 0: it may not. */
static int64_t choice_quantity(const struct sourcing_scratch *s, const struct choice *choice, uint32_t option)
{
    const struct sourcing_problem *problem = s->problem;
    const struct slot *slot = &s->slots[option];
    if (unit_is_bundle(s, choice->unit))
        return slot_has_unit(s, slot, choice->unit) ? choice->left_milli : 0;
    int64_t cap = slot->caps[s->unit_lines[s->unit_first[choice->unit]]];
    if ((choice->givers >> option & 1) != 0 || (choice->givers != 0 && !problem->split_lines))
        return 0;
    if (cap >= choice->left_milli)
        return choice->left_milli;
    if (problem->split_lines)
        return option >= choice->from ? cap : 0;
    return problem->allow_partial ? cap : 0;
}

static void choice_undo(struct sourcing_scratch *s, struct choice *choice)
{
    if (choice->slot < SLOTS_MAX) {
        struct slot *slot = &s->slots[choice->slot];
        unit_remove(s, slot, choice->unit);
        slot->terms = choice->before;
        choice->slot = SLOTS_MAX;
    }
    s->left_out_milli -= choice->left_out_milli;
    choice->left_out_milli = 0;
}

static bool choice_take(struct sourcing_scratch *s, struct choice *choice, uint32_t option)
{
    struct slot *slot = &s->slots[option];
    int64_t quantity = choice_quantity(s, choice, option);
    if (quantity == 0)
        return false;
    choice->slot = option;
    choice->before = slot->terms;
    choice->still_milli = choice->left_milli - quantity;
    unit_put(s, slot, choice->unit, quantity);
    return slot_judge(s, slot);
}

static bool choice_leave(struct sourcing_scratch *s, struct choice *choice)
{
    if (!s->problem->allow_partial)
        return false;
    choice->still_milli = 0;
    choice->left_out_milli = choice->left_milli;
    s->left_out_milli += choice->left_milli;
    return true;
}

/* The next option that may lead to a better plan is done. False: there is none, and nothing is done. */
static bool choice_next(struct sourcing_scratch *s, struct choice *choice)
{
    choice_undo(s, choice);
    while (choice->option <= s->slot_count && !s->is_cut) {
        uint32_t option = choice->option++;
        if (option < s->slot_count ? choice_take(s, choice, option) : choice_leave(s, choice)) {
            struct sourcing_terms bound = plan_terms(s, true);
            if (terms_may_win(s, &bound))
                return true;
        }
        choice_undo(s, choice);
    }
    return false;
}

/* ---- Units with one way ----------------------------------------------------------------------- */

/* The only slot that can give the unit, SLOTS_MAX: there is a choice. */
static uint32_t unit_only_slot(const struct sourcing_scratch *s, uint32_t unit)
{
    uint32_t line = s->unit_lines[s->unit_first[unit]];
    uint32_t only = SLOTS_MAX;
    if (s->problem->allow_partial)
        return SLOTS_MAX;
    for (uint32_t i = 0; i < s->slot_count; i++) {
        bool is_part = s->problem->split_lines && !unit_is_bundle(s, unit) && s->slots[i].caps[line] > 0;
        if (!is_part && !slot_has_unit(s, &s->slots[i], unit))
            continue;
        if (only != SLOTS_MAX)
            return SLOTS_MAX;
        only = i;
    }
    OH_ASSERT(only != SLOTS_MAX); /* the slots have every unit */
    return only;
}

/* False: not even what must be given can be. */
static bool assign_begin(struct sourcing_scratch *s)
{
    s->left_out_milli = 0;
    s->free_unit_count = 0;
    for (uint32_t i = 0; i < s->slot_count; i++) {
        s->slots[i].take_count = 0;
        s->slots[i].terms = s->problem->candidates[s->slots[i].candidate].least;
    }
    for (uint32_t unit = 0; unit < s->unit_count; unit++) {
        uint32_t only = unit_only_slot(s, unit);
        if (only == SLOTS_MAX)
            s->free_units[s->free_unit_count++] = unit;
        else
            unit_put(s, &s->slots[only], unit, unit_needs(s, unit));
    }
    for (uint32_t i = 0; i < s->slot_count; i++) {
        if (s->slots[i].take_count > 0 && !slot_judge(s, &s->slots[i]))
            return false;
    }
    struct sourcing_terms bound = plan_terms(s, true);
    return terms_may_win(s, &bound);
}

/* ---- All ways --------------------------------------------------------------------------------- */

static void choice_begin(struct sourcing_scratch *s, uint32_t depth, uint32_t unit)
{
    s->choices[depth] =
        (struct choice){ .unit = unit, .slot = SLOTS_MAX, .left_milli = unit_needs(s, unit) };
}

/* The rest of the same line. */
static void choice_follow(struct sourcing_scratch *s, uint32_t depth)
{
    const struct choice *before = &s->choices[depth - 1];
    s->choices[depth] = (struct choice){
        .unit = before->unit,
        .slot = SLOTS_MAX,
        .left_milli = before->still_milli,
        .from = before->slot + 1,
        .givers = before->givers | 1u << before->slot,
    };
}

void assign_search(struct sourcing_scratch *s, uint32_t plans_max)
{
    uint32_t depth = 0;
    uint32_t done = 0; /* free units before the one being chosen */
    uint32_t plans = 0;
    if (!assign_begin(s))
        return;
    if (s->free_unit_count == 0) {
        plan_keep(s);
        return;
    }
    choice_begin(s, 0, s->free_units[0]);
    while (true) { /* ends: each option of each choice is tried once */
        struct choice *choice = &s->choices[depth];
        if (!choice_next(s, choice)) {
            if (depth == 0 || s->is_cut)
                return;
            depth--;
            done -= s->choices[depth].unit != choice->unit;
        } else if (choice->still_milli > 0) {
            choice_follow(s, ++depth);
        } else if (done + 1 < s->free_unit_count) {
            choice_begin(s, ++depth, s->free_units[++done]);
        } else {
            plan_keep(s);
            if (++plans == plans_max)
                return;
        }
    }
}

/* ---- Improvement ------------------------------------------------------------------------------ */

static bool unit_is_whole_in(const struct sourcing_scratch *s, const struct slot *slot, uint32_t unit)
{
    uint32_t line = s->unit_lines[s->unit_first[unit]];
    for (uint32_t i = 0; i < slot->take_count; i++) {
        if (slot->takes[i].line == line)
            return slot->takes[i].quantity_milli == s->problem->needs_milli[line];
    }
    return false;
}

/* Kept when the plan is better for it. */
static bool unit_move(struct sourcing_scratch *s, uint32_t unit, struct slot *from, struct slot *to)
{
    struct sourcing_terms from_terms = from->terms;
    struct sourcing_terms to_terms = to->terms;
    unit_remove(s, from, unit);
    unit_put(s, to, unit, unit_needs(s, unit));
    if (slot_judge(s, to) && slot_judge(s, from)) {
        struct sourcing_terms terms = plan_terms(s, false);
        if (terms_may_win(s, &terms)) {
            plan_keep(s);
            return true;
        }
    }
    unit_remove(s, to, unit);
    unit_put(s, from, unit, unit_needs(s, unit));
    from->terms = from_terms;
    to->terms = to_terms;
    return false;
}

static bool unit_improve(struct sourcing_scratch *s, uint32_t unit)
{
    for (uint32_t i = 0; i < s->slot_count; i++) {
        if (!unit_is_whole_in(s, &s->slots[i], unit))
            continue;
        for (uint32_t j = 0; j < s->slot_count && !s->is_cut; j++) {
            if (j != i && slot_has_unit(s, &s->slots[j], unit) && unit_move(s, unit, &s->slots[i], &s->slots[j]))
                return true;
        }
        return false;
    }
    return false;
}

void assign_improve(struct sourcing_scratch *s)
{
    bool is_better = true;
    while (is_better && !s->is_cut) { /* ends: each round makes it better */
        is_better = false;
        for (uint32_t unit = 0; unit < s->unit_count && !s->is_cut; unit++)
            is_better = unit_improve(s, unit) || is_better;
    }
}
