#include "sim/projected_fold.h"
#include "base/assert.h"
#include <string.h>

#define PLACES 65536

/* ---- Cells ------------------------------------------------------------------------------------------------------- */

static int64_t words(const char *text)
{
    return text_number(oh_bytes_of(text));
}

static int64_t said(struct oh_bytes text) /* nothing said: null */
{
    return text.size == 0 ? CELL_NULL : text_number(text);
}

static int64_t time_cell(int64_t at_us)
{
    return at_us == OH_TIME_US_NONE ? CELL_NULL : at_us;
}

static int64_t double_cell(double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static int64_t name_at(const int64_t *names, uint32_t index)
{
    OH_ASSERT(index < FOLD_NAMES_MAX);
    return names[index];
}

static int64_t node_at(const struct projected_fold *fold, uint16_t node)
{
    return node == OH_NODE_NONE ? CELL_NULL : name_at(fold->nodes, node);
}

static int64_t channel_at(const struct projected_fold *fold, uint16_t channel)
{
    return channel == OH_NODE_NONE ? CELL_NULL : name_at(fold->channels, channel);
}

static int64_t seq_of(const struct projected_fold *fold)
{
    return (int64_t)fold->seq;
}

/* In the order of lines and bookings; those of a snapshot are before all others. */
static int64_t place_take(struct projected_fold *fold)
{
    return fold->is_snapshot ? (int64_t)++fold->places : seq_of(fold) * PLACES + fold->ordinal;
}

/* ---- Rows -------------------------------------------------------------------------------------------------------- */

/* The row with these cells' key becomes them. */
static void put(struct projected_fold *fold, enum table_id id, const int64_t *cells)
{
    int64_t key[TABLE_KEYS_MAX];
    for (uint32_t i = 0; i < table_shapes[id].key_count; i++)
        key[i] = cells[(unsigned char)table_shapes[id].keys[i]];
    uint32_t row = table_shapes[id].key_count == 0 ? ROW_NONE : table_find(&fold->tables, id, key);
    if (row != ROW_NONE)
        table_change(&fold->tables, id, row, cells);
    else
        (void)table_insert(&fold->tables, id, cells);
    tables_keep(&fold->tables);
}

/* False: it is not there, and out_cells as they were. */
static bool get(const struct projected_fold *fold, enum table_id id, const int64_t *key, int64_t *out_cells)
{
    uint32_t row = table_find(&fold->tables, id, key);
    if (row != ROW_NONE)
        memcpy(out_cells, table_row(&fold->tables, id, row), table_columns(id) * sizeof(int64_t));
    return row != ROW_NONE;
}

static void drop(struct projected_fold *fold, enum table_id id, const int64_t *key)
{
    uint32_t row = table_find(&fold->tables, id, key);
    if (row != ROW_NONE)
        table_remove(&fold->tables, id, row);
    tables_keep(&fold->tables);
}

static void drop_all(struct projected_fold *fold, enum table_id id, int64_t first)
{
    for (uint32_t row = table_first(&fold->tables, id, first); row != ROW_NONE;) {
        uint32_t next = table_next(&fold->tables, id, row);
        table_remove(&fold->tables, id, row);
        row = next;
    }
    tables_keep(&fold->tables);
}

/* ---- Reference data ---------------------------------------------------------------------------------------------- */

static void take_node(struct projected_fold *fold, const struct oh_effect_node *effect)
{
    const struct oh_node_command *value = &effect->value;
    OH_ASSERT(effect->index < FOLD_NAMES_MAX);
    fold->nodes[effect->index] = text_number(value->node);
    const int64_t cells[] = {
        text_number(value->node),
        effect->index,
        words(oh_node_type_text(value->type)),
        text_number(value->name),
        text_number(value->gln),
        text_number(value->country),
        text_number(value->time_zone),
        text_number(value->city),
        text_number(value->region),
        text_number(value->postal_code),
        value->has_point ? double_cell(value->point.latitude) : CELL_NULL,
        value->has_point ? double_cell(value->point.longitude) : CELL_NULL,
        value->ships,
        value->collects,
        value->enabled,
        seq_of(fold),
    };
    put(fold, TABLE_NODE, cells);
}

static void take_item(struct projected_fold *fold, const struct oh_effect_item *effect)
{
    const struct oh_item_command *value = &effect->value;
    OH_ASSERT(effect->index < FOLD_NAMES_MAX);
    fold->items[effect->index] = text_number(value->sku);
    const int64_t cells[] = { text_number(value->sku),   effect->index,
                              text_number(value->name),  text_number(value->gtin),
                              text_number(value->class), value->weight_grams,
                              value->side_mm,            value->volume_cm3,
                              seq_of(fold) };
    put(fold, TABLE_ITEM, cells);
}

static void put_member(struct projected_fold *fold, int64_t group, uint16_t node, int32_t priority, uint32_t place)
{
    const int64_t cells[] = { group, node_at(fold, node), priority, seq_of(fold) * PLACES + place };
    put(fold, TABLE_MEMBER, cells);
}

static void take_group(struct projected_fold *fold, const struct oh_effect_group *effect)
{
    int64_t group = text_number(effect->group);
    OH_ASSERT(effect->index < FOLD_NAMES_MAX);
    fold->groups[effect->index] = group;
    const int64_t cells[] = { group, effect->index, text_number(effect->name), seq_of(fold) };
    put(fold, TABLE_GROUP, cells);
    drop_all(fold, TABLE_MEMBER, group);
    for (uint32_t i = 0; i < effect->node_count; i++)
        put_member(fold, group, effect->nodes[i], effect->priorities[i], i);
}

static void take_channel(struct projected_fold *fold, const struct oh_effect_channel *effect)
{
    int64_t channel = text_number(effect->channel);
    OH_ASSERT(effect->index < FOLD_NAMES_MAX);
    fold->channels[effect->index] = channel;
    const int64_t cells[] = { channel, effect->index, text_number(effect->name),
                              words(oh_policy_text(effect->policy)), seq_of(fold) };
    put(fold, TABLE_CHANNEL, cells);
    drop_all(fold, TABLE_CHANNEL_NODE, channel);
    drop_all(fold, TABLE_CHANNEL_GROUP, channel);
    for (uint32_t i = 0; i < effect->node_count; i++)
        put(fold, TABLE_CHANNEL_NODE, (const int64_t[]){ channel, i, node_at(fold, effect->nodes[i]) });
    for (uint32_t i = 0; i < effect->group_count; i++)
        put(fold, TABLE_CHANNEL_GROUP, (const int64_t[]){ channel, i, name_at(fold->groups, effect->groups[i]) });
}

static int64_t if_said(const struct oh_rule_values *values, uint32_t bit, int64_t value)
{
    return (values->mask & bit) != 0 ? value : CELL_NULL;
}

static void take_rule(struct projected_fold *fold, const struct oh_effect_rule *effect)
{
    const struct oh_rule_values *values = &effect->values;
    int64_t rule = text_number(effect->rule);
    const int64_t cells[] = {
        rule,
        effect->item == OH_INDEX_NONE ? CELL_NULL : name_at(fold->items, effect->item),
        node_at(fold, effect->node),
        channel_at(fold, effect->channel),
        if_said(values, OH_RULE_SAFETY_STOCK, values->safety_stock_milli),
        if_said(values, OH_RULE_THRESHOLD, values->threshold_milli),
        if_said(values, OH_RULE_MIN_QUANTITY, values->min_quantity_milli),
        if_said(values, OH_RULE_MAX_QUANTITY, values->max_quantity_milli),
        if_said(values, OH_RULE_INCREMENT, values->increment_milli),
        if_said(values, OH_RULE_BACKORDER_LIMIT, values->backorder_limit_milli),
        if_said(values, OH_RULE_LOW_STOCK, values->low_stock_milli),
        if_said(values, OH_RULE_PICKUP_ALLOWED, values->pickup_allowed),
        if_said(values, OH_RULE_SHIP_ALLOWED, values->ship_allowed),
        if_said(values, OH_RULE_PREORDER, values->preorder),
        seq_of(fold),
    };
    if (values->mask == 0)
        drop(fold, TABLE_RULE, &rule);
    else
        put(fold, TABLE_RULE, cells);
}

/* ---- Positions --------------------------------------------------------------------------------------------------- */

enum {
    P_SELLABLE = 2, /* and the other states behind it */
    P_HELD = 7,
    P_CONFIRMED,
    P_SEQ,
    P_FIRST,
    P_FORGOTTEN,
};

/* The position, which is there from now on. */
static void position_get(const struct projected_fold *fold, uint32_t item, uint16_t node, int64_t *out)
{
    const int64_t key[] = { name_at(fold->items, item), node_at(fold, node) };
    if (!get(fold, TABLE_POSITION, key, out)) {
        memset(out, 0, TABLE_COLUMNS_MAX * sizeof(*out));
        out[0] = key[0];
        out[1] = key[1];
        out[P_FIRST] = CELL_NULL;
    }
    out[P_SEQ] = seq_of(fold);
}

static void position_touch(struct projected_fold *fold, uint32_t item, uint16_t node)
{
    int64_t position[TABLE_COLUMNS_MAX];
    position_get(fold, item, node, position);
    put(fold, TABLE_POSITION, position);
}

static void take_fence(struct projected_fold *fold, const struct oh_effect_fence *effect)
{
    int64_t fence = text_number(effect->fence);
    drop(fold, TABLE_FENCE, &fence);
    if (effect->item == OH_INDEX_NONE)
        return;
    const int64_t cells[] = { fence,
                              name_at(fold->items, effect->item),
                              node_at(fold, effect->node),
                              channel_at(fold, effect->channel),
                              effect->quantity_milli,
                              words(oh_fence_policy_text(effect->policy)),
                              seq_of(fold) };
    put(fold, TABLE_FENCE, cells);
    position_touch(fold, effect->item, effect->node);
}

static void take_supply(struct projected_fold *fold, const struct oh_effect_supply *effect)
{
    int64_t supply = text_number(effect->supply);
    drop(fold, TABLE_SUPPLY, &supply);
    if (effect->quantity_milli == 0)
        return;
    const int64_t cells[] = { supply,
                              name_at(fold->items, effect->item),
                              node_at(fold, effect->node),
                              effect->quantity_milli,
                              time_cell(effect->eta_us),
                              seq_of(fold) };
    put(fold, TABLE_SUPPLY, cells);
    position_touch(fold, effect->item, effect->node);
}

static void take_postal_code(struct projected_fold *fold, const struct oh_postal_code_command *effect)
{
    const int64_t cells[] = { text_number(effect->country),
                              text_number(effect->postal_code),
                              text_number(effect->place),
                              double_cell(effect->point.latitude),
                              double_cell(effect->point.longitude),
                              seq_of(fold) };
    put(fold, TABLE_POSTAL_CODE, cells);
}

static void take_transit(struct projected_fold *fold, const struct oh_effect_transit *effect)
{
    for (uint32_t i = 0; i < effect->bucket_count; i++) {
        int64_t cells[TABLE_COLUMNS_MAX] = { text_number(effect->service), text_number(effect->origin),
                                             text_number(effect->destination), effect->weekday,
                                             effect->buckets[i].bucket };
        (void)get(fold, TABLE_TRANSIT, (const int64_t[]){ cells[0], cells[1], cells[2], cells[3], cells[4] }, cells);
        cells[5] += effect->buckets[i].count;
        cells[6] = seq_of(fold);
        put(fold, TABLE_TRANSIT, cells);
    }
}

static void take_document(struct projected_fold *fold, const struct oh_document_command *effect)
{
    const int64_t cells[] = { words(oh_document_kind_text(effect->kind)), text_number(effect->id),
                              text_number(effect->body), seq_of(fold) };
    if (effect->body.size == 0)
        drop(fold, TABLE_DOCUMENT, cells);
    else
        put(fold, TABLE_DOCUMENT, cells);
}

/* ---- Stock ------------------------------------------------------------------------------------------------------- */

struct movement {
    uint32_t item;
    uint16_t node;
    enum oh_state state;
    const char *kind;
    int64_t at_us;
    int64_t told_milli;
    int64_t change_milli;
    bool is_numbered;
    struct oh_bytes source;
    int64_t reason;
    int64_t reservation;
    int64_t line;
};

static void move(struct projected_fold *fold, const struct movement *movement)
{
    int64_t position[TABLE_COLUMNS_MAX];
    int64_t number = movement->is_numbered ? (int64_t)fold->movements++ : CELL_NULL;
    position_get(fold, movement->item, movement->node, position);
    position[P_SELLABLE + (int)movement->state] += movement->change_milli;
    if (position[P_FIRST] == CELL_NULL)
        position[P_FIRST] = number;
    put(fold, TABLE_POSITION, position);
    const int64_t cells[] = { seq_of(fold),
                              fold->ordinal,
                              fold->at_us,
                              movement->at_us,
                              position[0],
                              position[1],
                              words(oh_state_text(movement->state)),
                              words(movement->kind),
                              movement->change_milli,
                              movement->told_milli,
                              number,
                              said(movement->source),
                              movement->reason,
                              movement->reservation,
                              movement->line };
    put(fold, TABLE_MOVEMENT, cells);
}

static void take_movement(struct projected_fold *fold, const struct oh_effect_movement *effect)
{
    move(fold, &(struct movement){ .item = effect->item,
                                   .node = effect->node,
                                   .state = effect->state,
                                   .kind = "adjust",
                                   .at_us = effect->at_us,
                                   .told_milli = effect->quantity_milli,
                                   .change_milli = effect->is_counted ? 0 : effect->quantity_milli,
                                   .is_numbered = !effect->is_counted,
                                   .source = effect->source,
                                   .reason = text_number(effect->reason),
                                   .reservation = CELL_NULL,
                                   .line = CELL_NULL });
}

static void take_count(struct projected_fold *fold, const struct oh_effect_count *effect)
{
    move(fold, &(struct movement){ .item = effect->item,
                                   .node = effect->node,
                                   .state = effect->state,
                                   .kind = "count",
                                   .at_us = effect->as_of_us,
                                   .told_milli = effect->quantity_milli,
                                   .change_milli = effect->delta_milli,
                                   .source = effect->source,
                                   .reason = CELL_NULL,
                                   .reservation = CELL_NULL,
                                   .line = CELL_NULL });
    const int64_t cells[] = { name_at(fold->items, effect->item),
                              node_at(fold, effect->node),
                              words(oh_state_text(effect->state)),
                              effect->as_of_us,
                              effect->source_seq < 0 ? CELL_NULL : effect->source_seq,
                              effect->quantity_milli,
                              said(effect->source),
                              seq_of(fold) };
    put(fold, TABLE_COUNT, cells);
}

/* ---- Reservations ------------------------------------------------------------------------------------------------ */

enum {
    R_CHANNEL = 2,
    R_STATUS = 5,
    R_EXPIRES = 7,
    R_ENDED,
    R_MADE,
    R_SEQ,
};

enum {
    L_QUANTITY = 4,
    L_HELD,
    L_CONFIRMED,
    L_FULFILLED,
    L_EXPIRED,
    L_DUE,
    L_ORDINAL,
    L_SEQ,
};

/* What its lines say: the first figure that any of them has. */
static uint32_t figure_first(const struct projected_fold *fold, int64_t id)
{
    uint32_t first = 4;
    for (uint32_t row = table_first(&fold->tables, TABLE_LINE, id); row != ROW_NONE;
         row = table_next(&fold->tables, TABLE_LINE, row)) {
        for (uint32_t figure = 0; figure < first; figure++) {
            if (table_row(&fold->tables, TABLE_LINE, row)[L_HELD + (int)figure] != 0)
                first = figure;
        }
    }
    return first;
}

/* After a change: what its lines say. A step that is no move may have ended it. */
static void reservation_changed(struct projected_fold *fold, int64_t id, bool may_end)
{
    static const char *const statuses[] = { "held", "confirmed", "fulfilled", "expired", "released" };
    int64_t cells[TABLE_COLUMNS_MAX];
    if (!get(fold, TABLE_RESERVATION, &id, cells))
        return;
    uint32_t first = figure_first(fold, id);
    cells[R_STATUS] = words(statuses[first]);
    cells[R_SEQ] = seq_of(fold);
    if (may_end && cells[R_ENDED] == CELL_NULL && first > 1)
        cells[R_ENDED] = fold->at_us;
    put(fold, TABLE_RESERVATION, cells);
}

static void take_reservation(struct projected_fold *fold, const struct oh_effect_reservation *effect)
{
    int64_t id = text_number(effect->id);
    drop_all(fold, TABLE_LINE, id);
    drop_all(fold, TABLE_BOOKING, id);
    drop_all(fold, TABLE_PROMISE, id);
    const int64_t cells[] = { id,
                              words(oh_kind_text(effect->kind)),
                              channel_at(fold, effect->channel),
                              said(effect->customer),
                              said(effect->order),
                              words("released"),
                              effect->created_at_us,
                              time_cell(effect->expires_at_us),
                              time_cell(effect->ended_at_us),
                              seq_of(fold),
                              seq_of(fold) };
    put(fold, TABLE_RESERVATION, cells);
}

/* One row of history, and what it changes at the position. */
static void tell(struct projected_fold *fold, int64_t id, const int64_t *line, const char *event, int64_t quantity,
                 int64_t held, int64_t confirmed)
{
    const int64_t cells[] = { seq_of(fold), fold->ordinal, fold->at_us, id,   line[1],   line[2],
                              line[3],      words(event),  quantity,    held, confirmed, CELL_NULL };
    put(fold, TABLE_EVENT, cells);
}

static void position_claim(struct projected_fold *fold, uint32_t item, uint16_t node, int64_t held, int64_t confirmed)
{
    int64_t position[TABLE_COLUMNS_MAX];
    if (node == OH_NODE_NONE)
        return;
    position_get(fold, item, node, position);
    position[P_HELD] += held;
    position[P_CONFIRMED] += confirmed;
    put(fold, TABLE_POSITION, position);
}

static void take_claim(struct projected_fold *fold, const struct oh_effect_claim *effect)
{
    int64_t id = text_number(effect->id);
    int64_t line[TABLE_COLUMNS_MAX] = { id, effect->line, name_at(fold->items, effect->item),
                                        node_at(fold, effect->node) };
    line[L_DUE] = CELL_NULL;
    if (!get(fold, TABLE_LINE, (const int64_t[]){ line[0], line[1], line[2], line[3] }, line))
        line[L_ORDINAL] = place_take(fold);
    line[L_QUANTITY] += effect->quantity_milli;
    line[L_HELD] += effect->held_milli;
    line[L_CONFIRMED] += effect->confirmed_milli;
    line[L_FULFILLED] += effect->fulfilled_milli;
    line[L_EXPIRED] += effect->expired_milli;
    if (line[L_DUE] == CELL_NULL && effect->held_milli + effect->confirmed_milli > 0)
        line[L_DUE] = time_cell(effect->due_at_us);
    line[L_SEQ] = seq_of(fold);
    put(fold, TABLE_LINE, line);
    reservation_changed(fold, id, false);
    position_claim(fold, effect->item, effect->node, effect->held_milli, effect->confirmed_milli);
    tell(fold, id, line, effect->node == OH_NODE_NONE ? "short" : "claim", effect->quantity_milli, effect->held_milli,
         effect->confirmed_milli);
}

static void take_booking(struct projected_fold *fold, const struct oh_effect_booking *effect)
{
    const int64_t key[] = { text_number(effect->id), node_at(fold, effect->node), text_number(effect->resource),
                            effect->from_us };
    int64_t cells[TABLE_COLUMNS_MAX] = { key[0],
                                         key[1],
                                         key[2],
                                         words(oh_unit_text(effect->unit)),
                                         effect->from_us,
                                         effect->until_us,
                                         0,
                                         place_take(fold) };
    (void)get(fold, TABLE_BOOKING, key, cells);
    cells[6] = effect->quantity_milli;
    cells[8] = seq_of(fold);
    if (effect->quantity_milli == 0)
        drop(fold, TABLE_BOOKING, key);
    else
        put(fold, TABLE_BOOKING, cells);
}

/* What leaves uses up the fence of the reservation's channel. */
static void leave(struct projected_fold *fold, const struct oh_effect_step *effect, int64_t id, int64_t channel)
{
    const struct table *fences = &fold->tables.tables[TABLE_FENCE];
    move(fold, &(struct movement){ .item = effect->item,
                                   .node = effect->node,
                                   .state = OH_STATE_SELLABLE,
                                   .kind = "fulfil",
                                   .at_us = effect->at_us,
                                   .told_milli = -effect->quantity_milli,
                                   .change_milli = effect->is_counted ? 0 : -effect->quantity_milli,
                                   .is_numbered = !effect->is_counted,
                                   .reason = CELL_NULL,
                                   .reservation = id,
                                   .line = effect->line });
    for (uint32_t row = 0; row < fences->count; row++) {
        int64_t cells[TABLE_COLUMNS_MAX];
        if (!fences->is_there[row])
            continue;
        memcpy(cells, table_row(&fold->tables, TABLE_FENCE, row), table_columns(TABLE_FENCE) * sizeof(int64_t));
        if (cells[1] != name_at(fold->items, effect->item) || cells[2] != node_at(fold, effect->node) ||
            channel == CELL_NULL || cells[3] != channel)
            continue;
        cells[4] = cells[4] > effect->quantity_milli ? cells[4] - effect->quantity_milli : 0;
        cells[6] = seq_of(fold);
        put(fold, TABLE_FENCE, cells);
    }
}

static void take_step(struct projected_fold *fold, const struct oh_effect_step *effect)
{
    static const char *const events[] = { "confirm", "release", "expire", "fulfil", "move" };
    int64_t id = text_number(effect->id);
    int64_t quantity = effect->quantity_milli;
    int64_t reservation[TABLE_COLUMNS_MAX] = { 0 };
    int64_t line[TABLE_COLUMNS_MAX] = { 0 };
    const int64_t key[] = { id, effect->line, name_at(fold->items, effect->item), node_at(fold, effect->node) };
    bool is_known = get(fold, TABLE_LINE, key, line) && get(fold, TABLE_RESERVATION, &id, reservation);
    OH_ASSERT(is_known);
    bool is_held = effect->step == OH_STEP_CONFIRM || effect->step == OH_STEP_EXPIRE ||
                   (effect->step != OH_STEP_FULFIL && effect->is_held);
    int64_t held = is_held ? -quantity : 0;
    int64_t confirmed = effect->step == OH_STEP_CONFIRM ? quantity : is_held ? 0 : -quantity;
    line[L_HELD] += held;
    line[L_CONFIRMED] += confirmed;
    line[L_FULFILLED] += effect->step == OH_STEP_FULFIL ? quantity : 0;
    line[L_EXPIRED] += effect->step == OH_STEP_EXPIRE ? quantity : 0;
    line[L_QUANTITY] -= effect->step == OH_STEP_MOVE ? quantity : 0;
    line[L_DUE] = line[L_HELD] + line[L_CONFIRMED] == 0 ? CELL_NULL : line[L_DUE];
    line[L_SEQ] = seq_of(fold);
    if (line[L_QUANTITY] == 0)
        drop(fold, TABLE_LINE, key);
    else
        put(fold, TABLE_LINE, line);
    reservation_changed(fold, id, effect->step != OH_STEP_MOVE);
    position_claim(fold, effect->item, effect->node, held, confirmed);
    tell(fold, id, line, events[effect->step], quantity, held, confirmed);
    if (effect->step == OH_STEP_FULFIL)
        leave(fold, effect, id, reservation[R_CHANNEL]);
}

static void take_extend(struct projected_fold *fold, const struct oh_effect_extend *effect)
{
    int64_t id = text_number(effect->id);
    int64_t cells[TABLE_COLUMNS_MAX];
    bool is_known = get(fold, TABLE_RESERVATION, &id, cells);
    OH_ASSERT(is_known);
    cells[R_EXPIRES] = time_cell(effect->expires_at_us);
    cells[R_SEQ] = seq_of(fold);
    put(fold, TABLE_RESERVATION, cells);
    const int64_t event[] = { seq_of(fold), fold->ordinal,   fold->at_us, id, CELL_NULL, CELL_NULL,
                              CELL_NULL,    words("extend"), CELL_NULL,   0,  0,         cells[R_EXPIRES] };
    put(fold, TABLE_EVENT, event);
}

/* ---- The rest ---------------------------------------------------------------------------------------------------- */

static void take_key(struct projected_fold *fold, const struct oh_effect_key *effect)
{
    const int64_t cells[] = { seq_of(fold),
                              fold->ordinal,
                              effect->at_us,
                              (int64_t)effect->seq,
                              (int64_t)effect->fingerprint,
                              text_number(effect->key),
                              text_number(effect->answer) };
    put(fold, TABLE_KEY, cells);
}

static void take_import(struct projected_fold *fold, const struct oh_effect_import *effect)
{
    uint64_t number = fold->is_snapshot ? effect->number : fold->imports + 1;
    fold->imports = number > fold->imports ? number : fold->imports;
    const int64_t cells[] = { text_number(effect->import), (int64_t)effect->row_count,
                              (int64_t)effect->rejected_count, (int64_t)number };
    put(fold, TABLE_IMPORT, cells);
}

/* ---- Objects of a snapshot --------------------------------------------------------------------------------------- */

/* What it has, and of what is counted the latest count, but not what that said. */
static void take_position(struct projected_fold *fold, const struct oh_effect_position *object)
{
    int64_t position[TABLE_COLUMNS_MAX];
    position_get(fold, object->item, object->node, position);
    position[P_FORGOTTEN] = object->has_forgotten;
    for (unsigned state = 0; state < OH_STATE_COUNT; state++) {
        position[P_SELLABLE + state] = object->states[state].quantity_milli;
        if (object->states[state].as_of_us == OH_TIME_US_NONE)
            continue;
        int64_t source_seq = object->states[state].source_seq;
        const int64_t cells[] = { position[0],
                                  position[1],
                                  words(oh_state_text((enum oh_state)state)),
                                  object->states[state].as_of_us,
                                  source_seq < 0 ? CELL_NULL : source_seq,
                                  CELL_NULL,
                                  CELL_NULL,
                                  CELL_NULL };
        put(fold, TABLE_COUNT, cells);
    }
    put(fold, TABLE_POSITION, position);
}

/* A movement that a count to come may ask for: it is in the position already. */
static void take_remembered(struct projected_fold *fold, const struct oh_effect_remembered *object)
{
    int64_t position[TABLE_COLUMNS_MAX];
    int64_t number = (int64_t)object->number;
    position_get(fold, object->item, object->node, position);
    if (position[P_FIRST] == CELL_NULL || number < position[P_FIRST])
        position[P_FIRST] = number;
    put(fold, TABLE_POSITION, position);
    if (object->number < fold->forgotten)
        fold->forgotten = object->number;
    const int64_t cells[] = { seq_of(fold), fold->ordinal, fold->at_us, object->at_us, position[0], position[1],
                              words(oh_state_text(object->state)), words("adjust"), object->quantity_milli,
                              object->quantity_milli, number, CELL_NULL, CELL_NULL, CELL_NULL, CELL_NULL };
    put(fold, TABLE_MOVEMENT, cells);
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

static void take(struct projected_fold *fold, const struct oh_effect *effect)
{
    switch (effect->type) {
    case OH_EFFECT_NODE:
        take_node(fold, &effect->node);
        break;
    case OH_EFFECT_ITEM:
        take_item(fold, &effect->item);
        break;
    case OH_EFFECT_GROUP:
        take_group(fold, &effect->group);
        break;
    case OH_EFFECT_GROUP_MEMBER:
        put_member(fold, name_at(fold->groups, effect->group_member.group), effect->group_member.node,
                   effect->group_member.priority, fold->ordinal);
        break;
    case OH_EFFECT_CHANNEL:
        take_channel(fold, &effect->channel);
        break;
    case OH_EFFECT_RULE:
        take_rule(fold, &effect->rule);
        break;
    case OH_EFFECT_FENCE:
        take_fence(fold, &effect->fence);
        break;
    case OH_EFFECT_SUPPLY:
        take_supply(fold, &effect->supply);
        break;
    case OH_EFFECT_POSTAL_CODE:
        take_postal_code(fold, &effect->postal_code);
        break;
    case OH_EFFECT_MOVEMENT:
        take_movement(fold, &effect->movement);
        break;
    case OH_EFFECT_COUNT:
        take_count(fold, &effect->count);
        break;
    case OH_EFFECT_RESERVATION:
        take_reservation(fold, &effect->reservation);
        break;
    case OH_EFFECT_CLAIM:
        take_claim(fold, &effect->claim);
        break;
    case OH_EFFECT_STEP:
        take_step(fold, &effect->step);
        break;
    case OH_EFFECT_EXTEND:
        take_extend(fold, &effect->extend);
        break;
    case OH_EFFECT_KEY:
        take_key(fold, &effect->key);
        break;
    case OH_EFFECT_IMPORT:
        take_import(fold, &effect->import);
        break;
    case OH_EFFECT_DOCUMENT:
        take_document(fold, &effect->document);
        break;
    case OH_EFFECT_BOOKING:
        take_booking(fold, &effect->booking);
        break;
    case OH_EFFECT_PROMISE:
        put(fold, TABLE_PROMISE,
            (const int64_t[]){ text_number(effect->promise.id), text_number(effect->promise.body), seq_of(fold) });
        break;
    case OH_EFFECT_TRANSIT:
        take_transit(fold, &effect->transit);
        break;
    case OH_EFFECT_POSITION:
        take_position(fold, &effect->position);
        break;
    case OH_EFFECT_REMEMBERED:
        take_remembered(fold, &effect->remembered);
        break;
    case OH_EFFECT_HEAD:
        break;
    default:
        OH_UNREACHABLE();
    }
}

void projected_fold_init(struct projected_fold *fold)
{
    *fold = (struct projected_fold){ .seq = 0 };
    tables_init(&fold->tables);
}

void projected_fold_fini(struct projected_fold *fold)
{
    tables_fini(&fold->tables);
}

void projected_fold_record(struct projected_fold *fold, const struct oh_record *record)
{
    OH_ASSERT(record->seq == fold->seq + 1);
    fold->seq = record->seq;
    fold->at_us = record->at_us;
    for (fold->ordinal = 0; fold->ordinal < record->effect_count; fold->ordinal++)
        take(fold, &record->effects[fold->ordinal]);
}

void projected_fold_begin_snapshot(struct projected_fold *fold, const struct oh_effect_head *head)
{
    fold->is_snapshot = true;
    fold->seq = head->seq;
    fold->at_us = head->time_us;
    fold->ordinal = 0;
    fold->movements = head->movement_count;
    fold->forgotten = head->movement_count;
}

void projected_fold_name(struct projected_fold *fold, const struct oh_effect *object)
{
    if (object->type == OH_EFFECT_NODE)
        fold->nodes[object->node.index] = text_number(object->node.value.node);
    if (object->type == OH_EFFECT_ITEM)
        fold->items[object->item.index] = text_number(object->item.value.sku);
    if (object->type == OH_EFFECT_GROUP)
        fold->groups[object->group.index] = text_number(object->group.group);
    if (object->type == OH_EFFECT_CHANNEL)
        fold->channels[object->channel.index] = text_number(object->channel.channel);
}

void projected_fold_object(struct projected_fold *fold, const struct oh_effect *object)
{
    take(fold, object);
    fold->ordinal++;
}

/* What a position has that no movement says, it began with. */
void projected_fold_end_snapshot(struct projected_fold *fold)
{
    const struct table *positions = &fold->tables.tables[TABLE_POSITION];
    const struct table *movements = &fold->tables.tables[TABLE_MOVEMENT];
    fold->is_snapshot = false;
    for (uint32_t row = 0; row < positions->count; row++) {
        const int64_t *position = table_row(&fold->tables, TABLE_POSITION, row);
        for (unsigned state = 0; state < OH_STATE_COUNT; state++) {
            int64_t name = words(oh_state_text((enum oh_state)state));
            int64_t rest = position[P_SELLABLE + state];
            for (uint32_t i = 0; i < movements->count; i++) {
                const int64_t *movement = table_row(&fold->tables, TABLE_MOVEMENT, i);
                bool is_of_it = movement[4] == position[0] && movement[5] == position[1] && movement[6] == name;
                rest -= is_of_it ? movement[8] : 0;
            }
            if (rest != 0)
                put(fold, TABLE_OPENING, (const int64_t[]){ position[0], position[1], name, rest });
        }
    }
}

static void names_adopt(const struct tables *tables, enum table_id id, int64_t *names)
{
    for (uint32_t row = 0; row < tables->tables[id].count; row++) {
        const int64_t *cells = table_row(tables, id, row);
        if (tables->tables[id].is_there[row])
            names[cells[1]] = cells[0];
    }
}

void projected_fold_adopt(struct projected_fold *fold, const struct tables *tables, uint64_t seq, int64_t at_us,
                          uint64_t movements, uint64_t imports)
{
    tables_fini(&fold->tables);
    projected_fold_init(fold);
    tables_copy(tables, &fold->tables);
    fold->seq = seq;
    fold->at_us = at_us;
    fold->movements = movements;
    fold->imports = imports;
    names_adopt(tables, TABLE_NODE, fold->nodes);
    names_adopt(tables, TABLE_ITEM, fold->items);
    names_adopt(tables, TABLE_GROUP, fold->groups);
    names_adopt(tables, TABLE_CHANNEL, fold->channels);
}
