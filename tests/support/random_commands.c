#include "support/random_commands.h"
#include "base/assert.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define START_US      INT64_C(1795352400000000) /* 2026-11-22T13:00Z */
#define SECOND_US     INT64_C(1000000)
#define GROUP_COUNT   5u
#define CHANNEL_COUNT 4u
#define RULE_COUNT    24u
#define FENCE_COUNT   12u
#define SUPPLY_COUNT  24u
#define KEY_COUNT     3000u

/* ---- Names ------------------------------------------------------------------------------------ */

static bool chance(struct random_commands *commands, unsigned percent)
{
    return oh_prng_below(&commands->prng, 100) < percent;
}

static uint32_t below(struct random_commands *commands, uint32_t bound)
{
    return (uint32_t)oh_prng_below(&commands->prng, bound);
}

/* Small numbers are far more likely than large ones. */
static uint32_t skewed(struct random_commands *commands, uint32_t bound)
{
    return below(commands, below(commands, below(commands, bound) + 1) + 1);
}

static struct oh_bytes name(struct random_commands *commands, const char *prefix, uint64_t number)
{
    char *at = commands->memory->text + commands->memory->text_size;
    size_t room = RANDOM_COMMANDS_TEXT_SIZE - commands->memory->text_size;
    int size = snprintf(at, room, "%s%" PRIu64, commands->has_short_names ? "" : prefix, number);
    OH_ASSERT(size > 0 && (size_t)size < room);
    commands->memory->text_size += (size_t)size;
    return (struct oh_bytes){ at, (size_t)size };
}

static struct oh_bytes repeated(struct random_commands *commands, const char *part, size_t size)
{
    size_t part_size = strlen(part);
    char *at = commands->memory->text + commands->memory->text_size;
    if (size > RANDOM_COMMANDS_TEXT_SIZE - commands->memory->text_size)
        return OH_BYTES("x");
    for (size_t i = 0; i < size; i++)
        at[i] = part[i % part_size];
    commands->memory->text_size += size;
    return (struct oh_bytes){ at, size };
}

/* At the edge of what may be a text of size_max bytes, on either side. */
static struct oh_bytes edge_text(struct random_commands *commands, size_t size_max)
{
    static const char *const odd[] = {
        "a\nb",         "\x7f",         "\xc3\xa9t\xc3\xa9", "\xff",
        "\xed\x9f\xbf", "\xed\xa0\x80", "\xc0\x80",       "\xe2\x82",
        "\xf4\x8f\xbf\xbf", "\xf4\x90\x80\x80", " ",      "~",
        "\x1f",         "",
    };
    uint32_t draw = below(commands, 20);
    if (draw < 2)
        return repeated(commands, "y", size_max + draw);
    if (draw < 4)
        return repeated(commands, "\xc3\xa9", size_max + (draw - 2) * 2);
    return oh_bytes_of(odd[below(commands, sizeof(odd) / sizeof(odd[0]))]);
}

static struct oh_bytes label(struct random_commands *commands, const char *prefix, uint64_t number, size_t size_max)
{
    return chance(commands, commands->edges) ? edge_text(commands, size_max) : name(commands, prefix, number);
}

/* Now and then one that does not exist. */
static struct oh_bytes any_sku(struct random_commands *commands)
{
    return name(commands, "sku-",
                skewed(commands, commands->item_count) + (chance(commands, 1) ? 1000000 : 0));
}

/* Of many, those around the 64th are hot as well: where a bitmap's second word begins. */
static struct oh_bytes any_node(struct random_commands *commands)
{
    uint32_t number = skewed(commands, commands->node_count);
    if (commands->node_count > 64 && chance(commands, 60))
        number = 62 + number % (commands->node_count - 62);
    return name(commands, "node-", number + (chance(commands, 1) ? 1000000 : 0));
}

static struct oh_bytes any_channel(struct random_commands *commands)
{
    return chance(commands, 50) ? OH_BYTES_NONE : name(commands, "channel-", below(commands, CHANNEL_COUNT));
}

static struct oh_bytes any_reservation(struct random_commands *commands)
{
    uint64_t accepted = commands->accepted_count;
    uint64_t back = skewed(commands, chance(commands, 60) ? 12 : chance(commands, 60) ? 40 : RANDOM_ACCEPTED_MAX);
    if (accepted > 0)
        back = back % accepted;
    if (accepted == 0 || chance(commands, 2))
        return name(commands, "R", below(commands, 3000));
    return name(commands, "R", commands->accepted[(accepted - 1 - back) % RANDOM_ACCEPTED_MAX]);
}

