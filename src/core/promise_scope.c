/*
 * promise_scope.c - one way to have the basket: by a delivery service, or
 * collected at a store. Which sites reach it, the best plan over them, and
 * the option that comes of it.
 */
#include "core/promise.h"

#define FARTHEST_M 20040000 /* half around: what has no place is not near */

/* ---- Candidates ------------------------------------------------------------------------------- */

static void reach_distance(const struct scope *scope, struct reach *reach, uint16_t node)
{
    const struct oh_promise_engine *engine = scope->engine;
    const struct node *at = &engine->ledger->nodes[node];
    const struct node *store = scope->is_collect ? &engine->ledger->nodes[scope->store] : NULL;
    bool has_end = scope->is_collect ? store->has_point : engine->has_point;
    reach->distance_km = -1;
    reach->distance_m = has_end ? FARTHEST_M : 0;
    if (!has_end || !at->has_point)
        return;
    reach->distance_km = geo_unit_distance_km(at, scope->end);
    reach->distance_m = (int64_t)(reach->distance_km * 1000 + 0.5);
}

const struct oh_departures *pickups_of(const struct oh_timetable_node *schedule, uint32_t service)
{
    for (uint32_t i = 0; i < schedule->pickup_count; i++) {
        if (schedule->pickups[i].service == service)
            return &schedule->pickups[i].departures;
    }
    return NULL;
}

