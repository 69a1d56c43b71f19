/*
 * promise_parcel.c - what leaves one node: its weight, and its way through
 * work, capacity, departure, transit and delivery (DA1 to DA8, SO5).
 *
 * Every step is monotone: more in the parcel makes nothing earlier, cheaper or possible. The
 * search for a plan relies on it.
 */
#include "base/civil.h"
#include "core/promise.h"

#define ACCOUNT_TRIES_MAX 64u
#define ORDER_BY_TRIES_MAX 256u

/* ---- What is in it ---------------------------------------------------------------------------- */

static uint64_t take_of(uint32_t per_unit, int64_t quantity_milli)
{
    return ((uint64_t)per_unit * (uint64_t)quantity_milli + 999) / 1000;
}

static uint64_t boxes_of(uint64_t whole, uint64_t most)
{
    return most == 0 || whole <= most ? 1 : (whole + most - 1) / most;
}

static void parcel_load(const struct scope *scope, const struct sourcing_take *takes, uint32_t take_count,
                        struct oh_promise_parcel *parcel)
{
    const struct oh_promise_engine *engine = scope->engine;
    uint64_t volume = 0;
    parcel->weight_grams = 0;
    for (uint32_t i = 0; i < take_count; i++) {
        const struct oh_item_traits *traits = &engine->lines[takes[i].line].traits;
        parcel->weight_grams += take_of(traits->weight_grams, takes[i].quantity_milli);
        volume += take_of(traits->volume_cm3, takes[i].quantity_milli);
    }
    parcel->box_count = 1;
    if (scope->is_collect)
        return;
    const struct oh_timetable_service *service = scope->route.service;
    uint64_t by_weight = boxes_of(parcel->weight_grams, service->weight_grams_max);
    uint64_t by_volume = boxes_of(volume, service->volume_cm3_max);
    uint64_t boxes = by_weight > by_volume ? by_weight : by_volume;
    parcel->box_count = boxes > UINT32_MAX ? UINT32_MAX : (uint32_t)boxes;
}

/* All boxes but the last are full. */
static enum oh_reason parcel_price(const struct scope *scope, struct oh_promise_parcel *parcel)
{
    parcel->cost_milli = 0;
    if (scope->is_collect)
        return OH_REASON_CHOSEN;
    uint64_t full = scope->route.service->weight_grams_max;
    uint64_t full_boxes = full == 0 || parcel->weight_grams == 0 ? 0 : (parcel->weight_grams - 1) / full;
    int64_t rest = route_cost_milli(&scope->route, parcel->weight_grams - full_boxes * full);
    int64_t each = full_boxes == 0 ? 0 : route_cost_milli(&scope->route, full);
    if (rest < 0 || each < 0)
        return OH_REASON_NO_COST;
    uint64_t more = parcel->box_count - 1; /* volume may ask for more boxes than weight */
    if (more > full_boxes)
        each = oh_max_i64(each, rest);
    parcel->cost_milli = rest + (int64_t)more * each;
    return OH_REASON_CHOSEN;
}

/* What is the same of every parcel with so many of the takes. False: it has no price. */
static bool takes_least(const struct scope *scope, uint32_t take_count, struct sourcing_terms *out_terms)
{
    struct oh_promise_parcel parcel;
    *out_terms = (struct sourcing_terms){ { 0 } };
    parcel_load(scope, scope->engine->takes, take_count, &parcel);
    if (parcel_price(scope, &parcel) != OH_REASON_CHOSEN)
        return false;
    out_terms->at[OH_TERM_PARCELS] = parcel.box_count;
    out_terms->at[OH_TERM_COST] = parcel.cost_milli;
    return true;
}

struct sourcing_terms parcel_whole(const struct scope *scope)
{
    const struct oh_promise_engine *engine = scope->engine;
    struct sourcing_terms terms;
    for (uint32_t j = 0; j < engine->line_count; j++)
        engine->takes[j] = (struct sourcing_take){ j, engine->needs[j] };
    (void)takes_least(scope, engine->line_count, &terms); /* without a price there is none */
    return terms;
}