static int64_t any_quantity(struct random_commands *commands, int64_t units_max)
{
    static const int64_t odd[] = { 0, INT64_MAX, INT64_MIN, -1, 1, OH_QUANTITY_MILLI_MAX, OH_QUANTITY_MILLI_MAX + 1,
                                   -OH_QUANTITY_MILLI_MAX, -OH_QUANTITY_MILLI_MAX - 1 };
    if (chance(commands, commands->edges))
        return odd[below(commands, sizeof(odd) / sizeof(odd[0]))];
    if (chance(commands, 1))
        return 0;
    int64_t units = oh_prng_between(&commands->prng, 1, units_max);
    int64_t unit = commands->unit_milli;
    return units * unit + (chance(commands, 20) ? oh_prng_between(&commands->prng, 0, unit - 1) : 0);
}

static enum oh_state any_state(struct random_commands *commands)
{
    return chance(commands, 80) ? OH_STATE_SELLABLE : (enum oh_state)below(commands, OH_STATE_COUNT);
}

static int64_t on_tick(const struct random_commands *commands, int64_t at_us)
{
    return at_us / commands->tick_us * commands->tick_us;
}

/* Mostly just now; some late, few of another day, rarely from the future. */
static int64_t moment(struct random_commands *commands)
{
    static const int64_t ahead[] = { 300 * SECOND_US, 300 * SECOND_US + 1 };
    int64_t now_us = commands->now_us;
    if (chance(commands, commands->edges))
        return chance(commands, 50) ? now_us + ahead[below(commands, 2)] : (int64_t)below(commands, 3) - 1;
    switch (below(commands, 20)) {
    case 0:
        return now_us - oh_prng_between(&commands->prng, 0, 86400) * SECOND_US;
    case 1:
        return now_us + oh_prng_between(&commands->prng, 0, 400) * SECOND_US;
    case 2:
    case 3:
    case 4:
        return now_us - oh_prng_between(&commands->prng, 0, 600) * SECOND_US;
    default:
        return now_us - oh_prng_between(&commands->prng, 0, 3) * commands->tick_us;
    }
}

static int64_t any_time(struct random_commands *commands)
{
    int64_t at_us = moment(commands);
    return at_us > START_US ? on_tick(commands, at_us) : at_us;
}

/* Mostly one of a few places, so that some are at the same one. */
static struct oh_point any_point(struct random_commands *commands)
{
    static const struct oh_point places[] = {
        { 48.8566, 2.3522 },  { 48.8589, 2.3781 },   { 45.7640, 4.8357 },    { 43.2965, 5.3698 },
        { 50.6292, 3.0573 },  { 47.2184, -1.5536 },  { 44.8378, -0.5792 },   { 48.5734, 7.7521 },
        { 51.5074, -0.1278 }, { 40.7128, -74.0060 }, { 52.1, 179.93 },       { 51.2, -179.71 },
        { -33.8688, 151.2093 }, { 71.1, 25.8 },      { -77.85, 166.67 },     { 0.21, -0.33 },
    };
    static const struct oh_point edges[] = {
        { 90.0, 0.0 }, { -90.0, 180.0 }, { 90.000001, 0.0 }, { 0.0, -180.000001 }, { -91.0, 0.0 }, { 1.0, 181.0 },
        { (double)NAN, 0.0 }, { 0.0, (double)NAN },
    };
    if (chance(commands, commands->edges))
        return edges[below(commands, sizeof(edges) / sizeof(edges[0]))];
    if (chance(commands, 70))
        return places[below(commands, sizeof(places) / sizeof(places[0]))];
    return (struct oh_point){ (double)oh_prng_between(&commands->prng, 42000, 51000) / 1000,
                              (double)oh_prng_between(&commands->prng, -4000, 8000) / 1000 };
}

/* ---- Reference data --------------------------------------------------------------------------- */

static void node_make(struct random_commands *commands, struct oh_command *command, uint32_t number)
{
    command->type = OH_COMMAND_NODE;
    static const char *const glns[] = { "4006381333931", "4006381333932",
                                            "400638133393", "40063813339a1" };
    static const char *const countries[] = { "fr", "FRA", "F1", "@Z",
                                                 "A[", "AZ", "" };
    command->node = (struct oh_node_command){ .node = label(commands, "node-", number, OH_ID_SIZE_MAX),
                                              .name = label(commands, "Node ", below(commands, 9), OH_TEXT_SIZE_MAX),
                                              .country = OH_BYTES("FR"),
                                              .time_zone = label(commands, "Europe/", 1, OH_ID_SIZE_MAX),
                                              .city = label(commands, "City ", number, OH_TEXT_SIZE_MAX),
                                              .region = label(commands, "", 1, OH_TEXT_SIZE_MAX),
                                              .postal_code = label(commands, "7501", 1, OH_ID_SIZE_MAX),
                                              .type = (enum oh_node_type)below(commands, 4),
                                              .has_point = chance(commands, 90),
                                              .ships = chance(commands, 90),
                                              .collects = chance(commands, 90),
                                              .enabled = chance(commands, 95) };
    if (command->node.has_point || chance(commands, 20))
        command->node.point = any_point(commands);
    if (chance(commands, commands->edges))
        command->node.gln = oh_bytes_of(glns[below(commands, sizeof(glns) / sizeof(glns[0]))]);
    if (chance(commands, commands->edges))
        command->node.country = oh_bytes_of(countries[below(commands, sizeof(countries) / sizeof(countries[0]))]);
}

