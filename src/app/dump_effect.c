#include "app/dump_effect.h"
#include "codec/decimal.h"
#include "codec/json_reply.h"
#include <inttypes.h>
#include <stdio.h>

struct dump {
    struct oh_strbuf *buf;
    const struct oh_effect_names *names;
};

/* ---- Pieces ----------------------------------------------------------------------------------- */

static void put_i64(struct dump dump, const char *name, int64_t value)
{
    oh_json_member(dump.buf, name);
    oh_strbuf_put_i64(dump.buf, value);
}

/* `word`: its name, or `index_word`: the number of one whose name is not known. None: nothing. */
static void put_named(struct dump dump, const char *word, const char *index_word,
                      const struct oh_effect_name_list *list, uint32_t index, uint32_t none)
{
    if (index == none)
        return;
    struct oh_bytes name = oh_effect_name(dump.names, list, index);
    if (oh_bytes_is_empty(name))
        oh_json_member_u64(dump.buf, index_word, index);
    else
        oh_json_member_string(dump.buf, word, name);
}

static void put_item(struct dump dump, uint32_t item)
{
    put_named(dump, "sku", "item_index", &dump.names->items, item, OH_INDEX_NONE);
}

static void put_node(struct dump dump, uint16_t node)
{
    put_named(dump, "node", "node_index", &dump.names->nodes, node, OH_NODE_NONE);
}

static void put_channel(struct dump dump, uint16_t channel)
{
    put_named(dump, "channel", "channel_index", &dump.names->channels, channel, OH_NODE_NONE);
}

static void put_place(struct dump dump, uint32_t item, uint16_t node)
{
    put_item(dump, item);
    put_node(dump, node);
}

static void put_time_if_any(struct dump dump, const char *name, int64_t at_us)
{
    if (at_us != OH_TIME_US_NONE)
        oh_json_member_time(dump.buf, name, at_us);
}

static void put_number_if_any(struct dump dump, const char *name, uint32_t value)
{
    if (value != 0)
        oh_json_member_u64(dump.buf, name, value);
}

static void put_true(struct dump dump, const char *name, bool value)
{
    if (value)
        oh_json_member_bool(dump.buf, name, true);
}

static void put_point(struct dump dump, struct oh_point point)
{
    oh_json_member(dump.buf, "lat");
    oh_real_put(dump.buf, point.latitude);
    oh_json_member(dump.buf, "lon");
    oh_real_put(dump.buf, point.longitude);
}

/* A list element: the name, or the index of one that is not known. */
static void put_element(struct dump dump, const struct oh_effect_name_list *list, uint16_t index)
{
    struct oh_bytes name = oh_effect_name(dump.names, list, index);
    oh_json_separate(dump.buf);
    if (oh_bytes_is_empty(name))
        oh_strbuf_put_u64(dump.buf, index);
    else
        oh_json_put_string(dump.buf, name);
}

static void put_list(struct dump dump, const char *word, const struct oh_effect_name_list *list,
                     const uint16_t *indexes, uint32_t count)
{
    oh_json_member(dump.buf, word);
    oh_strbuf_put_char(dump.buf, '[');
    for (uint32_t i = 0; i < count; i++)
        put_element(dump, list, indexes[i]);
    oh_strbuf_put_char(dump.buf, ']');
}

/* ---- Reference data --------------------------------------------------------------------------- */

