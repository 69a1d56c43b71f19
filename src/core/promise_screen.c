/*
 * promise_screen.c - the few nodes that the best plan of a service can come
 * from, found without a look at what the others have (SO6).
 *
 * By most policies one node sends everything, as soon as can be, and of such nodes the nearest. What leaves a node
 * first is the same for every question for hours, and is kept, in columns over the nodes. From it and the place of the
 * destination follow the date and the distance of any parcel of a node at least. The search is given the nodes that
 * may have everything and come first by them. Its plan is the answer when it is better than what any other can be at
 * least; else it is given more of them, then the nodes that are soonest with any of it, and in the end every node
 * (promise_scope.c).
 */
#include "core/promise_screen.h"

#define FEW_FIRST      4u
#define FEW_TIMES      8u
#define EARLY_TRIES    2u
#define STEPS_RECALL   4096u

size_t screen_size(void)
{
    return sizeof(struct screen);
}

/* ---- Whether the plan of a few is the best of all --------------------------------------------- */

static enum order order_of(const struct oh_objective *objective)
{
    enum order order = ORDER_NONE;
    const uint32_t same = 1u << OH_TERM_COMPLETE | 1u << OH_TERM_PARCELS | 1u << OH_TERM_COST;
    for (uint32_t i = 0; i < objective->level_count; i++) {
        uint32_t terms = 0;
        for (uint32_t term = 0; term < OH_TERM_COUNT; term++)
            terms |= (objective->weights[i][term] != 0 ? 1u : 0u) << term;
        if ((terms & ~same) == 0)
            continue;
        if (order == ORDER_NONE && terms == 1u << OH_TERM_DATE)
            order = ORDER_DATE;
        else if (terms == 1u << OH_TERM_DISTANCE)
            return order == ORDER_NONE ? ORDER_DISTANCE : ORDER_DATE_DISTANCE;
        else
            return order;
    }
    return order;
}

int64_t distance_least_m(const struct scope *scope, uint32_t chord_bits)
{
    if (!scope->engine->has_point)
        return 0;
    return oh_max_i64(0, geo_metres(key_chord2(chord_bits) * (1 - 1e-6)) - 1);
}

/* What a node that was not chosen is at least, if it sends everything: it costs what the plan's does. */
static struct sourcing_terms rest_least(const struct scope *scope, const struct sourcing_plan *plan, enum order order,
                                        const struct few *first)
{
    struct sourcing_terms least = plan->terms;
    uint32_t high = (uint32_t)(first->key >> 32);
    uint32_t low = (uint32_t)first->key;
    least.at[OH_TERM_DATE] = order == ORDER_DISTANCE ? 0 : high;
    if (order == ORDER_DATE)
        least.at[OH_TERM_DISTANCE] = 0;
    else
        least.at[OH_TERM_DISTANCE] = distance_least_m(scope, order == ORDER_DISTANCE ? high : low);
    least.at[OH_TERM_PRIORITY] = 0;
    least.at[OH_TERM_BALANCE] = 0;
    return least;
}

/* The least of all that any node may send of any line. */
static uint32_t minutes_least(const struct scope *scope, struct leavings *leavings)
{
    const struct oh_promise_engine *engine = scope->engine;
    uint32_t least = MINUTES_NEVER;
    for (uint32_t j = 0; j < engine->line_count; j++) {
        const struct item *item = &engine->ledger->items[engine->lines[j].item];
        const uint16_t *nodes = item_node_list(engine->ledger, item);
        for (uint32_t i = 0; i < item->node_count; i++) {
            uint32_t minutes = node_minutes(scope, leavings, nodes[i]);
            least = minutes < least && node_is_open(engine, nodes[i]) ? minutes : least;
        }
    }
    return least;
}

/* A plan of so many parcels at least, none of which is there sooner; it leaves out so much. */
static struct sourcing_terms bound_of(const struct scope *scope, int64_t parcels, int64_t minutes, int64_t left_out)
{
    struct sourcing_terms bound = { { 0 } };
    bound.at[OH_TERM_COMPLETE] = left_out;
    bound.at[OH_TERM_PARCELS] = parcels;
    bound.at[OH_TERM_DATE] = minutes;
    bound.at[OH_TERM_COST] = parcels * oh_max_i64(0, route_cost_milli(&scope->route, 0));
    return bound;
}

bool plan_beats(const struct scope *scope, const struct sourcing_plan *plan, int64_t parcels, int64_t minutes)
{
    const struct oh_sourcing *policy = scope->engine->policy;
    struct sourcing_terms all = bound_of(scope, parcels, minutes, 0);
    struct sourcing_terms part = bound_of(scope, 1, minutes, 1);
    bool may_split = policy->split_orders && scope->parcels_max >= parcels;
    return ((parcels > 1 && !may_split) || objective_is_less(&policy->objective, &plan->terms, &all)) &&
           (!policy->allow_partial || objective_is_less(&policy->objective, &plan->terms, &part));
}

