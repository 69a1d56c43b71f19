#include "codec/json_reply.h"
#include "codec/decimal.h"
#include "codec/json_document.h"
#include "codec/json_text.h"
#include <math.h>

#define CELL_HEAD_SIZE_MAX (6 * OH_ID_SIZE_MAX + 64) /* a byte may become an escape of six */

/* ---- Ends ------------------------------------------------------------------------------------- */

void oh_reply_put_seq_end(struct oh_strbuf *buf, uint64_t seq)
{
    oh_json_member_u64(buf, "seq", seq);
    oh_strbuf_put_char(buf, '}');
}

/* Ends an object that may speak for a seq. */
static void put_end(struct oh_strbuf *buf, uint64_t seq)
{
    if (seq == OH_REPLY_NO_SEQ)
        oh_strbuf_put_char(buf, '}');
    else
        oh_reply_put_seq_end(buf, seq);
}

void oh_reply_put_page_end(struct oh_strbuf *buf, struct oh_bytes next, uint64_t seq)
{
    oh_strbuf_put_char(buf, ']');
    oh_json_member(buf, "next");
    if (oh_bytes_is_empty(next))
        oh_strbuf_put_bytes(buf, OH_BYTES("null"));
    else
        oh_json_put_string(buf, next);
    oh_reply_put_seq_end(buf, seq);
}

/* ---- Names ------------------------------------------------------------------------------------ */

static void member_item(struct oh_strbuf *buf, const struct oh_ledger *ledger, uint32_t item)
{
    oh_json_member_string(buf, "sku", oh_item_sku(ledger, (struct oh_item_id){ item }));
}

static void member_node(struct oh_strbuf *buf, const struct oh_ledger *ledger, uint16_t node)
{
    oh_json_member_string(buf, "node", oh_node_name(ledger, (struct oh_node_id){ node }));
}

static void member_channel(struct oh_strbuf *buf, const struct oh_ledger *ledger, uint16_t channel)
{
    oh_json_member_string(buf, "channel", oh_channel_name(ledger, (struct oh_channel_id){ channel }));
}

static void member_point(struct oh_strbuf *buf, struct oh_point point)
{
    oh_json_member(buf, "lat");
    oh_real_put(buf, point.latitude);
    oh_json_member(buf, "lon");
    oh_real_put(buf, point.longitude);
}

/* A trait of an item; 0 is one that is not known. */
static void member_number_if_any(struct oh_strbuf *buf, const char *name, uint32_t value)
{
    if (value > 0)
        oh_json_member_u64(buf, name, value);
}

/* ---- Reference data --------------------------------------------------------------------------- */

void oh_reply_put_node(struct oh_strbuf *buf, const struct oh_node_command *node, uint64_t seq)
{
    oh_strbuf_put_char(buf, '{');
    oh_json_member_string(buf, "node", node->node);
    oh_json_member_string_if_any(buf, "name", node->name);
    oh_json_member_text(buf, "type", oh_node_type_text(node->type));
    if (node->has_point)
        member_point(buf, node->point);
    oh_json_member_string_if_any(buf, "country", node->country);
    oh_json_member_string_if_any(buf, "time_zone", node->time_zone);
    oh_json_member_string_if_any(buf, "city", node->city);
    oh_json_member_string_if_any(buf, "region", node->region);
    oh_json_member_string_if_any(buf, "postal_code", node->postal_code);
    oh_json_member_string_if_any(buf, "gln", node->gln);
    oh_json_member_bool(buf, "ships", node->ships);
    oh_json_member_bool(buf, "collects", node->collects);
    oh_json_member_bool(buf, "enabled", node->enabled);
    put_end(buf, seq);
}

void oh_reply_put_item(struct oh_strbuf *buf, const struct oh_item_command *item, uint64_t seq)
{
    oh_strbuf_put_char(buf, '{');
    oh_json_member_string(buf, "sku", item->sku);
    oh_json_member_string_if_any(buf, "name", item->name);
    oh_json_member_string_if_any(buf, "gtin", item->gtin);
    oh_json_member_string_if_any(buf, "class", item->class);
    member_number_if_any(buf, "weight_grams", item->weight_grams);
    member_number_if_any(buf, "side_mm", item->side_mm);
    member_number_if_any(buf, "volume_cm3", item->volume_cm3);
    put_end(buf, seq);
}

static void member_nodes(struct oh_strbuf *buf, const struct oh_ledger *ledger, const uint16_t *nodes,
                         uint32_t count)
{
    oh_json_member(buf, "nodes");
    oh_strbuf_put_char(buf, '[');
    for (uint32_t i = 0; i < count; i++) {
        oh_json_separate(buf);
        oh_json_put_string(buf, oh_node_name(ledger, (struct oh_node_id){ nodes[i] }));
    }
    oh_strbuf_put_char(buf, ']');
}

