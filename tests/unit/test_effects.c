/*
 * test_effects.c - what was read back and cannot have been written is refused, and named: each value of each effect,
 * replayed from a record and restored from a snapshot.
 */
#include "support/shop.h"
#include "support/test.h"
#include <math.h>
#include <stddef.h>
#include <string.h>

#define TOO_MUCH (OH_TOTAL_MILLI_MAX + 1)
#define TOO_LATE (OH_TIME_US_MAX + OH_TTL_US_MAX + 1)

/* ---- One right effect of each type ------------------------------------------------------------ */

static const uint16_t two_nodes[] = { 0, 1 };
static const int32_t two_priorities[] = { 1, 2 };
static const uint16_t one_group[] = { 0 };
static const struct oh_transit_bucket two_buckets[] = { { 4, 1 }, { OH_TRANSIT_BUCKETS_MAX - 1, 2 } };

static struct oh_effect reference_effect(enum oh_effect_type type)
{
    struct oh_effect effect = { .type = type };
    if (type == OH_EFFECT_NODE)
        effect.node = (struct oh_effect_node){
            2, { .node = OH_BYTES("new"), .has_point = true, .point = { 48.0, 2.0 }, .enabled = true } };
    if (type == OH_EFFECT_ITEM)
        effect.item = (struct oh_effect_item){ 2, { .sku = OH_BYTES("new") } };
    if (type == OH_EFFECT_GROUP)
        effect.group = (struct oh_effect_group){ 1, OH_BYTES("new"), OH_BYTES_NONE, two_nodes, two_priorities, 2 };
    if (type == OH_EFFECT_GROUP_MEMBER)
        effect.group_member = (struct oh_effect_group_member){ 0, 1, 7 };
    if (type == OH_EFFECT_CHANNEL)
        effect.channel = (struct oh_effect_channel){ .index = 1, .channel = OH_BYTES("new"), .nodes = two_nodes,
                                                     .node_count = 2, .groups = one_group, .group_count = 1 };
    if (type == OH_EFFECT_RULE)
        effect.rule = (struct oh_effect_rule){ OH_BYTES("new"), 0, 0, OH_NODE_NONE,
                                               { .mask = OH_RULE_INCREMENT, .increment_milli = 1 } };
    if (type == OH_EFFECT_FENCE)
        effect.fence = (struct oh_effect_fence){ OH_BYTES("new"), 0, 0, 0, 1000, OH_FENCE_REGULAR };
    if (type == OH_EFFECT_SUPPLY)
        effect.supply = (struct oh_effect_supply){ OH_BYTES("new"), 0, 0, 1000, SHOP_NOW_US };
    if (type == OH_EFFECT_POSTAL_CODE)
        effect.postal_code = (struct oh_postal_code_command){ OH_BYTES("FR"), OH_BYTES("75011"), OH_BYTES_NONE,
                                                              { 48.0, 2.0 } };
    if (type == OH_EFFECT_IMPORT)
        effect.import = (struct oh_effect_import){ OH_BYTES("stock/1"), 1, 0, 0 };
    return effect;
}

static struct oh_effect right_effect(enum oh_effect_type type)
{
    struct oh_effect effect = reference_effect(type);
    if (type == OH_EFFECT_MOVEMENT)
        effect.movement = (struct oh_effect_movement){ .item = 0, .node = 0, .quantity_milli = 1000,
                                                       .at_us = SHOP_NOW_US };
    if (type == OH_EFFECT_COUNT)
        effect.count = (struct oh_effect_count){ .quantity_milli = 1000, .as_of_us = SHOP_NOW_US, .source_seq = -1 };
    if (type == OH_EFFECT_RESERVATION)
        effect.reservation = (struct oh_effect_reservation){
            .id = OH_BYTES("new"), .kind = OH_KIND_CART, .channel = 0, .created_at_us = SHOP_NOW_US,
            .expires_at_us = OH_TIME_US_NONE, .ended_at_us = OH_TIME_US_NONE };
    if (type == OH_EFFECT_CLAIM)
        effect.claim = (struct oh_effect_claim){ .id = OH_BYTES("R"), .line = 2, .quantity_milli = 1000,
                                                 .held_milli = 1000, .due_at_us = OH_TIME_US_NONE };
    if (type == OH_EFFECT_STEP)
        effect.step = (struct oh_effect_step){ .id = OH_BYTES("R"), .line = 1, .step = OH_STEP_FULFIL,
                                               .quantity_milli = 1000, .at_us = SHOP_NOW_US };
    if (type == OH_EFFECT_EXTEND)
        effect.extend = (struct oh_effect_extend){ OH_BYTES("R"), OH_TIME_US_NONE };
    if (type == OH_EFFECT_KEY)
        effect.key = (struct oh_effect_key){ OH_BYTES("knew"), 1, 1, SHOP_NOW_US, OH_BYTES_NONE };
    if (type == OH_EFFECT_POSITION) {
        for (uint32_t i = 0; i < OH_STATE_COUNT; i++) {
            effect.position.states[i].quantity_milli = 1000;
            effect.position.states[i].as_of_us = SHOP_NOW_US;
            effect.position.states[i].source_seq = -1;
        }
    }
    if (type == OH_EFFECT_REMEMBERED)
        effect.remembered = (struct oh_effect_remembered){ .quantity_milli = 1000, .at_us = SHOP_NOW_US, .number = 1 };
    if (type == OH_EFFECT_HEAD)
        effect.head = (struct oh_effect_head){ 9, SHOP_NOW_US, 3, OH_TIME_US_NONE };
    if (type == OH_EFFECT_DOCUMENT)
        effect.document = (struct oh_document_command){ OH_DOCUMENT_ZONE, OH_BYTES("new"), OH_BYTES("{}") };
    if (type == OH_EFFECT_BOOKING)
        effect.booking = (struct oh_effect_booking){ OH_BYTES("R"), 0, OH_BYTES("node/a"), OH_UNIT_ORDERS, SHOP_NOW_US,
                                                     SHOP_NOW_US + SHOP_DAY_US, 1000 };
    if (type == OH_EFFECT_PROMISE)
        effect.promise = (struct oh_effect_promise){ OH_BYTES("R"), OH_BYTES("{}") };
    if (type == OH_EFFECT_TRANSIT)
        effect.transit = (struct oh_effect_transit){ OH_BYTES("post"), OH_BYTES("here"), OH_BYTES("there"), 6,
                                                     two_buckets, 2 };
    return effect;
}

