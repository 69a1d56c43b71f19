#include "storage/pg_objects.h"
#include "base/strbuf.h"
#include "storage/pg_binary.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 19

/* The nodes of one group, or the nodes and groups of one channel. */
struct lists {
    uint16_t nodes[OH_GROUP_NODES_MAX];
    int32_t priorities[OH_GROUP_NODES_MAX];
    uint16_t groups[OH_CHANNEL_MEMBERS_MAX];
};

struct query;

/* Reads the rows of one query after the other. */
struct reader {
    struct oh_pg *pg;
    const struct oh_pg_head *head;
    const struct oh_pg_object_sink *sink;
    struct oh_diag *diag;
    const struct query *query;
    struct oh_bytes columns[COLUMNS_MAX];
    struct oh_effect object; /* being put together, when has_object */
    bool has_object;
    struct lists *lists;
    struct oh_strbuf text; /* what the object borrows beyond its row */
    uint64_t next_movement;
};

/* ---- Columns ---------------------------------------------------------------------------------- */

static enum oh_err refuse(const struct reader *reader, const char *column, const char *reason);

static enum oh_err get_milli(const struct reader *reader, int at, const char *name, int64_t *out_milli)
{
    return oh_pg_get_milli(reader->columns[at], out_milli)
               ? OH_OK
               : refuse(reader, name, "is no quantity of at most three digits behind the point");
}

/* Null: OH_TIME_US_NONE. */
static enum oh_err get_time_or_none(const struct reader *reader, int at, const char *name, int64_t *out_us)
{
    return oh_pg_get_time(reader->columns[at], out_us) ? OH_OK : refuse(reader, name, "is no time since 1970");
}

static enum oh_err get_time(const struct reader *reader, int at, const char *name, int64_t *out_us)
{
    enum oh_err err = get_time_or_none(reader, at, name, out_us);
    return err == OH_OK && *out_us == OH_TIME_US_NONE ? refuse(reader, name, "is null") : err;
}

static enum oh_err get_count(const struct reader *reader, int at, const char *name, uint64_t *out_count)
{
    int64_t value;
    if (!oh_pg_get_i64(reader->columns[at], &value) || value < 0)
        return refuse(reader, name, "is null or below 0");
    *out_count = (uint64_t)value;
    return OH_OK;
}

static enum oh_err get_bool(const struct reader *reader, int at, const char *name, bool *out_value)
{
    return oh_pg_get_bool(reader->columns[at], out_value) ? OH_OK : refuse(reader, name, "is null");
}

/* An index of less than `max`. Null: what it names is in no row. */
static enum oh_err get_index(const struct reader *reader, int at, const char *name, uint32_t max, uint32_t *out_index)
{
    int32_t value;
    if (!oh_pg_get_i32(reader->columns[at], &value))
        return refuse(reader, name, "names what is not in its table");
    if (value < 0 || (uint32_t)value >= max)
        return refuse(reader, name, "has an index beyond the limit of a ledger");
    *out_index = (uint32_t)value;
    return OH_OK;
}

static enum oh_err get_item(const struct reader *reader, int at, uint32_t *out_item)
{
    return get_index(reader, at, "sku", OH_ITEMS_MAX, out_item);
}

static enum oh_err get_index16(const struct reader *reader, int at, const char *name, uint32_t max,
                               uint16_t *out_index)
{
    uint32_t index = 0;
    enum oh_err err = get_index(reader, at, name, max, &index);
    if (err == OH_OK)
        *out_index = (uint16_t)index;
    return err;
}

static enum oh_err get_node(const struct reader *reader, int at, uint16_t *out_node)
{
    return get_index16(reader, at, "node", OH_NODES_MAX, out_node);
}

/* In two columns: the name, which may be null, and the index of what it names. */
static enum oh_err get_node_or_none(const struct reader *reader, int at, uint16_t *out_node)
{
    *out_node = OH_NODE_NONE;
    return reader->columns[at].data == NULL ? OH_OK : get_node(reader, at + 1, out_node);
}

static enum oh_err get_channel_or_none(const struct reader *reader, int at, uint16_t *out_channel)
{
    *out_channel = OH_NODE_NONE;
    return reader->columns[at].data == NULL
               ? OH_OK
               : get_index16(reader, at + 1, "channel", OH_CHANNELS_MAX, out_channel);
}

/* Fills *out with the word's value, by the parser of its enum. */
#define GET_WORD(reader, at, name, parse, out) \
    (parse((reader)->columns[at], (out)) ? OH_OK : refuse((reader), (name), "is no word of this program"))

static enum oh_err get_point(const struct reader *reader, int at, struct oh_point *out_point)
{
    return oh_pg_get_f64(reader->columns[at], &out_point->latitude) &&
                   oh_pg_get_f64(reader->columns[at + 1], &out_point->longitude)
               ? OH_OK
               : refuse(reader, "latitude or longitude", "is null");
}

static enum oh_err emit(struct reader *reader, const struct oh_effect *object)
{
    return reader->sink->take(reader->sink->ctx, object, reader->diag);
}

/* Hands over what was put together. */
static enum oh_err object_end(struct reader *reader)
{
    bool has_object = reader->has_object;
    reader->has_object = false;
    return has_object ? emit(reader, &reader->object) : OH_OK;
}