static void node_put(struct dump dump, const struct oh_effect *effect)
{
    const struct oh_node_command *node = &effect->node.value;
    oh_json_member_u64(dump.buf, "index", effect->node.index);
    oh_json_member_string(dump.buf, "node", node->node);
    oh_json_member_string_if_any(dump.buf, "name", node->name);
    oh_json_member_text(dump.buf, "type", oh_node_type_text(node->type));
    if (node->has_point)
        put_point(dump, node->point);
    oh_json_member_string_if_any(dump.buf, "gln", node->gln);
    oh_json_member_string_if_any(dump.buf, "country", node->country);
    oh_json_member_string_if_any(dump.buf, "time_zone", node->time_zone);
    oh_json_member_string_if_any(dump.buf, "city", node->city);
    oh_json_member_string_if_any(dump.buf, "region", node->region);
    oh_json_member_string_if_any(dump.buf, "postal_code", node->postal_code);
    oh_json_member_bool(dump.buf, "ships", node->ships);
    oh_json_member_bool(dump.buf, "collects", node->collects);
    oh_json_member_bool(dump.buf, "enabled", node->enabled);
}

static void item_put(struct dump dump, const struct oh_effect *effect)
{
    oh_json_member_u64(dump.buf, "index", effect->item.index);
    oh_json_member_string(dump.buf, "sku", effect->item.value.sku);
    oh_json_member_string_if_any(dump.buf, "name", effect->item.value.name);
    oh_json_member_string_if_any(dump.buf, "gtin", effect->item.value.gtin);
    oh_json_member_string_if_any(dump.buf, "class", effect->item.value.class);
    put_number_if_any(dump, "weight_grams", effect->item.value.weight_grams);
    put_number_if_any(dump, "side_mm", effect->item.value.side_mm);
    put_number_if_any(dump, "volume_cm3", effect->item.value.volume_cm3);
}

/* A document is text here, to the byte; none when it is removed. */
static void document_put(struct dump dump, const struct oh_effect *effect)
{
    const struct oh_document_command *document = &effect->document;
    oh_json_member_text(dump.buf, "kind", oh_document_kind_text(document->kind));
    oh_json_member_string(dump.buf, "id", document->id);
    if (document->body.size > 0)
        oh_json_member_string(dump.buf, "body", document->body);
    put_true(dump, "removed", document->body.size == 0);
}

static void group_put(struct dump dump, const struct oh_effect *effect)
{
    const struct oh_effect_group *group = &effect->group;
    oh_json_member_u64(dump.buf, "index", group->index);
    oh_json_member_string(dump.buf, "group", group->group);
    oh_json_member_string_if_any(dump.buf, "name", group->name);
    put_list(dump, "nodes", &dump.names->nodes, group->nodes, group->node_count);
    oh_json_member(dump.buf, "priorities");
    oh_strbuf_put_char(dump.buf, '[');
    for (uint32_t i = 0; i < group->node_count; i++) {
        oh_json_separate(dump.buf);
        oh_strbuf_put_i64(dump.buf, group->priorities[i]);
    }
    oh_strbuf_put_char(dump.buf, ']');
}

static void group_member_put(struct dump dump, const struct oh_effect *effect)
{
    put_named(dump, "group", "group_index", &dump.names->groups, effect->group_member.group, OH_NODE_NONE);
    put_node(dump, effect->group_member.node);
    put_i64(dump, "priority", effect->group_member.priority);
}

static void channel_put(struct dump dump, const struct oh_effect *effect)
{
    const struct oh_effect_channel *channel = &effect->channel;
    oh_json_member_u64(dump.buf, "index", channel->index);
    oh_json_member_string(dump.buf, "channel", channel->channel);
    oh_json_member_string_if_any(dump.buf, "name", channel->name);
    oh_json_member_text(dump.buf, "policy", oh_policy_text(channel->policy));
    put_list(dump, "nodes", &dump.names->nodes, channel->nodes, channel->node_count);
    put_list(dump, "groups", &dump.names->groups, channel->groups, channel->group_count);
}

static void put_said_milli(struct dump dump, const char *name, uint32_t mask, uint32_t bit, int64_t milli)
{
    if ((mask & bit) != 0)
        oh_json_member_milli(dump.buf, name, milli);
}

static void put_said_bool(struct dump dump, const char *name, uint32_t mask, uint32_t bit, bool value)
{
    if ((mask & bit) != 0)
        oh_json_member_bool(dump.buf, name, value);
}