static bool is_only_of_a_record(enum oh_effect_type type)
{
    return type == OH_EFFECT_GROUP_MEMBER || type == OH_EFFECT_MOVEMENT || type == OH_EFFECT_COUNT ||
           type == OH_EFFECT_STEP || type == OH_EFFECT_EXTEND;
}

static bool is_only_of_a_snapshot(enum oh_effect_type type)
{
    return type == OH_EFFECT_POSITION || type == OH_EFFECT_REMEMBERED || type == OH_EFFECT_HEAD;
}

/* ---- What becomes of it ----------------------------------------------------------------------- */

/* Items s and t, nodes a and b, group g of a, channel c, and R, of which 3 are confirmed and 2 held at a. */
static struct shop *world_open(void)
{
    struct shop *shop = shop_open(NULL);
    shop_item(shop, "s");
    shop_item(shop, "t");
    shop_node(shop, "a");
    shop_node(shop, "b");
    shop_group(shop, "g", "a");
    shop_channel(shop, "c", OH_POLICY_PRIORITY, "", "");
    shop_adjust(shop, "s", "a", 10);
    shop_reserve(shop, "R", "", "s=5@a");
    shop_act(shop, OH_COMMAND_CONFIRM, "R", "1=3");
    return shop;
}

static enum oh_err replayed(struct shop *shop, const struct oh_effect *effect, struct oh_diag *diag)
{
    struct oh_record record = { oh_ledger_seq(shop->replica) + 1, SHOP_NOW_US, effect, 1 };
    return oh_ledger_replay(shop->replica, &record, diag);
}


static enum oh_err replay(const struct oh_effect *effect)
{
    struct oh_diag diag = { "" };
    struct shop *shop = world_open();
    enum oh_err err = replayed(shop, effect, &diag);
    assert_int_equal(diag.text[0] != '\0', err != OH_OK);
    if (err != OH_OK)
        assert_non_null(strstr(diag.text, oh_effect_type_text(effect->type)));
    shop_drop(shop);
    return err;
}

static enum oh_err restore(const struct oh_effect *effect)
{
    struct oh_diag diag = { "" };
    struct oh_ledger *ledger = shop_ledger_create(NULL);
    struct oh_effect head = right_effect(OH_EFFECT_HEAD);
    struct oh_effect reservation = right_effect(OH_EFFECT_RESERVATION);
    reservation.reservation.id = OH_BYTES("R");
    if (effect->type != OH_EFFECT_HEAD)
        assert_int_equal(oh_ledger_restore(ledger, &head, &diag), OH_OK);
    if (effect->type == OH_EFFECT_CLAIM || effect->type == OH_EFFECT_BOOKING || effect->type == OH_EFFECT_PROMISE)
        assert_int_equal(oh_ledger_restore(ledger, &reservation, &diag), OH_OK);
    enum oh_err err = oh_ledger_restore(ledger, effect, &diag);
    assert_int_equal(diag.text[0] != '\0', err != OH_OK);
    oh_ledger_destroy(&ledger);
    return err;
}

static void test_effects_takes_each_type_where_it_belongs_and_nowhere_else(void **state)
{
    (void)state;
    for (int type = OH_EFFECT_NODE; type <= OH_EFFECT_TYPE_LAST; type++) {
        struct oh_effect effect = right_effect((enum oh_effect_type)type);
        assert_int_equal(replay(&effect), is_only_of_a_snapshot(effect.type) ? OH_E_CORRUPT : OH_OK);
        assert_int_equal(restore(&effect), is_only_of_a_record(effect.type) ? OH_E_CORRUPT : OH_OK);
    }
    struct oh_effect none = { .type = (enum oh_effect_type)99 };
    assert_int_equal(restore(&none), OH_E_CORRUPT);
}