/* ---- Reference data --------------------------------------------------------------------------- */

static const char node_sql[] =
    "COPY (SELECT index, node, name, gln, country, time_zone, city, region, postal_code, type, ships, collects,"
    " enabled, latitude, longitude FROM onhand.node ORDER BY index) TO STDOUT (FORMAT binary)";

static enum oh_err node_take(struct reader *reader)
{
    const struct oh_bytes *columns = reader->columns;
    struct oh_effect object = { .type = OH_EFFECT_NODE };
    struct oh_node_command *node = &object.node.value;
    *node = (struct oh_node_command){
        .node = columns[1],
        .name = columns[2],
        .gln = columns[3],
        .country = columns[4],
        .time_zone = columns[5],
        .city = columns[6],
        .region = columns[7],
        .postal_code = columns[8],
        .has_point = columns[13].data != NULL,
    };
    enum oh_err err = get_index16(reader, 0, "index", OH_NODES_MAX, &object.node.index);
    if (err == OH_OK)
        err = GET_WORD(reader, 9, "type", oh_node_type_parse, &node->type);
    if (err == OH_OK)
        err = get_bool(reader, 10, "ships", &node->ships);
    if (err == OH_OK)
        err = get_bool(reader, 11, "collects", &node->collects);
    if (err == OH_OK)
        err = get_bool(reader, 12, "enabled", &node->enabled);
    if (err == OH_OK && node->has_point)
        err = get_point(reader, 13, &node->point);
    return err == OH_OK ? emit(reader, &object) : err;
}

static enum oh_err get_u32(const struct reader *reader, int at, const char *name, uint32_t *out_value)
{
    uint64_t value = 0;
    enum oh_err err = get_count(reader, at, name, &value);
    *out_value = (uint32_t)value;
    return err == OH_OK && value > UINT32_MAX ? refuse(reader, name, "is out of range") : err;
}

static const char item_sql[] =
    "COPY (SELECT index, sku, name, gtin, class, weight_grams, side_mm, volume_cm3 FROM onhand.item ORDER BY index)"
    " TO STDOUT (FORMAT binary)";

static enum oh_err item_take(struct reader *reader)
{
    const struct oh_bytes *columns = reader->columns;
    struct oh_effect object = { .type = OH_EFFECT_ITEM };
    struct oh_item_command *item = &object.item.value;
    *item = (struct oh_item_command){ .sku = columns[1], .name = columns[2], .gtin = columns[3], .class = columns[4] };
    enum oh_err err = get_index(reader, 0, "index", OH_ITEMS_MAX, &object.item.index);
    if (err == OH_OK)
        err = get_u32(reader, 5, "weight_grams", &item->weight_grams);
    if (err == OH_OK)
        err = get_u32(reader, 6, "side_mm", &item->side_mm);
    if (err == OH_OK)
        err = get_u32(reader, 7, "volume_cm3", &item->volume_cm3);
    return err == OH_OK ? emit(reader, &object) : err;
}

/* Keeps a copy of two texts of the row for the object that is put together. */
static enum oh_err texts_keep(struct reader *reader, int at, struct oh_bytes *out_first, struct oh_bytes *out_second)
{
    struct oh_bytes first = reader->columns[at];
    struct oh_bytes second = reader->columns[at + 1];
    oh_strbuf_clear(&reader->text);
    oh_strbuf_put_bytes(&reader->text, first);
    oh_strbuf_put_bytes(&reader->text, second);
    if (reader->text.is_overflowed)
        return OH_E_NOMEM;
    *out_first = (struct oh_bytes){ reader->text.data, first.size };
    *out_second = (struct oh_bytes){ reader->text.data + first.size, second.size };
    return OH_OK;
}

/* A row per member; a group without members has one row. */
static const char group_sql[] =
    "COPY (SELECT g.index, g.node_group, g.name, m.node, n.index, m.priority"
    " FROM onhand.node_group g LEFT JOIN onhand.node_group_member m USING (node_group)"
    " LEFT JOIN onhand.node n ON n.node = m.node"
    " ORDER BY g.index, m.priority, m.ordinal) TO STDOUT (FORMAT binary)";

static enum oh_err group_begin(struct reader *reader, uint16_t index)
{
    struct oh_effect_group *group = &reader->object.group;
    enum oh_err err = object_end(reader);
    if (err != OH_OK)
        return err;
    reader->object = (struct oh_effect){ .type = OH_EFFECT_GROUP };
    *group = (struct oh_effect_group){
        .index = index, .nodes = reader->lists->nodes, .priorities = reader->lists->priorities
    };
    reader->has_object = true;
    return texts_keep(reader, 1, &group->group, &group->name);
}

static enum oh_err group_take(struct reader *reader)
{
    struct oh_effect_group *group = &reader->object.group;
    uint16_t index = 0;
    enum oh_err err = get_index16(reader, 0, "index", OH_GROUPS_MAX, &index);
    if (err == OH_OK && (!reader->has_object || group->index != index))
        err = group_begin(reader, index);
    if (err != OH_OK || reader->columns[3].data == NULL)
        return err;
    if (group->node_count == OH_GROUP_NODES_MAX)
        return refuse(reader, "node", "is one more than a group may have, 65,535");
    err = get_node(reader, 4, &reader->lists->nodes[group->node_count]);
    if (err == OH_OK && !oh_pg_get_i32(reader->columns[5], &reader->lists->priorities[group->node_count]))
        err = refuse(reader, "priority", "is null");
    group->node_count++;
    return err;
}

