/*
 * promise_pairs.c - the few nodes that the best plan of two parcels can come from, when no node has everything (SO6).
 *
 * Of a basket of few lines nodes differ by which lines they may have, and there are few such kinds. The basket is
 * parted in two in every way; of the first node that may have the one part and the first that may have the other, those
 * two make a plan that may be the best. A better one of two parcels needs, beside each of its nodes, another one with
 * the lines that the node lacks, and the soonest date and the least distance of those are known by kind. So a node
 * whose date and distance together with them (and the least that two parcels of the basket cost) are not better than
 * that plan is in no better one. Of the few that are left each two are looked at, with what each must send at least:
 * mostly no two may make a better plan, else the search among those that may finds the best there is.
 */
#include "core/promise_screen.h"

#define PAIRED_MAX 64u /* so many nodes are looked at in pairs */

/* ---- Kinds of nodes --------------------------------------------------------------------------- */

static const struct kind KIND_NONE = { KEY_NEVER, UINT32_MAX, 0 };

static void kind_add(struct kind *kind, uint64_t key, uint16_t node)
{
    uint32_t chord = (uint32_t)key;
    kind->chord = chord < kind->chord ? chord : kind->chord;
    if (key >= kind->key)
        return;
    kind->key = key;
    kind->node = node;
}

/* A node that is not enabled has no class. Which nodes have none of it cannot be foreseen: they are a kind too. */
static void kinds_make_row(const struct scope *scope, struct leavings *leavings, uint32_t first)
{
    const struct oh_promise_engine *engine = scope->engine;
    struct screen *screen = engine->screen;
    uint64_t open = engine->members[first / ROW] & ~engine->excluded[first / ROW];
    uint32_t end = first + ROW < engine->ledger->node_count ? first + ROW : engine->ledger->node_count;
    double chords[ROW];
    chords_make_span(scope, first, chords);
    for (uint32_t i = first; i < end; i++, open >>= 1) {
        screen->pair_keys[i] = KEY_NEVER;
        uint16_t class = leavings->class_of[i];
        if ((open & 1) == 0 || class == CLASS_NONE)
            continue;
        uint32_t minutes = class_minutes(&leavings->classes[class], chords[i - first]);
        if (minutes == MINUTES_NEVER)
            continue;
        uint64_t key = (uint64_t)minutes << 32 | key_bits(chords[i - first]);
        screen->pair_keys[i] = key;
        kind_add(&screen->kinds[screen->marks[i]], key, (uint16_t)i);
    }
}

/* The key of each node that may have some of it; the first of each kind, and the least of each. */
static void kinds_make(const struct scope *scope, struct leavings *leavings)
{
    const struct oh_promise_engine *engine = scope->engine;
    struct screen *screen = engine->screen;
    const struct item *item = &engine->ledger->items[engine->lines[0].item];
    const uint16_t *nodes = item_node_list(engine->ledger, item);
    for (uint32_t i = 0; i < item->node_count; i++)
        screen->marks[nodes[i]] |= 1; /* the others are marked */
    for (uint32_t i = 0; i < 1u << engine->line_count; i++)
        screen->kinds[i] = KIND_NONE;
    for (uint32_t i = 0; i < leavings->class_count; i++)
        (void)class_get(scope, leavings, (uint16_t)i);
    for (uint32_t first = 0; first < engine->ledger->node_count; first += ROW)
        kinds_make_row(scope, leavings, first);
    screen->kinds[0] = KIND_NONE;
}

/* Of each set of lines: of all nodes that may have these, and more. */
static void covers_make(struct screen *screen, uint32_t line_count)
{
    memcpy(screen->covers, screen->kinds, (1u << line_count) * sizeof(screen->kinds[0]));
    for (uint32_t line = 0; line < line_count; line++) {
        for (uint32_t lines = 0; lines < 1u << line_count; lines++) {
            struct kind *cover = &screen->covers[lines];
            const struct kind *with = &screen->covers[lines | 1u << line];
            cover->chord = with->chord < cover->chord ? with->chord : cover->chord;
            cover->node = with->key < cover->key ? with->node : cover->node;
            cover->key = with->key < cover->key ? with->key : cover->key;
        }
    }
}

/* The first of each kind, but where a node with more comes before it. */
static uint32_t firsts_choose(struct screen *screen, uint32_t line_count)
{
    uint32_t count = 0;
    for (uint32_t lines = 1; lines < 1u << line_count; lines++) {
        const struct kind *kind = &screen->kinds[lines];
        if (kind->key != KEY_NEVER && kind->key == screen->covers[lines].key)
            screen->few[count++] = (struct few){ kind->key, kind->node };
    }
    return count;
}

static bool few_are_firsts(const struct screen *screen, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t lines = screen->marks[screen->few[i].node];
        const struct kind *kind = &screen->kinds[lines];
        if (kind->node != screen->few[i].node || kind->key != screen->covers[lines].key)
            return false;
    }
    return true;
}

/* ---- The first plan --------------------------------------------------------------------------- */