/* ---- One wrong value at a time ---------------------------------------------------------------- */

/* A number at an offset, or a text. The edges that are allowed stand beside those that are not. */
struct change { enum oh_effect_type type; size_t offset, size; int64_t number; const char *text; enum oh_err err; };

#define AT(member) offsetof(struct oh_effect, member), sizeof(((struct oh_effect *)NULL)->member)
#define BAD(type, member, number) { OH_EFFECT_##type, AT(member), (int64_t)(number), NULL, OH_E_CORRUPT }
#define FINE(type, member, number) { OH_EFFECT_##type, AT(member), (int64_t)(number), NULL, OH_OK }
#define BAD_TEXT(type, member, text) { OH_EFFECT_##type, AT(member), 0, text, OH_E_CORRUPT }
#define CONTROL "a\nb"

static const char LONG_65[] = "12345678901234567890123456789012345678901234567890123456789012345";

static const struct oh_transit_bucket out_of_range[] = { { 4, 1 }, { OH_TRANSIT_BUCKETS_MAX, 2 } };
static const struct oh_transit_bucket without_a_count[] = { { 4, 1 }, { 5, 0 } };
static const struct oh_transit_bucket falling[] = { { 4, 1 }, { 4, 2 } };

static const struct change changes[] = {
    BAD_TEXT(NODE, node.value.node, ""),
    BAD_TEXT(NODE, node.value.node, CONTROL),
    BAD_TEXT(NODE, node.value.node, "b"), /* it has another index */
    BAD_TEXT(NODE, node.value.node, LONG_65),
    BAD_TEXT(NODE, node.value.name, CONTROL),
    BAD_TEXT(NODE, node.value.gln, CONTROL),
    BAD_TEXT(NODE, node.value.country, CONTROL),
    BAD_TEXT(NODE, node.value.time_zone, CONTROL),
    BAD_TEXT(NODE, node.value.city, CONTROL),
    BAD_TEXT(NODE, node.value.region, CONTROL),
    BAD_TEXT(NODE, node.value.postal_code, CONTROL),
    BAD(NODE, node.index, 3), /* 2 comes first */
    BAD(NODE, node.index, 1), /* it has another name */
    BAD(NODE, node.index, OH_NODES_MAX),
    BAD_TEXT(ITEM, item.value.sku, ""),
    BAD_TEXT(ITEM, item.value.sku, "s"),
    BAD_TEXT(ITEM, item.value.name, CONTROL),
    BAD_TEXT(ITEM, item.value.gtin, CONTROL),
    BAD(ITEM, item.index, 1),
    BAD(ITEM, item.index, 3),
    BAD(ITEM, item.index, 64), /* items_max */
    BAD_TEXT(ITEM, item.value.class, CONTROL),
    BAD_TEXT(ITEM, item.value.class, LONG_65),
    BAD(ITEM, item.value.weight_grams, OH_WEIGHT_GRAMS_MAX + 1),
    FINE(ITEM, item.value.weight_grams, OH_WEIGHT_GRAMS_MAX),
    BAD(ITEM, item.value.side_mm, OH_SIDE_MM_MAX + 1),
    FINE(ITEM, item.value.side_mm, OH_SIDE_MM_MAX),
    BAD(ITEM, item.value.volume_cm3, OH_VOLUME_CM3_MAX + 1),
    FINE(ITEM, item.value.volume_cm3, OH_VOLUME_CM3_MAX),
    BAD(DOCUMENT, document.kind, OH_DOCUMENT_KIND_COUNT),
    BAD_TEXT(DOCUMENT, document.id, ""),
    BAD_TEXT(DOCUMENT, document.body, ""), /* no such document to remove */
    BAD_TEXT(BOOKING, booking.id, "none"),
    BAD_TEXT(BOOKING, booking.resource, ""),
    BAD_TEXT(BOOKING, booking.resource, CONTROL),
    BAD(BOOKING, booking.node, 2),
    BAD(BOOKING, booking.unit, OH_UNIT_PARCELS + 1),
    FINE(BOOKING, booking.unit, OH_UNIT_PARCELS),
    BAD(BOOKING, booking.from_us, -1),
    BAD(BOOKING, booking.from_us, SHOP_NOW_US + SHOP_DAY_US),
    BAD(BOOKING, booking.until_us, TOO_LATE),
    BAD(BOOKING, booking.quantity_milli, -1),
    BAD(BOOKING, booking.quantity_milli, 0), /* no such booking to give back */
    BAD(BOOKING, booking.quantity_milli, TOO_MUCH),
    BAD_TEXT(PROMISE, promise.id, "none"),
    BAD_TEXT(TRANSIT, transit.service, ""),
    BAD_TEXT(TRANSIT, transit.service, LONG_65),
    BAD_TEXT(TRANSIT, transit.origin, ""),
    BAD_TEXT(TRANSIT, transit.origin, CONTROL),
    BAD_TEXT(TRANSIT, transit.destination, ""),
    BAD_TEXT(TRANSIT, transit.destination, CONTROL),
    BAD(TRANSIT, transit.weekday, 7),
    BAD(TRANSIT, transit.bucket_count, 0),
    BAD(TRANSIT, transit.buckets, (intptr_t)out_of_range),
    BAD(TRANSIT, transit.buckets, (intptr_t)without_a_count),
    BAD(TRANSIT, transit.buckets, (intptr_t)falling),
    BAD_TEXT(GROUP, group.group, ""),
    BAD_TEXT(GROUP, group.group, "g"),
    BAD_TEXT(GROUP, group.name, CONTROL),
    BAD(GROUP, group.index, 0),
    BAD(GROUP, group.index, 2),
    BAD(GROUP, group.index, OH_GROUPS_MAX),
    BAD(GROUP_MEMBER, group_member.group, 1),
    BAD(GROUP_MEMBER, group_member.node, 2),
    FINE(GROUP_MEMBER, group_member.priority, -1),
    BAD_TEXT(CHANNEL, channel.channel, ""),
    BAD_TEXT(CHANNEL, channel.channel, "c"),
    BAD_TEXT(CHANNEL, channel.name, CONTROL),
    BAD(CHANNEL, channel.index, 0),
    BAD(CHANNEL, channel.index, 2),
    BAD(CHANNEL, channel.index, OH_CHANNELS_MAX),
    BAD_TEXT(RULE, rule.rule, ""),
    BAD(RULE, rule.item, 2),
    FINE(RULE, rule.item, OH_INDEX_NONE),
    BAD(RULE, rule.node, 2),
    FINE(RULE, rule.node, OH_NODE_NONE),
    BAD(RULE, rule.channel, 1),
    BAD(RULE, rule.channel, 0), /* a node and a channel */
    BAD(RULE, rule.values.mask, 1u << OH_RULE_ATTRIBUTE_COUNT),
    BAD(RULE, rule.values.mask, 0), /* no such rule to remove */
    BAD(RULE, rule.values.safety_stock_milli, -1),
    BAD(RULE, rule.values.threshold_milli, -1),
    BAD(RULE, rule.values.min_quantity_milli, -1),
    BAD(RULE, rule.values.max_quantity_milli, -1),
    BAD(RULE, rule.values.increment_milli, 0),
    BAD(RULE, rule.values.backorder_limit_milli, -1),
    BAD(RULE, rule.values.low_stock_milli, -1),
    BAD(RULE, rule.values.low_stock_milli, TOO_MUCH),
    FINE(RULE, rule.values.low_stock_milli, OH_TOTAL_MILLI_MAX),
    BAD_TEXT(FENCE, fence.fence, ""),
    BAD(FENCE, fence.item, 2),
    BAD(FENCE, fence.item, OH_INDEX_NONE), /* no such fence to remove */
    BAD(FENCE, fence.node, 2),
    BAD(FENCE, fence.channel, 1),
    BAD(FENCE, fence.quantity_milli, -1),
    BAD(FENCE, fence.quantity_milli, TOO_MUCH),
    FINE(FENCE, fence.quantity_milli, 0),
    BAD_TEXT(SUPPLY, supply.supply, ""),
    BAD(SUPPLY, supply.item, 2),
    BAD(SUPPLY, supply.node, 2),
    BAD(SUPPLY, supply.quantity_milli, -1),
    BAD(SUPPLY, supply.quantity_milli, 0), /* no such supply to remove */
    BAD(SUPPLY, supply.eta_us, -1),
    BAD(SUPPLY, supply.eta_us, TOO_LATE),
    FINE(SUPPLY, supply.eta_us, TOO_LATE - 1),
    FINE(SUPPLY, supply.eta_us, 0),
    BAD_TEXT(POSTAL_CODE, postal_code.country, ""),
    BAD_TEXT(POSTAL_CODE, postal_code.postal_code, ""),
    BAD_TEXT(POSTAL_CODE, postal_code.place, CONTROL),
    BAD(MOVEMENT, movement.item, 2),
    BAD(MOVEMENT, movement.node, 2),
    BAD(MOVEMENT, movement.quantity_milli, TOO_MUCH),
    BAD(MOVEMENT, movement.quantity_milli, -TOO_MUCH),
    BAD(MOVEMENT, movement.quantity_milli, OH_TOTAL_MILLI_MAX), /* with the 10 that are there */
    FINE(MOVEMENT, movement.quantity_milli, OH_TOTAL_MILLI_MAX - 10000),
    FINE(MOVEMENT, movement.quantity_milli, -OH_TOTAL_MILLI_MAX),
    BAD(MOVEMENT, movement.at_us, -1),
    FINE(MOVEMENT, movement.at_us, 0),
    BAD(COUNT, count.item, 2),
    BAD(COUNT, count.node, 2),
    BAD(COUNT, count.quantity_milli, -1),
    BAD(COUNT, count.quantity_milli, TOO_MUCH),
    BAD(COUNT, count.delta_milli, INT64_MAX),
    BAD(COUNT, count.delta_milli, OH_TOTAL_MILLI_MAX - 9999),
    FINE(COUNT, count.delta_milli, OH_TOTAL_MILLI_MAX - 10000),
    BAD(COUNT, count.as_of_us, -1),
    BAD(COUNT, count.source_seq, -2),
    FINE(COUNT, count.source_seq, 0),
    BAD_TEXT(RESERVATION, reservation.id, ""),
    BAD_TEXT(RESERVATION, reservation.id, LONG_65),
    BAD_TEXT(RESERVATION, reservation.id, "R"), /* it is there */
    BAD_TEXT(RESERVATION, reservation.customer, CONTROL),
    BAD_TEXT(RESERVATION, reservation.customer, LONG_65),
    BAD_TEXT(RESERVATION, reservation.order, CONTROL),
    BAD(RESERVATION, reservation.kind, OH_KIND_TRANSFER + 1),
    BAD(RESERVATION, reservation.channel, 1),
    FINE(RESERVATION, reservation.channel, OH_NODE_NONE),
    BAD(RESERVATION, reservation.created_at_us, -1),
    BAD(RESERVATION, reservation.created_at_us, OH_TIME_US_NONE),
    BAD(RESERVATION, reservation.expires_at_us, -1),
    BAD(RESERVATION, reservation.expires_at_us, TOO_LATE),
    BAD(RESERVATION, reservation.ended_at_us, -1),
    BAD_TEXT(CLAIM, claim.id, "S"), /* no such reservation */
    BAD(CLAIM, claim.line, 0),
    BAD(CLAIM, claim.line, (uint32_t)INT32_MAX + 1),
    FINE(CLAIM, claim.line, INT32_MAX),
    BAD(CLAIM, claim.due_at_us, -1),
    FINE(CLAIM, claim.due_at_us, SHOP_NOW_US),
    BAD(CLAIM, claim.item, 2),
    BAD(CLAIM, claim.node, 2),
    BAD(CLAIM, claim.node, OH_NODE_NONE), /* what is at no node holds nothing */
    BAD(CLAIM, claim.quantity_milli, 0),
    BAD(CLAIM, claim.quantity_milli, 999), /* less than its parts */
    FINE(CLAIM, claim.quantity_milli, 1001),
    BAD(CLAIM, claim.held_milli, -1),
    BAD(CLAIM, claim.held_milli, 1001),
    BAD(CLAIM, claim.confirmed_milli, -1),
    BAD(CLAIM, claim.confirmed_milli, 1),
    BAD(CLAIM, claim.fulfilled_milli, -1),
    BAD(CLAIM, claim.fulfilled_milli, 1),
    BAD(CLAIM, claim.expired_milli, -1),
    BAD(CLAIM, claim.expired_milli, 1),
    BAD_TEXT(STEP, step.id, "S"),
    BAD(STEP, step.line, 2),
    BAD(STEP, step.item, 1),
    BAD(STEP, step.node, 1),
    BAD(STEP, step.quantity_milli, 0),
    BAD(STEP, step.quantity_milli, TOO_MUCH),
    BAD(STEP, step.quantity_milli, 3001), /* more than what is confirmed */
    FINE(STEP, step.quantity_milli, 3000),
    BAD(STEP, step.is_held, true), /* what is held does not leave */
    BAD(STEP, step.at_us, -1),
    BAD_TEXT(EXTEND, extend.id, "S"),
    BAD(EXTEND, extend.expires_at_us, -1),
    BAD_TEXT(KEY, key.key, ""),
    BAD(KEY, key.at_us, -1),
    BAD(KEY, key.key.size, 131),
    BAD(KEY, key.answer.size, 5u << 20),
    BAD_TEXT(IMPORT, import.import, ""),
    BAD_TEXT(IMPORT, import.import, CONTROL),
};

