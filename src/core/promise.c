/*
 * promise.c - the promise engine: every way to have a basket, service by
 * service, then store by store (docs/spec/promise.md).
 */
#include "core/promise.h"

/* ---- Memory ----------------------------------------------------------------------------------- */

static void *region(struct oh_promise_engine *engine, size_t count, size_t size)
{
    OH_ASSERT(engine->region_count < sizeof(engine->regions) / sizeof(engine->regions[0]));
    void *memory = engine->allocator.allocate(engine->allocator.ctx, count * size);
    if (memory == NULL)
        return NULL;
    engine->regions[engine->region_count] = memory;
    engine->region_sizes[engine->region_count++] = count * size;
    return memory;
}

#define REGION(field, count) ((engine->field = region(engine, (count), sizeof(*engine->field))) != NULL)
#define MAY_HAVE_WORDS (CELLS_MAX / 64u + SITES_MAX + 1u)

static bool offers_regions(struct oh_promise_engine *engine, struct offers *offers)
{
    offers->sites = region(engine, SITES_MAX, sizeof(*offers->sites));
    offers->may_have = region(engine, MAY_HAVE_WORDS, sizeof(*offers->may_have));
    offers->caps = region(engine, CELLS_MAX, sizeof(*offers->caps));
    return offers->sites != NULL && offers->may_have != NULL && offers->caps != NULL;
}

static bool engine_regions(struct oh_promise_engine *engine)
{
    void *memory = region(engine, 1, sourcing_scratch_size());
    if (memory == NULL)
        return false;
    engine->sourcing = sourcing_scratch_init(memory);
    return REGION(excluded, EXCLUDED_WORDS) && REGION(members, EXCLUDED_WORDS) &&
           REGION(lines, OH_PROMISE_LINES_MAX) && REGION(handing, OH_PROMISE_LINES_MAX) &&
           REGION(line_of, OH_PROMISE_LINES_MAX) && REGION(needs, OH_PROMISE_LINES_MAX) &&
           REGION(bundles, OH_PROMISE_LINES_MAX) && REGION(fits, OH_PROMISE_LINES_MAX) &&
           REGION(node_site, 65536u) && REGION(node_stamp, 65536u) &&
           offers_regions(engine, &engine->ship) && offers_regions(engine, &engine->direct) &&
           offers_regions(engine, &engine->screened) && (engine->screen = region(engine, 1, screen_size())) != NULL &&
           REGION(reaches, SITES_MAX) && REGION(candidates, SITES_MAX) && REGION(may_have, MAY_HAVE_WORDS) &&
           REGION(stores, STORES_LOOK_MAX) && REGION(store_km, STORES_LOOK_MAX) &&
           REGION(learned_us, SITES_MAX * 7u) &&
           REGION(learned_stamps, SITES_MAX * 7u) && REGION(transit_rows, ROUTE_ROWS_MAX) &&
           REGION(cost_rows, ROUTE_ROWS_MAX) && REGION(soonest, SOONEST_SERVICES * 65536u) &&
           REGION(takes, OH_PROMISE_LINES_MAX) && REGION(options, OH_PROMISE_OPTIONS_MAX) &&
           REGION(parcels, PARCELS_MAX) && REGION(picks, PICKS_MAX) && REGION(rejections, OH_PROMISE_REJECTIONS_MAX);
}

enum oh_err oh_promise_engine_create(const struct oh_allocator *allocator, struct oh_promise_engine **out_engine)
{
    struct oh_promise_engine *engine = allocator->allocate(allocator->ctx, sizeof(*engine));
    if (engine == NULL)
        return OH_E_NOMEM;
    engine->allocator = *allocator;
    engine->members_version = UINT64_MAX;
    if (!engine_regions(engine)) {
        oh_promise_engine_destroy(&engine);
        return OH_E_NOMEM;
    }
    *out_engine = engine;
    return OH_OK;
}

void oh_promise_engine_destroy(struct oh_promise_engine **engine)
{
    struct oh_promise_engine *old = *engine;
    if (old == NULL)
        return;
    struct oh_allocator allocator = old->allocator;
    for (uint32_t i = 0; i < old->region_count; i++)
        allocator.release(allocator.ctx, old->regions[i], old->region_sizes[i]);
    allocator.release(allocator.ctx, old, sizeof(*old));
    *engine = NULL;
}

/* ---- Nodes without a schedule ----------------------------------------------------------------- */

static const struct oh_timetable_node UNSCHEDULED = {
    .backorder_us = -1,
    .hours = { .is_always = true },
    .collect_hours = { .is_always = true },
    .collect_cutoffs = { .is_at_once = true },
    .region = OH_INDEX_NONE,
};

