/*
 * sourcing_sites.c - which candidates a plan is made of.
 *
 * A greedy cover comes first, so that there is something to beat. Then every
 * set of candidates is reached at most once: a branch tries one more candidate
 * of those that may have the rarest line it still wants, and shuts each when it
 * has done with it. Least terms, and how many more candidates are needed at
 * least, bound what a set can become.
 */
#include "core/sourcing_state.h"

#define STARTS_MAX 16u

/* ---- Candidates that are worth a look --------------------------------------------------------- */

/* The builtin is a call where the processor is not known to have an instruction for it. */
static inline uint32_t popcount(uint64_t bits)
{
    bits -= bits >> 1 & UINT64_C(0x5555555555555555);
    bits = (bits & UINT64_C(0x3333333333333333)) + (bits >> 2 & UINT64_C(0x3333333333333333));
    bits = (bits + (bits >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (uint32_t)(bits * UINT64_C(0x0101010101010101) >> 56);
}

static uint32_t bits_common(const uint64_t *a, const uint64_t *b, uint32_t words)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < words; i++)
        count += popcount(a[i] & b[i]);
    return count;
}

static uint32_t bits_count(const uint64_t *bits, uint32_t words)
{
    return bits_common(bits, bits, words);
}

static bool rank_is_before(const struct sourcing_scratch *s, uint32_t a, uint32_t b)
{
    for (uint32_t i = 0; i < s->level_count; i++) {
        if (s->least[a].at[i] != s->least[b].at[i])
            return s->least[a].at[i] < s->least[b].at[i];
    }
    return a < b;
}

/* Merge sort, bottom up. */
void rank_sort(struct sourcing_scratch *s)
{
    for (uint32_t width = 1; width < s->ranked_count; width *= 2) {
        for (uint32_t low = 0; low < s->ranked_count; low += 2 * width) {
            uint32_t middle = low + width < s->ranked_count ? low + width : s->ranked_count;
            uint32_t high = middle + width < s->ranked_count ? middle + width : s->ranked_count;
            uint32_t a = low;
            uint32_t b = middle;
            for (uint32_t i = low; i < high; i++) {
                bool is_a = a < middle && (b == high || !rank_is_before(s, s->ranked[b], s->ranked[a]));
                s->merged[i] = is_a ? s->ranked[a++] : s->ranked[b++];
            }
        }
        memcpy(s->ranked, s->merged, s->ranked_count * sizeof(s->ranked[0]));
    }
}

static bool level_is_pure(const struct level *level)
{
    for (uint32_t i = 0; i < level->count; i++) {
        if (level->terms[i] == OH_TERM_DATE)
            return level->count == 1;
    }
    return true;
}

/* The first level in which candidates differ, if bounds ascend with it: no level up to it adds a date to a sum. */
static uint32_t rank_break_level(const struct sourcing_scratch *s)
{
    for (uint32_t i = 0; i < s->level_count; i++) {
        if (!level_is_pure(&s->levels[i]))
            return OH_LEVELS_MAX;
        for (uint32_t j = 1; j < s->ranked_count; j++) {
            if (s->least[s->ranked[j]].at[i] != s->least[s->ranked[0]].at[i])
                return i;
        }
    }
    return s->level_count == 0 ? OH_LEVELS_MAX : s->level_count - 1;
}

static void ranked_lines_make(struct sourcing_scratch *s)
{
    for (uint32_t i = 0; s->problem->words == 1 && i < s->ranked_count; i++)
        s->ranked_lines[i] = lines_of(s->problem, s->ranked[i])[0];
}

static void givers_count(struct sourcing_scratch *s)
{
    memset(s->giver_counts, 0, s->problem->line_count * sizeof(s->giver_counts[0]));
    for (uint32_t i = 0; i < s->ranked_count; i++) {
        const uint64_t *lines = lines_of(s->problem, s->ranked[i]);
        for (uint32_t word = 0; word < s->problem->words; word++) {
            for (uint64_t bits = lines[word]; bits != 0; bits &= bits - 1)
                s->giver_counts[word * 64 + (uint32_t)__builtin_ctzll(bits)]++;
        }
    }
}