static void rule_put(struct dump dump, const struct oh_effect *effect)
{
    const struct oh_rule_values *values = &effect->rule.values;
    uint32_t mask = values->mask;
    oh_json_member_string(dump.buf, "rule", effect->rule.rule);
    put_place(dump, effect->rule.item, effect->rule.node);
    put_channel(dump, effect->rule.channel);
    put_said_milli(dump, "safety_stock", mask, OH_RULE_SAFETY_STOCK, values->safety_stock_milli);
    put_said_milli(dump, "threshold", mask, OH_RULE_THRESHOLD, values->threshold_milli);
    put_said_milli(dump, "min_quantity", mask, OH_RULE_MIN_QUANTITY, values->min_quantity_milli);
    put_said_milli(dump, "max_quantity", mask, OH_RULE_MAX_QUANTITY, values->max_quantity_milli);
    put_said_milli(dump, "quantity_increment", mask, OH_RULE_INCREMENT, values->increment_milli);
    put_said_milli(dump, "backorder_limit", mask, OH_RULE_BACKORDER_LIMIT, values->backorder_limit_milli);
    put_said_milli(dump, "low_stock", mask, OH_RULE_LOW_STOCK, values->low_stock_milli);
    put_said_bool(dump, "pickup_allowed", mask, OH_RULE_PICKUP_ALLOWED, values->pickup_allowed);
    put_said_bool(dump, "ship_allowed", mask, OH_RULE_SHIP_ALLOWED, values->ship_allowed);
    put_said_bool(dump, "preorder", mask, OH_RULE_PREORDER, values->preorder);
    put_true(dump, "removed", mask == 0);
}

static void fence_put(struct dump dump, const struct oh_effect *effect)
{
    oh_json_member_string(dump.buf, "fence", effect->fence.fence);
    if (effect->fence.item == OH_INDEX_NONE) {
        oh_json_member_bool(dump.buf, "removed", true);
        return;
    }
    put_place(dump, effect->fence.item, effect->fence.node);
    put_channel(dump, effect->fence.channel);
    oh_json_member_milli(dump.buf, "quantity", effect->fence.quantity_milli);
    oh_json_member_text(dump.buf, "policy", oh_fence_policy_text(effect->fence.policy));
}

static void supply_put(struct dump dump, const struct oh_effect *effect)
{
    oh_json_member_string(dump.buf, "supply", effect->supply.supply);
    put_place(dump, effect->supply.item, effect->supply.node);
    oh_json_member_milli(dump.buf, "quantity", effect->supply.quantity_milli);
    put_time_if_any(dump, "eta", effect->supply.eta_us);
}

static void postal_code_put(struct dump dump, const struct oh_effect *effect)
{
    oh_json_member_string(dump.buf, "country", effect->postal_code.country);
    oh_json_member_string(dump.buf, "postal_code", effect->postal_code.postal_code);
    oh_json_member_string_if_any(dump.buf, "place", effect->postal_code.place);
    put_point(dump, effect->postal_code.point);
}

/* ---- Stock ------------------------------------------------------------------------------------ */

static void movement_put(struct dump dump, const struct oh_effect *effect)
{
    const struct oh_effect_movement *movement = &effect->movement;
    put_place(dump, movement->item, movement->node);
    oh_json_member_text(dump.buf, "state", oh_state_text(movement->state));
    oh_json_member_milli(dump.buf, "quantity", movement->quantity_milli);
    oh_json_member_time(dump.buf, "at", movement->at_us);
    put_true(dump, "counted", movement->is_counted);
    oh_json_member_string_if_any(dump.buf, "source", movement->source);
    oh_json_member_string_if_any(dump.buf, "reason", movement->reason);
}

