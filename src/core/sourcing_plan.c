/*
 * sourcing_plan.c - a plan of opened candidates and what they give; the best
 * one so far.
 */
#include "core/sourcing_state.h"

/* It is kept; asked for if it is not. */
const int64_t *plan_caps(struct sourcing_scratch *s, uint32_t candidate)
{
    const struct sourcing_problem *problem = s->problem;
    uint32_t row = candidate % s->cap_row_count;
    int64_t *caps = &s->caps[(size_t)row * problem->line_count];
    if (s->cap_rows[row] == candidate + 1)
        return caps;
    if (!steps_take(s, 1 + problem->line_count / TAKES_PER_STEP))
        return NULL;
    s->cap_rows[row] = candidate + 1;
    for (uint32_t line = 0; line < problem->line_count; line++) {
        int64_t cap = may_have_line(problem, candidate, line) ? problem->cap(problem->ctx, candidate, line) : 0;
        caps[line] = oh_max_i64(0, oh_min_i64(cap, problem->needs_milli[line]));
    }
    return caps;
}

bool plan_open(struct sourcing_scratch *s, uint32_t candidate)
{
    OH_ASSERT(s->slot_count < s->parcels_max);
    const int64_t *caps = plan_caps(s, candidate);
    if (caps == NULL || !steps_take(s, 1))
        return false;
    struct slot *slot = &s->slots[s->slot_count++];
    slot->candidate = candidate;
    slot->take_count = 0;
    memcpy(slot->caps, caps, s->problem->line_count * sizeof(*caps));
    return true;
}

bool plan_has_site(const struct sourcing_scratch *s, uint32_t site)
{
    for (uint32_t i = 0; i < s->slot_count; i++) {
        if (s->problem->candidates[s->slots[i].candidate].site == site)
            return true;
    }
    return false;
}

int64_t unit_needs(const struct sourcing_scratch *s, uint32_t unit)
{
    int64_t sum = 0;
    for (uint32_t i = s->unit_first[unit]; i < s->unit_first[unit + 1]; i++)
        sum = saturating_add(sum, s->problem->needs_milli[s->unit_lines[i]]);
    return sum;
}

/* All of it. */
bool slot_has_unit(const struct sourcing_scratch *s, const struct slot *slot, uint32_t unit)
{
    for (uint32_t i = s->unit_first[unit]; i < s->unit_first[unit + 1]; i++) {
        uint32_t line = s->unit_lines[i];
        if (slot->caps[line] < s->problem->needs_milli[line])
            return false;
    }
    return true;
}

int64_t plan_cap(const struct sourcing_scratch *s, uint32_t unit)
{
    uint32_t line = s->unit_lines[s->unit_first[unit]];
    int64_t most = 0;
    int64_t sum = 0;
    for (uint32_t i = 0; i < s->slot_count; i++) {
        if (slot_has_unit(s, &s->slots[i], unit))
            return unit_needs(s, unit);
        most = oh_max_i64(most, s->slots[i].caps[line]);
        sum = saturating_add(sum, s->slots[i].caps[line]);
    }
    if (unit_is_bundle(s, unit))
        return 0;
    return s->problem->split_lines ? oh_min_i64(sum, s->problem->needs_milli[line]) : most;
}