struct sourcing_terms parcel_two(const struct scope *scope)
{
    const struct oh_promise_engine *engine = scope->engine;
    struct oh_promise_parcel half;
    struct sourcing_terms terms = { { [OH_TERM_PARCELS] = 2 } };
    for (uint32_t j = 0; j < engine->line_count; j++)
        engine->takes[j] = (struct sourcing_take){ j, engine->needs[j] };
    parcel_load(scope, engine->takes, engine->line_count, &half);
    half.weight_grams = (half.weight_grams + 1) / 2;
    half.box_count = 1;
    int64_t other_milli = oh_max_i64(0, route_cost_milli(&scope->route, 0));
    if (parcel_price(scope, &half) == OH_REASON_CHOSEN)
        terms.at[OH_TERM_COST] = other_milli + half.cost_milli;
    return terms;
}

bool parcel_part(const struct scope *scope, uint32_t lines, struct sourcing_terms *out_terms)
{
    const struct oh_promise_engine *engine = scope->engine;
    uint32_t count = 0;
    for (; lines != 0; lines &= lines - 1) {
        uint32_t line = (uint32_t)__builtin_ctz(lines);
        engine->takes[count++] = (struct sourcing_take){ line, engine->needs[line] };
    }
    return takes_least(scope, count, out_terms);
}

static bool classes_are_apart(const struct oh_promise_engine *engine, uint32_t a, uint32_t b)
{
    const struct oh_sourcing *policy = engine->policy;
    for (uint32_t i = 0; i < policy->apart_count; i++) {
        const struct oh_class_pair *pair = &policy->apart[i];
        if ((pair->a == a && pair->b == b) || (pair->a == b && pair->b == a))
            return true;
    }
    return false;
}

static bool parcel_is_mixed(const struct oh_promise_engine *engine, const struct sourcing_take *takes,
                            uint32_t take_count)
{
    for (uint32_t i = 1; engine->policy->apart_count > 0 && i < take_count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (classes_are_apart(engine, engine->lines[takes[i].line].traits.class_index,
                                  engine->lines[takes[k].line].traits.class_index))
                return true;
        }
    }
    return false;
}

/* ---- Work and capacity ------------------------------------------------------------------------ */

int64_t class_work_us(const struct oh_timetable_node *schedule, uint32_t class)
{
    if (schedule->class_processing_us == NULL || class >= schedule->class_count)
        return schedule->processing_us;
    return schedule->class_processing_us[class];
}

static int64_t work_of(const struct oh_promise_engine *engine, const struct oh_timetable_node *schedule,
                       const struct sourcing_take *takes, uint32_t take_count)
{
    int64_t work = 0;
    for (uint32_t i = 0; i < take_count; i++)
        work = oh_max_i64(work, class_work_us(schedule, engine->lines[takes[i].line].traits.class_index));
    return work;
}

static int64_t load_milli(enum oh_unit unit, const struct sourcing_take *takes, uint32_t take_count)
{
    int64_t sum = 0;
    switch (unit) {
    case OH_UNIT_ORDERS:
    case OH_UNIT_PARCELS:
        return 1000;
    case OH_UNIT_LINES:
        return (int64_t)take_count * 1000;
    case OH_UNIT_UNITS:
        for (uint32_t i = 0; i < take_count; i++)
            sum += takes[i].quantity_milli;
        return sum;
    }
    OH_UNREACHABLE();
}

int64_t promise_booked(const struct oh_promise_engine *engine, struct oh_bytes resource, int64_t from_us)
{
    int64_t booked = oh_booked(engine->ledger, resource, from_us, engine->now_us);
    for (uint32_t i = 0; i < engine->request->freed_count; i++) {
        const struct oh_booking_view *freed = &engine->request->freed[i];
        if (freed->from_us == from_us && oh_bytes_equal(freed->resource, resource))
            booked -= freed->quantity_milli;
    }
    return booked;
}

