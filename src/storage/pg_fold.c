#include "storage/pg_fold.h"
#include "base/assert.h"
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define NO_ROW UINT32_MAX
#define TEXT_SIZE_MAX ((size_t)256 << 20)

/* ---- Rows that add up -------------------------------------------------------------------------- */

/* Where a text is in fold->text, which moves when it grows. */
struct span {
    uint32_t offset;
    uint32_t size;
};

struct position_row {
    uint32_t item;
    uint16_t node;
    bool has_forgotten;
    int64_t states_milli[OH_STATE_COUNT];
    int64_t held_milli;
    int64_t confirmed_milli;
    int64_t first_movement; /* -1: none */
    uint64_t seq;
};

struct count_row {
    uint32_t item;
    uint16_t node;
    enum oh_state state;
    bool has_quantity;
    int64_t quantity_milli;
    int64_t as_of_us;
    int64_t source_seq;
    struct span source;
    uint64_t seq;
};

/* A reservation that the batch makes (is_new: these are its values), or one that it only changes. */
struct reservation_row {
    struct span id;
    struct span customer;
    struct span order;
    bool is_new;
    bool is_extended;
    enum oh_kind kind;
    uint16_t channel;
    int64_t created_at_us;
    int64_t expires_at_us;
    int64_t ended_at_us;
    int64_t stepped_at_us; /* of the last step but moves; OH_TIME_US_NONE: none */
    uint64_t made_seq;
    uint64_t seq;
    uint32_t first_claim; /* its claims of this batch, in the order they were made */
    uint32_t last_claim;
};

/* A claim: of a new reservation its values, else what is to be added to them. */
struct claim_row {
    uint32_t next;
    uint32_t line;
    uint32_t item;
    uint16_t node;
    bool is_dropped; /* moved away whole */
    bool has_moved;
    int64_t quantity_milli;
    int64_t held_milli;
    int64_t confirmed_milli;
    int64_t fulfilled_milli;
    int64_t expired_milli;
    int64_t ordinal;
    uint64_t seq;
};

/* Rows of one kind. `slots` is an index over them: open addressing, at most a quarter full; NULL: not looked for. */
struct row_list {
    size_t row_size;
    uint32_t count;
    uint32_t *slots; /* row + 1 */
    unsigned char *rows;
};

#define SLOTS_MAX (4 * OH_PG_FOLD_ROWS_MAX)
#define ROWS_OF_AN_EFFECT_MAX 8u

struct oh_pg_fold {
    struct oh_pg_sets sets;
    struct oh_effect_names names;
    struct oh_strbuf text;
    struct row_list positions;
    struct row_list counts;
    struct row_list reservations;
    struct row_list claims;
    uint32_t newest_reservation; /* most claims are of the reservation named just before them */
    uint64_t movements;
    uint64_t imports;
    bool is_snapshot;
    bool checks_made_ids;
    uint64_t claim_number; /* of a snapshot: there are fewer than places in the history before it */
};

/* What an effect is part of. */
struct moment {
    uint64_t seq;
    int64_t at_us;
    uint32_t ordinal;
};

/* Grows with history: what came later is greater. index < OH_EFFECTS_MAX, of effects as of members of a group. */
static int64_t place_in_history(uint64_t seq, uint32_t index)
{
    return (int64_t)(seq * OH_EFFECTS_MAX + index);
}

static bool list_init(struct row_list *list, size_t row_size, bool is_indexed)
{
    *list = (struct row_list){ .row_size = row_size };
    list->rows = malloc(OH_PG_FOLD_ROWS_MAX * row_size); /* touched as it fills */
    if (is_indexed)
        list->slots = calloc(SLOTS_MAX, sizeof(*list->slots));
    return list->rows != NULL && (!is_indexed || list->slots != NULL);
}

static void list_fini(struct row_list *list)
{
    free(list->rows);
    free(list->slots);
}

static void list_clear(struct row_list *list)
{
    if (list->count > 0 && list->slots != NULL)
        memset(list->slots, 0, SLOTS_MAX * sizeof(*list->slots));
    list->count = 0;
}

static void *row_at(const struct row_list *list, uint32_t row)
{
    return list->rows + (size_t)row * list->row_size;
}

static void *row_add(struct row_list *list)
{
    OH_ASSERT(list->count < OH_PG_FOLD_ROWS_MAX);
    void *row = row_at(list, list->count++);
    memset(row, 0, list->row_size);
    return row;
}

/* The slot where a search for `hash` goes on from `slot`; begin with hash % SLOTS_MAX. */
static uint32_t slot_next(uint32_t slot)
{
    return (slot + 1) % SLOTS_MAX;
}

static uint32_t place_slot(uint32_t item, uint16_t node, unsigned state)
{
    uint64_t key = ((uint64_t)item << 19 | (uint64_t)node << 3 | state) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(key >> 40) % SLOTS_MAX;
}

static struct position_row *position_row(struct oh_pg_fold *fold, uint32_t item, uint16_t node, uint64_t seq)
{
    struct row_list *list = &fold->positions;
    uint32_t slot = place_slot(item, node, 0);
    for (; list->slots[slot] != 0; slot = slot_next(slot)) {
        struct position_row *row = row_at(list, list->slots[slot] - 1);
        if (row->item == item && row->node == node) {
            row->seq = seq;
            return row;
        }
    }
    struct position_row *row = row_add(list);
    list->slots[slot] = list->count;
    row->item = item;
    row->node = node;
    row->first_movement = -1;
    row->seq = seq;
    return row;
}

static struct count_row *count_row(struct oh_pg_fold *fold, uint32_t item, uint16_t node, enum oh_state state)
{
    struct row_list *list = &fold->counts;
    uint32_t slot = place_slot(item, node, state);
    for (; list->slots[slot] != 0; slot = slot_next(slot)) {
        struct count_row *row = row_at(list, list->slots[slot] - 1);
        if (row->item == item && row->node == node && row->state == state)
            return row;
    }
    struct count_row *row = row_add(list);
    list->slots[slot] = list->count;
    row->item = item;
    row->node = node;
    row->state = state;
    return row;
}

static struct oh_bytes text_at(const struct oh_pg_fold *fold, struct span span)
{
    return (struct oh_bytes){ fold->text.data + span.offset, span.size };
}

static struct span text_put(struct oh_pg_fold *fold, struct oh_bytes text)
{
    struct span span = { (uint32_t)fold->text.size, (uint32_t)text.size };
    oh_strbuf_put_bytes(&fold->text, text);
    return span;
}