/* A row per node and group of the channel; one without has one row. */
static const char channel_sql[] =
    "COPY (SELECT c.index, c.channel, c.name, c.policy, m.is_group, m.member"
    " FROM onhand.channel c LEFT JOIN ("
    "  SELECT o.channel, false AS is_group, o.ordinal, n.index AS member"
    "  FROM onhand.channel_node o LEFT JOIN onhand.node n USING (node)"
    "  UNION ALL"
    "  SELECT o.channel, true, o.ordinal, g.index"
    "  FROM onhand.channel_group o LEFT JOIN onhand.node_group g USING (node_group)) m USING (channel)"
    " ORDER BY c.index, m.is_group, m.ordinal) TO STDOUT (FORMAT binary)";

static enum oh_err channel_begin(struct reader *reader, uint16_t index)
{
    struct oh_effect_channel *channel = &reader->object.channel;
    enum oh_err err = object_end(reader);
    if (err != OH_OK)
        return err;
    reader->object = (struct oh_effect){ .type = OH_EFFECT_CHANNEL };
    *channel = (struct oh_effect_channel){
        .index = index, .nodes = reader->lists->nodes, .groups = reader->lists->groups
    };
    reader->has_object = true;
    err = texts_keep(reader, 1, &channel->channel, &channel->name);
    return err == OH_OK ? GET_WORD(reader, 3, "policy", oh_policy_parse, &channel->policy) : err;
}

static enum oh_err channel_member_take(struct reader *reader)
{
    struct oh_effect_channel *channel = &reader->object.channel;
    bool is_group = false;
    enum oh_err err = get_bool(reader, 4, "is_group", &is_group);
    if (err != OH_OK)
        return err;
    if (channel->node_count + channel->group_count == OH_CHANNEL_MEMBERS_MAX)
        return refuse(reader, "nodes and groups", "are more than a channel may have, 4,096");
    if (is_group)
        return get_index16(reader, 5, "node_group", OH_GROUPS_MAX, &reader->lists->groups[channel->group_count++]);
    return get_node(reader, 5, &reader->lists->nodes[channel->node_count++]);
}

static enum oh_err channel_take(struct reader *reader)
{
    uint16_t index = 0;
    enum oh_err err = get_index16(reader, 0, "index", OH_CHANNELS_MAX, &index);
    if (err == OH_OK && (!reader->has_object || reader->object.channel.index != index))
        err = channel_begin(reader, index);
    return err == OH_OK && reader->columns[4].data != NULL ? channel_member_take(reader) : err;
}

static const char rule_sql[] =
    "COPY (SELECT r.rule, r.sku, i.index, r.node, n.index, r.channel, c.index,"
    " r.safety_stock, r.threshold, r.min_quantity, r.max_quantity, r.quantity_increment, r.backorder_limit,"
    " r.low_stock, r.pickup_allowed, r.ship_allowed, r.preorder"
    " FROM onhand.rule r LEFT JOIN onhand.item i USING (sku) LEFT JOIN onhand.node n USING (node)"
    " LEFT JOIN onhand.channel c USING (channel) ORDER BY r.rule) TO STDOUT (FORMAT binary)";

/* What is null is not said. */
static enum oh_err rule_values_take(const struct reader *reader, struct oh_rule_values *values)
{
    struct {
        uint32_t bit;
        const char *name;
        int64_t *value;
    } const quantities[] = {
        { OH_RULE_SAFETY_STOCK, "safety_stock", &values->safety_stock_milli },
        { OH_RULE_THRESHOLD, "threshold", &values->threshold_milli },
        { OH_RULE_MIN_QUANTITY, "min_quantity", &values->min_quantity_milli },
        { OH_RULE_MAX_QUANTITY, "max_quantity", &values->max_quantity_milli },
        { OH_RULE_INCREMENT, "quantity_increment", &values->increment_milli },
        { OH_RULE_BACKORDER_LIMIT, "backorder_limit", &values->backorder_limit_milli },
        { OH_RULE_LOW_STOCK, "low_stock", &values->low_stock_milli },
    };
    struct {
        uint32_t bit;
        bool *value;
    } const flags[] = {
        { OH_RULE_PICKUP_ALLOWED, &values->pickup_allowed },
        { OH_RULE_SHIP_ALLOWED, &values->ship_allowed },
        { OH_RULE_PREORDER, &values->preorder },
    };
    for (int i = 0; i < 7; i++) {
        if (reader->columns[7 + i].data == NULL)
            continue;
        values->mask |= quantities[i].bit;
        enum oh_err err = get_milli(reader, 7 + i, quantities[i].name, quantities[i].value);
        if (err != OH_OK)
            return err;
    }
    for (int i = 0; i < 3; i++) {
        if (oh_pg_get_bool(reader->columns[14 + i], flags[i].value))
            values->mask |= flags[i].bit;
    }
    return values->mask != 0 ? OH_OK : refuse(reader, "rule", "says nothing: all its values are null");
}

