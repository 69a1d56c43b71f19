#include "support/shop.h"
#include "codec/record_digest.h"
#include "core/state.h"
#include "support/lazy_memory.h"
#include "support/ledger_audit.h"
#include "support/test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 80u
#define LINES_MAX 64u
#define BYTES_SIZE_MAX ((size_t)16 << 20)

const struct oh_ledger_options SHOP_OPTIONS = {
    .items_max = 64,
    .positions_max = 1024,
    .reservations_max = 256,
    .claims_max = 16384,
    .keys_max = 256,
    .history_max = 64,
    .text_size_max = 64u << 20,
};

/* ---- Open and close --------------------------------------------------------------------------- */

struct oh_ledger *shop_ledger_create(const struct oh_ledger_options *options)
{
    const struct oh_allocator allocator = lazy_allocator();
    struct oh_ledger *ledger = NULL;
    assert_int_equal(oh_ledger_create(options == NULL ? &SHOP_OPTIONS : options, &allocator, &ledger), OH_OK);
    return ledger;
}

struct shop *shop_open(const struct oh_ledger_options *options)
{
    struct shop *shop = calloc(1, sizeof(*shop));
    assert_non_null(shop);
    shop->options = options == NULL ? SHOP_OPTIONS : *options;
    shop->ledger = shop_ledger_create(&shop->options);
    shop->replica = shop_ledger_create(&shop->options);
    shop->now_us = SHOP_NOW_US;
    oh_strbuf_init(&shop->bytes, BYTES_SIZE_MAX);
    oh_record_decoder_init(&shop->decoder, 0);
    return shop;
}

static void digest_make(struct oh_ledger *ledger, int64_t time_us, struct oh_record_digest *out_digest)
{
    oh_record_digest_init(out_digest);
    out_digest->ended_after_us = time_us - OH_KEY_RETENTION_US;
    out_digest->keys_after_us = time_us - OH_KEY_RETENTION_US;
    oh_record_digest_ledger(out_digest, ledger);
    oh_record_digest_fini(out_digest);
}

static void object_restore(void *ctx, const struct oh_effect *object)
{
    struct oh_diag diag = { "" };
    if (oh_ledger_restore(ctx, object, &diag) != OH_OK)
        fail_msg("%s", diag.text);
}

static void ledger_check(const struct oh_ledger *ledger)
{
    const char *complaint = ledger_audit(ledger);
    if (complaint != NULL)
        fail_msg("%s", complaint);
}

static void ledgers_compare(struct oh_ledger *ledger, struct oh_ledger *other)
{
    struct oh_record_digest digests[2];
    struct oh_verifier verifier = { .position = 0 };
    assert_int_equal(oh_ledger_advance(other, oh_ledger_time_us(ledger), 0), 0); /* their clocks meet */
    assert_true(oh_ledger_seq(ledger) == oh_ledger_seq(other));
    digest_make(ledger, oh_ledger_time_us(ledger), &digests[0]);
    digest_make(other, oh_ledger_time_us(ledger), &digests[1]);
    assert_true(oh_record_digest_equal(&digests[0], &digests[1]));
    assert_int_equal(oh_ledger_verify(other, &verifier, UINT16_MAX), 0);
    ledger_check(other);
}

void shop_close(struct shop *shop)
{
    shop_take_record(shop);
    ledger_check(shop->ledger);
    ledgers_compare(shop->ledger, shop->replica);
    if (oh_ledger_seq(shop->ledger) > 0) {
        struct oh_ledger *restored = shop_ledger_create(&shop->options);
        oh_ledger_export(shop->ledger, object_restore, restored);
        ledgers_compare(shop->ledger, restored);
        assert_true(restored->rare_count <= shop->ledger->rare_count); /* it needs no more */
        assert_true(restored->extra_pool.live_count <= shop->ledger->extra_pool.live_count);
        oh_ledger_destroy(&restored);
    }
    shop_drop(shop);
}

void shop_drop(struct shop *shop)
{
    oh_ledger_destroy(&shop->ledger);
    oh_ledger_destroy(&shop->replica);
    oh_record_decoder_fini(&shop->decoder);
    oh_strbuf_fini(&shop->bytes);
    free(shop);
}