static int64_t room_milli(const struct oh_promise_engine *engine, struct oh_bytes resource, int64_t from_us,
                          int64_t limit_milli)
{
    return limit_milli - promise_booked(engine, resource, from_us);
}

static void booking_add(struct oh_promise_parcel *parcel, struct oh_promise_booking booking)
{
    OH_ASSERT(parcel->booking_count < sizeof(parcel->bookings) / sizeof(parcel->bookings[0]));
    parcel->bookings[parcel->booking_count++] = booking;
}

/* DA2: in the window of ready, or at the start of the next that has room. */
static enum oh_reason capacity_take(const struct scope *scope, const struct oh_timetable_node *schedule,
                                    const struct sourcing_take *takes, uint32_t take_count,
                                    struct oh_promise_parcel *parcel)
{
    const struct oh_capacity *capacity = &schedule->capacity;
    if (!capacity->is_limited)
        return OH_REASON_CHOSEN;
    int64_t load = load_milli(capacity->unit, takes, take_count);
    for (uint32_t i = windows_first(capacity, parcel->ready_us); i < capacity->count; i++) {
        const struct oh_window *window = &capacity->at[i];
        if (window->limit_milli < load ||
            room_milli(scope->engine, schedule->capacity_resource, window->from_us, window->limit_milli) < load)
            continue;
        parcel->ready_us = oh_max_i64(parcel->ready_us, window->from_us);
        booking_add(parcel, (struct oh_promise_booking){ schedule->capacity_resource, parcel->node.index,
                                                         capacity->unit, window->from_us, window->until_us, load,
                                                         window->limit_milli });
        return OH_REASON_CHOSEN;
    }
    return OH_REASON_NO_CAPACITY;
}

/* ---- Delivery --------------------------------------------------------------------------------- */

static bool account_serves(const struct oh_account *account, uint16_t node)
{
    for (uint32_t i = 0; i < account->node_count; i++) {
        if (account->nodes[i] == node)
            return true;
    }
    return account->node_count == 0;
}

/* The first account that serves the node and has room on the day of the pickup. */
static uint32_t account_choose(const struct scope *scope, const struct oh_promise_parcel *parcel, int64_t leaves_us,
                               uint32_t *out_day)
{
    const struct oh_timetable_service *service = scope->route.service;
    *out_day = service_day(service, leaves_us);
    for (uint32_t i = 0; i < service->account_count; i++) {
        const struct oh_account *account = &service->accounts[i];
        if (!account_serves(account, parcel->node.index))
            continue;
        if (account->daily_limit_milli == 0)
            return i;
        if (*out_day != OH_INDEX_NONE &&
            room_milli(scope->engine, account->resource, service->day_starts_us[*out_day],
                       account->daily_limit_milli) >= (int64_t)parcel->box_count * 1000)
            return i;
    }
    return OH_INDEX_NONE;
}

static bool slot_has_room(const struct scope *scope, const struct oh_slot *slot, int64_t load)
{
    return slot->limit_milli >= load &&
           room_milli(scope->engine, scope->route.service->slot_resource, slot->from_us, slot->limit_milli) >= load;
}

static enum oh_reason slot_take(const struct scope *scope, struct oh_promise_parcel *parcel, int64_t from_us)
{
    const struct oh_timetable_service *service = scope->route.service;
    if (!service->has_slots)
        return OH_REASON_CHOSEN;
    int64_t load = (int64_t)parcel->box_count * 1000;
    uint32_t i = slots_first(service, from_us, scope->engine->ordered_us);
    if (i < scope->slot_after)
        i = scope->slot_after;
    for (; i < service->slot_count; i++) {
        const struct oh_slot *slot = &service->slots[i];
        if (slot->closes_us <= scope->engine->ordered_us || !slot_has_room(scope, slot, load))
            continue;
        parcel->from_us = slot->from_us;
        parcel->until_us = slot->until_us;
        booking_add(parcel, (struct oh_promise_booking){ service->slot_resource, parcel->node.index, OH_UNIT_PARCELS,
                                                         slot->from_us, slot->until_us, load, slot->limit_milli });
        return OH_REASON_CHOSEN;
    }
    return OH_REASON_NO_SLOT;
}