static void count_put(struct dump dump, const struct oh_effect *effect)
{
    const struct oh_effect_count *count = &effect->count;
    put_place(dump, count->item, count->node);
    oh_json_member_text(dump.buf, "state", oh_state_text(count->state));
    oh_json_member_milli(dump.buf, "quantity", count->quantity_milli);
    oh_json_member_milli(dump.buf, "change", count->delta_milli);
    oh_json_member_time(dump.buf, "as_of", count->as_of_us);
    if (count->source_seq != -1)
        put_i64(dump, "source_seq", count->source_seq);
    oh_json_member_string_if_any(dump.buf, "source", count->source);
}

static void position_state_put(struct dump dump, const struct oh_effect_position *position,
                               enum oh_state state)
{
    int64_t quantity_milli = position->states[state].quantity_milli;
    int64_t as_of_us = position->states[state].as_of_us;
    int64_t source_seq = position->states[state].source_seq;
    if (quantity_milli == 0 && as_of_us == OH_TIME_US_NONE && source_seq == -1)
        return;
    oh_json_member(dump.buf, oh_state_text(state));
    oh_strbuf_put_char(dump.buf, '{');
    oh_json_member_milli(dump.buf, "quantity", quantity_milli);
    put_time_if_any(dump, "as_of", as_of_us);
    if (source_seq != -1)
        put_i64(dump, "source_seq", source_seq);
    oh_strbuf_put_char(dump.buf, '}');
}

static void position_put(struct dump dump, const struct oh_effect *effect)
{
    put_place(dump, effect->position.item, effect->position.node);
    put_true(dump, "has_forgotten", effect->position.has_forgotten);
    for (unsigned state = 0; state < OH_STATE_COUNT; state++)
        position_state_put(dump, &effect->position, (enum oh_state)state);
}

static void remembered_put(struct dump dump, const struct oh_effect *effect)
{
    const struct oh_effect_remembered *remembered = &effect->remembered;
    oh_json_member_u64(dump.buf, "number", remembered->number);
    put_place(dump, remembered->item, remembered->node);
    oh_json_member_text(dump.buf, "state", oh_state_text(remembered->state));
    oh_json_member_milli(dump.buf, "quantity", remembered->quantity_milli);
    oh_json_member_time(dump.buf, "at", remembered->at_us);
}

/* ---- Reservations ----------------------------------------------------------------------------- */

static void reservation_put(struct dump dump, const struct oh_effect *effect)
{
    const struct oh_effect_reservation *reservation = &effect->reservation;
    oh_json_member_string(dump.buf, "id", reservation->id);
    oh_json_member_text(dump.buf, "kind", oh_kind_text(reservation->kind));
    put_channel(dump, reservation->channel);
    oh_json_member_string_if_any(dump.buf, "customer", reservation->customer);
    oh_json_member_string_if_any(dump.buf, "order", reservation->order);
    oh_json_member_time(dump.buf, "created_at", reservation->created_at_us);
    put_time_if_any(dump, "expires_at", reservation->expires_at_us);
    put_time_if_any(dump, "ended_at", reservation->ended_at_us);
}

static void claim_put(struct dump dump, const struct oh_effect *effect)
{
    const struct oh_effect_claim *claim = &effect->claim;
    oh_json_member_string(dump.buf, "id", claim->id);
    oh_json_member_u64(dump.buf, "line", claim->line);
    put_place(dump, claim->item, claim->node);
    oh_json_member_milli(dump.buf, "quantity", claim->quantity_milli);
    oh_json_member_milli(dump.buf, "held", claim->held_milli);
    oh_json_member_milli(dump.buf, "confirmed", claim->confirmed_milli);
    oh_json_member_milli(dump.buf, "fulfilled", claim->fulfilled_milli);
    if (claim->expired_milli != 0)
        oh_json_member_milli(dump.buf, "expired", claim->expired_milli);
    put_time_if_any(dump, "due_at", claim->due_at_us);
}