static const struct oh_lane_in *lane_from(const struct oh_timetable_node *store, uint16_t node)
{
    uint32_t low = 0;
    uint32_t high = store->lane_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (store->lanes[middle].from_node < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low < store->lane_count && store->lanes[low].from_node == node ? &store->lanes[low] : NULL;
}

enum oh_reason gap_reason(enum oh_gap gap)
{
    switch (gap) {
    case OH_GAP_NONE: return OH_REASON_CHOSEN;
    case OH_GAP_CALENDAR: return OH_REASON_UNKNOWN_CALENDAR;
    case OH_GAP_ZONE: return OH_REASON_UNKNOWN_ZONE;
    case OH_GAP_SERVICE: return OH_REASON_UNKNOWN_SERVICE;
    case OH_GAP_TIME_ZONE: return OH_REASON_UNKNOWN_TIME_ZONE;
    case OH_GAP_DOCUMENT: return OH_REASON_UNREADABLE_DOCUMENT;
    }
    OH_UNREACHABLE();
}

static enum oh_reason reach_service(const struct scope *scope, const struct oh_timetable_node *schedule,
                                    struct reach *reach)
{
    reach->departures = pickups_of(schedule, scope->service);
    if (reach->departures == NULL || reach->departures->count == 0)
        return OH_REASON_NO_PICKUP;
    reach->transit = route_transit(&scope->route, schedule->region, reach->distance_km);
    return reach->transit == NULL ? OH_REASON_NO_TRANSIT : OH_REASON_CHOSEN;
}

static enum oh_reason reach_store(const struct scope *scope, uint16_t node, struct reach *reach)
{
    if (node == scope->store)
        return OH_REASON_CHOSEN;
    const struct oh_lane_in *lane = lane_from(node_timetable(scope->engine->timetable, scope->store), node);
    if (lane == NULL)
        return OH_REASON_NO_LANE;
    reach->departures = &lane->departures;
    reach->lane = lane->lane;
    return OH_REASON_CHOSEN;
}

enum oh_reason reach_make(const struct scope *scope, uint32_t site, struct reach *out_reach)
{
    uint16_t node = scope->offers->sites[site].node;
    const struct oh_timetable_node *schedule = node_timetable(scope->engine->timetable, node);
    *out_reach = (struct reach){ .site = site };
    if (schedule->gap != OH_GAP_NONE)
        return gap_reason(schedule->gap);
    reach_distance(scope, out_reach, node);
    return scope->is_collect ? reach_store(scope, node, out_reach) : reach_service(scope, schedule, out_reach);
}

void candidates_add(struct scope *scope)
{
    struct oh_promise_engine *engine = scope->engine;
    const struct offers *offers = scope->offers;
    for (uint32_t site = 0; site < offers->site_count; site++) {
        struct reach *reach = &engine->reaches[scope->candidate_count];
        struct sourcing_candidate *candidate = &engine->candidates[scope->candidate_count];
        enum oh_reason reason;
        if (reach_make(scope, site, reach) != OH_REASON_CHOSEN ||
            !parcel_least(scope, reach, &candidate->least, &reason))
            continue;
        candidate->site = offers->sites[site].node;
        memcpy(&engine->may_have[(size_t)scope->candidate_count * engine->words],
               &offers->may_have[(size_t)site * engine->words], engine->words * sizeof(uint64_t));
        scope->candidate_count++;
    }
}

/* ---- The search ------------------------------------------------------------------------------- */

static int64_t candidate_cap(void *ctx, uint32_t candidate, uint32_t line)
{
    struct scope *scope = ctx;
    if (!scope->engine->fits[line])
        return 0;
    return offers_cap(scope->engine, scope->offers, scope->engine->reaches[candidate].site, line);
}

static bool candidate_parcel(void *ctx, uint32_t candidate, const struct sourcing_take *takes, uint32_t take_count,
                             struct sourcing_terms *out_terms)
{
    struct scope *scope = ctx;
    const struct reach *reach = &scope->engine->reaches[candidate];
    struct oh_promise_parcel parcel;
    if (parcel_make(scope, reach, takes, take_count, &parcel) != OH_REASON_CHOSEN)
        return false;
    parcel_terms(scope, reach, &parcel, takes, take_count, out_terms);
    return true;
}

static bool candidate_part(void *ctx, uint32_t lines, struct sourcing_terms *out_least)
{
    return parcel_part(ctx, lines, out_least);
}

static uint32_t steps_of(const struct oh_promise_engine *engine)
{
    if (engine->steps_left < STEPS_LEAST)
        return STEPS_LEAST;
    return engine->steps_left < SOURCING_STEPS_MAX ? engine->steps_left : SOURCING_STEPS_MAX;
}

static void scope_solve(struct scope *scope, struct sourcing_plan *out_plan)
{
    struct oh_promise_engine *engine = scope->engine;
    const struct oh_sourcing *policy = engine->policy;
    struct sourcing_problem problem = {
        .needs_milli = engine->needs,
        .line_count = engine->line_count,
        .bundles = engine->has_bundles ? engine->bundles : NULL,
        .candidates = engine->candidates,
        .candidate_count = scope->candidate_count,
        .may_have = engine->may_have,
        .words = engine->words,
        .whole = parcel_whole(scope),
        .objective = &policy->objective,
        .parcels_max = scope->parcels_max,
        .split_orders = policy->split_orders,
        .split_lines = policy->split_lines,
        .allow_partial = policy->allow_partial,
        .steps_max = steps_of(engine),
        .cap = candidate_cap,
        .part = candidate_part,
        .parcel = candidate_parcel,
        .ctx = scope,
    };
    sourcing_solve(&problem, engine->sourcing, out_plan);
    engine->steps_left -= out_plan->step_count < engine->steps_left ? out_plan->step_count : engine->steps_left;
    out_plan->is_bounded = out_plan->is_bounded || scope->offers->is_cut;
}

/* ---- The option ------------------------------------------------------------------------------- */

static uint32_t option_takes(const struct scope *scope, const struct sourcing_plan *plan, uint32_t candidate)
{
    struct sourcing_take *takes = scope->engine->takes;
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->pick_count; i++) {
        if (plan->picks[i].candidate == candidate)
            takes[count++] = (struct sourcing_take){ plan->picks[i].line, plan->picks[i].quantity_milli };
    }
    return count;
}

static uint32_t parcel_of(const uint32_t *candidates, uint32_t count, uint32_t candidate)
{
    for (uint32_t i = 0; i < count; i++) {
        if (candidates[i] == candidate)
            return i;
    }
    return count;
}

/* The candidates of the plan, in the order of its lines. */
static uint32_t plan_candidates(const struct sourcing_plan *plan, uint32_t candidates[OH_PARCELS_MAX])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->pick_count; i++) {
        if (parcel_of(candidates, count, plan->picks[i].candidate) == count)
            candidates[count++] = plan->picks[i].candidate;
    }
    return count;
}