/* The same for what only a snapshot has, or where a snapshot knows no neighbours yet. */
static const struct change object_changes[] = {
    FINE(NODE, node.index, OH_NODES_MAX - 1),
    BAD(NODE, node.index, OH_NODES_MAX),
    FINE(ITEM, item.index, 63),
    BAD(ITEM, item.index, 64),
    FINE(GROUP, group.index, OH_GROUPS_MAX - 1),
    BAD(GROUP, group.index, OH_GROUPS_MAX),
    FINE(CHANNEL, channel.index, OH_CHANNELS_MAX - 1),
    BAD(CHANNEL, channel.index, OH_CHANNELS_MAX),
    FINE(RULE, rule.item, 63),
    BAD(RULE, rule.item, 64),
    FINE(FENCE, fence.node, OH_NODES_MAX - 1),
    BAD(FENCE, fence.node, OH_NODES_MAX),
    FINE(FENCE, fence.channel, OH_CHANNELS_MAX - 1),
    BAD(FENCE, fence.channel, OH_CHANNELS_MAX),
    BAD(RESERVATION, reservation.channel, OH_CHANNELS_MAX),
    BAD(POSITION, position.item, 64),
    BAD(POSITION, position.node, OH_NODES_MAX),
    BAD(POSITION, position.states[0].quantity_milli, TOO_MUCH),
    FINE(POSITION, position.states[0].quantity_milli, -OH_TOTAL_MILLI_MAX),
    BAD(POSITION, position.states[4].quantity_milli, -TOO_MUCH),
    BAD(POSITION, position.states[0].as_of_us, -1),
    FINE(POSITION, position.states[4].as_of_us, OH_TIME_US_NONE),
    BAD(POSITION, position.states[0].source_seq, -2),
    BAD(REMEMBERED, remembered.item, 64),
    BAD(REMEMBERED, remembered.node, OH_NODES_MAX),
    BAD(REMEMBERED, remembered.number, 3), /* as many as the head says */
    FINE(REMEMBERED, remembered.number, 2),
    BAD(REMEMBERED, remembered.quantity_milli, TOO_MUCH),
    BAD(REMEMBERED, remembered.at_us, -1),
    BAD(HEAD, head.seq, 0),
    BAD(HEAD, head.time_us, -1),
    BAD(HEAD, head.forgotten_at_us, -1),
    FINE(HEAD, head.time_us, OH_TIME_US_NONE),
};