/* The reservation of that id in this batch; one that is not there yet is taken to be in the table. */
static struct reservation_row *reservation_row(struct oh_pg_fold *fold, struct oh_bytes id, bool *out_is_known)
{
    struct row_list *list = &fold->reservations;
    uint32_t slot = (uint32_t)XXH3_64bits(id.data, id.size) % SLOTS_MAX;
    for (; list->slots[slot] != 0; slot = slot_next(slot)) {
        struct reservation_row *row = row_at(list, list->slots[slot] - 1);
        if (oh_bytes_equal(text_at(fold, row->id), id)) {
            *out_is_known = true;
            return row;
        }
    }
    struct reservation_row *row = row_add(list);
    list->slots[slot] = list->count;
    *row = (struct reservation_row){ .id = text_put(fold, id),
                                     .ended_at_us = OH_TIME_US_NONE,
                                     .stepped_at_us = OH_TIME_US_NONE,
                                     .first_claim = NO_ROW,
                                     .last_claim = NO_ROW };
    *out_is_known = false;
    return row;
}

static struct claim_row *claim_find(const struct oh_pg_fold *fold, const struct reservation_row *reservation,
                                    uint32_t line, uint32_t item, uint16_t node)
{
    for (uint32_t i = reservation->first_claim; i != NO_ROW;) {
        struct claim_row *row = row_at(&fold->claims, i);
        if (row->line == line && row->item == item && row->node == node && !row->is_dropped)
            return row;
        i = row->next;
    }
    return NULL;
}

static struct claim_row *claim_add(struct oh_pg_fold *fold, struct reservation_row *reservation, uint32_t line,
                                   uint32_t item, uint16_t node, struct moment moment)
{
    struct claim_row *row = row_add(&fold->claims);
    uint32_t at = fold->claims.count - 1;
    if (reservation->last_claim == NO_ROW)
        reservation->first_claim = at;
    else
        ((struct claim_row *)row_at(&fold->claims, reservation->last_claim))->next = at;
    reservation->last_claim = at;
    row->next = NO_ROW;
    row->line = line;
    row->item = item;
    row->node = node;
    row->ordinal = fold->is_snapshot ? (int64_t)++fold->claim_number : place_in_history(moment.seq, moment.ordinal);
    return row;
}

/* ---- Life -------------------------------------------------------------------------------------- */

enum oh_err oh_pg_fold_create(struct oh_pg_fold **out_fold)
{
    struct oh_pg_fold *fold = calloc(1, sizeof(*fold));
    if (fold == NULL)
        return OH_E_NOMEM;
    oh_effect_names_init(&fold->names);
    oh_strbuf_init(&fold->text, TEXT_SIZE_MAX);
    bool is_complete = list_init(&fold->positions, sizeof(struct position_row), true);
    is_complete = list_init(&fold->counts, sizeof(struct count_row), true) && is_complete;
    is_complete = list_init(&fold->reservations, sizeof(struct reservation_row), true) && is_complete;
    is_complete = list_init(&fold->claims, sizeof(struct claim_row), false) && is_complete;
    is_complete = oh_pg_sets_init(&fold->sets) == OH_OK && is_complete;
    *out_fold = fold;
    if (!is_complete)
        oh_pg_fold_destroy(out_fold);
    return is_complete ? OH_OK : OH_E_NOMEM;
}

void oh_pg_fold_destroy(struct oh_pg_fold **fold)
{
    struct oh_pg_fold *doomed = *fold;
    *fold = NULL;
    if (doomed == NULL)
        return;
    oh_effect_names_fini(&doomed->names);
    oh_strbuf_fini(&doomed->text);
    list_fini(&doomed->positions);
    list_fini(&doomed->counts);
    list_fini(&doomed->reservations);
    list_fini(&doomed->claims);
    oh_pg_sets_fini(&doomed->sets);
    free(doomed);
}

static void rows_clear(struct oh_pg_fold *fold)
{
    list_clear(&fold->positions);
    list_clear(&fold->counts);
    list_clear(&fold->reservations);
    list_clear(&fold->claims);
    oh_strbuf_clear(&fold->text);
}

void oh_pg_fold_reset(struct oh_pg_fold *fold, uint64_t movements, uint64_t imports, bool is_snapshot)
{
    fold->is_snapshot = is_snapshot;
    fold->claim_number = 0;
    rows_clear(fold);
    oh_pg_sets_clear(&fold->sets);
    oh_effect_names_fini(&fold->names);
    oh_effect_names_init(&fold->names);
    fold->movements = movements;
    fold->imports = imports;
}

struct oh_effect_names *oh_pg_fold_names(struct oh_pg_fold *fold)
{
    return &fold->names;
}

void oh_pg_fold_check_made_ids(struct oh_pg_fold *fold, bool is_on)
{
    fold->checks_made_ids = is_on;
}

void oh_pg_fold_set_counts(struct oh_pg_fold *fold, uint64_t movements, uint64_t imports)
{
    fold->movements = movements;
    fold->imports = imports;
}

uint64_t oh_pg_fold_movements(const struct oh_pg_fold *fold)
{
    return fold->movements;
}

uint64_t oh_pg_fold_imports(const struct oh_pg_fold *fold)
{
    return fold->imports;
}

/* ---- Names ------------------------------------------------------------------------------------- */

static struct oh_bytes sku_of(const struct oh_pg_fold *fold, uint32_t item)
{
    return oh_effect_name(&fold->names, &fold->names.items, item);
}

static struct oh_bytes node_of(const struct oh_pg_fold *fold, uint16_t node)
{
    return node == OH_NODE_NONE ? OH_BYTES_NONE : oh_effect_name(&fold->names, &fold->names.nodes, node);
}

static struct oh_bytes group_of(const struct oh_pg_fold *fold, uint16_t group)
{
    return oh_effect_name(&fold->names, &fold->names.groups, group);
}

static struct oh_bytes channel_of(const struct oh_pg_fold *fold, uint16_t channel)
{
    return channel == OH_NODE_NONE ? OH_BYTES_NONE : oh_effect_name(&fold->names, &fold->names.channels, channel);
}

static bool place_is_known(const struct oh_pg_fold *fold, uint32_t item, uint16_t node)
{
    return sku_of(fold, item).size > 0 && (node == OH_NODE_NONE || node_of(fold, node).size > 0);
}

/* ---- Reference data ---------------------------------------------------------------------------- */

