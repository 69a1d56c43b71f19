/*
 * test_ledger_model.c - the ledger against a naive one (docs/spec/ledger.md, rules.md, verdicts.md).
 *
 * Both are given the same random commands: of every type, in bursts that share a record, repeated, late, wrong on
 * purpose and at the edge of what is allowed. After each command the whole answer must agree, field by field, and every
 * so often every answer there is to any question. A replica replays the records; the ledger that goes on is now and
 * then the replica, or one restored from a snapshot. One seed repeats one run. By hand, as long as you like:
 *
 *     ONHAND_SEED=1000 ONHAND_RUNS=5000 build/dev/tests/prop/test_ledger_model
 */
#include "codec/record.h"
#include "onhand/ledger.h"
#include "support/ledger_audit.h"
#include "support/naive.h"
#include "support/random_commands.h"
#include "support/shop.h"
#include "support/test.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS 72u
#define STEPS 2500u
#define COMPARE_EVERY 100u
#define NODES_MANY 72u /* more than the bits of a word */
#define BURST_MAX 6u /* commands of one record; fewer than RANDOM_JOINED_MAX */

struct world {
    uint64_t seed;
    uint64_t step;
    const char *doing; /* for the one line that a failure prints */
    struct random_commands commands;
    struct oh_ledger_options options;
    struct oh_ledger *ledger;
    struct oh_ledger *replica; /* replays what the ledger records */
    struct naive *naive;
    struct oh_strbuf bytes; /* of a record */
    struct oh_record_decoder decoder;
};

static uint64_t below(struct world *world, uint64_t bound)
{
    return oh_prng_below(&world->commands.prng, bound);
}

/* ---- Agreeing --------------------------------------------------------------------------------- */

static void disagree(const struct world *world, const char *what, int64_t ledger, int64_t naive)
{
    fail_msg("step %" PRIu64 ", %s: the ledger's %s is %" PRId64 ", not %" PRId64
             "; repeat: ONHAND_SEED=%" PRIu64 " ONHAND_RUNS=1 build/dev/tests/prop/test_ledger_model",
             world->step, world->doing, what, ledger, naive, world->seed);
}

static void agree(const struct world *world, const char *what, int64_t ledger, int64_t naive)
{
    if (ledger != naive)
        disagree(world, what, ledger, naive);
}

static void agree_bytes(const struct world *world, const char *what, struct oh_bytes ledger, struct oh_bytes naive)
{
    if (oh_bytes_equal(ledger, naive))
        return;
    fprintf(stderr, "ledger \"%.*s\", naive \"%.*s\"\n", (int)ledger.size, ledger.data, (int)naive.size, naive.data);
    disagree(world, what, (int64_t)ledger.size, (int64_t)naive.size);
}

#define AGREE(member) agree(world, #member, (int64_t)a->member, (int64_t)b->member)

static void agree_line(const struct world *world, const struct oh_answer_line *a, const struct oh_answer_line *b)
{
    AGREE(line);
    AGREE(item.index);
    AGREE(node.index);
    AGREE(verdict);
    AGREE(requested_milli);
    AGREE(quantity_milli);
    AGREE(returned_milli);
    AGREE(available_milli);
    AGREE(short_milli);
}

static void agree_answer(const struct world *world, const struct oh_answer *a, const struct oh_answer *b)
{
    AGREE(type);
    AGREE(verdict);
    AGREE(field);
    AGREE(fault_index);
    AGREE(is_repeat);
    AGREE(is_created);
    AGREE(seq);
    AGREE(at_us);
    AGREE(kind);
    AGREE(status);
    AGREE(created_at_us);
    AGREE(expires_at_us);
    AGREE(window_from_us);
    AGREE(window_until_us);
    AGREE(line_count);
    agree_bytes(world, "id", a->id, b->id);
    for (uint32_t i = 0; i < a->line_count; i++)
        agree_line(world, &a->lines[i], &b->lines[i]);
}

static void agree_position(const struct world *world, uint32_t item, uint32_t node)
{
    struct oh_position_view views[2];
    const struct oh_position_view *a = &views[0], *b = &views[1];
    oh_position_get(world->ledger, (struct oh_item_id){ item }, (struct oh_node_id){ (uint16_t)node },
                    world->commands.now_us, &views[0]);
    naive_position(world->naive, item, node, &views[1]);
    for (uint32_t state = 0; state < OH_STATE_COUNT; state++)
        AGREE(states_milli[state]);
    AGREE(item.index);
    AGREE(node.index);
    AGREE(on_hand_milli);
    AGREE(held_milli);
    AGREE(confirmed_milli);
    AGREE(safety_stock_milli);
    AGREE(fenced_milli);
    AGREE(available_milli);
    AGREE(short_milli);
    AGREE(as_of_us);
}