static enum oh_err rule_take(struct reader *reader)
{
    struct oh_effect object = { .type = OH_EFFECT_RULE };
    object.rule = (struct oh_effect_rule){ .rule = reader->columns[0], .item = OH_INDEX_NONE };
    enum oh_err err = OH_OK;
    if (reader->columns[1].data != NULL)
        err = get_item(reader, 2, &object.rule.item);
    if (err == OH_OK)
        err = get_node_or_none(reader, 3, &object.rule.node);
    if (err == OH_OK)
        err = get_channel_or_none(reader, 5, &object.rule.channel);
    if (err == OH_OK)
        err = rule_values_take(reader, &object.rule.values);
    return err == OH_OK ? emit(reader, &object) : err;
}

static const char fence_sql[] =
    "COPY (SELECT f.fence, i.index, n.index, c.index, f.quantity, f.policy"
    " FROM onhand.fence f LEFT JOIN onhand.item i USING (sku) LEFT JOIN onhand.node n USING (node)"
    " LEFT JOIN onhand.channel c USING (channel) ORDER BY f.fence) TO STDOUT (FORMAT binary)";

static enum oh_err fence_take(struct reader *reader)
{
    struct oh_effect object = { .type = OH_EFFECT_FENCE };
    object.fence.fence = reader->columns[0];
    enum oh_err err = get_item(reader, 1, &object.fence.item);
    if (err == OH_OK)
        err = get_node(reader, 2, &object.fence.node);
    if (err == OH_OK)
        err = get_index16(reader, 3, "channel", OH_CHANNELS_MAX, &object.fence.channel);
    if (err == OH_OK)
        err = get_milli(reader, 4, "quantity", &object.fence.quantity_milli);
    if (err == OH_OK)
        err = GET_WORD(reader, 5, "policy", oh_fence_policy_parse, &object.fence.policy);
    return err == OH_OK ? emit(reader, &object) : err;
}

static const char supply_sql[] =
    "COPY (SELECT s.supply, i.index, n.index, s.quantity, s.eta"
    " FROM onhand.supply s LEFT JOIN onhand.item i USING (sku) LEFT JOIN onhand.node n USING (node)"
    " ORDER BY s.supply) TO STDOUT (FORMAT binary)";

static enum oh_err supply_take(struct reader *reader)
{
    struct oh_effect object = { .type = OH_EFFECT_SUPPLY };
    object.supply.supply = reader->columns[0];
    enum oh_err err = get_item(reader, 1, &object.supply.item);
    if (err == OH_OK)
        err = get_node(reader, 2, &object.supply.node);
    if (err == OH_OK)
        err = get_milli(reader, 3, "quantity", &object.supply.quantity_milli);
    if (err == OH_OK)
        err = get_time(reader, 4, "eta", &object.supply.eta_us);
    return err == OH_OK ? emit(reader, &object) : err;
}

static const char postal_code_sql[] =
    "COPY (SELECT country, postal_code, place, latitude, longitude FROM onhand.postal_code"
    " ORDER BY country, postal_code) TO STDOUT (FORMAT binary)";

static enum oh_err postal_code_take(struct reader *reader)
{
    struct oh_effect object = { .type = OH_EFFECT_POSTAL_CODE };
    object.postal_code = (struct oh_postal_code_command){
        .country = reader->columns[0], .postal_code = reader->columns[1], .place = reader->columns[2]
    };
    enum oh_err err = get_point(reader, 3, &object.postal_code.point);
    return err == OH_OK ? emit(reader, &object) : err;
}

static const char transit_sql[] =
    "COPY (SELECT service, origin, destination, weekday, bucket, deliveries FROM onhand.transit"
    " ORDER BY service, origin, destination, weekday, bucket) TO STDOUT (FORMAT binary)";

static enum oh_err get_below(const struct reader *reader, int at, const char *name, int32_t max, int32_t *out_value)
{
    return oh_pg_get_i32(reader->columns[at], out_value) && *out_value >= 0 && *out_value < max
               ? OH_OK
               : refuse(reader, name, "is null or out of range");
}

/* One bucket a row: what is the same in two sketches adds up. */
static enum oh_err transit_take(struct reader *reader)
{
    struct oh_effect object = { .type = OH_EFFECT_TRANSIT };
    struct oh_transit_bucket bucket;
    int32_t weekday = 0;
    int32_t number = 0;
    uint64_t count = 0;
    enum oh_err err = get_below(reader, 3, "weekday", 7, &weekday);
    if (err == OH_OK)
        err = get_below(reader, 4, "bucket", OH_TRANSIT_BUCKETS_MAX, &number);
    if (err == OH_OK)
        err = get_count(reader, 5, "deliveries", &count);
    if (err == OH_OK && count > UINT32_MAX)
        err = refuse(reader, "deliveries", "is more than a ledger counts");
    if (err != OH_OK)
        return err;
    bucket = (struct oh_transit_bucket){ (uint16_t)number, (uint32_t)count };
    object.transit = (struct oh_effect_transit){ reader->columns[0], reader->columns[1], reader->columns[2],
                                                 (uint8_t)weekday, &bucket, 1 };
    return emit(reader, &object);
}

static const char document_sql[] =
    "COPY (SELECT kind, id, body FROM onhand.document ORDER BY kind, id) TO STDOUT (FORMAT binary)";