static enum oh_err node_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_node *effect)
{
    const struct oh_node_command *value = &effect->value;
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_NODES);
    oh_pg_array_put_text(columns++, value->node);
    oh_pg_array_put_i32(columns++, effect->index);
    oh_pg_array_put_text(columns++, oh_bytes_of(oh_node_type_text(value->type)));
    oh_pg_array_put_text(columns++, value->name);
    oh_pg_array_put_text(columns++, value->gln);
    oh_pg_array_put_text(columns++, value->country);
    oh_pg_array_put_text(columns++, value->time_zone);
    oh_pg_array_put_text(columns++, value->city);
    oh_pg_array_put_text(columns++, value->region);
    oh_pg_array_put_text(columns++, value->postal_code);
    if (value->has_point) {
        oh_pg_array_put_f64(columns++, value->point.latitude);
        oh_pg_array_put_f64(columns++, value->point.longitude);
    } else {
        oh_pg_array_put_null(columns++);
        oh_pg_array_put_null(columns++);
    }
    oh_pg_array_put_bool(columns++, value->ships);
    oh_pg_array_put_bool(columns++, value->collects);
    oh_pg_array_put_bool(columns++, value->enabled);
    oh_pg_array_put_i64(columns++, (int64_t)moment.seq);
    return OH_OK;
}

static enum oh_err item_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_item *effect)
{
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_ITEMS);
    oh_pg_array_put_text(columns++, effect->value.sku);
    oh_pg_array_put_i32(columns++, (int32_t)effect->index);
    oh_pg_array_put_text(columns++, effect->value.name);
    oh_pg_array_put_text(columns++, effect->value.gtin);
    oh_pg_array_put_i64(columns++, (int64_t)moment.seq);
    return OH_OK;
}

static enum oh_err member_put(struct oh_pg_fold *fold, uint16_t group, uint16_t node, int32_t priority, int64_t ordinal)
{
    if (group_of(fold, group).size == 0 || node_of(fold, node).size == 0)
        return OH_E_CORRUPT;
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_GROUP_MEMBERS);
    oh_pg_array_put_text(columns++, group_of(fold, group));
    oh_pg_array_put_text(columns++, node_of(fold, node));
    oh_pg_array_put_i32(columns++, priority);
    oh_pg_array_put_i64(columns++, ordinal);
    return OH_OK;
}

static enum oh_err group_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_group *effect)
{
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_GROUPS);
    oh_pg_array_put_text(columns++, effect->group);
    oh_pg_array_put_i32(columns++, effect->index);
    oh_pg_array_put_text(columns++, effect->name);
    oh_pg_array_put_i64(columns++, (int64_t)moment.seq);
    enum oh_err err = OH_OK;
    for (uint32_t i = 0; err == OH_OK && i < effect->node_count; i++)
        err = member_put(fold, effect->index, effect->nodes[i], effect->priorities[i], place_in_history(moment.seq, i));
    return err;
}

static enum oh_err group_member_fold(struct oh_pg_fold *fold, struct moment moment,
                                     const struct oh_effect_group_member *effect)
{
    return member_put(fold, effect->group, effect->node, effect->priority,
                      place_in_history(moment.seq, moment.ordinal));
}

static enum oh_err channel_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_channel *effect)
{
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_CHANNELS);
    oh_pg_array_put_text(columns++, effect->channel);
    oh_pg_array_put_i32(columns++, effect->index);
    oh_pg_array_put_text(columns++, effect->name);
    oh_pg_array_put_text(columns++, oh_bytes_of(oh_policy_text(effect->policy)));
    oh_pg_array_put_i64(columns++, (int64_t)moment.seq);
    for (uint32_t i = 0; i < effect->node_count; i++) {
        if (node_of(fold, effect->nodes[i]).size == 0)
            return OH_E_CORRUPT;
        columns = oh_pg_sets_row(&fold->sets, OH_PG_CHANNEL_NODES);
        oh_pg_array_put_text(columns++, effect->channel);
        oh_pg_array_put_i32(columns++, (int32_t)i);
        oh_pg_array_put_text(columns++, node_of(fold, effect->nodes[i]));
    }
    for (uint32_t i = 0; i < effect->group_count; i++) {
        if (group_of(fold, effect->groups[i]).size == 0)
            return OH_E_CORRUPT;
        columns = oh_pg_sets_row(&fold->sets, OH_PG_CHANNEL_GROUPS);
        oh_pg_array_put_text(columns++, effect->channel);
        oh_pg_array_put_i32(columns++, (int32_t)i);
        oh_pg_array_put_text(columns++, group_of(fold, effect->groups[i]));
    }
    return OH_OK;
}

static void said_milli(struct oh_pg_array *column, uint32_t mask, uint32_t bit, int64_t milli)
{
    if ((mask & bit) != 0)
        oh_pg_array_put_milli(column, milli);
    else
        oh_pg_array_put_null(column);
}

static void said_bool(struct oh_pg_array *column, uint32_t mask, uint32_t bit, bool value)
{
    if ((mask & bit) != 0)
        oh_pg_array_put_bool(column, value);
    else
        oh_pg_array_put_null(column);
}

static enum oh_err rule_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_rule *effect)
{
    const struct oh_rule_values *values = &effect->values;
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_RULES);
    bool is_any_item = effect->item == OH_INDEX_NONE;
    oh_pg_array_put_bool(columns++, values->mask == 0);
    oh_pg_array_put_text(columns++, effect->rule);
    oh_pg_array_put_text_or_null(columns++, is_any_item ? OH_BYTES_NONE : sku_of(fold, effect->item));
    oh_pg_array_put_text_or_null(columns++, node_of(fold, effect->node));
    oh_pg_array_put_text_or_null(columns++, channel_of(fold, effect->channel));
    said_milli(columns++, values->mask, OH_RULE_SAFETY_STOCK, values->safety_stock_milli);
    said_milli(columns++, values->mask, OH_RULE_THRESHOLD, values->threshold_milli);
    said_milli(columns++, values->mask, OH_RULE_MIN_QUANTITY, values->min_quantity_milli);
    said_milli(columns++, values->mask, OH_RULE_MAX_QUANTITY, values->max_quantity_milli);
    said_milli(columns++, values->mask, OH_RULE_INCREMENT, values->increment_milli);
    said_milli(columns++, values->mask, OH_RULE_BACKORDER_LIMIT, values->backorder_limit_milli);
    said_milli(columns++, values->mask, OH_RULE_LOW_STOCK, values->low_stock_milli);
    said_bool(columns++, values->mask, OH_RULE_PICKUP_ALLOWED, values->pickup_allowed);
    said_bool(columns++, values->mask, OH_RULE_SHIP_ALLOWED, values->ship_allowed);
    said_bool(columns++, values->mask, OH_RULE_PREORDER, values->preorder);
    oh_pg_array_put_i64(columns++, (int64_t)moment.seq);
    bool is_known = (is_any_item || sku_of(fold, effect->item).size > 0) &&
                    (effect->node == OH_NODE_NONE || node_of(fold, effect->node).size > 0) &&
                    (effect->channel == OH_NODE_NONE || channel_of(fold, effect->channel).size > 0);
    return is_known ? OH_OK : OH_E_CORRUPT;
}