static int64_t pick_due(const struct scope *scope, uint32_t candidate)
{
    const struct site *site = &scope->offers->sites[scope->engine->reaches[candidate].site];
    return site->way == WAY_SUPPLY ? site->stock_us : OH_TIME_US_NONE;
}

/* Where the plan's picks of each item begin, and what is left of the first. */
static void handing_begin(struct oh_promise_engine *engine, const struct sourcing_plan *plan)
{
    for (uint32_t j = 0; j < engine->line_count; j++)
        engine->handing[j] = (struct handing){ plan->pick_count, 0 };
    for (uint32_t i = plan->pick_count; i-- > 0;)
        engine->handing[plan->picks[i].line] = (struct handing){ i, plan->picks[i].quantity_milli };
}

static void handing_next(const struct sourcing_plan *plan, struct handing *handing, uint32_t line)
{
    handing->at++;
    bool has_more = handing->at < plan->pick_count && plan->picks[handing->at].line == line;
    *handing = has_more ? (struct handing){ handing->at, plan->picks[handing->at].quantity_milli }
                        : (struct handing){ plan->pick_count, 0 };
}

/* What the plan gives to an item is handed to the request's lines with it, in their order. */
static void option_picks(const struct scope *scope, const struct sourcing_plan *plan, const uint32_t *candidates,
                         uint32_t count, struct oh_promise_option *option)
{
    struct oh_promise_engine *engine = scope->engine;
    uint32_t first = engine->pick_count;
    handing_begin(engine, plan);
    for (uint32_t i = 0; i < engine->request->line_count; i++) {
        uint32_t line = engine->line_of[i];
        struct handing *handing = &engine->handing[line];
        int64_t asked = engine->request->lines[i].quantity_milli;
        while (asked > 0 && handing->at < plan->pick_count) {
            const struct sourcing_pick *pick = &plan->picks[handing->at];
            int64_t taken = oh_min_i64(asked, handing->left_milli);
            engine->picks[engine->pick_count++] = (struct oh_promise_pick){
                i, parcel_of(candidates, count, pick->candidate), taken, pick_due(scope, pick->candidate),
            };
            asked -= taken;
            handing->left_milli -= taken;
            if (handing->left_milli == 0)
                handing_next(plan, handing, line);
        }
    }
    option->picks = &engine->picks[first];
    option->pick_count = engine->pick_count - first;
}

static void option_sum(struct oh_promise_option *option)
{
    option->from_us = INT64_MIN;
    option->until_us = INT64_MIN;
    option->valid_until_us = INT64_MAX;
    double sum_km = 0;
    for (uint32_t i = 0; i < option->parcel_count; i++) {
        const struct oh_promise_parcel *parcel = &option->parcels[i];
        bool is_later = parcel->until_us > option->until_us ||
                        (parcel->until_us == option->until_us && parcel->from_us > option->from_us);
        if (is_later) {
            option->until_us = parcel->until_us;
            option->from_us = parcel->from_us;
        }
        option->valid_until_us = oh_min_i64(option->valid_until_us, parcel->order_by_us);
        option->cost_milli += parcel->cost_milli;
        sum_km = sum_km < 0 || parcel->distance_km < 0 ? -1 : sum_km + parcel->distance_km;
    }
    option->distance_km = sum_km;
}

/* Each pick of an option is the last of a line of the request or of a pick of the plan. */
static bool engine_has_room(const struct oh_promise_engine *engine)
{
    uint32_t picks_most = engine->request->line_count + engine->line_count * OH_PARCELS_MAX;
    return engine->answer->option_count < OH_PROMISE_OPTIONS_MAX && engine->pick_count + picks_most <= PICKS_MAX;
}

static double store_distance(const struct oh_promise_engine *engine, uint16_t store)
{
    const struct node *node = &engine->ledger->nodes[store];
    return engine->has_near && node->has_point ? geo_distance_km(node, engine->near) : -1;
}