bool rank_collect(struct sourcing_scratch *s)
{
    const struct sourcing_problem *problem = s->problem;
    s->ranked_count = 0;
    for (uint32_t term = 0; term < OH_TERM_COUNT; term++)
        s->floor.at[term] = INT64_MAX;
    if (!steps_take(s, 1 + problem->candidate_count / CANDIDATES_PER_STEP))
        return false;
    for (uint32_t i = 0; i < problem->candidate_count; i++) {
        const struct sourcing_candidate *candidate = &problem->candidates[i];
        if (bits_count(lines_of(problem, i), problem->words) == 0 || !terms_may_win(s, &candidate->least))
            continue;
        for (uint32_t term = 0; term < OH_TERM_COUNT; term++)
            s->floor.at[term] = oh_min_i64(s->floor.at[term], candidate->least.at[term]);
        levels_of(s, &candidate->least, &s->least[i]);
        s->shut[i] = 0;
        s->ranked[s->ranked_count++] = i;
    }
    s->floor.at[OH_TERM_COMPLETE] = 0;
    return true;
}

/* ---- What a set still wants ------------------------------------------------------------------- */

static void unit_clear(const struct sourcing_scratch *s, uint64_t *lines, uint32_t unit)
{
    for (uint32_t i = s->unit_first[unit]; i < s->unit_first[unit + 1]; i++)
        lines[s->unit_lines[i] / 64] &= ~(UINT64_C(1) << (s->unit_lines[i] % 64));
}

static void lines_all(const struct sourcing_problem *problem, uint64_t *lines)
{
    for (uint32_t line = 0; line < problem->words * 64; line++) {
        uint64_t bit = UINT64_C(1) << (line % 64);
        lines[line / 64] = (line < problem->line_count ? bit : 0) | (line % 64 == 0 ? 0 : lines[line / 64]);
    }
}

/* Strikes out what the opened candidates can give. */
static void lines_strike(const struct sourcing_scratch *s, uint64_t *lines)
{
    for (uint32_t word = 0; word < s->problem->words; word++) {
        for (uint64_t bits = lines[word]; bits != 0; bits &= bits - 1) {
            uint32_t unit = s->unit_of_line[word * 64 + (uint32_t)__builtin_ctzll(bits)];
            if (plan_cap(s, unit) == unit_needs(s, unit))
                unit_clear(s, lines, unit);
        }
    }
}

/* The line that the fewest may have. OH_INDEX_NONE: there is no line. */
static uint32_t lines_rarest(const struct sourcing_scratch *s, const uint64_t *lines)
{
    uint32_t rarest = OH_INDEX_NONE;
    for (uint32_t word = 0; word < s->problem->words; word++) {
        for (uint64_t bits = lines[word]; bits != 0; bits &= bits - 1) {
            uint32_t line = word * 64 + (uint32_t)__builtin_ctzll(bits);
            if (rarest == OH_INDEX_NONE || s->giver_counts[line] < s->giver_counts[rarest])
                rarest = line;
        }
    }
    return rarest;
}

static bool may_have_unit(const struct sourcing_scratch *s, uint32_t candidate, uint32_t unit)
{
    for (uint32_t i = s->unit_first[unit]; i < s->unit_first[unit + 1]; i++) {
        if (!may_have_line(s->problem, candidate, s->unit_lines[i]))
            return false;
    }
    return true;
}

/* ---- Greedy ----------------------------------------------------------------------------------- */

/*
 * Of those that may have the most of the lines the one with the least terms: once they are sorted the first that has
 * all. OH_INDEX_NONE: none has any.
 */