/* What a fence is at is a position, as in the ledger. */
static enum oh_err fence_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_fence *effect)
{
    bool is_removed = effect->item == OH_INDEX_NONE;
    if (!is_removed &&
        (!place_is_known(fold, effect->item, effect->node) || channel_of(fold, effect->channel).size == 0))
        return OH_E_CORRUPT;
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_FENCES);
    oh_pg_array_put_bool(columns++, is_removed);
    oh_pg_array_put_text(columns++, effect->fence);
    oh_pg_array_put_text_or_null(columns++, is_removed ? OH_BYTES_NONE : sku_of(fold, effect->item));
    oh_pg_array_put_text_or_null(columns++, is_removed ? OH_BYTES_NONE : node_of(fold, effect->node));
    oh_pg_array_put_text_or_null(columns++, is_removed ? OH_BYTES_NONE : channel_of(fold, effect->channel));
    oh_pg_array_put_milli(columns++, effect->quantity_milli);
    oh_pg_array_put_text(columns++, oh_bytes_of(oh_fence_policy_text(effect->policy)));
    oh_pg_array_put_i64(columns++, (int64_t)moment.seq);
    if (!is_removed)
        (void)position_row(fold, effect->item, effect->node, moment.seq);
    return OH_OK;
}

static enum oh_err supply_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_supply *effect)
{
    bool is_removed = effect->quantity_milli == 0;
    if (!is_removed && !place_is_known(fold, effect->item, effect->node))
        return OH_E_CORRUPT;
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_SUPPLIES);
    oh_pg_array_put_bool(columns++, is_removed);
    oh_pg_array_put_text(columns++, effect->supply);
    oh_pg_array_put_text_or_null(columns++, is_removed ? OH_BYTES_NONE : sku_of(fold, effect->item));
    oh_pg_array_put_text_or_null(columns++, is_removed ? OH_BYTES_NONE : node_of(fold, effect->node));
    oh_pg_array_put_milli(columns++, effect->quantity_milli);
    oh_pg_array_put_time(columns++, is_removed ? OH_TIME_US_NONE : effect->eta_us);
    oh_pg_array_put_i64(columns++, (int64_t)moment.seq);
    if (!is_removed)
        (void)position_row(fold, effect->item, effect->node, moment.seq);
    return OH_OK;
}

static enum oh_err postal_code_fold(struct oh_pg_fold *fold, struct moment moment,
                                    const struct oh_postal_code_command *effect)
{
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_POSTAL_CODES);
    oh_pg_array_put_text(columns++, effect->country);
    oh_pg_array_put_text(columns++, effect->postal_code);
    oh_pg_array_put_text(columns++, effect->place);
    oh_pg_array_put_f64(columns++, effect->point.latitude);
    oh_pg_array_put_f64(columns++, effect->point.longitude);
    oh_pg_array_put_i64(columns++, (int64_t)moment.seq);
    return OH_OK;
}

static enum oh_err import_fold(struct oh_pg_fold *fold, const struct oh_effect_import *effect)
{
    uint64_t number = effect->number != 0 ? effect->number : fold->imports + 1;
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_IMPORTS);
    oh_pg_array_put_text(columns++, effect->import);
    oh_pg_array_put_i64(columns++, (int64_t)effect->row_count);
    oh_pg_array_put_i64(columns++, (int64_t)effect->rejected_count);
    oh_pg_array_put_i64(columns++, (int64_t)number);
    if (number > fold->imports)
        fold->imports = number;
    return OH_OK;
}

/* ---- Stock ------------------------------------------------------------------------------------- */

/* A row of onhand.movement. told: what the source said; quantity: what came of it. number -1: none. */
struct movement {
    uint32_t item;
    uint16_t node;
    enum oh_state state;
    const char *kind;
    int64_t at_us;
    int64_t told_milli;
    int64_t quantity_milli;
    int64_t number;
    struct oh_bytes source;
    struct oh_bytes reason; /* data NULL: none, which is not the same as an empty one */
    struct oh_bytes reservation;
    uint32_t line;
};

static void movement_put(struct oh_pg_fold *fold, struct moment moment, const struct movement *movement)
{
    struct oh_strbuf *out = oh_pg_sets_stream_row(&fold->sets, OH_PG_MOVEMENTS);
    oh_pg_put_i64(out, (int64_t)moment.seq);
    oh_pg_put_i32(out, (int32_t)moment.ordinal);
    oh_pg_put_time(out, moment.at_us);
    oh_pg_put_time(out, movement->at_us);
    oh_pg_put_text(out, sku_of(fold, movement->item));
    oh_pg_put_text(out, node_of(fold, movement->node));
    oh_pg_put_text(out, oh_bytes_of(oh_state_text(movement->state)));
    oh_pg_put_text(out, oh_bytes_of(movement->kind));
    oh_pg_put_milli(out, movement->quantity_milli);
    oh_pg_put_milli(out, movement->told_milli);
    if (movement->number >= 0)
        oh_pg_put_i64(out, movement->number);
    else
        oh_pg_put_null(out);
    oh_pg_put_text_or_null(out, movement->source);
    if (movement->reason.data != NULL)
        oh_pg_put_text(out, movement->reason);
    else
        oh_pg_put_null(out);
    oh_pg_put_text_or_null(out, movement->reservation);
    if (movement->line > 0)
        oh_pg_put_i32(out, (int32_t)movement->line);
    else
        oh_pg_put_null(out);
}

static void position_number(struct position_row *position, int64_t number)
{
    if (position->first_movement < 0 || number < position->first_movement)
        position->first_movement = number;
}

static enum oh_err movement_fold(struct oh_pg_fold *fold, struct moment moment,
                                 const struct oh_effect_movement *effect)
{
    if (!place_is_known(fold, effect->item, effect->node))
        return OH_E_CORRUPT;
    struct position_row *position = position_row(fold, effect->item, effect->node, moment.seq);
    struct movement movement = {
        .item = effect->item,
        .node = effect->node,
        .state = effect->state,
        .kind = "adjust",
        .at_us = effect->at_us,
        .told_milli = effect->quantity_milli,
        .number = -1,
        .source = effect->source,
        .reason = effect->reason.size > 0 ? effect->reason : OH_BYTES(""),
    };
    if (!effect->is_counted) {
        movement.quantity_milli = effect->quantity_milli;
        movement.number = (int64_t)fold->movements++;
        position->states_milli[effect->state] += effect->quantity_milli;
        position_number(position, movement.number);
    }
    movement_put(fold, moment, &movement);
    return OH_OK;
}