void oh_reply_put_group(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                        const struct oh_effect_group *group, uint64_t seq)
{
    oh_strbuf_put_char(buf, '{');
    oh_json_member_string(buf, "group", group->group);
    oh_json_member_string_if_any(buf, "name", group->name);
    member_nodes(buf, ledger, group->nodes, group->node_count);
    put_end(buf, seq);
}

void oh_reply_put_channel(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                          const struct oh_effect_channel *channel, uint64_t seq)
{
    oh_strbuf_put_char(buf, '{');
    oh_json_member_string(buf, "channel", channel->channel);
    oh_json_member_string_if_any(buf, "name", channel->name);
    oh_json_member_text(buf, "policy", oh_policy_text(channel->policy));
    member_nodes(buf, ledger, channel->nodes, channel->node_count);
    oh_json_member(buf, "groups");
    oh_strbuf_put_char(buf, '[');
    for (uint32_t i = 0; i < channel->group_count; i++) {
        oh_json_separate(buf);
        oh_json_put_string(buf, oh_group_name(ledger, (struct oh_group_id){ channel->groups[i] }));
    }
    oh_strbuf_put_char(buf, ']');
    put_end(buf, seq);
}

static void member_rule_values(struct oh_strbuf *buf, const struct oh_rule_values *values)
{
    const struct {
        uint32_t bit;
        const char *name;
        int64_t milli;
    } quantities[] = {
        { OH_RULE_SAFETY_STOCK, "safety_stock", values->safety_stock_milli },
        { OH_RULE_THRESHOLD, "threshold", values->threshold_milli },
        { OH_RULE_MIN_QUANTITY, "min_quantity", values->min_quantity_milli },
        { OH_RULE_MAX_QUANTITY, "max_quantity", values->max_quantity_milli },
        { OH_RULE_INCREMENT, "quantity_increment", values->increment_milli },
        { OH_RULE_BACKORDER_LIMIT, "backorder_limit", values->backorder_limit_milli },
        { OH_RULE_LOW_STOCK, "low_stock", values->low_stock_milli },
    };
    for (size_t i = 0; i < sizeof(quantities) / sizeof(quantities[0]); i++)
        if ((values->mask & quantities[i].bit) != 0)
            oh_json_member_milli(buf, quantities[i].name, quantities[i].milli);
    if ((values->mask & OH_RULE_PICKUP_ALLOWED) != 0)
        oh_json_member_bool(buf, "pickup_allowed", values->pickup_allowed);
    if ((values->mask & OH_RULE_SHIP_ALLOWED) != 0)
        oh_json_member_bool(buf, "ship_allowed", values->ship_allowed);
    if ((values->mask & OH_RULE_PREORDER) != 0)
        oh_json_member_bool(buf, "preorder", values->preorder);
}

void oh_reply_put_rule(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                       const struct oh_effect_rule *rule, uint64_t seq)
{
    oh_strbuf_put_char(buf, '{');
    oh_json_member_string(buf, "rule", rule->rule);
    if (rule->item != OH_INDEX_NONE)
        member_item(buf, ledger, rule->item);
    if (rule->node != OH_NODE_NONE)
        member_node(buf, ledger, rule->node);
    if (rule->channel != OH_NODE_NONE)
        member_channel(buf, ledger, rule->channel);
    member_rule_values(buf, &rule->values);
    put_end(buf, seq);
}

void oh_reply_put_fence(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                        const struct oh_effect_fence *fence, int64_t used_milli, uint64_t seq)
{
    oh_strbuf_put_char(buf, '{');
    oh_json_member_string(buf, "fence", fence->fence);
    member_channel(buf, ledger, fence->channel);
    member_item(buf, ledger, fence->item);
    member_node(buf, ledger, fence->node);
    oh_json_member_milli(buf, "quantity", fence->quantity_milli);
    oh_json_member_text(buf, "policy", oh_fence_policy_text(fence->policy));
    if (used_milli != OH_REPLY_NO_USED)
        oh_json_member_milli(buf, "used", used_milli);
    put_end(buf, seq);
}

void oh_reply_put_supply(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                         const struct oh_effect_supply *supply, uint64_t seq)
{
    oh_strbuf_put_char(buf, '{');
    oh_json_member_string(buf, "supply", supply->supply);
    member_item(buf, ledger, supply->item);
    member_node(buf, ledger, supply->node);
    oh_json_member_milli(buf, "quantity", supply->quantity_milli);
    oh_json_member_time(buf, "eta", supply->eta_us);
    put_end(buf, seq);
}

