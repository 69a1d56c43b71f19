/*
 * promise_explain.c - why each other node was not chosen (EX1, EX2): the
 * first reason that applies, in the order in which a node is judged, with
 * the numbers it was judged by.
 */
#include "core/promise.h"

#define REASON_CASE(name, number, text) \
    case name:                          \
        return text;

const char *oh_reason_text(enum oh_reason reason)
{
    switch (reason) { OH_REASONS(REASON_CASE) }
    return "unknown";
}

const char *oh_term_text(enum oh_term term)
{
    switch (term) { OH_TERMS(REASON_CASE) }
    return "unknown";
}

void explain_add(struct oh_promise_engine *engine, const struct oh_promise_rejection *rejection)
{
    struct oh_promise_answer *answer = engine->answer;
    answer->reason_counts[rejection->reason]++;
    bool is_listed = engine->request->explain == OH_EXPLAIN_FULL || rejection->node.index == OH_NODE_NONE;
    if (is_listed && answer->rejection_count < OH_PROMISE_REJECTIONS_MAX)
        engine->rejections[answer->rejection_count++] = *rejection;
}

/* ---- Against the winner ----------------------------------------------------------------------- */

static enum oh_reason term_reason(enum oh_term term)
{
    switch (term) {
    case OH_TERM_COMPLETE: return OH_REASON_LESS_COMPLETE;
    case OH_TERM_PARCELS: return OH_REASON_MORE_PARCELS;
    case OH_TERM_DATE: return OH_REASON_LATER;
    case OH_TERM_COST: return OH_REASON_COSTLIER;
    case OH_TERM_DISTANCE: return OH_REASON_FARTHER;
    case OH_TERM_PRIORITY: return OH_REASON_LOWER_PRIORITY;
    case OH_TERM_BALANCE: return OH_REASON_WORSE_BALANCE;
    }
    OH_UNREACHABLE();
}

/* The term of the level by which the node is worse the most. */
static enum oh_term worst_term(const int32_t weights[OH_TERM_COUNT], const int64_t *terms, const int64_t *winner)
{
    enum oh_term worst = OH_TERM_COMPLETE;
    int64_t by = 0;
    for (uint32_t t = 0; t < OH_TERM_COUNT; t++) {
        int64_t more = weights[t] == 0 ? 0 : (terms[t] - winner[t]) * weights[t];
        if (more > by) {
            by = more;
            worst = (enum oh_term)t;
        }
    }
    return worst;
}

static void compare(const struct oh_promise_engine *engine, const struct sourcing_terms *terms,
                    const struct sourcing_terms *winner, struct oh_promise_rejection *rejection)
{
    const struct oh_objective *objective = &engine->policy->objective;
    rejection->reason = OH_REASON_TIE;
    for (uint32_t i = 0; i < objective->level_count; i++) {
        int64_t own = objective_level(objective->weights[i], terms);
        int64_t best = objective_level(objective->weights[i], winner);
        if (own == best)
            continue;
        if (own < best) { /* than the winner: it was not come to */
            rejection->reason = OH_REASON_SEARCH_ENDED;
            return;
        }
        enum oh_term term = worst_term(objective->weights[i], terms->at, winner->at);
        rejection->reason = term_reason(term);
        rejection->value = terms->at[term];
        rejection->winner = winner->at[term];
        return;
    }
}

/* ---- One site of the scope -------------------------------------------------------------------- */

static bool is_chosen(const struct oh_promise_option *chosen, uint16_t node)
{
    for (uint32_t i = 0; chosen != NULL && i < chosen->parcel_count; i++) {
        if (chosen->parcels[i].node.index == node)
            return true;
    }
    return false;
}

/* Why the node gives nothing of the line. */
static enum oh_reason empty_reason(const struct scope *scope, const struct site *site, uint32_t line)
{
    const struct oh_promise_engine *engine = scope->engine;
    struct oh_asker asker = { .channel = { engine->channel }, .kind = (enum oh_kind)site->kind };
    struct offer offer = offer_at_node(engine->ledger, engine->lines[line].item, site->node, asker, engine->now_us);
    if (offer.reason == OH_V_PICKUP_NOT_ALLOWED)
        return OH_REASON_PICKUP_NOT_ALLOWED;
    if (offer.reason != OH_OK_DONE)
        return OH_REASON_SHIP_NOT_ALLOWED;
    if (offer.free_milli > 0)
        return OH_REASON_SAFETY_STOCK;
    const struct oh_timetable_node *schedule = node_timetable(engine->timetable, site->node);
    return offer.backorder_milli > 0 && schedule->backorder_us < 0 ? OH_REASON_BACKORDER_UNDATED
                                                                   : OH_REASON_OUT_OF_STOCK;
}