static enum oh_err count_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_count *effect)
{
    if (!place_is_known(fold, effect->item, effect->node))
        return OH_E_CORRUPT;
    position_row(fold, effect->item, effect->node, moment.seq)->states_milli[effect->state] += effect->delta_milli;
    struct count_row *count = count_row(fold, effect->item, effect->node, effect->state);
    count->has_quantity = true;
    count->quantity_milli = effect->quantity_milli;
    count->as_of_us = effect->as_of_us;
    count->source_seq = effect->source_seq;
    count->source = text_put(fold, effect->source);
    count->seq = moment.seq;
    movement_put(fold, moment,
                 &(struct movement){ .item = effect->item,
                                     .node = effect->node,
                                     .state = effect->state,
                                     .kind = "count",
                                     .at_us = effect->as_of_us,
                                     .told_milli = effect->quantity_milli,
                                     .quantity_milli = effect->delta_milli,
                                     .number = -1,
                                     .source = effect->source });
    return OH_OK;
}

static enum oh_err position_fold(struct oh_pg_fold *fold, struct moment moment,
                                 const struct oh_effect_position *object)
{
    if (!place_is_known(fold, object->item, object->node))
        return OH_E_CORRUPT;
    struct position_row *position = position_row(fold, object->item, object->node, moment.seq);
    position->has_forgotten = object->has_forgotten;
    for (unsigned state = 0; state < OH_STATE_COUNT; state++) {
        position->states_milli[state] += object->states[state].quantity_milli;
        if (object->states[state].as_of_us == OH_TIME_US_NONE)
            continue;
        struct count_row *count = count_row(fold, object->item, object->node, (enum oh_state)state);
        count->as_of_us = object->states[state].as_of_us;
        count->source_seq = object->states[state].source_seq;
    }
    return OH_OK;
}

/* A movement of before: its change is in the position already. */
static enum oh_err remembered_fold(struct oh_pg_fold *fold, struct moment moment,
                                   const struct oh_effect_remembered *object)
{
    if (!place_is_known(fold, object->item, object->node))
        return OH_E_CORRUPT;
    position_number(position_row(fold, object->item, object->node, moment.seq), (int64_t)object->number);
    movement_put(fold, moment,
                 &(struct movement){ .item = object->item,
                                     .node = object->node,
                                     .state = object->state,
                                     .kind = "adjust",
                                     .at_us = object->at_us,
                                     .told_milli = object->quantity_milli,
                                     .quantity_milli = object->quantity_milli,
                                     .number = (int64_t)object->number });
    return OH_OK;
}

/* ---- Reservations ------------------------------------------------------------------------------ */

/* A row of onhand.reservation_event. line 0: of the whole reservation. */
struct event {
    struct oh_bytes reservation;
    const char *event;
    uint32_t line;
    uint32_t item;
    uint16_t node;
    int64_t quantity_milli;
    int64_t held_milli;
    int64_t confirmed_milli;
    int64_t expires_at_us;
};

static void event_put(struct oh_pg_fold *fold, struct moment moment, const struct event *event)
{
    struct oh_strbuf *out = oh_pg_sets_stream_row(&fold->sets, OH_PG_EVENTS);
    oh_pg_put_i64(out, (int64_t)moment.seq);
    oh_pg_put_i32(out, (int32_t)moment.ordinal);
    oh_pg_put_time(out, moment.at_us);
    oh_pg_put_text(out, event->reservation);
    if (event->line > 0) {
        oh_pg_put_i32(out, (int32_t)event->line);
        oh_pg_put_text(out, sku_of(fold, event->item));
        oh_pg_put_text_or_null(out, node_of(fold, event->node));
    } else {
        oh_pg_put_null(out);
        oh_pg_put_null(out);
        oh_pg_put_null(out);
    }
    oh_pg_put_text(out, oh_bytes_of(event->event));
    if (event->line > 0)
        oh_pg_put_milli(out, event->quantity_milli);
    else
        oh_pg_put_null(out);
    oh_pg_put_milli(out, event->held_milli);
    oh_pg_put_milli(out, event->confirmed_milli);
    oh_pg_put_time(out, event->expires_at_us);
}

/* Whether the ledger has made the id, of the record's seq: "r4711", "r4711-2". */
static bool id_is_of_record(struct oh_bytes id, uint64_t seq)
{
    size_t at = 1;
    uint64_t number = 0;
    if (id.size < 2 || id.data[0] != 'r' || id.data[1] == '0')
        return false;
    for (; at < id.size && id.data[at] >= '0' && id.data[at] <= '9'; at++)
        number = number * 10 + (uint64_t)(id.data[at] - '0');
    return number == seq && (at == id.size || id.data[at] == '-');
}

static enum oh_err reservation_fold(struct oh_pg_fold *fold, struct moment moment,
                                    const struct oh_effect_reservation *effect)
{
    bool is_known;
    struct reservation_row *row = reservation_row(fold, effect->id, &is_known);
    if (is_known)
        return OH_E_FULL; /* an id that comes back in the very batch that knew it: the older one first */
    if (effect->channel != OH_NODE_NONE && channel_of(fold, effect->channel).size == 0)
        return OH_E_CORRUPT;
    row->is_new = true;
    row->customer = text_put(fold, effect->customer);
    row->order = text_put(fold, effect->order);
    row->kind = effect->kind;
    row->channel = effect->channel;
    row->created_at_us = effect->created_at_us;
    row->expires_at_us = effect->expires_at_us;
    row->ended_at_us = effect->ended_at_us;
    row->made_seq = moment.seq;
    row->seq = moment.seq;
    fold->newest_reservation = fold->reservations.count - 1;
    if (fold->checks_made_ids || !id_is_of_record(effect->id, moment.seq))
        oh_pg_array_put_text(oh_pg_sets_row(&fold->sets, OH_PG_REPLACED), effect->id);
    return OH_OK;
}

static struct reservation_row *reservation_of_claim(struct oh_pg_fold *fold, struct oh_bytes id)
{
    if (fold->newest_reservation < fold->reservations.count) {
        struct reservation_row *newest = row_at(&fold->reservations, fold->newest_reservation);
        if (oh_bytes_equal(text_at(fold, newest->id), id))
            return newest;
    }
    bool is_known;
    return reservation_row(fold, id, &is_known);
}