static void traits_make(struct random_commands *commands, struct oh_item_command *item)
{
    bool is_edge = chance(commands, 2 * commands->edges);
    item->class = label(commands, "class-", below(commands, 3), OH_ID_SIZE_MAX);
    item->weight_grams = is_edge ? OH_WEIGHT_GRAMS_MAX + below(commands, 2) : below(commands, 3) * 100;
    item->side_mm = is_edge ? OH_SIDE_MM_MAX + below(commands, 2) : below(commands, 3) * 100;
    item->volume_cm3 = is_edge ? OH_VOLUME_CM3_MAX + below(commands, 2) : below(commands, 3) * 100;
}

static void item_make(struct random_commands *commands, struct oh_command *command, uint32_t number)
{
    static const char *const gtins[] = { "96385074", "036000291452", "4006381333931",
                                             "00012345600012", "96385075", "4006381333",
                                             "0", "9638507x", "9638507/" };
    command->type = OH_COMMAND_ITEM;
    command->item = (struct oh_item_command){ .sku = label(commands, "sku-", number, OH_ID_SIZE_MAX),
                                              .name = label(commands, "Item ", below(commands, 9), OH_TEXT_SIZE_MAX) };
    if (chance(commands, 4 * commands->edges))
        command->item.gtin = oh_bytes_of(gtins[below(commands, sizeof(gtins) / sizeof(gtins[0]))]);
    if (commands->promises > 0 && chance(commands, commands->promises))
        traits_make(commands, &command->item);
}

/* Different nodes or groups: every third or so of them, from some start. */
static uint32_t members_make(struct random_commands *commands, const char *prefix, uint32_t bound,
                             struct oh_bytes *out_names)
{
    uint32_t number = below(commands, bound);
    uint32_t count = 0;
    while (number < bound && count < RANDOM_LINES_MAX && !chance(commands, 15)) {
        out_names[count++] = name(commands, prefix, number + (chance(commands, commands->edges) ? 1000 : 0));
        number += chance(commands, commands->edges) ? 0 : 1 + below(commands, 3);
    }
    return count;
}

static void group_make(struct random_commands *commands, struct oh_command *command, uint32_t number)
{
    command->type = OH_COMMAND_GROUP;
    command->group.group = label(commands, "group-", number, OH_ID_SIZE_MAX);
    command->group.name = label(commands, "Group ", below(commands, 3), OH_TEXT_SIZE_MAX);
    command->group.nodes = commands->memory->names;
    command->group.node_count =
        members_make(commands, "node-", commands->node_count, commands->memory->names);
}

static void group_member_make(struct random_commands *commands, struct oh_command *command)
{
    command->type = OH_COMMAND_GROUP_MEMBER;
    command->group_member.group = label(commands, "group-", below(commands, GROUP_COUNT), OH_ID_SIZE_MAX);
    command->group_member.node = any_node(commands);
    command->group_member.priority = (int32_t)oh_prng_between(&commands->prng, -3, 3);
}

static void channel_make(struct random_commands *commands, struct oh_command *command, uint32_t number)
{
    struct oh_channel_command *channel = &command->channel;
    command->type = OH_COMMAND_CHANNEL;
    channel->channel = label(commands, "channel-", number, OH_ID_SIZE_MAX);
    channel->name = label(commands, "Channel ", below(commands, 2), OH_TEXT_SIZE_MAX);
    channel->policy = (enum oh_policy)below(commands, 4);
    channel->nodes = commands->memory->names;
    channel->groups = commands->memory->names + RANDOM_LINES_MAX;
    if (chance(commands, 50))
        channel->node_count = members_make(commands, "node-", commands->node_count, commands->memory->names);
    if (chance(commands, 50))
        channel->group_count =
            members_make(commands, "group-", GROUP_COUNT, commands->memory->names + RANDOM_LINES_MAX);
}

static void rule_make(struct random_commands *commands, struct oh_command *command)
{
    struct oh_rule_command *rule = &command->rule;
    command->type = OH_COMMAND_RULE;
    rule->rule = label(commands, "rule-", below(commands, RULE_COUNT), OH_ID_SIZE_MAX);
    if (chance(commands, 60))
        rule->sku = any_sku(commands);
    bool has_node = chance(commands, 40);
    if (has_node)
        rule->node = any_node(commands);
    if (chance(commands, has_node ? commands->edges : 40))
        rule->channel = any_channel(commands);
    uint32_t mask = 1u << below(commands, 10) | (chance(commands, 20) ? 1u << below(commands, 11) : 0);
    rule->values = (struct oh_rule_values){ .mask = chance(commands, 30) ? 0 : mask,
                                            .safety_stock_milli = any_quantity(commands, 3),
                                            .threshold_milli = any_quantity(commands, 5),
                                            .min_quantity_milli = chance(commands, 50) ? commands->unit_milli
                                                                                       : any_quantity(commands, 3),
                                            .max_quantity_milli = any_quantity(commands, 20),
                                            .increment_milli = chance(commands, 50) ? commands->unit_milli
                                                               : chance(commands, 50) ? (commands->unit_milli + 1) / 2
                                                                                      : any_quantity(commands, 2),
                                            .backorder_limit_milli = any_quantity(commands, 5),
                                            .low_stock_milli = any_quantity(commands, 5),
                                            .pickup_allowed = chance(commands, 80),
                                            .ship_allowed = chance(commands, 80),
                                            .preorder = chance(commands, 50) };
}