const struct oh_timetable_node *node_timetable(const struct oh_timetable *timetable, uint16_t node)
{
    return node < timetable->node_count ? &timetable->nodes[node] : &UNSCHEDULED;
}

/* ---- Services --------------------------------------------------------------------------------- */

static uint32_t service_find(const struct oh_timetable *timetable, struct oh_bytes name)
{
    for (uint32_t i = 0; i < timetable->service_count; i++) {
        if (oh_bytes_equal(timetable->services[i].service, name))
            return i;
    }
    return OH_INDEX_NONE;
}

static void no_service(struct oh_promise_engine *engine, enum oh_reason reason, struct oh_bytes name)
{
    explain_add(engine, &(struct oh_promise_rejection){ .service = OH_INDEX_NONE,
                                                        .store = { OH_NODE_NONE },
                                                        .node = { OH_NODE_NONE },
                                                        .reason = reason,
                                                        .line = OH_INDEX_NONE,
                                                        .name = name });
}

static void services_named(struct oh_promise_engine *engine)
{
    for (uint32_t i = 0; i < engine->request->service_count; i++) {
        uint32_t service = service_find(engine->timetable, engine->request->services[i]);
        if (service == OH_INDEX_NONE)
            no_service(engine, OH_REASON_UNKNOWN_SERVICE, engine->request->services[i]);
        else
            scope_service(engine, service);
    }
}

static void services_all(struct oh_promise_engine *engine)
{
    const struct oh_sourcing *policy = engine->policy;
    if (policy->gap != OH_GAP_NONE)
        no_service(engine, gap_reason(policy->gap), policy->gap_name);
    uint32_t count = policy->has_services ? policy->service_count : engine->timetable->service_count;
    for (uint32_t i = 0; i < count; i++)
        scope_service(engine, policy->has_services ? policy->services[i] : i);
}

/* ---- Stores ----------------------------------------------------------------------------------- */

static bool store_is_open(const struct oh_promise_engine *engine, uint16_t node)
{
    const struct node *at = &engine->ledger->nodes[node];
    return at->enabled && at->collects && node_bit(engine->members, node) && !node_bit(engine->excluded, node);
}

#define RADIUS_KM_ALL 20100.0 /* half way around */

struct nearest { const struct oh_promise_engine *engine; double radius_km; uint32_t count; };

static void store_look(void *ctx, uint16_t node, double distance_km)
{
    struct nearest *nearest = ctx;
    const struct oh_promise_engine *engine = nearest->engine;
    if (!store_is_open(engine, node))
        return;
    uint32_t at = nearest->count;
    while (at > 0 && (engine->store_km[at - 1] > distance_km ||
                      (engine->store_km[at - 1] >= distance_km && engine->stores[at - 1] > node)))
        at--;
    if (at == STORES_LOOK_MAX)
        return;
    if (nearest->count < STORES_LOOK_MAX)
        nearest->count++;
    memmove(&engine->stores[at + 1], &engine->stores[at], (nearest->count - 1 - at) * sizeof(*engine->stores));
    memmove(&engine->store_km[at + 1], &engine->store_km[at], (nearest->count - 1 - at) * sizeof(*engine->store_km));
    engine->stores[at] = node;
    engine->store_km[at] = distance_km;
    if (nearest->count == STORES_LOOK_MAX)
        nearest->radius_km = engine->store_km[STORES_LOOK_MAX - 1];
}

/* The nearest; without a destination those that come first. */
static uint32_t stores_find(struct oh_promise_engine *engine)
{
    const struct oh_near *near = &engine->request->near;
    double radius = near->is_set && near->radius_km > 0 ? near->radius_km : engine->policy->radius_km;
    struct nearest nearest = { .engine = engine, .radius_km = radius > 0 ? radius : RADIUS_KM_ALL };
    if (engine->has_near) {
        geo_scan(engine->ledger, engine->near, &nearest.radius_km, store_look, &nearest);
        return nearest.count;
    }
    for (uint32_t node = 0; node < engine->ledger->node_count && nearest.count < STORES_LOOK_MAX; node++) {
        if (store_is_open(engine, (uint16_t)node))
            engine->stores[nearest.count++] = (uint16_t)node;
    }
    return nearest.count;
}

static void stores_nearest(struct oh_promise_engine *engine)
{
    uint32_t most = engine->request->stores_max > 0 ? engine->request->stores_max : engine->policy->stores_max;
    uint32_t found = stores_find(engine);
    uint32_t made = 0;
    for (uint32_t i = 0; i < found && made < most; i++)
        made += scope_store(engine, engine->stores[i]) ? 1 : 0;
}