static struct oh_promise_option *option_make(struct scope *scope, const struct sourcing_plan *plan)
{
    struct oh_promise_engine *engine = scope->engine;
    struct oh_promise_option *option = &engine->options[engine->answer->option_count];
    struct oh_promise_parcel *parcels = &engine->parcels[engine->parcel_count];
    uint32_t candidates[OH_PARCELS_MAX];
    uint32_t count = plan_candidates(plan, candidates);
    *option = (struct oh_promise_option){
        .kind = scope->is_collect ? OH_KIND_COLLECT : OH_KIND_SHIP,
        .service = scope->service,
        .store = { scope->store },
        .is_complete = plan->terms.at[OH_TERM_COMPLETE] + scope->withheld_milli == 0,
        .is_bounded = plan->is_bounded,
        .step_count = plan->step_count,
        .parcels = parcels,
        .parcel_count = count,
    };
    memcpy(option->terms, plan->terms.at, sizeof(option->terms));
    option->terms[OH_TERM_COMPLETE] += scope->withheld_milli;
    for (uint32_t i = 0; i < count; i++) {
        const struct reach *reach = &engine->reaches[candidates[i]];
        uint32_t take_count = option_takes(scope, plan, candidates[i]);
        enum oh_reason reason = parcel_make(scope, reach, engine->takes, take_count, &parcels[i]);
        OH_ASSERT(reason == OH_REASON_CHOSEN);
        parcels[i].order_by_us = parcel_order_by(scope, reach, &parcels[i], engine->takes, take_count);
    }
    option_picks(scope, plan, candidates, count, option);
    option_sum(option);
    if (scope->is_collect)
        option->distance_km = store_distance(engine, scope->store);
    return option;
}

static void option_keep(struct oh_promise_engine *engine, const struct oh_promise_option *option)
{
    engine->answer->option_count++;
    engine->parcel_count += option->parcel_count;
}

/* ---- Parcels that want the same room ---------------------------------------------------------- */

/* The booking of which the option's parcels together want more than there is; NULL: none. */
static const struct oh_promise_booking *option_overfill(const struct oh_promise_engine *engine,
                                                        const struct oh_promise_option *option)
{
    for (uint32_t i = 0; i < option->parcel_count; i++) {
        for (uint32_t b = 0; b < option->parcels[i].booking_count; b++) {
            const struct oh_promise_booking *booking = &option->parcels[i].bookings[b];
            int64_t sum = promise_booked(engine, booking->resource, booking->from_us);
            for (uint32_t k = 0; k < option->parcel_count; k++) {
                for (uint32_t c = 0; c < option->parcels[k].booking_count; c++) {
                    const struct oh_promise_booking *other = &option->parcels[k].bookings[c];
                    if (other->from_us == booking->from_us && oh_bytes_equal(other->resource, booking->resource))
                        sum += other->quantity_milli;
                }
            }
            if (sum > booking->limit_milli)
                return booking;
        }
    }
    return NULL;
}

/*
 * Parcels are judged one by one, so several may want the last place of one slot
 * or account. Then plans of fewer parcels are searched, and it is said that there might be a better one (SO2).
 */
void scope_search(struct scope *scope, struct sourcing_plan *plan)
{
    struct oh_promise_engine *engine = scope->engine;
    if (scope->withheld_milli > 0 && !engine->policy->allow_partial) {
        *plan = (struct sourcing_plan){ .is_found = false };
        return;
    }
    scope_solve(scope, plan);
    while (plan->is_found) { /* each time with fewer parcels, and one never overfills what it fits in */
        uint32_t picks = engine->pick_count;
        const struct oh_promise_option *option = option_make(scope, plan);
        engine->pick_count = picks;
        if (option_overfill(engine, option) == NULL)
            return;
        scope->parcels_max = option->parcel_count - 1;
        scope_solve(scope, plan);
        plan->is_bounded = true;
    }
}

/* ---- Scopes ----------------------------------------------------------------------------------- */