/* A claim on what the line has at the node already is added to it; one that moved away whole begins anew. */
static enum oh_err claim_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_claim *effect)
{
    if (!place_is_known(fold, effect->item, effect->node))
        return OH_E_CORRUPT;
    struct reservation_row *reservation = reservation_of_claim(fold, effect->id);
    struct claim_row *claim = claim_find(fold, reservation, effect->line, effect->item, effect->node);
    if (claim != NULL && claim->has_moved && !reservation->is_new)
        return OH_E_FULL; /* whether it moved away whole is for the table to say */
    if (claim == NULL)
        claim = claim_add(fold, reservation, effect->line, effect->item, effect->node, moment);
    claim->quantity_milli += effect->quantity_milli;
    claim->held_milli += effect->held_milli;
    claim->confirmed_milli += effect->confirmed_milli;
    claim->fulfilled_milli += effect->fulfilled_milli;
    claim->expired_milli += effect->expired_milli;
    claim->seq = moment.seq;
    reservation->seq = moment.seq;
    if (effect->node != OH_NODE_NONE) {
        struct position_row *position = position_row(fold, effect->item, effect->node, moment.seq);
        position->held_milli += effect->held_milli;
        position->confirmed_milli += effect->confirmed_milli;
    }
    event_put(fold, moment,
              &(struct event){ .reservation = text_at(fold, reservation->id),
                               .event = effect->node == OH_NODE_NONE ? "short" : "claim",
                               .line = effect->line,
                               .item = effect->item,
                               .node = effect->node,
                               .quantity_milli = effect->quantity_milli,
                               .held_milli = effect->held_milli,
                               .confirmed_milli = effect->confirmed_milli,
                               .expires_at_us = OH_TIME_US_NONE });
    return OH_OK;
}

static bool reservation_is_live(const struct oh_pg_fold *fold, const struct reservation_row *reservation)
{
    for (uint32_t i = reservation->first_claim; i != NO_ROW;) {
        const struct claim_row *claim = row_at(&fold->claims, i);
        if (!claim->is_dropped && claim->held_milli + claim->confirmed_milli > 0)
            return true;
        i = claim->next;
    }
    return false;
}

/* Of a new reservation everything is known here; of an older one the statement finds out (pg_sets.c). */
static void reservation_step(struct oh_pg_fold *fold, struct reservation_row *reservation, struct moment moment,
                             bool is_move)
{
    reservation->seq = moment.seq;
    if (is_move)
        return;
    reservation->stepped_at_us = moment.at_us;
    if (reservation->is_new && reservation->ended_at_us == OH_TIME_US_NONE && !reservation_is_live(fold, reservation))
        reservation->ended_at_us = moment.at_us;
}

static void fulfil_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_step *effect,
                        struct oh_bytes reservation)
{
    struct position_row *position = position_row(fold, effect->item, effect->node, moment.seq);
    struct movement movement = {
        .item = effect->item,
        .node = effect->node,
        .state = OH_STATE_SELLABLE,
        .kind = "fulfil",
        .at_us = effect->at_us,
        .told_milli = -effect->quantity_milli,
        .number = -1,
        .reservation = reservation,
        .line = effect->line,
    };
    if (!effect->is_counted) {
        movement.quantity_milli = -effect->quantity_milli;
        movement.number = (int64_t)fold->movements++;
        position->states_milli[OH_STATE_SELLABLE] -= effect->quantity_milli;
        position_number(position, movement.number);
    }
    movement_put(fold, moment, &movement);
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_FENCE_USES);
    oh_pg_array_put_text(columns++, reservation);
    oh_pg_array_put_text(columns++, sku_of(fold, effect->item));
    oh_pg_array_put_text(columns++, node_of(fold, effect->node));
    oh_pg_array_put_milli(columns++, effect->quantity_milli);
    oh_pg_array_put_i64(columns++, (int64_t)moment.seq);
}

static enum oh_err step_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_step *effect)
{
    bool is_known;
    if (!place_is_known(fold, effect->item, effect->node) || effect->node == OH_NODE_NONE)
        return OH_E_CORRUPT;
    struct reservation_row *reservation = reservation_row(fold, effect->id, &is_known);
    struct claim_row *claim = claim_find(fold, reservation, effect->line, effect->item, effect->node);
    if (claim == NULL && reservation->is_new)
        return OH_E_CORRUPT;
    if (claim == NULL)
        claim = claim_add(fold, reservation, effect->line, effect->item, effect->node, moment);
    int64_t quantity = effect->quantity_milli;
    bool takes_held = effect->is_held || effect->step == OH_STEP_CONFIRM || effect->step == OH_STEP_EXPIRE;
    int64_t held = takes_held ? -quantity : 0;
    int64_t confirmed = effect->step == OH_STEP_CONFIRM ? quantity : takes_held ? 0 : -quantity;
    claim->held_milli += held;
    claim->confirmed_milli += confirmed;
    claim->seq = moment.seq;
    if (effect->step == OH_STEP_EXPIRE)
        claim->expired_milli += quantity;
    if (effect->step == OH_STEP_FULFIL)
        claim->fulfilled_milli += quantity;
    if (effect->step == OH_STEP_MOVE) {
        claim->has_moved = true;
        claim->quantity_milli -= quantity;
        claim->is_dropped = reservation->is_new && claim->quantity_milli == 0;
    }
    struct position_row *position = position_row(fold, effect->item, effect->node, moment.seq);
    position->held_milli += held;
    position->confirmed_milli += confirmed;
    reservation_step(fold, reservation, moment, effect->step == OH_STEP_MOVE);
    event_put(fold, moment,
              &(struct event){ .reservation = text_at(fold, reservation->id),
                               .event = oh_step_text(effect->step),
                               .line = effect->line,
                               .item = effect->item,
                               .node = effect->node,
                               .quantity_milli = quantity,
                               .held_milli = held,
                               .confirmed_milli = confirmed,
                               .expires_at_us = OH_TIME_US_NONE });
    if (effect->step == OH_STEP_FULFIL)
        fulfil_fold(fold, moment, effect, text_at(fold, reservation->id));
    return OH_OK;
}

static enum oh_err extend_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_extend *effect)
{
    bool is_known;
    struct reservation_row *reservation = reservation_row(fold, effect->id, &is_known);
    reservation->is_extended = true;
    reservation->expires_at_us = effect->expires_at_us;
    reservation->seq = moment.seq;
    event_put(fold, moment,
              &(struct event){ .reservation = text_at(fold, reservation->id),
                               .event = "extend",
                               .expires_at_us = effect->expires_at_us });
    return OH_OK;
}

static enum oh_err key_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect_key *effect)
{
    struct oh_strbuf *out = oh_pg_sets_stream_row(&fold->sets, OH_PG_KEYS);
    oh_pg_put_i64(out, (int64_t)moment.seq);
    oh_pg_put_i32(out, (int32_t)moment.ordinal);
    oh_pg_put_time(out, effect->at_us);
    oh_pg_put_i64(out, (int64_t)effect->seq);
    oh_pg_put_i64(out, (int64_t)effect->fingerprint);
    oh_pg_put_text(out, effect->key);
    oh_pg_put_text(out, effect->answer);
    return OH_OK;
}