static void agree_availability(const struct world *world, const struct oh_availability *a,
                               const struct oh_availability *b)
{
    AGREE(available_milli);
    AGREE(backorder_milli);
    AGREE(reason);
    AGREE(band);
    AGREE(supply_milli);
    AGREE(supply_eta_us);
    AGREE(safety_stock_milli);
    AGREE(threshold_milli);
    agree_bytes(world, "safety_stock_rule", a->safety_stock_rule, b->safety_stock_rule);
    agree_bytes(world, "threshold_rule", a->threshold_rule, b->threshold_rule);
    agree_bytes(world, "backorder_rule", a->backorder_rule, b->backorder_rule);
}

/* ---- Every question --------------------------------------------------------------------------- */

/* As somebody: no channel or one of them, any kind or one of two; for now, or for a day to come. */
static struct oh_asker asker_of(struct world *world, uint32_t number)
{
    static const enum oh_kind kinds[] = { OH_KIND_ANY, OH_KIND_COLLECT, OH_KIND_SHIP };
    uint32_t channel = number / 3;
    return (struct oh_asker){ .channel = { channel == 0 ? OH_NODE_NONE : (uint16_t)(channel - 1) },
                              .kind = kinds[number % 3],
                              .by_us = below(world, 2) == 0
                                           ? 0
                                           : world->commands.now_us + (int64_t)below(world, 12) * SHOP_DAY_US };
}

static void agree_on_nodes(const struct world *world, uint32_t item, struct oh_asker asker)
{
    struct oh_availability a, b;
    for (uint32_t node = 0; node < world->naive->node_count; node++) {
        oh_available_at_node(world->ledger, (struct oh_item_id){ item }, (struct oh_node_id){ (uint16_t)node },
                             asker, world->commands.now_us, &a);
        naive_at_node(world->naive, item, node, asker, &b);
        agree_availability(world, &a, &b);
        agree(world, "ATP",
              oh_atp_at_node(world->ledger, (struct oh_item_id){ item }, (struct oh_node_id){ (uint16_t)node }, asker,
                             asker.by_us, world->commands.now_us),
              naive_offer(world->naive, item, node, asker).free);
    }
}

static void agree_on_totals(const struct world *world, uint32_t item, struct oh_asker asker)
{
    struct oh_availability a, b;
    for (uint32_t group = 0; group < world->naive->group_count; group++) {
        oh_available_in_group(world->ledger, (struct oh_item_id){ item }, (struct oh_group_id){ (uint16_t)group },
                              asker, world->commands.now_us, &a);
        naive_in_group(world->naive, item, group, asker, &b);
        agree_availability(world, &a, &b);
    }
    if (asker.channel.index == OH_NODE_NONE)
        return;
    oh_available_in_channel(world->ledger, (struct oh_item_id){ item }, asker, world->commands.now_us, &a);
    naive_in_channel(world->naive, item, asker, &b);
    agree_availability(world, &a, &b);
}

static void agree_on_near(struct world *world, uint32_t item, struct oh_asker asker)
{
    struct oh_near_row rows[2][NAIVE_MANY];
    struct oh_near near = random_commands_near(&world->commands);
    uint32_t rows_max = 1 + (uint32_t)below(world, below(world, 2) == 0 ? 3 : OH_NEAR_ROWS_MAX);
    int64_t least = ((int64_t)below(world, 4) - 1) * world->commands.unit_milli;
    if (!naive_point_is_valid(near.point) || isnan(near.radius_km))
        return;
    uint32_t count = oh_available_near(world->ledger, (struct oh_item_id){ item }, &near, asker, least,
                                       world->commands.now_us, rows_max, rows[0]);
    agree(world, "near count", count, naive_near(world->naive, item, &near, asker, least, rows_max, rows[1]));
    for (uint32_t i = 0; i < count; i++) {
        agree(world, "near node", rows[0][i].node.index, rows[1][i].node.index);
        agree(world, "near available", rows[0][i].available_milli, rows[1][i].available_milli);
        agree(world, "near metres", (int64_t)round(rows[0][i].distance_km * 1000),
              (int64_t)round(rows[1][i].distance_km * 1000));
    }
}