/* What the parcel of each set of lines costs at least, whoever sends it. */
static void prices_make(const struct scope *scope)
{
    const struct oh_promise_engine *engine = scope->engine;
    for (uint32_t lines = 0; lines < 1u << engine->line_count; lines++) {
        struct part_price *price = &engine->screen->prices[lines];
        struct sourcing_terms least;
        price->is_there = parcel_part(scope, lines, &least);
        price->boxes = least.at[OH_TERM_PARCELS];
        price->cost_milli = least.at[OH_TERM_COST];
    }
}

/* Two nodes are there no sooner than the later, and together as far away. */
static void pair_reach(const struct scope *scope, uint64_t a, uint64_t b, struct sourcing_terms *terms)
{
    terms->at[OH_TERM_DATE] = (int64_t)((a > b ? a : b) >> 32);
    terms->at[OH_TERM_DISTANCE] = distance_least_m(scope, (uint32_t)a) + distance_least_m(scope, (uint32_t)b);
}

/* What a plan is worth at least in which one node sends the part, the other the rest. False: there is none. */
static bool pair_least(const struct scope *scope, uint32_t part, struct sourcing_terms *out_terms)
{
    const struct screen *screen = scope->engine->screen;
    uint32_t rest = ((1u << scope->engine->line_count) - 1) & ~part;
    const struct kind *a = &screen->covers[part];
    const struct kind *b = &screen->covers[rest];
    if (a->key == KEY_NEVER || b->key == KEY_NEVER || a->node == b->node || !screen->prices[part].is_there ||
        !screen->prices[rest].is_there)
        return false;
    *out_terms = (struct sourcing_terms){ { 0 } };
    out_terms->at[OH_TERM_PARCELS] = screen->prices[part].boxes + screen->prices[rest].boxes;
    out_terms->at[OH_TERM_COST] = screen->prices[part].cost_milli + screen->prices[rest].cost_milli;
    pair_reach(scope, a->key, b->key, out_terms);
    return true;
}

/* Of two nodes with the basket between them those whose plan may be the best. False: there are none. */
static bool pair_choose(const struct scope *scope, struct few out_pair[2])
{
    const struct screen *screen = scope->engine->screen;
    uint32_t all = (1u << scope->engine->line_count) - 1;
    uint32_t best = 0;
    struct sourcing_terms best_terms;
    for (uint32_t part = 1; part < all; part += 2) {
        struct sourcing_terms terms;
        if (!pair_least(scope, part, &terms) ||
            (best != 0 && !objective_is_less(&scope->engine->policy->objective, &terms, &best_terms)))
            continue;
        best = part;
        best_terms = terms;
    }
    out_pair[0] = (struct few){ screen->covers[best].key, screen->covers[best].node };
    out_pair[1] = (struct few){ screen->covers[all ^ best].key, screen->covers[all ^ best].node };
    return best != 0;
}

/* ---- Nodes that may be in a better plan ------------------------------------------------------- */

/* How far away a node may be that the plan does not beat, if it and its other are there by then; below 0: none may. */
static double chord2_limit(const struct scope *scope, const struct sourcing_plan *plan, struct sourcing_terms least,
                           int64_t other_m)
{
    const struct oh_objective *objective = &scope->engine->policy->objective;
    least.at[OH_TERM_DISTANCE] = other_m;
    if (objective_is_less(objective, &plan->terms, &least))
        return -1;
    int64_t limit_m = plan->terms.at[OH_TERM_DISTANCE] - other_m + 2; /* distances are rounded */
    least.at[OH_TERM_DISTANCE] = plan->terms.at[OH_TERM_DISTANCE] + 1;
    if (!scope->engine->has_point || limit_m >= FAR_M || !objective_is_less(objective, &plan->terms, &least))
        return CHORD2_ANY;
    return geo_chord2((double)limit_m / 1000) * KEY_CHORD2_UP;
}

/* Of nodes of the kind that are there sooner than the plan, with it, and later: none is greater than the one before. */
static void kind_limit(const struct scope *scope, const struct sourcing_plan *plan, uint32_t lines,
                       struct sourcing_terms least)
{
    struct screen *screen = scope->engine->screen;
    const struct kind *other = &screen->covers[((1u << scope->engine->line_count) - 1) & ~lines];
    int64_t date = plan->terms.at[OH_TERM_DATE];
    int64_t other_minutes = (int64_t)(other->key >> 32);
    int64_t other_m = other->key == KEY_NEVER ? 0 : distance_least_m(scope, other->chord);
    double limit = other->key == KEY_NEVER ? -1 : CHORD2_ANY;
    for (uint32_t i = 0; i < 3; i++) {
        least.at[OH_TERM_DATE] = oh_max_i64(other_minutes, i == 0 ? 0 : date + i - 1);
        limit = limit < 0 ? -1 : chord2_limit(scope, plan, least, other_m);
        screen->limits[lines][i] = limit < 0 ? 0 : key_bits(limit) + 1;
    }
}