static void booking_put(struct dump dump, const struct oh_effect *effect)
{
    const struct oh_effect_booking *booking = &effect->booking;
    oh_json_member_string(dump.buf, "id", booking->id);
    put_node(dump, booking->node);
    oh_json_member_string(dump.buf, "resource", booking->resource);
    oh_json_member_text(dump.buf, "unit", oh_unit_text(booking->unit));
    oh_json_member_time(dump.buf, "from", booking->from_us);
    oh_json_member_time(dump.buf, "until", booking->until_us);
    oh_json_member_milli(dump.buf, "quantity", booking->quantity_milli);
}

/* What was promised is text here, to the byte. */
static void promise_put(struct dump dump, const struct oh_effect *effect)
{
    oh_json_member_string(dump.buf, "id", effect->promise.id);
    oh_json_member_string(dump.buf, "body", effect->promise.body);
}

static void step_put(struct dump dump, const struct oh_effect *effect)
{
    const struct oh_effect_step *step = &effect->step;
    oh_json_member_text(dump.buf, "step", oh_step_text(step->step));
    oh_json_member_string(dump.buf, "id", step->id);
    oh_json_member_u64(dump.buf, "line", step->line);
    put_place(dump, step->item, step->node);
    oh_json_member_milli(dump.buf, "quantity", step->quantity_milli);
    if (step->step == OH_STEP_RELEASE || step->step == OH_STEP_MOVE)
        oh_json_member_text(dump.buf, "from", step->is_held ? "held" : "confirmed");
    put_true(dump, "counted", step->is_counted);
    oh_json_member_time(dump.buf, "at", step->at_us);
}

static void extend_put(struct dump dump, const struct oh_effect *effect)
{
    oh_json_member_string(dump.buf, "id", effect->extend.id);
    oh_json_member_time(dump.buf, "expires_at", effect->extend.expires_at_us);
}

/* ---- The ledger itself ------------------------------------------------------------------------ */

/* Of an entry's id: {source, 0, id}. */
static void entry_key_put(struct dump dump, struct oh_bytes key)
{
    const char *end = memchr(key.data, '\0', key.size);
    size_t source_size = end == NULL ? 0 : (size_t)(end - key.data);
    size_t skipped = end == NULL ? 0 : source_size + 1;
    oh_json_member_string(dump.buf, "source", (struct oh_bytes){ key.data, source_size });
    oh_json_member_string(dump.buf, "key", (struct oh_bytes){ key.data + skipped, key.size - skipped });
}

/* The first byte of a key is its name space: a header, a reservation's id, or an entry's. */
static void key_name_put(struct dump dump, struct oh_bytes key)
{
    char space = key.size > 0 ? key.data[0] : '\0';
    struct oh_bytes rest = key.size > 0 ? (struct oh_bytes){ key.data + 1, key.size - 1 } : key;
    const char *word = space == 'k'   ? "header"
                       : space == 'r' ? "reservation"
                       : space == 'e' ? "entry"
                       : space == 'd' ? "delivery"
                                      : "other";
    oh_json_member_text(dump.buf, "of", word);
    if (space == 'e' && rest.size > 0)
        entry_key_put(dump, rest);
    else
        oh_json_member_string(dump.buf, "key", rest);
}

static void key_put(struct dump dump, const struct oh_effect *effect)
{
    const struct oh_effect_key *key = &effect->key;
    char fingerprint[17];
    (void)snprintf(fingerprint, sizeof(fingerprint), "%016" PRIx64, key->fingerprint);
    key_name_put(dump, key->key);
    oh_json_member_text(dump.buf, "fingerprint", fingerprint);
    oh_json_member_u64(dump.buf, "seq", key->seq);
    oh_json_member_time(dump.buf, "at", key->at_us);
    oh_json_member_u64(dump.buf, "answer_size", key->answer.size);
}

static void import_put(struct dump dump, const struct oh_effect *effect)
{
    oh_json_member_string(dump.buf, "import", effect->import.import);
    oh_json_member_u64(dump.buf, "rows", effect->import.row_count);
    oh_json_member_u64(dump.buf, "rejected", effect->import.rejected_count);
}