static void account_book(const struct scope *scope, struct oh_promise_parcel *parcel, uint32_t account, uint32_t day)
{
    const struct oh_timetable_service *service = scope->route.service;
    const struct oh_account *of = &service->accounts[account];
    parcel->account = account;
    if (of->daily_limit_milli == 0)
        return;
    booking_add(parcel, (struct oh_promise_booking){ of->resource, parcel->node.index, OH_UNIT_PARCELS,
                                                     service->day_starts_us[day], service->day_starts_us[day + 1],
                                                     (int64_t)parcel->box_count * 1000, of->daily_limit_milli });
}

static const struct oh_timetable_node *reach_schedule(const struct scope *scope, const struct reach *reach)
{
    return node_timetable(scope->engine->timetable, scope->offers->sites[reach->site].node);
}

static int64_t ordered_at(const struct scope *scope, const struct reach *reach)
{
    return oh_max_i64(scope->engine->ordered_us, scope->offers->sites[reach->site].stock_us);
}

/* Transit as it was learned of the weekday that it leaves on; -1: as the table says. */
static int64_t learned_us(const struct scope *scope, const struct reach *reach, const struct oh_departure *departure)
{
    struct oh_promise_engine *engine = scope->engine;
    if (scope->region.size == 0)
        return -1;
    uint32_t weekday = oh_civil_weekday(departure->day);
    size_t at = (size_t)reach->site * 7 + weekday;
    if (engine->learned_stamps[at] == engine->learned_stamp)
        return engine->learned_us[at];
    char buffer[OH_REGION_DERIVED_SIZE_MAX];
    struct oh_node_id node = { scope->offers->sites[reach->site].node };
    struct oh_bytes origin = oh_node_region(engine->ledger, node, buffer);
    engine->learned_stamps[at] = engine->learned_stamp;
    engine->learned_us[at] = -1;
    (void)oh_transit_quantile(engine->ledger, scope->route.service->service, origin, scope->region, weekday,
                              engine->policy->transit_percentile, &engine->learned_us[at]);
    return engine->learned_us[at];
}

static struct delivery delivery_of(const struct scope *scope, const struct reach *reach,
                                   const struct oh_departure *departure)
{
    return route_deliver(&scope->route, reach->transit, learned_us(scope, reach, departure), departure);
}

/* Later orders are not ready earlier: the departure stays the first until it is missed, or not notified in time. */
static struct soonest soonest_find(const struct oh_promise_engine *engine, uint32_t service, uint16_t node,
                                   const struct oh_departures *departures, int64_t ordered_us)
{
    const struct oh_timetable_node *schedule = node_timetable(engine->timetable, node);
    int64_t ready_us = spans_advance(&schedule->hours, ordered_us + schedule->lead_us, 0);
    uint32_t first =
        ready_us == CHAIN_NEVER ? departures->count : departures_first(departures, ready_us, ordered_us);
    struct soonest soonest = { engine->edition, ordered_us, INT64_MAX, first, service };
    if (first == departures->count)
        return soonest;
    const struct oh_departure *departure = &departures->at[first];
    int64_t begin_us = spans_retreat(&schedule->hours, departure->deadline_us, 0);
    soonest.until_us = begin_us == INT64_MIN ? ordered_us : begin_us - schedule->lead_us;
    if (departure->notified_us < soonest.until_us)
        soonest.until_us = departure->notified_us + 1;
    return soonest;
}