/* ---- Applying --------------------------------------------------------------------------------- */

bool shop_take_record(struct shop *shop)
{
    struct oh_record record;
    struct oh_diag diag = { "" };
    if (!oh_ledger_take_record(shop->ledger, &record))
        return false;
    shop->record_count++;
    oh_strbuf_clear(&shop->bytes);
    assert_int_equal(oh_record_encode(&record, &shop->bytes), OH_OK);
    assert_int_equal(oh_record_decode(oh_strbuf_bytes(&shop->bytes), &shop->decoder, &record), OH_OK);
    if (oh_ledger_replay(shop->replica, &record, &diag) != OH_OK)
        fail_msg("%s", diag.text);
    return true;
}

enum oh_verdict shop_do(struct shop *shop, const struct oh_command *command)
{
    assert_int_equal(oh_ledger_apply(shop->ledger, shop->now_us, command, &shop->answer), OH_OK);
    if (!shop->keeps_record_open)
        shop_take_record(shop);
    return shop->answer.verdict;
}

uint32_t shop_advance(struct shop *shop)
{
    uint32_t count = 0;
    uint32_t more;
    do {
        more = oh_ledger_advance(shop->ledger, shop->now_us, 1000);
        shop_take_record(shop);
        count += more;
    } while (more > 0);
    return count;
}

/* ---- Words ------------------------------------------------------------------------------------ */

/* Takes the next word, up to one of `ends` or the end of the text; false: there is none. */
static bool word_next(const char **text, const char *ends, struct oh_bytes *out_word)
{
    *text += strspn(*text, " ");
    *out_word = (struct oh_bytes){ *text, strcspn(*text, ends) };
    *text += out_word->size;
    return out_word->size > 0;
}

/* What stands behind `mark`, if that is next. */
static struct oh_bytes word_behind(const char **text, const char *mark, const char *ends)
{
    struct oh_bytes word = OH_BYTES_NONE;
    if (strncmp(*text, mark, strlen(mark)) != 0)
        return word;
    *text += strlen(mark);
    word_next(text, ends, &word);
    return word;
}

static int64_t milli_of(double units)
{
    return (int64_t)(units * 1000 + (units < 0 ? -0.5 : 0.5));
}

static uint32_t names_of(const char *text, struct oh_bytes *out_names)
{
    uint32_t count = 0;
    struct oh_bytes word;
    while (word_next(&text, " ", &word)) {
        assert_true(count < NAMES_MAX);
        out_names[count++] = word;
    }
    return count;
}

/* ---- Reference data --------------------------------------------------------------------------- */

enum oh_verdict shop_item(struct shop *shop, const char *sku)
{
    struct oh_command command = { .type = OH_COMMAND_ITEM };
    command.item.sku = oh_bytes_of(sku);
    return shop_do(shop, &command);
}

enum oh_verdict shop_node(struct shop *shop, const char *node)
{
    struct oh_command command = { .type = OH_COMMAND_NODE };
    command.node =
        (struct oh_node_command){ .node = oh_bytes_of(node), .ships = true, .collects = true, .enabled = true };
    return shop_do(shop, &command);
}

enum oh_verdict shop_node_at(struct shop *shop, const char *node, double latitude, double longitude)
{
    struct oh_command command = { .type = OH_COMMAND_NODE };
    command.node = (struct oh_node_command){ .node = oh_bytes_of(node), .ships = true, .collects = true,
                                             .enabled = true, .has_point = true,
                                             .point = { latitude, longitude } };
    return shop_do(shop, &command);
}

enum oh_verdict shop_group(struct shop *shop, const char *group, const char *nodes)
{
    struct oh_bytes names[NAMES_MAX];
    struct oh_command command = { .type = OH_COMMAND_GROUP };
    command.group = (struct oh_group_command){ .group = oh_bytes_of(group), .nodes = names };
    command.group.node_count = names_of(nodes, names);
    return shop_do(shop, &command);
}

enum oh_verdict shop_member(struct shop *shop, const char *group, const char *node, int32_t priority)
{
    struct oh_command command = { .type = OH_COMMAND_GROUP_MEMBER };
    command.group_member = (struct oh_group_member_command){ oh_bytes_of(group), oh_bytes_of(node), priority };
    return shop_do(shop, &command);
}