/* Index of the line's take, or where it would be. */
static uint32_t slot_find(const struct slot *slot, uint32_t line)
{
    uint32_t low = 0;
    uint32_t high = slot->take_count;
    if (high == 0 || slot->takes[high - 1].line < line)
        return high;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (slot->takes[middle].line < line)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void slot_put(struct slot *slot, uint32_t line, int64_t quantity_milli)
{
    uint32_t at = slot_find(slot, line);
    OH_ASSERT(at == slot->take_count || slot->takes[at].line != line);
    memmove(&slot->takes[at + 1], &slot->takes[at], (slot->take_count - at) * sizeof(slot->takes[0]));
    slot->takes[at] = (struct sourcing_take){ line, quantity_milli };
    slot->take_count++;
}

void slot_remove(struct slot *slot, uint32_t line)
{
    uint32_t at = slot_find(slot, line);
    OH_ASSERT(at < slot->take_count && slot->takes[at].line == line);
    slot->take_count--;
    memmove(&slot->takes[at], &slot->takes[at + 1], (slot->take_count - at) * sizeof(slot->takes[0]));
}

/* The lines of the slot, when it gives each whole and one word has them; else 0. */
static uint64_t slot_whole_lines(const struct sourcing_scratch *s, const struct slot *slot)
{
    uint64_t lines = 0;
    for (uint32_t i = 0; s->problem->words == 1 && i < slot->take_count; i++) {
        if (slot->takes[i].quantity_milli != s->problem->needs_milli[slot->takes[i].line])
            return 0;
        lines |= UINT64_C(1) << slot->takes[i].line;
    }
    return lines;
}

static bool parcel_ask(struct sourcing_scratch *s, const struct slot *slot, struct sourcing_terms *out_terms)
{
    const struct sourcing_problem *problem = s->problem;
    uint64_t lines = slot_whole_lines(s, slot);
    uint64_t hash = (lines * UINT64_C(0x9e3779b97f4a7c15) ^ slot->candidate) * UINT64_C(0xd1b54a32d192ed03);
    struct judged *judged = &s->judged[hash >> 52];
    if (lines == 0)
        return problem->parcel(problem->ctx, slot->candidate, slot->takes, slot->take_count, out_terms);
    if (judged->stamp != s->judged_stamp || judged->candidate != slot->candidate || judged->lines != lines) {
        *judged = (struct judged){ .lines = lines, .candidate = slot->candidate, .stamp = s->judged_stamp };
        judged->is_made =
            problem->parcel(problem->ctx, slot->candidate, slot->takes, slot->take_count, &judged->terms);
    }
    *out_terms = judged->terms;
    return judged->is_made;
}

bool slot_judge(struct sourcing_scratch *s, struct slot *slot)
{
    const struct sourcing_problem *problem = s->problem;
    if (!steps_take(s, 1 + slot->take_count / TAKES_PER_STEP))
        return false;
    if (slot->take_count == 0) {
        slot->terms = problem->candidates[slot->candidate].least;
        return true;
    }
    struct sourcing_terms terms;
    if (!parcel_ask(s, slot, &terms))
        return false;
    terms.at[OH_TERM_COMPLETE] = 0;
    slot->terms = terms;
    return true;
}

struct sourcing_terms plan_terms(const struct sourcing_scratch *s, bool with_empty)
{
    struct sourcing_terms terms = { { 0 } };
    for (uint32_t i = 0; i < s->slot_count; i++) {
        if (with_empty || s->slots[i].take_count > 0)
            terms_add(&terms, &s->slots[i].terms);
    }
    terms.at[OH_TERM_COMPLETE] = s->left_out_milli;
    return terms;
}

/* By line, then by slot. */
static void picks_copy(struct sourcing_scratch *s)
{
    uint32_t next[SLOTS_MAX] = { 0 };
    s->pick_count = 0;
    for (uint32_t line = 0; line < s->problem->line_count; line++) {
        for (uint32_t i = 0; i < s->slot_count; i++) {
            const struct slot *slot = &s->slots[i];
            if (next[i] < slot->take_count && slot->takes[next[i]].line == line)
                s->picks[s->pick_count++] =
                    (struct sourcing_pick){ slot->candidate, line, slot->takes[next[i]++].quantity_milli };
        }
    }
}

void plan_keep(struct sourcing_scratch *s)
{
    struct sourcing_terms terms = plan_terms(s, false);
    uint32_t take_count = 0;
    for (uint32_t i = 0; i < s->slot_count; i++)
        take_count += s->slots[i].take_count;
    if (take_count == 0 || !terms_may_win(s, &terms))
        return;
    s->is_found = true;
    s->found_count++;
    s->best_terms = terms;
    levels_of(s, &terms, &s->best);
    picks_copy(s);
}