static void agree_on_item(struct world *world, uint32_t item)
{
    struct oh_node_id nodes[NAIVE_MANY];
    uint32_t first = (uint32_t)below(world, 3);
    uint32_t count = oh_item_nodes(world->ledger, (struct oh_item_id){ item }, first, NAIVE_MANY, nodes);
    uint32_t at = 0;
    for (uint32_t node = 0; node < world->naive->node_count; node++) {
        agree_position(world, item, node);
        if (naive_place_find(world->naive, item, node) != NULL && at++ >= first)
            agree(world, "node that has the item", nodes[at - 1 - first].index, node);
    }
    agree(world, "number of nodes that have the item", count, at);
    for (uint32_t number = 0; number < 3 * (world->naive->channel_count + 1); number++) {
        struct oh_asker asker = asker_of(world, number);
        agree_on_nodes(world, item, asker);
        agree_on_totals(world, item, asker);
        agree_on_near(world, item, asker);
    }
}

/* ---- Reservations ----------------------------------------------------------------------------- */

static void agree_claim(const struct world *world, const struct oh_claim_view *a, const struct naive_claim *claim,
                        bool is_due)
{
    int64_t held = is_due ? 0 : claim->held;
    int64_t expired = claim->expired + claim->held - held;
    int64_t released = claim->milli - claim->held - claim->confirmed - claim->fulfilled - claim->expired;
    enum oh_status status = held > 0               ? OH_STATUS_HELD
                            : claim->confirmed > 0 ? OH_STATUS_CONFIRMED
                            : claim->fulfilled > 0 ? OH_STATUS_FULFILLED
                            : expired > 0          ? OH_STATUS_EXPIRED
                                                   : OH_STATUS_RELEASED;
    uint16_t node = claim->node == NAIVE_NONE ? OH_NODE_NONE : (uint16_t)claim->node;
    const struct oh_claim_view view = { claim->line, { claim->item }, { node }, status, claim->milli, held,
                                        claim->confirmed, claim->fulfilled, released, expired,
                                        held + claim->confirmed > 0 ? claim->due_us : OH_TIME_US_NONE };
    const struct oh_claim_view *b = &view;
    AGREE(line);
    AGREE(item.index);
    AGREE(node.index);
    AGREE(status);
    AGREE(quantity_milli);
    AGREE(held_milli);
    AGREE(confirmed_milli);
    AGREE(fulfilled_milli);
    AGREE(released_milli);
    AGREE(expired_milli);
    AGREE(due_at_us);
}

/* Those of which something is left. */
static void agree_bookings(const struct world *world, const struct naive_reservation *reservation,
                           struct oh_reservation_id id)
{
    struct oh_booking_view views[OH_BOOKINGS_MAX];
    uint32_t count = oh_reservation_bookings(world->ledger, id, world->commands.now_us, OH_BOOKINGS_MAX, views);
    uint32_t at = 0;
    for (uint32_t i = 0; i < reservation->booking_count; i++) {
        const struct naive_booking *b = &reservation->bookings[i];
        int64_t left = naive_booking_left(world->naive, reservation, b);
        if (left == 0)
            continue;
        agree(world, "bookings are that many", count > at, true);
        const struct oh_booking_view *a = &views[at++];
        agree_bytes(world, "resource", a->resource, b->resource);
        agree(world, "booking's node", a->node.index, b->node);
        agree(world, "booked", a->quantity_milli, left);
        AGREE(unit);
        AGREE(from_us);
        AGREE(until_us);
    }
    agree(world, "number of bookings", count, at);
}

static void agree_reservation(struct world *world, const struct naive_reservation *b)
{
    struct oh_reservation_id id;
    struct oh_reservation_view view;
    struct oh_claim_view claims[NAIVE_MANY];
    const struct oh_reservation_view *a = &view;
    uint32_t first = (uint32_t)below(world, 3);
    const struct naive_reservation *newest = naive_reservation_find(world->naive, b->id);
    agree(world, "reservation", oh_reservation_find(world->ledger, b->id, &id), newest != NULL);
    if (newest != b) /* forgotten, and the id may be another's now */
        return;
    oh_reservation_get(world->ledger, id, world->commands.now_us, &view);
    agree_bytes(world, "reservation", a->id, b->id);
    agree_bytes(world, "customer", a->customer, b->customer);
    agree_bytes(world, "order", a->order, b->order);
    agree(world, "channel", a->channel.index, b->channel == NAIVE_NONE ? OH_NODE_NONE : (uint16_t)b->channel);
    AGREE(kind);
    AGREE(claim_count);
    agree(world, "status", a->status, naive_status(world->naive, b));
    agree_bytes(world, "promise", a->promise, b->promise);
    agree_bookings(world, b, id);
    agree(world, "created", a->created_at_us, b->created_us);
    agree(world, "expires", a->expires_at_us, b->expires_us);
    uint32_t count = oh_reservation_claims(world->ledger, id, world->commands.now_us, first, NAIVE_MANY, claims);
    agree(world, "claims shown", count, b->claim_count > first ? b->claim_count - first : 0);
    for (uint32_t i = 0; i < count; i++)
        agree_claim(world, &claims[i], &b->claims[first + i], naive_is_due(world->naive, b));
}