static bool plan_is_single(const struct sourcing_plan *plan)
{
    for (uint32_t i = 1; i < plan->pick_count; i++) {
        if (plan->picks[i].candidate != plan->picks[0].candidate)
            return false;
    }
    return plan->is_found && plan->terms.at[OH_TERM_COMPLETE] == 0;
}

/* Nodes that cannot be told apart are met in their order, and those that were not chosen come later. */
static bool rest_cannot_win(const struct scope *scope, const struct sourcing_plan *plan, enum order order,
                            const struct few *first)
{
    const struct oh_objective *objective = &scope->engine->policy->objective;
    struct sourcing_terms least = rest_least(scope, plan, order, first);
    return objective_is_less(objective, &plan->terms, &least) ||
           (!scope->engine->has_point && !objective_is_less(objective, &least, &plan->terms));
}

/* ---- The search among them -------------------------------------------------------------------- */

static void few_sort_by_node(struct few *few, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct few one = few[i];
        uint32_t at = i;
        for (; at > 0 && few[at - 1].node > one.node; at--)
            few[at] = few[at - 1];
        few[at] = one;
    }
}

/* The best so far, if the search among all does not come to an end. */
static void found_keep(const struct scope *scope, const struct sourcing_plan *plan)
{
    const struct oh_promise_engine *engine = scope->engine;
    struct found *found = &engine->screen->found;
    const struct oh_objective *objective = &engine->policy->objective;
    if (!plan->is_found || (found->is_there && !objective_is_less(objective, &plan->terms, &found->terms)))
        return;
    *found = (struct found){ .is_there = true, .terms = plan->terms };
    for (uint32_t i = 0; i < plan->pick_count; i++) {
        uint16_t node = scope->offers->sites[engine->reaches[plan->picks[i].candidate].site].node;
        uint32_t at = 0;
        while (at < found->node_count && found->nodes[at] != node)
            at++;
        found->nodes[at] = node;
        found->node_count += at == found->node_count ? 1 : 0;
    }
}

static void offers_search(struct scope *scope, struct sourcing_plan *plan)
{
    offers_variants(scope->engine, scope->offers);
    scope->candidate_count = 0;
    candidates_add(scope);
    scope_search(scope, plan);
    found_keep(scope, plan);
}

void few_search(struct scope *scope, uint32_t count, bool have_all, struct sourcing_plan *plan)
{
    struct oh_promise_engine *engine = scope->engine;
    struct screen *screen = engine->screen;
    few_sort_by_node(screen->few, count);
    offers_begin(scope->offers);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t site = offers_site(engine, scope->offers, screen->few[i].node, OH_KIND_SHIP);
        for (uint32_t j = 0; site != NO_SLOT && j < engine->line_count; j++) {
            if (have_all || (screen->marks[screen->few[i].node] >> j & 1) != 0)
                offers_site_line(engine, scope->offers, site, j);
        }
    }
    offers_search(scope, plan);
}

enum end { END_PROVEN, END_OTHERS, END_NONE };

/* One node that sends everything. END_NONE: that is not the best; END_OTHERS: there is one, maybe not the best. */
static enum end few_suffice(struct scope *scope, struct leavings *leavings, enum order order,
                            struct sourcing_plan *plan)
{
    struct screen *screen = scope->engine->screen;
    bool may_be_more = true;
    for (uint32_t most = FEW_FIRST; may_be_more && most <= FEW_MAX; most *= FEW_TIMES) {
        few_choose(scope, leavings, order, most + 1);
        may_be_more = screen->few_count > most;
        const struct few rest = screen->few[most];
        few_search(scope, may_be_more ? most : screen->few_count, true, plan);
        if (plan->is_bounded)
            return END_OTHERS;
        if (!plan_is_single(plan) || (may_be_more && !rest_cannot_win(scope, plan, order, &rest)))
            continue;
        return plan_beats(scope, plan, 2, 0) || plan_beats(scope, plan, 2, minutes_least(scope, leavings))
                   ? END_PROVEN
                   : END_OTHERS;
    }
    return may_be_more || plan_is_single(plan) ? END_OTHERS : END_NONE;
}