static uint32_t cover_most(struct sourcing_scratch *s, const uint64_t *lines)
{
    uint32_t all = s->is_sorted ? bits_count(lines, s->problem->words) : UINT32_MAX;
    uint32_t most = 0;
    uint32_t chosen = OH_INDEX_NONE;
    if (!steps_take(s, 1 + s->ranked_count / CANDIDATES_PER_STEP))
        return OH_INDEX_NONE;
    for (uint32_t i = 0; i < s->ranked_count && most < all; i++) {
        uint32_t candidate = s->ranked[i];
        uint32_t count = bits_common(lines_of(s->problem, candidate), lines, s->problem->words);
        bool is_better = count > most || (count == most && count > 0 && rank_is_before(s, candidate, chosen));
        if (is_better && !plan_has_site(s, s->problem->candidates[candidate].site)) {
            most = count;
            chosen = candidate;
        }
    }
    return chosen;
}

/* Opens the candidate and what covers the rest, and gives. */
static void greedy_start(struct sourcing_scratch *s, uint32_t first)
{
    uint64_t wanting[LINE_WORDS_MAX];
    uint32_t candidate = first;
    s->slot_count = 0;
    lines_all(s->problem, wanting);
    while (candidate != OH_INDEX_NONE && plan_open(s, candidate)) {
        lines_strike(s, wanting);
        if (s->slot_count == s->parcels_max || lines_rarest(s, wanting) == OH_INDEX_NONE)
            break;
        candidate = cover_most(s, wanting);
    }
    if (s->slot_count == 0 || (lines_rarest(s, wanting) != OH_INDEX_NONE && !s->problem->allow_partial))
        return;
    assign_search(s, 1);
    assign_improve(s);
}

bool sites_greedy(struct sourcing_scratch *s)
{
    uint64_t all[LINE_WORDS_MAX];
    if (!rank_collect(s))
        return false;
    lines_all(s->problem, all);
    s->slot_count = 0;
    greedy_start(s, cover_most(s, all));
    return !s->is_cut;
}

/* From some of those that may have the rarest line. */
static void greedy_more(struct sourcing_scratch *s)
{
    uint64_t all[LINE_WORDS_MAX];
    lines_all(s->problem, all);
    uint32_t rarest = lines_rarest(s, all);
    uint32_t starts = 0;
    for (uint32_t i = 0; i < s->ranked_count && starts < STARTS_MAX && !s->is_cut; i++) {
        if (may_have_line(s->problem, s->ranked[i], rarest)) {
            greedy_start(s, s->ranked[i]);
            starts++;
        }
    }
}

/* ---- All sets --------------------------------------------------------------------------------- */

/* Whether another look at the branch is worth it; sets what its children need. */
static bool branch_look(struct sourcing_scratch *s, struct branch *branch)
{
    const struct sourcing_problem *problem = s->problem;
    branch->next = 0;
    branch->more = 0;
    branch->shut_count = 0;
    branch->limits_of = UINT32_MAX;
    branch->pivot = lines_rarest(s, branch->wanting);
    if (s->slot_count == s->parcels_max)
        return false;
    if (branch->pivot == OH_INDEX_NONE || problem->allow_partial)
        return true;
    if (!steps_take(s, 1 + s->ranked_count / CANDIDATES_PER_STEP))
        return false;
    uint32_t wanting = bits_count(branch->wanting, problem->words);
    branch->cover_max = 0;
    for (uint32_t i = 0; i < s->ranked_count && branch->cover_max < wanting; i++) {
        uint32_t count = bits_common(lines_of(problem, s->ranked[i]), branch->wanting, problem->words);
        if (count > branch->cover_max && s->shut[s->ranked[i]] == 0)
            branch->cover_max = count;
    }
    if (branch->cover_max == 0)
        return false;
    branch->more = (wanting + branch->cover_max - 1) / branch->cover_max;
    return s->slot_count + branch->more <= s->parcels_max;
}

