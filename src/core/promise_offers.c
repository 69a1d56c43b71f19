/*
 * promise_offers.c - every way a node can give something to the basket: from
 * what is there now, when a supply has come, or below zero (SO3, SO4).
 *
 * What is there is asked lazily, site by site and line by line, by the function that admits a
 * reservation (L5); only that an item was ever at a node is looked up ahead.
 */
#include "core/promise.h"

static bool offers_has_cells(const struct oh_promise_engine *engine, const struct offers *offers)
{
    return offers->site_count < SITES_MAX && (offers->site_count + 1) * engine->line_count <= CELLS_MAX;
}

static uint32_t site_add(struct oh_promise_engine *engine, struct offers *offers, uint16_t node, enum oh_kind kind,
                         enum way way, int64_t stock_us)
{
    if (!offers_has_cells(engine, offers)) {
        offers->is_cut = true;
        return NO_SLOT;
    }
    uint32_t site = offers->site_count++;
    offers->sites[site] = (struct site){ node, (uint8_t)way, (uint8_t)kind, stock_us };
    memset(&offers->may_have[(size_t)site * engine->words], 0, engine->words * sizeof(uint64_t));
    memset(&offers->caps[(size_t)site * engine->line_count], 0xff, engine->line_count * sizeof(int64_t));
    return site;
}

uint32_t offers_site(struct oh_promise_engine *engine, struct offers *offers, uint16_t node, enum oh_kind kind)
{
    return site_add(engine, offers, node, kind, WAY_NOW, engine->ordered_us);
}

void offers_site_line(const struct oh_promise_engine *engine, struct offers *offers, uint32_t site, uint32_t line)
{
    offers->may_have[(size_t)site * engine->words + line / 64] |= (uint64_t)1 << (line % 64);
}

/* The node's site for what is there now, made when there is none. */
static uint32_t site_obtain(struct oh_promise_engine *engine, struct offers *offers, uint16_t node, enum oh_kind kind)
{
    if (engine->node_stamp[node] == engine->stamp)
        return engine->node_site[node];
    uint32_t site = offers_site(engine, offers, node, kind);
    engine->node_stamp[node] = engine->stamp;
    engine->node_site[node] = site;
    return site;
}

bool node_is_open(const struct oh_promise_engine *engine, uint16_t node)
{
    return node_bit(engine->members, node) && !node_bit(engine->excluded, node) && engine->ledger->nodes[node].enabled;
}

/* ---- Supplies to come, and selling below zero ------------------------------------------------- */

static uint32_t waits_collect(struct oh_promise_engine *engine, uint16_t node, int64_t waits[WAITS_MAX])
{
    uint32_t count = 0;
    for (uint32_t j = 0; j < engine->line_count; j++) {
        int64_t times[WAITS_MAX];
        uint32_t found = oh_supply_times(engine->ledger, (struct oh_item_id){ engine->lines[j].item },
                                         (struct oh_node_id){ node }, engine->now_us, WAITS_MAX, times);
        for (uint32_t i = 0; i < found; i++) {
            uint32_t at = 0;
            while (at < count && waits[at] < times[i])
                at++;
            if ((at < count && waits[at] == times[i]) || at == WAITS_MAX)
                continue;
            uint32_t moved = (count < WAITS_MAX ? count : WAITS_MAX - 1) - at;
            memmove(&waits[at + 1], &waits[at], moved * sizeof(*waits));
            waits[at] = times[i];
            count += count < WAITS_MAX ? 1 : 0;
        }
    }
    return count;
}

static void site_copy_lines(struct oh_promise_engine *engine, struct offers *offers, uint32_t from, uint32_t to)
{
    memcpy(&offers->may_have[(size_t)to * engine->words], &offers->may_have[(size_t)from * engine->words],
           engine->words * sizeof(uint64_t));
}

static void site_variants(struct oh_promise_engine *engine, struct offers *offers, uint32_t site)
{
    const struct oh_ledger *ledger = engine->ledger;
    uint16_t node = offers->sites[site].node;
    enum oh_kind kind = (enum oh_kind)offers->sites[site].kind;
    const struct oh_timetable_node *schedule = node_timetable(engine->timetable, node);
    if (engine->policy->future_supply != OH_FUTURE_NONE && ledger->supply_pool.live_count > 0) {
        int64_t waits[WAITS_MAX];
        uint32_t count = waits_collect(engine, node, waits);
        for (uint32_t i = 0; i < count; i++) {
            int64_t stock_us = waits[i] > engine->ordered_us ? waits[i] : engine->ordered_us;
            uint32_t made = site_add(engine, offers, node, kind, WAY_SUPPLY, stock_us);
            if (made != NO_SLOT)
                site_copy_lines(engine, offers, site, made);
        }
    }
    if ((ledger->rule_mask & OH_RULE_BACKORDER_LIMIT) != 0 && schedule->backorder_us >= 0) {
        uint32_t made = site_add(engine, offers, node, kind, WAY_BACKORDER,
                                 engine->ordered_us + schedule->backorder_us);
        if (made != NO_SLOT)
            memset(&offers->may_have[(size_t)made * engine->words], 0xff, engine->words * sizeof(uint64_t));
    }
}

void offers_begin(struct offers *offers)
{
    offers->is_made = true;
    offers->is_cut = false;
    offers->site_count = 0;
}

/* No node has a site yet. */
static void nodes_begin(struct oh_promise_engine *engine)
{
    if (++engine->stamp == 0) {
        memset(engine->node_stamp, 0, 65536 * sizeof(*engine->node_stamp));
        engine->stamp = 1;
    }
}