enum oh_verdict shop_channel(struct shop *shop, const char *channel, enum oh_policy policy, const char *nodes,
                             const char *groups)
{
    struct oh_bytes node_names[NAMES_MAX], group_names[NAMES_MAX];
    struct oh_command command = { .type = OH_COMMAND_CHANNEL };
    command.channel = (struct oh_channel_command){ .channel = oh_bytes_of(channel), .policy = policy,
                                                   .nodes = node_names, .groups = group_names };
    command.channel.node_count = names_of(nodes, node_names);
    command.channel.group_count = names_of(groups, group_names);
    return shop_do(shop, &command);
}

static void rule_value_set(struct oh_rule_values *values, uint32_t attribute, double value)
{
    values->mask = attribute;
    values->safety_stock_milli = attribute == OH_RULE_SAFETY_STOCK ? milli_of(value) : 0;
    values->threshold_milli = attribute == OH_RULE_THRESHOLD ? milli_of(value) : 0;
    values->min_quantity_milli = attribute == OH_RULE_MIN_QUANTITY ? milli_of(value) : 0;
    values->max_quantity_milli = attribute == OH_RULE_MAX_QUANTITY ? milli_of(value) : 0;
    values->increment_milli = attribute == OH_RULE_INCREMENT ? milli_of(value) : 0;
    values->backorder_limit_milli = attribute == OH_RULE_BACKORDER_LIMIT ? milli_of(value) : 0;
    values->low_stock_milli = attribute == OH_RULE_LOW_STOCK ? milli_of(value) : 0;
    values->pickup_allowed = attribute == OH_RULE_PICKUP_ALLOWED && value > 0;
    values->ship_allowed = attribute == OH_RULE_SHIP_ALLOWED && value > 0;
    values->preorder = attribute == OH_RULE_PREORDER && value > 0;
}

enum oh_verdict shop_rule(struct shop *shop, const char *rule, const char *sku, const char *node,
                          const char *channel, uint32_t attribute, double value)
{
    struct oh_command command = { .type = OH_COMMAND_RULE };
    command.rule = (struct oh_rule_command){ .rule = oh_bytes_of(rule), .sku = oh_bytes_of(sku),
                                             .node = oh_bytes_of(node), .channel = oh_bytes_of(channel) };
    rule_value_set(&command.rule.values, attribute, value);
    return shop_do(shop, &command);
}

enum oh_verdict shop_rule_remove(struct shop *shop, const char *rule)
{
    return shop_rule(shop, rule, "", "", "", 0, 0);
}

enum oh_verdict shop_fence(struct shop *shop, const char *fence, const char *sku, const char *node,
                           const char *channel, double units, enum oh_fence_policy policy)
{
    struct oh_command command = { .type = OH_COMMAND_FENCE };
    command.fence = (struct oh_fence_command){ oh_bytes_of(fence), oh_bytes_of(sku), oh_bytes_of(node),
                                               oh_bytes_of(channel), milli_of(units), policy };
    return shop_do(shop, &command);
}

enum oh_verdict shop_supply(struct shop *shop, const char *supply, const char *sku, const char *node, double units,
                            int64_t eta_us)
{
    struct oh_command command = { .type = OH_COMMAND_SUPPLY };
    command.supply = (struct oh_supply_command){ oh_bytes_of(supply), oh_bytes_of(sku), oh_bytes_of(node),
                                                 milli_of(units), eta_us };
    return shop_do(shop, &command);
}

enum oh_verdict shop_import(struct shop *shop, struct oh_bytes import, uint64_t rows)
{
    struct oh_command command = { .type = OH_COMMAND_IMPORT_PROGRESS };
    command.import_progress = (struct oh_import_progress_command){ import, rows, 0 };
    return shop_do(shop, &command);
}

/* ---- Stock ------------------------------------------------------------------------------------ */

static enum oh_verdict entry_verdict(struct shop *shop, const struct oh_command *command)
{
    enum oh_verdict verdict = shop_do(shop, command);
    return verdict == OH_OK_DONE ? shop->answer.lines[0].verdict : verdict;
}