/* Those that may be in a plan of two that is better. False: too many. */
static bool better_choose(const struct scope *scope, const struct sourcing_plan *plan,
                          struct sourcing_terms least, uint32_t *out_count)
{
    const struct oh_promise_engine *engine = scope->engine;
    struct screen *screen = engine->screen;
    for (uint32_t lines = 1; lines < 1u << engine->line_count; lines++) {
        if (screen->kinds[lines].key != KEY_NEVER)
            kind_limit(scope, plan, lines, least);
    }
    memset(screen->limits[0], 0, sizeof(screen->limits[0])); /* of those with none of it */
    *out_count = 0;
    for (uint32_t i = 0; i < engine->ledger->node_count; i++) {
        uint64_t key = screen->pair_keys[i]; /* KEY_NEVER is above all limits */
        const uint32_t *limits = screen->limits[screen->marks[i]];
        if ((uint32_t)key >= limits[0])
            continue;
        int64_t minutes = (int64_t)(key >> 32);
        uint32_t when = (uint32_t)(minutes >= plan->terms.at[OH_TERM_DATE]) +
                        (uint32_t)(minutes > plan->terms.at[OH_TERM_DATE]);
        if ((uint32_t)key >= limits[when])
            continue;
        if (*out_count == FEW_MAX)
            return false;
        screen->few[(*out_count)++] = (struct few){ key, (uint16_t)i };
    }
    return true;
}

/* Each sends at least what the other lacks. One node may send both parcels, when it has everything. */
static bool two_may_win(const struct scope *scope, const struct sourcing_plan *plan,
                        struct sourcing_terms least, const struct few *a, const struct few *b)
{
    const struct screen *screen = scope->engine->screen;
    uint32_t all = (1u << scope->engine->line_count) - 1;
    uint32_t a_lines = screen->marks[a->node];
    uint32_t b_lines = screen->marks[b->node];
    const struct part_price *of_a = &screen->prices[all & ~b_lines];
    const struct part_price *of_b = &screen->prices[all & ~a_lines];
    if ((a_lines | b_lines) != all || !of_a->is_there || !of_b->is_there)
        return false;
    least.at[OH_TERM_PARCELS] = oh_max_i64(least.at[OH_TERM_PARCELS], of_a->boxes + of_b->boxes);
    least.at[OH_TERM_COST] = oh_max_i64(least.at[OH_TERM_COST], of_a->cost_milli + of_b->cost_milli);
    pair_reach(scope, a->key, b->key, &least);
    return !objective_is_less(&scope->engine->policy->objective, &plan->terms, &least);
}

static bool is_one_of(const struct few pair[2], const struct few *one)
{
    return one->node == pair[0].node || one->node == pair[1].node;
}

/* Of so many of the few leaves these two and those that with another may make a better plan; 0: none may. */
static uint32_t better_pairs(const struct scope *scope, const struct sourcing_plan *plan,
                             struct sourcing_terms least, const struct few pair[2], uint32_t count)
{
    struct few *few = scope->engine->screen->few;
    bool stays[PAIRED_MAX] = { false };
    bool has_better = false;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = i; k < count; k++) {
            bool is_theirs = i != k && is_one_of(pair, &few[i]) && is_one_of(pair, &few[k]);
            if (is_theirs || (stays[i] && stays[k]) || !two_may_win(scope, plan, least, &few[i], &few[k]))
                continue;
            stays[i] = true;
            stays[k] = true;
            has_better = true;
        }
    }
    uint32_t left = 0;
    for (uint32_t i = 0; i < count && has_better; i++) {
        if (stays[i] || is_one_of(pair, &few[i]))
            few[left++] = few[i];
    }
    return left;
}

/* A plan of three parcels, or of a part, is no better. */
static bool others_cannot_win(const struct scope *scope, const struct sourcing_plan *plan)
{
    return plan->is_found && !plan->is_bounded && plan->terms.at[OH_TERM_COMPLETE] == 0 &&
           plan_beats(scope, plan, 3, 0);
}

bool pairs_suffice(struct scope *scope, struct leavings *leavings, struct sourcing_plan *plan)
{
    struct oh_promise_engine *engine = scope->engine;
    struct screen *screen = engine->screen;
    if (engine->line_count < 2 || engine->line_count > SOURCING_PAIR_LINES_MAX || !engine->policy->split_orders ||
        scope->parcels_max < 2)
        return false;
    kinds_make(scope, leavings);
    covers_make(screen, engine->line_count);
    prices_make(scope);
    struct few pair[2];
    bool is_pair = pair_choose(scope, pair);
    if (is_pair) {
        memcpy(screen->few, pair, sizeof(pair));
        few_search(scope, 2, false, plan);
        is_pair = others_cannot_win(scope, plan);
    }
    if (!is_pair)
        few_search(scope, firsts_choose(screen, engine->line_count), false, plan);
    struct sourcing_terms least = parcel_two(scope);
    uint32_t count;
    if (!others_cannot_win(scope, plan) || !better_choose(scope, plan, least, &count))
        return false;
    if (is_pair && count <= PAIRED_MAX)
        count = better_pairs(scope, plan, least, pair, count);
    else if (!is_pair && few_are_firsts(screen, count))
        count = 0; /* the plan is theirs */
    if (count > 0)
        few_search(scope, count, false, plan);
    return others_cannot_win(scope, plan);
}