static void store_refuse(struct oh_promise_engine *engine, uint16_t store, enum oh_reason reason)
{
    explain_add(engine, &(struct oh_promise_rejection){ .service = OH_INDEX_NONE,
                                                        .store = { store },
                                                        .node = { OH_NODE_NONE },
                                                        .reason = reason,
                                                        .line = OH_INDEX_NONE });
}

static bool stores_named(struct oh_promise_engine *engine)
{
    for (uint32_t i = 0; i < engine->request->store_count; i++) {
        uint32_t node = node_find(engine->ledger, engine->request->stores[i]);
        if (node == NO_SLOT) {
            engine->answer->verdict = OH_V_UNKNOWN_NODE;
            engine->answer->field = OH_FIELD_NODES;
            engine->answer->fault_index = i;
            return false;
        }
        const struct node *store = &engine->ledger->nodes[node];
        if (!store->enabled)
            store_refuse(engine, (uint16_t)node, OH_REASON_NODE_DISABLED);
        else if (!store->collects)
            store_refuse(engine, (uint16_t)node, OH_REASON_NOT_A_STORE);
        else if (!node_bit(engine->members, node))
            store_refuse(engine, (uint16_t)node, OH_REASON_NOT_IN_CHANNEL);
        else if (node_bit(engine->excluded, node))
            store_refuse(engine, (uint16_t)node, OH_REASON_EXCLUDED);
        else
            (void)scope_store(engine, (uint16_t)node);
    }
    return true;
}

/* Another timetable, or another version of it: what was kept of it is worth nothing. */
static void edition_begin(struct oh_promise_engine *engine, const struct oh_timetable *timetable)
{
    if (engine->edition > 0 && engine->edition_of == timetable && engine->edition_version == timetable->version)
        return;
    engine->edition++;
    engine->edition_of = timetable;
    engine->edition_version = timetable->version;
}

/* ---- The question ----------------------------------------------------------------------------- */

void oh_promise(struct oh_promise_engine *engine, const struct oh_ledger *ledger,
                const struct oh_timetable *timetable, const struct oh_promise_request *request, int64_t now_us,
                struct oh_promise_answer *out_answer)
{
    *out_answer = (struct oh_promise_answer){
        .fault_index = OH_INDEX_NONE,
        .options = engine->options,
        .rejections = engine->rejections,
    };
    engine->ledger = ledger;
    engine->timetable = timetable;
    edition_begin(engine, timetable);
    engine->request = request;
    engine->answer = out_answer;
    engine->now_us = oh_max_i64(ledger->time_us, now_us);
    engine->ordered_us = request->at_us == OH_TIME_US_NONE ? engine->now_us : request->at_us;
    engine->steps_left = request->steps_max == 0 ? OH_PROMISE_STEPS_DEFAULT : request->steps_max;
    engine->parcel_count = 0;
    engine->pick_count = 0;
    engine->ship.is_made = false;
    engine->has_full = false;
    out_answer->at_us = engine->ordered_us;
    if (!basket_make(engine))
        return;
    out_answer->has_point = engine->has_point;
    out_answer->point = engine->point;
    out_answer->sourcing = engine->policy;
    if (request->wants_ship && request->service_count > 0)
        services_named(engine);
    else if (request->wants_ship)
        services_all(engine);
    if (!request->wants_collect)
        return;
    if (request->store_count == 0)
        stores_nearest(engine);
    else if (!stores_named(engine))
        out_answer->option_count = 0;
}

/* ---- As a command ----------------------------------------------------------------------------- */

/* A node that only feeds the store is asked for a transfer. */
uint32_t oh_promise_claims(const struct oh_promise_option *option, struct oh_reserve_pick *out_picks,
                           struct oh_reserve_booking *out_bookings)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < option->pick_count; i++) {
        const struct oh_promise_pick *pick = &option->picks[i];
        uint16_t node = option->parcels[pick->parcel].node.index;
        bool feeds = option->kind == OH_KIND_COLLECT && node != option->store.index;
        out_picks[i] = (struct oh_reserve_pick){ pick->line, node, feeds ? OH_KIND_TRANSFER : option->kind,
                                                 pick->quantity_milli, pick->due_at_us };
    }
    for (uint32_t i = 0; i < option->parcel_count; i++) {
        for (uint32_t b = 0; b < option->parcels[i].booking_count; b++) {
            const struct oh_promise_booking *of = &option->parcels[i].bookings[b];
            out_bookings[count++] = (struct oh_reserve_booking){
                of->resource, of->node, of->unit, of->from_us, of->until_us, of->quantity_milli, of->limit_milli,
            };
        }
    }
    return count;
}