/* Nodes that may have some of it, and by then. */
static void early_search(struct scope *scope, struct leavings *leavings, uint32_t minutes_max,
                         struct sourcing_plan *plan)
{
    struct oh_promise_engine *engine = scope->engine;
    struct screen *screen = engine->screen;
    screen->site_stamp++;
    offers_begin(scope->offers);
    for (uint32_t j = 0; j < engine->line_count; j++) {
        const struct item *item = &engine->ledger->items[engine->lines[j].item];
        const uint16_t *nodes = item_node_list(engine->ledger, item);
        for (uint32_t i = 0; i < item->node_count; i++) {
            uint16_t node = nodes[i];
            if (node_minutes(scope, leavings, node) > minutes_max || !node_is_open(engine, node))
                continue;
            if (screen->site_stamps[node] != screen->site_stamp)
                screen->sites[node] = offers_site(engine, scope->offers, node, OH_KIND_SHIP);
            screen->site_stamps[node] = screen->site_stamp;
            if (screen->sites[node] != NO_SLOT)
                offers_site_line(engine, scope->offers, screen->sites[node], j);
        }
    }
    offers_search(scope, plan);
}

/* All that is there soonest, from as many nodes as it takes; then all that is there no later than that. */
static bool early_suffice(struct scope *scope, struct leavings *leavings, bool has_single, struct sourcing_plan *plan)
{
    int64_t minutes_max = minutes_least(scope, leavings);
    for (uint32_t tries = 0; tries < EARLY_TRIES && minutes_max < MINUTES_NEVER; tries++) {
        early_search(scope, leavings, (uint32_t)minutes_max, plan);
        if (!plan->is_found || plan->is_bounded || plan->terms.at[OH_TERM_COMPLETE] != 0)
            return false;
        if (plan_beats(scope, plan, has_single ? 1 : 2, minutes_max + 1))
            return true;
        if (plan->terms.at[OH_TERM_DATE] <= minutes_max)
            return false;
        minutes_max = oh_min_i64(plan->terms.at[OH_TERM_DATE], MINUTES_NEVER - 1);
    }
    return false;
}

static bool scope_can_be_screened(const struct scope *scope)
{
    const struct oh_promise_engine *engine = scope->engine;
    if (engine->request->at_us != OH_TIME_US_NONE || scope->region.size > 0 ||
        (engine->ledger->rule_mask & OH_RULE_BACKORDER_LIMIT) != 0)
        return false;
    for (uint32_t j = 0; j < engine->line_count; j++) {
        if (!engine->fits[j])
            return false;
    }
    return true;
}

void screen_recall(struct scope *scope, struct sourcing_plan *plan)
{
    struct oh_promise_engine *engine = scope->engine;
    const struct found *found = &engine->screen->found;
    bool is_better = found->is_there && (!plan->is_found ||
                                         objective_is_less(&engine->policy->objective, &found->terms, &plan->terms));
    if (!plan->is_bounded || !is_better)
        return;
    scope->offers = &engine->screened;
    if (engine->steps_left < STEPS_RECALL)
        engine->steps_left = STEPS_RECALL;
    offers_begin(scope->offers);
    for (uint32_t i = 0; i < found->node_count; i++) {
        uint32_t site = offers_site(engine, scope->offers, found->nodes[i], OH_KIND_SHIP);
        for (uint32_t j = 0; site != NO_SLOT && j < engine->line_count; j++) {
            if (position_find(engine->ledger, engine->lines[j].item, found->nodes[i]) != NO_SLOT)
                offers_site_line(engine, scope->offers, site, j);
        }
    }
    offers_search(scope, plan);
    plan->is_bounded = true;
}

bool screen_search(struct scope *scope, struct sourcing_plan *out_plan)
{
    struct oh_promise_engine *engine = scope->engine;
    enum order order = order_of(&engine->policy->objective);
    engine->screen->found.is_there = false;
    if (order == ORDER_NONE || !scope_can_be_screened(scope))
        return false;
    places_make(engine);
    struct leavings *leavings = leavings_obtain(engine, scope->service);
    if (leavings->is_too_many)
        return false;
    if (!engine->has_full) {
        full_find(engine);
        engine->has_full = true;
    }
    const struct scope before = *scope;
    engine->screen->stamp++;
    engine->screen->has_keys = keys_obtain(scope, leavings, order);
    scope->offers = &engine->screened;
    uint32_t steps_kept = engine->steps_left / 2; /* for a search among all */
    engine->steps_left -= steps_kept;
    enum end end = few_suffice(scope, leavings, order, out_plan);
    scope->parcels_max = before.parcels_max;
    if (end == END_NONE && pairs_suffice(scope, leavings, out_plan))
        end = END_PROVEN;
    scope->parcels_max = before.parcels_max;
    if (end != END_PROVEN && order != ORDER_DISTANCE && engine->line_count > 1 &&
        early_suffice(scope, leavings, end != END_NONE, out_plan))
        end = END_PROVEN;
    engine->steps_left += steps_kept;
    if (end != END_PROVEN)
        *scope = before;
    return end == END_PROVEN;
}