static enum oh_err document_take(struct reader *reader)
{
    struct oh_effect object = { .type = OH_EFFECT_DOCUMENT };
    object.document.id = reader->columns[1];
    object.document.body = reader->columns[2];
    enum oh_err err = GET_WORD(reader, 0, "kind", oh_document_kind_parse, &object.document.kind);
    return err == OH_OK ? emit(reader, &object) : err;
}

/* As many as a ledger keeps (OH_IMPORTS_MAX). */
static const char import_sql[] =
    "COPY (SELECT import, rows, rejected, number FROM onhand.import_progress"
    " ORDER BY number DESC LIMIT 4096) TO STDOUT (FORMAT binary)";

static enum oh_err import_take(struct reader *reader)
{
    struct oh_effect object = { .type = OH_EFFECT_IMPORT };
    object.import.import = reader->columns[0];
    enum oh_err err = get_count(reader, 1, "rows", &object.import.row_count);
    if (err == OH_OK)
        err = get_count(reader, 2, "rejected", &object.import.rejected_count);
    if (err == OH_OK)
        err = get_count(reader, 3, "number", &object.import.number);
    return err == OH_OK ? emit(reader, &object) : err;
}

/* ---- Stock ------------------------------------------------------------------------------------ */

/* A row per count that holds; a position that was never counted has one row. */
static const char position_sql[] =
    "COPY (SELECT i.index, n.index, p.sellable, p.damaged, p.quality_control, p.display, p.returned,"
    " p.has_forgotten OR coalesce(p.first_movement"
    "  < (SELECT current_setting('onhand.first_movement')::bigint), false),"
    " c.state, c.as_of, c.source_seq"
    " FROM onhand.position p LEFT JOIN onhand.item i USING (sku) LEFT JOIN onhand.node n USING (node)"
    " LEFT JOIN onhand.position_count c USING (sku, node)"
    " ORDER BY p.sku, p.node) TO STDOUT (FORMAT binary)";

static enum oh_err position_begin(struct reader *reader, uint32_t item, uint16_t node)
{
    struct oh_effect_position *position = &reader->object.position;
    enum oh_err err = object_end(reader);
    if (err != OH_OK)
        return err;
    reader->object = (struct oh_effect){ .type = OH_EFFECT_POSITION };
    reader->has_object = true;
    position->item = item;
    position->node = node;
    for (int i = 0; i < OH_STATE_COUNT && err == OH_OK; i++) {
        position->states[i].as_of_us = OH_TIME_US_NONE;
        position->states[i].source_seq = -1;
        err = get_milli(reader, 2 + i, oh_state_text((enum oh_state)i), &position->states[i].quantity_milli);
    }
    return err == OH_OK ? get_bool(reader, 7, "has_forgotten", &position->has_forgotten) : err;
}

static enum oh_err position_count_take(struct reader *reader)
{
    enum oh_state state = OH_STATE_SELLABLE;
    int64_t as_of_us = OH_TIME_US_NONE;
    uint64_t source_seq = 0;
    bool has_seq = reader->columns[10].data != NULL;
    enum oh_err err = GET_WORD(reader, 8, "state", oh_state_parse, &state);
    if (err == OH_OK)
        err = get_time(reader, 9, "as_of", &as_of_us);
    if (err == OH_OK && has_seq)
        err = get_count(reader, 10, "source_seq", &source_seq);
    if (err != OH_OK)
        return err;
    reader->object.position.states[state].as_of_us = as_of_us;
    reader->object.position.states[state].source_seq = has_seq ? (int64_t)source_seq : -1;
    return OH_OK;
}

static enum oh_err position_take(struct reader *reader)
{
    const struct oh_effect_position *position = &reader->object.position;
    uint32_t item = 0;
    uint16_t node = 0;
    enum oh_err err = get_item(reader, 0, &item);
    if (err == OH_OK)
        err = get_node(reader, 1, &node);
    if (err == OH_OK && (!reader->has_object || position->item != item || position->node != node))
        err = position_begin(reader, item, node);
    return err == OH_OK && reader->columns[8].data != NULL ? position_count_take(reader) : err;
}

static const char remembered_sql[] =
    "COPY (SELECT i.index, n.index, m.state, m.quantity, m.at, m.number"
    " FROM onhand.movement m LEFT JOIN onhand.item i USING (sku) LEFT JOIN onhand.node n USING (node)"
    " WHERE m.number >= (SELECT current_setting('onhand.first_movement')::bigint)"
    " ORDER BY m.number) TO STDOUT (FORMAT binary)";

static enum oh_err remembered_take(struct reader *reader)
{
    struct oh_effect object = { .type = OH_EFFECT_REMEMBERED };
    struct oh_effect_remembered *remembered = &object.remembered;
    enum oh_err err = get_item(reader, 0, &remembered->item);
    if (err == OH_OK)
        err = get_node(reader, 1, &remembered->node);
    if (err == OH_OK)
        err = GET_WORD(reader, 2, "state", oh_state_parse, &remembered->state);
    if (err == OH_OK)
        err = get_milli(reader, 3, "quantity", &remembered->quantity_milli);
    if (err == OH_OK)
        err = get_time(reader, 4, "at", &remembered->at_us);
    if (err == OH_OK)
        err = get_count(reader, 5, "number", &remembered->number);
    if (err == OH_OK && remembered->number != reader->next_movement)
        err = refuse(reader, "number", "is not the next one: rows are missing");
    reader->next_movement++;
    return err == OH_OK ? emit(reader, &object) : err;
}

