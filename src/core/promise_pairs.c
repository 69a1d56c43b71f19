/*
 * promise_pairs.c - the few nodes that the best plan of two parcels can come from, when no node has everything (SO6).
 *
 * Of a basket of few lines nodes differ by which lines they may have, and there are few such kinds. The first node of
 * each kind makes a plan, mostly of two parcels. A better one of two needs, beside each of its nodes, another one
 * with the lines that the node lacks, and the soonest date and the least distance of those are known by kind. So a
 * node whose date and distance together with them (and the least that two parcels of the basket cost) are not better
 * than that plan is in no better one, and the search among all the others finds the best there is.
 */
#include "core/promise_screen.h"

/* ---- Kinds of nodes --------------------------------------------------------------------------- */

static const struct kind KIND_NONE = { KEY_NEVER, UINT32_MAX, 0, false };

static void kind_add(struct kind *kind, uint64_t key, uint16_t node)
{
    uint32_t chord = (uint32_t)key;
    kind->chord = chord < kind->chord ? chord : kind->chord;
    if (key >= kind->key)
        return;
    kind->key = key;
    kind->node = node;
}

/* A node that is not enabled has no class. */
static void kinds_make_row(const struct scope *scope, struct leavings *leavings, uint32_t first)
{
    const struct oh_promise_engine *engine = scope->engine;
    struct screen *screen = engine->screen;
    uint64_t open = engine->members[first / ROW] & ~engine->excluded[first / ROW];
    uint32_t end = first + ROW < engine->ledger->node_count ? first + ROW : engine->ledger->node_count;
    double chords[ROW];
    chords_make_span(scope, first, chords);
    for (uint32_t i = first; i < end; i++, open >>= 1) {
        uint16_t lines = screen->marks[i];
        screen->pair_keys[i] = KEY_NEVER;
        uint16_t class = leavings->class_of[i];
        if (lines == 0 || (open & 1) == 0 || class == CLASS_NONE)
            continue;
        uint32_t minutes = class_minutes(&leavings->classes[class], chords[i - first]);
        if (minutes == MINUTES_NEVER)
            continue;
        uint64_t key = (uint64_t)minutes << 32 | key_bits(chords[i - first]);
        screen->pair_keys[i] = key;
        kind_add(&screen->kinds[lines], key, (uint16_t)i);
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
            cover->key = with->key < cover->key ? with->key : cover->key;
        }
    }
}

/* The first of each kind, but where a node with more comes before it. */
static uint32_t firsts_choose(struct screen *screen, uint32_t line_count)
{
    uint32_t count = 0;
    for (uint32_t lines = 1; lines < 1u << line_count; lines++) {
        struct kind *kind = &screen->kinds[lines];
        kind->is_chosen = kind->key != KEY_NEVER && kind->key == screen->covers[lines].key;
        if (kind->is_chosen)
            screen->few[count++] = (struct few){ kind->key, kind->node };
    }
    return count;
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
        screen->limits[lines][i] = limit;
    }
}

/* Those that may be in a plan of two that is better. False: too many. */
static bool better_choose(const struct scope *scope, const struct sourcing_plan *plan, uint32_t *out_count,
                          bool *out_has_more)
{
    const struct oh_promise_engine *engine = scope->engine;
    struct screen *screen = engine->screen;
    struct sourcing_terms least = parcel_two(scope);
    for (uint32_t lines = 1; lines < 1u << engine->line_count; lines++) {
        if (screen->kinds[lines].key != KEY_NEVER)
            kind_limit(scope, plan, lines, least);
    }
    *out_count = 0;
    *out_has_more = false;
    for (uint32_t i = 0; i < engine->ledger->node_count; i++) {
        uint64_t key = screen->pair_keys[i];
        double chord2 = key_chord2((uint32_t)key);
        const double *limits = screen->limits[screen->marks[i]];
        if (key == KEY_NEVER || chord2 > limits[0])
            continue;
        int64_t minutes = (int64_t)(key >> 32);
        uint32_t when = (uint32_t)(minutes >= plan->terms.at[OH_TERM_DATE]) +
                        (uint32_t)(minutes > plan->terms.at[OH_TERM_DATE]);
        const struct kind *kind = &screen->kinds[screen->marks[i]];
        if (chord2 > limits[when])
            continue;
        if (*out_count == FEW_MAX)
            return false;
        screen->few[(*out_count)++] = (struct few){ key, (uint16_t)i };
        *out_has_more = *out_has_more || !kind->is_chosen || kind->node != i;
    }
    return true;
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
    few_search(scope, firsts_choose(screen, engine->line_count), false, plan);
    uint32_t count;
    bool has_more;
    if (!others_cannot_win(scope, plan) || !better_choose(scope, plan, &count, &has_more))
        return false;
    if (has_more)
        few_search(scope, count, false, plan);
    return others_cannot_win(scope, plan);
}