/* ---- One effect -------------------------------------------------------------------------------- */

static bool rows_are_full(const struct oh_pg_fold *fold)
{
    uint32_t most = OH_PG_FOLD_ROWS_MAX - ROWS_OF_AN_EFFECT_MAX;
    return fold->positions.count > most || fold->counts.count > most || fold->reservations.count > most ||
           fold->claims.count > most;
}

/*
 * Statements of a set run one set after the other, whatever the order of the effects. Where that order matters, the
 * batch is sent before: a group or channel that is replaced in the batch that wrote it; a fence that is set after
 * goods have left, which use it.
 */
static bool has_to_wait(const struct oh_pg_fold *fold, const struct oh_effect *effect)
{
    const struct oh_pg_rows *rows = fold->sets.rows;
    if (effect->type == OH_EFFECT_GROUP)
        return rows[OH_PG_GROUPS].count + rows[OH_PG_GROUP_MEMBERS].count > 0 &&
               group_of(fold, effect->group.index).size > 0;
    if (effect->type == OH_EFFECT_CHANNEL)
        return rows[OH_PG_CHANNELS].count > 0 && channel_of(fold, effect->channel.index).size > 0;
    return effect->type == OH_EFFECT_FENCE && rows[OH_PG_FENCE_USES].count > 0;
}

static enum oh_err effect_fold(struct oh_pg_fold *fold, struct moment moment, const struct oh_effect *effect)
{
    switch (effect->type) {
    case OH_EFFECT_NODE:
        return node_fold(fold, moment, &effect->node);
    case OH_EFFECT_ITEM:
        return item_fold(fold, moment, &effect->item);
    case OH_EFFECT_GROUP:
        return group_fold(fold, moment, &effect->group);
    case OH_EFFECT_GROUP_MEMBER:
        return group_member_fold(fold, moment, &effect->group_member);
    case OH_EFFECT_CHANNEL:
        return channel_fold(fold, moment, &effect->channel);
    case OH_EFFECT_RULE:
        return rule_fold(fold, moment, &effect->rule);
    case OH_EFFECT_FENCE:
        return fence_fold(fold, moment, &effect->fence);
    case OH_EFFECT_SUPPLY:
        return supply_fold(fold, moment, &effect->supply);
    case OH_EFFECT_POSTAL_CODE:
        return postal_code_fold(fold, moment, &effect->postal_code);
    case OH_EFFECT_MOVEMENT:
        return movement_fold(fold, moment, &effect->movement);
    case OH_EFFECT_COUNT:
        return count_fold(fold, moment, &effect->count);
    case OH_EFFECT_RESERVATION:
        return reservation_fold(fold, moment, &effect->reservation);
    case OH_EFFECT_CLAIM:
        return claim_fold(fold, moment, &effect->claim);
    case OH_EFFECT_STEP:
        return step_fold(fold, moment, &effect->step);
    case OH_EFFECT_EXTEND:
        return extend_fold(fold, moment, &effect->extend);
    case OH_EFFECT_KEY:
        return key_fold(fold, moment, &effect->key);
    case OH_EFFECT_IMPORT:
        return import_fold(fold, &effect->import);
    case OH_EFFECT_POSITION:
        return position_fold(fold, moment, &effect->position);
    case OH_EFFECT_REMEMBERED:
        return remembered_fold(fold, moment, &effect->remembered);
    case OH_EFFECT_HEAD:
        return OH_OK; /* its reader has used it */
    }
    return OH_E_CORRUPT;
}

enum oh_err oh_pg_fold_effect(struct oh_pg_fold *fold, uint64_t seq, int64_t at_us, uint32_t ordinal,
                              const struct oh_effect *effect)
{
    struct moment moment = { seq, at_us, ordinal };
    if (rows_are_full(fold) || oh_pg_sets_size(&fold->sets) > OH_PG_FOLD_SIZE_MAX || has_to_wait(fold, effect))
        return OH_E_FULL;
    enum oh_err err = oh_effect_names_learn(&fold->names, effect);
    if (err == OH_OK)
        err = effect_fold(fold, moment, effect);
    if (err == OH_OK && fold->text.is_overflowed)
        err = OH_E_NOMEM;
    return err;
}

/* ---- Sending ----------------------------------------------------------------------------------- */

static enum oh_status status_of(const struct oh_pg_fold *fold, const struct reservation_row *reservation)
{
    bool has[4] = { false, false, false, false };
    for (uint32_t i = reservation->first_claim; i != NO_ROW;) {
        const struct claim_row *claim = row_at(&fold->claims, i);
        has[0] = has[0] || (!claim->is_dropped && claim->held_milli > 0);
        has[1] = has[1] || (!claim->is_dropped && claim->confirmed_milli > 0);
        has[2] = has[2] || (!claim->is_dropped && claim->fulfilled_milli > 0);
        has[3] = has[3] || (!claim->is_dropped && claim->expired_milli > 0);
        i = claim->next;
    }
    return has[0]   ? OH_STATUS_HELD
           : has[1] ? OH_STATUS_CONFIRMED
           : has[2] ? OH_STATUS_FULFILLED
           : has[3] ? OH_STATUS_EXPIRED
                    : OH_STATUS_RELEASED;
}

static void new_reservation_put(struct oh_pg_fold *fold, const struct reservation_row *row)
{
    struct oh_strbuf *out = oh_pg_sets_stream_row(&fold->sets, OH_PG_RESERVATIONS);
    oh_pg_put_text(out, text_at(fold, row->id));
    oh_pg_put_text(out, oh_bytes_of(oh_kind_text(row->kind)));
    oh_pg_put_text_or_null(out, channel_of(fold, row->channel));
    oh_pg_put_text_or_null(out, text_at(fold, row->customer));
    oh_pg_put_text_or_null(out, text_at(fold, row->order));
    oh_pg_put_text(out, oh_bytes_of(oh_status_text(status_of(fold, row))));
    oh_pg_put_time(out, row->created_at_us);
    oh_pg_put_time(out, row->expires_at_us);
    oh_pg_put_time(out, row->ended_at_us);
    oh_pg_put_i64(out, (int64_t)row->made_seq);
    oh_pg_put_i64(out, (int64_t)row->seq);
}