static bool filter_keeps(const struct world *world, const struct oh_reservation_filter *filter,
                         const struct naive_reservation *reservation)
{
    bool is_at_node = !filter->node_is_set;
    for (uint32_t i = 0; i < reservation->claim_count; i++)
        is_at_node = is_at_node || reservation->claims[i].node == filter->node.index;
    return is_at_node && !naive_reservation_is_forgotten(world->naive, reservation) &&
           (filter->customer.size == 0 || oh_bytes_equal(filter->customer, reservation->customer)) &&
           (filter->order.size == 0 || oh_bytes_equal(filter->order, reservation->order)) &&
           (!filter->status_is_set || filter->status == naive_status(world->naive, reservation));
}

static struct oh_reservation_filter any_filter(struct world *world)
{
    struct oh_reservation_filter filter = { .node_is_set = false };
    uint32_t count = world->naive->reservation_count;
    if (count > 0 && below(world, 3) == 0)
        filter.customer = world->naive->reservations[below(world, count)].customer;
    if (count > 0 && below(world, 3) == 0)
        filter.order = world->naive->reservations[below(world, count)].order;
    if (world->naive->node_count > 0 && below(world, 3) == 0) {
        filter.node_is_set = true;
        filter.node.index = (uint16_t)below(world, world->naive->node_count);
    }
    filter.status_is_set = below(world, 2) == 0;
    filter.status = (enum oh_status)below(world, 5);
    return filter;
}

/* Each reservation that the filter keeps is listed once, in pages of some size, and no other. */
static void agree_list(struct world *world)
{
    struct oh_reservation_filter filter = any_filter(world);
    struct oh_reservation_id page[32];
    uint64_t cursor = 0;
    uint32_t listed = 0, kept = 0;
    uint32_t page_size = 1 + (uint32_t)below(world, 32);
    static bool is_listed[1u << 16];
    memset(is_listed, 0, sizeof(is_listed));
    do {
        uint32_t count = oh_reservation_list(world->ledger, &filter, world->commands.now_us, page_size, &cursor, page);
        for (uint32_t i = 0; i < count; i++) {
            struct oh_reservation_view view;
            oh_reservation_get(world->ledger, page[i], world->commands.now_us, &view);
            const struct naive_reservation *found = naive_reservation_find(world->naive, view.id);
            agree(world, "kept by the filter", 1, found != NULL && filter_keeps(world, &filter, found));
            agree(world, "listed before", is_listed[page[i].index], false);
            is_listed[page[i].index] = true;
            listed++;
        }
    } while (cursor != 0);
    for (uint32_t i = 0; i < world->naive->reservation_count; i++)
        kept += filter_keeps(world, &filter, &world->naive->reservations[i]) ? 1 : 0;
    agree(world, "number of reservations listed", listed, kept);
}

/* ---- Reference data --------------------------------------------------------------------------- */

static uint16_t index_of(uint32_t number)
{
    return number == NAIVE_NONE ? OH_NODE_NONE : (uint16_t)number;
}

static void agree_nodes(const struct world *world)
{
    agree(world, "number of nodes", oh_node_count(world->ledger), world->naive->node_count);
    for (uint32_t i = 0; i < world->naive->node_count; i++) {
        struct oh_node_command node;
        const struct oh_node_command *a = &node, *b = &world->naive->nodes[i];
        oh_node_get(world->ledger, (struct oh_node_id){ (uint16_t)i }, &node);
        agree_bytes(world, "node", a->node, b->node);
        agree_bytes(world, "name", a->name, b->name);
        agree_bytes(world, "gln", a->gln, b->gln);
        agree_bytes(world, "country", a->country, b->country);
        agree_bytes(world, "time_zone", a->time_zone, b->time_zone);
        agree_bytes(world, "city", a->city, b->city);
        agree_bytes(world, "region", a->region, b->region);
        agree_bytes(world, "postal_code", a->postal_code, b->postal_code);
        AGREE(type);
        AGREE(has_point);
        AGREE(ships);
        AGREE(collects);
        AGREE(enabled);
        if (b->has_point)
            agree(world, "point", memcmp(&a->point, &b->point, sizeof(a->point)), 0);
    }
}

