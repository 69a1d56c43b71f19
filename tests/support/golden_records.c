#include "support/golden_records.h"
#include "base/assert.h"

#define AT(second) (INT64_C(1795352400000000) + (second)*INT64_C(1000000)) /* 2026-11-22T13:00Z and later */
#define KEPT_NONE  OH_TIME_US_NONE

static const uint16_t both_nodes[] = { 1, 0 };
static const int32_t both_priorities[] = { -5, 70000 };
static const uint16_t first_node[] = { 0 };
static const uint16_t first_group[] = { 0 };

static const struct oh_effect nodes[] = {
    { .type = OH_EFFECT_NODE,
      .node = { .index = 0,
                .value = { .node = { "lille", 5 },
                           .name = { "Lille Centre", 12 },
                           .gln = { "4012345000009", 13 },
                           .country = { "FR", 2 },
                           .time_zone = { "Europe/Paris", 12 },
                           .city = { "Lille", 5 },
                           .region = { "Hauts-de-France", 15 },
                           .postal_code = { "59000", 5 },
                           .type = OH_NODE_STORE,
                           .has_point = true,
                           .point = { 50.6366, 3.0633 },
                           .ships = true,
                           .collects = true,
                           .enabled = true } } },
    { .type = OH_EFFECT_NODE,
      .node = { .index = 1,
                .value = { .node = { "d\xc3\xa9p\xc3\xb4t", 7 },
                           .type = OH_NODE_WAREHOUSE,
                           .enabled = true } } },
};

static const struct oh_effect items[] = {
    { .type = OH_EFFECT_ITEM,
      .item = { .index = 0,
                .value = { .sku = { "shirt-m", 7 },
                           .name = { "Shirt \"M\"", 9 },
                           .gtin = { "40123455", 8 } } } },
    { .type = OH_EFFECT_ITEM, .item = { .index = 1, .value = { .sku = { "rope", 4 } } } },
};

static const struct oh_effect group[] = {
    { .type = OH_EFFECT_GROUP,
      .group = { .index = 0,
                 .group = { "north", 5 },
                 .name = { "North", 5 },
                 .nodes = first_node,
                 .priorities = both_priorities,
                 .node_count = 1 } },
};

static const struct oh_effect group_member[] = {
    { .type = OH_EFFECT_GROUP_MEMBER, .group_member = { .group = 0, .node = 1, .priority = 300 } },
};

static const struct oh_effect group_again[] = {
    { .type = OH_EFFECT_GROUP,
      .group = { .index = 0,
                 .group = { "north", 5 },
                 .nodes = both_nodes,
                 .priorities = both_priorities,
                 .node_count = 2 } },
};

static const struct oh_effect channel[] = {
    { .type = OH_EFFECT_CHANNEL,
      .channel = { .index = 0,
                   .channel = { "web", 3 },
                   .name = { "Web shop", 8 },
                   .policy = OH_POLICY_NEAREST,
                   .nodes = first_node,
                   .node_count = 1,
                   .groups = first_group,
                   .group_count = 1 } },
};

static const struct oh_effect rules[] = {
    { .type = OH_EFFECT_RULE,
      .rule = { .rule = { "keep-two", 8 },
                .item = 0,
                .node = 0,
                .channel = OH_NODE_NONE,
                .values = { .mask = OH_RULE_SAFETY_STOCK | OH_RULE_PICKUP_ALLOWED | OH_RULE_PREORDER,
                            .safety_stock_milli = 2000,
                            .pickup_allowed = true } } },
    { .type = OH_EFFECT_RULE,
      .rule = { .rule = { "all", 3 },
                .item = OH_INDEX_NONE,
                .node = OH_NODE_NONE,
                .channel = OH_NODE_NONE,
                .values = { .mask = OH_RULE_BACKORDER_LIMIT | OH_RULE_LOW_STOCK | OH_RULE_SHIP_ALLOWED,
                            .backorder_limit_milli = 0,
                            .low_stock_milli = 3500,
                            .ship_allowed = true } } },
};