enum oh_verdict shop_adjust_at(struct shop *shop, const char *sku, const char *node, double units,
                               enum oh_state state, int64_t at_us)
{
    struct oh_adjust_entry entry = { .sku = oh_bytes_of(sku), .node = oh_bytes_of(node),
                                     .quantity_milli = milli_of(units), .state = state, .at_us = at_us };
    struct oh_command command = { .type = OH_COMMAND_ADJUST };
    command.adjust = (struct oh_adjust_command){ OH_BYTES("till"), &entry, 1 };
    return entry_verdict(shop, &command);
}

enum oh_verdict shop_adjust(struct shop *shop, const char *sku, const char *node, double units)
{
    return shop_adjust_at(shop, sku, node, units, OH_STATE_SELLABLE, OH_TIME_US_NONE);
}

enum oh_verdict shop_count(struct shop *shop, const char *sku, const char *node, double units, int64_t as_of_us)
{
    struct oh_sync_entry entry = { .sku = oh_bytes_of(sku), .node = oh_bytes_of(node),
                                   .quantity_milli = milli_of(units), .as_of_us = as_of_us };
    struct oh_command command = { .type = OH_COMMAND_SYNC };
    command.sync = (struct oh_sync_command){ OH_BYTES("count"), &entry, 1 };
    return entry_verdict(shop, &command);
}

/* ---- Reservations ----------------------------------------------------------------------------- */

enum oh_verdict shop_reserve_with(struct shop *shop, struct oh_reserve_command with, const char *id,
                                  const char *channel, const char *lines)
{
    struct oh_reserve_line list[LINES_MAX];
    struct oh_command command = { .type = OH_COMMAND_RESERVE, .reserve = with };
    struct oh_bytes word;
    uint32_t count = 0;
    while (word_next(&lines, "=", &word)) {
        assert_true(count < LINES_MAX);
        struct oh_reserve_line *line = &list[count++];
        *line = (struct oh_reserve_line){ .line = count, .sku = word };
        line->quantity_milli = milli_of(strtod(word_behind(&lines, "=", "@ ").data, NULL));
        line->group = word_behind(&lines, "@@", " ");
        line->node = word_behind(&lines, "@", " ");
    }
    command.reserve.id = oh_bytes_of(id);
    command.reserve.channel = oh_bytes_of(channel);
    command.reserve.kind = with.kind == OH_KIND_ANY ? OH_KIND_CART : with.kind;
    command.reserve.lines = list;
    command.reserve.line_count = count;
    return shop_do(shop, &command);
}

enum oh_verdict shop_reserve(struct shop *shop, const char *id, const char *channel, const char *lines)
{
    return shop_reserve_with(shop, (struct oh_reserve_command){ .ttl_us = 0 }, id, channel, lines);
}

enum oh_verdict shop_act_with(struct shop *shop, enum oh_command_type type, struct oh_action_command with,
                              const char *id, const char *lines)
{
    struct oh_action_line list[LINES_MAX];
    struct oh_command command = { .type = type, .action = with };
    struct oh_bytes word;
    uint32_t count = 0;
    while (word_next(&lines, "=@> ", &word)) {
        assert_true(count < LINES_MAX);
        struct oh_action_line *line = &list[count++];
        *line = (struct oh_action_line){ .line = (uint32_t)strtoul(word.data, NULL, 10) };
        struct oh_bytes units = word_behind(&lines, "=", "@> ");
        line->has_quantity = units.size > 0;
        line->quantity_milli = units.size > 0 ? milli_of(strtod(units.data, NULL)) : 0;
        line->node = word_behind(&lines, "@", "> ");
        line->to_node = word_behind(&lines, ">", " ");
    }
    command.action.id = oh_bytes_of(id);
    command.action.lines = list;
    command.action.line_count = count;
    return shop_do(shop, &command);
}

enum oh_verdict shop_act(struct shop *shop, enum oh_command_type type, const char *id, const char *lines)
{
    struct oh_action_command with = { .at_us = OH_TIME_US_NONE };
    return shop_act_with(shop, type, with, id, lines);
}

/* ---- Questions -------------------------------------------------------------------------------- */

struct oh_item_id shop_item_id(const struct shop *shop, const char *sku)
{
    struct oh_item_id item;
    assert_true(oh_item_find(shop->ledger, oh_bytes_of(sku), &item));
    return item;
}