static void fence_make(struct random_commands *commands, struct oh_command *command)
{
    command->type = OH_COMMAND_FENCE;
    command->fence =
        (struct oh_fence_command){ .fence = label(commands, "fence-", below(commands, FENCE_COUNT), OH_ID_SIZE_MAX),
                                   .sku = any_sku(commands),
                                   .node = any_node(commands),
                                   .channel = any_channel(commands),
                                   .quantity_milli = chance(commands, 40) ? 0 : any_quantity(commands, 8),
                                   .policy = (enum oh_fence_policy)below(commands, 2) };
    if (chance(commands, 10))
        command->fence.sku = OH_BYTES_NONE; /* a DELETE, mostly */
}

static void supply_make(struct random_commands *commands, struct oh_command *command)
{
    command->type = OH_COMMAND_SUPPLY;
    command->supply =
        (struct oh_supply_command){ .supply = label(commands, "supply-", below(commands, SUPPLY_COUNT), OH_ID_SIZE_MAX),
                                    .sku = any_sku(commands),
                                    .node = any_node(commands),
                                    .quantity_milli = chance(commands, 30) ? 0 : any_quantity(commands, 100),
                                    .eta_us = commands->now_us +
                                              oh_prng_between(&commands->prng, 0, 864000) * SECOND_US };
    if (chance(commands, 30)) /* few times, so that some are the same */
        command->supply.eta_us = START_US + oh_prng_between(&commands->prng, 0, 5) * 3600 * SECOND_US;
    if (chance(commands, commands->edges))
        command->supply.eta_us = chance(commands, 50) ? -1 : OH_TIME_US_MAX + (int64_t)below(commands, 2);
    if (chance(commands, 10))
        command->supply.sku = OH_BYTES_NONE; /* a DELETE, mostly */
}

static void postal_code_make(struct random_commands *commands, struct oh_command *command)
{
    command->type = OH_COMMAND_POSTAL_CODE;
    command->postal_code =
        (struct oh_postal_code_command){ .country = OH_BYTES("FR"),
                                         .postal_code = label(commands, "aZ-1 ", below(commands, 8), 16),
                                         .place = label(commands, "Place ", below(commands, 3), OH_TEXT_SIZE_MAX),
                                         .point = any_point(commands) };
    if (chance(commands, 20))
        command->postal_code.postal_code = name(commands, "Az1", below(commands, 8)); /* the same one */
    if (chance(commands, 2 * commands->edges))
        command->postal_code.country = chance(commands, 50) ? OH_BYTES_NONE : OH_BYTES("fr");
}

static void import_make(struct random_commands *commands, struct oh_command *command)
{
    command->type = OH_COMMAND_IMPORT_PROGRESS;
    command->import_progress.import = label(commands, "stock/import-", below(commands, 6), OH_TEXT_SIZE_MAX);
    command->import_progress.row_count = commands->made_count;
    command->import_progress.rejected_count = commands->made_count / 10;
}

/* Of nodes and channels that are there or not; now and then it is removed. */
static void document_make(struct random_commands *commands, struct oh_command *command)
{
    struct oh_document_command *document = &command->document;
    command->type = OH_COMMAND_DOCUMENT;
    document->kind = (enum oh_document_kind)below(commands, OH_DOCUMENT_KIND_COUNT + (chance(commands, 2) ? 1 : 0));
    document->id = label(commands, "document-", below(commands, 4), OH_ID_SIZE_MAX);
    if (document->kind == OH_DOCUMENT_SCHEDULE)
        document->id = any_node(commands);
    if (document->kind == OH_DOCUMENT_SOURCING)
        document->id = name(commands, "channel-", below(commands, CHANNEL_COUNT + 1));
    if (!chance(commands, 25))
        document->body = repeated(commands, "{\"a\":1}", 1 + below(commands, 3) * 40);
}

/* ---- Stock ------------------------------------------------------------------------------------ */