static struct oh_effect changed_effect(const struct change *change)
{
    struct oh_effect effect = right_effect(change->type);
    unsigned char *at = (unsigned char *)&effect + change->offset;
    if (change->text != NULL) {
        struct oh_bytes text = oh_bytes_of(change->text);
        memcpy(at, &text, sizeof(text));
    } else {
        memcpy(at, &change->number, change->size); /* little-endian, as every machine we run on */
    }
    return effect;
}

static void changes_check(const struct change *list, size_t count, enum oh_err (*reads)(const struct oh_effect *))
{
    for (size_t i = 0; i < count; i++) {
        struct oh_effect effect = changed_effect(&list[i]);
        size_t end = offsetof(struct oh_effect, position) + sizeof(effect.position);
        if (list[i].type == OH_EFFECT_POSITION) /* nothing that is right behind its states */
            memset((unsigned char *)&effect + end, 0xff, sizeof(effect) - end);
        enum oh_err err = reads(&effect);
        if (err != list[i].err)
            fail_msg("change %zu (%s): %s", i, oh_effect_type_text(list[i].type), oh_err_text(err));
    }
}

static void test_effects_replays_no_value_that_cannot_have_been_written(void **state)
{
    (void)state;
    changes_check(changes, sizeof(changes) / sizeof(changes[0]), replay);
}