static const struct oh_effect fence_and_supply[] = {
    { .type = OH_EFFECT_FENCE,
      .fence = { .fence = { "web-shirts", 10 },
                 .item = 0,
                 .node = 0,
                 .channel = 0,
                 .quantity_milli = 4000,
                 .policy = OH_FENCE_RESTRICT } },
    { .type = OH_EFFECT_SUPPLY,
      .supply = { .supply = { "po-7", 4 },
                  .item = 1,
                  .node = 1,
                  .quantity_milli = 2500500,
                  .eta_us = AT(864000) } },
};

static const struct oh_effect place[] = {
    { .type = OH_EFFECT_POSTAL_CODE,
      .postal_code = { .country = { "FR", 2 },
                       .postal_code = { "59000", 5 },
                       .place = { "Lille", 5 },
                       .point = { 50.6333, 3.0667 } } },
    { .type = OH_EFFECT_IMPORT,
      .import = { .import = { "postal-2026", 11 }, .row_count = 36000, .rejected_count = 2 } },
};

static const struct oh_effect movements[] = {
    { .type = OH_EFFECT_MOVEMENT,
      .movement = { .item = 0,
                    .node = 0,
                    .state = OH_STATE_SELLABLE,
                    .quantity_milli = 20000,
                    .at_us = AT(90),
                    .source = { "till-1", 6 },
                    .reason = { "receipt", 7 } } },
    { .type = OH_EFFECT_KEY,
      .key = { .key = { "etill-1\0a1", 10 },
               .fingerprint = UINT64_C(0x0123456789abcdef),
               .seq = 10,
               .at_us = AT(100) } },
    { .type = OH_EFFECT_MOVEMENT,
      .movement = { .item = 1,
                    .node = 1,
                    .state = OH_STATE_DAMAGED,
                    .quantity_milli = 1250,
                    .at_us = AT(95),
                    .source = { "till-1", 6 },
                    .reason = { "receipt", 7 } } },
};

static const struct oh_effect counts[] = {
    { .type = OH_EFFECT_COUNT,
      .count = { .item = 0,
                 .node = 0,
                 .state = OH_STATE_SELLABLE,
                 .quantity_milli = 18000,
                 .delta_milli = -2000,
                 .as_of_us = AT(105),
                 .source_seq = 77,
                 .source = { "erp", 3 } } },
    { .type = OH_EFFECT_COUNT,
      .count = { .item = 1,
                 .node = 0,
                 .state = OH_STATE_DISPLAY,
                 .quantity_milli = 500,
                 .delta_milli = 500,
                 .as_of_us = AT(105),
                 .source_seq = -1,
                 .source = { "erp", 3 } } },
    { .type = OH_EFFECT_MOVEMENT,
      .movement = { .item = 0,
                    .node = 0,
                    .state = OH_STATE_SELLABLE,
                    .is_counted = true,
                    .quantity_milli = -1000,
                    .at_us = AT(101),
                    .source = { "till-2", 6 },
                    .reason = { "sale", 4 } } },
};

static const struct oh_effect reserve[] = {
    { .type = OH_EFFECT_RESERVATION,
      .reservation = { .id = { "cart-1", 6 },
                       .customer = { "zo\xc3\xab", 4 },
                       .order = { "o-1", 3 },
                       .kind = OH_KIND_COLLECT,
                       .channel = 0,
                       .created_at_us = AT(120),
                       .expires_at_us = AT(1920),
                       .ended_at_us = KEPT_NONE } },
    { .type = OH_EFFECT_CLAIM,
      .claim = { .due_at_us = OH_TIME_US_NONE, .id = { "cart-1", 6 },
                 .line = 1,
                 .item = 0,
                 .node = 0,
                 .quantity_milli = 3000,
                 .held_milli = 3000 } },
    { .type = OH_EFFECT_CLAIM,
      .claim = { .due_at_us = OH_TIME_US_NONE, .id = { "cart-1", 6 },
                 .line = 2,
                 .item = 0,
                 .node = 0,
                 .quantity_milli = 2500,
                 .held_milli = 2500 } },
    { .type = OH_EFFECT_KEY,
      .key = { .key = { "rcart-1", 7 },
               .fingerprint = UINT64_MAX,
               .seq = 12,
               .at_us = AT(120),
               .answer = { "\x01\x02\x00\xff", 4 } } },
};