/* What the node has of the basket, as takes; *out_short: the first line it has not all of. */
static uint32_t site_takes(struct scope *scope, uint32_t site, uint32_t *out_short)
{
    struct oh_promise_engine *engine = scope->engine;
    uint32_t count = 0;
    *out_short = NO_SLOT;
    for (uint32_t j = 0; j < engine->line_count; j++) {
        int64_t cap = engine->fits[j] ? offers_cap(engine, scope->offers, site, j) : 0;
        int64_t take = oh_min_i64(cap, engine->needs[j]);
        if (take < engine->needs[j] && *out_short == NO_SLOT)
            *out_short = j;
        if (take > 0)
            engine->takes[count++] = (struct sourcing_take){ j, take };
    }
    return count;
}

static void say_line(const struct scope *scope, uint32_t site, uint32_t line, struct oh_promise_rejection *rejection)
{
    struct oh_promise_engine *engine = scope->engine;
    rejection->line = engine->lines[line].first;
    rejection->requested_milli = engine->needs[line];
    rejection->available_milli = offers_cap(engine, scope->offers, site, line);
}

static void explain_site(struct scope *scope, uint32_t site, const struct oh_promise_option *chosen,
                         struct oh_promise_rejection *rejection)
{
    struct oh_promise_engine *engine = scope->engine;
    const struct site *of = &scope->offers->sites[site];
    struct reach reach;
    struct sourcing_terms terms;
    struct oh_promise_parcel parcel;
    uint32_t missing;
    uint32_t count = site_takes(scope, site, &missing);
    if (count == 0) {
        rejection->reason = empty_reason(scope, of, missing);
        say_line(scope, site, missing, rejection);
        return;
    }
    rejection->reason = reach_make(scope, site, &reach);
    if (rejection->reason != OH_REASON_CHOSEN)
        return;
    rejection->reason = parcel_make(scope, &reach, engine->takes, count, &parcel);
    if (rejection->reason != OH_REASON_CHOSEN)
        return;
    if (missing != NO_SLOT) {
        rejection->reason = OH_REASON_LESS_COMPLETE;
        say_line(scope, site, missing, rejection);
        return;
    }
    parcel_terms(scope, &reach, &parcel, engine->takes, count, &terms);
    rejection->reason = scope->has_ended ? OH_REASON_SEARCH_ENDED : OH_REASON_TOO_MANY_PARCELS;
    if (chosen == NULL)
        return;
    struct sourcing_terms winner;
    memcpy(winner.at, chosen->terms, sizeof(winner.at));
    compare(engine, &terms, &winner, rejection);
}

/* ---- Every other node ------------------------------------------------------------------------- */

static enum oh_reason outside_reason(const struct scope *scope, uint16_t node)
{
    const struct oh_promise_engine *engine = scope->engine;
    if (!engine->ledger->nodes[node].enabled)
        return OH_REASON_NODE_DISABLED;
    if (!node_bit(engine->members, node))
        return OH_REASON_NOT_IN_CHANNEL;
    if (node_bit(engine->excluded, node))
        return OH_REASON_EXCLUDED;
    return OH_REASON_OUT_OF_STOCK;
}

/* Of a store's question only the store and its lanes are judged; of a service's every node. */
void explain_scope(struct scope *scope, const struct oh_promise_option *chosen)
{
    struct oh_promise_engine *engine = scope->engine;
    if (engine->request->explain == OH_EXPLAIN_NONE)
        return;
    struct oh_promise_rejection blank = {
        .service = scope->service, .store = { scope->store }, .line = OH_INDEX_NONE,
    };
    for (uint32_t site = 0; site < scope->offers->site_count; site++) {
        uint16_t node = scope->offers->sites[site].node;
        if (is_chosen(chosen, node) || scope->offers->sites[site].way != WAY_NOW)
            continue;
        struct oh_promise_rejection rejection = blank;
        rejection.node = (struct oh_node_id){ node };
        explain_site(scope, site, chosen, &rejection);
        explain_add(engine, &rejection);
    }
    for (uint32_t node = 0; !scope->is_collect && node < engine->ledger->node_count; node++) {
        if (engine->node_stamp[node] == engine->ship_stamp)
            continue;
        struct oh_promise_rejection rejection = blank;
        rejection.node = (struct oh_node_id){ (uint16_t)node };
        rejection.reason = outside_reason(scope, (uint16_t)node);
        explain_add(engine, &rejection);
    }
}