static enum oh_err remembered_end(struct reader *reader)
{
    return reader->next_movement == reader->head->movement_count
               ? OH_OK
               : refuse(reader, "number", "does not reach watermark.movements: rows are missing");
}

/* ---- Reservations and keys -------------------------------------------------------------------- */

/* What a ledger still knows of: live, or ended less than a day before its time. A row per claim. */
static const char reservation_sql[] =
    "COPY (SELECT r.reservation, r.kind, r.channel, c.index, r.customer, r.order_ref, r.created_at, r.expires_at,"
    " r.ended_at, l.line, l.node, i.index, n.index, l.quantity, l.held, l.confirmed, l.fulfilled, l.expired, l.due_at"
    " FROM onhand.reservation r LEFT JOIN onhand.channel c USING (channel)"
    " LEFT JOIN onhand.reservation_line l USING (reservation)"
    " LEFT JOIN onhand.item i USING (sku) LEFT JOIN onhand.node n ON n.node = l.node"
    " WHERE r.ended_at IS NULL OR r.ended_at > (SELECT at - interval '24 hours' FROM onhand.watermark)"
    " ORDER BY r.made_seq, r.reservation, l.ordinal) TO STDOUT (FORMAT binary)";

enum {
    RESERVATION_LINE = 9, /* the first column of a claim */
};

static enum oh_err reservation_begin(struct reader *reader)
{
    const struct oh_bytes *columns = reader->columns;
    struct oh_effect object = { .type = OH_EFFECT_RESERVATION };
    object.reservation = (struct oh_effect_reservation){
        .id = columns[0], .customer = columns[4], .order = columns[5]
    };
    enum oh_err err = GET_WORD(reader, 1, "kind", oh_kind_parse, &object.reservation.kind);
    if (err == OH_OK)
        err = get_channel_or_none(reader, 2, &object.reservation.channel);
    if (err == OH_OK)
        err = get_time(reader, 6, "created_at", &object.reservation.created_at_us);
    if (err == OH_OK)
        err = get_time_or_none(reader, 7, "expires_at", &object.reservation.expires_at_us);
    if (err == OH_OK)
        err = get_time_or_none(reader, 8, "ended_at", &object.reservation.ended_at_us);
    oh_strbuf_clear(&reader->text);
    oh_strbuf_put_bytes(&reader->text, columns[0]);
    if (err == OH_OK && reader->text.is_overflowed)
        err = OH_E_NOMEM;
    return err == OH_OK ? emit(reader, &object) : err;
}

static enum oh_err claim_take(struct reader *reader)
{
    struct oh_effect object = { .type = OH_EFFECT_CLAIM };
    struct oh_effect_claim *claim = &object.claim;
    int32_t line = 0;
    claim->id = reader->columns[0];
    if (!oh_pg_get_i32(reader->columns[RESERVATION_LINE], &line) || line < 1)
        return refuse(reader, "line", "is below 1");
    claim->line = (uint32_t)line;
    enum oh_err err = get_item(reader, RESERVATION_LINE + 2, &claim->item);
    claim->node = OH_NODE_NONE;
    if (err == OH_OK && reader->columns[RESERVATION_LINE + 1].data != NULL)
        err = get_node(reader, RESERVATION_LINE + 3, &claim->node);
    if (err == OH_OK)
        err = get_milli(reader, RESERVATION_LINE + 4, "quantity", &claim->quantity_milli);
    if (err == OH_OK)
        err = get_milli(reader, RESERVATION_LINE + 5, "held", &claim->held_milli);
    if (err == OH_OK)
        err = get_milli(reader, RESERVATION_LINE + 6, "confirmed", &claim->confirmed_milli);
    if (err == OH_OK)
        err = get_milli(reader, RESERVATION_LINE + 7, "fulfilled", &claim->fulfilled_milli);
    if (err == OH_OK)
        err = get_milli(reader, RESERVATION_LINE + 8, "expired", &claim->expired_milli);
    if (err == OH_OK)
        err = get_time_or_none(reader, RESERVATION_LINE + 9, "due_at", &claim->due_at_us);
    return err == OH_OK ? emit(reader, &object) : err;
}

static enum oh_err reservation_take(struct reader *reader)
{
    enum oh_err err = OH_OK;
    if (!oh_bytes_equal(reader->columns[0], oh_strbuf_bytes(&reader->text)))
        err = reservation_begin(reader);
    return err == OH_OK && reader->columns[RESERVATION_LINE].data != NULL ? claim_take(reader) : err;
}

/* Of the reservations that are read. */
static const char booking_sql[] =
    "COPY (SELECT b.reservation, n.index, b.resource, b.unit, b.from_at, b.until_at, b.quantity"
    " FROM onhand.booking b JOIN onhand.reservation r USING (reservation) LEFT JOIN onhand.node n USING (node)"
    " WHERE r.ended_at IS NULL OR r.ended_at > (SELECT at - interval '24 hours' FROM onhand.watermark)"
    " ORDER BY r.made_seq, b.reservation, b.ordinal) TO STDOUT (FORMAT binary)";