static void adjust_make(struct random_commands *commands, struct oh_command *command)
{
    command->type = OH_COMMAND_ADJUST;
    command->adjust.source = label(commands, "till-", below(commands, 3), OH_ID_SIZE_MAX);
    command->adjust.entries = commands->memory->adjust_entries;
    command->adjust.entry_count = 1 + skewed(commands, RANDOM_LINES_MAX);
    for (uint32_t i = 0; i < command->adjust.entry_count; i++) {
        int64_t quantity_milli = any_quantity(commands, 10);
        commands->memory->adjust_entries[i] =
            (struct oh_adjust_entry){ .sku = any_sku(commands),
                                      .node = any_node(commands),
                                      .reason = label(commands, "sale ", below(commands, 2), OH_TEXT_SIZE_MAX),
                                      .quantity_milli = chance(commands, 40) ? quantity_milli / 3 * 2
                                                        : quantity_milli == INT64_MIN ? quantity_milli
                                                                                      : -quantity_milli,
                                      .state = any_state(commands),
                                      .at_us = chance(commands, 30) ? OH_TIME_US_NONE : any_time(commands) };
        if (chance(commands, 30))
            commands->memory->adjust_entries[i].id =
                label(commands, "E", below(commands, chance(commands, 10) ? 4 : 500), OH_ID_SIZE_MAX);
    }
    if (chance(commands, commands->edges))
        command->adjust.entry_count = 0;
}

static void sync_make(struct random_commands *commands, struct oh_command *command)
{
    command->type = OH_COMMAND_SYNC;
    command->sync.source = label(commands, "erp-", below(commands, 2), OH_ID_SIZE_MAX);
    command->sync.entries = commands->memory->sync_entries;
    command->sync.entry_count = 1 + skewed(commands, RANDOM_LINES_MAX);
    for (uint32_t i = 0; i < command->sync.entry_count; i++) {
        commands->memory->sync_entries[i] = (struct oh_sync_entry){
            .sku = any_sku(commands),
            .node = any_node(commands),
            .quantity_milli = chance(commands, 10) ? 0 : any_quantity(commands, 40),
            .state = any_state(commands),
            .as_of_us = any_time(commands),
            .has_source_seq = chance(commands, 30),
            .source_seq = (int64_t)(commands->made_count - below(commands, 20) % (commands->made_count + 1))
        };
        if (i > 0 && chance(commands, 20)) { /* of the same standing, with another quantity */
            int64_t quantity_milli = commands->memory->sync_entries[i].quantity_milli;
            commands->memory->sync_entries[i] = commands->memory->sync_entries[i - 1];
            commands->memory->sync_entries[i].quantity_milli = quantity_milli;
        }
        if (chance(commands, commands->edges))
            commands->memory->sync_entries[i].source_seq = -1;
    }
    if (chance(commands, commands->edges))
        command->sync.entry_count = 0;
}

/* ---- Reservations ----------------------------------------------------------------------------- */

static void reserve_line_make(struct random_commands *commands, uint32_t i)
{
    struct oh_reserve_line *line = &commands->memory->reserve_lines[i];
    *line = (struct oh_reserve_line){ .line = i + 1,
                                      .sku = any_sku(commands),
                                      .quantity_milli = any_quantity(commands, 4) };
    if (chance(commands, 10))
        line->line = below(commands, 4) * 2; /* taken, in no order, or 0 */
    if (chance(commands, commands->edges))
        line->line = (uint32_t)INT32_MAX + below(commands, 2);
    bool has_node = chance(commands, 50);
    if (has_node)
        line->node = any_node(commands);
    if (chance(commands, has_node ? commands->edges : 40))
        line->group = name(commands, "group-", below(commands, GROUP_COUNT + (chance(commands, 5) ? 1 : 0)));
}

static int64_t any_ttl(struct random_commands *commands)
{
    static const int64_t odd[] = { -1, 1, OH_TTL_US_MAX, OH_TTL_US_MAX + 1 };
    if (chance(commands, commands->edges))
        return odd[below(commands, sizeof(odd) / sizeof(odd[0]))];
    return chance(commands, 30) ? 0 : oh_prng_between(&commands->prng, 1, 1800) * SECOND_US;
}

struct oh_near random_commands_near(struct random_commands *commands)
{
    static const double odd[] = { 20100.0, 20100.1, -1.0, 0.001, (double)NAN, (double)INFINITY };
    struct oh_near near = { true, any_point(commands), 0 };
    if (chance(commands, 50))
        near.radius_km = 300;
    if (chance(commands, commands->edges))
        near.radius_km = odd[below(commands, sizeof(odd) / sizeof(odd[0]))];
    return near;
}

/* Mostly all of the line, from one node or two; now and then what no plan would say. */
static uint32_t line_pick(struct random_commands *commands, const struct oh_reserve_command *reserve, uint32_t i,
                          struct oh_reserve_pick *out_picks)
{
    int64_t left_milli = reserve->lines[i].quantity_milli;
    uint32_t count = chance(commands, 8) ? 0 : 1 + skewed(commands, 2);
    for (uint32_t p = 0; p < count; p++) {
        int64_t milli = p + 1 < count || chance(commands, 10) ? left_milli / 2 : left_milli;
        int64_t days = oh_prng_between(&commands->prng, -1, 10);
        bool is_later = chance(commands, 50);
        out_picks[p] = (struct oh_reserve_pick){
            .line = chance(commands, commands->edges) ? below(commands, 9) : i,
            .node = chance(commands, commands->edges) ? (uint16_t)commands->node_count
                                                      : (uint16_t)skewed(commands, commands->node_count),
            .kind = chance(commands, 80) ? OH_KIND_ANY : (enum oh_kind)(1 + below(commands, 5)),
            .quantity_milli = chance(commands, commands->edges) ? any_quantity(commands, 3) : milli,
            .due_at_us = !is_later             ? OH_TIME_US_NONE
                         : chance(commands, 50) ? START_US + days * 3600 * SECOND_US
                                                : commands->now_us + days * 86400 * SECOND_US,
        };
        left_milli -= milli;
    }
    return count;
}