struct soonest node_soonest(struct oh_promise_engine *engine, uint32_t service, uint16_t node,
                            const struct oh_departures *departures)
{
    struct soonest *kept = &engine->soonest[(size_t)(service % SOONEST_SERVICES) * 65536 + node];
    if (kept->edition != engine->edition || kept->service != service || kept->from_us > engine->ordered_us ||
        engine->ordered_us >= kept->until_us)
        *kept = soonest_find(engine, service, node, departures, engine->ordered_us);
    return *kept;
}

/* The first departure of what is ordered and needs no work. What waits for a supply is ordered later. */
static uint32_t departure_soonest(const struct scope *scope, const struct reach *reach)
{
    const struct site *site = &scope->offers->sites[reach->site];
    if (site->way == WAY_NOW)
        return node_soonest(scope->engine, scope->service, site->node, reach->departures).departure;
    return soonest_find(scope->engine, scope->service, site->node, reach->departures, ordered_at(scope, reach))
        .departure;
}

/*
 * No delivery of what is ready then or later is sooner. By the table the first departure's is that; as it was learned a
 * later weekday may overtake it, within a week.
 */
static struct delivery delivery_soonest(const struct scope *scope, const struct reach *reach)
{
    const struct oh_departures *departures = reach->departures;
    uint32_t first = departure_soonest(scope, reach);
    struct delivery soonest = { .window = OH_INDEX_NONE };
    for (uint32_t i = first; i < departures->count && departures->at[i].day <= departures->at[first].day + 7; i++) {
        struct delivery delivery = delivery_of(scope, reach, &departures->at[i]);
        if (scope->region.size == 0)
            return delivery;
        if (delivery.window == OH_INDEX_NONE)
            continue;
        bool is_first = soonest.window == OH_INDEX_NONE;
        soonest.window = delivery.window;
        soonest.arrives_us = is_first ? delivery.arrives_us : oh_min_i64(soonest.arrives_us, delivery.arrives_us);
        soonest.until_us = is_first ? delivery.until_us : oh_min_i64(soonest.until_us, delivery.until_us);
    }
    return soonest;
}

static enum oh_reason delivery_make(const struct scope *scope, const struct reach *reach,
                                    struct oh_promise_parcel *parcel)
{
    const struct oh_departures *departures = reach->departures;
    uint32_t first = departures_first(departures, parcel->ready_us, ordered_at(scope, reach));
    for (uint32_t i = first; i < departures->count && i - first < ACCOUNT_TRIES_MAX; i++) {
        const struct oh_departure *departure = &departures->at[i];
        uint32_t day;
        uint32_t account = account_choose(scope, parcel, departure->leaves_us, &day);
        if (account == OH_INDEX_NONE)
            continue;
        struct delivery delivery = delivery_of(scope, reach, departure);
        if (delivery.window == OH_INDEX_NONE)
            return OH_REASON_BEYOND_HORIZON;
        parcel->leaves_us = departure->leaves_us;
        parcel->from_us = delivery.from_us;
        parcel->until_us = delivery.until_us;
        account_book(scope, parcel, account, day);
        return slot_take(scope, parcel, delivery.arrives_us);
    }
    return first == departures->count ? OH_REASON_BEYOND_HORIZON : OH_REASON_NO_ACCOUNT;
}

/* ---- Collecting ------------------------------------------------------------------------------- */

static enum oh_reason collect_make(const struct scope *scope, const struct reach *reach,
                                   struct oh_promise_parcel *parcel)
{
    const struct oh_timetable_node *store = node_timetable(scope->engine->timetable, scope->store);
    int64_t at = parcel->ready_us;
    if (reach->departures != NULL) {
        uint32_t i = departures_first(reach->departures, at, ordered_at(scope, reach));
        if (i == reach->departures->count)
            return OH_REASON_BEYOND_HORIZON;
        parcel->leaves_us = reach->departures->at[i].leaves_us;
        parcel->arrives_us = reach->departures->at[i].arrives_us;
        parcel->lane = reach->lane;
        at = parcel->arrives_us + store->receiving_us;
    } else if (!store->collect_cutoffs.is_at_once) {
        uint32_t i = departures_first(&store->collect_cutoffs, at, ordered_at(scope, reach));
        if (i == store->collect_cutoffs.count)
            return OH_REASON_BEYOND_HORIZON;
        at = store->collect_cutoffs.at[i].leaves_us;
    }
    at = spans_open(&store->collect_hours, at);
    parcel->from_us = at;
    parcel->until_us = at;
    return at == CHAIN_NEVER ? OH_REASON_BEYOND_HORIZON : OH_REASON_CHOSEN;
}