static void test_effects_restores_no_value_that_cannot_have_been_written(void **state)
{
    (void)state;
    changes_check(object_changes, sizeof(object_changes) / sizeof(object_changes[0]), restore);
}

/* ---- What is not one value -------------------------------------------------------------------- */

static void test_effects_refuses_members_that_are_unknown_or_named_twice(void **state)
{
    (void)state;
    static const uint16_t unknown_node[] = { 0, 2 }, unknown_first[] = { 2, 0 }, twice[] = { 1, 1 };
    static const uint16_t unknown_group[] = { 1 };
    struct oh_effect group = right_effect(OH_EFFECT_GROUP);
    struct oh_effect channel = right_effect(OH_EFFECT_CHANNEL);
    group.group.nodes = unknown_node;
    assert_int_equal(replay(&group), OH_E_CORRUPT);
    group.group.nodes = unknown_first;
    assert_int_equal(replay(&group), OH_E_CORRUPT);
    group.group.nodes = twice;
    assert_int_equal(replay(&group), OH_E_CORRUPT);
    channel.channel.nodes = unknown_node;
    assert_int_equal(replay(&channel), OH_E_CORRUPT);
    channel.channel.nodes = unknown_first;
    assert_int_equal(replay(&channel), OH_E_CORRUPT);
    channel.channel.nodes = two_nodes;
    channel.channel.groups = unknown_group;
    assert_int_equal(replay(&channel), OH_E_CORRUPT);
}

static void test_effects_refuses_a_channel_with_more_members_than_there_may_be(void **state)
{
    (void)state;
    static const uint16_t many[OH_CHANNEL_MEMBERS_MAX + 1];
    struct oh_effect channel = right_effect(OH_EFFECT_CHANNEL);
    channel.channel.nodes = many;
    channel.channel.node_count = OH_CHANNEL_MEMBERS_MAX + 1;
    assert_int_equal(replay(&channel), OH_E_CORRUPT);
    channel.channel.node_count = 0;
    channel.channel.groups = many;
    channel.channel.group_count = OH_CHANNEL_MEMBERS_MAX + 1;
    assert_int_equal(replay(&channel), OH_E_CORRUPT);
}