void oh_reply_put_import(struct oh_strbuf *buf, const struct oh_effect_import *import, uint64_t seq)
{
    oh_strbuf_put_char(buf, '{');
    oh_json_member_string(buf, "import", import->import);
    oh_json_member_u64(buf, "rows", import->row_count);
    oh_json_member_u64(buf, "rejected", import->rejected_count);
    put_end(buf, seq);
}

/* ---- Positions and availability --------------------------------------------------------------- */

void oh_reply_put_position(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                           const struct oh_position_view *view, uint64_t seq)
{
    oh_strbuf_put_char(buf, '{');
    member_item(buf, ledger, view->item.index);
    member_node(buf, ledger, view->node.index);
    oh_json_member_milli(buf, "on_hand", view->on_hand_milli);
    for (int state = 0; state < OH_STATE_COUNT; state++)
        oh_json_member_milli(buf, oh_state_text((enum oh_state)state), view->states_milli[state]);
    oh_json_member_milli(buf, "held", view->held_milli);
    oh_json_member_milli(buf, "confirmed", view->confirmed_milli);
    oh_json_member_milli(buf, "safety_stock", view->safety_stock_milli);
    oh_json_member_milli(buf, "fenced", view->fenced_milli);
    oh_json_member_milli(buf, "available", view->available_milli);
    oh_json_member_milli(buf, "short", view->short_milli);
    oh_json_member_time(buf, "as_of", view->as_of_us);
    put_end(buf, seq);
}

static void member_rule_used(struct oh_strbuf *buf, const char *name, struct oh_bytes rule,
                             int64_t value_milli)
{
    if (oh_bytes_is_empty(rule))
        return;
    oh_json_member(buf, name);
    oh_strbuf_put_char(buf, '{');
    oh_json_member_string(buf, "rule", rule);
    oh_json_member_milli(buf, "value", value_milli);
    oh_strbuf_put_char(buf, '}');
}

static void member_rules_used(struct oh_strbuf *buf, const struct oh_availability *availability)
{
    oh_json_member(buf, "rules");
    oh_strbuf_put_char(buf, '{');
    member_rule_used(buf, "safety_stock", availability->safety_stock_rule, availability->safety_stock_milli);
    member_rule_used(buf, "threshold", availability->threshold_rule, availability->threshold_milli);
    member_rule_used(buf, "backorder_limit", availability->backorder_rule, availability->backorder_milli);
    oh_strbuf_put_char(buf, '}');
}

static void member_next_supply(struct oh_strbuf *buf, const struct oh_availability *availability)
{
    oh_json_member(buf, "next_supply");
    oh_strbuf_put_char(buf, '{');
    oh_json_member_milli(buf, "quantity", availability->supply_milli);
    oh_json_member_time(buf, "eta", availability->supply_eta_us);
    oh_strbuf_put_char(buf, '}');
}

static void member_band(struct oh_strbuf *buf, const struct oh_availability *availability)
{
    oh_strbuf_put_text(buf, ",\"status\":\"");
    oh_strbuf_put_text(buf, oh_band_text(availability->band));
    oh_strbuf_put_char(buf, '"');
}

/* Whether a demand of that much would find enough. The sum cannot overflow: it is checked by subtraction. */
static bool availability_suffices(const struct oh_availability *availability, int64_t quantity_milli)
{
    return quantity_milli - availability->available_milli <= availability->backorder_milli;
}

void oh_reply_put_availability(struct oh_strbuf *buf, const struct oh_availability_question *question,
                               const struct oh_availability *availability, uint64_t seq)
{
    oh_strbuf_put_bytes(buf, OH_BYTES("{\"sku\":"));
    oh_json_put_string(buf, question->sku);
    oh_json_member_string(buf, question->place_name, question->place);
    oh_strbuf_put_text(buf, ",\"available\":");
    oh_milli_put(buf, availability->available_milli);
    if (availability->backorder_milli > 0)
        oh_json_member_milli(buf, "backorder", availability->backorder_milli);
    member_band(buf, availability);
    if (availability->reason != OH_OK_DONE)
        oh_json_member_text(buf, "reason", oh_verdict_code(availability->reason));
    if (question->has_min_quantity)
        oh_json_member_bool(buf, "sufficient",
                            availability_suffices(availability, question->min_quantity_milli));
    if (availability->supply_eta_us != OH_TIME_US_NONE)
        member_next_supply(buf, availability);
    if (question->explain)
        member_rules_used(buf, availability);
    oh_reply_put_seq_end(buf, seq);
}