static void head_put(struct dump dump, const struct oh_effect *effect)
{
    oh_json_member_u64(dump.buf, "seq", effect->head.seq);
    put_time_if_any(dump, "time", effect->head.time_us);
    oh_json_member_u64(dump.buf, "movements", effect->head.movement_count);
    put_time_if_any(dump, "forgotten_at", effect->head.forgotten_at_us);
}

/* Buckets of docs/spec/promise.md, LE3, as [bucket, deliveries]. */
static void transit_put(struct dump dump, const struct oh_effect *effect)
{
    const struct oh_effect_transit *transit = &effect->transit;
    oh_json_member_string(dump.buf, "service", transit->service);
    oh_json_member_string(dump.buf, "origin", transit->origin);
    oh_json_member_string(dump.buf, "destination", transit->destination);
    oh_json_member_u64(dump.buf, "weekday", transit->weekday);
    oh_json_member(dump.buf, "buckets");
    oh_strbuf_put_char(dump.buf, '[');
    for (uint32_t i = 0; i < transit->bucket_count; i++) {
        oh_json_separate(dump.buf);
        oh_strbuf_printf(dump.buf, "[%u,%" PRIu32 "]", (unsigned)transit->buckets[i].bucket, transit->buckets[i].count);
    }
    oh_strbuf_put_char(dump.buf, ']');
}

static void (*const put_functions[])(struct dump, const struct oh_effect *) = {
    [OH_EFFECT_NODE] = node_put,
    [OH_EFFECT_ITEM] = item_put,
    [OH_EFFECT_GROUP] = group_put,
    [OH_EFFECT_GROUP_MEMBER] = group_member_put,
    [OH_EFFECT_CHANNEL] = channel_put,
    [OH_EFFECT_RULE] = rule_put,
    [OH_EFFECT_FENCE] = fence_put,
    [OH_EFFECT_SUPPLY] = supply_put,
    [OH_EFFECT_POSTAL_CODE] = postal_code_put,
    [OH_EFFECT_MOVEMENT] = movement_put,
    [OH_EFFECT_COUNT] = count_put,
    [OH_EFFECT_RESERVATION] = reservation_put,
    [OH_EFFECT_CLAIM] = claim_put,
    [OH_EFFECT_STEP] = step_put,
    [OH_EFFECT_EXTEND] = extend_put,
    [OH_EFFECT_KEY] = key_put,
    [OH_EFFECT_IMPORT] = import_put,
    [OH_EFFECT_POSITION] = position_put,
    [OH_EFFECT_REMEMBERED] = remembered_put,
    [OH_EFFECT_HEAD] = head_put,
    [OH_EFFECT_DOCUMENT] = document_put,
    [OH_EFFECT_BOOKING] = booking_put,
    [OH_EFFECT_PROMISE] = promise_put,
    [OH_EFFECT_TRANSIT] = transit_put,
};

void oh_dump_put_effect(struct oh_strbuf *buf, const struct oh_effect_names *names,
                        const struct oh_effect *effect)
{
    oh_strbuf_put_char(buf, '{');
    oh_json_member_text(buf, "effect", oh_effect_type_text(effect->type));
    put_functions[effect->type]((struct dump){ buf, names }, effect);
    oh_strbuf_put_char(buf, '}');
}

void oh_dump_put_record(struct oh_strbuf *buf, const struct oh_effect_names *names,
                        const struct oh_record *record)
{
    oh_strbuf_put_char(buf, '{');
    oh_json_member_u64(buf, "seq", record->seq);
    oh_json_member_time(buf, "at", record->at_us);
    oh_json_member(buf, "effects");
    oh_strbuf_put_char(buf, '[');
    for (uint32_t i = 0; i < record->effect_count; i++) {
        oh_json_separate(buf);
        oh_dump_put_effect(buf, names, &record->effects[i]);
    }
    oh_strbuf_put_text(buf, "]}");
}