struct oh_bytes random_commands_resource(struct random_commands *commands, int64_t *out_from_us)
{
    static const char *const names[] = { "node/node-0", "node/node-1", "slot/van", "account/van/a" };
    *out_from_us = START_US + (int64_t)(24 * below(commands, 3)) * 3600 * SECOND_US;
    return oh_bytes_of(names[below(commands, sizeof(names) / sizeof(names[0]))]);
}

static void booking_make(struct random_commands *commands, struct oh_reserve_booking *booking)
{
    static const int64_t odd[] = { 0, -1, INT64_MAX, INT64_MIN, OH_TOTAL_MILLI_MAX, OH_TOTAL_MILLI_MAX + 1 };
    *booking = (struct oh_reserve_booking){ .node = (uint16_t)skewed(commands, commands->node_count),
                                            .unit = (enum oh_unit)below(commands, 4),
                                            .quantity_milli = (int64_t)(1 + below(commands, 4)) * 1000,
                                            .limit_milli = (int64_t)below(commands, 16) * 1000 };
    booking->resource = random_commands_resource(commands, &booking->from_us);
    booking->until_us = booking->from_us + 8 * 3600 * SECOND_US;
    if (!chance(commands, 4 * commands->edges))
        return;
    int64_t edge = odd[below(commands, sizeof(odd) / sizeof(odd[0]))];
    uint32_t draw = below(commands, 6);
    booking->resource = draw == 0 ? label(commands, "", 1, OH_RESOURCE_SIZE_MAX) : booking->resource;
    booking->node = draw == 1 ? OH_NODE_NONE : booking->node;
    booking->from_us = draw == 2 ? -1 : booking->from_us;
    booking->until_us = draw == 3 ? booking->from_us : booking->until_us;
    booking->quantity_milli = draw == 4 ? edge : booking->quantity_milli;
    booking->limit_milli = draw == 5 ? edge : booking->limit_milli;
}

/* What a promise makes of a reservation: where each line comes from, the capacity it takes, what was said. */
static void promise_make(struct random_commands *commands, struct oh_reserve_command *reserve)
{
    static const enum oh_verdict refusals[] = { OH_V_NOT_PROMISABLE, OH_V_OPTION_GONE, OH_V_UNKNOWN_POSTAL_CODE };
    reserve->picks = commands->memory->picks;
    reserve->bookings = commands->memory->bookings;
    reserve->line_count = chance(commands, 80) ? 1 : reserve->line_count; /* more lines are mostly too much */
    for (uint32_t i = 0; i < reserve->line_count; i++)
        reserve->pick_count += line_pick(commands, reserve, i, &commands->memory->picks[reserve->pick_count]);
    reserve->booking_count = below(commands, RANDOM_BOOKINGS_MAX + 1);
    for (uint32_t i = 0; i < reserve->booking_count; i++)
        booking_make(commands, &commands->memory->bookings[i]);
    if (chance(commands, 30))
        reserve->promise = repeated(commands, "{\"to\":1}", 1 + below(commands, 3) * 60);
    if (chance(commands, 5))
        reserve->refusal = refusals[below(commands, 3)];
    if (chance(commands, 50))
        reserve->fingerprint = 1 + below(commands, 4);
}

static void reserve_make(struct random_commands *commands, struct oh_command *command)
{
    struct oh_reserve_command *reserve = &command->reserve;
    command->type = OH_COMMAND_RESERVE;
    *reserve = (struct oh_reserve_command){ .channel = any_channel(commands),
                                            .kind = (enum oh_kind)(1 + below(commands, 5)),
                                            .ttl_us = any_ttl(commands),
                                            .allow_partial = chance(commands, 20),
                                            .lines = commands->memory->reserve_lines,
                                            .line_count = 1 + skewed(commands, RANDOM_LINES_MAX) };
    if (chance(commands, 95)) {
        bool is_repeat = chance(commands, 3);
        reserve->id =
            is_repeat ? any_reservation(commands) : name(commands, "R", commands->reservation_count);
        commands->reservation_count += is_repeat ? 0 : 1;
    }
    if (chance(commands, 50))
        reserve->customer = label(commands, "customer-", skewed(commands, 50), OH_ID_SIZE_MAX);
    if (chance(commands, 30))
        reserve->order = label(commands, "order-", below(commands, 20), OH_ID_SIZE_MAX);
    if (chance(commands, 50))
        reserve->near = random_commands_near(commands);
    if (chance(commands, commands->edges))
        reserve->kind = chance(commands, 50) ? OH_KIND_ANY : (enum oh_kind)(OH_KIND_TRANSFER + 1);
    for (uint32_t i = 0; i < reserve->line_count; i++)
        reserve_line_make(commands, i);
    if (commands->promises > 0 && chance(commands, commands->promises))
        promise_make(commands, reserve);
    if (chance(commands, commands->edges))
        reserve->line_count = 0;
}