static enum oh_err booking_take(struct reader *reader)
{
    struct oh_effect object = { .type = OH_EFFECT_BOOKING };
    struct oh_effect_booking *booking = &object.booking;
    booking->id = reader->columns[0];
    booking->resource = reader->columns[2];
    enum oh_err err = get_node(reader, 1, &booking->node);
    if (err == OH_OK)
        err = GET_WORD(reader, 3, "unit", oh_unit_parse, &booking->unit);
    if (err == OH_OK)
        err = get_time(reader, 4, "from_at", &booking->from_us);
    if (err == OH_OK)
        err = get_time(reader, 5, "until_at", &booking->until_us);
    if (err == OH_OK)
        err = get_milli(reader, 6, "quantity", &booking->quantity_milli);
    return err == OH_OK ? emit(reader, &object) : err;
}

static const char promise_sql[] =
    "COPY (SELECT p.reservation, p.body FROM onhand.promise p JOIN onhand.reservation r USING (reservation)"
    " WHERE r.ended_at IS NULL OR r.ended_at > (SELECT at - interval '24 hours' FROM onhand.watermark)"
    " ORDER BY r.made_seq, p.reservation) TO STDOUT (FORMAT binary)";

static enum oh_err promise_take(struct reader *reader)
{
    struct oh_effect object = { .type = OH_EFFECT_PROMISE };
    object.promise = (struct oh_effect_promise){ reader->columns[0], reader->columns[1] };
    return emit(reader, &object);
}

static const char key_sql[] =
    "COPY (SELECT key, fingerprint, answer_seq, at, answer FROM onhand.idempotency_key"
    " WHERE at > (SELECT at - interval '24 hours' FROM onhand.watermark)"
    " ORDER BY seq, ordinal) TO STDOUT (FORMAT binary)";

static enum oh_err key_take(struct reader *reader)
{
    struct oh_effect object = { .type = OH_EFFECT_KEY };
    int64_t fingerprint = 0;
    object.key.key = reader->columns[0];
    object.key.answer = reader->columns[4];
    enum oh_err err = OH_OK;
    if (!oh_pg_get_i64(reader->columns[1], &fingerprint)) /* all 64 bits are in use */
        err = refuse(reader, "fingerprint", "is null");
    object.key.fingerprint = (uint64_t)fingerprint;
    if (err == OH_OK)
        err = get_count(reader, 2, "answer_seq", &object.key.seq);
    if (err == OH_OK)
        err = get_time(reader, 3, "at", &object.key.at_us);
    return err == OH_OK ? emit(reader, &object) : err;
}

/* ---- Reading ---------------------------------------------------------------------------------- */

struct query {
    const char *table; /* for sentences */
    const char *sql;
    int column_count;
    enum oh_err (*take)(struct reader *reader); /* each row */
    enum oh_err (*end)(struct reader *reader);  /* NULL: nothing is left to do */
};

/* In the order of a snapshot: what later ones name comes first. */
static const struct query queries[] = {
    { "onhand.node", node_sql, 15, node_take, NULL },
    { "onhand.item", item_sql, 8, item_take, NULL },
    { "onhand.node_group", group_sql, 6, group_take, object_end },
    { "onhand.channel", channel_sql, 6, channel_take, object_end },
    { "onhand.rule", rule_sql, 17, rule_take, NULL },
    { "onhand.fence", fence_sql, 6, fence_take, NULL },
    { "onhand.supply", supply_sql, 5, supply_take, NULL },
    { "onhand.postal_code", postal_code_sql, 5, postal_code_take, NULL },
    { "onhand.transit", transit_sql, 6, transit_take, NULL },
    { "onhand.document", document_sql, 3, document_take, NULL },
    { "onhand.import_progress", import_sql, 4, import_take, NULL },
    { "onhand.position", position_sql, 11, position_take, object_end },
    { "onhand.reservation", reservation_sql, 19, reservation_take, NULL },
    { "onhand.booking", booking_sql, 7, booking_take, NULL },
    { "onhand.promise", promise_sql, 2, promise_take, NULL },
    { "onhand.idempotency_key", key_sql, 5, key_take, NULL },
    { "onhand.movement", remembered_sql, 6, remembered_take, remembered_end },
};

static enum oh_err refuse(const struct reader *reader, const char *column, const char *reason)
{
    oh_diag_set(reader->diag, "%s: %s %s (sql/fsck.sql finds such rows)", reader->query->table, column, reason);
    return OH_E_CORRUPT;
}

static enum oh_err row_take(struct reader *reader, struct oh_bytes bytes)
{
    int count = oh_pg_row_read(bytes, reader->columns, COLUMNS_MAX);
    if (count == -1)
        return OH_OK; /* the end of the stream, which is no row */
    if (count != reader->query->column_count)
        return refuse(reader, "a row", "does not have the columns that were asked for");
    return reader->query->take(reader);
}

static enum oh_err query_read(struct reader *reader, const struct query *query)
{
    reader->query = query;
    reader->has_object = false;
    oh_strbuf_clear(&reader->text);
    enum oh_err err = oh_pg_copy_out_begin(reader->pg, query->sql, reader->diag);
    while (err == OH_OK) { /* bounded by the table */
        struct oh_bytes bytes;
        err = oh_pg_copy_out_next(reader->pg, &bytes, reader->diag);
        if (err == OH_OK)
            err = row_take(reader, bytes);
    }
    if (err == OH_E_AGAIN)
        err = query->end == NULL ? OH_OK : query->end(reader);
    return err;
}