static void new_claim_put(struct oh_pg_fold *fold, const struct reservation_row *reservation,
                          const struct claim_row *claim)
{
    struct oh_strbuf *out = oh_pg_sets_stream_row(&fold->sets, OH_PG_CLAIMS);
    oh_pg_put_text(out, text_at(fold, reservation->id));
    oh_pg_put_i32(out, (int32_t)claim->line);
    oh_pg_put_text(out, sku_of(fold, claim->item));
    oh_pg_put_text_or_null(out, node_of(fold, claim->node));
    oh_pg_put_milli(out, claim->quantity_milli);
    oh_pg_put_milli(out, claim->held_milli);
    oh_pg_put_milli(out, claim->confirmed_milli);
    oh_pg_put_milli(out, claim->fulfilled_milli);
    oh_pg_put_milli(out, claim->expired_milli);
    oh_pg_put_i64(out, claim->ordinal);
    oh_pg_put_i64(out, (int64_t)claim->seq);
}

static void old_reservation_put(struct oh_pg_fold *fold, const struct reservation_row *row)
{
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_STEPPED);
    oh_pg_array_put_text(columns++, text_at(fold, row->id));
    oh_pg_array_put_i64(columns++, (int64_t)row->seq);
    oh_pg_array_put_bool(columns++, row->is_extended);
    oh_pg_array_put_time(columns++, row->is_extended ? row->expires_at_us : OH_TIME_US_NONE);
    oh_pg_array_put_time(columns++, row->stepped_at_us);
}

static void old_claim_put(struct oh_pg_fold *fold, const struct reservation_row *reservation,
                          const struct claim_row *claim)
{
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_CLAIM_STEPS);
    oh_pg_array_put_text(columns++, text_at(fold, reservation->id));
    oh_pg_array_put_i32(columns++, (int32_t)claim->line);
    oh_pg_array_put_text(columns++, sku_of(fold, claim->item));
    oh_pg_array_put_text_or_null(columns++, node_of(fold, claim->node));
    oh_pg_array_put_milli(columns++, claim->quantity_milli);
    oh_pg_array_put_milli(columns++, claim->held_milli);
    oh_pg_array_put_milli(columns++, claim->confirmed_milli);
    oh_pg_array_put_milli(columns++, claim->fulfilled_milli);
    oh_pg_array_put_milli(columns++, claim->expired_milli);
    oh_pg_array_put_i64(columns++, claim->ordinal);
    oh_pg_array_put_i64(columns++, (int64_t)claim->seq);
}

static void reservations_put(struct oh_pg_fold *fold)
{
    for (uint32_t i = 0; i < fold->reservations.count; i++) {
        const struct reservation_row *reservation = row_at(&fold->reservations, i);
        if (reservation->is_new)
            new_reservation_put(fold, reservation);
        else
            old_reservation_put(fold, reservation);
        for (uint32_t at = reservation->first_claim; at != NO_ROW;) {
            const struct claim_row *claim = row_at(&fold->claims, at);
            if (!reservation->is_new)
                old_claim_put(fold, reservation, claim);
            else if (!claim->is_dropped)
                new_claim_put(fold, reservation, claim);
            at = claim->next;
        }
    }
}

/* Neighbours in the table are mostly neighbours in the ledger: changed in that order they share pages. */
static int position_compare(const void *a, const void *b)
{
    const struct position_row *left = a;
    const struct position_row *right = b;
    if (left->item != right->item)
        return left->item < right->item ? -1 : 1;
    return left->node < right->node ? -1 : left->node > right->node;
}

static bool only_claims_changed(const struct position_row *row)
{
    bool is_still = row->first_movement < 0 && !row->has_forgotten;
    for (unsigned state = 0; state < OH_STATE_COUNT; state++)
        is_still = is_still && row->states_milli[state] == 0;
    return is_still;
}

static void claimed_put(struct oh_pg_fold *fold, const struct position_row *row)
{
    struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_CLAIMED);
    oh_pg_array_put_text(columns++, sku_of(fold, row->item));
    oh_pg_array_put_text(columns++, node_of(fold, row->node));
    oh_pg_array_put_milli(columns++, row->held_milli);
    oh_pg_array_put_milli(columns++, row->confirmed_milli);
    oh_pg_array_put_i64(columns++, (int64_t)row->seq);
}

/* Also forgets where rows are: nothing may be looked for any more. */
static void positions_put(struct oh_pg_fold *fold)
{
    qsort(fold->positions.rows, fold->positions.count, sizeof(struct position_row), position_compare);
    for (uint32_t i = 0; i < fold->positions.count; i++) {
        const struct position_row *row = row_at(&fold->positions, i);
        if (only_claims_changed(row)) {
            claimed_put(fold, row);
            continue;
        }
        struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_POSITIONS);
        oh_pg_array_put_text(columns++, sku_of(fold, row->item));
        oh_pg_array_put_text(columns++, node_of(fold, row->node));
        for (unsigned state = 0; state < OH_STATE_COUNT; state++)
            oh_pg_array_put_milli(columns++, row->states_milli[state]);
        oh_pg_array_put_milli(columns++, row->held_milli);
        oh_pg_array_put_milli(columns++, row->confirmed_milli);
        oh_pg_array_put_i64(columns++, (int64_t)row->seq);
        if (row->first_movement >= 0)
            oh_pg_array_put_i64(columns++, row->first_movement);
        else
            oh_pg_array_put_null(columns++);
        oh_pg_array_put_bool(columns++, row->has_forgotten);
    }
}

static void put_i64_if(struct oh_pg_array *column, bool is_known, int64_t value)
{
    if (is_known)
        oh_pg_array_put_i64(column, value);
    else
        oh_pg_array_put_null(column);
}

static void counts_put(struct oh_pg_fold *fold)
{
    for (uint32_t i = 0; i < fold->counts.count; i++) {
        const struct count_row *row = row_at(&fold->counts, i);
        struct oh_pg_array *columns = oh_pg_sets_row(&fold->sets, OH_PG_COUNTS);
        oh_pg_array_put_text(columns++, sku_of(fold, row->item));
        oh_pg_array_put_text(columns++, node_of(fold, row->node));
        oh_pg_array_put_text(columns++, oh_bytes_of(oh_state_text(row->state)));
        oh_pg_array_put_time(columns++, row->as_of_us);
        put_i64_if(columns++, row->source_seq >= 0, row->source_seq);
        if (row->has_quantity)
            oh_pg_array_put_milli(columns++, row->quantity_milli);
        else
            oh_pg_array_put_null(columns++);
        oh_pg_array_put_text_or_null(columns++, row->has_quantity ? text_at(fold, row->source) : OH_BYTES_NONE);
        put_i64_if(columns++, row->has_quantity, (int64_t)row->seq);
    }
}

enum oh_err oh_pg_fold_send(struct oh_pg_fold *fold, struct oh_pg *pg, struct oh_diag *diag)
{
    reservations_put(fold);
    positions_put(fold);
    counts_put(fold);
    rows_clear(fold);
    return oh_pg_sets_send(&fold->sets, pg, diag);
}