static void action_line_make(struct random_commands *commands, enum oh_command_type type, uint32_t i)
{
    struct oh_action_line *line = &commands->memory->action_lines[i];
    *line = (struct oh_action_line){ .line = i + 1, .has_quantity = chance(commands, 50) };
    if (chance(commands, 30))
        line->line = 1 + skewed(commands, 4); /* the same one again, or one that is not there */
    if (type == OH_COMMAND_CHANGE && !chance(commands, commands->edges))
        line->has_quantity = true;
    if (line->has_quantity)
        line->quantity_milli =
            type == OH_COMMAND_CHANGE && chance(commands, 20) ? 0 : any_quantity(commands, 3);
    if (chance(commands, type == OH_COMMAND_MOVE ? 50 : 20))
        line->node = any_node(commands);
    if (type == OH_COMMAND_MOVE && chance(commands, 50))
        line->to_node = any_node(commands);
    if (i > 0 && chance(commands, 30)) { /* more of the claims that the line before takes from */
        line->line = line[-1].line;
        line->node = line[-1].node.size > 0 ? OH_BYTES_NONE : line->node;
        line->to_node = line[-1].to_node;
    }
}

/* Of a promise that is moved: where there is work for it. */
static void windows_make(struct random_commands *commands, struct oh_action_command *action)
{
    action->windows = commands->memory->bookings;
    action->window_count = 1 + below(commands, 2);
    for (uint32_t i = 0; i < action->window_count; i++) {
        booking_make(commands, &commands->memory->bookings[i]);
        if (chance(commands, 5))
            commands->memory->bookings[i].until_us = 0;
    }
}

static void action_make(struct random_commands *commands, struct oh_command *command,
                        enum oh_command_type type)
{
    struct oh_action_command *action = &command->action;
    command->type = type;
    *action =
        (struct oh_action_command){ .id = any_reservation(commands),
                                    .return_rest = chance(commands, 30),
                                    .at_us = chance(commands, 50) ? OH_TIME_US_NONE : any_time(commands) };
    bool is_whole = chance(commands, type == OH_COMMAND_CHANGE ? commands->edges : 50);
    if (type == OH_COMMAND_MOVE)
        action->to_node = any_node(commands);
    if (type == OH_COMMAND_MOVE && chance(commands, 60))
        windows_make(commands, action);
    if (type == OH_COMMAND_EXTEND) {
        action->ttl_us = any_ttl(commands);
    } else if (!is_whole) {
        action->lines = commands->memory->action_lines;
        action->line_count = 1 + below(commands, 3);
        for (uint32_t i = 0; i < action->line_count; i++)
            action_line_make(commands, type, i);
    }
}

/* ---- The stream ------------------------------------------------------------------------------- */

static void reference_make(struct random_commands *commands, struct oh_command *command)
{
    switch (below(commands, commands->promises > 0 ? 13 : 12)) {
    case 0:
        node_make(commands, command, below(commands, commands->node_count));
        return;
    case 1:
        item_make(commands, command, below(commands, commands->item_count));
        return;
    case 2:
        group_make(commands, command, below(commands, GROUP_COUNT));
        return;
    case 3:
        group_member_make(commands, command);
        return;
    case 4:
        channel_make(commands, command, below(commands, CHANNEL_COUNT));
        return;
    case 5:
    case 6:
        rule_make(commands, command);
        return;
    case 7:
    case 8:
        fence_make(commands, command);
        return;
    case 9:
        supply_make(commands, command);
        return;
    case 10:
        postal_code_make(commands, command);
        return;
    case 12:
        document_make(commands, command);
        return;
    default:
        import_make(commands, command);
        return;
    }
}

static void any_make(struct random_commands *commands, struct oh_command *command)
{
    uint32_t draw = below(commands, 100);
    if (draw < 18)
        adjust_make(commands, command);
    else if (draw < 30)
        sync_make(commands, command);
    else if (draw < 56)
        reserve_make(commands, command);
    else if (draw < 66)
        action_make(commands, command, OH_COMMAND_CONFIRM);
    else if (draw < 71)
        action_make(commands, command, OH_COMMAND_RELEASE);
    else if (draw < 74)
        action_make(commands, command, OH_COMMAND_EXTEND);
    else if (draw < 78)
        action_make(commands, command, OH_COMMAND_CHANGE);
    else if (draw < 82)
        action_make(commands, command, OH_COMMAND_MOVE);
    else if (draw < 92)
        action_make(commands, command, OH_COMMAND_FULFIL);
    else
        reference_make(commands, command);
}