/* ---- The whole -------------------------------------------------------------------------------- */

enum oh_reason parcel_make(const struct scope *scope, const struct reach *reach, const struct sourcing_take *takes,
                           uint32_t take_count, struct oh_promise_parcel *parcel)
{
    const struct oh_promise_engine *engine = scope->engine;
    const struct site *site = &scope->offers->sites[reach->site];
    const struct oh_timetable_node *schedule = reach_schedule(scope, reach);
    *parcel = (struct oh_promise_parcel){
        .node = { site->node },
        .begin_us = oh_max_i64(engine->ordered_us, site->stock_us) + schedule->lead_us,
        .leaves_us = OH_TIME_US_NONE,
        .arrives_us = OH_TIME_US_NONE,
        .order_by_us = OH_TIME_US_NONE,
        .distance_km = reach->distance_km,
        .account = OH_INDEX_NONE,
    };
    if (parcel_is_mixed(engine, takes, take_count))
        return OH_REASON_APART;
    parcel_load(scope, takes, take_count, parcel);
    enum oh_reason reason = parcel_price(scope, parcel);
    if (reason != OH_REASON_CHOSEN)
        return reason;
    parcel->ready_us = spans_advance(&schedule->hours, parcel->begin_us, work_of(engine, schedule, takes, take_count));
    if (parcel->ready_us == CHAIN_NEVER)
        return OH_REASON_BEYOND_HORIZON;
    reason = capacity_take(scope, schedule, takes, take_count, parcel);
    if (reason != OH_REASON_CHOSEN)
        return reason;
    reason = scope->is_collect ? collect_make(scope, reach, parcel) : delivery_make(scope, reach, parcel);
    if (reason == OH_REASON_CHOSEN && parcel->until_us > scope->until_us)
        return OH_REASON_LATER;
    return reason;
}

/* ---- Terms ------------------------------------------------------------------------------------ */

int64_t minutes_until(const struct oh_promise_engine *engine, int64_t at_us)
{
    return oh_max_i64(0, (at_us - engine->ordered_us + 59999999) / 60000000);
}

/* Points of a line's take: shifted so that none is below zero. */
static int64_t balance_of(const struct scope *scope, const struct reach *reach, const struct sourcing_take *take)
{
    const struct oh_sourcing *policy = scope->engine->policy;
    int64_t last = policy->last_unit_points;
    int64_t markdown = policy->markdown_points;
    int64_t points = -oh_min_i64(0, last) - oh_min_i64(0, markdown);
    if (last != 0 && take->quantity_milli >= offers_cap(scope->engine, scope->offers, reach->site, take->line))
        points += last;
    if (reach_schedule(scope, reach)->is_markdown)
        points += markdown;
    return points;
}

/* By quantity: so that of two nodes with the same parcels the preferred one gives all it has first. */
static int64_t priority_of(int32_t priority, const struct sourcing_take *takes, uint32_t take_count)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < take_count; i++) {
        int64_t part; /* at most 10^6 times 10^12 */
        if (__builtin_mul_overflow(takes[i].quantity_milli, (int64_t)priority, &part) ||
            __builtin_add_overflow(sum, part, &sum))
            return INT64_MAX;
    }
    return sum;
}