static void agree_groups_and_channels(const struct world *world)
{
    const struct naive *naive = world->naive;
    agree(world, "number of groups", oh_group_count(world->ledger), naive->group_count);
    agree(world, "number of channels", oh_channel_count(world->ledger), naive->channel_count);
    for (uint32_t i = 0; i < naive->group_count; i++) {
        struct oh_effect_group group;
        oh_group_get(world->ledger, (struct oh_group_id){ (uint16_t)i }, &group);
        agree_bytes(world, "group", group.group, naive->groups[i].id);
        agree_bytes(world, "group's name", group.name, naive->groups[i].name);
        agree(world, "number of members", group.node_count, naive->groups[i].member_count);
        for (uint32_t m = 0; m < group.node_count; m++) {
            agree(world, "member", group.nodes[m], naive->groups[i].members[m].node);
            agree(world, "priority", group.priorities[m], naive->groups[i].members[m].priority);
        }
    }
    for (uint32_t i = 0; i < naive->channel_count; i++) {
        struct oh_effect_channel channel;
        const struct oh_effect_channel *a = &channel;
        const struct naive_channel *b = &naive->channels[i];
        oh_channel_get(world->ledger, (struct oh_channel_id){ (uint16_t)i }, &channel);
        agree_bytes(world, "channel", a->channel, b->id);
        agree_bytes(world, "channel's name", a->name, b->name);
        AGREE(policy);
        AGREE(node_count);
        AGREE(group_count);
        for (uint32_t n = 0; n < a->node_count; n++)
            AGREE(nodes[n]);
        for (uint32_t g = 0; g < a->group_count; g++)
            AGREE(groups[g]);
    }
}

static void agree_rules(const struct world *world)
{
    for (uint32_t i = 0; i < world->naive->rule_count; i++) {
        struct oh_effect_rule rule;
        const struct naive_rule *of = &world->naive->rules[i];
        if (!of->exists)
            continue;
        agree(world, "rule", oh_rule_get(world->ledger, of->id, &rule), true);
        agree(world, "rule's item", rule.item, of->item);
        agree(world, "rule's node", rule.node, index_of(of->node));
        agree(world, "rule's channel", rule.channel, index_of(of->channel));
        const struct oh_rule_values *a = &rule.values, *b = &of->values;
        AGREE(mask);
        AGREE(safety_stock_milli);
        AGREE(threshold_milli);
        AGREE(min_quantity_milli);
        AGREE(max_quantity_milli);
        AGREE(increment_milli);
        AGREE(backorder_limit_milli);
        AGREE(low_stock_milli);
        AGREE(pickup_allowed);
        AGREE(ship_allowed);
        AGREE(preorder);
    }
}

static void agree_fences_and_supplies(const struct world *world)
{
    for (uint32_t i = 0; i < world->naive->fence_count; i++) {
        struct oh_effect_fence fence;
        int64_t live;
        const struct naive_fence *of = &world->naive->fences[i];
        if (!of->exists)
            continue;
        agree(world, "fence", oh_fence_get(world->ledger, of->id, &fence, &live), true);
        agree(world, "fence's item", fence.item, of->item);
        agree(world, "fence's node", fence.node, of->node);
        agree(world, "fence's channel", fence.channel, of->channel);
        agree(world, "fence's quantity", fence.quantity_milli, of->milli);
        agree(world, "fence's policy", fence.policy, of->policy);
    }
    for (uint32_t i = 0; i < world->naive->supply_count; i++) {
        struct oh_effect_supply supply;
        const struct naive_supply *of = &world->naive->supplies[i];
        if (!of->exists)
            continue;
        agree(world, "supply", oh_supply_get(world->ledger, of->id, &supply), true);
        agree(world, "supply's item", supply.item, of->item);
        agree(world, "supply's node", supply.node, of->node);
        agree(world, "supply's quantity", supply.quantity_milli, of->milli);
        agree(world, "supply's eta", supply.eta_us, of->eta_us);
    }
}

static void agree_traits(const struct world *world, const struct oh_item_command *a, const struct oh_item_command *b)
{
    agree_bytes(world, "class", a->class, b->class);
    AGREE(weight_grams);
    AGREE(side_mm);
    AGREE(volume_cm3);
}