struct oh_node_id shop_node_id(const struct shop *shop, const char *node)
{
    struct oh_node_id id;
    assert_true(oh_node_find(shop->ledger, oh_bytes_of(node), &id));
    return id;
}

struct oh_reservation_id shop_reservation(const struct shop *shop, const char *id)
{
    struct oh_reservation_id reservation;
    assert_true(oh_reservation_find(shop->ledger, oh_bytes_of(id), &reservation));
    return reservation;
}

struct oh_asker shop_asker(const struct shop *shop, const char *channel, enum oh_kind kind)
{
    struct oh_asker asker = { .channel = { OH_NODE_NONE }, .kind = kind };
    if (channel[0] != '\0')
        assert_true(oh_channel_find(shop->ledger, oh_bytes_of(channel), &asker.channel));
    return asker;
}

struct oh_availability shop_ask(const struct shop *shop, const char *sku, const char *node, const char *channel,
                                enum oh_kind kind)
{
    struct oh_availability availability;
    oh_available_at_node(shop->ledger, shop_item_id(shop, sku), shop_node_id(shop, node),
                         shop_asker(shop, channel, kind), shop->now_us, &availability);
    return availability;
}

double shop_available(const struct shop *shop, const char *sku, const char *node, const char *channel)
{
    return (double)shop_ask(shop, sku, node, channel, OH_KIND_ANY).available_milli / 1000;
}

struct oh_position_view shop_position(const struct shop *shop, const char *sku, const char *node)
{
    struct oh_position_view view;
    oh_position_get(shop->ledger, shop_item_id(shop, sku), shop_node_id(shop, node), shop->now_us, &view);
    return view;
}

enum oh_status shop_status(const struct shop *shop, const char *id)
{
    struct oh_reservation_view view;
    oh_reservation_get(shop->ledger, shop_reservation(shop, id), shop->now_us, &view);
    return view.status;
}

static size_t part_append(char *out, size_t size, size_t at, const char *name, int64_t milli)
{
    if (milli == 0)
        return at;
    return at + (size_t)snprintf(out + at, size - at, " %s %g", name, (double)milli / 1000);
}

static size_t claim_append(const struct shop *shop, char *out, size_t size, size_t at,
                           const struct oh_claim_view *claim)
{
    struct oh_bytes node = OH_BYTES("-");
    if (claim->node.index != OH_NODE_NONE)
        node = oh_node_name(shop->ledger, claim->node);
    at += (size_t)snprintf(out + at, size - at, "%s%u %.*s %g", at == 0 ? "" : "; ", claim->line, (int)node.size,
                           node.data, (double)claim->quantity_milli / 1000);
    at = part_append(out, size, at, "held", claim->held_milli);
    at = part_append(out, size, at, "confirmed", claim->confirmed_milli);
    at = part_append(out, size, at, "fulfilled", claim->fulfilled_milli);
    at = part_append(out, size, at, "released", claim->released_milli);
    return part_append(out, size, at, "expired", claim->expired_milli);
}

const char *shop_claims(const struct shop *shop, const char *id)
{
    static char text[8192];
    struct oh_claim_view claims[LINES_MAX];
    uint32_t count = oh_reservation_claims(shop->ledger, shop_reservation(shop, id), shop->now_us, 0, LINES_MAX,
                                           claims);
    size_t at = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < count; i++)
        at = claim_append(shop, text, sizeof(text), at, &claims[i]);
    return text;
}

const char *shop_picks(const struct shop *shop)
{
    static char text[8192];
    size_t at = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < shop->answer.line_count; i++) {
        const struct oh_answer_line *line = &shop->answer.lines[i];
        struct oh_bytes node = OH_BYTES("-");
        if (line->node.index != OH_NODE_NONE)
            node = oh_node_name(shop->ledger, line->node);
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%.*s=%g", i == 0 ? "" : " ", (int)node.size,
                               node.data, (double)line->quantity_milli / 1000);
    }
    return text;
}

struct oh_ledger_stats shop_stats(const struct shop *shop)
{
    struct oh_ledger_stats stats;
    oh_ledger_stats_get(shop->ledger, &stats);
    return stats;
}