void parcel_terms(const struct scope *scope, const struct reach *reach, const struct oh_promise_parcel *parcel,
                  const struct sourcing_take *takes, uint32_t take_count, struct sourcing_terms *out_terms)
{
    const struct oh_sourcing *policy = scope->engine->policy;
    out_terms->at[OH_TERM_COMPLETE] = 0;
    out_terms->at[OH_TERM_PARCELS] = parcel->box_count;
    out_terms->at[OH_TERM_DATE] = minutes_until(scope->engine, parcel->until_us);
    out_terms->at[OH_TERM_COST] = parcel->cost_milli;
    out_terms->at[OH_TERM_DISTANCE] = reach->distance_m;
    out_terms->at[OH_TERM_PRIORITY] =
        take_count == 0 ? 0 : priority_of(reach_schedule(scope, reach)->priority, takes, take_count);
    int64_t balance = 0;
    bool has_balance = policy->last_unit_points != 0 || policy->markdown_points != 0;
    for (uint32_t i = 0; has_balance && i < take_count; i++)
        balance += balance_of(scope, reach, &takes[i]);
    out_terms->at[OH_TERM_BALANCE] = balance;
}

static enum oh_reason collect_soonest(const struct scope *scope, const struct reach *reach,
                                      struct oh_promise_parcel *parcel)
{
    const struct oh_timetable_node *schedule = reach_schedule(scope, reach);
    parcel->ready_us = spans_advance(&schedule->hours, ordered_at(scope, reach) + schedule->lead_us, 0);
    return parcel->ready_us == CHAIN_NEVER ? OH_REASON_BEYOND_HORIZON : collect_make(scope, reach, parcel);
}

/* A parcel with nothing in it is as early and cheap as any can be. */
bool parcel_least(const struct scope *scope, const struct reach *reach, struct sourcing_terms *out_terms,
                  enum oh_reason *out_reason)
{
    struct oh_promise_parcel parcel = { .node = { scope->offers->sites[reach->site].node }, .box_count = 1 };
    if (!scope->is_collect) {
        struct delivery delivery = delivery_soonest(scope, reach);
        *out_reason = OH_REASON_BEYOND_HORIZON;
        if (delivery.window == OH_INDEX_NONE)
            return false;
        parcel.until_us = scope->route.service->has_slots ? delivery.arrives_us : delivery.until_us;
        parcel.cost_milli = route_cost_milli(&scope->route, 0);
        *out_reason = OH_REASON_NO_COST;
        if (parcel.cost_milli < 0)
            return false;
    } else if ((*out_reason = collect_soonest(scope, reach, &parcel)) != OH_REASON_CHOSEN) {
        return false;
    }
    *out_reason = OH_REASON_LATER;
    if (parcel.until_us > scope->until_us)
        return false;
    parcel_terms(scope, reach, &parcel, NULL, 0, out_terms);
    return true;
}

/* ---- How long it stays true (DA8) ------------------------------------------------------------- */

/* The latest ready, exclusive, with which the delivery is still the parcel's. */
static int64_t ready_limit_of_delivery(const struct scope *scope, const struct reach *reach,
                                       const struct oh_promise_parcel *parcel, int64_t *out_notified_us)
{
    const struct oh_departures *departures = reach->departures;
    int64_t limit = INT64_MIN;
    *out_notified_us = INT64_MAX;
    uint32_t i = departures_first(departures, parcel->ready_us, ordered_at(scope, reach));
    for (uint32_t tries = 0; i < departures->count && tries < ORDER_BY_TRIES_MAX; i++, tries++) {
        struct oh_promise_parcel later = *parcel;
        const struct oh_departure *departure = &departures->at[i];
        if (departure->leaves_us < parcel->leaves_us)
            continue; /* no account had room for it */
        struct delivery delivery = delivery_of(scope, reach, departure);
        later.booking_count = 0;
        later.until_us = delivery.until_us;
        uint32_t day;
        if (delivery.window == OH_INDEX_NONE ||
            (departure->leaves_us > parcel->leaves_us &&
             account_choose(scope, parcel, departure->leaves_us, &day) == OH_INDEX_NONE) ||
            slot_take(scope, &later, delivery.arrives_us) != OH_REASON_CHOSEN || later.until_us > parcel->until_us)
            break;
        limit = departure->deadline_us;
        *out_notified_us = departure->notified_us;
    }
    return limit;
}