static void agree_rest(const struct world *world)
{
    for (uint32_t i = 0; i < world->naive->postal_code_count; i++) {
        struct oh_postal_code_command found;
        const struct oh_postal_code_command *of = &world->naive->postal_codes[i];
        agree(world, "postal code", oh_postal_code_find(world->ledger, of->country, of->postal_code, &found), true);
        agree_bytes(world, "place", found.place, of->place);
        agree(world, "point", memcmp(&found.point, &of->point, sizeof(found.point)), 0);
    }
    for (uint32_t i = 0; i < world->naive->import_count; i++) {
        struct oh_effect_import found;
        agree(world, "import", oh_import_get(world->ledger, world->naive->imports[i].id, &found), true);
        agree(world, "rows", (int64_t)found.row_count, (int64_t)world->naive->imports[i].rows);
        agree(world, "rejected", (int64_t)found.rejected_count, (int64_t)world->naive->imports[i].rejected);
    }
    for (uint32_t i = 0; i < world->naive->item_count; i++) {
        struct oh_item_command item;
        oh_item_get(world->ledger, (struct oh_item_id){ i }, &item);
        agree_bytes(world, "sku", item.sku, world->naive->items[i].sku);
        agree_bytes(world, "item's name", item.name, world->naive->items[i].name);
        agree_bytes(world, "gtin", item.gtin, world->naive->items[i].gtin);
        agree_traits(world, &item, &world->naive->items[i]);
    }
}

/* Each document by its name, and as many in the list of its kind. */
static void agree_documents(const struct world *world)
{
    uint32_t counts[OH_DOCUMENT_KIND_COUNT] = { 0 };
    for (uint32_t i = 0; i < world->naive->document_count; i++) {
        const struct naive_document *b = &world->naive->documents[i];
        struct oh_bytes body;
        uint64_t version;
        bool is_there = oh_document_get(world->ledger, b->kind, b->id, &body, &version);
        agree(world, "document", is_there, b->body.size > 0);
        if (is_there)
            agree_bytes(world, "body", body, b->body);
        counts[b->kind] += is_there ? 1 : 0;
    }
    for (uint32_t kind = 0; kind < OH_DOCUMENT_KIND_COUNT; kind++) {
        struct oh_document_view views[2];
        uint32_t cursor = 0, listed = 0;
        do
            listed += oh_document_list(world->ledger, (enum oh_document_kind)kind, 2, &cursor, views);
        while (cursor != 0);
        agree(world, "documents listed", listed, counts[kind]);
    }
}

static void agree_capacity(struct world *world)
{
    for (uint32_t i = 0; i < 12; i++) {
        int64_t from_us;
        struct oh_bytes resource = random_commands_resource(&world->commands, &from_us);
        agree(world, "booked", oh_booked(world->ledger, resource, from_us, world->commands.now_us),
              naive_booked(world->naive, resource, from_us));
    }
}

static void agree_figures(const struct world *world)
{
    struct oh_ledger_stats stats;
    const struct naive *naive = world->naive;
    uint32_t rules = 0, fences = 0, supplies = 0, shorts = 0;
    oh_ledger_stats_get(world->ledger, &stats);
    for (uint32_t i = 0; i < naive->rule_count; i++)
        rules += naive->rules[i].exists ? 1 : 0;
    for (uint32_t i = 0; i < naive->fence_count; i++)
        fences += naive->fences[i].exists ? 1 : 0;
    for (uint32_t i = 0; i < naive->supply_count; i++)
        supplies += naive->supplies[i].exists ? 1 : 0;
    for (uint32_t i = 0; i < naive->place_count; i++) {
        struct oh_position_view view;
        naive_position(naive, naive->places[i].item, naive->places[i].node, &view);
        shorts += view.short_milli > 0 ? 1 : 0;
    }
    agree(world, "stats seq", (int64_t)stats.seq, (int64_t)naive->seq);
    agree(world, "stats items", stats.items, naive->item_count);
    agree(world, "stats nodes", stats.nodes, naive->node_count);
    agree(world, "stats groups", stats.groups, naive->group_count);
    agree(world, "stats channels", stats.channels, naive->channel_count);
    agree(world, "stats rules", stats.rules, rules);
    agree(world, "stats fences", stats.fences, fences);
    agree(world, "stats supplies", stats.supplies, supplies);
    agree(world, "stats postal_codes", stats.postal_codes, naive->postal_code_count);
    agree(world, "stats positions", stats.positions, naive->place_count);
    agree(world, "stats movements", (int64_t)stats.movements, (int64_t)naive->movement_count);
    int64_t due_us = oh_ledger_next_due_us(world->ledger);
    if (due_us == OH_TIME_US_NONE || due_us > naive->time_us) /* nothing waits to be written down */
        agree(world, "stats short_positions", (int64_t)stats.short_positions, shorts);
}