static void offers_line(struct oh_promise_engine *engine, struct offers *offers, uint32_t line)
{
    const struct item *item = &engine->ledger->items[engine->lines[line].item];
    const uint16_t *nodes = item_node_list(engine->ledger, item);
    for (uint32_t i = 0; i < item->node_count; i++) {
        if (!node_is_open(engine, nodes[i]))
            continue;
        uint32_t site = site_obtain(engine, offers, nodes[i], OH_KIND_SHIP);
        if (site != NO_SLOT)
            offers_site_line(engine, offers, site, line);
    }
}

/* Nodes that never had any of it may still sell below zero. */
static void offers_unstocked(struct oh_promise_engine *engine, struct offers *offers)
{
    if ((engine->ledger->rule_mask & OH_RULE_BACKORDER_LIMIT) == 0)
        return;
    for (uint32_t node = 0; node < engine->ledger->node_count; node++) {
        if (node_timetable(engine->timetable, (uint16_t)node)->backorder_us >= 0 &&
            node_is_open(engine, (uint16_t)node))
            (void)site_obtain(engine, offers, (uint16_t)node, OH_KIND_SHIP);
    }
}

void offers_variants(struct oh_promise_engine *engine, struct offers *offers)
{
    const struct oh_ledger *ledger = engine->ledger;
    bool may_wait = engine->policy->future_supply != OH_FUTURE_NONE && ledger->supply_pool.live_count > 0;
    bool may_owe = (ledger->rule_mask & OH_RULE_BACKORDER_LIMIT) != 0;
    uint32_t count = may_wait || may_owe ? offers->site_count : 0;
    for (uint32_t site = 0; site < count; site++)
        site_variants(engine, offers, site);
}

void offers_make_ship(struct oh_promise_engine *engine, struct offers *offers)
{
    if (offers->is_made)
        return;
    offers_begin(offers);
    nodes_begin(engine);
    engine->ship_stamp = engine->stamp;
    for (uint32_t j = 0; j < engine->line_count; j++)
        offers_line(engine, offers, j);
    offers_unstocked(engine, offers);
    offers_variants(engine, offers);
}

static void offers_node(struct oh_promise_engine *engine, struct offers *offers, uint16_t node, enum oh_kind kind)
{
    if (!node_is_open(engine, node))
        return;
    uint32_t site = site_obtain(engine, offers, node, kind);
    for (uint32_t j = 0; site != NO_SLOT && j < engine->line_count; j++) {
        if (position_find(engine->ledger, engine->lines[j].item, node) != NO_SLOT)
            offers_site_line(engine, offers, site, j);
    }
}

void offers_make_store(struct oh_promise_engine *engine, struct offers *offers, uint16_t store)
{
    const struct oh_timetable_node *schedule = node_timetable(engine->timetable, store);
    offers_begin(offers);
    nodes_begin(engine);
    offers_node(engine, offers, store, OH_KIND_COLLECT);
    for (uint32_t i = 0; engine->policy->ship_to_store && i < schedule->lane_count; i++)
        offers_node(engine, offers, schedule->lanes[i].from_node, OH_KIND_TRANSFER);
    offers_variants(engine, offers);
}

/* ---- How much --------------------------------------------------------------------------------- */

static bool item_is_preorder(const struct oh_promise_engine *engine, uint32_t item, uint16_t node)
{
    const struct rule *rule = rule_resolve(engine->ledger, OH_RULE_PREORDER, item, node, engine->channel);
    return rule != NULL && rule->values.preorder;
}

int64_t line_allowance(const struct oh_promise_engine *engine, struct basket_line *line, enum oh_kind kind)
{
    const struct oh_asker asker = { .channel = { engine->channel }, .kind = kind };
    if (line->allowances_milli[kind] < 0)
        line->allowances_milli[kind] = channel_allowance(engine->ledger, line->item, asker, engine->now_us);
    return line->allowances_milli[kind];
}

static int64_t cap_compute(const struct oh_promise_engine *engine, const struct site *site, struct basket_line *line)
{
    const struct oh_ledger *ledger = engine->ledger;
    struct oh_asker asker = { .channel = { engine->channel }, .kind = (enum oh_kind)site->kind };
    struct offer offer = offer_at_node(ledger, line->item, site->node, asker, engine->now_us);
    if (offer.reason != OH_OK_DONE)
        return 0;
    int64_t quantity = offer.free_milli;
    if (site->way == WAY_BACKORDER)
        quantity += offer.backorder_milli;
    bool may_wait = engine->policy->future_supply == OH_FUTURE_ALL ||
                    (engine->policy->future_supply == OH_FUTURE_PREORDER &&
                     item_is_preorder(engine, line->item, site->node));
    if (site->way == WAY_SUPPLY && may_wait) {
        int64_t later = oh_atp_at_node(ledger, (struct oh_item_id){ line->item }, (struct oh_node_id){ site->node },
                                       asker, site->stock_us, engine->now_us);
        quantity = oh_max_i64(quantity, later);
    }
    quantity -= node_timetable(engine->timetable, site->node)->sourcing_safety_stock_milli;
    return oh_max_i64(0, oh_min_i64(quantity, line_allowance(engine, line, asker.kind)));
}

int64_t offers_cap(struct oh_promise_engine *engine, struct offers *offers, uint32_t site, uint32_t line)
{
    int64_t *cap = &offers->caps[(size_t)site * engine->line_count + line];
    if (*cap < 0)
        *cap = cap_compute(engine, &offers->sites[site], &engine->lines[line]);
    return *cap;
}