static int64_t ready_limit_of_collect(const struct scope *scope, const struct reach *reach,
                                      const struct oh_promise_parcel *parcel)
{
    const struct oh_timetable_node *store = node_timetable(scope->engine->timetable, scope->store);
    const struct oh_departures *departures = reach->departures != NULL ? reach->departures : &store->collect_cutoffs;
    int64_t added = reach->departures != NULL ? store->receiving_us : 0;
    if (reach->departures == NULL && departures->is_at_once)
        return parcel->until_us + 1; /* ready by the time it is collected */
    int64_t limit = INT64_MIN;
    uint32_t i = departures_first(departures, parcel->ready_us, ordered_at(scope, reach));
    for (uint32_t tries = 0; i < departures->count && tries < ORDER_BY_TRIES_MAX; i++, tries++) {
        if (spans_open(&store->collect_hours, departures->at[i].arrives_us + added) > parcel->until_us)
            break;
        limit = departures->at[i].deadline_us;
    }
    return limit;
}

/* With capacity: what is ready before `limit_us` must also find a window that leaves it before. */
static int64_t ready_limit_of_capacity(const struct scope *scope, const struct oh_timetable_node *schedule,
                                       const struct sourcing_take *takes, uint32_t take_count, int64_t ready_us,
                                       int64_t limit_us)
{
    const struct oh_capacity *capacity = &schedule->capacity;
    if (!capacity->is_limited)
        return limit_us;
    int64_t load = load_milli(capacity->unit, takes, take_count);
    int64_t limit = INT64_MIN;
    for (uint32_t i = windows_first(capacity, ready_us); i < capacity->count; i++) {
        const struct oh_window *window = &capacity->at[i];
        if (window->from_us >= limit_us)
            break;
        if (window->limit_milli >= load &&
            room_milli(scope->engine, schedule->capacity_resource, window->from_us, window->limit_milli) >= load)
            limit = oh_min_i64(limit_us, window->until_us);
    }
    return limit;
}

int64_t parcel_order_by(const struct scope *scope, const struct reach *reach, const struct oh_promise_parcel *parcel,
                        const struct sourcing_take *takes, uint32_t take_count)
{
    const struct oh_timetable_node *schedule = reach_schedule(scope, reach);
    int64_t notified = INT64_MAX;
    int64_t limit = scope->is_collect ? ready_limit_of_collect(scope, reach, parcel)
                                      : ready_limit_of_delivery(scope, reach, parcel, &notified);
    int64_t work = work_of(scope->engine, schedule, takes, take_count);
    int64_t begun = spans_advance(&schedule->hours, parcel->begin_us, work);
    limit = ready_limit_of_capacity(scope, schedule, takes, take_count, begun, limit);
    if (limit == INT64_MIN)
        return scope->engine->ordered_us;
    int64_t begin = spans_retreat(&schedule->hours, limit, work);
    int64_t by = begin == INT64_MIN ? scope->engine->ordered_us : begin - schedule->lead_us;
    if (begin != INT64_MIN && scope->offers->sites[reach->site].way == WAY_BACKORDER)
        by -= schedule->backorder_us; /* it counts from the order */
    if (notified != INT64_MAX)
        by = oh_min_i64(by, notified + 1); /* ordered at the latest then */
    if (scope->route.service != NULL && scope->route.service->has_slots) {
        const struct oh_timetable_service *service = scope->route.service;
        uint32_t slot = slots_first(service, parcel->from_us, INT64_MIN);
        OH_ASSERT(slot < service->slot_count); /* the parcel's own */
        by = oh_min_i64(by, service->slots[slot].closes_us);
    }
    return oh_max_i64(by, scope->engine->ordered_us);
}