static void agree_on_everything(struct world *world)
{
    struct oh_verifier verifier = { .position = 0 };
    world->doing = "asking";
    for (uint32_t item = 0; item < world->naive->item_count; item++)
        agree_on_item(world, item);
    for (uint32_t i = 0; i < world->naive->reservation_count; i++)
        agree_reservation(world, &world->naive->reservations[i]);
    for (uint32_t i = 0; i < 20; i++)
        agree_list(world);
    agree_nodes(world);
    agree_groups_and_channels(world);
    agree_rules(world);
    agree_fences_and_supplies(world);
    agree_rest(world);
    agree_documents(world);
    agree_capacity(world);
    agree_figures(world);
    agree(world, "differences", oh_ledger_verify(world->ledger, &verifier, UINT16_MAX), 0);
    const char *complaint = ledger_audit(world->ledger);
    agree(world, complaint == NULL ? "memory" : complaint, complaint == NULL, true);
}

/* ---- Ledgers that should be the same ---------------------------------------------------------- */

static void record_replay(struct world *world, const struct oh_record *record)
{
    struct oh_record decoded;
    struct oh_diag diag = { "" };
    oh_strbuf_clear(&world->bytes);
    assert_int_equal(oh_record_encode(record, &world->bytes), OH_OK);
    assert_int_equal(oh_record_decode(oh_strbuf_bytes(&world->bytes), &world->decoder, &decoded), OH_OK);
    if (oh_ledger_replay(world->replica, &decoded, &diag) != OH_OK)
        disagree(world, diag.text, 0, 0);
}

static void object_restore(void *ctx, const struct oh_effect *object)
{
    struct oh_diag diag = { "" };
    if (oh_ledger_restore(ctx, object, &diag) != OH_OK)
        fail_msg("%s", diag.text);
}

/* The ledger that goes on is the same one, the replica, or what a snapshot restores. */
static void ledger_exchange(struct world *world)
{
    struct oh_ledger *old = world->ledger;
    uint64_t draw = below(world, 4);
    if (draw == 0) {
        world->ledger = world->replica;
        world->replica = old;
    } else if (draw == 1) {
        world->ledger = shop_ledger_create(&world->options);
        oh_ledger_export(old, object_restore, world->ledger);
        oh_ledger_destroy(&old);
    }
    agree(world, "holds that expire now", oh_ledger_advance(world->ledger, world->naive->time_us, 0), 0);
}

/* ---- The run ---------------------------------------------------------------------------------- */

static const char *command_text(enum oh_command_type type)
{
#define COMMAND_CASE(name, number, text) \
    case name:                           \
        return text;
    switch (type) { OH_COMMANDS(COMMAND_CASE) }
#undef COMMAND_CASE
    return "?";
}

/* What a rule does not say is nothing, as in every request: a record has no place for it. */
static void rule_say(struct oh_rule_values *values)
{
    int64_t *const quantities[] = { &values->safety_stock_milli, &values->threshold_milli, &values->min_quantity_milli,
                                    &values->max_quantity_milli, &values->increment_milli,
                                    &values->backorder_limit_milli, &values->low_stock_milli };
    const uint32_t attributes[] = { OH_RULE_SAFETY_STOCK, OH_RULE_THRESHOLD, OH_RULE_MIN_QUANTITY,
                                    OH_RULE_MAX_QUANTITY, OH_RULE_INCREMENT, OH_RULE_BACKORDER_LIMIT,
                                    OH_RULE_LOW_STOCK };
    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
        *quantities[i] = (values->mask & attributes[i]) != 0 ? *quantities[i] : 0;
    values->pickup_allowed = (values->mask & OH_RULE_PICKUP_ALLOWED) != 0 && values->pickup_allowed;
    values->ship_allowed = (values->mask & OH_RULE_SHIP_ALLOWED) != 0 && values->ship_allowed;
    values->preorder = (values->mask & OH_RULE_PREORDER) != 0 && values->preorder;
}

static void step_command(struct world *world)
{
    struct oh_command command;
    struct oh_answer a, b;
    int64_t before_us = world->commands.now_us;
    random_commands_next(&world->commands, &command);
    if (world->naive->record_is_open)
        world->commands.now_us = before_us; /* what is one record happens at one time */
    if (command.type == OH_COMMAND_RULE)
        rule_say(&command.rule.values);
    world->doing = command_text(command.type);
    assert_int_equal(oh_ledger_apply(world->ledger, world->commands.now_us, &command, &a), OH_OK);
    naive_apply(world->naive, world->commands.now_us, &command, &a, &b);
    agree_answer(world, &a, &b);
    random_commands_answered(&world->commands, &a);
    world->step++;
}