/* Whether the line can go by the service, or be collected at the store, whatever the stock. */
static enum oh_reason line_fits(const struct scope *scope, uint32_t line)
{
    const struct oh_promise_engine *engine = scope->engine;
    const struct basket_line *of = &engine->lines[line];
    if (scope->is_collect) {
        struct oh_asker asker = { .channel = { engine->channel }, .kind = OH_KIND_COLLECT };
        enum oh_verdict verdict = node_eligibility(engine->ledger, of->item, scope->store, asker);
        return verdict == OH_OK_DONE ? OH_REASON_CHOSEN : OH_REASON_PICKUP_NOT_ALLOWED;
    }
    const struct oh_timetable_service *service = scope->route.service;
    if (service->weight_grams_max > 0 && of->traits.weight_grams > service->weight_grams_max)
        return OH_REASON_TOO_HEAVY;
    if ((service->side_mm_max > 0 && of->traits.side_mm > service->side_mm_max) ||
        (service->volume_cm3_max > 0 && of->traits.volume_cm3 > service->volume_cm3_max))
        return OH_REASON_TOO_LARGE;
    return OH_REASON_CHOSEN;
}

/* False: nothing can be had this way, said why. */
static bool lines_fit(struct scope *scope)
{
    struct oh_promise_engine *engine = scope->engine;
    bool any = false;
    bool all = true;
    for (uint32_t j = 0; j < engine->line_count; j++) {
        enum oh_reason reason = line_fits(scope, j);
        engine->fits[j] = reason == OH_REASON_CHOSEN;
        any = any || engine->fits[j];
        all = all && engine->fits[j];
        if (!engine->fits[j])
            explain_add(engine, &(struct oh_promise_rejection){
                                    .service = scope->service, .store = { scope->store }, .node = { OH_NODE_NONE },
                                    .reason = reason, .line = engine->lines[j].first,
                                    .requested_milli = engine->lines[j].asked_milli });
    }
    return all || (any && engine->policy->allow_partial);
}

static void scope_refuse(const struct scope *scope, enum oh_reason reason, struct oh_bytes name)
{
    explain_add(scope->engine, &(struct oh_promise_rejection){ .service = scope->service,
                                                               .store = { scope->store },
                                                               .node = { OH_NODE_NONE },
                                                               .reason = reason,
                                                               .line = OH_INDEX_NONE,
                                                               .name = name });
}

/*
 * What the channel's threshold leaves is all that there is, from however many nodes (L24). A part of the basket is made
 * of it; of what it leaves nothing, every node has nothing.
 */
static void needs_limit(struct scope *scope)
{
    struct oh_promise_engine *engine = scope->engine;
    enum oh_kind kind = !scope->is_collect                  ? OH_KIND_SHIP
                        : engine->policy->ship_to_store ? OH_KIND_TRANSFER
                                                        : OH_KIND_COLLECT;
    scope->withheld_milli = 0;
    for (uint32_t j = 0; j < engine->line_count; j++) {
        int64_t asked = engine->lines[j].asked_milli;
        int64_t allowance = line_allowance(engine, &engine->lines[j], kind);
        int64_t need = allowance > 0 && allowance < asked ? allowance : asked;
        engine->needs[j] = engine->policy->allow_partial ? need : asked;
        scope->withheld_milli += asked - need;
    }
}

static bool scope_begin(struct oh_promise_engine *engine, struct scope *scope)
{
    int64_t until = engine->request->until_us;
    scope->engine = engine;
    scope->until_us = until == OH_TIME_US_NONE ? CHAIN_NEVER : until;
    scope->parcels_max = engine->policy->parcels_max;
    scope->candidate_count = 0;
    needs_limit(scope);
    scope->end = geo_unit(scope->is_collect ? engine->ledger->nodes[scope->store].point : engine->point);
    return engine_has_room(engine) && lines_fit(scope);
}

/* Further slots of the same plan. */
static void scope_more_slots(struct scope *scope, const struct sourcing_plan *plan, uint32_t count)
{
    struct oh_promise_engine *engine = scope->engine;
    const struct oh_timetable_service *service = scope->route.service;
    for (uint32_t i = 1; service->has_slots && i < count && engine_has_room(engine); i++) {
        const struct oh_promise_option *last = &engine->options[engine->answer->option_count - 1];
        scope->slot_after = slots_first(service, last->from_us, INT64_MIN) + 1;
        uint32_t candidates[OH_PARCELS_MAX];
        uint32_t parcels = plan_candidates(plan, candidates);
        for (uint32_t k = 0; k < parcels; k++) {
            struct oh_promise_parcel parcel;
            uint32_t take_count = option_takes(scope, plan, candidates[k]);
            if (parcel_make(scope, &engine->reaches[candidates[k]], engine->takes, take_count, &parcel) !=
                OH_REASON_CHOSEN)
                return;
        }
        uint32_t picks = engine->pick_count;
        const struct oh_promise_option *option = option_make(scope, plan);
        if (option_overfill(engine, option) != NULL) {
            engine->pick_count = picks;
            return;
        }
        option_keep(engine, option);
    }
}