void oh_reply_put_node_availability(struct oh_strbuf *buf, struct oh_bytes node,
                                    const struct oh_availability *availability)
{
    oh_json_separate(buf);
    oh_strbuf_put_bytes(buf, OH_BYTES("{\"node\":"));
    oh_json_put_string(buf, node);
    oh_json_member_milli(buf, "available", availability->available_milli);
    member_band(buf, availability);
    oh_strbuf_put_char(buf, '}');
}

static void put_cell_head(struct oh_strbuf *buf, struct oh_bytes node)
{
    oh_strbuf_put_text(buf, "{\"node\":");
    oh_json_put_string(buf, node);
    oh_strbuf_put_text(buf, ",\"available\":");
}

static void put_cell_rest(struct oh_strbuf *buf, int64_t available_milli)
{
    oh_milli_put(buf, available_milli);
    oh_strbuf_put_char(buf, '}');
}

void oh_reply_put_cell(struct oh_strbuf *buf, struct oh_bytes node, int64_t available_milli)
{
    oh_json_separate(buf);
    put_cell_head(buf, node);
    put_cell_rest(buf, available_milli);
}

void oh_reply_put_cell_of(struct oh_strbuf *buf, struct oh_bytes head, int64_t available_milli)
{
    oh_json_separate(buf);
    oh_strbuf_put_bytes(buf, head);
    put_cell_rest(buf, available_milli);
}

/* Each is written once, and kept by the document. */
static bool cell_heads_fill(struct oh_json_document *document, struct oh_strbuf *text, const struct oh_bytes *nodes,
                            uint32_t count, struct oh_bytes *heads)
{
    struct oh_fault fault;
    for (uint32_t i = 0; i < count; i++) {
        oh_strbuf_clear(text);
        put_cell_head(text, nodes[i]);
        if (text->is_overflowed || oh_json_document_keep(document, oh_strbuf_bytes(text), &heads[i], &fault) != OH_OK)
            return false;
    }
    return true;
}

const struct oh_bytes *oh_reply_cell_heads(struct oh_json_document *document, const struct oh_bytes *nodes,
                                           uint32_t count)
{
    struct oh_strbuf text;
    struct oh_bytes *heads = oh_json_document_allocate(document, count, sizeof(*heads));
    oh_strbuf_init(&text, CELL_HEAD_SIZE_MAX);
    bool is_filled = heads != NULL && cell_heads_fill(document, &text, nodes, count, heads);
    oh_strbuf_fini(&text);
    return is_filled ? heads : NULL;
}

void oh_reply_put_near_row(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                           const struct oh_near_row *row)
{
    oh_json_separate(buf);
    oh_strbuf_put_bytes(buf, OH_BYTES("{\"node\":"));
    oh_json_put_string(buf, oh_node_name(ledger, row->node));
    /* Metres are thousandths of a kilometre. */
    oh_json_member_milli(buf, "distance_km", llround(row->distance_km * 1000));
    oh_json_member_milli(buf, "available", row->available_milli);
    oh_strbuf_put_char(buf, '}');
}

void oh_reply_put_sku_availability(struct oh_strbuf *buf, struct oh_bytes sku,
                                   const struct oh_availability *availability)
{
    oh_json_separate(buf);
    oh_strbuf_put_bytes(buf, OH_BYTES("{\"sku\":"));
    oh_json_put_string(buf, sku);
    oh_json_member_milli(buf, "available", availability->available_milli);
    member_band(buf, availability);
    oh_strbuf_put_char(buf, '}');
}

void oh_reply_put_sku_verdict(struct oh_strbuf *buf, struct oh_bytes sku, enum oh_verdict verdict)
{
    oh_json_separate(buf);
    oh_strbuf_put_bytes(buf, OH_BYTES("{\"sku\":"));
    oh_json_put_string(buf, sku);
    oh_json_member_text(buf, "verdict", oh_verdict_code(verdict));
    oh_strbuf_put_char(buf, '}');
}

void oh_reply_put_near(struct oh_strbuf *buf, const struct oh_ledger *ledger, struct oh_bytes sku,
                       struct oh_point point, const struct oh_near_row *rows, uint32_t row_count,
                       uint64_t seq)
{
    oh_strbuf_put_bytes(buf, OH_BYTES("{\"sku\":"));
    oh_json_put_string(buf, sku);
    oh_json_member(buf, "near");
    oh_strbuf_put_char(buf, '{');
    member_point(buf, point);
    oh_strbuf_put_bytes(buf, OH_BYTES("},\"nodes\":["));
    for (uint32_t i = 0; i < row_count; i++)
        oh_reply_put_near_row(buf, ledger, &rows[i]);
    oh_strbuf_put_char(buf, ']');
    oh_reply_put_seq_end(buf, seq);
}