static void record_end(struct world *world)
{
    struct oh_record record;
    bool is_open = oh_ledger_take_record(world->ledger, &record);
    agree(world, "record", is_open, world->naive->record_is_open);
    if (is_open) {
        agree(world, "record's seq", (int64_t)record.seq, (int64_t)world->naive->seq);
        agree(world, "record's time", record.at_us, world->naive->record_at_us);
        record_replay(world, &record);
    }
    naive_record_end(world->naive);
}

/* Holds that are due are written down a few at a time. */
static void step_advance(struct world *world)
{
    struct oh_record record;
    uint32_t holds = 0, records = 0, more;
    uint32_t holds_max = 1 + (uint32_t)below(world, 8);
    world->doing = "advance";
    while ((more = oh_ledger_advance(world->ledger, world->commands.now_us, holds_max)) > 0) {
        holds += more;
        agree(world, "record", oh_ledger_take_record(world->ledger, &record), true);
        record_replay(world, &record);
        records++;
    }
    agree(world, "holds expired", holds, naive_advance(world->naive, world->commands.now_us));
    world->naive->seq += records;
    agree(world, "seq", (int64_t)oh_ledger_seq(world->ledger), (int64_t)world->naive->seq);
}

static void run_step(struct world *world)
{
    if (below(world, 2) == 0) /* answers are exact with or without it */
        step_advance(world);
    if (below(world, 500) == 0)
        world->commands.now_us += SHOP_DAY_US - (int64_t)below(world, 3);
    uint64_t burst = below(world, 8) == 0 ? below(world, BURST_MAX) : 0;
    for (uint64_t i = 0; i <= burst; i++)
        step_command(world);
    record_end(world);
}

static void world_init(struct world *world, uint64_t seed)
{
    static const uint32_t edges[] = { 0, 1, 8 };
    uint32_t kind = (uint32_t)(seed % 12);
    *world = (struct world){ .seed = seed, .doing = "begin", .options = SHOP_OPTIONS };
    random_commands_init(&world->commands, seed, 2 + kind % 6, seed % 24 == 13 ? NODES_MANY : 3 + kind % 4);
    world->commands.edges = edges[kind % 3];
    world->commands.tick_us = kind % 2 == 0 ? 1 : SHOP_SECOND_US;
    world->commands.has_short_names = seed / 12 % 2 == 1;
    world->commands.promises = kind % 4 == 3 ? 0 : 50;
    world->commands.unit_milli = seed / 12 % 3 == 1 ? 1 : 1000;
    world->options.reservations_max = 16384;
    world->options.claims_max = 65536;
    world->options.keys_max = 16384;
    world->options.items_max = 1024;
    world->options.positions_max = 16384;
    world->options.history_max = kind % 4 < 2 ? 64 : 16384;
    world->options.terminal_retention_us = kind % 3 == 0 ? 3600 * SHOP_SECOND_US : SHOP_DAY_US;
    world->ledger = shop_ledger_create(&world->options);
    world->replica = shop_ledger_create(&world->options);
    oh_strbuf_init(&world->bytes, OH_RECORD_SIZE_MAX);
    oh_record_decoder_init(&world->decoder, 0);
    world->naive = naive_create(world->options.terminal_retention_us, world->options.history_max);
}

/* Runs differ in how much the ledger can remember, in names and quantities, and in how wild the commands are. */
static void world_run(uint64_t seed)
{
    struct world world;
    uint64_t compared = 0;
    world_init(&world, seed);
    while (world.step < STEPS) {
        run_step(&world);
        if (world.step / COMPARE_EVERY == compared)
            continue;
        compared = world.step / COMPARE_EVERY;
        ledger_exchange(&world);
        agree_on_everything(&world);
    }
    agree_on_everything(&world);
    naive_destroy(&world.naive);
    oh_ledger_destroy(&world.ledger);
    oh_ledger_destroy(&world.replica);
    oh_record_decoder_fini(&world.decoder);
    oh_strbuf_fini(&world.bytes);
}

static void test_ledger_model_agrees_with_the_ledger_on_random_commands(void **state)
{
    (void)state;
    const char *given = getenv("ONHAND_RUNS");
    uint64_t runs = given == NULL ? RUNS : strtoull(given, NULL, 10);
    uint64_t seed = random_seed("test_ledger_model", 1);
    for (uint64_t run = 0; run < runs; run++)
        world_run(seed + run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ledger_model_agrees_with_the_ledger_on_random_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