/* The floor with the candidate, and with `more` after it. */
static struct sourcing_terms branch_bound(const struct sourcing_scratch *s, const struct branch *branch,
                                          uint32_t candidate, uint32_t more)
{
    struct sourcing_terms bound = branch->floor;
    terms_add(&bound, &s->problem->candidates[candidate].least);
    bound.at[OH_TERM_COMPLETE] = branch->floor.at[OH_TERM_COMPLETE];
    for (uint32_t i = 0; i < more; i++)
        terms_add(&bound, &s->floor);
    return bound;
}

/* Neither this candidate nor any after it in the rank can win. */
static bool branch_is_over(const struct sourcing_scratch *s, const struct branch *branch, uint32_t candidate)
{
    struct sourcing_terms bound = branch_bound(s, branch, candidate, branch->more > 0 ? branch->more - 1 : 0);
    for (uint32_t i = 0; i <= s->break_level; i++) {
        int64_t value = level_of(&s->levels[i], &bound);
        if (value != s->best.at[i])
            return value > s->best.at[i];
    }
    return s->break_level == s->level_count - 1;
}

static bool branch_may_take(const struct sourcing_scratch *s, const struct branch *branch, uint32_t candidate)
{
    const struct sourcing_problem *problem = s->problem;
    if (s->shut[candidate] != 0 || plan_has_site(s, problem->candidates[candidate].site))
        return false;
    if (branch->pivot != OH_INDEX_NONE && !may_have_unit(s, candidate, s->unit_of_line[branch->pivot]))
        return false;
    uint32_t more = 0;
    if (branch->more > 0) {
        uint32_t rest = bits_count(branch->wanting, problem->words) -
                        bits_common(branch->wanting, lines_of(problem, candidate), problem->words);
        more = (rest + branch->cover_max - 1) / branch->cover_max;
    }
    struct sourcing_terms bound = branch_bound(s, branch, candidate, more);
    return s->slot_count + 1 + more <= s->parcels_max && terms_may_win(s, &bound);
}