static const struct oh_effect second[] = {
    { .type = OH_EFFECT_RESERVATION,
      .reservation = { .id = { "staff-9", 7 },
                       .kind = OH_KIND_STAFF,
                       .channel = OH_NODE_NONE,
                       .created_at_us = AT(130),
                       .expires_at_us = KEPT_NONE,
                       .ended_at_us = KEPT_NONE } },
    { .type = OH_EFFECT_CLAIM,
      .claim = { .due_at_us = OH_TIME_US_NONE, .id = { "staff-9", 7 },
                 .line = 1,
                 .item = 0,
                 .node = 0,
                 .quantity_milli = 1000,
                 .held_milli = 1000 } },
};

static const struct oh_effect confirm[] = {
    { .type = OH_EFFECT_STEP,
      .step = { .id = { "cart-1", 6 },
                .line = 1,
                .item = 0,
                .node = 0,
                .step = OH_STEP_CONFIRM,
                .is_held = true,
                .quantity_milli = 3000,
                .at_us = AT(140) } },
    { .type = OH_EFFECT_EXTEND, .extend = { .id = { "cart-1", 6 }, .expires_at_us = AT(3600) } },
};

static const struct oh_effect fulfil[] = {
    { .type = OH_EFFECT_STEP,
      .step = { .id = { "cart-1", 6 },
                .line = 1,
                .item = 0,
                .node = 0,
                .step = OH_STEP_FULFIL,
                .quantity_milli = 2000,
                .at_us = AT(150) } },
    { .type = OH_EFFECT_STEP,
      .step = { .id = { "cart-1", 6 },
                .line = 1,
                .item = 0,
                .node = 0,
                .step = OH_STEP_RELEASE,
                .quantity_milli = 1000,
                .at_us = AT(151) } },
    { .type = OH_EFFECT_STEP,
      .step = { .id = { "staff-9", 7 },
                .line = 1,
                .item = 0,
                .node = 0,
                .step = OH_STEP_MOVE,
                .is_held = true,
                .quantity_milli = 1000,
                .at_us = AT(151) } },
    { .type = OH_EFFECT_CLAIM,
      .claim = { .due_at_us = OH_TIME_US_NONE, .id = { "staff-9", 7 },
                 .line = 1,
                 .item = 0,
                 .node = 1,
                 .quantity_milli = 1000,
                 .held_milli = 1000 } },
};

static const struct oh_effect expire[] = {
    { .type = OH_EFFECT_STEP,
      .step = { .id = { "cart-1", 6 },
                .line = 2,
                .item = 0,
                .node = 0,
                .step = OH_STEP_EXPIRE,
                .is_held = true,
                .quantity_milli = 2500,
                .at_us = AT(3600) } },
};

static const struct oh_effect rule_removed[] = {
    { .type = OH_EFFECT_RULE,
      .rule = { .rule = { "all", 3 },
                .item = OH_INDEX_NONE,
                .node = OH_NODE_NONE,
                .channel = OH_NODE_NONE } },
};

#define RECORD(number, second, effects)                                         \
    {                                                                           \
        (number), AT(second), (effects), sizeof(effects) / sizeof((effects)[0]) \
    }

static const struct oh_record records[GOLDEN_RECORD_COUNT] = {
    RECORD(1, 0, nodes),
    RECORD(2, 10, items),
    RECORD(3, 20, group),
    RECORD(4, 30, group_member),
    RECORD(5, 40, group_again),
    RECORD(6, 50, channel),
    RECORD(7, 60, rules),
    RECORD(8, 70, fence_and_supply),
    RECORD(9, 80, place),
    RECORD(10, 100, movements),
    RECORD(11, 110, counts),
    RECORD(12, 120, reserve),
    RECORD(13, 130, second),
    RECORD(14, 140, confirm),
    RECORD(15, 151, fulfil),
    RECORD(16, 3601, expire),
    RECORD(17, 3610, rule_removed),
};

const struct oh_record *golden_record(uint32_t index)
{
    OH_ASSERT(index < GOLDEN_RECORD_COUNT);
    return &records[index];
}