/* What was learned of transit is looked at where the policy wants it, and of destinations that have a region (LE2). */
static void scope_learned(struct scope *scope)
{
    struct oh_promise_engine *engine = scope->engine;
    if (++engine->learned_stamp == 0) {
        memset(engine->learned_stamps, 0, (size_t)SITES_MAX * 7 * sizeof(*engine->learned_stamps));
        engine->learned_stamp = 1;
    }
    if (engine->policy->transit_percentile > 0)
        scope->region = oh_destination_region(engine->country, engine->postal_code, engine->region_buffer);
}

/* Of every node, also where the search had a few. */
static void scope_explain(struct scope scope, const struct oh_promise_option *option)
{
    scope.offers = &scope.engine->ship;
    offers_make_ship(scope.engine, scope.offers);
    explain_scope(&scope, option);
}

/* The steps ended before a plan was found: that is said, for there may be one (SO2). */
static void scope_note_end(struct scope *scope, const struct sourcing_plan *plan)
{
    if (plan->is_found || !plan->is_bounded)
        return;
    scope->has_ended = true;
    scope->engine->answer->is_bounded = true;
    scope_refuse(scope, OH_REASON_SEARCH_ENDED, OH_BYTES_NONE);
}

void scope_service(struct oh_promise_engine *engine, uint32_t service)
{
    struct scope scope = { .service = service, .store = OH_NODE_NONE, .offers = &engine->ship };
    scope.route.transit_rows = engine->transit_rows;
    scope.route.cost_rows = engine->cost_rows;
    route_make(&scope.route, engine->timetable, service, engine->country, engine->postal_code);
    scope.engine = engine;
    scope_learned(&scope);
    if (scope.route.gap != OH_GAP_NONE) {
        scope_refuse(&scope, gap_reason(scope.route.gap), scope.route.gap_name);
        return;
    }
    if (scope.route.transit_count == 0) {
        scope_refuse(&scope, OH_REASON_NO_TRANSIT, OH_BYTES_NONE);
        return;
    }
    if (!scope_begin(engine, &scope))
        return;
    struct sourcing_plan plan;
    if (!screen_search(&scope, &plan)) {
        offers_make_ship(engine, &engine->ship);
        candidates_add(&scope);
        scope_search(&scope, &plan);
        screen_recall(&scope, &plan);
    }
    const struct oh_promise_option *option = NULL;
    if (plan.is_found) {
        option = option_make(&scope, &plan);
        option_keep(engine, option);
    }
    scope_note_end(&scope, &plan);
    if (engine->request->explain != OH_EXPLAIN_NONE)
        scope_explain(scope, option);
    if (option != NULL)
        scope_more_slots(&scope, &plan, engine->request->slots_max);
}

bool scope_store(struct oh_promise_engine *engine, uint16_t store)
{
    struct scope scope = { .is_collect = true, .service = OH_INDEX_NONE, .store = store, .offers = &engine->direct };
    const struct oh_timetable_node *schedule = node_timetable(engine->timetable, store);
    scope.engine = engine;
    if (schedule->gap != OH_GAP_NONE) {
        scope_refuse(&scope, gap_reason(schedule->gap), schedule->gap_name);
        return false;
    }
    if (!scope_begin(engine, &scope))
        return false;
    offers_make_store(engine, &engine->direct, store);
    candidates_add(&scope);
    struct sourcing_plan plan;
    scope_search(&scope, &plan);
    const struct oh_promise_option *option = NULL;
    if (plan.is_found) {
        option = option_make(&scope, &plan);
        option_keep(engine, option);
    }
    scope_note_end(&scope, &plan);
    explain_scope(&scope, option);
    return option != NULL;
}