/* Bounds ascend with the rank, so where they pass the best can be halved to. */
static uint32_t branch_end(const struct sourcing_scratch *s, const struct branch *branch)
{
    uint32_t low = branch->next;
    uint32_t high = s->ranked_count;
    if (!s->is_found || s->break_level == OH_LEVELS_MAX)
        return high;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (branch_is_over(s, branch, s->ranked[middle]))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* With any candidate, and with so many after it as there is room for and a better plan can have. */
static uint32_t branch_rest_max(const struct sourcing_scratch *s, const struct branch *branch)
{
    uint32_t more = s->parcels_max - s->slot_count - 1;
    if (branch->more == 0)
        return UINT32_MAX;
    for (; more > 0; more--) {
        struct sourcing_terms bound = branch->floor;
        for (uint32_t i = 0; i <= more; i++)
            terms_add(&bound, &s->floor);
        bound.at[OH_TERM_COMPLETE] = branch->floor.at[OH_TERM_COMPLETE];
        if (terms_may_win(s, &bound))
            break;
    }
    return more * branch->cover_max;
}

static void branch_limit(struct sourcing_scratch *s, struct branch *branch)
{
    branch->limits_of = s->found_count;
    branch->end = branch_end(s, branch);
    branch->rest_max = branch_rest_max(s, branch);
}

/* Whether it has the pivot and leaves few enough lines wanting, as far as that can be seen from one word. */
static inline bool rank_may_do(const struct sourcing_scratch *s, const struct branch *branch, uint32_t at)
{
    if (s->problem->words > 1)
        return true;
    uint64_t lines = s->ranked_lines[at];
    uint64_t rest = branch->wanting[0] & ~lines;
    if (branch->pivot != OH_INDEX_NONE && (lines >> branch->pivot & 1) == 0)
        return false;
    return rest == 0 || branch->rest_max == UINT32_MAX || popcount(rest) <= branch->rest_max;
}

/* The next candidate of the branch. OH_INDEX_NONE: there is none. */
static uint32_t branch_next(struct sourcing_scratch *s, struct branch *branch)
{
    uint32_t from = branch->next;
    uint32_t found = OH_INDEX_NONE;
    if (branch->is_over)
        return OH_INDEX_NONE;
    if (branch->limits_of != s->found_count)
        branch_limit(s, branch);
    while (branch->next < branch->end && found == OH_INDEX_NONE) {
        uint32_t at = branch->next++;
        if (rank_may_do(s, branch, at) && branch_may_take(s, branch, s->ranked[at]))
            found = s->ranked[at];
    }
    return steps_take(s, (branch->next - from) / CANDIDATES_PER_STEP) ? found : OH_INDEX_NONE;
}

/* Leaves the branch: what it has shut is open again, and the one below has done with its candidate. */
static void branch_leave(struct sourcing_scratch *s, uint32_t depth)
{
    struct branch *branch = &s->branches[depth];
    for (uint32_t i = 0; i < branch->next && branch->shut_count > 0; i++) {
        if (s->shut[s->ranked[i]] != depth + 1)
            continue;
        s->shut[s->ranked[i]] = 0;
        branch->shut_count--;
    }
    if (!branch->opens)
        return;
    s->shut[s->slots[--s->slot_count].candidate] = (uint16_t)depth;
    s->branches[depth - 1].shut_count++;
}

static bool branch_open(struct sourcing_scratch *s, uint32_t depth, uint32_t candidate)
{
    struct branch *branch = &s->branches[depth];
    const struct branch *below = &s->branches[depth - 1];
    if (!plan_open(s, candidate))
        return false;
    branch->opens = true;
    branch->floor = branch_bound(s, below, candidate, 0);
    memcpy(branch->wanting, below->wanting, s->problem->words * sizeof(branch->wanting[0]));
    lines_strike(s, branch->wanting);
    branch->is_over = !branch_look(s, branch);
    branch->has_given_up = branch->is_over;
    if (s->problem->allow_partial || branch->pivot == OH_INDEX_NONE)
        assign_search(s, UINT32_MAX);
    return true;
}

/* All that may have the pivot are shut: it lacks what the set cannot give. False: that is no use, or not allowed. */
static bool branch_give_up(struct sourcing_scratch *s, uint32_t depth)
{
    struct branch *branch = &s->branches[depth];
    struct branch *below = &s->branches[depth - 1];
    if (!s->problem->allow_partial || below->pivot == OH_INDEX_NONE || below->has_given_up || s->is_cut)
        return false;
    uint32_t unit = s->unit_of_line[below->pivot];
    below->has_given_up = true;
    branch->opens = false;
    branch->is_over = false;
    branch->has_given_up = false;
    branch->floor = below->floor;
    branch->floor.at[OH_TERM_COMPLETE] =
        saturating_add(branch->floor.at[OH_TERM_COMPLETE], unit_needs(s, unit) - plan_cap(s, unit));
    memcpy(branch->wanting, below->wanting, s->problem->words * sizeof(branch->wanting[0]));
    unit_clear(s, branch->wanting, unit);
    return terms_may_win(s, &branch->floor) && branch_look(s, branch);
}

static void branch_search(struct sourcing_scratch *s)
{
    uint32_t depth = 0;
    struct branch *root = &s->branches[0];
    *root = (struct branch){ .opens = false };
    s->slot_count = 0;
    lines_all(s->problem, root->wanting);
    if (!branch_look(s, root))
        return;
    while (!s->is_cut) { /* ends: each set is reached once */
        uint32_t candidate = branch_next(s, &s->branches[depth]);
        if (candidate != OH_INDEX_NONE ? branch_open(s, depth + 1, candidate) : branch_give_up(s, depth + 1)) {
            depth++;
        } else {
            branch_leave(s, depth);
            if (depth == 0)
                return;
            depth--;
        }
    }
}

void sites_search(struct sourcing_scratch *s)
{
    if (!rank_collect(s) || s->ranked_count == 0)
        return;
    rank_sort(s);
    s->is_sorted = true;
    s->break_level = rank_break_level(s);
    ranked_lines_make(s);
    givers_count(s);
    greedy_more(s);
    branch_search(s);
}