static void time_move(struct random_commands *commands)
{
    uint32_t draw = below(commands, 1000);
    if (draw == 0)
        commands->now_us += oh_prng_between(&commands->prng, 0, 100000) * SECOND_US;
    else if (draw < 10)
        commands->now_us -= SECOND_US;
    else if (draw < 300)
        commands->now_us += oh_prng_between(&commands->prng, 0, 20 * SECOND_US);
    else
        commands->now_us += (int64_t)below(commands, 1000);
    if (draw < 900)
        commands->now_us = on_tick(commands, commands->now_us);
}

void random_commands_init(struct random_commands *commands, uint64_t seed, uint32_t item_count,
                          uint32_t node_count)
{
    OH_ASSERT(item_count >= 1 && node_count >= 1);
    *commands = (struct random_commands){ .item_count = item_count, .node_count = node_count };
    commands->edges = 1;
    commands->unit_milli = 1000;
    commands->tick_us = 1;
    oh_prng_init(&commands->prng, seed);
    commands->now_us = START_US;
}

/* What the others are about comes first: nodes, items, groups, channels. False: all of it has come. */
static bool begin_make(struct random_commands *commands, struct oh_command *command, uint32_t number)
{
    uint32_t items = commands->node_count;
    uint32_t groups = items + commands->item_count;
    uint32_t channels = groups + GROUP_COUNT;
    if (number < items)
        node_make(commands, command, number);
    else if (number < groups)
        item_make(commands, command, number - items);
    else if (number < channels)
        group_make(commands, command, number - groups);
    else if (number < channels + CHANNEL_COUNT)
        channel_make(commands, command, number - channels);
    else
        return false;
    return true;
}

/* The rows of an import have none. */
static bool command_may_have_key(const struct oh_command *command)
{
    return command->type != OH_COMMAND_GROUP_MEMBER && command->type != OH_COMMAND_POSTAL_CODE &&
           command->type != OH_COMMAND_IMPORT_PROGRESS;
}

void random_commands_next(struct random_commands *commands, struct oh_command *out_command)
{
    if (commands->made_count > 0 && chance(commands, 2)) {
        *out_command = commands->last;
        return;
    }
    uint64_t number = commands->made_count++;
    commands->memory = &commands->memories[number % RANDOM_JOINED_MAX];
    commands->memory->text_size = 0;
    *out_command = (struct oh_command){ .type = OH_COMMAND_NODE };
    time_move(commands);
    if (!begin_make(commands, out_command, (uint32_t)number))
        any_make(commands, out_command);
    if (chance(commands, 20) && command_may_have_key(out_command))
        out_command->key = label(commands, "K", skewed(commands, KEY_COUNT), OH_ID_SIZE_MAX);
    commands->last = *out_command;
}

void random_commands_answered(struct random_commands *commands, const struct oh_answer *answer)
{
    uint64_t number = 0;
    size_t prefix_size = commands->has_short_names ? 0 : 1;
    bool is_ours = answer->type == OH_COMMAND_RESERVE && answer->verdict == OH_OK_DONE &&
                   !answer->is_repeat && answer->id.size > prefix_size &&
                   (commands->has_short_names || answer->id.data[0] == 'R');
    for (size_t i = prefix_size; is_ours && i < answer->id.size; i++) {
        if (answer->id.data[i] < '0' || answer->id.data[i] > '9')
            return;
        number = number * 10 + (uint64_t)(answer->id.data[i] - '0');
    }
    if (is_ours)
        commands->accepted[commands->accepted_count++ % RANDOM_ACCEPTED_MAX] = number;
}

uint64_t random_seed(const char *test, uint64_t fallback)
{
    const char *given = getenv("ONHAND_SEED");
    uint64_t seed = given == NULL ? fallback : strtoull(given, NULL, 10);
    printf("%s: ONHAND_SEED=%" PRIu64 "\n", test, seed);
    return seed;
}

/* ---- A ledger --------------------------------------------------------------------------------- */

static void *memory_allocate(void *ctx, size_t size)
{
    (void)ctx;
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void memory_release(void *ctx, void *memory, size_t size)
{
    (void)ctx;
    (void)munmap(memory, size);
}

struct oh_ledger *random_ledger_create(void)
{
    struct oh_ledger_options options = { .items_max = 4096,
                                         .positions_max = 16384,
                                         .reservations_max = 16384,
                                         .claims_max = 65536,
                                         .keys_max = 65536,
                                         .history_max = 1024,
                                         .text_size_max = (uint64_t)1 << 30 };
    struct oh_allocator allocator = { memory_allocate, memory_release, NULL };
    struct oh_ledger *ledger = NULL;
    enum oh_err err = oh_ledger_create(&options, &allocator, &ledger);
    OH_ASSERT(err == OH_OK);
    return ledger;
}