static void test_effects_refuses_a_place_that_is_not_on_the_map(void **state)
{
    (void)state;
    struct oh_effect node = right_effect(OH_EFFECT_NODE);
    struct oh_effect code = right_effect(OH_EFFECT_POSTAL_CODE);
    node.node.value.point.latitude = 90.5;
    assert_int_equal(replay(&node), OH_E_CORRUPT);
    node.node.value.has_point = false; /* then it is not looked at */
    assert_int_equal(replay(&node), OH_OK);
    code.postal_code.point.longitude = (double)NAN;
    assert_int_equal(replay(&code), OH_E_CORRUPT);
}

/* The least there is is judged by its place; what is removed has none to judge. */
static void test_effects_judges_the_place_of_every_supply_that_is_there(void **state)
{
    (void)state;
    struct oh_effect supply = right_effect(OH_EFFECT_SUPPLY);
    supply.supply.quantity_milli = 1;
    assert_int_equal(replay(&supply), OH_OK);
    supply.supply.item = 2;
    assert_int_equal(replay(&supply), OH_E_CORRUPT);
    struct oh_diag diag = { "" };
    struct shop *shop = world_open();
    shop_supply(shop, "new", "s", "a", 1, SHOP_NOW_US);
    supply.supply.quantity_milli = 0;
    assert_int_equal(replayed(shop, &supply, &diag), OH_OK);
    shop_drop(shop);
}

static void test_effects_takes_steps_only_of_what_is_there_to_take(void **state)
{
    (void)state;
    struct oh_effect step = right_effect(OH_EFFECT_STEP);
    const struct { enum oh_step step; bool is_held; int64_t milli; enum oh_err err; } rows[] = {
        { OH_STEP_CONFIRM, false, 2000, OH_OK }, { OH_STEP_CONFIRM, false, 2001, OH_E_CORRUPT },
        { OH_STEP_EXPIRE, false, 2000, OH_OK },  { OH_STEP_EXPIRE, false, 2001, OH_E_CORRUPT },
        { OH_STEP_RELEASE, true, 2000, OH_OK },  { OH_STEP_RELEASE, true, 2001, OH_E_CORRUPT },
        { OH_STEP_RELEASE, false, 3000, OH_OK }, { OH_STEP_RELEASE, false, 3001, OH_E_CORRUPT },
        { OH_STEP_MOVE, true, 2001, OH_E_CORRUPT },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        step.step.step = rows[i].step;
        step.step.is_held = rows[i].is_held;
        step.step.quantity_milli = rows[i].milli;
        step.step.at_us = 0;
        assert_int_equal(replay(&step), rows[i].err);
    }
}

static void test_effects_refuses_a_record_out_of_order(void **state)
{
    (void)state;
    struct oh_diag diag = { "" };
    struct shop *shop = world_open();
    struct oh_effect effect = right_effect(OH_EFFECT_ITEM);
    uint64_t seq = oh_ledger_seq(shop->replica);
    struct oh_record record = { seq, SHOP_NOW_US, &effect, 1 };
    assert_int_equal(oh_ledger_replay(shop->replica, &record, &diag), OH_E_CORRUPT);
    assert_non_null(strstr(diag.text, "follows record"));
    record.seq = seq + 2;
    assert_int_equal(oh_ledger_replay(shop->replica, &record, &diag), OH_E_CORRUPT);
    record.seq = seq + 1;
    assert_int_equal(oh_ledger_replay(shop->replica, &record, &diag), OH_OK);
    shop_drop(shop);
}

/* Claims of nobody, claims that live in what has ended, steps of what never was anywhere. */
static void test_effects_refuses_claims_and_steps_without_a_ground(void **state)
{
    (void)state;
    struct oh_diag diag = { "" };
    struct oh_ledger *ledger = shop_ledger_create(NULL);
    struct oh_effect head = right_effect(OH_EFFECT_HEAD);
    struct oh_effect claim = right_effect(OH_EFFECT_CLAIM);
    struct oh_effect reservation = right_effect(OH_EFFECT_RESERVATION);
    assert_int_equal(oh_ledger_restore(ledger, &head, &diag), OH_OK);
    assert_int_equal(oh_ledger_restore(ledger, &claim, &diag), OH_E_CORRUPT);
    reservation.reservation.id = OH_BYTES("R");
    reservation.reservation.ended_at_us = SHOP_NOW_US - 2 * SHOP_DAY_US; /* long ago */
    assert_int_equal(oh_ledger_restore(ledger, &reservation, &diag), OH_OK);
    assert_int_equal(oh_ledger_restore(ledger, &claim, &diag), OH_E_CORRUPT);
    reservation.reservation.created_at_us = 1;
    assert_int_equal(oh_ledger_restore(ledger, &reservation, &diag), OH_E_CORRUPT); /* the same id twice */
    claim.claim.line = 7;
    claim.claim.held_milli = 0; /* released */
    assert_int_equal(oh_ledger_restore(ledger, &claim, &diag), OH_OK);
    oh_ledger_destroy(&ledger);
    struct shop *shop = world_open();
    shop_reserve_with(shop, (struct oh_reserve_command){ .allow_partial = true }, "P", "", "s=100@a");
    struct oh_effect step = right_effect(OH_EFFECT_STEP);
    step.step.id = OH_BYTES("P");
    step.step.node = OH_NODE_NONE;
    assert_int_equal(replayed(shop, &step, &diag), OH_E_CORRUPT);
    shop_drop(shop);
}