static enum oh_err head_emit(struct reader *reader)
{
    const struct oh_pg_head *head = reader->head;
    struct oh_effect object = { .type = OH_EFFECT_HEAD };
    object.head =
        (struct oh_effect_head){ head->seq, head->at_us, head->movement_count, head->forgotten_at_us };
    return emit(reader, &object);
}

enum oh_err oh_pg_objects_read(struct oh_pg *pg, const struct oh_pg_head *head,
                               const struct oh_pg_object_sink *sink, struct oh_diag *diag)
{
    struct reader reader = { .pg = pg,
                             .head = head,
                             .sink = sink,
                             .diag = diag,
                             .next_movement = head->first_movement };
    reader.lists = malloc(sizeof(*reader.lists));
    if (reader.lists == NULL)
        return OH_E_NOMEM;
    oh_strbuf_init(&reader.text, 4096);
    enum oh_err err = head_emit(&reader);
    for (size_t i = 0; err == OH_OK && i < sizeof(queries) / sizeof(queries[0]); i++)
        err = query_read(&reader, &queries[i]);
    oh_strbuf_fini(&reader.text);
    free(reader.lists);
    return err;
}

/* ---- The watermark ---------------------------------------------------------------------------- */

static const char watermark_sql[] =
    "SELECT seq, at, epoch, known_seq, committed_at, movements, forgotten, forgotten_at FROM onhand.watermark";

static bool get_u64(struct oh_bytes value, uint64_t *out)
{
    int64_t number;
    bool is_right = oh_pg_get_i64(value, &number) && number >= 0;
    *out = (uint64_t)number;
    return is_right;
}

static enum oh_err watermark_read(struct oh_pg *pg, struct oh_pg_head *head, uint64_t *out_forgotten,
                                  struct oh_diag *diag)
{
    enum oh_err err = oh_pg_query(pg, watermark_sql, NULL, 0, diag);
    if (err != OH_OK)
        return err;
    bool is_right = oh_pg_row_count(pg) == 1 && get_u64(oh_pg_value(pg, 0, 0), &head->seq) &&
                    oh_pg_get_time(oh_pg_value(pg, 0, 1), &head->at_us) &&
                    oh_pg_get_i64(oh_pg_value(pg, 0, 2), &head->epoch) &&
                    get_u64(oh_pg_value(pg, 0, 3), &head->known_seq) &&
                    oh_pg_get_time(oh_pg_value(pg, 0, 4), &head->committed_at_us) &&
                    get_u64(oh_pg_value(pg, 0, 5), &head->movement_count) &&
                    get_u64(oh_pg_value(pg, 0, 6), out_forgotten) &&
                    oh_pg_get_time(oh_pg_value(pg, 0, 7), &head->forgotten_at_us);
    if (!is_right || *out_forgotten > head->movement_count ||
        (head->seq > 0 && head->at_us == OH_TIME_US_NONE)) {
        oh_diag_set(diag, "onhand.watermark is not one row as the projection writes it");
        return OH_E_CORRUPT;
    }
    if (head->seq == 0) {
        oh_diag_set(diag, "the tables are empty: no server has projected a record into them yet");
        return OH_E_NOT_FOUND;
    }
    return OH_OK;
}

/* Tells the queries, and asks for the latest time of what will not be remembered. */
static enum oh_err history_cut(struct oh_pg *pg, struct oh_pg_head *head, struct oh_diag *diag)
{
    char text[24];
    int64_t at_us = OH_TIME_US_NONE;
    (void)snprintf(text, sizeof(text), "%" PRIu64, head->first_movement);
    const struct oh_pg_parameter parameter = { OH_PG_TEXT, oh_bytes_of(text) };
    enum oh_err err =
        oh_pg_query(pg, "SELECT set_config('onhand.first_movement', $1, true)", &parameter, 1, diag);
    if (err == OH_OK)
        err = oh_pg_query(pg, "SELECT max(at) FROM onhand.movement WHERE number < $1::bigint", &parameter, 1, diag);
    if (err != OH_OK)
        return err;
    if (oh_pg_row_count(pg) == 1 && oh_pg_get_time(oh_pg_value(pg, 0, 0), &at_us) && at_us > head->forgotten_at_us)
        head->forgotten_at_us = at_us; /* none is less than any time */
    return OH_OK;
}

enum oh_err oh_pg_objects_begin(struct oh_pg *pg, uint64_t history_max, struct oh_pg_head *out_head,
                                struct oh_diag *diag)
{
    struct oh_pg_head head = { .seq = 0 };
    uint64_t forgotten = 0;
    enum oh_err err = oh_pg_run(pg, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", diag);
    if (err == OH_OK)
        err = watermark_read(pg, &head, &forgotten, diag);
    if (err != OH_OK)
        return err;
    head.first_movement = head.movement_count > history_max ? head.movement_count - history_max : 0;
    if (head.first_movement < forgotten)
        head.first_movement = forgotten;
    err = history_cut(pg, &head, diag);
    if (err == OH_OK)
        *out_head = head;
    return err;
}