/* A reservation of a snapshot that has no claims at all can be asked about, and nothing can be done with it. */
static void test_effects_restores_a_reservation_without_claims(void **state)
{
    (void)state;
    struct oh_diag diag = { "" };
    struct oh_answer answer;
    struct oh_ledger *ledger = shop_ledger_create(NULL);
    struct oh_effect head = right_effect(OH_EFFECT_HEAD);
    struct oh_effect reservation = right_effect(OH_EFFECT_RESERVATION);
    struct oh_command command = { .type = OH_COMMAND_CONFIRM, .action = { .id = OH_BYTES("new") } };
    assert_int_equal(oh_ledger_restore(ledger, &head, &diag), OH_OK);
    assert_int_equal(oh_ledger_restore(ledger, &reservation, &diag), OH_OK);
    assert_int_equal(oh_ledger_apply(ledger, SHOP_NOW_US, &command, &answer), OH_OK);
    assert_int_equal(answer.verdict, OH_V_NOTHING_CLAIMED);
    assert_int_equal(answer.status, OH_STATUS_RELEASED);
    oh_ledger_destroy(&ledger);
}

static void count_objects(void *ctx, const struct oh_effect *object)
{
    uint32_t *counts = ctx;
    counts[object->type]++;
}

/* Indexes with holes before them, as no ledger writes them but a snapshot may: what is not there is not written. */
static void test_effects_exports_what_is_there_and_no_more(void **state)
{
    (void)state;
    struct oh_diag diag = { "" };
    uint32_t counts[OH_EFFECT_TYPE_LAST + 1] = { 0 };
    static const enum oh_effect_type types[] = { OH_EFFECT_NODE, OH_EFFECT_ITEM, OH_EFFECT_GROUP, OH_EFFECT_CHANNEL };
    struct oh_ledger *ledger = shop_ledger_create(NULL);
    struct oh_effect head = right_effect(OH_EFFECT_HEAD);
    head.head.movement_count = 100;
    assert_int_equal(oh_ledger_restore(ledger, &head, &diag), OH_OK);
    for (size_t i = 0; i < 4; i++) {
        struct oh_effect effect = right_effect(types[i]);
        assert_int_equal(oh_ledger_restore(ledger, &effect, &diag), OH_OK);
    }
    assert_int_equal(oh_ledger_advance(ledger, SHOP_NOW_US, 0), 0);
    oh_ledger_export(ledger, count_objects, counts); /* of the 100 movements that there were, none is remembered */
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(counts[types[i]], 1);
    assert_int_equal(counts[OH_EFFECT_REMEMBERED], 0);
    oh_ledger_destroy(&ledger);
}

static void test_effects_restores_one_head(void **state)
{
    (void)state;
    struct oh_diag diag = { "" };
    struct oh_ledger *ledger = shop_ledger_create(NULL);
    struct oh_effect head = right_effect(OH_EFFECT_HEAD);
    assert_int_equal(oh_ledger_restore(ledger, &head, &diag), OH_OK);
    assert_int_equal(oh_ledger_restore(ledger, &head, &diag), OH_E_CORRUPT);
    oh_ledger_destroy(&ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_effects_takes_each_type_where_it_belongs_and_nowhere_else),
        cmocka_unit_test(test_effects_replays_no_value_that_cannot_have_been_written),
        cmocka_unit_test(test_effects_restores_no_value_that_cannot_have_been_written),
        cmocka_unit_test(test_effects_refuses_members_that_are_unknown_or_named_twice),
        cmocka_unit_test(test_effects_refuses_a_channel_with_more_members_than_there_may_be),
        cmocka_unit_test(test_effects_refuses_a_place_that_is_not_on_the_map),
        cmocka_unit_test(test_effects_judges_the_place_of_every_supply_that_is_there),
        cmocka_unit_test(test_effects_takes_steps_only_of_what_is_there_to_take),
        cmocka_unit_test(test_effects_refuses_a_record_out_of_order),
        cmocka_unit_test(test_effects_refuses_claims_and_steps_without_a_ground),
        cmocka_unit_test(test_effects_restores_a_reservation_without_claims),
        cmocka_unit_test(test_effects_exports_what_is_there_and_no_more),
        cmocka_unit_test(test_effects_restores_one_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
